/* cells.c - a rank among others that write nonsense: it may lose the job, but it stands, as do its promises
 *
 * An input is text, so that what is found can be read.  Its first words say whose rank it is and over which tree:
 * `root` or `other`, `flat` or `branch`.  Then a line is one of:
 *
 *   FROM TYPE life seq flags src dst W...      a cell from rank FROM: TYPE a name or number, W words of its payload
 *   ... | BYTES W... "TEXT                     ... with a body of so many bytes: words, then a text, then zeros
 *   turn MS                                    time passes
 *   boot, runs VERTEX LIFE, dies               what the worker does
 *   up HEAD TAIL W...                          the worker scribbles over the ring to the rank, its ends too
 *   down HEAD TAIL W...                        ... and over the one from it
 *   own VERB PATH, signal N, gone RANK         a command of a person here, a signal, a rank that died
 *
 * `raw` instead: the rest is cells of 64 bytes, each after a byte that says who sends it.  `load`: the rest is a
 * saved engine; `patch`: threes of bytes, where (two) and how a good one is changed.
 *
 * libFuzzer, from the top of the source tree (AFL++: afl-clang-fast in place of clang):
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -I. -Isrc -Isrc/api tests/fuzz/cells.c \
 *       src/face/reply.c src/sup/?*.c src/slot/?*.c src/core/?*.c src/spec/?*.c src/store/?*.c src/base/?*.c \
 *       -ljansson -lyaml -lxxhash -lm -o fuzz-cells && ./fuzz-cells tests/fuzz/corpus/cells
 */
#include <treewarden/actor.h>

#include <string.h>

#include "base/log.h"
#include "face/reply.h"
#include "slot/slot_impl.h"
#include "spec/placement.h"
#include "sup/root_impl.h"
#include "tests/fuzz/file.h"
#include "tests/lib/played.h"

const char fuzz_name[] = "cells";
const uint32_t fuzz_changes = 3000;

struct a { uint64_t n; };

TW_INIT(a)
{
    (void)cx;
    s->n = 1;
}

TW_NO_RECEIVE(a)
TW_NO_STEP(a)
TW_PROGRAM(a)

/* -- the world around the rank ---------------------------------------------------------------------- */

enum { LINK_BODY_SMALL = 512, RANKS = 3, INBOX = 64, LINES = 200 };

#define HEAD "treewarden: 1\nname: t\ndevices: {per_rank: 1, slots: 4, spares: 1}\nsupervisor: top\n" \
             "intensity: 3\nperiod: 10s\nchildren:\n"
static const char flat[] = HEAD "  - {actor: a, count: 2, place: {rank: 1}}\n"
                                "  - {actor: b, type: a, place: {rank: 0}}\n"
                                "drills:\n  - {at: 100ms, path: \"top/a[0]\", how: fail}\n"
                                "  - {at: 200ms, path: \"top/b\", how: kill}\n"
                                "  - {after: 1s, path: \"top/b\", how: restart}\n";
static const char branch[] = HEAD "  - supervisor: row\n    place: {rank: 1}\n    strategy: one_for_all\n"
                                  "    children: [{actor: a, backoff: {min: 5ms}}, {actor: c, type: a}]\n"
                                  "  - supervisor: col\n    place: {rank: 0}\n    children: [{actor: a}]\n";

struct world {
    struct spec *spec;
    struct placement places;
    struct drill *drills;
};

struct play {
    const struct world *world;
    struct journal *journal;
    struct rank *r;
    int me;
    uint64_t clock_us;
    struct { int from; union cell cell; uint8_t body[LINK_BODY_SMALL]; uint32_t bytes; } inbox[INBOX];
    uint32_t in_head, in_tail;
    int gone;                           /* a rank whose end is to be told; -1 = none */
    struct played_device device;
};

static int op_send(void *self, int to, const union cell *c, const void *body, size_t bytes)
{
    (void)self;
    (void)body;
    FUZZ_PROMISE(to >= 0 && to < RANKS && cell_check(c, bytes) == 0, "what a rank sends is a cell, and to a rank");
    return 0;
}

