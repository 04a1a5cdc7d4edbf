/* orders.c - what the root orders and what this rank answers; what became of lives, told to their home
 *
 * The home of an actor's supervisor is either this rank's own engine, then an answer is one more input of
 * it and costs no network, or the root's, then it is a numbered report, repeated until the root says that
 * it is in its log.
 */
#include "sup/rank_impl.h"
#include "store/letter.h"
#include "sup/stage.h"

#include <stdio.h>
#include <string.h>

static bool home_is_here(const struct rank *r, uint32_t vertex)
{
    return is_branch_here(r, r->cx.spec->vertices[vertex].parent);
}

/* -- from the root -------------------------------------------------------------------------------- */

static void start_branch(struct rank *r, const struct cell_order *c)
{
    struct suptree_input in = {.kind = SUPTREE_BRANCH_START, .vertex = c->dst, .life = c->life,
                               .line = 1, .reign = c->epoch & 0xfffffu, .fresh = c->how != 0,
                               .anew = c->how == START_ANEW, .move = c->flags & ORDER_MOVE};

    branch_input(r, &in);
}

static void stop_branch(struct rank *r, const struct cell_order *c)
{
    struct suptree_input in = {.kind = c->how == STOP_KILL ? SUPTREE_BRANCH_KILL : SUPTREE_BRANCH_STOP,
                               .vertex = c->dst, .life = c->life, .cls = (uint8_t)c->cls,
                               .linked = c->flags & ORDER_LINKED, .alone = c->flags & ORDER_ALONE};

    branch_input(r, &in);
}

/* What the root may order here: branches that live here, and actors that no branch here starts and ends. */
static bool is_for_root(const struct rank *r, uint32_t vertex)
{
    return vertex < r->vertices && (is_branch_here(r, vertex) || (r->cx.spec->vertices[vertex].kind == SPEC_ACTOR &&
                                                                  !home_is_here(r, vertex)));
}

void start_actor(struct rank *r, uint32_t vertex, uint64_t life, uint32_t line, enum start_how how, bool move)
{
    if (r->stage) {
        stage_start(r, vertex, life, line, how == START_RESUME);
        return;
    }
    if (how == START_ANEW)
        send_past(r, vertex);           /* before its commit is replaced */
    devman_start(r->devman, vertex, life, line, how == START_RESUME, move);
}

void stop_actor(struct rank *r, uint32_t vertex, uint64_t life, uint32_t how, uint32_t deadline_ms)
{
    if (r->stage)
        stage_stop(r, vertex, life, how, deadline_ms);
    else
        devman_stop(r->devman, vertex, life, how, deadline_ms);
}

/* Orders come in order and once over a live link; one that was executed is not executed again. */
void on_order(struct rank *r, const struct cell_order *c)
{
    if (!is_for_root(r, c->dst) || c->order <= r->orders_done)
        return;
    r->orders_done = c->order;
    if (c->type == CELL_START && is_branch_here(r, c->dst))
        start_branch(r, c);
    else if (c->type == CELL_START)
        start_actor(r, c->dst, c->life, c->line, (enum start_how)c->how, c->flags & ORDER_MOVE);
    else if (is_branch_here(r, c->dst))
        stop_branch(r, c);
    else
        stop_actor(r, c->dst, c->life, c->how == STOP_KILL ? STOP_KILL : STOP_SHUTDOWN, c->deadline_ms);
}

