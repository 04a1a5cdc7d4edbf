/* slotbox.c - see slotbox.h */
#include "slotbox.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/splitmix.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#define STACK_BYTES (256u << 10)
#else
#define STACK_BYTES (64u << 10)
#endif

static struct box *the_box;
static struct box_thread *running;      /* the fiber we are in; NULL = the test itself */
static ucontext_t outside;
#ifdef __SANITIZE_ADDRESS__
static const void *outside_bottom;
static size_t outside_bytes;
#endif

uint32_t box_random(struct box *b, uint32_t below)
{
    return (uint32_t)(splitmix_next(&b->rng) >> 32) % (below ? below : 1);
}

static bool chance(struct box *b, uint32_t one_in) { return one_in && box_random(b, one_in) == 0; }

void box_say(struct box *b, const char *fmt, ...)
{
    va_list ap;

    if (b->failures++ >= 12)
        return;
    printf("# seed %llu step %llu: ", (unsigned long long)b->seed, (unsigned long long)b->steps);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
}

/* -- fibers --------------------------------------------------------------------------------------- */

static void leave(struct box_thread *t)
{
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_start_switch_fiber(&t->fake_stack, outside_bottom, outside_bytes);
#endif
    swapcontext(&t->context, &outside);
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(t->fake_stack, &outside_bottom, &outside_bytes);
#endif
}

static void one_turn(struct box_thread *t)
{
    struct box_device *d = t->device;

    t->turns++;
    if (t->index == 0)
        t->due_ms = slot0_turn(&d->slot0, t->box->now_ms, d->cpu_ns);
    else
        t->due_ms = slot_turn(&d->slots[t->index], t->box->now_ms);
}

static void fiber_main(unsigned high, unsigned low)
{
    struct box_thread *t = (struct box_thread *)(uintptr_t)((uint64_t)high << 32 | low);

#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(NULL, &outside_bottom, &outside_bytes);
#endif
    for (;;) {
        t->mid_turn = true;
        one_turn(t);
        t->mid_turn = false;
        leave(t);
    }
}

static void enter(struct box_thread *t)
{
    void *fake = NULL;

    if (!t->begun) {
        t->begun = true;
        if (!t->stack)
            t->stack = malloc(STACK_BYTES);
        getcontext(&t->context);
        t->context.uc_stack.ss_sp = t->stack;
        t->context.uc_stack.ss_size = STACK_BYTES;
        t->context.uc_link = NULL;
        makecontext(&t->context, (void (*)(void))fiber_main, 2, (unsigned)((uint64_t)(uintptr_t)t >> 32),
                    (unsigned)(uintptr_t)t);
    }
    running = t;
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_start_switch_fiber(&fake, t->stack, STACK_BYTES);
#endif
    swapcontext(&outside, &t->context);
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(fake, NULL, NULL);
#endif
    (void)fake;
    running = NULL;
}

#ifdef TW_CRASH_POINTS
void yield_point(void)
{
    if (running && chance(running->box, running->box->yields))
        leave(running);
}

void crash_point(void)
{
    struct box *b;

    if (!running)
        return;
    b = running->box;
    b->stores++;
    if (running == b->crash_thread && b->crash_after && --b->crash_after == 0) {
        running->dead = true;
        b->crashed = true;
        leave(running);                 /* and never comes back */
    }
    yield_point();
}
#endif

void box_handler(struct tw_ctx *cx, uint32_t vertex)
{
    (void)cx;
    if (!running || running->box->wedge_vertex != vertex)
        return;
    running->box->wedge_vertex = CELL_NOBODY;
    running->stuck = true;
    leave(running);                     /* may come back much later */
}

void box_fiber(struct box *b, uint32_t device, uint32_t slot) { enter(&b->device[device].thread[slot]); }

void box_pause(void)
{
    if (running)
        leave(running);
}

/* -- mail ----------------------------------------------------------------------------------------- */

static void post(struct box_queue *q, const union cell *c, const void *body, uint32_t bytes, uint64_t at_ms)
{
    struct box_mail *m = malloc(sizeof *m + bytes);

    m->next = NULL;
    m->cell = *c;
    m->bytes = bytes;
    m->at_ms = at_ms;
    if (bytes)
        memcpy(m->body, body, bytes);
    *q->last = m;
    q->last = &m->next;
}

