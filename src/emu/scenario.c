/* scenario.c - parse, play the leaves, print the trace */
#include "emu/scenario.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/suptree.h"

#define NODES 4096
#define WORDS 64
#define FOREVER UINT32_MAX

enum on_stop { OBEY, IGNORE, NORMAL, CRASH, SLOW };

struct leaf {                       /* or supervisor: what the scenario says of it beside its spec */
    char name[64];
    struct suptree_spec spec;
    uint32_t parent;
    enum on_stop on_stop;
    uint32_t slow_ms, fail_starts, ignore_starts;
    char gate[256];                 /* an operation that gets in before the next failing start's retry */
};

struct scenario {
    const char *file;
    int line;
    FILE *out;
    struct reason *why;
    struct suptree *tree;
    struct leaf *nodes;             /* owned; [count], index = vertex id */
    uint32_t count, root;
    uint64_t now_ms, lives;
    int events;
    bool down;
    char result[512];               /* answers come after all other lines of the event */
    const char *verb;
};

static int bad(struct scenario *s, const char *what, const char *word, const char *remedy)
{
    return reason_set(s->why, TW_EPROTO, "%s:%d: %s: %s: %s", s->file, s->line, what, word, remedy);
}

static uint32_t find(const struct scenario *s, const char *name)
{
    for (uint32_t i = 0; i < s->count; i++)
        if (!strcmp(s->nodes[i].name, name))
            return i;
    return SUPTREE_NONE;
}

/* -- parsing -------------------------------------------------------------------------------------- */

static int word_number(struct scenario *s, const char *key, const char *text, uint32_t *ret)
{
    char *end;
    unsigned long v = strtoul(text, &end, 10);

    if (!strcmp(text, "inf")) {
        *ret = FOREVER;
        return 0;
    }
    if (end == text || *end || v > 1000000000u)
        return bad(s, key, text, "not a number: write for example 3");
    *ret = (uint32_t)v;
    return 0;
}

static int word_of(struct scenario *s, const char *key, const char *text, const char *const *list, uint8_t *ret)
{
    for (uint8_t i = 0; list[i]; i++)
        if (!strcmp(text, list[i])) {
            *ret = i;
            return 0;
        }
    return bad(s, key, text, "no such value: the format is described in tests/conformance/README.md");
}

static int parse_on_stop(struct scenario *s, struct leaf *n, const char *value)
{
    static const char *const names[] = {"obey", "ignore", "normal", "crash", NULL};
    uint8_t which = 0;
    int rc;

    if (!strncmp(value, "slow:", 5)) {
        n->on_stop = SLOW;
        return word_number(s, "onstop", value + 5, &n->slow_ms);
    }
    rc = word_of(s, "onstop", value, names, &which);
    n->on_stop = (enum on_stop)which;
    return rc;
}

static int parse_shutdown(struct scenario *s, struct leaf *n, const char *value)
{
    if (!strcmp(value, "brutal_kill"))
        n->spec.shutdown = SHUTDOWN_BRUTAL_KILL;
    else if (!strcmp(value, "infinity"))
        n->spec.shutdown = SHUTDOWN_INFINITY;
    else {
        n->spec.shutdown = SHUTDOWN_MS;
        return word_number(s, "shutdown", value, &n->spec.shutdown_ms);
    }
    return 0;
}

