/* share.c - first to all what is near them, then to all what is left */
#include "topo/share.h"

#include <stdbool.h>

static bool together(const struct share_claim *a, const struct share_claim *b)
{
    return a->seen == b->seen && a->count == b->count;
}

uint32_t share_members(const struct share_claim *claims, int ranks, int rank)
{
    uint32_t n = 0;

    for (int i = 0; i < ranks; i++)
        n += together(&claims[i], &claims[rank]);
    return n;
}

uint32_t share_of(const struct share_claim *claims, int ranks, int rank)
{
    return (uint32_t)(claims[rank].count / share_members(claims, ranks, rank));
}

uint32_t share_least(const struct share_claim *claims, int ranks, int *ret_rank)
{
    *ret_rank = 0;
    for (int i = 1; i < ranks; i++)
        if (share_of(claims, ranks, i) < share_of(claims, ranks, *ret_rank))
            *ret_rank = i;
    return share_of(claims, ranks, *ret_rank);
}

/* Up to `want` of those allowed that nobody has. */
static uint64_t take(uint64_t *nobodys, uint64_t allowed, uint32_t want)
{
    uint64_t taken = 0;

    for (uint64_t left = *nobodys & allowed; left && want > 0; left &= left - 1, want--)
        taken |= left & -left;
    *nobodys &= ~taken;
    return taken;
}

void share_out(const struct share_claim *claims, int ranks, int rank, uint32_t each, uint32_t *ret)
{
    uint64_t all = claims[rank].count >= SHARE_GPUS ? ~(uint64_t)0 : ((uint64_t)1 << claims[rank].count) - 1;
    uint64_t first = all, left = all, own = 0;
    uint32_t n = 0;

    for (int i = 0; i < ranks; i++)
        if (together(&claims[i], &claims[rank]))
            (void)take(&left, claims[i].near, each);
    for (int i = 0; i <= rank; i++)         /* the same again, and behind it what is left */
        if (together(&claims[i], &claims[rank])) {
            own = take(&first, claims[i].near, each);
            own |= take(&left, all, each - (uint32_t)__builtin_popcountll(own));
        }
    for (uint32_t g = 0; g < SHARE_GPUS && n < each; g++)
        if (own >> g & 1)
            ret[n++] = g;
}
