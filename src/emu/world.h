/* world.h - what the parts of a simulated job share: time, chance, ranks, workers */
#ifndef TW_EMU_WORLD_H
#define TW_EMU_WORLD_H

#include "emu/emu.h"
#include "emu/fiber.h"
#include "port/device.h"
#include "port/link.h"
#include "shared/rc.h"
#include "slot/slot.h"
#include "spec/placement.h"
#include "spec/spec.h"
#include "store/journal.h"
#include "sup/rank.h"
#include "worker/sink.h"

struct world;

/* Something that happens at a time; of equal times chance decides. */
struct moment {
    uint64_t us, number;
    uint32_t tie;
    void (*f)(struct world *w, void *who, uint64_t what);
    void *who;
    uint64_t what;
};

struct worker_thread {
    struct emu_worker *worker;
    uint32_t index;                 /* slot; 0 = slot 0 */
    uint64_t due_us;                /* its next turn; 0 = none is due */
    uint64_t stuck_us;              /* since when its handler has not returned; 0 = it has */
    uint64_t now_ms, wants_ms;      /* of its turn: the local clock, when it wants the next */
    struct fiber *fiber;            /* where it stands then; owned */
};

/*    state      of a worker process */
#define WORKER_STATE_LIST(X)                               \
    X(NEW)       /* an arena without a process */          \
    X(STARTING)                                            \
    X(RUNNING)                                             \
    X(STOPPED)   /* SIGSTOP */                             \
    X(DYING)     /* killed; threads go on until reaped */  \
    X(OVER)      /* reaped */
enum worker_state {
#define X(name) WORKER_##name,
    WORKER_STATE_LIST(X)
#undef X
};

struct emu_worker {
    struct world *world;
    struct emu_rank *rank;
    struct emu_worker *next;        /* all that ever were, newest first */
    int device;
    uint32_t incarnation;
    enum worker_state state;
    bool silent;                    /* slot 0 stands still */
    bool fenced;                    /* slot 0 has given up a slot */
    uint64_t struck_us;             /* by the plan; 0 = not, or found out */
    int status;                     /* of its exit */
    void *arena;                    /* owned; NULL once given back */
    struct arena_view view;
    struct slot_env env;
    struct slot *slots;             /* owned; [1..] */
    struct slot0 slot0;
    void **memory;                  /* owned; private memory per thread */
    uint64_t *cpu_ns;               /* owned */
    uint64_t cpu_read_us;
    struct worker_thread *threads;  /* owned; [0..] */
    struct sink *sink;              /* owned */
};

struct frame {                      /* on its way to a rank */
    struct frame *next;
    uint64_t us;
    int from;
    bool down;                      /* not a cell: the sender's death */
    uint64_t noted;                 /* the sender's, if what is written down on from here has to stand behind it; else 0 */
    union cell cell;
    uint32_t bytes;
    uint64_t body[];
};

struct told_event {                 /* of the zygote, on its way to the rank */
    struct told_event *next;
    uint64_t us;
    struct device_event event;
};

struct emu_rank {
    struct world *world;
    int number;
    struct rank *rank;              /* owned */
    struct journal *journal;        /* owned */
    uint64_t skew_us;               /* its clock is ahead of the world's by this */
    uint64_t due_us, sleep_us, stalled_us;
    bool started, dead, ended, busy;
    struct fiber *fiber;            /* owned; where its last turn was left */
    int exit_code;
    struct frame *frames, *in_hand; /* by time; in_hand: borrowed by the loop until its next poll */
    uint64_t *last_us;              /* owned; per sender: control cells do not overtake */
    uint32_t *under_way;            /* owned; per sender */
    uint64_t reported;              /* number of its last report */
    uint64_t noted, heard;          /* stamps: of its last record; the highest that it heard of */
    struct told_event *events;
    struct emu_worker *workers;     /* owned list */
    uint8_t no_start[65];           /* per device: so many workers to come will not come up */
    bool disk_fails;                /* nor the next files be renamed */
};

struct found {                      /* what the newest durable commit of a vertex says */
    uint64_t life, commit;          /* life 0: none yet */
    uint32_t line, stream_count, room;
    struct stream *streams;         /* owned */
};

struct watch {                      /* what may only rise, and where it was seen */
    uint64_t life, commit;
    uint32_t line, slot;
    struct emu_worker *worker;      /* borrowed; NULL: nowhere yet */
};

struct world {
    const struct emu_config *config;
    struct emu_result *result;
    uint64_t now_us, moments, timing, limit_us;
    struct moment *heap;            /* owned */
    size_t heap_count, heap_room;
    struct placement places;
    struct emu_rank *ranks;         /* owned */
    const char **hosts;             /* owned */
    struct watch *watch;            /* owned; per vertex, as the next */
    struct found *found;            /* owned */
    uint32_t *wedged;               /* owned; wedges acted out and not yet found */
    uint32_t own_deaths;            /* faults of actors that may die of their messages, or of their state */
    uint32_t charged;               /* lives lost with workers that may cost a restart: extensions 3 and 4 */
    uint64_t check_at;              /* number of the event after which all is looked at again */
    int lost_rank;                  /* killed, the last; -1 = none */
    bool signalled;
    struct emu_rank *turn_rank;     /* whose turn it is; NULL: nobody's */
    struct emu_worker *turn_worker; /* NULL: the rank's own */
};

/* world.c */
uint32_t chance(struct world *w, uint32_t below);   /* 0 .. below - 1 */
void later(struct world *w, uint64_t us, void (*f)(struct world *, void *, uint64_t), void *who, uint64_t what);
void world_fail(struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void rank_wake(struct emu_rank *r, uint64_t us);    /* its next turn not later than this */
void rank_kill(struct emu_rank *r);
/* Let f(arg) be a turn of this worker or, if it is NULL, of the rank.  False: it was left; *ret is where. */
bool turn(struct emu_rank *r, struct emu_worker *worker, void (*f)(void *arg), void *arg, struct fiber **ret);

/* links.c */
struct link emu_link(struct emu_rank *r);
void links_drop(struct emu_rank *r);
size_t links_control(const struct emu_rank *r);     /* control cells on their way to it, beats left out */
void link_down(struct emu_rank *dead);              /* the others will hear of it */

/* workers.c */
struct device_port emu_device(struct emu_rank *r);
struct emu_worker *worker_of(struct emu_rank *r, int device);    /* the one that runs there, or NULL */
bool worker_lives(const struct emu_worker *w);      /* its threads may run */
void worker_kill(struct emu_worker *w, int signal_number);
void worker_stop(struct emu_worker *w);
void worker_continue(struct emu_worker *w);
void workers_end(struct emu_rank *r);               /* the zygote's last act */
void workers_free(struct emu_rank *r);

/* strike.c */
void strikes_begin(struct world *w);
void strike_answered(struct world *w, uint64_t token, int exit_code);
void strike_at_step(struct world *w, uint32_t vertex, uint64_t progress);

/* watch.c */
void watch_slot(struct emu_worker *w, uint32_t slot);                       /* after its turn */
void watch_record(struct emu_rank *r, const struct journal_record *rec);    /* as it is written */
void watch_all(struct world *w);

#endif
