/* doorbell.h - wakes a rank that sleeps, from another process of its host
 *
 * MPI has nothing a process could sleep on, so a rank that waits for a message has to look every so often.  Between
 * the ranks of one host we do better: each has a word that says whether it sleeps and a pipe it sleeps on, and who
 * has sent it something writes to the pipe if the word says so.  Nothing of it has a name in the file system: word
 * and pipe are reached through /proc/PID/fd, and are gone with the process.  A rank without a bell, or one that
 * cannot be reached (other host, other pid namespace), is one that looks every so often: bells only save time.
 */
#ifndef TW_MPI_DOORBELL_H
#define TW_MPI_DOORBELL_H

#include <stdbool.h>
#include <stdint.h>

struct doorbell_word;

/* Where a bell can be found: sent to the other ranks as it is. */
struct doorbell_address {
    uint64_t mark;              /* stands in the word too: the process of that number is the one that was meant */
    int32_t pid;                /* 0 = there is none */
    int32_t word_fd, pipe_fd;   /* in that process */
};

/* The own one. */
struct doorbell {
    struct doorbell_word *word; /* owned mapping; NULL = none */
    int word_fd, pipe[2];       /* owned */
    uint64_t mark;
};

/* The other end, in each process that rings. */
struct doorbell_knob {
    struct doorbell_word *word; /* owned mapping; NULL = cannot be rung */
    int fd;                     /* owned: the pipe's write end */
};

/* 0, or TW_ESYS: then `d` is none, which every function below takes. */
int doorbell_open(struct doorbell *d);
void doorbell_close(struct doorbell *d);
struct doorbell_address doorbell_address(const struct doorbell *d);

/* Say that from now on we sleep, and must be rung; look for work once more after it.  A full barrier. */
void doorbell_sleeps(struct doorbell *d);
/* Say that we are awake, and forget who rang. */
void doorbell_awake(struct doorbell *d);
/* Did somebody ring since doorbell_sleeps?  If not, nothing older lies in the pipe either. */
bool doorbell_was_rung(struct doorbell *d);
/* To be polled for POLLIN; -1 = none. */
int doorbell_fd(const struct doorbell *d);

/* 0, or TW_EPEER: not reachable from here. */
int doorbell_find(struct doorbell_knob *k, const struct doorbell_address *at);
void doorbell_leave(struct doorbell_knob *k);
/* After something was sent: wake its owner if it sleeps.  A load and a barrier while it is awake. */
void doorbell_ring(struct doorbell_knob *k);
static inline bool doorbell_reaches(const struct doorbell_knob *k) { return k->word; }

#endif
