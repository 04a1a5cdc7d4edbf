/* resident.cuh - the resident kernel: src/slot as the blocks of one grid, with the handlers of one actor program
 *
 * `treewarden cc` compiles it behind the program's source, as one file, so that handlers and calls are called directly.
 * Block 0 is slot 0, blocks 1.. are the slots; a block's first thread runs the dispatcher, the others wait until a
 * handler is to run, which all of them do.  No barrier is wider than a block: one that is wedged holds up nobody.  The
 * grid is launched cooperatively all the same, for the promise that every block makes progress.
 *
 * Time is the device's own clock; for liveness only what block 0 has seen pass in one piece counts (`sweeps`), for
 * whoever stops the whole device - a debugger, another context's time slice - stops block 0 as well.
 */
#ifndef TW_KERNELS_RESIDENT_CUH
#define TW_KERNELS_RESIDENT_CUH

#include "kernels/resident.h"
#include "slot/arena.c"
#include "slot/asks.c"
#include "slot/calls.c"
#include "slot/commit.c"
#include "slot/monitor.c"
#include "slot/slot.c"
#include "slot/slot0.c"
#include "slot/stream.c"

#ifndef TW_THREADS
#define TW_THREADS 128                  /* of a block: `treewarden cc --threads` */
#endif

#define RESIDENT_GAP_NS 1000000u        /* longer than this between two turns of block 0: it was stopped */
#define RESIDENT_NAP_NS 20u             /* of a block with nothing to do; doubled up to ... */
#define RESIDENT_NAP_MOST_NS 1000u
#define RESIDENT_BULK 255u              /* beside TW_OP_: what the block is to do is no handler */
#define RESIDENT_BULK_WORDS 64u         /* fewer are one thread's work */
#define RESIDENT_BODY_BYTES 64u         /* of a message of the system's own */

/* A thread's own variables are nobody else's to read: what the block works on lies here. */
struct resident_block {
    struct arena_view view;
    struct slot_env env;
    uint32_t refused;                   /* the host's program is another */
    union { struct slot slot; struct slot0 slot0; } u;
    struct slot *in_hand;
    uint32_t over;                      /* the block ends */
    uint32_t solo;                      /* the handler in hand is the first thread's alone */
    struct tw_msg msg;
    const struct tw_msg *m;
    uint32_t op;
    uint64_t body[RESIDENT_BODY_BYTES / 8];
    struct { uint64_t *to; const uint64_t *from; uint64_t words, first; } bulk;
    unsigned long long sum;
    union { int i; uint32_t u32; uint64_t u64; } answer;
    uint64_t bits;
    uint32_t is_f64;
};
#ifdef TW_BLOCKS
#define block (*(struct resident_block *)blocks_shared)
#else
static __shared__ struct resident_block block;
#endif

/* -- the calls of treewarden/actor.h: by all threads, done by the first -------------------------------- */

/* Of a type that is solo there is no thread but the first. */
#define TOGETHER(statement)                                                                          \
    do {                                                                                             \
        if (!block.solo)                                                                             \
            TW_BARRIER();                                                                            \
        if (TW_TID == 0)                                                                             \
            statement;                                                                               \
        if (!block.solo)                                                                             \
            TW_BARRIER();                                                                            \
    } while (0)

__device__ int tw_device_calls::send(struct tw_ctx *cx, uint32_t to, uint32_t type, const void *data, uint32_t bytes)
{
    TOGETHER(block.answer.i = call_send(cx, to, type, data, bytes));
    return block.answer.i;
}

__device__ void tw_device_calls::commit(struct tw_ctx *cx) { TOGETHER(call_commit(cx)); }
__device__ void tw_device_calls::ready(struct tw_ctx *cx) { TOGETHER(call_ready(cx)); }
__device__ void tw_device_calls::done(struct tw_ctx *cx, uint64_t result) { TOGETHER(call_done(cx, result)); }
__device__ void tw_device_calls::again(struct tw_ctx *cx) { TOGETHER(call_again(cx)); }
__device__ void tw_device_calls::progress(struct tw_ctx *cx, uint64_t units) { TOGETHER(call_progress(cx, units)); }

