/* letter.c - one file a dead letter */
#include "store/letter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shared/rc.h"

int letter_write(const char *dir, unsigned generation, int rank, uint32_t number, const void *body, uint32_t bytes,
                 struct reason *why)
{
    char name[4200];
    ssize_t written = -1;
    int fd;

    snprintf(name, sizeof name, "%s/" LETTER_NAME, dir, generation, rank, number);
    fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd >= 0) {
        written = write(fd, body, bytes);
        close(fd);
    }
    if (written == (ssize_t)bytes)
        return 0;
    return reason_set(why, TW_ESYS, "%s: the bytes of a dead letter cannot be written: %s: make room there", name,
                      fd >= 0 && written >= 0 ? "no space is left" : strerror(errno));
}
