/* drills.h - the plan of injuries of one run: drawn from a seed, the same on every rank */
#ifndef TW_SPEC_DRILLS_H
#define TW_SPEC_DRILLS_H

#include "spec/spec.h"

/*    name         printed as --how    what it does to its target                            */
#define DRILL_LIST(X)                                                                        \
    X(FAIL,        "fail")          /* the handler in hand says tw_fail */                   \
    X(OVERRUN,     "overrun")       /* ... indexes past an array */                          \
    X(WEDGE,       "wedge")         /* ... never returns */                                  \
    X(SEGV,        "segv")          /* ... writes where nothing is mapped */                 \
    X(KILL_WORKER, "kill-worker")   /* SIGKILL to the worker it runs in */                   \
    X(STOP_WORKER, "stop-worker")   /* SIGSTOP to it */                                      \
    X(KILL,        "kill")          /* the operator's kill of a branch */                    \
    X(RESTART,     "restart")       /* the operator's restart */
enum drill_how {
#define X(name, text) DRILL_##name,
    DRILL_LIST(X)
#undef X
    DRILL_HOW_COUNT
};

enum drill_trigger { DRILL_TIME, DRILL_STEP, DRILL_AFTER };

struct drill {
    enum drill_how how;
    enum drill_trigger trigger;
    uint32_t target;            /* vertex */
    uint64_t tree_ms;           /* DRILL_TIME */
    uint32_t step_vertex;       /* DRILL_STEP: fires when this actor's tw_progress reaches step */
    uint64_t step;
    uint64_t after_ms;          /* DRILL_AFTER: after the previous drill has settled */
};

const char *drill_how_name(unsigned how);
/* TW_ENOENT for a text that is none. */
int drill_how_of(const char *text);

/* Draw the plan: targets uniform among matches, times and steps uniform in `within` (splitmix64 from the
 * seed, drills in order).  *ret owned by the caller (free).  0, TW_ENOMEM. */
int drills_plan(const struct spec *s, uint64_t seed, struct drill **ret);

#endif
