/* order_model.c - see order_model.h
 *
 * An execution is run again from the start for each list of choices: depth first, without a memory of states.  A
 * choice is which thread goes on and, for a load, which store it reads.  Only loads of words that another thread
 * writes, and read-modify-writes, are choices: since a load may read old stores, a store commutes with all that other
 * threads can do and is made at once.  Sleep sets leave out the orders of choices that commute: a load and a store it
 * does not read do, so each execution is made once.  Words are found to be shared as the exploration goes, which then
 * begins again.
 */
#include "order_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emu/fiber.h"
#include "slot/order.h"

enum { PLACES = 4096, SHARED = 128, STORES = 64, STEPS = 400, OPTIONS = 64, KEPT = 16, GUARDS = 4, NOBODY = -1 };

/* -- memory --------------------------------------------------------------------------------------- */

struct view { uint32_t clock[ORDER_THREADS]; uint8_t seen[SHARED]; };
struct store {
    uint64_t value;
    int device;                         /* of its writer */
    struct view near, far;              /* what it publishes on that device; on others */
};

struct place {                          /* a word, found by its address */
    const void *at;
    unsigned touched, written;          /* bit per thread, in all executions so far */
    bool swapped;                       /* by read-modify-writes alone */
    int shared;                         /* 1 + index of its stores; 0 = no other thread touches what one writes */
    uint64_t run;                       /* that the rest is of */
    int writer;                         /* guarded: who wrote last, and when who looked last */
    uint32_t write_clock, read_clock[ORDER_THREADS];
};

struct thread {
    struct fiber *fiber;
    struct view now, pending, released; /* seen; would be, behind a fence; as of the last fence */
    uint32_t clock;
    int device, word;                   /* the shared word it is about to load or swap */
    bool swaps;
    uint32_t choice;                    /* which store */
    bool alone;                         /* the others have ended */
};

static struct place places[PLACES];
static struct { uint32_t count; struct store store[STORES]; } words[SHARED];
static int shared_words;
static struct thread threads[ORDER_THREADS];
static int running = NOBODY;
static uint64_t run_number, fences[ORDER_THREADS];
static const char *wrong;
static bool found_shared;
static const struct order_scene *scene;
static const struct view nothing;
static struct kept { void *at, *copy; size_t bytes; } kept[KEPT];
static struct guard { const char *at; size_t bytes; } guards[GUARDS];
static int kept_count, guard_count;

static void at_least(struct view *v, const struct view *w)
{
    for (int i = 0; i < ORDER_THREADS; i++)
        if (v->clock[i] < w->clock[i])
            v->clock[i] = w->clock[i];
    for (int i = 0; i < shared_words; i++)
        if (v->seen[i] < w->seen[i])
            v->seen[i] = w->seen[i];
}

/* This execution says no more. */
static void give_up(const char *what)
{
    if (!wrong)
        wrong = what;
    fiber_leave();
}

void order_wrong(const char *what) { give_up(what); }

static struct place *place_of(const void *at)
{
    uint32_t i = (uint32_t)((uintptr_t)at * 0x9e3779b97f4a7c15ull >> 52) % PLACES;

    for (uint32_t n = 0; n < PLACES; n++, i = (i + 1) % PLACES) {
        if (places[i].at == at)
            return &places[i];
        if (places[i].at)
            continue;
        places[i].at = at;
        return &places[i];
    }
    abort();
}

/* A word that one writes and another touches has more than one value: all that was explored without that is void. */
static struct place *touch(const void *at, bool writes, bool swaps)
{
    struct place *p = place_of(at);
    unsigned me = 1u << running, before = p->written;

    p->touched |= me;
    p->written |= writes ? me : 0;
    if (writes && before && swaps != p->swapped)
        give_up("a word is stored to and swapped");
    p->swapped |= swaps;
    if (p->written && p->touched & (p->touched - 1) && (!p->shared || p->written != before)) {
        if (!p->shared && shared_words == SHARED)
            abort();
        p->shared = p->shared ? p->shared : ++shared_words;
        found_shared = true;
        give_up("a shared word was found");
    }
    return p;
}

