/* cuda_worker.c - the worker of a GPU under a rank that is played here, over a driver whose blocks are threads
 *
 * What that cannot show is a GPU: its memory model, its clock and its speed.  With TW_GPU_UUID and TW_GPU_FATBIN, of
 * tests/data/device.c, it runs on one (tests/check-gpu), without what a driver does only when it is told to.
 */
#include "tests/lib/rig.h"

#include <signal.h>

#include "tests/lib/tap.h"

#define LIMIT 2000u
#define UUID "GPU-a5a5a5a5-a5a5-a5a5-a5a5-a5a5a5a5a500"   /* the fake driver's first device */

enum type { TYPE_SOURCE, TYPE_COUNTER, TYPE_TEAM, TYPE_BREAKER };

static char program[4096], fatbin[4096];
static const char *uuid = UUID;

static void fake(const char *plan) { setenv("FAKE_CUDA", plan, 1); }

static void on_gpu(struct rig *r, uint32_t slots) { rig_open_on(r, program, slots, uuid, fatbin); }
static void on_host(struct rig *r, uint32_t slots) { rig_open(r, program, slots); }

/* The result of one actor alone, and of a counter that hears a source. */
static uint64_t alone(void (*on)(struct rig *, uint32_t), uint32_t type, uint64_t limit)
{
    uint64_t result = 0;
    struct rig r;
    union cell c;

    on(&r, 2);
    r.geo.state_bytes = ALIGN64(40000);
    rig_new_arena(&r);
    place(&r, VERTEX_OTHER, 2);
    if (rig_boot(&r) == 1) {
        begin(&r, VERTEX_OTHER, type, limit, 0, 0);
        if (hear(&r, CELL_SLOT_IS, 2, SLOT_FAILED, &c) && c.slot_is.cause == CAUSE_DONE)
            result = result_of(&r, VERTEX_OTHER);
    }
    rig_close(&r);
    return result;
}

static uint64_t counted(void (*on)(struct rig *, uint32_t))
{
    uint64_t result = 0;
    struct rig r;
    union cell c;

    on(&r, 2);
    rig_new_arena(&r);
    place(&r, VERTEX_SOURCE, 1);
    place(&r, VERTEX_COUNTER, 2);
    if (rig_boot(&r) != 1) {
        printf("# %s\n", r.view.header->text);
    } else {
        begin(&r, VERTEX_SOURCE, TYPE_SOURCE, LIMIT, 0, 0);
        begin(&r, VERTEX_COUNTER, TYPE_COUNTER, LIMIT, 0, 0);
        if (hear(&r, CELL_SLOT_IS, 2, SLOT_FAILED, &c) && c.slot_is.cause == CAUSE_DONE)
            result = result_of(&r, VERTEX_COUNTER);
        ok(rig_quit(&r), "told to quit, it exits with status 0");
    }
    rig_close(&r);
    return result;
}

static void the_same_as_on_a_host(void)
{
    uint64_t host = counted(on_host);

    ok(host != 0 && counted(on_gpu) == host, "messages between two blocks: the same bits as between two threads");
    host = alone(on_host, TYPE_TEAM, 200);
    ok(host != 0 && alone(on_gpu, TYPE_TEAM, 200) == host, "a team of three threads does what one alone does");
}

/* Killed when the counter is so far, and resumed in another worker and other slots. */
static void killed_and_resumed(uint64_t want)
{
    struct kept source, counter;
    struct rig r;
    union cell c;

    on_gpu(&r, 2);
    rig_new_arena(&r);
    place(&r, VERTEX_SOURCE, 1);
    place(&r, VERTEX_COUNTER, 2);
    rig_boot(&r);
    begin(&r, VERTEX_COUNTER, TYPE_COUNTER, LIMIT, 0, LIMIT / 3);
    begin(&r, VERTEX_SOURCE, TYPE_SOURCE, LIMIT, 0, 0);
    ok(hear(&r, CELL_SLOT_DUE, 2, 0, &c), "the counter reaches its step");
    rig_kill(&r);
    ok(keep(&r, VERTEX_SOURCE, &source) && keep(&r, VERTEX_COUNTER, &counter),
       "the commits are whole in the dead worker's arena, though its near memory is gone");
    rig_free(&r);
    rig_new_arena(&r);
    place(&r, VERTEX_SOURCE, 2);
    place(&r, VERTEX_COUNTER, 1);
    commit_place(&r.view, 2, source.commit, source.bytes);
    commit_place(&r.view, 1, counter.commit, counter.bytes);
    rig_boot(&r);
    begin(&r, VERTEX_SOURCE, TYPE_SOURCE, LIMIT, SLOT_RESUME, 0);
    begin(&r, VERTEX_COUNTER, TYPE_COUNTER, LIMIT, SLOT_RESUME, 0);
    ok(hear(&r, CELL_SLOT_IS, 1, SLOT_FAILED, &c) && c.slot_is.cause == CAUSE_DONE &&
           result_of(&r, VERTEX_COUNTER) == want, "resumed: the same bits");
    free(source.commit);
    free(counter.commit);
    rig_close(&r);
}

