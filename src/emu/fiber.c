/* fiber.c - over ucontext, with what AddressSanitizer wants to be told */
#include "emu/fiber.h"

#include <stdint.h>
#include <stdlib.h>
#include <ucontext.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

#define STACK_BYTES (256u << 10)

struct fiber {
    ucontext_t own, outside;
    void *stack;
    void (*f)(void *arg);
    void *arg;
    bool over;
    const void *outside_bottom;
    size_t outside_bytes;
    void *shadow;
};

static struct fiber *current;
static struct fiber *spare;             /* most end at once, and the next begins */

static void to_fiber(struct fiber *f)
{
#ifdef __SANITIZE_ADDRESS__
    void *shadow;

    __sanitizer_start_switch_fiber(&shadow, f->stack, STACK_BYTES);
    swapcontext(&f->outside, &f->own);
    __sanitizer_finish_switch_fiber(shadow, NULL, NULL);
#else
    swapcontext(&f->outside, &f->own);
#endif
}

static void to_outside(struct fiber *f)
{
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_start_switch_fiber(f->over ? NULL : &f->shadow, f->outside_bottom, f->outside_bytes);
    swapcontext(&f->own, &f->outside);
    __sanitizer_finish_switch_fiber(f->shadow, &f->outside_bottom, &f->outside_bytes);
#else
    swapcontext(&f->own, &f->outside);
#endif
}

static void begin(unsigned high, unsigned low)
{
    struct fiber *f = (struct fiber *)(uintptr_t)((uint64_t)high << 32 | low);

#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(NULL, &f->outside_bottom, &f->outside_bytes);
#endif
    f->f(f->arg);
    f->over = true;
    to_outside(f);
}

void fiber_enter(struct fiber **f)
{
    current = *f;
    to_fiber(*f);
    current = NULL;
    if (!(*f)->over)
        return;
    if (spare)
        fiber_free(*f);
    else
        spare = *f;
    *f = NULL;
}

static struct fiber *make(void)
{
    struct fiber *f = spare;

    spare = NULL;
    if (f) {
        *f = (struct fiber){.stack = f->stack};
        return f;
    }
    f = calloc(1, sizeof *f);
    if (!f || !(f->stack = malloc(STACK_BYTES)))
        abort();                        /* a simulator out of memory has nothing to say */
    return f;
}

/* Apart from what has variables to keep: getcontext is a function that may return twice. */
static void aim(struct fiber *f)
{
    getcontext(&f->own);
    f->own.uc_stack.ss_sp = f->stack;
    f->own.uc_stack.ss_size = STACK_BYTES;
    f->own.uc_link = NULL;
    makecontext(&f->own, (void (*)(void))begin, 2, (unsigned)((uint64_t)(uintptr_t)f >> 32), (unsigned)(uintptr_t)f);
}

void fiber_run(struct fiber **ret, void (*f)(void *arg), void *arg)
{
    struct fiber *n = make();

    *ret = n;
    n->f = f;
    n->arg = arg;
    aim(n);
    fiber_enter(ret);
}

void fiber_free(struct fiber *f)
{
    if (!f)
        return;
    free(f->stack);
    free(f);
}

bool fiber_leave(void)
{
    struct fiber *f = current;

    if (!f)
        return false;
    to_outside(f);
    return true;
}
