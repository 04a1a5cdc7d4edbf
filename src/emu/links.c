/* links.c - the link port of the simulator: ordered like MPI's, but for what actors' streams must bear */
#include <stdlib.h>
#include <string.h>

#include "emu/world.h"

#define UNDER_WAY_MAX 64u               /* to one rank, as a real link bounds its sends */

static bool is_stream(const union cell *c)
{
    return c->head.type == CELL_MSG || c->head.type == CELL_MSG_ACK || c->head.type == CELL_MSG_NACK;
}

/* Lamport: what a rank wrote down before it sent a cell stands before what is written down where that came.  Messages and
 * commands carry no stamp; a cell that waited for room, or a report that is made again, is older than that. */
static uint64_t stands_behind(const struct emu_rank *from, const union cell *c, bool again)
{
    switch (c->head.type) {
    case CELL_CMD:
    case CELL_CMD_REPLY:
    case CELL_FAULT: return 0;
    }
    return is_stream(c) || again || rank_unsent(from->rank) > 0 ? 0 : from->noted;
}

static bool is_made_again(struct emu_rank *from, const union cell *c)
{
    if (c->head.type != CELL_REPORT)
        return false;
    if (c->report.seq <= from->reported)
        return true;
    from->reported = c->report.seq;
    return false;
}

static void put(struct emu_rank *to, struct frame *f)
{
    struct frame **at = &to->frames;

    while (*at && (*at)->us <= f->us)
        at = &(*at)->next;
    f->next = *at;
    *at = f;
    to->under_way[f->from]++;
}

static void post(struct emu_rank *from, struct emu_rank *to, uint64_t us, const union cell *c, const void *body,
                 size_t bytes, uint64_t noted)
{
    struct frame *f = calloc(1, sizeof *f + bytes);

    if (!f)
        abort();
    f->us = us;
    f->from = from->number;
    f->down = !c;
    f->noted = noted;
    if (c)
        f->cell = *c;
    f->bytes = (uint32_t)bytes;
    if (bytes)
        memcpy(f->body, body, bytes);
    put(to, f);
}

static int op_send(void *self, int rank, const union cell *c, const void *body, size_t bytes)
{
    struct emu_rank *from = self, *to = &from->world->ranks[rank];
    struct world *w = from->world;
    const struct emu_links *links = &w->config->plan->links;
    uint64_t at = w->now_us + 1 + chance(w, (uint32_t)links->delay_us + 1);
    bool again;

    if (bytes > LINK_BODY_MAX)
        return TW_ETOOBIG;
    if (to->dead || to->ended)
        return to->dead ? TW_EPEER : 0;
    if (to->under_way[from->number] >= UNDER_WAY_MAX)
        return TW_EFULL;
    if (!is_stream(c)) {
        at = at > to->last_us[from->number] ? at : to->last_us[from->number];
        to->last_us[from->number] = at;
    } else {
        if (chance(w, 1000) < links->reorder)
            at += chance(w, 20000);
        if (chance(w, 1000) < links->dup)
            post(from, to, at + chance(w, 30000), c, body, bytes, 0);
    }
    again = is_made_again(from, c);
    w->result->repeated += again;
    post(from, to, at, c, body, bytes, stands_behind(from, c, again));
    return 0;
}

static void op_poll(void *self, struct link_event *ret)
{
    struct emu_rank *r = self;
    struct frame *f = r->frames;

    free(r->in_hand);
    r->in_hand = NULL;
    *ret = (struct link_event){.kind = LINK_NOTHING};
    if (!f || f->us > r->world->now_us)
        return;
    r->frames = f->next;
    r->under_way[f->from]--;
    r->in_hand = f;
    r->heard = f->noted > r->heard ? f->noted : r->heard;
    ret->rank = f->from;
    ret->kind = f->down ? LINK_PEER_DOWN : LINK_CELL;
    ret->cell = &f->cell;
    ret->body = f->bytes ? f->body : NULL;
    ret->bytes = f->bytes;
}

static size_t op_outstanding(void *self)
{
    const struct emu_rank *me = self;
    const struct world *w = me->world;
    size_t n = 0;

    for (int to = 0; to < w->config->ranks; to++)
        n += w->ranks[to].dead ? 0 : w->ranks[to].under_way[me->number];
    return n;
}

static int op_rank(void *self) { return ((struct emu_rank *)self)->number; }
static int op_size(void *self) { return ((struct emu_rank *)self)->world->config->ranks; }

struct link emu_link(struct emu_rank *r)
{
    static const struct link_ops ops = {op_send, op_poll, op_outstanding, op_rank, op_size};

    return (struct link){&ops, r};
}

size_t links_control(const struct emu_rank *r)
{
    size_t n = 0;

    for (const struct frame *f = r->frames; f; f = f->next)
        n += !f->down && !is_stream(&f->cell) && f->cell.head.type != CELL_BEAT;
    return n;
}

/* What was on its way still arrives; MPI tells of the death up to some hundred milliseconds later. */
void link_down(struct emu_rank *dead)
{
    struct world *w = dead->world;

    for (int to = 0; to < w->config->ranks; to++) {
        struct emu_rank *r = &w->ranks[to];
        uint64_t at = w->now_us + 1000 + chance(w, 300000);

        if (to == dead->number)
            continue;
        for (const struct frame *f = r->frames; f; f = f->next)
            if (f->from == dead->number && f->us > at)
                at = f->us;
        post(dead, r, at, NULL, NULL, 0, 0);
    }
}

void links_drop(struct emu_rank *r)
{
    free(r->in_hand);
    r->in_hand = NULL;
    while (r->frames) {
        struct frame *f = r->frames;

        r->frames = f->next;
        free(f);
    }
}
