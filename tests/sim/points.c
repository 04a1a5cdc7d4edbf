/* points.c - a worker, or a rank, dies at any store to memory it shares: the others come to the right view of it
 *
 *     points                          a first, a middle and a last time of every place in the code that stores
 *     points JOB SEED WHO PLACE TIME  one death again, as a failure printed it
 *     points more N                   N times as many times
 *
 * Whole simulated jobs (src/emu) over the slots' code built with crash points.  A place is one store instruction of
 * src/slot: rings, outboxes, bells, commits, control lines, from the worker's side and from the rank's.  When a
 * worker dies there, the job must end well with the bytes of a run without faults; when a rank does, with a verdict
 * that names it.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "emu/emu.h"
#include "spec/spec.h"
#include "tap.h"
#include "worker/program.h"

#define PLACES 1024
#define OUTPUT_BYTES (4u << 20)

struct job { const char *name, *folder, *output, *sets[8]; int set_count, ranks; };

static const struct job jobs[] = {
    {"relay", "jobs/relay", "tokens.txt", {"relay/board.args.runners=6", "relay/board.args.tokens=4", "relay/runner.count=6",
     "relay/runner.args.runners=6", "relay/runner.args.tokens=4", "relay/runner.args.hops=12", "devices.slots=3"}, 7, 2},
    {"wave", "tests/data", "wave.txt", {"wave/cell.args.steps=25"}, 1, 2},
    {"poison", "tests/data", "sum.txt", {"job/source.args.messages=8", "job/sink.args.every=4", "job/sink.poison=2"}, 3, 2},
    {"watch", "tests/data", "watch.txt", {"job/mortal.args.steps=9"}, 1, 2},
};
enum { JOBS = sizeof jobs / sizeof jobs[0] };
static const char *const who_name[] = {"nobody", "worker", "rank"};

/* -- places --------------------------------------------------------------------------------------- */

static struct place { const void *at; uint64_t times[3]; } places[PLACES];
static uint32_t place_count;
static struct { uint32_t place; enum emu_who who; uint64_t time; int rank; } death;     /* time 0: nobody dies */

void yield_point(void);
void crash_point(void);
void yield_point(void) {}

static uint32_t place_of(const void *at)
{
    for (uint32_t i = 0; i < place_count; i++)
        if (places[i].at == at)
            return i;
    if (place_count == PLACES)
        abort();
    places[place_count].at = at;
    return place_count++;
}

void crash_point(void)
{
    int rank;
    enum emu_who who = emu_turn_of(&rank);
    uint32_t place;

    if (who == EMU_NOBODY)
        return;
    place = place_of(__builtin_return_address(0));
    if (++places[place].times[who] != death.time || place != death.place || who != death.who)
        return;
    death.rank = rank;
    emu_die();
}

/* -- runs ----------------------------------------------------------------------------------------- */

static struct spec *spec;
static const struct tw_program *program;
static char out_dir[] = "/tmp/tw.XXXXXX", good[OUTPUT_BYTES], output[OUTPUT_BYTES];
static size_t good_bytes;
static uint64_t good_us;

static void say_error(void *self, const char *text)
{
    (void)self;
    printf("# %s\n", text);
}

static int load(const struct job *j)
{
    char file[512], so[512];
    struct reason why = {""};
    uint64_t hash;
    int fd;

    snprintf(file, sizeof file, "%s/%s/%s.yaml", getenv("TW_SRC"), j->folder, j->name);
    snprintf(so, sizeof so, "%s/%s/%s.so", getenv("TW_BUILD"), j->folder, j->name);
    if (spec_load(file, j->sets, j->set_count, say_error, NULL, &spec) != 0)
        return 0;
    if (program_image(so, &fd, &hash, &why) == 0 && program_open(so, fd, &program, &why) == 0)
        return 1;
    printf("# %s\n", why.text);
    return 0;
}

static size_t read_output(const struct job *j, char *to)
{
    char name[64];
    size_t n = 0;
    FILE *f;

    snprintf(name, sizeof name, "%s/%s", out_dir, j->output);
    f = fopen(name, "r");
    if (f) {
        n = fread(to, 1, OUTPUT_BYTES, f);
        fclose(f);
    }
    return n;
}

static void empty(void)
{
    char name[400];
    DIR *d = opendir(out_dir);
    struct dirent *e;

    while (d && (e = readdir(d)))
        if (e->d_name[0] != '.') {
            snprintf(name, sizeof name, "%s/%s", out_dir, e->d_name);
            unlink(name);
        }
    if (d)
        closedir(d);
}

