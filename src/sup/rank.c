/* rank.c - the turn of one rank: drain the link, drain the devices, tick, act */
#include "sup/rank_impl.h"
#include "sup/stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define EVENTS_PER_TURN 256

/* -- the journal ---------------------------------------------------------------------------------- */

struct journal_record note(struct rank *r, uint16_t type, uint32_t vertex)
{
    return (struct journal_record){.stamp = ++r->stamp, .tree_us = tree_us(r), .type = type,
                                   .vertex = vertex, .cause_stamp = r->cause_stamp,
                                   .cause_rank = (uint16_t)r->me};
}

void noted(struct rank *r, struct journal_record *rec) { (void)journal_put(r->cx.journal, rec); }

/* Lamport: what arrives happened before what we do from now on. */
static void heard_stamp(struct rank *r, uint64_t stamp)
{
    if (stamp > r->stamp)
        r->stamp = stamp;
    r->stamp++;
}

/* -- control cells -------------------------------------------------------------------------------- *
 * Their number is bounded by what they are about (one order, report or state per vertex), so the queue
 * holds them all; running over means a peer has not read for minutes, and that ends this rank. */

void send_cell(struct rank *r, int to, union cell *c)
{
    struct outgoing *o = &r->out[to];

    if (r->down[to])
        return;
    c->head.seq = c->head.seq ? c->head.seq : ++r->stamp;
    if (r->stage && to != r->me)
        stage_count(r, c, true);
    if (to != r->me && o->head == o->tail && link_send(&r->cx.link, to, c, NULL, 0) == 0)
        return;
    if (o->tail - o->head == r->out_room) {
        log_error("rank %d: rank %d does not read what it is sent: giving up on it", r->me, to);
        r->down[to] = 1;
        return;
    }
    o->cells[o->tail++ % r->out_room] = *c;
}

void send_all(struct rank *r, union cell *c)
{
    for (int to = 0; to < r->size; to++)
        if (to != r->me) {
            union cell copy = *c;

            send_cell(r, to, &copy);
        }
}

/* 1 = some left and some are still here: their number may be more than the link takes at once. */
static int flush_out(struct rank *r)
{
    int more = 0;

    for (int to = 0; to < r->size; to++) {
        struct outgoing *o = &r->out[to];
        uint64_t before = o->head;

        if (to == r->me)
            continue;
        while (o->head != o->tail && !r->down[to] &&
               link_send(&r->cx.link, to, &o->cells[o->head % r->out_room], NULL, 0) == 0)
            o->head++;
        more |= o->head != before && o->head != o->tail;
    }
    return more;
}

/* -- the picture ---------------------------------------------------------------------------------- */

/* Who gave up in a place and was forgotten does not come back: another takes the place. */
static void note_forgotten(struct rank *r, uint32_t vertex)
{
    r->gave_up[vertex].forgotten |= r->table[vertex].state == VERTEX_GONE && r->cx.spec->vertices[vertex].dynamic &&
                                    r->gave_up[vertex].stands;
}

/* What a reason for people needs: who fell last, of what; who gave up and is not back. */
void note_death(struct rank *r, uint32_t vertex, uint8_t cls, uint8_t cause)
{
    if (cause == CAUSE_GIVEUP && r->cx.spec->vertices[vertex].kind == SPEC_SUPERVISOR) {
        r->gave_up[vertex].stands = true;
        note_forgotten(r, vertex);      /* that may have been told before */
    } else if (cls == CLASS_ABNORMAL && cause == CAUSE_CODE) {
        snprintf(r->last_fault, sizeof r->last_fault, "%.120s failed with code %u", r->cx.spec->vertices[vertex].path,
                 r->table[vertex].code);
    } else if (cls == CLASS_ABNORMAL) {
        snprintf(r->last_fault, sizeof r->last_fault, "%.120s %s", r->cx.spec->vertices[vertex].path,
                 exit_cause_name(cause));
    }
}