/* The first of its stores is what lay there before. */
static int word_of(struct place *p, uint64_t value)
{
    int word = p->shared - 1;

    if (words[word].count == 0)
        words[word].store[words[word].count++] = (struct store){.value = value, .device = NOBODY};
    return word;
}

/* -- accesses ------------------------------------------------------------------------------------- */

static int order_of(struct order_site *s)
{
    if (!s || running == NOBODY)
        return ORDER_RELAXED;
    s->met = true;
    return s->order & ~s->lacks;
}

static bool is_system(const struct order_site *s) { return s && s->scope == SCOPE_SYSTEM && !s->narrow; }

static struct thread *tick(void)
{
    struct thread *t = &threads[running];

    t->now.clock[running] = ++t->clock;
    return t;
}

/* Which store it is that a load or a swap meets is chosen outside. */
static struct store *meet(struct thread *t, int word, bool swaps)
{
    uint32_t last = words[word].count - 1;

    t->word = word;
    t->swaps = swaps;
    t->choice = last;
    if (!t->alone || (!swaps && t->now.seen[word] != last))
        fiber_leave();
    return &words[word].store[t->choice];
}

static void take_in(struct thread *t, int word, const struct store *s, bool acquires, bool system)
{
    bool near = s->device == t->device;

    t->now.seen[word] = (uint8_t)(s - words[word].store);
    if (acquires && (near || system))
        at_least(&t->now, near ? &s->near : &s->far);
    else if (near)
        at_least(&t->pending, &s->near);
}

static struct store *put(struct thread *t, int word, uint64_t value, bool releases, bool system)
{
    uint32_t n = words[word].count++;
    struct store *s = &words[word].store[n];

    if (n == STORES)
        abort();
    t->now.seen[word] = (uint8_t)n;
    s->value = value;
    s->device = t->device;
    s->near = releases ? t->now : t->released;
    s->far = releases && system ? t->now : nothing;
    s->near.seen[word] = s->far.seen[word] = (uint8_t)n;
    return s;
}

/* Its own store, the newest, whose value is still to be said; NULL: nobody else looks. */
static struct store *swap(const void *at, uint64_t old, int order)
{
    struct thread *t = tick();
    struct place *p = touch(at, true, true);
    struct store *s, *before;
    int word;

    if (!p->shared)
        return NULL;
    word = word_of(p, old);
    before = meet(t, word, true);
    if (before->device != t->device && before->device != NOBODY)
        give_up("a read-modify-write across devices");
    take_in(t, word, before, order & ORDER_ACQUIRE, false);
    s = put(t, word, 0, order & ORDER_RELEASE, false);
    at_least(&s->near, &before->near);  /* it goes on the release sequence of what it replaces */
    return s;
}

static void fence(bool total)
{
    struct thread *t = &threads[running];

    at_least(&t->now, &t->pending);
    if (total)
        (void)swap(&fences[t->device], 0, ORDER_ACQUIRE | ORDER_RELEASE);
    t->released = t->now;
}

static void meet_guarded(const void *at, bool writes)
{
    struct thread *t = tick();
    struct place *p = place_of(at);

    if (p->run != run_number) {
        p->run = run_number;
        p->writer = NOBODY;
        memset(p->read_clock, 0, sizeof p->read_clock);
    }
    if (p->writer != NOBODY && t->now.clock[p->writer] < p->write_clock)
        give_up("plain memory is written by another thread, unordered");
    for (int i = 0; i < ORDER_THREADS && writes; i++)
        if (t->now.clock[i] < p->read_clock[i])
            give_up("plain memory is still read by another thread");
    p->read_clock[running] = t->clock;
    if (writes) {
        p->writer = running;
        p->write_clock = t->clock;
    }
}

static bool is_guarded(const void *at)
{
    for (int i = 0; i < guard_count; i++)
        if ((const char *)at >= guards[i].at && (const char *)at < guards[i].at + guards[i].bytes)
            return true;
    return false;
}

