/* zygote_main.c - the zygote itself: one thread, one poll, a table of children
 *
 * What is still to be told about a child is bits in its record, so the table is the queue: it cannot grow,
 * and a full socket only delays.  A record is free again when its last word was told.  A pid is signalled
 * only while its record is unreaped; nobody else reaps, so it cannot have become another process.
 */
#include "worker/zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shared/rc.h"
#include "worker/child.h"
#include "worker/worker.h"

#define SOCKET_FD 3
#define CHILD_FD 4                  /* signalfd; so received descriptors are never 3 or 4 */
#define END_TIMEOUT_MS 2000         /* for the kernel to end our children; beyond, they die with us */
#define REQUESTS_PER_TURN 16

enum tell { TELL_STARTED = 1, TELL_FAILED = 2, TELL_STOPPED = 4, TELL_CONTINUED = 8, TELL_EXITED = 16 };

struct kid {
    pid_t pid;
    int used, reaped;
    int exec_fd;                    /* closes at exec, else brings its errno; -1 = known */
    int exec_errno;
    uint32_t tell;                  /* enum tell, sent in the order of the bits */
    int device, status;
    uint32_t incarnation;
};

struct keeper {
    struct kid kids[ZYGOTE_KIDS];
    struct device_event refused;    /* a spawn that has no record; while it waits no request is read */
    struct zygote_request request;
    int rank_gone;
};

/* ---- telling the rank ---- */

/* 1 = sent, 0 = the socket is full: poll says when it is not. */
static int say(struct keeper *k, const struct device_event *e)
{
    if (send(SOCKET_FD, e, sizeof *e, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof *e)
        return 1;
    if (errno != EAGAIN && errno != EINTR && errno != ENOBUFS)
        k->rank_gone = 1;
    return 0;
}

static enum device_event_kind kind_of(uint32_t tell)
{
    switch (tell) {
    case TELL_STARTED: return DEVICE_STARTED;
    case TELL_FAILED: return DEVICE_START_FAILED;
    case TELL_STOPPED: return DEVICE_STOPPED;
    case TELL_CONTINUED: return DEVICE_CONTINUED;
    default: return DEVICE_EXITED;
    }
}

static int tell_kid(struct keeper *k, struct kid *kid)
{
    while (kid->tell) {
        uint32_t bit = kid->tell & -kid->tell;
        struct device_event e = { .kind = kind_of(bit), .device = kid->device,
                                  .incarnation = kid->incarnation, .pid = (int)kid->pid,
                                  .status = kid->status };

        if (bit == TELL_FAILED)
            snprintf(e.text, sizeof e.text, "exec of this program: %s", strerror(kid->exec_errno));
        if (!say(k, &e))
            return 0;
        kid->tell &= ~bit;
    }
    if (kid->reaped)
        kid->used = 0;
    return 1;
}

/* 1 = all told. */
static int tell_all(struct keeper *k)
{
    if (k->refused.kind != DEVICE_NOTHING) {
        if (!say(k, &k->refused))
            return 0;
        k->refused.kind = DEVICE_NOTHING;
    }
    for (unsigned i = 0; i < ZYGOTE_KIDS; i++)
        if (k->kids[i].used && !tell_kid(k, &k->kids[i]))
            return 0;
    return 1;
}

/* ---- starting ---- */

static void refuse(struct keeper *k, const struct zygote_order *o, const char *what, const char *text)
{
    k->refused = (struct device_event){ .kind = DEVICE_START_FAILED, .device = o->device,
                                        .incarnation = o->incarnation };
    snprintf(k->refused.text, sizeof k->refused.text, "%s: %s", what, text);
}

/* All of them lie above where they go, in order: this process's own come first. */
static int give_fds(const int *fds, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (dup2(fds[i], WORKER_ARENA_FD + (int)i) < 0)
            return -1;
    return 0;
}

/* One device is visible; its code is there before the kernel is resident, for loading may wait for kernels to end; and
 * a copy finds a queue of its own beside that kernel. */
static void set_environment(const struct zygote_order *o)
{
    if (o->kind != DEVICE_KIND_CUDA)
        return;
    (void)setenv("CUDA_VISIBLE_DEVICES", o->uuid, 1);
    (void)setenv("CUDA_MODULE_LOADING", "EAGER", 1);
    (void)setenv("CUDA_DEVICE_MAX_CONNECTIONS", "32", 1);
}

static _Noreturn void become_worker(const struct zygote_order *o, pid_t keeper, const int *fds, int tell)
{
    char name[] = "treewarden", sub[] = "worker";
    char parent[16], rank[16], device[16], incarnation[16], kind[16];
    char *argv[] = { name, sub, parent, rank, device, incarnation, kind, (char *)(uintptr_t)o->uuid,
                     (char *)(uintptr_t)o->program, (char *)(uintptr_t)o->name, (char *)(uintptr_t)o->out_dir, NULL };
    int error;

    snprintf(parent, sizeof parent, "%d", (int)keeper);
    snprintf(rank, sizeof rank, "%d", o->rank);
    snprintf(device, sizeof device, "%d", o->device);
    snprintf(incarnation, sizeof incarnation, "%u", o->incarnation);
    snprintf(kind, sizeof kind, "%u", o->kind);
    set_environment(o);
    child_deafen();
    if (child_tie(keeper) == 0 && give_fds(fds, worker_fds(o->kind)) == 0)
        execv("/proc/self/exe", argv);
    error = errno;
    if (write(tell, &error, sizeof error) < 0)
        _exit(126);
    _exit(127);
}

static struct kid *free_kid(struct keeper *k)
{
    for (unsigned i = 0; i < ZYGOTE_KIDS; i++)
        if (!k->kids[i].used)
            return &k->kids[i];
    return NULL;
}

static void spawn(struct keeper *k, const struct zygote_order *o, const int *fds)
{
    struct kid *kid = free_kid(k);
    pid_t self = getpid(), pid;
    int exec_pipe[2];

    if (!kid) {
        refuse(k, o, "too many workers", "earlier ones cannot be reaped: restart the job elsewhere");
        return;
    }
    if (pipe2(exec_pipe, O_CLOEXEC | O_NONBLOCK) != 0) {
        refuse(k, o, "pipe", strerror(errno));
        return;
    }
    pid = fork();
    if (pid == 0)
        become_worker(o, self, fds, exec_pipe[1]);
    close(exec_pipe[1]);
    if (pid < 0) {
        refuse(k, o, "fork", strerror(errno));
        close(exec_pipe[0]);
        return;
    }
    *kid = (struct kid){ .pid = pid, .used = 1, .exec_fd = exec_pipe[0], .device = o->device,
                         .incarnation = o->incarnation };
}

/* The pipe closed by exec says started; an errno in it says not. */
static void look_at_exec(struct kid *kid)
{
    int error = 0;
    ssize_t n = read(kid->exec_fd, &error, sizeof error);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n == (ssize_t)sizeof error)
        kid->exec_errno = error;
    else
        kid->tell |= TELL_STARTED;
    close(kid->exec_fd);
    kid->exec_fd = -1;
}

