/* heat_local.c - the heat job on a toy runtime: any order across streams, any rollback, the same bits
 *
 * One thread runs all 65 actors of jobs/heat on in-memory streams.  A seed draws who is next, which stream
 * it reads, when it commits and who falls back to its last commit.  A resumed sender repeats its numbers:
 * each repeat is compared with what was sent under that number before.
 */
#include <treewarden/actor.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "jobs/heat/reference_plate.h"
#include "shared/splitmix.h"
#include "tests/lib/tap.h"

extern const struct tw_program tw_program;

/* As heat.yaml has them. */
enum { TILE = 0, COLLECTOR = 1, TILES = 64, ACTORS = 65, FIRST_VERTEX = 1000, SINKS_MAX = 8 };
static const struct limits {
    uint32_t mailbox, sends, peers, every;
} limits_of[] = {{128, 8, 8, 16}, {256, 16, 80, 256}};
enum { MESSAGE_BYTES = 512 };

/* heat.c's numbers, as an observer knows them */
enum { MSG_BORDER = 3, MSG_RESULT = 5, FAULT_MESSAGE = 1, FAULT_ORDER = 2, FAULT_PICTURE = 4, FAULT_SETTING = 5 };

struct mail {
    uint32_t type, bytes;
    void *body;
};

/* All that one actor ever sent another; the numbers are cursors into it. */
struct stream {
    struct mail *mail;
    uint64_t count, room;
    uint64_t sent, sent_committed;      /* the sender's: where its life, its commit stand */
    uint64_t taken, taken_committed;    /* the receiver's */
};

struct actor {
    uint32_t index, type;
    unsigned char *state, *committed;
    uint32_t bytes;
    int started, started_committed, again, done;
    uint64_t progress, progress_committed, result;
    uint32_t since_commit;
};

struct world {
    struct actor actor[ACTORS];
    struct stream stream[ACTORS][ACTORS];       /* [from][to] */
    const char *input, *dir;
    uint64_t steps, report, work, seed;
    int lazy;                           /* commit only when asked or idle */
    double alpha;
    char sink[SINKS_MAX][32];
    uint32_t sinks;
    uint32_t failed_code, failed_index;
    uint64_t rollbacks, repeats, differing, open_messages, handled;
};

/* One handler call. */
struct tw_ctx {
    struct tw_ctx_head head;
    struct world *w;
    struct actor *a;
    struct mail mail[32];
    uint32_t to[32], sends;
    int again, done, commit, failed;
    uint32_t code;
    uint64_t progress, result;
    char path[512];
};

/* ---- the calls --------------------------------------------------------------------------------- */

static void call_fail(struct tw_ctx *cx, uint32_t code)
{
    if (!cx->failed)
        cx->code = code;
    cx->failed = 1;
}

static int call_send(struct tw_ctx *cx, uint32_t to, uint32_t type, const void *data, uint32_t bytes)
{
    if (cx->sends >= limits_of[cx->a->type].sends || bytes > MESSAGE_BYTES || to < FIRST_VERTEX ||
        to >= FIRST_VERTEX + ACTORS) {
        call_fail(cx, 0xbad5e4d);
        return -1;
    }
    cx->mail[cx->sends].type = type;
    cx->mail[cx->sends].bytes = bytes;
    cx->mail[cx->sends].body = malloc(bytes ? bytes : 1);
    memcpy(cx->mail[cx->sends].body, data, bytes);
    cx->to[cx->sends++] = to - FIRST_VERTEX;
    return 0;
}

static void call_commit(struct tw_ctx *cx) { cx->commit = 1; }
static void call_ready(struct tw_ctx *cx) { (void)cx; }
static void call_bounds(struct tw_ctx *cx) { call_fail(cx, 0xb0d5); }
static void call_again(struct tw_ctx *cx) { cx->again = 1; }
static void call_progress(struct tw_ctx *cx, uint64_t units) { cx->progress += units; }
static int call_checkpoint(struct tw_ctx *cx) { (void)cx; return 0; }
static uint64_t call_random(struct tw_ctx *cx) { return splitmix_next(&cx->w->seed); }

static void call_done(struct tw_ctx *cx, uint64_t result)
{
    cx->done = 1;
    cx->result = result;
}

static int call_timer(struct tw_ctx *cx, uint64_t ms)
{
    (void)ms;
    call_fail(cx, 0xbad71e4);
    return -1;
}

static void call_log(struct tw_ctx *cx, uint32_t code, uint64_t a, uint64_t b)
{
    (void)cx, (void)code, (void)a, (void)b;
}

