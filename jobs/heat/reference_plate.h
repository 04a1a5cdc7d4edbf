/* reference_plate.h - the heat job computed serially, by its own code
 *
 * Shares nothing with heat.c: its own reader, its own stencil over the whole plate, its own writers.  What
 * both must agree on is written in the head comment of heat.c.  Also the one place where a picture is
 * checked before a job is started for it.
 */
#ifndef HEAT_REFERENCE_PLATE_H
#define HEAT_REFERENCE_PLATE_H

#include <stddef.h>
#include <stdint.h>

enum {
    REFERENCE_SIDE_MIN = 8,
    REFERENCE_SIDE_MAX = 512,
    /* exit codes, as treewarden's: sysexits.h */
    REFERENCE_BAD_DATA = 65,
    REFERENCE_NO_INPUT = 66,
    REFERENCE_NO_MEMORY = 71,
    REFERENCE_NO_OUTPUT = 73
};

struct reference_settings {
    uint32_t steps;
    uint32_t report;            /* a line of heat.csv every this many steps, and after the last; not 0 */
    float alpha;
    float source;               /* degrees: cells that start at least as hot never change */
};

struct reference_plate {
    uint32_t width, height;
    uint32_t full;              /* the picture's white */
    float *cell;                /* width * height temperatures, row by row; owned */
};

/* Read a PGM (P5, 8 or 16 bit).  0, or an exit code with one line, "what: why: what to do", in why. */
int reference_read(const char *path, struct reference_plate *ret, char *why, size_t why_bytes);

/* Compute the steps and write DIR/heat.raw, heat.csv and heat.pgm.  0, or an exit code with why. */
int reference_run(struct reference_plate *p, const struct reference_settings *set, const char *dir,
                  char *why, size_t why_bytes);

/* Release p->cell; p may be used for reading again. */
void reference_release(struct reference_plate *p);

#endif
