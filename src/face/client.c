/* client.c - connect, one line out, one line in, never for ever */
#include "face/client.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/paths.h"
#include "shared/rc.h"

#define RANKS_TRIED 4096
#define ANSWER_BYTES (5u << 20)

static unsigned long long now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (unsigned long long)t.tv_sec * 1000u + (unsigned long long)t.tv_nsec / 1000000u;
}

static int connect_to(const char *job, int rank)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    char path[4096];
    int fd;

    paths_socket(job, rank, path, sizeof path);
    if (strlen(path) >= sizeof at.sun_path)
        return -1;
    memcpy(at.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)(void *)&at, sizeof at) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* The ranks that have a socket on this host, lowest first; -1 if none of them answers. */
static int connect_any(const char *job)
{
    char dir[4096];
    int best[64], n = 0, rank, fd;
    struct dirent *e;
    DIR *d;

    paths_job_dir(job, dir, sizeof dir);
    d = opendir(dir);
    while (d && n < 64 && (e = readdir(d)))
        if (sscanf(e->d_name, "rank%d", &rank) == 1 && rank >= 0 && rank < RANKS_TRIED)
            best[n++] = rank;
    if (d)
        closedir(d);
    while (n > 0) {
        int low = 0;

        for (int i = 1; i < n; i++)
            if (best[i] < best[low])
                low = i;
        fd = connect_to(job, best[low]);
        if (fd >= 0)
            return fd;
        best[low] = best[--n];
    }
    return -1;
}

int client_find(const char *job, char *ret_job, size_t room, struct reason *why)
{
    char dir[4096], list[256] = "";
    int found = 0, fd;
    struct dirent *e;
    DIR *d;

    if (job) {
        fd = strchr(job, '/') ? -1 : connect_any(job);
        if (fd < 0)
            return reason_set(why, TW_ENOENT, "job %.64s does not answer: it is not of yours, not on this host, or "
                              "dead: its verdict lies in its state directory", job);
        close(fd);
        snprintf(ret_job, room, "%s", job);
        return 0;
    }
    paths_jobs_dir(dir, sizeof dir);
    d = opendir(dir);
    while (d && (e = readdir(d))) {
        if (e->d_name[0] == '.' || (fd = connect_any(e->d_name)) < 0)
            continue;
        close(fd);
        snprintf(ret_job, room, "%s", e->d_name);
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%.60s", found++ ? ", " : "", e->d_name);
    }
    if (d)
        closedir(d);
    if (found == 1)
        return 0;
    if (found)
        return reason_set(why, TW_EINVAL, "%d jobs of yours run on this host: %s: choose one with --job", found,
                          list);
    return reason_set(why, TW_ENOENT, "no job of yours runs on this host: none was started, or it has ended: its "
                      "verdict lies in its state directory");
}

static int read_line(int fd, unsigned long long by, char **ret, struct reason *why)
{
    size_t n = 0, room = 65536;
    char *text = malloc(room);

    while (text) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        long long left = (long long)(by - now_ms());
        ssize_t got;

        if (left <= 0 || poll(&p, 1, (int)left) == 0) {
            free(text);
            return reason_set(why, TW_EAGAIN, "no answer in time: the job is busy, stopped, or ends: ask again, "
                              "or give --timeout");
        }
        if (n + 1 == room) {
            char *grown = room > ANSWER_BYTES ? NULL : realloc(text, room * 2);

            if (!grown)
                break;
            text = grown;
            room *= 2;
        }
        got = read(fd, text + n, room - n - 1);
        if (got <= 0)
            break;
        n += (size_t)got;
        if (text[n - 1] == '\n') {
            text[n - 1] = '\0';
            *ret = text;
            return 0;
        }
    }
    free(text);
    return reason_set(why, TW_ENOENT, "the job ended while it was asked: its verdict lies in its state "
                      "directory");
}

int client_ask(const char *job, int rank, const char *request, unsigned timeout_ms, char **ret,
               struct reason *why)
{
    int fd = rank < 0 ? connect_any(job) : connect_to(job, rank), rc;
    size_t bytes = strlen(request);

    if (fd < 0)
        return reason_set(why, TW_ENOENT, rank < 0 ? "job %s does not answer: it has just ended: its verdict lies "
                          "in its state directory" : "job %s: that rank does not answer on this host: leave "
                          "--rank out", job);
    if (send(fd, request, bytes, MSG_NOSIGNAL) != (ssize_t)bytes || send(fd, "\n", 1, MSG_NOSIGNAL) != 1)
        rc = reason_set(why, TW_ENOENT, "job %s does not listen any more: it has just ended", job);
    else
        rc = read_line(fd, now_ms() + timeout_ms, ret, why);
    close(fd);
    return rc;
}
