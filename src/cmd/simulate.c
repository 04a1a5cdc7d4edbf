/* simulate.c - `treewarden simulate --scenario FILE`: the engine on virtual time, its trace on stdout */
#include <argp.h>
#include <stdio.h>

#include "cmd/cmd.h"
#include "emu/scenario.h"

static error_t parse(int key, char *arg, struct argp_state *state)
{
    const char **file = state->input;

    switch (key) {
    case 'f': *file = arg; return 0;
    case ARGP_KEY_ARG: argp_error(state, "whole jobs are not simulated in this version: give --scenario FILE"); return 0;
    case ARGP_KEY_END:
        if (!*file)
            argp_error(state, "give --scenario FILE");
        return 0;
    }
    return ARGP_ERR_UNKNOWN;
}

int cmd_simulate(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"scenario", 'f', "FILE", 0, "a tree and events (.scn); prints its trace", 0}, {0}};
    static const struct argp argp = {options, parse, "", "Run a supervision scenario on virtual time.", NULL, NULL, NULL};
    const char *file = NULL;
    struct reason why;
    int rc;

    argp_err_exit_status = EXIT_USAGE;
    argp_parse(&argp, argc, argv, 0, NULL, &file);
    rc = scenario_run(file, stdout, &why);
    return rc == 0 ? 0 : say(exit_for(rc), &why);
}
