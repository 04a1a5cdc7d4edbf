/* order.h - the only ordered accesses to memory that two sides share
 *
 * Every word two threads, blocks or processes touch goes through here; everything else is private to one
 * side until such a word publishes it.  The scope says how far the other side may be: SLOT (threads of one
 * block), DEVICE (blocks of one device), SYSTEM (the host link).  On the host every scope is the same;
 * on a GPU a narrower one is cheaper.
 */
#ifndef TW_SLOT_ORDER_H
#define TW_SLOT_ORDER_H

#include <stddef.h>
#include <stdint.h>

#include "shared/hd.h"

enum tw_scope { SCOPE_SLOT, SCOPE_DEVICE, SCOPE_SYSTEM };

#ifdef TW_CRASH_POINTS
/* Tests only: called before every store, and before every load, of a shared word.  The simulator lets
 * another thread run there, or lets this one die. */
void crash_point(void);
void yield_point(void);
#else
#define crash_point() ((void)0)
#define yield_point() ((void)0)
#endif

#ifdef TW_ORDER_MODEL
#include "order_model.h"                /* tests only: what each of these accesses reads is decided there */
#elif defined(__CUDA_ARCH__)
#define ORDER_PTX_LOAD(suffix) asm volatile("ld.acquire." suffix ".u64 %0, [%1];"                     \
                                            : "=l"(v) : "l"(p) : "memory")
#define ORDER_PTX_STORE(suffix) asm volatile("st.release." suffix ".u64 [%0], %1;"                    \
                                             : : "l"(p), "l"(v) : "memory")
HD static inline uint64_t load_acquire(const uint64_t *p, enum tw_scope scope)
{
    unsigned long long v;

    if (scope == SCOPE_SYSTEM) ORDER_PTX_LOAD("sys");
    else ORDER_PTX_LOAD("gpu");
    return v;
}

HD static inline void store_release(uint64_t *p, uint64_t value, enum tw_scope scope)
{
    unsigned long long v = value;

    if (scope == SCOPE_SYSTEM) ORDER_PTX_STORE("sys");
    else ORDER_PTX_STORE("gpu");
}

/* Store, then let no later load pass it: half of a Dekker handshake. */
HD static inline void store_fence(uint64_t *p, uint64_t value)
{
    store_release(p, value, SCOPE_DEVICE);
    asm volatile("fence.sc.gpu;" ::: "memory");
}

HD static inline uint64_t load_relaxed(const uint64_t *p)
{
    unsigned long long v;

    asm volatile("ld.relaxed.sys.u64 %0, [%1];" : "=l"(v) : "l"(p) : "memory");
    return v;
}

HD static inline void store_relaxed(uint64_t *p, uint64_t value)
{
    asm volatile("st.relaxed.sys.u64 [%0], %1;" : : "l"(p), "l"((unsigned long long)value) : "memory");
}

HD static inline uint32_t load_u32(const uint32_t *p)
{
    uint32_t v;

    asm volatile("ld.acquire.gpu.u32 %0, [%1];" : "=r"(v) : "l"(p) : "memory");
    return v;
}

HD static inline void fence_acquire(void) { asm volatile("fence.acq_rel.gpu;" ::: "memory"); }

HD static inline uint32_t add_u32(uint32_t *p)
{
    uint32_t old;

    asm volatile("atom.add.acq_rel.gpu.u32 %0, [%1], 1;" : "=r"(old) : "l"(p) : "memory");
    return old;
}

HD static inline void or_u64(uint64_t *p, uint64_t bits)
{
    asm volatile("red.release.gpu.or.b64 [%0], %1;" : : "l"(p), "l"((unsigned long long)bits) : "memory");
}

