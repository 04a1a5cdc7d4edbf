/* blocks.cc - an actor program's device code for the fake driver: PROGRAM, and the resident kernel behind it
 *
 * What `treewarden cc --cuda` has nvcc compile for a GPU, compiled by g++.  The result is the "fatbin" of the tests.
 */
#include "tests/fake-cuda/blocks.h"

#include PROGRAM

#include "kernels/resident.cuh"

thread_local struct blocks_index threadIdx, blockIdx, blockDim;
thread_local void *blocks_shared;
thread_local const struct blocks_driver *blocks_driver;

extern "C" {
__attribute__((visibility("default"))) extern const unsigned blocks_threads = TW_THREADS;
__attribute__((visibility("default"))) extern const size_t blocks_shared_bytes = sizeof(struct resident_block);
__attribute__((visibility("default"))) extern const size_t blocks_params_bytes = sizeof(struct resident_params);

/* One thread of one block, from the kernel's first instruction to its last. */
__attribute__((visibility("default")))
void blocks_enter(const struct blocks_driver *driver, void **params, void *shared, unsigned number, unsigned thread)
{
    blocks_driver = driver;
    blocks_shared = shared;
    threadIdx.x = thread;
    blockIdx.x = number;
    blockDim.x = TW_THREADS;
    tw_resident(*(const struct resident_params *)params[0]);
}
}
