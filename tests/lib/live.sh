# live.sh - for tests that look at a running job from outside: sourced by tests/t/0[1-3]*.t
#
# Everything the test starts carries one mark (TW_TEST_ID) and works in one folder, $DIR; finish checks that no
# process with the mark and no file outside that folder is left.  Beside t.sh's:
#   says TEXT PART SENTENCE      the text contains the part
#   within SECONDS COMMAND...    under a limit that nothing survives
#   until_true SECONDS COMMAND   0 as soon as the command succeeds
#   ours, gone SECONDS           our processes; 0 as soon as there are none
#   finish                       instead of done_testing
. "$TW_SRC/tests/lib/t.sh"
DIR=$t_dir
export TW_TEST_ID="$$.live.$(basename "$DIR")" TMPDIR=$DIR/tmp XDG_RUNTIME_DIR=$DIR/run
mkdir -m 0700 "$TMPDIR" "$XDG_RUNTIME_DIR"
ls -A /dev/shm >"$DIR/shm"
cd "$DIR" || exit 1

says() {
    case $1 in
        *"$2"*) ok 0 "$3" ;;
        *) ok 1 "$3" || printf 'got  %s\nwant ...%s...\n' "$1" "$2" | note ;;
    esac
}

within() { limit=$1; shift; timeout -s KILL "$limit" "$@"; }

ours() {
    grep -lzx "TW_TEST_ID=$TW_TEST_ID" /proc/[0-9]*/environ 2>/dev/null | while read -r file; do
        pid=${file#/proc/} pid=${pid%/environ}
        case $(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline") in
            *treewarden*|*mpirun*|*prterun*|*prted*) echo "$pid" ;;
        esac
    done
}

until_true() {
    end=$(($(date +%s%N) + $1 * 1000000000)); shift
    until "$@" >/dev/null 2>&1; do
        [ "$(date +%s%N)" -lt "$end" ] || return 1
        sleep 0.05
    done
}

none_of_ours() { [ -z "$(ours)" ]; }
gone() { until_true "$1" none_of_ours; }

finish() {
    gone 3; ok $? "no process is left behind"
    is "$(find "$XDG_RUNTIME_DIR" "$TMPDIR" -mindepth 1)" "" "no socket and no temporary file is left behind"
    is "$(ls -A /dev/shm | grep -vxF -f "$DIR/shm" | while read -r name; do
              grep -qsF "/dev/shm/$name" /proc/[0-9]*/maps || echo "$name"; done)" "" "nothing is left in /dev/shm"
    for p in $(ours); do kill -KILL "$p" 2>/dev/null; done
    cd /
    done_testing
}
