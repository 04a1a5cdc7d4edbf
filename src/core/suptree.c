/* suptree.c - one OTP supervisor per inner vertex, all of them advanced by one loop
 *
 * A supervisor is what it is doing (`act`), at which child (`cursor`), what it waits for, and a queue of
 * messages it has not looked at.  suptree_take turns an input into a message or an answer and then lets
 * every supervisor that can go on do so (run_on).  Nothing recurses: a supervisor that starts or stops another
 * sets it to work and waits for its answer like for a leaf's.
 *
 * OTP's rules stand at the lines that keep them.
 */
#include "core/suptree_impl.h"

/* -- starting ------------------------------------------------------------------------------------- */

/* A1; and a pool without a template. */
static bool children_are_wrong(const struct suptree *t, uint32_t s)
{
    if (is_pool(&t->v[s]) && (t->v[s].first == NONE || !is_template(t, &t->v[t->v[s].first])))
        return true;
    for (uint32_t c = t->v[s].first; c != NONE; c = t->v[c].next)
        if (!t->v[c].gone && significance_is_wrong(&t->v[s], &t->v[c]))
            return true;
    return false;
}

/* R9: a restarted supervisor is a new process built from its static list. */
static void from_static_list(struct suptree *t, uint32_t s)
{
    for (uint32_t c = t->v[s].first; c != NONE; c = t->v[c].next) {
        set_gone(t, &t->v[c], t->v[c].spec.dynamic);
        set_state(t, &t->v[c], TREE_STOPPED);
        t->v[c].by_hand = t->v[c].parked = t->v[c].left_out = false;
        forget_attempts(&t->v[c]);
    }
    t->v[s].parked = t->v[s].parking = t->v[s].forced = false;
    t->v[s].delayed = NONE;
    t->v[s].window_head = t->v[s].window_count = 0;
    t->v[s].retrying = 0;
}

static uint64_t next_life(struct suptree *t, const struct vertex *x)
{
    uint64_t reign = x->top == NONE ? 0 : t->v[x->top].reign;

    /* A sum: should the count ever outgrow its 32 bits, lives still rise. */
    return ((uint64_t)(t->limits.generation & 0xfffu) << 52 | (reign & 0xfffffu) << 32) + ++t->lives;
}

static void next_line(struct suptree *t, struct vertex *x, bool fresh)
{
    uint32_t low = x->top == NONE ? 0 : t->v[x->top].low_line;

    if (fresh || x->spec.state_init || x->line == 0)
        x->line++;
    if (x->line < low)
        x->line = low;
}

static void begin_work(struct suptree *t, uint32_t s, bool fresh)
{
    struct suptree_effect *e;

    set_work(t, &t->v[s], WORK_STARTING);
    t->v[s].waiting = s;
    e = effect(t, SUPTREE_DO_START, s);
    e->fresh = fresh || t->v[s].spec.state_init;
    e->move = t->v[s].moving;
    e->anew = t->v[s].anew;
}

/* It is up, or not: what was said of the whole branch does not hold for who starts in it later. */
static void end_boot(struct vertex *x)
{
    x->act = ACT_IDLE;
    x->admin_fresh = x->moving = x->anew = false;
}

static void begin_supervisor(struct suptree *t, uint32_t s)
{
    struct vertex *x = &t->v[s];

    record(t, s, RECORD_BEGIN);
    from_static_list(t, s);
    x->told = x->own_end = x->linked = false;
    x->waiting = NONE;
    x->cursor = x->first;
    x->act = ACT_BOOT;
    x->end_cls = CLASS_SHUTDOWN;
    if (children_are_wrong(t, s)) {
        x->act = ACT_UNDO;
        x->cursor = NONE;
        x->end_cls = CLASS_ABNORMAL;
    } else if (x->spec.works) {
        begin_work(t, s, x->admin_fresh);
    }
    schedule(t, s);
}

/* Is this another child than the one that was there before, by itself or with a branch? */
static bool is_anew(const struct suptree *t, uint32_t s)
{
    return s != NONE && (t->v[s].anew || (t->v[s].act == ACT_ADMIN_START && t->v[s].admin_new));
}

