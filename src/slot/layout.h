/* layout.h - what lies where in the memory a rank and one worker share: the arena
 *
 * One arena per worker incarnation, all offsets computed from a geometry that both sides hold, so neither
 * trusts a pointer or an offset the other wrote.  Every word names its single writer.  Slots are numbered
 * 1..slots; number 0 is slot 0, the device's own supervisor loop.
 *
 *   far:  header | down ring | up ring | slot[1..n] = config | shown | commit[2]
 *   near: names | directory | ends | slot 0 bell, lanes | slot[1..n] = control | bell | lanes | inbox | log | hand | live
 *
 * Far is what the rank reads and writes while the worker runs.  Near is the slots' own; on a host it lies behind the
 * far part and the rank may look there, too.  A GPU has it in its own memory (geometry.apart): it begins as the rank
 * wrote it, names, directory and ends, the rest zero; from then on the rank knows of it what slot 0 shows (`shown`).
 */
#ifndef TW_SLOT_LAYOUT_H
#define TW_SLOT_LAYOUT_H

#include "shared/cell.h"
#include "slot/order.h"

#define ARENA_MAGIC 0x316e657261777401ull
#define SLOT_MAX 255u                   /* slots per device in this version; lanes grow as its square */
#define LANE_BELLS 32u                  /* a bell of this device counts in any number of messages */
#define LANE_ACKS 8u
#define REMOTE_WINDOW 64u               /* messages of one stream under way between devices */
#define SLOT_LOGS 32u
#define SLOT_TIMERS 4u
#define SLOT_ASKS 4u
#define SLOT_MONITORS 8u
#define SLOT_SKIPS 8u                   /* poison messages that are to be passed over; of a sender's one at a time */
#define SLOT_ARGS 24u
#define SLOT_TEXT_BYTES 2048u

struct arena_geometry {
    uint32_t slots;                     /* spares included */
    uint32_t peers;                     /* per actor, the largest on this device; so for the next three */
    uint32_t mailbox;
    uint32_t message_bytes;             /* multiple of 8 */
    uint32_t vertices;                  /* of the whole tree */
    uint32_t apart;                     /* 1 = near lies elsewhere, and the rank cannot look there */
    uint64_t state_bytes;               /* multiple of 64 */
};

/* ---- header: written by the rank before the worker starts, but for the marked words ---- */
struct arena_header {
    uint64_t magic;
    uint64_t bytes;
    struct arena_geometry geo;
    uint64_t incarnation;
    uint64_t boot;                      /* worker: 1 = slots run, 2 = refused (text says why) */
    uint64_t kernel;                    /* a GPU's kernel, to its worker: 1 = it runs, 2 = it is of another program */
    uint64_t beat;                      /* slot 0: a count of its turns */
    uint64_t quit;                      /* slot 0: SLOT_QUIT was seen */
    /* last words, worker's fault handler; published by words_signal, stored last */
    uint64_t words_slot;                /* slot whose thread faulted; 0 = slot 0 or none */
    uint64_t words_address;
    uint64_t words_signal;
    char text[512];                     /* worker: refusal or backtrace */
    char pad[128];
};

/* A vertex's whereabouts, one word: line 24 | tag 24 | slot 12 | status 4.  The tag is the low bits of the
 * life, so any new life changes the word.  Written by the rank before start, then by slot 0. */
/* DRAINING: it takes no message any more, but waits for the acknowledgements of what it sent. */
enum peer_status { PEER_UNKNOWN, PEER_UP, PEER_DOWN, PEER_GONE, PEER_DRAINING };
/* In a status: children come and go in this vertex's place.  Each line there is another child's: what was sent to the
 * last one is not for it. */
#define PEER_PLACE 8u
#define PEER_WORD(line, life, slot, status)                                                          \
    (((uint64_t)((line) & 0xffffffu) << 40) | (((uint64_t)(life) & 0xffffffu) << 16) |               \
     ((uint64_t)((slot) & 0xfffu) << 4) | (uint64_t)(status))
