/* scenario_program.c - the workers of scenarios on ranks, carried inside so that nobody needs a compiler for them */
#include "cmd/scenario_program.h"

#include "worker/program.h"

extern const char scenario_program[], scenario_program_end[];

/* The assembler reads it, from the folder the build runs in: jobs/scenario/scenario.so, made before this file. */
__asm__(".section .rodata\n"
        ".global scenario_program\n.global scenario_program_end\n"
        "scenario_program:\n.incbin \"jobs/scenario/scenario.so\"\n"
        "scenario_program_end:\n.byte 0\n"
        ".previous\n");

int scenario_program_open(struct loaded_program *ret, struct reason *why)
{
    int rc = program_image_of("scenario", scenario_program, (size_t)(scenario_program_end - scenario_program),
                              &ret->image_fd, &ret->hash, why);

    return rc == 0 ? program_open("scenario", ret->image_fd, &ret->table, why) : rc;
}
