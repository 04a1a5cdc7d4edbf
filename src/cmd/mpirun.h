/* mpirun.h - the mpirun beside the mpicc this was built with, and the flags it is started with */
#ifndef TW_CMD_MPIRUN_H
#define TW_CMD_MPIRUN_H

#include <sys/types.h>

#define WORDS_MAX 256

/* A command line; what does not fit is left out. */
struct words {
    char *at[WORDS_MAX];                /* owned; NULL after the last */
    int count;
};

void words_add(struct words *w, const char *text);
void words_add_all(struct words *w, const char *const *list);
void words_free(struct words *w);

/* The path of mpirun (borrowed), of the version this was built with.  0, or the exit code with the reason. */
struct reason;
int mpirun_find(const char **ret, struct reason *why);

/* Its name and flags for `ranks` processes, up to where the program's own words follow.  dir: for its session
 * files; hosts: as mpirun's -H, or NULL. */
void mpirun_line(struct words *w, const char *mpirun, const char *hosts, int ranks, const char *dir);

/* Fork and exec; when this process dies its broom sees to it, or, if it has none (NULL), it gets SIGTERM.  Returns its
 * pid, or -1. */
struct broom;
pid_t mpirun_start(const struct words *w, const char *dir, const struct broom *broom);

#endif
