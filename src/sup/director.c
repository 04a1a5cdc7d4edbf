/* director.c - the root's part of a scenario: its script, and the trace of what the ranks made of it */
#include "sup/stage.h"

#include <stdlib.h>
#include <string.h>

#include "spec/spec.h"
#include "sup/root_impl.h"

#define QUIET_WITHIN_MS 60000u          /* an event that has not come to rest by then never will */
#define ACTS 8u                         /* of one step */

/* What an event asks for, one act after the other.  A deed is done by the rank `to`, an input is the engines'
 * business. */
struct act {
    int to;
    struct cell_stage deed;             /* type 0: none */
    struct suptree_input in;
};

struct wave {
    uint64_t number, sent, heard;
    int due;                            /* answers to come */
    bool rested;
};

struct director {
    struct rank *rank;                  /* borrowed, as all that stands in it */
    struct script script;
    struct act *acts;                   /* owned ring */
    uint32_t head, tail;
    struct stage_record *records;       /* owned; of the event in hand */
    uint32_t record_count, record_room;
    uint64_t *started;                  /* owned; per vertex: its last `start` line, counted over the trace */
    uint64_t starts;
    struct wave wave, before;
    uint64_t told_clock_ms, quiet_by_us;
    uint32_t answers;                   /* of calls, to come */
    uint32_t stopping;                  /* the supervisor whose child was the last to ask how to stop */
    uint32_t asked;                     /* the supervisor whose answer is being told */
    union cell cue;                     /* is answered when what a gate lets in ahead of it is with its supervisor */
    int cue_to;                         /* the rank that waits for it; -1 = none does */
    bool over;
};

/* -- acts ----------------------------------------------------------------------------------------- */

static void add_act(struct director *d, const struct act *a)
{
    if (d->tail - d->head == ACTS)
        root_fail(d->rank, 70, "%s: more than %u things at once", d->rank->cx.scenario->file, ACTS);
    else
        d->acts[d->tail++ % ACTS] = *a;
}

static void add_deed(struct director *d, int to, enum stage_deed what, uint32_t vertex, const struct cell_stage *more)
{
    struct act a = {.to = to};

    if (more)
        a.deed = *more;
    a.deed.type = CELL_STAGE;
    a.deed.what = what;
    a.deed.dst = vertex;
    add_act(d, &a);
}

/* The rank whose engine decides for a vertex, which may be the root's. */
static int home_of(const struct rank *r, uint32_t supervisor)
{
    return r->cx.home_of[supervisor] < 0 ? 0 : r->cx.home_of[supervisor];
}

static void do_deed(struct director *d, const struct act *a)
{
    union cell c = {.stage = a->deed};

    if (a->to == d->rank->me)
        stage_do(d->rank, &a->deed);
    else
        send_cell(d->rank, a->to, &c);
}

static void do_input(struct director *d, const struct suptree_input *in)
{
    struct rank *r = d->rank;

    if (in->kind == SUPTREE_BRANCH_START || in->kind == SUPTREE_BRANCH_STOP) {
        root_input(r, 0, in);
        return;
    }
    d->answers++;
    if (in->kind == SUPTREE_ASK)
        root_ask(r, in->vertex, TOKEN_SCENARIO | in->token);
    else
        root_admin(r, in->kind, in->vertex, false, TOKEN_SCENARIO | in->token);
}

/* -- what the script asks of the tree ------------------------------------------------------------- */

static void count(const struct director *d, uint32_t vertex, struct suptree_look *ret)
{
    struct view_children n = d->rank->root->counted;

    if (d->asked != vertex)
        view_count(&d->rank->view, vertex, &n);
    ret->specs = n.specs;
    ret->active = n.active;
    ret->supervisors = n.supervisors;
    ret->workers = n.workers;
}

/* What the root's engine has is looked at there, though of a branch that is at home elsewhere it has no children.  Else,
 * when all is quiet or its home stands still, the picture is what its home thinks; it is drawn behind the answers of a
 * turn, so it is not asked about what the root's engine knows. */
