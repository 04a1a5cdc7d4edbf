/* explore.c - small trees, every order of everything: the engine against a world that answers when it likes
 *
 * The engine's source is included, so that a state can be copied, and compared with those seen before once its counters
 * are taken down to their order.  From each state every move is made: any outstanding order is carried out, or fails;
 * an actor that runs crashes, or all of a device are lost; a person terminates, kills, restarts or deletes; a
 * supervisor is killed; an answer comes once more.  Carrying out orders costs nothing, anything else one of the
 * events that are left.  What has to hold is looked at after every move, and whenever nothing is outstanding.
 */
#include "core/suptree.c"

#include <stdio.h>

#include "tests/lib/tap.h"

#define VERTICES 6
#define SEEN_BITS 22                    /* of the table of states: 4 million; four times as many for each event more */
#define SEEN_BITS_MOST 28

struct leaf { uint64_t up, start, stop, newest, last; uint8_t last_kind, last_cls; };

struct world {
    struct suptree t;                   /* its arrays are the ones below */
    struct vertex v[VERTICES];
    struct msg msgs[4 * VERTICES + 64];
    uint64_t windows[VERTICES][4];
    uint32_t run[VERTICES], changes[VERTICES];
    struct leaf leaf[VERTICES];
    uint32_t events;                    /* left */
    uint32_t asked, answered, pending;  /* calls: asked so far, answered so far; tokens without an answer, as bits */
    uint8_t down[32];                   /* per token: 1 + the vertex that must be down when it is answered; 0 = none */
    uint8_t depth;
};

struct shape {
    const char *name;
    uint32_t events, count;
    struct suptree_spec spec[VERTICES];
    uint32_t parent[VERTICES];
};

static struct {
    const struct shape *shape;
    struct suptree *engine;             /* lends by_id, effects, scratch: nothing that is kept between inputs */
    uint64_t *seen, seen_mask;          /* hashes; 0 = free */
    uint64_t states, moves, quiet;
    char trail[64][48];
    int failed;
} x;

/* -- copying, comparing --------------------------------------------------------------------------- */

/* Point the copy's engine at its own arrays. */
static struct suptree *engine_of(struct world *w)
{
    w->t.v = w->v;
    w->t.msgs = w->msgs;
    w->t.run = w->run;
    w->t.changes = w->changes;
    w->t.by_id = x.engine->by_id;
    w->t.effects = x.engine->effects;
    w->t.scratch = x.engine->scratch;
    for (uint32_t c = 0; c < w->t.count; c++)
        if (w->v[c].spec.supervisor)
            w->v[c].window = w->windows[c];
    return &w->t;
}

static uint64_t stir(uint64_t h, uint64_t value) { return mixed(h ^ (value + 0x9e3779b97f4a7c15ull)) * 3 + 1; }

/* How many of the lives that matter are older: what a life is worth beside the others. */
static uint64_t worth(const struct world *w, uint64_t life)
{
    uint64_t n = 0;

    if (life == 0)
        return 0;
    for (uint32_t c = 0; c < w->t.count; c++) {
        const struct leaf *l = &w->leaf[c];

        n += (w->v[c].life < life) + (l->up && l->up < life) + (l->start && l->start < life) +
             (l->stop && l->stop < life) + (l->last && l->last < life);
    }
    return n + 1;
}

static uint64_t order_worth(const struct world *w, uint64_t order)
{
    uint64_t n = 0;

    for (uint32_t c = 0; c < w->t.count; c++)
        n += w->v[c].order < order;
    return n;
}

static uint64_t hash_vertex(const struct world *w, uint32_t c, uint64_t h)
{
    const struct vertex *v = &w->v[c];
    const uint64_t words[] = {
        worth(w, v->life), order_worth(w, v->order), v->state, v->cls, v->cause, v->by_hand, v->gone, v->lost,
        v->own_end, v->act, v->end_cls, v->end_cause, v->told, v->admin_new, v->admin_fresh, v->queued, v->admin,
        v->cursor, v->waiting, v->group_first, v->left, v->killer, v->window_count, v->starts > 0, v->line > 0,
        v->delayed,
    };

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        h = stir(h, words[i]);
    for (uint32_t m = v->q_head; m != NONE; m = w->msgs[m].next)
        h = stir(stir(stir(h, w->msgs[m].kind * 64u + w->msgs[m].admin), w->msgs[m].child), worth(w, w->msgs[m].life));
    return h;
}

