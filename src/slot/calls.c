/* calls.c - the calls of treewarden/actor.h, as a slot answers them
 *
 * All of them only note what the handler wants; it takes effect when the handler has returned, unless it
 * failed (slot.c: finish_call).
 */
#include "slot/slot_impl.h"

HD static struct slot *slot_of(struct tw_ctx *cx) { return cx->slot; }

HD void note_failure(struct slot *s, uint32_t cause, uint32_t code)
{
#ifdef TW_ON_DEVICE
    if (atomicCAS(&s->failed, 0, 1 + cause) == 0)       /* any thread of the block */
        s->fail_code = code;
#else
    if (s->failed)
        return;                         /* the first one is the cause, the rest are consequences */
    s->failed = 1 + cause;
    s->fail_code = code;
#endif
}

HD static int call_send(struct tw_ctx *cx, uint32_t to, uint32_t type, const void *data, uint32_t bytes)
{
    struct slot *s = slot_of(cx);
    struct outbox_entry *e;
    uint64_t tail = 0;
    uint32_t pos;
    int to_stream;

    if (s->failed)
        return -1;
    if (s->sends >= s->config->sends || bytes > s->config->message_bytes || to >= s->view->geo.vertices ||
        type >= TW_MSG_SYSTEM || (to_stream = stream_of(s, to)) < 0 || (pos = outbox_take(s)) == NO_POS) {
        note_failure(s, CAUSE_MEMORY, s->sends);
        return -1;
    }
    streams_before_send(s, (uint32_t)to_stream);
    s->sends++;
    e = slot_entry(s, pos);
    store_relaxed((uint64_t *)(void *)&e->dst, (uint64_t)to | (uint64_t)type << 32);
    store_relaxed((uint64_t *)(void *)&e->bytes, bytes | (uint64_t)s->config->vertex << 32);
    store_relaxed((uint64_t *)(void *)&e->line, s->config->line);
    if (bytes / 8)
        copy_to_shared(e + 1, data, bytes / 8 * 8);
    if (bytes % 8) {
        for (uint32_t i = 0; i < bytes % 8; i++)
            ((char *)&tail)[i] = ((const char *)data)[bytes / 8 * 8 + i];
        store_relaxed((uint64_t *)(void *)((char *)(e + 1) + bytes / 8 * 8), tail);
    }
    if (s->staged_last == NO_POS)
        s->staged_first = pos;
    else
        s->next[s->staged_last] = pos;
    s->staged_last = pos;
    return 0;
}

HD static void call_commit(struct tw_ctx *cx) { slot_of(cx)->wants_commit = 1; }
HD static void call_ready(struct tw_ctx *cx) { slot_of(cx)->wants_ready = 1; }
HD static void call_again(struct tw_ctx *cx) { slot_of(cx)->wants_again = 1; }
HD static void call_bounds(struct tw_ctx *cx) { note_failure(slot_of(cx), CAUSE_BOUNDS, 0); }
HD static void call_progress(struct tw_ctx *cx, uint64_t units) { slot_of(cx)->added_progress += units; }

HD static void call_fail(struct tw_ctx *cx, uint32_t code) { note_failure(slot_of(cx), CAUSE_CODE, code); }

HD static void call_done(struct tw_ctx *cx, uint64_t result)
{
    slot_of(cx)->wants_done = 1;
    slot_of(cx)->result = result;
}

HD static int call_timer(struct tw_ctx *cx, uint64_t ms)
{
    struct slot *s = slot_of(cx);

    for (uint32_t i = 0; i < SLOT_TIMERS && !(s->config->flags & SLOT_EAGER); i++) {
        if (s->image->timers[i].at_ms)
            continue;
        s->image->timers[i].at_ms = ms < SLOT_NEVER - s->now_ms ? s->now_ms + (ms ? ms : 1) : SLOT_NEVER;
        s->image->timers[i].set_ms = ms;
        return 0;
    }
    note_failure(s, CAUSE_MEMORY, SLOT_TIMERS);
    return -1;
}

/* Noted in the image at once, as a timer is: a handler that fails takes it along. */
HD static int call_child(struct tw_ctx *cx, uint32_t verb, uint32_t vertex)
{
    struct slot *s = slot_of(cx);

    for (uint32_t i = 0; i < SLOT_ASKS && vertex < s->view->geo.vertices && !s->failed; i++) {
        struct slot_ask *a = &s->image->asks[i];

        if (a->number)
            continue;
        a->verb = verb;
        a->vertex = vertex;
        a->number = ++s->image->asked;
        return (int)(a->number & 0x7fffffffu);
    }
    note_failure(s, CAUSE_MEMORY, SLOT_ASKS);
    return -1;
}

/* FNV-1a, as the spec room hashes paths and names. */
HD static uint64_t hash_byte(uint64_t h, char c) { return (h ^ (uint8_t)c) * 0x100000001b3ull; }

