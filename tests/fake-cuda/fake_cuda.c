/* fake_cuda.c - a libcuda.so.1 for machines without a GPU: says of its devices what the environment says
 *
 * What it runs, and how, is in fake_launch.c.
 *
 * FAKE_CUDA: words, separated by blanks.
 *     devices=N      so many (1)
 *     init=CODE      what cuInit returns (0)
 *     NAME=VALUE     an attribute of cuda_api.h, of all devices: MPS_ENABLED=1
 *     pci=BUS        of device 0; later ones hang one bus further each ("0000:3b:00.0")
 *     lacks=SYMBOL   as an old driver, which does not know it
 *     fails=SYMBOL:CODE  that call returns CODE
 *     hangs=SYMBOL   that call never returns
 *     dies=1         cuInit takes its process along
 *     occupancy=N    blocks a processor (3)
 *     still=N        block 0 stands still for ever when it naps for the Nth time
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/fake-cuda/fake.h"

const char *fake_word(const char *name)
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

int fake_number(const char *name, int otherwise)
{
    const char *text = fake_word(name);

    return text ? atoi(text) : otherwise;
}

static cuda_result fake_init(unsigned flags)
{
    if (fake_number("dies", 0))
        abort();
    return flags ? 1 : (cuda_result)fake_number("init", 0);
}

static cuda_result fake_driver_version(int *ret)
{
    *ret = 13000;
    return CUDA_RESULT_SUCCESS;
}

static cuda_result fake_error_name(cuda_result code, const char **ret)
{
    switch (code) {
#define X(name, no, fault) case no: *ret = "CUDA_" #name; return CUDA_RESULT_SUCCESS;
    CUDA_RESULT_LIST(X)
#undef X
    }
    return 1;
}

static cuda_result fake_device_count(int *ret)
{
    *ret = fake_number("devices", 1);
    return CUDA_RESULT_SUCCESS;
}

static cuda_result fake_device_get(cuda_device *ret, int ordinal)
{
    if (ordinal < 0 || ordinal >= fake_number("devices", 1))
        return CUDA_RESULT_ERROR_INVALID_DEVICE;
    *ret = ordinal;
    return CUDA_RESULT_SUCCESS;
}

static cuda_result fake_device_name(char *ret, int room, cuda_device device)
{
    snprintf(ret, (size_t)room, "Fake GPU %d", device);
    return CUDA_RESULT_SUCCESS;
}

static cuda_result fake_device_uuid(cuda_uuid *ret, cuda_device device)
{
    memset(ret, 0xa5, sizeof *ret);
    ret->bytes[15] = (char)device;
    return CUDA_RESULT_SUCCESS;
}

static cuda_result fake_device_attribute(int *ret, cuda_attribute_no attribute, cuda_device device)
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
            *ret = fake_number(names[i].name, *ret);
    return CUDA_RESULT_SUCCESS;
}

static cuda_result fake_device_memory(size_t *ret, cuda_device device)
{
    (void)device;
    *ret = (size_t)80 << 30;
    return CUDA_RESULT_SUCCESS;
}

static cuda_result fake_device_pci(char *ret, int room, cuda_device device)
{
    const char *first = fake_word("pci");
    unsigned domain = 0, bus = 0x3b, slot = 0;

    if (first)
        (void)sscanf(first, "%x:%x:%x", &domain, &bus, &slot);
    snprintf(ret, (size_t)room, "%04X:%02X:%02X.0", domain, bus + (unsigned)device, slot);
    return CUDA_RESULT_SUCCESS;
}

/* What FAKE_CUDA has planned for a call, whatever it takes: arguments that nobody reads do no harm here. */
static cuda_result planned_code;
static cuda_result fails(void) { return planned_code; }

static cuda_result hangs(void)
{
    while (pause() < 0)
        continue;
    return CUDA_RESULT_SUCCESS;
}

static cuda_result (*plan_for(const char *symbol))(void)
{
    const char *plan = fake_word("fails");
    size_t n = strlen(symbol);

    if (plan && !strncmp(plan, symbol, n) && plan[n] == ':') {
        planned_code = (cuda_result)atoi(plan + n + 1);
        return fails;
    }
    plan = fake_word("hangs");
    return plan && !strcmp(plan, symbol) ? hangs : NULL;
}

cuda_get_proc cuGetProcAddress_v2;

cuda_result cuGetProcAddress_v2(const char *symbol, void **ret, int version, unsigned long long flags, void *ret_status)
{
    cuda_result (*plan)(void) = plan_for(symbol);
    const char *lacks = fake_word("lacks");

    (void)version;
    (void)flags;
    (void)ret_status;
    *ret = NULL;
    if (lacks && !strcmp(lacks, symbol))
        return CUDA_RESULT_ERROR_NOT_FOUND;
#define X(call, name, since, arguments)                                                              \
    {                                                                                                \
        cuda_result (*f) arguments = fake_##call;                                                    \
        if (!strcmp(symbol, #name))                                                                  \
            memcpy(ret, plan ? (void *)&plan : (void *)&f, sizeof f);                                \
    }
    CUDA_CALL_LIST(X)
#undef X
    return *ret ? CUDA_RESULT_SUCCESS : CUDA_RESULT_ERROR_NOT_FOUND;
}
