/* fake.h - what the two halves of the fake driver share */
#ifndef TW_TESTS_FAKE_CUDA_H
#define TW_TESTS_FAKE_CUDA_H

#include "kernels/cuda_api.h"

/* The value of NAME in FAKE_CUDA, NULL if it is not there; good until the next call.  As a number. */
const char *fake_word(const char *name);
int fake_number(const char *name, int otherwise);

/* fake_launch.c */
cuda_result fake_context_retain(cuda_context *ret, cuda_device device);
cuda_result fake_context_set(cuda_context context);
cuda_result fake_context_synchronize(void);
cuda_result fake_module_load(cuda_module *ret, const void *image);
cuda_result fake_module_function(cuda_function *ret, cuda_module module, const char *name);
cuda_result fake_function_attribute(int *ret, cuda_function_attribute no, cuda_function f);
cuda_result fake_occupancy(int *ret, cuda_function f, int threads, size_t shared_bytes);
cuda_result fake_host_register(void *memory, size_t bytes, unsigned flags);
cuda_result fake_host_address(cuda_address *ret, void *memory, unsigned flags);
cuda_result fake_memory_new(cuda_address *ret, size_t bytes);
cuda_result fake_memory_set(cuda_address to, unsigned char value, size_t bytes);
cuda_result fake_memory_upload(cuda_address to, const void *from, size_t bytes);
cuda_result fake_stream_new(cuda_stream *ret, unsigned flags);
cuda_result fake_stream_query(cuda_stream stream);
cuda_result fake_launch_cooperative(cuda_function f, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                                    unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared_bytes,
                                    cuda_stream stream, void **params);

#endif
