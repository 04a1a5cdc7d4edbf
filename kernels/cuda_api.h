/* cuda_api.h - the part of NVIDIA's driver interface that we use, declared by ourselves
 *
 * Building needs no CUDA toolkit, and a program that runs where there is no driver must not be linked with it: the
 * driver is opened at run time (cuda_driver.h), each call resolved through cuGetProcAddress for the version given here.
 * Source of every name, number and prototype: cuda.h of the CUDA Toolkit 13.0.  Where that header is at hand
 * tests/unit/cuda_api holds ours against it.
 */
#ifndef TW_KERNELS_CUDA_API_H
#define TW_KERNELS_CUDA_API_H

#include <stddef.h>

#ifndef TW_CUDA_TYPES           /* the test has those of cuda.h in their place */
typedef unsigned cuda_result;   /* CUresult */
typedef unsigned cuda_attribute_no;
typedef int cuda_device;        /* CUdevice: an ordinal among the visible ones */
typedef struct { char bytes[16]; } cuda_uuid;
typedef struct cuda_ctx_ *cuda_context;
typedef struct cuda_mod_ *cuda_module;
typedef struct cuda_func_ *cuda_function;
typedef struct cuda_stream_ *cuda_stream;
typedef unsigned cuda_function_attribute;
typedef unsigned long long cuda_address;        /* CUdeviceptr */
#endif

/* What a result is the end of: nothing; one call; the process, since it sticks ("the process must be terminated and
 * relaunched"); or the device as well. */
enum cuda_fault { CUDA_FAULT_NONE, CUDA_FAULT_CALL, CUDA_FAULT_WORKER, CUDA_FAULT_DEVICE };

