/* partial_order.h - what has to hold of a trace however the messages between its homes went (doc/simulator.md)
 *
 * Two things.  A trace makes sense by itself: a cause stands before its effect - a life is started before it ends,
 * under a supervisor that begins or is up, with the next number; who is ended in order has no child left; what is lost lies
 * below one that was killed; what is up at the end of an event has a supervisor that is up.  And two traces that tell
 * of the same things agree about the order of what happened to each vertex, and of what each supervisor did, but for one
 * to which two branches had something to tell at once: it does what it hears of first.
 */
#ifndef TW_TESTS_PARTIAL_ORDER_H
#define TW_TESTS_PARTIAL_ORDER_H

#include <stdlib.h>

#include "tests/lib/scenarios.h"

#define TOLD_MOST 256

/* A vertex as the lines so far tell of it. */
struct told {
    char name[24];
    struct told *parent;                /* NULL: the top */
    uint32_t starts;
    bool supervisor, up, begun, killed;
};

struct telling {
    const struct drawn *drawn;
    struct told told[TOLD_MOST];
    uint32_t count;
    const char *wrong;                  /* the first thing that did not hold; NULL */
    char line[256];                     /* ... and where */
};

static void hold_true(struct telling *t, bool holds, const char *what)
{
    t->wrong = t->wrong || holds ? t->wrong : what;
}

/* Of a name as drawn; an instance has its template's. */
static const struct drawn_vertex *drawn_as(const struct drawn *d, const char *name)
{
    size_t n = strcspn(name, ".");

    for (uint32_t i = d->count; i-- > 0;)
        if (!strncmp(d->v[i].name, name, n) && d->v[i].name[n] == '\0')
            return &d->v[i];
    return NULL;
}

/* Below an instance that is a branch all have its number. */
static bool is_in_branch(const struct drawn *d, const struct drawn_vertex *v)
{
    return v->branch && v != &d->v[v->branch];
}

static struct told *told_of(struct telling *t, const char *name)
{
    const struct drawn_vertex *v = drawn_as(t->drawn, name);
    char parent[24] = "";
    struct told *x;

    for (uint32_t i = 0; i < t->count; i++)
        if (!strcmp(t->told[i].name, name))
            return &t->told[i];
    if (!v || t->count == TOLD_MOST)
        return NULL;
    x = &t->told[t->count++];
    snprintf(x->name, sizeof x->name, "%s", name);
    x->supervisor = v->supervisor;
    snprintf(parent, sizeof parent, "%s%s", t->drawn->v[v->parent].name,
             is_in_branch(t->drawn, v) ? name + strcspn(name, ".") : "");
    x->parent = v == t->drawn->v ? NULL : told_of(t, parent);
    return x;
}

static bool any_child_up(const struct telling *t, const struct told *of)
{
    for (uint32_t i = 0; i < t->count; i++)
        if (t->told[i].parent == of && t->told[i].up)
            return true;
    return false;
}

static bool is_below_killed(const struct told *x)
{
    for (x = x->parent; x; x = x->parent)
        if (x->killed)
            return true;
    return false;
}

static bool may_start(const struct told *x) { return !x->up && (!x->parent || x->parent->up || x->parent->begun); }

static void on_began(struct telling *t, struct told *x, const char *word, uint32_t n)
{
    hold_true(t, may_start(x), "it starts while it is up, or its supervisor is down");
    if (!strcmp(word, "begin")) {
        hold_true(t, !x->begun, "it begins twice");
        x->begun = true;
    } else if (!strcmp(word, "start")) {
        hold_true(t, n == x->starts + 1 && x->begun == x->supervisor, "a start out of turn");
        x->starts = n;
        x->up = true;
        x->begun = false;
    } else {                            /* start_failed, start_ignored */
        hold_true(t, !x->supervisor || !any_child_up(t, x), "a start that failed left a child");
        x->begun = false;
    }
}

static void on_ended(struct telling *t, struct told *x, const char *word, uint32_t n, const char *class)
{
    bool killed = x->supervisor && !strcmp(class, "killed");

    hold_true(t, x->up && n == x->starts, "an end of what is not up");
    if (!strcmp(word, "lost"))
        hold_true(t, is_below_killed(x), "lost, and nobody above it was killed");
    else if (!killed)
        hold_true(t, !any_child_up(t, x), "it ends before its children");
    x->up = false;
    x->killed |= killed || (x->supervisor && !strcmp(word, "lost"));
}

static void on_block_end(struct telling *t)
{
    for (uint32_t i = 0; i < t->count; i++) {
        struct told *x = &t->told[i];

        hold_true(t, !x->begun && (!x->up || !x->parent || x->parent->up), "it is up, and its supervisor is not");
        x->killed = false;
    }
}

