/* ask.c - the commands that ask a running job: status, tree, which, count, wait, and kill, terminate, restart, fail,
 * child */
#include <argp.h>
#include <jansson.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "face/client.h"
#include "face/reply.h"
#include "shared/rc.h"
#include "spec/spec.h"

struct ask_args {
    const char *job, *path, *how, *condition;
    char found[64];
    int rank, depth;
    unsigned timeout_ms;
    bool json, quiet, verbose, yes, fresh, no_wait, ascii, watch, plain;
};

static int from_asking(int rc)
{
    return rc == TW_EINVAL ? EXIT_USAGE : rc == TW_EAGAIN ? EXIT_AGAIN : EXIT_UNAVAILABLE;
}

/* Ask and parse.  0 or the exit code, said. */
static int ask(struct ask_args *a, const struct face_request *q, json_t **ret)
{
    char *request = face_request_text(q), *text = NULL;
    struct reason why;
    int rc = request ? 0 : TW_ENOMEM;

    if (rc == 0 && !a->found[0])
        rc = client_find(a->job, a->found, sizeof a->found, &why);
    if (rc == 0)
        rc = client_ask(a->found, a->rank, request, a->timeout_ms, &text, &why);
    free(request);
    if (rc != 0)
        return say(from_asking(rc), &why);
    *ret = json_loads(text, 0, NULL);
    free(text);
    if (!*ret) {
        reason_set(&why, TW_EPROTO, "job %s: the answer is not JSON: another version answers there", a->found);
        return say(EXIT_INTERNAL, &why);
    }
    return 0;
}

static const char *get(const json_t *o, const char *key)
{
    const char *t = json_string_value(json_object_get(o, key));

    return t ? t : "";
}

static long long num(const json_t *o, const char *key) { return json_integer_value(json_object_get(o, key)); }

/* An answer with "exit" other than 0 is an error of the job's. */
static int answer_code(const json_t *o)
{
    struct reason why;
    int code = (int)num(o, "exit");

    if (code == 0)
        return 0;
    reason_set(&why, code, "%s%s", get(o, "error"), get(o, "text"));
    return say(code, &why);
}

static void print_json(const json_t *o)
{
    json_dumpf(o, stdout, JSON_INDENT(1));
    putchar('\n');
}

/* -- status --------------------------------------------------------------------------------------- */

static void print_quarantined(const json_t *o)
{
    const json_t *paths = json_object_get(o, "quarantined"), *path;
    long long n = num(o, "branches_quarantined");
    size_t i;

    if (n == 0)
        return;
    printf("  in quarantine:");
    json_array_foreach(paths, i, path)
        printf(" %s", json_string_value(path));
    if ((size_t)n > json_array_size(paths))
        printf(" and %lld more", n - (long long)json_array_size(paths));
    printf(": `treewarden restart PATH` starts such a branch again\n");
}

/* Where a CUDA device hangs, and what the driver calls it. */
static const char *gpu_of(const json_t *device)
{
    static char text[128];

    snprintf(text, sizeof text, " %s %s", get(device, "pci"), get(device, "uuid"));
    return json_object_get(device, "uuid") ? text : "";
}

static void print_status(const json_t *o)
{
    const json_t *states = json_object_get(o, "actors"), *ranks = json_object_get(o, "ranks"), *v, *d;
    const char *name;
    size_t i, k;

    printf("job %s (%s): %s, %.1f s\n", get(o, "job"), get(o, "name"), get(o, "phase"),
           (double)num(o, "tree_us") / 1e6);
    printf("  actors:");
    json_object_foreach((json_t *)(uintptr_t)states, name, v)
        if (json_integer_value(v))
            printf(" %lld %s", (long long)json_integer_value(v), name);
    printf("\n  gave up on rank %lld: %lld, drills fired: %lld, left: %lld\n", num(o, "answered_by"),
           num(o, "giveups_of_this_rank"), num(o, "drills_fired"), num(o, "drills_left"));
    print_quarantined(o);
    if (get(o, "devices_note")[0])
        printf("  %s\n", get(o, "devices_note"));
    if (num(o, "dead_letters_of_this_rank"))
        printf("  dead letters on rank %lld: %lld: `treewarden events --type dead_letter` says which\n",
               num(o, "answered_by"), num(o, "dead_letters_of_this_rank"));
    json_array_foreach(ranks, i, v) {
        printf("  rank:%lld %s %s", num(v, "rank"), get(v, "host"), get(v, "state"));
        if (num(v, "rank") == num(o, "answered_by") || strcmp(get(v, "state"), "up") != 0)
            putchar('\n');             /* its devices follow; or nobody can be asked */
        else
            printf(": `treewarden status --rank %lld` shows its devices\n", num(v, "rank"));
        json_array_foreach(json_object_get(v, "devices"), k, d)
            printf("    device:%lld.%zu %s, %s%s, %lld of %lld slots busy, %lld fenced, worker %lld (pid %lld)\n",
                   num(v, "rank"), k, get(d, "state"), get(d, "kind"), gpu_of(d), num(d, "busy"), num(d, "slots"),
                   num(d, "fenced"), num(d, "incarnation"), num(d, "pid"));
    }
    printf("  state directory: %s\n", get(o, "state_dir"));
}

