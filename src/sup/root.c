/* root.c - rank 0: inputs through the log, the drill plan, and how a job ends */
#include "sup/root.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/raftlog.h"
#include "sup/root_impl.h"
#include "sup/stage.h"

/* -- the log -------------------------------------------------------------------------------------- */

static void take_committed(struct rank *r)
{
    struct root *root = r->root;
    struct raftlog_entry e;

    if (root->taking)
        return;                         /* effects of one entry before the next */
    root->taking = true;
    while (raftlog_take(root->log, &e)) {
        struct suptree_input in;

        memcpy(&in, e.input, sizeof in);
        (void)suptree_take(root->tree, e.tree_ms, &in);
        root_act(r, root->tree);
    }
    root->taking = false;
}

void root_input(struct rank *r, uint32_t source, const struct suptree_input *in)
{
    if (raftlog_append(r->root->log, engine_ms(r), source, in) < 0) {
        root_fail(r, 70, "the root's log is full: %u inputs at once", ROOT_LOG);
        return;
    }
    take_committed(r);
}

uint64_t root_next_order(struct rank *r, int to) { return ++r->root->orders[to]; }

/* What reports are about; other inputs of the engine are not for another rank to give. */
static bool is_report(const struct rank *r, const struct cell_report *c)
{
    switch (c->what) {
    case SUPTREE_STARTED:
    case SUPTREE_START_FAILED:
    case SUPTREE_START_IGNORED:
    case SUPTREE_EXITED:
    case SUPTREE_LOST:
    case SUPTREE_ROOM:
    case SUPTREE_QUARANTINED: return c->src < r->vertices && c->cls < CLASS_COUNT && c->cause < CAUSE_COUNT;
    }
    return false;
}

void root_on_report(struct rank *r, int from, const struct cell_report *c)
{
    struct suptree_input in = {.kind = (uint16_t)c->what, .vertex = c->src, .life = c->life,
                               .cls = (uint8_t)c->cls, .cause = (uint8_t)c->cause, .fresh = c->flags & REPORT_SPENT};
    union cell ok;

    memset(&ok, 0, sizeof ok);
    ok.report.type = CELL_REPORT_OK;
    ok.report.order = c->seq;
    if (c->seq > r->root->reported[from] && is_report(r, c)) {  /* else: answered before, or nonsense */
        r->root->reported[from] = c->seq;
        r->table[c->src].code = c->detail;
        if (c->what == SUPTREE_LOST) {
            in.count = 1;
            in.batch[0].vertex = c->src;
            in.batch[0].life = c->life;
        }
        root_input(r, (uint32_t)from, &in);
    }
    send_cell(r, from, &ok);
}

/* -- drills --------------------------------------------------------------------------------------- */

int root_drill(struct rank *r, uint32_t how, uint32_t vertex, uint32_t index, uint64_t step)
{
    union cell c;

    if (!r->cx.drills_allowed)
        return TW_EDENIED;
    if (r->cx.spec->vertices[vertex].kind != SPEC_ACTOR)
        return TW_EINVAL;
    memset(&c, 0, sizeof c);
    c.drill.type = CELL_DRILL;
    c.drill.dst = vertex;
    c.drill.how = how;
    c.drill.index = index;
    c.drill.step = step;
    send_cell(r, r->cx.rank_of[vertex], &c);
    return 0;
}

static void journal_drill(struct rank *r, uint32_t index)
{
    const struct drill *d = &r->cx.drills[index];
    struct journal_record rec = note(r, JOURNAL_DRILL, d->target);

    rec.a = index;
    rec.b = d->step;
    snprintf(rec.text, sizeof rec.text, "%s", drill_how_name(d->how));
    noted(r, &rec);
}

static void fire(struct rank *r, uint32_t index)
{
    const struct drill *d = &r->cx.drills[index];
    struct drill_state *s = &r->root->drills[index];

    if (!s->fired) {
        r->view.drills_fired++;
        r->view.drills_left--;
    }
    s->fired = true;
    s->fired_us = tree_us(r);
    s->again_us = 0;
    if (d->how == DRILL_KILL || d->how == DRILL_RESTART) {
        journal_drill(r, index);
        root_admin(r, d->how == DRILL_KILL ? SUPTREE_KILL : SUPTREE_RESTART, d->target, false,
                   TOKEN_DRILL | index);
    } else {
        (void)root_drill(r, d->how, d->target, index, d->step);
    }
}

