/* scenario.h - a supervision tree and a list of events, run on virtual time; the trace of what it does
 *
 * The engine is the one ranks use (core/suptree); the leaves are played here: they start, end and obey as
 * the scenario says.  Format of scenarios and traces: tests/conformance/README.md.
 */
#ifndef TW_EMU_SCENARIO_H
#define TW_EMU_SCENARIO_H

#include <stdbool.h>
#include <stdio.h>

#include "base/reason.h"

/* Run FILE and print its trace; json: each line as an object (emu/trace.h).  0; TW_ENOENT; TW_ENOMEM;
 * TW_EPROTO with "file:line: what: why: what to do", and nothing is printed. */
int scenario_run(const char *file, FILE *out, bool json, struct reason *why);

#endif
