/* cc.c - `treewarden cc FILE.c`: an actor program for hosts and, with --cuda, for GPUs */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "shared/rc.h"
#include "worker/program.h"

#define WORDS_MAX 64

struct cc_args {
    const char *file, *out_dir, *cc;
    const char *extra[WORDS_MAX];
    int extra_count;
    bool cuda, quiet, json;
    unsigned threads;               /* of a block */
    const char *sm;                 /* architectures: 80,90 */
    json_t *built, *device;         /* borrowed; NULL without --json */
};

/* Run a program, what it says into a file unless NULL; its exit status, 127 if there is none of that name. */
static int run_program(char *const *argv, const char *said)
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        int fd = said ? open(said, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;

        if (fd >= 0) {
            dup2(fd, STDOUT_FILENO);
            dup2(fd, STDERR_FILENO);
        }
        execvp(argv[0], argv);
        _exit(127);
    }
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return 127;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* actor.h beside an installed program (PREFIX/bin, PREFIX/include), wherever PREFIX was moved; else that of this
 * build's source tree, else where it was to be installed. */
static const char *include_dir(void)
{
    static char beside[4200];
    char header[4300];
    ssize_t n = readlink("/proc/self/exe", beside, sizeof beside - 32);

    for (int up = 0; up < 2 && n > 0; up++) {
        beside[n] = '\0';
        n = strrchr(beside, '/') ? strrchr(beside, '/') - beside : 0;
    }
    if (n > 0) {
        strcpy(beside + n, "/include");
        snprintf(header, sizeof header, "%s/treewarden/actor.h", beside);
        if (access(header, R_OK) == 0)
            return beside;
    }
    return access(TW_SRCDIR "/src/api/treewarden/actor.h", R_OK) == 0 ? TW_SRCDIR "/src/api" : TW_INCLUDEDIR;
}

static void output_name(const struct cc_args *a, const char *suffix, char *out, size_t room)
{
    const char *slash = strrchr(a->file, '/'), *base = slash ? slash + 1 : a->file;
    int stem = (int)(strlen(base) - 2);

    if (a->out_dir)
        snprintf(out, room, "%s/%.*s%s", a->out_dir, stem, base, suffix);
    else
        snprintf(out, room, "%.*s%.*s%s", slash ? (int)(slash + 1 - a->file) : 0, a->file, stem, base, suffix);
}

static void did_build(const struct cc_args *a, const char *file, const char *remark)
{
    if (a->built)
        json_array_append_new(a->built, json_string(file));
    else if (!a->quiet)
        printf("%s%s\n", file, remark);
}

static int build_host(const struct cc_args *a)
{
    char include[4200], out[4200];
    const char *words[WORDS_MAX + 16] = {a->cc, "-std=c11", "-O2", "-ffp-contract=off", "-fPIC", "-shared",
                                         "-Wall", "-Wextra", include, a->file, "-o", out};
    int n = 12, rc;

    snprintf(include, sizeof include, "-I%s", include_dir());
    output_name(a, ".so", out, sizeof out);
    for (int i = 0; i < a->extra_count; i++)
        words[n++] = a->extra[i];
    rc = run_program((char *const *)(void *)words, NULL);
    if (rc == 127) {
        fprintf(stderr, "treewarden: cc: no compiler %s: install gcc or set CC\n", a->cc);
        return EXIT_UNAVAILABLE;
    }
    if (rc != 0) {
        fprintf(stderr, "treewarden: cc: %s: the compiler refused it: mend what it says above\n", a->file);
        return EXIT_DATA;
    }
    did_build(a, out, "");
    return 0;
}

/* -- device code: what the compiler says of the resident kernel ------------------------------------- */

/* CUDA Programming Guide, compute capabilities 8.0 to 10.0. */
#define SM_REGISTERS 65536u
#define SM_REGISTER_UNIT 256u           /* a warp gets a multiple of it */
#define SM_THREADS 2048u
#define SM_BLOCKS 32u
#define STACK_MOST 1024u                /* every thread of the device sets as much aside */

#define ARCHS 8u                        /* of one file */
#define ARCHS_USUAL "80,90,100"

struct device_code { unsigned arch, registers, stack_bytes, spill_bytes, shared_bytes; };

