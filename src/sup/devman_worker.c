/* devman_worker.c - the life of the workers: start, boot, silence, stop, death */
#include "sup/devman_impl.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/log.h"
#include "shared/rc.h"
#include "sup/timeouts.h"

static void tell(struct devman *d, int device, const char *what)
{
    d->cx.ops->worker(d->cx.self, device, d->devices[device].pid, what);
}

static void quarantine(struct devman *d, int device, const char *why)
{
    d->devices[device].state = DEVICE_IS_QUARANTINED;
    log_warn("device %d.%d: %s: in quarantine: see `treewarden events --type worker`; `treewarden restart device:%d.%d` "
             "uses it again", d->cx.rank, device, why, d->cx.rank, device);
    tell(d, device, "quarantined");
    slots_move(d, device);
}

static void start_failed(struct devman *d, int device, const char *why)
{
    struct device *v = &d->devices[device];

    log_warn("device %d.%d: its worker did not start: %s", d->cx.rank, device, why);
    v->state = DEVICE_IS_DOWN;
    if (++v->failed_starts >= 2)
        quarantine(d, device, "two workers in a row failed to start");
    else
        worker_start(d, device);
}

void worker_start(struct devman *d, int device)
{
    struct device *v = &d->devices[device];
    uint32_t incarnation = v->incarnation + 1;
    uint64_t bytes = arena_bytes(&v->geo);
    void *arena = d->cx.port.ops->arena_new(d->cx.port.self, device, incarnation, bytes);
    int rc;

    if (v->arena)
        d->cx.port.ops->arena_free(d->cx.port.self, device, v->incarnation);
    v->arena = arena;
    v->incarnation = incarnation;
    v->fenced = 0;
    v->recycle = false;
    v->stopped_ms = 0;
    v->end_cause = CAUSE_NONE;
    for (uint32_t s = 1; s <= v->geo.slots; s++)
        v->slots[s] = (struct device_slot){.vertex = CELL_NOBODY};
    if (!arena) {
        start_failed(d, device, "no memory for its arena");
        return;
    }
    arena_format(arena, &v->geo, incarnation);
    (void)arena_view_init(&v->view, arena, bytes);
    devman_fill_names(d, &v->view);
    memcpy(arena_directory(&v->view), d->where, d->vertices * sizeof *d->where);
    memcpy(arena_ends(&v->view), d->ends, d->vertices * sizeof *d->ends);
    v->state = DEVICE_IS_BOOTING;
    v->boot_by_ms = d->now_ms + (v->geo.apart ? CUDA_BOOT_MS : WORKER_BOOT_MS);
    rc = d->cx.port.ops->start(d->cx.port.self, device, incarnation);
    if (rc == TW_EPEER)
        v->state = DEVICE_IS_DOWN;      /* no fault of the device: the event that its zygote died comes next */
    else if (rc != 0)
        start_failed(d, device, "the system refused a process");
}

void worker_end(struct devman *d, int device, uint8_t cause)
{
    struct device *v = &d->devices[device];

    if (v->state != DEVICE_IS_UP && v->state != DEVICE_IS_BOOTING)
        return;
    v->state = DEVICE_IS_ENDING;
    v->end_cause = cause;
    v->detected_us = v->detected_us ? v->detected_us : d->tree_us;
    (void)d->cx.port.ops->signal(d->cx.port.self, device, v->incarnation, DEVICE_KILL);
}

/* -- events --------------------------------------------------------------------------------------- */

static bool says_why(int status)
{
    return WIFEXITED(status) && (WEXITSTATUS(status) == WORKER_BROKE || WEXITSTATUS(status) == WORKER_DEVICE_LOST);
}

static void say_exit(struct devman *d, int device, int status)
{
    char what[256];
    const struct arena_header *h = d->devices[device].view.header;
    uint64_t sig = load_acquire(&h->words_signal, SCOPE_SYSTEM);

    if (sig)
        snprintf(what, sizeof what, "down: signal %d in slot %d at 0x%llx%s", (int)sig, (int)h->words_slot,
                 (unsigned long long)h->words_address, WCOREDUMP(status) ? ", core dumped" : "");
    else if (WIFSIGNALED(status))
        snprintf(what, sizeof what, "down: killed by signal %d", WTERMSIG(status));
    else if (says_why(status))
        snprintf(what, sizeof what, "down: %.200s", h->text);
    else
        snprintf(what, sizeof what, "down: exit status %d", WEXITSTATUS(status));
    tell(d, device, what);
}

#define EARLY "it ended before its slots ran"
#define LATE "it was not up in time and was ended: what it waits for, its device's driver perhaps, does not answer"