/* Counted from zero each time, so a time means the same in every run of a seed. */
static const char *run(const struct job *j, uint64_t seed)
{
    static struct emu_result result;
    struct emu_plan plan = {.links = {.delay_us = 200}};
    struct emu_config c = {.spec = spec, .program = program, .ranks = j->ranks, .seed = seed, .plan = &plan,
                           .out_dir = out_dir, .limit_us = good_us * 20 + 60000000, .fibers = true};
    struct reason why;

    for (uint32_t i = 0; i < place_count; i++)
        memset(places[i].times, 0, sizeof places[i].times);
    death.rank = -1;
    empty();
    if (emu_run(&c, &result, &why) != 0)
        return "not enough memory";
    if (!good_us)
        good_us = result.virtual_us;
    return result.failure;
}

/* "" = all held. */
static const char *one_death(const struct job *j, uint64_t seed, enum emu_who who, uint32_t place, uint64_t time)
{
    const char *failure;

    death.who = who;
    death.place = place;
    death.time = time;
    failure = run(j, seed);
    death.time = 0;
    if (failure[0])
        return failure;
    if (death.rank < 0)
        return "nobody died: the run is not the one it was";
    if (who == EMU_WORKER && (read_output(j, output) != good_bytes || memcmp(output, good, good_bytes) != 0))
        return "the output is not what it is without faults";
    return "";
}

static uint32_t every_place(const struct job *j, uint64_t seed, enum emu_who who, uint64_t times, uint32_t *ret_deaths)
{
    uint64_t seen[PLACES];
    uint32_t bad = 0, n = place_count;

    for (uint32_t p = 0; p < n; p++)
        seen[p] = places[p].times[who];
    for (uint32_t p = 0; p < n && bad < 5; p++)
        for (uint64_t i = 0; i <= 2 * times && bad < 5; i++) {
            uint64_t time = 1 + (seen[p] - 1) * i / (2 * times);
            const char *failure;

            if (seen[p] == 0 || (i && time == 1 + (seen[p] - 1) * (i - 1) / (2 * times)))
                continue;
            failure = one_death(j, seed, who, p, time);
            ++*ret_deaths;
            if (!failure[0])
                continue;
            printf("# %s\n# again: points %s %llu %s %u %llu\n", failure, j->name, (unsigned long long)seed, who_name[who],
                   p, (unsigned long long)time);
            bad++;
        }
    return bad;
}

static int calm(const struct job *j, uint64_t seed)
{
    const char *failure;

    memset(places, 0, sizeof places);
    place_count = 0;
    good_us = 0;
    failure = run(j, seed);
    good_bytes = read_output(j, good);
    return ok(!failure[0] && good_bytes > 0, "%s: without faults it ends well %s", j->name, failure);
}

static void all_of(const struct job *j, uint64_t seed, uint64_t times)
{
    for (int who = EMU_WORKER; who <= EMU_RANK; who++) {
        uint32_t deaths = 0, bad;

        if (!calm(j, seed))
            return;
        bad = every_place(j, seed, (enum emu_who)who, times, &deaths);
        ok(bad == 0 && deaths > 10, "%s: a %s dies at %u stores of %u places: %s", j->name, who_name[who], deaths,
           place_count, who == EMU_WORKER ? "it ends well, with the same bytes" : "the verdict names it");
    }
}

static int again(char **argv)
{
    for (int i = 0; i < JOBS; i++)
        if (!strcmp(argv[1], jobs[i].name) && load(&jobs[i]) && calm(&jobs[i], strtoull(argv[2], NULL, 10))) {
            const char *failure = one_death(&jobs[i], strtoull(argv[2], NULL, 10), argv[3][0] == 'w' ? EMU_WORKER : EMU_RANK,
                                            (uint32_t)atoi(argv[4]), strtoull(argv[5], NULL, 10));

            printf("# place %p: %s\n", places[atoi(argv[4])].at, failure[0] ? failure : "well");
            return failure[0] != '\0';
        }
    return 2;
}

int main(int argc, char **argv)
{
    uint64_t times = argc == 3 ? strtoull(argv[2], NULL, 10) : 1;
    int rc = 0;

    log_set_level(LOG_ERROR);
    if (!mkdtemp(out_dir))
        return 1;
    if (argc == 6)
        rc = again(argv);
    for (int i = 0; argc < 6 && i < JOBS; i++) {
        if (ok(load(&jobs[i]), "%s: it is there", jobs[i].name))
            all_of(&jobs[i], 7, times);
        spec_free(spec);
    }
    empty();
    rmdir(out_dir);
    if (argc == 6)
        return rc;
    done_testing();
}
