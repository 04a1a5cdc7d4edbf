/* child.h - what every process below a rank does first: die with its parent, deaf to the launcher
 *
 * Launchers signal whole process groups, and a rank stops its job in order: so TERM, INT, TSTP, USR1, USR2
 * and HUP mean nothing to the zygote and the workers.  What ends them is their parent's death or its word.
 */
#ifndef TW_WORKER_CHILD_H
#define TW_WORKER_CHILD_H

#include <sys/types.h>

/* Be killed when the parent's thread that made us ends; then look whether it still is our parent, for it
 * may have died before.  0, or TW_EPEER: gone already, leave.  Holds across exec; async-signal-safe. */
int child_tie(pid_t parent);

/* Ignore what launchers send; ignored signals stay ignored across exec, so a worker is never without.
 * Everything else gets its default and is unblocked.  Async-signal-safe. */
void child_deafen(void);

/* Close every descriptor from `first` on. */
void child_close_from(int first);

#endif
