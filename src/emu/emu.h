/* emu.h - a whole job in one process on virtual time: real ranks, real actors, everything else played
 *
 * Rank loops, engines, device managers, slots, streams and the actor program are the ones that run for real;
 * links, workers, threads, disks and time are played here behind the same ports.  One thread; every choice
 * comes from one seed, so a seed is a run: the same journal, the same end, every time.
 */
#ifndef TW_EMU_EMU_H
#define TW_EMU_EMU_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/reason.h"
#include "store/verdict.h"

struct rank_scenario;
struct spec;
struct tw_program;

/*    fault         as written      its target   default: of 100 faults drawn, so many         what it does          */
#define EMU_FAULT_LIST(X)                                                                                            \
    X(FAIL,         "fail",         ACTOR,  16)  /* the handler in hand says tw_fail */                              \
    X(OVERRUN,      "overrun",      ACTOR,  10)  /* ... indexes outside an array */                                  \
    X(WEDGE,        "wedge",        ACTOR,   8)  /* ... does not return; perhaps much later, when it is given up */  \
    X(SEGV,         "segv",         ACTOR,  10)  /* ... writes where nothing is mapped: the worker dies */           \
    X(KILL_WORKER,  "kill-worker",  DEVICE, 12)  /* SIGKILL */                                                       \
    X(STOP_WORKER,  "stop-worker",  DEVICE,  6)  /* SIGSTOP; with `for` it goes on after that long */                \
    X(SILENCE,      "silence",      DEVICE,  5)  /* slot 0 stands still, the slots go on */                          \
    X(NO_START,     "no-start",     DEVICE,  3)  /* SIGKILL, and the next worker does not start */                   \
    X(STALL,        "stall",        RANK,   12)  /* its loop stands still, `for` 300ms if not said */                \
    X(DISK,         "disk",         RANK,    4)  /* the next file an actor there commits cannot be renamed */        \
    X(KILL,         "kill",         BRANCH,  4)  /* the operator's; `for`: restarted so long after it was done */     \
    X(TERMINATE,    "terminate",    BRANCH,  3)                                                                      \
    X(RESTART,      "restart",      BRANCH,  7)                                                                      \
    X(NO_DEVICE,    "no-device",    DEVICE,  0)  /* SIGKILL, and no worker starts: it comes in quarantine; `for` (1s  \
                                                    if not said): the operator lifts that so long after.  Drawn where \
                                                    a script gives it a weight: most jobs cannot bear it */           \
    X(KILL_RANK,    "kill-rank",    RANK,    0)  /* the job has to end and say so: never drawn, only written */      \
    X(SIGNAL,       "signal",       JOB,     0)  /* SIGTERM to rank 0: as above */
enum emu_fault_kind {
#define X(name, text, target, rate) EMU_##name,
    EMU_FAULT_LIST(X)
#undef X
    EMU_FAULT_COUNT
};

struct emu_fault {
    enum emu_fault_kind kind;
    bool at_step, fired;
    uint64_t us;                /* tree time; or ... */
    uint32_t step_vertex;       /* ... when this actor's progress reaches ... */
    uint64_t step;
    uint32_t vertex;            /* ACTOR, BRANCH */
    int rank, device;           /* DEVICE, RANK */
    uint64_t for_us;            /* 0 = not said */
    uint32_t refused;           /* restarts that the operator has tried again */
};

#define EMU_FAULTS_MAX 64

/* How rough the way between ranks is. */
struct emu_links {
    uint64_t delay_us;          /* at most; each cell its own */
    uint32_t dup, reorder;      /* of 1000 actor messages and acks; control cells keep their order, as MPI's do */
};

/* The faults of one run. */
struct emu_plan {
    struct emu_links links;
    struct emu_fault faults[EMU_FAULTS_MAX];
    uint32_t count;
};

/* What plans are drawn from: some faults written down, others left to the seed. */
struct emu_script {
    struct emu_plan fixed;
    bool has_links;
    uint32_t fewest, most;      /* faults drawn beside the fixed ones */
    uint32_t weight[EMU_FAULT_COUNT];
};

/* The default: 0 to 8 faults a run, weights as in the table; none: the links alone. */
void emu_script_default(struct emu_script *ret);
void emu_script_none(struct emu_script *ret);
/* A file; its lines are described in doc/simulator.md.  0; TW_ENOENT; TW_EPROTO with file:line. */
int emu_script_read(const char *file, const struct spec *s, int ranks, struct emu_script *ret, struct reason *why);

/* Draw a run's plan.  Times lie within length_us; actors of one supervisor are struck no oftener than its
 * intensity allows, so that a tree that goes down is a failure. */
void emu_plan_draw(const struct emu_script *script, const struct spec *s, int ranks, uint64_t seed, uint64_t length_us,
                   struct emu_plan *ret);
/* Write it as a script that gives this very plan. */
void emu_plan_write(const struct emu_plan *p, const struct spec *s, FILE *to);
const char *emu_fault_name(unsigned kind);
/* Does one of these cost its actor's supervisor a restart? */
bool emu_fault_is_charged(unsigned kind);
/* Must the job end by itself, well?  Not after kill-rank or signal. */
bool emu_plan_heals(const struct emu_plan *p);

struct emu_config {
    const struct spec *spec;            /* borrowed, as all here */
    const struct tw_program *program;
    int ranks;
    uint64_t seed;
    struct emu_plan *plan;              /* `fired` is filled in */
    const char *out_dir;                /* where actors' files go; "": they have none */
    uint64_t limit_us;                  /* virtual time after which it is stuck */
    FILE *journal;                      /* where records are written as they come; NULL = nowhere */
    void *self;                         /* of the function below */
    /* NULL, or who keeps dead letters. */
    void (*letter)(void *self, int rank, uint32_t number, const void *body, uint32_t bytes);
    bool fibers;                        /* every turn can be left in the middle: emu_die */
    const struct rank_scenario *scenario;       /* it is one, and spec its tree; NULL: a job */
};

struct emu_result {
    char failure[512];                  /* "" = all held: what did not, and when */
    bool has_verdict;
    struct verdict verdict;
    uint64_t virtual_us, events, checks;
    uint64_t repeated;                  /* reports that ranks made again, because their answer was late */
    uint64_t detection_us;              /* the longest from a strike on a worker to its rank's knowing */
    uint64_t digest;                    /* of all journal records, in order */
};

/* One run, from READY to the last rank's end.  0, or TW_ENOMEM, TW_EINVAL with the reason; a job that did not do
 * what it must is a result, not an error. */
int emu_run(const struct emu_config *config, struct emu_result *ret, struct reason *why);

/* For checks built with crash points (slot/order.h), called from inside a turn of a run with `fibers`: whose it is,
 * and that this process - the whole worker, the rank - dies on the spot.  emu_die does not return. */
enum emu_who { EMU_NOBODY, EMU_WORKER, EMU_RANK };
enum emu_who emu_turn_of(int *ret_rank);
void emu_die(void);

#endif