/* ---- requests ---- */

static struct kid *kid_of(struct keeper *k, int device, uint32_t incarnation)
{
    for (unsigned i = 0; i < ZYGOTE_KIDS; i++) {
        struct kid *kid = &k->kids[i];

        if (kid->used && !kid->reaped && kid->device == device && kid->incarnation == incarnation)
            return kid;
    }
    return NULL;
}

static void obey(struct keeper *k, struct zygote_request *r, const int *fds, unsigned count)
{
    struct zygote_order *o = &r->order;
    struct kid *kid = kid_of(k, o->device, o->incarnation);

    o->program[sizeof o->program - 1] = o->name[sizeof o->name - 1] = '\0';
    o->out_dir[sizeof o->out_dir - 1] = o->uuid[sizeof o->uuid - 1] = '\0';
    if (r->what == ZYGOTE_SIGNAL && kid)
        kill(kid->pid, r->sig);
    else if (r->what == ZYGOTE_SPAWN && count != worker_fds(o->kind))
        refuse(k, o, "arena", "its descriptors did not arrive: raise the limit of open files");
    else if (r->what == ZYGOTE_SPAWN && kid)
        refuse(k, o, "incarnation", "it runs already");
    else if (r->what == ZYGOTE_SPAWN)
        spawn(k, o, fds);
}

/* 1 = one request done, 0 = none there. */
static int take_request(struct keeper *k)
{
    union { char bytes[CMSG_SPACE(WORKER_FDS_MAX * sizeof(int))]; struct cmsghdr align; } control;
    struct iovec iov = { .iov_base = &k->request, .iov_len = sizeof k->request };
    struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
                        .msg_controllen = sizeof control.bytes };
    ssize_t n = recvmsg(SOCKET_FD, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    struct cmsghdr *c;
    int fds[WORKER_FDS_MAX];
    unsigned count = 0;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n <= 0) {
        k->rank_gone = 1;
        return 0;
    }
    c = CMSG_FIRSTHDR(&m);
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
        count = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(fds, CMSG_DATA(c), count * sizeof(int));
    }
    if (n == (ssize_t)sizeof k->request)
        obey(k, &k->request, fds, count);
    for (unsigned i = 0; i < count; i++)
        close(fds[i]);
    return 1;
}

/* ---- watching ---- */

