/* slot0.c - the device's own supervisor loop: commands down, bells and reports up, who is wedged
 *
 * Everything it tells the rank is level-triggered too: a report that finds no room in the up ring is made
 * again in a later turn from what the slot's control line says then.
 */
#include "slot/slot_impl.h"

#define COMMANDS_PER_TURN 64
#define OWN_GAP_MS 1000u            /* this loop itself did not run: watches start again */
#define STILL_MS 2000u              /* busy, and neither beat nor CPU clock moves: blocked in a call */
#define SWEEP_MS 250u

struct slot0_watch {
    uint64_t told_life, told_state; /* what the rank knows */
    uint64_t told_ready;
    uint64_t told_due;
    uint64_t log_head;
    uint64_t shown_beat, shown_ms;  /* when the rank was last shown its line, and how far it was */
    uint64_t beat, hand;            /* as last seen */
    uint64_t cpu_ns, since_ms;      /* when beat or hand last moved */
    uint64_t still_cpu_ns, still_ms;
    uint64_t stop_at_ms;            /* a stop not obeyed by then is enforced; SLOT_NEVER */
    uint64_t fence_end;             /* what a fenced life is reported as */
    uint32_t vertex, deadline_ms;   /* of the config, read when SLOT_START published it: the rank writes there
                                     * whenever it believes the slot idle, while this loop looks at all slots */
};

struct slot0_ack {
    uint32_t used, nack;
    uint32_t src, dst;
    uint64_t lines, consumed, durable;
};

HD uint64_t slot0_private_bytes(const struct arena_geometry *geo)
{
    return ALIGN64((geo->slots + 1) * sizeof(struct slot0_watch)) +
           ALIGN64((uint64_t)geo->slots * geo->peers * sizeof(struct slot0_ack)) + geo->message_bytes + 64;
}

HD void slot0_init(struct slot0 *z, struct arena_view *view, const struct slot_env *env, void *memory)
{
    char *at = (char *)memory;

    z->view = view;
    z->env = env;
    z->watch = (struct slot0_watch *)(void *)at;
    at += ALIGN64((view->geo.slots + 1) * sizeof(struct slot0_watch));
    z->acks = (struct slot0_ack *)(void *)at;
    at += ALIGN64((uint64_t)view->geo.slots * view->geo.peers * sizeof(struct slot0_ack));
    z->body = at;
    z->now_ms = 0;
    z->next_slot = 0;
    z->up_blocked = z->peers_moved = z->quit = 0;
    z->beat = 0;
    for (uint32_t w = 0; w < sizeof z->marked / sizeof z->marked[0]; w++)
        z->marked[w] = z->acks_due[w] = 0;
    for (uint32_t i = 0; i <= view->geo.slots; i++)
        z->watch[i].stop_at_ms = SLOT_NEVER;
}

HD static void blank(union cell *c, uint16_t type)
{
    for (uint32_t i = 0; i < sizeof *c; i++)
        c->bytes[i] = 0;
    c->head.type = type;
}

HD static int up(struct slot0 *z, const union cell *c, const void *body, uint32_t bytes)
{
    int rc = ring_put(arena_up(z->view), up_ring_bytes(&z->view->geo), c, body, bytes);

    z->up_blocked |= rc != 0;
    return rc;
}

HD static int is_slot(const struct slot0 *z, uint32_t slot) { return slot >= 1 && slot <= z->view->geo.slots; }

HD static void ring_slot(struct slot0 *z, uint32_t slot) { bell_ring(z->env, arena_bell(z->view, slot)); }

/* -- commands ------------------------------------------------------------------------------------- */

HD static void on_start(struct slot0 *z, const struct cell_slot *c)
{
    struct slot_want *w = arena_want(z->view, c->slot);
    struct slot0_watch *t = &z->watch[c->slot];

    store_relaxed(&w->stop, 0);
    store_relaxed(&w->drill_step, c->drill_step);
    t->stop_at_ms = SLOT_NEVER;
    t->fence_end = 0;
    t->vertex = arena_config(z->view, c->slot)->vertex;
    t->deadline_ms = arena_config(z->view, c->slot)->deadline_ms;
    store_release(&w->life, c->life, SCOPE_DEVICE);
    ring_slot(z, c->slot);
}

