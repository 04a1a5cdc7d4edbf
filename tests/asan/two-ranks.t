# a whole job of two ranks, launched, under drills, every process of it under ASan and UBSan: no report from any
. "$TW_SRC/tests/lib/live.sh"
tw=$TREEWARDEN
mkdir reports
# ASan's reports go to files; UBSan, beside it, knows no other place than stderr, which is a job's log.  Faults are the
# drills' and last_words.c's own.  Open MPI keeps what it allocated until the end: its leaks would be all that is found.
export ASAN_OPTIONS="log_path=$DIR/reports/asan:detect_leaks=0:handle_segv=0:handle_sigbus=0:handle_sigfpe=0:handle_sigill=0:handle_abort=0"
export UBSAN_OPTIONS=print_stacktrace=1
reports() { cat reports/* 2>/dev/null; grep -hE -A 12 'runtime error:|Sanitizer' calm.log drilled.log; }

cp "$TW_SRC/jobs/relay/relay.c" .
cat "$TW_SRC/jobs/relay/relay.yaml" - > relay.yaml <<'Y'
drills:
  - {at: {path: "relay/runner[1]", step: 20}, path: "relay/runner[1]", how: fail}
  - {at: {path: "relay/runner[2]", step: 40}, path: "relay/runner[2]", how: segv}
  - {at: {path: "relay/runner[3]", step: 60}, path: "relay/runner[3]", how: overrun}
  - {at: {path: "relay/runner[4]", step: 80}, path: "relay/runner[4]", how: kill-worker}
  - {at: {path: "relay/runner[5]", step: 100}, path: "relay/runner[5]", how: wedge}
  - {at: {path: "relay/runner[6]", step: 120}, path: "relay/runner[6]", how: stop-worker}
  - {at: {path: "relay/runner[7]", step: 140}, path: "relay/runner[7]", how: kill}
  - {after: 100ms, path: "relay/runner[7]", how: restart}
Y
within 60 "$tw" cc --no-cuda -q relay.c; ok $? "the actor program builds"
set -- --set relay/runner.args.tokens=4 --set relay/board.args.tokens=4 --set relay/runner.deadline=200ms
within 60 "$tw" launch -q -n 2 relay.yaml --state-dir calm --out good "$@" > calm.log 2>&1; is $? 0 "without drills the job ends well"
within 120 "$tw" launch -q -n 2 relay.yaml --drills --state-dir st --out out "$@" > drilled.log 2>&1; is $? 0 "under drills too"
note < drilled.log
says "$(cat st/verdict.1.json)" '"drills_not_fired": 0' "every drill was fired"
is "$(grep -c '"resumed_us": 0' st/verdict.1.json)" 0 "every fault was healed"
cmp -s good/tokens.txt out/tokens.txt; ok $? "both wrote the same"
for cause in segv wedged 'worker lost' bounds failed; do
    says "$(cat st/verdict.1.json)" "\"cause\": \"$cause\"" "... of cause $cause too"
done
is "$(reports | head -n 60)" "" "no sanitizer reported anything, in no process of either job"
finish
