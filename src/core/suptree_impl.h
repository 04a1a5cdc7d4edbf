/* suptree_impl.h - what the files of the supervision engine share
 *
 * suptree.c advances the supervisors: starts, stops, answers, inputs.  suptree_decide.c says what an end, a call or a
 * loss leads to.  suptree_retire.c ends a branch at once.  suptree_build.c adds and removes vertices, suptree_look.c
 * shows and checks them, suptree_save.c keeps them.
 */
#ifndef TW_CORE_SUPTREE_IMPL_H
#define TW_CORE_SUPTREE_IMPL_H

#include <assert.h>
#include <string.h>

#include "core/dues.h"
#include "core/suptree.h"
#include "shared/splitmix.h"

/*    act           what a supervisor is doing */
#define ACT_LIST(X)                                                                                \
    X(IDLE)                                                                                        \
    X(BOOT)         /* starting its children in order (S1) */                                      \
    X(UNDO)         /* its boot failed: stopping what is up (S3) */                                \
    X(ONE_START)    /* restarting one child */                                                     \
    X(GROUP_STOP)   /* stopping the group for a restart, last first (R2) */                        \
    X(GROUP_START)  /* starting the group in order */                                              \
    X(DOWN)         /* going down: stopping all children, last first (S2, G1) */                   \
    X(POOL_DOWN)    /* the same for a pool: all at once, waiting for `left` of them (S6) */        \
    X(ALL_DOWN)     /* ... for who has little time: all who may at once (extension 10) */          \
    X(ADMIN_STOP)   /* terminate_child */                                                          \
    X(ADMIN_START)  /* restart_child, start_child */                                               \
    X(ASKED)        /* standing still while the caller looks at it (M3) */                         \
    X(RESUME)       /* starting what was lost with a worker, all at once */                        \
    X(RETIRE)       /* kill_tree of a child: waiting for `left` lives */                           \
    X(DYING)        /* killed from outside or by its home: waiting for `left` lives */
enum act {
#define X(name) ACT_##name,
    ACT_LIST(X)
#undef X
};

/* A child and the restart of a sibling.  LEFT: of what it depends on something did not start. */
enum grouped { OUT, IN, LEFT };

/* What a supervisor's own work is doing (spec.works).  It starts before the first child and stops after the last;
 * the supervisor waits for it as for a child: `waiting` is then its own index. */
enum work { WORK_NONE, WORK_STARTING, WORK_UP, WORK_STOPPING };

enum msg_kind { MSG_EXIT, MSG_RETRY, MSG_LOST, MSG_STOP, MSG_ADMIN, MSG_ASK, MSG_DUE, MSG_WORK_ENDED };

struct msg {
    uint32_t next;
    uint8_t kind, admin;        /* enum msg_kind; SUPTREE_ administration input */
    bool fresh;
    uint32_t child;             /* index */
    uint64_t life, token;
};

/* Of a vertex that does more than OTP says. */
struct extra {
    struct suptree_extra want;
    uint32_t attempts;          /* restarts in a row */
    uint32_t window_head, window_count;
    uint32_t window_room;       /* its supervisor's intensity_per_child */
    uint64_t since_ms;          /* its last start */
    uint64_t *window;           /* owned ring */
};

