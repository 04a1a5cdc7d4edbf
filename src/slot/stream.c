/* stream.c - numbered streams between actors: outbox, doorbells, acknowledgements
 *
 * A message lies in its sender's outbox until a commit of the receiver that contains its effect is
 * durable.  What travels are bells {stream, number, entry}; any bell may be lost, doubled or late, because
 * all of it is level-triggered: the sender rings again from `acked` whenever the receiver's directory word
 * changes or it is asked to (nack), the receiver takes exactly number consumed + 1 and drops the rest.
 * So after any resume, of either side, every number takes effect once.
 *
 * A line names a history: when the peer's line changes (it lost its commit), what it had acknowledged is
 * counted as lost, the rest is sent again to the new line under the same numbers, starting at `base` + 1.
 */
#include "slot/slot_impl.h"

#define RING_AGAIN_MS 1000u

HD static struct outbox_entry *entry(const struct slot *s, uint32_t pos) { return slot_entry(s, pos); }

/* -- outbox --------------------------------------------------------------------------------------- */

HD uint32_t outbox_take(struct slot *s)
{
    uint32_t pos = s->outbox_hint;

    for (uint32_t i = 0; i < s->config->mailbox && s->outbox_free > 0; i++, pos++) {
        if (pos >= s->config->mailbox)
            pos = 0;
        if (s->next[pos] != POS_FREE)
            continue;
        s->outbox_hint = pos + 1;
        s->outbox_free--;
        s->next[pos] = NO_POS;
        store_fence(&entry(s, pos)->stamp, 0);  /* a late reader must not take old for new */
        return pos;
    }
    return NO_POS;
}

HD static void outbox_release(struct slot *s, uint32_t pos)
{
    s->next[pos] = POS_FREE;
    s->outbox_free++;
}

/* `to` follows `from` in its stream: for us, and for readers of a bell that counts in both. */
HD static void link_entries(struct slot *s, uint32_t from, uint32_t to)
{
    struct outbox_entry *e = entry(s, from);

    s->next[from] = to;
    store_relaxed((uint64_t *)(void *)&e->line, e->line | (uint64_t)to << 32);
}

/* Keep the chain of a stream in the order of numbers; after a restore entries come in any order. */
HD static void chain_insert(struct slot *s, struct slot_route *r, uint32_t pos)
{
    uint64_t number = entry(s, pos)->stamp;
    uint32_t before = NO_POS, at = r->first;

    while (at != NO_POS && entry(s, at)->stamp < number) {
        before = at;
        at = s->next[at];
    }
    link_entries(s, pos, at);
    s->outbox_free--;
    if (before == NO_POS)
        r->first = pos;
    else
        link_entries(s, before, pos);
    if (at == NO_POS)
        r->last = pos;
}

/* -- the table ------------------------------------------------------------------------------------ */

HD static void route_reset(struct slot_route *r, const struct stream *st)
{
    r->where = 0;
    r->moved_ms = 0;
    r->rung = r->window = st->acked;
    r->told = st->consumed;
    r->first = r->last = r->ring_at = NO_POS;
    r->ack_due = 0;
}

HD static int find_stream(struct slot *s, uint32_t peer)
{
    if (s->stream_hint < s->image->stream_count && s->streams[s->stream_hint].peer == peer)
        return (int)s->stream_hint;
    for (uint32_t i = 0; i < s->image->stream_count; i++)
        if (s->streams[i].peer == peer) {
            s->stream_hint = i;
            return (int)i;
        }
    return TW_ENOENT;
}

HD int stream_of(struct slot *s, uint32_t peer)
{
    int i = find_stream(s, peer);
    struct stream *st;

    if (i >= 0)
        return i;
    if (s->image->stream_count >= s->config->peers)
        return TW_EFULL;
    i = (int)s->image->stream_count++;
    st = &s->streams[i];
    *st = (struct stream){0};
    st->peer = peer;
    route_reset(&s->routes[i], st);
    s->pump_due = 1;                    /* where it is has to be seen: before that, that there is a stream */
    slot_has_peers(s);
    return i;
}

