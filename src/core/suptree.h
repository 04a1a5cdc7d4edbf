/* suptree.h - the supervision engine: who falls, who comes back, in which order
 *
 * The semantics are those of Erlang/OTP's supervisor (rule tags S R I G A M in suptree.c), as a pure state
 * machine: inputs go in with the tree time, effects come out.  It never sends, waits, allocates after
 * create, or looks at a clock; whoever runs it carries the effects out and reports back.  A supervisor
 * here behaves as an OTP process does: one thing at a time, the rest waits in the order of arrival.
 *
 * One instance holds one or more branches: trees of supervisors whose topmost vertex has its parent
 * elsewhere (or nowhere).  A leaf is an actor, or a whole branch that another instance runs (`remote`).
 * A supervisor may have work of its own (`works`): it starts before the first child and stops after the last, and
 * when it ends by itself the whole branch is stopped in order and has ended as its work did.  Without children
 * such a supervisor is what a leaf is.
 * Every start attempt is a new life; an input that names an older one changes nothing and is counted.
 *
 * A pool (SIMPLE_ONE_FOR_ONE) has one child that is not dynamic: its template, which never lives, nor does what may be
 * below it.  Dynamic ones are its instances, actors or supervisors as it is; they take restart type, shutdown and
 * significance from it, and supervisors what else they go by.  What is below an instance the caller adds to each.
 *
 * A supervisor that is asked for its children answers when its turn comes, and then stands still until the
 * caller, who may look at it meanwhile, has said ASKED.
 *
 * Under a supervisor that says so (extension 13), a restart for which there is no slot (START_FAILED with CAUSE_CAPACITY
 * or CAUSE_DEVICE) waits, free of charge, until ROOM says that there may be one; a first start, and a call's, has failed.
 */
#ifndef TW_CORE_SUPTREE_H
#define TW_CORE_SUPTREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/cause.h"
#include "shared/rc.h"

#define SUPTREE_NONE 0xffffffffu
#define SUPTREE_UNLIMITED 0xffffffffu   /* as intensity: every restart is granted, and none is remembered */
#define SUPTREE_BATCH 256u              /* most lives in one LOST input: the slots of a worker */

enum suptree_strategy { ONE_FOR_ONE, ONE_FOR_ALL, REST_FOR_ONE, SIMPLE_ONE_FOR_ONE };
enum suptree_restart { RESTART_PERMANENT, RESTART_TRANSIENT, RESTART_TEMPORARY };
enum suptree_auto_shutdown { AUTO_NEVER, AUTO_ANY_SIGNIFICANT, AUTO_ALL_SIGNIFICANT };
enum suptree_shutdown { SHUTDOWN_MS, SHUTDOWN_BRUTAL_KILL, SHUTDOWN_INFINITY };

/*    state        printed in traces and by which_children */
#define TREE_STATE_LIST(X)                                                          \
    X(STOPPED,    "stopped")        /* no life, and none is wanted now */           \
    X(STARTING,   "starting")                                                       \
    X(RUNNING,    "running")                                                        \
    X(DEAD,       "dead")           /* its end is known, its supervisor is busy */  \
    X(STOPPING,   "stopping")                                                       \
    X(RESTARTING, "restarting")     /* a start failed; a retry waits */
enum tree_state {
#define X(name, text) TREE_##name,
    TREE_STATE_LIST(X)
#undef X
};
const char *tree_state_name(unsigned state);

/*    action       what a cause of death leads to (extension 3)                                     */
#define SUPTREE_ACTION_LIST(X)                                                                     \
    X(DEFAULT,    "default")        /* what class and restart type say */                          \
    X(RESTART,    "restart")        /* it is restarted, whatever its restart type */               \
    X(STOP,       "stop")           /* it stays down, as after terminate */                        \
    X(ESCALATE,   "escalate")       /* its supervisor gives up at once */                          \
    X(QUARANTINE, "quarantine")     /* it stays down, and no group restart starts it, until `restart` does */ \
    X(IGNORE,     "ignore")         /* as if it had ended normally */
enum suptree_action {
#define X(name, text) ACTION_##name,
    SUPTREE_ACTION_LIST(X)
#undef X
    ACTION_COUNT
};

#define SUPTREE_DEPENDS 8u

