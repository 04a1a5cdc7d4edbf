/* suptree_retire.c - a branch that ends at once: kill_tree, a supervisor killed from outside, a deadline that has passed */
#include "core/suptree_impl.h"

#include <stdlib.h>

static int by_latest_start(const void *a, const void *b)
{
    const struct { uint64_t order; uint32_t c; } *x = a, *y = b;

    return x->order < y->order ? 1 : x->order > y->order ? -1 : 0;
}

/* Everything below `top` (itself included if with_top) that lives, into scratch; children come before
 * their parents when read backwards. */
static uint32_t gather(struct suptree *t, uint32_t top, bool with_top)
{
    uint32_t n = 0, at = 0;

    t->scratch[n++] = top;
    for (; at < n; at++)
        for (uint32_t c = t->v[t->scratch[at]].first; c != NONE; c = t->v[c].next)
            if (!t->v[c].gone)
                t->scratch[n++] = c;
    if (!with_top) {
        memmove(t->scratch, t->scratch + 1, (n - 1) * sizeof *t->scratch);
        n--;
    }
    return n;
}

/* A supervisor that is no more answers the call it was at, too. */
static void drop_call(struct suptree *t, uint32_t s)
{
    struct vertex *x = &t->v[s];

    if (x->act == ACT_ADMIN_STOP || x->act == ACT_ADMIN_START || x->act == ACT_RETIRE)
        result(t, x->waiting == NONE ? s : x->waiting, x->token, ANSWER_NOT_FOUND, 0);
    x->act = ACT_IDLE;                  /* not twice */
}

static void retire_vertex(struct suptree *t, uint32_t c, uint32_t killer)
{
    struct vertex *x = &t->v[c];
    bool lived = is_sup(x) ? x->work != WORK_NONE :
                 x->state == TREE_STARTING || x->state == TREE_RUNNING || x->state == TREE_STOPPING;
    struct suptree_effect *e;

    if (is_sup(x)) {
        drop_call(t, c);
        drop_queue(t, c);
        x->parking = x->forced = false;
        dues_clear(&t->dues, c);
    }
    if (!lived) {
        set_state(t, x, TREE_STOPPED);
        return;
    }
    set_state(t, x, TREE_STOPPING);
    x->killer = killer;
    t->v[killer].left++;
    e = effect(t, SUPTREE_DO_STOP, c);
    e->how = SHUTDOWN_BRUTAL_KILL;
    e->linked = t->v[killer].linked;
}

/* G4: links kill the children of a supervisor that was killed; deeper ones are shut down by their own. */
static uint8_t lost_class(const struct suptree *t, const struct vertex *x, uint32_t top, uint32_t killer)
{
    bool by_links = killer == top && t->v[top].linked && !t->v[top].forced;
    bool deeper = x->parent != top || (t->v[top].told && !t->v[top].alone);

    return by_links && deeper && x->spec.shutdown != SHUTDOWN_BRUTAL_KILL ? CLASS_SHUTDOWN
                                                                                     : CLASS_KILLED;
}

static void record_lost(struct suptree *t, uint32_t n, uint32_t top, uint32_t killer)
{
    struct { uint64_t order; uint32_t c; } *sorted = malloc(n * sizeof *sorted + 1);
    uint32_t kept = 0;

    for (uint32_t i = 0; sorted && i < n; i++) {
        struct vertex *x = &t->v[t->scratch[i]];

        if (x->state == TREE_RUNNING || (x->state == TREE_STOPPING)) {
            sorted[kept].order = x->order;
            sorted[kept++].c = t->scratch[i];
        }
    }
    if (sorted)
        qsort(sorted, kept, sizeof *sorted, by_latest_start);
    for (uint32_t i = 0; i < kept; i++) {
        t->v[sorted[i].c].cls = lost_class(t, &t->v[sorted[i].c], top, killer);
        t->v[sorted[i].c].cause = CAUSE_SUPERVISOR;
        record(t, sorted[i].c, RECORD_LOST);
    }
    free(sorted);
}

