/* bench_tree.c - the pool of treewarden/supervisor.h: what a call costs in a table of a thousand and of a million
 *
 * Branches of 64: a supervisor and 63 below it.  In order, each actor of the large table is set against one of the
 * small; at random, against the cache lines that the call touches, each a miss of its own, measured in the same
 * memory.  Every line here is of ours: there is no bare program that keeps a tree.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/bench.h"
#include "shared/rc.h"
#include "treewarden/supervisor.h"

#define LARGE 1000000u
#define SMALL 1000u
#define BRANCH 64u
#define SMALL_ROUNDS 50u
#define LINE 64u
#define ROOM 8u

/*    op          lines  ... touched at random, an actor: v = its vertex (3), p = its parent's, e = entry, s = spec    */
#define OP_LIST(X)                                                                                                    \
    X(CREATE,     10, "create")     /* v 3, e, s, its place by slot; p 2, the parent's e; the sibling before it */     \
    X(HEARTBEAT,   3, "heartbeat")  /* e; its neighbours among the deadlines */                                       \
    X(RESTART,    13, "restart")    /* v 3, e, s, its place; p 3, the parent's e and place; 2 neighbours */           \
    X(KILL,        6, "kill")       /* v 1, e, s, its place; 2 neighbours (its sibling is the next) */
enum op {
#define X(name, lines, text) OP_##name,
    OP_LIST(X)
#undef X
    OP_COUNT
};
static const unsigned lines_of[] = {
#define X(name, lines, text) lines,
    OP_LIST(X)
#undef X
};

struct table {
    struct tw_pool *pool;
    struct tw_pool_spec spec;
    uint32_t n;
    uint64_t *ids, *killed;             /* owned, [n] */
    uint32_t *order;                    /* owned, [n]: in order, or at random */
    double ns[OP_COUNT], check_us;      /* an actor; a whole check */
};

static uint64_t rng = 88172645463325252ull;

static uint32_t draw(uint32_t n)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (uint32_t)(rng >> 33) % n;
}

static void shuffle(uint32_t *v, uint32_t n)
{
    for (uint32_t i = n; i > 1; i--) {
        uint32_t k = draw(i), x = v[i - 1];

        v[i - 1] = v[k];
        v[k] = x;
    }
}

/* -- a table -------------------------------------------------------------------------------------- */

static void table_close(struct table *t)
{
    tw_pool_destroy(t->pool);
    free(t->ids);
    free(t->killed);
    free(t->order);
}

static int table_open(struct table *t, uint32_t n, struct reason *why)
{
    *t = (struct table){.n = n, .spec = TW_POOL_SPEC_INIT};
    t->spec.intensity = TW_UNLIMITED;
    t->spec.beat_ms = TW_FOREVER - 1;
    t->ids = malloc(n * sizeof *t->ids);
    t->killed = malloc(n * sizeof *t->killed);
    t->order = malloc(n * sizeof *t->order);
    if (!t->ids || !t->killed || !t->order)
        return reason_set(why, TW_ENOMEM, "out of memory");
    memset(t->killed, 0, n * sizeof *t->killed);        /* its pages are not what is measured */
    for (uint32_t i = 0; i < n; i++) {
        t->order[i] = i;
        t->ids[i] = 0;
    }
    return 0;
}

static int grown(int rc, struct reason *why)
{
    return rc == 0 ? 0 : reason_set(why, TW_ENOMEM, "a pool of this size: %s", tw_pool_error_text(rc));
}

/* The first of each branch below the root, the others below it; at random: below any that is there. */
static int fill(struct table *t, bool at_random)
{
    int rc = 0;

    for (uint32_t i = 0; i < t->n && rc == 0; i += BRANCH)
        rc = tw_pool_create_actor(t->pool, 0, TW_POOL_ROOT, &t->spec, &t->ids[i]);
    for (uint32_t i = 0; i < t->n && rc == 0; i++)
        if (i % BRANCH) {
            uint32_t parent = at_random ? draw((t->n + BRANCH - 1) / BRANCH) * BRANCH : i / BRANCH * BRANCH;

            rc = tw_pool_create_actor(t->pool, 0, t->ids[parent], &t->spec, &t->ids[i]);
        }
    return rc;
}

static void activate_all(struct table *t)
{
    for (uint32_t i = 0; i < t->n; i++)
        (void)tw_pool_activate(t->pool, 1, t->ids[i]);
}

static void beat_all(struct table *t, uint64_t progress)
{
    for (uint32_t i = 0; i < t->n; i++)
        (void)tw_pool_heartbeat(t->pool, 2, t->ids[t->order[i]], progress);
}