void on_drill(struct rank *r, const struct cell_drill *c)
{
    struct journal_record rec;
    int rc = TW_ENOENT;

    if (c->dst >= r->vertices)
        return;
    switch (c->how) {
    case DRILL_FAIL: rc = devman_drill(r->devman, c->dst, SLOT_DRILL_FAIL, (uint8_t)(c->how + 1)); break;
    case DRILL_OVERRUN: rc = devman_drill(r->devman, c->dst, SLOT_DRILL_OVERRUN, (uint8_t)(c->how + 1)); break;
    case DRILL_WEDGE: rc = devman_drill(r->devman, c->dst, SLOT_DRILL_WEDGE, (uint8_t)(c->how + 1)); break;
    case DRILL_SEGV: rc = devman_drill(r->devman, c->dst, SLOT_DRILL_SEGV, (uint8_t)(c->how + 1)); break;
    case DRILL_KILL_WORKER:
        rc = devman_signal_worker(r->devman, c->dst, DEVICE_KILL, (uint8_t)(c->how + 1));
        break;
    case DRILL_STOP_WORKER:
        rc = devman_signal_worker(r->devman, c->dst, DEVICE_STOP, (uint8_t)(c->how + 1));
        break;
    default: return;
    }
    rec = note(r, JOURNAL_DRILL, c->dst);
    rec.a = c->index;
    rec.b = c->step;
    snprintf(rec.text, sizeof rec.text, "%s%s", drill_how_name(c->how), rc == 0 ? "" : ": not running");
    noted(r, &rec);
    if (rc != 0) {      /* between two lives: the root draws the moment again */
        union cell back = {.drill = *c};

        back.head.type = CELL_DRILL_DUE;
        back.head.seq = 0;              /* the root's stamp is not ours */
        back.drill.flags = 1;
        send_cell(r, 0, &back);
    }
}

/* -- to the home ---------------------------------------------------------------------------------- */

void report(struct rank *r, uint32_t what, uint32_t vertex, uint64_t life, uint32_t cls, uint32_t cause,
            uint32_t detail, uint16_t flags)
{
    struct pending_report *p = &r->reports[++r->report_seq % r->report_room];

    if (p->sent_us) {
        end_rank(r, 70);        /* the root has answered nothing for as many reports: it is not there */
        return;
    }
    memset(&p->cell, 0, sizeof p->cell);
    p->cell.report.type = CELL_REPORT;
    p->cell.report.flags = flags;
    p->cell.report.seq = r->report_seq;
    p->cell.report.what = what;
    p->cell.report.src = vertex;
    p->cell.report.life = life;
    p->cell.report.cls = cls;
    p->cell.report.cause = cause;
    p->cell.report.detail = detail;
    p->cell.report.stamp = ++r->stamp;
    p->sent_us = r->clock_us ? r->clock_us : 1;
    send_cell(r, 0, &p->cell);
}

void on_report_ok(struct rank *r, const struct cell_report *c)
{
    struct pending_report *p = &r->reports[c->order % r->report_room];

    if (p->cell.report.seq == c->order)
        p->sent_us = 0;
}

void reports_again(struct rank *r)
{
    for (uint64_t seq = r->report_oldest; seq <= r->report_seq; seq++) {
        struct pending_report *p = &r->reports[seq % r->report_room];

        if (p->sent_us == 0) {
            r->report_oldest += seq == r->report_oldest;
            continue;
        }
        if (r->clock_us - p->sent_us < REPORT_AGAIN_MS * 1000u)
            continue;
        p->sent_us = r->clock_us;
        send_cell(r, 0, &p->cell);
    }
}

static void tell_home(struct rank *r, uint32_t what, uint32_t vertex, uint64_t life, uint32_t cls,
                      uint32_t cause, uint32_t code)
{
    bool ended = what == SUPTREE_EXITED || what == SUPTREE_START_FAILED;
    struct suptree_input in = {.kind = (uint16_t)what, .vertex = vertex, .life = life, .cls = (uint8_t)cls,
                               .cause = (uint8_t)cause, .fresh = ended && devman_is_spent(r->devman, vertex)};

    if (home_is_here(r, vertex))
        branch_input(r, &in);
    else
        report(r, what, vertex, life, cls, cause, code, in.fresh ? REPORT_SPENT : 0);
}

/* -- what the devices tell ------------------------------------------------------------------------ */

/* cls and cause: of a life that is over. */
static void address(struct rank *r, uint32_t vertex, uint64_t life, enum peer_status status, uint32_t cls,
                    uint32_t cause)
{
    struct view_vertex *v = &r->table[vertex];

    if (v->life != life)
        publish_before(r, vertex, VERTEX_ADDRESS);  /* how the one before ended, its watchers elsewhere want to know */
    v->end_cls = (uint8_t)cls;
    v->end_cause = (uint8_t)cause;
    v->life = life;
    v->line = devman_line(r->devman, vertex);
    v->rank = (uint16_t)r->me;
    v->device = devman_device(r->devman, vertex);
    v->slot = devman_slot(r->devman, vertex);
    r->status[vertex] = (uint8_t)status;
    publish(r, vertex, VERTEX_ADDRESS);
}

