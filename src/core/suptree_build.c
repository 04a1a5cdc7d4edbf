/* suptree_build.c - instances and their vertices: create, add, remove */
#include "core/suptree_impl.h"

#include <stdlib.h>

static void like_template(struct vertex *x, const struct suptree_spec *template)
{
    x->spec.restart = template->restart;
    x->spec.significant = template->significant;
    x->spec.shutdown = template->shutdown;
    x->spec.shutdown_ms = template->shutdown_ms;
    if (!template->supervisor)
        return;
    x->spec.strategy = template->strategy;
    x->spec.auto_shutdown = template->auto_shutdown;
    x->spec.intensity = template->intensity;
    x->spec.period_ms = template->period_ms;
}

/* Its template first, then instances, each a supervisor if that is one. */
static bool fits_pool(const struct suptree *t, const struct vertex *pool, const struct suptree_spec *spec)
{
    return pool->first == NONE ? !spec->dynamic
                               : spec->dynamic && spec->supervisor == t->v[pool->first].spec.supervisor;
}

uint32_t suptree_last_below(const struct suptree *t, uint32_t id)
{
    uint32_t c = find(t, id);

    if (c == NONE)
        return NONE;
    while (t->v[c].last != NONE)
        c = t->v[c].last;
    return t->v[c].spec.id;
}

/* A supervisor without children restarts nobody: so a window costs only those who may use it. */
static int give_window(struct vertex *x)
{
    if (x->window || x->spec.intensity == 0 || x->spec.intensity == SUPTREE_UNLIMITED)
        return 0;
    x->window = calloc(x->spec.intensity, sizeof *x->window);
    return x->window ? 0 : TW_ENOMEM;
}

/* A child whose supervisor limits each one's requests needs a place to count them. */
static int add_extra(struct suptree *t, struct vertex *x)
{
    uint32_t room = x->parent == NONE ? 0 : wants(&t->v[x->parent])->intensity_per_child;

    if (!x->spec.extra && room == 0)
        return 0;
    x->extra = calloc(1, sizeof *x->extra);
    if (!x->extra)
        return TW_ENOMEM;
    if (x->spec.extra)
        x->extra->want = *x->spec.extra;
    if (x->extra->want.depend_count && x->parent != NONE)
        t->v[x->parent].has_depends = true;
    x->spec.extra = NULL;               /* the caller's */
    x->extra->window_room = room;
    if (room)
        x->extra->window = calloc(room, sizeof *x->extra->window);
    return room && !x->extra->window ? TW_ENOMEM : 0;
}

int suptree_add(struct suptree *t, uint32_t parent_id, const struct suptree_spec *spec)
{
    uint32_t p = parent_id == NONE ? NONE : find(t, parent_id), c = t->removed == NONE ? t->count : t->removed;
    uint32_t before;
    struct vertex *x;
    bool listed;                        /* in the ring of changes: then it must not be put there again */

    if (parent_id != NONE && p == NONE)
        return TW_ENOENT;
    if (spec->id >= t->limits.ids || (p != NONE && !is_sup(&t->v[p])) ||
        (spec->works && (!spec->supervisor || spec->remote)))
        return TW_EINVAL;
    if (t->by_id[spec->id] != NONE)
        return TW_EEXIST;
    if (p != NONE && is_pool(&t->v[p]) && !fits_pool(t, &t->v[p], spec))
        return TW_EINVAL;
    if (spec->extra && !t->limits.extras)
        return TW_EINVAL;
    if (c == t->limits.vertices)
        return TW_EFULL;
    if (p != NONE && give_window(&t->v[p]) != 0)
        return TW_ENOMEM;
    x = &t->v[c];
    before = x->next;
    listed = c < t->count && x->changed;
    *x = (struct vertex){.spec = *spec, .parent = p, .first = NONE, .last = NONE, .next = NONE,
                         .prev = NONE, .waiting = NONE, .killer = NONE, .cursor = NONE, .q_head = NONE, .q_tail = NONE,
                         .delayed = NONE, .group_first = NONE, .asking = NONE, .gone = spec->dynamic, .changed = listed};
    if (p != NONE && is_pool(&t->v[p]) && spec->dynamic)
        like_template(x, &t->v[t->v[p].first].spec);
    if (add_extra(t, x) != 0)
        return TW_ENOMEM;
    x->top = p == NONE ? NONE : t->v[p].top == NONE ? p : t->v[p].top;
    if (p != NONE) {
        x->prev = t->v[p].last;
        if (t->v[p].last == NONE)
            t->v[p].first = c;
        else
            t->v[t->v[p].last].next = c;
        t->v[p].last = c;
    }
    t->by_id[spec->id] = c;
    if (c < t->count)
        t->removed = before;
    else
        t->count++;
    return 0;
}

