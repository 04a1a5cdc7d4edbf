/* fiber.h - a function on a stack of its own that can be left in the middle and gone on with later
 *
 * For what real threads do and a simulator must not: a handler that never returns is left for good, one that
 * returns long after it was given up is entered again.  One thread uses all fibers; they do not nest.
 */
#ifndef TW_EMU_FIBER_H
#define TW_EMU_FIBER_H

#include <stdbool.h>

struct fiber;

/* Run f(arg) until it returns or leaves; *ret is NULL if it has returned, else to be entered or freed. */
void fiber_run(struct fiber **ret, void (*f)(void *arg), void *arg);
void fiber_enter(struct fiber **f);     /* go on with it; *f becomes NULL if it returned */
void fiber_free(struct fiber *f);       /* give it up where it stands; NULL is fine */

/* From inside: back to who ran or entered it.  False, and nothing happens, outside of all fibers. */
bool fiber_leave(void);

#endif