static unsigned slots_per_sm(const struct device_code *d, unsigned threads)
{
    unsigned warp = (d->registers * 32 + SM_REGISTER_UNIT - 1) / SM_REGISTER_UNIT * SM_REGISTER_UNIT;
    unsigned blocks = warp ? SM_REGISTERS / (warp * (threads / 32)) : SM_BLOCKS;

    blocks = blocks < SM_THREADS / threads ? blocks : SM_THREADS / threads;
    return blocks < SM_BLOCKS ? blocks : SM_BLOCKS;
}

/* The whole number that stands before a text; `otherwise` if the line has no such text. */
static unsigned number_before(const char *line, const char *text, unsigned otherwise)
{
    const char *at = strstr(line, text);

    while (at && at > line && at[-1] != ' ')
        at--;
    return at ? (unsigned)atoi(at) : otherwise;
}

/* From what ptxas prints, function by function; spills of all of them count.  Returns how many architectures. */
static unsigned read_figures(FILE *f, struct device_code *ret)
{
    char line[1024], name[512];
    unsigned n = 0, a, b, c;
    bool kernel = false;
    const char *at;

    while (fgets(line, sizeof line, f)) {
        if ((at = strstr(line, "Compiling entry function 'tw_resident' for 'sm_")) && n < ARCHS)
            ret[n++] = (struct device_code){.arch = (unsigned)atoi(strstr(at, "sm_") + 3)};
        if (n == 0)
            continue;
        if ((at = strstr(line, "Function properties for ")) && sscanf(at + 24, "%511s", name) == 1)
            kernel = !strcmp(name, "tw_resident");
        if (sscanf(line, " %u bytes stack frame, %u bytes spill stores, %u bytes spill loads", &a, &b, &c) == 3) {
            ret[n - 1].spill_bytes += b + c;
            ret[n - 1].stack_bytes = a > ret[n - 1].stack_bytes ? a : ret[n - 1].stack_bytes;
        }
        if (!kernel)
            continue;
        ret[n - 1].registers = number_before(line, " registers", ret[n - 1].registers);
        ret[n - 1].stack_bytes = number_before(line, " bytes cumulative stack size", ret[n - 1].stack_bytes);
        ret[n - 1].shared_bytes = number_before(line, " bytes smem", ret[n - 1].shared_bytes);
    }
    return n;
}

static int tell_figures(const struct cc_args *a, const struct device_code *d, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        unsigned slots = slots_per_sm(&d[i], a->threads);

        if (a->device)
            json_array_append_new(a->device, json_pack("{s:i,s:i,s:i,s:i,s:i,s:i,s:i}", "sm", (int)d[i].arch, "registers",
                                  (int)d[i].registers, "stack_bytes", (int)d[i].stack_bytes, "spill_bytes",
                                  (int)d[i].spill_bytes, "shared_bytes", (int)d[i].shared_bytes, "threads",
                                  (int)a->threads, "slots_per_sm", (int)slots));
        else if (!a->quiet)
            printf("  sm_%u: %u registers, %u bytes of stack, %u of spills: %u slots of %u threads on an SM\n", d[i].arch,
                   d[i].registers, d[i].stack_bytes, d[i].spill_bytes, slots, a->threads);
        if (d[i].stack_bytes > STACK_MOST) {
            fprintf(stderr, "treewarden: cc: %s: sm_%u: a thread would need %u bytes of stack, and each on the device has to "
                    "set them aside: %u are the most: keep large arrays in the state\n", a->file, d[i].arch,
                    d[i].stack_bytes, STACK_MOST);
            return EXIT_DATA;
        }
    }
    return 0;
}

/* -- device code: building it ------------------------------------------------------------------------ */

/* The sources of the resident kernel, found as actor.h is. */
static const char *device_dir(bool *ret_installed)
{
    static char beside[4300];
    char header[4400];

    snprintf(beside, sizeof beside, "%s/../share/treewarden/device", include_dir());
    snprintf(header, sizeof header, "%s/kernels/resident.cuh", beside);
    *ret_installed = access(header, R_OK) == 0;
    return *ret_installed ? beside : TW_SRCDIR;
}

static bool is_wanted(const char *list, unsigned arch)
{
    for (; *list; list += strcspn(list, ","), list += *list == ',')
        if ((unsigned)atoi(list) == arch)
            return true;
    return false;
}

