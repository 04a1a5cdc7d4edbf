/* suptree.c - what the supervision engine promises beyond OTP's traces (those: tests/t/0201-conformance.t) */
#include "tests/lib/tap.h"

#include <stdbool.h>

#include "core/suptree.h"

/* root(0) one_for_one -> s(1) one_for_all -> a(2) b(3) c(4, temporary);  d(5) permanent under root */
enum { ROOT, S, A, B, C, D, ALL };

struct play {
    struct suptree *t;
    uint64_t now_ms;
    uint32_t starts[64], stops[64], results, answer, answered, lives;   /* answered: whom the last result is about */
    uint64_t life[64];
    uint32_t line[64];
    bool fresh[64], anew[64], manual;   /* manual: starts and stops are not answered */
    uint32_t order[256], orders;    /* vertices in the order of their START or STOP */
    uint32_t told[64];              /* records about S, by enum suptree_record */
};

static struct suptree *tree(uint32_t intensity)
{
    struct suptree_limits limits = {.vertices = 16, .ids = 16, .generation = 1};
    struct suptree *t = suptree_create(&limits);
    struct suptree_spec v = {.supervisor = true, .intensity = intensity, .period_ms = 1000,
                             .shutdown = SHUTDOWN_INFINITY};

    v.id = ROOT;
    suptree_add(t, SUPTREE_NONE, &v);
    v.id = S;
    v.strategy = ONE_FOR_ALL;
    suptree_add(t, ROOT, &v);
    for (uint32_t id = A; id <= D; id++) {
        struct suptree_spec leaf = {.id = id, .shutdown = SHUTDOWN_MS, .shutdown_ms = 500,
                                    .restart = id == C ? RESTART_TEMPORARY : RESTART_PERMANENT};

        suptree_add(t, id == D ? ROOT : S, &leaf);
    }
    return t;
}

static void give(struct play *p, struct suptree_input in);

static void carry_out(struct play *p, const struct suptree_effect *e)
{
    struct suptree_input in = {.vertex = e->vertex, .life = e->life, .cls = CLASS_SHUTDOWN};

    if (e->kind == SUPTREE_DO_RESULT) {
        p->results++;
        p->answer = e->what;
        p->answered = e->vertex;
        p->lives = e->count;
    }
    if (e->kind == SUPTREE_DO_RECORD && e->vertex == S)
        p->told[e->what]++;
    if (e->kind != SUPTREE_DO_START && e->kind != SUPTREE_DO_STOP)
        return;
    p->order[p->orders++ % 256] = e->vertex;
    p->life[e->vertex] = e->life;
    if (e->kind == SUPTREE_DO_START) {
        p->starts[e->vertex]++;
        p->fresh[e->vertex] = e->fresh;
        p->anew[e->vertex] = e->anew;
        p->line[e->vertex] = e->line;
    } else {
        p->stops[e->vertex]++;
    }
    if (p->manual)
        return;
    in.kind = e->kind == SUPTREE_DO_START ? SUPTREE_STARTED : SUPTREE_EXITED;
    give(p, in);
}

static void drain(struct play *p)
{
    const struct suptree_effect *next;

    while ((next = suptree_next_effect(p->t))) {
        struct suptree_effect e = *next;

        carry_out(p, &e);
    }
}

static void give(struct play *p, struct suptree_input in)
{
    (void)suptree_take(p->t, p->now_ms, &in);
    suptree_check(p->t);
    drain(p);
}

static void boot(struct play *p, uint32_t intensity)
{
    memset(p, 0, sizeof *p);
    p->t = tree(intensity);
    give(p, (struct suptree_input){.kind = SUPTREE_BRANCH_START, .vertex = ROOT, .life = 1, .line = 1});
}

static enum tree_state state(const struct play *p, uint32_t v)
{
    struct suptree_look l;

    suptree_look(p->t, v, p->now_ms, &l);
    return l.state;
}

static void fail(struct play *p, uint32_t v)
{
    give(p, (struct suptree_input){.kind = SUPTREE_EXITED, .vertex = v, .life = p->life[v],
                                   .cls = CLASS_ABNORMAL, .cause = CAUSE_CODE});
}

static void an_older_life_changes_nothing(void)
{
    struct play p;
    char before[8192], after[8192];
    size_t n, m;
    uint64_t old;

    boot(&p, 5);
    old = p.life[D];
    fail(&p, D);
    suptree_save(p.t, SUPTREE_NONE, before, sizeof before, &n);
    for (int kind = SUPTREE_STARTED; kind <= SUPTREE_EXITED; kind++) {
        struct suptree_input in = {.kind = (uint16_t)kind, .vertex = D, .life = old, .cls = CLASS_ABNORMAL};

        is_int(suptree_take(p.t, 0, &in), TW_ESTALE, "input %d of an older life is refused", kind);
    }
    suptree_save(p.t, SUPTREE_NONE, after, sizeof after, &m);
    ok(n == m && !memcmp(before, after, n), "... and leaves the engine byte for byte as it was");
    ok(p.life[D] > old, "lives only rise");
    is_int((long long)suptree_stale(p.t), 4, "what was refused is counted");
    suptree_destroy(p.t);
}

static void a_terminate_takes_the_end_along(void)
{
    struct play p;
    uint32_t starts;

    boot(&p, 5);
    starts = p.starts[D];
    suptree_hold(p.t, true);
    give(&p, (struct suptree_input){.kind = SUPTREE_TERMINATE, .vertex = D, .token = 1});
    fail(&p, D);
    suptree_hold(p.t, false);
    drain(&p);
    ok(p.answer == ANSWER_OK && p.starts[D] == starts && state(&p, D) == TREE_STOPPED,
       "an end that is found after a terminate that came first leads to nothing");
    suptree_destroy(p.t);
}

static void a_kill_is_one_order_in_parallel(void)
{
    struct play p;

    boot(&p, 5);
    p.manual = true;
    p.orders = 0;
    give(&p, (struct suptree_input){.kind = SUPTREE_KILL, .vertex = S, .token = 7});
    is_int(p.orders, 3, "all lives of the branch are stopped before any has answered");
    ok(p.order[0] > p.order[1] && p.order[1] > p.order[2], "the latest started first");
    is_int(p.results, 0, "the answer waits for the acknowledgements");
    for (uint32_t v = A; v <= C; v++)
        give(&p, (struct suptree_input){.kind = SUPTREE_EXITED, .vertex = v, .life = p.life[v],
                                        .cls = CLASS_KILLED});
    ok(p.results == 1 && p.answer == ANSWER_OK, "it comes with the last of them");
    ok(state(&p, S) == TREE_STOPPED && state(&p, D) == TREE_RUNNING, "the branch is down, nothing else was touched");
    give(&p, (struct suptree_input){.kind = SUPTREE_EXITED, .vertex = A, .life = p.life[A], .cls = CLASS_KILLED});
    is_int(p.results, 1, "a repeated acknowledgement changes nothing");
    p.manual = false;
    give(&p, (struct suptree_input){.kind = SUPTREE_RESTART, .vertex = S, .token = 8});
    ok(state(&p, A) == TREE_RUNNING && !p.fresh[A] && p.line[A] == 1, "restart resumes from the commits, on the old line");
    give(&p, (struct suptree_input){.kind = SUPTREE_TERMINATE, .vertex = S, .token = 9});
    give(&p, (struct suptree_input){.kind = SUPTREE_RESTART, .vertex = S, .fresh = true, .token = 10});
    ok(p.fresh[A] && p.line[A] == 2, "a fresh restart begins a new line");
    suptree_destroy(p.t);
}

/* Extension 16: the end says it, the next start does it, however it comes about. */
static void an_end_that_wants_a_new_line(void)
{
    struct play p;
    struct suptree_input end = {.kind = SUPTREE_EXITED, .vertex = B, .cls = CLASS_ABNORMAL, .fresh = true};

    boot(&p, 5);
    end.life = p.life[B];
    give(&p, end);
    ok(p.fresh[B] && p.line[B] == 2, "an end that wants its next start from init gets a new line");
    ok(!p.fresh[A] && p.line[A] == 1, "its group goes on from commits");
    end.fresh = false;
    end.life = p.life[B];
    give(&p, end);
    ok(!p.fresh[B] && p.line[B] == 2, "the start after that goes on from its commit again");
    give(&p, (struct suptree_input){.kind = SUPTREE_TERMINATE, .vertex = D, .token = 3});
    give(&p, (struct suptree_input){.kind = SUPTREE_RESTART, .vertex = D, .token = 4});
    p.manual = true;
    give(&p, (struct suptree_input){.kind = SUPTREE_EXITED, .vertex = D, .life = p.life[D], .cls = CLASS_ABNORMAL});
    give(&p, (struct suptree_input){.kind = SUPTREE_START_FAILED, .vertex = D, .life = p.life[D], .fresh = true});
    ok(p.fresh[D] && p.line[D] == 2, "so does a start that failed");
    suptree_destroy(p.t);
}

