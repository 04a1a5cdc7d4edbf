/* bench_report.c - samples, percentiles, and the table and document made of them */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "cmd/bench.h"

#define WANDERED 10.0                   /* a floor whose p99 is more than so many times its p50 */

void samples_add(struct samples *s, double x)
{
    if (s->count == s->room) {
        uint32_t room = s->room ? 2 * s->room : 64;
        double *grown = realloc(s->v, room * sizeof *grown);

        if (!grown)
            return;                     /* fewer samples are still samples */
        s->v = grown;
        s->room = room;
    }
    s->v[s->count++] = x;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

double samples_at(const struct samples *s, double percent)
{
    uint32_t rank = (uint32_t)(percent / 100.0 * s->count + 0.999999);

    return s->v[rank == 0 ? 0 : rank > s->count ? s->count - 1 : rank - 1];
}

struct figure *figure_add(struct bench *b, const struct figure *f)
{
    struct figure *to = &b->figures[b->count++];

    *to = *f;
    qsort(to->ours.v, to->ours.count, sizeof *to->ours.v, by_size);
    qsort(to->bare.v, to->bare.count, sizeof *to->bare.v, by_size);
    return to;
}

double figure_ratio(const struct figure *f)
{
    double ours = samples_at(&f->ours, 50), bare = samples_at(&f->bare, 50);

    return f->kind == AIM_SPEED_LEAST ? bare / ours : ours / bare;
}

const char *figure_verdict(const struct figure *f)
{
    double ours = samples_at(&f->ours, 50);
    bool met = f->kind == AIM_MOST ? ours <= f->aim : f->kind == AIM_RATIO_MOST ? figure_ratio(f) <= f->aim :
                                                                                  figure_ratio(f) >= f->aim;

    if (f->kind != AIM_MOST && samples_at(&f->bare, 99) > WANDERED * samples_at(&f->bare, 50))
        return "not measurable here";
    return met ? "met" : "missed";
}

/* -- the machine ---------------------------------------------------------------------------------- */

struct machine { char cpu[128], kernel[160], date[32]; long cores; };

static void look_at_machine(struct machine *m)
{
    FILE *f = fopen("/proc/cpuinfo", "r");
    time_t now = time(NULL);
    struct utsname u;
    char line[256], *colon;

    *m = (struct machine){.cpu = "unknown processor", .cores = sysconf(_SC_NPROCESSORS_ONLN)};
    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, "model name", 10) && (colon = strchr(line, ':'))) {
            line[strcspn(line, "\n")] = '\0';
            snprintf(m->cpu, sizeof m->cpu, "%.120s", colon + 2);
            break;
        }
    if (f)
        fclose(f);
    if (uname(&u) == 0)
        snprintf(m->kernel, sizeof m->kernel, "%.40s %.60s %.40s", u.sysname, u.release, u.machine);
    strftime(m->date, sizeof m->date, "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
}

/* -- text ----------------------------------------------------------------------------------------- */

static void print_aim(const struct figure *f, char *out, size_t room)
{
    switch (f->kind) {
    case AIM_RATIO_MOST: snprintf(out, room, "%.2fx (aim <= %gx)", figure_ratio(f), f->aim); return;
    case AIM_SPEED_LEAST:
        snprintf(out, room, "%.0f %% of its speed (aim >= %.0f %%)", 100 * figure_ratio(f), 100 * f->aim);
        return;
    case AIM_MOST: snprintf(out, room, "aim <= %g %s", f->aim, f->unit); return;
    }
}

static void print_samples(const char *who, const struct samples *s, const char *unit)
{
    printf("    %-5s p50 %9.2f  p99 %9.2f %s, %u samples", who, samples_at(s, 50), samples_at(s, 99), unit, s->count);
}

void report_text(const struct bench *b)
{
    struct machine m;
    char aim[96];

    look_at_machine(&m);
    printf("# %s, %ld cores, %s, %s\n", m.cpu, m.cores, m.kernel, m.date);
    for (uint32_t i = 0; i < b->count; i++) {
        const struct figure *f = &b->figures[i];

        print_aim(f, aim, sizeof aim);
        printf("%s: %s: %s, %s\n", f->which, f->what, aim, figure_verdict(f));
        print_samples("ours", &f->ours, f->unit);
        putchar('\n');
        print_samples("bare", &f->bare, f->unit);
        printf(": %s\n", f->bare_what);
        if (f->note[0])
            printf("    %s\n", f->note);
    }
}

/* -- JSON ----------------------------------------------------------------------------------------- */

static json_t *of_samples(const struct samples *s)
{
    return json_pack("{s:I, s:f, s:f, s:f, s:f}", "samples", (json_int_t)s->count, "min", samples_at(s, 0), "p50",
                     samples_at(s, 50), "p99", samples_at(s, 99), "max", samples_at(s, 100));
}

static const char *name_of(enum bench_aim kind)
{
    return kind == AIM_RATIO_MOST ? "ratio_at_most" : kind == AIM_SPEED_LEAST ? "speed_at_least" : "at_most";
}

void report_json(const struct bench *b)
{
    struct machine m;
    json_t *list = json_array(), *o;

    look_at_machine(&m);
    for (uint32_t i = 0; i < b->count; i++) {
        const struct figure *f = &b->figures[i];

        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:f, s:s, s:f, s:s, s:s}",
            "which", f->which, "name", f->name, "what", f->what, "bare_what", f->bare_what, "unit", f->unit,
            "ours", of_samples(&f->ours), "bare", of_samples(&f->bare), "ratio", figure_ratio(f),
            "aim_kind", name_of(f->kind), "aim", f->aim, "verdict", figure_verdict(f), "note", f->note));
    }
    o = json_pack("{s:s, s:i, s:s, s:{s:s, s:I, s:s}, s:o}", "schema", "treewarden.bench", "version", 1, "date",
                  m.date, "machine", "cpu", m.cpu, "cores", (json_int_t)m.cores, "kernel", m.kernel, "figures", list);
    json_dumpf(o, stdout, JSON_INDENT(1));
    putchar('\n');
    json_decref(o);
}

void bench_free_figures(struct bench *b)
{
    for (uint32_t i = 0; i < b->count; i++) {
        free(b->figures[i].ours.v);
        free(b->figures[i].bare.v);
    }
    b->count = 0;
}
