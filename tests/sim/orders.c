/* orders.c - each acquire, release and fence in src/slot: what it orders holds, and without it something breaks
 *
 *     orders                          all
 *     orders SCENE                    this one alone; not ok is what it does not need
 *
 * Scenes of two or three threads run the slots' own code over a weak memory (tests/lib/order_model.h), in every order
 * and with every value that a load may read.  First as it is: every scene is right.  Then each ordered access of
 * src/slot is made weaker, one at a time: some scene that meets it must go wrong, or the access stands in a table
 * below with the reason why it may be stronger than these scenes need.
 */
#include <treewarden/actor.h>

#include "order_model.h"
#include "slotbox.h"
#include "tap.h"

enum { ONE = 1, TWO = 2, OUTSIDER = 3, VERTICES = 4, SLOTS = 3, HOST = 0, DEVICE = 1, MOST = 4 };

static struct box *b;
static struct box_device *d;

/* What threads do and find, as it is when they begin: kept, like the arena. */
static struct {
    uint32_t to, sends, sent;           /* ONE's next steps send a message each */
    bool fails, commits, logs, monitors;        /* ... do this, too */
    uint32_t downs, down_cause;         /* what ONE heard of OUTSIDER */
    uint64_t heard[MOST];               /* what TWO was sent */
    uint32_t hears;
    uint32_t awake[SLOTS], rings[SLOTS];        /* there is more to do at once; as read before the last turn */
    uint64_t told_life, told_state, told_end, fetched;  /* the rank: how a life of ONE ended */
    uint64_t got[MOST];                 /* ... what OUTSIDER was sent */
    uint32_t gets, acks, log_lines;
    bool starts, polls;                 /* ONE's next life is on its way; slot 0 has something from the rank */
} now;

/* -- the actor ------------------------------------------------------------------------------------ */

struct pawn { uint64_t seen, sum; };

TW_INIT(pawn) { s->seen = s->sum = 0; }

TW_STEP(pawn)
{
    uint64_t value[2];

    if (tw_self(cx, 0) != ONE)
        return;
    tw_progress(cx, 1);
    if (now.monitors)
        tw_monitor(cx, OUTSIDER);
    if (now.logs)
        tw_log(cx, 7, 11, 22);
    if (now.fails)
        tw_fail(cx, 5);
    if (now.commits)
        tw_commit(cx);
    if (now.sends == 0)
        return;
    value[0] = 100 * ONE + ++now.sent;
    value[1] = ~value[0];
    tw_send(cx, now.to, 1, value, sizeof value);
    if (--now.sends)
        tw_again(cx);
}

TW_RECEIVE(pawn)
{
    const uint64_t *value = m->body;

    if (m->type == TW_DOWN) {
        now.downs++;
        now.down_cause = ((const struct tw_down *)m->body)->cause;
    }
    if (m->type != 1)
        return;
    if (m->bytes != 16 || value[1] != ~value[0])
        order_wrong("a message is torn");
    if (now.hears < MOST)
        now.heard[now.hears++] = value[0];
    s->sum += value[0];
    s->seen++;
}
TW_PROGRAM(pawn)

/* -- the stage ------------------------------------------------------------------------------------ */

static void build(uint32_t mailbox)
{
    struct arena_geometry geo = {.slots = 2, .peers = 2, .mailbox = mailbox, .message_bytes = 16, .vertices = VERTICES,
                                 .state_bytes = 64};

    if (b)
        box_free(b);
    b = box_new(1, &geo, &tw_program, 1);
    d = &b->device[0];
    b->by_hand = true;
    memset(&now, 0, sizeof now);
    for (uint32_t v = ONE; v <= TWO; v++) {
        struct slot_config *c = box_add(b, v, 0);

        c->sends = 1;
        c->commit_every = 1;
        c->flags = SLOT_EAGER;
    }
}

/* Both run, in their slots. */
static void set_up(uint32_t mailbox)
{
    build(mailbox);
    for (uint32_t v = ONE; v <= TWO; v++)
        box_start(b, v, 0, v, false);
    box_place(b, OUTSIDER, 1, 1, PEER_UP);
    box_rounds(b, 8, 0);
}

static void will_step(void) { d->slots[ONE].image->again = 1; }

static void will_send(uint32_t to, uint32_t messages)
{
    now.to = to;
    now.sends = messages;
    will_step();
}

static void keep(void)
{
    b->now_ms++;                        /* so all look, rung or not */
    for (uint32_t slot = ONE; slot <= TWO; slot++) {
        order_keep(&d->slots[slot], sizeof d->slots[slot]);
        order_keep(d->memory[slot], slot_private_bytes(&b->geo));
    }
    order_keep(&d->slot0, sizeof d->slot0);
    order_keep(d->memory[0], slot0_private_bytes(&b->geo));
    order_keep(d->arena, d->view.at.down);
    order_keep(arena_down(&d->view), 4096);
    order_keep(arena_up(&d->view), 4096);
    order_keep(d->arena + d->view.at.slots, d->view.at.total - d->view.at.slots);
    order_keep(&now, sizeof now);
    for (uint32_t i = 0; i < 2; i++)    /* a commit is never looked at while it is written: all but its word is plain */
        order_guard((char *)arena_commit(&d->view, ONE, i) + 8, commit_bytes(&b->geo) - 8);
}

