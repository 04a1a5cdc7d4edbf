/* devman.c - what the device manager promises of lives, commits and workers, with the workers played here
 *
 * Slots and slot 0 are the real ones, run turn by turn; the processes around them are said to start, stop and
 * die by events, as the zygote says it.
 */
#include <treewarden/actor.h>

#include <signal.h>
#include <stdbool.h>
#include <unistd.h>

#include "slot/slot_impl.h"
#include "spec/placement.h"
#include "spec/spec.h"
#include "sup/devman.h"
#include "sup/timeouts.h"
#include "tests/lib/tap.h"

/* -- an actor that commits each time it is woken ---------------------------------------------------- */

struct counter { uint64_t n; };

TW_INIT(counter)
{
    (void)cx;
    s->n = 1;
}

TW_NO_RECEIVE(counter)

TW_STEP(counter)
{
    s->n++;
    tw_commit(cx);
}
TW_PROGRAM(counter)

/* -- the workers ------------------------------------------------------------------------------------ */

enum { DEVICES = 3, SLOTS_MAX = 6, INCARNATIONS = 12, EVENTS = 32 };

struct played {                         /* one incarnation */
    char *arena;
    struct arena_view view;
    struct slot slots[SLOTS_MAX + 1];
    struct slot0 slot0;
    void *memory[SLOTS_MAX + 1];
    bool lives, runs;                   /* runs: its threads make turns */
    int kills;
};

/* What was told, newest last. */
enum told { STARTED, START_FAILED, ROOM, FINISHING, DOWN, LOST, FAULT, WORKER, SLOT, LETTER };
struct tale { enum told what; uint32_t vertex, cls, cause; uint64_t life, resumed; char text[64]; };

struct play {
    struct spec *spec;
    struct placement places;
    struct devman *d;
    struct played worker[DEVICES][INCARNATIONS + 1];
    uint32_t newest[DEVICES];
    int devices, at;                            /* at: whose worker the helpers below are about */
    int torn;                           /* arenas given back under a live worker */
    struct device_event events[EVENTS];
    uint32_t event_head, event_tail;
    struct tale tale[256];
    uint32_t tales;
    uint64_t now_ms;
    struct slot_env env;
};

static void *op_arena_new(void *self, int device, uint32_t incarnation, size_t bytes)
{
    struct play *p = self;
    struct played *w = &p->worker[device][incarnation];

    if (incarnation > INCARNATIONS)
        exit(99);
    w->arena = aligned_alloc(4096, (bytes + 4095) & ~(size_t)4095);
    memset(w->arena, 0, bytes);
    p->newest[device] = incarnation;
    return w->arena;
}

static void op_arena_free(void *self, int device, uint32_t incarnation)
{
    struct play *p = self;

    p->torn += p->worker[device][incarnation].lives;
}

static int op_start(void *self, int device, uint32_t incarnation)
{
    struct play *p = self;
    struct played *w = &p->worker[device][incarnation];

    w->lives = true;
    return arena_view_init(&w->view, w->arena, ((struct arena_header *)(void *)w->arena)->bytes);
}

static int op_signal(void *self, int device, uint32_t incarnation, enum device_signal what)
{
    struct play *p = self;

    p->worker[device][incarnation].kills += what == DEVICE_KILL;
    return 0;
}

static void op_ring(void *self, int device)
{
    (void)self;
    (void)device;
}

static void op_poll(void *self, struct device_event *ret)
{
    struct play *p = self;

    *ret = (struct device_event){.kind = DEVICE_NOTHING};
    if (p->event_head != p->event_tail)
        *ret = p->events[p->event_head++ % EVENTS];
}

static void event(struct play *p, enum device_event_kind kind, uint32_t incarnation, int status)
{
    p->events[p->event_tail++ % EVENTS] =
        (struct device_event){.kind = kind, .device = p->at, .incarnation = incarnation, .pid = 7, .status = status};
}

static struct played *worker(struct play *p) { return &p->worker[p->at][p->newest[p->at]]; }

/* -- what is told ----------------------------------------------------------------------------------- */

static struct tale *tell(struct play *p, enum told what, uint32_t vertex, uint64_t life)
{
    struct tale *t = &p->tale[p->tales++ % 256];

    *t = (struct tale){.what = what, .vertex = vertex, .life = life};
    return t;
}

static void on_started(void *self, uint32_t vertex, uint64_t life, uint64_t resumed)
{
    tell(self, STARTED, vertex, life)->resumed = resumed;
}

static void on_start_failed(void *self, uint32_t vertex, uint64_t life, uint32_t cause, uint32_t code)
{
    (void)code;
    tell(self, START_FAILED, vertex, life)->cause = cause;
}

static void on_room(void *self, uint32_t vertex, uint64_t life) { tell(self, ROOM, vertex, life); }

static void on_finishing(void *self, uint32_t vertex, uint64_t life) { tell(self, FINISHING, vertex, life); }

static void on_down(void *self, uint32_t vertex, uint64_t life, uint32_t cls, uint32_t cause, uint32_t code)
{
    struct tale *t = tell(self, DOWN, vertex, life);

    (void)code;
    t->cls = cls;
    t->cause = cause;
}

static void on_lost(void *self, const struct devman_loss *lost, uint32_t count, uint32_t cause)
{
    for (uint32_t i = 0; i < count; i++)
        tell(self, LOST, lost[i].vertex, lost[i].life)->cause = cause;
}

static int on_message(void *self, const union cell *c, const void *body, uint32_t bytes)
{
    (void)self;
    (void)c;
    (void)body;
    (void)bytes;
    return 0;
}

static void on_due(void *self, uint32_t vertex, uint64_t step)
{
    (void)self;
    (void)vertex;
    (void)step;
}

static uint64_t next_step(void *self, uint32_t vertex, uint64_t after)
{
    (void)self;
    (void)vertex;
    (void)after;
    return 0;
}

static void on_logged(void *self, const struct cell_log *c)
{
    (void)self;
    (void)c;
}

static void on_letter(void *self, uint32_t vertex, uint64_t life, const struct devman_letter *l)
{
    struct tale *t = tell(self, LETTER, vertex, life);

    t->resumed = l->number;
    t->cause = l->deaths;
    snprintf(t->text, sizeof t->text, "%u: %u, %u bytes: %.*s", l->from, l->type, l->bytes, (int)l->bytes,
             (const char *)l->body);
}

static void on_fault(void *self, const struct devman_fault *f) { tell(self, FAULT, f->vertex, 0)->cause = f->cause; }

static void on_worker(void *self, int device, int pid, const char *what)
{
    (void)device;
    (void)pid;
    snprintf(tell(self, WORKER, CELL_NOBODY, 0)->text, 64, "%s", what);
}

static void on_slot(void *self, int device, uint32_t slot, uint32_t vertex, const char *what)
{
    (void)device;
    (void)slot;
    snprintf(tell(self, SLOT, vertex, 0)->text, 64, "%s", what);
}

static void on_keeper_gone(void *self) { (void)self; }

static const struct devman_ops ops = {
    .started = on_started, .start_failed = on_start_failed, .room = on_room, .finishing = on_finishing, .down = on_down,
    .lost = on_lost, .message = on_message, .due = on_due, .next_step = next_step, .logged = on_logged,
    .letter = on_letter, .fault = on_fault, .worker = on_worker, .slot = on_slot, .keeper_gone = on_keeper_gone};