struct vertex {
    struct suptree_spec spec;
    uint32_t parent, first, last, next, prev, top;      /* indices; SUPTREE_NONE */
    uint64_t life;
    uint64_t order;             /* of its last successful start, over the whole instance */
    uint32_t line, starts;
    uint8_t state, cls, cause;
    bool by_hand, gone, lost, own_end, changed;
    bool parked;                /* in quarantine */
    bool no_room : 1;           /* its restart waits for a slot */
    bool heads : 1;             /* RESTARTING: those of its group that are down wait for it */
    bool left_out : 1;          /* they came back without it: it was stopped by hand meanwhile */
    bool moves : 1;             /* its next start is to be on another device */
    bool afresh : 1;            /* its next start is to be from init (extension 16) */
    uint8_t grouped;            /* enum grouped: does it fall and come back with a sibling it depends on? */
    /* as a supervisor */
    uint8_t act, end_cls, end_cause;
    bool told;                  /* it goes down because its parent (or home) says so */
    bool linked;                /* ... or was killed itself: links take all below it along (G4) */
    bool alone;                 /* ... by its own supervisor, whose other children stay (S5) */
    bool admin_new, admin_fresh, queued;
    bool moving;                /* while it boots: what it starts goes to another device, as it does itself */
    bool has_depends;           /* a child of it depends on siblings */
    bool has_left_out : 1;      /* a child of it may be */
    bool anew : 1;              /* while it boots: another branch was in its place, what it starts is new */
    bool parking, forced;       /* it goes down to wait in quarantine; its shutdown deadline has passed */
    bool by_depends;            /* the group in hand is those that are `grouped` */
    uint8_t work;               /* enum work */
    uint32_t cursor, waiting, group_first, left, killer;
    uint32_t asking;            /* the child whose restart takes the group along */
    uint32_t delayed;           /* the child to wait for once the group is down, until delay_ms */
    uint64_t delay_ms;
    uint32_t retrying;          /* a pool's restarts that failed, as OTP counts them (M3) */
    uint32_t q_head, q_tail;
    uint32_t reign, low_line;
    uint64_t token;
    uint32_t window_head, window_count;
    uint64_t *window;           /* owned ring of `intensity` times; from the first child on */
    struct extra *extra;        /* owned; NULL: nothing but OTP */
};

struct suptree {
    struct suptree_limits limits;
    struct vertex *v;           /* owned, [count] */
    uint32_t count;
    uint32_t *by_id;            /* owned */
    uint32_t removed;           /* list of places in v without a vertex, by `next`; their spec.id is NONE */
    bool any_removed;
    struct msg *msgs;           /* owned pool */
    uint32_t msg_room, msg_used, msg_free;      /* those from msg_used on were never used */
    struct suptree_effect *effects;
    uint32_t effect_room, effect_head, effect_tail;
    uint32_t *run;              /* ring of supervisors that may go on */
    uint32_t run_head, run_tail;
    uint32_t *changes;          /* ring of vertices whose state is not what it was */
    uint32_t change_head, change_tail;
    uint32_t *scratch;
    struct dues dues;           /* delayed restarts, shutdown deadlines; no room unless limits.extras */
    uint64_t lives, orders, now_ms;
    uint64_t restarts, giveups, stale;
    uint32_t under_way, queued;         /* vertices that start or stop; messages that wait */
    bool held;
};

#define NONE SUPTREE_NONE

/* -- small questions ------------------------------------------------------------------------------ */

static inline const struct suptree_extra *wants(const struct vertex *x)
{
    static const struct suptree_extra nothing;

    return x->extra ? &x->extra->want : &nothing;
}

static inline bool is_sup(const struct vertex *x) { return x->spec.supervisor && !x->spec.remote; }

/* What becomes of a supervisor that runs here nobody else can say; of its own work they can. */
static inline bool is_known_here(const struct vertex *x) { return is_sup(x) && !x->spec.works; }

static inline bool is_pool(const struct vertex *x) { return is_sup(x) && x->spec.strategy == SIMPLE_ONE_FOR_ONE; }

/* Under a pool: what its instances are made like.  It never lives. */
static inline bool is_template(const struct suptree *t, const struct vertex *x)
{
    return x->parent != NONE && !x->spec.dynamic && is_pool(&t->v[x->parent]);
}

static inline bool has_process(const struct vertex *x)
{
    return x->state == TREE_STARTING || x->state == TREE_RUNNING || x->state == TREE_DEAD ||
           x->state == TREE_STOPPING;
}