static bool is_due(const struct rank *r, uint32_t index)
{
    const struct drill *d = &r->cx.drills[index];
    const struct drill_state *s = &r->root->drills[index];

    if (s->again_us)
        return tree_us(r) >= s->again_us;
    if (s->fired)
        return false;
    switch (d->trigger) {
    case DRILL_TIME: return tree_ms(r) >= d->tree_ms;
    case DRILL_STEP: return s->step_reached;
    case DRILL_AFTER:
        return index > 0 && r->root->drills[index - 1].settled_us &&
               tree_us(r) >= r->root->drills[index - 1].settled_us + d->after_ms * 1000u;
    }
    return false;
}

static void drills_turn(struct rank *r)
{
    for (uint32_t i = 0; i < r->cx.drill_count; i++)
        if (is_due(r, i))
            fire(r, i);
}

static void on_drill_due(struct rank *r, const struct cell_drill *c)
{
    if (c->flags) {                     /* the target was between two lives: again a little later */
        if (c->index < r->cx.drill_count)
            r->root->drills[c->index].again_us = tree_us(r) + DRILL_AGAIN_MS * 1000u;
        return;
    }
    for (uint32_t i = 0; i < r->cx.drill_count; i++) {
        const struct drill *d = &r->cx.drills[i];

        if (d->trigger == DRILL_STEP && d->step_vertex == c->src && d->step <= c->step)
            r->root->drills[i].step_reached = true;
    }
}

/* The operator's drills on branches: a fault as others are, from the kill to the restart's end. */
static void drill_result(struct rank *r, uint32_t index, uint8_t answer)
{
    struct root *root = r->root;
    const struct drill *d = &r->cx.drills[index];
    struct verdict_fault *f;

    if (answer == ANSWER_NOT_FOUND) {   /* its supervisor is not up: again a little later */
        root->drills[index].again_us = tree_us(r) + DRILL_AGAIN_MS * 1000u;
        return;
    }
    root->drills[index].settled_us = tree_us(r);
    if (d->how == DRILL_KILL && root->verdict.fault_count < VERDICT_FAULTS_MAX) {
        f = &root->verdict.faults[root->verdict.fault_count++];
        *f = (struct verdict_fault){.injected_us = root->drills[index].fired_us,
                                    .detected_us = tree_us(r)};
        snprintf(f->path, sizeof f->path, "%s", r->cx.spec->vertices[d->target].path);
        snprintf(f->how, sizeof f->how, "%s", drill_how_name(d->how));
        snprintf(f->cause, sizeof f->cause, "%s", exit_cause_name(CAUSE_OPERATOR));
        root->drills[index].fault = root->verdict.fault_count;
    }
    if (d->how == DRILL_RESTART && index > 0 && root->drills[index - 1].fault)
        root->verdict.faults[root->drills[index - 1].fault - 1].resumed_us = tree_us(r);
}

void root_result(struct rank *r, uint32_t vertex, uint64_t token, uint8_t answer)
{
    uint64_t drill = token & ~TOKEN_DRILL;

    if (token & TOKEN_SCENARIO && !r->root->director)
        return;                         /* nobody asked */
    if (token & TOKEN_SCENARIO)
        director_result(r, vertex, token & ~(TOKEN_SCENARIO | TOKEN_ASK), answer);
    else if (!(token & TOKEN_DRILL))
        command_result(r, vertex, token, answer);
    else if (drill < r->cx.drill_count)
        drill_result(r, (uint32_t)drill, answer);
}

/* A verb for a supervisor: the root's own engine decides, or the branch's home does. */
static void to_home(struct rank *r, uint32_t supervisor, const struct suptree_input *in)
{
    union cell c;

    if (r->cx.home_of[supervisor] < 0) {
        root_input(r, 0, in);
        return;
    }
    memset(&c, 0, sizeof c);
    c.admin.type = CELL_ADMIN;
    c.admin.dst = in->vertex;
    c.admin.verb = in->kind;
    c.admin.token = in->token;
    c.admin.flags = in->fresh;
    send_cell(r, r->cx.home_of[supervisor], &c);
}

