/* rank.c - one rank among others that are played here: orders, reports, drills, commands and the verdict
 *
 * The rank is the real one, root or not.  Its link and its worker are lists: what it sends is looked at, what
 * others would send is put in.  What a live link never does - lose, repeat, be full for long - is done here.
 */
#include <treewarden/actor.h>

#include <stdbool.h>
#include <unistd.h>

#include "core/raftlog.h"
#include "slot/slot_impl.h"
#include "spec/placement.h"
#include "sup/root_impl.h"
#include "tests/lib/played.h"
#include "tests/lib/tap.h"

struct a { uint64_t n; };

TW_INIT(a)
{
    (void)cx;
    s->n = 1;
}

TW_NO_RECEIVE(a)
TW_NO_STEP(a)
TW_PROGRAM(a)

/* -- the world around it ---------------------------------------------------------------------------- */

enum { SENT = 512, INBOX = 64 };
enum { TOP, X, Y };                     /* the tree: two actors on rank 1 ... */
enum { ROW = 1 };                       /* ... or a branch of one that lives there */

#define HEAD "treewarden: 1\nname: t\ndevices: {per_rank: 1, slots: 4, spares: 1}\nsupervisor: top\n" \
             "intensity: 1\nperiod: 10s\nchildren:\n"
static const char flat[] = HEAD "  - {actor: a, count: 2, place: {rank: 1}}\n";
static const char branch[] = HEAD "  - supervisor: row\n    place: {rank: 1}\n    children: [{actor: a}]\n";

struct play {
    struct spec *spec;
    struct placement places;
    struct drill drill;
    struct journal *journal;
    struct rank *r;
    int me;
    uint64_t clock_us, number;          /* number: of the reports put in */
    /* link */
    struct { int to; union cell cell; } sent[SENT];
    uint32_t sents;
    bool full;
    struct { int from; union cell cell; const void *body; uint32_t bytes; } inbox[INBOX];
    uint32_t in_head, in_tail;
    union cell in_hand;
    struct played_device device;
    /* outlet */
    struct rank_answer answer;
    uint32_t answers, verdicts;
    struct journal_record result;       /* the last one written down */
    struct verdict verdict;
};

static int op_send(void *self, int to, const union cell *c, const void *body, size_t bytes)
{
    struct play *p = self;

    (void)body;
    (void)bytes;
    if (p->full)
        return TW_EFULL;
    p->sent[p->sents % SENT].to = to;
    p->sent[p->sents++ % SENT].cell = *c;
    return 0;
}

static void op_poll(void *self, struct link_event *ret)
{
    struct play *p = self;

    *ret = (struct link_event){.kind = LINK_NOTHING};
    if (p->in_head == p->in_tail)
        return;
    p->in_hand = p->inbox[p->in_head % INBOX].cell;
    *ret = (struct link_event){.kind = LINK_CELL, .rank = p->inbox[p->in_head % INBOX].from, .cell = &p->in_hand,
                               .body = p->inbox[p->in_head % INBOX].body, .bytes = p->inbox[p->in_head % INBOX].bytes};
    p->in_head++;
}

static size_t op_outstanding(void *self)
{
    (void)self;
    return 0;
}

static int op_rank(void *self) { return ((struct play *)self)->me; }

static int op_size(void *self)
{
    (void)self;
    return 2;
}

static void on_answer(void *self, uint64_t token, const struct rank_answer *a)
{
    struct play *p = self;

    (void)token;
    p->answers++;
    p->answer = *a;
}

static void on_verdict(void *self, const struct verdict *v)
{
    struct play *p = self;

    p->verdicts++;
    p->verdict = *v;
}

static void on_record(void *self, const struct journal_record *rec)
{
    struct play *p = self;

    if (rec->type == JOURNAL_RESULT)
        p->result = *rec;
}

/* -- making and moving it --------------------------------------------------------------------------- */

static void say_error(void *self, const char *text)
{
    (void)self;
    printf("# %s\n", text);
}

static struct spec *specification(const char *text)
{
    ssize_t n = (ssize_t)strlen(text);
    char name[] = "/tmp/tw-rank-XXXXXX";
    int fd = mkstemp(name);
    struct spec *s = NULL;

    if (write(fd, text, (size_t)n) != n)
        exit(99);
    close(fd);
    (void)spec_load(name, NULL, 0, say_error, NULL, &s);
    unlink(name);
    return s;
}

static void turns(struct play *p, int n, uint64_t us)
{
    for (; n > 0; n--) {
        p->clock_us += us;
        (void)rank_turn(p->r, p->clock_us);
        rank_check(p->r);
    }
}

static struct play *play_with(const char *text, int me, bool drilled)
{
    static const struct link_ops link_ops = {op_send, op_poll, op_outstanding, op_rank, op_size};
    static const char *const hosts[] = {"here", "there"};
    struct play *p = calloc(1, sizeof *p);
    struct rank_config c = {.program = &tw_program, .drills_allowed = true, .devices = 1, .generation = 1, .job = "job",
                            .state_dir = "", .link = {&link_ops, p}, .port = {&played_ops, &p->device},
                            .out = {p, on_answer, on_verdict}, .host_of = hosts};
    struct reason why;

    p->me = me;
    p->clock_us = 5000000;
    p->spec = specification(text);
    if (!p->spec || placement_make(p->spec, 2, &p->places, &why) != 0 ||
        journal_open_memory(on_record, p, &p->journal) != 0)
        exit(99);
    p->drill = (struct drill){.how = DRILL_FAIL, .trigger = DRILL_TIME, .target = X, .tree_ms = 100};
    c.spec = p->spec;
    c.rank_of = p->places.rank_of;
    c.device_of = p->places.device_of;
    c.home_of = p->places.home_of;
    c.drills = &p->drill;
    c.drill_count = drilled;
    c.journal = p->journal;
    p->r = rank_create(&c, p->clock_us, &why);
    if (!p->r)
        exit(99);
    rank_start(p->r, p->clock_us);
    turns(p, 2, 1000);
    return p;
}

static struct play *play_new(int me, bool drilled) { return play_with(flat, me, drilled); }

static void play_end(struct play *p)
{
    rank_destroy(p->r);
    journal_close(p->journal, 0);
    played_end(&p->device);
    placement_free(&p->places);
    spec_free(p->spec);
    free(p);
}