/* Who is forgotten will not come back, and with it nobody below: what is sent to them need not wait for that. */
void forgotten(struct rank *r, uint32_t top)
{
    const struct spec *s = r->cx.spec;

    for (uint32_t v = top; v != SPEC_NONE; v = spec_next_below(s, v, top))
        if (s->vertices[v].kind == SPEC_ACTOR && r->cx.rank_of[v] == r->me && r->status[v] == PEER_DOWN)
            address(r, v, r->table[v].life, PEER_GONE, r->table[v].end_cls, r->table[v].end_cause);
}

static void on_started(void *self, uint32_t vertex, uint64_t life, uint64_t resumed)
{
    struct rank *r = self;

    address(r, vertex, life, PEER_UP, 0, 0);
    if (resumed) {
        struct journal_record rec = note(r, JOURNAL_RESUMED, vertex);

        rec.life = life;
        rec.a = resumed;
        rec.b = devman_slot(r->devman, vertex);
        noted(r, &rec);
    }
    tell_home(r, SUPTREE_STARTED, vertex, life, 0, 0, 0);
}

static void note_fault(struct rank *r, uint32_t vertex, uint64_t life, uint32_t cause, uint32_t code)
{
    struct journal_record rec = note(r, JOURNAL_FAULT, vertex);

    rec.life = life;
    rec.cls = CLASS_ABNORMAL;
    rec.cause = (uint8_t)cause;
    rec.code = code;
    rec.a = devman_device(r->devman, vertex);
    if (devman_is_spent(r->devman, vertex))
        snprintf(rec.text, sizeof rec.text, "after %u deaths with this commit the next life begins from init",
                 r->cx.spec->vertices[vertex].resume_deaths);
    noted(r, &rec);
    r->cause_stamp = rec.stamp;
    r->table[vertex].code = code;
}

static void on_start_failed(void *self, uint32_t vertex, uint64_t life, uint32_t cause, uint32_t code)
{
    if (stage_start_was_ignored(self, code)) {
        tell_home(self, SUPTREE_START_IGNORED, vertex, life, 0, 0, 0);
        return;
    }
    note_fault(self, vertex, life, cause, code);
    tell_home(self, SUPTREE_START_FAILED, vertex, life, CLASS_ABNORMAL, cause, code);
}

static void on_room(void *self, uint32_t vertex, uint64_t life)
{
    tell_home(self, SUPTREE_ROOM, vertex, life, 0, 0, 0);
}

static void on_finishing(void *self, uint32_t vertex, uint64_t life)
{
    address(self, vertex, life, PEER_DRAINING, 0, 0);
}

static void on_down(void *self, uint32_t vertex, uint64_t life, uint32_t cls, uint32_t cause, uint32_t code)
{
    struct rank *r = self;

    if (cls == CLASS_ABNORMAL)
        note_fault(r, vertex, life, cause, code);
    if (r->table[vertex].life <= life)
        address(r, vertex, life, cls == CLASS_NORMAL ? PEER_GONE : PEER_DOWN, cls, cause);
    if (r->stage)
        stage_ended(r, vertex, life);
    tell_home(r, SUPTREE_EXITED, vertex, life, stage_class(r, cls, code), cause, code);
}

static void on_lost(void *self, const struct devman_loss *lost, uint32_t count, uint32_t cause)
{
    struct rank *r = self;
    struct suptree_input in = {.kind = SUPTREE_LOST, .cause = (uint8_t)cause};
    struct journal_record rec = note(r, JOURNAL_FAULT, lost[0].vertex);

    rec.cause = (uint8_t)cause;
    rec.cls = CLASS_KILLED;
    rec.a = devman_device(r->devman, lost[0].vertex);
    snprintf(rec.text, sizeof rec.text, "%u actors with their worker", count);
    noted(r, &rec);
    r->cause_stamp = rec.stamp;
    for (uint32_t i = 0; i < count; i++) {
        address(r, lost[i].vertex, lost[i].life, PEER_DOWN, CLASS_KILLED, cause);
        if (r->stage) {                 /* OTP knows no loss that is free */
            on_down(r, lost[i].vertex, lost[i].life, CLASS_KILLED, cause, 0);
        } else if (home_is_here(r, lost[i].vertex)) {
            in.batch[in.count].vertex = lost[i].vertex;
            in.batch[in.count++].life = lost[i].life;
        } else {
            report(r, SUPTREE_LOST, lost[i].vertex, lost[i].life, CLASS_KILLED, cause, 0, 0);
        }
    }
    if (in.count)
        branch_input(r, &in);
}

