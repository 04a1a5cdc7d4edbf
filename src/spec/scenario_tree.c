/* scenario_tree.c - nodes to vertices, vertices to ranks */
#include "spec/scenario_tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/splitmix.h"
#include "spec/placement.h"
#include "spec/spec_impl.h"

#define SLOTS 64u                       /* of a device, at most: a thread each */
#define SPARES 2u                       /* a killed worker's thread may be slow to leave its slot */

static const char *const kinds[] = {
#define X(name, text) text,
    SCENARIO_HOMES_LIST(X)
#undef X
};

int scenario_homes_parse(const char *text, struct scenario_homes *ret)
{
    const char *number;
    char *end;

    for (unsigned k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        if (strncmp(text, kinds[k], strlen(kinds[k])) != 0)
            continue;
        *ret = (struct scenario_homes){(enum scenario_homes_kind)k, 0};
        number = text + strlen(kinds[k]);
        if (k == HOMES_SPREAD || k == HOMES_BRANCH)
            return *number ? TW_EINVAL : 0;
        if (*number < '0' || *number > '9')
            return TW_EINVAL;
        errno = 0;
        ret->number = strtoull(number, &end, 10);
        return *end || errno ? TW_EINVAL : 0;
    }
    return TW_EINVAL;
}

/* -- nodes to vertices ---------------------------------------------------------------------------- */

static void fill(struct spec_vertex *v, const struct scenario_node *n, struct spec_arg *start)
{
    *v = (struct spec_vertex){
        .id = n->spec.id, .parent = n->parent, .first_child = SPEC_NONE, .next_sibling = SPEC_NONE,
        .kind = n->spec.supervisor ? SPEC_SUPERVISOR : SPEC_ACTOR, .actor = n->spec.supervisor ? NULL : "worker",
        .strategy = n->spec.strategy, .auto_shutdown = n->spec.auto_shutdown, .restart = n->spec.restart,
        .shutdown_kind = n->spec.shutdown, .shutdown_ms = n->spec.shutdown_ms, .intensity = n->spec.intensity,
        .period_ms = n->spec.period_ms, .significant = n->spec.significant, .state_init = true,
        .dynamic = n->spec.dynamic, .sibling_name = n->spec.name, .place_device = SPEC_NONE, .deadline_ms = 1000,
        .mailbox = 1, .message_bytes = 8, .peers = 1, .sends = 1, .commit_every = 1, .commit_within_ms = 1,
        .args = start, .arg_count = n->spec.supervisor ? 0 : 1};
}

/* From the last to the first: so each goes in front of its later siblings. */
static void link_children(struct spec *s)
{
    for (uint32_t v = s->vertex_count; v-- > 0;) {
        uint32_t p = s->vertices[v].parent;

        if (p == SPEC_NONE)
            continue;
        s->vertices[v].next_sibling = s->vertices[p].first_child;
        s->vertices[p].first_child = v;
        s->vertices[p].child_count++;
    }
}

/* Parents stand above their children. */
static int name_vertices(struct spec *s, const struct scenario_node *nodes, struct reason *why)
{
    char *at = ((struct spec_store *)s->store)->strings;

    for (uint32_t v = 0; v < s->vertex_count; v++, at += SPEC_PATH_BYTES) {
        uint32_t p = s->vertices[v].parent;
        int n = snprintf(at, SPEC_PATH_BYTES, "%s%s%s", p == SPEC_NONE ? "" : s->vertices[p].path,
                         p == SPEC_NONE ? "" : "/", nodes[v].name);

        if (n >= SPEC_PATH_BYTES)
            return reason_set(why, TW_EINVAL, "%s: %s: its path is longer than %d bytes: flatten the tree", s->file,
                              nodes[v].name, SPEC_PATH_BYTES - 1);
        s->vertices[v].path = at;
        s->vertices[v].name = strrchr(at, '/') ? strrchr(at, '/') + 1 : at;
    }
    return 0;
}

static int hash_file(struct spec *s, struct reason *why)
{
    FILE *f = fopen(s->file, "r");
    unsigned char part[4096];
    size_t n;

    if (!f)
        return reason_set(why, TW_ENOENT, "%s: cannot be read: %s: check the name", s->file, strerror(errno));
    s->hash = SPEC_HASH_BASIS;
    while ((n = fread(part, 1, sizeof part, f)) > 0)
        s->hash = spec_hash_more(s->hash, part, n);
    fclose(f);
    return 0;
}

