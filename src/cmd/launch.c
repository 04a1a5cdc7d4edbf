/* launch.c - `treewarden launch`: mpirun with the right flags, progress, and the verdict as exit status */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/paths.h"
#include "cmd/broom.h"
#include "cmd/cmd.h"
#include "cmd/job_here.h"
#include "cmd/mpirun.h"
#include "cmd/proc.h"
#include "emu/scenario.h"
#include "face/client.h"
#include "shared/rc.h"
#include "spec/scenario_tree.h"
#include "spec/spec.h"
#include "store/verdict.h"

#define POLL_MS 100
#define STOP_MS 30000                   /* from the time limit on: what has not stopped in order by then, mpirun ends */
#define ASKED_IN_ORDER 2                /* a third signal is for mpirun: it ends the job within half a second */
#define AFTER_VERDICT_MS 5000           /* mpirun gets so long to end once the verdict is there */
#define LOOK_MS 500                     /* are there ranks? */
#define EMPTY_MS 2000                   /* mpirun gets so long to end when there were, and are none any more */

struct launch_args {
    const char *file, *scenario, *homes, *hosts, *state_dir, *out_dir, *sets[SETS_MAX], *seed;
    int ranks, set_count;
    uint64_t limit_ms;
    bool drills, json, quiet;
};

struct launch {
    struct launch_args args;
    char job[32], job_dir[4096], state_dir[4096], seed[24];
    const char *mpirun;
    pid_t child;
    struct broom broom;
    int asked;                          /* signals passed on */
    pid_t rank;                         /* one that was seen last; 0 = none yet */
    uint64_t looked_ms, empty_ms;       /* empty_ms: since when there is none; 0 = there is */
    struct words words;
};

static volatile sig_atomic_t pending;

static void on_signal(int number) { pending = number; }

static uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

static void nap(long ms) { nanosleep(&(struct timespec){0, ms * 1000000L}, NULL); }

/* -- before ---------------------------------------------------------------------------------------- */

static int run_self(const char *const *words)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        execv("/proc/self/exe", (char *const *)(void *)words);
        _exit(EXIT_OS);
    }
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return EXIT_OS;
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    fprintf(stderr, "treewarden: launch: the check of the job died of signal %d: the actor program's own start-up code "
            "faults: see `treewarden check`\n", WTERMSIG(status));
    return EXIT_DATA;
}

static int check_scenario(const struct launch_args *a)
{
    struct scenario_tree tree = {.spec = NULL};
    struct scenario_node *nodes = NULL;
    struct scenario_homes homes;
    uint32_t count;
    struct reason why;
    int rc = scenario_rehearse(a->scenario, &nodes, &count, &why);

    if (rc == 0)
        rc = scenario_tree_make(a->scenario, nodes, count, &tree, &why);
    free(nodes);
    if (rc == 0 && scenario_homes_parse(a->homes, &homes) == 0) {       /* as it did with the options */
        rc = scenario_tree_place(&tree, &homes, a->ranks, &why);
        scenario_tree_free(&tree);
    }
    return rc == 0 ? 0 : say(exit_for(rc), &why);
}

/* The specification's own errors are said once, here, and no rank is started for them. */
static int check_first(const struct launch_args *a)
{
    const char *words[2 * SETS_MAX + 8] = {"treewarden", "check", "-q", "-n"};
    char ranks[16];
    int n = 5;

    if (a->scenario)
        return check_scenario(a);
    snprintf(ranks, sizeof ranks, "%d", a->ranks);
    words[4] = ranks;
    for (int i = 0; i < a->set_count; i++) {
        words[n++] = "--set";
        words[n++] = a->sets[i];
    }
    words[n++] = a->file;
    return run_self(words);
}

static int name_job(struct launch *l)
{
    const char *slurm = getenv("SLURM_JOB_ID");
    uint32_t random = 0;
    struct reason why;
    int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC), rc;

    if (fd < 0 || read(fd, &random, sizeof random) != sizeof random)
        random = (uint32_t)getpid() ^ (uint32_t)now_ms();
    if (fd >= 0)
        close(fd);
    if (slurm)
        snprintf(l->job, sizeof l->job, "s%.20s-%04x", slurm, random & 0xffff);      /* one allocation, many jobs */
    else
        snprintf(l->job, sizeof l->job, "%08x", random);
    paths_job_dir(l->job, l->job_dir, sizeof l->job_dir);
    broom_start(&l->broom, l->job, l->job_dir);
    rc = paths_make(l->job_dir, &why);
    return rc == 0 ? 0 : say(EXIT_CANTCREAT, &why);
}

