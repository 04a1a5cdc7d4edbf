/* bench_messages.c - messages: from one actor to another on a device, and from many to many across ranks */
#include "cmd/bench.h"
#include "mpi/mpi_bare.h"
#include "shared/rc.h"

#define ROUNDS 3
#define PAIRS 16u                       /* across ranks */
#define MAILBOX 4096u
#define BURST 64u                       /* `sends` of a source: jobs/bench/bench.c */

static int local(struct bench *b, uint32_t chunks, struct samples *to, struct reason *why)
{
    struct job j;
    uint64_t messages = (uint64_t)(chunks + 1) * MPI_BARE_CHUNK;
    int rc = job_start(b, 0, false, &j, why,
        "treewarden: 1\nname: local\nprogram: bench\ndevices: {slots: 2, spares: 0}\nsupervisor: bench\n"
        "auto_shutdown: all_significant\nchildren:\n"
        "  - {actor: drain, count: 1, restart: transient, significant: true, mailbox: %u, message_bytes: 64,\n"
        "     sends: %u, commit: {every: 1024, within: 10s}, send: eager,\n"
        "     args: {messages: %llu, chunk: %u, pairs: 1}}\n"
        "  - {actor: source, count: 1, restart: transient, mailbox: %u, message_bytes: 64, sends: %u,\n"
        "     commit: {every: 1024, within: 10s}, send: eager, args: {messages: %llu}}\n",
        MAILBOX, BURST, (unsigned long long)messages, MPI_BARE_CHUNK, MAILBOX, BURST, (unsigned long long)messages);

    if (rc == 0)
        rc = job_wait(&j, why);
    return rc == 0 ? job_samples(&j, "samples", (double)MPI_BARE_CHUNK, to, why) : rc;
}

static int across(struct bench *b, uint32_t chunks, struct samples *to, struct reason *why)
{
    struct job j;
    uint64_t messages = (uint64_t)(chunks + 1) * MPI_BARE_CHUNK / PAIRS;
    int rc = job_start(b, 2, false, &j, why,
        "treewarden: 1\nname: across\nprogram: bench\ndevices: {slots: %u, spares: 0}\nsupervisor: bench\n"
        "auto_shutdown: all_significant\nchildren:\n"
        "  - {actor: drain, count: %u, place: {rank: 1}, restart: transient, significant: true, mailbox: %u,\n"
        "     message_bytes: 64, sends: %u, commit: {every: 1024, within: 10s}, send: eager,\n"
        "     args: {messages: %llu, chunk: %u, pairs: %u}}\n"
        "  - {actor: source, count: %u, place: {rank: 0}, restart: transient, mailbox: %u, message_bytes: 64,\n"
        "     sends: %u, commit: {every: 1024, within: 10s}, send: eager, args: {messages: %llu}}\n",
        PAIRS, PAIRS, MAILBOX, BURST, (unsigned long long)messages, MPI_BARE_CHUNK, PAIRS, PAIRS, MAILBOX, BURST,
        (unsigned long long)messages);

    if (rc == 0)
        rc = job_wait(&j, why);
    return rc == 0 ? job_samples(&j, "samples", (double)MPI_BARE_CHUNK, to, why) : rc;
}

int bench_messages(struct bench *b, struct reason *why)
{
    struct figure here = {.which = "messages", .name = "messages-device",
        .what = "64-byte eager messages between two actors of a device, commit every 1024",
        .bare_what = "ring of 4096 between two threads", .unit = "ns", .kind = AIM_SPEED_LEAST, .aim = 0.3};
    struct figure there = {.which = "messages", .name = "messages-ranks",
        .what = "the same across two ranks, 16 pairs, windows of 64",
        .bare_what = "MPI: isend ring of 64 in flight", .unit = "ns", .kind = AIM_SPEED_LEAST, .aim = 0.7};
    int rc = 0;

    for (uint32_t i = 0; i < ROUNDS && rc == 0; i++) {
        uint32_t n = b->samples * (i + 1) / ROUNDS - b->samples * i / ROUNDS;

        if (!n)
            continue;
        if ((rc = local(b, n, &here.ours, why)) == 0 && (rc = bare_ring(n, MPI_BARE_CHUNK, &here.bare, why)) == 0 &&
            (rc = across(b, n, &there.ours, why)) == 0)
            rc = part_run(b, 2, "ring", n, 1, &there.bare, why);
    }
    if (rc == 0) {
        figure_add(b, &here);
        figure_add(b, &there);
    }
    return rc;
}
