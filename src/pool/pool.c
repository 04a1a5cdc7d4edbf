/* pool.c - what becomes of slots: the engine decides, the owner carries out, the table remembers
 *
 * Every call that ends or begins something gives the engine an input and then takes its effects one by one
 * (next_action).  A list that is longer than the caller's room stays in the engine: it is made as it is taken, so it
 * needs no memory however long it is.
 */
#include "pool/pool_impl.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static_assert((int)TW_POOL_ENOENT == TW_ENOENT && (int)TW_POOL_EFULL == TW_EFULL && (int)TW_POOL_EAGAIN == TW_EAGAIN &&
              (int)TW_POOL_EINVAL == TW_EINVAL && (int)TW_POOL_ESTALE == TW_ESTALE && (int)TW_POOL_ENOMEM == TW_ENOMEM &&
              (int)TW_POOL_ESTATE == TW_ESTATE, "one number, one meaning");
static_assert((int)TW_PERMANENT == RESTART_PERMANENT && (int)TW_TRANSIENT == RESTART_TRANSIENT &&
              (int)TW_TEMPORARY == RESTART_TEMPORARY && (int)TW_ONE_FOR_ONE == ONE_FOR_ONE &&
              (int)TW_ONE_FOR_ALL == ONE_FOR_ALL && (int)TW_REST_FOR_ONE == REST_FOR_ONE, "the engine's words");
static_assert((int)TW_EXIT_NORMAL == CLASS_NORMAL && (int)TW_EXIT_SHUTDOWN == CLASS_SHUTDOWN &&
              (int)TW_EXIT_KILLED == CLASS_KILLED && (int)TW_EXIT_ABNORMAL == CLASS_ABNORMAL &&
              TW_UNLIMITED == SUPTREE_UNLIMITED && (int)TW_EXIT_COUNT == CLASS_COUNT, "... and its exits");

#define ROOT 0u
/* Effects are taken after each input, and an input makes no more than a few before it waits for an answer: but for
 * records, of which only one kind is wanted here. */
#define ENGINE_BUFFER 64u
static struct suptree_limits limits_of(uint32_t grid)
{
    return (struct suptree_limits){.vertices = grid, .ids = grid, .messages = ENGINE_BUFFER, .effects = ENGINE_BUFFER,
                                   .untold = ~(1u << RECORD_GIVEUP)};
}

/* -- slots ---------------------------------------------------------------------------------------- */

static bool is_alive(const struct tw_pool_entry *e)
{
    return e->state == TW_POOL_INITIALIZING || e->state == TW_POOL_ACTIVE;
}

static void set_state(struct tw_pool *p, uint32_t slot, unsigned state)
{
    struct tw_pool_entry *e = &p->entries[slot];
    unsigned from = e->state;

    if (slot != ROOT) {
        p->counts[from]--;
        p->counts[state]++;
    }
    e->state = state;
    e->since_ms = p->now_ms;
    if (p->watch)
        p->watch(p->watch_self, p, e->id, from, state);
}

static void set_deadline(struct tw_pool *p, uint32_t slot, uint64_t from_ms, uint32_t length_ms)
{
    uint64_t at_ms = from_ms + length_ms;

    if (at_ms < from_ms || at_ms == NEVER)      /* the end of time is late, not never */
        at_ms = NEVER - 1;
    if (length_ms == TW_FOREVER)
        deadline_drop(p, slot);
    else
        deadline_set(p, slot, at_ms, from_ms - p->now_ms + length_ms);
}

static void begin_life(struct tw_pool *p, uint32_t slot, uint64_t at_ms)
{
    struct tw_pool_entry *e = &p->entries[slot];
    uint64_t life = tw_pool_life(e->id) + 1;

    if (life == 1ull << (64 - TW_POOL_SLOT_BITS))
        life = 1;
    e->id = life << TW_POOL_SLOT_BITS | slot;
    e->parent = p->entries[tw_pool_slot(e->parent)].id;         /* of the life its supervisor has now */
    e->progress = 0;
    e->starts++;
    set_deadline(p, slot, at_ms, p->specs[slot].init_ms);
    set_state(p, slot, TW_POOL_INITIALIZING);
}

