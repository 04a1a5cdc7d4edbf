/* verdict.c - one file, written whole or not at all; its first version stands */
#include "store/verdict.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/rc.h"

/*    field of struct verdict, key in the file */
#define VERDICT_NUMBERS(X)                                                                         \
    X(exit_code) X(generation) X(ranks) X(seed) X(elapsed_us) X(ready_us) X(restarts) X(giveups)   \
    X(workers_lost) X(slots_fenced) X(drills) X(drills_not_fired) X(faults_dropped)
#define VERDICT_TEXTS(X) X(name) X(job) X(reason) X(lost)
#define STREAM_NUMBERS(X) X(accepted) X(delivered) X(in_flight) X(dead) X(lost) X(streams) X(unmatched)
#define FAULT_NUMBERS(X) X(injected_us) X(detected_us) X(resumed_us) X(actors) X(open_messages) X(uncommitted)
#define FAULT_TEXTS(X) X(path) X(how) X(cause)

static json_t *to_json(const struct verdict *v)
{
    json_t *top = json_pack("{s:s,s:i}", "schema", "treewarden.verdict", "version", 1);
    json_t *faults = json_array(), *streams = json_object();

#define X(f) json_object_set_new(top, #f, json_integer((json_int_t)v->f));
    VERDICT_NUMBERS(X)
#undef X
#define X(f) json_object_set_new(top, #f, json_string(v->f));
    VERDICT_TEXTS(X)
#undef X
#define X(f) json_object_set_new(streams, #f, json_integer((json_int_t)v->streams.f));
    STREAM_NUMBERS(X)
#undef X
    json_object_set_new(top, "streams", streams);
    for (uint32_t i = 0; i < v->fault_count; i++) {
        const struct verdict_fault *t = &v->faults[i];
        json_t *fault = json_object();

#define X(f) json_object_set_new(fault, #f, json_integer((json_int_t)t->f));
        FAULT_NUMBERS(X)
#undef X
#define X(f) json_object_set_new(fault, #f, json_string(t->f));
        FAULT_TEXTS(X)
#undef X
        json_array_append_new(faults, fault);
    }
    json_object_set_new(top, "faults", faults);
    return top;
}

int verdict_write(const char *dir, const struct verdict *v, struct reason *why)
{
    char final[4200], tmp[4300];
    json_t *json = to_json(v);
    char *text = json_dumps(json, JSON_INDENT(1));
    int fd = -1, rc = 0;

    json_decref(json);
    snprintf(final, sizeof final, "%s/verdict.%u.json", dir, v->generation);
    snprintf(tmp, sizeof tmp, "%s.%d.tmp", final, (int)getpid());
    if (text)
        fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || write(fd, "\n", 1) != 1 ||
        fsync(fd) != 0)
        rc = reason_set(why, TW_ESYS, "%s: the verdict cannot be written: %s", tmp, strerror(errno));
    if (fd >= 0)
        close(fd);
    /* link, not rename: whoever was first wrote the verdict, and it stands. */
    if (rc == 0 && link(tmp, final) != 0)
        rc = errno == EEXIST ? TW_EEXIST
                             : reason_set(why, TW_ESYS, "%s: the verdict cannot be put in place: %s", final,
                                          strerror(errno));
    unlink(tmp);
    free(text);
    return rc;
}

