/* engine.c - the two engines of a rank and what their effects become
 *
 * The same core/suptree runs the branches that live on this rank and, on rank 0, the vertices that span
 * ranks.  A branch homed elsewhere is a leaf of the root's engine; its START, its end and its answers cross
 * as orders and reports.
 */
#include "sup/rank_impl.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "sup/root.h"
#include "sup/stage.h"

bool is_branch_here(const struct rank *r, uint32_t vertex)
{
    const struct spec_vertex *v;

    if (vertex >= r->vertices)
        return false;
    v = &r->cx.spec->vertices[vertex];
    return v->kind == SPEC_SUPERVISOR && r->cx.home_of[vertex] == r->me;
}

/* The siblings a vertex depends on: from a declaration's first instance under this parent to its last. */
static void fill_depends(const struct spec *spec, const struct spec_vertex *v, struct suptree_extra *x)
{
    for (uint32_t o = spec->vertices[v->parent].first_child; o != SPEC_NONE && o != v->id;
         o = spec->vertices[o].next_sibling)
        for (uint32_t i = 0; i < v->depend_count; i++) {
            if (spec->vertices[o].decl != v->depends[i])
                continue;
            if (x->depends[i].low == SPEC_NONE)
                x->depends[i].low = o;
            x->depends[i].high = o;
        }
}

/* NULL, or *room filled. */
static const struct suptree_extra *fill_extra(const struct spec *spec, const struct spec_vertex *v,
                                              struct suptree_extra *room)
{
    if (!v->extra)
        return NULL;
    *room = *v->extra;
    room->depend_count = v->depend_count;
    for (uint32_t i = 0; i < v->depend_count; i++)
        room->depends[i].low = SPEC_NONE;
    if (v->depend_count)
        fill_depends(spec, v, room);
    return room;
}

static bool any_extra(const struct spec *spec)
{
    for (uint32_t v = 0; v < spec->vertex_count; v++)
        if (spec->vertices[v].extra)
            return true;
    return false;
}

static void fill(struct suptree_spec *s, const struct spec_vertex *v)
{
    *s = (struct suptree_spec){
        .id = v->id, .supervisor = v->kind == SPEC_SUPERVISOR, .significant = v->significant,
        .restart = (uint8_t)v->restart, .shutdown = (uint8_t)v->shutdown_kind, .shutdown_ms = v->shutdown_ms,
        .strategy = (uint8_t)v->strategy, .auto_shutdown = (uint8_t)v->auto_shutdown,
        .intensity = v->intensity, .period_ms = v->period_ms, .state_init = v->state_init};
}

/* Every vertex whose parent is homed at `home`, and every branch that begins there. */
static int build(struct rank *r, struct suptree *t, int home)
{
    for (uint32_t id = 0; id < r->vertices; id++) {
        const struct spec_vertex *v = &r->cx.spec->vertices[id];
        int parent_home = v->parent == SPEC_NONE ? -2 : r->cx.home_of[v->parent];
        int own_home = v->kind == SPEC_SUPERVISOR ? r->cx.home_of[id] : parent_home;
        struct suptree_extra extra;
        struct suptree_spec s;
        int rc;

        if (parent_home != home && own_home != home)
            continue;
        fill(&s, v);
        s.extra = fill_extra(r->cx.spec, v, &extra);
        s.dynamic = v->dynamic && parent_home == home;
        s.name = v->sibling_name;
        s.remote = s.supervisor && own_home != home;
        rc = suptree_add(t, parent_home == home ? v->parent : SUPTREE_NONE, &s);
        if (rc != 0)
            return rc;
    }
    return 0;
}

struct suptree *engine_create(struct rank *r, int home, struct reason *why)
{
    /* All that may be asked for by all actors may wait at one supervisor, beside what waits anyhow. */
    struct suptree_limits limits = {.vertices = r->vertices, .ids = r->vertices,
                                    .messages = (4u + SLOT_ASKS) * r->vertices + 64u,
                                    .generation = r->cx.generation, .extras = any_extra(r->cx.spec)};
    struct suptree *t = suptree_create(&limits);

    if (t && build(r, t, home) == 0)
        return t;
    suptree_destroy(t);
    reason_set(why, TW_ENOMEM, "not enough memory for the engine of %u vertices", r->vertices);
    return NULL;
}

int engines_create(struct rank *r, struct reason *why)
{
    r->branches = engine_create(r, r->me, why);
    return r->branches ? 0 : TW_ENOMEM;
}

