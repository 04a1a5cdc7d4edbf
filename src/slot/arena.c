/* arena.c - from a geometry to addresses, and the two rings that cross the arena */
#include "slot/slot.h"

HD uint64_t arena_bytes(const struct arena_geometry *geo)
{
    struct arena_offsets at;

    arena_layout(geo, &at);
    return at.total;
}

HD static void view_fill(struct arena_view *v, void *base, const struct arena_geometry *geo)
{
    v->base = (char *)base;
    v->header = (struct arena_header *)base;
    v->geo = *geo;
    arena_layout(geo, &v->at);
}

HD int arena_view_init(struct arena_view *v, void *base, uint64_t bytes)
{
    const struct arena_header *h = (const struct arena_header *)base;
    struct arena_geometry geo;

    if (bytes < sizeof *h || h->magic != ARENA_MAGIC)
        return TW_EPROTO;
    geo = h->geo; /* private copy: what the other side may write later is not looked at again */
    if (geo.slots == 0 || geo.slots > SLOT_MAX || geo.message_bytes % 8 || geo.state_bytes % 64 ||
        geo.message_bytes > 65536 || geo.mailbox > 65536 || geo.peers > 65536 || geo.state_bytes > bytes ||
        arena_bytes(&geo) > bytes)
        return TW_EPROTO;
    view_fill(v, base, &geo);
    return 0;
}

HD void arena_format(void *base, const struct arena_geometry *geo, uint64_t incarnation)
{
    struct arena_header *h = (struct arena_header *)base;

    h->geo = *geo;
    h->bytes = arena_bytes(geo);
    h->incarnation = incarnation;
    h->magic = ARENA_MAGIC;
}

HD static char *slot_base(const struct arena_view *v, uint32_t slot)
{
    return v->base + v->at.slots + (uint64_t)(slot - 1) * v->at.slot_stride;
}

HD struct slot_want *arena_want(const struct arena_view *v, uint32_t slot)
{
    return (struct slot_want *)(slot_base(v, slot) + v->at.want);
}

HD struct slot_is *arena_is(const struct arena_view *v, uint32_t slot)
{
    return (struct slot_is *)(slot_base(v, slot) + v->at.is);
}

HD struct slot_config *arena_config(const struct arena_view *v, uint32_t slot)
{
    return (struct slot_config *)(slot_base(v, slot) + v->at.config);
}

HD struct bell_word *arena_bell(const struct arena_view *v, uint32_t slot)
{
    return (struct bell_word *)(slot ? slot_base(v, slot) + v->at.bell : v->base + v->at.bell0);
}

HD struct lane *arena_lane(const struct arena_view *v, uint32_t to, uint32_t from)
{
    struct lane *lanes = (struct lane *)(to ? slot_base(v, to) + v->at.lanes : v->base + v->at.lanes0);

    return &lanes[from];
}

HD struct inbox *arena_inbox(const struct arena_view *v, uint32_t slot)
{
    return (struct inbox *)(slot_base(v, slot) + v->at.inbox);
}

HD char *arena_inbox_entry(const struct arena_view *v, uint32_t slot, uint64_t number)
{
    return (char *)(arena_inbox(v, slot) + 1) +
           (number % inbox_entries(&v->geo)) * inbox_stride(&v->geo);
}

HD union cell *arena_logs(const struct arena_view *v, uint32_t slot)
{
    return (union cell *)(slot_base(v, slot) + v->at.logs);
}

HD struct slot_hand *arena_hand(const struct arena_view *v, uint32_t slot)
{
    return (struct slot_hand *)(slot_base(v, slot) + v->at.hand);
}

HD struct commit_head *arena_commit(const struct arena_view *v, uint32_t slot, uint32_t which)
{
    return (struct commit_head *)(slot_base(v, slot) + (which ? v->at.commit1 : v->at.commit0));
}

HD struct slot_image *arena_image(const struct arena_view *v, uint32_t slot)
{
    return (struct slot_image *)(slot_base(v, slot) + v->at.image);
}

HD char *arena_outbox(const struct arena_view *v, uint32_t slot)
{
    return (char *)arena_image(v, slot) +
           ALIGN64(sizeof(struct slot_image) + (uint64_t)v->geo.peers * sizeof(struct stream));
}

