/* scenarios.h - random scenarios (tests/conformance/README.md), the same for the same seed
 *
 * Every event and option of the format occurs, time-outs and kills of supervisors among them: what is compared is the
 * engine with itself, so nothing is left out that OTP leaves open (as tests/otp/generate does).  In a chain each gate's
 * operation is about the supervisor that waits; else it may be about any, and what happens then has a partial order.
 * So it has with branches in pools, which stop side by side.
 */
#ifndef TW_TESTS_SCENARIOS_H
#define TW_TESTS_SCENARIOS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/splitmix.h"

#define DRAWN_VERTICES 48
#define DRAWN_BYTES 16384

struct drawn_vertex {
    char name[8], options[200];
    uint32_t parent;
    bool supervisor, pool, automatic;
    uint32_t spawned, workers;          /* a template's: instances so far; in each that is a branch */
    uint32_t branch;                    /* the supervisor that is a template, of it and all below it; 0: none */
};

struct drawn {
    uint64_t state;
    uint32_t left;                      /* workers that may still come to be */
    bool chain, timed, branches;        /* timed: windows are short; branches: pools may have supervisors */
    struct drawn_vertex v[DRAWN_VERTICES];
    uint32_t count;
    char text[DRAWN_BYTES];
    size_t used;
};

struct drawn_name { char text[24]; uint32_t vertex; };

static uint32_t draw(struct drawn *d, uint32_t below) { return (uint32_t)(splitmix_next(&d->state) >> 32) % below; }

static bool one_in(struct drawn *d, uint32_t n) { return draw(d, n) == 0; }