static int status(struct ask_args *a)
{
    struct face_request q = {.verb = "status"};
    json_t *o;
    int code = ask(a, &q, &o);

    if (code == 0 && a->json)
        print_json(o);
    else if (code == 0 && !a->quiet)
        print_status(o);
    return code;
}

/* -- tree ----------------------------------------------------------------------------------------- */

static int level_of(const char *path)
{
    int n = 0;

    for (; *path; path++)
        n += *path == '/';
    return n;
}

static const char *colour(const struct ask_args *a, const char *state)
{
    if (a->plain)
        return "";
    return !strcmp(state, "running") ? "\033[32m" : !strcmp(state, "done") ? "\033[36m" :
           !strcmp(state, "stopped") || !strcmp(state, "gone") ? "\033[31m" : "\033[33m";
}

/* No vertex below the same parent comes after it. */
static bool is_last(const json_t *vertices, size_t i)
{
    int level = level_of(get(json_array_get(vertices, i), "path"));

    for (i++; i < json_array_size(vertices); i++) {
        int next = level_of(get(json_array_get(vertices, i), "path"));

        if (next <= level)
            return next < level;
    }
    return true;
}

/* A supervisor has no device, an actor whose start failed may have had none. */
static void print_death(const json_t *d, int indent)
{
    printf("%*s  %.3f s  %s, %s", indent, "", (double)num(d, "t_us") / 1e6, get(d, "class"), get(d, "cause"));
    if (json_object_get(d, "rank"))
        printf("  at %lld.%lld %s", num(d, "rank"), num(d, "device"), get(d, "host"));
    putchar('\n');
}

/* Its last deaths, the oldest first. */
static void print_tally(const json_t *v, int indent)
{
    json_t *d;
    size_t i;

    json_array_foreach(json_object_get(v, "tally"), i, d)
        print_death(d, indent);
}

static void print_vertex(const struct ask_args *a, const json_t *v, int base, bool last)
{
    int level = level_of(get(v, "path")) - base;
    const char *branch = level <= 0 ? "" : a->ascii ? (last ? "`- " : "|- ") : last ? "└─ " : "├─ ";

    if (a->depth >= 0 && level > a->depth)
        return;
    printf("%*s%s%s  %s%s%s", level > 0 ? (level - 1) * 3 : 0, "", branch, get(v, "name"),
           colour(a, get(v, "state")), get(v, "state"), a->plain ? "" : "\033[0m");
    if (num(v, "starts") > 1 || a->verbose)
        printf("  starts %lld", num(v, "starts"));
    if (json_object_get(v, "rank"))
        printf("  at %lld.%lld", num(v, "rank"), num(v, "device"));
    if (num(v, "progress"))
        printf("  progress %lld", num(v, "progress"));
    if (num(v, "deaths"))
        printf("  last: %s, %s", get(v, "last_class"), get(v, "last_cause"));
    if (a->verbose)
        printf("  life %s", get(v, "life"));
    if (a->verbose && json_object_get(v, "line"))
        printf(" line %lld", num(v, "line"));
    putchar('\n');
    if (a->verbose)
        print_tally(v, level > 0 ? level * 3 : 3);
}

