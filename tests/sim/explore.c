/* explore.c - small trees, every order of everything: the engine against a world that answers when it likes
 *
 * The engine's source is included, so that a state can be copied, and compared with those seen before once its counters
 * are taken down to their order.  From each state every move is made (tests/lib/treeworld.h).  Carrying
 * out orders costs nothing, anything else one of the events that are left.
 */
#define VERTICES 6
#include "tests/lib/treeworld.h"

#include "tests/lib/tap.h"

#define SEEN_BITS 22                    /* of the table of states: 4 million; four times as many for each event more */
#define SEEN_BITS_MOST 28
#define DEPTH 63

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
    uint64_t states, moves, rests;
    char trail[DEPTH + 1][40];
    int failed;
} x;

/* -- copying, comparing --------------------------------------------------------------------------- */

/* Point the copy's engine at its own arrays. */
static void own(struct world *w)
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
}

static uint64_t stir(uint64_t h, uint64_t value) { return splitmix(h ^ (value + SPLITMIX_STEP)) * 3 + 1; }

/* How many of the lives that matter are older: what a life is worth beside the others. */
static uint64_t worth(const struct world *w, uint64_t life)
{
    uint64_t n = 0;

    if (life == 0)
        return 0;
    for (uint32_t c = 0; c < w->t.count; c++) {
        const struct leaf *l = &w->leaf[c];

        n += (uint64_t)((w->v[c].life < life) + (l->up && l->up < life) + (l->start && l->start < life) +
                        (l->stop && l->stop < life) + (l->last && l->last < life));
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
        v->own_end, v->act, v->end_cls, v->end_cause, v->told, v->admin_new, v->admin_fresh, v->queued,
        v->cursor, v->waiting, v->group_first, v->left, v->killer, v->window_count, v->starts > 0, v->line > 0,
        v->delayed, v->anew,
    };

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        h = stir(h, words[i]);
    for (uint32_t m = v->q_head; m != NONE; m = w->msgs[m].next)
        h = stir(stir(stir(h, w->msgs[m].kind * 64u + w->msgs[m].admin), w->msgs[m].child), worth(w, w->msgs[m].life));
    return h;
}

static uint64_t hash_world(const struct world *w, uint32_t events)
{
    uint64_t h = (uint64_t)events * 8u + (w->pending ? 1u : 0u);

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

/* -- every move ----------------------------------------------------------------------------------- */

static void complain(const struct world *w, uint32_t depth)
{
    if (x.failed++ > 3)
        return;
    printf("# %s: %s, after", x.shape->name, w->wrong);
    for (uint32_t i = 0; i < depth; i++)
        printf(" %s;", x.trail[i]);
    putchar('\n');
}

/* events: left. */
static void go_on_from(const struct world *w, uint32_t events, uint32_t depth)
{
    for (uint32_t n = 0; n < MOVE_COUNT * w->t.count && !x.failed; n++) {
        enum move m = n % MOVE_COUNT;
        struct world next;

        if (depth == DEPTH || (!move_is_free[m] && events == 0))
            continue;
        next = *w;
        own(&next);
        next.rests = 0;
        if (!make(&next, m, n / MOVE_COUNT))
            continue;
        x.moves++;
        x.rests += next.rests;
        snprintf(x.trail[depth], sizeof x.trail[0], "%s %u", move_names[m], n / MOVE_COUNT);
        if (next.wrong)
            complain(&next, depth + 1);
        else if (is_new(hash_world(&next, events - !move_is_free[m])))
            go_on_from(&next, events - !move_is_free[m], depth + 1);
    }
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
    {"a pool of branches", 4, 6,
     {{SUP, .intensity = 1}, {SUP, .intensity = 1, .strategy = SIMPLE_ONE_FOR_ONE},
      {SUP, .restart = RESTART_TRANSIENT, .intensity = 1}, {SUP, .dynamic = true}, {.restart = RESTART_PERMANENT},
      {SUP, .dynamic = true}},
     {NONE, 0, 1, 1, 3, 1}},
};

static void explore(const struct shape *s, uint32_t more)
{
    struct suptree_limits limits = {.vertices = VERTICES, .ids = VERTICES, .generation = 1};
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
    own(&w);
    (void)make(&w, MOVE_BOOTS, 0);
    go_on_from(&w, s->events + more, 0);
    ok(x.failed == 0 && x.rests > 100 && x.states < x.seen_mask / 4 * 3,
       "%s: %u events in every order: %llu states, %llu moves, %llu times at rest", s->name, s->events + more,
       (unsigned long long)x.states, (unsigned long long)x.moves, (unsigned long long)x.rests);
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
