/* devman.c - lives in slots: start, end, and what slot 0 reports of them */
#include "sup/devman_impl.h"
#include "spec/spec.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define REPORTS_PER_TURN 256
#define OVERDUE_STOP_MS 1000u           /* for a life that did not become ready to see that it is over */
#define SUSPECT_DEATHS 3u               /* workers broken from one commit: it is the actor, not the device */
#define START_LOSSES 5u                 /* workers lost while one life starts: chance it is no more */

int down_put(struct devman *d, int device, const union cell *c, const void *body, uint32_t bytes)
{
    struct device *v = &d->devices[device];
    int rc;

    if (v->state != DEVICE_IS_UP)
        return TW_ESTATE;
    rc = ring_put(arena_down(&v->view), down_ring_bytes(&v->geo), c, body, bytes);
    d->cx.port.ops->ring(d->cx.port.self, device);
    return rc;
}

/* An order to slot 0 has no other way to arrive: a ring that has no room for it belongs to a worker whose
 * slot 0 has not run for a whole ring, and that worker is ended. */
void order(struct devman *d, int device, const union cell *c)
{
    if (down_put(d, device, c, NULL, 0) == TW_EFULL)
        worker_end(d, device, CAUSE_WORKER);
}

void order_slot(struct devman *d, uint32_t vertex, uint16_t type, uint32_t how, uint32_t deadline_ms,
                uint64_t step)
{
    struct resident *r = &d->residents[vertex];
    union cell c;

    memset(&c, 0, sizeof c);
    c.slot.type = type;
    c.slot.life = r->life;
    c.slot.dst = vertex;
    c.slot.slot = r->slot;
    c.slot.line = r->line;
    c.slot.how = how;
    c.slot.deadline_ms = deadline_ms;
    c.slot.drill_step = step;
    order(d, d->device_of[vertex], &c);
}

/* -- faults --------------------------------------------------------------------------------------- */

uint16_t fault_begin(struct devman *d, int device, uint32_t vertex, uint8_t cause, uint8_t how,
                     uint64_t injected_us)
{
    struct devman_fault *f;

    if (d->fault_count == DEVMAN_FAULTS) {      /* the record is for people; the tree goes on */
        uint32_t kept = 0;

        for (uint32_t i = 0; i < d->fault_count; i++)
            if (d->faults[i].left)
                kept++;
        if (kept)
            return 0;
        d->fault_count = 0;
    }
    f = &d->faults[d->fault_count++];
    *f = (struct devman_fault){.injected_us = injected_us, .detected_us = d->tree_us, .vertex = vertex,
                               .device = (uint16_t)device, .cause = cause, .how = how};
    return (uint16_t)d->fault_count;
}

static void fault_join(struct devman *d, struct resident *r, uint16_t fault, uint64_t handled)
{
    if (fault == 0)
        return;
    r->fault = fault;
    d->faults[fault - 1].actors++;
    d->faults[fault - 1].left++;
    d->faults[fault - 1].uncommitted += (uint32_t)handled;
}

static void fault_leave(struct devman *d, struct resident *r, uint32_t open)
{
    struct devman_fault *f;

    if (r->fault == 0)
        return;
    f = &d->faults[r->fault - 1];
    r->fault = 0;
    f->open += open;
    if (--f->left > 0)
        return;
    f->resumed_us = d->tree_us;
    d->cx.ops->fault(d->cx.self, f);
}

void devman_close_faults(struct devman *d)
{
    for (uint32_t i = 0; i < d->fault_count; i++)
        if (d->faults[i].left)
            d->cx.ops->fault(d->cx.self, &d->faults[i]);
    d->fault_count = 0;
    for (uint32_t v = 0; v < d->vertices; v++)
        d->residents[v].fault = 0;
}

/* -- commits -------------------------------------------------------------------------------------- */

void fetch_commit(struct devman *d, int device, uint32_t slot, struct resident *r)
{
    struct device *v = &d->devices[device];
    uint64_t room = commit_bytes(&v->geo);
    int64_t bytes;

    if (r->commit_room < room) {
        void *grown = realloc(r->commit, room);

        if (!grown) {
            r->commit_bytes = TW_ELOST;
            return;
        }
        r->commit = grown;
        r->commit_room = room;
    }
    bytes = commit_fetch(&v->view, slot, r->commit, room);
    if (bytes != 0)
        r->commit_bytes = bytes;        /* 0: it died before its first commit; what we hold stands */
}

void devman_forget(struct devman *d, uint32_t vertex) { d->residents[vertex].commit_bytes = 0; }

