/* slot.c - the dispatcher: one life after another in one slot, one handler call after another in a life
 *
 * A handler call is a small transaction: what it sends, consumes and counts becomes real in finish_call,
 * after the gate, or not at all.  Being fenced is a handshake: the slot says "publishing" before it looks
 * at the fence, slot 0 sets the fence before it looks at the phase; so at least one sees the other.
 */
#include "slot/slot_impl.h"

/* In the first page, which nothing maps.  Not 0: a sanitizer would tell of the null pointer and end the process
 * itself, where a drill wants it to fault. */
#define NOWHERE 16u

HD int slot_gate(const struct slot *s)
{
    return load_acquire(&s->want->fence, SCOPE_DEVICE) != s->life;
}

HD static void set_state(struct slot *s, enum slot_state state)
{
    store_release(&s->is->state, state, SCOPE_DEVICE);
    bell_ring(s->env, arena_bell(s->view, 0));
}

HD static void end_life(struct slot *s, enum slot_state state, uint32_t cls, uint32_t cause, uint32_t code)
{
    if (s->sinks && ENV_HAS(s->env, sink_drop))
        s->env->sink_drop(s->env->self, s->index);
    s->sinks = 0;
    store_relaxed(&s->is->end, SLOT_END(cls, cause, code));
    store_relaxed(&s->is->hand, 0);
    store_release(&s->is->phase, PHASE_IDLE, SCOPE_DEVICE);
    set_state(s, state);
}

HD static int is_over(const struct slot *s)
{
    uint64_t state = load_relaxed(&s->is->state);

    return s->life == 0 || state == SLOT_FAILED || state == SLOT_DEAD || state == SLOT_FENCED;
}

/* -- handler calls -------------------------------------------------------------------------------- */

/* What is handled from here on, for who has to know should this life not survive it: seq 0 is no message. */
HD static void take_in_hand(struct slot *s, const struct lane_bell *bell, const struct tw_msg *m)
{
    if (bell) {
        store_relaxed(&s->hand->from, MESSAGE_FROM(bell->src, CELL_SRC_LINE(bell->lines)));
        store_relaxed(&s->hand->what, m->type | (uint64_t)m->bytes << 32);
    }
    store_relaxed(&s->hand->seq, bell ? bell->seq : 0);
}

HD static void begin_call(struct slot *s, uint32_t op, uint32_t from)
{
    s->sends = s->failed = s->fail_code = 0;
    s->wants_commit = s->wants_done = s->wants_again = s->wants_ready = 0;
    s->added_progress = s->draws = 0;
    s->staged_first = s->staged_last = NO_POS;
    store_relaxed(&s->is->hand, 1 + op + ((uint64_t)from << 32));
    store_release(&s->is->phase, PHASE_HANDLER, SCOPE_DEVICE);
}

/* What `treewarden fail` and drills do to a life: at the worst moment, after the handler has run and
 * before anything of it counts. */
HD static void act_out_drill(struct slot *s)
{
    uint64_t how;

    if (load_acquire(&s->want->drill_life, SCOPE_DEVICE) != s->life || s->drilled)
        return;
    s->drilled = 1;
    how = load_relaxed(&s->want->drill);
    if (how >= SLOT_DRILL_WEDGE && ENV_HAS(s->env, injure)) {
        s->env->injure(s->env->self, s->index, (uint32_t)how);
        return;
    }
    switch (how) {
    case SLOT_DRILL_FAIL:
        note_failure(s, CAUSE_CODE, 0xd411);
        break;
    case SLOT_DRILL_OVERRUN:
        note_failure(s, CAUSE_BOUNDS, 0);   /* what TW_AT does with an index outside */
        break;
    case SLOT_DRILL_WEDGE:
        for (;;)
            (void)load_acquire(&s->want->life, SCOPE_DEVICE);
    case SLOT_DRILL_SEGV:
        *s->nowhere = 1;
        break;
    }
}

/* Extension 6.  Only a life that runs: what TW_INIT says is told by settle. */
HD static void tell_ready(struct slot *s)
{
    if (!s->image->ready || load_relaxed(&s->is->state) != SLOT_RUNNING || load_relaxed(&s->is->ready) == s->life)
        return;
    store_release(&s->is->ready, s->life, SCOPE_DEVICE);
    bell_ring(s->env, arena_bell(s->view, 0));
}

