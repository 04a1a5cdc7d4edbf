# one source, several compilers: the slot room and the actor program
. "$(dirname "$0")/../lib/t.sh"
cd "$TW_SRC" || exit 1
flags="-Wall -Wextra -Wshadow -Wconversion -Werror -Isrc -Isrc/api"
for cc in gcc clang; do
    command -v $cc >/dev/null || { echo "# $cc is not here: left out"; continue; }
    for f in src/slot/*.c; do
        $cc -std=c11 $flags -c "$f" -o "$DIR/x.o" 2>"$DIR/err"; ok $? "$cc -std=c11 $(basename "$f")"
        head -n 3 "$DIR/err" | sed 's/^/# /'
    done
done
nvcc=${NVCC:-nvcc}
if command -v "$nvcc" >/dev/null; then
    for f in src/slot/*.c; do
        "$nvcc" -x cu -std=c++17 -arch=sm_90 -Isrc -Isrc/api -c "$f" -o "$DIR/x.o" >"$DIR/err" 2>&1; ok $? "nvcc -std=c++17 $(basename "$f")"
        head -n 3 "$DIR/err" | sed 's/^/# /'
    done
    "$nvcc" -x cu -std=c++17 -arch=sm_90 --fmad=false -fatbin -Isrc/api jobs/heat/heat.c -o "$DIR/heat.fatbin" >"$DIR/err" 2>&1
    ok $? "jobs/heat/heat.c becomes a fatbin"
else
    echo "# nvcc is not here: device compilation left out"
fi
printf '#include <treewarden/actor.h>\nstruct c { uint64_t n; };\nTW_INIT(c) { (void)cx; s->n = 0; }\nTW_NO_RECEIVE(c)\nTW_STEP(c) { tw_done(cx, s->n); }\nTW_PROGRAM(c)\n' > "$DIR/c.c"
within 60 "$TREEWARDEN" cc --no-cuda "$DIR/c.c" >/dev/null 2>&1; ok $? "treewarden cc builds an actor of six lines"
out=$(within 60 "$TREEWARDEN" cc "$DIR/none.c" 2>&1); is $? 66 "a missing source is exit 66"
echo 'int x = ;' > "$DIR/bad.c"
out=$(within 60 "$TREEWARDEN" cc --no-cuda "$DIR/bad.c" 2>&1); is $? 65 "a source that does not compile is exit 65"
finish