static inline bool is_under_way(const struct vertex *x)
{
    return x->state == TREE_STARTING || x->state == TREE_STOPPING || x->work == WORK_STARTING ||
           x->work == WORK_STOPPING;
}

/* The first child that the supervisor has: not one that is gone, nor a template. */
static inline uint32_t first_held(const struct suptree *t, uint32_t c)
{
    while (c != NONE && (t->v[c].gone || is_template(t, &t->v[c])))
        c = t->v[c].next;
    return c;
}

static inline uint32_t find(const struct suptree *t, uint32_t id)
{
    return id < t->limits.ids ? t->by_id[id] : NONE;
}

/* A1: these combinations are refused when the supervisor, or the child, is started. */
static inline bool significance_is_wrong(const struct vertex *s, const struct vertex *c)
{
    return c->spec.significant &&
           (s->spec.auto_shutdown == AUTO_NEVER || c->spec.restart == RESTART_PERMANENT);
}

static inline void forget_attempts(struct vertex *x)
{
    x->moves = false;
    if (x->extra)
        x->extra->attempts = x->extra->window_head = x->extra->window_count = 0;
}

/* -- states --------------------------------------------------------------------------------------- */

static inline void changed(struct suptree *t, struct vertex *x)
{
    if (x->changed)
        return;
    x->changed = true;
    if (t->change_head == t->change_tail)
        t->change_head = t->change_tail = 0;    /* the same few lines again, not all of the ring in turn */
    t->changes[t->change_tail++ % t->limits.vertices] = (uint32_t)(x - t->v);
}

static inline void set_work(struct suptree *t, struct vertex *x, uint8_t work)
{
    t->under_way -= is_under_way(x);
    x->work = work;
    t->under_way += is_under_way(x);
}

static inline void set_state(struct suptree *t, struct vertex *x, uint8_t state)
{
    t->under_way -= is_under_way(x);
    if (x->state == TREE_RESTARTING)
        dues_clear(&t->dues, (uint32_t)(x - t->v));     /* whatever it is now, it does not wait */
    if (x->spec.supervisor && state != TREE_RUNNING)
        x->parked = false;
    if (state != TREE_STARTING && state != TREE_RESTARTING)
        x->no_room = false;
    x->heads = false;
    x->state = state;
    t->under_way += is_under_way(x);
    changed(t, x);
}

static inline void set_gone(struct suptree *t, struct vertex *x, bool gone)
{
    x->gone = gone;
    changed(t, x);
}

/* -- effects -------------------------------------------------------------------------------------- */

static inline struct suptree_effect *effect(struct suptree *t, uint16_t kind, uint32_t c)
{
    struct suptree_effect *e;
    struct vertex *x = &t->v[c];

    if (t->effect_head == t->effect_tail)
        t->effect_head = t->effect_tail = 0;
    assert(t->effect_tail - t->effect_head < t->effect_room);
    e = &t->effects[t->effect_tail++ % t->effect_room];
    *e = (struct suptree_effect){.kind = kind, .vertex = x->spec.id, .life = x->life, .line = x->line,
                                 .starts = x->starts, .cls = x->cls, .cause = x->cause, .other = NONE};
    return e;
}

/* What its supervisor decided about it, not what became of it. */
static inline bool is_decision(uint8_t what)
{
    return what == RECORD_ESCALATE || what == RECORD_QUARANTINE || what == RECORD_DELAY || what == RECORD_WAITING;
}

/* A remote branch's own home records what happens in it; only what its parent does is recorded here.  Returns the
 * record, for what else it says; NULL: it is told to nobody. */
static inline struct suptree_effect *record(struct suptree *t, uint32_t c, uint8_t what)
{
    struct suptree_effect *e;

    if (t->limits.untold >> what & 1u || (t->v[c].spec.remote && !is_decision(what)))
        return NULL;
    e = effect(t, SUPTREE_DO_RECORD, c);
    e->what = what;
    return e;
}

