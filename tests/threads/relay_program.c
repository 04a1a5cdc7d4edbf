/* relay_program.c - jobs/relay compiled in, under a name of its own */
#define tw_program relay_program
#include "jobs/relay/relay.c"
