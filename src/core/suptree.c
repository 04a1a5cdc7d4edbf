/* suptree.c - one OTP supervisor per inner vertex, all of them advanced by one loop
 *
 * A supervisor is what it is doing (`act`), at which child (`cursor`), what it waits for, and a queue of
 * messages it has not looked at.  suptree_take turns an input into a message or an answer and then lets
 * every supervisor that can go on do so (run).  Nothing recurses: a supervisor that starts or stops another
 * sets it to work and waits for its answer like for a leaf's.
 *
 * OTP's rules stand at the lines that keep them.
 */
#include "core/suptree.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/dues.h"

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
    uint8_t grouped;            /* enum grouped: does it fall and come back with a sibling it depends on? */
    /* as a supervisor */
    uint8_t act, end_cls, end_cause;
    bool told;                  /* it goes down because its parent (or home) says so */
    bool linked;                /* ... or was killed itself: links take all below it along (G4) */
    bool admin_new, admin_fresh, queued;
    bool has_depends;           /* a child of it depends on siblings */
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

const char *tree_state_name(unsigned state)
{
    switch (state) {
#define X(name, text) case TREE_##name: return text;
    TREE_STATE_LIST(X)
#undef X
    }
    return "?";
}

const char *suptree_answer_name(unsigned answer)
{
    switch (answer) {
#define X(name, text) case ANSWER_##name: return text;
    SUPTREE_ANSWER_LIST(X)
#undef X
    }
    return "?";
}

/* -- states --------------------------------------------------------------------------------------- */

static void changed(struct suptree *t, struct vertex *x)
{
    if (x->changed)
        return;
    x->changed = true;
    if (t->change_head == t->change_tail)
        t->change_head = t->change_tail = 0;    /* the same few lines again, not all of the ring in turn */
    t->changes[t->change_tail++ % t->limits.vertices] = (uint32_t)(x - t->v);
}

static bool is_under_way(const struct vertex *x)
{
    return x->state == TREE_STARTING || x->state == TREE_STOPPING || x->work == WORK_STARTING ||
           x->work == WORK_STOPPING;
}

static void set_work(struct suptree *t, struct vertex *x, uint8_t work)
{
    t->under_way -= is_under_way(x);
    x->work = work;
    t->under_way += is_under_way(x);
}

static void set_state(struct suptree *t, struct vertex *x, uint8_t state)
{
    t->under_way -= is_under_way(x);
    if (x->state == TREE_RESTARTING)
        dues_clear(&t->dues, (uint32_t)(x - t->v));     /* whatever it is now, it does not wait */
    if (x->spec.supervisor && state != TREE_RUNNING)
        x->parked = false;
    x->state = state;
    t->under_way += is_under_way(x);
    changed(t, x);
}

static void set_gone(struct suptree *t, struct vertex *x, bool gone)
{
    x->gone = gone;
    changed(t, x);
}

uint32_t suptree_next_changed(struct suptree *t)
{
    struct vertex *x;

    if (t->change_head == t->change_tail)
        return NONE;
    do {
        x = &t->v[t->changes[t->change_head++ % t->limits.vertices]];
        x->changed = false;
    } while (x->spec.id == NONE && t->change_head != t->change_tail);
    return x->spec.id;                  /* NONE: the last one was removed since */
}

/* -- effects -------------------------------------------------------------------------------------- */

static struct suptree_effect *effect(struct suptree *t, uint16_t kind, uint32_t c)
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

/* A remote branch's own home records what happens in it; only what its parent does is recorded here.  Returns the
 * record, for what else it says; NULL: it is told to nobody. */
static struct suptree_effect *record(struct suptree *t, uint32_t c, uint8_t what)
{
    struct suptree_effect *e;

    if (t->limits.untold >> what & 1u || (t->v[c].spec.remote && what != RECORD_ESCALATE))
        return NULL;
    e = effect(t, SUPTREE_DO_RECORD, c);
    e->what = what;
    return e;
}

static void result(struct suptree *t, uint32_t c, uint64_t token, uint8_t answer, uint32_t count)
{
    struct suptree_effect *e = effect(t, SUPTREE_DO_RESULT, c);

    e->token = token;
    e->what = answer;
    e->count = count;
}

const struct suptree_effect *suptree_next_effect(struct suptree *t)
{
    if (t->effect_head == t->effect_tail)
        return NULL;
    return &t->effects[t->effect_head++ % t->effect_room];
}

/* -- queues --------------------------------------------------------------------------------------- */

static void schedule(struct suptree *t, uint32_t s)
{
    if (s == NONE || t->v[s].queued)
        return;
    t->v[s].queued = true;
    if (t->run_head == t->run_tail)
        t->run_head = t->run_tail = 0;
    t->run[t->run_tail++ % t->limits.vertices] = s;
}

static struct msg *post(struct suptree *t, uint32_t s, uint8_t kind, uint32_t child)
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

static bool pop(struct suptree *t, uint32_t s, struct msg *ret)
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
static void drop_queue(struct suptree *t, uint32_t s)
{
    struct msg m;

    while (pop(t, s, &m))
        if (m.kind == MSG_ADMIN || m.kind == MSG_ASK)
            result(t, m.child, m.token, ANSWER_NOT_FOUND, 0);
}

/* -- beyond OTP ---------------------------------------------------------------------------------- */

static const struct suptree_extra *wants(const struct vertex *x)
{
    static const struct suptree_extra nothing;

    return x->extra ? &x->extra->want : &nothing;
}

/* Jitter is drawn from the life, so that every replay waits as long. */
static uint64_t mixed(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
    return x ^ (x >> 31);
}

/* Extension 1: how long the next attempt of a child has to wait. */
static uint64_t backoff(const struct vertex *x)
{
    const struct suptree_extra *w = wants(x);
    uint64_t ms = w->backoff_min_ms, most = w->backoff_max_ms > ms ? w->backoff_max_ms : ms, span;

    if (ms == 0)
        return 0;
    for (uint32_t n = x->extra->attempts++; n > 0 && ms < most && w->backoff_factor > 100; n--)
        ms = ms * w->backoff_factor / 100;
    ms = ms < most ? ms : most;
    span = ms * w->backoff_jitter / 100;
    return span ? ms - span + mixed(x->life) % (2 * span + 1) : ms;
}

static bool depends_on(const struct vertex *x, uint32_t id)
{
    const struct suptree_extra *w = wants(x);

    for (uint32_t i = 0; i < w->depend_count; i++)
        if (id >= w->depends[i].low && id <= w->depends[i].high)
            return true;
    return false;
}

/* Extension 11: does x depend on a child from `first` on, before x, that is `grouped` so? */
static bool depends_on_group(const struct suptree *t, const struct vertex *x, uint32_t first, uint8_t grouped)
{
    for (uint32_t o = first; wants(x)->depend_count && o != NONE && &t->v[o] != x; o = t->v[o].next)
        if (t->v[o].grouped == grouped && !t->v[o].gone && depends_on(x, t->v[o].spec.id))
            return true;
    return false;
}

/* c and all that depend on it, directly or by way of others.  False: nobody does. */
static bool mark_group(struct suptree *t, uint32_t s, uint32_t c)
{
    bool any = false;

    if (!t->v[s].has_depends)
        return false;
    for (uint32_t o = t->v[s].first; o != NONE; o = t->v[o].next)
        t->v[o].grouped = o == c ? IN : OUT;
    for (uint32_t o = t->v[c].next; o != NONE; o = t->v[o].next)
        if (!t->v[o].gone && depends_on_group(t, &t->v[o], c, IN)) {
            t->v[o].grouped = IN;
            any = true;
        }
    return any;
}

/* -- small questions ------------------------------------------------------------------------------ */

static bool is_sup(const struct vertex *x) { return x->spec.supervisor && !x->spec.remote; }

/* What becomes of a supervisor that runs here nobody else can say; of its own work they can. */
static bool is_known_here(const struct vertex *x) { return is_sup(x) && !x->spec.works; }

static bool is_pool(const struct vertex *x) { return is_sup(x) && x->spec.strategy == SIMPLE_ONE_FOR_ONE; }

/* Under a pool: what its instances are made like.  It never lives. */
static bool is_template(const struct suptree *t, const struct vertex *x)
{
    return x->parent != NONE && !x->spec.dynamic && is_pool(&t->v[x->parent]);
}

static bool has_process(const struct vertex *x)
{
    return x->state == TREE_STARTING || x->state == TREE_RUNNING || x->state == TREE_DEAD ||
           x->state == TREE_STOPPING;
}

/* The first child that the supervisor has: not one that is gone, nor a template. */
static uint32_t first_held(const struct suptree *t, uint32_t c)
{
    while (c != NONE && (t->v[c].gone || is_template(t, &t->v[c])))
        c = t->v[c].next;
    return c;
}

static uint32_t find(const struct suptree *t, uint32_t id)
{
    return id < t->limits.ids ? t->by_id[id] : NONE;
}

/* A1: these combinations are refused when the supervisor, or the child, is started. */
static bool significance_is_wrong(const struct vertex *s, const struct vertex *c)
{
    return c->spec.significant &&
           (s->spec.auto_shutdown == AUTO_NEVER || c->spec.restart == RESTART_PERMANENT);
}

/* ... as is a pool without a template. */
static bool children_are_wrong(const struct suptree *t, uint32_t s)
{
    if (is_pool(&t->v[s]) && (t->v[s].first == NONE || !is_template(t, &t->v[t->v[s].first])))
        return true;
    for (uint32_t c = t->v[s].first; c != NONE; c = t->v[c].next)
        if (!t->v[c].gone && significance_is_wrong(&t->v[s], &t->v[c]))
            return true;
    return false;
}

