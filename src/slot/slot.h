/* slot.h - what a slot and slot 0 do: the same code for host threads, GPU blocks and the simulator
 *
 * A backend gives each slot a loop: slot_turn until it says how long nothing is due, then sleep on the
 * slot's bell.  All state that matters lies in the arena; struct slot is one thread's private view of it.
 * Nothing here reads a clock, starts a thread or does I/O: time comes in, wake-ups and files go out
 * through slot_env.
 */
#ifndef TW_SLOT_SLOT_H
#define TW_SLOT_SLOT_H

#include <treewarden/actor.h>

#include "slot/layout.h"

#define SLOT_NEVER UINT64_MAX

/* What the backend does for the slots.  Every function may be NULL where a backend has nothing to do. */
struct slot_env {
    void *self;                                         /* borrowed */
    void (*wake)(void *self, struct bell_word *bell);   /* somebody may sleep here: wake it */
    void (*wake_rank)(void *self);                      /* the up ring has something */
    void (*fenced)(void *self, uint32_t slot);          /* its thread is not to be scheduled any more */
    /* Act out a wedge or segv drill in the backend's own way; NULL: loop for ever, write to nowhere. */
    void (*injure)(void *self, uint32_t slot, uint32_t how);
    const char *(*sink)(void *self, uint32_t slot, const char *name);  /* host actors: a path, or NULL */
    int (*sink_commit)(void *self, uint32_t slot);      /* rename what sink gave out; 0 or TW_ESYS */
    void (*sink_drop)(void *self, uint32_t slot);       /* the life ended: remove what sink gave out */
};

/* The worker's view of its arena, shared by its slots; fill by arena_view_init. */
struct arena_view {
    struct arena_header *header;
    struct arena_offsets at;
    struct arena_geometry geo;
    char *base;                         /* far */
    char *near;                         /* behind it; who has it elsewhere says so after arena_view_init */
};

/* Check magic, geometry and size of a mapped arena and compute the offsets.  0 or TW_EPROTO. */
HD int arena_view_init(struct arena_view *v, void *base, uint64_t bytes);

/* Everything a rank must write before a worker may start: header, empty rings, idle slots.  base is
 * zeroed memory of arena_bytes(geo).  Names and directory are the caller's to fill. */
HD void arena_format(void *base, const struct arena_geometry *geo, uint64_t incarnation);
HD uint64_t arena_bytes(const struct arena_geometry *geo);

/* Pieces of a slot (1..slots); all borrowed from the arena.  Far: a rank's as well. */
HD struct slot_config *arena_config(const struct arena_view *v, uint32_t slot);
HD struct commit_head *arena_commit(const struct arena_view *v, uint32_t slot, uint32_t which);
HD struct byte_ring *arena_down(const struct arena_view *v);
HD struct byte_ring *arena_up(const struct arena_view *v);
/* What a rank may know of the slot's line and of what it has in hand: they themselves, or what slot 0 shows of them. */
HD struct slot_is *arena_shown_is(const struct arena_view *v, uint32_t slot);
HD struct slot_hand *arena_shown_hand(const struct arena_view *v, uint32_t slot);
/* Near: a rank writes the first three before the worker starts. */
HD struct arena_name *arena_names(const struct arena_view *v);
HD uint64_t *arena_directory(const struct arena_view *v);
HD struct peer_end *arena_ends(const struct arena_view *v);
HD struct slot_want *arena_want(const struct arena_view *v, uint32_t slot);
HD struct slot_is *arena_is(const struct arena_view *v, uint32_t slot);
HD struct slot_config *arena_own_config(const struct arena_view *v, uint32_t slot);     /* the slot's own copy */
HD struct slot_hand *arena_hand(const struct arena_view *v, uint32_t slot);
HD struct bell_word *arena_bell(const struct arena_view *v, uint32_t slot);        /* 0 = slot 0's */