static uint32_t told(const struct play *p, enum told what, uint32_t vertex, uint64_t life)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < p->tales; i++)
        n += p->tale[i].what == what && p->tale[i].vertex == vertex && p->tale[i].life == life;
    return n;
}

/* The last of this kind about a vertex; an empty one if there is none. */
static const struct tale *last(const struct play *p, enum told what, uint32_t vertex)
{
    static const struct tale nothing;

    for (uint32_t i = p->tales; i-- > 0;)
        if (p->tale[i].what == what && p->tale[i].vertex == vertex)
            return &p->tale[i];
    return &nothing;
}

static uint32_t said(const struct play *p, enum told what, const char *text)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < p->tales; i++)
        n += p->tale[i].what == what && strstr(p->tale[i].text, text) != NULL;
    return n;
}

/* -- a rank with one device or two ------------------------------------------------------------------------- */

enum { A = 1, B, C };                   /* its actors; 0 is their supervisor */

static void no_errors(void *self, const char *text)
{
    (void)self;
    printf("# %s\n", text);
}

static int poison;                      /* of the actors of the next play; 0: none */
static int resume_deaths;               /* the same */

static struct spec *specification(int devices, int slots, int spares)
{
    char name[] = "/tmp/tw-devman-XXXXXX", text[256], state[32] = "";
    int fd = mkstemp(name), n;
    struct spec *s = NULL;

    if (resume_deaths)
        snprintf(state, sizeof state, ", state: {resume: %d}", resume_deaths);
    n = snprintf(text, sizeof text, "treewarden: 1\nname: t\ndevices: {per_rank: %d, slots: %d, spares: %d}\n"
                 "supervisor: top\nintensity: 9\nchildren:\n  - {actor: counter, count: %d%s%.0d%s}\n", devices, slots, spares,
                 devices * slots < 3 ? devices * slots : 3, poison ? ", poison: " : "", poison, state);
    if (write(fd, text, (size_t)n) != n)
        exit(99);
    close(fd);
    (void)spec_load(name, NULL, 0, no_errors, NULL, &s);
    unlink(name);
    return s;
}

static struct play *play_open(struct spec *spec, int devices)
{
    static const struct device_ops device_ops = {op_arena_new, op_arena_free, op_start, op_signal, op_ring, op_poll};
    struct play *p = calloc(1, sizeof *p);
    struct devman_config c = {.program = &tw_program, .devices = devices, .port = {&device_ops, p}, .ops = &ops, .self = p};
    struct reason why;

    p->now_ms = 1000;
    p->devices = devices;
    p->spec = spec;
    if (!p->spec || placement_make(p->spec, 1, &p->places, &why) != 0)
        exit(99);
    c.spec = p->spec;
    c.rank_of = p->places.rank_of;
    c.device_of = p->places.device_of;
    p->d = devman_create(&c);
    devman_open(p->d, p->now_ms);
    return p;
}

static struct play *play_of(int devices, int slots, int spares)
{
    return play_open(specification(devices, slots, spares), devices);
}

static struct play *play_new(int slots, int spares) { return play_of(1, slots, spares); }

/* Every test ends with this: whatever happened, no arena went under a live worker. */
static void play_end(struct play *p)
{
    is_int(p->torn, 0, "(no arena was given back before its worker was reaped)");
    devman_destroy(p->d);
    for (uint32_t i = 0; i < DEVICES * INCARNATIONS; i++) {
        struct played *w = &p->worker[i % DEVICES][1 + i / DEVICES];

        for (int s = 0; s <= SLOTS_MAX; s++)
            free(w->memory[s]);
        free(w->arena);
    }
    placement_free(&p->places);
    spec_free(p->spec);
    free(p);
}

static void turn(struct play *p, uint32_t ms)
{
    p->now_ms += ms;
    (void)devman_turn(p->d, p->now_ms, p->now_ms * 1000);
    devman_check(p->d);
}

static void slots_turn(struct play *p)
{
    struct played *w = worker(p);

    for (uint32_t s = 1; w->runs && s <= w->view.geo.slots; s++)
        (void)slot_turn(&w->slots[s], p->now_ms);
}

/* Rounds of slot 0, slots and the manager. */
static void rounds(struct play *p, int n)
{
    for (; n > 0; n--) {
        if (worker(p)->runs)
            (void)slot0_turn(&worker(p)->slot0, p->now_ms, NULL);
        slots_turn(p);
        if (worker(p)->runs)
            (void)slot0_turn(&worker(p)->slot0, p->now_ms, NULL);
        turn(p, 1);
    }
}

static void threads_up(struct play *p)
{
    struct played *w = worker(p);

    w->memory[0] = calloc(1, slot0_private_bytes(&w->view.geo));
    slot0_init(&w->slot0, &w->view, &p->env, w->memory[0]);
    for (uint32_t s = 1; s <= w->view.geo.slots; s++) {
        w->memory[s] = calloc(1, slot_private_bytes(&w->view.geo));
        slot_init(&w->slots[s], &w->view, s, &tw_program, &p->env, w->memory[s]);
    }
    w->runs = true;
    store_release(&w->view.header->boot, 1, SCOPE_SYSTEM);
}

static void boot(struct play *p)
{
    event(p, DEVICE_STARTED, p->newest[p->at], 0);
    threads_up(p);
    rounds(p, 2);
}

/* The process is gone and reaped; the manager has heard of it. */
static void die(struct play *p, int status)
{
    worker(p)->runs = worker(p)->lives = false;
    event(p, DEVICE_EXITED, p->newest[p->at], status);
    turn(p, 1);
}

static void start(struct play *p, uint32_t vertex, uint64_t life, uint32_t line, bool resume)
{
    devman_start(p->d, vertex, life, line, resume, false);
    rounds(p, 4);
}

static struct play *running(int slots, int spares)
{
    struct play *p = play_new(slots, spares);

    boot(p);
    for (uint32_t v = A; v < A + (uint32_t)(slots < 3 ? slots : 3); v++)
        start(p, v, 10 + v, 1, true);
    return p;
}

/* Slot 0 says this of the life that is in the vertex's slot. */
static void slot_says(struct play *p, uint32_t vertex, uint64_t life, uint32_t state, uint32_t cls, uint32_t cause)
{
    struct played *w = worker(p);
    union cell c;

    memset(&c, 0, sizeof c);
    c.slot_is.type = CELL_SLOT_IS;
    c.slot_is.src = vertex;
    c.slot_is.life = life;
    c.slot_is.slot = devman_slot(p->d, vertex);
    c.slot_is.state = state;
    c.slot_is.flags = 1;                /* and it has said that it is up */
    c.slot_is.cls = cls;
    c.slot_is.cause = cause;
    (void)ring_put(arena_up(&w->view), up_ring_bytes(&w->view.geo), &c, NULL, 0);
    turn(p, 1);
}

/* -- the tests -------------------------------------------------------------------------------------- */

