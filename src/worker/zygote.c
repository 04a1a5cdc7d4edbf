/* zygote.c - the rank's side of the zygote */
#include "worker/zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shared/rc.h"
#include "worker/child.h"

#define START_TIMEOUT_MS 10000      /* exec and loading under a loaded machine; beyond: start refused */
#define STOP_TIMEOUT_MS 3000        /* above the zygote's own 2 s for its children */

struct zygote {
    int fd;
    pid_t pid;
    int gone;
};

static _Noreturn void become_zygote(int fd, char *const argv[])
{
    child_deafen();
    /* Neither it nor its workers use MPI, but are linked with it: a UCX below that would patch mmap and its like in
     * each as it is loaded, for 40 ms of every start. */
    (void)setenv("UCX_MEM_MMAP_HOOK_MODE", "none", 1);
    /* Above 3 first: dup2 of 3 onto itself would leave it close-on-exec. */
    fd = fcntl(fd, F_DUPFD, 10);
    if (fd >= 0 && dup2(fd, 3) == 3)
        execv("/proc/self/exe", argv);
    _exit(127);
}

/* Its first message says that it is tied to us and deaf to the launcher. */
static int await_ready(struct zygote *z, struct reason *why)
{
    struct pollfd p = { .fd = z->fd, .events = POLLIN };
    struct device_event hello;
    int n;

    do
        n = poll(&p, 1, START_TIMEOUT_MS);
    while (n < 0 && errno == EINTR);
    if (n == 0)
        return reason_set(why, TW_ESYS, "zygote: not ready within %d s: the machine is overloaded or "
                          "the program's file system hangs", START_TIMEOUT_MS / 1000);
    if (zygote_event(z, &hello) != 1)
        return reason_set(why, TW_ESYS, "zygote: it ended at once: /proc/self/exe cannot be executed "
                          "here: check that /proc is mounted and the program was not replaced");
    return 0;
}

int zygote_start(struct zygote **ret, struct reason *why)
{
    struct zygote *z = calloc(1, sizeof *z);
    char name[] = "treewarden", sub[] = "zygote", parent[16];
    char *argv[] = { name, sub, parent, NULL };
    int pair[2], rc;

    if (!z)
        return reason_set(why, TW_ENOMEM, "zygote: out of memory");
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        rc = reason_set(why, TW_ESYS, "zygote: socketpair: %s", strerror(errno));
        goto err_free;
    }
    snprintf(parent, sizeof parent, "%d", (int)getpid());
    z->fd = pair[0];
    z->pid = fork();
    if (z->pid == 0)
        become_zygote(pair[1], argv);
    close(pair[1]);
    if (z->pid < 0) {
        rc = reason_set(why, TW_ESYS, "zygote: fork: %s: raise the limit of processes (ulimit -u)",
                        strerror(errno));
        close(pair[0]);
        goto err_free;
    }
    rc = await_ready(z, why);
    if (rc < 0) {
        zygote_stop(z);
        return rc;
    }
    *ret = z;
    return 0;

err_free:
    free(z);
    return rc;
}

static int transmit(struct zygote *z, const struct zygote_request *r, const int *fds, unsigned count)
{
    union { char bytes[CMSG_SPACE(WORKER_FDS_MAX * sizeof(int))]; struct cmsghdr align; } control;
    struct iovec iov = { .iov_base = (void *)(uintptr_t)r, .iov_len = sizeof *r };
    struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
    struct cmsghdr *c;

    if (z->gone)
        return TW_EPEER;
    if (count) {
        memset(&control, 0, sizeof control);
        m.msg_control = control.bytes;
        m.msg_controllen = CMSG_SPACE(count * sizeof(int));
        c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(c), fds, count * sizeof(int));
    }
    if (sendmsg(z->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof *r)
        return 0;
    if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN)
        return TW_EPEER;
    return errno == EAGAIN || errno == EINTR || errno == ENOBUFS ? TW_EAGAIN : TW_ESYS;
}

int zygote_spawn(struct zygote *z, const struct zygote_order *order, const int *fds)
{
    struct zygote_request r = { .what = ZYGOTE_SPAWN, .order = *order };

    return transmit(z, &r, fds, worker_fds(order->kind));
}

int zygote_signal(struct zygote *z, int device, uint32_t incarnation, int sig)
{
    struct zygote_request r = { .what = ZYGOTE_SIGNAL, .sig = sig };

    r.order.device = device;
    r.order.incarnation = incarnation;
    return transmit(z, &r, NULL, 0);
}

int zygote_event(struct zygote *z, struct device_event *ret)
{
    struct device_event e;
    ssize_t n;

    if (z->gone)
        return TW_EPEER;
    n = recv(z->fd, &e, sizeof e, MSG_DONTWAIT);
    if (n == (ssize_t)sizeof e) {
        e.text[sizeof e.text - 1] = '\0';
        *ret = e;
        return 1;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    z->gone = 1;                    /* closed, reset, or broken: nothing of it can be used any more */
    return TW_EPEER;
}

int zygote_fd(const struct zygote *z) { return z->fd; }

pid_t zygote_pid(const struct zygote *z) { return z->pid; }

static int64_t clock_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void zygote_stop(struct zygote *z)
{
    const struct timespec tick = { 0, 2000000 };
    int64_t end = clock_ms() + STOP_TIMEOUT_MS;
    int killed = 0;

    if (!z)
        return;
    close(z->fd);                   /* its order to end */
    while (waitpid(z->pid, NULL, WNOHANG) == 0) {
        if (clock_ms() >= end) {
            if (killed)
                break;              /* not even SIGKILL: uninterruptible; ours to leave, not to wait for */
            kill(z->pid, SIGKILL);
            killed = 1;
            end += 1000;
        }
        nanosleep(&tick, NULL);
    }
    free(z);
}
