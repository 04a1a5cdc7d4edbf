/* scenario.c - the worker of a scenario on real ranks: it starts, fails and ends as it is told
 *
 * Built into the program (src/cmd/scenario_program.c) for `treewarden run --scenario`.  How it is to start stands in
 * its argument; to end is a message of its supervisor.  Class `shutdown` and the answer "ignore" are OTP's alone: a
 * code says them, and the rank takes it at its word (sup/stage.h).
 */
#include <treewarden/actor.h>

enum { START, START_FAILS, START_IGNORED };
enum { END_NORMAL = 1, END_SHUTDOWN = 2, END_ABNORMAL = 3 };

struct worker { uint64_t told; };

TW_INIT(worker)
{
    uint64_t how = tw_arg_u64(cx, "start");

    s->told = 0;
    if (how != START)
        tw_fail(cx, (uint32_t)how);
}

TW_RECEIVE(worker)
{
    s->told = m->type;
    if (m->type == END_ABNORMAL)
        tw_fail(cx, m->type);
    else
        tw_done(cx, m->type);
}

TW_NO_STEP(worker)
TW_PROGRAM(worker)
