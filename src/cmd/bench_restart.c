/* bench_restart.c - from a failure to its next life's first handler, and a whole worker's way back */
#include <stdlib.h>

#include "cmd/bench.h"
#include "shared/rc.h"
#include "slot/slot.h"
#include "store/verdict.h"

#define ROUNDS 4                        /* ours and bare turn about */
#define ACTORS 64u
#define STATE_BYTES 4096u
#define MAILBOX 64u                     /* the specification's defaults, for a worker's memory of the same size */
#define PEERS 16u
#define MESSAGE_BYTES 256u
#define REST_US 30u                      /* of a life, before it fails again */

static uint32_t part(uint32_t samples, uint32_t round)
{
    return samples * (round + 1) / ROUNDS - samples * round / ROUNDS;
}

/* -- an actor ------------------------------------------------------------------------------------- */

static int fall(struct bench *b, uint32_t samples, struct samples *to, struct reason *why)
{
    struct job j;
    int rc = job_start(b, 0, false, &j, why,
        "treewarden: 1\nname: fall\nprogram: bench\ndevices: {slots: 1, spares: 1}\nsupervisor: bench\n"
        "auto_shutdown: all_significant\nchildren:\n"
        "  - supervisor: home\n    place: {rank: 0}\n    intensity: 100000\n    period: 1s\n    significant: true\n"
        "    restart: transient\n    auto_shutdown: all_significant\n    children:\n"
        "      - {actor: faller, restart: transient, significant: true, args: {samples: %u, rest_us: %u}}\n",
        samples, REST_US);

    if (rc == 0)
        rc = job_wait(&j, why);
    return rc == 0 ? job_samples(&j, "samples", 1e3, to, why) : rc;
}

int bench_restart(struct bench *b, struct reason *why)
{
    struct figure f = {.which = "restart", .name = "restart",
        .what = "fail -> next life's first handler (rank-homed, 4 KiB of state)",
        .bare_what = "round trip over shared memory between two processes", .unit = "us", .kind = AIM_RATIO_MOST,
        .aim = 5, .note = "ours: slot, slot 0, rank, slot 0, slot: four hand-overs between three threads"};
    int rc = 0;

    for (uint32_t i = 0; i < ROUNDS && rc == 0; i++) {
        uint32_t n = part(b->samples, i);

        if (n && (rc = fall(b, n, &f.ours, why)) == 0)
            rc = bare_ping_pong(n, &f.bare, why);
    }
    if (rc == 0)
        figure_add(b, &f);
    return rc;
}

/* -- a worker ------------------------------------------------------------------------------------- */

static size_t arena_size(void)
{
    struct arena_geometry g = {.slots = ACTORS + 2, .peers = PEERS, .mailbox = MAILBOX,
                               .message_bytes = MESSAGE_BYTES, .vertices = ACTORS + 2, .state_bytes = STATE_BYTES};

    return arena_bytes(&g);
}

static int lose_one(const struct job *j, struct reason *why)
{
    static const char fail[] = "{\"verb\":\"fail\",\"path\":\"bench/home/idler[0]\",\"how\":\"kill-worker\"}";
    uint32_t before;
    int rc = job_settle(j, ACTORS, 0, &before, why);

    if (rc == 0)
        rc = job_ask(fail, why);
    return rc == 0 ? job_settle(j, ACTORS, before + 1, NULL, why) : rc;
}

static int lose_workers(struct bench *b, uint32_t samples, struct samples *to, struct reason *why)
{
    struct verdict *v = malloc(sizeof *v);
    struct job j;
    int rc;

    if (!v)
        return reason_set(why, TW_ENOMEM, "out of memory");
    rc = job_start(b, 0, true, &j, why,
        "treewarden: 1\nname: lose\nprogram: bench\ndevices: {slots: %u, spares: 2}\nsupervisor: bench\nchildren:\n"
        "  - supervisor: home\n    place: {rank: 0}\n    children:\n      - {actor: idler, count: %u}\n"
        "drills:\n  - {at: 10000h, path: bench/home, how: kill}\n", ACTORS, ACTORS);
    for (uint32_t i = 0; i < samples && rc == 0; i++)
        rc = lose_one(&j, why);
    rc = job_stop(&j, rc, v, why);
    for (uint32_t i = 0; rc == 0 && i < v->fault_count; i++)
        if (v->faults[i].actors == ACTORS && v->faults[i].resumed_us)
            samples_add(to, (double)(v->faults[i].resumed_us - v->faults[i].detected_us) / 1e3);
    free(v);
    return rc;
}

int bench_worker(struct bench *b, struct reason *why)
{
    struct figure f = {.which = "worker", .name = "worker",
        .what = "worker lost -> 64 actors of 4 KiB run in a new one",
        .bare_what = "fork, dlopen, 64 threads, a copy of each state in and out", .unit = "ms",
        .kind = AIM_RATIO_MOST, .aim = 2};
    int rc = 0;

    for (uint32_t i = 0; i < ROUNDS && rc == 0; i++) {
        uint32_t n = part(b->samples, i);

        if (n && (rc = lose_workers(b, n, &f.ours, why)) == 0)
            rc = bare_worker(n, arena_size(), &f.bare, why);
    }
    if (rc == 0 && !f.ours.count)
        rc = reason_set(why, TW_ESTATE, "no worker came back with all its actors");
    if (rc == 0)
        figure_add(b, &f);
    return rc;
}
