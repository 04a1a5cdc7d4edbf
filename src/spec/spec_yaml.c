/* spec_yaml.c - the file, key by key; every error with its place and a remedy */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "core/suptree.h"
#include "shared/rc.h"
#include "spec/drills.h"
#include "spec/parse.h"

#define FILE_BYTES_MAX (1u << 20)
#define ERRORS_MAX 100
#define KEYS_MAX 100
#define BRACKETS_MAX 1000

/* -- errors --------------------------------------------------------------------------------------- */

void parse_fail(struct parse *p, const yaml_node_t *at, const char *fmt, ...)
{
    char text[1024];
    int id = at ? (int)(at - p->doc.nodes.start) : 0, n;
    va_list ap;

    if (++p->errors > ERRORS_MAX)
        return;
    if (at && id >= p->first_set_node && id - p->first_set_node < p->set_nodes)
        n = snprintf(text, sizeof text, "--set %s: ", p->sets[p->set_of_node[id - p->first_set_node]]);
    else
        n = snprintf(text, sizeof text, "%s:%zu:%zu: ", p->s->file, at ? at->start_mark.line + 1 : 1,
                     at ? at->start_mark.column + 1 : 1);
    if (n > (int)sizeof text - 256) {   /* a long name or override: what is wrong matters more */
        n = (int)sizeof text - 256;
        memcpy(text + n - 5, "...: ", 5);
    }
    va_start(ap, fmt);
    vsnprintf(text + n, sizeof text - (size_t)n, fmt, ap);
    va_end(ap);
    p->error(p->self, text);
}

/* -- nodes ---------------------------------------------------------------------------------------- */

yaml_node_t *parse_node(struct parse *p, int id) { return yaml_document_get_node(&p->doc, id); }

const char *parse_scalar(const yaml_node_t *n)
{
    return n && n->type == YAML_SCALAR_NODE ? (const char *)n->data.scalar.value : NULL;
}

bool parse_text(struct parse *p, const yaml_node_t *n, const char *key, const char **ret)
{
    *ret = parse_scalar(n);
    if (!*ret)
        parse_fail(p, n, "%s: a list or mapping stands where one value belongs: write %s: VALUE", key, key);
    return *ret != NULL;
}

static bool parse_number(struct parse *p, const yaml_node_t *n, const char *key, uint64_t low, uint64_t high,
                      uint64_t *ret)
{
    const char *t;
    char *end;

    if (!parse_text(p, n, key, &t))
        return false;
    errno = 0;
    *ret = strtoull(t, &end, 10);
    if (errno || end == t || *end || !isdigit((unsigned char)*t) || *ret < low || *ret > high) {
        parse_fail(p, n, "%s: \"%s\" is not a whole number from %llu to %llu: write for example %s: %llu", key, t,
             (unsigned long long)low, (unsigned long long)high, key, (unsigned long long)low);
        return false;
    }
    return true;
}

bool parse_u32(struct parse *p, const yaml_node_t *n, const char *key, uint32_t low, uint32_t high,
                   uint32_t *ret)
{
    uint64_t v;

    if (!parse_number(p, n, key, low, high, &v))
        return false;
    *ret = (uint32_t)v;
    return true;
}

bool parse_duration(struct parse *p, const yaml_node_t *n, const char *key, uint64_t *ret)
{
    const char *t;
    int64_t ms;

    if (!parse_text(p, n, key, &t))
        return false;
    ms = spec_duration_ms(t);
    if (ms < 0 || ms > UINT32_MAX) {
        parse_fail(p, n, "%s: \"%s\" is not a duration: a number with ms, s, m or h: write for example %s: 500ms",
             key, t, key);
        return false;
    }
    *ret = (uint64_t)ms;
    return true;
}

/* "step N" -> N. */
static bool step_of(const char *text, uint64_t *ret)
{
    char *end;

    if (strncmp(text, "step ", 5) != 0 || !isdigit((unsigned char)text[5]))
        return false;
    errno = 0;
    *ret = strtoull(text + 5, &end, 10);
    return !errno && !*end;
}

/* One of a list of words; `later` are known to the design, but not built yet. */
bool parse_word(struct parse *p, const yaml_node_t *n, const char *key, const char *words,
                    const char *later, uint32_t *ret)
{
    char list[256], *save, *w;
    const char *t;
    uint32_t i = 0;

    if (!parse_text(p, n, key, &t))
        return false;
    snprintf(list, sizeof list, "%s", words);
    for (w = strtok_r(list, "|", &save); w; w = strtok_r(NULL, "|", &save), i++)
        if (!strcmp(w, t)) {
            *ret = i;
            return true;
        }
    snprintf(list, sizeof list, "%s", later);
    for (w = strtok_r(list, "|", &save); w; w = strtok_r(NULL, "|", &save))
        if (!strcmp(w, t)) {
            parse_fail(p, n, "%s: %s is not built in this version: use %s", key, t, words);
            return false;
        }
    parse_fail(p, n, "%s: \"%s\" is none of %s: write one of them", key, t, words);
    return false;
}

bool parse_bool(struct parse *p, const yaml_node_t *n, const char *key, bool *ret)
{
    uint32_t which;

    if (!parse_word(p, n, key, "false|true", "", &which))
        return false;
    *ret = which != 0;
    return true;
}

yaml_node_t *parse_value(struct parse *p, const yaml_node_t *map, const char *key)
{
    if (!map || map->type != YAML_MAPPING_NODE)
        return NULL;
    for (yaml_node_pair_t *q = map->data.mapping.pairs.start; q < map->data.mapping.pairs.top; q++) {
        const char *t = parse_scalar(parse_node(p, q->key));

        if (t && !strcmp(t, key))
            return parse_node(p, q->value);
    }
    return NULL;
}

/* Keys given twice, among the first KEYS_MAX: no mapping has so many keys that are known. */
void parse_twice(struct parse *p, const yaml_node_t *map)
{
    yaml_node_pair_t *end = map->data.mapping.pairs.top;

    if (end - map->data.mapping.pairs.start > KEYS_MAX)
        end = map->data.mapping.pairs.start + KEYS_MAX;
    for (yaml_node_pair_t *q = map->data.mapping.pairs.start; q < end; q++)
        for (yaml_node_pair_t *o = map->data.mapping.pairs.start; o < q; o++) {
            const char *a = parse_scalar(parse_node(p, q->key)), *b = parse_scalar(parse_node(p, o->key));

            if (a && b && !strcmp(a, b))
                parse_fail(p, parse_node(p, q->key), "%s: given twice: the first stands in line %zu: remove one", a,
                     parse_node(p, o->key)->start_mark.line + 1);
        }
}