static uint64_t hash_world(const struct world *w)
{
    uint64_t h = w->events * 8u + (w->pending != 0);

    for (uint32_t c = 0; c < w->t.count; c++) {
        const struct leaf *l = &w->leaf[c];

        h = hash_vertex(w, c, h);
        h = stir(stir(stir(h, worth(w, l->up)), worth(w, l->start)), worth(w, l->stop));
        h = stir(h, l->last_kind * 8u + l->last_cls + 256u * worth(w, l->last));
    }
    for (uint32_t i = w->t.run_head; i != w->t.run_tail; i++)
        h = stir(h, w->run[i % w->t.limits.vertices]);
    for (uint32_t token = 0; token < 32; token++)
        h = w->pending >> token & 1 ? stir(h, w->down[token]) : h;
    return h ? h : 1;
}

/* True: it was not seen before. */
static bool is_new(uint64_t hash)
{
    uint64_t at = hash & x.seen_mask;

    while (x.seen[at] != 0) {
        if (x.seen[at] == hash)
            return false;
        at = (at + 1) & x.seen_mask;
    }
    x.seen[at] = hash;
    x.states++;
    return true;
}

/* -- what has to hold ----------------------------------------------------------------------------- */

static void broken(const struct world *w, const char *what)
{
    if (x.failed++ > 3)
        return;
    printf("# %s: %s, after", x.shape->name, what);
    for (uint8_t i = 0; i < w->depth; i++)
        printf(" %s;", x.trail[i]);
    putchar('\n');
}

static bool is_below(const struct world *w, uint32_t c, uint32_t top)
{
    for (; c != NONE; c = w->v[c].parent)
        if (c == top)
            return true;
    return false;
}

static void none_lives_below(const struct world *w, uint32_t top)
{
    for (uint32_t c = 0; c < w->t.count; c++)
        if (is_below(w, c, top) && (w->leaf[c].up || w->leaf[c].start))
            broken(w, "a life below what was answered to be down");
}

static void on_effect(struct world *w, const struct suptree_effect *e)
{
    struct leaf *l = &w->leaf[e->vertex];

    switch (e->kind) {
    case SUPTREE_DO_START:
        if (l->up || l->start)
            broken(w, "a second life while one may run");
        if (e->life <= l->newest)
            broken(w, "a life that does not rise");
        l->newest = l->start = e->life;
        return;
    case SUPTREE_DO_STOP:
        if (e->life != l->up && e->life != l->start && e->life != l->last)
            broken(w, "a stop of a life that never was");
        l->stop = e->life;
        return;
    case SUPTREE_DO_RESULT:
        if (!(w->pending >> e->token & 1))
            broken(w, "an answer to what was not asked, or twice");
        w->pending &= ~(1u << e->token);
        w->answered++;
        if (w->down[e->token] && e->what == ANSWER_OK)
            none_lives_below(w, w->down[e->token] - 1u);
        w->down[e->token] = 0;
        return;
    }
}

/* Nothing is outstanding: the engine is at rest, and it and the world agree about who lives. */
static void at_rest(struct world *w)
{
    x.quiet++;
    if (!suptree_quiet(&w->t))
        broken(w, "nothing is outstanding, and the engine waits");
    if (w->pending)
        broken(w, "nothing is outstanding, and a call has no answer");
    for (uint32_t c = 0; c < w->t.count; c++)
        if (!w->v[c].spec.supervisor && w->leaf[c].up != (w->v[c].state == TREE_RUNNING ? w->v[c].life : 0))
            broken(w, "engine and world do not agree about who lives");
}

/* -- moves ---------------------------------------------------------------------------------------- */

static void go_on_from(struct world *w);

static void take_in(struct world *w, struct suptree_input *in)
{
    struct suptree *t = engine_of(w);
    const struct suptree_effect *e;

    x.moves++;
    t->effect_head = t->effect_tail = 0;
    (void)suptree_take(t, 0, in);
    while ((e = suptree_next_effect(t)))
        on_effect(w, e);
    while (suptree_next_changed(t) != SUPTREE_NONE)
        continue;
    suptree_check(t);
}