HD static inline uint64_t take_u64(uint64_t *p)
{
    unsigned long long old;

    asm volatile("atom.exch.acquire.gpu.b64 %0, [%1], 0;" : "=l"(old) : "l"(p) : "memory");
    return old;
}
#else
HD static inline uint64_t load_acquire(const uint64_t *p, enum tw_scope scope)
{
    (void)scope;
    yield_point();
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

HD static inline void store_release(uint64_t *p, uint64_t value, enum tw_scope scope)
{
    (void)scope;
    crash_point();
    __atomic_store_n(p, value, __ATOMIC_RELEASE);
}

/* ThreadSanitizer does not know fences (gcc says so by a warning).  What it is to judge is which writes a reader
 * is ordered after, and that comes from the stores and loads here, not from the two fences: they only keep this
 * thread's own accesses in order, and those on either side of them are atomic.  So in its builds a fence is a
 * read-modify-write of a word no other thread knows: in order on the machine, and to the sanitizer a meeting with
 * nobody - it hides no race. */
#if !defined(__SANITIZE_THREAD__) && defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define __SANITIZE_THREAD__ 1           /* clang's way of saying it */
#endif
#endif
#ifdef __SANITIZE_THREAD__
#define ORDER_FENCE(order)                                                                           \
    do {                                                                                             \
        unsigned mine = 0;                                                                           \
        (void)__atomic_fetch_add(&mine, 1u, __ATOMIC_SEQ_CST);                                       \
    } while (0)
#else
#define ORDER_FENCE(order) __atomic_thread_fence(order)
#endif

/* A bell publishes nothing: who hears it looks, and who looks without it must find the same.  ThreadSanitizer
 * would take each ring for an order between the two sides and miss a word that is published by nothing else, so in
 * its builds bells order nothing.  (A read-modify-write stays a barrier on the machine, and the kernel looks at the
 * number once more before it lets anybody sleep.) */
#ifdef __SANITIZE_THREAD__
#define ORDER_BELL(order) __ATOMIC_RELAXED
#else
#define ORDER_BELL(order) (order)
#endif

/* Store, then let no later load pass it: half of a Dekker handshake. */
HD static inline void store_fence(uint64_t *p, uint64_t value)
{
    crash_point();
    __atomic_store_n(p, value, __ATOMIC_RELEASE);
    ORDER_FENCE(__ATOMIC_SEQ_CST);
}

HD static inline uint64_t load_relaxed(const uint64_t *p)
{
    yield_point();
    return __atomic_load_n(p, __ATOMIC_RELAXED);
}

HD static inline void store_relaxed(uint64_t *p, uint64_t value)
{
    crash_point();
    __atomic_store_n(p, value, __ATOMIC_RELAXED);
}

HD static inline uint32_t load_u32(const uint32_t *p)
{
    yield_point();
    return __atomic_load_n(p, ORDER_BELL(__ATOMIC_ACQUIRE));
}

HD static inline void fence_acquire(void) { ORDER_FENCE(__ATOMIC_ACQUIRE); }

/* A bell is rung by several, so these are the only read-modify-writes, and never across the host link of a GPU.
 * Add one; set bits; take all bits that are set. */
HD static inline uint32_t add_u32(uint32_t *p) { return __atomic_fetch_add(p, 1u, ORDER_BELL(__ATOMIC_SEQ_CST)); }

HD static inline void or_u64(uint64_t *p, uint64_t bits)
{
    crash_point();
    (void)__atomic_fetch_or(p, bits, ORDER_BELL(__ATOMIC_SEQ_CST));
}

HD static inline uint64_t take_u64(uint64_t *p)
{
    yield_point();
    return __atomic_exchange_n(p, 0, ORDER_BELL(__ATOMIC_SEQ_CST));
}
#endif

/* A word of whatever struct is copied: a compiler may else take its members for untouched, being of other types. */
typedef uint64_t __attribute__((__may_alias__)) any_word;

/* Copy `bytes` (rounded up to 8; both sides 8-aligned and padded) between private memory and memory the
 * other side may be changing: word by word, so that a torn copy is only ever stale, never undefined. */
HD static inline void copy_from_shared(void *to, const void *from, size_t bytes)
{
    any_word *t = (any_word *)to;
    const any_word *f = (const any_word *)from;

    for (size_t i = 0; i < (bytes + 7) / 8; i++)
        t[i] = load_relaxed(&f[i]);
}

HD static inline void copy_to_shared(void *to, const void *from, size_t bytes)
{
    any_word *t = (any_word *)to;
    const any_word *f = (const any_word *)from;

    for (size_t i = 0; i < (bytes + 7) / 8; i++)
        store_relaxed(&t[i], f[i]);
}

/* Words that a number guards: its store_release says they are there, another number's that they were read and may be
 * written again, so the two sides never meet at them.  A side that has run wild may; then it is nonsense, never
 * undefined.  ThreadSanitizer sees them as plain memory: so it is held to be true. */
#ifndef TW_ORDER_MODEL
HD static inline uint64_t load_guarded(const uint64_t *p)
{
#ifdef __SANITIZE_THREAD__
    return *p;
#else
    return load_relaxed(p);
#endif
}

HD static inline void store_guarded(uint64_t *p, uint64_t value)
{
#ifdef __SANITIZE_THREAD__
    *p = value;
#else
    store_relaxed(p, value);
#endif
}
#endif

HD static inline void copy_from_guarded(void *to, const void *from, size_t bytes)
{
    any_word *t = (any_word *)to;
    const any_word *f = (const any_word *)from;

    for (size_t i = 0; i < (bytes + 7) / 8; i++)
        t[i] = load_guarded(&f[i]);
}

HD static inline void copy_to_guarded(void *to, const void *from, size_t bytes)
{
    any_word *t = (any_word *)to;
    const any_word *f = (const any_word *)from;

    for (size_t i = 0; i < (bytes + 7) / 8; i++)
        store_guarded(&t[i], f[i]);
}

#endif
