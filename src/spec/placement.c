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
    free(p->devices);
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

/* The devices of a job in one row: a rank's, and behind them one for its host actors. */
struct row { uint32_t per_rank, stride, all; };

static struct row row_of(const struct spec *s, int ranks)
{
    uint32_t per_rank = s->devices.per_rank ? s->devices.per_rank : 1;

    return (struct row){per_rank, per_rank + 1, (per_rank + 1) * (uint32_t)ranks};
}

static bool is_beside_cuda(const struct spec *s, uint32_t v)
{
    return s->devices.kind == SPEC_DEVICE_CUDA && s->vertices[v].host;
}

/* The least loaded device it may live on: of a rank, or of all (rank = -1). */
static uint32_t least(const struct row *row, const uint32_t *load, int rank, uint32_t device, bool beside)
{
    uint32_t first = rank < 0 ? 0 : (uint32_t)rank * row->stride, end = rank < 0 ? row->all : first + row->stride;
    uint32_t best = SPEC_NONE;

    if (device != SPEC_NONE && rank >= 0 && !beside)
        return first + device;
    for (uint32_t d = first; d < end; d++)
        if ((d % row->stride == row->per_rank) == beside && (best == SPEC_NONE || load[d] < load[best]))
            best = d;
    return best;
}

/* The nearest pool above a vertex; SPEC_NONE: there is none. */
static uint32_t pool_above(const struct spec *s, uint32_t v)
{
    do
        v = s->vertices[v].parent;
    while (v != SPEC_NONE && s->vertices[v].strategy != SIMPLE_ONE_FOR_ONE);
    return v;
}

static int refuse_slots(const struct spec *s, uint32_t v, uint32_t rank, uint32_t device, uint32_t load,
                        struct reason *why)
{
    const struct spec_vertex *x = &s->vertices[v];
    uint32_t pool = pool_above(s, v);
    char lower[SPEC_PATH_BYTES + 40] = "";

    if (pool != SPEC_NONE)
        snprintf(lower, sizeof lower, ", or lower max_children of %s", s->vertices[pool].path);
    if (is_beside_cuda(s, v))
        return reason_set(why, TW_EINVAL, "%s:%d:%d: %s: too few slots for host actors: rank %u would have to hold %u "
                          "beside its CUDA devices, and has %u slots for them: raise devices.host_slots or the number "
                          "of ranks%s", s->file, x->line, x->column, x->path, rank, load, spec_slots(s, device), lower);
    return reason_set(why, TW_EINVAL, "%s:%d:%d: %s: too few slots: device %u of rank %u would have to hold "
                      "%u actors, a device has %u slots: raise devices.slots (spares are extra), devices.per_rank, or "
                      "the number of ranks%s", s->file, x->line, x->column, x->path, device, rank, load,
                      s->devices.slots, lower);
}

static int refuse_device(const struct spec *s, uint32_t v, uint32_t per_rank, struct reason *why)
{
    return reason_set(why, TW_EINVAL, "%s:%d:%d: %s is placed on device %u, but a rank has %u: they count from 0: write "
                      "at most %u, or see that each rank has more", s->file, s->vertices[v].line, s->vertices[v].column,
                      s->vertices[v].path, device_tied_to(s, v), per_rank, per_rank - 1);
}

static int place_actors(const struct spec *s, int ranks, uint32_t *load, struct placement *p,
                        struct reason *why)
{
    struct row row = row_of(s, ranks);

    for (uint32_t v = 0; v < s->vertex_count; v++) {
        uint32_t tied = device_tied_to(s, v), d, rank, device;

        if (placement_tied_to(s, v) >= ranks)
            return refuse_rank(s, v, ranks, why);
        if (tied != SPEC_NONE && tied >= row.per_rank)
            return refuse_device(s, v, row.per_rank, why);
        if (s->vertices[v].kind != SPEC_ACTOR || spec_is_template(s, v))
            continue;
        d = least(&row, load, placement_tied_to(s, v), tied, is_beside_cuda(s, v));
        rank = d / row.stride;
        device = d % row.stride;
        if (++load[d] > spec_slots(s, device))
            return refuse_slots(s, v, rank, device, load[d], why);
        p->rank_of[v] = (uint16_t)rank;
        p->device_of[v] = (uint16_t)device;
    }
    for (uint32_t rank = 0; rank < (uint32_t)ranks; rank++)
        p->devices[rank] = (uint16_t)(row.per_rank + (load[rank * row.stride + row.per_rank] > 0));
    return 0;
}

int placement_make(const struct spec *s, int ranks, struct placement *ret, struct reason *why)
{
    uint32_t *load = calloc(row_of(s, ranks).all, sizeof *load);
    struct placement p = {.rank_of = calloc(s->vertex_count, sizeof *p.rank_of),
                          .device_of = calloc(s->vertex_count, sizeof *p.device_of),
                          .devices = calloc((size_t)ranks, sizeof *p.devices),
                          .home_of = calloc(s->vertex_count, sizeof *p.home_of)};
    int rc = TW_ENOMEM;

    if (!load || !p.rank_of || !p.device_of || !p.devices || !p.home_of) {
        reason_set(why, rc, "not enough memory to place %u vertices", s->vertex_count);
        goto err_free;
    }
    for (uint32_t v = 0; v < s->vertex_count; v++) {
        uint32_t by = spec_is_template(s, v) ? s->vertices[v].parent : v;   /* it lives nowhere: where its pool is */

        p.home_of[v] = s->vertices[v].kind == SPEC_SUPERVISOR ? (int16_t)placement_tied_to(s, by) : -1;
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
