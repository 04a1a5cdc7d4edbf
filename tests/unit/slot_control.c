/* slot_control.c - lives, fences, deadlines: what slot 0 decides and what a slot's thread answers */
#include "puppet.h"

#define MS 1000000u                     /* ns of CPU time */

static bool pause_in_step, sink_pauses;
static uint32_t sunk;

static void paused_step(struct tw_ctx *cx, struct puppet *s)
{
    (void)s;
    if (!pause_in_step)
        return;
    pause_in_step = false;
    tw_progress(cx, 1);
    tw_send(cx, OUTSIDER, 7, "abandon", 8);
    box_pause();                        /* the thread stands here, inside the handler */
}

static struct box *one(void)
{
    struct box *b = puppet_box(1, 3, 8);

    puppet_add(b, 0);
    box_place(b, OUTSIDER, 1, 1, PEER_UP);
    box_start(b, 0, 0, 1, false);
    box_rounds(b, 5, 1);
    return b;
}

/* Slot 1 alone runs as a fiber. */
static void slot0_rounds(struct box *b, int rounds, uint32_t ms)
{
    for (int i = 0; i < rounds; i++) {
        box_turn(b, 0, 0);
        box_route(b);
        b->now_ms += ms;
    }
}

static struct box *in_handler(void)
{
    struct box *b = one();

    pause_in_step = true;
    script[0].step = paused_step;
    puppet_wake(b, 0);
    box_fiber(b, 0, 1);
    b->device[0].slots[1].image->again = 1;
    return b;
}

static bool over(const struct box *b) { return b->vertex[0].slot == 0; }

static void fence_in_a_handler(void)
{
    struct box *b = in_handler();
    uint64_t committed = arena_is(&b->device[0].view, 1)->committed;

    is_int((long long)arena_is(&b->device[0].view, 1)->phase, PHASE_HANDLER, "(its thread stands inside a handler)");
    box_send_slot(b, 0, CELL_SLOT_FENCE, 0, 0);
    slot0_rounds(b, 3, 1);
    ok(over(b) && b->device[0].lost[1], "a slot fenced inside a handler is given up at once");
    is_int(SLOT_END_CAUSE(b->vertex[0].end), CAUSE_OPERATOR, "with the cause it was fenced for");
    box_start(b, 0, 0, 2, true);
    box_rounds(b, 6, 1);
    ok(b->vertex[0].up, "its actor goes on in a spare slot");
    b->kept = 0;
    box_fiber(b, 0, 1);                 /* the handler returns after all */
    ok(arena_is(&b->device[0].view, 1)->state == SLOT_DEAD && arena_is(&b->device[0].view, 1)->progress == 0,
       "when the handler returns later, its call does not count");
    slot0_rounds(b, 5, 1);
    is_int((long long)b->kept, 0, "nothing it sent leaves");
    ok(arena_is(&b->device[0].view, 1)->committed == committed && b->vertex[0].up && !over(b),
       "nothing is committed, and nobody hears of it");
    box_free(b);
}

static int paused_sink(void *self, uint32_t slot)
{
    (void)self;
    (void)slot;
    if (sink_pauses) {
        sink_pauses = false;
        box_pause();                    /* the thread stands between the gate and the commit word */
    }
    return 0;
}

static const char *sink_path(void *self, uint32_t slot, const char *name)
{
    (void)self;
    (void)slot;
    return name;
}

static int counted_sink(void *self, uint32_t slot)
{
    (void)self;
    (void)slot;
    sunk++;
    return 0;
}

static void sinking_step(struct tw_ctx *cx, struct puppet *s)
{
    (void)s;
    (void)tw_sink(cx, "file");
    tw_send(cx, OUTSIDER, 7, "publish", 8);
    tw_commit(cx);
}

static void fence_while_publishing(void)
{
    struct box *b = one();
    struct slot_is *is = arena_is(&b->device[0].view, 1);
    uint64_t before = is->committed;

    b->env.sink = sink_path;
    b->env.sink_commit = paused_sink;
    sink_pauses = true;
    script[0].step = sinking_step;
    puppet_wake(b, 0);
    box_fiber(b, 0, 1);
    is_int((long long)is->phase, PHASE_PUBLISH, "(its thread stands inside a commit)");
    box_send_slot(b, 0, CELL_SLOT_FENCE, 0, 0);
    slot0_rounds(b, 20, 10);
    ok(!over(b), "a slot fenced while it publishes is not given up: its thread answers");
    box_fiber(b, 0, 1);
    box_fiber(b, 0, 1);
    slot0_rounds(b, 3, 1);
    ok(over(b) && !b->device[0].lost[1], "it answers; the slot can be used again");
    is_int((long long)is->committed, (long long)before + 1, "the commit it was in counts");
    is_int((long long)((struct commit_head *)(void *)b->vertex[0].commit)->word, (long long)before + 1,
           "and is the one its next life gets");
    is_int((long long)b->kept, 0, "no message left after the fence");
    box_start(b, 0, 0, 1, true);
    script[0].step = NULL;
    for (int i = 0; i < 20; i++) {
        slot0_rounds(b, 1, 1);
        box_fiber(b, 0, 1);
    }
    ok(b->vertex[0].up && b->kept > 0, "the next life, in the same slot, sends it");
    box_free(b);
}