/* The block may run until its owner says otherwise: nobody gets the slot before (A24). */
static void begin_stop(struct tw_pool *p, uint32_t slot)
{
    set_deadline(p, slot, p->now_ms, p->specs[slot].drain_ms);
    set_state(p, slot, TW_POOL_DRAINING);
}

static void end_life(struct tw_pool *p, uint32_t slot, unsigned state)
{
    deadline_drop(p, slot);
    set_state(p, slot, state);
}

static void free_slot(struct tw_pool *p, uint32_t slot)
{
    struct tw_pool_entry *e = &p->entries[slot];

    end_life(p, slot, TW_POOL_DORMANT);
    e->parent = TW_NO_ACTOR;
    e->later = p->free;
    p->free = slot;
}

static void stopped(struct tw_pool *p, uint32_t slot)
{
    if (p->entries[slot].kept)
        end_life(p, slot, TW_POOL_TERMINATED);
    else
        free_slot(p, slot);
}

/* Out of the tree; its slot follows when no block can run in it any more. */
static uint64_t forget(struct tw_pool *p, uint32_t slot)
{
    struct tw_pool_entry *e = &p->entries[slot];
    uint64_t id = e->id;
    int rc = suptree_remove(p->tree, slot);

    assert(rc == 0 && "what is forgotten has no children and its supervisor is idle");
    (void)rc;
    e->kept = 0;
    if (slot == p->kill_from)
        p->kill_from = NO_SLOT;
    if (is_alive(e))
        begin_stop(p, slot);
    else if (e->state != TW_POOL_DRAINING)
        free_slot(p, slot);
    return id;
}

/* -- the engine ----------------------------------------------------------------------------------- */

static struct suptree_input *input(struct tw_pool *p, uint16_t kind, uint32_t vertex)
{
    struct suptree_input *in = &p->in;

    in->kind = kind;
    in->vertex = vertex;
    in->cls = in->cause = 0;
    in->fresh = false;
    in->line = in->reign = in->count = 0;
    in->life = in->token = 0;
    return in;
}

static void take(struct tw_pool *p)
{
    int rc = suptree_take(p->tree, p->now_ms, &p->in);

    assert(rc == 0 && "the engine knows every life of the table");
    (void)rc;
}

static void answer(struct tw_pool *p, const struct suptree_effect *e, uint16_t kind)
{
    struct suptree_input *in = input(p, kind, e->vertex);

    in->life = e->life;
    in->cls = CLASS_SHUTDOWN;
    in->cause = CAUSE_SUPERVISOR;
    take(p);
}

/* Doubled with each failure in a row; a life that was well for the longest delay begins a new row. */
static uint64_t backoff(struct tw_pool *p, uint32_t slot)
{
    const struct tw_pool_spec *s = &p->specs[slot];
    uint32_t doublings = p->entries[slot].failures;
    uint64_t delay;

    if (slot != p->failed || s->backoff_min_ms == 0)
        return 0;
    delay = (uint64_t)s->backoff_min_ms << (doublings > 32 ? 32 : doublings - 1);
    return delay < s->backoff_max_ms ? delay : s->backoff_max_ms;
}

static bool act_start(struct tw_pool *p, const struct suptree_effect *e, struct tw_pool_action *ret)
{
    uint32_t slot = e->vertex;
    const struct tw_pool_entry *entry = &p->entries[slot];
    uint64_t before = entry->starts ? entry->id : TW_NO_ACTOR, at_ms = p->now_ms + backoff(p, slot);

    begin_life(p, slot, at_ms);
    *ret = (struct tw_pool_action){.kind = TW_ACTION_START, .id = entry->id, .other = before, .at_ms = at_ms};
    answer(p, e, SUPTREE_STARTED);
    return true;
}