static int name_state_dir(struct launch *l)
{
    const char *file = l->args.scenario ? l->args.scenario : l->args.file, *base = strrchr(file, '/');
    char name[64];
    struct reason why;
    int rc;

    base = base ? base + 1 : file;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(base, "."), base);
    if (l->args.state_dir)
        snprintf(l->state_dir, sizeof l->state_dir, "%s", l->args.state_dir);
    else
        snprintf(l->state_dir, sizeof l->state_dir, "%s.%s.tw", name, l->job);
    rc = paths_state_is_free(l->state_dir, &why);
    if (rc == 0)
        rc = paths_make(l->state_dir, &why);
    return rc == 0 ? 0 : say(EXIT_CANTCREAT, &why);
}

static void run_line(struct launch *l)
{
    struct words *w = &l->words;
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

    self[n > 0 ? n : 0] = '\0';
    words_add(w, self);
    words_add_all(w, (const char *const[]){"run", "--state-dir", NULL});
    words_add(w, l->state_dir);
    if (l->args.out_dir) {
        words_add(w, "--out");
        words_add(w, l->args.out_dir);
    }
    if (l->args.drills)
        words_add(w, "--drills");
    if (l->args.seed) {
        words_add(w, "--seed");
        words_add(w, l->args.seed);
    }
    for (int i = 0; i < l->args.set_count; i++) {
        words_add(w, "--set");
        words_add(w, l->args.sets[i]);
    }
    if (l->args.file) {
        words_add(w, l->args.file);
        return;
    }
    words_add_all(w, (const char *const[]){"--scenario", l->args.scenario, "--homes", l->args.homes, NULL});
    if (l->args.json)
        words_add(w, "--json");
}

/* -- during ---------------------------------------------------------------------------------------- */

static int start(struct launch *l)
{
    setenv("TREEWARDEN_JOBID", l->job, 1);
    setenv("TREEWARDEN_GENERATION", "1", 1);
    l->child = mpirun_start(&l->words, l->job_dir, &l->broom);
    return l->child > 0 ? 0 : EXIT_OS;
}

static void print_progress(struct launch *l, bool *shown)
{
    static const char request[] = "{\"verb\":\"status\"}";
    struct reason why;
    char *text = NULL;
    json_t *o;
    const json_t *a;

    if (client_ask(l->job, 0, request, 300, &text, &why) != 0)
        return;
    o = json_loads(text, 0, NULL);
    free(text);
    a = json_object_get(o, "actors");
    fprintf(stderr, "%s  %5.1f s  running %lld, done %lld, other %lld; drills fired %lld, left %lld; steps of rank 0: "
            "%lld%s", isatty(STDERR_FILENO) && *shown ? "\r" : "",
            (double)json_integer_value(json_object_get(o, "tree_us")) / 1e6,
            (long long)json_integer_value(json_object_get(a, "running")),
            (long long)json_integer_value(json_object_get(a, "done")),
            (long long)(json_integer_value(json_object_get(a, "starting")) +
                        json_integer_value(json_object_get(a, "restarting")) +
                        json_integer_value(json_object_get(a, "stopped")) +
                        json_integer_value(json_object_get(a, "new"))),
            (long long)json_integer_value(json_object_get(o, "drills_fired")),
            (long long)json_integer_value(json_object_get(o, "drills_left")),
            (long long)json_integer_value(json_object_get(o, "progress_of_this_rank")),
            isatty(STDERR_FILENO) ? "  " : "\n");
    *shown = true;
    json_decref(o);
}

static bool verdict_is_there(const struct launch *l)
{
    char name[4200];

    snprintf(name, sizeof name, "%s/verdict.1.json", l->state_dir);
    return access(name, R_OK) == 0;
}

static void pass_on(struct launch *l)
{
    int number = pending;

    if (!number)
        return;
    pending = 0;
    if (number == SIGUSR2 || l->asked++ < ASKED_IN_ORDER)
        job_signal(l->job, l->child, number, 0);
    else
        kill(l->child, number);
}

static void keep_time_limit(struct launch *l, uint64_t ran_ms, bool *limited)
{
    if (!l->args.limit_ms || ran_ms < l->args.limit_ms)
        return;
    if (!*limited)
        job_signal(l->job, l->child, SIGTERM, 0);
    else if (ran_ms >= l->args.limit_ms + STOP_MS)
        kill(l->child, SIGTERM);
    *limited = true;
}

/* An mpirun whose own abort hangs has no rank left, and would be waited for for ever.  With hosts named, ranks may be
 * where they cannot be seen. */