HD static void on_stop(struct slot0 *z, const struct cell_slot *c)
{
    struct slot_want *w = arena_want(z->view, c->slot);

    if (load_relaxed(&w->life) != c->life)
        return;
    store_relaxed(&w->stop_how, c->how);
    store_release(&w->stop, c->life, SCOPE_DEVICE);
    z->watch[c->slot].stop_at_ms = c->deadline_ms ? z->now_ms + c->deadline_ms : SLOT_NEVER;
    ring_slot(z, c->slot);
}

HD static void on_drill(struct slot0 *z, const struct cell_slot *c)
{
    struct slot_want *w = arena_want(z->view, c->slot);

    if (load_relaxed(&w->life) != c->life)
        return;
    store_relaxed(&w->drill, c->how);
    store_release(&w->drill_life, c->life, SCOPE_DEVICE);
    ring_slot(z, c->slot);
}

HD static void on_peer(struct slot0 *z, const struct cell_peer *c)
{
    struct peer_end *e;

    if (c->dst >= z->view->geo.vertices)
        return;
    e = &arena_ends(z->view)[c->dst];
    if (e->life != c->ended) {
        store_relaxed(&e->life, c->ended);
        store_release(&e->end, PEER_END(c->ended, c->cls, c->cause), SCOPE_DEVICE);
    }
    /* Fenced, as slot.c, begin_life and stream.c, stream_of are: either the slot is seen to live and to have peers, or
     * it sees this word. */
    store_fence(&arena_directory(z->view)[c->dst], PEER_WORD(c->line, c->life, c->slot, c->flags));
    z->peers_moved = 1;
}

/* Once for all that moved in a turn, and only those who live and have peers: a life that begins and a stream that is
 * made look for themselves.  A branch that falls or comes back moves hundreds at once. */
HD static void tell_slots_of_peers(struct slot0 *z)
{
    if (!z->peers_moved)
        return;
    z->peers_moved = 0;
    for (uint32_t slot = 1; slot <= z->view->geo.slots; slot++) {
        const struct slot_is *is = arena_is(z->view, slot);
        uint64_t state = load_acquire(&is->state, SCOPE_DEVICE);

        if (state >= SLOT_STARTING && state <= SLOT_DRAINING && load_acquire(&is->streams, SCOPE_DEVICE) > 0)
            ring_slot(z, slot);
    }
}

/* End a life whatever its thread does.  Handshake: slot.c. */
HD static void fence(struct slot0 *z, uint32_t slot, uint64_t life, uint64_t end)
{
    struct slot0_watch *t = &z->watch[slot];

    if (t->fence_end)
        return;
    t->fence_end = end;
    store_fence(&arena_want(z->view, slot)->fence, life);
    ring_slot(z, slot);
}

HD static void on_fence(struct slot0 *z, const struct cell_slot *c)
{
    if (load_relaxed(&arena_want(z->view, c->slot)->life) == c->life)
        fence(z, c->slot, c->life, SLOT_END(CLASS_KILLED, CAUSE_OPERATOR, 0));
}

/* Its body is z->body.  No room: it was put twice after a move, and will be asked for. */
HD static void put_into_inbox(struct slot0 *z, uint32_t slot, const struct lane_bell *b, uint32_t type, uint32_t bytes)
{
    struct inbox *in = arena_inbox(z->view, slot);
    uint64_t tail = load_relaxed(&in->tail), what = type | (uint64_t)bytes << 32;
    char *at;

    if (tail - load_acquire(&in->head, SCOPE_DEVICE) >= inbox_entries(&z->view->geo))
        return;
    at = arena_inbox_entry(z->view, slot, tail);
    copy_to_guarded(at, b, sizeof *b);
    copy_to_guarded(at + sizeof *b, &what, 8);
    copy_to_guarded(at + sizeof *b + 8, z->body, bytes);
    store_release(&in->tail, tail + 1, SCOPE_DEVICE);
    bell_mark(arena_bell(z->view, slot), 0);
    ring_slot(z, slot);
}

