# whole jobs on virtual time: they heal, a seed is a run, and a job that does not heal is shrunk to a script
. "$TW_SRC/tests/lib/live.sh"
tw=$TREEWARDEN
cp "$TW_SRC"/jobs/relay/relay.yaml "$TW_SRC"/jobs/farm/farm.yaml "$TW_SRC"/jobs/farm/crews.yaml "$TW_SRC"/jobs/heat/heat.yaml "$TW_SRC"/jobs/heat/plate.pgm .
cp "$TW_SRC"/tests/data/wave.yaml "$TW_SRC"/tests/data/poison.yaml "$TW_SRC"/tests/data/spoiled.yaml \
    "$TW_SRC"/tests/data/watch.yaml .
cp "$TW_BUILD"/jobs/relay/relay.so "$TW_BUILD"/jobs/farm/farm.so "$TW_BUILD"/jobs/heat/heat.so .
cp "$TW_BUILD"/tests/data/wave.so "$TW_BUILD"/tests/data/poison.so "$TW_BUILD"/tests/data/spoiled.so \
    "$TW_BUILD"/tests/data/watch.so .

out=$(within 100 "$tw" simulate relay.yaml --seeds 1..12 --twice); is $? 0 "relay heals under 12 seeds, and each is the same run twice"
says "$out" "12 runs on 2 ranks, 0 failed" "... and it says so"
says "$out" "$(sed -n '/^    faults:/{s/^ *//p;q}' "$TW_SRC/doc/simulator.md")" "... with the faults that doc/simulator.md shows"
says "$out" "$(sed -n '/^    faults:/{s/^ *//;s/; \.\.\.$//p;q}' "$TW_SRC/README.md")" "... and README.md, too"
for key in 's/^intensity: 20/&\ncount_infrastructure: true/' 's/actor: runner/&\n    on_cause: {worker_lost: restart}/'; do
    sed "$key" relay.yaml >charged.yaml
    within 100 "$tw" simulate charged.yaml -q --seeds 1..20; is $? 0 "... also where a lost worker is charged: $key"
done
within 100 "$tw" simulate wave.yaml -q --ranks 2 --seeds 1..20 --twice; is $? 0 "so does an eager stencil"
within 100 "$tw" simulate farm.yaml -q --seeds 1..60 --twice; is $? 0 "so does a farm whose hands are started at run time"
within 100 "$tw" simulate farm.yaml -q --seeds 1..40 --set farm/hands.place.rank=1; is $? 0 "... also by the supervisor of another rank"
within 100 "$tw" simulate crews.yaml -q --seeds 1..40 --twice; is $? 0 "... also where each comes with a crew, as a branch"
for place in hands.place.rank=1 hands/crew.place.rank=1; do
    within 100 "$tw" simulate crews.yaml -q --seeds 1..30 --set farm/$place; is $? 0 "... on another rank: $place"
done
within 100 "$tw" simulate poison.yaml -q --ranks 2 --seeds 1..200 --twice; is $? 0 "so does one with poison among its messages"
within 100 "$tw" simulate poison.yaml -q --seeds 1..100 --set job/source.place=spread --set devices.slots=4; is $? 0 "... of one device"
within 100 "$tw" simulate spoiled.yaml -q --ranks 2 --seeds 1..200 --twice; is $? 0 "so does one whose states kill, until they are given up"
within 100 "$tw" simulate watch.yaml -q --ranks 2 --seeds 1..300 --twice; is $? 0 "so do those who watch one another"
within 100 "$tw" simulate watch.yaml -q --seeds 1..100 --set job/watcher.place=spread; is $? 0 "... on one rank"
within 100 "$tw" simulate heat.yaml -q --ranks 4 --seeds 1..3 --set plate/collector.args.steps=60; is $? 0 "so does heat"
sed 's/^intensity: 20/&\nwaiting: capacity/; s/actor: runner/&\n    local_restarts: 1/' relay.yaml >moves.yaml
printf 'rate %s\n' 'fail 16' 'segv 10' 'kill-worker 12' 'stall 12' 'no-start 3' 'no-device 20' 'restart 7' >rates
echo 'faults 2 8' >>rates
out=$(within 100 "$tw" simulate moves.yaml --faults rates --seeds 1..15); is $? 0 "so does relay when devices are given up: who is on them moves, or waits for a slot"
says "$out" "no-device" "... as some were"
within 100 "$tw" simulate wave.yaml --json --seeds 5..6 >doc; is $? 0 "--json is one document"
says "$(head -c 60 doc)" '"schema": "treewarden.simulate"' "... with its schema"
says "$(cat doc)" '"runs": 2' "... and the figures"

