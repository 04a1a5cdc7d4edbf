/* root_impl.h - the root's state */
#ifndef TW_SUP_ROOT_IMPL_H
#define TW_SUP_ROOT_IMPL_H

#include "sup/root.h"

#define ROOT_LOG 1024u
#define STREAM_SUMS 65536u              /* streams in one job's sum */
#define TOKEN_DRILL (1ull << 63)        /* tokens of drills, ...                      */
#define TOKEN_SCENARIO (1ull << 62)     /* ... of a scenario; those of commands are below */

struct drill_state {
    bool fired, step_reached;
    uint64_t fired_us, again_us;
    uint64_t settled_us;                /* kill, restart: the answer came */
    uint32_t fault;                     /* kill: 1 + its place in the verdict */
};

struct stream_sum {
    uint32_t src, dst;
    bool used, has_out, has_in;
    uint32_t out_line, in_line;         /* both src's: now, and as dst has last heard it */
    uint64_t sent, lost, dead, consumed, in_base, in_closed, skipped;
    /* by and to children that were in their places before */
    uint64_t past_sent;                 /* by those in src's */
    uint32_t past_line;                 /* of src ... */
    uint64_t past_in, past_old;         /* ... of which those in dst's had so much, and of earlier ones */
};

#define COMMANDS 64u                    /* under way at once */

struct pending_command {
    bool used;                          /* until it is answered and no engine will speak of it any more */
    bool settled, told;                 /* the answer stands; and is on its way */
    int from;
    uint64_t token, since_us;
    uint32_t left;
    const char *word;                   /* of the answer, for the journal; NULL: done */
    struct rank_command command;
    struct rank_answer answer;
};

enum root_end { END_NOT_YET, END_SUMMING, END_WRITING, END_WRITTEN };

struct root {
    struct suptree *tree;               /* owned */
    struct raftlog *log;                /* owned */
    bool taking;
    uint64_t *orders, *reported;        /* owned; per rank */
    struct drill_state *drills;         /* owned */
    struct stream_sum *sums;            /* owned; open hash */
    struct pending_command commands[COMMANDS];
    uint32_t *matches;                  /* owned; per vertex */
    struct view_children counted;       /* by the home of a supervisor that was asked, whose answer is being told */
    struct director *director;          /* in a scenario; owned */
    enum root_end end;
    int sums_due;
    uint64_t sum_by_us, written_by_us;
    int signal;
    bool launch_lost;
    uint64_t signal_us;
    uint32_t restarts, giveups, workers_lost, slots_fenced;     /* as ranks said at their end; the first two: others */
    struct verdict verdict;
};

void root_fill_verdict(const struct rank *r, struct verdict *v);

#endif
