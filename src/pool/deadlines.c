/* deadlines.c - who is late, without looking at who is not
 *
 * A heartbeat moves a slot to the end of its list: a handful of lines, whatever the size of the table.  A check looks
 * at the first of each list.
 */
#include "pool/pool_impl.h"

#include <assert.h>

static uint32_t class_of(uint64_t length_ms)
{
    uint32_t shift;

    if (length_ms < 64)
        return (uint32_t)length_ms;
    if (length_ms > UINT32_MAX)
        return DEADLINE_CLASSES - 1;
    shift = 26u - (uint32_t)__builtin_clz((uint32_t)length_ms);         /* six leading bits are left */
    return 64 + (shift - 1) * 32 + ((uint32_t)(length_ms >> shift) - 32);
}

void deadlines_init(struct deadlines *d)
{
    for (uint32_t c = 0; c < DEADLINE_CLASSES; c++)
        d->first[c] = d->last[c] = NO_SLOT;
}

static void take_out(struct tw_pool *p, struct tw_pool_entry *e)
{
    struct deadlines *d = &p->deadlines;
    uint32_t c = e->deadline_class;

    if (e->earlier == NO_SLOT)
        d->first[c] = e->later;
    else
        p->entries[e->earlier].later = e->later;
    if (e->later == NO_SLOT)
        d->last[c] = e->earlier;
    else
        p->entries[e->later].earlier = e->earlier;
    if (d->first[c] == NO_SLOT)
        d->in_use[c / 64] &= ~(1ull << c % 64);
}

static void put_last(struct tw_pool *p, struct tw_pool_entry *e, uint32_t slot, uint32_t c)
{
    struct deadlines *d = &p->deadlines;

    e->deadline_class = (uint16_t)c;
    e->earlier = d->last[c];
    e->later = NO_SLOT;
    if (e->earlier == NO_SLOT)
        d->first[c] = slot;
    else
        p->entries[e->earlier].later = slot;
    d->last[c] = slot;
    d->in_use[c / 64] |= 1ull << c % 64;
}

void deadline_drop(struct tw_pool *p, uint32_t slot)
{
    struct tw_pool_entry *e = &p->entries[slot];

    if (e->deadline_ms == NEVER)
        return;
    take_out(p, e);
    e->deadline_ms = NEVER;
    e->earlier = e->later = NO_SLOT;
}

void deadline_set(struct tw_pool *p, uint32_t slot, uint64_t at_ms, uint64_t length_ms)
{
    struct tw_pool_entry *e = &p->entries[slot];
    uint32_t c = class_of(length_ms);

    if (e->deadline_ms != NEVER) {
        if (e->deadline_class == c && e->later == NO_SLOT) {    /* the last stays the last */
            e->deadline_ms = at_ms;
            return;
        }
        take_out(p, e);
    }
    e->deadline_ms = at_ms;
    put_last(p, e, slot, c);
}

int tw_pool_check_heartbeats(const struct tw_pool *p, uint64_t now_ms, uint64_t *ret_ids, uint32_t room)
{
    uint64_t now = now_ms > p->now_ms ? now_ms : p->now_ms;
    uint32_t n = 0;

    for (uint32_t word = 0; word < DEADLINE_CLASSES / 64; word++)
        for (uint64_t bits = p->deadlines.in_use[word]; bits; bits &= bits - 1) {
            uint32_t s = p->deadlines.first[word * 64 + (uint32_t)__builtin_ctzll(bits)];

            for (; s != NO_SLOT && n < room && p->entries[s].deadline_ms <= now; s = p->entries[s].later)
                ret_ids[n++] = p->entries[s].id;
        }
    return (int)n;
}

void deadlines_check(const struct tw_pool *p)
{
    uint32_t listed = 0, wanted = 0;

    for (uint32_t c = 0; c < DEADLINE_CLASSES; c++) {
        uint32_t before = NO_SLOT;

        assert(((p->deadlines.in_use[c / 64] >> c % 64 & 1) == (p->deadlines.first[c] != NO_SLOT)) &&
               "a list that is not empty is known");
        for (uint32_t s = p->deadlines.first[c]; s != NO_SLOT; s = p->entries[s].later, listed++) {
            assert(p->entries[s].earlier == before && p->entries[s].deadline_class == c && "deadlines are well linked");
            before = s;
        }
        assert(p->deadlines.last[c] == before && "the last deadline is last");
    }
    for (uint32_t s = 0; s < p->grid; s++)
        wanted += p->entries[s].deadline_ms != NEVER;
    assert(listed == wanted && "every deadline is in a list");
}
