#include "reference_plate.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading ----------------------------------------------------------------------------------- */

__attribute__((format(printf, 4, 5)))
static int refuse(int code, char *why, size_t why_bytes, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(why, why_bytes, fmt, ap);
    va_end(ap);
    return code;
}

/* Read the whole file, at most limit bytes and one more.  Bytes read, or -1 with errno. */
static long slurp(const char *path, unsigned char *to, size_t limit)
{
    FILE *f = fopen(path, "rb");
    size_t got;
    int failed, code;

    if (!f)
        return -1;
    got = fread(to, 1, limit + 1, f);
    failed = ferror(f);
    code = errno;
    fclose(f);
    errno = code;
    return failed ? -1 : (long)got;
}

/* Parse "P5 width height full " at text; returns its length, 0 if it is not that. */
static size_t parse_header(const unsigned char *text, size_t bytes, uint32_t number[3])
{
    size_t at = 2;

    if (bytes < 2 || text[0] != 'P' || text[1] != '5')
        return 0;
    for (int i = 0; i < 3; i++) {
        size_t digits = 0;

        while (at < bytes && (strchr(" \t\n\v\f\r", text[at]) || text[at] == '#') && text[at] != 0) {
            if (text[at] == '#')
                while (at < bytes && text[at] != '\n')
                    at++;
            else
                at++;
        }
        for (number[i] = 0; at < bytes && text[at] >= '0' && text[at] <= '9' && digits < 6; at++, digits++)
            number[i] = number[i] * 10 + (uint32_t)(text[at] - '0');
        if (digits == 0)
            return 0;
    }
    return at < bytes && text[at] != 0 && strchr(" \t\n\v\f\r", text[at]) ? at + 1 : 0;
}

static int parse(const char *path, const unsigned char *text, size_t bytes, struct reference_plate *ret,
                 char *why, size_t room)
{
    uint32_t number[3] = {0, 0, 0};
    size_t head = parse_header(text, bytes, number), pixels, depth;

    if (head == 0)
        return refuse(REFERENCE_BAD_DATA, why, room, "%s: not a binary PGM picture (no header \"P5 WIDTH "
                      "HEIGHT WHITE\"): convert it to grey PGM, or leave out --input", path);
    ret->width = number[0];
    ret->height = number[1];
    ret->full = number[2];
    if (ret->width > REFERENCE_SIDE_MAX || ret->height > REFERENCE_SIDE_MAX)
        return refuse(REFERENCE_BAD_DATA, why, room, "%s: too big: %" PRIu32 " x %" PRIu32 ", the 8 x 8 "
                      "tiles hold up to %d x %d: scale it down", path, ret->width, ret->height,
                      REFERENCE_SIDE_MAX, REFERENCE_SIDE_MAX);
    if (ret->width < REFERENCE_SIDE_MIN || ret->height < REFERENCE_SIDE_MIN)
        return refuse(REFERENCE_BAD_DATA, why, room, "%s: too small: %" PRIu32 " x %" PRIu32 ", a tile has "
                      "at least one cell: use %d x %d or more", path, ret->width, ret->height,
                      REFERENCE_SIDE_MIN, REFERENCE_SIDE_MIN);
    if (ret->full < 1 || ret->full > 65535)
        return refuse(REFERENCE_BAD_DATA, why, room, "%s: its white is %" PRIu32 ": PGM has 1 to 65535 (8 "
                      "or 16 bit): convert it again", path, ret->full);
    pixels = (size_t)ret->width * ret->height;
    depth = ret->full > 255 ? 2 : 1;
    if (bytes - head < pixels * depth)
        return refuse(REFERENCE_BAD_DATA, why, room, "%s: truncated: %zu bytes of pixels, %" PRIu32 " x %"
                      PRIu32 " need %zu: get the whole file", path, bytes - head, ret->width, ret->height,
                      pixels * depth);
    ret->cell = malloc(pixels * sizeof *ret->cell);
    if (!ret->cell)
        return refuse(REFERENCE_NO_MEMORY, why, room, "%s: no memory for %zu cells: free some", path, pixels);
    for (size_t i = 0; i < pixels; i++) {
        const unsigned char *from = text + head + i * depth;
        uint32_t grey = depth == 2 ? (uint32_t)from[0] << 8 | from[1] : from[0];

        if (grey > ret->full) {
            reference_release(ret);
            return refuse(REFERENCE_BAD_DATA, why, room, "%s: pixel %zu is %" PRIu32 ", brighter than its "
                          "white %" PRIu32 ": convert it again", path, i, grey, ret->full);
        }
        ret->cell[i] = 100.0f * (float)grey / (float)ret->full;
    }
    return 0;
}

int reference_read(const char *path, struct reference_plate *ret, char *why, size_t why_bytes)
{
    /* The largest picture, and room for a header with comments. */
    size_t limit = (size_t)REFERENCE_SIDE_MAX * REFERENCE_SIDE_MAX * 2 + 65536;
    unsigned char *text = malloc(limit + 1);
    struct reference_plate plate = {0, 0, 0, NULL};
    long bytes;
    int code;

    if (!text)
        return refuse(REFERENCE_NO_MEMORY, why, why_bytes, "%s: no memory to read it: free some", path);
    bytes = slurp(path, text, limit);
    if (bytes < 0)
        code = refuse(REFERENCE_NO_INPUT, why, why_bytes, "%s: cannot be read: %s: name a PGM picture",
                      path, strerror(errno));
    else
        code = parse(path, text, (size_t)bytes, &plate, why, why_bytes);
    free(text);
    if (code == 0)
        *ret = plate;
    return code;
}

