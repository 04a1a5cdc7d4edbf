/* mpi_link.c - see the header; every rule of use of MPI stands at the line that keeps it */
#include "mpi/mpi_link.h"

#include <mpi.h>
#ifdef OPEN_MPI
#include <mpi-ext.h>
#endif
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "mpi/rest.h"
#include "shared/cell.h"

#define TAG 7
#define SENDS_PER_PEER 16           /* in flight; beyond that the caller waits (TW_EFULL) */
#define BATCH_BYTES 16384u          /* of frames in one send; a larger frame goes by itself */
#define RECEIVE_BYTES (sizeof(struct frame) + LINK_BODY_MAX)
#define HELLO_MS 30000u
#define FINALIZE_MS 1000u           /* MPI_Finalize, if nobody died; beyond, the process ends without it */
#define AFTER_DEATH_MS 500u         /* goodbyes, and then Finalize again, if somebody did: it is likely to hang */

/* What is sent in one turn goes in one MPI message: these, one after another. */
struct frame {
    uint64_t bytes;                 /* of the body behind it, which is padded to 8 */
    union cell cell;
};

struct sending {
    MPI_Request request;
    char *buffer;                   /* owned; grows to what was needed */
    size_t room, used;
};

struct peer {
    MPI_Request receive;
    char *frames;                   /* owned, RECEIVE_BYTES */
    size_t received, taken;         /* bytes of it; taken < received: the receive is not posted */
    struct sending sends[SENDS_PER_PEER];
    uint32_t next, oldest, in_flight;       /* sends[next] is being filled, if there is room for it */
    bool down, told, left;          /* left: said goodbye, its end is no death */
    struct doorbell_knob knob;      /* if it is a process of this host */
};

/* What follows the cell of a HELLO. */
struct hello_body {
    char host[MPI_HOST_BYTES];
    struct doorbell_address bell;
    uint64_t offer[MPI_OFFER_WORDS];
};

struct mpi_link {
    int rank, size, next;
    bool alone;                     /* no launcher: one rank, and no MPI at all */
    bool tells_deaths;
    struct peer *peers;
    struct doorbell bell;
    struct rest rest;
    char (*hosts)[MPI_HOST_BYTES];
    uint64_t (*offers)[MPI_OFFER_WORDS];
    const char **host_names;
};

static uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

static void nap(void) { nanosleep(&(struct timespec){0, 200000}, NULL); }

/* -- requests ------------------------------------------------------------------------------------- */

static void post(struct mpi_link *m, int p)
{
    struct peer *q = &m->peers[p];

    q->received = q->taken = 0;
    if (MPI_Irecv(q->frames, (int)RECEIVE_BYTES, MPI_BYTE, p, TAG, MPI_COMM_WORLD, &q->receive) != MPI_SUCCESS) {
        q->receive = MPI_REQUEST_NULL;
        q->down = true;
    }
}

/* Done requests are taken off from the oldest on.  An error on any of them is about the peer.  What left only now,
 * since MPI had no room for it, is to be heard too. */
static void reap_sends(struct peer *q)
{
    uint32_t before = q->in_flight;

    while (q->in_flight > 0) {
        struct sending *s = &q->sends[q->oldest];
        int done = 0;

        if (q->down)
            done = 1;               /* never wait for a request to who is gone */
        else if (MPI_Test(&s->request, &done, MPI_STATUS_IGNORE) != MPI_SUCCESS)
            done = 1, q->down = true;
        if (!done)
            break;
        s->used = 0;
        q->oldest = (q->oldest + 1) % SENDS_PER_PEER;
        q->in_flight--;
    }
    if (q->in_flight != before)
        doorbell_ring(&q->knob);
}

/* What was gathered for a peer leaves. */
static void flush(struct peer *q, int p)
{
    struct sending *s = &q->sends[q->next];

    if (q->in_flight == SENDS_PER_PEER || s->used == 0 || q->down)
        return;
    if (MPI_Isend(s->buffer, (int)s->used, MPI_BYTE, p, TAG, MPI_COMM_WORLD, &s->request) != MPI_SUCCESS) {
        q->down = true;
        return;
    }
    q->next = (q->next + 1) % SENDS_PER_PEER;
    q->in_flight++;
    doorbell_ring(&q->knob);
}

