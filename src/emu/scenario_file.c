/* scenario_file.c - one line is one statement; its words are looked up in tables */
#include "emu/scenario_file.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/cause.h"
#include "shared/rc.h"

#define LINE_BYTES 4096                 /* longest line */
#define WORDS 256                       /* most words of one */
#define NAME_BYTES 64
#define VERTICES 4096u                  /* most sup, worker, start and spawn together */
#define NUMBER_MAX 1000000000u
#define INTENSITY_MAX 1000000u          /* the engine keeps that many times per supervisor */
#define FORMAT "the format is described in tests/conformance/README.md"

enum operand { NOTHING, NUMBER, NAME, NAME_REASON, NAME_NUMBER, NAME_OPERATION, DEATHS, VERTEX };

static const struct {
    const char *verb;
    enum operand operand;
} operations[] = {
#define X(name, verb, operand) {verb, operand},
    OPERATION_LIST(X)
#undef X
};

struct reader {
    struct scenario_file *f;
    struct reason *why;
    int line;
    uint32_t root;
    uint32_t vertex_room, event_room, held_room;
};

const char *operation_verb(unsigned kind) { return kind < OPERATION_KINDS ? operations[kind].verb : "?"; }

static int bad_at(struct reader *r, int line, const char *what, const char *word, const char *remedy)
{
    return reason_set(r->why, TW_EPROTO, "%s:%d: %s: %.80s: %s", r->f->path, line, what, word, remedy);
}

static int bad(struct reader *r, const char *what, const char *word, const char *remedy)
{
    return bad_at(r, r->line, what, word, remedy);
}

static int no_memory(struct reader *r) { return reason_set(r->why, TW_ENOMEM, "%s: not enough memory", r->f->path); }

/* Room for one more of `bytes` behind count; false: no memory. */
static bool grow(void *array, uint32_t count, uint32_t *room, size_t bytes)
{
    void **at = array, *more;

    if (count < *room)
        return true;
    more = realloc(*at, (size_t)(*room * 2 + 16) * bytes);
    if (!more)
        return false;
    *at = more;
    *room = *room * 2 + 16;
    return true;
}

/* -- names ---------------------------------------------------------------------------------------- */

static uint32_t find_name(const struct scenario_file *f, const char *text)
{
    for (uint32_t i = 0; i < f->name_count; i++)
        if (!strcmp(f->names[i].text, text))
            return i;
    return SUPTREE_NONE;
}

uint32_t scenario_file_name(struct scenario_file *f, const char *text, int line)
{
    uint32_t known = find_name(f, text);
    struct scenario_name *more;
    char *copy;

    if (known != SUPTREE_NONE)
        return known;
    more = realloc(f->names, (f->name_count + 1) * sizeof *more);
    copy = strdup(text);
    if (more)
        f->names = more;
    if (!more || !copy) {
        free(copy);
        return SUPTREE_NONE;
    }
    f->names[f->name_count] = (struct scenario_name){.text = copy, .line = line, .pool_of = SUPTREE_NONE};
    return f->name_count++;
}

/* [a-z][a-z0-9_]*, and for an instance .N behind it.  Returns the length before the dot; 0: it is none. */
static size_t name_length(const char *text)
{
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_"), digits;

    if (n == 0 || !islower((unsigned char)text[0]) || strlen(text) >= NAME_BYTES)
        return 0;
    if (text[n] == '\0')
        return n;
    digits = strspn(text + n + 1, "0123456789");
    return text[n] == '.' && digits > 0 && digits < 10 && text[n + 1 + digits] == '\0' ? n : 0;
}

static int read_name(struct reader *r, const char *text, uint32_t *ret)
{
    size_t n = name_length(text);
    char base[NAME_BYTES];

    if (n == 0)
        return bad(r, "name", text, "not one: write letters, digits and _, a letter first; an instance is ID.N");
    *ret = scenario_file_name(r->f, text, r->line);
    if (*ret == SUPTREE_NONE)
        return no_memory(r);
    if (text[n] == '\0')
        return 0;
    memcpy(base, text, n);
    base[n] = '\0';
    n = scenario_file_name(r->f, base, r->line);
    r->f->names[*ret].pool_of = (uint32_t)n;
    return n == SUPTREE_NONE ? no_memory(r) : 0;
}

/* -- values --------------------------------------------------------------------------------------- */

