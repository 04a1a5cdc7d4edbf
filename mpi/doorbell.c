/* doorbell.c - a word in a memfd, a pipe, and /proc to find them */
#include "mpi/doorbell.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "shared/rc.h"

struct doorbell_word {
    uint64_t mark;              /* writer: the owner, once */
    uint32_t sleeps;            /* set by the owner, cleared by who rings it: one write wakes it, not one a message */
};

static void *map(int fd)
{
    void *p = mmap(NULL, sizeof(struct doorbell_word), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    return p == MAP_FAILED ? NULL : p;
}

int doorbell_open(struct doorbell *d)
{
    *d = (struct doorbell){.word_fd = -1, .pipe = {-1, -1}};
    d->word_fd = memfd_create("treewarden-doorbell", MFD_CLOEXEC);
    if (d->word_fd < 0 || ftruncate(d->word_fd, sizeof *d->word) != 0 || pipe2(d->pipe, O_CLOEXEC | O_NONBLOCK) != 0 ||
        getrandom(&d->mark, sizeof d->mark, 0) != sizeof d->mark || !(d->word = map(d->word_fd))) {
        doorbell_close(d);
        return TW_ESYS;
    }
    d->word->mark = d->mark;
    return 0;
}

void doorbell_close(struct doorbell *d)
{
    if (d->word)
        munmap(d->word, sizeof *d->word);
    for (int i = 0; i < 2; i++)
        if (d->pipe[i] >= 0)
            close(d->pipe[i]);
    if (d->word_fd >= 0)
        close(d->word_fd);
    *d = (struct doorbell){.word_fd = -1, .pipe = {-1, -1}};
}

struct doorbell_address doorbell_address(const struct doorbell *d)
{
    return (struct doorbell_address){.mark = d->mark, .pid = d->word ? getpid() : 0, .word_fd = d->word_fd,
                                     .pipe_fd = d->pipe[1]};
}

int doorbell_fd(const struct doorbell *d) { return d->word ? d->pipe[0] : -1; }

void doorbell_sleeps(struct doorbell *d)
{
    if (!d->word)
        return;
    __atomic_store_n(&d->word->sleeps, 1u, __ATOMIC_SEQ_CST);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);    /* what is looked at from now on was not looked at before */
}

static void forget(struct doorbell *d)
{
    char heard[64];

    while (read(d->pipe[0], heard, sizeof heard) == (ssize_t)sizeof heard)
        continue;
}

static bool still_sleeps(const struct doorbell *d) { return __atomic_load_n(&d->word->sleeps, __ATOMIC_SEQ_CST); }

void doorbell_awake(struct doorbell *d)
{
    if (d->word && !__atomic_exchange_n(&d->word->sleeps, 0u, __ATOMIC_SEQ_CST))
        forget(d);
}

/* A byte comes after the word: what lies there now, while the word still stands, is of a ring that was heard without
 * it.  The word once more, as a byte of this sleep's may have gone with it. */
bool doorbell_was_rung(struct doorbell *d)
{
    if (d->word && still_sleeps(d))
        forget(d);
    return d->word && !still_sleeps(d);
}

static int reach(const struct doorbell_address *at, int fd, int flags)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)at->pid, (int)fd);
    return open(path, flags | O_CLOEXEC | O_NONBLOCK);
}

int doorbell_find(struct doorbell_knob *k, const struct doorbell_address *at)
{
    int fd;

    *k = (struct doorbell_knob){.fd = -1};
    if (at->pid <= 0 || (fd = reach(at, at->word_fd, O_RDWR)) < 0)
        return TW_EPEER;
    if (lseek(fd, 0, SEEK_END) == (off_t)sizeof *k->word)
        k->word = map(fd);
    close(fd);
    if (k->word && k->word->mark == at->mark && (k->fd = reach(at, at->pipe_fd, O_WRONLY)) >= 0)
        return 0;
    doorbell_leave(k);
    return TW_EPEER;
}

void doorbell_leave(struct doorbell_knob *k)
{
    if (k->word)
        munmap(k->word, sizeof *k->word);
    if (k->fd >= 0)
        close(k->fd);
    *k = (struct doorbell_knob){.fd = -1};
}

void doorbell_ring(struct doorbell_knob *k)
{
    if (!k->word)
        return;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);    /* what was sent is there before we look whether it sleeps */
    if (__atomic_load_n(&k->word->sleeps, __ATOMIC_SEQ_CST) &&
        __atomic_exchange_n(&k->word->sleeps, 0u, __ATOMIC_SEQ_CST) && write(k->fd, "", 1) != 1)
        doorbell_leave(k);                      /* it is gone */
}
