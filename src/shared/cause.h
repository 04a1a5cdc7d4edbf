/* cause.h - how a life ended (class, OTP's four) and what ended it (cause, ours)
 *
 * The class alone decides what a supervisor does; the cause is for people, for `on_cause:` and for
 * the verdict (design: extension 3).  Numbers are append-only: they cross the wire and stand in
 * journals.
 */
#ifndef TW_SHARED_CAUSE_H
#define TW_SHARED_CAUSE_H

/*    name      no  printed     */
#define EXIT_CLASS_LIST(X) \
    X(NORMAL,   0, "normal")    \
    X(SHUTDOWN, 1, "shutdown")  \
    X(KILLED,   2, "killed")    \
    X(ABNORMAL, 3, "abnormal")

enum exit_class {
#define X(name, no, text) CLASS_##name = (no),
    EXIT_CLASS_LIST(X)
#undef X
    CLASS_COUNT
};

/*    name           no  printed            what a person should know */
#define EXIT_CAUSE_LIST(X) \
    X(NONE,           0, "none",            "nothing is known")                               \
    X(DONE,           1, "done",            "the actor said tw_done")                         \
    X(CODE,           2, "failed",          "the actor said tw_fail")                         \
    X(BOUNDS,         3, "bounds",          "an access outside an array, caught by TW_AT")    \
    X(WEDGED,         4, "wedged",          "busy without progress for its deadline")         \
    X(SEGV,           5, "segv",            "its handler broke the worker process")           \
    X(WORKER,         6, "worker lost",     "the device's process died under it")             \
    X(DEVICE,         7, "device lost",     "the device is quarantined")                      \
    X(RANK,           8, "rank lost",       "the rank's process died")                        \
    X(HOST,           9, "host lost",       "the host is gone")                               \
    X(STATE,         10, "state lost",      "no valid commit is left")                        \
    X(OPERATOR,      11, "operator",        "a person asked for it")                          \
    X(SUPERVISOR,    12, "supervisor",      "its supervisor stopped it")                      \
    X(GIVEUP,        13, "gave up",         "restart intensity was exceeded")                 \
    X(AUTO_SHUTDOWN, 14, "auto_shutdown",   "a significant child ended")                      \
    X(START,         15, "start failed",    "it could not be started")                        \
    X(MEMORY,        16, "limits",          "a send, peer or timer beyond what the spec allows") \
    X(SIGNAL,        17, "signal",          "the job was told to stop by a signal")           \
    X(LAUNCHER,      18, "launcher lost",   "mpirun went away under the job")                      \
    X(CAPACITY,      19, "no slot",         "no device of its rank has a free slot")               \
    X(SUSPECT,       20, "suspect",         "it broke its worker three times from the same commit")    \
    X(NO_PROCESS,    21, "no process",      "who was to be monitored had no life")

enum exit_cause {
#define X(name, no, text, help) CAUSE_##name = (no),
    EXIT_CAUSE_LIST(X)
#undef X
    CAUSE_COUNT
};

static inline const char *exit_class_name(unsigned cls)
{
    switch (cls) {
#define X(name, no, text) case no: return text;
    EXIT_CLASS_LIST(X)
#undef X
    }
    return "?";
}

static inline const char *exit_cause_name(unsigned cause)
{
    switch (cause) {
#define X(name, no, text, help) case no: return text;
    EXIT_CAUSE_LIST(X)
#undef X
    }
    return "?";
}

#endif
