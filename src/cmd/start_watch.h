/* start_watch.h - see another rank of this host die before MPI can tell of it
 *
 * Until MPI_Init and the greetings are through, a death reaches nobody: mpirun runs with fault tolerance and
 * waits, the other ranks wait for a process that never comes.  So each rank looks at the other children of its
 * parent (mpirun's daemon here) from a thread of its own, which makes no MPI call.
 */
#ifndef TW_CMD_START_WATCH_H
#define TW_CMD_START_WATCH_H

/* Begin to watch: when another rank that was seen is gone for 300 ms, or fewer than mpirun was to start
 * (OMPI_COMM_WORLD_LOCAL_SIZE) are there for 800 ms, this process ends with EXIT_FAILED, and so the job does.  One
 * line on stderr by one of those left.  A parent without /proc/PID/task/TID/children is as one that has all. */
void start_watch_begin(void);

/* MPI tells of deaths from now on.  Waits for the thread, at most a tick of 50 ms. */
void start_watch_end(void);

#endif
