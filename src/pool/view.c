/* view.c - looking at a pool: nothing here changes it */
#include "pool/pool_impl.h"

#include <inttypes.h>
#include <stdio.h>

#define NAME(list)                                                                                   \
    switch (number) {                                                                                \
        list(X)                                                                                      \
    }                                                                                                \
    return "?"
#define X(name, no, text) case no: return text;
const char *tw_pool_state_name(unsigned number) { NAME(TW_POOL_STATE_LIST); }
const char *tw_pool_action_name(unsigned number) { NAME(TW_POOL_ACTION_LIST); }
static const char *restart_name(unsigned number) { NAME(TW_POOL_RESTART_LIST); }
static const char *strategy_name(unsigned number) { NAME(TW_POOL_STRATEGY_LIST); }
#undef X

const char *tw_pool_error_text(int rc)
{
    switch (rc) {
#define X(name, no, text) case -(no): return text;
    TW_POOL_ERROR_LIST(X)
#undef X
    }
    return rc < 0 ? "?" : "success";
}

struct tw_pool_entry *entry_of(const struct tw_pool *p, uint64_t id, int *ret_why)
{
    uint32_t slot = tw_pool_slot(id);
    struct tw_pool_entry *e = &p->entries[slot];

    *ret_why = TW_POOL_EINVAL;
    if (id == TW_NO_ACTOR || tw_pool_life(id) == 0 || slot >= p->grid || (slot == 0 && id != TW_POOL_ROOT))
        return NULL;
    *ret_why = TW_POOL_ESTALE;
    return e->id == id && e->state != TW_POOL_DORMANT ? e : NULL;
}

const struct tw_pool_entry *tw_pool_get(const struct tw_pool *p, uint64_t id)
{
    int why;

    return entry_of(p, id, &why);
}

const struct tw_pool_spec *tw_pool_spec_of(const struct tw_pool *p, uint64_t id)
{
    int why;

    return entry_of(p, id, &why) ? &p->specs[tw_pool_slot(id)] : NULL;
}

static bool look(const struct tw_pool *p, uint32_t vertex, struct suptree_look *ret)
{
    return vertex != SUPTREE_NONE && suptree_peek(p->tree, vertex, ret) == 0;
}

int tw_pool_children_of(const struct tw_pool *p, uint64_t id, uint64_t *ret_ids, uint32_t room)
{
    struct suptree_look l;
    uint32_t n = 0;
    int why;

    if (!entry_of(p, id, &why))
        return why;
    if (!look(p, tw_pool_slot(id), &l))
        return 0;                       /* forgotten: it drains, and has none */
    for (uint32_t c = l.first_child; look(p, c, &l); c = l.next_sibling) {
        if (l.gone)
            continue;
        if (n < room)
            ret_ids[n] = p->entries[c].id;
        n++;
    }
    return (int)n;
}

int tw_pool_depth(const struct tw_pool *p, uint64_t id)
{
    int why, depth = 0;
    const struct tw_pool_entry *e = entry_of(p, id, &why);

    if (!e)
        return why;
    if (!e->kept)
        return TW_POOL_ESTATE;
    for (; e != p->entries; depth++)    /* the tree has no cycle: at most grid steps */
        e = &p->entries[tw_pool_slot(e->parent)];
    return depth;
}

uint32_t tw_pool_capacity(const struct tw_pool *p) { return p->grid - 1; }
uint32_t tw_pool_count(const struct tw_pool *p, unsigned state)
{
    return state < TW_POOL_STATE_COUNT ? p->counts[state] : 0;
}
uint32_t tw_pool_active_count(const struct tw_pool *p) { return p->counts[TW_POOL_ACTIVE]; }
uint32_t tw_pool_available_count(const struct tw_pool *p) { return p->counts[TW_POOL_DORMANT]; }
const struct tw_pool_entry *tw_pool_entries(const struct tw_pool *p) { return p->entries; }
uint64_t tw_pool_restarts(const struct tw_pool *p) { return suptree_restarts(p->tree); }
uint64_t tw_pool_giveups(const struct tw_pool *p) { return suptree_giveups(p->tree); }
uint64_t tw_pool_stale(const struct tw_pool *p) { return p->stale; }

/* -- the tree as text ----------------------------------------------------------------------------- */

#define INDENT_MOST 32                  /* deeper ones stand there too: a chain's view must not grow as its square */

struct text { char *to; size_t room, bytes; };

static void write_line(struct text *t, const struct tw_pool *p, uint32_t slot, int depth, uint64_t now_ms)
{
    const struct tw_pool_entry *e = &p->entries[slot];
    const struct tw_pool_spec *s = &p->specs[slot];
    size_t left = t->bytes < t->room ? t->room - t->bytes : 0;
    int n = snprintf(left ? t->to + t->bytes : NULL, left,
                     "%*s%s [%" PRIu32 ".%" PRIu64 "] %s for %" PRIu64 " ms, %s, %s, starts %" PRIu32
                     ", progress %" PRIu64 "\n", 2 * (depth < INDENT_MOST ? depth : INDENT_MOST), "", s->name[0] ? s->name : slot ? "actor" : "root", slot,
                     tw_pool_life(e->id), tw_pool_state_name(e->state), now_ms - e->since_ms, restart_name(s->restart),
                     strategy_name(s->strategy), e->starts, e->progress);

    t->bytes += n > 0 ? (size_t)n : 0;
}

/* Parents before children: down, else to the next sibling, else to that of the nearest ancestor that has one. */
size_t tw_pool_tree_view(const struct tw_pool *p, uint64_t now_ms, char *ret, size_t room)
{
    struct text t = {ret, room, 0};
    struct suptree_look l;
    int depth = 0;

    if (room)
        ret[0] = '\0';
    for (uint32_t v = 0; look(p, v, &l);) {
        if (!l.gone)
            write_line(&t, p, v, depth, now_ms > p->now_ms ? now_ms : p->now_ms);
        if (l.first_child != SUPTREE_NONE) {
            v = l.first_child;
            depth++;
            continue;
        }
        while (l.next_sibling == SUPTREE_NONE && look(p, l.parent, &l))
            depth--;
        v = l.next_sibling;
    }
    return t.bytes;
}