/* The body is borrowed. */
static void put_with(struct play *p, int from, const union cell *c, const void *body, uint32_t bytes)
{
    p->inbox[p->in_tail % INBOX].from = from;
    p->inbox[p->in_tail % INBOX].body = body;
    p->inbox[p->in_tail % INBOX].bytes = bytes;
    p->inbox[p->in_tail++ % INBOX].cell = *c;
}

static void put_in(struct play *p, int from, const union cell *c) { put_with(p, from, c, NULL, 0); }

/* -- looking at what it sent ------------------------------------------------------------------------ */

static uint32_t sent(const struct play *p, uint16_t type)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < p->sents && i < SENT; i++)
        n += p->sent[i].cell.head.type == type;
    return n;
}

static const union cell *last(const struct play *p, uint16_t type)
{
    static const union cell nothing;

    for (uint32_t i = p->sents; i-- > 0;)
        if (p->sent[i].cell.head.type == type)
            return &p->sent[i].cell;
    return &nothing;
}

static uint32_t reports(const struct play *p, uint32_t what, uint32_t vertex)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < p->sents; i++)
        n += p->sent[i].cell.head.type == CELL_REPORT && p->sent[i].cell.report.what == what &&
             p->sent[i].cell.head.src == vertex;
    return n;
}

/* -- a rank that is not the root -------------------------------------------------------------------- */

static void order_as(struct play *p, uint16_t type, uint64_t number, uint32_t vertex, uint64_t life, uint32_t how)
{
    union cell c;

    memset(&c, 0, sizeof c);
    c.order.type = type;
    c.order.order = number;
    c.order.dst = vertex;
    c.order.life = life;
    c.order.line = 1;
    c.order.how = how;
    put_in(p, 0, &c);
    turns(p, 1, 1000);
}

static void order(struct play *p, uint16_t type, uint64_t number, uint32_t vertex, uint64_t life)
{
    order_as(p, type, number, vertex, life, 0);
}

static void root_says_ok(struct play *p, uint64_t number)
{
    union cell c;

    memset(&c, 0, sizeof c);
    c.report.type = CELL_REPORT_OK;
    c.report.order = number;
    put_in(p, 0, &c);
    turns(p, 1, 1000);
}

static void orders_are_executed_once(void)
{
    struct play *p = play_new(1, false);

    order(p, CELL_STOP, 1, X, 99);
    is_int(reports(p, SUPTREE_EXITED, X), 1, "a stop of a life that is no more is answered by a report");
    order(p, CELL_STOP, 1, X, 99);
    is_int(reports(p, SUPTREE_EXITED, X), 1, "the same order once more is not executed");
    order(p, CELL_STOP, 2, X, 99);
    is_int(reports(p, SUPTREE_EXITED, X), 2, "the next one is");
    play_end(p);
}

static void reports_are_repeated(void)
{
    struct play *p = play_new(1, false);
    uint64_t number;

    order(p, CELL_STOP, 1, X, 99);
    number = last(p, CELL_REPORT)->head.seq;
    turns(p, 1, REPORT_AGAIN_MS * 500u);
    is_int(sent(p, CELL_REPORT), 1, "a report waits for its answer");
    turns(p, 1, REPORT_AGAIN_MS * 600u);
    ok(sent(p, CELL_REPORT) == 2 && last(p, CELL_REPORT)->head.seq == number,
       "not answered, it is made again under its number");
    root_says_ok(p, number);
    turns(p, 3, REPORT_AGAIN_MS * 1100u);
    is_int(sent(p, CELL_REPORT), 2, "answered, it is not");
    play_end(p);
}

static void a_missed_drill_is_stamped_here(void)
{
    struct play *p = play_new(1, false);
    union cell c;

    memset(&c, 0, sizeof c);
    c.drill.type = CELL_DRILL;
    c.drill.dst = X;
    c.drill.seq = 1;                    /* the root's; by now we are further */
    order(p, CELL_STOP, 1, X, 99);
    put_in(p, 0, &c);
    turns(p, 1, 1000);
    ok(sent(p, CELL_DRILL_DUE) == 1 && last(p, CELL_DRILL_DUE)->head.seq > 1,
       "that a drill found nobody is told with a stamp of this rank, behind what it wrote down of it");
    play_end(p);
}

static void cells_keep_their_order(void)
{
    struct play *p = play_new(1, false);
    uint64_t before = 0, wrong = 0, n = 0;

    p->full = true;
    order(p, CELL_STOP, 1, X, 99);
    p->full = false;
    order(p, CELL_STOP, 2, Y, 98);
    for (uint32_t i = 0; i < p->sents; i++) {
        if (p->sent[i].cell.head.type != CELL_REPORT)
            continue;
        wrong += p->sent[i].cell.head.seq <= before;
        before = p->sent[i].cell.head.seq;
        n++;
    }
    ok(n == 2 && wrong == 0, "what waited for room in the link leaves before what came later");
    play_end(p);
}

static void root_time(struct play *p, uint64_t tree_us)
{
    union cell c;

    memset(&c, 0, sizeof c);
    c.beat.type = CELL_BEAT;
    c.beat.tree_us = tree_us;
    put_in(p, 0, &c);
    turns(p, 1, 1000);
}

static void tree_time_only_rises(void)
{
    struct play *p = play_new(1, false);
    uint64_t before;

    root_time(p, 7000000);
    before = rank_view(p->r)->tree_us;
    is_int((long long)before, 7000000, "tree time is what the root says");
    root_time(p, 6990000);              /* it was on its way for long */
    ok(rank_view(p->r)->tree_us > before, "a beat that is late does not turn it back");
    root_time(p, 7500000);
    is_int((long long)rank_view(p->r)->tree_us, 7500000, "one that is ahead moves it on");
    play_end(p);
}

static void where(struct play *p, uint32_t vertex, uint64_t life, uint32_t line)
{
    union cell c;

    memset(&c, 0, sizeof c);
    c.vertex.type = CELL_VERTEX;
    c.vertex.dst = vertex;
    c.vertex.life = life;
    c.vertex.line = line;
    c.vertex.flags = VERTEX_ADDRESS | PEER_UP;
    put_in(p, 0, &c);
    turns(p, 1, 1000);
}