/* Like a thread's loop: the bell is read before the turn, for whether to sleep after it. */
static uint32_t rings_of(uint32_t slot) { return load_u32(&arena_bell(&d->view, slot)->rings); }

static void slot(uint32_t i)
{
    now.rings[i] = rings_of(i);
    now.awake[i] = slot_turn(&d->slots[i], b->now_ms) == 0;
}

static void zero(void)
{
    now.rings[0] = rings_of(0);
    now.awake[0] = slot0_turn(&d->slot0, b->now_ms, d->cpu_ns) == 0;
}

static void one(void) { slot(ONE); }
static void two(void) { slot(TWO); }
static void one_twice(void) { one(); one(); }
static void two_twice(void) { two(); two(); }
static void zero_twice(void) { zero(); zero(); }

/* All go on as long as somebody rings; no time passes, so the nets below the bells catch nothing. */
static void settle(void)
{
    for (int round = 0, more = 1; more && round < 32; round++) {
        more = 0;
        for (uint32_t i = 0; i <= TWO; i++)
            if (now.awake[i] || now.rings[i] != rings_of(i) || (i == 0 && now.polls)) {
                more = 1;
                now.polls = 0;
                i ? slot(i) : zero();
            }
    }
}

static const char *two_heard(uint32_t from, uint32_t count)
{
    bool right = now.hears == count;

    for (uint32_t i = 0; i < count; i++)
        right = right && now.heard[i] == 100 * from + i + 1;
    return right ? NULL : "a message is lost, doubled or another";
}

/* -- scenes --------------------------------------------------------------------------------------- */

/* Its reader looks there, whether or not something is. */
static void mark(uint32_t to, uint32_t from) { arena_bell(&d->view, to)->lanes[0] |= (uint64_t)1 << from; }

static void make_bell(void)
{
    set_up(2);
    will_send(TWO, 1);
}

static const char *two_heard_one(void) { settle(); return two_heard(ONE, 1); }

/* The only entry of the outbox is free again when the ack of its message is here. */
static void make_ack(void)
{
    set_up(1);
    will_send(TWO, 2);
    one();
    mark(ONE, TWO);
}

static const char *two_heard_both(void) { settle(); return two_heard(ONE, 2); }

/* No room but for what its reader takes meanwhile: bells and acks for nobody. */
static void fill(uint32_t to, uint32_t from)
{
    struct lane *l = arena_lane(&d->view, to, from);

    memset(l->bells, 0xff, sizeof l->bells);
    memset(l->acks, 0xff, sizeof l->acks);
    l->bell_tail = l->bell_head + LANE_BELLS;
    l->ack_tail = l->ack_head + LANE_ACKS;
    mark(to, from);
}

static void make_full_lane(void)
{
    set_up(2);
    fill(TWO, ONE);
    will_send(TWO, 1);
}

static void make_full_ack_lane(void)
{
    set_up(1);
    will_send(TWO, 2);
    one();
    fill(ONE, TWO);
}

/* Who found no room looks again a millisecond later. */
static void settle_late(void)
{
    settle();
    b->now_ms += 2;
    now.awake[0] = now.awake[ONE] = now.awake[TWO] = 1;
    settle();
    b->now_ms -= 2;
}

static const char *two_heard_late(void) { settle_late(); return two_heard(ONE, 1); }
static const char *two_heard_both_late(void) { settle_late(); return two_heard(ONE, 2); }

/* -- the rank ------------------------------------------------------------------------------------- */

static void put_down(const union cell *c, const void *body, uint32_t bytes)
{
    (void)ring_put(arena_down(&d->view), down_ring_bytes(&b->geo), c, body, bytes);
    now.polls = 1;                      /* no bell is rung across the host link: a device's slot 0 looks all the time */
}

static char held[16384];                /* a commit in the rank's hands */

static void slot_is(const struct cell_slot_is *c)
{
    if (c->src != ONE || c->state < SLOT_FAILED || c->life != arena_config(&d->view, ONE)->life)
        return;                         /* an end may be told twice: not of the life that the rank knows of */
    now.told_life = c->life;
    now.told_state = c->state;
    now.told_end = SLOT_END(c->cls, c->cause, c->code);
    now.fetched = commit_fetch(&d->view, ONE, held, sizeof held) > 0 ? commit_number(held) : 0;
}

