# whole jobs on GPUs whose blocks are threads (tests/fake-cuda): the bits are the serial reference's, also when GPUs break
. "$TW_SRC/tests/lib/live.sh"
heat=$TW_BUILD/jobs/heat fake=$TW_BUILD/tests/fake-cuda
[ -e "$fake/heat.fatbin" ] || skip_all "no C++ compiler to make device code with"
export LD_LIBRARY_PATH="$fake" FAKE_CUDA="devices=4"
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
finish
