/* fake_cuda.c - a libcuda.so.1 for machines without a GPU: says of its devices what the environment says
 *
 * FAKE_CUDA: words, separated by blanks.
 *     devices=N      so many (1)
 *     init=CODE      what cuInit returns (0)
 *     NAME=VALUE     an attribute of cuda_api.h, of all devices: MPS_ENABLED=1
 *     pci=BUS        of device 0; later ones hang one bus further each ("0000:3b:00.0")
 *     lacks=SYMBOL   as an old driver, which does not know it
 *     hangs=1        cuInit never returns
 *     dies=1         ... or takes its process along
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernels/cuda_api.h"

static const char *word(const char *name)
{
    static char value[64];
    const char *at = getenv("FAKE_CUDA");
    size_t n = strlen(name);

    for (; at && *at; at += strcspn(at, " "), at += strspn(at, " "))
        if (!strncmp(at, name, n) && at[n] == '=') {
            snprintf(value, sizeof value, "%.*s", (int)strcspn(at + n + 1, " "), at + n + 1);
            return value;
        }
    return NULL;
}

static int number(const char *name, int otherwise)
{
    const char *text = word(name);

    return text ? atoi(text) : otherwise;
}

static cuda_result init(unsigned flags)
{
    if (number("hangs", 0))
        for (;;)
            pause();
    if (number("dies", 0))
        abort();
    return flags ? 1 : (cuda_result)number("init", 0);
}

static cuda_result driver_version(int *ret)
{
    *ret = 13000;
    return CUDA_RESULT_SUCCESS;
}

static cuda_result error_name(cuda_result code, const char **ret)
{
    switch (code) {
#define X(name, no) case no: *ret = "CUDA_" #name; return CUDA_RESULT_SUCCESS;
    CUDA_RESULT_LIST(X)
#undef X
    }
    return 1;
}

static cuda_result device_count(int *ret)
{
    *ret = number("devices", 1);
    return CUDA_RESULT_SUCCESS;
}

static cuda_result device_get(cuda_device *ret, int ordinal)
{
    if (ordinal < 0 || ordinal >= number("devices", 1))
        return CUDA_RESULT_ERROR_INVALID_DEVICE;
    *ret = ordinal;
    return CUDA_RESULT_SUCCESS;
}

static cuda_result device_name(char *ret, int room, cuda_device device)
{
    snprintf(ret, (size_t)room, "Fake GPU %d", device);
    return CUDA_RESULT_SUCCESS;
}

static cuda_result device_uuid(cuda_uuid *ret, cuda_device device)
{
    memset(ret, 0xa5, sizeof *ret);
    ret->bytes[15] = (char)device;
    return CUDA_RESULT_SUCCESS;
}

static cuda_result device_attribute(int *ret, cuda_attribute_no attribute, cuda_device device)
{
    static const struct { const char *name; unsigned no; } names[] = {
#define X(name, no) {#name, no},
        CUDA_ATTRIBUTE_LIST(X)
#undef X
    };
    static const struct { unsigned no; int value; } usual[] = {
        {CUDA_ATTRIBUTE_MULTIPROCESSOR_COUNT, 132}, {CUDA_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, 9},
        {CUDA_ATTRIBUTE_COOPERATIVE_LAUNCH, 1},     {CUDA_ATTRIBUTE_HOST_REGISTER_SUPPORTED, 1},
        {CUDA_ATTRIBUTE_ECC_ENABLED, 1}};

    (void)device;
    *ret = 0;
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (usual[i].no == attribute)
            *ret = usual[i].value;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].no == attribute)
            *ret = number(names[i].name, *ret);
    return CUDA_RESULT_SUCCESS;
}

static cuda_result device_memory(size_t *ret, cuda_device device)
{
    (void)device;
    *ret = (size_t)80 << 30;
    return CUDA_RESULT_SUCCESS;
}

static cuda_result device_pci(char *ret, int room, cuda_device device)
{
    const char *first = word("pci");
    unsigned domain = 0, bus = 0x3b, slot = 0;

    if (first)
        (void)sscanf(first, "%x:%x:%x", &domain, &bus, &slot);
    snprintf(ret, (size_t)room, "%04X:%02X:%02X.0", domain, bus + (unsigned)device, slot);
    return CUDA_RESULT_SUCCESS;
}

cuda_get_proc cuGetProcAddress_v2;

cuda_result cuGetProcAddress_v2(const char *symbol, void **ret, int version, unsigned long long flags, void *ret_status)
{
    const char *lacks = word("lacks");

    (void)version;
    (void)flags;
    (void)ret_status;
    *ret = NULL;
    if (lacks && !strcmp(lacks, symbol))
        return 500;                     /* CUDA_ERROR_NOT_FOUND */
#define X(call, name, since, arguments)                                                              \
    {                                                                                                \
        cuda_result (*f) arguments = call;                                                           \
        if (!strcmp(symbol, #name))                                                                  \
            memcpy(ret, &f, sizeof f);                                                               \
    }
    CUDA_CALL_LIST(X)
#undef X
    return *ret ? CUDA_RESULT_SUCCESS : 500;
}
