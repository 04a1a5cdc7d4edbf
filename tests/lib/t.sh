# t.sh - TAP for shell tests, and scenarios that may leave nothing behind; sourced by tests/t/*.t
#
#   ok CONDITION-STATUS SENTENCE...      ok $? "the job ends well"
#   is GOT WANT SENTENCE...
#   has FILE PATTERN SENTENCE...         a line matches the basic regular expression
#   skip SENTENCE... REASON              one test that could not be made here; the last word is the reason
#   skip_all REASON                      the whole file
#   scenario SECONDS COMMAND [ARG...]    see below
#   done_testing
#
# The environment comes from `make check`: TREEWARDEN, TEST_PROGRAM, TW_SRC, TW_BUILD, TW_VERSION, NVCC, CC.
t_count=0 t_failed=0
t_dir=$(mktemp -d /tmp/tw.XXXXXX) || exit 1     # short: socket paths end at 108 bytes
trap 'rm -rf "$t_dir"' EXIT
trap 'exit 1' HUP INT TERM

ok() {
    local pass=$1
    shift
    t_count=$((t_count + 1))
    if [ "$pass" -eq 0 ]; then
        echo "ok $t_count - $*"
    else
        echo "not ok $t_count - $*"
        t_failed=$((t_failed + 1))
    fi
    return "$pass"
}

note() { sed 's/^/# /'; }

is() {
    local got=$1 want=$2
    shift 2
    if [ "$got" = "$want" ]; then
        ok 0 "$@"
    else
        ok 1 "$@" || printf 'got  %s\nwant %s\n' "$got" "$want" | note
    fi
}

has() {
    local file=$1 pattern=$2
    shift 2
    if grep -q -e "$pattern" "$file"; then
        ok 0 "$@"
    else
        ok 1 "$@" || { echo "no line matches: $pattern"; tail -n 20 "$file"; } | note
    fi
}

skip() {
    local reason
    t_count=$((t_count + 1))
    for reason; do :; done
    echo "ok $t_count - ${*%"$reason"}# SKIP $reason"
}

skip_all() {
    echo "1..0 # SKIP $*"
    exit 0
}

done_testing() {
    echo "1..$t_count"
    [ "$t_failed" -eq 0 ]
    exit
}

# Runs a command in a world of its own: private TMPDIR and XDG_RUNTIME_DIR, an id in the environment of all
# it starts, KILL after SECONDS.  Sets $status, and $out and $err to the files of what it said.  $work is a
# folder for the scenario's own files, kept until the test ends.  A test of its own follows: nothing of it
# is left, neither a process with that id, nor a file in the private folders or in /dev/shm.
t_scenario=0
scenario() {
    local seconds=$1
    shift
    scenario_start
    env TW_TEST_ID="$t_id" TMPDIR="$t_world/tmp" XDG_RUNTIME_DIR="$t_world/run" \
        timeout -s KILL "$seconds" "$@" >"$out" 2>"$err" </dev/null
    status=$?
    scenario_end "$(basename "$1") ${2:-}"
}

scenario_start() {
    t_scenario=$((t_scenario + 1))
    t_id=$$.$t_scenario.$(basename "$t_dir")
    t_world=$t_dir/$t_scenario
    work=$t_world/work out=$t_world/out err=$t_world/err
    mkdir -p "$t_world/tmp" "$t_world/run" "$work"
    chmod 700 "$t_world/run"
    ls -A /dev/shm >"$t_world/shm"
}

# Those still there, one line each; empty = none.  A zombie has no environment, so it does not count.
t_left_processes() {
    local file pid
    grep -lzx "TW_TEST_ID=$t_id" /proc/[0-9]*/environ 2>/dev/null | while read -r file; do
        pid=${file#/proc/}
        pid=${pid%/environ}
        echo "process $pid: $(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null)"
    done
}

# In /dev/shm others work too: what a live process has mapped is not ours, for ours are gone by then.
t_left_files() {
    local name
    find "$t_world/tmp" "$t_world/run" ! -type d
    ls -A /dev/shm | grep -vxF -f "$t_world/shm" | while read -r name; do
        grep -qsF "/dev/shm/$name" /proc/[0-9]*/maps || echo "/dev/shm/$name"
    done
}

scenario_end() {
    local tries=0 left=
    while [ $tries -lt 20 ]; do
        left=$(t_left_processes; t_left_files)
        [ -n "$left" ] || break
        tries=$((tries + 1))
        sleep 0.1
    done
    if [ -z "$left" ]; then
        ok 0 "$1: nothing of it is left"
        return
    fi
    ok 1 "$1: nothing of it is left" || echo "$left" | note
    # Only what carries this scenario's id, by number.
    t_left_processes | while read -r _ pid _; do kill -KILL "${pid%:}"; done
}
