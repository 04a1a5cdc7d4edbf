# a farm on real ranks: its master starts and stops hands at run time, and the result is right whatever dies in between
. "$TW_SRC/tests/lib/live.sh"
tw=$TREEWARDEN
cp "$TW_SRC"/jobs/farm/farm.yaml "$TW_BUILD"/jobs/farm/farm.so .
within 10 "$tw" check -q farm.yaml; is $? 0 "the specification is well"
within 60 "$tw" launch -q -n 2 farm.yaml --state-dir plain --out plain-out >out 2>&1; is $? 0 "without faults it ends well"
is "$(wc -l <plain-out/farm.txt)" 200 "... with a line for every task"
events() { "$tw" events --state-dir "$@"; }
[ "$(events plain --type result | grep -c 'child-start .*: ok')" -ge 200 ]; ok $? "... and a hand was started for each"
says "$(events plain --type streams)" "400 = 400 + 0 + 0 + 0" "... no message is lost with those that went"
for home in -1 0 1; do
    place=
    [ $home -lt 0 ] || place="--set farm/hands.place.rank=$home"
    within 60 "$tw" launch -n 2 farm.yaml --drills $place --state-dir s$home --out o$home >out 2>&1; is $? 0 "drills $place: it ends well"
    has out 'drills fired 5, not fired 0' "... all of them were carried out"
    has out 'lost 0$' "... no message is lost"
    cmp -s plain-out/farm.txt o$home/farm.txt; ok $? "... and the result is the same, byte for byte"
    is "$(events s$home --type start | grep -c 'farm/master .*start 4')" 1 "... though its master died three times"
done
cp "$TW_SRC"/jobs/farm/crews.yaml .
for place in "" "--set farm/hands.place.rank=1" "--set farm/hands/crew.place.rank=1"; do
    within 60 "$tw" launch -n 2 crews.yaml --drills $place --state-dir c --out oc >out 2>&1; is $? 0 "hands with crews $place: it ends well"
    cmp -s plain-out/farm.txt oc/farm.txt; ok $? "... with the same result"
    rm -rf c oc
done
says "$(events s1 --type result | grep 'child-start farm/hands/hand')" "farm/master" "what an actor asked for is in the journal"

# one that asks its own supervisor, which is still starting, and then to be stopped itself
cat >own.c <<'C'
#include <treewarden/actor.h>
struct own { uint64_t asked; };
struct later { uint64_t n; };
struct slow { uint64_t n; };
TW_INIT(own) { s->asked = 0; (void)tw_child_start(cx, tw_peer(cx, "top/extra")); }
TW_RECEIVE(own)
{
    const struct tw_child *c = (const struct tw_child *)m->body;

    if (m->type == TW_TIMER)
        (void)tw_child_start(cx, tw_peer(cx, "top/extra"));
    if (m->type != TW_CHILD)
        return;
    tw_log(cx, c->answer, c->request, c->child == tw_peer(cx, "top/extra"));
    if (c->answer == TW_CHILD_NOT_FOUND)
        tw_timer(cx, 20);
    else if (s->asked++ == 0)
        (void)tw_child_terminate(cx, tw_peer(cx, "top/own"));
}
TW_NO_STEP(own)
TW_INIT(later) { s->n = 0; }
TW_NO_RECEIVE(later)
TW_NO_STEP(later)
TW_INIT(slow) { s->n = 0; tw_timer(cx, 300); }
TW_RECEIVE(slow) { tw_ready(cx); }
TW_NO_STEP(slow)
TW_PROGRAM(own, later, slow)
C
cat >own.yaml <<'Y'
treewarden: 1
name: own
supervisor: top
children:
  - {actor: own}
  - {actor: slow, start_deadline: 20s}
  - {actor: extra, type: later, start: later, place: {rank: 1}}
Y
within 60 "$tw" cc --no-cuda -q own.c; ok $? "an actor that asks for its sibling and for its own end builds"
"$tw" launch -q -n 2 own.yaml --state-dir own >out 2>&1 & job=$!
within 30 "$tw" wait --for=gone --timeout 20s top/own; ok $? "it is stopped by its own supervisor, which waits for nobody meanwhile"
until_true 5 sh -c "'$tw' tree top/extra | grep -q running"; ok $? "... after its sibling was started"
logged() { within 10 "$tw" logs top/own | grep -c "code $1"; }
says "$(within 10 "$tw" logs top/own | head -n 1)" "code 2: 1 1" "a supervisor that starts answers not_found"
is "$(logged '0: [0-9]* 1')" 1 "... one that runs ok, once"
within 10 "$tw" restart top/own >/dev/null; ok $? "restarted"
until_true 5 sh -c "'$tw' logs top/own | grep -q 'code 0: [0-9]* 0'"; ok $? "... it has the answer to what ended its last life"
within 10 "$tw" restart top/own >/dev/null
within 10 "$tw" restart top/own >/dev/null
until_true 5 sh -c "'$tw' tree top/own | grep -q 'running  starts 4'"; ok $? "restarted twice more, it runs"
is "$(logged '0:')" 2 "... and is told nothing twice"
kill -TERM $job; wait $job; is $? 143 "the job stops in order"
finish