/* What a vertex does beyond OTP (doc/beyond-otp.md); all zero: nothing. */
struct suptree_extra {
    /* 1: before attempt n + 1 in a row min * factor^n, at most max, give or take jitter; 0 = at once */
    uint32_t backoff_min_ms, backoff_max_ms;
    uint32_t backoff_factor, backoff_jitter;    /* per cent: 200 = twice as long each time */
    uint32_t healthy_after_ms;                  /* a life that was up so long ends the row */
    uint32_t local_restarts;                    /* 8: after so many in a row START asks for another device; 0 = never */
    /* of supervisors */
    uint32_t intensity_per_child;       /* 2: so many requests of one child within the period; 0 = no such limit */
    bool count_infrastructure;          /* 4: LOST is an end like others, charged and decided upon */
    bool restart_on_giveup;             /* 5: a transient child that gave up is restarted */
    bool waits;                         /* 13: a child's restart for which there is no slot waits for one */
    bool quarantine;                    /* 7: instead of giving up it stops its children and waits for `restart` */
    uint32_t shutdown_deadline_ms;      /* 10: from its own way down on; then what is left is killed; 0 = none.
                                         * one_for_one: children on whom no other depends stop at the same time */
    /* of children */
    uint8_t on_cause[CAUSE_COUNT];      /* 3: enum suptree_action */
    struct { uint32_t low, high; } depends[SUPTREE_DEPENDS];    /* 11: ids of siblings, earlier ones */
    uint32_t depend_count;
};

struct suptree_spec {
    uint32_t id;                /* the caller's, unique, < limits.ids */
    uint32_t name;              /* shared by children of one supervisor of which only one can be there (M1);
                                 * 0: with nobody */
    bool supervisor;
    bool remote;                /* a supervisor run by another instance: a leaf here */
    bool significant;
    bool dynamic;               /* added at run time: lost when its supervisor restarts (R9) */
    uint8_t restart;            /* enum suptree_restart */
    uint8_t shutdown;           /* enum suptree_shutdown */
    uint32_t shutdown_ms;
    uint8_t strategy;           /* supervisors: enum suptree_strategy */
    uint8_t auto_shutdown;
    uint32_t intensity;
    uint64_t period_ms;
    bool state_init;            /* `state: init`: every start is fresh */
    bool works;                 /* a supervisor here with work of its own, started and stopped like a leaf */
    const struct suptree_extra *extra;  /* copied by suptree_add; NULL: OTP and no more */
};

/*    input           what happened, and which fields matter beside vertex and life               */
#define SUPTREE_INPUT_LIST(X)                                                                      \
    X(BRANCH_START)   /* start a branch: life of its top, line, fresh, anew, move, reign */        \
    X(BRANCH_STOP)    /* stop it in order */                                                       \
    X(BRANCH_KILL)    /* retire all of it at once: alone; linked, with the class of its top */     \
    X(STARTED)        /* a leaf's life runs */                                                     \
    X(START_FAILED)   /* cause; fresh: as EXITED has it */                                         \
    X(START_IGNORED)                                                                               \
    X(EXITED)         /* cls, cause; also the acknowledgement of a stop; fresh: its next start is from init (16) */ \
    X(LOST)           /* batch, cause: infrastructure; charged to nobody (extension 4) */          \
    X(KILLED_OUTSIDE) /* a supervisor was killed from outside (G4) */                              \
    X(TERMINATE)      /* administration, answered by RESULT with token */                          \
    X(RESTART)        /* fresh */                                                                  \
    X(DELETE)                                                                                      \
    X(START_CHILD)    /* vertex: a child added by suptree_add with `dynamic`, or one that is gone */ \
    X(SPAWN)          /* vertex: a pool; START_CHILD in a place of it that is free */             \
    X(KILL)           /* kill_tree */                                                              \
    X(ASK)            /* which_children, count_children: answered by RESULT when it is its turn */ \
    X(ASKED)          /* the caller has looked: go on */                                           \
    X(TICK)           /* suptree_due has come */                                                   \
    X(QUARANTINED)    /* a remote branch waits for `restart` (extension 7) */                      \
    X(ROOM)           /* a leaf whose restart found no slot may find one now (extension 13) */
enum suptree_input_kind {
#define X(name) SUPTREE_##name,
    SUPTREE_INPUT_LIST(X)
#undef X
    SUPTREE_INPUT_COUNT
};

struct suptree_input {
    uint16_t kind;              /* enum suptree_input_kind */
    uint8_t cls, cause;
    bool fresh;
    bool move;                  /* to another device (extension 8) */
    bool anew;                  /* in the place of another child: as START has it */
    bool linked;                /* with a supervisor above it that was killed */
    bool alone;                 /* by its own supervisor, that stops or restarts it: its shutdown is a kill */
    uint32_t vertex;
    uint32_t line;              /* BRANCH_START: lines given are at least this */
    uint32_t reign;             /* BRANCH_START: part of all lives given below */
    uint64_t life;
    uint64_t token;
    uint32_t count;             /* of batch */
    struct { uint32_t vertex; uint64_t life; } batch[SUPTREE_BATCH];
};

