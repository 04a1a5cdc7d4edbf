/* spec.c - a specification: what is wrong is said with its place, what is right becomes a tree */
#include "tests/lib/tap.h"

#include <stdbool.h>
#include <unistd.h>

#include "core/suptree.h"
#include "shared/rc.h"
#include "spec/drills.h"
#include "spec/placement.h"
#include "spec/spec.h"

static char errors[16384];
static int error_count;

static void note(void *self, const char *text)
{
    (void)self;
    error_count++;
    snprintf(errors + strlen(errors), sizeof errors - strlen(errors), "%s\n", text);
}

static struct spec *load(const char *text, const char *const *sets, int n)
{
    char name[] = "/tmp/tw-spec-XXXXXX";
    int fd = mkstemp(name);
    struct spec *s = NULL;

    errors[0] = '\0';
    error_count = 0;
    if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        abort();
    close(fd);
    if (spec_load(name, sets, n, note, NULL, &s) != 0)
        s = NULL;
    unlink(name);
    return s;
}

#define HEAD "treewarden: 1\nname: t\ndevices: {per_rank: 2, slots: 4, spares: 1}\nsupervisor: top\n"
static const char good[] = HEAD
    "auto_shutdown: any_significant\nchildren:\n"
    "  - supervisor: row\n    count: 2\n    place: {rank: \"$0\"}\n    children:\n"
    "      - {actor: cell, count: 2x2, args: {alpha: 0.5, n: 7, text: \"7\"}, send: eager, message_bytes: 100}\n"
    "  - {actor: end, restart: transient, significant: true, place: {rank: 0}, shutdown: brutal_kill}\n"
    "drills:\n  - {at: random, within: [1s, 2s], path: \"top/row[*]/cell[0,*]\", how: segv}\n"
    "  - {at: random, within: [step 5, step 9], path: \"top/row[1]\", how: kill}\n"
    "  - {after: 500ms, path: \"top/row[1]\", how: restart}\n";

static void a_good_one_becomes_a_tree(void)
{
    struct spec *s = load(good, NULL, 0);
    const struct spec_vertex *v;
    uint32_t ids[16];

    if (!ok(s != NULL, "a good specification loads")) {
        printf("# %s", errors);
        return;
    }
    is_int(s->vertex_count, 12, "counts are expanded");
    is_str(s->vertices[7].path, "top/row[1]/cell[0,0]", "ids count depth first, in start order");
    v = &s->vertices[spec_find(s, "top/row[1]/cell[1,0]")];
    ok(v->dim_count == 3 && v->dims[0] == 1 && v->dims[1] == 1 && v->dims[2] == 0, "an actor knows all numbers of its path");
    ok(v->args[0].kind == SPEC_ARG_F64 && v->args[1].kind == SPEC_ARG_U64 && v->args[2].kind == SPEC_ARG_TEXT,
       "arguments are whole numbers, fractions or texts; a quoted number is a text");
    is_int(v->message_bytes, 104, "message_bytes is rounded up to words");
    ok(v->eager && v->restart == RESTART_PERMANENT && v->shutdown_ms == 5000, "what is not said is OTP's default");
    is_int(spec_match(s, "top/row[0-1]/cell[*,1]", ids, 16), 4, "ranges and stars match by position");
    is_int(spec_match(s, "top/row/cell[0,0]", ids, 16), 2, "a name without a bracket means every instance");
    is_int(spec_match(s, "top/*", ids, 16), 3, "a star matches a name, not a path");
    is_int(spec_find(s, "top/row[2]"), SPEC_NONE, "a path that is not there is not found");
    spec_free(s);
}

