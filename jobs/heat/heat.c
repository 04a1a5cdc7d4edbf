/* heat.c - heat spreading on a metal plate: 64 tiles that only talk to their neighbours, and a collector
 *
 * The plate is a grey picture cut into 8 x 8 tiles, one actor each.  A pixel is a temperature of 0 to 100
 * degrees; one at least as hot as `source` stays at it for ever.  Every step each other cell becomes
 *
 *     old + alpha * ((((up + down) + left) + right) - 4 * old)        in float, in this order
 *
 * and the plate's edge lets no heat through: beyond it stands the edge cell's own temperature.
 *
 * Borders travel as messages that carry their step.  A tile computes when it has the borders of its step
 * from all sides, so it never depends on which neighbour's message came first: `send: eager` is right.
 * A neighbour cannot be more than one step ahead of what we told it - but a tile that was resumed from its
 * last commit has told its neighbours more than it remembers, and finds their answers waiting.  So it
 * commits every COMMIT_STEPS steps at least, and has room for the borders of HALO_STEPS steps.
 *
 * The collector (collector.h) reads the picture, hands each tile its pixels and the settings, and at the
 * end writes the files.  What it sends depends on a file outside, so it must not be `send: eager`: a life
 * that reads another picture would contradict messages already seen.  Sums for heat.csv are whole numbers
 * of 2^-32 degree, so no order of adding, and no way of cutting, can change them.
 *
 * jobs/heat/reference computes the same from its own code; all files must be equal byte for byte.
 */
#include <treewarden/actor.h>

enum {
    GRID = 8,                           /* tiles per side; heat.yaml: 4 rows of 2x8 */
    TILES = GRID * GRID,
    EDGE_MAX = 64,                      /* cells per side of a tile */
    SIDE_MIN = GRID,                    /* cells per side of the plate */
    SIDE_MAX = GRID * EDGE_MAX,
    PADDED = (EDGE_MAX + 2) * (EDGE_MAX + 2),
    REPORTS_MAX = 4096,                 /* lines of heat.csv */
    CHUNK_CELLS = 124,                  /* fills 512 bytes: message_bytes in heat.yaml */
    TILE_SENDS = 8,                     /* per handler call: at most `sends` in heat.yaml */
    COLLECTOR_SENDS = 16,
    COMMIT_STEPS = 4,                   /* a tile's steps between two commits, at most */
    HALO_STEPS = 12                     /* more than COMMIT_STEPS + 1: a commit may be torn or not durable yet */
};

/* The codes of tw_fail, as `events` shows them. */
enum {
    FAULT_MESSAGE = 1,                  /* a message nobody should have sent */
    FAULT_ORDER = 2,                    /* a border, sum or chunk out of its turn */
    FAULT_TREE = 3,                     /* a tile or the collector is not where heat.yaml puts it */
    FAULT_PICTURE = 4,                  /* the input is not a PGM of 8x8 to 512x512 */
    FAULT_SETTING = 5,                  /* alpha, steps or report outside its range */
    FAULT_OUTPUT = 6                    /* a file could not be written */
};

enum { HEAT_PLATE = 1, HEAT_START, HEAT_BORDER, HEAT_SUM, HEAT_RESULT };

/* In pairs: side ^ 1 is the opposite one. */
enum { NORTH = 0, SOUTH, WEST, EAST, SIDES };

/* HEAT_PLATE: the collector to each tile, before anything else. */
struct plate {
    uint32_t width, height;
    uint32_t steps;
    uint32_t report;                    /* a sum every this many steps, and after the last */
    uint32_t work;                      /* compute each step this many times more, to no effect */
    float alpha;                        /* 0 .. 0.25: beyond, the scheme is not stable */
    float source;                       /* cells that start at least as hot never change */
};

/* HEAT_START and HEAT_RESULT: some of a tile's cells, row by row. */
struct chunk {
    uint32_t tile, first, count, reserved;
    float cell[CHUNK_CELLS];
};

/* HEAT_BORDER: the cells along the sender's `side` before step `step` is computed. */
struct border {
    uint32_t step, side, count, reserved;
    float cell[EDGE_MAX];
};

/* HEAT_SUM: of a tile's temperatures after `step` steps. */
struct sum {
    uint32_t tile, step;
    int64_t fixed;                      /* in 2^-32 degree */
};

enum { CHUNK_HEAD = 16, BORDER_HEAD = 16 };

/* ---- both actors ------------------------------------------------------------------------------- */

/* Where the i-th of GRID pieces of a side begins: they differ by one cell at most. */
TW_FN uint32_t cut(uint32_t i, uint32_t side) { return i * side / GRID; }

