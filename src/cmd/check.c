/* check.c - `treewarden check SPEC`: everything that is wrong, or what the job will be */
#include <argp.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "shared/rc.h"
#include "spec/drills.h"
#include "spec/placement.h"
#include "spec/scenario_tree.h"
#include "spec/spec.h"
#include "worker/program.h"

#define RANKS_TRIED 1024

struct check_args {
    const char *file, *sets[SETS_MAX];
    int set_count, ranks;           /* ranks: asked for; 0: the fewest that do */
    bool quiet, json, verbose;
    json_t *doc, *errors;           /* borrowed; NULL without --json */
};

static void to_stderr(void *self, const char *text)
{
    (void)self;
    fprintf(stderr, "treewarden: %s\n", text);
}

static void to_nobody(void *self, const char *text) { (void)self; (void)text; }

static void to_json(void *self, const char *text) { json_array_append_new(self, json_string(text)); }

int load_spec(const char *file, const char *const *sets, int count, bool quiet, struct spec **ret)
{
    int rc = spec_load(file, sets, count, quiet ? to_nobody : to_stderr, NULL, ret);

    return exit_for(rc);
}

/* Says to the specification which of its actors are host actors. */
static int find_types(struct spec *s, const struct tw_program *p, spec_error_f error, void *self)
{
    char text[1024], known[256] = "";
    int bad = 0;
    uint32_t last = SPEC_NONE;

    for (uint32_t i = 0; i < p->count; i++)
        snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", i ? ", " : "", p->types[i].name);
    for (uint32_t v = 0; v < s->vertex_count; v++) {
        int type = s->vertices[v].kind == SPEC_ACTOR ? program_type(p, s->vertices[v].actor) : 0;

        s->vertices[v].host = s->vertices[v].kind == SPEC_ACTOR && type >= 0 && p->types[type].flags & TW_TYPE_HOST;
        if (type >= 0 || s->vertices[v].decl == last)
            continue;
        last = s->vertices[v].decl;
        snprintf(text, sizeof text, "%.200s:%d:%d: %.100s: unknown actor type %s: %.150s has %s: write type: "
                 "with one of them", s->file, s->vertices[v].line, s->vertices[v].column, s->vertices[v].path, s->vertices[v].actor, s->program, known);
        error(self, text);
        bad++;
    }
    return bad;
}

int load_program(struct spec *s, spec_error_f error, void *self, struct loaded_program *ret)
{
    struct reason why;
    int rc = program_image(s->program, &ret->image_fd, &ret->hash, &why);

    if (rc == 0 && (rc = program_open(s->program, ret->image_fd, &ret->table, &why)) != 0)
        close(ret->image_fd);
    if (rc != 0) {
        error(self, why.text);
        return exit_for(rc);
    }
    return find_types(s, ret->table, error, self) ? EXIT_CONFIG : 0;
}

static int fits_as(const struct spec *s, enum spec_device_kind kind, int ranks, struct reason *why)
{
    struct spec as = *s;
    struct placement places;
    int rc;

    spec_settle(&as, kind, 0);
    rc = placement_make(&as, ranks, &places, why);
    if (rc == 0)
        placement_free(&places);
    return rc;
}

/* With kind: any it has to fit on either. */
static bool fits(const struct spec *s, int ranks, struct reason *why)
{
    return (s->devices.kind == SPEC_DEVICE_CUDA || fits_as(s, SPEC_DEVICE_HOST, ranks, why) == 0) &&
           (s->devices.kind == SPEC_DEVICE_HOST || fits_as(s, SPEC_DEVICE_CUDA, ranks, why) == 0);
}

int ranks_for(const struct spec *s, int asked, struct reason *why)
{
    int first = asked ? asked : 1, last = asked ? asked : RANKS_TRIED;

    for (int n = first; n <= last; n++)
        if (fits(s, n, why))
            return n;
    return 0;
}

/* -- the summary ---------------------------------------------------------------------------------- */

static void print_tree(const struct spec *s)
{
    for (uint32_t v = 0; v < s->vertex_count; v++)
        if (!spec_is_template(s, v))
            printf("  %s\n", s->vertices[v].path);
}

