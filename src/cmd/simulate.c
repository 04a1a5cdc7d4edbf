/* simulate.c - `treewarden simulate`: a scenario's trace, or a whole job under drawn faults, on virtual time */
#include <argp.h>
#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "cmd/cmd.h"
#include "cmd/scenario_program.h"
#include "cmd/scenario_trace.h"
#include "emu/emu.h"
#include "shared/rc.h"
#include "spec/spec.h"
#include "store/letter.h"

#define LIMIT_TIMES 20u                 /* as long as without faults, and this much more */
#define LIMIT_US 120000000u
#define STILL_TICKS 10                  /* seconds of processor time; a turn that has not ended by then never will */

struct simulate_args {
    const char *scenario, *file, *faults, *sets[SETS_MAX];
    struct scenario_homes homes;
    const char *homes_text;             /* NULL: not said */
    int set_count, ranks;               /* ranks 0: not said */
    uint64_t first, last;
    bool quiet, json, twice, keep, seeds_given;
};

/* One command's work; owned. */
struct simulate {
    const struct simulate_args *args;
    struct spec *spec;
    struct loaded_program program;
    struct emu_script script;
    int ranks;
    char box[64], good[96], out[96];    /* folders: all, the fault-free run's files, this run's */
    uint64_t good_us;                   /* how long the fault-free run took */
    struct emu_result result;
    uint64_t runs, failed, virtual_us, events, checks, wall_us;
    uint64_t struck[EMU_FAULT_COUNT];
    uint64_t detection_us, recovery_us; /* the worst */
    json_t *failures;
};

static uint64_t clock_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

/* -- folders -------------------------------------------------------------------------------------- */

static void empty_folder(const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    char name[4096];

    while (d && (e = readdir(d))) {
        snprintf(name, sizeof name, "%s/%s", dir, e->d_name);
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            (void)unlink(name);
    }
    if (d)
        closedir(d);
}

static bool same_bytes(const char *a, const char *b)
{
    FILE *f = fopen(a, "r"), *g = fopen(b, "r");
    bool same = f && g;
    int c = 0;

    while (same && c != EOF) {
        c = getc(f);
        same = c == getc(g);
    }
    if (f)
        fclose(f);
    if (g)
        fclose(g);
    return same;
}

/* Every file of one folder is in the other and equal; else the name of one that is not. */
static bool same_files(const char *here, const char *there, char *ret_name, size_t room)
{
    DIR *d = opendir(here);
    struct dirent *e;
    char a[4096], b[4096];
    bool same = true;

    while (d && same && (e = readdir(d))) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
            continue;
        snprintf(a, sizeof a, "%s/%s", here, e->d_name);
        snprintf(b, sizeof b, "%s/%s", there, e->d_name);
        same = same_bytes(a, b);
        if (!same)
            snprintf(ret_name, room, "%s", e->d_name);
    }
    if (d)
        closedir(d);
    return same;
}

/* -- last words ----------------------------------------------------------------------------------- */

static void print_replay(const struct simulate *s, uint64_t seed, const char *script, char *out, size_t room)
{
    size_t n = (size_t)snprintf(out, room, "treewarden simulate %s --ranks %d --seed %llu --faults %s", s->args->file,
                                s->ranks, (unsigned long long)seed, script);

    for (int i = 0; i < s->args->set_count && n < room; i++)
        n += (size_t)snprintf(out + n, room - n, " --set '%s'", s->args->sets[i]);
}

static struct {
    char again[4096];                   /* how to come here again */
    const volatile uint64_t *events;    /* of the run */
    uint64_t seen, seed;
    int still;                          /* ticks since it changed */
    struct sigaction before[NSIG];
} dying;

static void say_last(const char *what)
{
    char text[4400];
    int rank = 0, n;
    bool worker = emu_turn_of(&rank) == EMU_WORKER;

    n = snprintf(text, sizeof text, "treewarden: simulate: seed %llu: %s in %s rank %d: again: %s\n",
                 (unsigned long long)dying.seed, what, worker ? "an actor or a slot of" : "the loop of", rank, dying.again);
    if (write(STDERR_FILENO, text, (size_t)n) < 0)
        return;
}

/* The program of actors runs in this process: what it does wrong, it does here. */
static void on_death(int number)
{
    char what[40];

    snprintf(what, sizeof what, "signal %d", number);
    say_last(what);
    sigaction(number, &dying.before[number], NULL);
}

