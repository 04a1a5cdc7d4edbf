/* log.c - one write per line, so that lines of several processes never mix */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static enum log_level max_level = LOG_WARN;
static char who_text[32];

void log_set_level(enum log_level level) { max_level = level; }

void log_set_who(const char *who) { snprintf(who_text, sizeof who_text, "%s", who); }

void log_line(enum log_level level, const char *fmt, ...)
{
    char line[1024];
    va_list ap;
    int n;

    if (level > max_level)
        return;
    n = snprintf(line, sizeof line, "treewarden: %s%s", who_text, who_text[0] ? ": " : "");
    va_start(ap, fmt);
    n += vsnprintf(line + n, sizeof line - (size_t)n - 1, fmt, ap);
    va_end(ap);
    if (n > (int)sizeof line - 2)
        n = (int)sizeof line - 2;
    line[n++] = '\n';
    if (write(STDERR_FILENO, line, (size_t)n) < 0)
        return; /* nobody to tell */
}
