/* wave.c - a small stencil: each cell of a ring takes its neighbours' values, step by step; eager, as jobs/heat is
 *
 * What it proves where it is used: messages that leave before their commit, and a sink written once.
 */
#include <treewarden/actor.h>

#include <inttypes.h>
#include <stdio.h>

#define CELLS 64
#define AHEAD 16                        /* more than a commit apart: a resumed cell finds its neighbours' answers waiting */

enum { VALUE = 1, RESULT };
enum { OUT_OF_ORDER = 1, TOO_MANY, NO_FILE };

struct value { uint64_t step, x; };

struct cell {
    uint64_t me, cells, steps, step, told, x;
    uint32_t side[2], sum;
    uint64_t heard[2];                  /* steps known of each side */
    uint64_t value[2][AHEAD];
};

TW_INIT(cell)
{
    uint32_t at[2];

    s->me = tw_self(cx, 0);
    s->cells = tw_arg_u64(cx, "cells");
    s->steps = tw_arg_u64(cx, "steps");
    if (s->cells < 3 || s->cells > CELLS) {
        tw_fail(cx, TOO_MANY);
        return;
    }
    at[0] = (uint32_t)((s->me + s->cells - 1) % s->cells);
    at[1] = (uint32_t)((s->me + 1) % s->cells);
    s->side[0] = tw_peer_at(cx, "wave/cell[*]", &at[0], 1);
    s->side[1] = tw_peer_at(cx, "wave/cell[*]", &at[1], 1);
    s->sum = tw_peer(cx, "wave/sum");
    s->x = s->me + 1;
}

TW_FN uint64_t wave_mix(uint64_t a, uint64_t b)
{
    uint64_t x = (a ^ (b + 0x9e3779b97f4a7c15ull)) * 0xbf58476d1ce4e5b9ull;

    return x ^ (x >> 29);
}

TW_STEP(cell)
{
    struct value v;

    if (s->told == s->step && s->step < s->steps) {
        v.step = s->told++;
        v.x = s->x;
        tw_send(cx, s->side[0], VALUE, &v, sizeof v);
        tw_send(cx, s->side[1], VALUE, &v, sizeof v);
    }
    if (s->step < s->steps && s->heard[0] > s->step && s->heard[1] > s->step) {
        s->x = wave_mix(wave_mix(s->x, TW_AT(s->value[0], s->step % AHEAD)), TW_AT(s->value[1], s->step % AHEAD));
        s->step++;
        tw_progress(cx, 1);
        if (s->step % 4 == s->me % 4)
            tw_commit(cx);
        tw_again(cx);
    } else if (s->step == s->steps) {
        v.step = s->me;
        v.x = s->x;
        tw_send(cx, s->sum, RESULT, &v, sizeof v);
        tw_done(cx, s->x);
    }
}

TW_RECEIVE(cell)
{
    const struct value *v = (const struct value *)m->body;
    int side = m->from == s->side[1];

    if (m->type != VALUE)
        return;
    if (v->step != s->heard[side]) {
        tw_fail(cx, OUT_OF_ORDER);
        return;
    }
    TW_AT(s->value[side], v->step % AHEAD) = v->x;
    s->heard[side]++;
}

struct sum { uint64_t cells, count, x[CELLS]; };

TW_INIT(sum) { s->cells = tw_arg_u64(cx, "cells"); }

TW_RECEIVE(sum)
{
    const struct value *v = (const struct value *)m->body;
    const char *path;
    FILE *f;

    TW_AT(s->x, v->step) = v->x;
    if (++s->count < s->cells)
        return;
    path = tw_sink(cx, "wave.txt");
    f = path ? fopen(path, "w") : NULL;
    for (uint64_t i = 0; f && i < s->cells; i++)
        fprintf(f, "%016" PRIx64 "\n", s->x[i]);
    if (!f || fclose(f) != 0)
        tw_fail(cx, NO_FILE);
    tw_done(cx, s->count);
}

TW_NO_STEP(sum)
TW_PROGRAM(cell, sum)
