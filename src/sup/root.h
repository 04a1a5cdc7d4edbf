/* root.h - what rank 0 is beside a rank: the global tree, the log of its inputs, commands, drills, the end
 *
 * Every input of the root's engine, from a rank's report to an operator's command, goes through the log
 * (core/raftlog) and is taken when it is committed; only then its effects leave.
 */
#ifndef TW_SUP_ROOT_H
#define TW_SUP_ROOT_H

#include "sup/rank_impl.h"

/* From the engine's effects (engine.c). */
struct suptree *engine_create(struct rank *r, int home, struct reason *why);
void root_act(struct rank *r, struct suptree *tree);
/* As suptree_hold, of the root's engine. */
void root_hold(struct rank *r, bool held);
const struct suptree *root_tree(const struct rank *r);
uint64_t root_next_order(struct rank *r, int to);
void root_tree_report(struct rank *r, const struct suptree_effect *e);
void root_result(struct rank *r, uint32_t vertex, uint64_t token, uint8_t answer);

/* Commands (command.c): apply a verb to one vertex; root_result of that token comes later. */
void root_admin(struct rank *r, uint16_t verb, uint32_t vertex, bool fresh, uint64_t token);
/* Ask a supervisor that runs for its children: root_result, during which it stands still and can be looked at;
 * root_looked lets it go on, and must be called when the answer is ok. */
void root_ask(struct rank *r, uint32_t supervisor, uint64_t token);
void root_looked(struct rank *r, uint32_t supervisor);
/* Inflict a drill now.  TW_ENOENT, TW_EDENIED (drills are off), TW_EINVAL. */
int root_drill(struct rank *r, uint32_t how, uint32_t vertex, uint32_t index, uint64_t step);

#endif
