/* probe.c - `treewarden probe`: asks the CUDA driver about its devices, and may hang in its stead
 *
 * Started by gpus.c, never by a person.  One JSON document on stdout: {state, text, version, devices: [...]}.
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "kernels/cuda_driver.h"
#include "shared/rc.h"

static json_t *uuid_of(const struct cuda_api *api, cuda_device device)
{
    char text[CUDA_UUID_TEXT];

    cuda_uuid_text(api, device, text);
    return text[0] ? json_string(text) : json_null();
}

static json_t *attributes_of(const struct cuda_api *api, cuda_device device)
{
    static const struct { const char *name; unsigned no; } list[] = {
#define X(name, no) {#name, no},
        CUDA_ATTRIBUTE_LIST(X)
#undef X
    };
    json_t *o = json_object();

    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        int value;

        if (api->device_attribute(&value, list[i].no, device) == CUDA_RESULT_SUCCESS)
            json_object_set_new(o, list[i].name, json_integer(value));
    }
    return o;
}

static json_t *device_of(const struct cuda_api *api, int ordinal)
{
    char name[128] = "", pci[32] = "";
    size_t bytes = 0;
    cuda_device device;
    cuda_result code = api->device_get(&device, ordinal);

    if (code != CUDA_RESULT_SUCCESS)
        return json_pack("{s:s}", "error", cuda_error_name(api, code));
    (void)api->device_name(name, sizeof name, device);
    (void)api->device_pci(pci, sizeof pci, device);
    (void)api->device_memory(&bytes, device);
    return json_pack("{s:s,s:s,s:o,s:I,s:o}", "name", name, "pci", pci, "uuid", uuid_of(api, device), "bytes",
                     (json_int_t)bytes, "attributes", attributes_of(api, device));
}

int cmd_probe(int argc, char **argv)
{
    struct cuda_api api;
    struct reason why = {""};
    int rc = cuda_open(&api, &why), version = 0, count = 0;
    json_t *devices = json_array(), *o;

    (void)argc;
    (void)argv;
    if (rc == 0) {
        (void)api.driver_version(&version);
        (void)api.device_count(&count);
    }
    for (int i = 0; i < count; i++)
        json_array_append_new(devices, device_of(&api, i));
    o = json_pack("{s:s,s:s,s:i,s:o}", "state", rc == 0 ? "up" : rc == TW_ENOENT ? "none" : "refused", "text", why.text,
                  "version", version, "devices", devices);
    json_dumpf(o, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(o);
    return 0;
}