static void queue_clear(struct box_queue *q)
{
    while (q->first) {
        struct box_mail *m = q->first;

        q->first = m->next;
        free(m);
    }
    q->last = &q->first;
}

/* Put what is due into the down ring; `fifo`: nothing overtakes. */
static void deliver(struct box *b, struct box_device *d, struct box_queue *q, bool fifo)
{
    struct box_mail **at = &q->first;

    while (*at) {
        struct box_mail *m = *at;

        if (m->at_ms > b->now_ms) {
            if (fifo)
                break;
            at = &m->next;
            continue;
        }
        if (ring_put(arena_down(&d->view), down_ring_bytes(&b->geo), &m->cell, m->body, m->bytes) != 0)
            break;
        *at = m->next;
        if (!*at)
            q->last = at;
        free(m);
    }
}

static uint64_t soon(struct box *b) { return b->now_ms + (b->delay_ms ? box_random(b, b->delay_ms) : 0); }

static void tell_where(struct box *b, uint32_t vertex)
{
    struct box_vertex *v = &b->vertex[vertex];

    for (uint32_t i = 0; i < b->devices; i++) {
        union cell c;

        memset(&c, 0, sizeof c);
        c.peer.type = CELL_SLOT_PEER;
        c.peer.dst = vertex;
        c.peer.life = v->life;
        c.peer.line = v->config.line;
        c.peer.flags = (uint16_t)v->status;
        c.peer.slot = v->device == i ? v->slot : 0;
        c.peer.ended = v->ended_life.life;
        c.peer.cls = (uint8_t)SLOT_END_CLASS(v->ended_life.end);
        c.peer.cause = (uint8_t)SLOT_END_CAUSE(v->ended_life.end);
        post(&b->device[i].control, &c, NULL, 0, soon(b));
    }
}

/* It is over if it was up. */
static void note_end(struct box_vertex *v, uint64_t end)
{
    if (v->status == PEER_UP || v->status == PEER_DRAINING)
        v->ended_life = (struct peer_end){v->life, PEER_END(v->life, SLOT_END_CLASS(end), SLOT_END_CAUSE(end))};
}

static void set_status(struct box *b, uint32_t vertex, uint32_t status)
{
    if (status != PEER_UP && status != PEER_DRAINING)
        note_end(&b->vertex[vertex], b->vertex[vertex].end);
    b->vertex[vertex].status = status;
    tell_where(b, vertex);
}

static void slot_cell(struct box *b, uint32_t vertex, uint16_t type, uint32_t how, uint32_t deadline_ms)
{
    struct box_vertex *v = &b->vertex[vertex];
    union cell c;

    memset(&c, 0, sizeof c);
    c.slot.type = type;
    c.slot.life = v->life;
    c.slot.slot = v->slot;
    c.slot.line = v->config.line;
    c.slot.how = how;
    c.slot.deadline_ms = deadline_ms;
    post(&b->device[v->device].control, &c, NULL, 0, b->now_ms);
}

void box_send_slot(struct box *b, uint32_t vertex, uint16_t type, uint32_t how, uint32_t deadline_ms)
{
    if (b->vertex[vertex].slot)
        slot_cell(b, vertex, type, how, deadline_ms);
}

/* -- devices -------------------------------------------------------------------------------------- */

static char *zeroed(uint64_t bytes)
{
    char *ret = aligned_alloc(4096, ALIGN_PAGE(bytes));

    memset(ret, 0, bytes);
    return ret;
}