# scripts
cat >script <<'S'
links delay 1ms dup 20 reorder 20    # a rough way
at step 10 of wave/cell[3] fail
at step 20 of wave/cell[5] kill-worker
at 30ms wedge wave/cell[1]
at 40ms stop-worker device:1.0 for 100ms
at 60ms kill wave/cell[2] for 50ms
S
out=$(within 60 "$tw" simulate wave.yaml --ranks 2 --seed 3 --faults script); is $? 0 "a script is carried out"
within 60 "$tw" simulate wave.yaml -q --keep --ranks 2 --seed 3 --faults script
says "$("$tw" events --state-dir simulate.3.tw --type verdict)" "every failure was recovered" "--keep keeps its journal"
says "$out" "fail 1 wedge 1 kill-worker 1 stop-worker 1 kill 1" "... every line of it"
echo 'at 20ms kill-rank rank:1' >lost
within 60 "$tw" simulate wave.yaml -q --ranks 2 --seeds 1..5 --faults lost; is $? 0 "a lost rank ends the job with a verdict that names it"
echo 'at 20ms signal' >term
within 60 "$tw" simulate wave.yaml -q --ranks 2 --seeds 1..5 --faults term; is $? 0 "SIGTERM ends it in order"
printf 'links delay 1ms\nat 3x fail wave/cell[0]\n' >bad
out=$(within 20 "$tw" simulate wave.yaml --faults bad 2>&1); is $? 65 "a wrong script is exit 65"
says "$out" "bad:2: 3x: not a time" "... with its line and a remedy"
printf 'at 3ms fail wave\n' >bad
says "$(within 20 "$tw" simulate wave.yaml --faults bad 2>&1)" "bad:1: wave: a supervisor" "a supervisor is no actor"
within 20 "$tw" simulate wave.yaml --faults nowhere 2>err; is $? 66 "a script that is not there is exit 66"
within 20 "$tw" simulate wave.yaml --seeds 9..2 2>err; is $? 2 "seeds that run backwards are exit 2"

