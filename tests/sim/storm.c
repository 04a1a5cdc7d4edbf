/* storm.c - random trees in random storms: over a million inputs, each looked at; what fails is made short
 *
 *   storm                    as check runs it
 *   storm SEEDS FIRST        so many trees from that seed on
 *   storm again SEED MOVES   the moves named (as a failure prints them) in the tree of this seed, told one by one
 *   storm resume SEED MOVES  ... by an engine that is saved and loaded before each
 *
 * Every fourth tree goes through its storm a second time: before each input its engine is saved, and one freshly built
 * loads that and goes on instead.  It must do what the first did.
 *
 * A failure names the seed and the moves that are needed for it: moves are taken out, one at a time, as long as the
 * rest still fails.
 */
#define VERTICES 24
#include "tests/lib/treeworld.h"

#include "tests/lib/tap.h"

#define SEEDS 12000
#define MOVES 1500                      /* of a storm */

struct step { uint8_t move, vertex; };

static uint64_t drawn(uint64_t *seed, uint64_t below) { return splitmix_next(seed) % below; }

/* -- trees ---------------------------------------------------------------------------------------- */

static void draw_extra(uint64_t *seed, uint32_t id, uint32_t first_sibling, struct suptree_extra *x)
{
    memset(x, 0, sizeof *x);
    if (drawn(seed, 3) == 0)
        *x = (struct suptree_extra){.backoff_min_ms = 10, .backoff_max_ms = 100, .backoff_factor = 200,
                                    .backoff_jitter = (uint32_t)drawn(seed, 2) * 50, .healthy_after_ms = 1000};
    x->intensity_per_child = (uint32_t)drawn(seed, 4);
    x->count_infrastructure = drawn(seed, 4) == 0;
    x->restart_on_giveup = drawn(seed, 3) == 0;
    x->quarantine = drawn(seed, 4) == 0;
    x->waits = drawn(seed, 3) == 0;
    x->local_restarts = (uint32_t)drawn(seed, 3);
    x->shutdown_deadline_ms = drawn(seed, 4) ? 0 : 200;
    if (drawn(seed, 4) == 0)
        x->on_cause[CAUSE_CODE] = (uint8_t)drawn(seed, ACTION_COUNT);
    if (first_sibling < id && drawn(seed, 3) == 0) {
        x->depends[0].low = x->depends[0].high = first_sibling + (uint32_t)drawn(seed, id - first_sibling);
        x->depend_count = 1;
    }
}

static void draw_spec(uint64_t *seed, uint32_t id, bool supervisor, struct suptree_spec *spec)
{
    *spec = (struct suptree_spec){
        .id = id, .supervisor = supervisor, .restart = (uint8_t)drawn(seed, 3),
        .shutdown = drawn(seed, supervisor ? 8 : 4) ? SHUTDOWN_INFINITY : SHUTDOWN_BRUTAL_KILL,
        .strategy = (uint8_t)drawn(seed, 3), .auto_shutdown = (uint8_t)(drawn(seed, 3) ? AUTO_NEVER : drawn(seed, 3)),
        .works = supervisor && drawn(seed, 4) == 0,
        .intensity = (uint32_t)drawn(seed, 5), .period_ms = 100 + drawn(seed, 2) * 100000};
}

struct drawing { struct suptree *t; uint64_t seed; uint32_t id, sups[VERTICES], count; };

/* The next vertex, as a supervisor without a pool one to which others may be added. */
static void draw_vertex(struct drawing *d, uint32_t parent, bool supervisor, bool pool, bool dynamic)
{
    struct suptree *t = d->t;
    uint32_t id = d->id++, first = id;
    struct suptree_extra extra;
    struct suptree_spec spec;

    draw_spec(&d->seed, id, supervisor, &spec);
    spec.dynamic = dynamic;
    if (pool)
        spec.strategy = SIMPLE_ONE_FOR_ONE;
    if (id)
        spec.significant = t->v[parent].spec.auto_shutdown != AUTO_NEVER && spec.restart != RESTART_PERMANENT &&
                           drawn(&d->seed, 2);
    for (uint32_t c = id ? t->v[parent].first : NONE; c != NONE && first == id; c = t->v[c].next)
        first = c;
    draw_extra(&d->seed, id, first, &extra);
    if (id && is_pool(&t->v[parent]))
        extra.depend_count = 0;
    spec.extra = t->limits.extras ? &extra : NULL;
    (void)suptree_add(t, parent, &spec);
    if (supervisor && !pool && id)
        d->sups[d->count++] = id;
}