void begin_start(struct suptree *t, uint32_t c, bool fresh)
{
    struct vertex *x = &t->v[c];
    bool inherits = x->parent != NONE && t->v[x->parent].admin_fresh;
    bool moves = x->moves || (x->parent != NONE && t->v[x->parent].moving);
    struct suptree_effect *e;

    fresh |= x->afresh || inherits;
    x->moves = x->afresh = false;
    x->life = next_life(t, x);
    next_line(t, x, fresh);
    set_state(t, x, TREE_STARTING);
    x->by_hand = x->lost = x->parked = false;
    if (is_sup(x)) {
        x->admin_fresh = fresh;
        x->moving = moves;
        x->anew = is_anew(t, x->parent);
        begin_supervisor(t, c);
        return;
    }
    e = effect(t, SUPTREE_DO_START, c);
    e->fresh = fresh || x->spec.state_init;
    e->move = moves;
    e->anew = is_anew(t, x->parent);
}

static void started(struct suptree *t, uint32_t c)
{
    struct vertex *x = &t->v[c];

    set_state(t, x, TREE_RUNNING);
    if (x->extra)
        x->extra->since_ms = t->now_ms;
    x->starts++;
    x->order = ++t->orders;
    record(t, c, RECORD_START);
    answer(t, c, SUPTREE_STARTED);
}

static void start_failed(struct suptree *t, uint32_t c, uint8_t cls, uint8_t cause)
{
    set_state(t, &t->v[c], TREE_STOPPED);
    t->v[c].cls = cls;
    t->v[c].cause = cause;
    record(t, c, RECORD_START_FAILED);
    answer(t, c, SUPTREE_START_FAILED);
}

/* Extension 13: only a restart may wait. */
static bool may_wait(const struct suptree *t, uint32_t c, uint8_t cause)
{
    uint32_t s = t->v[c].parent;

    return (cause == CAUSE_CAPACITY || cause == CAUSE_DEVICE) && s != NONE && wants(&t->v[s])->waits &&
           (t->v[s].act == ACT_ONE_START || t->v[s].act == ACT_GROUP_START || t->v[s].act == ACT_RESUME);
}

static void wait_for_room(struct suptree *t, uint32_t c)
{
    bool waited = t->v[c].no_room;

    set_state(t, &t->v[c], TREE_RESTARTING);
    t->v[c].no_room = true;
    t->v[c].heads = t->v[t->v[c].parent].act == ACT_GROUP_START;
    if (!waited)
        record(t, c, RECORD_WAITING);
    answer(t, c, SUPTREE_ROOM);
}

static void start_ignored(struct suptree *t, uint32_t c)
{
    set_state(t, &t->v[c], TREE_STOPPED);
    record(t, c, RECORD_START_IGNORED);
    answer(t, c, SUPTREE_START_IGNORED);
}

/* -- stopping ------------------------------------------------------------------------------------- */

static void order_stop(struct suptree *t, uint32_t c)
{
    const struct suptree_spec *spec = &t->v[c].spec;
    struct suptree_effect *e = effect(t, SUPTREE_DO_STOP, c);

    e->how = spec->shutdown;            /* S5 */
    e->alone = true;
    e->deadline_ms = spec->shutdown == SHUTDOWN_MS ? spec->shutdown_ms : 0;
}

/* Returns true when the child is down already. */
bool stop_child(struct suptree *t, uint32_t c)
{
    struct vertex *x = &t->v[c];

    if (x->state == TREE_DEAD || x->state == TREE_RESTARTING || x->state == TREE_STOPPED) {
        set_state(t, x, TREE_STOPPED);        /* R10: its exit message is swallowed; R8: its retry is void */
        return true;
    }
    if (is_sup(x) && x->spec.shutdown == SHUTDOWN_BRUTAL_KILL && x->act != ACT_DYING) {     /* S5, at any home */
        (void)kill_supervisor(t, c, true, &(struct suptree_input){.alone = true});
        set_state(t, x, TREE_STOPPING);
        return false;
    }
    set_state(t, x, TREE_STOPPING);
    if (is_sup(x)) {
        (void)post(t, c, MSG_STOP, NONE);
        return false;
    }
    order_stop(t, c);
    return false;
}

