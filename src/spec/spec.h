/* spec.h - a job as its file describes it: the tree, expanded, and what every vertex was given
 *
 * One YAML document (JSON is YAML).  Everything wrong with it is said at once, each as
 * "file:line:column: what: why: what would be right"; a loaded spec has none of it.  Vertex ids count the
 * expanded tree depth first in start order; 0 is the root, parents come before children.
 */
#ifndef TW_SPEC_SPEC_H
#define TW_SPEC_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/reason.h"

#define SPEC_NONE 0xffffffffu
#define SPEC_VERTICES_MAX 65536u
#define SPEC_PATH_BYTES 256
#define SPEC_DIMS 8
#define SPEC_ARGS 24
#define SPEC_DEPENDS 8         /* SUPTREE_DEPENDS */

struct suptree_extra;           /* core/suptree.h */

enum spec_kind { SPEC_SUPERVISOR, SPEC_ACTOR };
enum spec_arg_kind { SPEC_ARG_U64, SPEC_ARG_F64, SPEC_ARG_TEXT };
enum spec_place { SPEC_PLACE_ANY, SPEC_PLACE_RANK, SPEC_PLACE_SPREAD, SPEC_PLACE_PACK };

struct spec_arg {
    char *name;                 /* owned */
    enum spec_arg_kind kind;
    uint64_t u64;
    double f64;
    char *text;                 /* owned; as written */
};

struct spec_vertex {
    uint32_t id, parent, first_child, next_sibling, child_count;
    enum spec_kind kind;
    uint32_t decl;              /* which declaration of the file it comes from */
    int line, column;           /* ... and where that begins */
    const char *path, *name;    /* borrowed from the spec; name includes [i,j] */
    const char *actor;          /* actor type; NULL for supervisors */
    uint32_t dims[SPEC_DIMS], dim_count;        /* all numbers of its path, left to right */
    /* supervision: numbers as core/suptree.h has them */
    uint32_t strategy, auto_shutdown, restart, shutdown_kind, shutdown_ms, intensity;
    uint64_t period_ms;
    bool significant, state_init;
    uint32_t resume_deaths;     /* of its own from one commit until it begins from init; 0: it always resumes */
    const struct suptree_extra *extra;          /* beyond OTP; NULL: nothing.  Borrowed; without its `depends` ... */
    uint32_t depends[SPEC_DEPENDS], depend_count;       /* ... which are declarations of siblings */
    bool dynamic;               /* no part of the tree until it is started at run time */
    uint32_t sibling_name;      /* a scenario's: as suptree_spec.name */
    /* place */
    enum spec_place place;
    uint32_t place_rank;        /* SPEC_PLACE_RANK */
    uint32_t place_device;      /* SPEC_NONE = any of the rank */
    /* actors */
    uint32_t start_deadline_ms;         /* up when it says tw_ready, by then at the latest; 0: when it has begun */
    uint32_t poison;            /* deaths in a row with the same message in hand until it is passed over; 0: never */
    uint32_t deadline_ms, mailbox, message_bytes, peers, sends, commit_every, commit_within_ms;
    bool eager;
    bool host;                  /* a host actor: runs on host devices only; whoever loads the program says so */
    const struct spec_arg *args;
    uint32_t arg_count;
};

enum spec_on_stop { SPEC_ON_STOP_RESTART, SPEC_ON_STOP_WAIT };
enum spec_device_kind { SPEC_DEVICE_HOST, SPEC_DEVICE_ANY, SPEC_DEVICE_CUDA };

/* As written; from spec_settle on as the job has them.  Beside CUDA devices host actors have a device of their own, the
 * last one of a rank that has such actors. */
struct spec_devices {
    uint32_t per_rank;          /* of the kind; 0: as many CUDA devices as each rank can have */
    uint32_t slots, spares;     /* of each */
    uint32_t host_slots, host_spares;   /* of the device of host actors */
    enum spec_device_kind kind;
    enum spec_on_stop on_stop;
};

struct spec_drill {             /* as written; drills.h makes the plan */
    char glob[SPEC_PATH_BYTES];
    uint32_t how;               /* enum drill_how */
    enum { SPEC_AT_RANDOM_TIME, SPEC_AT_RANDOM_STEP, SPEC_AT_TIME, SPEC_AT_STEP, SPEC_AT_AFTER } at;
    uint64_t low, high;         /* ms or steps; AT_TIME, AT_STEP and AT_AFTER: low */
    char at_path[SPEC_PATH_BYTES];      /* SPEC_AT_STEP */
    int line, column;
};

struct spec {
    char *file, *name, *program;        /* owned; program: path of NAME.so beside the file */
    struct spec_devices devices;
    struct spec_vertex *vertices;       /* owned, [vertex_count] */
    uint32_t vertex_count;
    struct spec_drill *drills;          /* owned */
    uint32_t drill_count;
    bool drills_declared;
    uint64_t hash;                      /* of the file and the overrides: equal on every rank or refused */
    void *store;                        /* owned: strings, declarations */
};

/* Called once per error, in the order of the file. */
typedef void (*spec_error_f)(void *self, const char *text);

/* Load FILE with count overrides ("PATH.key=value").  0; TW_ENOENT (no such file), TW_EINVAL (errors were
 * told).  *ret owned, by spec_free. */
int spec_load(const char *file, const char *const *sets, int count, spec_error_f error, void *self,
              struct spec **ret);
void spec_free(struct spec *s);

/* The vertex with exactly this path, SPEC_NONE if there is none.  O(log vertices). */
uint32_t spec_find(const struct spec *s, const char *path);

/* Of a pool: what its instances, its dynamic children, are made like.  It never lives, and no pattern matches it. */
bool spec_is_template(const struct spec *s, uint32_t vertex);

/* What kind of devices the job has: HOST or CUDA, and so many of it on each rank; 0: as the specification says, or one.
 * Placement and all that runs a job want to know it; before, ANY counts as HOST. */
void spec_settle(struct spec *s, enum spec_device_kind kind, uint32_t per_rank);
/* Is this device of a rank a CUDA device?  How many slots it has for actors, and beside them for wedged ones. */
bool spec_is_cuda(const struct spec *s, uint32_t device);
uint32_t spec_slots(const struct spec *s, uint32_t device);
uint32_t spec_spares(const struct spec *s, uint32_t device);
/* May an actor live there?  Beside CUDA devices host actors on the host device alone, and no others. */
bool spec_may_live(const struct spec *s, uint32_t vertex, uint32_t device);
/* Of what comes and goes, by itself or with a branch: it, or a supervisor above it, is dynamic.  O(depth). */
bool spec_is_place(const struct spec *s, uint32_t vertex);
/* All below a vertex, parents first: from top itself on, the one after `vertex`; SPEC_NONE when there is no more. */
uint32_t spec_next_below(const struct spec *s, uint32_t vertex, uint32_t top);

/* Vertices that match a pattern: names or '*', each bracket position a number, a range a-b or '*'
 * (plate/rows[0-2]/tile[*,3]; rows without a bracket means all of them).  Up to cap ids, in order; returns
 * how many match in all. */
uint32_t spec_match(const struct spec *s, const char *pattern, uint32_t *ret_ids, uint32_t cap);

/* FNV-1a of a text, as actors compute it for tw_peer and argument names. */
uint64_t spec_hash_text(const char *text);

/* 60s, 500ms, 2m, 1h -> milliseconds; -1: not a duration. */
int64_t spec_duration_ms(const char *text);

#endif
