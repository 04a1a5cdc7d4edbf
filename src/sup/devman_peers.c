/* devman_peers.c - what slots hear of others: messages, answers, and where every vertex is */
#include "sup/devman_impl.h"

#include <string.h>

#include "spec/spec.h"

void devman_deliver(struct devman *d, const union cell *c, const void *body, uint32_t bytes)
{
    if (is_here(d, c->head.dst))
        (void)down_put(d, d->device_of[c->head.dst], c, body, bytes);
}

void devman_answer(struct devman *d, const union cell *c)
{
    union cell copy = *c;

    if (!is_here(d, c->child.dst) || !d->residents[c->child.dst].slot)
        return;
    copy.child.slot = d->residents[c->child.dst].slot;
    (void)down_put(d, d->device_of[c->child.dst], &copy, NULL, 0);
}

static void tell_peer(struct devman *d, int device, uint32_t vertex)
{
    uint64_t word = d->where[vertex];
    union cell c;

    memset(&c, 0, sizeof c);
    c.peer.type = CELL_SLOT_PEER;
    c.peer.dst = vertex;
    c.peer.life = PEER_TAG(word);
    c.peer.line = PEER_LINE(word);
    c.peer.flags = (uint16_t)(PEER_STATUS(word) | PEER_IS_PLACE(word));
    c.peer.ended = d->ends[vertex].life;
    c.peer.cls = (uint8_t)SLOT_END_CLASS(d->ends[vertex].end);
    c.peer.cause = (uint8_t)SLOT_END_CAUSE(d->ends[vertex].end);
    if (is_here(d, vertex) && d->device_of[vertex] == device)
        c.peer.slot = d->residents[vertex].slot;
    order(d, device, &c);
}

static bool lived(uint64_t word, uint64_t life)
{
    return (PEER_STATUS(word) == PEER_UP || PEER_STATUS(word) == PEER_DRAINING) && PEER_TAG(word) == (life & 0xffffffu);
}

void devman_peer(struct devman *d, uint32_t vertex, uint64_t life, uint32_t line, uint32_t status, uint32_t cls,
                 uint32_t cause)
{
    if (status != PEER_UP && status != PEER_DRAINING && lived(d->where[vertex], life))
        d->ends[vertex] = (struct peer_end){life, PEER_END(life, cls, cause)};
    d->where[vertex] = PEER_WORD(line, life, 0, status | (spec_is_place(d->cx.spec, vertex) ? PEER_PLACE : 0));
    for (int device = 0; device < d->cx.devices; device++)
        if (d->devices[device].state == DEVICE_IS_UP)
            tell_peer(d, device, vertex);
}

/* What has moved since this worker's directory was written for it. */
void peers_again(struct devman *d, int device)
{
    const uint64_t *directory = arena_directory(&d->devices[device].view);

    for (uint32_t v = 0; v < d->vertices && d->devices[device].state == DEVICE_IS_UP; v++)
        if (load_acquire(&directory[v], SCOPE_SYSTEM) != d->where[v])
            tell_peer(d, device, v);
}
