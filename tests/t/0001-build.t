# what was built is whole: the lists, the program, the installed headers, the actor programs
. "$TW_SRC/tests/lib/live.sh"
MAKE=${MAKE:-make}
CC=${CC:-cc}
sh "$TW_SRC/build-aux/sources" --check > lists 2>&1; ok $? "Makefile.am lists every source file of the tree and no other"
note < lists

said=$(within 20 "$TREEWARDEN" --version 2>&1 | head -n 1)
is "$said" "treewarden $TW_VERSION" "treewarden --version says the version that was configured"
needed() { objdump -p "$1" | awk '$1 == "NEEDED" { print $2 }'; }
says "$(needed "$TREEWARDEN")" "libmpi." "the program is linked with MPI"
is "$(needed "$TREEWARDEN" | grep -ciE '^lib(cu|nv)')" 0 "... and not with CUDA"
is "$(env -u LD_LIBRARY_PATH ldd "$TREEWARDEN" | grep 'not found')" "" "... and finds its libraries by itself"
for actor in jobs/heat/heat.so tests/data/counter.so; do
    is "$(needed "$TW_BUILD/$actor" | grep -cE '^lib(mpi|cu)')" 0 "$actor needs neither MPI nor CUDA"
    says "$(nm -D --defined-only "$TW_BUILD/$actor")" "tw_program" "... and exports its table of programs"
done

# An actor author has the installed headers and nothing else of ours.
within 120 "$MAKE" -s -C "$TW_BUILD" install DESTDIR="$DIR/root" > install 2>&1; ok $? "make install works"
[ "$t_failed" = 0 ] || tail -n 20 install | note
api=$(find root -path '*/include/treewarden/actor.h')
says "$api" "actor.h" "the public headers are installed"
is "$(find root -name treewarden -type f -perm -u+x | wc -l)" 1 "the program is installed"
$CC -std=c11 -Wall -Wextra -Werror -fPIC -shared -I"${api%/treewarden/actor.h}" "$TW_SRC/jobs/heat/heat.c" -o mine.so -lpng 2> err
ok $? "an actor program compiles as C11 with the installed headers alone"
note < err
finish
