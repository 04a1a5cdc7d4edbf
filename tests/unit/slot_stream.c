/* slot_stream.c - what a stream promises, one fact after another */
#include "puppet.h"

static struct box *two(uint32_t mailbox, uint32_t flags)
{
    struct box *b = puppet_box(1, 4, mailbox);

    puppet_add(b, 0)->flags = flags;
    puppet_add(b, 1);
    box_start(b, 0, 0, 1, false);
    box_start(b, 1, 0, 2, false);
    box_rounds(b, 5, 1);
    return b;
}

static struct box *remote_box(uint32_t flags, uint32_t mailbox)
{
    struct box *b = puppet_box(1, 4, mailbox);

    puppet_add(b, 0)->flags = flags;
    box_place(b, OUTSIDER, 1, 1, PEER_UP);
    box_start(b, 0, 0, 1, false);
    box_rounds(b, 5, 1);
    return b;
}

static struct box *remote(uint32_t flags) { return remote_box(flags, 16); }

static const struct stream *stream_to(struct box *b, uint32_t vertex, uint32_t peer)
{
    struct slot *s = box_slot(b, vertex);

    return box_stream(s->streams, s->image->stream_count, peer);
}

static struct slot_is *is_of(struct box *b, uint32_t vertex) { return box_slot(b, vertex)->is; }

static uint32_t kept(const struct box *b, uint16_t type, uint64_t seq)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < b->kept; i++)
        n += b->keep[i].cell.head.type == type && (seq == 0 || b->keep[i].cell.head.seq == seq);
    return n;
}

static void restart(struct box *b, uint32_t vertex, uint32_t slot, bool resume)
{
    box_send_slot(b, vertex, CELL_SLOT_STOP, STOP_KILL, 0);
    box_rounds(b, 3, 1);
    box_start(b, vertex, 0, slot, resume);
    box_rounds(b, 5, 1);
}

static void messages_wait_for_the_commit(void)
{
    struct box *b = two(16, 0);

    puppet_send(b, 0, 1, 3, 70);
    box_rounds(b, 1, 1);
    is_int((long long)puppet_of(b, 1)->got, 0, "on_commit: what a handler sent has not left before its commit");
    box_rounds(b, 20, 1);
    is_int((long long)puppet_of(b, 1)->got, 3, "going idle, the sender commits, and they arrive");
    ok(puppet_of(b, 1)->value[0] == 70 && puppet_of(b, 1)->value[2] == 72, "in the order they were sent");
    is_int((long long)stream_to(b, 0, 1)->acked, 0, "consumed but not committed: nothing is acknowledged");
    is_int((long long)is_of(b, 0)->open_messages, 3, "and the sender keeps all three");
    script[1].commit = true;
    puppet_wake(b, 1);
    box_rounds(b, 5, 1);
    is_int((long long)stream_to(b, 0, 1)->acked, 3, "committed: acknowledged");
    is_int((long long)is_of(b, 0)->open_messages, 0, "and the outbox is empty");
    box_free(b);

    b = two(16, SLOT_EAGER);
    puppet_send(b, 0, 1, 2, 5);
    box_turn(b, 0, 1);
    box_turn(b, 0, 2);
    is_int((long long)puppet_of(b, 1)->got, 1, "eager: it leaves as soon as the handler has returned");
    box_free(b);
}

static void a_full_sender_waits(void)
{
    struct box *b = two(8, SLOT_EAGER);
    uint64_t due;
    uint32_t steps;

    puppet_send(b, 0, 1, 4, 0);
    box_turn(b, 0, 1);
    puppet_send(b, 0, 1, 2, 4);
    box_turn(b, 0, 1);                  /* the receiver does not run */
    box_turn(b, 0, 1);
    is_int((long long)is_of(b, 0)->blocked, 1, "with room for fewer than `sends` messages it is not scheduled");
    steps = puppet_of(b, 0)->steps;
    puppet_wake(b, 0);
    for (int i = 0; i < 10; i++)
        box_turn(b, 0, 1);
    ok(steps == puppet_of(b, 0)->steps && is_of(b, 0)->state == SLOT_RUNNING, "though a step is due");
    box_slot(b, 0)->image->timers[0] = (struct slot_timer){b->now_ms - 5, 5};
    due = slot_turn(box_slot(b, 0), b->now_ms);
    ok(due > b->now_ms, "a timer that ran out meanwhile does not make its thread spin");
    script[1].commit = true;
    puppet_wake(b, 1);
    box_rounds(b, 30, 1);
    ok(is_of(b, 0)->blocked == 0 && puppet_of(b, 0)->steps > steps && puppet_of(b, 0)->timers == 1,
       "acknowledged, it goes on");
    is_int((long long)puppet_of(b, 1)->got, 6, "and nothing was lost");
    box_free(b);
}

static void a_small_mailbox_is_urgent(void)
{
    struct box *b = two(5, SLOT_EAGER);

    puppet_send(b, 0, 1, 2, 0);         /* 3 free of 5: more than half, less than `sends` */
    box_rounds(b, 30, 1);
    is_int((long long)is_of(b, 0)->blocked, 0, "a sender that is blocked makes the receiver commit soon");
    box_free(b);
}