static void sink_and_send(struct tw_ctx *cx, struct puppet *s)
{
    (void)s;
    (void)tw_sink(cx, "file");
    tw_send(cx, OUTSIDER, 7, "publish", 8);
}

/* Between two looks of a turn slot 0 may set the fence: each way out asks for itself. */
static void every_way_out_has_a_gate(void)
{
    struct box *b = one();
    struct slot *s = box_slot(b, 0);
    const struct lane *out = arena_lane(&b->device[0].view, 0, 1);
    uint64_t before = s->is->committed, bells = out->bell_tail;

    b->env.sink = sink_path;
    b->env.sink_commit = counted_sink;
    sunk = 0;
    script[0].step = sink_and_send;
    puppet_wake(b, 0);
    box_turn(b, 0, 1);
    ok(s->streams[0].sent == 1 && s->is->committed == before, "(it has sent and not yet committed)");
    store_fence(&s->want->fence, s->life);
    is_int(commit_write(s), TW_ESTALE, "a fenced life does not commit any more");
    is_int((long long)s->is->committed, (long long)before, "its last commit stays the one from before");
    is_int(sunk, 0, "and its files are not renamed");
    store_fence(&s->want->fence, 0);
    ok(commit_write(s) == 0 && sunk == 1, "(unfenced it would)");
    streams_committed(s);
    store_fence(&s->want->fence, s->life);
    streams_pump(s);
    is_int((long long)out->bell_tail, (long long)bells, "what it has committed does not leave past the fence either");
    store_fence(&s->want->fence, 0);
    streams_pump(s);
    is_int((long long)out->bell_tail, (long long)bells + 1, "(unfenced it would)");
    box_free(b);
}

static void wedged_is_cpu_time(void)
{
    struct box *b = in_handler();

    b->device[0].cpu_ns[1] = 5000 * MS;
    slot0_rounds(b, 1, 1);
    b->device[0].cpu_ns[1] += 30 * MS;
    slot0_rounds(b, 20, 50);            /* 1 s of wall time, deadline 100 ms, 30 ms of CPU */
    ok(!over(b), "a second of wall time in which its thread hardly ran is not a wedge");
    b->device[0].cpu_ns[1] += 60 * MS;
    slot0_rounds(b, 2, 1);
    ok(!over(b), "nor is less CPU time than its deadline");
    b->device[0].cpu_ns[1] += 20 * MS;
    slot0_rounds(b, 2, 1);
    ok(over(b) && SLOT_END_CAUSE(b->vertex[0].end) == CAUSE_WEDGED, "its deadline of CPU time is");
    box_free(b);

    b = in_handler();
    b->device[0].cpu_ns[1] = 5000 * MS;
    slot0_rounds(b, 190, 10);
    ok(!over(b), "1.9 s neither running nor beating is not yet a wedge");
    slot0_rounds(b, 30, 10);
    ok(over(b), "2 s is: it is blocked in a call");
    box_free(b);
}

static void a_gap_restarts_the_watch(void)
{
    struct box *b = in_handler();

    b->device[0].cpu_ns[1] = 5000 * MS;
    slot0_rounds(b, 100, 10);
    b->now_ms += 5000;                  /* slot 0 itself did not run (SIGSTOP, a busy host) */
    b->device[0].cpu_ns[1] += 5000 * MS;
    slot0_rounds(b, 3, 1);
    ok(!over(b), "time in which slot 0 itself did not run counts against nobody");
    b->device[0].cpu_ns[1] += 99 * MS;
    slot0_rounds(b, 3, 1);
    ok(!over(b), "the watch began again");
    b->device[0].cpu_ns[1] += 2 * MS;
    slot0_rounds(b, 3, 1);
    ok(over(b), "and ends as ever");
    box_free(b);
}

static uint32_t loops;

static void looping_step(struct tw_ctx *cx, struct puppet *s)
{
    (void)s;
    for (; loops > 0; loops--) {
        if (tw_checkpoint(cx)) {
            tw_log(cx, 99, loops, 0);
            return;
        }
        box_pause();
    }
}

