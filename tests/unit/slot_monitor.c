/* slot_monitor.c - what tw_monitor promises, one fact after another */
#include "puppet.h"

#define OTHER 11u                       /* a second vertex that lives nowhere here */

/* What vertex 0's handlers were given, in their order: a number, or the end of a life. */
static struct { bool down; uint32_t from; uint64_t value; struct tw_down how; } heard[64];
static uint32_t heard_count, watch[SLOT_MONITORS + 2], watches;

static void hears(struct tw_ctx *cx, struct puppet *s, const struct tw_msg *m)
{
    (void)cx;
    (void)s;
    heard[heard_count].down = m->type == TW_DOWN;
    heard[heard_count].from = m->from;
    if (m->type == TW_DOWN)
        heard[heard_count].how = *(const struct tw_down *)m->body;
    else
        heard[heard_count].value = *(const uint64_t *)m->body;
    heard_count++;
}

static void watches_all(struct tw_ctx *cx, struct puppet *s)
{
    (void)s;
    for (; watches > 0; watches--)
        tw_monitor(cx, watch[watches - 1]);
}

static void lets_go(struct tw_ctx *cx, struct puppet *s)
{
    (void)s;
    tw_demonitor(cx, OUTSIDER);
}

static struct box *watcher(uint32_t flags)
{
    struct box *b = puppet_box(1, 4, 16);

    heard_count = watches = 0;
    puppet_add(b, 0)->flags = flags;
    puppet_add(b, 1);
    script[0].receive = hears;
    script[0].step = watches_all;
    box_place(b, OUTSIDER, 1, 7, PEER_UP);
    box_start(b, 0, 0, 1, false);
    box_start(b, 1, 0, 2, false);
    box_rounds(b, 5, 1);
    return b;
}

static void watch_it(struct box *b, uint32_t vertex, uint32_t times)
{
    for (watches = 0; watches < times; watches++)
        watch[watches] = vertex;
    puppet_wake(b, 0);
    box_rounds(b, 2, 1);
}

static void ends(struct box *b, uint32_t vertex, uint64_t life, uint32_t status, uint32_t cls, uint32_t cause)
{
    b->vertex[vertex].end = SLOT_END(cls, cause, 0);
    box_place(b, vertex, 1, life, status);
}

static bool heard_is(uint32_t i, uint32_t from, uint64_t life, uint32_t cls, uint32_t cause)
{
    return i < heard_count && heard[i].down && heard[i].from == from && heard[i].how.life == life &&
           heard[i].how.cls == cls && heard[i].how.cause == cause;
}

static void one_end_is_told_once(void)
{
    struct box *b = watcher(0);

    watch_it(b, OUTSIDER, 1);
    box_rounds(b, 5, 1);
    is_int(heard_count, 0, "while it lives nothing is heard");
    box_place(b, OUTSIDER, 1, 7, PEER_DRAINING);
    box_rounds(b, 5, 1);
    is_int(heard_count, 0, "it lives as long as it drains");
    ends(b, OUTSIDER, 7, PEER_GONE, CLASS_NORMAL, CAUSE_DONE);
    box_rounds(b, 5, 1);
    ok(heard_count == 1 && heard_is(0, OUTSIDER, 7, TW_NORMAL, TW_CAUSE_DONE), "its end is: life, class and cause");
    box_place(b, OUTSIDER, 1, 8, PEER_UP);
    ends(b, OUTSIDER, 8, PEER_DOWN, CLASS_ABNORMAL, CAUSE_CODE);
    box_rounds(b, 5, 1);
    is_int(heard_count, 1, "once; its next life is not watched");
    box_free(b);
}

static void each_call_counts(void)
{
    struct box *b = watcher(0);

    watch_it(b, OUTSIDER, 2);
    box_place(b, OTHER, 1, 9, PEER_UP);
    box_rounds(b, 2, 1);
    watch_it(b, OTHER, 1);
    watch_it(b, OUTSIDER, 1);
    ends(b, OTHER, 9, PEER_DOWN, CLASS_SHUTDOWN, CAUSE_SUPERVISOR);
    box_rounds(b, 5, 1);
    ok(heard_count == 1 && heard_is(0, OTHER, 9, TW_SHUTDOWN, TW_CAUSE_SUPERVISOR), "of several, the one that ended is told");
    ends(b, OUTSIDER, 7, PEER_DOWN, CLASS_KILLED, CAUSE_WORKER);
    box_rounds(b, 9, 1);
    ok(heard_count == 4 && heard_is(3, OUTSIDER, 7, TW_KILLED, TW_CAUSE_WORKER_LOST), "who was watched three times ends three times");
    box_place(b, OUTSIDER, 1, 8, PEER_UP);
    box_rounds(b, 2, 1);
    watch_it(b, OUTSIDER, 2);
    script[0].step = lets_go;
    puppet_wake(b, 0);
    box_rounds(b, 2, 1);
    ends(b, OUTSIDER, 8, PEER_DOWN, CLASS_KILLED, CAUSE_WORKER);
    box_rounds(b, 5, 1);
    is_int(heard_count, 4, "tw_demonitor undoes all of them");
    box_free(b);
}

