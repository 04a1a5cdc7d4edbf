/* placement.h - which rank and device each actor gets, and where each supervisor is at home
 *
 * A pure function of the spec and the size of the job, so every rank computes the same.  A supervisor is at
 * home on the rank that hosts its whole branch (`place: {rank: ..}` on it or above it), else at the root.
 * Beside CUDA devices a rank with host actors has one device more, for them; a device that `place` names is then that
 * of the others.
 */
#ifndef TW_SPEC_PLACEMENT_H
#define TW_SPEC_PLACEMENT_H

#include "spec/spec.h"

struct placement {
    uint16_t *rank_of, *device_of;      /* owned; per vertex; supervisors: their home's rank and 0 */
    uint16_t *devices;                  /* owned; per rank: how many it has */
    int16_t *home_of;                   /* owned; supervisors: rank, -1 = root; actors: -1 */
};

/* 0; TW_EINVAL with the reason (not enough ranks, devices or slots); TW_ENOMEM. */
int placement_make(const struct spec *s, int ranks, struct placement *ret, struct reason *why);
void placement_free(struct placement *p);
/* The rank that `place` ties a vertex to, by itself or by a supervisor above it; -1 = none.  O(depth). */
int placement_tied_to(const struct spec *s, uint32_t vertex);

#endif
