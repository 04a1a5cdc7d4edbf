/* bench_stub.c - a rank as `run` is one, but for its devices: slots that are what they are told to be, at once
 *
 * So what is left of a kill is its messages: orders, reports, and who tells whom what became of the actors.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd/bench.h"
#include "cmd/cmd.h"
#include "mpi/mpi_link.h"
#include "shared/cause.h"
#include "shared/rc.h"
#include "slot/slot.h"
#include "spec/drills.h"
#include "spec/placement.h"
#include "spec/spec.h"
#include "store/journal.h"
#include "store/verdict.h"
#include "sup/rank.h"
#include "sup/timeouts.h"

#define STUB_DEVICES 8
#define QUIET_US 300000u                /* after the last drill, before the job is told to end */

struct stub_device {
    void *arena;                        /* owned; one incarnation, for nothing ever fails here */
    struct arena_view view;
    bool started, told, killed;
    void *body;                         /* owned; a message, which nobody sends */
};

struct stub {
    struct stub_device device[STUB_DEVICES];
    struct spec *spec;
    struct loaded_program program;
    struct placement places;
    struct drill *drills;
    struct mpi_link *mpi;
    struct journal *journal;
    struct rank *rank;
    const char *out;
    uint64_t quiet_us;
    bool failed;
};

/* -- the devices ---------------------------------------------------------------------------------- */

static void *op_arena_new(void *self, int device, uint32_t incarnation, size_t bytes)
{
    struct stub_device *d = &((struct stub *)self)->device[device];

    (void)incarnation;
    free(d->arena);
    d->arena = aligned_alloc(4096, (bytes + 4095) & ~(size_t)4095);
    if (d->arena)
        memset(d->arena, 0, bytes);
    return d->arena;
}

static void op_arena_free(void *self, int device, uint32_t incarnation)
{
    (void)self;
    (void)device;
    (void)incarnation;
}

static int op_start(void *self, int device, uint32_t incarnation)
{
    struct stub_device *d = &((struct stub *)self)->device[device];
    struct arena_header *h = d->arena;

    (void)incarnation;
    if (arena_view_init(&d->view, d->arena, h->bytes) != 0)
        return TW_EPROTO;
    d->body = realloc(d->body, h->geo.message_bytes + 8);
    h->boot = 1;
    d->started = true;
    return d->body ? 0 : TW_ENOMEM;
}

static int op_signal(void *self, int device, uint32_t incarnation, enum device_signal what)
{
    (void)incarnation;
    if (what == DEVICE_KILL)
        ((struct stub *)self)->device[device].killed = true;
    return 0;
}

static void answer(struct stub_device *d, const union cell *order)
{
    uint64_t size = up_ring_bytes(&d->view.geo);
    union cell c;

    memset(&c, 0, sizeof c);
    c.slot_is.type = CELL_SLOT_IS;
    c.slot_is.life = order->slot.life;
    c.slot_is.src = order->slot.dst;
    c.slot_is.slot = order->slot.slot;
    c.slot_is.flags = 1;
    c.slot_is.state = SLOT_RUNNING;
    if (order->head.type == CELL_SLOT_STOP) {
        c.slot_is.state = SLOT_DEAD;
        c.slot_is.cls = order->slot.how == STOP_KILL ? CLASS_KILLED : CLASS_SHUTDOWN;
        c.slot_is.cause = CAUSE_SUPERVISOR;
    }
    (void)ring_put(arena_up(&d->view), size, &c, NULL, 0);
}

/* Its order is obeyed before the rank looks again. */
static void op_ring(void *self, int device)
{
    struct stub_device *d = &((struct stub *)self)->device[device];
    uint64_t size = down_ring_bytes(&d->view.geo);
    union cell c;
    uint32_t bytes;

    while (d->started && ring_peek(arena_down(&d->view), size, &c, d->body, d->view.geo.message_bytes, &bytes) == 1) {
        ring_drop(arena_down(&d->view), size);
        if (c.head.type == CELL_SLOT_START || c.head.type == CELL_SLOT_STOP)
            answer(d, &c);
    }
}

static void op_poll(void *self, struct device_event *ret)
{
    struct stub *s = self;

    *ret = (struct device_event){.kind = DEVICE_NOTHING};
    for (int i = 0; i < STUB_DEVICES; i++) {
        struct stub_device *d = &s->device[i];

        if (!d->started)
            continue;
        d->view.header->beat++;
        if (d->told && !d->killed)
            continue;
        *ret = (struct device_event){.kind = d->told ? DEVICE_EXITED : DEVICE_STARTED, .device = i,
                                     .incarnation = 1, .pid = 1};
        d->started = !d->told;
        d->told = true;
        return;
    }
}

