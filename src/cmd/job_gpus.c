/* job_gpus.c - looking, and agreeing */
#include "cmd/job_gpus.h"

#include <stdio.h>
#include <string.h>

#include "kernels/cuda_driver.h"
#include "shared/rc.h"
#include "worker/program.h"

void job_gpus_look(struct job_gpus *g, const struct spec *s)
{
    struct reason why;

    g->fatbin_fd = -1;
    if (s->devices.kind == SPEC_DEVICE_HOST)
        return;
    if (program_fatbin(s->program, &g->fatbin_fd, &g->fatbin_hash, &why) != 0)
        snprintf(g->found.lack, sizeof g->found.lack, "%s", why.text);
    else if (cuda_launches_block())
        snprintf(g->found.lack, sizeof g->found.lack, "CUDA_LAUNCH_BLOCKING is set, and launching a kernel that stays "
                 "would not return: unset it");
    else
        gpus_find(&g->found, GPUS_MS);
}

struct share_claim job_gpus_claim(const struct job_gpus *g) { return gpus_claim(&g->found); }

static void say_lack(const struct job_gpus *g, const char *host, int rank, uint32_t members, uint32_t wanted,
                     struct reason *why)
{
    if (g->found.count == 0)
        reason_set(why, TW_ENOENT, "rank %d on %s: no CUDA device for it: %s", rank, host, g->found.lack);
    else
        reason_set(why, TW_ENOENT, "rank %d on %s: too few CUDA devices: %u of use, for %u rank%s that see%s them, and "
                   "each is to have %u%s%s: lower devices.per_rank, or start fewer ranks on a host", rank, host,
                   g->found.count, members, members == 1 ? "" : "s", members == 1 ? "s" : "", wanted, g->found.lack[0] ? "; " : "",
                   g->found.lack);
}

static void choose(struct job_gpus *g, const struct share_claim *claims, int ranks, int rank, uint32_t each)
{
    uint32_t which[SHARE_GPUS];

    share_out(claims, ranks, rank, each, which);
    for (uint32_t i = 0; i < each; i++) {
        g->gpus[i] = g->found.list[which[i]].name;
        g->uuids[i] = g->gpus[i].uuid;
    }
    g->count = each;
}

int job_gpus_settle(struct job_gpus *g, struct spec *s, const struct share_claim *claims, int ranks, int rank,
                    const char *const *hosts, struct reason *why, bool *ret_speaks)
{
    uint32_t wanted = s->devices.per_rank ? s->devices.per_rank : 1, least;
    int poorest;

    *ret_speaks = false;
    if (s->devices.kind == SPEC_DEVICE_HOST)
        return 0;
    least = share_least(claims, ranks, &poorest);
    if (least >= wanted) {
        spec_settle(s, SPEC_DEVICE_CUDA, s->devices.per_rank ? s->devices.per_rank : least);
        choose(g, claims, ranks, rank, s->devices.per_rank);
        return 0;
    }
    *ret_speaks = rank == poorest;
    say_lack(g, hosts[rank], rank, share_members(claims, ranks, rank), wanted, why);
    if (s->devices.kind == SPEC_DEVICE_CUDA) {
        snprintf(why->text + strlen(why->text), sizeof why->text - strlen(why->text),
                 "; with devices: {kind: any} the job would run on host devices");
        return TW_ENOENT;
    }
    if (*ret_speaks)
        fprintf(stderr, "treewarden: %s; the job runs on host devices\n", why->text);
    snprintf(g->note, sizeof g->note, "host devices, for rank %d on %.100s can have %u of %u CUDA devices", poorest,
             hosts[poorest], least, wanted);
    spec_settle(s, SPEC_DEVICE_HOST, 0);
    return 0;
}