/* Room for `need` more bytes behind what was gathered for a peer; NULL: not now. */
static struct sending *gather(struct peer *q, int p, size_t need)
{
    struct sending *s = &q->sends[q->next];
    size_t room;

    if (s->used + need > BATCH_BYTES)
        flush(q, p);
    if (q->in_flight == SENDS_PER_PEER)
        reap_sends(q);
    if (q->in_flight == SENDS_PER_PEER || q->down)
        return NULL;
    s = &q->sends[q->next];
    room = s->used + need < 1024 ? 1024 : s->used + need < BATCH_BYTES ? BATCH_BYTES : s->used + need;
    if (s->room < s->used + need) {
        char *grown = realloc(s->buffer, room);

        if (!grown)
            return NULL;
        s->buffer = grown;
        s->room = room;
    }
    return s;
}

static size_t padded(size_t bytes) { return (bytes + 7u) & ~(size_t)7u; }

static int send_frame(void *self, int rank, const union cell *c, const void *body, size_t bytes)
{
    struct mpi_link *m = self;
    struct peer *q = &m->peers[rank];
    struct frame f = {.bytes = bytes, .cell = *c};
    struct sending *s;

    if (bytes > LINK_BODY_MAX)
        return TW_ETOOBIG;
    if (q->down || (q->left && c->head.type != CELL_GOODBYE) || rank == m->rank)
        return TW_EPEER;
    s = gather(q, rank, sizeof f + padded(bytes));
    if (!s)
        return q->down ? TW_EPEER : TW_EFULL;
    memcpy(s->buffer + s->used, &f, sizeof f);
    if (bytes)
        memcpy(s->buffer + s->used + sizeof f, body, bytes);
    s->used += sizeof f + padded(bytes);
    return 0;
}

/* The next frame of what was received; false: it was the last, and the receive is posted again by the next poll. */
static bool next_frame(struct peer *q, int p, struct link_event *ret)
{
    const struct frame *f = (const struct frame *)(void *)(q->frames + q->taken);
    size_t left = q->received - q->taken;

    if (left < sizeof *f || f->bytes > LINK_BODY_MAX || padded(f->bytes) > left - sizeof *f) {
        q->taken = q->received;
        return false;
    }
    q->taken += sizeof *f + padded(f->bytes);
    *ret = (struct link_event){.kind = LINK_CELL, .rank = p, .cell = &f->cell, .body = f->bytes ? f + 1 : NULL,
                               .bytes = f->bytes};
    if (f->cell.head.type == CELL_GOODBYE)
        q->left = true;
    return true;
}

/* One look at one peer.  Returns true with an event.  What has arrived of a peer comes before the news of its death. */
static bool poll_peer(struct mpi_link *m, int p, struct link_event *ret)
{
    struct peer *q = &m->peers[p];
    MPI_Status status;
    int done = 0, bytes = 0;

    if (next_frame(q, p, ret))
        return true;
    reap_sends(q);
    flush(q, p);
    if (q->received)
        post(m, p);
    if (!q->down && q->receive != MPI_REQUEST_NULL &&
        MPI_Test(&q->receive, &done, &status) != MPI_SUCCESS) {
        q->receive = MPI_REQUEST_NULL;
        q->down = true;
    }
    if (q->down) {
        if (q->told || q->left)
            return false;
        q->told = true;             /* a death counts once, whoever tells of it */
        *ret = (struct link_event){.kind = LINK_PEER_DOWN, .rank = p};
        return true;
    }
    if (!done)
        return false;
    MPI_Get_count(&status, MPI_BYTE, &bytes);
    q->received = (size_t)bytes;
    return next_frame(q, p, ret);
}

