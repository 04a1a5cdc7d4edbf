/* devman.h - one rank's devices: their workers, their slots, and the commits that outlive both
 *
 * Knows nothing of supervision: it is told "start this life of this actor here" and "end it", and tells
 * what became of every life, exactly once: started, start failed, or down.  A worker that dies takes many
 * lives at once; they are told as one batch.  Commits are fetched into this process before anything else
 * happens to the slot they lay in, so no worker, dead or stray, can reach them again.
 */
#ifndef TW_SUP_DEVMAN_H
#define TW_SUP_DEVMAN_H

#include <stdbool.h>
#include <stdint.h>

#include "port/device.h"
#include "shared/cause.h"
#include "shared/cell.h"
#include "slot/slot.h"
#include "sup/view.h"

struct devman;
struct spec;

/* A fault from the first sign to the last actor back. */
struct devman_fault {
    uint64_t injected_us;       /* tree time; 0 = nobody inflicted it */
    uint64_t detected_us;
    uint64_t resumed_us;        /* 0 = not (yet) */
    uint32_t vertex;            /* the actor at fault, or the first that fell; CELL_NOBODY = none */
    uint32_t open;              /* messages in the outboxes that were resumed from */
    uint32_t uncommitted;       /* handler calls since the commits resumed from */
    uint16_t device, actors, left;
    uint8_t cause;              /* enum exit_cause */
    uint8_t how;                /* the tag of what inflicted it; 0 = nothing did */
};

struct devman_loss { uint32_t vertex; uint64_t life; };

/* A message that ended so many lives in a row: no handler is given it any more. */
struct devman_letter {
    uint32_t from, type, bytes, deaths;
    uint64_t number;            /* in its sender's stream to this actor */
    const void *body;           /* borrowed until the call returns */
};

struct devman_ops {
    /* The life runs.  resumed: the commit it goes on from, 0 = from init.  slot is on `device`. */
    void (*started)(void *self, uint32_t vertex, uint64_t life, uint64_t resumed);
    /* CAUSE_CAPACITY, or CAUSE_DEVICE when its device is in quarantine: no device of this rank has a slot for it.
     * Then `room` comes, once, when that may have changed; unless it is started before. */
    void (*start_failed)(void *self, uint32_t vertex, uint64_t life, uint32_t cause, uint32_t code);
    void (*room)(void *self, uint32_t vertex, uint64_t life);
    /* tw_done was said: nothing is received any more, what was sent is still being delivered. */
    void (*finishing)(void *self, uint32_t vertex, uint64_t life);
    void (*down)(void *self, uint32_t vertex, uint64_t life, uint32_t cls, uint32_t cause, uint32_t code);
    /* A worker died under these lives (none of them at fault). */
    void (*lost)(void *self, const struct devman_loss *lost, uint32_t count, uint32_t cause);
    /* An actor's request for a child, perhaps not for the first time; devman_answer. */
    void (*asked)(void *self, const struct cell_child *c);
    /* A message or acknowledgement for another device: 0 = taken, TW_EFULL = offer it again. */
    int (*message)(void *self, const union cell *c, const void *body, uint32_t bytes);
    void (*due)(void *self, uint32_t vertex, uint64_t step);
    /* The next step of an actor, above `after`, that `due` is wanted for; 0 = none. */
    uint64_t (*next_step)(void *self, uint32_t vertex, uint64_t after);
    void (*logged)(void *self, const struct cell_log *c);
    /* Once for each such message, just before the end that was the last of the row is told. */
    void (*letter)(void *self, uint32_t vertex, uint64_t life, const struct devman_letter *l);
    void (*fault)(void *self, const struct devman_fault *f);        /* over, or the job is */
    void (*worker)(void *self, int device, int pid, const char *what);
    void (*slot)(void *self, int device, uint32_t slot, uint32_t vertex, const char *what);
    void (*keeper_gone)(void *self);    /* workers can no longer be started or reaped */
};

struct devman_config {
    const struct spec *spec;            /* borrowed */
    const struct tw_program *program;   /* borrowed: type names to numbers */
    const uint16_t *rank_of, *device_of;/* placement per vertex: where each starts; borrowed */
    uint64_t seed;
    int rank, devices;
    bool played;                        /* CUDA devices are played by host workers: all of an arena can be seen */
    struct device_port port;
    const struct devman_ops *ops;
    void *self;
};

