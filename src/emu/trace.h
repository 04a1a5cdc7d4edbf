/* trace.h - the lines of a scenario's trace, as text or as JSON objects
 *
 * Every line is made as text, word by word as the format says; as JSON each word gets the name that stands
 * for it in the table here, so the two cannot say different things.
 */
#ifndef TW_EMU_TRACE_H
#define TW_EMU_TRACE_H

#include <stdbool.h>
#include <stdio.h>

/*    first word       what the others are; the last of them may be `counts` (KEY=VALUE...), `children`
 *                     (NAME=STATE,...) or `event` (all that follows) */
#define TRACE_LINE_LIST(X)                                                          \
    X("@",             "at event")                                                  \
    X("begin",         "vertex")                                                    \
    X("start",         "vertex starts")                                             \
    X("start_failed",  "vertex")                                                    \
    X("start_ignored", "vertex")                                                    \
    X("exit",          "vertex starts class")                                       \
    X("stop",          "vertex starts class")                                       \
    X("lost",          "vertex starts class")                                       \
    X("giveup",        "vertex why")                                                \
    X("down",          "vertex starts class")                                       \
    X("escalate",      "vertex parent why")                                         \
    X("tree_down",     "class")                                                     \
    X("result",        "operation vertex answer")                                   \
    X("count",         "vertex counts")                                             \
    X("which",         "vertex children")                                           \
    X("noop",          "vertex why")                                                \
    X("=",             "vertex starts state counts")

/* Write one line, newline not included in fmt.  depth: of a line of the final tree, its indentation. */
void trace_line(FILE *out, bool json, int depth, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#endif
