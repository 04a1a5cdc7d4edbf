/* scenario.c - what each event asks of the tree, and the trace of what comes of it */
#include "emu/scenario.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/script.h"
#include "emu/scenario_file.h"
#include "shared/cause.h"
#include "shared/rc.h"

#define NONE SUPTREE_NONE
#define LINE_BYTES 4200         /* an event's words, and what stands before them */

/* One for each name in the file.  A name may have had several vertices: a child that was deleted or lost can
 * be started again under it. */
struct part {
    uint32_t latest;            /* vertex; NONE: it never had one */
    uint32_t starts;            /* of all its vertices */
    uint32_t fail_starts, ignore_starts;
    uint32_t spawned;           /* a template's: how many instances have had a number */
    const struct operation *gate;       /* gets in before the retry of its next failing start */
};

struct actor {                  /* a vertex, beside what the engine keeps of it */
    uint32_t name, older;       /* the vertex that had the name before; NONE */
    const struct scenario_vertex *like;
};

struct text {
    char *at;                   /* owned; NUL-terminated, NULL when nothing was ever added */
    size_t used, room;
};

struct scenario {
    struct scenario_file file;
    const struct scenario_out *out;
    const struct stage_ops *stage;
    void *stage_self;
    struct part *parts;         /* owned; by name */
    struct actor *actors;       /* owned; by vertex id */
    uint32_t count, root;
    uint64_t now_ms;
    uint32_t next;              /* event; the boot is before the first */
    bool booted, down, was_down;
    const struct operation *deaths;     /* of `together`, still to come */
    uint32_t death_count, sibling;
    uint8_t end_cls;            /* the root's, once it is down */
    struct text later;          /* answers come after all other lines of the event */
};

static const char *text(const struct scenario *s, uint32_t name) { return s->file.names[name].text; }
static uint32_t name_of(const struct scenario *s, uint32_t vertex) { return s->actors[vertex].name; }

static void take(struct scenario *s, const struct suptree_input *in) { s->stage->take(s->stage_self, in); }

/* -- vertices ------------------------------------------------------------------------------------- */

static struct suptree_look look(const struct scenario *s, uint32_t v)
{
    struct suptree_look l = {.state = TREE_STOPPED, .gone = true, .parent = NONE};

    if (v != NONE)
        (void)s->stage->look(s->stage_self, v, &l);
    return l;
}

/* The vertex an event means: the one that runs, else one that is there, else the last that was. */
static uint32_t vertex_of(const struct scenario *s, uint32_t name)
{
    uint32_t there = NONE;

    for (uint32_t v = s->parts[name].latest; v != NONE; v = s->actors[v].older) {
        struct suptree_look l = look(s, v);

        if (l.state == TREE_RUNNING && !l.gone)
            return v;
        if (there == NONE && !l.gone && look(s, l.parent).state == TREE_RUNNING)
            there = v;
    }
    return there != NONE ? there : s->parts[name].latest;
}

static bool is_pool(const struct scenario *s, uint32_t v)
{
    return s->actors[v].like->spec.strategy == SIMPLE_ONE_FOR_ONE;
}

static int add_actor(struct scenario *s, uint32_t name, uint32_t parent, const struct scenario_vertex *like)
{
    struct suptree_spec spec = like->spec;
    int rc;

    spec.id = s->count;
    spec.name = name + 1;
    spec.dynamic |= parent != NONE && is_pool(s, parent) && s->file.names[name].pool_of != NONE;
    rc = s->stage->add(s->stage_self, parent, &spec);
    if (rc != 0)
        return rc;
    s->actors[s->count] = (struct actor){.name = name, .older = s->parts[name].latest, .like = like};
    s->parts[name].latest = s->count++;
    if (like->fail_starts && name == like->name)
        s->parts[name].fail_starts = like->fail_starts;
    return 0;
}

/* -- the trace ------------------------------------------------------------------------------------ */

