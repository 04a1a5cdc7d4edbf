/* sink.h - where a host actor's files leave the job: written aside, renamed into place at its commit
 *
 * A reader of the output folder sees a whole file or none.  The file aside is ".NAME.rR.dD.iI.sS.tmp"
 * (rank, device, incarnation, slot), so lives that overlap never write the same one; what a killed worker
 * left is removed by the next worker of that device.  Each slot's functions are called by the slot's own
 * thread, but for sink_fence.
 */
#ifndef TW_WORKER_SINK_H
#define TW_WORKER_SINK_H

#include <stdint.h>

#define SINK_FILES 8                /* per slot and commit */
#define SINK_NAME_MAX 180           /* longer ones do not fit with what is put around them */

struct sink;

/* dir: borrowed text, copied; "" = no actor may write.  It need not exist before the first sink_path.
 * 0 or TW_ENOMEM. */
int sink_open(struct sink **ret, const char *dir, int rank, int device, uint32_t incarnation,
              uint32_t slots);

/* The path to write what will be `name`; the same again for the same name.  NULL: a name with '/' or a
 * leading '.', too many, too long, or a folder that cannot be used.  Valid until commit or drop. */
const char *sink_path(struct sink *s, uint32_t slot, const char *name);

/* Make durable, then rename, all that was given out; a file never written is skipped.  0; TW_ESYS; TW_ESTALE
 * after sink_fence.  After a failure some may have been renamed, whole: the life ends and the next one
 * writes them again. */
int sink_commit(struct sink *s, uint32_t slot);

/* Remove all that was given out. */
void sink_drop(struct sink *s, uint32_t slot);

/* Any thread, never waits: from now on nothing of this slot is renamed into place. */
void sink_fence(struct sink *s, uint32_t slot);

void sink_close(struct sink *s);    /* NULL is fine; files aside are removed */

#endif
