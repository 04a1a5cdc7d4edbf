/* bench_kill.c - the operator's kill of 4 ranks x 64 actors, and what its messages alone cost */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/bench.h"
#include "shared/rc.h"
#include "spec/drills.h"
#include "store/verdict.h"

#define RANKS 4
#define ACTORS 64                       /* of a rank, on two devices */
#define ROUNDS 2
#define DRILLS_BYTES 8192

/* kill, restart, kill, ...: each half a tenth of a second after the last has settled, so that all sleep. */
static void write_drills(char *out, size_t room, uint32_t kills)
{
    size_t n = 0;

    for (uint32_t i = 0; i < kills && n < room - 256; i++)
        n += (size_t)snprintf(out + n, room - n, "  - {%s, path: bench/all, how: kill}\n"
                              "  - {after: 100ms, path: bench/all, how: restart}\n", i ? "after: 100ms" : "at: 1s");
}

static const char spec[] =
    "treewarden: 1\nname: kill\nprogram: bench\ndevices: {per_rank: 2, slots: 32, spares: 1}\nsupervisor: bench\n"
    "children:\n"
    "  - supervisor: all\n    children:\n"
    "      - supervisor: rows\n        count: %d\n        place: {rank: \"$0\"}\n        children:\n"
    "          - {actor: idler, count: %d}\n"
    "drills:\n%s";

static int kill_for_real(struct bench *b, uint32_t kills, struct samples *to, struct reason *why)
{
    static char drills[DRILLS_BYTES];
    struct verdict *v = malloc(sizeof *v);
    struct job j;
    int rc;

    if (!v)
        return reason_set(why, TW_ENOMEM, "out of memory");
    write_drills(drills, sizeof drills, kills);
    rc = job_start(b, RANKS, true, &j, why, spec, RANKS, ACTORS, drills);
    if (rc == 0)
        rc = job_settle(&j, RANKS * ACTORS, 0, NULL, why);
    if (rc == 0)
        rc = job_drilled(&j, why);
    rc = job_stop(&j, rc, v, why);
    for (uint32_t i = 0; rc == 0 && i < v->fault_count; i++)
        if (!strcmp(v->faults[i].how, drill_how_name(DRILL_KILL)))
            samples_add(to, (double)(v->faults[i].detected_us - v->faults[i].injected_us));
    free(v);
    return rc;
}

static int kill_stubs(struct bench *b, uint32_t kills, struct samples *to, struct reason *why)
{
    static char drills[DRILLS_BYTES];
    char name[BENCH_DIR_BYTES + 32];
    FILE *f;

    write_drills(drills, sizeof drills, kills);
    snprintf(name, sizeof name, "%s/stub.yaml", b->dir);
    f = fopen(name, "w");
    if (!f || fprintf(f, spec, RANKS, ACTORS, drills) < 0 || fclose(f) != 0)
        return reason_set(why, TW_ESYS, "%s: cannot be written", name);
    return part_run(b, RANKS, "stub", kills, 1e3, to, why);
}

int bench_kill(struct bench *b, struct reason *why)
{
    struct figure whole = {.which = "kill", .name = "kill", .what = "kill of 4 ranks x 64 actors, order to last down",
        .bare_what = "256 threads of 4 processes woken, all acknowledge", .unit = "us", .kind = AIM_RATIO_MOST,
        .aim = 2};
    struct figure messages = {.which = "kill", .name = "kill-messages", .what = "its messages alone, slots stubbed",
        .bare_what = "MPI: one cell to each of 3 ranks, one back, waiting as the rank's loop does", .unit = "us",
        .kind = AIM_RATIO_MOST, .aim = 2};
    int rc = 0;

    for (uint32_t i = 0; i < ROUNDS && rc == 0; i++) {
        uint32_t n = b->samples * (i + 1) / ROUNDS - b->samples * i / ROUNDS;

        if (!n)
            continue;
        if ((rc = kill_for_real(b, n, &whole.ours, why)) == 0 && (rc = bare_wake(n, &whole.bare, why)) == 0 &&
            (rc = kill_stubs(b, n, &messages.ours, why)) == 0)
            rc = part_run(b, RANKS, "flat", n, 1e3, &messages.bare, why);
    }
    if (rc == 0) {
        figure_add(b, &whole);
        figure_add(b, &messages);
    }
    return rc;
}