/* A supervisor's children are down: so goes its own work.  Returns true when that is down too. */
static bool stop_work(struct suptree *t, uint32_t s)
{
    if (t->v[s].work == WORK_NONE)
        return true;
    set_work(t, &t->v[s], WORK_STOPPING);
    t->v[s].waiting = s;
    order_stop(t, s);
    return false;
}

static void stopped(struct suptree *t, uint32_t c)
{
    set_state(t, &t->v[c], TREE_STOPPED);
    record(t, c, RECORD_STOP);
    answer(t, c, SUPTREE_EXITED);
}

/* S6: one order for all, and one time-out; what has no process is forgotten.  Who is a supervisor goes down in its own
 * order, and says itself when it is. */
static void stop_pool(struct suptree *t, uint32_t s)
{
    struct vertex *x = &t->v[s];

    x->act = ACT_POOL_DOWN;
    x->left = 0;
    for (uint32_t c = first_held(t, x->first); c != NONE; c = first_held(t, t->v[c].next)) {
        if (t->v[c].state != TREE_RUNNING && t->v[c].state != TREE_STOPPING) {
            set_state(t, &t->v[c], TREE_STOPPED);
            set_gone(t, &t->v[c], true);
            continue;
        }
        x->left++;
        if (t->v[c].spec.supervisor) {
            (void)stop_child(t, c);
            continue;
        }
        set_state(t, &t->v[c], TREE_STOPPING);
        t->v[c].killer = s;
        order_stop(t, c);
    }
}

void begin_down(struct suptree *t, uint32_t s, uint8_t cause, bool told)
{
    struct vertex *x = &t->v[s];

    x->act = ACT_DOWN;
    if (wants(x)->shutdown_deadline_ms)
        dues_set(&t->dues, s, t->now_ms + wants(x)->shutdown_deadline_ms);
    if (is_pool(x))
        stop_pool(t, s);
    else if (wants(x)->shutdown_deadline_ms && x->spec.strategy == ONE_FOR_ONE)
        x->act = ACT_ALL_DOWN;
    x->cursor = x->last;
    x->waiting = NONE;
    x->told = told;
    x->end_cls = CLASS_SHUTDOWN;
    x->end_cause = cause;
    schedule(t, s);
}

/* Extension 10: who is not needed is stopped, all of these at once.  Returns true when all are down. */
static bool stop_all(struct suptree *t, uint32_t s)
{
    bool down = true;

    t->v[s].left = 0;
    for (uint32_t c = t->v[s].last; c != NONE; c = t->v[c].prev) {
        bool told = t->v[c].state == TREE_STOPPING;

        if (t->v[c].gone || (!told && !is_needed(t, c) && stop_child(t, c)))
            continue;
        t->v[s].left += t->v[c].state == TREE_STOPPING;
        down = false;
    }
    return down;
}

static bool gave_up(const struct vertex *x)
{
    return x->spec.supervisor && (x->cause == CAUSE_GIVEUP || x->cause == CAUSE_AUTO_SHUTDOWN);
}

/* Its end is the answer to what it was told, but it was on its way down by itself: as that it has been told of. */
static void ended_meanwhile(struct suptree *t, uint32_t c)
{
    struct suptree_effect *e = gave_up(&t->v[c]) ? record(t, c, RECORD_ESCALATE) : NULL;

    if (e)
        e->other = t->v[t->v[c].parent].spec.id;
    set_state(t, &t->v[c], TREE_STOPPED);
    answer(t, c, SUPTREE_EXITED);
}

/* A death that nobody asked for: the parent learns of it when it looks at its queue. */
void died(struct suptree *t, uint32_t c)
{
    struct vertex *x = &t->v[c];
    bool told = x->state == TREE_STOPPING;
    uint8_t act;

    if (x->extra && t->now_ms - x->extra->since_ms >= wants(x)->healthy_after_ms)
        x->extra->attempts = 0;
    set_state(t, x, TREE_DEAD);
    if (x->parent == NONE) {
        struct suptree_effect *e = effect(t, SUPTREE_DO_REPORT, c);

        set_state(t, x, TREE_STOPPED);
        e->what = SUPTREE_EXITED;
        return;
    }
    act = t->v[x->parent].act;
    if (t->v[x->parent].waiting == c || (told && (act == ACT_ALL_DOWN || act == ACT_POOL_DOWN)))
        ended_meanwhile(t, c);
    else
        (void)post(t, x->parent, MSG_EXIT, c);
}

