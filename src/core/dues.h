/* dues.h - who is due when: at most one time for each of a fixed number of items, the earliest first
 *
 * An indexed binary heap.  Equal times come in the order of the items, so what happens does not depend on the order
 * in which they were set.
 */
#ifndef TW_CORE_DUES_H
#define TW_CORE_DUES_H

#include <stdint.h>

#define DUES_NEVER UINT64_MAX

struct dues {
    uint32_t items, count;
    uint32_t *heap;             /* owned, [items]: items, the earliest at 0 */
    uint32_t *place;            /* owned, [items]: where it stands in the heap, counted from 1; 0 = nowhere */
    uint64_t *at_ms;            /* owned, [items] */
};

/* Room for items 0 .. items - 1.  0 or TW_ENOMEM; fini takes one that failed. */
int dues_init(struct dues *d, uint32_t items);
void dues_fini(struct dues *d);

/* Set or move, clear: O(log count).  DUES_NEVER clears. */
void dues_set(struct dues *d, uint32_t item, uint64_t at_ms);
static inline void dues_clear(struct dues *d, uint32_t item) { dues_set(d, item, DUES_NEVER); }

/* When an item is due; DUES_NEVER. */
static inline uint64_t dues_at(const struct dues *d, uint32_t item)
{
    return item < d->items && d->place[item] ? d->at_ms[item] : DUES_NEVER;
}

/* The earliest item, *ret_ms its time; UINT32_MAX and DUES_NEVER: there is none.  O(1). */
uint32_t dues_first(const struct dues *d, uint64_t *ret_ms);
/* Takes off the earliest that is due by `now_ms`; UINT32_MAX: none is.  O(log count). */
uint32_t dues_pop(struct dues *d, uint64_t now_ms);

#endif
