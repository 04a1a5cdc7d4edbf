/* Rank side and worker side over the same code in one process: two ranks, four workers, their slots, all threads.
 *
 * Built with --enable-tsan, any access of two of them that nothing orders fails this test.  Injuries come while
 * messages run; the outputs must be those of a serial program, the streams must add up.
 */
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "shared/cause.h"
#include "spec/drills.h"
#include "tests/lib/tap.h"
#include "tests/threads/house.h"
#include "tests/threads/ring.h"

extern const struct tw_program relay_program, ring_program;

static char out_dir[64] = "/tmp/tw-ranks-XXXXXX";

/* -- serial references -------------------------------------------------------------------------------- */

enum { RUNNERS = 16, TOKENS = 2, HOPS = 250,     /* jobs/relay/relay.yaml: 16 runners */
       STEPS = 600 };                           /* ring.yaml */

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
    return x ^ (x >> 31);
}

/* One token on its way: who holds it mixes its number in, the value says who is next; at last the board. */
static uint64_t token_after_its_way(uint64_t id)
{
    uint64_t holder = id / TOKENS, value = mix(id + 1);

    for (int hop = 0; hop < HOPS; hop++) {
        uint64_t to = value % RUNNERS;

        holder = to == holder ? (to + 1) % RUNNERS : to;
        value = mix(value ^ (holder + 1));
    }
    return value;
}

static void relay_reference(uint64_t *ret)
{
    for (uint64_t id = 0; id < RUNNERS * TOKENS; id++)
        ret[id] = token_after_its_way(id);
}

static void ring_reference(uint64_t *ret, uint64_t steps)
{
    uint64_t now[RING_CELLS];

    for (uint64_t i = 0; i < RING_CELLS; i++)
        ret[i] = i + 1;
    for (uint64_t step = 0; step < steps; step++) {
        memcpy(now, ret, sizeof now);
        for (uint64_t i = 0; i < RING_CELLS; i++)
            ret[i] = ring_next(now[i], now[(i + RING_CELLS - 1) % RING_CELLS], now[(i + 1) % RING_CELLS]);
    }
}

/* Lines "number value", all of them and no other. */
static bool file_holds(const char *name, const uint64_t *want, uint64_t count)
{
    char path[512];
    unsigned long long number, value;
    uint64_t n = 0;
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", out_dir, name);
    f = fopen(path, "r");
    while (f && fscanf(f, "%llu %llx", &number, &value) == 2 && n < count && number == n && value == want[n])
        n++;
    if (f && !feof(f))
        n = 0;
    if (f)
        fclose(f);
    unlink(path);
    return n == count;
}

/* -- a job ---------------------------------------------------------------------------------------------- */

static void on_error(void *self, const char *text)
{
    (void)self;
    printf("# %s\n", text);
}

static uint32_t faults_of(const struct verdict *v, const char *how)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < v->fault_count; i++)
        n += !strcmp(v->faults[i].how, how) && v->faults[i].resumed_us;
    return n;
}

static void judge_faults(const struct house *h)
{
    for (uint32_t i = 0; i < h->planned; i++)
        if (h->plan[i].verb == VERB_FAIL)
            ok(faults_of(&h->verdict, drill_how_name(h->plan[i].how)) > 0, "%s of %s was healed",
               drill_how_name(h->plan[i].how), h->plan[i].path);
}

/* For a person: where it stands that did not come to its end. */
static void show(struct house *h)
{
    const struct view *v = rank_view(h->sides[1].rank);

    for (uint32_t i = 0; i < h->spec->vertex_count; i++)
        printf("# %s: state %u, life %" PRIx64 ", progress %" PRIu64 "\n", h->spec->vertices[i].path,
               v->vertices[i].state, v->vertices[i].life, v->vertices[i].progress);
    printf("# injury %u: asked %d, answered %d\n", h->sides[1].next, h->sides[1].asked, h->sides[1].answered);
}

