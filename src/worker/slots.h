/* slots.h - the slots of one device as threads of this process
 *
 * All of a worker but its being a process of its own: the real worker runs it over the arena it was handed, a
 * test beside the rank's loop.  One thread per slot at nice 5; slot 0 is the thread that started them.
 */
#ifndef TW_WORKER_SLOTS_H
#define TW_WORKER_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/reason.h"
#include "slot/slot.h"

struct slots;

struct slots_config {
    struct arena_view view;             /* its arena outlives the slots */
    const struct tw_program *program;   /* borrowed */
    const char *out_dir;                /* where sinks end up; "" = none; copied */
    int rank, device;
    uint32_t incarnation;
    void *self;                         /* of the functions below; only wake_rank must be there */
    void (*wake_rank)(void *self);                              /* the up ring has something */
    void (*begins)(void *self, uint32_t slot);                  /* a slot's thread, before its first turn */
    void (*injure)(void *self, uint32_t slot, uint32_t how);    /* as in slot_env */
};

/* Start the slots' threads; all run when it returns.  0, or TW_ENOMEM or TW_ESYS with the reason, and no thread
 * is left.  *ret owned: slots_end, or the end of the process. */
int slots_start(const struct slots_config *config, struct slots **ret, struct reason *why);

/* Slot 0's loop, on the thread that called slots_start.  Returns when CELL_SLOT_QUIT came and the slots have
 * fallen silent or were given up, or after slots_stop.  The slots' threads still run. */
void slots_run(struct slots *s);

/* Any thread: no thread begins another turn; nothing is put in order first.  Does not wait. */
void slots_stop(struct slots *s);
bool slots_stopping(const struct slots *s);

/* Stop, wait until every thread has ended, free.  As long as a handler does not return, nor does this: a process
 * that may be held up by one must end without it. */
void slots_end(struct slots *s);

#endif