static void say(const struct scenario *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void say(const struct scenario *s, const char *fmt, ...)
{
    char line[LINE_BYTES];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    s->out->line(s->out->arg, line, 0);
}

static void add_text(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Without memory nothing is added. */
static void add_text(struct text *t, const char *fmt, ...)
{
    char line[LINE_BYTES], *more;
    va_list ap;
    size_t n;

    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    n = strlen(line);
    if (t->used + n + 1 > t->room) {
        more = realloc(t->at, 2 * (t->used + n + 1));
        if (!more)
            return;
        t->at = more;
        t->room = 2 * (t->used + n + 1);
    }
    memcpy(t->at + t->used, line, n + 1);
    t->used += n;
}

#define say_later(s, fmt, ...) add_text(&(s)->later, fmt "\n", __VA_ARGS__)

static const char *why_of(uint8_t cause) { return cause == CAUSE_AUTO_SHUTDOWN ? "auto_shutdown" : "intensity"; }

/* How a vertex ends when its supervisor tells it to, and how long that takes. */
static uint8_t class_of_stop(const struct scenario_vertex *x, uint32_t *ret_ms)
{
    bool timed = x->spec.shutdown == SHUTDOWN_MS;

    *ret_ms = 0;
    if (x->spec.shutdown == SHUTDOWN_BRUTAL_KILL)
        return CLASS_KILLED;
    if (timed && (x->on_stop == ON_STOP_IGNORE || (x->on_stop == ON_STOP_SLOW && x->slow_ms > x->spec.shutdown_ms))) {
        *ret_ms = x->spec.shutdown_ms;
        return CLASS_KILLED;
    }
    *ret_ms = x->on_stop == ON_STOP_SLOW ? x->slow_ms : 0;
    return x->on_stop == ON_STOP_NORMAL ? CLASS_NORMAL : x->on_stop == ON_STOP_CRASH ? CLASS_ABNORMAL : CLASS_SHUTDOWN;
}

/* The engine's class; but how a worker that was told to stop takes it, only the scenario knows. */
static const char *class_name_of(const struct scenario *s, const struct suptree_effect *e)
{
    uint32_t ms;

    return exit_class_name(e->what == RECORD_LOST && e->cls == CLASS_SHUTDOWN
                           ? class_of_stop(s->actors[e->vertex].like, &ms) : e->cls);
}

static void on_record(void *self, const struct suptree_effect *e)
{
    struct scenario *s = self;
    static const char *const names[] = {
#define X(n, text) text,
        SUPTREE_RECORD_LIST(X)
#undef X
    };
    struct part *p = &s->parts[name_of(s, e->vertex)];
    const char *what = names[e->what], *who = text(s, name_of(s, e->vertex));

    switch (e->what) {
    case RECORD_BEGIN:
    case RECORD_START_FAILED:
    case RECORD_START_IGNORED: say(s, "%s %s", what, who); return;
    case RECORD_START: say(s, "%s %s %u", what, who, ++p->starts); return;
    case RECORD_GIVEUP: say(s, "%s %s %s", what, who, why_of(e->cause)); return;
    case RECORD_ESCALATE: say(s, "%s %s %s %s", what, who, text(s, name_of(s, e->other)), why_of(e->cause)); return;
    default: say(s, "%s %s %u %s", what, who, p->starts, class_name_of(s, e)); return;
    }
}

/* -- how workers start and stop -------------------------------------------------------------------- */

static void operate(struct scenario *s, const struct operation *o);

static bool spend(uint32_t *times)
{
    if (*times == 0)
        return false;
    if (*times != SCENARIO_FOREVER)
        --*times;
    return true;
}

/* An instance may be told to fail by its own name or by its template's. */
static bool next_start(struct scenario *s, uint32_t name, bool failing)
{
    uint32_t pool_of = s->file.names[name].pool_of;
    struct part *own = &s->parts[name], *template = pool_of == NONE ? NULL : &s->parts[pool_of];

    if (failing)
        return spend(&own->fail_starts) || (template && spend(&template->fail_starts));
    return spend(&own->ignore_starts) || (template && spend(&template->ignore_starts));
}

static enum script_start on_start(void *self, uint32_t vertex)
{
    struct scenario *s = self;
    uint32_t name = name_of(s, vertex);
    const struct operation *gate = s->parts[name].gate;

    if (next_start(s, name, true)) {
        s->parts[name].gate = NULL;
        if (gate)
            operate(s, gate);           /* queued now, so it stands before the retry */
        return SCRIPT_FAILS;
    }
    return next_start(s, name, false) ? SCRIPT_IGNORED : SCRIPT_STARTS;
}

static uint8_t on_stop(void *self, uint32_t vertex, bool at_once)
{
    struct scenario *s = self;
    uint32_t ms;
    uint8_t cls = class_of_stop(s->actors[vertex].like, &ms);

    if (!at_once)
        s->now_ms += ms;
    return cls;
}

static uint64_t clock_ms(void *self) { return ((struct scenario *)self)->now_ms; }

/* -- answers -------------------------------------------------------------------------------------- */

/* A call's token says what was asked, and by which name. */
static uint64_t token_of(const struct operation *o) { return (uint64_t)o->kind << 32 | o->name; }

static const char *state_word(const struct suptree_look *l)
{
    return l->state == TREE_RUNNING ? "running" : l->state == TREE_RESTARTING ? "restarting" : "stopped";
}

static void say_count(struct scenario *s, uint32_t v)
{
    struct suptree_look l = look(s, v);

    say_later(s, "count %s specs=%u active=%d supervisors=%u workers=%u", text(s, name_of(s, v)), l.specs, l.active,
              l.supervisors, l.workers);
}

static void say_which(struct scenario *s, uint32_t v)
{
    struct suptree_look l = look(s, v), k;
    const char *between = "";

    add_text(&s->later, "which %s ", text(s, name_of(s, v)));
    for (uint32_t c = l.first_child; c != NONE; c = k.next_sibling) {
        k = look(s, c);
        if (k.gone || k.is_template)
            continue;
        add_text(&s->later, "%s%s=%s", between, text(s, name_of(s, c)), state_word(&k));
        between = ",";
    }
    add_text(&s->later, "\n");
}

/* It stands still until this has looked at it. */
static void answer_question(struct scenario *s, uint32_t vertex, unsigned kind, uint8_t answer)
{
    struct suptree_input asked = {.kind = SUPTREE_ASKED, .vertex = vertex};

    if (answer != ANSWER_OK) {
        say_later(s, "noop %s no_supervisor", text(s, name_of(s, vertex)));
        return;
    }
    if (kind == OPERATION_COUNT)
        say_count(s, vertex);
    else
        say_which(s, vertex);
    take(s, &asked);
}

static void say_answer(struct scenario *s, unsigned kind, uint32_t name, unsigned answer)
{
    say_later(s, "result %s %s %s", operation_verb(kind), text(s, name), suptree_answer_name(answer));
}

static void on_answer(void *self, uint32_t vertex, uint64_t token, uint8_t answer)
{
    struct scenario *s = self;
    unsigned kind = (unsigned)(token >> 32);

    if (kind == OPERATION_COUNT || kind == OPERATION_WHICH)
        answer_question(s, vertex, kind, answer);
    else
        say_answer(s, kind, (uint32_t)token, answer);
}

static void on_ended(void *self, uint8_t cls)
{
    struct scenario *s = self;

    s->down = true;
    s->end_cls = cls;
}

/* -- events --------------------------------------------------------------------------------------- */

/* A life ends by itself, or is killed from outside. */
static void end(struct scenario *s, uint32_t name, uint8_t cls)
{
    uint32_t v = vertex_of(s, name);
    struct suptree_look l = look(s, v);
    struct suptree_input in = {.kind = SUPTREE_EXITED, .vertex = v, .life = l.life, .cls = cls, .cause = CAUSE_CODE};

    if (l.gone || l.state != TREE_RUNNING) {
        say(s, "noop %s not_running", text(s, name));
        return;
    }
    if (l.supervisor && cls != CLASS_KILLED) {
        say(s, "noop %s is_supervisor", text(s, name));
        return;
    }
    if (l.supervisor)
        in.kind = SUPTREE_KILLED_OUTSIDE;
    take(s, &in);
}

/* One is found dead after the other, in the file's order; when all are, their supervisor may look. */
static void next_death(struct scenario *s)
{
    operate(s, s->deaths++);
    if (--s->death_count == 0)
        s->stage->hold(s->stage_self, s->sibling, false);
}

static void together(struct scenario *s, const struct operation *o)
{
    s->deaths = &s->file.held[o->first];
    s->death_count = o->count;
    s->sibling = NONE;
    for (uint32_t i = 0; i < o->count && s->sibling == NONE; i++)
        s->sibling = vertex_of(s, s->deaths[i].name);
    s->stage->hold(s->stage_self, s->sibling, true);
    next_death(s);
}

/* The supervisor under a name, if it runs; else there is nobody to call, and that is said of `who`. */
static uint32_t supervisor_called(struct scenario *s, uint32_t name, uint32_t who)
{
    uint32_t v = name == NONE ? NONE : vertex_of(s, name);
    struct suptree_look l = look(s, v);

    if (!l.gone && l.supervisor && l.state == TREE_RUNNING)
        return v;
    say(s, "noop %s no_supervisor", text(s, who));
    return NONE;
}

/* The vertex that has the children to which a name belongs; NONE: the root's, or there never was one. */
static uint32_t parent_of(const struct scenario *s, uint32_t name)
{
    uint32_t v = vertex_of(s, name), pool_of = s->file.names[name].pool_of;

    if (v == NONE && pool_of != NONE)
        v = s->parts[pool_of].latest;
    return look(s, v).parent;
}

/* terminate_child and its like, on the parent of X.  An instance that never ran is no process but an id, which
 * a pool does not know: as little as that of its template. */
static void administrate(struct scenario *s, const struct operation *o, uint16_t kind)
{
    uint32_t parent = parent_of(s, o->name), pool_of = s->file.names[o->name].pool_of;
    bool never_ran = pool_of != NONE && s->file.names[pool_of].template && s->parts[o->name].starts == 0;
    struct suptree_input in = {.kind = kind, .vertex = vertex_of(s, never_ran ? pool_of : o->name), .token = token_of(o)};

    if (parent == NONE)
        say(s, "noop %s no_supervisor", text(s, o->name));
    else if (supervisor_called(s, name_of(s, parent), o->name) != NONE)
        take(s, &in);
}

static void start_child(struct scenario *s, const struct operation *o)
{
    const struct scenario_vertex *x = &s->file.vertices[o->vertex];
    uint32_t parent = supervisor_called(s, x->parent, o->name);
    struct suptree_input in = {.kind = SUPTREE_START_CHILD, .vertex = s->count, .token = token_of(o)};

    if (parent == NONE)
        return;
    if (is_pool(s, parent) || add_actor(s, o->name, parent, x) != 0)
        say_answer(s, o->kind, o->name, ANSWER_START_ERROR);   /* a pool takes it for arguments, and its start function does not */
    else
        take(s, &in);
}

static uint32_t template_of(const struct scenario *s, uint32_t pool)
{
    uint32_t first = look(s, pool).first_child;

    return is_pool(s, pool) && first != NONE && look(s, first).is_template ? first : NONE;
}

/* NAME.N; of one that stands in a template, in its instance with that number. */
static uint32_t numbered(struct scenario *s, uint32_t name, uint32_t number)
{
    char instance[96];
    uint32_t found;

    snprintf(instance, sizeof instance, "%.80s.%u", text(s, name), number);
    found = scenario_file_name(&s->file, instance, 0);
    s->file.names[found].pool_of = name;
    return found;
}

/* One vertex for each in the template.  It itself is added to the pool. */
static int add_instance(struct scenario *s, uint32_t pool, const struct scenario_vertex *template, uint32_t number)
{
    uint32_t top = (uint32_t)(template - s->file.vertices);

    for (uint32_t i = top; i < s->file.declared; i++) {
        const struct scenario_vertex *x = &s->file.vertices[i];
        uint32_t parent = i == top ? pool : NONE;

        if (!scenario_file_is_below(&s->file, i, top))
            continue;
        if (i != top)
            parent = s->parts[numbered(s, x->parent, number)].latest;
        if (add_actor(s, numbered(s, x->name, number), parent, x) != 0)
            return TW_EINVAL;
    }
    return 0;
}

static void spawn(struct scenario *s, const struct operation *o)
{
    uint32_t pool = supervisor_called(s, o->name, o->name), template;
    struct suptree_input in = {.kind = SUPTREE_START_CHILD, .vertex = s->count, .token = token_of(o)};

    if (pool == NONE)
        return;
    template = template_of(s, pool);
    if (template == NONE) {
        say_answer(s, o->kind, o->name, ANSWER_INVALID);
        return;
    }
    if (add_instance(s, pool, s->actors[template].like, ++s->parts[name_of(s, template)].spawned) == 0)
        take(s, &in);
}

static void ask(struct scenario *s, const struct operation *o)
{
    struct suptree_input in = {.kind = SUPTREE_ASK, .vertex = supervisor_called(s, o->name, o->name),
                               .token = token_of(o)};

    if (in.vertex != NONE)
        take(s, &in);
}

static void operate(struct scenario *s, const struct operation *o)
{
    struct suptree_input stop = {.kind = SUPTREE_BRANCH_STOP, .vertex = s->root};

    switch (o->kind) {
    case OPERATION_FAIL: end(s, o->name, CLASS_ABNORMAL); return;
    case OPERATION_EXIT: end(s, o->name, o->cls); return;
    case OPERATION_KILL: end(s, o->name, CLASS_KILLED); return;
    case OPERATION_TOGETHER: together(s, o); return;
    case OPERATION_FAILSTART: s->parts[o->name].fail_starts = o->number; return;
    case OPERATION_IGNORESTART: s->parts[o->name].ignore_starts = o->number; return;
    case OPERATION_GATE: s->parts[o->name].gate = &s->file.held[o->first]; return;
    case OPERATION_TERMINATE: administrate(s, o, SUPTREE_TERMINATE); return;
    case OPERATION_RESTART: administrate(s, o, SUPTREE_RESTART); return;
    case OPERATION_DELETE: administrate(s, o, SUPTREE_DELETE); return;
    case OPERATION_START: start_child(s, o); return;
    case OPERATION_SPAWN: spawn(s, o); return;
    case OPERATION_COUNT:
    case OPERATION_WHICH: ask(s, o); return;
    case OPERATION_SHUTDOWN: take(s, &stop); return;
    case OPERATION_SLEEP: s->now_ms += o->number; return;
    case OPERATION_ALIGN: s->now_ms += (o->number % 1000 + 1000 - s->now_ms % 1000) % 1000; return;
    case OPERATION_KINDS: return;
    }
}

/* What was answered meanwhile goes behind what happened; that the tree is down is said last. */
static void on_settled(void *self)
{
    struct scenario *s = self;

    if (s->death_count > 0)
        return;                         /* the event goes on */
    for (char *line = s->later.used ? s->later.at : NULL, *end; line && (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        s->out->line(s->out->arg, line, 0);
    }
    s->later.used = 0;
    if (s->down && !s->was_down)
        say(s, "tree_down %s", exit_class_name(s->end_cls));
}

static void event(struct scenario *s, uint32_t i)
{
    const struct scenario_event *e = &s->file.events[i];

    s->was_down = s->down;
    say(s, "@ %u %s", i + 1, e->text);
    if (s->down)
        say(s, "noop tree_down");
    else
        operate(s, &e->operation);
}

/* -- the whole ------------------------------------------------------------------------------------ */

static void say_final(struct scenario *s, uint32_t v, int depth)
{
    struct suptree_look l = look(s, v);
    bool counts = l.supervisor && l.state == TREE_RUNNING;
    char tail[128] = "", line[256];

    if (l.gone || l.is_template)
        return;
    if (counts)
        snprintf(tail, sizeof tail, " specs=%u active=%d supervisors=%u workers=%u", l.specs, l.active, l.supervisors,
                 l.workers);
    snprintf(line, sizeof line, "= %s %u %s%s", text(s, name_of(s, v)), s->parts[name_of(s, v)].starts, state_word(&l),
             tail);
    s->out->line(s->out->arg, line, depth);
    for (uint32_t c = counts ? l.first_child : NONE; c != NONE; c = look(s, c).next_sibling)
        say_final(s, c, depth + 1);
}

static void boot(struct scenario *s)
{
    struct suptree_input in = {.kind = SUPTREE_BRANCH_START, .life = 1, .line = 1};

    say(s, "@ boot");
    for (uint32_t i = 0; i < s->file.declared; i++) {
        const struct scenario_vertex *x = &s->file.vertices[i];

        s->parts[x->name].fail_starts = x->fail_starts;
        if (x->in_template && !s->file.names[x->name].template)
            continue;                   /* it stands below each instance only */
        if (x->parent == NONE)
            s->root = s->count;
        (void)add_actor(s, x->name, x->parent == NONE ? NONE : s->parts[x->parent].latest, x);
    }
    in.vertex = s->root;
    take(s, &in);
}

static void finish(struct scenario *s)
{
    say(s, "@ final");
    if (s->down)
        say(s, "= down");
    else
        say_final(s, s->root, 0);
}

static int on_step(void *self)
{
    struct scenario *s = self;

    if (s->death_count > 0)
        next_death(s);
    else if (!s->booted)
        boot(s);
    else if (s->next < s->file.event_count)
        event(s, s->next++);
    else {
        finish(s);
        return 0;
    }
    s->booted = true;
    return 1;
}

static void on_attach(void *self, const struct stage_ops *ops, void *stage)
{
    struct scenario *s = self;

    s->stage = ops;
    s->stage_self = stage;
}

/* All that can come to be is known from the file. */
static int make_room(struct scenario *s, struct reason *why)
{
    uint32_t parts = s->file.name_count + s->file.spawns * s->file.instance_most;

    s->parts = calloc(parts, sizeof *s->parts);
    s->actors = calloc(scenario_vertices(s), sizeof *s->actors);
    if (!s->parts || !s->actors)
        return reason_set(why, TW_ENOMEM, "%s: not enough memory", s->file.path);
    for (uint32_t i = 0; i < parts; i++)
        s->parts[i].latest = NONE;
    return 0;
}

int scenario_open(const char *path, const struct scenario_out *out, struct scenario **ret, struct reason *why)
{
    struct scenario *s = calloc(1, sizeof *s);
    int rc;

    if (!s)
        return reason_set(why, TW_ENOMEM, "%s: not enough memory", path);
    s->out = out;
    s->root = NONE;
    rc = scenario_file_read(&s->file, path, why);
    if (rc == 0)
        rc = make_room(s, why);
    if (rc == 0)
        *ret = s;
    else
        scenario_close(s);
    return rc;
}

void scenario_close(struct scenario *s)
{
    if (!s)
        return;
    free(s->parts);
    free(s->actors);
    free(s->later.at);
    scenario_file_free(&s->file);
    free(s);
}

struct script scenario_script(struct scenario *s)
{
    static const struct script_ops ops = {on_attach, on_step, on_settled, on_record, on_answer, on_ended, on_start,
                                          on_stop, clock_ms};

    return (struct script){&ops, s};
}

uint32_t scenario_vertices(const struct scenario *s)
{
    return s->file.vertex_count + s->file.spawns * s->file.instance_most;
}

uint32_t scenario_cast(const struct scenario *s, struct scenario_node *ret)
{
    for (uint32_t v = 0; v < s->count; v++) {
        snprintf(ret[v].name, sizeof ret[v].name, "%s", text(s, name_of(s, v)));
        ret[v].on_stop = s->actors[v].like->on_stop != ON_STOP_OBEY;
    }
    return s->count;
}
