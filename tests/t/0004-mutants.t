# the bugs of tests/mutants are ready to be planted: each still applies to the tree, and its tests are there
. "$TW_SRC/tests/lib/live.sh"
cp -r "$TW_SRC/src" "$TW_SRC/mpi" "$TW_SRC/kernels" "$TW_SRC/jobs" "$TW_SRC/tests" . && chmod -R u+w . && mutate=$DIR/tests/mutate
out=$(within 60 bash "$mutate" --check 2>&1); is $? 0 "every bug applies"
printf '%s\n' "$out" | note
list=$(within 20 bash "$mutate" --list); is $? 0 "--list shows them"
is "$(printf '%s\n' "$list" | wc -l) bugs, all apply" "$out" "... all of them"
name=$(printf '%s\n' "$list" | sed -n '1s/ .*//p') file=$(printf '%s\n' "$list" | awk 'NR == 1 { print $2 }')
is "$(within 20 bash "$mutate" --list "$name" | awk '{ print $1 }')" "$name" "... or those that are named"
out=$(within 20 bash "$mutate" --check no-such-bug 2>&1); is $? 1 "a name that is none is said"
echo 'int nothing;' >"$file"
out=$(within 20 bash "$mutate" --check "$name" 2>&1); is $? 1 "a bug whose text has gone is an error"
says "$out" "$name does not apply: its text is not in $file" "... and named, with its file"
printf '@ x %s no-such-test\n-int nothing;\n+int x;\n' "$file" >tests/mutants
out=$(within 20 bash "$mutate" --check 2>&1); is $? 1 "a test that is not there is an error"
says "$out" "x: there is no test no-such-test" "... and named"
finish
