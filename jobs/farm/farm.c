/* farm.c - a master that starts its hands at run time and lets them go again
 *
 * The master has `tasks` tasks and a pool of hands, which is empty at first.  For each task it asks the pool for a hand;
 * told which one was started, it sends the task there.  A hand with an odd task ends by itself when it has sent its
 * result; one with an even task is let go by the master.  So most of what happens here are starts and stops of children,
 * and whoever dies in between - master, hands, their workers, the pool - every task's result stands in farm.txt once.
 *
 * Nobody tells the master that a hand is gone for good.  So it looks, a little at a time, by asking for each hand that
 * owes it a result to be started: one that is there answers that it is, one that had to be started anew gets its task
 * once more.
 *
 * In crews.yaml each hand comes with a crew, and what the pool starts and stops are the crews.
 */
#include <treewarden/actor.h>

#ifndef __CUDACC__
#include <stdio.h>
#endif

#define TASKS 1024
#define HANDS 32
#define REQUESTS 4                      /* tw_child_start: at most so many without their answer */
#define LOOK_MS 50

enum { WORK = 1, RESULT = 2 };
enum { TOO_MANY = 1, NO_POOL = 2, WRONG = 3, NO_FILE = 4 };

struct work { uint64_t task, value, rounds; };

TW_FN uint64_t farm_mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
    return x ^ (x >> 31);
}

/* ---- a hand ------------------------------------------------------------------------------------ */

struct hand { struct work work; uint32_t master, busy; };

TW_SOLO(hand)
TW_INIT(hand) { s->busy = 0; }

TW_RECEIVE(hand)
{
    if (m->type != WORK)
        return;
    s->work = *(const struct work *)m->body;
    s->master = m->from;
    s->busy = 1;
}

TW_STEP(hand)
{
    if (!s->busy)
        return;
    tw_progress(cx, 1);
    s->work.value = farm_mix(s->work.value);
    if (--s->work.rounds > 0) {
        tw_again(cx);
        return;
    }
    s->busy = 0;
    tw_send(cx, s->master, RESULT, &s->work, sizeof s->work);
    if (s->work.task % 2 == 1)
        tw_done(cx, s->work.task);
}

/* ---- who else is in a crew ---------------------------------------------------------------------- */

struct mate { uint64_t n; };

TW_SOLO(mate)
TW_INIT(mate) { s->n = 0; }
TW_NO_RECEIVE(mate)
TW_NO_STEP(mate)

#ifndef __CUDACC__
/* ---- the master -------------------------------------------------------------------------------- */

/*  FREE -> WANTED (a hand is asked for) -> BUSY (it has its task) -> FREE, or IDLE (to be let go) -> FREE */
enum { FREE, WANTED, BUSY, IDLE };

struct post {                           /* of one hand */
    uint32_t is, vertex, request;       /* vertex: the pool's child; request: under way about it; 0 = none */
    uint32_t hand;                      /* who has the task: the pool's child, or below it */
    uint32_t stop;                      /* ... it is to be let go */
    uint64_t task;
};

struct master {
    uint64_t tasks, rounds, begun, done;
    uint32_t pool, hands, asked, look;  /* asked: requests under way; look: the post to be looked at next */
    uint32_t refused, reserved;         /* one was: nothing is asked for until the timer has run out */
    struct post post[HANDS];
    uint64_t value[TASKS];
    uint8_t has[TASKS];
};

TW_HOST_ACTOR(master)
TW_INIT(master)
{
    s->tasks = tw_arg_u64(cx, "tasks");
    s->rounds = tw_arg_u64(cx, "rounds");
    s->hands = (uint32_t)tw_arg_u64(cx, "hands");
    s->pool = tw_peer(cx, "farm/hands");
    if (s->tasks == 0 || s->tasks > TASKS || s->hands == 0 || s->hands > HANDS || s->rounds == 0)
        tw_fail(cx, TOO_MANY);
    else if (s->pool == TW_NO_PEER)
        tw_fail(cx, NO_POOL);
    tw_timer(cx, LOOK_MS);
}

TW_FN void master_ask(struct tw_ctx *cx, struct master *s, struct post *p, int stop)
{
    uint32_t what = p->is == WANTED ? s->pool : p->vertex;
    int number = stop ? tw_child_terminate(cx, what) : tw_child_start(cx, what);

    if (number < 0)
        return;                         /* this life is over */
    p->request = (uint32_t)number;
    p->stop = (uint32_t)stop;
    s->asked++;
}

