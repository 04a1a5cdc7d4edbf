/* streams.c - streams of messages under faults: nothing lost, nothing twice, results as without faults
 *
 *     streams                   all of it, a few seconds
 *     streams SCENARIO SEED     one run again, as a failure printed it
 *     streams crash SCENARIO POINT WHOLE SEED THREAD
 *     streams more N            every part N times as much
 */
#include <treewarden/actor.h>

#include "slotbox.h"
#include "tap.h"

enum { PEERS = 5, NOTE = 1, END = 2, TOKEN = 3, STOP = 4 };

static uint64_t mixed(uint64_t a, uint64_t b)
{
    uint64_t x = (a ^ (b + 0x9e3779b97f4a7c15ull)) * 0xbf58476d1ce4e5b9ull;

    return x ^ (x >> 29);
}

struct note { uint64_t number, stream, chaos; };

/* -- mixer: numbered messages to random peers of a higher number, so no circle can fill up -- */
struct mixer {
    uint64_t sent[PEERS], sent_hash[PEERS], sent_full[PEERS];
    uint64_t got[PEERS], got_hash[PEERS], got_full[PEERS];
    uint64_t budget, chaos, wrong, steps;
    uint32_t me, peers, wild, ended, ends, pad;
};

static void mixer_send(struct tw_ctx *cx, struct mixer *s, uint32_t to, uint32_t type)
{
    struct note n;

    s->sent[to]++;
    s->sent_hash[to] = mixed(s->sent_hash[to], s->sent[to] + type);
    n.number = s->sent[to];
    n.stream = s->sent_hash[to];
    n.chaos = s->wild ? s->chaos : 0;
    s->sent_full[to] = mixed(s->sent_full[to], n.stream ^ n.chaos);
    tw_send(cx, to, type, &n, type == END ? 20 : sizeof n);
}

static void mixer_finish(struct tw_ctx *cx, struct mixer *s)
{
    if (s->ended == s->peers - 1 - s->me && s->ends == s->me && s->budget == 0)
        tw_done(cx, s->chaos);
}

TW_INIT(mixer)
{
    s->me = tw_self(cx, 0);
    s->peers = (uint32_t)tw_arg_u64(cx, "peers");
    s->budget = s->me + 1 < s->peers ? tw_arg_u64(cx, "messages") : 0;
    s->wild = (uint32_t)tw_arg_u64(cx, "wild");
}

TW_STEP(mixer)
{
    box_handler(cx, s->me);
    s->steps++;
    if (s->budget > 0) {
        uint32_t to = s->me + 1 + (uint32_t)(tw_random(cx) % (s->peers - 1 - s->me));

        s->budget--;
        mixer_send(cx, s, to, NOTE);
        tw_progress(cx, 1);
        tw_again(cx);
    } else if (s->ends == s->me && s->ended < s->peers - 1 - s->me) {
        mixer_send(cx, s, s->me + 1 + s->ended++, END);
        tw_again(cx);
    }
    if (s->steps % 13 == 0)
        tw_commit(cx);
    if (s->steps % 17 == 0)
        tw_log(cx, 1, s->steps, s->me);
    mixer_finish(cx, s);
}

TW_RECEIVE(mixer)
{
    struct note n = {0, 0, 0};
    uint32_t from = m->from;

    box_handler(cx, s->me);
    memcpy(&n, m->body, m->bytes < sizeof n ? m->bytes : sizeof n);
    if (m->type == END)
        n.chaos = s->wild ? n.chaos : 0;
    s->wrong += n.number != s->got[from] + 1;
    s->got[from]++;
    s->got_hash[from] = mixed(s->got_hash[from], n.number + m->type);
    s->wrong += n.stream != s->got_hash[from];
    if (m->type == NOTE)
        s->got_full[from] = mixed(s->got_full[from], n.stream ^ n.chaos);
    s->chaos = mixed(s->chaos, n.number * 64 + from);
    s->ends += m->type == END;
    /* What is sent on depends on the order of arrival over all streams: only right with on_commit. */
    if (s->wild && m->type == NOTE && s->me + 1 < s->peers && (s->chaos & 3) == 0)
        mixer_send(cx, s, s->me + 1 + (uint32_t)(s->chaos >> 8) % (s->peers - 1 - s->me), NOTE);
    mixer_finish(cx, s);
}