/* Every second one has its near memory elsewhere, as a GPU has. */
static void device_open(struct box *b, uint32_t number)
{
    struct box_device *d = &b->device[number];
    struct arena_geometry geo = b->geo;
    uint64_t bytes;

    geo.apart = number % 2;
    bytes = arena_bytes(&geo);
    d->number = number;
    d->arena = zeroed(bytes);
    arena_format(d->arena, &geo, ++b->incarnation);
    if (arena_view_init(&d->view, d->arena, bytes) != 0)
        box_say(b, "arena_view_init refuses what arena_format made");
    for (uint32_t v = 0; v < BOX_VERTICES; v++) {
        const struct box_vertex *x = &b->vertex[v];

        if (!x->used || v >= b->geo.vertices)
            continue;
        arena_directory(&d->view)[v] = PEER_WORD(x->config.line, x->life, x->device == number ? x->slot : 0, x->status);
        arena_ends(&d->view)[v] = x->ended_life;
    }
    if (geo.apart) {
        d->near = zeroed(d->view.at.near_bytes);
        memcpy(d->near, d->view.near, d->view.at.bell0);
        memset(d->view.near, 0xee, d->view.at.near_bytes);      /* nobody may look there */
        d->view.near = d->near;
    }
    d->memory[0] = calloc(1, slot0_private_bytes(&b->geo));
    slot0_init(&d->slot0, &d->view, &b->env, d->memory[0]);
    for (uint32_t i = 0; i <= b->geo.slots; i++) {
        struct box_thread *t = &d->thread[i];

        t->box = b;
        t->device = d;
        t->index = i;
        t->begun = t->dead = t->stuck = t->mid_turn = false;
        t->due_ms = 0;
        d->tenant[i] = CELL_NOBODY;
        d->lost[i] = false;
        d->cpu_ns[i] = 0;
        if (i == 0)
            continue;
        memset(&d->slots[i], 0, sizeof d->slots[i]);
        d->memory[i] = calloc(1, slot_private_bytes(&b->geo));
        slot_init(&d->slots[i], &d->view, i, b->program, &b->env, d->memory[i]);
    }
    queue_clear(&d->control);
    queue_clear(&d->data);
    queue_clear(&d->late);
}

static void device_close(struct box *b, uint32_t number)
{
    struct box_device *d = &b->device[number];

    for (uint32_t i = 0; i <= b->geo.slots; i++)
        free(d->memory[i]);
    free(d->near);
    d->near = NULL;
    free(d->arena);
}

struct box *box_new(uint32_t devices, const struct arena_geometry *geo, const struct tw_program *program,
                    uint64_t seed)
{
    struct box *b = calloc(1, sizeof *b);

    b->seed = seed;
    b->rng = seed * 0x2545f4914f6cdd1dull + 1;
    b->geo = *geo;
    b->program = program;
    b->devices = devices;
    b->now_ms = 1000;
    b->wedge_vertex = CELL_NOBODY;
    the_box = b;
    for (uint32_t i = 0; i < devices; i++) {
        b->device[i].control.last = &b->device[i].control.first;
        b->device[i].data.last = &b->device[i].data.first;
        b->device[i].late.last = &b->device[i].late.first;
        device_open(b, i);
    }
    return b;
}

void box_free(struct box *b)
{
    for (uint32_t i = 0; i < b->devices; i++) {
        device_close(b, i);
        queue_clear(&b->device[i].control);
        queue_clear(&b->device[i].data);
        queue_clear(&b->device[i].late);
        for (uint32_t s = 0; s <= BOX_SLOTS; s++)
            free(b->device[i].thread[s].stack);
    }
    for (uint32_t v = 0; v < BOX_VERTICES; v++)
        free(b->vertex[v].commit);
    free(b);
}

/* -- lives ---------------------------------------------------------------------------------------- */

struct slot_config *box_add(struct box *b, uint32_t vertex, uint32_t actor_type)
{
    struct slot_config *c = &b->vertex[vertex].config;

    memset(&b->vertex[vertex], 0, sizeof b->vertex[vertex]);
    b->vertex[vertex].used = true;
    c->layout = 0x1234 + actor_type;
    c->state_bytes = b->program->types[actor_type].state_bytes;
    c->seed = 77 + vertex;
    c->vertex = vertex;
    c->actor_type = actor_type;
    c->mailbox = b->geo.mailbox;
    c->message_bytes = b->geo.message_bytes;
    c->peers = b->geo.peers;
    c->sends = 2;
    c->commit_every = 4;
    c->commit_within_ms = 40;
    c->deadline_ms = 100;
    c->dim_count = 1;
    c->dims[0] = vertex;
    return c;
}

