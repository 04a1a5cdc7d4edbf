/* gpus.c - asking the CUDA driver, and judging what it says
 *
 * A process of its own (probe.c) asks; it is left alone when it does not answer.
 */
#include "cmd/gpus.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernels/cuda_api.h"
#include "spec/spec.h"
#include "topo/topo.h"
#include "worker/child.h"

#define PROBE_BYTES (256u << 10)

/* -- the driver ----------------------------------------------------------------------------------- */

static json_t *no_answer(const char *text)
{
    return json_pack("{s:s,s:s,s:i,s:[]}", "state", "refused", "text", text, "version", 0, "devices");
}

/* All that comes; NULL when nothing more has come for that long. */
static char *read_all(int fd, unsigned limit_ms)
{
    char *text = malloc(PROBE_BYTES);
    size_t n = 0;
    struct pollfd p = {.fd = fd, .events = POLLIN};

    while (text && n + 1 < PROBE_BYTES) {
        int ready = poll(&p, 1, (int)limit_ms);
        ssize_t got = ready > 0 ? read(fd, text + n, PROBE_BYTES - n - 1) : -1;

        if (ready < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            free(text);
            return NULL;
        }
        if (got == 0)
            break;
        n += (size_t)got;
    }
    if (text)
        text[n] = '\0';
    return text;
}

static pid_t start_probe(int *ret_fd)
{
    int fds[2];
    pid_t pid, self;

    if (pipe2(fds, O_CLOEXEC) != 0)
        return -1;
    self = getpid();
    pid = fork();
    if (pid == 0) {
        if (child_tie(self) != 0)
            _exit(127);
        dup2(fds[1], STDOUT_FILENO);
        execl("/proc/self/exe", "treewarden", "probe", (char *)NULL);
        _exit(127);
    }
    close(fds[1]);
    *ret_fd = fds[0];
    if (pid < 0)
        close(fds[0]);
    return pid;
}

/* A process that hangs in the driver may not even die of SIGKILL: it is not waited for. */
static json_t *ask_driver(unsigned timeout_ms)
{
    char late[160];
    int fd = -1;
    pid_t pid = start_probe(&fd);
    char *text = pid < 0 ? NULL : read_all(fd, timeout_ms);
    json_t *o = text ? json_loads(text, 0, NULL) : NULL;

    if (pid >= 0) {
        close(fd);
        if (!o)
            (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, o ? 0 : WNOHANG);
    }
    snprintf(late, sizeof late, "CUDA: the driver has not answered for %u ms: a device may be broken: see `dmesg`",
             timeout_ms);
    if (!o)
        o = no_answer(text ? "CUDA: the process that asks the driver died of it: see `dmesg` for what the driver says" :
                      pid >= 0 ? late :
                      "CUDA: no process could be started to ask the driver: raise the limit of processes (ulimit -u)");
    free(text);
    return o;
}

/*    what of a device                                  is so                     it is not used  remark */
#define REMARK_LIST(X)                                                                                     \
    X(COMPUTE_CAPABILITY_MAJOR, value < 8,                           true,                                  \
      "older than sm_80")                                                                                  \
    X(COOPERATIVE_LAUNCH,       value == 0,                          true,                                  \
      "no cooperative launch: blocks of a resident kernel would have no promise of progress")               \
    X(HOST_REGISTER_SUPPORTED,  value == 0,                          true,                                  \
      "host memory cannot be mapped into it")                                                              \
    X(KERNEL_EXEC_TIMEOUT,      value != 0,                          true,                                  \
      "its display's watchdog ends long kernels: take the display off it")                                  \
    X(MPS_ENABLED,              value != 0,                          true,                                  \
      "MPS shares its contexts, so one client's fault ends all: ask for a device without it")               \
    X(COMPUTE_MODE,             value == CUDA_COMPUTEMODE_PROHIBITED, true,                                 \
      "its compute mode is Prohibited: nobody may use it")                                                  \
    X(COMPUTE_MODE,             value == CUDA_COMPUTEMODE_EXCLUSIVE_PROCESS, false,                         \
      "its compute mode is Exclusive Process: no second worker can stand by")                               \
    X(ECC_ENABLED,              value == 0,                          false,                                 \
      "no ECC: flipped bits in its memory go unseen")