struct sum { uint32_t supervisors, actors, later; };    /* later: of both, started at run time only */

static struct sum sum_of(const struct spec *s)
{
    struct sum n = {0, 0, 0};

    for (uint32_t v = 0; v < s->vertex_count; v++) {
        if (spec_is_template(s, v))
            continue;
        n.supervisors += s->vertices[v].kind == SPEC_SUPERVISOR;
        n.actors += s->vertices[v].kind == SPEC_ACTOR;
        n.later += spec_is_place(s, v);
    }
    return n;
}

static bool has_host_actors(const struct spec *s)
{
    for (uint32_t v = 0; v < s->vertex_count; v++)
        if (s->vertices[v].host)
            return true;
    return false;
}

/* How many slots there are, and on what. */
static void print_devices(const struct spec *s)
{
    const struct spec_devices *d = &s->devices;
    const char *kind = d->kind == SPEC_DEVICE_HOST ? "host" : "CUDA";

    if (d->per_rank)
        printf("  devices: %u %s device%s a rank", d->per_rank, kind, d->per_rank == 1 ? "" : "s");
    else
        printf("  devices: as many %s devices as each rank can have, at least one", kind);
    printf(", %u slots and %u spare%s each", d->slots, d->spares, d->spares == 1 ? "" : "s");
    if (d->kind != SPEC_DEVICE_HOST && has_host_actors(s))
        printf("; for host actors %u slots and %u spare%s on the host", d->host_slots, d->host_spares,
               d->host_spares == 1 ? "" : "s");
    printf("%s\n", d->kind == SPEC_DEVICE_ANY ? "; or else host devices for all" : "");
}

static void print_summary(const struct check_args *a, const struct spec *s, const struct tw_program *p, int ranks)
{
    uint32_t last = SPEC_NONE;
    struct sum n = sum_of(s);
    char later[48] = "";

    if (n.later)
        snprintf(later, sizeof later, " (%u only at run time)", n.later);
    printf("%s: fine: %u supervisor%s, %u actor%s%s, %u drill%s; %s %d rank%s\n", s->file, n.supervisors,
           n.supervisors == 1 ? "" : "s", n.actors, n.actors == 1 ? "" : "s", later, s->drill_count,
           s->drill_count == 1 ? "" : "s", a->ranks ? "fits on" : "needs at least", ranks, ranks == 1 ? "" : "s");
    print_devices(s);
    for (uint32_t v = 0; v < s->vertex_count; v++) {
        const struct spec_vertex *x = &s->vertices[v];

        if (x->kind != SPEC_ACTOR || x->decl == last)
            continue;
        last = x->decl;
        printf("  %s: type %s%s, state %u bytes, mailbox %u x %u bytes, %s: %s\n", x->path, x->actor,
               x->host ? " (host actor)" : "", p->types[program_type(p, x->actor)].state_bytes, x->mailbox,
               x->message_bytes, x->eager ? "send: eager" : "send: on_commit",
               "what it sends takes effect exactly once, through actor, slot and worker faults");
    }
    if (a->verbose)
        print_tree(s);
}

/* per_rank 0: as many as each rank can have. */
static json_t *devices_of(const struct spec *s)
{
    static const char *const kinds[] = {"host", "any", "cuda"};
    const struct spec_devices *d = &s->devices;

    return json_pack("{s:s,s:i,s:i,s:i,s:i,s:i,s:b}", "kind", kinds[d->kind], "per_rank", d->per_rank, "slots",
                     d->slots, "spares", d->spares, "host_slots", d->host_slots, "host_spares", d->host_spares, "host_actors",
                     has_host_actors(s));
}

static void describe(const struct check_args *a, const struct spec *s, const struct tw_program *p, int ranks)
{
    struct sum n = sum_of(s);

    if (a->doc)
        json_object_update_new(a->doc, json_pack("{s:i,s:i,s:i,s:i,s:i,s:o}", "supervisors", n.supervisors, "actors",
                                                 n.actors, "at_run_time", n.later, "drills", s->drill_count, "ranks",
                                                 ranks, "devices", devices_of(s)));
    else if (!a->quiet)
        print_summary(a, s, p, ranks);
}