static void from_json(const json_t *top, struct verdict *v)
{
    const json_t *streams = json_object_get(top, "streams"), *faults = json_object_get(top, "faults");
    const json_t *fault;
    size_t i;

    memset(v, 0, sizeof *v);
#define X(f) v->f = (__typeof__(v->f))json_integer_value(json_object_get(top, #f));
    VERDICT_NUMBERS(X)
#undef X
#define X(f)                                                                                       \
    if (json_string_value(json_object_get(top, #f)))                                               \
        snprintf(v->f, sizeof v->f, "%s", json_string_value(json_object_get(top, #f)));
    VERDICT_TEXTS(X)
#undef X
#define X(f) v->streams.f = (__typeof__(v->streams.f))json_integer_value(json_object_get(streams, #f));
    STREAM_NUMBERS(X)
#undef X
    json_array_foreach(faults, i, fault) {
        struct verdict_fault *t = &v->faults[v->fault_count];

        if (v->fault_count++ == VERDICT_FAULTS_MAX - 1)
            break;
#define X(f) t->f = (__typeof__(t->f))json_integer_value(json_object_get(fault, #f));
        FAULT_NUMBERS(X)
#undef X
#define X(f)                                                                                       \
        if (json_string_value(json_object_get(fault, #f)))                                         \
            snprintf(t->f, sizeof t->f, "%s", json_string_value(json_object_get(fault, #f)));
        FAULT_TEXTS(X)
#undef X
    }
}

static int highest_generation(const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    int best = -1, g, n;

    while (d && (e = readdir(d))) {
        n = 0;
        if (sscanf(e->d_name, "verdict.%d.json%n", &g, &n) == 1 && n && !e->d_name[n] && g > best)
            best = g;
    }
    if (d)
        closedir(d);
    return best;
}

int verdict_read(const char *dir, struct verdict *ret, struct reason *why)
{
    char name[4200];
    int generation = highest_generation(dir);
    json_t *top;
    json_error_t error;

    if (generation < 0)
        return reason_set(why, TW_ENOENT, "%s: no verdict there: the job runs, or ended without one", dir);
    snprintf(name, sizeof name, "%s/verdict.%d.json", dir, generation);
    top = json_load_file(name, 0, &error);
    if (!top || !json_string_value(json_object_get(top, "schema")) ||
        strcmp(json_string_value(json_object_get(top, "schema")), "treewarden.verdict") != 0) {
        json_decref(top);
        return reason_set(why, TW_EPROTO, "%s: not a verdict: the file is damaged", name);
    }
    from_json(top, ret);
    json_decref(top);
    return 0;
}

/* -- figures -------------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static uint64_t percentile(const struct verdict *v, unsigned p, uint32_t *ret_count, bool recovery)
{
    uint64_t times[VERDICT_FAULTS_MAX];
    uint32_t n = 0;

    for (uint32_t i = 0; i < v->fault_count; i++) {
        const struct verdict_fault *f = &v->faults[i];
        uint64_t from = recovery ? f->detected_us : f->injected_us;
        uint64_t to = recovery ? f->resumed_us : f->detected_us;

        if (from && to >= from)
            times[n++] = to - from;
    }
    *ret_count = n;
    if (n == 0)
        return 0;
    qsort(times, n, sizeof times[0], by_value);
    return times[(uint64_t)(n - 1) * p / 100];
}

uint64_t verdict_detection_us(const struct verdict *v, unsigned p, uint32_t *ret_count)
{
    return percentile(v, p, ret_count, false);
}

uint64_t verdict_recovery_us(const struct verdict *v, unsigned p, uint32_t *ret_count)
{
    return percentile(v, p, ret_count, true);
}

static void print_faults(const struct verdict *v, FILE *f)
{
    for (uint32_t i = 0; i < v->fault_count; i++) {
        const struct verdict_fault *t = &v->faults[i];
        const char *what = t->how[0] ? t->how : t->cause;
        uint32_t n = 0, healed = 0;
        bool seen = false;

        for (uint32_t k = 0; k < v->fault_count; k++) {
            const struct verdict_fault *o = &v->faults[k];

            if (strcmp(o->how[0] ? o->how : o->cause, what) != 0)
                continue;
            seen |= k < i;
            n++;
            healed += o->resumed_us != 0;
        }
        if (!seen)
            fprintf(f, "    %-14s %3u, healed %u\n", what, n, healed);
    }
}

void verdict_print(const struct verdict *v, void *stdio_file)
{
    FILE *f = stdio_file;
    const struct verdict_streams *s = &v->streams;
    uint64_t open = 0, uncommitted = 0;
    uint32_t n, m;
    double d50 = (double)verdict_detection_us(v, 50, &n) / 1000, d100 = (double)verdict_detection_us(v, 100, &n) / 1000;
    double r50 = (double)verdict_recovery_us(v, 50, &m) / 1000, r100 = (double)verdict_recovery_us(v, 100, &m) / 1000;

    for (uint32_t i = 0; i < v->fault_count; i++) {
        open += v->faults[i].open_messages;
        uncommitted += v->faults[i].uncommitted;
    }
    fprintf(f, "  job %s (%s), %d ranks, seed %llu: ready after %.2f s, ran %.2f s\n", v->job, v->name, v->ranks,
            (unsigned long long)v->seed, (double)v->ready_us / 1e6, (double)v->elapsed_us / 1e6);
    fprintf(f, "  faults %u, restarts %u, workers lost %u, slots fenced %u, gave up %u\n", v->fault_count,
            v->restarts, v->workers_lost, v->slots_fenced, v->giveups);
    print_faults(v, f);
    if (v->drills + v->drills_not_fired)
        fprintf(f, "  drills fired %u, not fired %u\n", v->drills, v->drills_not_fired);
    if (n)
        fprintf(f, "  detection p50 %.1f ms, max %.1f ms (%u)\n", d50, d100, n);
    if (m)
        fprintf(f, "  recovery  p50 %.1f ms, max %.1f ms (%u)\n", r50, r100, m);
    if (v->fault_count)
        fprintf(f, "  under way when they struck: %llu messages not yet acknowledged, %llu handler calls not yet "
                "committed\n", (unsigned long long)open, (unsigned long long)uncommitted);
    fprintf(f, "  messages: accepted %llu = delivered %llu + in flight %llu + dead %llu + lost %llu%s\n",
            (unsigned long long)s->accepted, (unsigned long long)s->delivered,
            (unsigned long long)s->in_flight, (unsigned long long)s->dead, (unsigned long long)s->lost,
            s->unmatched ? " (partial: some actors did not report)" : "");
    if (v->lost[0])
        fprintf(f, "  lost: %s\n", v->lost);
    fprintf(f, "  verdict: %s (exit %d)\n", v->reason, v->exit_code);
}