static int tree_once(struct ask_args *a)
{
    struct face_request q = {.verb = "tree"};
    json_t *o, *v;
    size_t i;
    int base = -1, code;

    snprintf(q.path, sizeof q.path, "%s", a->path ? a->path : "");
    code = ask(a, &q, &o);
    if (code == 0)
        code = answer_code(o);
    if (code == 0 && a->json)
        print_json(o);
    else if (code == 0)
        json_array_foreach(json_object_get(o, "vertices"), i, v) {
            if (base < 0)
                base = level_of(get(v, "path"));
            print_vertex(a, v, base, is_last(json_object_get(o, "vertices"), i));
        }
    if (code == 0)
        json_decref(o);
    return code;
}

static int tree(struct ask_args *a)
{
    int code;

    setlocale(LC_CTYPE, "");
    a->plain |= !isatty(STDOUT_FILENO) || getenv("NO_COLOR") != NULL;
    a->ascii |= strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
    while ((code = tree_once(a)) == 0 && a->watch) {
        fflush(stdout);
        nanosleep(&(struct timespec){1, 0}, NULL);
        fputs(a->plain ? "\n" : "\033[H\033[2J", stdout);
    }
    return code;
}

/* -- acting --------------------------------------------------------------------------------------- */

static int confirm(struct ask_args *a, const char *verb, struct face_request *q)
{
    char line[16] = "";
    json_t *o;
    int code;

    q->dry = true;
    code = ask(a, q, &o);
    q->dry = false;
    if (code == 0)
        code = answer_code(o);
    if (code != 0)
        return code;
    printf("%s %s: %lld branch%s, %lld running actor%s\n", verb, q->path, num(o, "matched"),
           num(o, "matched") == 1 ? "" : "es", num(o, "lives"), num(o, "lives") == 1 ? "" : "s");
    json_decref(o);
    if (!isatty(STDIN_FILENO)) {
        fprintf(stderr, "treewarden: %s: not done: nobody can be asked without a terminal: give -y\n", verb);
        return EXIT_USAGE;
    }
    printf("do it? [y/N] ");
    fflush(stdout);
    return fgets(line, sizeof line, stdin) && (line[0] == 'y' || line[0] == 'Y') ? 0 : EXIT_USAGE;
}

static int act(struct ask_args *a, const char *verb)
{
    struct face_request q = {.fresh = a->fresh};
    json_t *o;
    int code = 0;

    snprintf(q.verb, sizeof q.verb, "%s", verb);
    snprintf(q.path, sizeof q.path, "%s", a->path);
    snprintf(q.how, sizeof q.how, "%s", a->how ? a->how : "");
    if ((a->fresh && strcmp(verb, "restart")) || (a->how && strcmp(verb, "fail"))) {
        fprintf(stderr, "treewarden: %s: %s is for `%s`: leave it out\n", verb, a->fresh ? "--fresh" : "--how",
                a->fresh ? "restart" : "fail");
        return EXIT_USAGE;
    }
    if (!strcmp(verb, "fail") && !a->how) {
        fprintf(stderr, "treewarden: fail: how? give --how fail, overrun, wedge, segv, kill-worker or stop-worker\n");
        return EXIT_USAGE;
    }
    if (!strcmp(verb, "kill") && !a->yes)
        code = confirm(a, verb, &q);
    if (code == 0 && a->no_wait)
        a->timeout_ms = 1;
    if (code == 0)
        code = ask(a, &q, &o);
    if (a->no_wait && code == EXIT_AGAIN)
        return 0;
    if (code != 0)
        return code;
    if (a->json) {
        print_json(o);
        return (int)num(o, "exit");
    }
    code = answer_code(o);
    if (code == 0 && !a->quiet && !strncmp(a->path, "device:", 7))
        printf("%s %s: a worker is started: see `treewarden status --rank %ld`\n", verb, a->path,
               strtol(a->path + 7, NULL, 10));
    else if (code == 0 && !a->quiet)
        printf("%s %s: done (%lld branch%s, %lld actor%s)\n", verb, a->path, num(o, "matched"),
               num(o, "matched") == 1 ? "" : "es", num(o, "lives"), num(o, "lives") == 1 ? "" : "s");
    return code;
}

/* -- calls of supervisors ------------------------------------------------------------------------- */