TW_FN uint32_t tile_peer(struct tw_ctx *cx, uint32_t row, uint32_t col)
{
    uint32_t index[3];

    index[0] = row / 2;
    index[1] = row % 2;
    index[2] = col;
    return tw_peer_at(cx, "plate/rows[*]/tile[*,*]", index, 3);
}

/* How many sums a run gives: before the first step, every report steps, after the last. */
TW_FN uint32_t report_count(const struct plate *p)
{
    return p->steps / p->report + 1 + (p->steps % p->report != 0);
}

TW_FN int plate_is_valid(const struct plate *p)
{
    return p->width >= SIDE_MIN && p->width <= SIDE_MAX && p->height >= SIDE_MIN &&
           p->height <= SIDE_MAX && p->report >= 1 && p->alpha > 0.0f && p->alpha <= 0.25f &&
           p->steps < 0x7fffffffu && report_count(p) <= REPORTS_MAX;
}

/* ---- tile -------------------------------------------------------------------------------------- */

enum { LOADING = 0, RUNNING, DELIVERING };

struct tile {
    uint32_t row, col;                  /* in the grid */
    uint32_t collector, neighbour[SIDES];       /* vertex ids; TW_NO_PEER beyond the plate */
    uint32_t need;                      /* bit per side that has a neighbour */
    uint32_t phase;
    uint32_t rows, cols;                /* 0 until HEAT_PLATE */
    uint32_t moved;                     /* cells received while LOADING, sent while DELIVERING */
    uint32_t step;                      /* computed so far; cell[step % 2] is the latest */
    uint32_t have[HALO_STEPS];          /* [step % HALO_STEPS], bit per side: that border is here */
    struct plate plate;
    struct chunk chunk;                 /* messages being built: shared by the block's threads */
    struct border border;
    struct sum sum;
    int64_t row_fixed[EDGE_MAX];
    float halo[HALO_STEPS][SIDES][EDGE_MAX];
    float cell[2][PADDED];              /* (cols + 2) per row, with a ring for the neighbours' cells */
    uint8_t source[PADDED];
};

/* One scalar of the state, by one thread: all have read the old value, all see the new one. */
TW_FN void set_u32(uint32_t *where, uint32_t value)
{
    TW_BARRIER();
    if (TW_TID == 0)
        *where = value;
    TW_BARRIER();
}

/* Row r, column c of the tile, both from 0, in the padded array. */
TW_FN uint32_t at(const struct tile *s, uint32_t r, uint32_t c)
{
    return (r + 1) * (s->cols + 2) + c + 1;
}

TW_FN uint32_t side_cells(const struct tile *s, uint32_t side) { return side < WEST ? s->cols : s->rows; }

/* The i-th cell along a side. */
TW_FN uint32_t at_side(const struct tile *s, uint32_t side, uint32_t i)
{
    switch (side) {
    case NORTH: return at(s, 0, i);
    case SOUTH: return at(s, s->rows - 1, i);
    case WEST:  return at(s, i, 0);
    default:    return at(s, i, s->cols - 1);
    }
}

/* The ring cell beyond the i-th cell along a side. */
TW_FN uint32_t at_ring(const struct tile *s, uint32_t side, uint32_t i)
{
    uint32_t stride = s->cols + 2, edge = at_side(s, side, i);

    switch (side) {
    case NORTH: return edge - stride;
    case SOUTH: return edge + stride;
    case WEST:  return edge - 1;
    default:    return edge + 1;
    }
}

TW_INIT(tile)
{
    unsigned char *byte = (unsigned char *)(void *)s;
    uint32_t row = tw_self(cx, 0) * 2 + tw_self(cx, 1), col = tw_self(cx, 2), side, need = 0, peer[SIDES];
    uint32_t collector = tw_peer(cx, "plate/collector");
    size_t i;

    if (row >= GRID || col >= GRID || collector == TW_NO_PEER) {
        tw_fail(cx, FAULT_TREE);
        return;
    }
    peer[NORTH] = row > 0 ? tile_peer(cx, row - 1, col) : TW_NO_PEER;
    peer[SOUTH] = row + 1 < GRID ? tile_peer(cx, row + 1, col) : TW_NO_PEER;
    peer[WEST] = col > 0 ? tile_peer(cx, row, col - 1) : TW_NO_PEER;
    peer[EAST] = col + 1 < GRID ? tile_peer(cx, row, col + 1) : TW_NO_PEER;
    for (side = 0; side < SIDES; side++)
        need |= peer[side] != TW_NO_PEER ? 1u << side : 0u;
    for (i = TW_TID; i < sizeof *s; i += TW_NT)
        byte[i] = 0;
    TW_BARRIER();
    if (TW_TID == 0) {
        s->row = row;
        s->col = col;
        s->collector = collector;
        s->need = need;
        for (side = 0; side < SIDES; side++)
            s->neighbour[side] = peer[side];
    }
    TW_BARRIER();
}

