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
    v->near = v->base + v->at.near;
}

HD int arena_view_init(struct arena_view *v, void *base, uint64_t bytes)
{
    const struct arena_header *h = (const struct arena_header *)base;
    struct arena_geometry geo;

    if (bytes < sizeof *h || h->magic != ARENA_MAGIC)
        return TW_EPROTO;
    geo = h->geo; /* private copy: what the other side may write later is not looked at again */
    if (geo.slots == 0 || geo.slots > SLOT_MAX || geo.message_bytes % 8 || geo.state_bytes % 64 ||
        geo.apart > 1 || geo.message_bytes > 65536 || geo.mailbox > 65536 || geo.peers > 65536 || geo.state_bytes > bytes ||
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

HD static char *far_slot(const struct arena_view *v, uint32_t slot)
{
    return v->base + v->at.slots + (uint64_t)(slot - 1) * v->at.slot_stride;
}

HD static char *near_slot(const struct arena_view *v, uint32_t slot)
{
    return v->near + v->at.near_slots + (uint64_t)(slot - 1) * v->at.near_stride;
}

HD struct slot_want *arena_want(const struct arena_view *v, uint32_t slot)
{
    return (struct slot_want *)(near_slot(v, slot) + v->at.want);
}

HD struct slot_is *arena_is(const struct arena_view *v, uint32_t slot)
{
    return (struct slot_is *)(near_slot(v, slot) + v->at.is);
}

HD struct slot_config *arena_config(const struct arena_view *v, uint32_t slot)
{
    return (struct slot_config *)(far_slot(v, slot) + v->at.config);
}

HD struct slot_config *arena_own_config(const struct arena_view *v, uint32_t slot)
{
    return v->geo.apart ? (struct slot_config *)(near_slot(v, slot) + v->at.own_config) : arena_config(v, slot);
}

HD struct slot_is *arena_shown_is(const struct arena_view *v, uint32_t slot)
{
    return v->geo.apart ? (struct slot_is *)(far_slot(v, slot) + v->at.shown_is) : arena_is(v, slot);
}

HD struct slot_hand *arena_shown_hand(const struct arena_view *v, uint32_t slot)
{
    return v->geo.apart ? (struct slot_hand *)(far_slot(v, slot) + v->at.shown_hand) : arena_hand(v, slot);
}

HD struct arena_name *arena_names(const struct arena_view *v) { return (struct arena_name *)(v->near + v->at.names); }

HD struct bell_word *arena_bell(const struct arena_view *v, uint32_t slot)
{
    return (struct bell_word *)(slot ? near_slot(v, slot) + v->at.bell : v->near + v->at.bell0);
}

HD struct lane *arena_lane(const struct arena_view *v, uint32_t to, uint32_t from)
{
    struct lane *lanes = (struct lane *)(to ? near_slot(v, to) + v->at.lanes : v->near + v->at.lanes0);

    return &lanes[from];
}

HD struct inbox *arena_inbox(const struct arena_view *v, uint32_t slot)
{
    return (struct inbox *)(near_slot(v, slot) + v->at.inbox);
}

HD char *arena_inbox_entry(const struct arena_view *v, uint32_t slot, uint64_t number)
{
    return (char *)(arena_inbox(v, slot) + 1) +
           (number % inbox_entries(&v->geo)) * inbox_stride(&v->geo);
}

HD union cell *arena_logs(const struct arena_view *v, uint32_t slot)
{
    return (union cell *)(near_slot(v, slot) + v->at.logs);
}

HD struct slot_hand *arena_hand(const struct arena_view *v, uint32_t slot)
{
    return (struct slot_hand *)(near_slot(v, slot) + v->at.hand);
}

HD struct commit_head *arena_commit(const struct arena_view *v, uint32_t slot, uint32_t which)
{
    return (struct commit_head *)(far_slot(v, slot) + (which ? v->at.commit1 : v->at.commit0));
}

HD struct slot_image *arena_image(const struct arena_view *v, uint32_t slot)
{
    return (struct slot_image *)(near_slot(v, slot) + v->at.image);
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
    return (uint64_t *)(v->near + v->at.directory);
}

HD struct peer_end *arena_ends(const struct arena_view *v)
{
    return (struct peer_end *)(v->near + v->at.ends);
}

/* -- rings ------------------------------------------------------------------------------------- *
 * A frame is {body bytes, cell, body padded to 8}.  Positions count bytes for ever and are masked at
 * each access, so whatever the other side writes into head or tail, no access leaves the ring. */

#define FRAME_HEAD 8u
#define READ_WORDS 9u                   /* a frame without a body */

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

    /* Loads first, so many under way at a time: across a GPU's host link each takes a microsecond. */
    for (uint64_t done = 0; done < bytes; done += 8 * READ_WORDS) {
        uint64_t words[READ_WORDS], n = bytes - done < sizeof words ? bytes - done : sizeof words;

        for (uint64_t i = 0; i < READ_WORDS; i++)
            words[i] = 8 * i < n ? load_guarded(&ring[((at + done + 8 * i) & (size - 1)) / 8]) : 0;
        for (uint64_t i = 0; i < n; i++)
            to[done + i] = ((char *)words)[i];
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
    struct { uint64_t length; union cell cell; } f;

    if (have == 0)
        return 0;
    if (have > size || have < sizeof f)
        return TW_EPROTO;
    ring_read(r, size, head, &f, sizeof f);
    if (f.length > room || frame_bytes((uint32_t)f.length) > have)
        return TW_EPROTO;
    *ret_cell = f.cell;
    if (f.length)
        ring_read(r, size, head + sizeof f, body, f.length);
    *ret_bytes = (uint32_t)f.length;
    return 1;
}

HD void ring_drop(struct byte_ring *r, uint64_t size)
{
    uint64_t head = load_relaxed(&r->head);
    uint64_t length;

    ring_read(r, size, head, &length, 8);
    store_release(&r->head, head + frame_bytes((uint32_t)length), SCOPE_SYSTEM);
}