static int parse_pair(struct scenario *s, struct leaf *n, char *pair)
{
    static const char *const strategies[] = {"one_for_one", "one_for_all", "rest_for_one", NULL};
    static const char *const restarts[] = {"permanent", "transient", "temporary", NULL};
    static const char *const autos[] = {"never", "any_significant", "all_significant", NULL};
    static const char *const bools[] = {"false", "true", NULL};
    char *value = strchr(pair, '=');
    uint32_t number = 0;
    uint8_t which = 0;
    int rc;

    if (!value)
        return bad(s, "not KEY=VALUE", pair, "write for example restart=transient");
    *value++ = '\0';
    if (!strcmp(pair, "parent")) {
        n->parent = strcmp(value, "-") ? find(s, value) : SUPTREE_NONE;
        if (n->parent == SUPTREE_NONE && strcmp(value, "-"))
            return bad(s, "parent", value, "no supervisor of that name stands above this line");
        return 0;
    }
    if (!strcmp(pair, "strategy") && !strcmp(value, "simple_one_for_one"))
        return bad(s, "strategy", value, "pools are not built in this version: use another strategy");
    if (!strcmp(pair, "strategy"))
        return word_of(s, pair, value, strategies, &n->spec.strategy);
    if (!strcmp(pair, "restart"))
        return word_of(s, pair, value, restarts, &n->spec.restart);
    if (!strcmp(pair, "auto_shutdown"))
        return word_of(s, pair, value, autos, &n->spec.auto_shutdown);
    if (!strcmp(pair, "onstop"))
        return parse_on_stop(s, n, value);
    if (!strcmp(pair, "shutdown"))
        return parse_shutdown(s, n, value);
    if (!strcmp(pair, "significant")) {
        rc = word_of(s, pair, value, bools, &which);
        n->spec.significant = which == 1;
        return rc;
    }
    rc = word_number(s, pair, value, &number);
    if (!strcmp(pair, "intensity"))
        n->spec.intensity = number;
    else if (!strcmp(pair, "period"))
        n->spec.period_ms = (uint64_t)number * 1000;
    else if (!strcmp(pair, "fail_start"))
        n->fail_starts = number;
    else
        return bad(s, "key", pair, "not known");
    return rc;
}

static int parse_node(struct scenario *s, char **words, int n, bool dynamic)
{
    struct leaf *x = &s->nodes[s->count];
    bool sup = !strcmp(words[0], "sup");
    int rc = 0;

    if (n < 2 || s->count == NODES)
        return bad(s, words[0], "incomplete", "write sup ID parent=P or worker ID parent=P");
    *x = (struct leaf){.parent = SUPTREE_NONE};
    x->spec = (struct suptree_spec){.supervisor = sup, .intensity = 1, .period_ms = 5000, .dynamic = dynamic,
                                    .shutdown = sup ? SHUTDOWN_INFINITY : SHUTDOWN_MS, .shutdown_ms = 5000};
    snprintf(x->name, sizeof x->name, "%.63s", words[1]);
    if (!dynamic && find(s, x->name) != SUPTREE_NONE)
        return bad(s, "id", words[1], "stands twice: ids are unique in the file");
    for (int i = 2; i < n && rc == 0; i++)
        rc = parse_pair(s, x, words[i]);
    x->spec.id = s->count;
    if (rc == 0 && x->parent == SUPTREE_NONE) {
        if (!sup || s->root != SUPTREE_NONE)
            return bad(s, words[1], "without a parent", "exactly one sup has parent=-");
        s->root = s->count;
    }
    return rc;
}

static int add_node(struct scenario *s)
{
    struct leaf *x = &s->nodes[s->count];
    int rc = suptree_add(s->tree, x->parent, &x->spec);

    if (rc != 0)
        return bad(s, x->name, tw_rc_text(rc), "its parent must be a sup");
    s->count++;
    return 0;
}

/* -- the trace ------------------------------------------------------------------------------------ */

static const char *name(const struct scenario *s, uint32_t v) { return v < s->count ? s->nodes[v].name : "?"; }

static const char *why_of(uint8_t cause) { return cause == CAUSE_AUTO_SHUTDOWN ? "auto_shutdown" : "intensity"; }