void root_admin(struct rank *r, uint16_t verb, uint32_t vertex, bool fresh, uint64_t token)
{
    uint32_t supervisor = supervisor_of(r, verb, vertex);

    if (supervisor == SPEC_NONE)
        root_result(r, vertex, token, ANSWER_INVALID);
    else
        to_home(r, supervisor, &(struct suptree_input){.kind = verb, .vertex = vertex, .fresh = fresh, .token = token});
}

void root_ask(struct rank *r, uint32_t supervisor, uint64_t token)
{
    to_home(r, supervisor,
            &(struct suptree_input){.kind = SUPTREE_ASK, .vertex = supervisor, .token = token | TOKEN_ASK});
}

/* A home lets its own go on by itself. */
void root_looked(struct rank *r, uint32_t supervisor)
{
    struct suptree_input asked = {.kind = SUPTREE_ASKED, .vertex = supervisor};

    if (r->cx.home_of[supervisor] < 0)
        root_input(r, 0, &asked);
}

/* -- faults and sums ------------------------------------------------------------------------------ */

static void on_fault(struct rank *r, int from, const struct cell_fault *c)
{
    struct verdict *v = &r->root->verdict;
    struct verdict_fault *f;

    if (v->fault_count == VERDICT_FAULTS_MAX) {
        v->faults_dropped++;
        return;
    }
    f = &v->faults[v->fault_count++];
    *f = (struct verdict_fault){.injected_us = c->life, .detected_us = c->seq, .resumed_us = c->resumed_us,
                                .actors = c->actors, .open_messages = c->open,
                                .uncommitted = c->uncommitted};
    if (c->src < r->vertices)
        snprintf(f->path, sizeof f->path, "%s", r->cx.spec->vertices[c->src].path);
    else
        snprintf(f->path, sizeof f->path, "device:%d.%d", from, c->device);
    if (c->how)
        snprintf(f->how, sizeof f->how, "%s", drill_how_name(c->how - 1u));
    snprintf(f->cause, sizeof f->cause, "%s", exit_cause_name(c->cause));
}

static struct stream_sum *sum_of(struct root *root, uint32_t src, uint32_t dst)
{
    uint64_t h = ((uint64_t)src << 32 | dst) * 0x9e3779b97f4a7c15ull;

    for (uint32_t i = 0; i < STREAM_SUMS; i++) {
        struct stream_sum *s = &root->sums[(h + i) % STREAM_SUMS];

        if (!s->used)
            *s = (struct stream_sum){.src = src, .dst = dst, .used = true};
        if (s->src == src && s->dst == dst)
            return s;
    }
    return NULL;
}

/* What a child told that is no more. */
static void on_past_stream(struct stream_sum *s, const struct cell_stream *c)
{
    if (!(c->flags & STREAM_IN)) {
        s->past_sent += c->a;
        return;
    }
    if (c->line > s->past_line) {
        s->past_old += s->past_in;
        s->past_in = 0;
        s->past_line = c->line;
    }
    *(c->line == s->past_line ? &s->past_in : &s->past_old) += c->a - c->b;
    s->past_old += c->c;
    s->skipped += c->d;
}

static void on_stream(struct rank *r, const struct cell_stream *c)
{
    bool in = c->flags & STREAM_IN;
    struct stream_sum *s = in ? sum_of(r->root, c->dst, c->src) : sum_of(r->root, c->src, c->dst);

    if (!s) {
        r->root->verdict.streams.unmatched++;   /* more streams than the table holds: the sum says so */
        return;
    }
    if (c->flags & STREAM_PAST) {
        on_past_stream(s, c);
        return;
    }
    if (in) {
        s->has_in = true;
        s->in_line = c->line;
        s->consumed = c->a;
        s->in_base = c->b;
        s->in_closed = c->c;
        s->skipped += c->d;
    } else {
        s->has_out = true;
        s->out_line = c->line;
        s->sent = c->a;
        s->lost = c->b;
        s->dead = c->c;
    }
}