void box_arg(struct slot_config *c, const char *name, uint64_t value)
{
    uint64_t h = 0xcbf29ce484222325ull;

    for (const char *p = name; *p; p++)
        h = (h ^ (uint8_t)*p) * 0x100000001b3ull;
    c->args[c->arg_count].name = h;
    c->args[c->arg_count].bits = value;
    c->args[c->arg_count++].kind = 0;
}

static void fetch(struct box *b, uint32_t vertex)
{
    struct box_vertex *v = &b->vertex[vertex];
    uint64_t room = commit_bytes(&b->geo);
    char *to = malloc(room);
    int64_t n = commit_fetch(&b->device[v->device].view, v->slot, to, room);

    if (n < 0)
        box_say(b, "vertex %u: commit_fetch says %lld", vertex, (long long)n);
    if (n > 0 && v->commit &&
        ((struct commit_head *)(void *)to)->word < ((struct commit_head *)(void *)v->commit)->word)
        box_say(b, "vertex %u went back from commit %llu to %llu", vertex,
                (unsigned long long)((struct commit_head *)(void *)v->commit)->word,
                (unsigned long long)((struct commit_head *)(void *)to)->word);
    if (n <= 0) {
        free(to);
        return;
    }
    free(v->commit);
    v->commit = to;
    v->commit_bytes = n;
}

static void leave_slot(struct box *b, uint32_t vertex)
{
    struct box_vertex *v = &b->vertex[vertex];

    if (v->slot)
        b->device[v->device].tenant[v->slot] = CELL_NOBODY;
    v->slot = 0;
    v->up = false;
}

static uint32_t free_slot(struct box *b, uint32_t device)
{
    uint32_t start = box_random(b, b->geo.slots);

    for (uint32_t n = 0; n < b->geo.slots; n++) {
        uint32_t s = 1 + (start + n) % b->geo.slots;

        if (b->device[device].tenant[s] == CELL_NOBODY && !b->device[device].lost[s])
            return s;
    }
    return 0;
}

/* Not first on this device: on any other.  Nowhere: the device is recycled. */
static void find_place(struct box *b, uint32_t *device, uint32_t *slot)
{
    for (uint32_t n = 0; n < b->devices && *slot == 0; n++) {
        uint32_t d = (*device + n) % b->devices;

        *slot = free_slot(b, d);
        if (*slot)
            *device = d;
    }
    if (*slot == 0) {
        box_drop_device(b, *device, false);
        *slot = free_slot(b, *device);
    }
}

void box_start(struct box *b, uint32_t vertex, uint32_t device, uint32_t slot, bool resume)
{
    struct box_vertex *v = &b->vertex[vertex];
    struct slot_config *c;

    if (slot && (b->device[device].tenant[slot] != CELL_NOBODY || b->device[device].lost[slot]))
        slot = 0;
    if (slot == 0)
        find_place(b, &device, &slot);
    if (slot == 0) {
        box_say(b, "no slot for vertex %u", vertex);
        return;
    }
    if (!resume) {
        v->config.line++;
        free(v->commit);
        v->commit = NULL;
        v->commit_bytes = 0;
    }
    v->life = ++b->next_life + 1000;
    v->device = device;
    v->slot = slot;
    v->up = v->ended = false;
    v->starts++;
    b->device[device].tenant[slot] = vertex;
    c = arena_config(&b->device[device].view, slot);
    *c = v->config;
    c->life = v->life;
    c->flags |= resume && v->commit ? SLOT_RESUME : 0;
    if (commit_place(&b->device[device].view, slot, resume ? v->commit : NULL, (uint64_t)v->commit_bytes) != 0)
        box_say(b, "vertex %u: commit_place refuses", vertex);
    slot_cell(b, vertex, CELL_SLOT_START, 0, 0);
}

static bool expected(const struct box_vertex *v, uint64_t end)
{
    uint32_t cause = SLOT_END_CAUSE(end);

    if (SLOT_END_CLASS(end) != CLASS_ABNORMAL)
        return true;
    if (cause == CAUSE_CODE)
        return SLOT_END_CODE(end) == 0xd411;
    return cause == CAUSE_BOUNDS || (cause == CAUSE_WEDGED && v->fault_at);
}