static void print_record(struct scenario *s, const struct suptree_effect *e)
{
    static const char *const names[] = {
#define X(n, text) text,
        SUPTREE_RECORD_LIST(X)
#undef X
    };
    const char *what = names[e->what], *who = name(s, e->vertex);

    switch (e->what) {
    case RECORD_BEGIN:
    case RECORD_START_FAILED:
    case RECORD_START_IGNORED: fprintf(s->out, "%s %s\n", what, who); return;
    case RECORD_START: fprintf(s->out, "start %s %u\n", who, e->starts); return;
    case RECORD_GIVEUP: fprintf(s->out, "giveup %s %s\n", who, why_of(e->cause)); return;
    case RECORD_ESCALATE:
        fprintf(s->out, "escalate %s %s %s\n", who, name(s, e->other), why_of(e->cause));
        return;
    default: fprintf(s->out, "%s %s %u %s\n", what, who, e->starts, exit_class_name(e->cls)); return;
    }
}

/* -- the leaves ----------------------------------------------------------------------------------- */

static void take(struct scenario *s, const struct suptree_input *in);
static int operate(struct scenario *s, char **words, int n);

static void play_start(struct scenario *s, const struct suptree_effect *e)
{
    struct leaf *x = &s->nodes[e->vertex];
    struct suptree_input in = {.kind = SUPTREE_STARTED, .vertex = e->vertex, .life = e->life};

    if (x->fail_starts) {
        char *words[WORDS], *save, gate[256];
        int n = 0;

        if (x->fail_starts != FOREVER)
            x->fail_starts--;
        in.kind = SUPTREE_START_FAILED;
        in.cause = CAUSE_START;
        memcpy(gate, x->gate, sizeof gate);
        x->gate[0] = '\0';
        for (char *w = strtok_r(gate, " ", &save); w && n < WORDS; w = strtok_r(NULL, " ", &save))
            words[n++] = w;
        if (n)
            (void)operate(s, words, n);     /* queued now, so it stands before the retry */
    } else if (x->ignore_starts) {
        x->ignore_starts--;
        in.kind = SUPTREE_START_IGNORED;
    }
    take(s, &in);
}

static void play_stop(struct scenario *s, const struct suptree_effect *e)
{
    struct leaf *x = &s->nodes[e->vertex];
    struct suptree_input in = {.kind = SUPTREE_EXITED, .vertex = e->vertex, .life = e->life,
                               .cls = CLASS_SHUTDOWN, .cause = CAUSE_SUPERVISOR};

    if (e->how == SHUTDOWN_BRUTAL_KILL) {
        in.cls = CLASS_KILLED;
    } else if (x->on_stop == IGNORE || (x->on_stop == SLOW && e->deadline_ms && x->slow_ms > e->deadline_ms)) {
        in.cls = CLASS_KILLED;
        s->now_ms += e->deadline_ms;
    } else if (x->on_stop == NORMAL) {
        in.cls = CLASS_NORMAL;
    } else if (x->on_stop == CRASH) {
        in.cls = CLASS_ABNORMAL;
    } else if (x->on_stop == SLOW) {
        s->now_ms += x->slow_ms;
    }
    take(s, &in);
}

static void note_result(struct scenario *s, const struct suptree_effect *e)
{
    size_t n = strlen(s->result);

    snprintf(s->result + n, sizeof s->result - n, "result %s %s %s\n", s->verb ? s->verb : "?", name(s, e->vertex),
             suptree_answer_name(e->what));
}

static void carry_out(struct scenario *s, const struct suptree_effect *e)
{
    switch (e->kind) {
    case SUPTREE_DO_START: play_start(s, e); return;
    case SUPTREE_DO_STOP: play_stop(s, e); return;
    case SUPTREE_DO_RESULT: note_result(s, e); return;
    case SUPTREE_DO_RECORD: print_record(s, e); return;
    case SUPTREE_DO_REPORT:
        if (e->what == SUPTREE_EXITED || e->what == SUPTREE_START_FAILED) {
            s->down = true;
            fprintf(s->out, "tree_down %s\n", e->what == SUPTREE_EXITED ? exit_class_name(e->cls) : "shutdown");
        }
        return;
    }
}

static void take(struct scenario *s, const struct suptree_input *in)
{
    static int depth;
    const struct suptree_effect *next;

    (void)suptree_take(s->tree, s->now_ms, in);
    suptree_check(s->tree);
    if (depth)
        return;                     /* the outermost call carries out, in order */
    depth = 1;
    while ((next = suptree_next_effect(s->tree))) {
        struct suptree_effect e = *next;

        carry_out(s, &e);
    }
    depth = 0;
}

