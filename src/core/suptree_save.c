/* suptree_save.c - the engine as bytes: what a branch is, at rest between two inputs, and that it goes on from there
 *
 * Where a vertex lies in its engine is not saved: another one may have it, and beside other branches.  Whoever is
 * meant is named by its id.
 */
#include "core/suptree_impl.h"

#define SAVE_MAGIC 0x65657274u

struct save_head { uint32_t magic, count, messages, top; uint64_t lives, orders, now_ms, restarts, giveups, sum; };

/* FNV-1a over head and rest.  What is saved is full of ids: a damaged one is not to be followed. */
static uint64_t save_sum(struct save_head h, const char *buf, size_t bytes)
{
    uint64_t sum = 0xcbf29ce484222325ull;

    h.sum = 0;
    for (size_t i = 0; i < bytes; i++) {
        const char *from = i < sizeof h ? (const char *)&h : buf;

        sum = (sum ^ (uint8_t)from[i]) * 0x100000001b3ull;
    }
    return sum;
}

static bool below(const struct suptree *t, uint32_t c, uint32_t top)
{
    return top == NONE || c == top || t->v[c].top == top;
}

static size_t put(char *buf, size_t room, size_t at, const void *data, size_t bytes)
{
    if (bytes && at + bytes <= room)
        memcpy(buf + at, data, bytes);
    return at + bytes;
}

/* What it remembers for its extras, and when it is due; what it wants both sides know. */
struct saved_extra { uint32_t attempts, window_head, window_count, window_room; uint64_t since_ms, due_ms; };

static size_t save_extra(const struct suptree *t, uint32_t c, char *buf, size_t room, size_t at)
{
    const struct extra *e = t->v[c].extra;
    struct saved_extra x = {0};

    if (!e)
        return at;
    x = (struct saved_extra){.attempts = e->attempts, .window_head = e->window_head, .window_count = e->window_count,
                             .window_room = e->window_room, .since_ms = e->since_ms,
                             .due_ms = dues_at(&t->dues, c)};
    at = put(buf, room, at, &x, sizeof x);
    return put(buf, room, at, e->window, e->window_room * sizeof *e->window);
}

static void to_id(const struct suptree *t, uint32_t *c)
{
    if (*c != NONE)
        *c = t->v[*c].spec.id;
}

/* False: it is not here. */
static bool from_id(const struct suptree *t, uint32_t *id)
{
    bool nobody = *id == NONE;

    *id = nobody ? NONE : find(t, *id);
    return nobody || *id != NONE;
}

/* Those of a vertex that are of other vertices.  While a branch is retired, group_first is a number of lives. */
#define OTHERS(x) {&(x)->cursor, &(x)->waiting, &(x)->killer, &(x)->asking, &(x)->delayed, \
                   (x)->act == ACT_RETIRE ? NULL : &(x)->group_first}

static void ids_for_others(const struct suptree *t, struct vertex *x)
{
    uint32_t *others[] = OTHERS(x);

    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (others[i])
            to_id(t, others[i]);
}

static bool others_from_ids(const struct suptree *t, struct vertex *x)
{
    uint32_t *others[] = OTHERS(x);
    bool all = true;

    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        all &= !others[i] || from_id(t, others[i]);
    return all;
}

/* Where it lies, and its lists, are the engine's; the parent is saved as an id, and the queue as how many wait. */
static struct vertex portable(const struct suptree *t, uint32_t c)
{
    struct vertex x = t->v[c];

    to_id(t, &x.parent);
    ids_for_others(t, &x);
    x.first = x.last = x.next = x.prev = x.top = NONE;
    x.window = NULL;
    x.extra = NULL;
    x.changed = x.queued = false;
    x.q_head = x.q_tail = 0;
    for (uint32_t m = t->v[c].q_head; m != NONE; m = t->msgs[m].next)
        x.q_head++;
    return x;
}

static size_t save_messages(const struct suptree *t, uint32_t c, char *buf, size_t room, size_t at)
{
    for (uint32_t m = t->v[c].q_head; m != NONE; m = t->msgs[m].next) {
        struct msg one = t->msgs[m];

        one.next = NONE;
        to_id(t, &one.child);
        at = put(buf, room, at, &one, sizeof one);
    }
    return at;
}

int suptree_save(const struct suptree *t, uint32_t top_id, void *buf, size_t room, size_t *ret_bytes)
{
    uint32_t top = top_id == NONE ? NONE : find(t, top_id);
    struct save_head h = {.magic = SAVE_MAGIC, .top = top_id, .lives = t->lives, .orders = t->orders,
                          .now_ms = t->now_ms, .restarts = t->restarts, .giveups = t->giveups};
    size_t at = sizeof h;

    if (t->any_removed)
        return TW_ESTATE;
    if (top_id != NONE && (top == NONE || t->v[top].parent != NONE))
        return TW_ENOENT;
    for (uint32_t c = 0; c < t->count; c++) {
        struct vertex x;

        if (!below(t, c, top))
            continue;
        x = portable(t, c);
        h.count++;
        at = put(buf, room, at, &x, sizeof x);
        if (t->v[c].window)
            at = put(buf, room, at, t->v[c].window, x.spec.intensity * sizeof *t->v[c].window);
        at = save_extra(t, c, buf, room, at);
        at = save_messages(t, c, buf, room, at);
        h.messages += x.q_head;
    }
    h.sum = at <= room ? save_sum(h, buf, at) : 0;
    (void)put(buf, room, 0, &h, sizeof h);
    *ret_bytes = at;
    return at <= room ? (int)at : TW_ETOOBIG;
}

