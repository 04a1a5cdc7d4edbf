/* sink.c - files written aside and renamed at the commit */
#include "worker/sink.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/rc.h"

struct staged {
    char name[SINK_NAME_MAX + 1];
    char path[PATH_MAX];
    const char *aside;              /* the last part of path */
};

struct sink_slot {
    pthread_mutex_t lock;           /* the slot's thread at work; sink_fence only tries it */
    uint32_t fenced;                /* atomic; writer: sink_fence */
    uint32_t count;
    struct staged files[SINK_FILES];
};

struct sink {
    char dir[PATH_MAX];
    char mine[48];                  /* ".rR.dD." */
    uint32_t incarnation, slots;
    struct sink_slot *of;           /* [slot]; untouched pages of the unused cost nothing */
};

static int open_dir(const struct sink *s)
{
    return s->dir[0] ? open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
}

/* "...NAME.rR.dD.iI.sS.tmp" of this device and another incarnation. */
static int is_leftover(const struct sink *s, const char *file)
{
    size_t length = strlen(file);
    const char *at = NULL;
    unsigned incarnation;

    if (file[0] != '.' || length < 5 || strcmp(file + length - 4, ".tmp") != 0)
        return 0;
    for (const char *p = strstr(file, s->mine); p; p = strstr(p + 1, s->mine))
        at = p;                     /* the last: an actor's name may look alike */
    return at && sscanf(at + strlen(s->mine), "i%u.s", &incarnation) == 1 &&
           incarnation != s->incarnation;
}

/* A worker that was killed could not.  That it may still be dying does no harm: without its file its rename
 * fails, which is what is wanted. */
static void remove_leftovers(const struct sink *s)
{
    int fd = open_dir(s);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *e;

    if (!d) {
        if (fd >= 0)
            close(fd);
        return;
    }
    while ((e = readdir(d)) != NULL)
        if (is_leftover(s, e->d_name))
            unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
}

int sink_open(struct sink **ret, const char *dir, int rank, int device, uint32_t incarnation,
              uint32_t slots)
{
    struct sink *s = calloc(1, sizeof *s);

    if (!s)
        return TW_ENOMEM;
    s->of = calloc(slots + 1, sizeof *s->of);
    if (!s->of) {
        free(s);
        return TW_ENOMEM;
    }
    snprintf(s->dir, sizeof s->dir, "%s", dir);
    snprintf(s->mine, sizeof s->mine, ".r%d.d%d.", rank, device);
    s->incarnation = incarnation;
    s->slots = slots;
    for (uint32_t i = 0; i <= slots; i++)
        pthread_mutex_init(&s->of[i].lock, NULL);
    remove_leftovers(s);
    *ret = s;
    return 0;
}

static int is_fenced(const struct sink_slot *p) { return __atomic_load_n(&p->fenced, __ATOMIC_SEQ_CST) != 0; }

static void remove_all(const struct sink *s, struct sink_slot *p)
{
    int dir = p->count ? open_dir(s) : -1;

    for (uint32_t i = 0; i < p->count && dir >= 0; i++)
        unlinkat(dir, p->files[i].aside, 0);
    if (dir >= 0)
        close(dir);
    p->count = 0;
}

static const char *give_out(const struct sink *s, struct sink_slot *p, uint32_t slot, const char *name)
{
    struct staged *f = &p->files[p->count];
    int n;

    for (uint32_t i = 0; i < p->count; i++)
        if (strcmp(p->files[i].name, name) == 0)
            return p->files[i].path;
    if (p->count == SINK_FILES || is_fenced(p) || access(s->dir, W_OK) != 0)
        return NULL;
    snprintf(f->name, sizeof f->name, "%s", name);
    n = snprintf(f->path, sizeof f->path, "%s/.%s%si%u.s%u.tmp", s->dir, name, s->mine, s->incarnation,
                 slot);
    if (n >= (int)sizeof f->path)
        return NULL;
    f->aside = strrchr(f->path, '/') + 1;
    p->count++;
    return f->path;
}

const char *sink_path(struct sink *s, uint32_t slot, const char *name)
{
    struct sink_slot *p = &s->of[slot];
    const char *path;

    if (slot > s->slots || !s->dir[0] || !name || !name[0] || name[0] == '.' || strchr(name, '/') ||
        strlen(name) > SINK_NAME_MAX)
        return NULL;
    pthread_mutex_lock(&p->lock);
    path = give_out(s, p, slot, name);
    pthread_mutex_unlock(&p->lock);
    return path;
}

/* 1 durable, 0 never written, TW_ESYS. */
static int make_durable(int dir, const struct staged *f)
{
    int fd = openat(dir, f->aside, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), rc;

    if (fd < 0)
        return errno == ENOENT ? 0 : TW_ESYS;
    rc = fsync(fd) == 0 ? 1 : TW_ESYS;
    close(fd);
    return rc;
}

static int put_in_place(struct sink_slot *p, int dir)
{
    int written[SINK_FILES];

    for (uint32_t i = 0; i < p->count; i++)
        if ((written[i] = make_durable(dir, &p->files[i])) < 0)
            return TW_ESYS;
    for (uint32_t i = 0; i < p->count; i++) {
        if (is_fenced(p))
            return TW_ESTALE;
        if (written[i] && renameat(dir, p->files[i].aside, dir, p->files[i].name) != 0)
            return TW_ESYS;
    }
    return fsync(dir) == 0 ? 0 : TW_ESYS;
}

int sink_commit(struct sink *s, uint32_t slot)
{
    struct sink_slot *p = &s->of[slot];
    int dir, rc = 0;

    if (slot > s->slots)
        return TW_EINVAL;
    pthread_mutex_lock(&p->lock);
    if (p->count) {
        dir = open_dir(s);
        rc = dir < 0 ? TW_ESYS : put_in_place(p, dir);
        if (dir >= 0)
            close(dir);
    }
    if (rc == 0)
        p->count = 0;
    else if (is_fenced(p))
        remove_all(s, p);           /* sink_fence found us here and left it to us */
    pthread_mutex_unlock(&p->lock);
    return rc;
}

void sink_drop(struct sink *s, uint32_t slot)
{
    struct sink_slot *p = &s->of[slot];

    if (slot > s->slots)
        return;
    pthread_mutex_lock(&p->lock);
    remove_all(s, p);
    pthread_mutex_unlock(&p->lock);
}

void sink_fence(struct sink *s, uint32_t slot)
{
    struct sink_slot *p = &s->of[slot];

    if (slot > s->slots)
        return;
    __atomic_store_n(&p->fenced, 1u, __ATOMIC_SEQ_CST);
    if (pthread_mutex_trylock(&p->lock) != 0)
        return;
    remove_all(s, p);
    pthread_mutex_unlock(&p->lock);
}

void sink_close(struct sink *s)
{
    if (!s)
        return;
    for (uint32_t i = 0; i <= s->slots; i++)
        sink_drop(s, i);
    free(s->of);
    free(s);
}