uint64_t engine_ms(const struct rank *r) { return r->stage ? stage_clock_ms(r) : tree_ms(r); }

/* -- the journal and the picture ------------------------------------------------------------------ */

static const uint16_t journal_of[] = {
    [RECORD_BEGIN] = JOURNAL_BEGIN, [RECORD_START] = JOURNAL_START,
    [RECORD_START_FAILED] = JOURNAL_START_FAILED, [RECORD_START_IGNORED] = JOURNAL_START_IGNORED,
    [RECORD_EXIT] = JOURNAL_EXIT, [RECORD_STOP] = JOURNAL_STOP, [RECORD_LOST] = JOURNAL_LOST,
    [RECORD_GIVEUP] = JOURNAL_GIVEUP, [RECORD_DOWN] = JOURNAL_DOWN, [RECORD_ESCALATE] = JOURNAL_ESCALATE,
    [RECORD_TREE_DOWN] = JOURNAL_TREE_DOWN, [RECORD_QUARANTINE] = JOURNAL_QUARANTINE,
    [RECORD_DELAY] = JOURNAL_DELAY, [RECORD_WAITING] = JOURNAL_WAITING,
};

/* A start that failed of itself ended a life as well; a supervisor's failed of its children's. */
static bool is_death(const struct rank *r, uint8_t what, uint32_t vertex)
{
    if (what == RECORD_START_FAILED)
        return r->cx.spec->vertices[vertex].kind == SPEC_ACTOR;
    return what == RECORD_EXIT || what == RECORD_STOP || what == RECORD_LOST || what == RECORD_DOWN;
}

/* Not well again before it runs again.  Whom its parent keeps down for having given up has said of what itself. */
static void note_giveup(struct rank *r, const struct suptree_effect *e)
{
    struct giveup *g = &r->gave_up[e->vertex];

    if (e->how != GIVEUP_NONE)
        *g = (struct giveup){.how = e->how, .cause = (uint8_t)e->count, .child = e->other};
    else if (e->cause != CAUSE_GIVEUP)
        *g = (struct giveup){.cause = e->cause};
    g->stands = true;
    g->quarantined = e->what == RECORD_QUARANTINE;
    r->view.giveups++;
}

static void journal(struct rank *r, const struct suptree_effect *e)
{
    struct journal_record rec = note(r, journal_of[e->what], e->vertex);
    struct view_vertex *v = &r->table[e->vertex];

    rec.life = e->life;
    rec.cls = e->cls;
    rec.cause = e->cause;
    rec.a = e->what == RECORD_ESCALATE ? e->other : e->what == RECORD_DELAY ? e->count : e->starts;
    noted(r, &rec);
    if (e->what == RECORD_QUARANTINE || (e->what == RECORD_GIVEUP && e->cause == CAUSE_GIVEUP))
        note_giveup(r, e);
    if (r->stage)
        stage_recorded(r, &rec, e);
    if (!is_death(r, e->what, e->vertex))
        return;
    publish_before(r, e->vertex, VERTEX_DEATH);
    v->cls = e->cls;
    v->cause = e->cause;
    v->tally[v->deaths++ % VIEW_TALLY] =
        (struct view_death){rec.tree_us, e->cls, e->cause, v->rank, v->device};
    note_death(r, e->vertex, e->cls, e->cause);
    publish(r, e->vertex, VERTEX_DEATH);
}

static uint8_t state_of(const struct suptree_look *l)
{
    if (l->quarantined)
        return VERTEX_QUARANTINED;
    if (l->no_room)
        return VERTEX_WAITING;
    switch (l->state) {
    case TREE_STARTING: return VERTEX_STARTING;
    case TREE_RUNNING: return VERTEX_RUNNING;
    case TREE_STOPPING: return VERTEX_STOPPING;
    case TREE_DEAD:
    case TREE_RESTARTING: return VERTEX_RESTARTING;
    case TREE_STOPPED: break;
    }
    if (l->gone)
        return VERTEX_GONE;
    if (l->starts && !l->by_hand && !l->supervisor && l->cls == CLASS_NORMAL)
        return VERTEX_DONE;
    return l->starts ? VERTEX_STOPPED : VERTEX_NEW;
}

/* The top of a branch is its parent's to tell of: two who tell, each a little late, would leave the one or the
 * other picture wrong. */
