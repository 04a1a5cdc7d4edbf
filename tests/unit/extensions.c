/* What the engine does beyond OTP, one fact after another, on virtual time (doc/beyond-otp.md) */
#include "core/suptree.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/dues.h"
#include "tests/lib/tap.h"

#define MOST 32

/* A tree whose leaves do as they are told; what happens is written down, one word each. */
static struct {
    struct suptree *tree;
    uint64_t now_ms;
    uint32_t fails[MOST];               /* so many starts to come */
    bool stubborn[MOST];                /* ends only when killed */
    bool no_room[MOST];                 /* no device has a slot for it */
    char said[4096];
    unsigned answer;
} w;

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void say(const char *fmt, ...)
{
    size_t n = strlen(w.said);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(w.said + n, sizeof w.said - n, fmt, ap);
    va_end(ap);
}

static void take(const struct suptree_input *in);

static void carry_out(const struct suptree_effect *e)
{
    static const char *const names[] = {
#define X(name, text) text,
        SUPTREE_RECORD_LIST(X)
#undef X
    };
    struct suptree_input in = {.vertex = e->vertex, .life = e->life, .cls = CLASS_SHUTDOWN, .cause = CAUSE_SUPERVISOR};

    switch (e->kind) {
    case SUPTREE_DO_START:
        in.kind = w.fails[e->vertex] || w.no_room[e->vertex] ? SUPTREE_START_FAILED : SUPTREE_STARTED;
        w.fails[e->vertex] -= w.fails[e->vertex] > 0;
        in.cause = w.no_room[e->vertex] ? CAUSE_CAPACITY : CAUSE_START;
        if (e->move)
            say("move ");
        take(&in);
        return;
    case SUPTREE_DO_STOP:
        if (w.stubborn[e->vertex] && e->how != SHUTDOWN_BRUTAL_KILL)
            return;
        in.kind = SUPTREE_EXITED;
        in.cls = e->how == SHUTDOWN_BRUTAL_KILL ? CLASS_KILLED : CLASS_SHUTDOWN;
        take(&in);
        return;
    case SUPTREE_DO_RESULT: w.answer = e->what; return;
    case SUPTREE_DO_REPORT: say("report "); return;
    case SUPTREE_DO_RECORD:
        if (e->what == RECORD_DELAY)
            say("delay %u %u ", e->vertex, e->count);
        else
            say("%s %u ", names[e->what], e->vertex);
        return;
    }
}

static void take(const struct suptree_input *in)
{
    static int depth;
    const struct suptree_effect *next;

    (void)suptree_take(w.tree, w.now_ms, in);
    suptree_check(w.tree);
    if (depth++ == 0)
        while ((next = suptree_next_effect(w.tree))) {
            struct suptree_effect e = *next;

            carry_out(&e);
        }
    depth--;
}

static void begin(void)
{
    struct suptree_limits limits = {.vertices = MOST, .ids = MOST, .generation = 1, .extras = true};

    memset(&w, 0, sizeof w);
    w.tree = suptree_create(&limits);
}

static void end(void) { suptree_destroy(w.tree); }

static void add(uint32_t parent, uint32_t id, struct suptree_spec spec, const struct suptree_extra *extra)
{
    spec.id = id;
    spec.extra = extra;
    if (spec.supervisor && spec.period_ms == 0)
        spec.period_ms = 5000;
    if (suptree_add(w.tree, parent, &spec) != 0)
        abort();
}

#define SUP .supervisor = true, .shutdown = SHUTDOWN_INFINITY

static void start(void)
{
    struct suptree_input in = {.kind = SUPTREE_BRANCH_START, .vertex = 0, .line = 1, .life = 1};

    take(&in);
    w.said[0] = '\0';
}

static struct suptree_look look(uint32_t v)
{
    struct suptree_look l;

    if (suptree_look(w.tree, v, w.now_ms, &l) != 0)
        abort();
    return l;
}

static void ends(uint32_t v, uint8_t cls, uint8_t cause)
{
    struct suptree_input in = {.kind = SUPTREE_EXITED, .vertex = v, .life = look(v).life, .cls = cls, .cause = cause};

    w.said[0] = '\0';
    take(&in);
}

static void fails(uint32_t v) { ends(v, CLASS_ABNORMAL, CAUSE_CODE); }

static void lose(uint32_t v)
{
    struct suptree_input in = {.kind = SUPTREE_LOST, .cause = CAUSE_WORKER, .count = 1};

    in.batch[0].vertex = v;
    in.batch[0].life = look(v).life;
    w.said[0] = '\0';
    take(&in);
}

static void ask(uint16_t kind, uint32_t v)
{
    struct suptree_input in = {.kind = kind, .vertex = v, .token = 7};

    w.said[0] = '\0';
    w.answer = ANSWER_COUNT;
    take(&in);
}

static void pass(uint64_t ms)
{
    struct suptree_input in = {.kind = SUPTREE_TICK};
    uint64_t until = w.now_ms + ms;

    w.said[0] = '\0';
    while (suptree_due(w.tree) <= until) {
        w.now_ms = suptree_due(w.tree);
        take(&in);
    }
    w.now_ms = until;
}