static struct suptree_input lost(const struct play *p, uint32_t from, uint32_t to)
{
    struct suptree_input in = {.kind = SUPTREE_LOST, .cause = CAUSE_WORKER};

    for (uint32_t v = from; v <= to; v++) {
        in.batch[in.count].vertex = v;
        in.batch[in.count++].life = p->life[v];
    }
    return in;
}

static void a_worker_lost_is_one_batch_free_of_charge(void)
{
    struct play p;

    boot(&p, 1);
    for (int i = 0; i < 5; i++) {
        p.manual = true;
        p.orders = 0;
        give(&p, lost(&p, A, B));
        is_int(p.orders, 2, "loss %d: both start again at once, nobody else is stopped", i + 1);
        p.manual = false;
        for (uint32_t v = A; v <= B; v++)
            give(&p, (struct suptree_input){.kind = SUPTREE_STARTED, .vertex = v, .life = p.life[v]});
    }
    ok(state(&p, A) == TREE_RUNNING && state(&p, S) == TREE_RUNNING && suptree_restarts(p.t) == 0,
       "five losses under intensity 1 cost no restart");
    give(&p, lost(&p, C, C));
    ok(state(&p, C) == TREE_STOPPED && p.starts[C] == 1, "a temporary child that was lost is gone");
    fail(&p, A);
    ok(suptree_restarts(p.t) == 1 && state(&p, A) == TREE_RUNNING, "an actor's own failure is charged as ever");
    suptree_destroy(p.t);
}

static void a_loss_answers_what_was_outstanding(void)
{
    struct play p;

    boot(&p, 5);
    p.manual = true;
    give(&p, (struct suptree_input){.kind = SUPTREE_TERMINATE, .vertex = D, .token = 1});
    give(&p, lost(&p, D, D));
    ok(p.results == 1 && p.answer == ANSWER_OK, "a stop outstanding on a lost worker is acknowledged by the loss");
    is_int(p.starts[D], 1, "... and what was stopped by hand is not started again");
    suptree_destroy(p.t);
}

static void the_window_counts_what_lies_in_it(void)
{
    struct play p;

    boot(&p, 2);
    fail(&p, D);
    p.now_ms = 1000;
    fail(&p, D);
    p.now_ms = 1001;                /* the first has left the window: now - t > period */
    fail(&p, D);
    ok(state(&p, D) == TREE_RUNNING, "a request counts while now - t <= period, not longer");
    fail(&p, D);
    ok(state(&p, ROOT) == TREE_STOPPED && suptree_giveups(p.t) == 1, "one more than intensity gives up, once");
    suptree_destroy(p.t);
}

static void the_last_moment_of_the_window_counts(void)
{
    struct play p;

    boot(&p, 2);
    fail(&p, D);
    p.now_ms = 1000;
    fail(&p, D);
    fail(&p, D);
    ok(state(&p, ROOT) == TREE_STOPPED, "a request exactly a period old still counts");
    suptree_destroy(p.t);
}

/* ROOT starts D again, and a command waits for it. */
static void busy(struct play *p)
{
    boot(p, 5);
    p->manual = true;
    fail(p, D);
    give(p, (struct suptree_input){.kind = SUPTREE_TERMINATE, .vertex = D, .token = 4});
}

static void give_start(struct play *p, uint16_t kind, uint32_t v)
{
    give(p, (struct suptree_input){.kind = kind, .vertex = v, .life = p->life[v]});
}

static void a_retry_goes_behind_what_waits(void)
{
    struct play p;

    busy(&p);
    give_start(&p, SUPTREE_START_FAILED, D);
    ok(p.results == 1 && p.answer == ANSWER_OK && state(&p, D) == TREE_STOPPED,
       "a command that came during a start that fails is taken before the retry");
    is_int(p.starts[D], 2, "... which is void then");
    suptree_destroy(p.t);
}

static void what_waits_is_saved(void)
{
    struct play p, copy;
    static char x[65536];
    size_t n;

    busy(&p);
    suptree_save(p.t, SUPTREE_NONE, x, sizeof x, &n);
    copy = p;
    copy.t = tree(5);
    is_int(suptree_load(copy.t, x, n), 0, "an engine is saved and loaded while a command waits in it");
    give_start(&copy, SUPTREE_STARTED, D);
    is_int(copy.stops[D], 1, "the loaded one goes on with that command");
    suptree_destroy(copy.t);
    suptree_destroy(p.t);
}

enum { BRANCH = 8, E, F, BESIDE, BESIDE_TOO = 13 };

/* A branch with so many leaves, and behind it BRANCH, rest_for_one over E and F. */
static struct suptree *two_branches(uint32_t beside, uint32_t leaves)
{
    struct suptree_limits limits = {.vertices = 8, .ids = 16, .generation = 1};
    struct suptree *t = suptree_create(&limits);
    struct suptree_spec sup = {.supervisor = true, .intensity = 3, .period_ms = 1000, .strategy = REST_FOR_ONE,
                               .shutdown = SHUTDOWN_INFINITY};

    for (int i = 0; i < 2; i++) {
        sup.id = i ? BRANCH : beside;
        suptree_add(t, SUPTREE_NONE, &sup);
        for (uint32_t id = sup.id + 1; id <= sup.id + (i ? 2 : leaves); id++)
            suptree_add(t, sup.id, &(struct suptree_spec){.id = id, .shutdown = SHUTDOWN_INFINITY});
    }
    return t;
}

/* In the middle of a group's restart, with a call in the queue. */
static void a_branch_goes_on_beside_others(void)
{
    struct play p, copy;
    char x[8192];
    size_t n;

    memset(&p, 0, sizeof p);
    p.t = two_branches(BESIDE, 1);
    for (int i = 0; i < 2; i++)
        give(&p, (struct suptree_input){.kind = SUPTREE_BRANCH_START, .vertex = i ? BESIDE : BRANCH, .life = 1, .line = 1});
    p.manual = true;
    fail(&p, E);
    give(&p, (struct suptree_input){.kind = SUPTREE_TERMINATE, .vertex = E, .token = 7});
    is_int(suptree_save(p.t, A, x, sizeof x, &n), TW_ENOENT, "what is not here is not saved");
    is_int(suptree_save(p.t, E, x, sizeof x, &n), TW_ENOENT, "nor is what is no branch");
    ok(suptree_save(p.t, BRANCH, x, sizeof x, &n) > 0, "a branch that is busy is saved alone");
    copy = p;
    copy.t = two_branches(BESIDE_TOO, 2);
    is_int(suptree_load(copy.t, x, n), 0, "and loaded where there are others than it knew");
    copy.manual = false;
    copy.orders = 0;
    give(&copy, (struct suptree_input){.kind = SUPTREE_EXITED, .vertex = F, .life = copy.life[F], .cls = CLASS_SHUTDOWN});
    ok(copy.orders == 3 && copy.order[0] == E && copy.order[1] == F && copy.order[2] == E && copy.answer == ANSWER_OK &&
       copy.results == 1, "there the group comes up, and then the call is obeyed");
    suptree_destroy(copy.t);
    suptree_destroy(p.t);
}

/* It was on its way down by itself when its own supervisor told it to stop. */
static void an_end_is_told_once(void)
{
    struct play p;

    boot(&p, 0);
    p.manual = true;
    fail(&p, A);                    /* C is told to stop, then B */
    give(&p, (struct suptree_input){.kind = SUPTREE_BRANCH_STOP, .vertex = ROOT});
    give(&p, (struct suptree_input){.kind = SUPTREE_EXITED, .vertex = D, .life = p.life[D], .cls = CLASS_SHUTDOWN});
    p.manual = false;
    give(&p, (struct suptree_input){.kind = SUPTREE_EXITED, .vertex = C, .life = p.life[C], .cls = CLASS_SHUTDOWN});
    is_int(state(&p, ROOT), TREE_STOPPED, "a supervisor that gives up while it is told to stop answers with that");
    ok(p.told[RECORD_DOWN] == 1 && p.told[RECORD_ESCALATE] == 1 && p.told[RECORD_STOP] == 0,
       "its end is told once: it went down by itself, and its supervisor got that");
    suptree_destroy(p.t);
}

