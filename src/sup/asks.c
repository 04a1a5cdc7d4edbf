/* asks.c - what actors ask of supervisors: a child started, a child stopped
 *
 * The rank of the asker keeps each request under its place, line and number: what it has seen before it does not do
 * again, but answers again once it knows the answer.  So a slot may ask as often as it likes.  Between ranks nothing is
 * lost: the request goes to the home of the supervisor as an operator's call does, its answer comes back by its token.
 * A place holds the last request only: the slot has committed that it had the answer to the one before.
 *
 * Who is told of a child may send to it at once, and that is for this child, not for one that was in its place before.
 * The answer brings what there is to know of an actor.  Of a branch the rank waits with it until it has heard of each
 * actor that the branch began with.
 */
#include "sup/rank_impl.h"

#include <stdio.h>
#include <string.h>

#include "slot/layout.h"

#define SERIALS 0x1000000u

_Static_assert((int)TW_CHILD_OK == ANSWER_OK && (int)TW_CHILD_ALREADY_STARTED == ANSWER_ALREADY_STARTED &&
                   (int)TW_CHILD_MAX_CHILDREN == ANSWER_MAX_CHILDREN && TW_CHILD_MAX_CHILDREN + 1 == ANSWER_COUNT,
               "an actor reads the engine's answers");

static uint64_t token_of(uint32_t vertex, uint32_t place, uint32_t serial)
{
    return TOKEN_CHILD | (uint64_t)serial << 34 | (uint64_t)place << 32 | vertex;
}

static void give(struct rank *r, uint32_t vertex, uint32_t place)
{
    const struct rank_ask *a = &r->asks[vertex * SLOT_ASKS + place];
    union cell c;

    memset(&c, 0, sizeof c);
    c.child.type = CELL_SLOT_ANSWER;
    c.child.dst = vertex;
    c.child.seq = a->number;
    c.child.line = a->line;
    c.child.place = place;
    c.child.answer = a->answer;
    c.child.what = a->what;
    c.child.child_life = a->life;
    devman_answer(r->devman, &c);
}

static void journal_ask(struct rank *r, uint16_t type, uint32_t vertex, const struct rank_ask *a)
{
    struct journal_record rec = note(r, type, vertex);

    rec.a = a->number;
    snprintf(rec.text, sizeof rec.text, "%s %.40s%s%s", a->verb == TW_CHILD_START_ ? "child-start" : "child-terminate",
             r->cx.spec->vertices[a->what].path, a->done ? ": " : "", a->done ? suptree_answer_name(a->answer) : "");
    noted(r, &rec);
}

static void settle(struct rank *r, uint32_t vertex, uint32_t place, uint8_t answer)
{
    struct rank_ask *a = &r->asks[vertex * SLOT_ASKS + place];

    a->done = true;
    a->answer = answer;
    journal_ask(r, JOURNAL_RESULT, vertex, a);
    give(r, vertex, place);
}

/* Whose supervisor it is about: a pool that is asked for an instance is it itself. */
uint32_t supervisor_of(const struct rank *r, uint32_t verb, uint32_t vertex)
{
    return verb == SUPTREE_SPAWN ? vertex : r->cx.spec->vertices[vertex].parent;
}

static void send_ask(struct rank *r, uint32_t vertex, uint32_t place)
{
    const struct rank_ask *a = &r->asks[vertex * SLOT_ASKS + place];
    uint32_t verb = a->verb == TW_CHILD_START_ ? start_verb(r, a->what) : SUPTREE_TERMINATE;
    uint32_t supervisor = supervisor_of(r, verb, a->what);
    union cell c;

    if (supervisor == SPEC_NONE) {
        settle(r, vertex, place, ANSWER_INVALID);       /* nobody starts or stops the root */
        return;
    }
    memset(&c, 0, sizeof c);
    c.admin.type = CELL_ADMIN;
    c.admin.dst = a->what;
    c.admin.verb = verb;
    c.admin.token = token_of(vertex, place, a->serial);
    c.admin.flags = 1;                  /* whoever is started begins from init */
    send_cell(r, r->cx.home_of[supervisor] < 0 ? 0 : r->cx.home_of[supervisor], &c);
}

static bool is_sane(const struct rank *r, const struct cell_child *c)
{
    return c->src < r->vertices && c->what < r->vertices && c->place < SLOT_ASKS && c->seq != 0 &&
           (c->verb == TW_CHILD_START_ || c->verb == TW_CHILD_TERMINATE_);
}