static void end_empty(struct launch *l, uint64_t now)
{
    struct proc_stat st;
    pid_t rank;

    if (l->args.hosts || now - l->looked_ms < LOOK_MS)
        return;
    l->looked_ms = now;
    if (l->rank && proc_stat(l->rank, &st) && st.parent == l->child && st.state != 'Z') {
        l->empty_ms = 0;
        return;
    }
    (void)job_here(l->job, l->child, &rank);    /* dear, so only when that one is gone */
    if (rank || !l->rank)
        l->empty_ms = 0;
    else if (!l->empty_ms)
        l->empty_ms = now;
    else if (now - l->empty_ms >= EMPTY_MS)
        kill(l->child, SIGKILL);
    l->rank = rank ? rank : l->rank;
}

/* Until mpirun has ended.  Returns its wait status. */
static int follow(struct launch *l)
{
    uint64_t begun = now_ms(), shown_ms = begun, verdict_ms = 0, step = isatty(STDERR_FILENO) ? 1000 : 3000;
    bool shown = false, limited = false;
    int status;

    while (waitpid(l->child, &status, WNOHANG) == 0) {
        uint64_t now = now_ms();

        pass_on(l);
        keep_time_limit(l, now - begun, &limited);
        end_empty(l, now);
        if (!verdict_ms && verdict_is_there(l))
            verdict_ms = now;
        if (verdict_ms && now - verdict_ms > AFTER_VERDICT_MS)
            kill(l->child, now - verdict_ms > 2 * AFTER_VERDICT_MS ? SIGKILL : SIGTERM);
        if (!l->args.quiet && now - shown_ms >= step) {
            print_progress(l, &shown);
            shown_ms = now;
        }
        nap(POLL_MS);
    }
    if (shown && isatty(STDERR_FILENO))
        fputc('\n', stderr);
    return limited ? -1 : status;
}

/* -- after ----------------------------------------------------------------------------------------- */

static void clean_up(struct launch *l)
{
    if (l->job_dir[0])
        broom_finish(&l->broom, l->job, l->job_dir);
    words_free(&l->words);
}

/* What mpirun ends with is a rank's own code where that refused the job, else a number of mpirun's. */
static int of_a_rank(int code)
{
    switch (code) {
    case EXIT_USAGE: case EXIT_DATA: case EXIT_NOINPUT: case EXIT_UNAVAILABLE: case EXIT_INTERNAL: case EXIT_OS:
    case EXIT_CANTCREAT: case EXIT_CONFIG:
        return code;
    }
    return EXIT_FAILED;
}

static int judge(const struct launch *l, int status)
{
    static struct verdict v;
    struct reason why;
    int rc = verdict_read(l->state_dir, &v, &why);

    if (rc != 0 && status == -1) {
        fprintf(stderr, "treewarden: launch: the time limit came before the job had begun, and there is no verdict: give "
                "it more time\n");
        return EXIT_TIMELIMIT;
    }
    if (rc != 0 && WIFEXITED(status) && WEXITSTATUS(status) >= EXIT_DATA &&
        WEXITSTATUS(status) <= EXIT_CONFIG) {       /* a rank refused: nobody was killed */
        fprintf(stderr, "treewarden: launch: the job did not begin (exit %d): see what its ranks say above\n",
                WEXITSTATUS(status));
        return of_a_rank(WEXITSTATUS(status));
    }
    if (rc != 0) {
        fprintf(stderr, "treewarden: launch: mpirun ended (%s %d) and left no verdict in %s: it or a rank was killed "
                "before the job began or while it stopped: see what they said above\n",
                WIFSIGNALED(status) ? "signal" : "exit", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
                l->state_dir);
        return WIFEXITED(status) ? of_a_rank(WEXITSTATUS(status)) : EXIT_FAILED;
    }
    if (l->args.scenario)
        return status == -1 ? EXIT_TIMELIMIT : v.exit_code;     /* rank 0 has printed its trace */
    if (l->args.json) {
        (void)print_verdict_json(l->state_dir, 1);
    } else if (!l->args.quiet) {
        verdict_print(&v, stdout);
    }
    return status == -1 ? EXIT_TIMELIMIT : v.exit_code;
}

static int find_mpirun(struct launch *l)
{
    struct reason why;
    int code = mpirun_find(&l->mpirun, &why);

    if (code != 0)
        reason_prefix(&why, "launch");
    return code == 0 ? 0 : say(code, &why);
}

