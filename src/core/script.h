/* script.h - who knows what happens next in a scenario, and who has the tree it happens to
 *
 * A script (emu/scenario.c) knows the events, what each asks of the tree, and how the trace is written.  A stage has
 * the tree: an engine with leaves that are played (emu/scenario_play.c), or ranks with actors in slots
 * (sup/director.c).  The stage calls step, lets all come to rest, calls settled, and so on; meanwhile it tells the
 * script of records, answers and the root's end, in their order, and asks it how a start or a stop is to go.
 */
#ifndef TW_CORE_SCRIPT_H
#define TW_CORE_SCRIPT_H

#include "core/suptree.h"

/* What the script asks of the stage.  Vertices are numbered as the script adds them, from 0. */
struct stage_ops {
    /* As suptree_look. */
    int (*look)(void *self, uint32_t vertex, struct suptree_look *ret);
    /* As suptree_add. */
    int (*add)(void *self, uint32_t parent, const struct suptree_spec *spec);
    /* Let this happen: BRANCH_START or BRANCH_STOP of the root, EXITED of a worker by itself or killed, KILLED_OUTSIDE of
     * a supervisor, ASK and ASKED, or an administration call.  Calls and ASK are answered by `answer`. */
    void (*take)(void *self, const struct suptree_input *in);
    /* What ends meanwhile is to be found together by the supervisor of this vertex (SUPTREE_NONE: there is none).  With
     * the release all that it brought happens. */
    void (*hold)(void *self, uint32_t sibling, bool held);
};

enum script_start { SCRIPT_STARTS, SCRIPT_FAILS, SCRIPT_IGNORED };

/* What the stage asks of the script. */
struct script_ops {
    void (*attach)(void *self, const struct stage_ops *ops, void *stage);
    /* The next event, or the next death of one: 1; 0: that was all, the trace is written. */
    int (*step)(void *self);
    /* All that came of it has come. */
    void (*settled)(void *self);
    void (*record)(void *self, const struct suptree_effect *e);
    void (*answer)(void *self, uint32_t vertex, uint64_t token, uint8_t answer);
    void (*ended)(void *self, uint8_t cls);             /* the root */
    /* A worker's start, or its stop in order, begins: how it goes.  May call take. */
    enum script_start (*start)(void *self, uint32_t vertex);
    /* Returns its class.  at_once: told at the same time as the one before it: they take their time together. */
    uint8_t (*stop)(void *self, uint32_t vertex, bool at_once);
    uint64_t (*clock_ms)(void *self);                   /* what windows are measured by */
};

struct script { const struct script_ops *ops; void *self; };

#endif
