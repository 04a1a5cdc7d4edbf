/* stage.c - what each rank does for a scenario: deeds, records, waves */
#include "sup/stage.h"

#include <stdlib.h>
#include <string.h>

#include "spec/spec.h"
#include "sup/root.h"

/* What the worker of scenarios understands (jobs/scenario/scenario.c). */
enum { START, START_FAILS, START_IGNORED };
enum { END_NORMAL = 1, END_SHUTDOWN = 2, END_ABNORMAL = 3 };

struct stage_vertex {
    uint64_t starting, stopping;        /* lives that wait for their cue; 0 = none */
    bool to_ask;                        /* ... and it has not been asked for */
    uint64_t ending;                    /* life that was told to end; 0 = none */
    uint32_t line, deadline_ms;         /* of what waits */
    bool resume;
};

struct stage {
    struct stage_vertex *v;             /* owned; per vertex */
    uint32_t endings, cues;             /* how many */
    uint32_t *asks, ask_count;          /* owned; vertices whose cue is asked for at the end of this turn */
    uint64_t clock_ms;
    uint64_t sent, heard;               /* control cells to and from other ranks */
    uint64_t wave;                      /* to be answered at the end of this turn; 0 = none */
    bool cued;                          /* ... although an engine may wait for a cue */
};

struct stage *stage_create(struct rank *r)
{
    struct stage *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->v = calloc(r->vertices, sizeof *s->v);
    s->asks = calloc(r->vertices, sizeof *s->asks);
    if (s->v && s->asks)
        return s;
    stage_destroy(s);
    return NULL;
}

void stage_destroy(struct stage *s)
{
    if (!s)
        return;
    free(s->v);
    free(s->asks);
    free(s);
}

uint64_t stage_clock_ms(const struct rank *r) { return r->stage->clock_ms; }

/* -- workers -------------------------------------------------------------------------------------- */

bool stage_start_was_ignored(const struct rank *r, uint32_t code) { return r->stage && code == START_IGNORED; }

uint32_t stage_class(const struct rank *r, uint32_t cls, uint32_t code)
{
    return r->stage && cls == CLASS_NORMAL && code == END_SHUTDOWN ? CLASS_SHUTDOWN : cls;
}

void stage_ended(struct rank *r, uint32_t vertex, uint64_t life)
{
    struct stage_vertex *v = &r->stage->v[vertex];

    if (v->ending != life)
        return;
    v->ending = 0;
    r->stage->endings--;
}

/* A message of its supervisor, the first of its line: every start of a scenario's worker is fresh. */
static void tell_worker(struct rank *r, uint32_t vertex, uint32_t what)
{
    union cell c;

    memset(&c, 0, sizeof c);
    c.msg.type = CELL_MSG;
    c.msg.src = r->cx.spec->vertices[vertex].parent;
    c.msg.dst = vertex;
    c.msg.life = CELL_LINES(1, devman_line(r->devman, vertex));
    c.msg.seq = c.msg.first = 1;
    c.msg.msg_type = what;
    devman_deliver(r->devman, &c, NULL, 0);
}

static void end_worker(struct rank *r, uint32_t vertex, uint32_t cls)
{
    static const uint32_t word[] = {[CLASS_NORMAL] = END_NORMAL, [CLASS_SHUTDOWN] = END_SHUTDOWN,
                                    [CLASS_KILLED] = 0, [CLASS_ABNORMAL] = END_ABNORMAL};
    struct stage_vertex *v = &r->stage->v[vertex];

    if (cls >= CLASS_COUNT || v->ending || !devman_runs(r->devman, vertex))
        return;
    v->ending = r->table[vertex].life;
    r->stage->endings++;
    if (word[cls])
        tell_worker(r, vertex, word[cls]);
    else
        devman_fence(r->devman, vertex);
}

/* -- cues ----------------------------------------------------------------------------------------- */

/* Behind the news of this turn: what a gate does depends on what is known of others. */
static void want_cue(struct rank *r, uint32_t vertex)
{
    r->stage->cues++;
    if (!r->stage->v[vertex].to_ask)
        r->stage->asks[r->stage->ask_count++] = vertex;
    r->stage->v[vertex].to_ask = true;
}