/* The same, when it is at home elsewhere: its end is on the way as the stop is. */
static void an_end_elsewhere_is_told_once(void)
{
    struct suptree_limits limits = {.vertices = 4, .ids = 8, .generation = 1};
    struct suptree_spec top = {.supervisor = true, .intensity = 1, .period_ms = 1000, .shutdown = SHUTDOWN_INFINITY};
    struct suptree_spec remote = {.id = S, .supervisor = true, .remote = true, .shutdown = SHUTDOWN_INFINITY};
    struct play p;

    memset(&p, 0, sizeof p);
    p.t = suptree_create(&limits);
    suptree_add(p.t, SUPTREE_NONE, &top);
    suptree_add(p.t, ROOT, &remote);
    give(&p, (struct suptree_input){.kind = SUPTREE_BRANCH_START, .vertex = ROOT, .life = 1, .line = 1});
    p.manual = true;
    give(&p, (struct suptree_input){.kind = SUPTREE_BRANCH_STOP, .vertex = ROOT});
    give(&p, (struct suptree_input){.kind = SUPTREE_EXITED, .vertex = S, .life = p.life[S], .cls = CLASS_SHUTDOWN,
                                    .cause = CAUSE_GIVEUP});
    ok(state(&p, ROOT) == TREE_STOPPED && p.told[RECORD_ESCALATE] == 1,
       "... also of a branch elsewhere, whose home has told how it ended");
    suptree_destroy(p.t);
}

/* S5 of a supervisor: at once, its children by their links, deeper ones by their own. */
static void a_supervisor_is_killed_by_its_own(void)
{
    struct suptree_limits limits = {.vertices = 8, .ids = 16, .generation = 1};
    struct suptree_spec sup = {.supervisor = true, .intensity = 3, .period_ms = 1000, .shutdown = SHUTDOWN_INFINITY};
    struct play p;

    memset(&p, 0, sizeof p);
    p.t = suptree_create(&limits);
    suptree_add(p.t, SUPTREE_NONE, &sup);
    sup.id = S;
    sup.shutdown = SHUTDOWN_BRUTAL_KILL;
    suptree_add(p.t, ROOT, &sup);
    sup.id = D;
    suptree_add(p.t, ROOT, &sup);               /* without children: nothing to wait for */
    for (uint32_t id = A; id <= B; id++)
        suptree_add(p.t, S, &(struct suptree_spec){.id = id, .shutdown = SHUTDOWN_INFINITY});
    give(&p, (struct suptree_input){.kind = SUPTREE_BRANCH_START, .vertex = ROOT, .life = 1, .line = 1});
    p.manual = true;
    give(&p, (struct suptree_input){.kind = SUPTREE_TERMINATE, .vertex = S, .token = 1});
    ok(p.stops[A] == 1 && p.stops[B] == 1 && p.results == 0, "a supervisor is killed: all below it at once, and waited for");
    p.manual = false;
    for (uint32_t id = A; id <= B; id++)
        give(&p, (struct suptree_input){.kind = SUPTREE_EXITED, .vertex = id, .life = p.life[id], .cls = CLASS_KILLED});
    ok(p.results == 1 && p.answer == ANSWER_OK && state(&p, S) == TREE_STOPPED, "... then it is down");
    give(&p, (struct suptree_input){.kind = SUPTREE_TERMINATE, .vertex = D, .token = 2});
    ok(p.results == 2 && state(&p, D) == TREE_STOPPED, "one without children is down at once");
    give(&p, (struct suptree_input){.kind = SUPTREE_RESTART, .vertex = D, .token = 3});
    give(&p, (struct suptree_input){.kind = SUPTREE_RESTART, .vertex = S, .token = 4});
    give(&p, (struct suptree_input){.kind = SUPTREE_BRANCH_STOP, .vertex = ROOT});
    ok(state(&p, ROOT) == TREE_STOPPED && state(&p, S) == TREE_STOPPED && state(&p, D) == TREE_STOPPED,
       "its supervisor goes down past both");
    suptree_destroy(p.t);
}

static void a_damaged_save_is_refused(void)
{
    struct play p, copy;
    static char x[65536], before[65536], after[65536];
    uint32_t taken = 0, touched = 0;
    size_t n, m;

    busy(&p);
    suptree_save(p.t, SUPTREE_NONE, x, sizeof x, &n);
    copy.t = tree(5);
    suptree_save(copy.t, SUPTREE_NONE, before, sizeof before, &m);
    for (size_t at = 0; at < n; at++) {
        x[at] ^= 0x10;
        taken += suptree_load(copy.t, x, n) == 0;
        x[at] ^= 0x10;
        suptree_save(copy.t, SUPTREE_NONE, after, sizeof after, &m);
        touched += memcmp(before, after, m) != 0;
    }
    ok(taken == 0 && touched == 0, "a saved engine of which any byte was changed is refused, and changes nothing");
    suptree_destroy(copy.t);
    suptree_destroy(p.t);
}

static void supervisors_here_are_not_told_of(void)
{
    struct play p;

    boot(&p, 5);
    for (int kind = SUPTREE_STARTED; kind <= SUPTREE_EXITED; kind++) {
        struct suptree_input in = {.kind = (uint16_t)kind, .vertex = ROOT, .life = 1, .cls = CLASS_NORMAL};

        is_int(suptree_take(p.t, 0, &in), TW_ESTALE, "input %d about a supervisor that runs here is refused", kind);
    }
    give(&p, (struct suptree_input){.kind = SUPTREE_LOST, .count = 1, .batch = {{ROOT, 1}}});
    ok(state(&p, ROOT) == TREE_RUNNING, "... and so is its loss");
    suptree_destroy(p.t);
}

static void what_waits_is_answered_at_the_end(void)
{
    struct play p;

    busy(&p);
    give(&p, (struct suptree_input){.kind = SUPTREE_BRANCH_KILL, .vertex = ROOT, .life = 1});
    ok(p.results == 1 && p.answer == ANSWER_NOT_FOUND,
       "a command that waits for a supervisor that is killed is answered");
    suptree_destroy(p.t);
}

/* -- supervisors with work of their own ----------------------------------------------------------------- */

enum { TOP, W, X, Y, Z };               /* top(0) -> w(1, works) -> x(2, works) -> y(3);  z(4, works) under top */

static struct play boot_works(uint32_t intensity, uint8_t restart)
{
    struct suptree_limits limits = {.vertices = 8, .ids = 8, .generation = 1};
    static const uint32_t parent[] = {SUPTREE_NONE, TOP, W, X, TOP};
    struct play p = {.t = suptree_create(&limits)};

    for (uint32_t v = TOP; v <= Z; v++) {
        struct suptree_spec spec = {.id = v, .supervisor = v != Y, .works = v != TOP && v != Y, .restart = restart,
                                    .intensity = v == TOP ? 5 : intensity, .period_ms = 1000};

        suptree_add(p.t, parent[v], &spec);
    }
    give(&p, (struct suptree_input){.kind = SUPTREE_BRANCH_START, .vertex = TOP, .life = 1, .line = 1});
    return p;
}

static bool went(const struct play *p, const char *want)
{
    char got[64] = "";

    for (uint32_t i = 0; i < p->orders; i++)
        got[i] = (char)('0' + p->order[i]);
    return is_str(got, want, "starts and stops go to %s in this order", want);
}

static void work_starts_first_and_stops_last(void)
{
    struct play p = boot_works(5, RESTART_PERMANENT);

    went(&p, "1234");
    p.orders = 0;
    give(&p, (struct suptree_input){.kind = SUPTREE_TERMINATE, .vertex = W, .token = 1});
    went(&p, "321");
    ok(p.answer == ANSWER_OK && state(&p, W) == TREE_STOPPED, "a supervisor is down when its own work is");
    suptree_destroy(p.t);
}

static void failed_work_fails_the_branch(void)
{
    struct play p = boot_works(5, RESTART_PERMANENT);

    p.orders = 0;
    fail(&p, W);
    went(&p, "32123");
    ok(suptree_restarts(p.t) == 1 && suptree_giveups(p.t) == 0, "the parent decides, once, and nobody gave up");
    p.orders = 0;
    fail(&p, Z);
    went(&p, "4");
    ok(state(&p, Z) == TREE_RUNNING, "a supervisor without children is restarted as a leaf is");
    suptree_destroy(p.t);
}

