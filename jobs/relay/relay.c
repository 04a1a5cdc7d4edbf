/* relay.c - tokens that run from actor to actor: many small messages, random peers, order that matters
 *
 * Every runner begins with `tokens` tokens.  A token makes `hops` hops; whoever holds it mixes its own number
 * into the token's value and passes it on to a runner that the value itself chooses, so the next hop cannot be
 * known before the last one was made.  After its last hop it goes to the board.  Each message carries its
 * number between these two actors: a gap, a repeat or a swap fails the actor at once.  The board writes one
 * line per token; what it writes hangs on every hop of every token having been made exactly once.
 */
#include <treewarden/actor.h>

#ifndef __CUDACC__
#include <stdio.h>
#include <string.h>
#endif

#define RUNNERS 64
#define TOKENS 4096

enum { TOKEN = 1 };
enum { OUT_OF_ORDER = 1, TOO_MANY = 2, UNKNOWN = 3, TWICE = 4 };

struct token { uint64_t number, value, id, hops; };     /* number: of the messages between these two */

TW_FN uint64_t relay_mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
    return x ^ (x >> 31);
}

/* ---- a runner ---------------------------------------------------------------------------------- */

struct runner {
    uint64_t me, runners, tokens, hops, begun;
    uint32_t peers[RUNNERS], board;
    uint64_t sent[RUNNERS + 1], heard[RUNNERS + 1];     /* [runners]: the board */
};

TW_FN void relay_pass(struct tw_ctx *cx, struct runner *s, struct token *t)
{
    uint64_t to = t->hops ? t->value % s->runners : s->runners;

    if (to == s->me)
        to = (to + 1) % s->runners;
    t->hops -= t->hops > 0;
    t->number = ++TW_AT(s->sent, to);
    tw_send(cx, to == s->runners ? s->board : TW_AT(s->peers, to), TOKEN, t, sizeof *t);
}

TW_SOLO(runner)
TW_INIT(runner)
{
    s->me = tw_self(cx, 0);
    s->runners = tw_arg_u64(cx, "runners");
    s->tokens = tw_arg_u64(cx, "tokens");
    s->hops = tw_arg_u64(cx, "hops");
    s->board = tw_peer(cx, "relay/board");
    if (s->runners < 2 || s->runners > RUNNERS || s->runners * s->tokens > TOKENS || s->board == TW_NO_PEER) {
        tw_fail(cx, TOO_MANY);
        return;
    }
    for (uint32_t i = 0; i < (uint32_t)s->runners; i++)
        TW_AT(s->peers, i) = tw_peer_at(cx, "relay/runner[*]", &i, 1);
}

TW_FN uint64_t relay_who(const struct runner *s, uint32_t vertex)
{
    for (uint64_t i = 0; i < s->runners; i++)
        if (s->peers[i] == vertex)
            return i;
    return s->runners;
}

TW_RECEIVE(runner)
{
    struct token t;
    uint64_t from;

    if (m->type != TOKEN)
        return;
    t = *(const struct token *)m->body;
    from = relay_who(s, m->from);
    if (from == s->runners || t.number != ++TW_AT(s->heard, from)) {
        tw_fail(cx, from == s->runners ? UNKNOWN : OUT_OF_ORDER);
        return;
    }
    t.value = relay_mix(t.value ^ (s->me + 1));
    tw_progress(cx, 1);
    relay_pass(cx, s, &t);
}

TW_STEP(runner)
{
    struct token t;

    if (s->begun == s->tokens)
        return;
    t.id = s->me * s->tokens + s->begun++;
    t.value = relay_mix(t.id + 1);
    t.hops = s->hops;
    relay_pass(cx, s, &t);
    tw_again(cx);
}

#ifndef __CUDACC__
/* ---- the board --------------------------------------------------------------------------------- */

struct board {
    uint64_t count, all;
    uint64_t value[TOKENS];
    uint8_t seen[TOKENS];
};

TW_HOST_ACTOR(board)
TW_INIT(board)
{
    s->all = tw_arg_u64(cx, "runners") * tw_arg_u64(cx, "tokens");
    if (s->all == 0 || s->all > TOKENS)
        tw_fail(cx, TOO_MANY);
}

TW_FN void board_write(struct tw_ctx *cx, const struct board *s)
{
    const char *path = tw_sink(cx, "tokens.txt");
    FILE *f = path ? fopen(path, "w") : NULL;

    for (uint64_t i = 0; f && i < s->all; i++)
        fprintf(f, "%llu %016llx\n", (unsigned long long)i, (unsigned long long)s->value[i]);
    if (!f || fclose(f) != 0)
        tw_fail(cx, UNKNOWN);
}

TW_RECEIVE(board)
{
    const struct token *t = (const struct token *)m->body;

    if (m->type != TOKEN)
        return;
    if (TW_AT(s->seen, t->id)++) {
        tw_fail(cx, TWICE);
        return;
    }
    TW_AT(s->value, t->id) = t->value;
    tw_progress(cx, 1);
    if (++s->count < s->all)
        return;
    board_write(cx, s);
    tw_done(cx, s->count);
}

TW_NO_STEP(board)
TW_PROGRAM(runner, board)
#else
TW_PROGRAM(runner)
#endif
