/* fake_launch.c - the half of the fake driver that runs something: a grid is so many threads of this process
 *
 * Its device code is a shared object made from blocks.cc.  A thread that faults takes the whole context along, as on a
 * GPU: the code sticks, no block goes on, and the process is left to find out by asking.
 */
#include <dlfcn.h>
#include <elf.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "tests/fake-cuda/fake.h"

#define NAP_TIMES 100u                  /* a host's thread does not wake up within nanoseconds */
#define NAP_MOST_NS 1000000u
#define BLOCKS_NICE 5

struct driver { void (*barrier)(void); void (*nap)(unsigned ns); uint64_t (*clock_ns)(void); };
typedef void enter(const struct driver *d, void **params, void *shared, unsigned block, unsigned thread);

struct block_of_threads { pthread_barrier_t barrier; void *shared; };
struct thread_of_block { struct block_of_threads *block; unsigned number, index; pthread_t thread; };

static struct cuda_mod_ { void *handle; enter *enter; unsigned threads; size_t shared_bytes, params_bytes; } module;
static struct cuda_ctx_ { int made; } context;
static struct cuda_stream_ { unsigned running; cuda_result code; } stream;     /* both atomic */
static char params[1024];               /* of the launch: the kernel's own copy */
static _Thread_local struct thread_of_block *me;
static _Thread_local unsigned naps, turns;

/* -- a fault of the device ------------------------------------------------------------------------ */

static void stand_still(void)
{
    for (;;)
        pause();
}

static void stop_if_broken(void)
{
    if (__atomic_load_n(&stream.code, __ATOMIC_ACQUIRE))
        stand_still();
}

static void break_device(cuda_result code) { __atomic_store_n(&stream.code, code, __ATOMIC_RELEASE); }

static void on_signal(int sig)
{
    if (!me) {
        signal(sig, SIG_DFL);           /* not a block's: the process's own */
        raise(sig);
        return;
    }
    break_device(sig == SIGILL ? CUDA_RESULT_ERROR_ILLEGAL_INSTRUCTION : CUDA_RESULT_ERROR_ILLEGAL_ADDRESS);
    stand_still();
}

/* -- what a thread of a block asks for ------------------------------------------------------------- */

static void barrier(void)
{
    stop_if_broken();
    pthread_barrier_wait(&me->block->barrier);
    stop_if_broken();
}

static void nap(unsigned ns)
{
    struct timespec ts = {0, 0};

    stop_if_broken();
    if (me->number == 0 && ++turns == (unsigned)fake_number("still", 0))
        stand_still();
    naps = ns < 1000 ? 0 : naps < 16 ? naps + 1 : naps;
    ts.tv_nsec = (long)ns * NAP_TIMES << (naps < 4 ? naps : 4);
    if (ts.tv_nsec > (long)NAP_MOST_NS)
        ts.tv_nsec = NAP_MOST_NS;
    nanosleep(&ts, NULL);
}

static uint64_t clock_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void *run(void *arg)
{
    static const struct driver driver = {barrier, nap, clock_ns};
    void *list[] = {params};

    me = arg;
    if (me->number != 0)                /* block 0 judges the others: it comes first, as a host's slot 0 does */
        setpriority(PRIO_PROCESS, (id_t)gettid(), BLOCKS_NICE);
    module.enter(&driver, list, me->block->shared, me->number, me->index);
    __atomic_fetch_sub(&stream.running, 1u, __ATOMIC_ACQ_REL);
    return NULL;
}

/* -- the calls ------------------------------------------------------------------------------------- */

cuda_result fake_context_retain(cuda_context *ret, cuda_device device)
{
    (void)device;
    context.made = 1;
    *ret = &context;
    return CUDA_RESULT_SUCCESS;
}

cuda_result fake_context_set(cuda_context c)
{
    return c == &context ? CUDA_RESULT_SUCCESS : CUDA_RESULT_ERROR_INVALID_CONTEXT;
}

cuda_result fake_context_synchronize(void) { return CUDA_RESULT_SUCCESS; }

/* The section headers are the last thing of what a linker writes. */
static size_t bytes_of(const Elf64_Ehdr *h) { return h->e_shoff + (size_t)h->e_shnum * h->e_shentsize; }

static void *find(const char *name) { return dlsym(module.handle, name); }

cuda_result fake_module_load(cuda_module *ret, const void *image)
{
    int fd = memfd_create("device code", 0);
    char path[32];
    void *symbol;

    if (memcmp(image, ELFMAG, SELFMAG) != 0)
        return CUDA_RESULT_ERROR_NO_BINARY_FOR_GPU;
    if (fd < 0 || write(fd, image, bytes_of(image)) != (ssize_t)bytes_of(image))
        return CUDA_RESULT_ERROR_OUT_OF_MEMORY;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    module.handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    symbol = module.handle ? find("blocks_enter") : NULL;
    if (!symbol || !find("blocks_threads") || !find("blocks_shared_bytes") || !find("blocks_params_bytes"))
        return CUDA_RESULT_ERROR_INVALID_IMAGE;
    memcpy(&module.enter, &symbol, sizeof module.enter);
    module.threads = *(const unsigned *)find("blocks_threads");
    module.shared_bytes = *(const size_t *)find("blocks_shared_bytes");
    module.params_bytes = *(const size_t *)find("blocks_params_bytes");
    *ret = &module;
    return CUDA_RESULT_SUCCESS;
}