static void an_urgent_peer_is_not_served_message_by_message(void)
{
    struct box *b = puppet_box(1, 4, 8);
    uint64_t before;

    puppet_add(b, 0)->flags = SLOT_EAGER;
    puppet_add(b, 1)->commit_every = 24;
    box_start(b, 0, 0, 1, false);
    box_start(b, 1, 0, 2, false);
    box_rounds(b, 5, 1);
    before = is_of(b, 1)->committed;
    puppet_send(b, 0, 1, 4, 0);
    box_turn(b, 0, 1);
    puppet_send(b, 0, 1, 4, 4);
    box_turn(b, 0, 1);                  /* the last four are urgent: all of its 8 are under way */
    while (puppet_of(b, 1)->got < 3)
        box_turn(b, 0, 2);
    is_int((long long)is_of(b, 1)->committed, (long long)before, "not urgent yet: no commit");
    while (puppet_of(b, 1)->got < 5)
        box_turn(b, 0, 2);
    is_int((long long)is_of(b, 1)->committed, (long long)before + 1, "urgent, a quarter of `every` handled: a commit");
    while (puppet_of(b, 1)->got < 6)
        box_turn(b, 0, 2);
    is_int((long long)is_of(b, 1)->committed, (long long)before + 1, "but not another at the next message");
    b->now_ms += 2;
    while (puppet_of(b, 1)->got < 7)
        box_turn(b, 0, 2);
    is_int((long long)is_of(b, 1)->committed, (long long)before + 2, "and one when a millisecond has passed");
    box_free(b);
}

static void a_full_lane_is_rung_once(void)
{
    struct box *b = puppet_box(1, 4, 16 * LANE_BELLS);  /* not half full: nothing of it is urgent */
    uint32_t before;

    puppet_add(b, 0)->flags = SLOT_EAGER;
    puppet_add(b, 1)->commit_every = 16 * LANE_BELLS;   /* no ack rings */
    box_start(b, 0, 0, 1, false);
    box_start(b, 1, 0, 2, false);
    puppet_send(b, 0, 1, 1, 0);
    box_rounds(b, 10, 1);               /* they know each other */
    for (uint32_t n = 0; n < LANE_BELLS + 2; n++) {
        puppet_send(b, 0, 1, 4, n * 4);
        box_turn(b, 0, 1);
    }
    before = box_slot(b, 0)->bell->rings;
    while (puppet_of(b, 1)->got < 1 + 4 * LANE_BELLS)
        box_turn(b, 0, 2);
    is_int(box_slot(b, 0)->bell->rings - before, 1, "a full lane that is read to its end rings its sender once");
    box_free(b);
}

static void only_who_has_peers_is_told(void)
{
    struct box *b = two(16, SLOT_EAGER);
    uint32_t without = box_slot(b, 1)->bell->rings, with;

    for (uint32_t life = 2; life < 5; life++)
        box_place(b, OUTSIDER, 1, life, PEER_UP);
    box_route(b);
    box_turn(b, 0, 0);
    is_int(box_slot(b, 1)->bell->rings, without, "an actor without peers is not rung when somebody moves");
    puppet_send(b, 0, 1, 1, 0);
    box_turn(b, 0, 1);
    with = box_slot(b, 0)->bell->rings;
    for (uint32_t life = 5; life < 8; life++)
        box_place(b, OUTSIDER, 1, life, PEER_UP);
    box_route(b);
    box_turn(b, 0, 0);
    is_int(box_slot(b, 0)->bell->rings, with + 1, "one that has peers is rung once for all that moved");
    box_free(b);
}

static void full_lanes_lose_nothing(void)
{
    struct box *b = two(8 * LANE_BELLS, SLOT_EAGER);
    uint64_t wrong = 0;
    uint32_t calls = LANE_BELLS + 7;

    for (uint32_t n = 0; n < calls; n++) {      /* the receiver does not run: more bells than its lane holds */
        puppet_send(b, 0, 1, 4, n * 4);
        box_turn(b, 0, 1);
        b->now_ms++;
    }
    is_int(box_slot(b, 0)->lane_full, 1, "the lane is full");
    ok(slot_turn(box_slot(b, 0), b->now_ms) <= b->now_ms + 1, "the sender looks again soon");
    box_rounds(b, 200 + 16 * LANE_BELLS, 1);
    for (uint64_t i = 0; i < 4 * calls; i++)
        wrong += puppet_of(b, 1)->value[i] != i;
    ok(puppet_of(b, 1)->got == 4 * calls && wrong == 0, "when the receiver runs, all come, in order");
    box_free(b);
}

static void one_bell_for_many_messages(void)
{
    struct box *b = two(16, SLOT_EAGER);
    struct lane *l = arena_lane(&b->device[0].view, 2, 1);
    struct outbox_entry *third;
    uint64_t bells, stamp;

    puppet_send(b, 0, 1, 1, 70);
    box_rounds(b, 5, 1);
    bells = l->bell_tail;
    puppet_send(b, 0, 1, 4, 71);
    box_turn(b, 0, 1);
    ok(l->bell_tail == bells + 1 && l->bells[bells % LANE_BELLS].count == 4, "what one handler sent is one bell");
    while (puppet_of(b, 1)->got < 3)
        box_turn(b, 0, 2);
    ok(l->bell_head == bells + 1, "which the receiver keeps in hand while it takes one message after another");
    third = slot_entry(box_slot(b, 0), slot_entry(box_slot(b, 0), slot_entry(box_slot(b, 0),
                       l->bells[bells % LANE_BELLS].pos)->next)->next);
    stamp = third->stamp;
    third->stamp = 0;
    for (int i = 0; i < 3; i++)
        box_turn(b, 0, 2);
    is_int((long long)puppet_of(b, 1)->got, 3, "a message that is not where its bell says is not taken");
    third->stamp = stamp;
    box_rounds(b, 5, 1);
    ok(puppet_of(b, 1)->got == 5 && puppet_of(b, 1)->value[4] == 74, "and is asked for again, with what came after it");
    box_free(b);
}