static void checkpoints_show_life(void)
{
    struct box *b = one();

    loops = 50;
    script[0].step = looping_step;
    puppet_wake(b, 0);
    for (int i = 0; i < 20; i++) {
        box_fiber(b, 0, 1);
        b->device[0].cpu_ns[1] += 90 * MS;
        slot0_rounds(b, 2, 1);
    }
    ok(!over(b), "a long handler that passes checkpoints is not wedged");
    box_send_slot(b, 0, CELL_SLOT_STOP, STOP_SHUTDOWN, 1000);
    slot0_rounds(b, 2, 1);
    box_fiber(b, 0, 1);
    box_fiber(b, 0, 1);
    slot0_rounds(b, 2, 1);
    ok(loops > 20 && b->logs == 1 && b->vertex[0].ended, "a checkpoint tells it that it is being ended");
    box_free(b);
}

static void stops(void)
{
    struct box *b = one();
    const struct stream *streams;

    puppet_send(b, 0, OUTSIDER, 1, 3);
    box_turn(b, 0, 1);
    box_send_slot(b, 0, CELL_SLOT_STOP, STOP_SHUTDOWN, 100);
    box_rounds(b, 4, 1);
    is_int(SLOT_END_CLASS(b->vertex[0].end), CLASS_SHUTDOWN, "a shutdown ends a life as such");
    is_int(((const struct puppet *)box_state(b, 0))->steps, 2, "with a commit of what it had done");
    ok(box_commit(b, 0, &streams)->stream_count == 1 && streams[0].sent == 1, "and of what it had sent");
    box_start(b, 0, 0, 1, true);
    box_rounds(b, 10, 1);
    is_int(b->keep[0].value == 3, 1, "which its next life delivers");
    puppet_wake(b, 0);
    box_rounds(b, 1, 1);
    box_send_slot(b, 0, CELL_SLOT_STOP, STOP_KILL, 100);
    box_rounds(b, 4, 1);
    is_int(SLOT_END_CLASS(b->vertex[0].end), CLASS_KILLED, "a kill ends a life as such");
    box_free(b);
}

static void stop_deadlines(void)
{
    struct box *b = in_handler();

    b->vertex[0].config.deadline_ms = 0;
    arena_config(&b->device[0].view, 1)->deadline_ms = 0;
    box_send_slot(b, 0, CELL_SLOT_STOP, STOP_SHUTDOWN, 300);
    slot0_rounds(b, 29, 10);
    ok(!over(b), "an actor inside a handler has until its deadline to stop");
    slot0_rounds(b, 5, 10);
    ok(over(b) && b->device[0].lost[1] && SLOT_END_CLASS(b->vertex[0].end) == CLASS_KILLED, "then it is killed");
    box_free(b);

    b = one();
    box_send_slot(b, 0, CELL_SLOT_STOP, STOP_SHUTDOWN, 300);
    slot0_rounds(b, 2, 1);
    b->now_ms += 5000;
    slot0_rounds(b, 1, 1);
    box_rounds(b, 3, 1);
    is_int(SLOT_END_CLASS(b->vertex[0].end), CLASS_SHUTDOWN,
           "a deadline does not pass while slot 0 itself stands still");
    box_free(b);
}

/* The slot's control line still shows how its last life ended. */
static void a_deadline_is_of_this_life(void)
{
    struct box *b = one();
    uint64_t life;

    box_send_slot(b, 0, CELL_SLOT_STOP, STOP_KILL, 50);
    box_rounds(b, 4, 1);
    box_start(b, 0, 0, 1, true);
    life = b->vertex[0].life;
    box_send_slot(b, 0, CELL_SLOT_STOP, STOP_SHUTDOWN, 50);
    slot0_rounds(b, 10, 10);            /* the thread has not run: state dead, of the old life */
    is_int((long long)arena_want(&b->device[0].view, 1)->fence, (long long)life,
           "a stop of a life that has not begun yet is enforced, too");
    box_rounds(b, 5, 1);
    ok(over(b), "and the life ends when its thread comes");
    box_free(b);
}

static void done_init(struct tw_ctx *cx, struct puppet *s)
{
    (void)s;
    tw_done(cx, 7);
}