static void restart_all(struct table *t)
{
    struct tw_pool_action did[ROOM];

    for (uint32_t i = 0; i < t->n; i++)
        if (t->order[i] % BRANCH)
            (void)tw_pool_handle_failure(t->pool, 3, t->ids[t->order[i]], TW_EXIT_ABNORMAL, did, ROOM);
}

static uint32_t kill_all(struct table *t)
{
    uint32_t killed = 0;

    for (uint32_t i = 0; i < t->n; i++)
        if (t->order[i] % BRANCH == 0)
            killed += (uint32_t)tw_pool_kill_tree(t->pool, 4, t->ids[t->order[i]], t->killed + killed, t->n - killed);
    return killed;
}

static double lap(uint64_t *since)
{
    uint64_t now = bench_now_ns(), took = now - *since;

    *since = now;
    return (double)took;
}

/* Without a call that is timed between two that are not: what is in the cache is what the call before left. */
static int measure_table(struct table *t, struct reason *why)
{
    uint64_t clock = bench_now_ns(), late;
    int rc = tw_pool_create(t->n + 1, NULL, 0, &t->pool);

    if (rc == 0)
        rc = fill(t, false);
    if (rc != 0)
        return grown(rc, why);
    t->ns[OP_CREATE] += lap(&clock);
    activate_all(t);
    (void)lap(&clock);
    beat_all(t, 1);
    t->ns[OP_HEARTBEAT] += lap(&clock);
    if (tw_pool_check_heartbeats(t->pool, 3, &late, 1) != 0)
        return reason_set(why, TW_ESTATE, "somebody is late in a pool without deadlines");
    t->check_us += lap(&clock) / 1e3;
    restart_all(t);
    t->ns[OP_RESTART] += lap(&clock);
    (void)kill_all(t);
    t->ns[OP_KILL] += lap(&clock);
    tw_pool_destroy(t->pool);
    t->pool = NULL;
    return 0;
}

static int measure_in_order(uint32_t n, double ns[OP_COUNT], double *ret_check_us, struct reason *why)
{
    uint32_t rounds = n == SMALL ? SMALL_ROUNDS : 1;
    struct table t;
    int rc = table_open(&t, n, why);

    for (uint32_t i = 0; i < rounds && rc == 0; i++)
        rc = measure_table(&t, why);
    for (int op = 0; op < OP_COUNT; op++)
        ns[op] = t.ns[op] / rounds / n;
    *ret_check_us = t.check_us / rounds;
    table_close(&t);
    return rc;
}

/* A pass before each that is timed has made the order of its lists as random as its own. */
static int measure_at_random(struct table *t, struct reason *why)
{
    uint64_t clock;
    uint32_t killed;
    int rc = tw_pool_create(t->n + 1, NULL, 0, &t->pool);

    if (rc == 0)
        rc = fill(t, false);
    if (rc != 0)
        return grown(rc, why);
    activate_all(t);
    shuffle(t->order, t->n);
    beat_all(t, 1);
    shuffle(t->order, t->n);
    clock = bench_now_ns();
    beat_all(t, 2);
    t->ns[OP_HEARTBEAT] = lap(&clock) / t->n;
    shuffle(t->order, t->n);
    (void)lap(&clock);
    restart_all(t);
    t->ns[OP_RESTART] = lap(&clock) / t->n;
    shuffle(t->order, t->n);
    (void)lap(&clock);
    killed = kill_all(t);
    t->ns[OP_KILL] = lap(&clock) / t->n;
    for (uint32_t i = 0; i < killed; i++)
        (void)tw_pool_stopped(t->pool, 5, t->killed[t->order[i]]);
    (void)lap(&clock);
    rc = fill(t, true);
    t->ns[OP_CREATE] = lap(&clock) / t->n;
    return grown(rc, why);
}

/* -- a miss --------------------------------------------------------------------------------------- */

/* One chain through all lines of as much memory as the table has, in one random circle; ns a step. */
static int measure_miss(size_t bytes, double *ret_ns, struct reason *why)
{
    uint32_t lines = (uint32_t)(bytes / LINE), steps = 1000000, at = 0;
    uint32_t *next = aligned_alloc(LINE, (size_t)lines * LINE);
    uint64_t clock;

    if (!next)
        return reason_set(why, TW_ENOMEM, "out of memory");
    for (uint32_t i = 0; i < lines; i++)
        next[(size_t)i * (LINE / 4)] = i;
    for (uint32_t i = lines - 1; i > 0; i--) {          /* Sattolo: one circle */
        uint32_t k = draw(i), x = next[(size_t)i * (LINE / 4)];

        next[(size_t)i * (LINE / 4)] = next[(size_t)k * (LINE / 4)];
        next[(size_t)k * (LINE / 4)] = x;
    }
    clock = bench_now_ns();
    for (uint32_t i = 0; i < steps; i++)
        at = next[(size_t)at * (LINE / 4)];
    *ret_ns = lap(&clock) / steps + (at == lines);      /* at is never lines; the compiler does not know */
    free(next);
    return 0;
}

