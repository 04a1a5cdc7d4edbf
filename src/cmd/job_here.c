/* job_here.c - reads /proc/PID/environ */
#include "cmd/job_here.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

static bool take(const char *pid, const char *job, bool *alive, int ranks)
{
    static struct environment e;
    const char *is, *rank;

    if (!read_environment(pid, &e) || !(is = value_of(&e, "TREEWARDEN_JOBID")) || strcmp(is, job) != 0)
        return false;
    rank = value_of(&e, "OMPI_COMM_WORLD_RANK");
    if (rank && atoi(rank) >= 0 && atoi(rank) < ranks)
        alive[atoi(rank)] = true;
    return true;
}

int job_here(const char *job, bool *alive, int ranks)
{
    DIR *d = opendir("/proc");
    struct dirent *e;
    int n = 0;

    while (d && (e = readdir(d)))
        if (e->d_name[0] >= '1' && e->d_name[0] <= '9' && atoi(e->d_name) != (int)getpid())
            n += take(e->d_name, job, alive, alive ? ranks : 0);
    if (d)
        closedir(d);
    return n;
}
