/* broom.c - waits, stops, removes */
#include "cmd/broom.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/paths.h"
#include "cmd/job_here.h"
#include "sup/rank.h"
#include "worker/child.h"

#define POLL_MS 20
#define LEFT_OVER_MS 5000           /* ranks see their mpirun die, write what they know and end within this */
#define IN_ORDER_MS 500             /* launch was killed: so long the job may stop in order, then it is hastened */
#define HASTENED_MS 3000            /* ... so long it may take to write what it knows, then mpirun ends it */
#define BY_MPIRUN_MS 1000           /* ... and mpirun so long */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    (void)remove(path);
    return 0;
}

/* Sockets would not tell who is left: a rank that starts or ends has none, and still makes or removes files.
 * Returns whether nobody is. */
static bool await_end(const char *job, int limit_ms)
{
    pid_t rank;

    for (int waited = 0; job_here(job, 0, &rank) > 0; waited += POLL_MS) {
        if (waited >= limit_ms)
            return false;
        nanosleep(&(struct timespec){0, POLL_MS * 1000000L}, NULL);
    }
    return true;
}

static void sweep(const char *job, const char *dir)
{
    char jobs[4096];

    (void)await_end(job, LEFT_OVER_MS);
    (void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    paths_jobs_dir(jobs, sizeof jobs);
    (void)rmdir(jobs);                  /* the last job of this user succeeds */
}

/* Nobody reaps mpirun but init, and while it has not its pid is no other's; so it is looked at by the end of its
 * job each time before it is signalled. */
static void stop_job(const char *job, pid_t mpirun)
{
    if (await_end(job, 0))
        return;
    job_signal(job, mpirun, SIGTERM, SIGNAL_LAUNCH_LOST);
    if (await_end(job, IN_ORDER_MS))
        return;
    job_signal(job, mpirun, SIGINT, SIGNAL_LAUNCH_LOST);        /* the second signal: no actor is waited for */
    if (await_end(job, HASTENED_MS))
        return;
    kill(mpirun, SIGTERM);
    if (!await_end(job, BY_MPIRUN_MS))
        kill(mpirun, SIGKILL);
}

static _Noreturn void be_broom(int hold, const char *job, const char *dir)
{
    int null = open("/dev/null", O_RDWR);
    pid_t mpirun = 0;
    ssize_t n;

    setsid();
    child_deafen();
    prctl(PR_SET_NAME, "tw-broom");
    if (null >= 0) {                    /* who reads what launch says need not wait for us */
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
    }
    dup2(hold, STDERR_FILENO + 1);
    child_close_from(STDERR_FILENO + 2);
    while ((n = read(STDERR_FILENO + 1, &mpirun, sizeof mpirun)) > 0 || (n < 0 && errno == EINTR))
        continue;
    if (mpirun > 0)
        stop_job(job, mpirun);
    sweep(job, dir);
    _exit(0);
}

void broom_start(struct broom *b, const char *job, const char *dir)
{
    int ends[2];

    *b = (struct broom){.pid = -1, .hold = -1};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return;
    b->pid = fork();
    if (b->pid == 0) {
        close(ends[1]);
        be_broom(ends[0], job, dir);
    }
    close(ends[0]);
    b->hold = ends[1];
}

/* A socket, so that a broom that was killed is an error and no SIGPIPE. */
static bool hears(const struct broom *b, pid_t mpirun)
{
    return send(b->hold, &mpirun, sizeof mpirun, MSG_NOSIGNAL) == sizeof mpirun;
}

void broom_tell(const struct broom *b, pid_t mpirun)
{
    if (b->hold >= 0 && !hears(b, mpirun))
        _exit(EXIT_FAILURE);            /* nobody would end this mpirun if launch were killed */
}

void broom_finish(struct broom *b, const char *job, const char *dir)
{
    int status = -1;

    if (b->hold >= 0) {
        (void)hears(b, 0);
        close(b->hold);
    }
    while (b->pid > 0 && waitpid(b->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (b->pid < 0 || status != 0)      /* none was started, or it was killed */
        sweep(job, dir);
}