static const struct device_ops stub_ops = {op_arena_new, op_arena_free, op_start, op_signal, op_ring, op_poll};

/* -- the rank ------------------------------------------------------------------------------------- */

static void tell(void *self, const char *text)
{
    (void)self;
    fprintf(stderr, "treewarden: bench: %s\n", text);
}

static void take_record(void *self, const struct journal_record *rec)
{
    (void)self;
    (void)rec;
}

static void on_answer(void *self, uint64_t token, const struct rank_answer *a)
{
    (void)self;
    (void)token;
    (void)a;
}

/* Rank 0's: from the order to kill to the word that all is down. */
static void on_verdict(void *self, const struct verdict *v)
{
    struct stub *s = self;
    FILE *f = fopen(s->out, "w");

    for (uint32_t i = 0; f && i < v->fault_count; i++)
        if (!strcmp(v->faults[i].how, drill_how_name(DRILL_KILL)))
            fprintf(f, "%llu\n", (unsigned long long)(v->faults[i].detected_us - v->faults[i].injected_us) * 1000u);
    s->failed = !f || fclose(f) != 0;
}

static uint64_t clock_us(void) { return bench_now_ns() / 1000; }

static int open_all(struct stub *s, const char *file)
{
    struct mpi_hello hello = {.devices = 1, .launcher_fd = -1};
    struct reason why;
    bool speaks;
    int rc = load_spec(file, NULL, 0, false, &s->spec);

    if (rc != 0 || (rc = load_program(s->spec, tell, NULL, &s->program)) != 0)
        return rc;
    if (s->spec->devices.kind != SPEC_DEVICE_HOST)
        spec_settle(s->spec, SPEC_DEVICE_HOST, 0);
    if (s->spec->devices.per_rank > STUB_DEVICES || drills_plan(s->spec, 1, &s->drills) != 0)
        return EXIT_OS;
    if (mpi_link_open(&hello, &s->mpi, &why, &speaks) != 0)
        return say(EXIT_OS, &why);
    struct link l = mpi_link_port(s->mpi);
    struct rank_config c = {.spec = s->spec, .program = s->program.table, .drills = s->drills,
                            .drill_count = s->spec->drill_count, .drills_allowed = true, .seed = 1, .generation = 1,
                            .devices = (int)s->spec->devices.per_rank, .job = "bench", .state_dir = "", .link = l,
                            .port = {&stub_ops, s}, .out = {s, on_answer, on_verdict},
                            .host_of = mpi_link_hosts(s->mpi)};

    if (placement_make(s->spec, link_size(&l), &s->places, &why) != 0)
        return say(EXIT_OS, &why);
    if (journal_open_memory(take_record, s, &s->journal) != 0)
        return EXIT_OS;
    c.rank_of = s->places.rank_of;
    c.device_of = s->places.device_of;
    c.home_of = s->places.home_of;
    c.journal = s->journal;
    s->rank = rank_create(&c, clock_us(), &why);
    return s->rank ? 0 : say(EXIT_OS, &why);
}

static void end_when_drilled(struct stub *s, uint64_t now)
{
    if (rank_view(s->rank)->rank != 0 || rank_view(s->rank)->drills_left > 0)
        return;
    if (!s->quiet_us)
        s->quiet_us = now;
    else if (now - s->quiet_us > QUIET_US)
        rank_signal(s->rank, 15);
}

/* As the loop of `run`, but that no device and no client can wake it: the slots answer within the turn. */
static int loop(struct stub *s)
{
    int code;

    rank_start(s->rank, clock_us());
    for (;;) {
        uint64_t now = clock_us();
        uint64_t us = mpi_link_rest(s->mpi, rank_turn(s->rank, now));
        struct pollfd p = {.fd = mpi_link_fd(s->mpi), .events = POLLIN};

        if (rank_ended(s->rank, &code))
            return code;
        end_when_drilled(s, now);
        if (us)
            (void)ppoll(&p, 1, &(struct timespec){0, (long)us * 1000}, NULL);
    }
}

int stub_rank(const char *file, const char *out)
{
    static struct stub s;
    int code;

    s.out = out;
    code = open_all(&s, file);
    if (code != 0)
        return code;
    code = loop(&s);
    mpi_link_close(s.mpi, CLOSE_MS, code);
    rank_destroy(s.rank);
    return s.failed || (code != 0 && code != 128 + 15);
}
