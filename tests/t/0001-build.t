# 0001-build.t - what was built is whole: the lists, the program, the public headers, the actor programs
. "$TW_SRC/tests/lib/t.sh"

sh "$TW_SRC/build-aux/sources" --check >"$t_dir/lists" 2>&1
ok $? "Makefile.am lists every source file of the tree and no other" || note <"$t_dir/lists"

is "$("$TREEWARDEN" --version 2>&1 | grep -o '[0-9]*\.[0-9]*\.[0-9]*' | head -n 1)" "$TW_VERSION" \
    "treewarden --version says the version that was configured"

needed() { objdump -p "$1" | awk '$1 == "NEEDED" { print $2 }'; }
needed "$TREEWARDEN" | grep -q '^libmpi\.'
ok $? "the program is linked with MPI"
needed "$TREEWARDEN" | grep -q '^libcu'
is $? 1 "the program is not linked with CUDA"
missing=$(ldd "$TREEWARDEN" | grep 'not found')
is "$missing" "" "the program finds its libraries without LD_LIBRARY_PATH"

for actor in jobs/heat/heat.so tests/data/counter.so; do
    is "$(needed "$TW_BUILD/$actor" | grep -c -e '^libmpi\.' -e '^libcu')" 0 "$actor needs neither MPI nor CUDA"
done

# An actor author has the installed headers and nothing else of ours.
"$MAKE" -s -C "$TW_BUILD" install DESTDIR="$t_dir/root" >"$t_dir/install" 2>&1
ok $? "make install works" || note <"$t_dir/install"
api=$(dirname "$(dirname "$(find "$t_dir/root" -name actor.h)")")
program=$(find "$t_dir/root" -name treewarden -type f)
[ -x "$program" ]
ok $? "the program is installed"
cp "$TW_SRC/tests/data/counter.c" "$t_dir/mine.c"
$CC -std=c11 -Wall -Wextra -Werror -fPIC -shared -I"$api" "$t_dir/mine.c" -o "$t_dir/mine.so" >"$t_dir/cc" 2>&1
ok $? "an actor program compiles as C11 with only the installed headers" || note <"$t_dir/cc"

done_testing