static int read_number(struct reader *r, const char *key, const char *text, uint32_t low, uint32_t high, uint32_t *ret)
{
    char *end;
    unsigned long v = isdigit((unsigned char)text[0]) ? strtoul(text, &end, 10) : 0;
    char remedy[64];

    if (!isdigit((unsigned char)text[0]) || *end || v < low || v > high) {
        snprintf(remedy, sizeof remedy, "write a number from %u to %u", low, high);
        return bad(r, key, text, remedy);
    }
    *ret = (uint32_t)v;
    return 0;
}

static int read_times(struct reader *r, const char *key, const char *text, uint32_t *ret)
{
    if (strcmp(text, "inf") != 0)
        return read_number(r, key, text, 0, NUMBER_MAX, ret);
    *ret = SCENARIO_FOREVER;
    return 0;
}

static int read_word(struct reader *r, const char *key, const char *text, const char *const *list, uint8_t *ret)
{
    char remedy[128] = "write one of";

    for (uint8_t i = 0; list[i]; i++) {
        if (!strcmp(text, list[i])) {
            *ret = i;
            return 0;
        }
        snprintf(remedy + strlen(remedy), sizeof remedy - strlen(remedy), " %s", list[i]);
    }
    return bad(r, key, text, remedy);
}

/* -- the keys of sup and worker ------------------------------------------------------------------- */

static int key_parent(struct reader *r, struct scenario_vertex *x, const char *value)
{
    if (!strcmp(value, "-"))
        return 0;
    return read_name(r, value, &x->parent);
}

static int key_strategy(struct reader *r, struct scenario_vertex *x, const char *value)
{
    static const char *const words[] = {"one_for_one", "one_for_all", "rest_for_one", "simple_one_for_one", NULL};

    return read_word(r, "strategy", value, words, &x->spec.strategy);
}

static int key_restart(struct reader *r, struct scenario_vertex *x, const char *value)
{
    static const char *const words[] = {"permanent", "transient", "temporary", NULL};

    return read_word(r, "restart", value, words, &x->spec.restart);
}

static int key_auto_shutdown(struct reader *r, struct scenario_vertex *x, const char *value)
{
    static const char *const words[] = {"never", "any_significant", "all_significant", NULL};

    return read_word(r, "auto_shutdown", value, words, &x->spec.auto_shutdown);
}

static int key_significant(struct reader *r, struct scenario_vertex *x, const char *value)
{
    static const char *const words[] = {"false", "true", NULL};
    uint8_t which = 0;
    int rc = read_word(r, "significant", value, words, &which);

    x->spec.significant = which == 1;
    return rc;
}

static int key_intensity(struct reader *r, struct scenario_vertex *x, const char *value)
{
    return read_number(r, "intensity", value, 0, INTENSITY_MAX, &x->spec.intensity);
}

static int key_period(struct reader *r, struct scenario_vertex *x, const char *value)
{
    uint32_t seconds = 0;
    int rc = read_number(r, "period", value, 1, NUMBER_MAX, &seconds);

    x->spec.period_ms = (uint64_t)seconds * 1000;
    return rc;
}

static int key_shutdown(struct reader *r, struct scenario_vertex *x, const char *value)
{
    x->spec.shutdown = !strcmp(value, "brutal_kill") ? SHUTDOWN_BRUTAL_KILL :
                       !strcmp(value, "infinity")    ? SHUTDOWN_INFINITY : SHUTDOWN_MS;
    return x->spec.shutdown == SHUTDOWN_MS
        ? read_number(r, "shutdown: brutal_kill, infinity or milliseconds", value, 0, NUMBER_MAX, &x->spec.shutdown_ms)
        : 0;
}

static int key_onstop(struct reader *r, struct scenario_vertex *x, const char *value)
{
    static const char *const words[] = {
#define X(name, text) text,
        ON_STOP_LIST(X)
#undef X
        NULL};
    uint8_t which = 0;
    int rc;

    if (!strncmp(value, "slow:", 5)) {
        x->on_stop = ON_STOP_SLOW;
        return read_number(r, "onstop=slow", value + 5, 0, NUMBER_MAX, &x->slow_ms);
    }
    rc = read_word(r, "onstop", value, words, &which);
    x->on_stop = (enum on_stop)which;
    return rc == 0 && which == ON_STOP_SLOW ? bad(r, "onstop", value, "write for example slow:200") : rc;
}

