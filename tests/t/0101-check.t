# bad input: one clear line, the right exit code, nothing left behind
. "$TW_SRC/tests/lib/live.sh"
tw=$TREEWARDEN
cp "$TW_BUILD/tests/data/counter.so" .
spec() { printf 'treewarden: 1\nname: %s\n%s' "$1" "$2" > "$1.yaml"; }
spec counter 'supervisor: top
auto_shutdown: any_significant
children: [{actor: counter, restart: transient, significant: true}]
'
out=$(within 20 "$tw" check counter.yaml 2>&1); is $? 0 "a good specification is fine"
says "$out" "fine: 1 supervisor, 1 actor, 0 drills; needs at least 1 rank" "... and says what the job will be"
out=$(within 20 "$tw" check none.yaml 2>&1); is $? 66 "a missing file is exit 66"
says "$out" "none.yaml: cannot be read" "... and named"
spec bad 'program: counter
supervisor: top
intensity: many
children: [{actor: counter, colour: red}]
'
out=$(within 20 "$tw" check bad.yaml 2>&1); is $? 78 "a bad specification is exit 78"
says "$out" "bad.yaml:5:12: intensity:" "... with file, line and column"
says "$out" "bad.yaml:6:29: colour:" "... all errors, not the first"
is "$(within 20 "$tw" check --json bad.yaml 2>&1 | grep -c '"bad.yaml:')" 2 "... as JSON too"
spec unknown 'program: counter
supervisor: top
children: [{actor: teller}]
'
out=$(within 20 "$tw" check unknown.yaml 2>&1); is $? 78 "an unknown actor type is exit 78"
says "$out" "unknown actor type teller" "... and named, with those there are"
spec lone 'program: lone
supervisor: top
children: [{actor: a}]
'
out=$(within 20 "$tw" check lone.yaml 2>&1); is $? 66 "a missing program is exit 66"
says "$out" "treewarden cc" "... with how to build it"
printf 'int nothing;\n' > empty.c && ${CC:-cc} -shared -fPIC empty.c -o lone.so
out=$(within 20 "$tw" check lone.yaml 2>&1); is $? 65 "a library without a program table is exit 65"
says "$out" "TW_PROGRAM" "... and says what is missing"
printf '#include <treewarden/actor.h>\nstatic const struct tw_type t[] = {{"a", 8, 8, 0, 0}};\nconst struct tw_program tw_program = {99, 0, 1, t, 0};\n' > old.c
${CC:-cc} -I"$TW_SRC/src/api" -shared -fPIC old.c -o lone.so
out=$(within 20 "$tw" check lone.yaml 2>&1); is $? 65 "a program of another API version is exit 65"
says "$out" "version 99 of the actor API" "... and says which"
mkdir -p other/treewarden
sed 's/^struct tw_msg {/&\n    uint64_t more;/' "$TW_SRC/src/api/treewarden/actor.h" >other/treewarden/actor.h
printf '#include <treewarden/actor.h>\nstruct a { uint64_t n; };\nTW_INIT(a) { (void)cx; s->n = 0; }\nTW_NO_RECEIVE(a)\nTW_NO_STEP(a)\nTW_PROGRAM(a)\n' >laid.c
${CC:-cc} -std=c11 -Iother -shared -fPIC laid.c -o lone.so
out=$(within 20 "$tw" check lone.yaml 2>&1); is $? 65 "a program whose actor.h was laid out otherwise is exit 65"
says "$out" "lays things out otherwise" "... and says so"
sed 's/counter/lone/; s/actor: lone/actor: counter/' counter.yaml > lone.yaml
head -c 3000 counter.so > lone.so
out=$(within 20 "$tw" check lone.yaml 2>&1); is $? 65 "a program cut short is exit 65, not a SIGBUS"
says "$out" "lone.so: truncated" "... and says so"
rm lone.so && mkdir lone.so
out=$(within 20 "$tw" check lone.yaml 2>&1); is $? 66 "a folder in its place is exit 66"
rmdir lone.so && printf '#include <stdlib.h>\n__attribute__((constructor)) static void f(void) { abort(); }\n' > abort.c
${CC:-cc} -shared -fPIC abort.c -o lone.so
out=$(within 20 "$tw" launch -n 1 lone.yaml 2>&1); is $? 65 "one that dies while it is loaded is exit 65"
says "$out" "died of signal 6" "... and launch says so"
out=$(within 20 "$tw" check -n 1 counter.yaml --set top/counter.count=20 2>&1); is $? 78 "too few slots are exit 78"
says "$out" "too few slots" "... and say what to raise"
out=$(within 20 "$tw" frobnicate 2>&1); is $? 2 "an unknown command is exit 2"
out=$(within 20 "$tw" status 2>&1); is $? 69 "no job to ask is exit 69"
says "$out" "no job of yours runs on this host" "... and says so"
out=$(within 20 "$tw" run counter.yaml --drills 2>&1); is $? 78 "--drills without drills is refused"
mkdir taken && touch taken/x && out=$(within 20 "$tw" run counter.yaml --state-dir taken/x/y 2>&1); is $? 73 "a state directory that cannot be made is exit 73"
for c in $("$tw" --help | sed -n 's/^  \([a-z]*\)  .*/\1/p'); do
    says "$(within 10 "$tw" "$c" --help 2>&1)" "Usage: treewarden $c" "$c --help says how it is used"
done
finish