/* -- starting ------------------------------------------------------------------------------------- */

/* R9: a restarted supervisor is a new process built from its static list. */
static void from_static_list(struct suptree *t, uint32_t s)
{
    for (uint32_t c = t->v[s].first; c != NONE; c = t->v[c].next) {
        set_gone(t, &t->v[c], t->v[c].spec.dynamic);
        set_state(t, &t->v[c], TREE_STOPPED);
        t->v[c].by_hand = t->v[c].parked = false;
        if (t->v[c].extra)
            t->v[c].extra->attempts = t->v[c].extra->window_head = t->v[c].extra->window_count = 0;
    }
    t->v[s].parked = t->v[s].parking = t->v[s].forced = false;
    t->v[s].delayed = NONE;
    t->v[s].window_head = t->v[s].window_count = 0;
    t->v[s].retrying = 0;
}

static uint64_t next_life(struct suptree *t, const struct vertex *x)
{
    uint64_t reign = x->top == NONE ? 0 : t->v[x->top].reign;

    /* A sum: should the count ever outgrow its 32 bits, lives still rise. */
    return ((uint64_t)(t->limits.generation & 0xfffu) << 52 | (reign & 0xfffffu) << 32) + ++t->lives;
}

static void next_line(struct suptree *t, struct vertex *x, bool fresh)
{
    uint32_t low = x->top == NONE ? 0 : t->v[x->top].low_line;

    if (fresh || x->spec.state_init || x->line == 0)
        x->line++;
    if (x->line < low)
        x->line = low;
}

static void begin_work(struct suptree *t, uint32_t s, bool fresh)
{
    set_work(t, &t->v[s], WORK_STARTING);
    t->v[s].waiting = s;
    effect(t, SUPTREE_DO_START, s)->fresh = fresh || t->v[s].spec.state_init;
}

static void begin_supervisor(struct suptree *t, uint32_t s)
{
    struct vertex *x = &t->v[s];

    record(t, s, RECORD_BEGIN);
    from_static_list(t, s);
    x->told = x->own_end = x->linked = false;
    x->waiting = NONE;
    x->cursor = is_pool(x) ? NONE : x->first;
    x->act = ACT_BOOT;
    x->end_cls = CLASS_SHUTDOWN;
    if (children_are_wrong(t, s)) {
        x->act = ACT_UNDO;
        x->cursor = NONE;
        x->end_cls = CLASS_ABNORMAL;
    } else if (x->spec.works) {
        begin_work(t, s, x->admin_fresh);
    }
    schedule(t, s);
}

static void begin_start(struct suptree *t, uint32_t c, bool fresh)
{
    struct vertex *x = &t->v[c];
    bool inherits = x->parent != NONE && t->v[x->parent].admin_fresh;

    x->life = next_life(t, x);
    next_line(t, x, fresh || inherits);
    set_state(t, x, TREE_STARTING);
    x->by_hand = x->lost = x->parked = false;
    if (is_sup(x)) {
        x->admin_fresh = fresh || inherits;
        begin_supervisor(t, c);
        return;
    }
    effect(t, SUPTREE_DO_START, c)->fresh = fresh || inherits || x->spec.state_init;
}

static void answer(struct suptree *t, uint32_t c, uint16_t what);

static void started(struct suptree *t, uint32_t c)
{
    struct vertex *x = &t->v[c];

    set_state(t, x, TREE_RUNNING);
    if (x->extra)
        x->extra->since_ms = t->now_ms;
    x->starts++;
    x->order = ++t->orders;
    record(t, c, RECORD_START);
    answer(t, c, SUPTREE_STARTED);
}

static void start_failed(struct suptree *t, uint32_t c, uint8_t cls, uint8_t cause)
{
    set_state(t, &t->v[c], TREE_STOPPED);
    t->v[c].cls = cls;
    t->v[c].cause = cause;
    record(t, c, RECORD_START_FAILED);
    answer(t, c, SUPTREE_START_FAILED);
}

static void start_ignored(struct suptree *t, uint32_t c)
{
    set_state(t, &t->v[c], TREE_STOPPED);
    record(t, c, RECORD_START_IGNORED);
    answer(t, c, SUPTREE_START_IGNORED);
}

/* -- stopping ------------------------------------------------------------------------------------- */

static void order_stop(struct suptree *t, uint32_t c)
{
    const struct suptree_spec *spec = &t->v[c].spec;
    struct suptree_effect *e = effect(t, SUPTREE_DO_STOP, c);

    e->how = spec->shutdown;            /* S5 */
    e->deadline_ms = spec->shutdown == SHUTDOWN_MS ? spec->shutdown_ms : 0;
}

/* Returns true when the child is down already. */
static bool stop_child(struct suptree *t, uint32_t c)
{
    struct vertex *x = &t->v[c];

    if (x->state == TREE_DEAD || x->state == TREE_RESTARTING || x->state == TREE_STOPPED) {
        set_state(t, x, TREE_STOPPED);        /* R10: its exit message is swallowed; R8: its retry is void */
        return true;
    }
    set_state(t, x, TREE_STOPPING);
    if (is_sup(x)) {
        (void)post(t, c, MSG_STOP, NONE);
        return false;
    }
    order_stop(t, c);
    return false;
}

/* A supervisor's children are down: so goes its own work.  Returns true when that is down too. */
static bool stop_work(struct suptree *t, uint32_t s)
{
    if (t->v[s].work == WORK_NONE)
        return true;
    set_work(t, &t->v[s], WORK_STOPPING);
    t->v[s].waiting = s;
    order_stop(t, s);
    return false;
}

static void stopped(struct suptree *t, uint32_t c)
{
    set_state(t, &t->v[c], TREE_STOPPED);
    record(t, c, RECORD_STOP);
    answer(t, c, SUPTREE_EXITED);
}

/* S6: one order for all, and one time-out; what has no process is forgotten. */
static void stop_pool(struct suptree *t, uint32_t s)
{
    struct vertex *x = &t->v[s];

    x->act = ACT_POOL_DOWN;
    x->left = 0;
    for (uint32_t c = first_held(t, x->first); c != NONE; c = first_held(t, t->v[c].next)) {
        if (t->v[c].state != TREE_RUNNING) {
            set_state(t, &t->v[c], TREE_STOPPED);
            set_gone(t, &t->v[c], true);
            continue;
        }
        set_state(t, &t->v[c], TREE_STOPPING);
        t->v[c].killer = s;
        x->left++;
        order_stop(t, c);
    }
}

static void begin_down(struct suptree *t, uint32_t s, uint8_t cause, bool told)
{
    struct vertex *x = &t->v[s];

    x->act = ACT_DOWN;
    if (wants(x)->shutdown_deadline_ms)
        dues_set(&t->dues, s, t->now_ms + wants(x)->shutdown_deadline_ms);
    if (is_pool(x))
        stop_pool(t, s);
    x->cursor = x->last;
    x->waiting = NONE;
    x->told = told;
    x->end_cls = CLASS_SHUTDOWN;
    x->end_cause = cause;
    schedule(t, s);
}

/* A death that nobody asked for: the parent learns of it when it looks at its queue. */
static void died(struct suptree *t, uint32_t c)
{
    struct vertex *x = &t->v[c];

    if (x->extra && t->now_ms - x->extra->since_ms >= wants(x)->healthy_after_ms)
        x->extra->attempts = 0;
    set_state(t, x, TREE_DEAD);
    if (x->parent == NONE) {
        struct suptree_effect *e = effect(t, SUPTREE_DO_REPORT, c);

        set_state(t, x, TREE_STOPPED);
        e->what = SUPTREE_EXITED;
        return;
    }
    if (t->v[x->parent].waiting == c)       /* its end is the answer to what it was told */
        stopped(t, c);
    else
        (void)post(t, x->parent, MSG_EXIT, c);
}

static void finish_down(struct suptree *t, uint32_t s)
{
    struct vertex *x = &t->v[s];

    x->act = ACT_IDLE;
    dues_clear(&t->dues, s);
    if (x->parking && !x->told) {       /* extension 7: it stays, without its children */
        x->parking = false;
        x->parked = true;
        changed(t, x);
        if (x->parent == NONE)
            effect(t, SUPTREE_DO_REPORT, s)->what = SUPTREE_QUARANTINED;
        schedule(t, s);
        return;
    }
    x->cls = x->end_cls;
    x->cause = x->end_cause;
    drop_queue(t, s);
    if (x->told) {
        stopped(t, s);
        return;
    }
    x->own_end = x->end_cause == CAUSE_GIVEUP || x->end_cause == CAUSE_AUTO_SHUTDOWN;    /* or its work's */
    record(t, s, RECORD_DOWN);
    died(t, s);
}

/* Their ends have no order: they are told in that of the instances. */
static void finish_pool_down(struct suptree *t, uint32_t s)
{
    for (uint32_t c = first_held(t, t->v[s].first); c != NONE; c = first_held(t, t->v[c].next)) {
        record(t, c, RECORD_STOP);
        set_gone(t, &t->v[c], true);
    }
    finish_down(t, s);
}

/* -- retiring a branch at once -------------------------------------------------------------------- */

static int by_latest_start(const void *a, const void *b)
{
    const struct { uint64_t order; uint32_t c; } *x = a, *y = b;

    return x->order < y->order ? 1 : x->order > y->order ? -1 : 0;
}

/* Everything below `top` (itself included if with_top) that lives, into scratch; children come before
 * their parents when read backwards. */