/* Which of those wanted this nvcc knows, in its order. */
static unsigned known_archs(const char *nvcc, const char *wanted, unsigned *ret)
{
    char command[4200], line[256];
    unsigned n = 0, arch;
    FILE *f;

    snprintf(command, sizeof command, "'%s' --list-gpu-arch 2>/dev/null", nvcc);
    f = popen(command, "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "compute_%u", &arch) == 1 && is_wanted(wanted, arch) && n < ARCHS)
            ret[n++] = arch;
    if (f)
        pclose(f);
    return n;
}

/* The program's source and the kernel behind it, as one file. */
static int write_unit(const struct cc_args *a, char *path)
{
    char *source = realpath(a->file, NULL);
    int fd = source ? mkstemps(path, 3) : -1;

    if (fd >= 0) {
        dprintf(fd, "#include \"%s\"\n#include \"kernels/resident.cuh\"\n", source);
        close(fd);
    }
    free(source);
    return fd >= 0 ? 0 : -1;
}

static void show(const char *path)
{
    char line[1024];
    FILE *f = fopen(path, "r");

    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "ptxas info", 10) != 0)
            fputs(line, stderr);
    if (f)
        fclose(f);
}

static int compile(const struct cc_args *a, const char *nvcc, const unsigned *arch, unsigned n, const char *unit,
                   const char *said, const char *out)
{
    char flag[ARCHS + 1][80], include[3][4400], threads[40];
    const char *words[WORDS_MAX] = {nvcc, "-x", "cu", "-std=c++17", "-fatbin", "--fmad=false", "--prec-div=true",
                                    "--prec-sqrt=true", "--ftz=false", "-Xptxas", "-v", threads};
    bool installed;
    const char *device = device_dir(&installed);
    int count = 12;

    snprintf(threads, sizeof threads, "-DTW_THREADS=%u", a->threads);
    snprintf(include[0], sizeof include[0], "-I%s", include_dir());
    snprintf(include[1], sizeof include[1], "-I%s", device);
    snprintf(include[2], sizeof include[2], "-I%s%s", device, installed ? "" : "/src");
    for (unsigned i = 0; i < n; i++)
        snprintf(flag[i], sizeof flag[i], "-gencode=arch=compute_%u,code=sm_%u", arch[i], arch[i]);
    snprintf(flag[n], sizeof flag[n], "-gencode=arch=compute_%u,code=compute_%u", arch[n - 1], arch[n - 1]);
    for (unsigned i = 0; i <= n; i++)
        words[count++] = flag[i];
    for (int i = 0; i < 3; i++)
        words[count++] = include[i];
    words[count++] = unit;
    words[count++] = "-o";
    words[count++] = out;
    return run_program((char *const *)(void *)words, said);
}

static int judge(const struct cc_args *a, const char *said, const char *out, int rc)
{
    struct device_code code[ARCHS];
    FILE *f = rc == 0 ? fopen(said, "r") : NULL;
    unsigned n = f ? read_figures(f, code) : 0;

    if (f)
        fclose(f);
    if (rc != 0) {
        show(said);
        fprintf(stderr, "treewarden: cc: %s: nvcc refused it: actor.h says what the common subset of C11 and CUDA C++17 "
                "is\n", a->file);
        return EXIT_DATA;
    }
    did_build(a, out, " (device code)");
    return tell_figures(a, code, n);
}

/* What an earlier --cuda made of what may have been another source: a job would run that on GPUs. */
static void drop_device(const struct cc_args *a)
{
    char out[4200];

    output_name(a, ".fatbin", out, sizeof out);
    if (unlink(out) == 0 && !a->quiet)
        fprintf(stderr, "treewarden: cc: %s removed: it was of an earlier build: --cuda builds both\n", out);
}

static int build_device(const struct cc_args *a)
{
    char out[4200], unit[4300], said[4400];
    const char *named = getenv("NVCC"), *nvcc = named && named[0] ? named : "nvcc";
    unsigned arch[ARCHS], n = known_archs(nvcc, a->sm, arch);
    int code, rc;

    if (n == 0) {
        fprintf(stderr, "treewarden: cc: --cuda: no nvcc found that knows any of sm_%s: put it into PATH or set NVCC\n", a->sm);
        return EXIT_UNAVAILABLE;
    }
    output_name(a, ".fatbin", out, sizeof out);
    snprintf(unit, sizeof unit, "%s.XXXXXX.cu", out);
    if (write_unit(a, unit) != 0) {
        fprintf(stderr, "treewarden: cc: %s: no file can be made beside it: %s: give --output-dir\n", out, strerror(errno));
        return EXIT_CANTCREAT;
    }
    snprintf(said, sizeof said, "%s.said", unit);
    rc = compile(a, nvcc, arch, n, unit, said, out);
    code = judge(a, said, out, rc);
    unlink(unit);
    unlink(said);
    return code;
}