/* -- faults ---------------------------------------------------------------------------------------- */

static void breaks(uint64_t how, int status, const char *text)
{
    struct rig r;

    on_gpu(&r, 3);
    rig_new_arena(&r);
    place(&r, VERTEX_OTHER, 3);
    rig_boot(&r);
    begin(&r, VERTEX_OTHER, TYPE_BREAKER, how, 0, 0);
    ok(rig_await_exit(&r) && WIFEXITED(r.status) && WEXITSTATUS(r.status) == status, "a stray write ends the worker");
    ok(strstr(r.view.header->text, text) != NULL, "... which says why: %s", r.view.header->text);
    rig_close(&r);
}

static void fails_alone(uint64_t how, uint32_t cause, const char *what)
{
    struct rig r;
    union cell c;

    on_gpu(&r, 3);
    rig_new_arena(&r);
    place(&r, VERTEX_OTHER, 3);
    place(&r, VERTEX_SOURCE, 1);
    rig_boot(&r);
    begin(&r, VERTEX_OTHER, TYPE_BREAKER, how, 0, 0);
    ok(hear(&r, CELL_SLOT_IS, 3, how == 2 ? SLOT_FENCED : SLOT_FAILED, &c) && c.slot_is.cause == cause, "%s", what);
    ok(arena_shown_is(&r.view, 3)->life == r.life_of[VERTEX_OTHER], "... and the rank is shown whose it was");
    begin(&r, VERTEX_SOURCE, TYPE_SOURCE, 0, 0, 0);
    ok(hear(&r, CELL_SLOT_IS, 1, SLOT_FAILED, &c) && c.slot_is.cause == CAUSE_DONE, "... the other blocks work on");
    rig_kill(&r);
    rig_close(&r);
}

/* -- refusals -------------------------------------------------------------------------------------- */

static void refuses(const char *plan, const char *text)
{
    struct rig r;

    fake(plan);
    on_gpu(&r, 2);
    rig_new_arena(&r);
    ok(rig_boot(&r) == 2 && strstr(r.view.header->text, text) != NULL, "%s: %s", plan, r.view.header->text);
    ok(rig_await_exit(&r) && WIFEXITED(r.status) && WEXITSTATUS(r.status) == WORKER_REFUSED, "... and it ends");
    rig_close(&r);
    fake("");
}

static void refuses_device_code(const char *file, const char *text)
{
    struct rig r;

    rig_open_on(&r, program, 2, uuid, file);
    rig_new_arena(&r);
    ok(rig_boot(&r) == 2 && strstr(r.view.header->text, text) != NULL, "%s", r.view.header->text);
    rig_close(&r);
}