/* -- tokens: walk at random and in circles; at the end every one has made all its hops -- */
struct walker { uint64_t handled, home, hops, chain; uint32_t me, peers, tokens, stopped; };

TW_INIT(walker)
{
    s->me = tw_self(cx, 0);
    s->peers = (uint32_t)tw_arg_u64(cx, "peers");
    s->tokens = (uint32_t)tw_arg_u64(cx, "tokens");
    s->hops = tw_arg_u64(cx, "messages");
}

TW_STEP(walker)
{
    box_handler(cx, s->me);
    if (s->me == 0 && s->tokens) {
        struct note n = {1, s->tokens, 0};

        s->tokens--;
        tw_send(cx, (uint32_t)(1 + tw_random(cx) % (s->peers - 1)), TOKEN, &n, sizeof n);
        tw_again(cx);
    } else if (s->me == 0 && s->home == tw_arg_u64(cx, "tokens") && s->stopped < s->peers) {
        if (++s->stopped == s->peers)
            tw_done(cx, 0);
        else
            tw_send(cx, s->stopped, STOP, NULL, 0);
        tw_again(cx);
    }
}

TW_RECEIVE(walker)
{
    struct note n;

    box_handler(cx, s->me);
    if (m->type == STOP) {
        tw_done(cx, 0);
        return;
    }
    memcpy(&n, m->body, sizeof n);
    s->handled++;
    s->chain = mixed(s->chain, n.stream);
    n.chaos = mixed(n.chaos, s->chain);
    if (n.number == s->hops) {
        if (s->me == 0)
            s->home++;
        else
            tw_send(cx, 0, TOKEN, &n, sizeof n);
        return;
    }
    n.number++;
    tw_send(cx, (uint32_t)((s->me + 1 + tw_random(cx) % (s->peers - 1)) % s->peers), TOKEN, &n, sizeof n);
}

/* -- stencil: eager; each step needs both neighbours' value of the step before -- */
struct stencil { uint64_t x, step, last, sent, wrong; uint64_t value[2][4]; uint64_t have[2]; uint32_t me, peers; };

static uint32_t neighbour(const struct stencil *s, int side)
{
    return (s->me + (side ? 1 : s->peers - 1)) % s->peers;
}

TW_INIT(stencil)
{
    s->me = tw_self(cx, 0);
    s->peers = (uint32_t)tw_arg_u64(cx, "peers");
    s->last = tw_arg_u64(cx, "messages");
    s->x = s->me + 1;
}

TW_STEP(stencil)
{
    box_handler(cx, s->me);
    if (s->sent == s->step && s->step < s->last) {
        struct note n = {s->step, s->x, 0};

        s->sent++;
        tw_send(cx, neighbour(s, 0), NOTE, &n, sizeof n);
        tw_send(cx, neighbour(s, 1), NOTE, &n, sizeof n);
    }
    if (s->step < s->last && s->have[0] > s->step && s->have[1] > s->step) {
        s->x = mixed(mixed(s->x, s->value[0][s->step % 4]), s->value[1][s->step % 4]);
        s->step++;
        tw_progress(cx, 1);
        tw_again(cx);
        if (s->step % 3 == s->me % 3)
            tw_commit(cx);
    }
    if (s->step == s->last)
        tw_done(cx, s->x);
}

TW_RECEIVE(stencil)
{
    int side = m->from == neighbour(s, 1);
    struct note n;

    box_handler(cx, s->me);
    memcpy(&n, m->body, sizeof n);
    s->wrong += n.number != s->have[side] || n.number > s->step + 2;
    s->value[side][n.number % 4] = n.stream;
    s->have[side]++;
}