static const char *state(uint32_t v) { return tree_state_name(look(v).state); }

/* -- 1 -------------------------------------------------------------------------------------------- */

static void a_restart_waits(void)
{
    struct suptree_extra x = {.backoff_min_ms = 100, .backoff_max_ms = 500, .backoff_factor = 200,
                              .healthy_after_ms = 1000};

    begin();
    add(SUPTREE_NONE, 0, (struct suptree_spec){SUP, .intensity = 100, .period_ms = 60000}, NULL);
    add(0, 1, (struct suptree_spec){0}, &x);
    add(0, 2, (struct suptree_spec){0}, NULL);
    start();
    fails(1);
    is_str(w.said, "exit 1 delay 1 100 ", "1: a child with backoff is not started at once");
    is_str(state(1), "restarting", "... it is restarting meanwhile");
    is_int((long long)look(1).due_ms, 100, "... until its time has come");
    fails(2);
    is_str(w.said, "exit 2 start 2 ", "... and its supervisor serves others");
    pass(99);
    is_str(w.said, "", "not before its time");
    pass(1);
    is_str(w.said, "start 1 ", "it is started then");
    fails(1);
    is_str(w.said, "exit 1 delay 1 200 ", "the next wait is longer");
    pass(200);
    fails(1);
    pass(400);
    fails(1);
    is_str(w.said, "exit 1 delay 1 500 ", "up to the longest");
    w.fails[1] = 1;
    pass(500);
    is_str(w.said, "start_failed 1 delay 1 500 ", "a start that fails waits too");
    is_int(look(0).restarts_in_window, 6, "each attempt was counted once");
    pass(500);
    pass(1000);
    fails(1);
    is_str(w.said, "exit 1 delay 1 100 ", "a life that was healthy long enough ends the row");
    ask(SUPTREE_TERMINATE, 1);
    is_int((long long)suptree_due(w.tree) == (long long)UINT64_MAX, 1, "terminate cancels it");
    pass(1000);
    is_str(w.said, "", "... for good");
    ask(SUPTREE_RESTART, 1);
    is_str(w.said, "start 1 ", "... and restart does not wait");
    end();
}

static void a_group_waits(void)
{
    struct suptree_extra x = {.backoff_min_ms = 100, .backoff_max_ms = 100, .backoff_factor = 200, .backoff_jitter = 50};
    bool differs = false, bounded = true;
    uint64_t first = 0;

    begin();
    add(SUPTREE_NONE, 0, (struct suptree_spec){SUP, .strategy = REST_FOR_ONE, .intensity = 100}, NULL);
    for (uint32_t i = 1; i <= 3; i++)
        add(0, i, (struct suptree_spec){0}, i == 2 ? &x : NULL);
    start();
    fails(2);
    ok(strncmp(w.said, "exit 2 stop 3 delay 2 ", 22) == 0, "1: a group is down while the one that failed waits");
    pass(200);
    is_str(w.said, "start 2 start 3 ", "... and comes back whole");
    fails(2);
    fails(1);
    is_str(w.said, "exit 1 start 1 start 2 start 3 ", "a group that falls meanwhile takes the waiting one along");
    pass(1000);
    is_str(w.said, "", "... whose wait is void");
    for (int i = 0; i < 20; i++) {
        fails(2);
        first = first ? first : look(2).due_ms - w.now_ms;
        differs |= look(2).due_ms - w.now_ms != first;
        bounded &= look(2).due_ms - w.now_ms >= 50 && look(2).due_ms - w.now_ms <= 150;
        pass(1000);
    }
    ok(differs && bounded, "jitter moves a wait up or down, within its bounds");
    end();
}

/* -- 2 -------------------------------------------------------------------------------------------- */

static void a_group_whose_head_is_taken_away(void)
{
    struct suptree_extra x = {.backoff_min_ms = 100, .backoff_max_ms = 100}, on_1 = {.depend_count = 1, .depends = {{1, 1}}};

    begin();
    add(SUPTREE_NONE, 0, (struct suptree_spec){SUP, .strategy = ONE_FOR_ALL, .intensity = 100}, NULL);
    for (uint32_t v = 1; v <= 3; v++)
        add(0, v, (struct suptree_spec){0}, v == 2 ? &x : NULL);
    start();
    fails(2);
    is_str(w.said, "exit 2 stop 3 stop 1 delay 2 100 ", "(a group waits for the one that failed)");
    ask(SUPTREE_TERMINATE, 2);
    is_str(w.said, "start 1 start 3 ", "1: when that one is stopped by hand the others come back without it");
    pass(1000);
    is_str(w.said, "", "... for good");
    ask(SUPTREE_RESTART, 2);
    is_str(w.said, "start 2 ", "restart starts it alone");
    fails(2);
    ask(SUPTREE_KILL, 2);
    is_str(w.said, "start 1 start 3 ", "so do they when it is killed");
    fails(1);
    is_str(w.said, "exit 1 stop 3 start 1 start 2 start 3 ", "the next restart of the group starts all of it (R4)");
    end();

    begin();
    add(SUPTREE_NONE, 0, (struct suptree_spec){SUP, .strategy = REST_FOR_ONE, .intensity = 100}, NULL);
    for (uint32_t v = 1; v <= 4; v++)
        add(0, v, (struct suptree_spec){0}, v == 2 ? &x : NULL);
    start();
    fails(2);
    ask(SUPTREE_TERMINATE, 2);
    is_str(w.said, "start 3 start 4 ", "so does the rest of rest_for_one");
    end();

    begin();
    add(SUPTREE_NONE, 0, (struct suptree_spec){SUP, .intensity = 100}, NULL);
    add(0, 1, (struct suptree_spec){0}, &x);
    add(0, 2, (struct suptree_spec){0}, &on_1);
    add(0, 3, (struct suptree_spec){0}, NULL);
    start();
    fails(1);
    is_str(w.said, "exit 1 stop 2 delay 1 100 ", "(who depends on it waits, too)");
    ask(SUPTREE_TERMINATE, 1);
    is_str(w.said, "start 2 ", "and who depends on it");
    end();
}

