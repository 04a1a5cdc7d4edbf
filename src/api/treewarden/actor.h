/* treewarden/actor.h - what an actor's author writes against: one source, host C and CUDA
 *
 * An actor is a state (plain bytes, no pointers), a mailbox and three handlers.  Handlers run to
 * completion, never block, and touch nothing outside their state except by the calls below; what they
 * do takes effect as a whole: a handler that fails has sent nothing.  After a fault the actor goes on
 * from its last commit {state, how far each peer's messages were consumed, messages not yet
 * acknowledged, timers, monitors, requests for children}; messages are neither lost nor seen twice.
 *
 *     #include <treewarden/actor.h>
 *     struct counter { uint64_t seen; };
 *     TW_INIT(counter)    { s->seen = 0; }
 *     TW_RECEIVE(counter) { s->seen++; if (s->seen == tw_arg_u64(cx, "n")) tw_done(cx, s->seen); }
 *     TW_NO_STEP(counter)
 *     TW_PROGRAM(counter)
 *
 * An actor that does I/O is a host actor: it runs on host devices, beside CUDA devices on one that its rank keeps for
 * such actors.  GPUs know nothing of it, so TW_PROGRAM names host actors last, and for GPUs the others alone, in the
 * same order:
 *
 *     #ifndef __CUDACC__
 *     struct writer { ... };
 *     TW_HOST_ACTOR(writer)
 *     TW_INIT(writer) ...
 *     TW_PROGRAM(counter, writer)
 *     #else
 *     TW_PROGRAM(counter)
 *     #endif
 *
 * Common subset of C11 and CUDA C++17: no restrict, _Atomic, _Generic, variable-length arrays,
 * implicit casts from void *, nor designated initialisers out of order.  Build it with
 * `treewarden cc FILE.c`, which pins floating point (-ffp-contract=off; no fast-math) so that a result
 * is the same bits on every backend.
 *
 * On a GPU the threads of a block run each handler together: state is theirs to share, whoever owns index i writes
 * element i, TW_TID 0 writes scalars, TW_BARRIER stands before others read; between two handlers there is one.  Who
 * returns early, or calls, must do so by what all threads read alike: not by what another is writing.  An actor that is no work for many says
 * TW_SOLO(name): one thread of the block runs its handlers, as on a host.
 *
 * Every tw_ call is collective over the block (all TW_NT threads, same arguments) except TW_AT and
 * tw_fail, which any thread may call.  Each is bounded in time; none may be called outside a handler.
 */
#ifndef TREEWARDEN_ACTOR_H
#define TREEWARDEN_ACTOR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Version of this file's binary contract; the worker refuses a program built for another one. */
#define TW_ACTOR_API 3u

#ifdef __CUDACC__
#define TW_DEV __device__
#define TW_FN static __device__ __attribute__((unused))
#define TW_TID ((uint32_t)threadIdx.x)
#define TW_NT ((uint32_t)blockDim.x)
#define TW_BARRIER() __syncthreads()
#else
#define TW_DEV
#define TW_FN static __attribute__((unused))
/* A host block is one thread: number 0 of 1. */
#define TW_TID 0u
#define TW_NT 1u
#define TW_BARRIER() ((void)0)
#endif

struct tw_ctx;

/* One message, as TW_RECEIVE sees it.  Borrowed: valid until the handler returns. */
struct tw_msg {
    uint32_t type;          /* the sender's number, or one of TW_MSG_ below */
    uint32_t from;          /* vertex id of the sender */
    uint32_t bytes;         /* length of body */
    uint32_t reserved;
    const void *body;       /* aligned to 8 */
};

/* Messages of the system's own; an author's types are below this. */
enum {
    TW_MSG_SYSTEM = 0x40000000,
    TW_PEER_FRESH = TW_MSG_SYSTEM + 1,  /* `from` came back without its commit: what it knew is gone; or it
                                         * is another child, in the place of one that was forgotten */
    TW_TIMER = TW_MSG_SYSTEM + 2,       /* a tw_timer ran out; body: uint64_t, the ms it was set to */
    TW_DOWN = TW_MSG_SYSTEM + 3,        /* the life of `from` that tw_monitor watched is over; body: struct tw_down */
    TW_CHILD = TW_MSG_SYSTEM + 4        /* what became of a tw_child_start or tw_child_terminate; body: struct tw_child;
                                         * from: the child */
};

