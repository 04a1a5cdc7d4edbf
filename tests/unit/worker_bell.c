/* Bells: no ring is lost, between threads and between processes. */
#include "worker/bell.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/tap.h"

#define ROUNDS 20000u
#define WAIT_MS 3000u               /* a lost ring costs this much, so it is counted, not hidden */

/* Two sides in turn: each waits until the other has counted up, then counts and rings. */
struct table {
    struct bell_word bells[2];
    uint64_t count[2];
    uint64_t slow;                  /* waits that ended by time */
};

struct side { struct table *table; int me; bool shared; };

static void play(const struct side *s)
{
    struct table *t = s->table;
    struct bell_word *mine = &t->bells[s->me], *other = &t->bells[!s->me];
    struct bell_habit habit;

    bell_habit_init(&habit);
    for (uint64_t round = 1; round <= ROUNDS; round++) {
        uint64_t want = s->me ? round : round - 1;

        for (;;) {
            uint32_t seen = bell_seen(mine);
            uint64_t start;

            if (load_acquire(&t->count[!s->me], SCOPE_SYSTEM) >= want)
                break;
            start = worker_now_ms();
            bell_wait(mine, seen, WAIT_MS, s->shared, &habit);
            if (worker_now_ms() - start >= WAIT_MS)
                __atomic_fetch_add(&t->slow, 1, __ATOMIC_RELAXED);
        }
        store_release(&t->count[s->me], round, SCOPE_SYSTEM);
        add_u32(&other->rings);
        bell_wake(other, s->shared);
    }
}

static void *play_thread(void *side)
{
    play(side);
    return NULL;
}

static struct table *new_table(void)
{
    struct table *t = mmap(NULL, sizeof *t, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (t == MAP_FAILED)
        exit(99);
    return t;
}

static void test_threads(void)
{
    struct table *t = new_table();
    struct side a = { t, 0, false }, b = { t, 1, false };
    pthread_t thread;

    pthread_create(&thread, NULL, play_thread, &b);
    play(&a);
    pthread_join(thread, NULL);
    ok(t->count[0] == ROUNDS && t->count[1] == ROUNDS, "two threads take turns %u times", ROUNDS);
    is_int((long long)t->slow, 0, "and no ring was lost");
    ok(!t->bells[0].sleeping && !t->bells[1].sleeping, "nobody is marked asleep who is awake");
}

static void test_processes(void)
{
    struct table *t = new_table();
    struct side a = { t, 0, true }, b = { t, 1, true };
    pid_t pid = fork();

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        play(&b);
        _exit(0);
    }
    play(&a);
    waitpid(pid, NULL, 0);
    ok(t->count[0] == ROUNDS && t->count[1] == ROUNDS, "so do two processes");
    is_int((long long)t->slow, 0, "and no ring was lost");
}

static void test_waits(void)
{
    struct bell_word b = { 0 };
    struct bell_habit habit;
    uint64_t start = worker_now_ms();

    bell_habit_init(&habit);
    bell_wait(&b, 1, WAIT_MS, false, &habit);
    ok(worker_now_ms() - start < WAIT_MS, "a bell that rang since it was looked at is not waited for");
    start = worker_now_ms();
    bell_wait(&b, 0, 0, false, &habit);
    ok(worker_now_ms() - start < WAIT_MS, "no time to wait is no wait");
    start = worker_now_ms();
    for (int i = 0; i < 100 && worker_now_ms() - start < 30; i++)
        bell_wait(&b, 0, 30, false, &habit);
    ok(worker_now_ms() - start >= 30, "a bell that does not ring is waited for");
    is_int(habit.quick, 0, "and teaches not to wait awake");
}

int main(void)
{
    test_waits();
    test_threads();
    test_processes();
    done_testing();
}