/* Its own home tells what becomes of it; that it waits, or is kept down, only its parent knows. */
static void what_is_decided_of_a_branch_elsewhere(void)
{
    struct suptree_extra x = {.backoff_min_ms = 100, .backoff_max_ms = 100,
                              .on_cause = {[CAUSE_START] = ACTION_QUARANTINE}};

    begin();
    add(SUPTREE_NONE, 0, (struct suptree_spec){SUP, .intensity = 10}, NULL);
    add(0, 1, (struct suptree_spec){SUP, .remote = true}, &x);
    start();
    ends(1, CLASS_SHUTDOWN, CAUSE_GIVEUP);
    is_str(w.said, "escalate 1 delay 1 100 ", "a branch that lives elsewhere waits as well, and that is told");
    pass(100);
    ends(1, CLASS_ABNORMAL, CAUSE_START);
    is_str(w.said, "quarantine 1 ", "... as is that it is kept down");
    end();
}

static void a_budget_per_child(void)
{
    struct suptree_extra x = {.intensity_per_child = 2};

    begin();
    add(SUPTREE_NONE, 0, (struct suptree_spec){SUP, .intensity = 4}, &x);
    add(0, 1, (struct suptree_spec){0}, NULL);
    add(0, 2, (struct suptree_spec){0}, NULL);
    start();
    fails(1);
    fails(2);
    fails(1);
    fails(2);
    is_str(w.said, "exit 2 start 2 ", "2: two children within their budgets");
    pass(6000);
    fails(1);
    fails(1);
    fails(1);
    is_str(w.said, "exit 1 giveup 0 stop 2 down 0 report ", "a child that spends its own budget ends its supervisor");
    end();
}

/* -- 3 -------------------------------------------------------------------------------------------- */

static void what_a_cause_leads_to(void)
{
    struct suptree_extra x = {0};

    x.on_cause[CAUSE_BOUNDS] = ACTION_RESTART;
    x.on_cause[CAUSE_STATE] = ACTION_STOP;
    x.on_cause[CAUSE_SEGV] = ACTION_ESCALATE;
    x.on_cause[CAUSE_WEDGED] = ACTION_QUARANTINE;
    x.on_cause[CAUSE_MEMORY] = ACTION_IGNORE;
    x.on_cause[CAUSE_WORKER] = ACTION_STOP;
    begin();
    add(SUPTREE_NONE, 0, (struct suptree_spec){SUP, .strategy = ONE_FOR_ALL, .intensity = 100}, NULL);
    for (uint32_t i = 1; i <= 3; i++)
        add(0, i, (struct suptree_spec){.restart = i == 1 ? RESTART_TRANSIENT : RESTART_PERMANENT}, i == 1 ? &x : NULL);
    start();
    ends(1, CLASS_NORMAL, CAUSE_BOUNDS);
    is_str(w.said, "exit 1 stop 3 stop 2 start 1 start 2 start 3 ", "3: restart: whatever class and restart type say");
    ends(1, CLASS_ABNORMAL, CAUSE_STATE);
    is_str(w.said, "exit 1 ", "stop: it stays down");
    ok(look(1).by_hand && !look(1).quarantined, "... as after terminate");
    fails(2);
    is_str(w.said, "exit 2 stop 3 start 1 start 2 start 3 ", "... so a group restart starts it");
    ends(1, CLASS_ABNORMAL, CAUSE_MEMORY);
    is_str(w.said, "exit 1 ", "ignore: to a transient child it was a normal end");
    ask(SUPTREE_RESTART, 1);
    lose(1);
    is_str(w.said, "exit 1 ", "a loss with an action is an end, not resumed");
    ask(SUPTREE_RESTART, 1);
    ends(1, CLASS_ABNORMAL, CAUSE_WEDGED);
    is_str(w.said, "exit 1 quarantine 1 ", "quarantine: it stays down");
    fails(2);
    is_str(w.said, "exit 2 stop 3 start 2 start 3 ", "... and no group restart starts it");
    ok(look(1).quarantined, "... which can be seen");
    ask(SUPTREE_RESTART, 1);
    ok(w.answer == ANSWER_OK && !look(1).quarantined && look(1).state == TREE_RUNNING, "... until restart does");
    ends(1, CLASS_ABNORMAL, CAUSE_SEGV);
    is_str(w.said, "exit 1 giveup 0 stop 3 stop 2 down 0 report ", "escalate: its supervisor gives up at once");
    end();
}