static void a_life_is_told_once(void)
{
    struct play *p = running(3, 1);

    is_int(told(p, STARTED, A, 11), 1, "a life that runs is told");
    slot_says(p, A, 11, SLOT_RUNNING, 0, 0);
    slot_says(p, A, 11, SLOT_DRAINING, 0, 0);
    slot_says(p, A, 11, SLOT_DRAINING, 0, 0);
    ok(told(p, STARTED, A, 11) == 1 && told(p, FINISHING, A, 11) == 1,
       "once, whatever slot 0 repeats; so is that it finishes");
    (void)devman_drill(p->d, B, SLOT_DRILL_FAIL, 0);
    worker(p)->slots[devman_slot(p->d, B)].image->again = 1;
    rounds(p, 4);
    ok(told(p, DOWN, B, 12) == 1 && last(p, DOWN, B)->cls == CLASS_ABNORMAL && told(p, START_FAILED, B, 12) == 0,
       "a life that ran and failed is down, not a failed start");
    start(p, B, 22, 1, true);
    ok(told(p, STARTED, B, 22) == 1 && last(p, STARTED, B)->resumed >= 2,
       "the next one is told too, and goes on from its commit");
    slot_says(p, B, 12, SLOT_FAILED, CLASS_ABNORMAL, CAUSE_CODE);
    ok(told(p, DOWN, B, 22) == 0 && told(p, DOWN, B, 12) == 1, "a late report of the older life changes nothing");
    play_end(p);
}

static void a_stop_is_answered(void)
{
    struct play *p = play_new(3, 1);

    devman_start(p->d, A, 11, 1, true, false);
    devman_stop(p->d, A, 11, STOP_SHUTDOWN, 100);
    ok(told(p, DOWN, A, 11) == 1 && last(p, DOWN, A)->cls == CLASS_SHUTDOWN,
       "a stop of a life that waits for its worker is answered");
    devman_stop(p->d, A, 11, STOP_KILL, 100);
    ok(told(p, DOWN, A, 11) == 2 && last(p, DOWN, A)->cls == CLASS_KILLED, "so is one of a life that is no more");
    boot(p);
    start(p, A, 21, 1, true);
    devman_stop(p->d, A, 21, STOP_SHUTDOWN, 100);
    is_int(told(p, DOWN, A, 21), 0, "a life that runs is not down before its slot has said so");
    rounds(p, 4);
    ok(told(p, DOWN, A, 21) == 1 && last(p, DOWN, A)->cls == CLASS_SHUTDOWN, "but then");
    play_end(p);
}

static void a_new_line_forgets(void)
{
    struct play *p = running(3, 1);

    devman_stop(p->d, A, 11, STOP_SHUTDOWN, 0);
    rounds(p, 4);
    worker(p)->runs = false;            /* it dies before the fresh life's first commit */
    devman_start(p->d, A, 21, 2, false, false);
    turn(p, 1);
    die(p, SIGKILL);
    boot(p);
    rounds(p, 4);
    ok(told(p, STARTED, A, 21) == 1 && last(p, STARTED, A)->resumed == 0,
       "a fresh start whose worker dies under it is fresh again, not the old line's commit");
    play_end(p);
}

static void a_start_that_had_begun_stands(void)
{
    struct play *p = play_new(3, 1);

    boot(p);
    devman_start(p->d, A, 11, 1, false, false);
    (void)slot0_turn(&worker(p)->slot0, p->now_ms, NULL);
    slots_turn(p);                      /* it has committed, and nobody was told yet */
    die(p, SIGKILL);
    boot(p);
    rounds(p, 4);
    ok(told(p, STARTED, A, 11) == 1 && last(p, STARTED, A)->resumed >= 1,
       "a start that had committed when its worker died goes on from there");
    play_end(p);
}

static void a_life_that_was_over_before_anybody_looked(void)
{
    struct play *p = play_new(3, 1);
    struct slot_want *want;

    boot(p);
    devman_start(p->d, A, 11, 1, false, false);
    (void)slot0_turn(&worker(p)->slot0, p->now_ms, NULL);
    slots_turn(p);                      /* it is up, and slot 0 has not seen it */
    want = arena_want(&worker(p)->view, devman_slot(p->d, A));
    store_relaxed(&want->drill, SLOT_DRILL_FAIL);
    store_release(&want->drill_life, 11, SCOPE_DEVICE);
    worker(p)->slots[devman_slot(p->d, A)].image->again = 1;
    slots_turn(p);
    rounds(p, 2);
    ok(told(p, STARTED, A, 11) == 1 && told(p, DOWN, A, 11) == 1 && told(p, START_FAILED, A, 11) == 0,
       "a life that was up and failed before slot 0 looked has started, and is down");
    play_end(p);
}

static void loses_workers(struct play *p, int n)
{
    for (; n > 0; n--) {
        threads_up(p);
        turn(p, 1);                     /* no slot has run yet */
        die(p, SIGKILL);
    }
}

static void a_start_that_no_worker_outlives(void)
{
    struct play *p = play_new(3, 1);

    devman_start(p->d, B, 12, 1, false, false);
    loses_workers(p, 4);
    is_int(told(p, START_FAILED, B, 12), 0, "a start that loses its worker is the next worker's");
    loses_workers(p, 1);
    ok(told(p, START_FAILED, B, 12) == 1 && last(p, START_FAILED, B)->cause == CAUSE_WORKER,
       "... until five were lost: then it has failed");
    devman_start(p->d, B, 22, 1, false, false);
    loses_workers(p, 4);
    is_int(told(p, START_FAILED, B, 22), 0, "the next start has as many");
    loses_workers(p, 1);
    is_int(told(p, START_FAILED, B, 22), 1, "... and no more");
    play_end(p);
}

static void a_start_that_breaks_its_worker(void)
{
    struct play *p = running(3, 1);
    struct arena_header *h;

    devman_stop(p->d, B, 12, STOP_KILL, 0);
    rounds(p, 4);
    devman_start(p->d, B, 22, 2, false, false);
    h = worker(p)->view.header;
    store_relaxed(&h->words_slot, devman_slot(p->d, B));
    store_release(&h->words_signal, SIGSEGV, SCOPE_SYSTEM);
    die(p, SIGSEGV);
    ok(told(p, START_FAILED, B, 22) == 1 && last(p, START_FAILED, B)->cause == CAUSE_SEGV && told(p, DOWN, B, 22) == 0,
       "whose start breaks the worker has failed to start");
    boot(p);
    rounds(p, 4);
    is_int(told(p, STARTED, B, 22), 0, "... and is not started again and again, worker after worker");
    play_end(p);
}

/* -- poison (extension 9): what a slot's word about the message in hand leads to -- */

/* The life of A ends, by itself, with this message in its hands; the next one begins. */
static void a_dies_of(struct play *p, uint32_t from, uint32_t line, uint64_t seq)
{
    static uint64_t life = 100;
    struct slot_hand *hand = arena_hand(&worker(p)->view, devman_slot(p->d, A));

    hand->from = MESSAGE_FROM(from, line);
    hand->seq = seq;
    hand->what = 7 | (uint64_t)5 << 32;
    memcpy(hand + 1, "bytes", 5);
    slot_says(p, A, arena_config(&worker(p)->view, devman_slot(p->d, A))->life, SLOT_FAILED, CLASS_ABNORMAL, CAUSE_CODE);
    start(p, A, life++, 1, true);
}

