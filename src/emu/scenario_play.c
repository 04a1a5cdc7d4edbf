/* scenario_play.c - a scenario on virtual time: one engine, and leaves that are played */
#include <stdlib.h>

#include "emu/scenario.h"
#include "shared/cause.h"
#include "shared/rc.h"

struct play {
    struct script script;
    struct suptree *tree;           /* owned */
    bool carrying;
    uint32_t stopping;              /* the effect before this one was the stop of a child of that vertex; NONE: it was none */
    struct scenario_node *nodes;    /* owned; per vertex, as it was added */
};

static void take(struct play *p, const struct suptree_input *in);

/* -- the leaves ----------------------------------------------------------------------------------- */

static void play_start(struct play *p, const struct suptree_effect *e)
{
    static const uint16_t kinds[] = {[SCRIPT_STARTS] = SUPTREE_STARTED, [SCRIPT_FAILS] = SUPTREE_START_FAILED,
                                     [SCRIPT_IGNORED] = SUPTREE_START_IGNORED};
    enum script_start how = p->script.ops->start(p->script.self, e->vertex);
    struct suptree_input in = {.kind = kinds[how], .vertex = e->vertex, .life = e->life,
                               .cause = how == SCRIPT_FAILS ? CAUSE_START : CAUSE_NONE};

    take(p, &in);
}

/* Instances of a pool that are told to stop one right after the other were told at the same time. */
static bool is_at_once(const struct play *p, const struct suptree_effect *e)
{
    uint32_t parent = p->nodes[e->vertex].parent;

    return parent != SUPTREE_NONE && parent == p->stopping && p->nodes[parent].spec.strategy == SIMPLE_ONE_FOR_ONE;
}

static void play_stop(struct play *p, const struct suptree_effect *e)
{
    bool at_once = is_at_once(p, e);
    struct suptree_input in = {.kind = SUPTREE_EXITED, .vertex = e->vertex, .life = e->life,
                               .cls = CLASS_KILLED, .cause = CAUSE_SUPERVISOR};

    p->stopping = p->nodes[e->vertex].parent;
    if (e->how != SHUTDOWN_BRUTAL_KILL)
        in.cls = p->script.ops->stop(p->script.self, e->vertex, at_once);
    take(p, &in);
}

static void carry_out(struct play *p, const struct suptree_effect *e)
{
    const struct script *s = &p->script;

    if (e->kind != SUPTREE_DO_STOP)
        p->stopping = SUPTREE_NONE;
    switch (e->kind) {
    case SUPTREE_DO_START: play_start(p, e); return;
    case SUPTREE_DO_STOP: play_stop(p, e); return;
    case SUPTREE_DO_RESULT: s->ops->answer(s->self, e->vertex, e->token, e->what); return;
    case SUPTREE_DO_RECORD: s->ops->record(s->self, e); return;
    case SUPTREE_DO_REPORT:
        if (e->what != SUPTREE_STARTED)
            s->ops->ended(s->self, e->cls);
        return;
    }
}

/* Inputs come from effects too; the outermost call carries all out, in order. */
static void take(struct play *p, const struct suptree_input *in)
{
    const struct suptree_effect *next;

    (void)suptree_take(p->tree, p->script.ops->clock_ms(p->script.self), in);
    if (p->carrying)
        return;
    p->carrying = true;
    while ((next = suptree_next_effect(p->tree))) {
        struct suptree_effect e = *next;

        carry_out(p, &e);
    }
    p->carrying = false;
}

/* -- the stage ------------------------------------------------------------------------------------ */

static int op_look(void *self, uint32_t vertex, struct suptree_look *ret)
{
    const struct play *p = self;

    return suptree_look(p->tree, vertex, p->script.ops->clock_ms(p->script.self), ret);
}

static int op_add(void *self, uint32_t parent, const struct suptree_spec *spec)
{
    struct play *p = self;

    p->nodes[spec->id].parent = parent;
    p->nodes[spec->id].spec = *spec;
    return suptree_add(p->tree, parent, spec);
}

static void op_take(void *self, const struct suptree_input *in) { take(self, in); }

static void op_hold(void *self, uint32_t sibling, bool held)
{
    static const struct suptree_input nothing = {.kind = SUPTREE_LOST};
    struct play *p = self;

    (void)sibling;                  /* one engine has all of them */
    suptree_hold(p->tree, held);
    if (!held)
        take(p, &nothing);          /* what the release brought is carried out */
}

static int play(struct play *p, struct scenario *s, struct reason *why)
{
    static const struct stage_ops ops = {op_look, op_add, op_take, op_hold};
    uint32_t vertices = scenario_vertices(s);
    struct suptree_limits limits = {.vertices = vertices, .ids = vertices, .generation = 1};

    p->script = scenario_script(s);
    p->tree = suptree_create(&limits);
    p->nodes = calloc(vertices, sizeof *p->nodes);
    if (!p->tree || !p->nodes)
        return reason_set(why, TW_ENOMEM, "not enough memory for the %u vertices of a scenario", vertices);
    p->script.ops->attach(p->script.self, &ops, p);
    while (p->script.ops->step(p->script.self) > 0) {
        p->script.ops->settled(p->script.self);
        suptree_check(p->tree);
    }
    return 0;
}

/* nodes (NULL: nobody wants them): handed over when all went well. */
static int perform(const char *path, const struct scenario_out *out, struct scenario_node **ret_nodes,
                   uint32_t *ret_count, struct reason *why)
{
    struct play p = {.stopping = SUPTREE_NONE};
    struct scenario *s = NULL;
    int rc = scenario_open(path, out, &s, why);

    if (rc == 0)
        rc = play(&p, s, why);
    if (rc == 0 && ret_nodes) {
        *ret_count = scenario_cast(s, p.nodes);
        *ret_nodes = p.nodes;
        p.nodes = NULL;
    }
    suptree_destroy(p.tree);
    free(p.nodes);
    scenario_close(s);
    return rc;
}

int scenario_run(const char *path, const struct scenario_out *out, struct reason *why)
{
    return perform(path, out, NULL, NULL, why);
}

static void no_line(void *arg, const char *text, int depth)
{
    (void)arg;
    (void)text;
    (void)depth;
}

int scenario_rehearse(const char *path, struct scenario_node **ret_nodes, uint32_t *ret_count, struct reason *why)
{
    static const struct scenario_out nowhere = {no_line, NULL};

    return perform(path, &nowhere, ret_nodes, ret_count, why);
}