/* How a life ended: its class, which restart types look at, and its cause; there may come more causes. */
enum { TW_NORMAL, TW_SHUTDOWN, TW_KILLED, TW_ABNORMAL };
enum { TW_CAUSE_UNKNOWN = 0, TW_CAUSE_DONE = 1, TW_CAUSE_FAILED = 2, TW_CAUSE_BOUNDS = 3, TW_CAUSE_WEDGED = 4,
       TW_CAUSE_SEGV = 5, TW_CAUSE_WORKER_LOST = 6, TW_CAUSE_STATE_LOST = 10, TW_CAUSE_OPERATOR = 11,
       TW_CAUSE_SUPERVISOR = 12, TW_CAUSE_LIMITS = 16, TW_CAUSE_SUSPECT = 20, TW_CAUSE_NO_PROCESS = 21 };

struct tw_down {
    uint64_t life;          /* as the journal has it; 0: there was none, or how it ended is not known any more */
    uint32_t cls;           /* TW_NORMAL .. TW_ABNORMAL */
    uint32_t cause;         /* TW_CAUSE_ */
};

/* Answers of supervisors, as OTP gives them (doc/supervision.md, M1 and M2). */
enum {
    TW_CHILD_OK,                        /* it runs, or is down */
    TW_CHILD_IGNORED,
    TW_CHILD_NOT_FOUND,                 /* it is not there, or its supervisor is not up */
    TW_CHILD_RUNNING,
    TW_CHILD_RESTARTING,
    TW_CHILD_ALREADY_STARTED,           /* child and life: which */
    TW_CHILD_ALREADY_PRESENT,           /* it is down, and was not forgotten: a person may restart it */
    TW_CHILD_START_ERROR,
    TW_CHILD_INVALID,
    TW_CHILD_SIMPLE_ONE_FOR_ONE,
    TW_CHILD_QUARANTINED,               /* its supervisor is */
    TW_CHILD_MAX_CHILDREN               /* all instances of the pool are in use */
};

struct tw_child {
    uint32_t request;                   /* what the call returned */
    uint32_t answer;                    /* TW_CHILD_... */
    uint32_t child;                     /* its vertex id: of a pool, that of the instance */
    uint32_t reserved;
    uint64_t life;                      /* of the child, when it was answered */
};

/* Numbers of tw_peer and of the rest of the tree: a path's is the same all through a job. */
#define TW_NO_PEER 0xffffffffu

/* ---- calls ------------------------------------------------------------------------------------- */

/*    returns       call          arguments                                                              */
#define TW_CALL_LIST(X)                                                                                       \
    X(int,            send,         (struct tw_ctx *cx, uint32_t to, uint32_t type, const void *data, uint32_t bytes)) \
    X(void,           commit,       (struct tw_ctx *cx))                                                      \
    X(void,           ready,        (struct tw_ctx *cx))                                                      \
    X(void,           done,         (struct tw_ctx *cx, uint64_t result))                                     \
    X(void,           fail,         (struct tw_ctx *cx, uint32_t code))                                       \
    X(void,           bounds,       (struct tw_ctx *cx))                                                      \
    X(void,           again,        (struct tw_ctx *cx))                                                      \
    X(int,            timer,        (struct tw_ctx *cx, uint64_t ms))                                         \
    X(uint32_t,       peer,         (struct tw_ctx *cx, const char *pattern, const uint32_t *index, uint32_t count)) \
    X(uint32_t,       self,         (struct tw_ctx *cx, uint32_t dim))                                        \
    X(int,            arg,          (struct tw_ctx *cx, const char *name, uint64_t *ret_bits, uint32_t *ret_is_f64)) \
    X(const char *,   text,         (struct tw_ctx *cx, const char *name))                                    \
    X(void,           progress,     (struct tw_ctx *cx, uint64_t units))                                      \
    X(int,            checkpoint,   (struct tw_ctx *cx))                                                      \
    X(uint64_t,       random,       (struct tw_ctx *cx))                                                      \
    X(void,           log,          (struct tw_ctx *cx, uint32_t code, uint64_t a, uint64_t b))               \
    X(const char *,   sink,         (struct tw_ctx *cx, const char *name))                                    \
    X(int,            monitor,      (struct tw_ctx *cx, uint32_t peer, uint32_t on))                          \
    X(int,            child,        (struct tw_ctx *cx, uint32_t verb, uint32_t vertex))

