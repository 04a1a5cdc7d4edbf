/* slot_ring.c - the rings between a rank and a worker bear whatever the other side writes */
#include "puppet.h"

static uint64_t dice = 12345;

static uint64_t roll(void)
{
    dice = dice * 6364136223846793005ull + 1442695040888963407ull;
    return dice >> 17 ^ dice << 40;
}

static struct byte_ring *ring_new(uint64_t size) { return calloc(1, sizeof(struct byte_ring) + size); }

static void frames_keep_their_bytes(void)
{
    enum { SIZE = 1024 };
    struct byte_ring *r = ring_new(SIZE);
    uint64_t put = 0, got = 0, wrong = 0, full = 0;
    uint8_t body[256], out[256];

    r->head = r->tail = UINT64_MAX - 4095;      /* positions wrap on the way */
    for (int n = 0; n < 20000; n++) {
        union cell c;
        uint32_t bytes;

        if (roll() % 2) {
            memset(&c, 0, sizeof c);
            c.head.seq = put;
            memset(body, (int)put, sizeof body);
            if (ring_put(r, SIZE, &c, body, (uint32_t)(put * 7 % 200)) == 0)
                put++;
            else
                full++;
            continue;
        }
        if (ring_peek(r, SIZE, &c, out, sizeof out, &bytes) != 1)
            continue;
        wrong += c.head.seq != got || bytes != got * 7 % 200;
        for (uint32_t i = 0; i < bytes; i++)
            wrong += out[i] != (uint8_t)got;
        ring_drop(r, SIZE);
        got++;
    }
    ok(wrong == 0 && put - got < 10 && full > 100, "frames come out as they went in, in order, over the ring's end");
    free(r);
}

static void a_full_ring_refuses(void)
{
    enum { SIZE = 256 };
    struct byte_ring *r = ring_new(SIZE);
    union cell c = {.head = {.type = CELL_BEAT}};
    char body[400] = {0};

    is_int(ring_put(r, SIZE, &c, body, SIZE - 8 - 64), 0, "a frame as large as the ring fits");
    is_int(ring_put(r, SIZE, &c, NULL, 0), TW_EFULL, "then nothing more");
    r->head = r->tail;
    is_int(ring_put(r, SIZE, &c, body, SIZE - 8 - 64 + 1), TW_EFULL, "a larger one never");
    is_int(ring_put(r, SIZE, &c, body, UINT32_MAX - 3), TW_EFULL, "nor one whose length wraps");
    free(r);
}

/* Under the address sanitizer: no access leaves the ring, whatever stands in it. */
static void hostile_words(void)
{
    enum { SIZE = 512 };
    struct byte_ring *r = ring_new(SIZE);
    uint64_t accepted = 0, refused = 0, untouched = 0;

    for (int n = 0; n < 200000; n++) {
        uint64_t *w = (uint64_t *)(void *)(r + 1);
        union cell c;
        uint8_t body[48];
        uint32_t bytes = 77;
        int rc;

        for (uint64_t i = 0; i < SIZE / 8; i++)
            w[i] = roll() % 3 ? roll() % 100 : roll();
        r->head = roll() % 2 ? roll() : roll() % 4096;
        r->tail = roll() % 2 ? roll() : r->head + roll() % 600;
        rc = ring_peek(r, SIZE, &c, body, sizeof body, &bytes);
        if (rc == 1) {
            accepted++;
            untouched += bytes > sizeof body;
            ring_drop(r, SIZE);
        } else {
            refused++;
            untouched += bytes != 77;
        }
        (void)ring_put(r, SIZE, &c, body, (uint32_t)(roll() % sizeof body));
        if (n % 16 == 0) {
            w[(r->head & (SIZE - 1)) / 8] = roll();
            ring_drop(r, SIZE);
        }
    }
    ok(accepted > 100 && refused > 100 && untouched == 0, "random heads, tails and bytes: nothing outside is touched");
    free(r);
}

static void a_broken_ring_is_said(void)
{
    enum { SIZE = 512 };
    struct byte_ring *r = ring_new(SIZE);
    union cell c = {.head = {.type = CELL_BEAT}};
    uint32_t bytes;
    char body[8];

    is_int(ring_peek(r, SIZE, &c, body, 8, &bytes), 0, "an empty ring is empty");
    ring_put(r, SIZE, &c, body, 8);
    r->tail += 4096;
    is_int(ring_peek(r, SIZE, &c, body, 8, &bytes), TW_EPROTO, "a tail further than the ring is long: refused");
    r->tail -= 4096;
    is_int(ring_peek(r, SIZE, &c, body, 8, &bytes), 1, "and the frame is still there");
    *(uint64_t *)(void *)(r + 1) = 9;
    is_int(ring_peek(r, SIZE, &c, body, 8, &bytes), TW_EPROTO, "a body longer than there is room: refused");
    r->head = r->tail + 8;
    is_int(ring_peek(r, SIZE, &c, body, 8, &bytes), TW_EPROTO, "a tail behind the head: refused");
    free(r);
}

