/* verdict.h - the one file that says how the job ended: STATE-DIR/verdict.GENERATION.json
 *
 * Written whole (tmp, fsync, rename) once per generation; launchers, batch scripts and CI take their exit
 * status from it, never from mpirun.  Schema "treewarden.verdict", version 1; fields are only ever added.
 */
#ifndef TW_STORE_VERDICT_H
#define TW_STORE_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/reason.h"

#define VERDICT_FAULTS_MAX 512

/* One fault the job lived through (or did not). */
struct verdict_fault {
    char path[192];             /* who */
    char how[24];               /* drill that inflicted it, or "" when nobody did */
    char cause[24];             /* exit_cause_name */
    uint64_t injected_us;       /* tree time; 0 = unknown (no drill) */
    uint64_t detected_us;
    uint64_t resumed_us;        /* 0 = never */
    uint32_t actors;            /* lives it ended */
    uint32_t open_messages;     /* messages in the outboxes resumed from */
    uint32_t uncommitted;       /* handler calls since the commit resumed from, summed */
};

/* accepted = delivered + in_flight + dead + lost, per the streams' own numbers */
struct verdict_streams {
    uint64_t accepted, delivered, in_flight, dead, lost;
    uint32_t streams;
    uint32_t unmatched;         /* streams whose two ends did not both report: the sum is then partial */
};

struct verdict {
    int exit_code;              /* face: exit codes */
    unsigned generation;
    int ranks;
    uint64_t seed;
    uint64_t elapsed_us;        /* READY to the end */
    uint64_t ready_us;          /* process start to READY */
    char name[64], job[64];
    char reason[256];           /* one sentence for a person */
    char lost[512];             /* what was lost, by name; "" = nothing */
    uint32_t restarts, giveups, workers_lost, slots_fenced, drills, drills_not_fired;
    struct verdict_streams streams;
    uint32_t fault_count;       /* entries below that are filled */
    uint32_t faults_dropped;    /* more than fit */
    struct verdict_fault faults[VERDICT_FAULTS_MAX];
};

/* Write DIR/verdict.GENERATION.json.  0; TW_EEXIST if there is one already (the first one stands);
 * TW_ESYS with the reason.  Blocks on fsync: writer thread, or after the loop has ended. */
int verdict_write(const char *dir, const struct verdict *v, struct reason *why);

/* Read the verdict of the highest generation in DIR.  0, TW_ENOENT, TW_EPROTO (not a verdict). */
int verdict_read(const char *dir, struct verdict *ret, struct reason *why);

/* Percentile p (0..100) of detection or recovery times (us) over the faults that have both ends; 0 and
 * *ret_count = 0 if none has. */
uint64_t verdict_detection_us(const struct verdict *v, unsigned p, uint32_t *ret_count);
uint64_t verdict_recovery_us(const struct verdict *v, unsigned p, uint32_t *ret_count);

/* The summary for people, several lines, to a stdio stream. */
void verdict_print(const struct verdict *v, void *stdio_file);

#endif
