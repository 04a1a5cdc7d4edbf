# the engine does what OTP's supervisor does, in the order it does it: recorded traces, byte for byte
. "$TW_SRC/tests/lib/live.sh"
for f in "$TW_SRC"/tests/conformance/*.scn; do
    within 20 "$TREEWARDEN" simulate --scenario "$f" > got 2>&1
    cmp -s got "${f%.scn}.exp"; ok $? "$(basename "$f" .scn)"
    cmp -s got "${f%.scn}.exp" || diff got "${f%.scn}.exp" | head -n 5 | sed 's/^/# /'
done
printf 'sup a parent=-\nworker b parent=c\n' > bad.scn
out=$(within 20 "$TREEWARDEN" simulate --scenario bad.scn 2>&1); is $? 65 "a wrong scenario is exit 65"
says "$out" "bad.scn:2: parent: c:" "... with its line"
finish
