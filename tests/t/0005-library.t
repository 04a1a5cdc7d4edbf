# the library: what is installed is enough for others, in C and in C++, and shows no more than it promises
. "$TW_SRC/tests/lib/live.sh"
CC=${CC:-cc}
header=$TW_SRC/src/api/treewarden/supervisor.h
page=$TW_SRC/doc/treewarden_supervisor.3
sed -n 's/^TW_API .*[ *]\(tw_pool_[a-z_]*\)(.*/\1/p' "$header" | sort > promised
[ "$(wc -l < promised)" -ge 30 ]; ok $? "the header promises its calls"

within 120 "$MAKE" -s -C "$TW_BUILD" install DESTDIR="$DIR/root" > install 2>&1; ok $? "make install works"
[ "$t_failed" = 0 ] || tail -n 20 install | note
lib=$(dirname "$(find "$DIR/root" -name libtreewarden.so)")
man=$(dirname "$(find "$DIR/root" -name treewarden_supervisor.3)")
is "$(find "$DIR/root" -name '*.la')" "" "libtool leaves nothing of its own"

exported() { nm -g --defined-only "$@" 2>/dev/null | awk 'NF == 3 && $2 ~ /[TDBRVW]/ { print $3 }' | grep -vE '^__(a|t|ub)san|^_?_?odr' | sort; }
exported -D "$lib/libtreewarden.so" > shared
exported "$lib/libtreewarden.a" > static
is "$(comm -3 promised shared)" "" "the shared library exports what the header promises, and nothing else"
is "$(comm -3 promised static)" "" "... and so does the static one"
is "$(objdump -p "$lib/libtreewarden.so" | awk '$1 == "NEEDED" && $2 !~ /^lib(c|asan|ubsan|tsan)\./ { print $2 }')" "" \
   "it needs libc alone"
is "$(objdump -t "$lib/libtreewarden.so" | awk '$4 ~ /^\.(bss|data)$/ && $2 !~ /d/ && $NF !~ /^(completed|__dso_handle|\.|_)/ { print $NF }')" "" \
   "it has no global state"

PKG_CONFIG_PATH=$lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$DIR/root
export PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR
is "$(pkg-config --modversion treewarden)" "$TW_VERSION" "pkg-config knows it"
flags=$(pkg-config --cflags treewarden) libs=$(pkg-config --libs treewarden)
example=$TW_SRC/doc/examples/pool.c
cat > want <<'WANT'
left fails: it and its sibling start again
  stop slot 3, life 1
  start slot 2, life 2
  start slot 3, life 2
everyone beats but the last
  writer is late
root [0.1] active for 1000 ms, permanent, one_for_one, starts 0, progress 0
  solver [1.1] active for 1000 ms, permanent, one_for_all, starts 1, progress 1
    left [2.2] active for 900 ms, permanent, one_for_one, starts 2, progress 1
    right [3.2] active for 900 ms, permanent, one_for_one, starts 2, progress 1
  writer [4.1] active for 1000 ms, permanent, one_for_one, starts 1, progress 0
the solver is killed
  kill slot 3
  kill slot 2
  kill slot 1
14 of 15 slots are free
WANT

# NAME LIBS COMMAND...: the example, built so, says what it should
example_works() {
    name=$1 with=$2; shift 2
    # shellcheck disable=SC2086
    "$@" -Wall -Wextra -Werror $flags "$example" -o example $with 2> err; ok $? "the example compiles: $name"
    note < err
    LD_LIBRARY_PATH=$lib within 20 ./example > said 2>&1; ok $? "... and runs"
    diff want said > differs; ok $? "... and says what it should"
    note < differs
}
sanitize=
case $(nm "$lib/libtreewarden.a" 2>/dev/null) in *__asan*) sanitize=-fsanitize=address,undefined ;; esac
example_works "C11, shared" "$libs $sanitize" $CC -std=gnu11
example_works "C11, static" "$lib/libtreewarden.a $sanitize" $CC -std=gnu11
for cxx in g++ clang++; do
    if command -v $cxx > /dev/null; then
        example_works "C++11 by $cxx" "$libs $sanitize" $cxx -x c++ -std=c++11 -Wpedantic
        example_works "C++20 by $cxx" "$libs $sanitize" $cxx -x c++ -std=c++20
    else
        skip "the example compiles as C++ by $cxx" "$cxx is not installed"
    fi
done
# Both public headers in one source; and an entry as a device reads it.
printf '#include <treewarden/actor.h>\n#include <treewarden/supervisor.h>\nint main(void) { return 0; }\n' > both.c
# shellcheck disable=SC2086
$CC -std=c11 -Wall -Wextra -Wpedantic -Werror $flags -c both.c -o both.o 2> err; ok $? "both headers go together, in strict C11"
note < err
nvcc=${NVCC:-nvcc}
if command -v "$nvcc" > /dev/null; then
    printf '#include <treewarden/supervisor.h>\n__global__ void f(const struct tw_pool_entry *e, int *n) { *n += e[threadIdx.x].state == TW_POOL_ACTIVE; }\n' > device.cu
    # shellcheck disable=SC2086
    "$nvcc" -std=c++17 $flags -c device.cu -o device.o 2> err; ok $? "nvcc reads an entry as gcc wrote it"
    note < err
else
    skip "nvcc reads an entry as gcc wrote it" "nvcc is not installed"
fi

# The pages.
for call in $(cat promised); do
    grep -q "[ *]$call(" "$page" || echo "$call"
done > missing
is "$(cat missing)" "" "the manual has every call"
is "$(for call in $(cat promised); do [ -e "$man/$call.3" ] || echo "$call"; done)" "" "... each by its own name"
if command -v groff > /dev/null; then
    is "$(groff -man -ww -b -z -Tutf8 "$page" 2>&1)" "" "groff finds nothing wrong with it"
else
    skip "groff finds nothing wrong with it" "groff is not installed"
fi
finish