/* The table a backend provides.  Not called directly: the inline functions below do. */
struct tw_calls {
#define TW_X_(returns, call, arguments) returns (*call) arguments;
    TW_CALL_LIST(TW_X_)
#undef TW_X_
};

/* The part of the context that these inline functions read. */
struct tw_ctx_head {
    const struct tw_calls *call;
};

#ifdef __CUDACC__
/* On a GPU they are functions of the resident kernel, called directly: through a pointer they would cost every actor its
 * registers. */
struct tw_device_calls {
#define TW_X_(returns, call, arguments) static TW_DEV returns call arguments;
    TW_CALL_LIST(TW_X_)
#undef TW_X_
};
#define TW_CALL_(cx) ((struct tw_device_calls *)0)
#else
#define TW_CALL_(cx) (((struct tw_ctx_head *)(void *)(cx))->call)
#endif

/* Queue a message for a vertex (id from tw_peer, or msg->from).  It leaves when the handler has
 * returned (eager) or with the next commit (on_commit).  0, or -1 and the actor fails when it was the
 * (`sends` + 1)th of this handler call, longer than `message_bytes`, or to more peers than `peers`. */
TW_FN int tw_send(struct tw_ctx *cx, uint32_t to, uint32_t type, const void *data, uint32_t bytes)
{
    return TW_CALL_(cx)->send(cx, to, type, data, bytes);
}

/* Ask for a commit as soon as the handler has returned. */
TW_FN void tw_commit(struct tw_ctx *cx) { TW_CALL_(cx)->commit(cx); }

/* "I am up".  With start_deadline in the specification an actor counts as started, and its next sibling starts, only
 * when the handler that said so has returned; a life resumed from a later commit need not say it again.  Without it,
 * up = TW_INIT returned, and this does nothing. */
TW_FN void tw_ready(struct tw_ctx *cx) { TW_CALL_(cx)->ready(cx); }

/* Finished normally: a last commit is made, what was sent is still delivered, no handler runs again. */
TW_FN void tw_done(struct tw_ctx *cx, uint64_t result) { TW_CALL_(cx)->done(cx, result); }

/* This life has failed (class abnormal); what this handler did is dropped. */
TW_FN void tw_fail(struct tw_ctx *cx, uint32_t code) { TW_CALL_(cx)->fail(cx, code); }

/* Call TW_STEP again even if no message comes. */
TW_FN void tw_again(struct tw_ctx *cx) { TW_CALL_(cx)->again(cx); }

/* A TW_TIMER message after ms milliseconds; at most 4 pending (a fifth fails the actor: -1).  Timers
 * are part of the commit as time remaining.  Not with `send: eager`. */
TW_FN int tw_timer(struct tw_ctx *cx, uint64_t ms) { return TW_CALL_(cx)->timer(cx, ms); }

/* Watch the life that this actor has now: when it is over, however that came, and be it while this actor is down
 * itself, one TW_DOWN comes, and no second one; its next life is not watched unless that is said again.  If it has no
 * life, TW_DOWN comes at once, cause TW_CAUSE_NO_PROCESS (a supervisor is no process: it never has one).  Whatever it
 * sent that had come to this actor's device when its end was heard of is received before; what was still on its way
 * comes after, for it stays in its outbox.  Each call counts.  Part of the commit.  -1 and the actor fails: a ninth at
 * a time, itself, no vertex, or `send: eager`. */
