/* slot_asks.c - an actor's requests for children: out with a commit, again until their answer is in one */
#include "puppet.h"

static int number;                      /* what the last call returned */
static uint32_t told;                   /* answers that a handler has seen ... */
static struct tw_child last;            /* ... and the last of them */

static void ask_two(struct tw_ctx *cx, struct puppet *s)
{
    (void)s;
    (void)tw_child_start(cx, 3);
    number = tw_child_terminate(cx, 4);
    script[0].step = NULL;
}

static void ask_one(struct tw_ctx *cx, struct puppet *s)
{
    (void)s;
    number = tw_child_start(cx, 5);
    script[0].step = NULL;
}

static void ask_and_fail(struct tw_ctx *cx, struct puppet *s)
{
    ask_one(cx, s);
    tw_fail(cx, 1);
}

static void ask_and_end(struct tw_ctx *cx, struct puppet *s)
{
    ask_one(cx, s);
    tw_done(cx, 0);
}

static void see(struct tw_ctx *cx, struct puppet *s, const struct tw_msg *m)
{
    (void)cx;
    (void)s;
    if (m->type != TW_CHILD || m->bytes != sizeof last)
        return;
    told++;
    memcpy(&last, m->body, sizeof last);
}

static struct box *one(void)
{
    struct box *b = puppet_box(1, 4, 16);

    told = 0;
    puppet_add(b, 0);
    box_start(b, 0, 0, 1, false);
    box_rounds(b, 5, 1);
    script[0].receive = see;
    b->asked = 0;
    return b;
}

static void step(struct box *b, void (*f)(struct tw_ctx *cx, struct puppet *s))
{
    script[0].step = f;
    puppet_wake(b, 0);
    box_rounds(b, 5, 1);
}

static void answer(struct box *b, uint32_t place, uint64_t request, uint32_t line, uint32_t says)
{
    union cell c;

    memset(&c, 0, sizeof c);
    c.child.type = CELL_SLOT_ANSWER;
    c.child.seq = request;
    c.child.slot = b->vertex[0].slot;
    c.child.line = line;
    c.child.place = place;
    c.child.answer = says;
    c.child.what = 7;
    c.child.child_life = 99;
    box_tell(b, 0, &c);
    box_rounds(b, 5, 1);
}

static void a_second_later(struct box *b)
{
    box_rounds(b, 1, ASK_AGAIN_MS);
    box_rounds(b, 3, 1);
}

static void resume(struct box *b)
{
    box_send_slot(b, 0, CELL_SLOT_STOP, STOP_KILL, 0);
    box_rounds(b, 3, 1);
    box_start(b, 0, 0, 1, true);
    box_rounds(b, 5, 1);
}

static void a_request_leaves_with_the_commit(void)
{
    struct box *b = one();
    const struct cell_child *c;

    script[0].step = ask_two;
    puppet_wake(b, 0);
    box_turn(b, 0, 1);
    box_turn(b, 0, 0);
    is_int((long long)b->asked, 0, "a request has not left before its commit");
    box_rounds(b, 5, 1);
    c = &b->ask[1].child;
    is_int((long long)b->asked, 2, "going idle, the actor commits, and both leave");
    ok(b->ask[0].child.seq == 1 && b->ask[0].child.verb == TW_CHILD_START_ && b->ask[0].child.what == 3 &&
           c->seq == 2 && c->verb == TW_CHILD_TERMINATE_ && c->what == 4 && c->src == 0 && c->line == 1 && c->place == 1,
       "as they were made, each under its number");
    is_int(number, 2, "... which the call returned");
    box_rounds(b, 3, 1);
    is_int((long long)b->asked, 2, "they leave once");
    a_second_later(b);
    is_int((long long)b->asked, 4, "not answered, they leave again after a second");
    box_free(b);
}

