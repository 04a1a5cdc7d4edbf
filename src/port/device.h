/* device.h - the port through which a rank starts, watches and ends the workers of its devices
 *
 * Implemented by src/worker (processes on this host) and src/emu (in one process, on virtual time).  What
 * is said to a running worker goes through its arena (slot/layout.h); this port is only about the life of
 * the worker itself.  One loop thread uses it.
 */
#ifndef TW_PORT_DEVICE_H
#define TW_PORT_DEVICE_H

#include <stddef.h>
#include <stdint.h>

/*    kind   in texts and arguments                  */
#define DEVICE_KIND_LIST(X)                          \
    X(HOST, "host")     /* threads of a process */   \
    X(CUDA, "cuda")     /* blocks of a kernel */
enum device_kind {
#define X(name, text) DEVICE_KIND_##name,
    DEVICE_KIND_LIST(X)
#undef X
    DEVICE_KIND_COUNT
};

/* "?" for a number that is none. */
static inline const char *device_kind_name(unsigned kind)
{
    switch (kind) {
#define X(name, text) case DEVICE_KIND_##name: return text;
    DEVICE_KIND_LIST(X)
#undef X
    }
    return "?";
}

#define DEVICE_UUID_BYTES 48            /* "GPU-" and 36 characters, with room */

/* Exit statuses of a worker that says why, in header.text of its arena. */
#define WORKER_REFUSED 70           /* it did not start */
#define WORKER_BROKE 71             /* its device ended the kernel, or stands still */
#define WORKER_DEVICE_LOST 72       /* ... and another worker would have no device */

enum device_signal { DEVICE_KILL, DEVICE_STOP, DEVICE_CONTINUE };

enum device_event_kind {
    DEVICE_NOTHING,
    DEVICE_STARTED,         /* the process exists (pid); slots run once the arena's boot word is 1 */
    DEVICE_START_FAILED,    /* it could not be started: text */
    DEVICE_EXITED,          /* reaped: no thread of it runs any more; status as by waitpid */
    DEVICE_STOPPED,         /* SIGSTOP or a debugger */
    DEVICE_CONTINUED,
    DEVICE_KEEPER_GONE      /* the zygote died: nothing can be started or reaped any more */
};

struct device_event {
    enum device_event_kind kind;
    int device;
    uint32_t incarnation;
    int pid;
    int status;
    char text[128];
};

struct device_ops {
    /* Memory for one worker incarnation: zeroed, shared with the worker to come.  NULL: no memory. */
    void *(*arena_new)(void *self, int device, uint32_t incarnation, size_t bytes);
    /* Give it back; only after DEVICE_EXITED (or if it was never started). */
    void (*arena_free)(void *self, int device, uint32_t incarnation);
    /* Start a worker over that arena.  0, or TW_E..; the rest comes as an event.  TW_EPEER: DEVICE_KEEPER_GONE is
     * such an event. */
    int (*start)(void *self, int device, uint32_t incarnation);
    /* Signal a worker; an incarnation that is no more is TW_ENOENT. */
    int (*signal)(void *self, int device, uint32_t incarnation, enum device_signal what);
    /* Slot 0 of this device has something in its down ring. */
    void (*ring)(void *self, int device);
    /* Take one event.  Never blocks. */
    void (*poll)(void *self, struct device_event *ret);
};

struct device_port {
    const struct device_ops *ops;
    void *self;
};

#endif
