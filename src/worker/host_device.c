/* host_device.c - arenas, descriptors and the translation to the zygote */
#include "worker/host_device.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "slot/slot.h"
#include "worker/bell.h"

enum arena_state { ARENA_FREE, ARENA_NEW, ARENA_ASKED, ARENA_RUNS, ARENA_OVER };

struct host_arena {
    enum arena_state state;
    uint32_t incarnation;
    int fd;
    size_t bytes;
    void *base;
    struct bell_word *bell;         /* slot 0's; from start on */
    int start_due;                  /* the zygote's socket was full: sent by a later poll, in this order */
    int stop_due;                   /* SIGSTOP or SIGCONT, the newest; 0 = none */
    int kill_due;
};

struct host_unit {
    int event_fd;
    enum device_kind kind;
    char uuid[DEVICE_UUID_BYTES];
    struct host_arena arenas[HOST_ARENAS_MAX];
};

struct host_device {
    struct zygote *zygote;
    struct zygote_order order;      /* what is the same for every start */
    int devices;
    int program_fd, fatbin_fd;      /* borrowed */
    int keeper_gone;
    int due;                        /* some arena has something due */
    struct host_unit units[];       /* [device] */
};

static struct host_arena *arena_of(struct host_device *h, int device, uint32_t incarnation)
{
    if (device < 0 || device >= h->devices)
        return NULL;
    for (int i = 0; i < HOST_ARENAS_MAX; i++) {
        struct host_arena *a = &h->units[device].arenas[i];

        if (a->state != ARENA_FREE && a->incarnation == incarnation)
            return a;
    }
    return NULL;
}

static struct host_arena *free_arena(struct host_device *h, int device)
{
    if (device < 0 || device >= h->devices)
        return NULL;
    for (int i = 0; i < HOST_ARENAS_MAX; i++)
        if (h->units[device].arenas[i].state == ARENA_FREE)
            return &h->units[device].arenas[i];
    return NULL;
}

/* ---- the port ---- */

/* Sealed: no process that holds the descriptor can shrink it under our feet (SIGBUS). */
static int make_memory(struct host_arena *a, const char *name, size_t bytes)
{
    a->fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (a->fd < 0)
        return TW_ESYS;
    if (ftruncate(a->fd, (off_t)bytes) == 0 &&
        fcntl(a->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0) {
        a->base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, a->fd, 0);
        if (a->base != MAP_FAILED)
            return 0;
    }
    close(a->fd);
    return TW_ENOMEM;
}

static void *op_arena_new(void *self, int device, uint32_t incarnation, size_t bytes)
{
    struct host_device *h = self;
    struct host_arena *a = free_arena(h, device);
    char name[48];

    if (!a || bytes == 0 || arena_of(h, device, incarnation))
        return NULL;
    snprintf(name, sizeof name, "tw-arena-%d-%u", device, incarnation);
    if (make_memory(a, name, bytes) != 0)
        return NULL;
    a->state = ARENA_NEW;
    a->incarnation = incarnation;
    a->bytes = bytes;
    return a->base;
}

static void drop_arena(struct host_arena *a)
{
    munmap(a->base, a->bytes);
    close(a->fd);
    *a = (struct host_arena){ .state = ARENA_FREE };
}

static void op_arena_free(void *self, int device, uint32_t incarnation)
{
    struct host_arena *a = arena_of(self, device, incarnation);

    if (a)
        drop_arena(a);
}

static int is_due(const struct host_arena *a) { return a->start_due || a->stop_due || a->kill_due; }

static int send_start(struct host_device *h, int device, struct host_arena *a)
{
    const struct host_unit *u = &h->units[device];
    const int fds[WORKER_FDS_MAX] = { a->fd, u->event_fd, h->program_fd, h->fatbin_fd };

    h->order.kind = u->kind;
    memcpy(h->order.uuid, u->uuid, sizeof h->order.uuid);
    h->order.device = device;
    h->order.incarnation = a->incarnation;
    return zygote_spawn(h->zygote, &h->order, fds);
}