/* The other half: it is back, or it is kept down, whoever's engine that says. */
void note_state(struct rank *r, uint32_t vertex)
{
    struct giveup *g = &r->gave_up[vertex];
    bool actor = r->cx.spec->vertices[vertex].kind == SPEC_ACTOR;

    note_forgotten(r, vertex);
    if (r->table[vertex].state == VERTEX_RUNNING && !g->forgotten)
        *g = (struct giveup){0};
    else if (r->table[vertex].state == VERTEX_QUARANTINED && !g->stands)
        *g = (struct giveup){.stands = true, .quarantined = true, .cause = actor ? r->table[vertex].cause : CAUSE_NONE};
}

static void tally(struct view_vertex *v, const struct cell_vertex *c)
{
    v->tally[v->deaths++ % VIEW_TALLY] = (struct view_death){c->tree_us, c->cls, c->cause, c->rank, c->device};
    v->cls = c->cls;
    v->cause = c->cause;
}

/* These numbers become indices and words of directories. */
static bool is_picture(const struct cell_vertex *c)
{
    return (c->flags & VERTEX_STATUS) <= PEER_DRAINING && (c->state & 0xff) < VERTEX_STATE_COUNT &&
           c->state >> 8 <= TREE_RESTARTING && c->cls < CLASS_COUNT && c->cause < CAUSE_COUNT &&
           c->end_cls < CLASS_COUNT && c->end_cause < CAUSE_COUNT;
}

/* A state or address of a vertex, from whoever knows it. */
static void on_vertex(struct rank *r, const struct cell_vertex *c)
{
    struct view_vertex *v;

    if (c->dst >= r->vertices || !is_picture(c))
        return;
    v = &r->table[c->dst];
    if (c->flags & VERTEX_ADDRESS && c->life >= v->life) {
        v->life = c->life;
        v->line = c->line;
        v->rank = c->rank;
        v->device = c->device;
        v->slot = c->slot;
        r->status[c->dst] = c->flags & VERTEX_STATUS;
        devman_peer(r->devman, c->dst, c->life, c->line, c->flags & VERTEX_STATUS, c->end_cls, c->end_cause);
        asks_heard(r);
    }
    if (c->flags & VERTEX_RETRIES && r->cx.spec->vertices[c->dst].kind == SPEC_SUPERVISOR && !is_home_here(r, c->dst))
        v->retrying = c->retrying;
    if (c->flags & VERTEX_DEATH && !is_mourned_here(r, c->dst)) {
        v->code = c->code;
        tally(v, c);
        note_death(r, c->dst, c->cls, c->cause);
    }
    if (is_told_here(r, c->dst))
        return;                         /* nobody knows better than its own engine */
    if (c->flags & VERTEX_STATE) {     /* after its death: it may be back already */
        if (v->state != (c->state & 0xff))
            v->since_us = c->tree_us;
        v->state = (uint8_t)c->state;
        v->engine_state = (uint8_t)(c->state >> 8);
        v->starts = c->starts;
        if (r->cx.spec->vertices[c->dst].kind == SPEC_SUPERVISOR)
            v->life = c->life;
        note_state(r, c->dst);
        if (v->state == VERTEX_GONE)
            forgotten(r, c->dst);
    }
}

static void send_vertex(struct rank *r, uint32_t vertex)
{
    const struct view_vertex *v = &r->table[vertex];
    union cell c;

    memset(&c, 0, sizeof c);
    c.vertex.type = CELL_VERTEX;
    c.vertex.dst = vertex;
    c.vertex.life = v->life;
    c.vertex.line = v->line;
    c.vertex.flags = (uint16_t)(r->news[vertex] | r->status[vertex]);
    c.vertex.tree_us = tree_us(r);
    c.vertex.starts = v->starts;
    c.vertex.retrying = (uint16_t)v->retrying;
    c.vertex.state = (uint16_t)(v->state | v->engine_state << 8);
    c.vertex.cls = v->cls;
    c.vertex.cause = v->cause;
    c.vertex.code = v->code;
    c.vertex.rank = v->rank;
    c.vertex.device = v->device;
    c.vertex.slot = v->slot;
    c.vertex.end_cls = v->end_cls;
    c.vertex.end_cause = v->end_cause;
    send_all(r, &c);
}