static void an_answer_comes_once(void)
{
    struct box *b = one();

    step(b, ask_two);
    answer(b, 1, 2, 1, TW_CHILD_ALREADY_STARTED);
    ok(told == 1 && last.request == 2 && last.answer == TW_CHILD_ALREADY_STARTED && last.child == 7 && last.life == 99,
       "an answer names its request, the child and its life");
    answer(b, 1, 2, 1, TW_CHILD_OK);
    is_int(told, 1, "once more, it is not told");
    answer(b, 0, 1, 2, TW_CHILD_OK);
    answer(b, 0, 2, 1, TW_CHILD_OK);
    answer(b, SLOT_ASKS, 1, 1, TW_CHILD_OK);
    is_int(told, 1, "nor is one of another line, place or number");
    answer(b, 0, 1, 1, TW_CHILD_OK);
    is_int(told, 2, "each has its own");
    b->asked = 0;
    a_second_later(b);
    is_int((long long)b->asked, 0, "what is answered leaves no more");
    box_free(b);
}

static void who_dies_before_its_commit_is_told_again(void)
{
    struct box *b = one();

    step(b, ask_two);
    answer(b, 0, 1, 1, TW_CHILD_OK);    /* its handler has run; nothing of it is committed */
    b->asked = 0;
    resume(b);
    is_int((long long)b->asked, 2, "a life that goes on from before the answer asks again, both");
    answer(b, 0, 1, 1, TW_CHILD_OK);
    is_int(told, 2, "... and is told");
    script[0].commit = true;
    puppet_wake(b, 0);
    box_rounds(b, 5, 1);
    b->asked = 0;
    resume(b);
    ok(b->asked == 1 && b->ask[0].child.seq == 2, "committed, only what is open is asked again");
    script[0].commit = false;
    b->asked = 0;
    step(b, ask_and_fail);
    box_start(b, 0, 0, 1, true);
    box_rounds(b, 5, 1);
    ok(b->asked == 1 && b->ask[0].child.seq == 2, "what a handler asked for that failed is not asked for");
    step(b, ask_one);
    is_int(number, 3, "... its number is given to the next");
    box_free(b);
}

static void four_at_a_time(void)
{
    struct box *b = one();

    step(b, ask_two);
    step(b, ask_two);
    is_int(number, 4, "four may be under way");
    step(b, ask_one);
    ok(number == -1 && b->vertex[0].slot == 0 && SLOT_END_CAUSE(b->vertex[0].end) == CAUSE_MEMORY, "a fifth fails the actor");
    box_free(b);
    b = one();
    step(b, ask_and_end);
    ok(b->asked == 1 && b->vertex[0].ended, "who asks and ends has asked");
    box_free(b);
}

static void a_request_waits_for_room(void)
{
    struct box *b = puppet_box(1, 4, 64);

    puppet_add(b, 0)->flags = SLOT_EAGER;
    box_place(b, OUTSIDER, 1, 1, PEER_UP);
    box_start(b, 0, 0, 1, false);
    box_rounds(b, 5, 1);
    for (uint32_t i = 0; i < LANE_BELLS / 4; i++) {
        script[0].send_to = OUTSIDER;
        script[0].send_count = 4;
        puppet_wake(b, 0);
        box_turn(b, 0, 1);              /* and slot 0 does not look */
    }
    script[0].step = ask_and_end;
    puppet_wake(b, 0);
    box_turn(b, 0, 1);
    box_turn(b, 0, 1);
    box_rounds(b, 5, 1);
    ok(b->asked == 1 && !b->vertex[0].ended, "a request that found no room leaves when there is some");
    box_inject_ack(b, OUTSIDER, 0, CELL_LINES(1, 1), LANE_BELLS, LANE_BELLS, false);
    box_rounds(b, 5, 1);
    ok(b->vertex[0].ended, "... before the actor that was done has ended");
    box_free(b);
}

int main(void)
{
    a_request_leaves_with_the_commit();
    an_answer_comes_once();
    who_dies_before_its_commit_is_told_again();
    four_at_a_time();
    a_request_waits_for_room();
    done_testing();
}
