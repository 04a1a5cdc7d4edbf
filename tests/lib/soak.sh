# soak.sh - for the long tests that are not part of check: sourced by tests/soak-*
# shellcheck shell=bash
#
# Everything such a test starts carries one mark (TW_TEST_ID) and works in one folder, $box.  However the test ends,
# what carries the mark and what keeps the cores busy is ended by pid, and $box goes unless $keep says why not.
#
#   soak_begin          makes $box, sets the traps, prints date, kernel, processor and load
#   soak_busy           from now on every core is kept busy by another program, until the end
#   marked COMMAND...   becomes the command, with the mark: for `marked COMMAND & pid=$!`
#   ours                the pids that carry the mark
#   end_ours            TERM, and after 5 s KILL
#   now_ms, nap MS
soak_begin() {
    box=$(mktemp -d /tmp/tw.XXXXXX)      # short: socket paths end at 108 bytes
    mark=$$.soak.${box##*.}
    keep='' spinners=()
    mkdir -m 0700 "$box/tmp" "$box/run"
    mkfifo "$box/nap"
    exec {nap_fd}<>"$box/nap"
    trap soak_end EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    echo "# $(date -u +%F) $(uname -sr), $(nproc) x $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"
    echo "# load average of the machine when it began: $(cut -d ' ' -f 1-3 /proc/loadavg)"
}

soak_end() {
    trap - EXIT
    trap '' HUP INT TERM        # timeout sends its own and passes on what it gets: the second must not cut this short
    [ ${#spinners[@]} = 0 ] || kill "${spinners[@]}" 2>/dev/null || true
    end_ours
    if [ -n "$keep" ]; then echo "kept: $keep"; else rm -rf "$box"; fi
}

now_ms() { local t=$EPOCHREALTIME; echo $((${t%[.,]*} * 1000 + 10#${t#*[.,]} / 1000)); }

# Nobody writes to the pipe: reading it sleeps without a process of its own.
nap() {
    local s
    printf -v s '%d.%03d' $(($1 / 1000)) $(($1 % 1000))
    [ "$1" -le 0 ] || read -r -t "$s" -u "$nap_fd" _ || true
}

# A spinner looks now and then whether its test is still there: not even SIGKILL to that leaves one behind.
soak_busy() {
    local core
    for core in $(seq "$(nproc)"); do
        # A session of its own, as another user's job has: the kernel shares out a core between sessions first.
        setsid bash -c 'while kill -0 "$1" 2>/dev/null; do for ((i = 0; i < 100000; i++)); do :; done; done' spin $$ &
        spinners+=($!)
    done
    echo "# every core is kept busy by another program: $core spinning processes of ordinary priority"
}

marked() { exec env TW_TEST_ID="$mark" XDG_RUNTIME_DIR="$box/run" TMPDIR="$box/tmp" "$@"; }

# A zombie has no environment, so it does not count.
ours() {
    local file
    for file in $(grep -lzxF "TW_TEST_ID=$mark" /proc/[0-9]*/environ 2>/dev/null); do
        file=${file#/proc/}
        echo "${file%/environ}"
    done
}

end_ours() {
    local pid tries
    for tries in $(seq 50); do
        [ -n "$(ours)" ] || return 0
        [ "$tries" -gt 1 ] || for pid in $(ours); do kill -TERM "$pid" 2>/dev/null || true; done
        nap 100
    done
    for pid in $(ours); do kill -KILL "$pid" 2>/dev/null || true; done
}
