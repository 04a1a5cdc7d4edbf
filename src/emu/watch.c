/* watch.c - what has to hold after every event, looked at from outside of all ranks
 *
 * Lives and lines of a vertex only rise.  No two workers run the same vertex, unless one has given it up.  Of
 * every stream: what was let go was durable where it went, what is durable there was sent and committed here.
 * Looked at as a whole after every strike and every few thousand events: one look costs as much as some
 * hundred events.
 */
#include <string.h>

#include "emu/world.h"

static const char *path_of(const struct world *w, uint32_t vertex) { return w->config->spec->vertices[vertex].path; }

static void found_commit(struct world *w, const void *commit)
{
    const struct stream *streams;
    const struct slot_image *image = commit_image(commit, &streams);
    struct found *f = &w->found[image->vertex];

    if (f->image && (f->image->life > image->life || (f->image->life == image->life && f->image->commit > image->commit)))
        return;
    f->image = image;
    f->streams = streams;
}

/* Not given up by its own slot 0; its rank may have done so without its knowing. */
static bool runs(const struct emu_worker *w, uint32_t slot)
{
    const struct slot_is *is = arena_is(&w->view, slot);

    return (w->state == WORKER_RUNNING || w->state == WORKER_STOPPED) && is->life &&
           is->life == arena_want(&w->view, slot)->life && arena_want(&w->view, slot)->fence != is->life &&
           (is->state == SLOT_RUNNING || is->state == SLOT_DRAINING);
}

static void look_at_running(struct world *w, const struct emu_worker *worker, uint32_t slot)
{
    const struct slot_is *is = arena_is(&worker->view, slot);
    const struct slot_config *c = arena_config(&worker->view, slot);
    struct watch *seen = &w->watch[c->vertex];

    if (w->found[c->vertex].running)
        world_fail(w, "%s runs twice at once", path_of(w, c->vertex));
    w->found[c->vertex].running = true;
    if (is->life < seen->life || c->line < seen->line)
        world_fail(w, "%s went back from life %llx, line %u to life %llx, line %u", path_of(w, c->vertex),
                   (unsigned long long)seen->life, seen->line, (unsigned long long)is->life, c->line);
    if (c->line == seen->line && is->committed < seen->commit)
        world_fail(w, "%s goes on from commit %llu, but %llu was durable", path_of(w, c->vertex),
                   (unsigned long long)is->committed, (unsigned long long)seen->commit);
    seen->life = is->life;
    seen->line = c->line;
    seen->commit = is->committed;
}

static void look_at_slot(struct world *w, const struct emu_worker *worker, uint32_t slot)
{
    const struct commit_head *a = arena_commit(&worker->view, slot, 0), *b = arena_commit(&worker->view, slot, 1);

    if (runs(worker, slot))
        look_at_running(w, worker, slot);
    if (a->word || b->word)
        found_commit(w, a->word >= b->word ? a : b);
}

/* In every arena there is, dead workers' too: until the rank has fetched what lies there. */
static void find_all(struct world *w)
{
    memset(w->found, 0, w->config->spec->vertex_count * sizeof *w->found);
    for (int i = 0; i < w->config->ranks; i++)
        for (uint32_t v = 0; v < w->config->spec->vertex_count; v++)
            if (rank_commit(w->ranks[i].rank, v))
                found_commit(w, rank_commit(w->ranks[i].rank, v));
    for (int i = 0; i < w->config->ranks; i++)
        for (const struct emu_worker *x = w->ranks[i].workers; x; x = x->next)
            for (uint32_t s = 1; x->arena && x->threads && s <= x->view.geo.slots; s++)
                look_at_slot(w, x, s);
}

static const struct stream *stream_to(const struct found *f, uint32_t peer)
{
    for (uint32_t i = 0; f->image && i < f->image->stream_count; i++)
        if (f->streams[i].peer == peer)
            return &f->streams[i];
    return NULL;
}

/* As far as both ends speak of the same lines. */
static void look_at_stream(struct world *w, uint32_t from, const struct found *f, const struct stream *out, uint32_t to,
                           const struct found *t)
{
    const struct stream *in = stream_to(t, from);

    if (!in || in->in_line != f->image->line || (out->line && out->line != t->image->line))
        return;
    if (!w->config->spec->vertices[from].eager && in->consumed > out->sent)
        world_fail(w, "%s -> %s: consumed %llu, but only %llu were committed", path_of(w, from), path_of(w, to),
                   (unsigned long long)in->consumed, (unsigned long long)out->sent);
    if (out->dead == 0 && out->acked > in->consumed)
        world_fail(w, "%s -> %s: %llu were let go, but only %llu are durable", path_of(w, from), path_of(w, to),
                   (unsigned long long)out->acked, (unsigned long long)in->consumed);
}

void watch_all(struct world *w)
{
    uint32_t n = w->config->spec->vertex_count;
    const struct found *found = w->found;

    w->result->checks++;
    find_all(w);
    for (uint32_t v = 0; v < n; v++)
        for (uint32_t i = 0; found[v].image && i < found[v].image->stream_count; i++) {
            const struct stream *out = &found[v].streams[i];

            if (out->peer < n && found[out->peer].image)
                look_at_stream(w, v, &found[v], out, out->peer, &found[out->peer]);
        }
}