const void *devman_commit(const struct devman *d, uint32_t vertex)
{
    return d->residents[vertex].commit_bytes > 0 ? d->residents[vertex].commit : NULL;
}

/* -- ending --------------------------------------------------------------------------------------- */

static void leave_slot(struct devman *d, uint32_t vertex)
{
    struct resident *r = &d->residents[vertex];

    if (r->slot)
        device_of(d, vertex)->slots[r->slot].vertex = CELL_NOBODY;
    r->slot = 0;
    set_phase(d, vertex, RESIDENT_NONE);
    dues_clear(&d->start_by, vertex);
}

void devman_stop(struct devman *d, uint32_t vertex, uint64_t life, uint32_t how, uint32_t deadline_ms)
{
    struct resident *r = &d->residents[vertex];
    uint32_t cls = how == STOP_KILL ? CLASS_KILLED : CLASS_SHUTDOWN;

    if (!is_here(d, vertex) || r->life != life || r->phase == RESIDENT_NONE) {
        d->cx.ops->down(d->cx.self, vertex, life, cls, CAUSE_SUPERVISOR, 0);
        return;
    }
    if (r->phase == RESIDENT_WAITING) {
        set_phase(d, vertex, RESIDENT_NONE);
        d->cx.ops->down(d->cx.self, vertex, life, cls, CAUSE_SUPERVISOR, 0);
        return;
    }
    set_phase(d, vertex, RESIDENT_STOPPING);
    order_slot(d, vertex, CELL_SLOT_STOP, how, deadline_ms, 0);
}

static void tell_up(struct devman *d, int device, uint32_t vertex, uint32_t slot)
{
    struct resident *r = &d->residents[vertex];
    const struct slot_is *is = arena_shown_is(&d->devices[device].view, slot);

    r->told = true;
    dues_clear(&d->start_by, vertex);
    if (r->phase == RESIDENT_STARTING)
        set_phase(d, vertex, RESIDENT_RUNNING);
    fault_leave(d, r, (uint32_t)load_relaxed(&is->open_messages));
    d->cx.ops->started(d->cx.self, vertex, r->life, load_relaxed(&is->resumed));
}

static void on_up(struct devman *d, int device, const struct cell_slot_is *c)
{
    struct resident *r = &d->residents[c->src];

    if (!r->told)
        tell_up(d, device, c->src, r->slot);
    if (c->state == SLOT_DRAINING && !r->finishing) {
        r->finishing = true;
        d->cx.ops->finishing(d->cx.self, c->src, c->life);
    }
}

/* An end of its own, its commit fetched (extension 16).  Where there is no commit, none is to blame. */
static void count_end(struct resident *r)
{
    uint64_t from = r->commit_bytes > 0 ? commit_number(r->commit) : 0;

    if (r->ends_from != from || from == 0)
        r->ends = 0;
    r->ends_from = from;
    if (from && r->ends < UINT16_MAX)
        r->ends++;
}

/* A life is over; its slot may be lost with it. */
static void on_end(struct devman *d, int device, const struct cell_slot_is *c)
{
    struct device *v = &d->devices[device];
    struct resident *r = &d->residents[c->src];
    bool stopping = r->phase == RESIDENT_STOPPING, ready = r->told, poisoned;
    uint32_t cause = c->cause, slot = r->slot;
    uint64_t handled = load_relaxed(&arena_shown_is(&v->view, slot)->handled);

    fetch_commit(d, device, slot, r);
    r->progress = load_relaxed(&arena_shown_is(&v->view, slot)->progress);
    if (!ready && (c->cls == CLASS_NORMAL || c->flags)) {       /* over before slot 0 looked: it did run */
        tell_up(d, device, c->src, slot);
        ready = true;
    }
    poisoned = poison_after(d, device, slot, c->src, c->cls == CLASS_ABNORMAL);
    leave_slot(d, c->src);
    if (!stopping && !poisoned && (c->cls == CLASS_ABNORMAL || r->overdue))
        count_end(r);
    if (r->overdue && !stopping)
        cause = CAUSE_START;
    if (c->state == SLOT_FENCED) {
        v->slots[slot].fenced = true;
        if (++v->fenced >= 2)
            v->recycle = true;
        d->cx.ops->slot(d->cx.self, device, slot, c->src, "fenced");
    }
    if (r->commit_bytes == TW_ELOST)
        cause = CAUSE_STATE;
    if (!stopping && c->cls == CLASS_ABNORMAL) {
        fault_join(d, r, fault_begin(d, device, c->src, (uint8_t)cause, r->injured_how, r->injured_us),
                   handled);
        r->injured_how = 0;
        r->injured_us = 0;
    }
    if (!ready && !stopping)
        d->cx.ops->start_failed(d->cx.self, c->src, c->life, cause, c->code);
    else
        d->cx.ops->down(d->cx.self, c->src, c->life, c->cls, cause, c->code);
}

