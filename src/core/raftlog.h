/* raftlog.h - the root's inputs in the order in which they count
 *
 * What the root decides follows from the sequence of its engine's inputs alone, so that sequence is what
 * is kept, each with its tree time and source: an input is in effect when its entry is committed, and
 * effects leave only then.  Today there is one voter, the root itself, and an entry is committed when it
 * is appended; callers already live with the difference (append now, take when committed).
 *
 * One thread; no allocation after create; entries are of one fixed size.
 */
#ifndef TW_CORE_RAFTLOG_H
#define TW_CORE_RAFTLOG_H

#include <stddef.h>
#include <stdint.h>

struct raftlog;

struct raftlog_entry {
    uint64_t index;             /* 1, 2, 3 ... */
    uint32_t term;
    uint32_t source;            /* rank that brought it */
    uint64_t tree_ms;
    const void *input;          /* borrowed until the next raftlog_take */
};

/* Room for `capacity` entries not yet taken, of input_bytes each.  NULL: no memory. */
struct raftlog *raftlog_create(size_t capacity, size_t input_bytes);
void raftlog_destroy(struct raftlog *l);

/* Append an input (copied).  Returns its index, or TW_EFULL: take what is committed first. */
int64_t raftlog_append(struct raftlog *l, uint64_t tree_ms, uint32_t source, const void *input);

/* The next committed entry not yet taken: 1, or 0 if there is none. */
int raftlog_take(struct raftlog *l, struct raftlog_entry *ret);

/* Highest committed index; 0 = none.  Rises only. */
uint64_t raftlog_committed(const struct raftlog *l);
uint32_t raftlog_term(const struct raftlog *l);

#endif