/* The handler has returned: all or nothing.  0, or the life has ended. */
HD static int finish_call(struct slot *s, const struct lane_bell *consumed)
{
    act_out_drill(s);
    store_fence(&s->is->phase, PHASE_PUBLISH);
    if (!slot_gate(s)) {
        end_life(s, SLOT_DEAD, CLASS_ABNORMAL, CAUSE_WEDGED, 0);
        return TW_ESTALE;
    }
    if (s->failed) {
        end_life(s, SLOT_FAILED, CLASS_ABNORMAL, s->failed - 1, s->fail_code);
        return TW_ESTATE;
    }
    streams_publish(s);
    if (consumed)
        streams_consumed(s, consumed);
    s->image->progress += s->added_progress;
    s->image->draws += s->draws;
    s->image->again |= s->wants_again;
    if (s->wants_done) {
        s->image->done = 1;
        s->image->result = s->result;
    }
    if (s->wants_ready)
        s->image->ready = 1;
    s->handled++;
    if (s->commit_due_ms == SLOT_NEVER)
        s->commit_due_ms = s->now_ms + s->config->commit_within_ms;
    store_relaxed(&s->is->progress, s->image->progress);
    store_relaxed(&s->is->handled, s->handled);
    store_relaxed(&s->is->hand, 0);
    take_in_hand(s, NULL, NULL);
    store_relaxed(&s->is->beat, load_relaxed(&s->is->beat) + 1);
    if (s->want->drill_step && s->image->progress >= load_relaxed(&s->want->drill_step) &&
        load_relaxed(&s->is->due) != s->life) {
        store_release(&s->is->due, s->life, SCOPE_DEVICE);
        bell_ring(s->env, arena_bell(s->view, 0));
    }
    tell_ready(s);
    store_release(&s->is->phase, PHASE_IDLE, SCOPE_DEVICE);
    return 0;
}

HD static int call(struct slot *s, uint32_t op, const struct tw_msg *m, const struct lane_bell *consumed)
{
    take_in_hand(s, consumed, m);
    begin_call(s, op, m ? m->from : CELL_NOBODY);
    slot_dispatch(s, op, m);
    return finish_call(s, consumed);
}

HD static int call_system(struct slot *s, uint32_t type, uint32_t from, const void *body, uint32_t bytes)
{
    struct tw_msg m;

    m.type = type;
    m.from = from;
    m.bytes = bytes;
    m.reserved = 0;
    m.body = body;
    return call(s, TW_OP_RECEIVE, &m, NULL);
}

HD static int steps(const struct slot *s)
{
    return (s->program->types[s->config->actor_type].flags & TW_TYPE_STEPS) != 0;
}

/* -- commits -------------------------------------------------------------------------------------- */

/* 0, or the life has ended. */
HD static int commit_now(struct slot *s)
{
    int rc;

    store_fence(&s->is->phase, PHASE_PUBLISH);
    rc = commit_write(s);
    store_release(&s->is->phase, PHASE_IDLE, SCOPE_DEVICE);
    if (rc != 0) {
        end_life(s, SLOT_DEAD, CLASS_ABNORMAL, rc == TW_ESYS ? CAUSE_CODE : CAUSE_WEDGED, 0);
        return rc;
    }
    streams_committed(s);
    asks_committed(s);
    s->handled = 0;
    s->urgent = 0;
    s->wants_commit = 0;
    s->commit_due_ms = SLOT_NEVER;
    store_relaxed(&s->is->handled, 0);
    return 0;
}

/* Upper bounds are `every` and `within`.  Sooner when asked to, and, with on_commit, when it would go idle holding
 * messages: nobody gets them before.  Sooner too when a peer's outbox runs full, but not at each message of one that
 * always does: when nothing else is to be done, a millisecond later, or with a quarter of `every`. */
HD static int commit_is_due(const struct slot *s, int idle)
{
    if (s->commit_due_ms == SLOT_NEVER)
        return 0;
    return s->handled >= s->config->commit_every || s->now_ms >= s->commit_due_ms ||
           (s->urgent && (idle || s->now_ms > s->urgent_ms || s->handled * 4 >= s->config->commit_every)) ||
           s->wants_commit || s->image->done || (idle && (streams_hold(s) || asks_hold(s)));
}

/* -- lives ---------------------------------------------------------------------------------------- */

