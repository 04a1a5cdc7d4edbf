/* pool.c - the pool against the defects of the first of its kind
 *
 * RingKernel's ActorSupervisor (crates/ringkernel-core/src/actor.rs at 6c1ecbd) has this API; what it did wrong is
 * numbered A1 to A30.  Each test below is named after one, says what the original did, and would fail on it.
 */
#include "tests/lib/tap.h"

#include <stdbool.h>

#include "treewarden/supervisor.h"

#define ROOM 4096

struct play {
    struct tw_pool *pool;
    uint64_t now_ms;
    struct tw_pool_action did[ROOM];
    int n;
};

static struct tw_pool_spec spec_with(unsigned strategy, uint32_t intensity, uint32_t period_ms)
{
    struct tw_pool_spec s = TW_POOL_SPEC_INIT;

    s.strategy = (uint8_t)strategy;
    s.intensity = intensity;
    s.period_ms = period_ms;
    return s;
}

static struct tw_pool_spec child_of_type(unsigned restart)
{
    struct tw_pool_spec s = TW_POOL_SPEC_INIT;

    s.restart = (uint8_t)restart;
    return s;
}

static struct play open_pool(uint32_t grid, unsigned strategy, uint32_t intensity)
{
    struct tw_pool_spec top = spec_with(strategy, intensity, 1000);
    struct play p = {.now_ms = 0};

    if (tw_pool_create(grid, &top, 0, &p.pool) != 0)
        abort();
    return p;
}

static uint64_t add(struct play *p, uint64_t parent, const struct tw_pool_spec *spec)
{
    static const struct tw_pool_spec plain = TW_POOL_SPEC_INIT;
    uint64_t id = TW_NO_ACTOR;

    (void)tw_pool_create_actor(p->pool, p->now_ms, parent, spec ? spec : &plain, &id);
    tw_pool_check(p->pool);
    return id;
}

static uint64_t up(struct play *p, uint64_t parent, const struct tw_pool_spec *spec)
{
    uint64_t id = add(p, parent, spec);

    (void)tw_pool_activate(p->pool, p->now_ms, id);
    return id;
}

static int ends(struct play *p, uint64_t id, enum tw_pool_exit how)
{
    p->n = tw_pool_handle_failure(p->pool, p->now_ms, id, how, p->did, ROOM);
    tw_pool_check(p->pool);
    return p->n;
}

static int fails(struct play *p, uint64_t id) { return ends(p, id, TW_EXIT_ABNORMAL); }

static void restart(struct play *p, uint64_t id)
{
    p->n = tw_pool_restart(p->pool, p->now_ms, id, p->did, ROOM);
    tw_pool_check(p->pool);
}

/* The owner does all of it: blocks start and end as they are told. */
static void obey(struct play *p)
{
    for (int i = 0; i < p->n; i++)
        if (p->did[i].kind == TW_ACTION_STOP || p->did[i].kind == TW_ACTION_FORGET)
            (void)tw_pool_stopped(p->pool, p->now_ms, p->did[i].id);
        else if (p->did[i].kind == TW_ACTION_START)
            (void)tw_pool_activate(p->pool, p->now_ms, p->did[i].id);
    tw_pool_check(p->pool);
}

static int went(const struct play *p, const char *want, const char *what)
{
    char got[1024] = "";
    size_t at = 0;

    for (int i = 0; i < p->n && at < sizeof got; i++)
        at += (size_t)snprintf(got + at, sizeof got - at, "%s%s %u", i ? ", " : "",
                               tw_pool_action_name(p->did[i].kind), tw_pool_slot(p->did[i].id));
    return is_str(got, want, "%s", what);
}

/* Of this slot's actor: its present id. */
static uint64_t now_in(const struct play *p, uint64_t id) { return tw_pool_entries(p->pool)[tw_pool_slot(id)].id; }
static unsigned state(const struct play *p, uint64_t id) { return tw_pool_entries(p->pool)[tw_pool_slot(id)].state; }

static uint32_t kill_all(struct play *p, uint64_t id, uint64_t *ret)
{
    int n = tw_pool_kill_tree(p->pool, p->now_ms, id, ret, ROOM);

    tw_pool_check(p->pool);
    return n < 0 ? 0 : (uint32_t)n;
}

static bool is_late(const struct play *p, uint64_t id)
{
    uint64_t late[64];
    int n = tw_pool_check_heartbeats(p->pool, p->now_ms, late, 64);

    for (int i = 0; i < n; i++)
        if (late[i] == id)
            return true;
    return false;
}

static void close_pool(struct play *p)
{
    tw_pool_check(p->pool);
    tw_pool_destroy(p->pool);
}

/* -- A1 to A12: who falls and who comes back -------------------------------------------------------- */

/* Destroyed the live siblings and recreated nobody; the failed one's slot leaked and counted as active. */
static void a1_one_for_all_restarts_all(void)
{
    struct play p = open_pool(8, TW_ONE_FOR_ALL, 5);
    uint64_t a = up(&p, TW_POOL_ROOT, NULL), b = up(&p, TW_POOL_ROOT, NULL), c = up(&p, TW_POOL_ROOT, NULL);

    fails(&p, b);
    went(&p, "stop 3, stop 1, start 1, start 2, start 3",
         "A1: one_for_all stops the others in reverse and starts all of them in order");
    is_int(tw_pool_count(p.pool, TW_POOL_INITIALIZING), 3, "A1: ... who all come back");
    is_int(tw_pool_active_count(p.pool), 0, "A1: ... and count as active when they are, not before");
    ok(now_in(&p, a) > a && now_in(&p, b) > b && now_in(&p, c) > c, "A1: ... each in a new life");
    obey(&p);
    ok(tw_pool_active_count(p.pool) == 3 && tw_pool_available_count(p.pool) == 4, "A1: no slot has leaked");
    close_pool(&p);
}

/* Group policies on an actor without parent: marked failed and forgotten, not even an Escalated came. */
static void a2_the_root_is_a_supervisor(void)
{
    struct play p = open_pool(8, TW_ONE_FOR_ALL, 1);
    uint64_t a = up(&p, TW_POOL_ROOT, NULL), b = up(&p, TW_POOL_ROOT, NULL);

    fails(&p, a);
    went(&p, "stop 2, start 1, start 2", "A2: actors below the root have a supervisor like all others");
    obey(&p);
    fails(&p, now_in(&p, b));
    went(&p, "give_up 0, stop 1", "A2: the root gives up like all others");
    ok(p.did[0].id == TW_POOL_ROOT && p.did[0].other == TW_NO_ACTOR, "A2: ... and says that the owner decides");
    is_int(tw_pool_create_actor(p.pool, 0, TW_POOL_ROOT, tw_pool_spec_of(p.pool, now_in(&p, a)), &a), TW_POOL_ESTATE,
           "A2: nobody is added to a pool that is down");
    obey(&p);
    p.n = tw_pool_revive(p.pool, p.now_ms, p.did, ROOM);
    went(&p, "start 1, start 2", "A2: revived, it begins with those it had");
    is_int(tw_pool_revive(p.pool, p.now_ms, p.did, ROOM), TW_POOL_ESTATE, "A2: a pool that is up is not revived");
    obey(&p);
    fails(&p, now_in(&p, b));
    went(&p, "stop 1, start 1, start 2", "A2: ... and with an empty window");
    close_pool(&p);
}

