/* pool_model.c - random calls against a model that is as simple as slow: what falls, what starts, in which order
 *
 * The model has no engine: it knows who hangs under whom, recurses, and scans.  After each call the pool's list must
 * be the model's, its table must hold the model's actors, and every promise of the pool must hold.
 */
#include "tests/lib/tap.h"

#include <assert.h>
#include <stdbool.h>

#include "treewarden/supervisor.h"

enum { GRID = 40, ROOM = 4096, STAMPS = 4096 };

struct actor {
    bool kept, alive;
    uint64_t id, order, stamps[STAMPS];
    struct tw_pool_spec spec;
    int parent;
    uint32_t restarts;
};

struct model {
    struct tw_pool *pool;
    struct actor a[GRID];               /* by slot; 0 the root */
    uint64_t now_ms, orders;
    char want[ROOM * 12], got[ROOM * 12];
    bool gone[GRID], good;
    struct tw_pool_action did[ROOM];
    int n;
};

static uint64_t rng;

static uint32_t draw(uint32_t n)
{
    rng = rng * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(rng >> 33) % n;
}

/* -- the model ---------------------------------------------------------------------------------------- */

static void say(struct model *m, const char *what, int slot)
{
    snprintf(m->want + strlen(m->want), sizeof m->want - strlen(m->want), "%s %d,", what, slot);
}

/* The child of p that was created next after (before) `order`; -1: none. */
static int neighbour(const struct model *m, int p, uint64_t order, bool after)
{
    int best = -1;

    for (int c = 1; c < GRID; c++) {
        const struct actor *x = &m->a[c];

        if (!x->kept || x->parent != p || (after ? x->order <= order : x->order >= order))
            continue;
        if (best < 0 || (after ? x->order < m->a[best].order : x->order > m->a[best].order))
            best = c;
    }
    return best;
}

static int first_child(const struct model *m, int p) { return neighbour(m, p, 0, true); }
static int last_child(const struct model *m, int p) { return neighbour(m, p, UINT64_MAX, false); }
static int next_child(const struct model *m, int c) { return neighbour(m, m->a[c].parent, m->a[c].order, true); }
static int previous_child(const struct model *m, int c) { return neighbour(m, m->a[c].parent, m->a[c].order, false); }

static void forget(struct model *m, int x)
{
    for (int c; (c = last_child(m, x)) >= 0;)
        forget(m, c);
    m->a[x].kept = m->a[x].alive = false;
    m->gone[x] = true;
}

static void stop_children(struct model *m, int x);

static void stop(struct model *m, int x)
{
    if (!m->a[x].alive)
        return;
    stop_children(m, x);
    say(m, "stop", x);
    m->a[x].alive = false;
}

static void stop_children(struct model *m, int x)
{
    for (int c = last_child(m, x); c >= 0; c = previous_child(m, c))
        stop(m, c);
}

static void start(struct model *m, int x)
{
    say(m, "start", x);
    m->a[x].alive = true;
    m->a[x].restarts = 0;
    for (int c = first_child(m, x), next; c >= 0; c = next) {
        next = next_child(m, c);
        if (m->a[c].spec.dynamic)
            forget(m, c);
        else
            start(m, c);
    }
}

static bool grant(struct model *m, int p)
{
    struct actor *s = &m->a[p];
    uint32_t in_window = 0;

    if (s->spec.intensity == TW_UNLIMITED)
        return true;
    for (uint32_t i = 0; i < s->restarts; i++)
        in_window += m->now_ms - s->stamps[i] <= s->spec.period_ms;
    if (in_window >= s->spec.intensity)
        return false;
    assert(s->restarts < STAMPS);
    s->stamps[s->restarts++] = m->now_ms;
    return true;
}

static void decide(struct model *m, int x, enum tw_pool_exit how);

static void give_up(struct model *m, int p)
{
    say(m, "give_up", p);
    stop_children(m, p);
    m->a[p].alive = false;
    if (p == 0)
        return;
    say(m, "stop", p);
    decide(m, p, TW_EXIT_SHUTDOWN);
}

static void restart_group(struct model *m, int p, int x)
{
    int from = m->a[p].spec.strategy == TW_ONE_FOR_ALL ? first_child(m, p) : x;
    uint64_t order = m->a[from].order;

    for (int c = last_child(m, p), before; c >= 0 && m->a[c].order >= order; c = before) {
        before = previous_child(m, c);
        stop(m, c);
        if (m->a[c].spec.restart == TW_TEMPORARY)
            forget(m, c);
    }
    for (int c = neighbour(m, p, order - 1, true); c >= 0; c = next_child(m, c))
        start(m, c);
}

