/* job_here.h - the processes of a job on this host, from /proc
 *
 * They are told by their environment (TREEWARDEN_JOBID, which launch gives mpirun and mpirun gives its ranks), so
 * also a rank that starts or ends is seen, while it has no socket.  Processes of other users are not seen.  Costs a
 * look at every process of the host.
 */
#ifndef TW_CMD_JOB_HERE_H
#define TW_CMD_JOB_HERE_H

#include <sys/types.h>

/* How many there are, but for the caller; and one of its ranks, a child of this mpirun; 0 = none is here. */
int job_here(const char *job, pid_t mpirun, pid_t *ret_rank);

/* Tell the job to stop in order: by a signal to one rank, which tells the root.  Not by mpirun: that gives its ranks a
 * quarter of a second from SIGTERM to SIGKILL.  To mpirun all the same if no rank of this host takes signals yet.
 * The rank hands the tag on with the signal: 0 or SIGNAL_LAUNCH_LOST (sup/rank.h). */
void job_signal(const char *job, pid_t mpirun, int sig, int tag);

#endif
