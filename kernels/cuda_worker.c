/* cuda_worker.c - load, launch, watch */
#include "kernels/cuda_worker.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "kernels/cuda_driver.h"
#include "kernels/resident.h"
#include "worker/program.h"

#define SPIN_NS 50000u                  /* after something happened: it may go on */
#define NAP_NS 20000u
#define LONG_NAP_NS 200000u            /* ... from so many short ones on without anything */
#define SHORT_NAPS_NS 10000000u
#define QUERY_NS 1000000u               /* between two questions to the driver */
#define OWN_GAP_NS 5000000u             /* this loop did not run itself: what it saw stand still did not */
#define SILENT_LEAST_MS 20u             /* block 0: eight times as long as it ever stood still, within these */
#define SILENT_MOST_NS 2000000000u
#define LEARN_BEATS 1000u               /* before so many it has the longest time */

struct gpu {
    const struct worker_args *args;
    struct arena_view view;
    const struct tw_program *program;
    struct cuda_api api;
    cuda_device device;
    cuda_stream stream;
    cuda_function kernel;
    uint32_t threads;                   /* of a block, as compiled */
    uint64_t still_ns;                  /* so long block 0 may always stand still */
    struct resident_params params;
};

/* ---- the driver says no ---- */

static int failed(const struct gpu *g, cuda_result code, const char *what, struct reason *why)
{
    return reason_set(why, TW_ESYS, "CUDA: %s: %s (%u)", what, cuda_error_name(&g->api, code), code);
}

