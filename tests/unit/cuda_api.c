/* cuda_api.c - our declarations of the driver's interface are those of cuda.h */
#ifdef TW_HAVE_CUDA_H
#include <cuda.h>

#define TW_CUDA_TYPES
typedef CUresult cuda_result;
typedef CUdevice_attribute cuda_attribute_no;
typedef CUdevice cuda_device;
typedef CUuuid cuda_uuid;
typedef CUcontext cuda_context;
typedef CUmodule cuda_module;
typedef CUfunction cuda_function;
typedef CUstream cuda_stream;
typedef CUfunction_attribute cuda_function_attribute;
typedef CUdeviceptr cuda_address;
#endif

#include "kernels/cuda_api.h"
#include "tests/lib/tap.h"

int main(void)
{
#ifdef TW_HAVE_CUDA_H
    struct cuda_api api;

#define X(name, no, fault) is_int((int)CUDA_##name, (int)CUDA_RESULT_##name, "result CUDA_" #name);
    CUDA_RESULT_LIST(X)
#undef X
#define X(name, no) is_int((int)CU_DEVICE_ATTRIBUTE_##name, (int)CUDA_ATTRIBUTE_##name, "attribute " #name);
    CUDA_ATTRIBUTE_LIST(X)
#undef X
#define X(name, no) is_int((int)CU_COMPUTEMODE_##name, (int)CUDA_COMPUTEMODE_##name, "compute mode " #name);
    CUDA_COMPUTE_MODE_LIST(X)
#undef X
#define X(name, theirs, no) is_int((int)theirs, (int)CUDA_##name, "flag " #theirs);
    CUDA_FLAG_LIST(X)
#undef X
#define X(call, symbol, since, arguments)                                                            \
    ok(__builtin_types_compatible_p(__typeof__(&symbol), __typeof__(api.call)), #symbol " is called with what it takes");
    CUDA_CALL_LIST(X)
#undef X
    ok(sizeof(cuda_uuid) == 16, "a UUID is 16 bytes");
#else
    skip_all("no CUDA toolkit, so no cuda.h to be held against");
#endif
    done_testing();
}