/* Make a move on a copy of w, and all that can follow it. */
static void try(const struct world *w, bool event, struct suptree_input in, const struct leaf *then,
                const char *what)
{
    struct world next = *w;
    struct leaf *l = &next.leaf[in.vertex];

    if (x.failed || (event && next.events == 0) || next.depth == 63)
        return;
    snprintf(x.trail[next.depth++], sizeof x.trail[0], "%.30s %u", what, (unsigned)in.vertex);
    next.events -= event;
    if (then)
        *l = *then;
    if (in.kind == SUPTREE_STARTED || in.kind == SUPTREE_START_FAILED || in.kind == SUPTREE_EXITED) {
        l->last_kind = (uint8_t)in.kind;
        l->last_cls = in.cls;
        l->last = in.life;
    }
    if (in.token)
        next.pending |= 1u << in.token;
    take_in(&next, &in);
    if (is_new(hash_world(&next)))
        go_on_from(&next);
}

static void try_leaf(const struct world *w, uint32_t c)
{
    struct leaf l = w->leaf[c], then = l;
    struct suptree_input in = {.vertex = c, .cls = CLASS_ABNORMAL, .cause = CAUSE_CODE};

    if (l.start && !(l.stop && l.stop < l.start)) {     /* orders of one vertex are carried out in their order */
        then.start = 0;
        in.life = l.start;
        in.kind = SUPTREE_START_FAILED;
        try(w, true, in, &then, "start fails");
        then.up = l.start;
        in.kind = SUPTREE_STARTED;
        try(w, false, in, &then, "starts");
    }
    then = l;
    in.kind = SUPTREE_EXITED;
    if (l.stop && l.stop != l.start) {
        then.stop = 0;
        then.up = l.stop == l.up ? 0 : l.up;    /* else it is long over: the answer is given again */
        in.life = l.stop;
        in.cls = CLASS_SHUTDOWN;
        try(w, false, in, &then, "stops");
        in.cls = CLASS_ABNORMAL;
    }
    then = l;
    if (l.up) {
        then.up = 0;
        in.life = l.up;
        try(w, true, in, &then, "crashes");
        in.cls = CLASS_NORMAL;
        try(w, true, in, &then, "ends");
    }
    if (l.last) {
        in = (struct suptree_input){.kind = l.last_kind, .vertex = c, .life = l.last, .cls = l.last_cls};
        try(w, true, in, NULL, "is told of again");
    }
}

static void try_loss(const struct world *w)
{
    struct suptree_input in = {.kind = SUPTREE_LOST, .cause = CAUSE_WORKER};
    struct world lost = *w;

    for (uint32_t c = 0; c < w->t.count; c++)
        if (w->leaf[c].up) {
            in.batch[in.count].vertex = c;
            in.batch[in.count++].life = w->leaf[c].up;
            lost.leaf[c].up = 0;
            lost.leaf[c].last = w->leaf[c].up;
            lost.leaf[c].last_kind = SUPTREE_EXITED;
            lost.leaf[c].last_cls = CLASS_KILLED;
            if (lost.leaf[c].stop == w->leaf[c].up)
                lost.leaf[c].stop = 0;  /* its end is the answer */
        }
    if (in.count)
        try(&lost, true, in, NULL, "all are lost");
}

static void try_call(const struct world *w, uint32_t c, uint16_t kind, const char *what)
{
    struct world asks = *w;
    struct suptree_input in = {.kind = kind, .vertex = c, .token = 1 + w->asked % 30};

    asks.asked++;
    if (kind == SUPTREE_KILL || kind == SUPTREE_TERMINATE)
        asks.down[in.token] = (uint8_t)(c + 1);
    try(&asks, true, in, NULL, what);
}

static void go_on_from(struct world *w)
{
    bool outstanding = false;

    for (uint32_t c = 0; c < w->t.count; c++)
        outstanding |= w->leaf[c].start || w->leaf[c].stop;
    if (!outstanding)
        at_rest(w);
    for (uint32_t c = 0; c < w->t.count; c++) {
        if (!w->v[c].spec.supervisor)
            try_leaf(w, c);
        if (w->events == 0 || w->v[c].parent == NONE)
            continue;
        try_call(w, c, SUPTREE_TERMINATE, "terminate");
        try_call(w, c, SUPTREE_KILL, "kill");
        try_call(w, c, SUPTREE_RESTART, "restart");
        try_call(w, c, SUPTREE_DELETE, "delete");
        if (w->v[c].spec.supervisor)
            try(w, true, (struct suptree_input){.kind = SUPTREE_KILLED_OUTSIDE, .vertex = c, .life = w->v[c].life}, NULL,
                "is killed");
    }
    if (w->events)
        try_loss(w);
}