HD static void clear_image(struct slot *s)
{
    uint64_t head = ALIGN64(sizeof *s->image + (uint64_t)s->view->geo.peers * sizeof *s->streams);

    for (uint32_t pos = 0; pos < s->view->geo.mailbox; pos++)
        store_fence(&arena_entry(s->view, s->index, pos)->stamp, 0);
    (void)bulk((uint64_t *)(void *)s->image, NULL, head / 8, 0);
    (void)bulk((uint64_t *)s->state, NULL, (s->config->state_bytes + 7) / 8, 0);
    s->image->life = s->life;
    s->image->layout = s->config->layout;
    s->image->state_bytes = s->config->state_bytes;
    s->image->vertex = s->config->vertex;
    s->image->line = s->config->line;
}

HD static void reset_private(struct slot *s)
{
    s->next_lane = s->handled = s->urgent = s->prefer_message = s->sinks = 0;
    s->drilled = s->lane_full = s->failed = s->downs = 0;
    s->staged_first = s->staged_last = NO_POS;
    s->commit_due_ms = SLOT_NEVER;
    store_relaxed(&s->is->beat, load_relaxed(&s->is->beat) + 1);
    store_relaxed(&s->is->progress, 0);
    store_relaxed(&s->is->handled, 0);
    store_relaxed(&s->is->blocked, 0);
    store_relaxed(&s->is->committed, 0);
    store_relaxed(&s->is->end, 0);
    store_relaxed(&s->is->resumed, 0);
    take_in_hand(s, NULL, NULL);
    store_release(&s->is->phase, PHASE_IDLE, SCOPE_DEVICE);
}

HD static int config_is_sane(const struct slot *s)
{
    const struct slot_config *c = s->config;
    const struct arena_geometry *g = &s->view->geo;

    return c->life == s->life && c->mailbox <= g->mailbox && c->mailbox > 0 && c->peers <= g->peers &&
           c->message_bytes <= g->message_bytes && c->skip_count <= SLOT_SKIPS && c->state_bytes <= g->state_bytes &&
           c->actor_type < s->program->count && c->sends <= c->mailbox &&
           s->program->types[c->actor_type].state_bytes <= c->state_bytes;
}

HD static void settle(struct slot *s)
{
    if (!(s->config->flags & SLOT_SAYS_READY) || s->image->ready)
        store_release(&s->is->ready, s->life, SCOPE_DEVICE);
    store_relaxed(&s->is->progress, s->image->progress);
    set_state(s, s->image->done ? SLOT_DRAINING : SLOT_RUNNING);
}

/* Fresh: run TW_INIT and commit what it made before anything of it is seen, so that from the first effect
 * on there is a commit to come back to. */
HD static void start_fresh(struct slot *s)
{
    clear_image(s);
    streams_reset(s);
    asks_reset(s);
    s->image->again = (uint32_t)steps(s);
    if (call(s, TW_OP_INIT, NULL, NULL) != 0 || commit_now(s) != 0)
        return;
    settle(s);
}

HD static void begin_life(struct slot *s, uint64_t life)
{
    int rc = 0;

    s->life = life;
    reset_private(s);
    /* State before life: who reads the new life and then the state never takes the old one's end for its.  Fenced:
     * slot 0 tells only those of a peer's move whom it sees alive (tell_slots_of_peers). */
    store_fence(&s->is->state, life ? SLOT_STARTING : SLOT_IDLE);
    store_release(&s->is->life, life, SCOPE_DEVICE);
    bell_ring(s->env, arena_bell(s->view, 0));
    if (life == 0)
        return;
    if (s->view->geo.apart)
        copy_from_guarded(s->config, arena_config(s->view, s->index), sizeof *s->config);
    if (!config_is_sane(s)) {
        end_life(s, SLOT_FAILED, CLASS_ABNORMAL, CAUSE_START, 0);
        return;
    }
    if (s->config->flags & SLOT_RESUME) {
        clear_image(s);
        rc = commit_restore(s);
    }
    if (rc < 0) {
        end_life(s, SLOT_FAILED, CLASS_ABNORMAL, CAUSE_STATE, 0);
        return;
    }
    if (rc == 0) {
        start_fresh(s);
        return;
    }
    s->image->life = life;
    store_relaxed(&s->is->committed, s->image->commit);
    store_relaxed(&s->is->resumed, s->image->commit);
    streams_reset(s);
    asks_reset(s);
    s->image->again |= (uint32_t)steps(s);
    settle(s);
}