/* Numbers of lines that are over, of src's, count with those of past children. */
static void close_lines(struct stream_sum *s)
{
    if (s->has_in && (!s->has_out || s->in_line < s->out_line)) {
        s->past_old += s->consumed - s->in_base;
        s->consumed = s->in_base = 0;
        s->has_in = false;
    }
    if (!s->has_out || s->past_line < s->out_line) {
        s->past_old += s->past_in;
        s->past_in = 0;
    }
    s->past_old += s->in_closed;
    if (s->past_sent < s->past_old)     /* a line that ended without its commit told nobody what it had sent */
        s->past_sent = s->past_old;
}

static uint64_t less(uint64_t a, uint64_t b) { return a > b ? a - b : 0; }

/* accepted = delivered + in flight + dead + lost, each number counted once.  What was sent and not delivered is dead when
 * nobody is left to take it, else it is in flight.  What went to those in dst's place before was delivered, or it is dead
 * as its sender says, or lost with their state. */
static void close_sum(struct rank *r, struct stream_sum *s, struct verdict_streams *v)
{
    uint64_t sent, base, delivered, dead, lost;

    v->streams++;
    v->unmatched += s->has_in && !s->has_out && s->past_sent == 0;
    close_lines(s);
    sent = s->sent > s->consumed ? s->sent : s->consumed;
    base = s->has_in ? s->in_base : s->lost;
    delivered = less(s->consumed, base) + s->past_in;
    lost = less(base, s->past_in);
    dead = !s->has_in ? 0 : s->dead < lost ? s->dead : lost;
    v->accepted += sent + s->past_sent;
    v->delivered += delivered + s->past_old - s->skipped;
    v->lost += lost - dead;
    v->dead += dead + s->past_sent - s->past_old + s->skipped;
    if (s->dst < r->vertices && r->status[s->dst] == PEER_GONE)
        v->dead += less(sent, delivered + lost);
    else
        v->in_flight += less(sent, delivered + lost);
}

static void close_sums(struct rank *r, struct verdict_streams *v)
{
    for (uint32_t i = 0; i < STREAM_SUMS; i++)
        if (r->root->sums[i].used)
            close_sum(r, &r->root->sums[i], v);
}

/* -- the end -------------------------------------------------------------------------------------- */

static void finish(struct rank *r, int exit_code, const char *reason)
{
    struct root *root = r->root;
    union cell c;

    if (root->end != END_NOT_YET)
        return;
    root->end = END_SUMMING;
    root->verdict.exit_code = exit_code;
    snprintf(root->verdict.reason, sizeof root->verdict.reason, "%s", reason);
    root->verdict.elapsed_us = tree_us(r);
    root->sum_by_us = r->clock_us + STREAMS_MS * 1000u;
    r->view.phase = "stopping";
    memset(&c, 0, sizeof c);
    c.head.type = CELL_STREAMS;
    root->sums_due = 0;
    for (int to = 0; to < r->size; to++) {
        union cell copy = c;

        if (r->down[to])
            continue;
        root->sums_due++;
        send_cell(r, to, &copy);
    }
}

void root_fail(struct rank *r, int exit_code, const char *fmt, ...)
{
    char reason[256];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(reason, sizeof reason, fmt, ap);
    va_end(ap);
    finish(r, exit_code, reason);
}

/* The first branch that gave up and never came back, if any: that is what the job failed of. */
static uint32_t given_up(const struct rank *r)
{
    for (uint32_t v = 0; v < r->vertices; v++)
        if (r->gave_up[v].stands)
            return v;
    return NO_VERTEX;
}

