/* worker.c - `treewarden worker`: started by the zygote, never by a person */
#include <stdio.h>
#include <stdlib.h>

#include "kernels/cuda_worker.h"
#include "worker/worker.h"

int cmd_worker(int argc, char **argv);

/* argv: worker PARENT RANK DEVICE INCARNATION PROGRAM NAME OUT-DIR UUID */
int cmd_worker(int argc, char **argv)
{
    struct worker_args a;

    if (argc != 9) {
        fprintf(stderr, "treewarden: worker: not for people: a rank starts its workers itself\n");
        return 2;
    }
    a.parent = (pid_t)atoi(argv[1]);
    a.rank = atoi(argv[2]);
    a.device = atoi(argv[3]);
    a.incarnation = (uint32_t)strtoul(argv[4], NULL, 10);
    a.program = argv[5];
    a.name = argv[6];
    a.out_dir = argv[7];
    a.uuid = argv[8];
    return a.uuid[0] ? cuda_worker_main(&a) : worker_main(&a);
}
