/* cc.c - `treewarden cc FILE.c`: an actor program for hosts and, where nvcc is found, for GPUs */
#include <argp.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "shared/rc.h"

#define WORDS_MAX 64

struct cc_args {
    const char *file, *out_dir, *cc;
    const char *extra[WORDS_MAX];
    int extra_count;
    bool cuda, no_cuda, quiet, json;
    json_t *built;                  /* borrowed; NULL without --json */
};

/* Run a program; its exit status, 127 if there is none of that name. */
static int run_program(char *const *argv)
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
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
    rc = run_program((char *const *)(void *)words);
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

static int build_device(const struct cc_args *a)
{
    char include[4200], out[4200];
    const char *nvcc = getenv("NVCC");
    const char *words[] = {nvcc && nvcc[0] ? nvcc : "nvcc", "-x", "cu", "-std=c++17", "-fatbin",
                           "-gencode=arch=compute_80,code=sm_80", "-gencode=arch=compute_90,code=sm_90",
                           "-gencode=arch=compute_90,code=compute_90", "--fmad=false", "--prec-div=true",
                           "--prec-sqrt=true", "--ftz=false", include, a->file, "-o", out, NULL};
    int rc;

    snprintf(include, sizeof include, "-I%s", include_dir());
    output_name(a, ".fatbin", out, sizeof out);
    rc = run_program((char *const *)(void *)words);
    if (rc == 127 && !a->cuda)
        return 0;                       /* no nvcc, and nobody insisted */
    if (rc != 0) {
        fprintf(stderr, rc == 127 ? "treewarden: cc: --cuda: no nvcc found: put it into PATH or set NVCC%.0s\n"
                                  : "treewarden: cc: %s: nvcc refused it: actor.h says what the common subset of C11 "
                                    "and CUDA C++17 is\n", a->file);
        return rc == 127 ? EXIT_UNAVAILABLE : EXIT_DATA;
    }
    did_build(a, out, " (device code; this version runs actors on host devices only)");
    return 0;
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
    return code || a->no_cuda ? code : build_device(a);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct cc_args *a = state->input;

    switch (key) {
    case 'o': a->out_dir = arg; return 0;
    case 'c': a->cuda = true; return 0;
    case 'n': a->no_cuda = true; return 0;
    case 'q': a->quiet = true; return 0;
    case 'j': a->json = true; return 0;
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
        {"cuda", 'c', NULL, 0, "insist on device code", 0},
        {"no-cuda", 'n', NULL, 0, "no device code", 0},
        {"json", 'j', NULL, 0, "one JSON document", 0},
        {"quiet", 'q', NULL, 0, "do not name what was built", 0},
        {0}};
    static const struct argp argp = {options, parse, "FILE.c [-- FLAG...]",
        "Build an actor program: FILE.so, and FILE.fatbin where nvcc is found.  Flags go to the host compiler.",
        NULL, NULL, NULL};
    struct cc_args a = {.cc = getenv("CC")};
    json_t *doc;
    int code;

    argp_err_exit_status = EXIT_USAGE;
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    if (!a.cc || !a.cc[0] || strchr(a.cc, ' '))
        a.cc = "cc";
    if (!a.json)
        return build(&a);
    a.built = json_array();
    doc = json_pack("{s:s,s:i,s:s,s:o}", "schema", "treewarden.cc", "version", 1, "file", a.file, "built", a.built);
    code = build(&a);
    json_object_set_new(doc, "exit", json_integer(code));
    json_dumpf(doc, stdout, JSON_INDENT(1));
    putchar('\n');
    json_decref(doc);
    return code;
}
