/* scenario_file.h - what a scenario's file says: a tree, and operations in order
 *
 * The whole file is read and checked before anything runs, so that what is wrong with it is said instead of
 * half a trace.  Names are numbers here: an index into `names`.  The format: tests/conformance/README.md.
 */
#ifndef TW_EMU_SCENARIO_FILE_H
#define TW_EMU_SCENARIO_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/reason.h"
#include "core/suptree.h"

#define SCENARIO_FOREVER UINT32_MAX     /* fail_start=inf */

/*    what a worker does when it is told to stop */
#define ON_STOP_LIST(X)                                                             \
    X(OBEY,   "obey")                                                               \
    X(IGNORE, "ignore")     /* the time-out kills it */                             \
    X(NORMAL, "normal")                                                             \
    X(CRASH,  "crash")                                                              \
    X(SLOW,   "slow")       /* slow:MS: obeys, but takes that long */
enum on_stop {
#define X(name, text) ON_STOP_##name,
    ON_STOP_LIST(X)
#undef X
};

/*    operation      verb           what follows it (enum operand) */
#define OPERATION_LIST(X)                                                           \
    X(FAIL,        "fail",        NAME)                                             \
    X(EXIT,        "exit",        NAME_REASON)                                      \
    X(KILL,        "kill",        NAME)                                             \
    X(TOGETHER,    "together",    DEATHS)                                           \
    X(FAILSTART,   "failstart",   NAME_NUMBER)                                      \
    X(IGNORESTART, "ignorestart", NAME_NUMBER)                                      \
    X(GATE,        "gate",        NAME_OPERATION)                                   \
    X(TERMINATE,   "terminate",   NAME)                                             \
    X(RESTART,     "restart",     NAME)                                             \
    X(DELETE,      "delete",      NAME)                                             \
    X(START,       "start",       VERTEX)                                           \
    X(SPAWN,       "spawn",       NAME)                                             \
    X(COUNT,       "count",       NAME)                                             \
    X(WHICH,       "which",       NAME)                                             \
    X(SHUTDOWN,    "shutdown",    NOTHING)                                          \
    X(SLEEP,       "sleep",       NUMBER)                                           \
    X(ALIGN,       "align",       NUMBER)
enum operation_kind {
#define X(name, verb, operands) OPERATION_##name,
    OPERATION_LIST(X)
#undef X
    OPERATION_KINDS
};
const char *operation_verb(unsigned kind);

struct scenario_name {
    char *text;                 /* owned */
    int line;                   /* where it stands first */
    bool declared, supervisor;  /* by sup, worker or do start */
    bool template;              /* what the instances of a pool are made like */
    uint32_t pool_of;           /* the name ID.N, of an instance or below one: that of ID; else SUPTREE_NONE */
};

struct scenario_vertex {
    struct suptree_spec spec;   /* id is not set */
    uint32_t name, parent;      /* names; parent SUPTREE_NONE: the root */
    uint32_t above;             /* of those declared: the index of its parent; SUPTREE_NONE: the root */
    bool in_template;           /* it is one, or below one */
    enum on_stop on_stop;
    uint32_t slow_ms, fail_starts;
};

struct operation {
    enum operation_kind kind;
    uint32_t name;              /* its target; SUPTREE_NONE: it has none */
    uint32_t number;            /* FAILSTART, IGNORESTART; milliseconds */
    uint8_t cls;                /* EXIT: enum exit_class */
    uint32_t vertex;            /* START: index into vertices */
    uint32_t first, count;      /* GATE, TOGETHER: the operations it holds: index into held */
};

struct scenario_event {
    struct operation operation;
    int line;
    char *text;                 /* owned: its words, one blank between */
};

struct scenario_file {
    const char *path;           /* borrowed */
    struct scenario_name *names;
    struct scenario_vertex *vertices;   /* the first `declared` stand there at boot, parents first */
    struct scenario_event *events;
    struct operation *held;
    uint32_t name_count, vertex_count, declared, event_count, held_count, spawns;
    uint32_t instance_most;     /* vertices that a spawn adds, at most */
};

/* Read a file.  0; TW_ENOENT; TW_ENOMEM; TW_EPROTO with "file:line: what: word: what would be right". */
int scenario_file_read(struct scenario_file *f, const char *path, struct reason *why);
void scenario_file_free(struct scenario_file *f);

/* Of those declared: does vertex i stand below another? */
bool scenario_file_is_below(const struct scenario_file *f, uint32_t i, uint32_t top);

/* The number of a name; SUPTREE_NONE: no memory.  Instances get their names at run time. */
uint32_t scenario_file_name(struct scenario_file *f, const char *text, int line);

#endif
