/* topo.h - which cores and memory lie near a device of this host
 *
 * By the device's PCI bus id, for Debian's hwloc knows no CUDA devices.  Reads what hwloc reads: HWLOC_XMLFILE shows it
 * another machine, of which the answers are as good as of this one; only binding would do nothing there.
 */
#ifndef TW_TOPO_TOPO_H
#define TW_TOPO_TOPO_H

#include <stdbool.h>
#include <stddef.h>

#include "base/reason.h"

struct topo;

/* Look at the machine.  0 with *ret owned (topo_close); TW_ESYS.  Takes milliseconds. */
int topo_open(struct topo **ret, struct reason *why);
void topo_close(struct topo *t);

/* Processing units that this process may use, and that there are; packages; memory nodes. */
unsigned topo_allowed(const struct topo *t);
unsigned topo_units(const struct topo *t);
unsigned topo_packages(const struct topo *t);
unsigned topo_nodes(const struct topo *t);
/* False: HWLOC_XMLFILE or the like describes another machine. */
bool topo_is_this(const struct topo *t);

struct topo_near {
    char units[128];            /* allowed ones, as a list: "0-15,32-47"; all allowed ones where nothing better is known */
    int node;                   /* the memory node; -1: none is nearer than the others */
    bool ours;                  /* it is known, and some of the cores near it are ours to use */
    bool known;                 /* false: the system does not say where the device hangs */
};

/* Near a PCI device, "0000:3b:00.0" in either case.  0; TW_EINVAL: no such name; TW_ENOENT: no such device. */
int topo_near_pci(const struct topo *t, const char *bus_id, struct topo_near *ret);

#endif