static void acks_wait_for_room(void)
{
    struct box *b = remote(SLOT_EAGER);
    const struct lane *l = arena_lane(&b->device[0].view, 1, 0);
    uint64_t before = l->ack_tail;

    for (int round = 0; round < 2; round++) {
        for (uint32_t from = 5; from < 5 + 6; from++)
            box_inject_ack(b, from, 0, CELL_LINES(1, 1), 1, 1, false);
        box_route(b);
        box_turn(b, 0, 0);
    }
    is_int((long long)(l->ack_tail - before), LANE_ACKS, "no more acks are handed over than a lane holds");
    box_turn(b, 0, 1);
    box_turn(b, 0, 0);
    is_int((long long)(l->ack_tail - before), 12, "the rest when there is room");
    box_free(b);
}

static void messages_wait_for_room_to_leave(void)
{
    struct box *b = remote(SLOT_EAGER);
    struct byte_ring *up = arena_up(&b->device[0].view);
    uint64_t size = up_ring_bytes(&b->geo);
    union cell junk = {.head = {.type = CELL_SLOT_LOG}};

    while (ring_put(up, size, &junk, NULL, 0) == 0)
        continue;
    puppet_send(b, 0, OUTSIDER, 2, 70);
    box_turn(b, 0, 1);
    box_turn(b, 0, 0);
    up->head = up->tail;                /* the rank has taken it all */
    box_turn(b, 0, 0);
    box_route(b);
    is_int(kept(b, CELL_MSG, 0), 2, "bells that found the way up full are lifted when it is not");
    box_free(b);
}

static void bells_of_other_lines_change_nothing(void)
{
    struct box *b = remote(0);

    box_inject(b, OUTSIDER, 0, CELL_LINES(1, 1), 1, 1, 11);
    box_inject(b, OUTSIDER, 0, CELL_LINES(1, 1), 1, 1, 11);
    box_inject(b, OUTSIDER, 0, CELL_LINES(1, 2), 2, 1, 12);
    box_rounds(b, 5, 1);
    is_int((long long)puppet_of(b, 0)->got, 1, "a number comes once; one for another line of the receiver never");
    box_inject(b, OUTSIDER, 0, CELL_LINES(1, 1), 3, 1, 13);
    box_rounds(b, 5, 1);
    is_int(kept(b, CELL_MSG_NACK, 0), 1, "a gap is asked for");
    is_int((long long)puppet_of(b, 0)->got, 1, "and what comes after it waits");
    box_inject(b, OUTSIDER, 0, CELL_LINES(2, 1), 1, 1, 21);     /* the sender began anew */
    box_rounds(b, 5, 1);
    box_inject(b, OUTSIDER, 0, CELL_LINES(2, 1), 1, 1, 21);
    box_rounds(b, 5, 1);
    is_int((long long)puppet_of(b, 0)->got, 2, "the sender's next line begins at its first number");
    is_int(puppet_of(b, 0)->fresh, 1, "and the actor is told");
    is_int(kept(b, CELL_MSG_NACK, 0), 2, "(the message that brought this news was asked for again)");
    ok(stream_to(b, 0, OUTSIDER)->in_closed == 1 && stream_to(b, 0, OUTSIDER)->consumed == 1,
       "what the old line delivered is closed");
    box_inject(b, OUTSIDER, 0, CELL_LINES(1, 1), 2, 1, 12);
    box_rounds(b, 5, 1);
    is_int((long long)puppet_of(b, 0)->got, 2, "a late bell of the old line changes nothing");
    box_place(b, OUTSIDER, 2, 2, PEER_UP);
    box_rounds(b, 5, 1);
    is_int(puppet_of(b, 0)->fresh, 1, "the directory says the same: the actor is not told again");
    box_place(b, OUTSIDER, 3, 3, PEER_UP);
    box_rounds(b, 5, 1);
    box_inject(b, OUTSIDER, 0, CELL_LINES(3, 1), 1, 1, 31);
    box_rounds(b, 5, 1);
    box_inject(b, OUTSIDER, 0, CELL_LINES(3, 1), 1, 1, 31);
    box_rounds(b, 5, 1);
    ok(puppet_of(b, 0)->fresh == 2 && puppet_of(b, 0)->got == 3, "the other way round: told once as well");
    box_free(b);
}

