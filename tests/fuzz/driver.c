/* driver.c - the main of a harness that no fuzzing engine drives: what is kept, and changes of it from a seed
 *
 *   tests/fuzz/spec                     every file of the corpus, then changes of them
 *   tests/fuzz/spec FILE...             these files once: how a crash is replayed
 *   FUZZ_CHANGES=1000000 FUZZ_SECONDS=600 FUZZ_SEED=7 tests/fuzz/spec       more of it
 *
 * No coverage guides it: that is what libFuzzer and AFL++ are for, which bring their own main.  This one is quick, is
 * the same every time, and needs nothing but a compiler, so it is a test like others.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <time.h>
#include <unistd.h>

#include "shared/splitmix.h"
#include "tests/fuzz/fuzz.h"
#include "tests/lib/tap.h"

enum { FILES = 512, INPUT_MAX = 16384, WORDS = 4096, HANG_S = 20 };

struct input { uint8_t *data; size_t size; };

static struct input corpus[FILES];
static uint32_t corpus_count;
static struct { const uint8_t *at; size_t size; } words[WORDS];
static uint32_t word_count;
static uint64_t dice;

/* -- what fails is kept ----------------------------------------------------------------------------- */

static const uint8_t *in_hand;
static size_t in_hand_size;
static char crash_file[128];

static void say(const char *text) { (void)!write(1, text, strlen(text)); }

/* Only what a signal handler may do: the heap may be what is broken. */
static void keep_input(void)
{
    int fd = in_hand ? open(crash_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644) : -1;

    if (fd < 0)
        return;
    (void)!write(fd, in_hand, in_hand_size);
    close(fd);
    in_hand = NULL;
    say("not ok 1 - ");
    say(fuzz_name);
    say(": the input it failed on is in ");
    say(crash_file);
    say("\n1..1\n");
}

static void on_signal(int number)
{
    if (number == SIGALRM)
        say("# an input takes too long\n");
    keep_input();
    signal(number, SIG_DFL);
    if (number == SIGALRM)
        _exit(1);
    raise(number);
}

/* There in a build with a sanitizer, whose reports end the process without a signal. */
__attribute__((weak)) void __sanitizer_set_death_callback(void (*f)(void));

static void watch_for_failures(void)
{
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGALRM};

    snprintf(crash_file, sizeof crash_file, "crash-%s-%d", fuzz_name, (int)getpid());
    if (__sanitizer_set_death_callback)
        __sanitizer_set_death_callback(keep_input);
    for (uint32_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (!__sanitizer_set_death_callback || numbers[i] == SIGABRT || numbers[i] == SIGALRM)
            signal(numbers[i], on_signal);
}

static void run(const uint8_t *data, size_t size)
{
    uint8_t *exact = malloc(size ? size : 1);   /* so that a read behind its end is seen */

    memcpy(exact, data, size);
    in_hand = data;
    in_hand_size = size;
    alarm(HANG_S);
    (void)LLVMFuzzerTestOneInput(exact, size);
    alarm(0);
    in_hand = NULL;
    free(exact);
}

/* -- the corpus ------------------------------------------------------------------------------------- */

static struct input read_file(const char *path)
{
    struct input in = {calloc(1, INPUT_MAX), 0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, in.data, INPUT_MAX);

    if (n < 0) {
        printf("Bail out! %s cannot be read\n", path);
        exit(1);
    }
    close(fd);
    in.size = (size_t)n;
    return in;
}

static bool is_word(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c >= 128;
}

/* The dictionary is what the corpus is written in. */
static void find_words(const struct input *in)
{
    for (size_t i = 0, end; i < in->size && word_count < WORDS; i = end + 1) {
        for (end = i; end < in->size && is_word(in->data[end]); end++)
            ;
        if (end > i && end - i < 32) {
            words[word_count].at = in->data + i;
            words[word_count++].size = end - i;
        }
    }
}

static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

static void read_corpus(void)
{
    char path[4096];
    struct dirent **names;
    int n;

    snprintf(path, sizeof path, TW_SRCDIR "/tests/fuzz/corpus/%s", fuzz_name);
    n = scandir(path, &names, NULL, by_name);
    for (int i = 0; i < n; i++) {
        snprintf(path, sizeof path, TW_SRCDIR "/tests/fuzz/corpus/%s/%s", fuzz_name, names[i]->d_name);
        if (names[i]->d_name[0] != '.' && corpus_count < FILES) {
            corpus[corpus_count] = read_file(path);
            find_words(&corpus[corpus_count++]);
        }
        free(names[i]);
    }
    if (n >= 0)
        free(names);
}

/* -- changes ---------------------------------------------------------------------------------------- */