static uint32_t gather(struct suptree *t, uint32_t top, bool with_top)
{
    uint32_t n = 0, at = 0;

    t->scratch[n++] = top;
    for (; at < n; at++)
        for (uint32_t c = t->v[t->scratch[at]].first; c != NONE; c = t->v[c].next)
            if (!t->v[c].gone)
                t->scratch[n++] = c;
    if (!with_top) {
        memmove(t->scratch, t->scratch + 1, (n - 1) * sizeof *t->scratch);
        n--;
    }
    return n;
}

/* A supervisor that is no more answers the call it was at, too. */
static void drop_call(struct suptree *t, uint32_t s)
{
    struct vertex *x = &t->v[s];

    if (x->act == ACT_ADMIN_STOP || x->act == ACT_ADMIN_START || x->act == ACT_RETIRE)
        result(t, x->waiting == NONE ? s : x->waiting, x->token, ANSWER_NOT_FOUND, 0);
    x->act = ACT_IDLE;                  /* not twice */
}

static void retire_vertex(struct suptree *t, uint32_t c, uint32_t killer)
{
    struct vertex *x = &t->v[c];
    bool lived = is_sup(x) ? x->work != WORK_NONE :
                 x->state == TREE_STARTING || x->state == TREE_RUNNING || x->state == TREE_STOPPING;
    struct suptree_effect *e;

    if (is_sup(x)) {
        drop_call(t, c);
        drop_queue(t, c);
        x->parking = x->forced = false;
        dues_clear(&t->dues, c);
    }
    if (!lived) {
        set_state(t, x, TREE_STOPPED);
        return;
    }
    set_state(t, x, TREE_STOPPING);
    x->killer = killer;
    t->v[killer].left++;
    e = effect(t, SUPTREE_DO_STOP, c);
    e->how = SHUTDOWN_BRUTAL_KILL;
    e->linked = t->v[killer].linked;
}

/* G4: links kill the children of a supervisor that was killed; deeper ones are shut down by their own. */
static uint8_t lost_class(const struct suptree *t, const struct vertex *x, uint32_t top, uint32_t killer)
{
    bool by_links = killer == top && t->v[top].linked && !t->v[top].forced;
    bool deeper = x->parent != top || t->v[top].told;

    return by_links && deeper && x->spec.shutdown != SHUTDOWN_BRUTAL_KILL ? CLASS_SHUTDOWN
                                                                                     : CLASS_KILLED;
}

static void record_lost(struct suptree *t, uint32_t n, uint32_t top, uint32_t killer)
{
    struct { uint64_t order; uint32_t c; } *sorted = malloc(n * sizeof *sorted + 1);
    uint32_t kept = 0;

    for (uint32_t i = 0; sorted && i < n; i++) {
        struct vertex *x = &t->v[t->scratch[i]];

        if (x->state == TREE_RUNNING || (x->state == TREE_STOPPING)) {
            sorted[kept].order = x->order;
            sorted[kept++].c = t->scratch[i];
        }
    }
    if (sorted)
        qsort(sorted, kept, sizeof *sorted, by_latest_start);
    for (uint32_t i = 0; i < kept; i++) {
        t->v[sorted[i].c].cls = lost_class(t, &t->v[sorted[i].c], top, killer);
        t->v[sorted[i].c].cause = CAUSE_SUPERVISOR;
        record(t, sorted[i].c, RECORD_LOST);
    }
    free(sorted);
}

/* kill_tree and its like: one order for all, in parallel, children before parents. */
static uint32_t retire(struct suptree *t, uint32_t top, bool with_top, uint32_t killer)
{
    uint32_t n = gather(t, top, with_top);

    record_lost(t, n, top, killer);
    t->v[killer].left = 0;
    for (uint32_t i = n; i-- > 0;)
        retire_vertex(t, t->scratch[i], killer);
    return t->v[killer].left;
}

static void finish_dying(struct suptree *t, uint32_t s)
{
    struct vertex *x = &t->v[s];

    if (x->forced) {
        x->forced = false;
        finish_down(t, s);
        return;
    }
    x->act = ACT_IDLE;
    dues_clear(&t->dues, s);
    drop_queue(t, s);
    x->cls = CLASS_KILLED;
    x->cause = x->end_cause;
    if (x->told) {                  /* it went down with who told it: recorded when it began */
        set_state(t, x, TREE_STOPPED);
        answer(t, s, SUPTREE_EXITED);
        return;
    }
    died(t, s);
}

static void finish_retire(struct suptree *t, uint32_t s)
{
    struct vertex *x = &t->v[s];
    struct vertex *c = &t->v[x->waiting];

    x->act = ACT_IDLE;
    c->by_hand = true;
    c->cls = CLASS_KILLED;
    c->cause = CAUSE_OPERATOR;
    if (c->spec.restart == RESTART_TEMPORARY)
        set_gone(t, c, true);
    result(t, x->waiting, x->token, ANSWER_OK, x->group_first);
    x->waiting = NONE;
    schedule(t, s);
}

/* -- deciding ------------------------------------------------------------------------------------- */

/* What is older than the period does not count any more. */
static uint32_t drop_old(const uint64_t *window, uint32_t room, uint32_t *head, uint32_t count, uint64_t now_ms,
                         uint64_t period_ms)
{
    for (; count && now_ms - window[*head] > period_ms; count--)
        *head = (*head + 1) % room;
    return count;
}

/* I2: more than `intensity` requests within the period, this one included, means give up.  Extension 2: so do more than
 * intensity_per_child of one child. */
static bool grant(struct suptree *t, uint32_t s, uint32_t c)
{
    struct vertex *x = &t->v[s];
    struct extra *own = t->v[c].extra && t->v[c].extra->window ? t->v[c].extra : NULL;

    if (x->spec.intensity == SUPTREE_UNLIMITED) {
        t->restarts++;
        return true;
    }
    x->window_count = drop_old(x->window, x->spec.intensity, &x->window_head, x->window_count, t->now_ms,
                               x->spec.period_ms);
    if (own)
        own->window_count = drop_old(own->window, own->window_room, &own->window_head, own->window_count, t->now_ms,
                                     x->spec.period_ms);
    if (x->window_count >= x->spec.intensity || (own && own->window_count >= own->window_room))
        return false;
    x->window[(x->window_head + x->window_count++) % x->spec.intensity] = t->now_ms;
    if (own)
        own->window[(own->window_head + own->window_count++) % own->window_room] = t->now_ms;
    t->restarts++;
    return true;
}

static void give_up(struct suptree *t, uint32_t s, uint8_t cause)
{
    struct suptree_effect *e;

    t->v[s].parking = cause == CAUSE_GIVEUP && wants(&t->v[s])->quarantine;
    if ((e = record(t, s, t->v[s].parking ? RECORD_QUARANTINE : RECORD_GIVEUP))) {
        e->cls = CLASS_SHUTDOWN;
        e->cause = cause;
    }
    t->giveups += cause == CAUSE_GIVEUP;
    begin_down(t, s, cause, false);
}

/* The supervisor goes on with other things until the child's time has come. */
static void wait_for(struct suptree *t, uint32_t s, uint32_t c)
{
    struct vertex *x = &t->v[s];
    struct suptree_effect *e;

    x->act = ACT_IDLE;
    x->delayed = NONE;
    set_state(t, &t->v[c], TREE_RESTARTING);
    dues_set(&t->dues, c, t->now_ms + x->delay_ms);
    if ((e = record(t, c, RECORD_DELAY)))
        e->count = (uint32_t)x->delay_ms;
    schedule(t, s);
}

static void begin_restart(struct suptree *t, uint32_t s, uint32_t c)
{
    struct vertex *x = &t->v[s];
    bool alone = x->spec.strategy == ONE_FOR_ONE || x->spec.strategy == SIMPLE_ONE_FOR_ONE;

    x->asking = c;
    x->by_depends = alone && mark_group(t, s, c);
    if (!alone || x->by_depends) {
        x->act = ACT_GROUP_STOP;
        x->group_first = x->spec.strategy == ONE_FOR_ALL ? x->first : c;
        x->cursor = x->last;
        x->waiting = NONE;
        schedule(t, s);
    } else if (x->delayed == c) {
        wait_for(t, s, c);
    } else {
        x->act = ACT_ONE_START;
        x->waiting = c;
        begin_start(t, c, false);
    }
}

/* I1: counted before it is attempted. */
static void request_restart(struct suptree *t, uint32_t s, uint32_t c)
{
    struct vertex *x = &t->v[s];

    set_state(t, &t->v[c], TREE_STOPPED);
    if (!grant(t, s, c)) {
        give_up(t, s, CAUSE_GIVEUP);
        return;
    }
    x->delay_ms = backoff(&t->v[c]);
    x->delayed = x->delay_ms ? c : NONE;
    begin_restart(t, s, c);
}

/* A2, A3: only a child's own end that leads to no restart. */
static void maybe_auto_shutdown(struct suptree *t, uint32_t s, uint32_t c)
{
    struct vertex *x = &t->v[s];

    if (!t->v[c].spec.significant || x->spec.auto_shutdown == AUTO_NEVER)
        return;
    if (x->spec.auto_shutdown == AUTO_ALL_SIGNIFICANT)
        for (uint32_t o = first_held(t, x->first); o != NONE; o = first_held(t, t->v[o].next))
            if (o != c && t->v[o].spec.significant &&
                (has_process(&t->v[o]) || t->v[o].state == TREE_RESTARTING || is_pool(x)))
                return;
    give_up(t, s, CAUSE_AUTO_SHUTDOWN);
}

static void stay_down(struct suptree *t, uint32_t s, uint32_t c)
{
    struct vertex *x = &t->v[c];

    set_state(t, x, TREE_STOPPED);
    x->by_hand = true;
    set_gone(t, x, x->spec.restart == RESTART_TEMPORARY || is_pool(&t->v[s]));
}