static void news_of_older_lives(void)
{
    struct play *p = play_new(1, false);

    where(p, X, 20, 2);
    where(p, X, 10, 1);
    ok(rank_view(p->r)->vertices[X].life == 20 && rank_view(p->r)->vertices[X].line == 2,
       "what is told of an older life, late, does not replace what is known");
    where(p, X, 30, 3);
    is_int((long long)rank_view(p->r)->vertices[X].life, 30, "what is told of a newer one does");
    play_end(p);
}

/* A stop of what waits for its worker is answered on the spot, in the middle of carrying out effects. */
static void answers_on_the_spot(void)
{
    struct play *p = play_with(branch, 1, false);

    order(p, CELL_START, 1, ROW, 50);
    is_int(sent(p, CELL_REPORT), 0, "(the branch starts: its actor waits for a worker)");
    order_as(p, CELL_STOP, 2, ROW, 50, STOP_KILL);
    is_int(reports(p, SUPTREE_EXITED, ROW), 1, "killed before its actor ran, a branch is down at once");
    play_end(p);
}

/* -- its worker ------------------------------------------------------------------------------------- */

static void boot(struct play *p)
{
    played_boot(&p->device);
    turns(p, 2, 1000);
}

static void runs(struct play *p, uint32_t vertex, uint64_t life)
{
    played_runs(&p->device, vertex, life, devman_slot(p->r->devman, vertex));
    turns(p, 1, 1000);
}

static uint32_t told_of_end(const struct play *p, uint64_t life, uint32_t *ret_cause)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < p->sents; i++) {
        const struct cell_vertex *c = &p->sent[i].cell.vertex;

        if (c->type != CELL_VERTEX || !(c->flags & VERTEX_ADDRESS) || (c->flags & VERTEX_STATUS) != PEER_DOWN ||
            c->life != life)
            continue;
        *ret_cause = c->end_cause;
        n++;
    }
    return n;
}

static void an_end_is_told_though_another_life_has_begun(void)
{
    enum { ACTOR = 2 };
    struct play *p = play_with(branch, 1, false);
    uint32_t cause = 0, slot, deaths = 0;
    uint64_t life;
    union cell c;

    boot(p);
    order(p, CELL_START, 1, ROW, 50);
    slot = devman_slot(p->r->devman, ACTOR);
    life = arena_config(&p->device.view, slot)->life;
    runs(p, ACTOR, life);
    memset(&c, 0, sizeof c);
    c.slot_is.type = CELL_SLOT_IS;
    c.slot_is.src = ACTOR;
    c.slot_is.life = life;
    c.slot_is.slot = slot;
    c.slot_is.state = SLOT_FAILED;
    c.slot_is.cls = CLASS_ABNORMAL;
    c.slot_is.cause = CAUSE_BOUNDS;
    (void)ring_put(arena_up(&p->device.view), up_ring_bytes(&p->device.view.geo), &c, NULL, 0);
    runs(p, ACTOR, life + 1);           /* the next one is up before this rank has looked */
    ok(told_of_end(p, life, &cause) == 1 && cause == CAUSE_BOUNDS,
       "a life that ended and the next one, in one turn: other ranks hear how the first ended");
    ok(last(p, CELL_VERTEX)->vertex.life == life + 1 && (last(p, CELL_VERTEX)->vertex.flags & VERTEX_STATUS) == PEER_UP,
       "... and then of the next");
    for (uint32_t i = 0; i < p->sents; i++)
        deaths += p->sent[i].cell.head.type == CELL_VERTEX && p->sent[i].cell.head.flags & VERTEX_DEATH;
    is_int(deaths, 1, "and of one death, for the tally");
    play_end(p);
}

static void losses_are_reported_as_such(void)
{
    struct play *p = play_new(1, false);

    boot(p);
    order(p, CELL_START, 1, X, 11);
    order(p, CELL_START, 2, Y, 12);
    runs(p, X, 11);
    runs(p, Y, 12);
    ok(reports(p, SUPTREE_STARTED, X) == 1 && reports(p, SUPTREE_STARTED, Y) == 1, "lives that run are reported");
    played_dies(&p->device);
    turns(p, 1, 1000);
    ok(reports(p, SUPTREE_LOST, X) == 1 && reports(p, SUPTREE_LOST, Y) == 1,
       "a worker's death is reported as a loss of each");
    ok(reports(p, SUPTREE_EXITED, X) == 0 && reports(p, SUPTREE_EXITED, Y) == 0, "and not as their own end");
    play_end(p);
}

/* -- what its actors ask for ------------------------------------------------------------------------ */

static const char pair[] = HEAD "  - {actor: a, place: {rank: 1}}\n  - {actor: b, type: a, place: {rank: 0}, restart: temporary}\n";

static void asks(struct play *p, uint64_t number, uint32_t line, uint32_t verb, uint32_t what)
{
    union cell c;

    memset(&c, 0, sizeof c);
    c.child.type = CELL_SLOT_ASK;
    c.child.src = X;
    c.child.seq = number;
    c.child.line = line;
    c.child.place = 2;
    c.child.verb = verb;
    c.child.what = what;
    (void)ring_put(arena_up(&p->device.view), up_ring_bytes(&p->device.view.geo), &c, NULL, 0);
    turns(p, 1, 1000);
}

/* What was put into the worker's ring since: how many answers; *last: the last; *peers: news of vertices before it. */
static uint32_t answers_to(struct play *p, union cell *last_one, uint32_t *peers)
{
    struct byte_ring *down = arena_down(&p->device.view);
    uint64_t size = down_ring_bytes(&p->device.view.geo);
    uint32_t n = 0, bytes;
    char body[512];
    union cell c;

    *peers = 0;
    while (ring_peek(down, size, &c, body, sizeof body, &bytes) == 1) {
        ring_drop(down, size);
        *peers += c.head.type == CELL_SLOT_PEER && n == 0 && PEER_STATUS(c.vertex.flags) == PEER_UP && c.vertex.dst == Y;
        if (c.head.type != CELL_SLOT_ANSWER)
            continue;
        *last_one = c;
        n++;
    }
    return n;
}

static void home_answers(struct play *p, uint64_t token, uint32_t says)
{
    union cell c;

    memset(&c, 0, sizeof c);
    c.admin.type = CELL_ADMIN_OK;
    c.admin.src = Y;
    c.admin.token = token;
    c.admin.answer = (int32_t)says;
    c.admin.life = 77;
    c.admin.counts[0] = 5;
    put_in(p, 0, &c);
    turns(p, 1, 1000);
}