/* -- quitter: done before all that is sent to it has come -- */
struct quitter { uint64_t got, enough, sent, budget; uint32_t me, pad; };

TW_INIT(quitter)
{
    s->me = tw_self(cx, 0);
    s->enough = tw_arg_u64(cx, "messages") / 3;
    s->budget = s->me ? tw_arg_u64(cx, "messages") : 0;
}

TW_STEP(quitter)
{
    box_handler(cx, s->me);
    if (s->me && s->sent < s->budget) {
        tw_send(cx, s->me - 1, NOTE, &s->sent, 8);
        s->sent++;
        tw_again(cx);
    } else if (s->me) {
        tw_done(cx, 0);
    }
}

TW_RECEIVE(quitter)
{
    (void)m;
    box_handler(cx, s->me);
    if (++s->got >= s->enough && s->me == 0)
        tw_done(cx, 0);
}

/* -- watcher: sends to the one before it, and watches the one after it, life by life, until that has ended well -- */
struct watcher { uint64_t got, sent, budget, downs, wrong, last; uint32_t me, peers, armed, ends, over, pad; };

static void watcher_arms(struct tw_ctx *cx, struct watcher *s)
{
    s->armed++;
    tw_monitor(cx, s->me + 1);
}

TW_INIT(watcher)
{
    s->me = tw_self(cx, 0);
    s->peers = (uint32_t)tw_arg_u64(cx, "peers");
    s->budget = tw_arg_u64(cx, "messages");
    if (s->me + 1 < s->peers)
        watcher_arms(cx, s);
    else
        s->over = 1;
}

TW_STEP(watcher)
{
    box_handler(cx, s->me);
    if (s->me && s->sent < s->budget) {
        s->sent++;
        tw_send(cx, s->me - 1, NOTE, &s->sent, 8);
        tw_again(cx);
    } else if (s->over) {
        if (s->me)
            tw_send(cx, s->me - 1, END, &s->sent, 8);
        tw_done(cx, s->downs);
    }
}

/* Done means that all it sent was consumed: so its END has been here before. */
static void watcher_hears(struct tw_ctx *cx, struct watcher *s, const struct tw_down *d)
{
    s->downs++;
    s->wrong += s->armed-- != 1 || (d->life && d->life <= s->last) || (d->cause == TW_CAUSE_DONE && !s->ends);
    s->last = d->life > s->last ? d->life : s->last;
    s->over = d->cause == TW_CAUSE_DONE || (d->cause == TW_CAUSE_NO_PROCESS && s->ends);
    if (!s->over)
        tw_timer(cx, 5);
}

TW_RECEIVE(watcher)
{
    box_handler(cx, s->me);
    if (m->type == TW_DOWN)
        watcher_hears(cx, s, (const struct tw_down *)m->body);
    else if (m->type == TW_TIMER)
        watcher_arms(cx, s);
    else if (m->type == END)
        s->ends++;
    else
        s->got++;
}

TW_PROGRAM(mixer, walker, stencil, quitter, watcher)

/* -- scenarios ------------------------------------------------------------------------------------ */

struct scenario {
    const char *name;
    uint32_t type, flags, mailbox, sends, every, within;
    uint64_t messages, wild, tokens;
};

static const struct scenario scenarios[] = {
    {"mixer", 0, 0, 6, 2, 3, 30, 60, 0, 0},
    {"wild", 0, 0, 6, 2, 5, 30, 50, 1, 0},
    {"walker", 1, 0, 14, 1, 3, 30, 60, 0, 5},
    {"stencil", 2, SLOT_EAGER, 8, 2, 4, 30, 40, 0, 0},
    {"quitter", 3, 0, 6, 1, 4, 30, 60, 0, 0},
    {"watcher", 4, 0, 6, 1, 4, 30, 60, 0, 0},
};
enum { SCENARIOS = sizeof scenarios / sizeof scenarios[0] };