/* Extension 3.  False: class and restart type decide. */
static bool acted_on_cause(struct suptree *t, uint32_t s, uint32_t c)
{
    struct vertex *x = &t->v[c];

    switch (wants(x)->on_cause[x->cause < CAUSE_COUNT ? x->cause : 0]) {
    case ACTION_RESTART: request_restart(t, s, c); return true;
    case ACTION_STOP: stay_down(t, s, c); return true;
    case ACTION_ESCALATE:
        stay_down(t, s, c);
        give_up(t, s, CAUSE_GIVEUP);
        return true;
    case ACTION_QUARANTINE:
        stay_down(t, s, c);
        x->parked = true;
        record(t, c, RECORD_QUARANTINE);
        return true;
    case ACTION_IGNORE: x->cls = CLASS_NORMAL; return false;
    }
    return false;
}

/* R5; extension 5. */
static bool ended_well(const struct suptree *t, uint32_t s, const struct vertex *c)
{
    if (c->cause == CAUSE_GIVEUP && c->spec.supervisor && wants(&t->v[s])->restart_on_giveup)
        return false;
    return c->cls == CLASS_NORMAL || c->cls == CLASS_SHUTDOWN;
}

static void on_exit_message(struct suptree *t, uint32_t s, const struct msg *m)
{
    struct vertex *c = &t->v[m->child];
    struct suptree_effect *e;

    if (c->state != TREE_DEAD || c->life != m->life || c->gone || c->lost)
        return;                         /* swallowed meanwhile */
    if (c->spec.supervisor && (c->own_end || (c->spec.remote && c->cls == CLASS_SHUTDOWN)) &&
        (e = record(t, m->child, RECORD_ESCALATE)))
        e->other = t->v[s].spec.id;
    if (acted_on_cause(t, s, m->child))
        return;
    if (c->spec.restart == RESTART_TEMPORARY) {         /* R1 */
        set_state(t, c, TREE_STOPPED);
        set_gone(t, c, true);
        maybe_auto_shutdown(t, s, m->child);
    } else if (c->spec.restart == RESTART_TRANSIENT && ended_well(t, s, c)) {
        set_state(t, c, TREE_STOPPED);                        /* R5 */
        set_gone(t, c, is_pool(&t->v[s]));                    /* a pool keeps no spec of an instance */
        maybe_auto_shutdown(t, s, m->child);
    } else {
        request_restart(t, s, m->child);
    }
}

/* One batch, no charge, no strategy: what was lost with a worker comes back from its commits. */
static void on_lost_message(struct suptree *t, uint32_t s)
{
    struct vertex *x = &t->v[s];

    x->left = 0;
    for (uint32_t c = x->first; c != NONE; c = t->v[c].next) {
        if (t->v[c].state != TREE_DEAD || !t->v[c].lost || t->v[c].gone)
            continue;
        if (t->v[c].spec.restart == RESTART_TEMPORARY) {
            set_state(t, &t->v[c], TREE_STOPPED);
            set_gone(t, &t->v[c], true);
            continue;
        }
        x->left++;
        begin_start(t, c, false);
    }
    if (x->left)
        x->act = ACT_RESUME;
}

/* The child of s that has the name of c now: c itself, or one that was there before it. */
static uint32_t namesake(const struct suptree *t, uint32_t s, uint32_t c)
{
    if (!t->v[c].gone)
        return c;
    if (t->v[c].spec.name == 0)
        return NONE;
    for (uint32_t o = first_held(t, t->v[s].first); o != NONE; o = first_held(t, t->v[o].next))
        if (t->v[o].spec.name == t->v[c].spec.name)
            return o;
    return NONE;
}

/* M1, M2: what is answered without doing anything; ANSWER_COUNT: nothing speaks against it. */
static uint8_t answer_at_once(const struct suptree *t, uint32_t s, const struct msg *m)
{
    const struct vertex *x = &t->v[s], *c = &t->v[m->child];
    uint32_t same = m->admin == SUPTREE_START_CHILD ? namesake(t, s, m->child) : NONE;

    if (x->parked && (m->admin == SUPTREE_START_CHILD || m->admin == SUPTREE_RESTART))
        return ANSWER_QUARANTINED;      /* it is restarted whole */
    if (m->admin == SUPTREE_START_CHILD)
        return significance_is_wrong(x, c) ? ANSWER_INVALID :
               same == NONE                ? ANSWER_COUNT :
               has_process(&t->v[same])    ? ANSWER_ALREADY_STARTED : ANSWER_ALREADY_PRESENT;
    if (is_pool(x) && (m->admin == SUPTREE_RESTART || m->admin == SUPTREE_DELETE || is_template(t, c)))
        return ANSWER_SIMPLE_ONE_FOR_ONE;
    if (c->gone)                        /* a pool is told of a process, and one that is no more is stopped */
        return is_pool(x) && m->admin == SUPTREE_TERMINATE ? ANSWER_OK : ANSWER_NOT_FOUND;
    if (m->admin != SUPTREE_RESTART && m->admin != SUPTREE_DELETE)
        return ANSWER_COUNT;
    return c->state == TREE_STOPPED ? ANSWER_COUNT :
           c->state == TREE_RESTARTING ? ANSWER_RESTARTING : ANSWER_RUNNING;
}

static void on_admin(struct suptree *t, uint32_t s, const struct msg *m)
{
    struct vertex *x = &t->v[s], *c = &t->v[m->child];
    uint8_t says = answer_at_once(t, s, m);

    if (says != ANSWER_COUNT) {
        result(t, m->child, m->token, says, 0);
        return;
    }
    x->token = m->token;
    x->waiting = m->child;
    x->admin_new = m->admin == SUPTREE_START_CHILD;
    switch (m->admin) {
    case SUPTREE_TERMINATE:                             /* M2 */
        x->act = ACT_ADMIN_STOP;
        if (stop_child(t, m->child))
            answer(t, m->child, SUPTREE_EXITED);
        return;
    case SUPTREE_KILL:
        x->act = ACT_RETIRE;
        x->group_first = retire(t, m->child, true, s);
        if (x->left == 0)
            finish_retire(t, s);
        return;
    case SUPTREE_DELETE:
        x->waiting = NONE;
        set_gone(t, c, true);
        result(t, m->child, m->token, ANSWER_OK, 0);
        return;
    }
    set_gone(t, c, false);              /* START_CHILD or RESTART */
    x->act = ACT_ADMIN_START;                           /* I5: costs nothing */
    begin_start(t, m->child, m->fresh);
}

static void on_message(struct suptree *t, uint32_t s, const struct msg *m)
{
    switch (m->kind) {
    case MSG_EXIT: on_exit_message(t, s, m); return;
    case MSG_RETRY:                                     /* R6, R8 */
        if (t->v[m->child].state != TREE_RESTARTING)
            return;
        t->v[s].retrying -= is_pool(&t->v[s]);
        request_restart(t, s, m->child);
        return;
    case MSG_DUE:
        if (t->v[m->child].state == TREE_RESTARTING && t->v[m->child].life == m->life)
            begin_restart(t, s, m->child);
        return;
    case MSG_LOST: on_lost_message(t, s); return;
    case MSG_STOP: begin_down(t, s, CAUSE_SUPERVISOR, true); return;
    case MSG_WORK_ENDED:                /* the branch has failed, as its work did */
        begin_down(t, s, t->v[s].cause, false);
        t->v[s].end_cls = t->v[s].cls;
        return;
    case MSG_ADMIN: on_admin(t, s, m); return;
    case MSG_ASK:
        t->v[s].act = ACT_ASKED;
        result(t, s, m->token, ANSWER_OK, 0);
        return;
    }
}

/* -- going on ------------------------------------------------------------------------------------- */

/* Start the next child from the cursor on; the act is over when there is none. */
static void go_on_starting(struct suptree *t, uint32_t s)
{
    struct vertex *x = &t->v[s];
    uint32_t c = first_held(t, x->cursor);

    /* R4: every child without a process; but not one in quarantine, nor one that has no part in this restart */
    while (c != NONE && (t->v[c].state != TREE_STOPPED || t->v[c].parked || (x->by_depends && t->v[c].grouped != IN)))
        c = first_held(t, t->v[c].next);
    if (c != NONE) {
        x->cursor = x->waiting = c;
        begin_start(t, c, false);
        return;
    }
    x->waiting = NONE;
    if (x->act == ACT_BOOT) {
        x->act = ACT_IDLE;
        x->admin_fresh = false;
        started(t, s);
    }
    x->act = ACT_IDLE;
    x->by_depends = false;
    schedule(t, s);
}

/* Stop the previous child from the cursor back to `until`. */
static bool go_on_stopping(struct suptree *t, uint32_t s, uint32_t until)
{
    struct vertex *x = &t->v[s];

    while (x->cursor != NONE) {
        uint32_t c = x->cursor;

        x->cursor = c == until ? NONE : t->v[c].prev;
        if (t->v[c].gone || (x->act == ACT_GROUP_STOP && x->by_depends && t->v[c].grouped != IN))
            continue;
        if (!stop_child(t, c)) {
            x->waiting = c;
            return false;
        }
        if (x->act == ACT_GROUP_STOP && t->v[c].spec.restart == RESTART_TEMPORARY && c != x->asking)
            set_gone(t, &t->v[c], true);        /* R3 */
    }
    x->waiting = NONE;
    return true;
}

