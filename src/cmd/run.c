/* run.c - `treewarden run SPEC`: one rank, wired together */
#include <argp.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/paths.h"
#include "cmd/cmd.h"
#include "cmd/job_gpus.h"
#include "cmd/scenario_program.h"
#include "cmd/scenario_trace.h"
#include "cmd/start_watch.h"
#include "core/suptree.h"
#include "emu/scenario.h"
#include "face/face.h"
#include "face/reply.h"
#include "mpi/mpi_link.h"
#include "shared/rc.h"
#include "spec/drills.h"
#include "spec/placement.h"
#include "spec/scenario_tree.h"
#include "spec/spec.h"
#include "store/journal.h"
#include "store/letter.h"
#include "store/verdict.h"
#include "sup/rank.h"
#include "sup/timeouts.h"
#include "worker/host_device.h"
#include "worker/zygote.h"


struct run_args {
    const char *file, *scenario, *sets[SETS_MAX], *state_dir, *out_dir;
    struct scenario_homes homes;
    int set_count;
    bool drills, json, homes_given;
    uint64_t seed;
    unsigned generation;
};

/* Everything of one rank's process; owned. */
struct run {
    struct run_args args;
    struct spec *spec;                  /* a scenario's is the tree's */
    struct scenario_tree tree;
    struct rank_scenario scenario;
    struct scenario *script;            /* rank 0's */
    struct loaded_program program;
    struct job_gpus gpus;
    struct placement places;
    struct drill *drills;
    struct zygote *zygote;
    struct mpi_link *mpi;
    struct device_port port;
    struct journal *journal;
    struct face *face;
    struct rank *rank;
    char job[64], state_dir[4096], out_dir[4160], socket[4096];
    int number, lock_fd, launcher_fd;
    bool under_mpi, launcher_lost;
    uint64_t started_us;
};

static volatile sig_atomic_t signalled, signals, dump_wanted;

/* The broom of a launch that was killed says so in the signal's value. */
static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)context;
    signalled = number | (info->si_code == SI_QUEUE && info->si_value.sival_int == SIGNAL_LAUNCH_LOST ?
                          SIGNAL_LAUNCH_LOST : 0);
    signals++;
}

static void on_dump(int number)
{
    (void)number;
    dump_wanted = 1;
}

static uint64_t clock_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static bool speaks(const struct run *r) { return r->number == 0; }

static int refuse(const struct run *r, int code, const struct reason *why)
{
    return speaks(r) ? say(code, why) : code;
}

/* -- who we are, before MPI ----------------------------------------------------------------------- */

static void identify(struct run *r)
{
    const char *number = getenv("OMPI_COMM_WORLD_RANK"), *job = getenv("TREEWARDEN_JOBID");
    const char *space = getenv("PMIX_NAMESPACE"), *generation = getenv("TREEWARDEN_GENERATION");

    if (!number)
        number = getenv("SLURM_PROCID");
    r->number = number ? atoi(number) : 0;
    r->under_mpi = number != NULL;
    r->args.generation = generation ? (unsigned)atoi(generation) : 1;
    if (job && job[0] && !strchr(job, '/'))
        snprintf(r->job, sizeof r->job, "%s", job);
    else if (space)
        snprintf(r->job, sizeof r->job, "%08x", (unsigned)spec_hash_text(space));
    else
        snprintf(r->job, sizeof r->job, "p%d", (int)getpid());
}

static void name_places(struct run *r)
{
    char cwd[2048] = ".";

    if (!getcwd(cwd, sizeof cwd))
        strcpy(cwd, ".");
    if (r->args.state_dir)
        snprintf(r->state_dir, sizeof r->state_dir, "%s%s%s", r->args.state_dir[0] == '/' ? "" : cwd,
                 r->args.state_dir[0] == '/' ? "" : "/", r->args.state_dir);
    else
        snprintf(r->state_dir, sizeof r->state_dir, "%s/%s.%s.tw", cwd, r->spec->name, r->job);
    if (r->args.out_dir)
        snprintf(r->out_dir, sizeof r->out_dir, "%s%s%s", r->args.out_dir[0] == '/' ? "" : cwd,
                 r->args.out_dir[0] == '/' ? "" : "/", r->args.out_dir);
    else
        snprintf(r->out_dir, sizeof r->out_dir, "%s/out", r->state_dir);
}