void finish_down(struct suptree *t, uint32_t s)
{
    struct vertex *x = &t->v[s];

    x->act = ACT_IDLE;
    dues_clear(&t->dues, s);
    if (x->parking && !x->told) {       /* extension 7: it stays, without its children */
        x->parking = false;
        x->parked = true;
        changed(t, x);
        if (x->parent == NONE)
            effect(t, SUPTREE_DO_REPORT, s)->what = SUPTREE_QUARANTINED;
        schedule(t, s);
        return;
    }
    x->cls = x->end_cls;
    x->cause = x->end_cause;
    drop_queue(t, s);
    if (x->told) {
        stopped(t, s);
        return;
    }
    x->own_end = x->end_cause == CAUSE_GIVEUP || x->end_cause == CAUSE_AUTO_SHUTDOWN;    /* or its work's */
    record(t, s, RECORD_DOWN);
    died(t, s);
}

/* Their ends have no order: those of actors are told in that of the instances. */
static void finish_pool_down(struct suptree *t, uint32_t s)
{
    for (uint32_t c = first_held(t, t->v[s].first); c != NONE; c = first_held(t, t->v[c].next)) {
        if (!t->v[c].spec.supervisor)
            record(t, c, RECORD_STOP);
        set_gone(t, &t->v[c], true);
    }
    finish_down(t, s);
}

/* -- going on ------------------------------------------------------------------------------------- */

/* Start the next child from the cursor on; the act is over when there is none. */
static void go_on_starting(struct suptree *t, uint32_t s)
{
    struct vertex *x = &t->v[s];
    uint32_t c = first_held(t, x->cursor);

    /* R4: every child without a process; but not one in quarantine, nor one that has no part in this restart */
    while (c != NONE && (t->v[c].state != TREE_STOPPED || t->v[c].parked || t->v[c].left_out ||
                         (x->by_depends && t->v[c].grouped != IN)))
        c = first_held(t, t->v[c].next);
    if (c != NONE) {
        x->cursor = x->waiting = c;
        begin_start(t, c, false);
        return;
    }
    x->waiting = NONE;
    if (x->act == ACT_BOOT) {
        end_boot(x);
        started(t, s);
    }
    x->act = ACT_IDLE;
    x->by_depends = false;
    schedule(t, s);
}

/* Stop the previous child from the cursor back to `until`. */
static bool go_on_stopping(struct suptree *t, uint32_t s, uint32_t until)
{
    struct vertex *x = &t->v[s];

    while (x->cursor != NONE) {
        uint32_t c = x->cursor;

        x->cursor = c == until ? NONE : t->v[c].prev;
        if (t->v[c].gone || (x->act == ACT_GROUP_STOP && x->by_depends && t->v[c].grouped != IN))
            continue;
        if (!stop_child(t, c)) {
            x->waiting = c;
            return false;
        }
        if (x->act == ACT_GROUP_STOP && t->v[c].spec.restart == RESTART_TEMPORARY && c != x->asking)
            set_gone(t, &t->v[c], true);        /* R3 */
    }
    x->waiting = NONE;
    return true;
}