/* -- one branch in a full table --------------------------------------------------------------------- */

#define KILLED 73u                      /* 1 + 8 + 64 */

static int branch_of_73(struct table *t, uint64_t *ret_top)
{
    uint64_t mid, leaf;
    int rc = tw_pool_create_actor(t->pool, 0, TW_POOL_ROOT, &t->spec, ret_top);

    for (int i = 0; i < 8 && rc == 0; i++) {
        rc = tw_pool_create_actor(t->pool, 0, *ret_top, &t->spec, &mid);
        for (int k = 0; k < 8 && rc == 0; k++)
            rc = tw_pool_create_actor(t->pool, 0, mid, &t->spec, &leaf);
    }
    return rc;
}

/* us of a kill in a table full but for it, after beats of all others took the cache. */
static int measure_kill(uint32_t n, uint32_t samples, struct samples *to, struct reason *why)
{
    struct table t;
    uint64_t top, ids[KILLED], clock;
    int rc = table_open(&t, n - KILLED, why);

    if (rc == 0)
        rc = grown(tw_pool_create(n + 1, NULL, 0, &t.pool), why);
    if (rc == 0)
        rc = grown(fill(&t, false), why);
    if (rc == 0)
        activate_all(&t);
    for (uint32_t i = 0; i < samples && rc == 0; i++) {
        if ((rc = grown(branch_of_73(&t, &top), why)) != 0)
            break;
        beat_all(&t, i + 1);
        clock = bench_now_ns();
        (void)tw_pool_kill_tree(t.pool, 5, top, ids, KILLED);
        samples_add(to, lap(&clock) / 1e3);
        for (uint32_t k = 0; k < KILLED; k++)
            (void)tw_pool_stopped(t.pool, 5, ids[k]);
    }
    table_close(&t);
    return rc;
}

/* -- restarts in the window --------------------------------------------------------------------------- */

#define FEW 10u
#define MANY 50000u
#define TIMED 1000u

static void restart_often(struct tw_pool *pool, uint32_t slot, uint32_t times)
{
    struct tw_pool_action did[ROOM];

    while (times--)
        (void)tw_pool_handle_failure(pool, 1, tw_pool_entries(pool)[slot].id, TW_EXIT_ABNORMAL, did, ROOM);
}

/* ns a restart with so many before it in the window. */
static int measure_window(uint32_t before, double *ret_ns, struct reason *why)
{
    struct tw_pool_spec top = TW_POOL_SPEC_INIT, spec = TW_POOL_SPEC_INIT;
    struct tw_pool *pool;
    uint64_t id, clock;
    int rc;

    top.intensity = TW_INTENSITY_MAX;
    if ((rc = tw_pool_create(4, &top, 0, &pool)) != 0)
        return grown(rc, why);
    rc = tw_pool_create_actor(pool, 0, TW_POOL_ROOT, &spec, &id);
    restart_often(pool, tw_pool_slot(id), before);
    clock = bench_now_ns();
    restart_often(pool, tw_pool_slot(id), TIMED);
    *ret_ns = lap(&clock) / TIMED;
    tw_pool_destroy(pool);
    return grown(rc, why);
}

/* -- figures ---------------------------------------------------------------------------------------- */

#define TREE_FIGURE(name_, what_, bare_, unit_, kind_, aim_)                                                          \
    {.which = "tree", .name = name_, .what = what_, .bare_what = bare_, .unit = unit_, .kind = kind_, .aim = aim_}

