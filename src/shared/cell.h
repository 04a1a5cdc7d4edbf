/* cell.h - the 64-byte message that device rings, MPI and the journal share
 *
 * Native byte order, fixed widths, every field on its natural boundary: 28 bytes of header, 36 of
 * payload.  A cell is checked once, where it enters a process (cell_check); HELLO refuses a peer of
 * another version or endianness.  Numbers are append-only.
 *
 * Which field judges what: `life` judges reports, orders' targets and slot events; the two lines in
 * `life` judge actor messages (CELL_LINES); term and epoch judge orders only.
 */
#ifndef TW_SHARED_CELL_H
#define TW_SHARED_CELL_H

#include <stddef.h>
#include <stdint.h>

#include "shared/rc.h"

#if !defined(__cplusplus) && !defined(static_assert)
#define static_assert _Static_assert
#endif

#define CELL_VERSION 2u
#define CELL_NOBODY 0xffffffffu         /* src or dst that is no vertex */

#define CELL_HEAD                                                                                    \
    uint64_t life;      /* the target's life; actor messages: CELL_LINES(source, destination) */     \
    uint64_t seq;       /* number in its stream; events: who raises it says */                       \
    uint16_t type;      /* enum cell_type */                                                         \
    uint16_t flags;     /* per type */                                                               \
    uint32_t src;       /* vertex */                                                                 \
    uint32_t dst;       /* vertex */

#define CELL_LINES(src_line, dst_line) (((uint64_t)(src_line) << 32) | (uint32_t)(dst_line))
#define CELL_SRC_LINE(life) ((uint32_t)((life) >> 32))
#define CELL_DST_LINE(life) ((uint32_t)(life))

struct cell_head { CELL_HEAD uint32_t pad; };
struct cell_sums { CELL_HEAD uint32_t restarts; uint32_t giveups; uint32_t workers_lost; uint32_t slots_fenced; };

/* -- ranks, before READY -- */
struct cell_hello { CELL_HEAD uint32_t version; uint64_t spec_hash; uint32_t endian; uint32_t ranks;
                    uint32_t devices; uint32_t mpi_version; uint64_t program_hash; };
/* -- orders: term, number, epoch first; executed once and in order per rank, answers stored -- */
struct cell_order { CELL_HEAD uint32_t term; uint64_t order; uint32_t epoch; uint32_t how;
                    uint32_t line; uint32_t deadline_ms; uint32_t cls; };
/* -- what a home or a rank tells the root; repeated until REPORT_OK names its number (seq) -- */
enum { REPORT_SPENT = 1 };              /* flags: its next start is to be from init */
struct cell_report { CELL_HEAD uint32_t what; uint64_t order; uint32_t cls; uint32_t cause;
                     uint32_t detail; uint32_t line; uint64_t stamp; };
/* -- the picture every rank keeps of every vertex; end_: of an address that is down, how `life` ended -- */
struct cell_vertex { CELL_HEAD uint32_t line; uint64_t tree_us; uint32_t starts; uint16_t state;
                     uint8_t cls; uint8_t cause; uint16_t rank; uint16_t device; uint32_t slot;
                     uint32_t code; uint16_t retrying; uint8_t end_cls; uint8_t end_cause; };
struct cell_beat { CELL_HEAD uint32_t stamp_hi; uint64_t tree_us; uint64_t stamp; uint32_t load; };
/* -- actor messages between devices: the body follows -- */
struct cell_msg { CELL_HEAD uint32_t msg_type; uint64_t first; uint32_t pos; uint32_t bytes;
                  uint32_t pad[2]; };
struct cell_msg_ack { CELL_HEAD uint32_t pad; uint64_t consumed; uint64_t durable; };
/* -- commands of people, as JSON in the body -- */
struct cell_cmd { CELL_HEAD uint32_t rank; uint64_t token; uint32_t offset; uint32_t total;
                  uint32_t pad[2]; };
struct cell_drill { CELL_HEAD uint32_t how; uint64_t step; uint32_t index; uint32_t device;
                    uint32_t pad[2]; };
/* What src has sent, lost and dead-lettered on its line `line`; flags STREAM_IN: what it consumed of dst's line `line`,
 * from where on, of earlier ones, and how much of it was given to no handler.  STREAM_PAST: a child said so that was in src's place before the one there is */