TW_FN void send_border(struct tw_ctx *cx, struct tile *s, uint32_t side)
{
    uint32_t count = side_cells(s, side), i;
    const float *cell = s->cell[s->step % 2];

    TW_BARRIER();                       /* the message before this one has been taken */
    for (i = TW_TID; i < count; i += TW_NT)
        s->border.cell[i] = cell[at_side(s, side, i)];
    if (TW_TID == 0) {
        s->border.step = s->step;
        s->border.side = side;
        s->border.count = count;
    }
    TW_BARRIER();
    tw_send(cx, s->neighbour[side], HEAT_BORDER, &s->border,
            BORDER_HEAD + count * (uint32_t)sizeof s->border.cell[0]);
}

/* Whole numbers: a sum of them is the same in any order, so one thread per row may add. */
TW_FN void send_sum(struct tw_ctx *cx, struct tile *s)
{
    const float *cell = s->cell[s->step % 2];
    uint32_t r, c;

    for (r = TW_TID; r < s->rows; r += TW_NT) {
        int64_t fixed = 0;

        for (c = 0; c < s->cols; c++)
            fixed += (int64_t)((double)cell[at(s, r, c)] * 4294967296.0);
        s->row_fixed[r] = fixed;
    }
    TW_BARRIER();
    if (TW_TID == 0) {
        s->sum.tile = s->row * GRID + s->col;
        s->sum.step = s->step;
        s->sum.fixed = 0;
        for (r = 0; r < s->rows; r++)
            s->sum.fixed += s->row_fixed[r];
    }
    TW_BARRIER();
    tw_send(cx, s->collector, HEAT_SUM, &s->sum, (uint32_t)sizeof s->sum);
}

/* The tile stands at s->step: tell the neighbours, unless nobody computes any more. */
TW_FN void reached_step(struct tw_ctx *cx, struct tile *s)
{
    uint32_t side, last = s->step == s->plate.steps;

    if (!last)
        for (side = 0; side < SIDES; side++)
            if (s->neighbour[side] != TW_NO_PEER)
                send_border(cx, s, side);
    if (last || s->step % s->plate.report == 0)
        send_sum(cx, s);
    if (last) {
        set_u32(&s->moved, 0);
        set_u32(&s->phase, DELIVERING);
    }
    if (last || s->have[s->step % HALO_STEPS] == s->need)
        tw_again(cx);
}

/* The ring of the latest cells: what the neighbours sent, or at the plate's edge the edge itself. */
TW_FN void fill_ring(struct tile *s)
{
    uint32_t slot = s->step % HALO_STEPS, side, i;
    float *cell = s->cell[s->step % 2];

    for (side = 0; side < SIDES; side++)
        for (i = TW_TID; i < side_cells(s, side); i += TW_NT)
            cell[at_ring(s, side, i)] = s->neighbour[side] == TW_NO_PEER ? cell[at_side(s, side, i)]
                                                                         : s->halo[slot][side][i];
    TW_BARRIER();
}

/* One step over all cells as one long row: what that leaves in the ring's columns is never read, since
 * fill_ring writes them first. */
TW_FN void relax(struct tile *s)
{
    uint32_t stride = s->cols + 2, end = stride * (s->rows + 1) - 1, i;
    const float *old = s->cell[s->step % 2];
    float *next = s->cell[(s->step + 1) % 2];
    float alpha = s->plate.alpha;

    for (i = stride + 1 + TW_TID; i < end; i += TW_NT) {
        float around = old[i - stride] + old[i + stride] + old[i - 1] + old[i + 1];
        float to = old[i] + alpha * (around - 4.0f * old[i]);

        next[i] = s->source[i] ? old[i] : to;
    }
    TW_BARRIER();
}

TW_FN void compute_step(struct tw_ctx *cx, struct tile *s)
{
    uint32_t i;

    fill_ring(s);
    for (i = 0; i < s->plate.work; i++) {
        relax(s);
        if (tw_checkpoint(cx))
            return;                     /* being ended: nothing but `next` was touched */
    }
    relax(s);
    set_u32(&s->have[s->step % HALO_STEPS], 0);
    set_u32(&s->step, s->step + 1);
    tw_progress(cx, 1);
    if (s->step % COMMIT_STEPS == 0)
        tw_commit(cx);
    reached_step(cx, s);
}

