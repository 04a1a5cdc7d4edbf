/* suptree_save.c - the engine as bytes: what a branch is, at rest between two inputs, and that it goes on from there */
#include "core/suptree_impl.h"

#define SAVE_MAGIC 0x65657274u

struct save_head { uint32_t magic, count, messages, top; uint64_t lives, orders, restarts, giveups, sum; };

/* FNV-1a over head and rest.  What is saved is full of indices: a damaged one is not to be followed. */
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

int suptree_save(const struct suptree *t, uint32_t top_id, void *buf, size_t room, size_t *ret_bytes)
{
    uint32_t top = top_id == NONE ? NONE : find(t, top_id);
    struct save_head h = {.magic = SAVE_MAGIC, .top = top_id, .lives = t->lives, .orders = t->orders,
                          .restarts = t->restarts, .giveups = t->giveups};
    size_t at = sizeof h;

    if (t->any_removed)
        return TW_ESTATE;
    for (uint32_t c = 0; c < t->count; c++) {
        struct vertex x = t->v[c];

        if (!below(t, c, top))
            continue;
        h.count++;
        x.window = NULL;                /* where it lies is not what it says */
        x.extra = NULL;
        x.changed = false;
        at = put(buf, room, at, &x, sizeof x);
        if (t->v[c].window)
            at = put(buf, room, at, t->v[c].window, x.spec.intensity * sizeof *t->v[c].window);
        at = save_extra(t, c, buf, room, at);
        for (uint32_t m = t->v[c].q_head; m != NONE; m = t->msgs[m].next, h.messages++)
            at = put(buf, room, at, &t->msgs[m], sizeof t->msgs[m]);
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

static int load_vertex(struct suptree *t, const char *buf, size_t bytes, size_t *at, bool apply)
{
    struct vertex x;
    struct msg m;
    const void *p = get(buf, bytes, at, sizeof x), *window;
    uint32_t c;

    if (!p)
        return TW_EPROTO;
    memcpy(&x, p, sizeof x);
    c = find(t, x.spec.id);
    if (c == NONE || t->v[c].spec.intensity != x.spec.intensity || t->v[c].parent != x.parent)
        return TW_EPROTO;
    window = get(buf, bytes, at, t->v[c].window ? x.spec.intensity * sizeof *x.window : 0);
    if (!window)
        return TW_EPROTO;
    if (apply) {
        while (pop(t, c, &m))
            ;                           /* what was queued here is not part of what is loaded */
        x.window = t->v[c].window;
        if (x.window)
            memcpy(x.window, window, x.spec.intensity * sizeof *x.window);
        x.extra = t->v[c].extra;
    }
    if (load_extra(t, c, buf, bytes, at, apply) != 0)
        return TW_EPROTO;
    for (uint32_t q = x.q_head; q != NONE; q = m.next) {
        p = get(buf, bytes, at, sizeof m);
        if (!p)
            return TW_EPROTO;
        memcpy(&m, p, sizeof m);
        if (apply) {
            struct msg *copy = post(t, c, m.kind, NONE);

            *copy = m;
            copy->next = NONE;
        }
    }
    if (apply) {
        t->under_way += (uint32_t)is_under_way(&x) - is_under_way(&t->v[c]);
        x.q_head = t->v[c].q_head;
        x.q_tail = t->v[c].q_tail;
        x.queued = t->v[c].queued;
        x.changed = t->v[c].changed;
        t->v[c] = x;
        changed(t, &t->v[c]);
        schedule(t, c);
    }
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
    if (h.top == NONE) {
        t->restarts = h.restarts;
        t->giveups = h.giveups;
    }
    run_on(t);
    return 0;
}
