/* topo.c - hwloc, asked about PCI devices */
#include "topo/topo.h"

#include <errno.h>
#include <hwloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/rc.h"

struct topo { hwloc_topology_t top; };

int topo_open(struct topo **ret, struct reason *why)
{
    struct topo *t = calloc(1, sizeof *t);

    if (!t || hwloc_topology_init(&t->top) != 0) {
        free(t);
        return reason_set(why, TW_ENOMEM, "topology: out of memory");
    }
    /* Without this no PCI device is there to be asked about. */
    hwloc_topology_set_io_types_filter(t->top, HWLOC_TYPE_FILTER_KEEP_IMPORTANT);
    if (hwloc_topology_load(t->top) != 0) {
        int error = errno;

        topo_close(t);
        return reason_set(why, TW_ESYS, "topology: hwloc cannot read it: %s: look at HWLOC_XMLFILE, if it is set",
                          strerror(error));
    }
    *ret = t;
    return 0;
}

void topo_close(struct topo *t)
{
    if (!t)
        return;
    hwloc_topology_destroy(t->top);
    free(t);
}

static unsigned count(const struct topo *t, hwloc_obj_type_t type)
{
    int n = hwloc_get_nbobjs_by_type(t->top, type);

    return n > 0 ? (unsigned)n : 0;
}

/* PUs that are not allowed are not in a loaded topology; the binding of this process may be narrower still. */
static hwloc_bitmap_t allowed(const struct topo *t)
{
    hwloc_bitmap_t set = hwloc_bitmap_dup(hwloc_topology_get_allowed_cpuset(t->top));
    hwloc_bitmap_t bound = hwloc_bitmap_alloc();

    if (hwloc_topology_is_thissystem(t->top) && hwloc_get_cpubind(t->top, bound, HWLOC_CPUBIND_PROCESS) == 0)
        hwloc_bitmap_and(set, set, bound);
    hwloc_bitmap_free(bound);
    return set;
}

unsigned topo_allowed(const struct topo *t)
{
    hwloc_bitmap_t set = allowed(t);
    int n = hwloc_bitmap_weight(set);

    hwloc_bitmap_free(set);
    return n > 0 ? (unsigned)n : 0;
}

unsigned topo_units(const struct topo *t)
{
    int n = hwloc_bitmap_weight(hwloc_topology_get_complete_cpuset(t->top));

    return n > 0 ? (unsigned)n : 0;
}

unsigned topo_packages(const struct topo *t) { return count(t, HWLOC_OBJ_PACKAGE); }
unsigned topo_nodes(const struct topo *t) { return count(t, HWLOC_OBJ_NUMANODE); }
bool topo_is_this(const struct topo *t) { return hwloc_topology_is_thissystem(t->top); }

int topo_near_pci(const struct topo *t, const char *bus_id, struct topo_near *ret)
{
    unsigned domain, bus, device, function;
    int end = -1;
    hwloc_obj_t pci, near;
    hwloc_bitmap_t units = allowed(t), local;

    *ret = (struct topo_near){.node = -1};
    if (sscanf(bus_id, "%x:%x:%x.%x%n", &domain, &bus, &device, &function, &end) != 4 || bus_id[end]) {
        hwloc_bitmap_free(units);
        return TW_EINVAL;
    }
    pci = hwloc_get_pcidev_by_busid(t->top, domain, bus, device, function);
    near = pci ? hwloc_get_non_io_ancestor_obj(t->top, pci) : NULL;
    local = hwloc_bitmap_alloc();
    if (near && near->cpuset) {
        hwloc_bitmap_and(local, units, near->cpuset);
        /* A virtual machine hangs everything at its top: that says nothing. */
        ret->known = !hwloc_bitmap_isequal(near->cpuset, hwloc_get_root_obj(t->top)->cpuset) || topo_nodes(t) == 1;
        ret->ours = ret->known && !hwloc_bitmap_iszero(local);
        if (near->nodeset && hwloc_bitmap_weight(near->nodeset) == 1)
            ret->node = hwloc_bitmap_first(near->nodeset);
    }
    /* None of those near it is ours to use: any is better than none. */
    hwloc_bitmap_list_snprintf(ret->units, sizeof ret->units, hwloc_bitmap_iszero(local) ? units : local);
    hwloc_bitmap_free(local);
    hwloc_bitmap_free(units);
    return pci ? 0 : TW_ENOENT;
}
