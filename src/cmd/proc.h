/* proc.h - what /proc says of another process */
#ifndef TW_CMD_PROC_H
#define TW_CMD_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* proc(5): /proc/PID/stat, third and fourth field.  state 'Z': dead, and not reaped yet. */
struct proc_stat { char state; pid_t parent; };

/* False: there is no such process. */
bool proc_stat(pid_t pid, struct proc_stat *ret);

/* A variable of the environment a process was started with, cut to `room`.  False: it has none of that name, is dead,
 * or is another user's. */
bool proc_getenv(pid_t pid, const char *name, char *ret, size_t room);

#endif
