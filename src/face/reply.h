/* reply.h - requests and answers of the control socket as JSON
 *
 * A request is {"verb": .., "path": .., ...}; every answer carries schema and version, fields are only
 * ever added.  Returned texts are malloc'ed, the caller frees them; NULL: no memory.
 */
#ifndef TW_FACE_REPLY_H
#define TW_FACE_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/reason.h"

struct view;

struct face_request {
    char verb[16];              /* status, tree, which, count, or one of RANK_VERB_LIST */
    char path[256];             /* vertex or pattern; "" = everything */
    char how[24];
    bool fresh, dry;
};

/* 0, or TW_EPROTO with the reason: not JSON, no verb, a field of the wrong type. */
int face_request_parse(const char *json, size_t bytes, struct face_request *ret, struct reason *why);
char *face_request_text(const struct face_request *q);

char *reply_status(const struct view *v);
/* The tree, or what of it matches path; TW_ENOENT's text if nothing does. */
char *reply_tree(const struct view *v, const char *path);
char *reply_error(int exit_code, const char *text);
/* answer: of an administration call, and whom it is about; NULL if it was none. */
char *reply_done(int exit_code, uint32_t matched, uint32_t lives, const char *answer, const char *path, const char *text);
/* which_children and count_children of the supervisor that path names. */
char *reply_which(const struct view *v, const char *path);
char *reply_count(const struct view *v, const char *path);

#endif