/* The failed one was filtered out of children_of before the scan looked for it: so nothing ever happened. */
static void a3_rest_for_one_acts(void)
{
    struct play p = open_pool(8, TW_REST_FOR_ONE, 5);
    uint64_t a = up(&p, TW_POOL_ROOT, NULL), b = up(&p, TW_POOL_ROOT, NULL);

    up(&p, TW_POOL_ROOT, NULL);
    fails(&p, b);
    went(&p, "stop 3, start 2, start 3", "A3: rest_for_one takes the failed one and those after it");
    ok(now_in(&p, a) == a && state(&p, a) == TW_POOL_ACTIVE, "A3: ... and nobody before it");
    close_pool(&p);
}

/* The order was that of slots, which the free list made the reverse of creation. */
static void a4_order_is_that_of_creation(void)
{
    struct play p = open_pool(8, TW_REST_FOR_ONE, 5);
    uint64_t a = up(&p, TW_POOL_ROOT, NULL), b = up(&p, TW_POOL_ROOT, NULL), c, ids[4];

    tw_pool_destroy_actor(p.pool, 0, a);
    tw_pool_stopped(p.pool, 0, a);
    c = up(&p, TW_POOL_ROOT, NULL);
    is_int(tw_pool_slot(c), tw_pool_slot(a), "A4: (the youngest has the lowest slot)");
    ok(tw_pool_children_of(p.pool, TW_POOL_ROOT, ids, 4) == 2 && ids[0] == b && ids[1] == c,
       "A4: children are named in the order of their creation");
    fails(&p, b);
    went(&p, "stop 1, start 2, start 1", "A4: the rest are those created later, wherever they lie");
    fails(&p, now_in(&p, c));
    went(&p, "start 1", "A4: ... so after the youngest there is nobody");
    close_pool(&p);
}

/* Group policies neither looked at the budget nor charged it: unbounded storms. */
static void a5_group_restarts_are_charged(void)
{
    for (unsigned strategy = TW_ONE_FOR_ONE; strategy < TW_STRATEGY_COUNT; strategy++) {
        struct play p = open_pool(8, strategy, 3);
        uint64_t a = up(&p, TW_POOL_ROOT, NULL);

        up(&p, TW_POOL_ROOT, NULL);
        for (int i = 0; i < 3; i++) {
            fails(&p, now_in(&p, a));
            obey(&p);
        }
        is_int((long long)tw_pool_restarts(p.pool), 3, "A5: strategy %u: as many restarts as the budget has", strategy);
        fails(&p, now_in(&p, a));
        ok(p.n > 0 && p.did[0].kind == TW_ACTION_GIVE_UP, "A5: ... and not one more");
        close_pool(&p);
    }
}

/* The window's start was never written and its length never compared: the count was for life. */
static void a6_the_window_moves_on(void)
{
    struct play p = open_pool(8, TW_ONE_FOR_ONE, 2);
    uint64_t a = up(&p, TW_POOL_ROOT, NULL);

    for (int i = 0; i < 50; i++) {
        p.now_ms += 501;                /* at most two within any second */
        fails(&p, now_in(&p, a));
        obey(&p);
    }
    is_int((long long)tw_pool_restarts(p.pool), 50, "A6: restarts far enough apart are granted for ever");
    fails(&p, now_in(&p, a));
    is_int((long long)tw_pool_giveups(p.pool), 1, "A6: ... one too close is not");
    close_pool(&p);
}

/* A budget per child: N children failing in turn never tripped it. */
static void a7_the_budget_is_the_supervisors(void)
{
    struct play p = open_pool(16, TW_ONE_FOR_ONE, 5);
    struct tw_pool_spec group = spec_with(TW_ONE_FOR_ONE, 2, 1000);
    uint64_t s = up(&p, TW_POOL_ROOT, &group), kid[3];

    for (int i = 0; i < 3; i++)
        kid[i] = up(&p, s, NULL);
    for (int i = 0; i < 3; i++) {
        fails(&p, kid[i]);
        if (i < 2)
            obey(&p);
    }
    ok(p.did[0].kind == TW_ACTION_GIVE_UP && p.did[0].id == s && p.did[0].other == TW_POOL_ROOT,
       "A7: children that fail in turn spend their supervisor's budget");
    close_pool(&p);
}

/* Limit 0 meant unlimited, and "never" was stored as 0: what must never restart restarted a thousand times. */
static void a8_never_and_unlimited_are_words(void)
{
    struct play p = open_pool(8, TW_ONE_FOR_ONE, 0);
    struct tw_pool_spec never = child_of_type(TW_TEMPORARY), group = spec_with(TW_ONE_FOR_ONE, TW_UNLIMITED, 1000);
    uint64_t t = up(&p, TW_POOL_ROOT, &never), a;

    fails(&p, t);
    went(&p, "forget 1", "A8: a temporary actor is never restarted, and forgotten");
    ok(tw_pool_get(p.pool, t) == NULL && tw_pool_available_count(p.pool) == 7, "A8: ... its slot is free");
    a = up(&p, up(&p, TW_POOL_ROOT, &group), NULL);
    for (int i = 0; i < 1000; i++)
        fails(&p, now_in(&p, a));
    is_int((long long)tw_pool_restarts(p.pool), 1000, "A8: unlimited is a number of its own");
    fails(&p, now_in(&p, tw_pool_get(p.pool, now_in(&p, a))->parent));
    is_int((long long)tw_pool_giveups(p.pool), 1, "A8: intensity 0 grants none");
    close_pool(&p);
}