static void go_on(struct suptree *t, uint32_t s)
{
    struct vertex *x = &t->v[s];
    struct msg m;

    switch (x->act) {
    case ACT_BOOT:
    case ACT_GROUP_START:
        if (x->waiting == NONE)
            go_on_starting(t, s);
        return;
    case ACT_GROUP_STOP:
        if (x->waiting != NONE || !go_on_stopping(t, s, x->group_first))
            return;
        if (x->delayed != NONE) {
            wait_for(t, s, x->delayed);
            return;
        }
        x->act = ACT_GROUP_START;
        x->cursor = x->group_first;
        go_on_starting(t, s);
        return;
    case ACT_UNDO:
        if (x->waiting != NONE || !go_on_stopping(t, s, NONE) || !stop_work(t, s))
            return;
        end_boot(x);
        drop_queue(t, s);
        start_failed(t, s, x->end_cls, CAUSE_START);
        return;
    case ACT_DOWN:
        if (x->waiting == NONE && go_on_stopping(t, s, NONE) && (x->parking || stop_work(t, s)))
            finish_down(t, s);
        return;
    case ACT_ALL_DOWN:
        if (x->waiting == NONE && stop_all(t, s) && (x->parking || stop_work(t, s)))
            finish_down(t, s);
        return;
    case ACT_POOL_DOWN:
        if (x->left == 0 && x->waiting == NONE && (x->parking || stop_work(t, s)))
            finish_pool_down(t, s);
        return;
    case ACT_DYING:
        if (x->left == 0)
            finish_dying(t, s);
        return;
    case ACT_IDLE:
        if ((x->state == TREE_RUNNING || x->state == TREE_STOPPING) && pop(t, s, &m)) {
            on_message(t, s, &m);
            schedule(t, s);
        }
        return;
    }
}

void run_on(struct suptree *t)
{
    while (!t->held && t->run_head != t->run_tail) {
        uint32_t s = t->run[t->run_head++ % t->limits.vertices];

        t->v[s].queued = false;
        go_on(t, s);
    }
}

/* -- answers of children to a supervisor that waits ------------------------------------------------ */

/* A restart that answered "ignore" leaves an entry without a process, which a pool counts as a worker: at
 * most one, for OTP keeps them by process and all of these have none (corrected in OTP 29). */
static void ignored_in_pool(struct suptree *t, uint32_t s, uint32_t c)
{
    for (uint32_t o = first_held(t, t->v[s].first); o != NONE; o = first_held(t, t->v[o].next))
        if (o != c && t->v[o].state == TREE_STOPPED)
            set_gone(t, &t->v[o], true);
}

static void admin_answer(struct suptree *t, uint32_t s, uint32_t c, uint16_t what)
{
    struct vertex *x = &t->v[s], *y = &t->v[c];
    uint8_t says = what == SUPTREE_START_FAILED ? ANSWER_START_ERROR :
                   what == SUPTREE_START_IGNORED ? ANSWER_IGNORED : ANSWER_OK;

    if (x->act == ACT_ADMIN_STOP) {
        y->by_hand = true;
        set_gone(t, y, y->spec.restart == RESTART_TEMPORARY || is_pool(x));
    } else if (what == SUPTREE_START_FAILED) {
        set_gone(t, y, x->admin_new);         /* M1: leaves nothing behind */
        y->order = ++t->orders;         /* a pool tries its other places first */
    } else if (what == SUPTREE_START_IGNORED) {
        set_gone(t, y, y->spec.restart == RESTART_TEMPORARY || is_pool(x));
    }
    x->act = ACT_IDLE;
    result(t, c, x->token, says, 1);
}

static void answer_waiting(struct suptree *t, uint32_t s, uint32_t c, uint16_t what)
{
    struct vertex *x = &t->v[s];

    x->waiting = NONE;
    switch (x->act) {
    case ACT_BOOT:
        if (what == SUPTREE_START_FAILED) {
            x->act = ACT_UNDO;          /* S3 */
            x->cursor = t->v[c].prev;
            break;
        }
        if (what == SUPTREE_START_IGNORED && t->v[c].spec.restart == RESTART_TEMPORARY)
            set_gone(t, &t->v[c], true);        /* S4 */
        x->cursor = t->v[c].next;
        break;
    case ACT_ONE_START:
        x->act = ACT_IDLE;
        if (what == SUPTREE_START_FAILED)
            failed_restart(t, s, c);
        else if (what == SUPTREE_START_IGNORED && is_pool(x))
            ignored_in_pool(t, s, c);
        break;
    case ACT_GROUP_START:
        if (what == SUPTREE_START_FAILED || what == SUPTREE_ROOM) {
            if (what == SUPTREE_START_FAILED)
                failed_restart(t, s, c);
            if (x->by_depends)          /* those that do not depend on it are started all the same */
                leave_group(t, c);
            else
                x->act = ACT_IDLE;      /* R7: the retry starts from this one */
            x->cursor = t->v[c].next;
            break;
        }
        x->cursor = t->v[c].next;
        break;
    case ACT_GROUP_STOP:
        if (t->v[c].spec.restart == RESTART_TEMPORARY)
            set_gone(t, &t->v[c], true);        /* R3 */
        break;
    case ACT_ADMIN_STOP:
    case ACT_ADMIN_START: admin_answer(t, s, c, what); break;
    }
    schedule(t, s);
}

