/* plan.c - which faults strike a run: scripts, and what a seed makes of them */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/suptree.h"
#include "emu/emu.h"
#include "shared/rc.h"
#include "shared/splitmix.h"
#include "spec/placement.h"
#include "spec/spec.h"

enum target { TARGET_ACTOR, TARGET_BRANCH, TARGET_DEVICE, TARGET_RANK, TARGET_JOB };

static const struct { const char *name; enum target target; uint32_t weight; } kinds[] = {
#define X(name, text, target, weight) {text, TARGET_##target, weight},
    EMU_FAULT_LIST(X)
#undef X
};

const char *emu_fault_name(unsigned kind) { return kind < EMU_FAULT_COUNT ? kinds[kind].name : "?"; }

bool emu_fault_is_charged(unsigned kind) { return kinds[kind].target == TARGET_ACTOR || kind == EMU_DISK; }

bool emu_plan_heals(const struct emu_plan *p)
{
    for (uint32_t i = 0; i < p->count; i++)
        if (p->faults[i].kind == EMU_KILL_RANK || p->faults[i].kind == EMU_SIGNAL)
            return false;
    return true;
}

void emu_script_none(struct emu_script *ret) { memset(ret, 0, sizeof *ret); }

void emu_script_default(struct emu_script *ret)
{
    emu_script_none(ret);
    ret->most = 8;
    for (unsigned i = 0; i < EMU_FAULT_COUNT; i++)
        ret->weight[i] = kinds[i].weight;
}

/* -- drawing -------------------------------------------------------------------------------------- */

struct draw {
    const struct spec *s;
    uint64_t state;
    uint32_t *charged;                  /* owned; per supervisor: restarts that its intensity has to bear */
    int ranks;
    uint64_t length_us;
    struct emu_plan *plan;
};

static uint64_t draw(struct draw *d, uint64_t below)
{
    uint64_t x = splitmix_next(&d->state);

    return below ? x % below : 0;
}

static bool bears(struct draw *d, uint32_t supervisor)
{
    if (d->charged[supervisor] >= d->s->vertices[supervisor].intensity)
        return false;
    d->charged[supervisor]++;
    return true;
}

static uint32_t pick(struct draw *d, bool actors)
{
    uint32_t v = (uint32_t)draw(d, d->s->vertex_count);

    for (uint32_t n = 0; n < d->s->vertex_count; n++, v = (v + 1) % d->s->vertex_count)
        if (v != 0 && !spec_is_template(d->s, v) &&
            (!actors || (d->s->vertices[v].kind == SPEC_ACTOR && d->s->vertices[v].restart != RESTART_TEMPORARY)))
            return v;
    return SPEC_NONE;
}

/* Every supervisor could have an actor that writes there. */
static bool all_bear(struct draw *d)
{
    for (uint32_t v = 0; v < d->s->vertex_count; v++)
        if (d->s->vertices[v].kind == SPEC_SUPERVISOR && d->charged[v] >= d->s->vertices[v].intensity)
            return false;
    for (uint32_t v = 0; v < d->s->vertex_count; v++)
        d->charged[v]++;
    return true;
}

static bool has(const struct emu_plan *p, enum emu_fault_kind kind, int rank)
{
    for (uint32_t i = 0; i < p->count; i++)
        if (p->faults[i].kind == kind && p->faults[i].rank == rank)
            return true;
    return false;
}

static bool draw_target(struct draw *d, struct emu_fault *f)
{
    f->rank = (int)draw(d, (uint64_t)d->ranks);
    f->device = (int)draw(d, d->s->devices.per_rank);
    f->vertex = SPEC_NONE;
    if (kinds[f->kind].target == TARGET_ACTOR || kinds[f->kind].target == TARGET_BRANCH)
        f->vertex = pick(d, kinds[f->kind].target == TARGET_ACTOR);
    if (kinds[f->kind].target == TARGET_ACTOR)
        return f->vertex != SPEC_NONE && bears(d, d->s->vertices[f->vertex].parent);
    if (kinds[f->kind].target == TARGET_BRANCH)
        return f->vertex != SPEC_NONE;
    /* Two workers in a row that do not start are a broken device: not what should heal. */
    if (f->kind == EMU_NO_START)
        return !has(d->plan, EMU_NO_START, f->rank) && !has(d->plan, EMU_NO_DEVICE, f->rank);
    return f->kind != EMU_DISK || all_bear(d);
}

