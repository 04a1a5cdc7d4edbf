/* blocks.h - what the CUDA compiler knows of itself, for g++: device code as threads of the host
 *
 * Included before an actor program and kernels/resident.cuh (blocks.cc).  A block is so many real threads with a real
 * barrier, so that a sanitizer and a debugger see what a GPU hides; its shared memory hangs on a thread-local pointer.
 */
#ifndef TW_TESTS_BLOCKS_H
#define TW_TESTS_BLOCKS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define TW_BLOCKS 1
#define __CUDACC__ 1
#define __host__
#define __device__
#define __global__ __attribute__((visibility("default")))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)

struct blocks_index { unsigned x; };

/* Of the thread that runs: set by the driver (fake_launch.c) through blocks_enter. */
extern thread_local struct blocks_index threadIdx, blockIdx, blockDim;
extern thread_local void *blocks_shared;

/* What a thread asks of the driver. */
struct blocks_driver {
    void (*barrier)(void);
    void (*nap)(unsigned ns);
    uint64_t (*clock_ns)(void);
};
extern thread_local const struct blocks_driver *blocks_driver;

static inline void __syncthreads(void) { blocks_driver->barrier(); }
static inline void __nanosleep(unsigned ns) { blocks_driver->nap(ns); }
static inline unsigned long long atomicAdd(unsigned long long *p, unsigned long long n)
{
    return __atomic_fetch_add(p, n, __ATOMIC_RELAXED);
}
static inline uint32_t atomicCAS(uint32_t *p, uint32_t is, uint32_t becomes)
{
    return __sync_val_compare_and_swap(p, is, becomes);
}

#endif