/* These two by any thread, alone. */
__device__ void tw_device_calls::fail(struct tw_ctx *cx, uint32_t code) { call_fail(cx, code); }
__device__ void tw_device_calls::bounds(struct tw_ctx *cx) { call_bounds(cx); }

__device__ int tw_device_calls::timer(struct tw_ctx *cx, uint64_t ms)
{
    TOGETHER(block.answer.i = call_timer(cx, ms));
    return block.answer.i;
}

__device__ uint32_t tw_device_calls::peer(struct tw_ctx *cx, const char *pattern, const uint32_t *index, uint32_t count)
{
    TOGETHER(block.answer.u32 = call_peer(cx, pattern, index, count));
    return block.answer.u32;
}

__device__ uint32_t tw_device_calls::self(struct tw_ctx *cx, uint32_t dim) { return call_self(cx, dim); }

__device__ int tw_device_calls::arg(struct tw_ctx *cx, const char *name, uint64_t *ret_bits, uint32_t *ret_is_f64)
{
    TOGETHER(block.answer.i = call_arg(cx, name, &block.bits, &block.is_f64));
    if (block.answer.i == 0) {
        *ret_bits = block.bits;
        *ret_is_f64 = block.is_f64;
    }
    return block.answer.i;
}

__device__ int tw_device_calls::checkpoint(struct tw_ctx *cx)
{
    TOGETHER(block.answer.i = call_checkpoint(cx));
    return block.answer.i;
}

__device__ uint64_t tw_device_calls::random(struct tw_ctx *cx)
{
    TOGETHER(block.answer.u64 = call_random(cx));
    return block.answer.u64;
}

__device__ void tw_device_calls::log(struct tw_ctx *cx, uint32_t code, uint64_t a, uint64_t b)
{
    TOGETHER(call_log(cx, code, a, b));
}

__device__ int tw_device_calls::monitor(struct tw_ctx *cx, uint32_t peer, uint32_t on)
{
    TOGETHER(block.answer.i = call_monitor(cx, peer, on));
    return block.answer.i;
}

__device__ int tw_device_calls::child(struct tw_ctx *cx, uint32_t verb, uint32_t vertex)
{
    TOGETHER(block.answer.i = call_child(cx, verb, vertex));
    return block.answer.i;
}

/* -- handlers ------------------------------------------------------------------------------------------ */

__device__ static void do_bulk(void)
{
    uint64_t sum = bulk_share(block.bulk.to, block.bulk.from, block.bulk.words, block.bulk.first, TW_TID, TW_NT);

    atomicAdd(&block.sum, (unsigned long long)sum);
}

__device__ static __noinline__ void run_handler(void)
{
    struct slot *s = block.in_hand;

    if (block.op == RESIDENT_BULK) {
        do_bulk();
        return;
    }
    if (block.solo && TW_TID != 0)
        return;
    tw_dispatch_(s->config->actor_type, block.op, &s->cx, s->state, block.m);
}

/* The first thread.  A message is among its own variables, and what the system says is, too. */
__device__ __noinline__ void resident_dispatch(struct slot *s, uint32_t op, const struct tw_msg *m)
{
    block.in_hand = s;
    block.op = op;
    block.solo = tw_is_solo_(s->config->actor_type);
    block.m = NULL;
    if (m) {
        block.msg = *m;
        block.m = &block.msg;
        for (uint32_t i = 0; m->type >= TW_MSG_SYSTEM && m->bytes <= sizeof block.body && i < (m->bytes + 7) / 8; i++) {
            block.body[i] = ((const uint64_t *)m->body)[i];
            block.msg.body = block.body;
        }
    }
    TW_BARRIER();
    run_handler();
    TW_BARRIER();
}

static_assert(sizeof(struct slot_image) / 8 < RESIDENT_BULK_WORDS, "a copy of it is packed from a thread's own memory");

