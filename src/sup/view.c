/* view.c - questions about the picture */
#include "sup/view.h"

#include "core/suptree.h"
#include "spec/spec.h"

bool view_runs(const struct view_vertex *v)
{
    return v->state == VERTEX_RUNNING || (v->state == VERTEX_QUARANTINED && v->engine_state == TREE_RUNNING);
}

bool view_is_active(const struct view_vertex *v)
{
    return v->state == VERTEX_STARTING || view_runs(v) || v->state == VERTEX_STOPPING;
}

bool view_is_there(const struct view *v, uint32_t vertex)
{
    const struct spec_vertex *all = v->spec->vertices;

    if (spec_is_template(v->spec, vertex))
        return false;
    for (; vertex != SPEC_NONE; vertex = all[vertex].parent)
        if (all[vertex].dynamic && v->vertices[vertex].state == VERTEX_GONE)
            return false;
    return true;
}

bool view_is_forgotten(const struct view *v, uint32_t vertex)
{
    for (; vertex != SPEC_NONE; vertex = v->spec->vertices[vertex].parent)
        if (v->vertices[vertex].state == VERTEX_GONE)
            return true;
    return false;
}

void view_count(const struct view *v, uint32_t supervisor, struct view_children *ret)
{
    const struct spec_vertex *all = v->spec->vertices;

    *ret = (struct view_children){0};
    for (uint32_t c = all[supervisor].first_child; c != SPEC_NONE; c = all[c].next_sibling) {
        if (v->vertices[c].state == VERTEX_GONE || spec_is_template(v->spec, c))
            continue;
        ret->specs++;
        ret->active += view_is_active(&v->vertices[c]);
        ret->supervisors += all[c].kind == SPEC_SUPERVISOR;
        ret->workers += all[c].kind == SPEC_ACTOR;
    }
    if (all[supervisor].strategy == SIMPLE_ONE_FOR_ONE) {       /* as core/suptree counts a pool */
        ret->specs = 1;
        ret->active = (int32_t)(ret->supervisors + ret->workers - v->vertices[supervisor].retrying);
    }
}
