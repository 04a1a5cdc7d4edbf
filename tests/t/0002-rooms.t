# 0002-rooms.t - a room includes only what the table lets it include, and each library has its room
. "$TW_SRC/tests/lib/t.sh"

# room: rooms and libraries it may include beside itself and libc
cat >"$t_dir/table" <<'TABLE'
src/shared
src/base     shared
src/slot     shared api
src/core     shared base
src/port     shared slot
src/sup      core port shared base spec store slot
src/spec     shared base yaml.h xxhash.h
src/topo     shared base hwloc.h
src/store    shared base jansson.h sqlite3.h
src/worker   slot port shared base api
src/emu      slot port shared base core
src/face     sup shared base jansson.h microhttpd.h ncurses.h
src/api      shared slot
mpi          port shared base mpi.h mpi-ext.h
kernels      slot worker port shared base api cuda.h
src/cmd      *
jobs         api png.h
TABLE

# Each include as "file room-or-library"; a bare name is a file beside the one that includes it.
includes() {
    (cd "$TW_SRC" && find src mpi kernels jobs -name '*.[ch]' -o -name '*.cu' -o -name '*.cuh') 2>/dev/null |
        sort | while read -r file; do
            sed -n 's/^[ \t]*#[ \t]*include[ \t]*\([<"][^>"]*\)[>"].*/\1/p' "$TW_SRC/$file" | sed "s|^|$file |"
        done
}

LIBRARIES='yaml.h xxhash.h hwloc.h sqlite3.h jansson.h microhttpd.h ncurses.h mpi.h mpi-ext.h cuda.h png.h'
includes >"$t_dir/all"
judge() {
    awk -v libraries="$LIBRARIES" '
        FILENAME ~ /table$/ { for (i = 2; i <= NF; i++) may[$1, $i] = 1; room[$1] = 1; next }
        BEGIN { n = split(libraries, l, " "); for (i = 1; i <= n; i++) library[l[i]] = 1 }
        {
            split($1, p, "/")
            from = p[1] == "src" ? "src/" p[2] : p[1]
            quoted = substr($2, 1, 1) == "\""
            name = substr($2, 2)
            to = ""
            if (!(from in room)) { print $1 ": its room is not in the table"; next }
            if (name ~ /^treewarden\//) to = "api"
            else if (name in library) to = name
            else if (quoted && name ~ /\//) { split(name, q, "/"); to = q[1] }
            if (to == "" || may[from, "*"] || may[from, to] || from == "src/" to || from == to) next
            print $1 " includes " name ": " from " may not import " to
        }' "$t_dir/table" "$1"
}

[ "$(wc -l <"$t_dir/all")" -gt 100 ]
ok $? "there are includes to look at"
for room in $(awk '{ print $1 }' "$t_dir/table"); do
    grep "^$room/" "$t_dir/all" >"$t_dir/one" || continue
    judge "$t_dir/one" >"$t_dir/bad"
    [ ! -s "$t_dir/bad" ]
    ok $? "$room imports what the table allows" || note <"$t_dir/bad"
done
cut -d' ' -f1 "$t_dir/all" | awk -F/ '{ print $1 == "src" ? "src/" $2 : $1 }' | sort -u >"$t_dir/rooms"
strange=$(awk '{ print $1 }' "$t_dir/table" | grep -vxF -f - "$t_dir/rooms")
is "$strange" "" "every room of the tree is in the table"

# The judge itself: what it must refuse, it refuses.
printf '%s\n' 'src/core/x.c "sup/rank.h' 'src/sup/x.c "face/face.h' 'src/base/x.c <jansson.h' 'jobs/x.c "base/log.h' \
    'src/core/x.c <mpi.h' >"$t_dir/forbidden"
is "$(judge "$t_dir/forbidden" | wc -l)" 5 "an include the table does not have is refused"

done_testing