HD struct outbox_entry *arena_entry(const struct arena_view *v, uint32_t slot, uint32_t pos)
{
    return (struct outbox_entry *)(arena_outbox(v, slot) + pos * entry_stride(&v->geo));
}

HD struct byte_ring *arena_down(const struct arena_view *v)
{
    return (struct byte_ring *)(v->base + v->at.down);
}

HD struct byte_ring *arena_up(const struct arena_view *v)
{
    return (struct byte_ring *)(v->base + v->at.up);
}

HD uint64_t *arena_directory(const struct arena_view *v)
{
    return (uint64_t *)(v->base + v->at.directory);
}

HD struct peer_end *arena_ends(const struct arena_view *v)
{
    return (struct peer_end *)(v->base + v->at.ends);
}

/* -- rings ------------------------------------------------------------------------------------- *
 * A frame is {body bytes, cell, body padded to 8}.  Positions count bytes for ever and are masked at
 * each access, so whatever the other side writes into head or tail, no access leaves the ring. */

#define FRAME_HEAD 8u

HD static uint64_t frame_bytes(uint32_t body)
{
    return FRAME_HEAD + sizeof(union cell) + (((uint64_t)body + 7u) & ~(uint64_t)7u);
}

HD static void ring_write(struct byte_ring *r, uint64_t size, uint64_t at, const void *data, uint64_t bytes)
{
    uint64_t *ring = (uint64_t *)(r + 1);
    const char *from = (const char *)data;

    for (uint64_t done = 0; done < bytes; done += 8) {
        uint64_t word = 0;
        uint64_t n = bytes - done < 8 ? bytes - done : 8;

        for (uint64_t i = 0; i < n; i++)
            ((char *)&word)[i] = from[done + i];
        store_guarded(&ring[((at + done) & (size - 1)) / 8], word);
    }
}

HD static void ring_read(const struct byte_ring *r, uint64_t size, uint64_t at, void *data, uint64_t bytes)
{
    const uint64_t *ring = (const uint64_t *)(r + 1);
    char *to = (char *)data;

    for (uint64_t done = 0; done < bytes; done += 8) {
        uint64_t word = load_guarded(&ring[((at + done) & (size - 1)) / 8]);
        uint64_t n = bytes - done < 8 ? bytes - done : 8;

        for (uint64_t i = 0; i < n; i++)
            to[done + i] = ((char *)&word)[i];
    }
}

HD int ring_put(struct byte_ring *r, uint64_t size, const union cell *c, const void *body, uint32_t bytes)
{
    uint64_t tail = load_relaxed(&r->tail);
    uint64_t head = load_acquire(&r->head, SCOPE_SYSTEM);
    uint64_t need = frame_bytes(bytes);
    uint64_t length = bytes;

    if (need > size || tail - head > size - need)
        return TW_EFULL;
    ring_write(r, size, tail, &length, 8);
    ring_write(r, size, tail + FRAME_HEAD, c, sizeof *c);
    if (bytes)
        ring_write(r, size, tail + FRAME_HEAD + sizeof *c, body, bytes);
    /* Release: the frame is there before the number that says so. */
    store_release(&r->tail, tail + need, SCOPE_SYSTEM);
    return 0;
}

HD int ring_peek(struct byte_ring *r, uint64_t size, union cell *ret_cell, void *body, uint32_t room,
                 uint32_t *ret_bytes)
{
    uint64_t head = load_relaxed(&r->head);
    uint64_t have = load_acquire(&r->tail, SCOPE_SYSTEM) - head;
    uint64_t length;

    if (have == 0)
        return 0;
    if (have > size || have < FRAME_HEAD + sizeof *ret_cell)
        return TW_EPROTO;
    ring_read(r, size, head, &length, 8);
    if (length > room || frame_bytes((uint32_t)length) > have)
        return TW_EPROTO;
    ring_read(r, size, head + FRAME_HEAD, ret_cell, sizeof *ret_cell);
    if (length)
        ring_read(r, size, head + FRAME_HEAD + sizeof *ret_cell, body, length);
    *ret_bytes = (uint32_t)length;
    return 1;
}

HD void ring_drop(struct byte_ring *r, uint64_t size)
{
    uint64_t head = load_relaxed(&r->head);
    uint64_t length;

    ring_read(r, size, head, &length, 8);
    store_release(&r->head, head + frame_bytes((uint32_t)length), SCOPE_SYSTEM);
}