HD static uint64_t hash_number(uint64_t h, uint32_t n)
{
    char digits[10];
    int k = 0;

    do
        digits[k++] = (char)('0' + n % 10);
    while (n /= 10);
    while (k > 0)
        h = hash_byte(h, digits[--k]);
    return h;
}

HD static uint64_t hash_pattern(const char *pattern, const uint32_t *index, uint32_t count)
{
    uint64_t h = 0xcbf29ce484222325ull;
    uint32_t used = 0;

    for (const char *p = pattern; *p; p++)
        h = *p == '*' && used < count ? hash_number(h, index[used++]) : hash_byte(h, *p);
    return h;
}

HD static uint32_t call_peer(struct tw_ctx *cx, const char *pattern, const uint32_t *index, uint32_t count)
{
    const struct arena_view *v = slot_of(cx)->view;
    const struct arena_name *names = arena_names(v);
    uint64_t hash = hash_pattern(pattern, index, count);
    uint32_t low = 0, high = v->geo.vertices;

    while (low < high) {
        uint32_t mid = low + (high - low) / 2;

        if (names[mid].hash < hash)
            low = mid + 1;
        else
            high = mid;
    }
    return low < v->geo.vertices && names[low].hash == hash ? (uint32_t)names[low].vertex : TW_NO_PEER;
}

HD static uint32_t call_self(struct tw_ctx *cx, uint32_t dim)
{
    const struct slot_config *c = slot_of(cx)->config;

    return dim < c->dim_count && dim < 8 ? c->dims[dim] : 0;
}

HD static const struct slot_arg *find_arg(const struct slot_config *c, const char *name)
{
    uint64_t hash = hash_pattern(name, NULL, 0);

    for (uint32_t i = 0; i < c->arg_count && i < SLOT_ARGS; i++)
        if (c->args[i].name == hash)
            return &c->args[i];
    return NULL;
}

HD static int call_arg(struct tw_ctx *cx, const char *name, uint64_t *ret_bits, uint32_t *ret_is_f64)
{
    const struct slot_arg *a = find_arg(slot_of(cx)->config, name);

    if (!a || a->kind > 1)
        return -1;
    *ret_bits = a->bits;
    *ret_is_f64 = a->kind;
    return 0;
}

HD static const char *call_text(struct tw_ctx *cx, const char *name)
{
    struct slot *s = slot_of(cx);
    const struct slot_arg *a = find_arg(s->config, name);

    if (a && a->kind == 2 && a->text < SLOT_TEXT_BYTES)
        return &s->config->texts[a->text];
    note_failure(s, CAUSE_CODE, UINT32_MAX);
    return NULL;
}

HD static int call_checkpoint(struct tw_ctx *cx)
{
    struct slot *s = slot_of(cx);

    store_relaxed(&s->is->beat, load_relaxed(&s->is->beat) + 1);
    return load_acquire(&s->want->stop, SCOPE_DEVICE) == s->life || !slot_gate(s);
}

HD static uint64_t call_random(struct tw_ctx *cx)
{
    struct slot *s = slot_of(cx);

    return splitmix(s->config->seed + (s->image->draws + ++s->draws) * SPLITMIX_STEP);
}

HD static void call_log(struct tw_ctx *cx, uint32_t code, uint64_t a, uint64_t b)
{
    struct slot *s = slot_of(cx);
    uint64_t tail = load_relaxed(&s->is->log_tail);
    union cell c;

    for (uint32_t i = 0; i < sizeof c; i++)
        c.bytes[i] = 0;
    c.log.type = CELL_SLOT_LOG;
    c.log.life = s->life;
    c.log.seq = tail + 1;               /* the reader sees from the numbers what was overwritten */
    c.log.src = s->config->vertex;
    c.log.code = code;
    c.log.a = a;
    c.log.b = b;
    copy_to_shared(&arena_logs(s->view, s->index)[tail % SLOT_LOGS], &c, sizeof c);
    store_release(&s->is->log_tail, tail + 1, SCOPE_DEVICE);
}

HD static const char *call_sink(struct tw_ctx *cx, const char *name)
{
    struct slot *s = slot_of(cx);
    const char *path = ENV_HAS(s->env, sink) ? s->env->sink(s->env->self, s->index, name) : NULL;

    if (!path)
        note_failure(s, CAUSE_MEMORY, s->sinks);
    else
        s->sinks++;
    return path;
}

HD static int call_monitor(struct tw_ctx *cx, uint32_t peer, uint32_t on)
{
    struct slot *s = slot_of(cx);

    if (!on) {
        monitors_end(s, peer);
        return 0;
    }
    if (monitor_begin(s, peer) == 0)
        return 0;
    note_failure(s, CAUSE_MEMORY, SLOT_MONITORS);
    return -1;
}

HD const struct tw_calls *slot_calls(void)
{
#ifdef TW_ON_DEVICE
    return NULL;                        /* they are called directly */
#else
    static const struct tw_calls calls = {
#define X(returns, call, arguments) call_##call,
        TW_CALL_LIST(X)
#undef X
    };

    return &calls;
#endif
}