/* By many small ticks: where a machine was stopped for a while, one long tick can come at once. */
static void on_tick(int number)
{
    (void)number;
    dying.still = *dying.events == dying.seen ? dying.still + 1 : 0;
    dying.seen = *dying.events;
    if (dying.still < STILL_TICKS)
        return;
    say_last("a turn that does not end");
    _exit(EXIT_FAILED);
}

static void watch_process(const struct emu_result *r)
{
    static const int deadly[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    struct sigaction death = {.sa_handler = on_death}, tick = {.sa_handler = on_tick, .sa_flags = SA_RESTART};
    struct itimerval every = {{1, 0}, {1, 0}};

    dying.events = &r->events;
    for (size_t i = 0; i < sizeof deadly / sizeof deadly[0]; i++)
        sigaction(deadly[i], &death, &dying.before[deadly[i]]);
    sigaction(SIGPROF, &tick, NULL);
    setitimer(ITIMER_PROF, &every, NULL);
}

/* -- one run -------------------------------------------------------------------------------------- */

/* Into the folder that is written down, if this run is. */
static void on_letter(void *dir, int rank, uint32_t number, const void *body, uint32_t bytes)
{
    struct reason why;

    if (letter_write(dir, 1, rank, number, body, bytes, &why) != 0)
        (void)say(0, &why);
}

/* dir: where its dead letters go; NULL without a journal. */
static int run_once(struct simulate *s, uint64_t seed, struct emu_plan *plan, FILE *journal, char *dir)
{
    struct emu_config config = {.spec = s->spec, .program = s->program.table, .ranks = s->ranks, .seed = seed,
                                .plan = plan, .out_dir = s->good_us ? s->out : s->good, .journal = journal,
                                .limit_us = s->good_us * LIMIT_TIMES + LIMIT_US, .self = dir,
                                .letter = dir ? on_letter : NULL};
    struct reason why;
    char name[256];
    int rc;

    if (s->good_us)
        empty_folder(s->out);
    dying.seed = seed;
    dying.still = 0;
    print_replay(s, seed, s->args->faults, dying.again, sizeof dying.again);
    rc = emu_run(&config, &s->result, &why);
    if (rc != 0)
        return say(exit_for(rc), &why);
    if (s->good_us && !s->result.failure[0] && emu_plan_heals(plan) &&
        (!same_files(s->good, s->out, name, sizeof name) || !same_files(s->out, s->good, name, sizeof name)))
        snprintf(s->result.failure, sizeof s->result.failure, "%s is not what it is without faults", name);
    return 0;
}

/* -- a failure: shrink it, write it down ---------------------------------------------------------- */

static bool fails_still(struct simulate *s, uint64_t seed, const struct emu_plan *plan)
{
    struct emu_plan copy = *plan;

    return run_once(s, seed, &copy, NULL, NULL) == 0 && s->result.failure[0];
}

/* Leave out one fault after the other, and make the links smooth, as long as what is left fails too. */
static bool leave_out(struct simulate *s, uint64_t seed, struct emu_plan *plan, uint32_t fault)
{
    struct emu_plan less = *plan;

    less.count--;
    memmove(&less.faults[fault], &less.faults[fault + 1], (less.count - fault) * sizeof less.faults[0]);
    if (!fails_still(s, seed, &less))
        return false;
    *plan = less;
    return true;
}

static void smooth(struct simulate *s, uint64_t seed, struct emu_plan *plan)
{
    struct emu_plan less = *plan;

    less.links.dup = less.links.reorder = 0;
    if ((plan->links.dup || plan->links.reorder) && fails_still(s, seed, &less))
        *plan = less;
}

static void shrink(struct simulate *s, uint64_t seed, struct emu_plan *plan)
{
    bool less;

    do {
        less = false;
        for (uint32_t i = plan->count; i-- > 0;)
            less |= leave_out(s, seed, plan, i);
    } while (less);
    smooth(s, seed, plan);
}

/* The run's folder, as `events` reads it: its journal, and beside it the script that gives its plan. */
static FILE *begin_folder(const struct simulate *s, uint64_t seed, const struct emu_plan *plan, char *dir, size_t room)
{
    char name[128];
    FILE *f, *journal = NULL;

    snprintf(dir, room, "simulate.%llu.tw", (unsigned long long)seed);
    (void)mkdir(dir, 0777);
    snprintf(name, sizeof name, "%s/faults", dir);
    f = fopen(name, "w");
    if (f) {
        emu_plan_write(plan, s->spec, f);
        fclose(f);
        snprintf(name, sizeof name, "%s/journal.1.0.jsonl", dir);
        journal = fopen(name, "w");
    }
    if (!journal)
        fprintf(stderr, "treewarden: simulate: %s: cannot be written: %s: start it from a folder of your own\n", dir,
                strerror(errno));
    return journal;
}

static void write_down(struct simulate *s, uint64_t seed, struct emu_plan *plan, char *dir, size_t room)
{
    FILE *journal = begin_folder(s, seed, plan, dir, room);

    (void)run_once(s, seed, plan, journal, journal ? dir : NULL);
    if (journal)
        fclose(journal);
}

static void on_failure(struct simulate *s, uint64_t seed, const struct emu_plan *struck)
{
    struct emu_plan plan = *struck;
    char first[512], dir[64], script[80], replay[4096];

    s->failed++;
    snprintf(first, sizeof first, "%s", s->result.failure);
    shrink(s, seed, &plan);
    write_down(s, seed, &plan, dir, sizeof dir);
    snprintf(script, sizeof script, "%s/faults", dir);
    print_replay(s, seed, script, replay, sizeof replay);
    if (s->failures) {
        json_array_append_new(s->failures, json_pack("{s:I,s:s,s:s,s:i,s:i,s:s,s:s,s:s}", "seed", (json_int_t)seed,
                                                     "failure", first, "shrunk_failure", s->result.failure, "faults",
                                                     (int)struck->count, "faults_shrunk", (int)plan.count, "script",
                                                     script, "state_dir", dir, "replay", replay));
        return;
    }
    printf("seed %llu: %s\n", (unsigned long long)seed, first);
    printf("  %u of its %u faults are enough: %s: %s\n", plan.count, struck->count, script,
           s->result.failure[0] ? s->result.failure : first);
    printf("  journal: treewarden events --state-dir %s\n  again:   %s%s\n", dir, replay,
           s->args->twice ? " --twice" : "");
    fflush(stdout);
}

/* -- all runs ------------------------------------------------------------------------------------- */

static void note(struct simulate *s, const struct emu_plan *plan)
{
    const struct verdict *v = &s->result.verdict;

    s->runs++;
    s->virtual_us += s->result.virtual_us;
    s->events += s->result.events;
    s->checks += s->result.checks;
    if (s->result.detection_us > s->detection_us)
        s->detection_us = s->result.detection_us;
    for (uint32_t i = 0; i < plan->count; i++)
        s->struck[plan->faults[i].kind] += plan->faults[i].fired;
    for (uint32_t i = 0; i < v->fault_count; i++) {
        const struct verdict_fault *f = &v->faults[i];

        if (f->injected_us && f->detected_us > f->injected_us && f->detected_us - f->injected_us > s->detection_us)
            s->detection_us = f->detected_us - f->injected_us;
        if (f->resumed_us > f->detected_us && f->resumed_us - f->detected_us > s->recovery_us)
            s->recovery_us = f->resumed_us - f->detected_us;
    }
}

static int run_seed(struct simulate *s, uint64_t seed)
{
    struct emu_plan plan, again;
    FILE *journal = NULL;
    uint64_t digest;
    char dir[64];
    int rc;

    emu_plan_draw(&s->script, s->spec, s->ranks, seed, s->good_us, &plan);
    if (s->args->keep && !(journal = begin_folder(s, seed, &plan, dir, sizeof dir)))
        return EXIT_CANTCREAT;
    rc = run_once(s, seed, &plan, journal, journal ? dir : NULL);
    if (journal)
        fclose(journal);
    if (rc != 0)
        return rc;
    note(s, &plan);
    digest = s->result.digest;
    if (s->args->twice && !s->result.failure[0]) {
        again = plan;
        rc = run_once(s, seed, &again, NULL, NULL);
        if (s->result.digest != digest)
            snprintf(s->result.failure, sizeof s->result.failure, "a second run of the same seed has another journal: "
                     "something looks past the ports");
    }
    if (s->result.failure[0])
        on_failure(s, seed, &plan);
    return rc;
}

/* The run all others are compared with. */
static int run_good(struct simulate *s)
{
    struct emu_plan plan = {.links = {.delay_us = 200}};
    int rc = run_once(s, 0, &plan, NULL, NULL);

    if (rc == 0 && s->result.failure[0]) {
        fprintf(stderr, "treewarden: %s: does not end well even without faults: %s: mend the job first\n", s->args->file,
                s->result.failure);
        return EXIT_FAILED;
    }
    s->good_us = s->result.virtual_us;
    return rc;
}

static void print_json(const struct simulate *s)
{
    json_t *struck = json_object(), *doc;

    for (unsigned i = 0; i < EMU_FAULT_COUNT; i++)
        if (s->struck[i])
            json_object_set_new(struck, emu_fault_name(i), json_integer((json_int_t)s->struck[i]));
    doc = json_pack("{s:s,s:i,s:s,s:i,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o,s:O}", "schema", "treewarden.simulate", "version", 1,
                    "file", s->args->file, "ranks", s->ranks, "runs", (json_int_t)s->runs, "failed",
                    (json_int_t)s->failed, "virtual_us", (json_int_t)s->virtual_us, "wall_us", (json_int_t)s->wall_us,
                    "events", (json_int_t)s->events, "checks", (json_int_t)s->checks, "worst_detection_us",
                    (json_int_t)s->detection_us, "worst_recovery_us", (json_int_t)s->recovery_us, "struck", struck,
                    "failures", s->failures);
    json_dumpf(doc, stdout, JSON_INDENT(1));
    putchar('\n');
    json_decref(doc);
}

static void print_summary(const struct simulate *s)
{
    bool any = false;

    printf("%llu run%s on %d rank%s, %llu failed; %.1f s of virtual time in %.1f s, %.0f events a second, all looked at "
           "%llu times\n", (unsigned long long)s->runs, s->runs == 1 ? "" : "s", s->ranks, s->ranks == 1 ? "" : "s",
           (unsigned long long)s->failed, (double)s->virtual_us / 1e6, (double)s->wall_us / 1e6,
           (double)s->events * 1e6 / (double)(s->wall_us + 1), (unsigned long long)s->checks);
    printf("faults:");
    for (unsigned i = 0; i < EMU_FAULT_COUNT; i++) {
        if (s->struck[i])
            printf(" %s %llu", emu_fault_name(i), (unsigned long long)s->struck[i]);
        any |= s->struck[i] > 0;
    }
    printf("%s; worst detection %.1f ms, worst recovery %.1f ms\n", any ? "" : " none", (double)s->detection_us / 1e3,
           (double)s->recovery_us / 1e3);
}

static int make_folders(struct simulate *s)
{
    const char *tmp = getenv("TMPDIR");

    snprintf(s->box, sizeof s->box, "%.40s/tw-sim.XXXXXX", tmp && tmp[0] ? tmp : "/tmp");
    if (!mkdtemp(s->box)) {
        fprintf(stderr, "treewarden: %s: no folder can be made there: set TMPDIR to one with room\n", s->box);
        return EXIT_CANTCREAT;
    }
    snprintf(s->good, sizeof s->good, "%s/good", s->box);
    snprintf(s->out, sizeof s->out, "%s/out", s->box);
    (void)mkdir(s->good, 0700);
    (void)mkdir(s->out, 0700);
    return 0;
}

static void remove_folders(const struct simulate *s)
{
    empty_folder(s->good);
    empty_folder(s->out);
    (void)rmdir(s->good);
    (void)rmdir(s->out);
    (void)rmdir(s->box);
}

static void tell(void *self, const char *text)
{
    (void)self;
    fprintf(stderr, "treewarden: %s\n", text);
}

static int load(struct simulate *s)
{
    const struct simulate_args *a = s->args;
    struct reason why;
    int rc = load_spec(a->file, a->sets, a->set_count, false, &s->spec);

    if (rc == 0)
        rc = load_program(s->spec, tell, NULL, &s->program);
    if (rc != 0)
        return rc;
    if (s->spec->devices.kind != SPEC_DEVICE_HOST)      /* played by host workers; of `any` nobody can know */
        spec_settle(s->spec, s->spec->devices.kind == SPEC_DEVICE_CUDA ? SPEC_DEVICE_CUDA : SPEC_DEVICE_HOST, 0);
    s->ranks = ranks_for(s->spec, a->ranks, &why);
    if (s->ranks == 0)
        return say(EXIT_CONFIG, &why);
    if (!strcmp(a->faults, "default"))
        emu_script_default(&s->script);
    else if (!strcmp(a->faults, "none"))
        emu_script_none(&s->script);
    else if ((rc = emu_script_read(a->faults, s->spec, s->ranks, &s->script, &why)) != 0)
        return say(exit_for(rc), &why);
    return 0;
}

static int run_all(struct simulate *s)
{
    uint64_t began = clock_us();
    int rc = run_good(s);

    for (uint64_t seed = s->args->first; rc == 0 && seed <= s->args->last; seed++)
        rc = run_seed(s, seed);
    s->wall_us = clock_us() - began;
    return rc;
}

static int run_and_print(struct simulate *s)
{
    int rc;

    watch_process(&s->result);
    rc = run_all(s);
    if (rc == 0 && s->args->json)
        print_json(s);
    else if (rc == 0 && (!s->args->quiet || s->failed))
        print_summary(s);
    return rc ? rc : s->failed ? EXIT_FAILED : EXIT_DONE;
}

/* The runs are a child's: whatever an actor does to it, the folders are removed. */
static int run_in_child(struct simulate *s)
{
    pid_t parent = getpid(), child = fork();
    int status;

    if (child < 0) {
        fprintf(stderr, "treewarden: simulate: no process can be made: %s: try again\n", strerror(errno));
        return EXIT_OS;
    }
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        exit(getppid() == parent ? run_and_print(s) : EXIT_OS);
    }
    signal(SIGINT, SIG_IGN);            /* it is the child's, as TERM is: then we clear away */
    signal(SIGTERM, SIG_IGN);
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return EXIT_OS;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int simulate(const struct simulate_args *a)
{
    static struct simulate s;           /* large: a verdict lies in it */
    int rc;

    s.args = a;
    s.failures = a->json ? json_array() : NULL;
    log_set_level(LOG_ERROR);           /* faults are what it is about */
    rc = load(&s);
    if (rc == 0)
        rc = make_folders(&s);
    if (rc == 0) {
        rc = run_in_child(&s);
        remove_folders(&s);
    }
    json_decref(s.failures);
    spec_free(s.spec);
    return rc;
}

/* -- scenarios ------------------------------------------------------------------------------------ */

/* On simulated ranks.  What did not hold is said behind what was printed until then. */
static int simulate_on_ranks(const struct simulate_args *a, const struct scenario_out *out)
{
    static struct emu_result result;    /* large: a verdict lies in it */
    struct loaded_program program;
    struct scenario_ranks c = {.file = a->scenario, .ranks = a->ranks, .homes = a->homes, .seed = a->first};
    struct reason why;
    int rc = scenario_program_open(&program, &why);

    log_set_level(LOG_ERROR);
    snprintf(dying.again, sizeof dying.again, "treewarden simulate --scenario %s --ranks %d --homes %s --seed %llu",
             a->scenario, a->ranks, a->homes_text ? a->homes_text : "spread", (unsigned long long)a->first);
    dying.seed = a->first;
    watch_process(&result);
    c.program = program.table;
    if (rc == 0)
        rc = scenario_run_on_ranks(&c, out, &result, &why);
    if (rc != 0)
        return say(exit_for(rc), &why);
    if (!result.failure[0])
        return EXIT_DONE;
    (void)fflush(stdout);
    reason_set(&why, TW_ESTATE, "%s: %.300s: again: %.400s", a->scenario, result.failure, dying.again);
    return say(EXIT_FAILED, &why);
}

static int simulate_scenario(const struct simulate_args *a)
{
    const struct scenario_out *out = a->json ? &scenario_trace_json : &scenario_trace_text;
    struct reason why;
    int rc;

    if (a->ranks)
        return simulate_on_ranks(a, out);
    rc = scenario_run(a->scenario, out, &why);
    return rc == 0 ? EXIT_DONE : say(exit_for(rc), &why);
}

/* -- options -------------------------------------------------------------------------------------- */

enum { OPTION_SEEDS = 0x100, OPTION_FAULTS, OPTION_RANKS, OPTION_KEEP, OPTION_TWICE, OPTION_HOMES };

static uint64_t number(struct argp_state *state, const char *option, const char *text, const char **ret_end)
{
    char *end;
    unsigned long long v = strtoull(text, &end, 10);

    if (end == text || text[0] == '-')
        argp_error(state, "%s %s: not a whole number", option, text);
    *ret_end = end;
    return v;
}

static void parse_seeds(struct simulate_args *a, const char *text, struct argp_state *state)
{
    const char *rest;

    a->first = a->last = number(state, "--seeds", text, &rest);
    if (!strncmp(rest, "..", 2))
        a->last = number(state, "--seeds", rest + 2, &rest);
    if (*rest || a->last < a->first)
        argp_error(state, "--seeds %s: write for example 1..100", text);
}

/* What is for the other kind of run, or for ranks where there are none. */
static void check_options(const struct simulate_args *a, const struct argp_state *state)
{
    if (!a->file == !a->scenario)
        argp_error(state, "give a specification, or --scenario FILE");
    if (a->file && a->homes_text)
        argp_error(state, "--homes is for --scenario");
    if (a->scenario && (a->set_count || a->twice || a->keep || a->quiet || strcmp(a->faults, "default") != 0))
        argp_error(state, "--set, --faults, --keep, --twice and --quiet are for specifications");
    if (a->scenario && !a->ranks && (a->homes_text || a->seeds_given))
        argp_error(state, "%s is for simulated ranks: say how many with --ranks", a->homes_text ? "--homes" : "--seed");
    if (a->scenario && a->first != a->last)
        argp_error(state, "a scenario is one run: give it one --seed");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct simulate_args *a = state->input;
    const char *rest;

    switch (key) {
    case 'f': a->scenario = arg; return 0;
    case 's':
        add_set(a->sets, &a->set_count, arg, state);
        return 0;
    case OPTION_RANKS:
        a->ranks = (int)number(state, "--ranks", arg, &rest);
        if (*rest || a->ranks < 1 || a->ranks > 1024)
            argp_error(state, "--ranks %s: from 1 to 1024", arg);
        return 0;
    case OPTION_SEEDS:
        a->seeds_given = true;
        parse_seeds(a, arg, state);
        return 0;
    case OPTION_HOMES:
        a->homes_text = arg;
        read_homes(&a->homes, arg, state);
        return 0;
    case OPTION_FAULTS: a->faults = arg; return 0;
    case OPTION_KEEP: a->keep = true; return 0;
    case OPTION_TWICE: a->twice = true; return 0;
    case 'q': a->quiet = true; return 0;
    case 'j': a->json = true; return 0;
    case ARGP_KEY_ARG:
        if (a->file)
            argp_error(state, "one specification, please");
        a->file = arg;
        return 0;
    case ARGP_KEY_END: check_options(a, state); return 0;
    }
    return ARGP_ERR_UNKNOWN;
}

int cmd_simulate(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"ranks", OPTION_RANKS, "N", 0, "so many ranks (the fewest the job fits on)", 1},
        {"seeds", OPTION_SEEDS, "A..B", 0, "a run for each seed (1)", 1},
        {"seed", OPTION_SEEDS, "S", 0, "one run", 1},
        {"faults", OPTION_FAULTS, "none|default|FILE", 0, "what strikes: doc/simulator.md (default)", 1},
        {"set", 's', "PATH.KEY=VALUE", 0, "override a value of the specification", 1},
        {"keep", OPTION_KEEP, NULL, 0, "write every run's script and journal to simulate.SEED.tw, not only failed ones'", 1},
        {"twice", OPTION_TWICE, NULL, 0, "run each seed a second time: the journals must be equal", 1},
        {"json", 'j', NULL, 0, "one JSON document; of a scenario, an object for each line", 1},
        {"quiet", 'q', NULL, 0, "say nothing when all is well", 1},
        {"scenario", 'f', "FILE", 0, "instead: a tree and events (.scn); prints its trace, with --ranks that of ranks", 2},
        {"homes", OPTION_HOMES, "HOMES", 0, "where its vertices live: spread, branch, seed:N or map:N (spread)", 2},
        {0}};
    static const struct argp argp = {options, parse, "SPEC\n--scenario FILE",
                                     "Run a whole job - real ranks, real actors - on virtual time, under faults drawn "
                                     "from a seed, and compare what it writes with a run without faults.", NULL, NULL, NULL};
    static struct simulate_args a = {.faults = "default", .first = 1, .last = 1};

    argp_err_exit_status = EXIT_USAGE;
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    return a.file ? simulate(&a) : simulate_scenario(&a);
}
