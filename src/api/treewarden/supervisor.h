/* treewarden/supervisor.h - a supervised pool of actors: one device's slots, driven by calls
 *
 * A pool is a table of slots with a supervision tree over it.  It knows who lives where, who falls with whom and
 * who comes back, in which order; it starts and stops nothing itself.  Its owner drives a device (a resident kernel,
 * threads, processes): tells the pool what happened, and carries out the actions that come back, in order.
 *
 *     struct tw_pool *pool;
 *     struct tw_pool_spec worker = TW_POOL_SPEC_INIT;         // permanent, at most 1 restart in 5 s below it
 *     struct tw_pool_action todo[16];
 *     uint64_t id;
 *     tw_pool_create(64, NULL, now_ms, &pool);                // slot 0 is the pool's own supervisor: 63 for actors
 *     tw_pool_create_actor(pool, now_ms, TW_POOL_ROOT, &worker, &id);    // start it, then
 *     tw_pool_activate(pool, now_ms, id);                     // ... when its block says that it runs
 *     n = tw_pool_handle_failure(pool, now_ms, id, TW_EXIT_ABNORMAL, todo, 16);
 *     // todo: START of a new life of it, or STOPs and STARTs of its group, or that a supervisor gave up
 *
 * Ids.  An id is a slot (24 bits) and a life (40 bits): each start is a new life, and a call that names an older one
 * changes nothing, answers TW_POOL_ESTALE and is counted.  Within a slot lives only rise, up to 2^40.
 *
 * Semantics.  Those of Erlang/OTP's supervisor; tags like R2 name the rules of stdlib's supervisor(3) as listed in
 * doc/supervision.md.  Strategy and budget belong to the parent, the restart type to the child; all of it is
 * stored when the actor is created.  Any actor may have children: then it is a supervisor whose own work runs in its
 * slot, before its children and after them.  If that work fails, its branch is stopped in reverse order of start
 * and its parent decides as if the branch had failed.
 *
 * Time is an argument, in milliseconds of a clock that does not jump (any zero); it never goes back in a pool: an
 * earlier time than one given before counts as that one.  Deadlines run from what the pool was told, not from the
 * clocks of blocks.
 *
 * Errors are negative: enum tw_pool_error; nothing has changed then.  Ownership: a pool belongs to its creator;
 * pointers that calls return are borrowed, until the next call that is not a look (entries: until tw_pool_destroy).
 * Threads: one pool, one thread at a time; pools share nothing.  Cost: O(1) per actor that a call touches, however
 * large the table is and however many restarts lie in a window; nothing recurses; memory is allocated by
 * tw_pool_create (sizes: tw_pool_bytes) and, 8 bytes x intensity, with a supervisor's first child.
 *
 * For C11 and C++11, host side; struct tw_pool_entry may be read on a device as it is.
 */
#ifndef TREEWARDEN_SUPERVISOR_H
#define TREEWARDEN_SUPERVISOR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#define TW_POOL_ASSERT_(what, text) static_assert(what, text)
#else
#define TW_POOL_ASSERT_(what, text) _Static_assert(what, text)
#endif

#if defined(__GNUC__)
#define TW_API __attribute__((visibility("default")))
#else
#define TW_API
#endif

/* ---- ids --------------------------------------------------------------------------------------- */

#define TW_POOL_SLOT_BITS 24
#define TW_POOL_SLOTS_MAX (1u << TW_POOL_SLOT_BITS)     /* of one pool, slot 0 included */

/* No actor.  Neither this nor 0 is ever an id. */
#define TW_NO_ACTOR UINT64_MAX
/* The pool's own supervisor: slot 0, for good.  A parent, and what tw_pool_revive starts; never an operand of calls
 * that end, restart or beat. */
#define TW_POOL_ROOT ((uint64_t)1 << TW_POOL_SLOT_BITS)

