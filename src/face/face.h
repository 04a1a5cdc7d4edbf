/* face.h - the control socket of one rank: requests in, answers out, never blocking the loop
 *
 * A unix stream socket, mode 0600, peer credentials checked (same uid, or root).  One request is one line
 * of JSON, one answer one line of JSON; both bounded (64 KiB in, 4 MiB out).  The loop polls the
 * descriptors and calls face_turn; a request becomes a callback, its answer may come any time later by
 * token.  Slow or silent clients are dropped after a bounded time, never waited for.
 */
#ifndef TW_FACE_FACE_H
#define TW_FACE_FACE_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

#include "base/reason.h"

struct face;

struct face_ops {
    /* A request arrived (text: NUL-terminated JSON, borrowed).  Answer now or later by face_answer. */
    void (*request)(void *self, uint64_t token, const char *json, size_t bytes);
};

/* Listen on PATH (parent folder 0700, must exist).  A stale socket there is replaced; one that answers is
 * another live job's: TW_EEXIST.  0 or TW_E.. with the reason. */
int face_open(const char *path, const struct face_ops *ops, void *self, struct face **ret,
              struct reason *why);

/* Add the descriptors to watch; returns how many (at most cap). */
int face_pollfds(const struct face *f, struct pollfd *fds, int cap);

/* Accept, read, call back, write: bounded work, no waiting. */
void face_turn(struct face *f, uint64_t now_ms);

/* Send the answer (JSON text without newline; copied) of a request.  The client may be gone: fine. */
void face_answer(struct face *f, uint64_t token, const char *json, size_t bytes);

/* Unlink the socket and close everything; pending answers get 100 ms to leave.  NULL is fine. */
void face_close(struct face *f);

#endif
