/* suptree_decide.c - what an end, a loss or a call leads to */
#include "core/suptree_impl.h"

/* -- beyond OTP ---------------------------------------------------------------------------------- */

/* Extension 1: how long a child has to wait after n attempts in a row.  Jitter is drawn from the life, so that every
 * replay waits as long. */
static uint64_t backoff(const struct vertex *x, uint32_t n)
{
    const struct suptree_extra *w = wants(x);
    uint64_t ms = w->backoff_min_ms, most = w->backoff_max_ms > ms ? w->backoff_max_ms : ms, span;

    if (ms == 0)
        return 0;
    for (; n > 0 && ms < most && w->backoff_factor > 100; n--)
        ms = ms * w->backoff_factor / 100;
    ms = ms < most ? ms : most;
    span = ms * w->backoff_jitter / 100;
    return span ? ms - span + splitmix(x->life) % (2 * span + 1) : ms;
}

/* One more in its row of restarts: when it is due, and whether on this device (extension 8). */
static uint64_t next_attempt(struct vertex *x)
{
    uint32_t local = wants(x)->local_restarts, n = x->extra ? x->extra->attempts++ : 0;

    x->moves = local && n % (local + 1) == local;
    return backoff(x, n);
}

static bool depends_on(const struct vertex *x, uint32_t id)
{
    const struct suptree_extra *w = wants(x);

    for (uint32_t i = 0; i < w->depend_count; i++)
        if (id >= w->depends[i].low && id <= w->depends[i].high)
            return true;
    return false;
}

/* Extension 11: does x depend on a child from `first` on, before x, that is `grouped` so? */
static bool depends_on_group(const struct suptree *t, const struct vertex *x, uint32_t first, uint8_t grouped)
{
    for (uint32_t o = first; wants(x)->depend_count && o != NONE && &t->v[o] != x; o = t->v[o].next)
        if (t->v[o].grouped == grouped && !t->v[o].gone && depends_on(x, t->v[o].spec.id))
            return true;
    return false;
}

bool is_needed(const struct suptree *t, uint32_t c)
{
    for (uint32_t o = t->v[t->v[c].parent].has_depends ? t->v[c].next : NONE; o != NONE; o = t->v[o].next)
        if (!t->v[o].gone && has_process(&t->v[o]) && depends_on(&t->v[o], t->v[c].spec.id))
            return true;
    return false;
}

/* c and all that depend on it, directly or by way of others.  False: nobody does. */
static bool mark_group(struct suptree *t, uint32_t s, uint32_t c)
{
    bool any = false;

    if (!t->v[s].has_depends)
        return false;
    for (uint32_t o = t->v[s].first; o != NONE; o = t->v[o].next)
        t->v[o].grouped = o == c ? IN : OUT;
    for (uint32_t o = t->v[c].next; o != NONE; o = t->v[o].next)
        if (!t->v[o].gone && depends_on_group(t, &t->v[o], c, IN)) {
            t->v[o].grouped = IN;
            any = true;
        }
    return any;
}

/* c did not start: what depends on it waits for its next attempt. */
void leave_group(struct suptree *t, uint32_t c)
{
    t->v[c].grouped = LEFT;
    for (uint32_t o = t->v[c].next; o != NONE; o = t->v[o].next)
        if (t->v[o].grouped == IN && depends_on_group(t, &t->v[o], c, LEFT))
            t->v[o].grouped = LEFT;
}

/* -- restarts ------------------------------------------------------------------------------------- */

/* What is older than the period does not count any more. */
static uint32_t drop_old(const uint64_t *window, uint32_t room, uint32_t *head, uint32_t count, uint64_t now_ms,
                         uint64_t period_ms)
{
    for (; count && now_ms - window[*head] > period_ms; count--)
        *head = (*head + 1) % room;
    return count;
}

/* I2: more than `intensity` requests within the period, this one included, means give up.  Extension 2: so do more than
 * intensity_per_child of one child.  Returns the window that is full; GIVEUP_NONE: granted. */