static void poll_link(void *self, struct link_event *ret)
{
    struct mpi_link *m = self;

    for (int n = 0; n < m->size; n++) {
        int p = (m->next + n) % m->size;

        if (p == m->rank || !poll_peer(m, p, ret))
            continue;
        /* Its batch to the end first: one look at the others a batch, not one a cell. */
        m->next = m->peers[p].taken < m->peers[p].received ? p : (p + 1) % m->size;
        return;
    }
    *ret = (struct link_event){.kind = LINK_NOTHING};
}

static size_t outstanding(void *self)
{
    struct mpi_link *m = self;
    size_t n = 0;

    for (int p = 0; p < m->size; p++) {
        struct peer *q = &m->peers[p];

        reap_sends(q);
        flush(q, p);
        n += q->in_flight + (q->down ? 0 : q->sends[q->next].used);
    }
    return n;
}

static int own_rank(void *self) { return ((struct mpi_link *)self)->rank; }
static int own_size(void *self) { return ((struct mpi_link *)self)->size; }

struct link mpi_link_port(struct mpi_link *m)
{
    static const struct link_ops ops = {send_frame, poll_link, outstanding, own_rank, own_size};

    return (struct link){&ops, m};
}

int mpi_link_fd(const struct mpi_link *m) { return doorbell_fd(&m->bell); }

/* Who can be reached reaches us. */
static bool all_will_ring(const struct mpi_link *m)
{
    for (int p = 0; p < m->size; p++)
        if (p != m->rank && !m->peers[p].down && (m->peers[p].in_flight || !doorbell_reaches(&m->peers[p].knob)))
            return false;
    return m->alone || m->bell.word;
}

uint64_t mpi_link_rest(struct mpi_link *m, bool busy)
{
    for (int p = 0; p < m->size; p++)   /* a turn that found nothing may have sent something all the same */
        flush(&m->peers[p], p);
    return rest_us(&m->rest, &m->bell, !busy && all_will_ring(m), busy);
}

const char *const *mpi_link_hosts(const struct mpi_link *m) { return m->host_names; }
const uint64_t *mpi_link_offers(const struct mpi_link *m) { return m->offers[0]; }
bool mpi_link_tells_deaths(const struct mpi_link *m) { return m->tells_deaths; }

/* -- HELLO ---------------------------------------------------------------------------------------- */

static void fill_hello(const struct mpi_link *m, const struct mpi_hello *hello, union cell *c)
{
    memset(c, 0, sizeof *c);
    c->hello.type = CELL_HELLO;
    c->hello.src = (uint32_t)m->rank;
    c->hello.version = CELL_VERSION;
    c->hello.endian = 0x01020304;
    c->hello.spec_hash = hello->spec_hash;
    c->hello.program_hash = hello->program_hash;
    c->hello.ranks = (uint32_t)m->size;
    c->hello.devices = hello->devices;
#ifdef OMPI_MAJOR_VERSION
    c->hello.mpi_version = OMPI_MAJOR_VERSION * 10000 + OMPI_MINOR_VERSION * 100 + OMPI_RELEASE_VERSION;
#endif
}

/* Does what p says fit what we say? */
static int judge(const union cell *mine, const union cell *its, int p, struct reason *why)
{
    if (its->head.type != CELL_HELLO || its->hello.endian != mine->hello.endian ||
        its->hello.version != mine->hello.version)
        return reason_set(why, TW_EVERSION, "rank %d is another version of treewarden: every host must run "
                          "the same build: install the same one everywhere", p);
    if (its->hello.mpi_version != mine->hello.mpi_version)
        return reason_set(why, TW_EVERSION, "rank %d was built with another Open MPI: mixtures start and "
                          "silently lose fault tolerance: install the same build everywhere", p);
    if (its->hello.spec_hash != mine->hello.spec_hash)
        return reason_set(why, TW_EPROTO, "rank %d reads another specification than rank %d: the file or "
                          "its --set overrides differ between hosts: copy the same file to every host",
                          p, (int)mine->head.src);
    if (its->hello.program_hash != mine->hello.program_hash)
        return reason_set(why, TW_EPROTO, "rank %d has another actor program than rank %d: the .so or "
                          ".fatbin differs between hosts: copy the same file to every host", p, (int)mine->head.src);
    if (its->hello.devices != mine->hello.devices)
        return reason_set(why, TW_EPROTO, "rank %d has %u devices, rank %d has %u: every rank needs as "
                          "many: set devices.per_rank", p, its->hello.devices, (int)mine->head.src,
                          mine->hello.devices);
    return 0;
}

