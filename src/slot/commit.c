/* commit.c - the point a life returns to: {state, cursors, outbox, timers} as one unit
 *
 * Two buffers, written in turn; the number of the commit is stored last.  A death anywhere before that
 * store leaves the other buffer the newest.  Only the checksum of the newest decides: to fall back to the
 * older one because the newest is damaged would un-do what peers were told is durable.
 */
#include "slot/slot_impl.h"

/* Sum of salted words: position matters, order of summing does not, so any number of threads of a block can share the
 * work and get the same result.  This is the share of thread `me` of so many; a copy to `to`, if there is one, on the
 * way, so that what a GPU writes across its host link it need not read back.  Without `from`, of zeros. */
HD uint64_t bulk_share(uint64_t *to, const uint64_t *from, uint64_t words, uint64_t first, uint32_t me, uint32_t threads)
{
    uint64_t sum = 0;

    for (uint64_t i = me; i < words; i += threads) {
        uint64_t word = from ? from[i] : 0, x = (word ^ (first + i + 1) * 0xbf58476d1ce4e5b9ull) * 0x94d049bb133111ebull;

        if (to)
            store_relaxed(&to[i], word);
        sum += x ^ (x >> 31);
    }
    return sum;
}

HD static uint64_t salted(uint64_t sum, uint64_t bytes, uint64_t salt)
{
    sum += salt * SPLITMIX_STEP + bytes;
    return sum ? sum : 1;
}

struct packing { char *body, *end; uint64_t sum; };

HD static void pack(struct packing *p, const void *from, uint64_t bytes)
{
    uint64_t words = (bytes + 7) / 8;

    p->sum += bulk((uint64_t *)(void *)p->end, (const uint64_t *)from, words, (uint64_t)(p->end - p->body) / 8);
    p->end += words * 8;
}

HD static void pack_outbox(struct slot *s, struct packing *p)
{
    uint32_t left = s->image->outbox_used;

    for (uint32_t pos = 0; left > 0 && pos < s->config->mailbox; pos++) {
        const struct outbox_entry *e;
        uint64_t at = pos;

        if (s->next[pos] == POS_FREE)
            continue;
        left--;
        e = slot_entry(s, pos);
        pack(p, &at, 8);
        pack(p, e, sizeof *e + e->bytes);
    }
}

HD static void pack_image(struct slot *s, struct packing *p)
{
    struct slot_image image = *s->image;

    for (uint32_t i = 0; i < SLOT_TIMERS; i++) {
        uint64_t at = image.timers[i].at_ms;

        /* Remaining time: the next life may read another clock. */
        image.timers[i].at_ms = at == 0 ? 0 : at > s->now_ms ? at - s->now_ms : 1;
    }
    pack(p, &image, sizeof image);
}

HD int commit_write(struct slot *s)
{
    uint64_t number = s->image->commit + 1;
    struct commit_head *c = arena_commit(s->view, s->index, (uint32_t)(number & 1));
    struct packing p = {(char *)(c + 1), (char *)(c + 1), 0};

    store_fence(&c->word, 0);       /* not whole from here on, and nothing below may pass that */
    s->image->commit = number;
    s->image->outbox_used = s->config->mailbox - s->outbox_free;
    pack_image(s, &p);
    pack(&p, s->streams, s->image->stream_count * sizeof *s->streams);
    pack_outbox(s, &p);
    pack(&p, s->state, s->config->state_bytes);
    store_relaxed(&c->bytes, (uint64_t)(p.end - p.body));
    store_relaxed(&c->checksum, salted(p.sum, (uint64_t)(p.end - p.body), number));
    if (!slot_gate(s))
        return TW_ESTALE;
    if (s->sinks && ENV_HAS(s->env, sink_commit) && s->env->sink_commit(s->env->self, s->index) != 0)
        return TW_ESYS;             /* before the word: done again by the next life, to the same bytes */
    store_release(&c->word, number, SCOPE_SYSTEM);
    store_release(&s->is->committed, number, SCOPE_SYSTEM);
    s->sinks = 0;
    return 0;
}

/* The newer of two buffers by its word; NULL if none. */
HD static struct commit_head *newest(const struct arena_view *v, uint32_t slot)
{
    struct commit_head *a = arena_commit(v, slot, 0), *b = arena_commit(v, slot, 1);
    uint64_t wa = load_acquire(&a->word, SCOPE_SYSTEM), wb = load_acquire(&b->word, SCOPE_SYSTEM);

    if (wa == 0 && wb == 0)
        return NULL;
    return wa > wb ? a : b;
}

HD static int whole(const void *commit, uint64_t room)
{
    const struct commit_head *c = (const struct commit_head *)commit;

    return c->bytes >= sizeof(struct slot_image) && c->bytes % 8 == 0 && c->bytes <= room &&
           salted(bulk(NULL, (const uint64_t *)(c + 1), c->bytes / 8, 0), c->bytes, c->word) == c->checksum;
}

