/* A whole worker under a rank that is played here: boot, lives, messages, faults, and the way back from
 * the commits of a killed worker to the same bits. */
#include "tests/lib/rig.h"

#include <dirent.h>
#include <dlfcn.h>
#include <inttypes.h>
#include <link.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "tests/lib/tap.h"

#ifndef TEST_PROGRAM
#define TEST_PROGRAM "tests/data/counter.so"    /* overridden by the environment: TEST_PROGRAM */
#endif

#define LIMIT 20000u                /* messages of one run */
enum type { TYPE_SOURCE, TYPE_COUNTER, TYPE_BREAKER, TYPE_WRITER = 5 };

static const char *program_path(void)
{
    const char *path = getenv("TEST_PROGRAM");

    return path ? path : TEST_PROGRAM;
}

/* ---- the tests ---- */

/* A library, but no actor program. */
static const char *libm_path(void)
{
    void *libm = dlopen("libm.so.6", RTLD_LAZY);
    struct link_map *map;

    return libm && dlinfo(libm, RTLD_DI_LINKMAP, &map) == 0 ? map->l_name : "no libm";
}

static void test_refusals(void)
{
    struct rig r;

    rig_open(&r, libm_path(), 2);
    rig_new_arena(&r);
    ok(rig_boot(&r) == 2 && strstr(r.view.header->text, "TW_PROGRAM") != NULL,
       "a module without a program table is refused with what to do");
    rig_close(&r);

    rig_open(&r, "/nonexistent/program.so", 2);
    rig_new_arena(&r);
    is_int((long long)rig_boot(&r), 2, "a worker whose program is no library refuses");
    ok(strstr(r.view.header->text, "/nonexistent/program.so") != NULL, "and names it in the arena");
    printf("# %s\n", r.view.header->text);
    ok(rig_await_exit(&r) && WIFEXITED(r.status) && WEXITSTATUS(r.status) == WORKER_REFUSED,
       "its status says refused");
    rig_close(&r);

    rig_open(&r, program_path(), 2);
    rig_new_arena(&r);
    r.view.header->magic++;
    is_int(r.port.ops->start(r.port.self, 0, r.incarnation), TW_EINVAL,
           "a worker over an arena that is none is not even asked for");
    rig_close(&r);
}

/* Of a device that is not there, with code that is none: on any machine it has to refuse. */
static void test_cuda_worker(void)
{
    const char *const uuids[] = { "a name that is longer than that of any device can be" };
    struct host_device_config config = { .program = "", .name = "", .out_dir = "", .devices = 1, .cuda = 1, .uuids = uuids };
    struct device_port port;
    struct reason why;
    struct rig r;

    rig_open_on(&r, program_path(), 2, "GPU-none", program_path());
    rig_new_arena(&r);
    is_int((long long)rig_boot(&r), 2, "a worker of a CUDA device that is not there refuses");
    ok(r.view.header->text[0] != '\0', "and says why");
    printf("# %s\n", r.view.header->text);
    ok(rig_await_exit(&r) && WIFEXITED(r.status) && WEXITSTATUS(r.status) == WORKER_REFUSED, "its status says refused");
    rig_free(&r);
    rig_new_arena(&r);
    (void)r.port.ops->start(r.port.self, 0, r.incarnation);
    r.port.ops->ring(r.port.self, 0);
    is_int(arena_bell(&r.view, 0)->rings, 0, "its bell is not for the rank to ring");
    rig_await_exit(&r);
    is_int(host_device_open(r.zygote, 0, &config, &port, &why), TW_EINVAL, "a name that is too long is refused, not cut");
    rig_close(&r);
}

