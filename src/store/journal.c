/* journal.c - a ring of records and the thread that writes them out
 *
 * The loop thread only copies into the ring; formatting and writing happen here.  The writer sleeps up to
 * 50 ms between looks, so a record is on its way to the file soon enough for `events -f` and the loop
 * never pays for a wake-up.
 */
#include "store/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shared/cause.h"
#include "shared/rc.h"

#define RING 32768u
#define JOBS 16u
#define WRITER_NAP_MS 50

struct deferred { void (*job)(void *self); void *self; uint64_t after; };

struct journal {
    int fd, rank;
    pthread_t writer;
    journal_take_f take;                /* not NULL: in memory, nothing of the rest is used */
    void *take_self;
    journal_path_f path;
    const void *path_self;
    _Atomic uint64_t head;              /* writer: records written */
    _Atomic uint64_t tail;              /* loop: records put */
    _Atomic uint64_t jobs_head, jobs_tail;
    _Atomic uint64_t synced;            /* writer: records on disk */
    _Atomic uint64_t sync_wanted;       /* loop: fsync when this many are written */
    _Atomic int closing;
    struct deferred jobs[JOBS];
    struct journal_record *ring;        /* owned */
    char *text;                         /* owned: what one write takes */
    uint64_t index, dropped;
};

#define TEXT_BYTES 65536u
#define RECORD_BYTES 2560u              /* a line at most */

static const char *type_name(unsigned type)
{
    switch (type) {
#define X(name, no, text, help) case no: return text;
    JOURNAL_LIST(X)
#undef X
    }
    return "?";
}

static size_t escape(char *out, size_t room, const char *text)
{
    size_t n = 0;

    for (; *text && n + 7 < room; text++) {
        unsigned char c = (unsigned char)*text;

        if (c == '"' || c == '\\')
            n += (size_t)snprintf(out + n, room - n, "\\%c", c);
        else if (c < 0x20)
            n += (size_t)snprintf(out + n, room - n, "\\u%04x", c);
        else
            out[n++] = (char)c;
    }
    out[n] = '\0';
    return n;
}

size_t journal_format(const struct journal_record *r, int rank, journal_path_f path_of, const void *self, char *out,
                      size_t room)
{
    char path[600], from[600] = "", text[JOURNAL_TEXT_BYTES * 6];
    size_t n;

    (void)escape(path, sizeof path, r->vertex != UINT32_MAX && path_of ? path_of(self, r->vertex) : "");
    if (r->type == JOURNAL_LETTER && path_of)
        (void)escape(from, sizeof from, path_of(self, r->from));
    (void)escape(text, sizeof text, r->text);
    n = (size_t)snprintf(out, room,
                         "{\"stamp\":%llu,\"rank\":%d,\"index\":%llu,\"t_us\":%llu,\"type\":\"%s\"",
                         (unsigned long long)r->stamp, rank, (unsigned long long)r->index,
                         (unsigned long long)r->tree_us, type_name(r->type));
    if (path[0])
        n += (size_t)snprintf(out + n, room - n, ",\"path\":\"%s\",\"vertex\":%u", path, r->vertex);
    if (from[0])
        n += (size_t)snprintf(out + n, room - n, ",\"from\":\"%s\"", from);
    if (r->life)
        n += (size_t)snprintf(out + n, room - n, ",\"life\":\"%016llx\"", (unsigned long long)r->life);
    if (r->cls || r->cause)
        n += (size_t)snprintf(out + n, room - n, ",\"class\":\"%s\",\"cause\":\"%s\"",
                              exit_class_name(r->cls), exit_cause_name(r->cause));
    n += (size_t)snprintf(out + n, room - n, ",\"a\":%llu,\"b\":%llu", (unsigned long long)r->a,
                          (unsigned long long)r->b);
    if (r->code)
        n += (size_t)snprintf(out + n, room - n, ",\"code\":%u", r->code);
    if (text[0])
        n += (size_t)snprintf(out + n, room - n, ",\"text\":\"%s\"", text);
    if (r->cause_stamp)
        n += (size_t)snprintf(out + n, room - n, ",\"by\":{\"rank\":%u,\"stamp\":%llu}", r->cause_rank,
                              (unsigned long long)r->cause_stamp);
    n += (size_t)snprintf(out + n, room - n, "}\n");
    return n;
}

static size_t format(const struct journal *j, const struct journal_record *r, char *out, size_t room)
{
    return journal_format(r, j->rank, j->path, j->path_self, out, room);
}

static void write_all(int fd, const char *text, size_t bytes)
{
    while (bytes > 0) {
        ssize_t n = write(fd, text, bytes);

        if (n < 0 && errno != EINTR)
            return;             /* a full disk must not end the job; the gap shows in the indices */
        if (n > 0) {
            text += n;
            bytes -= (size_t)n;
        }
    }
}

static bool write_some(struct journal *j)
{
    uint64_t head = atomic_load_explicit(&j->head, memory_order_relaxed);
    uint64_t tail = atomic_load_explicit(&j->tail, memory_order_acquire);
    size_t n = 0;

    for (; head != tail && n + RECORD_BYTES < TEXT_BYTES; head++)
        n += format(j, &j->ring[head % RING], j->text + n, TEXT_BYTES - n);
    if (n == 0)
        return false;
    write_all(j->fd, j->text, n);
    atomic_store_explicit(&j->head, head, memory_order_release);
    return true;
}