#define PEER_LINE(w) ((uint32_t)((w) >> 40))
#define PEER_TAG(w) ((uint32_t)((w) >> 16) & 0xffffffu)
#define PEER_SLOT(w) ((uint32_t)((w) >> 4) & 0xfffu)
#define PEER_STATUS(w) ((uint32_t)(w) & 7u)
#define PEER_IS_PLACE(w) ((uint32_t)(w) & PEER_PLACE)

/* The last life of a vertex that is known to be over.  Written like the directory, and before its word.  `end` says of
 * which life it is, too: one store between the two is seen. */
struct peer_end {
    uint64_t life;                      /* 0 = none yet */
    uint64_t end;                       /* PEER_END; stored last with release */
};
#define PEER_END(life, cls, cause) SLOT_END(cls, cause, life)

struct arena_name { uint64_t hash; uint64_t vertex; };     /* sorted by hash; rank, before start */

/* ---- rings of cells with bodies: rank <-> slot 0 ---- */
struct byte_ring {                      /* followed by its bytes, a power of two */
    uint64_t head;                      /* reader: bytes taken, ever */
    char pad1[56];
    uint64_t tail;                      /* writer: bytes put, ever; stored last with release */
    char pad2[56];
};

/* ---- bells: who sleeps here looks at the number ---- */
#define LANE_WORDS ((SLOT_MAX + 64) / 64)       /* a bit per lane */
struct bell_word {
    uint32_t rings;                     /* anybody: add_u32, then wake if `sleeping` */
    uint32_t sleeping;                  /* the sleeper sets it; who wakes it clears it */
    uint64_t lanes[LANE_WORDS];         /* bit per lane that got something: its writer sets it, or_u64, after the
                                         * lane's tail and before the ring; the reader takes all, take_u64.  So a
                                         * look costs what there is, and a lane nobody uses no page */
    char pad[24];
};

/* ---- lanes: doorbells from one slot to another, bodies stay in the sender's outbox ---- */
struct lane_bell {
    uint32_t src, dst;                  /* vertices */
    uint64_t lines;                     /* CELL_LINES */
    uint64_t seq;                       /* messages: number of the first.  ack: highest consumed */
    uint64_t extra;                     /* messages: number the stream starts at.  ack: highest durable */
    uint32_t pos;                       /* messages: outbox entry of the first.  ack: 1 = ring again from seq + 1 */
    uint32_t count;                     /* messages: so many in a row, each entry names the next; to slot 0: 1 */
    uint32_t urgent;                    /* messages: the sender's outbox is running full */
    uint32_t reserved;
};

struct lane {                           /* one writer (source slot), one reader (destination slot) */
    uint64_t bell_tail, ack_tail;       /* writer */
    char pad1[48];
    uint64_t bell_head, ack_head;       /* reader */
    char pad2[48];
    struct lane_bell bells[LANE_BELLS];
    struct lane_bell acks[LANE_ACKS];
};

/* ---- control line: one direction each ---- */
struct slot_want {                      /* writer: slot 0 */
    uint64_t life;                      /* the life this slot shall run; stored last with release */
    uint64_t stop;                      /* life that shall end; 0 = none */
    uint64_t stop_how;                  /* enum slot_stop */
    uint64_t fence;                     /* life that is over whatever its thread does */
    uint64_t drill;                     /* enum slot_drill to act out after the handler in hand */
    uint64_t drill_life;
    uint64_t drill_step;                /* tell when progress reaches this; 0 = never */
    char pad[72];
};

struct slot_is {                        /* writer: the slot */
    uint64_t life;
    uint64_t state;                     /* enum slot_state; stored last with release */
    uint64_t end;                       /* cls | cause << 8 | code << 32, valid when failed or dead */
    uint64_t phase;                     /* enum slot_phase */
    uint64_t beat;
    uint64_t hand;                      /* handler in hand: 1 + TW_OP_, source vertex << 32; 0 = none */
    uint64_t committed;                 /* commits of this line so far */
    uint64_t progress;
    uint64_t due;                       /* life whose drill_step was reached */
    uint64_t handled;                   /* handler calls since the commit */
    uint64_t open_messages;             /* outbox entries in use */
    uint64_t ready;                     /* life that said tw_ready; without SLOT_SAYS_READY, that has begun */
    uint64_t log_tail;
    uint64_t blocked;                   /* 1 = not scheduled: outbox full */
    uint64_t resumed;                   /* commit this life started from; 0 = none */
    uint64_t streams;                   /* peers it has, and monitors; 0 = where anybody is matters not to it */
};

