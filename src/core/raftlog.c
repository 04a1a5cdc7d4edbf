/* raftlog.c - a bounded ring of inputs; with one voter, appended is committed */
#include "core/raftlog.h"

#include <stdlib.h>
#include <string.h>

#include "shared/rc.h"

struct raftlog_head {
    uint32_t source;
    uint64_t tree_ms;
};

struct raftlog {
    size_t capacity, input_bytes;
    uint64_t appended, taken;   /* indices */
    uint32_t term;
    struct raftlog_head *heads; /* owned */
    char *inputs;               /* owned */
};

struct raftlog *raftlog_create(size_t capacity, size_t input_bytes)
{
    struct raftlog *l = calloc(1, sizeof *l);

    if (!l)
        return NULL;
    l->capacity = capacity;
    l->input_bytes = input_bytes;
    l->term = 1;
    l->heads = calloc(capacity, sizeof *l->heads);
    l->inputs = calloc(capacity, input_bytes);
    if (l->heads && l->inputs)
        return l;
    raftlog_destroy(l);
    return NULL;
}

void raftlog_destroy(struct raftlog *l)
{
    if (!l)
        return;
    free(l->heads);
    free(l->inputs);
    free(l);
}

int64_t raftlog_append(struct raftlog *l, uint64_t tree_ms, uint32_t source, const void *input)
{
    size_t at = l->appended % l->capacity;

    if (l->appended - l->taken == l->capacity)
        return TW_EFULL;
    l->heads[at] = (struct raftlog_head){source, tree_ms};
    memcpy(l->inputs + at * l->input_bytes, input, l->input_bytes);
    return (int64_t)++l->appended;
}

int raftlog_take(struct raftlog *l, struct raftlog_entry *ret)
{
    size_t at = l->taken % l->capacity;

    if (l->taken == raftlog_committed(l))
        return 0;
    *ret = (struct raftlog_entry){++l->taken, l->term, l->heads[at].source, l->heads[at].tree_ms,
                                  l->inputs + at * l->input_bytes};
    return 1;
}

uint64_t raftlog_committed(const struct raftlog *l) { return l->appended; }

uint32_t raftlog_term(const struct raftlog *l) { return l->term; }
