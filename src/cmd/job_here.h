/* job_here.h - the processes of a job on this host, from /proc
 *
 * They are told by their environment (TREEWARDEN_JOBID, which launch gives mpirun and mpirun gives its ranks), so
 * also a rank that starts or ends is seen, while it has no socket.  Processes of other users are not seen.  Costs a
 * look at every process of the host.
 */
#ifndef TW_CMD_JOB_HERE_H
#define TW_CMD_JOB_HERE_H

#include <stdbool.h>

/* How many there are.  alive (NULL is fine) has room for `ranks` and gets true for every rank number that is here;
 * the rest stays as it was. */
int job_here(const char *job, bool *alive, int ranks);

#endif