/* The message in hand; it stays, with its bytes, when the life ends in its handler.  Writer: the slot, until another
 * life begins there. */
struct slot_hand {                      /* followed by message_bytes of body */
    uint64_t seq;                       /* its number; 0 = the handler in hand, or the last, is about no message */
    uint64_t from;                      /* MESSAGE_FROM */
    uint64_t what;                      /* type | bytes << 32 */
    uint64_t pad[5];
};

/*    name       what it is */
#define SLOT_STATE_LIST(X)                                                                           \
    X(IDLE)         /* no life */                                                                    \
    X(STARTING)     /* a life was seen; restoring or initialising */                                 \
    X(RUNNING)      /* handlers run */                                                               \
    X(DRAINING)     /* tw_done: what was sent is being delivered */                                  \
    X(FAILED)       /* the life ended by itself; `end` says how */                                   \
    X(DEAD)         /* the life was ended; `end` says how */                                         \
    X(FENCED)       /* its thread does not answer; the slot is lost */
enum slot_state {
#define X(name) SLOT_##name,
    SLOT_STATE_LIST(X)
#undef X
    SLOT_STATE_COUNT
};

enum slot_phase { PHASE_IDLE, PHASE_HANDLER, PHASE_PUBLISH };
enum slot_stop { STOP_SHUTDOWN, STOP_KILL };

#define SLOT_END(cls, cause, code) \
    ((uint64_t)(cls) | ((uint64_t)(cause) << 8) | ((uint64_t)(uint32_t)(code) << 32))
#define SLOT_END_CLASS(e) ((uint32_t)(e) & 255u)
#define SLOT_END_CAUSE(e) ((uint32_t)((e) >> 8) & 255u)
#define SLOT_END_CODE(e) ((uint32_t)((e) >> 32))

/*    name      no  printed as --how   */
#define SLOT_DRILL_LIST(X) X(FAIL, 1, "fail") X(OVERRUN, 2, "overrun") X(WEDGE, 3, "wedge") X(SEGV, 4, "segv")
enum slot_drill {
    SLOT_DRILL_NONE,
#define X(name, no, text) SLOT_DRILL_##name = (no),
    SLOT_DRILL_LIST(X)
#undef X
};

/* ---- config: written by the rank while the slot is idle, published by SLOT_START ---- */
enum slot_flags { SLOT_EAGER = 1, SLOT_RESUME = 2, SLOT_SAYS_READY = 4 };    /* up when it says so, not before */
/* One message of a stream: who sent it, on which of its lines, and its number. */
struct slot_skip { uint64_t from; uint64_t seq; };          /* from: MESSAGE_FROM */
#define MESSAGE_FROM(vertex, line) ((uint64_t)(line) << 32 | (uint32_t)(vertex))
struct slot_arg { uint64_t name; uint64_t bits; uint32_t kind; uint32_t text; };   /* kind 0 u64, 1 f64, 2 text */
struct slot_config {
    uint64_t life;
    uint64_t layout;                    /* hash of the actor type; a commit of another is not resumed */
    uint64_t state_bytes;
    uint64_t seed;
    uint32_t vertex, line, actor_type, flags;
    uint32_t mailbox, message_bytes, peers, sends;
    uint32_t commit_every, commit_within_ms, deadline_ms, dim_count;
    uint32_t dims[8];
    uint32_t arg_count;
    uint32_t skip_count;                /* messages that are taken, but given to no handler (extension 9) */
    struct slot_skip skips[SLOT_SKIPS];
    struct slot_arg args[SLOT_ARGS];
    char texts[SLOT_TEXT_BYTES];
};