static void free_vertex(struct vertex *x)
{
    free(x->window);
    if (x->extra)
        free(x->extra->window);
    free(x->extra);
    x->window = NULL;
    x->extra = NULL;
}

static void unlink_child(struct suptree *t, struct vertex *x)
{
    struct vertex *s = x->parent == NONE ? NULL : &t->v[x->parent];

    if (!s)
        return;
    if (x->prev == NONE)
        s->first = x->next;
    else
        t->v[x->prev].next = x->next;
    if (x->next == NONE)
        s->last = x->prev;
    else
        t->v[x->next].prev = x->prev;
}

static bool is_busy(const struct vertex *x)
{
    return x->act != ACT_IDLE || x->q_head != NONE || x->queued || is_under_way(x);
}

int suptree_remove(struct suptree *t, uint32_t id)
{
    uint32_t c = find(t, id);
    struct vertex *x, *s;

    if (c == NONE)
        return TW_ENOENT;
    x = &t->v[c];
    s = x->parent == NONE ? NULL : &t->v[x->parent];
    if (x->first != NONE || is_busy(x) || x->killer != NONE || (s && is_busy(s)))
        return TW_ESTATE;
    dues_clear(&t->dues, c);
    unlink_child(t, x);
    free_vertex(x);
    t->by_id[id] = NONE;
    x->spec.id = x->parent = NONE;
    x->state = TREE_STOPPED;
    x->work = WORK_NONE;
    x->next = t->removed;
    t->removed = c;
    t->any_removed = true;
    return 0;
}

static uint32_t message_room(const struct suptree_limits *l) { return l->messages ? l->messages : 4 * l->vertices + 64; }
static uint32_t effect_room(const struct suptree_limits *l) { return l->effects ? l->effects : 16 * l->vertices + 256; }

size_t suptree_bytes(const struct suptree_limits *l)
{
    return sizeof(struct suptree) + (size_t)l->vertices * (sizeof(struct vertex) + 3 * sizeof(uint32_t)) +
           (size_t)l->ids * sizeof(uint32_t) + message_room(l) * sizeof(struct msg) +
           effect_room(l) * sizeof(struct suptree_effect);
}

struct suptree *suptree_create(const struct suptree_limits *limits)
{
    struct suptree *t = calloc(1, sizeof *t);
    uint32_t n = limits->vertices ? limits->vertices : 1;

    if (!t)
        return NULL;
    t->limits = *limits;
    t->limits.vertices = n;
    t->msg_room = message_room(&t->limits);
    t->effect_room = effect_room(&t->limits);
    t->v = calloc(n, sizeof *t->v);
    t->by_id = calloc(limits->ids + 1u, sizeof *t->by_id);
    t->msgs = calloc(t->msg_room, sizeof *t->msgs);
    t->effects = calloc(t->effect_room, sizeof *t->effects);
    t->run = calloc(n, sizeof *t->run);
    t->changes = calloc(n, sizeof *t->changes);
    t->scratch = calloc(n + 1u, sizeof *t->scratch);
    if (!t->v || !t->by_id || !t->msgs || !t->effects || !t->run || !t->changes ||
        !t->scratch || dues_init(&t->dues, limits->extras ? n : 0) != 0) {
        suptree_destroy(t);
        return NULL;
    }
    for (uint32_t i = 0; i <= limits->ids; i++)
        t->by_id[i] = NONE;
    t->msg_free = t->removed = NONE;
    return t;
}

void suptree_destroy(struct suptree *t)
{
    if (!t)
        return;
    for (uint32_t c = 0; t->v && c < t->count; c++)
        free_vertex(&t->v[c]);
    dues_fini(&t->dues);
    free(t->v);
    free(t->by_id);
    free(t->msgs);
    free(t->effects);
    free(t->run);
    free(t->changes);
    free(t->scratch);
    free(t);
}
