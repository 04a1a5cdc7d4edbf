/* stage.h - a scenario on real ranks: its workers are actors in slots, its events are inflicted on them
 *
 * Every rank is part of the stage: it has its workers start, fail and end as the scenario says, and tells the root what
 * its engine records and whether it rests.  The root directs (director.c): one event at a time, the next when all is
 * quiet, and the trace is written from the records in between, in the order of their Lamport stamps.
 *
 * How a start goes, or the stop of a worker that does not simply obey, is asked of the root when it begins (a cue).  A
 * gate's operation is sent before that cue is answered, so it is with the supervisor before the failed start is.
 *
 * Quiet: two waves in a row in which every rank rests (engines, slots, workers, reports, queues) and as many control
 * cells were heard as were sent, the same number both times.
 *
 * The engines' clock is the scenario's: only `sleep`, `align` and shutdown time-outs move it, at once.
 */
#ifndef TW_SUP_STAGE_H
#define TW_SUP_STAGE_H

#include "sup/rank_impl.h"

/*    deed       what is to happen                                       its numbers                */
#define STAGE_DEED_LIST(X)                                                                          \
    X(END)      /* a worker ends by itself, or is killed:                a: class                   */ \
    X(KILL)     /* a supervisor is killed from outside                                              */ \
    X(HOLD)     /* its engine looks at nothing until ...                                            */ \
    X(RELEASE)  /* ... now                                                                          */ \
    X(CLOCK)    /* the window clock is:                                  number: ms                 */ \
    X(STARTS)   /* cue: the start that was asked for goes ...            a: enum script_start       */ \
    X(STOPS)    /* cue: ... the stop ends it as:                         a: class                   */
enum stage_deed {
#define X(name) STAGE_##name,
    STAGE_DEED_LIST(X)
#undef X
};

/* A record of some rank's engine, as the trace needs it. */
struct stage_record {
    uint64_t stamp, index;
    uint32_t rank, vertex, other, starts;
    uint8_t what, cls, cause;           /* enum suptree_record */
};

/* stage.c: any rank */
struct stage *stage_create(struct rank *r);
void stage_destroy(struct stage *s);
uint64_t stage_clock_ms(const struct rank *r);
/* An engine's effects on an actor that is placed here. */
void stage_start(struct rank *r, uint32_t vertex, uint64_t life, uint32_t line, bool resume);
void stage_stop(struct rank *r, uint32_t vertex, uint64_t life, uint32_t how, uint32_t deadline_ms);
/* A start failed with this code: was it the answer "ignore"? */
bool stage_start_was_ignored(const struct rank *r, uint32_t code);
/* The class a life ended with, taking its word for it. */
uint32_t stage_class(const struct rank *r, uint32_t cls, uint32_t code);
/* A life has ended, in whatever way. */
void stage_ended(struct rank *r, uint32_t vertex, uint64_t life);
void stage_recorded(struct rank *r, const struct journal_record *rec, const struct suptree_effect *e);
void stage_count(struct rank *r, const union cell *c, bool sent);
void stage_on_cell(struct rank *r, int from, const union cell *c);
void stage_turn(struct rank *r);        /* at the very end of a turn */
void stage_do(struct rank *r, const struct cell_stage *c);

/* director.c: the root */
struct director *director_create(struct rank *r, struct reason *why);
void director_destroy(struct director *d);
void director_turn(struct rank *r);
void director_wave(struct rank *r, const struct cell_wave *c);
void director_record(struct rank *r, const struct stage_record *rec);
void director_result(struct rank *r, uint32_t vertex, uint64_t token, uint8_t answer);
void director_down(struct rank *r, uint8_t cls);
/* A cue is asked for by this rank: STARTS or STOPS. */
void director_cue(struct rank *r, int from, uint32_t vertex, enum stage_deed what);
/* Nothing of the script is under way at the root itself. */
bool director_rests(const struct rank *r);

#endif
