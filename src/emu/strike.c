/* strike.c - the plan's faults, struck when their moment has come */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "emu/world.h"
#include "spec/drills.h"

#define STALL_US 300000u                /* `for` not said */
#define LIFT_US 1000000u
#define AGAIN_US 50000u                 /* its target had nobody to strike: a little later again */
#define TRIES 20
#define REFUSALS 100
#define RESTARTED (1ull << 32)          /* in a token: of the restart that follows a kill */

static void strike(struct world *w, void *who, uint64_t tries);

/* Given to any rank's socket; a loop that stands still does not read it. */
static bool command(struct world *w, const struct emu_fault *f, enum rank_verb verb, uint32_t how)
{
    struct rank_command c = {.verb = verb, .how = how};
    struct emu_rank *r = &w->ranks[chance(w, (uint32_t)w->config->ranks)];

    if (f->kind == EMU_NO_DEVICE)
        snprintf(c.path, sizeof c.path, "device:%d.%d", f->rank, f->device);
    else
        strncpy(c.path, w->config->spec->vertices[f->vertex].path, sizeof c.path - 1);
    if (r->dead || r->ended || !r->started || w->now_us < r->stalled_us)
        return false;
    rank_command(r->rank, (uint64_t)(f - w->config->plan->faults) | (verb == VERB_RESTART ? RESTARTED : 0), &c);
    rank_wake(r, w->now_us + 1);
    return true;
}

static void restart(struct world *w, void *who, uint64_t unused)
{
    (void)unused;
    if (!command(w, who, VERB_RESTART, 0))
        later(w, w->now_us + AGAIN_US, restart, who, 0);
}

void strike_answered(struct world *w, uint64_t token, int exit_code)
{
    struct emu_fault *f = &w->config->plan->faults[token & ~RESTARTED];

    bool restarts = token & RESTARTED || f->kind == EMU_RESTART;

    /* "Try again": so we do.  And a restart may find no slot, a device be found broken later than it is. */
    if (exit_code == 75 || exit_code == 69 || (restarts && exit_code == 1 && f->refused++ < REFUSALS))
        later(w, w->now_us + AGAIN_US, token & RESTARTED ? restart : strike, f, 0);
    else if ((f->kind == EMU_KILL || f->kind == EMU_TERMINATE) && !(token & RESTARTED) && f->for_us)
        later(w, w->now_us + f->for_us, restart, f, 0);
}

static void continue_worker(struct world *w, void *who, uint64_t unused)
{
    (void)w;
    (void)unused;
    worker_continue(who);
}

/* False: there is nobody just now. */
static bool strike_worker(struct world *w, struct emu_fault *f)
{
    struct emu_rank *r = &w->ranks[f->rank];
    struct emu_worker *worker = worker_of(r, f->device);

    if (!worker || worker->state != WORKER_RUNNING ||
        (f->kind == EMU_NO_DEVICE && rank_view(w->ranks[0].rank)->vertices[0].state != VERTEX_RUNNING))
        return false;                   /* a tree that cannot be started is the end of its job */
    worker->struck_us = w->now_us;
    switch (f->kind) {
    case EMU_STOP_WORKER:
        worker_stop(worker);
        if (f->for_us)
            later(w, w->now_us + f->for_us, continue_worker, worker, 0);
        return true;
    case EMU_SILENCE: worker->silent = true; return true;
    case EMU_NO_START: r->no_start[f->device] = 1; worker_kill(worker, SIGKILL); return true;
    case EMU_NO_DEVICE:
        r->no_start[f->device] = 2;
        worker_kill(worker, SIGKILL);
        later(w, w->now_us + (f->for_us ? f->for_us : LIFT_US), restart, f, 0);
        return true;
    default: worker_kill(worker, SIGKILL); return true;
    }
}

static bool strike_now(struct world *w, struct emu_fault *f)
{
    struct emu_rank *r = &w->ranks[f->rank];
    uint64_t until = w->now_us + (f->for_us ? f->for_us : STALL_US);

    switch (f->kind) {
    case EMU_FAIL: return command(w, f, VERB_FAIL, DRILL_FAIL);
    case EMU_OVERRUN: return command(w, f, VERB_FAIL, DRILL_OVERRUN);
    case EMU_WEDGE: return command(w, f, VERB_FAIL, DRILL_WEDGE);
    case EMU_SEGV: return command(w, f, VERB_FAIL, DRILL_SEGV);
    case EMU_KILL: return command(w, f, VERB_KILL, 0);
    case EMU_TERMINATE: return command(w, f, VERB_TERMINATE, 0);
    case EMU_RESTART: return command(w, f, VERB_RESTART, 0);
    case EMU_STALL: r->stalled_us = until; return true;
    case EMU_DISK: r->disk_fails = true; return true;
    case EMU_KILL_RANK: rank_kill(r); return true;
    case EMU_SIGNAL: w->signalled = true; rank_signal(w->ranks[0].rank, SIGTERM); return true;
    default: return strike_worker(w, f);
    }
}

static void strike(struct world *w, void *who, uint64_t tries)
{
    struct emu_fault *f = who;

    w->check_at = w->result->events;    /* look at everything now and after */
    if (strike_now(w, f)) {
        f->fired = true;
        return;
    }
    if (tries < TRIES)
        later(w, w->now_us + AGAIN_US, strike, f, tries + 1);
}

void strike_at_step(struct world *w, uint32_t vertex, uint64_t progress)
{
    struct emu_plan *p = w->config->plan;

    for (uint32_t i = 0; i < p->count; i++) {
        struct emu_fault *f = &p->faults[i];

        if (!f->at_step || f->fired || f->step_vertex != vertex || progress < f->step)
            continue;
        f->fired = true;                /* once, though it may take some tries */
        later(w, w->now_us + 1, strike, f, 0);
    }
}

void strikes_begin(struct world *w)
{
    struct emu_plan *p = w->config->plan;

    for (uint32_t i = 0; i < p->count; i++) {
        p->faults[i].fired = false;
        p->faults[i].refused = 0;
        if (!p->faults[i].at_step)
            later(w, p->faults[i].us + 1, strike, &p->faults[i], 0);
    }
}
