# CUDA devices: how ranks look for them and share them out, and what is said where they are missing.  The driver is one
# that describes devices; what the program has for GPUs is nothing that would run.
. "$TW_SRC/tests/lib/live.sh"
cat > kinds.c <<'C'
#include <treewarden/actor.h>
struct ticker { uint64_t n; };
TW_INIT(ticker) { s->n = 0; tw_timer(cx, 10); }
TW_RECEIVE(ticker) { s->n++; tw_timer(cx, 10); (void)m; }
TW_NO_STEP(ticker)
#ifndef __CUDACC__
#include <stdio.h>
struct writer { uint64_t n; };
TW_HOST_ACTOR(writer)
TW_INIT(writer) { s->n = 0; tw_timer(cx, 10); }
TW_RECEIVE(writer) { s->n++; tw_timer(cx, 10); (void)m; }
TW_NO_STEP(writer)
TW_PROGRAM(ticker, writer)
#else
TW_PROGRAM(ticker)
#endif
C
cat > kinds.yaml <<'Y'
treewarden: 1
name: kinds
devices: {per_rank: 1, slots: 4, kind: cuda, host_slots: 2}
supervisor: job
strategy: one_for_one
waiting: capacity
children:
  - {supervisor: gpu, waiting: capacity, children: [{actor: t, type: ticker, start: later}]}
  - {actor: w, type: writer, place: {rank: 0}}
Y
within 60 "$TREEWARDEN" cc -q --no-cuda kinds.c; is $? 0 "a program with a host actor is built"
fake() { fake_says=$1; shift; env LD_LIBRARY_PATH="$TW_BUILD/tests/fake-cuda" FAKE_CUDA="$fake_says" "$@"; }
run() {
    fake_says=$1; shift
    fake "$fake_says" timeout -s KILL 60 "$TREEWARDEN" run "$@" kinds.yaml --state-dir none 2>&1
}
at=0

# What check says.
says "$(within 10 "$TREEWARDEN" check kinds.yaml 2>&1)" "build it with \`treewarden cc --cuda\`" "without code for GPUs nothing can begin"
echo nothing > kinds.fatbin
out=$(within 10 "$TREEWARDEN" check kinds.yaml); is $? 0 "the specification is well, whatever this machine has"
says "$out" "devices: 1 CUDA device a rank, 4 slots and 1 spare each; for host actors 2 slots and 1 spare on the host" \
    "check says how many slots there are on what"
says "$out" "job/w: type writer (host actor)" "... and who is a host actor"
says "$(within 10 "$TREEWARDEN" check --json kinds.yaml)" '"host_actors": true' "... in JSON as well"
out=$(within 10 "$TREEWARDEN" check --set devices.kind=any --set devices.per_rank=3 kinds.yaml)
says "$out" "3 CUDA devices a rank, 4 slots and 1 spare each" "any: CUDA devices"
says "$out" "or else host devices for all" "... or others"
says "$(within 10 "$TREEWARDEN" check --set job/w.count=3 kinds.yaml 2>&1)" "raise devices.host_slots" \
    "host actors need slots of their own"
ok $((! $(within 10 "$TREEWARDEN" check -q --set job/w.count=3 --set devices.kind=host kinds.yaml; echo $?) == 0)) \
    "... and none where all devices are the host's"
sed 's/TW_PROGRAM(ticker, writer)/TW_PROGRAM(writer, ticker)/' kinds.c > order.c
within 60 "$TREEWARDEN" cc -q --no-cuda order.c
sed 's/^devices/program: order\n&/' kinds.yaml > order.yaml
says "$(within 10 "$TREEWARDEN" check order.yaml 2>&1)" \
    "the host actor writer stands before ticker, which could run on GPUs" "a host actor that is not named last is refused"

out=$(within 60 "$TREEWARDEN" cc --no-cuda kinds.c 2>&1); says "$out" "kinds.fatbin removed: it was of an earlier build" \
    "code for GPUs of what may be another source does not stay"
is "$(ls kinds.fatbin 2>&1 | grep -c "No such")" 1 "... it is gone"

# What is said where there are none, or none of use.
refused() {
    out=$(run "$1"); is $? 69 "$3: refused"
    says "$out" "rank 0 on $(hostname): $2" "... with what was found"
    is "$(echo "$out" | wc -l)" 1 "... in one line"
}
refused devices=1 "no CUDA device for it: $PWD/kinds.fatbin: the program's code for GPUs cannot be read" \
    "a program without code for GPUs"
says "$out" 'build it with `treewarden cc --cuda`' "... and what to do"
echo nothing > kinds.fatbin
refused devices=0 "no CUDA device for it: the driver shows no device: look at CUDA_VISIBLE_DEVICES" "no device"
refused init=34 "no CUDA device for it: the libcuda.so.1 found is the toolkit's stub" "a stub"
refused dies=1 "no CUDA device for it: the process that asks the driver died of it" "a driver that kills"
refused "devices=2 MPS_ENABLED=1" "no CUDA device for it: Fake GPU 0 at 0000:3B:00.0 is not of use: MPS shares" "MPS"
refused "devices=2 COMPUTE_CAPABILITY_MAJOR=7" "no CUDA device for it: Fake GPU 0 at 0000:3B:00.0 is not of use: older" \
    "an old device"