TW_FN int tw_monitor(struct tw_ctx *cx, uint32_t peer) { return TW_CALL_(cx)->monitor(cx, peer, 1); }

/* Undo all tw_monitor of this peer: no TW_DOWN of them comes from here on. */
TW_FN void tw_demonitor(struct tw_ctx *cx, uint32_t peer) { (void)TW_CALL_(cx)->monitor(cx, peer, 0); }

/* Ask for a child to be started: `what` is a pool, for another instance of it, or a vertex of an instance, of a child
 * with `start: later`, or of one that was forgotten.  It begins from init.  Or ask for `what` to be stopped, in order:
 * afterwards its supervisor does not restart it; an instance of a pool, or a temporary child, is forgotten.  If it is a
 * supervisor, all this is of its whole branch: it is answered when all of it is up, or down.
 *
 * The request leaves with the next commit and is then carried out once, whatever dies; it waits its turn at the
 * supervisor, which may be one above this actor.  Its answer comes as one TW_CHILD, unless this actor has ended by then.
 * Returns the request's number, > 0; at most 4 may be without their answer (a fifth fails the actor: -1). */
enum { TW_CHILD_START_ = 1, TW_CHILD_TERMINATE_ = 2 };
TW_FN int tw_child_start(struct tw_ctx *cx, uint32_t what) { return TW_CALL_(cx)->child(cx, TW_CHILD_START_, what); }
TW_FN int tw_child_terminate(struct tw_ctx *cx, uint32_t what)
{
    return TW_CALL_(cx)->child(cx, TW_CHILD_TERMINATE_, what);
}

/* The vertex with this path, e.g. "plate/rows[1]/tile[0,3]"; TW_NO_PEER if the tree has none. */
TW_FN uint32_t tw_peer(struct tw_ctx *cx, const char *path)
{
    return TW_CALL_(cx)->peer(cx, path, NULL, 0);
}

/* The same with each '*' of the pattern replaced by the next of count numbers: "rows[*]/tile[*,*]". */
TW_FN uint32_t tw_peer_at(struct tw_ctx *cx, const char *pattern, const uint32_t *index, uint32_t count)
{
    return TW_CALL_(cx)->peer(cx, pattern, index, count);
}

/* The dim-th number in this actor's own path, counted from the left over all brackets:
 * in plate/rows[1]/tile[0,3] they are 1, 0, 3.  0 beyond the last. */
TW_FN uint32_t tw_self(struct tw_ctx *cx, uint32_t dim) { return TW_CALL_(cx)->self(cx, dim); }

/* A number of `args:` in the spec.  A missing name or a text fails the actor and gives 0; a whole
 * number is converted to double when asked as f64, a fraction asked as u64 fails the actor. */
TW_FN uint64_t tw_arg_u64(struct tw_ctx *cx, const char *name)
{
    uint64_t bits = 0;
    uint32_t is_f64 = 0;

    if (TW_CALL_(cx)->arg(cx, name, &bits, &is_f64) != 0 || is_f64) {
        TW_CALL_(cx)->fail(cx, 0xffffffffu);
        return 0;
    }
    return bits;
}

TW_FN double tw_arg_f64(struct tw_ctx *cx, const char *name)
{
    union { uint64_t bits; double value; } u;
    uint32_t is_f64 = 0;

    u.bits = 0;
    if (TW_CALL_(cx)->arg(cx, name, &u.bits, &is_f64) != 0) {
        TW_CALL_(cx)->fail(cx, 0xffffffffu);
        return 0.0;
    }
    return is_f64 ? u.value : (double)(int64_t)u.bits;
}

/* Count finished units of work (shown by status; drills can wait for them).  Part of the commit. */
TW_FN void tw_progress(struct tw_ctx *cx, uint64_t units) { TW_CALL_(cx)->progress(cx, units); }

/* For long loops: shows that the handler lives.  Not 0: the actor is being ended, return soon. */
TW_FN int tw_checkpoint(struct tw_ctx *cx) { return TW_CALL_(cx)->checkpoint(cx); }

