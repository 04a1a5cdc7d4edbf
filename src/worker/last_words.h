/* last_words.h - what a worker that breaks says before it dies: signal, address, slot, backtrace
 *
 * The words go into the arena's header, which outlives the worker: the rank reads them when the worker was
 * reaped.  Then the signal takes its default course, so the exit status shows it and a core is written
 * where the limits allow one.
 */
#ifndef TW_WORKER_LAST_WORDS_H
#define TW_WORKER_LAST_WORDS_H

#include <stdint.h>

#include "slot/layout.h"

/* Catch SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT of this process.  After all modules are loaded: their
 * places are noted now, since nothing may be looked up in the handler.  header: borrowed for good.  program:
 * the path the program's image goes by. */
void last_words_install(struct arena_header *header, const char *program);

/* Give the calling thread a stack for the handler (its own may be what overflowed), and say whose slot it
 * runs; 0 = slot 0.  0 or TW_ENOMEM. */
int last_words_thread(uint32_t slot);

#endif
