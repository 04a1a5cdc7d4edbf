/* The zygote with a stand-in for the worker: who is started, watched, reaped, and who dies with whom. */
#include "worker/zygote.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shared/rc.h"
#include "tests/lib/tap.h"
#include "worker/child.h"
#include "worker/worker.h"

int cmd_zygote(int argc, char **argv);

#define PATIENCE_MS 10000           /* a bound, not an expectation */

struct report {
    int stray_fds, rank, device, death_signal;
    unsigned incarnation;
    char program[64], kind[8], uuid[64], visible[64], loading[16];
};

/* ---- the stand-in for a worker: says in its arena what it was given, then does what `name` says ---- */

static int count_stray_fds(void)
{
    DIR *d = opendir("/proc/self/fd");
    struct dirent *e;
    int n = 0;

    while ((e = readdir(d)) != NULL)
        if (atoi(e->d_name) >= WORKER_ARENA_FD && atoi(e->d_name) != dirfd(d))
            n++;
    closedir(d);
    return n;
}

static void note_text(char *to, size_t room, const char *text) { snprintf(to, room, "%s", text ? text : "unset"); }

static int play_worker(char **argv)
{
    struct report *r = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, WORKER_ARENA_FD, 0);
    uint64_t one = 1;

    if (r == MAP_FAILED || child_tie((pid_t)atoi(argv[1])) != 0)
        return 9;
    if (strncmp(argv[8], "exit:", 5) == 0)
        return atoi(argv[8] + 5);
    r->stray_fds = count_stray_fds() - (int)worker_fds((enum device_kind)atoi(argv[5]));
    prctl(PR_GET_PDEATHSIG, &r->death_signal);
    r->rank = atoi(argv[2]);
    r->device = atoi(argv[3]);
    r->incarnation = (unsigned)atoi(argv[4]);
    snprintf(r->program, sizeof r->program, "%s", argv[7]);
    note_text(r->kind, sizeof r->kind, argv[5]);
    note_text(r->uuid, sizeof r->uuid, argv[6]);
    note_text(r->visible, sizeof r->visible, getenv("CUDA_VISIBLE_DEVICES"));
    note_text(r->loading, sizeof r->loading, getenv("CUDA_MODULE_LOADING"));
    if (write(WORKER_EVENT_FD, &one, sizeof one) != (ssize_t)sizeof one)
        return 8;
    for (;;)
        pause();
}

/* ---- helpers ---- */

static struct report *arena;
static int arena_fd, event_fd;

static int64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* The next event, or kind DEVICE_NOTHING when none came in time, DEVICE_KEEPER_GONE at the end. */
static struct device_event next_event(struct zygote *z)
{
    struct device_event e = { .kind = DEVICE_NOTHING };
    int64_t end = now_ms() + PATIENCE_MS;
    int rc = 0;

    while (rc == 0 && now_ms() < end) {
        struct pollfd p = { .fd = zygote_fd(z), .events = POLLIN };

        poll(&p, 1, 100);
        rc = zygote_event(z, &e);
    }
    if (rc < 0)
        e.kind = DEVICE_KEEPER_GONE;
    return e;
}

static struct device_event await(struct zygote *z, enum device_event_kind kind)
{
    struct device_event e;

    do
        e = next_event(z);
    while (e.kind != kind && e.kind != DEVICE_NOTHING && e.kind != DEVICE_KEEPER_GONE);
    return e;
}

static int spawn(struct zygote *z, int device, uint32_t incarnation, const char *name)
{
    struct zygote_order o = { .rank = 5, .device = device, .incarnation = incarnation };

    snprintf(o.program, sizeof o.program, "/some/program.so");
    snprintf(o.name, sizeof o.name, "%s", name);
    return zygote_spawn(z, &o, (const int[WORKER_FDS]){ arena_fd, event_fd, event_fd });
}

static int await_ring(void)
{
    struct pollfd p = { .fd = event_fd, .events = POLLIN };
    uint64_t n;

    return poll(&p, 1, PATIENCE_MS) == 1 && read(event_fd, &n, sizeof n) == (ssize_t)sizeof n;
}