static void go_on(struct suptree *t, uint32_t s)
{
    struct vertex *x = &t->v[s];
    struct msg m;

    switch (x->act) {
    case ACT_BOOT:
    case ACT_GROUP_START:
        if (x->waiting == NONE)
            go_on_starting(t, s);
        return;
    case ACT_GROUP_STOP:
        if (x->waiting != NONE || !go_on_stopping(t, s, x->group_first))
            return;
        if (x->delayed != NONE) {
            wait_for(t, s, x->delayed);
            return;
        }
        x->act = ACT_GROUP_START;
        x->cursor = x->group_first;
        go_on_starting(t, s);
        return;
    case ACT_UNDO:
        if (x->waiting != NONE || !go_on_stopping(t, s, NONE) || !stop_work(t, s))
            return;
        x->act = ACT_IDLE;
        x->admin_fresh = false;
        drop_queue(t, s);
        start_failed(t, s, x->end_cls, CAUSE_START);
        return;
    case ACT_DOWN:
        if (x->waiting == NONE && go_on_stopping(t, s, NONE) && (x->parking || stop_work(t, s)))
            finish_down(t, s);
        return;
    case ACT_POOL_DOWN:
        if (x->left == 0)
            finish_pool_down(t, s);
        return;
    case ACT_IDLE:
        if ((x->state == TREE_RUNNING || x->state == TREE_STOPPING) && pop(t, s, &m)) {
            on_message(t, s, &m);
            schedule(t, s);
        }
        return;
    }
}

static void run(struct suptree *t)
{
    while (!t->held && t->run_head != t->run_tail) {
        uint32_t s = t->run[t->run_head++ % t->limits.vertices];

        t->v[s].queued = false;
        go_on(t, s);
    }
}

/* -- answers of children to a supervisor that waits ------------------------------------------------ */

static void failed_restart(struct suptree *t, uint32_t s, uint32_t c)
{
    t->v[s].retrying += is_pool(&t->v[s]);
    set_state(t, &t->v[c], TREE_RESTARTING);    /* R6: the retry goes behind what is queued */
    (void)post(t, s, MSG_RETRY, c);
}

/* c did not start: what depends on it waits for its next attempt. */
static void leave_group(struct suptree *t, uint32_t c)
{
    t->v[c].grouped = LEFT;
    for (uint32_t o = t->v[c].next; o != NONE; o = t->v[o].next)
        if (t->v[o].grouped == IN && depends_on_group(t, &t->v[o], c, LEFT))
            t->v[o].grouped = LEFT;
}

/* A restart that answered "ignore" leaves an entry without a process, which a pool counts as a worker: at
 * most one, for OTP keeps them by process and all of these have none (corrected in OTP 29). */
static void ignored_in_pool(struct suptree *t, uint32_t s, uint32_t c)
{
    for (uint32_t o = first_held(t, t->v[s].first); o != NONE; o = first_held(t, t->v[o].next))
        if (o != c && t->v[o].state == TREE_STOPPED)
            set_gone(t, &t->v[o], true);
}

static void admin_answer(struct suptree *t, uint32_t s, uint32_t c, uint16_t what)
{
    struct vertex *x = &t->v[s], *y = &t->v[c];
    uint8_t says = what == SUPTREE_START_FAILED ? ANSWER_START_ERROR :
                   what == SUPTREE_START_IGNORED ? ANSWER_IGNORED : ANSWER_OK;

    if (x->act == ACT_ADMIN_STOP) {
        y->by_hand = true;
        set_gone(t, y, y->spec.restart == RESTART_TEMPORARY || is_pool(x));
    } else if (what == SUPTREE_START_FAILED) {
        set_gone(t, y, x->admin_new);         /* M1: leaves nothing behind */
    } else if (what == SUPTREE_START_IGNORED) {
        set_gone(t, y, y->spec.restart == RESTART_TEMPORARY || is_pool(x));
    }
    x->act = ACT_IDLE;
    result(t, c, x->token, says, 1);
}

static void answer_waiting(struct suptree *t, uint32_t s, uint32_t c, uint16_t what)
{
    struct vertex *x = &t->v[s];

    x->waiting = NONE;
    switch (x->act) {
    case ACT_BOOT:
        if (what == SUPTREE_START_FAILED) {
            x->act = ACT_UNDO;          /* S3 */
            x->cursor = t->v[c].prev;
            break;
        }
        if (what == SUPTREE_START_IGNORED && t->v[c].spec.restart == RESTART_TEMPORARY)
            set_gone(t, &t->v[c], true);        /* S4 */
        x->cursor = t->v[c].next;
        break;
    case ACT_ONE_START:
        x->act = ACT_IDLE;
        if (what == SUPTREE_START_FAILED)
            failed_restart(t, s, c);
        else if (what == SUPTREE_START_IGNORED && is_pool(x))
            ignored_in_pool(t, s, c);
        break;
    case ACT_GROUP_START:
        if (what == SUPTREE_START_FAILED) {
            failed_restart(t, s, c);
            if (x->by_depends)          /* those that do not depend on it are started all the same */
                leave_group(t, c);
            else
                x->act = ACT_IDLE;      /* R7: the retry starts from this one */
            x->cursor = t->v[c].next;
            break;
        }
        x->cursor = t->v[c].next;
        break;
    case ACT_GROUP_STOP:
        if (t->v[c].spec.restart == RESTART_TEMPORARY)
            set_gone(t, &t->v[c], true);        /* R3 */
        break;
    case ACT_ADMIN_STOP:
    case ACT_ADMIN_START: admin_answer(t, s, c, what); break;
    }
    schedule(t, s);
}

static void answer(struct suptree *t, uint32_t c, uint16_t what)
{
    uint32_t s = t->v[c].parent;

    if (s == NONE) {
        effect(t, SUPTREE_DO_REPORT, c)->what = (uint8_t)what;
        return;
    }
    if (t->v[s].waiting == c) {
        answer_waiting(t, s, c, what);
        return;
    }
    if (t->v[s].act != ACT_RESUME)
        return;
    if (what == SUPTREE_START_FAILED)
        failed_restart(t, s, c);
    if (--t->v[s].left == 0) {
        t->v[s].act = ACT_IDLE;
        schedule(t, s);
    }
}

/* A life that a kill waits for has ended. */
static void retired(struct suptree *t, uint32_t c)
{
    uint32_t s = t->v[c].killer;

    t->v[c].killer = NONE;
    set_work(t, &t->v[c], WORK_NONE);
    if (s != c)                         /* else it was the work of one that ends as a whole */
        set_state(t, &t->v[c], TREE_STOPPED);
    if (s == NONE || t->v[s].left == 0 || --t->v[s].left > 0)
        return;
    if (t->v[s].act == ACT_RETIRE)
        finish_retire(t, s);
    else if (t->v[s].act == ACT_DYING)
        finish_dying(t, s);
    else
        schedule(t, s);                 /* POOL_DOWN */
}

/* -- inputs --------------------------------------------------------------------------------------- */

static int stale(struct suptree *t)
{
    t->stale++;
    return TW_ESTALE;
}

/* The supervisor is no process before its own work is up. */
static int take_work_start(struct suptree *t, uint32_t s, const struct suptree_input *in)
{
    struct vertex *x = &t->v[s];

    x->waiting = NONE;
    if (in->kind == SUPTREE_STARTED) {
        set_work(t, x, WORK_UP);
        schedule(t, s);
        return 0;
    }
    set_work(t, x, WORK_NONE);
    x->act = ACT_IDLE;
    x->admin_fresh = false;
    drop_queue(t, s);
    if (in->kind == SUPTREE_START_IGNORED)
        start_ignored(t, s);
    else
        start_failed(t, s, CLASS_ABNORMAL, in->cause);
    return 0;
}

/* Its end is the answer to a stop, or a message that the supervisor looks at in its turn. */
static int take_work_end(struct suptree *t, uint32_t s, const struct suptree_input *in)
{
    struct vertex *x = &t->v[s];
    bool told = x->work == WORK_STOPPING;

    set_work(t, x, WORK_NONE);
    if (told) {
        x->waiting = NONE;
        schedule(t, s);
        return 0;
    }
    x->cls = in->cls;
    x->cause = in->cause;
    record(t, s, RECORD_EXIT);
    (void)post(t, s, MSG_WORK_ENDED, NONE);
    return 0;
}

static int take_work(struct suptree *t, uint32_t s, const struct suptree_input *in)
{
    if (t->v[s].work == WORK_STARTING)
        return take_work_start(t, s, in);
    if (t->v[s].work == WORK_NONE || in->kind != SUPTREE_EXITED)
        return stale(t);
    return take_work_end(t, s, in);
}

static int take_exit(struct suptree *t, uint32_t c, const struct suptree_input *in)
{
    struct vertex *x = &t->v[c];

    if (x->killer != NONE) {
        if (t->v[x->killer].act == ACT_POOL_DOWN) {
            x->cls = in->cls;
            x->cause = in->cause;
        }
        retired(t, c);
        return 0;
    }
    if (x->spec.works)
        return take_work(t, c, in);
    if (x->state != TREE_STARTING && x->state != TREE_STOPPING && x->state != TREE_RUNNING)
        return stale(t);                /* a stop and the end it was to bring crossed: it ended as was told first */
    x->cls = in->cls;
    x->cause = in->cause;
    if (x->state == TREE_STARTING) {
        start_failed(t, c, CLASS_ABNORMAL, in->cause);
    } else if (x->state == TREE_STOPPING) {
        stopped(t, c);
    } else {
        record(t, c, RECORD_EXIT);
        died(t, c);
    }
    return 0;
}

/* Extensions 3 and 4: is this loss an end like others? */
static bool is_decided(const struct suptree *t, uint32_t c, uint8_t cause)
{
    return wants(&t->v[t->v[c].parent])->count_infrastructure ||
           (cause < CAUSE_COUNT && wants(&t->v[c])->on_cause[cause] != ACTION_DEFAULT);
}

