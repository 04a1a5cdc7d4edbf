/* devman_poison.c - the messages that lives of an actor died of, counted, and taken out of their way (extension 9)
 *
 * A slot says which message it has in hand; that word outlives the life and its worker.  So after each end this rank
 * knows whether the actor died with the same message in its hands once more: the same sender, line and number.  What
 * has done so as often as the specification says becomes a dead letter here and now, while its bytes are still in
 * the slot; from then on every life is told to pass over it, until a commit shows that one has.
 *
 * Which sender's message comes first is not the same in each life, so each sender's is counted for itself: two that
 * send poison at once must not keep each other's count low.
 */
#include "sup/devman_impl.h"
#include "spec/spec.h"

#include <stdlib.h>
#include <string.h>

struct suspect { struct slot_skip message; uint32_t deaths; };  /* so many in a row: enough of them, and it is poison */

struct poison {
    uint32_t count;
    struct suspect suspects[SLOT_SKIPS];        /* one a sender; in the commits none of them is consumed */
};

int poison_create(struct devman *d, uint32_t vertex)
{
    if (d->cx.spec->vertices[vertex].kind != SPEC_ACTOR || !d->cx.spec->vertices[vertex].poison)
        return 0;
    d->residents[vertex].poison = calloc(1, sizeof *d->residents[vertex].poison);
    return d->residents[vertex].poison ? 0 : TW_ENOMEM;
}

static uint32_t sender_of(const struct slot_skip *m) { return (uint32_t)m->from; }
static uint32_t line_of(const struct slot_skip *m) { return (uint32_t)(m->from >> 32); }

static bool is_poison(const struct devman *d, uint32_t vertex, const struct suspect *s)
{
    return s->deaths >= d->cx.spec->vertices[vertex].poison;
}

/* Has a commit of this actor consumed it?  Or is its sender on another line, whose numbers are others? */
static bool is_behind(const struct devman *d, uint32_t vertex, const struct slot_skip *m)
{
    const void *commit = devman_commit(d, vertex);
    const struct stream *streams;
    uint32_t count;

    if (d->where[sender_of(m)] && PEER_LINE(d->where[sender_of(m)]) != (line_of(m) & 0xffffffu))
        return true;
    if (!commit)
        return false;
    count = commit_image(commit, &streams)->stream_count;
    for (uint32_t i = 0; i < count; i++)
        if (streams[i].peer == sender_of(m))
            return streams[i].in_line > line_of(m) || (streams[i].in_line == line_of(m) && streams[i].consumed >= m->seq);
    return false;
}

/* all: whatever is not poison yet, too. */
static void drop_those_behind(const struct devman *d, uint32_t vertex, struct poison *p, bool all)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < p->count; i++)
        if (!is_behind(d, vertex, &p->suspects[i].message) && !(all && !is_poison(d, vertex, &p->suspects[i])))
            p->suspects[kept++] = p->suspects[i];
    p->count = kept;
}

/* Its place in the table; NULL: there are too many for one more to be counted, until one of them is behind. */
static struct suspect *suspect_of(struct poison *p, const struct slot_skip *m)
{
    struct suspect *s = p->suspects;

    while (s < p->suspects + p->count && sender_of(&s->message) != sender_of(m))
        s++;
    if (s == p->suspects + SLOT_SKIPS)
        return NULL;
    if (s == p->suspects + p->count)
        p->count++;
    else if (s->message.from == m->from && s->message.seq == m->seq)
        return s;
    *s = (struct suspect){.message = *m};       /* of a sender only one is next: it was handled, the one before */
    return s;
}

static void write_letter(struct devman *d, int device, uint32_t slot, uint32_t vertex, const struct suspect *s)
{
    const struct device *v = &d->devices[device];
    const struct slot_hand *hand = arena_shown_hand(&v->view, slot);
    uint64_t what = load_relaxed(&hand->what);
    struct devman_letter l = {.from = sender_of(&s->message), .type = (uint32_t)what, .bytes = (uint32_t)(what >> 32),
                              .deaths = s->deaths, .number = s->message.seq, .body = d->body};

    if (l.bytes > v->geo.message_bytes)
        l.bytes = v->geo.message_bytes;         /* a handler gone wild wrote there too */
    copy_from_shared(d->body, hand + 1, l.bytes);
    d->cx.ops->letter(d->cx.self, vertex, d->residents[vertex].life, &l);
}

/* Only an end of its own says something about messages; who goes down with a worker or is stopped leaves the counts
 * as they are. */
bool poison_after(struct devman *d, int device, uint32_t slot, uint32_t vertex, bool own)
{
    const struct slot_hand *hand = arena_shown_hand(&d->devices[device].view, slot);
    struct poison *p = d->residents[vertex].poison;
    struct slot_skip died_of;
    struct suspect *s;

    if (!p)
        return false;
    died_of = (struct slot_skip){.from = load_relaxed(&hand->from), .seq = load_relaxed(&hand->seq)};
    drop_those_behind(d, vertex, p, own && died_of.seq == 0);
    if (!own || died_of.seq == 0 || sender_of(&died_of) >= d->vertices)
        return false;
    s = suspect_of(p, &died_of);
    if (s && ++s->deaths == d->cx.spec->vertices[vertex].poison)
        write_letter(d, device, slot, vertex, s);
    return s != NULL;
}

void poison_fill(const struct devman *d, uint32_t vertex, struct slot_config *c)
{
    const struct poison *p = d->residents[vertex].poison;

    for (uint32_t i = 0; p && i < p->count; i++)
        if (is_poison(d, vertex, &p->suspects[i]))
            c->skips[c->skip_count++] = p->suspects[i].message;
}