static uint64_t draw_for(struct draw *d, enum emu_fault_kind kind)
{
    if (kind == EMU_STALL)
        return 10000 + draw(d, 3000000);
    if (kind == EMU_KILL || kind == EMU_TERMINATE)
        return 1000 + draw(d, 1000000);
    if (kind == EMU_STOP_WORKER && draw(d, 2))
        return 50000 + draw(d, 800000);
    return 0;
}

static void draw_one(struct draw *d, const struct emu_script *script)
{
    struct emu_fault *f = &d->plan->faults[d->plan->count];
    uint64_t sum = 0, at;
    unsigned kind = 0;

    for (unsigned i = 0; i < EMU_FAULT_COUNT; i++)
        sum += script->weight[i];
    at = draw(d, sum);
    for (; kind + 1 < EMU_FAULT_COUNT && at >= script->weight[kind]; kind++)
        at -= script->weight[kind];
    *f = (struct emu_fault){.kind = (enum emu_fault_kind)kind, .us = draw(d, d->length_us)};
    if (sum == 0 || !draw_target(d, f))
        return;
    f->for_us = draw_for(d, f->kind);
    d->plan->count++;
}

void emu_plan_draw(const struct emu_script *script, const struct spec *s, int ranks, uint64_t seed, uint64_t length_us,
                   struct emu_plan *ret)
{
    struct draw d = {.s = s, .state = seed * 0x9fb21c651e98df25ull, .ranks = ranks, .length_us = length_us, .plan = ret};
    uint64_t n;

    *ret = script->fixed;
    d.charged = calloc(s->vertex_count, sizeof *d.charged);
    if (!d.charged)
        abort();
    if (!script->has_links) {
        static const uint64_t delays[] = {20, 200, 2000, 20000};

        ret->links = (struct emu_links){delays[draw(&d, 4)], (uint32_t)(draw(&d, 2) * draw(&d, 30)),
                                        (uint32_t)(draw(&d, 2) * draw(&d, 50))};
    }
    n = script->fewest + draw(&d, script->most - script->fewest + 1);
    for (uint64_t i = 0; i < n && ret->count < EMU_FAULTS_MAX; i++)
        draw_one(&d, script);
    free(d.charged);
}

/* -- writing -------------------------------------------------------------------------------------- */

static void write_us(FILE *to, const char *before, uint64_t us) { fprintf(to, "%s%lluus", before, (unsigned long long)us); }

void emu_plan_write(const struct emu_plan *p, const struct spec *s, FILE *to)
{
    write_us(to, "links delay ", p->links.delay_us);
    fprintf(to, " dup %u reorder %u\n", p->links.dup, p->links.reorder);
    for (uint32_t i = 0; i < p->count; i++) {
        const struct emu_fault *f = &p->faults[i];

        if (f->at_step)
            fprintf(to, "at step %llu of %s", (unsigned long long)f->step, s->vertices[f->step_vertex].path);
        else
            write_us(to, "at ", f->us);
        fprintf(to, " %s", kinds[f->kind].name);
        switch (kinds[f->kind].target) {
        case TARGET_ACTOR:
        case TARGET_BRANCH: fprintf(to, " %s", s->vertices[f->vertex].path); break;
        case TARGET_DEVICE: fprintf(to, " device:%d.%d", f->rank, f->device); break;
        case TARGET_RANK: fprintf(to, " rank:%d", f->rank); break;
        case TARGET_JOB: break;
        }
        if (f->for_us)
            write_us(to, " for ", f->for_us);
        fputc('\n', to);
    }
}

/* -- reading -------------------------------------------------------------------------------------- */

struct reader {
    const char *file;
    int line, ranks;
    const struct spec *s;
    struct placement places;
    struct emu_script *script;
    struct reason *why;
    char *word[16];
    int words, at;
};

static int bad(struct reader *r, const char *what, const char *remedy)
{
    return reason_set(r->why, TW_EPROTO, "%s:%d: %s: %s", r->file, r->line, what, remedy);
}

static const char *next_word(struct reader *r) { return r->at < r->words ? r->word[r->at++] : ""; }