/* Nothing was stored; the caller passed any configuration at failure time and it replaced the limits. */
static void a9_the_spec_is_stored(void)
{
    struct play p = open_pool(8, TW_ONE_FOR_ONE, 5);
    struct tw_pool_spec s = spec_with(TW_ONE_FOR_ALL, 1, 700), kept;
    uint64_t id, a;

    s.argument = 0x1234567890abcdefull;
    s.mailbox = 99;
    s.init_ms = 11;
    strcpy(s.name, "worker");
    kept = s;
    id = up(&p, TW_POOL_ROOT, &s);
    memset(&s, 0xff, sizeof s);
    ok(!memcmp(tw_pool_spec_of(p.pool, id), &kept, sizeof kept), "A9: all of a spec is kept, whatever becomes of the caller's");
    fails(&p, id);
    ok(!memcmp(tw_pool_spec_of(p.pool, now_in(&p, id)), &kept, sizeof kept), "A9: ... and is that of the next life");
    a = up(&p, now_in(&p, id), NULL);
    fails(&p, a);
    fails(&p, now_in(&p, a));
    ok(p.did[0].kind == TW_ACTION_GIVE_UP, "A9: ... its budget too");
    s = kept;
    s.init_ms = 0;
    is_int(tw_pool_create_actor(p.pool, 0, TW_POOL_ROOT, &s, &id), TW_POOL_EINVAL, "A9: a spec that says nothing is refused");
    close_pool(&p);
}

/* "Permanent" meant never in the code and always in the paper; there was no reason of an exit. */
static void a10_types_and_exits_are_otps(void)
{
    static const bool again[TW_RESTART_TYPE_COUNT][TW_EXIT_COUNT] = {
        [TW_PERMANENT] = {true, true, true, true},
        [TW_TRANSIENT] = {[TW_EXIT_KILLED] = true, [TW_EXIT_ABNORMAL] = true},
        [TW_TEMPORARY] = {false}};

    for (unsigned type = 0; type < TW_RESTART_TYPE_COUNT; type++)
        for (unsigned how = 0; how < TW_EXIT_COUNT; how++) {
            struct play p = open_pool(4, TW_ONE_FOR_ONE, 5);
            struct tw_pool_spec s = child_of_type(type);

            ends(&p, up(&p, TW_POOL_ROOT, &s), (enum tw_pool_exit)how);
            went(&p, again[type][how] ? "start 1" : type == TW_TEMPORARY ? "forget 1" : "",
                 again[type][how] ? "A10: restarted, as OTP does" : "A10: not restarted, as OTP does");
            close_pool(&p);
        }
}

/* Escalation was a word in a list: no state changed, the failed slot leaked. */
static void a11_who_gives_up_falls(void)
{
    struct play p = open_pool(16, TW_ONE_FOR_ONE, 5);
    struct tw_pool_spec group = spec_with(TW_ONE_FOR_ONE, 1, 1000);
    uint64_t s = up(&p, TW_POOL_ROOT, &group), a = up(&p, s, NULL), other = up(&p, TW_POOL_ROOT, NULL), b;

    b = up(&p, s, NULL);
    up(&p, b, NULL);
    fails(&p, a);
    obey(&p);
    fails(&p, now_in(&p, a));
    went(&p, "give_up 1, stop 5, stop 4, stop 1, start 1, start 2, start 4, start 5",
         "A11: a supervisor that gives up stops its branch in reverse, itself last; its parent starts it again");
    ok(now_in(&p, other) == other, "A11: ... and nobody else is touched");
    obey(&p);
    ok(tw_pool_active_count(p.pool) == 5 && tw_pool_available_count(p.pool) == 10, "A11: no slot has leaked");
    close_pool(&p);
}

/* A restart left Initializing for ever, with a heartbeat of 0 that no check looked at. */
static void a12_a_start_has_a_deadline(void)
{
    struct play p = open_pool(4, TW_ONE_FOR_ONE, 5);
    struct tw_pool_spec s = child_of_type(TW_PERMANENT);
    uint64_t a;

    s.init_ms = 200;
    a = up(&p, TW_POOL_ROOT, &s);
    fails(&p, a);
    is_int(state(&p, a), TW_POOL_INITIALIZING, "A12: a restarted actor is active when its block says so");
    p.now_ms = 199;
    ok(!is_late(&p, now_in(&p, a)), "A12: until init_ms it may take");
    p.now_ms = 200;
    ok(is_late(&p, now_in(&p, a)), "A12: ... then it is late");
    is_int(fails(&p, now_in(&p, a)), 1, "A12: ... and can be failed like a running one");
    close_pool(&p);
}

/* -- A13 to A17: time, ids, lives ----------------------------------------------------------------------- */

/* An actor that had never beaten never timed out. */
static void a13_the_first_beat_is_waited_for(void)
{
    struct play p = open_pool(4, TW_ONE_FOR_ONE, 5);
    uint64_t a = up(&p, TW_POOL_ROOT, NULL);

    p.now_ms = 999;
    ok(!is_late(&p, a), "A13: an actor that never beat is not late before its deadline");
    p.now_ms = 1000;
    ok(is_late(&p, a), "A13: ... and is then");
    close_pool(&p);
}

/* now - last underflowed when the beat was the newer one: a panic, or a false failure. */
static void a14_time_does_not_go_back(void)
{
    struct play p = open_pool(4, TW_ONE_FOR_ONE, 5);
    uint64_t a = up(&p, TW_POOL_ROOT, NULL), late;

    is_int(tw_pool_heartbeat(p.pool, 5000, a, 1), 0, "A14: a beat from later than the check");
    is_int(tw_pool_check_heartbeats(p.pool, 10, &late, 1), 0, "A14: ... makes nobody late");
    is_int(tw_pool_heartbeat(p.pool, 20, a, 2), 0, "A14: a beat of an earlier time counts as of the latest");
    is_int(tw_pool_check_heartbeats(p.pool, 5999, &late, 1), 0, "A14: ... so its deadline is not the earlier");
    is_int(tw_pool_check_heartbeats(p.pool, 6000, &late, 1), 1, "A14: ... nor the later");
    is_int(tw_pool_heartbeat(p.pool, UINT64_MAX - 1000, a, 3), 0, "A14: a deadline at the end of time");
    tw_pool_check(p.pool);
    is_int(tw_pool_check_heartbeats(p.pool, UINT64_MAX, &late, 1), 1, "A14: ... is one");
    is_int(tw_pool_heartbeat(p.pool, UINT64_MAX, a, 4), 0, "A14: and after that");
    tw_pool_check(p.pool);
    ok(tw_pool_get(p.pool, a) != NULL, "A14: ... nothing breaks");
    close_pool(&p);
}