static uint32_t call_peer(struct tw_ctx *cx, const char *pattern, const uint32_t *index, uint32_t count)
{
    (void)cx;
    if (count == 0 && strcmp(pattern, "plate/collector") == 0)
        return FIRST_VERTEX + TILES;
    if (count == 3 && strcmp(pattern, "plate/rows[*]/tile[*,*]") == 0 && index[0] < 4 && index[1] < 2 &&
        index[2] < 8)
        return FIRST_VERTEX + index[0] * 16 + index[1] * 8 + index[2];
    return TW_NO_PEER;
}

static uint32_t call_self(struct tw_ctx *cx, uint32_t dim)
{
    uint32_t i = cx->a->index;

    if (i == TILES)
        return 0;
    return dim == 0 ? i / 16 : dim == 1 ? i / 8 % 2 : dim == 2 ? i % 8 : 0;
}

static int call_arg(struct tw_ctx *cx, const char *name, uint64_t *ret_bits, uint32_t *ret_is_f64)
{
    struct world *w = cx->w;

    *ret_is_f64 = 0;
    if (strcmp(name, "steps") == 0)
        *ret_bits = w->steps;
    else if (strcmp(name, "report") == 0)
        *ret_bits = w->report;
    else if (strcmp(name, "work") == 0)
        *ret_bits = w->work;
    else if (strcmp(name, "source") == 0)
        *ret_bits = 90;                 /* a whole number asked for as f64 */
    else if (strcmp(name, "alpha") == 0)
        memcpy(ret_bits, &w->alpha, sizeof *ret_bits), *ret_is_f64 = 1;
    else
        return -1;
    return 0;
}

static const char *call_text(struct tw_ctx *cx, const char *name)
{
    return strcmp(name, "input") == 0 ? cx->w->input : NULL;
}

static const char *call_sink(struct tw_ctx *cx, const char *name)
{
    if (cx->w->sinks == SINKS_MAX || strlen(name) >= sizeof cx->w->sink[0])
        return NULL;
    strcpy(cx->w->sink[cx->w->sinks++], name);
    snprintf(cx->path, sizeof cx->path, "%s/%s.part", cx->w->dir, name);
    return cx->path;
}

static const struct tw_calls calls = {
    .send = call_send, .commit = call_commit, .ready = call_ready, .done = call_done, .fail = call_fail,
    .bounds = call_bounds, .again = call_again, .timer = call_timer, .peer = call_peer, .self = call_self,
    .arg = call_arg, .text = call_text, .progress = call_progress, .checkpoint = call_checkpoint,
    .random = call_random, .log = call_log, .sink = call_sink,
};

/* ---- commits and rollbacks --------------------------------------------------------------------- */

static void commit(struct world *w, struct actor *a)
{
    memcpy(a->committed, a->state, a->bytes);
    a->started_committed = a->started;
    a->progress_committed = a->progress;
    a->since_commit = 0;
    for (uint32_t i = 0; i < ACTORS; i++) {
        w->stream[i][a->index].taken_committed = w->stream[i][a->index].taken;
        w->stream[a->index][i].sent_committed = w->stream[a->index][i].sent;
    }
    for (; a->type == COLLECTOR && w->sinks > 0; w->sinks--) {
        char from[600], to[600];

        snprintf(from, sizeof from, "%s/%s.part", w->dir, w->sink[w->sinks - 1]);
        snprintf(to, sizeof to, "%s/%s", w->dir, w->sink[w->sinks - 1]);
        if (rename(from, to) != 0)
            w->failed_code = 0xf11e;
    }
}

/* Sent and not yet acknowledged.  After a rollback the receiver may have acknowledged more than was sent. */
static uint64_t held_by(const struct stream *s, uint64_t sent)
{
    return sent > s->taken_committed ? sent - s->taken_committed : 0;
}

/* A life ends.  The next one starts from the commit, or from init if there is none. */
static void roll_back(struct world *w, struct actor *a)
{
    if (a->done)
        return;
    w->rollbacks++;
    memcpy(a->state, a->committed, a->bytes);
    a->started = a->started_committed;
    a->progress = a->progress_committed;
    a->again = 1;
    a->since_commit = 0;
    if (a->type == COLLECTOR)
        w->sinks = 0;
    for (uint32_t i = 0; i < ACTORS; i++) {
        struct stream *out = &w->stream[a->index][i];

        w->open_messages += held_by(out, out->sent_committed);
        w->stream[i][a->index].taken = w->stream[i][a->index].taken_committed;
        out->sent = out->sent_committed;
        while (a->type == COLLECTOR && out->count > out->sent)   /* on_commit: nobody saw these */
            free(out->mail[--out->count].body);
    }
}