static int read_number(struct reader *r, uint64_t most, uint64_t *ret)
{
    const char *word = next_word(r);
    char *end;

    errno = 0;
    *ret = strtoull(word, &end, 10);
    if (!isdigit((unsigned char)word[0]) || *end || errno || *ret > most)
        return bad(r, word[0] ? word : "a number is missing", "not a number, or too large: write for example 100");
    return 0;
}

static int read_us(struct reader *r, uint64_t *ret)
{
    const char *word = next_word(r);
    char *end;
    double v = strtod(word, &end);
    double unit = !strcmp(end, "us") ? 1 : !strcmp(end, "ms") ? 1e3 : !strcmp(end, "s") ? 1e6 : !strcmp(end, "m") ? 6e7 : 0;

    if (!isdigit((unsigned char)word[0]) || unit == 0 || v * unit > 1e13)
        return bad(r, word[0] ? word : "a time is missing", "not a time: write for example 3.2s, 500ms or 20us");
    *ret = (uint64_t)(v * unit + 0.5);
    return 0;
}

static int read_kind(struct reader *r, const char *word, enum emu_fault_kind *ret)
{
    for (unsigned i = 0; i < EMU_FAULT_COUNT; i++)
        if (!strcmp(word, kinds[i].name)) {
            *ret = (enum emu_fault_kind)i;
            return 0;
        }
    return bad(r, word[0] ? word : "the fault is missing", "no such fault: doc/simulator.md has the list");
}

static int read_path(struct reader *r, const char *word, uint32_t *ret)
{
    *ret = spec_find(r->s, word);
    return *ret != SPEC_NONE ? 0 : bad(r, word[0] ? word : "a path is missing", "the tree has no such vertex");
}

/* The lowest actor placed there stands for a device. */
static uint32_t actor_on(const struct reader *r, int rank, int device)
{
    for (uint32_t v = 0; v < r->s->vertex_count; v++)
        if (r->s->vertices[v].kind == SPEC_ACTOR && r->places.rank_of[v] == rank && r->places.device_of[v] == device)
            return v;
    return SPEC_NONE;
}

static int read_place(struct reader *r, const char *word, struct emu_fault *f)
{
    int n = 0, device = 0;

    if (sscanf(word, "device:%d.%d%n", &f->rank, &device, &n) == 2 && !word[n])
        f->device = device;
    else if (n = 0, sscanf(word, "rank:%d%n", &f->rank, &n) != 1 || word[n])
        return bad(r, word, "no such place: write rank:R or device:R.D");
    if (f->rank < 0 || f->rank >= r->ranks || f->device < 0 ||
        f->device >= r->places.devices[f->rank])
        return bad(r, word, "this job has no such place: ranks and devices count from 0");
    return 0;
}

static int read_target(struct reader *r, struct emu_fault *f)
{
    enum target target = kinds[f->kind].target;
    bool left = r->at < r->words && strcmp(r->word[r->at], "for") != 0;
    const char *word;
    int rc = 0;

    if (target == TARGET_JOB)
        return 0;
    if (!left && f->at_step) {          /* whoever made the step is meant */
        f->vertex = f->step_vertex;
    } else {
        word = next_word(r);
        if (!strncmp(word, "device:", 7) || !strncmp(word, "rank:", 5)) {
            rc = read_place(r, word, f);
            f->vertex = actor_on(r, f->rank, f->device);
            if (rc != 0 || target == TARGET_DEVICE || target == TARGET_RANK)
                return rc;
            return f->vertex != SPEC_NONE ? 0 : bad(r, word, "no actor is placed there");
        }
        rc = read_path(r, word, &f->vertex);
    }
    if (rc != 0)
        return rc;
    if (target != TARGET_BRANCH && r->s->vertices[f->vertex].kind != SPEC_ACTOR)
        return bad(r, r->s->vertices[f->vertex].path, "a supervisor: this fault strikes actors: name one");
    f->rank = r->places.rank_of[f->vertex];
    f->device = r->places.device_of[f->vertex];
    return 0;
}

