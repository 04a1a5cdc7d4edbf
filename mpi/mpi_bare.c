/* mpi_bare.c - see the header */
#include "mpi/mpi_bare.h"

#include <mpi.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "mpi/rest.h"

#define TAG 9
#define CELL_BYTES 64                   /* what a control message has */
#define MESSAGE_BYTES 128               /* cell and body of a 64-byte message */
#define IN_FLIGHT 64                    /* as mpi_link */
#define REST_MS 100                     /* between two rounds of "flat": everybody sleeps his longest again */
#define CHILDREN 2
#define THREADS 16

struct bare {
    int rank, size;
    uint64_t count;
    struct rest rest;
    struct doorbell bell;
    struct doorbell_knob *knobs;        /* owned, [size] */
    FILE *out;                          /* rank 0 */
};

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void tell(struct bare *b, uint64_t ns)
{
    if (b->out)
        fprintf(b->out, "%llu\n", (unsigned long long)ns);
}

/* After a look that found nothing: as mpi_link and the loop of a rank. */
static void doze(struct bare *b)
{
    struct pollfd p = {.fd = doorbell_fd(&b->bell), .events = POLLIN};
    uint64_t us = rest_us(&b->rest, &b->bell, b->bell.word != NULL, false);

    if (us)
        (void)ppoll(&p, 1, &(struct timespec){0, (long)us * 1000}, NULL);
}

static void hang_bells(struct bare *b)
{
    struct doorbell_address own, *all = calloc((size_t)b->size, sizeof *all);

    (void)doorbell_open(&b->bell);
    own = doorbell_address(&b->bell);
    b->knobs = calloc((size_t)b->size, sizeof *b->knobs);
    if (all)
        MPI_Allgather(&own, (int)sizeof own, MPI_BYTE, all, (int)sizeof own, MPI_BYTE, MPI_COMM_WORLD);
    for (int p = 0; all && b->knobs && p < b->size; p++)
        if (p != b->rank)
            (void)doorbell_find(&b->knobs[p], &all[p]);
    free(all);
}

static bool is_done(MPI_Request *r)
{
    int done = 0;

    return MPI_Test(r, &done, MPI_STATUS_IGNORE) == MPI_SUCCESS && done;
}

/* -- start ---------------------------------------------------------------------------------------- */

static void *nothing(void *arg)
{
    pthread_barrier_wait(arg);
    for (;;)
        pause();
    return NULL;
}

static _Noreturn void be_child(int tell_fd)
{
    pthread_barrier_t all;
    pthread_t thread;
    char up = 1;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pthread_barrier_init(&all, NULL, THREADS + 1);
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&thread, NULL, nothing, &all) != 0)
            _exit(1);
    pthread_barrier_wait(&all);
    if (write(tell_fd, &up, 1) != 1)
        _exit(1);
    for (;;)
        pause();
}

static pid_t children[CHILDREN];

/* Before MPI_Init: afterwards a fork is not safe. */
static bool start_children(void)
{
    int pair[2];
    char up[CHILDREN];
    size_t heard = 0;
    ssize_t n = 1;

    if (pipe(pair) != 0)
        return false;
    for (int i = 0; i < CHILDREN; i++) {
        children[i] = fork();
        if (children[i] == 0)
            be_child(pair[1]);
    }
    close(pair[1]);
    while (heard < CHILDREN && (n = read(pair[0], up, sizeof up)) > 0)
        heard += (size_t)n;
    close(pair[0]);
    return heard == CHILDREN;
}

static void end_children(void)
{
    for (int i = 0; i < CHILDREN; i++)
        if (children[i] > 0) {
            kill(children[i], SIGKILL);
            waitpid(children[i], NULL, 0);
        }
}

static void bare_start(struct bare *b)
{
    MPI_Barrier(MPI_COMM_WORLD);
    tell(b, now_ns());
}

/* -- idle ----------------------------------------------------------------------------------------- */

static void bare_idle(struct bare *b)
{
    uint64_t end = now_ns() + b->count * 1000000u;
    MPI_Request *receive = calloc((size_t)b->size, sizeof *receive);
    char (*frame)[CELL_BYTES] = calloc((size_t)b->size, CELL_BYTES);

    for (int p = 0; receive && frame && p < b->size; p++)
        if (p != b->rank)
            MPI_Irecv(frame[p], CELL_BYTES, MPI_BYTE, p, TAG, MPI_COMM_WORLD, &receive[p]);
    while (receive && frame && now_ns() < end) {
        for (int p = 0; p < b->size; p++)
            if (p != b->rank)
                (void)is_done(&receive[p]);
        doze(b);
    }
    for (int p = 0; receive && frame && p < b->size; p++)
        if (p != b->rank) {
            MPI_Cancel(&receive[p]);
            MPI_Request_free(&receive[p]);
        }
    tell(b, b->count * 1000000u);
    free(receive);
    free(frame);
}

/* -- flat ----------------------------------------------------------------------------------------- */

static void send_and_finish(struct bare *b, char *frame, int to)
{
    MPI_Request request;

    MPI_Isend(frame, CELL_BYTES, MPI_BYTE, to, TAG, MPI_COMM_WORLD, &request);
    doorbell_ring(&b->knobs[to]);
    while (!is_done(&request))
        ;
    (void)rest_us(&b->rest, &b->bell, true, true);
}