static int key_fail_start(struct reader *r, struct scenario_vertex *x, const char *value)
{
    return read_times(r, "fail_start", value, &x->fail_starts);
}

/*    key            sup  worker */
#define KEY_LIST(X)                                                                 \
    X(parent,        true,  true)                                                   \
    X(strategy,      true,  false)                                                  \
    X(intensity,     true,  false)                                                  \
    X(period,        true,  false)                                                  \
    X(auto_shutdown, true,  false)                                                  \
    X(restart,       true,  true)                                                   \
    X(significant,   true,  true)                                                   \
    X(shutdown,      true,  true)                                                   \
    X(onstop,        false, true)                                                   \
    X(fail_start,    false, true)

static int read_pair(struct reader *r, struct scenario_vertex *x, char *pair)
{
    static const struct {
        const char *name;
        bool sup, worker;
        int (*read)(struct reader *r, struct scenario_vertex *x, const char *value);
    } keys[] = {
#define X(name, sup, worker) {#name, sup, worker, key_##name},
        KEY_LIST(X)
#undef X
    };
    char *value = strchr(pair, '=');

    if (!value)
        return bad(r, "not KEY=VALUE", pair, "write for example restart=transient");
    *value++ = '\0';
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (!strcmp(pair, keys[i].name) && (x->spec.supervisor ? keys[i].sup : keys[i].worker))
            return keys[i].read(r, x, value);
    return bad(r, x->spec.supervisor ? "key of a sup" : "key of a worker", pair, "not known: " FORMAT);
}

/* -- vertices ------------------------------------------------------------------------------------- */

/* `sup ID k=v...` or `worker ID k=v...`; ret: its index. */
static int read_vertex(struct reader *r, char **words, int n, bool dynamic, uint32_t *ret)
{
    struct scenario_file *f = r->f;
    struct scenario_vertex x = {.parent = SUPTREE_NONE, .above = SUPTREE_NONE};
    bool sup = n > 0 && !strcmp(words[0], "sup");
    int rc;

    if (n < 2 || (!sup && strcmp(words[0], "worker") != 0))
        return bad(r, n ? words[0] : "start", "incomplete", "write sup ID parent=P or worker ID parent=P");
    x.spec = (struct suptree_spec){.supervisor = sup, .intensity = 1, .period_ms = 5000, .dynamic = dynamic,
                                   .shutdown = sup ? SHUTDOWN_INFINITY : SHUTDOWN_MS, .shutdown_ms = 5000};
    rc = strchr(words[1], '.') ? bad(r, "id", words[1], "that is how an instance is called: no dot")
                               : read_name(r, words[1], &x.name);
    for (int i = 2; i < n && rc == 0; i++)
        rc = read_pair(r, &x, words[i]);
    if (rc != 0)
        return rc;
    if (f->vertex_count + f->spawns >= VERTICES)
        return bad(r, words[0], words[1], "more than 4095 vertices in one scenario");
    if (!grow(&f->vertices, f->vertex_count, &r->vertex_room, sizeof x))
        return no_memory(r);
    f->names[x.name].supervisor |= sup;
    *ret = f->vertex_count;
    f->vertices[f->vertex_count++] = x;
    return 0;
}

/* The vertex declared under a name above this line; SUPTREE_NONE: none is. */
static uint32_t declared(const struct scenario_file *f, uint32_t name)
{
    for (uint32_t i = 0; i < f->declared; i++)
        if (f->vertices[i].name == name)
            return i;
    return SUPTREE_NONE;
}

bool scenario_file_is_below(const struct scenario_file *f, uint32_t i, uint32_t top)
{
    while (i != SUPTREE_NONE && i != top)
        i = f->vertices[i].above;
    return i == top;
}

static int check_parent(struct reader *r, struct scenario_vertex *x)
{
    struct scenario_file *f = r->f;
    uint32_t parent;

    if (x->parent == SUPTREE_NONE)
        return x->spec.supervisor && r->root == SUPTREE_NONE
            ? 0 : bad(r, f->names[x->name].text, "without a parent", "exactly one sup has parent=-");
    parent = declared(f, x->parent);
    if (parent == SUPTREE_NONE || !f->vertices[parent].spec.supervisor)
        return bad(r, "parent", f->names[x->parent].text, "no supervisor of that name stands above this line");
    x->above = parent;
    f->names[x->name].template = f->vertices[parent].spec.strategy == SIMPLE_ONE_FOR_ONE;
    x->in_template = f->names[x->name].template || f->vertices[parent].in_template;
    if (x->in_template && x->spec.strategy == SIMPLE_ONE_FOR_ONE)
        return bad(r, "parent", f->names[x->parent].text, "a scenario has no pool below a pool: choose another "
                   "strategy");
    for (uint32_t i = 0; i < f->declared && f->names[x->name].template; i++)
        if (f->vertices[i].parent == x->parent)
            return bad(r, "parent", f->names[x->parent].text, "a simple_one_for_one has one child: `do spawn` adds "
                       "instances");
    return 0;
}