/* -- shapes --------------------------------------------------------------------------------------- */

#define SUP .supervisor = true, .shutdown = SHUTDOWN_INFINITY, .period_ms = 5000

static const struct shape shapes[] = {
    {"three, one_for_one", 4, 4,
     {{SUP, .intensity = 2}, {.restart = RESTART_PERMANENT}, {.restart = RESTART_TRANSIENT},
      {.restart = RESTART_TEMPORARY}}, {NONE, 0, 0, 0}},
    {"three, one_for_all", 4, 4,
     {{SUP, .intensity = 2, .strategy = ONE_FOR_ALL}, {.restart = RESTART_PERMANENT}, {.restart = RESTART_TRANSIENT},
      {.restart = RESTART_TEMPORARY}}, {NONE, 0, 0, 0}},
    {"three, rest_for_one", 4, 4,
     {{SUP, .intensity = 2, .strategy = REST_FOR_ONE}, {.restart = RESTART_TRANSIENT}, {.restart = RESTART_PERMANENT},
      {.restart = RESTART_TEMPORARY}}, {NONE, 0, 0, 0}},
    {"a branch of two and one, rest_for_one over one_for_all", 3, 5,
     {{SUP, .intensity = 1, .strategy = REST_FOR_ONE}, {SUP, .intensity = 1, .strategy = ONE_FOR_ALL},
      {.restart = RESTART_PERMANENT}, {.restart = RESTART_TRANSIENT}, {.restart = RESTART_PERMANENT}},
     {NONE, 0, 1, 1, 0}},
    {"two branches, one_for_all over one_for_one", 3, 5,
     {{SUP, .intensity = 1, .strategy = ONE_FOR_ALL}, {SUP, .intensity = 1, .restart = RESTART_TRANSIENT},
      {.restart = RESTART_PERMANENT}, {SUP, .intensity = 1, .restart = RESTART_TEMPORARY},
      {.restart = RESTART_PERMANENT}},
     {NONE, 0, 1, 0, 3}},
    {"auto_shutdown in a branch", 4, 4,
     {{SUP, .intensity = 1}, {SUP, .intensity = 1, .auto_shutdown = AUTO_ANY_SIGNIFICANT},
      {.restart = RESTART_TRANSIENT, .significant = true}, {.restart = RESTART_PERMANENT}},
     {NONE, 0, 1, 1}},
};

static void explore(const struct shape *s, uint32_t more)
{
    struct suptree_limits limits = {.vertices = VERTICES, .ids = VERTICES, .generation = 1};
    struct suptree_input in = {.kind = SUPTREE_BRANCH_START, .vertex = 0, .line = 1, .life = 1};
    static struct world w;

    memset(&x, 0, sizeof x);
    memset(&w, 0, sizeof w);
    x.shape = s;
    x.engine = suptree_create(&limits);
    x.seen_mask = ((uint64_t)1 << (SEEN_BITS + 2 * more < SEEN_BITS_MOST ? SEEN_BITS + 2 * more : SEEN_BITS_MOST)) - 1;
    x.seen = calloc(x.seen_mask + 1, sizeof *x.seen);
    for (uint32_t c = 0; c < s->count; c++) {
        struct suptree_spec spec = s->spec[c];

        spec.id = c;
        (void)suptree_add(x.engine, s->parent[c], &spec);
    }
    w.t = *x.engine;
    memcpy(w.v, x.engine->v, s->count * sizeof *w.v);
    w.events = s->events + more;
    take_in(&w, &in);
    (void)is_new(hash_world(&w));
    go_on_from(&w);
    ok(x.failed == 0 && x.quiet > 100 && x.states < x.seen_mask / 4 * 3,
       "%s: %u events in every order: %llu states, %llu moves, %llu times at rest", s->name, w.events,
       (unsigned long long)x.states, (unsigned long long)x.moves, (unsigned long long)x.quiet);
    free(x.seen);
    suptree_destroy(x.engine);
}

/* explore [MORE]: so many events more than check has time for */
int main(int argc, char **argv)
{
    uint32_t more = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0;

    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        explore(&shapes[i], more);
    done_testing();
}
