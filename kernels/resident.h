/* resident.h - what the resident kernel is launched with: resident.cuh reads it, cuda_worker.c writes it
 *
 * Addresses are the device's.  Nothing here is the driver's, so that both sides compile it.
 */
#ifndef TW_KERNELS_RESIDENT_H
#define TW_KERNELS_RESIDENT_H

#include "slot/slot_impl.h"

#define RESIDENT_KERNEL "tw_resident"   /* its name in the program's device code */

struct resident_params {
    char *arena;                        /* mapped host memory */
    uint64_t arena_bytes;
    char *near;                         /* the arena's near part, as the rank wrote it */
    char *memory;                       /* zeroed: slot 0's private bytes, then slot_stride bytes of each slot */
    uint64_t slot0_bytes, slot_stride;
    uint64_t *sweeps;                   /* zeroed; [slots + 1]: nanoseconds, block 0 */
    uint64_t *stop;                     /* zeroed; block 0: all blocks return */
    uint64_t program;                   /* resident_program of the table that the rank has */
    uint32_t types;                     /* so many of them are the device's, the first */
};

/* A number for what both sides must agree on: the actor types, their order and sizes. */
HD static inline uint64_t resident_program(const struct tw_program *p, uint32_t types)
{
    uint64_t n = splitmix((uint64_t)p->layout << 32 | p->api) + types;

    for (uint32_t i = 0; i < types && i < p->count; i++) {
        const struct tw_type *t = &p->types[i];

        for (const char *c = t->name; *c; c++)
            n = splitmix(n + (unsigned char)*c);
        n = splitmix(n + ((uint64_t)t->state_bytes << 32 | t->state_align));
        n = splitmix(n + t->flags);
    }
    return n;
}

#endif