static int read_declaration(struct reader *r, char **words, int n)
{
    struct scenario_file *f = r->f;
    struct scenario_vertex *x;
    uint32_t v = 0;
    int rc;

    if (f->event_count)
        return bad(r, words[0], "after the first event", "declare everything first, or use do start");
    rc = read_vertex(r, words, n, false, &v);
    if (rc != 0)
        return rc;
    x = &f->vertices[v];
    if (declared(f, x->name) != SUPTREE_NONE)
        return bad(r, "id", words[1], "stands twice: ids are unique in the file");
    rc = check_parent(r, x);
    if (rc != 0)
        return rc;
    if (x->parent == SUPTREE_NONE)
        r->root = v;
    f->names[x->name].declared = true;
    f->declared++;
    return 0;
}

/* -- operations ----------------------------------------------------------------------------------- */

static int read_operation(struct reader *r, char **words, int n, bool held, struct operation *o);

static int hold(struct reader *r, struct operation *o, const struct operation *one)
{
    struct scenario_file *f = r->f;

    if (!grow(&f->held, f->held_count, &r->held_room, sizeof *f->held))
        return no_memory(r);
    if (o->count++ == 0)
        o->first = f->held_count;
    f->held[f->held_count++] = *one;
    return 0;
}

static int read_reason(struct reader *r, const char *word, struct operation *o)
{
    static const char *const words[] = {"normal", "shutdown", "shutdown_term", NULL};
    uint8_t which = 0;
    int rc = read_word(r, "reason", word, words, &which);

    o->cls = which == 0 ? CLASS_NORMAL : CLASS_SHUTDOWN;
    return rc;
}

/* fail:X, kill:X or exit:X:REASON */
static int read_death(struct reader *r, char *word, struct operation *o)
{
    char *save, *words[4];
    int n = 0, rc;

    for (char *w = strtok_r(word, ":", &save); w && n < 4; w = strtok_r(NULL, ":", &save))
        words[n++] = w;
    rc = n ? read_operation(r, words, n, true, o) : bad(r, "together", "nothing", "write fail:X, exit:X:normal or kill:X");
    if (rc == 0 && o->kind != OPERATION_FAIL && o->kind != OPERATION_EXIT && o->kind != OPERATION_KILL)
        return bad(r, "together", words[0], "no death: write fail:X, exit:X:normal or kill:X");
    return rc;
}

static int read_deaths(struct reader *r, char **words, int n, struct operation *o)
{
    int rc = n ? 0 : bad(r, "together", "nothing", "write for example do together fail:a kill:b");

    for (int i = 0; i < n && rc == 0; i++) {
        struct operation one;

        rc = read_death(r, words[i], &one);
        if (rc == 0)
            rc = hold(r, o, &one);
    }
    return rc;
}

static int read_start(struct reader *r, char **words, int n, struct operation *o)
{
    struct scenario_vertex *x;
    int rc = read_vertex(r, words, n, true, &o->vertex);

    if (rc != 0)
        return rc;
    x = &r->f->vertices[o->vertex];
    if (x->parent == SUPTREE_NONE)
        return bad(r, "start", r->f->names[x->name].text, "without a parent: write parent=P");
    r->f->names[x->name].declared = true;
    o->name = x->name;
    return 0;
}

static int read_gated(struct reader *r, char **words, int n, struct operation *o)
{
    struct operation one;
    int rc = read_operation(r, words, n, true, &one);

    return rc == 0 ? hold(r, o, &one) : rc;
}

/* What follows the target. */
static int read_rest(struct reader *r, char **words, int n, struct operation *o)
{
    switch (operations[o->kind].operand) {
    case NAME_REASON: return read_reason(r, words[2], o);
    case NAME_NUMBER: return read_times(r, words[0], words[2], &o->number);
    case NAME_OPERATION: return read_gated(r, words + 2, n - 2, o);
    default: return 0;
    }
}

