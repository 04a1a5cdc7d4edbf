# 0003-compilers.t - slots and actors are one source for gcc, clang and nvcc
. "$TW_SRC/tests/lib/t.sh"

cd "$TW_SRC" || exit 1
SLOTS=$(ls src/slot/*.c)

# COMPILER NAME, then its command line without the file: one test a source of src/slot
each_slot() {
    local name=$1 file
    shift
    for file in $SLOTS; do
        "$@" -c "$file" -o "$t_dir/x.o" >"$t_dir/said" 2>&1
        ok $? "$file compiles with $name" || head -n 20 "$t_dir/said" | note
    done
}

for cc in gcc clang; do
    if command -v $cc >/dev/null; then
        each_slot "$cc -std=c11" $cc -std=c11 -Wall -Wextra -Werror -Isrc -Isrc/api -I.
    else
        skip "src/slot compiles with $cc -std=c11 " "$cc is not installed"
    fi
done

if [ -x "$NVCC" ]; then
    each_slot "nvcc as CUDA" "$NVCC" -x cu -std=c++17 -arch=sm_90 -Isrc -Isrc/api -I.
    "$NVCC" -x cu -std=c++17 -arch=sm_90 --fmad=false -fatbin -Isrc/api jobs/heat/heat.c -o "$t_dir/heat.fatbin" \
        >"$t_dir/said" 2>&1
    ok $? "jobs/heat/heat.c becomes a fatbin" || head -n 20 "$t_dir/said" | note
    [ -s "$t_dir/heat.fatbin" ]
    ok $? "the fatbin has contents"
else
    skip "src/slot compiles with nvcc " "nvcc was not found by configure"
    skip "jobs/heat/heat.c becomes a fatbin " "nvcc was not found by configure"
fi

done_testing
