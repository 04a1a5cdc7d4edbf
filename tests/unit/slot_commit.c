/* slot_commit.c - a commit is whole or nothing, and a life goes on exactly where it was made */
#include "puppet.h"

static struct box *busy(void)
{
    struct box *b = puppet_box(1, 3, 8);

    puppet_add(b, 0);
    box_place(b, OUTSIDER, 1, 1, PEER_DOWN);    /* so that the outbox keeps what is sent */
    box_start(b, 0, 0, 1, false);
    box_rounds(b, 4, 1);
    puppet_send(b, 0, OUTSIDER, 3, 900);
    box_rounds(b, 4, 1);
    return b;
}

static void every_byte_counts(void)
{
    struct box *b = busy();
    struct arena_view *v = &b->device[0].view;
    uint64_t room = commit_bytes(&b->geo), newest = arena_is(v, 1)->committed;
    struct commit_head *c = arena_commit(v, 1, newest & 1), *older = arena_commit(v, 1, !(newest & 1));
    unsigned char *at = (unsigned char *)c;
    char *to = malloc(room), *good = malloc(room);
    int64_t n = commit_fetch(v, 1, good, room);
    uint64_t accepted = 0, other = 0, word = older->word;

    ok(n > (int64_t)sizeof *c && newest >= 2 && older->word == newest - 1, "(there are two commits)");
    for (uint64_t i = 0; i < (uint64_t)n; i++) {
        int64_t got;

        if (i >= 24 && i < sizeof *c)
            continue;                   /* the head's unused bytes */
        for (int bit = 0; bit < 8; bit += 1 + (int)(i % 3)) {
            at[i] ^= (unsigned char)(1u << bit);
            got = commit_fetch(v, 1, to, room);
            accepted += got >= 0;
            other += got != TW_ELOST;
            at[i] ^= (unsigned char)(1u << bit);
        }
    }
    ok(accepted == 0 && other == 0, "no commit with a changed bit is accepted; nor is the older one instead");
    ok(commit_fetch(v, 1, to, room) == n && memcmp(to, good, (size_t)n) == 0, "unchanged, it is");
    at[0] = 0;                          /* word 0: as if it had not been finished */
    is_int(commit_fetch(v, 1, to, room), TW_ELOST, "the older one does not stand in for one that was told");
    at[0] = (unsigned char)newest;
    older->word = newest + 2;
    is_int(commit_fetch(v, 1, to, room), TW_ELOST, "an older one made to look newer is not accepted");
    older->word = word;
    is_int(commit_fetch(v, 1, to, (uint64_t)n - 1), TW_ETOOBIG, "too little room is said");
    ok(commit_place(v, 1, NULL, 0) == 0 && c->word == 0 && older->word == 0,
       "a slot given to another has neither of its last tenant's two commits");
    free(to);
    free(good);
    box_free(b);
}

static void a_damaged_commit_is_not_resumed(void)
{
    struct box *b = busy();
    struct arena_view *v = &b->device[0].view;
    uint32_t calls;
    uint64_t newest;

    box_send_slot(b, 0, CELL_SLOT_STOP, STOP_SHUTDOWN, 0);
    box_rounds(b, 4, 1);
    box_start(b, 0, 0, 2, true);
    newest = arena_commit(v, 2, 0)->word ? 0 : 1;
    ((char *)(arena_commit(v, 2, (uint32_t)newest) + 1))[200] ^= 4;
    calls = puppet_calls;
    box_rounds(b, 4, 1);
    ok(SLOT_END_CAUSE(b->vertex[0].end) == CAUSE_STATE && calls == puppet_calls,
       "a life whose commit is damaged fails with `state lost` before any handler runs");
    b->vertex[0].config.layout++;
    box_start(b, 0, 0, 3, true);
    box_rounds(b, 4, 1);
    ok(SLOT_END_CAUSE(b->vertex[0].end) == CAUSE_STATE && calls == puppet_calls,
       "so does one whose commit is of another layout");
    ok(b->failures >= 1, "(the box had seen that commit_fetch refuses)");
    box_free(b);
}

