/* asks.c - an actor's requests for children: out with its commit, again until the answer is in one
 *
 * Which requests are open is part of the commit.  Its rank knows each by vertex, line, place and number and carries it
 * out once, so a request may leave any number of times: after each resume, and every second in case its answer was lost.
 * The answer closes it in the handler call that sees it; a life that dies before that is committed asks again, and is
 * given the same answer.
 */
#include "slot/slot_impl.h"

HD void asks_reset(struct slot *s)
{
    s->asks_leave = s->image->asked;
    s->asks_told = 0;
    s->asks_ms = s->now_ms;
}

HD void asks_committed(struct slot *s) { s->asks_leave = s->image->asked; }

HD int asks_hold(const struct slot *s) { return s->image->asked > s->asks_leave; }

HD static int may_leave(const struct slot *s, const struct slot_ask *a) { return a->number && a->number <= s->asks_leave; }

HD int asks_untold(const struct slot *s)
{
    for (uint32_t i = 0; i < SLOT_ASKS; i++)
        if (may_leave(s, &s->image->asks[i]) && s->image->asks[i].number > s->asks_told)
            return 1;
    return 0;
}

HD static int push_ask(struct slot *s, uint32_t place)
{
    const struct slot_ask *a = &s->image->asks[place];
    struct lane_bell b;

    b.src = s->config->vertex;
    b.dst = CELL_NOBODY;
    b.lines = CELL_LINES(s->config->line, 0);
    b.seq = a->number;
    b.extra = (uint64_t)a->verb << 32 | a->vertex;
    b.pos = place;
    b.count = b.urgent = b.reserved = 0;
    return push_bell(s, 0, &b);
}

HD void asks_pump(struct slot *s)
{
    int again = s->now_ms - s->asks_ms >= ASK_AGAIN_MS, rung = 0;

    if ((!again && !asks_untold(s)) || !slot_gate(s))
        return;
    for (uint32_t i = 0; i < SLOT_ASKS; i++) {
        const struct slot_ask *a = &s->image->asks[i];

        if (!may_leave(s, a) || (!again && a->number <= s->asks_told))
            continue;
        if (push_ask(s, i) != 0)
            return;                     /* those that left do so again with the rest: their rank knows them */
        rung = 1;
    }
    s->asks_told = s->asks_leave;
    s->asks_ms = s->now_ms;
    if (rung)
        bell_ring(s->env, arena_bell(s->view, 0));
}

HD uint64_t asks_due(const struct slot *s)
{
    for (uint32_t i = 0; i < SLOT_ASKS; i++)
        if (may_leave(s, &s->image->asks[i]))
            return s->asks_ms + ASK_AGAIN_MS > s->now_ms ? s->asks_ms + ASK_AGAIN_MS : s->now_ms + 1;
    return SLOT_NEVER;
}

HD int asks_is_open(const struct slot *s, const struct lane_bell *b)
{
    return b->dst == s->config->vertex && CELL_DST_LINE(b->lines) == s->config->line && b->pos < SLOT_ASKS &&
           b->seq != 0 && s->image->asks[b->pos].number == b->seq;
}

HD void asks_close(struct slot *s, const struct lane_bell *b, struct tw_child *ret)
{
    s->image->asks[b->pos].number = 0;
    ret->request = (uint32_t)b->seq;
    ret->answer = CELL_SRC_LINE(b->lines);
    ret->child = b->count;
    ret->reserved = 0;
    ret->life = b->extra;
}
