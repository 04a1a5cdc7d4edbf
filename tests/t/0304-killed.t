# any process of a job killed: nothing of it is left, and the verdict says who (how soon: tests/soak-kill)
. "$TW_SRC/tests/lib/live.sh"
heat=$TW_BUILD/jobs/heat
cp "$TW_SRC/jobs/heat/heat.yaml" "$heat/heat.so" .
pid_of() { # a process of ours whose command line matches
    for p in $(ours); do
        tr '\0' ' ' <"/proc/$p/cmdline" 2>/dev/null | grep -qE "$1" && { echo "$p"; return; }
    done
}
rank_pid() { # the process that is rank $1
    for p in $(ours); do
        tr '\0' '\n' <"/proc/$p/environ" 2>/dev/null | grep -qx "OMPI_COMM_WORLD_RANK=$1" || continue
        tr '\0' ' ' <"/proc/$p/cmdline" 2>/dev/null | grep -q ' run ' && { echo "$p"; return; }
    done
}
start() { # NAME
    "$TREEWARDEN" launch -q -n 4 heat.yaml --state-dir "st.$1" --out "out.$1" \
        --set plate/collector.args.input="$TW_SRC/jobs/heat/plate.pgm" --set plate/collector.args.steps=100000 \
        >"log.$1" 2>&1 & launch=$!
}
begin() { # NAME
    start "$1"
    until_true 20 "$TREEWARDEN" wait --for=running --timeout 5s; ok $? "$1: all of it runs"
}
victim() { # NAME PID WANTED-EXIT WANTED-TEXT
    ok "$([ -n "$2" ]; echo $?)" "$1: found it"
    kill -KILL "$2"
    gone 20; ok $? "$1 killed: nothing is left running"
    wait $launch 2>/dev/null; is $? "$3" "$1 killed: launch exits $3"
    [ -z "$4" ] || says "$(cat "st.$1"/verdict.1.json 2>/dev/null)" "$4" "$1 killed: the verdict says it"
    is "$(ls -A "$XDG_RUNTIME_DIR")" "" "$1 killed: no socket is left"
    rm -f /dev/shm/none
}
begin rank2;  victim rank2  "$(rank_pid 2)" 1 "rank 2 on"
begin rank0;  victim rank0  "$(rank_pid 0)" 1 "rank 0 was lost"
begin zygote; victim zygote "$(pid_of '^[^ ]*treewarden zygote ')" 1 "zygote died"
begin mpirun; victim mpirun "$(pid_of '(mpirun|prterun) .*--with-ft')" 1 "mpirun) died"
# Before MPI's start is through, nobody but the ranks beside it can see a rank die.
for late in 0 0.05 0.1; do
    "$TREEWARDEN" launch -q -n 4 heat.yaml --state-dir "st.start$late" >"log.start" 2>&1 & launch=$!
    until_true 20 sh -c "[ -n \"\$(grep -lzx OMPI_COMM_WORLD_RANK=2 /proc/[0-9]*/environ 2>/dev/null)\" ]"
    sleep $late
    until p=$(rank_pid 2) && [ -n "$p" ]; do kill -0 $launch || break; done
    victim "start$late" "$p" 1 ""
done
printf '#!/bin/sh\n"$@"\nexit $?\n' >wrap && chmod +x wrap
mpirun=$(sed -n 's/^TW_MPIRUN = //p' "$TW_BUILD/Makefile")
within 60 "$mpirun" --allow-run-as-root --oversubscribe --mca btl self,sm,tcp -n 4 ./wrap "$TREEWARDEN" run heat.yaml --state-dir st.wrap \
    --set plate/collector.args.input="$TW_SRC/jobs/heat/plate.pgm" --set plate/collector.args.steps=20 >log.wrap 2>&1
