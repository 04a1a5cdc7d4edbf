/* child.c - dying with the parent, deaf to the launcher */
#include "worker/child.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shared/rc.h"

int child_tie(pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        return TW_ESYS;
    /* In this order: a death after the prctl kills us, one before it shows here. */
    return getppid() == parent ? 0 : TW_EPEER;
}

/* A lost terminal or log pipe (SIGPIPE) is no reason to lose a device either. */
static int is_launchers(int sig)
{
    switch (sig) {
    case SIGTERM: case SIGINT: case SIGTSTP: case SIGUSR1: case SIGUSR2: case SIGHUP: case SIGPIPE:
        return 1;
    }
    return 0;
}

void child_deafen(void)
{
    sigset_t none;

    /* Defaults for the rest: a launcher that ignores SIGCHLD would have the kernel reap behind our back. */
    for (int sig = 1; sig < 32; sig++)
        if (sig != SIGKILL && sig != SIGSTOP)
            signal(sig, is_launchers(sig) ? SIG_IGN : SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

void child_close_from(int first)
{
    struct rlimit limit;
    int last = 1024;

#ifdef SYS_close_range
    if (syscall(SYS_close_range, (unsigned)first, ~0u, 0) == 0)
        return;
#endif
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < 65536)
        last = (int)limit.rlim_cur;
    for (int fd = first; fd < last; fd++)
        close(fd);
}
