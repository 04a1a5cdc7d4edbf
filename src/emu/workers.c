/* workers.c - the device port of the simulator: workers whose threads are turns in the world's time
 *
 * A turn runs on the simulator's own stack; only one whose drill will leave it in the middle gets a fiber.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "emu/world.h"

#define SLOT_SLEEP_US 1000000u          /* the nets below the bells, as real workers have them */
#define SLOT0_SLEEP_US 250000u

static struct emu_worker *find(const struct emu_rank *r, int device, uint32_t incarnation)
{
    for (struct emu_worker *w = r->workers; w; w = w->next)
        if (w->device == device && w->incarnation == incarnation)
            return w;
    return NULL;
}

struct emu_worker *worker_of(struct emu_rank *r, int device)
{
    for (struct emu_worker *w = r->workers; w; w = w->next)
        if (w->device == device && (w->state == WORKER_RUNNING || w->state == WORKER_STOPPED))
            return w;
    return NULL;
}

/* -- what the zygote tells ------------------------------------------------------------------------ */

static void tell(struct emu_worker *w, uint64_t in_us, enum device_event_kind kind, int status)
{
    struct told_event *e = calloc(1, sizeof *e), **at = &w->rank->events;

    if (!e)
        abort();
    e->us = w->world->now_us + in_us;
    e->event = (struct device_event){.kind = kind, .device = w->device, .incarnation = w->incarnation,
                                     .pid = 1000 + 100 * w->rank->number + w->device, .status = status};
    while (*at && (*at)->us <= e->us)
        at = &(*at)->next;
    e->next = *at;
    *at = e;
    rank_wake(w->rank, e->us);
}

static void found_out(struct emu_worker *w)
{
    struct emu_result *result = w->world->result;

    if (w->struck_us && w->world->now_us - w->struck_us > result->detection_us)
        result->detection_us = w->world->now_us - w->struck_us;
    w->struck_us = 0;
}

static void op_poll(void *self, struct device_event *ret)
{
    struct emu_rank *r = self;
    struct told_event *e = r->events;
    struct emu_worker *w;

    *ret = (struct device_event){.kind = DEVICE_NOTHING};
    if (!e || e->us > r->world->now_us)
        return;
    *ret = e->event;
    if ((e->event.kind == DEVICE_EXITED || e->event.kind == DEVICE_STOPPED) &&
        (w = find(r, e->event.device, e->event.incarnation)))
        found_out(w);
    r->events = e->next;
    free(e);
}

/* -- threads -------------------------------------------------------------------------------------- */

static void thread_turn(struct world *w, void *who, uint64_t due);

static void due(struct worker_thread *t, uint64_t us)
{
    struct world *w = t->worker->world;

    us = us > w->now_us ? us : w->now_us + 1;
    if (t->due_us && t->due_us <= us)
        return;
    t->due_us = us;
    later(w, us, thread_turn, t, us);
}

bool worker_lives(const struct emu_worker *w)
{
    return w->state == WORKER_RUNNING || w->state == WORKER_STOPPED || w->state == WORKER_DYING;
}

static void wake(struct emu_worker *w, uint32_t index)
{
    if (worker_lives(w))
        due(&w->threads[index], w->world->now_us + 1 + chance(w->world, 40));
}

static void env_wake(void *self, struct bell_word *bell)
{
    struct emu_worker *w = self;
    char *first = (char *)arena_bell(&w->view, 1);
    size_t stride = w->view.geo.slots > 1 ? (size_t)((char *)arena_bell(&w->view, 2) - first) : 1;

    wake(w, bell == arena_bell(&w->view, 0) ? 0 : 1 + (uint32_t)((size_t)((char *)bell - first) / stride));
}

static void env_wake_rank(void *self)
{
    struct emu_worker *w = self;

    rank_wake(w->rank, w->world->now_us + 1 + chance(w->world, 50));
}

static void env_fenced(void *self, uint32_t slot)
{
    struct emu_worker *w = self;

    w->fenced = true;
    sink_fence(w->sink, slot);
}

static const char *env_sink(void *self, uint32_t slot, const char *name)
{
    return sink_path(((struct emu_worker *)self)->sink, slot, name);
}

static int env_sink_commit(void *self, uint32_t slot)
{
    struct emu_worker *w = self;

    if (w->rank->disk_fails) {
        w->rank->disk_fails = false;
        return TW_ESYS;
    }
    return sink_commit(w->sink, slot) == 0 ? 0 : TW_ESYS;
}

static void env_sink_drop(void *self, uint32_t slot) { sink_drop(((struct emu_worker *)self)->sink, slot); }