static bool take_one_up(void)
{
    uint64_t body[2];
    union cell c;
    uint32_t bytes;

    if (ring_peek(arena_up(&d->view), up_ring_bytes(&b->geo), &c, body, sizeof body, &bytes) != 1)
        return false;
    ring_drop(arena_up(&d->view), up_ring_bytes(&b->geo));
    if (c.head.type == CELL_SLOT_IS)
        slot_is(&c.slot_is);
    if (c.head.type == CELL_SLOT_LOG) {
        if (c.log.code != 7 || c.log.a != 11 || c.log.b != 22)
            now.log_lines = MOST;
        now.log_lines++;
    }
    if (c.head.type == CELL_MSG_ACK && c.msg_ack.src == TWO)
        now.acks += c.msg_ack.dst == OUTSIDER && c.msg_ack.durable == 1;
    if (c.head.type == CELL_MSG && c.msg.src == ONE) {
        if (body[1] != ~body[0])
            order_wrong("a message is torn");
        if (now.gets < MOST)
            now.got[now.gets++] = body[0];
    }
    return true;
}

static void take_up(void) { (void)take_one_up(); }

static void take_up_all(void)
{
    settle();
    while (take_one_up())
        continue;
}

static void number_down(uint64_t number)
{
    uint64_t body[2] = {300 + number, ~(300 + number)};
    union cell c;

    memset(&c, 0, sizeof c);
    c.msg.type = CELL_MSG;
    c.msg.life = CELL_LINES(1, 1);
    c.msg.seq = number;
    c.msg.first = 1;
    c.msg.src = OUTSIDER;
    c.msg.dst = TWO;
    c.msg.msg_type = 1;
    c.msg.bytes = sizeof body;
    put_down(&c, body, sizeof body);
}

static void send_down(void) { number_down(1); }

static void make_inbox(void)
{
    set_up(2);
    mark(TWO, 0);
}

/* Its ack goes up by slot 0. */
static void make_ack_up(void)
{
    set_up(2);
    number_down(1);
    zero();
    mark(0, TWO);
}

static void make_full_ack_lane_up(void)
{
    make_ack_up();
    fill(0, TWO);
}

static const char *outsider_got_ack(void)
{
    settle_late();
    take_up_all();
    return now.acks > 0 ? NULL : "an ack is lost";
}

/* A message, and what is for nobody, up to the last entry; the next is to lie where that message does. */
static void make_full_inbox(void)
{
    struct inbox *in;

    set_up(2);
    number_down(1);
    zero();
    in = arena_inbox(&d->view, TWO);
    in->tail = in->head + inbox_entries(&b->geo);
    number_down(2);
}

/* No room: its sender will ring again. */
static const char *two_heard_the_first_at_least(void)
{
    settle();
    return two_heard(OUTSIDER, now.hears == 2 ? 2 : 1);
}

static const char *two_heard_outsider(void) { settle(); return two_heard(OUTSIDER, 1); }

static void make_lift(void)
{
    set_up(2);
    will_send(OUTSIDER, 1);
}

static void make_full_lift(void)
{
    set_up(2);
    fill(0, ONE);
    will_send(OUTSIDER, 1);
}

/* Cells of no type, up to the last byte that is free; the next goes where they begin. */
static void make_full_ring(void)
{
    struct byte_ring *r;

    set_up(2);
    will_send(OUTSIDER, 1);
    one();
    r = arena_up(&d->view);
    memset(r + 1, 0, up_ring_bytes(&b->geo));
    r->tail = r->head + up_ring_bytes(&b->geo) / 72 * 72;
}

static const char *outsider_got(uint32_t count)
{
    bool right = now.gets == count && now.got[count - 1] == 100 * ONE + count;

    return right ? NULL : "a message is lost, doubled or another";
}

static const char *outsider_got_one_late(void)
{
    take_up_all();
    settle_late();
    take_up_all();
    return outsider_got(1);
}

static const char *outsider_got_one(void) { take_up_all(); return outsider_got(1); }

/* One handler call whose commit counts, then one that fails. */
static void make_end(void)
{
    set_up(2);
    now.commits = 1;
    will_step();
}

static void one_steps_twice(void)
{
    one();
    will_step();
    one();
}

static void one_commits_and_fails(void)
{
    one();
    now.fails = 1;
    will_step();
    one();
}

static uint64_t newest_commit(void)
{
    uint64_t word0 = arena_commit(&d->view, ONE, 0)->word, word1 = arena_commit(&d->view, ONE, 1)->word;

    return word0 > word1 ? word0 : word1;
}

static const char *the_last_was_fetched(void)
{
    const struct stream *streams;

    take_up_all();
    if (now.told_life == 0)
        return "an end is not told";
    if (now.told_state == SLOT_FENCED && commit_image(held, &streams)->progress != d->slots[ONE].image->progress)
        return "a handler call counts that was fenced";
    return now.fetched == newest_commit() ? NULL : "what the rank fetched is not the last commit";
}