/* -- events --------------------------------------------------------------------------------------- */

static int look(const struct scenario *s, uint32_t v, struct suptree_look *l)
{
    return suptree_look(s->tree, v, s->now_ms, l);
}

static const char *state_word(const struct suptree_look *l)
{
    return l->state == TREE_RUNNING ? "running" : l->state == TREE_RESTARTING ? "restarting" : "stopped";
}

static void noop(struct scenario *s, const char *who, const char *why)
{
    fprintf(s->out, "noop %s %s\n", who, why);
}

/* A worker ends by itself. */
static void end(struct scenario *s, uint32_t v, uint8_t cls)
{
    struct suptree_input in = {.kind = SUPTREE_EXITED, .vertex = v, .cls = cls, .cause = CAUSE_CODE};
    struct suptree_look l;

    if (v == SUPTREE_NONE || look(s, v, &l) != 0 || l.gone || l.state != TREE_RUNNING) {
        noop(s, v == SUPTREE_NONE ? "?" : name(s, v), "not_running");
        return;
    }
    in.life = l.life;
    if (l.supervisor) {
        if (cls != CLASS_KILLED) {
            noop(s, name(s, v), "is_supervisor");
            return;
        }
        in.kind = SUPTREE_KILLED_OUTSIDE;
    }
    take(s, &in);
}

static uint8_t class_of(const char *word)
{
    return !strcmp(word, "normal") ? CLASS_NORMAL : !strcmp(word, "kill") ? CLASS_KILLED :
           !strcmp(word, "shutdown") || !strcmp(word, "shutdown_term") ? CLASS_SHUTDOWN : CLASS_ABNORMAL;
}

static int together(struct scenario *s, char **words, int n)
{
    suptree_hold(s->tree, true);
    for (int i = 1; i < n; i++) {
        char *save, *what = strtok_r(words[i], ":", &save), *who = strtok_r(NULL, ":", &save);
        char *reason = strtok_r(NULL, ":", &save);

        if (!who) {
            suptree_hold(s->tree, false);
            return bad(s, "together", words[i], "write fail:X, exit:X:normal or kill:X");
        }
        end(s, find(s, who), class_of(reason ? reason : what));
    }
    suptree_hold(s->tree, false);
    {
        struct suptree_input nothing = {.kind = SUPTREE_LOST};

        take(s, &nothing);          /* carry out what the release brought */
    }
    return 0;
}

static void administrate(struct scenario *s, uint16_t kind, uint32_t v, const char *verb, const char *who)
{
    struct suptree_input in = {.kind = kind, .vertex = v, .token = 1};

    s->verb = verb;
    if (v == SUPTREE_NONE) {
        size_t n = strlen(s->result);

        snprintf(s->result + n, sizeof s->result - n, "result %s %s not_found\n", verb, who);
        return;
    }
    take(s, &in);
}

static int start_child(struct scenario *s, char **words, int n)
{
    uint32_t old = n > 2 ? find(s, words[2]) : SUPTREE_NONE;
    struct suptree_look l;
    int rc = n < 3 ? bad(s, "start", "incomplete", "write do start worker ID parent=P") : 0;

    if (rc == 0)
        rc = parse_node(s, words + 1, n - 1, true);
    if (rc != 0)
        return rc;
    if (old != SUPTREE_NONE && look(s, old, &l) == 0 && !l.gone) {
        administrate(s, SUPTREE_START_CHILD, old, "start", words[2]);
        return 0;
    }
    if (old != SUPTREE_NONE)        /* its name is free again: the old one is remembered under none */
        snprintf(s->nodes[old].name, sizeof s->nodes[old].name, "(%.60s)", words[2]);
    rc = add_node(s);
    if (rc == 0)
        administrate(s, SUPTREE_START_CHILD, s->count - 1, "start", words[2]);
    return rc;
}

