/* ring.c - the actors of ring.yaml: a ring of cells that only talk to their neighbours, eagerly, and a board
 *
 * A cell computes a step when it has both neighbours' values of it, so what it sends does not hang on whose came
 * first.  A neighbour is at most one step ahead of what it was told, but a cell resumed from its commit has told
 * more than it remembers: so it commits every COMMIT_STEPS steps and has room for AHEAD values of each side.
 */
#define tw_program ring_program
#include <treewarden/actor.h>

#include <stdio.h>

#include "tests/threads/ring.h"

enum { BORDER = 1, RESULT };
enum { OUT_OF_ORDER = 1, NO_ROOM, NO_TREE, NO_FILE };
enum { COMMIT_STEPS = 4, AHEAD = 12 };

struct border { uint64_t step, value; };

struct side { uint32_t peer; uint64_t heard, value[AHEAD]; };

struct cell {
    uint64_t me, steps, step, told, value;
    uint32_t board;
    struct side sides[2];
};

TW_FN uint32_t cell_peer(struct tw_ctx *cx, uint64_t number)
{
    uint32_t index[2] = {(uint32_t)(number % RING_CELLS) / RING_HALF, (uint32_t)(number % RING_CELLS) % RING_HALF};

    return tw_peer_at(cx, "ring/half[*]/cell[*]", index, 2);
}

TW_INIT(cell)
{
    s->me = (uint64_t)tw_self(cx, 0) * RING_HALF + tw_self(cx, 1);
    s->steps = tw_arg_u64(cx, "steps");
    s->value = s->me + 1;
    s->board = tw_peer(cx, "ring/board");
    s->sides[0].peer = cell_peer(cx, s->me + RING_CELLS - 1);
    s->sides[1].peer = cell_peer(cx, s->me + 1);
    if (s->board == TW_NO_PEER || s->sides[0].peer == TW_NO_PEER || s->sides[1].peer == TW_NO_PEER)
        tw_fail(cx, NO_TREE);
}

TW_RECEIVE(cell)
{
    const struct border *b = (const struct border *)m->body;
    struct side *side = &s->sides[m->from == s->sides[1].peer];

    if (m->type != BORDER)
        return;
    if (b->step != side->heard || side->heard >= s->step + AHEAD) {
        tw_fail(cx, b->step != side->heard ? OUT_OF_ORDER : NO_ROOM);
        return;
    }
    TW_AT(side->value, side->heard++ % AHEAD) = b->value;
}

TW_STEP(cell)
{
    if (s->step == s->steps) {
        tw_send(cx, s->board, RESULT, &s->value, sizeof s->value);
        tw_done(cx, s->value);
        return;
    }
    if (s->told == s->step) {
        struct border b = {s->told++, s->value};

        tw_send(cx, s->sides[0].peer, BORDER, &b, sizeof b);
        tw_send(cx, s->sides[1].peer, BORDER, &b, sizeof b);
    }
    if (s->sides[0].heard <= s->step || s->sides[1].heard <= s->step)
        return;
    s->value = ring_next(s->value, TW_AT(s->sides[0].value, s->step % AHEAD), TW_AT(s->sides[1].value, s->step % AHEAD));
    if (++s->step % COMMIT_STEPS == 0)
        tw_commit(cx);
    tw_progress(cx, 1);
    tw_again(cx);
}

struct board { uint64_t count, value[RING_CELLS]; };

TW_INIT(board)
{
    (void)cx;
    s->count = 0;
}

TW_RECEIVE(board)
{
    const char *path;
    FILE *f;

    if (m->type != RESULT)
        return;
    for (uint64_t i = 0; i < RING_CELLS; i++)
        if (cell_peer(cx, i) == m->from)
            s->value[i] = *(const uint64_t *)m->body;
    if (++s->count < RING_CELLS)
        return;
    path = tw_sink(cx, "ring.txt");
    f = path ? fopen(path, "w") : NULL;
    for (uint64_t i = 0; f && i < RING_CELLS; i++)
        fprintf(f, "%llu %016llx\n", (unsigned long long)i, (unsigned long long)s->value[i]);
    if (!f || fclose(f) != 0)
        tw_fail(cx, NO_FILE);
    tw_done(cx, s->count);
}

TW_NO_STEP(board)
TW_HOST_ACTOR(board)

TW_PROGRAM(cell, board)