static const struct slot_config *config_of_a(struct play *p) { return arena_config(&worker(p)->view, devman_slot(p->d, A)); }

static uint32_t letters(const struct play *p)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < p->tales; i++)
        n += p->tale[i].what == LETTER;
    return n;
}

static struct play *poisoned(int deaths)
{
    struct play *p;

    poison = deaths;
    p = running(3, 1);
    poison = 0;
    return p;
}

static void so_many_deaths_make_a_dead_letter(void)
{
    struct play *p = poisoned(3);

    a_dies_of(p, B, 1, 4);
    a_dies_of(p, B, 1, 4);
    ok(letters(p) == 0 && config_of_a(p)->skip_count == 0, "two deaths with a message in hand are not three");
    a_dies_of(p, B, 1, 4);
    ok(letters(p) == 1 && !strcmp(last(p, LETTER, A)->text, "2: 7, 5 bytes: bytes") && last(p, LETTER, A)->resumed == 4 &&
           last(p, LETTER, A)->cause == 3, "the third makes it a dead letter: sender, type, bytes, number, deaths");
    ok(config_of_a(p)->skip_count == 1 && config_of_a(p)->skips[0].from == MESSAGE_FROM(B, 1) &&
           config_of_a(p)->skips[0].seq == 4, "the next life is to pass over it");
    a_dies_of(p, C, 1, 1);
    ok(letters(p) == 1 && config_of_a(p)->skip_count == 1, "... so is the one after, until a commit has: told once");
    devman_peer(p->d, B, 70, 2, PEER_UP, 0, 0);
    a_dies_of(p, C, 1, 1);
    is_int(config_of_a(p)->skip_count, 0, "a line of its sender's that is over has no numbers to pass over");
    play_end(p);
}

static void what_starts_the_count_again(void)
{
    struct play *p = poisoned(2);

    a_dies_of(p, B, 1, 4);
    a_dies_of(p, B, 1, 5);
    a_dies_of(p, B, 1, 4);
    is_int(letters(p), 0, "a death of another message of that sender starts the count again");
    a_dies_of(p, C, 1, 1);
    a_dies_of(p, B, 1, 4);
    is_int(letters(p), 1, "one of another sender's does not: which comes first is not the same in each life");
    a_dies_of(p, C, 1, 0);
    a_dies_of(p, C, 1, 1);
    ok(letters(p) == 1 && config_of_a(p)->skip_count == 1, "one without a message does, for all that are no poison yet");
    devman_stop(p->d, A, config_of_a(p)->life, STOP_KILL, 0);
    rounds(p, 4);
    start(p, A, 90, 1, true);
    a_dies_of(p, C, 1, 1);
    is_int(letters(p), 2, "a life that is stopped leaves it as it is");
    play_end(p);
}

/* From another device, so that it comes by way of the rank. */
static void b_sends(struct play *p, uint64_t seq)
{
    union cell c;

    memset(&c, 0, sizeof c);
    c.msg.type = CELL_MSG;
    c.msg.life = CELL_LINES(1, 1);
    c.msg.seq = seq;
    c.msg.src = B;
    c.msg.dst = A;
    c.msg.first = 1;
    c.msg.bytes = 8;
    devman_peer(p->d, A, config_of_a(p)->life, 1, PEER_UP, 0, 0);
    devman_deliver(p->d, &c, "12345678", 8);
    rounds(p, 4);
}

static void until_a_commit_has_passed_over_it(void)
{
    struct play *p = poisoned(2);

    b_sends(p, 1);
    a_dies_of(p, B, 1, 2);
    a_dies_of(p, B, 1, 2);
    ok(letters(p) == 1 && config_of_a(p)->skip_count == 1, "with message 1 consumed, 2 is to be passed over");
    a_dies_of(p, C, 1, 1);
    a_dies_of(p, C, 1, 0);
    is_int(config_of_a(p)->skip_count, 1, "... whatever lives die of before it comes");
    b_sends(p, 2);
    a_dies_of(p, C, 1, 1);
    is_int(config_of_a(p)->skip_count, 0, "once a commit has consumed it, no life need be told");
    is_int(letters(p), 1, "and it was one dead letter");
    play_end(p);
}

static void who_counts_when_a_worker_dies(void)
{
    struct play *p = poisoned(1);
    struct arena_header *h = worker(p)->view.header;

    for (uint32_t v = A; v <= C; v++) {
        arena_hand(&worker(p)->view, devman_slot(p->d, v))->seq = v;
        arena_hand(&worker(p)->view, devman_slot(p->d, v))->from = MESSAGE_FROM(A, 1);
    }
    store_relaxed(&h->words_slot, devman_slot(p->d, B));
    store_release(&h->words_signal, SIGSEGV, SCOPE_SYSTEM);
    die(p, SIGSEGV);
    ok(letters(p) == 1 && last(p, LETTER, B)->resumed == B, "of those that fall with a worker, only whose thread faulted counts");
    play_end(p);
}

static void a_worker_takes_its_lives_along(void)
{
    struct play *p = running(3, 1);
    struct arena_header *h = worker(p)->view.header;

    store_relaxed(&h->words_slot, devman_slot(p->d, B));
    store_release(&h->words_signal, SIGSEGV, SCOPE_SYSTEM);
    die(p, SIGSEGV);
    ok(told(p, LOST, A, 11) == 1 && told(p, LOST, C, 13) == 1 && last(p, LOST, A)->cause == CAUSE_WORKER,
       "those that fell with a worker are told as lost, all of them");
    ok(told(p, LOST, B, 12) == 0 && told(p, DOWN, B, 12) == 1 && last(p, DOWN, B)->cls == CLASS_ABNORMAL &&
           last(p, DOWN, B)->cause == CAUSE_SEGV, "the one whose thread faulted failed");
    ok(told(p, DOWN, A, 11) == 0 && told(p, DOWN, C, 13) == 0, "and nobody else did");
    boot(p);
    for (uint32_t v = A; v <= C; v++)
        start(p, v, 20 + v, 1, true);
    ok(last(p, STARTED, A)->resumed >= 2 && last(p, STARTED, B)->resumed >= 2 && last(p, STARTED, C)->resumed >= 2,
       "they go on from what they had committed in the dead worker");
    play_end(p);
}

static void fenced_slots(void)
{
    struct play *p = running(3, 2);
    uint32_t slot = devman_slot(p->d, A);

    slot_says(p, A, 11, SLOT_FENCED, CLASS_ABNORMAL, CAUSE_WEDGED);
    start(p, A, 21, 1, true);
    ok(told(p, STARTED, A, 21) == 1 && devman_slot(p->d, A) != slot, "a fenced slot is not used again: a spare one is");
    is_int(worker(p)->kills, 0, "one fenced slot costs no worker");
    slot_says(p, B, 12, SLOT_FENCED, CLASS_ABNORMAL, CAUSE_WEDGED);
    is_int(worker(p)->kills, 1, "the second does");
    play_end(p);

    p = running(1, 0);
    slot_says(p, A, 11, SLOT_FENCED, CLASS_ABNORMAL, CAUSE_WEDGED);
    is_int(worker(p)->kills, 0, "without a spare a fenced slot costs none either, while nobody needs it");
    start(p, A, 21, 1, true);
    is_int(worker(p)->kills, 1, "but then");
    die(p, SIGKILL);
    boot(p);
    rounds(p, 4);
    is_int(told(p, STARTED, A, 21), 1, "and who waited is started in the new one");
    play_end(p);
}