/* What is wrong with its table is wrong with its code for GPUs as well, and that would be found there late. */
static int see_program(const struct cc_args *a)
{
    const struct tw_program *table;
    struct reason why;
    char so[4200];
    uint64_t hash;
    int fd = -1, rc;

    output_name(a, ".so", so, sizeof so);
    rc = program_image(so, &fd, &hash, &why);
    if (rc == 0)
        rc = program_open(so, fd, &table, &why);
    if (fd >= 0)
        close(fd);
    return rc == 0 ? 0 : say(EXIT_DATA, &why);
}

static int build(const struct cc_args *a)
{
    size_t n = strlen(a->file);
    int code;

    if (n < 3 || strcmp(a->file + n - 2, ".c") != 0 || access(a->file, R_OK) != 0) {
        fprintf(stderr, "treewarden: cc: %s: %s\n", a->file,
                access(a->file, R_OK) ? "cannot be read: check the name" : "not a .c file: give the source");
        return EXIT_NOINPUT;
    }
    code = build_host(a);
    if (code == 0 && a->cuda)
        code = see_program(a);
    else if (code == 0)
        drop_device(a);
    return code || !a->cuda ? code : build_device(a);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct cc_args *a = state->input;
    char *end;

    switch (key) {
    case 'o': a->out_dir = arg; return 0;
    case 'c': a->cuda = true; return 0;
    case 'n': a->cuda = false; return 0;
    case 'q': a->quiet = true; return 0;
    case 'j': a->json = true; return 0;
    case 's':
        if (arg[0] == '\0' || arg[strspn(arg, "0123456789,")] != '\0')
            argp_error(state, "--sm %s: not a list of numbers: write for example --sm 80,90", arg);
        a->sm = arg;
        return 0;
    case 't':
        a->threads = (unsigned)strtoul(arg, &end, 10);
        if (*end || a->threads < 32 || a->threads > 1024 || a->threads % 32)
            argp_error(state, "--threads %s: not a multiple of 32 from 32 to 1024", arg);
        return 0;
    case ARGP_KEY_ARG:
        if (!a->file)
            a->file = arg;
        else if (a->extra_count == WORDS_MAX)
            argp_error(state, "more than %d flags", WORDS_MAX);
        else
            a->extra[a->extra_count++] = arg;
        return 0;
    case ARGP_KEY_NO_ARGS: argp_error(state, "which source? give FILE.c"); return 0;
    }
    return ARGP_ERR_UNKNOWN;
}

int cmd_cc(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"output-dir", 'o', "DIR", 0, "where FILE.so goes (beside FILE.c)", 0},
        {"cuda", 'c', NULL, 0, "device code, too", 0},
        {"threads", 't', "N", 0, "threads of a block on a device (128)", 0},
        {"sm", 's', "LIST", 0, "for these architectures (" ARCHS_USUAL "), and PTX for the last", 0},
        {"no-cuda", 'n', NULL, 0, "no device code, which is the default", 0},
        {"json", 'j', NULL, 0, "one JSON document", 0},
        {"quiet", 'q', NULL, 0, "do not name what was built", 0},
        {0}};
    static const struct argp argp = {options, parse, "FILE.c [-- FLAG...]",
        "Build an actor program: FILE.so, and with --cuda FILE.fatbin, which takes nvcc.  Flags go to the host compiler.",
        NULL, NULL, NULL};
    struct cc_args a = {.cc = getenv("CC"), .threads = 128, .sm = ARCHS_USUAL};
    json_t *doc;
    int code;

    argp_err_exit_status = EXIT_USAGE;
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    if (!a.cc || !a.cc[0] || strchr(a.cc, ' '))
        a.cc = "cc";
    if (!a.json)
        return build(&a);
    a.built = json_array();
    a.device = json_array();
    doc = json_pack("{s:s,s:i,s:s,s:o,s:o}", "schema", "treewarden.cc", "version", 1, "file", a.file, "built", a.built,
                    "device", a.device);
    code = build(&a);
    json_object_set_new(doc, "exit", json_integer(code));
    json_dumpf(doc, stdout, JSON_INDENT(1));
    putchar('\n');
    json_decref(doc);
    return code;
}
