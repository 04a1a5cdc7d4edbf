# doctor: what a machine is said to be able to do; the driver is one that says what the test wants
. "$TW_SRC/tests/lib/live.sh"
doctor() { within 60 env "$@" "$TREEWARDEN" doctor; }
fake() { doctor LD_LIBRARY_PATH="$TW_BUILD/tests/fake-cuda" FAKE_CUDA="$*"; }

out=$(doctor LD_LIBRARY_PATH=); ok $? "a machine that runs these tests is well"
says "$out" "host $(hostname): " "... it is named"
says "$out" "cores may be used" "... with its cores"
says "$out" "MPI: Open MPI " "... its MPI"
says "$out" "survived in place: an actor's failure" "... and what a job on it survives"
if [ ! -e /dev/nvidiactl ]; then
    says "$out" "CUDA: no driver (libcuda.so.1) is installed here; actors run on host devices" "without a driver one line says so"
fi
within 60 "$TREEWARDEN" doctor --json >doc; is $? 0 "--json is one document"
says "$(cat doc)" '"schema": "treewarden.doctor"' "... with its schema"
out=$(doctor TREEWARDEN_MPIRUN=/nowhere/mpirun 2>&1); is $? 69 "without mpirun the exit status is 69"
says "$out" "PROBLEM: /nowhere/mpirun: no mpirun there" "... and it says so"
out=$(within 60 "$TREEWARDEN" doctor now 2>&1); is $? 2 "it takes no argument"

out=$(fake devices=2); ok $? "a machine with two GPUs"
says "$out" "CUDA: a driver for 13.0" "... has a driver of a version"
says "$out" "GPU 1: Fake GPU 1, sm_90, 132 SMs, 80 GiB, 0000:3C:00.0, GPU-a5a5a5a5-a5a5-a5a5-a5a5-a5a5a5a5a501" \
    "... and says what they are"
is "$(echo "$out" | grep -c '^    fit for resident kernels')" 2 "... both of use"
is "$(fake devices=0 | grep -c GPU)" 0 "a driver without devices has none"
reason() { says "$(fake "$1")" "$2" "$3"; }
reason init=34 "CUDA: the libcuda.so.1 found is the toolkit's stub" "the stub that one links with is no driver"
reason init=100 "a driver, but no device that this process may see: look at CUDA_VISIBLE_DEVICES" "a driver that shows no device says so"
reason init=803 "of different versions" "a driver that does not fit its module says so"
reason init=1234 "CUDA: the driver does not start: ? (1234)" "any other refusal has its number"
reason lacks=cuDeviceGetUuid "this driver has no cuDeviceGetUuid: update it" "an old driver is told apart"
says "$(within 30 env LD_LIBRARY_PATH="$TW_BUILD/tests/fake-cuda" FAKE_CUDA=hangs=cuInit "$TREEWARDEN" doctor --timeout 200ms)" \
    "has not answered for 200 ms: a device may be broken" "a driver that hangs is not waited for"
reason dies=1 "the process that asks the driver died of it" "a driver that ends its process ends no more than that"
unfit() {
    out=$(fake "$1")
    says "$out" "$2" "$3"
    says "$out" "NOT fit for resident kernels" "... and it is not used"
}
unfit MPS_ENABLED=1 "MPS shares its contexts" "a device under MPS is told"
unfit KERNEL_EXEC_TIMEOUT=1 "watchdog ends long kernels" "one with a display's watchdog"
unfit COOPERATIVE_LAUNCH=0 "no promise of progress" "one without cooperative launch"
unfit COMPUTE_MODE=2 "Prohibited" "one that nobody may use"
unfit COMPUTE_CAPABILITY_MAJOR=7 "older than sm_80" "an old one"
out=$(fake COMPUTE_MODE=3)
says "$out" "no second worker can stand by" "exclusive mode is told"
says "$out" "    fit for resident kernels" "... and no reason not to use it"

# where they hang, on machines that are described
near() { fake_at=$1; shift; doctor HWLOC_XMLFILE="$TW_SRC/tests/data/topology/$fake_at" LD_LIBRARY_PATH="$TW_BUILD/tests/fake-cuda" \
    FAKE_CUDA="$*"; }
out=$(near two-sockets.xml devices=2)
is "$(echo "$out" | grep -A1 'GPU 0' | tail -1)" "    near cores 0-3, memory node 0" "a GPU is near the cores of its socket"
is "$(echo "$out" | grep -A1 'GPU 1' | tail -1)" "    near cores 4-7, memory node 1" "... and another near others"
says "$out" "8 of 8 cores may be used, 2 packages, 2 memory nodes" "the machine described is the one that is told of"
says "$(near two-sockets.xml pci=0000:77:00.0)" "the system does not say which cores are near" "one that is not in the description is nowhere"
says "$(near guest.xml)" "the system does not say which cores are near" "a guest that hangs all at its top says nothing"
near none.xml >/dev/null; ok $? "a description that is not there stops nobody"
finish
