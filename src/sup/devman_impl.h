/* devman_impl.h - what the files of the device manager share */
#ifndef TW_SUP_DEVMAN_IMPL_H
#define TW_SUP_DEVMAN_IMPL_H

#include "core/dues.h"
#include "sup/devman.h"
#include "sup/timeouts.h"

#define DEVMAN_FAULTS 256

/*    state        meaning                                           */
#define DEVICE_STATE_LIST(X)                                         \
    X(DOWN)         /* no worker */                                  \
    X(BOOTING)      /* started, its threads are not up yet */        \
    X(UP)                                                            \
    X(ENDING)       /* told to die; until it is reaped */            \
    X(QUARANTINED)  /* two workers in a row failed to start */
enum device_state {
#define X(name) DEVICE_IS_##name,
    DEVICE_STATE_LIST(X)
#undef X
};

/*    phase         of an actor on this rank                                         */
#define RESIDENT_PHASE_LIST(X)                                                       \
    X(NONE)         /* no life */                                                    \
    X(WAITING)      /* to be started, its device has no worker or no slot yet */     \
    X(STARTING)     /* SLOT_START is out */                                          \
    X(RUNNING)                                                                       \
    X(STOPPING)     /* SLOT_STOP is out */
enum resident_phase {
#define X(name) RESIDENT_##name,
    RESIDENT_PHASE_LIST(X)
#undef X
};

struct device_slot {
    uint32_t vertex;            /* CELL_NOBODY = free */
    bool fenced;
};

struct device {
    enum device_state state;
    uint32_t incarnation;       /* 0 = never started */
    int pid;
    void *arena;
    struct arena_view view;
    struct arena_geometry geo;
    struct device_slot *slots;  /* [1..geo.slots] */
    uint32_t fenced;
    uint32_t assigned;          /* residents of it that have a life, or are about to, or keep their place */
    uint32_t failed_starts;     /* in a row */
    uint64_t boot_by_ms;
    uint64_t beat, beat_ms;     /* slot 0's, and when it last moved */
    uint64_t stopped_ms;        /* when the worker was seen stopped; 0 = it is not */
    uint8_t end_cause;          /* why we end it; CAUSE_NONE = we do not */
    uint8_t injured_how;        /* a drill on the worker itself */
    uint64_t injured_us;
    uint64_t detected_us;
    bool recycle;               /* no slot is left: end it at the end of this turn */
};

struct poison;                  /* devman_poison.c */

struct resident {
    uint64_t life;
    uint32_t line;
    uint16_t slot;              /* 0 = none */
    uint16_t last_slot;
    uint8_t phase;              /* enum resident_phase */
    bool resume;
    bool told;                  /* `started` was told for this life */
    bool finishing;
    bool overdue;               /* it did not say by its start_deadline that it is up */
    bool kept;                  /* without a life it keeps its place on its device: an operator restarts it */
    bool refused;               /* there was no slot for it, and nobody has been told that there may be one */
    uint8_t start_losses;       /* workers that were lost while this life was starting */
    uint8_t broke;              /* workers that it broke in a row, all from ... */
    uint64_t broke_from;        /* ... this commit */
    uint16_t ends;              /* ends of its own in a row, all with ... */
    uint64_t ends_from;         /* ... this commit as the newest */
    uint8_t injured_how;
    uint64_t injured_us;
    uint64_t step_told;         /* the highest drill step already told */
    uint16_t fault;             /* 1 + index of the fault it fell in; 0 = none */
    uint64_t progress;
    int64_t commit_bytes;       /* 0 = none, TW_ELOST = what it had is damaged */
    void *commit;               /* owned */
    uint64_t commit_room;
    struct poison *poison;      /* owned; NULL = a message may kill it as often as it likes */
};