static void on_end(struct box *b, uint32_t vertex, const struct cell_slot_is *c)
{
    struct box_vertex *v = &b->vertex[vertex];
    uint32_t device = v->device, slot = v->slot;

    v->end = SLOT_END(c->cls, c->cause, c->code);
    if (!b->by_hand && !expected(v, v->end))
        box_say(b, "vertex %u ended: class %u cause %s code %u", vertex, c->cls, exit_cause_name(c->cause), c->code);
    fetch(b, vertex);
    if (c->state == SLOT_FENCED)
        b->device[device].lost[slot] = true;
    leave_slot(b, vertex);
    if (c->cls == CLASS_NORMAL || c->cls == CLASS_SHUTDOWN) {
        v->ended = true;
        set_status(b, vertex, c->cls == CLASS_NORMAL ? PEER_GONE : PEER_DOWN);
        return;
    }
    set_status(b, vertex, PEER_DOWN);
    if (b->by_hand)
        return;
    if (chance(b, 2))
        slot = 0;
    if (slot == 0 && chance(b, 3))
        device = box_random(b, b->devices);
    box_start(b, vertex, device, slot, true);
}

static void on_slot_is(struct box *b, uint32_t device, const struct cell_slot_is *c)
{
    struct box_vertex *v = c->src < BOX_VERTICES ? &b->vertex[c->src] : NULL;

    if (!v || v->life != c->life || v->slot != c->slot || v->device != device)
        return;                         /* of a life that is over for the rank */
    if (c->state >= SLOT_FAILED) {
        on_end(b, c->src, c);
        return;
    }
    if (!v->up) {
        v->up = true;
        set_status(b, c->src, PEER_UP);
    }
    if (c->state == SLOT_DRAINING)
        set_status(b, c->src, PEER_DRAINING);
}

static void on_message(struct box *b, const union cell *c, const void *body, uint32_t bytes)
{
    struct box_vertex *to = c->head.dst < BOX_VERTICES ? &b->vertex[c->head.dst] : NULL;
    struct box_device *d;

    if (to && !to->used && b->kept < 256) {
        b->keep[b->kept].cell = *c;
        if (bytes >= 8)
            memcpy(&b->keep[b->kept].value, body, 8);
        b->kept++;
    }
    if (!to || !to->slot || chance(b, b->drops))
        return;
    d = &b->device[to->device];
    b->routed++;
    post(&d->data, c, body, bytes, soon(b));
    if (chance(b, b->dups))
        post(&d->data, c, body, bytes, soon(b));
    if (chance(b, b->lates))
        post(&d->late, c, body, bytes, b->now_ms + box_random(b, 2500));
}

static void take_up(struct box *b, uint32_t device)
{
    struct box_device *d = &b->device[device];
    struct byte_ring *r = arena_up(&d->view);
    uint64_t size = up_ring_bytes(&b->geo);
    char *body = malloc(b->geo.message_bytes + 8), *arena = d->arena;
    union cell c;
    uint32_t bytes;
    int rc;

    while (d->arena == arena && (rc = ring_peek(r, size, &c, body, b->geo.message_bytes, &bytes)) != 0) {
        if (rc < 0) {
            box_say(b, "device %u: up ring broken", device);
            break;
        }
        ring_drop(r, size);
        switch (c.head.type) {
        case CELL_SLOT_IS: on_slot_is(b, device, &c.slot_is); break;
        case CELL_SLOT_LOG: b->logs++; break;
        case CELL_SLOT_DUE: b->dues++; break;
        case CELL_SLOT_ASK: b->ask[b->asked++ % 16] = c; break;
        case CELL_MSG:
        case CELL_MSG_ACK:
        case CELL_MSG_NACK: on_message(b, &c, body, bytes); break;
        default: box_say(b, "device %u: cell %u from slot 0", device, c.head.type);
        }
    }
    free(body);
}

