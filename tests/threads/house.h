/* house.h - a whole job in one process, in real time: each rank's loop on a thread, its workers' slots on others
 *
 * Rank loops, device managers, slots and actors are those that run for real, and so are the slots' threads
 * (worker/slots.h).  Played here: the link, a queue under a lock, and the worker as a process: its memory comes
 * from malloc, and killed it ends after the turns in hand.  What the two sides of an arena say to each other goes
 * through the arena alone: nothing here that may order their accesses (a lock, a wake-up of the rank's loop) lies
 * beside it, so that a tool that watches threads judges src/slot and not this file.
 */
#ifndef TW_TESTS_THREADS_HOUSE_H
#define TW_TESTS_THREADS_HOUSE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "port/device.h"
#include "port/link.h"
#include "shared/cell.h"
#include "spec/placement.h"
#include "spec/spec.h"
#include "store/journal.h"
#include "store/verdict.h"
#include "sup/rank.h"
#include "worker/slots.h"

#define HOUSE_RANKS 2

struct house;
struct side;

/* What an operator does, one after the other, at rank 1: when its actors have made `at` units of progress, what
 * came before has healed and all actors run. */
struct injury {
    uint64_t at;
    const char *path;
    enum rank_verb verb;
    uint32_t how;               /* FAIL: enum drill_how */
};

struct frame {
    struct frame *next;
    int from;
    union cell cell;
    size_t bytes;
    uint64_t body[];
};

struct told {                   /* an event of a worker on its way to the rank */
    struct told *next;
    struct device_event event;
};

struct worker {                 /* one incarnation */
    struct side *side;
    struct worker *next;
    int device;
    uint32_t incarnation;
    void *arena;                /* owned */
    struct arena_view view;
    pthread_t thread;           /* slot 0's; starts the others */
    struct slots *slots;        /* written before the arena's boot word */
    bool started;               /* rank's thread */
    bool up, over;              /* under side->lock: slots may be stopped; they are about to be freed */
    int killed_by;              /* under side->lock; 0 = nobody */
};

struct side {                   /* one rank and all that is its own */
    struct house *house;
    int number;
    pthread_t thread;
    struct rank *rank;          /* owned, as all below */
    struct journal *journal;
    uint64_t records;           /* of the journal */
    struct worker *workers;
    pthread_mutex_t lock;       /* of the next five */
    struct frame *frames, **frames_end;
    struct told *told, **told_end;
    bool ended;                 /* its loop: what is sent to it goes nowhere */
    uint32_t under_way[HOUSE_RANKS];    /* frames per sender; under lock */
    struct frame *in_hand;      /* rank's thread */
    int exit_code;
    bool late;                  /* it was given up: patience ran out */
    /* rank 1: the injuries */
    uint32_t next;              /* of the plan */
    bool asked, answered;
    uint64_t life;              /* of the target when it was injured */
    int32_t answer;
};

struct house {
    const struct spec *spec;            /* borrowed, as the next three */
    const struct tw_program *program;
    const char *out_dir;
    const struct injury *plan;
    uint32_t planned;
    struct placement places;
    struct side sides[HOUSE_RANKS];
    struct verdict verdict;             /* rank 0's, when its thread has ended */
    bool has_verdict;
    char failure[256];                  /* of the plan: what an operator was told */
};

/* Run the job to its end.  0, or -1: it could not be set up. */
int house_run(struct house *h);
void house_free(struct house *h);

/* links.c, workers.c */
struct link house_link(struct side *s);
void frames_drop(struct side *s);
struct device_port house_devices(struct side *s);
void workers_drop(struct side *s);      /* after the rank's end: all are over */

/* injuries.c: rank 1's thread, between two turns */
void injuries_turn(struct side *s);

#endif