HD void streams_reset(struct slot *s)
{
    for (uint32_t pos = 0; pos < s->config->mailbox; pos++)
        s->next[pos] = POS_FREE;
    s->outbox_free = s->config->mailbox;
    s->outbox_hint = s->stream_hint = 0;
    s->pump_due = s->maybe_fresh = 1;
    s->looked_ms = SLOT_NEVER;
    slot_has_peers(s);
    for (uint32_t i = 0; i < s->image->stream_count; i++)
        route_reset(&s->routes[i], &s->streams[i]);
    for (uint32_t pos = 0; pos < s->config->mailbox; pos++) {
        int i;

        if (entry(s, pos)->stamp == 0)
            continue;
        i = find_stream(s, entry(s, pos)->dst);
        if (i < 0)
            continue;
        chain_insert(s, &s->routes[i], pos);
    }
    for (uint32_t i = 0; i < s->image->stream_count; i++) {
        struct stream *st = &s->streams[i];

        s->routes[i].ring_at = s->routes[i].first;
        st->leave = st->sent;               /* whatever is in a commit may leave */
        st->durable = st->consumed;
        s->routes[i].ack_due = st->in_line != 0;    /* a peer may have missed the last one */
    }
}

/* -- sending -------------------------------------------------------------------------------------- */

HD void streams_publish(struct slot *s)
{
    uint32_t pos = s->staged_first;

    s->pump_due |= pos != NO_POS;
    while (pos != NO_POS) {
        uint32_t after = s->next[pos];
        int i = find_stream(s, entry(s, pos)->dst);
        struct slot_route *r = &s->routes[i];

        s->next[pos] = NO_POS;
        store_release(&entry(s, pos)->stamp, ++s->streams[i].sent, SCOPE_DEVICE);
        if (r->last == NO_POS)
            r->first = pos;
        else
            link_entries(s, r->last, pos);
        r->last = pos;
        if (r->ring_at == NO_POS)
            r->ring_at = pos;
        if (s->config->flags & SLOT_EAGER && s->image->commit > 0)
            s->streams[i].leave = s->streams[i].sent;
        pos = after;
    }
    s->staged_first = s->staged_last = NO_POS;
}

HD void streams_committed(struct slot *s)
{
    s->pump_due = 1;
    for (uint32_t i = 0; i < s->image->stream_count; i++) {
        struct stream *st = &s->streams[i];

        st->leave = st->sent;
        if (st->durable != st->consumed) {
            st->durable = st->consumed;
            if (s->routes[i].ack_due == 0)
                s->routes[i].ack_due = 1;
        }
    }
}

HD int streams_hold(const struct slot *s)
{
    for (uint32_t i = 0; i < s->image->stream_count; i++)
        if (s->streams[i].leave < s->streams[i].sent)
            return 1;
    return 0;
}

HD uint64_t streams_due(const struct slot *s)
{
    for (uint32_t i = 0; i < s->image->stream_count; i++)
        if (s->routes[i].rung > s->streams[i].acked)
            return s->now_ms + RING_AGAIN_MS;
    return SLOT_NEVER;
}

HD int streams_open(const struct slot *s)
{
    for (uint32_t i = 0; i < s->image->stream_count; i++)
        if (s->streams[i].acked < s->streams[i].sent)
            return 1;
    return 0;
}

/* Free everything up to `durable`. */
HD static void trim(struct slot *s, uint32_t i, uint64_t durable)
{
    struct stream *st = &s->streams[i];
    struct slot_route *r = &s->routes[i];

    if (durable > st->sent)
        durable = st->sent;     /* eager: the peer knows numbers an earlier life sent; ours will follow */
    while (st->acked < durable && r->first != NO_POS) {
        uint32_t pos = r->first;

        r->first = s->next[pos];
        if (r->first == NO_POS)
            r->last = NO_POS;
        if (r->ring_at == pos)
            r->ring_at = r->first;
        outbox_release(s, pos);
        st->acked++;
    }
    if (r->rung < st->acked)
        r->rung = st->acked;
    if (r->window < st->acked)
        r->window = st->acked;
}

/* Ring again from `number` + 1 on. */
HD static void rewind_to(struct slot *s, uint32_t i, uint64_t number)
{
    struct slot_route *r = &s->routes[i];

    if (number < s->streams[i].acked)
        number = s->streams[i].acked;
    if (number >= r->rung)
        return;
    r->rung = number;
    r->ring_at = r->first;
    while (r->ring_at != NO_POS && entry(s, r->ring_at)->stamp <= number)
        r->ring_at = s->next[r->ring_at];
}

