/* devman_config.c - what the spec says about an actor, put into a slot's words */
#include "sup/devman_impl.h"

#include <stdlib.h>
#include <string.h>

#include "spec/spec.h"

static int type_of(const struct devman *d, const char *name)
{
    for (uint32_t i = 0; i < d->cx.program->count; i++)
        if (!strcmp(d->cx.program->types[i].name, name))
            return (int)i;
    return TW_ENOENT;
}

static void at_least(uint32_t *v, uint32_t x)
{
    if (*v < x)
        *v = x;
}

/* Any actor of the rank may come to live on any device of its kind. */
void devman_geometry(const struct devman *d, int device, struct arena_geometry *ret)
{
    const struct spec *s = d->cx.spec;
    uint32_t no = (uint32_t)device;
    struct arena_geometry g = {.slots = spec_slots(s, no) + spec_spares(s, no), .peers = 1, .mailbox = 1,
                               .message_bytes = 8, .vertices = s->vertex_count, .state_bytes = 64,
                               .apart = spec_is_cuda(s, no) && !d->cx.played};

    for (uint32_t v = 0; v < s->vertex_count; v++) {
        const struct spec_vertex *x = &s->vertices[v];
        int type;

        if (x->kind != SPEC_ACTOR || d->cx.rank_of[v] != d->cx.rank || spec_is_template(s, v) ||
            !spec_may_live(s, v, no))
            continue;
        type = type_of(d, x->actor);
        at_least(&g.peers, x->peers);
        at_least(&g.mailbox, x->mailbox);
        if (type >= 0 && d->cx.program->types[type].state_bytes > g.state_bytes)
            g.state_bytes = ALIGN64(d->cx.program->types[type].state_bytes);
    }
    for (uint32_t v = 0; v < s->vertex_count; v++)      /* any actor's message may pass through */
        if (s->vertices[v].kind == SPEC_ACTOR)
            at_least(&g.message_bytes, s->vertices[v].message_bytes);
    *ret = g;
}

static int fill_args(const struct spec_vertex *v, struct slot_config *c)
{
    uint32_t used = 0;

    for (uint32_t i = 0; i < v->arg_count; i++) {
        const struct spec_arg *a = &v->args[i];
        struct slot_arg *to = &c->args[c->arg_count++];

        to->name = spec_hash_text(a->name);
        to->kind = (uint32_t)a->kind;
        if (a->kind == SPEC_ARG_U64)
            to->bits = a->u64;
        else if (a->kind == SPEC_ARG_F64)
            memcpy(&to->bits, &a->f64, sizeof to->bits);
        if (a->kind != SPEC_ARG_TEXT)
            continue;
        if (used + strlen(a->text) + 1 > SLOT_TEXT_BYTES)
            return TW_ETOOBIG;
        strcpy(c->texts + used, a->text);
        to->text = used;
        used += (uint32_t)strlen(a->text) + 1;
    }
    return 0;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t x = (a ^ b) * 0x9e3779b97f4a7c15ull;

    return x ^ (x >> 29);
}

/* What a commit must have been made by to be resumed: same type, same shape. */
static uint64_t layout_of(const struct tw_type *t)
{
    return mix(mix(spec_hash_text(t->name), t->state_bytes), t->state_align + 64u * TW_ACTOR_API);
}

int devman_fill_config(const struct devman *d, uint32_t vertex, struct slot_config *c)
{
    const struct spec_vertex *v = &d->cx.spec->vertices[vertex];
    int type = type_of(d, v->actor);

    if (type < 0)
        return type;
    c->layout = layout_of(&d->cx.program->types[type]);
    c->state_bytes = d->cx.program->types[type].state_bytes;
    c->seed = mix(d->cx.seed + 1, ((uint64_t)vertex << 32) | c->line);
    c->vertex = vertex;
    c->actor_type = (uint32_t)type;
    c->flags |= (v->eager ? SLOT_EAGER : 0) | (v->start_deadline_ms ? SLOT_SAYS_READY : 0);
    c->mailbox = v->mailbox;
    c->message_bytes = v->message_bytes;
    c->peers = v->peers;
    c->sends = v->sends;
    c->commit_every = v->commit_every;
    c->commit_within_ms = v->commit_within_ms;
    c->deadline_ms = v->deadline_ms;
    c->dim_count = v->dim_count;
    memcpy(c->dims, v->dims, sizeof c->dims);
    poison_fill(d, vertex, c);
    return fill_args(v, c);
}

static int by_hash(const void *a, const void *b)
{
    const struct arena_name *x = a, *y = b;

    return (x->hash > y->hash) - (x->hash < y->hash);
}

void devman_fill_names(const struct devman *d, const struct arena_view *v)
{
    struct arena_name *names = arena_names(v);

    for (uint32_t i = 0; i < d->vertices; i++)          /* a template is nobody's peer */
        names[i] = (struct arena_name){spec_is_template(d->cx.spec, i) ? 0 : spec_hash_text(d->cx.spec->vertices[i].path),
                                       i};
    qsort(names, d->vertices, sizeof *names, by_hash);
}
