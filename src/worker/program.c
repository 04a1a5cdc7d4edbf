/* program.c - dlopen, and what can be known to be wrong before a handler is called */
#include "worker/program.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/rc.h"

#define STATE_BYTES_MAX (1u << 30)

static int check_types(const char *path, const struct tw_program *p, struct reason *why)
{
    if (p->count == 0 || p->count > 16 || !p->types || !p->dispatch)
        return reason_set(why, TW_EPROTO, "%s: its program table is damaged: build it again with `treewarden "
                          "cc`", path);
    for (uint32_t i = 0; i < p->count; i++)
        if (!p->types[i].name || p->types[i].state_bytes == 0 || p->types[i].state_bytes > STATE_BYTES_MAX ||
            p->types[i].state_align > 64)
            return reason_set(why, TW_EPROTO, "%s: actor type %u has no name, no state, one of more than %u bytes, or "
                              "one aligned to more than 64: mend its struct", path, i, STATE_BYTES_MAX);
    return 0;
}

#define HASH_BASIS 0xcbf29ce484222325u

static uint64_t hash_more(uint64_t hash, const unsigned char *data, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ data[i]) * 0x100000001b3u;       /* FNV-1a */
    return hash;
}

/* What was copied is not changed any more; what could not be is closed, and said. */
static int finish(int image, bool copied, const char *name, int *ret_fd, struct reason *why)
{
    if (image >= 0 && copied &&
        fcntl(image, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) == 0) {
        *ret_fd = image;
        return 0;
    }
    reason_set(why, TW_ESYS, "%s: cannot be copied into memory: %s: see how much memory is left", name, strerror(errno));
    if (image >= 0)
        close(image);
    return TW_ESYS;
}

static bool copy_file(int from, int to, uint64_t *ret_hash)
{
    unsigned char part[65536];
    ssize_t n;

    *ret_hash = HASH_BASIS;
    while ((n = read(from, part, sizeof part)) > 0) {
        if (write(to, part, (size_t)n) != n)
            return false;
        *ret_hash = hash_more(*ret_hash, part, (size_t)n);
    }
    return n == 0;
}

