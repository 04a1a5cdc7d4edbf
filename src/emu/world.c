/* world.c - time, chance and the ranks' loops: one run of a simulated job */
#include "emu/world.h"

#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "shared/splitmix.h"
#include "sup/timeouts.h"

#define ALL_LOOKED_AT_EVERY 4096        /* events; and after every strike: watch.c */

/* -- time and chance ------------------------------------------------------------------------------ */

uint32_t chance(struct world *w, uint32_t below) { return (uint32_t)(splitmix_next(&w->timing) >> 32) % (below ? below : 1); }

static bool before(const struct moment *a, const struct moment *b)
{
    if (a->us != b->us)
        return a->us < b->us;
    return a->tie != b->tie ? a->tie < b->tie : a->number < b->number;
}

void later(struct world *w, uint64_t us, void (*f)(struct world *, void *, uint64_t), void *who, uint64_t what)
{
    struct moment m = {.us = us, .number = ++w->moments, .tie = chance(w, UINT32_MAX), .f = f, .who = who, .what = what};
    size_t at = w->heap_count++;

    if (at == w->heap_room) {
        w->heap_room = w->heap_room ? 2 * w->heap_room : 1024;
        w->heap = realloc(w->heap, w->heap_room * sizeof *w->heap);
        if (!w->heap)
            abort();
    }
    for (; at > 0 && before(&m, &w->heap[(at - 1) / 2]); at = (at - 1) / 2)
        w->heap[at] = w->heap[(at - 1) / 2];
    w->heap[at] = m;
}

static struct moment next_moment(struct world *w)
{
    struct moment first = w->heap[0], last = w->heap[--w->heap_count];
    size_t at = 0, kid;

    for (; (kid = 2 * at + 1) < w->heap_count; at = kid) {
        kid += kid + 1 < w->heap_count && before(&w->heap[kid + 1], &w->heap[kid]);
        if (!before(&w->heap[kid], &last))
            break;
        w->heap[at] = w->heap[kid];
    }
    w->heap[at] = last;
    return first;
}

void world_fail(struct world *w, const char *fmt, ...)
{
    size_t n;
    va_list ap;

    if (w->result->failure[0])
        return;                         /* the first is the one to look at */
    n = (size_t)snprintf(w->result->failure, sizeof w->result->failure, "at %.6f s, event %llu: ",
                         (double)w->now_us / 1e6, (unsigned long long)w->result->events);
    va_start(ap, fmt);
    vsnprintf(w->result->failure + n, sizeof w->result->failure - n, fmt, ap);
    va_end(ap);
}

/* -- turns ---------------------------------------------------------------------------------------- */

static struct world *the_world;         /* that emu_run is busy with */

bool turn(struct emu_rank *r, struct emu_worker *worker, void (*f)(void *arg), void *arg, struct fiber **ret)
{
    struct world *w = r->world;

    w->turn_rank = r;
    w->turn_worker = worker;
    if (ret)
        fiber_run(ret, f, arg);
    else
        f(arg);
    w->turn_rank = NULL;
    return !ret || !*ret;
}

enum emu_who emu_turn_of(int *ret_rank)
{
    if (!the_world || !the_world->turn_rank)
        return EMU_NOBODY;
    *ret_rank = the_world->turn_rank->number;
    return the_world->turn_worker ? EMU_WORKER : EMU_RANK;
}

void emu_die(void)
{
    if (the_world->turn_worker)
        worker_kill(the_world->turn_worker, SIGKILL);
    else
        rank_kill(the_world->turn_rank);
    (void)fiber_leave();
    abort();                            /* whoever enters the dead */
}

void rank_kill(struct emu_rank *r)
{
    if (r->dead || r->ended)
        return;
    r->dead = true;
    r->world->lost_rank = r->number;
    workers_end(r);
    link_down(r);
}

/* -- a rank's loop, as cmd/run.c has it ----------------------------------------------------------- */

static void rank_moment(struct world *w, void *who, uint64_t stamp);

static void rank_due(struct emu_rank *r, uint64_t us)
{
    if (us < r->stalled_us)
        us = r->stalled_us;
    r->due_us = us;
    later(r->world, us, rank_moment, r, us);
}

void rank_wake(struct emu_rank *r, uint64_t us)
{
    if (!r->dead && !r->ended && (!r->due_us || us < r->due_us) && r->due_us > r->stalled_us)
        rank_due(r, us > r->world->now_us ? us : r->world->now_us + 1);
}

static void rank_turns(void *arg)
{
    struct emu_rank *r = arg;
    uint64_t clock_us = r->world->now_us + r->skew_us;

    if (!r->started) {
        r->started = true;
        rank_start(r->rank, clock_us);
    }
    r->busy = rank_turn(r->rank, clock_us);
}