/* A wedge is left where it stands, and may be entered again when everybody has given it up. */
static void env_injure(void *self, uint32_t slot, uint32_t how)
{
    struct emu_worker *w = self;
    struct arena_header *h = w->view.header;

    if (how == SLOT_DRILL_WEDGE) {
        w->threads[slot].stuck_us = w->world->now_us;
        w->world->wedged[arena_config(&w->view, slot)->vertex]++;
        (void)fiber_leave();
        return;
    }
    store_relaxed(&h->words_slot, slot);
    store_release(&h->words_signal, SIGSEGV, SCOPE_SYSTEM);
    worker_kill(w, SIGSEGV);
    (void)fiber_leave();
}

static uint64_t local_ms(const struct emu_worker *w) { return (w->world->now_us + w->rank->skew_us) / 1000; }

static void run_slot(void *arg)
{
    struct worker_thread *t = arg;

    t->wants_ms = slot_turn(&t->worker->slots[t->index], t->now_ms);
}

static void run_slot0(void *arg)
{
    struct worker_thread *t = arg;

    t->wants_ms = slot0_turn(&t->worker->slot0, t->now_ms, t->worker->cpu_ns);
}

/* Will this turn's handler be acted upon by a drill that does not come back? */
static bool is_drilled(const struct emu_worker *w, uint32_t index)
{
    const struct slot_want *want = arena_want(&w->view, index);
    const struct slot *s = &w->slots[index];

    return want->drill_life && want->drill_life == want->life && (s->life != want->life || !s->drilled) &&
           want->drill >= SLOT_DRILL_WEDGE;
}

static uint64_t slot_thread_turn(struct worker_thread *t)
{
    struct emu_worker *w = t->worker;

    t->now_ms = local_ms(w);
    if (t->fiber && (!arena_want(&w->view, t->index)->fence || chance(w->world, 50) != 0))
        return t->now_ms + 20;          /* still in its handler */
    if (t->fiber) {
        t->stuck_us = 0;
        fiber_enter(&t->fiber);         /* it wakes up in a world that has gone on */
        return t->now_ms;
    }
    if (!turn(w->rank, w, run_slot, t, w->world->config->fibers || is_drilled(w, t->index) ? &t->fiber : NULL))
        return t->now_ms + 20;
    w->cpu_ns[t->index] += 1000u * (1 + chance(w->world, 20));
    strike_at_step(w->world, arena_config(&w->view, t->index)->vertex, load_relaxed(&arena_is(&w->view, t->index)->progress));
    return t->wants_ms;
}

/* Processor time of those who are stuck: all of the time their worker was not stopped. */
static void read_cpu(struct emu_worker *w)
{
    for (uint32_t i = 1; i <= w->view.geo.slots; i++)
        if (w->threads[i].stuck_us) {
            uint64_t since = w->threads[i].stuck_us > w->cpu_read_us ? w->threads[i].stuck_us : w->cpu_read_us;

            w->cpu_ns[i] += (w->world->now_us - since) * 1000;
        }
    w->cpu_read_us = w->world->now_us;
}

/* A thread that stands in a handler begins no other life. */
static void look_for_lives_nobody_can_run(struct emu_worker *w)
{
    for (uint32_t i = 1; i <= w->view.geo.slots; i++)
        if (w->threads[i].stuck_us && arena_want(&w->view, i)->life != arena_is(&w->view, i)->life)
            world_fail(w->world, "%s begins in slot %u of device %d.%d, whose thread still stands in a handler",
                       w->world->config->spec->vertices[arena_config(&w->view, i)->vertex].path, i, w->rank->number,
                       w->device);
}

static uint64_t slot0_thread_turn(struct worker_thread *t)
{
    struct emu_worker *w = t->worker;

    if (t->fiber)
        return SLOT_NEVER;              /* it died in there */
    read_cpu(w);
    t->now_ms = local_ms(w);
    if (turn(w->rank, w, run_slot0, t, w->world->config->fibers ? &t->fiber : NULL))
        look_for_lives_nobody_can_run(w);
    return t->wants_ms;
}

