/* share.h - which of the GPUs that several ranks see each of them has
 *
 * Every rank says what it sees; ranks that see the same GPUs share them out, each as many.  A pure function of what all
 * say, so every rank computes the same.  A batch system that has given each rank GPUs of its own has shared them out.
 */
#ifndef TW_TOPO_SHARE_H
#define TW_TOPO_SHARE_H

#include <stdint.h>

#define SHARE_GPUS 64                   /* that one rank sees, at most */

struct share_claim {
    uint64_t seen;                      /* a hash of all it sees that are of use, in their order */
    uint64_t near;                      /* bit per GPU, in that order: near its cores; 0: all are, or none */
    uint64_t count;                     /* how many; at most SHARE_GPUS */
};

/* How many a rank can have. */
uint32_t share_of(const struct share_claim *claims, int ranks, int rank);
/* The fewest that any can have, and the first rank that has no more. */
uint32_t share_least(const struct share_claim *claims, int ranks, int *ret_rank);
/* Ranks that see what this one sees, itself too. */
uint32_t share_members(const struct share_claim *claims, int ranks, int rank);

/* The GPUs of a rank, as numbers in that order, rising: `each` of them, at most share_of.  Those near its cores first,
 * as far as no rank before it has them; then in order. */
void share_out(const struct share_claim *claims, int ranks, int rank, uint32_t each, uint32_t *ret);

#endif
