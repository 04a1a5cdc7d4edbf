/* watch.c - what has to hold after every event, looked at from outside of all ranks
 *
 * After each turn of a slot, of its vertex: life, line and commit only rise; nowhere else does it run; of each of
 * its streams, what was let go was durable where it went, and what is durable here was sent and committed there.
 * After each turn of a rank, its own structures.  After every strike and every few thousand events, everything:
 * what was ever durable still is, and once nothing is under way all ranks have the same picture.
 */
#include <stdlib.h>
#include <string.h>

#include "emu/world.h"
#include "shared/cause.h"

static const char *path_of(const struct world *w, uint32_t vertex) { return w->config->spec->vertices[vertex].path; }

/* Not given up by its own slot 0; its rank may have done so without its knowing. */
static bool runs(const struct emu_worker *w, uint32_t slot)
{
    const struct slot_is *is = arena_is(&w->view, slot);

    return worker_lives(w) && is->life && is->life == arena_want(&w->view, slot)->life &&
           arena_want(&w->view, slot)->fence != is->life && (is->state == SLOT_RUNNING || is->state == SLOT_DRAINING);
}

/* -- commits and streams -------------------------------------------------------------------------- */

static const struct stream *stream_to(const struct found *f, uint32_t peer)
{
    for (uint32_t i = 0; i < f->stream_count; i++)
        if (f->streams[i].peer == peer)
            return &f->streams[i];
    return NULL;
}

/* As far as both ends speak of the same lines. */
static void look_at_stream(struct world *w, uint32_t from, uint32_t to)
{
    const struct found *f = &w->found[from], *t = &w->found[to];
    const struct stream *out = stream_to(f, to), *in = stream_to(t, from);

    if (!out || !in || in->in_line != f->line || (out->line && out->line != t->line))
        return;
    if (!w->config->spec->vertices[from].eager && in->consumed > out->sent)
        world_fail(w, "%s -> %s: consumed %llu, but only %llu were committed", path_of(w, from), path_of(w, to),
                   (unsigned long long)in->consumed, (unsigned long long)out->sent);
    if (out->dead == 0 && out->acked > in->consumed)
        world_fail(w, "%s -> %s: %llu were let go, but only %llu are durable", path_of(w, from), path_of(w, to),
                   (unsigned long long)out->acked, (unsigned long long)in->consumed);
}

static bool is_newer(const struct slot_image *image, const struct found *f)
{
    return image->life != f->life ? image->life > f->life : image->commit > f->commit;
}

/* A commit became durable: keep what it says of its streams and hold it against their other ends. */
static void look_at_commit(struct world *w, const struct slot_image *image, const struct stream *streams)
{
    struct found *f = &w->found[image->vertex];
    uint32_t n = w->config->spec->vertex_count;

    if (image->stream_count > f->room) {
        f->room = image->stream_count;
        f->streams = realloc(f->streams, f->room * sizeof *f->streams);
        if (!f->streams)
            abort();
    }
    f->life = image->life;
    f->commit = image->commit;
    f->line = image->line;
    f->stream_count = image->stream_count;
    if (f->stream_count)
        memcpy(f->streams, streams, f->stream_count * sizeof *streams);
    for (uint32_t i = 0; i < f->stream_count; i++)
        if (streams[i].peer < n) {
            look_at_stream(w, image->vertex, streams[i].peer);
            look_at_stream(w, streams[i].peer, image->vertex);
        }
}

static const struct slot_image *newest_in(const struct emu_worker *worker, uint32_t slot, const struct stream **ret_streams)
{
    const struct commit_head *a = arena_commit(&worker->view, slot, 0), *b = arena_commit(&worker->view, slot, 1);

    return a->word || b->word ? commit_image(a->word >= b->word ? a : b, ret_streams) : NULL;
}

/* -- one slot ------------------------------------------------------------------------------------- */

