/* scenario_program.h - the actor program of scenarios on ranks, as built from jobs/scenario */
#ifndef TW_CMD_SCENARIO_PROGRAM_H
#define TW_CMD_SCENARIO_PROGRAM_H

extern const char scenario_program[], scenario_program_end[];

#endif