static void ends(void)
{
    struct box *b = puppet_box(1, 2, 8);
    uint32_t calls;

    puppet_add(b, 0);
    script[0].init = done_init;
    box_start(b, 0, 0, 1, false);
    box_rounds(b, 6, 1);
    ok(b->vertex[0].ended && SLOT_END_CODE(b->vertex[0].end) == 7, "tw_done in the first handler ends normally");
    is_int(((const struct puppet *)box_state(b, 0))->inits, 1, "with a commit");
    calls = puppet_calls;
    box_start(b, 0, 0, 1, true);
    box_rounds(b, 6, 1);
    ok(b->vertex[0].ended && puppet_calls == calls, "resumed after tw_done, no handler runs");
    box_free(b);

    b = one();
    script[0].step = done_init;         /* says tw_done */
    puppet_wake(b, 0);
    box_send_slot(b, 0, CELL_SLOT_FENCE, 0, 0);
    box_route(b);                       /* on its way when the thread ends the life */
    box_turn(b, 0, 1);
    box_turn(b, 0, 1);
    slot0_rounds(b, 4, 1);
    ok(b->vertex[0].ended && SLOT_END_CLASS(b->vertex[0].end) == CLASS_NORMAL,
       "a life that had ended by itself before it was fenced is reported as it ended");
    box_free(b);
}

static void orders_of_old_lives(void)
{
    struct box *b = one();
    uint64_t life = b->vertex[0].life;

    b->vertex[0].life = life - 1;
    box_send_slot(b, 0, CELL_SLOT_STOP, STOP_KILL, 1);
    box_send_slot(b, 0, CELL_SLOT_FENCE, 0, 0);
    box_send_slot(b, 0, CELL_SLOT_DRILL, SLOT_DRILL_FAIL, 0);
    b->vertex[0].life = life;
    puppet_wake(b, 0);
    box_rounds(b, 20, 10);
    ok(!over(b) && arena_is(&b->device[0].view, 1)->state == SLOT_RUNNING,
       "stop, fence and drill of another life change nothing");
    box_send_slot(b, 0, CELL_SLOT_DRILL, SLOT_DRILL_OVERRUN, 0);
    box_rounds(b, 2, 1);
    puppet_wake(b, 0);
    box_rounds(b, 3, 1);
    ok(over(b) && SLOT_END_CAUSE(b->vertex[0].end) == CAUSE_BOUNDS, "a drill of this one does");
    box_free(b);
}

static void insane_configs(void)
{
    struct box *b = puppet_box(1, 2, 8);
    struct slot_config *c = puppet_add(b, 0), good = *c;

    for (int i = 0; i < 8; i++) {
        *c = good;
        c->line = 0;
        switch (i) {
        case 0: c->mailbox = 9; break;
        case 1: c->mailbox = 0; break;
        case 2: c->peers = 7; break;
        case 3: c->message_bytes = 24; break;
        case 4: c->actor_type = 1; break;
        case 5: c->state_bytes = b->geo.state_bytes + 64; break;
        case 6: c->state_bytes = sizeof(struct puppet) - 8; break;
        }
        box_start(b, 0, 0, 1, false);
        arena_config(&b->device[0].view, 1)->life += i == 7;    /* written for another life */
        box_rounds(b, 5, 1);
        ok(over(b) && SLOT_END_CAUSE(b->vertex[0].end) == CAUSE_START,
           "config %d, beyond its bounds, is not started", i);
    }
    ok(puppet_calls == 0, "no handler ran");
    box_free(b);
}

static void progress_step(struct tw_ctx *cx, struct puppet *s)
{
    (void)s;
    tw_progress(cx, 1);
}

static uint64_t phase_when_due;

/* The bell for a due drill is rung in the middle of making a call real. */
static void note_phase(void *self, struct bell_word *bell)
{
    struct box *b = self;
    const struct slot_is *is = arena_is(&b->device[0].view, 1);

    if (bell == arena_bell(&b->device[0].view, 0) && is->due && !phase_when_due)
        phase_when_due = is->phase + 1;
}

static void drills_wait_for_their_step(void)
{
    struct box *b = puppet_box(1, 2, 8);

    puppet_add(b, 0);
    b->env.self = b;
    b->env.wake = note_phase;
    phase_when_due = 0;
    script[0].step = progress_step;
    box_start(b, 0, 0, 1, false);
    b->device[0].control.first->cell.slot.drill_step = 3;
    box_rounds(b, 4, 1);
    is_int((long long)b->dues, 0, "before its step a drill is not due");
    puppet_wake(b, 0);
    box_rounds(b, 1, 1);
    puppet_wake(b, 0);
    box_rounds(b, 3, 1);
    puppet_wake(b, 0);
    box_rounds(b, 3, 1);
    is_int((long long)b->dues, 1, "at its step, once");
    is_int((long long)phase_when_due, 1 + PHASE_PUBLISH, "while a call is made real, its slot says that it publishes");
    box_free(b);
}

int main(void)
{
    fence_in_a_handler();
    fence_while_publishing();
    every_way_out_has_a_gate();
    wedged_is_cpu_time();
    a_gap_restarts_the_watch();
    checkpoints_show_life();
    stops();
    stop_deadlines();
    a_deadline_is_of_this_life();
    ends();
    orders_of_old_lives();
    insane_configs();
    drills_wait_for_their_step();
    done_testing();
}
