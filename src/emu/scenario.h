/* scenario.h - a supervision tree and a list of events, run on virtual time; the trace of what it does
 *
 * The engine is the one ranks use (core/suptree); the leaves are played here: they start, end and obey as
 * the scenario says.  Format of scenarios and traces: tests/conformance/README.md.
 */
#ifndef TW_EMU_SCENARIO_H
#define TW_EMU_SCENARIO_H

#include "base/reason.h"

/* Takes the lines of a trace as they come: text without its newline, borrowed; depth: how far a line of the
 * final tree is indented (two blanks each, behind the `=`), which text does not show. */
struct scenario_out {
    void (*line)(void *arg, const char *text, int depth);
    void *arg;                  /* borrowed */
};

/* Run FILE and give its trace to `out`.  0; TW_ENOENT; TW_ENOMEM; TW_EPROTO with "file:line: what: word: what
 * would be right", and no line was given. */
int scenario_run(const char *file, const struct scenario_out *out, struct reason *why);

#endif
