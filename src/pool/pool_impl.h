/* pool_impl.h - a pool inside: the table, its deadlines, and the engine that decides over it
 *
 * Vertex numbers of the engine are slots: vertex 0 is the pool's own supervisor.  The engine's STARTs and STOPs are
 * answered at once; what they ask for leaves as actions, in their order.  So between two calls the engine is quiet,
 * and the table says what the owner still owes: INITIALIZING a start, DRAINING a stop.
 */
#ifndef TW_POOL_POOL_IMPL_H
#define TW_POOL_POOL_IMPL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/suptree.h"
#include "treewarden/supervisor.h"

#define NO_SLOT UINT32_MAX
#define NEVER UINT64_MAX

/* Deadlines of about the same length lie in one list, in the order they were set, which is the order they end in.
 * Lengths below 64 ms have a list each, longer ones share with those within 1/32: 896 lists for all 32 bits. */
#define DEADLINE_CLASSES 896u

struct deadlines {
    uint32_t first[DEADLINE_CLASSES], last[DEADLINE_CLASSES];   /* slots, or NO_SLOT */
    uint64_t in_use[DEADLINE_CLASSES / 64];                     /* a bit for each list that is not empty */
};

struct tw_pool {
    uint32_t grid, free;                /* slots; the first dormant one */
    struct tw_pool_entry *entries;      /* owned, [grid] */
    struct tw_pool_spec *specs;         /* owned, [grid] */
    struct suptree *tree;               /* owned */
    uint64_t now_ms, stale;
    uint32_t counts[TW_POOL_STATE_COUNT];
    struct deadlines deadlines;
    /* the call under way, or whose actions are not all taken */
    bool busy;
    uint8_t answer;                     /* to the last administration input: enum suptree_answer */
    uint32_t failed;                    /* whose failure is decided on: its backoff applies */
    uint32_t again;                     /* to be started once it is down */
    uint32_t forgetting;                /* the top of a branch that is gone, or NO_SLOT */
    uint64_t kill_top;                  /* the kill that found no room for its list: it goes on ... */
    uint32_t kill_from;                 /* ... below this slot, so that its parts cost no walk down; or NO_SLOT */
    tw_pool_watch_fn *watch;
    void *watch_self;                   /* borrowed */
    struct suptree_input in;            /* here, for it is large and most of it is never looked at */
};

/* -- deadlines.c -- */
void deadlines_init(struct deadlines *d);
/* Slot is late from at_ms on, length_ms from now; replaces what it had. */
void deadline_set(struct tw_pool *p, uint32_t slot, uint64_t at_ms, uint64_t length_ms);
/* It has none. */
void deadline_drop(struct tw_pool *p, uint32_t slot);
/* Every promise about the lists; aborts. */
void deadlines_check(const struct tw_pool *p);

/* -- view.c -- */
/* The entry of a life that is not over; else NULL and why: TW_POOL_EINVAL, TW_POOL_ESTALE. */
struct tw_pool_entry *entry_of(const struct tw_pool *p, uint64_t id, int *ret_why);

#endif
