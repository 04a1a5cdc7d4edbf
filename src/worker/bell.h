/* bell.h - sleeping on a bell_word and waking who sleeps there
 *
 * The sleeper reads `rings`, looks for work, and sleeps only if `rings` is still the same; the ringer adds
 * to `rings` and wakes only if somebody sleeps.  Each side stores before it loads (sequentially consistent),
 * so at least one sees the other: no ring is lost and an awake reader costs the ringer no system call.
 */
#ifndef TW_WORKER_BELL_H
#define TW_WORKER_BELL_H

#include <stdbool.h>
#include <stdint.h>

#include "slot/layout.h"

/* One sleeper's own memory of whether waiting awake paid off. */
struct bell_habit {
    uint32_t quick;             /* recent sleeps that were over almost at once, 0..BELL_QUICK_MAX */
    bool may_spin;              /* more than one CPU */
};
#define BELL_SPIN_US 20u
#define BELL_QUICK_MAX 8u

void bell_habit_init(struct bell_habit *h);

/* The number to pass to bell_wait; read it before looking for work. */
uint32_t bell_seen(const struct bell_word *b);

/* Wait until `rings` is not `seen`, at most wait_ms.  May return early.  `shared`: another process may
 * ring (slot 0's bell); a bell that only threads of this process ring is cheaper. */
void bell_wait(struct bell_word *b, uint32_t seen, uint64_t wait_ms, bool shared, struct bell_habit *h);

/* After add_u32 of b->rings: wake the sleeper, if there is one. */
void bell_wake(struct bell_word *b, bool shared);

/* Milliseconds of CLOCK_BOOTTIME: the clock of every turn in a worker. */
uint64_t worker_now_ms(void);

#endif