static uint64_t load(const void *at, uint64_t value, struct order_site *site)
{
    int order = order_of(site), word;
    struct thread *t = tick();
    struct place *p = touch(at, false, false);
    struct store *s;

    if (!p->shared || p->written == 1u << running)
        return value;
    word = word_of(p, value);
    s = meet(t, word, false);
    take_in(t, word, s, order & ORDER_ACQUIRE, is_system(site));
    return s->value;
}

uint64_t order_load(const uint64_t *p, struct order_site *site)
{
    if (running == NOBODY)
        return *p;
    return is_guarded(p) ? load_guarded(p) : load(p, *p, site);
}

uint32_t order_load_u32(const uint32_t *p, struct order_site *site)
{
    return running == NOBODY ? *p : (uint32_t)load(p, *p, site);
}

void order_store(uint64_t *p, uint64_t value, struct order_site *site)
{
    int order = order_of(site);

    if (running != NOBODY && is_guarded(p)) {
        meet_guarded(p, true);
    } else if (running != NOBODY) {
        struct thread *t = tick();
        struct place *at = touch(p, true, false);

        if (at->shared && t->now.seen[word_of(at, *p)] != words[at->shared - 1].count - 1)
            give_up("two threads store to one word, unordered");
        if (at->shared)
            put(t, at->shared - 1, value, order & ORDER_RELEASE, is_system(site));
    }
    *p = value;
    if (running != NOBODY && order & ORDER_FENCE)
        fence(order & ORDER_TOTAL);
}

void order_fence_acquire(struct order_site *site)
{
    if (running != NOBODY && order_of(site))
        at_least(&threads[running].now, &threads[running].pending);
}

uint32_t order_add(uint32_t *p, struct order_site *site)
{
    struct store *s = running == NOBODY ? NULL : swap(p, *p, order_of(site));
    uint32_t old = *p;

    *p = old + 1;
    if (s)
        s->value = *p;
    return old;
}

void order_or(uint64_t *p, uint64_t bits, struct order_site *site)
{
    struct store *s = running == NOBODY ? NULL : swap(p, *p, order_of(site));

    *p |= bits;
    if (s)
        s->value = *p;
}

uint64_t order_take(uint64_t *p, struct order_site *site)
{
    uint64_t old;

    if (running != NOBODY)
        (void)swap(p, *p, order_of(site));      /* leaves 0 */
    old = *p;
    *p = 0;
    return old;
}

uint64_t load_guarded(const uint64_t *p)
{
    if (running != NOBODY)
        meet_guarded(p, false);
    return *p;
}

void store_guarded(uint64_t *p, uint64_t value)
{
    if (running != NOBODY)
        meet_guarded(p, true);
    *p = value;
}

static void meet_range(const void *at, size_t bytes, bool writes)
{
    for (size_t i = 0; running != NOBODY && i < bytes; i += 8)
        meet_guarded((const char *)at + i, writes);
}

void order_reads(const void *at, size_t bytes) { meet_range(at, bytes, false); }
void order_writes(const void *at, size_t bytes) { meet_range(at, bytes, true); }

/* -- exploration ---------------------------------------------------------------------------------- */

struct step { int thread; uint32_t choice; };
struct node {
    struct step option[OPTIONS], asleep[OPTIONS];       /* asleep: what it leads to has been seen */
    int options, at, sleeping;
};
static struct node path[STEPS];
static int path_length;

void order_keep(void *at, size_t bytes)
{
    struct kept *k = &kept[kept_count++];

    if (kept_count > KEPT || !(k->copy = malloc(bytes)))
        abort();
    k->at = at;
    k->bytes = bytes;
    memcpy(k->copy, at, bytes);
}

void order_guard(const void *at, size_t bytes)
{
    if (guard_count == GUARDS)
        abort();
    guards[guard_count++] = (struct guard){at, bytes};
}

static bool is_asleep(const struct node *n, struct step s)
{
    for (int i = 0; i < n->sleeping; i++)
        if (n->asleep[i].thread == s.thread && n->asleep[i].choice == s.choice)
            return true;
    return false;
}