/* Without its launcher MPI does not tell of deaths any more. */
static bool launcher_is_gone(const struct mpi_hello *hello)
{
    struct pollfd p = {.fd = hello->launcher_fd, .events = POLLIN};

    return p.fd >= 0 && poll(&p, 1, 0) > 0;
}

static void meet(struct mpi_link *m, int p, const struct hello_body *its)
{
    memcpy(m->offers[p], its->offer, sizeof its->offer);
    snprintf(m->hosts[p], MPI_HOST_BYTES, "%.63s", its->host);
    if (strcmp(m->hosts[p], m->hosts[m->rank]) == 0)
        (void)doorbell_find(&m->peers[p].knob, &its->bell);
}

static int exchange(struct mpi_link *m, const struct mpi_hello *hello, struct reason *why)
{
    struct hello_body own = {.bell = doorbell_address(&m->bell)};
    uint64_t by = now_ms() + HELLO_MS;
    union cell mine;
    int left = m->size - 1, rc = 0;
    bool *heard = calloc((size_t)m->size, sizeof *heard);

    fill_hello(m, hello, &mine);
    snprintf(own.host, sizeof own.host, "%s", m->hosts[m->rank]);
    memcpy(own.offer, m->offers[m->rank], sizeof own.offer);
    for (int p = 0; p < m->size; p++)
        if (p != m->rank)
            (void)send_frame(m, p, &mine, &own, sizeof own);
    while (heard && left > 0 && rc == 0) {
        struct link_event e;

        poll_link(m, &e);
        if (e.kind == LINK_PEER_DOWN) {
            rc = reason_set(why, TW_EPEER, "rank %d died before the job began: see its own message above",
                            e.rank);
        } else if (e.kind == LINK_CELL) {
            if (heard[e.rank])
                continue;
            heard[e.rank] = true;
            left--;
            rc = judge(&mine, e.cell, e.rank, why);
            if (rc == 0 && e.bytes == sizeof own)
                meet(m, e.rank, e.body);
        } else if (now_ms() > by) {
            rc = reason_set(why, TW_EPEER, "%d of %d ranks did not answer within %u s: the network between "
                            "the hosts, or a host too slow: check btl_tcp_if_include", left, m->size,
                            HELLO_MS / 1000);
        } else if (launcher_is_gone(hello)) {
            rc = reason_set(why, TW_EPEER, "the launcher (mpirun) died before the job began: start it again");
        } else {
            nap();
        }
    }
    free(heard);
    return rc;
}

/* -- open and close ------------------------------------------------------------------------------- */

static int check_library(struct reason *why)
{
#ifdef OMPI_MAJOR_VERSION
    char text[MPI_MAX_LIBRARY_VERSION_STRING], want[64];
    int n;

    MPI_Get_library_version(text, &n);
    snprintf(want, sizeof want, "v%d.%d.%d", OMPI_MAJOR_VERSION, OMPI_MINOR_VERSION, OMPI_RELEASE_VERSION);
    text[strcspn(text, ",\n")] = '\0';
    if (!strstr(text, want))
        return reason_set(why, TW_EVERSION, "this is %s, but treewarden was built with %s: mixtures start "
                          "and silently lose fault tolerance: use the mpirun beside the mpicc it was built "
                          "with", text, want);
#else
    (void)why;
#endif
    return 0;
}

