/* homes.c - wherever its vertices live, and however long messages take, a scenario leaves the same trace
 *
 *   homes                        as check runs it
 *   homes small COUNT FIRST      so many scenarios of up to six workers from that seed on, in every mapping of homes
 *                                that there is on 1, 2, 3 and 4 ranks
 *   homes large COUNT FIRST      so many of up to fourteen, each in mappings and timings drawn from its seed
 *   homes rough COUNT FIRST      so many small ones over links so slow that reports are made again and again, between
 *                                ranks that stand still for a while
 *   homes loose COUNT FIRST      as rough, with gates about any supervisor: their traces have a partial order
 *   homes branches COUNT FIRST   as large, with branches in pools: a partial order, too, for these stop side by side
 *
 * The ranks are simulated ones (emu/scenario_ranks.c): their loops, engines, slots and links are those of a job.  What
 * they print is held against what one engine with played leaves prints.  A failure leaves the scenario, and names the
 * command that shows it again.
 */
#include <malloc.h>
#include <unistd.h>

#define tw_program scenario_actors
#include "jobs/scenario/scenario.c"

#include "base/log.h"
#include "emu/scenario.h"
#include "shared/splitmix.h"
#include "spec/placement.h"
#include "tests/lib/partial_order.h"
#include "tests/lib/scenarios.h"

#include "tap.h"

#define TRACE_BYTES (1u << 20)
#define RANKS 4
#define MAPPINGS_MOST 6000u             /* of a scenario that check plays in all of them */
#ifdef __SANITIZE_ADDRESS__
#define SHARE 3u                        /* of what check has time for */
#else
#define SHARE 1u
#endif

struct trace { char *text; size_t used; };      /* owned */

static struct trace want, got;
static struct drawn drawn;
static struct emu_result result;                /* large */
static char file[] = "homes.XXXXXX";
static uint64_t runs, bad, repeated, agreed;

/* -- traces --------------------------------------------------------------------------------------- */

static void add_line(void *arg, const char *text, int depth)
{
    struct trace *t = arg;

    if (t->used + strlen(text) + 64 < TRACE_BYTES)
        t->used += (size_t)sprintf(t->text + t->used, "%*s%s\n", 2 * depth, "", text);
}

static void note_difference(void)
{
    const char *a = want.text, *b = got.text;
    size_t n;

    while (*a && *b && (n = strcspn(a, "\n")) == strcspn(b, "\n") && !memcmp(a, b, n)) {
        a += n + (a[n] != '\0');
        b += n + (b[n] != '\0');
    }
    printf("#   one engine: %.*s\n#   on ranks:   %.*s\n", (int)strcspn(a, "\n"), a, (int)strcspn(b, "\n"), b);
}

/* A run over links of its own kind is not the command's: its seed gives all of it here. */
static void fail(const char *kind, uint64_t seed, const struct scenario_ranks *c, const char *what)
{
    char kept[64];
    FILE *f;

    snprintf(kept, sizeof kept, "homes-%s-%llu.scn", kind, (unsigned long long)seed);
    if ((f = fopen(kept, "w"))) {
        fputs(drawn.text, f);
        fclose(f);
    }
    printf("# %s %llu: %s\n", kind, (unsigned long long)seed, what[0] ? what : "another trace");
    if (!what[0])
        note_difference();
    if (c->plan)
        printf("#   again: tests/sim/homes %s 1 %llu\n", kind, (unsigned long long)seed);
    else
        printf("#   again: treewarden simulate --scenario %s --ranks %d --homes map:%llu --seed %llu\n", kept, c->ranks,
               (unsigned long long)c->homes.number, (unsigned long long)c->seed);
    bad++;
}

/* -- runs ----------------------------------------------------------------------------------------- */

/* The scenario that is drawn, as a file, and what one engine makes of it. */
static bool prepare(void)
{
    struct scenario_out out = {add_line, &want};
    FILE *f = fopen(file, "w");
    struct reason why = {"it cannot be written"};

    want.used = 0;
    if (f && fputs(drawn.text, f) >= 0 && fclose(f) == 0 && scenario_run(file, &out, &why) == 0)
        return true;
    printf("# %s: %s\n%s", file, why.text, drawn.text);
    bad++;
    return false;
}

