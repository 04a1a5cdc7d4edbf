# random scenarios: our traces are those of OTP's own supervisor (SEED, COUNT: which; the seed is printed)
. "$TW_SRC/tests/lib/live.sh"
command -v escript >/dev/null || skip_all "no Erlang here (Debian: erlang-base)"
seed=${SEED:-1} count=${COUNT:-60}
echo "# seeds $seed to $((seed + count - 1)): again with SEED=$seed COUNT=$count"

within 60 escript "$TW_SRC/tests/otp/record.escript" "$TW_SRC/tests/conformance/h12-boot-and-nested-start-failure.scn" >trace
cmp -s trace "$TW_SRC/tests/conformance/h12-boot-and-nested-start-failure.exp"; ok $? "the recorder reproduces a trace recorded before"
within 300 "$TW_SRC/tests/otp/compare" --keep "$DIR/random" "$TREEWARDEN" "$seed" $((seed + count - 1)) >log 2>&1
ok $? "$count random scenarios give the same traces" || note <log
within 300 "$TW_SRC/tests/otp/compare" --branches --keep "$DIR/branches" "$TREEWARDEN" "$seed" $((seed + count / 2 - 1)) >log 2>&1
ok $? "$((count / 2)) whose trees are what the branches of a pool are made like do, too" || note <log
printf 'sup root parent=-\nworker a parent=root\ndo fail a\n' >one.scn
within 60 escript "$TW_SRC/tests/otp/record.escript" one.scn | sed 's/^start a 2/start a 3/' >wrong
within 20 "$TREEWARDEN" simulate --scenario one.scn | cmp -s - wrong; is $? 1 "a trace that is not the same is seen"
finish
