/* rc.h - the result codes every room speaks: 0 or a count is success, below zero is one of these
 *
 * A death is never one of them: an actor, worker or rank that dies arrives as an event.
 * Numbers are append-only; they cross the wire and stand in journals.
 */
#ifndef TW_SHARED_RC_H
#define TW_SHARED_RC_H

/*    name      no  what a person reads */
#define TW_RC_LIST(X) \
    X(NOENT,     1, "no such thing")                            \
    X(FULL,      2, "full")                                     \
    X(AGAIN,     3, "not now, try again")                       \
    X(INVAL,     4, "invalid argument")                         \
    X(PROTO,     5, "protocol violation")                       \
    X(STALE,     6, "belongs to an earlier life")               \
    X(NOMEM,     7, "out of memory")                            \
    X(SYS,       8, "operating system refused")                 \
    X(STATE,     9, "not in this state")                        \
    X(LOST,     10, "state lost")                               \
    X(DENIED,   11, "not allowed")                              \
    X(PEER,     12, "peer is gone")                             \
    X(VERSION,  13, "version mismatch")                         \
    X(EXIST,    14, "exists already")                           \
    X(TOOBIG,   15, "too big")

enum tw_rc {
#define X(name, no, text) TW_E##name = -(no),
    TW_RC_LIST(X)
#undef X
    TW_OK = 0
};

/* The text for a code; "unknown code" for a number that is none.  Never NULL. */
static inline const char *tw_rc_text(int rc)
{
    switch (rc) {
#define X(name, no, text) case -(no): return text;
    TW_RC_LIST(X)
#undef X
    case 0: return "success";
    }
    return rc > 0 ? "success" : "unknown code";
}

#endif