/* 0: it was played to its end; what came of it is in `got`. */
static bool run(const char *kind, uint64_t seed, const struct scenario_ranks *c)
{
    struct scenario_out out = {add_line, &got};
    struct reason why = {""};

    got.used = 0;
    runs++;
    result.failure[0] = '\0';
    if (scenario_run_on_ranks(c, &out, &result, &why) != 0)
        fail(kind, seed, c, why.text);
    else if (result.failure[0])
        fail(kind, seed, c, result.failure);
    else
        return true;
    return false;
}

static void run_equal(const char *kind, uint64_t seed, const struct scenario_ranks *c)
{
    if (run(kind, seed, c) && strcmp(want.text, got.text) != 0)
        fail(kind, seed, c, "");
}

static struct scenario_ranks mapped(int ranks, uint64_t mapping, uint64_t timing)
{
    return (struct scenario_ranks){.file = file, .program = &scenario_actors, .ranks = ranks,
                                   .homes = {HOMES_MAP, mapping}, .seed = timing};
}

/* -- all mappings --------------------------------------------------------------------------------- */

static bool open_tree(struct scenario_tree *ret)
{
    struct scenario_node *nodes;
    uint32_t count;
    struct reason why;
    bool made = scenario_rehearse(file, &nodes, &count, &why) == 0;

    if (!made)
        return false;
    made = scenario_tree_make(file, nodes, count, ret, &why) == 0;
    free(nodes);
    return made;
}

/* All ranks but the root's are alike: of mappings that differ in their names alone, this is the first. */
static bool is_first_of_its_like(struct scenario_tree *tree, int ranks, uint64_t mapping)
{
    struct scenario_homes homes = {HOMES_MAP, mapping};
    struct reason why;
    int next = 1;

    (void)scenario_tree_place(tree, &homes, ranks, &why);
    for (uint32_t v = 0; v < tree->spec->vertex_count; v++) {
        int rank = placement_tied_to(tree->spec, v);

        if (rank > next)
            return false;
        next += rank == next;
    }
    return true;
}

/* In every mapping; or, to the likes of each, in one.  False: there are more of them than `most`. */
static bool everywhere(const char *kind, uint64_t seed, bool alike, uint64_t most)
{
    struct scenario_tree tree;

    if (!open_tree(&tree))
        return false;
    if (scenario_tree_mappings(&tree, RANKS) > most) {
        scenario_tree_free(&tree);
        return false;
    }
    for (int ranks = 1; ranks <= RANKS && !bad; ranks++)
        for (uint64_t m = 0, n = scenario_tree_mappings(&tree, ranks); m < n && !bad; m++) {
            struct scenario_ranks c = mapped(ranks, m, seed + m);

            if (!alike || is_first_of_its_like(&tree, ranks, m))
                run_equal(kind, seed, &c);
        }
    scenario_tree_free(&tree);
    return true;
}

static void small(uint64_t seed)
{
    draw_scenario(&drawn, seed, 6, 3, true);
    if (prepare())
        (void)everywhere("small", seed, false, UINT64_MAX);
}

/* -- drawn mappings ------------------------------------------------------------------------------- */

static uint64_t draw_mapping(uint64_t *state, int ranks)
{
    struct scenario_tree tree;
    uint64_t n = 1;

    if (open_tree(&tree)) {
        n = scenario_tree_mappings(&tree, ranks);
        scenario_tree_free(&tree);
    }
    return splitmix_next(state) % n;
}

static void large(uint64_t seed)
{
    uint64_t state = seed;

    draw_scenario(&drawn, seed, 14, 6, true);
    for (int i = 0, ok = prepare(); ok && i < 4 && !bad; i++) {
        int ranks = 2 + (int)(splitmix_next(&state) % (RANKS - 1));
        uint64_t mapping = draw_mapping(&state, ranks);
        struct scenario_ranks c = mapped(ranks, mapping, splitmix_next(&state));

        run_equal("large", seed, &c);
    }
}