static void ask_cue(struct rank *r, uint32_t vertex)
{
    struct stage_vertex *v = &r->stage->v[vertex];
    enum stage_deed what = v->starting ? STAGE_STARTS : STAGE_STOPS;
    union cell c;

    v->to_ask = false;
    if (!v->starting && !v->stopping)
        return;                         /* killed meanwhile */
    if (is_root(r)) {
        director_cue(r, r->me, vertex, what);
        return;
    }
    memset(&c, 0, sizeof c);
    c.stage.type = CELL_STAGE;
    c.stage.src = vertex;
    c.stage.what = what;
    send_cell(r, 0, &c);
}

void stage_start(struct rank *r, uint32_t vertex, uint64_t life, uint32_t line, bool resume)
{
    struct stage_vertex *v = &r->stage->v[vertex];

    v->starting = life;
    v->line = line;
    v->resume = resume;
    want_cue(r, vertex);
}

/* Whoever is killed meanwhile needs no cue any more. */
static bool take_cue(struct rank *r, uint64_t *life, uint64_t *ret_life)
{
    *ret_life = *life;
    if (*life == 0)
        return false;
    *life = 0;
    r->stage->cues--;
    return true;
}

void stage_stop(struct rank *r, uint32_t vertex, uint64_t life, uint32_t how, uint32_t deadline_ms)
{
    struct stage_vertex *v = &r->stage->v[vertex];
    uint64_t waits;

    (void)take_cue(r, &v->stopping, &waits);
    if (v->starting == life && take_cue(r, &v->starting, &waits)) {
        rank_devman_ops.down(r, vertex, life, how == STOP_KILL ? CLASS_KILLED : CLASS_SHUTDOWN, CAUSE_SUPERVISOR, 0);
        return;
    }
    if (how == STOP_KILL || !r->cx.scenario->on_stop[vertex] || !devman_runs(r->devman, vertex)) {
        devman_stop(r->devman, vertex, life, how, deadline_ms);
        return;
    }
    v->stopping = life;
    v->deadline_ms = deadline_ms;
    want_cue(r, vertex);
}

static void cue_start(struct rank *r, uint32_t vertex, enum script_start how)
{
    static const uint64_t words[] = {[SCRIPT_STARTS] = START, [SCRIPT_FAILS] = START_FAILS,
                                     [SCRIPT_IGNORED] = START_IGNORED};
    struct stage_vertex *v = &r->stage->v[vertex];
    uint64_t life;

    if (!take_cue(r, &v->starting, &life))
        return;
    r->cx.scenario->start[vertex].u64 = words[how];
    devman_start(r->devman, vertex, life, v->line, v->resume, false);
}

static void cue_stop(struct rank *r, uint32_t vertex, uint32_t cls)
{
    struct stage_vertex *v = &r->stage->v[vertex];
    uint64_t life;

    if (!take_cue(r, &v->stopping, &life))
        return;
    if (cls == CLASS_KILLED)
        devman_stop(r->devman, vertex, life, STOP_KILL, KILL_DEADLINE_MS);
    else if (cls == CLASS_SHUTDOWN)
        devman_stop(r->devman, vertex, life, STOP_SHUTDOWN, v->deadline_ms);
    else
        end_worker(r, vertex, cls);
}

/* -- deeds ---------------------------------------------------------------------------------------- */

static void input(struct rank *r, bool at_root, const struct suptree_input *in)
{
    if (at_root)
        root_input(r, 0, in);
    else
        branch_input(r, in);
}

/* What a release brings has to be carried out: the loss of nobody makes the engine's home look. */
static void hold(struct rank *r, bool at_root, bool held)
{
    struct suptree_input nothing = {.kind = SUPTREE_LOST};

    if (at_root)
        root_hold(r, held);
    else
        suptree_hold(r->branches, held);
    if (!held)
        input(r, at_root, &nothing);
}

void stage_do(struct rank *r, const struct cell_stage *c)
{
    struct suptree_input kill = {.kind = SUPTREE_KILLED_OUTSIDE, .vertex = c->dst};
    bool at_root = c->dst < r->vertices && is_root(r) && r->cx.home_of[c->dst] < 0;

    if (c->what == STAGE_CLOCK)
        r->stage->clock_ms = c->number;
    if (c->dst >= r->vertices)
        return;
    switch (c->what) {
    case STAGE_STARTS: cue_start(r, c->dst, (enum script_start)(c->a % 3)); return;
    case STAGE_STOPS: cue_stop(r, c->dst, c->a); return;
    case STAGE_END: end_worker(r, c->dst, c->a); return;
    case STAGE_KILL: input(r, at_root, &kill); return;
    case STAGE_HOLD:
    case STAGE_RELEASE: hold(r, at_root, c->what == STAGE_HOLD); return;
    }
}