/* To a life that is not there any more: the next one asks again. */
HD static void on_answer(struct slot0 *z, const struct cell_child *c)
{
    struct lane_bell b;

    b.src = CELL_NOBODY;
    b.dst = c->dst;
    b.lines = CELL_LINES(c->answer, c->line);
    b.seq = c->seq;
    b.extra = c->child_life;
    b.pos = c->place;
    b.count = c->what;
    b.urgent = b.reserved = 0;
    put_into_inbox(z, c->slot, &b, TW_CHILD, 0);
}

HD static void on_msg(struct slot0 *z, const struct cell_msg *c, uint32_t bytes)
{
    uint64_t word = c->dst < z->view->geo.vertices ? load_relaxed(&arena_directory(z->view)[c->dst]) : 0;
    uint32_t slot = PEER_SLOT(word);
    struct lane_bell b;

    if (PEER_STATUS(word) != PEER_UP || !is_slot(z, slot) || bytes > z->view->geo.message_bytes)
        return;                         /* not here any more: its sender hears where it is now */
    b.src = c->src;
    b.dst = c->dst;
    b.lines = c->life;
    b.seq = c->seq;
    b.extra = c->first;
    b.pos = b.reserved = 0;
    b.count = 1;
    b.urgent = c->flags;
    put_into_inbox(z, slot, &b, c->msg_type, bytes);
}

/* Where the ack of this stream waits: its own place if one does, else a free one.  Only the newest of a
 * stream is kept, each says all that the ones before it said. */
HD static struct slot0_ack *ack_place(struct slot0 *z, uint32_t slot, const struct cell_msg_ack *c)
{
    struct slot0_ack *first = &z->acks[(uint64_t)(slot - 1) * z->view->geo.peers], *free_one = NULL;

    for (struct slot0_ack *a = first; a < first + z->view->geo.peers; a++) {
        if (a->used && a->src == c->src && a->dst == c->dst)
            return a;
        if (!a->used && !free_one)
            free_one = a;
    }
    return free_one;
}

HD static void on_msg_ack(struct slot0 *z, const struct cell_msg_ack *c)
{
    uint64_t word = c->dst < z->view->geo.vertices ? load_relaxed(&arena_directory(z->view)[c->dst]) : 0;
    uint32_t slot = PEER_SLOT(word);
    struct slot0_ack *a;

    if (!is_slot(z, slot))
        return;
    a = ack_place(z, slot, c);
    if (!a)
        return;                         /* more peers than it may have: not its ack */
    /* A request to ring again outlives the acks that overtake it. */
    a->nack = c->type == CELL_MSG_NACK || (a->used && a->nack && a->lines == c->life);
    a->used = 1;
    a->src = c->src;
    a->dst = c->dst;
    a->lines = c->life;
    a->consumed = c->consumed;
    a->durable = c->durable;
    z->acks_due[slot / 64] |= (uint64_t)1 << slot % 64;
}

HD static void obey(struct slot0 *z, const union cell *c, uint32_t bytes)
{
    switch (c->head.type) {
    case CELL_MSG: on_msg(z, &c->msg, bytes); return;
    case CELL_MSG_ACK:
    case CELL_MSG_NACK: on_msg_ack(z, &c->msg_ack); return;
    case CELL_SLOT_PEER: on_peer(z, &c->peer); return;
    case CELL_SLOT_QUIT:
        z->quit = 1;
        store_release(&z->view->header->quit, 1, SCOPE_SYSTEM);
        return;
    }
    if (!is_slot(z, c->slot.slot))
        return;
    switch (c->head.type) {
    case CELL_SLOT_START: on_start(z, &c->slot); return;
    case CELL_SLOT_STOP: on_stop(z, &c->slot); return;
    case CELL_SLOT_FENCE: on_fence(z, &c->slot); return;
    case CELL_SLOT_DRILL: on_drill(z, &c->slot); return;
    case CELL_SLOT_ANSWER: on_answer(z, &c->child); return;
    }
}

