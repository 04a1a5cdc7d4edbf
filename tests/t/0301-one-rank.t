# one rank, no mpirun: a job of one process, its commands, its verdict
. "$TW_SRC/tests/lib/live.sh"
tw=$TREEWARDEN
cat > tick.c <<'C'
#include <treewarden/actor.h>
struct tick { uint64_t n; };
TW_INIT(tick) { s->n = 0; tw_timer(cx, 1); }
TW_RECEIVE(tick)
{
    if (m->type != TW_TIMER)
        return;
    s->n++;
    tw_progress(cx, 1);
    tw_log(cx, 7, s->n, 0);
    if (s->n >= tw_arg_u64(cx, "ticks"))
        tw_done(cx, s->n);
    else
        tw_timer(cx, 5);
}
TW_NO_STEP(tick)
TW_PROGRAM(tick)
C
cat > tick.yaml <<'Y'
treewarden: 1
name: tick
devices: {slots: 4, spares: 2}
supervisor: top
auto_shutdown: all_significant
intensity: 3
children:
  - {actor: tick, count: 2, restart: transient, significant: true, deadline: 300ms, args: {ticks: 100000}}
drills:
  - {at: 1h, path: "top/tick[0]", how: fail}
Y
within 60 "$tw" cc --no-cuda -q tick.c; ok $? "the actor program builds"
within 60 "$tw" run tick.yaml --set top/tick.args.ticks=20 --state-dir s1 2>err; is $? 0 "a job that ends well is exit 0"
cat err | sed 's/^/# /'
says "$(cat s1/verdict.1.json)" '"exit_code": 0' "... and says so in its verdict"
says "$("$tw" logs --state-dir s1)" "code 7: 20 0" "what actors logged is in the journal"

printf '#include <treewarden/actor.h>\nstruct now { uint64_t n; };\nTW_INIT(now) { s->n = 0; tw_done(cx, 7); }\nTW_NO_RECEIVE(now)\nTW_NO_STEP(now)\nTW_PROGRAM(now)\n' >now.c
printf 'treewarden: 1\nname: now\nsupervisor: top\nauto_shutdown: all_significant\nchildren: [{actor: now, count: 8, restart: transient, significant: true}]\n' >now.yaml
within 60 "$tw" cc --no-cuda -q now.c && within 20 "$tw" run now.yaml --state-dir s0; is $? 0 "actors that are done with their first handler are done, not failed"

"$tw" run tick.yaml --drills --state-dir s2 2>err & job=$!
within 20 "$tw" wait --for=running --timeout 10s; is $? 0 "wait sees it run"
says "$("$tw" tree --ascii --no-color)" "tick[1]  running" "tree shows it"
says "$("$tw" status)" "2 running" "status counts it"
says "$("$tw" status --json)" '"schema": "treewarden.status"' "status speaks JSON"
says "$("$tw" wait --for=running --json)" '"schema": "treewarden.wait"' "wait speaks JSON"
is "$("$tw" events --json | grep -vc '"schema":"treewarden.event","version":1')" 0 "events speaks JSON, schema and version in each line"
for c in "wait --for=running top/none" "wait --for=restarted=x" "tree top/none" "events top/none" "logs top/none" "events --type none" \
    "status --rank x" "status top" "tree --depth x" "kill -y --fresh top/tick[0]" "restart --how fail top/tick[0]"; do
    out=$(within 10 "$tw" $c 2>&1); is $? 2 "$c is refused: exit 2"
done
cp tick.so kept.so
echo rubbish > tick.so              # in place: the job goes on with the program it was started with
for how in fail overrun wedge segv kill-worker; do
    before=$("$tw" events --type resumed --state-dir s2 | grep -c 'top/tick\[0\]')
    within 10 "$tw" fail -q "top/tick[0]" --how $how; is $? 0 "fail --how $how is taken"
    until_true 60 sh -c "[ \$('$tw' events --type resumed --state-dir s2 | grep -c 'top/tick\[0\]') -gt $before ]"
    ok $? "... and healed from the commit"
    sleep 1.8                                   # OTP's window: 3 restarts in 5 s are this job's limit
done
cp kept.so tick.so
out=$(within 10 "$tw" kill "top/tick[1]" </dev/null 2>&1); is $? 2 "kill asks, and without a terminal does nothing"
within 10 "$tw" kill -q -y "top/tick[1]"; is $? 0 "kill -y does it"
says "$("$tw" tree --no-color --ascii "top/tick[1]")" "stopped" "... and it stays down"
within 10 "$tw" restart -q "top/tick[1]"; is $? 0 "restart brings it back"
within 10 "$tw" wait --for=running "top/tick[1]" --timeout 5s; is $? 0 "... and it runs"
within 10 "$tw" terminate -q "top/tick[*]"; is $? 0 "terminate takes a pattern"
within 10 "$tw" restart -q --fresh "top/tick[*]"; is $? 0 "restart --fresh too"
out=$(within 10 "$tw" kill -y "top/none" 2>&1); is $? 2 "a path that is not there is exit 2"
says "$out" "no such vertex" "... and says so"
out=$(within 10 "$tw" run tick.yaml --state-dir s2 2>&1); is $? 73 "the state directory of a live job is refused"
kill -TERM $job; wait $job; is $? 143 "SIGTERM stops it in order: exit 143"
says "$(cat s2/verdict.1.json)" "signal 15" "... and the verdict names the signal"

cat > crash.yaml <<'Y'
treewarden: 1
name: crash
program: tick
supervisor: top
children: [{actor: tick, args: {tocks: 1}}]
Y
within 30 "$tw" run crash.yaml --state-dir s3 2>/dev/null; is $? 1 "a tree that cannot be kept up is exit 1"
says "$(cat s3/verdict.1.json)" "last: top/tick failed with code 4294967295" "... and the verdict names who, and its code"
printf '#include <treewarden/actor.h>\nstruct bad { uint64_t n; };\nTW_INIT(bad) { tw_fail(cx, 42); }\nTW_NO_RECEIVE(bad)\nTW_NO_STEP(bad)\nTW_PROGRAM(bad)\n' >bad.c
printf 'treewarden: 1\nname: bad\nsupervisor: top\nchildren: [{actor: bad}]\n' >bad.yaml
is "$(within 60 "$tw" cc --no-cuda -q bad.c 2>&1)" "" "a handler that uses nothing it is given is no warning"
says "$(within 60 "$tw" cc --no-cuda --json bad.c)" '"bad.so"' "cc speaks JSON"
says "$(within 30 "$tw" run --json bad.yaml --state-dir s4 2>/dev/null)" "last: top/bad failed with code 42" "... so does run: who failed to start, with what"
says "$("$tw" events --type fault --state-dir s4)" "code 42" "... events too"

for i in 1 2; do
    within 30 env SLURM_JOB_ID=77 "$tw" launch -q now.yaml; is $? 0 "job $i of one allocation"
done

# What README.md shows does what it says there.
awk '/^```c$/ { f = "counter.c"; next } /^```yaml$/ { f = "counter.yaml"; next } /^```/ { f = "" } f { print > f }' "$TW_SRC/README.md"
is "$(within 60 "$tw" cc --no-cuda -q counter.c 2>&1)" "" "README's actor builds without a warning"
within 60 "$tw" run counter.yaml --state-dir s5; is $? 0 "... and its job ends"
says "$(cat s5/verdict.1.json)" '"delivered": 4000' "... having counted"
finish