/* Number `sent` of the stream: new, or the same again after a rollback. */
static void post(struct world *w, struct stream *s, const struct mail *mail)
{
    if (s->sent < s->count) {
        const struct mail *before = &s->mail[s->sent];

        w->repeats++;
        if (before->type != mail->type || before->bytes != mail->bytes ||
            memcmp(before->body, mail->body, mail->bytes) != 0)
            w->differing++;
        free(mail->body);
    } else {
        if (s->count == s->room) {
            s->room = s->room ? s->room * 2 : 64;
            s->mail = realloc(s->mail, s->room * sizeof *s->mail);
        }
        s->mail[s->count++] = *mail;
    }
    s->sent++;
}

/* ---- running ----------------------------------------------------------------------------------- */

static void run_handler(struct world *w, struct actor *a, uint32_t op, const struct tw_msg *m, struct tw_ctx *cx)
{
    memset(cx, 0, sizeof *cx);
    cx->head.call = &calls;
    cx->w = w;
    cx->a = a;
    tw_program.dispatch(a->type, op, cx, a->state, m);
    w->handled++;
}

static void take_effect(struct world *w, struct actor *a, struct tw_ctx *cx)
{
    if (cx->failed) {
        w->failed_code = cx->code;
        w->failed_index = a->index;
        for (uint32_t i = 0; i < cx->sends; i++)
            free(cx->mail[i].body);
        return;
    }
    for (uint32_t i = 0; i < cx->sends; i++)
        post(w, &w->stream[a->index][cx->to[i]], &cx->mail[i]);
    a->progress += cx->progress;
    a->again |= cx->again;
    a->since_commit++;
    if (cx->done) {
        a->done = 1;
        a->result = cx->result;
    }
    if (cx->done || cx->commit ||
        (!w->lazy && (a->since_commit >= limits_of[a->type].every || splitmix_next(&w->seed) % 16 == 0)))
        commit(w, a);
}

static int has_room(const struct world *w, const struct actor *a)
{
    uint64_t held = 0;

    for (uint32_t i = 0; i < ACTORS; i++)
        held += held_by(&w->stream[a->index][i], w->stream[a->index][i].sent);
    return held + limits_of[a->type].sends <= limits_of[a->type].mailbox;
}

static uint64_t visible(const struct world *w, uint32_t from, uint32_t to)
{
    const struct stream *s = &w->stream[from][to];

    return w->actor[from].type == COLLECTOR ? s->sent_committed : s->count;
}

/* One message from a stream drawn at random, and the step after it.  0 if there was none. */
static int take_one(struct world *w, struct actor *a)
{
    uint32_t start = (uint32_t)(splitmix_next(&w->seed) % ACTORS);

    for (uint32_t k = 0; k < ACTORS; k++) {
        uint32_t from = (start + k) % ACTORS;
        struct stream *s = &w->stream[from][a->index];
        struct tw_ctx cx;
        struct tw_msg m;

        if (s->taken >= visible(w, from, a->index))
            continue;
        memset(&m, 0, sizeof m);
        m.type = s->mail[s->taken].type;
        m.bytes = s->mail[s->taken].bytes;
        m.body = s->mail[s->taken].body;
        m.from = FIRST_VERTEX + from;
        s->taken++;
        a->again = 1;
        run_handler(w, a, TW_OP_RECEIVE, &m, &cx);
        take_effect(w, a, &cx);
        return 1;
    }
    return 0;
}

/* 1 if the actor had something to do and was let do it. */
static int turn(struct world *w, struct actor *a)
{
    struct tw_ctx cx;

    if (a->done || !has_room(w, a))
        return 0;
    if (!a->started) {
        memset(a->state, 0xa5, a->bytes);       /* init may not count on zeroes */
        run_handler(w, a, TW_OP_INIT, NULL, &cx);
        a->started = a->again = 1;
    } else if (a->again) {
        a->again = 0;
        run_handler(w, a, TW_OP_STEP, NULL, &cx);
    } else {
        return take_one(w, a);
    }
    take_effect(w, a, &cx);
    return 1;
}

