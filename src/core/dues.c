/* dues.c - see the header */
#include "core/dues.h"

#include <stdbool.h>
#include <stdlib.h>

#include "shared/rc.h"

int dues_init(struct dues *d, uint32_t items)
{
    *d = (struct dues){.items = items};
    d->heap = calloc(items + 1u, sizeof *d->heap);
    d->place = calloc(items + 1u, sizeof *d->place);
    d->at_ms = calloc(items + 1u, sizeof *d->at_ms);
    return d->heap && d->place && d->at_ms ? 0 : TW_ENOMEM;
}

void dues_fini(struct dues *d)
{
    free(d->heap);
    free(d->place);
    free(d->at_ms);
    *d = (struct dues){0};
}

static bool before(const struct dues *d, uint32_t a, uint32_t b)
{
    return d->at_ms[a] != d->at_ms[b] ? d->at_ms[a] < d->at_ms[b] : a < b;
}

static void put(struct dues *d, uint32_t at, uint32_t item)
{
    d->heap[at] = item;
    d->place[item] = at + 1;
}

static void up(struct dues *d, uint32_t at, uint32_t item)
{
    for (; at > 0 && before(d, item, d->heap[(at - 1) / 2]); at = (at - 1) / 2)
        put(d, at, d->heap[(at - 1) / 2]);
    put(d, at, item);
}

static void down(struct dues *d, uint32_t at, uint32_t item)
{
    for (uint32_t child; (child = 2 * at + 1) < d->count; at = child) {
        if (child + 1 < d->count && before(d, d->heap[child + 1], d->heap[child]))
            child++;
        if (!before(d, d->heap[child], item))
            break;
        put(d, at, d->heap[child]);
    }
    put(d, at, item);
}

static void take_out(struct dues *d, uint32_t item)
{
    uint32_t at = d->place[item] - 1, last = d->heap[--d->count];

    d->place[item] = 0;
    if (last == item)
        return;
    if (before(d, last, item))
        up(d, at, last);
    else
        down(d, at, last);
}

void dues_set(struct dues *d, uint32_t item, uint64_t at_ms)
{
    if (item >= d->items)
        return;
    if (d->place[item])
        take_out(d, item);
    if (at_ms == DUES_NEVER)
        return;
    d->at_ms[item] = at_ms;
    up(d, d->count++, item);
}

uint32_t dues_first(const struct dues *d, uint64_t *ret_ms)
{
    *ret_ms = d->count ? d->at_ms[d->heap[0]] : DUES_NEVER;
    return d->count ? d->heap[0] : UINT32_MAX;
}

uint32_t dues_pop(struct dues *d, uint64_t now_ms)
{
    uint64_t at_ms;
    uint32_t item = dues_first(d, &at_ms);

    if (at_ms > now_ms || item == UINT32_MAX)
        return UINT32_MAX;
    dues_clear(d, item);
    return item;
}