static void op_poll(void *self, struct link_event *ret)
{
    struct play *p = self;

    *ret = (struct link_event){.kind = LINK_NOTHING};
    if (p->in_head != p->in_tail) {
        uint32_t at = p->in_head++ % INBOX;

        *ret = (struct link_event){.kind = LINK_CELL, .rank = p->inbox[at].from, .cell = &p->inbox[at].cell,
                                   .bytes = p->inbox[at].bytes};
        ret->body = ret->bytes ? p->inbox[at].body : NULL;
    } else if (p->gone >= 0) {
        *ret = (struct link_event){.kind = LINK_PEER_DOWN, .rank = p->gone};
        p->gone = -1;
    }
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
    return RANKS;
}

static void on_answer(void *self, uint64_t token, const struct rank_answer *a)
{
    (void)self;
    (void)token;
    FUZZ_PROMISE(memchr(a->text, 0, sizeof a->text), "an answer's text ends");
}

static void on_verdict(void *self, const struct verdict *v)
{
    (void)self;
    FUZZ_PROMISE(v->reason[0] && v->fault_count <= VERDICT_FAULTS_MAX, "a verdict has a reason, and room for faults");
}

static void on_record(void *self, const struct journal_record *rec)
{
    (void)self;
    FUZZ_PROMISE(memchr(rec->text, 0, sizeof rec->text), "a record's text ends");
}

static void on_error(void *self, const char *text)
{
    (void)self;
    fprintf(stderr, "%s\n", text);
}

/* -- making and moving it --------------------------------------------------------------------------- */

static const struct world *world_of(bool branched)
{
    static struct world worlds[2];
    struct world *w = &worlds[branched];
    const char *text = branched ? branch : flat;
    struct reason why = {0};

    if (w->spec)
        return w;
    if (spec_load(fuzz_file((const uint8_t *)text, strlen(text)), NULL, 0, on_error, NULL, &w->spec) != 0 ||
        placement_make(w->spec, RANKS, &w->places, &why) != 0 || drills_plan(w->spec, 1, &w->drills) != 0) {
        fprintf(stderr, "the tree itself: %s\n", why.text);
        abort();
    }
    return w;
}

static void turn(struct play *p, uint64_t us)
{
    p->clock_us += us;
    (void)rank_turn(p->r, p->clock_us);
    rank_check(p->r);
}

static void play_new(struct play *p, int me, bool branched)
{
    static const struct link_ops link_ops = {op_send, op_poll, op_outstanding, op_rank, op_size};
    static const char *const hosts[] = {"here", "there", "elsewhere"};
    const struct world *w = world_of(branched);
    struct rank_config c = {.spec = w->spec, .program = &tw_program, .rank_of = w->places.rank_of,
                            .device_of = w->places.device_of, .home_of = w->places.home_of, .drills = w->drills,
                            .drill_count = w->spec->drill_count, .drills_allowed = true, .devices = 1,
                            .generation = 1, .job = "job", .state_dir = "", .link = {&link_ops, p},
                            .port = {&played_ops, &p->device}, .out = {p, on_answer, on_verdict}, .host_of = hosts};
    struct reason why;

    *p = (struct play){.world = w, .me = me, .clock_us = 5000000, .gone = -1};
    if (journal_open_memory(on_record, p, &p->journal) != 0)
        abort();
    c.journal = p->journal;
    p->r = rank_create(&c, p->clock_us, &why);
    if (!p->r)
        abort();
    rank_start(p->r, p->clock_us);
    turn(p, 1000);
}

/* What people see of it is drawn from what others told. */
static void play_end(struct play *p)
{
    char *text = reply_status(rank_view(p->r));

    free(text);
    text = reply_tree(rank_view(p->r), "");
    free(text);
    rank_destroy(p->r);
    journal_close(p->journal, 0);
    played_end(&p->device);
}

static uint32_t inbox_room(struct play *p)
{
    if (p->in_tail - p->in_head == INBOX)
        turn(p, 100);
    return p->in_tail++ % INBOX;
}