/* A line as a trace has it. */
static void print_children(const json_t *o, const char *verb)
{
    const json_t *c;
    size_t i;

    printf("%s %s ", verb, get(o, "path"));
    if (!strcmp(verb, "count"))
        printf("specs=%lld active=%lld supervisors=%lld workers=%lld", num(o, "specs"), num(o, "active"),
               num(o, "supervisors"), num(o, "workers"));
    json_array_foreach(json_object_get(o, "children"), i, c)
        printf("%s%s=%s", i ? "," : "", get(c, "name"), get(c, "state"));
    putchar('\n');
}

/* Answers that a call can have are said on stdout, whatever they are; the exit code tells them apart. */
static int call(struct ask_args *a, const char *verb, const char *shown)
{
    struct face_request q = {.fresh = a->fresh};
    json_t *o;
    int code;

    snprintf(q.verb, sizeof q.verb, "%s", verb);
    snprintf(q.path, sizeof q.path, "%s", a->path);
    code = ask(a, &q, &o);
    if (code != 0)
        return code;
    code = (int)num(o, "exit");
    if (a->json)
        print_json(o);
    else if (code > 1 || (code == 1 && !json_object_get(o, "answer")))
        code = answer_code(o);
    else if (!a->quiet && json_object_get(o, "answer"))
        printf("%s\n", get(o, "text"));
    else if (!a->quiet)
        print_children(o, shown);
    json_decref(o);
    return code;
}

/* -- wait ----------------------------------------------------------------------------------------- */

static bool vertex_is(const json_t *v, const char *condition)
{
    const char *state = get(v, "state");

    if (!strcmp(condition, "running"))
        return !strcmp(state, "running");
    if (!strcmp(condition, "healthy"))
        return !strcmp(state, "running") || !strcmp(state, "done");
    if (!strcmp(condition, "gone"))
        return !strcmp(state, "stopped") || !strcmp(state, "done");
    if (!strcmp(condition, "done"))
        return !strcmp(state, "done");
    return num(v, "starts") > strtoll(condition + strlen("restarted="), NULL, 10);
}

/* It was forgotten, or it is in the branch `*top` that was; parents come before children. */
static bool is_forgotten(const json_t *v, const char **top)
{
    const char *path = get(v, "path");
    size_t n = *top ? strlen(*top) : 0;

    if (*top && !strncmp(path, *top, n) && path[n] == '/')
        return true;
    *top = strcmp(get(v, "state"), "gone") ? NULL : path;
    return *top != NULL;
}

/* Of all that is there; of nothing only that it is gone is true. */
static bool condition_holds(const json_t *o, const char *condition)
{
    const json_t *v, *vertices = json_object_get(o, "vertices");
    const char *top = NULL;
    size_t i, forgotten = 0;

    json_array_foreach(vertices, i, v) {
        if (is_forgotten(v, &top))
            forgotten++;
        else if (!vertex_is(v, condition))
            return false;
    }
    return json_array_size(vertices) > (strcmp(condition, "gone") ? forgotten : 0);
}

static bool is_condition(const char *text)
{
    static const char *const words[] = {"running", "healthy", "gone", "done"};
    size_t digits;

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (!strcmp(text, words[i]))
            return true;
    digits = strncmp(text, "restarted=", 10) == 0 ? strspn(text + 10, "0123456789") : 0;
    return digits > 0 && digits < 10 && text[10 + digits] == '\0';
}

static int wait_for(struct ask_args *a)
{
    struct face_request q = {.verb = "tree"};
    unsigned long waited_ms = 0;
    char *request, *text;
    struct reason why;

    if (!is_condition(a->condition)) {
        fprintf(stderr, "treewarden: wait: --for=%s: use running, healthy, done, gone or restarted=N\n", a->condition);
        return EXIT_USAGE;
    }
    snprintf(q.path, sizeof q.path, "%s", a->path ? a->path : "");
    request = face_request_text(&q);
    for (; request; waited_ms += 50) {
        int rc = a->found[0] ? 0 : client_find(a->job, a->found, sizeof a->found, &why);

        if (rc == 0)
            rc = client_ask(a->found, a->rank, request, 5000, &text, &why);
        if (rc == 0) {
            json_t *o = json_loads(text, 0, NULL);
            bool met = condition_holds(o, a->condition);
            int code = answer_code(o);  /* no such path: that will not change */

            json_decref(o);
            free(text);
            if (code != 0) {
                free(request);
                return code;
            }
            if (met)
                break;
        } else if (a->found[0] && (!strcmp(a->condition, "gone") || !strcmp(a->condition, "done"))) {
            break;                      /* the job itself has ended */
        } else if (a->found[0] || rc == TW_EINVAL) {
            free(request);
            return say(from_asking(rc), &why);
        }
        if (waited_ms >= a->timeout_ms) {
            free(request);
            fprintf(stderr, "treewarden: wait: not %s within the time given\n", a->condition);
            return EXIT_TIMELIMIT;
        }
        nanosleep(&(struct timespec){0, 50000000}, NULL);
    }
    free(request);
    return 0;
}