static bool act_stop(struct tw_pool *p, const struct suptree_effect *e, struct tw_pool_action *ret)
{
    const struct tw_pool_entry *entry = &p->entries[e->vertex];

    begin_stop(p, e->vertex);
    *ret = (struct tw_pool_action){.kind = TW_ACTION_STOP, .how = p->specs[e->vertex].shutdown, .id = entry->id,
                                   .other = TW_NO_ACTOR, .at_ms = entry->deadline_ms};
    answer(p, e, SUPTREE_EXITED);
    return true;
}

static bool act_record(struct tw_pool *p, const struct suptree_effect *e, struct tw_pool_action *ret)
{
    assert(e->what == RECORD_GIVEUP && "the engine was told that no other record is wanted");
    *ret = (struct tw_pool_action){.kind = TW_ACTION_GIVE_UP, .id = p->entries[e->vertex].id,
                                   .other = p->entries[e->vertex].parent, .at_ms = p->now_ms};
    return true;
}

/* Returns true when the owner has to know. */
static bool act(struct tw_pool *p, const struct suptree_effect *e, struct tw_pool_action *ret)
{
    switch (e->kind) {
    case SUPTREE_DO_START: return act_start(p, e, ret);
    case SUPTREE_DO_STOP: return act_stop(p, e, ret);
    case SUPTREE_DO_RECORD: return act_record(p, e, ret);
    case SUPTREE_DO_RESULT: p->answer = e->what; return false;
    case SUPTREE_DO_REPORT:
        set_state(p, ROOT, e->what == SUPTREE_STARTED ? TW_POOL_ACTIVE : TW_POOL_FAILED);
        return false;
    }
    return false;
}

static bool is_gone(const struct tw_pool *p, uint32_t vertex)
{
    struct suptree_look l;

    return suptree_peek(p->tree, vertex, &l) == 0 && l.gone;
}

/* tw_pool_restart: it is down now.  A temporary one is gone by that, and is added again. */
static void start_again(struct tw_pool *p)
{
    uint32_t slot = p->again;

    p->again = NO_SLOT;
    input(p, is_gone(p, slot) ? SUPTREE_START_CHILD : SUPTREE_RESTART, slot);
    take(p);
}

static void forget_next(struct tw_pool *p, struct tw_pool_action *ret)
{
    uint32_t slot = suptree_last_below(p->tree, p->forgetting);

    if (slot == p->forgetting)
        p->forgetting = NO_SLOT;
    *ret = (struct tw_pool_action){.kind = TW_ACTION_FORGET, .id = forget(p, slot), .other = TW_NO_ACTOR,
                                   .at_ms = p->now_ms};
}

/* Effects first, for only a quiet engine lets go of what is gone.  False: nothing is left to do. */
static bool next_action(struct tw_pool *p, struct tw_pool_action *ret)
{
    for (;;) {
        const struct suptree_effect *next = suptree_next_effect(p->tree);
        uint32_t vertex;

        if (next) {
            struct suptree_effect e = *next;            /* its place is used again by what answers it */

            if (act(p, &e, ret))
                return true;
        } else if (p->again != NO_SLOT) {
            start_again(p);
        } else if (p->forgetting != NO_SLOT) {
            forget_next(p, ret);
            return true;
        } else if ((vertex = suptree_next_changed(p->tree)) == SUPTREE_NONE) {
            return false;
        } else if (is_gone(p, vertex)) {
            p->forgetting = vertex;
        }
    }
}

static int actions(struct tw_pool *p, struct tw_pool_action *ret, uint32_t room)
{
    uint32_t n = 0;

    while (n < room && (p->busy = next_action(p, &ret[n])))
        n++;
    if (!p->busy)
        p->failed = NO_SLOT;
    return (int)n;
}

/* For inputs that bring nothing the owner does not know. */
static void settle(struct tw_pool *p)
{
    struct tw_pool_action known;

    while (next_action(p, &known))
        ;
}

/* -- calls ---------------------------------------------------------------------------------------- */

static void tick(struct tw_pool *p, uint64_t now_ms)
{
    if (now_ms > p->now_ms)
        p->now_ms = now_ms;
}

/* An entry, as operand of a call that is not a look; NULL and why. */
static struct tw_pool_entry *known(struct tw_pool *p, uint64_t id, int *ret_why)
{
    struct tw_pool_entry *e = entry_of(p, id, ret_why);

