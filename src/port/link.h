/* link.h - the port through which ranks exchange cells: ordered per pair, bounded, never blocking
 *
 * Implemented by mpi/ (real ranks) and src/emu (virtual time).  One loop thread uses it.  Between two
 * live ranks cells arrive in order and once; when a peer dies its event comes exactly once and what was
 * on its way is gone.  An error about a peer is an event, never a return code of something else.
 */
#ifndef TW_PORT_LINK_H
#define TW_PORT_LINK_H

#include <stddef.h>
#include <stdint.h>

union cell;             /* shared/cell.h: 64 bytes */

#define LINK_BODY_MAX 65536u    /* bytes after the cell in one send; more goes in pieces (sup's duty) */

#define LINK_REST_MIN_US 100u   /* a rank's first sleep after work; doubles while nothing comes */
#define LINK_REST_MAX_US 5000u  /* MPI has no descriptor to wait on: this bounds what idle costs */

enum link_event_kind {
    LINK_NOTHING,       /* drained for now */
    LINK_CELL,          /* a cell and its body arrived */
    LINK_PEER_DOWN      /* this peer will never be heard again */
};

struct link_event {
    enum link_event_kind kind;
    int rank;                   /* who sent it, or who is gone */
    const union cell *cell;     /* borrowed until the next poll; aligned to 8 */
    const void *body;           /* borrowed until the next poll; NULL when bytes is 0; aligned to 8 */
    size_t bytes;
};

struct link_ops {
    /* Queue one cell and a body for a rank (copied).  0; TW_EFULL: this peer has its bounded number
     * outstanding, try again later; TW_EPEER: it is gone; TW_ETOOBIG: bytes > LINK_BODY_MAX. */
    int (*send)(void *self, int rank, const union cell *cell, const void *body, size_t bytes);
    /* Drive progress and take one event.  Never blocks.  Always fills *ret. */
    void (*poll)(void *self, struct link_event *ret);
    /* Bytes and cells still queued or in flight to any live peer: 0 = everything was handed over. */
    size_t (*outstanding)(void *self);
    int (*rank)(void *self);
    int (*size)(void *self);
};

struct link {
    const struct link_ops *ops;
    void *self;
};

static inline int link_send(const struct link *l, int rank, const union cell *c, const void *body,
                            size_t bytes)
{
    return l->ops->send(l->self, rank, c, body, bytes);
}

static inline void link_poll(const struct link *l, struct link_event *ret)
{
    l->ops->poll(l->self, ret);
}

static inline size_t link_outstanding(const struct link *l) { return l->ops->outstanding(l->self); }
static inline int link_rank(const struct link *l) { return l->ops->rank(l->self); }
static inline int link_size(const struct link *l) { return l->ops->size(l->self); }

#endif