void reference_release(struct reference_plate *p)
{
    free(p->cell);
    p->cell = NULL;
}

/* ---- computing --------------------------------------------------------------------------------- */

/* One row.  At the plate's edge a cell stands in for the neighbour it lacks. */
static void step_row(const float *up, const float *row, const float *down, const unsigned char *fixed,
                     float *to, uint32_t width, float alpha)
{
    for (uint32_t x = 0; x < width; x++) {
        float left = x > 0 ? row[x - 1] : row[x], right = x + 1 < width ? row[x + 1] : row[x];

        if (fixed[x])
            to[x] = row[x];
        else
            to[x] = row[x] + alpha * ((((up[x] + down[x]) + left) + right) - 4.0f * row[x]);
    }
}

static void step_plate(const struct reference_plate *p, const unsigned char *fixed, float *to, float alpha)
{
    for (uint32_t y = 0; y < p->height; y++) {
        const float *row = p->cell + (size_t)y * p->width;

        step_row(y > 0 ? row - p->width : row, row, y + 1 < p->height ? row + p->width : row,
                 fixed + (size_t)y * p->width, to + (size_t)y * p->width, p->width, alpha);
    }
}

/* The sum is exact in units of 2^-32 degree (what is below that is cut off per cell). */
static void csv_line(FILE *csv, const struct reference_plate *p, uint32_t step)
{
    size_t cells = (size_t)p->width * p->height;
    int64_t sum = 0;

    for (size_t i = 0; i < cells; i++)
        sum += (int64_t)((double)p->cell[i] * 4294967296.0);
    fprintf(csv, "%" PRIu32 ",%.17g,%" PRId64 "\n", step, (double)sum / 4294967296.0 / (double)cells, sum);
}

/* p->cell and *spare change places every step. */
static void compute(struct reference_plate *p, const struct reference_settings *set,
                    const unsigned char *fixed, float **spare, FILE *csv)
{
    fprintf(csv, "step,mean_degrees,sum_fixed32\n");
    csv_line(csv, p, 0);
    for (uint32_t step = 1; step <= set->steps; step++) {
        float *old = p->cell;

        step_plate(p, fixed, *spare, set->alpha);
        p->cell = *spare;
        *spare = old;
        if (step % set->report == 0 || step == set->steps)
            csv_line(csv, p, step);
    }
}

/* ---- writing ----------------------------------------------------------------------------------- */

static FILE *create(const char *dir, const char *name, char *why, size_t why_bytes)
{
    char path[4096];
    FILE *f = NULL;

    if ((size_t)snprintf(path, sizeof path, "%s/%s", dir, name) < sizeof path)
        f = fopen(path, "wb");
    else
        errno = ENAMETOOLONG;
    if (!f)
        refuse(REFERENCE_NO_OUTPUT, why, why_bytes, "%s/%s: cannot be created: %s: give another --out", dir,
               name, strerror(errno));
    return f;
}

static int finish(FILE *f, const char *dir, const char *name, char *why, size_t why_bytes)
{
    int bad = ferror(f) != 0;

    if (fclose(f) == 0 && !bad)
        return 0;
    return refuse(REFERENCE_NO_OUTPUT, why, why_bytes, "%s/%s: cannot be written whole: disk full?: make "
                  "room and run again", dir, name);
}

static void put_raw(FILE *f, const struct reference_plate *p)
{
    fwrite(p->cell, sizeof *p->cell, (size_t)p->width * p->height, f);
}

static void put_pgm(FILE *f, const struct reference_plate *p)
{
    fprintf(f, "P5\n%" PRIu32 " %" PRIu32 "\n65535\n", p->width, p->height);
    for (size_t i = 0; i < (size_t)p->width * p->height; i++) {
        unsigned grey = (unsigned)(p->cell[i] * 655.35f + 0.5f);
        unsigned char pair[2];

        if (grey > 65535)
            grey = 65535;
        pair[0] = (unsigned char)(grey / 256);
        pair[1] = (unsigned char)(grey % 256);
        fwrite(pair, 1, 2, f);
    }
}

static int put_file(const struct reference_plate *p, const char *dir, const char *name,
                    void (*put)(FILE *, const struct reference_plate *), char *why, size_t why_bytes)
{
    FILE *f = create(dir, name, why, why_bytes);

    if (!f)
        return REFERENCE_NO_OUTPUT;
    put(f, p);
    return finish(f, dir, name, why, why_bytes);
}

int reference_run(struct reference_plate *p, const struct reference_settings *set, const char *dir,
                  char *why, size_t why_bytes)
{
    size_t cells = (size_t)p->width * p->height;
    unsigned char *fixed = malloc(cells);
    float *spare = malloc(cells * sizeof *spare);
    FILE *csv = NULL;
    int code = REFERENCE_NO_OUTPUT;

    if (!fixed || !spare)
        code = refuse(REFERENCE_NO_MEMORY, why, why_bytes, "reference: no memory for %zu cells: free some",
                      cells);
    else
        csv = create(dir, "heat.csv", why, why_bytes);
    if (csv) {
        for (size_t i = 0; i < cells; i++)
            fixed[i] = p->cell[i] >= set->source;
        compute(p, set, fixed, &spare, csv);
        code = finish(csv, dir, "heat.csv", why, why_bytes);
        if (code == 0)
            code = put_file(p, dir, "heat.raw", put_raw, why, why_bytes);
        if (code == 0)
            code = put_file(p, dir, "heat.pgm", put_pgm, why, why_bytes);
    }
    free(fixed);
    free(spare);
    return code;
}