static void count(struct scenario *s, uint32_t v)
{
    struct suptree_look l;

    if (v == SUPTREE_NONE || look(s, v, &l) != 0 || l.state != TREE_RUNNING) {
        noop(s, v == SUPTREE_NONE ? "?" : name(s, v), "no_supervisor");
        return;
    }
    fprintf(s->out, "count %s specs=%u active=%u supervisors=%u workers=%u\n", name(s, v), l.specs, l.active,
            l.supervisors, l.workers);
}

static void which(struct scenario *s, uint32_t v)
{
    struct suptree_look l, k;
    bool first = true;

    if (v == SUPTREE_NONE || look(s, v, &l) != 0 || l.state != TREE_RUNNING) {
        noop(s, v == SUPTREE_NONE ? "?" : name(s, v), "no_supervisor");
        return;
    }
    fprintf(s->out, "which %s ", name(s, v));
    for (uint32_t c = l.first_child; c != SUPTREE_NONE && look(s, c, &k) == 0; c = k.next_sibling) {
        if (k.gone)
            continue;
        fprintf(s->out, "%s%s=%s", first ? "" : ",", name(s, c), state_word(&k));
        first = false;
    }
    fputc('\n', s->out);
}

static int operate(struct scenario *s, char **words, int n)
{
    uint32_t v = n > 1 ? find(s, words[1]) : SUPTREE_NONE;
    struct suptree_input stop = {.kind = SUPTREE_BRANCH_STOP, .vertex = s->root};

    if (!strcmp(words[0], "shutdown")) {
        take(s, &stop);
        return 0;
    }
    if (!strcmp(words[0], "together"))
        return together(s, words, n);
    if (!strcmp(words[0], "start"))
        return start_child(s, words, n);
    if (n < 2)
        return bad(s, "do", words[0], "incomplete, or not known");
    if (!strcmp(words[0], "sleep") || !strcmp(words[0], "align")) {
        uint64_t ms = strtoull(words[1], NULL, 10);

        s->now_ms = words[0][0] == 's' ? s->now_ms + ms : s->now_ms + (ms + 1000 - s->now_ms % 1000) % 1000;
        return 0;
    }
    if (!strcmp(words[0], "fail"))
        end(s, v, CLASS_ABNORMAL);
    else if (!strcmp(words[0], "kill"))
        end(s, v, CLASS_KILLED);
    else if (!strcmp(words[0], "exit") && n > 2)
        end(s, v, class_of(words[2]));
    else if (!strcmp(words[0], "terminate"))
        administrate(s, SUPTREE_TERMINATE, v, words[0], words[1]);
    else if (!strcmp(words[0], "restart"))
        administrate(s, SUPTREE_RESTART, v, words[0], words[1]);
    else if (!strcmp(words[0], "delete"))
        administrate(s, SUPTREE_DELETE, v, words[0], words[1]);
    else if (!strcmp(words[0], "count"))
        count(s, v);
    else if (!strcmp(words[0], "which"))
        which(s, v);
    else if (v == SUPTREE_NONE)
        return bad(s, words[0], words[1], "no worker of that name");
    else if (!strcmp(words[0], "failstart") && n > 2)
        return word_number(s, words[0], words[2], &s->nodes[v].fail_starts);
    else if (!strcmp(words[0], "ignorestart") && n > 2)
        return word_number(s, words[0], words[2], &s->nodes[v].ignore_starts);
    else if (!strcmp(words[0], "gate") && n > 2) {
        s->nodes[v].gate[0] = '\0';
        for (int i = 2; i < n; i++) {
            size_t at = strlen(s->nodes[v].gate);

            snprintf(s->nodes[v].gate + at, sizeof s->nodes[v].gate - at, "%s ", words[i]);
        }
    } else
        return bad(s, "do", words[0], "not known in this version, or incomplete");
    return 0;
}