static const char *word_of(struct drawn *d, const char *const *words, uint32_t n) { return words[draw(d, n)]; }
#define one_of(d, ...) \
    word_of(d, (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void write_line(struct drawn *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void write_line(struct drawn *d, const char *fmt, ...)
{
    va_list ap;

    if (d->used > DRAWN_BYTES - 512)
        return;
    va_start(ap, fmt);
    d->used += (size_t)vsnprintf(d->text + d->used, DRAWN_BYTES - d->used, fmt, ap);
    va_end(ap);
    d->text[d->used++] = '\n';
    d->text[d->used] = '\0';
}

/* -- the tree ------------------------------------------------------------------------------------- */

static void add_option(struct drawn_vertex *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void add_option(struct drawn_vertex *v, const char *fmt, ...)
{
    size_t n = strlen(v->options);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(v->options + n, sizeof v->options - n, fmt, ap);
    va_end(ap);
}

static void draw_restart(struct drawn *d, struct drawn_vertex *v)
{
    const char *type = one_of(d, "permanent", "permanent", "transient", "temporary");
    bool may = d->v[v->parent].automatic && type[0] != 'p';

    add_option(v, " restart=%s", type);
    if ((may && one_in(d, 2)) || one_in(d, 60))
        add_option(v, " significant=true");
}

static void draw_supervisor(struct drawn *d, struct drawn_vertex *v, bool top)
{
    if (top)
        add_option(v, " strategy=%s intensity=%s period=%s", one_of(d, "one_for_one", "one_for_all", "rest_for_one"),
                   one_of(d, "1", "3", "6", "9"), d->timed ? one_of(d, "1", "2") : "3600");
    else
        add_option(v, " strategy=%s intensity=%s period=%s",
                   v->pool ? "simple_one_for_one" : one_of(d, "one_for_one", "one_for_all", "rest_for_one"),
                   one_of(d, "0", "1", "1", "2", "2", "3", "4", "9"), d->timed ? one_of(d, "1", "2") : "3600");
    if (one_in(d, 3)) {
        v->automatic = true;
        add_option(v, " auto_shutdown=%s", one_of(d, "any_significant", "all_significant"));
    }
    if (top)
        return;
    draw_restart(d, v);
    if (one_in(d, 8))
        add_option(v, " shutdown=%s", one_of(d, "brutal_kill", "50", "5000"));
}

static void draw_worker(struct drawn *d, struct drawn_vertex *v)
{
    draw_restart(d, v);
    switch (draw(d, 12)) {
    case 0: add_option(v, " shutdown=brutal_kill"); break;
    case 1: add_option(v, " shutdown=infinity"); break;
    case 2: add_option(v, " shutdown=30 onstop=ignore"); break;
    case 3: add_option(v, " shutdown=20 onstop=slow:200"); break;
    case 4: add_option(v, " onstop=slow:%u", 1 + draw(d, 900)); break;
    case 5:
    case 6: add_option(v, " onstop=%s", one_of(d, "normal", "crash", "obey")); break;
    }
}

/* NULL: there is no room, or as many workers as may be.  A template is no worker. */
static struct drawn_vertex *new_vertex(struct drawn *d, uint32_t parent, bool supervisor, bool pool)
{
    bool template = d->count > 0 && d->v[parent].pool;
    struct drawn_vertex *v = &d->v[d->count];

    bool counts = !supervisor && !template && (d->count == 0 || !d->v[parent].branch);

    if (d->count == DRAWN_VERTICES || (counts && d->left == 0))
        return NULL;
    d->left -= counts;
    *v = (struct drawn_vertex){.parent = parent, .supervisor = supervisor, .pool = pool,
                               .branch = template && supervisor ? d->count : d->v[parent].branch};
    d->v[v->branch].workers += !supervisor;
    snprintf(v->name, sizeof v->name, "%c%u", supervisor ? 's' : template ? 't' : 'w', d->count % 1000u);
    if (supervisor)
        draw_supervisor(d, v, d->count == 0);
    else
        draw_worker(d, v);
    d->count++;
    return v;
}

static void declare(struct drawn *d, const struct drawn_vertex *v)
{
    write_line(d, "%s %s parent=%s%s%s", v->supervisor ? "sup" : "worker", v->name,
               v == d->v ? "-" : d->v[v->parent].name, v->options, v->supervisor || !one_in(d, 40) ? "" :
               one_of(d, " fail_start=1", " fail_start=2", d->timed ? " fail_start=3" : " fail_start=inf"));
}

static uint32_t some_supervisor(struct drawn *d, bool or_pool)
{
    uint32_t v;

    do
        v = draw(d, d->count);
    while (!d->v[v].supervisor || (d->v[v].pool && !or_pool));
    return v;
}

static void draw_template(struct drawn *d, uint32_t pool)
{
    bool branch = d->branches && !one_in(d, 4);
    struct drawn_vertex *v = new_vertex(d, pool, branch, false);
    uint32_t top = d->count - 1;

    if (v)
        declare(d, v);
    for (uint32_t i = branch && v ? 1 + draw(d, 2) : 0; i > 0; i--)
        if ((v = new_vertex(d, top, false, false)))
            declare(d, v);
}

static void draw_tree(struct drawn *d, uint32_t supervisors)
{
    uint32_t size = 2 + draw(d, d->left + supervisors);

    declare(d, new_vertex(d, 0, true, false));
    declare(d, new_vertex(d, 0, false, false));
    for (uint32_t i = 0, sups = 0; i < size; i++) {
        bool sup = sups < supervisors && draw(d, 10) < 4, pool = sup && one_in(d, 4);
        uint32_t parent = some_supervisor(d, false);
        struct drawn_vertex *v;

        pool = pool && !d->v[parent].branch;
        v = new_vertex(d, parent, sup, pool);
        if (!v)
            continue;
        sups += sup;
        declare(d, v);
        if (pool)
            draw_template(d, d->count - 1);
    }
}

/* -- who ------------------------------------------------------------------------------------------ */

static struct drawn_name numbered(const struct drawn *d, uint32_t vertex, uint32_t number)
{
    struct drawn_name n = {.vertex = vertex};

    snprintf(n.text, sizeof n.text, "%s.%u", d->v[vertex].name, number);
    return n;
}

static struct drawn_name named(struct drawn *d, uint32_t vertex)
{
    struct drawn_name n = {.vertex = vertex};
    const struct drawn_vertex *v = &d->v[vertex];
    uint32_t spawned = d->v[v->branch].spawned;

    if (v->branch)
        return numbered(d, vertex, 1 + draw(d, spawned ? spawned : 1));
    if (!v->supervisor && d->v[v->parent].pool)
        snprintf(n.text, sizeof n.text, "%s.%u", v->name, 1 + draw(d, v->spawned ? v->spawned : 1));
    else
        snprintf(n.text, sizeof n.text, "%s", v->name);
    return n;
}

static struct drawn_name leaf(struct drawn *d)
{
    uint32_t v;

    do
        v = draw(d, d->count);
    while (d->v[v].supervisor);
    return named(d, v);
}

static struct drawn_name anything(struct drawn *d) { return one_in(d, 4) ? named(d, draw(d, d->count)) : leaf(d); }

/* Below the top of a branch: in the same one. */
static struct drawn_name beside(struct drawn *d, const struct drawn_name *of, uint32_t vertex)
{
    const char *number = strchr(of->text, '.');

    return d->v[vertex].branch && (d->v[vertex].branch != vertex || d->v[of->vertex].parent == vertex) && number
               ? numbered(d, vertex, (uint32_t)strtoul(number + 1, NULL, 10)) : named(d, vertex);
}

static struct drawn_name sibling(struct drawn *d, const struct drawn_name *of)
{
    uint32_t v;

    do
        v = draw(d, d->count);
    while (d->v[v].parent != d->v[of->vertex].parent || (v == 0 && of->vertex != 0));
    return beside(d, of, v);
}

/* -- events --------------------------------------------------------------------------------------- */

static const char *death(struct drawn *d, const struct drawn_name *n, char between)
{
    static char text[48];
    const char *how = d->v[n->vertex].supervisor ? "kill" : one_of(d, "fail", "fail", "kill", "exit");

    snprintf(text, sizeof text, "%s%c%s%s", how, between, n->text,
             how[0] != 'e' ? "" : between == ' ' ? one_of(d, " normal", " shutdown", " shutdown_term") :
             one_of(d, ":normal", ":shutdown"));
    return text;
}

static void together(struct drawn *d)
{
    struct drawn_name n = leaf(d);
    char line[256];
    size_t used = (size_t)snprintf(line, sizeof line, "do together");

    for (uint32_t i = 2 + draw(d, 3); i > 0; i--) {
        struct drawn_name one = sibling(d, &n);

        used += (size_t)snprintf(line + used, sizeof line - used, " %s", death(d, &one, ':'));
    }
    write_line(d, "%s", line);
}

/* One that is, or was, there, or a new one; to a pool both are refused. */
static void start(struct drawn *d)
{
    uint32_t parent = some_supervisor(d, true);
    struct drawn_vertex *v;

    if (d->left == 0)
        return;
    if (one_in(d, 3)) {
        struct drawn_name n = leaf(d);

        v = &d->v[n.vertex];
        if (!d->v[v->parent].pool && !v->branch) {
            d->left--;
            write_line(d, "do start worker %s parent=%s%s", v->name, d->v[v->parent].name, v->options);
        }
        return;
    }
    if (d->v[parent].branch)
        return;
    v = new_vertex(d, parent, one_in(d, 4) && !d->v[parent].pool, false);
    if (!v)
        return;
    write_line(d, "do start %s %s parent=%s%s", v->supervisor ? "sup" : "worker", v->name, d->v[parent].name,
               v->options);
    if (d->v[parent].pool)
        d->count--;                     /* it never comes to be */
}

static bool has_branches(const struct drawn *d)
{
    for (uint32_t v = 1; v < d->count; v++)
        if (d->v[v].branch == v)
            return true;
    return false;
}

static void spawn_in(struct drawn *d, uint32_t pool)
{
    uint32_t needs = d->v[pool + 1].branch ? d->v[pool + 1].workers : 1;

    if (d->left < needs)
        return;
    d->left -= needs;
    d->v[pool + 1].spawned++;           /* its template is declared behind it */
    write_line(d, "do spawn %s", d->v[pool].name);
}

/* One or two in each pool of branches. */
static void spawn_all(struct drawn *d)
{
    for (uint32_t v = 1; v < d->count; v++)
        for (uint32_t i = d->v[v].branch == v ? 1 + draw(d, 2) : 0; i > 0; i--)
            spawn_in(d, d->v[v].parent);
}

static void spawn(struct drawn *d)
{
    uint32_t pool = some_supervisor(d, true);

    if (d->v[pool].pool)
        spawn_in(d, pool);
}

static const char *call(struct drawn *d) { return one_of(d, "terminate", "restart", "delete"); }

static void gate(struct drawn *d, const struct drawn_name *n)
{
    struct drawn_name other = d->chain ? sibling(d, n) : anything(d);
    struct drawn_name supervisor = d->chain ? beside(d, n, d->v[n->vertex].parent) : named(d, some_supervisor(d, true));

    switch (draw(d, 4)) {
    case 0: write_line(d, "do gate %s %s %s", n->text, one_of(d, "which", "count"), supervisor.text); return;
    case 1: write_line(d, "do gate %s %s %s", n->text, call(d), n->text); return;
    case 2: write_line(d, "do gate %s %s %s", n->text, call(d), other.text); return;
    default:
        if (!d->v[other.vertex].supervisor && strcmp(other.text, n->text) != 0)
            write_line(d, "do gate %s %s", n->text, death(d, &other, ' '));
        return;
    }
}

static void failing(struct drawn *d)
{
    struct drawn_name n = leaf(d), other = sibling(d, &n);

    /* With short windows, and stops that take their time, one that never starts may be tried for ever. */
    write_line(d, "do failstart %s %s", n.text, one_of(d, "1", "1", "2", "3", d->timed ? "4" : "inf"));
    if (one_in(d, 2))
        gate(d, &n);
    if (one_in(d, 2))
        write_line(d, "do %s", death(d, &n, ' '));
    else if (one_in(d, 2))
        write_line(d, "do %s", death(d, &other, ' '));
}

static void ignoring(struct drawn *d)
{
    struct drawn_name n = leaf(d), other = sibling(d, &n);

    write_line(d, "do ignorestart %s %s", n.text, one_of(d, "1", "2"));
    if (d->v[d->v[n.vertex].parent].pool)
        spawn(d);
    else
        write_line(d, "do %s", death(d, one_in(d, 2) ? &n : &other, ' '));
}

static void event(struct drawn *d)
{
    struct drawn_name n = anything(d), l = leaf(d);
    uint32_t which = draw(d, 100);

    if (which < 36)
        write_line(d, "do %s", death(d, &l, ' '));
    else if (which < 40)
        write_line(d, "do %s", death(d, &n, ' '));
    else if (which < 48)
        together(d);
    else if (which < 62)
        write_line(d, "do %s %s", call(d), n.text);
    else if (which < 68)
        start(d);
    else if (which < 76)
        spawn(d);
    else if (which < 80)
        write_line(d, "do %s %s", one_of(d, "count", "which"), named(d, some_supervisor(d, true)).text);
    else if (which < 90)
        failing(d);
    else if (which < 94)
        ignoring(d);
    else if (which < 98)
        write_line(d, one_in(d, 3) ? "do align %u" : "do sleep %u", draw(d, 2500));
    else if (one_in(d, 4))
        write_line(d, "do %s", one_of(d, "shutdown", "kill s0"));
    else
        write_line(d, "do fail %s", n.text);
}

/* At most so many workers ever, and so many supervisors beside the root. */
static void draw_scenario(struct drawn *d, uint64_t seed, uint32_t workers, uint32_t supervisors, bool chain)
{
    memset(d, 0, sizeof *d);
    d->state = seed * 0x2545f4914f6cdd1dull + 1;
    d->left = workers;
    d->chain = chain;
    d->timed = one_in(d, 3);
    draw_tree(d, supervisors);
    for (uint32_t i = 3 + draw(d, workers + 4); i > 0; i--)
        event(d);
}

/* A chain in which every pool that there is may have branches; how long they take to stop side by side, no window asks. */
static void draw_branches(struct drawn *d, uint64_t seed, uint32_t workers, uint32_t supervisors)
{
    memset(d, 0, sizeof *d);
    d->state = seed * 0x2545f4914f6cdd1dull + 3;
    d->left = workers;
    d->chain = d->branches = true;
    do {
        d->count = 0;
        d->used = 0;
        d->left = workers;
        draw_tree(d, supervisors);
    } while (!has_branches(d));
    spawn_all(d);
    for (uint32_t i = 3 + draw(d, workers + 4); i > 0; i--)
        event(d);
}

#endif