/* -- 4 -------------------------------------------------------------------------------------------- */

static void losses_that_count(void)
{
    struct suptree_extra x = {.count_infrastructure = true};

    for (int counts = 0; counts < 2; counts++) {
        begin();
        add(SUPTREE_NONE, 0, (struct suptree_spec){SUP, .strategy = ONE_FOR_ALL, .intensity = 1}, counts ? &x : NULL);
        add(0, 1, (struct suptree_spec){0}, NULL);
        add(0, 2, (struct suptree_spec){0}, NULL);
        start();
        lose(1);
        is_str(w.said, counts ? "exit 1 stop 2 start 1 start 2 " : "lost 1 start 1 ",
               counts ? "count_infrastructure: a loss is an end like others" :
                        "4: a loss is nobody's fault: one comes back, the others stay");
        is_int(look(0).restarts_in_window, counts, counts ? "... and is charged" : "... and nothing is charged");
        end();
    }
}

/* -- 5 -------------------------------------------------------------------------------------------- */

static void a_giveup_is_not_a_clean_end(void)
{
    struct suptree_extra x = {.restart_on_giveup = true};

    for (int on = 0; on < 2; on++) {
        begin();
        add(SUPTREE_NONE, 0, (struct suptree_spec){SUP, .intensity = 1}, on ? &x : NULL);
        add(0, 1, (struct suptree_spec){SUP, .restart = RESTART_TRANSIENT}, NULL);
        add(1, 2, (struct suptree_spec){0}, NULL);
        start();
        fails(2);
        is_str(w.said, on ? "exit 2 giveup 1 down 1 escalate 1 begin 1 start 2 start 1 " :
                            "exit 2 giveup 1 down 1 escalate 1 ",
               on ? "restart_on_giveup: it is restarted" : "5: a transient branch that gave up stays down, as in OTP");
        end();
    }
}

/* -- 7 -------------------------------------------------------------------------------------------- */

static void quarantine_instead_of_giving_up(void)
{
    struct suptree_extra x = {.quarantine = true};

    begin();
    add(SUPTREE_NONE, 0, (struct suptree_spec){SUP}, NULL);
    add(0, 1, (struct suptree_spec){SUP, .intensity = 1}, &x);
    add(1, 2, (struct suptree_spec){0}, NULL);
    add(1, 3, (struct suptree_spec){0}, NULL);
    add(0, 4, (struct suptree_spec){0}, NULL);
    start();
    fails(2);
    fails(2);
    is_str(w.said, "exit 2 quarantine 1 stop 3 ", "7: a supervisor that would give up stops its children instead");
    ok(look(1).quarantined && look(1).state == TREE_RUNNING && look(4).state == TREE_RUNNING,
       "... and its parent has nothing to decide");
    ask(SUPTREE_RESTART, 2);
    is_int(w.answer, ANSWER_QUARANTINED, "a child of it is not started alone");
    ask(SUPTREE_TERMINATE, 1);
    ask(SUPTREE_RESTART, 1);
    is_str(w.said, "begin 1 start 2 start 3 start 1 ", "the branch is started whole");
    ok(!look(1).quarantined && look(1).restarts_in_window == 0, "... with an empty window");
    end();
}

/* -- 10 ------------------------------------------------------------------------------------------- */

static void a_branch_has_a_deadline(void)
{
    struct suptree_extra x = {.shutdown_deadline_ms = 1000};

    begin();
    add(SUPTREE_NONE, 0, (struct suptree_spec){SUP}, NULL);
    add(0, 1, (struct suptree_spec){SUP}, &x);
    add(1, 2, (struct suptree_spec){SUP}, NULL);
    add(2, 3, (struct suptree_spec){.shutdown = SHUTDOWN_INFINITY}, NULL);
    add(1, 4, (struct suptree_spec){.shutdown = SHUTDOWN_INFINITY}, NULL);
    add(0, 5, (struct suptree_spec){0}, NULL);
    start();
    w.stubborn[4] = w.stubborn[3] = true;
    ask(SUPTREE_TERMINATE, 1);
    is_str(w.said, "", "10: a child that will not stop holds its branch up");
    pass(999);
    is_str(w.said, "", "... until the branch's deadline");
    pass(1);
    is_str(w.said, "lost 4 lost 2 lost 3 stop 1 ", "then what is left is killed at once");
    is_int(w.answer, ANSWER_OK, "and who asked for it has an answer");
    ok(look(3).state == TREE_STOPPED && look(2).state == TREE_STOPPED && look(5).state == TREE_RUNNING,
       "nothing of it lives, and nothing else fell");
    w.stubborn[4] = w.stubborn[3] = false;
    ask(SUPTREE_RESTART, 1);
    ask(SUPTREE_TERMINATE, 1);
    pass(5000);
    is_str(w.said, "", "a branch that stops in time is not killed afterwards");
    end();
}