static void thread_turn(struct world *w, void *who, uint64_t stamp)
{
    struct worker_thread *t = who;
    struct emu_worker *worker = t->worker;
    uint64_t due_ms, now_ms = local_ms(worker), most;

    if (t->due_us != stamp)
        return;                         /* it was woken sooner, or is no more */
    t->due_us = 0;
    if (!worker_lives(worker) || worker->state == WORKER_STOPPED || (t->index == 0 && worker->silent))
        return;
    if (worker->state == WORKER_DYING && chance(w, 20) == 0)
        return;                         /* it was in the kernel: this one is gone already */
    if (t->index == 0) {
        due_ms = slot0_thread_turn(t);
        most = w->now_us + SLOT0_SLEEP_US;
    } else {
        due_ms = slot_thread_turn(t);
        watch_slot(worker, t->index);
        most = w->now_us + SLOT_SLEEP_US;
    }
    if (!worker_lives(worker))
        return;
    if (due_ms != SLOT_NEVER && w->now_us + (due_ms > now_ms ? (due_ms - now_ms) * 1000 : 0) < most)
        most = w->now_us + (due_ms > now_ms ? (due_ms - now_ms) * 1000 : 0);
    due(t, most + 1 + chance(w, 15));
}

/* -- the life of a worker ------------------------------------------------------------------------- */

static void come_up(struct world *w, void *who, uint64_t unused)
{
    struct emu_worker *worker = who;

    (void)unused;
    if (worker->state != WORKER_STARTING)
        return;
    if (worker->rank->no_start[worker->device]) {
        worker->rank->no_start[worker->device]--;
        worker_kill(worker, SIGABRT);
        return;
    }
    worker->state = WORKER_RUNNING;
    store_release(&worker->view.header->boot, 1, SCOPE_SYSTEM);
    for (uint32_t i = 0; i <= worker->view.geo.slots; i++)
        due(&worker->threads[i], w->now_us + 1 + chance(w, 200));
    rank_wake(worker->rank, w->now_us + 100);
}

static void make_threads(struct emu_worker *w)
{
    uint32_t n = w->view.geo.slots + 1;

    w->threads = calloc(n, sizeof *w->threads);
    w->slots = calloc(n, sizeof *w->slots);
    w->memory = calloc(n, sizeof *w->memory);
    w->cpu_ns = calloc(n, sizeof *w->cpu_ns);
    if (!w->threads || !w->slots || !w->memory || !w->cpu_ns ||
        sink_open(&w->sink, w->world->config->out_dir, w->rank->number, w->device, w->incarnation, n - 1) != 0)
        abort();
    w->env = (struct slot_env){.self = w, .wake = env_wake, .wake_rank = env_wake_rank, .fenced = env_fenced,
                               .injure = env_injure, .sink = env_sink, .sink_commit = env_sink_commit,
                               .sink_drop = env_sink_drop};
    for (uint32_t i = 0; i < n; i++) {
        w->threads[i].worker = w;
        w->threads[i].index = i;
        w->memory[i] = calloc(1, i ? slot_private_bytes(&w->view.geo) : slot0_private_bytes(&w->view.geo));
        if (!w->memory[i])
            abort();
        if (i)
            slot_init(&w->slots[i], &w->view, i, w->world->config->program, &w->env, w->memory[i]);
        else
            slot0_init(&w->slot0, &w->view, &w->env, w->memory[i]);
    }
}

static void *op_arena_new(void *self, int device, uint32_t incarnation, size_t bytes)
{
    struct emu_rank *r = self;
    struct emu_worker *w = calloc(1, sizeof *w);
    size_t room = (bytes + 4095) & ~(size_t)4095;

    if (!w || !(w->arena = aligned_alloc(4096, room)))
        abort();
    memset(w->arena, 0, room);
    w->world = r->world;
    w->rank = r;
    w->device = device;
    w->incarnation = incarnation;
    w->next = r->workers;
    r->workers = w;
    return w->arena;
}

static int op_start(void *self, int device, uint32_t incarnation)
{
    struct emu_rank *r = self;
    struct emu_worker *w = find(r, device, incarnation);

    if (arena_view_init(&w->view, w->arena, ((struct arena_header *)w->arena)->bytes) != 0)
        return TW_EPROTO;
    make_threads(w);
    w->state = WORKER_STARTING;
    tell(w, 200 + chance(w->world, 1000), DEVICE_STARTED, 0);
    later(w->world, w->world->now_us + 1500 + chance(w->world, 5000), come_up, w, 0);
    return 0;
}

static void over(struct emu_worker *w)
{
    w->state = WORKER_OVER;
    for (uint32_t i = 0; w->threads && i <= w->view.geo.slots; i++)
        w->threads[i].due_us = 0;
}

static void reap(struct world *w, void *who, uint64_t unused)
{
    struct emu_worker *worker = who;

    (void)w;
    (void)unused;
    if (worker->state != WORKER_DYING)
        return;                         /* its zygote was sooner */
    over(worker);
    tell(worker, 0, DEVICE_EXITED, worker->status);
}