/* One timeout argument for all; values of the actor were unused, and a hung drain was exempt. */
static void a15_deadlines_are_the_actors(void)
{
    struct play p = open_pool(8, TW_ONE_FOR_ONE, 5);
    struct tw_pool_spec quick = child_of_type(TW_PERMANENT), slow = quick, never = quick;
    uint64_t q, s, n;

    quick.beat_ms = 100;
    slow.beat_ms = 10000;
    never.beat_ms = TW_FOREVER;
    quick.drain_ms = 300;
    q = up(&p, TW_POOL_ROOT, &quick);
    s = up(&p, TW_POOL_ROOT, &slow);
    n = up(&p, TW_POOL_ROOT, &never);
    p.now_ms = 5000;
    ok(is_late(&p, q) && !is_late(&p, s) && !is_late(&p, n), "A15: each is late by its own deadline");
    p.now_ms = 50000;
    ok(is_late(&p, s) && !is_late(&p, n), "A15: ... and one without is never");
    tw_pool_destroy_actor(p.pool, p.now_ms, q);
    ok(!is_late(&p, q), "A15: one that is being stopped has time for that");
    p.now_ms += 300;
    ok(is_late(&p, q) && state(&p, q) == TW_POOL_DRAINING, "A15: ... and is late when it hangs");
    tw_pool_stopped(p.pool, p.now_ms, q);
    ok(!is_late(&p, q), "A15: ... until it has ended");
    close_pool(&p);
}

static void a15_deadlines_of_other_lengths_wait_for_nobody(void)
{
    struct play p = open_pool(8, TW_ONE_FOR_ONE, 5);
    struct tw_pool_spec s = child_of_type(TW_PERMANENT);
    uint64_t longer, shorter, near;

    s.beat_ms = 1000;
    longer = up(&p, TW_POOL_ROOT, &s);
    p.now_ms = 10;
    s.beat_ms = 600;
    shorter = up(&p, TW_POOL_ROOT, &s);
    s.beat_ms = 995;
    near = up(&p, TW_POOL_ROOT, &s);
    p.now_ms = 610;
    ok(is_late(&p, shorter) && !is_late(&p, longer), "A15: a short deadline does not wait for a long one before it");
    p.now_ms = 1010 + 1000 / 32;
    ok(is_late(&p, near), "A15: ... nor more than 1/32 for one of nearly its length");
    close_pool(&p);
}

/* Ids had no generation: beats of dead, dormant or former tenants were accepted, and went backwards. */
static void a16_a_beat_of_an_older_life_changes_nothing(void)
{
    struct play p = open_pool(4, TW_ONE_FOR_ONE, 5);
    uint64_t a = up(&p, TW_POOL_ROOT, NULL), b;

    tw_pool_heartbeat(p.pool, 0, a, 10);
    is_int(tw_pool_heartbeat(p.pool, 0, a, 9), TW_POOL_ESTALE, "A16: a counter that falls is refused");
    p.now_ms = 900;
    is_int(tw_pool_heartbeat(p.pool, p.now_ms, a, 10), 0, "A16: the same again is no error");
    p.now_ms = 1000;
    ok(is_late(&p, a), "A16: ... and no progress");
    fails(&p, a);
    b = now_in(&p, a);
    is_int(tw_pool_heartbeat(p.pool, p.now_ms, b, 1), TW_POOL_ESTATE, "A16: who has not begun does not beat");
    obey(&p);
    is_int(tw_pool_heartbeat(p.pool, 1500, a, 11), TW_POOL_ESTALE, "A16: a beat of the life before is refused");
    is_int((long long)tw_pool_get(p.pool, b)->progress, 0, "A16: ... and changes nothing");
    tw_pool_destroy_actor(p.pool, 1500, b);
    is_int(tw_pool_heartbeat(p.pool, 1500, b, 1), TW_POOL_ESTATE, "A16: nor does one that is being stopped");
    tw_pool_stopped(p.pool, 1500, b);
    is_int(tw_pool_heartbeat(p.pool, 1500, b, 1), TW_POOL_ESTALE, "A16: nor one whose slot is free");
    is_int((long long)tw_pool_stale(p.pool), 3, "A16: what was stale is counted");
    close_pool(&p);
}

/* A late report on a freed slot revived it: 4 active of 3, or one id handed out twice. */
static void a17_a_late_report_revives_nobody(void)
{
    struct play p = open_pool(4, TW_ONE_FOR_ONE, 5);
    uint64_t a = up(&p, TW_POOL_ROOT, NULL), ids[4];
    bool twice = false;

    tw_pool_destroy_actor(p.pool, 0, a);
    is_int(fails(&p, a), 0, "A17: a failure of one that is being stopped is its end");
    is_int(tw_pool_available_count(p.pool), 3, "A17: ... its slot is free");
    for (int i = 0; i < 5; i++)
        is_int(fails(&p, a), TW_POOL_ESTALE, "A17: a report on a freed slot is stale, whenever it comes");
    for (int i = 0; i < 3; i++) {
        ids[i] = up(&p, TW_POOL_ROOT, NULL);
        for (int k = 0; k < i; k++)
            twice |= tw_pool_slot(ids[k]) == tw_pool_slot(ids[i]);
    }
    is_int(tw_pool_create_actor(p.pool, 0, TW_POOL_ROOT, tw_pool_spec_of(p.pool, ids[0]), &a), TW_POOL_EFULL,
           "A17: there is room for three of three");
    ok(!twice && tw_pool_active_count(p.pool) == 3, "A17: ... no slot is given twice");
    close_pool(&p);
}

/* -- A18 to A23: parents and branches ------------------------------------------------------------------- */

/* handle_failure(0) put the supervisor's block into the pool as its own child; kill_tree(0) blew the stack. */
static void a18_reserved_ids_are_no_operands(void)
{
    static const uint64_t reserved[] = {0, TW_POOL_ROOT, TW_NO_ACTOR, 7, (uint64_t)5 << TW_POOL_SLOT_BITS};
    struct play p = open_pool(4, TW_ONE_FOR_ONE, 5);
    uint64_t ids[4];

    up(&p, TW_POOL_ROOT, NULL);
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++) {
        uint64_t id = reserved[i];

        ok(fails(&p, id) == TW_POOL_EINVAL && tw_pool_kill_tree(p.pool, 0, id, ids, 4) == TW_POOL_EINVAL &&
           tw_pool_destroy_actor(p.pool, 0, id) == TW_POOL_EINVAL &&
           tw_pool_restart(p.pool, 0, id, p.did, ROOM) == TW_POOL_EINVAL &&
           tw_pool_heartbeat(p.pool, 0, id, 1) == TW_POOL_EINVAL && tw_pool_idle(p.pool, 0, id) == TW_POOL_EINVAL &&
           tw_pool_activate(p.pool, 0, id) == TW_POOL_EINVAL && tw_pool_stopped(p.pool, 0, id) == TW_POOL_EINVAL,
           "A18: %" PRIx64 " is refused by every call", id);
    }
    ok(tw_pool_active_count(p.pool) == 1 && tw_pool_count(p.pool, TW_POOL_DORMANT) == 2, "A18: ... and nothing has changed");
    close_pool(&p);
}