/* -- the words of a line ---------------------------------------------------------------------------- */

struct line { char *at; };

static const char *word(struct line *l)
{
    char *from = l->at + strspn(l->at, " \t"), *end = from + strcspn(from, " \t");

    l->at = *end ? end + 1 : end;
    *end = '\0';
    return from;
}

static uint64_t number(struct line *l)
{
    const char *w = word(l);

    return w[0] == '-' ? 0 - strtoull(w + 1, NULL, 0) : strtoull(w, NULL, 0);
}

static uint16_t type_of(const char *w)
{
#define X(name, no, body, payload)  \
    if (!strcmp(w, #name))          \
        return no;
    CELL_LIST(X)
#undef X
    return (uint16_t)strtoul(w, NULL, 0);
}

static uint32_t fill_words(struct line *l, void *at, uint32_t room)
{
    uint32_t n = 0;

    for (l->at += strspn(l->at, " \t"); *l->at && *l->at != '|' && *l->at != '"' && n < room / 4; n++) {
        uint32_t w = (uint32_t)number(l);

        memcpy((char *)at + 4 * n, &w, 4);
        l->at += strspn(l->at, " \t");
    }
    return 4 * n;
}

static void put_cell(struct play *p, const char *from, struct line *l)
{
    uint32_t at = inbox_room(p);
    union cell *c = &p->inbox[at].cell;

    memset(&p->inbox[at], 0, sizeof p->inbox[at]);
    p->inbox[at].from = (int)(strtoul(from, NULL, 10) % RANKS);
    c->head.type = type_of(word(l));
    c->head.life = number(l);
    c->head.seq = number(l);
    c->head.flags = (uint16_t)number(l);
    c->head.src = (uint32_t)number(l);
    c->head.dst = (uint32_t)number(l);
    (void)fill_words(l, c->bytes + 28, 36);
    l->at += strcspn(l->at, "|");
    if (*l->at == '|') {
        uint32_t used;

        l->at++;
        p->inbox[at].bytes = (uint32_t)(number(l) % (LINK_BODY_SMALL + 1));
        used = fill_words(l, p->inbox[at].body, LINK_BODY_SMALL);
        if (*l->at == '"')
            memcpy(p->inbox[at].body + used, l->at + 1, strnlen(l->at + 1, LINK_BODY_SMALL - used));
    }
}

/* -- the worker's part ------------------------------------------------------------------------------ */

/* Any ends and any words, as a stray write would leave them; then what is in there is looked at as both sides do. */
static void scribble(struct play *p, struct byte_ring *r, uint64_t size, struct line *l)
{
    uint8_t body[64];
    union cell c;
    uint32_t bytes;

    r->head = number(l);
    r->tail = number(l);
    (void)fill_words(l, r + 1, 256);
    if (r == arena_down(&p->device.view))
        for (int n = 0; n < 8 && ring_peek(r, size, &c, body, sizeof body, &bytes) == 1; n++)
            ring_drop(r, size);
}

static bool worker_line(struct play *p, const char *verb, struct line *l)
{
    if (!p->device.runs)
        return false;
    if (!strcmp(verb, "boot")) {
        played_boot(&p->device);
    } else if (!strcmp(verb, "runs")) {
        uint32_t vertex = (uint32_t)number(l);

        played_runs(&p->device, vertex, number(l),
                    vertex < p->world->spec->vertex_count ? devman_slot(p->r->devman, vertex) : vertex);
    } else if (!strcmp(verb, "dies")) {
        played_dies(&p->device);
    } else if (!strcmp(verb, "up")) {
        scribble(p, arena_up(&p->device.view), up_ring_bytes(&p->device.view.geo), l);
    } else if (!strcmp(verb, "down")) {
        scribble(p, arena_down(&p->device.view), down_ring_bytes(&p->device.view.geo), l);
    } else {
        return false;
    }
    turn(p, 1000);
    return true;
}

/* -- an input --------------------------------------------------------------------------------------- */

static void own_command(struct play *p, struct line *l)
{
    struct rank_command c = {.verb = (uint32_t)number(l) % VERB_COUNT};

    c.how = (uint32_t)number(l) % DRILL_HOW_COUNT;
    snprintf(c.path, sizeof c.path, "%s", word(l));
    rank_command(p->r, 1, &c);
}

static void play_line(struct play *p, char *text)
{
    struct line l = {text};
    const char *verb = word(&l);

    if (verb[0] >= '0' && verb[0] <= '9')
        put_cell(p, verb, &l);
    else if (!strcmp(verb, "turn"))
        turn(p, number(&l) % 100000 * 1000);
    else if (!strcmp(verb, "own"))
        own_command(p, &l);
    else if (!strcmp(verb, "signal"))
        rank_signal(p->r, (int)(number(&l) % 64));
    else if (!strcmp(verb, "gone"))
        p->gone = (int)(number(&l) % RANKS);
    else
        (void)worker_line(p, verb, &l);
}

static void play_text(const char *text)
{
    bool branched = strstr(text, "branch") != NULL;
    char *copy = strdup(text), *rest = copy, *line;
    struct play *p = calloc(1, sizeof *p);

    play_new(p, !strncmp(text, "root", 4) ? 0 : 1, branched);
    for (int n = 0; n < LINES && (line = strsep(&rest, "\n")) != NULL; n++)
        play_line(p, line);
    for (int n = 0; n < 4; n++)
        turn(p, 1000);
    play_end(p);
    free(p);
    free(copy);
}

static void play_raw(const uint8_t *data, size_t size)
{
    struct play *p = calloc(1, sizeof *p);

    play_new(p, size % 2, size % 4 > 1);
    for (; size >= 65; data += 65, size -= 65) {
        uint32_t at = inbox_room(p);

        memset(&p->inbox[at], 0, sizeof p->inbox[at]);
        p->inbox[at].from = data[0] % RANKS;
        memcpy(&p->inbox[at].cell, data + 1, 64);
    }
    turn(p, 1000);
    turn(p, 1000);
    play_end(p);
    free(p);
}

static void load_engine(const uint8_t *data, size_t size, bool patch)
{
    struct play *p = calloc(1, sizeof *p);
    static uint8_t good[65536], after[65536];
    size_t bytes = 0, again = 0;
    struct suptree *t;

    play_new(p, 0, true);
    t = p->r->root->tree;
    FUZZ_PROMISE(suptree_save(t, SUPTREE_NONE, good, sizeof good, &bytes) > 0, "an engine is saved");
    if (patch) {
        static uint8_t changed[65536];

        memcpy(changed, good, bytes);
        for (size_t i = 0; i + 3 <= size; i += 3)
            changed[((size_t)data[i] << 8 | data[i + 1]) % bytes] ^= data[i + 2];
        if (suptree_load(t, changed, bytes) == 0)
            FUZZ_PROMISE(!memcmp(changed, good, bytes), "only what was saved is loaded");
    } else {
        FUZZ_PROMISE(suptree_load(t, data, size) != 0, "any bytes are not an engine");
    }
    suptree_check(t);
    (void)suptree_save(t, SUPTREE_NONE, after, sizeof after, &again);
    FUZZ_PROMISE(again == bytes && !memcmp(after, good, bytes), "what is refused changes nothing");
    play_end(p);
    free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text;

    if (size > 16384)
        return 0;
    log_set_level(LOG_ERROR);
    if (size >= 4 && !memcmp(data, "raw\n", 4)) {
        play_raw(data + 4, size - 4);
    } else if (size >= 5 && !memcmp(data, "load\n", 5)) {
        load_engine(data + 5, size - 5, false);
    } else if (size >= 6 && !memcmp(data, "patch\n", 6)) {
        load_engine(data + 6, size - 6, true);
    } else {
        text = calloc(1, size + 1);
        memcpy(text, data, size);
        play_text(text);
        free(text);
    }
    return 0;
}
