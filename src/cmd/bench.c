/* bench.c - `treewarden bench`: what it costs, each figure beside a bare program of the same shape */
#include <argp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/bench.h"
#include "cmd/cmd.h"
#include "mpi/mpi_bare.h"

static const struct measurement {
    const char *name;
    int (*run)(struct bench *, struct reason *);
    uint32_t samples;
    const char *help;
} measurements[] = {
#define X(which, function, samples, help) {which, function, samples, help},
    BENCH_LIST(X)
#undef X
};
#define MEASUREMENTS (sizeof measurements / sizeof measurements[0])

struct bench_args {
    bool wanted[MEASUREMENTS], any, json, quiet, list;
    uint32_t samples;
};

static struct bench bench;

static void on_signal(int number) { bench_stopped = number; }

static int measure(const struct bench_args *a)
{
    int code = EXIT_DONE;

    for (size_t i = 0; i < MEASUREMENTS; i++) {
        struct reason why = {""};
        int rc;

        if ((a->any && !a->wanted[i]) || bench_stopped)
            continue;
        if (!bench.quiet)
            fprintf(stderr, "bench: %s: %s\n", measurements[i].name, measurements[i].help);
        bench.samples = a->samples ? a->samples : measurements[i].samples;
        rc = measurements[i].run(&bench, &why);
        if (rc == 0)
            continue;
        fprintf(stderr, "treewarden: bench: %s: %s\n", measurements[i].name, why.text);
        code = EXIT_FAILED;
    }
    return code;
}

static int run(const struct bench_args *a)
{
    struct sigaction on = {.sa_handler = on_signal};
    struct reason why = {""};
    int code;

    bench.quiet = a->quiet;
    sigaction(SIGTERM, &on, NULL);
    sigaction(SIGINT, &on, NULL);
    if (bench_dir_make(&bench, &why) != 0) {
        bench_dir_remove(&bench);
        return say(EXIT_CANTCREAT, &why);
    }
    code = measure(a);
    bench_dir_remove(&bench);
    if (a->json)
        report_json(&bench);
    else
        report_text(&bench);
    bench_free_figures(&bench);
    return bench_stopped ? 128 + bench_stopped : code;
}

static int list(void)
{
    for (size_t i = 0; i < MEASUREMENTS; i++)
        printf("%-10s %s\n", measurements[i].name, measurements[i].help);
    return EXIT_DONE;
}

/* -- options -------------------------------------------------------------------------------------- */

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct bench_args *a = state->input;
    char *end;

    switch (key) {
    case 'c':
        a->samples = (uint32_t)strtoul(arg, &end, 10);
        if (*end || a->samples < 1 || a->samples > 10000)
            argp_error(state, "--count %s: a number from 1 to 10000", arg);
        return 0;
    case 'j': a->json = true; return 0;
    case 'l': a->list = true; return 0;
    case 'q': a->quiet = true; return 0;
    case ARGP_KEY_ARG:
        for (size_t i = 0; i < MEASUREMENTS; i++)
            if (!strcmp(measurements[i].name, arg)) {
                a->wanted[i] = a->any = true;
                return 0;
            }
        argp_error(state, "%s: no such measurement: --list names them", arg);
        return 0;
    }
    return ARGP_ERR_UNKNOWN;
}

int cmd_bench(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"count", 'c', "N", 0, "samples of each figure, instead of each measurement's own number", 0},
        {"json", 'j', NULL, 0, "one document, schema treewarden.bench", 0},
        {"list", 'l', NULL, 0, "only name the measurements", 0},
        {"quiet", 'q', NULL, 0, "do not say which one runs", 0},
        {0}};
    static const struct argp argp = {options, parse, "[WHICH...]",
        "Measure this machine: all, or those named of restart, worker, kill, messages, overhead, idle, start, tree, "
        "simulate.\v"
        "Whole jobs are started through this program, with actors it carries, in a folder of their own.  Beside each "
        "figure stands a bare program of the same shape that waits in the same way, measured in turn with it: p50 and "
        "p99 of both, what ours is of it, the aim, and whether that was met.  A floor whose p99 is more than ten times "
        "its p50 tells nothing: \"not measurable here\".  The exit status does not depend on aims.", NULL, NULL, NULL};
    struct bench_args a = {.any = false};

    argp_err_exit_status = EXIT_USAGE;
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    return a.list ? list() : run(&a);
}

/* argv: bench-part WHAT COUNT OUT DIR */
int cmd_bench_part(int argc, char **argv)
{
    char spec[4200];

    if (argc != 5) {
        fprintf(stderr, "treewarden: bench-part: not for people: `treewarden bench` starts its parts itself\n");
        return EXIT_USAGE;
    }
    snprintf(spec, sizeof spec, "%s/stub.yaml", argv[4]);
    if (!strcmp(argv[1], "stub"))
        return stub_rank(spec, argv[3]);
    return mpi_bare(argv[1], strtoull(argv[2], NULL, 10), argv[3]);
}
