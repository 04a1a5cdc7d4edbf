/* job_here.c - looks at every process of the host */
#include "cmd/job_here.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/paths.h"
#include "cmd/proc.h"

/* rank: its number if it is a rank, a child of mpirun; else -1 */
typedef void (*each_f)(void *self, pid_t pid, int rank);

static int for_each(const char *job, pid_t mpirun, each_f each, void *self)
{
    DIR *d = opendir("/proc");
    struct dirent *e;
    int n = 0;

    while (d && (e = readdir(d))) {
        pid_t pid = (pid_t)atoi(e->d_name);
        char is[64], rank[16];
        struct proc_stat st;

        if (pid <= 0 || pid == getpid() || !proc_getenv(pid, "TREEWARDEN_JOBID", is, sizeof is) || strcmp(is, job) != 0)
            continue;
        n++;
        each(self, pid, proc_stat(pid, &st) && st.parent == mpirun &&
                        proc_getenv(pid, "OMPI_COMM_WORLD_RANK", rank, sizeof rank) ? atoi(rank) : -1);
    }
    if (d)
        closedir(d);
    return n;
}

/* -- what is asked ---------------------------------------------------------------------------------- */

static void note_rank(void *self, pid_t pid, int rank)
{
    if (rank >= 0)
        *(pid_t *)self = pid;
}

int job_here(const char *job, pid_t mpirun, pid_t *ret_rank)
{
    *ret_rank = 0;
    return for_each(job, mpirun, note_rank, ret_rank);
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
