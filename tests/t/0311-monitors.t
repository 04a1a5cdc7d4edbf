# monitors, on real ranks: each end of a life is heard once by each watcher, on its rank and on the other, with its cause
. "$TW_SRC/tests/lib/live.sh"
tw=$TREEWARDEN
cp "$TW_BUILD/tests/data/watch.so" .
{ cat "$TW_SRC/tests/data/watch.yaml"; echo 'drills: [{at: 1h, path: "job/mortal[0]", how: fail}]'; } >watch.yaml
"$tw" launch -q -n 2 watch.yaml --drills --state-dir st --set job/mortal.args.steps=1000000 \
    --set job/watcher.args.again=100 2>/dev/null & job=$!
within 20 "$tw" wait --for=running; ok $? "the job runs"
heard() { "$tw" events --state-dir st --json --type log | grep "\"b\":$2," | grep "\"code\":$1[,}]" | grep -o '"a":[0-9]*' | sort; }
twice() { [ "$(heard "$1" "$2" | wc -l)" = 2 ] && [ "$(heard "$1" "$2" | uniq | wc -l)" = 1 ]; }
life() { "$tw" events --state-dir st --json --type exit "job/mortal[$1]" | sed -n 's/.*"life":"\([0-9a-f]*\)".*/\1/p' | tail -1; }
within 10 "$tw" fail --how fail 'job/mortal[1]' >/dev/null
until_true 10 twice 302 1; ok $? "an actor fails: both watchers hear it, abnormal and failed"
is "$(heard 302 1 | uniq)" "\"a\":$((16#$(life 1)))" "... of the life that the journal says has ended"
within 10 "$tw" fail --how segv 'job/mortal[2]' >/dev/null
until_true 10 twice 305 2; ok $? "one breaks its worker: so do they, though one of them may have fallen with it"
within 10 "$tw" fail --how kill-worker 'job/mortal[0]' >/dev/null
until_true 10 twice 206 0; ok $? "a worker is killed: those who lived there were killed, worker lost"
within 10 "$tw" kill -y 'job/mortal[3]' >/dev/null
until_true 10 twice 212 3; ok $? "an operator kills one: killed, by its supervisor"
until_true 10 sh -c "'$tw' events --state-dir st --json --type log | grep '\"b\":3,' | grep -q '\"code\":321'"
ok $? "who watches it then is told that there is no process"
within 10 "$tw" restart 'job/mortal[3]' >/dev/null
until_true 10 sh -c "'$tw' tree 'job/mortal[3]' | grep -q running"; ok $? "it is restarted"
both_hear() {                   # the first times it may be too early: not both watch it yet
    "$tw" fail --how overrun 'job/mortal[3]' >/dev/null
    for n in 1 2 3 4 5 6 7 8 9 10; do
        [ -z "$(heard 303 3 | uniq -d)" ] || return 0
        sleep 0.05
    done
    return 1
}
until_true 20 both_hear; ok $? "... and watched again: that life's end is heard as well"
twice 302 1 && twice 305 2 && twice 212 3; ok $? "and none of the others was heard a second time"
kill -TERM $job; wait $job; is $? 143 "the job stops in order"
within 60 "$tw" launch -q -n 2 watch.yaml --state-dir en 2>/dev/null; is $? 0 "left alone they are done"
is "$(cat en/out/watch.txt)" "2 watchers, 0 ends were wrong" "... each heard after its last words"
finish
