/* bench_simulate.c - a simulated job, beside an event loop that does nothing with its events */
#include <stdio.h>
#include <unistd.h>

#include "cmd/bench.h"
#include "cmd/cmd.h"
#include "core/dues.h"
#include "emu/emu.h"
#include "shared/rc.h"
#include "shared/splitmix.h"
#include "spec/spec.h"

#define PAIRS 16u
#define LIMIT_US 600000000u

static const char job[] =
    "treewarden: 1\nname: simulated\nprogram: bench\ndevices: {slots: 16, spares: 0}\nsupervisor: bench\n"
    "auto_shutdown: all_significant\nchildren:\n"
    "  - {actor: drain, count: 16, place: {rank: 1}, restart: transient, significant: true, mailbox: 256,\n"
    "     message_bytes: 64, sends: 64, commit: {every: 64, within: 100ms}, send: eager,\n"
    "     args: {messages: 16000, chunk: 4000, pairs: 16}}\n"
    "  - {actor: source, count: 16, place: {rank: 0}, restart: transient, mailbox: 256, message_bytes: 64, sends: 64,\n"
    "     commit: {every: 64, within: 100ms}, send: eager, args: {messages: 16000}}\n";

static void to_reason(void *why, const char *text) { reason_set(why, TW_EINVAL, "%s", text); }

static int load(const struct bench *b, struct spec **ret, const struct tw_program **ret_program, struct reason *why)
{
    char path[BENCH_DIR_BYTES + 32];
    struct loaded_program program;
    FILE *f;
    int rc;

    snprintf(path, sizeof path, "%s/simulated.yaml", b->dir);
    f = fopen(path, "w");
    rc = f && fputs(job, f) >= 0 ? 0 : TW_ESYS;
    if ((f && fclose(f) != 0) || rc != 0)
        return reason_set(why, TW_ESYS, "%s: cannot be written: make room, or set TMPDIR", path);
    if (load_spec(path, NULL, 0, true, ret) != 0)
        return reason_set(why, TW_EINVAL, "%s: it is not what this version reads", path);
    if (load_program(*ret, to_reason, why, &program) != 0) {
        spec_free(*ret);
        return TW_EINVAL;
    }
    close(program.image_fd);
    *ret_program = program.table;
    return 0;
}

/* One run; nanoseconds an event, and how many there were. */
static int simulated(const struct bench *b, const struct spec *s, const struct tw_program *p, uint64_t seed,
                     struct samples *to, uint64_t *ret_events, struct reason *why)
{
    struct emu_plan plan = {.count = 0};
    struct emu_config config = {.spec = s, .program = p, .ranks = 2, .seed = seed, .plan = &plan, .out_dir = b->dir,
                                .limit_us = LIMIT_US};
    struct emu_result r;
    uint64_t begun = bench_now_ns();
    int rc = emu_run(&config, &r, why);

    if (rc != 0)
        return rc;
    if (r.failure[0])
        return reason_set(why, TW_ESTATE, "the simulated job failed: %.200s", r.failure);
    samples_add(to, (double)(bench_now_ns() - begun) / (double)r.events);
    *ret_events = r.events;
    return 0;
}

struct loop { struct dues dues; uint64_t now, chance; };
typedef void handler(struct loop *l, uint32_t who);

static void comes_again(struct loop *l, uint32_t who)
{
    dues_set(&l->dues, who, l->now + splitmix_next(&l->chance) % 1000);
}

/* As many events for as many who have some: the earliest is taken, its handler called, which asks for its next. */
static int bare(uint64_t events, struct samples *to, struct reason *why)
{
    handler *volatile f = comes_again;      /* not known beforehand, as in any event loop */
    struct loop l = {.chance = events};
    uint64_t begun;

    if (dues_init(&l.dues, 2 * PAIRS + 2) != 0) {
        dues_fini(&l.dues);
        return reason_set(why, TW_ENOMEM, "out of memory");
    }
    for (uint32_t who = 0; who < 2 * PAIRS + 2; who++)
        f(&l, who);
    begun = bench_now_ns();
    for (uint64_t n = 0; n < events; n++) {
        (void)dues_first(&l.dues, &l.now);
        f(&l, dues_pop(&l.dues, l.now));
    }
    samples_add(to, (double)(bench_now_ns() - begun) / (double)events);
    dues_fini(&l.dues);
    return 0;
}

int bench_simulate(struct bench *b, struct reason *why)
{
    struct figure f = {.which = "simulate", .name = "simulate",
        .what = "an event of a simulated job: 2 ranks, 16 pairs of actors that pass messages",
        .bare_what = "event loop: as many events for as many, handlers that only ask for their next", .unit = "ns",
        .kind = AIM_SPEED_LEAST, .aim = 1.0 / 15};
    const struct tw_program *program = NULL;
    struct spec *spec;
    uint64_t events = 0;
    int rc = load(b, &spec, &program, why);

    if (rc != 0)
        return rc;
    for (uint32_t i = 0; i < b->samples && rc == 0 && !bench_stopped; i++)
        if ((rc = simulated(b, spec, program, 1 + i, &f.ours, &events, why)) == 0)
            rc = bare(events, &f.bare, why);
    spec_free(spec);
    if (rc == 0 && f.ours.count) {
        snprintf(f.note, sizeof f.note, "%llu events a run", (unsigned long long)events);
        figure_add(b, &f);
    }
    return rc;
}