# a job that breaks its promise: what it counts lies outside its state, so no commit holds it
cat >static.c <<'C'
#include <treewarden/actor.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
static unsigned long outside;
struct counter { uint64_t n, how; };
TW_INIT(counter) { outside = 0; s->n = 0; s->how = tw_arg_u64(cx, "how"); tw_timer(cx, 5); }
TW_STEP(counter)
{
    if (s->n == 20) {
        FILE *f = fopen(tw_sink(cx, "n.txt"), "w");
        fprintf(f, "%lu\n", outside);
        fclose(f);
        tw_done(cx, 0);
    }
}
TW_RECEIVE(counter)
{
    (void)m;
    outside++;
    if (++s->n == 7 && s->how == 1)
        *(volatile int *)(uintptr_t)s->n = 1;
    if (s->n == 7 && s->how == 2)
        tw_log(cx, 1, (uint64_t)clock(), 0);
    if (s->n < 20)
        tw_timer(cx, 5);
}
TW_PROGRAM(counter)
C
cat >static.yaml <<'Y'
treewarden: 1
name: static
supervisor: top
intensity: 5
auto_shutdown: all_significant
children: [{actor: counter, restart: transient, significant: true, commit: {every: 4}, args: {how: 0}}]
Y
within 60 "$tw" cc -q --no-cuda static.c; is $? 0 "a job with a fault of its own"
printf 'at 10ms stall rank:0 for 20ms\nat 48ms fail top/counter\nat 60ms stall rank:0 for 20ms\n' >three
out=$(within 60 "$tw" simulate static.yaml --seed 4 --faults three); is $? 1 "it is found out: exit 1"
says "$out" "seed 4: n.txt is not what it is without faults" "... with seed and reason"
says "$out" "1 of its 3 faults are enough" "... shrunk to the one that matters"
has simulate.4.tw/faults '^at 48000us fail top/counter$' "... written as a script"
says "$("$tw" events --state-dir simulate.4.tw --type fault)" "abnormal, failed" "... with its journal"
again=$(echo "$out" | sed -n 's/^ *again: *treewarden //p')
out=$(eval "within 60 \"$tw\" $again"); is $? 1 "the command it prints"
says "$out" "1 of its 1 faults are enough: simulate.4.tw/faults: n.txt is not" "... does it again"
out=$(within 60 "$tw" simulate static.yaml --faults none --twice --set top/counter.args.how=2); is $? 1 "a clock behind the ports' back"
says "$out" "another journal: something looks past the ports" "... is found by running twice"
out=$(within 60 "$tw" simulate static.yaml --faults none --set top/counter.args.how=1 2>&1); is $? 139 "an actor that crashes by itself is exit 139"
says "$out" "seed 0: signal 11 in an actor or a slot of rank 0: again: treewarden simulate" "... with how to see it again"

# A scenario on simulated ranks leaves the trace of one engine, wherever its vertices live; tests/sim/homes has many.
n=0
for file in "$TW_SRC"/tests/conformance/[hp]*.scn; do
    n=$((n + 1))
    for homes in spread branch "seed:$n" map:1; do
        within 20 "$tw" simulate --scenario "$file" --ranks $((n % 4 + 1)) --homes $homes --seed $n >got 2>err &&
            cmp -s got "${file%.scn}.exp" || break
    done
    cmp -s got "${file%.scn}.exp"
    ok $? "$(basename "$file" .scn) on simulated ranks" || { diff got "${file%.scn}.exp"; cat err; } | head -n 8 | note
done
printf 'sup root parent=-\nworker a parent=root onstop=slow:9000\ndo fail a\ndo align 300\ndo terminate a\ndo which root\n' >one.scn
is "$(within 20 "$tw" simulate --scenario one.scn --ranks 2 --json | cksum)" \
    "$(within 20 "$tw" simulate --scenario one.scn --json | cksum)" "... with time-outs and the window clock, and as JSON"
out=$(within 20 "$tw" simulate --scenario one.scn --ranks 2 --homes map:2 2>&1); is $? 78 "a mapping that is not there is exit 78"
is "$out" "treewarden: --homes map:2: on 2 ranks this tree has 2 mappings: use map:0 to map:1" "... with those that are"
printf 'sup a parent=-\nworker b parent=c\n' >bad.scn
out=$(within 20 "$tw" simulate --scenario bad.scn --ranks 2 2>&1); is $? 65 "a wrong scenario is exit 65"
says "$out" "bad.scn:2: parent: c:" "... with its line"
refused() { # SAYS WORDS...
    what=$1; shift
    out=$(within 20 "$tw" simulate "$@" 2>&1)
    is $? 2 "simulate $* is refused"
    says "$out" "$what" "... with the reason"
}
refused "--homes is for simulated ranks: say how many with --ranks" --scenario one.scn --homes branch
refused "--seed is for simulated ranks: say how many with --ranks" --scenario one.scn --seed 3
refused "a scenario is one run: give it one --seed" --scenario one.scn --ranks 2 --seeds 1..3
refused "--set, --faults, --keep, --twice and --quiet are for specifications" --scenario one.scn --ranks 2 --twice
refused "--homes here: use spread, branch, seed:NUMBER or map:NUMBER" --scenario one.scn --ranks 2 --homes here
refused "--homes is for --scenario" static.yaml --homes branch
refused "give a specification, or --scenario FILE" --ranks 2
finish