static void on_slot_is(struct devman *d, int device, const struct cell_slot_is *c)
{
    struct resident *r;

    if (!is_here(d, c->src) || d->device_of[c->src] != device)
        return;
    r = &d->residents[c->src];
    if (r->life != c->life || r->slot == 0 || r->slot != c->slot)
        return;                         /* an earlier life: changes nothing */
    if (c->state == SLOT_RUNNING && !c->flags)
        return;                         /* it runs, but has not said that it is up (extension 6) */
    if (c->state == SLOT_RUNNING || c->state == SLOT_DRAINING)
        on_up(d, device, c);
    else if (c->state == SLOT_FAILED || c->state == SLOT_DEAD || c->state == SLOT_FENCED)
        on_end(d, device, c);
}

static void on_due(struct devman *d, const struct cell_slot *c)
{
    if (!is_here(d, c->src) || d->residents[c->src].step_told >= c->drill_step)
        return;
    d->residents[c->src].step_told = c->drill_step;
    d->cx.ops->due(d->cx.self, c->src, c->drill_step);
}

/* Extension 4: who breaks worker after worker and gets no further. */
static bool is_suspect(struct resident *r)
{
    uint64_t from = r->commit_bytes > 0 ? commit_number(r->commit) : 0;

    if (r->broke_from != from)
        r->broke = 0;
    r->broke_from = from;
    if (++r->broke < SUSPECT_DEATHS)
        return false;
    r->broke = 0;
    return true;
}

/* Its handler broke the worker: an end like any other - of a start, if it was not up yet.  poisoned: a message is the
 * suspect, not the actor. */
static void suspect_ends(struct devman *d, int device, uint32_t slot, uint32_t vertex, uint32_t cause, bool poisoned)
{
    struct resident *r = &d->residents[vertex];
    bool again = !poisoned && is_suspect(r);

    if (!poisoned)
        count_end(r);
    if (!r->told && load_acquire(&arena_shown_is(&d->devices[device].view, slot)->ready, SCOPE_SYSTEM) == r->life)
        tell_up(d, device, vertex, slot);
    if (r->told)
        d->cx.ops->down(d->cx.self, vertex, r->life, CLASS_ABNORMAL, again ? CAUSE_SUSPECT : cause, 0);
    else
        d->cx.ops->start_failed(d->cx.self, vertex, r->life, cause, 0);
}

/* Its start was outstanding: the new worker will do it.  Not worker after worker, for it may be what ends them. */
static void start_again(struct devman *d, uint32_t vertex)
{
    struct resident *r = &d->residents[vertex];

    if (++r->start_losses == START_LOSSES) {
        d->cx.ops->start_failed(d->cx.self, vertex, r->life, CAUSE_WORKER, 0);
        return;
    }
    set_phase(d, vertex, RESIDENT_WAITING);
    r->resume |= r->commit_bytes > 0;   /* it had begun: what it told others must stand */
}

/* The worker is gone with all that ran on it. */
void slots_lost(struct devman *d, int device, uint8_t cause, uint32_t suspect)
{
    struct device *v = &d->devices[device];
    uint32_t n = 0, suspect_vertex = CELL_NOBODY;
    uint16_t fault = 0;
    bool poisoned = false;

    for (uint32_t s = 1; s <= v->geo.slots; s++) {
        uint32_t vertex = v->slots[s].vertex;
        struct resident *r;
        bool stopping;

        if (vertex == CELL_NOBODY)
            continue;
        r = &d->residents[vertex];
        stopping = r->phase == RESIDENT_STOPPING;
        fetch_commit(d, device, s, r);
        r->progress = load_relaxed(&arena_shown_is(&v->view, s)->progress);
        poisoned |= poison_after(d, device, s, vertex, suspect == s);
        leave_slot(d, vertex);
        if (!r->told && !stopping && suspect != s) {
            start_again(d, vertex);
            continue;
        }
        if (stopping) {
            d->cx.ops->down(d->cx.self, vertex, r->life, CLASS_KILLED, cause, 0);
            continue;
        }
        if (fault == 0 && cause != CAUSE_OPERATOR)
            fault = fault_begin(d, device, suspect && suspect == s ? vertex : CELL_NOBODY, cause,
                                v->injured_how ? v->injured_how : r->injured_how,
                                v->injured_us ? v->injured_us : r->injured_us);
        fault_join(d, r, fault, load_relaxed(&arena_shown_is(&v->view, s)->handled));
        if (fault && suspect == s && r->injured_how) {
            d->faults[fault - 1].vertex = vertex;
            d->faults[fault - 1].how = r->injured_how;
            d->faults[fault - 1].injected_us = r->injured_us;
        }
        if (fault)
            d->faults[fault - 1].detected_us = v->detected_us ? v->detected_us : d->tree_us;
        if (suspect == s) {
            suspect_vertex = vertex;
            r->injured_how = 0;
            continue;
        }
        d->losses[n++] = (struct devman_loss){vertex, r->life};
    }
    v->injured_how = 0;
    v->injured_us = v->detected_us = 0;
    if (n)
        d->cx.ops->lost(d->cx.self, d->losses, n, cause == CAUSE_SEGV ? CAUSE_WORKER : cause);
    if (suspect_vertex != CELL_NOBODY)
        suspect_ends(d, device, suspect, suspect_vertex, cause, poisoned);
}

