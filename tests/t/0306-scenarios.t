# scenarios on real ranks and slots: the traces are those that OTP left, wherever the vertices live
. "$TW_SRC/tests/lib/live.sh"
tw=$TREEWARDEN
# Some of each kind here; tests/scenarios-on-ranks plays all of them, in every mapping.
played() {                      # RANKS HOMES NAME
    file=$TW_SRC/tests/conformance/$3
    within 60 "$tw" launch -q -n "$1" --scenario "$file.scn" --homes "$2" --state-dir "state.$1.$2.$3" >got 2>err
    [ $? -eq 0 ] && cmp -s got "$file.exp"
    ok $? "$3 on $1 ranks, $2" || { diff got "$file.exp"; cat err; } | head -n 8 | note
    rm -rf "state.$1.$2.$3"
}
n=0
for file in "$TW_SRC"/tests/conformance/h*.scn; do
    name=$(basename "$file" .scn) n=$((n + 1))
    within 20 "$tw" run --scenario "$file" --state-dir "one.$n" >got 2>err && cmp -s got "${file%.scn}.exp"
    ok $? "$name on one rank, without MPI" || { diff got "${file%.scn}.exp"; cat err; } | head -n 8 | note
    played 2 branch "$name"
    played 4 "seed:$n" "$name"
done
played 4 spread h10-simultaneous-deaths
played 4 spread h12-boot-and-nested-start-failure
for file in "$TW_SRC"/tests/conformance/p*.scn; do played 3 "seed:$((n += 1))" "$(basename "$file" .scn)"; done

# What falls with a killed supervisor is told by several homes, and stands in the trace latest started first.
cat >killed.scn <<'S'
sup root parent=- intensity=9 period=3600
sup s parent=root intensity=9 period=3600
worker a parent=s
sup t parent=s
worker x parent=t
worker y parent=t onstop=crash
worker b parent=s
do kill t
do kill s
do fail a
do kill s
S
within 20 "$tw" simulate --scenario killed.scn >want
for homes in branch seed:16 seed:27 seed:28; do      # seeds: t lives whole on a rank, s does not
    within 60 "$tw" launch -q -n 3 --scenario killed.scn --homes $homes --state-dir "killed.$homes" >got 2>err; cmp -s got want
    ok $? "a killed supervisor and its branches, $homes" || diff got want | head -n 8 | note
done

# A gate on another rank, a stop that takes its time, one that is not obeyed, and the window clock that both move.
cat >times.scn <<'S'
sup root parent=- strategy=one_for_all intensity=1 period=3600
worker a parent=root
sup s parent=root strategy=rest_for_one intensity=2 period=2
worker b parent=s shutdown=4000 onstop=ignore
worker c parent=s onstop=slow:700
do failstart b 1
do gate b which s
do fail b
do terminate c
do restart c
do terminate b
do restart b
do fail b
do sleep 2500
do fail b
S
within 20 "$tw" simulate --scenario times.scn >want
for homes in spread branch seed:3; do
    within 60 "$tw" launch -q -n 3 --scenario times.scn --homes $homes --state-dir "times.$homes" >got 2>err; cmp -s got want
    ok $? "gates, time-outs and the window clock, $homes" || diff got want | head -n 8 | note
done
within 60 "$tw" launch -q -n 2 --scenario times.scn --json --state-dir json >got 2>err
is "$(within 20 "$tw" simulate --scenario times.scn --json | cksum)" "$(cksum <got)" "--json gives the same objects"
says "$(cat times.spread/journal.1.*.jsonl)" '"type":"start"' "the journals stay in the state directory"

printf 'sup a parent=-\nworker b parent=c\n' >bad.scn
out=$(within 20 "$tw" run --scenario bad.scn 2>&1); is $? 65 "a wrong scenario is exit 65"
says "$out" "bad.scn:2: parent: c:" "... with its line"
out=$(within 20 "$tw" launch -n 2 --scenario bad.scn 2>&1); is $? 65 "launch says so too"
is "$(printf '%s\n' "$out" | grep -c 'bad.scn:2')" 1 "... once"
out=$(within 20 "$tw" launch -n 2 --scenario times.scn --homes map:99999 2>&1); is $? 78 "a mapping there is not is exit 78"
is "$(printf '%s\n' "$out" | grep -c '')" 1 "... said once, before any rank starts"
out=$(within 20 "$tw" run --scenario none.scn 2>&1); is $? 66 "a missing file is exit 66"
for words in "--scenario times.scn --homes here" "--scenario times.scn --drills" "--scenario times.scn x.yaml" "x.yaml --homes spread" ""; do
    out=$(within 20 "$tw" run $words 2>&1); is $? 2 "run $words is refused"
done
finish
