# bench: each measurement runs, and its document is whole; nothing here looks at how fast anything was
. "$TW_SRC/tests/lib/live.sh"
tw=$TREEWARDEN
names() { sed -n 's/^   "name": "\(.*\)",*$/\1/p' | tr '\n' ' '; }
count() { grep -c "^ *\"$1\": "; }

is "$(within 10 "$tw" bench --list | awk '{ print $1 }' | tr '\n' ' ')" "restart worker kill messages overhead idle start tree simulate " \
   "--list names the measurements"
says "$(within 10 "$tw" bench --help)" "bare program" "--help says what a figure stands beside"
within 10 "$tw" bench nothing 2>err; is $? 2 "a measurement that does not exist is a usage error" || note <err
within 10 "$tw" bench --count 0 2>err; is $? 2 "... and so is no sample at all" || note <err
within 10 "$tw" bench-part 2>err; is $? 2 "its parts are not for people"

want_restart='restart ' want_worker='worker ' want_kill='kill kill-messages '
want_messages='messages-device messages-ranks ' want_overhead='overhead ' want_idle='idle ' want_start='start '
want_simulate=simulate
want_tree='tree-total tree-create tree-heartbeat tree-restart tree-kill tree-check tree-create-random
 tree-heartbeat-random tree-restart-random tree-kill-random tree-kill-73 tree-window '
command -v escript >/dev/null && want_tree="$want_tree tree-otp"        # a peer that is there is asked
for which in restart worker kill messages overhead idle start tree simulate; do
    within 150 "$tw" bench -q --json --count 1 $which >out 2>err; is $? 0 "$which runs, whatever the aims say" || note <err
    eval "want=\$want_$which"
    is "$(names <out)" "$(echo $want) " "... and brings its figures"
    figures=$(echo "$want" | wc -w)
    is "$(count p50 <out) $(count samples <out) $(count verdict <out)" "$((2 * figures)) $((2 * figures)) $figures" \
       "... with ours, bare and a verdict of each"
    is "$(grep -E '^ *"verdict": ' out | grep -cvE '"(met|missed|not measurable here)"')" 0 "... that is one of three"
    is "$(grep -E '^ *"p(50|99)": ' out | grep -cE ': -?0\.0+,?$|nan|inf|null')" 0 "... and none of its times is none"
done
says "$(cat out)" '"schema": "treewarden.bench"' "the document says its schema"
says "$(cat out)" '"version": 1' "... and its version"
is "$(grep -cE '^  "(cpu|cores|kernel)": ' out)" 3 "... and the machine"
within 100 "$tw" bench -q --count 1 restart >out 2>err; is $? 0 "without --json it is text"
says "$(cat out)" "(aim <= 5x)" "... that says the aim beside the figure"

"$tw" bench -q idle >out 2>err & job=$!
last_rank_is_there() { ls tmp/tw-bench.*/job1.tw/journal.1.3.jsonl; }
until_true 20 last_rank_is_there; ok $? "a measurement is under way"
kill -TERM $job; wait $job; is $? 143 "SIGTERM ends it with what it started" || note <err
finish