static struct box *box_for(const struct scenario *sc, uint64_t seed)
{
    struct arena_geometry geo = {.slots = 6, .peers = PEERS, .mailbox = sc->mailbox, .message_bytes = 24,
                                 .vertices = PEERS, .state_bytes = 448};
    uint32_t devices = 1 + (uint32_t)(seed * 7 + 1) % 3;
    struct box *b = box_new(devices, &geo, &tw_program, seed);

    for (uint32_t v = 0; v < PEERS; v++) {
        struct slot_config *c = box_add(b, v, sc->type);

        c->flags = sc->flags;
        c->sends = sc->sends;
        c->commit_every = sc->every;
        c->commit_within_ms = sc->within;
        box_arg(c, "peers", PEERS);
        box_arg(c, "messages", sc->messages);
        box_arg(c, "wild", sc->wild);
        box_arg(c, "tokens", sc->tokens);
    }
    for (uint32_t v = 0; v < PEERS; v++)
        box_start(b, v, box_random(b, devices), 0, false);
    return b;
}

/* What must be the same with and without faults; 0 and said if a fact does not hold. */
static uint64_t result_mixer(struct box *b, bool wild)
{
    uint64_t h = 1;

    for (uint32_t v = 0; v < PEERS; v++) {
        struct mixer s = *(const struct mixer *)box_state(b, v);

        if (s.wrong)
            box_say(b, "vertex %u saw %llu messages out of order or changed", v, (unsigned long long)s.wrong);
        for (uint32_t p = 0; p < PEERS; p++) {
            struct mixer o = *(const struct mixer *)box_state(b, p);

            if (s.sent[p] != o.got[v] || s.sent_hash[p] != o.got_hash[v])
                box_say(b, "%u -> %u: sent %llu, got %llu", v, p, (unsigned long long)s.sent[p],
                        (unsigned long long)o.got[v]);
            h = wild ? 1 : mixed(mixed(h, s.sent_hash[p]), s.got_hash[p]);
        }
    }
    return h;
}

static uint64_t result_walker(struct box *b, const struct scenario *sc)
{
    uint64_t handled = 0, home = 0;

    for (uint32_t v = 0; v < PEERS; v++) {
        const struct walker *s = box_state(b, v);

        handled += s->handled;
        home += s->home;
    }
    /* Each token is handled once per hop, and once more at home if it ended elsewhere. */
    if (home != sc->tokens || handled < sc->tokens * sc->messages || handled > sc->tokens * (sc->messages + 1))
        box_say(b, "tokens home %llu, hops %llu", (unsigned long long)home, (unsigned long long)handled);
    return 1;
}

static uint64_t result_watcher(struct box *b, const struct scenario *sc)
{
    for (uint32_t v = 0; v < PEERS; v++) {
        const struct watcher *s = box_state(b, v);

        if (s->wrong || s->got != (v + 1 < PEERS ? sc->messages : 0))
            box_say(b, "vertex %u got %llu notes, and heard %llu of %llu ends wrongly", v, (unsigned long long)s->got,
                    (unsigned long long)s->wrong, (unsigned long long)s->downs);
    }
    return 1;
}

static uint64_t result_of(struct box *b, const struct scenario *sc)
{
    uint64_t h = 1;

    if (sc->type == 4)
        return result_watcher(b, sc);
    if (sc->type == 0)
        return result_mixer(b, sc->wild);
    if (sc->type == 1)
        return result_walker(b, sc);
    for (uint32_t v = 0; sc->type == 2 && v < PEERS; v++) {
        const struct stencil *s = box_state(b, v);

        if (s->wrong)
            box_say(b, "vertex %u saw %llu values out of order", v, (unsigned long long)s->wrong);
        h = mixed(mixed(h, s->x), s->step);
    }
    return h;
}