static void who_has_no_life(void)
{
    struct box *b = watcher(0);

    watch_it(b, OTHER, 1);
    box_rounds(b, 3, 1);
    ok(heard_count == 1 && heard_is(0, OTHER, 0, TW_ABNORMAL, TW_CAUSE_NO_PROCESS), "who never lived is told to have no life");
    ends(b, OUTSIDER, 7, PEER_DOWN, CLASS_ABNORMAL, CAUSE_CODE);
    box_rounds(b, 3, 1);
    watch_it(b, OUTSIDER, 1);
    box_rounds(b, 3, 1);
    ok(heard_count == 2 && heard_is(1, OUTSIDER, 0, TW_ABNORMAL, TW_CAUSE_NO_PROCESS), "so is who is down");
    box_free(b);
}

static void two_ends_between_two_looks(void)
{
    struct box *b = watcher(0);

    watch_it(b, OUTSIDER, 1);
    ends(b, OUTSIDER, 7, PEER_DOWN, CLASS_ABNORMAL, CAUSE_BOUNDS);
    box_place(b, OUTSIDER, 1, 8, PEER_UP);
    box_route(b);
    box_turn(b, 0, 0);                  /* slot 0 hears all of it at once */
    box_rounds(b, 5, 1);
    ok(heard_count == 1 && heard_is(0, OUTSIDER, 7, TW_ABNORMAL, TW_CAUSE_BOUNDS), "a life that is over and followed by another is told");
    watch_it(b, OUTSIDER, 1);
    ends(b, OUTSIDER, 8, PEER_DOWN, CLASS_ABNORMAL, CAUSE_BOUNDS);
    box_place(b, OUTSIDER, 1, 9, PEER_UP);
    ends(b, OUTSIDER, 9, PEER_DOWN, CLASS_ABNORMAL, CAUSE_CODE);
    box_place(b, OUTSIDER, 1, 10, PEER_UP);
    box_rounds(b, 5, 1);
    ok(heard_count == 2 && heard_is(1, OUTSIDER, 0, TW_ABNORMAL, TW_CAUSE_UNKNOWN), "two ends between two looks are one, and how "
       "the first came is not known any more");
    box_free(b);
}

static void told_by_two_stores(void)
{
    struct box *b = watcher(0);
    struct peer_end *e = &arena_ends(&b->device[0].view)[OUTSIDER];
    uint64_t *word = &arena_directory(&b->device[0].view)[OUTSIDER];

    watch_it(b, OUTSIDER, 1);
    e->life = 7;                        /* slot 0 stands between the two */
    *word = PEER_WORD(1, 7, 0, PEER_DOWN);
    for (int i = 0; i < 5; i++)
        box_turn(b, 0, 1);
    is_int(heard_count, 0, "how it ended is not made up");
    e->end = PEER_END(7, CLASS_KILLED, CAUSE_SUPERVISOR);
    box_turn(b, 0, 1);
    ok(heard_is(0, OUTSIDER, 7, TW_KILLED, TW_CAUSE_SUPERVISOR), "but waited for");
    box_free(b);
}

static void again(struct box *b, uint32_t slot)
{
    box_send_slot(b, 0, CELL_SLOT_STOP, STOP_KILL, 0);
    box_rounds(b, 3, 1);
    box_start(b, 0, 0, slot, true);
    box_rounds(b, 5, 1);
}

static void part_of_the_commit(void)
{
    struct box *b = watcher(0);

    script[0].commit = true;
    watch_it(b, OUTSIDER, 1);
    script[0].commit = false;
    again(b, 3);
    is_int(box_slot(b, 0)->image->monitor_count, 1, "the next life still watches");
    box_send_slot(b, 0, CELL_SLOT_STOP, STOP_KILL, 0);
    box_rounds(b, 3, 1);
    ends(b, OUTSIDER, 7, PEER_DOWN, CLASS_ABNORMAL, CAUSE_WEDGED);
    box_place(b, OUTSIDER, 1, 8, PEER_UP);
    box_rounds(b, 3, 1);
    box_start(b, 0, 0, 1, true);
    box_rounds(b, 5, 1);
    ok(heard_count == 1 && heard_is(0, OUTSIDER, 7, TW_ABNORMAL, TW_CAUSE_WEDGED), "an end that came while it was down is not missed");
    again(b, 3);
    ok(heard_count == 2 && heard_is(1, OUTSIDER, 7, TW_ABNORMAL, TW_CAUSE_WEDGED) && puppet_of(b, 0)->downs == 1,
       "told, but not committed: the next life is told, whose state it is new to");
    script[0].commit = true;
    puppet_wake(b, 0);
    box_rounds(b, 3, 1);
    again(b, 1);
    ok(heard_count == 2 && puppet_of(b, 0)->downs == 1, "committed: nobody is told again");
    box_free(b);
}

