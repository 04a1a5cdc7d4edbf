/* collector.h - the heat job's host actor: reads the picture, hands it out, writes the files
 *
 * Part of heat.c, which includes it after the messages; never compiled for a GPU.  One thread, so none of
 * the block's care that the tile takes.  Its state is the whole plate: a life that follows it neither reads
 * the picture again nor asks the tiles for what they sent already.
 */
#ifndef HEAT_COLLECTOR_H
#define HEAT_COLLECTOR_H

#include <inttypes.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TW_HOST_ACTOR(collector)

struct collector {
    struct plate plate;
    uint32_t peer[TILES];
    uint32_t next_tile, next_first;     /* the next cells to hand out */
    uint32_t arrived[TILES];            /* cells of the result */
    uint32_t whole;                     /* tiles whose result is complete */
    uint64_t summed[REPORTS_MAX];       /* bit per tile */
    int64_t fixed[REPORTS_MAX];
    float cell[SIDE_MAX * SIDE_MAX];    /* the start; overwritten, tile by tile, by the result */
};

/* The next number of a PGM header, after blanks and # comments; -1 if there is none. */
static long pgm_number(FILE *f)
{
    long value = 0;
    int c = getc(f), digits;

    while (c == ' ' || (c >= '\t' && c <= '\r') || c == '#') {
        if (c == '#')
            while (c != '\n' && c != EOF)
                c = getc(f);
        else
            c = getc(f);
    }
    for (digits = 0; c >= '0' && c <= '9' && digits < 6; digits++, c = getc(f))
        value = value * 10 + (c - '0');
    if (digits == 0 || !(c == ' ' || (c >= '\t' && c <= '\r')))
        return -1;
    return value;
}

static int pgm_read(FILE *f, struct collector *s)
{
    long width, height, full;
    uint32_t i, pixels;

    if (getc(f) != 'P' || getc(f) != '5')
        return -1;
    width = pgm_number(f);
    height = pgm_number(f);
    full = pgm_number(f);
    if (width < SIDE_MIN || width > SIDE_MAX || height < SIDE_MIN || height > SIDE_MAX || full < 1 ||
        full > 65535)
        return -1;
    s->plate.width = (uint32_t)width;
    s->plate.height = (uint32_t)height;
    pixels = s->plate.width * s->plate.height;
    for (i = 0; i < pixels; i++) {
        int high = full > 255 ? getc(f) : 0, low = getc(f);

        if (high == EOF || low == EOF || high * 256 + low > full)
            return -1;
        s->cell[i] = 100.0f * (float)(high * 256 + low) / (float)full;
    }
    return 0;
}