/* -- records -------------------------------------------------------------------------------------- */

void stage_recorded(struct rank *r, const struct journal_record *rec, const struct suptree_effect *e)
{
    struct stage_record here = {.stamp = rec->stamp, .index = rec->index, .rank = (uint32_t)r->me, .vertex = e->vertex,
                                .other = e->other, .starts = e->starts, .what = e->what, .cls = e->cls,
                                .cause = e->cause};
    union cell c;

    if (is_root(r)) {
        director_record(r, &here);
        return;
    }
    memset(&c, 0, sizeof c);
    c.stage.type = CELL_STAGE_RECORD;
    c.stage.seq = here.stamp;
    c.stage.number = here.index;
    c.stage.src = here.vertex;
    c.stage.dst = here.other;
    c.stage.what = here.what;
    c.stage.a = here.starts;
    c.stage.b = here.cls;
    c.stage.c = here.cause;
    send_cell(r, 0, &c);
}

static void on_record(struct rank *r, int from, const struct cell_stage *c)
{
    struct stage_record rec = {.stamp = c->seq, .index = c->number, .rank = (uint32_t)from, .vertex = c->src,
                               .other = c->dst, .starts = c->a, .what = (uint8_t)c->what, .cls = (uint8_t)c->b,
                               .cause = (uint8_t)c->c};

    if (is_root(r) && rec.vertex < r->vertices)
        director_record(r, &rec);
}

/* -- waves ---------------------------------------------------------------------------------------- */

/* Heartbeats, waves, messages of actors and questions of people come and go all the time. */
void stage_count(struct rank *r, const union cell *c, bool sent)
{
    switch (c->head.type) {
    case CELL_BEAT:
    case CELL_WAVE:
    case CELL_WAVE_OK:
    case CELL_MSG:
    case CELL_MSG_ACK:
    case CELL_MSG_NACK:
    case CELL_CMD:
    case CELL_CMD_REPLY:
    case CELL_GOODBYE: return;
    }
    if (sent)
        r->stage->sent++;
    else
        r->stage->heard++;
}

/* Whatever is to leave this rank, or to come from its own queues. */
static bool has_more_to_say(const struct rank *r)
{
    return r->branch_waiting > 0 || r->news_count > 0 || r->asked_count > 0 || rank_unsent(r) > 0 ||
           r->report_oldest <= r->report_seq;
}

static bool rests(const struct rank *r)
{
    const struct stage *s = r->stage;

    if (s->endings > 0 || s->ask_count > 0 || has_more_to_say(r) || !devman_rests(r->devman))
        return false;
    if (!s->cued && (s->cues > 0 || !suptree_rests(r->branches)))
        return false;
    return !is_root(r) || director_rests(r);
}

static void answer_wave(struct rank *r)
{
    struct stage *s = r->stage;
    union cell c;

    if (!s->wave)
        return;
    memset(&c, 0, sizeof c);
    c.wave.type = CELL_WAVE_OK;
    c.wave.number = s->wave;
    c.wave.idle = rests(r);
    c.wave.sent = s->sent;
    c.wave.heard = s->heard;
    s->wave = 0;
    if (is_root(r))
        director_wave(r, &c.wave);
    else
        send_cell(r, 0, &c);
}

void stage_on_cell(struct rank *r, int from, const union cell *c)
{
    if (!r->stage)
        return;
    switch (c->head.type) {
    case CELL_STAGE:
        if (is_root(r) && from != r->me)
            director_cue(r, from, c->stage.src, (enum stage_deed)c->stage.what);
        else
            stage_do(r, &c->stage);
        return;
    case CELL_STAGE_RECORD: on_record(r, from, &c->stage); return;
    case CELL_WAVE:
        r->stage->wave = c->wave.number;
        r->stage->cued = c->wave.idle != 0;
        return;
    case CELL_WAVE_OK:
        if (is_root(r))
            director_wave(r, &c->wave);
        return;
    }
}

void stage_turn(struct rank *r)
{
    if (!r->stage)
        return;
    for (uint32_t i = 0; i < r->stage->ask_count; i++)
        ask_cue(r, r->stage->asks[i]);
    r->stage->ask_count = 0;
    if (is_root(r))
        director_turn(r);
    answer_wave(r);
}