/* Threads that are in the middle of something go on for a while: measured on real workers. */
void worker_kill(struct emu_worker *w, int signal_number)
{
    if (w->state == WORKER_OVER || w->state == WORKER_NEW || w->state == WORKER_DYING)
        return;
    if (w->state == WORKER_STOPPED)
        for (uint32_t i = 0; i <= w->view.geo.slots; i++)
            w->threads[i].due_us = 0;   /* SIGKILL ends what is stopped where it stands */
    w->state = WORKER_DYING;
    w->status = signal_number;
    later(w->world, w->world->now_us + 100 + chance(w->world, 3000), reap, w, 0);
}

void worker_stop(struct emu_worker *w)
{
    if (w->state != WORKER_RUNNING)
        return;
    w->state = WORKER_STOPPED;
    tell(w, 100 + chance(w->world, 2000), DEVICE_STOPPED, 0);
}

void worker_continue(struct emu_worker *w)
{
    if (w->state != WORKER_STOPPED)
        return;
    w->state = WORKER_RUNNING;
    w->cpu_read_us = w->world->now_us;
    for (uint32_t i = 0; i <= w->view.geo.slots; i++) {
        w->threads[i].due_us = 0;
        due(&w->threads[i], w->world->now_us + 1 + chance(w->world, 200));
    }
    tell(w, 100 + chance(w->world, 2000), DEVICE_CONTINUED, 0);
}

/* A rank ends no worker of its own that does its work. */
static void kill_by_rank(struct emu_worker *w)
{
    if (w->state == WORKER_RUNNING && !w->silent && !w->fenced && rank_view(w->rank->rank)->phase[0] == 'r')
        world_fail(w->world, "rank %d ends the worker of device %d, and nothing was wrong with it", w->rank->number,
                   w->device);
    found_out(w);
    worker_kill(w, SIGKILL);
}

static int op_signal(void *self, int device, uint32_t incarnation, enum device_signal what)
{
    struct emu_worker *w = find(self, device, incarnation);

    if (!w || w->state == WORKER_OVER || w->state == WORKER_DYING)
        return TW_ENOENT;
    switch (what) {
    case DEVICE_KILL: kill_by_rank(w); break;
    case DEVICE_STOP: worker_stop(w); break;
    case DEVICE_CONTINUE: worker_continue(w); break;
    }
    return 0;
}

static void op_ring(void *self, int device)
{
    struct emu_worker *w = worker_of(self, device);

    if (w)
        wake(w, 0);
}

static void free_threads(struct emu_worker *w)
{
    for (uint32_t i = 0; w->memory && i <= w->view.geo.slots; i++) {
        fiber_free(w->threads[i].fiber);
        w->threads[i].fiber = NULL;
        free(w->memory[i]);
    }
    free(w->memory);
    free(w->slots);
    free(w->cpu_ns);
    w->memory = NULL;
    w->slots = NULL;
    w->cpu_ns = NULL;
    sink_close(w->sink);
    w->sink = NULL;
}

/* A stray thread of a dead worker writes there to the last; who reads it now reads that. */
static void scribble(struct emu_worker *w)
{
    uint64_t *word = w->arena, n = w->view.geo.slots ? arena_bytes(&w->view.geo) / 8 : 0;

    for (uint64_t i = 0, x = chance(w->world, UINT32_MAX); i < n; i++)
        word[i] = x = x * 0x5851f42d4c957f2dull + 1;
}

/* From here on a touch of it is an error that sanitizers see. */
static void op_arena_free(void *self, int device, uint32_t incarnation)
{
    struct emu_worker *w = find(self, device, incarnation);

    if (!w || !w->arena)
        return;
    if (w->state != WORKER_OVER && w->state != WORKER_NEW)
        world_fail(w->world, "rank %d gives back the arena of device %d while its worker lives", w->rank->number, device);
    over(w);
    free_threads(w);
    scribble(w);
    free(w->arena);
    w->arena = NULL;
}

struct device_port emu_device(struct emu_rank *r)
{
    static const struct device_ops ops = {op_arena_new, op_arena_free, op_start, op_signal, op_ring, op_poll};

    return (struct device_port){&ops, r};
}

void workers_end(struct emu_rank *r)
{
    for (struct emu_worker *w = r->workers; w; w = w->next)
        if (w->state != WORKER_NEW)
            over(w);
}

void workers_free(struct emu_rank *r)
{
    while (r->workers) {
        struct emu_worker *w = r->workers;

        r->workers = w->next;
        free_threads(w);
        free(w->threads);
        free(w->arena);
        free(w);
    }
    while (r->events) {
        struct told_event *e = r->events;

        r->events = e->next;
        free(e);
    }
}
