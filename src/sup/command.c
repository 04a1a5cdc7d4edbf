/* command.c - what people tell a job to do: any rank takes it, the root does it */
#include <stdio.h>
#include <string.h>

#include "sup/root_impl.h"

/* -- any rank ------------------------------------------------------------------------------------- */

static void command_frame(union cell *c, uint16_t type, uint64_t token, int rank)
{
    memset(c, 0, sizeof *c);
    c->cmd.type = type;
    c->cmd.token = token;
    c->cmd.rank = (uint32_t)rank;
}

static void root_command(struct rank *r, int from, uint64_t token, const struct rank_command *c);

static void refuse(struct rank *r, uint64_t token, int exit_code, const char *text)
{
    struct rank_answer a = {.exit_code = exit_code};

    snprintf(a.text, sizeof a.text, "%s", text);
    r->cx.out.answer(r->cx.out.self, token, &a);
}

void rank_command(struct rank *r, uint64_t token, const struct rank_command *c)
{
    union cell frame;

    if (r->phase != RANK_RUNNING) {
        refuse(r, token, 69, "the job is not running: it starts or ends just now: ask `treewarden status`");
        return;
    }
    if (is_root(r)) {
        root_command(r, r->me, token, c);
        return;
    }
    command_frame(&frame, CELL_CMD, token, r->me);
    if (link_send(&r->cx.link, 0, &frame, c, sizeof *c) != 0)
        refuse(r, token, 75, "the root is not reached just now: try again");
}

/* False: there is no room on the way just now. */
static bool answer_to(struct rank *r, int to, uint64_t token, const struct rank_answer *a)
{
    union cell frame;

    if (to == r->me) {
        r->cx.out.answer(r->cx.out.self, token, a);
        return true;
    }
    command_frame(&frame, CELL_CMD_REPLY, token, to);
    return link_send(&r->cx.link, to, &frame, a, sizeof *a) != TW_EFULL;
}

void command_cell(struct rank *r, int from, const struct cell_cmd *c, const void *body, size_t bytes)
{
    struct rank_command command;
    struct rank_answer answer;

    if (c->type == CELL_CMD && is_root(r) && bytes == sizeof command) {
        memcpy(&command, body, sizeof command);
        command.path[sizeof command.path - 1] = '\0';
        root_command(r, from, c->token, &command);
    } else if (c->type == CELL_CMD_REPLY && bytes == sizeof answer) {
        memcpy(&answer, body, sizeof answer);
        answer.text[sizeof answer.text - 1] = '\0';
        r->cx.out.answer(r->cx.out.self, c->token, &answer);
    }
}

/* -- the root ------------------------------------------------------------------------------------- */

static const char *verb_name(uint32_t verb)
{
    switch (verb) {
#define X(name, text) case VERB_##name: return text;
    RANK_VERB_LIST(X)
#undef X
    }
    return "?";
}

static void journal_command(struct rank *r, uint16_t type, const struct pending_command *p)
{
    struct journal_record rec = note(r, type, NO_VERTEX);

    rec.a = p->answer.matched;
    rec.b = p->answer.lives;
    /* A long path is cut, so that the answer is whole: names of verbs and of answers are short. */
    snprintf(rec.text, sizeof rec.text, "%s %.40s%s%s", verb_name(p->command.verb), p->command.path,
             type == JOURNAL_RESULT ? ": " : "", type == JOURNAL_COMMAND ? "" : p->word ? p->word : "done");
    noted(r, &rec);
}

/* Each client hears once of what it asked for, however full the way to its rank is. */
static void tell_client(struct rank *r, struct pending_command *p)
{
    if (!p->told)
        p->told = answer_to(r, p->from, p->token, &p->answer);
    p->used = !p->told || p->left > 0;
}

static void settle(struct rank *r, struct pending_command *p)
{
    journal_command(r, JOURNAL_RESULT, p);
    p->settled = true;
    tell_client(r, p);
}

static bool is_pool(const struct rank *r, uint32_t vertex)
{
    return vertex != SPEC_NONE && r->cx.spec->vertices[vertex].kind == SPEC_SUPERVISOR &&
           r->cx.spec->vertices[vertex].strategy == SIMPLE_ONE_FOR_ONE;
}

/* A pool that is there is asked for an instance; one that is gone is itself the child to be started. */
uint16_t start_verb(const struct rank *r, uint32_t vertex)
{
    return is_pool(r, vertex) && r->table[vertex].state != VERTEX_GONE ? SUPTREE_SPAWN : SUPTREE_START_CHILD;
}