/* The slot of an id: its index in tw_pool_entries. */
static inline uint32_t tw_pool_slot(uint64_t id) { return (uint32_t)(id & (TW_POOL_SLOTS_MAX - 1)); }
/* The life of an id: 1 for the first actor of a slot, then rising. */
static inline uint64_t tw_pool_life(uint64_t id) { return id >> TW_POOL_SLOT_BITS; }

/* ---- words ------------------------------------------------------------------------------------- */

/* Results.  0 or a count is success.
 *     name     no  what a person reads */
#define TW_POOL_ERROR_LIST(X)                                                                        \
    X(NOENT,   1, "no such actor")                                                                   \
    X(FULL,    2, "no slot is free")                                                                 \
    X(AGAIN,   3, "actions of the last call are still to be taken: tw_pool_more")                    \
    X(INVAL,   4, "invalid argument")                                                                \
    X(STALE,   6, "belongs to an earlier life")                                                      \
    X(NOMEM,   7, "out of memory")                                                                   \
    X(STATE,   9, "not in this state")
enum tw_pool_error {
#define X(name, no, text) TW_POOL_E##name = -(no),
    TW_POOL_ERROR_LIST(X)
#undef X
    TW_POOL_OK = 0
};

/* States of a slot, and when each is left:
 *     name          no  printed         */
#define TW_POOL_STATE_LIST(X)                                                                        \
    X(DORMANT,      0, "dormant")       /* free */                                                   \
    X(INITIALIZING, 1, "initializing")  /* start ordered; until activated, init_ms */                \
    X(ACTIVE,       2, "active")        /* runs; beat_ms between progress */                         \
    X(DRAINING,     3, "draining")      /* stop ordered; until tw_pool_stopped, drain_ms */          \
    X(TERMINATED,   4, "terminated")    /* has ended in order; its spec and slot are kept */         \
    X(FAILED,       5, "failed")        /* has failed and was not restarted; kept too */
enum tw_pool_state {
#define X(name, no, text) TW_POOL_##name = (no),
    TW_POOL_STATE_LIST(X)
#undef X
    TW_POOL_STATE_COUNT
};

/* When a child is restarted after its own end (R1). */
#define TW_POOL_RESTART_LIST(X)                                                                      \
    X(PERMANENT, 0, "permanent")        /* after any end */                                          \
    X(TRANSIENT, 1, "transient")        /* after an abnormal or killed one */                        \
    X(TEMPORARY, 2, "temporary")        /* never; it is forgotten when it ends */
enum tw_pool_restart_type {
#define X(name, no, text) TW_##name = (no),
    TW_POOL_RESTART_LIST(X)
#undef X
    TW_RESTART_TYPE_COUNT
};

/* Who falls with a child that is restarted (R2). */
#define TW_POOL_STRATEGY_LIST(X)                                                                     \
    X(ONE_FOR_ONE,  0, "one_for_one")   /* nobody */                                                 \
    X(ONE_FOR_ALL,  1, "one_for_all")   /* all siblings */                                           \
    X(REST_FOR_ONE, 2, "rest_for_one")  /* those that were created after it */
enum tw_pool_strategy {
#define X(name, no, text) TW_##name = (no),
    TW_POOL_STRATEGY_LIST(X)
#undef X
    TW_STRATEGY_COUNT
};

/* How a life ended: OTP's four classes of exit reason. */
#define TW_POOL_EXIT_LIST(X)                                                                         \
    X(NORMAL,   0, "normal")            /* it had finished */                                        \
    X(SHUTDOWN, 1, "shutdown")          /* it was asked to end */                                    \
    X(KILLED,   2, "killed")            /* it was ended from outside */                              \
    X(ABNORMAL, 3, "abnormal")          /* it failed, or was late */
enum tw_pool_exit {
#define X(name, no, text) TW_EXIT_##name = (no),
    TW_POOL_EXIT_LIST(X)
#undef X
    TW_EXIT_COUNT
};

