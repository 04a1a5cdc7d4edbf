/* worker.c - the process around the slots of one device */
#include "worker/worker.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/reason.h"
#include "slot/slot.h"
#include "worker/child.h"
#include "worker/last_words.h"
#include "worker/program.h"
#include "worker/slots.h"

struct worker {
    const struct worker_args *args;
    struct arena_view view;
    const struct tw_program *program;
    struct slots *slots;
};

/* ---- what the slots ask of their process ---- */

void worker_wake_rank(void)
{
    const uint64_t one = 1;

    /* A full counter (EAGAIN) is one the rank has not looked at yet: as good. */
    if (write(WORKER_EVENT_FD, &one, sizeof one) < 0)
        return;
}

static void wake_rank(void *self)
{
    (void)self;
    worker_wake_rank();
}

static void begins(void *self, uint32_t slot)
{
    (void)self;
    (void)last_words_thread(slot);      /* without it a stack overflow dies wordless, no more */
}

/* ---- from start to end ---- */

static int map_arena(struct arena_view *ret, struct reason *why)
{
    struct stat st;
    void *base;

    if (fstat(WORKER_ARENA_FD, &st) != 0)
        return reason_set(why, TW_ESYS, "worker: no arena on descriptor %d: it is started by a rank only",
                          WORKER_ARENA_FD);
    base = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, WORKER_ARENA_FD, 0);
    if (base == MAP_FAILED)
        return reason_set(why, TW_ENOMEM, "worker: mapping its arena of %lld bytes: %s",
                          (long long)st.st_size, strerror(errno));
    if (arena_view_init(ret, base, (uint64_t)st.st_size) != 0) {
        munmap(base, (size_t)st.st_size);
        return reason_set(why, TW_EPROTO, "worker: its arena is not one of this version");
    }
    return 0;
}

static int load_program(struct worker *w, struct reason *why)
{
    int rc = program_open(w->args->program, WORKER_PROGRAM_FD, &w->program, why);

    if (rc != 0)
        reason_prefix(why, "worker");
    return rc;
}

static int start_slots(struct worker *w, struct reason *why)
{
    const struct worker_args *a = w->args;
    struct slots_config c = { .view = w->view, .program = w->program, .out_dir = a->out_dir, .rank = a->rank,
                              .device = a->device, .incarnation = a->incarnation, .self = w,
                              .wake_rank = wake_rank, .begins = begins };

    last_words_install(w->view.header, a->program); /* after the program: its module is noted too */
    begins(w, 0);
    return slots_start(&c, &w->slots, why);
}

int worker_refuse(struct arena_header *h, const struct reason *why)
{
    if (!h) {                       /* nobody to write to but a person */
        fprintf(stderr, "treewarden: %s\n", why->text);
        return WORKER_REFUSED;
    }
    snprintf(h->text, sizeof h->text, "%s", why->text);
    store_release(&h->boot, 2, SCOPE_SYSTEM);
    worker_wake_rank();
    return WORKER_REFUSED;
}

int worker_begin(const struct worker_args *args, struct arena_view *ret, struct reason *why)
{
    char title[16];

    if (child_tie(args->parent) != 0)
        return TW_EPEER;
    child_deafen();
    child_close_from(WORKER_ARENA_FD + (int)worker_fds(args->kind));
    snprintf(title, sizeof title, "tw-worker %d", args->device);
    prctl(PR_SET_NAME, title);
    return map_arena(ret, why);
}

int worker_main(const struct worker_args *args)
{
    static struct worker w;
    struct reason why = { "" };
    int rc = worker_begin(args, &w.view, &why);

    if (rc == TW_EPEER)
        return 0;
    mallopt(M_ARENA_MAX, 2);        /* not one heap per slot: they allocate nothing after the start */
    w.args = args;
    if (rc != 0 || load_program(&w, &why) != 0 || start_slots(&w, &why) != 0)
        _exit(worker_refuse(w.view.header, &why));
    store_release(&w.view.header->boot, 1, SCOPE_SYSTEM);
    worker_wake_rank();
    slots_run(w.slots);
    /* No slot's thread, no handler of exit() and no destructor of the program may hold us. */
    _exit(0);
}
