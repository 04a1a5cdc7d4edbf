# t.sh - TAP for shell scenarios: `. "$TW_SRC/tests/lib/t.sh"`
#
# Every scenario has its own folder, runtime folder and mark (TW_TEST_ID in the environment of everything it
# starts); finish checks that no process with the mark and no file outside the folder is left.
set -u
TW_SRC=${TW_SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
TREEWARDEN=${TREEWARDEN:-$TW_SRC/build/treewarden}
TW_BUILD=${TW_BUILD:-$(dirname "$TREEWARDEN")}
export TW_TEST_ID="tw$$.$(date +%s%N)"
DIR=$(mktemp -d /tmp/tw-test.XXXXXX)
export TMPDIR=$DIR/tmp XDG_RUNTIME_DIR=$DIR/run
mkdir -m 0700 "$TMPDIR" "$XDG_RUNTIME_DIR"
SHM_BEFORE=$(ls /dev/shm | sort)
tap_n=0
tap_bad=0
cd "$DIR" || exit 1

# ok STATUS TEXT: 0 is right
ok() {
    tap_n=$((tap_n + 1))
    if [ "$1" = 0 ]; then echo "ok $tap_n - $2"; else echo "not ok $tap_n - $2"; tap_bad=1; fi
}
# is GOT WANT TEXT
is() {
    if [ "$1" = "$2" ]; then ok 0 "$3"; else ok 1 "$3"; echo "# got:  $1"; echo "# want: $2"; fi
}
# has TEXT PART WHAT
has() {
    case $1 in *"$2"*) ok 0 "$3" ;; *) ok 1 "$3"; echo "# got:  $1"; echo "# want: ...$2..." ;; esac
}
skip_all() { echo "1..0 # SKIP $1"; rm -rf "$DIR"; exit 0; }

# within SECONDS COMMAND...: run it under a limit that nothing survives
within() { limit=$1; shift; timeout -s KILL "$limit" "$@"; }

# ours: pids of all processes that carry our mark, but for this shell and what it is made of
ours() {
    for e in /proc/[0-9]*/environ; do
        p=${e#/proc/}; p=${p%/environ}
        [ "$p" = $$ ] && continue
        tr '\0' '\n' 2>/dev/null <"$e" | grep -qx "TW_TEST_ID=$TW_TEST_ID" 2>/dev/null || continue
        case $(tr '\0' ' ' 2>/dev/null <"/proc/$p/cmdline") in
            *treewarden*|*mpirun*|*prterun*|*prted*) echo "$p" ;;
        esac
    done
}
# gone SECONDS: 0 as soon as none of ours is left
gone() {
    end=$(($(date +%s%N) + $1 * 1000000000))
    while [ -n "$(ours)" ]; do
        [ "$(date +%s%N)" -lt "$end" ] || return 1
        sleep 0.05
    done
}
# until SECONDS COMMAND...: 0 as soon as the command succeeds
until_true() {
    end=$(($(date +%s%N) + $1 * 1000000000)); shift
    until "$@" >/dev/null 2>&1; do
        [ "$(date +%s%N)" -lt "$end" ] || return 1
        sleep 0.05
    done
}
finish() {
    gone 3; ok $? "no process is left behind"
    is "$(ls -A "$XDG_RUNTIME_DIR" "$TMPDIR" | grep -v ':$' | grep -v '^$' | tr '\n' ' ')" "" "no socket and no temporary file is left behind"
    is "$(ls /dev/shm | sort)" "$SHM_BEFORE" "nothing is left in /dev/shm"
    for p in $(ours); do kill -KILL "$p" 2>/dev/null; done
    cd / && rm -rf "$DIR"
    echo "1..$tap_n"
    exit $tap_bad
}