/* Exponent 1.1 from a thousand to a million: an actor costs twice as much, 1000 ^ 0.1. */
static struct figure in_order[] = {
#define X(name, lines, text)                                                                                          \
    TREE_FIGURE("tree-" text, text " in a pool of 1000000, in order, an actor", "... in one of 1000", "ns",           \
                AIM_RATIO_MOST, 2),
    OP_LIST(X)
#undef X
};
static struct figure at_random[] = {
#define X(name, lines, text)                                                                                          \
    TREE_FIGURE("tree-" text "-random", text " in a pool of 1000000, at random, an actor",                            \
                #lines " lines, each a random miss", "ns", AIM_RATIO_MOST, 2),
    OP_LIST(X)
#undef X
};
static struct figure total = TREE_FIGURE("tree-total", "create, heartbeat, restart and kill in a pool of 1000000, an actor",
                                         "... in one of 1000", "ns", AIM_RATIO_MOST, 2);
static struct figure check = TREE_FIGURE("tree-check", "check of 1000000 heartbeats, none late", "a check of 1000", "us",
                                         AIM_MOST, 20);
static struct figure branch = TREE_FIGURE("tree-kill-73", "kill of 73 slots in a full pool of 1000000",
                                          "... in one of 1000, and 6 random misses a slot", "us", AIM_RATIO_MOST, 2);
static struct figure window = TREE_FIGURE("tree-window", "a restart with 50000 in the window", "... with 10", "ns",
                                          AIM_RATIO_MOST, 1.5);

static int sample_in_order(struct reason *why)
{
    double large[OP_COUNT], small[OP_COUNT], large_us, small_us, sums[2] = {0, 0};
    int rc;

    if ((rc = measure_in_order(LARGE, large, &large_us, why)) != 0 ||
        (rc = measure_in_order(SMALL, small, &small_us, why)) != 0)
        return rc;
    for (int op = 0; op < OP_COUNT; op++) {
        samples_add(&in_order[op].ours, large[op]);
        samples_add(&in_order[op].bare, small[op]);
        sums[0] += large[op];
        sums[1] += small[op];
    }
    samples_add(&total.ours, sums[0]);
    samples_add(&total.bare, sums[1]);
    samples_add(&check.ours, large_us);
    samples_add(&check.bare, small_us);
    return 0;
}

static int sample_at_random(double miss_ns, struct reason *why)
{
    struct table t;
    int rc = table_open(&t, LARGE, why);

    if (rc == 0)
        rc = measure_at_random(&t, why);
    for (int op = 0; op < OP_COUNT && rc == 0; op++) {
        samples_add(&at_random[op].ours, t.ns[op]);
        samples_add(&at_random[op].bare, lines_of[op] * miss_ns);
    }
    table_close(&t);
    return rc;
}

static int sample_branch(double miss_ns, struct reason *why)
{
    struct samples small = {0};
    int rc = measure_kill(LARGE, 1, &branch.ours, why);

    if (rc == 0 && (rc = measure_kill(SMALL, SMALL_ROUNDS, &small, why)) == 0) {
        double sum = 0;

        for (uint32_t i = 0; i < small.count; i++)
            sum += small.v[i];
        samples_add(&branch.bare, sum / small.count + KILLED * lines_of[OP_KILL] * miss_ns / 1e3);
    }
    free(small.v);
    return rc;
}

static int sample_window(struct reason *why)
{
    double few, many;
    int rc;

    if ((rc = measure_window(FEW, &few, why)) != 0 || (rc = measure_window(MANY, &many, why)) != 0)
        return rc;
    samples_add(&window.ours, many);
    samples_add(&window.bare, few);
    return 0;
}

/* Of the whole time with the number of actors: from one size to a thousand times that. */
static void add_in_order(struct bench *b, const struct figure *of)
{
    struct figure *f = figure_add(b, of);

    snprintf(f->note, sizeof f->note, "exponent %.2f; a slot is %zu bytes: an entry and a spec of %zu each, and its vertex",
             1 + log10(figure_ratio(f)) / log10((double)LARGE / SMALL), tw_pool_bytes(LARGE) / LARGE,
             sizeof(struct tw_pool_entry));
}

static void add_figures(struct bench *b)
{
    add_in_order(b, &total);
    for (int op = 0; op < OP_COUNT; op++)
        add_in_order(b, &in_order[op]);
    figure_add(b, &check);
    for (int op = 0; op < OP_COUNT; op++)
        figure_add(b, &at_random[op]);
    figure_add(b, &branch);
    figure_add(b, &window);
}

int bench_tree(struct bench *b, struct reason *why)
{
    int rc = 0;

    for (uint32_t i = 0; i < b->samples && rc == 0 && !bench_stopped; i++) {
        double miss_ns = 0;

        if ((rc = measure_miss(tw_pool_bytes(LARGE), &miss_ns, why)) == 0 && (rc = sample_in_order(why)) == 0 &&
            (rc = sample_at_random(miss_ns, why)) == 0 && (rc = sample_branch(miss_ns, why)) == 0)
            rc = sample_window(why);
    }
    if (rc == 0 && total.ours.count)
        add_figures(b);
    return rc == 0 && !bench_stopped ? bench_otp(b, why) : rc;
}