/* Cells that take up to 0.6 s, and ranks that stand still: many a report is made again before its answer is there. */
static void draw_plan(uint64_t *state, int ranks, struct emu_plan *ret)
{
    static const uint64_t delays[] = {20, 2000, 300000, 600000};

    *ret = (struct emu_plan){.links = {.delay_us = delays[splitmix_next(state) % 4]},
                             .count = (uint32_t)(splitmix_next(state) % 4)};
    for (uint32_t i = 0; i < ret->count; i++)
        ret->faults[i] = (struct emu_fault){.kind = EMU_STALL, .us = splitmix_next(state) % 3000000,
                                            .rank = (int)(splitmix_next(state) % (uint64_t)ranks),
                                            .for_us = 1 + splitmix_next(state) % 400000};
}

static void judge_loose(const char *kind, uint64_t seed, const struct scenario_ranks *c)
{
    static char text[512], line[256];
    const char *wrong = what_is_out_of_order(&drawn, got.text, line), *who = "";
    enum agreement a = wrong ? OTHER_THINGS : agree(&drawn, want.text, got.text, &who);

    agreed += a == AGREES;
    snprintf(text, sizeof text, "%.100s: %.100s", wrong ? wrong : a == OTHER_THINGS ? "it tells of other things" :
             "another order of what happened to", wrong ? line : who);
    if (wrong || a == DIFFERS || (drawn.chain && a != AGREES))
        fail(kind, seed, c, text);
}

static void over_bad_links(uint64_t seed, bool chain)
{
    uint64_t state = seed * 3 + chain;
    int ranks = 2 + (int)(splitmix_next(&state) % (RANKS - 1));
    struct scenario_ranks c;
    struct emu_plan plan;

    draw_scenario(&drawn, seed, 4, 3, chain);
    if (!prepare())
        return;
    draw_plan(&state, ranks, &plan);
    c = mapped(ranks, draw_mapping(&state, ranks), seed);
    c.plan = &plan;
    if (chain)
        run_equal("rough", seed, &c);
    else if (run("loose", seed, &c))
        judge_loose("loose", seed, &c);
    repeated += result.repeated;
}

static void rough(uint64_t seed) { over_bad_links(seed, true); }
static void loose(uint64_t seed) { over_bad_links(seed, false); }

static void branches(uint64_t seed)
{
    uint64_t state = seed;
    int ranks = 2 + (int)(splitmix_next(&state) % (RANKS - 1));
    struct scenario_ranks c;

    draw_branches(&drawn, seed, 14, 6);
    if (!prepare())
        return;
    c = mapped(ranks, draw_mapping(&state, ranks), splitmix_next(&state));
    if (run("branches", seed, &c))
        judge_loose("branches", seed, &c);
}

/* -- what went wrong once ------------------------------------------------------------------------- */

static const struct { const char *what, *text; } found[] = {
    {"a supervisor whose shutdown is a kill is killed, wherever it is at home",
     "sup r parent=-\nsup s parent=r shutdown=brutal_kill\nworker a parent=s\nsup t parent=s\n"
     "worker b parent=t onstop=crash\n"
     "sup e parent=r shutdown=brutal_kill\ndo terminate s\ndo restart s\ndo terminate e\ndo shutdown\n"},
    {"what is lost with a supervisor that has just come up is told in the order of its start",
     "sup r parent=-\nsup s parent=r shutdown=brutal_kill\nsup t parent=s\nworker a parent=t\n"
     "worker b parent=s\nsup u parent=r\n"
     "worker c parent=u significant=true\n"},
    {"two killed supervisors are told of one after the other",
     "sup r parent=- strategy=rest_for_one intensity=3\nworker a parent=r\nsup s parent=r\nworker b parent=s\n"
     "sup t parent=r shutdown=brutal_kill\nworker c parent=t\nsup u parent=r shutdown=brutal_kill\nworker d parent=u\n"
     "do kill t\ndo together kill:a kill:s\n"},
    {"a pool that counts less than none does so wherever it is at home",
     "sup r parent=-\nsup p parent=r strategy=simple_one_for_one intensity=3\nworker t parent=p\n"
     "do spawn p\ndo failstart t.1 1\n"
     "do gate t.1 terminate t.1\ndo exit t.1 normal\n"},
    {"a supervisor that is asked knows of a branch elsewhere what it has just been told",
     "sup r parent=- intensity=9\nworker a parent=r\nsup s parent=r\nworker b parent=s\n"
     "do failstart a 1\ndo gate a which r\n"
     "do together fail:a kill:s\n"},
    {"a stop behind a killed branch takes its time",
     "sup r parent=- strategy=one_for_all intensity=1 period=1\nworker a parent=r onstop=slow:1200\nsup s parent=r "
     "shutdown=brutal_kill\nworker b parent=s\nworker c parent=r\ndo fail c\ndo fail c\n"},
};