void answer(struct suptree *t, uint32_t c, uint16_t what)
{
    uint32_t s = t->v[c].parent;

    if (s == NONE) {
        effect(t, SUPTREE_DO_REPORT, c)->what = (uint8_t)what;
        return;
    }
    if (t->v[s].waiting == c) {
        answer_waiting(t, s, c, what);
        return;
    }
    if (t->v[s].act == ACT_ALL_DOWN && (--t->v[s].left == 0 || t->v[s].has_depends))
        schedule(t, s);
    if (t->v[s].act == ACT_POOL_DOWN && --t->v[s].left == 0)
        schedule(t, s);
    if (t->v[s].act != ACT_RESUME)
        return;
    if (what == SUPTREE_START_FAILED)
        failed_restart(t, s, c);
    if (--t->v[s].left == 0) {
        t->v[s].act = ACT_IDLE;
        schedule(t, s);
    }
}

/* -- inputs --------------------------------------------------------------------------------------- */

int stale(struct suptree *t)
{
    t->stale++;
    return TW_ESTALE;
}

/* The supervisor is no process before its own work is up. */
static int take_work_start(struct suptree *t, uint32_t s, const struct suptree_input *in)
{
    struct vertex *x = &t->v[s];

    x->waiting = NONE;
    if (in->kind == SUPTREE_STARTED) {
        set_work(t, x, WORK_UP);
        schedule(t, s);
        return 0;
    }
    set_work(t, x, WORK_NONE);
    end_boot(x);
    drop_queue(t, s);
    if (in->kind == SUPTREE_START_IGNORED)
        start_ignored(t, s);
    else
        start_failed(t, s, CLASS_ABNORMAL, in->cause);
    return 0;
}

/* Its end is the answer to a stop, or a message that the supervisor looks at in its turn. */
static int take_work_end(struct suptree *t, uint32_t s, const struct suptree_input *in)
{
    struct vertex *x = &t->v[s];
    bool told = x->work == WORK_STOPPING;

    set_work(t, x, WORK_NONE);
    if (told) {
        x->waiting = NONE;
        schedule(t, s);
        return 0;
    }
    x->cls = in->cls;
    x->cause = in->cause;
    record(t, s, RECORD_EXIT);
    (void)post(t, s, MSG_WORK_ENDED, NONE);
    return 0;
}

static int take_work(struct suptree *t, uint32_t s, const struct suptree_input *in)
{
    if (t->v[s].work == WORK_STARTING)
        return take_work_start(t, s, in);
    if (t->v[s].work == WORK_NONE || in->kind != SUPTREE_EXITED)
        return stale(t);
    return take_work_end(t, s, in);
}

static int take_exit(struct suptree *t, uint32_t c, const struct suptree_input *in)
{
    struct vertex *x = &t->v[c];

    if (x->killer != NONE) {
        if (t->v[x->killer].act == ACT_POOL_DOWN) {
            x->cls = in->cls;
            x->cause = in->cause;
        }
        retired(t, c);
        return 0;
    }
    if (x->spec.works)
        return take_work(t, c, in);
    if (x->state != TREE_STARTING && x->state != TREE_STOPPING && x->state != TREE_RUNNING)
        return stale(t);                /* a stop and the end it was to bring crossed: it ended as was told first */
    x->cls = in->cls;
    x->cause = in->cause;
    if (x->state == TREE_STARTING) {
        start_failed(t, c, CLASS_ABNORMAL, in->cause);
    } else if (x->state == TREE_STOPPING) {
        if (x->spec.remote && gave_up(x))
            ended_meanwhile(t, c);
        else
            stopped(t, c);
    } else {
        record(t, c, RECORD_EXIT);
        died(t, c);
    }
    return 0;
}