static const void *get(const char *buf, size_t bytes, size_t *at, size_t want)
{
    const void *p = buf + *at;

    if (bytes - *at < want)
        return NULL;
    *at += want;
    return p;
}

static int load_extra(struct suptree *t, uint32_t c, const char *buf, size_t bytes, size_t *at, bool apply)
{
    struct extra *e = t->v[c].extra;
    struct saved_extra x;
    const void *p = e ? get(buf, bytes, at, sizeof x) : NULL;
    const void *window = p ? get(buf, bytes, at, e->window_room * sizeof *e->window) : NULL;

    if (!e)
        return 0;
    if (!p || !window)
        return TW_EPROTO;
    memcpy(&x, p, sizeof x);
    if (x.window_room != e->window_room || x.window_count > e->window_room ||
        (e->window_room && x.window_head >= e->window_room))
        return TW_EPROTO;
    if (!apply)
        return 0;
    e->attempts = x.attempts;
    e->window_head = x.window_head;
    e->window_count = x.window_count;
    e->since_ms = x.since_ms;
    if (e->window_room)
        memcpy(e->window, window, e->window_room * sizeof *e->window);
    dues_set(&t->dues, c, x.due_ms);
    return 0;
}

static int load_messages(struct suptree *t, uint32_t c, uint32_t count, const char *buf, size_t bytes, size_t *at,
                         bool apply)
{
    struct msg m;

    while (apply && pop(t, c, &m))
        ;                               /* what was queued here is not part of what is loaded */
    for (; count > 0; count--) {
        const void *p = get(buf, bytes, at, sizeof m);

        if (!p)
            return TW_EPROTO;
        memcpy(&m, p, sizeof m);
        if (!from_id(t, &m.child))
            return TW_EPROTO;
        if (apply)
            *post(t, c, m.kind, NONE) = m;
    }
    return 0;
}

/* What is saved, in the place that this engine has for it. */
static void settle(struct suptree *t, uint32_t c, struct vertex x, const void *window)
{
    struct vertex *own = &t->v[c];

    if (own->window)
        memcpy(own->window, window, x.spec.intensity * sizeof *own->window);
    x.parent = own->parent;
    x.first = own->first;
    x.last = own->last;
    x.next = own->next;
    x.prev = own->prev;
    x.top = own->top;
    x.window = own->window;
    x.extra = own->extra;
    x.q_head = own->q_head;
    x.q_tail = own->q_tail;
    x.queued = own->queued;
    x.changed = own->changed;
    t->under_way += (uint32_t)is_under_way(&x) - is_under_way(own);
    *own = x;
    changed(t, own);
    schedule(t, c);
}

static int load_vertex(struct suptree *t, const char *buf, size_t bytes, size_t *at, bool apply)
{
    struct vertex x;
    const void *p = get(buf, bytes, at, sizeof x), *window;
    uint32_t c, waiting;

    if (!p)
        return TW_EPROTO;
    memcpy(&x, p, sizeof x);
    c = find(t, x.spec.id);
    if (c == NONE || t->v[c].spec.intensity != x.spec.intensity || !from_id(t, &x.parent) || t->v[c].parent != x.parent ||
        !others_from_ids(t, &x))
        return TW_EPROTO;
    window = get(buf, bytes, at, t->v[c].window ? x.spec.intensity * sizeof *x.window : 0);
    waiting = x.q_head;
    if (!window || load_extra(t, c, buf, bytes, at, apply) != 0 ||
        load_messages(t, c, waiting, buf, bytes, at, apply) != 0)
        return TW_EPROTO;
    if (apply)
        settle(t, c, x, window);
    return 0;
}

int suptree_load(struct suptree *t, const void *buf, size_t bytes)
{
    struct save_head h;

    if (bytes < sizeof h)
        return TW_EPROTO;
    memcpy(&h, buf, sizeof h);
    if (h.magic != SAVE_MAGIC || h.count > t->count || h.sum != save_sum(h, buf, bytes))
        return TW_EPROTO;
    for (int apply = 0; apply < 2; apply++) {       /* all is looked at before anything is changed */
        size_t at = sizeof h;

        for (uint32_t i = 0; i < h.count; i++)
            if (load_vertex(t, buf, bytes, &at, apply) != 0)
                return TW_EPROTO;
    }
    if (h.lives > t->lives)
        t->lives = h.lives;             /* lives only rise */
    if (h.orders > t->orders)
        t->orders = h.orders;
    if (h.now_ms > t->now_ms)
        t->now_ms = h.now_ms;           /* a release asks for no time: it goes by the last input's */
    if (h.top == NONE) {
        t->restarts = h.restarts;
        t->giveups = h.giveups;
    }
    run_on(t);
    return 0;
}