/* Extension 10: what is left is killed. */
static void end_by_force(struct suptree *t, uint32_t s)
{
    struct vertex *x = &t->v[s];

    x->forced = true;
    x->waiting = NONE;
    (void)retire(t, s, false, s);
    if (x->work != WORK_NONE && !x->parking)
        retire_vertex(t, s, s);         /* as one of those that end */
    x->forced = true;
    x->act = ACT_DYING;
    if (x->left == 0)
        finish_dying(t, s);
}

static int take_tick(struct suptree *t)
{
    for (uint32_t c; (c = dues_pop(&t->dues, t->now_ms)) != NONE;) {
        struct vertex *x = &t->v[c];

        if (x->state == TREE_RESTARTING)
            (void)post(t, x->parent, MSG_DUE, c);
        else if (x->act == ACT_DOWN || x->act == ACT_POOL_DOWN)
            end_by_force(t, c);
    }
    return 0;
}

static int take_lost(struct suptree *t, const struct suptree_input *in)
{
    for (uint32_t i = 0; i < in->count && i < SUPTREE_BATCH; i++) {
        uint32_t c = find(t, in->batch[i].vertex);
        struct suptree_input one = {.kind = SUPTREE_EXITED, .cls = CLASS_KILLED, .cause = in->cause};

        if (c == NONE || t->v[c].life != in->batch[i].life || is_known_here(&t->v[c])) {
            t->stale++;
        } else if (t->v[c].state == TREE_RUNNING && t->v[c].killer == NONE && t->v[c].parent != NONE &&
                   !t->v[c].spec.works && !is_decided(t, c, in->cause)) {
            t->v[c].cls = CLASS_KILLED;
            t->v[c].cause = in->cause;
            set_state(t, &t->v[c], TREE_DEAD);
            t->v[c].lost = true;
            record(t, c, RECORD_LOST);
        } else {
            (void)take_exit(t, c, &one);        /* an outstanding start or stop is answered by it */
        }
    }
    for (uint32_t i = 0; i < in->count && i < SUPTREE_BATCH; i++) {     /* one message a supervisor */
        uint32_t c = find(t, in->batch[i].vertex);
        uint32_t s = c == NONE ? NONE : t->v[c].parent;

        if (s != NONE && t->v[c].lost && t->v[c].state == TREE_DEAD &&
            (t->v[s].q_tail == NONE || t->msgs[t->v[s].q_tail].kind != MSG_LOST))
            (void)post(t, s, MSG_LOST, NONE);
    }
    return 0;
}

static int take_branch_start(struct suptree *t, uint32_t c, const struct suptree_input *in)
{
    struct vertex *x = &t->v[c];

    if (x->parent != NONE || !is_sup(x) || has_process(x))
        return stale(t);
    x->reign = in->reign;
    x->low_line = in->line;
    x->life = in->life;
    next_line(t, x, in->fresh);
    set_state(t, x, TREE_STARTING);
    x->admin_fresh = in->fresh;
    begin_supervisor(t, c);
    return 0;
}

/* The home itself retires the whole branch; told: its parent asked for it. */
static int kill_supervisor(struct suptree *t, uint32_t c, bool told, const struct suptree_input *in)
{
    struct vertex *x = &t->v[c];

    if (!is_sup(x) || !has_process(x) || x->state == TREE_DEAD || x->killer != NONE)
        return stale(t);
    x->end_cause = told ? CAUSE_SUPERVISOR : CAUSE_OPERATOR;
    x->told = told;
    x->linked = !told || in->linked;
    x->parking = x->forced = false;
    x->cls = told && in->linked ? in->cls : CLASS_KILLED;
    x->cause = x->end_cause;
    if (!told)
        record(t, c, RECORD_EXIT);
    else if (x->state != TREE_STARTING)
        record(t, c, RECORD_LOST);
    drop_call(t, c);
    (void)retire(t, c, false, c);
    if (x->work != WORK_NONE)
        retire_vertex(t, c, c);
    x->act = ACT_DYING;
    drop_queue(t, c);
    if (x->left == 0)
        finish_dying(t, c);
    return 0;
}

static int take_branch_stop(struct suptree *t, uint32_t c, const struct suptree_input *in)
{
    struct vertex *x = &t->v[c];

    if (x->parent != NONE || !is_sup(x))
        return stale(t);
    if (!has_process(x)) {              /* a stop for a dead life is answered with its end */
        effect(t, SUPTREE_DO_REPORT, c)->what = SUPTREE_EXITED;
        return 0;
    }
    if (in->kind == SUPTREE_BRANCH_KILL)
        return kill_supervisor(t, c, true, in);
    if (x->state == TREE_RUNNING)
        set_state(t, x, TREE_STOPPING);
    (void)post(t, c, MSG_STOP, NONE);
    return 0;
}

static int take_admin(struct suptree *t, uint32_t c, const struct suptree_input *in)
{
    uint32_t s = t->v[c].parent;
    struct msg *m;

    if (s == NONE || t->v[s].state != TREE_RUNNING) {
        result(t, c, in->token, ANSWER_NOT_FOUND, 0);
        return 0;
    }
    m = post(t, s, MSG_ADMIN, c);
    m->admin = (uint8_t)in->kind;
    m->token = in->token;
    m->fresh = in->fresh;
    return 0;
}

static int take_ask(struct suptree *t, uint32_t s, const struct suptree_input *in)
{
    struct vertex *x = &t->v[s];

    if (in->kind == SUPTREE_ASKED) {
        if (x->act != ACT_ASKED)
            return stale(t);
        x->act = ACT_IDLE;
        schedule(t, s);
    } else if (!is_sup(x) || x->state != TREE_RUNNING) {
        result(t, s, in->token, ANSWER_NOT_FOUND, 0);
    } else {
        struct msg *m = post(t, s, MSG_ASK, s);

        m->token = in->token;
    }
    return 0;
}

static int dispatch(struct suptree *t, const struct suptree_input *in)
{
    uint32_t c;

    if (in->kind == SUPTREE_LOST)
        return take_lost(t, in);
    if (in->kind == SUPTREE_TICK)
        return take_tick(t);
    c = find(t, in->vertex);
    if (c == NONE)
        return stale(t);
    switch (in->kind) {
    case SUPTREE_BRANCH_START: return take_branch_start(t, c, in);
    case SUPTREE_BRANCH_STOP:
    case SUPTREE_BRANCH_KILL: return take_branch_stop(t, c, in);
    case SUPTREE_KILLED_OUTSIDE:
        return kill_supervisor(t, c, false, in);
    case SUPTREE_TERMINATE:
    case SUPTREE_RESTART:
    case SUPTREE_DELETE:
    case SUPTREE_START_CHILD:
    case SUPTREE_KILL: return take_admin(t, c, in);
    case SUPTREE_ASK:
    case SUPTREE_ASKED: return take_ask(t, c, in);
    }
    if (t->v[c].life != in->life || is_known_here(&t->v[c]))
        return stale(t);
    if (in->kind == SUPTREE_EXITED)
        return take_exit(t, c, in);
    if (in->kind == SUPTREE_QUARANTINED) {
        t->v[c].parked |= t->v[c].spec.remote && t->v[c].state == TREE_RUNNING;
        changed(t, &t->v[c]);
        return 0;
    }
    if (t->v[c].killer != NONE)         /* it was on its way when it was killed */
        return in->kind == SUPTREE_STARTED ? 0 : (retired(t, c), 0);
    if (t->v[c].spec.works)
        return take_work(t, c, in);
    if (t->v[c].state != TREE_STARTING)
        return stale(t);
    if (in->kind == SUPTREE_STARTED) {
        started(t, c);
    } else if (in->kind == SUPTREE_START_IGNORED) {
        start_ignored(t, c);
    } else {
        start_failed(t, c, CLASS_ABNORMAL, in->cause);
    }
    return 0;
}

int suptree_take(struct suptree *t, uint64_t tree_ms, const struct suptree_input *in)
{
    int rc;

    t->now_ms = tree_ms;
    rc = dispatch(t, in);
    run(t);
    return rc;
}

void suptree_hold(struct suptree *t, bool held)
{
    t->held = held;
    run(t);
}

uint64_t suptree_due(const struct suptree *t)
{
    uint64_t due_ms;

    (void)dues_first(&t->dues, &due_ms);
    return due_ms;
}

/* -- looking -------------------------------------------------------------------------------------- */

static void count_children(const struct suptree *t, const struct vertex *x, struct suptree_look *ret)
{
    for (uint32_t k = first_held(t, x->first); k != NONE; k = first_held(t, t->v[k].next)) {
        ret->specs++;
        ret->active += has_process(&t->v[k]) && t->v[k].state != TREE_DEAD;
        if (t->v[k].spec.supervisor)
            ret->supervisors++;
        else
            ret->workers++;
    }
    if (is_pool(x)) {
        ret->specs = 1;
        /* OTP forgets to take a retry off that terminate_child has called off: it may end below 0. */
        ret->active = (int32_t)(ret->workers - x->retrying);
    }
}