/* Rank 0's mpirun and our library must be of one installation; what mpirun exports tells which it is. */
static int check_launcher(struct reason *why)
{
    const char *runtime = getenv("OMPI_VERSION");
    char want[64];

    if (!runtime)
        runtime = getenv("OMPI_MCA_mpi_version");
    if (!runtime)
        return 0;
#ifdef OMPI_MAJOR_VERSION
    snprintf(want, sizeof want, "%d.%d.%d", OMPI_MAJOR_VERSION, OMPI_MINOR_VERSION, OMPI_RELEASE_VERSION);
    if (strncmp(runtime, want, strlen(want)) != 0)
        return reason_set(why, TW_EVERSION, "started by an mpirun of Open MPI %.40s, but built with %s: use "
                          "the mpirun beside the mpicc it was built with", runtime, want);
#else
    (void)want;
    (void)why;
#endif
    return 0;
}

/* Was this process started by something that speaks PMIx? */
static bool is_launched(void) { return getenv("PMIX_NAMESPACE") != NULL || getenv("PMIX_RANK") != NULL; }

/* Several processes that each believe to be alone: a launcher that does not speak PMIx. */
static int check_singleton(struct reason *why, bool *ret_speaks)
{
    const char *tasks = getenv("SLURM_STEP_NUM_TASKS"), *number = getenv("SLURM_PROCID");
    const char *pmi = getenv("PMI_SIZE"), *ompi = getenv("OMPI_COMM_WORLD_SIZE");
    int wanted = tasks ? atoi(tasks) : pmi ? atoi(pmi) : ompi ? atoi(ompi) : 1;

    if (wanted <= 1)
        return 0;
    *ret_speaks = !number || atoi(number) == 0;
    return reason_set(why, TW_ESTATE, "%d singletons were started instead of one job of %d ranks: the "
                      "launcher does not speak PMIx: use mpirun, or srun --mpi=pmix", wanted, wanted);
}

bool mpi_link_may_tell_of_deaths(void)
{
#if defined(OMPI_HAVE_MPI_EXT_FTMPI) && defined(TW_HAVE_ULFM)
    return true;
#else
    return false;
#endif
}

static bool deaths_are_told(void)
{
#if defined(OMPI_HAVE_MPI_EXT_FTMPI) && defined(TW_HAVE_ULFM)
    void *value = NULL;
    int found = 0;

    MPI_Comm_get_attr(MPI_COMM_WORLD, MPIX_FT, &value, &found);
    return found && *(int *)value == 1;
#else
    return false;
#endif
}

static int allocate(struct mpi_link *m)
{
    m->peers = calloc((size_t)m->size, sizeof *m->peers);
    m->hosts = calloc((size_t)m->size, sizeof *m->hosts);
    m->offers = calloc((size_t)m->size, sizeof *m->offers);
    m->host_names = calloc((size_t)m->size, sizeof *m->host_names);
    if (!m->peers || !m->hosts || !m->offers || !m->host_names)
        return TW_ENOMEM;
    for (int p = 0; p < m->size; p++) {
        m->host_names[p] = m->hosts[p];
        m->peers[p].receive = MPI_REQUEST_NULL;
        m->peers[p].knob.fd = -1;
        if (p == m->rank)
            continue;
        m->peers[p].frames = aligned_alloc(64, (RECEIVE_BYTES + 63) & ~(size_t)63);
        if (!m->peers[p].frames)
            return TW_ENOMEM;
        post(m, p);
    }
    gethostname(m->hosts[m->rank], MPI_HOST_BYTES - 1);
    if (!m->alone)
        (void)doorbell_open(&m->bell);  /* without one we are slower, no more */
    return 0;
}

/* One rank by itself: MPI would only leave its files behind. */
static int open_alone(struct mpi_link *m, const struct mpi_hello *hello, struct reason *why, bool *ret_speaks)
{
    m->alone = true;
    m->size = 1;
    if (check_singleton(why, ret_speaks) != 0)
        return TW_ESTATE;
    if (allocate(m) != 0)
        return reason_set(why, TW_ENOMEM, "not enough memory for the link");
    memcpy(m->offers[0], hello->offer, sizeof hello->offer);
    return 0;
}