TW_FN uint32_t master_hand(struct tw_ctx *cx, uint32_t child)
{
    for (uint32_t i = 0; i < HANDS; i++)
        if (tw_peer_at(cx, "farm/hands/crew[*]", &i, 1) == child)
            return tw_peer_at(cx, "farm/hands/crew[*]/hand", &i, 1);
    return child;
}

TW_FN void master_work(struct tw_ctx *cx, const struct master *s, const struct post *p)
{
    struct work w;

    w.task = p->task;
    w.value = p->task + 1;
    w.rounds = s->rounds;
    tw_send(cx, p->hand, WORK, &w, sizeof w);
}

/* What the supervisor said of a post's hand.  Whatever went wrong is tried again when the timer has run out. */
TW_FN void master_told(struct tw_ctx *cx, struct master *s, struct post *p, const struct tw_child *c)
{
    p->request = 0;
    s->asked--;
    if (p->is == IDLE) {
        if (p->stop && (c->answer == TW_CHILD_OK || c->answer == TW_CHILD_NOT_FOUND))
            p->is = FREE;
    } else if (c->answer == TW_CHILD_OK) {
        p->is = BUSY;                   /* it was wanted, or had gone */
        p->vertex = c->child;
        p->hand = master_hand(cx, c->child);
        master_work(cx, s, p);
    } else if (c->answer != TW_CHILD_ALREADY_STARTED) {
        s->refused = 1;
    }
}

TW_FN void master_result(struct tw_ctx *cx, struct master *s, uint32_t from, const struct work *w)
{
    if (w->task >= s->tasks) {
        tw_fail(cx, WRONG);
        return;
    }
    if (!TW_AT(s->has, w->task)) {
        TW_AT(s->has, w->task) = 1;
        TW_AT(s->value, w->task) = w->value;
        s->done++;
        tw_progress(cx, 1);
    } else if (TW_AT(s->value, w->task) != w->value) {
        tw_fail(cx, WRONG);
    }
    for (uint32_t i = 0; i < s->hands; i++)
        if (s->post[i].is == BUSY && s->post[i].hand == from && s->post[i].task == w->task)
            s->post[i].is = w->task % 2 == 1 && !s->post[i].request ? FREE : IDLE;
}

TW_RECEIVE(master)
{
    const struct tw_child *c = (const struct tw_child *)m->body;

    if (m->type == RESULT && m->bytes == sizeof(struct work)) {
        master_result(cx, s, m->from, (const struct work *)m->body);
    } else if (m->type == TW_TIMER) {
        s->refused = 0;
        s->look = (s->look + 1) % s->hands;
        if (s->post[s->look].is == BUSY && !s->post[s->look].request && s->asked < REQUESTS)
            master_ask(cx, s, &s->post[s->look], 0);
        tw_timer(cx, LOOK_MS);
    } else if (m->type == TW_CHILD) {
        for (uint32_t i = 0; i < s->hands; i++)
            if (s->post[i].request == c->request) {
                master_told(cx, s, &s->post[i], c);
                break;
            }
    }
}

TW_FN void master_write(struct tw_ctx *cx, const struct master *s)
{
    const char *path = tw_sink(cx, "farm.txt");
    FILE *f = path ? fopen(path, "w") : NULL;

    for (uint64_t i = 0; f && i < s->tasks; i++)
        fprintf(f, "%llu %016llx\n", (unsigned long long)i, (unsigned long long)s->value[i]);
    if (!f || fclose(f) != 0)
        tw_fail(cx, NO_FILE);
}

TW_STEP(master)
{
    if (s->done == s->tasks) {
        master_write(cx, s);
        tw_done(cx, s->done);
        return;
    }
    for (uint32_t i = 0; i < s->hands && s->asked < REQUESTS && !s->refused; i++) {
        struct post *p = &s->post[i];

        if (p->request)
            continue;
        if (p->is == FREE && s->begun < s->tasks) {
            p->is = WANTED;
            p->task = s->begun++;
        }
        if (p->is == WANTED || p->is == IDLE)
            master_ask(cx, s, p, p->is == IDLE);
    }
}

TW_PROGRAM(hand, mate, master)
#else
TW_PROGRAM(hand, mate)
#endif