/* As a subreaper we inherit orphans: bounded wait until this one ended; its wait status, or -1. */
static int await_orphan(pid_t pid, int limit_ms)
{
    const struct timespec tick = { 0, 2000000 };
    int64_t end = now_ms() + limit_ms;
    int status;

    do {
        if (waitpid(pid, &status, WNOHANG) == pid)
            return status;
        nanosleep(&tick, NULL);
    } while (now_ms() < end);
    return -1;
}

static int killed_by(int status, int sig)
{
    return status >= 0 && WIFSIGNALED(status) && WTERMSIG(status) == sig;
}

/* ---- the tests ---- */

static void test_life_of_a_worker(struct zygote *z)
{
    struct device_event e;
    pid_t pid;

    is_int(spawn(z, 3, 17, "wait"), 0, "a spawn is taken");
    e = next_event(z);
    pid = e.pid;
    ok(e.kind == DEVICE_STARTED && pid > 0, "a worker that was exec'd is reported as started");
    ok(e.device == 3 && e.incarnation == 17, "its event names device and incarnation");
    ok(await_ring(), "the worker rings the rank through the descriptor it was given");
    ok(arena->rank == 5 && arena->device == 3 && arena->incarnation == 17,
       "it was told its rank, device and incarnation, and shares the arena");
    is_str(arena->program, "/some/program.so", "it was told its program");
    is_int(arena->stray_fds, 0, "it holds the descriptors of worker.h and no other of the zygote or the rank");
    is_int(arena->death_signal, SIGKILL, "it is tied to its parent's death");

    kill(pid, SIGTERM);
    kill(pid, SIGINT);
    kill(pid, SIGHUP);
    kill(pid, SIGTSTP);
    kill(pid, SIGUSR1);
    kill(pid, SIGUSR2);
    kill(zygote_pid(z), SIGTERM);
    kill(zygote_pid(z), SIGINT);
    kill(zygote_pid(z), SIGHUP);
    kill(zygote_pid(z), SIGTSTP);
    kill(zygote_pid(z), SIGUSR1);
    kill(zygote_pid(z), SIGUSR2);
    is_int(zygote_signal(z, 3, 17, SIGSTOP), 0, "a signal is taken");
    e = next_event(z);
    ok(e.kind == DEVICE_STOPPED && e.pid == pid,
       "a stop is seen, and none of the launcher's signals did anything to worker or zygote");
    zygote_signal(z, 3, 17, SIGCONT);
    e = next_event(z);
    ok(e.kind == DEVICE_CONTINUED && e.pid == pid, "so is the continuation");

    is_int(spawn(z, 3, 17, "wait"), 0, "the same incarnation once more is asked for");
    e = next_event(z);
    ok(e.kind == DEVICE_START_FAILED && strstr(e.text, "runs already"),
       "and refused with a text while the first one runs");

    zygote_signal(z, 3, 17, SIGKILL);
    e = next_event(z);
    ok(e.kind == DEVICE_EXITED && e.pid == pid && killed_by(e.status, SIGKILL),
       "a killed worker is reported with its status");
    is_int(kill(pid, 0), -1, "and was reaped before it was reported");
    is_int(zygote_signal(z, 3, 17, SIGKILL), 0, "a signal to a worker that is no more does nothing");
}

static void test_kinds(struct zygote *z)
{
    struct zygote_order o = { .device = 2, .incarnation = 1, .kind = DEVICE_KIND_CUDA, .uuid = "GPU-7", .name = "wait" };

    is_str(arena->uuid, "", "a host worker has no device's name");
    is_str(arena->visible, "unset", "and the environment that the rank has");
    is_int(zygote_spawn(z, &o, (const int[WORKER_FDS_MAX]){ arena_fd, event_fd, event_fd, event_fd }), 0,
           "a worker of a CUDA device is asked for");
    ok(await(z, DEVICE_STARTED).device == 2 && await_ring(), "and runs");
    ok(atoi(arena->kind) == DEVICE_KIND_CUDA && !strcmp(arena->uuid, "GPU-7"), "it was told its kind and its device");
    is_int(arena->stray_fds, 0, "it holds one descriptor more than a host worker, and no other");
    is_str(arena->visible, "GPU-7", "the driver will show it that device alone");
    is_str(arena->loading, "EAGER", "and load its code before the kernel is resident");
    zygote_signal(z, 2, 1, SIGKILL);
    is_int(await(z, DEVICE_EXITED).incarnation, 1, "it ends like any other");
}