HD static int take_commands(struct slot0 *z)
{
    struct byte_ring *r = arena_down(z->view);
    uint64_t size = down_ring_bytes(&z->view->geo);
    int n = 0;

    for (; n < COMMANDS_PER_TURN; n++) {
        union cell c;
        uint32_t bytes;

        if (ring_peek(r, size, &c, z->body, z->view->geo.message_bytes, &bytes) != 1)
            break;
        ring_drop(r, size);
        obey(z, &c, bytes);
    }
    tell_slots_of_peers(z);
    return n == COMMANDS_PER_TURN;
}

/* -- from the slots to elsewhere ------------------------------------------------------------------ */

HD static int lift_ask(struct slot0 *z, const struct lane_bell *b)
{
    union cell c;

    blank(&c, CELL_SLOT_ASK);
    c.child.src = b->src;
    c.child.seq = b->seq;
    c.child.line = CELL_SRC_LINE(b->lines);
    c.child.place = b->pos;
    c.child.verb = (uint32_t)(b->extra >> 32);
    c.child.what = (uint32_t)b->extra;
    return up(z, &c, NULL, 0);
}

HD static int lift_bell(struct slot0 *z, uint32_t slot, const struct lane_bell *b)
{
    struct outbox_entry *e = arena_entry(z->view, slot, b->pos % z->view->geo.mailbox), copy;
    union cell c;

    if (b->dst == CELL_NOBODY)
        return lift_ask(z, b);
    if (load_acquire(&e->stamp, SCOPE_DEVICE) != b->seq)
        return 0;                       /* of an earlier life: it will be rung again */
    copy_from_shared(&copy, e, sizeof copy);
    if (!entry_is_of(z->view, &copy, b))
        return 0;
    copy_from_shared(z->body, e + 1, copy.bytes);
    if (!entry_is_still(z->view, e, b))
        return 0;
    blank(&c, CELL_MSG);
    c.msg.life = b->lines;
    c.msg.seq = b->seq;
    c.msg.src = b->src;
    c.msg.dst = b->dst;
    c.msg.flags = (uint16_t)b->urgent;
    c.msg.msg_type = copy.type;
    c.msg.first = b->extra;
    c.msg.bytes = copy.bytes;
    return up(z, &c, z->body, copy.bytes);
}

HD static int lift_ack(struct slot0 *z, const struct lane_bell *b)
{
    union cell c;

    blank(&c, b->pos ? CELL_MSG_NACK : CELL_MSG_ACK);
    c.msg_ack.life = b->lines;
    c.msg_ack.src = b->src;
    c.msg_ack.dst = b->dst;
    c.msg_ack.consumed = b->seq;
    c.msg_ack.durable = b->extra;
    return up(z, &c, NULL, 0);
}

/* Returns 1 if all of it was, 0 if the up ring has no room for the rest. */
HD static int lift_lane(struct slot0 *z, uint32_t slot)
{
    struct lane *l = arena_lane(z->view, 0, slot);
    uint64_t head = load_relaxed(&l->ack_head), start;
    struct lane_bell b;

    for (; head != load_acquire(&l->ack_tail, SCOPE_DEVICE); head++) {
        copy_from_guarded(&b, &l->acks[head % LANE_ACKS], sizeof b);
        if (lift_ack(z, &b) != 0)
            return 0;
        store_release(&l->ack_head, head + 1, SCOPE_DEVICE);
    }
    start = head = load_relaxed(&l->bell_head);
    for (; head != load_acquire(&l->bell_tail, SCOPE_DEVICE); head++) {
        copy_from_guarded(&b, &l->bells[head % LANE_BELLS], sizeof b);
        if (lift_bell(z, slot, &b) != 0)
            break;
        store_release(&l->bell_head, head + 1, SCOPE_DEVICE);
    }
    if (head - start >= LANE_BELLS / 2)
        ring_slot(z, slot);             /* it may wait for room */
    return !z->up_blocked;
}

/* Whoever puts something into a lane marks it: the others are not looked at. */
HD static void lift_lanes(struct slot0 *z)
{
    struct bell_word *bell = arena_bell(z->view, 0);
    uint64_t any = 0;

    for (uint32_t w = 0; w <= z->view->geo.slots / 64; w++)
        any |= z->marked[w] |= bell_take(bell, w);
    z->next_slot = (z->next_slot + 1) % z->view->geo.slots;
    if (!any)
        return;
    for (uint32_t n = 0; n < z->view->geo.slots; n++) {
        uint32_t slot = 1 + (z->next_slot + n) % z->view->geo.slots;
        uint64_t bit = (uint64_t)1 << slot % 64;

        if (z->marked[slot / 64] & bit && lift_lane(z, slot))
            z->marked[slot / 64] &= ~bit;
    }
}