static int launch(struct launch *l)
{
    struct sigaction on = {.sa_handler = on_signal};
    int code = check_first(&l->args), status;

    if (code == 0)
        code = find_mpirun(l);
    if (code == 0)
        code = name_job(l);
    if (code == 0)
        code = name_state_dir(l);
    if (code == 0 && verdict_is_there(l)) {
        fprintf(stderr, "treewarden: launch: %s: it holds the verdict of another job: give another --state-dir\n",
                l->state_dir);
        code = EXIT_CANTCREAT;
    }
    if (code != 0) {
        clean_up(l);
        return code;
    }
    mpirun_line(&l->words, l->mpirun, l->args.hosts, l->args.ranks, l->job_dir);
    run_line(l);
    sigaction(SIGINT, &on, NULL);
    sigaction(SIGTERM, &on, NULL);
    sigaction(SIGUSR1, &on, NULL);
    sigaction(SIGUSR2, &on, NULL);
    if (!l->args.quiet)
        fprintf(stderr, "job %s: %d ranks, state in %s%s%s\n", l->job, l->args.ranks, l->state_dir,
                l->args.seed ? ", seed " : "", l->args.seed ? l->args.seed : "");
    code = start(l);
    status = code == 0 ? follow(l) : 0;
    clean_up(l);
    return code ? code : judge(l, status);
}

/* -- options --------------------------------------------------------------------------------------- */

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct launch_args *a = state->input;
    struct scenario_homes homes;

    switch (key) {
    case 'n':
        a->ranks = atoi(arg);
        if (a->ranks < 1)
            argp_error(state, "-n %s: not a number of ranks", arg);
        return 0;
    case 'H': a->hosts = arg; return 0;
    case 's':
        add_set(a->sets, &a->set_count, arg, state);
        return 0;
    case 'd': a->drills = true; return 0;
    case 'S': a->seed = arg; return 0;
    case 'D': a->state_dir = arg; return 0;
    case 'o': a->out_dir = arg; return 0;
    case 'L':
        if (spec_duration_ms(arg) < 0)
            argp_error(state, "--time-limit %s: not a duration: write for example 10m", arg);
        a->limit_ms = (uint64_t)spec_duration_ms(arg);
        return 0;
    case 'j': a->json = true; return 0;
    case 'q': a->quiet = true; return 0;
    case 'f': a->scenario = arg; return 0;
    case 'M':
        read_homes(&homes, arg, state);
        a->homes = arg;
        return 0;
    case ARGP_KEY_ARG:
        if (a->file)
            argp_error(state, "one specification, please");
        a->file = arg;
        return 0;
    case ARGP_KEY_END: one_input(a->file, a->scenario, a->drills || a->set_count, a->homes != NULL, state); return 0;
    }
    return ARGP_ERR_UNKNOWN;
}

int cmd_launch(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {NULL, 'n', "N", 0, "ranks (1)", 0},
        {"hosts", 'H', "H1:2,H2:2", 0, "hosts and ranks on each, as mpirun's -H", 0},
        {"set", 's', "PATH.KEY=VALUE", 0, "override a value of the specification", 0},
        {"drills", 'd', NULL, 0, "carry out the drills of the specification", 0},
        {"seed", 'S', "N", 0, "draw them from this seed (random, printed)", 0},
        {"state-dir", 'D', "DIR", 0, "journals and verdict (./NAME.JOBID.tw)", 0},
        {"out", 'o', "DIR", 0, "files of host actors (STATE-DIR/out)", 0},
        {"time-limit", 'L', "TIME", 0, "stop the job in order after this; exit 124", 0},
        {"json", 'j', NULL, 0, "print the verdict as JSON; of a scenario, an object for each line", 0},
        {"quiet", 'q', NULL, 0, "no progress, no summary", 0},
        {"scenario", 'f', "FILE", 0, "instead: a tree and events (.scn); prints their trace", 1},
        {"homes", 'M', "HOMES", 0, "where its vertices live: spread, branch, seed:N or map:N (spread)", 1},
        {0}};
    static const struct argp argp = {options, parse, "SPEC\n--scenario FILE",
        "Start a job under mpirun, show how it goes, and exit with its verdict.", NULL, NULL, NULL};
    static struct launch l = {.args = {.ranks = 1}};

    argp_err_exit_status = EXIT_USAGE;
    argp_parse(&argp, argc, argv, 0, NULL, &l.args);
    if (l.args.drills && !l.args.seed) {
        snprintf(l.seed, sizeof l.seed, "%u", (unsigned)(now_ms() % 1000000u));
        l.args.seed = l.seed;
    }
    if (!l.args.homes)
        l.args.homes = "spread";
    return launch(&l);
}
