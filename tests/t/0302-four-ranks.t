# four ranks, eight devices: heat without faults, bit for bit; refusals of a job that does not fit
. "$TW_SRC/tests/lib/live.sh"
heat=$TW_BUILD/jobs/heat
cp "$TW_SRC/jobs/heat/heat.yaml" "$heat/heat.so" .
set -- --set plate/collector.args.input="$TW_SRC/jobs/heat/plate.pgm" --set plate/collector.args.steps=200
within 100 "$TREEWARDEN" launch -q -n 4 heat.yaml --state-dir st --out out "$@"; is $? 0 "the job ends well"
mkdir ref && "$heat/reference" "$TW_SRC/jobs/heat/plate.pgm" 200 100 0.1 90 ref
for f in heat.raw heat.csv heat.pgm; do cmp -s out/$f ref/$f; ok $? "$f is the serial reference's, bit for bit"; done
says "$(cat st/verdict.1.json)" '"lost": 0,' "no message was lost"
acc=$(sed -n 's/.*"accepted": \([0-9]*\).*/\1/p' st/verdict.1.json); del=$(sed -n 's/.*"delivered": \([0-9]*\).*/\1/p' st/verdict.1.json)
is "$del" "$acc" "accepted = delivered, $acc messages"
is "$(ls st | grep -c journal)" 4 "each rank kept its journal"
out=$(within 30 "$TREEWARDEN" launch -q -n 2 heat.yaml --state-dir s2 "$@" 2>&1); is $? 78 "too few ranks are exit 78"
says "$out" "start it with -n 4" "... and say how many it takes"
out=$(within 30 env SLURM_STEP_NUM_TASKS=4 SLURM_PROCID=0 "$TREEWARDEN" run heat.yaml --state-dir s3 "$@" 2>&1); is $? 2 "singletons are refused"
says "$out" "does not speak PMIx" "... with the remedy"
mkdir same && cp heat.yaml heat.so same/ && printf x >>same/heat.so
mpirun=$(sed -n 's/^TW_MPIRUN = //p' "$TW_BUILD/Makefile")
out=$(within 30 "$mpirun" --allow-run-as-root --oversubscribe --mca btl self,sm,tcp -n 3 "$TREEWARDEN" run heat.yaml --state-dir "$DIR/s4" "$@" \
    : -n 1 --wdir same "$TREEWARDEN" run heat.yaml --state-dir "$DIR/s4" "$@" 2>&1); is $? 78 "ranks with different actor programs are refused"
says "$out" "has another actor program" "... and the difference is named"
out=$(within 30 "$mpirun" --allow-run-as-root --oversubscribe --mca btl self,sm,tcp -n 3 "$TREEWARDEN" run heat.yaml --state-dir "$DIR/s5" "$@" \
    : -n 1 "$TREEWARDEN" run heat.yaml --state-dir "$DIR/s5" "$@" --set plate.intensity=9 2>&1); is $? 78 "ranks with different specifications are refused"
says "$out" "reads another specification" "... and the difference is named"
# One rank believes to be on another host: nobody rings it, nor it anybody.
if unshare -u true 2>/dev/null; then
    within 60 "$mpirun" --allow-run-as-root --oversubscribe --mca btl self,sm,tcp --mca async_mpi_finalize 1 \
        -n 3 "$TREEWARDEN" run heat.yaml --state-dir "$DIR/s6" --out "$DIR/o6" "$@" \
        : -n 1 unshare -u sh -c 'hostname elsewhere; exec "$0" "$@"' "$TREEWARDEN" run heat.yaml --state-dir "$DIR/s6" \
        --out "$DIR/o6" "$@" 2>/dev/null; is $? 0 "ranks that cannot ring one another look instead"
    cmp -s o6/heat.raw ref/heat.raw; ok $? "... and come to the same bits"
else
    skip "ranks that cannot ring one another" "no namespaces for this user"
fi
out=$(within 30 env TREEWARDEN_MPIRUN=/bin/true "$TREEWARDEN" launch -n 4 heat.yaml "$@" 2>&1); is $? 69 "another mpirun is refused"
out=$(within 60 "$TREEWARDEN" launch -q -n 4 heat.yaml --state-dir st "$@" 2>&1); is $? 73 "the state directory of another job is refused"
out=$(within 60 "$TREEWARDEN" run heat.yaml --state-dir st "$@" 2>&1); is $? 73 "... by run too"
"$TREEWARDEN" launch -q -n 4 heat.yaml --state-dir s5 --out o5 "$@" --set plate/collector.args.steps=100000 2>/dev/null & job=$!
within 20 "$TREEWARDEN" wait --for=running; ok $? "a job is running"
out=$(within 30 "$mpirun" --allow-run-as-root --oversubscribe --mca btl self,sm,tcp -n 4 "$TREEWARDEN" run heat.yaml \
    --state-dir s5 "$@" 2>&1); is $? 73 "a second one with its state directory is refused"
is "$(echo "$out" | grep -c 's5: another live job uses it: .*: give this one another --state-dir$')" 1 "... in one line"
out=$(within 30 "$TREEWARDEN" launch -n 4 heat.yaml --state-dir s5 "$@" 2>&1); is $? 73 "... by launch too"
is "$(echo "$out" | wc -l)" 1 "... in one line"
is "$(cat s5/journal.1.*.jsonl | grep -c '"type":"ready"')" 4 "... and has written nothing into the first one's journals"
kill -TERM $job; wait $job; is $? 143 "which then ends as it is told"
finish
