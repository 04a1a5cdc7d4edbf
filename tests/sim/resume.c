/* resume.c - an engine that is saved and loaded between any two of its inputs goes on as if it had never stopped
 *
 *   resume                       as check runs it
 *   resume COUNT FIRST           so many random scenarios from that seed on, instead of its own number
 *
 * The linker gives every caller of the engine these functions instead (Makefile.am: --wrap).  Behind them are two
 * engines: one that never stops, and one that before each input is saved and loaded into one freshly built, which goes
 * on in its place, and whose effects are carried out.  Both must give the same effects and look the same.
 * Whole engines are saved, or each branch by itself.
 */
#include <dirent.h>
#include <unistd.h>

#define tw_program scenario_actors
#include "jobs/scenario/scenario.c"

#include "base/log.h"
#include "core/suptree.h"
#include "emu/scenario.h"
#include "tests/lib/scenarios.h"

#include "tap.h"

#define SAVE_BYTES (1u << 20)
#define TRACE_BYTES (1u << 20)

/*    call           returns                       takes, beside the engine                     */
#define REAL_LIST(X)                                                                              \
    X(void, destroy, (struct suptree *))                                                          \
    X(int, add, (struct suptree *, uint32_t, const struct suptree_spec *))                        \
    X(int, take, (struct suptree *, uint64_t, const struct suptree_input *))                      \
    X(void, hold, (struct suptree *, bool))                                                       \
    X(uint64_t, due, (const struct suptree *))                                                    \
    X(const struct suptree_effect *, next_effect, (struct suptree *))                             \
    X(uint32_t, next_changed, (struct suptree *))                                                 \
    X(int, look, (const struct suptree *, uint32_t, uint64_t, struct suptree_look *))             \
    X(int, peek, (const struct suptree *, uint32_t, struct suptree_look *))                       \
    X(uint64_t, restarts, (const struct suptree *))                                               \
    X(uint64_t, giveups, (const struct suptree *))                                                \
    X(uint64_t, stale, (const struct suptree *))                                                  \
    X(bool, quiet, (const struct suptree *))                                                      \
    X(bool, rests, (const struct suptree *))                                                      \
    X(void, check, (const struct suptree *))
#define X(type, name, args) type __real_suptree_##name args; type __wrap_suptree_##name args;
REAL_LIST(X)
#undef X
struct suptree *__real_suptree_create(const struct suptree_limits *limits);
struct suptree *__wrap_suptree_create(const struct suptree_limits *limits);

/* -- two engines ---------------------------------------------------------------------------------- */

struct added { uint32_t parent; struct suptree_spec spec; struct suptree_extra extra; };

/* What its callers believe to be the engine. */
struct pair {
    struct suptree *steady, *loaded;
    struct suptree_limits limits;
    struct added *added;                /* owned */
    uint32_t added_count;
    struct suptree_effect *effects;     /* owned; still to be taken */
    uint32_t effect_count, effect_at, effect_room;
    uint64_t now_ms;
    bool held;
};

static bool by_branch;                  /* each is saved by itself */
static uint64_t loads, different;
static char said[256];                  /* the first difference */
static char buf[SAVE_BYTES];

static struct pair *pair_of(const struct suptree *t) { return (struct pair *)(uintptr_t)t; }

static void differ(const char *what, uint32_t vertex)
{
    if (different++ == 0)
        snprintf(said, sizeof said, "after %llu loads: %s, vertex %d", (unsigned long long)loads, what, (int)vertex);
}

struct suptree *__wrap_suptree_create(const struct suptree_limits *limits)
{
    struct pair *p = calloc(1, sizeof *p);

    p->limits = *limits;
    p->steady = __real_suptree_create(limits);
    p->loaded = __real_suptree_create(limits);
    p->added = calloc(limits->vertices + 1u, sizeof *p->added);
    p->effect_room = 64u * limits->vertices + 4096;
    p->effects = calloc(p->effect_room, sizeof *p->effects);
    return (struct suptree *)p;
}

void __wrap_suptree_destroy(struct suptree *t)
{
    struct pair *p = pair_of(t);

    if (!p)
        return;
    __real_suptree_destroy(p->steady);
    __real_suptree_destroy(p->loaded);
    free(p->added);
    free(p->effects);
    free(p);
}

