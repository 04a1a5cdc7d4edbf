/* bench_job.c - a folder of our own, jobs in it, and what they leave behind */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cmd/bench.h"
#include "cmd/mpirun.h"
#include "face/client.h"
#include "shared/rc.h"
#include "store/verdict.h"

#define SETTLE_MS 60000u                /* until all actors of a job run and its drills are done */
#define END_MS 60000u                   /* until it has ended; then it is killed */
#define ASK_EVERY_MS 20u

volatile sig_atomic_t bench_stopped;

uint64_t bench_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void bench_nap_ms(unsigned ms)
{
    nanosleep(&(struct timespec){ms / 1000, (long)(ms % 1000) * 1000000}, NULL);
}

/* -- the folder ----------------------------------------------------------------------------------- */

static int write_file(const char *path, const char *bytes, size_t count, struct reason *why)
{
    FILE *f = fopen(path, "w");
    bool whole = f && fwrite(bytes, 1, count, f) == count;

    if (f && fclose(f) != 0)
        whole = false;
    return whole ? 0 : reason_set(why, TW_ESYS, "%s: cannot be written: %s: make room, or set TMPDIR", path,
                                  strerror(errno));
}

/* Its jobs' sockets lie below it too, so that no command of this user takes one of them for his own. */
int bench_dir_make(struct bench *b, struct reason *why)
{
    const char *tmp = getenv("TMPDIR");
    char name[BENCH_DIR_BYTES + 32];

    if (!tmp || strlen(tmp) > 40)       /* a socket's path has 108 bytes */
        tmp = "/tmp";
    snprintf(b->dir, sizeof b->dir, "%s/tw-bench.XXXXXX", tmp);
    if (!mkdtemp(b->dir)) {
        b->dir[0] = '\0';
        return reason_set(why, TW_ESYS, "%s: no folder can be made there: %s: set TMPDIR", tmp, strerror(errno));
    }
    snprintf(name, sizeof name, "%s/run", b->dir);
    if (mkdir(name, 0700) != 0)
        return reason_set(why, TW_ESYS, "%s: %s", name, strerror(errno));
    setenv("XDG_RUNTIME_DIR", name, 1);
    snprintf(name, sizeof name, "%s/bench.so", b->dir);
    return write_file(name, bench_program, (size_t)(bench_program_end - bench_program), why);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

void bench_dir_remove(struct bench *b)
{
    if (b->dir[0])
        (void)nftw(b->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* -- jobs ----------------------------------------------------------------------------------------- */

static void become_job(struct job *j, int ranks, bool drills, pid_t parent)
{
    const char *words[16] = {"treewarden", "run", "--state-dir", j->state};
    char number[16];
    int n = 4;

    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(1);
    snprintf(number, sizeof number, "%d", ranks);
    if (ranks) {
        words[1] = "launch";
        words[n++] = "-q";
        words[n++] = "-n";
        words[n++] = number;
    }
    if (drills)
        words[n++] = "--drills";
    words[n] = j->spec;
    execv("/proc/self/exe", (char *const *)(void *)words);
    _exit(127);
}

int job_start(struct bench *b, int ranks, bool drills, struct job *ret, struct reason *why, const char *spec, ...)
{
    pid_t self = getpid();
    char *text = NULL;
    va_list ap;
    int rc;

    ret->pid = -1;
    va_start(ap, spec);
    if (vasprintf(&text, spec, ap) < 0)
        text = NULL;
    va_end(ap);
    if (!text)
        return reason_set(why, TW_ENOMEM, "out of memory");
    b->jobs++;
    snprintf(ret->spec, sizeof ret->spec, "%s/job%u.yaml", b->dir, b->jobs);
    snprintf(ret->state, sizeof ret->state, "%s/job%u.tw", b->dir, b->jobs);
    rc = write_file(ret->spec, text, strlen(text), why);
    free(text);
    if (rc != 0)
        return rc;
    ret->begun_ns = bench_now_ns();
    ret->pid = fork();
    if (ret->pid == 0)
        become_job(ret, ranks, drills, self);
    return ret->pid > 0 ? 0 : reason_set(why, TW_ESYS, "fork: %s", strerror(errno));
}

static bool has_ended(const struct job *j)
{
    siginfo_t i = {0};

    return waitid(P_PID, (id_t)j->pid, &i, WEXITED | WNOHANG | WNOWAIT) != 0 || i.si_pid != 0;
}

static int ask(const char *request, json_t **ret, struct reason *why)
{
    char job[64], *text = NULL;
    int rc = client_find(NULL, job, sizeof job, why);

    if (rc == 0)
        rc = client_ask(job, 0, request, 5000, &text, why);
    if (rc != 0)
        return rc;
    *ret = json_loads(text, 0, NULL);
    free(text);
    return *ret ? 0 : reason_set(why, TW_EPROTO, "the job's answer is not JSON");
}

int job_ask(const char *request, struct reason *why)
{
    json_t *o;
    int rc = ask(request, &o, why);

    if (rc != 0)
        return rc;
    if (json_integer_value(json_object_get(o, "exit")) != 0)
        rc = reason_set(why, TW_ESTATE, "the job refused %s", request);
    json_decref(o);
    return rc;
}

struct status { uint32_t running, drills, incarnation; };

static int ask_status(struct status *ret)
{
    struct reason why;
    const json_t *device;
    json_t *o;

    if (ask("{\"verb\":\"status\"}", &o, &why) != 0)
        return TW_EAGAIN;
    device = json_array_get(json_object_get(json_array_get(json_object_get(o, "ranks"), 0), "devices"), 0);
    ret->running = (uint32_t)json_integer_value(json_object_get(json_object_get(o, "actors"), "running"));
    ret->drills = (uint32_t)json_integer_value(json_object_get(o, "drills_left"));
    ret->incarnation = (uint32_t)json_integer_value(json_object_get(device, "incarnation"));
    json_decref(o);
    return 0;
}

static int await_status(const struct job *j, const struct status *want, struct status *is, struct reason *why)
{
    uint64_t end = bench_now_ns() + SETTLE_MS * 1000000ull;

    *is = (struct status){0};
    while (bench_now_ns() < end && !bench_stopped && !has_ended(j)) {
        if (ask_status(is) == 0 && is->running >= want->running && is->drills <= want->drills &&
            is->incarnation >= want->incarnation)
            return 0;
        bench_nap_ms(ASK_EVERY_MS);
    }
    return reason_set(why, TW_ESTATE, "a job of the measurement %s: %u actors run, %u drills are left: run it by hand "
                      "to see why", has_ended(j) ? "ended early" : "is stuck", is->running, is->drills);
}

int job_settle(const struct job *j, uint32_t actors, uint32_t incarnation, uint32_t *ret_incarnation,
               struct reason *why)
{
    struct status want = {actors, UINT32_MAX, incarnation}, is;
    int rc = await_status(j, &want, &is, why);

    if (ret_incarnation)
        *ret_incarnation = is.incarnation;
    return rc;
}

int job_drilled(const struct job *j, struct reason *why)
{
    struct status want = {0, 0, 0}, is;

    return await_status(j, &want, &is, why);
}

/* Its exit status, at the latest END_MS from now; after a signal to us it is asked to end, too. */
static int await_end(pid_t pid, int *ret_status, struct reason *why)
{
    uint64_t end = bench_now_ns() + END_MS * 1000000ull;
    bool asked = false, killed = false;

    while (waitpid(pid, ret_status, WNOHANG) == 0) {
        if (bench_stopped && !asked) {
            asked = true;
            if (signal_ranks(pid, SIGTERM) == 0)
                kill(pid, SIGTERM);
        }
        if (bench_now_ns() > end && !killed)
            killed = kill(pid, SIGKILL) == 0;
        bench_nap_ms(5);
    }
    if (bench_stopped)
        return reason_set(why, TW_ESTATE, "stopped by signal %d", (int)bench_stopped);
    return killed ? reason_set(why, TW_ESTATE, "a part of it did not end within %u s", END_MS / 1000) : 0;
}

int job_wait(struct job *j, struct reason *why)
{
    int status = 0, rc = await_end(j->pid, &status, why);

    return rc || status == 0 ? rc : reason_set(why, TW_ESTATE, "a job of the measurement failed: exit status %d",
                                               WEXITSTATUS(status));
}

int job_stop(struct job *j, int rc, struct verdict *ret, struct reason *why)
{
    struct reason second;
    int status, end;

    if (j->pid <= 0)
        return rc;
    if (signal_ranks(j->pid, SIGTERM) == 0)     /* not mpirun: it gives its ranks a quarter of a second */
        kill(j->pid, SIGTERM);
    end = await_end(j->pid, &status, rc ? &second : why);
    if (rc == 0 && end == 0 && ret)
        return verdict_read(j->state, ret, why);
    return rc ? rc : end;
}

/* -- what they left ------------------------------------------------------------------------------- */

int file_samples(const char *path, double divisor, struct samples *to, struct reason *why)
{
    FILE *f = fopen(path, "r");
    uint64_t ns;
    uint32_t n = 0;

    while (f && fscanf(f, "%" SCNu64, &ns) == 1) {
        samples_add(to, (double)ns / divisor);
        n++;
    }
    if (f)
        fclose(f);
    return n ? 0 : reason_set(why, TW_ENOENT, "%s: no samples there: the measurement did not come to its end", path);
}

int job_samples(const struct job *j, const char *file, double divisor, struct samples *to, struct reason *why)
{
    char path[BENCH_DIR_BYTES + 96];

    snprintf(path, sizeof path, "%s/out/%s", j->state, file);
    return file_samples(path, divisor, to, why);
}

static void look_at_journal(const char *path, uint64_t *last, uint32_t *count)
{
    FILE *f = fopen(path, "r");
    char line[4096];

    while (f && fgets(line, sizeof line, f)) {
        json_t *o = json_loads(line, 0, NULL);
        const char *type = json_string_value(json_object_get(o, "type"));
        uint64_t a = (uint64_t)json_integer_value(json_object_get(o, "a"));

        if (type && !strcmp(type, "log")) {
            *last = a > *last ? a : *last;
            ++*count;
        }
        json_decref(o);
    }
    if (f)
        fclose(f);
}

int job_last_log(const struct job *j, int ranks, uint64_t *ret_a, uint32_t *ret_count, struct reason *why)
{
    char path[BENCH_DIR_BYTES + 96];

    *ret_a = 0;
    *ret_count = 0;
    for (int r = 0; r < ranks; r++) {
        snprintf(path, sizeof path, "%s/journal.1.%d.jsonl", j->state, r);
        look_at_journal(path, ret_a, ret_count);
    }
    return *ret_count ? 0 : reason_set(why, TW_ENOENT, "%s: its actors logged nothing", j->state);
}

/* -- parts of ours under mpirun ------------------------------------------------------------------- */

int part_start(struct bench *b, int ranks, const char *what, uint64_t count, pid_t *ret_pid, struct reason *why)
{
    static const char *mpirun;
    struct words w = {.count = 0};
    char self[4096], text[32], out[BENCH_DIR_BYTES + 32];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

    if (!mpirun && mpirun_find(&mpirun, why) != 0)
        return TW_ENOENT;
    self[n > 0 ? n : 0] = '\0';
    snprintf(text, sizeof text, "%" PRIu64, count);
    snprintf(out, sizeof out, "%s/part", b->dir);
    unlink(out);
    mpirun_line(&w, mpirun, NULL, ranks, b->dir);
    words_add_all(&w, (const char *const[]){self, "bench-part", what, text, out, b->dir, NULL});
    *ret_pid = mpirun_start(&w, b->dir, NULL);
    words_free(&w);
    return *ret_pid > 0 ? 0 : reason_set(why, TW_ESYS, "fork: %s", strerror(errno));
}

int part_wait(pid_t pid, struct reason *why)
{
    int status = 0, rc = await_end(pid, &status, why);

    return rc || status == 0 ? rc : reason_set(why, TW_ESTATE, "the bare program under mpirun failed (status %d)",
                                               status);
}

int part_run(struct bench *b, int ranks, const char *what, uint64_t count, double divisor, struct samples *to,
             struct reason *why)
{
    char out[BENCH_DIR_BYTES + 32];
    pid_t pid;
    int rc = part_start(b, ranks, what, count, &pid, why);

    if (rc == 0)
        rc = part_wait(pid, why);
    snprintf(out, sizeof out, "%s/part", b->dir);
    return rc == 0 ? file_samples(out, divisor, to, why) : rc;
}
