/* spoiled.c - actors whose state comes to kill each life that goes on from it (extension 16)
 *
 * They count, commit, and at `last` fail, until they are cured.  The keeper hears from each new line and cures from the
 * third on, so two have been given up.  It writes the same with and without faults.
 */
#include <treewarden/actor.h>

#ifndef __CUDACC__
#include <stdio.h>
#endif

#define TICK_MS 5

enum { BEGUN = 3, CURE = 4, DONE = 5 };

struct spoiled { uint64_t n, last, cured; uint32_t keeper; };

TW_INIT(spoiled)
{
    s->n = s->cured = 0;
    s->last = tw_arg_u64(cx, "last");
    s->keeper = tw_peer(cx, "job/keeper");
    tw_send(cx, s->keeper, BEGUN, NULL, 0);
    tw_timer(cx, TICK_MS);
}

TW_RECEIVE(spoiled)
{
    if (m->type == CURE)
        s->cured = 1;
    if (m->type != TW_TIMER)
        return;
    if (s->n == s->last && !s->cured)
        tw_fail(cx, (uint32_t)s->n);
    s->n += s->n < s->last;
    if (s->cured) {
        tw_send(cx, s->keeper, DONE, NULL, 0);
        tw_done(cx, 0);
    }
    tw_timer(cx, TICK_MS);
    tw_commit(cx);
}
TW_NO_STEP(spoiled)

struct keeper { uint64_t done, lines[2]; uint32_t from[2]; };

TW_INIT(keeper)
{
    s->done = s->lines[0] = s->lines[1] = 0;
    s->from[0] = tw_peer(cx, "job/spoiled");
    s->from[1] = tw_peer(cx, "job/ward/spoiled");
}

TW_FN void keeper_write(struct tw_ctx *cx, const struct keeper *s)
{
#ifndef __CUDACC__
    const char *path = tw_sink(cx, "cured.txt");
    FILE *f = path ? fopen(path, "w") : NULL;

    if (!f || fprintf(f, "cured after %s lines\n", s->lines[0] > 2 && s->lines[1] > 2 ? "enough" : "too few") < 0 ||
        fclose(f) != 0)
        tw_fail(cx, 1);
#else
    (void)cx;
    (void)s;
#endif
}

TW_RECEIVE(keeper)
{
    uint32_t who = m->from == s->from[1];

    if (m->type == BEGUN && ++TW_AT(s->lines, who) > 2)
        tw_send(cx, m->from, CURE, NULL, 0);
    if (m->type != DONE || ++s->done < 2)
        return;
    keeper_write(cx, s);
    tw_done(cx, 0);
}
TW_NO_STEP(keeper)
TW_PROGRAM(spoiled, keeper)