static void answer_rounds(struct bare *b)
{
    char frame[CELL_BYTES];

    for (uint64_t i = 0; i < b->count + 1; i++) {
        MPI_Request request;

        MPI_Irecv(frame, CELL_BYTES, MPI_BYTE, 0, TAG, MPI_COMM_WORLD, &request);
        while (!is_done(&request))
            doze(b);
        send_and_finish(b, frame, 0);
    }
}

static uint64_t ask_round(struct bare *b, MPI_Request *requests, char (*frames)[CELL_BYTES])
{
    int peers = b->size - 1, left = peers;
    uint64_t begun = now_ns();

    (void)rest_us(&b->rest, &b->bell, true, true);
    for (int p = 0; p < peers; p++) {
        MPI_Irecv(frames[p], CELL_BYTES, MPI_BYTE, p + 1, TAG, MPI_COMM_WORLD, &requests[p]);
        MPI_Isend(frames[peers + p], CELL_BYTES, MPI_BYTE, p + 1, TAG, MPI_COMM_WORLD, &requests[peers + p]);
        doorbell_ring(&b->knobs[p + 1]);
    }
    while (left > 0) {
        left = peers;
        for (int i = 0; i < 2 * peers; i++)
            left -= is_done(&requests[i]) && i < peers;
        if (left > 0)
            doze(b);
    }
    return now_ns() - begun;
}

static void bare_flat(struct bare *b)
{
    MPI_Request *requests = calloc(2 * (size_t)b->size, sizeof *requests);
    char (*frames)[CELL_BYTES] = calloc(2 * (size_t)b->size, CELL_BYTES);

    if (b->rank)
        answer_rounds(b);
    for (uint64_t i = 0; b->rank == 0 && requests && frames && i < b->count + 1; i++) {
        uint64_t ns = ask_round(b, requests, frames);

        if (i > 0)                      /* the first makes the connections */
            tell(b, ns);
        nanosleep(&(struct timespec){0, REST_MS * 1000000L}, NULL);
    }
    free(requests);
    free(frames);
}

/* -- ring ----------------------------------------------------------------------------------------- */

static void ring_out(struct bare *b)
{
    static char frame[IN_FLIGHT][MESSAGE_BYTES];
    MPI_Request request[IN_FLIGHT];
    uint64_t limit = (b->count + 1) * MPI_BARE_CHUNK;

    for (int i = 0; i < IN_FLIGHT; i++)
        request[i] = MPI_REQUEST_NULL;
    for (uint64_t n = 0; n < limit; n++) {
        int at = (int)(n % IN_FLIGHT);

        while (!is_done(&request[at]))
            ;
        memcpy(frame[at], &n, sizeof n);
        MPI_Isend(frame[at], MESSAGE_BYTES, MPI_BYTE, 1, TAG, MPI_COMM_WORLD, &request[at]);
    }
    MPI_Waitall(IN_FLIGHT, request, MPI_STATUSES_IGNORE);
}

static void ring_in(struct bare *b, uint64_t *ns)
{
    char frame[MESSAGE_BYTES], own[MESSAGE_BYTES];
    uint64_t begun = 0, limit = (b->count + 1) * MPI_BARE_CHUNK;

    for (uint64_t n = 1; n <= limit; n++) {
        MPI_Request request;

        MPI_Irecv(frame, MESSAGE_BYTES, MPI_BYTE, 0, TAG, MPI_COMM_WORLD, &request);
        while (!is_done(&request))
            ;
        memcpy(own, frame, sizeof own);
        if (n % MPI_BARE_CHUNK)
            continue;
        if (begun)
            *ns++ = (now_ns() - begun) / MPI_BARE_CHUNK;
        begun = now_ns();
    }
}

static void bare_ring(struct bare *b)
{
    uint64_t *ns = calloc(b->count + 1, sizeof *ns);

    if (b->rank == 0)
        ring_out(b);
    else if (b->rank == 1 && ns)
        ring_in(b, ns);
    if (b->rank == 1 && ns)
        MPI_Send(ns, (int)b->count, MPI_UINT64_T, 0, TAG, MPI_COMM_WORLD);
    if (b->rank == 0 && ns)
        MPI_Recv(ns, (int)b->count, MPI_UINT64_T, 1, TAG, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    for (uint64_t i = 0; ns && i < b->count; i++)
        tell(b, ns[i]);
    free(ns);
}

/* -- all of them ---------------------------------------------------------------------------------- */

static const struct { const char *name; void (*run)(struct bare *); } programs[] = {
#define X(name, function) {name, function},
    MPI_BARE_LIST(X)
#undef X
};

int mpi_bare(const char *what, uint64_t count, const char *out)
{
    struct bare b = {.count = count};
    void (*run)(struct bare *) = NULL;
    bool well = true;

    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++)
        if (!strcmp(programs[i].name, what))
            run = programs[i].run;
    if (!run)
        return 2;
    if (run == bare_start)
        well = start_children();
    MPI_Init(NULL, NULL);
    MPI_Comm_rank(MPI_COMM_WORLD, &b.rank);
    MPI_Comm_size(MPI_COMM_WORLD, &b.size);
    hang_bells(&b);
    if (b.rank == 0 && !(b.out = fopen(out, "w")))
        well = false;
    run(&b);
    end_children();
    if (b.out && fclose(b.out) != 0)
        well = false;
    free(b.knobs);
    MPI_Finalize();
    return well ? 0 : 1;
}
