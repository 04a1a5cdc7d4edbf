/* slot_impl.h - what the files of this room share among themselves */
#ifndef TW_SLOT_SLOT_IMPL_H
#define TW_SLOT_SLOT_IMPL_H

#include "shared/cause.h"
#include "shared/splitmix.h"
#include "slot/slot.h"

/* A device's blocks poll, and do nothing outside: there is no such function, nor a call through a pointer, which would
 * cost them registers. */
#ifdef TW_ON_DEVICE
#define ENV_HAS(env, what) ((void)(env), false)
#else
#define ENV_HAS(env, what) ((env)->what != NULL)
#endif

/* arena.c */
HD struct lane *arena_lane(const struct arena_view *v, uint32_t to, uint32_t from);
HD struct inbox *arena_inbox(const struct arena_view *v, uint32_t slot);
HD char *arena_inbox_entry(const struct arena_view *v, uint32_t slot, uint64_t number);
HD union cell *arena_logs(const struct arena_view *v, uint32_t slot);
HD struct slot_image *arena_image(const struct arena_view *v, uint32_t slot);
HD char *arena_outbox(const struct arena_view *v, uint32_t slot);
HD struct outbox_entry *arena_entry(const struct arena_view *v, uint32_t slot, uint32_t pos);

/* A vertex's whereabouts, as this device has heard. */
HD static inline uint64_t where_is(const struct slot *s, uint32_t vertex)
{
    if (vertex >= s->view->geo.vertices)
        return PEER_WORD(0, 0, 0, PEER_GONE);
    return load_acquire(&arena_directory(s->view)[vertex], SCOPE_DEVICE);
}

/* A message taken from a lane or the inbox, copied to private memory. */
struct slot_taken {
    struct lane_bell bell;
    uint32_t type, bytes;
};

/* commit.c: copy so many words (`to` NULL: none; `from` NULL: zeros) and sum them up, those before them counted. */
HD uint64_t bulk_share(uint64_t *to, const uint64_t *from, uint64_t words, uint64_t first, uint32_t me, uint32_t threads);

/* All of it, by all threads of the block.  On a device: kernels/resident.cuh. */
#ifdef __CUDACC__
__device__ uint64_t resident_bulk(uint64_t *to, const uint64_t *from, uint64_t words, uint64_t first);
#endif
HD static inline uint64_t bulk(uint64_t *to, const uint64_t *from, uint64_t words, uint64_t first)
{
#ifdef TW_ON_DEVICE
    return resident_bulk(to, from, words, first);
#else
    return bulk_share(to, from, words, first, 0, 1);
#endif
}

/* commit.c: write a commit of the image as it stands.  0, TW_ESTALE if the life was fenced meanwhile,
 * TW_ESYS if a sink's file could not be renamed. */
HD int commit_write(struct slot *s);
/* Fill the image from the slot's newest commit.  1 = done, 0 = there is none, TW_ELOST = damaged. */
HD int commit_restore(struct slot *s);

/* stream.c */
HD void streams_reset(struct slot *s);              /* a new life: nothing told yet; chains from the image */
HD int stream_of(struct slot *s, uint32_t peer);    /* index, made if need be; TW_EFULL */
HD void streams_before_send(struct slot *s, uint32_t i);    /* what is sent now is for the child that is there now */
HD uint32_t outbox_take(struct slot *s);            /* a free entry or NO_POS */
HD void streams_publish(struct slot *s);            /* what the handler sent gets its numbers */
HD void streams_committed(struct slot *s);          /* what a commit makes durable and lets leave */
HD void streams_pump(struct slot *s);               /* bells and acks, as far as there is room */
HD void streams_look(struct slot *s);               /* if anybody rang: acks, which lanes hold bells, who moved */
HD int streams_take_message(struct slot *s, struct slot_taken *ret);     /* 1 = next in order */
HD void streams_consumed(struct slot *s, const struct lane_bell *bell); /* its handler returned */
HD void streams_put_back(struct slot *s, const struct lane_bell *bell); /* it comes again later */
HD int streams_hold(const struct slot *s);          /* messages wait for a commit to leave */
HD uint64_t streams_due(const struct slot *s);      /* when to look again at bells nobody answered */
HD int streams_open(const struct slot *s);          /* messages not yet acknowledged */
HD int streams_fresh_due(struct slot *s);           /* index of a stream whose peer came back fresh; -1 */