/*    effect          what is to be done, and which fields matter beside vertex and life          */
#define SUPTREE_EFFECT_LIST(X)                                                                     \
    X(START)          /* begin a life of a leaf: line, fresh, move; anew: of another child than before */ \
    X(STOP)           /* end it: how (enum suptree_shutdown), deadline_ms; linked, cls; alone */   \
    X(REPORT)         /* a branch's top: what (STARTED, START_FAILED, EXITED, QUARANTINED), cls, cause */       \
    X(RESULT)         /* token, answer, count: lives it ended */                                   \
    X(RECORD)         /* for the journal: what (enum suptree_record), cls, cause, starts, other; who gives up:  \
                       * how (enum suptree_giveup), other: of which child, count: what that one ended of */
enum suptree_effect_kind {
#define X(name) SUPTREE_DO_##name,
    SUPTREE_EFFECT_LIST(X)
#undef X
};

/* Journal records, named as in a trace. */
#define SUPTREE_RECORD_LIST(X)                                                                     \
    X(BEGIN, "begin") X(START, "start") X(START_FAILED, "start_failed")                            \
    X(START_IGNORED, "start_ignored") X(EXIT, "exit") X(STOP, "stop") X(LOST, "lost")              \
    X(GIVEUP, "giveup") X(DOWN, "down") X(ESCALATE, "escalate") X(TREE_DOWN, "tree_down")          \
    X(QUARANTINE, "quarantine") X(DELAY, "delay") /* count: milliseconds */                        \
    X(WAITING, "waiting")       /* for a slot */
enum suptree_record {
#define X(name, text) RECORD_##name,
    SUPTREE_RECORD_LIST(X)
#undef X
};

/* Why a supervisor gives up: restarts of all its children, or of one of them (extension 2), exceeded their window; the
 * end of one child is to escalate (3); a significant one has ended (A2). */
enum suptree_giveup { GIVEUP_NONE, GIVEUP_WINDOW, GIVEUP_CHILD_WINDOW, GIVEUP_ESCALATED, GIVEUP_AUTO_SHUTDOWN };

/* Answers of administration calls (M1, M2). */
#define SUPTREE_ANSWER_LIST(X)                                                                     \
    X(OK, "ok") X(IGNORED, "ignored") X(NOT_FOUND, "not_found") X(RUNNING, "running")              \
    X(RESTARTING, "restarting") X(ALREADY_STARTED, "already_started")                              \
    X(ALREADY_PRESENT, "already_present") X(START_ERROR, "start_error") X(INVALID, "invalid")                \
    X(SIMPLE_ONE_FOR_ONE, "simple_one_for_one") X(QUARANTINED, "quarantined")                               \
    X(MAX_CHILDREN, "max_children")     /* every instance that was added is in use */
enum suptree_answer {
#define X(name, text) ANSWER_##name,
    SUPTREE_ANSWER_LIST(X)
#undef X
    ANSWER_COUNT
};
const char *suptree_answer_name(unsigned answer);

struct suptree_effect {
    uint16_t kind;              /* enum suptree_effect_kind */
    uint8_t cls, cause;
    uint8_t what, how;
    bool fresh : 1, move : 1, linked : 1, anew : 1, alone : 1;
    uint32_t vertex, other;
    uint32_t line, starts;
    uint32_t deadline_ms;
    uint32_t count;
    uint64_t life, token;
};

struct suptree_limits {
    uint32_t vertices;          /* in this instance, at a time */
    uint32_t ids;               /* all ids are below this */
    uint32_t generation;        /* part of every life: 12 bits */
    bool extras;                /* vertices may have a suptree_extra */
    uint32_t messages;          /* that may wait at a time; 0: 4 x vertices + 64 */
    uint32_t effects;           /* that may wait to be taken; 0: 16 x vertices + 256 */
    uint32_t untold;            /* a bit for each enum suptree_record that nobody wants: one answer can end the boot
                                 * of a whole chain of supervisors, and that many records are then due at once */
};

struct suptree;

/* NULL: no memory.  Everything is allocated here, but windows: suptree_add. */
struct suptree *suptree_create(const struct suptree_limits *limits);
void suptree_destroy(struct suptree *t);
/* Memory of an instance with these limits, windows and extras apart. */
size_t suptree_bytes(const struct suptree_limits *limits);

