/* last_words.c - the fault handler; everything below `on_fault` is async-signal-safe
 *
 * The plain facts are published before the backtrace is tried: walking a broken stack may fault again, and
 * the second fault ends the process (its signal is blocked here).
 */
#include "worker/last_words.h"

#include <execinfo.h>
#include <link.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "shared/rc.h"
#include "worker/program.h"

#define STACK_BYTES 65536u
#define MODULES_MAX 64u
#define FRAMES_MAX 24

struct module { uintptr_t base, end; char name[24]; };

static const int fatal[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
static struct arena_header *words;
static struct module modules[MODULES_MAX];
static unsigned module_count;
static uint32_t spoken;             /* atomic: the first fault speaks */
static uint32_t said;               /* atomic: and has finished */
static _Thread_local uint32_t thread_slot;

/* ---- text into the header, cut at its end ---- */

struct text { char *at, *end; };

static void put(struct text *t, const char *s)
{
    while (*s && t->at < t->end)
        *t->at++ = *s++;
    *t->at = '\0';
}

static void put_hex(struct text *t, uint64_t n)
{
    char digits[19] = "0x";
    int k = 2, shift = 60;

    while (shift > 0 && (n >> shift) == 0)
        shift -= 4;
    for (; shift >= 0; shift -= 4)
        digits[k++] = "0123456789abcdef"[(n >> shift) & 15];
    digits[k] = '\0';
    put(t, digits);
}

static void put_place(struct text *t, uintptr_t pc)
{
    for (unsigned i = 0; i < module_count; i++)
        if (pc >= modules[i].base && pc < modules[i].end) {
            put(t, modules[i].name);
            put(t, "+");
            put_hex(t, pc - modules[i].base);
            return;
        }
    put_hex(t, pc);
}

static const char *signal_name(int sig)
{
    switch (sig) {
    case SIGSEGV: return "SIGSEGV";
    case SIGBUS: return "SIGBUS";
    case SIGFPE: return "SIGFPE";
    case SIGILL: return "SIGILL";
    default: return "SIGABRT";
    }
}

static uintptr_t fault_pc(const void *context)
{
    const ucontext_t *u = context;

#if defined(__x86_64__)
    return (uintptr_t)u->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    return (uintptr_t)u->uc_mcontext.pc;
#else
    (void)u;
    return 0;
#endif
}

static void say_facts(struct text *t, int sig, const siginfo_t *info, uintptr_t pc)
{
    put(t, signal_name(sig));
    if (info->si_code > 0 && sig != SIGABRT) {
        put(t, " at address ");
        put_hex(t, (uint64_t)(uintptr_t)info->si_addr);
    }
    put(t, ", in ");
    put_place(t, pc);
}

static void say_backtrace(struct text *t, uintptr_t pc)
{
    void *frames[FRAMES_MAX];
    int n = backtrace(frames, FRAMES_MAX), from = 0;

    for (int i = 0; i < n; i++)
        if ((uintptr_t)frames[i] == pc)
            from = i + 1;           /* what is above it is this handler */
    put(t, "; called from");
    for (int i = from; i < n; i++) {
        put(t, " ");
        put_place(t, (uintptr_t)frames[i]);
    }
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
    uintptr_t pc = fault_pc(context);
    const struct timespec moment = { 0, 1000000 };
    struct text t = { words->text, words->text + sizeof words->text - 1 };

    if (__atomic_exchange_n(&spoken, 1u, __ATOMIC_SEQ_CST) == 0) {
        say_facts(&t, sig, info, pc);
        store_relaxed(&words->words_slot, thread_slot);
        store_relaxed(&words->words_address, (uint64_t)(uintptr_t)info->si_addr);
        /* Release: who reads the signal finds the rest. */
        store_release(&words->words_signal, (uint64_t)sig, SCOPE_SYSTEM);
        say_backtrace(&t, pc);
        __atomic_store_n(&said, 1u, __ATOMIC_SEQ_CST);
    }
    /* Another thread that faults too gives the first a moment to finish. */
    for (int i = 0; i < 200 && !__atomic_load_n(&said, __ATOMIC_SEQ_CST); i++)
        nanosleep(&moment, NULL);
    /* Now the default: pending until we return, then it ends the process with this very signal. */
    signal(sig, SIG_DFL);
    raise(sig);
}

/* ---- preparing ---- */

static int note_module(struct dl_phdr_info *info, size_t bytes, void *data)
{
    struct module *m = &modules[module_count];
    bool image = program_is_image(info->dlpi_name);
    const char *path = image ? data : info->dlpi_name, *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;

    (void)bytes;
    if (module_count == MODULES_MAX)
        return 1;
    m->base = (uintptr_t)info->dlpi_addr;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        uintptr_t end = m->base + info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz;

        if (info->dlpi_phdr[i].p_type == PT_LOAD && end > m->end)
            m->end = end;
    }
    strncpy(m->name, name[0] ? name : "treewarden", sizeof m->name - 1);
    module_count++;
    return 0;
}

void last_words_install(struct arena_header *header, const char *program)
{
    struct sigaction act = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    void *frame[2];

    words = header;
    module_count = 0;
    dl_iterate_phdr(note_module, (void *)(uintptr_t)program);
    (void)backtrace(frame, 2);      /* loads the unwinder now: dlopen has no place in a handler */
    sigemptyset(&act.sa_mask);
    for (unsigned i = 0; i < sizeof fatal / sizeof fatal[0]; i++)
        sigaction(fatal[i], &act, NULL);
}

int last_words_thread(uint32_t slot)
{
    stack_t stack = { .ss_size = STACK_BYTES };

    thread_slot = slot;
    stack.ss_sp = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK,
                       -1, 0);
    if (stack.ss_sp == MAP_FAILED)
        return TW_ENOMEM;
    return sigaltstack(&stack, NULL) == 0 ? 0 : TW_ENOMEM;
}