static int add_to(struct suptree *t, const struct added *a)
{
    struct suptree_spec spec = a->spec;

    spec.extra = a->spec.extra ? &a->extra : NULL;
    return __real_suptree_add(t, a->parent, &spec);
}

int __wrap_suptree_add(struct suptree *t, uint32_t parent, const struct suptree_spec *spec)
{
    struct pair *p = pair_of(t);
    struct added *a = &p->added[p->added_count];
    int rc;

    *a = (struct added){.parent = parent, .spec = *spec};
    if (spec->extra)
        a->extra = *spec->extra;
    rc = add_to(p->loaded, a);
    (void)add_to(p->steady, a);
    p->added_count += rc == 0;
    return rc;
}

/* -- saved and loaded ----------------------------------------------------------------------------- */

static void move(const struct suptree *from, struct suptree *to, uint32_t top)
{
    size_t bytes;

    if (suptree_save(from, top, buf, sizeof buf, &bytes) < 0)
        differ("it cannot be saved", top);
    else if (suptree_load(to, buf, bytes) != 0)
        differ("it cannot be loaded", top);
}

/* Branch by branch also to another place in the engine: as if its home were another one, with branches of its own. */
static void add_all(const struct pair *p, struct suptree *fresh)
{
    for (uint32_t i = p->added_count; by_branch && i-- > 0;)
        if (p->added[i].parent == SUPTREE_NONE)
            (void)add_to(fresh, &p->added[i]);
    for (uint32_t i = 0; i < p->added_count; i++)
        if (!by_branch || p->added[i].parent != SUPTREE_NONE)
            (void)add_to(fresh, &p->added[i]);
}

static void reload(struct pair *p)
{
    struct suptree *fresh = __real_suptree_create(&p->limits);

    add_all(p, fresh);
    if (p->held)
        __real_suptree_hold(fresh, true);
    if (!by_branch)
        move(p->loaded, fresh, SUPTREE_NONE);
    for (uint32_t i = 0; by_branch && i < p->added_count; i++)
        if (p->added[i].parent == SUPTREE_NONE)
            move(p->loaded, fresh, p->added[i].spec.id);
    loads++;
    __real_suptree_destroy(p->loaded);
    p->loaded = fresh;
}

static bool same_effect(const struct suptree_effect *a, const struct suptree_effect *b)
{
    return a->kind == b->kind && a->cls == b->cls && a->cause == b->cause && a->what == b->what && a->how == b->how &&
           a->fresh == b->fresh && a->move == b->move && a->linked == b->linked && a->alone == b->alone &&
           a->anew == b->anew && a->vertex == b->vertex &&
           a->other == b->other && a->line == b->line && a->starts == b->starts && a->deadline_ms == b->deadline_ms &&
           a->count == b->count && a->life == b->life && a->token == b->token;
}

static void take_effects(struct pair *p)
{
    const struct suptree_effect *e, *want;

    if (p->effect_at == p->effect_count)
        p->effect_at = p->effect_count = 0;
    while ((e = __real_suptree_next_effect(p->loaded))) {
        want = __real_suptree_next_effect(p->steady);
        if (!want || !same_effect(e, want))
            differ("another effect", e->vertex);
        if (p->effect_count < p->effect_room)
            p->effects[p->effect_count++] = *e;
    }
    while ((want = __real_suptree_next_effect(p->steady)))
        differ("an effect is missing", want->vertex);
}

static bool same_look(const struct suptree_look *a, const struct suptree_look *b)
{
    return a->parent == b->parent && a->first_child == b->first_child && a->next_sibling == b->next_sibling &&
           a->state == b->state && a->starts == b->starts && a->line == b->line &&
           a->restarts_in_window == b->restarts_in_window && a->life == b->life && a->cls == b->cls &&
           a->cause == b->cause && a->by_hand == b->by_hand && a->gone == b->gone && a->quarantined == b->quarantined &&
           a->no_room == b->no_room &&
           a->due_ms == b->due_ms && a->retrying == b->retrying && a->specs == b->specs && a->active == b->active;
}