static void answers_stop(uint32_t v)
{
    struct suptree_input in = {.kind = SUPTREE_EXITED, .vertex = v, .life = look(v).life, .cls = CLASS_SHUTDOWN,
                               .cause = CAUSE_SUPERVISOR};

    take(&in);
}

/* 1 .. 4 under one that has little time; 3 depends on 1, 5 is a branch of two that stop one after the other. */
static void independent_ones_stop_at_once(void)
{
    struct suptree_extra x = {.shutdown_deadline_ms = 1000}, on_1 = {.depend_count = 1, .depends = {{1, 1}}};

    begin();
    add(SUPTREE_NONE, 8, (struct suptree_spec){SUP}, NULL);
    add(8, 0, (struct suptree_spec){SUP, .intensity = 10}, &x);
    for (uint32_t v = 1; v <= 4; v++)
        add(0, v, (struct suptree_spec){.shutdown = SHUTDOWN_INFINITY}, v == 3 ? &on_1 : NULL);
    add(0, 5, (struct suptree_spec){SUP}, NULL);
    add(5, 6, (struct suptree_spec){.shutdown = SHUTDOWN_INFINITY}, NULL);
    add(5, 7, (struct suptree_spec){.shutdown = SHUTDOWN_INFINITY}, NULL);
    take(&(struct suptree_input){.kind = SUPTREE_BRANCH_START, .vertex = 8, .line = 1, .life = 1});
    for (uint32_t v = 1; v <= 7; v++)
        w.stubborn[v] = true;
    ask(SUPTREE_TERMINATE, 0);
    for (uint32_t v = 2; v <= 5; v++)
        ok(look(v).state == TREE_STOPPING, "10: %u is told to stop though the others have not", v);
    ok(look(1).state == TREE_RUNNING, "... but not who is needed by one that has not stopped");
    ok(look(7).state == TREE_STOPPING && look(6).state == TREE_RUNNING, "a branch among them keeps OTP's order inside");
    answers_stop(2);
    ends(1, CLASS_ABNORMAL, CAUSE_CODE);
    ok(look(1).state == TREE_DEAD && w.answer == ANSWER_COUNT, "one that ends before its turn has nothing more to do");
    answers_stop(3);
    answers_stop(4);
    answers_stop(7);
    is_int(look(6).state, TREE_STOPPING, "the branch goes on in its order");
    is_int(w.answer, ANSWER_COUNT, "all are waited for");
    answers_stop(6);
    ok(look(0).state == TREE_STOPPED && w.answer == ANSWER_OK, "then the supervisor is down, and who asked is told");
    pass(5000);
    is_str(w.said, "", "its deadline is over with it");

    for (uint32_t v = 1; v <= 7; v++)
        w.stubborn[v] = false;
    ask(SUPTREE_RESTART, 0);
    for (uint32_t v = 1; v <= 7; v++)
        w.stubborn[v] = true;
    ask(SUPTREE_TERMINATE, 0);
    answers_stop(3);
    is_int(look(1).state, TREE_STOPPING, "who was needed is told when nobody needs it any more");
    pass(1000);
    ok(look(0).state == TREE_STOPPED && w.answer == ANSWER_OK, "at the deadline what is left is killed");
    end();
}

/* -- 8, 13, suspects -------------------------------------------------------------------------------- */

static void bad_luck_moves(void)
{
    struct suptree_extra x = {.local_restarts = 2, .healthy_after_ms = 1000}, branch = x;

    begin();
    add(SUPTREE_NONE, 0, (struct suptree_spec){SUP, .intensity = 100}, NULL);
    add(0, 1, (struct suptree_spec){0}, &x);
    add(0, 2, (struct suptree_spec){SUP, .intensity = 1}, &branch);
    add(2, 3, (struct suptree_spec){0}, NULL);
    add(2, 4, (struct suptree_spec){0}, NULL);
    start();
    fails(1);
    is_str(w.said, "exit 1 start 1 ", "8: the first restart is on the same device");
    fails(1);
    is_str(w.said, "exit 1 start 1 ", "... as is the second");
    fails(1);
    is_str(w.said, "exit 1 move start 1 ", "the next one is not");
    fails(1);
    fails(1);
    is_str(w.said, "exit 1 start 1 ", "there it has as many again");
    fails(1);
    is_str(w.said, "exit 1 move start 1 ", "before it moves on");
    fails(1);
    fails(1);
    pass(1000);
    fails(1);
    is_str(w.said, "exit 1 start 1 ", "a healthy life begins a new row");
    for (int n = 0; n < 5; n++)
        fails(3);
    is_str(w.said, "exit 3 start 3 ", "a restart within a branch is not its own");
    fails(3);
    is_str(w.said, "exit 3 giveup 2 stop 4 down 2 escalate 2 begin 2 move start 3 move start 4 start 2 ",
           "a branch that is restarted as often moves whole");
    fails(4);
    is_str(w.said, "exit 4 start 4 ", "and who restarts in it afterwards stays there");
    end();
}