static int on_message(void *self, const union cell *c, const void *body, uint32_t bytes)
{
    struct rank *r = self;
    int to;

    if (c->head.dst >= r->vertices)
        return 0;
    to = r->cx.rank_of[c->head.dst];
    if (to == r->me) {
        devman_deliver(r->devman, c, body, bytes);
        return 0;
    }
    /* A rank that is gone takes nothing; the job is about to end or to move what was there. */
    return link_send(&r->cx.link, to, c, body, bytes) == TW_EFULL ? TW_EFULL : 0;
}

static void on_due(void *self, uint32_t vertex, uint64_t step)
{
    union cell c;

    memset(&c, 0, sizeof c);
    c.drill.type = CELL_DRILL_DUE;
    c.drill.src = vertex;
    c.drill.step = step;
    send_cell(self, 0, &c);
}

static uint64_t next_step(void *self, uint32_t vertex, uint64_t after)
{
    const struct rank *r = self;
    uint64_t best = 0;

    for (uint32_t i = 0; i < r->cx.drill_count; i++) {
        const struct drill *d = &r->cx.drills[i];

        if (d->trigger == DRILL_STEP && d->step_vertex == vertex && d->step > after &&
            (best == 0 || d->step < best))
            best = d->step;
    }
    return best;
}

static void on_logged(void *self, const struct cell_log *c)
{
    struct rank *r = self;
    struct journal_record rec = note(r, JOURNAL_LOG, c->src < r->vertices ? c->src : NO_VERTEX);

    rec.life = c->life;
    rec.code = c->code;
    rec.a = c->a;
    rec.b = c->b;
    noted(r, &rec);
}

/* NULL, or why the bytes are not kept. */
static const char *keep_letter(const struct rank *r, uint32_t number, const struct devman_letter *l)
{
    const struct rank_outlet *out = &r->cx.out;

    if (number > LETTERS_KEPT)
        return "its bytes are not kept: there are too many of this rank";
    return !out->letter || out->letter(out->self, number, l->body, l->bytes) == 0 ? NULL :
           "its bytes are not kept: the writer is behind";
}

/* The record comes before the fault that was the last of the row: the fault may have started the next life. */
static void on_letter(void *self, uint32_t vertex, uint64_t life, const struct devman_letter *l)
{
    struct rank *r = self;
    struct journal_record rec = note(r, JOURNAL_LETTER, vertex);
    uint32_t number = (uint32_t)++r->view.dead_letters;
    const char *lost = keep_letter(r, number, l);

    rec.life = life;
    rec.from = l->from;
    rec.a = l->number;
    rec.b = l->bytes;
    rec.code = l->type;
    if (lost)
        snprintf(rec.text, sizeof rec.text, "after %u deaths: %s", l->deaths, lost);
    else
        snprintf(rec.text, sizeof rec.text, "after %u deaths: " LETTER_NAME, l->deaths, r->cx.generation, r->me,
                 number);
    noted(r, &rec);
}

static void on_fault(void *self, const struct devman_fault *f)
{
    union cell c;

    memset(&c, 0, sizeof c);
    c.fault.type = CELL_FAULT;
    c.fault.life = f->injected_us;
    c.fault.seq = f->detected_us;
    c.fault.src = f->vertex;
    c.fault.resumed_us = f->resumed_us;
    c.fault.open = f->open;
    c.fault.uncommitted = f->uncommitted;
    c.fault.actors = f->actors;
    c.fault.cause = f->cause;
    c.fault.how = f->how;
    c.fault.device = f->device;
    send_cell(self, 0, &c);
}

