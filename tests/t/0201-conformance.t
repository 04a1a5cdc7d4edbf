# the engine does what OTP's supervisor does, in the order it does it: recorded traces, byte for byte
. "$TW_SRC/tests/lib/live.sh"
for f in "$TW_SRC"/tests/conformance/*.scn; do
    within 20 "$TREEWARDEN" simulate --scenario "$f" > got 2>&1
    cmp -s got "${f%.scn}.exp"; ok $? "$(basename "$f" .scn)"
    cmp -s got "${f%.scn}.exp" || diff got "${f%.scn}.exp" | head -n 5 | sed 's/^/# /'
done

# What is wrong is said before anything runs, with its line.
refused() {                     # WANT SENTENCE, and the scenario as printf's arguments
    want=$1 sentence=$2
    shift 2
    printf "$@" >bad.scn
    within 20 "$TREEWARDEN" simulate --scenario bad.scn >got 2>said
    [ $? -eq 65 ] && [ ! -s got ] && grep -qF -e "treewarden: bad.scn:$want" said
    ok $? "$sentence" || note <said
}
root='sup root parent=-'
refused '2: parent: c: no supervisor of that name' "an unknown parent" '%s\nworker b parent=c\n' "$root"
refused '3: parent: b:' "a worker as parent" '%s\nworker b parent=root\nworker c parent=b\n' "$root"
refused '2: id: root: stands twice' "an id that stands twice" '%s\nworker root parent=root\n' "$root"
refused '2: x: without a parent' "a second root" '%s\nsup x parent=-\n' "$root"
refused '1: x: without a parent' "a worker as root" 'worker x parent=-\n'
refused '1: no supervisor: nothing to run' "no tree" '# nothing\n'
refused '2: name: A: not one' "a name with a capital" '%s\nworker A parent=root\n' "$root"
refused '2: id: a.1:' "an instance's name for a worker" '%s\nworker a.1 parent=root\n' "$root"
refused '1: key of a sup: strateggy: not known' "a key that is not known" '%s strateggy=one_for_all\n' "$root"
refused '2: key of a worker: intensity' "a sup's key for a worker" '%s\nworker a parent=root intensity=2\n' "$root"
refused '1: strategy: one: write one of one_for_one' "a value that is not known" '%s strategy=one\n' "$root"
refused '1: intensity: inf: write a number' "a number that is none" '%s intensity=inf\n' "$root"
refused '1: period: 0: write a number from 1' "a period of nothing, which OTP refuses" '%s period=0\n' "$root"
refused '2: not KEY=VALUE: restart' "a key without a value" '%s\nworker a parent=root restart\n' "$root"
refused '1: simple_one_for_one: root: it has no child' "a pool without a template" '%s strategy=simple_one_for_one\n' "$root"
refused '3: parent: root: a simple_one_for_one has one child' "a pool with two templates" '%s strategy=simple_one_for_one\nworker a parent=root\nworker b parent=root\n' "$root"
refused '3: parent: t: a scenario has no pool below' "a pool below a pool" '%s strategy=simple_one_for_one\nsup t parent=root\nsup u parent=t strategy=simple_one_for_one\n' "$root"
refused '4: failstart: t.1: a supervisor' "an instance that is a branch told to fail its start" '%s strategy=simple_one_for_one\nsup t parent=root\nworker a parent=t\ndo failstart t.1 1\n' "$root"
refused '2: name: x: no sup, worker or do start declares it' "an event of nobody" '%s\ndo fail x\n' "$root"
refused '2: do: dance: not known' "an event that is not known" '%s\ndo dance root\n' "$root"
refused '2: do: exit: incomplete' "an event that is not complete" '%s\ndo exit root\n' "$root"
refused '2: do: kill: too many words' "an event with a word too many" '%s\ndo kill root now\n' "$root"
refused '2: reason: badly: write one of normal' "a reason that is not known" '%s\ndo exit root badly\n' "$root"
refused '2: do: sleep: cannot stand in another' "a sleep in a together" '%s\ndo together sleep:5\n' "$root"
refused '2: together: count: no death' "a question in a together" '%s\ndo together count:root\n' "$root"
refused '2: failstart: root: a supervisor' "a supervisor told to fail its start" '%s\ndo failstart root 1\n' "$root"
refused '3: worker: after the first event' "a declaration after an event" '%s\ndo kill root\nworker a parent=root\n' "$root"
refused '1: do: before any supervisor' "an event before the tree" 'do count root\n%s\n' "$root"
refused '2: line: too long' "a line without end" '%s\ndo count %5000d\n' "$root" 1
within 20 "$TREEWARDEN" simulate --scenario nowhere.scn 2>said; is $? 66 "a file that is not there is exit 66"
printf 'tags x\n%s\n\n  # nothing\nnote: do not read\n' "$root" >one.scn
within 20 "$TREEWARDEN" simulate --scenario one.scn >got; is $? 0 "lines of other words are not read"

# as JSON
printf '%s\nworker a parent=root\ndo fail a\ndo which root\ndo fail a\ndo count a\ndo kill root\ndo fail a\n' "$root" >one.scn
within 20 "$TREEWARDEN" simulate --json --scenario one.scn >got
cat >want <<'J'
{"line":"at","at":"boot"}
{"line":"begin","vertex":"root"}
{"line":"start","vertex":"a","starts":1}
{"line":"start","vertex":"root","starts":1}
{"line":"at","at":1,"event":"fail a"}
{"line":"exit","vertex":"a","starts":1,"class":"abnormal"}
{"line":"start","vertex":"a","starts":2}
{"line":"at","at":2,"event":"which root"}
{"line":"which","vertex":"root","children":{"a":"running"}}
{"line":"at","at":3,"event":"fail a"}
{"line":"exit","vertex":"a","starts":2,"class":"abnormal"}
{"line":"giveup","vertex":"root","why":"intensity"}
{"line":"down","vertex":"root","starts":1,"class":"shutdown"}
{"line":"tree_down","class":"shutdown"}
{"line":"at","at":4,"event":"count a"}
{"line":"noop","why":"tree_down"}
{"line":"at","at":5,"event":"kill root"}
{"line":"noop","why":"tree_down"}
{"line":"at","at":6,"event":"fail a"}
{"line":"noop","why":"tree_down"}
{"line":"at","at":"final"}
{"line":"final","state":"down"}
J
cmp -s got want; ok $? "--json gives each line as an object" || diff got want | note
finish