/* 64 random bits, seeded by vertex, line and what was committed: a resumed actor draws them again. */
TW_FN uint64_t tw_random(struct tw_ctx *cx) { return TW_CALL_(cx)->random(cx); }

/* A line for `treewarden logs PATH`: bounded, lossy, counted. */
TW_FN void tw_log(struct tw_ctx *cx, uint32_t code, uint64_t a, uint64_t b)
{
    TW_CALL_(cx)->log(cx, code, a, b);
}

#ifndef __CUDACC__
/* Host actors only.  A text of `args:`; NULL and the actor fails if there is none. */
TW_FN const char *tw_arg_text(struct tw_ctx *cx, const char *name)
{
    return TW_CALL_(cx)->text(cx, name);
}

/* Host actors only.  Where to write the file that becomes `name` (a plain name, no '/') in the job's
 * output folder: it is renamed into place by the next commit, so a reader sees a whole file or none.
 * Valid until the handler returns; NULL and the actor fails beyond 8 files per commit. */
TW_FN const char *tw_sink(struct tw_ctx *cx, const char *name) { return TW_CALL_(cx)->sink(cx, name); }
#endif

/* array[i] with the index checked: outside, the actor fails (cause bounds) when the handler returns and
 * element 0 stands in meanwhile; the state it may spoil is dropped with this life.  Needs `cx`. */
#ifdef __cplusplus
#define TW_TYPE_OF_(x) decltype(x)
#else
#define TW_TYPE_OF_(x) __typeof__(x)
#endif
#define TW_AT(array, i)                                                                              \
    (*(TW_TYPE_OF_(&(array)[0]))tw_at_(cx, (void *)(array), sizeof((array)[0]),                      \
                                       sizeof(array) / sizeof((array)[0]), (uint64_t)(i)))
TW_FN void *tw_at_(struct tw_ctx *cx, void *base, size_t element, size_t count, uint64_t i)
{
    if (i < count)
        return (char *)base + element * i;
    TW_CALL_(cx)->bounds(cx);
    return base;
}

/* ---- handlers and the program table ------------------------------------------------------------ */

/* Each defines a function with `struct tw_ctx *cx`, `struct TYPE *s`, and for TW_RECEIVE
 * `const struct tw_msg *m` in scope.
 *  TW_INIT     a fresh start only; after a resume s is the last commit
 *  TW_RECEIVE  one message
 *  TW_STEP     called once after a start or resume, after each message, and after tw_again */
/* A handler need not use all it is given. */
#define TW_MAYBE_ __attribute__((unused))
#define TW_INIT(T) TW_FN void tw_init_##T##_(TW_MAYBE_ struct tw_ctx *cx, TW_MAYBE_ struct T *s)
#define TW_RECEIVE(T)                                                                                \
    enum { tw_has_receive_##T##_ = 1 };                                                              \
    TW_FN void tw_receive_##T##_(TW_MAYBE_ struct tw_ctx *cx, TW_MAYBE_ struct T *s,                     \
                                 TW_MAYBE_ const struct tw_msg *m)