static void acks_of_other_lines_change_nothing(void)
{
    struct box *b = remote(SLOT_EAGER);

    puppet_send(b, 0, OUTSIDER, 4, 100);
    box_rounds(b, 10, 1);
    is_int(kept(b, CELL_MSG, 0), 4, "a window of four leaves for another device");
    box_inject_ack(b, OUTSIDER, 0, CELL_LINES(1, 2), 4, 4, false);
    box_inject_ack(b, OUTSIDER, 0, CELL_LINES(2, 1), 4, 4, false);
    box_rounds(b, 5, 1);
    is_int((long long)stream_to(b, 0, OUTSIDER)->acked, 0, "an ack of another line of either side changes nothing");
    box_inject_ack(b, OUTSIDER, 0, CELL_LINES(1, 1), 4, 2, false);
    box_rounds(b, 5, 1);
    is_int((long long)stream_to(b, 0, OUTSIDER)->acked, 2, "what is durable is released, what is consumed is not");
    box_inject_ack(b, OUTSIDER, 0, CELL_LINES(1, 1), 1, 1, false);
    box_rounds(b, 5, 1);
    is_int((long long)stream_to(b, 0, OUTSIDER)->acked, 2, "a late ack takes nothing back");
    box_inject_ack(b, OUTSIDER, 0, CELL_LINES(1, 1), 9999, 9999, false);
    box_rounds(b, 5, 1);
    is_int((long long)stream_to(b, 0, OUTSIDER)->acked, 4, "an ack beyond what was sent releases only what was");
    box_free(b);
}

static void a_receiver_without_its_commit(void)
{
    struct box *b = two(16, 0);

    puppet_send(b, 0, 1, 3, 40);
    box_rounds(b, 10, 1);
    script[1].commit = true;
    puppet_wake(b, 1);
    box_rounds(b, 10, 1);
    script[1].commit = false;
    puppet_send(b, 0, 1, 2, 43);
    box_rounds(b, 10, 1);
    restart(b, 1, 2, false);
    box_rounds(b, 20, 1);
    is_int(puppet_of(b, 0)->fresh, 1, "the peer of an actor that came back without its commit is told once");
    ok(puppet_of(b, 1)->got == 2 && puppet_of(b, 1)->value[0] == 43,
       "what it had not made durable is sent again to the new line");
    ok(stream_to(b, 0, 1)->lost == 3 && stream_to(b, 1, 0)->in_base == 3, "what it had is counted as lost");
    script[1].commit = true;
    puppet_wake(b, 1);
    box_rounds(b, 10, 1);
    is_int((long long)is_of(b, 0)->open_messages, 0, "and acknowledged under the same numbers");
    puppet_send(b, 1, 0, 1, 9);
    box_rounds(b, 10, 1);
    is_int(puppet_of(b, 0)->fresh, 1, "its first message does not tell it again");
    box_free(b);
}

static void a_sender_without_its_commit(void)
{
    struct box *b = two(16, 0);

    script[1].commit = true;
    puppet_send(b, 0, 1, 3, 40);
    box_rounds(b, 20, 1);
    restart(b, 0, 3, false);
    puppet_send(b, 0, 1, 2, 90);
    box_rounds(b, 20, 1);
    ok(puppet_of(b, 1)->got == 5 && puppet_of(b, 1)->value[3] == 90, "a sender's new line is received from its first number");
    is_int(puppet_of(b, 1)->fresh, 1, "its peer is told once");
    ok(stream_to(b, 1, 0)->in_closed == 3, "what the old line delivered is closed");
    is_int((long long)is_of(b, 0)->open_messages, 0, "and all is acknowledged");
    box_free(b);
}

/* The dead line's bell lies in a lane; the slot has a new tenant whose outbox looks the same. */
static void a_stale_bell_names_its_sender(void)
{
    struct box *b = two(16, SLOT_EAGER);

    puppet_send(b, 0, 1, 1, 111);
    box_turn(b, 0, 1);                  /* the bell of 0's first message lies in slot 2's lane */
    box_send_slot(b, 0, CELL_SLOT_STOP, STOP_KILL, 0);
    for (int i = 0; i < 3; i++) {
        box_turn(b, 0, 0);
        box_route(b);
        box_turn(b, 0, 1);
    }
    puppet_add(b, 2)->flags = SLOT_EAGER;
    box_start(b, 2, 0, 1, false);
    for (int i = 0; i < 6; i++) {
        box_turn(b, 0, 0);
        box_route(b);
        box_turn(b, 0, 1);
    }
    puppet_send(b, 2, 1, 1, 222);
    box_turn(b, 0, 1);
    box_rounds(b, 5, 1);
    ok(puppet_of(b, 1)->got == 1 && puppet_of(b, 1)->from[0] == 2 && puppet_of(b, 1)->value[0] == 222,
       "a bell of a slot's last tenant never delivers the next tenant's message");
    box_start(b, 0, 0, 3, true);
    box_rounds(b, 10, 1);
    is_int((long long)puppet_of(b, 1)->got, 1, "(the first tenant, resumed, had never committed to send)");
    box_free(b);
}

/* The other way round: the bell lies in the lane of a slot whose tenant was another. */
static void a_stale_bell_names_its_receiver(void)
{
    struct box *b = two(16, SLOT_EAGER);

    puppet_send(b, 0, 1, 1, 111);
    box_turn(b, 0, 1);                  /* the bell lies in slot 2's lane; its thread has not run */
    box_send_slot(b, 1, CELL_SLOT_STOP, STOP_KILL, 0);
    for (int i = 0; i < 3; i++) {
        box_route(b);
        box_turn(b, 0, 0);
        box_turn(b, 0, 2);
    }
    box_route(b);
    ok(b->vertex[1].slot == 0, "(its receiver is down, and had not taken it)");
    puppet_add(b, 2);
    box_start(b, 2, 0, 2, false);
    for (int i = 0; i < 5; i++) {       /* the sender does not run either: it would ring slot 2 for nobody */
        box_route(b);
        box_turn(b, 0, 0);
        box_turn(b, 0, 2);
    }
    is_int((long long)puppet_of(b, 2)->got, 0, "a bell for a slot's last tenant is nothing to the next one");
    box_start(b, 1, 0, 3, true);
    box_rounds(b, 10, 1);
    ok(puppet_of(b, 1)->got == 1 && puppet_of(b, 1)->value[0] == 111, "the one it is for gets it where it is now");
    box_free(b);
}