static int read_fault(struct reader *r)
{
    struct emu_plan *p = &r->script->fixed;
    struct emu_fault f = {.vertex = SPEC_NONE};
    int rc;

    if (p->count == EMU_FAULTS_MAX)
        return bad(r, "more than 64 faults", "split the script");
    if (r->at < r->words && !strcmp(r->word[r->at], "step")) {
        r->at++;
        f.at_step = true;
        rc = read_number(r, UINT64_MAX, &f.step);
        if (rc == 0 && strcmp(next_word(r), "of") != 0)
            rc = bad(r, "at step N", "write: at step N of PATH FAULT");
        if (rc == 0)
            rc = read_path(r, next_word(r), &f.step_vertex);
    } else {
        rc = read_us(r, &f.us);
    }
    if (rc == 0)
        rc = read_kind(r, next_word(r), &f.kind);
    if (rc == 0)
        rc = read_target(r, &f);
    if (rc == 0 && r->at < r->words && !strcmp(r->word[r->at], "for")) {
        r->at++;
        rc = read_us(r, &f.for_us);
    }
    if (rc == 0)
        p->faults[p->count++] = f;
    return rc;
}

static int read_links(struct reader *r)
{
    struct emu_links *l = &r->script->fixed.links;
    uint64_t n;
    int rc = 0;

    r->script->has_links = true;
    while (rc == 0 && r->at < r->words) {
        const char *word = next_word(r);

        if (!strcmp(word, "delay"))
            rc = read_us(r, &l->delay_us);
        else if (strcmp(word, "dup") != 0 && strcmp(word, "reorder") != 0)
            rc = bad(r, word, "links has: delay TIME, dup N, reorder N (of 1000)");
        else if ((rc = read_number(r, 1000, &n)) == 0)
            *(word[0] == 'd' ? &l->dup : &l->reorder) = (uint32_t)n;
    }
    if (rc == 0 && l->delay_us > 10000000)
        rc = bad(r, "links delay", "at most 10s");
    return rc;
}

static int read_line(struct reader *r)
{
    const char *verb = next_word(r);
    enum emu_fault_kind kind = EMU_FAIL;
    uint64_t low, high;
    int rc;

    if (!strcmp(verb, "at"))
        return read_fault(r);
    if (!strcmp(verb, "links"))
        return read_links(r);
    if (!strcmp(verb, "rate")) {
        rc = read_kind(r, next_word(r), &kind);
        if (rc == 0 && (kind == EMU_KILL_RANK || kind == EMU_SIGNAL))
            rc = bad(r, emu_fault_name(kind), "ends the job: it can be written, not drawn");
        if (rc == 0 && (rc = read_number(r, 1000000, &low)) == 0)
            r->script->weight[kind] = (uint32_t)low;
        return rc;
    }
    if (!strcmp(verb, "faults")) {
        rc = read_number(r, EMU_FAULTS_MAX / 2, &low);
        if (rc == 0)
            rc = read_number(r, EMU_FAULTS_MAX / 2, &high);
        if (rc == 0 && high < low)
            rc = bad(r, "faults", "the most comes after the fewest");
        r->script->fewest = rc == 0 ? (uint32_t)low : 0;
        r->script->most = rc == 0 ? (uint32_t)high : 0;
        return rc;
    }
    return bad(r, verb, "a line begins with at, links, rate or faults");
}

static int split(struct reader *r, char *text)
{
    char *rest = NULL;

    text[strcspn(text, "#\n")] = '\0';
    r->words = r->at = 0;
    for (char *word = strtok_r(text, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest)) {
        if (r->words == 16)
            return bad(r, word, "too many words");
        r->word[r->words++] = word;
    }
    return 0;
}

int emu_script_read(const char *file, const struct spec *s, int ranks, struct emu_script *ret, struct reason *why)
{
    struct reader r = {.file = file, .s = s, .ranks = ranks, .script = ret, .why = why};
    char text[1024];
    FILE *f = fopen(file, "r");
    int rc;

    emu_script_none(ret);
    if (!f)
        return reason_set(why, TW_ENOENT, "%s: cannot be read: %s: check the name, or say --faults none or default",
                          file, strerror(errno));
    rc = placement_make(s, ranks, &r.places, why);
    while (rc == 0 && fgets(text, sizeof text, f)) {
        r.line++;
        rc = split(&r, text);
        if (rc == 0 && r.words)
            rc = read_line(&r);
        if (rc == 0 && r.at < r.words)
            rc = bad(&r, r.word[r.at], "too much on this line");
    }
    fclose(f);
    placement_free(&r.places);
    return rc;
}
