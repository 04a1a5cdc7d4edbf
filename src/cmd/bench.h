/* bench.h - what the measurements of `treewarden bench` share: figures, a folder, jobs, processor time
 *
 * A measurement takes samples of ours and of a bare program that does the same work and waits in the same way,
 * turn about in the same run, and adds one or two figures.  All samples are "smaller is better".
 */
#ifndef TW_CMD_BENCH_H
#define TW_CMD_BENCH_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/reason.h"

/*    which      function         samples  what is measured, beside what                                        */
#define BENCH_LIST(X)                                                                                            \
    X("restart",  bench_restart,  2000, "an actor fails -> its next life's first handler; a ping-pong")          \
    X("worker",   bench_worker,     24, "a worker with 64 actors is lost -> all run in a new one; a bare spawn") \
    X("kill",     bench_kill,       24, "kill of 4 ranks x 64 actors, and its messages alone; bare wake-ups, MPI") \
    X("messages", bench_messages,   60, "64-byte messages on one device and across ranks; bare rings")           \
    X("overhead", bench_overhead,    5, "rank loops and slot 0s under a stencil with 1 ms per step; bare ranks")  \
    X("idle",     bench_idle,        5, "4 ranks x 2 devices x 16 slots that wait; bare ranks that wait")         \
    X("start",    bench_start,       5, "start-up of 4 ranks x 2 devices x 16 slots; bare mpirun and threads")   \
    X("tree",     bench_tree,        5, "pools of 1000000 slots; the same in 1000, and the misses of their lines")    \
    X("simulate", bench_simulate,   10, "an event of a simulated job; a bare event loop")

#define BENCH_DIR_BYTES 128
#define BENCH_FIGURES_MAX 32

struct samples {
    double *v;                          /* owned */
    uint32_t count, room;
};

enum bench_aim {
    AIM_RATIO_MOST,                     /* ours <= aim x bare */
    AIM_SPEED_LEAST,                    /* of times: bare / ours >= aim */
    AIM_MOST                            /* ours <= aim, whatever the bare program needs */
};

struct figure {
    const char *which, *name, *what, *bare_what, *unit;
    enum bench_aim kind;
    double aim;
    struct samples ours, bare;
    char note[160];                     /* "" or what a reader must know beside it */
};

struct bench {
    char dir[BENCH_DIR_BYTES];          /* a folder of our own, short: sockets lie below it */
    uint32_t samples;                   /* wanted of each figure of the measurement in hand */
    bool quiet;
    uint32_t jobs;                      /* started so far */
    struct figure figures[BENCH_FIGURES_MAX];
    uint32_t count;
};

/* Each returns 0, or a TW_E with the reason why there is no figure. */
#define X(which, function, samples, help) int function(struct bench *b, struct reason *why);
BENCH_LIST(X)
#undef X

/* -- bench_report.c -- */
void samples_add(struct samples *s, double x);
double samples_at(const struct samples *s, double percent);        /* nearest rank; s has at least one */
struct figure *figure_add(struct bench *b, const struct figure *f);
/* "met", "missed" or "not measurable here" (the floor wandered: its p99 > 10 x its p50) */
const char *figure_verdict(const struct figure *f);
double figure_ratio(const struct figure *f);    /* what `aim` is compared with */
void report_text(const struct bench *b);
void report_json(const struct bench *b);
void bench_free_figures(struct bench *b);

/* -- bench_job.c -- */
struct job {
    pid_t pid;                          /* of `launch` or `run` */
    char spec[BENCH_DIR_BYTES + 32], state[BENCH_DIR_BYTES + 32];
    uint64_t begun_ns;                  /* CLOCK_MONOTONIC, just before exec */
};
struct verdict;

/* The signal that asked for the end of it all; waits below see it, end what runs and return. */
extern volatile sig_atomic_t bench_stopped;

int bench_dir_make(struct bench *b, struct reason *why);
void bench_dir_remove(struct bench *b);
/* Write the specification beside the actor program and start it: `launch -n ranks`, or with ranks = 0 `run`. */
int job_start(struct bench *b, int ranks, bool drills, struct job *ret, struct reason *why, const char *spec, ...)
    __attribute__((format(printf, 6, 7)));
/* Until `actors` of it run, on a worker of rank 0 that is at least the incarnation-th; that one, if asked for. */
int job_settle(const struct job *j, uint32_t actors, uint32_t incarnation, uint32_t *ret_incarnation,
               struct reason *why);
/* Until it has no drill left. */
int job_drilled(const struct job *j, struct reason *why);
/* A request to its control socket; an answer that says no is TW_ESTATE. */
int job_ask(const char *request, struct reason *why);
/* Wait for its own end, which must be a good one. */
int job_wait(struct job *j, struct reason *why);
/* Stop it in order, whatever rc says has become of the measurement; its verdict, if ret is not NULL.  Returns rc if
 * that is not 0, with its reason. */
int job_stop(struct job *j, int rc, struct verdict *ret, struct reason *why);
/* Whole numbers of nanoseconds, a line each, of a file below its state directory. */
int job_samples(const struct job *j, const char *file, double divisor, struct samples *to, struct reason *why);
int file_samples(const char *path, double divisor, struct samples *to, struct reason *why);
/* The largest `a` of what its actors logged, and how many lines they were. */
int job_last_log(const struct job *j, int ranks, uint64_t *ret_a, uint32_t *ret_count, struct reason *why);
/* A part of ours under mpirun (`bench-part WORDS...`), to its end; its samples (ns) are divided and added. */
int part_run(struct bench *b, int ranks, const char *what, uint64_t count, double divisor, struct samples *to,
             struct reason *why);
/* ... started only; *ret_pid is reaped by part_wait. */
int part_start(struct bench *b, int ranks, const char *what, uint64_t count, pid_t *ret_pid, struct reason *why);
int part_wait(pid_t pid, struct reason *why);
void bench_nap_ms(unsigned ms);
uint64_t bench_now_ns(void);

/* -- bench_usage.c: processor time in seconds, by what the threads of a process tree are -- */
struct usage { double ranks, slot0s, slots, others; };
int usage_of(pid_t root, struct usage *ret, struct reason *why);
/* Signal the ranks below `launch`; how many there were. */
int signal_ranks(pid_t root, int number);

/* -- bench_bare.c: the bare counterparts that need no MPI -- */
int bare_ping_pong(uint32_t samples, struct samples *to, struct reason *why);          /* us, one round trip */
int bare_worker(uint32_t samples, size_t arena_bytes, struct samples *to, struct reason *why);  /* ms */
int bare_wake(uint32_t samples, struct samples *to, struct reason *why);               /* us, 4 x 64 threads */
int bare_ring(uint32_t samples, uint64_t chunk, struct samples *to, struct reason *why);        /* ns a message */

/* -- bench_otp.c: the engine beside Erlang's supervisor, where that is installed; a part of bench_tree -- */
int bench_otp(struct bench *b, struct reason *why);

/* -- bench_stub.c: a rank whose slots answer by themselves; a part -- */
int stub_rank(const char *spec, const char *out);

/* The actor program, as built; bench_program.c. */
extern const char bench_program[], bench_program_end[];

#endif
