/* poison.c - sources send numbers; some of them kill whoever handles them, each time
 *
 * A sink that passes over exactly these (extension 9) adds up all the others, in order, and writes what it got: the
 * same with and without faults.  how: 0 = tw_fail and TW_AT in turn, 1 = SIGSEGV, 2 = it does not return.
 */
#include <treewarden/actor.h>

#ifndef __CUDACC__
#include <stdio.h>
#endif

#define SOURCES 8

enum { NUMBER = 3, END = 4 };

struct source { uint64_t next, last; uint32_t sink; };

TW_INIT(source)
{
    s->next = 1;
    s->last = tw_arg_u64(cx, "messages");
    s->sink = tw_peer(cx, "job/sink");
}
TW_NO_RECEIVE(source)
TW_STEP(source)
{
    tw_send(cx, s->sink, s->next > s->last ? END : NUMBER, &s->next, sizeof s->next);
    if (s->next++ > s->last)
        tw_done(cx, 0);
    else
        tw_again(cx);
}

struct sink { uint64_t every, how, sources, ends, count, sum, wrong; uint64_t next[SOURCES]; uint32_t source[SOURCES]; };

TW_INIT(sink)
{
    s->every = tw_arg_u64(cx, "every");
    s->how = tw_arg_u64(cx, "how");
    s->sources = tw_arg_u64(cx, "sources");
    for (uint32_t i = 0; i < s->sources; i++) {
        TW_AT(s->next, i) = 1;
        TW_AT(s->source, i) = tw_peer_at(cx, "job/source[*]", &i, 1);
    }
}

TW_FN void sink_dies(struct tw_ctx *cx, struct sink *s, uint64_t number)
{
    volatile char *nowhere = (volatile char *)(uintptr_t)number;

    if (s->how == 1)
        *nowhere = 1;
    while (s->how == 2)
        if (((volatile struct sink *)s)->how != 2)
            return;
    if (number / s->every % 2)
        tw_fail(cx, (uint32_t)number);
    else
        TW_AT(s->next, SOURCES) = number;
}

TW_FN void sink_write(struct tw_ctx *cx, const struct sink *s)
{
#ifndef __CUDACC__
    const char *path = tw_sink(cx, "sum.txt");
    FILE *f = path ? fopen(path, "w") : NULL;

    if (!f || fprintf(f, "%llu numbers, sum %llu, %llu out of order\n", (unsigned long long)s->count,
                      (unsigned long long)s->sum, (unsigned long long)s->wrong) < 0 || fclose(f) != 0)
        tw_fail(cx, 1);
#else
    (void)cx;
    (void)s;
#endif
}

TW_RECEIVE(sink)
{
    uint64_t number = *(const uint64_t *)m->body;
    uint32_t i = 0;

    if (m->type == END && ++s->ends == s->sources) {
        sink_write(cx, s);
        tw_done(cx, s->count);
    }
    if (m->type != NUMBER)
        return;
    if (number % s->every == 0) {
        sink_dies(cx, s, number);
        return;
    }
    while (i + 1 < s->sources && TW_AT(s->source, i) != m->from)
        i++;
    TW_AT(s->next, i) += TW_AT(s->next, i) % s->every == 0;     /* that one was passed over */
    s->wrong += number != TW_AT(s->next, i);
    TW_AT(s->next, i) = number + 1;
    s->count++;
    s->sum += number;
    tw_progress(cx, 1);
}
TW_NO_STEP(sink)
TW_PROGRAM(source, sink)
