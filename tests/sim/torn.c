/* torn.c - what is half written is not read, and what changes while it is read is not taken
 *
 * A message is being copied while its sender's slot goes on to another life.  The reader is stopped before each access
 * to a shared word in turn; meanwhile its sender is ended and begins again; what the new life sends first lies where
 * the message lay, to another vertex, under the same number.
 *
 * The sender is stopped before each access of the turn in which it rings; meanwhile the reader looks into its lane, as
 * it does when it still has an earlier bell of it.
 */
#include "puppet.h"

enum { SENDER, RECEIVER };

static struct box *to_ring(uint32_t to)
{
    struct box *b = puppet_box(1, 3, 16);

    puppet_add(b, SENDER)->flags = SLOT_EAGER;
    puppet_add(b, RECEIVER);
    box_place(b, OUTSIDER, 1, 1, PEER_UP);
    box_place(b, 11, 1, 1, PEER_UP);
    box_start(b, SENDER, 0, 1, false);
    box_start(b, RECEIVER, 0, 2, false);
    box_rounds(b, 5, 1);
    puppet_send(b, SENDER, to, 1, 111);
    return b;
}

static struct box *rung(uint32_t to)
{
    struct box *b = to_ring(to);

    box_turn(b, 0, 1);
    return b;
}

/* Let a thread make so many accesses.  False: its turn was over before. */
static bool accesses(struct box *b, uint32_t slot, uint32_t n)
{
    b->yields = 1;
    for (; n > 0; n--) {
        box_fiber(b, 0, slot);
        if (!b->device[0].thread[slot].mid_turn)
            break;
    }
    b->yields = 0;
    return n == 0;
}

static void to_its_end(struct box *b, uint32_t slot)
{
    while (b->device[0].thread[slot].mid_turn)
        box_fiber(b, 0, slot);
}

static void sender_turns(struct box *b, int n)
{
    for (; n > 0; n--) {
        box_turn(b, 0, 0);
        box_route(b);
        box_turn(b, 0, 1);
    }
}

/* 1 = right, 0 = wrong; -1: the turn has no access of this number. */
static int receiver_stopped_at(uint32_t access)
{
    struct box *b = rung(RECEIVER);
    const struct puppet *got;
    int right = -1;

    if (accesses(b, 2, access)) {
        box_send_slot(b, SENDER, CELL_SLOT_STOP, STOP_KILL, 0);
        sender_turns(b, 3);
        box_start(b, SENDER, 0, 1, true);
        script[SENDER].send_to = OUTSIDER;
        script[SENDER].send_count = 1;
        script[SENDER].value = 222;
        sender_turns(b, 3);
        to_its_end(b, 2);
        box_rounds(b, 5, 1);
        got = puppet_of(b, RECEIVER);
        right = got->got == 0 || (got->got == 1 && got->value[0] == 111);
    }
    box_free(b);
    return right;
}

static int sender_stopped_at(uint32_t access)
{
    struct box *b = to_ring(RECEIVER);
    int right = -1;

    if (accesses(b, 1, access)) {
        for (int turn = 0; turn < 2; turn++) {
            box_slot(b, RECEIVER)->marked[0] |= 1u << 1;
            box_turn(b, 0, 2);
        }
        to_its_end(b, 1);
        box_turn(b, 0, 2);              /* its sender does not ring again */
        box_turn(b, 0, 2);
        right = puppet_of(b, RECEIVER)->got == 1 && puppet_of(b, RECEIVER)->value[0] == 111;
    }
    box_free(b);
    return right;
}

static void at_each_access(const char *who, int (*stopped_at)(uint32_t), const char *what)
{
    uint32_t access = 1, wrong = 0;

    for (int rc; access < 10000 && (rc = stopped_at(access)) >= 0; access++)
        if (rc == 0 && wrong++ < 3)
            printf("# stopped before access %u: wrong\n", access);
    ok(wrong == 0 && access > 30 && access < 10000, "a %s stopped before any of its %u accesses: %s", who, access - 1,
       what);
}

int main(void)
{
    at_each_access("receiver", receiver_stopped_at, "it takes the message whole or not at all");
    at_each_access("sender", sender_stopped_at, "its bell is read when it is whole, and not lost");
    done_testing();
}