cuda_result fake_module_function(cuda_function *ret, cuda_module m, const char *name)
{
    if (m != &module || !find(name))
        return CUDA_RESULT_ERROR_NOT_FOUND;
    *ret = (cuda_function)find(name);
    return CUDA_RESULT_SUCCESS;
}

cuda_result fake_function_attribute(int *ret, cuda_function_attribute no, cuda_function f)
{
    (void)f;
    *ret = no == CUDA_FUNCTION_ATTRIBUTE_MAX_THREADS_PER_BLOCK ? (int)module.threads : 0;
    return CUDA_RESULT_SUCCESS;
}

cuda_result fake_occupancy(int *ret, cuda_function f, int threads, size_t shared_bytes)
{
    (void)f;
    (void)threads;
    (void)shared_bytes;
    *ret = fake_number("occupancy", 3);
    return CUDA_RESULT_SUCCESS;
}

cuda_result fake_host_register(void *memory, size_t bytes, unsigned flags)
{
    return memory && bytes && flags == (CUDA_HOST_REGISTER_PORTABLE | CUDA_HOST_REGISTER_DEVICEMAP)
               ? CUDA_RESULT_SUCCESS : CUDA_RESULT_ERROR_INVALID_VALUE;
}

cuda_result fake_host_address(cuda_address *ret, void *memory, unsigned flags)
{
    *ret = (uintptr_t)memory;
    return flags ? CUDA_RESULT_ERROR_INVALID_VALUE : CUDA_RESULT_SUCCESS;
}

cuda_result fake_memory_new(cuda_address *ret, size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    *ret = (uintptr_t)memory;
    return memory == MAP_FAILED ? CUDA_RESULT_ERROR_OUT_OF_MEMORY : CUDA_RESULT_SUCCESS;
}

cuda_result fake_memory_set(cuda_address to, unsigned char value, size_t bytes)
{
    memset((void *)(uintptr_t)to, value, bytes);
    return CUDA_RESULT_SUCCESS;
}

cuda_result fake_memory_upload(cuda_address to, const void *from, size_t bytes)
{
    memcpy((void *)(uintptr_t)to, from, bytes);
    return CUDA_RESULT_SUCCESS;
}

cuda_result fake_stream_new(cuda_stream *ret, unsigned flags)
{
    *ret = &stream;
    return flags == CUDA_STREAM_NON_BLOCKING ? CUDA_RESULT_SUCCESS : CUDA_RESULT_ERROR_INVALID_VALUE;
}

cuda_result fake_stream_query(cuda_stream s)
{
    if (s != &stream)
        return CUDA_RESULT_ERROR_INVALID_HANDLE;
    if (__atomic_load_n(&stream.code, __ATOMIC_ACQUIRE))
        return stream.code;             /* it sticks */
    return __atomic_load_n(&stream.running, __ATOMIC_ACQUIRE) ? CUDA_RESULT_ERROR_NOT_READY : CUDA_RESULT_SUCCESS;
}

static cuda_result start_block(struct thread_of_block *threads, unsigned number, unsigned count)
{
    struct block_of_threads *b = calloc(1, sizeof *b);

    if (!b || !(b->shared = calloc(1, module.shared_bytes)) || pthread_barrier_init(&b->barrier, NULL, count) != 0)
        return CUDA_RESULT_ERROR_OUT_OF_MEMORY;
    memset(b->shared, 0xb5, module.shared_bytes);       /* as it is found on a GPU: anything */
    for (unsigned i = 0; i < count; i++) {
        threads[i] = (struct thread_of_block){.block = b, .number = number, .index = i};
        if (pthread_create(&threads[i].thread, NULL, run, &threads[i]) != 0)
            return CUDA_RESULT_ERROR_LAUNCH_OUT_OF_RESOURCES;
        pthread_detach(threads[i].thread);
    }
    return CUDA_RESULT_SUCCESS;
}

/* More than fit at once is refused, as the driver does with a grid that is launched cooperatively. */
cuda_result fake_launch_cooperative(cuda_function f, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                                    unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared_bytes,
                                    cuda_stream s, void **arguments)
{
    struct thread_of_block *threads = calloc((size_t)grid_x * block_x, sizeof *threads);
    struct sigaction sa = {.sa_handler = on_signal};

    if (!f || grid_y * grid_z * block_y * block_z != 1 || shared_bytes || s != &stream || block_x != module.threads)
        return CUDA_RESULT_ERROR_INVALID_VALUE;
    if (!threads || grid_x > (unsigned)(fake_number("occupancy", 3) * fake_number("MULTIPROCESSOR_COUNT", 132)))
        return CUDA_RESULT_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE;
    sigaction(SIGSEGV, &sa, NULL);
    sigaction(SIGBUS, &sa, NULL);
    sigaction(SIGILL, &sa, NULL);
    memcpy(params, arguments[0], module.params_bytes);
    stream.running = grid_x * block_x;
    for (unsigned b = 0; b < grid_x; b++) {
        cuda_result rc = start_block(&threads[(size_t)b * block_x], b, block_x);

        if (rc != CUDA_RESULT_SUCCESS)
            return rc;
    }
    return CUDA_RESULT_SUCCESS;
}
