/* puppet.h - an actor that notes what it is given and does what the test says
 *
 * The script lies outside the state: a test changes it between turns.  Included by one file of a test.
 */
#ifndef TW_TESTS_PUPPET_H
#define TW_TESTS_PUPPET_H

#include <treewarden/actor.h>

#include "slotbox.h"
#include "tap.h"

#define PUPPET_NOTES 192u
#define OUTSIDER 10u                    /* a vertex that lives nowhere here; a second one is 11 */

struct puppet {
    uint64_t got, value[PUPPET_NOTES];
    uint32_t from[PUPPET_NOTES];
    uint32_t me, fresh, timers, steps, inits, after_done, downs, pad;
    uint64_t random[4], draws, timer_ms;
};

struct puppet_script {
    void (*init)(struct tw_ctx *cx, struct puppet *s);
    void (*step)(struct tw_ctx *cx, struct puppet *s);
    void (*receive)(struct tw_ctx *cx, struct puppet *s, const struct tw_msg *m);
    uint32_t send_to, send_count;       /* the next step sends so many numbers */
    uint64_t value;                     /* the first of them */
    bool commit;                        /* ask for a commit in each call */
};

static struct puppet_script script[BOX_VERTICES];
static uint32_t puppet_calls;           /* handler calls, of all */

static void puppet_does(struct tw_ctx *cx, struct puppet_script *p)
{
    for (; p->send_count > 0; p->send_count--, p->value++)
        tw_send(cx, p->send_to, 7, &p->value, 8);
    if (p->commit)
        tw_commit(cx);
}

TW_INIT(puppet)
{
    puppet_calls++;
    s->me = tw_self(cx, 0);
    s->inits++;
    if (script[s->me].init)
        script[s->me].init(cx, s);
}

TW_STEP(puppet)
{
    puppet_calls++;
    s->steps++;
    if (script[s->me].step)
        script[s->me].step(cx, s);
    puppet_does(cx, &script[s->me]);
}

TW_RECEIVE(puppet)
{
    puppet_calls++;
    if (script[s->me].receive)
        script[s->me].receive(cx, s, m);
    if (m->type == TW_PEER_FRESH) {
        s->fresh++;
    } else if (m->type == TW_DOWN) {
        s->downs++;
    } else if (m->type == TW_TIMER) {
        s->timers++;
        memcpy(&s->timer_ms, m->body, 8);
    } else {
        memcpy(&s->value[s->got % PUPPET_NOTES], m->body, 8);
        s->from[s->got++ % PUPPET_NOTES] = m->from;
    }
    if (script[s->me].commit)
        tw_commit(cx);
}

TW_PROGRAM(puppet)

/* Devices with `slots` slots; vertices are added by puppet_add.  Nothing is restarted by itself. */
__attribute__((unused))
static struct box *puppet_box(uint32_t devices, uint32_t slots, uint32_t mailbox)
{
    struct arena_geometry geo = {.slots = slots, .peers = 6, .mailbox = mailbox, .message_bytes = 16,
                                 .vertices = 12, .state_bytes = (sizeof(struct puppet) + 63) / 64 * 64};
    struct box *b = box_new(devices, &geo, &tw_program, 1);

    memset(script, 0, sizeof script);
    puppet_calls = 0;
    b->by_hand = true;
    return b;
}

/* Commits only when asked to, or after a long time. */
__attribute__((unused))
static struct slot_config *puppet_add(struct box *b, uint32_t vertex)
{
    struct slot_config *c = box_add(b, vertex, 0);

    c->sends = 4;
    c->commit_every = 1000;
    c->commit_within_ms = 100000;
    return c;
}

__attribute__((unused))
static struct puppet *puppet_of(struct box *b, uint32_t vertex)
{
    struct slot *s = box_slot(b, vertex);

    return s ? s->state : NULL;
}

/* Wake a vertex without a message: as if one of its timers ran out. */
__attribute__((unused))
static void puppet_wake(struct box *b, uint32_t vertex) { box_slot(b, vertex)->image->again = 1; }

/* Let it send so many numbers from `value` on, in one handler call. */
__attribute__((unused))
static void puppet_send(struct box *b, uint32_t vertex, uint32_t to, uint32_t count, uint64_t value)
{
    script[vertex].send_to = to;
    script[vertex].send_count = count;
    script[vertex].value = value;
    puppet_wake(b, vertex);
}

#endif