HD static inline struct outbox_entry *slot_entry(const struct slot *s, uint32_t pos)
{
    return (struct outbox_entry *)(void *)(s->outbox + pos * entry_stride(&s->view->geo));
}

HD int push_bell(struct slot *s, uint32_t to, const struct lane_bell *b);   /* TW_EFULL: later */

/* asks.c: requests for children.  A bell to slot 0 with dst CELL_NOBODY carries one, an inbox bell with src CELL_NOBODY
 * its answer. */
#define ASK_AGAIN_MS 1000u
HD void asks_reset(struct slot *s);                 /* a new life: all that are open leave again */
HD void asks_committed(struct slot *s);
HD int asks_hold(const struct slot *s);             /* some wait for a commit */
HD int asks_untold(const struct slot *s);           /* some have not left yet */
HD void asks_pump(struct slot *s);
HD uint64_t asks_due(const struct slot *s);
HD int asks_is_open(const struct slot *s, const struct lane_bell *b);
HD void asks_close(struct slot *s, const struct lane_bell *b, struct tw_child *ret);

/* monitor.c */
HD int monitor_begin(struct slot *s, uint32_t peer);    /* TW_EFULL, TW_EINVAL */
HD void monitors_end(struct slot *s, uint32_t peer);
HD int monitors_take_down(struct slot *s, uint32_t *ret_peer, struct tw_down *ret);    /* 1 = one is due, and gone */

/* Who must be told where vertices are: whoever has streams or monitors.  Fenced: see slot0.c, on_peer. */
HD static inline void slot_has_peers(struct slot *s)
{
    store_fence(&s->is->streams, (uint64_t)s->image->stream_count + s->image->monitor_count);
}

/* calls.c */
HD const struct tw_calls *slot_calls(void);
HD void note_failure(struct slot *s, uint32_t cause, uint32_t code);    /* of the handler call in hand; the first counts */

/* Run the handler: all threads of the block.  On a device: kernels/resident.cuh. */
#ifdef __CUDACC__
__device__ void resident_dispatch(struct slot *s, uint32_t op, const struct tw_msg *m);
#endif
HD static inline void slot_dispatch(struct slot *s, uint32_t op, const struct tw_msg *m)
{
#ifdef TW_ON_DEVICE
    resident_dispatch(s, op, m);
#else
    s->program->dispatch(s->config->actor_type, op, &s->cx, s->state, m);
#endif
}

/* slot.c: may anything still leave in the name of this life? */
HD int slot_gate(const struct slot *s);

/* Is this entry the message that a bell of its slot means? */
HD static inline int entry_is_of(const struct arena_view *v, const struct outbox_entry *e,
                                 const struct lane_bell *b)
{
    return e->dst == b->dst && e->src == b->src && e->line == CELL_SRC_LINE(b->lines) &&
           e->bytes <= v->geo.message_bytes;
}

/* Did it stay that message while it was copied?  Its number alone does not say so: the sender's next life may
 * have put there, under the same number, a message for another. */
HD static inline int entry_is_still(const struct arena_view *v, const struct outbox_entry *e,
                                    const struct lane_bell *b)
{
    struct outbox_entry again;

    fence_acquire();
    if (load_acquire(&e->stamp, SCOPE_DEVICE) != b->seq)
        return 0;
    copy_from_shared(&again, e, sizeof again);
    return entry_is_of(v, &again, b);
}

/* The lane from slot `from` (0: slot 0, or the inbox) has something for whom this bell wakes.  Before the ring. */
HD static inline void bell_mark(struct bell_word *b, uint32_t from)
{
    or_u64(&b->lanes[from / 64], (uint64_t)1 << from % 64);
}

/* The marks of one word of lanes, which are none then. */
HD static inline uint64_t bell_take(struct bell_word *b, uint32_t word)
{
    return load_relaxed(&b->lanes[word]) ? take_u64(&b->lanes[word]) : 0;
}

HD static inline void bell_ring(const struct slot_env *env, struct bell_word *b)
{
    add_u32(&b->rings);
    if (ENV_HAS(env, wake))
        env->wake(env->self, b);
}

#endif
