/* host_device.h - the device port of a rank over its zygote: the workers of its devices, of either kind
 *
 * Each worker incarnation has its own arena (a sealed memfd); several of one device may exist at once, the
 * old one until it was reaped and freed, and a standby.  One eventfd per device: any of its workers rings
 * it when the up ring of its arena has something.
 *
 * The bell of a CUDA device lies in its own memory and its slot 0 looks into its ring by itself: it is not rung.
 *
 * An arena is formatted (arena_format) before start, else start is TW_EINVAL.
 *
 * The loop: poll the descriptors of host_device_fds; take events until DEVICE_NOTHING, which also drains
 * the eventfds; then read the up rings.  In this order no ring is lost.
 */
#ifndef TW_WORKER_HOST_DEVICE_H
#define TW_WORKER_HOST_DEVICE_H

#include <poll.h>

#include "base/reason.h"
#include "port/device.h"
#include "worker/zygote.h"

struct host_device_config {
    const char *program;            /* path of the actor program, for all devices; texts are copied */
    int program_fd;                 /* its image, borrowed until close */
    const char *name;               /* of the program */
    const char *out_dir;            /* of sinks; "" = none */
    int devices;                    /* numbered 0.. */
    int cuda;                       /* the first so many are CUDA devices ... */
    const char *const *uuids;       /* ... [cuda], copied */
    int fatbin_fd;                  /* their code, borrowed until close */
};

#define HOST_DEVICES_MAX 65         /* 64 of the specification's, and that of host actors */
#define HOST_ARENAS_MAX 8           /* incarnations of one device that exist at once */

/* zygote: borrowed, outlives the port.  0, TW_EINVAL, TW_ENOMEM or TW_ESYS with the reason.
 * ret->self is owned: host_device_close. */
int host_device_open(struct zygote *zygote, int rank, const struct host_device_config *config,
                     struct device_port *ret, struct reason *why);

/* Add the descriptors to watch for reading: the zygote's socket (left out once it is gone), then one per
 * device.  Returns how many (at most cap). */
int host_device_fds(const struct device_port *port, struct pollfd *fds, int cap);

/* Unmap all arenas.  Workers that still run are the zygote's to end: zygote_stop first. */
void host_device_close(struct device_port *port);

#endif