/* Rings of cells with bodies, one writer and one reader. */
HD int ring_put(struct byte_ring *r, uint64_t size, const union cell *c, const void *body, uint32_t bytes);
/* Next cell: 1 with *ret_cell and a borrowed body (valid until ring_drop), 0 if empty, TW_EPROTO if the
 * writer broke it.  Body is copied to `body` (room bytes); longer ones are TW_EPROTO. */
HD int ring_peek(struct byte_ring *r, uint64_t size, union cell *ret_cell, void *body, uint32_t room,
                 uint32_t *ret_bytes);
HD void ring_drop(struct byte_ring *r, uint64_t size);

/* What a slot keeps about a stream beside what is committed: how far this life has got in telling. */
struct slot_route {
    uint64_t where;                     /* directory word last acted on */
    uint64_t rung;                      /* highest number whose bell was put */
    uint64_t window;                    /* highest number the peer has said it consumed */
    uint64_t told;                      /* highest `consumed` told to the peer */
    uint64_t moved_ms;                  /* when rung, window or acked last changed */
    uint32_t first, last;               /* outbox entries acked + 1 .. sent; NO_POS = none */
    uint32_t ring_at;                   /* entry of number rung + 1; NO_POS */
    uint32_t ack_due;                   /* enum: 0 none, 1 ack, 2 nack */
};
#define POS_FREE 0xfffffffeu

/* ---- one slot ---- */
struct tw_ctx {
    struct tw_ctx_head head;            /* first: actor.h reads it */
    struct slot *slot;
};

struct slot {
    struct arena_view *view;            /* borrowed */
    const struct tw_program *program;   /* borrowed */
    const struct slot_env *env;         /* borrowed */
    struct slot_want *want;
    struct slot_is *is;
    struct slot_config *config;         /* of the life in hand: stable until it ended */
    struct slot_image *image;
    struct stream *streams;
    char *outbox;
    void *state;
    struct slot_hand *hand;             /* what the message in hand is ... */
    char *message;                      /* ... and the slot's own copy of it, behind that; message_bytes + 8 */
    struct tw_ctx cx;
    uint64_t life;                      /* 0 = none */
    uint64_t now_ms;
    uint64_t commit_due_ms;             /* `within` of the oldest uncommitted call; SLOT_NEVER = clean */
    uint32_t index;
    uint32_t next_lane;                 /* scan starts here: nobody starves */
    uint32_t outbox_hint;
    uint32_t handled;                   /* handler calls since the commit */
    /* of the handler call in hand */
    uint32_t sends;
    uint32_t failed;                    /* 0, or 1 + exit_cause; code beside it */
    uint32_t fail_code;
    uint32_t wants_commit, wants_done, wants_again, wants_ready;
    uint32_t added_timers;
    uint64_t added_progress;
    uint64_t draws;
    uint64_t result;
    uint32_t staged_first, staged_last; /* outbox entries written by the handler in hand */
    uint32_t urgent;                    /* a peer's outbox is running full: commit at the next chance */
    uint32_t prefer_message;            /* a step ran last: let a message go first */
    uint32_t sinks;                     /* files given out since the commit */
    uint32_t drilled;                   /* this life's drill was acted out */
    volatile uint64_t *nowhere;         /* where a segv drill writes: nothing is mapped there */
    uint32_t lane_full;                 /* a bell found no room when it was last tried */
    /* what there is to look at, so that a turn costs what it does and not what there could be */
    uint32_t outbox_free;               /* entries of the outbox that are POS_FREE */
    uint32_t stream_hint;               /* the stream last found */
    uint32_t pump_due;                  /* a bell or an ack may have become possible */
    uint32_t maybe_fresh;               /* a stream may have fresh_due */
    uint64_t asks_leave, asks_told;     /* requests up to this number are committed; have left in this life */
    uint64_t asks_ms;                   /* when the last left */
    uint32_t rings_seen;                /* of the own bell, at the last look at all lanes */
    uint64_t looked_ms;                 /* when that was: a lost ring costs a millisecond, no more */
    uint64_t urgent_ms;                 /* when `urgent` was set */
    uint64_t marked[LANE_WORDS];        /* bit per lane that may hold bells; bit 0: the inbox */
    uint32_t downs;                     /* bit per monitor that was seen to be over ... */
    uint64_t down_tail[SLOT_MONITORS];  /* ... and what lay here of its peer's then: up to this tail of its lane */
    struct lane_bell *in_hand;          /* [slots + 1]: what is left of the last bell taken from a lane */
    struct bell_word *bell;             /* the own one */
    struct lane *lanes;                 /* [slots + 1], into this slot */
    struct slot_route *routes;          /* one per stream */
    uint32_t *next;                     /* per outbox entry: the next of its stream; POS_FREE = unused */
};