static void judge(struct house *h, const char *name)
{
    const struct verdict_streams *s = &h->verdict.streams;

    if (!ok(!h->sides[0].late && !h->sides[1].late && h->has_verdict, "%s: both ranks came to the end", name))
        show(h);
    is_int(h->verdict.exit_code, 0, "%s: the job ended well", name);
    if (h->verdict.exit_code != 0 || h->failure[0])
        printf("# %s; %s\n", h->verdict.reason, h->failure);
    is_int(h->sides[1].next, h->planned, "%s: every injury was inflicted", name);
    is_str(h->failure, "", "... and every command done");
    judge_faults(h);
    ok(s->accepted > 0 && s->accepted == s->delivered + s->in_flight + s->dead + s->lost && s->lost == 0 &&
       s->unmatched == 0, "%s: the streams add up, nothing is lost", name);
    printf("# accepted %" PRIu64 ", delivered %" PRIu64 ", in flight %" PRIu64 ", dead %" PRIu64 "; faults %u, restarts %u, "
           "workers lost %u, slots fenced %u; %.1f s\n", s->accepted, s->delivered, s->in_flight, s->dead,
           h->verdict.fault_count, h->verdict.restarts, h->verdict.workers_lost, h->verdict.slots_fenced,
           (double)h->verdict.elapsed_us / 1e6);
    ok(h->verdict.slots_fenced > 0 && h->verdict.workers_lost > 1, "%s: a slot was fenced, workers were replaced", name);
    ok(h->sides[0].records > 0 && h->sides[1].records > 0, "%s: both journals were written", name);
}

static void run_job(const char *file, const char *const *sets, int count, const struct tw_program *program,
                    const struct injury *plan, uint32_t planned)
{
    struct house h = {.program = program, .out_dir = out_dir, .plan = plan, .planned = planned};
    struct spec *spec;

    if (spec_load(file, sets, count, on_error, NULL, &spec) != 0) {
        printf("Bail out! %s\n", file);
        exit(99);
    }
    h.spec = spec;
    ok(house_run(&h) == 0, "%s: the job runs", spec->name);
    judge(&h, spec->name);
    house_free(&h);
    spec_free(spec);
}

#define COUNT(a) ((uint32_t)(sizeof(a) / sizeof(a)[0]))

/* Many small messages to peers only the messages know; nothing leaves before its commit. */
static void a_relay(void)
{
    static const char *const sets[] = {"relay/runner.args.tokens=2", "relay/runner.args.hops=250",
                                       "relay/board.args.tokens=2", "relay/runner.deadline=100ms"};
    static const struct injury plan[] = {
        {100, "relay/runner[3]", VERB_FAIL, DRILL_FAIL},
        {200, "relay/runner[12]", VERB_FAIL, DRILL_WEDGE},
        {400, "relay/runner[5]", VERB_FAIL, DRILL_KILL_WORKER},
        {600, "relay/runner[7]", VERB_KILL, 0},
        {0, "relay/runner[7]", VERB_RESTART, 0},
        {800, "relay/runner[14]", VERB_FAIL, DRILL_SEGV},
        {1000, "relay/runner[*]", VERB_TERMINATE, 0},
        {0, "relay/runner[*]", VERB_RESTART, 0},
        {1200, "relay/runner[1]", VERB_FAIL, DRILL_OVERRUN},
    };
    uint64_t want[RUNNERS * TOKENS];

    run_job(TW_SRCDIR "/jobs/relay/relay.yaml", sets, (int)COUNT(sets), &relay_program, plan, COUNT(plan));
    relay_reference(want);
    ok(file_holds("tokens.txt", want, RUNNERS * TOKENS), "relay: each token made its way, hop by hop, exactly once");
}

/* A stencil: messages leave at once, branches live on their rank. */
static void a_stencil(void)
{
    static const struct injury plan[] = {
        {100, "ring/half[0]/cell[2]", VERB_FAIL, DRILL_FAIL},
        {300, "ring/half[1]/cell[3]", VERB_FAIL, DRILL_WEDGE},
        {500, "ring/half[1]/cell[1]", VERB_FAIL, DRILL_OVERRUN},
        {700, "ring/half[1]", VERB_KILL, 0},
        {0, "ring/half[1]", VERB_RESTART, 0},
        {900, "ring/half[0]/cell[4]", VERB_FAIL, DRILL_SEGV},
        {1200, "ring/half[0]", VERB_TERMINATE, 0},
        {0, "ring/half[0]", VERB_RESTART, 0},
        {1500, "ring/half[1]/cell[0]", VERB_FAIL, DRILL_KILL_WORKER},
        {0, "ring/half[0]/cell[1]", VERB_RESTART, 0},
    };
    uint64_t want[RING_CELLS];

    run_job(TW_SRCDIR "/tests/threads/ring.yaml", NULL, 0, &ring_program, plan, COUNT(plan));
    ring_reference(want, STEPS);
    ok(file_holds("ring.txt", want, RING_CELLS), "ring: the cells end with the serial program's values");
}

int main(void)
{
    if (!mkdtemp(out_dir)) {
        printf("Bail out! no folder for outputs\n");
        return 99;
    }
    a_relay();
    a_stencil();
    is_int(rmdir(out_dir), 0, "nothing else was written");
    done_testing();
}
