/* counter.c - the actors of tests/unit/worker.c: a source that sends, a counter that sums up, a breaker
 * that ends badly, a writer that leaves a file */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <treewarden/actor.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct source { uint64_t next; };

TW_INIT(source) { (void)cx; s->next = 0; }
TW_NO_RECEIVE(source)
TW_STEP(source)
{
    uint32_t to = tw_peer(cx, "job/counter");
    uint64_t limit = tw_arg_u64(cx, "limit");

    for (int i = 0; i < 4 && s->next < limit; i++) {
        uint64_t word = tw_random(cx);

        s->next++;
        if (tw_send(cx, to, 1, &word, sizeof word) != 0)
            return;
    }
    tw_progress(cx, 1);
    if (s->next < limit)
        tw_again(cx);
    else
        tw_done(cx, s->next);
}

/* Order and number of the words both show in `sum`. */
struct counter { uint64_t seen, sum; };

TW_INIT(counter) { (void)cx; s->seen = s->sum = 0; }
TW_RECEIVE(counter)
{
    if (m->type != 1 || m->bytes != 8)
        return;
    s->seen++;
    if (s->seen == tw_arg_u64(cx, "kill_at"))
        kill(getpid(), SIGKILL);        /* in the middle of a handler: nothing of this call counts */
    s->sum = (s->sum ^ *(const uint64_t *)m->body) * 0x100000001b3u + s->seen;
    tw_progress(cx, 1);
    if (s->seen == tw_arg_u64(cx, "limit"))
        tw_done(cx, s->sum);
}
TW_NO_STEP(counter)

struct breaker { uint64_t steps; };

static volatile int breaker_depth;
static volatile uintptr_t nowhere = 16;

static int recurse(volatile char *above)
{
    volatile char here[4096];

    here[0] = above[0];
    if (breaker_depth++ < 0)
        return 0;                       /* never: the stack is smaller */
    return recurse(here) + here[0];
}

TW_INIT(breaker) { (void)cx; s->steps = 0; }
TW_NO_RECEIVE(breaker)
TW_STEP(breaker)
{
    volatile char first = 0;

    switch (tw_arg_u64(cx, "how")) {
    case 1: *(volatile int *)nowhere = 1; break;
    case 2: s->steps += (uint64_t)recurse(&first); break;
    case 3: abort();
    case 4:
        for (;;)
            breaker_depth++;
    case 5: exit(3);
    }
}

struct writer { uint64_t files; };

TW_INIT(writer) { (void)cx; s->files = 0; }
TW_NO_RECEIVE(writer)
TW_STEP(writer)
{
    const char *path = tw_sink(cx, "result.txt");
    FILE *f = path ? fopen(path, "w") : NULL;

    if (!f) {
        tw_fail(cx, 1);
        return;
    }
    fprintf(f, "whole\n");
    fclose(f);
    s->files++;
    if (tw_arg_u64(cx, "how") == 4)
        for (;;)
            breaker_depth++;
    tw_done(cx, s->files);
}
TW_HOST_ACTOR(writer)

/* A handler every now and then: something to injure. */
struct ticker { uint64_t ticks; };

TW_INIT(ticker)
{
    s->ticks = 0;
    (void)tw_timer(cx, 20);
}
TW_RECEIVE(ticker)
{
    if (m->type != TW_TIMER)
        return;
    s->ticks++;
    (void)tw_timer(cx, 20);
}
TW_NO_STEP(ticker)

/* Says that it is up at its third tick; with `never`, never. */
struct late { uint64_t ticks; };

TW_INIT(late)
{
    s->ticks = 0;
    (void)tw_timer(cx, 20);
}
TW_RECEIVE(late)
{
    if (m->type != TW_TIMER)
        return;
    if (++s->ticks == 3 && !tw_arg_u64(cx, "never"))
        tw_ready(cx);
    (void)tw_timer(cx, 20);
}
TW_NO_STEP(late)

TW_PROGRAM(source, counter, breaker, ticker, late, writer)