/*    result                              no   fault       all of the driver's: tests/unit/cuda_api */
#define CUDA_RESULT_LIST(X)                                       \
    X(SUCCESS,                               0, NONE)              \
    X(ERROR_INVALID_VALUE,                   1, CALL)              \
    X(ERROR_OUT_OF_MEMORY,                   2, CALL)              \
    X(ERROR_NOT_INITIALIZED,                 3, CALL)              \
    X(ERROR_DEINITIALIZED,                   4, WORKER)            \
    X(ERROR_PROFILER_DISABLED,               5, CALL)              \
    X(ERROR_PROFILER_NOT_INITIALIZED,        6, CALL)              \
    X(ERROR_PROFILER_ALREADY_STARTED,        7, CALL)              \
    X(ERROR_PROFILER_ALREADY_STOPPED,        8, CALL)              \
    X(ERROR_STUB_LIBRARY,                   34, CALL)              \
    X(ERROR_CALL_REQUIRES_NEWER_DRIVER,     36, CALL)              \
    X(ERROR_DEVICE_UNAVAILABLE,             46, DEVICE)            \
    X(ERROR_NO_DEVICE,                     100, DEVICE)            \
    X(ERROR_INVALID_DEVICE,                101, DEVICE)            \
    X(ERROR_DEVICE_NOT_LICENSED,           102, DEVICE)            \
    X(ERROR_INVALID_IMAGE,                 200, CALL)              \
    X(ERROR_INVALID_CONTEXT,               201, CALL)              \
    X(ERROR_CONTEXT_ALREADY_CURRENT,       202, CALL)              \
    X(ERROR_MAP_FAILED,                    205, CALL)              \
    X(ERROR_UNMAP_FAILED,                  206, CALL)              \
    X(ERROR_ARRAY_IS_MAPPED,               207, CALL)              \
    X(ERROR_ALREADY_MAPPED,                208, CALL)              \
    X(ERROR_NO_BINARY_FOR_GPU,             209, CALL)              \
    X(ERROR_ALREADY_ACQUIRED,              210, CALL)              \
    X(ERROR_NOT_MAPPED,                    211, CALL)              \
    X(ERROR_NOT_MAPPED_AS_ARRAY,           212, CALL)              \
    X(ERROR_NOT_MAPPED_AS_POINTER,         213, CALL)              \
    X(ERROR_ECC_UNCORRECTABLE,             214, DEVICE)            \
    X(ERROR_UNSUPPORTED_LIMIT,             215, CALL)              \
    X(ERROR_CONTEXT_ALREADY_IN_USE,        216, CALL)              \
    X(ERROR_PEER_ACCESS_UNSUPPORTED,       217, CALL)              \
    X(ERROR_INVALID_PTX,                   218, CALL)              \
    X(ERROR_INVALID_GRAPHICS_CONTEXT,      219, CALL)              \
    X(ERROR_NVLINK_UNCORRECTABLE,          220, DEVICE)            \
    X(ERROR_JIT_COMPILER_NOT_FOUND,        221, CALL)              \
    X(ERROR_UNSUPPORTED_PTX_VERSION,       222, CALL)              \
    X(ERROR_JIT_COMPILATION_DISABLED,      223, CALL)              \
    X(ERROR_UNSUPPORTED_EXEC_AFFINITY,     224, CALL)              \
    X(ERROR_UNSUPPORTED_DEVSIDE_SYNC,      225, CALL)              \
    X(ERROR_CONTAINED,                     226, WORKER)            \
    X(ERROR_INVALID_SOURCE,                300, CALL)              \
    X(ERROR_FILE_NOT_FOUND,                301, CALL)              \
    X(ERROR_SHARED_OBJECT_SYMBOL_NOT_FOUND,302, CALL)              \
    X(ERROR_SHARED_OBJECT_INIT_FAILED,     303, CALL)              \
    X(ERROR_OPERATING_SYSTEM,              304, CALL)              \
    X(ERROR_INVALID_HANDLE,                400, CALL)              \
    X(ERROR_ILLEGAL_STATE,                 401, CALL)              \
    X(ERROR_LOSSY_QUERY,                   402, CALL)              \
    X(ERROR_NOT_FOUND,                     500, CALL)              \
    X(ERROR_NOT_READY,                     600, NONE)              \
    X(ERROR_ILLEGAL_ADDRESS,               700, WORKER)            \
    X(ERROR_LAUNCH_OUT_OF_RESOURCES,       701, CALL)              \
    X(ERROR_LAUNCH_TIMEOUT,                702, WORKER)            \
    X(ERROR_LAUNCH_INCOMPATIBLE_TEXTURING, 703, CALL)              \
    X(ERROR_PEER_ACCESS_ALREADY_ENABLED,   704, CALL)              \
    X(ERROR_PEER_ACCESS_NOT_ENABLED,       705, CALL)              \
    X(ERROR_PRIMARY_CONTEXT_ACTIVE,        708, CALL)              \
    X(ERROR_CONTEXT_IS_DESTROYED,          709, WORKER)            \
    X(ERROR_ASSERT,                        710, WORKER)            \
    X(ERROR_TOO_MANY_PEERS,                711, CALL)              \
    X(ERROR_HOST_MEMORY_ALREADY_REGISTERED,712, CALL)              \
    X(ERROR_HOST_MEMORY_NOT_REGISTERED,    713, CALL)              \
    X(ERROR_HARDWARE_STACK_ERROR,          714, WORKER)            \
    X(ERROR_ILLEGAL_INSTRUCTION,           715, WORKER)            \
    X(ERROR_MISALIGNED_ADDRESS,            716, WORKER)            \
    X(ERROR_INVALID_ADDRESS_SPACE,         717, WORKER)            \
    X(ERROR_INVALID_PC,                    718, WORKER)            \
    X(ERROR_LAUNCH_FAILED,                 719, WORKER)            \
    X(ERROR_COOPERATIVE_LAUNCH_TOO_LARGE,  720, CALL)              \
    X(ERROR_TENSOR_MEMORY_LEAK,            721, WORKER)            \
    X(ERROR_NOT_PERMITTED,                 800, CALL)              \
    X(ERROR_NOT_SUPPORTED,                 801, CALL)              \
    X(ERROR_SYSTEM_NOT_READY,              802, DEVICE)            \
    X(ERROR_SYSTEM_DRIVER_MISMATCH,        803, CALL)              \
    X(ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE,804, CALL)              \
    X(ERROR_MPS_CONNECTION_FAILED,         805, WORKER)            \
    X(ERROR_MPS_RPC_FAILURE,               806, WORKER)            \
    X(ERROR_MPS_SERVER_NOT_READY,          807, WORKER)            \
    X(ERROR_MPS_MAX_CLIENTS_REACHED,       808, CALL)              \
    X(ERROR_MPS_MAX_CONNECTIONS_REACHED,   809, CALL)              \
    X(ERROR_MPS_CLIENT_TERMINATED,         810, WORKER)            \
    X(ERROR_CDP_NOT_SUPPORTED,             811, CALL)              \
    X(ERROR_CDP_VERSION_MISMATCH,          812, CALL)              \
    X(ERROR_STREAM_CAPTURE_UNSUPPORTED,    900, CALL)              \
    X(ERROR_STREAM_CAPTURE_INVALIDATED,    901, CALL)              \
    X(ERROR_STREAM_CAPTURE_MERGE,          902, CALL)              \
    X(ERROR_STREAM_CAPTURE_UNMATCHED,      903, CALL)              \
    X(ERROR_STREAM_CAPTURE_UNJOINED,       904, CALL)              \
    X(ERROR_STREAM_CAPTURE_ISOLATION,      905, CALL)              \
    X(ERROR_STREAM_CAPTURE_IMPLICIT,       906, CALL)              \
    X(ERROR_CAPTURED_EVENT,                907, CALL)              \
    X(ERROR_STREAM_CAPTURE_WRONG_THREAD,   908, CALL)              \
    X(ERROR_TIMEOUT,                       909, CALL)              \
    X(ERROR_GRAPH_EXEC_UPDATE_FAILURE,     910, CALL)              \
    X(ERROR_EXTERNAL_DEVICE,               911, DEVICE)            \
    X(ERROR_INVALID_CLUSTER_SIZE,          912, CALL)              \
    X(ERROR_FUNCTION_NOT_LOADED,           913, CALL)              \
    X(ERROR_INVALID_RESOURCE_TYPE,         914, CALL)              \
    X(ERROR_INVALID_RESOURCE_CONFIGURATION,915, CALL)              \
    X(ERROR_KEY_ROTATION,                  916, CALL)              \
    X(ERROR_UNKNOWN,                       999, WORKER)