void box_route(struct box *b)
{
    for (uint32_t i = 0; i < b->devices; i++) {
        take_up(b, i);
        deliver(b, &b->device[i], &b->device[i].control, true);
        deliver(b, &b->device[i], &b->device[i].data, true);
        deliver(b, &b->device[i], &b->device[i].late, false);
    }
}

static void put_down(struct box *b, uint32_t vertex, const union cell *c, const void *body, uint32_t bytes)
{
    struct box_device *d = &b->device[b->vertex[vertex].device];

    if (ring_put(arena_down(&d->view), down_ring_bytes(&b->geo), c, body, bytes) != 0)
        box_say(b, "the down ring is full");
}

void box_inject(struct box *b, uint32_t from, uint32_t to, uint64_t lines, uint64_t seq, uint64_t first,
                uint64_t value)
{
    union cell c;

    memset(&c, 0, sizeof c);
    c.msg.type = CELL_MSG;
    c.msg.life = lines;
    c.msg.seq = seq;
    c.msg.src = from;
    c.msg.dst = to;
    c.msg.msg_type = 7;
    c.msg.first = first;
    c.msg.bytes = 8;
    put_down(b, to, &c, &value, 8);
}

void box_inject_ack(struct box *b, uint32_t from, uint32_t to, uint64_t lines, uint64_t consumed,
                    uint64_t durable, bool nack)
{
    union cell c;

    memset(&c, 0, sizeof c);
    c.msg_ack.type = nack ? CELL_MSG_NACK : CELL_MSG_ACK;
    c.msg_ack.life = lines;
    c.msg_ack.src = from;
    c.msg_ack.dst = to;
    c.msg_ack.consumed = consumed;
    c.msg_ack.durable = durable;
    put_down(b, to, &c, NULL, 0);
}

void box_tell(struct box *b, uint32_t vertex, const union cell *c) { put_down(b, vertex, c, NULL, 0); }

void box_place(struct box *b, uint32_t vertex, uint32_t line, uint64_t life, uint32_t status)
{
    struct box_vertex *v = &b->vertex[vertex];

    v->config.line = line;
    v->life = life;
    v->device = BOX_DEVICES;            /* none of ours */
    set_status(b, vertex, status);
}

/* -- running -------------------------------------------------------------------------------------- */

void box_turn(struct box *b, uint32_t device, uint32_t slot)
{
    struct box_thread *t = &b->device[device].thread[slot];

    if (!t->dead && !t->stuck && !t->mid_turn)
        one_turn(t);
}

void box_rounds(struct box *b, uint32_t rounds, uint32_t ms)
{
    for (uint32_t n = 0; n < rounds; n++) {
        for (uint32_t i = 0; i < b->devices; i++)
            box_turn(b, i, 0);
        box_route(b);
        for (uint32_t i = 0; i < b->devices; i++)
            for (uint32_t s = 1; s <= b->geo.slots; s++)
                box_turn(b, i, s);
        b->now_ms += ms;
    }
}

/* A thread that is stuck uses CPU time; one that was given up may yet come back, long after. */
static void step_stuck(struct box *b, struct box_device *d, struct box_thread *t)
{
    d->cpu_ns[t->index] += 20000000u;
    if (d->lost[t->index] && chance(b, 100))
        t->stuck = false;
}

void box_step(struct box *b)
{
    uint32_t threads = b->geo.slots + 1, pick = box_random(b, b->devices * threads + 1);
    struct box_device *d = &b->device[pick / threads];
    struct box_thread *t;

    b->steps++;
    if (chance(b, 4))
        b->now_ms++;
    if (pick == b->devices * threads) {
        box_route(b);
        return;
    }
    t = &d->thread[pick % threads];
    if (t->dead)
        return;
    if (t->stuck) {
        step_stuck(b, d, t);
        return;
    }
    if (t->index && !t->mid_turn && d->tenant[t->index] == CELL_NOBODY)
        return;
    d->cpu_ns[t->index] += 10000u;
    enter(t);
}

int box_run(struct box *b, uint64_t most)
{
    for (uint64_t n = 0; n < most && b->failures == 0; n++) {
        bool all = true;

        box_step(b);
        if (b->crashed)
            return 0;
        for (uint32_t v = 0; v < BOX_VERTICES && all; v++)
            all = !b->vertex[v].used || b->vertex[v].ended;
        if (all)
            return 1;
        if (n % 64 == 0)
            box_check(b);
    }
    return 0;
}