static void what_is_asked_is_done_once(void)
{
    struct play *p = play_with(pair, 1, false);
    uint64_t token;
    uint32_t peers;
    union cell c;

    boot(p);
    order(p, CELL_START, 1, X, 11);
    runs(p, X, 11);
    (void)answers_to(p, &c, &peers);
    asks(p, 4, 1, TW_CHILD_START_, Y);
    token = last(p, CELL_ADMIN)->admin.token;
    ok(sent(p, CELL_ADMIN) == 1 && last(p, CELL_ADMIN)->admin.verb == SUPTREE_START_CHILD &&
           last(p, CELL_ADMIN)->head.dst == Y && last(p, CELL_ADMIN)->admin.flags, "a request goes to the supervisor's home");
    asks(p, 4, 1, TW_CHILD_START_, Y);
    is_int(sent(p, CELL_ADMIN), 1, "repeated, it does not");
    home_answers(p, token ^ (1ull << 34), ANSWER_OK);
    is_int(answers_to(p, &c, &peers), 0, "an answer to another one is none");
    home_answers(p, token, ANSWER_OK);
    ok(answers_to(p, &c, &peers) == 1 && c.child.dst == X && c.child.seq == 4 && c.child.place == 2 && c.child.line == 1 &&
           c.child.answer == TW_CHILD_OK && c.child.what == Y && c.child.child_life == 77 &&
           c.child.slot == devman_slot(p->r->devman, X), "its answer goes to the slot that asked");
    is_int(peers, 1, "... behind the news of where the child is");
    home_answers(p, token, ANSWER_START_ERROR);
    asks(p, 4, 1, TW_CHILD_START_, Y);
    ok(answers_to(p, &c, &peers) == 1 && c.child.answer == TW_CHILD_OK && sent(p, CELL_ADMIN) == 1,
       "asked once more, it is answered the same, and not done again");
    asks(p, 3, 1, TW_CHILD_TERMINATE_, Y);
    asks(p, 5, 2, TW_CHILD_TERMINATE_, Y);
    asks(p, 5, 1, 3, Y);
    asks(p, 5, 1, TW_CHILD_START_, 99);
    ok(answers_to(p, &c, &peers) == 0 && sent(p, CELL_ADMIN) == 1, "what is older, of another line or nonsense is nobody's");
    asks(p, 5, 1, TW_CHILD_TERMINATE_, Y);
    ok(sent(p, CELL_ADMIN) == 2 && last(p, CELL_ADMIN)->admin.verb == SUPTREE_TERMINATE, "the next is a new one");
    home_answers(p, token, ANSWER_OK);
    is_int(answers_to(p, &c, &peers), 0, "... which the last one's answer does not answer");
    asks(p, 6, 1, TW_CHILD_TERMINATE_, TOP);
    ok(answers_to(p, &c, &peers) == 1 && c.child.answer == TW_CHILD_INVALID, "nobody stops the root");
    play_end(p);
}

/* Its home answers for a branch: of lives of the engine that started it, and of a home of its own. */
static const char branches[] = HEAD "  - {actor: a, place: {rank: 1}}\n"
    "  - supervisor: lines\n    strategy: simple_one_for_one\n    max_children: 1\n    children:\n"
    "      - supervisor: line\n        children:\n          - {actor: b, type: a, place: {rank: 0}}\n"
    "          - {supervisor: in, place: {rank: 0}, children: [{actor: c, type: a}, {actor: d, type: a, start: later}]}\n"
    "          - {supervisor: jobs, strategy: simple_one_for_one, max_children: 1, children: [{actor: e, type: a, "
    "place: {rank: 0}}]}\n";

static void who_asked_for_a_branch_may_send_to_it(void)
{
    enum { LINES = 2, LINE = 4, B = 5, C = 7 };
    struct play *p = play_with(branches, 1, false);
    uint32_t peers;
    union cell c;

    boot(p);
    order(p, CELL_START, 1, X, 11);
    runs(p, X, 11);
    where(p, B, 70, 1);
    where(p, C, 1ull << 52 | 70ull << 32 | 5, 1);
    asks(p, 4, 1, TW_CHILD_START_, LINES);
    (void)answers_to(p, &c, &peers);
    is_int(last(p, CELL_ADMIN)->admin.verb, SUPTREE_SPAWN, "(a branch is asked for)");
    memset(&c, 0, sizeof c);
    c.admin.type = CELL_ADMIN_OK;
    c.admin.src = LINE;
    c.admin.token = last(p, CELL_ADMIN)->admin.token;
    c.admin.life = 77;
    put_in(p, 0, &c);
    turns(p, 1, 1000);
    is_int(answers_to(p, &c, &peers), 0, "the answer waits for news of those in it: what is known is of a former branch");
    asks(p, 4, 1, TW_CHILD_START_, LINES);
    ok(answers_to(p, &c, &peers) == 0 && sent(p, CELL_ADMIN) == 1, "... asked once more meanwhile, nothing is done again");
    where(p, B, 78, 2);
    is_int(answers_to(p, &c, &peers), 0, "... of all of them, also at a home of their own");
    where(p, C, 1ull << 52 | 79ull << 32 | 9, 2);
    ok(answers_to(p, &c, &peers) == 1 && c.child.answer == TW_CHILD_OK && c.child.what == LINE && c.child.child_life == 77,
       "then it is given; who is started later is not waited for");
    asks(p, 5, 1, TW_CHILD_START_, LINES);
    memset(&c, 0, sizeof c);
    c.admin.type = CELL_ADMIN_OK;
    c.admin.src = LINE;
    c.admin.token = last(p, CELL_ADMIN)->admin.token;
    c.admin.life = 90;
    put_in(p, 0, &c);
    turns(p, 1, 1000);
    where(p, C, 1ull << 52 | 92ull << 32 | 12, 3);
    is_int(answers_to(p, &c, &peers), 0, "(another one is waited for)");
    asks(p, 6, 1, TW_CHILD_TERMINATE_, LINE);
    where(p, B, 91, 3);
    is_int(answers_to(p, &c, &peers), 0, "who asked for something else since is not told of it");
    play_end(p);
}

/* -- cells that nobody should have sent ------------------------------------------------------------- */

