# four ranks under the whole drill plan: everything heals, the bits are the reference's
. "$TW_SRC/tests/lib/live.sh"
heat=$TW_BUILD/jobs/heat
TREEWARDEN=$TREEWARDEN within 150 "$TW_SRC/jobs/heat/run" --seed 11 --out "$DIR/out" > log 2>&1; rc=$?
sed 's/^/# /' log
is $rc 0 "the demo ends well"
says "$(cat log)" "equal, bit for bit" "... with the bits of the serial reference"
says "$(cat log)" "not fired 0" "... and every drill was fired"
v=$DIR/out/state/verdict.1.json
is "$(grep -c '"resumed_us": 0' "$v")" 0 "every fault was healed"
ok "$([ "$(sed -n 's/.*"open_messages": \([0-9]*\).*/\1/p' "$v" | sort -n | tail -1)" -gt 0 ]; echo $?)" "messages were under way when they struck"
ok "$([ "$(sed -n 's/.*"uncommitted": \([0-9]*\).*/\1/p' "$v" | sort -n | tail -1)" -gt 0 ]; echo $?)" "commits were open when they struck"
says "$(cat "$v")" '"slots_fenced": 2' "wedged slots were fenced"
"$TREEWARDEN" events --state-dir "$DIR/out/state" --type giveup | grep -qv auto; is $? 1 "nobody gave up but for the job's end"
printf 'P5\n10 10\n255\n' > short.pgm
out=$(within 20 "$TW_SRC/jobs/heat/run" --input "$DIR/short.pgm" --out "$DIR/o2" 2>&1); is $? 65 "a truncated picture is exit 65"
out=$(within 20 "$TW_SRC/jobs/heat/run" --input "$DIR/none.pgm" --out "$DIR/o3" 2>&1); is $? 66 "a missing picture is exit 66"
printf 'P5\n1000 1000\n255\n' > big.pgm; head -c 1000000 /dev/zero >> big.pgm
out=$(within 20 "$TW_SRC/jobs/heat/run" --input "$DIR/big.pgm" --out "$DIR/o4" 2>&1); is $? 65 "a picture that is too big is exit 65"
finish