static void finish(struct box *b, const struct scenario *sc, uint64_t want)
{
    uint64_t h;

    if (!box_run(b, 3000000) && b->failures == 0) {
        box_say(b, "not finished");
        for (uint32_t v = 0; v < PEERS; v++) {
            struct slot *s = box_slot(b, v);

            printf("# vertex %u device %u slot %u status %u starts %u: %s\n", v, b->vertex[v].device,
                   b->vertex[v].slot, b->vertex[v].status, b->vertex[v].starts,
                   b->vertex[v].ended ? "ended" : "");
            for (uint32_t i = 0; s && i < s->image->stream_count; i++)
                printf("#   peer %u: sent %llu acked %llu leave %llu rung %llu window %llu consumed %llu "
                       "durable %llu\n", s->streams[i].peer, (unsigned long long)s->streams[i].sent,
                       (unsigned long long)s->streams[i].acked, (unsigned long long)s->streams[i].leave,
                       (unsigned long long)s->routes[i].rung, (unsigned long long)s->routes[i].window,
                       (unsigned long long)s->streams[i].consumed, (unsigned long long)s->streams[i].durable);
        }
    }
    if (b->failures)
        return;
    box_check(b);
    box_check_sums(b);
    h = result_of(b, sc);
    if (want && h != want)
        box_say(b, "%s: the result is not that of a run without faults", sc->name);
}

static uint64_t calm_result(const struct scenario *sc, uint32_t *ret_failures)
{
    struct box *b = box_for(sc, 1);
    uint64_t h = 0;

    b->calm = true;
    b->yields = 50;
    finish(b, sc, 0);
    if (b->failures == 0)
        h = result_of(b, sc);
    *ret_failures += b->failures;
    box_free(b);
    return h;
}

static void some_fault(struct box *b)
{
    uint32_t v = box_random(b, PEERS), slot = b->vertex[v].slot, device = b->vertex[v].device;

    if (slot == 0)
        return;
    switch (box_random(b, 8)) {
    case 0: box_send_slot(b, v, CELL_SLOT_DRILL, SLOT_DRILL_FAIL, 0); break;
    case 1: box_send_slot(b, v, CELL_SLOT_DRILL, SLOT_DRILL_OVERRUN, 0); break;
    case 2:
    case 3:
        b->wedge_vertex = v;
        b->vertex[v].fault_at = true;
        break;
    case 4: box_kill_slot(b, device, slot); break;
    case 5: box_send_slot(b, v, CELL_SLOT_STOP, STOP_KILL, 200); break;
    default: box_drop_device(b, device, box_random(b, 2)); break;
    }
}

/* One run with faults, all drawn from the seed.  1 = every fact held. */
static int rough(const struct scenario *sc, uint64_t seed, uint64_t want)
{
    struct box *b = box_for(sc, seed);
    uint32_t faults = 3 + box_random(b, 30);
    int pass;

    b->yields = box_random(b, 4) ? 5 + box_random(b, 100) : 0;
    b->dups = box_random(b, 2) ? 10 : 0;
    b->lates = box_random(b, 2) ? 10 : 0;
    b->drops = box_random(b, 3) ? 0 : 15;
    b->delay_ms = box_random(b, 2) ? 1 + box_random(b, 60) : 0;
    for (uint32_t n = 0; n < faults && b->failures == 0; n++) {
        if (box_run(b, 100 + box_random(b, 3000)))
            break;
        some_fault(b);
    }
    finish(b, sc, want);
    pass = b->failures == 0;
    if (!pass)
        printf("# again: streams %s %llu\n", sc->name, (unsigned long long)seed);
    box_free(b);
    return pass;
}

