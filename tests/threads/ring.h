/* ring.h - what the actors of ring.yaml and their serial reference share */
#ifndef TW_TESTS_THREADS_RING_H
#define TW_TESTS_THREADS_RING_H

#include <stdint.h>

#define RING_HALF 5u                    /* cells of one branch: ring.yaml */
#define RING_CELLS (2 * RING_HALF)

static inline uint64_t ring_next(uint64_t own, uint64_t left, uint64_t right)
{
    uint64_t x = (own * 3 + left) ^ (right << 7 | right >> 57);

    return (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
}

#endif