/* How an actor is to be stopped (S5). */
enum tw_pool_shutdown {
    TW_SHUTDOWN_POLITE,         /* asked, and given drain_ms */
    TW_SHUTDOWN_BRUTAL_KILL     /* ended at once; drain_ms is how long that may take */
};

#define TW_FOREVER UINT32_MAX           /* as a deadline: none */
#define TW_UNLIMITED UINT32_MAX         /* as an intensity: every restart is granted */
#define TW_INTENSITY_MAX 65535u         /* of all others; 0 grants none */

/* What is known of an actor, stored when it is created and the same for all its lives.  64 bytes. */
#define TW_POOL_NAME_BYTES 20
struct tw_pool_spec {
    uint64_t argument;                  /* the owner's: kept, never looked at (its initial state, say) */
    char name[TW_POOL_NAME_BYTES];      /* for people, NUL-terminated; need not be unique */
    uint32_t mailbox;                   /* messages: kept for the owner */
    /* as a child */
    uint32_t init_ms;                   /* from START to tw_pool_activate; > 0, or TW_FOREVER */
    uint32_t beat_ms;                   /* between heartbeats with progress; > 0, or TW_FOREVER */
    uint32_t drain_ms;                  /* from STOP to tw_pool_stopped; > 0, or TW_FOREVER */
    uint32_t backoff_min_ms;            /* delay of the START after its first failure, doubled with each ... */
    uint32_t backoff_max_ms;            /* ... up to this, until it was active for this long; 0: no delay */
    /* as a supervisor of children */
    uint32_t intensity;                 /* restarts granted within ... (I1, I2); <= TW_INTENSITY_MAX or TW_UNLIMITED */
    uint32_t period_ms;                 /* ... so long; > 0 */
    uint8_t strategy;                   /* enum tw_pool_strategy */
    /* as a child */
    uint8_t restart;                    /* enum tw_pool_restart_type */
    uint8_t shutdown;                   /* enum tw_pool_shutdown */
    uint8_t dynamic;                    /* 1: lost when its parent is restarted (R9); 0: started again with it */
};
/* OTP's defaults, and a beat every second: permanent, one_for_one, 1 restart in 5 s, 5 s to start and to stop. */
#define TW_POOL_SPEC_INIT                                                                            \
    { 0, "", 0, 5000, 1000, 5000, 0, 0, 1, 5000, TW_ONE_FOR_ONE, TW_PERMANENT, TW_SHUTDOWN_POLITE, 0 }

/* A slot as it stands.  64 bytes, the same to every compiler: tw_pool_entries may be copied to mapped memory. */
struct tw_pool_entry {
    uint64_t id;                        /* of its present life; of its last one when DORMANT */
    uint64_t parent;                    /* id of its supervisor; TW_NO_ACTOR when DORMANT, and for slot 0 */
    uint64_t progress;                  /* counter of its last heartbeat; 0 at the start of a life */
    uint64_t since_ms;                  /* when this state began */
    uint64_t deadline_ms;               /* from when on it is late; UINT64_MAX: never */
    uint32_t state;                     /* enum tw_pool_state */
    uint32_t starts;                    /* lives of this actor so far, this one included */
    uint32_t beat_ms;                   /* of its spec */
    uint32_t later, earlier;            /* the pool's own: neighbours among its deadlines, or the next free slot */
    uint16_t deadline_class;            /* the pool's own */
    uint8_t kept;                       /* 1: it is in the tree; 0 with DRAINING: free once it has stopped */
    uint8_t failures;                   /* in a row; for the backoff */
};

TW_POOL_ASSERT_(sizeof(struct tw_pool_spec) == 64, "a spec is a cache line");
TW_POOL_ASSERT_(sizeof(struct tw_pool_entry) == 64, "an entry is a cache line");
TW_POOL_ASSERT_(offsetof(struct tw_pool_entry, state) == 40, "a device finds the state where the host wrote it");

