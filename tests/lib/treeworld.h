/* treeworld.h - a supervision engine and a world that answers when it likes, for tests/sim/explore and storm
 *
 * The engine's source is included, so that a test can copy it whole and see what it counts.  The world holds what is
 * true of each actor, whatever the engine believes: which life runs, which orders are under way, what was said last.
 * A move is one thing that can happen next: an order is carried out, or fails; an actor crashes, or all of a device are
 * lost; a person calls; an answer comes once more; time passes.  What has to hold is looked at after every move, and
 * whenever nothing is under way.  VERTICES: how many there may be.
 */
#ifndef TW_TESTS_TREEWORLD_H
#define TW_TESTS_TREEWORLD_H

#include "core/suptree.c"
#include "core/suptree_build.c"
#include "core/suptree_decide.c"
#include "core/suptree_look.c"
#include "core/suptree_retire.c"
#include "core/suptree_save.c"

#include <setjmp.h>
#include <stdio.h>

/* The engine's own assertions are some of what has to hold: in place of the library's way to end the process. */
static jmp_buf asserting;
static const char *asserted;

void __assert_fail(const char *what, const char *file, unsigned line, const char *function)
{
    (void)file;
    (void)line;
    (void)function;
    asserted = what;
    longjmp(asserting, 1);
}

struct leaf { uint64_t up, start, stop, newest, last; uint8_t last_kind, last_cls; };

struct world {
    struct suptree t;                   /* its arrays are the ones below, or its own */
    struct vertex v[VERTICES];
    struct msg msgs[4 * VERTICES + 64];
    uint64_t windows[VERTICES][4];
    uint32_t run[VERTICES], changes[VERTICES];
    struct leaf leaf[VERTICES];
    uint64_t now_ms;
    uint32_t boots;                     /* of the whole tree: each a reign of its own */
    uint32_t asked, pending;            /* calls so far; tokens without an answer, as bits */
    uint8_t down[32];                   /* per token: 1 + the vertex that must be down when it is answered; 0 = none */
    bool tell;                          /* print what the engine records */
    void (*between)(struct world *w);   /* before each input; NULL: nothing */
    uint64_t said;                      /* a hash of all effects so far, in order */
    const char *wrong;                  /* the first thing that did not hold; NULL */
    uint64_t rests;                     /* times nothing was under way */
};

static const char *const records[] = {
#define X(name, text) text,
    SUPTREE_RECORD_LIST(X)
#undef X
};

static void broken(struct world *w, const char *what) { w->wrong = w->wrong ? w->wrong : what; }

static bool is_below(const struct world *w, uint32_t c, uint32_t top)
{
    for (; c != NONE; c = w->t.v[c].parent)
        if (c == top)
            return true;
    return false;
}

static void none_lives_below(struct world *w, uint32_t top)
{
    for (uint32_t c = 0; c < w->t.count; c++)
        if (is_below(w, c, top) && (w->leaf[c].up || w->leaf[c].start))
            broken(w, "a life below what was answered to be down");
}

static void note_effect(struct world *w, const struct suptree_effect *e)
{
    const uint64_t words[] = {e->kind, e->cls, e->cause, e->what, e->how, e->fresh, e->move, e->linked, e->alone,
                              e->anew, e->vertex, e->other, e->line, e->starts, e->deadline_ms,
                              e->count, e->life, e->token};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        w->said = (w->said ^ words[i]) * 0x100000001b3ull + 1;
}

/* A call starts it as a child that was not there, by itself or with a branch: those above it wait for that. */
static bool is_called_anew(const struct world *w, uint32_t c)
{
    uint32_t s = w->t.v[c].parent;

    while (s != NONE && w->t.v[s].act == ACT_BOOT)
        s = w->t.v[s].parent;
    return s != NONE && w->t.v[s].act == ACT_ADMIN_START && w->t.v[s].admin_new;
}

static void look_at_start(struct world *w, const struct suptree_effect *e)
{
    const struct vertex *x = &w->t.v[e->vertex];

    if (x->life != e->life || x->killer != NONE || (x->state != TREE_STARTING && x->work != WORK_STARTING))
        return;                         /* killed meanwhile */
    if (e->anew != is_called_anew(w, e->vertex))
        broken(w, "who is in another's place is told so, and nobody else is");
    if (e->anew && !e->fresh)
        broken(w, "who is in another's place begins from init");
}