/* NULL: no memory. */
struct devman *devman_create(const struct devman_config *config);
/* Free everything.  Workers must be gone (devman_busy). */
void devman_destroy(struct devman *d);

/* Start the workers. */
int devman_open(struct devman *d, uint64_t now_ms);

/* Begin a life of an actor placed here; resume: from its commit, if it has one.  It stays on its device unless that is
 * in quarantine or has no slot for it, or move is asked for: then it goes to the next device that has one and can run it
 * (spec_may_live), if any has.
 * The answer is an op. */
void devman_start(struct devman *d, uint32_t vertex, uint64_t life, uint32_t line, bool resume, bool move);
/* End a life: STOP_SHUTDOWN lets it finish what it has in hand and commit, STOP_KILL does not.  Past the
 * deadline (0 = none) the slot is fenced.  Answered by down (or start_failed) of that life; a life that is
 * no more is answered at once. */
void devman_stop(struct devman *d, uint32_t vertex, uint64_t life, uint32_t how, uint32_t deadline_ms);
/* `state: {resume: N}`: so many lives have ended by themselves, all with the commit that is held for it as the newest. */
bool devman_is_spent(const struct devman *d, uint32_t vertex);
/* An operator restarts an actor that has a life, or is about to: between its end and its next life its place on the
 * device is offered to nobody, for KEEP_MS at most.  Once the restart is over: false. */
void devman_keep(struct devman *d, uint32_t vertex, bool keep);
/* Forget an actor's commit: its next start is from init. */
void devman_forget(struct devman *d, uint32_t vertex);

/* A message or acknowledgement for an actor of this rank.  Bounded: what finds no room is dropped, its
 * sender rings again. */
void devman_deliver(struct devman *d, const union cell *c, const void *body, uint32_t bytes);
/* Where a vertex is now (status: enum peer_status; cls and cause: how that life ended, if it did): told to every
 * worker, and to those to come. */
void devman_peer(struct devman *d, uint32_t vertex, uint64_t life, uint32_t line, uint32_t status, uint32_t cls,
                 uint32_t cause);

/* The answer to a request of c->dst: number, line and place as asked.  It may be lost, and is then asked for again. */
void devman_answer(struct devman *d, const union cell *c);

/* Injuries.  TW_ENOENT: not running here.  tag comes back in the fault they lead to. */
int devman_drill(struct devman *d, uint32_t vertex, uint32_t how, uint8_t tag);
int devman_signal_worker(struct devman *d, uint32_t vertex, enum device_signal what, uint8_t tag);

/* Use a device again that is in quarantine.  0, TW_ENOENT: no such device, TW_ESTATE: it is not. */
int devman_lift(struct devman *d, int device);

/* It runs here, and nothing is under way with it. */
bool devman_runs(const struct devman *d, uint32_t vertex);
/* End a life that runs from outside, untrappably: told as down, killed, like any end by itself. */
void devman_fence(struct devman *d, uint32_t vertex);
/* Nothing is under way: workers are up, or given up for good, and no life begins or ends. */
bool devman_rests(const struct devman *d);

/* One bounded turn.  Returns 1 if there may be more to do at once. */
int devman_turn(struct devman *d, uint64_t now_ms, uint64_t tree_us);

/* End all workers.  devman_busy: how many are not known to be gone; none when the zygote died, they die with it. */
void devman_quit(struct devman *d);
int devman_busy(const struct devman *d);
/* Faults not yet over are told as they stand. */
void devman_close_faults(struct devman *d);

/* The picture: slot of an actor (0 = none), its device now, its progress, a device. */
uint32_t devman_line(const struct devman *d, uint32_t vertex);
uint32_t devman_slot(const struct devman *d, uint32_t vertex);
uint16_t devman_device(const struct devman *d, uint32_t vertex);
uint64_t devman_progress(const struct devman *d, uint32_t vertex);
void devman_view(const struct devman *d, int device, struct view_device *ret);
/* The commit held for an actor, borrowed; NULL = none.  For the stream sums at the end. */
const void *devman_commit(const struct devman *d, uint32_t vertex);

/* Every structural promise of this module; aborts with the broken one's text.  O(vertices + slots). */
void devman_check(const struct devman *d);

#endif