static void ended_work_ends_the_branch_in_its_class(void)
{
    struct play p = boot_works(5, RESTART_TRANSIENT);
    struct suptree_look l;

    p.orders = 0;
    give(&p, (struct suptree_input){.kind = SUPTREE_EXITED, .vertex = W, .life = p.life[W], .cls = CLASS_NORMAL,
                                    .cause = CAUSE_DONE});
    went(&p, "32");
    suptree_look(p.t, W, 0, &l);
    ok(l.state == TREE_STOPPED && l.cls == CLASS_NORMAL && l.cause == CAUSE_DONE,
       "a transient branch whose work ended normally has ended normally");
    suptree_destroy(p.t);
}

static void who_gives_up_stops_its_own_work(void)
{
    struct play p = boot_works(0, RESTART_PERMANENT);

    p.orders = 0;
    fail(&p, Y);
    went(&p, "21123");          /* x gives up and stops its work, so does w; top starts the branch again */
    is_int((long long)suptree_giveups(p.t), 2, "a branch that gave up has given up, though its work was well");
    suptree_destroy(p.t);
}

static void work_that_does_not_start(void)
{
    struct play p = boot_works(5, RESTART_PERMANENT);
    uint32_t starts = p.starts[W];

    p.manual = true;
    fail(&p, W);
    for (uint32_t v = Y; v >= X; v--)
        give(&p, (struct suptree_input){.kind = SUPTREE_EXITED, .vertex = v, .life = p.life[v]});
    is_int(p.starts[W], starts + 1, "a failed branch starts with its own work");
    is_int(p.starts[X], 1, "... and with nothing else until that is up");
    give_start(&p, SUPTREE_START_FAILED, W);
    is_int(p.starts[W], starts + 2, "work that does not start is a start that failed: tried again");
    is_int((long long)suptree_restarts(p.t), 2, "... and charged");
    give_start(&p, SUPTREE_STARTED, W);
    is_int(p.starts[X], 2, "then come the children");
    suptree_destroy(p.t);
}

static void a_kill_takes_own_work_too(void)
{
    struct play p = boot_works(5, RESTART_PERMANENT);

    p.manual = true;
    p.orders = 0;
    give(&p, (struct suptree_input){.kind = SUPTREE_KILL, .vertex = W, .token = 1});
    went(&p, "321");
    for (uint32_t v = W; v <= Y; v++)
        give(&p, (struct suptree_input){.kind = SUPTREE_EXITED, .vertex = v, .life = p.life[v], .cls = CLASS_KILLED});
    ok(p.results == 1 && p.lives == 3, "all three lives are waited for");
    give(&p, (struct suptree_input){.kind = SUPTREE_RESTART, .vertex = W, .token = 2});
    p.manual = false;
    for (uint32_t v = W; v <= Y; v++)
        give(&p, (struct suptree_input){.kind = SUPTREE_STARTED, .vertex = v, .life = p.life[v]});
    p.manual = true;
    p.orders = 0;
    give(&p, (struct suptree_input){.kind = SUPTREE_KILLED_OUTSIDE, .vertex = W});
    went(&p, "321");
    for (uint32_t v = W; v <= Y; v++)
        give(&p, (struct suptree_input){.kind = SUPTREE_EXITED, .vertex = v, .life = p.life[v], .cls = CLASS_KILLED});
    is_int(p.starts[W], 3, "a branch killed from outside is started again when all its lives have ended");
    suptree_destroy(p.t);
}

/* -- a tree whose vertices come and go ----------------------------------------------------------------- */

static int add_leaf(struct play *p, uint32_t id)
{
    struct suptree_spec leaf = {.id = id, .dynamic = true, .restart = RESTART_TEMPORARY};
    int rc = suptree_add(p->t, S, &leaf);

    give(p, (struct suptree_input){.kind = SUPTREE_START_CHILD, .vertex = id, .token = 1});
    return rc;
}

static void what_is_removed_makes_room(void)
{
    struct suptree_look l;
    struct play p;
    int rc = 0;

    boot(&p, 5);
    for (uint32_t i = 0; i < 10; i++)
        rc |= add_leaf(&p, D + 1 + i);
    is_int(rc, 0, "an engine takes as many vertices as it was made for");
    is_int(add_leaf(&p, D + 1), TW_EEXIST, "... and no second of an id");
    for (uint32_t i = 0; i < 100000; i++)
        rc |= suptree_remove(p.t, D + 1 + i % 10) | add_leaf(&p, D + 1 + i % 10);
    is_int(rc, 0, "a place that was removed is there for the next, for ever");
    suptree_look(p.t, S, 0, &l);
    ok(l.specs == 13 && l.active == 13, "... and the counts are those of the children there are");
    is_int(suptree_remove(p.t, S), TW_ESTATE, "a supervisor with children is not removed");
    is_int(suptree_remove(p.t, 99), TW_ENOENT, "... nor one that is not there");
    p.manual = true;
    fail(&p, A);
    is_int(suptree_remove(p.t, B), TW_ESTATE, "... nor the child of one that is busy");
    suptree_destroy(p.t);
}

static void a_branch_is_walked_children_first(void)
{
    uint32_t order[ALL], n = 0;
    struct play p;

    boot(&p, 5);
    for (uint32_t v = suptree_last_below(p.t, ROOT), up; n < ALL; v = suptree_last_below(p.t, up)) {
        struct suptree_look l;

        suptree_look(p.t, v, 0, &l);
        up = l.parent;
        order[n++] = v;
        suptree_remove(p.t, v);
        suptree_check(p.t);
        if (v == ROOT)
            break;
    }
    ok(n == 6 && order[0] == D && order[1] == C && order[2] == B && order[3] == A && order[4] == S && order[5] == ROOT,
       "a branch taken from its last below up goes children first, the youngest before its siblings");
    suptree_destroy(p.t);
}

static void unlimited_is_a_word_not_a_number(void)
{
    struct suptree_limits limits = {.vertices = 2, .ids = 2, .generation = 1};
    struct suptree_spec top = {.supervisor = true, .intensity = SUPTREE_UNLIMITED}, leaf = {.id = 1};
    struct play p = {.t = suptree_create(&limits)};

    suptree_add(p.t, SUPTREE_NONE, &top);
    suptree_add(p.t, 0, &leaf);
    give(&p, (struct suptree_input){.kind = SUPTREE_BRANCH_START, .life = 1, .line = 1});
    for (int i = 0; i < 1000; i++)
        fail(&p, 1);
    ok(suptree_restarts(p.t) == 1000 && state(&p, 1) == TREE_RUNNING,
       "without limit all of a thousand restarts are granted, in no window");
    suptree_destroy(p.t);
}

/* -- random events, with the invariants after each --------------------------------------------------- */

static uint64_t rng;

static uint32_t draw(uint32_t n)
{
    rng = rng * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(rng >> 33) % n;
}

static struct suptree_input random_input(const struct play *p)
{
    uint32_t v = draw(ALL);
    struct suptree_input in = {.vertex = v, .life = p->life[v], .token = 3, .cause = CAUSE_CODE};

    switch (draw(9)) {
    case 0: in.kind = SUPTREE_TERMINATE; break;
    case 1: in.kind = SUPTREE_RESTART; in.fresh = draw(2); break;
    case 2: in.kind = SUPTREE_KILL; break;
    case 3: return lost(p, A, A + draw(4));
    case 4: in.kind = SUPTREE_STARTED; break;
    case 5: in.kind = SUPTREE_START_FAILED; break;
    case 6: in.kind = SUPTREE_KILLED_OUTSIDE; in.vertex = S; break;
    default: in.kind = SUPTREE_EXITED; in.cls = (uint8_t)draw(CLASS_COUNT); break;
    }
    return in;
}

/* A copy that was saved and loaded goes on exactly as the one that never stopped. */
static bool same_future(struct play *p, struct suptree *copy)
{
    static char x[65536], y[65536];
    size_t n, m;

    suptree_save(p->t, SUPTREE_NONE, x, sizeof x, &n);
    if (suptree_load(copy, x, n) != 0)
        return false;
    suptree_save(copy, SUPTREE_NONE, y, sizeof y, &m);
    return n == m && !memcmp(x, y, n);
}