/* Parent 0 was "none": children_of(0) gave every root, kill_tree(0) killed all trees. */
static void a19_the_root_is_explicit(void)
{
    struct play p = open_pool(8, TW_ONE_FOR_ONE, 5);
    struct tw_pool_spec s = TW_POOL_SPEC_INIT;
    uint64_t a = up(&p, TW_POOL_ROOT, NULL), b = up(&p, TW_POOL_ROOT, NULL), ids[8];

    up(&p, a, NULL);
    is_int(tw_pool_create_actor(p.pool, 0, 0, &s, ids), TW_POOL_EINVAL, "A19: 0 is no parent");
    is_int(tw_pool_create_actor(p.pool, 0, TW_NO_ACTOR, &s, ids), TW_POOL_EINVAL, "A19: nor is nobody");
    is_int(tw_pool_children_of(p.pool, 0, ids, 8), TW_POOL_EINVAL, "A19: 0 has no children");
    ok(tw_pool_children_of(p.pool, TW_POOL_ROOT, ids, 8) == 2 && ids[0] == a && ids[1] == b,
       "A19: the root has those that were given to it");
    ok(tw_pool_get(p.pool, a)->parent == TW_POOL_ROOT && tw_pool_depth(p.pool, a) == 1, "A19: ... and they have it");
    ok(tw_pool_get(p.pool, TW_POOL_ROOT)->parent == TW_NO_ACTOR && tw_pool_depth(p.pool, TW_POOL_ROOT) == 0,
       "A19: ... which has nobody above");
    is_int(kill_all(&p, a, ids), 2, "A19: a tree is killed alone");
    close_pool(&p);
}

/* Parents were unchecked: out of range, dormant, or the very slot that was being allocated. */
static void a20_parents_are_checked(void)
{
    struct play p = open_pool(8, TW_ONE_FOR_ONE, 1);
    struct tw_pool_spec s = TW_POOL_SPEC_INIT, once = child_of_type(TW_TRANSIENT);
    uint64_t a = up(&p, TW_POOL_ROOT, &once), b = up(&p, TW_POOL_ROOT, NULL), id;

    id = (uint64_t)1 << TW_POOL_SLOT_BITS | 3;
    is_int(tw_pool_create_actor(p.pool, 0, id, &s, &id), TW_POOL_ESTALE, "A20: the slot about to be given is no parent");
    id = (uint64_t)1 << TW_POOL_SLOT_BITS | 8;
    is_int(tw_pool_create_actor(p.pool, 0, id, &s, &id), TW_POOL_EINVAL, "A20: nor is one out of range");
    ends(&p, a, TW_EXIT_NORMAL);
    is_int(state(&p, a), TW_POOL_TERMINATED, "A20: (one that has finished)");
    is_int(tw_pool_create_actor(p.pool, 0, a, &s, &id), TW_POOL_ESTATE, "A20: nor one that does not live");
    fails(&p, b);
    is_int(tw_pool_create_actor(p.pool, 0, b, &s, &id), TW_POOL_ESTALE, "A20: nor one of an older life");
    b = now_in(&p, b);
    tw_pool_destroy_actor(p.pool, 0, b);
    is_int(tw_pool_create_actor(p.pool, 0, b, &s, &id), TW_POOL_ESTATE, "A20: nor one that is being stopped");
    tw_pool_stopped(p.pool, 0, b);
    is_int(tw_pool_create_actor(p.pool, 0, b, &s, &id), TW_POOL_ESTALE, "A20: nor one that is free");
    close_pool(&p);
}

/* Destroying a parent orphaned its children; the slot's next tenant adopted them, and its kill_tree killed strangers. */
static void a21_nobody_is_orphaned(void)
{
    struct play p = open_pool(8, TW_ONE_FOR_ONE, 5);
    uint64_t a = up(&p, TW_POOL_ROOT, NULL), kid = up(&p, a, NULL), b, ids[8];

    is_int(tw_pool_destroy_actor(p.pool, 0, a), TW_POOL_ESTATE, "A21: one with children is not destroyed");
    ok(tw_pool_get(p.pool, kid) && state(&p, kid) == TW_POOL_ACTIVE, "A21: ... and they live on");
    kill_all(&p, a, ids);
    tw_pool_stopped(p.pool, 0, kid);
    tw_pool_stopped(p.pool, 0, a);
    b = up(&p, TW_POOL_ROOT, NULL);
    is_int(tw_pool_slot(b), tw_pool_slot(a), "A21: (the next tenant of its slot)");
    is_int(tw_pool_children_of(p.pool, b, NULL, 0), 0, "A21: ... has no children");
    is_int(kill_all(&p, b, ids), 1, "A21: ... and dies alone");
    close_pool(&p);
}

/* Slot reuse built cycles: depth gave 101, tree_view nothing, kill_tree blew the stack. */
static void a22_there_are_no_cycles(void)
{
    struct play p = open_pool(8, TW_ONE_FOR_ONE, 5);
    struct tw_pool_spec s = TW_POOL_SPEC_INIT;
    uint64_t a = up(&p, TW_POOL_ROOT, NULL), b = up(&p, a, NULL), c, ids[8];
    char text[512];

    tw_pool_destroy_actor(p.pool, 0, a);        /* the original did, and gave a's slot to a child of b */
    c = up(&p, b, NULL);
    ok(tw_pool_depth(p.pool, c) == 3 && tw_pool_depth(p.pool, b) == 2, "A22: depth is that of the tree");
    is_int(tw_pool_create_actor(p.pool, 0, c + ((uint64_t)1 << TW_POOL_SLOT_BITS), &s, ids), TW_POOL_ESTALE,
           "A22: a life to come is no parent");
    tw_pool_tree_view(p.pool, 0, text, sizeof text);
    ok(strstr(text, "\n      actor [3.1]") != NULL, "A22: all are in the view");
    ok(kill_all(&p, a, ids) == 3 && ids[0] == c && ids[2] == a, "A22: a kill ends");
    close_pool(&p);
}

/* kill_tree skipped what was not active, and all that lived beneath it. */
static void a23_a_kill_walks_by_linkage(void)
{
    struct play p = open_pool(16, TW_ONE_FOR_ONE, 5);
    struct tw_pool_spec once = spec_with(TW_ONE_FOR_ONE, 0, 1000);
    uint64_t top, mid, leaf, done, ids[16];

    once.restart = TW_TRANSIENT;
    top = up(&p, TW_POOL_ROOT, &once);
    mid = up(&p, top, &once);
    leaf = up(&p, mid, NULL);
    done = up(&p, top, &once);
    ends(&p, done, TW_EXIT_NORMAL);
    fails(&p, leaf);                    /* mid gives up: transient, so nobody starts it again */
    went(&p, "give_up 2, stop 2", "A23: (a branch that gave up)");
    ok(state(&p, leaf) == TW_POOL_FAILED && state(&p, mid) == TW_POOL_DRAINING && state(&p, done) == TW_POOL_TERMINATED,
       "A23: (failed, draining, terminated)");
    ok(kill_all(&p, top, ids) == 4 && ids[0] == done && ids[1] == leaf && ids[2] == mid && ids[3] == top,
       "A23: all of them are killed, children before parents");
    ok(state(&p, leaf) == TW_POOL_DORMANT && state(&p, done) == TW_POOL_DORMANT, "A23: who had ended is free at once");
    ok(state(&p, mid) == TW_POOL_DRAINING && state(&p, top) == TW_POOL_DRAINING, "A23: who may run is waited for");
    is_int(tw_pool_kill_tree(p.pool, 0, top, ids, 16), TW_POOL_ESTATE, "A23: a second kill finds nobody");
    close_pool(&p);
}