/* What found the socket full before, as far as there is room now.  0 = nothing is due any more. */
static int send_due(struct host_device *h, int device, struct host_arena *a)
{
    int rc = 0;

    if (a->start_due && (rc = send_start(h, device, a)) == 0)
        a->start_due = 0;
    if (rc == 0 && a->stop_due && (rc = zygote_signal(h->zygote, device, a->incarnation, a->stop_due)) == 0)
        a->stop_due = 0;
    if (rc == 0 && a->kill_due && (rc = zygote_signal(h->zygote, device, a->incarnation, SIGKILL)) == 0)
        a->kill_due = 0;
    h->due |= is_due(a);
    return rc == TW_EAGAIN ? 0 : rc;
}

static int op_start(void *self, int device, uint32_t incarnation)
{
    struct host_device *h = self;
    struct host_arena *a = arena_of(h, device, incarnation);
    struct arena_view view;
    int rc;

    if (!a)
        return TW_ENOENT;
    if (a->state != ARENA_NEW)
        return TW_ESTATE;
    if (arena_view_init(&view, a->base, a->bytes) != 0)
        return TW_EINVAL;           /* not formatted: the worker would refuse it anyway */
    a->bell = arena_bell(&view, 0); /* from our own geometry, before a worker can write there */
    a->start_due = 1;
    rc = send_due(h, device, a);
    if (rc == 0)
        a->state = ARENA_ASKED;
    return rc;
}

static int op_signal(void *self, int device, uint32_t incarnation, enum device_signal what)
{
    struct host_device *h = self;
    struct host_arena *a = arena_of(h, device, incarnation);

    if (!a || (a->state != ARENA_ASKED && a->state != ARENA_RUNS))
        return TW_ENOENT;
    if (what == DEVICE_KILL)
        a->kill_due = 1;
    else
        a->stop_due = what == DEVICE_STOP ? SIGSTOP : SIGCONT;
    return send_due(h, device, a);
}

/* All that may run: a standby's bell costs nothing, a missed one would cost a sweep. */
static void op_ring(void *self, int device)
{
    struct host_device *h = self;

    if (device < 0 || device >= h->devices || h->units[device].kind == DEVICE_KIND_CUDA)
        return;
    for (int i = 0; i < HOST_ARENAS_MAX; i++) {
        struct host_arena *a = &h->units[device].arenas[i];

        if (a->state != ARENA_ASKED && a->state != ARENA_RUNS)
            continue;
        add_u32(&a->bell->rings);
        bell_wake(a->bell, true);
    }
}

static void drain(struct host_device *h)
{
    uint64_t count;

    for (int i = 0; i < h->devices; i++)
        if (read(h->units[i].event_fd, &count, sizeof count) < 0)
            continue;               /* EAGAIN: nobody rang */
}

static void send_all_due(struct host_device *h)
{
    h->due = 0;
    for (int i = 0; i < h->devices; i++)
        for (int k = 0; k < HOST_ARENAS_MAX; k++) {
            struct host_arena *a = &h->units[i].arenas[k];

            if (!is_due(a) || (a->state != ARENA_ASKED && a->state != ARENA_RUNS))
                continue;
            (void)send_due(h, i, a);        /* a zygote that is gone shows in the events */
            h->due |= is_due(a);
        }
}

static void op_poll(void *self, struct device_event *ret)
{
    struct host_device *h = self;
    int rc = h->keeper_gone ? 0 : zygote_event(h->zygote, ret);
    struct host_arena *a;

    if (rc < 0) {
        h->keeper_gone = 1;
        *ret = (struct device_event){ .kind = DEVICE_KEEPER_GONE, .device = -1 };
        return;
    }
    if (h->due && !h->keeper_gone)
        send_all_due(h);
    if (rc == 0) {
        *ret = (struct device_event){ .kind = DEVICE_NOTHING };
        drain(h);
        return;
    }
    a = arena_of(h, ret->device, ret->incarnation);
    if (a && ret->kind == DEVICE_STARTED)
        a->state = ARENA_RUNS;
    else if (a && (ret->kind == DEVICE_EXITED || ret->kind == DEVICE_START_FAILED))
        a->state = ARENA_OVER;
}

