/* paths.c - folders and one lock */
#include "base/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/rc.h"

void paths_jobs_dir(char *out, size_t room)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");

    snprintf(out, room, "%s/treewarden-%u", runtime && runtime[0] ? runtime : "/tmp", (unsigned)geteuid());
}

void paths_job_dir(const char *job, char *out, size_t room)
{
    char jobs[3000];

    paths_jobs_dir(jobs, sizeof jobs);
    snprintf(out, room, "%s/%s", jobs, job);
}

void paths_socket(const char *job, int rank, char *out, size_t room)
{
    char dir[3500];

    paths_job_dir(job, dir, sizeof dir);
    snprintf(out, room, "%s/rank%d", dir, rank);
}

#define TRIES 100                       /* jobs that end just now remove the folder of all jobs when it is empty */

/* TW_ENOENT: somebody removed the one above it meanwhile. */
static int make_all(const char *dir, char *part, size_t room)
{
    snprintf(part, room, "%s", dir);
    for (char *slash = strchr(part + 1, '/');; slash = strchr(slash + 1, '/')) {
        if (slash)
            *slash = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST)
            return errno == ENOENT ? TW_ENOENT : TW_ESYS;
        if (!slash)
            return 0;
        *slash = '/';
    }
}

int paths_make(const char *dir, struct reason *why)
{
    char part[4096];
    struct stat st;
    int rc = TW_ENOENT;

    for (int tries = 0; tries < TRIES && rc == TW_ENOENT; tries++)
        rc = make_all(dir, part, sizeof part);
    if (rc != 0)
        return reason_set(why, TW_ESYS, "%s: the folder cannot be made: %s: choose another", part, strerror(errno));
    if (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode) || (st.st_uid != geteuid() && geteuid() != 0))
        return reason_set(why, TW_ESYS, "%s: not a folder of yours: choose another", dir);
    if (access(dir, W_OK | X_OK) != 0)
        return reason_set(why, TW_ESYS, "%s: not writable: %s: choose another with --state-dir", dir,
                          strerror(errno));
    return 0;
}

static int refuse_taken(int fd, const char *dir, struct reason *why)
{
    char holder[128] = "";

    if (read(fd, holder, sizeof holder - 1) < 0)
        holder[0] = '\0';
    holder[strcspn(holder, "\n")] = '\0';
    return reason_set(why, TW_EEXIST, "%s: another live job uses it: %.40s: give this one another --state-dir", dir,
                      holder);
}

int paths_state_is_free(const char *dir, struct reason *why)
{
    char name[4200];
    int fd, rc = 0;

    snprintf(name, sizeof name, "%s/lock", dir);
    fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        rc = refuse_taken(fd, dir, why);
    close(fd);
    return rc;
}

int paths_lock_state(const char *dir, const char *job, struct reason *why)
{
    char name[4200];
    int fd, rc = paths_make(dir, why);

    if (rc != 0)
        return rc;
    snprintf(name, sizeof name, "%s/lock", dir);
    fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return reason_set(why, TW_ESYS, "%s: cannot be opened: %s: choose another --state-dir", name,
                          strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        rc = refuse_taken(fd, dir, why);
        close(fd);
        return rc;
    }
    if (ftruncate(fd, 0) != 0 || dprintf(fd, "%s, pid %d\n", job, (int)getpid()) < 0) {
        close(fd);
        return reason_set(why, TW_ESYS, "%s: cannot be written: %s: choose another --state-dir", name,
                          strerror(errno));
    }
    return fd;
}