static void drills_are_drawn_from_the_seed(void)
{
    struct spec *s = load(good, NULL, 0);
    struct drill *a, *b, *c;
    bool differs = false;

    drills_plan(s, 7, &a);
    drills_plan(s, 7, &b);
    ok(!memcmp(a, b, 3 * sizeof *a), "one seed, one plan");
    for (uint64_t seed = 8; seed < 16; seed++) {
        drills_plan(s, seed, &c);
        differs |= memcmp(a, c, 3 * sizeof *a) != 0;
        ok(c[0].tree_ms >= 1000 && c[0].tree_ms <= 2000 && c[1].step >= 5 && c[1].step <= 9,
           "seed %" PRIu64 ": times and steps lie where they were asked for", seed);
        free(c);
    }
    ok(differs, "other seeds, other plans");
    ok(a[1].step_vertex == spec_find(s, "top/row[1]/cell[0,0]"), "a branch's steps are its first actor's");
    ok(a[2].trigger == DRILL_AFTER && a[2].after_ms == 500, "after: follows the drill before it");
    free(a);
    free(b);
    spec_free(s);
}

static void places_are_a_pure_function(void)
{
    struct spec *s = load(good, NULL, 0);
    struct placement p;
    struct reason why;

    is_int(placement_make(s, 2, &p, &why), 0, "it fits on two ranks");
    ok(p.home_of[0] == -1 && p.home_of[1] == 0 && p.home_of[6] == 1, "a branch tied to a rank is at home there");
    ok(p.rank_of[7] == 1 && p.device_of[7] == 0 && p.device_of[8] == 1, "its actors alternate over the rank's devices");
    placement_free(&p);
    s->vertices[6].place_device = 1;
    is_int(placement_make(s, 2, &p, &why), 0, "a branch may be tied to a device");
    ok(p.device_of[7] == 1 && p.device_of[8] == 1 && p.device_of[10] == 1, "... then all of it is there");
    placement_free(&p);
    s->vertices[6].place_device = SPEC_NONE;
    is_int(placement_make(s, 1, &p, &why), TW_EINVAL, "too few ranks are refused");
    ok(strstr(why.text, "start it with -n 2") != NULL, "... and the remedy is said");
    spec_free(s);
    s = load(good, (const char *const[]){"devices.slots=1"}, 1);
    is_int(placement_make(s, 2, &p, &why), TW_EINVAL, "too few slots are refused");
    ok(strstr(why.text, "raise devices.slots") != NULL, "... with what to raise");
    spec_free(s);
}

/* Host actors beside CUDA devices. */
static void kinds_have_their_places(void)
{
    struct spec *s = load(good, NULL, 0);
    struct placement p;
    struct reason why;

    ok(s->devices.kind == SPEC_DEVICE_HOST && !spec_is_cuda(s, 0) && s->devices.per_rank == 2, "devices are host devices");
    s->vertices[7].host = true;
    is_int(placement_make(s, 2, &p, &why), 0, "there a host actor is like any other");
    ok(p.device_of[7] == 0 && p.devices[0] == 2 && p.devices[1] == 2, "and has no device of its own");
    placement_free(&p);
    spec_free(s);

    s = load(good, (const char *const[]){"devices.kind=cuda", "devices.host_slots=1", "devices.spares=3"}, 3);
    ok(s && s->devices.kind == SPEC_DEVICE_CUDA && s->devices.host_slots == 1 && s->devices.host_spares == 3,
       "devices may be CUDA devices, with slots for host actors beside them");
    ok(spec_is_cuda(s, 1) && !spec_is_cuda(s, 2) && spec_slots(s, 1) == s->devices.slots && spec_slots(s, 2) == 1 &&
       spec_spares(s, 2) == 3, "the last device of a rank is the host");
    is_int(placement_make(s, 2, &p, &why), 0, "without host actors");
    ok(p.devices[0] == 2 && p.devices[1] == 2, "no rank has one");
    placement_free(&p);
    s->vertices[7].host = true;
    s->vertices[6].place_device = 1;
    ok(spec_may_live(s, 7, 2) && !spec_may_live(s, 7, 0) && spec_may_live(s, 8, 0) && !spec_may_live(s, 8, 2),
       "host actors live there, and no others");
    is_int(placement_make(s, 2, &p, &why), 0, "with one");
    ok(p.devices[0] == 2 && p.devices[1] == 3, "its rank has a device more");
    ok(p.rank_of[7] == 1 && p.device_of[7] == 2 && p.device_of[8] == 1, "on which it is, and only it, whatever device is named");
    placement_free(&p);
    s->vertices[8].host = true;
    is_int(placement_make(s, 2, &p, &why), TW_EINVAL, "too few slots for host actors are refused");
    ok(strstr(why.text, "rank 1 would have to hold 2") && strstr(why.text, "raise devices.host_slots"), "... with what to raise");
    s->vertices[6].place_device = 2;
    is_int(placement_make(s, 2, &p, &why), TW_EINVAL, "the host device cannot be named");
    ok(strstr(why.text, "a rank has 2") != NULL, "... for a rank has so many of the others");
    spec_free(s);
}