static void ends_are_known_to_every_worker(void)
{
    struct play *p = play_new(3, 1);
    const struct peer_end *e;

    devman_peer(p->d, C, 70, 5, PEER_UP, 0, 0);
    devman_peer(p->d, C, 70, 5, PEER_DOWN, CLASS_ABNORMAL, CAUSE_BOUNDS);
    devman_peer(p->d, C, 71, 5, PEER_DOWN, CLASS_KILLED, CAUSE_SUPERVISOR);     /* it never was up */
    boot(p);
    rounds(p, 4);
    e = &arena_ends(&worker(p)->view)[C];
    ok(e->life == 70 && e->end == PEER_END(70, CLASS_ABNORMAL, CAUSE_BOUNDS),
       "a worker that boots hears how the last life that was up has ended");
    devman_peer(p->d, C, 72, 5, PEER_UP, 0, 0);
    devman_peer(p->d, C, 72, 5, PEER_GONE, CLASS_NORMAL, CAUSE_DONE);
    rounds(p, 4);
    ok(e->life == 72 && e->end == PEER_END(72, CLASS_NORMAL, CAUSE_DONE), "one that runs, too");
    die(p, SIGKILL);
    ok(arena_ends(&worker(p)->view)[C].life == 72, "and the next one has it in its memory");
    play_end(p);
}

static void what_moved_while_it_booted(void)
{
    struct play *p = play_new(3, 1);

    devman_peer(p->d, C, 77, 5, PEER_UP, 0, 0);
    boot(p);
    rounds(p, 4);
    ok(arena_directory(&worker(p)->view)[C] == PEER_WORD(5, 77, 0, PEER_UP),
       "a worker that boots hears what has moved since its directory was written");
    play_end(p);
}

static void a_stopped_worker(void)
{
    struct play *p = running(3, 1);

    worker(p)->runs = false;
    event(p, DEVICE_STOPPED, p->newest[p->at], 0);
    turn(p, 1);
    for (uint32_t ms = 100; ms < WORKER_STOPPED_MS; ms += 100)
        turn(p, 100);
    is_int(worker(p)->kills, 0, "a stopped worker has its time");
    event(p, DEVICE_CONTINUED, p->newest[p->at], 0);
    worker(p)->runs = true;
    rounds(p, 1);
    for (uint32_t ms = 0; ms < 300; ms++)
        rounds(p, 1);
    is_int(worker(p)->kills, 0, "one that goes on within it is left alone");
    worker(p)->runs = false;
    event(p, DEVICE_STOPPED, p->newest[p->at], 0);
    turn(p, 1);
    for (uint32_t ms = 0; ms < WORKER_STOPPED_MS; ms += 100)
        turn(p, 100);
    is_int(worker(p)->kills, 1, "one that does not is ended");
    play_end(p);
}

static void a_silent_slot_0(void)
{
    struct play *p = running(3, 1);

    worker(p)->runs = false;
    for (uint32_t ms = 100; ms < SLOT0_SILENT_MS; ms += 100)
        turn(p, 100);
    is_int(worker(p)->kills, 0, "slot 0 may be silent for a while");
    turn(p, 5 * OWN_GAP_MS);            /* this loop itself stood still */
    for (uint32_t ms = 100; ms < SLOT0_SILENT_MS; ms += 100)
        turn(p, 100);
    is_int(worker(p)->kills, 0, "time in which the rank's own loop stood still counts against no worker");
    turn(p, 100);
    turn(p, 100);
    is_int(worker(p)->kills, 1, "silent for its time, its worker is ended");
    is_int(said(p, WORKER, "silent"), 1, "and that is told");
    play_end(p);
}

static void events_of_older_workers(void)
{
    struct play *p = running(3, 1);

    die(p, SIGKILL);
    boot(p);
    start(p, A, 21, 1, true);
    event(p, DEVICE_EXITED, p->newest[0] - 1, SIGKILL);
    turn(p, 1);
    ok(told(p, LOST, A, 21) == 0 && p->newest[0] == 2, "the end of an older worker, told again, changes nothing");
    play_end(p);
}

static void starts_that_fail(void)
{
    struct play *p = play_new(3, 1);

    devman_start(p->d, A, 11, 1, true, false);
    event(p, DEVICE_START_FAILED, 1, 0);
    worker(p)->lives = false;
    turn(p, 1);
    ok(p->newest[0] == 2 && told(p, START_FAILED, A, 11) == 0, "a worker that does not start is started again");
    boot(p);
    is_int(told(p, STARTED, A, 11), 1, "who waited for it is started then");
    die(p, SIGKILL);
    event(p, DEVICE_START_FAILED, 3, 0);
    worker(p)->lives = false;
    turn(p, 1);
    ok(p->newest[0] == 4 && said(p, WORKER, "quarantined") == 0, "a failed start long ago does not count");
    devman_start(p->d, A, 21, 1, true, false);
    event(p, DEVICE_START_FAILED, 4, 0);
    worker(p)->lives = false;
    turn(p, 1);
    ok(p->newest[0] == 4 && said(p, WORKER, "quarantined") == 1, "two in a row end the device's use");
    ok(told(p, START_FAILED, A, 21) == 1 && last(p, START_FAILED, A)->cause == CAUSE_DEVICE,
       "and the start that waited for it");
    devman_start(p->d, A, 31, 1, true, false);
    is_int(told(p, START_FAILED, A, 31), 1, "later ones fail at once");
    play_end(p);
}

/* -- two devices ------------------------------------------------------------------------------------ */

/* All of it on both devices. */
static void both(struct play *p, int n)
{
    for (; n > 0; n--)
        for (p->at = 0; p->at < p->devices; p->at++)
            rounds(p, 1);
    p->at = 0;
}

/* A and C on device 0, B on 1, of which each has two slots and a spare. */
static struct play *two_devices(void)
{
    struct play *p = play_of(2, 2, 0);

    for (p->at = 1; p->at >= 0; p->at--)
        boot(p);
    p->at = 0;
    for (uint32_t v = A; v <= C; v++)
        devman_start(p->d, v, 10 + v, 1, true, false);
    both(p, 4);
    return p;
}

/* The worker of device 0 dies, and neither of its next two starts. */
static void give_up(struct play *p, int device)
{
    p->at = device;
    die(p, SIGKILL);
    for (int n = 0; n < 2; n++) {
        worker(p)->lives = false;
        event(p, DEVICE_START_FAILED, p->newest[device], 0);
        turn(p, 1);
    }
    p->at = 0;
}

static void give_up_device_0(struct play *p) { give_up(p, 0); }