/* With places for branches, or for actors; more is added below any of them, and below the template. */
static void draw_pool(struct drawing *d, uint32_t parent)
{
    uint32_t pool = d->id, places = 1 + (uint32_t)drawn(&d->seed, 3);
    bool branches = drawn(&d->seed, 3) != 0;

    draw_vertex(d, parent, true, true, false);
    draw_vertex(d, pool, branches, false, false);
    for (uint32_t i = 0; i < places; i++)
        draw_vertex(d, pool, branches, false, true);
}

/* Half of the trees are OTP's, half may do all that goes beyond it. */
static struct suptree *draw_tree(uint64_t seed)
{
    struct suptree_limits limits = {.vertices = VERTICES, .ids = VERTICES, .generation = 1, .extras = seed % 2};
    struct drawing d = {.t = suptree_create(&limits), .seed = seed, .count = 1};
    uint32_t n = 2 + (uint32_t)drawn(&d.seed, VERTICES - 2);

    draw_vertex(&d, NONE, true, false, false);
    while (d.id < n) {
        uint32_t parent = d.sups[drawn(&d.seed, d.count)];
        bool sup = drawn(&d.seed, 3) == 0;

        if (sup && d.id + 5 <= n && drawn(&d.seed, 2) == 0)
            draw_pool(&d, parent);
        else
            draw_vertex(&d, parent, sup, false, false);
    }
    return d.t;
}

/* -- storms --------------------------------------------------------------------------------------- */

static void begin(struct world *w, uint64_t seed)
{
    struct suptree *t = draw_tree(seed);

    memset(w, 0, sizeof *w);
    w->t = *t;
    free(t);                            /* its arrays are the world's now */
    (void)make(w, MOVE_BOOTS, 0);
}

static void finish(struct world *w)
{
    struct suptree *t = malloc(sizeof *t);

    *t = w->t;
    suptree_destroy(t);
}

static uint64_t loading;                /* the seed of the tree that is loaded again and again */
static uint64_t loads;

static void load_anew(struct world *w)
{
    static char buf[1u << 16];
    struct suptree *fresh = draw_tree(loading), old = w->t;
    size_t bytes;

    if (suptree_save(&w->t, NONE, buf, sizeof buf, &bytes) < 0 || suptree_load(fresh, buf, bytes) != 0)
        broken(w, "it cannot be saved and loaded");
    w->t = *fresh;
    *fresh = old;
    suptree_destroy(fresh);
    loads++;
}

/* Often what is under way, so that something comes of it; seldom what brings everything down. */
static struct step draw_step(const struct world *w, uint64_t *seed)
{
    static const uint8_t weights[MOVE_COUNT] = {
        [MOVE_STARTS] = 40, [MOVE_START_FAILS] = 3, [MOVE_STOPS] = 30, [MOVE_STOPS_LATE] = 3, [MOVE_CRASHES] = 10,
        [MOVE_ENDS] = 4, [MOVE_AGAIN] = 4, [MOVE_TERMINATED] = 2, [MOVE_KILLED] = 1, [MOVE_RESTARTED] = 4,
        [MOVE_DELETED] = 1, [MOVE_SPAWNED] = 12, [MOVE_SUP_DIES] = 1, [MOVE_ROOM] = 8, [MOVE_ALL_LOST] = 3, [MOVE_TIME] = 6, [MOVE_BOOTS] = 20};
    uint32_t at = (uint32_t)drawn(seed, 152), m = 0;

    for (; m < MOVE_COUNT - 1 && at >= weights[m]; m++)
        at -= weights[m];
    return (struct step){(uint8_t)m, m >= MOVE_ALL_LOST ? 0 : (uint8_t)drawn(seed, w->t.count)};
}

/* The inputs these steps came to; what was wrong in *ret_wrong. */
static void tell_all(const struct world *w)
{
    for (uint32_t c = 0; c < w->t.count; c++) {
        const struct vertex *v = &w->t.v[c];

        printf("# %2u under %2d: %s%s, %s%s, restart %u, strategy %u, act %u, waits for %d, left %u, work %u, killer %d; up %llx, start %llx, stop "
               "%llx, life %llx\n", c, (int)v->parent, v->spec.supervisor ? "supervisor" : "actor",
               v->spec.works ? " that works" : "", tree_state_name(v->state), v->gone ? ", gone" : "",
               v->spec.restart, v->spec.strategy, v->act, (int)v->waiting, v->left, v->work,
               (int)v->killer, (unsigned long long)w->leaf[c].up, (unsigned long long)w->leaf[c].start,
               (unsigned long long)w->leaf[c].stop, (unsigned long long)v->life);
    }
}