static void on_effect(struct world *w, const struct suptree_effect *e)
{
    struct leaf *l = &w->leaf[e->vertex];

    note_effect(w, e);
    if (w->tell && e->kind == SUPTREE_DO_RECORD)
        printf("#     %s %u\n", records[e->what], e->vertex);
    switch (e->kind) {
    case SUPTREE_DO_START:
        if (l->up || l->start)
            broken(w, "a second life while one may run");
        if (e->life <= l->newest)
            broken(w, "a life that does not rise");
        look_at_start(w, e);
        l->newest = l->start = e->life;
        return;
    case SUPTREE_DO_STOP:
        if (e->life != l->up && e->life != l->start && e->life != l->last)
            broken(w, "a stop of a life that never was");
        l->stop = e->life;
        return;
    case SUPTREE_DO_RESULT:
        if (!(w->pending >> e->token & 1))
            broken(w, "an answer to what was not asked, or twice");
        w->pending &= ~(1u << e->token);
        if (w->down[e->token] && e->what == ANSWER_OK)
            none_lives_below(w, w->down[e->token] - 1u);
        w->down[e->token] = 0;
        return;
    }
}

/* Something runs for it: an actor, or a supervisor with work of its own. */
static bool is_leaf(const struct world *w, uint32_t c) { return !w->t.v[c].spec.supervisor || w->t.v[c].spec.works; }

/* Nothing is under way: the engine is at rest, and it and the world agree about who lives. */
static void at_rest(struct world *w)
{
    w->rests++;
    if (!suptree_quiet(&w->t))
        broken(w, "nothing is under way, and the engine waits");
    if (w->pending)
        broken(w, "nothing is under way, and a call has no answer");
    for (uint32_t c = 0; c < w->t.count; c++)
        if (is_leaf(w, c) && w->leaf[c].up != (w->t.v[c].state == TREE_RUNNING ? w->t.v[c].life : 0))
            broken(w, "engine and world do not agree about who lives");
}

static void take_in_or_jump(struct world *w, struct suptree_input *in)
{
    struct leaf *l = &w->leaf[in->vertex];
    const struct suptree_effect *e;
    bool under_way = false;

    if (in->kind == SUPTREE_STARTED || in->kind == SUPTREE_START_FAILED || in->kind == SUPTREE_EXITED) {
        l->last_kind = (uint8_t)in->kind;
        l->last_cls = in->cls;
        l->last = in->life;
    }
    if (w->between)
        w->between(w);
    (void)suptree_take(&w->t, w->now_ms, in);
    while ((e = suptree_next_effect(&w->t)))
        on_effect(w, e);
    while (suptree_next_changed(&w->t) != SUPTREE_NONE)
        continue;
    suptree_check(&w->t);
    for (uint32_t c = 0; c < w->t.count; c++)
        under_way |= w->leaf[c].start || w->leaf[c].stop;
    if (!under_way)
        at_rest(w);
}

static void take_in(struct world *w, struct suptree_input *in)
{
    if (setjmp(asserting))
        broken(w, asserted);
    else
        take_in_or_jump(w, in);
}

/*    move         free: it takes none of the events a test allows                                      */
#define MOVE_LIST(X)                                                                                     \
    X(STARTS,     "starts",      true)  X(START_FAILS, "start fails", false)                             \
    X(STOPS,      "stops",       true)  X(STOPS_LATE,  "stops badly", true)                              \
    X(CRASHES,    "crashes",     false) X(ENDS,        "ends", false)                                    \
    X(AGAIN,      "is told of again", false)                                                             \
    X(TERMINATED, "terminate",   false) X(KILLED,      "kill", false)                                    \
    X(RESTARTED,  "restart",     false) X(DELETED,     "delete", false)                                  \
    X(SPAWNED,    "spawn",       false)                                                                  \
    X(SUP_DIES,   "is killed",   false) X(ROOM,        "has room", true)                                 \
    X(ALL_LOST,   "all are lost", false)                                                                 \
    X(TIME,       "time passes", true)  X(BOOTS,       "boots", false)
enum move {
#define X(name, text, free) MOVE_##name,
    MOVE_LIST(X)
#undef X
    MOVE_COUNT
};

static const char *const move_names[] = {
#define X(name, text, free) text,
    MOVE_LIST(X)
#undef X
};
static const bool move_is_free[] = {
#define X(name, text, free) free,
    MOVE_LIST(X)
#undef X
};

/* An order of a leaf is carried out.  Orders of one vertex come in their order. */
static bool carry_out(struct world *w, enum move m, uint32_t c, struct suptree_input *in)
{
    struct leaf *l = &w->leaf[c];

    if (m == MOVE_STARTS || m == MOVE_START_FAILS) {
        if (!l->start || (l->stop && l->stop < l->start))
            return false;
        in->kind = m == MOVE_STARTS ? SUPTREE_STARTED : SUPTREE_START_FAILED;
        in->life = l->start;
        in->cause = m == MOVE_START_FAILS && c % 2 ? CAUSE_CAPACITY : in->cause;
        l->up = m == MOVE_STARTS ? l->start : l->up;
        l->start = 0;
        return true;
    }
    if (!l->stop || l->stop == l->start)
        return false;
    in->life = l->stop;
    in->cls = m == MOVE_STOPS ? CLASS_SHUTDOWN : CLASS_ABNORMAL;
    l->up = l->stop == l->up ? 0 : l->up;       /* else it is long over: the answer is given again */
    l->stop = 0;
    return true;
}