static uint8_t charge(struct suptree *t, uint32_t s, uint32_t c)
{
    struct vertex *x = &t->v[s];
    struct extra *own = t->v[c].extra && t->v[c].extra->window ? t->v[c].extra : NULL;

    if (x->spec.intensity == SUPTREE_UNLIMITED) {
        t->restarts++;
        return GIVEUP_NONE;
    }
    x->window_count = drop_old(x->window, x->spec.intensity, &x->window_head, x->window_count, t->now_ms,
                               x->spec.period_ms);
    if (own)
        own->window_count = drop_old(own->window, own->window_room, &own->window_head, own->window_count, t->now_ms,
                                     x->spec.period_ms);
    if (x->window_count >= x->spec.intensity)
        return GIVEUP_WINDOW;
    if (own && own->window_count >= own->window_room)
        return GIVEUP_CHILD_WINDOW;
    x->window[(x->window_head + x->window_count++) % x->spec.intensity] = t->now_ms;
    if (own)
        own->window[(own->window_head + own->window_count++) % own->window_room] = t->now_ms;
    t->restarts++;
    return GIVEUP_NONE;
}

static void give_up(struct suptree *t, uint32_t s, uint32_t c, uint8_t how)
{
    uint8_t cause = how == GIVEUP_AUTO_SHUTDOWN ? CAUSE_AUTO_SHUTDOWN : CAUSE_GIVEUP;
    struct suptree_effect *e;

    t->v[s].parking = cause == CAUSE_GIVEUP && wants(&t->v[s])->quarantine;
    if ((e = record(t, s, t->v[s].parking ? RECORD_QUARANTINE : RECORD_GIVEUP))) {
        e->cls = CLASS_SHUTDOWN;
        e->cause = cause;
        e->how = how;
        e->other = t->v[c].spec.id;
        e->count = t->v[c].cause;
    }
    t->giveups += cause == CAUSE_GIVEUP;
    begin_down(t, s, cause, false);
}

/* The supervisor goes on with other things until the child's time has come. */
void wait_for(struct suptree *t, uint32_t s, uint32_t c)
{
    struct vertex *x = &t->v[s];
    struct suptree_effect *e;
    bool heads = x->act == ACT_GROUP_STOP;

    x->act = ACT_IDLE;
    x->delayed = NONE;
    set_state(t, &t->v[c], TREE_RESTARTING);
    t->v[c].heads = heads;
    dues_set(&t->dues, c, t->now_ms + x->delay_ms);
    if ((e = record(t, c, RECORD_DELAY)))
        e->count = (uint32_t)x->delay_ms;
    schedule(t, s);
}

/* Does a restart of c take others along? */
static bool begin_group(struct suptree *t, uint32_t s, uint32_t c)
{
    struct vertex *x = &t->v[s];
    bool alone = x->spec.strategy == ONE_FOR_ONE || x->spec.strategy == SIMPLE_ONE_FOR_ONE;

    for (uint32_t o = x->has_left_out ? x->first : NONE; o != NONE; o = t->v[o].next)
        t->v[o].left_out = false;
    x->has_left_out = false;
    x->asking = c;
    x->by_depends = alone && mark_group(t, s, c);
    return !alone || x->by_depends;
}

static void start_group(struct suptree *t, uint32_t s, uint32_t from)
{
    t->v[s].act = ACT_GROUP_START;
    t->v[s].waiting = NONE;
    t->v[s].cursor = from;
    schedule(t, s);
}

static void start_one(struct suptree *t, uint32_t s, uint32_t c)
{
    t->v[s].act = ACT_ONE_START;
    t->v[s].waiting = c;
    begin_start(t, c, false);
}

/* The one that its group waited for is stopped by hand: the others come back. */
static void go_on_without(struct suptree *t, uint32_t s, uint32_t c)
{
    if (!begin_group(t, s, c))
        return;
    t->v[c].left_out = t->v[s].has_left_out = true;
    start_group(t, s, t->v[s].spec.strategy == ONE_FOR_ALL ? t->v[s].first : c);
}

/* Extension 13: there may be a slot.  Nobody who runs is stopped for that. */
static void try_again(struct suptree *t, uint32_t s, uint32_t c)
{
    bool heads = t->v[c].heads;

    set_state(t, &t->v[c], TREE_STOPPED);
    t->v[c].no_room = true;             /* it has waited: not told again, should there be none */
    if (heads && begin_group(t, s, c))
        start_group(t, s, c);
    else
        start_one(t, s, c);
}

