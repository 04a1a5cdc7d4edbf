# a room includes only what the table lets it include, and each library has its room
. "$TW_SRC/tests/lib/live.sh"

# room: the rooms and libraries it may include beside itself and libc; * = all
cat > table <<'TABLE'
src/shared
src/api
src/base     shared
src/slot     shared api
src/core     shared base
src/port     shared slot
src/sup      core port shared base slot spec store
src/spec     shared base core yaml.h xxhash.h
src/topo     shared base hwloc.h
src/store    shared base jansson.h sqlite3.h
src/worker   slot port shared base api
src/emu      sup worker spec store slot port shared base core
src/face     sup spec shared base jansson.h microhttpd.h ncurses.h
mpi          port shared base mpi.h mpi-ext.h
kernels      slot worker port shared base api cuda.h cuda_runtime.h
src/cmd      *
jobs         api png.h
TABLE
LIBRARIES='yaml.h xxhash.h hwloc.h sqlite3.h jansson.h microhttpd.h ncurses.h mpi.h mpi-ext.h cuda.h cuda_runtime.h png.h'

# Every include of the tree: FILE <name or FILE "name
(cd "$TW_SRC" && find src mpi kernels jobs -name '*.[ch]' -o -name '*.cu' -o -name '*.cuh' 2>/dev/null |
    xargs sed -n 's/^[ \t]*#[ \t]*include[ \t]*\([<"][^>"]*\)[>"].*/\1/;T;F;p' | paste -d' ' - -) > all

# What of FILE breaks the table.  A bare "name" lies beside the file that includes it.
judge() {
    awk -v libraries="$LIBRARIES" '
        BEGIN { n = split(libraries, l, " "); for (i = 1; i <= n; i++) library[l[i]] = 1 }
        FILENAME == "table" { room[$1] = 1; for (i = 2; i <= NF; i++) may[$1, $i] = 1; next }
        {
            split($1, p, "/")
            from = p[1] == "src" ? "src/" p[2] : p[1]
            name = substr($2, 2)
            to = ""
            if (name ~ /^treewarden\//) to = "api"
            else if (name in library) to = name
            else if ($2 ~ /^"/ && name ~ /\//) { split(name, q, "/"); to = q[1] }
            if (!(from in room)) print $1 ": its room is not in the table"
            else if (to != "" && to != p[2] && to != from && !may[from, "*"] && !may[from, to])
                print $1 " includes " name
        }' table "$1"
}
for room in $(cut -d' ' -f1 table); do
    grep "^$room/" all > one || continue
    is "$(judge one)" "" "$room includes only what it may"
done
is "$(judge all | grep 'not in the table')" "" "every room of the tree is in the table"
[ "$(wc -l < all)" -gt 300 ]; ok $? "the includes were looked at"
printf '%s\n' 'src/core/x.c "sup/rank.h' 'src/sup/x.c "face/face.h' 'src/base/x.c <jansson.h' \
    'jobs/x.c "base/log.h' 'src/core/x.c <mpi.h' 'src/slot/x.c "worker/bell.h' 'src/new/x.c <stdio.h' > forbidden
is "$(judge forbidden | wc -l)" 7 "what the table does not have is refused"

cd "$TW_SRC" || exit 1
is "$(grep -lE 'clock_gettime|pthread_create|nanosleep|fork\(' -r src/core src/slot src/sup src/spec | tr '\n' ' ')" "" \
   "no clock, thread or process behind the ports: core, slot, sup, spec"
unfinished='TO''DO|FIX''ME|XX''X'
is "$(grep -rnE "$unfinished" src mpi jobs tests --include='*.[ch]' \
    --include='*.t' --include='*.sh' | grep -v 'XXXXXX' | head -n 3)" "" "nothing is marked as unfinished"
finish