/* A path for workers, which run elsewhere. */
static int absolute_program(struct run *r)
{
    char *path = realpath(r->spec->program, NULL);

    if (!path)
        return EXIT_NOINPUT;
    free(r->spec->program);
    r->spec->program = path;
    return 0;
}

/* -- opening, in the order in which things must exist --------------------------------------------- */

static void tell(void *self, const char *text)
{
    if (speaks(self))
        fprintf(stderr, "treewarden: %s\n", text);
}

/* What is wrong with it is found by playing it on virtual time first, and so is every vertex it will ever have. */
static int open_scenario(struct run *r)
{
    struct scenario_node *nodes = NULL;
    uint32_t count;
    struct reason why;
    int rc = scenario_rehearse(r->args.scenario, &nodes, &count, &why);

    if (rc == 0)
        rc = scenario_tree_make(r->args.scenario, nodes, count, &r->tree, &why);
    free(nodes);
    if (rc == 0 && speaks(r))
        rc = scenario_open(r->args.scenario, r->args.json ? &scenario_trace_json : &scenario_trace_text, &r->script,
                           &why);
    if (rc == 0)
        rc = scenario_program_open(&r->program, &why);
    r->spec = r->tree.spec;
    if (rc != 0)
        return refuse(r, exit_for(rc), &why);
    r->spec->hash ^= r->args.homes.number + (uint64_t)r->args.homes.kind;
    r->scenario = (struct rank_scenario){.file = r->args.scenario, .start = r->tree.start, .on_stop = r->tree.on_stop};
    if (r->script)
        r->scenario.script = scenario_script(r->script);
    return 0;
}

static int open_job(struct run *r)
{
    int rc = load_spec(r->args.file, r->args.sets, r->args.set_count, !speaks(r), &r->spec);

    if (rc == 0)
        rc = load_program(r->spec, tell, r, &r->program);
    if (rc == 0)
        rc = absolute_program(r);
    if (rc == 0 && r->args.drills && !r->spec->drills_declared) {
        struct reason why;

        reason_set(&why, TW_EINVAL, "--drills: %s has no `drills:` list: add one, or start without --drills",
                   r->args.file);
        rc = refuse(r, EXIT_CONFIG, &why);
    }
    if (rc == 0 && r->args.drills)
        rc = drills_plan(r->spec, r->args.seed, &r->drills) ? EXIT_OS : 0;
    return rc;
}

static int open_files(struct run *r) { return r->args.scenario ? open_scenario(r) : open_job(r); }

/* A rank whose launcher is gone ends without MPI_Finalize, which would wait for it. */
static void look_for_launcher(struct run *r)
{
    struct pollfd p = {.fd = r->launcher_fd, .events = POLLIN};

    if (r->launcher_fd < 0 || poll(&p, 1, 0) <= 0)
        return;
    close(r->launcher_fd);
    r->launcher_fd = -1;
    r->launcher_lost = true;
}

/* Before any rank is past MPI's start, so that none of them writes into a live job's folder. */
static int see_state_dir(struct run *r)
{
    char verdict[4200];
    struct reason why;
    int rc;

    name_places(r);
    if (r->number != 0)
        return 0;
    snprintf(verdict, sizeof verdict, "%s/verdict.%u.json", r->state_dir, r->args.generation);
    rc = paths_state_is_free(r->state_dir, &why);
    if (rc == 0 && access(verdict, F_OK) == 0)
        rc = reason_set(&why, TW_EEXIST, "%s: it holds the verdict of another job: give another --state-dir",
                        r->state_dir);
    return rc == 0 ? 0 : say(EXIT_CANTCREAT, &why);
}

