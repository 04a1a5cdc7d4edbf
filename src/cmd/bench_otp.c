/* bench_otp.c - the engine beside Erlang's supervisor: what a child's end costs until its restart is decided
 *
 * Ours: one input, an end, until all its effects are taken.  OTP's, where `escript` is installed: from the exit of a
 * child to the start function of the next one, both told by the Erlang machine's own clock; it starts a process as well,
 * so the two are not the same work, and the aim is far below equal.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "cmd/bench.h"
#include "core/suptree.h"
#include "shared/cause.h"
#include "shared/rc.h"

#define ROUNDS 20000u
#define TURNS 64u                       /* ends a sample: one alone is shorter than a look at the clock */

static const char script[] =
    "#!/usr/bin/env escript\n"
    "%%! +S 1:1 +A 0 -noshell\n"
    "-mode(compile).\n"
    "-export([init/1, begin_child/1, child/1]).\n"
    "init(Who) -> {ok, {#{strategy => one_for_one, intensity => 1000000, period => 1},\n"
    "    [#{id => a, start => {?MODULE, begin_child, [Who]}}]}}.\n"
    "begin_child(Who) -> Who ! {began, erlang:monotonic_time(nanosecond)}, {ok, spawn_link(?MODULE, child, [Who])}.\n"
    "child(Who) -> Who ! {is, self()}, receive stop -> exit(failed) end.\n"
    "await() -> receive {began, At} -> receive {is, Pid} -> {At, Pid} end end.\n"
    "main([N, File]) ->\n"
    "    logger:remove_handler(default),\n"
    "    process_flag(trap_exit, true),\n"
    "    {ok, _} = supervisor:start_link(?MODULE, self()),\n"
    "    {ok, Out} = file:open(File, [write, delayed_write]),\n"
    "    {_, First} = await(),\n"
    "    go(list_to_integer(N), First, Out),\n"
    "    ok = file:close(Out),\n"
    "    halt(0).\n"
    "go(0, _, _) -> ok;\n"
    "go(N, Pid, Out) ->\n"
    "    Ref = monitor(process, Pid),\n"
    "    From = erlang:monotonic_time(nanosecond),\n"
    "    Pid ! stop,\n"
    "    {At, Next} = await(),\n"
    "    receive {'DOWN', Ref, _, _, _} -> ok end,\n"
    "    io:format(Out, \"~b~n\", [At - From]),\n"
    "    go(N - 1, Next, Out).\n";

static struct figure otp = {
    .which = "tree", .name = "tree-otp", .what = "a child's end -> its restart decided, all effects taken",
    .bare_what = "OTP's supervisor: a child's exit -> its next start", .unit = "ns", .kind = AIM_RATIO_MOST, .aim = 0.05};

/* -- ours ------------------------------------------------------------------------------------------- */

static void take_all(struct suptree *t)
{
    while (suptree_next_effect(t))
        continue;
    while (suptree_next_changed(t) != SUPTREE_NONE)
        continue;
}

static struct suptree *one_child(struct suptree_look *ret)
{
    struct suptree_limits limits = {.vertices = 2, .ids = 2, .generation = 1};
    struct suptree_spec top = {.id = 0, .supervisor = true, .shutdown = SHUTDOWN_INFINITY, .intensity = SUPTREE_UNLIMITED,
                               .period_ms = 1000};
    struct suptree_spec child = {.id = 1, .restart = RESTART_PERMANENT};
    struct suptree_input in = {.kind = SUPTREE_BRANCH_START, .life = 1, .line = 1};
    struct suptree *t = suptree_create(&limits);

    if (!t || suptree_add(t, SUPTREE_NONE, &top) != 0 || suptree_add(t, 0, &child) != 0) {
        suptree_destroy(t);
        return NULL;
    }
    (void)suptree_take(t, 1, &in);
    take_all(t);
    (void)suptree_peek(t, 1, ret);
    in = (struct suptree_input){.kind = SUPTREE_STARTED, .vertex = 1, .life = ret->life};
    (void)suptree_take(t, 1, &in);
    take_all(t);
    return t;
}

/* The start that follows each end is answered outside of what is timed. */
static int sample_ours(struct reason *why)
{
    struct suptree_look l;
    struct suptree *t = one_child(&l);

    if (!t)
        return reason_set(why, TW_ENOMEM, "no memory for an engine of two vertices");
    for (uint32_t n = 0; n < ROUNDS / TURNS; n++) {
        uint64_t ns = 0;

        for (uint32_t i = 0; i < TURNS; i++) {
            struct suptree_input in = {.kind = SUPTREE_EXITED, .vertex = 1, .cls = CLASS_ABNORMAL, .cause = CAUSE_CODE};
            uint64_t from;

            in.life = l.life;
            from = bench_now_ns();
            (void)suptree_take(t, 2, &in);
            take_all(t);
            ns += bench_now_ns() - from;
            (void)suptree_peek(t, 1, &l);
            in = (struct suptree_input){.kind = SUPTREE_STARTED, .vertex = 1, .life = l.life};
            (void)suptree_take(t, 2, &in);
            take_all(t);
        }
        samples_add(&otp.ours, (double)ns / TURNS);
    }
    suptree_destroy(t);
    return 0;
}

/* -- OTP's ------------------------------------------------------------------------------------------ */

static int sample_otp(const struct bench *b, struct reason *why)
{
    char file[BENCH_DIR_BYTES + 32], out[BENCH_DIR_BYTES + 32], command[2 * BENCH_DIR_BYTES + 160];
    FILE *f;
    int rc;

    snprintf(file, sizeof file, "%s/restart.escript", b->dir);
    snprintf(out, sizeof out, "%s/restart.ns", b->dir);
    f = fopen(file, "w");
    if (!f || fputs(script, f) < 0 || fclose(f) != 0)
        return reason_set(why, TW_ESYS, "%s: cannot be written", file);
    snprintf(command, sizeof command, "exec timeout -s KILL 60 escript '%s' %u '%s' >/dev/null 2>&1", file, ROUNDS / 10, out);
    rc = system(command);
    if (!WIFEXITED(rc) || WEXITSTATUS(rc) != 0)
        return reason_set(why, TW_ESYS, "escript ended with %d: is Erlang whole? without it this figure is left out",
                          WIFEXITED(rc) ? WEXITSTATUS(rc) : 128);
    return file_samples(out, 1, &otp.bare, why);
}

int bench_otp(struct bench *b, struct reason *why)
{
    int rc;

    if (system("command -v escript >/dev/null 2>&1") != 0)
        return 0;                       /* no peer to be set beside */
    rc = sample_ours(why);
    if (rc == 0)
        rc = sample_otp(b, why);
    if (rc == 0)
        figure_add(b, &otp);
    return rc;
}
