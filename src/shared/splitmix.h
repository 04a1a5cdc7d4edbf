/* splitmix.h - chance that can be repeated: splitmix64
 *
 * Source: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014.  Pure; 1 ns.
 */
#ifndef TW_SHARED_SPLITMIX_H
#define TW_SHARED_SPLITMIX_H

#include <stdint.h>

#include "shared/hd.h"

#define SPLITMIX_STEP 0x9e3779b97f4a7c15ull     /* 2^64 over the golden ratio, odd */

/* x, stirred: 64 bits, evenly spread, another value for every x. */
HD static inline uint64_t splitmix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
    return x ^ (x >> 31);
}

/* The next number of a sequence; *state, which may begin with anything, goes on. */
HD static inline uint64_t splitmix_next(uint64_t *state) { return splitmix(*state += SPLITMIX_STEP); }

#endif