static void add_options(struct node *n, int thread)
{
    const struct thread *t = &threads[thread];
    uint32_t count = words[t->word].count, first = t->swaps ? count - 1 : t->now.seen[t->word];

    for (uint32_t i = first; i < count; i++) {
        struct step s = {thread, i};

        if (is_asleep(n, s))
            continue;
        if (n->options == OPTIONS)
            abort();
        n->option[n->options++] = s;
    }
}

/* Two threads' next steps commute unless both replace the same word's newest store. */
static bool commute(int a, int b)
{
    return a != b && !(threads[a].word == threads[b].word && threads[a].swaps && threads[b].swaps);
}

static void put_to_sleep(const struct node *n, struct node *next)
{
    int by = n->option[n->at].thread;

    next->sleeping = 0;
    for (int i = 0; i < n->sleeping; i++)
        if (commute(n->asleep[i].thread, by))
            next->asleep[next->sleeping++] = n->asleep[i];
    for (int i = 0; i < n->at; i++)
        if (commute(n->option[i].thread, by))
            next->asleep[next->sleeping++] = n->option[i];
}

static void run_thread(void *arg)
{
    (void)arg;
    scene->thread[running].run();
}

static int threads_left(void)
{
    int n = 0;

    for (int i = 0; i < ORDER_THREADS; i++)
        n += threads[i].fiber != NULL;
    return n;
}

static void begin(void)
{
    wrong = NULL;
    run_number++;
    for (int i = 0; i < shared_words; i++)
        words[i].count = 0;
    for (int i = 0; i < kept_count; i++)
        memcpy(kept[i].at, kept[i].copy, kept[i].bytes);
    for (int i = 0; i < ORDER_THREADS; i++)
        threads[i] = (struct thread){.device = scene->thread[i].device};
    for (running = 0; running < ORDER_THREADS && !wrong; running++)
        if (scene->thread[running].run)
            fiber_run(&threads[running].fiber, run_thread, NULL);
    running = NOBODY;
}

static void take(struct step s)
{
    threads[s.thread].choice = s.choice;
    threads[s.thread].alone = threads_left() == 1;
    running = s.thread;
    fiber_enter(&threads[s.thread].fiber);
    running = NOBODY;
}

/* One execution, along the path and beyond it.  False: it was cut short. */
static bool run(void)
{
    bool cut = false;

    begin();
    for (int depth = 0; !wrong && !cut && threads_left() > 0; depth++) {
        struct node *n = &path[depth];

        if (depth + 1 == STEPS)
            abort();
        if (depth == path_length) {
            n->options = n->at = 0;
            for (int i = 0; i < ORDER_THREADS; i++)
                if (threads[i].fiber)
                    add_options(n, i);
            cut = n->options == 0;
            path_length += !cut;
        }
        if (cut)
            break;
        put_to_sleep(n, n + 1);
        take(n->option[n->at]);
    }
    for (int i = 0; i < ORDER_THREADS; i++)
        fiber_free(threads[i].fiber);
    if (!wrong && !cut) {
        const char *what = scene->wrong();

        wrong = wrong ? wrong : what;   /* what it lets run may have said more */
    }
    return !cut;
}

static bool next_path(void)
{
    while (path_length > 0 && path[path_length - 1].at + 1 == path[path_length - 1].options)
        path_length--;
    if (path_length == 0)
        return false;
    path[path_length - 1].at++;
    return true;
}

static void explore(struct order_result *ret)
{
    *ret = (struct order_result){0};
    path_length = path[0].sleeping = 0;
    found_shared = false;
    do {
        if (run())
            ret->runs++;
        else
            ret->cut++;
    } while (!wrong && next_path());
    ret->wrong = wrong;
}

void order_explore(const struct order_scene *s, void (*keep)(void), struct order_result *ret)
{
    scene = s;
    memset(places, 0, sizeof places);
    shared_words = guard_count = 0;
    scene->make();
    keep();
    do
        explore(ret);
    while (found_shared);
    while (kept_count > 0)
        free(kept[--kept_count].copy);
}
