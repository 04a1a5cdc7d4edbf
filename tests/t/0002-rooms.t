# the rooms import only what the table in doc/design.md allows, so that the picture cannot drift
. "$(dirname "$0")/../lib/t.sh"
cd "$TW_SRC" || exit 1

# room | rooms it may import beside itself
table='
src/base|shared
src/shared|
src/port|shared
src/slot|shared
src/core|shared
src/spec|shared base core
src/store|shared base
src/worker|slot port shared base
src/sup|core port shared base slot spec store
src/face|shared base spec sup
src/emu|core shared base
mpi|port shared base
'
echo "$table" | grep . | while IFS='|' read -r room allowed; do
    own=$(basename "$room")
    bad=$(grep -hoE '^#include "[a-z0-9]+/' "$room"/*.[ch] | sed 's/.*"//; s,/,,' | sort -u |
          grep -vxE "$own|$(echo "$allowed" | tr ' ' '|')" | tr '\n' ' ')
    echo "$room imports: ${bad:-fine}"
done > "$DIR/rooms"
is "$(grep -v 'fine$' "$DIR/rooms")" "" "every room imports only its own and the allowed ones"
is "$(wc -l < "$DIR/rooms" | tr -d ' ')" 12 "all rooms were looked at"
only() { # HEADER ROOMS-PATTERN
    is "$(grep -lE "#include *[<\"]$1" -r src mpi kernels 2>/dev/null | grep -vE "$2" | tr '\n' ' ')" "" "<$1> only where it may be"
}
only mpi.h '^mpi/'
only yaml.h '^src/spec/'
only hwloc '^src/topo/'
only jansson.h '^src/(face|store|cmd)/'
only xxhash.h '^src/spec/'
only cuda '^kernels/'
is "$(grep -lE 'clock_gettime|pthread_create|nanosleep|fork\(' -r src/core src/slot src/sup src/spec 2>/dev/null | tr '\n' ' ')" "" \
   "no clock, thread or process behind the ports: core, slot, sup, spec"
is "$(grep -rnE 'TODO|FIXME|XXX' src mpi jobs 2>/dev/null | head -3)" "" "nothing is marked as unfinished"
finish
