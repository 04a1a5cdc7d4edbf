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
nvcc=${NVCC:-nvcc}
if command -v "$nvcc" > /dev/null; then
    each_slot "nvcc -std=c++17" "$nvcc" -x cu -std=c++17 -arch=sm_90
    "$nvcc" -x cu -std=c++17 -arch=sm_90 --fmad=false -fatbin -Isrc/api jobs/heat/heat.c -o "$DIR/heat.fatbin" > "$DIR/err" 2>&1
    ok $? "jobs/heat/heat.c becomes a fatbin"
    head -n 3 "$DIR/err" | note
else
    skip "the slot room compiles with nvcc" "nvcc is not installed"
    skip "jobs/heat/heat.c becomes a fatbin" "nvcc is not installed"
fi

printf '#include <treewarden/actor.h>\nstruct c { uint64_t n; };\nTW_INIT(c) { (void)cx; s->n = 0; }\nTW_NO_RECEIVE(c)\nTW_STEP(c) { tw_done(cx, s->n); }\nTW_PROGRAM(c)\n' > "$DIR/c.c"
within 60 "$TREEWARDEN" cc --no-cuda "$DIR/c.c" > /dev/null 2>&1; ok $? "treewarden cc builds an actor of six lines"
out=$(within 60 "$TREEWARDEN" cc "$DIR/none.c" 2>&1); is $? 66 "a missing source is exit 66"
echo 'int x = ;' > "$DIR/bad.c"
out=$(within 60 "$TREEWARDEN" cc --no-cuda "$DIR/bad.c" 2>&1); is $? 65 "a source that does not compile is exit 65"
finish
