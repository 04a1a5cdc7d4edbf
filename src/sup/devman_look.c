/* devman_look.c - what can be seen of the device manager, and whether all of it is sound */
#include "sup/devman_impl.h"

#include <assert.h>

#include "spec/spec.h"

static void check_device(const struct devman *d, int device)
{
    const struct device *v = &d->devices[device];
    uint32_t fenced = 0;

    for (uint32_t s = 1; s <= v->geo.slots; s++) {
        uint32_t vertex = v->slots[s].vertex;

        fenced += v->slots[s].fenced;
        if (vertex == CELL_NOBODY)
            continue;
        assert(!v->slots[s].fenced && "nobody lives in a fenced slot");
        assert(spec_may_live(d->cx.spec, vertex, (uint32_t)device) && "host actors live on host devices");
        assert(d->residents[vertex].slot == s && d->device_of[vertex] == device && "a slot and its owner agree");
    }
    assert(fenced == v->fenced && "free, owned and fenced slots are all there are");
    assert(v->assigned <= v->geo.slots && "nobody is assigned to a device that has no slot for it");
}

void devman_check(const struct devman *d)
{
    uint32_t assigned = 0;

    for (int device = 0; device < d->cx.devices; device++) {
        check_device(d, device);
        assigned += d->devices[device].assigned;
    }
    for (uint32_t v = 0; v < d->vertices; v++) {
        const struct resident *r = &d->residents[v];

        if (!is_here(d, v))
            continue;
        assert((r->slot != 0) == (r->phase == RESIDENT_STARTING || r->phase == RESIDENT_RUNNING ||
                                  r->phase == RESIDENT_STOPPING) && "whoever lives has a slot");
        assert((r->slot == 0 || d->devices[d->device_of[v]].slots[r->slot].vertex == v) &&
               "no two share a slot");
        assigned -= has_place(r);
    }
    assert(assigned == 0 && "whoever lives or keeps a place is assigned to a device, and nobody else");
}

uint32_t devman_line(const struct devman *d, uint32_t vertex) { return d->residents[vertex].line; }

uint16_t devman_device(const struct devman *d, uint32_t vertex) { return d->device_of[vertex]; }

bool devman_is_spent(const struct devman *d, uint32_t vertex)
{
    uint32_t most = d->cx.spec->vertices[vertex].resume_deaths;

    return most && d->residents[vertex].ends >= most;
}

uint32_t devman_slot(const struct devman *d, uint32_t vertex) { return d->residents[vertex].slot; }

uint64_t devman_progress(const struct devman *d, uint32_t vertex)
{
    const struct resident *r = &d->residents[vertex];

    if (!r->slot)
        return r->progress;
    return load_relaxed(&arena_shown_is(&d->devices[d->device_of[vertex]].view, r->slot)->progress);
}

void devman_view(const struct devman *d, int device, struct view_device *ret)
{
    const struct device *v = &d->devices[device];

    bool cuda = spec_is_cuda(d->cx.spec, (uint32_t)device);

    *ret = (struct view_device){.kind = cuda ? DEVICE_KIND_CUDA : DEVICE_KIND_HOST, .up = v->state == DEVICE_IS_UP, .quarantined = v->state == DEVICE_IS_QUARANTINED,
                                .incarnation = v->incarnation,
                                .pid = v->pid, .fenced = (uint16_t)v->fenced,
                                .slots = (uint16_t)v->geo.slots};
    for (uint32_t s = 1; s <= v->geo.slots; s++) {
        if (v->slots[s].vertex != CELL_NOBODY)
            ret->busy++;
        else if (!v->slots[s].fenced)
            ret->spares++;
    }
}