static void begin_restart(struct suptree *t, uint32_t s, uint32_t c)
{
    struct vertex *x = &t->v[s];

    if (begin_group(t, s, c)) {
        x->act = ACT_GROUP_STOP;
        x->group_first = x->spec.strategy == ONE_FOR_ALL ? x->first : c;
        x->cursor = x->last;
        x->waiting = NONE;
        schedule(t, s);
    } else if (x->delayed == c) {
        wait_for(t, s, c);
    } else {
        start_one(t, s, c);
    }
}

/* I1: counted before it is attempted. */
static void request_restart(struct suptree *t, uint32_t s, uint32_t c)
{
    struct vertex *x = &t->v[s];
    uint8_t full = charge(t, s, c);

    set_state(t, &t->v[c], TREE_STOPPED);
    if (full != GIVEUP_NONE) {
        give_up(t, s, c, full);
        return;
    }
    x->delay_ms = next_attempt(&t->v[c]);
    x->delayed = x->delay_ms ? c : NONE;
    begin_restart(t, s, c);
}

static void count_retry(struct suptree *t, uint32_t s, int32_t one)
{
    if (!is_pool(&t->v[s]))
        return;
    t->v[s].retrying += (uint32_t)one;
    changed(t, &t->v[s]);
}

void failed_restart(struct suptree *t, uint32_t s, uint32_t c)
{
    count_retry(t, s, 1);
    set_state(t, &t->v[c], TREE_RESTARTING);    /* R6: the retry goes behind what is queued */
    (void)post(t, s, MSG_RETRY, c);
}

/* -- ends ----------------------------------------------------------------------------------------- */

/* A2, A3: only a child's own end that leads to no restart. */
static void maybe_auto_shutdown(struct suptree *t, uint32_t s, uint32_t c)
{
    struct vertex *x = &t->v[s];

    if (!t->v[c].spec.significant || x->spec.auto_shutdown == AUTO_NEVER)
        return;
    if (x->spec.auto_shutdown == AUTO_ALL_SIGNIFICANT)
        for (uint32_t o = first_held(t, x->first); o != NONE; o = first_held(t, t->v[o].next))
            if (o != c && t->v[o].spec.significant &&
                (has_process(&t->v[o]) || t->v[o].state == TREE_RESTARTING || is_pool(x)))
                return;
    give_up(t, s, c, GIVEUP_AUTO_SHUTDOWN);
}

/* A pool keeps no spec of an instance, and nobody that of a temporary child (R1). */
static void stay_down(struct suptree *t, uint32_t s, uint32_t c)
{
    struct vertex *x = &t->v[c];

    set_state(t, x, TREE_STOPPED);
    set_gone(t, x, x->spec.restart == RESTART_TEMPORARY || is_pool(&t->v[s]));
}

/* Its own end, for good. */
static void end_for_good(struct suptree *t, uint32_t s, uint32_t c)
{
    stay_down(t, s, c);
    maybe_auto_shutdown(t, s, c);
}

static void keep_down(struct suptree *t, uint32_t s, uint32_t c)
{
    stay_down(t, s, c);
    t->v[c].by_hand = true;
}

/* Extension 3.  False: class and restart type decide. */
static bool acted_on_cause(struct suptree *t, uint32_t s, uint32_t c)
{
    struct vertex *x = &t->v[c];
    uint8_t action = wants(x)->on_cause[x->cause < CAUSE_COUNT ? x->cause : 0];

    if (action == ACTION_DEFAULT && x->cause == CAUSE_SUSPECT && !wants(&t->v[s])->count_infrastructure)
        action = ACTION_QUARANTINE;     /* extension 4: it, and not its device */
    switch (action) {
    case ACTION_RESTART: request_restart(t, s, c); return true;
    case ACTION_STOP: keep_down(t, s, c); return true;
    case ACTION_ESCALATE:
        keep_down(t, s, c);
        give_up(t, s, c, GIVEUP_ESCALATED);
        return true;
    case ACTION_QUARANTINE:
        keep_down(t, s, c);
        x->parked = true;
        record(t, c, RECORD_QUARANTINE);
        return true;
    case ACTION_IGNORE: x->cls = CLASS_NORMAL; return false;
    }
    return false;
}

