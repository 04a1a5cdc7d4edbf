/* journal.h - the record of every step, written to STATE-DIR off the loop thread
 *
 * One record is one fact: what happened to which life, when (tree time and Lamport stamp), and which
 * record caused it.  `events`, `logs`, `trace`, `report` and scenario traces are views of journals,
 * nothing else.  Each rank writes its own file, journal.GENERATION.RANK.jsonl, one JSON object a line;
 * merged order of several files = (stamp, rank, index); wall clocks are for display only.
 */
#ifndef TW_STORE_JOURNAL_H
#define TW_STORE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/reason.h"

/*    name         no  printed        a, b mean                                                     */
#define JOURNAL_LIST(X)                                                                              \
    X(JOB,          1, "job",          "a: ranks, b: seed; text: what began or ended")               \
    X(READY,        2, "ready",        "a: ranks, b: devices; text: why not others")                 \
    X(BEGIN,        3, "begin",        "a supervisor begins to start")                               \
    X(START,        4, "start",        "a: how often it was started; b: slot or 0")                  \
    X(START_FAILED, 5, "start_failed", "a start attempt failed")                                     \
    X(EXIT,         6, "exit",         "a life ended by itself; a: starts, b: actor's code")         \
    X(STOP,         7, "stop",         "a life was ended by its supervisor; a: starts")              \
    X(LOST,         8, "lost",         "a life went down with its worker or supervisor; a: starts")  \
    X(GIVEUP,       9, "giveup",       "a supervisor gives up; cause says why")                      \
    X(DOWN,        10, "down",         "a supervisor ended by its own decision")                     \
    X(ESCALATE,    11, "escalate",     "its parent gets the exit; a: parent vertex")                 \
    X(TREE_DOWN,   12, "tree_down",    "the root is gone")                                           \
    X(COMMAND,     13, "command",      "an operator's command; text: it")                            \
    X(RESULT,      14, "result",       "its answer; text: it")                                       \
    X(ORDER,       15, "order",        "an order left; a: rank, b: order number")                    \
    X(DRILL,       16, "drill",        "an injury was inflicted; a: index, b: step; text: how")      \
    X(FAULT,       17, "fault",        "a fault was detected; a: device, b: slot; cause")            \
    X(RESUMED,     18, "resumed",      "next life's first handler ran; a: commit resumed from, b: " \
                                       "messages in its outbox")                                     \
    X(WORKER,      19, "worker",       "a: device, b: pid; text: up, down and why")                  \
    X(SLOT,        20, "slot",         "a: device, b: slot; text: fenced, spare, recycled, moved")   \
    X(PEER,        21, "peer",         "a: rank; text: connected, gone, goodbye")                    \
    X(LOG,         22, "log",          "an actor's tw_log; code in cls.., a, b")                     \
    X(STREAMS,     23, "streams",      "sum over streams; text: accepted = ...")                     \
    X(SIGNAL,      24, "signal",       "a: number")                                                  \
    X(GAP,         25, "gap",          "a: records dropped because the writer was behind")           \
    X(VERDICT,     26, "verdict",      "a: exit code; text: reason")                                 \
    X(QUARANTINE,  27, "quarantine",   "given up and kept for `restart`; cause says why")            \
    X(DELAY,       28, "delay",        "the next start waits; a: milliseconds")                      \
    X(START_IGNORED, 29, "start_ignored", "a start attempt answered: nothing to run")                \
    X(WAITING,     30, "waiting",      "a restart found no slot: it is made when one may be free")  \
    X(LETTER,      31, "dead_letter",  "a message no handler is given any more; from: sender, a: "   \
                                       "number, b: bytes, code: type; text: why, and the file with them")

enum journal_type {
#define X(name, no, text, help) JOURNAL_##name = (no),
    JOURNAL_LIST(X)
#undef X
    JOURNAL_TYPE_COUNT
};

#define JOURNAL_TEXT_BYTES 80

struct journal_record {
    uint64_t stamp;             /* Lamport */
    uint64_t index;             /* of this rank's journal, from 1; filled by journal_put */
    uint64_t tree_us;           /* tree time, microseconds */
    uint64_t cause_stamp;       /* stamp of the record that led to this one; 0 = none */
    uint64_t life;
    uint64_t a, b;
    uint32_t vertex;            /* UINT32_MAX: about no vertex */
    uint32_t code;
    uint16_t type;              /* enum journal_type */
    uint8_t cls, cause;         /* shared/cause.h; meaningful where the type says so */
    uint16_t cause_rank;
    uint32_t from;              /* LETTER: the sender */
    char text[JOURNAL_TEXT_BYTES];      /* NUL-terminated, may be "" */
};

struct journal;

/* How a vertex id is printed: the path.  Borrowed for the journal's life; called on the writer thread. */
typedef const char *(*journal_path_f)(const void *self, uint32_t vertex);

/* Open DIR/journal.GENERATION.RANK.jsonl (created, 0600) and start the writer thread.  0 or TW_ESYS with
 * the reason.  Owned by the caller; close flushes. */
int journal_open(const char *dir, unsigned generation, int rank, journal_path_f path,
                 const void *path_self, struct journal **ret, struct reason *why);

/* A journal that goes nowhere but to `take`, at once and on the caller's thread; close it as the other. */
typedef void (*journal_take_f)(void *self, const struct journal_record *rec);
int journal_open_memory(journal_take_f take, void *self, struct journal **ret);

/* One record as it stands in a file, with its newline.  Returns its length; 2560 bytes are enough. */
size_t journal_format(const struct journal_record *rec, int rank, journal_path_f path, const void *path_self, char *out,
                      size_t room);

/* Queue a record (copied).  Loop thread only; never blocks, never does I/O: when the writer is behind by
 * the whole ring (32768 records) the record is counted and a GAP record follows later.  Returns its
 * index. */
uint64_t journal_put(struct journal *j, struct journal_record *rec);

/* Write out everything queued so far and fsync; waits at most timeout_ms.  0 or TW_EAGAIN. */
int journal_flush(struct journal *j, unsigned timeout_ms);

/* Run a job (write a file and rename it, e.g.) on the writer thread, after the records queued so far.
 * job owns `self` from here on.  TW_EFULL when 16 are waiting. */
int journal_defer(struct journal *j, void (*job)(void *self), void *self);

/* How many jobs were deferred and are not done.  Loop thread. */
unsigned journal_deferred(const struct journal *j);

/* Flush within timeout_ms, stop the thread, close.  NULL is fine. */
void journal_close(struct journal *j, unsigned timeout_ms);

#endif