is $? 0 "ranks behind a script of their own are not taken for dead"
begin launch
kill -KILL $launch; wait $launch 2>/dev/null
gone 20; ok $? "launch killed: nothing is left running"
says "$(cat st.launch/verdict.1.json 2>/dev/null)" "launch was killed" "launch killed: the job stopped in order and says why"
is "$(ls -A "$XDG_RUNTIME_DIR")" "" "launch killed: the job's folder is removed all the same"
# The helper of launch that sweeps up for it: launch does it itself then.
broom_pid() { for p in $(ours); do [ "$(cat "/proc/$p/comm" 2>/dev/null)" != tw-broom ] || echo "$p"; done; }
begin broom
broom=$(broom_pid); ok "$([ -n "$broom" ]; echo $?)" "broom: found it"
kill -KILL "$broom"; kill -TERM $launch
gone 20; ok $? "broom killed, then an ordered stop: nothing is left running"
wait $launch 2>/dev/null; is $? 143 "broom killed: launch exits as it would have"
says "$(cat st.broom/verdict.1.json 2>/dev/null)" '"exit_code": 143' "broom killed: the verdict is the job's"
is "$(ls -A "$XDG_RUNTIME_DIR")" "" "broom killed: launch removes the job's folder"
# While MPI starts only the ranks beside it can see it.  Here it starts for ever: rank 1 is a stand-in that never enters MPI.
real=$(sed -n 's/^TW_MPIRUN = //p' "$TW_BUILD/Makefile")
cat >standin <<'SH'
#!/bin/sh
[ "$OMPI_COMM_WORLD_RANK" = 1 ] || exec "$@"
echo $$ >standin.pid
while kill -0 "$PPID" 2>/dev/null; do sleep 0.05; done
SH
cat >mpirun <<SH
#!/bin/sh
n=\$#
while [ \$n -gt 0 ]; do
    arg=\$1; shift; n=\$((n - 1))
    [ "\$arg" != "$TREEWARDEN" ] || set -- "\$@" "$DIR/standin"
    set -- "\$@" "\$arg"
done
exec "$real" "\$@"
SH
chmod +x standin mpirun
export TREEWARDEN_MPIRUN=$DIR/mpirun
others() { [ "$(for p in $(ours); do tr '\0' ' ' <"/proc/$p/cmdline"; echo; done | grep -c ' zygote ')" = 3 ]; }
early() { start "$1"; until_true 20 others; until_true 20 test -s standin.pid; }
early early-rank; victim early-rank "$(cat standin.pid)" 1 ""
is "$(grep -c "a rank on this host died before the job began" log.early-rank)" 1 "early-rank killed: one of the others says so, once"
rm standin.pid
early early-mpirun; victim early-mpirun "$(pid_of '(mpirun|prterun) .*--with-ft')" 1 ""
# An mpirun whose own abort hangs: it had a rank, has none, and does not end.
cat >mpirun <<SH
#!/bin/sh
case \$1 in --version) exec "$real" --version ;; esac
OMPI_COMM_WORLD_RANK=0 sleep 1 &
while :; do sleep 1; done
SH
within 30 "$TREEWARDEN" launch -q -n 4 heat.yaml --state-dir st.hang >log.hang 2>&1; is $? 1 "an mpirun that hangs without ranks is ended"
has log.hang "mpirun ended (signal 9) and left no verdict" "... and launch says how it ended"
unset TREEWARDEN_MPIRUN
begin worker
p=$(pid_of '^[^ ]*treewarden worker ')
kill -KILL "$p"
until_true 10 sh -c "'$TREEWARDEN' events --type resumed --state-dir st.worker | grep -q tile"; ok $? "worker killed: its actors resume and the job goes on"
kill -TERM $launch; wait $launch; is $? 143 "SIGTERM to launch stops the job in order"
# A stop in order takes as long as its deadlines say; mpirun would have killed everything after a fraction of that.
cat >slow.c <<'C'
#include <treewarden/actor.h>
#include <time.h>
struct slow { uint64_t n; };
TW_INIT(slow) { s->n = 0; (void)cx; }
TW_RECEIVE(slow)
{
    struct timespec busy = {2, 0};

    tw_log(cx, 1, m->type, s->n++);
    nanosleep(&busy, NULL);
    tw_timer(cx, 1);
}
TW_STEP(slow) { if (s->n == 0) { s->n = 1; tw_timer(cx, 1); } }
TW_PROGRAM(slow)
C
printf 'treewarden: 1\nname: slow\nsupervisor: top\nchildren: [{actor: slow, deadline: 20s, shutdown: 20s}]\n' >slow.yaml
"$TREEWARDEN" cc -q --no-cuda slow.c -- -D_POSIX_C_SOURCE=200809L
for signal in TERM:143:15 INT:130:2; do
    IFS=: read -r name code number <<EOF
$signal
EOF
    "$TREEWARDEN" launch -q -n 2 slow.yaml --state-dir "st.slow$name" & launch=$!
    until_true 20 "$TREEWARDEN" wait --for=running --timeout 5s
    kill -$name $launch; wait $launch; is $? "$code" "SIG$name to launch waits for a handler that takes its time"
    says "$(cat "st.slow$name/verdict.1.json" 2>/dev/null)" "stopped in order after signal $number" "... and the verdict names it"
done
finish