static void orders_that_make_no_sense(void)
{
    struct play *p = play_new(1, false);

    boot(p);
    order(p, CELL_START, 1, TOP, 7);
    is_int((long long)p->r->orders_done, 0, "an order to start what is neither actor nor branch of this rank is none");
    order(p, CELL_START, 1, X, 11);
    runs(p, X, 11);
    order(p, CELL_START, 2, X, 12);
    ok(reports(p, SUPTREE_START_FAILED, X) == 1 && last(p, CELL_REPORT)->report.life == 12,
       "a second life of an actor that runs is not started");
    ok(devman_slot(p->r->devman, X) != 0 && rank_view(p->r)->vertices[X].life == 11, "and the first runs on");
    play_end(p);
    p = play_with(branch, 1, false);
    boot(p);
    order(p, CELL_START, 1, ROW, 50);
    order(p, CELL_START, 2, ROW + 1, 12);
    is_int(sent(p, CELL_REPORT), 0, "an actor of a branch that lives here is not the root's to start");
    play_end(p);
}

static void admin(struct play *p, uint32_t verb, uint32_t vertex)
{
    union cell c;

    memset(&c, 0, sizeof c);
    c.admin.type = CELL_ADMIN;
    c.admin.dst = vertex;
    c.admin.verb = verb;
    put_in(p, 0, &c);
    turns(p, 1, 1000);
}

static void pictures_that_make_no_sense(void)
{
    struct play *p = play_with(branch, 1, false);
    const struct view_vertex *v;
    struct suptree_look leaf;
    union cell c;

    boot(p);
    order(p, CELL_START, 1, ROW, 50);
    (void)suptree_peek(p->r->branches, ROW + 1, &leaf);
    runs(p, ROW + 1, leaf.life);
    v = &rank_view(p->r)->vertices[ROW + 1];
    memset(&c, 0, sizeof c);
    c.vertex.type = CELL_VERTEX;
    c.vertex.dst = ROW + 1;
    c.vertex.flags = VERTEX_STATE;
    c.vertex.state = VERTEX_GONE;
    put_in(p, 0, &c);
    turns(p, 1, 1000);
    is_int(v->state, VERTEX_RUNNING, "what another rank says of a vertex that this rank's engine runs is not taken");
    c.vertex.dst = TOP;
    c.vertex.state = VERTEX_STATE_COUNT;
    put_in(p, 0, &c);
    turns(p, 1, 1000);
    ok(rank_view(p->r)->vertices[TOP].state < VERTEX_STATE_COUNT, "nor is a state that is none");
    admin(p, SUPTREE_KILLED_OUTSIDE, ROW);
    admin(p, SUPTREE_ASK, ROW);
    admin(p, SUPTREE_KILL, ROW + 1);
    ok(sent(p, CELL_ADMIN_OK) == 0 && v->state != VERTEX_RUNNING,
       "a supervisor does not stand still because another rank asks it to: it serves the next call");
    play_end(p);
}

/* -- the root --------------------------------------------------------------------------------------- */

static void put_report(struct play *p, uint64_t number, uint32_t what, uint32_t vertex, uint64_t life, uint32_t cls)
{
    union cell c;

    memset(&c, 0, sizeof c);
    c.report.type = CELL_REPORT;
    c.report.seq = number;
    c.report.what = what;
    c.report.src = vertex;
    c.report.life = life;
    c.report.cls = cls;
    c.report.cause = CAUSE_CODE;
    put_in(p, 1, &c);
    turns(p, 1, 1000);
}

static void reported(struct play *p, uint32_t what, uint32_t vertex, uint64_t life, uint32_t cls)
{
    put_report(p, ++p->number, what, vertex, life, cls);
}

/* The life the root ordered last for a vertex. */
static uint64_t ordered(const struct play *p, uint16_t type, uint32_t vertex)
{
    for (uint32_t i = p->sents; i-- > 0;)
        if (p->sent[i].cell.head.type == type && p->sent[i].cell.head.dst == vertex)
            return p->sent[i].cell.head.life;
    return 0;
}

static struct play *root_running(bool drilled)
{
    struct play *p = play_new(0, drilled);

    reported(p, SUPTREE_STARTED, X, ordered(p, CELL_START, X), 0);
    reported(p, SUPTREE_STARTED, Y, ordered(p, CELL_START, Y), 0);
    return p;
}

static void reports_are_taken_once(void)
{
    struct play *p = play_new(0, false);
    uint64_t life = ordered(p, CELL_START, X), before = raftlog_committed(p->r->root->log);

    put_report(p, 1, SUPTREE_STARTED, X, life, 0);
    is_int((long long)raftlog_committed(p->r->root->log), (long long)before + 1,
           "a report is an input of the root's log");
    ok(sent(p, CELL_REPORT_OK) == 1 && last(p, CELL_REPORT_OK)->report.order == 1, "and answered by its number");
    ok(ordered(p, CELL_START, Y) > life, "what follows from it is ordered");
    put_report(p, 1, SUPTREE_STARTED, X, life, 0);
    is_int((long long)raftlog_committed(p->r->root->log), (long long)before + 1, "repeated, it is not taken again");
    is_int(sent(p, CELL_REPORT_OK), 2, "but answered again: the answer may be what was lost");
    play_end(p);
}

static void losses_cost_nothing(void)
{
    struct play *p = root_running(false);

    for (int i = 0; i < 4; i++) {       /* the intensity is 1 */
        uint64_t life = ordered(p, CELL_START, X);

        reported(p, SUPTREE_LOST, X, life, CLASS_KILLED);
        if (!ok(ordered(p, CELL_START, X) > life, "loss %d: started again", i + 1))
            break;
        reported(p, SUPTREE_STARTED, X, ordered(p, CELL_START, X), 0);
    }
    is_int(p->r->root->end, END_NOT_YET, "four losses are within an intensity of one");
    play_end(p);
}

static void sum_cell(struct play *p, uint16_t flags, uint32_t line, uint32_t me, uint32_t peer, uint64_t a, uint64_t b,
                     uint64_t c)
{
    union cell cell;

    memset(&cell, 0, sizeof cell);
    cell.stream.type = CELL_STREAM;
    cell.stream.flags = flags;
    cell.stream.line = line;
    cell.stream.src = me;
    cell.stream.dst = peer;
    cell.stream.a = a;
    cell.stream.b = b;
    cell.stream.c = c;
    put_in(p, 1, &cell);
}