static int op_look(void *self, uint32_t vertex, struct suptree_look *ret)
{
    const struct director *d = self;
    const struct rank *r = d->rank;
    struct suptree_look own;
    const struct spec_vertex *s;
    bool known;

    if (vertex >= r->vertices)
        return TW_ENOENT;
    s = &r->cx.spec->vertices[vertex];
    known = suptree_look(r->root->tree, vertex, engine_ms(r), &own) == 0;
    if (known && (s->kind == SPEC_ACTOR || r->cx.home_of[vertex] < 0)) {
        *ret = own;
        return 0;
    }
    *ret = (struct suptree_look){
        .parent = s->parent, .first_child = s->first_child, .next_sibling = s->next_sibling,
        .state = known ? own.state : (enum tree_state)r->table[vertex].engine_state,
        .starts = known ? own.starts : r->table[vertex].starts, .life = known ? own.life : r->table[vertex].life,
        .supervisor = s->kind == SPEC_SUPERVISOR, .significant = s->significant,
        .gone = known ? own.gone : r->table[vertex].state == VERTEX_GONE,
        .is_template = spec_is_template(r->cx.spec, vertex)};
    count(d, vertex, ret);
    return 0;
}

/* The rehearsal has found the same vertices. */
static int op_add(void *self, uint32_t parent, const struct suptree_spec *spec)
{
    const struct director *d = self;
    const struct spec_vertex *s = &d->rank->cx.spec->vertices[spec->id];

    return spec->id < d->rank->vertices && s->parent == parent && s->dynamic == spec->dynamic ? 0 : TW_ESTATE;
}

static void op_take(void *self, const struct suptree_input *in)
{
    struct director *d = self;
    const struct rank *r = d->rank;
    struct cell_stage cls = {.a = in->cls};
    struct act a = {.in = *in};

    if (in->kind == SUPTREE_EXITED)
        add_deed(d, r->cx.rank_of[in->vertex], STAGE_END, in->vertex, &cls);
    else if (in->kind == SUPTREE_KILLED_OUTSIDE)
        add_deed(d, home_of(r, in->vertex), STAGE_KILL, in->vertex, NULL);
    else if (in->kind == SUPTREE_ASKED)
        d->asked = NO_VERTEX;           /* root_looked let it go on */
    else
        add_act(d, &a);
}

/* Those who are to be found together are siblings: the engine of their supervisor waits. */
static void op_hold(void *self, uint32_t sibling, bool held)
{
    struct director *d = self;
    uint32_t supervisor = sibling == SUPTREE_NONE ? SPEC_NONE : d->rank->cx.spec->vertices[sibling].parent;

    if (supervisor != SPEC_NONE)
        add_deed(d, home_of(d->rank, supervisor), held ? STAGE_HOLD : STAGE_RELEASE, supervisor, NULL);
}

/* It goes ahead of what comes next, to all that may be about: cells between two ranks keep their order. */
static void tell_clock(struct director *d)
{
    uint64_t ms = d->script.ops->clock_ms(d->script.self);
    union cell c = {.stage = {.type = CELL_STAGE, .what = STAGE_CLOCK, .dst = CELL_NOBODY, .number = ms}};

    if (ms == d->told_clock_ms)
        return;
    d->told_clock_ms = ms;
    stage_do(d->rank, &c.stage);
    send_all(d->rank, &c);
}

/* Instances of a pool are told to stop all at once. */
static uint8_t class_of_stop(struct director *d, uint32_t vertex)
{
    const struct spec_vertex *all = d->rank->cx.spec->vertices;
    uint32_t parent = all[vertex].parent;
    bool at_once = all[parent].strategy == SIMPLE_ONE_FOR_ONE && d->stopping == parent;

    d->stopping = parent;
    return d->script.ops->stop(d->script.self, vertex, at_once);
}

/* -- the trace ------------------------------------------------------------------------------------ */

void director_record(struct rank *r, const struct stage_record *rec)
{
    struct director *d = r->root->director;

    if (d->record_count == d->record_room) {
        uint32_t room = d->record_room ? 2 * d->record_room : 256;
        struct stage_record *more = realloc(d->records, room * sizeof *more);

        if (!more) {
            root_fail(r, 71, "not enough memory for the trace of an event");
            return;
        }
        d->records = more;
        d->record_room = room;
    }
    d->records[d->record_count++] = *rec;
}