/* R5; extension 5. */
static bool ended_well(const struct suptree *t, uint32_t s, const struct vertex *c)
{
    if (c->cause == CAUSE_GIVEUP && c->spec.supervisor && wants(&t->v[s])->restart_on_giveup)
        return false;
    return c->cls == CLASS_NORMAL || c->cls == CLASS_SHUTDOWN;
}

static void on_exit_message(struct suptree *t, uint32_t s, const struct msg *m)
{
    struct vertex *c = &t->v[m->child];
    struct suptree_effect *e;

    if (c->state != TREE_DEAD || c->life != m->life || c->gone || c->lost)
        return;                         /* swallowed meanwhile */
    if (c->spec.supervisor && (c->own_end || (c->spec.remote && c->cls == CLASS_SHUTDOWN)) &&
        (e = record(t, m->child, RECORD_ESCALATE)))
        e->other = t->v[s].spec.id;
    if (acted_on_cause(t, s, m->child))
        return;
    if (c->spec.restart == RESTART_TEMPORARY || (c->spec.restart == RESTART_TRANSIENT && ended_well(t, s, c)))
        end_for_good(t, s, m->child);                   /* R1, R5 */
    else
        request_restart(t, s, m->child);
}

/* One batch, no charge, no strategy: what was lost with a worker comes back from its commits. */
static void on_lost_message(struct suptree *t, uint32_t s)
{
    struct vertex *x = &t->v[s];

    x->left = 0;
    for (uint32_t c = x->first; c != NONE; c = t->v[c].next) {
        if (t->v[c].state != TREE_DEAD || !t->v[c].lost || t->v[c].gone)
            continue;
        if (t->v[c].spec.restart == RESTART_TEMPORARY) {
            stay_down(t, s, c);
            continue;
        }
        x->left++;
        begin_start(t, c, false);
    }
    if (x->left)
        x->act = ACT_RESUME;
}

/* -- calls ---------------------------------------------------------------------------------------- */

/* The child of s that has the name of c now: c itself, or one that was there before it. */
static uint32_t namesake(const struct suptree *t, uint32_t s, uint32_t c)
{
    if (!t->v[c].gone)
        return c;
    if (t->v[c].spec.name == 0)
        return NONE;
    for (uint32_t o = first_held(t, t->v[s].first); o != NONE; o = first_held(t, t->v[o].next))
        if (t->v[o].spec.name == t->v[c].spec.name)
            return o;
    return NONE;
}

/* M1, M2: what is answered without doing anything; ANSWER_COUNT: nothing speaks against it. */
static uint8_t answer_at_once(const struct suptree *t, uint32_t s, const struct msg *m)
{
    const struct vertex *x = &t->v[s], *c = &t->v[m->child];
    uint32_t same = m->admin == SUPTREE_START_CHILD ? namesake(t, s, m->child) : NONE;

    if (x->parked && (m->admin == SUPTREE_START_CHILD || m->admin == SUPTREE_RESTART))
        return ANSWER_QUARANTINED;      /* it is restarted whole */
    if (m->admin == SUPTREE_START_CHILD)
        return significance_is_wrong(x, c) ? ANSWER_INVALID :
               same == NONE                ? ANSWER_COUNT :
               has_process(&t->v[same])    ? ANSWER_ALREADY_STARTED : ANSWER_ALREADY_PRESENT;
    if (is_pool(x) && (m->admin == SUPTREE_RESTART || m->admin == SUPTREE_DELETE || is_template(t, c)))
        return ANSWER_SIMPLE_ONE_FOR_ONE;
    if (c->gone)                        /* a pool is told of a process, and one that is no more is stopped */
        return is_pool(x) && m->admin == SUPTREE_TERMINATE ? ANSWER_OK : ANSWER_NOT_FOUND;
    if (m->admin != SUPTREE_RESTART && m->admin != SUPTREE_DELETE)
        return ANSWER_COUNT;
    return c->state == TREE_STOPPED ? ANSWER_COUNT :
           c->state == TREE_RESTARTING ? ANSWER_RESTARTING : ANSWER_RUNNING;
}

/* Of the places that are free, that whose last child was started longest ago: who still has messages for it has had the
 * longest time to hear that it is gone. */
