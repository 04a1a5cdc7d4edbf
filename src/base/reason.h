/* reason.h - the text that tells a user what failed, why, and what to do
 *
 * One bounded buffer, caller's storage, no allocation: it can be filled on any path, an
 * out-of-memory one included.  Convention of every message: "what: why: what to do".
 */
#ifndef TW_BASE_REASON_H
#define TW_BASE_REASON_H

#include <stdarg.h>

#define REASON_BYTES 512

struct reason {
    char text[REASON_BYTES];    /* NUL-terminated; "" = nothing to say */
};

/* Write a text (cut at REASON_BYTES - 1) and return rc, so that `return reason_set(why, TW_EINVAL,
 * "...")` is one line.  why may be NULL: then only rc is passed through. */
int reason_set(struct reason *why, int rc, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Put "prefix: " before what is there: a caller that knows more about the context adds it. */
void reason_prefix(struct reason *why, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
