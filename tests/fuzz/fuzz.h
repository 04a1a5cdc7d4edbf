/* fuzz.h - what a harness is: libFuzzer's entry, a name, and how to say that a promise was broken
 *
 * A harness that returns is content.  It aborts where the subject broke its word: as much of a find as a crash.
 */
#ifndef TW_TESTS_FUZZ_H
#define TW_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

extern const char fuzz_name[];          /* of the harness and of its folder in corpus/ */
extern const uint32_t fuzz_changes;     /* how many driver.c makes in a test: some seconds' worth, with a sanitizer */

#define FUZZ_PROMISE(holds, what)                                   \
    do {                                                            \
        if (!(holds)) {                                             \
            fprintf(stderr, "broken: %s: %s\n", what, #holds);      \
            abort();                                                \
        }                                                           \
    } while (0)

#endif
