/* workers.c - the device port of a rank in a house: a worker is a thread that starts the slots' */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/threads/house.h"
#include "worker/bell.h"

static struct worker *find(struct side *s, int device, uint32_t incarnation)
{
    for (struct worker *w = s->workers; w; w = w->next)
        if (w->device == device && w->incarnation == incarnation)
            return w;
    return NULL;
}

/* -- events ------------------------------------------------------------------------------------------ */

static void tell(struct worker *w, enum device_event_kind kind, int status)
{
    struct told *t = calloc(1, sizeof *t);

    if (!t)
        abort();
    t->event = (struct device_event){.kind = kind, .device = w->device, .incarnation = w->incarnation, .status = status};
    pthread_mutex_lock(&w->side->lock);
    *w->side->told_end = t;
    w->side->told_end = &t->next;
    pthread_mutex_unlock(&w->side->lock);
}

static void op_poll(void *self, struct device_event *ret)
{
    struct side *s = self;
    struct told *t;

    pthread_mutex_lock(&s->lock);
    t = s->told;
    if (t) {
        s->told = t->next;
        if (!s->told)
            s->told_end = &s->told;
    }
    pthread_mutex_unlock(&s->lock);
    *ret = t ? t->event : (struct device_event){.kind = DEVICE_NOTHING};
    free(t);
}

/* -- a worker ---------------------------------------------------------------------------------------- */

/* The rank's loop looks by itself often enough; a wake-up would order more than the arena's words do. */
static void wake_rank(void *self) { (void)self; }

static void kill_worker(struct worker *w, int number)
{
    pthread_mutex_lock(&w->side->lock);
    if (!w->killed_by)
        w->killed_by = number;
    if (w->up && !w->over)
        slots_stop(w->slots);
    pthread_mutex_unlock(&w->side->lock);
}

/* A wedge keeps the processor until its life is fenced, and comes back when its worker ends, to find the gate
 * shut.  A fault leaves the handler for good and takes the worker with it. */
static void injure(void *self, uint32_t slot, uint32_t how)
{
    struct worker *w = self;
    struct slot_want *want = arena_want(&w->view, slot);
    const struct timespec moment = {0, 1000000};

    if (how == SLOT_DRILL_WEDGE) {
        while (!slots_stopping(w->slots))
            if (load_acquire(&want->fence, SCOPE_DEVICE) == load_relaxed(&want->life))
                nanosleep(&moment, NULL);
        return;
    }
    store_relaxed(&w->view.header->words_slot, slot);
    store_release(&w->view.header->words_signal, SIGSEGV, SCOPE_SYSTEM);
    kill_worker(w, SIGSEGV);
    pthread_exit(NULL);
}

static void *worker_thread(void *arg)
{
    struct worker *w = arg;
    struct house *h = w->side->house;
    struct slots_config c = {.view = w->view, .program = h->program, .out_dir = h->out_dir, .rank = w->side->number,
                             .device = w->device, .incarnation = w->incarnation, .self = w, .wake_rank = wake_rank,
                             .injure = injure};
    struct reason why;

    if (slots_start(&c, &w->slots, &why) != 0) {
        fprintf(stderr, "%s\n", why.text);
        abort();
    }
    pthread_mutex_lock(&w->side->lock);
    w->up = true;
    if (w->killed_by)
        slots_stop(w->slots);
    pthread_mutex_unlock(&w->side->lock);
    store_release(&w->view.header->boot, 1, SCOPE_SYSTEM);
    slots_run(w->slots);
    pthread_mutex_lock(&w->side->lock);
    w->over = true;
    pthread_mutex_unlock(&w->side->lock);
    slots_end(w->slots);
    tell(w, DEVICE_EXITED, w->killed_by);
    return NULL;
}

/* -- the port ---------------------------------------------------------------------------------------- */

static void *op_arena_new(void *self, int device, uint32_t incarnation, size_t bytes)
{
    struct side *s = self;
    struct worker *w = calloc(1, sizeof *w);
    size_t room = (bytes + 4095) & ~(size_t)4095;

    if (!w || !(w->arena = aligned_alloc(4096, room)))
        abort();
    memset(w->arena, 0, room);
    w->side = s;
    w->device = device;
    w->incarnation = incarnation;
    w->next = s->workers;
    s->workers = w;
    return w->arena;
}

static int op_start(void *self, int device, uint32_t incarnation)
{
    struct worker *w = find(self, device, incarnation);

    if (!w || arena_view_init(&w->view, w->arena, ((struct arena_header *)w->arena)->bytes) != 0)
        return TW_EINVAL;
    if (pthread_create(&w->thread, NULL, worker_thread, w) != 0)
        return TW_ESYS;
    w->started = true;
    tell(w, DEVICE_STARTED, 0);
    return 0;
}

static int op_signal(void *self, int device, uint32_t incarnation, enum device_signal what)
{
    struct worker *w = find(self, device, incarnation);

    if (!w || !w->started || what != DEVICE_KILL)
        return TW_ENOENT;
    kill_worker(w, SIGKILL);
    return 0;
}

static void op_ring(void *self, int device)
{
    for (struct worker *w = ((struct side *)self)->workers; w; w = w->next)
        if (w->device == device && w->started && w->arena) {
            add_u32(&arena_bell(&w->view, 0)->rings);
            bell_wake(arena_bell(&w->view, 0), true);
        }
}

/* From here on a touch of it is an error that tools see. */
static void drop_arena(struct worker *w)
{
    if (w->started)
        pthread_join(w->thread, NULL);
    w->started = false;
    free(w->arena);
    w->arena = NULL;
}

static void op_arena_free(void *self, int device, uint32_t incarnation)
{
    struct worker *w = find(self, device, incarnation);

    if (w && w->arena)
        drop_arena(w);
}

struct device_port house_devices(struct side *s)
{
    static const struct device_ops ops = {op_arena_new, op_arena_free, op_start, op_signal, op_ring, op_poll};

    return (struct device_port){&ops, s};
}

void workers_drop(struct side *s)
{
    while (s->workers) {
        struct worker *w = s->workers;

        s->workers = w->next;
        if (w->started)
            kill_worker(w, SIGKILL);
        if (w->arena)
            drop_arena(w);
        free(w);
    }
    while (s->told) {
        struct told *t = s->told;

        s->told = t->next;
        free(t);
    }
    s->told_end = &s->told;
}