static void arenas_are_checked(void)
{
    struct arena_geometry geo = {.slots = 2, .peers = 2, .mailbox = 4, .message_bytes = 8, .vertices = 4,
                                 .state_bytes = 64};
    uint64_t bytes = arena_bytes(&geo);
    char *base = aligned_alloc(4096, (bytes + 4095) & ~4095ull);
    struct arena_header *h = (struct arena_header *)(void *)base;
    struct arena_view v;

    memset(base, 0, bytes);
    arena_format(base, &geo, 5);
    is_int(arena_view_init(&v, base, bytes), 0, "a formatted arena is accepted");
    is_int(arena_view_init(&v, base, bytes - 1), TW_EPROTO, "a shorter one is not");
    h->geo.slots = SLOT_MAX + 1;
    is_int(arena_view_init(&v, base, bytes), TW_EPROTO, "nor more slots than there may be");
    h->geo = geo;
    h->geo.state_bytes = UINT64_MAX & ~63ull;
    is_int(arena_view_init(&v, base, bytes), TW_EPROTO, "nor a state whose size wraps");
    h->geo = geo;
    h->geo.vertices = 0x10000000;
    is_int(arena_view_init(&v, base, bytes), TW_EPROTO, "nor more vertices than it has room for");
    h->geo = geo;
    h->magic++;
    is_int(arena_view_init(&v, base, bytes), TW_EPROTO, "nor another magic");
    free(base);
}

/* The rank does not listen: what slot 0 cannot say now it says later. */
static void log_much(struct tw_ctx *cx, struct puppet *s)
{
    for (uint32_t i = 0; i < SLOT_LOGS; i++)
        tw_log(cx, i, s->steps, 0);
    if (s->steps < 300)
        tw_again(cx);
}

static void fail_step(struct tw_ctx *cx, struct puppet *s)
{
    (void)s;
    tw_fail(cx, 1);
}

static void a_deaf_rank_loses_nothing(void)
{
    struct box *b = puppet_box(1, 3, 8);
    uint32_t msgs = 0;

    puppet_add(b, 0);
    puppet_add(b, 1)->flags = SLOT_EAGER;
    puppet_add(b, 2);
    box_place(b, OUTSIDER, 1, 1, PEER_UP);
    box_start(b, 0, 0, 1, false);
    box_start(b, 1, 0, 2, false);
    box_start(b, 2, 0, 3, false);
    box_rounds(b, 5, 1);
    script[0].step = log_much;
    puppet_wake(b, 0);
    for (int n = 0; n < 400; n++) {     /* nobody takes from the up ring */
        box_turn(b, 0, 1);
        box_turn(b, 0, 0);
    }
    ok(b->device[0].slot0.up_blocked == 1, "the up ring is full");
    puppet_send(b, 1, OUTSIDER, 3, 500);
    script[1].commit = true;
    script[2].step = fail_step;
    puppet_wake(b, 2);
    for (int n = 0; n < 20; n++) {
        box_turn(b, 0, 2);
        box_turn(b, 0, 3);
        box_turn(b, 0, 0);
    }
    ok(b->vertex[2].slot == 3 && arena_is(&b->device[0].view, 3)->state == SLOT_FAILED,
       "(an end finds no room in it either)");
    box_rounds(b, 20, 1);
    is_int(b->vertex[2].slot, 0, "it is told when there is room");
    for (uint32_t i = 0; i < b->kept; i++)
        msgs += b->keep[i].cell.head.type == CELL_MSG && b->keep[i].value == 500 + msgs;
    is_int(msgs, 3, "messages that found no room in the up ring leave when there is");
    box_send_slot(b, 0, CELL_SLOT_STOP, STOP_KILL, 0);
    box_rounds(b, 10, 1);
    ok(b->vertex[0].slot == 0 && b->failures == 0, "so do reports");
    box_free(b);
}

int main(void)
{
    frames_keep_their_bytes();
    a_full_ring_refuses();
    hostile_words();
    a_broken_ring_is_said();
    arenas_are_checked();
    a_deaf_rank_loses_nothing();
    done_testing();
}
