/* broom.h - stays when `launch` is killed: stops its job, then removes the job's runtime folder
 *
 * The folder holds sockets of ranks and MPI's files; each owner removes its own when it ends in order, and nobody
 * does when it is killed.  The broom is a process of its own that waits for the end of `launch`.  If there still is
 * an mpirun then, launch was killed: the broom has the job stop in order, and if it does not, mpirun end it.  When
 * no process has the job in its environment any more it removes the folder.  It is deaf to the launcher's signals,
 * holds none of its files, and is in a session of its own.
 */
#ifndef TW_CMD_BROOM_H
#define TW_CMD_BROOM_H

#include <sys/types.h>

struct broom {
    pid_t pid;                  /* -1: could not be started; broom_finish then sweeps itself */
    int hold;                   /* it begins when the last copy of this is closed; close-on-exec */
};

/* Start it; before the folder is made.  `job` and `dir` are copied. */
void broom_start(struct broom *b, const char *job, const char *dir);

/* Who mpirun is; said by its own process before the exec, so that no moment is left in which nobody knows. */
void broom_tell(const struct broom *b, pid_t mpirun);

/* mpirun has ended: let it sweep and wait for that: a few seconds if ranks are left that do not end. */
void broom_finish(struct broom *b, const char *job, const char *dir);

#endif