static int image_of(const char *path, const char *what, const char *make, int *ret_fd, uint64_t *ret_hash,
                    struct reason *why)
{
    const char *slash = strrchr(path, '/');
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), image, rc;
    struct stat st;

    if (file < 0)
        return reason_set(why, TW_ENOENT, "%s: the %s cannot be read: %s: build it with `%s` beside the specification",
                          path, what, strerror(errno), make);
    if (fstat(file, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(file);
        return reason_set(why, TW_ENOENT, "%s: the %s is not a file: build it with `%s` beside the specification", path,
                          what, make);
    }
    image = memfd_create(slash ? slash + 1 : path, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    rc = finish(image, image >= 0 && copy_file(file, image, ret_hash), path, ret_fd, why);
    close(file);
    return rc;
}

int program_image(const char *path, int *ret_fd, uint64_t *ret_hash, struct reason *why)
{
    return image_of(path, "actor program", "treewarden cc", ret_fd, ret_hash, why);
}

int program_fatbin(const char *path, int *ret_fd, uint64_t *ret_hash, struct reason *why)
{
    size_t n = strlen(path), stem = n > 3 && !strcmp(path + n - 3, ".so") ? n - 3 : n;
    char name[4200];

    snprintf(name, sizeof name, "%.*s.fatbin", (int)stem, path);
    return image_of(name, "program's code for GPUs", "treewarden cc --cuda", ret_fd, ret_hash, why);
}

int program_image_of(const char *name, const void *bytes, size_t count, int *ret_fd, uint64_t *ret_hash,
                     struct reason *why)
{
    int image = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

    *ret_hash = hash_more(HASH_BASIS, bytes, count);
    return finish(image, image >= 0 && write(image, bytes, count) == (ssize_t)count, name, ret_fd, why);
}

/* What the loader says, without the name of the image before it. */
static const char *said_without(const char *said, const char *image)
{
    size_t n = strlen(image);

    return !strncmp(said, image, n) && !strncmp(said + n, ": ", 2) ? said + n + 2 : said;
}

/* The loader maps what the headers promise; of a file cut short that is a SIGBUS, not an error. */
static bool is_whole(int fd)
{
    ElfW(Ehdr) head;
    ElfW(Phdr) part;
    struct stat st;

    if (fstat(fd, &st) != 0 || pread(fd, &head, sizeof head, 0) != sizeof head || memcmp(head.e_ident, ELFMAG, SELFMAG))
        return true;                    /* not ELF: the loader says so */
    for (unsigned i = 0; i < head.e_phnum; i++) {
        if (pread(fd, &part, sizeof part, (off_t)(head.e_phoff + i * sizeof part)) != sizeof part)
            return false;
        if (part.p_type == PT_LOAD && part.p_offset + part.p_filesz > (uint64_t)st.st_size)
            return false;
    }
    return true;
}

/* By the process's number, not as `self`: a debugger opens it too.  The number that this /proc has for us. */
static void image_name(int fd, char *ret, size_t room)
{
    char self[24];
    ssize_t n = readlink("/proc/self", self, sizeof self);

    snprintf(ret, room, "/proc/%.*s/fd/%d", n > 0 ? (int)n : 4, n > 0 ? self : "self", fd);
}

bool program_is_image(const char *name) { return !strncmp(name, "/proc/", 6) && strstr(name, "/fd/"); }

/* TW_HOST_ACTOR is a word of its own in the program. */
static bool is_host_actor(void *module, const char *type)
{
    char symbol[256];

    snprintf(symbol, sizeof symbol, "tw_host_actor_%s", type);
    return dlsym(module, symbol) != NULL;
}

/* Kept for the life of the process, as the module is. */
struct own_table { struct tw_program program; struct own_table *older; struct tw_type types[]; };
static struct own_table *tables;

/* Types have the same numbers on GPUs only if what GPUs do not know comes last. */
static int mark_host_actors(const char *path, void *module, struct own_table *t, struct reason *why)
{
    const char *before = NULL;

    for (uint32_t i = 0; i < t->program.count; i++) {
        if (is_host_actor(module, t->types[i].name)) {
            t->types[i].flags |= TW_TYPE_HOST;
            before = t->types[i].name;
        } else if (before) {
            return reason_set(why, TW_EPROTO, "%s: the host actor %s stands before %s, which could run on GPUs, where "
                              "types must have the same numbers: name host actors last in TW_PROGRAM", path, before,
                              t->types[i].name);
        }
    }
    return 0;
}

static int make_own(const char *path, void *module, const struct tw_program *p, const struct tw_program **ret,
                    struct reason *why)
{
    struct own_table *t = malloc(sizeof *t + p->count * sizeof t->types[0]);
    int rc;

    if (!t)
        return reason_set(why, TW_ENOMEM, "%s: out of memory", path);
    t->program = *p;
    memcpy(t->types, p->types, p->count * sizeof t->types[0]);
    t->program.types = t->types;
    rc = mark_host_actors(path, module, t, why);
    if (rc != 0) {
        free(t);
        return rc;
    }
    t->older = tables;
    tables = t;
    *ret = &t->program;
    return 0;
}

int program_open(const char *path, int image_fd, const struct tw_program **ret, struct reason *why)
{
    const struct tw_program *p;
    char image[64];
    void *module;
    int rc;

    if (!is_whole(image_fd))
        return reason_set(why, TW_EPROTO, "%s: truncated: build it again with `treewarden cc`", path);
    image_name(image_fd, image, sizeof image);
    module = dlopen(image, RTLD_NOW | RTLD_LOCAL);
    if (!module) {
        const char *said = said_without(dlerror(), image);

        return reason_set(why, TW_EPROTO, "%s: cannot be loaded: %s: build it with `treewarden cc`%s", path, said,
                          strstr(said, "undefined symbol") ? ", with the library that has it (FILE.c -- -lNAME)" : "");
    }
    p = dlsym(module, "tw_program");
    if (!p)
        return reason_set(why, TW_EPROTO, "%s: it has no program table: end its source with TW_PROGRAM(..) and "
                          "build it with `treewarden cc`", path);
    if (p->api != TW_ACTOR_API)
        return reason_set(why, TW_EPROTO, "%s: made for version %u of the actor API, this is version %u: build "
                          "it again with `treewarden cc`", path, p->api, TW_ACTOR_API);
    if (p->layout != TW_ACTOR_LAYOUT)
        return reason_set(why, TW_EPROTO, "%s: its actor.h lays things out otherwise than this version's (layout %x, "
                          "here %x): build it again with `treewarden cc`", path, p->layout, TW_ACTOR_LAYOUT);
    rc = check_types(path, p, why);
    return rc == 0 ? make_own(path, module, p, ret, why) : rc;
}

int program_type(const struct tw_program *p, const char *name)
{
    for (uint32_t i = 0; i < p->count; i++)
        if (!strcmp(p->types[i].name, name))
            return (int)i;
    return TW_ENOENT;
}
