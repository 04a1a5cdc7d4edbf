/* worker.c - `treewarden worker`: started by the zygote, never by a person */
#include "worker/worker.h"

#include "kernels/cuda_worker.h"

#include <stdio.h>
#include <stdlib.h>

int cmd_worker(int argc, char **argv);

/* argv: worker PARENT RANK DEVICE INCARNATION KIND UUID PROGRAM NAME OUT-DIR */
int cmd_worker(int argc, char **argv)
{
    struct worker_args a;

    if (argc != 10) {
        fprintf(stderr, "treewarden: worker: not for people: a rank starts its workers itself\n");
        return 2;
    }
    a.parent = (pid_t)atoi(argv[1]);
    a.rank = atoi(argv[2]);
    a.device = atoi(argv[3]);
    a.incarnation = (uint32_t)strtoul(argv[4], NULL, 10);
    a.kind = (enum device_kind)strtoul(argv[5], NULL, 10);
    a.uuid = argv[6];
    a.program = argv[7];
    a.name = argv[8];
    a.out_dir = argv[9];
    return a.kind == DEVICE_KIND_CUDA ? cuda_worker_main(&a) : worker_main(&a);
}