void on_asked(void *self, const struct cell_child *c)
{
    struct rank *r = self;
    struct rank_ask *a;

    if (!is_sane(r, c))
        return;
    a = &r->asks[c->src * SLOT_ASKS + c->place];
    if (c->line < a->line || (c->line == a->line && c->seq < a->number))
        return;                         /* of a life that is over */
    if (c->line == a->line && c->seq == a->number) {
        if (a->done)
            give(r, c->src, c->place);
        return;
    }
    *a = (struct rank_ask){.number = c->seq, .line = c->line, .serial = ++r->ask_serial % SERIALS, .verb = c->verb,
                           .what = c->what, .listed = a->listed, .next = a->next};
    journal_ask(r, JOURNAL_COMMAND, c->src, a);
    send_ask(r, c->src, c->place);
}

/* From the engine that decided: to the rank of who asked. */
void ask_result(struct rank *r, const struct suptree_effect *e)
{
    uint32_t vertex = (uint32_t)e->token;
    union cell c;

    if (vertex >= r->vertices)
        return;
    memset(&c, 0, sizeof c);
    c.admin.type = CELL_ADMIN_OK;
    c.admin.src = e->vertex;
    c.admin.life = e->life;
    c.admin.token = e->token;
    c.admin.answer = e->what;
    c.admin.counts[0] = e->line;
    send_cell(r, r->cx.rank_of[vertex], &c);
}

/* The answer may be here before the news of the child: it is not to be taken for the one that was there before. */
static void learn(struct rank *r, uint32_t child, uint64_t life, uint32_t line)
{
    struct view_vertex *v = &r->table[child];

    if (r->cx.spec->vertices[child].kind != SPEC_ACTOR || r->cx.rank_of[child] == r->me || life <= v->life)
        return;
    v->life = life;
    v->line = line;
    r->status[child] = PEER_UP;
    devman_peer(r->devman, child, life, line, PEER_UP, 0, 0);
}

/* What is known of an actor is of the branch whose top began with that life, or of later.  One engine's lives rise; a
 * home of its own counts from the life that it was started with, as its reign. */
static bool is_of(const struct rank *r, uint32_t actor, uint32_t top, uint64_t life)
{
    const struct spec_vertex *all = r->cx.spec->vertices;
    uint64_t known = r->table[actor].life;

    if (r->cx.home_of[all[actor].parent] == r->cx.home_of[all[top].parent])
        return known > life;
    return known != 0 && (((known >> 32) - life) & 0xfffffu) < 0x80000u;
}

/* Not what comes and goes within the branch. */
static bool begins_with(const struct spec *s, uint32_t actor, uint32_t top)
{
    for (uint32_t v = actor; v != top; v = s->vertices[v].parent)
        if (s->vertices[v].dynamic || spec_is_template(s, v))
            return false;
    return s->vertices[actor].kind == SPEC_ACTOR;
}

static bool has_heard(const struct rank *r, uint32_t top, uint64_t life)
{
    const struct spec *s = r->cx.spec;

    for (uint32_t v = top; v != SPEC_NONE; v = spec_next_below(s, v, top))
        if (v != top && begins_with(s, v, top) && !is_of(r, v, top, life))
            return false;
    return true;
}

/* Those of the list that need not wait any more are told. */
void asks_heard(struct rank *r)
{
    uint32_t *link = &r->asks_waiting;

    while (*link) {
        uint32_t i = *link - 1;
        struct rank_ask *a = &r->asks[i];

        if (a->answered && !a->done && !has_heard(r, a->what, a->life)) {
            link = &a->next;
            continue;
        }
        *link = a->next;
        a->listed = false;
        if (a->answered && !a->done)
            settle(r, i / SLOT_ASKS, i % SLOT_ASKS, a->answer);
    }
}

static void wait_to_hear(struct rank *r, uint32_t i)
{
    if (!r->asks[i].listed) {
        r->asks[i].next = r->asks_waiting;
        r->asks_waiting = 1 + i;
    }
    r->asks[i].listed = true;
    asks_heard(r);
}

void on_ask_answered(struct rank *r, const struct cell_admin *c)
{
    uint32_t vertex = (uint32_t)c->token, place = (uint32_t)(c->token >> 32) & 3u;
    struct rank_ask *a = vertex < r->vertices ? &r->asks[vertex * SLOT_ASKS + place] : NULL;
    bool there = c->answer == ANSWER_OK || c->answer == ANSWER_ALREADY_STARTED;

    if (!a || a->serial != ((uint32_t)(c->token >> 34) & (SERIALS - 1)) || a->answered || c->src >= r->vertices ||
        (uint32_t)c->answer >= ANSWER_COUNT)
        return;                         /* who asked has begun anew since */
    a->what = c->src;
    a->life = c->life;
    a->answer = (uint8_t)c->answer;
    a->answered = true;
    if (a->verb == TW_CHILD_START_ && there && r->cx.spec->vertices[c->src].kind == SPEC_SUPERVISOR) {
        wait_to_hear(r, vertex * SLOT_ASKS + place);
        return;
    }
    if (a->verb == TW_CHILD_START_ && there)
        learn(r, c->src, c->life, c->counts[0]);
    settle(r, vertex, place, a->answer);
}