/* A debugger reads a module by the name that the loader has for it: in another process, with descriptors of its own. */
static void test_others_find_the_module(void)
{
    const struct tw_program *program = NULL;
    struct reason why;
    uint64_t hash;
    Dl_info at = {NULL};
    int fd = -1, status = 1;
    pid_t child;

    (void)program_image(program_path(), &fd, &hash, &why);
    is_int(program_open(program_path(), fd, &program, &why), 0, "a program is loaded");
    ok(dladdr(program->types[0].name, &at) && program_is_image(at.dli_fname) && !program_is_image("/lib/libm.so.6"),
       "its module is known by its name");
    child = fork();
    if (child == 0) {
        close(fd);
        _exit(open(at.dli_fname, O_RDONLY) < 0);
    }
    waitpid(child, &status, 0);
    is_int(status, 0, "which another process can open: %s", at.dli_fname);
    close(fd);
}

/* One undisturbed run; its result is what all others are compared with. */
static uint64_t test_run(void)
{
    struct rig r;
    union cell c;
    uint64_t result;

    rig_open(&r, program_path(), 2);
    rig_new_arena(&r);
    place(&r, VERTEX_SOURCE, 1);
    place(&r, VERTEX_COUNTER, 2);
    is_int((long long)rig_boot(&r), 1, "a worker boots");
    begin(&r, VERTEX_SOURCE, TYPE_SOURCE, LIMIT, 0, 0);
    begin(&r, VERTEX_COUNTER, TYPE_COUNTER, LIMIT, 0, 0);
    ok(hear(&r, CELL_SLOT_IS, 2, SLOT_FAILED, &c) && c.slot_is.cls == CLASS_NORMAL &&
           c.slot_is.cause == CAUSE_DONE,
       "a counter in one slot has heard %u messages from the other and is done", LIMIT);
    result = result_of(&r, VERTEX_COUNTER);
    ok(result != 0 && (uint32_t)result == c.slot_is.code, "its result is in its last commit");

    ok(rig_quit(&r), "told to quit, the worker exits with status 0");
    rig_close(&r);
    return result;
}

static void resume(struct rig *r, const struct kept *source, const struct kept *counter)
{
    rig_free(r);
    rig_new_arena(r);
    place(r, VERTEX_SOURCE, 2);     /* other slots than before: a commit is not tied to its slot */
    place(r, VERTEX_COUNTER, 1);
    commit_place(&r->view, 2, source->commit, source->bytes);
    commit_place(&r->view, 1, counter->commit, counter->bytes);
    rig_boot(r);
    r->kill_at = 0;
    begin(r, VERTEX_SOURCE, TYPE_SOURCE, LIMIT, SLOT_RESUME, 0);
    begin(r, VERTEX_COUNTER, TYPE_COUNTER, LIMIT, SLOT_RESUME, 0);
}

static void await_middle(struct rig *r, uint64_t step, int by_itself)
{
    union cell c;

    r->kill_at = by_itself ? step : 0;
    begin(r, VERTEX_COUNTER, TYPE_COUNTER, LIMIT, 0, by_itself ? 0 : step);
    begin(r, VERTEX_SOURCE, TYPE_SOURCE, LIMIT, 0, 0);
    if (by_itself) {
        rig_await_exit(r);
        return;
    }
    ok(hear(r, CELL_SLOT_DUE, 2, 0, &c), "the counter reaches step %d", (int)step);
    rig_kill(r);
}

/* Killed by us when the counter says it reached `step`, or by the handler of message `step`; resumed from
 * what lies in the dead worker's arena. */
static void test_kill_and_resume(uint64_t want, uint64_t step, int by_itself)
{
    struct kept source, counter;
    const struct stream *streams;
    struct rig r;
    union cell c;

    rig_open(&r, program_path(), 2);
    rig_new_arena(&r);
    place(&r, VERTEX_SOURCE, 1);
    place(&r, VERTEX_COUNTER, 2);
    rig_boot(&r);
    await_middle(&r, step, by_itself);
    ok(r.exited && WIFSIGNALED(r.status) && WTERMSIG(r.status) == SIGKILL,
       by_itself ? "a worker is killed inside the handler of message %d" : "its worker is killed (%d)",
       (int)step);
    ok(keep(&r, VERTEX_SOURCE, &source) && keep(&r, VERTEX_COUNTER, &counter),
       "the last commits are whole in the dead worker's arena");
    ok(commit_image(counter.commit, &streams)->progress < (by_itself ? step : LIMIT),
       "taken in the middle of the work");
    resume(&r, &source, &counter);
    ok(hear(&r, CELL_SLOT_IS, 1, SLOT_FAILED, &c) && c.slot_is.cause == CAUSE_DONE,
       "resumed in a new worker, in other slots, the counter is done");
    ok(result_of(&r, VERTEX_COUNTER) == want, "with the same bits as without the kill");
    free(source.commit);
    free(counter.commit);
    rig_close(&r);
}