static int read_operands(struct reader *r, char **words, int n, struct operation *o)
{
    static const struct { int least, most; } sizes[] = {
        [NOTHING] = {1, 1}, [NUMBER] = {2, 2}, [NAME] = {2, 2}, [NAME_REASON] = {3, 3},
        [NAME_NUMBER] = {3, 3}, [NAME_OPERATION] = {3, WORDS}, [DEATHS] = {2, WORDS}, [VERTEX] = {3, WORDS}};
    enum operand operand = operations[o->kind].operand;
    int rc;

    if (n < sizes[operand].least || n > sizes[operand].most)
        return bad(r, "do", words[0], n < sizes[operand].least ? "incomplete: " FORMAT : "too many words: " FORMAT);
    switch (operand) {
    case NOTHING: return 0;
    case NUMBER: return read_number(r, words[0], words[1], 0, NUMBER_MAX, &o->number);
    case DEATHS: return read_deaths(r, words + 1, n - 1, o);
    case VERTEX: return read_start(r, words + 1, n - 1, o);
    default:
        rc = read_name(r, words[1], &o->name);
        return rc == 0 ? read_rest(r, words, n, o) : rc;
    }
}

/* held: in a gate or a together, where these cannot stand again. */
static int read_operation(struct reader *r, char **words, int n, bool held, struct operation *o)
{
    for (unsigned k = 0; k < OPERATION_KINDS; k++) {
        if (strcmp(words[0], operations[k].verb) != 0)
            continue;
        *o = (struct operation){.kind = (enum operation_kind)k, .name = SUPTREE_NONE};
        if (held && (k == OPERATION_GATE || k == OPERATION_TOGETHER || operations[k].operand == NUMBER))
            return bad(r, "do", words[0], "cannot stand in another operation");
        r->f->spawns += k == OPERATION_SPAWN;
        if (r->f->vertex_count + r->f->spawns >= VERTICES)
            return bad(r, "do", words[0], "more than 4095 vertices in one scenario");
        return read_operands(r, words, n, o);
    }
    return bad(r, "do", words[0], "not known: " FORMAT);
}