static void on_worker(void *self, int device, int pid, const char *what)
{
    struct rank *r = self;
    struct journal_record rec = note(r, JOURNAL_WORKER, NO_VERTEX);

    rec.a = (uint64_t)device;
    rec.b = (uint64_t)pid;
    snprintf(rec.text, sizeof rec.text, "%s", what);
    noted(r, &rec);
    if (!strncmp(what, "down", 4))
        r->view.workers_lost++;
}

static void on_slot(void *self, int device, uint32_t slot, uint32_t vertex, const char *what)
{
    struct rank *r = self;
    struct journal_record rec = note(r, JOURNAL_SLOT, vertex);

    rec.a = (uint64_t)device;
    rec.b = slot;
    snprintf(rec.text, sizeof rec.text, "%s", what);
    noted(r, &rec);
    if (!strcmp(what, "fenced"))
        r->view.slots_fenced++;
}

/* Without the zygote no worker can be started or reaped: this rank ends itself as lost. */
static void on_keeper_gone(void *self)
{
    struct rank *r = self;
    union cell c;

    if (is_root(r)) {
        root_fail(r, 1, "rank 0: its zygote died: no worker can be started or reaped");
        return;
    }
    memset(&c, 0, sizeof c);
    c.verdict.type = CELL_UNFIT;
    c.verdict.rank = (uint32_t)r->me;
    send_cell(r, 0, &c);
}

const struct devman_ops rank_devman_ops = {
    .started = on_started, .start_failed = on_start_failed, .room = on_room, .finishing = on_finishing, .down = on_down,
    .lost = on_lost, .asked = on_asked, .message = on_message, .due = on_due, .next_step = next_step,
    .logged = on_logged, .letter = on_letter, .fault = on_fault,
    .worker = on_worker, .slot = on_slot, .keeper_gone = on_keeper_gone,
};

/* -- the stream sums ------------------------------------------------------------------------------ */

static void send_stream(struct rank *r, const struct slot_image *me, const struct stream *st, uint16_t flags)
{
    bool in = flags & STREAM_IN;
    union cell c;

    memset(&c, 0, sizeof c);
    c.stream.type = CELL_STREAM;
    c.stream.flags = flags;
    c.stream.src = me->vertex;
    c.stream.dst = st->peer;
    c.stream.line = in ? st->in_line : me->line;
    c.stream.a = in ? st->consumed : st->sent;
    c.stream.b = in ? st->in_base : st->lost;
    c.stream.c = in ? st->in_closed : st->dead;
    c.stream.d = in ? st->skipped : 0;
    send_cell(r, 0, &c);
}

static void send_streams_of(struct rank *r, uint32_t vertex, uint16_t flags)
{
    const void *commit = devman_commit(r->devman, vertex);
    const struct slot_image *image;
    const struct stream *streams;

    if (!commit)
        return;
    image = commit_image(commit, &streams);
    for (uint32_t i = 0; i < image->stream_count; i++) {
        if (streams[i].sent)
            send_stream(r, image, &streams[i], flags);
        if (streams[i].in_line)
            send_stream(r, image, &streams[i], flags | STREAM_IN);
    }
}

/* A child whose place another takes: what it delivered counts. */
void send_past(struct rank *r, uint32_t vertex)
{
    if (r->cx.rank_of[vertex] == r->me)
        send_streams_of(r, vertex, STREAM_PAST);
}

void send_streams(struct rank *r)
{
    devman_close_faults(r->devman);
    r->streams_left = r->vertices;
}

/* From the last commit of every actor that ran here: what is durable is what counts.  As many a turn as leave
 * the way to the root half free. */
void streams_turn(struct rank *r)
{
    const struct outgoing *o = &r->out[0];
    union cell c;

    if (r->streams_left == 0)
        return;
    while (r->streams_left > 0 && o->tail - o->head < r->out_room / 2)
        send_streams_of(r, --r->streams_left, 0);
    if (r->streams_left > 0)
        return;
    memset(&c, 0, sizeof c);
    c.sums.type = CELL_STREAMS_END;
    c.sums.restarts = (uint32_t)r->view.restarts;
    c.sums.giveups = (uint32_t)r->view.giveups;
    c.sums.workers_lost = (uint32_t)r->view.workers_lost;
    c.sums.slots_fenced = (uint32_t)r->view.slots_fenced;
    send_cell(r, 0, &c);
}