static void what_is_asked_for_and_what_there_is(void)
{
    static const char open[] = "treewarden: 1\nname: t\ndevices: {kind: any, slots: 40}\nsupervisor: top\n"
                               "children: [{actor: a, place: {rank: 0, device: 5}}]\n";
    struct spec *s = load(open, NULL, 0);
    struct placement p;
    struct reason why;

    ok(!load(good, (const char *const[]){"devices.kind=gpu"}, 1) && strstr(errors, "none of host|any|cuda"),
       "a kind that there is not is refused");
    ok(!load(good, (const char *const[]){"devices.host_slots=0"}, 1) && strstr(errors, "host_slots: \"0\" is not"),
       "host actors have a slot at least");
    ok(s && s->devices.kind == SPEC_DEVICE_ANY && s->devices.per_rank == 0 && s->devices.spares == 2 &&
       s->devices.host_slots == 8 && s->devices.host_spares == 1, "as many as there are is no number");
    is_int(placement_make(s, 1, &p, &why), TW_EINVAL, "until it is known there is one");
    spec_settle(s, SPEC_DEVICE_CUDA, 6);
    is_int(placement_make(s, 1, &p, &why), 0, "then it is known where an actor is");
    ok(p.device_of[1] == 5 && p.devices[0] == 6, "... that asks for one of many");
    placement_free(&p);
    spec_settle(s, SPEC_DEVICE_HOST, 0);
    ok(!spec_is_cuda(s, 0) && s->devices.per_rank == 6, "another kind, and as many");
    spec_free(s);
}

static void overrides_are_as_if_written(void)
{
    static const char *const sets[] = {"top/row/cell.count=2x3", "top/row/cell.args.alpha=9", "top.intensity=4",
                                       "devices.spares=0", "top/end.args.file=/a.b/c=d"};
    struct spec *s = load(good, sets, 5), *plain = load(good, NULL, 0);

    ok(s && s->vertex_count == 16 && s->vertices[0].intensity == 4 && s->devices.spares == 0, "--set replaces and adds");
    ok(s && s->vertices[2].args[0].kind == SPEC_ARG_U64 && s->vertices[2].args[0].u64 == 9, "... also inside a mapping");
    is_str(s->vertices[spec_find(s, "top/end")].args[0].text, "/a.b/c=d", "... values keep their dots and signs");
    ok(s->hash != plain->hash, "overrides change the hash ranks compare");
    spec_free(s);
    spec_free(plain);
    s = load("treewarden: 1\nname: t\nsupervisor: top\nchildren: [{actor: a}]\n", (const char *const[]){"devices.slots=32"},
             1);
    ok(s && s->devices.slots == 32, "devices need not be written to be set");
    spec_free(s);
    ok(!load(good, (const char *const[]){"top/nothing.count=3"}, 1) && strstr(errors, "--set top/nothing.count=3"),
       "an override of nothing names itself");
    ok(!load(good, (const char *const[]){"top/row/cell.count=0"}, 1) && strstr(errors, "--set top/row/cell.count=0"),
       "a wrong value names the override, not a line");
}

