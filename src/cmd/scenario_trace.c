/* scenario_trace.c - words in order; for JSON, a name to each */
#include "cmd/scenario_trace.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct trace_line { const char *word, *json, *fields; } lines[] = {
#define X(word, json, fields) {word, json, fields},
    TRACE_LINE_LIST(X)
#undef X
};

static void write_text(void *arg, const char *text, int depth)
{
    (void)arg;
    if (text[0] == '=')
        printf("= %*s%s\n", 2 * depth, "", text + 2);
    else
        puts(text);
}

static json_t *number_or_word(const char *word)
{
    char *end;
    long long number = strtoll(word, &end, 10);

    return *word && !*end ? json_integer(number) : json_string(word);
}

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

/* The field called `name` takes the next word of *rest, or all of it. */
static void add_field(json_t *o, const char *name, char **rest)
{
    json_t *children;

    if (!strcmp(name, "counts")) {
        add_pairs(o, *rest, " ");
    } else if (!strcmp(name, "children")) {
        children = json_object();
        add_pairs(children, *rest, ",");
        json_object_set_new(o, name, children);
    } else if (!strcmp(name, "event")) {
        json_object_set_new(o, name, json_string(*rest));
    } else {
        json_object_set_new(o, name, number_or_word(strsep(rest, " ")));
        return;
    }
    *rest = NULL;
}

static const struct trace_line *line_of(const char *word)
{
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (!strcmp(lines[i].word, word))
            return &lines[i];
    return NULL;
}

/* `noop tree_down` and `= down` have one word: it is what the line's last field says. */
static json_t *object_of(char *rest, int depth)
{
    const struct trace_line *line = line_of(strsep(&rest, " "));
    char names[64], *field = names, *name;
    json_t *o;

    if (!line)
        return NULL;
    o = json_pack("{s:s}", "line", line->json);
    if (!strcmp(line->word, "noop") && !strchr(rest, ' ')) {
        add_field(o, "why", &rest);
    } else if (!strcmp(line->word, "=") && !strchr(rest, ' ')) {
        add_field(o, "state", &rest);
    } else if (!strcmp(line->word, "=")) {
        json_object_set_new(o, "depth", json_integer(depth));
    }
    snprintf(names, sizeof names, "%s", line->fields);
    while (rest && (name = strsep(&field, " ")))
        add_field(o, name, &rest);
    return o;
}

static void write_json(void *arg, const char *text, int depth)
{
    char *copy = strdup(text);
    json_t *o = copy ? object_of(copy, depth) : NULL;

    (void)arg;
    free(copy);
    if (!o)
        return;
    json_dumpf(o, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(o);
}

const struct scenario_out scenario_trace_text = {.line = write_text};
const struct scenario_out scenario_trace_json = {.line = write_json};