HD static int obey_stop(struct slot *s)
{
    if (load_acquire(&s->want->stop, SCOPE_DEVICE) != s->life)
        return 0;
    if (load_relaxed(&s->want->stop_how) == STOP_SHUTDOWN) {
        if (s->commit_due_ms != SLOT_NEVER && commit_now(s) != 0)
            return 1;
        end_life(s, SLOT_DEAD, CLASS_SHUTDOWN, CAUSE_SUPERVISOR, 0);
    } else {
        end_life(s, SLOT_DEAD, CLASS_KILLED, CAUSE_SUPERVISOR, 0);
    }
    return 1;
}

/* -- one turn ------------------------------------------------------------------------------------- */

HD static int timer_turn(struct slot *s)
{
    for (uint32_t i = 0; i < SLOT_TIMERS; i++) {
        struct slot_timer *t = &s->image->timers[i];
        uint64_t set = t->set_ms;

        if (t->at_ms == 0 || t->at_ms > s->now_ms)
            continue;
        t->at_ms = 0;
        s->image->again |= (uint32_t)steps(s);
        (void)call_system(s, TW_TIMER, s->config->vertex, &set, sizeof set);
        return 1;
    }
    return 0;
}

HD static int down_turn(struct slot *s)
{
    struct tw_down down;
    uint32_t peer;

    if (s->image->monitor_count == 0 || !monitors_take_down(s, &peer, &down))
        return 0;
    s->image->again |= (uint32_t)steps(s);
    (void)call_system(s, TW_DOWN, peer, &down, sizeof down);
    return 1;
}

HD static int fresh_turn(struct slot *s)
{
    int i = streams_fresh_due(s);

    if (i < 0)
        return 0;
    s->streams[i].fresh_due = 0;
    s->image->again |= (uint32_t)steps(s);
    (void)call_system(s, TW_PEER_FRESH, s->streams[i].peer, NULL, 0);
    return 1;
}

/* An answer about a child: no stream, and a life that goes on from before it is given it again. */
HD static void child_turn(struct slot *s, const struct lane_bell *b)
{
    struct tw_child answer;

    asks_close(s, b, &answer);
    s->image->again |= (uint32_t)steps(s);
    (void)call_system(s, TW_CHILD, answer.child, &answer, sizeof answer);
}

/* Extension 9: so many lives ended with this message in hand that the next ones are not to handle it. */
HD static int is_poison(const struct slot *s, const struct lane_bell *b)
{
    const struct slot_config *c = s->config;

    for (uint32_t i = 0; i < c->skip_count; i++)
        if (c->skips[i].seq == b->seq && c->skips[i].from == MESSAGE_FROM(b->src, CELL_SRC_LINE(b->lines)))
            return 1;
    return 0;
}

/* Consumed like one that was handled, with the next commit, which is now: what may kill this life before it would
 * have the next one pass over this message again. */
HD static void pass_over(struct slot *s, const struct lane_bell *b)
{
    streams_consumed(s, b);
    s->streams[stream_of(s, b->src)].skipped++;
    s->wants_commit = 1;
    if (s->commit_due_ms == SLOT_NEVER)
        s->commit_due_ms = s->now_ms;
}

HD static int message_turn(struct slot *s)
{
    struct slot_taken taken;
    struct tw_msg m;
    int rc = streams_take_message(s, &taken);

    if (rc < 0) {
        end_life(s, SLOT_FAILED, CLASS_ABNORMAL, CAUSE_MEMORY, s->config->peers);
        return 1;
    }
    if (rc == 0)
        return 0;
    if (taken.bell.src == CELL_NOBODY) {
        child_turn(s, &taken.bell);
        return 1;
    }
    if (fresh_turn(s)) {
        /* One handler call a turn: this one may have used the room to send, or said tw_done. */
        if (!is_over(s))
            streams_put_back(s, &taken.bell);
        return 1;
    }
    if (is_poison(s, &taken.bell)) {
        pass_over(s, &taken.bell);
        return 1;
    }
    m.type = taken.type;
    m.from = taken.bell.src;
    m.bytes = taken.bytes;
    m.reserved = 0;
    m.body = s->message;
    s->image->again |= (uint32_t)steps(s);
    s->prefer_message = 0;
    (void)call(s, TW_OP_RECEIVE, &m, &taken.bell);
    return 1;
}

HD static int step_turn(struct slot *s)
{
    if (!s->image->again)
        return 0;
    s->image->again = 0;
    s->prefer_message = 1;
    (void)call(s, TW_OP_STEP, NULL, NULL);
    return 1;
}