/* Nobody is there to take what is open. */
HD static void bury(struct slot *s, uint32_t i)
{
    struct stream *st = &s->streams[i];
    uint64_t open = st->sent - st->acked;

    trim(s, i, st->sent);
    st->dead += open;
    st->leave = st->sent;
}

/* A line of a peer shows, in the directory or on a bell: whichever is first tells the actor, once.  In a place it is
 * another child's, and what is open was meant for the last one. */
HD static void peer_line(struct slot *s, uint32_t i, uint32_t line, uint64_t word)
{
    struct stream *st = &s->streams[i];
    uint32_t known = st->line > st->in_line ? st->line : st->in_line;

    if (known == 0 || line <= known)
        return;
    st->fresh_due = s->maybe_fresh = 1;
    if (PEER_IS_PLACE(word))
        bury(s, i);
}

/* A later line of the peer has spoken than the one that is over: where it is now will show. */
HD static int is_outdated(const struct stream *st, uint64_t word)
{
    return PEER_STATUS(word) >= PEER_GONE && st->in_line > PEER_LINE(word);
}

/* The directory says something new about a peer. */
HD static void peer_moved(struct slot *s, uint32_t i, uint64_t word)
{
    struct stream *st = &s->streams[i];
    struct slot_route *r = &s->routes[i];

    r->where = word;
    if (PEER_STATUS(word) == PEER_GONE || PEER_STATUS(word) == PEER_DRAINING) {
        bury(s, i);
        r->ack_due = st->in_line != 0 && PEER_STATUS(word) == PEER_DRAINING;
        return;
    }
    if (PEER_STATUS(word) != PEER_UP && PEER_STATUS(word) != PEER_DOWN)
        return;
    if (PEER_LINE(word) != (st->line & 0xffffffu)) {
        peer_line(s, i, PEER_LINE(word), word);
        st->lost = st->acked - st->dead;    /* it came back without its commit: all up to the new base was lost or dead */
        st->base = st->acked;
        st->line = PEER_LINE(word);
    }
    if (PEER_STATUS(word) != PEER_UP)
        return;
    r->window = st->acked;
    rewind_to(s, i, st->acked);
    if (st->in_line != 0)
        r->ack_due = r->ack_due ? r->ack_due : 1;
}

HD void streams_before_send(struct slot *s, uint32_t i)
{
    uint64_t word = where_is(s, s->streams[i].peer);

    if (PEER_IS_PLACE(word) && word != s->routes[i].where && !is_outdated(&s->streams[i], word))
        peer_moved(s, i, word);
}

HD int push_bell(struct slot *s, uint32_t to, const struct lane_bell *b)
{
    struct lane *l = arena_lane(s->view, to, s->index);
    uint64_t tail = load_relaxed(&l->bell_tail);

    if (tail - load_acquire(&l->bell_head, SCOPE_DEVICE) >= LANE_BELLS) {
        s->lane_full = 1;
        return TW_EFULL;
    }
    copy_to_guarded(&l->bells[tail % LANE_BELLS], b, sizeof *b);
    store_release(&l->bell_tail, tail + 1, SCOPE_DEVICE);
    bell_mark(arena_bell(s->view, to), s->index);
    return 0;
}

HD static int push_ack(struct slot *s, uint32_t to, const struct lane_bell *b)
{
    struct lane *l = arena_lane(s->view, to, s->index);
    uint64_t tail = load_relaxed(&l->ack_tail);

    if (tail - load_acquire(&l->ack_head, SCOPE_DEVICE) >= LANE_ACKS) {
        s->lane_full = 1;
        return TW_EFULL;
    }
    copy_to_guarded(&l->acks[tail % LANE_ACKS], b, sizeof *b);
    store_release(&l->ack_tail, tail + 1, SCOPE_DEVICE);
    bell_mark(arena_bell(s->view, to), s->index);
    return 0;
}