HD static int hand_over_acks(struct slot0 *z, uint32_t slot)
{
    struct lane *l = arena_lane(z->view, slot, 0);
    uint64_t tail = load_relaxed(&l->ack_tail);
    struct slot0_ack *a = &z->acks[(uint64_t)(slot - 1) * z->view->geo.peers];
    int handed = 0, left = 0;

    for (uint32_t i = 0; i < z->view->geo.peers; i++, a++) {
        struct lane_bell b;

        if (!a->used)
            continue;
        if (tail - load_acquire(&l->ack_head, SCOPE_DEVICE) >= LANE_ACKS) {
            left = 1;
            break;
        }
        b.src = a->src;
        b.dst = a->dst;
        b.lines = a->lines;
        b.seq = a->consumed;
        b.extra = a->durable;
        b.pos = a->nack;
        b.count = b.urgent = b.reserved = 0;
        copy_to_guarded(&l->acks[tail % LANE_ACKS], &b, sizeof b);
        store_release(&l->ack_tail, ++tail, SCOPE_DEVICE);
        a->used = 0;
        handed = 1;
    }
    if (!left)
        z->acks_due[slot / 64] &= ~((uint64_t)1 << slot % 64);
    if (handed) {
        bell_mark(arena_bell(z->view, slot), 0);
        ring_slot(z, slot);
    }
    return left;
}

/* -- reports -------------------------------------------------------------------------------------- */

HD static void copy_shared(void *to, const void *from, uint64_t bytes)
{
    for (uint64_t i = 0; i < (bytes + 7) / 8; i++)
        store_relaxed(&((uint64_t *)to)[i], load_relaxed(&((const uint64_t *)from)[i]));
}

/* Where the rank cannot look itself.  `life` last: what stands beside a life is of that life, or of one before it. */
HD static void show(struct slot0 *z, uint32_t slot, int over)
{
    const struct slot_is *is = arena_is(z->view, slot);
    struct slot_is *to = arena_shown_is(z->view, slot);
    uint64_t life;

    if (!z->view->geo.apart)
        return;
    life = load_acquire(&is->life, SCOPE_DEVICE);
    z->watch[slot].shown_beat = load_relaxed(&is->beat);
    z->watch[slot].shown_ms = z->now_ms;
    copy_shared(&to->life + 1, &is->life + 1, sizeof *is - sizeof is->life);
    if (over)
        copy_shared(arena_shown_hand(z->view, slot), arena_hand(z->view, slot),
                    sizeof(struct slot_hand) + z->view->geo.message_bytes);
    store_release(&to->life, life, SCOPE_SYSTEM);
}

/* At most once a millisecond: it crosses the host link. */
HD static void show_progress(struct slot0 *z, uint32_t slot)
{
    const struct slot0_watch *t = &z->watch[slot];

    if (z->view->geo.apart && z->now_ms != t->shown_ms && load_relaxed(&arena_is(z->view, slot)->beat) != t->shown_beat)
        show(z, slot, 0);
}

HD static int report(struct slot0 *z, uint32_t slot, uint64_t life, uint64_t state)
{
    struct slot_is *is = arena_is(z->view, slot);
    struct slot0_watch *t = &z->watch[slot];
    /* A life that ended by itself before it saw the fence ended as it says. */
    uint64_t end = t->fence_end && state > SLOT_FAILED ? t->fence_end : load_relaxed(&is->end);
    union cell c;

    blank(&c, CELL_SLOT_IS);
    c.slot_is.life = life;
    c.slot_is.slot = slot;
    c.slot_is.state = (uint32_t)state;
    c.slot_is.flags = load_acquire(&is->ready, SCOPE_DEVICE) == life;
    c.slot_is.src = t->vertex;
    c.slot_is.committed = load_relaxed(&is->committed);
    c.slot_is.cls = SLOT_END_CLASS(end);
    c.slot_is.cause = SLOT_END_CAUSE(end);
    c.slot_is.code = SLOT_END_CODE(end);
    show(z, slot, state >= SLOT_FAILED);
    if (up(z, &c, NULL, 0) != 0)
        return TW_EFULL;
    t->told_life = life;
    t->told_state = state;
    t->told_ready = c.slot_is.flags;
    if (state == SLOT_FENCED && ENV_HAS(z->env, fenced))
        z->env->fenced(z->env->self, slot);
    return 0;
}

