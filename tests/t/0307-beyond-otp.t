# what goes beyond OTP, on two real ranks: depends, quarantine, backoff; and what the specification may not say of it
. "$TW_SRC/tests/lib/live.sh"
cp "$TW_BUILD/tests/data/counter.so" .
cat > beyond.yaml <<'Y'
treewarden: 1
name: beyond
program: counter
devices: {slots: 4}
supervisor: job
intensity: 10
period: 60s
children:
  - supervisor: pair
    place: {rank: 1}
    intensity: 1
    period: 60s
    on_giveup: quarantine
    children:
      - {actor: first, type: ticker}
      - {actor: second, type: ticker, depends: [first]}
  - {actor: slow, type: ticker, backoff: {min: 5m, max: 10m, jitter: 0.1}}
drills: [{at: 1h, path: job/slow, how: fail}]
Y
within 10 "$TREEWARDEN" check -q beyond.yaml; is $? 0 "the specification is well"
"$TREEWARDEN" launch -q -n 2 beyond.yaml --drills --state-dir st 2>/dev/null & job=$!
within 20 "$TREEWARDEN" wait --for=running; ok $? "the job runs"
shows() { "$TREEWARDEN" tree | grep -E "$1" | grep -q "$2"; }
seen() { "$TREEWARDEN" events --state-dir st --type "$1" | grep -q "$2"; }
within 10 "$TREEWARDEN" fail --how fail job/pair/first >/dev/null; ok $? "the first of a pair fails"
until_true 10 seen start 'job/pair/second.* 2'; ok $? "... and who depends on it starts again too"
shows 'pair' running; ok $? "... within its supervisor's budget"
within 10 "$TREEWARDEN" fail --how fail job/pair/first >/dev/null
until_true 10 shows 'pair' quarantined; ok $? "beyond it the branch goes into quarantine"
seen quarantine job/pair; ok $? "... as the journal says"
says "$("$TREEWARDEN" status --rank 1)" "gave up on rank 1: 1" "status says whose give-ups it counts"
says "$("$TREEWARDEN" status)" 'up: `treewarden status --rank 1` shows its devices' "... and who shows another rank's devices"
says "$("$TREEWARDEN" status --rank 1)" 'device:1.0 up' "... which that rank does"
says "$("$TREEWARDEN" status --rank 1 --json)" '"giveups_of_this_rank": 1' "... in JSON too"
shows ' slow' running; ok $? "... and the rest of the job goes on"
says "$("$TREEWARDEN" status)" "  in quarantine: job/pair: " "... and status names it"
is "$("$TREEWARDEN" status --json | tr -d ' \n' | grep -o '"branches_quarantined.*"job/pair"\]')" \
    '"branches_quarantined":1,"quarantined":["job/pair"]' "... in JSON too"
is "$("$TREEWARDEN" which job)" "which job pair=running,slow=running" "... and which says that it runs, as child restart does"
says "$("$TREEWARDEN" child restart job/pair)" " running" "... so that there is nothing to restart for a supervisor's call"
is "$("$TREEWARDEN" which job/pair)" "which job/pair first=stopped,second=stopped" "... without its children"
is "$("$TREEWARDEN" count job/pair)" "count job/pair specs=2 active=0 supervisors=0 workers=2" "... of whom none is active"
is "$("$TREEWARDEN" count job)" "count job specs=2 active=2 supervisors=1 workers=1" "... as it is itself"
says "$("$TREEWARDEN" restart job/pair/first 2>&1)" quarantined "a part of it is not started alone"
within 10 "$TREEWARDEN" restart job/pair >/dev/null; is $? 0 "restart brings it back"
until_true 10 shows 'second' running; ok $? "... whole"
is "$("$TREEWARDEN" status | grep -c quarantine)" 0 "... and out of status"
within 10 "$TREEWARDEN" kill -q -y job/pair; is $? 0 "the branch is killed"
died() { "$TREEWARDEN" tree -v job/pair --rank "$1" | sed -n '/^pair /,/first/s/^ *[0-9.]* s  //p'; }
has_died() { [ "$(died "$1" | tail -n 1)" = "killed, supervisor" ]; }
until_true 10 has_died 1; ok $? "its home has its death, and no place of it: it never was on a device"
until_true 10 has_died 0; ok $? "... as has the root, though it is at home elsewhere"
within 10 "$TREEWARDEN" restart job/pair >/dev/null
until_true 10 shows 'second' running; ok $? "it runs again"
within 10 "$TREEWARDEN" fail --how fail job/slow >/dev/null
until_true 10 shows ' slow' restarting; ok $? "with backoff an actor waits before it is restarted"
seen delay 'job/slow  abnormal, failed  [23][0-9]\{5\} ms$'; ok $? "... as the journal says, and how long"
within 10 "$TREEWARDEN" restart job/slow >/dev/null; is $? 0 "a person need not wait"
until_true 10 shows ' slow' running; ok $? "... it runs"
kill -TERM $job; wait $job; is $? 143 "the job stops when it is told"
says "$(grep -h giveups st/verdict.*.json)" '"giveups": 1' "the verdict counts the give-ups of all ranks"
cat > ready.yaml <<'Y'
treewarden: 1
name: ready
program: counter
supervisor: job
children:
  - {actor: late, start_deadline: 20s, args: {never: 0}}
  - {actor: after, type: ticker}
drills: [{at: 1h, path: job/late, how: fail}]
Y
"$TREEWARDEN" launch -q -n 1 ready.yaml --drills --state-dir rd 2>/dev/null & job=$!
within 20 "$TREEWARDEN" wait --for=running; ok $? "a job runs when all have said that they are up"
is "$("$TREEWARDEN" events --state-dir rd --type start | sed -n 's,.*job/\([a-z]*\).*,\1,p' | tr '\n' ' ')" "late after " \
    "with start_deadline the next sibling waits until an actor says tw_ready"