static bool end_itself(struct world *w, enum move m, uint32_t c, struct suptree_input *in)
{
    struct leaf *l = &w->leaf[c];

    if (!l->up)
        return false;
    in->life = l->up;
    in->cls = m == MOVE_ENDS ? CLASS_NORMAL : CLASS_ABNORMAL;
    l->up = 0;
    return true;
}

static bool lose_all(struct world *w, struct suptree_input *in)
{
    in->kind = SUPTREE_LOST;
    in->cause = CAUSE_WORKER;
    for (uint32_t c = 0; c < w->t.count; c++) {
        struct leaf *l = &w->leaf[c];

        if (!l->up)
            continue;
        in->batch[in->count].vertex = c;
        in->batch[in->count++].life = l->up;
        l->last = l->up;
        l->last_kind = SUPTREE_EXITED;
        l->last_cls = CLASS_KILLED;
        l->stop = l->stop == l->up ? 0 : l->stop;       /* its end is the answer */
        l->up = 0;
    }
    return in->count > 0;
}

static bool call(struct world *w, enum move m, uint32_t c, struct suptree_input *in)
{
    static const uint16_t kinds[] = {[MOVE_TERMINATED] = SUPTREE_TERMINATE, [MOVE_KILLED] = SUPTREE_KILL,
                                     [MOVE_RESTARTED] = SUPTREE_RESTART, [MOVE_DELETED] = SUPTREE_DELETE,
                                     [MOVE_SPAWNED] = SUPTREE_SPAWN};
    uint32_t token = 1 + w->asked % 30;

    if (w->t.v[c].parent == NONE || w->pending >> token & 1)
        return false;
    w->asked++;
    w->pending |= 1u << token;
    w->down[token] = m == MOVE_TERMINATED || m == MOVE_KILLED ? (uint8_t)(c + 1) : 0;
    in->kind = kinds[m];
    in->token = token;
    in->fresh = m == MOVE_SPAWNED;
    return true;
}

/* Make a move, if it can be made now. */
static bool make(struct world *w, enum move m, uint32_t c)
{
    struct suptree_input in = {.kind = SUPTREE_EXITED, .vertex = c, .cls = CLASS_ABNORMAL, .cause = CAUSE_CODE};
    bool leaf = c < w->t.count && is_leaf(w, c), can = false;

    switch (m) {
    case MOVE_STARTS:
    case MOVE_START_FAILS:
    case MOVE_STOPS:
    case MOVE_STOPS_LATE: can = leaf && carry_out(w, m, c, &in); break;
    case MOVE_CRASHES:
    case MOVE_ENDS: can = leaf && end_itself(w, m, c, &in); break;
    case MOVE_AGAIN:
        can = leaf && w->leaf[c].last;
        in.kind = w->leaf[c].last_kind;
        in.life = w->leaf[c].last;
        in.cls = w->leaf[c].last_cls;
        break;
    case MOVE_TERMINATED:
    case MOVE_KILLED:
    case MOVE_RESTARTED:
    case MOVE_DELETED: can = call(w, m, c, &in); break;
    case MOVE_SPAWNED: can = is_pool(&w->t.v[c]) && call(w, m, c, &in); break;
    case MOVE_SUP_DIES:
        can = w->t.v[c].spec.supervisor && w->t.v[c].parent != NONE;
        in.kind = SUPTREE_KILLED_OUTSIDE;
        break;
    case MOVE_ROOM:
        can = leaf && w->t.v[c].no_room;
        in.kind = SUPTREE_ROOM;
        in.life = w->t.v[c].life;
        break;
    case MOVE_ALL_LOST: can = c == 0 && lose_all(w, &in); break;
    case MOVE_TIME:
        can = c == 0 && suptree_due(&w->t) != DUES_NEVER;
        w->now_ms = can ? suptree_due(&w->t) : w->now_ms;
        in.kind = SUPTREE_TICK;
        break;
    case MOVE_BOOTS:
        can = c == 0 && !has_process(&w->t.v[0]);
        in.kind = SUPTREE_BRANCH_START;
        in.line = 1;
        in.life = in.reign = ++w->boots;
        break;
    case MOVE_COUNT: break;
    }
    if (can)
        take_in(w, &in);
    return can;
}

#endif
