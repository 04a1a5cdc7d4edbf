/* spec_extra.c - the keys of what a vertex does beyond OTP (doc/beyond-otp.md) */
#include <stdlib.h>
#include <string.h>

#include "core/suptree.h"
#include "spec/parse.h"

#define FACTOR_MOST 100.0
#define DEFAULT_FACTOR 200u             /* per cent */

static struct suptree_extra *extra_of(struct decl *d)
{
    d->has_extra = true;
    return &d->extra;
}

/* 1.5 -> 150. */
static bool per_cent(struct parse *p, const yaml_node_t *n, const char *key, double low, double high, uint32_t *ret)
{
    const char *t;
    char *end;
    double v;

    if (!parse_text(p, n, key, &t))
        return false;
    v = strtod(t, &end);
    if (end == t || *end || !(v >= low && v <= high)) {
        parse_fail(p, n, "%s: \"%s\" is not a number from %g to %g: write for example %s: %g", key, t, low, high, key,
                   low + (high - low) / 10);
        return false;
    }
    *ret = (uint32_t)(v * 100 + 0.5);
    return true;
}

static void backoff_part(struct parse *p, yaml_node_t *k, yaml_node_t *v, struct suptree_extra *e)
{
    const char *t = parse_scalar(k);
    uint32_t *to = !t ? NULL : !strcmp(t, "min") ? &e->backoff_min_ms : !strcmp(t, "max") ? &e->backoff_max_ms :
                   !strcmp(t, "healthy_after") ? &e->healthy_after_ms : NULL;
    uint64_t ms;

    if (to && parse_duration(p, v, t, &ms))
        *to = (uint32_t)ms;
    else if (to)
        return;                         /* told */
    else if (t && !strcmp(t, "factor"))
        (void)per_cent(p, v, t, 1, FACTOR_MOST, &e->backoff_factor);
    else if (t && !strcmp(t, "jitter"))
        (void)per_cent(p, v, t, 0, 1, &e->backoff_jitter);
    else
        parse_fail(p, k, "backoff: \"%s\" is not known: use min, max, factor, jitter, healthy_after", t ? t : "?");
}

void key_backoff(struct parse *p, yaml_node_t *n, const char *key, struct decl *d)
{
    struct suptree_extra *e = extra_of(d);

    if (n->type != YAML_MAPPING_NODE) {
        parse_fail(p, n, "%s: one value: write %s: {min: 100ms, max: 10s}", key, key);
        return;
    }
    parse_twice(p, n);
    e->backoff_factor = DEFAULT_FACTOR;
    for (yaml_node_pair_t *q = n->data.mapping.pairs.start; q < n->data.mapping.pairs.top; q++)
        backoff_part(p, parse_node(p, q->key), parse_node(p, q->value), e);
    if (!parse_value(p, n, "min") || e->backoff_min_ms == 0)
        parse_fail(p, n, "%s: without min, the first delay: write %s: {min: 100ms, max: 10s}", key, key);
    if (!parse_value(p, n, "max"))
        e->backoff_max_ms = e->backoff_min_ms;
    else if (e->backoff_max_ms < e->backoff_min_ms)
        parse_fail(p, n, "%s: max is below min: swap them", key);
    d->healthy_given = parse_value(p, n, "healthy_after") != NULL;
}

void key_local_restarts(struct parse *p, yaml_node_t *n, const char *key, struct decl *d)
{
    (void)parse_u32(p, n, key, 1, 100000, &extra_of(d)->local_restarts);
}

void key_waiting(struct parse *p, yaml_node_t *n, const char *key, struct decl *d)
{
    uint32_t which = 0;

    if (parse_word(p, n, key, "never|capacity", "", &which))
        extra_of(d)->waits = which == 1;
}

void key_intensity_per_child(struct parse *p, yaml_node_t *n, const char *key, struct decl *d)
{
    (void)parse_u32(p, n, key, 1, 100000, &extra_of(d)->intensity_per_child);
}

/* As printed; a blank may be written as _. */
static int cause_of(const char *text)
{
    for (int cause = 0; cause < CAUSE_COUNT; cause++) {
        const char *name = exit_cause_name((unsigned)cause), *t = text;

        for (; *name && (*name == *t || (*name == ' ' && *t == '_')); name++)
            t++;
        if (!*name && !*t)
            return cause;
    }
    return -1;
}