/* Now and then an actor falls, or a worker's eight tiles together. */
static void maybe_fault(struct world *w, uint32_t one_in)
{
    uint32_t victim = (uint32_t)(splitmix_next(&w->seed) % ACTORS);

    if (one_in == 0 || splitmix_next(&w->seed) % one_in != 0)
        return;
    if (victim < TILES && splitmix_next(&w->seed) % 4 == 0)
        for (uint32_t i = 0; i < 8; i++)
            roll_back(w, &w->actor[victim / 8 * 8 + i]);
    else
        roll_back(w, &w->actor[victim]);
}

/* Until the collector is done.  0, or -1: an actor failed or nobody can move. */
static int run_world(struct world *w, uint32_t fault_one_in)
{
    while (!w->actor[TILES].done && w->failed_code == 0) {
        uint32_t start = (uint32_t)(splitmix_next(&w->seed) % ACTORS), k = 0;

        while (k < ACTORS && !turn(w, &w->actor[(start + k) % ACTORS]))
            k++;
        if (k == ACTORS) {              /* who would go idle commits; then somebody must have room */
            for (k = 0; k < ACTORS; k++)
                if (!w->actor[k].done)
                    commit(w, &w->actor[k]);
            for (k = 0; k < ACTORS && !turn(w, &w->actor[k]); k++)
                ;
            if (k == ACTORS)
                return -1;
        }
        maybe_fault(w, fault_one_in);
    }
    return w->failed_code == 0 ? 0 : -1;
}

static struct world *create_world(const char *input, const char *dir, uint64_t steps, uint64_t report, uint64_t seed)
{
    struct world *w = calloc(1, sizeof *w);

    w->input = input;
    w->dir = dir;
    w->steps = steps;
    w->report = report;
    w->seed = seed;
    w->alpha = 0.1;
    for (uint32_t i = 0; i < ACTORS; i++) {
        struct actor *a = &w->actor[i];

        a->index = i;
        a->type = i == TILES ? COLLECTOR : TILE;
        a->bytes = tw_program.types[a->type].state_bytes;
        a->state = malloc(a->bytes);
        a->committed = calloc(1, a->bytes);
    }
    return w;
}

static void destroy_world(struct world *w)
{
    for (uint32_t i = 0; i < ACTORS; i++) {
        free(w->actor[i].state);
        free(w->actor[i].committed);
        for (uint32_t k = 0; k < ACTORS; k++) {
            for (uint64_t n = 0; n < w->stream[i][k].count; n++)
                free(w->stream[i][k].mail[n].body);
            free(w->stream[i][k].mail);
        }
    }
    free(w);
}

/* ---- pictures and files ------------------------------------------------------------------------ */

static char base[64], ours[96], theirs[96], picture[96];

static void make_picture(uint32_t width, uint32_t height, uint32_t full, uint64_t seed)
{
    FILE *f = fopen(picture, "wb");
    struct world w = {.seed = seed};

    fprintf(f, "P5 # made\n%u\n# for a test\n%u %u\n", width, height, full);
    for (uint32_t i = 0; i < width * height; i++) {
        uint64_t grey = splitmix_next(&w.seed) % 8 == 0 ? full - splitmix_next(&w.seed) % (full / 8 + 1) : splitmix_next(&w.seed) % (full / 2 + 1);

        if (full > 255)
            putc((int)(grey >> 8), f);
        putc((int)(grey & 255), f);
    }
    fclose(f);
}

static long slurp(const char *dir, const char *name, unsigned char *to, size_t room)
{
    char path[160];
    FILE *f;
    size_t got;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "rb");
    if (!f)
        return -1;
    got = fread(to, 1, room, f);
    fclose(f);
    return (long)got;
}

static unsigned char left[1200000], right[1200000];

static int files_equal(const char *name)
{
    long a = slurp(ours, name, left, sizeof left), b = slurp(theirs, name, right, sizeof right);

    return a > 0 && a == b && memcmp(left, right, (size_t)a) == 0;
}

static void remove_files(void)
{
    static const char *const names[] = {"heat.raw", "heat.csv", "heat.pgm", "heat.png", "heat.raw.part",
                                        "heat.csv.part", "heat.pgm.part", "heat.png.part"};
    char path[160];

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", ours, names[i]);
        unlink(path);
        snprintf(path, sizeof path, "%s/%s", theirs, names[i]);
        unlink(path);
    }
}

static int png_is_whole(uint32_t width, uint32_t height)
{
    long n = slurp(ours, "heat.png", left, sizeof left);

    return n > 45 && memcmp(left, "\x89PNG\r\n\x1a\n", 8) == 0 && memcmp(left + n - 8, "IEND", 4) == 0 &&
           (uint32_t)(left[18] << 8 | left[19]) == width && (uint32_t)(left[22] << 8 | left[23]) == height;
}