/* One cell at the end of the turn for all that became of a vertex in it: a life that begins is an address and some
 * states, one that ends an address and a death.  Two lives, or deaths, are two cells: publish_before. */
void publish(struct rank *r, uint32_t vertex, uint32_t parts)
{
    const struct view_vertex *v = &r->table[vertex];

    if (parts & VERTEX_ADDRESS)
        devman_peer(r->devman, vertex, v->life, v->line, r->status[vertex], v->end_cls, v->end_cause);
    if (r->size == 1)
        return;
    if (r->news[vertex] == 0)
        r->news_of[r->news_count++] = vertex;
    r->news[vertex] |= (uint8_t)parts;
}

/* What is known of it so far leaves by itself: another life, or death, is about to take its place. */
void publish_before(struct rank *r, uint32_t vertex, uint32_t part)
{
    if (!(r->news[vertex] & part))
        return;
    send_vertex(r, vertex);
    r->news[vertex] = (uint8_t)part;    /* the new one's, at the end of the turn */
}

static void publish_news(struct rank *r)
{
    for (uint32_t i = 0; i < r->news_count; i++) {
        send_vertex(r, r->news_of[i]);
        r->news[r->news_of[i]] = 0;
    }
    r->news_count = 0;
}

const void *rank_commit(const struct rank *r, uint32_t vertex) { return devman_commit(r->devman, vertex); }
uint32_t rank_line(const struct rank *r, uint32_t vertex) { return devman_line(r->devman, vertex); }

uint64_t rank_unsent(const struct rank *r)
{
    uint64_t n = r->news_count;

    for (int to = 0; to < r->size; to++)
        n += r->down[to] ? 0 : r->out[to].tail - r->out[to].head;
    return n;
}

void rank_check(const struct rank *r)
{
    engines_check(r);
    devman_check(r->devman);
}

const struct view *rank_view(struct rank *r)
{
    r->view.tree_us = tree_us(r);
    for (int d = 0; d < r->cx.devices; d++) {
        devman_view(r->devman, d, &r->device_views[d]);
        if (r->cx.gpus && spec_is_cuda(r->cx.spec, (uint32_t)d))
            r->device_views[d].gpu = &r->cx.gpus[d];
    }
    for (uint32_t v = 0; v < r->vertices; v++)
        if (r->table[v].rank == r->me && r->cx.spec->vertices[v].kind == SPEC_ACTOR)
            r->table[v].progress = devman_progress(r->devman, v);
    return &r->view;
}

/* -- cells from ranks ----------------------------------------------------------------------------- */

static void on_beat(struct rank *r, int from, const struct cell_beat *c)
{
    r->ranks[from].heard_us = tree_us(r);
    if (from != 0 || is_root(r))
        return;
    /* Tree time is the root's; ours may only be moved forward, so it never runs back. */
    if (r->clock_us - c->tree_us < r->zero_us || r->phase == RANK_STARTING)
        r->zero_us = r->clock_us - c->tree_us;
    if (r->phase == RANK_STARTING)
        r->phase = RANK_RUNNING;
    r->view.phase = "running";
}

static void on_verdict(struct rank *r, const struct cell_verdict *c) { end_rank(r, (int)c->exit_code); }

/* The Lamport stamp a control cell carries: its number, unless that counts something else. */
static uint64_t stamp_of(const union cell *c)
{
    switch (c->head.type) {
    case CELL_MSG:
    case CELL_MSG_ACK:
    case CELL_MSG_NACK:
    case CELL_CMD:
    case CELL_CMD_REPLY:
    case CELL_FAULT: return 0;
    case CELL_BEAT: return c->beat.stamp;
    case CELL_REPORT: return c->report.stamp;
    }
    return c->head.seq;
}