static void judge(json_t *device)
{
    json_t *remarks = json_array(), *attributes = json_object_get(device, "attributes");
    bool usable = attributes != NULL;

#define X(name, is_so, not_used, remark)                                                                    \
    {                                                                                                       \
        const json_t *found = json_object_get(attributes, #name);                                           \
        long long value = json_integer_value(found);                                                        \
                                                                                                            \
        if (found && (is_so)) {                                                                             \
            json_array_append_new(remarks, json_string(remark));                                            \
            usable = usable && !(not_used);                                                                 \
        }                                                                                                   \
    }
    REMARK_LIST(X)
#undef X
    json_object_set_new(device, "fit", json_boolean(usable));
    json_object_set_new(device, "remarks", remarks);
}

json_t *gpus_ask(unsigned timeout_ms)
{
    json_t *cuda = ask_driver(timeout_ms), *device;
    size_t i;

    json_array_foreach(json_object_get(cuda, "devices"), i, device)
        judge(device);
    return cuda;
}

/* -- those of use ---------------------------------------------------------------------------------- */

static const char *get(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));

    return text ? text : "";
}

static int by_pci(const void *a, const void *b)
{
    return strcmp(((const struct gpu *)a)->name.pci, ((const struct gpu *)b)->name.pci);
}

/* Why it is not of use; the first such device speaks for all. */
static void note_lack(struct gpus *g, const json_t *device)
{
    const json_t *remark = json_array_get(json_object_get(device, "remarks"), 0);

    if (!g->lack[0])
        snprintf(g->lack, sizeof g->lack, "%s at %s is not of use: %s", get(device, "name"), get(device, "pci"),
                 remark ? json_string_value(remark) : get(device, "error"));
}

static void take_device(struct gpus *g, const json_t *device, const struct topo *topo)
{
    struct gpu *to = &g->list[g->count];
    struct topo_near near;

    if (!json_is_true(json_object_get(device, "fit")) || !get(device, "uuid")[0]) {
        note_lack(g, device);
        return;
    }
    if (g->count == SHARE_GPUS)
        return;
    snprintf(to->name.uuid, sizeof to->name.uuid, "%s", get(device, "uuid"));
    snprintf(to->name.pci, sizeof to->name.pci, "%s", get(device, "pci"));
    to->near = topo && topo_near_pci(topo, to->name.pci, &near) == 0 && near.ours;
    g->count++;
}

void gpus_find(struct gpus *ret, unsigned timeout_ms)
{
    json_t *cuda = gpus_ask(timeout_ms), *device;
    struct topo *topo = NULL;
    struct reason why;
    const char *said;
    size_t i;

    memset(ret, 0, sizeof *ret);
    said = get(cuda, "text");
    (void)topo_open(&topo, &why);       /* without it none is nearer than another */
    json_array_foreach(json_object_get(cuda, "devices"), i, device)
        take_device(ret, device, topo);
    if (strcmp(get(cuda, "state"), "up") != 0)
        snprintf(ret->lack, sizeof ret->lack, "%s", said + (strncmp(said, "CUDA: ", 6) ? 0 : 6));
    else if (i == 0)
        snprintf(ret->lack, sizeof ret->lack, "the driver shows no device: look at CUDA_VISIBLE_DEVICES");
    qsort(ret->list, ret->count, sizeof ret->list[0], by_pci);
    topo_close(topo);
    json_decref(cuda);
}

struct share_claim gpus_claim(const struct gpus *g)
{
    char all[SHARE_GPUS * DEVICE_UUID_BYTES + 1] = "";
    struct share_claim c = {.count = g->count};
    size_t n = 0;

    for (uint32_t i = 0; i < g->count; i++) {
        n += (size_t)snprintf(all + n, sizeof all - n, "%s,", g->list[i].name.uuid);
        c.near |= (uint64_t)g->list[i].near << i;
    }
    c.seen = spec_hash_text(all);
    if (g->count && c.near == ~(uint64_t)0 >> (64 - g->count))
        c.near = 0;
    return c;
}