#define TW_STEP(T)                                                                                   \
    enum { tw_has_step_##T##_ = 1 };                                                                 \
    TW_FN void tw_step_##T##_(TW_MAYBE_ struct tw_ctx *cx, TW_MAYBE_ struct T *s)
#define TW_NO_RECEIVE(T)                                                                             \
    enum { tw_has_receive_##T##_ = 0 };                                                              \
    TW_FN void tw_receive_##T##_(struct tw_ctx *cx, struct T *s, const struct tw_msg *m)              \
    { (void)cx; (void)s; (void)m; }
#define TW_NO_STEP(T)                                                                                \
    enum { tw_has_step_##T##_ = 0 };                                                                 \
    TW_FN void tw_step_##T##_(struct tw_ctx *cx, struct T *s) { (void)cx; (void)s; }

enum { TW_OP_INIT = 0, TW_OP_RECEIVE = 1, TW_OP_STEP = 2 };
enum { TW_TYPE_RECEIVES = 1, TW_TYPE_STEPS = 2, TW_TYPE_HOST = 4 };

/* One actor type, as the program exports it. */
struct tw_type {
    const char *name;
    uint32_t state_bytes;
    uint32_t state_align;
    uint32_t flags;             /* TW_TYPE_; HOST: put in by who loads the program, from TW_HOST_ACTOR */
    uint32_t reserved;
};

/* What `NAME.so` exports as tw_program. */
struct tw_program {
    uint32_t api;               /* TW_ACTOR_API */
    uint32_t layout;            /* TW_ACTOR_LAYOUT: refused if it is not that of the program that loads it */
    uint32_t count;             /* actor types */
    const struct tw_type *types;
    void (*dispatch)(uint32_t type, uint32_t op, struct tw_ctx *cx, void *state,
                     const struct tw_msg *m);
};

/* The sizes of all structs that both sides read, as one number: a header that was changed without a new version. */
#define TW_ACTOR_LAYOUT                                                                              \
    ((uint32_t)(sizeof(struct tw_msg) + 67u * (sizeof(struct tw_type) +                              \
                67u * (sizeof(struct tw_calls) + 67u * (sizeof(struct tw_ctx_head) + sizeof(struct tw_program))))))

/* A switch, not a table of function pointers: on a GPU the table spills registers, the switch does
 * not.  At most 16 types.  Written once, at the end of the program's file. */
#define TW_CASE_(n, T)                                                                               \
    case n:                                                                                          \
        if (op == TW_OP_INIT) tw_init_##T##_(cx, (struct T *)state);                                 \
        else if (op == TW_OP_RECEIVE) tw_receive_##T##_(cx, (struct T *)state, m);                   \
        else tw_step_##T##_(cx, (struct T *)state);                                                  \
        break;
#define TW_TYPE_(n, T)                                                                               \
    { #T, (uint32_t)sizeof(struct T), (uint32_t)TW_ALIGN_OF_(struct T),                              \
      (uint32_t)((tw_has_receive_##T##_ ? TW_TYPE_RECEIVES : 0) |                                    \
                 (tw_has_step_##T##_ ? TW_TYPE_STEPS : 0)), 0 },
#ifdef __cplusplus
#define TW_ALIGN_OF_(T) alignof(T)
#else
#define TW_ALIGN_OF_(T) _Alignof(T)
#endif

#define TW_PROGRAM(...)                                                                              \
    TW_FN void tw_dispatch_(uint32_t type, uint32_t op, struct tw_ctx *cx, void *state,              \
                            const struct tw_msg *m)                                                  \
    {                                                                                                \
        switch (type) { TW_EACH_(TW_CASE_, __VA_ARGS__) default: break; }                            \
    }                                                                                                \
    TW_PROGRAM_TABLE_(__VA_ARGS__)

#ifdef __CUDACC__
#define TW_SOLO_CASE_(n, T) case n: return tw_solo_<struct T>::is;
/* Nothing is called through it there: see kernels/resident.cuh. */
#define TW_PROGRAM_TABLE_(...)                                                                       \
    TW_FN uint32_t tw_is_solo_(uint32_t type)                                                        \
    {                                                                                                \
        switch (type) { TW_EACH_(TW_SOLO_CASE_, __VA_ARGS__) default: return 0; }                    \
    }                                                                                                \
    static __device__ const struct tw_type tw_types_[] = { TW_EACH_(TW_TYPE_, __VA_ARGS__) };        \
    static __device__ const struct tw_program tw_program = { TW_ACTOR_API, TW_ACTOR_LAYOUT,          \
        (uint32_t)(sizeof tw_types_ / sizeof tw_types_[0]), tw_types_, NULL };
#else
#define TW_PROGRAM_TABLE_(...)                                                                       \
    static const struct tw_type tw_types_[] = { TW_EACH_(TW_TYPE_, __VA_ARGS__) };                   \
    __attribute__((visibility("default"))) extern const struct tw_program tw_program;                \
    const struct tw_program tw_program = { TW_ACTOR_API, TW_ACTOR_LAYOUT,                            \
        (uint32_t)(sizeof tw_types_ / sizeof tw_types_[0]), tw_types_, tw_dispatch_ };
#endif

#define TW_EACH_(F, ...)                                                                             \
    TW_PICK_(__VA_ARGS__, TW_E16_, TW_E15_, TW_E14_, TW_E13_, TW_E12_, TW_E11_, TW_E10_, TW_E9_,     \
             TW_E8_, TW_E7_, TW_E6_, TW_E5_, TW_E4_, TW_E3_, TW_E2_, TW_E1_, 0)(F, __VA_ARGS__)
#define TW_PICK_(a, b, c, d, e, f, g, h, i, j, k, l, m_, n, o, p, NAME, ...) NAME
#define TW_E1_(F, a) F(0, a)
#define TW_E2_(F, a, b) TW_E1_(F, a) F(1, b)
#define TW_E3_(F, a, b, c) TW_E2_(F, a, b) F(2, c)
#define TW_E4_(F, a, b, c, d) TW_E3_(F, a, b, c) F(3, d)
#define TW_E5_(F, a, b, c, d, e) TW_E4_(F, a, b, c, d) F(4, e)
#define TW_E6_(F, a, b, c, d, e, f) TW_E5_(F, a, b, c, d, e) F(5, f)
#define TW_E7_(F, a, b, c, d, e, f, g) TW_E6_(F, a, b, c, d, e, f) F(6, g)
#define TW_E8_(F, a, b, c, d, e, f, g, h) TW_E7_(F, a, b, c, d, e, f, g) F(7, h)
#define TW_E9_(F, a, b, c, d, e, f, g, h, i) TW_E8_(F, a, b, c, d, e, f, g, h) F(8, i)
#define TW_E10_(F, a, b, c, d, e, f, g, h, i, j) TW_E9_(F, a, b, c, d, e, f, g, h, i) F(9, j)
#define TW_E11_(F, a, b, c, d, e, f, g, h, i, j, k) TW_E10_(F, a, b, c, d, e, f, g, h, i, j) F(10, k)
#define TW_E12_(F, a, b, c, d, e, f, g, h, i, j, k, l)                                               \
    TW_E11_(F, a, b, c, d, e, f, g, h, i, j, k) F(11, l)
#define TW_E13_(F, a, b, c, d, e, f, g, h, i, j, k, l, m_)                                           \
    TW_E12_(F, a, b, c, d, e, f, g, h, i, j, k, l) F(12, m_)
#define TW_E14_(F, a, b, c, d, e, f, g, h, i, j, k, l, m_, n)                                        \
    TW_E13_(F, a, b, c, d, e, f, g, h, i, j, k, l, m_) F(13, n)
#define TW_E15_(F, a, b, c, d, e, f, g, h, i, j, k, l, m_, n, o)                                     \
    TW_E14_(F, a, b, c, d, e, f, g, h, i, j, k, l, m_, n) F(14, o)
#define TW_E16_(F, a, b, c, d, e, f, g, h, i, j, k, l, m_, n, o, p)                                  \
    TW_E15_(F, a, b, c, d, e, f, g, h, i, j, k, l, m_, n, o) F(15, p)

/* A type whose handlers one thread of a GPU's block runs, and no other: they know nothing of TW_TID, TW_NT and
 * TW_BARRIER.  Before TW_PROGRAM; on a host it says nothing new. */
#ifdef __CUDACC__
extern "C++" {
template <class T> struct tw_solo_ { enum { is = 0 }; };
}
#define TW_SOLO(T)                                                                                   \
    extern "C++" { template <> struct tw_solo_<struct T> { enum { is = 1 }; }; }
#else
#define TW_SOLO(T)
#endif

/* A type whose handlers may do I/O and never run on a GPU (inside #ifndef __CUDACC__): says so.  Who loads the program
 * looks for it; see the top of this file for where TW_PROGRAM names it. */
#define TW_HOST_ACTOR(T)                                                                             \
    __attribute__((weak, visibility("default"))) extern const char tw_host_actor_##T;                \
    const char tw_host_actor_##T = 1;

#ifdef __cplusplus
}
#endif

#endif