static void storms(uint64_t seed, int events)
{
    struct play p;
    struct suptree *copy = tree(500);
    bool same = true, quiet = true;
    uint32_t results = 0, asked = 0;

    rng = seed;
    boot(&p, 500);
    for (int i = 0; i < events; i++) {
        struct suptree_input in = random_input(&p);

        p.now_ms += 100;            /* at most ten requests in a window of a second: nobody gives up */
        p.manual = draw(4) == 0;    /* now and then answers come later */
        asked += in.kind >= SUPTREE_TERMINATE;
        give(&p, in);
        same &= same_future(&p, copy);
        if (!p.manual)
            continue;
        p.manual = false;
        for (uint32_t v = A; v <= D; v++) {
            if (state(&p, v) == TREE_STARTING)
                give(&p, (struct suptree_input){.kind = SUPTREE_STARTED, .vertex = v, .life = p.life[v]});
            else if (state(&p, v) == TREE_STOPPING)
                give(&p, (struct suptree_input){.kind = SUPTREE_EXITED, .vertex = v, .life = p.life[v],
                                                .cls = CLASS_KILLED});
        }
    }
    for (int round = 0; round < 8; round++)
        for (uint32_t v = A; v <= D; v++) {
            if (state(&p, v) == TREE_STARTING)
                give(&p, (struct suptree_input){.kind = SUPTREE_STARTED, .vertex = v, .life = p.life[v]});
            else if (state(&p, v) == TREE_STOPPING)
                give(&p, (struct suptree_input){.kind = SUPTREE_EXITED, .vertex = v, .life = p.life[v]});
        }
    results = p.results;
    quiet = suptree_quiet(p.t);
    ok(same, "seed %" PRIu64 ": save and load is byte-equal after each of %d events", seed, events);
    ok(quiet, "seed %" PRIu64 ": once every start and stop is answered, nothing is left under way", seed);
    is_int(results, asked, "seed %" PRIu64 ": every command was answered exactly once", seed);
    suptree_destroy(p.t);
    suptree_destroy(copy);
}

/* -- pools ---------------------------------------------------------------------------------------- */

/* ROOT one_for_one -> POOL simple_one_for_one -> TEMPLATE, FIRST..;  OTHER under ROOT */
enum { POOL = 1, TEMPLATE, OTHER, FIRST, INSTANCES = 40 };

static struct suptree *pool_tree(uint32_t intensity, uint8_t restart)
{
    struct suptree_limits limits = {.vertices = 64, .ids = 64, .generation = 1};
    struct suptree *t = suptree_create(&limits);
    struct suptree_spec v = {.supervisor = true, .intensity = intensity, .period_ms = 1000,
                             .shutdown = SHUTDOWN_INFINITY};
    struct suptree_spec leaf = {.id = TEMPLATE, .restart = restart, .shutdown = SHUTDOWN_MS, .shutdown_ms = 70};

    suptree_add(t, SUPTREE_NONE, &v);
    v.id = POOL;
    v.strategy = SIMPLE_ONE_FOR_ONE;
    suptree_add(t, ROOT, &v);
    suptree_add(t, POOL, &leaf);
    leaf.id = OTHER;
    suptree_add(t, ROOT, &leaf);
    return t;
}

static void boot_pool(struct play *p, uint32_t intensity, uint8_t restart)
{
    memset(p, 0, sizeof *p);
    p->t = pool_tree(intensity, restart);
    give(p, (struct suptree_input){.kind = SUPTREE_BRANCH_START, .vertex = ROOT, .life = 1, .line = 1});
}

static int add_instance(struct play *p, uint32_t id)
{
    struct suptree_spec spec = {.id = id, .dynamic = true};

    return suptree_add(p->t, POOL, &spec);
}

static void spawn(struct play *p, uint32_t id)
{
    (void)add_instance(p, id);
    give(p, (struct suptree_input){.kind = SUPTREE_START_CHILD, .vertex = id, .token = 5});
}

static struct suptree_look look_at(const struct play *p, uint32_t v)
{
    struct suptree_look l;

    suptree_look(p->t, v, p->now_ms, &l);
    return l;
}

static bool counts(const struct play *p, uint32_t workers, int32_t active)
{
    struct suptree_look l = look_at(p, POOL);

    return l.specs == 1 && l.supervisors == 0 && l.workers == workers && l.active == active;
}

static void a_pool_makes_instances_like_its_template(void)
{
    struct play p;

    boot_pool(&p, 5, RESTART_TRANSIENT);
    ok(p.starts[TEMPLATE] == 0 && state(&p, POOL) == TREE_RUNNING && counts(&p, 0, 0), "a pool starts empty");
    spawn(&p, FIRST);
    spawn(&p, FIRST + 1);
    ok(p.answer == ANSWER_OK && counts(&p, 2, 2), "instances are added at run time, and it counts them");
    fail(&p, FIRST);
    is_int(p.starts[FIRST], 2, "one that fails is restarted, as its template says");
    give(&p, (struct suptree_input){.kind = SUPTREE_EXITED, .vertex = FIRST, .life = p.life[FIRST], .cls = CLASS_NORMAL});
    ok(look_at(&p, FIRST).gone && counts(&p, 1, 1), "one that ends is forgotten");
    is_int(add_instance(&p, FIRST + 1), TW_EEXIST, "an id is one instance");
    suptree_destroy(p.t);
}

static void a_pool_answers_by_process(void)
{
    struct play p;

    boot_pool(&p, 5, RESTART_PERMANENT);
    spawn(&p, FIRST);
    for (uint16_t kind = SUPTREE_RESTART; kind <= SUPTREE_DELETE; kind++) {
        give(&p, (struct suptree_input){.kind = kind, .vertex = FIRST, .token = 6});
        is_int(p.answer, ANSWER_SIMPLE_ONE_FOR_ONE, "a pool knows no restart_child and no delete_child (%u)", kind);
    }
    give(&p, (struct suptree_input){.kind = SUPTREE_TERMINATE, .vertex = TEMPLATE, .token = 6});
    is_int(p.answer, ANSWER_SIMPLE_ONE_FOR_ONE, "... nor terminate_child of its template");
    give(&p, (struct suptree_input){.kind = SUPTREE_TERMINATE, .vertex = FIRST, .token = 6});
    ok(p.answer == ANSWER_OK && look_at(&p, FIRST).gone, "an instance that is terminated is gone");
    give(&p, (struct suptree_input){.kind = SUPTREE_TERMINATE, .vertex = FIRST, .token = 6});
    is_int(p.answer, ANSWER_OK, "... and to terminate it again is no error");
    spawn(&p, FIRST + 1);
    give(&p, (struct suptree_input){.kind = SUPTREE_KILL, .vertex = FIRST + 1, .token = 6});
    ok(p.answer == ANSWER_OK && look_at(&p, FIRST + 1).gone, "nor is one kept that is killed");
    suptree_destroy(p.t);
}

static void want_instance(struct play *p)
{
    give(p, (struct suptree_input){.kind = SUPTREE_SPAWN, .vertex = POOL, .token = 5});
}

static void a_pool_starts_what_is_free(void)
{
    struct play p;

    boot_pool(&p, 5, RESTART_TRANSIENT);
    want_instance(&p);
    ok(p.answer == ANSWER_MAX_CHILDREN && p.answered == POOL, "a pool to which no instance was added has none that is free");
    for (uint32_t v = FIRST; v < FIRST + 3; v++)
        (void)add_instance(&p, v);
    for (uint32_t v = FIRST; v < FIRST + 2; v++)
        want_instance(&p);
    ok(p.answer == ANSWER_OK && p.answered == FIRST + 1 && p.anew[FIRST + 1] && counts(&p, 2, 2),
       "the first that is free is started, as a child that was not there before");
    fail(&p, FIRST + 1);
    ok(p.starts[FIRST + 1] == 2 && !p.anew[FIRST + 1], "... its restart is not");
    give(&p, (struct suptree_input){.kind = SUPTREE_TERMINATE, .vertex = FIRST, .token = 6});
    want_instance(&p);
    is_int(p.answered, FIRST + 2, "one that was never used comes before one that was");
    want_instance(&p);
    ok(p.answer == ANSWER_OK && p.answered == FIRST && p.starts[FIRST] == 2, "... which comes next");
    want_instance(&p);
    ok(p.answer == ANSWER_MAX_CHILDREN && p.answered == POOL && counts(&p, 3, 3), "when all are in use it says so");
    for (uint32_t v = FIRST; v < FIRST + 2; v++)
        give(&p, (struct suptree_input){.kind = SUPTREE_EXITED, .vertex = v, .life = p.life[v], .cls = CLASS_NORMAL});
    want_instance(&p);
    is_int(p.answered, FIRST + 1, "of two whose children ended, the one whose was started first");
    give(&p, (struct suptree_input){.kind = SUPTREE_SPAWN, .vertex = ROOT, .token = 5});
    ok(p.answer == ANSWER_INVALID, "who is no pool has no instances");
    give(&p, (struct suptree_input){.kind = SUPTREE_SPAWN, .vertex = OTHER, .token = 5});
    ok(p.answer == ANSWER_NOT_FOUND, "... nor has a worker");
    suptree_destroy(p.t);
}