static void wrong(const char *tail, const char *expect)
{
    char text[4096];
    struct spec *s;

    snprintf(text, sizeof text, "%s%s", HEAD, tail);
    s = load(text, NULL, 0);
    if (!ok(s == NULL && strstr(errors, expect) != NULL, "refused: %s", expect))
        printf("# said: %s", errors);
    if (s)
        spec_free(s);
}

/* Aliases double the tree with each line; names make paths longer than they may be; brackets cost libyaml time. */
static void a_tree_that_is_too_much_is_refused(void)
{
    static char text[8192];
    int n = snprintf(text, sizeof text, HEAD "children:\n - {supervisor: s0, children: &a0 [{actor: a}]}\n");

    for (int i = 1; i < 30; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, " - {supervisor: s%d, children: &a%d [{supervisor: p, "
                      "children: *a%d}, {supervisor: q, children: *a%d}]}\n", i, i, i - 1, i - 1);
    ok(!load(text, NULL, 0) && strstr(errors, "more than 65536 vertices"), "aliases cannot make a tree without end");
    n = snprintf(text, sizeof text, HEAD "children: ");
    for (int i = 0; i < 8; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, "[{supervisor: a%039d, children: ", i);
    n += snprintf(text + n, sizeof text - (size_t)n, "[{actor: a}]");
    for (int i = 0; i < 8; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, "}]");
    ok(!load(text, NULL, 0) && strstr(errors, "longer than 255 bytes"), "a path that does not fit is refused, not cut");
    memset(text, '[', 2000);
    text[2000] = '\0';
    ok(!load(text, NULL, 0) && strstr(errors, "open brackets"), "so are brackets without end");
    memset(text, 'x', 3000);
    memcpy(text, "top.count=", 10);
    text[3000] = '\0';
    ok(!load(good, (const char *const[]){text}, 1) && strstr(errors, "x...: count: "), "a long override is cut, what is wrong is not");
}

static void what_is_wrong_is_said(void)
{
    wrong("intensty: 3\nchildren: [{actor: a}]\n", ":5:1: intensty: no such key here: did you mean intensity?");
    wrong("children: [{actor: a, deadline: 5}]\n", ":5:33: deadline: \"5\" is not a duration");
    wrong("children: [{actor: a}, {actor: a}]\n", "two children of top have this name");
    wrong("children: [{actor: a, significant: true, restart: transient}]\n", "auto_shutdown: never");
    wrong("auto_shutdown: any_significant\nchildren: [{actor: a, significant: true}]\n", "significant and permanent");
    wrong("children: [{actor: a, strategy: one_for_all}]\n", "is a key of supervisors");
    wrong("children: [{actor: a, durability: file}]\n", "file is not built in this version");
    wrong("children: [{actor: a, mailbox: 4, sends: 8}]\n", "raise mailbox");
    wrong("children: [{actor: a, count: 2x}]\n", "is not a count");
    wrong("children: [{supervisor: b}]\n", "a supervisor without children");
    wrong("children: [{actor: a, restart: permanent, restart: transient}]\n", "given twice");
    wrong("children: [{actor: a}]\ndrills: [{at: 1s, path: top/b, how: segv}]\n", "no vertex matches top/b");
    wrong("children: [{actor: a}]\ndrills: [{at: 1s, path: top/a, how: burn}]\n", "how (fail,");
    wrong("children: [{actor: a\n", "not YAML");
    wrong("children: [{actor: a, place: {rank: 0, device: 2}}]\n", "device: 2, but a rank has 2");
    wrong("children: [{actor: a, place: {device: 0}}]\n", "without a rank");
    wrong("children: [5]\n", ":5:12: a child is either");
    wrong("children: &x [{supervisor: a, children: *x}, {supervisor: b, children: *x}]\n", "a part of itself");
    wrong("children: [{actor: a, args: {n: 1, n: 2}}]\n", "n: given twice");
    wrong("children: [{actor: a}]\ndrills: [{at: 1s, path: top/a, how: segv, who: me}]\n", "\"who\" is not known");
    wrong("children: [{actor: a}]\ndrills: [{at: random, within: [step a, step b], path: top/a, how: segv}]\n",
          "two durations or two steps");
    wrong("children: [{actor: a}]\ndrills: [{at: 1s, path: top, how: segv}]\n", ":6:10: drill 1: only actors");
    wrong("children: [{actor: a}]\ndrills: [{at: {path: top, step: 1}, path: top/a, how: segv}]\n", "no actor has the path");
    wrong("children: [{actor: a}]\n---\nname: b\n", ":7:1: a second document");
    wrong("children: [{actor: \"\xc3\x28\"}]\n", ":5:22: not YAML");
    wrong("children: [{actor: a, count: 60000x60000}]\n", "more than 65536 vertices");
    wrong("intensity: x\nperiod: y\nstrategy: z\nchildren: [{actor: a}]\n", "strategy: \"z\" is none of");
    is_int(error_count, 3, "all errors are said, not the first");
    a_tree_that_is_too_much_is_refused();
    ok(!load("", NULL, 0) && error_count == 1, "an empty file is one error");
    ok(!load("[1, 2]", NULL, 0) && error_count == 1, "a list is one error");
}

