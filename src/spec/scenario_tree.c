/* scenario_tree.c - nodes to vertices, vertices to ranks */
#include "spec/scenario_tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spec/placement.h"
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

static uint32_t draw(uint64_t *state, uint32_t below) { return (uint32_t)(spec_draw(state) >> 32) % below; }

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