/* What the owner is to do next.  Actions are carried out in the order they come in, each finished before the next:
 * a STOP is finished when the block has ended, a START when it is ordered. */
#define TW_POOL_ACTION_LIST(X)                                                                       \
    X(START,   0, "start")              /* begin life `id` in its slot, not before at_ms */          \
    X(STOP,    1, "stop")               /* end life `id` as `how` says, then tw_pool_stopped */      \
    X(FORGET,  2, "forget")             /* `id` is no more: its slot is free, or draining */         \
    X(GIVE_UP, 3, "give_up")            /* supervisor `id` had too many restarts: its branch is stopped and */ \
                                        /* `other` decides; TW_NO_ACTOR: the pool is down, you decide */
enum tw_pool_action_kind {
#define X(name, no, text) TW_ACTION_##name = (no),
    TW_POOL_ACTION_LIST(X)
#undef X
    TW_ACTION_COUNT
};
struct tw_pool_action {
    uint32_t kind;                      /* enum tw_pool_action_kind */
    uint32_t how;                       /* STOP: enum tw_pool_shutdown */
    uint64_t id;
    uint64_t other;                     /* START: the life before, or TW_NO_ACTOR; GIVE_UP: who decides */
    uint64_t at_ms;                     /* START: not before; STOP: late from then on */
};

/* Names of the numbers above, as printed; "?" for a number that is none.  Never NULL.  Any thread. */
TW_API const char *tw_pool_state_name(unsigned state);
TW_API const char *tw_pool_action_name(unsigned kind);
TW_API const char *tw_pool_error_text(int rc);

/* ---- the pool ---------------------------------------------------------------------------------- */

struct tw_pool;

/* A pool of grid_size slots (1 .. TW_POOL_SLOTS_MAX): slot 0 is its own supervisor, the others are DORMANT.  top:
 * strategy, intensity and period_ms of that supervisor; NULL: TW_POOL_SPEC_INIT.  *ret is owned: tw_pool_destroy.
 * 0, TW_POOL_EINVAL, TW_POOL_ENOMEM.  Allocates all it needs: O(grid_size). */
TW_API int tw_pool_create(uint32_t grid_size, const struct tw_pool_spec *top, uint64_t now_ms, struct tw_pool **ret);
/* Free it; NULL is none.  Nothing is stopped: that is kill_tree's. */
TW_API void tw_pool_destroy(struct tw_pool *pool);
/* Memory of a pool of so many slots, in bytes, windows apart. */
TW_API size_t tw_pool_bytes(uint32_t grid_size);

/* ---- actors ------------------------------------------------------------------------------------ */

/* Add an actor as the last child of parent (TW_POOL_ROOT, or an INITIALIZING or ACTIVE actor) and begin its first
 * life: INITIALIZING in *ret_id's slot; its owner starts it.  Costs no restart (M1, I5).  0; TW_POOL_EFULL;
 * TW_POOL_EINVAL (spec, or parent is no id); TW_POOL_ESTALE (parent's life is over); TW_POOL_ESTATE (parent does not
 * live); TW_POOL_ENOMEM; TW_POOL_EAGAIN.  O(1). */
TW_API int tw_pool_create_actor(struct tw_pool *pool, uint64_t now_ms, uint64_t parent,
                                const struct tw_pool_spec *spec, uint64_t *ret_id);
/* Its block says that it runs: INITIALIZING -> ACTIVE, and beat_ms begins.  0, TW_POOL_EINVAL, TW_POOL_ESTALE,
 * TW_POOL_ESTATE.  O(1). */
TW_API int tw_pool_activate(struct tw_pool *pool, uint64_t now_ms, uint64_t id);
/* Forget an actor without children.  A life it has must be ended by the owner: DRAINING until tw_pool_stopped; else
 * its slot is DORMANT at once.  Its parent does not mind (M2).  0; TW_POOL_ESTATE: it has children (kill_tree takes
 * them along), or is forgotten already; TW_POOL_EINVAL; TW_POOL_ESTALE; TW_POOL_EAGAIN.  O(1). */