static void note(struct kid *kid, const siginfo_t *i)
{
    switch (i->si_code) {
    case CLD_STOPPED:
        kid->tell = (kid->tell & ~(uint32_t)TELL_CONTINUED) | TELL_STOPPED;
        return;
    case CLD_CONTINUED:
        kid->tell = (kid->tell & ~(uint32_t)TELL_STOPPED) | TELL_CONTINUED;
        return;
    case CLD_EXITED: kid->status = (i->si_status & 0xff) << 8; break;
    case CLD_KILLED: kid->status = i->si_status & 0x7f; break;
    case CLD_DUMPED: kid->status = (i->si_status & 0x7f) | 0x80; break;
    default: return;
    }
    kid->reaped = 1;
    if (kid->exec_fd >= 0)
        look_at_exec(kid);          /* all its ends are closed now, so this decides */
    kid->tell |= kid->exec_errno ? TELL_FAILED : TELL_EXITED;
}

static int alive(const struct keeper *k)
{
    int n = 0;

    for (unsigned i = 0; i < ZYGOTE_KIDS; i++)
        n += k->kids[i].used && !k->kids[i].reaped;
    return n;
}

static void reap(struct keeper *k)
{
    for (unsigned turns = 0; turns < 4 * ZYGOTE_KIDS; turns++) {
        siginfo_t info = { 0 };

        if (waitid(P_ALL, 0, &info, WEXITED | WSTOPPED | WCONTINUED | WNOHANG) != 0 ||
            info.si_pid == 0)
            return;
        for (unsigned i = 0; i < ZYGOTE_KIDS; i++)
            if (k->kids[i].used && !k->kids[i].reaped && k->kids[i].pid == info.si_pid)
                note(&k->kids[i], &info);
    }
}

static int watch_children(void)
{
    sigset_t set;
    int fd;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return TW_ESYS;
    fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0 || fd == CHILD_FD)
        return fd < 0 ? TW_ESYS : 0;
    if (dup3(fd, CHILD_FD, O_CLOEXEC) < 0)
        return TW_ESYS;
    close(fd);
    return 0;
}

static void turn(struct keeper *k)
{
    struct pollfd fds[2 + ZYGOTE_KIDS];
    struct kid *whose[2 + ZYGOTE_KIDS];
    struct signalfd_siginfo drop[8];
    nfds_t n = 2;
    int told = tell_all(k);

    fds[0] = (struct pollfd){ .fd = SOCKET_FD, .events = POLLIN };
    if (!told)
        fds[0].events = k->refused.kind == DEVICE_NOTHING ? POLLIN | POLLOUT : POLLOUT;
    fds[1] = (struct pollfd){ .fd = CHILD_FD, .events = POLLIN };
    for (unsigned i = 0; i < ZYGOTE_KIDS; i++)
        if (k->kids[i].used && k->kids[i].exec_fd >= 0) {
            whose[n] = &k->kids[i];
            fds[n++] = (struct pollfd){ .fd = k->kids[i].exec_fd, .events = POLLIN };
        }
    if (poll(fds, n, -1) < 0)
        return;
    for (nfds_t i = 2; i < n; i++)
        if (fds[i].revents)
            look_at_exec(whose[i]);
    if (fds[1].revents && read(CHILD_FD, drop, sizeof drop) > 0)
        reap(k);
    if (fds[0].revents & (POLLHUP | POLLERR))
        k->rank_gone = 1;
    for (int i = 0; i < REQUESTS_PER_TURN && !k->rank_gone; i++)
        if (k->refused.kind != DEVICE_NOTHING || !take_request(k))
            break;
}

/* The rank is gone or wants us gone: nobody below is left running. */
static void end_all(struct keeper *k)
{
    for (unsigned i = 0; i < ZYGOTE_KIDS; i++)
        if (k->kids[i].used && !k->kids[i].reaped)
            kill(k->kids[i].pid, SIGKILL);
    for (int waited = 0; waited < END_TIMEOUT_MS; waited += 10) {
        reap(k);
        if (!alive(k) || poll(NULL, 0, 10) < 0)
            return;
    }
}

int zygote_main(pid_t parent)
{
    static struct keeper k;
    struct device_event hello = { .kind = DEVICE_NOTHING };
    int null = open("/dev/null", O_RDONLY);

    if (null >= 0)
        dup2(null, STDIN_FILENO);   /* the launcher's input is the rank's */
    child_deafen();
    child_close_from(SOCKET_FD + 1);
    prctl(PR_SET_NAME, "tw-zygote");
    if (child_tie(parent) != 0)
        return 0;
    if (fcntl(SOCKET_FD, F_SETFD, FD_CLOEXEC) != 0 || watch_children() < 0)
        return 71;
    hello.pid = (int)getpid();
    say(&k, &hello);
    while (!k.rank_gone)
        turn(&k);
    end_all(&k);
    return 0;
}