static void stream(struct play *p, bool in, uint32_t me, uint32_t peer, uint64_t a, uint64_t b, uint64_t c)
{
    sum_cell(p, in ? STREAM_IN : 0, 1, me, peer, a, b, c);
}

static void sums_end(struct play *p)
{
    union cell c;

    memset(&c, 0, sizeof c);
    c.sums.type = CELL_STREAMS_END;
    c.sums.restarts = 7;
    c.sums.giveups = 2;
    put_in(p, 1, &c);
    turns(p, 3, 1000);
}

static void a_signal_and_the_sums(void)
{
    struct play *p = root_running(false);
    const struct verdict_streams *v = &p->verdict.streams;

    rank_signal(p->r, SIGTERM);
    turns(p, 1, 1000);
    reported(p, SUPTREE_EXITED, Y, ordered(p, CELL_STOP, Y), CLASS_SHUTDOWN);
    ok(ordered(p, CELL_STOP, X) != 0 && sent(p, CELL_STREAMS) == 0,
       "a signal stops one after the other, the last first");
    reported(p, SUPTREE_EXITED, X, ordered(p, CELL_STOP, X), CLASS_SHUTDOWN);
    is_int(sent(p, CELL_STREAMS), 1, "then the ranks are asked for their sums");
    stream(p, false, X, Y, 10, 0, 0);   /* ten sent, four came; three more on an earlier line */
    stream(p, true, Y, X, 4, 0, 3);
    stream(p, false, Y, X, 6, 0, 0);    /* two lost with X's first line, the rest came */
    stream(p, true, X, Y, 6, 2, 0);
    is_int((long long)p->verdicts, 0, "no verdict before all sums are there");
    sums_end(p);
    ok(p->verdicts == 1 && p->verdict.exit_code == 128 + SIGTERM, "the verdict's exit code is the signal's");
    ok(v->accepted == 19 && v->delivered == 11 && v->in_flight == 6 && v->lost == 2 && v->dead == 0,
       "accepted 19 = delivered 11 + in flight 6 + lost 2");
    is_int(v->unmatched, 0, "and all ends met");
    play_end(p);
}

static void told_to_stop(struct play *p)
{
    rank_signal(p->r, SIGTERM);
    turns(p, 1, 1000);
    reported(p, SUPTREE_EXITED, Y, ordered(p, CELL_STOP, Y), CLASS_SHUTDOWN);
    reported(p, SUPTREE_EXITED, X, ordered(p, CELL_STOP, X), CLASS_SHUTDOWN);
}

static void what_past_children_did_counts(void)
{
    struct play *p = root_running(false);
    const struct verdict_streams *v = &p->verdict.streams;

    sum_cell(p, STREAM_PAST | STREAM_IN, 1, Y, X, 5, 0, 0);    /* Y's first child took 5 of X's numbers ... */
    sum_cell(p, STREAM_PAST, 1, Y, X, 4, 0, 0);                /* ... and sent 4 */
    sum_cell(p, STREAM_PAST | STREAM_IN, 1, Y, X, 9, 7, 0);    /* the second 2, from 8 on: 2 were dead between */
    sum_cell(p, STREAM_PAST, 2, Y, X, 3, 0, 0);
    told_to_stop(p);
    sum_cell(p, 0, 1, X, Y, 14, 9, 2);                         /* the third has 3, from 10 on; 2 are under way */
    sum_cell(p, STREAM_IN, 1, Y, X, 12, 9, 0);
    sum_cell(p, STREAM_IN, 2, X, Y, 3, 0, 3);                  /* of the first one's 4, 3 came; the third sent nothing */
    sums_end(p);
    ok(v->accepted == 21 && v->delivered == 16 && v->dead == 3 && v->in_flight == 2 && v->lost == 0,
       "accepted 21 = delivered 16 + in flight 2 + dead 3");
    is_int(v->unmatched, 0, "who sent and is no more has an end, too");
    play_end(p);

    p = root_running(false);
    v = &p->verdict.streams;
    sum_cell(p, STREAM_PAST | STREAM_IN, 1, Y, X, 5, 0, 0);
    told_to_stop(p);
    sum_cell(p, 0, 2, X, Y, 2, 0, 0);  /* X began again; the child in Y's place has heard nothing of it */
    sums_end(p);
    ok(v->accepted == 7 && v->delivered == 5 && v->in_flight == 2 && v->lost == 0, "a sender's earlier line was delivered");
    play_end(p);
}

static void giving_up(void)
{
    struct play *p = root_running(false);

    reported(p, SUPTREE_EXITED, X, ordered(p, CELL_START, X), CLASS_ABNORMAL);
    reported(p, SUPTREE_STARTED, X, ordered(p, CELL_START, X), 0);
    is_int(p->r->root->end, END_NOT_YET, "one failure is within the intensity");
    reported(p, SUPTREE_EXITED, X, ordered(p, CELL_START, X), CLASS_ABNORMAL);
    reported(p, SUPTREE_EXITED, Y, ordered(p, CELL_STOP, Y), CLASS_SHUTDOWN);
    sums_end(p);
    ok(p->verdicts == 1 && p->verdict.exit_code == 1 && strstr(p->verdict.reason, "top gave up"),
       "the second one is not: exit 1, and the verdict says who gave up");
    ok(p->verdict.restarts == 1 + 7 && p->verdict.giveups == 1 + 2, "restarts and give-ups are those of all ranks");
    play_end(p);
}

/* The reason of a job whose first actor failed so often, in a tree of two with these keys; `top` for the supervisor. */
static void ends_with(const char *top, const char *actor, int failures, const char *reason)
{
    struct play *p;
    char text[512];

    snprintf(text, sizeof text, "treewarden: 1\nname: t\ndevices: {per_rank: 1, slots: 4, spares: 1}\nsupervisor: top\n"
             "intensity: 4\nperiod: 10s\n%schildren:\n  - {actor: a, count: 2, place: {rank: 1}%s}\n", top, actor);
    p = play_with(text, 0, false);
    reported(p, SUPTREE_STARTED, X, ordered(p, CELL_START, X), 0);
    reported(p, SUPTREE_STARTED, Y, ordered(p, CELL_START, Y), 0);
    for (int i = 0; i < failures; i++) {
        uint64_t life = ordered(p, CELL_START, X);

        reported(p, SUPTREE_EXITED, X, life, CLASS_ABNORMAL);
        if (ordered(p, CELL_START, X) != life)
            reported(p, SUPTREE_STARTED, X, ordered(p, CELL_START, X), 0);
    }
    if (!sent(p, CELL_STOP)) {
        rank_signal(p->r, SIGTERM);
        turns(p, 1, 1000);
    }
    reported(p, SUPTREE_EXITED, Y, ordered(p, CELL_STOP, Y), CLASS_SHUTDOWN);
    sums_end(p);
    is_int(p->verdict.exit_code, 1, "who gives up fails the job");
    is_str(p->verdict.reason, reason, "... and the verdict says of what");
    play_end(p);
}