static bool run_jobs(struct journal *j)
{
    uint64_t head = atomic_load_explicit(&j->jobs_head, memory_order_relaxed);
    struct deferred d;

    if (head == atomic_load_explicit(&j->jobs_tail, memory_order_acquire))
        return false;
    d = j->jobs[head % JOBS];
    if (atomic_load_explicit(&j->head, memory_order_relaxed) < d.after)
        return false;
    d.job(d.self);
    atomic_store_explicit(&j->jobs_head, head + 1, memory_order_release);
    return true;
}

static void sync_if_wanted(struct journal *j)
{
    uint64_t wanted = atomic_load_explicit(&j->sync_wanted, memory_order_acquire);
    uint64_t head = atomic_load_explicit(&j->head, memory_order_relaxed);

    if (wanted <= atomic_load_explicit(&j->synced, memory_order_relaxed) || head < wanted)
        return;
    (void)fdatasync(j->fd);
    atomic_store_explicit(&j->synced, head, memory_order_release);
}

static void nap(long ms) { nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL); }

static void *writer(void *self)
{
    struct journal *j = self;

    for (;;) {
        int closing = atomic_load_explicit(&j->closing, memory_order_acquire);
        bool busy = write_some(j);

        busy |= run_jobs(j);
        sync_if_wanted(j);
        if (busy)
            continue;
        if (closing)
            return NULL;
        nap(atomic_load(&j->sync_wanted) > atomic_load(&j->synced) ? 1 : WRITER_NAP_MS);
    }
}

int journal_open(const char *dir, unsigned generation, int rank, journal_path_f path, const void *path_self,
                 struct journal **ret, struct reason *why)
{
    struct journal *j = calloc(1, sizeof *j);
    char name[4200];

    if (!j)
        return reason_set(why, TW_ENOMEM, "not enough memory for the journal");
    snprintf(name, sizeof name, "%s/journal.%u.%d.jsonl", dir, generation, rank);
    j->rank = rank;
    j->path = path;
    j->path_self = path_self;
    j->ring = calloc(RING, sizeof *j->ring);
    j->text = malloc(TEXT_BYTES);
    j->fd = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (j->ring && j->text && j->fd >= 0 && pthread_create(&j->writer, NULL, writer, j) == 0) {
        *ret = j;
        return 0;
    }
    reason_set(why, TW_ESYS, "%s: the journal cannot be written: %s: choose another --state-dir", name,
               strerror(errno));
    if (j->fd >= 0)
        close(j->fd);
    free(j->ring);
    free(j->text);
    free(j);
    return TW_ESYS;
}

int journal_open_memory(journal_take_f take, void *self, struct journal **ret)
{
    struct journal *j = calloc(1, sizeof *j);

    if (!j)
        return TW_ENOMEM;
    j->take = take;
    j->take_self = self;
    *ret = j;
    return 0;
}

static void put(struct journal *j, const struct journal_record *rec)
{
    uint64_t tail = atomic_load_explicit(&j->tail, memory_order_relaxed);

    j->ring[tail % RING] = *rec;
    j->ring[tail % RING].index = ++j->index;
    atomic_store_explicit(&j->tail, tail + 1, memory_order_release);
}

uint64_t journal_put(struct journal *j, struct journal_record *rec)
{
    uint64_t used = atomic_load_explicit(&j->tail, memory_order_relaxed) -
                    atomic_load_explicit(&j->head, memory_order_acquire);

    if (j->take) {
        rec->index = ++j->index;
        j->take(j->take_self, rec);
        return rec->index;
    }
    if (used + 2 > RING) {
        j->dropped++;
        return rec->index = ++j->index;
    }
    if (j->dropped) {
        struct journal_record gap = {.type = JOURNAL_GAP, .vertex = UINT32_MAX, .stamp = rec->stamp,
                                     .tree_us = rec->tree_us, .a = j->dropped};

        j->dropped = 0;
        put(j, &gap);
    }
    put(j, rec);
    return rec->index = j->index;
}

int journal_flush(struct journal *j, unsigned timeout_ms)
{
    uint64_t tail = atomic_load_explicit(&j->tail, memory_order_relaxed);

    atomic_store_explicit(&j->sync_wanted, tail, memory_order_release);
    for (unsigned ms = 0; ms <= timeout_ms; ms++) {
        if (atomic_load_explicit(&j->synced, memory_order_acquire) >= tail &&
            atomic_load(&j->jobs_head) == atomic_load(&j->jobs_tail))
            return 0;
        nap(1);
    }
    return TW_EAGAIN;
}

int journal_defer(struct journal *j, void (*job)(void *self), void *self)
{
    uint64_t tail = atomic_load_explicit(&j->jobs_tail, memory_order_relaxed);

    if (tail - atomic_load_explicit(&j->jobs_head, memory_order_acquire) == JOBS)
        return TW_EFULL;
    j->jobs[tail % JOBS] = (struct deferred){job, self, atomic_load_explicit(&j->tail, memory_order_relaxed)};
    atomic_store_explicit(&j->jobs_tail, tail + 1, memory_order_release);
    return 0;
}

unsigned journal_deferred(const struct journal *j)
{
    return (unsigned)(atomic_load_explicit(&j->jobs_tail, memory_order_relaxed) -
                      atomic_load_explicit(&j->jobs_head, memory_order_acquire));
}

void journal_close(struct journal *j, unsigned timeout_ms)
{
    if (!j)
        return;
    if (j->take) {
        free(j);
        return;
    }
    (void)journal_flush(j, timeout_ms);
    atomic_store_explicit(&j->closing, 1, memory_order_release);
    pthread_join(j->writer, NULL);
    close(j->fd);
    free(j->ring);
    free(j->text);
    free(j);
}
