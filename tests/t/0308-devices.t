# a device that is given up: who moves, who waits for a slot, how it is used again; and an actor that breaks its worker
. "$TW_SRC/tests/lib/live.sh"
cat > fragile.c <<'C'
#define _GNU_SOURCE
#include <treewarden/actor.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>
struct ticker { uint64_t n; };
TW_INIT(ticker) { s->n = 0; tw_again(cx); }
TW_NO_RECEIVE(ticker)
TW_STEP(ticker) { s->n++; usleep(1000); tw_again(cx); }
struct bomb { uint64_t n; };
TW_INIT(bomb) { s->n = 0; tw_timer(cx, 50); }
TW_RECEIVE(bomb) { if (!tw_arg_u64(cx, "dud")) *(volatile int *)8 = 1; s->n++; }
TW_NO_STEP(bomb)
TW_PROGRAM(ticker, bomb)
/* A worker that comes up while this file is there does not. */
__attribute__((constructor)) static void begin(void)
{
    char *file = getenv("NO_START");
    if (file && access(file, F_OK) == 0)
        abort();
}
C
cat > devices.yaml <<'Y'
treewarden: 1
name: devices
program: fragile
devices: {per_rank: 2, slots: 2, spares: 0}
supervisor: job
waiting: capacity
intensity: 10
period: 60s
children:
  - {actor: a, type: ticker, local_restarts: 2}
  - {actor: b, type: ticker}
  - {actor: c, type: ticker}
drills: [{at: 1h, path: job/a, how: fail}]
Y
within 60 "$TREEWARDEN" cc -q --no-cuda fragile.c; is $? 0 "a program whose workers may fail to start is built"
within 10 "$TREEWARDEN" check -q devices.yaml; is $? 0 "the specification is well"
export NO_START=$PWD/no-start
"$TREEWARDEN" launch -q -n 1 devices.yaml --drills --state-dir st 2>/dev/null & job=$!
within 20 "$TREEWARDEN" wait --for=running; ok $? "the job runs"
line() { "$TREEWARDEN" tree | grep -E " $1 "; }
shows() { line "$1" | grep -q "$2"; }
seen() { "$TREEWARDEN" events --state-dir st --type "$1" | grep -q "$2"; }
device() { "$TREEWARDEN" status | grep "device:$1 " | grep -q "$2"; }
touch no-start
within 10 "$TREEWARDEN" fail --how kill-worker job/a >/dev/null; ok $? "the worker of a device is killed, and no new one starts"
until_true 20 device 0.0 quarantined; ok $? "the device is in quarantine"
is "$("$TREEWARDEN" status --json | grep -c '"state": "quarantined"')" 1 \
    "... in JSON as well"
until_true 10 shows a running; ok $? "who was on it goes on on the other device"
seen slot 'job/a .*moved'; ok $? "... as the journal says"
until_true 10 shows c waiting; ok $? "for who finds no slot there is a state of its own"
seen waiting 'job/c  for a slot$'; ok $? "... and a line in the journal that says for what"
says "$("$TREEWARDEN" which job)" c=restarting "... to a supervisor's calls it is restarting"
shows b running; ok $? "who was not on it has not noticed"
within 10 "$TREEWARDEN" restart job/c >/dev/null 2>"$DIR/err"; is $? 1 "who restarts it by hand is told"
says "$(cat err)" start_error "... that it could not be started"
says "$("$TREEWARDEN" restart device:0.1 2>&1)" "device:0.1 is not in quarantine: nothing was done" \
    "a device that is in use is left alone"
says "$("$TREEWARDEN" restart device:0.7 2>&1)" "no such device: \`treewarden status --rank R\` shows which rank R has" "one that is not there is named"
out=$("$TREEWARDEN" kill -y device:0.0 2>&1); is $? 2 "only restart takes a device"
says "$out" "device:0.0 is a device" "... as it says"
rm no-start
says "$(within 10 "$TREEWARDEN" restart device:0.0)" "see \`treewarden status --rank 0\`" "restart uses the device again, and says where that shows"
until_true 10 device 0.0 up; ok $? "... it is up"
within 10 "$TREEWARDEN" restart job/c >/dev/null; is $? 0 "... and there is a slot"
until_true 10 shows c running; ok $? "for who had none"
touch no-start
within 10 "$TREEWARDEN" fail --how kill-worker job/c >/dev/null
until_true 20 shows c waiting; ok $? "once more"
rm no-start
within 10 "$TREEWARDEN" restart device:0.0 >/dev/null
until_true 10 shows c running; ok $? "who waits is started as soon as there is a slot, and nobody need ask"
kill -TERM $job; wait $job; is $? 143 "the job stops when it is told"