    if (!e)
        p->stale += *ret_why == TW_POOL_ESTALE;
    return e;
}

/* ... of an actor: not of the root. */
static struct tw_pool_entry *operand(struct tw_pool *p, uint64_t id, int *ret_why)
{
    struct tw_pool_entry *e = known(p, id, ret_why);

    if (e == p->entries) {
        *ret_why = TW_POOL_EINVAL;
        return NULL;
    }
    return e;
}

/* ... and that is in this state. */
static struct tw_pool_entry *operand_in(struct tw_pool *p, uint64_t id, enum tw_pool_state state, int *ret_why)
{
    struct tw_pool_entry *e = operand(p, id, ret_why);

    if (e && e->state != state) {
        *ret_why = TW_POOL_ESTATE;
        return NULL;
    }
    return e;
}

static bool is_deadline(uint32_t ms) { return ms > 0; }

static bool spec_is_good(const struct tw_pool_spec *s)
{
    return memchr(s->name, '\0', sizeof s->name) && is_deadline(s->init_ms) && is_deadline(s->beat_ms) &&
           is_deadline(s->drain_ms) && s->backoff_min_ms <= s->backoff_max_ms &&
           (s->intensity <= TW_INTENSITY_MAX || s->intensity == TW_UNLIMITED) && s->period_ms > 0 &&
           s->strategy < TW_STRATEGY_COUNT && s->restart < TW_RESTART_TYPE_COUNT &&
           s->shutdown <= TW_SHUTDOWN_BRUTAL_KILL && s->dynamic <= 1;
}

static struct suptree_spec vertex_of(uint32_t slot, const struct tw_pool_spec *s)
{
    return (struct suptree_spec){.id = slot, .supervisor = true, .works = slot != ROOT,
                                 .dynamic = slot != ROOT && s->dynamic,
                                 .restart = s->restart, .strategy = s->strategy, .intensity = s->intensity,
                                 .period_ms = s->period_ms};
}

static void move_in(struct tw_pool *p, uint32_t slot, uint64_t parent, const struct tw_pool_spec *spec)
{
    struct tw_pool_entry *e = &p->entries[slot];

    p->free = e->later;
    p->specs[slot] = *spec;
    e->parent = parent;
    e->starts = 0;
    e->beat_ms = spec->beat_ms;
    e->later = e->earlier = NO_SLOT;
    e->kept = 1;
    e->failures = 0;
}

int tw_pool_create_actor(struct tw_pool *p, uint64_t now_ms, uint64_t parent, const struct tw_pool_spec *spec,
                         uint64_t *ret_id)
{
    const struct tw_pool_entry *e;
    struct suptree_spec vertex;
    uint32_t slot = p->free;
    int rc;

    if (p->busy)
        return TW_POOL_EAGAIN;
    if (!spec_is_good(spec))
        return TW_POOL_EINVAL;
    e = known(p, parent, &rc);
    if (!e)
        return rc;
    if (!is_alive(e) || !e->kept)
        return TW_POOL_ESTATE;
    if (slot == NO_SLOT)
        return TW_POOL_EFULL;
    vertex = vertex_of(slot, spec);
    if ((rc = suptree_add(p->tree, tw_pool_slot(parent), &vertex)) != 0)
        return rc;
    tick(p, now_ms);
    move_in(p, slot, parent, spec);
    input(p, spec->dynamic ? SUPTREE_START_CHILD : SUPTREE_RESTART, slot);
    take(p);
    settle(p);
    assert(p->answer == ANSWER_OK && "a live supervisor starts a new child");
    *ret_id = p->entries[slot].id;
    return 0;
}

int tw_pool_activate(struct tw_pool *p, uint64_t now_ms, uint64_t id)
{
    int rc;
    struct tw_pool_entry *e = operand_in(p, id, TW_POOL_INITIALIZING, &rc);

    if (!e)
        return rc;
    tick(p, now_ms);
    set_deadline(p, tw_pool_slot(id), p->now_ms, e->beat_ms);
    set_state(p, tw_pool_slot(id), TW_POOL_ACTIVE);
    return 0;
}

