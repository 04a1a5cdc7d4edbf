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

/* Descriptors it is started with; all others but 0, 1, 2 are closed. */
#define WORKER_ARENA_FD 3           /* memfd, formatted by the rank */
#define WORKER_EVENT_FD 4           /* eventfd: the rank sleeps on it */
#define WORKER_PROGRAM_FD 5         /* memfd: the actor program; see program.h */
#define WORKER_FDS 3

#define WORKER_REFUSED 70           /* exit status: see header.text */

struct worker_args {
    pid_t parent;                   /* the zygote */
    int rank, device;
    uint32_t incarnation;
    const char *program;            /* path of the actor program's .so, for people: it is not opened */
    const char *name;               /* of the program, for people */
    const char *out_dir;            /* where sinks end up; "" = none */
};

/* Run one; returns only an exit status for a worker that never started. */
int worker_main(const struct worker_args *args);

#endif