void director_down(struct rank *r, uint8_t cls)
{
    struct stage_record rec = {.stamp = ++r->stamp, .what = RECORD_TREE_DOWN, .cls = cls};

    director_record(r, &rec);
}

void director_result(struct rank *r, uint32_t vertex, uint64_t token, uint8_t answer)
{
    struct director *d = r->root->director;

    d->answers -= d->answers > 0;
    d->asked = vertex;
    d->script.ops->answer(d->script.self, vertex, token, answer);
    if (d->asked == NO_VERTEX)
        root_looked(r, vertex);
    d->asked = NO_VERTEX;
}

static int by_stamp(const void *a, const void *b)
{
    const struct stage_record *x = a, *y = b;

    if (x->stamp != y->stamp)
        return x->stamp < y->stamp ? -1 : 1;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static const uint64_t *sorting_started; /* qsort has no argument; the root has one thread */

static int by_latest_start(const void *a, const void *b)
{
    uint64_t x = sorting_started[((const struct stage_record *)a)->vertex];
    uint64_t y = sorting_started[((const struct stage_record *)b)->vertex];

    return x < y ? 1 : x > y ? -1 : 0;
}

/* What goes down with a killed supervisor has no order of its own, and homes tell of theirs one after another.  Returns
 * how many records from `rec` on do; they are in order then. */
static uint32_t order_lost(struct director *d, struct stage_record *rec, uint32_t count)
{
    uint32_t n = 0;

    while (n < count && rec[n].what == RECORD_LOST)
        n++;
    sorting_started = d->started;
    if (n > 1)
        qsort(rec, n, sizeof *rec, by_latest_start);
    return n;
}

/* From the first to the last: what is lost may have been started just before. */
static void order_records(struct director *d)
{
    struct stage_record *rec = d->records;

    qsort(rec, d->record_count, sizeof *rec, by_stamp);
    for (uint32_t i = 0, n; i < d->record_count; i += n ? n : 1) {
        if (rec[i].what == RECORD_START)
            d->started[rec[i].vertex] = ++d->starts;
        n = order_lost(d, rec + i, d->record_count - i);
    }
}

static void print_record(struct director *d, const struct stage_record *rec)
{
    struct suptree_effect e = {.kind = SUPTREE_DO_RECORD, .what = rec->what, .vertex = rec->vertex, .other = rec->other,
                               .starts = rec->starts, .cls = rec->cls, .cause = rec->cause};

    if (rec->what == RECORD_TREE_DOWN)
        d->script.ops->ended(d->script.self, rec->cls);
    else
        d->script.ops->record(d->script.self, &e);
}

static void flush_trace(struct director *d)
{
    if (d->record_count == 0)
        return;
    order_records(d);
    for (uint32_t i = 0; i < d->record_count; i++)
        print_record(d, &d->records[i]);
    d->record_count = 0;
}

/* -- cues ----------------------------------------------------------------------------------------- */

static void answer_cue(struct director *d)
{
    int to = d->cue_to;

    d->cue_to = -1;
    d->wave.rested = d->before.rested = false;      /* as long as it was waited for, that was rest */
    tell_clock(d);
    send_cell(d->rank, to, &d->cue);    /* to this rank, too: behind what a gate has sent to it */
}

/* What led to it is in the trace before whatever a gate says. */
void director_cue(struct rank *r, int from, uint32_t vertex, enum stage_deed what)
{
    struct director *d = r->root->director;
    union cell c = {.stage = {.type = CELL_STAGE, .what = what, .dst = vertex}};

    if (vertex >= r->vertices)
        return;
    flush_trace(d);
    if (what == STAGE_STARTS) {
        d->stopping = NO_VERTEX;
        c.stage.a = d->script.ops->start(d->script.self, vertex);
    } else {
        c.stage.a = class_of_stop(d, vertex);
    }
    if (d->cue_to >= 0)
        answer_cue(d);
    d->cue = c;
    d->cue_to = from;
    if (d->head == d->tail)
        answer_cue(d);
}

/* -- waves ---------------------------------------------------------------------------------------- */

bool director_rests(const struct rank *r)
{
    const struct director *d = r->root->director;

    return d->cue_to >= 0 || (d->answers == 0 && suptree_rests(r->root->tree));
}

static void send_wave(struct director *d)
{
    struct rank *r = d->rank;
    union cell c;

    d->wave = (struct wave){.number = d->wave.number + 1, .due = r->size, .rested = true};
    memset(&c, 0, sizeof c);
    c.wave.type = CELL_WAVE;
    c.wave.number = d->wave.number;
    c.wave.idle = d->cue_to >= 0;
    send_all(r, &c);
    stage_on_cell(r, r->me, &c);
}

void director_wave(struct rank *r, const struct cell_wave *c)
{
    struct wave *w = &r->root->director->wave;

    if (c->number != w->number || w->due == 0)
        return;
    w->due--;
    w->rested &= c->idle != 0;
    w->sent += c->sent;
    w->heard += c->heard;
}

/* The wave is over: does it say the same as the one before, that nothing moves? */
static bool is_quiet(struct director *d)
{
    const struct wave *now = &d->wave, *before = &d->before;
    bool quiet = now->rested && before->rested && now->sent == now->heard && now->sent == before->sent &&
                 now->heard == before->heard && before->number + 1 == now->number;

    d->before = *now;
    return quiet;
}

/* -- the script ----------------------------------------------------------------------------------- */

static void next_act(struct director *d)
{
    struct act a = d->acts[d->head++ % ACTS];

    if (a.deed.type)
        do_deed(d, &a);
    else
        do_input(d, &a.in);
}

/* All is quiet: the next act of the event in hand, or, when there is none, the next event. */
static void go_on(struct director *d)
{
    if (d->cue_to >= 0 && d->head == d->tail) {
        answer_cue(d);
    } else if (d->head == d->tail) {
        flush_trace(d);
        if (d->wave.number > 0)
            d->script.ops->settled(d->script.self);
        d->stopping = NO_VERTEX;
        if (d->script.ops->step(d->script.self) <= 0) {
            d->over = true;
            root_fail(d->rank, 0, "the scenario has come to its end");
            return;
        }
        tell_clock(d);
    }
    if (d->head != d->tail)
        next_act(d);
    d->before.rested = false;           /* two waves from here */
    d->quiet_by_us = d->rank->clock_us + QUIET_WITHIN_MS * 1000u;
}

void director_turn(struct rank *r)
{
    struct director *d = r->root->director;

    if (d->over || r->root->end != END_NOT_YET || d->wave.due > 0)
        return;
    if (d->wave.number == 0 || is_quiet(d))
        go_on(d);
    if (r->clock_us > d->quiet_by_us)
        root_fail(r, 70, "%s: an event has not come to rest within %u s", r->cx.scenario->file, QUIET_WITHIN_MS / 1000);
    if (!d->over)
        send_wave(d);
}

/* -- life ----------------------------------------------------------------------------------------- */

struct director *director_create(struct rank *r, struct reason *why)
{
    static const struct stage_ops ops = {op_look, op_add, op_take, op_hold};
    struct director *d = calloc(1, sizeof *d);

    if (!d)
        goto err_memory;
    d->rank = r;
    d->script = r->cx.scenario->script;
    d->asked = d->stopping = NO_VERTEX;
    d->cue_to = -1;
    d->acts = calloc(ACTS, sizeof *d->acts);
    d->started = calloc(r->vertices, sizeof *d->started);
    if (!d->acts || !d->started)
        goto err_memory;
    d->script.ops->attach(d->script.self, &ops, d);
    return d;

err_memory:
    director_destroy(d);
    reason_set(why, TW_ENOMEM, "not enough memory for a scenario");
    return NULL;
}

void director_destroy(struct director *d)
{
    if (!d)
        return;
    free(d->acts);
    free(d->records);
    free(d->started);
    free(d);
}