# a branch that is at home where its slots are hears of a free slot before the root has told it to start anew
sed 's/local_restarts: 2/shutdown: 5s/; s/^children:/&\n  - supervisor: ward\n    place: {rank: 0}\n    waiting: capacity\n    children:/
    s/^  - {actor/      - {actor/; s/job.a/job\/ward\/a/' devices.yaml > kept.yaml
"$TREEWARDEN" launch -q -n 1 kept.yaml --drills --state-dir kept 2>/dev/null & job=$!
within 20 "$TREEWARDEN" wait --for=running; ok $? "a job with a branch of its own runs"
touch no-start
within 10 "$TREEWARDEN" fail --how kill-worker job/ward/a >/dev/null
until_true 20 shows c waiting; ok $? "one of its actors waits for a slot"
within 10 "$TREEWARDEN" restart -q job/ward/b; is $? 0 "another is restarted"
shows b running; ok $? "... in the slot it had"
shows c waiting; ok $? "... for which the first one goes on waiting"
within 10 "$TREEWARDEN" terminate -q job/ward/b; is $? 0 "that one is stopped"
until_true 10 shows c running; ok $? "... and leaves its slot to it"
kill -TERM $job; wait $job
rm no-start

sed 's/waiting: capacity/auto_shutdown: never/; s/local_restarts: 2/local_restarts: 1/' devices.yaml > moves.yaml
"$TREEWARDEN" launch -q -n 1 moves.yaml --drills --state-dir mv 2>/dev/null & job=$!
within 20 "$TREEWARDEN" wait --for=running; ok $? "another job runs"
moved() { "$TREEWARDEN" events --state-dir mv --type slot | grep -q 'job/a .*moved'; }
within 10 "$TREEWARDEN" fail --how fail job/a >/dev/null
until_true 10 sh -c "'$TREEWARDEN' events --state-dir mv --type start | grep -q 'job/a.* 2'"; moved
ok $((! $?)) "the first restart is on the same device"
until_true 10 "$TREEWARDEN" fail --how fail job/a
until_true 10 moved; ok $? "after local_restarts of them the next one is on another"
kill -TERM $job; wait $job

cat > suspect.yaml <<'Y'
treewarden: 1
name: suspect
program: fragile
devices: {slots: 4}
supervisor: job
intensity: 10
period: 60s
children:
  - {actor: bomb, args: {dud: 0}}
  - {actor: t, type: ticker}
Y
"$TREEWARDEN" launch -q -n 1 suspect.yaml --state-dir sp 2>/dev/null & job=$!
until_true 30 shows bomb quarantined; ok $? "an actor that broke its worker three times from the same commit is in quarantine"
shows t running; ok $? "... and the rest of the job goes on"
is "$("$TREEWARDEN" events --state-dir sp --type exit | sed 's/.*abnormal, //' | tr '\n' ' ')" "segv segv suspect " \
    "the journal says which time it was"
device 0.0 up; ok $? "... and its device in use"
kill -TERM $job; wait $job; is $? 1 "a job that ends without it has not done what it was to do"
wrong() {
    sed "$1" devices.yaml > wrong.yaml
    says "$("$TREEWARDEN" check wrong.yaml 2>&1)" "$2" "$3"
}
wrong 's/per_rank: 2/per_rank: 1/; s/slots: 2/slots: 4/' 'a rank has one device' "local_restarts needs a device to go to"
wrong 's/^waiting: capacity/local_restarts: 1/' 'nobody restarts the root' "... and somebody who restarts"
wrong 's/^waiting: capacity/waiting: ever/' 'never|capacity' "an unknown waiting is told what there is"
finish