/* -- A24 to A30: stopping, counting, looking ------------------------------------------------------------ */

/* No order, no drain, no deadline; the host said Dormant while the block ran. */
static void a24_a_slot_is_free_when_its_block_has_ended(void)
{
    struct play p = open_pool(4, TW_ONE_FOR_ALL, 5);
    struct tw_pool_spec s = child_of_type(TW_PERMANENT);
    uint64_t a, b, ids[4];

    s.drain_ms = 700;
    a = up(&p, TW_POOL_ROOT, &s);
    s.shutdown = TW_SHUTDOWN_BRUTAL_KILL;
    b = up(&p, TW_POOL_ROOT, &s);
    p.now_ms = 50;
    fails(&p, a);
    ok(p.did[0].kind == TW_ACTION_STOP && p.did[0].id == b && p.did[0].how == TW_SHUTDOWN_BRUTAL_KILL &&
       p.did[0].at_ms == 750, "A24: a stop says how, and until when");
    ok(p.did[2].kind == TW_ACTION_START && p.did[2].other == b, "A24: ... and comes before the start in its slot");
    obey(&p);
    a = now_in(&p, a);
    kill_all(&p, a, ids);
    ok(state(&p, a) == TW_POOL_DRAINING && tw_pool_available_count(p.pool) == 1, "A24: a killed slot is not free yet");
    is_int(tw_pool_activate(p.pool, 50, a), TW_POOL_ESTATE, "A24: ... nor comes back");
    is_int(tw_pool_stopped(p.pool, 60, a), 0, "A24: ... it is when its end is known");
    ok(tw_pool_available_count(p.pool) == 2, "A24: ... then it is free");
    is_int(tw_pool_stopped(p.pool, 60, a), TW_POOL_ESTALE, "A24: ... once");
    is_int(tw_pool_stopped(p.pool, 60, now_in(&p, b)), TW_POOL_ESTATE, "A24: who was not told to stop has not stopped");
    close_pool(&p);
}

/* Restarting an inner vertex kept its old children by the coincidence of slots. */
static void a25_children_die_first(void)
{
    struct play p = open_pool(8, TW_ONE_FOR_ONE, 0);
    struct tw_pool_spec lost = child_of_type(TW_PERMANENT), once = child_of_type(TW_TRANSIENT);
    uint64_t a = up(&p, TW_POOL_ROOT, &once), b = up(&p, a, NULL), c, d;

    lost.dynamic = 1;
    c = up(&p, a, &lost);
    d = up(&p, c, NULL);
    restart(&p, a);
    went(&p, "stop 4, stop 3, stop 2, stop 1, start 1, start 2, forget 4, forget 3",
         "A25: a branch is stopped from below and started from above; the dynamic is lost");
    ok(tw_pool_get(p.pool, now_in(&p, b))->parent == now_in(&p, a), "A25: children know their parent's new life");
    ok(state(&p, c) == TW_POOL_DRAINING && !tw_pool_get(p.pool, d)->kept, "A25: who is lost still drains");
    is_int(tw_pool_giveups(p.pool) != 0, 0, "A25: what was asked for costs nothing");
    obey(&p);
    a = now_in(&p, a);
    ends(&p, a, TW_EXIT_NORMAL);
    went(&p, "stop 2", "A25: work that has ended takes its children along");
    obey(&p);
    is_int(state(&p, a), TW_POOL_TERMINATED, "A25: (it has ended as its work did: normally)");
    restart(&p, a);
    went(&p, "start 1, start 2", "A25: what has ended can be started");
    restart(&p, a);
    is_int(p.n, TW_POOL_ESTALE, "A25: an older life can not");
    restart(&p, c);
    is_int(p.n, TW_POOL_ESTALE, "A25: nor what is forgotten");
    close_pool(&p);
}

/* active_count had Initializing and Failed in it; a saturating subtraction hid double frees. */
static void a26_counts_are_by_state(void)
{
    struct play p = open_pool(16, TW_ONE_FOR_ONE, 0);
    struct tw_pool_spec once = spec_with(TW_ONE_FOR_ONE, 0, 1000);
    uint32_t all = 0;
    uint64_t s, a;

    once.restart = TW_TRANSIENT;
    add(&p, TW_POOL_ROOT, NULL);
    up(&p, TW_POOL_ROOT, NULL);
    s = up(&p, TW_POOL_ROOT, &once);
    a = up(&p, s, NULL);
    fails(&p, a);
    is_int(tw_pool_active_count(p.pool), 1, "A26: active are those that are active");
    ok(tw_pool_count(p.pool, TW_POOL_INITIALIZING) == 1 && tw_pool_count(p.pool, TW_POOL_FAILED) == 1 &&
       tw_pool_count(p.pool, TW_POOL_DRAINING) == 1, "A26: each state has its count");
    for (unsigned i = 0; i < TW_POOL_STATE_COUNT; i++)
        all += tw_pool_count(p.pool, i);
    ok(all == tw_pool_capacity(p.pool) && all == 15, "A26: all states together are the capacity");
    is_int(tw_pool_count(p.pool, 99), 0, "A26: what is no state counts nobody");
    close_pool(&p);
}

/* Draining and Terminated could not be reached by any call; unknown words read as Failed. */
static void a27_every_state_is_reached(void)
{
    struct play p = open_pool(8, TW_ONE_FOR_ONE, 5);
    struct tw_pool_spec once = spec_with(TW_ONE_FOR_ONE, 0, 1000);
    uint64_t a, b;

    once.restart = TW_TRANSIENT;
    a = add(&p, TW_POOL_ROOT, &once);
    is_int(state(&p, a), TW_POOL_INITIALIZING, "A27: initializing");
    tw_pool_activate(p.pool, 0, a);
    is_int(state(&p, a), TW_POOL_ACTIVE, "A27: active");
    is_int(tw_pool_activate(p.pool, 0, a), TW_POOL_ESTATE, "A27: ... which is begun once");
    b = up(&p, a, NULL);
    fails(&p, b);
    is_int(state(&p, b), TW_POOL_FAILED, "A27: failed");
    is_int(state(&p, a), TW_POOL_DRAINING, "A27: draining");
    tw_pool_stopped(p.pool, 0, a);
    is_int(state(&p, a), TW_POOL_TERMINATED, "A27: terminated");
    tw_pool_destroy_actor(p.pool, 0, b);
    is_int(state(&p, b), TW_POOL_DORMANT, "A27: dormant");
    ok(!strcmp(tw_pool_state_name(TW_POOL_TERMINATED), "terminated") && !strcmp(tw_pool_state_name(6), "?") &&
       !strcmp(tw_pool_action_name(77), "?") && !strcmp(tw_pool_error_text(-99), "?"), "A27: what is no word has no name");
    close_pool(&p);
}