/* -- keys ----------------------------------------------------------------------------------------- */

static void key_strategy(struct parse *p, yaml_node_t *n, const char *key, struct decl *d)
{
    (void)parse_word(p, n, key, "one_for_one|one_for_all|rest_for_one|simple_one_for_one", "", &d->given.strategy);
    d->has_strategy = true;
}

static void key_max_children(struct parse *p, yaml_node_t *n, const char *key, struct decl *d)
{
    (void)parse_u32(p, n, key, 1, SPEC_VERTICES_MAX, &d->max_children);
}

static void key_start(struct parse *p, yaml_node_t *n, const char *key, struct decl *d)
{
    uint32_t which = 0;

    if (parse_word(p, n, key, "now|later", "", &which))
        d->given.dynamic = which == 1;
}

static void key_intensity(struct parse *p, yaml_node_t *n, const char *key, struct decl *d)
{
    (void)parse_u32(p, n, key, 0, 100000, &d->given.intensity);
}

static void key_period(struct parse *p, yaml_node_t *n, const char *key, struct decl *d)
{
    (void)parse_duration(p, n, key, &d->given.period_ms);
}

static void key_auto(struct parse *p, yaml_node_t *n, const char *key, struct decl *d)
{
    (void)parse_word(p, n, key, "never|any_significant|all_significant", "", &d->given.auto_shutdown);
}

static void key_restart(struct parse *p, yaml_node_t *n, const char *key, struct decl *d)
{
    (void)parse_word(p, n, key, "permanent|transient|temporary", "", &d->given.restart);
}

static void key_significant(struct parse *p, yaml_node_t *n, const char *key, struct decl *d)
{
    (void)parse_bool(p, n, key, &d->given.significant);
}

static void key_shutdown(struct parse *p, yaml_node_t *n, const char *key, struct decl *d)
{
    const char *t;
    uint64_t ms;

    if (!parse_text(p, n, key, &t))
        return;
    if (!strcmp(t, "brutal_kill"))
        d->given.shutdown_kind = SHUTDOWN_BRUTAL_KILL;
    else if (!strcmp(t, "infinity"))
        d->given.shutdown_kind = SHUTDOWN_INFINITY;
    else if (parse_duration(p, n, key, &ms)) {
        d->given.shutdown_kind = SHUTDOWN_MS;
        d->given.shutdown_ms = ms ? (uint32_t)ms : 1;
    }
}

/* resume, init, or {resume: N}. */
static void key_state(struct parse *p, yaml_node_t *n, const char *key, struct decl *d)
{
    uint32_t which = 0;

    if (n->type != YAML_MAPPING_NODE) {
        if (parse_word(p, n, key, "resume|init", "", &which))
            d->given.state_init = which == 1;
        return;
    }
    parse_twice(p, n);
    for (yaml_node_pair_t *q = n->data.mapping.pairs.start; q < n->data.mapping.pairs.top; q++) {
        const char *t = parse_scalar(parse_node(p, q->key));

        if (!t || strcmp(t, "resume"))
            parse_fail(p, parse_node(p, q->key), "%s: \"%s\" is not known: write %s: {resume: 3}", key, t ? t : "?", key);
        else
            (void)parse_u32(p, parse_node(p, q->value), t, 1, 1000, &d->given.resume_deaths);
    }
    if (n->data.mapping.pairs.start == n->data.mapping.pairs.top)
        parse_fail(p, n, "%s: {} says nothing: write %s: {resume: 3}, resume or init", key, key);
}

static void key_type(struct parse *p, yaml_node_t *n, const char *key, struct decl *d)
{
    const char *t;

    if (!parse_text(p, n, key, &t))
        return;
    free(d->type);
    d->type = strdup(t);
}

static void key_count(struct parse *p, yaml_node_t *n, const char *key, struct decl *d)
{
    const char *t;
    char *end;

    if (!parse_text(p, n, key, &t))
        return;
    d->count_dims = 0;
    for (const char *at = t; d->count_dims < 4; at = end + 1) {
        unsigned long v = strtoul(at, &end, 10);

        if (end == at || v == 0 || v > SPEC_VERTICES_MAX || (*end && *end != 'x'))
            break;
        d->count[d->count_dims++] = (uint32_t)v;
        if (*end == '\0')
            return;
    }
    d->count_dims = 0;
    parse_fail(p, n, "%s: \"%s\" is not a count: whole numbers from 1 to %u joined by x, up to four: write for example "
         "%s: 4 or %s: 2x8", key, t, SPEC_VERTICES_MAX, key, key);
}

static void place_rank(struct parse *p, yaml_node_t *n, struct decl *d)
{
    const char *t;
    uint32_t v;

    if (!parse_text(p, n, "rank", &t))
        return;
    if (t[0] == '$' && isdigit((unsigned char)t[1]) && !t[2]) {
        d->place_index = t[1] - '0';
        d->given.place = SPEC_PLACE_RANK;
    } else if (parse_u32(p, n, "rank", 0, 65535, &v)) {
        d->given.place = SPEC_PLACE_RANK;
        d->given.place_rank = v;
    }
}

static void place_device(struct parse *p, yaml_node_t *n, struct decl *d)
{
    uint32_t per_rank = p->s->devices.per_rank, device;

    if (!parse_u32(p, n, "device", 0, 65535, &device))
        return;
    if (per_rank && device >= per_rank)     /* else: seen when it is known how many there are */
        parse_fail(p, n, "device: %u, but a rank has %u: they count from 0: write at most %u, or raise "
                   "devices.per_rank",
             device, per_rank, per_rank - 1);
    else
        d->given.place_device = device;
}

static void key_place(struct parse *p, yaml_node_t *n, const char *key, struct decl *d)
{
    uint32_t which;

    if (n->type == YAML_SCALAR_NODE) {
        if (parse_word(p, n, key, "spread", "pack", &which))
            d->given.place = SPEC_PLACE_SPREAD;
        return;
    }
    if (n->type != YAML_MAPPING_NODE) {
        parse_fail(p, n, "%s: a list: write spread, {rank: N} or {rank: N, device: M}", key);
        return;
    }
    parse_twice(p, n);
    if (!parse_value(p, n, "rank"))
        parse_fail(p, n, "%s: without a rank: write {rank: N} or {rank: N, device: M}", key);
    for (yaml_node_pair_t *q = n->data.mapping.pairs.start; q < n->data.mapping.pairs.top; q++) {
        yaml_node_t *k = parse_node(p, q->key), *v = parse_node(p, q->value);
        const char *t = parse_scalar(k);

        if (t && !strcmp(t, "rank"))
            place_rank(p, v, d);
        else if (t && !strcmp(t, "device"))
            place_device(p, v, d);
        else if (t && (!strcmp(t, "with") || !strcmp(t, "host")))
            parse_fail(p, k, "place: {%s: ..} is not built in this version: use {rank: N}", t);
        else
            parse_fail(p, k, "place: \"%s\" is not known: use rank or device", t ? t : "?");
    }
}