static uint32_t numbered;

static void look_at_entries(struct tw_ctx *cx, struct puppet *s)
{
    const struct slot *slot = cx->slot;

    for (uint64_t i = 0; s->steps > 1 && i < 4; i++)
        tw_send(cx, OUTSIDER, 7, &i, 8);
    for (uint32_t pos = 0; s->steps > 2 && pos < 4; pos++)
        numbered += arena_entry(slot->view, slot->index, pos)->stamp != 0;
}

/* A bell of an earlier life may still point there. */
static void an_entry_being_written_has_no_number(void)
{
    struct box *b = puppet_box(1, 2, 4);

    puppet_add(b, 0)->flags = SLOT_EAGER;
    box_place(b, OUTSIDER, 1, 1, PEER_UP);
    script[0].step = look_at_entries;
    box_start(b, 0, 0, 1, false);
    box_rounds(b, 5, 1);
    puppet_wake(b, 0);
    box_rounds(b, 5, 1);
    box_inject_ack(b, OUTSIDER, 0, CELL_LINES(1, 1), 4, 4, false);
    box_rounds(b, 3, 1);
    numbered = 0;
    puppet_wake(b, 0);
    box_rounds(b, 3, 1);
    ok(stream_to(b, 0, OUTSIDER)->sent == 8 && numbered == 0,
       "an outbox entry has no number while it is written again");
    box_free(b);
}

static void a_window_between_devices(void)
{
    struct box *b = remote_box(SLOT_EAGER, 2 * REMOTE_WINDOW);

    for (uint32_t n = 0; n < REMOTE_WINDOW / 4 + 2; n++) {
        puppet_send(b, 0, OUTSIDER, 4, n * 4);
        box_rounds(b, 5, 1);
    }
    ok(kept(b, CELL_MSG, 0) == REMOTE_WINDOW && kept(b, CELL_MSG, REMOTE_WINDOW) == 1,
       "no more leave for another device than it has promised room for");
    box_inject_ack(b, OUTSIDER, 0, CELL_LINES(1, 1), 3, 0, false);
    box_rounds(b, 5, 1);
    is_int(kept(b, CELL_MSG, 0), REMOTE_WINDOW + 3, "as many more as it says it has consumed");
    box_free(b);
}

static void send_on_fresh(struct tw_ctx *cx, struct puppet *s, const struct tw_msg *m)
{
    uint64_t v = s->got;

    for (int i = 0; i < 4; i++)
        if (m->type == TW_PEER_FRESH || m->from == OUTSIDER)
            tw_send(cx, 11, 7, &v, 8);
}

static void done_on_fresh(struct tw_ctx *cx, struct puppet *s, const struct tw_msg *m)
{
    s->after_done += s->fresh;
    if (m->type == TW_PEER_FRESH)
        tw_done(cx, 5);
}

static void news_and_message_are_two_calls(void)
{
    struct box *b = puppet_box(1, 2, 9);

    puppet_add(b, 0);
    box_place(b, OUTSIDER, 1, 1, PEER_UP);
    box_place(b, 11, 1, 1, PEER_DOWN);
    box_start(b, 0, 0, 1, false);
    box_rounds(b, 5, 1);
    box_inject(b, OUTSIDER, 0, CELL_LINES(1, 1), 1, 1, 1);
    box_rounds(b, 5, 1);
    puppet_send(b, 0, 11, 4, 0);        /* 5 free: enough for one handler call, not for two */
    box_rounds(b, 5, 1);
    script[0].receive = send_on_fresh;
    box_inject(b, OUTSIDER, 0, CELL_LINES(2, 1), 1, 1, 2);
    box_rounds(b, 5, 1);
    ok(b->vertex[0].slot && is_of(b, 0)->state == SLOT_RUNNING,
       "a message that brings the news of a fresh peer does not overrun the outbox");
    box_free(b);

    b = remote(0);
    box_inject(b, OUTSIDER, 0, CELL_LINES(1, 1), 1, 1, 1);
    box_rounds(b, 5, 1);
    script[0].receive = done_on_fresh;
    box_inject(b, OUTSIDER, 0, CELL_LINES(2, 1), 1, 1, 2);
    box_rounds(b, 10, 1);
    ok(b->vertex[0].ended && ((const struct puppet *)box_state(b, 0))->after_done == 0,
       "when that news ends an actor, no handler runs after tw_done");
    box_free(b);
}