static void rank_moment(struct world *w, void *who, uint64_t stamp)
{
    struct emu_rank *r = who;

    if (r->due_us != stamp || r->dead || r->ended)
        return;
    if (w->now_us < r->stalled_us) {
        rank_due(r, r->stalled_us);
        return;
    }
    if (!turn(r, NULL, rank_turns, r, w->config->fibers ? &r->fiber : NULL))
        return;                         /* it died */
    if (r->busy)
        rank_check(r->rank);
    if (rank_ended(r->rank, &r->exit_code)) {
        r->ended = true;
        workers_end(r);
        return;
    }
    r->sleep_us = r->busy ? 20 : r->sleep_us * 2 < LINK_REST_MIN_US ? LINK_REST_MIN_US : r->sleep_us * 2;
    if (r->sleep_us > LINK_REST_MAX_US)
        r->sleep_us = LINK_REST_MAX_US;
    rank_due(r, w->now_us + r->sleep_us + chance(w, 60));
}

/* -- what leaves a rank --------------------------------------------------------------------------- */

static void on_answer(void *self, uint64_t token, const struct rank_answer *a)
{
    strike_answered(((struct emu_rank *)self)->world, token, a->exit_code);
}

static void on_verdict(void *self, const struct verdict *v)
{
    struct emu_rank *r = self;

    if (r->world->result->has_verdict)
        return;                         /* the first stands, as with files */
    r->world->result->has_verdict = true;
    r->world->result->verdict = *v;
}

static const char *path_of(const void *self, uint32_t vertex)
{
    const struct spec *s = self;

    return vertex < s->vertex_count ? s->vertices[vertex].path : "";
}

static void note_in_digest(struct world *w, const void *data, size_t n)
{
    for (size_t i = 0; i < n; i++)
        w->result->digest = (w->result->digest ^ ((const unsigned char *)data)[i]) * 0x100000001b3u;
}

static int on_letter(void *self, uint32_t number, const void *body, uint32_t bytes)
{
    struct emu_rank *r = self;
    const struct emu_config *c = r->world->config;

    note_in_digest(r->world, body, bytes);
    if (c->letter)
        c->letter(c->self, r->number, number, body, bytes);
    return 0;
}

static void on_record(void *self, const struct journal_record *rec)
{
    struct emu_rank *r = self;
    char line[2560];

    note_in_digest(r->world, line, journal_format(rec, r->number, path_of, r->world->config->spec, line, sizeof line));
    if (r->world->config->journal)
        fputs(line, r->world->config->journal);
    watch_record(r, rec);
}

/* -- building and clearing away ------------------------------------------------------------------- */

static int make_rank(struct world *w, int number, struct reason *why)
{
    const struct emu_config *c = w->config;
    struct emu_rank *r = &w->ranks[number];
    struct rank_config rc = {.spec = c->spec, .program = c->program, .rank_of = w->places.rank_of,
                             .device_of = w->places.device_of, .home_of = w->places.home_of, .drills_allowed = true,
                             .seed = c->seed, .devices = w->places.devices[number],
                             .devices_of = w->places.devices, .generation = 1,
                             .job = "simulated", .state_dir = "", .link = emu_link(r), .port = emu_device(r),
                             .out = {r, on_answer, on_verdict, on_letter}, .host_of = w->hosts, .scenario = c->scenario};

    r->world = w;
    r->number = number;
    r->skew_us = 1000000u + chance(w, 1000000000u);
    r->last_us = calloc((size_t)c->ranks, sizeof *r->last_us);
    r->under_way = calloc((size_t)c->ranks, sizeof *r->under_way);
    if (!r->last_us || !r->under_way || journal_open_memory(on_record, r, &r->journal) != 0)
        return reason_set(why, TW_ENOMEM, "not enough memory for %d ranks", c->ranks);
    rc.journal = r->journal;
    r->rank = rank_create(&rc, r->skew_us, why);
    if (!r->rank)
        return TW_ENOMEM;
    rank_due(r, 1 + chance(w, 50000));
    return 0;
}

static int make_world(struct world *w, struct reason *why)
{
    const struct emu_config *c = w->config;
    int rc = placement_make(c->spec, c->ranks, &w->places, why);

    if (rc != 0)
        return rc;
    w->timing = c->seed * 0x2545f4914f6cdd1dull + 7;
    w->ranks = calloc((size_t)c->ranks, sizeof *w->ranks);
    w->hosts = calloc((size_t)c->ranks, sizeof *w->hosts);
    w->watch = calloc(c->spec->vertex_count, sizeof *w->watch);
    w->found = calloc(c->spec->vertex_count, sizeof *w->found);
    w->wedged = calloc(c->spec->vertex_count, sizeof *w->wedged);
    if (!w->ranks || !w->hosts || !w->watch || !w->found || !w->wedged)
        return reason_set(why, TW_ENOMEM, "not enough memory for %d ranks", c->ranks);
    for (int i = 0; i < c->ranks; i++)
        w->hosts[i] = "simulated";
    for (int i = 0; i < c->ranks && rc == 0; i++)
        rc = make_rank(w, i, why);
    return rc;
}

