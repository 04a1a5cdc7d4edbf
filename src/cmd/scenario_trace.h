/* scenario_trace.h - a scenario's trace on stdout, as text or as JSON objects
 *
 * Every line is made as text, word by word as the format says; as JSON each word gets the name that stands
 * for it in the table here, so the two cannot say different things.
 */
#ifndef TW_CMD_SCENARIO_TRACE_H
#define TW_CMD_SCENARIO_TRACE_H

#include "emu/scenario.h"

/*    first word       in JSON     what the other words are; the last may be `counts` (KEY=VALUE...),
 *                                 `children` (NAME=STATE,...) or `event` (all that follows) */
#define TRACE_LINE_LIST(X)                                                          \
    X("@",             "at",             "at event")                                \
    X("begin",         "begin",          "vertex")                                  \
    X("start",         "start",          "vertex starts")                           \
    X("start_failed",  "start_failed",   "vertex")                                  \
    X("start_ignored", "start_ignored",  "vertex")                                  \
    X("exit",          "exit",           "vertex starts class")                     \
    X("stop",          "stop",           "vertex starts class")                     \
    X("lost",          "lost",           "vertex starts class")                     \
    X("giveup",        "giveup",         "vertex why")                              \
    X("down",          "down",           "vertex starts class")                     \
    X("escalate",      "escalate",       "vertex parent why")                       \
    X("tree_down",     "tree_down",      "class")                                   \
    X("result",        "result",         "operation vertex answer")                 \
    X("count",         "count",          "vertex counts")                           \
    X("which",         "which",          "vertex children")                         \
    X("noop",          "noop",           "vertex why")                              \
    X("=",             "final",          "vertex starts state counts")

extern const struct scenario_out scenario_trace_text, scenario_trace_json;

#endif