static void key_deadline(struct parse *p, yaml_node_t *n, const char *key, struct decl *d)
{
    uint64_t ms = 0;

    if (!parse_duration(p, n, key, &ms))
        return;
    if (ms == 0)
        parse_fail(p, n, "%s: 0 would call every handler wedged: give the longest time a healthy one may take", key);
    else
        d->given.deadline_ms = (uint32_t)ms;
}

static void key_mailbox(struct parse *p, yaml_node_t *n, const char *key, struct decl *d)
{
    (void)parse_u32(p, n, key, 1, 4096, &d->given.mailbox);
}

static void key_message_bytes(struct parse *p, yaml_node_t *n, const char *key, struct decl *d)
{
    (void)parse_u32(p, n, key, 8, 32768, &d->given.message_bytes);
}

static void key_peers(struct parse *p, yaml_node_t *n, const char *key, struct decl *d)
{
    (void)parse_u32(p, n, key, 1, 4096, &d->given.peers);
}

static void key_sends(struct parse *p, yaml_node_t *n, const char *key, struct decl *d)
{
    (void)parse_u32(p, n, key, 1, 4096, &d->given.sends);
}

static void key_commit(struct parse *p, yaml_node_t *n, const char *key, struct decl *d)
{
    uint64_t ms;

    if (n->type != YAML_MAPPING_NODE) {
        parse_fail(p, n, "%s: one value: write %s: {every: 64, within: 100ms}", key, key);
        return;
    }
    parse_twice(p, n);
    for (yaml_node_pair_t *q = n->data.mapping.pairs.start; q < n->data.mapping.pairs.top; q++) {
        yaml_node_t *k = parse_node(p, q->key), *v = parse_node(p, q->value);
        const char *t = parse_scalar(k);

        if (t && !strcmp(t, "every"))
            (void)parse_u32(p, v, "every", 1, 1000000000, &d->given.commit_every);
        else if (t && !strcmp(t, "within")) {
            if (parse_duration(p, v, "within", &ms))
                d->given.commit_within_ms = ms ? (uint32_t)ms : 1;
        } else
            parse_fail(p, k, "commit: \"%s\" is not known: use every and within", t ? t : "?");
    }
}

static void key_send(struct parse *p, yaml_node_t *n, const char *key, struct decl *d)
{
    uint32_t which = 0;

    if (parse_word(p, n, key, "on_commit|eager", "", &which))
        d->given.eager = which == 1;
}

/* On host devices memory of the device is memory of the rank: device is served at the level of rank. */
static void key_durability(struct parse *p, yaml_node_t *n, const char *key, struct decl *d)
{
    uint32_t which;

    (void)d;
    (void)parse_word(p, n, key, "rank|device", "partner|file", &which);
}

static void key_lost_state(struct parse *p, yaml_node_t *n, const char *key, struct decl *d)
{
    uint32_t which;

    (void)d;
    (void)parse_word(p, n, key, "escalate", "fresh|group_fresh", &which);
}

static void key_args(struct parse *p, yaml_node_t *n, const char *key, struct decl *d)
{
    if (n->type != YAML_MAPPING_NODE) {
        parse_fail(p, n, "%s: one value: write %s: {NAME: VALUE}", key, key);
        return;
    }
    parse_twice(p, n);
    for (yaml_node_pair_t *q = n->data.mapping.pairs.start; q < n->data.mapping.pairs.top; q++) {
        yaml_node_t *k = parse_node(p, q->key), *v = parse_node(p, q->value);
        const char *name = parse_scalar(k), *t = parse_scalar(v);
        struct spec_arg *a;
        char *end;

        if (!name || !t) {
            parse_fail(p, k, "%s: only NAME: VALUE pairs: numbers or texts", key);
            continue;
        }
        if (d->arg_count == SPEC_ARGS) {
            parse_fail(p, k, "%s: more than %d arguments: that is the limit", key, SPEC_ARGS);
            return;
        }
        a = &d->args[d->arg_count++];
        *a = (struct spec_arg){.name = strdup(name), .text = strdup(t), .kind = SPEC_ARG_TEXT};
        if (v->data.scalar.style != YAML_PLAIN_SCALAR_STYLE || !*t)
            continue;
        errno = 0;
        a->u64 = strtoull(t, &end, 10);
        if (!errno && !*end && isdigit((unsigned char)*t)) {
            a->kind = SPEC_ARG_U64;
            continue;
        }
        a->f64 = strtod(t, &end);
        if (!*end)
            a->kind = SPEC_ARG_F64;
    }
}

enum { AT_SUP = 1, AT_ACTOR = 2, AT_JOB = 4 };

static const struct key {
    const char *name;
    int where;
    void (*parse)(struct parse *p, yaml_node_t *n, const char *key, struct decl *d);
} keys[] = {
    {"strategy", AT_SUP, key_strategy},       {"intensity", AT_SUP, key_intensity},
    {"max_children", AT_SUP, key_max_children},
    {"start", AT_SUP | AT_ACTOR, key_start},
    {"period", AT_SUP, key_period},           {"auto_shutdown", AT_SUP, key_auto},
    {"restart", AT_SUP | AT_ACTOR, key_restart},
    {"significant", AT_SUP | AT_ACTOR, key_significant},
    {"shutdown", AT_SUP | AT_ACTOR, key_shutdown},
    {"count", AT_SUP | AT_ACTOR, key_count},  {"place", AT_SUP | AT_ACTOR, key_place},
    {"state", AT_ACTOR, key_state},           {"type", AT_ACTOR, key_type},
    {"deadline", AT_ACTOR, key_deadline},     {"mailbox", AT_ACTOR, key_mailbox},
    {"message_bytes", AT_ACTOR, key_message_bytes},
    {"peers", AT_ACTOR, key_peers},           {"sends", AT_ACTOR, key_sends},
    {"commit", AT_ACTOR, key_commit},         {"send", AT_ACTOR, key_send},
    {"durability", AT_ACTOR, key_durability}, {"lost_state", AT_ACTOR, key_lost_state},
    {"args", AT_ACTOR, key_args},
    {"backoff", AT_SUP | AT_ACTOR, key_backoff},
    {"local_restarts", AT_SUP | AT_ACTOR, key_local_restarts},
    {"waiting", AT_SUP, key_waiting},
    {"on_cause", AT_SUP | AT_ACTOR, key_on_cause},
    {"depends", AT_SUP | AT_ACTOR, key_depends},
    {"start_deadline", AT_ACTOR, key_start_deadline},
    {"poison", AT_ACTOR, key_poison},
    {"intensity_per_child", AT_SUP, key_intensity_per_child},
    {"count_infrastructure", AT_SUP, key_count_infrastructure},
    {"restart_on_giveup", AT_SUP, key_restart_on_giveup},
    {"on_giveup", AT_SUP, key_on_giveup},
    {"shutdown_deadline", AT_SUP, key_shutdown_deadline},
};
static const char *const structural[] = {"supervisor", "actor", "children"};
static const char *const job_keys[] = {"treewarden", "name", "program", "devices", "drills"};