static int await_state(struct rig *r, enum device_event_kind kind)
{
    int64_t end = now_us() + PATIENCE_MS * 1000;

    while (now_us() < end && r->last_event != kind)
        rig_turn(r);
    return r->last_event == kind;
}

static void test_stop_and_continue(void)
{
    struct rig r;
    union cell c;

    rig_open(&r, program_path(), 1);
    rig_new_arena(&r);
    place(&r, VERTEX_SOURCE, 1);
    rig_boot(&r);
    r.port.ops->signal(r.port.self, 0, r.incarnation, DEVICE_STOP);
    ok(await_state(&r, DEVICE_STOPPED), "a stopped worker is seen");
    begin(&r, VERTEX_SOURCE, TYPE_SOURCE, 0, 0, 0);
    r.port.ops->signal(r.port.self, 0, r.incarnation, DEVICE_CONTINUE);
    ok(await_state(&r, DEVICE_CONTINUED), "and when it goes on");
    ok(hear(&r, CELL_SLOT_IS, 1, SLOT_FAILED, &c), "then it does what was asked meanwhile");
    is_int(r.port.ops->signal(r.port.self, 0, r.incarnation + 1, DEVICE_STOP), TW_ENOENT,
           "an incarnation that is not is no such thing");
    rig_kill(&r);
    is_int(r.port.ops->signal(r.port.self, 0, r.incarnation, DEVICE_STOP), TW_ENOENT,
           "nor is one that was reaped");
    rig_close(&r);
}

/* A worker that is over and its successor, both with arenas. */
static void test_two_incarnations(void)
{
    struct rig r;
    struct arena_view old;

    rig_open(&r, program_path(), 1);
    rig_new_arena(&r);
    rig_boot(&r);
    old = r.view;
    ok(r.port.ops->arena_new(r.port.self, 0, r.incarnation, 4096) == NULL,
       "one incarnation has one arena");
    rig_new_arena(&r);
    is_int((long long)rig_boot(&r), 1, "a second worker of a device boots while the first one runs");
    ok(old.header != r.view.header && load_relaxed(&old.header->incarnation) == 1 &&
           load_relaxed(&r.view.header->incarnation) == 2,
       "each over its own arena");
    r.port.ops->signal(r.port.self, 0, 1, DEVICE_KILL);
    r.incarnation = 1;
    ok(rig_await_exit(&r), "the first is ended");
    r.port.ops->arena_free(r.port.self, 0, 1);
    r.incarnation = 2;
    r.exited = 0;
    rig_kill(&r);
    ok(r.exited, "then the second");
    rig_close(&r);
}

static void test_keeper_gone(void)
{
    struct device_event e = { .kind = DEVICE_NOTHING };
    struct rig r;

    rig_open(&r, program_path(), 1);
    rig_new_arena(&r);
    rig_boot(&r);
    kill(zygote_pid(r.zygote), SIGKILL);
    ok(await_state(&r, DEVICE_KEEPER_GONE), "a killed zygote is an event");
    r.port.ops->poll(r.port.self, &e);
    is_int(e.kind, DEVICE_NOTHING, "told once");
    is_int(r.port.ops->signal(r.port.self, 0, r.incarnation, DEVICE_KILL), TW_EPEER,
           "after it nobody can be signalled");
    rig_close(&r);
}