static void a_pool_stops_all_at_once(void)
{
    struct play p;

    boot_pool(&p, 5, RESTART_PERMANENT);
    for (uint32_t v = FIRST; v < FIRST + 4; v++)
        spawn(&p, v);
    p.manual = true;
    p.orders = p.results = 0;
    give(&p, (struct suptree_input){.kind = SUPTREE_TERMINATE, .vertex = POOL, .token = 7});
    is_int(p.orders, 4, "all instances are told before any has answered (S6)");
    for (uint32_t v = FIRST + 4; v-- > FIRST;)
        give(&p, (struct suptree_input){.kind = SUPTREE_EXITED, .vertex = v, .life = p.life[v], .cls = CLASS_SHUTDOWN});
    ok(p.results == 1 && state(&p, POOL) == TREE_STOPPED, "it is down with the last of them");
    p.manual = false;
    give(&p, (struct suptree_input){.kind = SUPTREE_RESTART, .vertex = POOL, .token = 7});
    ok(counts(&p, 0, 0) && look_at(&p, FIRST).gone, "started again it is empty (R9)");
    suptree_destroy(p.t);
}

static void a_pool_is_wrong_without_its_template(void)
{
    struct suptree_limits limits = {.vertices = 4, .ids = 4, .generation = 1};
    struct play p = {.t = suptree_create(&limits)};
    struct suptree_spec v = {.supervisor = true, .strategy = SIMPLE_ONE_FOR_ONE}, leaf = {.id = 1};

    suptree_add(p.t, SUPTREE_NONE, &v);
    leaf.dynamic = true;
    is_int(suptree_add(p.t, 0, &leaf), TW_EINVAL, "an instance needs a template");
    give(&p, (struct suptree_input){.kind = SUPTREE_BRANCH_START, .vertex = 0, .life = 1, .line = 1});
    ok(state(&p, 0) == TREE_STOPPED, "a pool without one does not start");
    leaf.dynamic = false;
    is_int(suptree_add(p.t, 0, &leaf), 0, "its template is the one child that is not dynamic");
    leaf.id = 2;
    is_int(suptree_add(p.t, 0, &leaf), TW_EINVAL, "... and there is one only");
    suptree_destroy(p.t);
}

/* -- pools of branches --------------------------------------------------------------------------- */

/* POOL's template is a supervisor with a child, that never live.  The branch of place i: its top, a leaf, below a second
 * supervisor another leaf. */
enum { BELOW = OTHER, PLACE_TOP = 0, PLACE_A, PLACE_IN, PLACE_B, PLACE_SIZE, PLACES = 3 };

static uint32_t at(uint32_t place, uint32_t part) { return FIRST + place * PLACE_SIZE + part; }

static void add_branch(struct suptree *t, uint32_t place, bool remote)
{
    struct suptree_spec top = {.id = at(place, PLACE_TOP), .supervisor = true, .dynamic = true, .remote = remote};
    struct suptree_spec in = {.id = at(place, PLACE_IN), .supervisor = true, .shutdown = SHUTDOWN_INFINITY};
    struct suptree_spec leaf = {.shutdown = SHUTDOWN_MS, .shutdown_ms = 70, .restart = RESTART_TRANSIENT};

    suptree_add(t, POOL, &top);
    if (remote)
        return;
    leaf.id = at(place, PLACE_A);
    suptree_add(t, top.id, &leaf);
    suptree_add(t, top.id, &in);
    leaf.id = at(place, PLACE_B);
    suptree_add(t, in.id, &leaf);
}

static struct suptree *branch_pool(const struct suptree_spec *template)
{
    struct suptree_limits limits = {.vertices = 64, .ids = 64, .generation = 1};
    struct suptree *t = suptree_create(&limits);
    struct suptree_spec v = {.supervisor = true, .intensity = 2, .period_ms = 1000, .shutdown = SHUTDOWN_INFINITY};
    struct suptree_spec like = *template, below = {.id = BELOW};

    suptree_add(t, SUPTREE_NONE, &v);
    v.id = POOL;
    v.strategy = SIMPLE_ONE_FOR_ONE;
    suptree_add(t, ROOT, &v);
    like.id = TEMPLATE;
    like.supervisor = true;
    suptree_add(t, POOL, &like);
    suptree_add(t, TEMPLATE, &below);
    return t;
}

static void boot_branches(struct play *p, struct suptree_spec template, uint32_t places)
{
    memset(p, 0, sizeof *p);
    p->t = branch_pool(&template);
    for (uint32_t i = 0; i < places; i++)
        add_branch(p->t, i, false);
    give(p, (struct suptree_input){.kind = SUPTREE_BRANCH_START, .vertex = ROOT, .life = 1, .line = 1});
}

static void want_branch(struct play *p)
{
    give(p, (struct suptree_input){.kind = SUPTREE_SPAWN, .vertex = POOL, .token = 5, .fresh = true});
}

static void call_of(struct play *p, uint16_t kind, uint32_t v)
{
    give(p, (struct suptree_input){.kind = kind, .vertex = v, .token = 6});
}

static void end_of(struct play *p, uint32_t v, uint8_t cls)
{
    give(p, (struct suptree_input){.kind = SUPTREE_EXITED, .vertex = v, .life = p->life[v], .cls = cls});
}

/* Supervisors in place of workers, and so many of them. */
static bool counts_branches(const struct play *p, uint32_t n)
{
    struct suptree_look l = look_at(p, POOL);

    return l.specs == 1 && l.supervisors == n && l.workers == 0 && l.active == (int32_t)n;
}

static bool branch_is(const struct play *p, uint32_t place, enum tree_state state)
{
    for (uint32_t part = 0; part < PLACE_SIZE; part++)
        if (look_at(p, at(place, part)).state != state)
            return false;
    return true;
}

static struct suptree_spec like(uint8_t restart, uint32_t intensity)
{
    return (struct suptree_spec){.restart = restart, .intensity = intensity, .period_ms = 1000,
                                 .shutdown = SHUTDOWN_INFINITY};
}

static void an_instance_may_be_a_branch(void)
{
    struct suptree_spec leaf = {.id = at(PLACES, 0), .dynamic = true};
    struct play p;

    boot_branches(&p, like(RESTART_TRANSIENT, 1), PLACES);
    ok(p.orders == 0 && counts_branches(&p, 0), "a pool of branches starts empty");
    is_int(suptree_add(p.t, POOL, &leaf), TW_EINVAL, "a leaf is no instance where the template is a supervisor");
    want_branch(&p);
    ok(p.answer == ANSWER_OK && p.answered == at(0, 0) && branch_is(&p, 0, TREE_RUNNING) && counts_branches(&p, 1),
       "an instance is up with all that was declared below it, and counts as one supervisor");
    ok(p.anew[at(0, PLACE_A)] && p.anew[at(0, PLACE_B)], "... all of it another child's than before");
    ok(p.starts[BELOW] == 0 && state(&p, TEMPLATE) == TREE_STOPPED, "what is below the template never lives");
    call_of(&p, SUPTREE_START_CHILD, BELOW);
    is_int(p.answer, ANSWER_NOT_FOUND, "... nor can it be started");
    fail(&p, at(0, PLACE_A));
    ok(p.starts[at(0, PLACE_A)] == 2 && !p.anew[at(0, PLACE_A)] && !p.fresh[at(0, PLACE_A)],
       "a restart in it is one of the same child");
    call_of(&p, SUPTREE_RESTART, at(0, PLACE_TOP));
    is_int(p.answer, ANSWER_SIMPLE_ONE_FOR_ONE, "an instance is not restarted by a call, branch or not");
    call_of(&p, SUPTREE_TERMINATE, at(0, PLACE_A));
    call_of(&p, SUPTREE_RESTART, at(0, PLACE_A));
    ok(p.answer == ANSWER_OK && p.starts[at(0, PLACE_A)] == 3, "... what is below one is");
    suptree_destroy(p.t);
}