TW_FN void deliver(struct tw_ctx *cx, struct tile *s)
{
    const float *cell = s->cell[s->step % 2];
    uint32_t total = s->rows * s->cols, first = s->moved, sent, i;

    for (sent = 0; sent < TILE_SENDS && first < total; sent++) {
        uint32_t count = total - first < CHUNK_CELLS ? total - first : (uint32_t)CHUNK_CELLS;

        TW_BARRIER();
        for (i = TW_TID; i < count; i += TW_NT)
            s->chunk.cell[i] = cell[at(s, (first + i) / s->cols, (first + i) % s->cols)];
        if (TW_TID == 0) {
            s->chunk.tile = s->row * GRID + s->col;
            s->chunk.first = first;
            s->chunk.count = count;
        }
        TW_BARRIER();
        tw_send(cx, s->collector, HEAT_RESULT, &s->chunk,
                CHUNK_HEAD + count * (uint32_t)sizeof s->chunk.cell[0]);
        first += count;
    }
    set_u32(&s->moved, first);
    if (first == total)
        tw_done(cx, s->step);
    else
        tw_again(cx);
}

TW_STEP(tile)
{
    if (s->phase == RUNNING && s->have[s->step % HALO_STEPS] == s->need)
        compute_step(cx, s);
    else if (s->phase == DELIVERING)
        deliver(cx, s);
}

TW_FN void take_plate(struct tw_ctx *cx, struct tile *s, const struct tw_msg *m)
{
    const struct plate *p = (const struct plate *)m->body;

    if (m->from != s->collector || m->bytes != sizeof *p || !plate_is_valid(p)) {
        tw_fail(cx, FAULT_MESSAGE);
        return;
    }
    if (s->rows != 0) {
        tw_fail(cx, FAULT_ORDER);
        return;
    }
    TW_BARRIER();
    if (TW_TID == 0) {
        s->plate = *p;
        s->rows = cut(s->row + 1, p->height) - cut(s->row, p->height);
        s->cols = cut(s->col + 1, p->width) - cut(s->col, p->width);
    }
    TW_BARRIER();
}

/* The next of our pixels; with the last one the work begins. */
TW_FN void take_start(struct tw_ctx *cx, struct tile *s, const struct tw_msg *m)
{
    const struct chunk *c = (const struct chunk *)m->body;
    uint32_t first = s->moved, total = s->rows * s->cols, i;

    if (m->from != s->collector || m->bytes < CHUNK_HEAD || c->count > CHUNK_CELLS ||
        m->bytes != CHUNK_HEAD + c->count * sizeof c->cell[0]) {
        tw_fail(cx, FAULT_MESSAGE);
        return;
    }
    if (s->phase != LOADING || c->first != first || c->count == 0 || c->count > total - first) {
        tw_fail(cx, FAULT_ORDER);
        return;
    }
    for (i = TW_TID; i < c->count; i += TW_NT) {
        uint32_t k = at(s, (first + i) / s->cols, (first + i) % s->cols);

        TW_AT(s->cell[0], k) = c->cell[i];
        TW_AT(s->source, k) = c->cell[i] >= s->plate.source;
    }
    set_u32(&s->moved, first + c->count);
    if (s->moved == total) {
        set_u32(&s->phase, RUNNING);
        reached_step(cx, s);
    }
}

/* May come before our own pixels: then only the sender knows how long it should be. */
TW_FN void take_border(struct tw_ctx *cx, struct tile *s, const struct tw_msg *m)
{
    const struct border *b = (const struct border *)m->body;
    uint32_t side, slot, i;

    if (m->bytes < BORDER_HEAD || b->side >= SIDES || b->count > EDGE_MAX ||
        m->bytes != BORDER_HEAD + b->count * sizeof b->cell[0] ||
        m->from != s->neighbour[b->side ^ 1u] ||
        (s->rows != 0 && b->count != side_cells(s, b->side))) {
        tw_fail(cx, FAULT_MESSAGE);
        return;
    }
    side = b->side ^ 1u;
    slot = b->step % HALO_STEPS;
    if (b->step - s->step >= HALO_STEPS || (s->have[slot] & 1u << side) != 0) {
        tw_fail(cx, FAULT_ORDER);
        return;
    }
    for (i = TW_TID; i < b->count; i += TW_NT)
        s->halo[slot][side][i] = b->cell[i];
    set_u32(&s->have[slot], s->have[slot] | 1u << side);
}

TW_RECEIVE(tile)
{
    switch (m->type) {
    case HEAT_PLATE:  take_plate(cx, s, m); break;
    case HEAT_START:  take_start(cx, s, m); break;
    case HEAT_BORDER: take_border(cx, s, m); break;
    default:          tw_fail(cx, FAULT_MESSAGE); break;
    }
}

#ifndef __CUDACC__
#include "collector.h"

TW_PROGRAM(tile, collector)
#else
TW_PROGRAM(tile)
#endif
