/* bench_idle.c - what a job costs beside its actors' work: under load, when idle, and to start */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "cmd/bench.h"
#include "shared/rc.h"

#define RANKS 4
#define DEVICES 2
#define SLOTS 16                        /* of a device */
#define WINDOW_MS 2000u                 /* one sample of processor time */
#define CALM_MS 1000u                   /* after the start, before the first */
#define WORK_US 1000u                   /* of a tile's step */

static const char idlers[] =
    "treewarden: 1\nname: idle\nprogram: bench\ndevices: {per_rank: %d, slots: %d, spares: 1}\nsupervisor: bench\n"
    "children:\n"
    "  - supervisor: rows\n    count: %d\n    place: {rank: \"$0\"}\n    children:\n"
    "      - {actor: idler, count: %d}\n";

static const char tiles[] =
    "treewarden: 1\nname: tiles\nprogram: bench\ndevices: {per_rank: 2, slots: 8, spares: 1}\nsupervisor: bench\n"
    "children:\n"
    "  - supervisor: rows\n    count: 4\n    place: {rank: \"$0\"}\n    children:\n"
    "      - {actor: tile, count: 2x8, mailbox: 64, message_bytes: 136, sends: 8, peers: 8, deadline: 10s,\n"
    "         commit: {every: 16, within: 100ms}, send: eager, args: {work_us: %u}}\n";

struct window { struct usage used; double seconds; };

/* What the tree below root used in one window. */
static int watch(pid_t root, unsigned ms, struct window *ret, struct reason *why)
{
    struct usage before, after;
    uint64_t begun = bench_now_ns();
    int rc = usage_of(root, &before, why);

    if (rc != 0)
        return rc;
    bench_nap_ms(ms);
    if (bench_stopped)
        return reason_set(why, TW_ESTATE, "stopped by signal %d", (int)bench_stopped);
    rc = usage_of(root, &after, why);
    ret->seconds = (double)(bench_now_ns() - begun) / 1e9;
    ret->used = (struct usage){.ranks = after.ranks - before.ranks, .slot0s = after.slot0s - before.slot0s,
                               .slots = after.slots - before.slots, .others = after.others - before.others};
    return rc;
}

/* Bare ranks that wait, as long as all windows take: all their processor time, per cent of a core. */
static int bare_idle_ranks(struct bench *b, unsigned ms, struct samples *to, struct reason *why)
{
    struct window w;
    pid_t pid;
    int rc = part_start(b, RANKS, "idle", CALM_MS + b->samples * ms + ms / 2, &pid, why);

    if (rc != 0)
        return rc;
    bench_nap_ms(CALM_MS);
    for (uint32_t i = 0; i < b->samples && rc == 0; i++) {
        rc = watch(pid, ms, &w, why);
        if (rc == 0)
            samples_add(to, 100 * (w.used.ranks + w.used.others) / w.seconds);
    }
    if (rc == 0)
        return part_wait(pid, why);
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
    return rc;
}

int bench_overhead(struct bench *b, struct reason *why)
{
    struct figure f = {.which = "overhead", .name = "overhead",
        .what = "rank loops and slot 0s against the slots, 64 tiles, 1 ms of work per step",
        .bare_what = "4 bare ranks that wait, of a core (not of the slots)", .unit = "%", .kind = AIM_MOST, .aim = 1};
    double ranks = 0, slot0s = 0, slots = 0, seconds = 0;
    struct window w;
    struct job j;
    int rc = job_start(b, RANKS, false, &j, why, tiles, WORK_US);

    if (rc == 0)
        rc = job_settle(&j, RANKS * 16, 0, NULL, why);
    if (rc == 0)
        bench_nap_ms(CALM_MS);
    for (uint32_t i = 0; i < b->samples && rc == 0; i++) {
        rc = watch(j.pid, WINDOW_MS, &w, why);
        if (rc == 0 && w.used.slots <= 0)
            rc = reason_set(why, TW_ESTATE, "the tiles did not compute");
        if (rc == 0)
            samples_add(&f.ours, 100 * (w.used.ranks + w.used.slot0s) / w.used.slots);
        ranks += w.used.ranks;
        slot0s += w.used.slot0s;
        slots += w.used.slots;
        seconds += w.seconds;
    }
    rc = job_stop(&j, rc, NULL, why);
    if (rc == 0)
        rc = bare_idle_ranks(b, WINDOW_MS, &f.bare, why);
    if (rc != 0)
        return rc;
    snprintf(f.note, sizeof f.note, "of a core: slots %.1f %%, slot 0s %.2f %%, rank loops %.2f %%",
             100 * slots / seconds, 100 * slot0s / seconds, 100 * ranks / seconds);
    figure_add(b, &f);
    return 0;
}