static void what_the_verdict_says_of_giving_up(void)
{
    ends_with("", "", 5, "top gave up: more than 4 restarts in 10000 ms; last: top/a[0] failed with code 0");
    ends_with("intensity_per_child: 2\n", "", 3,
              "top gave up: more than 2 restarts of one child in 10000 ms; last: top/a[0] failed with code 0");
    ends_with("", ", on_cause: {failed: escalate}", 1, "top gave up: top/a[0] escalated (failed)");
    ends_with("", ", on_cause: {failed: quarantine}", 1, "top/a[0] is in quarantine: failed");
}

/* Its own engine has said of what; that its parent keeps it down for that does not unsay it. */
static void kept_down_after_giving_up(void)
{
    static const char text[] =
        "treewarden: 1\nname: t\ndevices: {per_rank: 1, slots: 4, spares: 1}\nsupervisor: top\nchildren:\n"
        "  - supervisor: row\n    on_cause: {gave up: quarantine}\n    intensity: 0\n    children:\n"
        "      - {actor: a, place: {rank: 1}}\n      - {actor: b, type: a, start: later, place: {rank: 0}}\n";
    struct play *p = play_with(text, 0, false);
    uint32_t row = 1, a = 2;

    reported(p, SUPTREE_STARTED, a, ordered(p, CELL_START, a), 0);
    reported(p, SUPTREE_EXITED, a, ordered(p, CELL_START, a), CLASS_ABNORMAL);
    ok(p->r->table[row].state == VERTEX_QUARANTINED, "a branch that gave up is kept down by its parent");
    rank_signal(p->r, SIGTERM);
    turns(p, 1, 1000);
    sums_end(p);
    is_str(p->verdict.reason, "top/row is in quarantine: more than 0 restarts in 5000 ms; last: top/row/a failed with code 0",
           "... and the verdict says of what it gave up");
    play_end(p);
}

/* Of what, its home knows. */
static void a_branch_elsewhere_in_quarantine(void)
{
    struct play *p = play_with(branch, 0, false);
    uint64_t life = ordered(p, CELL_START, ROW);

    reported(p, SUPTREE_STARTED, ROW, life, 0);
    reported(p, SUPTREE_QUARANTINED, ROW, life, 0);
    rank_signal(p->r, SIGTERM);
    turns(p, 1, 1000);
    reported(p, SUPTREE_EXITED, ROW, life, CLASS_SHUTDOWN);
    sums_end(p);
    ok(p->verdict.exit_code == 1 && !strcmp(p->verdict.reason, "top/row is in quarantine"),
       "a branch elsewhere in quarantine fails the job, and no more is said than is known: %s", p->verdict.reason);
    play_end(p);
}

static void drills_are_drawn_again(void)
{
    struct play *p = root_running(true);
    union cell back;

    turns(p, 30, 10000);
    is_int(sent(p, CELL_DRILL), 1, "a drill is sent when its time has come, once");
    back = *last(p, CELL_DRILL);
    back.head.type = CELL_DRILL_DUE;
    back.head.flags = 1;
    put_in(p, 1, &back);
    turns(p, 5, 1000);
    is_int(sent(p, CELL_DRILL), 1, "its target was between two lives: not at once again");
    turns(p, 40, 10000);
    is_int(sent(p, CELL_DRILL), 2, "but a little later, and once");
    ok(rank_view(p->r)->drills_fired == 1 && rank_view(p->r)->drills_left == 0, "it counts as one drill");
    play_end(p);
}

static void actors_ask_the_root(void)
{
    struct play *p = root_running(false);
    uint64_t life = ordered(p, CELL_START, Y), token = TOKEN_CHILD | 5ull << 34 | X;
    union cell c;

    memset(&c, 0, sizeof c);
    c.admin.type = CELL_ADMIN;
    c.admin.dst = Y;
    c.admin.verb = SUPTREE_TERMINATE;
    c.admin.token = token;
    put_in(p, 1, &c);
    turns(p, 1, 1000);
    is_int((long long)ordered(p, CELL_STOP, Y), (long long)life, "an actor's call is one of the root's own supervisor's");
    reported(p, SUPTREE_EXITED, Y, life, CLASS_SHUTDOWN);
    ok(sent(p, CELL_ADMIN_OK) == 1 && last(p, CELL_ADMIN_OK)->admin.token == token &&
           last(p, CELL_ADMIN_OK)->head.src == Y && last(p, CELL_ADMIN_OK)->head.life == life &&
           last(p, CELL_ADMIN_OK)->admin.answer == ANSWER_OK, "its rank is answered, with the child and its life");
    play_end(p);
}

/* The last cell that tells rank 1 to keep the place of this actor, or not to: 1 + how many were sent before; 0: none. */
static uint32_t told_to_keep(const struct play *p, uint32_t vertex, bool keep)
{
    for (uint32_t i = p->sents; i-- > 0;) {
        const struct cell_admin *c = &p->sent[i % SENT].cell.admin;

        if (c->type == CELL_ADMIN && p->sent[i % SENT].to == 1 && c->verb == ADMIN_KEEP && c->dst == vertex)
            return (c->flags != 0) == keep ? i + 1 : 0;
    }
    return 0;
}

