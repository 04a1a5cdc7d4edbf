/* rank.h - one rank's supervisor: the loop that joins engine, devices, link, journal and control socket
 *
 * A rank runs the branches that live wholly on it by its own engine, runs actors for the root, relays
 * messages between its devices and other ranks, and keeps a picture of every vertex of the tree.  Rank 0
 * is the same plus the root (root.h).  Nothing here reads a clock or does I/O but through the ports given
 * to it; one bounded turn of rank_turn is all it ever does.
 */
#ifndef TW_SUP_RANK_H
#define TW_SUP_RANK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/script.h"
#include "port/device.h"
#include "port/link.h"
#include "sup/view.h"

struct spec;
struct spec_arg;
struct tw_program;
struct journal;
struct drill;
struct rank;
struct verdict;

/*    verb       printed      what it does to every vertex its pattern names                    */
#define RANK_VERB_LIST(X)                                                                       \
    X(KILL,      "kill")      /* kill_tree: at once, in parallel, stopped by hand */            \
    X(TERMINATE, "terminate") /* OTP's ordered stop, stopped by hand */                         \
    X(RESTART,   "restart")   /* from its commit, or fresh; a running one is terminated first */ \
    X(FAIL,      "fail")      /* injure it (how) */                                             \
    /* OTP's calls on the supervisor of the one child it names, with OTP's answers (answer) */  \
    X(CHILD_TERMINATE, "child-terminate")                                                       \
    X(CHILD_RESTART,   "child-restart")                                                         \
    X(CHILD_DELETE,    "child-delete")                                                          \
    X(CHILD_START,     "child-start")   /* one that was deleted, is forgotten or to be started later; of a pool: another */
enum rank_verb {
#define X(name, text) VERB_##name,
    RANK_VERB_LIST(X)
#undef X
    VERB_COUNT
};

/* A command of a person; plain bytes, it travels to the root as it is. */
struct rank_command {
    uint32_t verb;              /* enum rank_verb */
    uint32_t how;               /* FAIL: enum drill_how */
    uint32_t fresh;             /* RESTART */
    uint32_t dry;               /* only say what it would hit */
    char path[256];             /* a vertex or a pattern */
};

struct rank_answer {
    int32_t exit_code;          /* 0 = done, else for the client's own exit */
    uint32_t matched;           /* vertices the pattern names */
    uint32_t lives;             /* below them, when the command came */
    uint32_t answer;            /* CHILD_: 1 + enum suptree_answer; 0 = none */
    uint32_t child;             /* ... and 1 + the vertex it is about: of a pool, the instance that was started */
    char text[240];             /* what failed: why: what to do; "" when done */
};

/* What leaves a rank besides cells: provided by src/cmd (files, socket) and by a simulator (memory). */
struct rank_outlet {
    void *self;
    /* The answer to a command (token as given to rank_command). */
    void (*answer)(void *self, uint64_t token, const struct rank_answer *a);
    /* Write the verdict, once, off the loop thread. */
    void (*verdict)(void *self, const struct verdict *v);
    /* Keep the bytes (copied) of this rank's dead letter of that number, off the loop thread; NULL: nobody does.
     * 0; TW_EFULL, TW_ENOMEM. */
    int (*letter)(void *self, uint32_t number, const void *body, uint32_t bytes);
};

/* A scenario instead of a job: stage.h. */
struct rank_scenario {
    const char *file;
    struct script script;                   /* rank 0 */
    struct spec_arg *start;                 /* per vertex: the argument its next start reads */
    const uint8_t *on_stop;                 /* per vertex: its stop is not simply obeyed */
};

struct rank_config {
    const struct spec *spec;                /* all borrowed for the rank's life */
    const struct tw_program *program;
    const uint16_t *rank_of, *device_of;    /* placement per vertex */
    const int16_t *home_of;                 /* per supervisor: the rank its branch lives on, -1 = root */
    const struct drill *drills;             /* the plan; NULL and 0 without --drills */
    uint32_t drill_count;
    bool drills_allowed;
    uint64_t seed;
    int devices;
    const uint16_t *devices_of;             /* per rank: how many it has; NULL: all the same */
    const struct view_gpu *gpus;            /* of this rank's CUDA devices; NULL: none, or host workers play them */
    const char *devices_note;               /* view.h; NULL = "" */
    unsigned generation;
    const char *job, *state_dir;
    struct link link;
    struct device_port port;
    struct journal *journal;
    struct rank_outlet out;
    const char *const *host_of;             /* per rank */
    uint64_t started_us;                    /* clock at process start, for the verdict */
    const struct rank_scenario *scenario;   /* NULL: none */
};

/* NULL with the reason: no memory, or a tree the engine refuses. */
struct rank *rank_create(const struct rank_config *config, uint64_t clock_us, struct reason *why);
void rank_destroy(struct rank *r);

/* READY: start workers; rank 0 starts the tree. */
void rank_start(struct rank *r, uint64_t clock_us);

/* One bounded turn at this time of the local clock (monotonic, microseconds).  1 = more to do at once. */
int rank_turn(struct rank *r, uint64_t clock_us);

/* A client's command; carried out by the root, answered when it is done (outlet.answer). */
void rank_command(struct rank *r, uint64_t token, const struct rank_command *c);

/* Or-ed to a signal's number: it comes because launch was killed, and the verdict is to say so. */
#define SIGNAL_LAUNCH_LOST 0x100

/* SIGTERM, SIGINT: stop in order; the second of the same hastens.  Any rank: told to the root. */
void rank_signal(struct rank *r, int number);

/* mpirun, our parent, is gone. */
void rank_launcher_lost(struct rank *r);

/* The job is over and this rank has nothing left to do: 1, with the exit code for the process. */
int rank_ended(const struct rank *r, int *ret_exit_code);

/* ---- for checks, between two turns ---- */
/* What is held of an actor placed here whose life is over: its last commit, borrowed until the next turn; NULL =
 * none.  The line of its last life, here. */
const void *rank_commit(const struct rank *r, uint32_t vertex);
uint32_t rank_line(const struct rank *r, uint32_t vertex);
/* Control cells, and news that will be one, that wait for room on the way to other ranks or for this rank's own turn. */
uint64_t rank_unsent(const struct rank *r);
/* Every structural promise of the engines and of the device manager; aborts with the broken one's text. */
void rank_check(const struct rank *r);

/* The picture; valid until the next turn. */
const struct view *rank_view(struct rank *r);

#endif
