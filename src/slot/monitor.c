/* monitor.c - the lives of others that an actor wants to hear the end of (extension 14)
 *
 * A monitor is the directory word its peer had when tw_monitor was called, and stands in the commit.  It is due when
 * the directory says anything else of that life: level-triggered, so an end that came while the watcher was down is
 * found by its next life, two ends between two looks are one, and what was told and committed is gone.  How the life
 * ended lies beside the directory, for the last one that did.
 */
#include "slot/slot_impl.h"

static_assert((int)TW_ABNORMAL == CLASS_ABNORMAL && (int)TW_KILLED == CLASS_KILLED && (int)TW_SHUTDOWN == CLASS_SHUTDOWN &&
              (int)TW_NORMAL == CLASS_NORMAL, "what an actor is told is what ranks say");
static_assert((int)TW_CAUSE_UNKNOWN == CAUSE_NONE && (int)TW_CAUSE_DONE == CAUSE_DONE && (int)TW_CAUSE_FAILED == CAUSE_CODE &&
              (int)TW_CAUSE_BOUNDS == CAUSE_BOUNDS && (int)TW_CAUSE_WEDGED == CAUSE_WEDGED &&
              (int)TW_CAUSE_SEGV == CAUSE_SEGV && (int)TW_CAUSE_WORKER_LOST == CAUSE_WORKER &&
              (int)TW_CAUSE_STATE_LOST == CAUSE_STATE && (int)TW_CAUSE_OPERATOR == CAUSE_OPERATOR &&
              (int)TW_CAUSE_SUPERVISOR == CAUSE_SUPERVISOR && (int)TW_CAUSE_LIMITS == CAUSE_MEMORY &&
              (int)TW_CAUSE_SUSPECT == CAUSE_SUSPECT && (int)TW_CAUSE_NO_PROCESS == CAUSE_NO_PROCESS, "so are causes");

HD static int is_alive(uint64_t word) { return PEER_STATUS(word) == PEER_UP || PEER_STATUS(word) == PEER_DRAINING; }

HD int monitor_begin(struct slot *s, uint32_t peer)
{
    struct slot_monitor *m = &s->image->monitors[s->image->monitor_count];

    if (peer >= s->view->geo.vertices || peer == s->config->vertex || s->config->flags & SLOT_EAGER)
        return TW_EINVAL;
    if (s->image->monitor_count == SLOT_MONITORS)
        return TW_EFULL;
    s->downs &= ~(1u << s->image->monitor_count++);
    slot_has_peers(s);                  /* before the look: either this sees a new word, or slot 0 sees that we care */
    m->word = where_is(s, peer);
    m->peer = peer;
    m->reserved = 0;
    return 0;
}

HD static void forget(struct slot *s, uint32_t i)
{
    uint32_t below = (1u << i) - 1;

    s->image->monitor_count--;
    s->downs = (s->downs & below) | (s->downs >> 1 & ~below);
    for (; i < s->image->monitor_count; i++) {
        s->image->monitors[i] = s->image->monitors[i + 1];
        s->down_tail[i] = s->down_tail[i + 1];
    }
    slot_has_peers(s);
}

HD void monitors_end(struct slot *s, uint32_t peer)
{
    for (uint32_t i = s->image->monitor_count; i-- > 0;)
        if (s->image->monitors[i].peer == peer)
            forget(s, i);
}

/* Its messages that lie here go first: up to the tail that its lane, or the inbox, had when the end was seen. */
HD static int has_passed(struct slot *s, uint32_t i, uint32_t lane)
{
    const struct inbox *in = arena_inbox(s->view, s->index);
    uint64_t head;

    if (!(s->downs >> i & 1)) {
        s->downs |= 1u << i;
        s->down_tail[i] = load_acquire(lane ? &s->lanes[lane].bell_tail : &in->tail, SCOPE_DEVICE);
        s->marked[lane / 64] |= (uint64_t)1 << lane % 64;       /* its writer may have ended before it could */
    }
    head = load_relaxed(lane ? &s->lanes[lane].bell_head : &in->head);
    return head > s->down_tail[i] || (head == s->down_tail[i] && (!lane || s->in_hand[lane].count == 0));
}

/* 0: slot 0 is just telling. */
HD static int how_it_ended(const struct slot *s, const struct slot_monitor *m, struct tw_down *ret)
{
    const struct peer_end *e = &arena_ends(s->view)[m->peer];
    uint64_t end = load_acquire(&e->end, SCOPE_DEVICE), life = load_relaxed(&e->life);

    ret->life = 0;
    ret->cls = CLASS_ABNORMAL;
    ret->cause = is_alive(m->word) ? CAUSE_NONE : CAUSE_NO_PROCESS;
    if (!is_alive(m->word) || (life & 0xffffffu) != PEER_TAG(m->word))
        return 1;                       /* it had no life; or another one has ended since */
    if (SLOT_END_CODE(end) != (uint32_t)life)
        return 0;
    ret->life = life;
    ret->cls = SLOT_END_CLASS(end);
    ret->cause = SLOT_END_CAUSE(end);
    return 1;
}

HD int monitors_take_down(struct slot *s, uint32_t *ret_peer, struct tw_down *ret)
{
    for (uint32_t i = 0; i < s->image->monitor_count; i++) {
        const struct slot_monitor *m = &s->image->monitors[i];
        uint64_t now = where_is(s, m->peer);
        uint32_t lane = PEER_SLOT(m->word) <= s->view->geo.slots ? PEER_SLOT(m->word) : 0;

        if (is_alive(m->word) && is_alive(now) && PEER_TAG(now) == PEER_TAG(m->word))
            continue;
        if ((is_alive(m->word) && !has_passed(s, i, lane)) || !how_it_ended(s, m, ret))
            continue;
        *ret_peer = m->peer;
        forget(s, i);
        return 1;
    }
    return 0;
}
