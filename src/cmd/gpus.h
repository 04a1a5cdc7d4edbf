/* gpus.h - the CUDA devices of this machine, and which of them are of use
 *
 * The driver may hang for ever beside a broken device, and take who asks it along: so `treewarden probe` asks it.
 */
#ifndef TW_CMD_GPUS_H
#define TW_CMD_GPUS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "sup/view.h"
#include "topo/share.h"

#define GPUS_MS 20000u                  /* cuInit may take 7 s; a broken device takes for ever */

/* What probe.c says, and of each device whether it is `fit` for a resident kernel, with `remarks`.  Owned; never NULL
 * but without memory.  A driver that has not answered in that time is `refused`, as one that died. */
json_t *gpus_ask(unsigned timeout_ms);

struct gpu { struct view_gpu name; bool near; };        /* near: to cores that this process may use */

struct gpus {
    struct gpu list[SHARE_GPUS];        /* those that are fit, in the order of their PCI addresses */
    uint32_t count;
    char lack[512];                     /* why there are none, or not all, and what to do; "" = nothing is wrong */
};

void gpus_find(struct gpus *ret, unsigned timeout_ms);

/* What this process says to the other ranks of it. */
struct share_claim gpus_claim(const struct gpus *g);

#endif