/* new(0) panicked or had 4294967295 slots; tree_view called a time "msgs"; walks recursed and scanned. */
static void a28_arguments_are_checked_and_nothing_recurses(void)
{
    enum { DEEP = 200000 };
    struct tw_pool *none = NULL;
    struct play p;
    struct tw_pool_spec s = TW_POOL_SPEC_INIT;
    uint64_t top, id, ids[64];
    char text[300];
    int n, killed = 0;

    is_int(tw_pool_create(0, NULL, 0, &none), TW_POOL_EINVAL, "A28: a pool without a slot is none");
    is_int(tw_pool_create(TW_POOL_SLOTS_MAX + 1, NULL, 0, &none), TW_POOL_EINVAL, "A28: nor is one with too many");
    is_int(tw_pool_create(1, NULL, 0, &none), 0, "A28: one with its supervisor's alone");
    ok(tw_pool_capacity(none) == 0 && tw_pool_create_actor(none, 0, TW_POOL_ROOT, &s, &id) == TW_POOL_EFULL,
       "A28: ... has no room");
    tw_pool_destroy(none);
    tw_pool_destroy(NULL);

    p = open_pool(DEEP + 1, TW_ONE_FOR_ONE, 5);
    strcpy(s.name, "deep");
    (void)tw_pool_create_actor(p.pool, 0, TW_POOL_ROOT, &s, &top);
    id = top;
    for (int i = 1; i < DEEP; i++)
        (void)tw_pool_create_actor(p.pool, 0, id, &s, &id);
    is_int(tw_pool_depth(p.pool, id), DEEP, "A28: a chain of 200000 has its depth");
    ok(tw_pool_tree_view(p.pool, 0, text, sizeof text) > DEEP && strstr(text, "deep [1.1] initializing for 0 ms") &&
       strstr(text, "progress 0\n"), "A28: ... and its view, which says what it shows");
    is_int((long long)strlen(text), sizeof text - 1, "A28: ... as far as there is room");
    fails(&p, top);
    is_int(p.n, ROOM, "A28: ... and falls in one list");
    while ((n = tw_pool_more(p.pool, p.did, ROOM)) > 0)
        p.n += n;
    is_int(p.n, 2 * DEEP - 1, "A28: ... that is taken in parts: all stopped but the failed, all started");
    while ((n = tw_pool_kill_tree(p.pool, 0, now_in(&p, top), ids, 64)) > 0)
        killed += n;
    is_int(killed, DEEP, "A28: ... and dies in one walk");
    close_pool(&p);
}

/* Three incompatible layouts "must match"; entries() was to be copied to mapped memory. */
static void a29_one_layout(void)
{
    struct play p = open_pool(4, TW_ONE_FOR_ONE, 5);
    uint64_t a = up(&p, TW_POOL_ROOT, NULL), b = up(&p, a, NULL);
    static struct tw_pool_entry mapped[4];

    tw_pool_heartbeat(p.pool, 7, b, 42);
    memcpy(mapped, tw_pool_entries(p.pool), sizeof mapped);
    ok(sizeof mapped[0] == 64 && offsetof(struct tw_pool_entry, parent) == 8 &&
       offsetof(struct tw_pool_entry, progress) == 16 && offsetof(struct tw_pool_entry, state) == 40,
       "A29: an entry is 64 bytes, its fields where the header says");
    ok(mapped[tw_pool_slot(b)].id == b && mapped[tw_pool_slot(b)].parent == a && mapped[tw_pool_slot(b)].progress == 42 &&
       mapped[tw_pool_slot(b)].state == TW_POOL_ACTIVE, "A29: a copy of the entries says what the pool says");
    ok(mapped[0].id == TW_POOL_ROOT && mapped[0].state == TW_POOL_ACTIVE && mapped[3].state == TW_POOL_DORMANT &&
       mapped[3].parent == TW_NO_ACTOR, "A29: ... of every slot, by its number");
    close_pool(&p);
}

struct log { int lines; uint64_t id; unsigned from, to; bool looked; };

static void write_log(void *self, const struct tw_pool *pool, uint64_t id, unsigned from, unsigned to)
{
    struct log *l = self;

    l->lines++;
    l->id = id;
    l->from = from;
    l->to = to;
    l->looked = tw_pool_entries(pool)[tw_pool_slot(id)].state == to;
}

/* A second report of a failure restarted again; no backoff, nobody to tell. */
static void a30_a_failure_is_told_once(void)
{
    static const uint64_t delays[] = {100, 200, 400, 500, 500};
    struct play p = open_pool(4, TW_ONE_FOR_ONE, 50);
    struct tw_pool_spec s = child_of_type(TW_PERMANENT);
    uint64_t a = up(&p, TW_POOL_ROOT, NULL), b;
    struct log log = {0};

    fails(&p, a);
    b = now_in(&p, a);
    is_int(fails(&p, a), TW_POOL_ESTALE, "A30: a second report of a life is stale");
    ok(now_in(&p, a) == b && tw_pool_restarts(p.pool) == 1 && tw_pool_stale(p.pool) == 1, "A30: ... and restarts nobody");

    tw_pool_watch(p.pool, write_log, &log);
    tw_pool_activate(p.pool, 0, b);
    ok(log.lines == 1 && log.id == b && log.from == TW_POOL_INITIALIZING && log.to == TW_POOL_ACTIVE && log.looked,
       "A30: a watcher is told what changed");
    fails(&p, b);
    ok(log.lines == 3 && log.from == TW_POOL_FAILED && log.to == TW_POOL_INITIALIZING, "A30: ... every change");
    tw_pool_watch(p.pool, NULL, NULL);

    s.backoff_min_ms = 100;
    s.backoff_max_ms = 500;
    s.init_ms = 10;
    a = up(&p, TW_POOL_ROOT, &s);
    for (size_t i = 0; i < sizeof delays / sizeof delays[0]; i++) {
        fails(&p, now_in(&p, a));
        is_int((long long)(p.did[0].at_ms - p.now_ms), (long long)delays[i], "A30: failure %zu in a row waits longer", i + 1);
    }
    p.now_ms += 509;
    ok(!is_late(&p, now_in(&p, a)), "A30: the deadline of its start begins after the wait");
    obey(&p);
    p.now_ms += 500;
    fails(&p, now_in(&p, a));
    is_int((long long)(p.did[0].at_ms - p.now_ms), 100, "A30: one that was well for long waits little again");
    close_pool(&p);
}

