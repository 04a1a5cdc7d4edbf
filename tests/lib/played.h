/* played.h - a port of one device whose workers the test plays
 *
 * An arena is real memory until it is given back; a killed worker's end is seen at the next look for events.  The
 * port's self is a struct played_device, all zero at first.
 */
#ifndef TW_TESTS_PLAYED_H
#define TW_TESTS_PLAYED_H

#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "port/device.h"
#include "slot/slot_impl.h"

enum { PLAYED_ARENAS = 64, PLAYED_EVENTS = 16 };

struct played_device {
    char *arena[PLAYED_ARENAS];         /* by incarnation; NULL = not made, or given back */
    size_t arena_bytes;                 /* all are equal */
    struct arena_view view;             /* of the newest worker */
    uint32_t newest;
    bool runs;
    struct device_event events[PLAYED_EVENTS];
    uint32_t event_head, event_tail;
};

static void *played_arena_new(void *self, int device, uint32_t incarnation, size_t bytes)
{
    struct played_device *d = self;
    void *arena;

    (void)device;
    if (incarnation >= PLAYED_ARENAS)
        return NULL;
    /* Little of it is touched. */
    arena = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (arena == MAP_FAILED)
        return NULL;
    d->arena[incarnation] = arena;
    d->arena_bytes = bytes;
    d->newest = incarnation;
    return arena;
}

static void played_arena_free(void *self, int device, uint32_t incarnation)
{
    struct played_device *d = self;

    (void)device;
    if (incarnation >= PLAYED_ARENAS)
        return;
    if (d->arena[incarnation])
        munmap(d->arena[incarnation], d->arena_bytes);
    d->arena[incarnation] = NULL;
    d->runs &= incarnation != d->newest;
}

static int played_start(void *self, int device, uint32_t incarnation)
{
    struct played_device *d = self;

    (void)device;
    d->runs = true;
    return arena_view_init(&d->view, d->arena[incarnation],
                           ((struct arena_header *)(void *)d->arena[incarnation])->bytes);
}

static int played_signal(void *self, int device, uint32_t incarnation, enum device_signal what)
{
    struct played_device *d = self;

    (void)device;
    if (what == DEVICE_KILL)
        d->events[d->event_tail++ % PLAYED_EVENTS] =
            (struct device_event){.kind = DEVICE_EXITED, .incarnation = incarnation, .status = SIGKILL};
    return 0;
}

static void played_ring(void *self, int device)
{
    (void)self;
    (void)device;
}

static void played_events(void *self, struct device_event *ret)
{
    struct played_device *d = self;

    *ret = (struct device_event){.kind = DEVICE_NOTHING};
    if (d->event_head != d->event_tail)
        *ret = d->events[d->event_head++ % PLAYED_EVENTS];
}

static const struct device_ops played_ops = {played_arena_new, played_arena_free, played_start, played_signal,
                                             played_ring, played_events};

/* The newest worker says that it is there; that it dies; that a life runs, and is up, in a slot of it. */
static void played_boot(struct played_device *d) { store_release(&d->view.header->boot, 1, SCOPE_SYSTEM); }

static void played_dies(struct played_device *d) { (void)played_signal(d, 0, d->newest, DEVICE_KILL); }

static void played_runs(struct played_device *d, uint32_t vertex, uint64_t life, uint32_t slot)
{
    union cell c;

    memset(&c, 0, sizeof c);
    c.slot_is.type = CELL_SLOT_IS;
    c.slot_is.src = vertex;
    c.slot_is.life = life;
    c.slot_is.slot = slot;
    c.slot_is.state = SLOT_RUNNING;
    c.slot_is.flags = 1;
    (void)ring_put(arena_up(&d->view), up_ring_bytes(&d->view.geo), &c, NULL, 0);
}

static void played_end(struct played_device *d)
{
    for (uint32_t i = 0; i < PLAYED_ARENAS; i++)
        played_arena_free(d, 0, i);
}

#endif