/* Whatever the bytes: errors or a tree, never a crash (ASan runs this too). */
static void damaged_files_are_refused_or_read(void)
{
    char text[sizeof good];
    uint64_t rng = 42;
    int loaded = 0, silent = 0;

    for (int i = 0; i < 3000; i++) {
        struct spec *s;

        memcpy(text, good, sizeof good);
        for (int k = 0; k < 3; k++) {
            rng = rng * 6364136223846793005ull + 1442695040888963407ull;
            text[(rng >> 33) % (sizeof good - 1)] = "\n\t {}[]:,-x9\"&*!|>"[(rng >> 20) % 18];
        }
        s = load(text, NULL, 0);
        loaded += s != NULL;
        silent += !s && error_count == 0;
        spec_free(s);
    }
    is_int(silent, 0, "3000 damaged files: each is read, or refused with a text (%d read)", loaded);
}

static const char pool[] = HEAD
    "children:\n  - supervisor: jobs\n    count: 2\n    strategy: simple_one_for_one\n    max_children: 3\n"
    "    children: [{actor: job, restart: transient, args: {n: 1}, backoff: {min: 5ms}}]\n"
    "  - {actor: first}\n  - {actor: extra, start: later, depends: [first]}\n";

static void a_pool_has_a_template_and_places(void)
{
    struct spec *s = load(pool, NULL, 0);
    const struct spec_vertex *v;
    struct placement p;
    struct reason why;
    uint32_t ids[16];

    if (!ok(s != NULL, "a pool loads")) {
        printf("# %s", errors);
        return;
    }
    is_int(s->vertex_count, 13, "a pool has a template and as many instances as it may have children");
    is_str(s->vertices[2].path, "top/jobs[0]/job", "the template has the bare name");
    is_str(s->vertices[5].path, "top/jobs[0]/job[2]", "... instances are numbered");
    ok(spec_is_template(s, 2) && !s->vertices[2].dynamic && !spec_is_template(s, 3) && s->vertices[3].dynamic,
       "instances are there from the start, to be started at run time");
    v = &s->vertices[spec_find(s, "top/jobs[1]/job[2]")];
    ok(v->dim_count == 2 && v->dims[0] == 1 && v->dims[1] == 2, "an instance knows its numbers");
    ok(v->arg_count == 1 && v->extra && v->restart == RESTART_TRANSIENT, "... and is like its template");
    is_int(spec_match(s, "top/jobs[0]/job", ids, 16), 3, "a pattern names instances, no template");
    ok(s->vertices[spec_find(s, "top/extra")].dynamic && !s->vertices[spec_find(s, "top/first")].dynamic,
       "start: later is one that is started at run time");
    is_int(placement_make(s, 1, &p, &why), 0, "all have a slot, a template has none");
    placement_free(&p);
    spec_free(s);
    s = load(pool, (const char *const[]){"top/jobs.max_children=4"}, 1);
    is_int(placement_make(s, 1, &p, &why), TW_EINVAL, "instances that were never started need slots");
    ok(strstr(why.text, "or lower max_children of top/jobs[1]") == NULL && strstr(why.text, "raise devices.slots"),
       "... what to raise is said");
    spec_free(s);
    s = load(pool, (const char *const[]){"top/jobs.max_children=9"}, 1);
    is_int(placement_make(s, 1, &p, &why), TW_EINVAL, "more instances than slots are refused");
    ok(strstr(why.text, "or lower max_children of top/jobs[0]") != NULL, "... with what to lower");
    spec_free(s);
}