static void take_cell(struct rank *r, int from, const union cell *c, const void *body, size_t bytes)
{
    if (from != r->me)
        heard_stamp(r, stamp_of(c));
    if (from != r->me && r->stage)
        stage_count(r, c, false);
    switch (c->head.type) {
    case CELL_MSG:
    case CELL_MSG_ACK:
    case CELL_MSG_NACK:
        devman_deliver(r->devman, c, body, (uint32_t)bytes);
        return;
    case CELL_BEAT: on_beat(r, from, &c->beat); return;
    case CELL_VERTEX: on_vertex(r, &c->vertex); return;
    case CELL_START:
    case CELL_STOP:
    case CELL_KILL: on_order(r, &c->order); return;
    case CELL_REPORT_OK: on_report_ok(r, &c->report); return;
    case CELL_ADMIN: on_admin(r, &c->admin); return;
    case CELL_ADMIN_OK:
        if (c->admin.token & TOKEN_CHILD)
            on_ask_answered(r, &c->admin);
        else if (is_root(r))
            root_on_cell(r, from, c);
        return;
    case CELL_DRILL: on_drill(r, &c->drill); return;
    case CELL_STREAMS: send_streams(r); return;
    case CELL_VERDICT: on_verdict(r, &c->verdict); return;
    case CELL_GOODBYE: r->left[from] = 1; return;
    case CELL_CMD:
    case CELL_CMD_REPLY: command_cell(r, from, &c->cmd, body, bytes); return;
    case CELL_STAGE:
    case CELL_STAGE_RECORD:
    case CELL_WAVE:
    case CELL_WAVE_OK: stage_on_cell(r, from, c); return;
    }
    if (is_root(r))
        root_on_cell(r, from, c);
}

static void peer_down(struct rank *r, int rank)
{
    struct journal_record rec;

    if (r->down[rank])
        return;
    r->down[rank] = 1;
    r->ranks[rank].up = 0;
    if (r->left[rank] || r->phase >= RANK_ENDING)
        return;
    rec = note(r, JOURNAL_PEER, NO_VERTEX);
    rec.a = (uint64_t)rank;
    strcpy(rec.text, "gone");
    noted(r, &rec);
    if (is_root(r))
        root_peer_down(r, rank);
    else if (rank == 0)
        root_lost(r);
}

static int drain_link(struct rank *r)
{
    int n;

    for (n = 0; n < EVENTS_PER_TURN; n++) {
        struct link_event e;

        link_poll(&r->cx.link, &e);
        if (e.kind == LINK_NOTHING)
            break;
        if (e.kind == LINK_PEER_DOWN) {
            peer_down(r, e.rank);
            continue;
        }
        if (cell_check(e.cell, e.bytes) == 0)
            take_cell(r, e.rank, e.cell, e.body, e.bytes);
    }
    return n > 0;
}

static int drain_own(struct rank *r)
{
    struct outgoing *o = &r->out[r->me];
    int n;

    for (n = 0; n < EVENTS_PER_TURN && o->head != o->tail; n++) {
        union cell c = o->cells[o->head++ % r->out_room];

        take_cell(r, r->me, &c, NULL, 0);
    }
    return n > 0;
}

/* -- ticks ---------------------------------------------------------------------------------------- */

static void beat(struct rank *r)
{
    union cell c;

    if (r->phase >= RANK_ENDING || (r->beat_us && r->clock_us - r->beat_us < BEAT_MS * 1000u))
        return;
    r->beat_us = r->clock_us;
    memset(&c, 0, sizeof c);
    c.beat.type = CELL_BEAT;
    c.beat.tree_us = tree_us(r);
    c.beat.stamp = ++r->stamp;
    if (is_root(r))
        send_all(r, &c);
    else if (r->phase == RANK_RUNNING)
        send_cell(r, 0, &c);
}

void end_rank(struct rank *r, int exit_code)
{
    if (r->phase >= RANK_ENDING)
        return;
    r->phase = RANK_ENDING;
    r->view.phase = "stopping";
    r->exit_code = exit_code;
    r->end_by_us = r->clock_us + QUIT_MS * 1000u;
    devman_quit(r->devman);
}