/* ---- open and close ---- */

static int copy_text(char *to, size_t room, const char *from, const char *what, struct reason *why)
{
    if (strlen(from) >= room)
        return reason_set(why, TW_EINVAL, "%s: longer than %zu bytes: use a shorter one", what, room - 1);
    memcpy(to, from, strlen(from) + 1);
    return 0;
}

static int copy_config(struct host_device *h, const struct host_device_config *c, struct reason *why)
{
    struct zygote_order *o = &h->order;

    if (copy_text(o->program, sizeof o->program, c->program, "program path", why) ||
        copy_text(o->name, sizeof o->name, c->name, "program name", why) ||
        copy_text(o->out_dir, sizeof o->out_dir, c->out_dir, "output folder", why))
        return TW_EINVAL;
    return 0;
}

static int open_unit(struct host_device *h, const struct host_device_config *c, struct reason *why)
{
    struct host_unit *u = &h->units[h->devices];

    u->kind = h->devices < c->cuda ? DEVICE_KIND_CUDA : DEVICE_KIND_HOST;
    if (u->kind == DEVICE_KIND_CUDA &&
        copy_text(u->uuid, sizeof u->uuid, c->uuids[h->devices], "device's UUID", why) != 0)
        return TW_EINVAL;
    u->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return u->event_fd >= 0 ? 0 : reason_set(why, TW_ESYS, "eventfd: %s: raise the limit of open files (ulimit -n)",
                                             strerror(errno));
}

int host_device_open(struct zygote *zygote, int rank, const struct host_device_config *config,
                     struct device_port *ret, struct reason *why)
{
    static const struct device_ops ops = { op_arena_new, op_arena_free, op_start, op_signal, op_ring,
                                           op_poll };
    struct host_device *h;
    int rc;

    if (config->devices < 1 || config->devices > HOST_DEVICES_MAX)
        return reason_set(why, TW_EINVAL, "%d devices on a rank: 1 to %d can be served: change devices",
                          config->devices, HOST_DEVICES_MAX);
    h = calloc(1, sizeof *h + (size_t)config->devices * sizeof h->units[0]);
    if (!h)
        return reason_set(why, TW_ENOMEM, "devices: out of memory");
    h->zygote = zygote;
    h->order.rank = rank;
    h->program_fd = config->program_fd;
    h->fatbin_fd = config->fatbin_fd;
    ret->ops = &ops;
    ret->self = h;
    rc = copy_config(h, config, why);
    while (rc == 0 && h->devices < config->devices)
        if ((rc = open_unit(h, config, why)) == 0)
            h->devices++;
    if (rc < 0)
        host_device_close(ret);
    return rc;
}

int host_device_fds(const struct device_port *port, struct pollfd *fds, int cap)
{
    const struct host_device *h = port->self;
    int n = 0;

    if (!h->keeper_gone && n < cap)
        fds[n++] = (struct pollfd){ .fd = zygote_fd(h->zygote),
                                    .events = h->due ? POLLIN | POLLOUT : POLLIN };
    for (int i = 0; i < h->devices && n < cap; i++)
        fds[n++] = (struct pollfd){ .fd = h->units[i].event_fd, .events = POLLIN };
    return n;
}

void host_device_close(struct device_port *port)
{
    struct host_device *h = port->self;

    if (!h)
        return;
    for (int i = 0; i < h->devices; i++) {
        for (int k = 0; k < HOST_ARENAS_MAX; k++)
            if (h->units[i].arenas[k].state != ARENA_FREE)
                drop_arena(&h->units[i].arenas[k]);
        close(h->units[i].event_fd);
    }
    free(h);
    port->self = NULL;
    port->ops = NULL;
}