static void compare(struct pair *p)
{
    struct suptree_look a, b;

    for (uint32_t i = 0; i < p->added_count; i++) {
        (void)__real_suptree_look(p->loaded, p->added[i].spec.id, p->now_ms, &a);
        (void)__real_suptree_look(p->steady, p->added[i].spec.id, p->now_ms, &b);
        if (!same_look(&a, &b))
            differ("it looks another way", p->added[i].spec.id);
    }
    if (__real_suptree_due(p->loaded) != __real_suptree_due(p->steady))
        differ("due at another time", SUPTREE_NONE);
    if (__real_suptree_quiet(p->loaded) != __real_suptree_quiet(p->steady) ||
        __real_suptree_rests(p->loaded) != __real_suptree_rests(p->steady))
        differ("one rests, the other does not", SUPTREE_NONE);
    if (!by_branch && (__real_suptree_restarts(p->loaded) != __real_suptree_restarts(p->steady) ||
                       __real_suptree_giveups(p->loaded) != __real_suptree_giveups(p->steady)))
        differ("it counts another way", SUPTREE_NONE);
}

/* -- the engine's calls --------------------------------------------------------------------------- */

int __wrap_suptree_take(struct suptree *t, uint64_t tree_ms, const struct suptree_input *in)
{
    struct pair *p = pair_of(t);
    int rc;

    reload(p);
    p->now_ms = tree_ms;
    rc = __real_suptree_take(p->loaded, tree_ms, in);
    if (__real_suptree_take(p->steady, tree_ms, in) != rc)
        differ("another answer to an input", in->vertex);
    take_effects(p);
    compare(p);
    return rc;
}

void __wrap_suptree_hold(struct suptree *t, bool held)
{
    struct pair *p = pair_of(t);

    reload(p);
    p->held = held;
    __real_suptree_hold(p->loaded, held);
    __real_suptree_hold(p->steady, held);
    take_effects(p);
    compare(p);
}

const struct suptree_effect *__wrap_suptree_next_effect(struct suptree *t)
{
    struct pair *p = pair_of(t);

    return p->effect_at < p->effect_count ? &p->effects[p->effect_at++] : NULL;
}

int __wrap_suptree_look(const struct suptree *t, uint32_t vertex, uint64_t tree_ms, struct suptree_look *ret)
{
    return __real_suptree_look(pair_of(t)->loaded, vertex, tree_ms, ret);
}

int __wrap_suptree_peek(const struct suptree *t, uint32_t vertex, struct suptree_look *ret)
{
    return __real_suptree_peek(pair_of(t)->loaded, vertex, ret);
}

uint32_t __wrap_suptree_next_changed(struct suptree *t) { return __real_suptree_next_changed(pair_of(t)->loaded); }
uint64_t __wrap_suptree_due(const struct suptree *t) { return __real_suptree_due(pair_of(t)->loaded); }
uint64_t __wrap_suptree_restarts(const struct suptree *t) { return __real_suptree_restarts(pair_of(t)->loaded); }
uint64_t __wrap_suptree_giveups(const struct suptree *t) { return __real_suptree_giveups(pair_of(t)->loaded); }
uint64_t __wrap_suptree_stale(const struct suptree *t) { return __real_suptree_stale(pair_of(t)->loaded); }
bool __wrap_suptree_quiet(const struct suptree *t) { return __real_suptree_quiet(pair_of(t)->loaded); }
bool __wrap_suptree_rests(const struct suptree *t) { return __real_suptree_rests(pair_of(t)->loaded); }
void __wrap_suptree_check(const struct suptree *t) { __real_suptree_check(pair_of(t)->loaded); }

/* -- scenarios ------------------------------------------------------------------------------------ */

struct trace { char *text; size_t used; };      /* owned */

static struct trace want, got;
static struct emu_result result;
static uint64_t bad;

static void add_line(void *arg, const char *text, int depth)
{
    struct trace *t = arg;

    if (t->used + strlen(text) + 64 < TRACE_BYTES)
        t->used += (size_t)(text[0] == '=' ? sprintf(t->text + t->used, "= %*s%s\n", 2 * depth, "", text + 2)
                                           : sprintf(t->text + t->used, "%s\n", text));
}

static bool side_by_side;               /* branches in pools: on ranks their lines have no order among one another */

static void judge(const char *file, const char *where, bool ranks)
{
    if (!different && (!strcmp(got.text, want.text) || (ranks && side_by_side && got.text[0])))
        return;
    if (bad++ < 3)
        printf("# %s, %s, %s: %s\n", file, where, by_branch ? "branch by branch" : "whole",
               different ? said : "another trace");
}