static uint32_t play(uint64_t seed, const struct step *steps, uint32_t count, bool tell, const char **ret_wrong)
{
    static uint64_t said[MOVES];        /* by then, in the last run */
    static struct world w;
    uint32_t inputs = 0;

    begin(&w, seed);
    w.tell = tell;
    w.between = loading ? load_anew : NULL;
    for (uint32_t i = 0; i < count && !w.wrong; i++) {
        bool made = steps[i].vertex < w.t.count && make(&w, steps[i].move, steps[i].vertex);

        inputs += made;
        w.now_ms += made && steps[i].move == MOVE_CRASHES ? i % 8 ? 7 : 1200 : 0;   /* now and then a life was healthy */
        if (made && tell)
            printf("# %llu ms: %s %u\n", (unsigned long long)w.now_ms, move_names[steps[i].move], steps[i].vertex);
        if (loading && said[i] != w.said)
            broken(&w, "an engine that was loaded does not do what one does that was not");
        said[i] = w.said;
    }
    *ret_wrong = w.wrong;
    if (tell)
        tell_all(&w);
    finish(&w);
    return inputs;
}

/* Without being loaded, then with; the first gives what the second has to do. */
static void play_both(uint64_t seed, const struct step *steps, uint32_t count, bool tell, const char **ret_wrong)
{
    (void)play(seed, steps, count, false, ret_wrong);
    if (*ret_wrong)
        return;
    loading = seed;
    (void)play(seed, steps, count, tell, ret_wrong);
    loading = 0;
}

static uint32_t shrink(uint64_t seed, struct step *steps, uint32_t count, bool both)
{
    struct step without[MOVES];
    const char *wrong;

    for (uint32_t i = count; i-- > 0;) {
        memcpy(without, steps, i * sizeof *steps);
        memcpy(without + i, steps + i + 1, (count - i - 1) * sizeof *steps);
        if (both)
            play_both(seed, without, count - 1, false, &wrong);
        else
            (void)play(seed, without, count - 1, false, &wrong);
        if (wrong)
            memcpy(steps, without, --count * sizeof *steps);
    }
    return count;
}

static bool storm(uint64_t seed, uint64_t *inputs)
{
    uint64_t draws = seed * 977 + 1;
    struct step steps[MOVES];
    static struct world shape;
    const char *wrong;
    uint32_t count = MOVES;
    bool both = seed / 2 % 4 == 0;      /* of trees with and without extensions */

    begin(&shape, seed);
    for (uint32_t i = 0; i < count; i++)
        steps[i] = draw_step(&shape, &draws);
    finish(&shape);
    *inputs += play(seed, steps, count, false, &wrong);
    both &= !wrong;
    if (both)
        play_both(seed, steps, count, false, &wrong);
    if (!wrong)
        return true;
    printf("# seed %llu: %s; again: storm %s %llu ", (unsigned long long)seed, wrong, both ? "resume" : "again",
           (unsigned long long)seed);
    count = shrink(seed, steps, count, both);
    for (uint32_t i = 0; i < count; i++)
        printf("%s%u.%u", i ? "," : "", steps[i].move, steps[i].vertex);
    putchar('\n');
    return false;
}

static int again(uint64_t seed, char *moves, bool both)
{
    struct step steps[MOVES];
    uint32_t count = 0;
    const char *wrong;
    char *save;

    for (char *w = strtok_r(moves, ",", &save); w && count < MOVES; w = strtok_r(NULL, ",", &save)) {
        unsigned m = 0, v = 0;

        if (sscanf(w, "%u.%u", &m, &v) == 2 && m < MOVE_COUNT)
            steps[count++] = (struct step){(uint8_t)m, (uint8_t)v};
    }
    if (both)
        play_both(seed, steps, count, true, &wrong);
    else
        (void)play(seed, steps, count, true, &wrong);
    printf("# %s\n", wrong ? wrong : "nothing is wrong");
    return wrong != NULL;
}

int main(int argc, char **argv)
{
    uint64_t seeds = argc > 1 ? strtoull(argv[1], NULL, 10) : SEEDS, first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    uint64_t inputs = 0, bad = 0;

    if (argc == 4 && (!strcmp(argv[1], "again") || !strcmp(argv[1], "resume")))
        return again(strtoull(argv[2], NULL, 10), argv[3], argv[1][0] == 'r');
    for (uint64_t seed = first; seed < first + seeds && bad < 5; seed++)
        bad += !storm(seed, &inputs);
    ok(bad == 0, "%llu random trees in storms (seeds %llu..): %llu inputs, and all that has to hold held",
       (unsigned long long)seeds, (unsigned long long)first, (unsigned long long)inputs);
    ok(seeds != SEEDS || inputs > 1000000, "(they were inputs that did something)");
    ok(bad == 0 && loads > seeds, "engines that were saved and loaded %llu times, before each input, did what the others did",
       (unsigned long long)loads);
    done_testing();
}
