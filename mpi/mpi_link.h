/* mpi_link.h - the link port over MPI: point-to-point on MPI_COMM_WORLD only
 *
 * One posted receive per peer, a bounded number of sends in flight, MPI_Test in the loop; no collective,
 * no wildcard, no blocking call between MPI_Init and MPI_Finalize.  Open MPI tells of a peer's death only
 * while something drives progress, and only by an error class on some request of it; it is taken once,
 * from whichever request says so first, and is then an event.  Needs no fault tolerance of MPI to work:
 * without it deaths are simply not told here.
 */
#ifndef TW_MPI_MPI_LINK_H
#define TW_MPI_MPI_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/reason.h"
#include "port/link.h"

#define MPI_HOST_BYTES 64
#define MPI_OFFER_WORDS 3           /* what a rank tells all of what it has, before they agree on what to use */

/* What every rank must agree on before anything else is said. */
struct mpi_hello {
    uint64_t spec_hash;         /* of the specification with its overrides */
    uint64_t program_hash;      /* of the actor program's bytes, those for GPUs included */
    uint32_t devices;           /* per rank, as asked for */
    uint64_t offer[MPI_OFFER_WORDS];    /* not compared: every rank gets to know it; mpi_link_offers */
    int launcher_fd;            /* not told to others: readable when the launcher has died; -1 = cannot be known */
};

struct mpi_link;

/* Was this built with an MPI that can tell of a rank's death (ULFM)?  Whether it does depends on how mpirun was called;
 * `launch` calls it so. */
bool mpi_link_may_tell_of_deaths(void);

/* MPI_Init, HELLO with every other rank, one posted receive per peer.  Blocks until all have answered or
 * 30 s have passed.  0; TW_EVERSION (another library than built with, another wire version), TW_EPROTO
 * (the ranks disagree), TW_EPEER (no answer, a rank or the launcher died), TW_ESTATE (singletons instead of one job), with
 * the reason; *ret_speaks says whether this rank is the one to print it (one line for the whole job). */
int mpi_link_open(const struct mpi_hello *hello, struct mpi_link **ret, struct reason *why,
                  bool *ret_speaks);

/* The port; valid until close. */
struct link mpi_link_port(struct mpi_link *m);

/* Host name of each rank, [size]; borrowed. */
const char *const *mpi_link_hosts(const struct mpi_link *m);

/* What each rank offers, MPI_OFFER_WORDS words a rank; borrowed. */
const uint64_t *mpi_link_offers(const struct mpi_link *m);

/* After a turn: microseconds to wait before the next, as rest_us (rest.h), also on this descriptor (-1: none). */
uint64_t mpi_link_rest(struct mpi_link *m, bool busy);
int mpi_link_fd(const struct mpi_link *m);

/* Does this MPI tell of a peer's death? */
bool mpi_link_tells_deaths(const struct mpi_link *m);

/* Say goodbye, hand over what is queued, hear the goodbyes of who lives, all within timeout_ms; then
 * MPI_Finalize under a watchdog that ends the process with exit_code if it hangs.  After the death of a rank all
 * this takes a second at most. */
void mpi_link_close(struct mpi_link *m, unsigned timeout_ms, int exit_code);

#endif