/* B fails once more than its supervisor may restart it: that gives up, and its end is one of PLACE_TOP's. */
static void a_branch_that_gives_up(void)
{
    struct play p;

    boot_branches(&p, like(RESTART_PERMANENT, 1), PLACES);
    want_branch(&p);
    call_of(&p, SUPTREE_TERMINATE, at(0, PLACE_A));
    call_of(&p, SUPTREE_DELETE, at(0, PLACE_A));
    for (int i = 0; i < 2; i++)
        fail(&p, at(0, PLACE_B));
    ok(branch_is(&p, 0, TREE_RUNNING) && p.starts[at(0, PLACE_A)] == 2,
       "a permanent instance that gave up is back, with the children it was declared with (R9)");
    ok(!p.fresh[at(0, PLACE_B)] && !p.anew[at(0, PLACE_B)], "... the same branch: it goes on from its commits");
    is_int(look_at(&p, POOL).restarts_in_window, 1, "... for one restart of the pool's");
    suptree_destroy(p.t);
    boot_branches(&p, like(RESTART_TRANSIENT, 1), PLACES);
    want_branch(&p);
    for (int i = 0; i < 2; i++)
        fail(&p, at(0, PLACE_B));
    ok(look_at(&p, at(0, 0)).gone && branch_is(&p, 0, TREE_STOPPED) && counts_branches(&p, 0),
       "a transient one has ended with shutdown: it is forgotten");
    suptree_destroy(p.t);
}

static void a_place_has_another_branch(void)
{
    struct play p;
    uint32_t line;

    boot_branches(&p, like(RESTART_TRANSIENT, 1), 1);
    want_branch(&p);
    line = p.line[at(0, PLACE_B)];
    fail(&p, at(0, PLACE_A));
    call_of(&p, SUPTREE_TERMINATE, at(0, PLACE_IN));
    call_of(&p, SUPTREE_DELETE, at(0, PLACE_IN));
    want_branch(&p);
    is_int(p.answer, ANSWER_MAX_CHILDREN, "a place whose branch runs is not free");
    call_of(&p, SUPTREE_TERMINATE, at(0, PLACE_TOP));
    ok(p.answer == ANSWER_OK && look_at(&p, at(0, 0)).gone, "an instance that is terminated is forgotten, whole");
    want_branch(&p);
    ok(branch_is(&p, 0, TREE_RUNNING) && p.line[at(0, PLACE_B)] > line, "in its place another branch begins, all of it");
    ok(p.fresh[at(0, PLACE_A)] && p.anew[at(0, PLACE_A)] && p.fresh[at(0, PLACE_B)] && p.anew[at(0, PLACE_B)],
       "... from init, as another child's");
    is_int(look_at(&p, at(0, 0)).restarts_in_window, 0, "... with nothing of the former one's window");
    fail(&p, at(0, PLACE_A));
    ok(branch_is(&p, 0, TREE_RUNNING), "... so it may restart as often as it is allowed to");
    suptree_destroy(p.t);
}

static void a_branch_that_does_not_start(void)
{
    struct play p;

    boot_branches(&p, like(RESTART_PERMANENT, 1), 2);
    p.manual = true;
    want_branch(&p);
    give_start(&p, SUPTREE_STARTED, at(0, PLACE_A));
    p.manual = false;
    give_start(&p, SUPTREE_START_FAILED, at(0, PLACE_B));
    ok(p.answer == ANSWER_START_ERROR && look_at(&p, at(0, 0)).gone && branch_is(&p, 0, TREE_STOPPED),
       "an instance in which one child does not start is undone, and leaves nothing (S3, M1)");
    want_branch(&p);
    is_int(p.answered, at(1, 0), "the next is tried in another place");
    suptree_destroy(p.t);
}

static void branches_stop_at_once(void)
{
    struct play p;

    boot_branches(&p, like(RESTART_PERMANENT, 1), PLACES);
    for (int i = 0; i < PLACES; i++)
        want_branch(&p);
    p.manual = true;
    p.orders = p.results = 0;
    call_of(&p, SUPTREE_TERMINATE, POOL);
    ok(p.orders == PLACES && p.order[0] == at(0, PLACE_B) && p.order[2] == at(2, PLACE_B),
       "all branches are told at once, each begins with its last child (S6, S2)");
    end_of(&p, at(1, PLACE_B), CLASS_SHUTDOWN);
    ok(p.orders == PLACES + 1 && p.order[PLACES] == at(1, PLACE_A), "... and goes on by itself");
    for (uint32_t i = PLACES; i-- > 0;) {
        if (i != 1)
            end_of(&p, at(i, PLACE_B), CLASS_SHUTDOWN);
        is_int(state(&p, POOL), TREE_STOPPING, "the pool waits for the last of them (%u)", i);
        end_of(&p, at(i, PLACE_A), CLASS_SHUTDOWN);
    }
    ok(p.results == 1 && state(&p, POOL) == TREE_STOPPED, "then it is down");
    suptree_destroy(p.t);
}

/* Its own end and the pool's stop cross; and one that its template says is killed. */
static void a_branch_ends_while_its_pool_stops(void)
{
    struct suptree_spec killed = like(RESTART_PERMANENT, 1);
    struct play p;

    boot_branches(&p, like(RESTART_PERMANENT, 0), 2);
    want_branch(&p);
    want_branch(&p);
    p.manual = true;
    p.results = 0;
    fail(&p, at(0, PLACE_A));                   /* it gives up: B is told to stop */
    call_of(&p, SUPTREE_TERMINATE, POOL);
    give(&p, (struct suptree_input){.kind = SUPTREE_KILLED_OUTSIDE, .vertex = at(1, PLACE_TOP)});
    end_of(&p, at(1, PLACE_A), CLASS_KILLED);
    end_of(&p, at(1, PLACE_B), CLASS_KILLED);
    is_int(state(&p, POOL), TREE_STOPPING, "one was killed meanwhile: the pool waits for the other");
    end_of(&p, at(0, PLACE_B), CLASS_SHUTDOWN);
    ok(p.results == 1 && state(&p, POOL) == TREE_STOPPED && look_at(&p, at(0, 0)).gone && suptree_quiet(p.t),
       "one that gave up before it was told is down as well, and none is started again");
    suptree_destroy(p.t);
    killed.shutdown = SHUTDOWN_BRUTAL_KILL;
    boot_branches(&p, killed, 2);
    want_branch(&p);
    want_branch(&p);
    p.manual = true;
    p.orders = 0;
    call_of(&p, SUPTREE_TERMINATE, POOL);
    is_int(p.orders, 4, "branches whose template says brutal_kill are killed with all that is in them");
    for (uint32_t i = 0; i < 4; i++)
        end_of(&p, at(i / 2, i % 2 ? PLACE_A : PLACE_B), CLASS_KILLED);
    is_int(state(&p, POOL), TREE_STOPPED, "... and then it is down");
    suptree_destroy(p.t);
}

static void a_branch_is_killed_in_its_place(void)
{
    struct suptree_spec template = like(RESTART_TRANSIENT, 1);
    struct play p;

    boot_branches(&p, like(RESTART_PERMANENT, 1), 2);
    want_branch(&p);
    call_of(&p, SUPTREE_KILL, at(0, PLACE_TOP));
    ok(p.answer == ANSWER_OK && p.lives == 2 && look_at(&p, at(0, 0)).gone && branch_is(&p, 0, TREE_STOPPED),
       "an instance that is killed is gone with all its lives");
    want_branch(&p);
    give(&p, (struct suptree_input){.kind = SUPTREE_KILLED_OUTSIDE, .vertex = at(1, PLACE_TOP)});
    ok(p.answered == at(1, 0) && branch_is(&p, 1, TREE_RUNNING), "one that is killed from outside is restarted (G4, R1)");
    suptree_destroy(p.t);
    template.auto_shutdown = AUTO_ANY_SIGNIFICANT;
    boot_branches(&p, template, 0);
    (void)suptree_add(p.t, POOL, &(struct suptree_spec){.id = at(0, 0), .supervisor = true, .dynamic = true});
    (void)suptree_add(p.t, at(0, 0), &(struct suptree_spec){.id = at(0, 1), .significant = true,
                                                            .restart = RESTART_TRANSIENT});
    want_branch(&p);
    end_of(&p, at(0, 1), CLASS_NORMAL);
    ok(p.starts[at(0, 1)] == 1 && look_at(&p, at(0, 0)).gone, "auto_shutdown ends an instance as its template says");
    suptree_destroy(p.t);
}

