/* scenario_tree.h - the tree of a scenario as a job's specification, and where ranks have its vertices
 *
 * Vertex ids are the scenario's numbers.  Children that the scenario adds at run time are vertices
 * from the start, so that every rank knows their place; they are `dynamic`, and gone until they are started.
 */
#ifndef TW_SPEC_SCENARIO_TREE_H
#define TW_SPEC_SCENARIO_TREE_H

#include "base/reason.h"
#include "core/suptree.h"
#include "spec/spec.h"

/*    homes    as written   where workers are, and where their supervisors are at home            */
#define SCENARIO_HOMES_LIST(X)                                                                    \
    X(SPREAD, "spread")     /* workers round robin over the ranks, supervisors at the root */      \
    X(BRANCH, "branch")     /* each branch below the root whole on one rank, at home there */      \
    X(SEED,   "seed:")      /* any mixture, drawn from the seed */                                 \
    X(MAP,    "map:")       /* one of all there are: map:0 has everything on rank 0 */
enum scenario_homes_kind {
#define X(name, text) HOMES_##name,
    SCENARIO_HOMES_LIST(X)
#undef X
};

struct scenario_homes { enum scenario_homes_kind kind; uint64_t number; };      /* of SEED, of MAP */

/* A vertex as the scenario has it. */
struct scenario_node {
    char name[96];
    struct suptree_spec spec;           /* id: its number */
    uint32_t parent;
    bool on_stop;                       /* how it stops is asked when it is to */
};

/* The argument each worker reads when it starts (jobs/scenario/scenario.c): start, fail, or answer "ignore". */
#define SCENARIO_START_ARG "start"

struct scenario_tree {
    struct spec *spec;                  /* owned */
    struct spec_arg *start;             /* owned; [vertex]: SCENARIO_START_ARG, to be set before a start */
    uint8_t *on_stop;                   /* owned; [vertex] */
};

/* 0, or TW_EINVAL: neither spread, branch, seed:NUMBER nor map:NUMBER. */
int scenario_homes_parse(const char *text, struct scenario_homes *ret);

/* FILE gives the name and the hash.  0; TW_ENOENT, TW_ENOMEM, TW_EINVAL (a path too long) with the reason. */
int scenario_tree_make(const char *file, const struct scenario_node *nodes, uint32_t count, struct scenario_tree *ret,
                       struct reason *why);
/* How many mappings there are, or UINT64_MAX: as many or more.  A worker lives on any rank; a supervisor's branch is
 * whole on a rank and at home there, or the supervisor is the root's and each child is mapped by itself.  That is all
 * that placement can say: below a supervisor that is at home on a rank nothing lives on another. */
uint64_t scenario_tree_mappings(const struct scenario_tree *t, int ranks);
/* Tie vertices to ranks, and give every device as many slots as that takes.  May be done again.  0; TW_EINVAL with the
 * reason: there is no such mapping. */
int scenario_tree_place(struct scenario_tree *t, const struct scenario_homes *homes, int ranks, struct reason *why);
void scenario_tree_free(struct scenario_tree *t);

#endif