static void ending_turn(struct rank *r)
{
    if (r->phase == RANK_ENDING && (devman_busy(r->devman) == 0 || r->clock_us >= r->end_by_us)) {
        r->phase = RANK_ENDED;
        r->view.phase = "ended";
    }
}

int rank_ended(const struct rank *r, int *ret_exit_code)
{
    *ret_exit_code = r->exit_code;
    return r->phase == RANK_ENDED && (!is_root(r) || root_told_all(r));
}

int rank_turn(struct rank *r, uint64_t clock_us)
{
    int busy;

    r->clock_us = clock_us;
    r->cause_stamp = 0;
    busy = drain_link(r);
    busy |= drain_own(r);
    busy |= devman_turn(r->devman, clock_us / 1000, tree_us(r));
    branches_tick(r);
    beat(r);
    reports_again(r);
    streams_turn(r);
    if (is_root(r))
        root_turn(r);
    ending_turn(r);
    publish_news(r);
    if (is_root(r) && r->asked_count > 0)
        busy |= drain_own(r);           /* answers before these */
    answers_turn(r);
    stage_turn(r);
    return busy | flush_out(r);
}

void rank_signal(struct rank *r, int number)
{
    union cell c;

    if (is_root(r)) {
        root_signal(r, number);
        return;
    }
    memset(&c, 0, sizeof c);
    c.verdict.type = CELL_SIGNAL;
    c.verdict.exit_code = (uint32_t)number;
    send_cell(r, 0, &c);
}

/* Each rank sees its own launcher go; waiting for the root's word would be one more way to stay behind. */
void rank_launcher_lost(struct rank *r)
{
    if (is_root(r))
        root_launcher_lost(r);
    else
        end_rank(r, 1);
}

/* -- life ----------------------------------------------------------------------------------------- */

void rank_start(struct rank *r, uint64_t clock_us)
{
    struct journal_record rec;

    r->clock_us = clock_us;
    if (is_root(r))
        r->zero_us = clock_us;
    rec = note(r, JOURNAL_READY, NO_VERTEX);
    rec.a = (uint64_t)r->size;
    rec.b = (uint64_t)r->cx.devices;
    snprintf(rec.text, sizeof rec.text, "%s", r->view.devices_note);
    noted(r, &rec);
    (void)devman_open(r->devman, clock_us / 1000);
    if (!is_root(r))
        return;
    r->phase = RANK_RUNNING;
    r->view.phase = "running";
    beat(r);
    root_start(r);
}

static int allocate(struct rank *r)
{
    r->table = calloc(r->vertices, sizeof *r->table);
    r->ranks = calloc((size_t)r->size, sizeof *r->ranks);
    r->device_views = calloc((size_t)r->cx.devices, sizeof *r->device_views);
    r->status = calloc(r->vertices, 1);
    r->gave_up = calloc(r->vertices, sizeof *r->gave_up);
    r->news = calloc(r->vertices, 1);
    r->news_of = calloc(r->vertices, sizeof *r->news_of);
    r->out = calloc((size_t)r->size, sizeof *r->out);
    r->down = calloc((size_t)r->size, 1);
    r->left = calloc((size_t)r->size, 1);
    r->out_room = 16384 + 4 * r->vertices;      /* pages of it that nobody needs are never touched */
    r->report_room = 512 + 3 * r->vertices;     /* a life has a start and an end to tell */
    r->reports = calloc(r->report_room, sizeof *r->reports);
    r->asks = calloc((size_t)r->vertices * SLOT_ASKS, sizeof *r->asks);
    r->branch_room = 2 * r->vertices + 64;      /* one effect can bring an answer of every life */
    r->branch_queue = calloc(r->branch_room, BRANCH_INPUT_BYTES);
    if (!r->table || !r->ranks || !r->device_views || !r->status || !r->out || !r->down ||
        !r->left || !r->branch_queue || !r->reports || !r->asks || !r->gave_up ||
        !r->news || !r->news_of)
        return TW_ENOMEM;
    for (int i = 0; i < r->size; i++) {
        r->out[i].cells = calloc(r->out_room, sizeof *r->out[i].cells);
        if (!r->out[i].cells)
            return TW_ENOMEM;
    }
    return 0;
}

