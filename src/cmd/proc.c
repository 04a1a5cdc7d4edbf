/* proc.c - see the header */
#include "cmd/proc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool proc_stat(pid_t pid, struct proc_stat *ret)
{
    char name[64], line[512];
    const char *after = NULL;
    FILE *f;

    snprintf(name, sizeof name, "/proc/%d/stat", (int)pid);
    f = fopen(name, "re");
    if (f && fgets(line, sizeof line, f))
        after = strrchr(line, ')');     /* the program's name before it may hold anything */
    if (f)
        fclose(f);
    return after && sscanf(after + 1, " %c %d", &ret->state, &ret->parent) == 2;
}

bool proc_getenv(pid_t pid, const char *name, char *ret, size_t room)
{
    size_t n = strlen(name), line_room = 0;
    char file[64], *line = NULL;
    bool found = false;
    FILE *f;

    snprintf(file, sizeof file, "/proc/%d/environ", (int)pid);
    f = fopen(file, "re");
    while (f && !found && getdelim(&line, &line_room, '\0', f) > 0)
        found = !strncmp(line, name, n) && line[n] == '=';
    if (found)
        snprintf(ret, room, "%s", line + n + 1);
    free(line);
    if (f)
        fclose(f);
    return found;
}