/* Extensions 3 and 4: is this loss an end like others? */
static bool is_decided(const struct suptree *t, uint32_t c, uint8_t cause)
{
    return wants(&t->v[t->v[c].parent])->count_infrastructure ||
           (cause < CAUSE_COUNT && wants(&t->v[c])->on_cause[cause] != ACTION_DEFAULT);
}

static int take_tick(struct suptree *t)
{
    for (uint32_t c; (c = dues_pop(&t->dues, t->now_ms)) != NONE;) {
        struct vertex *x = &t->v[c];

        if (x->state == TREE_RESTARTING)
            (void)post(t, x->parent, MSG_DUE, c);
        else if (x->act == ACT_DOWN || x->act == ACT_ALL_DOWN || x->act == ACT_POOL_DOWN)
            end_by_force(t, c);
    }
    return 0;
}

static int take_lost(struct suptree *t, const struct suptree_input *in)
{
    for (uint32_t i = 0; i < in->count && i < SUPTREE_BATCH; i++) {
        uint32_t c = find(t, in->batch[i].vertex);
        struct suptree_input one = {.kind = SUPTREE_EXITED, .cls = CLASS_KILLED, .cause = in->cause};

        if (c == NONE || t->v[c].life != in->batch[i].life || is_known_here(&t->v[c])) {
            t->stale++;
        } else if (t->v[c].state == TREE_RUNNING && t->v[c].killer == NONE && t->v[c].parent != NONE &&
                   !t->v[c].spec.works && !is_decided(t, c, in->cause)) {
            t->v[c].cls = CLASS_KILLED;
            t->v[c].cause = in->cause;
            set_state(t, &t->v[c], TREE_DEAD);
            t->v[c].lost = true;
            record(t, c, RECORD_LOST);
        } else {
            (void)take_exit(t, c, &one);        /* an outstanding start or stop is answered by it */
        }
    }
    for (uint32_t i = 0; i < in->count && i < SUPTREE_BATCH; i++) {     /* one message a supervisor */
        uint32_t c = find(t, in->batch[i].vertex);
        uint32_t s = c == NONE ? NONE : t->v[c].parent;

        if (s != NONE && t->v[c].lost && t->v[c].state == TREE_DEAD &&
            (t->v[s].q_tail == NONE || t->msgs[t->v[s].q_tail].kind != MSG_LOST))
            (void)post(t, s, MSG_LOST, NONE);
    }
    return 0;
}

static int take_branch_start(struct suptree *t, uint32_t c, const struct suptree_input *in)
{
    struct vertex *x = &t->v[c];

    if (x->parent != NONE || !is_sup(x) || has_process(x))
        return stale(t);
    x->reign = in->reign;
    x->low_line = in->line;
    x->life = in->life;
    next_line(t, x, in->fresh);
    set_state(t, x, TREE_STARTING);
    x->admin_fresh = in->fresh;
    x->moving = in->move;
    x->anew = in->anew;
    begin_supervisor(t, c);
    return 0;
}

static int take_branch_stop(struct suptree *t, uint32_t c, const struct suptree_input *in)
{
    struct vertex *x = &t->v[c];

    if (x->parent != NONE || !is_sup(x))
        return stale(t);
    if (!has_process(x)) {              /* a stop for a dead life is answered with its end */
        effect(t, SUPTREE_DO_REPORT, c)->what = SUPTREE_EXITED;
        return 0;
    }
    if (in->kind == SUPTREE_BRANCH_KILL)
        return kill_supervisor(t, c, true, in);
    if (x->state == TREE_RUNNING)
        set_state(t, x, TREE_STOPPING);
    (void)post(t, c, MSG_STOP, NONE);
    return 0;
}