static void commits_travel(void)
{
    struct box *b = busy();
    struct arena_view *v = &b->device[0].view;
    const struct stream *streams;
    const struct slot_image *image;

    box_send_slot(b, 0, CELL_SLOT_STOP, STOP_SHUTDOWN, 0);
    box_rounds(b, 4, 1);
    image = commit_image(b->vertex[0].commit, &streams);
    ok(image->stream_count == 1 && streams[0].peer == OUTSIDER && streams[0].sent == 3 && image->outbox_used == 3,
       "a fetched commit shows its streams");
    box_start(b, 0, 0, 3, true);
    box_rounds(b, 4, 1);
    box_place(b, OUTSIDER, 1, 2, PEER_UP);
    box_rounds(b, 6, 1);
    ok(b->kept == 3 && b->keep[0].value == 900 && b->keep[2].value == 902 && b->keep[2].cell.head.seq == 3,
       "in another slot, the next life sends what the last one had committed, under the same numbers");
    is_int(commit_place(v, 1, NULL, 0), 0, "placing nothing");
    is_int(commit_fetch(v, 1, (char[64]){0}, 64) <= 0, 1, "leaves nothing");
    box_free(b);
}

static void no_commit_is_no_state(void)
{
    struct box *b = puppet_box(1, 2, 8);
    struct arena_view *v = &b->device[0].view;
    char *to = malloc(commit_bytes(&b->geo));

    is_int(commit_fetch(v, 1, to, commit_bytes(&b->geo)), 0, "a slot that never committed has none");
    puppet_add(b, 0);
    box_start(b, 0, 0, 1, false);
    box_rounds(b, 4, 1);
    ok(commit_fetch(v, 1, to, commit_bytes(&b->geo)) > 0, "once its first handler has returned it has one");
    free(to);
    box_free(b);
}

static void set_timers(struct tw_ctx *cx, struct puppet *s)
{
    if (s->steps != 1)
        return;
    tw_timer(cx, 500);
    tw_timer(cx, 5000);
}

static void timers_survive(void)
{
    struct box *b = puppet_box(1, 2, 8);

    puppet_add(b, 0);
    script[0].step = set_timers;
    box_start(b, 0, 0, 1, false);
    box_rounds(b, 10, 20);              /* 200 ms of 500 */
    is_int(puppet_of(b, 0)->timers, 0, "(no timer has run out)");
    box_send_slot(b, 0, CELL_SLOT_STOP, STOP_SHUTDOWN, 0);
    box_rounds(b, 4, 0);
    b->now_ms += 1000000;               /* the next life may read another clock */
    box_start(b, 0, 0, 2, true);
    box_rounds(b, 10, 10);
    is_int(puppet_of(b, 0)->timers, 0, "a timer does not run while its actor is down");
    box_rounds(b, 40, 10);
    ok(puppet_of(b, 0)->timers == 1 && puppet_of(b, 0)->timer_ms == 500, "after a resume it runs for what remained");
    box_rounds(b, 50, 100);
    ok(puppet_of(b, 0)->timers == 2 && puppet_of(b, 0)->timer_ms == 5000, "so does the second");
    box_free(b);
}

static void draw(struct tw_ctx *cx, struct puppet *s)
{
    s->random[s->draws++ % 4] = tw_random(cx);
    script[0].value = s->random[(s->draws - 1) % 4];
}

static void random_numbers_come_again(void)
{
    struct box *b = puppet_box(1, 2, 8);
    uint64_t first, second;

    puppet_add(b, 0);
    script[0].step = draw;
    script[0].commit = true;
    box_start(b, 0, 0, 1, false);
    box_rounds(b, 6, 1);
    script[0].commit = false;
    first = script[0].value;
    puppet_wake(b, 0);
    box_rounds(b, 2, 1);
    second = script[0].value;
    box_send_slot(b, 0, CELL_SLOT_STOP, STOP_KILL, 0);  /* the second draw is not committed */
    box_rounds(b, 3, 1);
    script[0].value = 0;
    box_start(b, 0, 0, 2, true);
    box_rounds(b, 4, 1);
    ok(first != second && second != 0 && script[0].value == second, "a resumed actor draws the same random numbers again");
    box_free(b);
}

/* -- what a handler may not do -------------------------------------------------------------------- */

static uint32_t crime;

static void commit_crime(struct tw_ctx *cx, struct puppet *s)
{
    char data[64] = {0};

    if (s->steps < 2)
        return;
    tw_send(cx, OUTSIDER, 7, data, 8);  /* must not leave */
    switch (crime) {
    case 0: tw_fail(cx, 42); break;
    case 1: TW_AT(s->random, 4) = 1; break;
    case 2:
        for (int i = 0; i < 4; i++)
            tw_send(cx, OUTSIDER, 7, data, 8);
        break;
    case 3: tw_send(cx, OUTSIDER, 7, data, 17); break;
    case 4: tw_send(cx, 12, 7, data, 8); break;
    case 5: tw_send(cx, OUTSIDER, TW_MSG_SYSTEM, data, 8); break;
    case 6:
        for (int i = 0; i < 5; i++)
            tw_timer(cx, 10);
        break;
    case 7: (void)tw_arg_u64(cx, "missing"); break;
    case 8: (void)tw_sink(cx, "file"); break;
    case 9:
        tw_fail(cx, 1);
        tw_fail(cx, 2);
        break;
    }
}