/* ---- tests ------------------------------------------------------------------------------------- */

struct scene {
    uint32_t width, height, full, steps, report, work, seeds, fault_one_in, lazy;
};

static void job_equals_reference(const struct scene *c, uint64_t seed)
{
    struct reference_settings set = {c->steps, c->report, 0.1f, 90.0f};
    struct reference_plate plate;
    char why[256] = "";
    struct world *w = create_world(picture, ours, c->steps, c->report, seed);
    int rc, ref;

    remove_files();
    w->work = c->work;
    w->lazy = c->lazy != 0;
    rc = run_world(w, c->fault_one_in);
    ref = reference_read(picture, &plate, why, sizeof why);
    if (ref == 0) {
        ref = reference_run(&plate, &set, theirs, why, sizeof why);
        reference_release(&plate);
    }
    if (rc != 0 || ref != 0)
        printf("# rc %d, code %#x of actor %u; reference %d %s\n", rc, w->failed_code, w->failed_index, ref, why);
    ok(rc == 0 && ref == 0 && files_equal("heat.raw") && files_equal("heat.csv") &&
       files_equal("heat.pgm") && png_is_whole(c->width, c->height),
       "%u x %u, %u steps, seed %" PRIu64 ": the job's files equal the reference's, bit for bit", c->width,
       c->height, c->steps, seed);
    if (c->fault_one_in) {
        ok(w->rollbacks > 10 && w->repeats > 0 && w->open_messages > 0 && w->differing == 0,
           "... after %" PRIu64 " falls with messages open, %" PRIu64 " were sent again, all as before",
           w->rollbacks, w->repeats);
        is_int((long long)w->actor[TILES - 1].progress, c->steps, "... and progress counts each step once");
    }
    destroy_world(w);
}

/* What a tile says to one message out of the blue: a fault code, or 0. */
static uint32_t answer(struct world *w, uint32_t tile, uint32_t type, uint32_t from, const void *body, uint32_t bytes)
{
    struct tw_msg m = {type, FIRST_VERTEX + from, bytes, 0, body};
    struct tw_ctx cx;

    run_handler(w, &w->actor[tile], TW_OP_RECEIVE, &m, &cx);
    for (uint32_t i = 0; i < cx.sends; i++)
        free(cx.mail[i].body);
    return cx.failed ? cx.code : 0;
}

static void tile_refuses_nonsense(void)
{
    struct world *w = create_world(picture, ours, 10, 1, 1);
    struct { uint32_t step, side, count, reserved; float cell[64]; } b = {0, 2, 4, 0, {0}};
    struct tw_ctx cx;

    run_handler(w, &w->actor[9], TW_OP_INIT, NULL, &cx);
    is_int(answer(w, 9, MSG_BORDER, 10, &b, 32), 0, "a border may come before the tile's own pixels");
    is_int(answer(w, 9, MSG_BORDER, 10, &b, 32), FAULT_ORDER, "the same border twice fails the tile");
    b.step = 1;
    is_int(answer(w, 9, MSG_BORDER, 10, &b, 32), 0, "a neighbour may be one step ahead");
    b.step = 11;
    is_int(answer(w, 9, MSG_BORDER, 10, &b, 32), 0, "... or eleven, after a resume");
    b.step = 12;
    is_int(answer(w, 9, MSG_BORDER, 10, &b, 32), FAULT_ORDER, "a neighbour further ahead fails the tile");
    b.step = 0;
    is_int(answer(w, 9, MSG_BORDER, 1, &b, 32), FAULT_MESSAGE, "a border from the wrong side fails the tile");
    is_int(answer(w, 9, MSG_BORDER, 10, &b, 28), FAULT_MESSAGE, "a border cut short fails the tile");
    is_int(answer(w, 9, 77, 10, &b, 32), FAULT_MESSAGE, "an unknown message fails the tile");
    is_int(answer(w, 9, TW_PEER_FRESH, 10, NULL, 0), FAULT_MESSAGE, "a neighbour that lost its commit fails the tile");
    destroy_world(w);
}