/* -- injuries ------------------------------------------------------------------------------------- */

int devman_drill(struct devman *d, uint32_t vertex, uint32_t how, uint8_t tag)
{
    struct resident *r = &d->residents[vertex];

    if (!is_here(d, vertex) || r->phase != RESIDENT_RUNNING || r->finishing)
        return TW_ENOENT;
    r->injured_how = tag;
    r->injured_us = d->tree_us;
    order_slot(d, vertex, CELL_SLOT_DRILL, how, 0, 0);
    return 0;
}

int devman_signal_worker(struct devman *d, uint32_t vertex, enum device_signal what, uint8_t how)
{
    struct device *v;

    if (!is_here(d, vertex))
        return TW_ENOENT;
    v = device_of(d, vertex);
    if (v->state != DEVICE_IS_UP)
        return TW_ENOENT;
    v->injured_how = how;
    v->injured_us = d->tree_us;
    return d->cx.port.ops->signal(d->cx.port.self, d->device_of[vertex], v->incarnation, what);
}

bool devman_runs(const struct devman *d, uint32_t vertex)
{
    const struct resident *r = &d->residents[vertex];

    return is_here(d, vertex) && r->phase == RESIDENT_RUNNING && !r->finishing;
}

int devman_lift(struct devman *d, int device)
{
    struct device *v;

    if (device < 0 || device >= d->cx.devices)
        return TW_ENOENT;
    v = &d->devices[device];
    if (v->state != DEVICE_IS_QUARANTINED)
        return TW_ESTATE;
    v->failed_starts = 0;
    d->cx.ops->worker(d->cx.self, device, 0, "quarantine lifted");
    worker_start(d, device);
    d->freed = true;
    return 0;
}

void devman_fence(struct devman *d, uint32_t vertex) { order_slot(d, vertex, CELL_SLOT_FENCE, 0, 0, 0); }

bool devman_rests(const struct devman *d)
{
    for (int device = 0; device < d->cx.devices; device++)
        if (d->devices[device].state != DEVICE_IS_UP && d->devices[device].state != DEVICE_IS_QUARANTINED)
            return false;
    for (uint32_t v = 0; v < d->vertices; v++)
        if (d->residents[v].phase != RESIDENT_NONE && !devman_runs(d, v))
            return false;
    return true;
}

/* -- the turn ------------------------------------------------------------------------------------- */

static void on_asked(struct devman *d, int device, const struct cell_child *c)
{
    if (is_here(d, c->src) && d->device_of[c->src] == device && d->residents[c->src].line == c->line)
        d->cx.ops->asked(d->cx.self, c);
}

/* Returns 0 = taken, TW_EFULL = leave it in the ring. */
static int take(struct devman *d, int device, const union cell *c, uint32_t bytes)
{
    switch (c->head.type) {
    case CELL_MSG:
    case CELL_MSG_ACK:
    case CELL_MSG_NACK:
        return d->cx.ops->message(d->cx.self, c, d->body, bytes);
    case CELL_SLOT_IS:
        on_slot_is(d, device, &c->slot_is);
        return 0;
    case CELL_SLOT_DUE:
        on_due(d, &c->slot);
        return 0;
    case CELL_SLOT_ASK:
        on_asked(d, device, &c->child);
        return 0;
    case CELL_SLOT_LOG:
        d->cx.ops->logged(d->cx.self, &c->log);
        return 0;
    }
    return TW_EPROTO;
}