/* Bytes of private memory slot_init wants (8-aligned, zeroed, lives as long as the slot). */
HD uint64_t slot_private_bytes(const struct arena_geometry *geo);

HD void slot_init(struct slot *s, struct arena_view *view, uint32_t index,
                  const struct tw_program *program, const struct slot_env *env, void *memory);

/* One bounded turn: see to orders, take at most one message or step, commit if due, ring bells.  Returns
 * 0 = more is to be done at once, else the time (same clock as now_ms) something is due next, SLOT_NEVER
 * if only a bell can bring work.  The slot's own thread. */
HD uint64_t slot_turn(struct slot *s, uint64_t now_ms);

/* ---- slot 0 ---- */
struct slot0 {
    struct arena_view *view;            /* borrowed */
    const struct slot_env *env;         /* borrowed */
    struct slot0_watch *watch;          /* one per slot */
    struct slot0_ack *acks;             /* peers per slot: acks from elsewhere not yet handed over */
    char *body;                         /* one message */
    uint64_t now_ms;
    uint32_t next_slot;
    uint64_t marked[LANE_WORDS];        /* bit per slot whose lane may hold bells or acks */
    uint64_t acks_due[LANE_WORDS];      /* bit per slot with an ack to be handed over */
    uint32_t up_blocked;                /* the up ring was full in this turn */
    uint32_t quit;                      /* SLOT_QUIT was seen */
    uint64_t beat;
    uint32_t peers_moved;               /* the directory changed in this turn: running slots are to be rung */
};

HD uint64_t slot0_private_bytes(const struct arena_geometry *geo);
HD void slot0_init(struct slot0 *z, struct arena_view *view, const struct slot_env *env, void *memory);

/* One bounded turn: commands down, bells and reports up, wedge and stop deadlines.  cpu_ns[slot]: executable
 * time its thread has used (host: its CPU clock; a GPU: sweeps of block 0), looked at only for busy slots;
 * may be NULL when no slot is busy.  Returns when it wants its next turn at the latest (as slot_turn). */
HD uint64_t slot0_turn(struct slot0 *z, uint64_t now_ms, const uint64_t *cpu_ns);

/* ---- commits, for a rank that moves them ---- */
/* The newest commit of a slot, if it is whole: copied (head and bytes) to `to`.  Returns its bytes with the
 * head; 0 if the slot never committed; TW_ELOST if what it had is damaged; TW_ETOOBIG. */
HD int64_t commit_fetch(const struct arena_view *v, uint32_t slot, void *to, uint64_t room);
/* Put a fetched commit into an idle slot, as the one its next life resumes from; NULL = none. */
HD int commit_place(const struct arena_view *v, uint32_t slot, const void *commit, uint64_t bytes);
/* The number of a fetched commit. */
HD uint64_t commit_number(const void *commit);
/* The image in a fetched commit, and its streams (image->stream_count); borrowed. */
HD const struct slot_image *commit_image(const void *commit, const struct stream **ret_streams);

#endif