static void collector_refuses_bad_input(void)
{
    struct world *w = create_world(picture, ours, 10, 1, 1);
    struct tw_ctx cx;

    make_picture(16, 16, 255, 1);
    w->steps = 5000;
    run_handler(w, &w->actor[TILES], TW_OP_INIT, NULL, &cx);
    is_int(cx.code, FAULT_SETTING, "more reports than the collector holds fail it");
    w->steps = 10;
    w->alpha = 0.3;
    run_handler(w, &w->actor[TILES], TW_OP_INIT, NULL, &cx);
    is_int(cx.code, FAULT_SETTING, "an alpha that is not stable fails it");
    w->alpha = 0.1;
    is_int(truncate(picture, 200), 0, "the picture is cut short");
    run_handler(w, &w->actor[TILES], TW_OP_INIT, NULL, &cx);
    is_int(cx.code, FAULT_PICTURE, "... and fails the collector");
    w->input = "/nonexistent/plate.pgm";
    run_handler(w, &w->actor[TILES], TW_OP_INIT, NULL, &cx);
    is_int(cx.code, FAULT_PICTURE, "so does one that is not there");
    destroy_world(w);
}

static void reference_says(const char *text, size_t bytes, int code, const char *words)
{
    struct reference_plate plate;
    char why[256] = "";
    FILE *f = fopen(picture, "wb");
    int got;

    fwrite(text, 1, bytes, f);
    fclose(f);
    got = reference_read(picture, &plate, why, sizeof why);
    if (got == 0)
        reference_release(&plate);
    if (!ok(got == code && strstr(why, words) != NULL, "a picture that is %s is refused with %d", words, code))
        printf("# got %d: %s\n", got, why);
}

static void reference_refuses_bad_pictures(void)
{
    struct reference_plate plate;
    char why[256];

    reference_says("P6\n8 8\n255\n", 11, REFERENCE_BAD_DATA, "not a binary PGM");
    reference_says("", 0, REFERENCE_BAD_DATA, "not a binary PGM");
    reference_says("P5\n8 8\n255", 10, REFERENCE_BAD_DATA, "not a binary PGM");
    reference_says("P5\n8 8\n255\n0123", 15, REFERENCE_BAD_DATA, "truncated");
    reference_says("P5 513 8 255\n", 13, REFERENCE_BAD_DATA, "too big");
    reference_says("P5 7 8 255\n", 11, REFERENCE_BAD_DATA, "too small");
    reference_says("P5 8 8 65536\n", 13, REFERENCE_BAD_DATA, "white");
    reference_says("P5 8 8 9\n0123456789012345678901234567890123456789012345678901234567890123", 73,
                   REFERENCE_BAD_DATA, "brighter");
    unlink(picture);
    is_int(reference_read(picture, &plate, why, sizeof why), REFERENCE_NO_INPUT, "a missing one with 66");
}

int main(void)
{
    static const struct scene scenes[] = {
        {8, 8, 255, 40, 7, 0, 3, 0, 0},         {9, 13, 255, 60, 1, 0, 3, 60, 0},
        {9, 13, 255, 60, 1, 0, 3, 300, 1},      {31, 64, 65535, 40, 10, 0, 3, 60, 0},
        {100, 75, 4095, 40, 4, 2, 3, 300, 1},   {8, 512, 255, 20, 5, 0, 2, 200, 0},
        {256, 256, 255, 40, 8, 0, 2, 300, 0},   {511, 509, 65535, 9, 20, 0, 1, 400, 0},
        {512, 512, 255, 5, 1, 0, 1, 100, 0},
    };

    snprintf(base, sizeof base, "%s/heat_local.XXXXXX", "/tmp");
    if (!mkdtemp(base))
        skip_all("no folder can be made in /tmp");
    snprintf(ours, sizeof ours, "%s/ours", base);
    snprintf(theirs, sizeof theirs, "%s/theirs", base);
    snprintf(picture, sizeof picture, "%s/picture.pgm", base);
    mkdir(ours, 0700);
    mkdir(theirs, 0700);
    is_int(tw_program.api, TW_ACTOR_API, "the program is of this actor API");
    is_int(tw_program.count, 2, "it has two actor types");
    for (size_t i = 0; i < sizeof scenes / sizeof scenes[0]; i++) {
        make_picture(scenes[i].width, scenes[i].height, scenes[i].full, i);
        for (uint64_t seed = 1; seed <= scenes[i].seeds; seed++)
            job_equals_reference(&scenes[i], seed);
    }
    tile_refuses_nonsense();
    collector_refuses_bad_input();
    reference_refuses_bad_pictures();
    remove_files();
    rmdir(ours);
    rmdir(theirs);
    rmdir(base);
    done_testing();
}