static bool is_told_by(const struct rank *r, uint32_t vertex, const struct suptree_look *l)
{
    return l->parent != SUPTREE_NONE || r->cx.spec->vertices[vertex].parent == SPEC_NONE;
}

bool is_home_here(const struct rank *r, uint32_t supervisor)
{
    int home = r->cx.home_of[supervisor];

    return home == r->me || (home < 0 && is_root(r));
}

/* is_told_by of the engines here, by where supervisors are at home. */
bool is_told_here(const struct rank *r, uint32_t vertex)
{
    uint32_t parent = r->cx.spec->vertices[vertex].parent;

    return is_home_here(r, parent == SPEC_NONE ? vertex : parent);
}

/* Deaths are told by whose engine records them: of a branch by its home, though all else is its parent's to tell. */
bool is_mourned_here(const struct rank *r, uint32_t vertex)
{
    return r->cx.spec->vertices[vertex].kind == SPEC_SUPERVISOR ? is_home_here(r, vertex) : is_told_here(r, vertex);
}

/* In this engine, where it is not a leaf. */
static bool is_home_in(const struct rank *r, const struct suptree *t, uint32_t supervisor)
{
    return r->cx.home_of[supervisor] == (t == r->branches ? r->me : -1);
}

/* The other part of the picture: of a pool, by the engine that decides for it, wherever its parent is. */
static void sync_retries(struct rank *r, const struct suptree *t, uint32_t vertex)
{
    struct view_vertex *v = &r->table[vertex];
    struct suptree_look l;

    if (suptree_peek(t, vertex, &l) != 0 || v->retrying == l.retrying || !l.supervisor || !is_home_in(r, t, vertex))
        return;
    v->retrying = l.retrying;
    publish(r, vertex, VERTEX_RETRIES);
}

/* Tell all ranks what this engine thinks of a vertex, if it is news. */
static void sync_vertex(struct rank *r, const struct suptree *t, uint32_t vertex)
{
    struct view_vertex *v = &r->table[vertex];
    struct suptree_look l;
    uint8_t state;

    if (suptree_peek(t, vertex, &l) != 0 || !is_told_by(r, vertex, &l))
        return;
    state = state_of(&l);
    v->stopped_by_hand = l.by_hand;
    if (v->state == state && v->starts == l.starts && v->engine_state == l.state)
        return;
    if (v->state != state)
        v->since_us = tree_us(r);
    v->state = state;
    v->engine_state = (uint8_t)l.state;
    v->starts = l.starts;
    note_state(r, vertex);
    if (l.supervisor)
        v->life = l.life;
    if (state == VERTEX_GONE)
        forgotten(r, vertex);
    publish(r, vertex, VERTEX_STATE);
}

static void sync_picture(struct rank *r, struct suptree *t)
{
    for (uint32_t v; (v = suptree_next_changed(t)) != SUPTREE_NONE;) {
        sync_vertex(r, t, v);
        sync_retries(r, t, v);
    }
}

static void check_picture(const struct rank *r, const struct suptree *t)
{
    struct suptree_look l;

    for (uint32_t v = 0; v < r->vertices; v++) {
        if (suptree_peek(t, v, &l) == 0 && l.supervisor && is_home_in(r, t, v))
            assert(r->table[v].retrying == l.retrying && "a pool's retries are told as its engine counts them");
        if (suptree_peek(t, v, &l) == 0 && is_told_by(r, v, &l))
            assert(is_told_here(r, v) && r->table[v].state == state_of(&l) && r->table[v].starts == l.starts &&
                   "what is told of a vertex is what its engine thinks");
    }
}

void engines_check(const struct rank *r)
{
    suptree_check(r->branches);
    check_picture(r, r->branches);
    if (!r->root)
        return;
    suptree_check(root_tree(r));
    check_picture(r, root_tree(r));
}

/* -- effects of the branches homed here ----------------------------------------------------------- */

/* A supervisor that was asked stands still until the root has its answer: that leaves behind the news of this turn, so
 * that the root's picture is what the supervisor stands on. */
static void put_off(struct rank *r, union cell *c)
{
    struct suptree_look l;

    if (r->asked_count == ASKED_MAX || suptree_look(r->branches, c->admin.src, engine_ms(r), &l) != 0) {
        end_rank(r, 70);
        return;
    }
    c->admin.counts[0] = l.specs;
    c->admin.counts[1] = (uint32_t)l.active;
    c->admin.counts[2] = l.supervisors;
    c->admin.counts[3] = l.workers;
    r->asked[r->asked_count++] = *c;
}