static int build(struct scenario_tree *t, const struct scenario_node *nodes, uint32_t count, struct reason *why)
{
    struct spec *s = t->spec;
    struct spec_store *st = s->store;

    s->vertices = calloc(count, sizeof *s->vertices);
    st->strings = malloc((size_t)count * SPEC_PATH_BYTES);
    st->sorted = calloc(count, sizeof *st->sorted);
    t->start = calloc(count, sizeof *t->start);
    t->on_stop = calloc(count, 1);
    if (!s->vertices || !st->strings || !st->sorted || !t->start || !t->on_stop)
        return reason_set(why, TW_ENOMEM, "%s: not enough memory", s->file);
    s->vertex_count = count;
    for (uint32_t v = 0; v < count; v++) {
        t->start[v].name = SCENARIO_START_ARG;
        t->on_stop[v] = nodes[v].on_stop;
        fill(&s->vertices[v], &nodes[v], &t->start[v]);
    }
    link_children(s);
    if (name_vertices(s, nodes, why) != 0)
        return TW_EINVAL;
    spec_sort(s);
    return 0;
}

int scenario_tree_make(const char *file, const struct scenario_node *nodes, uint32_t count, struct scenario_tree *ret,
                       struct reason *why)
{
    struct spec *s = calloc(1, sizeof *s);
    const char *base = strrchr(file, '/') ? strrchr(file, '/') + 1 : file;
    int rc = TW_ENOMEM;

    *ret = (struct scenario_tree){.spec = s};
    if (!s)
        return reason_set(why, rc, "%s: not enough memory", file);
    s->devices.per_rank = 1;
    s->devices.kind = SPEC_DEVICE_HOST;
    s->store = calloc(1, sizeof(struct spec_store));
    s->file = strdup(file);
    s->program = strdup("scenario");
    s->name = strdup(base);
    if (s->store && s->file && s->program && s->name) {
        s->name[strcspn(s->name, ".")] = '\0';
        rc = build(ret, nodes, count, why);
    } else {
        reason_set(why, rc, "%s: not enough memory", file);
    }
    if (rc == 0)
        rc = hash_file(s, why);
    if (rc != 0)
        scenario_tree_free(ret);
    return rc;
}

void scenario_tree_free(struct scenario_tree *t)
{
    spec_free(t->spec);
    free(t->start);
    free(t->on_stop);
    *t = (struct scenario_tree){NULL, NULL, NULL};
}

/* -- vertices to ranks ---------------------------------------------------------------------------- */

static uint32_t draw(uint64_t *state, uint32_t below) { return (uint32_t)(splitmix_next(state) >> 32) % below; }

static void tie(struct spec_vertex *v, uint32_t rank)
{
    v->place = SPEC_PLACE_RANK;
    v->place_rank = rank;
}

/* The top itself is the root's always; every second supervisor goes whole to a rank, the others' children are
 * drawn one by one. */
static void place_one(struct spec *s, uint32_t v, const struct scenario_homes *h, uint64_t *chance, uint32_t ranks,
                      uint32_t *next)
{
    struct spec_vertex *x = &s->vertices[v];
    bool worker = x->kind == SPEC_ACTOR;

    if (x->parent == SPEC_NONE || placement_tied_to(s, x->parent) >= 0)
        return;
    if (h->kind == HOMES_SEED && (worker || draw(chance, 2)))
        tie(x, draw(chance, ranks));
    else if (h->kind == HOMES_BRANCH || (h->kind == HOMES_SPREAD && worker))
        tie(x, (*next)++ % ranks);
}

static uint32_t most_workers(const struct spec *s, uint32_t ranks)
{
    uint32_t most = 1;

    for (uint32_t r = 0; r < ranks; r++) {
        uint32_t n = 0;

        for (uint32_t v = 0; v < s->vertex_count; v++)
            n += s->vertices[v].kind == SPEC_ACTOR && placement_tied_to(s, v) == (int)r;
        most = n > most ? n : most;
    }
    return most;
}