static int drain(struct devman *d, int device)
{
    struct device *v = &d->devices[device];
    uint64_t size = up_ring_bytes(&v->geo);
    int n;

    for (n = 0; n < REPORTS_PER_TURN && v->state == DEVICE_IS_UP; n++) {
        union cell c;
        uint32_t bytes;
        int rc = ring_peek(arena_up(&v->view), size, &c, d->body, v->geo.message_bytes, &bytes);

        if (rc == 0)
            break;
        if (rc > 0)
            rc = take(d, device, &c, bytes);
        if (rc == TW_EFULL)
            break;
        if (rc < 0) {
            worker_end(d, device, CAUSE_WORKER);        /* it writes nonsense */
            return 1;
        }
        ring_drop(arena_up(&v->view), size);
    }
    return n > 0;
}

/* Extension 6: who has not said that it is up by its start_deadline is ended. */
static void start_deadlines(struct devman *d)
{
    for (uint32_t v; (v = dues_pop(&d->start_by, d->now_ms)) != UINT32_MAX;) {
        if (d->residents[v].phase != RESIDENT_STARTING)
            continue;
        d->residents[v].overdue = true;
        order_slot(d, v, CELL_SLOT_STOP, STOP_KILL, OVERDUE_STOP_MS, 0);
    }
}

int devman_turn(struct devman *d, uint64_t now_ms, uint64_t tree_us)
{
    int busy;

    d->now_ms = now_ms;
    d->tree_us = tree_us;
    busy = worker_turn(d);
    start_deadlines(d);
    slots_keep_no_longer(d);
    for (int device = 0; device < d->cx.devices; device++) {
        struct device *v = &d->devices[device];

        if (v->state != DEVICE_IS_UP)
            continue;
        busy |= drain(d, device);
        if (v->recycle && v->state == DEVICE_IS_UP) {
            d->cx.ops->slot(d->cx.self, device, 0, CELL_NOBODY, "recycled");
            worker_end(d, device, CAUSE_WORKER);
        }
    }
    if (d->freed && d->refused)
        slots_tell_refused(d);
    d->freed = false;
    return busy;
}

/* -- life of the manager -------------------------------------------------------------------------- */

void devman_destroy(struct devman *d)
{
    if (!d)
        return;
    for (uint32_t v = 0; d->residents && v < d->vertices; v++) {
        free(d->residents[v].commit);
        free(d->residents[v].poison);
    }
    for (int device = 0; d->devices && device < d->cx.devices; device++)
        free(d->devices[device].slots);
    free(d->devices);
    free(d->residents);
    free(d->where);
    free(d->ends);
    free(d->device_of);
    free(d->losses);
    dues_fini(&d->start_by);
    dues_fini(&d->keep_by);
    free(d->body);
    free(d);
}

static int allocate(struct devman *d)
{
    uint32_t largest = 8;

    d->devices = calloc((size_t)d->cx.devices, sizeof *d->devices);
    d->residents = calloc(d->vertices, sizeof *d->residents);
    d->where = calloc(d->vertices, sizeof *d->where);
    d->ends = calloc(d->vertices, sizeof *d->ends);
    d->device_of = calloc(d->vertices, sizeof *d->device_of);
    d->losses = calloc(SLOT_MAX + 1, sizeof *d->losses);
    if (!d->devices || !d->residents || !d->where || !d->ends || !d->device_of || !d->losses ||
        dues_init(&d->start_by, d->vertices) != 0 || dues_init(&d->keep_by, d->vertices) != 0)
        return TW_ENOMEM;
    memcpy(d->device_of, d->cx.device_of, d->vertices * sizeof *d->device_of);
    for (int device = 0; device < d->cx.devices; device++) {
        struct device *v = &d->devices[device];

        devman_geometry(d, device, &v->geo);
        if (v->geo.message_bytes > largest)
            largest = v->geo.message_bytes;
        v->slots = calloc(v->geo.slots + 1, sizeof *v->slots);
        if (!v->slots)
            return TW_ENOMEM;
        for (uint32_t s = 0; s <= v->geo.slots; s++)
            v->slots[s].vertex = CELL_NOBODY;
    }
    for (uint32_t v = 0; v < d->vertices; v++)
        if (is_here(d, v) && poison_create(d, v) != 0)
            return TW_ENOMEM;
    d->body = calloc(1, largest + 8);
    return d->body ? 0 : TW_ENOMEM;
}

struct devman *devman_create(const struct devman_config *config)
{
    struct devman *d = calloc(1, sizeof *d);

    if (!d)
        return NULL;
    d->cx = *config;
    d->vertices = config->spec->vertex_count;
    if (allocate(d) != 0) {
        devman_destroy(d);
        return NULL;
    }
    return d;
}

int devman_open(struct devman *d, uint64_t now_ms)
{
    d->now_ms = now_ms;
    for (int device = 0; device < d->cx.devices; device++)
        worker_start(d, device);
    return 0;
}
