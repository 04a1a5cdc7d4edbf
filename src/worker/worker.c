/* worker.c - threads as slots */
#include "worker/worker.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/reason.h"
#include "slot/slot.h"
#include "worker/bell.h"
#include "worker/child.h"
#include "worker/last_words.h"
#include "worker/program.h"
#include "worker/sink.h"

#define SLOT_NICE 5                 /* slot 0 and the rank's loop judge the slots: they come first */
#define SLOT_STACK_BYTES (256u << 10)
#define SLOT_GUARD_BYTES (64u << 10)
#define SLOT_SLEEP_MS 1000u         /* nets below the bells; a lost ring would cost no more */
#define SLOT0_SLEEP_MS 250u
#define QUIT_MS 500u                /* for slots to fall silent after CELL_SLOT_QUIT */

struct worker;

struct worker_thread {
    struct worker *worker;
    uint32_t index;
    pid_t tid;                      /* atomic; 0 until it runs */
    pthread_t thread;
    clockid_t cpu_clock;
    struct bell_habit habit;
    struct slot slot;
};

struct worker {
    const struct worker_args *args;
    struct arena_view view;
    const struct tw_program *program;
    struct slot_env env;
    struct sink *sink;
    struct worker_thread *threads;  /* [slot], 0 unused */
    pthread_barrier_t all_run;      /* all slot threads and main */
    uint64_t *cpu_ns;               /* [slot] */
    uint64_t cpu_read_ms;
    struct slot0 slot0;
    struct bell_habit habit;
};

/* ---- what slots ask of us ---- */

static void env_wake(void *self, struct bell_word *bell)
{
    const struct worker *w = self;

    bell_wake(bell, bell == arena_bell(&w->view, 0));
}

static void env_wake_rank(void *self)
{
    const uint64_t one = 1;

    (void)self;
    /* A full counter (EAGAIN) is one the rank has not looked at yet: as good. */
    if (write(WORKER_EVENT_FD, &one, sizeof one) < 0)
        return;
}

static void env_fenced(void *self, uint32_t slot)
{
    struct worker *w = self;
    struct sched_param none = { 0 };

    /* It may spin for ever: from now on only on CPU time nobody else wants. */
    sched_setscheduler(__atomic_load_n(&w->threads[slot].tid, __ATOMIC_ACQUIRE), SCHED_IDLE, &none);
    sink_fence(w->sink, slot);
}

static const char *env_sink(void *self, uint32_t slot, const char *name)
{
    return sink_path(((struct worker *)self)->sink, slot, name);
}

static int env_sink_commit(void *self, uint32_t slot)
{
    return sink_commit(((struct worker *)self)->sink, slot) == 0 ? 0 : TW_ESYS;
}

static void env_sink_drop(void *self, uint32_t slot) { sink_drop(((struct worker *)self)->sink, slot); }

/* ---- slots ---- */

static uint64_t until(uint64_t due_ms, uint64_t now_ms, uint64_t most_ms)
{
    if (due_ms <= now_ms)
        return 0;
    return due_ms - now_ms < most_ms ? due_ms - now_ms : most_ms;
}

static void *slot_thread(void *arg)
{
    struct worker_thread *t = arg;
    struct bell_word *bell = arena_bell(&t->worker->view, t->index);
    pid_t tid = (pid_t)syscall(SYS_gettid);

    __atomic_store_n(&t->tid, tid, __ATOMIC_RELEASE);
    setpriority(PRIO_PROCESS, (id_t)tid, SLOT_NICE);
    (void)last_words_thread(t->index);  /* without it a stack overflow dies wordless, no more */
    pthread_barrier_wait(&t->worker->all_run);
    for (;;) {
        uint32_t seen = bell_seen(bell);
        uint64_t now = worker_now_ms();
        uint64_t due = slot_turn(&t->slot, now);

        bell_wait(bell, seen, until(due, now, SLOT_SLEEP_MS), false, &t->habit);
    }
    return NULL;
}

/* Only reached with memory allocated: a start that fails here refuses the whole worker. */
static int start_thread(struct worker *w, uint32_t index, const pthread_attr_t *attr)
{
    struct worker_thread *t = &w->threads[index];
    void *memory = calloc(1, slot_private_bytes(&w->view.geo));
    char name[16];

    if (!memory)
        return TW_ENOMEM;
    t->worker = w;
    t->index = index;
    t->habit = w->habit;
    slot_init(&t->slot, &w->view, index, w->program, &w->env, memory);
    if (pthread_create(&t->thread, attr, slot_thread, t) != 0 ||
        pthread_getcpuclockid(t->thread, &t->cpu_clock) != 0)
        return TW_ESYS;
    snprintf(name, sizeof name, "tw-slot %u", index);
    pthread_setname_np(t->thread, name);
    return 0;
}

static int start_threads(struct worker *w, struct reason *why)
{
    uint32_t slots = w->view.geo.slots;
    pthread_attr_t attr;
    int rc = 0;

    w->threads = calloc(slots + 1, sizeof *w->threads);
    w->cpu_ns = calloc(slots + 1, sizeof *w->cpu_ns);
    if (!w->threads || !w->cpu_ns)
        return reason_set(why, TW_ENOMEM, "worker: out of memory for %u slots", slots);
    bell_habit_init(&w->habit);
    pthread_barrier_init(&w->all_run, NULL, slots + 1);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, SLOT_STACK_BYTES);
    pthread_attr_setguardsize(&attr, SLOT_GUARD_BYTES);
    for (uint32_t i = 1; i <= slots && rc == 0; i++)
        rc = start_thread(w, i, &attr);
    pthread_attr_destroy(&attr);
    if (rc < 0)
        return reason_set(why, rc, "worker: %u threads: %s: raise the limit of processes (ulimit -u) or "
                          "ask for fewer slots", slots, tw_rc_text(rc));
    pthread_barrier_wait(&w->all_run);
    return 0;
}

