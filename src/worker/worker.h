/* worker.h - the worker process: one host device, whose slots are its threads
 *
 * It is what is killed when anything about its device is wrong, so it keeps nothing of worth: all state
 * that matters lies in the arena.  Its threads: slots.h; the main thread is slot 0, at normal priority.
 * It ends by being killed, by CELL_SLOT_QUIT (status 0), or by refusing to start: then header.text says
 * why, boot is 2 and the status WORKER_REFUSED.
 */
#ifndef TW_WORKER_WORKER_H
#define TW_WORKER_WORKER_H

#include <stdint.h>
#include <sys/types.h>

#include "base/reason.h"

/* Descriptors it is started with; all others but 0, 1, 2 are closed. */
#define WORKER_ARENA_FD 3           /* memfd, formatted by the rank */
#define WORKER_EVENT_FD 4           /* eventfd: the rank sleeps on it */
#define WORKER_PROGRAM_FD 5         /* memfd: the actor program; see program.h */
#define WORKER_FATBIN_FD 6          /* memfd: its device code; of a host device, the program once more */
#define WORKER_FDS 4

/* Exit statuses; header.text says more. */
#define WORKER_REFUSED 70           /* it did not start */
#define WORKER_BROKE 71             /* its device ended the kernel, or stands still */
#define WORKER_DEVICE_LOST 72       /* ... and another worker would have no device */

struct worker_args {
    pid_t parent;                   /* the zygote */
    int rank, device;
    uint32_t incarnation;
    const char *program;            /* path of the actor program's .so, for people: it is not opened */
    const char *name;               /* of the program, for people */
    const char *out_dir;            /* where sinks end up; "" = none */
    const char *uuid;               /* of its GPU; "" = a host device */
};

/* Run one; returns only an exit status for a worker that never started. */
int worker_main(const struct worker_args *args);

/* ---- what every kind of worker does (kernels/cuda_worker.c) ---- */
struct arena_view;
struct tw_program;

/* Tied to its parent, deaf, with none but its own descriptors, its arena mapped and its program loaded.  0 or TW_E.. */
int worker_begin(const struct worker_args *args, struct arena_view *ret, const struct tw_program **ret_program,
                 struct reason *why);
/* Say why it does not start; returns the exit status.  The arena is not mapped: to a person. */
int worker_refuse(const struct arena_view *v, const struct reason *why);
/* The up ring, or the header, has something. */
void worker_wake_rank(void);

#endif
