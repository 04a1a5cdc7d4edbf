# whole jobs on GPUs whose blocks are threads (tests/fake-cuda): the bits are the serial reference's, also when GPUs break
. "$TW_SRC/tests/lib/live.sh"
heat=$TW_BUILD/jobs/heat fake=$TW_BUILD/tests/fake-cuda
[ -e "$fake/heat.fatbin" ] || skip_all "no C++ compiler to make device code with"
export LD_LIBRARY_PATH="$fake" FAKE_CUDA="devices=4" TREEWARDEN_GPU_STILL_MS=5000
cp "$heat/heat.so" "$fake/heat.fatbin" "$TW_SRC/jobs/heat/plate.pgm" .
sed -e 's/^devices:.*/devices: {per_rank: 1, kind: cuda, slots: 18, spares: 2, host_slots: 2}/' -e 's/steps: 4000/steps: 240/' \
    -e '/^drills:/,$d' "$TW_SRC/jobs/heat/heat.yaml" > heat.yaml
cat >> heat.yaml <<'Y'
drills:
  - {at: random, within: [step 20, step 60],   path: "plate/rows[*]/tile[*,*]", how: fail}
  - {at: random, within: [step 30, step 70],   path: "plate/rows[*]/tile[*,*]", how: wedge}
  - {at: random, within: [step 60, step 100],  path: "plate/rows[*]/tile[*,*]", how: kill-worker}
  - {at: random, within: [step 80, step 120],  path: "plate/rows[*]/tile[*,*]", how: overrun}
  - {at: random, within: [step 100, step 160], path: "plate/rows[*]/tile[*,*]", how: segv}
Y
mkdir ref; "$heat/reference" plate.pgm 240 100 0.1 90 ref > /dev/null; is $? 0 "the serial reference"
within 150 "$TREEWARDEN" launch -n 4 heat.yaml --drills --seed 5 --state-dir st > log 2>&1; is $? 0 "a job on four GPUs ends well"
sed 's/^/# /' log
cmp st/out/heat.raw ref/heat.raw; is $? 0 "... with the bits of the serial reference"
says "$(cat log)" "not fired 0" "... and every drill was fired"
v=st/verdict.1.json
is "$(grep -c '"resumed_us": 0' $v)" 0 "every fault was healed"
says "$(cat $v)" '"slots_fenced": 1' "a block that is wedged was fenced, its actor went on in another"
says "$(cat $v)" '"workers_lost": 2' "a worker that was killed, and one whose GPU met a stray write"
"$TREEWARDEN" events --state-dir st --type worker > events
says "$(cat events)" "CUDA_ERROR_ILLEGAL_ADDRESS" "... which said so"

# Actors that are no work for many threads, on blocks of four: many small messages, children at run time; as on a host.
for job in relay farm; do
    cp "$TW_BUILD/jobs/$job/$job.so" "$fake/$job.fatbin" .
    sed 's/kind: host, slots: \([0-9]*\)/kind: any, slots: \1, host_slots: 3/' "$TW_SRC/jobs/$job/$job.yaml" > $job.yaml
    within 60 "$TREEWARDEN" launch -q -n 2 $job.yaml --set devices.kind=host --state-dir $job.host; is $? 0 "$job on a host"
    [ $job = farm ] && drills=--drills || drills=
    within 60 "$TREEWARDEN" launch -n 2 $job.yaml $drills --state-dir $job.gpu > log 2>&1; is $? 0 "$job on GPUs ends well"
    sed 's/^/# /' log
    is "$(cat $job.gpu/out/*.txt | md5sum)" "$(cat $job.host/out/*.txt | md5sum)" "... with what it writes on a host"
done
says "$(cat log)" "not fired 0" "... though faults struck its host's part"
within 150 "$TW_SRC/tests/check-gpu" --fake 1 > log 2>&1; is $? 0 "what is run where there is a GPU runs over this driver, too" || note < log
finish
