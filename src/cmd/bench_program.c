/* bench_program.c - the actors of `treewarden bench`, carried inside so that they are always of this build */
#include "cmd/bench.h"

/* The assembler reads it, from the folder the build runs in: jobs/bench/bench.so, made before this file. */
__asm__(".section .rodata\n"
        ".global bench_program\n.global bench_program_end\n"
        "bench_program:\n.incbin \"jobs/bench/bench.so\"\n"
        "bench_program_end:\n.byte 0\n"
        ".previous\n");