#define TRY(call, ...)                                                                               \
    do {                                                                                             \
        cuda_result code_ = g->api.call(__VA_ARGS__);                                                \
        if (code_ != CUDA_RESULT_SUCCESS)                                                            \
            return failed(g, code_, cuda_call_name(#call), why);                                     \
    } while (0)

/* ---- the device ---- */

static int attribute(struct gpu *g, enum cuda_attribute no)
{
    int value = 0;

    return g->api.device_attribute(&value, no, g->device) == CUDA_RESULT_SUCCESS ? value : 0;
}

/* The rank named it, and it alone is visible: anything else is a mistake of the environment. */
static int find_device(struct gpu *g, struct reason *why)
{
    char uuid[CUDA_UUID_TEXT];
    int count = 0;

    TRY(device_count, &count);
    for (int i = 0; i < count; i++) {
        TRY(device_get, &g->device, i);
        cuda_uuid_text(&g->api, g->device, uuid);
        if (!strcmp(uuid, g->args->uuid))
            return 0;
    }
    return reason_set(why, TW_ENOENT, "CUDA: %s is not among the %d devices this process may see: it is lost, or was "
                      "taken from the job", g->args->uuid, count);
}

static int check_device(struct gpu *g, struct reason *why)
{
    if (cuda_launches_block())
        return reason_set(why, TW_EINVAL, "CUDA_LAUNCH_BLOCKING is set: a launch would wait for a kernel that never "
                          "ends: unset it");
    if (attribute(g, CUDA_ATTRIBUTE_MPS_ENABLED))
        return reason_set(why, TW_EINVAL, "CUDA: an MPS daemon shares this device, and one client's fault would end "
                          "all: stop it, or use host devices");
    if (attribute(g, CUDA_ATTRIBUTE_KERNEL_EXEC_TIMEOUT))
        return reason_set(why, TW_EINVAL, "CUDA: a display's watchdog ends long kernels on this device: use another, "
                          "or host devices");
    if (!attribute(g, CUDA_ATTRIBUTE_COOPERATIVE_LAUNCH) || !attribute(g, CUDA_ATTRIBUTE_HOST_REGISTER_SUPPORTED))
        return reason_set(why, TW_EINVAL, "CUDA: this device has no cooperative launch or cannot map host memory: use "
                          "host devices");
    return 0;
}

/* ---- the program ---- */

static int map_image(void **ret, size_t *ret_bytes, struct reason *why)
{
    struct stat st;

    if (fstat(WORKER_FATBIN_FD, &st) != 0 || st.st_size == 0)
        return reason_set(why, TW_ENOENT, "worker: no device code: build the program with `treewarden cc --cuda`");
    *ret_bytes = (size_t)st.st_size;
    *ret = mmap(NULL, *ret_bytes, PROT_READ, MAP_PRIVATE, WORKER_FATBIN_FD, 0);
    if (*ret == MAP_FAILED)
        return reason_set(why, TW_ENOMEM, "worker: mapping the device code: %s", strerror(errno));
    return 0;
}

static int load_kernel(struct gpu *g, struct reason *why)
{
    cuda_module module;
    cuda_result code;
    int threads = 0;
    size_t bytes = 0;
    void *image;
    int rc = map_image(&image, &bytes, why);

    if (rc != 0)
        return rc;
    code = g->api.module_load(&module, image);
    munmap(image, bytes);
    if (code == CUDA_RESULT_ERROR_NO_BINARY_FOR_GPU)
        return reason_set(why, TW_ENOENT, "CUDA: the program has no code for this device: build it with `treewarden cc "
                          "--cuda --sm %d%d`", attribute(g, CUDA_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR),
                          attribute(g, CUDA_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR));
    if (code != CUDA_RESULT_SUCCESS)
        return failed(g, code, "loading the program's device code", why);
    TRY(module_function, &g->kernel, module, RESIDENT_KERNEL);
    TRY(function_attribute, &threads, CUDA_FUNCTION_ATTRIBUTE_MAX_THREADS_PER_BLOCK, g->kernel);
    g->threads = (uint32_t)threads;     /* as __launch_bounds__ says */
    return 0;
}

/* All blocks must be resident at once: one that waits for another's end would wait for ever. */
static int check_room(struct gpu *g, struct reason *why)
{
    int each = 0, processors = attribute(g, CUDA_ATTRIBUTE_MULTIPROCESSOR_COUNT);
    uint32_t slots = g->view.geo.slots;

    TRY(occupancy, &each, g->kernel, (int)g->threads, 0);
    if ((int64_t)each * processors < (int64_t)slots + 1)
        return reason_set(why, TW_EINVAL, "CUDA: %u slots and slot 0 do not fit on this device at once: %d processors "
                          "hold %d blocks of %u threads each, at most %d slots, spares included: lower devices.slots, "
                          "or build with fewer --threads", slots, processors, each, g->threads, each * processors - 1);
    return 0;
}

/* ---- memory ---- */

/* Everything before the launch: what allocates or frees may wait for the kernel, which never ends. */
static int zeroed(struct gpu *g, uint64_t bytes, cuda_address *ret, struct reason *why)
{
    TRY(memory_new, ret, bytes);
    TRY(memory_set, *ret, 0, bytes);
    return 0;
}

static void *address(cuda_address a) { return (void *)(uintptr_t)a; }

static int give_memory(struct gpu *g, struct reason *why)
{
    const struct arena_geometry *geo = &g->view.geo;
    struct resident_params *p = &g->params;
    uint64_t words = geo->slots + 2;    /* sweeps and stop */
    cuda_address far, near, own, flags;
    int rc;

    TRY(host_register, g->view.base, g->view.at.total, CUDA_HOST_REGISTER_PORTABLE | CUDA_HOST_REGISTER_DEVICEMAP);
    TRY(host_address, &far, g->view.base, 0);
    p->slot0_bytes = ALIGN64(slot0_private_bytes(geo));
    p->slot_stride = ALIGN64(slot_private_bytes(geo));
    if ((rc = zeroed(g, g->view.at.near_bytes, &near, why)) != 0 ||
        (rc = zeroed(g, p->slot0_bytes + geo->slots * p->slot_stride, &own, why)) != 0 ||
        (rc = zeroed(g, words * 8, &flags, why)) != 0)
        return rc;
    TRY(memory_upload, near, g->view.near, g->view.at.bell0);   /* names, directory, ends */
    TRY(context_synchronize);           /* the stream of the kernel waits for no other */
    p->arena = address(far);
    p->arena_bytes = g->view.at.total;
    p->near = address(near);
    p->memory = address(own);
    p->sweeps = address(flags);
    p->stop = p->sweeps + geo->slots + 1;
    return 0;
}

static uint32_t device_types(const struct tw_program *p)
{
    uint32_t n = 0;

    while (n < p->count && !(p->types[n].flags & TW_TYPE_HOST))
        n++;
    return n;
}

static int launch(struct gpu *g, struct reason *why)
{
    void *params[] = { &g->params };

    g->params.types = device_types(g->program);
    g->params.program = resident_program(g->program, g->params.types);
    TRY(stream_new, &g->stream, CUDA_STREAM_NON_BLOCKING);
    TRY(launch_cooperative, g->kernel, g->view.geo.slots + 1, 1, 1, g->threads, 1, 1, 0, g->stream, params);
    return 0;
}

static int begin(struct gpu *g, struct reason *why)
{
    cuda_context context;
    int rc;

    if ((rc = cuda_open(&g->api, why)) != 0 || (rc = find_device(g, why)) != 0 || (rc = check_device(g, why)) != 0)
        return rc;
    TRY(context_retain, &context, g->device);
    TRY(context_set, context);
    if ((rc = load_kernel(g, why)) != 0 || (rc = check_room(g, why)) != 0 || (rc = give_memory(g, why)) != 0)
        return rc;
    return launch(g, why);
}

/* ---- watching ---- */

struct watch {
    uint64_t now_ns, asked_ns, busy_ns; /* the loop's clock; the driver was asked; something happened */
    uint64_t tail;                      /* of the up ring, as the rank was told */
    bool runs;                          /* the kernel; the rank was told */
    uint64_t beat, beats, still_ns;     /* block 0's, as last seen; how often it moved; how long it has not */
    uint64_t longest_ns;
};

static uint64_t clock_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Its last words, for people; the rank has the status.  No destructor, no call of the driver. */
_Noreturn static void die(struct gpu *g, int status, const char *text)
{
    snprintf(g->view.header->text, sizeof g->view.header->text, "%s", text);
    worker_wake_rank();
    _exit(status);
}

_Noreturn static void refuse_program(struct gpu *g)
{
    struct reason why;

    reason_set(&why, TW_EPROTO, "CUDA: the device code is not of the same program as the host's: build both with one "
               "`treewarden cc --cuda`");
    _exit(worker_refuse(g->view.header, &why));
}

/* The kernel has ended, or the device says why it will not go on. */
static void ask_driver(struct gpu *g)
{
    cuda_result code = g->api.stream_query(g->stream);
    char text[160];

    if (code == CUDA_RESULT_ERROR_NOT_READY)
        return;
    if (code == CUDA_RESULT_SUCCESS && load_acquire(&g->view.header->quit, SCOPE_SYSTEM))
        _exit(0);
    if (code == CUDA_RESULT_SUCCESS && load_acquire(&g->view.header->kernel, SCOPE_SYSTEM) == 2)
        refuse_program(g);
    snprintf(text, sizeof text, "CUDA: %s%s (%u)", code == CUDA_RESULT_SUCCESS ? "the kernel has returned: " : "",
             cuda_error_name(&g->api, code), code);
    die(g, cuda_fault_of(code) == CUDA_FAULT_DEVICE ? WORKER_DEVICE_LOST : WORKER_BROKE, text);
}

static void await_kernel(struct gpu *g, struct watch *w)
{
    if (load_acquire(&g->view.header->kernel, SCOPE_SYSTEM) != 1)
        return;                         /* 2: it returns, which ask_driver sees */
    w->runs = true;
    store_release(&g->view.header->boot, 1, SCOPE_SYSTEM);
    worker_wake_rank();
}

static void pass_rings_on(struct gpu *g, struct watch *w)
{
    uint64_t tail = load_acquire(&arena_up(&g->view)->tail, SCOPE_SYSTEM);

    if (tail == w->tail)
        return;
    w->tail = tail;
    w->busy_ns = w->now_ns;
    worker_wake_rank();
}

/* Only time in which this loop ran is counted: who stops us - a debugger, another job's time slice - need not have
 * stopped the device, and the other way round.  How long block 0 stands still while all is well depends on the device
 * and on who shares it, so that is learned. */
static void watch_block0(struct gpu *g, struct watch *w, uint64_t gone_ns)
{
    uint64_t beat = load_relaxed(&g->view.header->beat), limit = w->longest_ns * 8;

    if (beat != w->beat) {
        w->beat = beat;
        w->beats++;
        w->longest_ns = w->still_ns > w->longest_ns ? w->still_ns : w->longest_ns;
        w->still_ns = 0;
        return;
    }
    w->still_ns += gone_ns < OWN_GAP_NS ? gone_ns : 0;
    if (w->beats < LEARN_BEATS || limit > SILENT_MOST_NS)
        limit = SILENT_MOST_NS;
    if (w->still_ns > (limit < g->still_ns ? g->still_ns : limit))
        die(g, WORKER_BROKE, "CUDA: block 0 of the resident kernel stands still");
}

static void nap(const struct watch *w)
{
    uint64_t idle = w->now_ns - w->busy_ns;
    struct timespec ts = { 0, idle > SHORT_NAPS_NS ? LONG_NAP_NS : NAP_NS };

    if (idle > SPIN_NS)
        nanosleep(&ts, NULL);
}

/* The driver is asked while the kernel boots, too: without that nothing promises that a launch ever begins. */
_Noreturn static void watch(struct gpu *g)
{
    struct watch w = { .now_ns = clock_ns() };

    for (;;) {
        uint64_t now = clock_ns(), gone = now - w.now_ns;

        w.now_ns = now;
        if (now - w.asked_ns >= QUERY_NS) {
            w.asked_ns = now;
            ask_driver(g);
        }
        pass_rings_on(g, &w);
        if (w.runs)
            watch_block0(g, &w, gone);
        else
            await_kernel(g, &w);
        nap(&w);
    }
}

/* For who shares the GPU with other jobs, and for blocks that are threads of a busy host. */
static uint64_t still_ns(void)
{
    const char *text = getenv("TREEWARDEN_GPU_STILL_MS");
    int ms = text ? atoi(text) : 0;

    return (uint64_t)(ms > 0 ? (unsigned)ms : SILENT_LEAST_MS) * 1000000u;
}

int cuda_worker_main(const struct worker_args *args)
{
    static struct gpu g;
    struct reason why = { "" };
    int rc = worker_begin(args, &g.view, &why);

    if (rc == TW_EPEER)
        return 0;
    g.args = args;
    g.still_ns = still_ns();
    if (rc != 0 || program_open(args->program, WORKER_PROGRAM_FD, &g.program, &why) != 0 || begin(&g, &why) != 0)
        _exit(worker_refuse(g.view.header, &why));
    watch(&g);
}
