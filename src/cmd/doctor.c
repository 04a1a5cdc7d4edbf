/* doctor.c - `treewarden doctor`: what this machine and its MPI can do, and what a job here survives */
#include <argp.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/gpus.h"
#include "cmd/mpirun.h"
#include "mpi/mpi_link.h"
#include "spec/spec.h"
#include "topo/topo.h"

#define PROCESSES_WANTED 512u           /* 8 devices of 32 slots, and what is around them */
#define SHM_WANTED (64u << 20)          /* what Open MPI puts there for some ranks */

struct doctor_args { bool json; unsigned timeout_ms; };

static void place(json_t *device, const struct topo *topo)
{
    const char *pci = json_string_value(json_object_get(device, "pci"));
    struct topo_near near;
    bool found = topo && pci && topo_near_pci(topo, pci, &near) == 0 && near.known;

    if (!topo || !pci)
        return;
    json_object_set_new(device, "units", json_string(near.units));
    json_object_set_new(device, "node", found && near.node >= 0 ? json_integer(near.node) : json_null());
    json_object_set_new(device, "place_known", json_boolean(found));
}

static json_t *look_at_cuda(const struct topo *topo, unsigned timeout_ms)
{
    json_t *cuda = gpus_ask(timeout_ms), *device;
    size_t i;

    json_array_foreach(json_object_get(cuda, "devices"), i, device)
        place(device, topo);
    return cuda;
}

/* -- the rest ------------------------------------------------------------------------------------- */

static json_int_t limit_of(int which)
{
    struct rlimit l;

    return getrlimit(which, &l) != 0 || l.rlim_cur == RLIM_INFINITY ? -1 : (json_int_t)l.rlim_cur;
}

static json_int_t memory_bytes(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);

    return pages > 0 && page > 0 ? (json_int_t)pages * page : -1;
}

static json_int_t shm_bytes(void)
{
    struct statvfs s;

    return statvfs("/dev/shm", &s) == 0 ? (json_int_t)(s.f_bavail * s.f_frsize) : -1;
}

static json_t *look_at_host(const struct topo *topo)
{
    char name[256] = "?";

    (void)gethostname(name, sizeof name - 1);
    return json_pack("{s:s,s:i,s:i,s:i,s:i,s:b,s:I,s:I,s:I,s:I,s:I}", "name", name, "units_allowed",
                     topo ? (int)topo_allowed(topo) : 0, "units", topo ? (int)topo_units(topo) : 0, "packages",
                     topo ? (int)topo_packages(topo) : 0, "nodes", topo ? (int)topo_nodes(topo) : 0, "topology_is_this",
                     topo && topo_is_this(topo), "memory_bytes", memory_bytes(), "shm_free_bytes", shm_bytes(),
                     "processes", limit_of(RLIMIT_NPROC), "open_files", limit_of(RLIMIT_NOFILE), "locked_bytes",
                     limit_of(RLIMIT_MEMLOCK));
}

static void problem(json_t *list, const char *text) { json_array_append_new(list, json_string(text)); }

static json_int_t num(const json_t *o, const char *key) { return json_integer_value(json_object_get(o, key)); }

static json_t *problems_of(const json_t *host, const char *no_mpirun)
{
    json_t *list = json_array();

    if (no_mpirun[0])
        problem(list, no_mpirun);
    if (num(host, "processes") >= 0 && num(host, "processes") < (json_int_t)PROCESSES_WANTED)
        problem(list, "few processes and threads are allowed (ulimit -u), and each slot is a thread: raise the limit");
    if (num(host, "shm_free_bytes") >= 0 && num(host, "shm_free_bytes") < (json_int_t)SHM_WANTED)
        problem(list, "little room in /dev/shm, where ranks of a host talk: free some (a container: --shm-size)");
    return list;
}

/* What this version's jobs live through; see README.md, "What survives what". */
static json_t *survives(void)
{
    return json_pack("{s:[s,s,s,s],s:[s,s,s]}", "in_place", "an actor's failure", "a wedged slot", "a worker's death",
                     "a device that is given up, while its rank has another with free slots", "ends_the_job", "a rank's death",
                     "a host's", "mpirun's");
}

/* -- saying it ------------------------------------------------------------------------------------ */

static const char *get(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));

    return text ? text : "";
}

static void say_limit(const char *before, json_int_t value, const char *unit)
{
    if (value < 0)
        printf("%s%s without limit", before, unit);
    else
        printf("%s%lld %s", before, (long long)value, unit);
}

static void print_device(const json_t *d, size_t ordinal)
{
    const json_t *a = json_object_get(d, "attributes"), *remark;
    size_t i;

    if (!a) {
        printf("  GPU %zu: %s\n", ordinal, get(d, "error"));
        return;
    }
    printf("  GPU %zu: %s, sm_%lld%lld, %lld SMs, %.0f GiB, %s, %s\n", ordinal, get(d, "name"),
           (long long)num(a, "COMPUTE_CAPABILITY_MAJOR"), (long long)num(a, "COMPUTE_CAPABILITY_MINOR"),
           (long long)num(a, "MULTIPROCESSOR_COUNT"), (double)num(d, "bytes") / (1 << 30), get(d, "pci"), get(d, "uuid"));
    if (json_is_true(json_object_get(d, "place_known")))
        printf("    near cores %s", get(d, "units"));
    else
        printf("    the system does not say which cores are near");
    if (json_is_integer(json_object_get(d, "node")))
        printf(", memory node %lld", (long long)num(d, "node"));
    printf("\n");
    json_array_foreach(json_object_get(d, "remarks"), i, remark)
        printf("    %s\n", json_string_value(remark));
    printf("    %s for resident kernels\n", json_is_true(json_object_get(d, "fit")) ? "fit" : "NOT fit");
}