static void a_restart_waits_for_a_slot(void)
{
    struct suptree_extra x = {.waits = true}, slow = {.backoff_min_ms = 100, .backoff_max_ms = 100};
    struct suptree_input room = {.kind = SUPTREE_ROOM, .vertex = 2};

    begin();
    add(SUPTREE_NONE, 0, (struct suptree_spec){SUP, .intensity = 1}, &x);
    add(0, 1, (struct suptree_spec){0}, NULL);
    add(0, 2, (struct suptree_spec){0}, NULL);
    add(0, 3, (struct suptree_spec){.dynamic = true}, NULL);
    start();
    w.no_room[2] = w.no_room[3] = true;
    lose(2);
    is_str(w.said, "lost 2 waiting 2 ", "13: one that was lost and finds no slot waits");
    ok(look(2).no_room && look(2).state == TREE_RESTARTING, "... in a state of its own");
    fails(1);
    is_str(w.said, "exit 1 start 1 ", "its supervisor goes on, and has lost nothing of its intensity");
    room.life = look(2).life;
    w.said[0] = '\0';
    take(&room);
    is_str(w.said, "", "a slot that somebody else took is no news");
    ok(look(2).no_room, "... it waits on");
    take(&room);
    is_str(w.said, "", "what is said of an earlier attempt changes nothing");
    ask(SUPTREE_START_CHILD, 3);
    is_int(w.answer, ANSWER_START_ERROR, "who is started by hand is told that there is none");
    w.no_room[2] = false;
    room.life = look(2).life;
    take(&room);
    is_str(w.said, "start_failed 3 start 2 ", "it is started when there is one");
    ok(!look(2).no_room && look(0).restarts_in_window == 1, "free of charge");
    w.no_room[2] = true;
    lose(2);
    ask(SUPTREE_TERMINATE, 2);
    ok(w.answer == ANSWER_OK && !look(2).no_room && look(2).state == TREE_STOPPED, "terminate cancels it");
    room.life = look(2).life;
    take(&room);
    is_str(w.said, "", "... for good");
    end();

    begin();
    add(SUPTREE_NONE, 0, (struct suptree_spec){SUP, .strategy = REST_FOR_ONE, .intensity = 1}, &x);
    for (uint32_t v = 1; v <= 3; v++)
        add(0, v, (struct suptree_spec){0}, NULL);
    start();
    w.no_room[2] = true;
    fails(1);
    is_str(w.said, "exit 1 stop 3 stop 2 start 1 waiting 2 ", "in a group those behind it wait with it");
    w.no_room[2] = false;
    w.said[0] = '\0';
    take(&(struct suptree_input){.kind = SUPTREE_ROOM, .vertex = 2, .life = look(2).life});
    is_str(w.said, "start 2 start 3 ", "and come with it");
    end();

    begin();
    add(SUPTREE_NONE, 0, (struct suptree_spec){SUP, .intensity = 1}, NULL);
    add(0, 1, (struct suptree_spec){0}, NULL);
    start();
    w.no_room[1] = true;
    fails(1);
    is_str(w.said, "exit 1 start_failed 1 giveup 0 down 0 report ", "without the key it is a start that fails");
    end();

    begin();
    add(SUPTREE_NONE, 0, (struct suptree_spec){SUP, .intensity = 10}, NULL);
    add(0, 1, (struct suptree_spec){0}, &slow);
    start();
    w.no_room[1] = true;
    fails(1);
    pass(100);
    w.no_room[1] = false;
    w.said[0] = '\0';
    take(&(struct suptree_input){.kind = SUPTREE_ROOM, .vertex = 1, .life = look(1).life});
    is_str(w.said, "", "... and waits for its time, not for a slot");
    end();
}

static void a_slot_for_a_group_stops_nobody(void)
{
    struct suptree_extra x = {.waits = true};

    begin();
    add(SUPTREE_NONE, 0, (struct suptree_spec){SUP, .strategy = ONE_FOR_ALL, .intensity = 1}, &x);
    for (uint32_t v = 1; v <= 3; v++)
        add(0, v, (struct suptree_spec){0}, NULL);
    start();
    w.no_room[2] = true;
    lose(2);
    is_str(w.said, "lost 2 waiting 2 ", "(one that was lost waits)");
    w.no_room[2] = false;
    w.said[0] = '\0';
    take(&(struct suptree_input){.kind = SUPTREE_ROOM, .vertex = 2, .life = look(2).life});
    is_str(w.said, "start 2 ", "13: when there is a slot nobody who runs is stopped for it, whatever the strategy");
    w.no_room[2] = true;
    fails(1);
    is_str(w.said, "exit 1 stop 3 stop 2 start 1 waiting 2 ", "(in a group those behind it wait with it)");
    take(&(struct suptree_input){.kind = SUPTREE_ROOM, .vertex = 2, .life = look(2).life});
    is_str(w.said, "exit 1 stop 3 stop 2 start 1 waiting 2 ", "a slot that was gone again is no news, as before");
    ask(SUPTREE_TERMINATE, 2);
    is_str(w.said, "start 3 ", "when the one that waits is stopped by hand they come without it");
    end();
}

