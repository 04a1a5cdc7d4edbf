/* scenario_ranks.c - a scenario on simulated ranks: the stage is theirs (sup/stage.h), the world is emu_run's */
#include <stdlib.h>

#include "emu/scenario.h"
#include "sup/rank.h"

#define LIMIT_US 86400000000u           /* the director gives an event up long before */

static int play(const struct scenario_ranks *c, struct scenario *s, struct scenario_tree *tree, struct emu_result *ret,
                struct reason *why)
{
    struct rank_scenario scenario = {.file = c->file, .script = scenario_script(s), .start = tree->start,
                                     .on_stop = tree->on_stop};
    struct emu_plan plan;
    struct emu_script nothing;
    struct emu_config config = {.spec = tree->spec, .program = c->program, .ranks = c->ranks, .seed = c->seed,
                                .plan = &plan, .out_dir = "", .limit_us = LIMIT_US, .journal = c->journal,
                                .scenario = &scenario};

    emu_script_none(&nothing);
    emu_plan_draw(&nothing, tree->spec, c->ranks, c->seed, 0, &plan);
    if (c->plan)
        plan = *c->plan;
    return emu_run(&config, ret, why);
}

/* Whoever runs on ranks needs the tree beforehand, and with it all that the scenario will ever add to it. */
int scenario_run_on_ranks(const struct scenario_ranks *c, const struct scenario_out *out, struct emu_result *ret,
                          struct reason *why)
{
    struct scenario_tree tree = {.spec = NULL};
    struct scenario_node *nodes = NULL;
    struct scenario *s = NULL;
    uint32_t count;
    int rc = scenario_rehearse(c->file, &nodes, &count, why);

    if (rc == 0)
        rc = scenario_tree_make(c->file, nodes, count, &tree, why);
    free(nodes);
    if (rc != 0)
        return rc;
    rc = scenario_tree_place(&tree, &c->homes, c->ranks, why);
    if (rc == 0)
        rc = scenario_open(c->file, out, &s, why);
    if (rc == 0)
        rc = play(c, s, &tree, ret, why);
    scenario_close(s);
    scenario_tree_free(&tree);
    return rc;
}