/* ---- the live image and what of it a commit holds ---- */
struct stream {                         /* both directions of one peer */
    uint32_t peer;                      /* vertex; CELL_NOBODY = free */
    uint32_t line;                      /* the peer's line as last seen; 0 = never */
    /* out */
    uint64_t sent;                      /* highest number given out */
    uint64_t acked;                     /* highest durable at the peer; entries up to it are free */
    uint64_t base;                      /* numbers up to this went to earlier lines of the peer */
    uint64_t leave;                     /* highest number that may leave (on_commit: committed) */
    uint64_t lost, dead;                /* numbers that went down with a peer's state, or to nobody (dead: at most) */
    /* in */
    uint64_t consumed;                  /* highest number whose handler returned */
    uint64_t durable;                   /* highest number in a commit */
    uint64_t in_base;                   /* number before the first of this line pair */
    uint64_t in_closed;                 /* delivered on earlier lines of the peer */
    uint64_t skipped;                   /* of all these, given to no handler: dead letters */
    uint32_t in_line;                   /* the peer's line these numbers are of; 0 = none yet */
    uint32_t fresh_due;                 /* tell the actor TW_PEER_FRESH */
};
#define NO_POS 0xffffffffu

struct outbox_entry {                   /* followed by message_bytes of body */
    uint64_t stamp;                     /* the message's number; 0 while it is written; stored last */
    uint32_t dst;
    uint32_t type;
    uint32_t bytes;
    uint32_t src, line;                 /* whose it is: a bell of a slot's last tenant must not take it */
    uint32_t next;                      /* entry of the stream's next message, once that has been published */
};

/* word: the directory's when tw_monitor was called; that life is watched, and it had that slot. */
struct slot_monitor { uint64_t word; uint32_t peer; uint32_t reserved; };
struct slot_timer { uint64_t at_ms; uint64_t set_ms; };    /* in a commit at_ms is what remains; 0 = free */

struct slot_ask { uint64_t number; uint32_t verb, vertex; };     /* number 0 = free */

struct slot_image {
    uint64_t life;                      /* that wrote it */
    uint64_t commit;                    /* number of the commit; 1 = first of the line */
    uint64_t layout;
    uint64_t state_bytes;
    uint64_t progress;
    uint64_t draws;                     /* tw_random */
    uint64_t result;
    uint32_t vertex, line;
    uint32_t done;                      /* tw_done was said */
    uint32_t again;                     /* a TW_STEP is due */
    uint32_t ready;                     /* tw_ready was said: a life that goes on from here need not say it again */
    uint32_t monitor_count;
    uint32_t stream_count;
    uint32_t outbox_used;
    struct slot_timer timers[SLOT_TIMERS];
    struct slot_monitor monitors[SLOT_MONITORS];        /* oldest first */
    uint64_t asked;                     /* requests for children so far */
    struct slot_ask asks[SLOT_ASKS];    /* those whose answer no handler has seen */
};

struct commit_head {                    /* followed by the packed image */
    uint64_t word;                      /* number of the commit; 0 = none; stored last */
    uint64_t checksum;                  /* of `bytes` bytes after this head, salted with word */
    uint64_t bytes;
    uint64_t pad[5];
};

struct inbox { uint64_t tail; char pad1[56]; uint64_t head; char pad2[56]; };   /* tail: slot 0; head: the slot */

/* ---- offsets ---- */
#define ALIGN64(n) (((n) + 63u) & ~(uint64_t)63u)
#define ALIGN_PAGE(n) (((n) + 4095u) & ~(uint64_t)4095u)

HD static inline uint64_t entry_stride(const struct arena_geometry *g)
{
    return sizeof(struct outbox_entry) + g->message_bytes;
}
HD static inline uint64_t inbox_stride(const struct arena_geometry *g)
{
    return sizeof(struct lane_bell) + 8 + g->message_bytes;     /* bell, type and bytes, body */
}
HD static inline uint64_t inbox_entries(const struct arena_geometry *g)
{
    return (uint64_t)g->peers * REMOTE_WINDOW;
}
HD static inline uint64_t image_bytes(const struct arena_geometry *g)
{
    return ALIGN64(sizeof(struct slot_image) + (uint64_t)g->peers * sizeof(struct stream)) +
           ALIGN64(g->mailbox * entry_stride(g)) + ALIGN64(g->state_bytes);
}
HD static inline uint64_t commit_bytes(const struct arena_geometry *g)     /* room of one buffer */
{
    return sizeof(struct commit_head) + image_bytes(g) + ALIGN64((uint64_t)g->mailbox * 8);
}
HD static inline uint64_t down_ring_bytes(const struct arena_geometry *g)
{
    uint64_t want = (uint64_t)g->slots * inbox_entries(g) * (72 + (uint64_t)g->message_bytes) + 65536;
    uint64_t size = 65536;

    while (size < want && size < (4u << 20))
        size <<= 1;
    return size;
}
HD static inline uint64_t up_ring_bytes(const struct arena_geometry *g)
{
    (void)g;
    return 1u << 18;
}

