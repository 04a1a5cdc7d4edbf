/* scenario.c - any bytes as a scenario: refused with a reason and before the first line, or played to its end
 *
 * libFuzzer, from the top of the source tree (AFL++: afl-clang-fast in place of clang):
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -I. -Isrc -Isrc/api tests/fuzz/scenario.c \
 *       src/emu/scenario*.c src/core/?*.c src/base/?*.c -o fuzz-scenario && \
 *       ./fuzz-scenario tests/fuzz/corpus/scenario
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "emu/scenario.h"
#include "emu/scenario_file.h"
#include "shared/rc.h"
#include "tests/fuzz/file.h"

const char fuzz_name[] = "scenario";
const uint32_t fuzz_changes = 20000;

/* Of what is played; a long one is only read. */
enum { EVENTS_PLAYED = 200, VERTICES_PLAYED = 200, INTENSITY_PLAYED = 1000 };

static void on_line(void *arg, const char *text, int depth)
{
    ++*(uint64_t *)arg;
    FUZZ_PROMISE(text && !strchr(text, '\n') && depth >= 0, "a line is one line");
}

static bool is_short(const char *path, struct reason *why, int *ret_rc)
{
    struct scenario_file f;
    bool is = false;

    *ret_rc = scenario_file_read(&f, path, why);
    if (*ret_rc != 0)
        return false;
    is = f.event_count <= EVENTS_PLAYED && f.vertex_count + f.spawns <= VERTICES_PLAYED;
    for (uint32_t i = 0; i < f.vertex_count; i++)
        is &= f.vertices[i].spec.intensity <= INTENSITY_PLAYED;
    scenario_file_free(&f);
    return is;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = fuzz_file(data, size);
    struct reason why = {0};
    uint64_t lines = 0;
    struct scenario_out out = {on_line, &lines};
    int rc;

    if (is_short(path, &why, &rc))
        FUZZ_PROMISE(scenario_run(path, &out, &why) == 0 && lines >= 3, "what is read without a complaint is played");
    else if (rc != 0)
        FUZZ_PROMISE(rc == TW_EPROTO && strstr(why.text, ": "), "a refusal says where and why");
    return 0;
}
