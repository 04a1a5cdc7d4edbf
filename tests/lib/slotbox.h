/* slotbox.h - devices, slots and a small rank in one process, one thread and virtual time
 *
 * Every slot thread and every slot 0 is a fiber.  Built with TW_CRASH_POINTS, a fiber may be left before
 * any access to a shared word: another runs then, or this one never again (it died at that store).  All
 * choices come from one seed, so a run is replayed by its seed.  Without TW_CRASH_POINTS turns are whole.
 *
 * The rank here moves cells between devices, tells where vertices are, and starts new lives.
 */
#ifndef TW_TESTS_SLOTBOX_H
#define TW_TESTS_SLOTBOX_H

#include <stdbool.h>
#include <ucontext.h>

#include "slot/slot_impl.h"

#define BOX_DEVICES 4u
#define BOX_SLOTS 12u
#define BOX_VERTICES 12u

struct box;

struct box_thread {                     /* of a slot, or slot 0 (index 0) */
    ucontext_t context;
    void *stack;
    struct box *box;
    struct box_device *device;
    uint32_t index;
    bool begun, dead, stuck;            /* stuck: inside a handler that does not return */
    bool mid_turn;
    uint64_t due_ms;
    uint64_t turns;
    void *fake_stack;
};

struct box_mail {
    struct box_mail *next;
    union cell cell;
    uint32_t bytes;
    uint64_t at_ms;
    char body[];
};

struct box_queue { struct box_mail *first, **last; };

struct box_device {
    uint32_t number;
    char *arena, *near;                 /* owned; near: NULL = in the arena */
    struct arena_view view;
    struct slot slots[BOX_SLOTS + 1];   /* [0] unused */
    struct slot0 slot0;
    void *memory[BOX_SLOTS + 1];
    struct box_thread thread[BOX_SLOTS + 1];
    uint64_t cpu_ns[BOX_SLOTS + 1];
    uint32_t tenant[BOX_SLOTS + 1];     /* vertex, or CELL_NOBODY */
    bool lost[BOX_SLOTS + 1];           /* fenced, or its thread died */
    struct box_queue control, data, late;
};

struct box_vertex {
    struct slot_config config;          /* what each life starts from */
    uint32_t device, slot;              /* slot 0 = nowhere */
    uint32_t status;                    /* enum peer_status */
    uint64_t life;
    bool used, ended, up;
    uint64_t end;                       /* SLOT_END of the last life */
    struct peer_end ended_life;         /* the last that was up */
    char *commit;
    int64_t commit_bytes;
    uint32_t starts;
    bool fault_at;                      /* a wedge was put here: its end is expected */
};

struct box {
    uint64_t seed, rng, now_ms, steps, next_life, incarnation;
    struct arena_geometry geo;
    const struct tw_program *program;
    uint32_t devices;
    struct box_device device[BOX_DEVICES];
    struct box_vertex vertex[BOX_VERTICES];
    struct slot_env env;
    /* how rough: each is one in so many; 0 = never */
    uint32_t yields, dups, lates, drops;
    uint32_t delay_ms;
    /* the death waited for: the `crash_after`-th store of this thread */
    struct box_thread *crash_thread;
    uint64_t crash_after;
    bool crashed;
    uint64_t stores;                    /* of all threads */
    uint32_t wedge_vertex;              /* its next handler does not return */
    uint32_t failures;                  /* facts that did not hold; each was printed */
    uint64_t logs, dues, routed;
    bool by_hand;                       /* ends are noted, no new life begins */
    uint32_t kept;                      /* messages and acks to vertices that live nowhere here */
    struct { union cell cell; uint64_t value; } keep[256];
    uint32_t asked;                     /* requests for children, as the rank got them */
    union cell ask[16];                 /* [% 16] */
    bool calm;                          /* no faults: the sums must close on both sides */
};

/* seed decides everything.  All devices are equal.  The program is borrowed. */
struct box *box_new(uint32_t devices, const struct arena_geometry *geo, const struct tw_program *program,
                    uint64_t seed);
void box_free(struct box *b);
uint32_t box_random(struct box *b, uint32_t below);

/* A vertex with room as the geometry allows; change box->vertex[v].config before box_start. */
struct slot_config *box_add(struct box *b, uint32_t vertex, uint32_t actor_type);
void box_arg(struct slot_config *c, const char *name, uint64_t value);
/* A new life.  slot 0 = any free one on that device, then on any other.  resume: from what is held. */
void box_start(struct box *b, uint32_t vertex, uint32_t device, uint32_t slot, bool resume);

/* One whole turn, in order (no fiber): for tests that say step by step what happens. */
void box_turn(struct box *b, uint32_t device, uint32_t slot);   /* 0 = slot 0 */
void box_route(struct box *b);          /* the rank: all mail that is due, all rings */
/* Rounds of slot 0s, the rank and slots, each in number order, `ms` apart. */
void box_rounds(struct box *b, uint32_t rounds, uint32_t ms);

/* Let a fiber run on until it leaves: at the end of its turn, at a box_pause, or at an access. */
void box_fiber(struct box *b, uint32_t device, uint32_t slot);
void box_pause(void);                   /* called from inside a fiber: stop here until box_fiber */

/* A message, ack (or nack) for `to`, as if a vertex that lives nowhere here (`from`) had sent it. */
void box_inject(struct box *b, uint32_t from, uint32_t to, uint64_t lines, uint64_t seq, uint64_t first,
                uint64_t value);
void box_inject_ack(struct box *b, uint32_t from, uint32_t to, uint64_t lines, uint64_t consumed,
                    uint64_t durable, bool nack);
/* A cell for the slot 0 where a vertex is. */
void box_tell(struct box *b, uint32_t vertex, const union cell *c);
/* Say where a vertex that lives nowhere here is. */
void box_place(struct box *b, uint32_t vertex, uint32_t line, uint64_t life, uint32_t status);

/* One random step of one fiber or of the rank. */
void box_step(struct box *b);
/* Until every vertex ended (1), or most steps were made (0). */
int box_run(struct box *b, uint64_t most);

/* Faults. */
void box_send_slot(struct box *b, uint32_t vertex, uint16_t type, uint32_t how, uint32_t deadline_ms);
void box_kill_slot(struct box *b, uint32_t device, uint32_t slot);   /* its thread never runs again */
/* The worker dies: commits are fetched, its memory is overwritten, a new one resumes all its actors;
 * spread: on other devices where there is room. */
void box_drop_device(struct box *b, uint32_t device, bool spread);
void box_crash_heal(struct box *b, bool whole_device);  /* after box->crashed */

/* Is the thread in the middle of a handler told not to return?  Called by test actors. */
void box_handler(struct tw_ctx *cx, uint32_t vertex);

/* What is held durable of a vertex now: from its slot, else from the rank.  NULL = nothing yet. */
const struct slot_image *box_commit(struct box *b, uint32_t vertex, const struct stream **ret_streams);
const void *box_state(struct box *b, uint32_t vertex);  /* within it */
struct slot *box_slot(struct box *b, uint32_t vertex);  /* NULL: nowhere */
const struct stream *box_stream(const struct stream *s, uint32_t count, uint32_t peer);

/* Whether every stream's numbers agree; prints those that do not.  closed: all ended or quiet. */
void box_check(struct box *b);
void box_check_sums(struct box *b);
void box_say(struct box *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
