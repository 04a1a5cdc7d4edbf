/* device.c - the actors of tests/unit/cuda_worker.c, for blocks of any size: a source that sends, a counter that sums
 * up, a team whose threads each do their part, a breaker that ends badly; and one for the host alone */
#include <treewarden/actor.h>

struct source { uint64_t next; };

TW_INIT(source)
{
    if (TW_TID == 0)
        s->next = 0;
}
TW_NO_RECEIVE(source)
TW_STEP(source)
{
    uint32_t to = tw_peer(cx, "job/counter"), i;
    uint64_t limit = tw_arg_u64(cx, "limit"), next = s->next;

    for (i = 0; i < 4 && next < limit; i++) {
        uint64_t word = tw_random(cx);

        next++;
        if (tw_send(cx, to, 1, &word, sizeof word) != 0)
            return;
    }
    TW_BARRIER();
    if (TW_TID == 0)
        s->next = next;
    tw_progress(cx, 1);
    if (next < limit)
        tw_again(cx);
    else
        tw_done(cx, next);
}

/* Order and number of the words both show in `sum`. */
struct counter { uint64_t seen, sum; };

TW_INIT(counter)
{
    if (TW_TID == 0)
        s->seen = s->sum = 0;
}
TW_RECEIVE(counter)
{
    uint64_t seen = s->seen + 1, sum;

    if (m->type != 1 || m->bytes != 8)
        return;
    sum = (s->sum ^ *(const uint64_t *)m->body) * 0x100000001b3u + seen;
    TW_BARRIER();
    if (TW_TID == 0) {
        s->seen = seen;
        s->sum = sum;
    }
    tw_progress(cx, 1);
    if (seen == tw_arg_u64(cx, "limit"))
        tw_done(cx, sum);
}
TW_NO_STEP(counter)

/* Every thread has a share of a sum that is the same for any number of threads; its state is large enough that a commit
 * is every thread's work. */
#define TEAM 4096u
struct team { uint64_t step, sum; uint64_t part[TEAM]; };

TW_INIT(team)
{
    uint32_t i;

    for (i = TW_TID; i < TEAM; i += TW_NT)
        s->part[i] = i;
    if (TW_TID == 0)
        s->step = s->sum = 0;
}
TW_NO_RECEIVE(team)
TW_STEP(team)
{
    uint64_t step = s->step, sum = s->sum;
    uint32_t i;

    for (i = TW_TID; i < TEAM; i += TW_NT)
        s->part[i] = s->part[i] * 0x100000001b3u + step;
    TW_BARRIER();
    for (i = 0; i < 16; i++)            /* by all, of what others made */
        sum = (sum ^ s->part[(step * 257 + i * 255) % TEAM]) * 0x100000001b3u;
    TW_BARRIER();
    if (TW_TID == 0) {
        s->step = step + 1;
        s->sum = sum;
    }
    tw_progress(cx, 1);
    if (step + 1 < tw_arg_u64(cx, "limit"))
        tw_again(cx);
    else
        tw_done(cx, sum);
}

struct breaker { uint64_t steps, one[1]; };

TW_INIT(breaker) { (void)s; }
TW_NO_RECEIVE(breaker)
TW_STEP(breaker)
{
    uint64_t how = tw_arg_u64(cx, "how");
    volatile uintptr_t nowhere = 16;

    if (how == 1 && TW_TID == 0)
        *(volatile uint64_t *)nowhere = 1;      /* a stray write */
    while (how == 2)
        (void)*(volatile uint64_t *)&s->steps;  /* for ever */
    if (how == 3 && TW_TID == TW_NT - 1)
        TW_AT(s->one, how) = 1;         /* an index outside, by the last thread */
    if (how == 4)
        tw_fail(cx, 77);
}

#ifndef __CUDACC__
struct board { uint64_t n; };

TW_INIT(board) { s->n = 0; }
TW_NO_RECEIVE(board)
TW_NO_STEP(board)
TW_HOST_ACTOR(board)
TW_PROGRAM(source, counter, team, breaker, board)
#else
TW_PROGRAM(source, counter, team, breaker)
#endif
