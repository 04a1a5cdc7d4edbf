/* mpi_bare.h - MPI programs with nothing of Treewarden in them, beside which `treewarden bench` puts its figures
 *
 * They post, test and sleep as mpi_link and the rank's loop do: one posted receive per peer, MPI_Test, and between
 * two looks a sleep on the doorbell, 5 ms at most (rest.h).
 */
#ifndef TW_MPI_MPI_BARE_H
#define TW_MPI_MPI_BARE_H

#include <stdint.h>

/*    name    function    what it does                                                                       */
#define MPI_BARE_LIST(X)                                                                                     \
    X("start", bare_start) /* two children of 16 threads, MPI_Init, all heard of: the clock then */          \
    X("idle",  bare_idle)  /* wait for `count` ms and hear nothing */                                        \
    X("flat",  bare_flat)  /* rank 0 sends to all and hears from all, `count` times, idle in between */      \
    X("ring",  bare_ring)  /* rank 0 keeps 64 sends of 128 bytes to rank 1 in flight; `count` chunks */

#define MPI_BARE_CHUNK 16384u           /* messages of "ring" that make one sample */

/* Be one rank of it, from MPI_Init to MPI_Finalize.  Rank 0 writes its samples to the file `out`, nanoseconds, one a
 * line.  Returns an exit status: 0, 1 (failed), 2 (no such program). */
int mpi_bare(const char *what, uint64_t count, const char *out);

#endif