static void test_ends(struct zygote *z)
{
    struct device_event e;

    spawn(z, 0, 1, "exit:7");
    e = await(z, DEVICE_EXITED);
    ok(WIFEXITED(e.status) && WEXITSTATUS(e.status) == 7, "an exit status arrives as waitpid shows it");

    spawn(z, 0, 2, "wait");
    await(z, DEVICE_STARTED);
    await_ring();
    zygote_signal(z, 0, 2, SIGSTOP);
    await(z, DEVICE_STOPPED);
    zygote_signal(z, 0, 2, SIGKILL);
    e = await(z, DEVICE_EXITED);
    ok(killed_by(e.status, SIGKILL), "a stopped worker can be killed");
}

/* Nobody reads events while the worker is stopped and continued many times. */
static void test_full_socket(struct zygote *z)
{
    int full = 0, sent = 0;
    struct device_event e, last = { .kind = DEVICE_NOTHING };

    spawn(z, 1, 1, "wait");
    await(z, DEVICE_STARTED);
    await_ring();
    for (int i = 0; i < 4000; i++) {
        int rc = zygote_signal(z, 1, 1, i % 2 ? SIGCONT : SIGSTOP);

        sent += rc == 0;
        full += rc == TW_EAGAIN;
        if (rc == TW_EAGAIN) {
            struct pollfd p = { .fd = zygote_fd(z), .events = POLLOUT };

            poll(&p, 1, 1000);
        }
    }
    ok(sent > 1000 && full > 0, "a full request socket is an answer, not a wait (%d sent)", sent);
    while (zygote_signal(z, 1, 1, SIGKILL) == TW_EAGAIN) {
        struct pollfd p = { .fd = zygote_fd(z), .events = POLLOUT };

        poll(&p, 1, 1000);
    }
    while ((e = next_event(z)).kind != DEVICE_NOTHING && e.kind != DEVICE_KEEPER_GONE) {
        last = e;
        if (e.kind == DEVICE_EXITED)
            break;
    }
    ok(last.kind == DEVICE_EXITED, "events nobody reads delay the zygote's telling, never its work");
}

static void test_many(struct zygote *z)
{
    struct device_event e;
    int started = 0, exited = 0;

    for (unsigned i = 0; i < ZYGOTE_KIDS; i++) {
        if (spawn(z, 2, i, "wait") == TW_EAGAIN) {
            i--;
            poll(NULL, 0, 1);
        }
    }
    while (started < ZYGOTE_KIDS && await(z, DEVICE_STARTED).kind == DEVICE_STARTED)
        started++;
    is_int(started, ZYGOTE_KIDS, "as many workers as the table holds are started");
    spawn(z, 2, ZYGOTE_KIDS, "wait");
    e = next_event(z);
    ok(e.kind == DEVICE_START_FAILED && strstr(e.text, "too many"), "one more is refused with a text");
    for (unsigned i = 0; i < ZYGOTE_KIDS; i++)
        while (zygote_signal(z, 2, i, SIGKILL) == TW_EAGAIN)
            poll(NULL, 0, 1);
    while (exited < ZYGOTE_KIDS && await(z, DEVICE_EXITED).kind == DEVICE_EXITED)
        exited++;
    is_int(exited, ZYGOTE_KIDS, "and every one of them is reaped and told");
}

static void test_stop(struct zygote *z)
{
    pid_t keeper = zygote_pid(z), pid;

    spawn(z, 0, 9, "wait");
    pid = await(z, DEVICE_STARTED).pid;
    zygote_stop(z);
    ok(kill(keeper, 0) != 0 && errno == ESRCH, "a zygote told to stop has ended and was reaped");
    ok(kill(pid, 0) != 0 && errno == ESRCH, "so has its worker");
}

static void test_zygote_killed(void)
{
    struct zygote *z = NULL;
    struct reason why;
    pid_t pid;

    zygote_start(&z, &why);
    spawn(z, 0, 1, "wait");
    pid = await(z, DEVICE_STARTED).pid;
    await_ring();
    kill(zygote_pid(z), SIGKILL);
    is_int(next_event(z).kind, DEVICE_KEEPER_GONE, "a killed zygote is noticed at its socket");
    is_int(spawn(z, 0, 2, "wait"), TW_EPEER, "and nothing can be started any more");
    ok(killed_by(await_orphan(pid, 2000), SIGKILL), "its worker died with it");
    zygote_stop(z);
}