static void on_one_engine(const char *file)
{
    struct scenario_out out = {add_line, &got};
    struct reason why;

    got.used = 0;
    different = 0;
    if (scenario_run(file, &out, &why) != 0)
        got.text[0] = '\0';
    judge(file, "one engine", false);
}

static void on_ranks(const char *file, int ranks, const char *homes)
{
    struct scenario_ranks c = {.file = file, .program = &scenario_actors, .ranks = ranks, .seed = 1};
    struct scenario_out out = {add_line, &got};
    struct reason why;

    got.used = 0;
    different = 0;
    (void)scenario_homes_parse(homes, &c.homes);
    result.failure[0] = '\0';
    if (scenario_run_on_ranks(&c, &out, &result, &why) != 0 || result.failure[0])
        got.text[0] = '\0';
    judge(file, homes, true);
}

static void play(const char *file)
{
    for (int i = 0; i < 2; i++) {
        by_branch = i == 1;
        on_one_engine(file);
        on_ranks(file, 2, "branch");
        on_ranks(file, 3, "seed:2");
    }
}

static bool read_trace(const char *file)
{
    FILE *f = fopen(file, "r");

    if (!f)
        return false;
    want.used = fread(want.text, 1, TRACE_BYTES - 1, f);
    want.text[want.used] = '\0';
    fclose(f);
    return true;
}

static uint64_t play_recorded(void)
{
    char name[4096];
    DIR *d = opendir(TW_SRCDIR "/tests/conformance");
    struct dirent *e;
    uint64_t n = 0;

    while (d && (e = readdir(d))) {
        size_t base = strlen(e->d_name);

        if (base < 5 || strcmp(e->d_name + base - 4, ".scn") != 0)
            continue;
        snprintf(name, sizeof name, TW_SRCDIR "/tests/conformance/%.*s.exp", (int)(base - 4), e->d_name);
        if (!read_trace(name))
            continue;
        snprintf(name, sizeof name, TW_SRCDIR "/tests/conformance/%s", e->d_name);
        play(name);
        n++;
    }
    if (d)
        closedir(d);
    return n;
}

/* A first run gives its trace; that it is the one of an engine that never stops, its pairs say. */
static void play_drawn(uint64_t seed, const char *file, bool branches)
{
    static struct drawn d;
    struct scenario_out out = {add_line, &want};
    uint64_t before = bad;
    struct reason why;
    FILE *f = fopen(file, "w");

    if (branches)
        draw_branches(&d, seed, 12, 5);
    else
        draw_scenario(&d, seed, 12, 5, true);
    side_by_side = branches;
    if (!f || fputs(d.text, f) < 0 || fclose(f) != 0)
        return;
    want.used = 0;
    different = 0;
    by_branch = false;
    if (scenario_run(file, &out, &why) == 0)
        play(file);
    else
        bad++;
    if (bad > before)
        printf("# again: tests/sim/resume 1 %llu\n", (unsigned long long)seed);
}

int main(int argc, char **argv)
{
    uint64_t count = argc > 2 ? strtoull(argv[1], NULL, 10) : 100, first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    char file[] = "resume.XXXXXX";
    int fd = mkstemp(file);
    uint64_t recorded, before;

    log_set_level(LOG_ERROR);
    want.text = malloc(TRACE_BYTES);
    got.text = malloc(TRACE_BYTES);
    if (fd < 0 || !want.text || !got.text)
        return 2;
    close(fd);
    recorded = play_recorded();
    ok(recorded > 100 && bad == 0,
       "%llu recorded scenarios, on one engine and on ranks: %llu loads, and nothing is another way",
       (unsigned long long)recorded, (unsigned long long)loads);
    before = bad;
    for (int branches = 0; branches < 2; branches++) {
        for (uint64_t seed = first; seed < first + count && bad - before < 3; seed++)
            play_drawn(seed, file, branches);
        ok(bad == before, "%llu random ones%s (seeds %llu..): %llu loads", (unsigned long long)count,
           branches ? " with branches in pools" : "", (unsigned long long)first, (unsigned long long)loads);
    }
    (void)unlink(file);
    done_testing();
}