static void play_found(void)
{
    for (size_t i = 0; i < sizeof found / sizeof found[0]; i++) {
        uint64_t before = bad;

        bad = 0;
        drawn.used = (size_t)snprintf(drawn.text, sizeof drawn.text, "%s", found[i].text);
        if (prepare())
            (void)everywhere("found", i, false, UINT64_MAX);
        ok(bad == 0, "%s", found[i].what);
        bad += before;
    }
}

/* -- main ----------------------------------------------------------------------------------------- */

/* The first so many that check has time for in all mappings. */
static void play_small(uint32_t count, uint32_t workers)
{
    for (uint64_t seed = 1; count > 0 && !bad; seed++) {
        draw_scenario(&drawn, seed * 16 + workers, workers, 3, true);
        count -= prepare() && everywhere("small", seed, true, MAPPINGS_MOST);
    }
    ok(bad == 0, "up to %u workers in every mapping of homes on 1 to 4 ranks: %llu runs", workers,
       (unsigned long long)runs);
}

static void play_all(const char *kind, void (*play)(uint64_t seed), uint64_t count, uint64_t first)
{
    uint64_t before = runs;

    repeated = agreed = 0;
    for (uint64_t seed = first; seed < first + count && bad < 3; seed++)
        play(seed);
    ok(bad == 0, "%s: %llu scenarios (seeds %llu..), %llu runs", kind, (unsigned long long)count,
       (unsigned long long)first, (unsigned long long)(runs - before));
    if (play == rough || play == loose)
        ok(count < 100 || repeated > count / 10, "... %llu reports were made again", (unsigned long long)repeated);
    if (play == loose)
        ok(agreed >= count - count / 20, "... %llu told of the same things, in the same order but for that of branches",
           (unsigned long long)agreed);
}

int main(int argc, char **argv)
{
    static const struct { const char *name; void (*play)(uint64_t seed); } kinds[] = {
        {"small", small}, {"large", large}, {"rough", rough}, {"loose", loose},
        {"branches", branches}};
    int fd = mkstemp(file);

    log_set_level(LOG_ERROR);
    mallopt(M_MMAP_THRESHOLD, 900 << 10);       /* what ranks allocate and never touch is then never written to */
    want.text = malloc(TRACE_BYTES);
    got.text = malloc(TRACE_BYTES);
    if (fd < 0 || !want.text || !got.text)
        return 2;
    close(fd);
    for (size_t i = 0; argc == 4 && i < sizeof kinds / sizeof kinds[0]; i++)
        if (!strcmp(argv[1], kinds[i].name))
            play_all(kinds[i].name, kinds[i].play, strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
    if (argc < 4) {
        play_found();
        play_small(12 / SHARE, 4);
        play_small(SHARE > 1 ? 1 : 2, 6);
        play_all("large", large, 600 / SHARE, 1);
        play_all("rough", rough, 600 / SHARE, 1);
        play_all("loose", loose, 600 / SHARE, 1);
        play_all("branches", branches, 600 / SHARE, 1);
    }
    (void)unlink(file);
    done_testing();
}