int tw_pool_stopped(struct tw_pool *p, uint64_t now_ms, uint64_t id)
{
    int rc;
    struct tw_pool_entry *e = operand_in(p, id, TW_POOL_DRAINING, &rc);

    if (!e)
        return rc;
    tick(p, now_ms);
    stopped(p, tw_pool_slot(id));
    return 0;
}

/* The entry of an actor that is in the tree, in a pool that has nothing under way. */
static struct tw_pool_entry *kept_operand(struct tw_pool *p, uint64_t now_ms, uint64_t id, int *ret_why)
{
    struct tw_pool_entry *e = operand(p, id, ret_why);

    if (!e)
        return NULL;
    *ret_why = p->busy ? TW_POOL_EAGAIN : TW_POOL_ESTATE;
    if (p->busy || !e->kept)
        return NULL;
    tick(p, now_ms);
    return e;
}

int tw_pool_destroy_actor(struct tw_pool *p, uint64_t now_ms, uint64_t id)
{
    int rc;

    if (!kept_operand(p, now_ms, id, &rc))
        return rc;
    if (suptree_last_below(p->tree, tw_pool_slot(id)) != tw_pool_slot(id))
        return TW_POOL_ESTATE;          /* its children would be nobody's (A21) */
    (void)forget(p, tw_pool_slot(id));
    return 0;
}

int tw_pool_kill_tree(struct tw_pool *p, uint64_t now_ms, uint64_t id, uint64_t *ret_ids, uint32_t room)
{
    uint32_t top = tw_pool_slot(id), slot = NO_SLOT, from, n = 0;
    int rc;

    if (room == 0)
        return TW_POOL_EINVAL;
    if (!kept_operand(p, now_ms, id, &rc))
        return rc;
    /* By linkage, not by who lives (A23): from the last leaf up, each vertex once. */
    from = id == p->kill_top && p->kill_from != NO_SLOT ? p->kill_from : top;
    for (; slot != top && n < room; n++) {
        slot = suptree_last_below(p->tree, from);
        from = tw_pool_slot(p->entries[slot].parent);
        ret_ids[n] = forget(p, slot);
    }
    p->kill_top = id;
    p->kill_from = slot == top ? NO_SLOT : from;
    return (int)n;
}

static bool supervisor_lives(const struct tw_pool *p, const struct tw_pool_entry *e)
{
    return is_alive(&p->entries[tw_pool_slot(e->parent)]);
}

int tw_pool_restart(struct tw_pool *p, uint64_t now_ms, uint64_t id, struct tw_pool_action *ret, uint32_t room)
{
    int rc;
    struct tw_pool_entry *e = kept_operand(p, now_ms, id, &rc);

    if (!e)
        return rc;
    if (!supervisor_lives(p, e))
        return TW_POOL_ESTATE;
    e->failures = 0;
    p->again = tw_pool_slot(id);
    input(p, SUPTREE_TERMINATE, p->again);
    take(p);
    p->busy = true;
    return actions(p, ret, room);
}

static void start_root(struct tw_pool *p)
{
    struct suptree_look l;
    int rc = suptree_peek(p->tree, ROOT, &l);

    assert(rc == 0);
    (void)rc;
    input(p, SUPTREE_BRANCH_START, ROOT)->life = l.life + 1;
    take(p);
}

int tw_pool_revive(struct tw_pool *p, uint64_t now_ms, struct tw_pool_action *ret, uint32_t room)
{
    if (p->busy)
        return TW_POOL_EAGAIN;
    if (p->entries[ROOT].state == TW_POOL_ACTIVE)
        return TW_POOL_ESTATE;
    tick(p, now_ms);
    start_root(p);
    p->busy = true;
    return actions(p, ret, room);
}

