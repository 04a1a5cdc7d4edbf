/* tap.h - the Test Anything Protocol in a few lines: a test is a sentence that states a fact */
#ifndef TW_TESTS_TAP_H
#define TW_TESTS_TAP_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_count, tap_failed;

__attribute__((format(printf, 2, 3), unused))
static int ok(int pass, const char *fmt, ...)
{
    va_list ap;

    printf("%sok %d - ", pass ? "" : "not ", ++tap_count);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
    tap_failed += !pass;
    fflush(stdout);
    return pass;
}

__attribute__((format(printf, 3, 4), unused))
static int is_int(long long got, long long want, const char *fmt, ...)
{
    char what[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    if (!ok(got == want, "%s", what))
        printf("# got %lld, want %lld\n", got, want);
    return got == want;
}

__attribute__((format(printf, 3, 4), unused))
static int is_str(const char *got, const char *want, const char *fmt, ...)
{
    char what[512];
    va_list ap;
    int same = got && want && strcmp(got, want) == 0;

    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    if (!ok(same, "%s", what))
        printf("# got  %s\n# want %s\n", got ? got : "(null)", want ? want : "(null)");
    return same;
}

__attribute__((unused))
static void skip_all(const char *why)
{

    printf("1..0 # SKIP %s\n", why);
    exit(0);
}

/* Last call of main: prints the plan, returns through exit so that main needs no return code. */
__attribute__((unused))
static void done_testing(void)
{
    printf("1..%d\n", tap_count);
    exit(tap_failed != 0);
}

#endif
