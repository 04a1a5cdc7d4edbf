/* spec.c - from declarations to vertices, and finding them again */
#include "spec/spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/rc.h"
#include "spec/drills.h"
#include "spec/spec_impl.h"

uint64_t spec_hash_more(uint64_t h, const void *bytes, size_t count)
{
    const uint8_t *b = bytes;

    for (size_t i = 0; i < count; i++)
        h = (h ^ b[i]) * 0x100000001b3ull;
    return h;
}

uint64_t spec_hash_text(const char *text) { return spec_hash_more(SPEC_HASH_BASIS, text, strlen(text)); }

int64_t spec_duration_ms(const char *text)
{
    static const struct { const char *unit; int64_t ms; } units[] = {
        {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
    char *end;
    double n = strtod(text, &end);

    if (end == text || n < 0 || n > 1e9)
        return -1;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (!strcmp(end, units[i].unit))
            return (int64_t)(n * (double)units[i].ms + 0.5);
    return -1;
}

/* -- expansion ------------------------------------------------------------------------------------ */

static uint32_t decl_instances(const struct decl *d)
{
    uint32_t n = 1;

    for (uint32_t i = 0; i < d->count_dims; i++)
        n = d->count[i] && n > SPEC_VERTICES_MAX / d->count[i] ? SPEC_VERTICES_MAX + 1 : n * d->count[i];
    return n;
}

static uint64_t total(const struct decl *d)
{
    uint64_t n = 1;

    for (const struct decl *c = d->first; c; c = c->next)
        n += total(c);
    n = n * decl_instances(d) + d->is_template;
    return n > SPEC_VERTICES_MAX ? SPEC_VERTICES_MAX + 1ull : n;
}

struct expansion {
    struct spec *s;
    char *at;                       /* next free byte of the strings */
    uint32_t too_long;              /* a vertex whose path does not fit, SPEC_NONE if all do */
    uint32_t decl;
};

static void index_text(char *out, size_t room, const struct decl *d, uint32_t instance, uint32_t *ret_dims)
{
    uint32_t rest = instance;
    size_t n = 0;

    out[0] = '\0';
    if (instance == SPEC_NONE)
        return;
    for (uint32_t i = d->count_dims; i-- > 0;) {
        ret_dims[i] = rest % d->count[i];
        rest /= d->count[i];
    }
    for (uint32_t i = 0; i < d->count_dims; i++)
        n += (size_t)snprintf(out + n, room - n, "%s%u", i ? "," : "[", ret_dims[i]);
    if (d->count_dims)
        snprintf(out + n, room - n, "]");
}

/* instance SPEC_NONE: the template of a pool's. */
static uint32_t add_vertex(struct expansion *x, const struct decl *d, uint32_t parent, uint32_t instance)
{
    struct spec *s = x->s;
    uint32_t id = s->vertex_count++, dims[4] = {0};
    struct spec_vertex *v = &s->vertices[id];
    char index[64];
    int n;

    index_text(index, sizeof index, d, instance, dims);
    *v = d->given;
    v->id = id;
    v->parent = parent;
    v->first_child = v->next_sibling = SPEC_NONE;
    v->dynamic = d->is_template ? instance != SPEC_NONE : d->given.dynamic;
    v->actor = d->type;
    v->args = d->args;
    v->arg_count = d->arg_count;
    v->extra = d->has_extra ? &d->extra : NULL;
    v->depend_count = d->depend_count;
    for (uint32_t i = 0; i < d->depend_count; i++)
        v->depends[i] = d->depends[i]->given.decl;
    if (parent != SPEC_NONE) {
        v->dim_count = s->vertices[parent].dim_count;
        memcpy(v->dims, s->vertices[parent].dims, sizeof v->dims);
    }
    for (uint32_t i = 0; instance != SPEC_NONE && i < d->count_dims && v->dim_count < SPEC_DIMS; i++)
        v->dims[v->dim_count++] = dims[i];
    if (d->place_index >= 0) {
        v->place = SPEC_PLACE_RANK;
        v->place_rank = dims[d->place_index];
    }
    n = parent == SPEC_NONE ? snprintf(x->at, SPEC_PATH_BYTES, "%s%s", d->name, index)
                            : snprintf(x->at, SPEC_PATH_BYTES, "%s/%s%s", s->vertices[parent].path, d->name,
                                       index);
    v->path = x->at;
    v->name = strrchr(x->at, '/') ? strrchr(x->at, '/') + 1 : x->at;
    if (n >= SPEC_PATH_BYTES && x->too_long == SPEC_NONE)
        x->too_long = id;
    x->at += (n < SPEC_PATH_BYTES ? n : SPEC_PATH_BYTES - 1) + 1;
    return id;
}

static uint32_t add_child(struct expansion *x, const struct decl *d, uint32_t parent, uint32_t instance, uint32_t *last)
{
    uint32_t id = add_vertex(x, d, parent, instance);

    if (*last != SPEC_NONE)
        x->s->vertices[*last].next_sibling = id;
    else if (parent != SPEC_NONE)
        x->s->vertices[parent].first_child = id;
    if (parent != SPEC_NONE)
        x->s->vertices[parent].child_count++;
    *last = id;
    return id;
}

/* A template never lives, so nothing is below it. */
static void expand(struct expansion *x, struct decl *d, uint32_t parent, uint32_t *last)
{
    if (d->is_template)
        (void)add_child(x, d, parent, SPEC_NONE, last);
    for (uint32_t i = 0; i < decl_instances(d); i++) {
        uint32_t id = add_child(x, d, parent, i, last), mine = SPEC_NONE;

        for (struct decl *c = d->first; c; c = c->next)
            expand(x, c, id, &mine);
    }
}

static void number_decls(struct decl *d, uint32_t *n)
{
    d->given.decl = (*n)++;
    for (struct decl *c = d->first; c; c = c->next)
        number_decls(c, n);
}

static const struct spec *sorting;  /* qsort has no argument; load is single-threaded */

static int by_path(const void *a, const void *b)
{
    return strcmp(sorting->vertices[*(const uint32_t *)a].path, sorting->vertices[*(const uint32_t *)b].path);
}

void spec_sort(struct spec *s)
{
    struct spec_store *st = s->store;

    for (uint32_t i = 0; i < s->vertex_count; i++)
        st->sorted[i] = i;
    sorting = s;
    qsort(st->sorted, s->vertex_count, sizeof *st->sorted, by_path);
}

static int build(struct spec *s, spec_error_f error, void *self)
{
    struct spec_store *st = s->store;
    uint64_t n = total(st->top);
    struct expansion x = {.s = s, .too_long = SPEC_NONE};
    uint32_t last = SPEC_NONE, decls = 0;
    char text[512];

    if (n > SPEC_VERTICES_MAX) {
        snprintf(text, sizeof text, "%s: the tree has more than %u vertices: that is this version's limit: "
                 "lower the counts", s->file, SPEC_VERTICES_MAX);
        error(self, text);
        return TW_EINVAL;
    }
    s->vertices = calloc(n, sizeof *s->vertices);
    st->strings = x.at = malloc(n * SPEC_PATH_BYTES);
    st->sorted = calloc(n, sizeof *st->sorted);
    if (!s->vertices || !st->strings || !st->sorted)
        return TW_ENOMEM;
    number_decls(st->top, &decls);
    expand(&x, st->top, SPEC_NONE, &last);
    if (x.too_long != SPEC_NONE) {
        snprintf(text, sizeof text, "%.200s:%d:%d: the path %.60s... is longer than %d bytes: shorten the names or "
                 "flatten the tree", s->file, s->vertices[x.too_long].line, s->vertices[x.too_long].column,
                 s->vertices[x.too_long].path, SPEC_PATH_BYTES - 1);
        error(self, text);
        return TW_EINVAL;
    }
    spec_sort(s);
    return 0;
}

/* -- checks that need the whole tree -------------------------------------------------------------- */

static bool is_for_branches(uint32_t how) { return how == DRILL_KILL || how == DRILL_RESTART; }

/* What is wrong with a drill's target, NULL if nothing. */
static const char *bad_target(const struct spec *s, const struct spec_drill *d, uint32_t *matches)
{
    uint32_t n = spec_match(s, d->glob, matches, s->vertex_count);

    if (n == 0)
        return "no vertex matches";
    for (uint32_t i = 0; i < n && !is_for_branches(d->how); i++)
        if (s->vertices[matches[i]].kind != SPEC_ACTOR)
            return "only actors can be injured so, and a supervisor matches";
    return NULL;
}

static int check_drills(const struct spec *s, spec_error_f error, void *self)
{
    uint32_t *matches = calloc(s->vertex_count, sizeof *matches);
    char text[1024];
    int bad = 0;

    if (!matches)
        return TW_ENOMEM;
    for (uint32_t i = 0; i < s->drill_count; i++) {
        const struct spec_drill *d = &s->drills[i];
        const char *what = bad_target(s, d, matches);
        uint32_t at = d->at == SPEC_AT_STEP ? spec_find(s, d->at_path) : 0;

        if (what) {
            snprintf(text, sizeof text, "%.200s:%d:%d: drill %u: %s %s: see `treewarden check -v` for the paths there "
                     "are", s->file, d->line, d->column, i + 1, what, d->glob);
            error(self, text);
            bad++;
        }
        if (at == SPEC_NONE || (d->at == SPEC_AT_STEP && (s->vertices[at].kind != SPEC_ACTOR || spec_is_template(s, at)))) {
            snprintf(text, sizeof text, "%.200s:%d:%d: drill %u: at: no actor has the path %s: give one actor's whole "
                     "path", s->file, d->line, d->column, i + 1, d->at_path);
            error(self, text);
            bad++;
        }
    }
    free(matches);
    return bad;
}

static int find_program(struct spec *s)
{
    char dir[4096], *slash;

    snprintf(dir, sizeof dir, "%s", s->file);
    slash = strrchr(dir, '/');
    if (slash)
        slash[1] = '\0';
    else
        strcpy(dir, "./");              /* dlopen searches the system for a name without a slash */
    if (asprintf(&slash, "%s%s.so", dir, s->program) < 0)
        return TW_ENOMEM;
    free(s->program);
    s->program = slash;
    return 0;
}

int spec_load(const char *file, const char *const *sets, int count, spec_error_f error, void *self,
              struct spec **ret)
{
    struct spec *s = calloc(1, sizeof *s);
    int rc;

    if (!s)
        return TW_ENOMEM;
    s->store = calloc(1, sizeof(struct spec_store));
    s->file = strdup(file);
    rc = s->store && s->file ? spec_parse(s, sets, count, error, self) : TW_ENOMEM;
    if (rc == 0)
        rc = build(s, error, self);
    if (rc == 0)
        rc = check_drills(s, error, self);
    if (rc == 0)
        rc = find_program(s);
    if (rc == 0) {
        *ret = s;
        return 0;
    }
    spec_free(s);
    return rc > 0 ? TW_EINVAL : rc;
}

void spec_free(struct spec *s)
{
    struct spec_store *st;

    if (!s)
        return;
    st = s->store;
    if (st) {
        decl_free(st->top);
        free(st->strings);
        free(st->sorted);
        free(st);
    }
    free(s->vertices);
    free(s->drills);
    free(s->file);
    free(s->name);
    free(s->program);
    free(s);
}

/* -- devices -------------------------------------------------------------------------------------- */

void spec_settle(struct spec *s, enum spec_device_kind kind, uint32_t per_rank)
{
    s->devices.kind = kind;
    if (per_rank || !s->devices.per_rank)
        s->devices.per_rank = per_rank ? per_rank : 1;
}

bool spec_is_cuda(const struct spec *s, uint32_t device)
{
    return s->devices.kind == SPEC_DEVICE_CUDA && device < s->devices.per_rank;
}

static bool is_for_host_actors(const struct spec *s, uint32_t device)
{
    return s->devices.kind == SPEC_DEVICE_CUDA && device >= s->devices.per_rank;
}

uint32_t spec_slots(const struct spec *s, uint32_t device)
{
    return is_for_host_actors(s, device) ? s->devices.host_slots : s->devices.slots;
}

uint32_t spec_spares(const struct spec *s, uint32_t device)
{
    return is_for_host_actors(s, device) ? s->devices.host_spares : s->devices.spares;
}

bool spec_may_live(const struct spec *s, uint32_t vertex, uint32_t device)
{
    return s->devices.kind != SPEC_DEVICE_CUDA || s->vertices[vertex].host == is_for_host_actors(s, device);
}

/* -- finding -------------------------------------------------------------------------------------- */

uint32_t spec_find(const struct spec *s, const char *path)
{
    const struct spec_store *st = s->store;
    uint32_t low = 0, high = s->vertex_count;

    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        int order = strcmp(s->vertices[st->sorted[mid]].path, path);

        if (order == 0)
            return st->sorted[mid];
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return SPEC_NONE;
}

/* One number against "7", "2-5" or "*"; *pattern is left behind the item. */
static bool match_number(const char **pattern, unsigned long n)
{
    unsigned long low, high;
    char *end;

    if (**pattern == '*') {
        (*pattern)++;
        return true;
    }
    low = high = strtoul(*pattern, &end, 10);
    if (end == *pattern)
        return false;
    *pattern = end;
    if (**pattern == '-') {
        high = strtoul(*pattern + 1, &end, 10);
        *pattern = end;
    }
    return low <= n && n <= high;
}

static bool match_index(const char **pattern, const char **path)
{
    if (**path != '[')
        return **pattern != '[';
    if (**pattern != '[') {         /* no bracket in the pattern: every instance */
        *path += strcspn(*path, "]") + 1;
        return true;
    }
    do {
        char *end;
        unsigned long n = strtoul(*path + 1, &end, 10);

        (*pattern)++;
        if (!match_number(pattern, n))
            return false;
        *path = end;
    } while (**path == ',' && **pattern == ',');
    if (**path != ']' || **pattern != ']')
        return false;
    (*path)++;
    (*pattern)++;
    return true;
}

static bool match(const char *pattern, const char *path)
{
    for (;;) {
        size_t p = strcspn(pattern, "[/"), n = strcspn(path, "[/");
        bool any = p == 1 && pattern[0] == '*';

        if (!any && (p != n || strncmp(pattern, path, n) != 0))
            return false;
        pattern += p;
        path += n;
        if (!match_index(&pattern, &path))
            return false;
        if (*pattern == '\0' || *path == '\0')
            return *pattern == *path;
        if (*pattern++ != '/' || *path++ != '/')
            return false;
    }
}

bool spec_is_template(const struct spec *s, uint32_t vertex)
{
    const struct spec_vertex *v = &s->vertices[vertex];

    return v->parent != SPEC_NONE && !v->dynamic && s->vertices[v->parent].strategy == SIMPLE_ONE_FOR_ONE;
}

bool spec_is_place(const struct spec *s, uint32_t vertex)
{
    while (vertex != SPEC_NONE && !s->vertices[vertex].dynamic)
        vertex = s->vertices[vertex].parent;
    return vertex != SPEC_NONE;
}

uint32_t spec_next_below(const struct spec *s, uint32_t vertex, uint32_t top)
{
    if (s->vertices[vertex].first_child != SPEC_NONE)
        return s->vertices[vertex].first_child;
    while (vertex != top && s->vertices[vertex].next_sibling == SPEC_NONE)
        vertex = s->vertices[vertex].parent;
    return vertex == top ? SPEC_NONE : s->vertices[vertex].next_sibling;
}

uint32_t spec_match(const struct spec *s, const char *pattern, uint32_t *ret_ids, uint32_t cap)
{
    uint32_t n = 0;

    for (uint32_t v = 0; v < s->vertex_count; v++)
        if (!spec_is_template(s, v) && match(pattern, s->vertices[v].path)) {
            if (n < cap)
                ret_ids[n] = v;
            n++;
        }
    return n;
}