void answers_turn(struct rank *r)
{
    for (uint32_t i = 0; i < r->asked_count; i++) {
        struct suptree_input asked = {.kind = SUPTREE_ASKED, .vertex = r->asked[i].admin.src};

        if (is_root(r))
            root_on_cell(r, r->me, &r->asked[i]);
        else
            send_cell(r, 0, &r->asked[i]);
        branch_input(r, &asked);        /* whoever is asked next comes behind, in a turn to come */
    }
    r->asked_count = 0;
}

static void branch_result(struct rank *r, const struct suptree_effect *e)
{
    union cell c;

    if (e->token & TOKEN_CHILD) {
        ask_result(r, e);
        return;
    }
    memset(&c, 0, sizeof c);
    c.admin.type = CELL_ADMIN_OK;
    c.admin.src = e->vertex;
    c.admin.token = e->token;
    c.admin.answer = e->what;
    c.admin.lives = e->count;
    if (e->token & TOKEN_ASK && e->what == ANSWER_OK)
        put_off(r, &c);
    else
        send_cell(r, 0, &c);
}

static uint32_t deadline_of(const struct suptree_effect *e)
{
    return e->how == SHUTDOWN_BRUTAL_KILL ? KILL_DEADLINE_MS : e->how == SHUTDOWN_MS ? e->deadline_ms : 0;
}

static uint32_t how_of(const struct suptree_effect *e)
{
    return e->how == SHUTDOWN_BRUTAL_KILL ? STOP_KILL : STOP_SHUTDOWN;
}

static enum start_how start_of(const struct suptree_effect *e)
{
    return e->anew ? START_ANEW : e->fresh ? START_FRESH : START_RESUME;
}

static void branch_effect(struct rank *r, const struct suptree_effect *e)
{
    switch (e->kind) {
    case SUPTREE_DO_START: start_actor(r, e->vertex, e->life, e->line, start_of(e), e->move); return;
    case SUPTREE_DO_STOP: stop_actor(r, e->vertex, e->life, how_of(e), deadline_of(e)); return;
    case SUPTREE_DO_REPORT: report(r, e->what, e->vertex, e->life, e->cls, e->cause, 0, 0); return;
    case SUPTREE_DO_RESULT: branch_result(r, e); return;
    case SUPTREE_DO_RECORD: journal(r, e); return;
    }
}

static void branch_take(struct rank *r, const struct suptree_input *in)
{
    const struct suptree_effect *next;

    (void)suptree_take(r->branches, engine_ms(r), in);
    while ((next = suptree_next_effect(r->branches))) {
        struct suptree_effect e = *next;

        branch_effect(r, &e);
    }
    sync_picture(r, r->branches);
}

/* Effects may bring inputs at once (a stop of what is down is answered on the spot): they queue up here
 * and are taken when the effects before them are done, so the engine is never entered twice. */
static void branch_wait(struct rank *r, const struct suptree_input *in)
{
    uint32_t at = (r->branch_head + r->branch_waiting) % r->branch_room;

    if (in->count > 0 || r->branch_waiting == r->branch_room) {
        end_rank(r, 70);
        return;
    }
    memcpy(r->branch_queue + at * BRANCH_INPUT_BYTES, in, BRANCH_INPUT_BYTES);
    r->branch_waiting++;
}

void branch_input(struct rank *r, const struct suptree_input *in)
{
    if (r->branch_busy) {
        branch_wait(r, in);
        return;
    }
    r->branch_busy = true;
    branch_take(r, in);
    while (r->branch_waiting) {
        struct suptree_input waited = {0};

        memcpy(&waited, r->branch_queue + r->branch_head * BRANCH_INPUT_BYTES, BRANCH_INPUT_BYTES);
        r->branch_head = (r->branch_head + 1) % r->branch_room;
        r->branch_waiting--;
        branch_take(r, &waited);
    }
    r->branch_busy = false;
    r->view.restarts = suptree_restarts(r->branches);
    r->view.stale_dropped = suptree_stale(r->branches);
}

/* Delayed restarts and shutdown deadlines of the branches homed here. */
void branches_tick(struct rank *r)
{
    struct suptree_input in = {.kind = SUPTREE_TICK};

    if (suptree_due(r->branches) <= engine_ms(r))
        branch_input(r, &in);
}

