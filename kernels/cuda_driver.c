/* cuda_driver.c - libcuda.so.1, opened at run time */
#include "kernels/cuda_driver.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "shared/rc.h"

const char *cuda_error_name(const struct cuda_api *api, cuda_result code)
{
    const char *name = NULL;

    return api->error_name && api->error_name(code, &name) == CUDA_RESULT_SUCCESS && name ? name : "?";
}

bool cuda_launches_block(void)
{
    const char *text = getenv("CUDA_LAUNCH_BLOCKING");

    return text && text[0] && strcmp(text, "0") != 0;
}

enum cuda_fault cuda_fault_of(cuda_result code)
{
    switch (code) {
#define X(name, no, fault) case no: return CUDA_FAULT_##fault;
    CUDA_RESULT_LIST(X)
#undef X
    }
    return CUDA_FAULT_WORKER;
}

const char *cuda_call_name(const char *call)
{
    static const char *const names[][2] = {
#define X(call, symbol, since, arguments) {#call, #symbol},
        CUDA_CALL_LIST(X)
#undef X
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(names[i][0], call))
            return names[i][1];
    return call;
}

void cuda_uuid_text(const struct cuda_api *api, cuda_device device, char ret[CUDA_UUID_TEXT])
{
    static const char hex[] = "0123456789abcdef";
    size_t at = 4;
    cuda_uuid uuid;

    memset(ret, 0, CUDA_UUID_TEXT);
    if (api->device_uuid(&uuid, device) != CUDA_RESULT_SUCCESS)
        return;
    memcpy(ret, "GPU-", at);
    for (size_t i = 0; i < sizeof uuid.bytes; i++) {
        unsigned byte = (unsigned char)uuid.bytes[i];

        if (i == 4 || i == 6 || i == 8 || i == 10)
            ret[at++] = '-';
        ret[at++] = hex[byte >> 4];
        ret[at++] = hex[byte & 15];
    }
}

/* ISO C has no cast from void * to a function: its bytes are copied. */
static int resolve(cuda_get_proc *get, const char *symbol, int since, void *ret, size_t bytes)
{
    void *found = NULL;

    if (get(symbol, &found, since, 0, NULL) != CUDA_RESULT_SUCCESS || !found)
        return -1;
    memcpy(ret, &found, bytes);
    return 0;
}

static int resolve_all(struct cuda_api *api, void *library, struct reason *why)
{
    void *symbol = dlsym(library, "cuGetProcAddress_v2");
    cuda_get_proc *get;

    if (!symbol)
        return reason_set(why, TW_ESYS, "CUDA: this driver has no cuGetProcAddress_v2: it is older than CUDA 12: update "
                          "it, or use host devices");
    memcpy(&get, &symbol, sizeof get);
#define X(call, name, since, arguments)                                                                        \
    if (resolve(get, #name, since, &api->call, sizeof api->call) != 0)                                          \
        return reason_set(why, TW_ESYS, "CUDA: this driver has no %s: update it, or use host devices", #name);
    CUDA_CALL_LIST(X)
#undef X
    return 0;
}

/*    result                                       is        what it says, and what to do                */
#define REFUSAL_LIST(X)                                                                                    \
    X(ERROR_STUB_LIBRARY,                    TW_ENOENT,                                                    \
      "the libcuda.so.1 found is the toolkit's stub, made for linking: take its folder (.../stubs) out of "  \
      "LD_LIBRARY_PATH")                                                                                   \
    X(ERROR_NO_DEVICE,                       TW_ENOENT,                                                    \
      "a driver, but no device that this process may see: look at CUDA_VISIBLE_DEVICES, and at what the "    \
      "batch system has given you")                                                                        \
    X(ERROR_SYSTEM_DRIVER_MISMATCH,          TW_ESYS,                                                      \
      "the driver's library and kernel module are of different versions: reload the module or restart the "  \
      "machine")                                                                                           \
    X(ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE,  TW_ESYS,                                                      \
      "the forward compatibility library in use does not know this device: take it out of LD_LIBRARY_PATH")  \
    X(ERROR_SYSTEM_NOT_READY,                TW_ESYS,                                                      \
      "the system is not ready: a service of the driver (fabric manager) does not run: start it")

static int refused(const struct cuda_api *api, cuda_result code, struct reason *why)
{
    switch (code) {
#define X(name, rc, text) case CUDA_RESULT_##name: return reason_set(why, rc, "CUDA: " text);
    REFUSAL_LIST(X)
#undef X
    }
    return reason_set(why, TW_ESYS, "CUDA: the driver does not start: %s (%u): see `dmesg` for what it says",
                      cuda_error_name(api, code), code);
}

int cuda_open(struct cuda_api *ret, struct reason *why)
{
    void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    struct cuda_api api = {0};
    cuda_result code;
    int rc;

    if (!library)
        return reason_set(why, TW_ENOENT, "CUDA: no driver (libcuda.so.1) is installed here");
    rc = resolve_all(&api, library, why);
    if (rc != 0)
        return rc;
    code = api.init(0);
    if (code != CUDA_RESULT_SUCCESS)
        return refused(&api, code, why);
    *ret = api;
    return 0;
}
