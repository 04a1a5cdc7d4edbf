/* view.h - the read-only picture of a job that status, tree and the dashboard are drawn from
 *
 * Plain data, owned by the rank loop and valid between two of its turns on the same thread.  Every rank
 * keeps one for all vertices (homes tell every change to all), so any rank can draw it; the root's is
 * the one commands are answered from.
 */
#ifndef TW_SUP_VIEW_H
#define TW_SUP_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "port/device.h"

struct spec;

/*    name       printed */
#define VERTEX_STATE_LIST(X)                                                                         \
    X(NEW,        "new")            /* never started */                                              \
    X(STARTING,   "starting")                                                                        \
    X(RUNNING,    "running")                                                                         \
    X(STOPPING,   "stopping")                                                                        \
    X(RESTARTING, "restarting")     /* down, and its supervisor will start it again */               \
    X(STOPPED,    "stopped")        /* down until somebody starts it */                              \
    X(DONE,       "done")           /* ended normally and stays ended */                             \
    X(GONE,       "gone")           /* its specification is dropped */                               \
    X(QUARANTINED, "quarantined")   /* given up, and kept for `restart` */                           \
    X(WAITING,    "waiting")        /* its restart waits for a free slot */

enum vertex_state {
#define X(name, text) VERTEX_##name,
    VERTEX_STATE_LIST(X)
#undef X
    VERTEX_STATE_COUNT
};

/* As printed; "?" for a number that is none. */
static inline const char *vertex_state_name(unsigned state)
{
    switch (state) {
#define X(name, text) case VERTEX_##name: return text;
    VERTEX_STATE_LIST(X)
#undef X
    }
    return "?";
}

#define VIEW_TALLY 4                /* last deaths kept per vertex */

struct view_death { uint64_t tree_us; uint8_t cls, cause; uint16_t rank, device; };

struct view_vertex {
    uint64_t life;
    uint64_t progress;              /* tw_progress; known for actors of this rank, else last told */
    uint64_t since_us;              /* tree time of the last change of state */
    uint32_t line;
    uint32_t starts;
    uint32_t slot;                  /* of an actor that has one; 0 = none */
    uint16_t rank, device;          /* where it is or was last; UINT16_MAX = nowhere yet */
    uint8_t state;                  /* enum vertex_state */
    uint8_t engine_state;           /* its home's, enum tree_state: RESTARTING may be a death not looked at yet */
    uint8_t cls, cause;             /* of the last death; meaningful when deaths > 0 */
    uint32_t code;                  /* ... and the actor's own: tw_fail's */
    uint8_t end_cls, end_cause;     /* of `life`, if its address is down: as who ran it saw it */
    uint8_t stopped_by_hand;
    uint32_t retrying;              /* of a pool: core/suptree.h */
    uint32_t deaths;                /* ever */
    struct view_death tally[VIEW_TALLY];    /* [deaths % VIEW_TALLY] is the next to be overwritten */
};

/* What a CUDA device is called. */
struct view_gpu { char uuid[DEVICE_UUID_BYTES], pci[32]; };

struct view_device {
    uint8_t kind;               /* enum device_kind */
    uint8_t up, quarantined;
    uint16_t slots, spares, busy, fenced;
    uint32_t incarnation;
    int pid;
    const struct view_gpu *gpu; /* borrowed; NULL: none, or played */
};

struct view_rank {
    uint8_t up;
    char host[64];
    int pid;
    uint16_t device_count;
    const struct view_device *devices;  /* known for the own rank; NULL for others */
    uint64_t heard_us;                  /* tree time it was last heard */
};

/* Of a supervisor's children as they are now: what count_children answers. */
struct view_children { uint32_t specs, supervisors, workers; int32_t active; };     /* active: core/suptree.h */

struct view {
    const struct spec *spec;            /* names, paths, shape of the tree; index = vertex id */
    const struct view_vertex *vertices; /* spec's vertex count */
    const struct view_rank *ranks;
    int rank, rank_count;
    uint64_t tree_us;
    const char *job, *name, *state_dir;
    unsigned generation;
    const char *devices_note;           /* why they are not what was asked for; "" = they are */
    const char *phase;                  /* starting | running | stopping | ended */
    uint64_t restarts, giveups, workers_lost, slots_fenced, stale_dropped, orders;
    uint64_t dead_letters;              /* of this rank: poison messages */
    uint64_t drills_fired, drills_left;
    bool drills_allowed;
    uint64_t seed;
};

/* As its supervisor sees it: a branch in quarantine runs, though without its children; an actor there does not. */
bool view_runs(const struct view_vertex *v);
/* A vertex that lives: it starts, runs or stops. */
bool view_is_active(const struct view_vertex *v);
/* It is part of the tree: not what instances are made like, nor what is to be started at run time and was not, or is
 * forgotten, nor below that.  O(depth). */
bool view_is_there(const struct view *v, uint32_t vertex);
/* Its specification, or that of what it is in, is dropped: only the tree still shows it.  O(depth). */
bool view_is_forgotten(const struct view *v, uint32_t vertex);
void view_count(const struct view *v, uint32_t supervisor, struct view_children *ret);

#endif