static int open_link(struct run *r)
{
    struct mpi_hello hello = {.spec_hash = r->spec->hash ^ r->args.seed ^ (r->args.drills ? 0x5eed : 0),
                              .program_hash = r->program.hash ^ (3 * r->gpus.fatbin_hash),
                              .devices = r->spec->devices.per_rank, .launcher_fd = r->launcher_fd};
    const struct share_claim claim = job_gpus_claim(&r->gpus);
    struct reason why;
    bool speak;
    int rc;

    _Static_assert(sizeof claim == sizeof hello.offer, "a claim is an offer");
    memcpy(hello.offer, &claim, sizeof claim);
    if (r->under_mpi)
        start_watch_begin();
    rc = mpi_link_open(&hello, &r->mpi, &why, &speak);
    start_watch_end();
    if (rc == 0)
        return 0;
    look_for_launcher(r);
    if (speak)
        say(0, &why);
    if (rc == TW_EPEER)
        return EXIT_FAILED;             /* a rank died: as it would be later */
    return rc == TW_EPROTO ? EXIT_CONFIG : exit_for(rc);
}

/* What the job's devices are: from what all ranks have found. */
static int settle_devices(struct run *r)
{
    struct link l = mpi_link_port(r->mpi);
    struct share_claim *claims = calloc((size_t)link_size(&l), sizeof *claims);
    struct reason why;
    bool speaks;
    int rc;

    if (!claims)
        return EXIT_OS;
    memcpy(claims, mpi_link_offers(r->mpi), (size_t)link_size(&l) * sizeof *claims);
    rc = job_gpus_settle(&r->gpus, r->spec, claims, link_size(&l), link_rank(&l), mpi_link_hosts(r->mpi), &why,
                         &speaks);
    free(claims);
    if (rc != 0 && speaks)
        say(0, &why);
    return rc == 0 ? 0 : EXIT_UNAVAILABLE;
}

static int open_places(struct run *r)
{
    struct link l = mpi_link_port(r->mpi);
    char dir[4096];
    struct reason why;
    int rc = settle_devices(r);

    if (rc != 0)
        return rc;
    if (r->args.scenario)
        rc = scenario_tree_place(&r->tree, &r->args.homes, link_size(&l), &why);
    if (rc == 0)
        rc = placement_make(r->spec, link_size(&l), &r->places, &why);
    r->number = link_rank(&l);
    if (rc != 0)
        return refuse(r, exit_for(rc), &why);
    if (r->number == 0) {
        r->lock_fd = paths_lock_state(r->state_dir, r->job, &why);
        rc = r->lock_fd < 0 ? r->lock_fd : 0;
    }
    if (rc == 0)
        rc = paths_make(r->state_dir, &why);
    if (rc == 0)
        rc = paths_make(r->out_dir, &why);
    paths_job_dir(r->job, dir, sizeof dir);
    if (rc == 0)
        rc = paths_make(dir, &why);
    return rc == 0 ? 0 : say(EXIT_CANTCREAT, &why);
}

static const char *path_of(const void *self, uint32_t vertex)
{
    const struct spec *s = self;

    return vertex < s->vertex_count ? s->vertices[vertex].path : "";
}

/* -- what the rank sends out ---------------------------------------------------------------------- */

struct verdict_job { struct verdict verdict; char dir[4096]; };

static void write_verdict(void *self)
{
    struct verdict_job *j = self;
    struct reason why = {""};
    int rc = verdict_write(j->dir, &j->verdict, &why);

    if (rc != 0 && rc != TW_EEXIST)
        log_error("%s", why.text);
    free(j);
}

static void on_verdict(void *self, const struct verdict *v)
{
    struct run *r = self;
    struct verdict_job *j = malloc(sizeof *j);

    if (!j)
        return;
    if (r->args.scenario)
        (void)fflush(stdout);           /* its trace is whole */
    if (r->args.scenario && v->exit_code != 0)
        fprintf(stderr, "treewarden: %s: %s\n", r->args.scenario, v->reason);
    j->verdict = *v;
    memcpy(j->dir, r->state_dir, sizeof j->dir);
    if (journal_defer(r->journal, write_verdict, j) != 0)
        write_verdict(j);
}

struct letter_job { char dir[4096]; unsigned generation; int rank; uint32_t number, bytes; char body[]; };

static void write_letter(void *self)
{
    struct letter_job *j = self;
    struct reason why;

    if (letter_write(j->dir, j->generation, j->rank, j->number, j->body, j->bytes, &why) != 0)
        log_error("%s", why.text);
    free(j);
}