static void lift_quarantine(struct rank *r, const struct cell_admin *c)
{
    int rc = c->dst < (uint32_t)INT32_MAX ? devman_lift(r->devman, (int)c->dst) : TW_ENOENT;
    union cell answer;

    memset(&answer, 0, sizeof answer);
    answer.admin.type = CELL_ADMIN_OK;
    answer.admin.token = c->token;
    answer.admin.answer = rc == 0 ? ANSWER_OK : rc == TW_ENOENT ? ANSWER_NOT_FOUND : ANSWER_RUNNING;
    send_cell(r, 0, &answer);
}

/* Of an operator's restart: between its stop and its start. */
static void keep_places(struct rank *r, const struct cell_admin *c)
{
    const struct spec *s = r->cx.spec;

    for (uint32_t v = c->dst < r->vertices ? c->dst : SPEC_NONE; v != SPEC_NONE; v = spec_next_below(s, v, c->dst))
        if (s->vertices[v].kind == SPEC_ACTOR && r->cx.rank_of[v] == r->me)
            devman_keep(r->devman, v, c->flags != 0);
}

/* An operator's call comes by way of the root; an actor's for the root's own engine comes here, too. */
static void admin_input(struct rank *r, const struct suptree_input *in)
{
    uint32_t supervisor = in->vertex < r->vertices ? supervisor_of(r, in->kind, in->vertex) : SPEC_NONE;

    if (!is_root(r) || !(in->token & TOKEN_CHILD) || supervisor == SPEC_NONE || r->cx.home_of[supervisor] >= 0)
        branch_input(r, in);
    else
        root_input(r, 0, in);
}

void on_admin(struct rank *r, const struct cell_admin *c)
{
    struct suptree_input in = {.kind = (uint16_t)c->verb, .vertex = c->dst, .token = c->token,
                               .fresh = c->flags != 0};

    switch (c->verb) {
    case SUPTREE_KILL:
    case SUPTREE_TERMINATE:
    case SUPTREE_RESTART:
    case SUPTREE_DELETE:
    case SUPTREE_START_CHILD:
    case SUPTREE_SPAWN:
        admin_input(r, &in);
        return;
    case ADMIN_LIFT: lift_quarantine(r, c); return;
    case ADMIN_KEEP: keep_places(r, c); return;
    case SUPTREE_ASK:                   /* its token says that we are to go on when it is answered */
        if (c->token & TOKEN_ASK)
            branch_input(r, &in);
        return;
    }                                   /* anything else is not for another rank to say */
}

/* -- effects of the root's engine ----------------------------------------------------------------- */

static void root_order(struct rank *r, uint16_t type, const struct suptree_effect *e)
{
    const struct spec_vertex *v = &r->cx.spec->vertices[e->vertex];
    int to = v->kind == SPEC_SUPERVISOR ? r->cx.home_of[e->vertex] : r->cx.rank_of[e->vertex];
    union cell c;

    memset(&c, 0, sizeof c);
    c.order.type = type;
    c.order.life = e->life;
    c.order.dst = e->vertex;
    c.order.term = 1;
    c.order.order = root_next_order(r, to);
    c.order.epoch = (uint32_t)e->life;      /* a branch's reign: rises with each START */
    c.order.line = e->line;
    c.order.how = type == CELL_START ? start_of(e) : how_of(e);
    c.order.deadline_ms = type == CELL_START ? 0 : deadline_of(e);
    c.order.flags = (uint16_t)((e->linked ? ORDER_LINKED : 0) | (e->move ? ORDER_MOVE : 0) |
                               (e->alone ? ORDER_ALONE : 0));
    c.order.cls = e->cls;
    r->view.orders++;
    send_cell(r, to, &c);
}

static void root_effect(struct rank *r, const struct suptree_effect *e)
{
    switch (e->kind) {
    case SUPTREE_DO_START: root_order(r, CELL_START, e); return;
    case SUPTREE_DO_STOP: root_order(r, CELL_STOP, e); return;
    case SUPTREE_DO_REPORT: root_tree_report(r, e); return;
    case SUPTREE_DO_RESULT:
        if (e->token & TOKEN_CHILD)
            ask_result(r, e);
        else
            root_result(r, e->vertex, e->token, e->what);
        return;
    case SUPTREE_DO_RECORD: journal(r, e); return;
    }
}

void root_act(struct rank *r, struct suptree *tree)
{
    const struct suptree_effect *next;

    while ((next = suptree_next_effect(tree))) {
        struct suptree_effect e = *next;

        root_effect(r, &e);
    }
    sync_picture(r, tree);
}
