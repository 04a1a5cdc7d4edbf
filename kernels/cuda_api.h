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
#endif

/*    result                       no                                                                */
#define CUDA_RESULT_LIST(X)                                                                          \
    X(SUCCESS,                      0)                                                               \
    X(ERROR_NOT_INITIALIZED,        3)                                                               \
    X(ERROR_STUB_LIBRARY,          34)  /* the toolkit's libcuda.so, which is there to link with */  \
    X(ERROR_DEVICE_UNAVAILABLE,    46)  /* exclusive mode, and somebody has it */                    \
    X(ERROR_NO_DEVICE,            100)                                                               \
    X(ERROR_INVALID_DEVICE,       101)                                                               \
    X(ERROR_SYSTEM_NOT_READY,     802)                                                               \
    X(ERROR_SYSTEM_DRIVER_MISMATCH, 803)                                                             \
    X(ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE, 804)
enum cuda_result_no {
#define X(name, no) CUDA_RESULT_##name = (no),
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
    X(device_pci,        cuDeviceGetPCIBusId,   4010, (char *ret, int room, cuda_device device))

struct cuda_api {
#define X(call, symbol, since, arguments) cuda_result (*call) arguments;
    CUDA_CALL_LIST(X)
#undef X
};

/* What resolves them: cuGetProcAddress_v2, the one symbol that is looked up by name. */
typedef cuda_result cuda_get_proc(const char *symbol, void **ret, int version, unsigned long long flags,
                                  void *ret_status);

#endif