static void giveup_text(const struct rank *r, uint32_t bad, char *text, size_t room)
{
    const struct spec_vertex *vertices = r->cx.spec->vertices, *v = &vertices[bad];
    const struct giveup *g = &r->gave_up[bad];
    const char *state = g->quarantined ? "is in quarantine" : "gave up";
    int n = 0;

    switch (g->how) {
    case GIVEUP_ESCALATED:
        snprintf(text, room, "%s %s: %s escalated (%s)", v->path, state, vertices[g->child].path,
                 exit_cause_name(g->cause));
        return;
    case GIVEUP_WINDOW:
        n = snprintf(text, room, "%s %s: more than %u restarts in %llu ms", v->path, state, v->intensity,
                     (unsigned long long)v->period_ms);
        break;
    case GIVEUP_CHILD_WINDOW:
        n = snprintf(text, room, "%s %s: more than %u restarts of one child in %llu ms", v->path, state,
                     v->extra ? v->extra->intensity_per_child : 0, (unsigned long long)v->period_ms);
        break;
    default:
        if (g->cause != CAUSE_NONE) {
            snprintf(text, room, "%s %s: %s", v->path, state, exit_cause_name(g->cause));
            return;
        }
        n = snprintf(text, room, "%s %s", v->path, state);
    }
    if (r->last_fault[0] && n > 0 && (size_t)n < room)
        snprintf(text + n, room - (size_t)n, "; last: %s", r->last_fault);
}

static void tree_ended(struct rank *r, const struct suptree_effect *e)
{
    uint32_t bad = given_up(r);
    struct journal_record rec = note(r, JOURNAL_TREE_DOWN, e->vertex);
    char why[256];

    rec.cls = e->cls;
    rec.cause = e->cause;
    noted(r, &rec);
    if (bad != NO_VERTEX) {
        giveup_text(r, bad, why, sizeof why);
        root_fail(r, 1, "%s", why);
    } else if (r->root->launch_lost)
        root_fail(r, 128 + r->root->signal, "launch was killed: the job stopped in order for it");
    else if (r->root->signal)
        root_fail(r, 128 + r->root->signal, "stopped in order after signal %d", r->root->signal);
    else if (e->cause == CAUSE_AUTO_SHUTDOWN)
        root_fail(r, 0, "done: every significant child ended, every failure was recovered");
    else
        root_fail(r, 1, "the tree went down: %s, %s", exit_class_name(e->cls), exit_cause_name(e->cause));
}

void root_tree_report(struct rank *r, const struct suptree_effect *e)
{
    if (r->stage && !r->root->signal && e->what != SUPTREE_STARTED)
        director_down(r, e->cls);
    else if (e->what == SUPTREE_START_FAILED)
        root_fail(r, 1, "the tree could not be started; last: %s", r->last_fault);
    else if (e->what == SUPTREE_EXITED)
        tree_ended(r, e);
}

static void tell_verdict(struct rank *r)
{
    union cell c;

    memset(&c, 0, sizeof c);
    c.verdict.type = CELL_VERDICT;
    c.verdict.exit_code = (uint32_t)r->root->verdict.exit_code;
    c.verdict.tree_us = tree_us(r);
    send_all(r, &c);
    end_rank(r, r->root->verdict.exit_code);
}

/* The others go when they hear of it, and then nobody is left to write one if this rank dies: so it is on disk
 * first. */
static void await_written(struct rank *r)
{
    if (journal_deferred(r->cx.journal) > 0 && r->clock_us < r->root->written_by_us)
        return;
    r->root->end = END_WRITTEN;
    tell_verdict(r);
}

static void write_verdict(struct rank *r)
{
    struct root *root = r->root;
    struct verdict *v = &root->verdict;
    struct journal_record rec;

    root->end = END_WRITING;
    root->written_by_us = r->clock_us + VERDICT_MS * 1000u;
    close_sums(r, &v->streams);
    v->restarts = (uint32_t)(suptree_restarts(root->tree) + r->view.restarts) + root->restarts;
    v->giveups = (uint32_t)r->view.giveups + root->giveups;
    v->workers_lost = root->workers_lost;
    v->slots_fenced = root->slots_fenced;
    v->drills = (uint32_t)r->view.drills_fired;
    v->drills_not_fired = (uint32_t)r->view.drills_left;
    rec = note(r, JOURNAL_STREAMS, NO_VERTEX);
    snprintf(rec.text, sizeof rec.text, "%llu = %llu + %llu + %llu + %llu",
             (unsigned long long)v->streams.accepted, (unsigned long long)v->streams.delivered,
             (unsigned long long)v->streams.in_flight, (unsigned long long)v->streams.dead,
             (unsigned long long)v->streams.lost);
    noted(r, &rec);
    rec = note(r, JOURNAL_VERDICT, NO_VERTEX);
    rec.a = (uint64_t)v->exit_code;
    snprintf(rec.text, sizeof rec.text, "%.79s", v->reason);
    noted(r, &rec);
    r->cx.out.verdict(r->cx.out.self, v);
}