static void a_lost_tail_is_rung_again(void)
{
    struct box *b = remote(SLOT_EAGER);
    uint32_t first;

    puppet_send(b, 0, OUTSIDER, 3, 0);
    box_rounds(b, 10, 1);
    first = kept(b, CELL_MSG, 1);
    box_rounds(b, 30, 100);
    ok(first == 1 && kept(b, CELL_MSG, 1) > 1 && kept(b, CELL_MSG, 3) > 1, "bells that nobody answers are rung again");
    box_place(b, OUTSIDER, 1, 2, PEER_UP);      /* resumed, it has consumed none; a late ack says otherwise */
    box_rounds(b, 5, 1);
    box_inject_ack(b, OUTSIDER, 0, CELL_LINES(1, 1), 3, 0, false);
    box_rounds(b, 5, 1);
    b->kept = 0;
    box_rounds(b, 30, 100);
    ok(kept(b, CELL_MSG, 1) > 0, "even if a late ack of the peer's last life said they had been consumed");
    box_free(b);
}

static void a_nack_is_not_forgotten(void)
{
    struct box *b = remote(SLOT_EAGER);

    puppet_send(b, 0, OUTSIDER, 4, 0);
    box_rounds(b, 10, 1);
    b->kept = 0;
    box_inject_ack(b, OUTSIDER, 0, CELL_LINES(1, 1), 1, 0, true);
    box_inject_ack(b, OUTSIDER, 0, CELL_LINES(1, 1), 1, 1, false);
    box_rounds(b, 5, 1);
    is_int(kept(b, CELL_MSG, 2), 1, "a nack followed by an ack before the slot saw it: rung again all the same");
    box_free(b);
}

static void the_dead_are_counted_once(void)
{
    struct box *b = two(16, SLOT_EAGER);

    script[1].commit = true;
    puppet_send(b, 0, 1, 2, 0);
    box_rounds(b, 10, 1);
    script[1].receive = done_on_fresh;
    box_place(b, 11, 1, 1, PEER_UP);
    box_send_slot(b, 1, CELL_SLOT_STOP, STOP_SHUTDOWN, 0);
    box_rounds(b, 5, 1);
    box_place(b, 1, 1, b->vertex[1].life, PEER_GONE);
    puppet_send(b, 0, 1, 3, 2);
    box_rounds(b, 10, 1);
    ok(stream_to(b, 0, 1)->dead == 3 && is_of(b, 0)->open_messages == 0, "messages to one that is gone are dead");
    script[1].receive = NULL;
    b->vertex[1].device = 0;
    box_start(b, 1, 0, 2, false);
    box_rounds(b, 5, 1);
    puppet_send(b, 0, 1, 2, 50);
    box_rounds(b, 10, 1);
    is_int((long long)puppet_of(b, 1)->got, 2, "begun anew, it gets what is sent from then on");
    box_rounds(b, 20, 1);
    ok(stream_to(b, 0, 1)->dead == 3 && stream_to(b, 0, 1)->lost == 2, "the dead are not counted as lost, too");
    is_int((long long)(stream_to(b, 0, 1)->dead + stream_to(b, 0, 1)->lost), (long long)stream_to(b, 1, 0)->in_base,
           "so that the sum closes at the new line's base");
    box_free(b);
}

static void a_late_ack_of_the_finished(void)
{
    struct box *b = remote(SLOT_EAGER);

    puppet_send(b, 0, OUTSIDER, 4, 0);
    box_rounds(b, 10, 1);
    box_place(b, OUTSIDER, 1, 1, PEER_DRAINING);
    box_rounds(b, 5, 1);
    is_int((long long)stream_to(b, 0, OUTSIDER)->dead, 4, "one that drains takes nothing more: dead letters");
    box_inject_ack(b, OUTSIDER, 0, CELL_LINES(1, 1), 3, 3, false);
    box_rounds(b, 5, 1);
    is_int((long long)stream_to(b, 0, OUTSIDER)->dead, 1, "but what a late ack names was delivered");
    box_free(b);
}

static void each_line_of_a_place_is_another_child(void)
{
    struct box *b = remote(SLOT_EAGER);

    puppet_send(b, 0, OUTSIDER, 3, 0);
    box_rounds(b, 10, 1);
    box_inject_ack(b, OUTSIDER, 0, CELL_LINES(1, 1), 1, 1, false);
    box_rounds(b, 5, 1);
    b->kept = 0;
    box_place(b, OUTSIDER, 2, 2, PEER_UP | PEER_PLACE);
    box_rounds(b, 5, 1);
    ok(stream_to(b, 0, OUTSIDER)->dead == 2 && stream_to(b, 0, OUTSIDER)->lost == 1 && is_of(b, 0)->open_messages == 0,
       "what a place's last child had not taken is dead when the next is there");
    is_int(kept(b, CELL_MSG, 0), 0, "... and not for the next");
    puppet_send(b, 0, OUTSIDER, 1, 3);
    box_rounds(b, 5, 1);
    ok(kept(b, CELL_MSG, 4) == 1 && b->keep[0].cell.msg.first == 4, "who gets what is sent from then on");
    box_place(b, OUTSIDER, 3, 3, PEER_DOWN | PEER_PLACE);
    box_rounds(b, 5, 1);
    puppet_send(b, 0, OUTSIDER, 1, 4);
    box_rounds(b, 5, 1);
    b->kept = 0;
    box_place(b, OUTSIDER, 3, 4, PEER_UP | PEER_PLACE);
    box_rounds(b, 5, 1);
    is_int(kept(b, CELL_MSG, 5), 1, "... also of one that was down when it was first heard of");
    box_free(b);
}

