/* scenario_program.h - the actor program of scenarios on ranks, as built from jobs/scenario */
#ifndef TW_CMD_SCENARIO_PROGRAM_H
#define TW_CMD_SCENARIO_PROGRAM_H

#include "base/reason.h"
#include "cmd/cmd.h"

/* 0; a code of program_open with the reason. */
int scenario_program_open(struct loaded_program *ret, struct reason *why);

#endif