static void end_turn(struct rank *r)
{
    struct root *root = r->root;

    if (root->end == END_SUMMING && (root->sums_due == 0 || r->clock_us >= root->sum_by_us))
        write_verdict(r);
    if (root->end == END_WRITING)
        await_written(r);
}

bool root_told_all(const struct rank *r)
{
    if (r->root->end != END_WRITTEN)
        return false;
    for (int to = 0; to < r->size; to++)
        if (to != r->me && !r->down[to] && r->out[to].head != r->out[to].tail)
            return false;
    return true;
}

/* The others end at once and send no sums: what is known now is what the verdict says. */
void root_launcher_lost(struct rank *r)
{
    root_fail(r, 1, "the launcher (mpirun) died under the job");
    r->root->sum_by_us = r->clock_us;
}

void root_peer_down(struct rank *r, int rank)
{
    root_fail(r, 1, "rank %d on %s was lost: this version ends the job when a rank dies", rank,
              r->ranks[rank].host);
    if (r->root->sums_due > 0)
        r->root->sum_by_us = r->clock_us + LOST_RANK_MS * 1000u;
}

/* Rank 0 is gone and with it the only log: the lowest rank left says so in its stead. */
void root_lost(struct rank *r)
{
    static const char reason[] = "rank 0 was lost, and with it the root: this version ends the job then";
    struct verdict *v;

    for (int lower = 1; lower < r->me; lower++)
        if (!r->down[lower]) {
            end_rank(r, 1);
            return;
        }
    v = calloc(1, sizeof *v);
    if (v) {
        root_fill_verdict(r, v);
        v->exit_code = 1;
        v->elapsed_us = tree_us(r);
        memcpy(v->reason, reason, sizeof reason);
        r->cx.out.verdict(r->cx.out.self, v);
        free(v);
    }
    end_rank(r, 1);
}

void root_signal(struct rank *r, int number)
{
    struct root *root = r->root;
    struct suptree_input in = {.kind = SUPTREE_BRANCH_STOP, .vertex = 0};
    struct journal_record rec = note(r, JOURNAL_SIGNAL, NO_VERTEX);
    bool launch_lost = number & SIGNAL_LAUNCH_LOST;

    number &= ~SIGNAL_LAUNCH_LOST;
    rec.a = (uint64_t)number;
    snprintf(rec.text, sizeof rec.text, "%s", launch_lost ? "launch was killed" : "");
    noted(r, &rec);
    if (root->end != END_NOT_YET)
        return;
    if (!root->signal) {
        root->signal = number;
        root->launch_lost = launch_lost;
        root->signal_us = r->clock_us;
    } else if (number == 2 && r->clock_us - root->signal_us > SIGNAL_TWICE_MS * 1000u) {
        in.kind = SUPTREE_BRANCH_KILL;  /* a second Ctrl-C, not the first one delivered twice */
    } else {
        return;
    }
    root_input(r, 0, &in);
}

/* -- cells for the root --------------------------------------------------------------------------- */

void root_on_cell(struct rank *r, int from, const union cell *c)
{
    switch (c->head.type) {
    case CELL_REPORT: root_on_report(r, from, &c->report); return;
    case CELL_DRILL_DUE: on_drill_due(r, &c->drill); return;
    case CELL_ADMIN_OK:
        r->root->counted = (struct view_children){c->admin.counts[0], c->admin.counts[2], c->admin.counts[3],
                                                  (int32_t)c->admin.counts[1]};
        root_result(r, c->admin.src, c->admin.token, (uint8_t)c->admin.answer);
        return;
    case CELL_FAULT: on_fault(r, from, &c->fault); return;
    case CELL_STREAM: on_stream(r, &c->stream); return;
    case CELL_STREAMS_END:
        if (from != r->me) {            /* what this one has counted is at hand, also when nobody waits for sums */
            r->root->restarts += c->sums.restarts;
            r->root->giveups += c->sums.giveups;
        }
        r->root->workers_lost += c->sums.workers_lost;
        r->root->slots_fenced += c->sums.slots_fenced;
        if (r->root->sums_due > 0)
            r->root->sums_due--;
        return;
    case CELL_SIGNAL:
        if ((c->verdict.exit_code & ~(uint32_t)SIGNAL_LAUNCH_LOST) < NSIG)
            root_signal(r, (int)c->verdict.exit_code);
        return;
    case CELL_UNFIT: root_fail(r, 1, "rank %d: its zygote died: no worker can be started there", from); return;
    }
}