struct arena_offsets {
    uint64_t down, up, slots, slot_stride;              /* far */
    uint64_t config, shown_is, shown_hand, commit0, commit1;    /* within a slot there */
    uint64_t near;                                      /* where it begins, in an arena that is whole */
    uint64_t names, directory, ends, bell0, lanes0, near_slots, near_stride;    /* from there on */
    uint64_t want, is, own_config, bell, lanes, inbox, logs, hand, image;       /* within a slot there */
    uint64_t near_bytes, total;
};

/* Where everything is, from the geometry alone.  The same on both sides. */
HD static inline void arena_layout(const struct arena_geometry *g, struct arena_offsets *o)
{
    uint64_t lanes = (uint64_t)(g->slots + 1) * sizeof(struct lane);
    uint64_t hand = ALIGN64(sizeof(struct slot_hand) + g->message_bytes + 8);
    uint64_t at = ALIGN64(sizeof(struct arena_header));

    o->down = at;           at += sizeof(struct byte_ring) + down_ring_bytes(g);
    o->up = at;             at += sizeof(struct byte_ring) + up_ring_bytes(g);
    o->slots = ALIGN_PAGE(at);
    at = 0;
    o->config = at;         at += ALIGN64(sizeof(struct slot_config));
    o->shown_is = at;       at += g->apart ? sizeof(struct slot_is) : 0;
    o->shown_hand = at;     at += g->apart ? hand : 0;
    o->commit0 = at;        at += ALIGN64(commit_bytes(g));
    o->commit1 = at;        at += ALIGN64(commit_bytes(g));
    o->slot_stride = ALIGN_PAGE(at);
    o->near = o->slots + g->slots * o->slot_stride;
    at = 0;
    o->names = at;          at += ALIGN64((uint64_t)g->vertices * sizeof(struct arena_name));
    o->directory = at;      at += ALIGN64((uint64_t)g->vertices * 8);
    o->ends = at;           at += ALIGN64((uint64_t)g->vertices * sizeof(struct peer_end));
    o->bell0 = at;          at += sizeof(struct bell_word);
    o->lanes0 = at;         at += lanes;
    o->near_slots = ALIGN_PAGE(at);
    at = 0;
    o->want = at;           at += sizeof(struct slot_want);
    o->is = at;             at += sizeof(struct slot_is);
    o->own_config = at;     at += g->apart ? ALIGN64(sizeof(struct slot_config)) : 0;
    o->bell = at;           at += sizeof(struct bell_word);
    o->lanes = at;          at += lanes;
    o->inbox = at;          at += ALIGN64(sizeof(struct inbox) + inbox_entries(g) * inbox_stride(g));
    o->logs = at;           at += ALIGN64(SLOT_LOGS * sizeof(union cell));
    o->hand = at;           at += hand;
    o->image = at;          at += image_bytes(g);
    o->near_stride = ALIGN_PAGE(at);
    o->near_bytes = o->near_slots + g->slots * o->near_stride;
    o->total = o->near + o->near_bytes;
}

static_assert(sizeof(struct slot_want) == 128 && sizeof(struct slot_is) == 128, "control lines");
static_assert(sizeof(struct byte_ring) == 128 && sizeof(struct bell_word) == 64, "one line a side");
static_assert(sizeof(struct commit_head) == 64 && sizeof(struct outbox_entry) == 32, "aligned bodies");
static_assert(sizeof(struct slot_hand) == 64, "one line, then the body");
static_assert(sizeof(struct lane_bell) == 48 && sizeof(struct inbox) == 128, "lanes");

#endif
