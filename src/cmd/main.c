/* main.c - treewarden: one binary, its subcommands in cmd.h */
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "shared/rc.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0.1.0"
#endif

static const struct { const char *name; int (*run)(int, char **); const char *help; } commands[] = {
#define X(name, function, help) {name, function, help},
    CMD_LIST(X)
#undef X
};

int say(int code, const struct reason *why)
{
    fprintf(stderr, "treewarden: %s\n", why->text);
    return code;
}

int exit_for(int rc)
{
    switch (rc) {
    case 0: return EXIT_DONE;
    case TW_ENOENT: return EXIT_NOINPUT;
    case TW_EINVAL: return EXIT_CONFIG;
    case TW_EPROTO: return EXIT_DATA;
    case TW_EVERSION: return EXIT_INTERNAL;
    case TW_EEXIST: return EXIT_CANTCREAT;
    case TW_EPEER: return EXIT_UNAVAILABLE;
    case TW_ESTATE: return EXIT_USAGE;
    case TW_EAGAIN: return EXIT_AGAIN;
    }
    return EXIT_OS;
}

int print_verdict_json(const char *state_dir, unsigned generation)
{
    char name[4200];
    FILE *f;
    int c;

    snprintf(name, sizeof name, "%s/verdict.%u.json", state_dir, generation);
    f = fopen(name, "r");
    if (!f)
        return EXIT_IO;
    while ((c = fgetc(f)) != EOF)
        putchar(c);
    fclose(f);
    return 0;
}

const char *own_name(char **argv) { return strchr(argv[0], ' ') + 1; }

static int help(FILE *to)
{
    fprintf(to, "usage: treewarden COMMAND [OPTION...]\n\n"
                "Keeps a tree of actors running on many devices under MPI.\n\n");
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (commands[i].help[0])
            fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].help);
    fprintf(to, "\n`treewarden COMMAND --help` says more.  Exit codes: 0 done, 1 the work failed, 2 usage,\n"
                "65 bad data, 66 missing file, 69 no such job or device, 70 internal, 71 system, 73 cannot\n"
                "create, 75 try again, 78 bad specification, 124 time limit, 128+N signal N.\n");
    return to == stdout ? EXIT_DONE : EXIT_USAGE;
}

int main(int argc, char **argv)
{
    char name[32];                      /* as argp shows it in usage and errors */

    if (argc < 2)
        return help(stderr);
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))
        return help(stdout);
    if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
        printf("treewarden %s\n", PACKAGE_VERSION);
        return EXIT_DONE;
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (!strcmp(argv[1], commands[i].name)) {
            snprintf(name, sizeof name, "treewarden %s", commands[i].name);
            argv[1] = name;
            return commands[i].run(argc - 1, argv + 1);
        }
    fprintf(stderr, "treewarden: %s: no such command: `treewarden --help` lists them\n", argv[1]);
    return EXIT_USAGE;
}