static int on_letter(void *self, uint32_t number, const void *body, uint32_t bytes)
{
    struct run *r = self;
    struct letter_job *j = malloc(sizeof *j + bytes);

    if (!j)
        return TW_ENOMEM;
    *j = (struct letter_job){.generation = r->args.generation, .rank = r->number, .number = number, .bytes = bytes};
    memcpy(j->dir, r->state_dir, sizeof j->dir);
    memcpy(j->body, body, bytes);
    if (journal_defer(r->journal, write_letter, j) == 0)
        return 0;
    free(j);
    return TW_EFULL;
}

static void answer_text(struct run *r, uint64_t token, char *text)
{
    if (text)
        face_answer(r->face, token, text, strlen(text));
    free(text);
}

static void on_answer(void *self, uint64_t token, const struct rank_answer *a)
{
    const struct run *r = self;

    answer_text(self, token, reply_done(a->exit_code, a->matched, a->lives,
                                        a->answer ? suptree_answer_name(a->answer - 1) : NULL,
                                        a->child ? path_of(r->spec, a->child - 1) : NULL, a->text));
}

/* -- requests ------------------------------------------------------------------------------------- */

static int verb_of(const char *text)
{
#define X(name, word) if (!strcmp(text, word)) return VERB_##name;
    RANK_VERB_LIST(X)
#undef X
    return -1;
}

static void act(struct run *r, uint64_t token, const struct face_request *q)
{
    struct rank_command c = {.fresh = q->fresh, .dry = q->dry};
    int verb = verb_of(q->verb), how = 0;

    if (verb < 0) {
        answer_text(r, token, reply_error(EXIT_USAGE, "no such verb: status, tree, which, count, kill, terminate, "
                                          "restart, fail, child-..."));
        return;
    }
    if (verb == VERB_FAIL && ((how = drill_how_of(q->how)) < 0 || how == DRILL_KILL || how == DRILL_RESTART)) {
        answer_text(r, token, reply_error(EXIT_USAGE, "fail: --how must be fail, overrun, wedge, segv, kill-worker "
                                          "or stop-worker"));
        return;
    }
    c.verb = (uint32_t)verb;
    c.how = (uint32_t)how;
    memcpy(c.path, q->path, sizeof c.path);
    rank_command(r->rank, token, &c);
}

static void on_request(void *self, uint64_t token, const char *json, size_t bytes)
{
    struct run *r = self;
    struct face_request q;
    struct reason why;

    if (face_request_parse(json, bytes, &q, &why) != 0)
        answer_text(r, token, reply_error(EXIT_USAGE, why.text));
    else if (!strcmp(q.verb, "status"))
        answer_text(r, token, reply_status(rank_view(r->rank)));
    else if (!strcmp(q.verb, "tree"))
        answer_text(r, token, reply_tree(rank_view(r->rank), q.path));
    else if (!strcmp(q.verb, "which"))
        answer_text(r, token, reply_which(rank_view(r->rank), q.path));
    else if (!strcmp(q.verb, "count"))
        answer_text(r, token, reply_count(rank_view(r->rank), q.path));
    else
        act(r, token, &q);
}

