/* links.c - the link between the ranks of a house: one queue each, under its lock */
#include <stdlib.h>
#include <string.h>

#include "tests/threads/house.h"

#define UNDER_WAY_MAX 64u       /* to one rank, as a real link bounds its sends */

static int put(struct side *to, struct frame *f)
{
    int rc = TW_EFULL;

    pthread_mutex_lock(&to->lock);
    if (to->ended) {
        free(f);
        rc = 0;
    } else if (to->under_way[f->from] < UNDER_WAY_MAX) {
        *to->frames_end = f;
        to->frames_end = &f->next;
        to->under_way[f->from]++;
        rc = 0;
    } else {
        free(f);
    }
    pthread_mutex_unlock(&to->lock);
    return rc;
}

static int op_send(void *self, int rank, const union cell *c, const void *body, size_t bytes)
{
    struct side *s = self;
    struct frame *f;

    if (bytes > LINK_BODY_MAX)
        return TW_ETOOBIG;
    f = calloc(1, sizeof *f + bytes);
    if (!f)
        abort();
    f->from = s->number;
    f->cell = *c;
    f->bytes = bytes;
    if (bytes)
        memcpy(f->body, body, bytes);
    return put(&s->house->sides[rank], f);
}

static void op_poll(void *self, struct link_event *ret)
{
    struct side *s = self;
    struct frame *f;

    free(s->in_hand);
    pthread_mutex_lock(&s->lock);
    f = s->frames;
    if (f) {
        s->frames = f->next;
        if (!s->frames)
            s->frames_end = &s->frames;
        s->under_way[f->from]--;
    }
    pthread_mutex_unlock(&s->lock);
    s->in_hand = f;
    *ret = (struct link_event){.kind = LINK_NOTHING};
    if (f)
        *ret = (struct link_event){.kind = LINK_CELL, .rank = f->from, .cell = &f->cell,
                                   .body = f->bytes ? f->body : NULL, .bytes = f->bytes};
}

static size_t op_outstanding(void *self)
{
    struct side *me = self;
    size_t n = 0;

    for (int i = 0; i < HOUSE_RANKS; i++) {
        struct side *to = &me->house->sides[i];

        pthread_mutex_lock(&to->lock);
        n += to->ended ? 0 : to->under_way[me->number];
        pthread_mutex_unlock(&to->lock);
    }
    return n;
}

static int op_rank(void *self) { return ((struct side *)self)->number; }

static int op_size(void *self)
{
    (void)self;
    return HOUSE_RANKS;
}

struct link house_link(struct side *s)
{
    static const struct link_ops ops = {op_send, op_poll, op_outstanding, op_rank, op_size};

    return (struct link){&ops, s};
}

void frames_drop(struct side *s)
{
    free(s->in_hand);
    s->in_hand = NULL;
    while (s->frames) {
        struct frame *f = s->frames;

        s->frames = f->next;
        free(f);
    }
    s->frames_end = &s->frames;
}