/* Unpack into a cleared image; sizes are checked against the packed length at every step. */
HD static int unpack(struct slot *s, const struct commit_head *c)
{
    const char *at = (const char *)(c + 1), *end = at + c->bytes;
    const struct slot_image *image = (const struct slot_image *)at;
    uint64_t streams = image->stream_count * sizeof(struct stream);

    if (image->layout != s->config->layout || image->state_bytes != s->config->state_bytes ||
        image->stream_count > s->view->geo.peers || image->outbox_used > s->config->mailbox ||
        image->monitor_count > SLOT_MONITORS)
        return TW_ELOST;
    copy_from_shared(s->image, image, sizeof *image);
    at += sizeof *image;
    if ((uint64_t)(end - at) < streams)
        return TW_ELOST;
    copy_from_shared(s->streams, at, streams);
    at += streams;
    for (uint32_t i = 0; i < image->outbox_used; i++) {
        uint64_t pos = *(const uint64_t *)at;
        const struct outbox_entry *from = (const struct outbox_entry *)(at + 8);
        struct outbox_entry *to;

        if ((uint64_t)(end - at) < 8 + sizeof *from || pos >= s->config->mailbox ||
            from->bytes > s->config->message_bytes)
            return TW_ELOST;
        to = arena_entry(s->view, s->index, (uint32_t)pos);
        copy_to_shared((char *)to + 8, (const char *)from + 8, sizeof *from - 8 + from->bytes);
        store_release(&to->stamp, from->stamp, SCOPE_DEVICE);
        at += 8 + ((sizeof *from + from->bytes + 7) & ~(uint64_t)7);
    }
    if ((uint64_t)(end - at) < s->config->state_bytes)
        return TW_ELOST;
    (void)bulk((uint64_t *)s->state, (const uint64_t *)(const void *)at, (s->config->state_bytes + 7) / 8, 0);
    return 1;
}

HD int commit_restore(struct slot *s)
{
    struct commit_head *c = newest(s->view, s->index);
    int rc;

    if (!c)
        return 0;
    if (!whole(c, commit_bytes(&s->view->geo) - sizeof *c))
        return TW_ELOST;
    rc = unpack(s, c);
    if (rc < 0)
        return rc;
    for (uint32_t i = 0; i < SLOT_TIMERS; i++)
        if (s->image->timers[i].at_ms)
            s->image->timers[i].at_ms += s->now_ms;
    return 1;
}

HD int64_t commit_fetch(const struct arena_view *v, uint32_t slot, void *to, uint64_t room)
{
    const struct slot_is *is = arena_shown_is(v, slot);
    const struct commit_head *c = newest(v, slot);
    struct commit_head *mine = (struct commit_head *)to;
    uint64_t bytes, committed = 0;

    if (load_acquire(&is->life, SCOPE_SYSTEM) == arena_config(v, slot)->life)
        committed = load_acquire(&is->committed, SCOPE_SYSTEM);
    if (!c)
        return committed ? TW_ELOST : 0;
    bytes = load_relaxed(&c->bytes);
    if (bytes > commit_bytes(&v->geo) - sizeof *c)
        return TW_ELOST;
    if (sizeof *c + bytes > room)
        return TW_ETOOBIG;
    copy_from_shared(mine, c, sizeof *c);
    mine->bytes = bytes;
    copy_from_shared(mine + 1, c + 1, bytes);
    /* Judged on our copy: what a stray thread scribbles from now on is not looked at. */
    if (!whole(mine, room - sizeof *c) || mine->word < committed)
        return TW_ELOST;
    return (int64_t)(sizeof *c + bytes);
}

HD int commit_place(const struct arena_view *v, uint32_t slot, const void *commit, uint64_t bytes)
{
    const struct commit_head *from = (const struct commit_head *)commit;
    struct commit_head *to;

    store_release(&arena_commit(v, slot, 0)->word, 0, SCOPE_SYSTEM);
    store_release(&arena_commit(v, slot, 1)->word, 0, SCOPE_SYSTEM);
    if (!from)
        return 0;
    if (bytes > commit_bytes(&v->geo) || bytes != sizeof *from + from->bytes)
        return TW_ETOOBIG;
    to = arena_commit(v, slot, (uint32_t)(from->word & 1));
    copy_to_shared(to + 1, from + 1, from->bytes);
    store_relaxed(&to->bytes, from->bytes);
    store_relaxed(&to->checksum, from->checksum);
    store_release(&to->word, from->word, SCOPE_SYSTEM);
    return 0;
}

HD uint64_t commit_number(const void *commit) { return ((const struct commit_head *)commit)->word; }

HD const struct slot_image *commit_image(const void *commit, const struct stream **ret_streams)
{
    const struct slot_image *image =
        (const struct slot_image *)((const struct commit_head *)commit + 1);

    *ret_streams = (const struct stream *)(image + 1);
    return image;
}
