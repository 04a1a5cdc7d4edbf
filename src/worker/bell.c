/* bell.c - futex sleep and wake */
#include "worker/bell.h"

#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static uint64_t clock_us(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

uint64_t worker_now_ms(void) { return clock_us(CLOCK_BOOTTIME) / 1000u; }

void bell_habit_init(struct bell_habit *h)
{
    cpu_set_t set;

    h->quick = 0;
    h->may_spin = sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 1;
}

uint32_t bell_seen(const struct bell_word *b) { return __atomic_load_n(&b->rings, ORDER_BELL(__ATOMIC_SEQ_CST)); }

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Look on for a very short time, and only by a sleeper whose recent sleeps were as short: an idle one
 * never comes here. */
static bool spin(const struct bell_word *b, uint32_t seen, struct bell_habit *h)
{
    uint64_t end;

    if (!h->may_spin || h->quick < BELL_QUICK_MAX / 2)
        return false;
    end = clock_us(CLOCK_MONOTONIC) + BELL_SPIN_US;
    do {
        for (int i = 0; i < 16; i++)
            relax();
        if (bell_seen(b) != seen) {
            h->quick = BELL_QUICK_MAX;
            return true;
        }
    } while (clock_us(CLOCK_MONOTONIC) < end);
    h->quick -= 2;
    return false;
}

static void sleep_on(struct bell_word *b, uint32_t seen, uint64_t wait_ms, bool shared)
{
    struct timespec ts = { (time_t)(wait_ms / 1000u), (long)(wait_ms % 1000u) * 1000000 };

    __atomic_store_n(&b->sleeping, 1u, ORDER_BELL(__ATOMIC_SEQ_CST));
    /* The kernel compares once more under its lock; this look only saves the call. */
    if (bell_seen(b) == seen)
        syscall(SYS_futex, &b->rings, shared ? FUTEX_WAIT : FUTEX_WAIT_PRIVATE, seen, &ts, NULL, 0);
    __atomic_store_n(&b->sleeping, 0u, ORDER_BELL(__ATOMIC_RELEASE));
}

void bell_wait(struct bell_word *b, uint32_t seen, uint64_t wait_ms, bool shared, struct bell_habit *h)
{
    uint64_t slept_us;

    if (wait_ms == 0 || spin(b, seen, h))
        return;
    slept_us = clock_us(CLOCK_MONOTONIC);
    sleep_on(b, seen, wait_ms, shared);
    slept_us = clock_us(CLOCK_MONOTONIC) - slept_us;
    if (slept_us > BELL_SPIN_US)
        h->quick -= h->quick > 0;
    else if (h->quick < BELL_QUICK_MAX)
        h->quick++;
}

/* One wake is enough: a sleeper that was woken may wait long for a core, and until it runs it looks asleep to all who
 * ring.  So who wakes it takes its mark away. */
void bell_wake(struct bell_word *b, bool shared)
{
    if (__atomic_load_n(&b->sleeping, ORDER_BELL(__ATOMIC_SEQ_CST)) &&
        __atomic_exchange_n(&b->sleeping, 0u, ORDER_BELL(__ATOMIC_SEQ_CST)))
        syscall(SYS_futex, &b->rings, shared ? FUTEX_WAKE : FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}