static void who_moves(void)
{
    struct play *p = two_devices();

    ok(devman_device(p->d, A) == 0 && devman_device(p->d, B) == 1 && devman_device(p->d, C) == 0, "as they were placed");
    devman_stop(p->d, A, 11, STOP_SHUTDOWN, 0);
    both(p, 4);
    devman_start(p->d, A, 21, 1, true, true);
    both(p, 4);
    ok(devman_device(p->d, A) == 1 && told(p, STARTED, A, 21) == 1 && last(p, STARTED, A)->resumed >= 2,
       "one that is to move goes on from its commit on the other device");
    is_int(said(p, SLOT, "moved"), 1, "and that is told");
    devman_stop(p->d, C, 13, STOP_SHUTDOWN, 0);
    both(p, 4);
    devman_start(p->d, C, 23, 1, true, true);
    both(p, 4);
    ok(devman_device(p->d, C) == 0 && told(p, STARTED, C, 23) == 1, "where there is no room it stays");
    play_end(p);
}

static void a_device_that_is_given_up(void)
{
    struct play *p = two_devices();

    give_up_device_0(p);
    ok(told(p, LOST, A, 11) == 1 && told(p, LOST, C, 13) == 1 && said(p, WORKER, "quarantined") == 1,
       "a device is given up");
    devman_start(p->d, A, 21, 1, true, false);
    both(p, 4);
    ok(devman_device(p->d, A) == 1 && told(p, STARTED, A, 21) == 1 && last(p, STARTED, A)->resumed >= 2,
       "who was on it goes on from its commit on another");
    devman_start(p->d, C, 23, 1, true, false);
    ok(told(p, START_FAILED, C, 23) == 1 && last(p, START_FAILED, C)->cause == CAUSE_DEVICE, "if there is room");
    both(p, 2);
    is_int(told(p, ROOM, C, 23), 0, "who found none is not told that there is");
    devman_stop(p->d, B, 12, STOP_SHUTDOWN, 0);
    both(p, 4);
    is_int(told(p, ROOM, C, 23), 1, "before there is");
    devman_stop(p->d, A, 21, STOP_SHUTDOWN, 0);
    both(p, 4);
    is_int(told(p, ROOM, C, 23), 1, "once");
    devman_start(p->d, C, 33, 1, true, false);
    devman_start(p->d, A, 31, 1, true, false);
    devman_start(p->d, B, 32, 1, true, false);
    both(p, 4);
    ok(told(p, STARTED, C, 33) == 1 && told(p, STARTED, A, 31) == 1 && told(p, START_FAILED, B, 32) == 1 &&
           last(p, START_FAILED, B)->cause == CAUSE_CAPACITY, "a full device is not called given up");
    is_int(devman_lift(p->d, 1), TW_ESTATE, "a device that is in use is not put back into it");
    is_int(devman_lift(p->d, 2), TW_ENOENT, "nor one that is not there");
    is_int(devman_lift(p->d, 0), 0, "one in quarantine is");
    worker(p)->lives = false;
    event(p, DEVICE_START_FAILED, p->newest[0], 0);
    turn(p, 1);
    is_int(said(p, WORKER, "quarantined"), 1, "... and what failed before is forgiven");
    boot(p);
    both(p, 4);
    is_int(told(p, ROOM, B, 32), 1, "and there is room");
    devman_start(p->d, B, 42, 1, true, false);
    both(p, 4);
    ok(told(p, STARTED, B, 42) == 1 && devman_device(p->d, B) == 0, "for one more");
    play_end(p);
}

/* Two slots are left, with A and B in them; C waits for one. */
static struct play *two_slots_for_three(void)
{
    struct play *p = two_devices();

    give_up_device_0(p);
    devman_start(p->d, A, 21, 1, true, false);
    devman_start(p->d, C, 23, 1, true, false);
    both(p, 4);
    return p;
}

static void b_is_stopped_for_a_restart(struct play *p)
{
    devman_keep(p->d, B, true);
    devman_stop(p->d, B, 12, STOP_SHUTDOWN, 0);
    both(p, 4);
}

static void let_pass(struct play *p, uint64_t ms)
{
    uint64_t until = p->now_ms + ms;

    for (; p->now_ms < until; p->now_ms += 99)
        both(p, 1);
}

static void a_place_that_is_kept(void)
{
    struct play *p = two_slots_for_three();

    b_is_stopped_for_a_restart(p);
    ok(told(p, DOWN, B, 12) == 1 && told(p, ROOM, C, 23) == 0,
       "who waits for a slot is not offered that of one that is being restarted");
    devman_start(p->d, C, 33, 1, true, false);
    is_int(last(p, START_FAILED, C)->cause, CAUSE_DEVICE, "... nor given it");
    devman_start(p->d, B, 22, 1, true, false);
    both(p, 4);
    ok(told(p, STARTED, B, 22) == 1 && told(p, ROOM, C, 33) == 0, "it is there for its next life");
    devman_keep(p->d, B, false);
    both(p, 4);
    is_int(told(p, ROOM, C, 33), 0, "which has it when the restart is over, too");
    devman_stop(p->d, B, 22, STOP_SHUTDOWN, 0);
    both(p, 4);
    is_int(told(p, ROOM, C, 33), 1, "... but no longer than it lives");
    play_end(p);

    p = two_slots_for_three();
    b_is_stopped_for_a_restart(p);
    devman_keep(p->d, B, false);
    both(p, 4);
    is_int(told(p, ROOM, C, 23), 1, "a restart that is over without a start leaves its slot to who waits");
    play_end(p);

    p = two_slots_for_three();
    b_is_stopped_for_a_restart(p);
    let_pass(p, KEEP_MS - 500);
    is_int(told(p, ROOM, C, 23), 0, "it is kept for a while");
    let_pass(p, 500);
    is_int(told(p, ROOM, C, 23), 1, "... not for ever");
    play_end(p);

    p = two_slots_for_three();
    devman_stop(p->d, B, 12, STOP_SHUTDOWN, 0);
    both(p, 4);
    devman_keep(p->d, B, true);
    devman_start(p->d, C, 33, 1, true, false);
    both(p, 4);
    is_int(told(p, STARTED, C, 33), 1, "who has no place keeps none");
    play_end(p);

    p = two_slots_for_three();
    b_is_stopped_for_a_restart(p);
    devman_start(p->d, B, 22, 1, true, false);
    devman_stop(p->d, B, 22, STOP_KILL, 0);
    both(p, 4);
    is_int(told(p, ROOM, C, 23), 0, "a life that came between, for it had ended by itself, changes nothing");
    devman_keep(p->d, B, false);
    both(p, 4);
    is_int(told(p, ROOM, C, 23), 1, "... and what it had is free then");
    play_end(p);
}

static void a_kept_place_on_a_device_that_is_given_up(void)
{
    struct play *p = two_devices();

    devman_keep(p->d, A, true);
    devman_stop(p->d, A, 11, STOP_SHUTDOWN, 0);
    both(p, 4);
    give_up_device_0(p);
    devman_start(p->d, A, 21, 1, true, false);
    both(p, 4);
    ok(told(p, STARTED, A, 21) == 1 && devman_device(p->d, A) == 1, "a device that is given up keeps no place: it moves");
    devman_keep(p->d, A, false);
    devman_start(p->d, C, 23, 1, true, false);
    devman_stop(p->d, A, 21, STOP_SHUTDOWN, 0);
    both(p, 4);
    is_int(told(p, ROOM, C, 23), 1, "(and leaves no place behind)");
    play_end(p);
}