static void refused(uint32_t flags, uint32_t vertex, uint32_t times, const char *what)
{
    struct box *b = watcher(flags);

    watch_it(b, vertex, times);
    box_rounds(b, 3, 1);
    ok(b->vertex[0].slot == 0 && SLOT_END_CAUSE(b->vertex[0].end) == CAUSE_MEMORY, "%s fails the actor", what);
    box_free(b);
}

static void what_is_refused(void)
{
    struct box *b = watcher(0);

    watch_it(b, OUTSIDER, SLOT_MONITORS);
    ok(b->vertex[0].up && box_slot(b, 0)->image->monitor_count == SLOT_MONITORS, "eight monitors at a time are fine");
    box_free(b);
    refused(0, OUTSIDER, SLOT_MONITORS + 1, "a ninth");
    refused(0, 0, 1, "to watch oneself");
    refused(0, TW_NO_PEER, 1, "no vertex");
    refused(SLOT_EAGER, OUTSIDER, 1, "send: eager, which may not depend on when something is heard,");
}

static void messages_that_lie_here_come_first(void)
{
    struct box *b = watcher(0);

    watch_it(b, OUTSIDER, 1);
    for (uint64_t n = 1; n <= 3; n++)
        box_inject(b, OUTSIDER, 0, CELL_LINES(1, 1), n, 1, 40 + n);
    ends(b, OUTSIDER, 7, PEER_DOWN, CLASS_ABNORMAL, CAUSE_CODE);
    box_route(b);
    box_turn(b, 0, 0);
    box_rounds(b, 12, 1);
    ok(heard_count == 4 && heard[2].value == 43 && heard_is(3, OUTSIDER, 7, TW_ABNORMAL, TW_CAUSE_FAILED),
       "what came from elsewhere before its sender's end was heard of is received before it");
    box_free(b);

    b = watcher(0);
    b->vertex[1].config.flags = SLOT_EAGER;
    box_send_slot(b, 1, CELL_SLOT_STOP, STOP_KILL, 0);
    box_rounds(b, 3, 1);
    box_start(b, 1, 0, 2, true);
    box_rounds(b, 5, 1);
    watch_it(b, 1, 1);
    puppet_send(b, 1, 0, 3, 50);
    box_turn(b, 0, 2);                  /* one bell for all three */
    box_send_slot(b, 1, CELL_SLOT_STOP, STOP_KILL, 0);
    for (int i = 0; i < 4; i++) {
        box_route(b);
        box_turn(b, 0, 0);
        box_turn(b, 0, 2);
    }
    box_rounds(b, 12, 1);
    ok(heard_count == 4 && heard[2].value == 52 && heard[3].down && heard[3].how.cls == TW_KILLED,
       "so is what lies in a lane of this device, and in a bell that counts in several");
    box_free(b);
}

static void who_watches_is_told(void)
{
    struct box *b = watcher(0);
    uint32_t rings;

    watch_it(b, OUTSIDER, 1);
    rings = box_slot(b, 0)->bell->rings;
    ends(b, OUTSIDER, 7, PEER_DOWN, CLASS_ABNORMAL, CAUSE_CODE);
    box_route(b);
    box_turn(b, 0, 0);
    is_int(box_slot(b, 0)->bell->rings, rings + 1, "an actor that exchanges no messages is woken for an end that it watches");
    box_rounds(b, 3, 1);
    rings = box_slot(b, 0)->bell->rings;
    box_place(b, OUTSIDER, 1, 8, PEER_UP);
    box_route(b);
    box_turn(b, 0, 0);
    is_int(box_slot(b, 0)->bell->rings, rings, "and not when it watches nobody any more");
    script[0].commit = true;
    watch_it(b, OUTSIDER, 1);
    again(b, 3);
    is_int(box_slot(b, 0)->image->monitor_count, 1, "(it watches again, and so does its next life)");
    rings = box_slot(b, 0)->bell->rings;
    ends(b, OUTSIDER, 8, PEER_DOWN, CLASS_ABNORMAL, CAUSE_CODE);
    box_route(b);
    box_turn(b, 0, 0);
    is_int(box_slot(b, 0)->bell->rings, rings + 1, "which is woken, too");
    box_free(b);
}

int main(void)
{
    one_end_is_told_once();
    each_call_counts();
    who_has_no_life();
    two_ends_between_two_looks();
    told_by_two_stores();
    part_of_the_commit();
    what_is_refused();
    messages_that_lie_here_come_first();
    who_watches_is_told();
    done_testing();
}