/* On this device one bell for all that may leave; slot 0 is rung for each, since it may have no room for all. */
HD static int pump_bells(struct slot *s, uint32_t i, uint32_t to, uint32_t urgent)
{
    struct stream *st = &s->streams[i];
    struct slot_route *r = &s->routes[i];
    int rung = 0;

    while (r->ring_at != NO_POS && r->rung < st->leave) {
        struct lane_bell b;

        if (to == 0 && r->rung >= r->window + REMOTE_WINDOW)
            break;                      /* the far side has promised room for so many */
        b.src = s->config->vertex;
        b.dst = st->peer;
        b.lines = CELL_LINES(s->config->line, st->line);
        b.seq = r->rung + 1;
        b.extra = st->base + 1;
        b.pos = r->ring_at;
        b.count = to ? (uint32_t)(st->leave - r->rung) : 1;
        b.urgent = urgent;
        b.reserved = 0;
        if (push_bell(s, to, &b) != 0)
            break;
        for (uint32_t n = 0; n < b.count; n++)
            r->ring_at = s->next[r->ring_at];
        r->rung += b.count;
        r->moved_ms = s->now_ms;
        rung = 1;
    }
    return rung;
}

HD static int pump_ack(struct slot *s, uint32_t i, uint32_t to)
{
    struct stream *st = &s->streams[i];
    struct slot_route *r = &s->routes[i];
    struct lane_bell b;

    if (!r->ack_due)
        return 0;
    b.src = s->config->vertex;
    b.dst = st->peer;
    b.lines = CELL_LINES(s->config->line, st->in_line);
    b.seq = st->consumed;
    b.extra = st->durable;
    b.pos = r->ack_due == 2;
    b.count = b.urgent = b.reserved = 0;
    if (push_ack(s, to, &b) != 0)
        return 0;
    r->ack_due = 0;
    r->told = st->consumed;
    return 1;
}

/* The net under all bells: one that was lost with nothing after it leaves no gap to be asked for. */
HD static void ring_again_if_still(struct slot *s, uint32_t i)
{
    struct slot_route *r = &s->routes[i];

    if (s->now_ms - r->moved_ms < RING_AGAIN_MS)
        return;
    r->moved_ms = s->now_ms;
    /* Not from `window`: what a last life of the peer had consumed, a late ack may still have said. */
    r->window = s->streams[i].acked;
    rewind_to(s, i, r->window);
}

HD void streams_pump(struct slot *s)
{
    uint32_t urgent = s->outbox_free * 2 < s->config->mailbox || s->outbox_free < s->config->sends;

    if (!s->pump_due || !slot_gate(s))
        return;
    s->pump_due = s->lane_full = 0;
    for (uint32_t i = 0; i < s->image->stream_count; i++) {
        uint64_t word = where_is(s, s->streams[i].peer);
        uint32_t to = PEER_SLOT(word);

        if (is_outdated(&s->streams[i], word))
            continue;
        if (word != s->routes[i].where)
            peer_moved(s, i, word);
        if (PEER_STATUS(word) >= PEER_GONE && s->streams[i].acked < s->streams[i].sent)
            peer_moved(s, i, word);
        if ((PEER_STATUS(word) != PEER_UP && PEER_STATUS(word) != PEER_DRAINING) || to > s->view->geo.slots)
            continue;
        ring_again_if_still(s, i);
        if (pump_bells(s, i, to, urgent) + pump_ack(s, i, to) > 0)
            bell_ring(s->env, arena_bell(s->view, to));
    }
}

/* -- receiving ------------------------------------------------------------------------------------ */

/* An ack overtaken by the news that its sender takes no more: what it names was delivered. */
HD static void undead(struct stream *st, uint64_t durable)
{
    uint64_t before = st->base - st->lost;      /* dead on earlier lines of the peer */

    if (durable <= st->sent && st->dead - before > st->sent - durable)
        st->dead = before + st->sent - durable;
}

HD static void take_ack(struct slot *s, const struct lane_bell *b)
{
    int i = b->dst == s->config->vertex ? find_stream(s, b->src) : TW_ENOENT;

    /* An ack of another line of either side is about numbers that mean nothing now. */
    if (i < 0 || CELL_DST_LINE(b->lines) != s->config->line ||
        CELL_SRC_LINE(b->lines) != s->streams[i].line)
        return;
    s->routes[i].moved_ms = s->now_ms;
    if (PEER_STATUS(s->routes[i].where) >= PEER_GONE)
        undead(&s->streams[i], b->extra);
    trim(s, (uint32_t)i, b->extra);
    if (s->routes[i].window < b->seq)
        s->routes[i].window = b->seq;
    if (b->pos)
        rewind_to(s, (uint32_t)i, b->seq);
}