static void place_all(struct spec *s, const struct scenario_homes *homes, uint32_t ranks)
{
    uint64_t chance = homes->number * 0x2545f4914f6cdd1dull + 1;
    uint32_t next = 0;

    for (uint32_t v = 0; v < s->vertex_count; v++)
        place_one(s, v, homes, &chance, ranks, &next);
}

/* -- every mapping there is ----------------------------------------------------------------------- */

static uint64_t times(uint64_t a, uint64_t b) { return b && a > UINT64_MAX / b ? UINT64_MAX : a * b; }

/* Of the branch at each vertex, into ret: of a worker the ranks; of a supervisor the ranks too, and beside them what
 * its children come to one by one; the template of a pool lives nowhere.  Parents stand above their children, so they are
 * counted from the last. */
static void count_mappings(const struct spec *s, uint32_t ranks, uint64_t *ret)
{
    for (uint32_t v = 0; v < s->vertex_count; v++)
        ret[v] = 1;
    for (uint32_t v = s->vertex_count; v-- > 0;) {
        uint32_t p = s->vertices[v].parent;

        if (spec_is_template(s, v))
            ret[v] = 1;
        else if (s->vertices[v].kind == SPEC_ACTOR)
            ret[v] = ranks;
        else if (p != SPEC_NONE)
            ret[v] = ret[v] > UINT64_MAX - ranks ? UINT64_MAX : ret[v] + ranks;
        if (p != SPEC_NONE)
            ret[p] = times(ret[p], ret[v]);
    }
}

uint64_t scenario_tree_mappings(const struct scenario_tree *t, int ranks)
{
    uint64_t *counts = calloc(t->spec->vertex_count, sizeof *counts), all = 0;

    if (counts) {
        count_mappings(t->spec, (uint32_t)ranks, counts);
        all = counts[0];
    }
    free(counts);
    return all;
}

/* A mapping is a number with a digit for each child of the root's supervisors: its rank, or beyond them what is below it. */
static void map_all(struct spec *s, uint64_t number, uint32_t ranks, const uint64_t *counts, uint64_t *rest)
{
    rest[0] = number;
    for (uint32_t v = 1; v < s->vertex_count; v++) {
        uint32_t p = s->vertices[v].parent;

        if (placement_tied_to(s, p) >= 0)
            continue;
        rest[v] = rest[p] % counts[v];
        rest[p] /= counts[v];
        if (rest[v] < ranks)
            tie(&s->vertices[v], (uint32_t)rest[v]);
        else
            rest[v] -= ranks;
    }
}

static int place_mapped(struct spec *s, uint64_t number, uint32_t ranks, struct reason *why)
{
    uint64_t *counts = calloc(2 * (size_t)s->vertex_count, sizeof *counts);
    int rc = 0;

    if (!counts)
        return reason_set(why, TW_ENOMEM, "%s: not enough memory", s->file);
    count_mappings(s, ranks, counts);
    if (number < counts[0])
        map_all(s, number, ranks, counts, counts + s->vertex_count);
    else
        rc = reason_set(why, TW_EINVAL, "--homes map:%llu: on %u rank%s this tree has %llu mappings: use map:0 to map:%llu",
                        (unsigned long long)number, ranks, ranks == 1 ? "" : "s", (unsigned long long)counts[0],
                        (unsigned long long)counts[0] - 1);
    free(counts);
    return rc;
}

/* -- a place for all of it ------------------------------------------------------------------------ */

int scenario_tree_place(struct scenario_tree *t, const struct scenario_homes *homes, int ranks, struct reason *why)
{
    struct spec *s = t->spec;
    uint32_t most;
    int rc = 0;

    for (uint32_t v = 0; v < s->vertex_count; v++)
        s->vertices[v].place = SPEC_PLACE_ANY;
    if (homes->kind == HOMES_MAP)
        rc = place_mapped(s, homes->number, (uint32_t)ranks, why);
    else
        place_all(s, homes, (uint32_t)ranks);
    most = most_workers(s, (uint32_t)ranks);
    s->devices.per_rank = (most + SLOTS - 1) / SLOTS;
    s->devices.slots = most < SLOTS ? most : SLOTS;
    s->devices.spares = SPARES;
    return rc;
}