static void test_broken(unsigned how, int sig, const char *what)
{
    struct rig r;
    const struct arena_header *h;

    rig_open(&r, program_path(), 3);
    rig_new_arena(&r);
    place(&r, VERTEX_OTHER, 3);
    rig_boot(&r);
    begin(&r, VERTEX_OTHER, TYPE_BREAKER, how, 0, 0);
    ok(rig_await_exit(&r) && WIFSIGNALED(r.status) && WTERMSIG(r.status) == sig,
       "%s ends the worker, its status names the signal", what);
    h = r.view.header;
    ok(h->words_signal == (uint64_t)sig && h->words_slot == 3, "its last words name signal and slot");
    if (how == 1)
        is_int((long long)h->words_address, 16, "and the address");
    ok(strstr(h->text, ".so+0x") != NULL, "and the place as module and offset");
    printf("# %s\n", h->text);
    rig_close(&r);
}

static void test_exit_in_handler(void)
{
    struct rig r;

    rig_open(&r, program_path(), 1);
    rig_new_arena(&r);
    place(&r, VERTEX_OTHER, 1);
    rig_boot(&r);
    begin(&r, VERTEX_OTHER, TYPE_BREAKER, 5, 0, 0);
    ok(rig_await_exit(&r) && WIFEXITED(r.status) && WEXITSTATUS(r.status) == 3,
       "an actor that calls exit is a worker that exited");
    rig_close(&r);
}

/* The thread of a slot by its name; 0 if there is none. */
static pid_t thread_of(int pid, uint32_t slot)
{
    char path[64], want[32], comm[32] = "";
    struct dirent *e;
    pid_t found = 0;
    DIR *d;

    snprintf(want, sizeof want, "tw-slot %u\n", slot);
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    d = opendir(path);
    while (d && !found && (e = readdir(d)) != NULL) {
        char file[400];
        FILE *f;

        snprintf(file, sizeof file, "%s/%s/comm", path, e->d_name);
        f = fopen(file, "r");
        if (f && fgets(comm, sizeof comm, f) && strcmp(comm, want) == 0)
            found = (pid_t)atoi(e->d_name);
        if (f)
            fclose(f);
    }
    if (d)
        closedir(d);
    return found;
}

static int count_aside(void)
{
    DIR *d = opendir(out_dir);
    struct dirent *e;
    int n = 0;

    while ((e = readdir(d)) != NULL)
        n += e->d_name[0] == '.' && strstr(e->d_name, ".tmp") != NULL;
    closedir(d);
    return n;
}

/* A writer wedged in the middle of its file. */
static void test_wedge(void)
{
    char path[128];
    struct rig r;
    union cell c;
    pid_t tid;

    rig_open(&r, program_path(), 2);
    rig_new_arena(&r);
    place(&r, VERTEX_OTHER, 1);
    place(&r, VERTEX_SOURCE, 2);
    rig_boot(&r);
    tid = thread_of(r.pid, 1);
    is_int(getpriority(PRIO_PROCESS, (id_t)tid), 5, "slots run at nice 5");
    is_int(getpriority(PRIO_PROCESS, (id_t)r.pid), getpriority(PRIO_PROCESS, 0), "slot 0 as the rank does");
    begin(&r, VERTEX_OTHER, TYPE_WRITER, 4, 0, 0);
    ok(hear(&r, CELL_SLOT_IS, 1, SLOT_FENCED, &c) && c.slot_is.cause == CAUSE_WEDGED,
       "a handler that never returns is fenced as wedged");
    is_int(sched_getscheduler(tid), SCHED_IDLE, "its thread runs only when nobody else wants to");
    is_int(count_aside(), 0, "what it had written aside is removed");
    snprintf(path, sizeof path, "%s/result.txt", out_dir);
    ok(access(path, F_OK) != 0, "and never appears");
    begin(&r, VERTEX_SOURCE, TYPE_SOURCE, 0, 0, 0);
    ok(hear(&r, CELL_SLOT_IS, 2, SLOT_FAILED, &c) && c.slot_is.cause == CAUSE_DONE,
       "the other slot works on");
    ok(rig_quit(&r), "and a wedged slot does not keep the worker from quitting");
    rig_close(&r);
}