static int open_rank(struct run *r)
{
    static const struct face_ops face_ops = {on_request};
    struct host_device_config dc = {.program = r->spec->program, .program_fd = r->program.image_fd,
                                    .name = r->spec->name, .out_dir = r->out_dir,
                                    .devices = r->places.devices[r->number], .cuda = (int)r->gpus.count,
                                    .uuids = r->gpus.uuids, .fatbin_fd = r->gpus.fatbin_fd};
    struct rank_config rc = {.spec = r->spec, .program = r->program.table, .rank_of = r->places.rank_of,
                             .device_of = r->places.device_of, .home_of = r->places.home_of,
                             .drills = r->drills, .drill_count = r->drills ? r->spec->drill_count : 0,
                             .drills_allowed = r->args.drills, .seed = r->args.seed,
                             .devices = r->places.devices[r->number], .devices_of = r->places.devices,
                             .gpus = r->gpus.count ? r->gpus.gpus : NULL, .devices_note = r->gpus.note,
                             .generation = r->args.generation,
                             .job = r->job, .state_dir = r->state_dir, .link = mpi_link_port(r->mpi),
                             .out = {.self = r, .answer = on_answer, .verdict = on_verdict, .letter = on_letter},
                             .host_of = mpi_link_hosts(r->mpi), .started_us = r->started_us,
                             .scenario = r->args.scenario ? &r->scenario : NULL};
    struct reason why;
    char who[32];

    snprintf(who, sizeof who, "rank %d", r->number);
    log_set_who(who);
    paths_socket(r->job, r->number, r->socket, sizeof r->socket);
    if (host_device_open(r->zygote, r->number, &dc, &r->port, &why) != 0)
        return say(EXIT_OS, &why);
    if (journal_open(r->state_dir, r->args.generation, r->number, path_of, r->spec, &r->journal, &why) != 0)
        return say(EXIT_CANTCREAT, &why);
    if (face_open(r->socket, &face_ops, r, &r->face, &why) != 0)
        return say(EXIT_CANTCREAT, &why);
    rc.port = r->port;
    rc.journal = r->journal;
    r->rank = rank_create(&rc, clock_us(), &why);
    return r->rank ? 0 : say(EXIT_OS, &why);
}

/* -- the loop ------------------------------------------------------------------------------------- */

static void take_signals(struct run *r)
{
    static sig_atomic_t told;
    int number = signalled;

    if (dump_wanted) {
        char *text = reply_status(rank_view(r->rank));

        dump_wanted = 0;
        if (text)
            fprintf(stderr, "%s\n", text);
        free(text);
    }
    if (signals == told)
        return;
    told = signals;
    if (number == SIGUSR1) {
        if (speaks(r))
            fprintf(stderr, "treewarden: SIGUSR1: states cannot be saved to files in this version: the job is "
                            "stopped in order instead\n");
        number = SIGTERM;
    }
    rank_signal(r->rank, number);
}

static void sleep_a_little(struct run *r, uint64_t us)
{
    struct pollfd fds[HOST_DEVICES_MAX + 49];
    int n = host_device_fds(&r->port, fds, HOST_DEVICES_MAX + 8);

    n += face_pollfds(r->face, fds + n, 36);
    if (r->launcher_fd >= 0)
        fds[n++] = (struct pollfd){.fd = r->launcher_fd, .events = POLLIN};
    fds[n] = (struct pollfd){.fd = mpi_link_fd(r->mpi), .events = POLLIN};
    (void)ppoll(fds, (nfds_t)n + 1, &(struct timespec){0, (long)us * 1000}, NULL);
    if (r->launcher_fd < 0 || !fds[n - 1].revents)
        return;
    look_for_launcher(r);
    if (r->launcher_lost)
        rank_launcher_lost(r->rank);
}

static int loop(struct run *r)
{
    int code;

    rank_start(r->rank, clock_us());
    for (;;) {
        uint64_t now = clock_us(), us;

        take_signals(r);
        face_turn(r->face, now / 1000);
        us = mpi_link_rest(r->mpi, rank_turn(r->rank, now));
        if (rank_ended(r->rank, &code))
            return code;
        if (us)
            sleep_a_little(r, us);
    }
}

/* -- closing -------------------------------------------------------------------------------------- */

static void remove_job_dir(const struct run *r)
{
    char dir[4096];

    paths_job_dir(r->job, dir, sizeof dir);
    rmdir(dir);                         /* the last rank of this host succeeds */
    paths_jobs_dir(dir, sizeof dir);
    rmdir(dir);
}

static void close_all(struct run *r, int code)
{
    journal_close(r->journal, 2000);
    if (r->args.json && r->rank && speaks(r) && !r->args.scenario) {
        (void)print_verdict_json(r->state_dir, r->args.generation);
        (void)fflush(stdout);
    }
    face_close(r->face);                /* a socket that is gone says: what I had to write is on disk */
    zygote_stop(r->zygote);
    remove_job_dir(r);
    look_for_launcher(r);               /* others may have seen it first, and be gone without a goodbye */
    if (r->launcher_lost)
        _exit(code);                    /* nobody is left for MPI to say goodbye to */
    if (r->mpi)
        mpi_link_close(r->mpi, CLOSE_MS, code);
    rank_destroy(r->rank);
    if (r->port.self)
        host_device_close(&r->port);
    free(r->drills);
    placement_free(&r->places);
    scenario_close(r->script);
    if (r->args.scenario)
        scenario_tree_free(&r->tree);
    else
        spec_free(r->spec);
}