/* -- beyond the list ------------------------------------------------------------------------------------ */

static void lists_are_taken_in_parts(void)
{
    struct play p = open_pool(8, TW_ONE_FOR_ALL, 5), q = open_pool(8, TW_ONE_FOR_ALL, 5);
    struct tw_pool_spec s = TW_POOL_SPEC_INIT;
    uint64_t a = 0, id;
    int n, all = 0;

    for (int i = 0; i < 3; i++) {
        a = up(&p, TW_POOL_ROOT, NULL);
        up(&q, TW_POOL_ROOT, NULL);
    }
    fails(&p, a);
    n = tw_pool_handle_failure(q.pool, 0, a, TW_EXIT_ABNORMAL, q.did, 2);
    is_int(n, 2, "a list that finds no room is cut");
    tw_pool_check(q.pool);
    ok(tw_pool_create_actor(q.pool, 0, TW_POOL_ROOT, &s, &id) == TW_POOL_EAGAIN &&
       tw_pool_restart(q.pool, 0, now_in(&q, a), q.did + 2, 1) == TW_POOL_EAGAIN &&
       tw_pool_kill_tree(q.pool, 0, now_in(&q, a), &id, 1) == TW_POOL_EAGAIN, "... and comes before anything else");
    for (all = n; (n = tw_pool_more(q.pool, q.did + all, 1)) > 0; all += n)
        tw_pool_check(q.pool);
    ok(all == p.n && !memcmp(p.did, q.did, (size_t)all * sizeof p.did[0]), "its parts are the list");
    is_int(tw_pool_create_actor(q.pool, 0, TW_POOL_ROOT, &s, &id), 0, "then all goes on");
    close_pool(&p);
    close_pool(&q);
}

static void the_root_takes_what_concerns_it(void)
{
    struct tw_pool_spec top = child_of_type(TW_TEMPORARY);
    struct play p = {.now_ms = 0};
    uint64_t a;

    top.dynamic = 1;
    strcpy(top.name, "device");
    top.strategy = TW_ONE_FOR_ALL;
    is_int(tw_pool_create(4, &top, 0, &p.pool), 0, "a root is a root, whatever it would be as a child");
    a = up(&p, TW_POOL_ROOT, NULL);
    up(&p, TW_POOL_ROOT, NULL);
    fails(&p, a);
    went(&p, "stop 2, start 1, start 2", "... its strategy is that of its spec");
    close_pool(&p);
}

static void the_idle_are_not_late(void)
{
    struct play p = open_pool(4, TW_ONE_FOR_ONE, 5);
    uint64_t a = up(&p, TW_POOL_ROOT, NULL);

    is_int(tw_pool_idle(p.pool, 0, a), 0, "an actor may wait for work");
    p.now_ms = 100000;
    ok(!is_late(&p, a), "... as long as there is none");
    tw_pool_heartbeat(p.pool, p.now_ms, a, 1);
    p.now_ms += 1000;
    ok(is_late(&p, a), "... and with its next beat it is on time again");
    close_pool(&p);
}

static void a_temporary_actor_can_be_restarted_by_hand(void)
{
    struct play p = open_pool(4, TW_ONE_FOR_ONE, 0);
    struct tw_pool_spec s = child_of_type(TW_TEMPORARY);
    uint64_t a = up(&p, TW_POOL_ROOT, &s);

    restart(&p, a);
    went(&p, "stop 1, start 1", "a temporary actor that is asked for begins again");
    fails(&p, now_in(&p, a));
    went(&p, "forget 1", "... and is temporary still");
    close_pool(&p);
}

static void a_million_slots(void)
{
    enum { MILLION = 1000000 };
    struct play p = open_pool(MILLION + 1, TW_ONE_FOR_ONE, 5);
    struct tw_pool_spec s = TW_POOL_SPEC_INIT;
    uint64_t parent = TW_POOL_ROOT, id, late[4];
    static uint64_t ids[MILLION];
    bool good = true;

    for (int i = 0; i < MILLION; i++) {
        good &= tw_pool_create_actor(p.pool, 0, i % 1000 == 0 ? TW_POOL_ROOT : parent, &s, &id) == 0 &&
                tw_pool_activate(p.pool, 0, id) == 0;
        if (i % 1000 == 0)
            parent = id;
    }
    ok(good && tw_pool_active_count(p.pool) == MILLION, "a million actors live in a pool");
    is_int(tw_pool_check_heartbeats(p.pool, 999, late, 4), 0, "none of whom is late");
    fails(&p, parent);
    is_int(p.n, 999 + 1000, "one of whose branches falls and comes back");
    is_int(tw_pool_kill_tree(p.pool, 0, now_in(&p, parent), ids, MILLION), 1000, "and is killed alone");
    is_int((long long)tw_pool_bytes(MILLION + 1) / (MILLION + 1), 368, "a slot costs 368 bytes");
    tw_pool_check(p.pool);
    close_pool(&p);
}

int main(void)
{
    a1_one_for_all_restarts_all();
    a2_the_root_is_a_supervisor();
    a3_rest_for_one_acts();
    a4_order_is_that_of_creation();
    a5_group_restarts_are_charged();
    a6_the_window_moves_on();
    a7_the_budget_is_the_supervisors();
    a8_never_and_unlimited_are_words();
    a9_the_spec_is_stored();
    a10_types_and_exits_are_otps();
    a11_who_gives_up_falls();
    a12_a_start_has_a_deadline();
    a13_the_first_beat_is_waited_for();
    a14_time_does_not_go_back();
    a15_deadlines_are_the_actors();
    a15_deadlines_of_other_lengths_wait_for_nobody();
    a16_a_beat_of_an_older_life_changes_nothing();
    a17_a_late_report_revives_nobody();
    a18_reserved_ids_are_no_operands();
    a19_the_root_is_explicit();
    a20_parents_are_checked();
    a21_nobody_is_orphaned();
    a22_there_are_no_cycles();
    a23_a_kill_walks_by_linkage();
    a24_a_slot_is_free_when_its_block_has_ended();
    a25_children_die_first();
    a26_counts_are_by_state();
    a27_every_state_is_reached();
    a28_arguments_are_checked_and_nothing_recurses();
    a29_one_layout();
    a30_a_failure_is_told_once();
    lists_are_taken_in_parts();
    the_root_takes_what_concerns_it();
    the_idle_are_not_late();
    a_temporary_actor_can_be_restarted_by_hand();
    a_million_slots();
    done_testing();
}