static uint64_t roll(uint64_t below)
{
    uint64_t x = splitmix_next(&dice);

    return below ? x % below : 0;
}

static void put(struct input *in, size_t at, const void *what, size_t size)
{
    if (in->size + size > INPUT_MAX)
        return;
    memmove(in->data + at + size, in->data + at, in->size - at);
    memcpy(in->data + at, what, size);
    in->size += size;
}

static void cut(struct input *in, size_t at, size_t size)
{
    if (size > in->size - at)
        size = in->size - at;
    memmove(in->data + at, in->data + at + size, in->size - at - size);
    in->size -= size;
}

static void put_number(struct input *in, size_t at)
{
    static const char *const odd[] = {"0", "1", "-1", "255", "65535", "65536", "2147483647", "4294967295",
                                      "4294967296", "9223372036854775807", "9223372036854775808",
                                      "18446744073709551615", "1e999", "0x7f", "nan"};
    const char *text = odd[roll(sizeof odd / sizeof *odd)];

    put(in, at, text, strlen(text));
}

/* In place of the word that stands there: what is changed so stays well formed more often. */
static void put_word(struct input *in, size_t at)
{
    size_t end;

    while (at > 0 && is_word(in->data[at - 1]))
        at--;
    for (end = at; end < in->size && is_word(in->data[end]); end++)
        ;
    cut(in, at, end - at);
    if (word_count && roll(3)) {
        uint64_t w = roll(word_count);

        put(in, at, words[w].at, words[w].size);
    } else {
        put_number(in, at);
    }
}

/* What stands at the beginning of it, once more. */
static void put_again(struct input *in, size_t at)
{
    uint8_t copy[256];
    size_t size = roll(in->size + 1) % sizeof copy;

    memcpy(copy, in->data, size);
    put(in, at, copy, size);
}

static void put_line(struct input *in, size_t at)
{
    const struct input *other = &corpus[roll(corpus_count)];
    size_t from = roll(other->size + 1), size = roll(200);

    while (from > 0 && other->data[from - 1] != '\n')
        from--;
    while (at > 0 && in->data[at - 1] != '\n')
        at--;
    for (size_t i = from; i < other->size; i++)
        if (other->data[i] == '\n' && i - from >= size)
            size = i - from + 1, i = other->size;
    put(in, at, other->data + from, size < other->size - from ? size : other->size - from);
}

static void change(struct input *in)
{
    size_t at = roll(in->size + 1);
    uint8_t byte = (uint8_t)roll(256);

    switch (roll(10)) {
    case 0: if (at < in->size) in->data[at] ^= (uint8_t)(1u << roll(8)); return;
    case 1: if (at < in->size) in->data[at] = byte; return;
    case 2: put(in, at, &byte, 1); return;
    case 3: cut(in, at, 1 + roll(roll(2) ? 4 : 64)); return;
    case 4: put_again(in, at); return;
    case 5: put_line(in, at); return;
    default: put_word(in, at); return;
    }
}

static void run_changed(struct input *room)
{
    const struct input *of = &corpus[roll(corpus_count)];

    memcpy(room->data, of->data, of->size);
    room->size = of->size;
    for (uint64_t n = 1 + roll(1ull << roll(5)); n > 0; n--)
        change(room);
    run(room->data, room->size);
}

/* -- the whole -------------------------------------------------------------------------------------- */

static uint64_t asked(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text ? strtoull(text, NULL, 10) : otherwise;
}

static void replay(char **paths, int count)
{
    for (int i = 0; i < count; i++) {
        struct input in = read_file(paths[i]);

        run(in.data, in.size);
        free(in.data);
        ok(1, "%s: %s: no crash", fuzz_name, paths[i]);
    }
    done_testing();
}

int main(int argc, char **argv)
{
    struct input room = {malloc(INPUT_MAX), 0};
    uint64_t want = asked("FUZZ_CHANGES", fuzz_changes), done = 0;
    time_t until = time(NULL) + (time_t)asked("FUZZ_SECONDS", 4);

    dice = asked("FUZZ_SEED", 1);
    watch_for_failures();
    if (argc > 1)
        replay(argv + 1, argc - 1);
    read_corpus();
    for (uint32_t i = 0; i < corpus_count; i++)
        run(corpus[i].data, corpus[i].size);
    while (corpus_count && done < want && time(NULL) < until) {
        run_changed(&room);
        done++;
    }
    ok(corpus_count > 0, "%s: %u files and %llu changes of them: no crash, every refusal has a reason", fuzz_name,
       corpus_count, (unsigned long long)done);
    for (uint32_t i = 0; i < corpus_count; i++)
        free(corpus[i].data);
    free(room.data);
    done_testing();
}