/* By the first thread, for all: no handler runs then. */
__device__ __noinline__ uint64_t resident_bulk(uint64_t *to, const uint64_t *from, uint64_t words, uint64_t first)
{
    if (words < RESIDENT_BULK_WORDS)
        return bulk_share(to, from, words, first, 0, 1);
    block.op = RESIDENT_BULK;
    block.bulk.to = to;
    block.bulk.from = from;
    block.bulk.words = words;
    block.bulk.first = first;
    block.sum = 0;
    TW_BARRIER();
    do_bulk();
    TW_BARRIER();
    return block.sum;
}

__device__ static void help(void)
{
    for (;;) {
        TW_BARRIER();
        if (block.over)
            return;
        run_handler();
        TW_BARRIER();
    }
}

/* -- the blocks ---------------------------------------------------------------------------------------- */

__device__ static uint64_t device_ns(void)
{
#ifdef TW_BLOCKS
    return blocks_driver->clock_ns();
#else
    uint64_t ns;

    asm volatile("mov.u64 %0, %globaltimer;" : "=l"(ns));
    return ns;
#endif
}

__device__ static void nap(uint32_t *ns)
{
    __nanosleep(*ns);
    *ns = *ns * 2 < RESIDENT_NAP_MOST_NS ? *ns * 2 : RESIDENT_NAP_MOST_NS;
}

__device__ static void be_slot(const struct resident_params *p, uint32_t index)
{
    uint32_t idle_ns = RESIDENT_NAP_NS;

    slot_init(&block.u.slot, &block.view, index, &tw_program, &block.env,
              p->memory + p->slot0_bytes + (index - 1) * p->slot_stride);
    while (!load_relaxed(p->stop)) {
        if (slot_turn(&block.u.slot, device_ns() / 1000000) == 0)
            idle_ns = RESIDENT_NAP_NS;
        else
            nap(&idle_ns);
    }
    block.over = 1;
    TW_BARRIER();
}

/* A handler's deadline is in the time that block 0 has seen pass, which is the same for all. */
__device__ static void count_sweep(const struct resident_params *p, uint64_t ns)
{
    for (uint32_t slot = 0; ns <= RESIDENT_GAP_NS && slot <= block.view.geo.slots; slot++)
        p->sweeps[slot] += ns;
}

__device__ static void be_slot0(const struct resident_params *p)
{
    uint32_t idle_ns = RESIDENT_NAP_NS;
    uint64_t counted_ns = device_ns(), last_ns = counted_ns;

    slot0_init(&block.u.slot0, &block.view, &block.env, p->memory);
    store_release(&block.view.header->kernel, 1, SCOPE_SYSTEM);
    while (!block.u.slot0.quit) {
        uint64_t ns = device_ns();

        if (ns - last_ns > RESIDENT_GAP_NS || ns - counted_ns >= RESIDENT_GAP_NS / 2) {
            count_sweep(p, ns - last_ns > RESIDENT_GAP_NS ? RESIDENT_GAP_NS + 1 : ns - counted_ns);
            counted_ns = ns;
        }
        last_ns = ns;
        if (slot0_turn(&block.u.slot0, ns / 1000000, p->sweeps) == 0)
            idle_ns = RESIDENT_NAP_NS;
        else
            nap(&idle_ns);
    }
    store_relaxed(p->stop, 1);
}

extern "C" __global__ void __launch_bounds__(TW_THREADS, 1) tw_resident(const struct resident_params p)
{
    if (TW_TID == 0) {
        (void)arena_view_init(&block.view, p.arena, p.arena_bytes);
        block.view.near = p.near;
        block.over = 0;
        block.refused = resident_program(&tw_program, p.types) != p.program || tw_program.count != p.types;
        if (block.refused && blockIdx.x == 0)
            store_release(&block.view.header->kernel, 2, SCOPE_SYSTEM);
    }
    TW_BARRIER();
    if (blockIdx.x > block.view.geo.slots || block.refused)
        return;
    if (blockIdx.x == 0 && TW_TID == 0)
        be_slot0(&p);
    else if (blockIdx.x > 0 && TW_TID == 0)
        be_slot(&p, blockIdx.x);
    else if (blockIdx.x > 0)
        help();
}

#endif