/* A whole number of `args:`; one that does not fit becomes the largest, which plate_is_valid refuses. */
static uint32_t setting(struct tw_ctx *cx, const char *name)
{
    uint64_t value = tw_arg_u64(cx, name);

    return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

TW_INIT(collector)
{
    const char *input = tw_arg_text(cx, "input");
    FILE *f = input ? fopen(input, "rb") : NULL;
    int read_rc;
    uint32_t i;

    memset(s, 0, sizeof *s);
    read_rc = f ? pgm_read(f, s) : -1;
    if (f)
        fclose(f);
    if (read_rc != 0) {
        fprintf(stderr, "heat: %s: cannot be read, or is no PGM of 8x8 to 512x512, 8 or 16 bit, all of it: give another "
                        "(jobs/heat/run says which)\n", input ? input : "input");
        tw_fail(cx, FAULT_PICTURE);
        return;
    }
    s->plate.steps = setting(cx, "steps");
    s->plate.report = setting(cx, "report");
    s->plate.work = setting(cx, "work");
    s->plate.alpha = (float)tw_arg_f64(cx, "alpha");
    s->plate.source = (float)tw_arg_f64(cx, "source");
    if (!plate_is_valid(&s->plate))
        tw_fail(cx, FAULT_SETTING);
    for (i = 0; i < TILES; i++) {
        s->peer[i] = tile_peer(cx, i / GRID, i % GRID);
        if (s->peer[i] == TW_NO_PEER)
            tw_fail(cx, FAULT_TREE);
    }
}

/* Cells of a tile, and where its k-th one (row by row) lies on the plate. */
static uint32_t tile_cells(const struct plate *p, uint32_t tile)
{
    uint32_t row = tile / GRID, col = tile % GRID;

    return (cut(row + 1, p->height) - cut(row, p->height)) * (cut(col + 1, p->width) - cut(col, p->width));
}

static uint32_t tile_cell(const struct plate *p, uint32_t tile, uint32_t k)
{
    uint32_t row = tile / GRID, left = cut(tile % GRID, p->width);
    uint32_t cols = cut(tile % GRID + 1, p->width) - left;

    return (cut(row, p->height) + k / cols) * p->width + left + k % cols;
}

/* The settings go before a tile's first pixels.  Returns how many messages were sent. */
static uint32_t hand_out(struct tw_ctx *cx, struct collector *s)
{
    uint32_t tile = s->next_tile, total = tile_cells(&s->plate, tile), settings = s->next_first == 0, i;
    struct chunk c;

    if (settings)
        tw_send(cx, s->peer[tile], HEAT_PLATE, &s->plate, (uint32_t)sizeof s->plate);
    memset(&c, 0, sizeof c);
    c.tile = tile;
    c.first = s->next_first;
    c.count = total - c.first < CHUNK_CELLS ? total - c.first : (uint32_t)CHUNK_CELLS;
    for (i = 0; i < c.count; i++)
        c.cell[i] = s->cell[tile_cell(&s->plate, tile, c.first + i)];
    tw_send(cx, s->peer[tile], HEAT_START, &c, CHUNK_HEAD + c.count * (uint32_t)sizeof c.cell[0]);
    s->next_first += c.count;
    if (s->next_first == total) {
        s->next_tile++;
        s->next_first = 0;
    }
    return 1 + settings;
}

TW_STEP(collector)
{
    uint32_t sent = 0;

    while (s->next_tile < TILES && sent + 2 <= COLLECTOR_SENDS)
        sent += hand_out(cx, s);
    if (s->next_tile < TILES)
        tw_again(cx);
}

static void take_sum(struct tw_ctx *cx, struct collector *s, const struct tw_msg *m)
{
    const struct sum *sum = (const struct sum *)m->body;
    uint32_t report;

    if (m->bytes != sizeof *sum || sum->tile >= TILES || m->from != s->peer[sum->tile] ||
        sum->step > s->plate.steps || (sum->step % s->plate.report != 0 && sum->step != s->plate.steps)) {
        tw_fail(cx, FAULT_MESSAGE);
        return;
    }
    report = (sum->step + s->plate.report - 1) / s->plate.report;
    if ((TW_AT(s->summed, report) >> sum->tile & 1) != 0) {
        tw_fail(cx, FAULT_ORDER);
        return;
    }
    TW_AT(s->summed, report) |= (uint64_t)1 << sum->tile;
    TW_AT(s->fixed, report) += sum->fixed;
}

static void write_csv(FILE *f, const struct collector *s)
{
    uint32_t i;

    fprintf(f, "step,mean_degrees,sum_fixed32\n");
    for (i = 0; i < report_count(&s->plate); i++) {
        uint32_t step = i * s->plate.report < s->plate.steps ? i * s->plate.report : s->plate.steps;
        double cells = (double)s->plate.width * (double)s->plate.height;

        fprintf(f, "%" PRIu32 ",%.17g,%" PRId64 "\n", step,
                (double)s->fixed[i] / 4294967296.0 / cells, s->fixed[i]);
    }
}

static void write_pgm(FILE *f, const struct collector *s)
{
    uint32_t i;

    fprintf(f, "P5\n%" PRIu32 " %" PRIu32 "\n65535\n", s->plate.width, s->plate.height);
    for (i = 0; i < s->plate.width * s->plate.height; i++) {
        uint32_t grey = (uint32_t)(s->cell[i] * 655.35f + 0.5f);

        grey = grey > 65535 ? 65535 : grey;
        putc((int)(grey >> 8), f);
        putc((int)(grey & 255), f);
    }
}

static void write_raw(FILE *f, const struct collector *s)
{
    fwrite(s->cell, sizeof s->cell[0], (size_t)s->plate.width * s->plate.height, f);
}

/* Black, red, yellow, white: each colour takes a third of the scale. */
static png_byte glow(float degrees, float from)
{
    float part = (degrees / 100.0f - from) * 3.0f;

    return (png_byte)((part < 0.0f ? 0.0f : part > 1.0f ? 1.0f : part) * 255.0f + 0.5f);
}

static int write_png(FILE *f, const struct collector *s)
{
    uint32_t i, cells = s->plate.width * s->plate.height;
    png_bytep rgb = (png_bytep)malloc((size_t)cells * 3);
    png_image image;
    int done;

    if (!rgb)
        return 0;
    for (i = 0; i < cells; i++) {
        rgb[i * 3] = glow(s->cell[i], 0.0f);
        rgb[i * 3 + 1] = glow(s->cell[i], 1.0f / 3.0f);
        rgb[i * 3 + 2] = glow(s->cell[i], 2.0f / 3.0f);
    }
    memset(&image, 0, sizeof image);
    image.version = PNG_IMAGE_VERSION;
    image.width = s->plate.width;
    image.height = s->plate.height;
    image.format = PNG_FORMAT_RGB;
    done = png_image_write_to_stdio(&image, f, 0, rgb, 0, NULL);
    free(rgb);
    return done;
}

/* Opened one after the other and closed again before the next: 0 if all of it reached the file. */
static int write_file(struct tw_ctx *cx, const char *name, const struct collector *s)
{
    const char *path = tw_sink(cx, name), *kind = strrchr(name, '.');
    FILE *f = path ? fopen(path, "wb") : NULL;
    int bad = 0;

    if (!f)
        return -1;
    if (strcmp(kind, ".csv") == 0)
        write_csv(f, s);
    else if (strcmp(kind, ".pgm") == 0)
        write_pgm(f, s);
    else if (strcmp(kind, ".raw") == 0)
        write_raw(f, s);
    else
        bad = !write_png(f, s);
    bad |= ferror(f) != 0;
    return fclose(f) != 0 || bad ? -1 : 0;
}

/* All results are in, so all sums are: each tile's came before its result. */
static void finish(struct tw_ctx *cx, struct collector *s)
{
    uint32_t last = report_count(&s->plate) - 1, i;

    for (i = 0; i <= last; i++)
        if (s->summed[i] != ~(uint64_t)0) {
            tw_fail(cx, FAULT_ORDER);
            return;
        }
    if (write_file(cx, "heat.raw", s) != 0 || write_file(cx, "heat.csv", s) != 0 ||
        write_file(cx, "heat.pgm", s) != 0 || write_file(cx, "heat.png", s) != 0) {
        tw_fail(cx, FAULT_OUTPUT);
        return;
    }
    tw_done(cx, (uint64_t)s->fixed[last]);
}

static void take_result(struct tw_ctx *cx, struct collector *s, const struct tw_msg *m)
{
    const struct chunk *c = (const struct chunk *)m->body;
    uint32_t total, i;

    if (m->bytes < CHUNK_HEAD || c->tile >= TILES || m->from != s->peer[c->tile] ||
        c->count > CHUNK_CELLS || m->bytes != CHUNK_HEAD + c->count * sizeof c->cell[0]) {
        tw_fail(cx, FAULT_MESSAGE);
        return;
    }
    total = tile_cells(&s->plate, c->tile);
    if (c->tile >= s->next_tile || c->first != s->arrived[c->tile] || c->count > total - c->first) {
        tw_fail(cx, FAULT_ORDER);
        return;
    }
    for (i = 0; i < c->count; i++)
        s->cell[tile_cell(&s->plate, c->tile, c->first + i)] = c->cell[i];
    s->arrived[c->tile] += c->count;
    s->whole += s->arrived[c->tile] == total;
    if (s->whole == TILES)
        finish(cx, s);
}

TW_RECEIVE(collector)
{
    switch (m->type) {
    case HEAT_SUM:    take_sum(cx, s, m); break;
    case HEAT_RESULT: take_result(cx, s, m); break;
    default:          tw_fail(cx, FAULT_MESSAGE); break;
    }
}

#endif
