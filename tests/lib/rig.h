/* rig.h - a rank, as far as one worker process can tell: a zygote, one device, its arena and rings
 *
 * Part of one test program; which of these it uses is its own business.  The program's main must know "zygote" and
 * "worker", for that is what the zygote executes.
 */
#ifndef TW_TESTS_RIG_H
#define TW_TESTS_RIG_H

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/reason.h"
#include "shared/cause.h"
#include "slot/slot.h"
#include "worker/host_device.h"
#include "worker/program.h"
#include "worker/worker.h"

#define RIG __attribute__((unused)) static

int cmd_zygote(int argc, char **argv);
int cmd_worker(int argc, char **argv);

#define PATIENCE_MS 20000           /* a bound, not an expectation */
#define LINE 1u

enum vertex { VERTEX_SOURCE, VERTEX_COUNTER, VERTEX_OTHER, VERTICES };

/* ---- a rank, as far as one worker can tell ---- */

struct rig {
    int image_fd, fatbin_fd;
    struct zygote *zygote;
    struct device_port port;
    struct arena_geometry geo;
    struct arena_view view;         /* of the incarnation in hand */
    uint32_t incarnation;
    int pid;
    int exited;                     /* status is valid */
    int status;
    enum device_event_kind last_event;
    uint64_t last_life;
    uint64_t kill_at;               /* the counter kills its worker at this message; 0 = no */
    uint32_t slot_of[VERTICES];
    uint64_t life_of[VERTICES];
};

static char out_dir[64] = "/tmp/tw-worker-XXXXXX";

RIG int64_t now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

RIG uint64_t hash_text(const char *s)
{
    uint64_t h = 0xcbf29ce484222325ull;

    for (; *s; s++)
        h = (h ^ (uint8_t)*s) * 0x100000001b3ull;
    return h;
}

/* uuid: of the GPU it is on, with this device code; "": a host device. */
RIG void rig_open_on(struct rig *r, const char *program, uint32_t slots, const char *uuid, const char *fatbin)
{
    struct host_device_config config = { .program = program, .program_fd = -1, .name = "counter", .out_dir = out_dir,
                                         .devices = 1, .cuda = uuid[0] != '\0', .uuids = &uuid };
    struct reason why = { "" };
    uint64_t hash;

    memset(r, 0, sizeof *r);
    if (program_image(program, &r->image_fd, &hash, &why) != 0)
        r->image_fd = memfd_create("empty", MFD_CLOEXEC);
    if (uuid[0] && program_image(fatbin, &r->fatbin_fd, &hash, &why) != 0)
        r->fatbin_fd = memfd_create("empty", MFD_CLOEXEC);
    config.program_fd = r->image_fd;
    config.fatbin_fd = r->fatbin_fd;
    r->geo = (struct arena_geometry){ .slots = slots, .peers = 2, .mailbox = 16, .message_bytes = 64,
                                      .vertices = VERTICES, .state_bytes = 64, .apart = uuid[0] != '\0' };
    if (zygote_start(&r->zygote, &why) != 0 ||
        host_device_open(r->zygote, 0, &config, &r->port, &why) != 0) {
        printf("Bail out! %s\n", why.text);
        exit(99);
    }
}

RIG void rig_open(struct rig *r, const char *program, uint32_t slots) { rig_open_on(r, program, slots, "", ""); }

RIG void rig_close(struct rig *r)
{
    zygote_stop(r->zygote);
    host_device_close(&r->port);
    close(r->image_fd);
    if (r->fatbin_fd)
        close(r->fatbin_fd);
}

RIG void write_names(struct rig *r)
{
    static const char *const names[VERTICES] = { "job/source", "job/counter", "job/other" };
    struct arena_name *to = arena_names(&r->view);

    for (uint32_t i = 0; i < VERTICES; i++) {
        uint32_t at = i;

        for (; at > 0 && to[at - 1].hash > hash_text(names[i]); at--)
            to[at] = to[at - 1];
        to[at] = (struct arena_name){ hash_text(names[i]), i };
    }
}

/* A new incarnation with an empty arena; its process is asked for by rig_start_worker. */
RIG void rig_new_arena(struct rig *r)
{
    uint64_t bytes = arena_bytes(&r->geo);
    void *base = r->port.ops->arena_new(r->port.self, 0, ++r->incarnation, bytes);

    if (!base)
        exit(99);
    arena_format(base, &r->geo, r->incarnation);
    if (arena_view_init(&r->view, base, bytes) != 0)
        exit(99);
    write_names(r);
    r->exited = 0;
    r->pid = 0;
}

RIG void rig_turn(struct rig *r)
{
    struct pollfd fds[4];
    struct device_event e;

    poll(fds, (nfds_t)host_device_fds(&r->port, fds, 4), PATIENCE_MS);   /* a lost ring would show as a timeout */
    for (;;) {
        r->port.ops->poll(r->port.self, &e);
        if (e.kind == DEVICE_NOTHING)
            return;
        r->last_event = e.kind;
        if (e.incarnation != r->incarnation)
            continue;
        if (e.kind == DEVICE_STARTED)
            r->pid = e.pid;
        if (e.kind == DEVICE_EXITED) {
            r->exited = 1;
            r->status = e.status;
        }
    }
}