static void look_at_runner(struct world *w, struct emu_worker *worker, uint32_t slot)
{
    const struct slot_is *is = arena_is(&worker->view, slot);
    const struct slot_config *c = arena_config(&worker->view, slot);
    struct watch *seen = &w->watch[c->vertex];

    if (seen->worker && (seen->worker != worker || seen->slot != slot) && seen->worker->arena &&
        arena_config(&seen->worker->view, seen->slot)->vertex == c->vertex && runs(seen->worker, seen->slot))
        world_fail(w, "%s runs twice at once", path_of(w, c->vertex));
    if (is->life < seen->life || c->line < seen->line)
        world_fail(w, "%s went back from life %llx, line %u to life %llx, line %u", path_of(w, c->vertex),
                   (unsigned long long)seen->life, seen->line, (unsigned long long)is->life, c->line);
    if (c->line == seen->line && is->committed < seen->commit)
        world_fail(w, "%s goes on from commit %llu, but %llu was durable", path_of(w, c->vertex),
                   (unsigned long long)is->committed, (unsigned long long)seen->commit);
    *seen = (struct watch){is->life, is->committed, c->line, slot, worker};
}

void watch_slot(struct emu_worker *worker, uint32_t slot)
{
    struct world *w = worker->world;
    const struct stream *streams;
    const struct slot_image *image = newest_in(worker, slot, &streams);

    if (runs(worker, slot))
        look_at_runner(w, worker, slot);
    if (image && is_newer(image, &w->found[image->vertex]))
        look_at_commit(w, image, streams);
}

/* -- a rank --------------------------------------------------------------------------------------- */

/* The lives below a branch are over when its kill is answered; in a place another may have been asked for since. */
static void watch_kill(struct world *w, uint32_t top)
{
    const struct spec *s = w->config->spec;

    for (uint32_t v = top; v < s->vertex_count; v++) {
        const struct watch *seen = &w->watch[v];
        uint32_t up = v;

        while (up != SPEC_NONE && up > top)
            up = s->vertices[up].parent;
        if (up != top)
            return;                     /* ids count depth first */
        if (!spec_is_place(s, v) && seen->worker && seen->worker->arena &&
            arena_config(&seen->worker->view, seen->slot)->vertex == v && runs(seen->worker, seen->slot))
            world_fail(w, "%s was killed, and %s still runs", path_of(w, top), path_of(w, v));
    }
}

/* Journals are merged by stamp: a cause has the lower one, on whichever rank. */
static void watch_stamp(struct emu_rank *r, const struct journal_record *rec)
{
    uint64_t before = r->noted > r->heard ? r->noted : r->heard;

    if (rec->stamp <= before)
        world_fail(r->world, "rank %d writes down stamp %llu, though it had written or heard of %llu", r->number,
                   (unsigned long long)rec->stamp, (unsigned long long)before);
    r->noted = rec->stamp;
}

/* Extensions 3 and 4: an end by this cause is decided upon as others are, and a restart that follows is charged. */
static bool is_charged(const struct spec *s, uint32_t vertex, uint8_t cause)
{
    const struct suptree_extra *own = s->vertices[vertex].extra, *above = s->vertices[s->vertices[vertex].parent].extra;

    return (own && cause < CAUSE_COUNT && own->on_cause[cause] != ACTION_DEFAULT) ||
           (above && above->count_infrastructure);
}

/* So many restarts, at most, is the loss of a worker with these actors charged as: a record names but the first. */
static uint32_t charged_for(const struct spec *s, const struct journal_record *rec)
{
    uint32_t lost = 0, charged = 0;

    if (sscanf(rec->text, "%u actors with their worker", &lost) != 1)
        return 0;
    for (uint32_t v = 0; v < s->vertex_count && charged < lost; v++)
        charged += s->vertices[v].kind == SPEC_ACTOR && is_charged(s, v, rec->cause);
    return charged;
}

/* Extensions 9 and 16: of a message, or of its state. */
static bool may_die(const struct spec_vertex *v) { return v->poison || v->resume_deaths; }

