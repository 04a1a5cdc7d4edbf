# told to stop, a job stops in order, however long its actors are at it
. "$TW_SRC/tests/lib/live.sh"
cat >slow.c <<'C'
#include <time.h>
#include <treewarden/actor.h>
struct slow { uint64_t calls; };
TW_INIT(slow) { (void)cx; s->calls = 0; }
TW_NO_RECEIVE(slow)
TW_STEP(slow)
{
    struct timespec from, now;

    timespec_get(&from, TIME_UTC);
    do
        timespec_get(&now, TIME_UTC);
    while (now.tv_sec - from.tv_sec < 2);
    s->calls++;
    tw_progress(cx, 1);
    tw_again(cx);
}
TW_PROGRAM(slow)
C
cat >slow.yaml <<'Y'
treewarden: 1
name: slow
devices: {per_rank: 1, slots: 1}
supervisor: top
children:
  - {actor: slow, place: {rank: 1}, deadline: 20s, shutdown: 20s}
Y
"$TREEWARDEN" cc -q --no-cuda slow.c
begin() { # NAME
    "$TREEWARDEN" launch -q -n 2 slow.yaml --state-dir "st.$1" >"log.$1" 2>&1 & launch=$!
    until_true 20 "$TREEWARDEN" wait --for=running --timeout 5s
}
stopped() { # NAME WANTED-EXIT
    wait $launch; is $? "$2" "$1: launch exits $2"
    says "$(cat "st.$1"/verdict.1.json 2>/dev/null)" "stopped in order after signal" "$1: the verdict says that it stopped in order"
    is "$("$TREEWARDEN" events --state-dir "st.$1" --type stop | grep -c slow)" 1 "$1: the actor was waited for"
}
begin term; kill -TERM $launch; stopped term 143
begin int; kill -INT $launch; stopped int 130
finish