/* A child plays the rank: it says the pids of its zygote and worker, then waits to be killed. */
static void play_rank(int say)
{
    struct zygote *z = NULL;
    struct reason why;
    pid_t pids[2];

    if (zygote_start(&z, &why) != 0)
        _exit(1);
    spawn(z, 0, 1, "wait");
    pids[0] = zygote_pid(z);
    pids[1] = await(z, DEVICE_STARTED).pid;
    if (write(say, pids, sizeof pids) != (ssize_t)sizeof pids)
        _exit(1);
    for (;;)
        pause();
}

static void test_rank_killed(int sig)
{
    int say[2], zygote_status, worker_status;
    pid_t pids[2] = { 0 }, rank;

    if (pipe2(say, O_CLOEXEC) != 0)
        exit(99);
    rank = fork();
    if (rank == 0)
        play_rank(say[1]);
    close(say[1]);
    ok(read(say[0], pids, sizeof pids) == (ssize_t)sizeof pids, "a rank runs with zygote and worker");
    close(say[0]);
    kill(rank, sig);
    waitpid(rank, NULL, 0);
    zygote_status = await_orphan(pids[0], 2000);
    worker_status = await_orphan(pids[1], 2000);
    ok(zygote_status >= 0, "a rank ended by signal %d takes its zygote along", sig);
    ok(worker_status >= 0, "and its worker");
}

/* The parent that started it has died already: another is its parent now. */
static void test_late_tie(void)
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0)
        _exit(child_tie(getpid()) == TW_EPEER && child_tie(getppid()) == 0 ? 0 : 1);
    waitpid(pid, &status, 0);
    is_int(status, 0, "a child that ties itself to a parent that is gone already is told so");
}

/* Run from a copy of this program that loses its permission to be executed. */
static int play_unexecutable(const char *copy)
{
    struct zygote *z = NULL;
    struct device_event e;
    struct reason why = { "" };

    if (zygote_start(&z, &why) != 0 || chmod(copy, 0644) != 0)
        return 1;
    spawn(z, 0, 1, "wait");
    e = next_event(z);
    zygote_stop(z);
    if (e.kind != DEVICE_START_FAILED || !strstr(e.text, "Permission denied"))
        return 2;
    return zygote_start(&z, &why) == TW_ESYS && strstr(why.text, "/proc/self/exe") ? 0 : 3;
}

static void test_exec_fails(void)
{
    char copy[] = "/tmp/tw-zygote-XXXXXX", buffer[65536];
    char mode[] = "unexecutable";
    char *argv[] = { copy, mode, copy, NULL };
    int out = mkstemp(copy), in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), status = -1;
    ssize_t n;
    pid_t pid;

    while ((n = read(in, buffer, sizeof buffer)) > 0)
        if (write(out, buffer, (size_t)n) != n)
            exit(99);
    fchmod(out, 0755);
    close(out);
    close(in);
    pid = fork();
    if (pid == 0) {
        execv(copy, argv);
        _exit(99);
    }
    waitpid(pid, &status, 0);
    unlink(copy);
    is_int(status, 0, "an exec that fails is a failed start with the reason, of a worker or the zygote");
}

int main(int argc, char **argv)
{
    struct zygote *z = NULL;
    struct reason why = { "" };

    if (argc > 1 && strcmp(argv[1], "zygote") == 0)
        return cmd_zygote(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "worker") == 0)
        return play_worker(argv + 1);
    arena_fd = memfd_create("arena", MFD_CLOEXEC);
    event_fd = eventfd(0, EFD_CLOEXEC);
    if (ftruncate(arena_fd, 4096) != 0)
        return 99;
    arena = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, arena_fd, 0);
    if (argc > 1 && strcmp(argv[1], "unexecutable") == 0)
        return play_unexecutable(argv[2]);
    prctl(PR_SET_CHILD_SUBREAPER, 1);

    if (!is_int(zygote_start(&z, &why), 0, "a zygote starts"))
        printf("# %s\n", why.text);
    test_life_of_a_worker(z);
    test_kinds(z);
    test_ends(z);
    test_full_socket(z);
    test_many(z);
    test_stop(z);
    test_zygote_killed();
    test_rank_killed(SIGKILL);
    test_rank_killed(SIGTERM);
    test_late_tie();
    test_exec_fails();
    done_testing();
}