static void a_branch_elsewhere(void)
{
    struct suptree_spec template = like(RESTART_PERMANENT, 1);
    struct play p = {.t = branch_pool(&template)};

    for (uint32_t i = 0; i < 2; i++)
        add_branch(p.t, i, true);
    give(&p, (struct suptree_input){.kind = SUPTREE_BRANCH_START, .vertex = ROOT, .life = 1, .line = 1});
    want_branch(&p);
    want_branch(&p);
    ok(p.anew[at(0, 0)] && p.fresh[at(0, 0)] && counts_branches(&p, 2), "a branch at home elsewhere is started as a whole");
    end_of(&p, at(0, 0), CLASS_SHUTDOWN);
    ok(p.starts[at(0, 0)] == 2 && !p.anew[at(0, 0)], "... and again, when it has ended there");
    p.manual = true;
    call_of(&p, SUPTREE_TERMINATE, POOL);
    is_int(p.stops[at(0, 0)] + p.stops[at(1, 0)], 2, "all are told at once");
    end_of(&p, at(1, 0), CLASS_SHUTDOWN);
    give(&p, (struct suptree_input){.kind = SUPTREE_EXITED, .vertex = at(0, 0), .life = p.life[at(0, 0)],
                                    .cls = CLASS_SHUTDOWN, .cause = CAUSE_GIVEUP});
    ok(state(&p, POOL) == TREE_STOPPED && suptree_quiet(p.t), "... and the pool is down when both have answered");
    suptree_destroy(p.t);
    p = (struct play){.t = suptree_create(&(struct suptree_limits){.vertices = 2, .ids = 2})};
    (void)suptree_add(p.t, SUPTREE_NONE, &(struct suptree_spec){.supervisor = true});
    (void)suptree_add(p.t, 0, &(struct suptree_spec){.id = 1});
    give(&p, (struct suptree_input){.kind = SUPTREE_BRANCH_START, .life = 1, .line = 1, .fresh = true, .anew = true});
    ok(p.anew[1], "its home tells those below that they are another branch's");
    end_of(&p, 1, CLASS_ABNORMAL);
    give(&p, (struct suptree_input){.kind = SUPTREE_BRANCH_START, .life = 2, .line = 1});
    ok(p.starts[1] == 2 && !p.anew[1], "... and not when it is restarted");
    suptree_destroy(p.t);
}

static void who_is_asked_stands_still(void)
{
    struct play p;

    busy(&p);
    give(&p, (struct suptree_input){.kind = SUPTREE_ASK, .vertex = ROOT, .token = 9});
    is_int(p.results, 0, "a question waits its turn");
    give_start(&p, SUPTREE_STARTED, D);
    give_start(&p, SUPTREE_EXITED, D);          /* the command that came before it */
    is_int(p.results, 2, "it is answered behind what came before it");
    fail(&p, S);
    give(&p, (struct suptree_input){.kind = SUPTREE_KILLED_OUTSIDE, .vertex = S});
    for (uint32_t v = A; v <= C; v++)
        give_start(&p, SUPTREE_EXITED, v);
    is_int(state(&p, S), TREE_DEAD, "until the caller has looked, nothing goes on");
    p.manual = false;
    give(&p, (struct suptree_input){.kind = SUPTREE_ASKED, .vertex = ROOT});
    ok(state(&p, S) == TREE_RUNNING, "then it does");
    is_int(suptree_take(p.t, 0, &(struct suptree_input){.kind = SUPTREE_ASKED, .vertex = ROOT}), TW_ESTALE,
           "nobody stands still who was not asked");
    suptree_destroy(p.t);
}

static struct suptree_input random_pool_input(struct play *p, uint32_t *next)
{
    uint32_t v = FIRST + draw(*next - FIRST);
    struct suptree_input in = {.vertex = v, .life = p->life[v], .token = 3, .cause = CAUSE_CODE};

    switch (draw(12)) {
    case 0: in.kind = SUPTREE_TERMINATE; break;
    case 1: in.kind = SUPTREE_DELETE; break;
    case 2: in.kind = SUPTREE_KILLED_OUTSIDE; in.vertex = POOL; break;
    case 3: in.kind = SUPTREE_TERMINATE; in.vertex = POOL; break;
    case 4: in.kind = SUPTREE_RESTART; in.vertex = POOL; break;
    case 5: return lost(p, FIRST, v);
    case 6: in.kind = SUPTREE_START_FAILED; break;
    case 7:
        in.kind = SUPTREE_SPAWN;
        in.vertex = POOL;
        break;
    case 8:
        in.kind = SUPTREE_START_CHILD;
        in.vertex = *next;
        if (*next < FIRST + INSTANCES && add_instance(p, *next) == 0)
            ++*next;
        else
            in.vertex = FIRST;
        break;
    default: in.kind = SUPTREE_EXITED; in.cls = (uint8_t)draw(CLASS_COUNT); break;
    }
    return in;
}

/* Answer whatever is under way among the instances. */
static void settle(struct play *p, uint32_t next)
{
    for (uint32_t v = FIRST; v < next; v++) {
        if (state(p, v) == TREE_STARTING)
            give_start(p, draw(4) ? SUPTREE_STARTED : SUPTREE_START_FAILED, v);
        else if (state(p, v) == TREE_STOPPING)
            give_start(p, SUPTREE_EXITED, v);
    }
}

/* What lives in a pool is what it counts; when it is down, nothing does. */
static bool pool_is_sound(const struct play *p, uint32_t next)
{
    uint32_t here = 0, alive = 0;

    for (uint32_t v = FIRST; v < next; v++) {
        struct suptree_look l = look_at(p, v);

        here += !l.gone;
        alive += l.state != TREE_STOPPED;
    }
    return state(p, TEMPLATE) == TREE_STOPPED && (state(p, POOL) == TREE_RUNNING ? look_at(p, POOL).workers == here
                                                                                 : alive == 0);
}

static void pool_storms(uint64_t seed, int events)
{
    struct play p;
    uint32_t next = FIRST + 1, asked = 1;
    bool sound = true;

    rng = seed;
    boot_pool(&p, 500, (uint8_t)(seed % 3));
    spawn(&p, FIRST);
    for (int i = 0; i < events; i++) {
        struct suptree_input in = random_pool_input(&p, &next);

        p.now_ms += 100;
        p.manual = draw(3) == 0;
        asked += in.kind >= SUPTREE_TERMINATE;
        give(&p, in);
        p.manual = false;
        settle(&p, next);
        sound &= pool_is_sound(&p, next);
    }
    for (int round = 0; round < 64 && !suptree_quiet(p.t); round++)
        settle(&p, next);
    ok(sound, "seed %" PRIu64 ": after each of %d events a pool counts what lives in it", seed, events);
    ok(suptree_quiet(p.t), "seed %" PRIu64 ": and nothing is left under way in it", seed);
    is_int(p.results, asked, "seed %" PRIu64 ": and every command was answered once", seed);
    suptree_destroy(p.t);
}

int main(void)
{
    an_older_life_changes_nothing();
    a_terminate_takes_the_end_along();
    a_kill_is_one_order_in_parallel();
    an_end_that_wants_a_new_line();
    a_worker_lost_is_one_batch_free_of_charge();
    a_loss_answers_what_was_outstanding();
    the_window_counts_what_lies_in_it();
    the_last_moment_of_the_window_counts();
    a_retry_goes_behind_what_waits();
    what_waits_is_saved();
    a_branch_goes_on_beside_others();
    an_end_is_told_once();
    an_end_elsewhere_is_told_once();
    a_supervisor_is_killed_by_its_own();
    a_damaged_save_is_refused();
    supervisors_here_are_not_told_of();
    what_waits_is_answered_at_the_end();
    a_pool_makes_instances_like_its_template();
    a_pool_answers_by_process();
    a_pool_starts_what_is_free();
    a_pool_stops_all_at_once();
    a_pool_is_wrong_without_its_template();
    an_instance_may_be_a_branch();
    a_branch_that_gives_up();
    a_place_has_another_branch();
    a_branch_that_does_not_start();
    branches_stop_at_once();
    a_branch_ends_while_its_pool_stops();
    a_branch_is_killed_in_its_place();
    a_branch_elsewhere();
    who_is_asked_stands_still();
    for (uint64_t seed = 1; seed <= 8; seed++)
        storms(seed, 4000);
    what_is_removed_makes_room();
    a_branch_is_walked_children_first();
    unlimited_is_a_word_not_a_number();
    work_starts_first_and_stops_last();
    failed_work_fails_the_branch();
    ended_work_ends_the_branch_in_its_class();
    who_gives_up_stops_its_own_work();
    work_that_does_not_start();
    a_kill_takes_own_work_too();
    for (uint64_t seed = 1; seed <= 12; seed++)
        pool_storms(seed, 1000);
    done_testing();
}
