/* events.c - `treewarden events` and `logs`: the journals of all ranks as one, in causal order */
#include <argp.h>
#include <dirent.h>
#include <fnmatch.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd/cmd.h"
#include "face/client.h"
#include "face/reply.h"
#include "shared/rc.h"
#include "spec/spec.h"
#include "store/journal.h"
#include "store/verdict.h"

struct events_args {
    const char *job, *dir, *type, *path;
    uint64_t since_us, after_stamp, after_rank, after_index;
    bool json, follow, logs;
    bool path_is_known;         /* some record, of whatever type, is about it */
};

struct event {
    uint64_t stamp, index;
    long long rank;
    json_t *json;               /* owned */
};

struct events {
    struct event *list;         /* owned */
    size_t count, room;
};

static long long num(const json_t *o, const char *key) { return json_integer_value(json_object_get(o, key)); }

static const char *get(const json_t *o, const char *key)
{
    const char *t = json_string_value(json_object_get(o, key));

    return t ? t : "";
}

/* Merged order: Lamport stamp, then rank, then place in its journal. */
static int by_cause(const void *a, const void *b)
{
    const struct event *x = a, *y = b;

    if (x->stamp != y->stamp)
        return x->stamp < y->stamp ? -1 : 1;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static void keep(struct events *e, json_t *json)
{
    if (e->count == e->room) {
        size_t room = e->room ? e->room * 2 : 1024;
        struct event *grown = realloc(e->list, room * sizeof *grown);

        if (!grown) {
            json_decref(json);
            return;
        }
        e->list = grown;
        e->room = room;
    }
    e->list[e->count++] = (struct event){(uint64_t)num(json, "stamp"), (uint64_t)num(json, "index"),
                                         num(json, "rank"), json};
}

static bool is_wanted(struct events_args *a, const json_t *o)
{
    const char *type = get(o, "type"), *path = get(o, "path");
    struct event e = {(uint64_t)num(o, "stamp"), (uint64_t)num(o, "index"), num(o, "rank"), NULL};
    struct event after = {a->after_stamp, a->after_index, (long long)a->after_rank, NULL};

    if (a->after_stamp && by_cause(&e, &after) <= 0)
        return false;
    if (a->path && (!strncmp(path, a->path, strlen(a->path)) || fnmatch(a->path, path, 0) == 0))
        a->path_is_known = true;
    if ((uint64_t)num(o, "t_us") < a->since_us || (a->type && strcmp(type, a->type)))
        return false;
    if (a->logs && strcmp(type, "log") && strcmp(type, "fault") && strcmp(type, "worker") &&
        strcmp(type, "dead_letter"))
        return false;
    if (!a->path)
        return true;
    return !strncmp(path, a->path, strlen(a->path)) || fnmatch(a->path, path, 0) == 0;
}

static void read_file(struct events_args *a, const char *name, struct events *out)
{
    FILE *f = fopen(name, "r");
    char line[8192];

    while (f && fgets(line, sizeof line, f)) {
        json_t *o = strchr(line, '\n') ? json_loads(line, 0, NULL) : NULL;     /* half a line: later */

        if (o && is_wanted(a, o))
            keep(out, o);
        else
            json_decref(o);
    }
    if (f)
        fclose(f);
}

static int generation_of(const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    int best = -1, g, rank;

    while (d && (e = readdir(d)))
        if (sscanf(e->d_name, "journal.%d.%d.jsonl", &g, &rank) == 2 && g > best)
            best = g;
    if (d)
        closedir(d);
    return best;
}

static void read_all(struct events_args *a, int generation, struct events *out)
{
    DIR *d = opendir(a->dir);
    struct dirent *e;
    int g, rank;
    char name[4400];

    while (d && (e = readdir(d)))
        if (sscanf(e->d_name, "journal.%d.%d.jsonl", &g, &rank) == 2 && g == generation) {
            snprintf(name, sizeof name, "%s/%s", a->dir, e->d_name);
            read_file(a, name, out);
        }
    if (d)
        closedir(d);
    qsort(out->list, out->count, sizeof *out->list, by_cause);
}

static void print_event(const struct events_args *a, const struct event *e)
{
    const json_t *o = e->json;

    if (a->json) {
        char cursor[80];

        snprintf(cursor, sizeof cursor, "%llu.%lld.%llu", (unsigned long long)e->stamp, e->rank,
                 (unsigned long long)e->index);
        json_object_set_new(e->json, "cursor", json_string(cursor));
        json_object_set_new(e->json, "schema", json_string("treewarden.event"));
        json_object_set_new(e->json, "version", json_integer(1));
        json_dumpf(o, stdout, JSON_COMPACT);
        putchar('\n');
        return;
    }
    printf("%10.3f  rank:%lld  %-12s %s", (double)num(o, "t_us") / 1e6, e->rank, get(o, "type"), get(o, "path"));
    if (!strcmp(get(o, "type"), "waiting"))     /* its class and cause are still its last end's */
        printf("  for a slot");
    else if (get(o, "class")[0])
        printf("  %s, %s", get(o, "class"), get(o, "cause"));
    if (!strcmp(get(o, "type"), "delay"))
        printf("  %lld ms", num(o, "a"));
    if (!strcmp(get(o, "type"), "log"))
        printf("  code %lld: %lld %lld", num(o, "code"), num(o, "a"), num(o, "b"));
    if (!strcmp(get(o, "type"), "dead_letter"))
        printf("  message %lld of %s, type %lld, %lld bytes", num(o, "a"), get(o, "from"), num(o, "code"), num(o, "b"));
    if (!strcmp(get(o, "type"), "fault") && num(o, "code"))
        printf("  code %lld", num(o, "code"));
    if (!strcmp(get(o, "type"), "start") && num(o, "a") > 1)
        printf("  start %lld", num(o, "a"));
    if (!strcmp(get(o, "type"), "worker"))
        printf("device:%lld.%lld pid %lld", e->rank, num(o, "a"), num(o, "b"));
    if (get(o, "text")[0])
        printf("  %s", get(o, "text"));
    putchar('\n');
}

static int show(struct events_args *a)
{
    static struct verdict verdict;
    struct reason why;
    int generation = generation_of(a->dir);

    if (generation < 0) {
        reason_set(&why, 0, "%s: no journal there: the job has not begun, or it is another folder: give --state-dir",
                   a->dir);
        return say(EXIT_NOINPUT, &why);
    }
    for (;;) {
        struct events all = {NULL, 0, 0};
        bool ended = verdict_read(a->dir, &verdict, &why) == 0;

        read_all(a, generation, &all);
        for (size_t i = 0; i < all.count; i++) {
            print_event(a, &all.list[i]);
            a->after_stamp = all.list[i].stamp;
            a->after_rank = (uint64_t)all.list[i].rank;
            a->after_index = all.list[i].index;
            json_decref(all.list[i].json);
        }
        free(all.list);
        fflush(stdout);
        if ((!a->follow || ended) && a->path && !a->path_is_known && !a->after_stamp) {
            reason_set(&why, 0, "%s: %s: nothing of that path is recorded: `treewarden tree` shows the paths there are",
                       a->logs ? "logs" : "events", a->path);
            return say(EXIT_USAGE, &why);
        }
        if (!a->follow || ended)
            return 0;
        nanosleep(&(struct timespec){0, 200000000}, NULL);
    }
}

static int find_dir(struct events_args *a, char *dir, size_t room)
{
    struct face_request q = {.verb = "status"};
    char job[64], *request = face_request_text(&q), *text;
    struct reason why;
    int rc = client_find(a->job, job, sizeof job, &why);

    if (rc == 0)
        rc = client_ask(job, -1, request, 10000, &text, &why);
    free(request);
    if (rc != 0) {
        reason_prefix(&why, a->logs ? "logs" : "events");
        return say(EXIT_UNAVAILABLE, &why);
    }
    {
        json_t *o = json_loads(text, 0, NULL);

        snprintf(dir, room, "%s", get(o, "state_dir"));
        json_decref(o);
        free(text);
    }
    a->dir = dir;
    return 0;
}

static bool is_type(const char *text)
{
#define X(name, no, printed, help) if (!strcmp(text, printed)) return true;
    JOURNAL_LIST(X)
#undef X
    return false;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct events_args *a = state->input;
    unsigned long long s, r, i;

    switch (key) {
    case 'J': a->job = arg; return 0;
    case 'D': a->dir = arg; return 0;
    case 't':
        if (!is_type(arg))
            argp_error(state, "--type %s: no such type: see the `type` of --json", arg);
        a->type = arg;
        return 0;
    case 'j': a->json = true; return 0;
    case 'f': a->follow = true; return 0;
    case 's':
        if (spec_duration_ms(arg) < 0)
            argp_error(state, "--since %s: not a duration since the job began: write for example 10s", arg);
        a->since_us = (uint64_t)spec_duration_ms(arg) * 1000;
        return 0;
    case 'a':
        if (sscanf(arg, "%llu.%llu.%llu", &s, &r, &i) != 3)
            argp_error(state, "--after %s: not a cursor of --json", arg);
        a->after_stamp = s;
        a->after_rank = r;
        a->after_index = i;
        return 0;
    case ARGP_KEY_ARG:
        if (a->path)
            argp_error(state, "one path, please");
        a->path = arg;
        return 0;
    }
    return ARGP_ERR_UNKNOWN;
}

int cmd_events(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"job", 'J', "JOBID", 0, "which job (the only one of yours)", 0},
        {"state-dir", 'D', "DIR", 0, "read an ended job's journals", 0},
        {"type", 't', "TYPE", 0, "only this type", 0},
        {"since", 's', "TIME", 0, "only from this time of the job on", 0},
        {"after", 'a', "CURSOR", 0, "only what comes after this event", 0},
        {"follow", 'f', NULL, 0, "go on until the job ends", 0},
        {"json", 'j', NULL, 0, "one JSON object a line", 0},
        {0}};
    static const struct argp argp = {options, parse, "[PATH]",
        "The journals of all ranks as one, in causal order; PATH is a path, the beginning of one, or a pattern.",
        NULL, NULL, NULL};
    struct events_args a = {.logs = !strcmp(own_name(argv), "logs")};
    char dir[4096];
    int code;

    argp_err_exit_status = EXIT_USAGE;
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    code = a.dir ? 0 : find_dir(&a, dir, sizeof dir);
    return code ? code : show(&a);
}