static inline void result(struct suptree *t, uint32_t c, uint64_t token, uint8_t answer, uint32_t count)
{
    struct suptree_effect *e = effect(t, SUPTREE_DO_RESULT, c);

    e->token = token;
    e->what = answer;
    e->count = count;
}

/* -- queues --------------------------------------------------------------------------------------- */

static inline void schedule(struct suptree *t, uint32_t s)
{
    if (s == NONE || t->v[s].queued)
        return;
    t->v[s].queued = true;
    if (t->run_head == t->run_tail)
        t->run_head = t->run_tail = 0;
    t->run[t->run_tail++ % t->limits.vertices] = s;
}

static inline struct msg *post(struct suptree *t, uint32_t s, uint8_t kind, uint32_t child)
{
    struct vertex *x = &t->v[s];
    uint32_t m = t->msg_free;

    if (m != NONE)
        t->msg_free = t->msgs[m].next;
    else
        m = t->msg_used++;
    assert(m < t->msg_room);
    t->msgs[m] = (struct msg){.next = NONE, .kind = kind, .child = child,
                              .life = child == NONE ? 0 : t->v[child].life};
    if (x->q_tail == NONE)
        x->q_head = m;
    else
        t->msgs[x->q_tail].next = m;
    x->q_tail = m;
    t->queued++;
    schedule(t, s);
    return &t->msgs[m];
}

static inline bool pop(struct suptree *t, uint32_t s, struct msg *ret)
{
    struct vertex *x = &t->v[s];
    uint32_t m = x->q_head;

    if (m == NONE)
        return false;
    *ret = t->msgs[m];
    x->q_head = ret->next;
    if (x->q_head == NONE)
        x->q_tail = NONE;
    t->msgs[m].next = t->msg_free;
    t->msg_free = m;
    t->queued--;
    return true;
}

/* The process is gone, and with it what it had not looked at; callers get an answer. */
static inline void drop_queue(struct suptree *t, uint32_t s)
{
    struct msg m;

    while (pop(t, s, &m))
        if (m.kind == MSG_ADMIN || m.kind == MSG_ASK)
            result(t, m.child, m.token, ANSWER_NOT_FOUND, 0);
}

/* -- across the files ------------------------------------------------------------------------------ */

/* suptree.c */
void begin_start(struct suptree *t, uint32_t c, bool fresh);
bool stop_child(struct suptree *t, uint32_t c);         /* true: it is down already */
void begin_down(struct suptree *t, uint32_t s, uint8_t cause, bool told);
void finish_down(struct suptree *t, uint32_t s);
void died(struct suptree *t, uint32_t c);               /* a death that nobody asked for */
void answer(struct suptree *t, uint32_t c, uint16_t what);      /* a child has started, not started, or ended as told */
void run_on(struct suptree *t);                         /* lets every supervisor that can go on do so */

/* suptree_decide.c */
void on_message(struct suptree *t, uint32_t s, const struct msg *m);
void failed_restart(struct suptree *t, uint32_t s, uint32_t c);
void wait_for(struct suptree *t, uint32_t s, uint32_t c);    /* for its delay; the supervisor goes on meanwhile */
void leave_group(struct suptree *t, uint32_t c);        /* c did not start: what depends on it waits */
bool is_needed(const struct suptree *t, uint32_t c);    /* a sibling that has a process depends on it */

/* suptree_retire.c */
uint32_t retire(struct suptree *t, uint32_t top, bool with_top, uint32_t killer);   /* lives that killer waits for */
void finish_retire(struct suptree *t, uint32_t s);
void retired(struct suptree *t, uint32_t c);            /* a life that a kill waits for has ended */
void end_by_force(struct suptree *t, uint32_t s);
void finish_dying(struct suptree *t, uint32_t s);
int kill_supervisor(struct suptree *t, uint32_t c, bool told, const struct suptree_input *in);
int stale(struct suptree *t);

#endif