/* NULL, or why no supervisor is ever asked what to do about it. */
static const char *never_acts(int cause)
{
    switch (cause) {
    case CAUSE_RANK:
    case CAUSE_HOST:
    case CAUSE_SIGNAL:
    case CAUSE_LAUNCHER: return "it ends the job";
    case CAUSE_SUPERVISOR: return "who was told to stop has done what was wanted";
    case CAUSE_NONE:
    case CAUSE_NO_PROCESS: return "nobody dies of it";
    }
    return NULL;
}

static const char *causes_that_act(char *list, size_t room)
{
    size_t n = 0;

    for (int cause = 0; cause < CAUSE_COUNT && n < room; cause++)
        if (!never_acts(cause))
            n += (size_t)snprintf(list + n, room - n, "%s%s", n ? "|" : "", exit_cause_name((unsigned)cause));
    return list;
}

/* The cause, or -1: it is none that an action can be given for, or has one already. */
static int parse_cause(struct parse *p, yaml_node_t *k, const char *key, yaml_node_t **seen)
{
    const char *t = parse_scalar(k), *why;
    int cause = t ? cause_of(t) : -1;
    char list[256];

    if (cause < 0) {
        parse_fail(p, k, "%s: \"%s\" is no cause of death: write one of %s", key, t ? t : "?",
                   causes_that_act(list, sizeof list));
        return -1;
    }
    why = never_acts(cause);
    if (why) {
        parse_fail(p, k, "%s: \"%s\" never leads to an action: %s: write one of %s", key, t, why,
                   causes_that_act(list, sizeof list));
        return -1;
    }
    if (seen[cause] && strcmp(parse_scalar(seen[cause]), t)) {     /* else parse_twice has said so */
        parse_fail(p, k, "%s: \"%s\" and \"%s\" are one cause: the first stands in line %zu: remove one", key,
                   parse_scalar(seen[cause]), t, seen[cause]->start_mark.line + 1);
        return -1;
    }
    seen[cause] = k;
    return cause;
}

void key_on_cause(struct parse *p, yaml_node_t *n, const char *key, struct decl *d)
{
#define X(name, text) "|" text
    static const char actions[] = SUPTREE_ACTION_LIST(X);
#undef X
    struct suptree_extra *e = extra_of(d);
    yaml_node_t *seen[CAUSE_COUNT] = {NULL};

    if (n->type != YAML_MAPPING_NODE) {
        parse_fail(p, n, "%s: one value: write %s: {wedged: quarantine}", key, key);
        return;
    }
    parse_twice(p, n);
    for (yaml_node_pair_t *q = n->data.mapping.pairs.start; q < n->data.mapping.pairs.top; q++) {
        yaml_node_t *k = parse_node(p, q->key);
        int cause = parse_cause(p, k, key, seen);
        uint32_t action;

        if (cause >= 0 && parse_word(p, parse_node(p, q->value), parse_scalar(k), actions + 1, "", &action))
            e->on_cause[cause] = (uint8_t)action;
    }
}

void key_count_infrastructure(struct parse *p, yaml_node_t *n, const char *key, struct decl *d)
{
    (void)parse_bool(p, n, key, &extra_of(d)->count_infrastructure);
}

void key_restart_on_giveup(struct parse *p, yaml_node_t *n, const char *key, struct decl *d)
{
    (void)parse_bool(p, n, key, &extra_of(d)->restart_on_giveup);
}

void key_on_giveup(struct parse *p, yaml_node_t *n, const char *key, struct decl *d)
{
    uint32_t which = 0;

    if (!parse_word(p, n, key, "escalate|quarantine", "", &which))
        return;
    extra_of(d)->quarantine = which == 1;
    if (which == 1 && !d->parent)
        parse_fail(p, n, "%s: quarantine, but nothing is above %s to restart it: put the children it may lose under a "
                   "supervisor of their own, with this key", key, d->name);
}