/* -- faults --------------------------------------------------------------------------------------- */

void box_kill_slot(struct box *b, uint32_t device, uint32_t slot)
{
    struct box_device *d = &b->device[device];
    uint32_t vertex = d->tenant[slot];

    d->thread[slot].dead = true;
    d->lost[slot] = true;
    if (vertex == CELL_NOBODY)
        return;
    slot_cell(b, vertex, CELL_SLOT_FENCE, 0, 0);
    fetch(b, vertex);
    leave_slot(b, vertex);
    set_status(b, vertex, PEER_DOWN);
    box_start(b, vertex, device, 0, true);
}

static void scribble(struct box *b, char *arena, uint64_t bytes)
{
    for (uint64_t i = 0; i + 8 <= bytes; i += 8) {
        uint64_t word = (uint64_t)box_random(b, UINT32_MAX) << 32 | box_random(b, UINT32_MAX);

        memcpy(arena + i, &word, 8);
    }
}

void box_drop_device(struct box *b, uint32_t device, bool spread)
{
    struct box_device *d = &b->device[device];
    uint32_t moved[BOX_SLOTS], n = 0;
    char *arena = d->arena;

    if (chance(b, 2)) {
        take_up(b, device);             /* what it had said may still be heard */
        if (d->arena != arena)
            return;                     /* and made the rank give it up already */
    }
    for (uint32_t s = 1; s <= b->geo.slots; s++) {
        if (d->tenant[s] == CELL_NOBODY)
            continue;
        moved[n++] = d->tenant[s];
        fetch(b, d->tenant[s]);
    }
    scribble(b, d->arena, 64u << 10 < d->view.at.total ? 64u << 10 : d->view.at.total);
    for (uint32_t i = 0; i < n; i++) {
        leave_slot(b, moved[i]);
        note_end(&b->vertex[moved[i]], SLOT_END(CLASS_KILLED, CAUSE_WORKER, 0));
        b->vertex[moved[i]].status = PEER_DOWN;
    }
    device_close(b, device);
    device_open(b, device);
    for (uint32_t i = 0; i < n; i++) {
        tell_where(b, moved[i]);
        box_start(b, moved[i], spread ? box_random(b, b->devices) : device, 0, true);
    }
}

void box_crash_heal(struct box *b, bool whole_device)
{
    struct box_thread *t = b->crash_thread;

    b->crashed = false;
    b->crash_thread = NULL;
    if (whole_device || t->index == 0)
        box_drop_device(b, t->device->number, chance(b, 2));
    else
        box_kill_slot(b, t->device->number, t->index);
}

/* -- looking -------------------------------------------------------------------------------------- */

struct slot *box_slot(struct box *b, uint32_t vertex)
{
    struct box_vertex *v = &b->vertex[vertex];

    return v->slot ? &b->device[v->device].slots[v->slot] : NULL;
}

static char looked[BOX_VERTICES][1u << 16];

const struct slot_image *box_commit(struct box *b, uint32_t vertex, const struct stream **ret_streams)
{
    struct box_vertex *v = &b->vertex[vertex];
    int64_t n = 0;

    if (v->slot)
        n = commit_fetch(&b->device[v->device].view, v->slot, looked[vertex], sizeof looked[vertex]);
    if (n > 0)
        return commit_image(looked[vertex], ret_streams);
    if (!v->commit)
        return NULL;
    memcpy(looked[vertex], v->commit, (size_t)v->commit_bytes);
    return commit_image(looked[vertex], ret_streams);
}

const void *box_state(struct box *b, uint32_t vertex)
{
    const struct stream *streams;
    const struct slot_image *image = box_commit(b, vertex, &streams);
    const struct commit_head *c = (const struct commit_head *)(const void *)looked[vertex];

    if (!image)
        return NULL;
    return (const char *)(c + 1) + c->bytes - ((image->state_bytes + 7) & ~(uint64_t)7);
}