static void fill_view(struct rank *r)
{
    r->view = (struct view){.spec = r->cx.spec, .vertices = r->table, .ranks = r->ranks, .rank = r->me,
                            .rank_count = r->size, .job = r->cx.job, .name = r->cx.spec->name,
                            .state_dir = r->cx.state_dir, .generation = r->cx.generation,
                            .devices_note = r->cx.devices_note ? r->cx.devices_note : "", .phase = "starting",
                            .drills_allowed = r->cx.drills_allowed,
                            .drills_left = r->cx.drill_count, .seed = r->cx.seed};
    for (int i = 0; i < r->size; i++) {
        r->ranks[i].up = 1;
        strncpy(r->ranks[i].host, r->cx.host_of[i], sizeof r->ranks[i].host - 1);
        r->ranks[i].device_count = r->cx.devices_of ? r->cx.devices_of[i] : (uint16_t)r->cx.devices;
    }
    r->ranks[r->me].devices = r->device_views;
    for (uint32_t v = 0; v < r->vertices; v++) {
        r->table[v].rank = r->table[v].device = UINT16_MAX;
        r->table[v].state = r->cx.spec->vertices[v].dynamic ? VERTEX_GONE : VERTEX_NEW;
    }
}

static int create_devman(struct rank *r, struct reason *why)
{
    struct devman_config dc = {.spec = r->cx.spec, .program = r->cx.program, .rank_of = r->cx.rank_of,
                               .device_of = r->cx.device_of, .seed = r->cx.seed,
                               .rank = r->me, .devices = r->cx.devices, .played = !r->cx.gpus, .port = r->cx.port,
                               .ops = &rank_devman_ops, .self = r};

    r->devman = devman_create(&dc);
    return r->devman ? 0 : reason_set(why, TW_ENOMEM, "rank %d: not enough memory for its devices", r->me);
}

struct rank *rank_create(const struct rank_config *config, uint64_t clock_us, struct reason *why)
{
    struct rank *r = calloc(1, sizeof *r);

    if (!r) {
        reason_set(why, TW_ENOMEM, "not enough memory for a rank");
        return NULL;
    }
    r->cx = *config;
    r->me = link_rank(&config->link);
    r->size = link_size(&config->link);
    r->vertices = config->spec->vertex_count;
    r->clock_us = r->zero_us = clock_us;
    if (allocate(r) != 0) {
        reason_set(why, TW_ENOMEM, "not enough memory for the tables of %u vertices", r->vertices);
        goto err_destroy;
    }
    fill_view(r);
    if (config->scenario && !(r->stage = stage_create(r))) {
        reason_set(why, TW_ENOMEM, "not enough memory for a scenario");
        goto err_destroy;
    }
    if (create_devman(r, why) != 0 || engines_create(r, why) != 0)
        goto err_destroy;
    if (r->me == 0 && !(r->root = root_create(r, why)))
        goto err_destroy;
    return r;

err_destroy:
    rank_destroy(r);
    return NULL;
}

void rank_destroy(struct rank *r)
{
    if (!r)
        return;
    root_destroy(r->root);
    stage_destroy(r->stage);
    suptree_destroy(r->branches);
    devman_destroy(r->devman);
    for (int i = 0; r->out && i < r->size; i++)
        free(r->out[i].cells);
    free(r->table);
    free(r->ranks);
    free(r->device_views);
    free(r->status);
    free(r->gave_up);
    free(r->news);
    free(r->news_of);
    free(r->out);
    free(r->down);
    free(r->left);
    free(r->branch_queue);
    free(r->reports);
    free(r->asks);
    free(r);
}