static int event(struct scenario *s, char **words, int n)
{
    int rc;

    fprintf(s->out, "@ %d", ++s->events);
    for (int i = 0; i < n; i++)
        fprintf(s->out, " %s", words[i]);
    fputc('\n', s->out);
    if (s->down) {
        fprintf(s->out, "noop tree_down\n");
        return 0;
    }
    s->result[0] = '\0';
    rc = operate(s, words, n);
    fputs(s->result, s->out);
    return rc;
}

static void boot(struct scenario *s)
{
    struct suptree_input in = {.kind = SUPTREE_BRANCH_START, .vertex = s->root, .life = 1, .line = 1};

    fprintf(s->out, "@ boot\n");
    take(s, &in);
}

static void print_final(struct scenario *s, uint32_t v, int depth)
{
    struct suptree_look l;

    if (look(s, v, &l) != 0 || l.gone)
        return;
    fprintf(s->out, "= %*s%s %u %s", 2 * depth, "", name(s, v), l.starts, state_word(&l));
    if (l.supervisor && l.state == TREE_RUNNING)
        fprintf(s->out, " specs=%u active=%u supervisors=%u workers=%u", l.specs, l.active, l.supervisors, l.workers);
    fputc('\n', s->out);
    if (!l.supervisor || l.state != TREE_RUNNING)
        return;
    for (uint32_t c = l.first_child; c != SUPTREE_NONE; c = l.next_sibling) {
        print_final(s, c, depth + 1);
        if (look(s, c, &l) != 0)
            return;
    }
}

static int line(struct scenario *s, char *text, bool *booted)
{
    char *words[WORDS], *save;
    int n = 0, rc = 0;

    text[strcspn(text, "#\n")] = '\0';
    for (char *w = strtok_r(text, " \t\r", &save); w && n < WORDS; w = strtok_r(NULL, " \t\r", &save))
        words[n++] = w;
    if (n == 0 || (strcmp(words[0], "sup") && strcmp(words[0], "worker") && strcmp(words[0], "do")))
        return 0;
    if (strcmp(words[0], "do") != 0) {
        if (*booted)
            return bad(s, words[0], "after the first event", "declare everything first, or use do start");
        rc = parse_node(s, words, n, false);
        return rc == 0 ? add_node(s) : rc;
    }
    if (s->root == SUPTREE_NONE)
        return bad(s, "do", "before any supervisor", "declare one with parent=-");
    if (!*booted)
        boot(s);
    *booted = true;
    return n < 2 ? bad(s, "do", "nothing", "write what: do fail X") : event(s, words + 1, n - 1);
}

static int play(struct scenario *s, FILE *f)
{
    char text[4096];
    bool booted = false;
    int rc = 0;

    while (rc == 0 && fgets(text, sizeof text, f)) {
        s->line++;
        rc = line(s, text, &booted);
    }
    if (rc == 0 && s->root == SUPTREE_NONE)
        rc = bad(s, "no supervisor", "nothing to run", "declare one with parent=-");
    if (rc == 0 && !booted)
        boot(s);
    if (rc != 0)
        return rc;
    fprintf(s->out, "@ final\n");
    if (s->down)
        fprintf(s->out, "= down\n");
    else
        print_final(s, s->root, 0);
    return 0;
}

int scenario_run(const char *file, FILE *out, struct reason *why)
{
    struct suptree_limits limits = {.vertices = NODES, .ids = NODES, .generation = 1};
    struct scenario s = {.file = file, .out = out, .why = why, .root = SUPTREE_NONE};
    FILE *f = fopen(file, "r");
    int rc;

    if (!f)
        return reason_set(why, TW_ENOENT, "%s: cannot be read: %s: check the name", file, strerror(errno));
    s.tree = suptree_create(&limits);
    s.nodes = calloc(NODES, sizeof *s.nodes);
    rc = s.tree && s.nodes ? play(&s, f) : reason_set(why, TW_ENOMEM, "%s: not enough memory", file);
    suptree_destroy(s.tree);
    free(s.nodes);
    fclose(f);
    return rc;
}
