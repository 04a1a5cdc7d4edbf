/* bench_bare.c - what the same work costs without Treewarden: the floors the figures stand beside
 *
 * They wait as slots do (worker/bell.h): awake for 20 us where waiting awake paid off before, then on a futex.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/bench.h"
#include "shared/rc.h"
#include "worker/bell.h"

#define WAIT_MS 250u                    /* the net below the bells, as slot 0 has it */
#define WARM_UP 200u                    /* rounds that are not counted: the habit of waiting awake has to form */
#define SLOT_NICE 5
#define STACK_BYTES (256u << 10)
#define WORKERS 4
#define THREADS 64
#define STATE_BYTES 4096u
#define RING_ENTRIES 4096u              /* as the mailbox of the actors beside it */
#define MESSAGE_BYTES 64u
#define BURST 64u

static void *shared_memory(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    return p == MAP_FAILED ? NULL : p;
}

/* A child that never outlives us; 0 in the child. */
static pid_t fork_tied(void)
{
    pid_t parent = getpid(), pid = fork();

    if (pid == 0 && (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent))
        _exit(1);
    return pid;
}

static void end_child(pid_t pid)
{
    if (pid <= 0)
        return;
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void be_a_slot(void) { setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), SLOT_NICE); }

static void ring(struct bell_word *b, bool shared)
{
    (void)__atomic_fetch_add(&b->rings, 1, __ATOMIC_SEQ_CST);
    bell_wake(b, shared);
}

/* -- a ping-pong between two processes ------------------------------------------------------------ */

struct table { struct bell_word bell[2]; uint64_t ball; };

static void await_ball(struct table *t, int me, uint64_t number, struct bell_habit *h)
{
    for (;;) {
        uint32_t seen = bell_seen(&t->bell[me]);

        if (__atomic_load_n(&t->ball, __ATOMIC_ACQUIRE) == number)
            return;
        bell_wait(&t->bell[me], seen, WAIT_MS, true, h);
    }
}

static void play(struct table *t, int me, uint64_t number)
{
    __atomic_store_n(&t->ball, number, __ATOMIC_RELEASE);
    ring(&t->bell[!me], true);
}

static _Noreturn void play_back(struct table *t, uint64_t rounds)
{
    struct bell_habit h;

    bell_habit_init(&h);
    for (uint64_t i = 0; i < rounds; i++) {
        await_ball(t, 1, 2 * i + 1, &h);
        play(t, 1, 2 * i + 2);
    }
    _exit(0);
}

int bare_ping_pong(uint32_t samples, struct samples *to, struct reason *why)
{
    struct table *t = shared_memory(sizeof *t);
    uint64_t rounds = samples + WARM_UP;
    struct bell_habit h;
    pid_t pid = t ? fork_tied() : -1;

    if (pid < 0)
        return reason_set(why, TW_ESYS, "ping-pong: %s", strerror(errno));
    if (pid == 0)
        play_back(t, rounds);
    bell_habit_init(&h);
    for (uint64_t i = 0; i < rounds; i++) {
        uint64_t begun = bench_now_ns();

        play(t, 0, 2 * i + 1);
        await_ball(t, 0, 2 * i + 2, &h);
        if (i >= WARM_UP)
            samples_add(to, (double)(bench_now_ns() - begun) / 1e3);
    }
    end_child(pid);
    munmap(t, sizeof *t);
    return 0;
}

/* -- a process with 64 threads, its program and their states -------------------------------------- */

struct hull {
    char *arena;                        /* shared: what a thread starts from, then what it works on, each in turn */
    size_t bytes;
    int image_fd, ready_fd;
    uint32_t up;                        /* threads that run; atomic */
};

struct hull_thread { struct hull *hull; uint32_t index; };

static void *hull_thread(void *arg)
{
    struct hull_thread *t = arg;
    size_t stride = t->hull->bytes / THREADS;
    char *own = t->hull->arena + t->index * stride;
    uint64_t one = 1;

    be_a_slot();
    memcpy(own + STATE_BYTES, own, STATE_BYTES);
    if (__atomic_add_fetch(&t->hull->up, 1, __ATOMIC_ACQ_REL) == THREADS &&
        write(t->hull->ready_fd, &one, sizeof one) < 0)
        _exit(1);
    for (;;)
        pause();
    return NULL;
}

static _Noreturn void be_hull(struct hull *h)
{
    static struct hull_thread threads[THREADS];
    pthread_attr_t attr;
    pthread_t thread;
    char image[64];

    snprintf(image, sizeof image, "/proc/self/fd/%d", h->image_fd);
    if (!dlopen(image, RTLD_NOW | RTLD_LOCAL))
        _exit(1);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    for (uint32_t i = 0; i < THREADS; i++) {
        threads[i] = (struct hull_thread){h, i};
        if (pthread_create(&thread, &attr, hull_thread, &threads[i]) != 0)
            _exit(1);
    }
    for (;;)
        pause();
}