enum cuda_result_no {
#define X(name, no, fault) CUDA_RESULT_##name = (no),
    CUDA_RESULT_LIST(X)
#undef X
};

/*    attribute                    no      what it decides                                           */
#define CUDA_ATTRIBUTE_LIST(X)                                                                       \
    X(MULTIPROCESSOR_COUNT,        16)  /* resident blocks at a time */                              \
    X(KERNEL_EXEC_TIMEOUT,         17)  /* a display's watchdog ends kernels: none may be resident */ \
    X(COMPUTE_MODE,                20)  /* enum cuda_compute_mode */                                 \
    X(ECC_ENABLED,                 32)                                                               \
    X(COMPUTE_CAPABILITY_MAJOR,    75)                                                               \
    X(COMPUTE_CAPABILITY_MINOR,    76)                                                               \
    X(COOPERATIVE_LAUNCH,          95)  /* all blocks of a grid make progress */                     \
    X(HOST_REGISTER_SUPPORTED,     99)  /* the arena can be mapped */                                \
    X(MPS_ENABLED,                133)  /* contexts are shared: one client's fault ends all */       \
    X(HOST_NUMA_ID,               134)  /* -1: the system does not say */
enum cuda_attribute {
#define X(name, no) CUDA_ATTRIBUTE_##name = (no),
    CUDA_ATTRIBUTE_LIST(X)
#undef X
};

/*    mode              no                                                                           */
#define CUDA_COMPUTE_MODE_LIST(X)                                                                    \
    X(DEFAULT,           0)                                                                          \
    X(PROHIBITED,        2)             /* no context at all */                                      \
    X(EXCLUSIVE_PROCESS, 3)             /* one process: a standby worker cannot be there beside it */
enum cuda_compute_mode {
#define X(name, no) CUDA_COMPUTEMODE_##name = (no),
    CUDA_COMPUTE_MODE_LIST(X)
#undef X
};