static void every_refusal(void)
{
    refuses("init=100", "no device that this process may see");
    refuses("devices=0", "is not among the 0 devices");
    refuses("MPS_ENABLED=1", "stop it, or use host devices");
    refuses("KERNEL_EXEC_TIMEOUT=1", "display's watchdog");
    refuses("COOPERATIVE_LAUNCH=0", "no cooperative launch");
    refuses("occupancy=0", "2 slots and slot 0 do not fit");
    refuses("fails=cuDevicePrimaryCtxRetain:46", "cuDevicePrimaryCtxRetain: CUDA_ERROR_DEVICE_UNAVAILABLE (46)");
    refuses("fails=cuModuleLoadData:200", "CUDA_ERROR_INVALID_IMAGE");
    refuses("fails=cuModuleGetFunction:500", "cuModuleGetFunction");
    refuses("fails=cuMemHostRegister:801", "cuMemHostRegister: CUDA_ERROR_NOT_SUPPORTED");
    refuses("fails=cuMemAlloc:2", "cuMemAlloc: CUDA_ERROR_OUT_OF_MEMORY");
    refuses("fails=cuMemcpyHtoD:1", "cuMemcpyHtoD");
    refuses("fails=cuCtxSynchronize:719", "cuCtxSynchronize: CUDA_ERROR_LAUNCH_FAILED");
    refuses("fails=cuStreamCreate:2", "cuStreamCreate");
    refuses("fails=cuLaunchCooperativeKernel:720", "CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE (720)");
    setenv("CUDA_LAUNCH_BLOCKING", "1", 1);
    refuses("", "CUDA_LAUNCH_BLOCKING is set");
    unsetenv("CUDA_LAUNCH_BLOCKING");
}

static void refuses_other_code(void)
{
    char heat[4200];

    refuses_device_code("/nonexistent", "build the program with `treewarden cc --cuda`");
    refuses_device_code(program, "CUDA: ");      /* a driver has several words for what is no code at all */
    snprintf(heat, sizeof heat, "%.*sheat.fatbin", (int)(strrchr(fatbin, '/') + 1 - fatbin), fatbin);
    refuses_device_code(heat, "not of the same program as the host's");
}

/* The device is gone, or block 0 stands still, while all is running. */
static void ends_with(const char *plan, int status, const char *text)
{
    struct rig r;

    fake(plan);
    on_gpu(&r, 2);
    rig_new_arena(&r);
    (void)rig_boot(&r);
    ok(rig_await_exit(&r) && WIFEXITED(r.status) && WEXITSTATUS(r.status) == status &&
       strstr(r.view.header->text, text) != NULL, "%s ends the worker: %s", plan, r.view.header->text);
    rig_close(&r);
    fake("");
}

int main(int argc, char **argv)
{
    const char *build = getenv("TW_BUILD"), *real = getenv("TW_GPU_UUID");
    char path[4096];

    if (argc > 1 && strcmp(argv[1], "zygote") == 0)
        return cmd_zygote(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "worker") == 0)
        return cmd_worker(argc - 1, argv + 1);
    snprintf(program, sizeof program, "%.4000s/tests/data/device.so", build ? build : ".");
    snprintf(fatbin, sizeof fatbin, "%.4000s/tests/fake-cuda/device.fatbin", build ? build : ".");
    snprintf(path, sizeof path, "%.4000s/tests/fake-cuda", build ? build : ".");
    if (real) {
        uuid = real;
        snprintf(fatbin, sizeof fatbin, "%.4000s", getenv("TW_GPU_FATBIN"));
    } else {
        setenv("LD_LIBRARY_PATH", path, 1);
        setenv("TREEWARDEN_GPU_STILL_MS", "5000", 1);       /* its blocks are threads of a host that has other work */
    }
    if (access(fatbin, R_OK) != 0)
        skip_all("no C++ compiler to make device code with");
    if (!mkdtemp(out_dir))
        return 99;
    the_same_as_on_a_host();
    killed_and_resumed(counted(on_host));
    breaks(1, WORKER_BROKE, "CUDA_ERROR_ILLEGAL_ADDRESS (700)");
    fails_alone(2, CAUSE_WEDGED, "a handler that never returns is fenced as wedged");
    fails_alone(3, CAUSE_BOUNDS, "an index outside, by one thread of three, fails its actor alone");
    fails_alone(4, CAUSE_CODE, "tw_fail, by all threads, is one failure");
    refuses_other_code();
    if (!real) {
        ends_with("fails=cuStreamQuery:719", WORKER_BROKE, "CUDA_ERROR_LAUNCH_FAILED (719)");
        ends_with("fails=cuStreamQuery:214", WORKER_DEVICE_LOST, "CUDA_ERROR_ECC_UNCORRECTABLE (214)");
        setenv("TREEWARDEN_GPU_STILL_MS", "20", 1);
        ends_with("still=50", WORKER_BROKE, "block 0 of the resident kernel stands still");
        every_refusal();
    }
    rmdir(out_dir);
    done_testing();
}