/* One worker's start: memory, states, process, program, threads, and word that all run. */
static int start_hull(struct hull *h, const char *states, double *ret_ms)
{
    uint64_t begun = bench_now_ns(), word;
    int fd = memfd_create("bench-arena", MFD_CLOEXEC);
    pid_t pid = -1;
    bool up = false;

    h->arena = NULL;
    if (fd >= 0 && ftruncate(fd, (off_t)h->bytes) == 0)
        h->arena = mmap(NULL, h->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (h->arena && h->arena != MAP_FAILED) {
        for (uint32_t i = 0; i < THREADS; i++)
            memcpy(h->arena + i * (h->bytes / THREADS), states + i * STATE_BYTES, STATE_BYTES);
        pid = fork_tied();
        if (pid == 0)
            be_hull(h);
        up = pid > 0 && read(h->ready_fd, &word, sizeof word) == sizeof word;
        *ret_ms = (double)(bench_now_ns() - begun) / 1e6;
        end_child(pid);
        munmap(h->arena, h->bytes);
    }
    if (fd >= 0)
        close(fd);
    return up ? 0 : TW_ESYS;
}

int bare_worker(uint32_t samples, size_t arena_bytes, struct samples *to, struct reason *why)
{
    struct hull h = {.bytes = arena_bytes, .image_fd = memfd_create("bench", 0), .ready_fd = eventfd(0, 0)};
    size_t size = (size_t)(bench_program_end - bench_program);
    char *states = calloc(THREADS, STATE_BYTES);
    int rc = 0;

    if (h.image_fd < 0 || h.ready_fd < 0 || !states ||
        write(h.image_fd, bench_program, size) != (ssize_t)size)
        rc = TW_ESYS;
    for (uint32_t i = 0; i < samples && rc == 0; i++) {
        double ms;

        rc = start_hull(&h, states, &ms);
        if (rc == 0)
            samples_add(to, ms);
    }
    free(states);
    close(h.image_fd);
    close(h.ready_fd);
    return rc == 0 ? 0 : reason_set(why, rc, "bare spawn: %s", strerror(errno));
}

/* -- 4 x 64 threads that are woken and acknowledge ------------------------------------------------ */

struct crowd {
    struct bell_word root;
    struct bell_word bell[WORKERS][THREADS];
    uint64_t round;                     /* root */
    uint32_t acks;                      /* atomic; of this round */
    uint32_t up;                        /* atomic */
};

struct crowd_thread { struct crowd *crowd; int worker, index; };

static void *crowd_thread(void *arg)
{
    struct crowd_thread *t = arg;
    struct crowd *c = t->crowd;
    struct bell_word *bell = &c->bell[t->worker][t->index];
    struct bell_habit h;
    uint64_t done = 0;

    be_a_slot();
    bell_habit_init(&h);
    (void)__atomic_add_fetch(&c->up, 1, __ATOMIC_ACQ_REL);
    for (;;) {
        uint32_t seen = bell_seen(bell);

        if (__atomic_load_n(&c->round, __ATOMIC_ACQUIRE) != done) {
            done++;
            if (__atomic_add_fetch(&c->acks, 1, __ATOMIC_ACQ_REL) == WORKERS * THREADS)
                ring(&c->root, true);
        }
        bell_wait(bell, seen, 4 * WAIT_MS, true, &h);
    }
    return NULL;
}

static _Noreturn void be_crowd(struct crowd *c, int worker)
{
    static struct crowd_thread threads[THREADS];
    pthread_attr_t attr;
    pthread_t thread;

    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    for (int i = 0; i < THREADS; i++) {
        threads[i] = (struct crowd_thread){c, worker, i};
        if (pthread_create(&thread, &attr, crowd_thread, &threads[i]) != 0)
            _exit(1);
    }
    for (;;)
        pause();
}

static double wake_all(struct crowd *c, struct bell_habit *h)
{
    uint64_t begun = bench_now_ns();

    __atomic_store_n(&c->acks, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&c->round, c->round + 1, __ATOMIC_RELEASE);
    for (int w = 0; w < WORKERS; w++)
        for (int i = 0; i < THREADS; i++)
            ring(&c->bell[w][i], true);
    for (;;) {
        uint32_t seen = bell_seen(&c->root);

        if (__atomic_load_n(&c->acks, __ATOMIC_ACQUIRE) == WORKERS * THREADS)
            return (double)(bench_now_ns() - begun) / 1e3;
        bell_wait(&c->root, seen, WAIT_MS, true, h);
    }
}

int bare_wake(uint32_t samples, struct samples *to, struct reason *why)
{
    struct crowd *c = shared_memory(sizeof *c);
    pid_t pid[WORKERS];
    struct bell_habit h;
    bool whole = c != NULL;

    for (int w = 0; w < WORKERS && c; w++) {
        pid[w] = fork_tied();
        if (pid[w] == 0)
            be_crowd(c, w);
        whole &= pid[w] > 0;
    }
    for (int ms = 0; whole && __atomic_load_n(&c->up, __ATOMIC_ACQUIRE) < WORKERS * THREADS; ms++) {
        bench_nap_ms(1);
        whole = ms < 10000;
    }
    bell_habit_init(&h);
    for (uint32_t i = 0; whole && i < samples + 1; i++) {
        double us;

        bench_nap_ms(50);               /* until they sleep again, as the actors of an idle job do */
        us = wake_all(c, &h);
        if (i > 0)                      /* the first round touches everything for the first time */
            samples_add(to, us);
    }
    for (int w = 0; w < WORKERS && c; w++)
        end_child(pid[w]);
    if (c)
        munmap(c, sizeof *c);
    return whole ? 0 : reason_set(why, TW_ESYS, "bare wake-up: %d threads could not be started: ulimit -u",
                                  WORKERS * THREADS);
}

/* -- a ring of messages between two threads ------------------------------------------------------- */

struct message_ring {
    uint64_t tail, pad1[7], head, pad2[7];
    struct bell_word reader, writer;
    uint64_t limit, chunk;
    struct samples *to;
    char body[RING_ENTRIES][MESSAGE_BYTES];
};

static void *ring_reader(void *arg)
{
    struct message_ring *r = arg;
    uint64_t begun = 0, sum = 0, own[MESSAGE_BYTES / 8];
    struct bell_habit h;

    be_a_slot();
    bell_habit_init(&h);
    for (uint64_t head = 0; head < r->limit;) {
        uint32_t seen = bell_seen(&r->reader);

        if (__atomic_load_n(&r->tail, __ATOMIC_ACQUIRE) == head) {
            bell_wait(&r->reader, seen, WAIT_MS, false, &h);
            continue;
        }
        memcpy(own, r->body[head % RING_ENTRIES], sizeof own);
        sum += own[0];
        __atomic_store_n(&r->head, ++head, __ATOMIC_RELEASE);
        if (head % (RING_ENTRIES / 4) == 0)     /* as acknowledgements come: one for many */
            ring(&r->writer, false);
        if (head % r->chunk == 0) {
            uint64_t now = bench_now_ns();

            if (begun)
                samples_add(r->to, (double)(now - begun) / (double)r->chunk);
            begun = now;
        }
    }
    return (void *)(uintptr_t)(sum != r->limit * (r->limit + 1) / 2);
}

static void *ring_writer(void *arg)
{
    struct message_ring *r = arg;
    struct bell_habit h;

    be_a_slot();
    bell_habit_init(&h);
    for (uint64_t tail = 0; tail < r->limit;) {
        uint64_t own[MESSAGE_BYTES / 8] = {tail + 1};
        uint32_t seen = bell_seen(&r->writer);

        if (tail - __atomic_load_n(&r->head, __ATOMIC_ACQUIRE) == RING_ENTRIES) {
            bell_wait(&r->writer, seen, WAIT_MS, false, &h);
            continue;
        }
        memcpy(r->body[tail % RING_ENTRIES], own, sizeof own);
        __atomic_store_n(&r->tail, ++tail, __ATOMIC_RELEASE);
        if (tail % BURST == 0 || tail == r->limit)      /* as a source's handler call: many messages, one bell */
            ring(&r->reader, false);
    }
    return NULL;
}

int bare_ring(uint32_t samples, uint64_t chunk, struct samples *to, struct reason *why)
{
    struct message_ring *r = shared_memory(sizeof *r);
    pthread_t reader, writer;
    void *wrong;

    if (!r)
        return reason_set(why, TW_ENOMEM, "out of memory");
    r->chunk = chunk;
    r->limit = chunk * (samples + 1);
    r->to = to;
    if (pthread_create(&reader, NULL, ring_reader, r) != 0 || pthread_create(&writer, NULL, ring_writer, r) != 0)
        return reason_set(why, TW_ESYS, "bare ring: no threads: ulimit -u");
    pthread_join(writer, NULL);
    pthread_join(reader, &wrong);
    munmap(r, sizeof *r);
    return wrong ? reason_set(why, TW_EPROTO, "bare ring: it lost a message: its figure is worth nothing") : 0;
}
