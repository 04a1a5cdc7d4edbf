/* client.h - the other end of the control socket: find a job of this user on this host, ask it */
#ifndef TW_FACE_CLIENT_H
#define TW_FACE_CLIENT_H

#include <stddef.h>

#include "base/reason.h"

/* Which job: job may be NULL = the user's only live one.  Writes its id.  0; TW_ENOENT (none, or that one is
 * dead), TW_EINVAL (several: the reason lists them). */
int client_find(const char *job, char *ret_job, size_t room, struct reason *why);

/* Ask a rank (-1: the lowest that answers) and wait for the answer, at most timeout_ms.  *ret: malloc'ed
 * text.  0; TW_ENOENT (nobody answers), TW_EAGAIN (too late), TW_EPROTO, with the reason. */
int client_ask(const char *job, int rank, const char *request, unsigned timeout_ms, char **ret,
               struct reason *why);

#endif