const struct stream *box_stream(const struct stream *s, uint32_t count, uint32_t peer)
{
    for (uint32_t i = 0; i < count; i++)
        if (s[i].peer == peer)
            return &s[i];
    return NULL;
}

/* One direction: what the receiver has made durable, what the sender has and believes. */
static void check_pair(struct box *b, uint32_t from, const struct slot_image *fi, const struct stream *out,
                       uint32_t to, const struct slot_image *ti, const struct stream *in)
{
    const struct slot *s = box_slot(b, from);
    const struct stream *live = NULL;

    if (in->in_line != fi->line || (out->line && out->line != ti->line))
        return;
    if (!(b->vertex[from].config.flags & SLOT_EAGER) && in->consumed > out->sent)
        box_say(b, "%u -> %u: consumed %llu, but only %llu were committed", from, to,
                (unsigned long long)in->consumed, (unsigned long long)out->sent);
    if (in->durable > in->consumed)
        box_say(b, "%u -> %u: durable %llu beyond consumed %llu", from, to, (unsigned long long)in->durable,
                (unsigned long long)in->consumed);
    /* Not while the image is being filled. */
    if (s && s->is->life == b->vertex[from].life && s->image->line == fi->line && s->is->state != SLOT_STARTING)
        live = box_stream(s->streams, s->image->stream_count, to);
    if (!live)
        live = out;
    if (live->dead == 0 && live->line == ti->line && live->acked > in->consumed)
        box_say(b, "%u -> %u: acked %llu, but %llu are durable", from, to, (unsigned long long)live->acked,
                (unsigned long long)in->consumed);
}

void box_check(struct box *b)
{
    const struct slot_image *image[BOX_VERTICES] = {0};
    const struct stream *streams[BOX_VERTICES];

    for (uint32_t v = 0; v < BOX_VERTICES; v++)
        if (b->vertex[v].used)
            image[v] = box_commit(b, v, &streams[v]);
    for (uint32_t v = 0; v < BOX_VERTICES; v++)
        for (uint32_t i = 0; image[v] && i < image[v]->stream_count; i++) {
            uint32_t to = streams[v][i].peer;
            const struct stream *in =
                to < BOX_VERTICES && image[to] ? box_stream(streams[to], image[to]->stream_count, v) : NULL;

            if (in && in->in_line)
                check_pair(b, v, image[v], &streams[v][i], to, image[to], in);
        }
}

void box_check_sums(struct box *b)
{
    const struct slot_image *image[BOX_VERTICES] = {0};
    const struct stream *streams[BOX_VERTICES];

    for (uint32_t v = 0; v < BOX_VERTICES; v++)
        if (b->vertex[v].used)
            image[v] = box_commit(b, v, &streams[v]);
    for (uint32_t v = 0; v < BOX_VERTICES; v++)
        for (uint32_t i = 0; image[v] && i < image[v]->stream_count; i++) {
            const struct stream *out = &streams[v][i];
            uint32_t to = out->peer;
            const struct stream *in =
                to < BOX_VERTICES && image[to] ? box_stream(streams[to], image[to]->stream_count, v) : NULL;
            uint64_t lost = in && in->in_line ? in->in_base : out->lost;
            uint64_t delivered = in && in->in_line == image[v]->line ? in->consumed - in->in_base : 0;
            bool gone = to < BOX_VERTICES && b->vertex[to].status == PEER_GONE;

            if (lost + delivered > out->sent || (!gone && lost + delivered != out->sent))
                box_say(b, "%u -> %u: sent %llu, delivered %llu, lost %llu", v, to,
                        (unsigned long long)out->sent, (unsigned long long)delivered, (unsigned long long)lost);
            /* Every number the sender let go of was delivered, lost or dead.  Its own count of the dead may be
             * too high, for its last commit may be older than the last ack. */
            if (out->lost + out->dead > out->acked || lost + delivered + out->dead < out->acked)
                box_say(b, "%u -> %u: sent %llu, delivered %llu, and the sender counts dead %llu lost %llu", v,
                        to, (unsigned long long)out->sent, (unsigned long long)delivered,
                        (unsigned long long)out->dead, (unsigned long long)out->lost);
        }
}
