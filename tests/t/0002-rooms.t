# a room includes only what the table lets it include, and each library has its room
. "$TW_SRC/tests/lib/live.sh"

# room: the rooms and libraries it may include beside itself and libc; * = all
cat > table <<'TABLE'
src/shared
src/api
src/base     shared
src/slot     shared api
src/core     shared base
src/pool     core shared api
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

# What the rooms that also run on virtual time take from outside of all rooms: no clock, thread, process or descriptor.
ported='core pool slot sup spec emu'
calm='__assert_fail __errno_location __ctype_b_loc abort memcpy memmove memset memcmp memchr memrchr strlen strcmp strncmp
strncpy strcpy strchr strrchr strstr strcspn strspn strdup strerror strtok_r strtoul strtoull strtod snprintf vsnprintf
asprintf sscanf malloc calloc realloc free aligned_alloc qsort bsearch fopen fclose fread fgets ferror feof fprintf
fputs fputc fputs fwrite putc getcontext makecontext swapcontext _GLOBAL_OFFSET_TABLE_ __stack_chk_fail'
reaches() {                     # FILE with the symbols of the rooms: what is not calm, and from no room or library they may use
    sort -u "$1" | sed 's/^__isoc[0-9]*_//; s/^__\(.*\)_chk$/\1/' | grep -vxF -f own | grep -vE '^(yaml_|XXH|__(a|t|ub)san|_ITM|__gmon)' |
        grep -vxF -e "$(echo "$calm" | tr ' ' '\n')" | tr '\n' ' '
}
for lib in "$TW_BUILD"/.libs/lib*.a; do nm -g --defined-only "$lib" 2>/dev/null | awk 'NF == 3 { print $3 }'; done | sort -u >own
for room in $ported; do
    nm -u "$TW_BUILD/.libs/lib$room.a" 2>/dev/null | awk '$1 == "U" { print $2 }' >undefined
    [ -s undefined ] && is "$(reaches undefined)" "" "src/$room reaches nothing behind the ports"
done
printf 'memcpy\nclock_gettime\npthread_create\n__read_chk\nrand\n' >undefined
is "$(reaches undefined)" "read clock_gettime pthread_create rand " "a clock, a thread, a read and a rand are seen"

cd "$TW_SRC" || exit 1
unfinished='TO''DO|FIX''ME|XX''X'
is "$(grep -rnE "$unfinished" src mpi jobs tests --include='*.[ch]' \
    --include='*.t' --include='*.sh' | grep -v 'XXXXXX' | head -n 3)" "" "nothing is marked as unfinished"
finish