static void crimes(void)
{
    static const struct { uint32_t cause; const char *what; } table[] = {
        {CAUSE_CODE, "tw_fail"}, {CAUSE_BOUNDS, "an index outside"}, {CAUSE_MEMORY, "more sends than `sends`"},
        {CAUSE_MEMORY, "a message too long"}, {CAUSE_MEMORY, "a send to no vertex"},
        {CAUSE_MEMORY, "a message of a system type"}, {CAUSE_MEMORY, "a fifth timer"},
        {CAUSE_CODE, "an argument that is missing"}, {CAUSE_MEMORY, "a sink where there is none"},
        {CAUSE_CODE, "two failures"},
    };

    for (crime = 0; crime < sizeof table / sizeof table[0]; crime++) {
        struct box *b = puppet_box(1, 2, 8);

        puppet_add(b, 0);
        script[0].step = commit_crime;
        box_place(b, OUTSIDER, 1, 1, PEER_UP);
        box_start(b, 0, 0, 1, false);
        box_rounds(b, 4, 1);
        puppet_wake(b, 0);
        box_rounds(b, 8, 1);
        ok(!b->vertex[0].slot && SLOT_END_CLASS(b->vertex[0].end) == CLASS_ABNORMAL &&
               SLOT_END_CAUSE(b->vertex[0].end) == table[crime].cause && b->kept == 0,
           "%s: ends the life with cause `%s`; nothing of its handler leaves", table[crime].what,
           exit_cause_name(table[crime].cause));
        if (crime == 0)
            is_int(SLOT_END_CODE(b->vertex[0].end), 42, "its code is told");
        if (crime == 9)
            is_int(SLOT_END_CODE(b->vertex[0].end), 1, "the first is the cause");
        box_free(b);
    }
}

static void send_to_all(struct tw_ctx *cx, struct puppet *s)
{
    if (s->steps >= 2 && s->steps < 9)
        tw_send(cx, s->steps, 7, &s->got, 8);
    if (s->steps < 9)
        tw_again(cx);
}

static void too_many_peers(void)
{
    struct box *b = puppet_box(1, 2, 8);

    puppet_add(b, 0)->peers = 5;
    b->vertex[0].config.sends = 1;
    script[0].step = send_to_all;
    box_start(b, 0, 0, 1, false);
    box_rounds(b, 30, 1);
    is_int(SLOT_END_CAUSE(b->vertex[0].end), CAUSE_MEMORY, "a sixth peer where `peers` is five");
    is_int(((const struct puppet *)box_state(b, 0))->steps <= 6, 1, "fails the actor at that call");
    box_free(b);

    b = puppet_box(1, 2, 8);
    puppet_add(b, 0)->peers = 1;
    box_start(b, 0, 0, 1, false);
    box_rounds(b, 4, 1);
    box_inject(b, OUTSIDER, 0, CELL_LINES(1, 1), 1, 1, 1);
    box_inject(b, 11, 0, CELL_LINES(1, 1), 1, 1, 1);
    box_rounds(b, 8, 1);
    is_int(SLOT_END_CAUSE(b->vertex[0].end), CAUSE_MEMORY, "so does a message of one peer too many");
    box_free(b);
}

static void long_timer(struct tw_ctx *cx, struct puppet *s)
{
    if (s->steps == 1)
        tw_timer(cx, UINT64_MAX);
}

static void a_timer_for_ever(void)
{
    struct box *b = puppet_box(1, 2, 8);

    puppet_add(b, 0);
    script[0].step = long_timer;
    box_start(b, 0, 0, 1, false);
    box_rounds(b, 50, 1000);
    is_int(puppet_of(b, 0)->timers, 0, "a timer beyond the end of time does not run out at once");
    box_free(b);
}

int main(void)
{
    every_byte_counts();
    a_damaged_commit_is_not_resumed();
    commits_travel();
    no_commit_is_no_state();
    timers_survive();
    random_numbers_come_again();
    crimes();
    too_many_peers();
    a_timer_for_ever();
    done_testing();
}
