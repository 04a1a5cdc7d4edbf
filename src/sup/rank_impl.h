/* rank_impl.h - what the files of one rank's supervisor share */
#ifndef TW_SUP_RANK_IMPL_H
#define TW_SUP_RANK_IMPL_H

#include "core/suptree.h"
#include "shared/cause.h"
#include "shared/cell.h"
#include "spec/drills.h"
#include "spec/spec.h"
#include "store/journal.h"
#include "store/verdict.h"
#include "sup/devman.h"
#include "sup/rank.h"
#include "sup/timeouts.h"

#define NO_VERTEX CELL_NOBODY

/* Control cells that found no room in the link, or are for this rank itself; in order per rank. */
struct outgoing {
    union cell *cells;          /* owned ring; [rank.out_room] */
    uint64_t head, tail;
};

struct pending_report {
    union cell cell;
    uint64_t sent_us;           /* 0 = free */
};

/* Which part of a VERTEX cell counts: who runs an actor knows where it is, who homes it what it is, who homes a pool
 * how many retries it counts. */
enum { VERTEX_ADDRESS = 16, VERTEX_STATE = 32, VERTEX_DEATH = 64, VERTEX_RETRIES = 128, VERTEX_STATUS = 15 };

/* How a life begins: from the commit, from init, or from init as another child than the one that was there before. */
enum start_how { START_RESUME, START_FRESH, START_ANEW };

/* STOP of a branch: it goes down with a supervisor above it that was killed; or alone, for its own supervisor says so. */
enum { ORDER_LINKED = 1, ORDER_MOVE = 2, ORDER_ALONE = 4 };

/*    phase       printed                         */
#define RANK_PHASE_LIST(X)                        \
    X(STARTING, "starting")                       \
    X(RUNNING, "running")                         \
    X(ENDING, "stopping")  /* a verdict is out */ \
    X(ENDED, "ended")
enum rank_phase {
#define X(name, text) RANK_##name,
    RANK_PHASE_LIST(X)
#undef X
};

#define TOKEN_CHILD (1ull << 60)        /* an actor's: asks.c */
#define TOKEN_ASK (1ull << 61)          /* the call is a question: which_children, count_children */
/* Beside the engine's inputs: use device dst again; keep the places of the actors below dst, or (flags 0) no longer. */
enum { ADMIN_LIFT = SUPTREE_INPUT_COUNT, ADMIN_KEEP };
#define ASKED_MAX 65u                   /* the root has so many commands under way, and a scenario one */

#define BRANCH_INPUT_BYTES offsetof(struct suptree_input, batch)

/* Who gave up, or is kept down, and of what, as far as it is known here: the reasons of a branch that is at home
 * elsewhere are known there. */
struct giveup {
    bool stands, quarantined;   /* it is not back */
    bool forgotten;             /* who runs in its place now is not it */
    uint8_t how;                /* enum suptree_giveup; _NONE: it did not give up, or that is all that is known */
    uint8_t cause;              /* what `child` ended of; how _NONE: what it is kept down for, if that is known */
    uint32_t child;             /* not with _NONE */
};

struct root;
struct stage;

/* A request of an actor here. */
struct rank_ask {
    uint64_t number, life;              /* number 0: none yet; life: the child's */
    uint32_t line, serial, verb, what;  /* what: it names, and when it is done, it was about */
    bool done;
    bool answered, listed;              /* what became of it is known; it is in the list of those that wait to hear more */
    uint8_t answer;
    uint32_t next;                      /* in that list */
};

struct rank {
    struct rank_config cx;
    int me, size;
    uint32_t vertices;
    enum rank_phase phase;
    uint64_t clock_us;          /* of this turn */
    uint64_t zero_us;           /* local clock at tree time 0 */
    uint64_t stamp;             /* Lamport */
    uint64_t cause_stamp;       /* of what is being handled; records made meanwhile name it */
    uint64_t beat_us;
    struct view view;
    struct view_vertex *table;  /* owned; per vertex */
    struct view_rank *ranks;    /* owned */
    struct view_device *device_views;
    uint8_t *status;            /* owned; per vertex: enum peer_status as last published */
    struct giveup *gave_up;     /* owned; per vertex */
    uint8_t *news;              /* owned; per vertex: parts of its picture to be told at the end of the turn */
    uint32_t *news_of, news_count;      /* owned; whose */
    char last_fault[160];       /* for the verdict's reason */
    struct suptree *branches;   /* engine of the branches homed here; owned */
    struct devman *devman;      /* owned */
    struct root *root;          /* rank 0; owned */
    struct stage *stage;        /* in a scenario; owned */
    struct outgoing *out;       /* owned; per rank, own included */
    uint32_t out_room;
    uint8_t *down;              /* per rank: gone */
    uint8_t *left;              /* per rank: said goodbye */
    struct rank_ask *asks;      /* owned; [vertex x SLOT_ASKS + place] */
    uint32_t ask_serial;
    uint32_t asks_waiting;              /* 1 + the first of the list; 0: none */
    struct pending_report *reports;     /* owned; [seq % report_room] */
    uint32_t report_room;
    uint64_t report_seq, report_oldest; /* all before the oldest are answered */
    uint64_t orders_done;       /* highest order executed */
    char *branch_queue;         /* owned ring of inputs without their batch (LOST never waits) */
    uint32_t branch_room, branch_head, branch_waiting;
    bool branch_busy;
    union cell asked[ASKED_MAX];        /* answers that leave at the end of this turn */
    uint32_t asked_count;
    uint32_t streams_left;      /* vertices whose sums are still to be sent */
    uint64_t end_by_us;
    int exit_code;
    bool quit_sent;
};

