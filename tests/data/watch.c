/* watch.c - watchers that hear of every end of those that live on both ranks, and of each once
 *
 * A mortal counts on until it is told otherwise by a fault, and is done at last.  A watcher watches each of them life by
 * life, and notes whatever cannot be: an end it had not asked for, one of a life that was over already, the last one
 * before the farewell that its sender had sent.  A clerk writes what they say: the same with and without faults.
 */
#include <treewarden/actor.h>

#ifndef __CUDACC__
#include <stdio.h>
#endif

#define MORTALS 4

enum { FAREWELL = 1, REPORT = 2 };

struct mortal { uint64_t left, watchers; };

TW_INIT(mortal)
{
    s->left = tw_arg_u64(cx, "steps");
    s->watchers = tw_arg_u64(cx, "watchers");
    tw_timer(cx, 2);
}

TW_RECEIVE(mortal)
{
    if (m->type != TW_TIMER)
        return;
    tw_progress(cx, 1);
    if (--s->left > 0) {
        tw_timer(cx, 2);
        return;
    }
    for (uint32_t i = 0; i < s->watchers; i++)
        tw_send(cx, tw_peer_at(cx, "job/watcher[*]", &i, 1), FAREWELL, NULL, 0);
    tw_done(cx, 0);
}
TW_NO_STEP(mortal)

struct watcher {
    uint64_t mortals, over, wrong, ticking;
    uint64_t last[MORTALS];
    uint32_t peer[MORTALS], armed[MORTALS], farewells[MORTALS];
};

TW_INIT(watcher)
{
    s->mortals = tw_arg_u64(cx, "mortals");
    for (uint32_t i = 0; i < s->mortals; i++)
        TW_AT(s->peer, i) = tw_peer_at(cx, "job/mortal[*]", &i, 1);
    s->ticking = 1;
    tw_timer(cx, 1);
}

TW_FN void watcher_arms(struct tw_ctx *cx, struct watcher *s)
{
    for (uint32_t i = 0; i < s->mortals; i++) {
        if (s->armed[i])
            continue;
        s->armed[i] = 1;
        tw_monitor(cx, s->peer[i]);
    }
}

/* Its end came before its farewell, which it had seen acknowledged: wrong.  Without a life after the farewell: over. */
TW_FN void watcher_hears(struct tw_ctx *cx, struct watcher *s, uint32_t i, const struct tw_down *d)
{
    int said = s->farewells[i] == 1, done = d->cause == TW_CAUSE_DONE;

    s->wrong += s->armed[i] != 1 || (d->life && d->life <= s->last[i]) || (done && !said);
    s->last[i] = d->life > s->last[i] ? d->life : s->last[i];
    tw_log(cx, 100 * d->cls + d->cause, d->life, i);
    if (done || (said && d->cause == TW_CAUSE_NO_PROCESS)) {
        s->armed[i] = 2;
        s->over++;
    } else {
        s->armed[i] = 0;
        if (!s->ticking++)
            tw_timer(cx, tw_arg_u64(cx, "again"));
    }
}

TW_RECEIVE(watcher)
{
    uint32_t i = 0;

    if (m->type == TW_TIMER) {
        s->ticking = 0;
        watcher_arms(cx, s);
        return;
    }
    while (i + 1 < s->mortals && TW_AT(s->peer, i) != m->from)
        i++;
    if (m->type == TW_DOWN)
        watcher_hears(cx, s, i, (const struct tw_down *)m->body);
    else if (m->type == FAREWELL)
        TW_AT(s->farewells, i)++;
    if (s->over < s->mortals)
        return;
    tw_send(cx, tw_peer(cx, "job/clerk"), REPORT, &s->wrong, sizeof s->wrong);
    tw_done(cx, s->wrong);
}
TW_NO_STEP(watcher)

struct clerk { uint64_t heard, wrong; };

TW_INIT(clerk) { s->heard = s->wrong = 0; }

TW_FN void clerk_writes(struct tw_ctx *cx, const struct clerk *s)
{
#ifndef __CUDACC__
    const char *path = tw_sink(cx, "watch.txt");
    FILE *f = path ? fopen(path, "w") : NULL;

    if (!f || fprintf(f, "%u watchers, %u ends were wrong\n", (unsigned)s->heard, (unsigned)s->wrong) < 0 || fclose(f) != 0)
        tw_fail(cx, 1);
#else
    (void)cx;
    (void)s;
#endif
}

TW_RECEIVE(clerk)
{
    s->wrong += *(const uint64_t *)m->body;
    if (++s->heard < tw_arg_u64(cx, "watchers"))
        return;
    clerk_writes(cx, s);
    tw_done(cx, s->wrong);
}
TW_NO_STEP(clerk)
TW_PROGRAM(mortal, watcher, clerk)