/* At most one thing.  A step follows the message that made it due; after a step messages go first, so a
 * step that always asks for another does not starve them. */
HD static int work_turn(struct slot *s)
{
    uint64_t blocked = s->outbox_free < s->config->sends;

    store_relaxed(&s->is->blocked, blocked);
    if (blocked)
        return 0;
    if (down_turn(s) || fresh_turn(s) || timer_turn(s))
        return 1;
    if (s->prefer_message)
        return message_turn(s) || step_turn(s);
    return step_turn(s) || message_turn(s);
}

HD static uint64_t next_due(const struct slot *s)
{
    uint64_t due = streams_due(s), asks = asks_due(s);

    if (asks < due)
        due = asks;
    if (s->commit_due_ms < due)
        due = s->commit_due_ms;
    if (s->lane_full && s->now_ms + 1 < due)
        due = s->now_ms + 1;            /* the reader rings when it makes room; this is the net below */
    if (load_relaxed(&s->is->blocked))
        return due;                     /* acknowledgements wake it; a timer that ran out cannot */
    for (uint32_t i = 0; i < SLOT_TIMERS; i++)
        if (s->image->timers[i].at_ms && s->image->timers[i].at_ms < due)
            due = s->image->timers[i].at_ms;
    return due;
}

HD static uint64_t drain_turn(struct slot *s)
{
    streams_pump(s);
    asks_pump(s);
    if (!streams_open(s) && !asks_untold(s))
        end_life(s, SLOT_FAILED, CLASS_NORMAL, CAUSE_DONE, (uint32_t)s->image->result);
    return is_over(s) ? SLOT_NEVER : next_due(s);
}

HD uint64_t slot_turn(struct slot *s, uint64_t now_ms)
{
    uint64_t life = load_acquire(&s->want->life, SCOPE_DEVICE);
    int worked;

    s->now_ms = now_ms;
    if (life != s->life)
        begin_life(s, life);
    if (is_over(s))
        return SLOT_NEVER;
    if (!slot_gate(s)) {
        end_life(s, SLOT_DEAD, CLASS_ABNORMAL, CAUSE_WEDGED, 0);
        return SLOT_NEVER;
    }
    if (obey_stop(s))
        return SLOT_NEVER;
    streams_look(s);
    if (load_relaxed(&s->is->state) == SLOT_DRAINING)
        return drain_turn(s);
    worked = work_turn(s);
    if (!is_over(s) && commit_is_due(s, !worked))
        (void)commit_now(s);
    if (is_over(s))
        return SLOT_NEVER;
    if (s->image->done)
        set_state(s, SLOT_DRAINING);
    streams_pump(s);
    asks_pump(s);
    store_relaxed(&s->is->open_messages, s->config->mailbox - s->outbox_free);
    return worked || s->image->done ? 0 : next_due(s);
}

HD uint64_t slot_private_bytes(const struct arena_geometry *geo)
{
    return (uint64_t)geo->peers * sizeof(struct slot_route) + ALIGN64((uint64_t)geo->mailbox * 4) +
           (geo->slots + 1u) * sizeof(struct lane_bell);
}

HD void slot_init(struct slot *s, struct arena_view *view, uint32_t index,
                  const struct tw_program *program, const struct slot_env *env, void *memory)
{
    char *at = (char *)memory;

    s->view = view;
    s->program = program;
    s->env = env;
    s->index = index;
    s->want = arena_want(view, index);
    s->is = arena_is(view, index);
    s->config = arena_own_config(view, index);
    s->image = arena_image(view, index);
    s->bell = arena_bell(view, index);
    s->lanes = arena_lane(view, index, 0);
    s->streams = (struct stream *)(s->image + 1);
    s->outbox = arena_outbox(view, index);
    s->state = s->outbox + ALIGN64(view->geo.mailbox * entry_stride(&view->geo));
    s->routes = (struct slot_route *)(void *)at;
    at += (uint64_t)view->geo.peers * sizeof *s->routes;
    s->next = (uint32_t *)(void *)at;
    at += ALIGN64((uint64_t)view->geo.mailbox * 4);
    s->in_hand = (struct lane_bell *)(void *)at;
    s->hand = arena_hand(view, index);
    s->message = (char *)(s->hand + 1);
    s->cx.head.call = slot_calls();
    s->cx.slot = s;
    s->nowhere = (volatile uint64_t *)(uintptr_t)NOWHERE;
    s->life = 0;
    s->commit_due_ms = SLOT_NEVER;
}
