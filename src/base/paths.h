/* paths.h - where a job keeps its sockets and its state */
#ifndef TW_BASE_PATHS_H
#define TW_BASE_PATHS_H

#include <stddef.h>

#include "base/reason.h"

/* The folder of all jobs of this user on this host: $XDG_RUNTIME_DIR/treewarden-UID, else /tmp/.. */
void paths_jobs_dir(char *out, size_t room);

/* The folder of one job below it. */
void paths_job_dir(const char *job, char *out, size_t room);

/* The control socket of a rank. */
void paths_socket(const char *job, int rank, char *out, size_t room);

/* Make a folder and its parents, 0700 where new.  0, TW_ESYS with the reason; an existing one must be ours. */
int paths_make(const char *dir, struct reason *why);

/* Does no live job hold DIR's lock?  0, or TW_EEXIST with who.  For before MPI: afterwards the other ranks would
 * already write into that job's journals. */
int paths_state_is_free(const char *dir, struct reason *why);

/* Make STATE-DIR and take its lock for this job: one live job a folder.  Returns a descriptor that holds
 * the lock until it is closed, or TW_ESYS / TW_EEXIST with the reason. */
int paths_lock_state(const char *dir, const char *job, struct reason *why);

#endif
