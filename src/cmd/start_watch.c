/* start_watch.c - the parent's children, looked at every 50 ms */
#include "cmd/start_watch.h"

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/proc.h"

#define RANKS_MAX 512               /* of one host; more are not watched */
#define TICK_MS 50
#define WRAPPERS_MAX 8
#define MISSING_TICKS 16            /* mpirun starts its ranks one after another, at once */
#define TO_SPEAK_TICKS 8
#define GRACE_TICKS 6               /* mpirun ends a job itself where a rank refused, and that rank has said why */

static struct {
    pthread_t thread;
    bool runs;
    atomic_bool over;
    pid_t parent, seen[RANKS_MAX];
    int seen_count, children, expected, lists;
    char self[4096];
} watch;

/* Does this process run our program?  A dead one that was not reaped yet does not. */
static bool is_rank(pid_t pid)
{
    char name[64], exe[4096];
    ssize_t n;

    snprintf(name, sizeof name, "/proc/%d/exe", (int)pid);
    n = readlink(name, exe, sizeof exe - 1);
    exe[n > 0 ? n : 0] = '\0';
    return n > 0 && !strcmp(exe, watch.self);
}

static bool is_dead(pid_t pid)
{
    struct proc_stat st;

    return !proc_stat(pid, &st) || st.state == 'Z' || st.state == 'X';
}

static void see(pid_t pid)
{
    watch.children += !is_dead(pid);
    for (int i = 0; i < watch.seen_count; i++)
        if (watch.seen[i] == pid)
            return;
    if (watch.seen_count < RANKS_MAX && is_rank(pid))
        watch.seen[watch.seen_count++] = pid;
}

/* Each thread of the parent has a list of the children it forked. */
static void look(void)
{
    char name[320];
    struct dirent *e;
    DIR *tasks;

    watch.children = watch.lists = 0;
    snprintf(name, sizeof name, "/proc/%d/task", (int)watch.parent);
    tasks = opendir(name);
    while (tasks && (e = readdir(tasks))) {
        FILE *f;
        int pid;

        snprintf(name, sizeof name, "/proc/%d/task/%.20s/children", (int)watch.parent, e->d_name);
        f = fopen(name, "re");
        watch.lists += f != NULL;
        while (f && fscanf(f, "%d", &pid) == 1)
            see(pid);
        if (f)
            fclose(f);
    }
    if (tasks)
        closedir(tasks);
}

static pid_t one_gone(pid_t *ret_first_left)
{
    pid_t gone = 0;

    *ret_first_left = getpid();
    for (int i = 0; i < watch.seen_count; i++) {
        if (!is_rank(watch.seen[i]))
            gone = watch.seen[i];
        else if (watch.seen[i] < *ret_first_left)
            *ret_first_left = watch.seen[i];
    }
    return gone;
}

static void *look_on(void *unused)
{
    const struct timespec tick = {0, TICK_MS * 1000000L};
    int ticks = 0, missing = 0;
    pid_t gone, first, speaker = 0;

    for (; !atomic_load(&watch.over); nanosleep(&tick, NULL)) {
        look();
        gone = one_gone(&first);
        ticks = gone ? ticks + 1 : 0;
        /* it may have died before this one lived */
        missing = watch.lists && watch.children < watch.expected ? missing + 1 : 0;
        if (ticks <= GRACE_TICKS / 2 && missing <= MISSING_TICKS / 2)
            speaker = first;            /* later the others end for the same reason, and each would be the first */
        if (ticks < GRACE_TICKS && missing < MISSING_TICKS)
            continue;
        if (speaker != getpid() && ticks < GRACE_TICKS + TO_SPEAK_TICKS && missing < MISSING_TICKS + TO_SPEAK_TICKS)
            continue;                   /* the first that ends makes mpirun kill the others: let that be the speaker */
        if (speaker == getpid())
            fprintf(stderr, "treewarden: a rank on this host died before the job began: nobody can go on without it: "
                            "see what it said above, then start again\n");
        _exit(EXIT_FAILED);
    }
    return unused;
}

/* A script between mpirun and this rank is of the rank's own: mpirun has given it the rank's number. */
static bool is_wrapper(pid_t pid)
{
    char number[16];

    return proc_getenv(pid, "OMPI_COMM_WORLD_RANK", number, sizeof number);
}

void start_watch_begin(void)
{
    ssize_t n = readlink("/proc/self/exe", watch.self, sizeof watch.self - 1);
    const char *local = getenv("OMPI_COMM_WORLD_LOCAL_SIZE");
    struct proc_stat st;

    watch.expected = local ? atoi(local) : 0;
    watch.parent = getppid();
    for (int i = 0; i < WRAPPERS_MAX && watch.parent > 1 && is_wrapper(watch.parent); i++)
        watch.parent = proc_stat(watch.parent, &st) ? st.parent : 0;
    watch.runs = n > 0 && pthread_create(&watch.thread, NULL, look_on, NULL) == 0;
}

void start_watch_end(void)
{
    if (!watch.runs)
        return;
    atomic_store(&watch.over, true);
    pthread_join(watch.thread, NULL);
    watch.runs = false;
}