static int init_mpi(struct mpi_link *m, struct reason *why)
{
    int provided;

    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS)
        return reason_set(why, TW_ESYS, "MPI could not be initialised: see its own message above");
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm_set_errhandler(MPI_COMM_SELF, MPI_ERRORS_RETURN);
    MPI_Comm_rank(MPI_COMM_WORLD, &m->rank);
    MPI_Comm_size(MPI_COMM_WORLD, &m->size);
    m->tells_deaths = deaths_are_told();
    return 0;
}

int mpi_link_open(const struct mpi_hello *hello, struct mpi_link **ret, struct reason *why,
                  bool *ret_speaks)
{
    struct mpi_link *m = calloc(1, sizeof *m);
    int rc;

    *ret_speaks = true;
    if (!m)
        return reason_set(why, TW_ENOMEM, "not enough memory for the link");
    *ret = m;
    if (!is_launched())
        return open_alone(m, hello, why, ret_speaks);
    rc = init_mpi(m, why);
    if (rc != 0)
        return rc;
    *ret_speaks = m->rank == 0;
    rc = check_library(why);
    if (rc == 0)
        rc = check_launcher(why);
    if (rc == 0 && allocate(m) != 0)
        rc = reason_set(why, TW_ENOMEM, "not enough memory for %d peers", m->size);
    if (rc != 0)
        return rc;
    memcpy(m->offers[m->rank], hello->offer, sizeof hello->offer);
    return exchange(m, hello, why);
}

static int watchdog_code;

static void finalize_hangs(int signo)
{
    (void)signo;
    _exit(watchdog_code);
}

static bool any_died(const struct mpi_link *m)
{
    for (int p = 0; m->peers && p < m->size; p++)
        if (m->peers[p].down && !m->peers[p].left)
            return true;
    return false;
}

static void arm_watchdog(unsigned ms, int code)
{
    struct itimerval in = {.it_value = {ms / 1000, (long)(ms % 1000) * 1000}};

    watchdog_code = code;
    signal(SIGALRM, finalize_hangs);
    setitimer(ITIMER_REAL, &in, NULL);
}

static bool all_left(const struct mpi_link *m)
{
    for (int p = 0; p < m->size; p++)
        if (p != m->rank && !m->peers[p].down && !m->peers[p].left)
            return false;
    return true;
}

void mpi_link_close(struct mpi_link *m, unsigned timeout_ms, int exit_code)
{
    unsigned goodbye_ms = any_died(m) && timeout_ms > AFTER_DEATH_MS ? AFTER_DEATH_MS : timeout_ms;
    uint64_t by = now_ms() + goodbye_ms;
    union cell bye;
    bool *said;

    if (m->alone)
        return;
    arm_watchdog(goodbye_ms + FINALIZE_MS, exit_code);
    said = m->peers ? calloc((size_t)m->size, sizeof *said) : NULL;
    memset(&bye, 0, sizeof bye);
    bye.head.type = CELL_GOODBYE;
    while (said && now_ms() < by) {
        struct link_event e;

        for (int p = 0; p < m->size; p++)
            if (p != m->rank && !said[p])
                said[p] = send_frame(m, p, &bye, NULL, 0) != TW_EFULL;
        poll_link(m, &e);
        if (all_left(m) && outstanding(m) == 0)
            break;
        if (e.kind == LINK_NOTHING)
            nap();
    }
    free(said);
    for (int p = 0; m->peers && p < m->size; p++)
        if (m->peers[p].receive != MPI_REQUEST_NULL) {
            MPI_Cancel(&m->peers[p].receive);
            MPI_Request_free(&m->peers[p].receive);
        }
    doorbell_close(&m->bell);
    for (int p = 0; m->peers && p < m->size; p++)
        doorbell_leave(&m->peers[p].knob);
    arm_watchdog(any_died(m) ? AFTER_DEATH_MS : FINALIZE_MS, exit_code);
    MPI_Finalize();
    arm_watchdog(0, exit_code);
}