says "$out" "with devices: {kind: any} the job would run on host devices" "... and what else could be done"
out=$(CUDA_LAUNCH_BLOCKING=1 run devices=1); is $? 69 "launches that block: refused"
says "$out" "CUDA_LAUNCH_BLOCKING is set" "... by name"
out=$(run devices=1 --set devices.per_rank=2); is $? 69 "fewer than asked for: refused"
says "$out" "too few CUDA devices: 1 of use, for 1 rank that sees them, and each is to have 2: lower devices.per_rank" \
    "... with numbers"
if [ ! -e /dev/nvidiactl ]; then
    out=$(within 60 "$TREEWARDEN" run kinds.yaml --state-dir none 2>&1); is $? 69 "no driver: refused"
    says "$out" "no CUDA device for it: no driver (libcuda.so.1) is installed here" "... as it says"
fi
fake devices=1 timeout -s KILL 60 "$TREEWARDEN" launch -q -n 2 kinds.yaml --state-dir two 2>err
ok $((! $?)) "one device for two ranks: refused"
is "$(grep -c 'too few CUDA devices: 1 of use, for 2 ranks that see them, and each is to have 1' err)" 1 \
    "... once for the job"

# Who has which.
job() { # RANKS DEVICES [SET...]
    ranks=$1 fake_says=$2 at=$((at + 1)); shift 2
    env LD_LIBRARY_PATH="$TW_BUILD/tests/fake-cuda" FAKE_CUDA="$fake_says" \
        "$TREEWARDEN" launch -q -n "$ranks" kinds.yaml --state-dir "j$at" "$@" 2>err &
    launched=$!
    until_true 30 "$TREEWARDEN" status >/dev/null
}
ended() { kill -TERM $launched; wait $launched; }
devices() {
    "$TREEWARDEN" status --rank "$1" | sed -n 's/^ *\(device:[0-9.]*\) [a-z]*, \(.*\), [0-9]* of.*/\1 \2/p' |
        sed 's/GPU-a5a5a5a5-a5a5-a5a5-a5a5-a5a5a5a5a5/GPU-../'
}
gpus_of() { devices "$1" | sed -n 's/.*GPU-\.\.//p' | tr '\n' ' '; }
job 1 devices=2 --set devices.per_rank=2
is "$(devices 0)" "device:0.0 cuda 0000:3B:00.0 GPU-..00
device:0.1 cuda 0000:3C:00.0 GPU-..01
device:0.2 host" "one rank has both GPUs, and the host device behind them"
says "$("$TREEWARDEN" status --json)" '"kind": "cuda"' "... in JSON as well"
runs() { "$TREEWARDEN" tree | grep -E " $1 .*running" | grep -q "at $2"; }
until_true 20 runs w 0.2; ok $? "the host actor runs there"
says "$("$TREEWARDEN" restart device:0.3 2>&1)" "no such device" "and that is the last one"
ended
job 2 devices=2
is "$(gpus_of 0)$(gpus_of 1)" "00 01 " "two ranks have one each"
is "$(devices 1 | wc -l)" 1 "a rank without host actors has no host device"
says "$("$TREEWARDEN" restart device:1.1 2>&1)" "no such device" "... and all ranks know that"
ended
sed 's/per_rank: 1, //' kinds.yaml > all.yaml && mv all.yaml kinds.yaml
job 3 "devices=7 pci=0000:11:00.0"
is "$(gpus_of 0)/$(gpus_of 1)/$(gpus_of 2)" "00 01 /02 03 /04 05 " \
    "without a number three ranks have as many as each can have"
ended

# Any: if there are.
job 2 devices=1 --set devices.kind=any
until_true 20 runs w 0.0; ok $? "any: with too few GPUs the job runs on host devices"
is "$(devices 0)" "device:0.0 host" "... all of them"
is "$(grep -c 'too few CUDA devices.*; the job runs on host devices' err)" 1 "... and one line says so"
says "$("$TREEWARDEN" status --rank 1)" "host devices, for rank 0 on $(hostname) can have 0 of 1 CUDA devices" \
    "... and the status, of any rank"
says "$("$TREEWARDEN" events --state-dir "j$at" --type ready)" "host devices, for rank 0" "... and the journal"
ended
job 1 devices=1 --set devices.kind=any
is "$(devices 0 | head -n 1)" "device:0.0 cuda 0000:3B:00.0 GPU-..00" "any: with enough of them it has CUDA devices"
is "$("$TREEWARDEN" status | grep -c 'host devices, for')" 0 "... and nothing is to be said"
ended

within 60 "$TREEWARDEN" simulate -q kinds.yaml --set job/gpu/t.start=now --faults none --seeds 1..1 >simulated 2>&1
is "$(grep -c 'has not ended' simulated)" 1 "the simulator plays CUDA devices as the host's: this job goes on for ever there, too"
finish
