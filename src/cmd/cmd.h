/* cmd.h - the subcommands of the one binary, as one table */
#ifndef TW_CMD_CMD_H
#define TW_CMD_CMD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/reason.h"

/* Exit codes (sysexits where they fit). */
enum {
    EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_DATA = 65, EXIT_NOINPUT = 66,
    EXIT_UNAVAILABLE = 69, EXIT_INTERNAL = 70, EXIT_OS = 71, EXIT_CANTCREAT = 73, EXIT_IO = 74,
    EXIT_AGAIN = 75, EXIT_CONFIG = 78, EXIT_TIMELIMIT = 124
};

/*    name        function       one line for --help; "" = not for people     */
#define CMD_LIST(X)                                                                                \
    X("run",       cmd_run,       "be a rank, under mpirun or srun; alone: the whole job")         \
    X("launch",    cmd_launch,    "start mpirun with the right flags, show progress, give the verdict") \
    X("check",     cmd_check,     "say everything that is wrong with a specification")             \
    X("cc",        cmd_cc,        "build an actor program")                                        \
    X("status",    cmd_status,    "one screen about a running job")                                \
    X("tree",      cmd_tree,      "the tree with states, lives and places")                        \
    X("events",    cmd_events,    "the journal, of a running job or of an ended one")              \
    X("logs",      cmd_events,    "what actors logged, and last words of workers")                 \
    X("kill",      cmd_act,       "kill_tree: retire a branch at once")                            \
    X("terminate", cmd_act,       "stop a branch in order")                                        \
    X("restart",   cmd_act,       "start a branch again, from its commits or fresh")               \
    X("fail",      cmd_act,       "injure an actor, as a drill")                                   \
    X("child",     cmd_child,     "a supervisor's call about one child: terminate, restart, delete, start") \
    X("which",     cmd_look,      "a supervisor's children and how they are")                     \
    X("count",     cmd_look,      "how many children a supervisor has")                           \
    X("wait",      cmd_wait,      "wait until something is true, so that no script sleeps")        \
    X("simulate",  cmd_simulate,  "run a scenario on virtual time")                                \
    X("bench",     cmd_bench,     "measure what it costs, each figure beside a bare program")      \
    X("doctor",    cmd_doctor,    "what this machine can do, and what a job on it survives")       \
    X("probe",     cmd_probe,     "")                                                               \
    X("bench-part", cmd_bench_part, "")                                                            \
    X("worker",    cmd_worker,    "")                                                              \
    X("zygote",    cmd_zygote,    "")

#define X(name, function, help) int function(int argc, char **argv);
CMD_LIST(X)
#undef X

/* "treewarden: TEXT" on stderr, once; returns code, so that `return say(EXIT_DATA, &why)` is one line. */
int say(int code, const struct reason *why);

/* The exit code that fits a result code of a room. */
int exit_for(int rc);

/* The subcommand's own word of argv[0], which is "treewarden WORD". */
const char *own_name(char **argv);

/* Copy STATE-DIR's verdict of that generation to stdout, as it is.  0, EXIT_IO without one. */
int print_verdict_json(const char *state_dir, unsigned generation);

struct spec;
/* Load a specification and say everything that is wrong on stderr (unless quiet).  0 or the exit code. */
int load_spec(const char *file, const char *const *sets, int count, bool quiet, struct spec **ret);
struct tw_program;
struct loaded_program {
    const struct tw_program *table;     /* lives as long as the process */
    int image_fd;                       /* owned; program.h */
    uint64_t hash;
};
/* Load its program and see that every actor type is there, and which are host actors; what is wrong goes to error, a
 * line at a time.  0 or the exit code. */
int load_program(struct spec *s, void (*error)(void *self, const char *text), void *self,
                 struct loaded_program *ret);

/* The number of ranks that was asked for, or else (0) the fewest the job fits on; 0: neither, with why. */
int ranks_for(const struct spec *s, int asked, struct reason *why);

#define SETS_MAX 64
struct argp_state;
/* One more --set; beyond SETS_MAX a usage error.  arg is borrowed. */
void add_set(const char **sets, int *count, const char *arg, const struct argp_state *state);
/* What --homes says, or a usage error. */
struct scenario_homes;
void read_homes(struct scenario_homes *ret, const char *arg, const struct argp_state *state);
/* After all options: a usage error unless there is either a specification or a scenario, and nothing that is for the
 * other. */
void one_input(const char *file, const char *scenario, bool for_spec, bool homes, const struct argp_state *state);

#endif