/* Delayed restarts and shutdown deadlines; by way of the log, as all that the tree decides upon. */
static void tree_tick(struct rank *r)
{
    struct suptree_input in = {.kind = SUPTREE_TICK};

    if (suptree_due(r->root->tree) <= engine_ms(r))
        root_input(r, 0, &in);
}

void root_turn(struct rank *r)
{
    tree_tick(r);
    take_committed(r);
    if (r->root->end == END_NOT_YET && r->phase == RANK_RUNNING)
        drills_turn(r);
    commands_turn(r);
    end_turn(r);
}

/* -- life ----------------------------------------------------------------------------------------- */

void root_fill_verdict(const struct rank *r, struct verdict *v)
{
    v->generation = r->cx.generation;
    v->ranks = r->size;
    v->seed = r->cx.seed;
    v->ready_us = r->zero_us > r->cx.started_us ? r->zero_us - r->cx.started_us : 0;
    snprintf(v->name, sizeof v->name, "%s", r->cx.spec->name);
    snprintf(v->job, sizeof v->job, "%s", r->cx.job);
}

void root_start(struct rank *r)
{
    struct suptree_input in = {.kind = SUPTREE_BRANCH_START, .vertex = 0, .line = 1, .life = 1};
    struct journal_record rec = note(r, JOURNAL_JOB, NO_VERTEX);

    rec.a = (uint64_t)r->size;
    rec.b = r->cx.seed;
    snprintf(rec.text, sizeof rec.text, "begin %s", r->cx.job);
    noted(r, &rec);
    root_fill_verdict(r, &r->root->verdict);
    if (r->stage)
        return;                         /* the director starts it */
    if (r->cx.home_of[0] < 0) {
        root_input(r, 0, &in);
        return;
    }
    root_fail(r, 70, "the root supervisor has no home at the root");
}

void root_destroy(struct root *root)
{
    if (!root)
        return;
    director_destroy(root->director);
    suptree_destroy(root->tree);
    raftlog_destroy(root->log);
    free(root->orders);
    free(root->reported);
    free(root->drills);
    free(root->sums);
    free(root->matches);
    free(root);
}

const struct suptree *root_tree(const struct rank *r) { return r->root->tree; }

void root_hold(struct rank *r, bool held) { suptree_hold(r->root->tree, held); }

struct root *root_create(struct rank *r, struct reason *why)
{
    struct root *root = calloc(1, sizeof *root);

    if (!root)
        goto err_memory;
    root->orders = calloc((size_t)r->size, sizeof *root->orders);
    root->reported = calloc((size_t)r->size, sizeof *root->reported);
    root->drills = calloc(r->cx.drill_count + 1u, sizeof *root->drills);
    root->sums = calloc(STREAM_SUMS, sizeof *root->sums);
    root->matches = calloc(r->vertices, sizeof *root->matches);
    root->log = raftlog_create(ROOT_LOG, sizeof(struct suptree_input));
    if (!root->orders || !root->reported || !root->drills || !root->sums || !root->log ||
        !root->matches)
        goto err_memory;
    root->tree = engine_create(r, -1, why);
    if (root->tree && r->stage)
        root->director = director_create(r, why);
    if (root->tree && !root->director == !r->stage)
        return root;
    root_destroy(root);
    return NULL;

err_memory:
    root_destroy(root);
    reason_set(why, TW_ENOMEM, "not enough memory for the root");
    return NULL;
}