/* -- options -------------------------------------------------------------------------------------- */

static int number(const struct argp_state *state, const char *option, const char *arg)
{
    char *end;
    long n = strtol(arg, &end, 10);

    if (end == arg || *end || n < 0 || n > 65535)
        argp_error(state, "%s %s: not a whole number from 0 to 65535", option, arg);
    return (int)n;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct ask_args *a = state->input;
    int64_t ms;

    switch (key) {
    case 'J': a->job = arg; return 0;
    case 'R': a->rank = number(state, "--rank", arg); return 0;
    case 'T':
        ms = spec_duration_ms(arg);
        if (ms < 0)
            argp_error(state, "--timeout %s: not a duration: write for example 10s", arg);
        a->timeout_ms = (unsigned)ms;
        return 0;
    case 'j': a->json = true; return 0;
    case 'q': a->quiet = true; return 0;
    case 'v': a->verbose = true; return 0;
    case 'y': a->yes = true; return 0;
    case 'f': a->fresh = true; return 0;
    case 'n': a->no_wait = true; return 0;
    case 'a': a->ascii = true; return 0;
    case 'w': a->watch = true; return 0;
    case 'C': a->plain = true; return 0;
    case 'd': a->depth = number(state, "--depth", arg); return 0;
    case 'H': a->how = arg; return 0;
    case 'F': a->condition = arg; return 0;
    case ARGP_KEY_ARG:
        if (a->path)
            argp_error(state, "one path, please");
        a->path = arg;
        return 0;
    }
    return ARGP_ERR_UNKNOWN;
}

#define COMMON                                                                                     \
    {"job", 'J', "JOBID", 0, "which job (the only one of yours)", 0},                              \
    {"rank", 'R', "N", 0, "ask this rank", 0},                                                     \
    {"timeout", 'T', "TIME", 0, "wait at most so long (10s)", 0},                                  \
    {"json", 'j', NULL, 0, "one JSON document", 0},                                                \
    {"quiet", 'q', NULL, 0, "say only errors", 0},                                                 \
    {"verbose", 'v', NULL, 0, "say more", 0},                                                      \
    {"no-color", 'C', NULL, 0, "no colours", 0}

static int ask_main(int argc, char **argv, const struct argp_option *options, const char *args, const char *doc,
                    struct ask_args *a)
{
    struct argp argp = {options, parse, args, doc, NULL, NULL, NULL};

    argp_err_exit_status = EXIT_USAGE;
    return argp_parse(&argp, argc, argv, 0, NULL, a) ? EXIT_USAGE : 0;
}

#define DEFAULTS {.rank = -1, .depth = -1, .timeout_ms = 10000}

int cmd_status(int argc, char **argv)
{
    static const struct argp_option options[] = {COMMON, {0}};
    struct ask_args a = DEFAULTS;
    int code = ask_main(argc, argv, options, "", "One screen about a running job.", &a);

    if (code == 0 && a.path) {
        fprintf(stderr, "%s: %s: it takes no path: use `treewarden tree %s`\n", argv[0], a.path, a.path);
        return EXIT_USAGE;
    }
    return code ? code : status(&a);
}

int cmd_tree(int argc, char **argv)
{
    static const struct argp_option options[] = {
        COMMON, {"watch", 'w', NULL, 0, "again every second", 0}, {"depth", 'd', "N", 0, "so many levels", 0},
        {"ascii", 'a', NULL, 0, "no line drawing", 0}, {0}};
    struct ask_args a = DEFAULTS;
    int code = ask_main(argc, argv, options, "[PATH]",
                        "The tree, or the branches that match PATH (names, *, [0-2], [*,3]).", &a);

    return code ? code : tree(&a);
}