/* A job whose devices must be GPUs cannot begin without code for them. */
static int look_for_fatbin(const struct spec *s, struct reason *why)
{
    uint64_t hash;
    int fd, rc = program_fatbin(s->program, &fd, &hash, why);

    if (rc != 0)
        return exit_for(rc);
    close(fd);
    return 0;
}

static int check(const struct check_args *a)
{
    struct spec *s;
    struct loaded_program program;
    struct reason why;
    spec_error_f error = a->doc ? to_json : to_stderr;
    int rc = exit_for(spec_load(a->file, a->sets, a->set_count, error, a->errors, &s)), ranks;

    if (rc != 0)
        return rc;
    rc = load_program(s, error, a->errors, &program);
    if (rc == 0 && s->devices.kind == SPEC_DEVICE_CUDA && (rc = look_for_fatbin(s, &why)) != 0)
        error(a->errors, why.text);
    if (rc == 0 && (ranks = ranks_for(s, a->ranks, &why)) == 0) {
        error(a->errors, why.text);
        rc = EXIT_CONFIG;
    } else if (rc == 0) {
        describe(a, s, program.table, ranks);
    }
    spec_free(s);
    return rc;
}

void add_set(const char **sets, int *count, const char *arg, const struct argp_state *state)
{
    if (*count == SETS_MAX)
        argp_error(state, "more than %d --set", SETS_MAX);
    sets[(*count)++] = arg;
}

void read_homes(struct scenario_homes *ret, const char *arg, const struct argp_state *state)
{
    if (scenario_homes_parse(arg, ret) != 0)
        argp_error(state, "--homes %s: use spread, branch, seed:NUMBER or map:NUMBER", arg);
}

void one_input(const char *file, const char *scenario, bool for_spec, bool homes, const struct argp_state *state)
{
    if (!file == !scenario)
        argp_error(state, file ? "a specification or a scenario, not both" : "which specification? give its file");
    if (scenario ? for_spec : homes)
        argp_error(state, scenario ? "--drills and --set are for specifications" : "--homes is for --scenario");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct check_args *a = state->input;

    switch (key) {
    case 's':
        add_set(a->sets, &a->set_count, arg, state);
        return 0;
    case 'n':
        a->ranks = atoi(arg);
        if (a->ranks < 1)
            argp_error(state, "-n %s: not a number of ranks", arg);
        return 0;
    case 'q': a->quiet = true; return 0;
    case 'v': a->verbose = true; return 0;
    case 'j': a->json = true; return 0;
    case ARGP_KEY_ARG:
        if (a->file)
            argp_error(state, "one specification, please");
        a->file = arg;
        return 0;
    case ARGP_KEY_NO_ARGS: argp_error(state, "which specification? give its file"); return 0;
    }
    return ARGP_ERR_UNKNOWN;
}

int cmd_check(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"set", 's', "PATH.KEY=VALUE", 0, "override a value of the specification", 0},
        {NULL, 'n', "RANKS", 0, "see whether it fits on that many ranks, instead of how many it needs", 0},
        {"json", 'j', NULL, 0, "one JSON document", 0},
        {"quiet", 'q', NULL, 0, "say nothing when all is fine", 0},
        {"verbose", 'v', NULL, 0, "list every path", 0},
        {0}};
    static const struct argp argp = {options, parse, "SPEC", "Say everything that is wrong with a specification.",
                                     NULL, NULL, NULL};
    struct check_args a = {.errors = NULL};
    int rc;

    argp_err_exit_status = EXIT_USAGE;
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    if (a.json) {
        a.errors = json_array();
        a.doc = json_pack("{s:s,s:i,s:s,s:o}", "schema", "treewarden.check", "version", 1, "file", a.file, "errors",
                          a.errors);
    }
    rc = check(&a);
    if (a.doc) {
        json_object_set_new(a.doc, "exit", json_integer(rc));
        json_dumpf(a.doc, stdout, JSON_INDENT(1));
        putchar('\n');
        json_decref(a.doc);
    }
    return rc;
}