int suptree_peek(const struct suptree *t, uint32_t id, struct suptree_look *ret)
{
    uint32_t c = find(t, id);
    const struct vertex *x;

    if (c == NONE)
        return TW_ENOENT;
    x = &t->v[c];
    *ret = (struct suptree_look){
        .parent = x->parent == NONE ? NONE : t->v[x->parent].spec.id,
        .first_child = x->first == NONE ? NONE : t->v[x->first].spec.id,
        .next_sibling = x->next == NONE ? NONE : t->v[x->next].spec.id,
        .state = (enum tree_state)x->state, .starts = x->starts, .line = x->line, .life = x->life,
        .cls = x->cls, .cause = x->cause, .by_hand = x->by_hand, .supervisor = x->spec.supervisor,
        .significant = x->spec.significant, .gone = x->gone, .quarantined = x->parked,
        .due_ms = x->state == TREE_RESTARTING ? dues_at(&t->dues, c) : DUES_NEVER,
        .is_template = is_template(t, x)};
    return 0;
}

int suptree_look(const struct suptree *t, uint32_t id, uint64_t tree_ms, struct suptree_look *ret)
{
    const struct vertex *x;

    if (suptree_peek(t, id, ret) != 0)
        return TW_ENOENT;
    x = &t->v[find(t, id)];
    for (uint32_t i = 0; i < x->window_count; i++)
        ret->restarts_in_window +=
            tree_ms - x->window[(x->window_head + i) % x->spec.intensity] <= x->spec.period_ms;
    count_children(t, x, ret);
    return 0;
}

uint64_t suptree_restarts(const struct suptree *t) { return t->restarts; }
uint64_t suptree_giveups(const struct suptree *t) { return t->giveups; }
uint64_t suptree_stale(const struct suptree *t) { return t->stale; }

/* A supervisor that is busy either may go on, or waits for one that starts or stops, or stands still. */
bool suptree_quiet(const struct suptree *t)
{
    return t->under_way == 0 && t->queued == 0 && t->run_head == t->run_tail;
}

bool suptree_rests(const struct suptree *t) { return t->held || suptree_quiet(t); }

static void check_counts(const struct suptree *t)
{
    uint32_t under_way = 0, busy = 0, queued = 0;

    for (uint32_t c = 0; c < t->count; c++) {
        const struct vertex *x = &t->v[c];

        if (x->spec.id == NONE)
            continue;                   /* removed */
        under_way += is_under_way(x);
        busy += x->act != ACT_IDLE && x->act != ACT_ASKED;
        for (uint32_t m = x->q_head; m != NONE; m = t->msgs[m].next)
            queued++;
    }
    assert(t->under_way == under_way && t->queued == queued && "what is counted as under way is under way");
    assert((busy == 0 || t->held || !suptree_quiet(t)) && "nobody is busy in a quiet tree");
}

/* Down, else on, else up to the nearest that has a next; NONE when all below top was seen. */
static uint32_t next_in_order(const struct suptree *t, uint32_t c, uint32_t top)
{
    if (t->v[c].first != NONE)
        return t->v[c].first;
    while (c != top && t->v[c].next == NONE)
        c = t->v[c].parent;
    return c == top ? NONE : t->v[c].next;
}

/* Who sits in a cycle hangs under no top. */
static void check_no_cycle(const struct suptree *t)
{
    uint32_t here = 0, reached = 0;

    for (uint32_t top = 0; top < t->count; top++) {
        here += t->v[top].spec.id != NONE;
        if (t->v[top].spec.id == NONE || t->v[top].parent != NONE)
            continue;
        for (uint32_t c = top; c != NONE; c = next_in_order(t, c, top))
            assert(++reached <= t->count && "the tree has no cycle");
    }
    assert(reached == here && "every vertex hangs under a top, in one place");
}

void suptree_check(const struct suptree *t)
{
    check_counts(t);
    check_no_cycle(t);
    for (uint32_t c = 0; c < t->count; c++) {
        const struct vertex *x = &t->v[c];

        if (x->spec.id == NONE)
            continue;                   /* removed */
        for (uint32_t k = x->first; k != NONE; k = t->v[k].next) {
            assert(t->v[k].parent == c && "child lists and parent links agree");
            assert((t->v[k].next == NONE) == (k == x->last) && "the last child is last");
        }
        assert(x->window_count <= x->spec.intensity && "no more restarts than granted");
        assert((x->killer == NONE || x->state == TREE_STOPPING) && "only a life that ends is killed");
        if (x->parent == NONE || x->gone)
            continue;
        /* What hangs under a supervisor that is down is down. */
        assert((has_process(&t->v[x->parent]) || x->state == TREE_STOPPED || x->killer != NONE) &&
               "no live descendant of what is down");
    }
}

/* -- saving --------------------------------------------------------------------------------------- */

#define SAVE_MAGIC 0x65657274u

struct save_head { uint32_t magic, count, messages, top; uint64_t lives, orders, restarts, giveups, sum; };

/* FNV-1a over head and rest.  What is saved is full of indices: a damaged one is not to be followed. */
static uint64_t save_sum(struct save_head h, const char *buf, size_t bytes)
{
    uint64_t sum = 0xcbf29ce484222325ull;

    h.sum = 0;
    for (size_t i = 0; i < bytes; i++) {
        const char *from = i < sizeof h ? (const char *)&h : buf;

        sum = (sum ^ (uint8_t)from[i]) * 0x100000001b3ull;
    }
    return sum;
}

static bool below(const struct suptree *t, uint32_t c, uint32_t top)
{
    return top == NONE || c == top || t->v[c].top == top;
}

static size_t put(char *buf, size_t room, size_t at, const void *data, size_t bytes)
{
    if (bytes && at + bytes <= room)
        memcpy(buf + at, data, bytes);
    return at + bytes;
}

/* What it remembers for its extras, and when it is due; what it wants both sides know. */
struct saved_extra { uint32_t attempts, window_head, window_count, window_room; uint64_t since_ms, due_ms; };

static size_t save_extra(const struct suptree *t, uint32_t c, char *buf, size_t room, size_t at)
{
    const struct extra *e = t->v[c].extra;
    struct saved_extra x = {0};

    if (!e)
        return at;
    x = (struct saved_extra){.attempts = e->attempts, .window_head = e->window_head, .window_count = e->window_count,
                             .window_room = e->window_room, .since_ms = e->since_ms,
                             .due_ms = dues_at(&t->dues, c)};
    at = put(buf, room, at, &x, sizeof x);
    return put(buf, room, at, e->window, e->window_room * sizeof *e->window);
}

int suptree_save(const struct suptree *t, uint32_t top_id, void *buf, size_t room, size_t *ret_bytes)
{
    uint32_t top = top_id == NONE ? NONE : find(t, top_id);
    struct save_head h = {.magic = SAVE_MAGIC, .top = top_id, .lives = t->lives, .orders = t->orders,
                          .restarts = t->restarts, .giveups = t->giveups};
    size_t at = sizeof h;

    if (t->any_removed)
        return TW_ESTATE;
    for (uint32_t c = 0; c < t->count; c++) {
        struct vertex x = t->v[c];

        if (!below(t, c, top))
            continue;
        h.count++;
        x.window = NULL;                /* where it lies is not what it says */
        x.extra = NULL;
        x.changed = false;
        at = put(buf, room, at, &x, sizeof x);
        if (t->v[c].window)
            at = put(buf, room, at, t->v[c].window, x.spec.intensity * sizeof *t->v[c].window);
        at = save_extra(t, c, buf, room, at);
        for (uint32_t m = t->v[c].q_head; m != NONE; m = t->msgs[m].next, h.messages++)
            at = put(buf, room, at, &t->msgs[m], sizeof t->msgs[m]);
    }
    h.sum = at <= room ? save_sum(h, buf, at) : 0;
    (void)put(buf, room, 0, &h, sizeof h);
    *ret_bytes = at;
    return at <= room ? (int)at : TW_ETOOBIG;
}

static const void *get(const char *buf, size_t bytes, size_t *at, size_t want)
{
    const void *p = buf + *at;

    if (bytes - *at < want)
        return NULL;
    *at += want;
    return p;
}

static int load_extra(struct suptree *t, uint32_t c, const char *buf, size_t bytes, size_t *at, bool apply)
{
    struct extra *e = t->v[c].extra;
    struct saved_extra x;
    const void *p = e ? get(buf, bytes, at, sizeof x) : NULL;
    const void *window = p ? get(buf, bytes, at, e->window_room * sizeof *e->window) : NULL;

    if (!e)
        return 0;
    if (!p || !window)
        return TW_EPROTO;
    memcpy(&x, p, sizeof x);
    if (x.window_room != e->window_room || x.window_count > e->window_room ||
        (e->window_room && x.window_head >= e->window_room))
        return TW_EPROTO;
    if (!apply)
        return 0;
    e->attempts = x.attempts;
    e->window_head = x.window_head;
    e->window_count = x.window_count;
    e->since_ms = x.since_ms;
    if (e->window_room)
        memcpy(e->window, window, e->window_room * sizeof *e->window);
    dues_set(&t->dues, c, x.due_ms);
    return 0;
}

static int load_vertex(struct suptree *t, const char *buf, size_t bytes, size_t *at, bool apply)
{
    struct vertex x;
    struct msg m;
    const void *p = get(buf, bytes, at, sizeof x), *window;
    uint32_t c;

    if (!p)
        return TW_EPROTO;
    memcpy(&x, p, sizeof x);
    c = find(t, x.spec.id);
    if (c == NONE || t->v[c].spec.intensity != x.spec.intensity || t->v[c].parent != x.parent)
        return TW_EPROTO;
    window = get(buf, bytes, at, t->v[c].window ? x.spec.intensity * sizeof *x.window : 0);
    if (!window)
        return TW_EPROTO;
    if (apply) {
        while (pop(t, c, &m))
            ;                           /* what was queued here is not part of what is loaded */
        x.window = t->v[c].window;
        if (x.window)
            memcpy(x.window, window, x.spec.intensity * sizeof *x.window);
        x.extra = t->v[c].extra;
    }
    if (load_extra(t, c, buf, bytes, at, apply) != 0)
        return TW_EPROTO;
    for (uint32_t q = x.q_head; q != NONE; q = m.next) {
        p = get(buf, bytes, at, sizeof m);
        if (!p)
            return TW_EPROTO;
        memcpy(&m, p, sizeof m);
        if (apply) {
            struct msg *copy = post(t, c, m.kind, NONE);

            *copy = m;
            copy->next = NONE;
        }
    }
    if (apply) {
        t->under_way += (uint32_t)is_under_way(&x) - is_under_way(&t->v[c]);
        x.q_head = t->v[c].q_head;
        x.q_tail = t->v[c].q_tail;
        x.queued = t->v[c].queued;
        x.changed = t->v[c].changed;
        t->v[c] = x;
        changed(t, &t->v[c]);
        schedule(t, c);
    }
    return 0;
}