/* ---- slot 0 ---- */

/* Slot 0 takes the difference of two readings as what a handler used, and a reading may be the first of a
 * busy phase: so all slots are read, busy or not, at most so often that it costs little. */
static void read_cpu_clocks(struct worker *w, uint64_t now_ms)
{
    if (now_ms - w->cpu_read_ms <= w->view.geo.slots / 16)
        return;
    w->cpu_read_ms = now_ms;
    for (uint32_t i = 1; i <= w->view.geo.slots; i++) {
        struct timespec ts;

        if (clock_gettime(w->threads[i].cpu_clock, &ts) == 0)
            w->cpu_ns[i] = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
    }
}

static bool all_silent(const struct worker *w)
{
    for (uint32_t i = 1; i <= w->view.geo.slots; i++) {
        uint64_t state = load_acquire(&arena_is(&w->view, i)->state, SCOPE_DEVICE);

        if (state == SLOT_STARTING || state == SLOT_RUNNING || state == SLOT_DRAINING)
            return false;
    }
    return true;
}

static void run_slot0(struct worker *w)
{
    struct arena_header *h = w->view.header;
    struct bell_word *bell = arena_bell(&w->view, 0);
    uint64_t quit_ms = 0;

    for (;;) {
        uint32_t seen = bell_seen(bell);
        uint64_t now = worker_now_ms(), due;

        read_cpu_clocks(w, now);
        due = slot0_turn(&w->slot0, now, w->cpu_ns);
        if (load_relaxed(&h->quit)) {
            if (quit_ms == 0)
                quit_ms = now;
            if (all_silent(w) || now - quit_ms >= QUIT_MS)
                return;
            due = now + 5;
        }
        bell_wait(bell, seen, until(due, now, SLOT0_SLEEP_MS), true, &w->habit);
    }
}

/* ---- from start to end ---- */

static int map_arena(struct worker *w, struct reason *why)
{
    struct stat st;
    void *base;

    if (fstat(WORKER_ARENA_FD, &st) != 0)
        return reason_set(why, TW_ESYS, "worker: no arena on descriptor %d: it is started by a rank only",
                          WORKER_ARENA_FD);
    base = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, WORKER_ARENA_FD, 0);
    if (base == MAP_FAILED)
        return reason_set(why, TW_ENOMEM, "worker: mapping its arena of %lld bytes: %s",
                          (long long)st.st_size, strerror(errno));
    if (arena_view_init(&w->view, base, (uint64_t)st.st_size) != 0) {
        munmap(base, (size_t)st.st_size);
        return reason_set(why, TW_EPROTO, "worker: its arena is not one of this version");
    }
    return 0;
}

static int load_program(struct worker *w, struct reason *why)
{
    int rc = program_open(w->args->program, WORKER_PROGRAM_FD, &w->program, why);

    if (rc != 0)
        reason_prefix(why, "worker");
    return rc;
}

static int prepare(struct worker *w, struct reason *why)
{
    const struct worker_args *a = w->args;
    void *memory;

    w->env = (struct slot_env){ .self = w, .wake = env_wake, .wake_rank = env_wake_rank,
                                .fenced = env_fenced, .sink = env_sink,
                                .sink_commit = env_sink_commit, .sink_drop = env_sink_drop };
    if (sink_open(&w->sink, a->out_dir, a->rank, a->device, a->incarnation, w->view.geo.slots) != 0)
        return reason_set(why, TW_ENOMEM, "worker: out of memory");
    memory = calloc(1, slot0_private_bytes(&w->view.geo));
    if (!memory)
        return reason_set(why, TW_ENOMEM, "worker: out of memory");
    slot0_init(&w->slot0, &w->view, &w->env, memory);
    last_words_install(w->view.header, a->program); /* after the program: its module is noted too */
    (void)last_words_thread(0);
    return start_threads(w, why);
}

static int refuse(struct worker *w, const struct reason *why)
{
    struct arena_header *h = w->view.header;

    if (!h) {                       /* nobody to write to but a person */
        fprintf(stderr, "treewarden: %s\n", why->text);
        return WORKER_REFUSED;
    }
    snprintf(h->text, sizeof h->text, "%s", why->text);
    store_release(&h->boot, 2, SCOPE_SYSTEM);
    env_wake_rank(w);
    return WORKER_REFUSED;
}

int worker_main(const struct worker_args *args)
{
    static struct worker w;
    struct reason why = { "" };
    char title[16];

    if (child_tie(args->parent) != 0)
        return 0;
    child_deafen();
    child_close_from(WORKER_ARENA_FD + WORKER_FDS);
    snprintf(title, sizeof title, "tw-worker %d", args->device);
    prctl(PR_SET_NAME, title);
    mallopt(M_ARENA_MAX, 2);        /* not one heap per slot: they allocate nothing after the start */
    w.args = args;
    if (map_arena(&w, &why) != 0 || load_program(&w, &why) != 0 || prepare(&w, &why) != 0)
        _exit(refuse(&w, &why));
    store_release(&w.view.header->boot, 1, SCOPE_SYSTEM);
    env_wake_rank(&w);
    run_slot0(&w);
    /* No handler of exit() and no destructor of the program may hold us. */
    _exit(0);
}
