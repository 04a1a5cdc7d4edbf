/* program.h - an actor program, loaded and checked before anything of it runs */
#ifndef TW_WORKER_PROGRAM_H
#define TW_WORKER_PROGRAM_H

#include <treewarden/actor.h>

#include "base/reason.h"

/* Load PATH (a .so made by `treewarden cc`).  *ret is borrowed from the module, which stays loaded for the
 * life of the process: its code may be running.  0; TW_ENOENT (no such file), TW_EPROTO (no program table, or
 * one that makes no sense), TW_EVERSION (another API version), with the reason. */
int program_open(const char *path, const struct tw_program **ret, struct reason *why);

/* The number of an actor type, TW_ENOENT. */
int program_type(const struct tw_program *p, const char *name);

#endif