int suptree_load(struct suptree *t, const void *buf, size_t bytes)
{
    struct save_head h;

    if (bytes < sizeof h)
        return TW_EPROTO;
    memcpy(&h, buf, sizeof h);
    if (h.magic != SAVE_MAGIC || h.count > t->count || h.sum != save_sum(h, buf, bytes))
        return TW_EPROTO;
    for (int apply = 0; apply < 2; apply++) {       /* all is looked at before anything is changed */
        size_t at = sizeof h;

        for (uint32_t i = 0; i < h.count; i++)
            if (load_vertex(t, buf, bytes, &at, apply) != 0)
                return TW_EPROTO;
    }
    if (h.lives > t->lives)
        t->lives = h.lives;             /* lives only rise */
    if (h.orders > t->orders)
        t->orders = h.orders;
    if (h.top == NONE) {
        t->restarts = h.restarts;
        t->giveups = h.giveups;
    }
    run(t);
    return 0;
}

/* -- building ------------------------------------------------------------------------------------- */

static void like_template(struct vertex *x, const struct suptree_spec *template)
{
    x->spec.restart = template->restart;
    x->spec.significant = template->significant;
    x->spec.shutdown = template->shutdown;
    x->spec.shutdown_ms = template->shutdown_ms;
}

uint32_t suptree_last_below(const struct suptree *t, uint32_t id)
{
    uint32_t c = find(t, id);

    if (c == NONE)
        return NONE;
    while (t->v[c].last != NONE)
        c = t->v[c].last;
    return t->v[c].spec.id;
}

/* A supervisor without children restarts nobody: so a window costs only those who may use it. */
static int give_window(struct vertex *x)
{
    if (x->window || x->spec.intensity == 0 || x->spec.intensity == SUPTREE_UNLIMITED)
        return 0;
    x->window = calloc(x->spec.intensity, sizeof *x->window);
    return x->window ? 0 : TW_ENOMEM;
}

/* A child whose supervisor limits each one's requests needs a place to count them. */
static int add_extra(struct suptree *t, struct vertex *x)
{
    uint32_t room = x->parent == NONE ? 0 : wants(&t->v[x->parent])->intensity_per_child;

    if (!x->spec.extra && room == 0)
        return 0;
    x->extra = calloc(1, sizeof *x->extra);
    if (!x->extra)
        return TW_ENOMEM;
    if (x->spec.extra)
        x->extra->want = *x->spec.extra;
    if (x->extra->want.depend_count && x->parent != NONE)
        t->v[x->parent].has_depends = true;
    x->spec.extra = NULL;               /* the caller's */
    x->extra->window_room = room;
    if (room)
        x->extra->window = calloc(room, sizeof *x->extra->window);
    return room && !x->extra->window ? TW_ENOMEM : 0;
}

int suptree_add(struct suptree *t, uint32_t parent_id, const struct suptree_spec *spec)
{
    uint32_t p = parent_id == NONE ? NONE : find(t, parent_id), c = t->removed == NONE ? t->count : t->removed;
    uint32_t before;
    struct vertex *x;
    bool listed;                        /* in the ring of changes: then it must not be put there again */

    if (parent_id != NONE && p == NONE)
        return TW_ENOENT;
    if (spec->id >= t->limits.ids || (p != NONE && !is_sup(&t->v[p])) ||
        (spec->works && (!spec->supervisor || spec->remote)))
        return TW_EINVAL;
    if (t->by_id[spec->id] != NONE)
        return TW_EEXIST;
    if (p != NONE && is_pool(&t->v[p]) && (spec->supervisor || (t->v[p].first == NONE) == spec->dynamic ||
                                           (t->v[p].first != NONE && !spec->dynamic)))
        return TW_EINVAL;               /* its template first, then instances */
    if (spec->extra && !t->limits.extras)
        return TW_EINVAL;
    if (c == t->limits.vertices)
        return TW_EFULL;
    if (p != NONE && give_window(&t->v[p]) != 0)
        return TW_ENOMEM;
    x = &t->v[c];
    before = x->next;
    listed = c < t->count && x->changed;
    *x = (struct vertex){.spec = *spec, .parent = p, .first = NONE, .last = NONE, .next = NONE,
                         .prev = NONE, .waiting = NONE, .killer = NONE, .q_head = NONE, .q_tail = NONE,
                         .delayed = NONE, .gone = spec->dynamic, .changed = listed};
    if (p != NONE && is_pool(&t->v[p]) && spec->dynamic)
        like_template(x, &t->v[t->v[p].first].spec);
    if (add_extra(t, x) != 0)
        return TW_ENOMEM;
    x->top = p == NONE ? NONE : t->v[p].top == NONE ? p : t->v[p].top;
    if (p != NONE) {
        x->prev = t->v[p].last;
        if (t->v[p].last == NONE)
            t->v[p].first = c;
        else
            t->v[t->v[p].last].next = c;
        t->v[p].last = c;
    }
    t->by_id[spec->id] = c;
    if (c < t->count)
        t->removed = before;
    else
        t->count++;
    return 0;
}

static void free_vertex(struct vertex *x)
{
    free(x->window);
    if (x->extra)
        free(x->extra->window);
    free(x->extra);
    x->window = NULL;
    x->extra = NULL;
}

static void unlink_child(struct suptree *t, struct vertex *x)
{
    struct vertex *s = x->parent == NONE ? NULL : &t->v[x->parent];

    if (!s)
        return;
    if (x->prev == NONE)
        s->first = x->next;
    else
        t->v[x->prev].next = x->next;
    if (x->next == NONE)
        s->last = x->prev;
    else
        t->v[x->next].prev = x->prev;
}

static bool is_busy(const struct vertex *x)
{
    return x->act != ACT_IDLE || x->q_head != NONE || x->queued || is_under_way(x);
}

int suptree_remove(struct suptree *t, uint32_t id)
{
    uint32_t c = find(t, id);
    struct vertex *x, *s;

    if (c == NONE)
        return TW_ENOENT;
    x = &t->v[c];
    s = x->parent == NONE ? NULL : &t->v[x->parent];
    if (x->first != NONE || is_busy(x) || x->killer != NONE || (s && is_busy(s)))
        return TW_ESTATE;
    dues_clear(&t->dues, c);
    unlink_child(t, x);
    free_vertex(x);
    t->by_id[id] = NONE;
    x->spec.id = x->parent = NONE;
    x->state = TREE_STOPPED;
    x->work = WORK_NONE;
    x->next = t->removed;
    t->removed = c;
    t->any_removed = true;
    return 0;
}

static uint32_t message_room(const struct suptree_limits *l) { return l->messages ? l->messages : 4 * l->vertices + 64; }
static uint32_t effect_room(const struct suptree_limits *l) { return l->effects ? l->effects : 16 * l->vertices + 256; }

size_t suptree_bytes(const struct suptree_limits *l)
{
    return sizeof(struct suptree) + (size_t)l->vertices * (sizeof(struct vertex) + 3 * sizeof(uint32_t)) +
           (size_t)l->ids * sizeof(uint32_t) + message_room(l) * sizeof(struct msg) +
           effect_room(l) * sizeof(struct suptree_effect);
}

struct suptree *suptree_create(const struct suptree_limits *limits)
{
    struct suptree *t = calloc(1, sizeof *t);
    uint32_t n = limits->vertices ? limits->vertices : 1;

    if (!t)
        return NULL;
    t->limits = *limits;
    t->limits.vertices = n;
    t->msg_room = message_room(&t->limits);
    t->effect_room = effect_room(&t->limits);
    t->v = calloc(n, sizeof *t->v);
    t->by_id = calloc(limits->ids + 1u, sizeof *t->by_id);
    t->msgs = calloc(t->msg_room, sizeof *t->msgs);
    t->effects = calloc(t->effect_room, sizeof *t->effects);
    t->run = calloc(n, sizeof *t->run);
    t->changes = calloc(n, sizeof *t->changes);
    t->scratch = calloc(n + 1u, sizeof *t->scratch);
    if (!t->v || !t->by_id || !t->msgs || !t->effects || !t->run || !t->changes ||
        !t->scratch || dues_init(&t->dues, limits->extras ? n : 0) != 0) {
        suptree_destroy(t);
        return NULL;
    }
    for (uint32_t i = 0; i <= limits->ids; i++)
        t->by_id[i] = NONE;
    t->msg_free = t->removed = NONE;
    return t;
}

void suptree_destroy(struct suptree *t)
{
    if (!t)
        return;
    for (uint32_t c = 0; t->v && c < t->count; c++)
        free_vertex(&t->v[c]);
    dues_fini(&t->dues);
    free(t->v);
    free(t->by_id);
    free(t->msgs);
    free(t->effects);
    free(t->run);
    free(t->changes);
    free(t->scratch);
    free(t);
}