static void fail(struct tw_pool *p, struct tw_pool_entry *e, uint32_t slot, enum tw_pool_exit how)
{
    struct suptree_look l;
    struct suptree_input *in;
    int rc = suptree_peek(p->tree, slot, &l);

    assert(rc == 0);
    (void)rc;
    if (e->state == TW_POOL_ACTIVE && p->now_ms - e->since_ms >= p->specs[slot].backoff_max_ms)
        e->failures = 0;
    if (e->failures < UINT8_MAX)
        e->failures++;
    p->failed = slot;
    end_life(p, slot, how == TW_EXIT_NORMAL || how == TW_EXIT_SHUTDOWN ? TW_POOL_TERMINATED : TW_POOL_FAILED);
    in = input(p, SUPTREE_EXITED, slot);
    in->life = l.life;
    in->cls = (uint8_t)how;
    in->cause = how == TW_EXIT_NORMAL ? CAUSE_DONE : CAUSE_CODE;
    take(p);
}

int tw_pool_handle_failure(struct tw_pool *p, uint64_t now_ms, uint64_t id, enum tw_pool_exit how,
                           struct tw_pool_action *ret, uint32_t room)
{
    int rc;
    struct tw_pool_entry *e = operand(p, id, &rc);

    if (!e)
        return rc;
    if ((unsigned)how >= TW_EXIT_COUNT)
        return TW_POOL_EINVAL;
    if (e->state == TW_POOL_DRAINING)   /* the end that it was told to come to */
        return tw_pool_stopped(p, now_ms, id);
    if (!is_alive(e)) {
        p->stale++;
        return TW_POOL_ESTALE;
    }
    if (p->busy)
        return TW_POOL_EAGAIN;
    tick(p, now_ms);
    fail(p, e, tw_pool_slot(id), how);
    p->busy = true;
    return actions(p, ret, room);
}

int tw_pool_more(struct tw_pool *p, struct tw_pool_action *ret, uint32_t room)
{
    if (room == 0)
        return TW_POOL_EINVAL;
    return p->busy ? actions(p, ret, room) : 0;
}

int tw_pool_heartbeat(struct tw_pool *p, uint64_t now_ms, uint64_t id, uint64_t progress)
{
    int rc;
    struct tw_pool_entry *e = operand_in(p, id, TW_POOL_ACTIVE, &rc);

    if (!e)
        return rc;
    if (progress < e->progress) {
        p->stale++;
        return TW_POOL_ESTALE;
    }
    if (progress == e->progress)
        return 0;
    tick(p, now_ms);
    e->progress = progress;
    set_deadline(p, tw_pool_slot(id), p->now_ms, e->beat_ms);
    return 0;
}

int tw_pool_idle(struct tw_pool *p, uint64_t now_ms, uint64_t id)
{
    int rc;
    struct tw_pool_entry *e = operand_in(p, id, TW_POOL_ACTIVE, &rc);

    if (!e)
        return rc;
    tick(p, now_ms);
    deadline_drop(p, tw_pool_slot(id));
    return 0;
}

void tw_pool_watch(struct tw_pool *p, tw_pool_watch_fn *watch, void *self)
{
    p->watch = watch;
    p->watch_self = self;
}

/* -- the table ------------------------------------------------------------------------------------ */

static void init_table(struct tw_pool *p)
{
    for (uint32_t s = 0; s < p->grid; s++)
        p->entries[s] = (struct tw_pool_entry){.id = s, .parent = TW_NO_ACTOR, .since_ms = p->now_ms,
                                               .deadline_ms = NEVER, .earlier = NO_SLOT,
                                               .later = s + 1 < p->grid ? s + 1 : NO_SLOT};
    p->entries[ROOT].id = TW_POOL_ROOT;
    p->entries[ROOT].kept = 1;
    p->entries[ROOT].later = NO_SLOT;
    p->free = p->grid > 1 ? 1 : NO_SLOT;
    p->counts[TW_POOL_DORMANT] = p->grid - 1;
    p->failed = p->again = p->forgetting = p->kill_from = NO_SLOT;
    deadlines_init(&p->deadlines);
}

static int begin_root(struct tw_pool *p, const struct tw_pool_spec *top)
{
    struct suptree_spec vertex = vertex_of(ROOT, top);
    int rc = suptree_add(p->tree, SUPTREE_NONE, &vertex);

    if (rc != 0)
        return rc;
    p->specs[ROOT] = *top;
    start_root(p);
    settle(p);
    return 0;
}