int bench_idle(struct bench *b, struct reason *why)
{
    struct figure f = {.which = "idle", .name = "idle", .what = "4 idle ranks x 2 devices x 16 slots, all processes",
        .bare_what = "4 bare ranks that wait", .unit = "% of a core", .kind = AIM_MOST, .aim = 10};
    double ranks = 0, workers = 0, seconds = 0;
    struct window w;
    struct job j;
    int rc = job_start(b, RANKS, false, &j, why, idlers, DEVICES, SLOTS, RANKS, DEVICES * SLOTS);

    if (rc == 0)
        rc = job_settle(&j, RANKS * DEVICES * SLOTS, 0, NULL, why);
    if (rc == 0)
        bench_nap_ms(CALM_MS);
    for (uint32_t i = 0; i < b->samples && rc == 0; i++) {
        rc = watch(j.pid, WINDOW_MS, &w, why);
        if (rc == 0)
            samples_add(&f.ours, 100 * (w.used.ranks + w.used.slot0s + w.used.slots + w.used.others) / w.seconds);
        ranks += w.used.ranks;
        workers += w.used.slot0s + w.used.slots;
        seconds += w.seconds;
    }
    rc = job_stop(&j, rc, NULL, why);
    if (rc == 0)
        rc = bare_idle_ranks(b, WINDOW_MS, &f.bare, why);
    if (rc != 0)
        return rc;
    snprintf(f.note, sizeof f.note, "of a core: rank loops %.2f %%, workers %.2f %%", 100 * ranks / seconds,
             100 * workers / seconds);
    figure_add(b, &f);
    return 0;
}

static int start_once(struct bench *b, struct samples *to, struct reason *why)
{
    uint64_t last_ns = 0;
    uint32_t count = 0;
    struct job j;
    int rc = job_start(b, RANKS, false, &j, why, idlers, DEVICES, SLOTS, RANKS, DEVICES * SLOTS);

    if (rc == 0)
        rc = job_settle(&j, RANKS * DEVICES * SLOTS, 0, NULL, why);
    rc = job_stop(&j, rc, NULL, why);
    if (rc == 0)
        rc = job_last_log(&j, RANKS, &last_ns, &count, why);
    if (rc == 0 && count != RANKS * DEVICES * SLOTS)
        rc = reason_set(why, TW_ESTATE, "%u of %d actors said when they started", count, RANKS * DEVICES * SLOTS);
    if (rc == 0)
        samples_add(to, (double)(last_ns - j.begun_ns) / 1e6);
    return rc;
}

static int bare_start_once(struct bench *b, struct samples *to, struct reason *why)
{
    struct samples at = {0};
    uint64_t begun = bench_now_ns();
    int rc = part_run(b, RANKS, "start", 0, 1, &at, why);

    if (rc == 0)
        samples_add(to, (at.v[0] - (double)begun) / 1e6);
    free(at.v);
    return rc;
}

int bench_start(struct bench *b, struct reason *why)
{
    struct figure f = {.which = "start", .name = "start",
        .what = "exec of launch -> first handler of the last of 128 actors",
        .bare_what = "mpirun, 4 ranks x 2 processes x 16 threads, MPI_Init, a barrier", .unit = "ms", .kind = AIM_MOST,
        .aim = 2000};
    int rc = 0;

    for (uint32_t i = 0; i < b->samples && rc == 0; i++)
        if ((rc = start_once(b, &f.ours, why)) == 0)
            rc = bare_start_once(b, &f.bare, why);
    if (rc == 0)
        figure_add(b, &f);
    return rc;
}