static void print_cuda(const json_t *cuda)
{
    const json_t *device;
    json_int_t version = num(cuda, "version");
    size_t i;

    if (strcmp(get(cuda, "state"), "up") != 0) {
        printf("%s%s\n", get(cuda, "text"), strcmp(get(cuda, "state"), "none") ? "" : "; actors run on host devices");
        return;
    }
    printf("CUDA: a driver for %lld.%lld\n", (long long)(version / 1000), (long long)(version % 1000 / 10));
    json_array_foreach(json_object_get(cuda, "devices"), i, device)
        print_device(device, i);
}

static void print_list(const char *what, const json_t *list)
{
    const json_t *item;
    size_t i;

    printf("%s", what);
    json_array_foreach(list, i, item)
        printf("%s%s", i ? "; " : "", json_string_value(item));
    printf("\n");
}

static void print_doc(const json_t *o)
{
    const json_t *host = json_object_get(o, "host"), *mpi = json_object_get(o, "mpi"), *item;
    const json_t *all = json_object_get(o, "survives");
    size_t i;

    printf("host %s: %lld of %lld cores may be used, %lld packages, %lld memory nodes, %.1f GiB%s\n", get(host, "name"),
           (long long)num(host, "units_allowed"), (long long)num(host, "units"), (long long)num(host, "packages"),
           (long long)num(host, "nodes"), (double)num(host, "memory_bytes") / (1 << 30),
           json_is_true(json_object_get(host, "topology_is_this")) ? "" : " (cores: as HWLOC_XMLFILE describes them)");
    say_limit("limits: ", num(host, "processes"), "processes");
    say_limit(", ", num(host, "open_files"), "open files");
    say_limit(", ", num(host, "locked_bytes"), "bytes of locked memory");
    printf("; /dev/shm has %.1f GiB free\n", (double)num(host, "shm_free_bytes") / (1 << 30));
    printf("MPI: Open MPI %s, %s; %s\n", get(mpi, "version"), get(mpi, "mpirun"),
           json_is_true(json_object_get(mpi, "tells_of_deaths")) ? "it tells the others of a rank's death" :
           "it does not tell of a rank's death: mpirun ends the job then");
    print_cuda(json_object_get(o, "cuda"));
    print_list("survived in place: ", json_object_get(all, "in_place"));
    print_list("the end of the job, with a verdict: ", json_object_get(all, "ends_the_job"));
    json_array_foreach(json_object_get(o, "problems"), i, item)
        printf("PROBLEM: %s\n", json_string_value(item));
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct doctor_args *a = state->input;
    int64_t ms;

    switch (key) {
    case 'j': a->json = true; return 0;
    case 'T':
        ms = spec_duration_ms(arg);
        if (ms <= 0 || ms > INT32_MAX)
            argp_error(state, "--timeout %s: not a duration: write for example 10s", arg);
        a->timeout_ms = (unsigned)ms;
        return 0;
    case ARGP_KEY_ARG: argp_error(state, "it takes no argument"); return 0;
    }
    return ARGP_ERR_UNKNOWN;
}

int cmd_doctor(int argc, char **argv)
{
    static const struct argp_option options[] = {{"json", 'j', NULL, 0, "one JSON document", 0},
                                                 {"timeout", 'T', "TIME", 0, "the CUDA driver may take so long (20s)", 0}, {0}};
    static const struct argp argp = {options, parse, "", "Say what this machine and its MPI can do, and what a job on it "
                                     "survives.\vExit status: 0, or 69 with a PROBLEM that jobs would run into.",
                                     NULL, NULL, NULL};
    struct doctor_args a = {.timeout_ms = GPUS_MS};
    struct topo *topo = NULL;
    struct reason why, no_mpirun = {""};
    const char *mpirun = "none";
    json_t *host, *o;
    int code;

    argp_err_exit_status = EXIT_USAGE;
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    if (topo_open(&topo, &why) != 0)
        fprintf(stderr, "treewarden: doctor: %s\n", why.text);
    host = look_at_host(topo);
    (void)mpirun_find(&mpirun, &no_mpirun);
    o = json_pack("{s:s,s:i,s:o,s:{s:s,s:s,s:b},s:o,s:o,s:o}", "schema", "treewarden.doctor", "version", 1, "host", host,
                  "mpi", "version", TW_MPI_VERSION, "mpirun", mpirun, "tells_of_deaths",
                  mpi_link_may_tell_of_deaths(), "cuda", look_at_cuda(topo, a.timeout_ms), "survives", survives(), "problems",
                  problems_of(host, no_mpirun.text));
    if (a.json) {
        json_dumpf(o, stdout, JSON_INDENT(1));
        putchar('\n');
    } else {
        print_doc(o);
    }
    code = json_array_size(json_object_get(o, "problems")) ? EXIT_UNAVAILABLE : 0;
    json_decref(o);
    topo_close(topo);
    return code;
}
