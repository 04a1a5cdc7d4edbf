/* rest.h - how long a rank that found nothing to do waits before it looks again
 *
 * With everybody else on this host it sleeps until it is rung (doorbell.h), LINK_REST_MAX_US at most: MPI tells of
 * a death only to who looks.  Else a sleep that doubles from LINK_REST_MIN_US while nothing comes.  Before it sleeps
 * it says so and looks once more, so that what was sent meanwhile is found or rings.
 */
#ifndef TW_MPI_REST_H
#define TW_MPI_REST_H

#include <stdbool.h>
#include <stdint.h>

#include "mpi/doorbell.h"
#include "port/link.h"

struct rest {                       /* zeroed to begin with */
    uint64_t us;
    bool said;                      /* that we sleep */
};

/* After a look at everything.  busy: it found something.  rung: whoever may send will ring, and nothing of ours waits
 * for them.  Returns the microseconds to wait, on doorbell_fd and what else brings work; 0: look again at once. */
uint64_t rest_us(struct rest *r, struct doorbell *bell, bool rung, bool busy);

#endif