static const char *failed_with_the_last(void)
{
    const char *what = the_last_was_fetched();

    return what || now.told_end == SLOT_END(CLASS_ABNORMAL, CAUSE_CODE, 5) ? what : "the end that is told is another";
}

/* Fenced while it runs a handler: either nothing of that counts, or the rank hears of the end when all of it does. */
static void make_fence(void)
{
    set_up(2);
    will_step();
    box_send_slot(b, ONE, CELL_SLOT_FENCE, 0, 0);
    box_route(b);
}

/* The next life in a slot whose last one failed, from the commit that the rank has fetched. */
static struct slot_config next_config;

static void wakes(void *self, struct bell_word *bell)
{
    (void)self;
    if (now.starts && (bell == arena_bell(&d->view, ONE) || bell == arena_bell(&d->view, 0)))
        order_reads(arena_config(&d->view, ONE), sizeof(struct slot_config));   /* slot 0 has, and the slot does next */
}

static void make_start(void)
{
    make_end();
    one_commits_and_fails();
    settle();
    take_up_all();
    next_config = *arena_config(&d->view, ONE);
    next_config.life++;
    next_config.flags |= SLOT_RESUME;
    now.told_life = now.fails = 0;
    now.starts = 1;
    b->env.wake = wakes;
}

static void next_life(void)
{
    struct slot_config *c = arena_config(&d->view, ONE);
    union cell cell;

    order_writes(c, sizeof *c);
    *c = next_config;
    if (commit_place(&d->view, ONE, held, sizeof(struct commit_head) + ((struct commit_head *)held)->bytes) != 0)
        order_wrong("a commit is refused");
    memset(&cell, 0, sizeof cell);
    cell.slot.type = CELL_SLOT_START;
    cell.slot.life = next_config.life;
    cell.slot.slot = ONE;
    put_down(&cell, NULL, 0);
}

static const char *one_runs_again(void)
{
    take_up_all();
    if (now.told_life == next_config.life)
        return "the last life's end is taken for the next one's";
    return d->slots[ONE].life == next_config.life && arena_is(&d->view, ONE)->state == SLOT_RUNNING &&
           d->slots[ONE].image->commit >= now.fetched ? NULL : "the next life does not run";
}

static void make_order(uint16_t type, uint32_t how)
{
    set_up(2);
    d->slots[ONE].config->commit_every = 100;
    d->slots[ONE].config->commit_within_ms = 1000;
    will_step();
    box_send_slot(b, ONE, type, how, 0);
    box_route(b);
}

static void make_stop(void) { make_order(CELL_SLOT_STOP, STOP_KILL); }
static void make_drill(void) { make_order(CELL_SLOT_DRILL, SLOT_DRILL_FAIL); }

static const char *was_killed(void)
{
    const char *what = the_last_was_fetched();

    return what || SLOT_END_CLASS(now.told_end) == CLASS_KILLED ? what : "it was stopped in another way";
}

static const char *drill_was_acted_out(void)
{
    will_step();
    now.awake[ONE] = 1;
    take_up_all();
    return SLOT_END_CODE(now.told_end) == 0xd411 ? NULL : "the drill was not acted out";
}

/* Slot 0 hears where OUTSIDER is while ONE, who did not know of it, sends it its first message. */
static void make_move(void)
{
    build(2);
    box_start(b, ONE, 0, ONE, false);
    box_rounds(b, 8, 0);
    will_send(OUTSIDER, 1);
    box_place(b, OUTSIDER, 1, 1, PEER_UP);
    box_route(b);
}

/* A life of ONE is to begin where one was killed; it has a message for OUTSIDER, and no room for another, so nothing is
 * handled. */
static void set_up_next_life(void)
{
    set_up(1);
    box_place(b, OUTSIDER, 1, 1, PEER_DOWN);
    box_rounds(b, 2, 0);
    will_send(OUTSIDER, 1);
    one();
    box_send_slot(b, ONE, CELL_SLOT_STOP, STOP_KILL, 0);
    box_rounds(b, 4, 0);
    box_start(b, ONE, 0, ONE, true);
    box_route(b);
    zero();
}

/* While it begins slot 0 hears where OUTSIDER is. */
static void make_move_at_start(void)
{
    set_up_next_life();
    arena_is(&d->view, ONE)->streams = 0;       /* as one without peers leaves it, whose slot this was */
    box_place(b, OUTSIDER, 1, 1, PEER_UP);
    box_route(b);
}

/* ... or is to stop it, by a deadline. */
static void make_stop_at_start(void)
{
    set_up_next_life();
    box_send_slot(b, ONE, CELL_SLOT_STOP, STOP_KILL, 5);
    box_route(b);
}

/* As if the slot hung from here on. */
static const char *stop_is_enforced(void)
{
    bool runs = arena_is(&d->view, ONE)->state < SLOT_FAILED;

    b->now_ms += 10;
    zero();
    b->now_ms -= 10;
    return !runs || arena_want(&d->view, ONE)->fence == d->slots[ONE].life ? NULL : "a stop is not enforced";
}