static void on_exit_of_worker(struct devman *d, int device, int status)
{
    struct device *v = &d->devices[device];
    const struct arena_header *h = v->view.header;
    bool booted = load_acquire(&h->boot, SCOPE_SYSTEM) == 1;
    uint64_t sig = load_acquire(&h->words_signal, SCOPE_SYSTEM);
    uint32_t suspect = sig && h->words_slot <= v->geo.slots ? (uint32_t)h->words_slot : 0;

    if (!v->detected_us)
        v->detected_us = d->tree_us;
    if (d->quitting)
        tell(d, device, "ended");
    else
        say_exit(d, device, status);
    v->state = DEVICE_IS_DOWN;
    v->pid = 0;
    if (d->quitting)
        return;
    if (!booted) {
        start_failed(d, device, h->text[0] ? h->text : v->end_cause == CAUSE_WORKER ? LATE : EARLY);
        return;
    }
    slots_lost(d, device, suspect ? CAUSE_SEGV : CAUSE_WORKER, suspect);
    if (WIFEXITED(status) && WEXITSTATUS(status) == WORKER_DEVICE_LOST)
        quarantine(d, device, "it is lost");
    else
        worker_start(d, device);
}

static void on_event(struct devman *d, const struct device_event *e)
{
    struct device *v;

    if (e->kind == DEVICE_KEEPER_GONE) {
        d->keeper_gone = true;
        if (!d->quitting)
            d->cx.ops->keeper_gone(d->cx.self);
        return;
    }
    if (e->device < 0 || e->device >= d->cx.devices)
        return;
    v = &d->devices[e->device];
    if (e->incarnation != v->incarnation)
        return;                         /* of a worker that is over */
    switch (e->kind) {
    case DEVICE_STARTED: v->pid = e->pid; break;
    case DEVICE_START_FAILED: start_failed(d, e->device, e->text); break;
    case DEVICE_EXITED: on_exit_of_worker(d, e->device, e->status); break;
    case DEVICE_STOPPED:
        v->stopped_ms = d->now_ms;
        v->detected_us = d->tree_us;
        tell(d, e->device, "stopped");
        break;
    case DEVICE_CONTINUED:
        v->stopped_ms = 0;
        v->detected_us = 0;
        tell(d, e->device, "continued");
        break;
    default: break;
    }
}

/* -- watching ------------------------------------------------------------------------------------- */

static void watch_boot(struct devman *d, int device)
{
    struct device *v = &d->devices[device];
    uint64_t boot = load_acquire(&v->view.header->boot, SCOPE_SYSTEM);

    if (boot == 1) {
        v->state = DEVICE_IS_UP;
        v->failed_starts = 0;
        v->beat_ms = d->now_ms;
        tell(d, device, "up");
        peers_again(d, device);
        slots_place(d, device);
    } else if (d->now_ms >= v->boot_by_ms) {
        worker_end(d, device, CAUSE_WORKER);
    }
}

/* Slot 0 silent, or the whole worker stopped.  Only time in which this loop itself ran counts: a gap in it
 * starts the count again. */
static void watch_worker(struct devman *d, int device, bool gap)
{
    struct device *v = &d->devices[device];
    uint64_t beat = load_acquire(&v->view.header->beat, SCOPE_SYSTEM);

    if (v->stopped_ms) {
        if (gap)
            v->stopped_ms = d->now_ms;
        if (d->now_ms - v->stopped_ms >= WORKER_STOPPED_MS)
            worker_end(d, device, CAUSE_WORKER);
        return;
    }
    if (beat != v->beat || gap) {
        v->beat = beat;
        v->beat_ms = d->now_ms;
    } else if (d->now_ms - v->beat_ms >= SLOT0_SILENT_MS) {
        tell(d, device, "silent");
        worker_end(d, device, CAUSE_WORKER);
    }
}

int worker_turn(struct devman *d)
{
    static const int events_per_turn = 64;
    int n;
    struct device_event e;
    uint64_t last = d->last_turn_ms;
    bool gap = last && d->now_ms - last > OWN_GAP_MS;

    d->last_turn_ms = d->now_ms;
    for (n = 0; n < events_per_turn; n++) {
        d->cx.port.ops->poll(d->cx.port.self, &e);
        if (e.kind == DEVICE_NOTHING)
            break;
        on_event(d, &e);
    }
    for (int device = 0; device < d->cx.devices; device++) {
        if (d->devices[device].state == DEVICE_IS_BOOTING)
            watch_boot(d, device);
        else if (d->devices[device].state == DEVICE_IS_UP && !d->quitting)
            watch_worker(d, device, gap);
    }
    return n > 0;
}

void devman_quit(struct devman *d)
{
    d->quitting = true;
    for (int device = 0; device < d->cx.devices; device++) {
        struct device *v = &d->devices[device];

        if (v->state == DEVICE_IS_UP || v->state == DEVICE_IS_BOOTING)
            worker_end(d, device, CAUSE_SUPERVISOR);
    }
}

/* Workers die with their zygote, and nobody is left to tell of it: there is nothing to wait for then. */
int devman_busy(const struct devman *d)
{
    int busy = 0;

    if (d->keeper_gone)
        return 0;
    for (int device = 0; device < d->cx.devices; device++)
        busy += d->devices[device].state == DEVICE_IS_UP || d->devices[device].state == DEVICE_IS_BOOTING ||
                d->devices[device].state == DEVICE_IS_ENDING;
    return busy;
}