void key_shutdown_deadline(struct parse *p, yaml_node_t *n, const char *key, struct decl *d)
{
    uint64_t ms = 0;

    if (parse_duration(p, n, key, &ms) && ms == 0)
        parse_fail(p, n, "%s: 0 would kill every child at once: write shutdown: brutal_kill at the children", key);
    extra_of(d)->shutdown_deadline_ms = (uint32_t)ms;
}

void key_start_deadline(struct parse *p, yaml_node_t *n, const char *key, struct decl *d)
{
    uint64_t ms = 0;

    if (parse_duration(p, n, key, &ms) && ms == 0)
        parse_fail(p, n, "%s: 0 leaves it no time to say tw_ready: give the longest time a healthy start may take", key);
    d->given.start_deadline_ms = (uint32_t)ms;
}

void key_poison(struct parse *p, yaml_node_t *n, const char *key, struct decl *d)
{
    (void)parse_u32(p, n, key, 1, 100000, &d->given.poison);
}

static const struct decl *earlier(const struct decl *d, const char *name)
{
    for (const struct decl *o = d->parent ? d->parent->first : NULL; o; o = o->next)
        if (!strcmp(o->name, name))
            return o;
    return NULL;                        /* d itself and those after it are not in the list yet */
}

void key_depends(struct parse *p, yaml_node_t *n, const char *key, struct decl *d)
{
    (void)extra_of(d);
    if (n->type != YAML_SEQUENCE_NODE) {
        parse_fail(p, n, "%s: not a list: write %s: [NAME]", key, key);
        return;
    }
    for (yaml_node_item_t *i = n->data.sequence.items.start; i < n->data.sequence.items.top; i++) {
        yaml_node_t *v = parse_node(p, *i);
        const char *name = parse_scalar(v);
        const struct decl *o = name ? earlier(d, name) : NULL;

        if (!o)
            parse_fail(p, v, "%s: \"%s\" is no child that stands before %s: children start in the order of the file, so "
                       "move it up, or name another", key, name ? name : "?", d->name);
        else if (d->depend_count == SUPTREE_DEPENDS)
            parse_fail(p, v, "%s: more than %u: that is the limit", key, SUPTREE_DEPENDS);
        else
            d->depends[d->depend_count++] = o;
    }
}

/* Each of the deaths wants a restart, and all of them fall into one window unless a backoff spreads them. */
static void poison_check(struct parse *p, yaml_node_t *n, const struct decl *d)
{
    const struct decl *up = d->parent;
    uint32_t most;

    if (!d->given.poison || !up)
        return;
    most = up->extra.intensity_per_child && up->extra.intensity_per_child < up->given.intensity ?
           up->extra.intensity_per_child : up->given.intensity;
    if (d->given.restart == RESTART_TEMPORARY)
        parse_fail(p, n, "%s: poison, but restart: temporary: nobody restarts it, so no message is handled twice: "
                   "write restart: permanent or transient", d->name);
    else if (d->given.poison > most && !d->extra.backoff_min_ms)
        parse_fail(p, n, "%s: poison: %u, but %s gives up at restart %u: so many deaths want as many restarts: lower "
                   "poison, raise %s there, or give %s a backoff", d->name, d->given.poison, up->name, most + 1,
                   most < up->given.intensity ? "intensity_per_child" : "intensity", d->name);
}

void extra_check(struct parse *p, yaml_node_t *n, struct decl *d)
{
    const struct decl *up = d->parent;

    if (!d->healthy_given)
        d->extra.healthy_after_ms = (uint32_t)(up ? up->given.period_ms : d->given.period_ms);
    if ((d->extra.backoff_min_ms || d->extra.local_restarts) && !up)
        parse_fail(p, n, "%s: %s: nobody restarts the root: write it at its children", d->name,
                   d->extra.backoff_min_ms ? "backoff" : "local_restarts");
    if (d->extra.local_restarts && p->s->devices.per_rank == 1)
        parse_fail(p, n, "%s: local_restarts: a rank has one device, so there is no other to go to: raise "
                   "devices.per_rank", d->name);
    poison_check(p, n, d);
    if (d->extra.intensity_per_child > d->given.intensity)
        parse_fail(p, n, "%s: intensity_per_child: %u is more than intensity: %u, so it would never be reached: lower "
                   "it, or raise intensity", d->name, d->extra.intensity_per_child, d->given.intensity);
}