static void test_sink(void)
{
    char path[128], text[16] = "";
    struct rig r;
    union cell c;
    FILE *f;

    rig_open(&r, program_path(), 1);
    rig_new_arena(&r);
    place(&r, VERTEX_OTHER, 1);
    rig_boot(&r);
    begin(&r, VERTEX_OTHER, TYPE_WRITER, 0, 0, 0);
    ok(hear(&r, CELL_SLOT_IS, 1, SLOT_FAILED, &c) && c.slot_is.cause == CAUSE_DONE, "a writer is done");
    snprintf(path, sizeof path, "%s/result.txt", out_dir);
    f = fopen(path, "r");
    if (f && !fgets(text, sizeof text, f))
        text[0] = '\0';
    if (f)
        fclose(f);
    is_str(text, "whole\n", "its file is in place");
    is_int(count_aside(), 0, "and nothing aside");
    unlink(path);
    rig_close(&r);
}

/* CPU time of all threads of a process. */
static uint64_t cpu_ns(int pid)
{
    uint64_t sum = 0, ns;
    struct dirent *e;
    char path[400];
    DIR *d;

    snprintf(path, sizeof path, "/proc/%d/task", pid);
    d = opendir(path);
    while (d && (e = readdir(d)) != NULL) {
        FILE *f;

        snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", pid, e->d_name);
        f = e->d_name[0] == '.' ? NULL : fopen(path, "r");
        if (f && fscanf(f, "%" SCNu64, &ns) == 1)
            sum += ns;
        if (f)
            fclose(f);
    }
    if (d)
        closedir(d);
    return sum;
}

/* No assertions on time: figures for people. */
static void measure(void)
{
    struct rig r;
    union cell c;
    int64_t start = now_us();
    uint64_t cpu;

    rig_open(&r, program_path(), 16);
    printf("# zygote ready after %.1f ms\n", (double)(now_us() - start) / 1000);
    rig_new_arena(&r);
    start = now_us();
    rig_boot(&r);
    printf("# 16 slots up after %.1f ms\n", (double)(now_us() - start) / 1000);
    cpu = cpu_ns(r.pid);
    poll(NULL, 0, 1000);
    printf("# idle with 16 slots: %.3f %% of a core\n", (double)(cpu_ns(r.pid) - cpu) / 1e7);
    rig_kill(&r);

    rig_new_arena(&r);
    place(&r, VERTEX_SOURCE, 1);
    place(&r, VERTEX_COUNTER, 2);
    rig_boot(&r);
    start = now_us();
    begin(&r, VERTEX_SOURCE, TYPE_SOURCE, LIMIT, 0, 0);
    begin(&r, VERTEX_COUNTER, TYPE_COUNTER, LIMIT, 0, 0);
    hear(&r, CELL_SLOT_IS, 2, SLOT_FAILED, &c);
    printf("# %u messages between two slots: %.2f us each, CPU %.2f us each\n", LIMIT,
           (double)(now_us() - start) / LIMIT, (double)cpu_ns(r.pid) / 1000 / LIMIT);
    rig_close(&r);
}

int main(int argc, char **argv)
{
    uint64_t result;

    if (argc > 1 && strcmp(argv[1], "zygote") == 0)
        return cmd_zygote(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "worker") == 0)
        return cmd_worker(argc - 1, argv + 1);
    if (!mkdtemp(out_dir))
        return 99;
    test_refusals();
    test_cuda_worker();
    test_others_find_the_module();
    result = test_run();
    test_kill_and_resume(result, LIMIT / 100, 0);
    test_kill_and_resume(result, 1, 1);
    test_kill_and_resume(result, LIMIT / 2, 1);
    test_kill_and_resume(result, LIMIT, 1);
    test_stop_and_continue();
    test_two_incarnations();
    test_keeper_gone();
    test_broken(1, SIGSEGV, "a stray write");
    test_broken(2, SIGSEGV, "endless recursion");
    test_broken(3, SIGABRT, "abort");
    test_exit_in_handler();
    test_wedge();
    test_sink();
    measure();
    rmdir(out_dir);
    done_testing();
}