/* A worker whose last words are its own, and what becomes of its device. */
static void a_worker_says_why(void)
{
    struct play *p = two_devices();

    p->at = 0;
    snprintf(worker(p)->view.header->text, sizeof worker(p)->view.header->text, "CUDA: it broke");
    die(p, WORKER_BROKE << 8);
    ok(said(p, WORKER, "down: CUDA: it broke") == 1 && p->newest[0] == 2, "a kernel that broke: its worker's words, and another");
    boot(p);
    snprintf(worker(p)->view.header->text, sizeof worker(p)->view.header->text, "CUDA: it is gone");
    die(p, WORKER_DEVICE_LOST << 8);
    ok(said(p, WORKER, "down: CUDA: it is gone") == 1 && said(p, WORKER, "quarantined") == 1 && p->newest[0] == 2,
       "a device that is lost gets no second worker");
    ok(told(p, LOST, A, 11) >= 1, "and who was on it is told of");
    play_end(p);
}

static void who_waited_for_a_device_that_is_given_up(void)
{
    struct play *p = two_devices();

    p->at = 0;
    die(p, SIGKILL);
    devman_start(p->d, A, 21, 1, true, false);
    devman_start(p->d, C, 23, 1, true, false);
    for (int n = 0; n < 2; n++) {
        worker(p)->lives = false;
        event(p, DEVICE_START_FAILED, p->newest[0], 0);
        turn(p, 1);
    }
    both(p, 4);
    ok(told(p, STARTED, A, 21) == 1 && devman_device(p->d, A) == 1 && told(p, START_FAILED, C, 23) == 1,
       "who waited for its worker moves, as far as there is room");
    play_end(p);
}

/* -- suspects --------------------------------------------------------------------------------------- */

static void breaks_its_worker(struct play *p, uint32_t vertex)
{
    struct arena_header *h = worker(p)->view.header;

    store_relaxed(&h->words_slot, devman_slot(p->d, vertex));
    store_release(&h->words_signal, SIGSEGV, SCOPE_SYSTEM);
    die(p, SIGSEGV);
    boot(p);
}

/* Two CUDA devices with A and B, and the host device with C, which is a host actor.  Each of them has room for all. */
static struct play *two_kinds(void)
{
    struct spec *s = specification(2, 3, 0);
    struct play *p;

    s->devices.host_slots = 3;
    s->vertices[C].host = true;
    s->vertices[C].mailbox = 200;
    spec_settle(s, SPEC_DEVICE_CUDA, 2);
    p = play_open(s, 3);
    for (p->at = 2; p->at >= 0; p->at--)
        boot(p);
    p->at = 0;
    for (uint32_t v = A; v <= C; v++)
        devman_start(p->d, v, 10 + v, 1, true, false);
    both(p, 4);
    return p;
}

static void kinds_of_devices(void)
{
    struct play *p = two_kinds();
    struct view_device gpu, host;

    ok(devman_device(p->d, A) == 0 && devman_device(p->d, B) == 1 && devman_device(p->d, C) == 2,
       "host actors are placed on the host device, others on CUDA devices");
    ok(told(p, STARTED, A, 11) && told(p, STARTED, B, 12) && told(p, STARTED, C, 13), "and all run");
    devman_view(p->d, 1, &gpu);
    devman_view(p->d, 2, &host);
    ok(gpu.kind == DEVICE_KIND_CUDA && host.kind == DEVICE_KIND_HOST, "the picture says of what kind a device is");
    ok(p->worker[0][1].view.geo.apart == 1 && p->worker[2][1].view.geo.apart == 0,
       "a CUDA device has a part of the arena for itself");
    ok(p->worker[0][1].view.geo.mailbox == 64 && p->worker[2][1].view.geo.mailbox == 200,
       "an arena is as large as those need who may live there");
    devman_stop(p->d, C, 13, STOP_SHUTDOWN, 0);
    both(p, 4);
    devman_start(p->d, C, 23, 1, true, true);
    both(p, 4);
    ok(devman_device(p->d, C) == 2 && told(p, STARTED, C, 23) == 1, "a host actor that is to move has nowhere else to go");
    give_up(p, 0);
    devman_start(p->d, A, 21, 1, true, false);
    both(p, 4);
    ok(devman_device(p->d, A) == 1 && told(p, STARTED, A, 21) == 1 && last(p, STARTED, A)->resumed >= 2,
       "who was on a CUDA device that is given up goes on on another");
    give_up(p, 1);
    devman_start(p->d, A, 31, 1, true, false);
    both(p, 4);
    ok(told(p, START_FAILED, A, 31) == 1 && last(p, START_FAILED, A)->cause == CAUSE_DEVICE,
       "not on the host device, which has room: there is no other, and the start fails");
    is_int(told(p, ROOM, A, 31), 0, "nor is that called room");
    give_up(p, 2);
    devman_start(p->d, C, 33, 1, true, false);
    ok(told(p, LOST, C, 23) == 1 && told(p, START_FAILED, C, 33) == 1, "nor does a host actor go to a CUDA device");
    play_end(p);
}

static void a_slow_driver(void)
{
    struct spec *s = specification(1, 3, 0);
    struct play *p;

    spec_settle(s, SPEC_DEVICE_CUDA, 1);
    p = play_open(s, 1);
    event(p, DEVICE_STARTED, 1, 0);
    turn(p, WORKER_BOOT_MS + 1);
    is_int(worker(p)->kills, 0, "a worker of a CUDA device may take longer to start than one of the host");
    turn(p, CUDA_BOOT_MS);
    is_int(worker(p)->kills, 1, "... but not for ever");
    die(p, SIGKILL);
    play_end(p);
}

static void a_message_is_the_suspect(void)
{
    struct play *p = poisoned(3);

    for (uint64_t life = 12;; life += 10) {
        arena_hand(&worker(p)->view, devman_slot(p->d, B))->from = MESSAGE_FROM(A, 1);
        arena_hand(&worker(p)->view, devman_slot(p->d, B))->seq = 1;
        breaks_its_worker(p, B);
        if (life == 32)
            break;
        devman_start(p->d, B, life + 10, 1, true, false);
        slot_says(p, B, life + 10, SLOT_RUNNING, 0, 0);
    }
    ok(last(p, DOWN, B)->life == 32 && last(p, DOWN, B)->cause == CAUSE_SEGV && letters(p) == 1,
       "who does so by a message that is counted is no suspect: the message is");
    play_end(p);
}

static void who_gets_no_further(void)
{
    struct play *p = running(3, 1);
    uint64_t life = 12;

    for (int n = 0; n < 2; n++, life += 10) {
        breaks_its_worker(p, B);
        is_int(last(p, DOWN, B)->cause, CAUSE_SEGV, "an actor that breaks its worker has failed");
        devman_start(p->d, B, life + 10, 1, true, false);
        slot_says(p, B, life + 10, SLOT_RUNNING, 0, 0);
    }
    breaks_its_worker(p, B);
    is_int(told(p, DOWN, B, 12) + told(p, DOWN, B, 22) + told(p, DOWN, B, 32), 3, "(each was told)");
    is_int(last(p, DOWN, B)->cause, CAUSE_SUSPECT, "the third time from the same commit it is the suspect");
    play_end(p);

    p = running(3, 1);
    for (int n = 0; n < 5; n++) {
        breaks_its_worker(p, B);
        is_int(last(p, DOWN, B)->cause, CAUSE_SEGV, "one that has got further meanwhile is not");
        start(p, B, 100 + (uint64_t)n, 1, true);
        worker(p)->slots[devman_slot(p->d, B)].image->again = 1;
        rounds(p, 4);
    }
    play_end(p);
}