static void a_start_that_fails_has_a_cause(void)
{
    struct suptree_extra keep = {.on_cause = {[CAUSE_START] = ACTION_QUARANTINE}};
    struct suptree_extra leave = {.on_cause = {[CAUSE_START] = ACTION_IGNORE}};

    begin();
    add(SUPTREE_NONE, 0, (struct suptree_spec){SUP, .intensity = 10}, NULL);
    add(0, 1, (struct suptree_spec){0}, &keep);
    add(0, 2, (struct suptree_spec){.restart = RESTART_TRANSIENT}, &leave);
    start();
    w.fails[1] = w.fails[2] = 1;
    fails(1);
    is_str(w.said, "exit 1 start_failed 1 quarantine 1 ", "3: a restart that fails has a cause, and what it leads to is done");
    ok(look(1).quarantined && look(1).state == TREE_STOPPED, "... it is kept down");
    fails(2);
    is_str(w.said, "exit 2 start_failed 2 ", "ignored, it is as if it had ended normally");
    is_int(look(2).state, TREE_STOPPED, "... and a transient one stays down");
    end();
}

static void a_pool_tries_its_other_places(void)
{
    begin();
    add(SUPTREE_NONE, 0, (struct suptree_spec){SUP, .strategy = SIMPLE_ONE_FOR_ONE, .intensity = 10}, NULL);
    add(0, 1, (struct suptree_spec){0}, NULL);
    for (uint32_t v = 2; v <= 4; v++)
        add(0, v, (struct suptree_spec){.dynamic = true}, NULL);
    start();
    w.no_room[2] = true;
    ask(SUPTREE_SPAWN, 0);
    is_int(w.answer, ANSWER_START_ERROR, "a place whose device is gone answers that it could not be started");
    ask(SUPTREE_SPAWN, 0);
    ok(w.answer == ANSWER_OK && look(3).state == TREE_RUNNING, "... and the next one is asked of another place");
    end();
}

static void bad_luck_is_not_passed_on(void)
{
    struct suptree_extra x = {.local_restarts = 1, .backoff_min_ms = 10, .healthy_after_ms = 1000};

    begin();
    add(SUPTREE_NONE, 0, (struct suptree_spec){SUP, .strategy = SIMPLE_ONE_FOR_ONE, .intensity = 10}, NULL);
    add(0, 1, (struct suptree_spec){0}, &x);
    add(0, 2, (struct suptree_spec){.dynamic = true}, &x);
    start();
    ask(SUPTREE_SPAWN, 0);
    fails(2);
    pass(10);
    fails(2);
    is_str(w.said, "exit 2 delay 2 10 ", "8: an instance that would move on waits");
    ask(SUPTREE_TERMINATE, 2);
    ask(SUPTREE_SPAWN, 0);
    is_str(w.said, "start 2 ", "... and is stopped: the next one in its place begins where it is");
    end();
}

static void suspects(void)
{
    struct suptree_extra otp = {.count_infrastructure = true}, again = {.on_cause = {[CAUSE_SUSPECT] = ACTION_RESTART}};

    begin();
    add(SUPTREE_NONE, 0, (struct suptree_spec){SUP, .intensity = 10}, NULL);
    add(0, 1, (struct suptree_spec){0}, NULL);
    add(0, 2, (struct suptree_spec){0}, &again);
    start();
    ends(1, CLASS_ABNORMAL, CAUSE_SUSPECT);
    is_str(w.said, "exit 1 quarantine 1 ", "4: an actor that broke its worker again and again is kept down");
    ok(look(1).quarantined, "... in quarantine");
    ask(SUPTREE_RESTART, 1);
    is_str(w.said, "start 1 ", "until it is restarted by hand");
    ends(2, CLASS_ABNORMAL, CAUSE_SUSPECT);
    is_str(w.said, "exit 2 start 2 ", "unless on_cause says otherwise");
    end();
    begin();
    add(SUPTREE_NONE, 0, (struct suptree_spec){SUP, .intensity = 10}, &otp);
    add(0, 1, (struct suptree_spec){0}, NULL);
    start();
    ends(1, CLASS_ABNORMAL, CAUSE_SUSPECT);
    is_str(w.said, "exit 1 start 1 ", "or infrastructure counts as in OTP");
    end();
}

/* -- 11 ------------------------------------------------------------------------------------------- */

static void who_depends_falls_along(void)
{
    struct suptree_extra on_1 = {.depend_count = 1, .depends = {{1, 1}}}, on_2 = {.depend_count = 1, .depends = {{2, 3}}};

    begin();
    add(SUPTREE_NONE, 0, (struct suptree_spec){SUP, .intensity = 100}, NULL);
    add(0, 1, (struct suptree_spec){0}, NULL);
    add(0, 2, (struct suptree_spec){0}, &on_1);
    add(0, 3, (struct suptree_spec){0}, NULL);
    add(0, 4, (struct suptree_spec){0}, &on_2);
    add(0, 5, (struct suptree_spec){0}, &on_1);
    start();
    fails(1);
    is_str(w.said, "exit 1 stop 5 stop 4 stop 2 start 1 start 2 start 4 start 5 ",
           "11: those that depend on it, also by way of others, stop before and start after it");
    fails(3);
    is_str(w.said, "exit 3 stop 4 start 3 start 4 ", "and nobody else");
    fails(5);
    is_str(w.said, "exit 5 start 5 ", "who depends falls alone");
    is_int(look(0).restarts_in_window, 3, "each was one restart");
    w.fails[2] = 1;
    fails(1);
    is_str(w.said, "exit 1 stop 5 stop 4 stop 2 start 1 start_failed 2 start 5 start 2 start 4 ",
           "what depends on one that does not start waits for it, the others do not");
    end();
}

