/* scenario.h - a supervision tree and a list of events; the trace of what it does
 *
 * The script: it knows what is to happen and writes what did, the tree is its stage's (core/script.h).  On virtual time
 * that is an engine with played leaves, here; on ranks it is sup/director.h.  Format of scenarios and traces:
 * tests/conformance/README.md.
 */
#ifndef TW_EMU_SCENARIO_H
#define TW_EMU_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/reason.h"
#include "core/script.h"
#include "emu/emu.h"
#include "spec/scenario_tree.h"

struct scenario;

/* Takes the lines of a trace as they come: text without its newline, borrowed; depth: how far a line of the
 * final tree is indented (two blanks each, behind the `=`), which text does not show. */
struct scenario_out {
    void (*line)(void *arg, const char *text, int depth);
    void *arg;                  /* borrowed */
};

/* Read FILE; its trace goes to out (borrowed).  0; TW_ENOENT; TW_ENOMEM; TW_EPROTO with "file:line: what: word: what
 * would be right". */
int scenario_open(const char *path, const struct scenario_out *out, struct scenario **ret, struct reason *why);
void scenario_close(struct scenario *s);    /* NULL is fine */
struct script scenario_script(struct scenario *s);

/* How many vertices it can have at most. */
uint32_t scenario_vertices(const struct scenario *s);
/* Of those it has had so far, in the order of their numbers: what the stage was not told of them, name and on_stop.
 * Returns how many. */
uint32_t scenario_cast(const struct scenario *s, struct scenario_node *ret);

/* -- on virtual time (scenario_play.c) -- */
/* Run FILE and give its trace to `out`.  As scenario_open; no line is given when the file is wrong. */
int scenario_run(const char *path, const struct scenario_out *out, struct reason *why);

/* -- on simulated ranks (scenario_ranks.c): their loops, engines, slots, and links that take their time -- */
struct scenario_ranks {
    const char *file;                   /* borrowed, as all here */
    const struct tw_program *program;   /* that of jobs/scenario */
    int ranks;
    struct scenario_homes homes;
    uint64_t seed;                      /* of all timing */
    const struct emu_plan *plan;        /* how rough the links are, and which ranks stand still; NULL: drawn from the seed */
    FILE *journal;                      /* what the ranks wrote down; NULL = nowhere */
};
/* 0, and what did not hold is in *ret, as with emu_run; as scenario_open; TW_EINVAL: no such mapping of homes, or too
 * long a path. */
int scenario_run_on_ranks(const struct scenario_ranks *config, const struct scenario_out *out, struct emu_result *ret,
                          struct reason *why);

/* Run FILE without a trace, before it is run on ranks: *ret_nodes (the caller's, to free; NULL: not wanted) are all
 * vertices that it will ever have, in the order of their numbers, those that are added at run time among them.  0, or
 * as scenario_open. */
int scenario_rehearse(const char *path, struct scenario_node **ret_nodes, uint32_t *ret_count, struct reason *why);

#endif
