/* slots.c - threads as slots */
#include "worker/slots.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "worker/bell.h"
#include "worker/sink.h"

#define SLOT_NICE 5                 /* slot 0 and the rank's loop judge the slots: they come first */
#define SLOT_STACK_BYTES (256u << 10)
#define SLOT_GUARD_BYTES (64u << 10)
#define SLOT_SLEEP_MS 1000u         /* nets below the bells; a lost ring would cost no more */
#define SLOT0_SLEEP_MS 250u
#define TURNS_A_LOOK 16u            /* turns of a slot between two looks at the clock, at most */
#define QUIT_MS 500u                /* for slots to fall silent after CELL_SLOT_QUIT */

struct slot_thread {
    struct slots *slots;
    uint32_t index;
    pid_t tid;                      /* atomic; 0 until it runs */
    pthread_t thread;
    clockid_t cpu_clock;
    struct bell_habit habit;
    uint64_t now_ms;                /* when it last looked at the clock */
    uint32_t turns;                 /* turns until it looks again */
    struct slot slot;
    void *memory;                   /* owned: the slot's private memory */
};

struct slots {
    struct slots_config cx;
    struct slot_env env;
    struct sink *sink;              /* owned, as all below */
    struct slot_thread *threads;    /* [slot], 0 unused */
    uint32_t started;               /* threads 1 .. started exist */
    sem_t runs;                     /* each thread, once it runs */
    uint32_t stopping;              /* atomic; writer: slots_stop */
    uint64_t *cpu_ns;               /* [slot] */
    uint64_t cpu_read_ms;
    struct slot0 slot0;
    void *slot0_memory;
    struct bell_habit habit;
};

/* ---- what slots ask of us ---- */

static void env_wake(void *self, struct bell_word *bell)
{
    const struct slots *s = self;

    bell_wake(bell, bell == arena_bell(&s->cx.view, 0));
}

static void env_wake_rank(void *self)
{
    const struct slots *s = self;

    s->cx.wake_rank(s->cx.self);
}

static void env_fenced(void *self, uint32_t slot)
{
    struct slots *s = self;
    struct sched_param none = { 0 };

    /* It may spin for ever: from now on only on CPU time nobody else wants. */
    sched_setscheduler(__atomic_load_n(&s->threads[slot].tid, __ATOMIC_ACQUIRE), SCHED_IDLE, &none);
    sink_fence(s->sink, slot);
}

static void env_injure(void *self, uint32_t slot, uint32_t how)
{
    const struct slots *s = self;

    s->cx.injure(s->cx.self, slot, how);
}

static const char *env_sink(void *self, uint32_t slot, const char *name)
{
    return sink_path(((struct slots *)self)->sink, slot, name);
}

static int env_sink_commit(void *self, uint32_t slot)
{
    return sink_commit(((struct slots *)self)->sink, slot) == 0 ? 0 : TW_ESYS;
}

static void env_sink_drop(void *self, uint32_t slot) { sink_drop(((struct slots *)self)->sink, slot); }

/* ---- slots ---- */

static uint64_t until(uint64_t due_ms, uint64_t now_ms, uint64_t most_ms)
{
    if (due_ms <= now_ms)
        return 0;
    return due_ms - now_ms < most_ms ? due_ms - now_ms : most_ms;
}

bool slots_stopping(const struct slots *s) { return __atomic_load_n(&s->stopping, __ATOMIC_ACQUIRE) != 0; }

/* Turns until nothing more is to be done at once, or enough.  The clock is a good part of a short turn, so while
 * turns are so short that it does not move it is looked at less often. */
static uint64_t turns(struct slot_thread *t, uint64_t now_ms)
{
    uint64_t due;

    t->turns = now_ms != t->now_ms ? 1 : t->turns < TURNS_A_LOOK ? 2 * t->turns : TURNS_A_LOOK;
    t->now_ms = now_ms;
    for (uint32_t n = 0; n < t->turns; n++)
        if ((due = slot_turn(&t->slot, now_ms)) != 0)
            return due;
    return 0;
}

static void *slot_thread(void *arg)
{
    struct slot_thread *t = arg;
    struct slots *s = t->slots;
    struct bell_word *bell = arena_bell(&s->cx.view, t->index);
    pid_t tid = (pid_t)syscall(SYS_gettid);

    __atomic_store_n(&t->tid, tid, __ATOMIC_RELEASE);
    setpriority(PRIO_PROCESS, (id_t)tid, SLOT_NICE);
    if (s->cx.begins)
        s->cx.begins(s->cx.self, t->index);
    sem_post(&s->runs);
    for (;;) {
        uint32_t seen = bell_seen(bell);    /* before looking whether to stop: slots_stop rings */
        uint64_t now = worker_now_ms(), due;

        if (slots_stopping(s))
            return NULL;
        due = turns(t, now);
        bell_wait(bell, seen, until(due, now, SLOT_SLEEP_MS), false, &t->habit);
    }
}

static int start_thread(struct slots *s, uint32_t index, const pthread_attr_t *attr)
{
    struct slot_thread *t = &s->threads[index];
    char name[16];

    t->memory = calloc(1, slot_private_bytes(&s->cx.view.geo));
    if (!t->memory)
        return TW_ENOMEM;
    t->slots = s;
    t->index = index;
    t->habit = s->habit;
    slot_init(&t->slot, &s->cx.view, index, s->cx.program, &s->env, t->memory);
    if (pthread_create(&t->thread, attr, slot_thread, t) != 0)
        return TW_ESYS;
    s->started = index;
    if (pthread_getcpuclockid(t->thread, &t->cpu_clock) != 0)
        return TW_ESYS;
    snprintf(name, sizeof name, "tw-slot %u", index);
    pthread_setname_np(t->thread, name);
    return 0;
}