static void decide(struct model *m, int x, enum tw_pool_exit how)
{
    unsigned type = m->a[x].spec.restart;
    int p = m->a[x].parent;

    if (type == TW_TEMPORARY)
        forget(m, x);
    else if (type == TW_TRANSIENT && (how == TW_EXIT_NORMAL || how == TW_EXIT_SHUTDOWN))
        return;
    else if (!grant(m, p))
        give_up(m, p);
    else if (m->a[p].spec.strategy == TW_ONE_FOR_ONE)
        start(m, x);
    else
        restart_group(m, p, x);
}

/* -- against the pool --------------------------------------------------------------------------------- */

static void expect(struct model *m, bool holds, const char *what)
{
    if (holds || !m->good)
        return;
    m->good = false;
    printf("# %s\n# want %s\n# got  %s\n", what, m->want, m->got);
}

static void take_list(struct model *m)
{
    bool forgotten[GRID] = {false};

    m->got[0] = '\0';
    for (int i = 0; i < m->n; i++) {
        const struct tw_pool_action *a = &m->did[i];
        uint32_t slot = tw_pool_slot(a->id);

        if (a->kind == TW_ACTION_FORGET) {
            forgotten[slot] = true;
            continue;
        }
        snprintf(m->got + strlen(m->got), sizeof m->got - strlen(m->got), "%s %u,", tw_pool_action_name(a->kind), slot);
        if (a->kind == TW_ACTION_START) {
            expect(m, a->id > m->a[slot].id, "lives rise");
            m->a[slot].id = a->id;
        }
    }
    expect(m, !strcmp(m->got, m->want), "the list is the model's");
    expect(m, !memcmp(forgotten, m->gone, sizeof forgotten), "who is forgotten is gone");
}

static void check_late(struct model *m)
{
    uint64_t late[GRID];
    int n = tw_pool_check_heartbeats(m->pool, m->now_ms, late, GRID), want = 0;

    for (int s = 1; s < GRID; s++)
        want += tw_pool_entries(m->pool)[s].deadline_ms <= m->now_ms;
    for (int i = 0; i < n; i++)
        expect(m, tw_pool_get(m->pool, late[i])->deadline_ms <= m->now_ms, "who is named late is late");
    expect(m, n == want, "who is late is named");
}

static void check_all(struct model *m)
{
    tw_pool_check(m->pool);
    for (int s = 1; s < GRID; s++) {
        const struct tw_pool_entry *e = &tw_pool_entries(m->pool)[s];
        bool alive = e->state == TW_POOL_INITIALIZING || e->state == TW_POOL_ACTIVE;

        expect(m, e->kept == m->a[s].kept && alive == m->a[s].alive, "the table has the model's actors");
        expect(m, !alive || (e->id == m->a[s].id && e->parent == m->a[m->a[s].parent].id), "... and their ids");
    }
    expect(m, (tw_pool_entries(m->pool)[0].state == TW_POOL_ACTIVE) == m->a[0].alive, "... and its root");
    check_late(m);
}

static void begin(struct model *m)
{
    m->want[0] = m->got[0] = '\0';
    m->n = 0;
    memset(m->gone, 0, sizeof m->gone);
}

static void acknowledge(struct model *m)
{
    for (int s = 1; s < GRID; s++) {
        const struct tw_pool_entry *e = &tw_pool_entries(m->pool)[s];

        if (draw(3) == 0)
            continue;
        if (e->state == TW_POOL_DRAINING)
            (void)tw_pool_stopped(m->pool, m->now_ms, e->id);
        else if (e->state == TW_POOL_INITIALIZING)
            (void)tw_pool_activate(m->pool, m->now_ms, e->id);
        else if (e->state == TW_POOL_ACTIVE)
            (void)tw_pool_heartbeat(m->pool, m->now_ms, e->id, e->progress + draw(2));
    }
}

static struct tw_pool_spec any_spec(void)
{
    static const uint32_t beats[] = {50, 200, 1000}, budgets[] = {0, 1, 3, TW_UNLIMITED};
    struct tw_pool_spec s = TW_POOL_SPEC_INIT;

    s.beat_ms = beats[draw(3)];
    s.drain_ms = beats[draw(3)];
    s.intensity = budgets[draw(4)];
    s.period_ms = 100 + draw(400);
    s.strategy = (uint8_t)draw(TW_STRATEGY_COUNT);
    s.restart = (uint8_t)(draw(4) ? TW_PERMANENT : draw(TW_RESTART_TYPE_COUNT));
    s.dynamic = draw(6) == 0;
    return s;
}

static void try_create(struct model *m, int p)
{
    struct tw_pool_spec s = any_spec();
    uint64_t id;
    bool full = tw_pool_available_count(m->pool) == 0;
    int rc = tw_pool_create_actor(m->pool, m->now_ms, m->a[p].id, &s, &id);

    expect(m, (rc == 0) == (m->a[p].alive && !full), "an actor is added to who lives, where there is room");
    if (rc != 0)
        return;
    expect(m, !m->a[tw_pool_slot(id)].kept, "a slot is given once");
    m->a[tw_pool_slot(id)] = (struct actor){.kept = true, .alive = true, .id = id, .order = ++m->orders, .spec = s, .parent = p};
}