/* What the slot is, as the rank is to believe it: a fenced life whose thread sits in a handler is over. */
HD static void report_changes(struct slot0 *z, uint32_t slot)
{
    struct slot_is *is = arena_is(z->view, slot);
    struct slot0_watch *t = &z->watch[slot];
    uint64_t life = load_acquire(&is->life, SCOPE_DEVICE);      /* before the state: slot.c, begin_life */
    uint64_t state = load_acquire(&is->state, SCOPE_DEVICE);

    if (load_relaxed(&is->life) != life)
        return;                         /* another life began meanwhile: next sweep */
    if (t->told_life == life && t->told_state == SLOT_FENCED)
        return;
    if (t->fence_end && life == load_relaxed(&arena_want(z->view, slot)->fence) &&
        load_acquire(&is->phase, SCOPE_DEVICE) == PHASE_HANDLER)
        state = SLOT_FENCED;
    if (state == SLOT_IDLE || state == SLOT_STARTING || life == 0 ||
        (t->told_life == life && t->told_state == state &&
         t->told_ready == (load_acquire(&is->ready, SCOPE_DEVICE) == life)))
        return;
    (void)report(z, slot, life, state);
}

HD static void report_due(struct slot0 *z, uint32_t slot)
{
    struct slot0_watch *t = &z->watch[slot];
    uint64_t due = load_acquire(&arena_is(z->view, slot)->due, SCOPE_DEVICE);
    union cell c;

    if (due == 0 || due == t->told_due)
        return;
    blank(&c, CELL_SLOT_DUE);
    c.slot.life = due;
    c.slot.slot = slot;
    c.slot.src = t->vertex;
    c.slot.drill_step = load_relaxed(&arena_want(z->view, slot)->drill_step);
    if (up(z, &c, NULL, 0) == 0)
        t->told_due = due;
}

HD static void report_logs(struct slot0 *z, uint32_t slot)
{
    struct slot0_watch *t = &z->watch[slot];
    uint64_t tail = load_acquire(&arena_is(z->view, slot)->log_tail, SCOPE_DEVICE);

    if (tail - t->log_head > SLOT_LOGS)
        t->log_head = tail - SLOT_LOGS; /* overwritten: lossy by contract, the numbers show it */
    for (; t->log_head != tail; t->log_head++) {
        union cell c;

        copy_from_shared(&c, &arena_logs(z->view, slot)[t->log_head % SLOT_LOGS], sizeof c);
        c.head.type = CELL_SLOT_LOG;
        if (up(z, &c, NULL, 0) != 0)
            return;
    }
}

/* -- watching ------------------------------------------------------------------------------------- */

HD static void watch_again(struct slot0 *z, struct slot0_watch *t, uint64_t beat, uint64_t hand, uint64_t cpu)
{
    t->beat = beat;
    t->hand = hand;
    t->cpu_ns = t->still_cpu_ns = cpu;
    t->since_ms = t->still_ms = z->now_ms;
}

/* Wedged: one handler call in hand, no beat for its deadline of executable time; or its thread neither
 * runs nor beats for long. */
