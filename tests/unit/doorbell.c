/* Doorbells: who sleeps is woken, who is awake costs nobody a call, and nothing but the one meant is ever rung. */
#include "mpi/rest.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/rc.h"
#include "tests/lib/tap.h"

#define ROUNDS 20000u
#define LOST_MS 3000                    /* a lost ring costs this much, so it is counted, not hidden */

static bool rings(const struct doorbell *d)
{
    struct pollfd p = {.fd = doorbell_fd(d), .events = POLLIN};

    return poll(&p, 1, 0) == 1;
}

static void only_a_sleeper_is_rung(void)
{
    struct doorbell d;
    struct doorbell_address at;
    struct doorbell_knob k;

    is_int(doorbell_open(&d), 0, "a bell");
    at = doorbell_address(&d);
    is_int(doorbell_find(&k, &at), 0, "is found by its address");
    doorbell_ring(&k);
    ok(!rings(&d), "while its owner is awake a ring writes nothing");
    doorbell_sleeps(&d);
    ok(!rings(&d) && !doorbell_was_rung(&d), "nor does saying that one sleeps");
    doorbell_ring(&k);
    ok(rings(&d) && doorbell_was_rung(&d), "a sleeper is woken");
    doorbell_awake(&d);
    ok(!rings(&d), "and forgets it when it is awake");
    doorbell_sleeps(&d);
    for (int i = 0; i < 100; i++)
        doorbell_ring(&k);
    doorbell_awake(&d);
    ok(!rings(&d), "however often it was rung");
    doorbell_leave(&k);
    doorbell_ring(&k);
    ok(!doorbell_reaches(&k), "a knob that was left rings nothing");
    doorbell_close(&d);
    doorbell_sleeps(&d);
    doorbell_awake(&d);
    ok(doorbell_fd(&d) == -1 && !doorbell_was_rung(&d) && doorbell_address(&d).pid == 0, "no bell is a bell too");
}

static void nobody_else_is_rung(void)
{
    struct doorbell d;
    struct doorbell_address at, other;
    struct doorbell_knob k;

    is_int(doorbell_open(&d), 0, "another bell");
    at = other = doorbell_address(&d);
    other.mark++;
    is_int(doorbell_find(&k, &other), TW_EPEER, "a process of that number that is another is not taken for it");
    other = at;
    other.word_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    is_int(doorbell_find(&k, &other), TW_EPEER, "nor something else under that descriptor");
    close(other.word_fd);
    is_int(doorbell_find(&k, &other), TW_EPEER, "nor nothing");
    other = (struct doorbell_address){.pid = 0};
    is_int(doorbell_find(&k, &other), TW_EPEER, "and who has no bell has none");
    is_int(doorbell_find(&k, &at), 0, "(it is there)");
    close(d.pipe[0]);
    d.pipe[0] = -1;
    signal(SIGPIPE, SIG_IGN);
    doorbell_sleeps(&d);
    doorbell_ring(&k);
    ok(!doorbell_reaches(&k), "who is gone is not rung again");
    doorbell_close(&d);
}

/* Who rings clears the word, then writes: in between, the sleeper may wake by itself, and sleep again. */
static void a_late_byte_does_not_keep_it_awake(void)
{
    struct doorbell d;
    struct doorbell_address at;
    struct doorbell_knob k;
    struct rest r = {0};

    (void)doorbell_open(&d);
    at = doorbell_address(&d);
    (void)doorbell_find(&k, &at);
    is_int((long long)rest_us(&r, &d, true, false), 0, "a rank says that it sleeps");
    is_int((long long)rest_us(&r, &d, true, false), LINK_REST_MAX_US, "... and does");
    ok(write(k.fd, "", 1) == 1 && rings(&d), "a byte comes of a ring it has heard before");
    is_int((long long)rest_us(&r, &d, true, false), LINK_REST_MAX_US, "it has nothing to do, so it sleeps on");
    ok(!rings(&d), "... and the byte wakes it no more");
    doorbell_ring(&k);
    ok(rings(&d), "... but a ring does");
    is_int((long long)rest_us(&r, &d, true, false), 0, "... for another look");
    ok(!rings(&d), "... that forgets it");
    doorbell_leave(&k);
    doorbell_close(&d);
}

/* Two processes in turn: each waits for the other's count, then counts on and rings. */
struct table { uint64_t count[2], slow; struct doorbell_address at[2]; };

static void play(struct table *t, int me, struct doorbell *d)
{
    struct doorbell_knob k = {.fd = -1};
    struct rest r = {0};

    while (!__atomic_load_n(&t->at[!me].mark, __ATOMIC_ACQUIRE))
        usleep(100);
    (void)doorbell_find(&k, &t->at[!me]);
    for (uint64_t round = 1; round <= ROUNDS; round++) {
        uint64_t want = me ? round : round - 1;

        for (;;) {
            bool there = __atomic_load_n(&t->count[!me], __ATOMIC_ACQUIRE) >= want;
            struct pollfd p = {.fd = doorbell_fd(d), .events = POLLIN};
            uint64_t us = rest_us(&r, d, true, there);

            if (there)
                break;
            if (us && poll(&p, 1, LOST_MS) == 0)
                t->slow++;
        }
        __atomic_store_n(&t->count[me], round, __ATOMIC_RELEASE);
        doorbell_ring(&k);
    }
    doorbell_leave(&k);
}

static void publish(struct table *t, int me, const struct doorbell *d)
{
    struct doorbell_address at = doorbell_address(d);

    t->at[me].pid = at.pid;
    t->at[me].word_fd = at.word_fd;
    t->at[me].pipe_fd = at.pipe_fd;
    __atomic_store_n(&t->at[me].mark, at.mark, __ATOMIC_RELEASE);
}

static void no_ring_is_lost(void)
{
    struct table *t = mmap(NULL, sizeof *t, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct doorbell d;
    int status = 1;
    pid_t child = fork();

    (void)doorbell_open(&d);
    publish(t, child == 0, &d);
    if (child == 0)
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    play(t, child == 0, &d);
    if (child == 0)
        _exit(0);
    waitpid(child, &status, 0);
    ok(status == 0 && t->count[0] == ROUNDS && t->count[1] == ROUNDS && t->slow == 0,
       "%u rounds between two processes: no ring is lost", ROUNDS);
    doorbell_close(&d);
    munmap(t, sizeof *t);
}

static void how_long_a_rank_rests(void)
{
    struct doorbell none = {.word_fd = -1, .pipe = {-1, -1}};
    struct rest r = {0};
    uint64_t us, before = 0;
    bool doubles = true;

    is_int((long long)rest_us(&r, &none, false, true), 0, "who found something looks again at once");
    is_int((long long)rest_us(&r, &none, false, false), 0, "who found nothing looks once more, having said that it sleeps");
    is_int((long long)rest_us(&r, &none, false, false), LINK_REST_MIN_US, "then it sleeps a little");
    for (int i = 0; i < 20; i++, before = us) {
        us = rest_us(&r, &none, false, false);
        doubles &= us == LINK_REST_MAX_US || before == 0 || us == 2 * before;
    }
    ok(doubles && us == LINK_REST_MAX_US, "longer each time, up to a bound");
    (void)rest_us(&r, &none, true, true);
    (void)rest_us(&r, &none, true, false);
    is_int((long long)rest_us(&r, &none, true, false), LINK_REST_MAX_US, "and at once as long when it will be rung");
}

int main(void)
{
    only_a_sleeper_is_rung();
    nobody_else_is_rung();
    a_late_byte_does_not_keep_it_awake();
    no_ring_is_lost();
    how_long_a_rank_rests();
    done_testing();
}