static int start_threads(struct slots *s, struct reason *why)
{
    uint32_t slots = s->cx.view.geo.slots;
    pthread_attr_t attr;
    int rc = 0;

    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, SLOT_STACK_BYTES);
    pthread_attr_setguardsize(&attr, SLOT_GUARD_BYTES);
    for (uint32_t i = 1; i <= slots && rc == 0; i++)
        rc = start_thread(s, i, &attr);
    pthread_attr_destroy(&attr);
    if (rc < 0)
        return reason_set(why, rc, "worker: %u threads: %s: raise the limit of processes (ulimit -u) or "
                          "ask for fewer slots", slots, tw_rc_text(rc));
    for (uint32_t i = 1; i <= slots; i++)
        while (sem_wait(&s->runs) != 0 && errno == EINTR)
            continue;
    return 0;
}

/* ---- slot 0 ---- */

/* Slot 0 takes the difference of two readings as what a handler used, and a reading may be the first of a
 * busy phase: so all slots are read, busy or not, at most so often that it costs little. */
static void read_cpu_clocks(struct slots *s, uint64_t now_ms)
{
    if (now_ms - s->cpu_read_ms <= s->cx.view.geo.slots / 16)
        return;
    s->cpu_read_ms = now_ms;
    for (uint32_t i = 1; i <= s->cx.view.geo.slots; i++) {
        struct timespec ts;

        if (clock_gettime(s->threads[i].cpu_clock, &ts) == 0)
            s->cpu_ns[i] = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
    }
}

static bool all_silent(const struct slots *s)
{
    for (uint32_t i = 1; i <= s->cx.view.geo.slots; i++) {
        uint64_t state = load_acquire(&arena_is(&s->cx.view, i)->state, SCOPE_DEVICE);

        if (state == SLOT_STARTING || state == SLOT_RUNNING || state == SLOT_DRAINING)
            return false;
    }
    return true;
}

void slots_run(struct slots *s)
{
    struct arena_header *h = s->cx.view.header;
    struct bell_word *bell = arena_bell(&s->cx.view, 0);
    uint64_t quit_ms = 0;

    for (;;) {
        uint32_t seen = bell_seen(bell);
        uint64_t now = worker_now_ms(), due;

        if (slots_stopping(s))
            return;
        read_cpu_clocks(s, now);
        due = slot0_turn(&s->slot0, now, s->cpu_ns);
        if (load_relaxed(&h->quit)) {
            if (quit_ms == 0)
                quit_ms = now;
            if (all_silent(s) || now - quit_ms >= QUIT_MS)
                return;
            due = now + 5;
        }
        bell_wait(bell, seen, until(due, now, SLOT0_SLEEP_MS), true, &s->habit);
    }
}

/* ---- from start to end ---- */

static int prepare(struct slots *s, struct reason *why)
{
    const struct slots_config *c = &s->cx;
    uint32_t slots = c->view.geo.slots;

    s->env = (struct slot_env){ .self = s, .wake = env_wake, .wake_rank = env_wake_rank,
                                .fenced = env_fenced, .injure = c->injure ? env_injure : NULL,
                                .sink = env_sink, .sink_commit = env_sink_commit, .sink_drop = env_sink_drop };
    s->threads = calloc(slots + 1, sizeof *s->threads);
    s->cpu_ns = calloc(slots + 1, sizeof *s->cpu_ns);
    s->slot0_memory = calloc(1, slot0_private_bytes(&c->view.geo));
    if (!s->threads || !s->cpu_ns || !s->slot0_memory ||
        sink_open(&s->sink, c->out_dir, c->rank, c->device, c->incarnation, slots) != 0)
        return reason_set(why, TW_ENOMEM, "worker: out of memory for %u slots", slots);
    slot0_init(&s->slot0, &s->cx.view, &s->env, s->slot0_memory);
    bell_habit_init(&s->habit);
    return start_threads(s, why);
}

int slots_start(const struct slots_config *config, struct slots **ret, struct reason *why)
{
    struct slots *s = calloc(1, sizeof *s);
    int rc;

    if (!s)
        return reason_set(why, TW_ENOMEM, "worker: out of memory");
    s->cx = *config;
    sem_init(&s->runs, 0, 0);
    rc = prepare(s, why);
    if (rc == 0)
        *ret = s;
    else
        slots_end(s);
    return rc;
}

void slots_stop(struct slots *s)
{
    __atomic_store_n(&s->stopping, 1u, __ATOMIC_SEQ_CST);
    for (uint32_t i = 0; i <= s->cx.view.geo.slots; i++) {
        struct bell_word *bell = arena_bell(&s->cx.view, i);

        add_u32(&bell->rings);
        bell_wake(bell, i == 0);
    }
}

void slots_end(struct slots *s)
{
    slots_stop(s);
    for (uint32_t i = 1; i <= s->started; i++)
        pthread_join(s->threads[i].thread, NULL);
    for (uint32_t i = 1; s->threads && i <= s->cx.view.geo.slots; i++)
        free(s->threads[i].memory);
    sink_close(s->sink);
    sem_destroy(&s->runs);
    free(s->threads);
    free(s->cpu_ns);
    free(s->slot0_memory);
    free(s);
}