static struct tw_pool *allocate(uint32_t grid)
{
    struct suptree_limits limits = limits_of(grid);
    struct tw_pool *p = calloc(1, sizeof *p);

    if (!p)
        return NULL;
    p->grid = grid;
    p->entries = aligned_alloc(64, (size_t)grid * sizeof *p->entries);
    p->specs = aligned_alloc(64, (size_t)grid * sizeof *p->specs);
    p->tree = suptree_create(&limits);
    if (p->entries && p->specs && p->tree)
        return p;
    tw_pool_destroy(p);
    return NULL;
}

int tw_pool_create(uint32_t grid_size, const struct tw_pool_spec *top, uint64_t now_ms, struct tw_pool **ret)
{
    static const struct tw_pool_spec defaults = TW_POOL_SPEC_INIT;
    struct tw_pool *p;
    int rc;

    if (grid_size == 0 || grid_size > TW_POOL_SLOTS_MAX || !spec_is_good(top ? top : &defaults))
        return TW_POOL_EINVAL;
    p = allocate(grid_size);
    if (!p)
        return TW_POOL_ENOMEM;
    p->now_ms = now_ms;
    init_table(p);
    rc = begin_root(p, top ? top : &defaults);
    if (rc != 0) {
        tw_pool_destroy(p);
        return rc;
    }
    *ret = p;
    return 0;
}

void tw_pool_destroy(struct tw_pool *p)
{
    if (!p)
        return;
    suptree_destroy(p->tree);
    free(p->specs);
    free(p->entries);
    free(p);
}

size_t tw_pool_bytes(uint32_t grid_size)
{
    struct suptree_limits limits = limits_of(grid_size);

    return sizeof(struct tw_pool) + suptree_bytes(&limits) +
           (size_t)grid_size * (sizeof(struct tw_pool_entry) + sizeof(struct tw_pool_spec));
}

/* -- promises ------------------------------------------------------------------------------------- */

static void check_slot(const struct tw_pool *p, uint32_t slot, const struct suptree_look *l)
{
    const struct tw_pool_entry *e = &p->entries[slot];

    assert(tw_pool_slot(e->id) == slot && e->state < TW_POOL_STATE_COUNT && "an id names its slot");
    assert((!l || tw_pool_slot(e->parent) == l->parent) && "the table and the tree agree on parents");
    assert((!l || is_alive(e) == (l->state == TREE_RUNNING)) && "... and on who lives");
    assert((l || e->state == TW_POOL_DORMANT || e->state == TW_POOL_DRAINING) && "what is forgotten drains or is free");
    assert((!l || !is_alive(e) || e->parent == p->entries[l->parent].id) && "who lives, lives under a live parent");
    assert((e->deadline_ms == NEVER || is_alive(e) || e->state == TW_POOL_DRAINING) && "only who owes is late");
}

void tw_pool_check(const struct tw_pool *p)
{
    uint32_t counts[TW_POOL_STATE_COUNT] = {0}, free_slots = 0;
    struct suptree_look l;

    suptree_check(p->tree);
    deadlines_check(p);
    for (uint32_t s = 1; s < p->grid; s++) {
        bool here = suptree_peek(p->tree, s, &l) == 0;

        assert(here == p->entries[s].kept && "what is kept is in the tree");
        if (!p->busy)
            check_slot(p, s, here ? &l : NULL);
        counts[p->entries[s].state]++;
    }
    for (uint32_t s = p->free; s != NO_SLOT; s = p->entries[s].later, free_slots++)
        assert(free_slots < p->grid && p->entries[s].state == TW_POOL_DORMANT && "what is free is dormant");
    assert(free_slots == counts[TW_POOL_DORMANT] && "what is dormant is free");
    assert(memcmp(counts, p->counts, sizeof counts) == 0 && "the counts are those of the states");
    assert((p->busy || suptree_quiet(p->tree)) && "between calls the engine is quiet");
}