/* -- saved ---------------------------------------------------------------------------------------- */

static struct suptree *like(const struct suptree_extra *x)
{
    begin();
    add(SUPTREE_NONE, 0, (struct suptree_spec){SUP, .intensity = 100, .period_ms = 60000}, NULL);
    add(0, 1, (struct suptree_spec){0}, x);
    return w.tree;
}

static void a_wait_is_saved(void)
{
    struct suptree_extra x = {.backoff_min_ms = 100, .backoff_max_ms = 5000, .backoff_factor = 200,
                              .healthy_after_ms = 100000};
    static char buf[65536];
    struct suptree *old;
    size_t bytes;

    old = like(&x);
    start();
    fails(1);
    pass(100);
    fails(1);
    pass(50);
    ok(suptree_save(w.tree, SUPTREE_NONE, buf, sizeof buf, &bytes) > 0, "saved while a child waits");
    suptree_destroy(old);
    (void)like(&x);
    is_int(suptree_load(w.tree, buf, bytes), 0, "and loaded into another instance");
    w.now_ms = 150;
    is_int((long long)suptree_due(w.tree), 300, "it is due when it was");
    pass(150);
    is_str(w.said, "start 1 ", "and started then");
    fails(1);
    is_str(w.said, "exit 1 delay 1 400 ", "and the row goes on");
    buf[bytes - 60] ^= 1;
    (void)suptree_load(w.tree, buf, bytes);
    suptree_check(w.tree);
    end();
}

/* -- taken out ------------------------------------------------------------------------------------ */

static void who_is_taken_out_makes_room(void)
{
    int wrong = 0;

    begin();
    add(SUPTREE_NONE, 0, (struct suptree_spec){SUP, .intensity = 100}, NULL);
    add(0, 1, (struct suptree_spec){0}, NULL);
    add(0, 2, (struct suptree_spec){0}, NULL);
    start();
    is_int(suptree_remove(w.tree, 0), TW_ESTATE, "one that has children is not taken out");
    is_int(suptree_remove(w.tree, 9), TW_ENOENT, "nor one that is not there");
    for (uint32_t n = 0; n < 10 * MOST; n++) {
        uint32_t id = 3 + n % 5;

        add(0, id, (struct suptree_spec){.dynamic = true}, NULL);
        ask(SUPTREE_START_CHILD, id);
        wrong += w.answer != ANSWER_OK || look(id).state != TREE_RUNNING;
        ask(SUPTREE_TERMINATE, id);
        ask(SUPTREE_DELETE, id);
        wrong += suptree_remove(w.tree, id) != 0;
    }
    is_int(wrong, 0, "children come and go, more than there is room for at once");
    fails(1);
    is_str(w.said, "exit 1 start 1 ", "... and the others are none the worse");
    while (suptree_next_changed(w.tree) != SUPTREE_NONE)
        continue;
    end();
}

/* -- who is due ----------------------------------------------------------------------------------- */

static uint64_t drawn(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
    return *seed >> 33;
}

static void dues_against_a_plain_table(void)
{
    enum { N = 50 };
    uint64_t plain[N], seed = 1, at;
    struct dues d;
    int wrong = 0;

    for (int i = 0; i < N; i++)
        plain[i] = DUES_NEVER;
    is_int(dues_init(&d, N), 0, "a table of fifty times");
    for (int n = 0; n < 100000; n++) {
        uint32_t i = (uint32_t)(drawn(&seed) % N), first = UINT32_MAX;

        at = drawn(&seed) % 4 ? drawn(&seed) % 40 : DUES_NEVER;
        dues_set(&d, i, at);
        plain[i] = at;
        for (uint32_t k = 0; k < N; k++)
            if (plain[k] != DUES_NEVER && (first == UINT32_MAX || plain[k] < plain[first]))
                first = k;
        wrong += dues_first(&d, &at) != first || at != (first == UINT32_MAX ? DUES_NEVER : plain[first]) ||
                 dues_at(&d, i) != plain[i];
    }
    is_int(wrong, 0, "always names the earliest, of equal ones the first");
    dues_fini(&d);
}

int main(void)
{
    a_restart_waits();
    a_group_waits();
    a_group_whose_head_is_taken_away();
    what_is_decided_of_a_branch_elsewhere();
    a_budget_per_child();
    what_a_cause_leads_to();
    losses_that_count();
    a_giveup_is_not_a_clean_end();
    quarantine_instead_of_giving_up();
    a_branch_has_a_deadline();
    independent_ones_stop_at_once();
    bad_luck_moves();
    a_restart_waits_for_a_slot();
    a_slot_for_a_group_stops_nobody();
    a_start_that_fails_has_a_cause();
    a_pool_tries_its_other_places();
    bad_luck_is_not_passed_on();
    suspects();
    who_depends_falls_along();
    a_wait_is_saved();
    who_is_taken_out_makes_room();
    dues_against_a_plain_table();
    done_testing();
}