/* kill_tree and its like: one order for all, in parallel, children before parents. */
uint32_t retire(struct suptree *t, uint32_t top, bool with_top, uint32_t killer)
{
    uint32_t n = gather(t, top, with_top);

    record_lost(t, n, top, killer);
    t->v[killer].left = 0;
    for (uint32_t i = n; i-- > 0;)
        retire_vertex(t, t->scratch[i], killer);
    return t->v[killer].left;
}

void finish_dying(struct suptree *t, uint32_t s)
{
    struct vertex *x = &t->v[s];

    if (x->forced) {
        x->forced = false;
        finish_down(t, s);
        return;
    }
    x->act = ACT_IDLE;
    dues_clear(&t->dues, s);
    drop_queue(t, s);
    x->cls = CLASS_KILLED;
    x->cause = x->end_cause;
    if (x->told) {                  /* it went down with who told it: recorded when it began */
        set_state(t, x, TREE_STOPPED);
        answer(t, s, SUPTREE_EXITED);
        return;
    }
    died(t, s);
}

void finish_retire(struct suptree *t, uint32_t s)
{
    struct vertex *x = &t->v[s];
    struct vertex *c = &t->v[x->waiting];

    x->act = ACT_IDLE;
    c->by_hand = true;
    c->cls = CLASS_KILLED;
    c->cause = CAUSE_OPERATOR;
    if (c->spec.restart == RESTART_TEMPORARY || is_pool(x))
        set_gone(t, c, true);
    result(t, x->waiting, x->token, ANSWER_OK, x->group_first);
    x->waiting = x->group_first = NONE;
    schedule(t, s);
}

/* A life that a kill waits for has ended. */
void retired(struct suptree *t, uint32_t c)
{
    uint32_t s = t->v[c].killer;

    t->v[c].killer = NONE;
    set_work(t, &t->v[c], WORK_NONE);
    if (s != c)                         /* else it was the work of one that ends as a whole */
        set_state(t, &t->v[c], TREE_STOPPED);
    if (s == NONE || t->v[s].left == 0 || --t->v[s].left > 0)
        return;
    if (t->v[s].act == ACT_RETIRE)
        finish_retire(t, s);
    else if (t->v[s].act == ACT_DYING)
        finish_dying(t, s);
    else
        schedule(t, s);                 /* POOL_DOWN */
}

/* All below s, and its own work if it is to go, too. */
static void begin_dying(struct suptree *t, uint32_t s, bool work_too)
{
    (void)retire(t, s, false, s);
    if (t->v[s].work != WORK_NONE && work_too)
        retire_vertex(t, s, s);         /* as one of those that end */
    t->v[s].act = ACT_DYING;
}

/* Extension 10: what is left is killed. */
void end_by_force(struct suptree *t, uint32_t s)
{
    struct vertex *x = &t->v[s];

    x->forced = true;
    x->waiting = NONE;
    begin_dying(t, s, !x->parking);
    x->forced = true;
    if (x->left == 0)
        finish_dying(t, s);
}

/* The home itself retires the whole branch; told: its parent asked for it. */
int kill_supervisor(struct suptree *t, uint32_t c, bool told, const struct suptree_input *in)
{
    struct vertex *x = &t->v[c];

    if (!is_sup(x) || !has_process(x) || x->state == TREE_DEAD || x->killer != NONE)
        return stale(t);
    x->end_cause = told ? CAUSE_SUPERVISOR : CAUSE_OPERATOR;
    x->told = told;
    x->alone = told && in->alone;
    x->linked = !told || in->linked || in->alone;
    x->parking = x->forced = false;
    x->cls = told && in->linked ? in->cls : CLASS_KILLED;
    x->cause = x->end_cause;
    if (!told)
        record(t, c, RECORD_EXIT);
    else if (x->state != TREE_STARTING)
        record(t, c, x->alone ? RECORD_STOP : RECORD_LOST);
    drop_call(t, c);
    begin_dying(t, c, true);
    drop_queue(t, c);
    if (x->left == 0 && x->alone)
        schedule(t, c);                 /* its supervisor is not at the place yet where it waits */
    else if (x->left == 0)
        finish_dying(t, c);
    return 0;
}