static int take_admin(struct suptree *t, uint32_t c, const struct suptree_input *in)
{
    uint32_t s = in->kind == SUPTREE_SPAWN ? c : t->v[c].parent;
    struct msg *m;

    if (s == NONE || !is_sup(&t->v[s]) || t->v[s].state != TREE_RUNNING) {
        result(t, c, in->token, ANSWER_NOT_FOUND, 0);
        return 0;
    }
    m = post(t, s, MSG_ADMIN, c);
    m->admin = (uint8_t)in->kind;
    m->token = in->token;
    m->fresh = in->fresh;
    return 0;
}

static int take_ask(struct suptree *t, uint32_t s, const struct suptree_input *in)
{
    struct vertex *x = &t->v[s];

    if (in->kind == SUPTREE_ASKED) {
        if (x->act != ACT_ASKED)
            return stale(t);
        x->act = ACT_IDLE;
        schedule(t, s);
    } else if (!is_sup(x) || x->state != TREE_RUNNING) {
        result(t, s, in->token, ANSWER_NOT_FOUND, 0);
    } else {
        struct msg *m = post(t, s, MSG_ASK, s);

        m->token = in->token;
    }
    return 0;
}

static int dispatch(struct suptree *t, const struct suptree_input *in)
{
    uint32_t c;

    if (in->kind == SUPTREE_LOST)
        return take_lost(t, in);
    if (in->kind == SUPTREE_TICK)
        return take_tick(t);
    c = find(t, in->vertex);
    if (c == NONE)
        return stale(t);
    switch (in->kind) {
    case SUPTREE_BRANCH_START: return take_branch_start(t, c, in);
    case SUPTREE_BRANCH_STOP:
    case SUPTREE_BRANCH_KILL: return take_branch_stop(t, c, in);
    case SUPTREE_KILLED_OUTSIDE:
        return kill_supervisor(t, c, false, in);
    case SUPTREE_TERMINATE:
    case SUPTREE_RESTART:
    case SUPTREE_DELETE:
    case SUPTREE_START_CHILD:
    case SUPTREE_SPAWN:
    case SUPTREE_KILL: return take_admin(t, c, in);
    case SUPTREE_ASK:
    case SUPTREE_ASKED: return take_ask(t, c, in);
    }
    if (t->v[c].life != in->life || is_known_here(&t->v[c]))
        return stale(t);
    if (in->kind == SUPTREE_EXITED || in->kind == SUPTREE_START_FAILED)
        t->v[c].afresh |= in->fresh;
    if (in->kind == SUPTREE_EXITED)
        return take_exit(t, c, in);
    if (in->kind == SUPTREE_QUARANTINED) {
        t->v[c].parked |= t->v[c].spec.remote && t->v[c].state == TREE_RUNNING;
        changed(t, &t->v[c]);
        return 0;
    }
    if (in->kind == SUPTREE_ROOM) {     /* it may have been stopped meanwhile, or tried again */
        if (t->v[c].no_room && t->v[c].state == TREE_RESTARTING)
            (void)post(t, t->v[c].parent, MSG_DUE, c);
        return 0;
    }
    if (t->v[c].killer != NONE)         /* it was on its way when it was killed */
        return in->kind == SUPTREE_STARTED ? 0 : (retired(t, c), 0);
    if (t->v[c].spec.works)
        return take_work(t, c, in);
    if (t->v[c].state != TREE_STARTING)
        return stale(t);
    if (in->kind == SUPTREE_STARTED) {
        started(t, c);
    } else if (in->kind == SUPTREE_START_IGNORED) {
        start_ignored(t, c);
    } else if (may_wait(t, c, in->cause)) {
        wait_for_room(t, c);
    } else {
        start_failed(t, c, CLASS_ABNORMAL, in->cause);
    }
    return 0;
}

int suptree_take(struct suptree *t, uint64_t tree_ms, const struct suptree_input *in)
{
    int rc;

    t->now_ms = tree_ms;
    rc = dispatch(t, in);
    run_on(t);
    return rc;
}

void suptree_hold(struct suptree *t, bool held)
{
    t->held = held;
    run_on(t);
}

uint64_t suptree_due(const struct suptree *t)
{
    uint64_t due_ms;

    (void)dues_first(&t->dues, &due_ms);
    return due_ms;
}
