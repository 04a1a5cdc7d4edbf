/* job_gpus.h - which devices a job has: what is asked for, what each rank finds, and what they agree on
 *
 * Before MPI starts a rank looks for itself; with their HELLO the ranks tell each other what they found; from that
 * each computes the same.  A rank that finds nothing tells that, too: it must not leave the others waiting.
 */
#ifndef TW_CMD_JOB_GPUS_H
#define TW_CMD_JOB_GPUS_H

#include "cmd/gpus.h"
#include "spec/spec.h"

struct job_gpus {
    struct gpus found;
    int fatbin_fd;                      /* owned; -1: none */
    uint64_t fatbin_hash;               /* 0: none */
    struct view_gpu gpus[SHARE_GPUS];   /* after job_gpus_settle: this rank's; */
    const char *uuids[SHARE_GPUS];
    uint32_t count;                     /* 0: the job has host devices */
    char note[256];                     /* why the job has host devices and might have had others; "" otherwise */
};

/* Look, unless only host devices are asked for; may take seconds. */
void job_gpus_look(struct job_gpus *g, const struct spec *s);

/* What job_gpus_look found, for the HELLO. */
struct share_claim job_gpus_claim(const struct job_gpus *g);

/* Settle the specification by what all ranks claim.  0; TW_ENOENT: CUDA devices are asked for, and some rank has too
 * few; the first such rank says so, with the reason, and *ret_speaks is true there alone.  With kind `any` that rank logs
 * it in one line, and host devices are used. */
int job_gpus_settle(struct job_gpus *g, struct spec *s, const struct share_claim *claims, int ranks, int rank,
                    const char *const *hosts, struct reason *why, bool *ret_speaks);

#endif
