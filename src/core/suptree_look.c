/* suptree_look.c - what can be seen of the engine: names, effects, changes, vertices; and whether all of it is sound */
#include "core/suptree_impl.h"

const char *tree_state_name(unsigned state)
{
    switch (state) {
#define X(name, text) case TREE_##name: return text;
    TREE_STATE_LIST(X)
#undef X
    }
    return "?";
}

const char *suptree_answer_name(unsigned answer)
{
    switch (answer) {
#define X(name, text) case ANSWER_##name: return text;
    SUPTREE_ANSWER_LIST(X)
#undef X
    }
    return "?";
}

const struct suptree_effect *suptree_next_effect(struct suptree *t)
{
    if (t->effect_head == t->effect_tail)
        return NULL;
    return &t->effects[t->effect_head++ % t->effect_room];
}

uint32_t suptree_next_changed(struct suptree *t)
{
    struct vertex *x;

    if (t->change_head == t->change_tail)
        return NONE;
    do {
        x = &t->v[t->changes[t->change_head++ % t->limits.vertices]];
        x->changed = false;
    } while (x->spec.id == NONE && t->change_head != t->change_tail);
    return x->spec.id;                  /* NONE: the last one was removed since */
}

static void count_children(const struct suptree *t, const struct vertex *x, struct suptree_look *ret)
{
    for (uint32_t k = first_held(t, x->first); k != NONE; k = first_held(t, t->v[k].next)) {
        ret->specs++;
        ret->active += has_process(&t->v[k]) && t->v[k].state != TREE_DEAD;
        if (t->v[k].spec.supervisor)
            ret->supervisors++;
        else
            ret->workers++;
    }
    if (is_pool(x)) {
        ret->specs = 1;
        /* OTP forgets to take a retry off that terminate_child has called off: it may end below 0. */
        ret->active = (int32_t)(ret->supervisors + ret->workers - x->retrying);
    }
}

int suptree_peek(const struct suptree *t, uint32_t id, struct suptree_look *ret)
{
    uint32_t c = find(t, id);
    const struct vertex *x;

    if (c == NONE)
        return TW_ENOENT;
    x = &t->v[c];
    *ret = (struct suptree_look){
        .parent = x->parent == NONE ? NONE : t->v[x->parent].spec.id,
        .first_child = x->first == NONE ? NONE : t->v[x->first].spec.id,
        .next_sibling = x->next == NONE ? NONE : t->v[x->next].spec.id,
        .state = (enum tree_state)x->state, .starts = x->starts, .line = x->line, .life = x->life,
        .cls = x->cls, .cause = x->cause, .by_hand = x->by_hand, .supervisor = x->spec.supervisor,
        .significant = x->spec.significant, .gone = x->gone, .quarantined = x->parked,
        .no_room = x->no_room && x->state == TREE_RESTARTING,
        .due_ms = x->state == TREE_RESTARTING ? dues_at(&t->dues, c) : DUES_NEVER,
        .is_template = is_template(t, x), .retrying = x->retrying};
    return 0;
}

int suptree_look(const struct suptree *t, uint32_t id, uint64_t tree_ms, struct suptree_look *ret)
{
    const struct vertex *x;

    if (suptree_peek(t, id, ret) != 0)
        return TW_ENOENT;
    x = &t->v[find(t, id)];
    for (uint32_t i = 0; i < x->window_count; i++)
        ret->restarts_in_window +=
            tree_ms - x->window[(x->window_head + i) % x->spec.intensity] <= x->spec.period_ms;
    count_children(t, x, ret);
    return 0;
}

uint64_t suptree_restarts(const struct suptree *t) { return t->restarts; }
uint64_t suptree_giveups(const struct suptree *t) { return t->giveups; }
uint64_t suptree_stale(const struct suptree *t) { return t->stale; }

/* A supervisor that is busy either may go on, or waits for one that starts or stops, or stands still. */
bool suptree_quiet(const struct suptree *t)
{
    return t->under_way == 0 && t->queued == 0 && t->run_head == t->run_tail;
}

bool suptree_rests(const struct suptree *t) { return t->held || suptree_quiet(t); }

/* -- checks --------------------------------------------------------------------------------------- */

static void check_counts(const struct suptree *t)
{
    uint32_t under_way = 0, busy = 0, queued = 0;

    for (uint32_t c = 0; c < t->count; c++) {
        const struct vertex *x = &t->v[c];

        if (x->spec.id == NONE)
            continue;                   /* removed */
        under_way += is_under_way(x);
        busy += x->act != ACT_IDLE && x->act != ACT_ASKED;
        for (uint32_t m = x->q_head; m != NONE; m = t->msgs[m].next)
            queued++;
    }
    assert(t->under_way == under_way && t->queued == queued && "what is counted as under way is under way");
    assert((busy == 0 || t->held || !suptree_quiet(t)) && "nobody is busy in a quiet tree");
}

/* Down, else on, else up to the nearest that has a next; NONE when all below top was seen. */
static uint32_t next_in_order(const struct suptree *t, uint32_t c, uint32_t top)
{
    if (t->v[c].first != NONE)
        return t->v[c].first;
    while (c != top && t->v[c].next == NONE)
        c = t->v[c].parent;
    return c == top ? NONE : t->v[c].next;
}

/* Who sits in a cycle hangs under no top. */
static void check_no_cycle(const struct suptree *t)
{
    uint32_t here = 0, reached = 0;

    for (uint32_t top = 0; top < t->count; top++) {
        here += t->v[top].spec.id != NONE;
        if (t->v[top].spec.id == NONE || t->v[top].parent != NONE)
            continue;
        for (uint32_t c = top; c != NONE; c = next_in_order(t, c, top))
            assert(++reached <= t->count && "the tree has no cycle");
    }
    assert(reached == here && "every vertex hangs under a top, in one place");
}

void suptree_check(const struct suptree *t)
{
    check_counts(t);
    check_no_cycle(t);
    for (uint32_t c = 0; c < t->count; c++) {
        const struct vertex *x = &t->v[c];

        if (x->spec.id == NONE)
            continue;                   /* removed */
        for (uint32_t k = x->first; k != NONE; k = t->v[k].next) {
            assert(t->v[k].parent == c && "child lists and parent links agree");
            assert((t->v[k].next == NONE) == (k == x->last) && "the last child is last");
        }
        assert(x->window_count <= x->spec.intensity && "no more restarts than granted");
        assert((x->killer == NONE || x->state == TREE_STOPPING) && "only a life that ends is killed");
        assert((!is_template(t, x) || x->state == TREE_STOPPED) && "a template never lives");
        assert((!x->gone || x->state == TREE_STOPPED) && "who is forgotten has no process");
        if (x->parent == NONE || x->gone)
            continue;
        /* What hangs under a supervisor that is down is down. */
        assert((has_process(&t->v[x->parent]) || x->state == TREE_STOPPED || x->killer != NONE) &&
               "no live descendant of what is down");
    }
}
