/* mpirun.c - see the header; what each flag is for stands in doc/design.md, "Starting" */
#include "cmd/mpirun.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "cmd/broom.h"
#include "cmd/cmd.h"

void words_add(struct words *w, const char *text)
{
    if (w->count < WORDS_MAX - 1)
        w->at[w->count++] = strdup(text);
}

void words_add_all(struct words *w, const char *const *list)
{
    for (; *list; list++)
        words_add(w, *list);
}

void words_free(struct words *w)
{
    for (int i = 0; i < w->count; i++)
        free(w->at[i]);
    w->count = 0;
}

int mpirun_find(const char **ret, struct reason *why)
{
    char line[256] = "", command[4300];
    const char *named = getenv("TREEWARDEN_MPIRUN"), *path = named && named[0] ? named : TW_MPIRUN;
    FILE *f;

    if (access(path, X_OK) != 0) {
        return reason_set(why, EXIT_UNAVAILABLE, "%s: no mpirun there: it was beside the mpicc this was built with: "
                          "build again, or name it in TREEWARDEN_MPIRUN", path);
    }
    snprintf(command, sizeof command, "'%s' --version 2>/dev/null", path);
    f = popen(command, "r");
    if (!f || !fgets(line, sizeof line, f))
        line[0] = '\0';
    if (f)
        pclose(f);
    if (!strstr(line, TW_MPI_VERSION)) {
        line[strcspn(line, "\n")] = '\0';
        return reason_set(why, EXIT_UNAVAILABLE, "%s is \"%s\", but treewarden was built with Open MPI %s: mixtures "
                          "start and silently lose fault tolerance: use the mpirun beside that mpicc", path, line,
                          TW_MPI_VERSION);
    }
    *ret = path;
    return 0;
}

void mpirun_line(struct words *w, const char *mpirun, const char *hosts, int ranks, const char *dir)
{
    static const char *const five[] = {"--with-ft", "ulfm", "--mca", "btl", "self,sm,tcp", "--mca",
                                       "async_mpi_finalize", "1", NULL};
    static const char *const four[] = {"--enable-recovery", "--mca", "pml", "ob1", "--mca", "btl",
                                       "self,vader,tcp", NULL};
    int major = atoi(TW_MPI_VERSION);
    char n[16];

    words_add(w, mpirun);
    words_add_all(w, major >= 5 ? five : four);
    if (major >= 5) {                   /* shared memory files where they can be removed by name */
        words_add_all(w, (const char *const[]){"--mca", "btl_sm_backing_directory", NULL});
        words_add(w, dir);
    }
    if (hosts) {
        words_add_all(w, (const char *const[]){"--map-by", "node:OVERSUBSCRIBE", "-H", NULL});
        words_add(w, hosts);
    } else {
        words_add(w, "--oversubscribe");
    }
    words_add_all(w, (const char *const[]){"--bind-to", "none", "-n", NULL});
    snprintf(n, sizeof n, "%d", ranks);
    words_add(w, n);
}

pid_t mpirun_start(const struct words *w, const char *dir, const struct broom *broom)
{
    pid_t parent = getpid(), child;

    if (geteuid() == 0) {
        setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 1);
        setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 1);
    }
    child = fork();
    if (child != 0)
        return child;
    setenv("TMPDIR", dir, 1);           /* MPI's session files go with the job's */
    setpgid(0, 0);                      /* a Ctrl-C is ours to pass on, once */
    signal(SIGTERM, SIG_DFL);           /* our handler would swallow it until the exec */
    if (broom)
        broom_tell(broom, getpid());
    else
        prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(EXIT_OS);
    execv(w->at[0], w->at);
    fprintf(stderr, "treewarden: launch: %s: %s\n", w->at[0], strerror(errno));
    _exit(EXIT_OS);
}
