/* scenario_tree.c - nodes to vertices, vertices to ranks */
#include "spec/scenario_tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spec/spec_impl.h"

#define SLOTS 64u                       /* of a device, at most: a thread each */
#define SPARES 2u                       /* a killed worker's thread may be slow to leave its slot */

int scenario_homes_parse(const char *text, struct scenario_homes *ret)
{
    char *end;

    *ret = (struct scenario_homes){HOMES_SPREAD, 0};
    if (!strcmp(text, "spread"))
        return 0;
    ret->kind = HOMES_BRANCH;
    if (!strcmp(text, "branch"))
        return 0;
    ret->kind = HOMES_SEED;
    if (strncmp(text, "seed:", 5) != 0 || text[5] < '0' || text[5] > '9')
        return TW_EINVAL;
    ret->seed = strtoull(text + 5, &end, 10);
    return *end ? TW_EINVAL : 0;
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

static void link_child(struct spec *s, uint32_t *last, uint32_t v)
{
    uint32_t p = s->vertices[v].parent;

    if (p == SPEC_NONE)
        return;
    if (last[p] == SPEC_NONE)
        s->vertices[p].first_child = v;
    else
        s->vertices[last[p]].next_sibling = v;
    last[p] = v;
    s->vertices[p].child_count++;
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
    s->hash = 0xcbf29ce484222325ull;
    while ((n = fread(part, 1, sizeof part, f)) > 0)
        for (size_t i = 0; i < n; i++)
            s->hash = (s->hash ^ part[i]) * 0x100000001b3ull;
    fclose(f);
    return 0;
}

static int build(struct scenario_tree *t, const struct scenario_node *nodes, uint32_t count, struct reason *why)
{
    struct spec *s = t->spec;
    struct spec_store *st = s->store;
    uint32_t *last = calloc(count, sizeof *last);

    s->vertices = calloc(count, sizeof *s->vertices);
    st->strings = malloc((size_t)count * SPEC_PATH_BYTES);
    st->sorted = calloc(count, sizeof *st->sorted);
    t->start = calloc(count, sizeof *t->start);
    t->on_stop = calloc(count, 1);
    if (!last || !s->vertices || !st->strings || !st->sorted || !t->start || !t->on_stop) {
        free(last);
        return reason_set(why, TW_ENOMEM, "%s: not enough memory", s->file);
    }
    s->vertex_count = count;
    for (uint32_t v = 0; v < count; v++) {
        t->start[v].name = SCENARIO_START_ARG;
        t->on_stop[v] = nodes[v].on_stop;
        last[v] = SPEC_NONE;
        fill(&s->vertices[v], &nodes[v], &t->start[v]);
        link_child(s, last, v);
    }
    free(last);
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

static uint32_t draw(uint64_t *state, uint32_t below)
{
    uint64_t x = *state += 0x9e3779b97f4a7c15ull;   /* splitmix64 */

    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ x >> 27) * 0x94d049bb133111ebull;
    return (uint32_t)((x ^ x >> 31) >> 32) % below;
}

static void tie(struct spec_vertex *v, uint32_t rank)
{
    v->place = SPEC_PLACE_RANK;
    v->place_rank = rank;
}

static bool is_tied(const struct spec *s, uint32_t v)
{
    for (; v != SPEC_NONE; v = s->vertices[v].parent)
        if (s->vertices[v].place == SPEC_PLACE_RANK)
            return true;
    return false;
}

/* The top itself is the root's always; every second supervisor goes whole to a rank, the others' children are
 * drawn one by one. */
static void place_one(struct spec *s, uint32_t v, const struct scenario_homes *h, uint64_t *chance, uint32_t ranks,
                      uint32_t *next)
{
    struct spec_vertex *x = &s->vertices[v];
    bool worker = x->kind == SPEC_ACTOR;

    if (x->parent == SPEC_NONE || is_tied(s, x->parent))
        return;
    if (h->kind == HOMES_SEED && (worker || draw(chance, 2)))
        tie(x, draw(chance, ranks));
    else if (h->kind == HOMES_BRANCH || (h->kind == HOMES_SPREAD && worker))
        tie(x, (*next)++ % ranks);
}

static uint32_t rank_of(const struct spec *s, uint32_t v)
{
    while (s->vertices[v].place != SPEC_PLACE_RANK)
        v = s->vertices[v].parent;
    return s->vertices[v].place_rank;
}

static uint32_t most_workers(const struct spec *s, uint32_t ranks)
{
    uint32_t most = 1;

    for (uint32_t r = 0; r < ranks; r++) {
        uint32_t n = 0;

        for (uint32_t v = 0; v < s->vertex_count; v++)
            n += s->vertices[v].kind == SPEC_ACTOR && rank_of(s, v) == r;
        most = n > most ? n : most;
    }
    return most;
}

void scenario_tree_place(struct scenario_tree *t, const struct scenario_homes *homes, int ranks)
{
    struct spec *s = t->spec;
    uint64_t chance = homes->seed * 0x2545f4914f6cdd1dull + 1;
    uint32_t next = 0, most;

    for (uint32_t v = 0; v < s->vertex_count; v++)
        place_one(s, v, homes, &chance, (uint32_t)ranks, &next);
    most = most_workers(s, (uint32_t)ranks);
    s->devices.per_rank = (most + SLOTS - 1) / SLOTS;
    s->devices.slots = most < SLOTS ? most : SLOTS;
    s->devices.spares = SPARES;
}
