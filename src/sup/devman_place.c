/* devman_place.c - which device and slot a life begins in */
#include "sup/devman_impl.h"

#include <string.h>

#include "spec/spec.h"

static uint32_t find_slot(const struct device *v, uint32_t preferred)
{
    if (preferred && v->slots[preferred].vertex == CELL_NOBODY && !v->slots[preferred].fenced)
        return preferred;
    for (uint32_t s = 1; s <= v->geo.slots; s++)
        if (v->slots[s].vertex == CELL_NOBODY && !v->slots[s].fenced)
            return s;
    return 0;
}

static void refuse_start(struct devman *d, uint32_t vertex, uint32_t cause)
{
    set_phase(d, vertex, RESIDENT_NONE);
    d->cx.ops->start_failed(d->cx.self, vertex, d->residents[vertex].life, cause, 0);
}

/* A worker that has none left but fenced ones is replaced, and the new one has all. */
static bool has_room(const struct devman *d, uint32_t vertex, int device)
{
    const struct device *v = &d->devices[device];

    if (!spec_may_live(d->cx.spec, vertex, (uint32_t)device))
        return false;
    return v->state != DEVICE_IS_QUARANTINED && v->assigned < v->geo.slots;
}

/* The device for a vertex's next life: its own, unless that is given up or full, or the tree wants another; then the
 * next of the rank that has room and can run it.  -1: there is none. */
static int device_for(const struct devman *d, uint32_t vertex, bool move)
{
    int own = d->device_of[vertex];

    if (!move && has_room(d, vertex, own))
        return own;
    for (int k = 1; k < d->cx.devices; k++)
        if (has_room(d, vertex, (own + k) % d->cx.devices))
            return (own + k) % d->cx.devices;
    return has_room(d, vertex, own) ? own : -1;
}

static void set_refused(struct devman *d, uint32_t vertex, bool refused)
{
    d->refused += (uint32_t)refused - (uint32_t)d->residents[vertex].refused;
    d->residents[vertex].refused = refused;
}

/* Its life has no phase yet.  False: refused. */
static bool assign(struct devman *d, uint32_t vertex, bool move)
{
    int device = device_for(d, vertex, move);
    struct resident *r = &d->residents[vertex];
    bool given_up = device_of(d, vertex)->state == DEVICE_IS_QUARANTINED;

    if (device < 0) {
        set_refused(d, vertex, true);
        refuse_start(d, vertex, given_up ? CAUSE_DEVICE : CAUSE_CAPACITY);
        return false;
    }
    if (device != d->device_of[vertex]) {
        d->cx.ops->slot(d->cx.self, device, 0, vertex, "moved");
        d->device_of[vertex] = (uint16_t)device;
        r->last_slot = 0;
    }
    set_phase(d, vertex, RESIDENT_WAITING);
    return true;
}

/* Extension 13: a slot may be free for those who found none. */
void slots_tell_refused(struct devman *d)
{
    for (uint32_t v = 0; v < d->vertices && d->refused; v++) {
        if (!d->residents[v].refused || device_for(d, v, false) < 0)
            continue;
        set_refused(d, v, false);
        d->cx.ops->room(d->cx.self, v, d->residents[v].life);
    }
}

static void place(struct devman *d, uint32_t vertex)
{
    struct resident *r = &d->residents[vertex];
    struct device *v = device_of(d, vertex);
    uint32_t slot = find_slot(v, r->last_slot);
    bool resume = r->resume && r->commit_bytes > 0;
    struct slot_config *c;

    if (slot == 0) {                    /* one is fenced, for more than there are slots are not assigned */
        v->recycle = true;              /* a new worker has all its slots */
        return;
    }
    c = arena_config(&v->view, slot);
    memset(c, 0, sizeof *c);
    c->life = r->life;
    c->line = r->line;
    c->flags = resume ? SLOT_RESUME : 0;
    if (devman_fill_config(d, vertex, c) != 0 ||
        commit_place(&v->view, slot, resume ? r->commit : NULL, (uint64_t)r->commit_bytes) != 0) {
        refuse_start(d, vertex, CAUSE_START);
        return;
    }
    if (r->last_slot && r->last_slot != slot)
        d->cx.ops->slot(d->cx.self, d->device_of[vertex], slot, vertex, "spare");
    v->slots[slot].vertex = vertex;
    r->slot = r->last_slot = (uint16_t)slot;
    set_phase(d, vertex, RESIDENT_STARTING);
    if (d->cx.spec->vertices[vertex].start_deadline_ms)
        dues_set(&d->start_by, vertex, d->now_ms + d->cx.spec->vertices[vertex].start_deadline_ms);
    order_slot(d, vertex, CELL_SLOT_START, 0, 0,
               d->cx.ops->next_step(d->cx.self, vertex, r->step_told));
}

void slots_place(struct devman *d, int device)
{
    for (uint32_t v = 0; v < d->vertices; v++) {
        if (d->devices[device].state != DEVICE_IS_UP)
            return;
        if (d->residents[v].phase == RESIDENT_WAITING && d->device_of[v] == device)
            place(d, v);
    }
}

void slots_move(struct devman *d, int device)
{
    for (uint32_t v = 0; v < d->vertices; v++) {
        if (d->residents[v].phase != RESIDENT_WAITING || !is_here(d, v) || d->device_of[v] != device)
            continue;
        set_place(d, v, RESIDENT_NONE, false);
        if (assign(d, v, false) && device_of(d, v)->state == DEVICE_IS_UP)
            place(d, v);
    }
}

void devman_keep(struct devman *d, uint32_t vertex, bool keep)
{
    if (is_here(d, vertex))
        set_place(d, vertex, d->residents[vertex].phase, keep && has_place(&d->residents[vertex]));
}

void slots_keep_no_longer(struct devman *d)
{
    for (uint32_t v; (v = dues_pop(&d->keep_by, d->now_ms)) != UINT32_MAX;)
        devman_keep(d, v, false);
}

void devman_start(struct devman *d, uint32_t vertex, uint64_t life, uint32_t line, bool resume, bool move)
{
    struct resident *r = &d->residents[vertex];
    bool kept = r->kept;                /* it may end by itself before it is stopped */

    if (!is_here(d, vertex) || r->phase != RESIDENT_NONE) {     /* two lives of one actor: nobody orders that */
        d->cx.ops->start_failed(d->cx.self, vertex, life, CAUSE_START, 0);
        return;
    }
    if (!resume) {
        r->commit_bytes = 0;
        r->ends = 0;
    }
    r->life = life;
    r->line = line;
    r->resume = resume;
    r->told = r->finishing = r->overdue = false;
    r->start_losses = 0;
    set_refused(d, vertex, false);
    set_place(d, vertex, RESIDENT_NONE, false);         /* it may be assigned elsewhere */
    if (r->commit_bytes == TW_ELOST) {
        refuse_start(d, vertex, CAUSE_STATE);
        return;
    }
    if (!assign(d, vertex, move))
        return;
    r->kept = kept;
    if (device_of(d, vertex)->state == DEVICE_IS_UP)
        place(d, vertex);
}