void watch_record(struct emu_rank *r, const struct journal_record *rec)
{
    struct world *w = r->world;
    char path[sizeof rec->text] = "";
    int end = 0;

    watch_stamp(r, rec);
    if (rec->type == JOURNAL_FAULT)
        w->charged += charged_for(w->config->spec, rec);
    if (rec->type == JOURNAL_RESULT && sscanf(rec->text, "kill %[^:]: done%n", path, &end) == 1 && end &&
        spec_find(w->config->spec, path) != SPEC_NONE)
        watch_kill(w, spec_find(w->config->spec, path));
    if (rec->type == JOURNAL_FAULT && rec->cls == CLASS_ABNORMAL && may_die(&w->config->spec->vertices[rec->vertex]))
        w->own_deaths++;
    if (rec->type == JOURNAL_FAULT && rec->cause == CAUSE_WEDGED) {
        if (w->wedged[rec->vertex] == 0)
            world_fail(w, "%s was found wedged, but nothing wedged it", path_of(w, rec->vertex));
        else
            w->wedged[rec->vertex]--;
    }
}

/* -- everything ----------------------------------------------------------------------------------- */

struct held { uint64_t life, commit; };

static void hold(struct held *h, const struct slot_image *image)
{
    if (image->life > h->life || (image->life == h->life && image->commit > h->commit))
        *h = (struct held){image->life, image->commit};
}

/* In every arena there is, dead workers' too: until the rank has fetched what lies there. */
static void hold_all(const struct world *w, struct held *held)
{
    const struct stream *streams;
    const struct slot_image *image;

    for (int i = 0; i < w->config->ranks; i++) {
        const struct emu_rank *r = &w->ranks[i];

        for (uint32_t v = 0; v < w->config->spec->vertex_count; v++)
            if (rank_commit(r->rank, v))
                hold(&held[v], commit_image(rank_commit(r->rank, v), &streams));
        for (const struct emu_worker *x = r->workers; x; x = x->next)
            for (uint32_t s = 1; x->arena && x->threads && s <= x->view.geo.slots; s++)
                if ((image = newest_in(x, s, &streams)))
                    hold(&held[image->vertex], image);
    }
}

static void look_at_held(struct world *w)
{
    uint32_t n = w->config->spec->vertex_count;
    struct held *held = calloc(n, sizeof *held);

    if (!held)
        abort();
    hold_all(w, held);
    for (uint32_t v = 0; v < n; v++) {
        const struct found *f = &w->found[v];
        const struct emu_rank *r = &w->ranks[w->places.rank_of[v] < w->config->ranks ? w->places.rank_of[v] : 0];

        if (f->life && !r->dead && (held[v].life < f->life || (held[v].life == f->life && held[v].commit < f->commit)) &&
            rank_line(r->rank, v) <= f->line)
            world_fail(w, "%s: commit %llu of life %llx was durable and is nowhere now", path_of(w, v),
                       (unsigned long long)f->commit, (unsigned long long)f->life);
    }
    free(held);
}

static bool nothing_is_under_way(const struct world *w)
{
    for (int i = 0; i < w->config->ranks; i++)
        if (!w->ranks[i].started || w->ranks[i].dead || w->ranks[i].ended || links_control(&w->ranks[i]) ||
            rank_unsent(w->ranks[i].rank))
            return false;
    return true;
}

static void look_at_pictures(struct world *w)
{
    const struct view *root = rank_view(w->ranks[0].rank);

    for (int i = 1; i < w->config->ranks; i++) {
        const struct view *own = rank_view(w->ranks[i].rank);

        for (uint32_t v = 0; v < w->config->spec->vertex_count; v++) {
            const struct view_vertex *a = &root->vertices[v], *b = &own->vertices[v];

            if (a->deaths != b->deaths)
                world_fail(w, "%s: rank 0 has %u deaths of it, rank %d has %u", path_of(w, v), a->deaths, i, b->deaths);
            if (a->state != b->state || a->starts != b->starts || a->rank != b->rank || a->slot != b->slot ||
                (w->config->spec->vertices[v].kind == SPEC_ACTOR && (a->life != b->life || a->line != b->line)))
                world_fail(w, "%s: rank 0 has it as %u, start %u, life %llx, rank %d as %u, start %u, life %llx",
                           path_of(w, v), a->state, a->starts, (unsigned long long)a->life, i, b->state, b->starts,
                           (unsigned long long)b->life);
        }
    }
}

void watch_all(struct world *w)
{
    w->result->checks++;
    look_at_held(w);
    for (int i = 0; i < w->config->ranks; i++)
        if (!w->ranks[i].dead)
            rank_check(w->ranks[i].rank);
    if (nothing_is_under_way(w))
        look_at_pictures(w);
}
