/* scenario_program.c - the workers of scenarios on ranks, carried inside so that nobody needs a compiler for them */
#include "cmd/scenario_program.h"

/* The assembler reads it, from the folder the build runs in: jobs/scenario/scenario.so, made before this file. */
__asm__(".section .rodata\n"
        ".global scenario_program\n.global scenario_program_end\n"
        "scenario_program:\n.incbin \"jobs/scenario/scenario.so\"\n"
        "scenario_program_end:\n.byte 0\n"
        ".previous\n");