/* One thread dies at its point-th store after a warm-up. */
static int crash(const struct scenario *sc, uint64_t seed, uint32_t thread, uint64_t point, bool whole,
                 uint64_t want, bool *ret_reached)
{
    struct box *b = box_for(sc, seed);
    int pass;

    (void)box_run(b, 300 + 150 * (seed % 16));
    b->crash_thread = &b->device[thread / 16 % b->devices].thread[thread % 16];
    b->crash_after = point;
    (void)box_run(b, 40000);
    *ret_reached = b->crashed;
    if (b->crashed)
        box_crash_heal(b, whole);
    b->crash_thread = NULL;
    finish(b, sc, want);
    pass = b->failures == 0;
    if (!pass)
        printf("# again: streams crash %s %llu %d %llu %u\n", sc->name, (unsigned long long)point, whole,
               (unsigned long long)seed, thread);
    box_free(b);
    return pass;
}

/* The thread that carries vertex v after the warm-up depends on the seed: ask a box. */
static uint32_t thread_of(const struct scenario *sc, uint64_t seed, uint32_t vertex)
{
    struct box *b = box_for(sc, seed);
    uint32_t thread = b->vertex[vertex].device * 16 + b->vertex[vertex].slot;

    box_free(b);
    return thread;
}

static void crash_sweep(const struct scenario *sc, uint64_t points, bool slot0, bool whole, uint64_t want)
{
    uint64_t bad = 0, reached = 0;

    for (uint64_t point = 1; point <= points && bad < 3; point++) {
        uint64_t seed = 100 + point % 3;
        uint32_t thread = thread_of(sc, seed, 1 + (uint32_t)(point % (PEERS - 1)));
        bool hit;

        bad += !crash(sc, seed, slot0 ? thread / 16 * 16 : thread, point, whole, want, &hit);
        reached += hit;
    }
    ok(bad == 0 && reached * 2 > points, "%s: %s dies before any of its stores 1..%llu (%llu reached), %s: as without faults",
       sc->name, slot0 ? "slot 0" : "a slot", (unsigned long long)points, (unsigned long long)reached,
       whole || slot0 ? "its worker is replaced" : "a spare slot goes on");
}

static const struct scenario *scenario_of(const char *name)
{
    for (int i = 0; i < SCENARIOS; i++)
        if (strcmp(scenarios[i].name, name) == 0)
            return &scenarios[i];
    printf("# no scenario %s\n", name);
    exit(2);
}

static int again(int argc, char **argv)
{
    uint32_t failed = 0;
    bool hit;

    if (strcmp(argv[1], "crash") == 0 && argc == 7) {
        const struct scenario *sc = scenario_of(argv[2]);

        return !crash(sc, strtoull(argv[5], NULL, 10), (uint32_t)atoi(argv[6]), strtoull(argv[3], NULL, 10),
                      atoi(argv[4]), calm_result(sc, &failed), &hit);
    }
    return !rough(scenario_of(argv[1]), strtoull(argv[2], NULL, 10), calm_result(scenario_of(argv[1]), &failed));
}

int main(int argc, char **argv)
{
    uint64_t times = 1, first = 1;

    if (argc >= 3 && strcmp(argv[1], "more") == 0)
        times = strtoull(argv[2], NULL, 10);
    else if (argc >= 3)
        return again(argc, argv);
    if (argc >= 4)
        first = strtoull(argv[3], NULL, 10);
    for (int i = 0; i < SCENARIOS; i++) {
        const struct scenario *sc = &scenarios[i];
        uint32_t failed = 0, bad = 0;
        uint64_t want = calm_result(sc, &failed), runs = 40 * times;

        if (!ok(failed == 0, "%s: without faults all messages arrive and the sums close", sc->name))
            continue;
        for (uint64_t seed = first; seed < first + runs && bad < 3; seed++)
            bad += !rough(sc, seed, want);
        ok(bad == 0, "%s: %llu runs with faults (seeds %llu..): nothing lost, nothing twice", sc->name,
           (unsigned long long)runs, (unsigned long long)first);
        crash_sweep(sc, 150 * times, false, false, want);
        crash_sweep(sc, 150 * times, false, true, want);
        crash_sweep(sc, 60 * times, true, true, want);
    }
    done_testing();
}