HD static void take_acks(struct slot *s, struct lane *l)
{
    uint64_t head = load_relaxed(&l->ack_head);
    uint64_t tail = load_acquire(&l->ack_tail, SCOPE_DEVICE);

    for (; head != tail; head++) {
        struct lane_bell b;

        copy_from_guarded(&b, &l->acks[head % LANE_ACKS], sizeof b);
        store_release(&l->ack_head, head + 1, SCOPE_DEVICE);
        take_ack(s, &b);
    }
}

HD static void unmark(struct slot *s, uint32_t lane) { s->marked[lane / 64] &= ~((uint64_t)1 << lane % 64); }

/* Whoever puts a bell, an ack, a message or a new address rings afterwards: no new ring, nothing new.  `rings` is
 * read before the lanes, so what is put meanwhile shows in the next turn. */
HD void streams_look(struct slot *s)
{
    uint32_t rings = load_u32(&s->bell->rings);

    if (rings == s->rings_seen && s->now_ms == s->looked_ms)
        return;
    s->rings_seen = rings;
    s->looked_ms = s->now_ms;
    s->pump_due = 1;
    for (uint32_t w = 0; w <= s->view->geo.slots / 64; w++) {
        uint64_t lanes = bell_take(s->bell, w);

        s->marked[w] |= lanes;
        for (uint32_t from = w * 64; lanes; from++, lanes >>= 1)
            if (lanes & 1 && from <= s->view->geo.slots)
                take_acks(s, &s->lanes[from]);
    }
}

/* What a bell's next message is to its stream.  An ack or nack is noted where the sender needs one. */
enum verdict { NOT_OURS, TAKE_IT, HAD_IT };

/* enum verdict, or TW_EFULL: one peer too many. */
HD static int judge(struct slot *s, const struct lane_bell *b)
{
    struct stream *st;
    struct slot_route *r;
    int i;

    if (b->dst != s->config->vertex || CELL_DST_LINE(b->lines) != s->config->line)
        return NOT_OURS;                /* for an earlier tenant or line: the sender will ring again */
    i = stream_of(s, b->src);
    if (i < 0)
        return i;
    st = &s->streams[i];
    r = &s->routes[i];
    if (CELL_SRC_LINE(b->lines) < st->in_line)
        return NOT_OURS;
    if (CELL_SRC_LINE(b->lines) > st->in_line) {
        peer_line(s, (uint32_t)i, CELL_SRC_LINE(b->lines), where_is(s, b->src));
        if (st->in_line != 0)
            st->in_closed += st->consumed - st->in_base;
        st->in_line = CELL_SRC_LINE(b->lines);
        st->in_base = st->consumed = st->durable = b->extra - 1;
        r->told = st->consumed;
    }
    if (b->seq == st->consumed + 1)
        return TAKE_IT;
    s->pump_due = 1;
    if (b->seq > st->consumed + 1) {    /* a bell is missing */
        r->ack_due = 2;
        return NOT_OURS;
    }
    r->ack_due = r->ack_due ? r->ack_due : 1;   /* the sender missed an ack */
    return HAD_IT;
}

HD static void ask_again(struct slot *s, const struct lane_bell *b)
{
    s->routes[find_stream(s, b->src)].ack_due = 2;
    s->pump_due = 1;
}

HD static int next_bell(struct slot *s, uint32_t from, struct lane_bell *ret)
{
    struct lane *l = &s->lanes[from];
    uint64_t head = load_relaxed(&l->bell_head);
    uint64_t tail = load_acquire(&l->bell_tail, SCOPE_DEVICE);

    if (head == tail)
        return 0;
    copy_from_guarded(ret, &l->bells[head % LANE_BELLS], sizeof *ret);
    store_release(&l->bell_head, ++head, SCOPE_DEVICE);
    /* A sender that found it full is woken when there is room for many: one ring, not one a bell. */
    if (tail - head == LANE_BELLS / 2)
        bell_ring(s->env, arena_bell(s->view, from));
    return 1;
}

/* Copy the message a bell means, its body to s->message.  0: it is not there any more. */
HD static int read_entry(struct slot *s, uint32_t from, const struct lane_bell *b, struct outbox_entry *ret)
{
    const struct outbox_entry *e = arena_entry(s->view, from, b->pos < s->view->geo.mailbox ? b->pos : 0);

    if (load_acquire(&e->stamp, SCOPE_DEVICE) != b->seq)
        return 0;
    copy_from_shared(ret, e, sizeof *ret);
    if (!entry_is_of(s->view, ret, b))
        return 0;
    copy_from_shared(s->message, e + 1, ret->bytes);
    return entry_is_still(s->view, e, b);
}