static uint32_t free_place(const struct suptree *t, uint32_t s)
{
    uint32_t best = NONE;

    for (uint32_t c = t->v[s].first; c != NONE; c = t->v[c].next)
        if (t->v[c].gone && t->v[c].spec.dynamic && (best == NONE || t->v[c].order < t->v[best].order))
            best = c;
    return best;
}

static void on_admin(struct suptree *t, uint32_t s, const struct msg *m)
{
    struct vertex *x = &t->v[s], *c = &t->v[m->child];
    uint8_t says = answer_at_once(t, s, m);
    bool heads;                         /* then it is down: a stop of it is done at once */

    if (says != ANSWER_COUNT) {
        result(t, m->child, m->token, says, 0);
        return;
    }
    x->token = m->token;
    x->waiting = m->child;
    x->admin_new = m->admin == SUPTREE_START_CHILD;
    switch (m->admin) {
    case SUPTREE_TERMINATE:                             /* M2 */
        heads = c->heads;
        x->act = ACT_ADMIN_STOP;
        if (stop_child(t, m->child))
            answer(t, m->child, SUPTREE_EXITED);
        if (heads)
            go_on_without(t, s, m->child);
        return;
    case SUPTREE_KILL:
        heads = c->heads;
        x->act = ACT_RETIRE;
        x->group_first = retire(t, m->child, true, s);
        if (x->left == 0)
            finish_retire(t, s);
        if (heads)
            go_on_without(t, s, m->child);
        return;
    case SUPTREE_DELETE:
        x->waiting = NONE;
        set_gone(t, c, true);
        result(t, m->child, m->token, ANSWER_OK, 0);
        return;
    }
    set_gone(t, c, false);              /* START_CHILD or RESTART */
    if (x->admin_new)
        forget_attempts(c);             /* of one that was there before */
    x->act = ACT_ADMIN_START;                           /* I5: costs nothing */
    begin_start(t, m->child, m->fresh);
}

static void on_spawn(struct suptree *t, uint32_t s, struct msg m)
{
    uint32_t c = is_pool(&t->v[s]) ? free_place(t, s) : NONE;

    if (c == NONE) {
        result(t, s, m.token, is_pool(&t->v[s]) ? ANSWER_MAX_CHILDREN : ANSWER_INVALID, 0);
        return;
    }
    m.admin = SUPTREE_START_CHILD;
    m.child = c;
    on_admin(t, s, &m);
}

/* A start that failed in a restart; its cause has an action, too. */
static void retry(struct suptree *t, uint32_t s, uint32_t c)
{
    struct vertex *x = &t->v[c];

    count_retry(t, s, -1);
    if (acted_on_cause(t, s, c))
        return;
    if (x->cls == CLASS_NORMAL && x->spec.restart != RESTART_PERMANENT)     /* ACTION_IGNORE: no start ends so by itself */
        end_for_good(t, s, c);
    else
        request_restart(t, s, c);
}

void on_message(struct suptree *t, uint32_t s, const struct msg *m)
{
    switch (m->kind) {
    case MSG_EXIT: on_exit_message(t, s, m); return;
    case MSG_RETRY:                                     /* R6, R8 */
        if (t->v[m->child].state == TREE_RESTARTING)
            retry(t, s, m->child);
        return;
    case MSG_DUE:
        if (t->v[m->child].state != TREE_RESTARTING || t->v[m->child].life != m->life)
            return;
        if (t->v[m->child].no_room)
            try_again(t, s, m->child);
        else
            begin_restart(t, s, m->child);
        return;
    case MSG_LOST: on_lost_message(t, s); return;
    case MSG_STOP: begin_down(t, s, CAUSE_SUPERVISOR, true); return;
    case MSG_WORK_ENDED:                /* the branch has failed, as its work did */
        begin_down(t, s, t->v[s].cause, false);
        t->v[s].end_cls = t->v[s].cls;
        return;
    case MSG_ADMIN:
        if (m->admin == SUPTREE_SPAWN)
            on_spawn(t, s, *m);
        else
            on_admin(t, s, m);
        return;
    case MSG_ASK:
        t->v[s].act = ACT_ASKED;
        result(t, s, m->token, ANSWER_OK, 0);
        return;
    }
}