/* ONE watches OUTSIDER, whose end slot 0 hears of. */
static void make_monitor(void)
{
    union cell c;

    set_up(2);
    d->slots[ONE].config->flags = 0;
    now.monitors = 1;
    will_step();
    one();
    now.monitors = 0;
    memset(&c, 0, sizeof c);
    c.peer.type = CELL_SLOT_PEER;
    c.peer.dst = OUTSIDER;
    c.peer.life = c.peer.ended = c.peer.line = 1;
    c.peer.flags = PEER_DOWN;
    c.peer.cls = CLASS_ABNORMAL;
    c.peer.cause = CAUSE_SEGV;
    put_down(&c, NULL, 0);
}

static const char *one_heard_how(void)
{
    settle();
    return now.downs == 1 && now.down_cause == TW_CAUSE_SEGV ? NULL : "an end is not told as it was";
}

static void make_logs(void)
{
    set_up(2);
    now.logs = 1;
    will_step();
}

static const char *logs_came_up(void)
{
    now.awake[0] = 1;                   /* nobody rings for a log: the next sweep has it */
    take_up_all();
    return now.log_lines == 1 ? NULL : "a log line is lost";
}

/* An ack from elsewhere frees the only entry. */
static void set_up_far_ack(void)
{
    set_up(1);
    will_send(OUTSIDER, 2);
    one();
    settle();
    take_up();
}

static void make_far_ack(void)
{
    set_up_far_ack();
    mark(ONE, 0);
}

static void ack_down(void)
{
    union cell c;

    memset(&c, 0, sizeof c);
    c.msg_ack.type = CELL_MSG_ACK;
    c.msg_ack.life = CELL_LINES(1, 1);
    c.msg_ack.src = OUTSIDER;
    c.msg_ack.dst = ONE;
    c.msg_ack.consumed = c.msg_ack.durable = 1;
    put_down(&c, NULL, 0);
}

static void make_full_far_ack(void)
{
    set_up_far_ack();
    fill(ONE, 0);
}

static const char *outsider_got_both(void)
{
    settle_late();
    take_up_all();
    return outsider_got(2);
}

/* A bell of the last life waits with TWO; the next one writes to OUTSIDER what lies in the same place, by the same
 * number. */
static void make_other_life(void)
{
    set_up(2);
    b->vertex[ONE].config.commit_every = 100;
    will_send(TWO, 1);
    one();
    now.fails = 1;
    will_step();
    one();
    zero();
    box_route(b);
    now.fails = 0;
    now.to = OUTSIDER;
    now.sends = 1;
    box_start(b, ONE, 0, ONE, false);
    b->vertex[ONE].config.line--;
    arena_config(&d->view, ONE)->line--;
    box_route(b);
    zero();
}

static const char *two_heard_the_first(void) { return now.hears == 0 ? NULL : two_heard(ONE, 1); }

static const struct order_scene scenes[] = {
    {"a bell", make_bell, {{one, DEVICE}, {two_twice, DEVICE}}, two_heard_one},
    {"an ack", make_ack, {{one_twice, DEVICE}, {two_twice, DEVICE}}, two_heard_both},
    {"a full lane", make_full_lane, {{one, DEVICE}, {two, DEVICE}}, two_heard_late},
    {"a full ack lane", make_full_ack_lane, {{one, DEVICE}, {two, DEVICE}}, two_heard_both_late},
    {"a full inbox", make_full_inbox, {{zero, DEVICE}, {two, DEVICE}}, two_heard_the_first_at_least},
    {"a full lane up", make_full_lift, {{one, DEVICE}, {zero, DEVICE}}, outsider_got_one_late},
    {"an ack up", make_ack_up, {{two, DEVICE}, {zero, DEVICE}}, outsider_got_ack},
    {"a full ack lane up", make_full_ack_lane_up, {{two, DEVICE}, {zero, DEVICE}}, outsider_got_ack},
    {"a full ring", make_full_ring, {{zero, DEVICE}, {take_up, HOST}}, outsider_got_one_late},
    {"a full far ack lane", make_full_far_ack, {{ack_down, HOST}, {zero, DEVICE}, {one, DEVICE}}, outsider_got_both},
    {"a monitor", make_monitor, {{zero, DEVICE}, {one, DEVICE}}, one_heard_how},
    {"an inbox", make_inbox, {{send_down, HOST}, {zero, DEVICE}, {two_twice, DEVICE}}, two_heard_outsider},
    {"a message up", make_lift, {{one, DEVICE}, {zero_twice, DEVICE}, {take_up, HOST}}, outsider_got_one},
    {"an end", make_end, {{one_commits_and_fails, DEVICE}, {zero, DEVICE}, {take_up, HOST}}, failed_with_the_last},
    {"a fence", make_fence, {{one_steps_twice, DEVICE}, {zero, DEVICE}, {take_up, HOST}}, the_last_was_fetched},
    {"a start", make_start, {{next_life, HOST}, {zero, DEVICE}, {one, DEVICE}}, one_runs_again},
    {"a stop", make_stop, {{zero, DEVICE}, {one_twice, DEVICE}}, was_killed},
    {"a drill", make_drill, {{zero, DEVICE}, {one_twice, DEVICE}}, drill_was_acted_out},
    {"a move", make_move, {{zero, DEVICE}, {one, DEVICE}}, outsider_got_one},
    {"a move at a start", make_move_at_start, {{zero, DEVICE}, {one, DEVICE}}, outsider_got_one},
    {"a stop at a start", make_stop_at_start, {{zero, DEVICE}, {one, DEVICE}}, stop_is_enforced},
    {"a log", make_logs, {{one, DEVICE}, {zero_twice, DEVICE}}, logs_came_up},
    {"a far ack", make_far_ack, {{ack_down, HOST}, {zero, DEVICE}, {one_twice, DEVICE}}, outsider_got_both},
    {"another life", make_other_life, {{one, DEVICE}, {two, DEVICE}}, two_heard_the_first},
};
enum { SCENES = sizeof scenes / sizeof scenes[0] };