static int read_event(struct reader *r, char **words, int n)
{
    struct scenario_file *f = r->f;
    struct scenario_event *e;
    char text[LINE_BYTES] = "";
    size_t at = 0;

    if (r->root == SUPTREE_NONE)
        return bad(r, "do", "before any supervisor", "declare one with parent=-");
    if (n == 0)
        return bad(r, "do", "nothing", "write what: do fail X");
    for (int i = 0; i < n; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%s", i ? " " : "", words[i]);
    if (!grow(&f->events, f->event_count, &r->event_room, sizeof *f->events))
        return no_memory(r);
    e = &f->events[f->event_count];
    e->line = r->line;
    e->text = strdup(text);
    if (!e->text)
        return no_memory(r);
    f->event_count++;
    return read_operation(r, words, n, false, &e->operation);
}

/* -- the file ------------------------------------------------------------------------------------- */

static int read_line(struct reader *r, char *text)
{
    char *words[WORDS], *save;
    int n = 0;

    text[strcspn(text, "#\r\n")] = '\0';
    for (char *w = strtok_r(text, " \t", &save); w; w = strtok_r(NULL, " \t", &save)) {
        if (n == WORDS)
            return bad(r, words[0], "too many words", "at most 256 in a line");
        words[n++] = w;
    }
    if (n == 0)
        return 0;
    if (!strcmp(words[0], "do"))
        return read_event(r, words + 1, n - 1);
    if (!strcmp(words[0], "sup") || !strcmp(words[0], "worker"))
        return read_declaration(r, words, n);
    return 0;
}

static int read_lines(struct reader *r, FILE *in)
{
    char text[LINE_BYTES];
    int rc = 0;

    while (rc == 0 && fgets(text, sizeof text, in)) {
        r->line++;
        if (strlen(text) == sizeof text - 1 && text[sizeof text - 2] != '\n')
            return bad(r, "line", "too long", "at most 4094 characters in a line");
        rc = read_line(r, text);
    }
    return rc;
}

/* What can only be said when all is read. */
static int check_names(struct reader *r)
{
    const struct scenario_file *f = r->f;

    for (uint32_t i = 0; i < f->name_count; i++) {
        const struct scenario_name *name = &f->names[f->names[i].pool_of == SUPTREE_NONE ? i : f->names[i].pool_of];

        if (!name->declared)
            return bad_at(r, f->names[i].line, "name", f->names[i].text, "no sup, worker or do start declares it");
    }
    return 0;
}

static int check_pools(struct reader *r)
{
    const struct scenario_file *f = r->f;

    for (uint32_t i = 0; i < f->declared; i++) {
        const struct scenario_name *name = &f->names[f->vertices[i].name];
        bool filled = f->vertices[i].spec.strategy != SIMPLE_ONE_FOR_ONE;

        for (uint32_t c = 0; c < f->declared && !filled; c++)
            filled = f->vertices[c].parent == f->vertices[i].name;
        if (!filled)
            return bad_at(r, name->line, "simple_one_for_one", name->text, "it has no child: declare what its instances are like");
    }
    return 0;
}

static int check_parents(struct reader *r)
{
    const struct scenario_file *f = r->f;

    for (uint32_t i = f->declared; i < f->vertex_count; i++) {
        const struct scenario_name *parent = &f->names[f->vertices[i].parent];

        if (!parent->supervisor && (parent->pool_of == SUPTREE_NONE || !f->names[parent->pool_of].supervisor))
            return bad_at(r, f->names[f->vertices[i].name].line, "parent", parent->text, "not a sup: children have supervisors");
    }
    return 0;
}

/* A supervisor has no start of its own that could fail: its children's do. */
static int check_starts(struct reader *r)
{
    const struct scenario_file *f = r->f;

    for (uint32_t i = 0; i < f->event_count; i++) {
        const struct operation *o = &f->events[i].operation;
        uint32_t of = o->name == SUPTREE_NONE ? SUPTREE_NONE : f->names[o->name].pool_of;
        uint32_t what = declared(f, of == SUPTREE_NONE ? o->name : of);

        if ((o->kind == OPERATION_FAILSTART || o->kind == OPERATION_IGNORESTART || o->kind == OPERATION_GATE) &&
            what != SUPTREE_NONE && f->vertices[what].spec.supervisor)
            return bad_at(r, f->events[i].line, operation_verb(o->kind), f->names[o->name].text, "a supervisor: name one of its workers");
    }
    return 0;
}

/* Each spawn adds as many vertices as stand in its template. */
static int count_instances(struct reader *r)
{
    struct scenario_file *f = r->f;

    f->instance_most = 1;
    for (uint32_t top = 0; top < f->declared; top++) {
        uint32_t n = 0;

        for (uint32_t i = top; i < f->declared && f->names[f->vertices[top].name].template; i++)
            n += scenario_file_is_below(f, i, top);
        f->instance_most = n > f->instance_most ? n : f->instance_most;
    }
    return f->vertex_count + f->spawns * f->instance_most < VERTICES ? 0 :
           bad(r, "do", "spawn", "more than 4095 vertices in one scenario");
}

static int check_whole(struct reader *r)
{
    int rc = r->root == SUPTREE_NONE ? bad(r, "no supervisor", "nothing to run", "declare one with parent=-") : check_names(r);

    if (rc == 0)
        rc = check_pools(r);
    if (rc == 0)
        rc = check_parents(r);
    if (rc == 0)
        rc = check_starts(r);
    return rc == 0 ? count_instances(r) : rc;
}

int scenario_file_read(struct scenario_file *f, const char *path, struct reason *why)
{
    struct reader r = {.f = f, .why = why, .root = SUPTREE_NONE};
    FILE *in = fopen(path, "r");
    int rc;

    *f = (struct scenario_file){.path = path};
    if (!in)
        return reason_set(why, TW_ENOENT, "%s: cannot be read: %s: check the name", path, strerror(errno));
    rc = read_lines(&r, in);
    if (rc == 0 && ferror(in))
        rc = reason_set(why, TW_ENOENT, "%s: cannot be read: %s: check what it is", path, strerror(errno));
    fclose(in);
    if (rc == 0)
        rc = check_whole(&r);
    if (rc != 0)
        scenario_file_free(f);
    return rc;
}

void scenario_file_free(struct scenario_file *f)
{
    for (uint32_t i = 0; i < f->name_count; i++)
        free(f->names[i].text);
    for (uint32_t i = 0; i < f->event_count; i++)
        free(f->events[i].text);
    free(f->names);
    free(f->vertices);
    free(f->events);
    free(f->held);
    *f = (struct scenario_file){0};
}
