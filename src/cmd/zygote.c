/* zygote.c - `treewarden zygote`: started by a rank, never by a person */
#include "worker/zygote.h"

#include <stdio.h>
#include <stdlib.h>

int cmd_zygote(int argc, char **argv);

/* argv: zygote PARENT */
int cmd_zygote(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "treewarden: zygote: not for people: a rank starts it itself\n");
        return 2;
    }
    return zygote_main((pid_t)atoi(argv[1]));
}