struct devman {
    struct devman_config cx;
    uint32_t vertices;
    struct device *devices;
    struct resident *residents; /* per vertex of the tree */
    uint16_t *device_of;        /* owned; per vertex of this rank: it moves when its device is given up, full, or bad luck */
    struct dues start_by;       /* per vertex: its start_deadline */
    struct dues keep_by;        /* per vertex without a life: how long its place is kept */
    uint64_t *where;            /* per vertex: directory word without slot */
    struct peer_end *ends;      /* owned; per vertex: the last life that was up and is over */
    struct devman_fault faults[DEVMAN_FAULTS];
    uint32_t fault_count;
    struct devman_loss *losses; /* room for one batch */
    void *body;
    uint64_t now_ms, tree_us, last_turn_ms;
    uint32_t refused;           /* residents that are */
    bool freed;                 /* a slot may have become free since they were looked at */
    bool quitting, keeper_gone;
};

static inline struct device *device_of(struct devman *d, uint32_t vertex)
{
    return &d->devices[d->device_of[vertex]];
}

static inline bool is_here(const struct devman *d, uint32_t vertex)
{
    return vertex < d->vertices && d->cx.rank_of[vertex] == d->cx.rank &&
           d->device_of[vertex] < d->cx.devices;
}

static inline bool has_place(const struct resident *r) { return r->phase != RESIDENT_NONE || r->kept; }

static inline void set_place(struct devman *d, uint32_t vertex, uint8_t phase, bool kept)
{
    struct resident *r = &d->residents[vertex];
    bool had = has_place(r);

    r->phase = phase;
    r->kept = kept;
    device_of(d, vertex)->assigned += (uint32_t)has_place(r) - (uint32_t)had;
    d->freed |= had && !has_place(r);
    dues_set(&d->keep_by, vertex, kept && phase == RESIDENT_NONE ? d->now_ms + KEEP_MS : DUES_NEVER);
}

static inline void set_phase(struct devman *d, uint32_t vertex, uint8_t phase)
{
    set_place(d, vertex, phase, d->residents[vertex].kept);
}

/* devman_config.c */
void devman_geometry(const struct devman *d, int device, struct arena_geometry *ret);
int devman_fill_config(const struct devman *d, uint32_t vertex, struct slot_config *c);
void devman_fill_names(const struct devman *d, const struct arena_view *v);

/* devman_poison.c */
int poison_create(struct devman *d, uint32_t vertex);           /* 0 or TW_ENOMEM */
/* A life is over, its commit fetched, its slot untouched since.  own: it ended abnormally, by itself.  Is it a message
 * that it died of, and that is counted? */
bool poison_after(struct devman *d, int device, uint32_t slot, uint32_t vertex, bool own);
void poison_fill(const struct devman *d, uint32_t vertex, struct slot_config *c);   /* what its next life passes over */

/* devman_worker.c */
void worker_start(struct devman *d, int device);
void worker_end(struct devman *d, int device, uint8_t cause);
int worker_turn(struct devman *d);              /* events, boot, beats; 1 = something happened */

/* devman_place.c */
void slots_place(struct devman *d, int device); /* start who waits for this device */
void slots_move(struct devman *d, int device);  /* it is given up: who waits for it goes elsewhere, or is refused */
void slots_keep_no_longer(struct devman *d);
void slots_tell_refused(struct devman *d);      /* those who found no slot, if there may be one now (extension 13) */

/* devman_peers.c */
void peers_again(struct devman *d, int device); /* a worker has booted: what it missed */

/* devman.c */
void order(struct devman *d, int device, const union cell *c);  /* to slot 0 */
void order_slot(struct devman *d, uint32_t vertex, uint16_t type, uint32_t how, uint32_t deadline_ms, uint64_t step);
void slots_lost(struct devman *d, int device, uint8_t cause, uint32_t suspect);
void fetch_commit(struct devman *d, int device, uint32_t slot, struct resident *r);
uint16_t fault_begin(struct devman *d, int device, uint32_t vertex, uint8_t cause, uint8_t how,
                     uint64_t injected_us);
int down_put(struct devman *d, int device, const union cell *c, const void *body, uint32_t bytes);

#endif