/* -- faults --------------------------------------------------------------------------------------- */

/* An access that could do with less. */
struct spare {
    const char *site;
    int lacks;                          /* all of these; 0: no scene meets it */
    const char *why;
    const char *beside;                 /* what does it, too, and without both it breaks; NULL: no single one */
    int beside_lacks;
};
enum { NARROW = 16, ALL_SITES = 512 };
#ifdef __SANITIZE_ADDRESS__
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif
static const char *const lacks_name[] = {
    [ORDER_ACQUIRE] = "acquire", [ORDER_RELEASE] = "release", [ORDER_FENCE] = "fence", [ORDER_TOTAL] = "total order",
    [NARROW] = "system scope",
};

#define WORD "nothing else is read by this word"
#define PHASES "of phases only HANDLER is acted on, and begin_call releases"
#define REPORTED "a rank looks after slot 0's report, which came through the ring, or after the worker's death"
#define PLACED "the order to start follows through the ring"
#define BELLED "who has the bell has the entry"
#define ENDS "it names its life, and the directory's word orders it"
#define FENCED "the fence behind it releases, too"
#define SHOWN "beside a life stands what is its own; fifteen words that are read one by one are too many orders to try"
enum { ACQUIRE = ORDER_ACQUIRE, RELEASE = ORDER_RELEASE, FENCE = ORDER_FENCE, TOTAL = ORDER_TOTAL };