static bool is_call(uint32_t verb) { return verb >= VERB_CHILD_TERMINATE && verb <= VERB_CHILD_START; }

static uint32_t lives_below(const struct rank *r, uint32_t top)
{
    uint32_t n = 0;

    for (uint32_t v = top; v < r->vertices; v++) {
        uint32_t up = v;

        while (up != SPEC_NONE && up > top)
            up = r->cx.spec->vertices[up].parent;
        if (up != top)
            break;              /* ids count depth first: the branch ends here */
        n += r->cx.spec->vertices[v].kind == SPEC_ACTOR && r->table[v].state == VERTEX_RUNNING;
    }
    return n;
}

/* An engine's token: which command, which half of a restart, which vertex. */
#define TOKEN_SECOND (1ull << 32)

static uint64_t token_of(const struct rank *r, const struct pending_command *p, uint32_t vertex)
{
    return (uint64_t)(p - r->root->commands) << 33 | vertex;
}

/* An injury is inflicted at once or not at all: whoever asked for it can ask again. */
static void injure(struct rank *r, struct pending_command *p, uint32_t vertex)
{
    const char *path = r->cx.spec->vertices[vertex].path, *state = vertex_state_name(r->table[vertex].state);
    bool runs = r->table[vertex].state == VERTEX_RUNNING;
    int rc = r->cx.spec->vertices[vertex].kind == SPEC_ACTOR && r->cx.drills_allowed && !runs
                 ? TW_EAGAIN : root_drill(r, p->command.how, vertex, UINT32_MAX, 0);

    if (rc == 0)
        return;
    p->answer.exit_code = rc == TW_EAGAIN ? 75 : 2;
    p->word = rc == TW_EAGAIN ? "not running" : rc == TW_EDENIED ? "no drills" : "no actor";
    if (rc == TW_EAGAIN)
        snprintf(p->answer.text, sizeof p->answer.text, "fail: %.100s is %s: only what runs is injured: try again",
                 path, state);
    else if (rc == TW_EDENIED)
        snprintf(p->answer.text, sizeof p->answer.text, "fail: refused: this job was started without drills: start "
                 "it with --drills and a `drills:` list in the specification");
    else
        snprintf(p->answer.text, sizeof p->answer.text, "fail: %.100s is a supervisor: only actors are injured: "
                 "name an actor", path);
}

/* A restart's stop and start come one by one to a home that may be elsewhere; what waits for a slot there must not take
 * the one that the stop leaves.  Told to each rank before the stop, on the same way; a branch that is at home on a rank
 * has all its actors there. */
static void keep_places(struct rank *r, uint32_t top, bool keep)
{
    const struct spec *s = r->cx.spec;
    union cell c;

    for (uint32_t v = top; v != SPEC_NONE; v = spec_next_below(s, v, top)) {
        bool actor = s->vertices[v].kind == SPEC_ACTOR;
        int to = actor ? r->cx.rank_of[v] : r->cx.home_of[v];

        if ((v != top && r->cx.home_of[s->vertices[v].parent] >= 0) || spec_is_template(s, v) || to < 0 ||
            to >= r->size || r->down[to])
            continue;
        memset(&c, 0, sizeof c);
        c.admin.type = CELL_ADMIN;
        c.admin.dst = v;
        c.admin.verb = ADMIN_KEEP;
        c.admin.flags = keep;
        send_cell(r, to, &c);
    }
}

static void restart(struct rank *r, const struct pending_command *p, uint32_t vertex)
{
    if (is_pool(r, r->cx.spec->vertices[vertex].parent)) {
        root_result(r, vertex, token_of(r, p, vertex), ANSWER_SIMPLE_ONE_FOR_ONE);      /* before it is stopped for it */
    } else if (r->cx.spec->vertices[vertex].restart == RESTART_TEMPORARY) {
        root_result(r, vertex, token_of(r, p, vertex), ANSWER_INVALID);     /* nor is who is forgotten then */
    } else {
        keep_places(r, vertex, true);
        root_admin(r, SUPTREE_TERMINATE, vertex, false, token_of(r, p, vertex));
    }
}

