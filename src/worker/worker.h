/* worker.h - the worker process: one device; of a host device the slots are its threads
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
#include "port/device.h"
#include "slot/slot.h"

/* Descriptors it is started with; all others but 0, 1, 2 are closed. */
#define WORKER_ARENA_FD 3           /* memfd, formatted by the rank */
#define WORKER_EVENT_FD 4           /* eventfd: the rank sleeps on it */
#define WORKER_PROGRAM_FD 5         /* memfd: the actor program; see program.h */
#define WORKER_FATBIN_FD 6          /* memfd: the program's code for GPUs; kind cuda alone has it */
#define WORKER_FDS 3
#define WORKER_FDS_MAX 4

static inline unsigned worker_fds(enum device_kind kind)
{
    return kind == DEVICE_KIND_CUDA ? WORKER_FDS_MAX : WORKER_FDS;
}

struct worker_args {
    pid_t parent;                   /* the zygote */
    int rank, device;
    uint32_t incarnation;
    enum device_kind kind;
    const char *uuid;               /* of a CUDA device, as CUDA_VISIBLE_DEVICES has it, which is set; "" = host */
    const char *program;            /* path of the actor program's .so, for people: it is not opened */
    const char *name;               /* of the program, for people */
    const char *out_dir;            /* where sinks end up; "" = none */
};

/* Run one of kind host (cuda: kernels/cuda_worker.h); returns only an exit status for a worker that never started. */
int worker_main(const struct worker_args *args);

/* What a worker of any kind begins with: tied to its zygote, deaf, without descriptors that are not its own, named,
 * its arena mapped.  0; TW_EPEER: the zygote is gone, leave without a word; TW_E.. with the reason: refuse. */
int worker_begin(const struct worker_args *args, struct arena_view *ret, struct reason *why);

/* Say why it cannot start: into the arena, or on stderr where there is none (h is NULL).  The exit status. */
int worker_refuse(struct arena_header *h, const struct reason *why);

/* The rank has something to see in the arena. */
void worker_wake_rank(void);

#endif