static void a_restart_is_two_halves(void)
{
    struct play *p = root_running(false);
    struct rank_command c = {.verb = VERB_RESTART, .path = "top/a[0]"};
    uint64_t life = ordered(p, CELL_START, X);

    rank_command(p->r, 5, &c);
    turns(p, 1, 1000);
    is_int((long long)ordered(p, CELL_STOP, X), (long long)life, "a restart stops");
    ok(told_to_keep(p, X, true) > 0 && told_to_keep(p, X, true) < p->sents && told_to_keep(p, Y, true) == 0,
       "... whom its rank has been told to keep the slot for");
    reported(p, SUPTREE_EXITED, X, life, CLASS_SHUTDOWN);
    ok(told_to_keep(p, X, true) > 0, "... until it is over");
    ok(ordered(p, CELL_START, X) > life && p->answers == 0, "... and starts, and is not done before it runs");
    reported(p, SUPTREE_STARTED, X, ordered(p, CELL_START, X), 0);
    ok(p->answers == 1 && p->answer.exit_code == 0 && p->answer.matched == 1, "then it is answered");
    ok(told_to_keep(p, X, false) > 0, "... and the slot kept no longer");
    play_end(p);
}

/* Of a branch that is at home elsewhere: one word to its home.  There it is about each actor. */
static void a_branch_keeps_its_places(void)
{
    struct play *p = play_with(branch, 0, false);
    struct rank_command c = {.verb = VERB_RESTART, .path = "top/row"};

    reported(p, SUPTREE_STARTED, ROW, ordered(p, CELL_START, ROW), 0);
    rank_command(p->r, 5, &c);
    turns(p, 1, 1000);
    ok(told_to_keep(p, ROW, true) > 0 && told_to_keep(p, ROW + 1, true) == 0,
       "the home of a branch keeps the slots of all of it");
    play_end(p);
}

static void a_temporary_child_is_not_restarted(void)
{
    struct play *p = play_with(HEAD "  - {actor: a, count: 2, restart: temporary, place: {rank: 1}}\n", 0, false);
    struct rank_command c = {.verb = VERB_RESTART, .path = "top/a[0]"};

    reported(p, SUPTREE_STARTED, X, ordered(p, CELL_START, X), 0);
    reported(p, SUPTREE_STARTED, Y, ordered(p, CELL_START, Y), 0);
    rank_command(p->r, 5, &c);
    turns(p, 1, 1000);
    ok(sent(p, CELL_STOP) == 0 && p->answers == 1 && p->answer.exit_code == 1,
       "a temporary child, which nobody could start again, is not stopped for a restart");
    ok(strstr(p->answer.text, "`treewarden child terminate` it, and `child start` it") != NULL, "... what to do is said: %s",
       p->answer.text);
    play_end(p);
}

static void what_is_written_down_of_an_answer(void)
{
    struct play *p = root_running(false);
    struct rank_command c = {.verb = VERB_CHILD_START, .path = "top/a[0]"};

    rank_command(p->r, 5, &c);
    turns(p, 1, 1000);
    ok(p->answers == 1 && !strcmp(p->result.text, "child-start top/a[0]: already_started"),
       "the journal has the whole answer of a call: %s", p->result.text);
    play_end(p);
}

static void answers_wait_for_room(void)
{
    static const struct rank_command c = {.verb = VERB_KILL, .path = "top/a[1]"};
    struct play *p = root_running(false);
    union cell frame;

    memset(&frame, 0, sizeof frame);
    frame.cmd.type = CELL_CMD;
    frame.cmd.token = 9;
    put_with(p, 1, &frame, &c, sizeof c);
    turns(p, 1, 1000);
    p->full = true;
    reported(p, SUPTREE_EXITED, Y, ordered(p, CELL_STOP, Y), CLASS_KILLED);
    turns(p, 3, 1000);
    is_int(sent(p, CELL_CMD_REPLY), 0, "an answer for another rank's client waits while the way there is full");
    p->full = false;
    turns(p, 3, 1000);
    ok(sent(p, CELL_CMD_REPLY) == 1 && last(p, CELL_CMD_REPLY)->cmd.token == 9, "when there is room it leaves, once");
    play_end(p);
}

static void root_cells_that_make_no_sense(void)
{
    struct play *p = root_running(true);
    struct rank_command command = {.verb = VERB_COUNT, .path = "top/a[0]"};
    uint64_t inputs = raftlog_committed(p->r->root->log);
    union cell c;

    reported(p, SUPTREE_ASK, TOP, 1, 0);
    reported(p, SUPTREE_EXITED, X, ordered(p, CELL_START, X), CLASS_COUNT);
    is_int((long long)raftlog_committed(p->r->root->log), (long long)inputs,
           "a report of no report's kind is no input");
    memset(&c, 0, sizeof c);
    c.admin.type = CELL_ADMIN_OK;
    c.admin.token = TOKEN_DRILL | 1000;
    put_in(p, 1, &c);
    c.admin.token = 1000;               /* the first command, a vertex there is not */
    put_in(p, 1, &c);
    memset(&c, 0, sizeof c);
    c.verdict.type = CELL_SIGNAL;
    c.verdict.exit_code = INT32_MAX;
    put_in(p, 1, &c);
    turns(p, 1, 1000);
    ok(p->r->root->signal == 0 && sent(p, CELL_STOP) == 0, "a signal of no signal's number stops nothing");
    rank_command(p->r, 5, &command);
    turns(p, 1, 1000);
    ok(p->answers == 1 && p->answer.exit_code == 2 && p->answer.lives == 0, "a command of no verb is refused");
    play_end(p);
}

int main(void)
{
    orders_are_executed_once();
    reports_are_repeated();
    a_missed_drill_is_stamped_here();
    cells_keep_their_order();
    tree_time_only_rises();
    news_of_older_lives();
    answers_on_the_spot();
    an_end_is_told_though_another_life_has_begun();
    losses_are_reported_as_such();
    what_is_asked_is_done_once();
    who_asked_for_a_branch_may_send_to_it();
    actors_ask_the_root();
    reports_are_taken_once();
    losses_cost_nothing();
    a_signal_and_the_sums();
    what_past_children_did_counts();
    giving_up();
    what_the_verdict_says_of_giving_up();
    kept_down_after_giving_up();
    a_branch_elsewhere_in_quarantine();
    drills_are_drawn_again();
    a_restart_is_two_halves();
    a_branch_keeps_its_places();
    a_temporary_child_is_not_restarted();
    what_is_written_down_of_an_answer();
    answers_wait_for_room();
    orders_that_make_no_sense();
    pictures_that_make_no_sense();
    root_cells_that_make_no_sense();
    done_testing();
}