/* -- unknown keys: the nearest known one ---------------------------------------------------------- */

static size_t distance(const char *a, const char *b)
{
    size_t row[64], n = strlen(b);

    if (n >= 63 || strlen(a) >= 63)
        return 99;
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t before = row[0];

        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t here = row[j], best = before + (a[i - 1] != b[j - 1]);

            best = row[j] + 1 < best ? row[j] + 1 : best;
            row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            before = here;
        }
    }
    return row[n];
}

static void unknown_key(struct parse *p, const yaml_node_t *k, const char *t, int where)
{
    const char *best = NULL;
    size_t near = strlen(t) < 6 ? strlen(t) / 2 + 1 : 4;

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (keys[i].where & where && distance(t, keys[i].name) < near) {
            near = distance(t, keys[i].name);
            best = keys[i].name;
        }
    for (size_t i = 0; where & AT_JOB && i < sizeof job_keys / sizeof job_keys[0]; i++)
        if (distance(t, job_keys[i]) < near) {
            near = distance(t, job_keys[i]);
            best = job_keys[i];
        }
    if (best)
        parse_fail(p, k, "%s: no such key here: did you mean %s?", t, best);
    else
        parse_fail(p, k, "%s: no such key of %s: doc/spec.md lists them all", t,
             where & AT_ACTOR ? "an actor" : "a supervisor");
}

/* -- declarations --------------------------------------------------------------------------------- */

void decl_free(struct decl *d)
{
    while (d) {
        struct decl *next = d->next;

        decl_free(d->first);
        for (uint32_t i = 0; i < d->arg_count; i++) {
            free(d->args[i].name);
            free(d->args[i].text);
        }
        free(d->name);
        free(d->type);
        free(d);
        d = next;
    }
}

static void defaults(struct decl *d, bool actor)
{
    d->place_index = -1;
    d->given = (struct spec_vertex){
        .kind = actor ? SPEC_ACTOR : SPEC_SUPERVISOR, .intensity = 1, .period_ms = 5000,    /* I4 */
        .shutdown_kind = actor ? SHUTDOWN_MS : SHUTDOWN_INFINITY, .shutdown_ms = 5000,      /* S5 */
        .place_device = SPEC_NONE, .deadline_ms = 1000, .mailbox = 64, .message_bytes = 256, .peers = 16,
        .sends = 8, .commit_every = 64, .commit_within_ms = 100};
}

static bool name_is_fine(const char *t)
{
    if (!isalpha((unsigned char)*t) || strlen(t) > 40)
        return false;
    for (; *t; t++)
        if (!isalnum((unsigned char)*t) && *t != '_' && *t != '-')
            return false;
    return true;
}

static void parse_key(struct parse *p, yaml_node_t *k, yaml_node_t *v, struct decl *d, int where)
{
    const char *t = parse_scalar(k);

    if (!t) {
        parse_fail(p, k, "a key must be a word: remove it");
        return;
    }
    for (size_t i = 0; i < sizeof structural / sizeof structural[0]; i++)
        if (!strcmp(t, structural[i]))
            return;
    for (size_t i = 0; where & AT_JOB && i < sizeof job_keys / sizeof job_keys[0]; i++)
        if (!strcmp(t, job_keys[i]))
            return;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (strcmp(t, keys[i].name) != 0)
            continue;
        if (keys[i].where & where)
            keys[i].parse(p, v, t, d);
        else
            parse_fail(p, k, "%s: is a key of %s, not of %s: remove it", t,
                 keys[i].where & AT_SUP ? "supervisors" : "actors",
                 where & AT_ACTOR ? "an actor" : "a supervisor");
        return;
    }
    unknown_key(p, k, t, where);
}

static struct decl *parse_decl(struct parse *p, yaml_node_t *n, struct decl *parent, int where, int depth);

static void parse_children(struct parse *p, yaml_node_t *list, struct decl *d, int depth)
{
    if (list->type != YAML_SEQUENCE_NODE) {
        parse_fail(p, list, "children: not a list: begin each child with a dash");
        return;
    }
    for (yaml_node_item_t *i = list->data.sequence.items.start; i < list->data.sequence.items.top; i++) {
        struct decl *c = parse_decl(p, parse_node(p, *i), d, 0, depth + 1);

        if (!c)
            continue;
        for (struct decl *o = d->first; o; o = o->next)
            if (!strcmp(o->name, c->name))
                parse_fail(p, parse_node(p, *i), "%s: two children of %s have this name, the first in line %d: names "
                           "are paths: rename one", c->name, d->name, o->given.line);
        if (d->last)
            d->last->next = c;
        else
            d->first = c;
        d->last = c;
    }
}

/* Children that were refused have said so themselves. */
static bool value_has_items(struct parse *p, const yaml_node_t *n)
{
    const yaml_node_t *c = parse_value(p, n, "children");

    return c && (c->type != YAML_SEQUENCE_NODE || c->data.sequence.items.top > c->data.sequence.items.start);
}

static bool is_pool(const struct decl *d) { return d && d->given.strategy == SIMPLE_ONE_FOR_ONE; }

/* The place of a key's value, or of the whole declaration. */
static yaml_node_t *place_of(struct parse *p, yaml_node_t *n, const char *key)
{
    yaml_node_t *v = parse_value(p, n, key);

    return v ? v : n;
}