static void clear_world(struct world *w)
{
    for (int i = 0; w->ranks && i < w->config->ranks; i++) {
        struct emu_rank *r = &w->ranks[i];

        rank_destroy(r->rank);
        journal_close(r->journal, 0);
        links_drop(r);
        workers_free(r);
        fiber_free(r->fiber);
        free(r->last_us);
        free(r->under_way);
    }
    free(w->ranks);
    free(w->hosts);
    free(w->watch);
    for (uint32_t v = 0; w->found && v < w->config->spec->vertex_count; v++)
        free(w->found[v].streams);
    free(w->found);
    free(w->wedged);
    free(w->heap);
    placement_free(&w->places);
}

/* -- the run -------------------------------------------------------------------------------------- */

static bool all_ended(const struct world *w)
{
    for (int i = 0; i < w->config->ranks; i++)
        if (!w->ranks[i].ended && !w->ranks[i].dead)
            return false;
    return true;
}

static void run(struct world *w)
{
    struct emu_result *result = w->result;

    strikes_begin(w);
    while (!result->failure[0] && !all_ended(w)) {
        struct moment m;

        if (w->heap_count == 0 || w->heap[0].us > w->config->limit_us) {
            world_fail(w, "the job has not ended after %.1f s", (double)w->config->limit_us / 1e6);
            break;
        }
        m = next_moment(w);
        w->now_us = m.us;
        result->events++;
        m.f(w, m.who, m.what);
        if (result->events >= w->check_at) {
            watch_all(w);
            w->check_at = result->events + ALL_LOOKED_AT_EVERY;
        }
    }
    result->virtual_us = w->now_us;
}

/* A line may begin without what the one before it knew: messages are lost with that. */
static bool may_begin_afresh(const struct spec *s)
{
    for (uint32_t v = 0; v < s->vertex_count; v++)
        if (s->vertices[v].state_init || s->vertices[v].resume_deaths)
            return true;
    return false;
}

/* accepted = delivered + in flight + dead + lost, and nothing lost where no line may begin afresh. */
static void judge_streams(struct world *w)
{
    const struct verdict_streams *s = &w->result->verdict.streams;

    if (s->accepted != s->delivered + s->in_flight + s->dead + s->lost || s->delivered > s->accepted ||
        s->in_flight > s->accepted || s->dead > s->accepted || s->unmatched ||
        (s->lost && !may_begin_afresh(w->config->spec)))
        world_fail(w, "the streams do not add up: accepted %llu = delivered %llu + in flight %llu + dead %llu + lost %llu, "
                   "%u unmatched", (unsigned long long)s->accepted, (unsigned long long)s->delivered,
                   (unsigned long long)s->in_flight, (unsigned long long)s->dead, (unsigned long long)s->lost,
                   s->unmatched);
}

/* A restart is paid for by a fault of an actor's own; what is lost with a worker costs nothing, unless the specification
 * says that it does. */
static void judge_restarts(struct world *w)
{
    const struct emu_plan *p = w->config->plan;
    uint32_t paid = w->own_deaths + w->charged;

    for (uint32_t i = 0; i < p->count; i++)
        paid += p->faults[i].fired && emu_fault_is_charged(p->faults[i].kind);
    if (w->result->verdict.restarts > paid)
        world_fail(w, "%u restarts were charged, but only %u deaths cost one", w->result->verdict.restarts, paid);
}

/* How it has to end: well; or, when a rank was killed before the end was decided, naming it; or as its signal says. */
static void judge(struct world *w)
{
    const struct verdict *v = &w->result->verdict;
    char name[32];

    if (w->result->failure[0])
        return;
    snprintf(name, sizeof name, "rank %d ", w->lost_rank);
    if (!w->result->has_verdict)
        world_fail(w, "the job ended without a verdict");
    else if (w->lost_rank >= 0) {
        if (v->exit_code != 0 && (v->exit_code != 1 || !strstr(v->reason, name)))
            world_fail(w, "rank %d was lost, but the verdict is %d: %s", w->lost_rank, v->exit_code, v->reason);
    } else if (w->signalled && v->exit_code != 0) {
        if (v->exit_code != 128 + SIGTERM)
            world_fail(w, "stopped by SIGTERM, but the verdict is %d: %s", v->exit_code, v->reason);
    } else if (v->exit_code != 0)
        world_fail(w, "exit %d: %s", v->exit_code, v->reason);
    else if (!w->config->scenario) {    /* whose restarts are what it is about, and its messages have no sender */
        judge_streams(w);
        judge_restarts(w);
    }
}

int emu_run(const struct emu_config *config, struct emu_result *ret, struct reason *why)
{
    struct world w = {.config = config, .result = ret, .check_at = 1, .lost_rank = -1};
    int rc;

    memset(ret, 0, sizeof *ret);
    ret->digest = 0xcbf29ce484222325u;
    the_world = &w;
    rc = make_world(&w, why);
    if (rc == 0) {
        run(&w);
        judge(&w);
    }
    clear_world(&w);
    the_world = NULL;
    return rc;
}