static void the_first_that_is_met_may_not_be_the_first(void)
{
    struct box *b = puppet_box(1, 4, 16);

    puppet_add(b, 0)->flags = SLOT_EAGER;
    box_place(b, OUTSIDER, 1, 1, PEER_GONE);
    box_start(b, 0, 0, 1, false);
    box_rounds(b, 5, 1);
    puppet_send(b, 0, OUTSIDER, 2, 0);
    box_rounds(b, 5, 1);
    box_place(b, OUTSIDER, 2, 2, PEER_UP);
    box_rounds(b, 5, 1);
    puppet_send(b, 0, OUTSIDER, 1, 2);
    box_rounds(b, 5, 1);
    ok(kept(b, CELL_MSG, 3) == 1 && b->keep[0].cell.msg.first == 3 && stream_to(b, 0, OUTSIDER)->lost == 0,
       "to whom is met after others were gone, numbers begin behind those that are dead");
    box_free(b);
}

static void who_has_spoken_is_not_gone(void)
{
    struct box *b = remote(SLOT_EAGER);

    box_place(b, OUTSIDER, 1, 1, PEER_UP | PEER_PLACE);
    puppet_send(b, 0, OUTSIDER, 1, 7);
    box_rounds(b, 5, 1);
    box_inject(b, OUTSIDER, 0, CELL_LINES(1, 1), 1, 1, 10);
    box_rounds(b, 5, 1);
    for (int i = 0; i < 2; i++) {       /* the first one only brings the news */
        box_inject(b, OUTSIDER, 0, CELL_LINES(2, 1), 1, 1, 11);
        box_rounds(b, 5, 1);
    }
    ok(puppet_of(b, 0)->got == 2 && stream_to(b, 0, OUTSIDER)->dead == 1,
       "a new child is heard before the news of it: what its place's last one had not taken is dead");
    box_place(b, OUTSIDER, 1, 1, PEER_GONE | PEER_PLACE);
    box_rounds(b, 5, 1);
    puppet_send(b, 0, OUTSIDER, 2, 0);
    box_rounds(b, 5, 1);
    ok(stream_to(b, 0, OUTSIDER)->dead == 1 && is_of(b, 0)->open_messages == 2,
       "news of the last one's end does not concern what the new one is answered");
    box_place(b, OUTSIDER, 2, 2, PEER_UP | PEER_PLACE);
    box_rounds(b, 5, 1);
    ok(kept(b, CELL_MSG, 2) == 1 && kept(b, CELL_MSG, 3) == 1 && stream_to(b, 0, OUTSIDER)->base == 1,
       "which leaves when it is known where it is");
    box_place(b, OUTSIDER, 2, 2, PEER_GONE | PEER_PLACE);
    box_rounds(b, 5, 1);
    is_int((long long)stream_to(b, 0, OUTSIDER)->dead, 3, "gone on the line that has spoken, it is gone");
    box_free(b);
}

/* -- poison (extension 9) ---------------------------------------------------------------------------- */

static void dies_of_13(struct tw_ctx *cx, struct puppet *s, const struct tw_msg *m)
{
    (void)s;
    if (m->type < TW_MSG_SYSTEM && *(const uint64_t *)m->body == 13)
        tw_fail(cx, 5);
}

static void the_message_in_hand_outlives_its_life(void)
{
    struct box *b = remote(0);
    const struct slot_hand *hand = arena_hand(&b->device[0].view, 1);

    script[0].receive = dies_of_13;
    box_inject(b, OUTSIDER, 0, CELL_LINES(1, 1), 1, 1, 12);
    box_turn(b, 0, 0);
    box_turn(b, 0, 1);
    ok(puppet_of(b, 0)->got == 1 && hand->what && hand->seq == 0, "a message that was handled is in nobody's hand");
    box_inject(b, OUTSIDER, 0, CELL_LINES(1, 1), 2, 1, 13);
    box_rounds(b, 5, 1);
    ok(b->vertex[0].slot == 0 && hand->seq == 2 && hand->from == MESSAGE_FROM(OUTSIDER, 1),
       "the one that its life died of stays: sender, line and number");
    ok(hand->what >> 32 == 8 && *(const uint64_t *)(const void *)(hand + 1) == 13, "... and its bytes");
    b->vertex[0].config.skip_count = SLOT_SKIPS + 1;
    box_start(b, 0, 0, 1, true);
    box_rounds(b, 5, 1);
    ok(SLOT_END_CAUSE(b->vertex[0].end) == CAUSE_START && hand->seq == 0,
       "until another life begins there, be it only to end at once");
    box_free(b);
}