static void begin(struct rank *r, struct pending_command *p, uint32_t n)
{
    static const uint16_t engine_verb[] = {
        [VERB_KILL] = SUPTREE_KILL, [VERB_TERMINATE] = SUPTREE_TERMINATE,
        [VERB_CHILD_TERMINATE] = SUPTREE_TERMINATE, [VERB_CHILD_RESTART] = SUPTREE_RESTART,
        [VERB_CHILD_DELETE] = SUPTREE_DELETE};
    /* A child that is started anew is a new one. */
    bool fresh = p->command.verb == VERB_CHILD_START || (p->command.verb == VERB_CHILD_RESTART && p->command.fresh);
    const uint32_t *ids = r->root->matches;

    p->left = p->command.verb == VERB_FAIL ? 0 : n;
    for (uint32_t i = 0; i < n; i++)
        if (p->command.verb == VERB_FAIL)
            injure(r, p, ids[i]);
        else if (p->command.verb == VERB_CHILD_START)
            root_admin(r, start_verb(r, ids[i]), ids[i], fresh, token_of(r, p, ids[i]));
        else if (p->command.verb == VERB_RESTART)
            restart(r, p, ids[i]);
        else
            root_admin(r, engine_verb[p->command.verb], ids[i], fresh, token_of(r, p, ids[i]));
    if (p->command.verb == VERB_FAIL)
        settle(r, p);
}

/* As status prints them: device:RANK.DEVICE. */
static bool is_device(const struct pending_command *p) { return !strncmp(p->command.path, "device:", 7); }

static bool find_device(const struct rank *r, const char *path, int *ret_rank, uint32_t *ret_device)
{
    unsigned rank, device;
    int end = -1;

    if (sscanf(path, "device:%5u.%5u%n", &rank, &device, &end) != 2 || path[end] != '\0' ||
        rank >= (unsigned)r->size || r->down[rank] || device >= r->ranks[rank].device_count)
        return false;
    *ret_rank = (int)rank;
    *ret_device = device;
    return true;
}

/* `restart device:R.D`: a device in quarantine is used again. */
static void lift(struct rank *r, struct pending_command *p)
{
    union cell c;
    uint32_t device = 0;
    int to = 0;

    p->answer.exit_code = 2;
    if (p->command.verb != VERB_RESTART)
        snprintf(p->answer.text, sizeof p->answer.text, "%s: %.100s is a device: only `restart` takes one: name a "
                 "vertex", verb_name(p->command.verb), p->command.path);
    else if (!find_device(r, p->command.path, &to, &device))
        snprintf(p->answer.text, sizeof p->answer.text, "restart: %.100s: no such device: `treewarden status "
                 "--rank R` shows which rank R has", p->command.path);
    else
        p->answer = (struct rank_answer){.matched = 1};
    if (p->answer.exit_code || p->command.dry) {
        p->settled = true;
        tell_client(r, p);
        return;
    }
    journal_command(r, JOURNAL_COMMAND, p);
    p->left = 1;
    memset(&c, 0, sizeof c);
    c.admin.type = CELL_ADMIN;
    c.admin.dst = device;
    c.admin.verb = ADMIN_LIFT;
    c.admin.token = token_of(r, p, 0);
    send_cell(r, to, &c);
}

static void root_command(struct rank *r, int from, uint64_t token, const struct rank_command *c)
{
    struct root *root = r->root;
    struct pending_command *p = NULL;
    uint32_t n;

    for (uint32_t i = 0; i < COMMANDS && !p; i++)
        if (!root->commands[i].used)
            p = &root->commands[i];
    if (!p) {
        struct rank_answer busy = {.exit_code = 75, .text = "64 commands are under way: try again"};

        (void)answer_to(r, from, token, &busy);
        return;
    }
    *p = (struct pending_command){.used = true, .from = from, .token = token, .command = *c,
                                  .since_us = r->clock_us};
    if (is_device(p)) {
        lift(r, p);
        return;
    }
    n = c->verb < VERB_COUNT ? spec_match(r->cx.spec, c->path, root->matches, r->vertices) : 0;
    p->answer.matched = n;
    for (uint32_t i = 0; i < n; i++)
        p->answer.lives += lives_below(r, root->matches[i]);
    if (n == 0) {
        p->answer.exit_code = 2;
        snprintf(p->answer.text, sizeof p->answer.text, "%s: %.100s: no such vertex: `treewarden tree` shows "
                 "the paths there are", verb_name(c->verb), c->path);
    } else if (n == 1 && root->matches[0] == 0 && c->verb != VERB_FAIL &&
               !(c->verb == VERB_CHILD_START && is_pool(r, 0))) {
        p->answer.exit_code = 2;
        snprintf(p->answer.text, sizeof p->answer.text, "%s: the root supervisor is the job: end the job by a "
                 "signal to mpirun, or name a branch", verb_name(c->verb));
    }
    if (n > 1 && is_call(c->verb)) {
        p->answer.exit_code = 2;
        snprintf(p->answer.text, sizeof p->answer.text, "%s: %.100s: %u vertices match: name one child", verb_name(c->verb),
                 c->path, n);
    }
    if (p->answer.exit_code || c->dry) {
        p->settled = true;              /* nothing was done: nothing for the journal */
        tell_client(r, p);
        return;
    }
    journal_command(r, JOURNAL_COMMAND, p);
    begin(r, p, n);
}