/* Instances are made like it; how many, its supervisor says. */
static void check_template(struct parse *p, yaml_node_t *n, struct decl *d)
{
    const struct decl *pool = d->parent;

    if (d->extra.quarantine)
        parse_fail(p, place_of(p, n, "on_giveup"), "%s: on_giveup: quarantine: no call restarts an instance of a pool, "
                   "so nobody could lift it: write escalate, or put what may give up under a supervisor of %s", d->name,
                   d->name);
    if (parse_value(p, n, "count"))
        parse_fail(p, place_of(p, n, "count"), "%s: count: of the instances of %s there are max_children, and they are "
                   "started one by one at run time: remove it", d->name, pool->name);
    if (parse_value(p, n, "start"))
        parse_fail(p, place_of(p, n, "start"), "%s: start: the instances of %s are all started later: remove it",
                   d->name, pool->name);
    for (uint32_t cause = 0; cause < CAUSE_COUNT; cause++)
        if (d->extra.on_cause[cause] == ACTION_QUARANTINE) {
            parse_fail(p, place_of(p, n, "on_cause"), "%s: on_cause: quarantine: a pool forgets an instance that is down, "
                       "so nobody could restart it: write stop", d->name);
            break;
        }
    d->is_template = true;
    d->given.dynamic = false;
    d->count_dims = 1;
    d->count[0] = pool->max_children ? pool->max_children : 1;
}

static void check_pool(struct parse *p, yaml_node_t *n, const struct decl *d)
{
    if (!is_pool(d)) {
        if (d->max_children)
            parse_fail(p, place_of(p, n, "max_children"), "%s: max_children: only a pool starts children without end: write "
                       "strategy: simple_one_for_one, or remove it", d->name);
        return;
    }
    if (!parse_value(p, n, "max_children"))
        parse_fail(p, place_of(p, n, "strategy"), "%s: simple_one_for_one: without max_children: slots for that many "
                   "instances are kept from the start: write for example max_children: 16", d->name);
    if (d->first && d->first->next)
        parse_fail(p, n, "%s: simple_one_for_one: %s is a second child: a pool has one, that its instances are made like: "
                   "give %s a supervisor of its own", d->name, d->first->next->name, d->first->next->name);
}

static const struct decl *last_later(const struct decl *d)
{
    const struct decl *found = NULL;

    for (const struct decl *o = d->parent ? d->parent->first : NULL; o; o = o->next)
        if (o->given.dynamic)
            found = o;
    return found;                       /* d itself is not in the list yet */
}

/* M1: a child that is started at run time comes behind those that were there. */
static void check_later(struct parse *p, yaml_node_t *n, const struct decl *d)
{
    const struct decl *later = last_later(d);

    if (!d->given.dynamic && later)
        parse_fail(p, n, "%s stands behind %s, which is started later and so comes behind it: move %s up", d->name,
                   later->name, d->name);
    if (d->given.dynamic && !d->parent)
        parse_fail(p, place_of(p, n, "start"), "%s: start: later: nobody starts the root: remove it", d->name);
    for (uint32_t i = 0; i < d->depend_count; i++)
        if (d->depends[i]->given.dynamic)
            parse_fail(p, place_of(p, n, "depends"), "%s: depends on %s, which may not be there: remove it, or start: later "
                       "of %s", d->name, d->depends[i]->name, d->depends[i]->name);
}

static void check_decl(struct parse *p, yaml_node_t *n, struct decl *d)
{
    const struct decl *up = d->parent;

    if (is_pool(up))
        check_template(p, n, d);
    check_pool(p, n, d);
    check_later(p, n, d);
    if (d->given.significant && d->given.restart == RESTART_PERMANENT)
        parse_fail(p, n, "%s: significant and permanent: a permanent child never ends for good, so its end can mean "
             "nothing: write restart: transient", d->name);
    if (d->given.significant && up && up->given.auto_shutdown == AUTO_NEVER)
        parse_fail(p, n, "%s: significant, but %s has auto_shutdown: never: write auto_shutdown: any_significant "
             "there", d->name, up->name);
    if (d->place_index >= (int)d->count_dims && d->place_index >= 0)
        parse_fail(p, n, "%s: place: $%d, but it has %u indices: give a count, or a rank number", d->name,
             d->place_index, d->count_dims);
    if (d->given.kind == SPEC_ACTOR && d->given.sends > d->given.mailbox)
        parse_fail(p, n, "%s: sends: %u, but mailbox: %u: one handler call could never send so many: raise mailbox",
             d->name, d->given.sends, d->given.mailbox);
    extra_check(p, n, d);
    if (d->given.kind == SPEC_SUPERVISOR && !d->first && !value_has_items(p, n))
        parse_fail(p, n, "%s: a supervisor without children: give it some, or remove it", d->name);
}

/* Is this a declaration at all, and not one too many?  An alias (*name) can make a tree that never ends, or one
 * that doubles with each line. */
static bool may_be_declared(struct parse *p, yaml_node_t *n, bool named, int depth)
{
    int id = (int)(n - p->doc.nodes.start);

    if (p->too_many)
        return false;
    if (!named) {
        parse_fail(p, n, "a child is either `supervisor: NAME` or `actor: NAME`: write one of them");
        return false;
    }
    for (int i = 0; i < depth && i <= PARSE_DEPTH_MAX; i++)
        if (p->above[i] == id) {
            parse_fail(p, n, "an alias makes this branch a part of itself: write it out, or remove the alias");
            return false;
        }
    if (depth > PARSE_DEPTH_MAX) {
        parse_fail(p, n, "deeper than %d levels: that is the limit: flatten the tree", PARSE_DEPTH_MAX);
        return false;
    }
    if (++p->decls > SPEC_VERTICES_MAX) {
        p->too_many = true;
        parse_fail(p, NULL, "the tree has more than %u vertices: that is this version's limit: lower the counts",
             SPEC_VERTICES_MAX);
        return false;
    }
    p->above[depth] = id;
    return true;
}

static struct decl *parse_decl(struct parse *p, yaml_node_t *n, struct decl *parent, int where, int depth)
{
    yaml_node_t *sup = parse_value(p, n, "supervisor"), *actor = parse_value(p, n, "actor"), *children;
    const char *name = parse_scalar(sup ? sup : actor);
    struct decl *d;

