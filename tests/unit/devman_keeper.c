/* devman_keeper.c - the device manager over a port that does nothing by itself: the death of workers and of their zygote */
#include "tests/lib/tap.h"

#include <stdbool.h>

#include "shared/rc.h"
#include "slot/slot.h"
#include "spec/spec.h"
#include "sup/devman.h"

#define DEVICES 2

static struct device_event next;        /* what the port says at the next poll */
static void *arenas[DEVICES];           /* owned; freed when the next one is made */
static int signals[DEVICES], keeper_gone_told, quarantines, start_answer;

static void *arena_new(void *self, int device, uint32_t incarnation, size_t bytes)
{
    (void)self;
    (void)incarnation;
    free(arenas[device]);
    arenas[device] = aligned_alloc(4096, (bytes + 4095) & ~(size_t)4095);
    return arenas[device];
}

static void arena_free(void *self, int device, uint32_t incarnation)
{
    (void)self;
    (void)device;
    (void)incarnation;
}

static int start(void *self, int device, uint32_t incarnation)
{
    (void)self;
    (void)device;
    (void)incarnation;
    return start_answer;
}

static int signal_worker(void *self, int device, uint32_t incarnation, enum device_signal what)
{
    (void)self;
    (void)incarnation;
    signals[device] += what == DEVICE_KILL;
    return 0;
}

static void ring(void *self, int device)
{
    (void)self;
    (void)device;
}

static void poll_one(void *self, struct device_event *ret)
{
    (void)self;
    *ret = next;
    next.kind = DEVICE_NOTHING;
}

static void worker(void *self, int device, int pid, const char *what)
{
    (void)self;
    (void)device;
    (void)pid;
    quarantines += !strcmp(what, "quarantined");
}

static void keeper_gone(void *self)
{
    (void)self;
    keeper_gone_told++;
}

static struct devman *open_one(void)
{
    static const struct device_ops port = {arena_new, arena_free, start, signal_worker, ring, poll_one};
    static const struct devman_ops ops = {.worker = worker, .keeper_gone = keeper_gone};
    static const struct tw_program program;
    static struct spec_vertex top = {.kind = SPEC_SUPERVISOR, .path = "top"};
    static const uint16_t nowhere = UINT16_MAX;
    static struct spec spec = {.vertices = &top, .vertex_count = 1, .devices = {.slots = 2, .spares = 1}};
    struct devman_config cx = {.spec = &spec, .program = &program, .rank_of = &nowhere, .device_of = &nowhere,
                               .devices = DEVICES, .port = {&port, NULL}, .ops = &ops};
    struct devman *d;

    signals[0] = signals[1] = keeper_gone_told = quarantines = 0;
    d = devman_create(&cx);
    if (!d || devman_open(d, 1) != 0)
        abort();
    return d;
}

static void an_end_waits_for_the_workers(void)
{
    struct devman *d = open_one();

    devman_quit(d);
    is_int(signals[0] + signals[1], DEVICES, "every worker is told to end");
    next = (struct device_event){.kind = DEVICE_EXITED, .device = 0, .incarnation = 1, .status = 9};
    devman_turn(d, 2, 2000);
    is_int(devman_busy(d), 1, "a worker that was not reaped is waited for");
    next = (struct device_event){.kind = DEVICE_EXITED, .device = 1, .incarnation = 1, .status = 9};
    devman_turn(d, 3, 3000);
    is_int(devman_busy(d), 0, "nobody is waited for when all are reaped");
    devman_destroy(d);
}

static void without_its_zygote_it_waits_for_nobody(void)
{
    struct devman *d = open_one();

    next = (struct device_event){.kind = DEVICE_KEEPER_GONE};
    devman_turn(d, 2, 2000);
    is_int(keeper_gone_told, 1, "the death of the zygote is told");
    devman_quit(d);
    is_int(devman_busy(d), 0, "workers died with their zygote: nobody waits for one who could tell of it");
    devman_destroy(d);

    d = open_one();
    devman_quit(d);
    next = (struct device_event){.kind = DEVICE_KEEPER_GONE};
    devman_turn(d, 2, 2000);
    is_int(keeper_gone_told, 0, "a zygote that dies while the rank ends is no fault");
    is_int(devman_busy(d), 0, "... and is not waited for either");
    devman_destroy(d);
}

static void a_start_that_finds_no_zygote_is_no_fault_of_the_device(void)
{
    struct devman *d;

    start_answer = TW_EPEER;
    d = open_one();
    is_int(quarantines, 0, "a device is not given up because its zygote died");
    next = (struct device_event){.kind = DEVICE_KEEPER_GONE};
    devman_turn(d, 2, 2000);
    is_int(keeper_gone_told, 1, "... that it died is told instead");
    devman_destroy(d);

    start_answer = TW_ESYS;
    d = open_one();
    is_int(quarantines, DEVICES, "a device for which the system refuses two processes is given up");
    devman_destroy(d);
    start_answer = 0;
}

int main(void)
{
    an_end_waits_for_the_workers();
    without_its_zygote_it_waits_for_nobody();
    a_start_that_finds_no_zygote_is_no_fault_of_the_device();
    done_testing();
}