int cmd_act(int argc, char **argv)
{
    static const struct argp_option options[] = {
        COMMON, {"yes", 'y', NULL, 0, "kill: do not ask", 0},
        {"fresh", 'f', NULL, 0, "restart: from init, not from the commit", 0},
        {"no-wait", 'n', NULL, 0, "do not wait for the result", 0},
        {"how", 'H', "HOW", 0, "fail: fail, overrun, wedge, segv, kill-worker, stop-worker", 0}, {0}};
    struct ask_args a = DEFAULTS;
    int code = ask_main(argc, argv, options, "PATH", "Act on the branches that match PATH; `restart "
                        "device:RANK.DEVICE` uses a device again that is in quarantine.", &a);

    if (code == 0 && !a.path) {
        fprintf(stderr, "%s: which path? `treewarden tree` shows them\n", argv[0]);
        return EXIT_USAGE;
    }
    return code ? code : act(&a, own_name(argv));
}

int cmd_wait(int argc, char **argv)
{
    static const struct argp_option options[] = {
        COMMON, {"for", 'F', "CONDITION", 0, "running, healthy, done, gone, restarted=N", 0}, {0}};
    struct ask_args a = DEFAULTS;
    int code;

    a.condition = "healthy";
    code = ask_main(argc, argv, options, "[PATH]", "Wait until every vertex that matches is so.", &a);
    if (code == 0)
        code = wait_for(&a);
    if (a.json) {
        json_t *o = json_pack("{s:s,s:i,s:s,s:s,s:i}", "schema", "treewarden.wait", "version", 1, "for", a.condition,
                              "path", a.path ? a.path : "", "exit", code);

        print_json(o);
        json_decref(o);
    }
    return code;
}

int cmd_look(int argc, char **argv)
{
    static const struct argp_option options[] = {COMMON, {0}};
    struct ask_args a = DEFAULTS;
    int code = ask_main(argc, argv, options, "PATH",
                        "What OTP's which_children or count_children say of the supervisor PATH, as in a scenario's "
                        "trace; a supervisor that is not running: exit 1.", &a);

    if (code == 0 && !a.path) {
        fprintf(stderr, "%s: of which supervisor? `treewarden tree` shows them\n", argv[0]);
        return EXIT_USAGE;
    }
    return code ? code : call(&a, own_name(argv), own_name(argv));
}

static bool is_child_verb(const char *text)
{
    static const char *const words[] = {"terminate", "restart", "delete", "start"};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (!strcmp(text, words[i]))
            return true;
    return false;
}

int cmd_child(int argc, char **argv)
{
    static const struct argp_option options[] = {
        COMMON, {"fresh", 'f', NULL, 0, "restart: from init, not from the commit", 0}, {0}};
    struct ask_args a = DEFAULTS;
    char verb[16], name[48], *words[64];
    int n = 0, code;

    if (argc < 2 || argc >= 64 || (argv[1][0] != '-' && !is_child_verb(argv[1]))) {
        fprintf(stderr, "treewarden: child: what? write child terminate, restart, delete or start PATH\n");
        return EXIT_USAGE;
    }
    snprintf(name, sizeof name, "%s%s%s", argv[0], argv[1][0] == '-' ? "" : " ", argv[1][0] == '-' ? "" : argv[1]);
    snprintf(verb, sizeof verb, "child-%.9s", argv[1]);
    words[n++] = name;
    for (int i = argv[1][0] == '-' ? 1 : 2; i < argc; i++)
        words[n++] = argv[i];
    words[n] = NULL;
    code = ask_main(n, words, options, argv[1][0] == '-' ? "terminate|restart|delete|start PATH" : "PATH",
                    "What OTP's terminate_child, restart_child, delete_child and start_child do with the child PATH, with "
                    "their answers; start is for one that was deleted or, being temporary, forgotten, for one with "
                    "`start: later`, and with the PATH of a pool for another instance of it, which the answer names.  "
                    "Exit 0: ok or ignored, 1: any other answer.", &a);
    if (code == 0 && (!a.path || verb[6] == '-')) {
        fprintf(stderr, "treewarden: child: write child terminate, restart, delete or start PATH\n");
        return EXIT_USAGE;
    }
    return code ? code : call(&a, verb, "");
}