    if (!may_be_declared(p, n, name && !(sup && actor), depth))
        return NULL;
    if (!name_is_fine(name))
        parse_fail(p, sup ? sup : actor, "\"%s\" is no name: letters, digits, _ and -, a letter first, at most 40",
             name);
    d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    defaults(d, actor != NULL);
    d->name = strdup(name);
    d->type = actor ? strdup(name) : NULL;
    d->parent = parent;
    d->given.line = (int)n->start_mark.line + 1;
    d->given.column = (int)n->start_mark.column + 1;
    parse_twice(p, n);
    for (yaml_node_pair_t *q = n->data.mapping.pairs.start; q < n->data.mapping.pairs.top; q++)
        parse_key(p, parse_node(p, q->key), parse_node(p, q->value), d, where | (actor ? AT_ACTOR : AT_SUP));
    d->given.message_bytes = (d->given.message_bytes + 7u) & ~7u;
    children = parse_value(p, n, "children");
    if (children && actor)
        parse_fail(p, children, "%s: children of an actor are not built in this version: put them beside it under a "
             "supervisor", name);
    else if (children)
        parse_children(p, children, d, depth);
    check_decl(p, n, d);
    return d;
}

/* -- the job's own keys --------------------------------------------------------------------------- */

static uint32_t spares_of(uint32_t slots) { return (slots + 31) / 32; }

static void parse_devices(struct parse *p, yaml_node_t *n)
{
    struct spec *s = p->s;
    bool spares = false;
    uint32_t which;

    s->devices.slots = s->devices.host_slots = 8;
    if (n && n->type != YAML_MAPPING_NODE) {
        parse_fail(p, n, "devices: not a mapping: write devices: {per_rank: 2, slots: 16}");
        n = NULL;
    }
    if (n)
        parse_twice(p, n);
    for (yaml_node_pair_t *q = n ? n->data.mapping.pairs.start : NULL; q && q < n->data.mapping.pairs.top; q++) {
        yaml_node_t *k = parse_node(p, q->key), *v = parse_node(p, q->value);
        const char *t = parse_scalar(k);

        if (t && !strcmp(t, "per_rank"))
            (void)parse_u32(p, v, t, 1, 64, &s->devices.per_rank);
        else if (t && !strcmp(t, "slots"))
            (void)parse_u32(p, v, t, 1, 200, &s->devices.slots);
        else if (t && !strcmp(t, "spares"))
            spares = parse_u32(p, v, t, 0, 50, &s->devices.spares);
        else if (t && !strcmp(t, "host_slots"))
            (void)parse_u32(p, v, t, 1, 200, &s->devices.host_slots);
        else if (t && !strcmp(t, "kind")) {
            if (parse_word(p, v, t, "host|any|cuda", "", &which))
                s->devices.kind = (enum spec_device_kind)which;
        } else if (t && !strcmp(t, "on_stop")) {
            if (parse_word(p, v, t, "restart", "wait", &which))
                s->devices.on_stop = (enum spec_on_stop)which;
        } else {
            parse_fail(p, k, "devices: \"%s\" is not known: use per_rank, slots, spares, kind, host_slots, on_stop",
                       t ? t : "?");
        }
    }
    s->devices.host_spares = spares ? s->devices.spares : spares_of(s->devices.host_slots);
    if (!spares)
        s->devices.spares = spares_of(s->devices.slots);
    if (s->devices.kind == SPEC_DEVICE_HOST && s->devices.per_rank == 0)
        s->devices.per_rank = 1;
}

static void drill_within(struct parse *p, yaml_node_t *n, struct spec_drill *d)
{
    const char *low, *high;

    if (n->type != YAML_SEQUENCE_NODE ||
        n->data.sequence.items.top - n->data.sequence.items.start != 2) {
        parse_fail(p, n, "within: not two ends: write within: [1s, 20s] or within: [step 100, step 900]");
        return;
    }
    low = parse_scalar(parse_node(p, n->data.sequence.items.start[0]));
    high = parse_scalar(parse_node(p, n->data.sequence.items.start[1]));
    if (low && high && step_of(low, &d->low) && step_of(high, &d->high)) {
        d->at = SPEC_AT_RANDOM_STEP;
    } else if (low && high && spec_duration_ms(low) >= 0 && spec_duration_ms(high) >= 0) {
        d->at = SPEC_AT_RANDOM_TIME;
        d->low = (uint64_t)spec_duration_ms(low);
        d->high = (uint64_t)spec_duration_ms(high);
    } else {
        parse_fail(p, n, "within: two durations or two steps: write within: [1s, 20s] or [step 100, step 900]");
        return;
    }
    if (d->low > d->high)
        parse_fail(p, n, "within: the first end is behind the second: swap them");
}

static void drill_at(struct parse *p, yaml_node_t *n, struct spec_drill *d)
{
    const char *t = parse_scalar(n), *path;
    yaml_node_t *step = parse_value(p, n, "step");

    if (t && !strcmp(t, "random"))
        return;
    if (t && spec_duration_ms(t) >= 0) {
        d->at = SPEC_AT_TIME;
        d->low = d->high = (uint64_t)spec_duration_ms(t);
        return;
    }
    path = parse_scalar(parse_value(p, n, "path"));
    if (!path || !step || !parse_number(p, step, "step", 1, UINT64_MAX, &d->low)) {
        parse_fail(p, n, "at: neither random, a time, nor {path: P, step: N}: write one of them");
        return;
    }
    d->at = SPEC_AT_STEP;
    snprintf(d->at_path, sizeof d->at_path, "%s", path);
}

static void drill_keys(struct parse *p, yaml_node_t *n)
{
    static const char known[] = " path how at within after ";
    char word[16];

    parse_twice(p, n);
    for (yaml_node_pair_t *q = n->data.mapping.pairs.start; q < n->data.mapping.pairs.top; q++) {
        const char *t = parse_scalar(parse_node(p, q->key));

        snprintf(word, sizeof word, " %.12s ", t ? t : "?");
        if (!strstr(known, word))
            parse_fail(p, parse_node(p, q->key), "drills: \"%s\" is not known: use path, how, at, within, after",
                       t ? t : "?");
    }
}