static const char branches[] = HEAD
    "children:\n  - supervisor: lines\n    strategy: simple_one_for_one\n    max_children: 2\n    children:\n"
    "      - supervisor: line\n        restart: transient\n        place: {rank: \"$0\"}\n        children:\n"
    "          - {actor: reader}\n          - {actor: writer, count: 2, depends: [reader]}\n"
    "          - {supervisor: jobs, strategy: simple_one_for_one, max_children: 1, children: [{actor: job}]}\n";

static void the_child_of_a_pool_may_be_a_branch(void)
{
    struct spec *s = load(branches, NULL, 0);
    uint32_t line, at, below = 0;
    struct placement p;
    struct reason why;

    if (!ok(s != NULL, "a pool of branches loads")) {
        printf("# %s", errors);
        return;
    }
    is_int(s->vertex_count, 17, "each instance is a branch of its own, the template one vertex");
    at = spec_find(s, "top/lines/line");
    line = spec_find(s, "top/lines/line[1]");
    ok(spec_is_template(s, at) && s->vertices[at].kind == SPEC_SUPERVISOR && s->vertices[at].first_child == SPEC_NONE,
       "nothing is below the template");
    ok(s->vertices[line].dynamic && s->vertices[line].restart == RESTART_TRANSIENT, "an instance is to be started");
    at = spec_find(s, "top/lines/line[1]/writer[1]");
    ok(!s->vertices[at].dynamic && s->vertices[at].dims[0] == 1 && s->vertices[at].dims[1] == 1,
       "who is below one is started with it, and knows all its numbers");
    ok(spec_is_place(s, at) && spec_is_place(s, line) && !spec_is_place(s, 1), "what comes with a branch goes with it");
    for (at = line; at != SPEC_NONE; at = spec_next_below(s, at, line))
        below++;
    is_int(below, 7, "all of a branch is below its top");
    ok(spec_is_template(s, spec_find(s, "top/lines/line[0]/jobs/job")), "a branch may have a pool of its own");
    is_int(placement_make(s, 2, &p, &why), 0, "it fits on two ranks");
    ok(p.home_of[1] == -1 && p.home_of[2] == -1 && p.home_of[3] == 0 && p.home_of[line] == 1,
       "an instance is at home where it is placed, the template where its pool is");
    is_int(p.rank_of[spec_find(s, "top/lines/line[1]/jobs/job[0]")], 1, "... with all that is below it");
    placement_free(&p);
    is_int(placement_make(s, 1, &p, &why), TW_EINVAL, "a place on a rank that is not there is refused");
    spec_free(s);
    s = load(branches, (const char *const[]){"top/lines/line/writer.count=9"}, 1);
    is_int(placement_make(s, 2, &p, &why), TW_EINVAL, "too few slots for all branches are refused");
    ok(strstr(why.text, "or lower max_children of top/lines") != NULL, "... with the pool to make smaller");
    spec_free(s);
}

#define POOL "children: [{supervisor: p, strategy: simple_one_for_one, "

