/* zygote.h - the small process that spawns, watches and reaps a rank's workers
 *
 * A rank under MPI cannot fork safely and must never block in wait: so it starts this process before
 * MPI_Init and talks to it over one socket that neither side ever blocks on.  The zygote dies with the
 * rank, the workers with the zygote, whatever kills which: no process stays behind.
 *
 * The rank's side is used by one thread, and zygote_start by one that lives as long as the rank (the
 * kernel ties a child to the thread that made it).
 */
#ifndef TW_WORKER_ZYGOTE_H
#define TW_WORKER_ZYGOTE_H

#include <stdint.h>
#include <sys/types.h>

#include "base/reason.h"
#include "port/device.h"
#include "worker/worker.h"

struct zygote;

#define ZYGOTE_KIDS 128             /* workers at once, those not yet told as exited included */
#define ZYGOTE_PATH_BYTES 4096
#define ZYGOTE_NAME_BYTES 128

/* What a worker is started with; see worker.h.  Texts must fit with their NUL. */
struct zygote_order {
    int rank, device;
    uint32_t incarnation;
    uint32_t kind;                  /* enum device_kind */
    char uuid[DEVICE_UUID_BYTES];   /* "" = host */
    char program[ZYGOTE_PATH_BYTES];
    char name[ZYGOTE_NAME_BYTES];
    char out_dir[ZYGOTE_PATH_BYTES];
};

/* Fork and exec /proc/self/exe `zygote`, wait until it is ready (at most 10 s).  0 or TW_ESYS with the
 * reason.  Before any thread is started. */
int zygote_start(struct zygote **ret, struct reason *why);

/* Ask for a worker with these descriptors (worker.h: worker_fds(kind) of them; borrowed: the worker gets duplicates).
 * The answer is an event.  0; TW_EAGAIN: the socket is full; TW_EPEER: the zygote is gone. */
int zygote_spawn(struct zygote *z, const struct zygote_order *order, const int *fds);

/* Have a worker signalled; one that was reaped meanwhile is left alone.  As zygote_spawn. */
int zygote_signal(struct zygote *z, int device, uint32_t incarnation, int sig);

/* Take one event, as in port/device.h.  1; 0: none; TW_EPEER: the zygote is gone, for ever. */
int zygote_event(struct zygote *z, struct device_event *ret);

int zygote_fd(const struct zygote *z);      /* readable: an event */
pid_t zygote_pid(const struct zygote *z);

/* Have it kill and reap all workers and end; SIGKILL after 3 s.  NULL is fine. */
void zygote_stop(struct zygote *z);

/* The process itself, socket on descriptor 3.  Returns its exit status. */
int zygote_main(pid_t parent);

/* ---- between the two sides ---- */
enum zygote_what { ZYGOTE_SPAWN = 1, ZYGOTE_SIGNAL };

struct zygote_request {             /* SPAWN comes with the descriptors of worker.h */
    uint32_t what;
    int32_t sig;
    struct zygote_order order;
};

#endif