/* 1 = slots run, 2 = refused, 0 = ended or not in time. */
RIG uint64_t rig_boot(struct rig *r)
{
    int64_t end = now_us() + PATIENCE_MS * 1000;

    if (r->port.ops->start(r->port.self, 0, r->incarnation) != 0)
        return 0;
    while (now_us() < end && !r->exited &&
           (r->pid == 0 || load_acquire(&r->view.header->boot, SCOPE_SYSTEM) == 0))
        rig_turn(r);
    return load_acquire(&r->view.header->boot, SCOPE_SYSTEM);
}

RIG int rig_await_exit(struct rig *r)
{
    int64_t end = now_us() + PATIENCE_MS * 1000;

    while (now_us() < end && !r->exited)
        rig_turn(r);
    return r->exited;
}

RIG void rig_kill(struct rig *r)
{
    r->port.ops->signal(r->port.self, 0, r->incarnation, DEVICE_KILL);
    rig_await_exit(r);
}

RIG void rig_free(struct rig *r) { r->port.ops->arena_free(r->port.self, 0, r->incarnation); }

/* ---- what a rank says to a worker and hears from it ---- */

RIG void say(struct rig *r, const union cell *c)
{
    if (ring_put(arena_down(&r->view), down_ring_bytes(&r->geo), c, NULL, 0) != 0)
        exit(99);
    r->port.ops->ring(r->port.self, 0);
}

/* The next cell of this type (and slot, if not 0) from slot 0; others are dropped. */
RIG int hear(struct rig *r, unsigned type, uint32_t slot, uint32_t state, union cell *ret)
{
    int64_t end = now_us() + PATIENCE_MS * 1000;
    uint64_t size = up_ring_bytes(&r->geo), body[16];
    uint32_t bytes;

    while (now_us() < end) {
        while (ring_peek(arena_up(&r->view), size, ret, body, sizeof body, &bytes) == 1) {
            ring_drop(arena_up(&r->view), size);
            if (ret->head.type == type && (!slot || ret->slot.slot == slot) &&
                (type != CELL_SLOT_IS || ret->slot_is.state == state))
                return 1;
        }
        if (r->exited)
            return 0;
        rig_turn(r);
    }
    return 0;
}

/* Told to quit, it ends well. */
RIG int rig_quit(struct rig *r)
{
    union cell c = { .head = { .type = CELL_SLOT_QUIT } };

    say(r, &c);
    return rig_await_exit(r) && WIFEXITED(r->status) && WEXITSTATUS(r->status) == 0;
}

/* Where an actor will be: its life and the directory; before the worker starts. */
RIG void place(struct rig *r, uint32_t vertex, uint32_t slot)
{
    r->slot_of[vertex] = slot;
    r->life_of[vertex] = ++r->last_life;
    arena_directory(&r->view)[vertex] = PEER_WORD(LINE, r->last_life, slot, PEER_UP);
}

RIG void add_arg(struct slot_config *c, const char *name, uint64_t value)
{
    c->args[c->arg_count++] = (struct slot_arg){ .name = hash_text(name), .bits = value };
}

RIG void begin(struct rig *r, uint32_t vertex, uint32_t type, uint64_t arg, uint32_t flags,
                  uint64_t drill_step)
{
    uint32_t slot = r->slot_of[vertex];
    struct slot_config *c = arena_config(&r->view, slot);
    union cell start = { .slot = { .type = CELL_SLOT_START, .life = r->life_of[vertex], .dst = vertex,
                                   .slot = slot, .line = LINE, .drill_step = drill_step } };

    memset(c, 0, sizeof *c);
    c->life = r->life_of[vertex];
    c->layout = 100 + type;
    c->state_bytes = r->geo.state_bytes;
    c->seed = 42 + vertex;
    c->vertex = vertex;
    c->line = LINE;
    c->actor_type = type;
    c->flags = flags;
    c->mailbox = 16;
    c->message_bytes = 64;
    c->peers = 2;
    c->sends = 4;
    c->commit_every = 8;
    c->commit_within_ms = 50;
    c->deadline_ms = 300;
    add_arg(c, "limit", arg);
    add_arg(c, "how", arg);
    add_arg(c, "kill_at", r->kill_at);
    say(r, &start);
}

/* ---- commits across a death ---- */

struct kept { uint64_t bytes; char *commit; };

RIG int keep(struct rig *r, uint32_t vertex, struct kept *k)
{
    uint64_t room = commit_bytes(&r->geo);
    int64_t n;

    k->commit = calloc(1, room);
    n = commit_fetch(&r->view, r->slot_of[vertex], k->commit, room);
    k->bytes = n > 0 ? (uint64_t)n : 0;
    return n > 0;
}

RIG uint64_t result_of(struct rig *r, uint32_t vertex)
{
    struct kept k;
    const struct stream *streams;
    uint64_t result = 0;

    if (keep(r, vertex, &k))
        result = commit_image(k.commit, &streams)->result;
    free(k.commit);
    return result;
}

#endif