/* -- so many deaths with one commit (extension 16) ------------------------------------------------------ */

static struct play *resuming(int deaths)
{
    struct play *p;

    resume_deaths = deaths;
    p = running(3, 1);
    resume_deaths = 0;
    return p;
}

static uint64_t life_of_a(struct play *p) { return config_of_a(p)->life; }

static void a_ends(struct play *p, uint32_t cls, uint32_t cause) { slot_says(p, A, life_of_a(p), SLOT_FAILED, cls, cause); }

/* It goes on from the commit and makes none. */
static void a_goes_on(struct play *p, uint64_t life, uint32_t line)
{
    devman_start(p->d, A, life, line, true, false);
    slot_says(p, A, life, SLOT_RUNNING, 0, 0);
}

static void a_gets_further(struct play *p)
{
    worker(p)->slots[devman_slot(p->d, A)].image->again = 1;
    rounds(p, 4);
}

static void so_many_deaths_with_one_commit(void)
{
    struct play *p = resuming(2);

    a_ends(p, CLASS_ABNORMAL, CAUSE_CODE);
    ok(!devman_is_spent(p->d, A), "state: {resume: 2}: one death is not two");
    a_goes_on(p, 21, 1);
    a_ends(p, CLASS_ABNORMAL, CAUSE_BOUNDS);
    ok(devman_is_spent(p->d, A), "the second with the same commit says that the next life is to begin from init");
    start(p, A, 31, 2, false);
    ok(!devman_is_spent(p->d, A) && last(p, STARTED, A)->resumed == 0, "one that has done so has a count of its own");
    a_ends(p, CLASS_ABNORMAL, CAUSE_CODE);
    start(p, A, 41, 2, true);
    a_gets_further(p);
    a_ends(p, CLASS_ABNORMAL, CAUSE_CODE);
    ok(!devman_is_spent(p->d, A), "a commit that is newer starts the count again");
    a_goes_on(p, 51, 2);
    a_ends(p, CLASS_ABNORMAL, CAUSE_CODE);
    ok(devman_is_spent(p->d, A) && !devman_is_spent(p->d, B), "... at one, for the death that left it");
    play_end(p);
    p = running(3, 1);
    for (uint64_t life = 21; life < 91; life += 10) {
        a_ends(p, CLASS_ABNORMAL, CAUSE_CODE);
        a_goes_on(p, life, 1);
    }
    ok(!devman_is_spent(p->d, A), "without the key no number of deaths does it");
    play_end(p);
}

static void deaths_that_do_not_count(void)
{
    struct play *p = resuming(1);

    die(p, SIGKILL);
    ok(told(p, LOST, A, 11) == 1 && !devman_is_spent(p->d, A), "a life that is lost with its worker is not to blame");
    boot(p);
    start(p, A, 21, 1, true);
    devman_stop(p->d, A, 21, STOP_KILL, 0);
    rounds(p, 4);
    ok(!devman_is_spent(p->d, A), "nor one that is stopped or killed");
    start(p, A, 31, 1, true);
    a_ends(p, CLASS_KILLED, CAUSE_OPERATOR);
    ok(told(p, DOWN, A, 31) == 1 && !devman_is_spent(p->d, A), "... by whomever");
    start(p, A, 41, 1, true);
    a_ends(p, CLASS_NORMAL, CAUSE_DONE);
    ok(!devman_is_spent(p->d, A), "nor one that was done");
    start(p, B, 52, 1, true);
    start(p, A, 51, 1, true);
    breaks_its_worker(p, B);
    ok(devman_is_spent(p->d, B) && !devman_is_spent(p->d, A), "who breaks the worker is, not who falls with it");
    play_end(p);

    p = resuming(1);
    devman_stop(p->d, A, 11, STOP_SHUTDOWN, 0);
    rounds(p, 4);
    devman_start(p->d, A, 21, 2, false, false);
    breaks_its_worker(p, A);
    ok(told(p, START_FAILED, A, 21) == 1 && !devman_is_spent(p->d, A), "without a commit there is none to blame");
    play_end(p);
}

static void a_start_that_counts(void)
{
    struct play *p = resuming(2);

    a_ends(p, CLASS_ABNORMAL, CAUSE_CODE);
    devman_start(p->d, A, 21, 1, true, false);
    breaks_its_worker(p, A);
    ok(told(p, START_FAILED, A, 21) == 1 && devman_is_spent(p->d, A), "a start from the commit that fails of itself counts");
    play_end(p);
}

static void the_message_is_to_blame(void)
{
    struct play *p;

    poison = 3;
    p = resuming(1);
    poison = 0;
    a_dies_of(p, B, 1, 4);
    ok(!devman_is_spent(p->d, A), "a death that a message is counted for is not counted for the state");
    a_dies_of(p, B, 1, 0);
    ok(devman_is_spent(p->d, A), "... one without is");
    play_end(p);
}

static void the_count_moves_along(void)
{
    struct play *p;

    resume_deaths = 2;
    p = two_devices();
    resume_deaths = 0;
    a_ends(p, CLASS_ABNORMAL, CAUSE_CODE);
    devman_start(p->d, A, 21, 1, true, true);
    p->at = 1;
    slot_says(p, A, 21, SLOT_RUNNING, 0, 0);
    ok(devman_device(p->d, A) == 1 && told(p, STARTED, A, 21) == 1, "(it has moved)");
    die(p, SIGKILL);
    is_int(told(p, LOST, A, 21), 1, "(its worker is lost)");
    boot(p);
    a_goes_on(p, 31, 1);
    a_ends(p, CLASS_ABNORMAL, CAUSE_CODE);
    ok(devman_is_spent(p->d, A), "the count goes along to another device, and over the loss of a worker");
    play_end(p);
}

int main(void)
{
    a_life_is_told_once();
    a_stop_is_answered();
    a_new_line_forgets();
    a_start_that_had_begun_stands();
    a_life_that_was_over_before_anybody_looked();
    a_start_that_breaks_its_worker();
    a_start_that_no_worker_outlives();
    so_many_deaths_make_a_dead_letter();
    what_starts_the_count_again();
    until_a_commit_has_passed_over_it();
    who_counts_when_a_worker_dies();
    a_worker_takes_its_lives_along();
    fenced_slots();
    ends_are_known_to_every_worker();
    what_moved_while_it_booted();
    a_stopped_worker();
    a_silent_slot_0();
    events_of_older_workers();
    starts_that_fail();
    who_moves();
    a_device_that_is_given_up();
    a_place_that_is_kept();
    a_kept_place_on_a_device_that_is_given_up();
    a_worker_says_why();
    who_waited_for_a_device_that_is_given_up();
    kinds_of_devices();
    a_slow_driver();
    who_gets_no_further();
    a_message_is_the_suspect();
    so_many_deaths_with_one_commit();
    deaths_that_do_not_count();
    a_start_that_counts();
    the_message_is_to_blame();
    the_count_moves_along();
    done_testing();
}