HD static void watch_slot(struct slot0 *z, uint32_t slot, uint64_t cpu, int gap)
{
    struct slot_is *is = arena_is(z->view, slot);
    struct slot0_watch *t = &z->watch[slot];
    uint64_t life = load_relaxed(&is->life), beat = load_relaxed(&is->beat);
    uint64_t hand = load_relaxed(&is->hand);
    uint64_t limit_ms = t->deadline_ms;
    uint64_t still = limit_ms > STILL_MS ? limit_ms : STILL_MS;

    if (gap || beat != t->beat || hand != t->hand || load_acquire(&is->phase, SCOPE_DEVICE) != PHASE_HANDLER) {
        watch_again(z, t, beat, hand, cpu);
        return;
    }
    if (cpu - t->still_cpu_ns >= 1000000u) {
        t->still_cpu_ns = cpu;
        t->still_ms = z->now_ms;
    }
    if (limit_ms && (cpu - t->cpu_ns >= limit_ms * 1000000u || z->now_ms - t->still_ms >= still))
        fence(z, slot, life, SLOT_END(CLASS_ABNORMAL, CAUSE_WEDGED, (uint32_t)(hand >> 32)));
}

HD static void enforce_stop(struct slot0 *z, uint32_t slot)
{
    struct slot0_watch *t = &z->watch[slot];
    uint64_t life = load_relaxed(&arena_want(z->view, slot)->life);
    int begun = load_acquire(&arena_is(z->view, slot)->life, SCOPE_DEVICE) == life;
    uint64_t state = load_acquire(&arena_is(z->view, slot)->state, SCOPE_DEVICE);

    if (t->stop_at_ms == SLOT_NEVER)
        return;
    if (begun && (state == SLOT_FAILED || state == SLOT_DEAD))
        t->stop_at_ms = SLOT_NEVER;
    else if (z->now_ms >= t->stop_at_ms)
        fence(z, slot, life, SLOT_END(CLASS_KILLED, CAUSE_SUPERVISOR, 0));
}

/* Time in which this loop did not run is nobody's. */
HD static void put_off_stops(struct slot0 *z, uint64_t ms)
{
    for (uint32_t slot = 1; slot <= z->view->geo.slots; slot++)
        if (z->watch[slot].stop_at_ms != SLOT_NEVER)
            z->watch[slot].stop_at_ms += ms;
}

HD static uint64_t sweep(struct slot0 *z, const uint64_t *cpu_ns, int gap)
{
    uint64_t due = z->now_ms + SWEEP_MS;

    for (uint32_t slot = 1; slot <= z->view->geo.slots; slot++) {
        struct slot0_watch *t = &z->watch[slot];
        uint64_t quarter = t->deadline_ms / 4;

        watch_slot(z, slot, cpu_ns ? cpu_ns[slot] : 0, gap);
        enforce_stop(z, slot);
        report_changes(z, slot);
        show_progress(z, slot);
        report_due(z, slot);
        report_logs(z, slot);
        if (t->hand && quarter && z->now_ms + quarter < due)
            due = z->now_ms + (quarter > 1 ? quarter : 1);
        if (t->stop_at_ms < due)
            due = t->stop_at_ms > z->now_ms ? t->stop_at_ms : z->now_ms + 1;
        if (t->fence_end && t->told_state < SLOT_FAILED && z->now_ms + 1 < due)
            due = z->now_ms + 1;        /* waiting for its thread to answer the fence */
    }
    return due;
}

HD uint64_t slot0_turn(struct slot0 *z, uint64_t now_ms, const uint64_t *cpu_ns)
{
    struct arena_header *h = z->view->header;
    uint64_t up_before = load_relaxed(&arena_up(z->view)->tail);
    int gap = z->now_ms == 0 || now_ms - z->now_ms > OWN_GAP_MS;
    int more, left = 0;
    uint64_t due;

    if (gap && z->now_ms)
        put_off_stops(z, now_ms - z->now_ms);
    z->now_ms = now_ms;
    z->up_blocked = 0;
    store_release(&h->beat, ++z->beat, SCOPE_SYSTEM);
    more = take_commands(z);
    lift_lanes(z);
    for (uint32_t slot = 1; slot <= z->view->geo.slots; slot++)
        if (z->acks_due[slot / 64] >> slot % 64 & 1)
            left |= hand_over_acks(z, slot);
    due = sweep(z, cpu_ns, gap);
    if (load_relaxed(&arena_up(z->view)->tail) != up_before && ENV_HAS(z->env, wake_rank))
        z->env->wake_rank(z->env->self);
    if (more && !z->up_blocked)
        return 0;
    return (z->up_blocked || left) && now_ms + 1 < due ? now_ms + 1 : due;
}