enum { STREAM_IN = 1, STREAM_PAST = 2 };
struct cell_stream { CELL_HEAD uint32_t line; uint64_t a; uint64_t b; uint64_t c; uint64_t d; };
/* life: injected, seq: detected, both tree time in us; a fault the rank has healed (or not: resumed 0) */
struct cell_fault { CELL_HEAD uint32_t open; uint64_t resumed_us; uint32_t uncommitted; uint16_t actors;
                    uint8_t cause; uint8_t how; uint16_t device; uint16_t pad; };
struct cell_admin { CELL_HEAD uint32_t verb; uint64_t token; int32_t answer; uint32_t lives;
                    uint32_t counts[4]; };  /* counts: of a supervisor that was asked */
struct cell_verdict { CELL_HEAD uint32_t exit_code; uint64_t tree_us; uint32_t cause;
                      uint32_t rank; uint32_t pad[2]; };
/* -- scenarios (sup/stage.h): what is to happen, or what did, and whether all is quiet -- */
struct cell_stage { CELL_HEAD uint32_t what; uint64_t number; uint32_t a; uint32_t b; uint32_t c;
                    uint32_t pad[3]; };
struct cell_wave { CELL_HEAD uint32_t idle; uint64_t number; uint64_t sent; uint64_t heard;
                   uint32_t pad[2]; };
/* -- rank <-> slot 0 -- */
struct cell_slot { CELL_HEAD uint32_t slot; uint32_t line; uint32_t how; uint32_t deadline_ms;
                   uint32_t actor_type; uint32_t drill; uint64_t drill_step; };
/* life: the tag of where it is; ended: its last life that is over, and how; 0 = none */
struct cell_peer { CELL_HEAD uint32_t line; uint64_t ended; uint32_t slot; uint8_t cls; uint8_t cause;
                   uint16_t pad[5]; };
struct cell_slot_is { CELL_HEAD uint32_t slot; uint64_t committed; uint32_t state; uint32_t cls;
                      uint32_t cause; uint32_t code; };
/* seq: the request's number; verb: TW_CHILD_..._; what: the vertex it names, or in the answer the child */
struct cell_child { CELL_HEAD uint32_t slot; uint64_t child_life; uint32_t line; uint32_t place; uint32_t verb;
                    uint32_t what; uint32_t answer; };
struct cell_log { CELL_HEAD uint32_t code; uint64_t a; uint64_t b; uint32_t pad[2]; };