HD static int take_local(struct slot *s, uint32_t from, struct slot_taken *ret)
{
    struct lane_bell *b = &s->in_hand[from];

    while (b->count > 0 || next_bell(s, from, b)) {
        struct outbox_entry e;
        int rc = judge(s, b);

        if (rc < 0)
            return rc;
        if (rc == NOT_OURS) {
            b->count = 0;
            continue;
        }
        if (!read_entry(s, from, b, &e)) {
            /* Its sender is in another life, or has seen an ack since: what this bell counts in beside is not known
             * any more. */
            ask_again(s, b);
            b->count = 0;
            continue;
        }
        ret->bell = *b;
        ret->type = e.type;
        ret->bytes = e.bytes;
        b->seq++;
        b->pos = e.next;
        b->count--;
        if (rc == TAKE_IT)
            return rc;
    }
    return 0;
}

HD static int take_remote(struct slot *s, struct slot_taken *ret)
{
    struct inbox *in = arena_inbox(s->view, s->index);
    uint64_t head = load_relaxed(&in->head);

    while (head != load_acquire(&in->tail, SCOPE_DEVICE)) {
        const char *at = arena_inbox_entry(s->view, s->index, head);
        uint64_t what;
        int rc;

        copy_from_guarded(&ret->bell, at, sizeof ret->bell);
        copy_from_guarded(&what, at + sizeof ret->bell, 8);
        ret->type = (uint32_t)what;
        ret->bytes = (uint32_t)(what >> 32);
        if (ret->bell.src == CELL_NOBODY)
            rc = asks_is_open(s, &ret->bell) ? TAKE_IT : NOT_OURS;
        else
            rc = ret->bytes <= s->view->geo.message_bytes ? judge(s, &ret->bell) : NOT_OURS;
        if (rc == TAKE_IT && ret->bell.src != CELL_NOBODY)
            copy_from_guarded(s->message, at + sizeof ret->bell + 8, ret->bytes);
        store_release(&in->head, ++head, SCOPE_DEVICE);
        if (rc < 0 || rc == TAKE_IT)
            return rc;
    }
    return 0;
}

/* The first marked lane from `from` on, going round; lanes = none. */
HD static uint32_t next_marked(const struct slot *s, uint32_t from)
{
    uint32_t lanes = s->view->geo.slots + 1;

    for (int round = 0; round < 2; round++) {
        uint32_t end = round ? from : lanes;

        for (uint32_t i = round ? 0 : from; i < end; i++) {
            uint64_t rest = s->marked[i / 64] >> i % 64;

            if (rest & 1)
                return i;
            if (rest == 0)
                i |= 63;                /* none in this word */
        }
    }
    return lanes;
}

HD int streams_take_message(struct slot *s, struct slot_taken *ret)
{
    uint32_t lanes = s->view->geo.slots + 1;
    uint32_t from;

    while ((from = next_marked(s, s->next_lane < lanes ? s->next_lane : 0)) < lanes) {
        int rc = from == 0 ? take_remote(s, ret) : take_local(s, from, ret);

        s->next_lane = from + 1;
        if (rc == 0) {
            unmark(s, from);
            continue;
        }
        if (rc > 0 && ret->bell.urgent && !s->urgent) {
            s->urgent = 1;
            s->urgent_ms = s->now_ms;
        }
        return rc;
    }
    return 0;
}

HD void streams_consumed(struct slot *s, const struct lane_bell *bell)
{
    int i = find_stream(s, bell->src);
    struct slot_route *r = &s->routes[i];

    s->streams[i].consumed = bell->seq;
    if (PEER_SLOT(r->where) == 0 && bell->seq - r->told >= REMOTE_WINDOW / 2 && !r->ack_due)
        r->ack_due = s->pump_due = 1;   /* gives the far sender its window back */
}

/* A message that was taken but cannot be had now: to be rung again. */
HD void streams_put_back(struct slot *s, const struct lane_bell *bell) { ask_again(s, bell); }

HD int streams_fresh_due(struct slot *s)
{
    for (uint32_t i = 0; s->maybe_fresh && i < s->image->stream_count; i++)
        if (s->streams[i].fresh_due)
            return (int)i;
    s->maybe_fresh = 0;
    return -1;
}
