/* job_here.c - reads /proc/PID/environ and /proc/PID/stat */
#include "cmd/job_here.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/paths.h"

#define ENVIRON_BYTES (256u << 10)  /* of one process; what lies beyond is not looked at */

struct environment {
    size_t bytes;
    char text[ENVIRON_BYTES];       /* '\0', then NAME=VALUE and '\0' each: so every entry lies between two */
};

static bool read_environment(const char *pid, struct environment *e)
{
    char name[300];
    ssize_t got;
    int fd;

    snprintf(name, sizeof name, "/proc/%s/environ", pid);
    fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;                   /* gone, or another user's */
    e->text[0] = '\0';
    e->bytes = 1;
    while (e->bytes < sizeof e->text - 1 && (got = read(fd, e->text + e->bytes, sizeof e->text - 1 - e->bytes)) > 0)
        e->bytes += (size_t)got;
    e->text[e->bytes] = '\0';
    close(fd);
    return true;
}

static const char *value_of(const struct environment *e, const char *name)
{
    char key[64];
    size_t n;
    const char *at;

    key[0] = '\0';
    n = 1 + (size_t)snprintf(key + 1, sizeof key - 1, "%s=", name);
    at = memmem(e->text, e->bytes, key, n);
    return at ? at + n : NULL;
}

static pid_t parent_of(const char *pid)
{
    char name[300], line[512] = "";
    const char *after;
    int parent = 0;
    FILE *f;

    snprintf(name, sizeof name, "/proc/%s/stat", pid);
    f = fopen(name, "r");
    if (f && !fgets(line, sizeof line, f))
        line[0] = '\0';
    if (f)
        fclose(f);
    after = strrchr(line, ')');         /* the name before it may hold anything */
    return after && sscanf(after + 1, " %*c %d", &parent) == 1 ? (pid_t)parent : 0;
}

/* rank: its number if it is a rank, a child of mpirun; else -1 */
typedef void (*each_f)(void *self, pid_t pid, int rank);

static int for_each(const char *job, pid_t mpirun, each_f each, void *self)
{
    static struct environment env;
    DIR *d = opendir("/proc");
    struct dirent *e;
    int n = 0;

    while (d && (e = readdir(d))) {
        const char *is, *rank;

        if (e->d_name[0] < '1' || e->d_name[0] > '9' || atoi(e->d_name) == (int)getpid() ||
            !read_environment(e->d_name, &env))
            continue;
        is = value_of(&env, "TREEWARDEN_JOBID");
        if (!is || strcmp(is, job) != 0)
            continue;
        rank = value_of(&env, "OMPI_COMM_WORLD_RANK");
        n++;
        each(self, (pid_t)atoi(e->d_name), rank && parent_of(e->d_name) == mpirun ? atoi(rank) : -1);
    }
    if (d)
        closedir(d);
    return n;
}

/* -- what is asked ---------------------------------------------------------------------------------- */

static void count_ranks(void *self, pid_t pid, int rank)
{
    (void)pid;
    *(int *)self += rank >= 0;
}

int job_here(const char *job, pid_t mpirun, int *ret_ranks)
{
    *ret_ranks = 0;
    return for_each(job, mpirun, count_ranks, ret_ranks);
}

struct search { const char *job; pid_t found; int rank; };

/* A rank that has its socket takes signals in order; of those the lowest, for it speaks. */
static void find(void *self, pid_t pid, int rank)
{
    struct search *s = self;
    char socket[4096];

    if (rank < 0 || (s->found && rank > s->rank))
        return;
    paths_socket(s->job, rank, socket, sizeof socket);
    if (access(socket, F_OK) != 0)
        return;
    s->found = pid;
    s->rank = rank;
}

void job_signal(const char *job, pid_t mpirun, int sig, int tag)
{
    struct search s = {.job = job};

    (void)for_each(job, mpirun, find, &s);
    if (s.found)
        sigqueue(s.found, sig, (union sigval){.sival_int = tag});
    else
        kill(mpirun, sig);
}
