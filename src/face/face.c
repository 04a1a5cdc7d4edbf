/* face.c - a few clients at a time on a unix socket, line by line */
#include "face/face.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "shared/rc.h"

#define CLIENTS 32
#define LINE_BYTES 65536u
#define ANSWER_BYTES (4u << 20)
#define SILENT_MS 30000u            /* a client that neither sends nor reads for so long is dropped */

struct client {
    int fd;                         /* -1 = free */
    uint32_t serial;
    bool waiting;                   /* its request is being answered */
    char *in;                       /* owned, LINE_BYTES */
    size_t in_bytes;
    char *out;                      /* owned; what is left to write */
    size_t out_bytes, out_done;
    uint64_t moved_ms;
};

struct face {
    int fd;
    const struct face_ops *ops;
    void *self;
    uint32_t serial;
    struct client clients[CLIENTS];
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

/* -- opening -------------------------------------------------------------------------------------- */

static bool somebody_answers(const struct sockaddr_un *at)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool yes = fd >= 0 && connect(fd, (const struct sockaddr *)(const void *)at, sizeof *at) == 0;

    if (fd >= 0)
        close(fd);
    return yes;
}

static int listen_on(struct face *f, struct reason *why)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};

    memcpy(at.sun_path, f->path, sizeof at.sun_path);
    if (somebody_answers(&at))
        return reason_set(why, TW_EEXIST, "%s: another live job answers there: give this one another job id",
                          f->path);
    unlink(f->path);
    f->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (f->fd < 0 || bind(f->fd, (struct sockaddr *)(void *)&at, sizeof at) != 0 || chmod(f->path, 0600) != 0 ||
        listen(f->fd, CLIENTS) != 0)
        return reason_set(why, TW_ESYS, "%s: the control socket cannot be made: %s: check the folder and its "
                          "rights", f->path, strerror(errno));
    return 0;
}

int face_open(const char *path, const struct face_ops *ops, void *self, struct face **ret,
              struct reason *why)
{
    struct face *f = calloc(1, sizeof *f);
    int rc;

    if (!f)
        return reason_set(why, TW_ENOMEM, "not enough memory for the control socket");
    f->fd = -1;
    f->ops = ops;
    f->self = self;
    for (int i = 0; i < CLIENTS; i++)
        f->clients[i].fd = -1;
    if (strlen(path) >= sizeof f->path)
        rc = reason_set(why, TW_ETOOBIG, "%s: too long for a socket: set XDG_RUNTIME_DIR to a shorter folder",
                        path);
    else {
        snprintf(f->path, sizeof f->path, "%s", path);
        rc = listen_on(f, why);
    }
    if (rc == 0) {
        *ret = f;
        return 0;
    }
    if (f->fd >= 0)
        close(f->fd);
    free(f);
    return rc;
}

/* -- clients -------------------------------------------------------------------------------------- */

static void drop(struct client *c)
{
    close(c->fd);
    free(c->in);
    free(c->out);
    *c = (struct client){.fd = -1};
}

static bool is_ours(int fd)
{
    struct ucred who;
    socklen_t bytes = sizeof who;

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &bytes) == 0 &&
           (who.uid == geteuid() || who.uid == 0);
}

static void take_client(struct face *f, uint64_t now_ms)
{
    int fd = accept4(f->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0)
        return;
    for (int i = 0; i < CLIENTS && is_ours(fd); i++) {
        struct client *c = &f->clients[i];

        if (c->fd >= 0)
            continue;
        *c = (struct client){.fd = fd, .serial = ++f->serial, .in = malloc(LINE_BYTES), .moved_ms = now_ms};
        if (!c->in)
            drop(c);
        return;
    }
    close(fd);
}

static uint64_t token_of(const struct face *f, const struct client *c)
{
    return (uint64_t)c->serial << 32 | (uint64_t)(c - f->clients);
}

static void take_line(struct face *f, struct client *c)
{
    char *end = memchr(c->in, '\n', c->in_bytes);
    size_t bytes;

    if (c->waiting || !end)
        return;
    *end = '\0';
    bytes = (size_t)(end - c->in);
    c->waiting = true;
    f->ops->request(f->self, token_of(f, c), c->in, bytes);
    if (c->fd < 0)
        return;
    c->in_bytes -= bytes + 1;
    memmove(c->in, end + 1, c->in_bytes);
}

static void read_client(struct face *f, struct client *c, uint64_t now_ms)
{
    ssize_t n = read(c->fd, c->in + c->in_bytes, LINE_BYTES - c->in_bytes);

    if (n > 0) {
        c->in_bytes += (size_t)n;
        c->moved_ms = now_ms;
    }
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) ||
        (c->in_bytes == LINE_BYTES && !memchr(c->in, '\n', c->in_bytes))) {
        drop(c);
        return;
    }
    take_line(f, c);
}

static void write_client(struct client *c, uint64_t now_ms)
{
    ssize_t n = send(c->fd, c->out + c->out_done, c->out_bytes - c->out_done, MSG_NOSIGNAL);

    if (n > 0) {
        c->out_done += (size_t)n;
        c->moved_ms = now_ms;
    } else if (n < 0 && errno != EAGAIN && errno != EINTR) {
        drop(c);
        return;
    }
    if (c->out_done == c->out_bytes) {
        free(c->out);
        c->out = NULL;
        c->out_bytes = c->out_done = 0;
    }
}

int face_pollfds(const struct face *f, struct pollfd *fds, int cap)
{
    int n = 0;

    if (cap > 0)
        fds[n++] = (struct pollfd){.fd = f->fd, .events = POLLIN};
    for (int i = 0; i < CLIENTS && n < cap; i++)
        if (f->clients[i].fd >= 0)
            fds[n++] = (struct pollfd){.fd = f->clients[i].fd,
                                       .events = (short)(f->clients[i].out ? POLLOUT : POLLIN)};
    return n;
}

void face_turn(struct face *f, uint64_t now_ms)
{
    take_client(f, now_ms);
    for (int i = 0; i < CLIENTS; i++) {
        struct client *c = &f->clients[i];

        if (c->fd >= 0 && c->out)
            write_client(c, now_ms);
        if (c->fd >= 0 && !c->out)
            read_client(f, c, now_ms);
        if (c->fd >= 0 && !c->waiting && now_ms - c->moved_ms > SILENT_MS)
            drop(c);
    }
}

void face_answer(struct face *f, uint64_t token, const char *json, size_t bytes)
{
    struct client *c = &f->clients[(uint32_t)token % CLIENTS];

    if (c->fd < 0 || c->serial != (uint32_t)(token >> 32) || !c->waiting || bytes >= ANSWER_BYTES)
        return;
    c->waiting = false;
    c->out = malloc(bytes + 1);
    if (!c->out) {
        drop(c);
        return;
    }
    memcpy(c->out, json, bytes);
    c->out[bytes] = '\n';
    c->out_bytes = bytes + 1;
    c->out_done = 0;
    write_client(c, c->moved_ms);
}

void face_close(struct face *f)
{
    if (!f)
        return;
    unlink(f->path);
    for (int i = 0; i < CLIENTS; i++)
        if (f->clients[i].fd >= 0)
            drop(&f->clients[i]);
    close(f->fd);
    free(f);
}
