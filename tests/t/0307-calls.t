# a supervisor's administration calls on a running job, with OTP's answers, wherever the supervisor is at home
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
cat >tick.yaml <<'Y'
treewarden: 1
name: tick
supervisor: top
children:
  - supervisor: far
    place: {rank: 1}
    children:
      - {actor: a, type: tick}
      - {actor: b, type: tick, restart: temporary}
  - supervisor: here
    children:
      - {actor: c, type: tick, place: {rank: 1}}
      - {actor: d, type: tick, restart: temporary, place: {rank: 0}}
Y
within 60 "$tw" cc --no-cuda -q tick.c; ok $? "the actor program builds"
"$tw" launch -q -n 2 tick.yaml --state-dir s >out 2>&1 & job=$!
within 30 "$tw" wait --for=running --timeout 20s; ok $? "the job runs"
said() {                        # EXIT TEXT WORDS...: the command says this, to any rank
    want=$1 text=$2
    shift 2
    out=$(within 15 "$tw" "$@" 2>&1)
    is "$? $out" "$want $text" "$*: $text"
}
said 0 "which top far=running,here=running" which top
said 0 "count top specs=2 active=2 supervisors=2 workers=0" count top --rank 1
for s in far/a/b here/c/d; do
    sup=top/${s%%/*} kids=${s#*/}
    keep=$sup/${kids%/*} loose=$sup/${kids#*/} k=${kids%/*} l=${kids#*/}
    said 0 "which $sup $k=running,$l=running" which $sup
    said 1 "result restart $keep running" child restart $keep
    said 1 "result delete $keep running" child delete $keep
    said 0 "result terminate $keep ok" child terminate $keep --rank 1
    said 0 "result terminate $keep ok" child terminate $keep
    until_true 5 sh -c "'$tw' which $sup --rank 1 | grep -q $k=stopped"; ok $? "... every rank sees it stopped"
    said 0 "count $sup specs=2 active=1 supervisors=0 workers=2" count $sup
    said 0 "result restart $keep ok" child restart $keep
    said 1 "result start $keep already_started" child start $keep
    said 0 "result terminate $keep ok" child terminate $keep
    said 1 "result start $keep already_present" child start $keep
    said 0 "result delete $keep ok" child delete $keep
    said 1 "result restart $keep not_found" child restart $keep
    said 0 "result terminate $loose ok" child terminate $loose
    said 1 "result restart $loose not_found" child restart $loose
    until_true 5 sh -c "'$tw' count $sup | grep -q specs=0"; ok $? "a temporary child is forgotten, a deleted one too"
    said 0 "result start $keep ok" child start $keep
    said 0 "result start $loose ok" child start $loose
    until_true 5 sh -c "'$tw' which $sup --rank 1 | grep -q $k=running,$l=running"; ok $? "... until they are started again"
done
said 0 "result terminate top/far ok" child terminate top/far
until_true 5 sh -c "'$tw' which top --rank 1 | grep -q far=stopped"; ok $? "a supervisor is a child too"
said 1 "noop top/far no_supervisor" which top/far
said 1 "result restart top/far/a not_found" child restart top/far/a
said 0 "result restart top/far ok" child restart top/far
says "$(within 10 "$tw" which top/here --json)" '"name": "c"' "which speaks JSON"
says "$(within 10 "$tw" count top/here --json)" '"schema": "treewarden.count"' "count speaks JSON"
out=$(within 10 "$tw" child restart top/here/c --json); is $? 1 "child speaks JSON, with the exit code of its answer"
says "$out" '"answer": "running"' "... and the answer by itself"
for words in "which" "which top/*" "which top/none" "child" "child paint top/far" "child restart" "child restart top/none" \
    "child restart top/far/*" "child terminate top"; do
    out=$(within 10 "$tw" $words 2>&1); is $? 2 "$words is refused: exit 2"
done
for result in 'terminate top/far/a: ok' 'start top/here/c: already_started' 'start top/here/c: already_present' \
    'restart top/far/b: not_found'; do
    says "$("$tw" events --state-dir s --type result)" "child-$result" "the journal has the whole answer: $result"
done
kill -TERM $job; wait $job; is $? 143 "the job stops in order"
cat >hold.c <<'C'
#include <treewarden/actor.h>
#include <stdlib.h>
#include <unistd.h>
int usleep(unsigned);
struct hold { uint64_t n; };
TW_INIT(hold) { s->n = 0; }
TW_NO_RECEIVE(hold)
TW_STEP(hold) { while (access(getenv("HOLD"), F_OK) == 0) usleep(1000); }
TW_PROGRAM(hold)
C
cat >hold.yaml <<'Y'
treewarden: 1
name: hold
supervisor: top
children: [{actor: hold, shutdown: 30s, deadline: 60s}]
Y
"$tw" cc --no-cuda -q hold.c
export HOLD=$PWD/held
touch held
"$tw" launch -q -n 1 hold.yaml --state-dir h >out 2>&1 & job=$!
within 30 "$tw" wait --for=running --timeout 20s
within 10 "$tw" terminate --no-wait top/hold
until_true 10 sh -c "'$tw' tree | grep -q 'hold .*stopping'"; ok $? "(a child takes its time to stop)"
said 0 "which top hold=running" which top
rm held
until_true 10 sh -c "'$tw' which top | grep -q hold=stopped"; ok $? "who stops has a process until it has stopped"
kill -TERM $job; wait $job
finish