/* Add a vertex at the end of its parent's children (SUPTREE_NONE: the top of a branch).  0; TW_EEXIST,
 * TW_ENOENT (parent), TW_EFULL, TW_EINVAL. */
int suptree_add(struct suptree *t, uint32_t parent, const struct suptree_spec *spec);

/* Forget a vertex without children: a life it still has is the caller's to end, nobody is told, nothing is charged, and
 * its id may be given to another.  For callers that number their vertices themselves (the pool); jobs never forget one.
 * An instance in which this was done cannot be saved.  0; TW_ENOENT; TW_ESTATE: it has children, it starts or stops, or
 * it or its supervisor is busy.  O(1). */
int suptree_remove(struct suptree *t, uint32_t vertex);

/* The last child's last child and so on: where a walk begins that takes children before their parents and the
 * youngest first.  When what was found is removed, the next is the last below its parent: so a whole branch is taken
 * without recursion, each vertex looked at a constant number of times.  SUPTREE_NONE if vertex is not here. */
uint32_t suptree_last_below(const struct suptree *t, uint32_t vertex);

/* Take one input.  0, or TW_ESTALE when it names a life or vertex that is no more (nothing changes). */
int suptree_take(struct suptree *t, uint64_t tree_ms, const struct suptree_input *in);

/* While held, inputs are queued where they belong and nobody goes on; release lets all go on.  For deaths
 * that are to be found together. */
void suptree_hold(struct suptree *t, bool held);

/* When the next TICK is wanted: UINT64_MAX, never.  O(1). */
uint64_t suptree_due(const struct suptree *t);

/* The next effect, in order; NULL when there is none.  Borrowed until the next call. */
const struct suptree_effect *suptree_next_effect(struct suptree *t);

/* A vertex whose state, or whether it is gone, was set since it was last named here; SUPTREE_NONE when there is no
 * more.  For pictures: not every change has an effect (an end that leads to nothing).  O(1). */
uint32_t suptree_next_changed(struct suptree *t);

/* Look at a vertex; NULL if it is not here. */
struct suptree_look {
    uint32_t parent, first_child, next_sibling;
    enum tree_state state;
    uint32_t starts, line, restarts_in_window;
    uint64_t life;
    uint8_t cls, cause;
    bool by_hand;               /* stopped by terminate or kill */
    bool supervisor, significant, gone, is_template;
    bool quarantined;           /* extensions 3 and 7 */
    bool no_room;               /* RESTARTING: for want of a slot (extension 13) */
    uint64_t due_ms;            /* RESTARTING: when it will be tried again, if it waits (extension 1); else UINT64_MAX */
    uint32_t retrying;          /* a pool's restarts that failed, as OTP counts them: taken off its active ones */
    uint32_t specs, supervisors, workers;               /* count_children (M3) */
    int32_t active;             /* below 0 in a pool that lost count as OTP does */
};
/* 0 or TW_ENOENT.  O(children + intensity). */
int suptree_look(const struct suptree *t, uint32_t vertex, uint64_t tree_ms, struct suptree_look *ret);
/* The same without restarts_in_window and counts.  O(1). */
int suptree_peek(const struct suptree *t, uint32_t vertex, struct suptree_look *ret);

/* Counters since create; restarts and give-ups go along when all is saved and loaded. */
uint64_t suptree_restarts(const struct suptree *t);     /* requests granted */
uint64_t suptree_giveups(const struct suptree *t);
uint64_t suptree_stale(const struct suptree *t);

/* Idle: nothing is under way and nothing waits.  O(1). */
bool suptree_quiet(const struct suptree *t);
/* Nothing goes on by itself: it is idle, or held.  O(1). */
bool suptree_rests(const struct suptree *t);

/* Every structural promise of this module; aborts with the broken one's text.  O(vertices). */
void suptree_check(const struct suptree *t);

/* Save a branch (its top's id) or everything (SUPTREE_NONE) as it stands between two inputs, effects
 * taken.  Returns the bytes written, TW_ETOOBIG (ret: what is needed is in *ret_bytes), TW_ENOENT: no such top. */
int suptree_save(const struct suptree *t, uint32_t top, void *buf, size_t room, size_t *ret_bytes);
/* Load into an instance that has the same vertices, a branch also beside others; it goes on as the one that was saved
 * would.  Counters are those of an instance: they come with all of it, not with a branch.  Whoever was held is to be held
 * again before.  0 or TW_EPROTO (nothing changed): not of these vertices, or not every byte as it was saved. */
int suptree_load(struct suptree *t, const void *buf, size_t bytes);

#endif