static void tell_line(struct telling *t, const char *line)
{
    char word[24] = "", name[24] = "", third[24] = "", class[24] = "";
    struct told *x;

    if (line[0] == '@') {
        on_block_end(t);
        return;
    }
    (void)sscanf(line, "%23s %23s %23s %23s", word, name, third, class);
    if (strspn(line, " =") > 0 || !strcmp(word, "noop") || !strcmp(word, "result") || !strcmp(word, "count") ||
        !strcmp(word, "which") || !strcmp(word, "tree_down") || !(x = told_of(t, name)))
        return;
    if (!strcmp(word, "giveup"))
        hold_true(t, x->up, "it gives up, and is not up");
    else if (!strcmp(word, "escalate"))
        hold_true(t, !x->up, "it escalates, and is up");
    else if (word[0] == 'b' || !strncmp(word, "start", 5))
        on_began(t, x, word, (uint32_t)strtoul(third, NULL, 10));
    else
        on_ended(t, x, word, (uint32_t)strtoul(third, NULL, 10), class);
}

/* What does not hold of this trace; NULL: nothing.  The line it came with in ret_line (256 bytes). */
static const char *what_is_out_of_order(const struct drawn *d, const char *trace, char *ret_line)
{
    static struct telling t;

    memset(&t, 0, sizeof t);
    t.drawn = d;
    for (const char *line = trace; *line && !t.wrong; line += strcspn(line, "\n") + 1) {
        snprintf(t.line, sizeof t.line, "%.*s", (int)strcspn(line, "\n"), line);
        tell_line(&t, t.line);
    }
    memcpy(ret_line, t.line, sizeof t.line);
    return t.wrong;
}

/* -- two traces ----------------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* The lines of a trace, cut up in place; answers, noops and the final tree have no order of this kind but in a chain. */
static uint32_t lines_of(char *trace, bool chain, const char **ret, uint32_t room)
{
    uint32_t n = 0;
    char *save;

    for (char *line = strtok_r(trace, "\n", &save); line && n < room; line = strtok_r(NULL, "\n", &save))
        if (chain || (strncmp(line, "result", 6) != 0 && strncmp(line, "which", 5) != 0 && strncmp(line, "count", 5) != 0 &&
                      strncmp(line, "noop", 4) != 0 && line[0] != '=' && line[0] != ' '))
            ret[n++] = line;
    return n;
}

/* A line is one thing that a vertex went through; and of the starts and stops of its children, and of their ends once
 * it looks at them, one that a supervisor did.  How a child ends by itself is nobody's doing. */
static bool concerns(const struct drawn *d, const char *line, const struct drawn_vertex *who, uint32_t number, bool doing)
{
    char word[24] = "", name[24] = "";
    const struct drawn_vertex *v;
    bool same, side_by_side;            /* in the same branch, if in any; branches of a pool stop in no order */

    if (line[0] == '@')
        return true;                    /* events do not overlap */
    (void)sscanf(line, "%23s %23s", word, name);
    v = drawn_as(d, name);
    same = v && (number == 0 || strtoul(name + strcspn(name, ".") + (strchr(name, '.') != NULL), NULL, 10) == number);
    side_by_side = v && v == &d->v[v->branch] && !strcmp(word, "stop");
    return v && same && (v == who || (doing && !side_by_side && &d->v[v->parent] == who && strcmp(word, "exit") != 0 &&
                              strcmp(word, "giveup") != 0 && strcmp(word, "down") != 0 && strcmp(word, "lost") != 0));
}

#define LINES_MOST 65536

/* RACED: a supervisor heard of two things in another order.  OTHER_THINGS: they do not tell of the same things. */
enum agreement { AGREES, RACED, DIFFERS, OTHER_THINGS };

/* What concerns a vertex stands in the same order in both. */
static bool same_for(const struct drawn *d, const struct drawn_vertex *who, uint32_t number, bool doing, const char **a,
                     const char **b, uint32_t n)
{
    uint32_t i = 0, j = 0;

    while (i < n && j < n) {
        for (; i < n && !concerns(d, a[i], who, number, doing); i++)
            continue;
        for (; j < n && !concerns(d, b[j], who, number, doing); j++)
            continue;
        if ((i < n) != (j < n) || (i < n && strcmp(a[i++], b[j++]) != 0))
            return false;
    }
    return true;
}

/* Both are cut up.  ret: a vertex they do not agree about; instances of a pool count as one, but not who is in branches. */
static enum agreement agree(const struct drawn *d, char *one, char *other, const char **ret)
{
    static const char *a[LINES_MOST], *b[LINES_MOST], *x[LINES_MOST], *y[LINES_MOST];
    uint32_t n = lines_of(one, d->chain, a, LINES_MOST);
    bool raced = false;

    if (lines_of(other, d->chain, b, LINES_MOST) != n)
        return OTHER_THINGS;
    memcpy(x, a, n * sizeof *a);
    memcpy(y, b, n * sizeof *b);
    qsort(x, n, sizeof *x, by_text);
    qsort(y, n, sizeof *y, by_text);
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(x[i], y[i]) != 0)
            return OTHER_THINGS;
    for (uint32_t v = 0; v < d->count; v++) {
        uint32_t branches = d->v[v].branch ? d->v[d->v[v].branch].spawned : 0;

        *ret = d->v[v].name;
        for (uint32_t i = branches > 0; i <= branches; i++) {
            if (!same_for(d, &d->v[v], i, false, a, b, n))
                return DIFFERS;
            raced |= d->v[v].supervisor && !same_for(d, &d->v[v], i, true, a, b, n);
        }
    }
    return raced ? RACED : AGREES;
}

#endif
