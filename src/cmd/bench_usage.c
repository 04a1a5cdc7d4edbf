/* bench_usage.c - what the threads of a process tree have used, told apart by their names */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/bench.h"
#include "cmd/proc.h"
#include "shared/rc.h"

#define TREE_MAX 512

struct tree { pid_t pid[TREE_MAX], parent[TREE_MAX]; bool ours[TREE_MAX]; int count; };

static void list_processes(struct tree *t, pid_t root)
{
    DIR *d = opendir("/proc");
    struct dirent *e;
    bool more = true;

    t->count = 0;
    while (d && (e = readdir(d)) && t->count < TREE_MAX) {
        pid_t pid = (pid_t)atoi(e->d_name);
        struct proc_stat st;

        if (pid <= 0)
            continue;
        t->pid[t->count] = pid;
        t->ours[t->count] = pid == root;
        t->parent[t->count++] = proc_stat(pid, &st) ? st.parent : 0;
    }
    if (d)
        closedir(d);
    while (more) {
        more = false;
        for (int i = 0; i < t->count; i++)
            for (int k = 0; k < t->count && !t->ours[i]; k++)
                if (t->ours[k] && t->pid[k] == t->parent[i])
                    t->ours[i] = more = true;
    }
}

static bool read_line(const char *path, char *line, size_t room)
{
    FILE *f = fopen(path, "r");
    bool got = f && fgets(line, (int)room, f);

    if (f)
        fclose(f);
    if (got)
        line[strcspn(line, "\n")] = '\0';
    return got;
}

/* The kernel's own count, in nanoseconds: a tick of 10 ms would be as much as a second of an idle rank. */
static void add_thread(pid_t pid, int tid, const char *process, struct usage *u, int *seen)
{
    char path[64], line[128], name[32] = "";
    double s;

    snprintf(path, sizeof path, "/proc/%d/task/%d/schedstat", (int)pid, tid);
    if (!read_line(path, line, sizeof line))
        return;
    s = (double)strtoull(line, NULL, 10) / 1e9;
    snprintf(path, sizeof path, "/proc/%d/task/%d/comm", (int)pid, tid);
    (void)read_line(path, name, sizeof name);
    ++*seen;
    if (!strncmp(process, "tw-worker", 9))
        *(strncmp(name, "tw-slot", 7) ? &u->slot0s : &u->slots) += s;
    else
        *(!strcmp(process, "treewarden") ? &u->ranks : &u->others) += s;
}

static void name_of(pid_t pid, char *out, size_t room)
{
    char path[64];

    out[0] = '\0';
    snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
    (void)read_line(path, out, room);
}

static void add_process(pid_t pid, struct usage *u, int *seen)
{
    char path[64], process[32];
    struct dirent *e;
    DIR *d;

    name_of(pid, process, sizeof process);
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    d = opendir(path);
    while (d && (e = readdir(d)))
        if (atoi(e->d_name) > 0)
            add_thread(pid, atoi(e->d_name), process, u, seen);
    if (d)
        closedir(d);
}

int usage_of(pid_t root, struct usage *ret, struct reason *why)
{
    struct tree *t = malloc(sizeof *t);
    int seen = 0;

    if (!t)
        return reason_set(why, TW_ENOMEM, "out of memory");
    *ret = (struct usage){0};
    list_processes(t, root);
    for (int i = 0; i < t->count; i++)
        if (t->ours[i])
            add_process(t->pid[i], ret, &seen);
    free(t);
    return seen ? 0 : reason_set(why, TW_ESYS, "/proc/PID/task/TID/schedstat: not there: processor time cannot be "
                                 "counted on this kernel");
}

int signal_ranks(pid_t root, int number)
{
    struct tree *t = malloc(sizeof *t);
    char name[32];
    int n = 0;

    if (!t)
        return 0;
    list_processes(t, root);
    for (int i = 0; i < t->count; i++) {
        name_of(t->pid[i], name, sizeof name);
        if (t->ours[i] && t->pid[i] != root && !strcmp(name, "treewarden"))
            n += kill(t->pid[i], number) == 0;
    }
    free(t);
    return n;
}