static void try_fail(struct model *m, int x)
{
    enum tw_pool_exit how = (enum tw_pool_exit)draw(TW_EXIT_COUNT);
    uint32_t room = draw(4) ? ROOM : 1 + draw(3);
    bool alive = m->a[x].alive;
    int n = tw_pool_handle_failure(m->pool, m->now_ms, m->a[x].id, how, m->did, room);

    if (!alive) {
        expect(m, n <= 0, "who does not live does not fail");
        return;
    }
    for (m->n = n; (n = tw_pool_more(m->pool, m->did + m->n, room)) > 0;)
        m->n += n;
    m->a[x].alive = false;
    stop_children(m, x);
    decide(m, x, how);
    take_list(m);
}

static void try_restart(struct model *m, int x)
{
    bool may = m->a[x].kept && m->a[m->a[x].parent].alive;

    m->n = tw_pool_restart(m->pool, m->now_ms, m->a[x].id, m->did, ROOM);
    expect(m, (m->n >= 0) == may, "a kept actor whose supervisor lives is restarted");
    if (!may)
        return;
    stop(m, x);
    start(m, x);
    take_list(m);
}

static void try_kill(struct model *m, int x)
{
    uint64_t ids[GRID];
    uint32_t room = 1 + draw(4);
    bool kept = m->a[x].kept;
    int n, all = 0;

    do {
        n = tw_pool_kill_tree(m->pool, m->now_ms, m->a[x].id, ids + all, room);
        expect(m, (n > 0) == kept, "who is kept can be killed");
        all += n > 0 ? n : 0;
        tw_pool_check(m->pool);
    } while (n > 0 && ids[all - 1] != m->a[x].id);
    for (int i = 0; i < all; i++) {
        int v = (int)tw_pool_slot(ids[i]), deepest = x;

        for (int c; (c = last_child(m, deepest)) >= 0;)
            deepest = c;
        expect(m, v == deepest, "children before parents, the youngest first");
        if (v == deepest)
            forget(m, v);
    }
    expect(m, !m->a[x].kept, "all of it");
}

static void try_destroy(struct model *m, int x)
{
    bool may = m->a[x].kept && first_child(m, x) < 0;
    int rc = tw_pool_destroy_actor(m->pool, m->now_ms, m->a[x].id);

    expect(m, (rc == 0) == may, "a kept actor without children is destroyed");
    if (rc == 0)
        forget(m, x);
}

static void revive(struct model *m)
{
    m->n = tw_pool_revive(m->pool, m->now_ms, m->did, ROOM);
    m->a[0].alive = true;
    m->a[0].restarts = 0;
    for (int c = first_child(m, 0), next; c >= 0; c = next) {
        next = next_child(m, c);
        if (m->a[c].spec.dynamic)
            forget(m, c);
        else
            start(m, c);
    }
    take_list(m);
}

static void step(struct model *m)
{
    int x = 1 + (int)draw(GRID - 1);

    begin(m);
    m->now_ms += draw(60);
    switch (draw(12)) {
    case 0: try_kill(m, x); break;
    case 1: try_destroy(m, x); break;
    case 2: try_restart(m, x); break;
    case 3: case 4: case 5: case 6: try_create(m, draw(3) ? x : 0); break;
    case 7: acknowledge(m); break;
    default: try_fail(m, x); break;
    }
    check_all(m);
    if (m->a[0].alive)
        return;
    begin(m);
    revive(m);
    check_all(m);
}

static void run(uint64_t seed, int steps)
{
    static struct model m;
    struct tw_pool_spec top;
    uint64_t restarts;

    rng = seed;
    memset(&m, 0, sizeof m);
    m.good = true;
    top = any_spec();
    top.dynamic = 0;
    assert(tw_pool_create(GRID, &top, 0, &m.pool) == 0);
    m.a[0] = (struct actor){.kept = true, .alive = true, .id = TW_POOL_ROOT, .spec = top, .parent = -1};
    for (int i = 0; i < steps && m.good; i++)
        step(&m);
    restarts = tw_pool_restarts(m.pool);
    ok(m.good, "seed %" PRIu64 ": after each of %d calls the pool is the model", seed, steps);
    ok(restarts > 10, "seed %" PRIu64 ": ... and something happened", seed);
    tw_pool_destroy(m.pool);
}

int main(void)
{
    for (uint64_t seed = 1; seed <= 20; seed++)
        run(seed, 3000);
    done_testing();
}
