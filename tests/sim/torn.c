/* torn.c - a message is being copied while its sender's slot goes on to another life: it comes whole, or not
 *
 * The reader is stopped before each access to a shared word in turn.  Meanwhile its sender is ended and begins
 * again; what the new life sends first lies where the message lay, to another vertex, under the same number.
 */
#include "puppet.h"

enum { SENDER, RECEIVER };

static struct box *rung(uint32_t to)
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

int main(void)
{
    uint32_t access = 1, wrong = 0;

    for (int rc; access < 10000 && (rc = receiver_stopped_at(access)) >= 0; access++)
        if (rc == 0 && wrong++ < 3)
            printf("# stopped before access %u: another's message was taken\n", access);
    ok(wrong == 0 && access > 50 && access < 10000,
       "a receiver stopped before any of its %u accesses takes the message whole or not at all", access - 1);
    done_testing();
}