/* As a trace has it; the verb is child-OP. */
static void note_answer(const struct rank *r, struct pending_command *p, uint32_t vertex, uint8_t answer)
{
    p->answer.exit_code = answer == ANSWER_OK || answer == ANSWER_IGNORED ? 0 : 1;
    p->answer.answer = 1u + answer;
    p->answer.child = 1u + vertex;
    p->word = suptree_answer_name(answer);
    snprintf(p->answer.text, sizeof p->answer.text, "result %s %.120s %s%s", strchr(verb_name(p->command.verb), '-') + 1,
             r->cx.spec->vertices[vertex].path, suptree_answer_name(answer), answer != ANSWER_MAX_CHILDREN ? "" :
             ": all instances are in use: terminate one, or raise max_children in the specification");
}

static const char *why_not(const struct rank *r, uint32_t vertex, uint8_t answer)
{
    switch (answer) {
    case ANSWER_NOT_FOUND: return "its supervisor is not up, or has dropped it: see `treewarden tree`, and try again";
    case ANSWER_SIMPLE_ONE_FOR_ONE:
        return "a pool starts no instance again: `treewarden child terminate` it, and `child start` another of the pool";
    case ANSWER_INVALID:
        if (r->cx.spec->vertices[vertex].restart == RESTART_TEMPORARY)
            return "a temporary child is forgotten when it stops: `treewarden child terminate` it, and `child start` it";
        break;
    }
    return suptree_answer_name(answer);
}

static void note_lifted(struct pending_command *p, uint8_t answer)
{
    struct rank_answer no = {.exit_code = 1, .matched = 1};

    if (answer == ANSWER_OK)
        return;
    snprintf(no.text, sizeof no.text, "restart: %.100s is not in quarantine: nothing was done", p->command.path);
    p->answer = no;
    p->word = "not in quarantine";
}

/* The engine's answer for one vertex.  A restart's first half, the stop, goes over into its second. */
void command_result(struct rank *r, uint32_t vertex, uint64_t token, uint8_t answer)
{
    struct pending_command *p;

    if (token >> 33 >= COMMANDS || vertex >= r->vertices || !r->root->commands[token >> 33].used)
        return;
    p = &r->root->commands[token >> 33];
    if (p->command.verb == VERB_RESTART && !(token & TOKEN_SECOND) && answer == ANSWER_OK && !is_device(p)) {
        root_admin(r, SUPTREE_RESTART, vertex, p->command.fresh != 0, token | TOKEN_SECOND);
        return;
    }
    if (p->command.verb == VERB_RESTART && !is_device(p))
        keep_places(r, vertex, false);
    if (is_device(p)) {
        note_lifted(p, answer);
    } else if (is_call(p->command.verb)) {
        note_answer(r, p, vertex, answer);
    } else if (answer != ANSWER_OK) {
        p->answer.exit_code = 1;
        p->word = suptree_answer_name(answer);
        snprintf(p->answer.text, sizeof p->answer.text, "%s: %.120s: %s", verb_name(p->command.verb),
                 r->cx.spec->vertices[vertex].path, why_not(r, vertex, answer));
    }
    if (p->left > 0 && --p->left == 0) {
        if (p->settled)
            tell_client(r, p);
        else
            settle(r, p);
    }
}

void commands_turn(struct rank *r)
{
    for (uint32_t i = 0; i < COMMANDS; i++) {
        struct pending_command *p = &r->root->commands[i];

        if (p->used && p->settled && !p->told)
            tell_client(r, p);
        if (!p->used || p->settled || r->clock_us - p->since_us < COMMAND_MS * 1000u)
            continue;
        p->answer.exit_code = 75;
        p->word = "not done in time";
        snprintf(p->answer.text, sizeof p->answer.text, "%s: not done after %u s: it goes on: ask `treewarden "
                 "tree`", verb_name(p->command.verb), COMMAND_MS / 1000);
        settle(r, p);
    }
}
