/* trace.c - words in order; for JSON, a name to each */
#include "emu/trace.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const char *fields_of(const char *what)
{
    static const struct { const char *what, *fields; } lines[] = {
#define X(what, fields) {what, fields},
        TRACE_LINE_LIST(X)
#undef X
    };

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (!strcmp(lines[i].what, what))
            return lines[i].fields;
    return "";
}

static json_t *number_or_word(const char *word)
{
    char *end;
    long long number = strtoll(word, &end, 10);

    return *word && !*end ? json_integer(number) : json_string(word);
}

/* KEY=VALUE pairs into o. */
static void add_pairs(json_t *o, char *pairs, const char *between)
{
    char *save;

    for (char *pair = strtok_r(pairs, between, &save); pair; pair = strtok_r(NULL, between, &save)) {
        char *value = strchr(pair, '=');

        if (!value)
            continue;
        *value++ = '\0';
        json_object_set_new(o, pair, number_or_word(value));
    }
}

static void add_field(json_t *o, const char *field, size_t length, char **rest)
{
    char *word;

    if (!strncmp(field, "counts", length)) {
        add_pairs(o, *rest ? *rest : *rest, " ");
        return;
    }
    if (!strncmp(field, "children", length)) {
        json_t *children = json_object();

        add_pairs(children, *rest, ",");
        json_object_set_new(o, "children", children);
        return;
    }
    if (!strncmp(field, "event", length)) {
        if (**rest)
            json_object_set_new(o, "event", json_string(*rest));
        return;
    }
    word = strsep(rest, " ");
    json_object_setn_new(o, field, length, number_or_word(word));
}

static void write_json(FILE *out, int depth, char *text)
{
    char *rest = text, *what = strsep(&rest, " ");
    json_t *o = json_pack("{s:s}", "line", !strcmp(what, "@") ? "at" : !strcmp(what, "=") ? "final" : what);
    const char *field = fields_of(what);

    if (*field == '\0' || !o)
        return;
    if (!strcmp(what, "="))
        json_object_set_new(o, "depth", json_integer(depth));
    while (*field && rest) {
        size_t length = strcspn(field, " ");

        add_field(o, field, length, &rest);
        field += length + strspn(field + length, " ");
    }
    json_dumpf(o, out, JSON_COMPACT);
    fputc('\n', out);
    json_decref(o);
}

void trace_line(FILE *out, bool json, int depth, const char *fmt, ...)
{
    char *text = NULL;
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vasprintf(&text, fmt, ap);
    va_end(ap);
    if (n < 0)
        return;
    if (json)
        write_json(out, depth, text);
    else if (text[0] == '=')
        fprintf(out, "= %*s%s\n", 2 * depth, "", text + 2);
    else
        fprintf(out, "%s\n", text);
    free(text);
}