within 10 "$TREEWARDEN" fail --how fail job/late >/dev/null
until_true 10 sh -c "'$TREEWARDEN' events --state-dir rd --type start | grep -q 'job/late.* 2'"
ok $? "a life that goes on from a commit after that need not say it again"
says "$("$TREEWARDEN" tree -v job/late)" ' s  abnormal, failed  at 0.0 ' "tree -v shows when, of what and where it died"
kill -TERM $job; wait $job
out=$(within 30 "$TREEWARDEN" launch -q -n 1 ready.yaml --state-dir never --set job/late.args.never=1 \
    --set job/late.start_deadline=200ms 2>&1); is $? 1 "who does not say it in time has not started"
says "$("$TREEWARDEN" events --state-dir never --type start_failed)" job/late "... as the journal says"
# poison: numbers that kill who handles them, by a fault of the actor, of its worker, and by never returning
cp "$TW_SRC/tests/data/poison.yaml" "$TW_BUILD/tests/data/poison.so" .
few="--set job/source.args.messages=25 --set job/sink.deadline=100ms"
for how in 0 1 2; do
    within 60 "$TREEWARDEN" launch -q -n 2 poison.yaml --state-dir poison$how $few --set job/sink.args.how=$how 2>/dev/null
    is $? 0 "how $how: a job with poison among its messages ends well"
    is "$(cat poison$how/out/sum.txt)" "46 numbers, sum 590, 0 out of order" "... all others have come, once and in order"
    is "$("$TREEWARDEN" events --state-dir poison$how --type dead_letter | sed 's/.*  job/job/;s/: letter.*//' | sort)" \
        "$(printf 'job/sink  message %s of job/source[%s], type 3, 8 bytes  after 3 deaths\n' 10 0 20 0 10 1 20 1 | sort)" \
        "... and the journal has each that was passed over, once"
done
one=$("$TREEWARDEN" events --state-dir poison1 --json --type dead_letter | grep '"a":20' | grep -F '"from":"job/source[1]"')
file=$(echo "$one" | sed -n 's/.*: \(letter[0-9.]*\)".*/\1/p')
is "$(od -An -tu8 "poison1/$file" | tr -d ' ')" 20 "a dead letter's file holds its bytes"
is "$(find poison1 -name 'letter.*' -size 8c -perm 0600 | wc -l)" 4 "... for its owner alone, one file each"
says "$("$TREEWARDEN" logs --state-dir poison1 job/sink)" "dead_letter" "logs show it beside the faults it made"
says "$("$TREEWARDEN" events --state-dir poison1 --type streams)" "52 = 48 + 0 + 4 + 0" "in the sums it is dead, not delivered"
"$TREEWARDEN" launch -q -n 1 poison.yaml --state-dir pl --set job/source.count=1 --set job/source.args.messages=25 \
    --set job/sink.args.sources=2 --set 'job/source.place=spread' 2>/dev/null & job=$!
until_true 10 sh -c "'$TREEWARDEN' status | grep -q 'dead letters on rank 0: 2'"; ok $? "status counts them"
says "$("$TREEWARDEN" status --json)" '"dead_letters_of_this_rank": 2' "... in JSON too"
kill -TERM $job; wait $job
# state: {resume: 2}: two deaths with one commit, then a new line, at the root and in a branch that is at home elsewhere
cp "$TW_SRC/tests/data/spoiled.yaml" "$TW_BUILD/tests/data/spoiled.so" .
within 60 "$TREEWARDEN" launch -q -n 2 spoiled.yaml --state-dir spoiled 2>/dev/null
is $? 0 "a job whose states kill their actors ends well, since these begin from init"
is "$(cat spoiled/out/cured.txt)" "cured after enough lines" "... in the third line"
for who in job/spoiled job/ward/spoiled; do
    is "$("$TREEWARDEN" events --state-dir spoiled --type fault | grep -c " $who .*after 2 deaths with this commit the next")" 2 \
        "the journal says when $who does"
    is "$("$TREEWARDEN" events --state-dir spoiled --type resumed | grep -c " $who")" 2 "... and goes on from a commit else"
done
wrong() {
    sed "$1" beyond.yaml > wrong.yaml
    says "$("$TREEWARDEN" check wrong.yaml 2>&1)" "$2" "$3"
}
wrong 's/backoff: {min: 5m/backoff: {mix: 5m/' 'backoff: "mix" is not known: use min, max' "an unknown part of backoff is named"
wrong 's/min: 5m, //' 'without min' "backoff without min is refused"
wrong 's/depends: \[first\]/depends: [second]/' 'no child that stands before second' "one cannot depend on oneself, or on later ones"
wrong 's/on_giveup: quarantine/on_giveup: sleep/' 'escalate|quarantine' "an unknown on_giveup is told what there is"
wrong 's/^intensity: 10/on_giveup: quarantine/' 'nothing is above job' "the root has nobody who could take it out of quarantine"
wrong 's/^intensity: 10/intensity_per_child: 10/' 'would never be reached' "a budget per child that can never be spent is refused"
wrong 's/depends: \[first\]/poison: 0/' '"0" is not a whole number from 1' "poison wants a number of deaths"
wrong 's/depends: \[first\]/poison: 2/' 'pair gives up at restart 2' "so many deaths need as many restarts"
wrong 's/intensity: 1$/poison: 2/' 'is a key of actors' "poison is an actor's"
wrong 's/depends: \[first\]/poison: 1, restart: temporary/' 'nobody restarts it' "who is not restarted handles nothing twice"
wrong 's/depends: \[first\]/on_cause: {wedge: stop}/' 'is no cause of death' "an unknown cause is named"
finish