static void parse_drill(struct parse *p, yaml_node_t *n, struct spec_drill *d, bool first)
{
    yaml_node_t *at = parse_value(p, n, "at"), *within = parse_value(p, n, "within");
    yaml_node_t *after = parse_value(p, n, "after"), *how = parse_value(p, n, "how");
    const char *path = parse_scalar(parse_value(p, n, "path"));
    int which = parse_scalar(how) ? drill_how_of(parse_scalar(how)) : -1;

    if (n->type != YAML_MAPPING_NODE || !path || which < 0 || (!at && !after)) {
        parse_fail(p, n, "drills: each needs path, how (fail, overrun, wedge, segv, kill-worker, stop-worker, kill, "
             "restart) and at or after");
        return;
    }
    drill_keys(p, n);
    d->line = (int)n->start_mark.line + 1;
    d->column = (int)n->start_mark.column + 1;
    d->how = (uint32_t)which;
    snprintf(d->glob, sizeof d->glob, "%s", path);
    if (at)
        drill_at(p, at, d);
    if (within)
        drill_within(p, within, d);
    else if (at && parse_scalar(at) && !strcmp(parse_scalar(at), "random"))
        parse_fail(p, n, "drills: at: random needs within: [FROM, TO]");
    if (!after)
        return;
    d->at = SPEC_AT_AFTER;
    if (first || !parse_duration(p, after, "after", &d->low))
        parse_fail(p, after, "after: counts from the drill before it in the list%s", first ? ": there is none" : "");
    d->high = d->low;
}

static void parse_drills(struct parse *p, yaml_node_t *n)
{
    struct spec *s = p->s;
    size_t count;

    if (!n)
        return;
    s->drills_declared = true;
    if (n->type != YAML_SEQUENCE_NODE) {
        parse_fail(p, n, "drills: not a list: begin each drill with a dash");
        return;
    }
    count = (size_t)(n->data.sequence.items.top - n->data.sequence.items.start);
    s->drills = calloc(count + 1, sizeof *s->drills);
    for (size_t i = 0; s->drills && i < count; i++) {
        parse_drill(p, parse_node(p, n->data.sequence.items.start[i]), &s->drills[i], i == 0);
        s->drill_count++;
    }
}

static void parse_job(struct parse *p, yaml_node_t *top)
{
    struct spec_store *st = p->s->store;
    const char *version, *name, *program;

    if (!top || top->type != YAML_MAPPING_NODE) {
        parse_fail(p, top, "not a specification: the file must be a mapping that begins with treewarden: 1");
        return;
    }
    version = parse_scalar(parse_value(p, top, "treewarden"));
    if (!version || strcmp(version, "1") != 0)
        parse_fail(p, top, "treewarden: %s: this version reads specifications of version 1: begin the file with "
             "treewarden: 1", version ? version : "missing");
    name = parse_scalar(parse_value(p, top, "name"));
    program = parse_scalar(parse_value(p, top, "program"));
    if (!name || !name_is_fine(name))
        parse_fail(p, parse_value(p, top, "name") ? parse_value(p, top, "name") : top, "name: %s: write name: NAME (letters, "
             "digits, _ and -, a letter first, at most 40)", parse_value(p, top, "name") ? "not a name" : "missing");
    if (parse_value(p, top, "program") && (!program || !*program))
        parse_fail(p, parse_value(p, top, "program"), "program: not a name: write program: NAME, where NAME.so lies beside "
             "this file");
    else if (program && strchr(program, '/'))
        parse_fail(p, parse_value(p, top, "program"), "program: a name, not a path: NAME.so is looked for beside this "
             "file");
    p->s->name = strdup(name ? name : "?");
    p->s->program = strdup(program ? program : name ? name : "?");
    parse_devices(p, parse_value(p, top, "devices"));
    parse_drills(p, parse_value(p, top, "drills"));
    if (!parse_value(p, top, "supervisor")) {
        parse_fail(p, top, "supervisor: missing: the top of the tree must be a supervisor: write supervisor: NAME");
        return;
    }
    st->top = parse_decl(p, top, NULL, AT_JOB, 0);
    if (st->top && (st->top->count_dims || st->top->given.place == SPEC_PLACE_RANK))
        parse_fail(p, top, "%s: the root supervisor has no count and no place: remove them", st->top->name);
}

/* -- overrides ------------------------------------------------------------------------------------ */

static int remember(struct parse *p, int id, int which)
{
    int at = id - 1 - p->first_set_node;

    if (id > 0 && at >= 0 && at < p->set_nodes)
        p->set_of_node[at] = which;
    return id;
}

static int add_scalar(struct parse *p, const char *text, size_t bytes, int which)
{
    return remember(p, yaml_document_add_scalar(&p->doc, NULL, (const yaml_char_t *)text, (int)bytes,
                                                YAML_PLAIN_SCALAR_STYLE), which);
}

/* Set or add KEY of a mapping. */
static void put_key(struct parse *p, int map, const char *key, size_t key_bytes, int value, int which)
{
    yaml_node_t *n = parse_node(p, map);

    for (yaml_node_pair_t *q = n->data.mapping.pairs.start; q < n->data.mapping.pairs.top; q++) {
        const char *t = parse_scalar(parse_node(p, q->key));

        if (t && strlen(t) == key_bytes && !strncmp(t, key, key_bytes)) {
            q->value = value;
            return;
        }
    }
    (void)yaml_document_append_mapping_pair(&p->doc, map, add_scalar(p, key, key_bytes, which), value);
}

static int child_named(struct parse *p, int map, const char *name, size_t bytes)
{
    yaml_node_t *list = parse_value(p, parse_node(p, map), "children");

    if (!list || list->type != YAML_SEQUENCE_NODE)
        return 0;
    for (yaml_node_item_t *i = list->data.sequence.items.start; i < list->data.sequence.items.top; i++) {
        yaml_node_t *c = parse_node(p, *i);
        const char *t = parse_scalar(parse_value(p, c, "supervisor"));

        if (!t)
            t = parse_scalar(parse_value(p, c, "actor"));
        if (t && strlen(t) == bytes && !strncmp(t, name, bytes))
            return *i;
    }
    return 0;
}

/* The mapping that PATH names: a declaration's path without indices, or `devices`. */
static int map_named(struct parse *p, const char *path, size_t bytes, int which)
{
    const char *top = parse_scalar(parse_value(p, parse_node(p, 1), "supervisor")), *end = path + bytes;
    size_t n = strcspn(path, "/.");
    int map = 1;

    if (parse_node(p, 1)->type != YAML_MAPPING_NODE)
        return 0;
    if (n == bytes && !strncmp(path, "devices", n) && n == 7) {
        yaml_node_t *d = parse_value(p, parse_node(p, 1), "devices");
        int fresh;

        if (d)
            return (int)(d - p->doc.nodes.start) + 1;
        fresh = remember(p, yaml_document_add_mapping(&p->doc, NULL, YAML_FLOW_MAPPING_STYLE), which);
        put_key(p, 1, "devices", n, fresh, which);
        return fresh;
    }
    if (!top || strlen(top) != n || strncmp(top, path, n) != 0)
        return 0;
    for (path += n; map && path < end; path += n) {
        n = strcspn(++path, "/.");
        map = child_named(p, map, path, n);
    }
    return map;
}

