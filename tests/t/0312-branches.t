# a pool whose instances are branches: started, ended, forgotten and started anew, at home at the root or on a rank
. "$TW_SRC/tests/lib/live.sh"
tw=$TREEWARDEN
cat >tick.c <<'C'
#include <treewarden/actor.h>
struct tick { uint64_t n; };
TW_INIT(tick) { s->n = 0; tw_log(cx, 7, 0, 0); tw_timer(cx, 20); }
TW_RECEIVE(tick) { s->n += m->type == TW_TIMER; tw_progress(cx, 1); tw_commit(cx); tw_timer(cx, 20); }
TW_NO_STEP(tick)
TW_PROGRAM(tick)
C
cat >branches.yaml <<'Y'
treewarden: 1
name: branches
program: tick
devices: {slots: 12}
supervisor: top
intensity: 9
children:
  - supervisor: wide
    strategy: simple_one_for_one
    max_children: 2
    children:
      - supervisor: line
        restart: transient
        children: [{actor: a, type: tick, place: {rank: 0}}, {actor: b, type: tick, place: {rank: 1}}]
  - supervisor: near
    strategy: simple_one_for_one
    max_children: 2
    children:
      - supervisor: line
        place: {rank: 1}
        restart: transient
        children: [{actor: a, type: tick}, {actor: b, type: tick}]
  - supervisor: far
    place: {rank: 1}
    strategy: simple_one_for_one
    max_children: 2
    children:
      - supervisor: line
        restart: transient
        children: [{actor: a, type: tick}, {actor: b, type: tick}]
  - supervisor: always
    intensity: 9
    strategy: simple_one_for_one
    max_children: 1
    children:
      - supervisor: line
        children:
          - {actor: a, type: tick}
          - {actor: b, type: tick}
          - {supervisor: jobs, strategy: simple_one_for_one, max_children: 1, children: [{actor: job, type: tick}]}
drills: [{at: 1h, path: "top/far/line[0]/a", how: fail}]
Y
within 60 "$tw" cc --no-cuda -q tick.c; ok $? "the actor program builds"
out=$(within 10 "$tw" check -v branches.yaml)
says "$out" "13 supervisors, 15 actors (23 only at run time)" "check counts branches with all that is in them"
is "$(echo "$out" | grep -c 'top/far/line\(/.*\)*$')" 0 "... and shows no template"
"$tw" launch -q -n 2 branches.yaml --drills --state-dir s >out 2>&1 & job=$!
within 30 "$tw" wait --for=running --timeout 20s; ok $? "the job runs: nobody waits for branches that were not started"
said() {                        # EXIT TEXT WORDS...
    want=$1 text=$2
    shift 2
    out=$(within 15 "$tw" "$@" 2>&1)
    is "$? $out" "$want $text" "$*: $text"
}
paths() { within 10 "$tw" tree --json "$@" | sed -n 's/.*"path": "\(.*\)",*/\1/p' | tr '\n' ' '; }
began() { [ "$(within 10 "$tw" logs "$line/a" | grep -c 'code 7') $(within 10 "$tw" logs "$line/b" | grep -c 'code 7')" = "$1" ]; }
injure() { within 10 "$tw" fail --how fail "$1" >/dev/null; }
full=": all instances are in use: terminate one, or raise max_children in the specification"
for p in wide near far; do
    pool=top/$p line="top/$p/line[0]"
    said 0 "count $pool specs=1 active=0 supervisors=0 workers=0" count $pool
    said 0 "result start $line ok" child start $pool
    is "$(paths $pool)" "$pool $line $line/a $line/b " "the branch is in the tree, whole"
    said 0 "result start $pool/line[1] ok" child start $pool --rank 1
    said 1 "result start $pool max_children$full" child start $pool
    said 0 "count $pool specs=1 active=2 supervisors=2 workers=0" count $pool
    said 0 "which $pool line[0]=running,line[1]=running" which $pool
    said 0 "count $line specs=2 active=2 supervisors=0 workers=2" count "$line"
    out=$(within 15 "$tw" restart "$line" 2>&1); is $? 1 "an instance is not restarted by hand"
    within 15 "$tw" restart "$line/b" >/dev/null; ok $? "... who is in it is"
    injure "$line/a"
    until_true 10 sh -c "'$tw' tree '$line/a' | grep -q 'running  starts 2'"; ok $? "an actor that fails in it is restarted"
    until_true 5 began "1 1"; ok $? "... from its commit, as the other"
    injure "$line/a"
    until_true 10 sh -c "'$tw' count $pool | grep -q 'active=1 supervisors=1'"; ok $? "at the next failure the branch gives up, and is forgotten"
    is "$(paths $pool)" "$pool $pool/line[1] $pool/line[1]/a $pool/line[1]/b " "... and no part of the tree"
    said 0 "result start $line ok" child start $pool
    until_true 5 began "2 2"; ok $? "in its place there is another branch, all of it from init"
    injure "$line/a"
    until_true 10 sh -c "'$tw' tree '$line/a' | grep -q 'running  starts 4'"; ok $? "... which may fail as often as any"
    said 0 "result terminate $line ok" child terminate "$line"
    within 15 "$tw" kill -y "$pool/line[1]" >/dev/null; ok $? "one that is killed ..."
    until_true 5 sh -c "'$tw' count $pool | grep -q active=0"; ok $? "... frees its place, too"
    said 0 "result start $pool/line[1] ok" child start $pool
    said 0 "result terminate $pool ok" child terminate $pool
    said 0 "result restart $pool ok" child restart $pool
    is "$(paths $pool)" "$pool " "a pool that is started again is empty"
done
line='top/always/line[0]'
said 0 "result start $line ok" child start top/always
said 0 "result start $line/jobs/job[0] ok" child start "$line/jobs"
said 1 "result start $line/jobs max_children$full" child start "$line/jobs"
said 0 "result terminate $line/b ok" child terminate "$line/b"
said 0 "result delete $line/b ok" child delete "$line/b"
injure "$line/a"
until_true 10 sh -c "'$tw' tree '$line/a' | grep -q 'running  starts 2'"; ok $? "(a permanent one fails once)"
injure "$line/a"
until_true 10 sh -c "'$tw' tree '$line' | grep -q 'running  starts 2'"; ok $? "a permanent branch that gave up is started again"
said 0 "count $line specs=3 active=3 supervisors=1 workers=2" count "$line"
said 0 "count $line/jobs specs=1 active=0 supervisors=0 workers=0" count "$line/jobs"
until_true 5 began "1 1"; ok $? "... as it was declared, and from its commits"
said 0 "result start $line/jobs/job[0] ok" child start "$line/jobs"
said 0 "result terminate $line ok" child terminate "$line"
said 0 "result start $line ok" child start top/always
is "$(paths "$line")" "$line $line/a $line/b $line/jobs " "a pool in a branch is empty when that begins"
said 0 "result start top/wide/line[0] ok" child start top/wide
said 0 "result start top/far/line[0] ok" child start top/far
kill -TERM $job; wait $job; is $? 1 "the job stops in order; branches that gave up did not come back, though others took their places"
says "$(cat s/verdict.1.json)" "top/wide/line[0] gave up" "... as the verdict says"
finish
