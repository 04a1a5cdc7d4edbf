/* house.c - the ranks' loops on threads, as cmd/run.c has them */
#include "tests/threads/house.h"

#include <stdio.h>
#include <stdio.h>
#include <time.h>

#include "sup/timeouts.h"

#define NAP_MAX_US 2000u
#define PATIENCE_US 80000000u  /* a bound, not an expectation */

static uint64_t clock_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static void on_record(void *self, const struct journal_record *rec)
{
    (void)rec;
    ((struct side *)self)->records++;
}

static void on_answer(void *self, uint64_t token, const struct rank_answer *a)
{
    struct side *s = self;

    if (token != s->next)
        return;
    s->answered = true;
    s->answer = a->exit_code;
}

static void on_verdict(void *self, const struct verdict *v)
{
    struct house *h = ((struct side *)self)->house;

    h->verdict = *v;
    h->has_verdict = true;
}

static void *rank_thread(void *arg)
{
    struct side *s = arg;
    uint64_t begin = clock_us(), nap = LINK_REST_MIN_US;

    rank_start(s->rank, begin);
    while (!rank_ended(s->rank, &s->exit_code) && !s->late) {
        uint64_t now = clock_us();
        int busy = rank_turn(s->rank, now);

        if (s->number == 1)
            injuries_turn(s);
        s->late = now - begin > PATIENCE_US;
        nap = busy ? LINK_REST_MIN_US : nap * 2 > NAP_MAX_US ? NAP_MAX_US : nap * 2;
        if (!busy)
            nanosleep(&(struct timespec){0, (long)nap * 1000}, NULL);
    }
    pthread_mutex_lock(&s->lock);
    s->ended = true;
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static int make_side(struct house *h, int number)
{
    static const char *const hosts[HOUSE_RANKS] = {"here", "here"};
    struct side *s = &h->sides[number];
    struct rank_config rc = {.spec = h->spec, .program = h->program, .rank_of = h->places.rank_of,
                             .device_of = h->places.device_of, .home_of = h->places.home_of, .drills_allowed = true,
                             .devices = (int)h->spec->devices.per_rank, .generation = 1, .job = "threads",
                             .state_dir = "", .link = house_link(s), .port = house_devices(s),
                             .out = {s, on_answer, on_verdict}, .host_of = hosts};
    struct reason why;

    s->house = h;
    s->number = number;
    pthread_mutex_init(&s->lock, NULL);
    s->frames_end = &s->frames;
    s->told_end = &s->told;
    if (journal_open_memory(on_record, s, &s->journal) != 0)
        return -1;
    rc.journal = s->journal;
    s->rank = rank_create(&rc, clock_us(), &why);
    return s->rank ? 0 : -1;
}

int house_run(struct house *h)
{
    struct reason why;
    int rc = placement_make(h->spec, HOUSE_RANKS, &h->places, &why);

    for (int i = 0; i < HOUSE_RANKS && rc == 0; i++)
        rc = make_side(h, i);
    if (rc != 0)
        return -1;
    for (int i = 0; i < HOUSE_RANKS; i++)
        if (pthread_create(&h->sides[i].thread, NULL, rank_thread, &h->sides[i]) != 0)
            return -1;
    for (int i = 0; i < HOUSE_RANKS; i++)
        pthread_join(h->sides[i].thread, NULL);
    return 0;
}

void house_free(struct house *h)
{
    for (int i = 0; i < HOUSE_RANKS; i++) {
        struct side *s = &h->sides[i];

        if (!s->house)
            continue;
        workers_drop(s);
        frames_drop(s);
        rank_destroy(s->rank);
        journal_close(s->journal, 0);
        pthread_mutex_destroy(&s->lock);
    }
    placement_free(&h->places);
}