static void watch_launcher(struct run *r)
{
    r->launcher_fd = -1;
    if (r->under_mpi)
        r->launcher_fd = (int)syscall(SYS_pidfd_open, getppid(), 0);
}

static void catch_signals(void)
{
    struct sigaction on = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO}, dump = {.sa_handler = on_dump};
    struct sigaction ignore = {.sa_handler = SIG_IGN};

    sigaction(SIGTERM, &on, NULL);
    sigaction(SIGINT, &on, NULL);
    sigaction(SIGUSR1, &on, NULL);
    sigaction(SIGUSR2, &dump, NULL);
    sigaction(SIGHUP, &dump, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
}

static int run(struct run *r)
{
    struct reason why;
    int code = open_files(r);

    if (code == 0)
        code = see_state_dir(r);
    if (code == 0)
        job_gpus_look(&r->gpus, r->spec);
    if (code == 0 && zygote_start(&r->zygote, &why) != 0)
        code = say(EXIT_OS, &why);
    if (code == 0)
        code = open_link(r);
    if (code == 0)
        code = open_places(r);
    if (code == 0)
        code = open_rank(r);
    if (code == 0) {
        catch_signals();
        code = loop(r);
    }
    close_all(r, code);
    return code;
}

/* -- options -------------------------------------------------------------------------------------- */

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct run_args *a = state->input;
    char *end;

    switch (key) {
    case 's':
        add_set(a->sets, &a->set_count, arg, state);
        return 0;
    case 'd': a->drills = true; return 0;
    case 'S':
        a->seed = strtoull(arg, &end, 0);
        if (*end || end == arg)
            argp_error(state, "--seed %s: not a number", arg);
        return 0;
    case 'D': a->state_dir = arg; return 0;
    case 'o': a->out_dir = arg; return 0;
    case 'j': a->json = true; return 0;
    case 'v': log_set_level(LOG_INFO); return 0;
    case 'f': a->scenario = arg; return 0;
    case 'H':
        a->homes_given = true;
        read_homes(&a->homes, arg, state);
        return 0;
    case ARGP_KEY_ARG:
        if (a->file)
            argp_error(state, "one specification, please");
        a->file = arg;
        return 0;
    case ARGP_KEY_END: one_input(a->file, a->scenario, a->drills || a->set_count, a->homes_given, state); return 0;
    }
    return ARGP_ERR_UNKNOWN;
}

int cmd_run(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"set", 's', "PATH.KEY=VALUE", 0, "override a value of the specification", 0},
        {"drills", 'd', NULL, 0, "carry out the drills of the specification, and allow `fail`", 0},
        {"seed", 'S', "N", 0, "draw the drills from this seed (1)", 0},
        {"state-dir", 'D', "DIR", 0, "journals and verdict (./NAME.JOBID.tw)", 0},
        {"out", 'o', "DIR", 0, "files of host actors (STATE-DIR/out)", 0},
        {"json", 'j', NULL, 0, "rank 0: print the verdict as JSON; of a scenario, an object for each line", 0},
        {"verbose", 'v', NULL, 0, "say more on stderr", 0},
        {"scenario", 'f', "FILE", 0, "instead: a tree and events (.scn), on ranks and slots; rank 0 prints its trace", 1},
        {"homes", 'H', "HOMES", 0, "where its vertices live: spread, branch, seed:N or map:N (spread)", 1},
        {0}};
    static const struct argp argp = {options, parse, "SPEC\n--scenario FILE",
        "Be one rank of a job; started by mpirun, srun or `treewarden launch`.  Alone: the whole job, one rank.",
        NULL, NULL, NULL};
    struct run r = {.args = {.seed = 1}, .lock_fd = -1, .launcher_fd = -1, .started_us = clock_us()};

    argp_err_exit_status = EXIT_USAGE;
    argp_parse(&argp, argc, argv, 0, NULL, &r.args);
    identify(&r);
    watch_launcher(&r);
    return run(&r);
}
