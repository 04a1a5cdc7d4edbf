# children that a person starts at run time: the instances of a pool, at home at the root or on a rank, and `start: later`
. "$TW_SRC/tests/lib/live.sh"
tw=$TREEWARDEN
cat >tick.c <<'C'
#include <treewarden/actor.h>
struct tick { uint64_t n; };
TW_INIT(tick) { s->n = 0; tw_timer(cx, 20); }
TW_RECEIVE(tick) { s->n += m->type == TW_TIMER; tw_progress(cx, 1); tw_timer(cx, 20); }
TW_NO_STEP(tick)
TW_PROGRAM(tick)
C
cat >pool.yaml <<'Y'
treewarden: 1
name: pool
program: tick
devices: {slots: 4}
supervisor: top
children:
  - supervisor: near
    strategy: simple_one_for_one
    max_children: 2
    children: [{actor: job, type: tick, restart: transient}]
  - supervisor: far
    place: {rank: 1}
    strategy: simple_one_for_one
    max_children: 2
    children: [{actor: job, type: tick, restart: transient}]
  - {actor: extra, type: tick, start: later}
  - supervisor: branch
    start: later
    place: {rank: 1}
    children: [{actor: leaf, type: tick}]
drills: [{at: 1h, path: "top/near/job[0]", how: fail}]
Y
within 60 "$tw" cc --no-cuda -q tick.c; ok $? "the actor program builds"
says "$(within 10 "$tw" check pool.yaml)" "4 supervisors, 6 actors (7 only at run time)" "check counts what is started at run time"
is "$(within 10 "$tw" check -v pool.yaml | grep -c 'top/near/job$')" 0 "... and shows no template among the paths"
out=$(within 10 "$tw" check pool.yaml -n 2 --set top/near.max_children=9 2>&1); is $? 78 "more instances than slots are refused"
says "$out" "lower max_children of top/near" "... with what to lower"
"$tw" launch -q -n 2 pool.yaml --drills --state-dir s >out 2>&1 & job=$!
within 30 "$tw" wait --for=running --timeout 20s; ok $? "the job runs: what is to be started at run time is not waited for"
said() {                        # EXIT TEXT WORDS...
    want=$1 text=$2
    shift 2
    out=$(within 15 "$tw" "$@" 2>&1)
    is "$? $out" "$want $text" "$*: $text"
}
paths() { within 10 "$tw" tree --json "$@" | sed -n 's/.*"path": "\(.*\)",*/\1/p' | tr '\n' ' '; }
is "$(paths)" "top top/near top/far " "the tree is what there is"
full=": all instances are in use: terminate one, or raise max_children in the specification"
for p in near far; do
    pool=top/$p
    said 0 "count $pool specs=1 active=0 supervisors=0 workers=0" count $pool
    said 0 "result start $pool/job[0] ok" child start $pool
    said 0 "result start $pool/job[1] ok" child start $pool --rank 1
    said 1 "result start $pool max_children$full" child start $pool
    until_true 5 sh -c "'$tw' which $pool --rank 1 | grep -qF 'job[0]=running,job[1]=running'"; ok $? "... both run"
    said 0 "count $pool specs=1 active=2 supervisors=0 workers=2" count $pool
    out=$(within 15 "$tw" restart "$pool/job[0]" 2>&1); is $? 1 "an instance is not restarted by hand"
    says "$out" "a pool starts no instance again" "... what to do instead is said"
    said 0 "count $pool specs=1 active=2 supervisors=0 workers=2" count $pool
    said 0 "result terminate $pool/job[0] ok" child terminate "$pool/job[0]"
    until_true 5 sh -c "'$tw' count $pool --rank 1 | grep -q active=1"; ok $? "terminated, it is forgotten"
    is "$(paths $pool)" "$pool $pool/job[1] " "... and no part of the tree"
    says "$(within 10 "$tw" tree "$pool/job[0]")" gone "... unless it is asked for"
    out=$(within 15 "$tw" child start $pool --json); is $? 0 "its place is free for another"
    says "$out" "\"path\": \"$pool/job[0]\"" "... as JSON says, with its path"
    says "$out" '"answer": "ok"' "... and answer"
    within 10 "$tw" fail --how fail "$pool/job[1]" >/dev/null
    until_true 10 sh -c "'$tw' tree '$pool/job[1]' | grep -q 'running  starts 2'"; ok $? "an instance that fails is restarted as its template says"
    said 0 "result terminate $pool ok" child terminate $pool
    said 1 "result start $pool not_found" child start $pool
    said 0 "result restart $pool ok" child restart $pool
    said 0 "count $pool specs=1 active=0 supervisors=0 workers=0" count $pool
done
said 1 "result terminate top/extra not_found" child terminate top/extra
said 0 "result start top/extra ok" child start top/extra
said 1 "result start top/extra already_started" child start top/extra
said 0 "result start top/branch ok" child start top/branch
said 0 "result start top/near/job[0] ok" child start top/near
is "$(paths)" "top top/near top/near/job[0] top/far top/extra top/branch top/branch/leaf " "what was started is in the tree, a branch whole"
says "$(within 10 "$tw" status --json)" '"gone": 0' "status counts what there is"
kill -TERM $job; wait $job; is $? 143 "the job stops in order"
cat >static.yaml <<'Y'
treewarden: 1
name: static
program: tick
devices: {slots: 4}
supervisor: top
children:
  - {actor: stays, type: tick}
  - {actor: once, type: tick, restart: temporary}
  - {supervisor: branch, children: [{actor: leaf, type: tick}]}
drills: [{at: 1h, path: top/once, how: fail}]
Y
"$tw" launch -q -n 1 static.yaml --drills --state-dir f >out 2>&1 & job=$!
within 30 "$tw" wait --for=running --timeout 20s; ok $? "a job runs that can be told to forget children it began with"
within 10 "$tw" fail --how fail top/once >/dev/null
within 20 "$tw" wait top/once --for=gone; ok $? "a temporary child that has ended is forgotten"
said 0 "result terminate top/branch ok" child terminate top/branch
said 0 "result delete top/branch ok" child delete top/branch
says "$(within 10 "$tw" tree)" "branch  gone" "what is forgotten is still seen in the tree"
within 10 "$tw" wait --for=running --timeout 5s; ok $? "... but not waited for, with what is below it"
is "$(within 10 "$tw" status | grep actors:)" "  actors: 1 running" "... and not counted in status"
within 10 "$tw" wait top/branch --for=running --timeout 200ms 2>/dev/null; is $? 124 "... nor is it so itself"
said 0 "result start top/branch ok" child start top/branch
within 10 "$tw" wait top/branch --for=running --timeout 5s; ok $? "started again it is"
kill -TERM $job; wait $job; is $? 143 "that job stops in order, too"
finish