static void apply_set(struct parse *p, int which)
{
    const char *set = p->sets[which], *equals = strchr(set, '='), *slash, *dot;
    int map, value;

    slash = equals ? memrchr(set, '/', (size_t)(equals - set)) : NULL;
    dot = equals ? memchr(slash ? slash : set, '.', (size_t)(equals - (slash ? slash : set))) : NULL;
    if (!dot) {
        parse_fail(p, NULL, "--set %s: not PATH.key=value: write for example --set plate/rows/tile.count=2x4", set);
        return;
    }
    map = map_named(p, set, (size_t)(dot - set), which);
    if (!map) {
        parse_fail(p, NULL, "--set %s: the specification declares nothing with that path: paths are without indices",
             set);
        return;
    }
    value = add_scalar(p, equals + 1, strlen(equals + 1), which);
    for (const char *key = dot + 1; key < equals;) {
        const char *next = memchr(key, '.', (size_t)(equals - key));
        size_t bytes = (size_t)((next ? next : equals) - key);
        char name[64];
        yaml_node_t *inner;

        if (!next) {
            put_key(p, map, key, bytes, value, which);
            return;
        }
        snprintf(name, sizeof name, "%.*s", (int)bytes, key);
        inner = parse_value(p, parse_node(p, map), name);
        if (!inner || inner->type != YAML_MAPPING_NODE) {
            int fresh = remember(p, yaml_document_add_mapping(&p->doc, NULL, YAML_FLOW_MAPPING_STYLE), which);

            put_key(p, map, key, bytes, fresh, which);
            map = fresh;
        } else {
            map = (int)(inner - p->doc.nodes.start) + 1;
        }
        key = next + 1;
    }
}

/* -- the file ------------------------------------------------------------------------------------- */

static char *read_file(struct parse *p, size_t *ret_bytes)
{
    FILE *f = fopen(p->s->file, "rb");
    char *text = malloc(FILE_BYTES_MAX + 1), what[512];

    if (!f || !text) {
        snprintf(what, sizeof what, "%s: cannot be read: %s: check the name", p->s->file, strerror(errno));
        p->error(p->self, what);
        free(text);
        if (f)
            fclose(f);
        return NULL;
    }
    *ret_bytes = fread(text, 1, FILE_BYTES_MAX + 1, f);
    if (ferror(f)) {
        snprintf(what, sizeof what, "%s: cannot be read: %s: give a file", p->s->file, strerror(errno));
        p->error(p->self, what);
        free(text);
        text = NULL;
    } else if (*ret_bytes > FILE_BYTES_MAX) {
        parse_fail(p, NULL, "larger than 1 MiB: that is no specification");
    }
    fclose(f);
    return text;
}

static void hash_all(struct parse *p, const char *text, size_t bytes, int count)
{
    XXH64_hash_t h = XXH3_64bits(text, bytes);

    for (int i = 0; i < count; i++)
        h = XXH3_64bits_withSeed(p->sets[i], strlen(p->sets[i]), h);
    p->s->hash = h;
}

static void not_yaml(struct parse *p, const yaml_parser_t *parser, const char *text, size_t bytes)
{
    size_t line = parser->problem_mark.line + 1, column = parser->problem_mark.column + 1;
    char what[512];

    if (parser->error == YAML_READER_ERROR) {   /* bytes that are no text: the parser knows only the offset */
        line = column = 1;
        for (size_t i = 0; i < parser->problem_offset && i < bytes; i++, column++)
            if (text[i] == '\n') {
                line++;
                column = 0;
            }
    }
    snprintf(what, sizeof what, "%.200s:%zu:%zu: not YAML: %s%s%s: mend the line or the one before it", p->s->file,
             line, column, parser->problem ? parser->problem : "?", parser->context ? " " : "",
             parser->context ? parser->context : "");
    p->error(p->self, what);
    p->errors++;
}

/* A second document would be ignored without a word. */
static void only_one(struct parse *p, yaml_parser_t *parser)
{
    yaml_document_t second;
    yaml_node_t *root;

    if (!yaml_parser_load(parser, &second))
        return;
    root = yaml_document_get_root_node(&second);
    if (root) {
        char what[512];

        snprintf(what, sizeof what, "%.200s:%zu:1: a second document: a specification is one: remove it or the line "
                 "---", p->s->file, root->start_mark.line + 1);
        p->error(p->self, what);
        p->errors++;
    }
    yaml_document_delete(&second);
}

/* libyaml's time grows with the square of open brackets; no specification nests so deep. */
static bool is_too_deep(const char *text, size_t bytes)
{
    int open = 0;

    for (size_t i = 0; i < bytes && open <= BRACKETS_MAX; i++)
        open += text[i] == '[' || text[i] == '{' ? 1 : text[i] == ']' || text[i] == '}' ? -1 : 0;
    return open > BRACKETS_MAX;
}

static void load_document(struct parse *p, const char *text, size_t bytes, int count)
{
    yaml_parser_t parser;

    if (is_too_deep(text, bytes)) {
        parse_fail(p, NULL, "more than %d open brackets: that is no specification", BRACKETS_MAX);
        return;
    }
    if (!yaml_parser_initialize(&parser))
        return;
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, bytes);
    if (!yaml_parser_load(&parser, &p->doc)) {
        not_yaml(p, &parser, text, bytes);
        yaml_parser_delete(&parser);
        return;
    }
    only_one(p, &parser);
    yaml_parser_delete(&parser);
    p->first_set_node = (int)(p->doc.nodes.top - p->doc.nodes.start);
    if (yaml_document_get_root_node(&p->doc))
        for (int i = 0; i < count; i++)
            apply_set(p, i);
    parse_job(p, yaml_document_get_root_node(&p->doc));
    yaml_document_delete(&p->doc);
}

int spec_parse(struct spec *s, const char *const *sets, int count, spec_error_f error, void *self)
{
    struct parse p = {.s = s, .error = error, .self = self, .sets = sets, .set_nodes = 8 * count};
    size_t bytes = 0;
    char *text = read_file(&p, &bytes);

    p.set_of_node = calloc((size_t)p.set_nodes + 1, sizeof *p.set_of_node);
    if (!text || !p.set_of_node) {
        free(text);
        free(p.set_of_node);
        return text ? TW_ENOMEM : TW_ENOENT;
    }
    if (p.errors == 0) {
        hash_all(&p, text, bytes, count);
        load_document(&p, text, bytes, count);
    }
    free(text);
    free(p.set_of_node);
    return p.errors;
}
