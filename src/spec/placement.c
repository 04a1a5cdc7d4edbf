/* placement.c - explicit places first, the rest spread in order
 *
 * What is started at run time only has its slot from the start: so it is always there, and everybody knows where.
 */
#include "spec/placement.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/suptree.h"
#include "shared/rc.h"

void placement_free(struct placement *p)
{
    free(p->rank_of);
    free(p->device_of);
    free(p->home_of);
}

int placement_tied_to(const struct spec *s, uint32_t v)
{
    for (; v != SPEC_NONE; v = s->vertices[v].parent)
        if (s->vertices[v].place == SPEC_PLACE_RANK)
            return (int)s->vertices[v].place_rank;
    return -1;
}

static int refuse_rank(const struct spec *s, uint32_t v, int ranks, struct reason *why)
{
    int wanted = 0;

    for (uint32_t i = 0; i < s->vertex_count; i++)
        if (placement_tied_to(s, i) > wanted)
            wanted = placement_tied_to(s, i);
    return reason_set(why, TW_EINVAL, "%s:%d:%d: %s is placed on rank %d, but the job has %d rank%s: start it "
                      "with -n %d or more", s->file, s->vertices[v].line, s->vertices[v].column, s->vertices[v].path,
                      placement_tied_to(s, v), ranks, ranks == 1 ? "" : "s", wanted + 1);
}

/* The device of its rank a vertex is tied to, by itself or by the supervisor that ties it to the rank. */
static uint32_t device_tied_to(const struct spec *s, uint32_t v)
{
    while (v != SPEC_NONE && s->vertices[v].place != SPEC_PLACE_RANK)
        v = s->vertices[v].parent;
    return v == SPEC_NONE ? SPEC_NONE : s->vertices[v].place_device;
}

/* The least loaded device: of a rank, or of all (rank = -1). */
static uint32_t least(const uint32_t *load, uint32_t per_rank, uint32_t all, int rank, uint32_t device)
{
    uint32_t first = rank < 0 ? 0 : (uint32_t)rank * per_rank, end = rank < 0 ? all : first + per_rank;
    uint32_t best = first;

    if (device != SPEC_NONE && rank >= 0)
        return first + device;
    for (uint32_t d = first; d < end; d++)
        if (load[d] < load[best])
            best = d;
    return best;
}

static int refuse_slots(const struct spec *s, uint32_t v, uint32_t device, uint32_t load, struct reason *why)
{
    const struct spec_vertex *x = &s->vertices[v], *pool = &s->vertices[x->parent];
    char lower[SPEC_PATH_BYTES + 40] = "";

    if (pool->strategy == SIMPLE_ONE_FOR_ONE)
        snprintf(lower, sizeof lower, ", or lower max_children of %s", pool->path);
    return reason_set(why, TW_EINVAL, "%s:%d:%d: %s: too few slots: device %u of rank %u would have to hold "
                      "%u actors, a device has %u slots: raise devices.slots (spares are extra), devices.per_rank, or "
                      "the number of ranks%s", s->file, x->line, x->column, x->path, device % s->devices.per_rank,
                      device / s->devices.per_rank, load, s->devices.slots, lower);
}

static int place_actors(const struct spec *s, int ranks, uint32_t *load, struct placement *p,
                        struct reason *why)
{
    uint32_t per_rank = s->devices.per_rank, all = per_rank * (uint32_t)ranks;

    for (uint32_t v = 0; v < s->vertex_count; v++) {
        int rank = placement_tied_to(s, v);
        uint32_t d;

        if (rank >= ranks)
            return refuse_rank(s, v, ranks, why);
        if (s->vertices[v].kind != SPEC_ACTOR || spec_is_template(s, v))
            continue;
        d = least(load, per_rank, all, rank, device_tied_to(s, v));
        if (++load[d] > s->devices.slots)
            return refuse_slots(s, v, d, load[d], why);
        p->rank_of[v] = (uint16_t)(d / per_rank);
        p->device_of[v] = (uint16_t)(d % per_rank);
    }
    return 0;
}

int placement_make(const struct spec *s, int ranks, struct placement *ret, struct reason *why)
{
    uint32_t *load = calloc((size_t)ranks * s->devices.per_rank, sizeof *load);
    struct placement p = {calloc(s->vertex_count, sizeof *p.rank_of),
                          calloc(s->vertex_count, sizeof *p.device_of),
                          calloc(s->vertex_count, sizeof *p.home_of)};
    int rc = TW_ENOMEM;

    if (!load || !p.rank_of || !p.device_of || !p.home_of) {
        reason_set(why, rc, "not enough memory to place %u vertices", s->vertex_count);
        goto err_free;
    }
    for (uint32_t v = 0; v < s->vertex_count; v++) {
        p.home_of[v] = s->vertices[v].kind == SPEC_SUPERVISOR ? (int16_t)placement_tied_to(s, v) : -1;
        p.rank_of[v] = p.home_of[v] < 0 ? 0 : (uint16_t)p.home_of[v];
    }
    p.home_of[0] = -1;          /* the top of the tree is the root's whatever it says */
    rc = place_actors(s, ranks, load, &p, why);
    if (rc != 0)
        goto err_free;
    free(load);
    *ret = p;
    return 0;

err_free:
    free(load);
    placement_free(&p);
    return rc;
}