/*    name          no  body       payload   who tells whom what                                     */
#define CELL_LIST(X)                                                                                 \
    X(HELLO,         1, 0, hello)      /* rank -> rank: who I am; before READY                      */ \
    X(HELLO_OK,      2, 0, hello)      /* rank -> rank: accepted                                    */ \
    X(HELLO_NO,      3, 1, hello)      /* rank -> rank: refused; body: why, text                    */ \
    X(GOODBYE,       4, 0, head)       /* rank -> rank: nothing comes after this                    */ \
    X(BEAT,          5, 0, beat)       /* rank <-> root: tree time, Lamport stamp, load             */ \
    X(START,        10, 0, order)      /* root -> rank: start this vertex                           */ \
    X(STOP,         11, 0, order)      /* root -> rank: stop it (how, deadline)                     */ \
    X(KILL,         12, 0, order)      /* root -> rank: retire the branch, all at once              */ \
    X(ORDER_OK,     13, 0, order)      /* rank -> root: order number done or stored                 */ \
    X(REPORT,       14, 0, report)     /* rank -> root: started, start failed, down                 */ \
    X(REPORT_OK,    15, 0, report)     /* root -> rank: in the log                                  */ \
    X(VERTEX,       16, 0, vertex)     /* home -> all: state, life, line, place of a vertex         */ \
    X(MSG,          20, 1, msg)        /* actor -> actor on another device                          */ \
    X(MSG_ACK,      21, 0, msg_ack)    /* receiver -> sender: consumed, durable                     */ \
    X(MSG_NACK,     22, 0, msg_ack)    /* receiver -> sender: ring again from `consumed` on         */ \
    X(CMD,          30, 1, cmd)        /* rank -> root, root -> rank: a command                     */ \
    X(CMD_REPLY,    31, 1, cmd)        /* the answer                                                */ \
    X(DRILL,        32, 0, drill)      /* root -> rank: injure this                                 */ \
    X(DRILL_DUE,    33, 0, drill)      /* rank -> root: the target reached its step                 */ \
    X(STREAMS,      34, 0, head)       /* root -> rank: send the sums                               */ \
    X(STREAM,       35, 0, stream)     /* rank -> root: one stream's numbers                        */ \
    X(STREAMS_END,  36, 0, sums)       /* rank -> root: that was all; what this rank counted        */ \
    X(VERDICT,      37, 0, verdict)    /* root -> rank: the job is over                             */ \
    X(FAULT,        38, 0, fault)      /* rank -> root: a fault and what it cost                    */ \
    X(ADMIN,        39, 0, admin)      /* root -> home: an administration call                      */ \
    X(SLOT_START,   40, 0, slot)       /* rank -> slot 0: begin this life in this slot              */ \
    X(SLOT_STOP,    41, 0, slot)       /* rank -> slot 0: end it (how)                              */ \
    X(SLOT_FENCE,   42, 0, slot)       /* rank -> slot 0: this slot is given up                     */ \
    X(SLOT_DRILL,   43, 0, slot)       /* rank -> slot 0: injure this life                          */ \
    X(SLOT_PEER,    44, 0, peer)       /* rank -> slot 0: where a vertex is now                     */ \
    X(SLOT_QUIT,    45, 0, head)       /* rank -> slot 0: all slots end, the worker exits           */ \
    X(SLOT_IS,      46, 0, slot_is)    /* slot 0 -> rank: a slot's life changed state               */ \
    X(SLOT_DUE,     47, 0, slot)       /* slot 0 -> rank: a drill's step is reached                 */ \
    X(SLOT_LOG,     48, 0, log)        /* slot 0 -> rank: an actor's tw_log                         */ \
    X(ADMIN_OK,     49, 0, admin)      /* home -> root: its answer                                  */ \
    X(SIGNAL,       50, 0, verdict)    /* rank -> root: the job was signalled (exit_code: number)   */ \
    X(UNFIT,        51, 0, verdict)    /* rank -> root: this rank cannot go on (cause)              */ \
    X(STAGE,        52, 0, stage)      /* root -> rank: a scenario's next deed (enum stage_deed)    */ \
    X(STAGE_RECORD, 53, 0, stage)      /* rank -> root: a record of its engine, for the trace       */ \
    X(WAVE,         54, 0, wave)       /* root -> rank: is all quiet?                               */ \
    X(WAVE_OK,      55, 0, wave)       /* rank -> root: what it sent and heard, and whether it rests */ \
    X(SLOT_ASK,     58, 0, child)      /* slot 0 -> rank: an actor's request for a child            */ \
    X(SLOT_ANSWER,  59, 0, child)      /* rank -> slot 0: what became of it                         */

enum cell_type {
#define X(name, no, body, payload) CELL_##name = (no),
    CELL_LIST(X)
#undef X
    CELL_TYPE_LIMIT = 64
};

union cell {
    struct cell_head head;
    struct cell_sums sums;
    struct cell_hello hello;
    struct cell_order order;
    struct cell_report report;
    struct cell_vertex vertex;
    struct cell_beat beat;
    struct cell_msg msg;
    struct cell_msg_ack msg_ack;
    struct cell_cmd cmd;
    struct cell_drill drill;
    struct cell_stream stream;
    struct cell_verdict verdict;
    struct cell_fault fault;
    struct cell_admin admin;
    struct cell_stage stage;
    struct cell_wave wave;
    struct cell_slot slot;
    struct cell_peer peer;
    struct cell_slot_is slot_is;
    struct cell_child child;
    struct cell_log log;
    uint8_t bytes[64];
};

static_assert(sizeof(union cell) == 64, "a cell is one cache line");
static_assert(offsetof(struct cell_head, dst) == 24, "the header is 28 bytes");
static_assert(offsetof(struct cell_order, term) == 28 && offsetof(struct cell_order, order) == 32 &&
                  offsetof(struct cell_order, epoch) == 40,
              "orders begin their payload with term, number, epoch");

/* 0 if a cell of this type may come with so many bytes of body, else TW_EPROTO.  The one check at the
 * border; ranges of a payload are the handler's to check. */
static inline int cell_check(const union cell *c, size_t body_bytes)
{
    switch (c->head.type) {
#define X(name, no, body, payload) case no: return (body) || body_bytes == 0 ? 0 : TW_EPROTO;
    CELL_LIST(X)
#undef X
    }
    return TW_EPROTO;
}

static inline const char *cell_type_name(unsigned type)
{
    switch (type) {
#define X(name, no, body, payload) case no: return #name;
    CELL_LIST(X)
#undef X
    }
    return "?";
}

#endif
