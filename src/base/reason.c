/* reason.c - bounded texts for people */
#include "base/reason.h"

#include <stdio.h>
#include <string.h>

int reason_set(struct reason *why, int rc, const char *fmt, ...)
{
    va_list ap;

    if (!why)
        return rc;
    va_start(ap, fmt);
    vsnprintf(why->text, sizeof why->text, fmt, ap);
    va_end(ap);
    return rc;
}

void reason_prefix(struct reason *why, const char *fmt, ...)
{
    char old[REASON_BYTES];
    va_list ap;
    int n;

    if (!why)
        return;
    memcpy(old, why->text, sizeof old);
    va_start(ap, fmt);
    n = vsnprintf(why->text, sizeof why->text, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof why->text)
        snprintf(why->text + n, sizeof why->text - (size_t)n, ": %.*s",
                 (int)(sizeof why->text - (size_t)n - 3), old);
}
