# doc/supervision.md: every rule is there, and what is to hold it exists
. "$TW_SRC/tests/lib/live.sh"
doc=$TW_SRC/doc/supervision.md
grep -ohE '^\| [SRIGAM][0-9]+ .*' "$doc" >rules
is "$(cut -d' ' -f2 rules | tr '\n' ' ')" "$(echo S1 S2 S3 S4 S5 S6 R1 R2 R3 R4 R5 R6 R7 R8 R9 R10 I1 I2 I3 I4 I5 I6 G1 G2 G3 G4 A1 A2 A3 A4 A5 M1 M2 M3 M4) " \
    "each rule has its line, in order"
while read -r _ tag rest; do
    held=${rest%|} held=${held##*|} missing=
    for name in $held; do
        case $name in
            tests/*) grep -q "$name" "$TW_SRC/Makefile.am" && [ -e "$TW_SRC/$name" ] ;;
            *) ls "$TW_SRC/tests/conformance/$name"-*.scn "$TW_SRC/tests/conformance/$name"-*.exp >/dev/null 2>&1 ;;
        esac || missing="$missing $name"
    done
    [ -n "${held// /}" ] && [ -z "$missing" ]; ok $? "$tag is held by$held" || echo "not there:$missing" | note
done <rules
is "$(grep -ohE '\b[SRIGAM][0-9]+\b' "$TW_SRC"/src/core/suptree*.c | sort -u | grep -vxF -f <(cut -d' ' -f2 rules))" "" \
    "the engine names no rule that is not there"
finish
