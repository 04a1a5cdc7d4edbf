/* program.c - dlopen, and what can be known to be wrong before a handler is called */
#include "worker/program.h"

#include <dlfcn.h>
#include <string.h>
#include <unistd.h>

#include "shared/rc.h"

static int check_types(const char *path, const struct tw_program *p, struct reason *why)
{
    if (p->count == 0 || p->count > 16 || !p->types || !p->dispatch)
        return reason_set(why, TW_EPROTO, "%s: its program table is damaged: build it again with `treewarden "
                          "cc`", path);
    for (uint32_t i = 0; i < p->count; i++)
        if (!p->types[i].name || p->types[i].state_bytes == 0 || p->types[i].state_align > 64)
            return reason_set(why, TW_EPROTO, "%s: actor type %u has no name, no state, or a state aligned to "
                              "more than 64 bytes: mend its struct", path, i);
    return 0;
}

int program_open(const char *path, const struct tw_program **ret, struct reason *why)
{
    const struct tw_program *p;
    void *module;

    if (strchr(path, '/') && access(path, R_OK) != 0)
        return reason_set(why, TW_ENOENT, "%s: the actor program is not there: build it with `treewarden cc` "
                          "beside the specification", path);
    module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!module)
        return reason_set(why, TW_EPROTO, "%s: cannot be loaded: %s: build it with `treewarden cc`", path,
                          dlerror());
    p = dlsym(module, "tw_program");
    if (!p)
        return reason_set(why, TW_EPROTO, "%s: it has no program table: end its source with TW_PROGRAM(..) and "
                          "build it with `treewarden cc`", path);
    if (p->api != TW_ACTOR_API)
        return reason_set(why, TW_EVERSION, "%s: made for version %u of the actor API, this is version %u: build "
                          "it again with `treewarden cc`", path, p->api, TW_ACTOR_API);
    *ret = p;
    return check_types(path, p, why);
}

int program_type(const struct tw_program *p, const char *name)
{
    for (uint32_t i = 0; i < p->count; i++)
        if (!strcmp(p->types[i].name, name))
            return (int)i;
    return TW_ENOENT;
}