static inline uint64_t tree_us(const struct rank *r) { return r->clock_us - r->zero_us; }
static inline uint64_t tree_ms(const struct rank *r) { return tree_us(r) / 1000; }
static inline bool is_root(const struct rank *r) { return r->root != NULL; }

/* rank.c */
void send_cell(struct rank *r, int to, union cell *c);      /* control: queued, never lost */
void send_all(struct rank *r, union cell *c);               /* to every other live rank */
struct journal_record note(struct rank *r, uint16_t type, uint32_t vertex);    /* to be filled ... */
void noted(struct rank *r, struct journal_record *rec);     /* ... and put */
void publish(struct rank *r, uint32_t vertex, uint32_t parts);
void publish_before(struct rank *r, uint32_t vertex, uint32_t part);
void note_death(struct rank *r, uint32_t vertex, uint8_t cls, uint8_t cause);
void note_state(struct rank *r, uint32_t vertex);
void end_rank(struct rank *r, int exit_code);

/* orders.c */
void on_order(struct rank *r, const struct cell_order *c);
void on_report_ok(struct rank *r, const struct cell_report *c);
void on_admin(struct rank *r, const struct cell_admin *c);
void on_drill(struct rank *r, const struct cell_drill *c);
void start_actor(struct rank *r, uint32_t vertex, uint64_t life, uint32_t line, enum start_how how, bool move);
void forgotten(struct rank *r, uint32_t vertex);
void stop_actor(struct rank *r, uint32_t vertex, uint64_t life, uint32_t how, uint32_t deadline_ms);
void report(struct rank *r, uint32_t what, uint32_t vertex, uint64_t life, uint32_t cls, uint32_t cause,
            uint32_t detail, uint16_t flags);
void reports_again(struct rank *r);
void send_streams(struct rank *r);
void send_past(struct rank *r, uint32_t vertex);
void streams_turn(struct rank *r);
extern const struct devman_ops rank_devman_ops;

/* engine.c */
uint64_t engine_ms(const struct rank *r);   /* tree time, as engines are told it */
int engines_create(struct rank *r, struct reason *why);
void engines_check(const struct rank *r);
void branch_input(struct rank *r, const struct suptree_input *in);
void branches_tick(struct rank *r);
void answers_turn(struct rank *r);          /* behind the news of a turn */
bool is_branch_here(const struct rank *r, uint32_t vertex);
bool is_told_here(const struct rank *r, uint32_t vertex);    /* what it is, by an engine of this rank */
bool is_mourned_here(const struct rank *r, uint32_t vertex);
bool is_home_here(const struct rank *r, uint32_t supervisor);       /* it is decided for by one of them */

/* asks.c */
void on_asked(void *self, const struct cell_child *c);
void ask_result(struct rank *r, const struct suptree_effect *e);
void on_ask_answered(struct rank *r, const struct cell_admin *c);
void asks_heard(struct rank *r);        /* there is news of where vertices are */
uint32_t supervisor_of(const struct rank *r, uint32_t verb, uint32_t vertex);

/* command.c */
void command_cell(struct rank *r, int from, const struct cell_cmd *c, const void *body, size_t bytes);
void command_result(struct rank *r, uint32_t vertex, uint64_t token, uint8_t answer);
uint16_t start_verb(const struct rank *r, uint32_t vertex);     /* what starts it, or an instance of it */
void commands_turn(struct rank *r);     /* root: those that are answered too late */

/* root.c */
struct root *root_create(struct rank *r, struct reason *why);
void root_destroy(struct root *root);
void root_start(struct rank *r);
void root_input(struct rank *r, uint32_t source, const struct suptree_input *in);
void root_turn(struct rank *r);
void root_on_report(struct rank *r, int from, const struct cell_report *c);
void root_on_cell(struct rank *r, int from, const union cell *c);
void root_lost(struct rank *r);         /* rank 0 is gone: what the others do */
bool root_told_all(const struct rank *r);
void root_peer_down(struct rank *r, int rank);
void root_launcher_lost(struct rank *r);
void root_signal(struct rank *r, int number);
void root_fail(struct rank *r, int exit_code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