/* Flags of calls below, and the one attribute of a function that is asked for. */
#define CUDA_FLAG_LIST(X)                                                                            \
    X(HOST_REGISTER_PORTABLE,  CU_MEMHOSTREGISTER_PORTABLE,  1)                                      \
    X(HOST_REGISTER_DEVICEMAP, CU_MEMHOSTREGISTER_DEVICEMAP, 2)                                      \
    X(STREAM_NON_BLOCKING,     CU_STREAM_NON_BLOCKING,       1)                                      \
    X(FUNCTION_ATTRIBUTE_MAX_THREADS_PER_BLOCK, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK, 0)
enum cuda_flag {
#define X(name, theirs, no) CUDA_##name = (no),
    CUDA_FLAG_LIST(X)
#undef X
};

/*    call               symbol                 since   arguments                                    */
#define CUDA_CALL_LIST(X)                                                                            \
    X(init,              cuInit,                2000, (unsigned flags))                              \
    X(driver_version,    cuDriverGetVersion,    2020, (int *ret_version))                            \
    X(error_name,        cuGetErrorName,        6000, (cuda_result code, const char **ret_name))     \
    X(device_count,      cuDeviceGetCount,      2000, (int *ret_count))                              \
    X(device_get,        cuDeviceGet,           2000, (cuda_device *ret, int ordinal))               \
    X(device_name,       cuDeviceGetName,       2000, (char *ret, int room, cuda_device device))     \
    X(device_uuid,       cuDeviceGetUuid,      11040, (cuda_uuid *ret, cuda_device device))          \
    X(device_attribute,  cuDeviceGetAttribute,  2000, (int *ret, cuda_attribute_no attribute, cuda_device device)) \
    X(device_memory,     cuDeviceTotalMem,      3020, (size_t *ret_bytes, cuda_device device))       \
    X(device_pci,        cuDeviceGetPCIBusId,   4010, (char *ret, int room, cuda_device device))     \
    X(context_retain,    cuDevicePrimaryCtxRetain, 7000, (cuda_context *ret, cuda_device device))    \
    X(context_set,       cuCtxSetCurrent,       4000, (cuda_context context))                        \
    X(context_synchronize, cuCtxSynchronize,    2000, (void))                                        \
    X(module_load,       cuModuleLoadData,      2000, (cuda_module *ret, const void *image))         \
    X(module_function,   cuModuleGetFunction,   2000, (cuda_function *ret, cuda_module module, const char *name)) \
    X(function_attribute, cuFuncGetAttribute,   2020, (int *ret, cuda_function_attribute no, cuda_function f)) \
    X(occupancy,         cuOccupancyMaxActiveBlocksPerMultiprocessor, 6050,                          \
                         (int *ret_blocks, cuda_function f, int threads, size_t shared_bytes))       \
    X(host_register,     cuMemHostRegister,     6050, (void *memory, size_t bytes, unsigned flags))  \
    X(host_address,      cuMemHostGetDevicePointer, 3020, (cuda_address *ret, void *memory, unsigned flags)) \
    X(memory_new,        cuMemAlloc,            3020, (cuda_address *ret, size_t bytes))             \
    X(memory_set,        cuMemsetD8,            3020, (cuda_address to, unsigned char value, size_t bytes)) \
    X(memory_upload,     cuMemcpyHtoD,          3020, (cuda_address to, const void *from, size_t bytes)) \
    X(stream_new,        cuStreamCreate,        2000, (cuda_stream *ret, unsigned flags))            \
    X(stream_query,      cuStreamQuery,         2000, (cuda_stream stream))                          \
    X(launch_cooperative, cuLaunchCooperativeKernel, 9000,                                           \
                         (cuda_function f, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x, \
                          unsigned block_y, unsigned block_z, unsigned shared_bytes, cuda_stream stream, void **params))

struct cuda_api {
#define X(call, symbol, since, arguments) cuda_result (*call) arguments;
    CUDA_CALL_LIST(X)
#undef X
};

/* What resolves them: cuGetProcAddress_v2, the one symbol that is looked up by name. */
typedef cuda_result cuda_get_proc(const char *symbol, void **ret, int version, unsigned long long flags,
                                  void *ret_status);

#endif
