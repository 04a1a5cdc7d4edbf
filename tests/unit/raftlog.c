/* raftlog.c - the root's inputs: what is appended is taken once, in order, when it is committed */
#include "tests/lib/tap.h"

#include "core/raftlog.h"
#include "shared/rc.h"

int main(void)
{
    struct raftlog *l = raftlog_create(4, sizeof(uint64_t));
    struct raftlog_entry e;
    uint64_t v, taken = 0;

    is_int(raftlog_take(l, &e), 0, "an empty log has nothing to take");
    for (v = 0; v < 4; v++)
        is_int(raftlog_append(l, v * 10, 3, &v), (long long)v + 1, "indices count from 1");
    is_int(raftlog_append(l, 0, 0, &v), TW_EFULL, "a full log says so and keeps what it has");
    while (raftlog_take(l, &e)) {
        memcpy(&v, e.input, sizeof v);
        ok(v == taken && e.index == taken + 1 && e.tree_ms == taken * 10 && e.source == 3,
           "entry %" PRIu64 " comes in order with its time and source", e.index);
        taken++;
    }
    is_int((long long)raftlog_committed(l), 4, "with one voter what is appended is committed");
    v = 99;
    is_int(raftlog_append(l, 50, 1, &v), 5, "what was taken makes room");
    ok(raftlog_take(l, &e) && !memcmp(e.input, &v, sizeof v), "... and the ring wraps");
    raftlog_destroy(l);
    done_testing();
}