TW_API int tw_pool_destroy_actor(struct tw_pool *pool, uint64_t now_ms, uint64_t id);
/* The block of a DRAINING life has ended (its own word, or its worker is known to be dead): the slot is DORMANT, or
 * TERMINATED if the actor is kept.  The only way out of DRAINING but a START.  0, TW_POOL_EINVAL, TW_POOL_ESTALE,
 * TW_POOL_ESTATE.  O(1). */
TW_API int tw_pool_stopped(struct tw_pool *pool, uint64_t now_ms, uint64_t id);
/* End an actor with all below it, in reverse order of start, and begin it again, in order; asked for, so it costs no
 * restart (I5).  Also for a TERMINATED or FAILED one whose supervisor lives.  Its new id: in its START.  Returns how
 * many actions were written; room of them: there may be more, tw_pool_more.  Also TW_POOL_EINVAL, TW_POOL_ESTALE,
 * TW_POOL_ESTATE (its supervisor does not live, or it is forgotten), TW_POOL_EAGAIN.  O(branch). */
TW_API int tw_pool_restart(struct tw_pool *pool, uint64_t now_ms, uint64_t id, struct tw_pool_action *ret, uint32_t room);
/* Life id has ended as `how` says, by itself or because its owner ended it for being late: its parent decides, by its
 * strategy and budget and the child's restart type (R1-R5, I1, I2, G1-G3).  A second report of a life is stale.
 * Returns as tw_pool_restart does; TW_POOL_ESTATE: it was not alive.  O(actors that fall or start). */
TW_API int tw_pool_handle_failure(struct tw_pool *pool, uint64_t now_ms, uint64_t id, enum tw_pool_exit how,
                                  struct tw_pool_action *ret, uint32_t room);
/* The actions that found no room: how many were written, 0 when there are none left.  Until then calls that begin,
 * end or restart are refused (TW_POOL_EAGAIN).  TW_POOL_EINVAL: room is 0. */
TW_API int tw_pool_more(struct tw_pool *pool, struct tw_pool_action *ret, uint32_t room);
/* Forget an actor and all below it, in whatever state they are: children before their parents, the youngest first.
 * Nobody is restarted, no budget is charged.  Returns how many ids were written; those whose block may still run are
 * DRAINING now.  The last is `id` itself: until it was written, call again with the same id.  TW_POOL_EINVAL: no id,
 * the root, or room is 0; TW_POOL_ESTALE; TW_POOL_ESTATE (it is forgotten already); TW_POOL_EAGAIN.  O(written). */
TW_API int tw_pool_kill_tree(struct tw_pool *pool, uint64_t now_ms, uint64_t id, uint64_t *ret_ids, uint32_t room);
/* After the pool's own supervisor gave up: begin it again with an empty window and all its kept children that are
 * not dynamic.  Returns as tw_pool_restart does; TW_POOL_ESTATE: it lives. */
TW_API int tw_pool_revive(struct tw_pool *pool, uint64_t now_ms, struct tw_pool_action *ret, uint32_t room);

/* ---- heartbeats -------------------------------------------------------------------------------- */

/* An ACTIVE actor's counter of work done.  One that rose begins a new beat_ms; the same again is no progress and
 * changes nothing; one that fell is refused.  0; TW_POOL_ESTALE (an older life, or a counter that fell: counted);
 * TW_POOL_EINVAL; TW_POOL_ESTATE (not ACTIVE).  O(1). */
