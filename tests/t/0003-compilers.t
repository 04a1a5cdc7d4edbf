# one source, several compilers: the slot room and the actor program
. "$TW_SRC/tests/lib/live.sh"
cd "$TW_SRC" || exit 1

# NAME COMMAND...: every source of the slot room
each_slot() {
    name=$1; shift
    for f in src/slot/*.c; do
        "$@" -Isrc -Isrc/api -c "$f" -o "$DIR/x.o" > "$DIR/err" 2>&1; ok $? "$(basename "$f") compiles with $name"
        head -n 3 "$DIR/err" | note
    done
}
for cc in gcc clang; do
    if command -v $cc > /dev/null; then
        each_slot "$cc -std=c11" $cc -std=c11 -Wall -Wextra -Wshadow -Wconversion -Werror
    else
        skip "the slot room compiles with $cc -std=c11" "$cc is not installed"
    fi
done
printf '#include <treewarden/actor.h>\nstruct c { uint64_t n; };\nTW_INIT(c) { (void)cx; s->n = 0; }\nTW_NO_RECEIVE(c)\nTW_STEP(c) { tw_done(cx, s->n); }\nTW_PROGRAM(c)\n' > "$DIR/c.c"
nvcc=${NVCC:-nvcc}
if command -v "$nvcc" > /dev/null; then
    each_slot "nvcc -std=c++17" "$nvcc" -x cu -std=c++17 -arch=sm_90
    # Every handler beside the whole of the slot room, as the resident kernel that a GPU would run.
    out=$(NVCC=$nvcc within 170 "$TREEWARDEN" cc --cuda --output-dir "$DIR" jobs/heat/heat.c -- -lpng 2>&1); is $? 0 "jobs/heat/heat.c becomes a fatbin"
    is "$(echo "$out" | grep -c ' 0 of spills: ')" "$("$nvcc" --list-gpu-arch | grep -cx 'compute_\(80\|90\|100\)')" \
        "... for each of our architectures, and nothing spills"
    echo "$out" | grep ' registers' | note
    is "$(ls "$DIR" | grep -c 'XXXXXX\|\.cu\|said')" 0 "... and nothing but it is left"
    cat > "$DIR/big.c" <<'C'
#include <treewarden/actor.h>
struct big { uint64_t n; };
TW_INIT(big) { volatile double a[400]; for (int i = 0; i < 400; i++) a[i] = i; s->n = (uint64_t)a[tw_random(cx) % 400]; }
TW_NO_RECEIVE(big)
TW_NO_STEP(big)
TW_PROGRAM(big)
C
    out=$(NVCC=$nvcc within 170 "$TREEWARDEN" cc --cuda --sm 90 "$DIR/big.c" 2>&1); is $? 65 "an actor whose threads need too much stack is refused"
    says "$out" "1024 are the most: keep large arrays in the state" "... with what to do"
    out=$(NVCC=$nvcc within 170 "$TREEWARDEN" cc --cuda --json --sm 80 --threads 64 "$DIR/c.c"); is $? 0 "--threads says how many a block has"
    says "$out" '"threads": 64' "... and JSON what became of it"
    says "$out" '"spill_bytes": 0' "... with the figures"
    cat > "$DIR/host.c" <<'C'
#include <treewarden/actor.h>
#ifndef __CUDACC__
enum { host_only };
#endif
struct c { int n; };
TW_INIT(c) { s->n = host_only; }
TW_NO_RECEIVE(c)
TW_NO_STEP(c)
TW_PROGRAM(c)
C
    out=$(NVCC=$nvcc within 60 "$TREEWARDEN" cc --cuda --sm 90 "$DIR/host.c" 2>&1); is $? 65 "what only a host's compiler takes is exit 65"
    says "$out" 'host.c(' "... with nvcc's own words"
else
    skip "the slot room compiles with nvcc" "nvcc is not installed"
    skip "jobs/heat/heat.c becomes a fatbin" "nvcc is not installed"
fi
out=$(within 60 "$TREEWARDEN" cc --threads 33 "$DIR/c.c" 2>&1); is $? 2 "a block has whole warps"
rm -f "$DIR/c.fatbin"
within 60 "$TREEWARDEN" cc -q "$DIR/c.c"; ok $([ $? = 0 ] && [ ! -e "$DIR/c.fatbin" ]; echo $?) "device code is built where it is asked for"
printf '#include <treewarden/actor.h>\n#ifndef __CUDACC__\nstruct w { int n; };\nTW_HOST_ACTOR(w)\nTW_INIT(w) {}\nTW_NO_RECEIVE(w)
TW_NO_STEP(w)\n#endif\nstruct c { int n; };\nTW_INIT(c) {}\nTW_NO_RECEIVE(c)\nTW_NO_STEP(c)\n#ifndef __CUDACC__\nTW_PROGRAM(w, c)
#else\nTW_PROGRAM(c)\n#endif\n' > "$DIR/order.c"
out=$(NVCC=/nowhere/nvcc within 60 "$TREEWARDEN" cc -q --cuda "$DIR/order.c" 2>&1); is $? 65 "a host actor before others is refused"
says "$out" "the host actor w stands before c" "... by name"
out=$(NVCC=/nowhere/nvcc within 60 "$TREEWARDEN" cc -q --cuda "$DIR/c.c" 2>&1); is $? 69 "... and nvcc is wanted for it"
out=$(within 60 "$TREEWARDEN" cc --sm sm_90 "$DIR/c.c" 2>&1); is $? 2 "architectures are numbers"
within 60 "$TREEWARDEN" cc --no-cuda "$DIR/c.c" > /dev/null 2>&1; ok $? "treewarden cc builds an actor of six lines"
out=$(within 60 "$TREEWARDEN" cc "$DIR/none.c" 2>&1); is $? 66 "a missing source is exit 66"
echo 'int x = ;' > "$DIR/bad.c"
out=$(within 60 "$TREEWARDEN" cc --no-cuda "$DIR/bad.c" 2>&1); is $? 65 "a source that does not compile is exit 65"
finish