static void what_is_wrong_with_a_pool_is_said(void)
{
    wrong("children: [{actor: a, state: {resume: 0}}]\n", "resume: \"0\" is not a whole number from 1 to 1000");
    wrong("children: [{actor: a, state: {resume: 1001}}]\n", "from 1 to 1000");
    wrong("children: [{actor: a, state: {init: 3}}]\n", ":5:31: state: \"init\" is not known: write state: {resume: 3}");
    wrong("children: [{actor: a, state: {}}]\n", "state: {} says nothing: write state: {resume: 3}, resume or init");
    wrong("children: [{actor: a, state: resum}]\n", "resume|init");
    wrong(POOL "children: [{actor: a}]}]\n", ":5:38: p: simple_one_for_one: without max_children");
    wrong(POOL "max_children: 0, children: [{actor: a}]}]\n", "max_children: \"0\" is not a whole number from 1");
    wrong(POOL "max_children: 2, children: [{actor: a}, {actor: b}]}]\n", "b is a second child");
    wrong(POOL "max_children: 2, children: [{supervisor: b, on_giveup: quarantine, children: [{actor: a}]}]}]\n",
          ":5:113: b: on_giveup: quarantine: no call restarts an instance");
    wrong(POOL "max_children: 2, children: [{supervisor: b, count: 2, children: [{actor: a}]}]}]\n", "of the instances of p");
    wrong(POOL "max_children: 2, children: [{supervisor: b}]}]\n", "b: a supervisor without children");
    wrong(POOL "max_children: 2, children: [{actor: a, count: 2}]}]\n", ":5:104: a: count: of the instances of p");
    wrong(POOL "max_children: 2, children: [{actor: a, start: later}]}]\n", "are all started later");
    wrong(POOL "max_children: 2, children: [{actor: a, on_cause: {segv: quarantine}}]}]\n", "a pool forgets an instance");
    wrong("children: [{actor: a, on_cause: {worker_lost: stop,\n  worker lost: restart}}]\n",
          ":6:3: on_cause: \"worker_lost\" and \"worker lost\" are one cause: the first stands in line 5: remove one");
    wrong("children: [{actor: a, on_cause: {segv: sleep}}]\n",
          "none of default|restart|stop|escalate|quarantine|ignore: write one of them");
    wrong("children: [{actor: a, on_cause: {wedge: stop}}]\n", "no cause of death: write one of done|failed|bounds|"
          "wedged|segv|worker lost|device lost|state lost|operator|gave up|auto_shutdown|start failed|limits|no slot|"
          "suspect");
    wrong("children: [{actor: a, on_cause: {supervisor: stop}}]\n",
          "\"supervisor\" never leads to an action: who was told");
    wrong("children: [{actor: a, on_cause: {none: stop}}]\n",
          "\"none\" never leads to an action: nobody dies of it: write");
    wrong("children: [{actor: a, on_cause: {no process: stop}}]\n", "\"no process\" never leads to an action");
    wrong("max_children: 2\nchildren: [{actor: a}]\n", ":5:15: top: max_children: only a pool");
    wrong("children: [{actor: a, max_children: 2}]\n", "is a key of supervisors");
    wrong("start: later\nchildren: [{actor: a}]\n", "nobody starts the root");
    wrong("children: [{actor: a, start: soon}]\n", "none of now|later");
    wrong("children: [{actor: a, start: later}, {actor: b}]\n", ":5:38: b stands behind a, which is started later");
    wrong("children: [{actor: a, start: later}, {actor: b, start: later, depends: [a]}]\n", "b: depends on a, which may");
    wrong(POOL "max_children: 2, children: [{actor: a}]}]\ndrills: [{at: {path: top/p/a, step: 3}, path: \"top/p/a[0]\", "
          "how: segv}]\n", "no actor has the path top/p/a");
}

int main(void)
{
    a_good_one_becomes_a_tree();
    drills_are_drawn_from_the_seed();
    places_are_a_pure_function();
    kinds_have_their_places();
    what_is_asked_for_and_what_there_is();
    overrides_are_as_if_written();
    what_is_wrong_is_said();
    damaged_files_are_refused_or_read();
    a_pool_has_a_template_and_places();
    the_child_of_a_pool_may_be_a_branch();
    what_is_wrong_with_a_pool_is_said();
    done_testing();
}