/* Where more is asked for than these scenes need. */
static const struct spare spares[] = {
    {"commit_place: store_release(&arena_commit(v, slot, 0)->word)", RELEASE | NARROW, PLACED, NULL, 0},
    {"commit_place: store_release(&arena_commit(v, slot, 1)->word)", RELEASE | NARROW, PLACED, NULL, 0},
    {"commit_place: store_release(&to->word)", RELEASE | NARROW, PLACED, NULL, 0},
    {"commit_fetch: load_acquire(&is->life)", ACQUIRE | NARROW, REPORTED, NULL, 0},
    {"commit_fetch: load_acquire(&is->committed)", ACQUIRE | NARROW, REPORTED, NULL, 0},
    {"newest: load_acquire(&a->word)", ACQUIRE | NARROW, REPORTED, NULL, 0},
    {"newest: load_acquire(&b->word)", ACQUIRE | NARROW, REPORTED, NULL, 0},
    {"commit_write: store_release(&c->word)", RELEASE | NARROW, REPORTED, NULL, 0},
    {"commit_write: store_release(&s->is->committed)", RELEASE | NARROW, REPORTED, NULL, 0},
    {"commit_write: store_fence(&c->word)", RELEASE | FENCE | TOTAL, REPORTED, NULL, 0},
    {"show: load_acquire(&is->life)", 0, SHOWN, NULL, 0},
    {"show: store_release(&to->life)", 0, SHOWN, NULL, 0},
    {"slot_turn: load_acquire(&s->want->life)", ACQUIRE, "begin_life fences before it reads more",
     "begin_life: store_fence(&s->is->state)", FENCE},
    {"begin_life: store_release(&s->is->life)", RELEASE, "the fence before it releases",
     "begin_life: store_fence(&s->is->state)", FENCE},
    {"begin_life: store_fence(&s->is->state)", FENCE, "the life behind it is released",
     "begin_life: store_release(&s->is->life)", RELEASE},
    {"begin_life: store_fence(&s->is->state)", RELEASE | TOTAL, "slot_has_peers fences before the first look", NULL, 0},
    {"settle: store_release(&s->is->ready)", RELEASE, "the state behind it is released", NULL, 0},
    {"reset_private: store_release(&s->is->phase)", RELEASE, PHASES, NULL, 0},
    {"commit_now: store_release(&s->is->phase)", RELEASE, PHASES, NULL, 0},
    {"finish_call: store_release(&s->is->phase)", RELEASE, PHASES, NULL, 0},
    {"end_life: store_release(&s->is->phase)", RELEASE, PHASES, NULL, 0},
    {"commit_now: store_fence(&s->is->phase)", RELEASE | FENCE | TOTAL, "finish_call fenced after the last handler",
     NULL, 0},
    {"finish_call: store_fence(&s->is->phase)", RELEASE, FENCED, NULL, 0},
    {"clear_image: store_fence(&arena_entry(s->view, s->index, pos)->stamp)", RELEASE | FENCE | TOTAL,
     "outbox_take and the call of TW_INIT fence before anything is written there", NULL, 0},
    {"outbox_take: store_fence(&entry(s, pos)->stamp)", RELEASE | FENCE | TOTAL,
     "in a life no two messages that one reader may take for another have one number", NULL, 0},
    {"fence: store_fence(&arena_want(z->view, slot)->fence)", RELEASE, WORD, NULL, 0},
    {"slot_has_peers: store_fence(&s->is->streams)", RELEASE, WORD, NULL, 0},
    {"slot_gate: load_acquire(&s->want->fence)", ACQUIRE, WORD, NULL, 0},
    {"bell_ring: add_u32(&b->rings)", ACQUIRE, "who rings reads nothing by it", NULL, 0},
    {"slot0_turn: store_release(&h->beat)", RELEASE | NARROW, WORD, NULL, 0},
    {"enforce_stop: load_acquire(&arena_is(z->view, slot)->state)", ACQUIRE, WORD, NULL, 0},
    {"watch_slot: load_acquire(&is->phase)", ACQUIRE, WORD, NULL, 0},
    {"report_due: load_acquire(&arena_is(z->view, slot)->due)", ACQUIRE, WORD, NULL, 0},
    {"report_changes: load_acquire(&is->ready)", ACQUIRE, WORD, NULL, 0},
    {"report: load_acquire(&is->ready)", ACQUIRE, WORD, NULL, 0},
    {"tell_slots_of_peers: load_acquire(&is->streams)", ACQUIRE, WORD, NULL, 0},
    {"tell_slots_of_peers: load_acquire(&is->state)", ACQUIRE, WORD, NULL, 0},
    {"on_peer: store_release(&e->end)", RELEASE, ENDS, NULL, 0},
    {"how_it_ended: load_acquire(&e->end)", ACQUIRE, ENDS, NULL, 0},
    {"has_passed: load_acquire(lane ? &s->lanes[lane].bell_tail : &in->tail)", ACQUIRE, WORD, NULL, 0},
    {"unpack: store_release(&to->stamp)", RELEASE, BELLED, NULL, 0},
    {"streams_publish: store_release(&entry(s, pos)->stamp)", RELEASE, BELLED, NULL, 0},
    {"read_entry: load_acquire(&e->stamp)", ACQUIRE, BELLED, NULL, 0},
    {"lift_bell: load_acquire(&e->stamp)", ACQUIRE, BELLED, NULL, 0},
    {"finish_call: store_release(&s->is->due)", 0, WORD, NULL, 0},
    {"tell_ready: store_release(&s->is->ready)", 0, WORD, NULL, 0},
    {"act_out_drill: load_acquire(&s->want->life)", 0, "a wedge reads for ever what it does not need", NULL, 0},
    {"obey: store_release(&z->view->header->quit)", 0, WORD, NULL, 0},
    {"call_checkpoint: load_acquire(&s->want->stop)", 0, WORD, NULL, 0},
};

static uint32_t met_by[ALL_SITES];      /* bit per scene */

static int site_count(void) { return (int)(__stop_order_sites - __start_order_sites); }

static bool is_same(const struct order_site *a, const struct order_site *b_)
{
    return strcmp(a->function, b_->function) == 0 && strcmp(a->text, b_->text) == 0;
}

/* A function in a header is there once for each file; the first stands for all.  Ours are no subject. */
static bool is_first(int i)
{
    if (!strstr(__start_order_sites[i]->file, "src/slot/"))
        return false;
    for (int k = 0; k < i; k++)
        if (is_same(__start_order_sites[k], __start_order_sites[i]))
            return false;
    return true;
}

static void plant(const struct order_site *at, int lacks)
{
    for (int i = 0; i < site_count(); i++)
        if (is_same(__start_order_sites[i], at)) {
            __start_order_sites[i]->lacks = lacks & ~NARROW;
            __start_order_sites[i]->narrow = lacks & NARROW;
        }
}

