/* bench.c - the actors of `treewarden bench`, which carries this program inside itself
 *
 * They read clocks and keep what they saw in memory of the worker, not in their state: a life that fails would lose
 * it.  That is allowed to nobody but a measurement.  What they saw becomes a file at the last commit: whole numbers
 * of nanoseconds, one a line.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <treewarden/actor.h>

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

enum {
    STATE_BYTES = 4096,                 /* what an actor of the aims has: a commit copies it */
    NOTES_MAX = 65536,                  /* samples one run can bring */
    MESSAGE_BYTES = 64,
    BURST = 64,                         /* messages a source sends in one handler call; `sends` in the specification */
    SIDE = 32                           /* cells of a tile's side */
};
enum { FAULT_WANTED = 1, FAULT_TREE, FAULT_OUTPUT };
enum { FIRST_REST_MS = 100 };           /* a tree whose first start fails is not started */
enum { LOG_FIRST = 1 };                 /* tw_log: nanoseconds of CLOCK_MONOTONIC in the first handler of a life */

static struct { uint64_t ns[NOTES_MAX]; uint64_t count; } notes;

static uint64_t clock_ns(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void note(uint64_t ns)
{
    if (notes.count < NOTES_MAX)
        notes.ns[notes.count++] = ns;
}

static void save_notes(struct tw_ctx *cx)
{
    const char *path = tw_sink(cx, "samples");
    FILE *f = path ? fopen(path, "w") : NULL;

    for (uint64_t i = 0; f && i < notes.count; i++)
        fprintf(f, "%" PRIu64 "\n", notes.ns[i]);
    if (!f || fclose(f) != 0)
        tw_fail(cx, FAULT_OUTPUT);
}

/* -- idler: a state and nothing to do ------------------------------------------------------------- */

struct idler { uint64_t state[STATE_BYTES / 8]; };

TW_INIT(idler)
{
    s->state[0] = clock_ns(CLOCK_MONOTONIC);
    tw_log(cx, LOG_FIRST, s->state[0], 0);
}
TW_NO_RECEIVE(idler)
TW_NO_STEP(idler)

/* -- faller: fails, and its next life says how long that took ------------------------------------- */

struct faller { uint64_t state[STATE_BYTES / 8]; };

static struct { uint64_t failed_ns, until_ns; } fall;

TW_INIT(faller)
{
    (void)cx;
    s->state[0] = 1;
}
TW_NO_RECEIVE(faller)
TW_STEP(faller)
{
    uint64_t now = clock_ns(CLOCK_MONOTONIC);

    if (fall.failed_ns) {
        note(now - fall.failed_ns);
        fall.failed_ns = 0;
        fall.until_ns = now + tw_arg_u64(cx, "rest_us") * 1000u;
    } else if (!fall.until_ns) {
        fall.until_ns = now + FIRST_REST_MS * 1000000u;
    }
    if (notes.count >= tw_arg_u64(cx, "samples")) {
        save_notes(cx);
        tw_done(cx, s->state[0]);
    } else if (now < fall.until_ns) {
        tw_again(cx);                   /* so that its start is known before its end: else it counts as no start */
    } else {
        fall.failed_ns = clock_ns(CLOCK_MONOTONIC);
        tw_fail(cx, FAULT_WANTED);
    }
}

/* -- source and drain: as many messages as there is room for -------------------------------------- */

struct source { uint64_t next, limit; uint32_t to, pad; };

TW_INIT(source)
{
    uint32_t own = tw_self(cx, 0);

    s->next = 0;
    s->limit = tw_arg_u64(cx, "messages");
    s->to = tw_peer_at(cx, "bench/drain[*]", &own, 1);
    if (s->to == TW_NO_PEER)
        tw_fail(cx, FAULT_TREE);
}
TW_NO_RECEIVE(source)
TW_STEP(source)
{
    uint64_t body[MESSAGE_BYTES / 8] = {0};

    for (uint32_t i = 0; i < BURST && s->next < s->limit; i++) {
        body[0] = ++s->next;
        if (tw_send(cx, s->to, 1, body, sizeof body) != 0)
            return;
    }
    if (s->next < s->limit)
        tw_again(cx);
    else
        tw_done(cx, s->next);
}

struct drain { uint64_t seen, limit, chunk, total, keeper; };

static struct { uint64_t seen, begun_ns; } drained;     /* by all drains of this worker */

TW_INIT(drain)
{
    s->seen = 0;
    s->limit = tw_arg_u64(cx, "messages");
    s->chunk = tw_arg_u64(cx, "chunk");
    s->total = s->limit * tw_arg_u64(cx, "pairs");
}
TW_RECEIVE(drain)
{
    uint64_t all;

    if (m->type != 1 || m->bytes != MESSAGE_BYTES || *(const uint64_t *)m->body != s->seen + 1) {
        tw_fail(cx, FAULT_TREE);        /* not the next one: then no figure is worth anything */
        return;
    }
    s->seen++;
    all = __atomic_add_fetch(&drained.seen, 1, __ATOMIC_RELAXED);
    if (all % s->chunk == 0) {
        uint64_t now = clock_ns(CLOCK_MONOTONIC);

        if (drained.begun_ns)
            note(now - drained.begun_ns);
        drained.begun_ns = now;
    }
    if (all == s->total)
        save_notes(cx);
    if (s->seen == s->limit)
        tw_done(cx, s->seen);
}
TW_NO_STEP(drain)

/* -- tile: a stencil with neighbours, as jobs/heat, that computes for a given time ---------------- */

enum { NORTH, SOUTH, WEST, EAST, SIDES };

struct tile {
    uint32_t neighbour[SIDES], sides;
    uint32_t step, told;                /* borders of step `told` - 1 have been sent */
    uint32_t have[2];                   /* borders here, per step's parity: nobody is two steps ahead */
    uint64_t work_ns;
    float cell[2][SIDE][SIDE];
};

struct border { uint32_t step, side; float cell[SIDE]; };

static uint32_t tile_at(struct tw_ctx *cx, uint32_t row, uint32_t col)
{
    uint32_t index[3] = {row / 2, row % 2, col};

    return tw_peer_at(cx, "bench/rows[*]/tile[*,*]", index, 3);
}

TW_INIT(tile)
{
    uint32_t row = tw_self(cx, 0) * 2 + tw_self(cx, 1), col = tw_self(cx, 2);

    s->neighbour[NORTH] = row ? tile_at(cx, row - 1, col) : TW_NO_PEER;
    s->neighbour[SOUTH] = tile_at(cx, row + 1, col);
    s->neighbour[WEST] = col ? tile_at(cx, row, col - 1) : TW_NO_PEER;
    s->neighbour[EAST] = tile_at(cx, row, col + 1);
    for (int i = 0; i < SIDES; i++)
        s->sides += s->neighbour[i] != TW_NO_PEER;
    s->work_ns = tw_arg_u64(cx, "work_us") * 1000u;
    for (int r = 0; r < SIDE; r++)
        for (int c = 0; c < SIDE; c++)
            s->cell[0][r][c] = (float)(r * c);
}

TW_RECEIVE(tile)
{
    const struct border *b = (const struct border *)m->body;

    if (m->bytes != sizeof *b || (b->step != s->step && b->step != s->step + 1)) {
        tw_fail(cx, FAULT_TREE);
        return;
    }
    s->have[b->step & 1]++;
}

static void send_borders(struct tw_ctx *cx, const struct tile *s)
{
    for (uint32_t i = 0; i < SIDES; i++) {
        struct border b = {.step = s->step, .side = i};

        for (int k = 0; k < SIDE; k++)
            b.cell[k] = i < WEST ? s->cell[0][i == NORTH ? 0 : SIDE - 1][k] : s->cell[0][k][i == WEST ? 0 : SIDE - 1];
        if (s->neighbour[i] != TW_NO_PEER)
            (void)tw_send(cx, s->neighbour[i], 1, &b, sizeof b);
    }
}

/* One sweep there and one back, until the time is used up: of this thread's own processor time. */
static void compute(struct tile *s)
{
    uint64_t end = clock_ns(CLOCK_THREAD_CPUTIME_ID) + s->work_ns;

    do
        for (int k = 0; k < 2; k++)
            for (int r = 1; r < SIDE - 1; r++)
                for (int c = 1; c < SIDE - 1; c++)
                    s->cell[!k][r][c] = s->cell[k][r][c] + 0.1f * (s->cell[k][r - 1][c] + s->cell[k][r + 1][c] +
                                        s->cell[k][r][c - 1] + s->cell[k][r][c + 1] - 4 * s->cell[k][r][c]);
    while (clock_ns(CLOCK_THREAD_CPUTIME_ID) < end);
}

TW_STEP(tile)
{
    if (s->told == s->step) {
        send_borders(cx, s);
        s->told = s->step + 1;
    }
    if (s->have[s->step & 1] < s->sides)
        return;
    compute(s);
    s->have[s->step & 1] = 0;
    s->step++;
    tw_progress(cx, 1);
    tw_again(cx);
}

TW_PROGRAM(idler, faller, source, drain, tile)