TW_API int tw_pool_heartbeat(struct tw_pool *pool, uint64_t now_ms, uint64_t id, uint64_t progress);
/* It waits for work: not late before its next heartbeat with progress.  Errors as above.  O(1). */
TW_API int tw_pool_idle(struct tw_pool *pool, uint64_t now_ms, uint64_t id);
/* Who is late: INITIALIZING, ACTIVE or DRAINING and now_ms >= deadline_ms.  Returns how many ids were written;
 * nothing changes, so those whose case the owner has not taken up are named again.  Where actors have different
 * deadlines within 1/32 of each other, one may be named up to 1/32 of its deadline later.  Cost: O(late), with none
 * late some dozens of loads, whatever the size. */
TW_API int tw_pool_check_heartbeats(const struct tw_pool *pool, uint64_t now_ms, uint64_t *ret_ids, uint32_t room);

/* ---- looking ----------------------------------------------------------------------------------- */

/* The slot of a life; NULL if that is over or never was.  Borrowed.  O(1). */
TW_API const struct tw_pool_entry *tw_pool_get(const struct tw_pool *pool, uint64_t id);
/* What was stored when it was created; NULL as above.  Borrowed.  O(1). */
TW_API const struct tw_pool_spec *tw_pool_spec_of(const struct tw_pool *pool, uint64_t id);
/* Its children in order of creation, whatever their states.  Returns how many it has; up to room ids are written
 * (NULL, 0: only count).  TW_POOL_EINVAL, TW_POOL_ESTALE.  O(children). */
TW_API int tw_pool_children_of(const struct tw_pool *pool, uint64_t id, uint64_t *ret_ids, uint32_t room);
/* Steps from TW_POOL_ROOT (itself: 0).  TW_POOL_EINVAL, TW_POOL_ESTALE, TW_POOL_ESTATE (forgotten).  O(depth). */
TW_API int tw_pool_depth(const struct tw_pool *pool, uint64_t id);
/* Slots for actors: grid_size - 1. */
TW_API uint32_t tw_pool_capacity(const struct tw_pool *pool);
/* Slots in a state; all states together: the capacity.  0 for a number that is no state.  O(1). */
TW_API uint32_t tw_pool_count(const struct tw_pool *pool, unsigned state);
/* ACTIVE ones, and DORMANT ones. */
TW_API uint32_t tw_pool_active_count(const struct tw_pool *pool);
TW_API uint32_t tw_pool_available_count(const struct tw_pool *pool);
/* All grid_size entries, by slot; slot 0's state is ACTIVE, or FAILED when it gave up.  Borrowed, stays. */
TW_API const struct tw_pool_entry *tw_pool_entries(const struct tw_pool *pool);
/* A line for each actor, indented by its depth (by 32 at most), in order of creation; cut at room - 1, NUL-terminated.  Returns the
 * bytes all of it needs without the NUL.  O(actors). */
TW_API size_t tw_pool_tree_view(const struct tw_pool *pool, uint64_t now_ms, char *ret, size_t room);

/* What became of slots, as it happens: for logs, monitors and mirrors.  Called inside the calls above, after the
 * entry has changed, before the call returns; it may look, and may not call anything else of this pool. */
typedef void tw_pool_watch_fn(void *self, const struct tw_pool *pool, uint64_t id, unsigned from, unsigned to);
/* One watcher at a time; NULL: none.  self is the caller's, borrowed until replaced. */
TW_API void tw_pool_watch(struct tw_pool *pool, tw_pool_watch_fn *watch, void *self);
/* Since create: restarts granted, supervisors that gave up, calls that named an older life or fell back. */
TW_API uint64_t tw_pool_restarts(const struct tw_pool *pool);
TW_API uint64_t tw_pool_giveups(const struct tw_pool *pool);
TW_API uint64_t tw_pool_stale(const struct tw_pool *pool);
/* Every promise of this page about the table and its tree; aborts with the broken one's text.  O(grid_size). */
TW_API void tw_pool_check(const struct tw_pool *pool);

#ifdef __cplusplus
}
#endif

#endif