static void note_met(int scene)
{
    for (int i = 0; i < site_count(); i++)
        for (int k = 0; k < site_count(); k++)
            if (__start_order_sites[k]->met && is_same(__start_order_sites[k], __start_order_sites[i]))
                met_by[i] |= 1u << scene;
    for (int i = 0; i < site_count(); i++)
        __start_order_sites[i]->met = false;
}

static bool is_named(const struct order_site *s, const char *name)
{
    size_t n = strlen(s->function);

    return strncmp(name, s->function, n) == 0 && strncmp(name + n, ": ", 2) == 0 && strcmp(name + n + 2, s->text) == 0;
}

static const struct order_site *site_named(const char *name)
{
    for (int i = 0; i < site_count(); i++)
        if (is_named(__start_order_sites[i], name))
            return __start_order_sites[i];
    return NULL;
}

static const struct spare *spare_of(const struct order_site *s, int lacks)
{
    for (size_t i = 0; i < sizeof spares / sizeof spares[0]; i++)
        if (is_named(s, spares[i].site) && (lacks ? spares[i].lacks & lacks : spares[i].lacks == 0))
            return &spares[i];
    return NULL;
}

/* What goes wrong with the faults that are planted, and in which of the scenes; NULL: nothing. */
static const char *breaks(uint32_t in, const char **ret_scene)
{
    struct order_result r = {0};

    for (int k = 0; k < SCENES && !r.wrong; k++) {
        *ret_scene = scenes[k].name;
        if (in >> k & 1)
            order_explore(&scenes[k], keep, &r);
    }
    return r.wrong;
}

static void exceptions_are_of_the_code(void)
{
    int gone = 0;

    for (size_t i = 0; i < sizeof spares / sizeof spares[0]; i++)
        if (!site_named(spares[i].site)) {
            printf("# not there: %s\n", spares[i].site);
            gone++;
        }
    ok(gone == 0, "every exception names an access that the code has");
}

/* An access without some of its order. */
static const char *breaks_without(int i, int lacks, const char **ret_scene)
{
    const char *wrong;

    plant(__start_order_sites[i], lacks);
    wrong = breaks(met_by[i], ret_scene);
    plant(__start_order_sites[i], 0);
    return wrong;
}

static void is_needed(int i, int lacks)
{
    const struct order_site *s = __start_order_sites[i];
    const char *scene, *wrong = breaks_without(i, lacks, &scene);

    ok(wrong != NULL, "%s: %s needs its %s: else %s", s->function, s->text, lacks_name[lacks],
       wrong ? wrong : "nothing breaks");
    if (wrong)
        printf("# %s\n", scene);
}

static void is_spare(int i, const struct spare *spare)
{
    const char *scene, *wrong = breaks_without(i, spare->lacks, &scene), *both = "";

    if (spare->beside) {
        plant(site_named(spare->beside), spare->beside_lacks);
        both = breaks_without(i, spare->lacks, &scene);
        plant(site_named(spare->beside), 0);
    }
    ok(!wrong && both, "%s is stronger than needed: %s", spare->site, spare->why);
    if (wrong || (both && both[0]))
        printf("# %s: %s\n", scene, wrong ? wrong : both);
}

/* Each kind of order that it has: needed, or on the list; what stands there in one line is planted at once. */
static void each_order_of(int i)
{
    const struct order_site *s = __start_order_sites[i];
    int has = s->order | (s->scope == SCOPE_SYSTEM ? NARROW : 0), looked_at = 0;

    for (int bit = ORDER_ACQUIRE; bit <= NARROW; bit <<= 1) {
        const struct spare *spare = spare_of(s, bit);

        if (!(has & bit) || looked_at & bit)
            continue;
        if (spare)
            is_spare(i, spare);
        else
            is_needed(i, bit);
        looked_at |= spare ? spare->lacks : bit;
    }
}

int main(int argc, char **argv)
{
    for (int i = 0; i < SCENES; i++) {
        struct order_result r;

        if (argc == 2 && strcmp(argv[1], scenes[i].name) != 0)
            continue;
        order_explore(&scenes[i], keep, &r);
        ok(!r.wrong, "%s: in %" PRIu64 " executions %s", scenes[i].name, r.runs, r.wrong ? r.wrong : "all is right");
        printf("# %" PRIu64 " more were seen to lead to these\n", r.cut);
        note_met(i);
    }
    exceptions_are_of_the_code();
    if (SANITIZED)
        done_testing();                 /* planted faults tell nothing of our own */
    for (int i = 0; i < site_count(); i++) {
        const struct order_site *s = __start_order_sites[i];

        if (!is_first(i) || (argc == 2 && !met_by[i]))
            continue;
        if (met_by[i])
            each_order_of(i);
        else
            ok(spare_of(s, 0) != NULL, "%s: %s is in no scene: %s", s->function, s->text,
               spare_of(s, 0) ? spare_of(s, 0)->why : "it should be");
    }
    done_testing();
}
