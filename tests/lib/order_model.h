/* order_model.h - a weak memory under src/slot, and an explorer of all that can happen in it
 *
 * Built with TW_ORDER_MODEL, the functions of slot/order.h are those here: a load may read any store that is not older
 * than what its thread has seen, and who acquires what was released sees what its writer had seen (the views of C11's
 * release and acquire; PTX defines scoped accesses to the same end).  A sequentially consistent fence is a
 * read-modify-write of one word per device.  Scopes count: what is released at less than SCOPE_SYSTEM, or acquired so,
 * orders nothing between two devices.  Where host and GPU differ (fence_acquire, bells) the weaker of the two is taken.
 *
 * Guarded words, and ranges given to order_guard or order_reads and order_writes, are plain memory: two threads that
 * meet there, one of them writing, unordered, are a failure.  So are two stores to one word, unordered.
 *
 * Not in the model: a load that reads what is stored later than it by an act of its own thread (load buffering).  For
 * guarded words it is a failure all the same.
 */
#ifndef TW_TESTS_ORDER_MODEL_H
#define TW_TESTS_ORDER_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* FENCE: one behind it; TOTAL: which is in one order with all others. */
enum { ORDER_RELAXED, ORDER_ACQUIRE = 1, ORDER_RELEASE = 2, ORDER_FENCE = 4, ORDER_TOTAL = 8 };

/* An ordered access as it stands in the code; a header's are as many as files that include it. */
struct order_site {
    const char *file, *function, *text;
    int order;
    int scope;                          /* enum tw_scope */
    int lacks;                          /* of its order, in this exploration: planted */
    bool narrow;                        /* SCOPE_SYSTEM is SCOPE_DEVICE: planted */
    bool met;
};
extern struct order_site *const __start_order_sites[], *const __stop_order_sites[];

#define ORDER_SITE(words, what, range)                                                               \
    static struct order_site order_site_ = {__FILE__, __func__, words, what, range, 0, false, false};\
    static struct order_site *const order_at_ __attribute__((section("order_sites"), used)) = &order_site_
#define load_acquire(p, range)                                                                       \
    ({ ORDER_SITE("load_acquire(" #p ")", ORDER_ACQUIRE, range); order_load(p, &order_site_); })
#define store_release(p, value, range)                                                               \
    ({ ORDER_SITE("store_release(" #p ")", ORDER_RELEASE, range); order_store(p, value, &order_site_); })
#define store_fence(p, value)                                                                        \
    ({ ORDER_SITE("store_fence(" #p ")", ORDER_RELEASE | ORDER_FENCE | ORDER_TOTAL, SCOPE_DEVICE);           \
       order_store(p, value, &order_site_); })
#define load_relaxed(p) order_load(p, NULL)
#define store_relaxed(p, value) order_store(p, value, NULL)
#define load_u32(p) \
    ({ ORDER_SITE("load_u32(" #p ")", ORDER_ACQUIRE, SCOPE_DEVICE); order_load_u32(p, &order_site_); })
#define fence_acquire() \
    ({ ORDER_SITE("fence_acquire()", ORDER_ACQUIRE, SCOPE_DEVICE); order_fence_acquire(&order_site_); })
#define add_u32(p) \
    ({ ORDER_SITE("add_u32(" #p ")", ORDER_ACQUIRE | ORDER_RELEASE, SCOPE_DEVICE); order_add(p, &order_site_); })
#define or_u64(p, bits) \
    ({ ORDER_SITE("or_u64(" #p ")", ORDER_RELEASE, SCOPE_DEVICE); order_or(p, bits, &order_site_); })
#define take_u64(p) \
    ({ ORDER_SITE("take_u64(" #p ")", ORDER_ACQUIRE, SCOPE_DEVICE); order_take(p, &order_site_); })

uint64_t order_load(const uint64_t *p, struct order_site *site);
void order_store(uint64_t *p, uint64_t value, struct order_site *site);
uint32_t order_load_u32(const uint32_t *p, struct order_site *site);
void order_fence_acquire(struct order_site *site);
uint32_t order_add(uint32_t *p, struct order_site *site);
void order_or(uint64_t *p, uint64_t bits, struct order_site *site);
uint64_t order_take(uint64_t *p, struct order_site *site);
uint64_t load_guarded(const uint64_t *p);
void store_guarded(uint64_t *p, uint64_t value);

/* ---- scenes ---- */
#define ORDER_THREADS 3

struct order_thread {
    void (*run)(void);                  /* NULL: there is no such thread */
    int device;                         /* whose scope it is in */
};

struct order_scene {
    const char *name;
    void (*make)(void);                 /* the stage, once; no thread runs yet */
    struct order_thread thread[ORDER_THREADS];
    const char *(*wrong)(void);         /* after all threads have ended; NULL = all holds */
};

/* What is as it is now whenever the threads begin. */
void order_keep(void *at, size_t bytes);
/* Words that are plain memory, however they are accessed. */
void order_guard(const void *at, size_t bytes);
/* From a thread: it has read, or written, this plain memory by now. */
void order_reads(const void *at, size_t bytes);
void order_writes(const void *at, size_t bytes);
/* From a thread: what must not be is. */
void order_wrong(const char *what);

struct order_result {
    const char *wrong;                  /* NULL: nothing, in any execution */
    uint64_t runs, cut;                 /* executions to their end; begun, but all that was left had been seen */
};

/* keep: after scene->make, says by order_keep and order_guard what its memory is. */
void order_explore(const struct order_scene *scene, void (*keep)(void), struct order_result *ret);

#endif