/* Its near memory lies elsewhere: what a rank knows of a slot is what slot 0 shows. */
static void what_a_rank_is_shown(void)
{
    struct box *b = puppet_box(2, 4, 16);
    const struct arena_view *v = &b->device[1].view;
    const struct slot_is *shown = arena_shown_is(v, 1);
    const struct slot_hand *hand = arena_shown_hand(v, 1);

    script[0].receive = dies_of_13;
    puppet_add(b, 0);
    box_place(b, OUTSIDER, 0, 1, PEER_UP);
    box_start(b, 0, 1, 1, false);
    box_rounds(b, 5, 1);
    ok((const void *)shown != arena_is(v, 1) && (const char *)shown < b->device[1].arena + v->at.near,
       "(it lies where the rank can look)");
    ok(shown->life == b->vertex[0].life && shown->committed == 1 && shown->ready == shown->life,
       "a life that began: its line is shown before the rank is told");
    for (uint64_t n = 1; n <= 2; n++) {
        box_inject(b, OUTSIDER, 0, CELL_LINES(1, 1), n, 1, 12);
        box_turn(b, 1, 0);
        box_turn(b, 1, 1);
        box_turn(b, 1, 0);
        is_int(shown->beat == arena_is(v, 1)->beat, n == 1, n == 1 ? "so is how far it is" : "... not twice in a millisecond");
    }
    b->now_ms++;
    box_turn(b, 1, 0);
    ok(shown->beat == arena_is(v, 1)->beat && shown->handled == arena_is(v, 1)->handled, "... but in the next");
    is_int((long long)hand->what, 0, "what is in hand is shown at the end only");
    box_inject(b, OUTSIDER, 0, CELL_LINES(1, 1), 3, 1, 13);
    box_rounds(b, 5, 1);
    ok(b->vertex[0].slot == 0 && hand->seq == 3 && hand->from == MESSAGE_FROM(OUTSIDER, 1) && hand->what >> 32 == 8 &&
       *(const uint64_t *)(const void *)(hand + 1) == 13, "the message its life died of: number, sender and bytes");
    box_free(b);
}

static void skip(struct box *b, uint32_t from, uint32_t line, uint64_t seq)
{
    struct slot_config *c = &b->vertex[0].config;

    c->skips[c->skip_count++] = (struct slot_skip){MESSAGE_FROM(from, line), seq};
}

static void poison_is_passed_over(void)
{
    struct box *b = remote(0);
    const struct stream *st;

    script[0].receive = dies_of_13;
    skip(b, OUTSIDER, 2, 1);            /* of another line */
    skip(b, 11, 1, 1);                  /* of another sender */
    skip(b, OUTSIDER, 1, 2);
    restart(b, 0, 1, true);
    for (uint64_t n = 1; n <= 4; n++)
        box_inject(b, OUTSIDER, 0, CELL_LINES(1, 1), n, 1, 11 + n);
    box_rounds(b, 2, 1);
    box_turn(b, 0, 1);
    ok(puppet_of(b, 0)->got >= 1 && is_of(b, 0)->state == SLOT_RUNNING, "poison is given to no handler");
    is_int((long long)is_of(b, 0)->committed, 2, "... and at once a commit says so");
    st = stream_to(b, 0, OUTSIDER);
    ok(st->durable == 2 && st->skipped == 1, "it is consumed by that, and counted apart");
    box_rounds(b, 5, 1);
    ok(puppet_of(b, 0)->got == 3 && puppet_of(b, 0)->value[0] == 12 && puppet_of(b, 0)->value[1] == 14 &&
           puppet_of(b, 0)->value[2] == 15, "all others are handled, in order");
    ok(st->consumed == 4 && st->skipped == 1, "and nothing else is passed over");
    box_free(b);
}

static int no_file(void *self, uint32_t slot)
{
    (void)self;
    (void)slot;
    return TW_ESYS;
}

static void passed_over_again_until_a_commit(void)
{
    struct box *b = remote(0);

    script[0].receive = dies_of_13;
    skip(b, OUTSIDER, 1, 1);
    restart(b, 0, 1, true);
    b->env.sink_commit = no_file;
    box_slot(b, 0)->sinks = 1;
    box_inject(b, OUTSIDER, 0, CELL_LINES(1, 1), 1, 1, 13);
    box_rounds(b, 5, 1);
    is_int(b->vertex[0].slot, 0, "(the life ends before that commit)");
    b->env.sink_commit = NULL;
    box_start(b, 0, 0, 1, true);
    box_rounds(b, 5, 1);
    box_inject(b, OUTSIDER, 0, CELL_LINES(1, 1), 1, 1, 13);
    box_rounds(b, 5, 1);
    ok(b->vertex[0].up && stream_to(b, 0, OUTSIDER)->durable == 1 && stream_to(b, 0, OUTSIDER)->skipped == 1,
       "a life that ended before the commit has passed over nothing: the next one does");
    box_free(b);
}

int main(void)
{
    messages_wait_for_the_commit();
    a_full_sender_waits();
    a_small_mailbox_is_urgent();
    an_urgent_peer_is_not_served_message_by_message();
    full_lanes_lose_nothing();
    one_bell_for_many_messages();
    acks_wait_for_room();
    messages_wait_for_room_to_leave();
    a_full_lane_is_rung_once();
    only_who_has_peers_is_told();
    bells_of_other_lines_change_nothing();
    acks_of_other_lines_change_nothing();
    a_receiver_without_its_commit();
    a_sender_without_its_commit();
    a_stale_bell_names_its_sender();
    a_stale_bell_names_its_receiver();
    an_entry_being_written_has_no_number();
    a_window_between_devices();
    news_and_message_are_two_calls();
    a_lost_tail_is_rung_again();
    a_nack_is_not_forgotten();
    the_dead_are_counted_once();
    a_late_ack_of_the_finished();
    each_line_of_a_place_is_another_child();
    who_has_spoken_is_not_gone();
    the_first_that_is_met_may_not_be_the_first();
    the_message_in_hand_outlives_its_life();
    what_a_rank_is_shown();
    poison_is_passed_over();
    passed_over_again_until_a_commit();
    done_testing();
}
