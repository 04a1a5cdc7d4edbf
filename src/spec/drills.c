/* drills.c - draw the plan */
#include "spec/drills.h"

#include <stdlib.h>
#include <string.h>

#include "shared/rc.h"
#include "shared/splitmix.h"

const char *drill_how_name(unsigned how)
{
    switch (how) {
#define X(name, text) case DRILL_##name: return text;
    DRILL_LIST(X)
#undef X
    }
    return "?";
}

int drill_how_of(const char *text)
{
    for (unsigned how = 0; how < DRILL_HOW_COUNT; how++)
        if (!strcmp(text, drill_how_name(how)))
            return (int)how;
    return TW_ENOENT;
}

static uint64_t between(uint64_t *state, uint64_t low, uint64_t high)
{
    return high <= low ? low : low + splitmix_next(state) % (high - low + 1);
}

/* Steps are counted by actors: a branch's drill waits for its first one. */
static uint32_t first_actor(const struct spec *s, uint32_t v)
{
    while (s->vertices[v].kind == SPEC_SUPERVISOR && s->vertices[v].first_child != SPEC_NONE)
        v = s->vertices[v].first_child;
    return v;
}

static void draw_one(const struct spec *s, const struct spec_drill *d, uint64_t *state,
                     const uint32_t *matches, uint32_t n, struct drill *out)
{
    *out = (struct drill){.how = (enum drill_how)d->how};
    out->target = matches[between(state, 0, n - 1)];
    switch (d->at) {
    case SPEC_AT_TIME:
    case SPEC_AT_RANDOM_TIME:
        out->trigger = DRILL_TIME;
        out->tree_ms = between(state, d->low, d->high);
        return;
    case SPEC_AT_AFTER:
        out->trigger = DRILL_AFTER;
        out->after_ms = d->low;
        return;
    case SPEC_AT_STEP:
        out->trigger = DRILL_STEP;
        out->step_vertex = spec_find(s, d->at_path);
        out->step = d->low;
        return;
    case SPEC_AT_RANDOM_STEP:
        out->trigger = DRILL_STEP;
        out->step_vertex = first_actor(s, out->target);
        out->step = between(state, d->low, d->high);
        return;
    }
}

int drills_plan(const struct spec *s, uint64_t seed, struct drill **ret)
{
    struct drill *plan = calloc(s->drill_count + 1u, sizeof *plan);
    uint32_t *matches = calloc(s->vertex_count, sizeof *matches);
    uint64_t state = seed;

    if (!plan || !matches) {
        free(plan);
        free(matches);
        return TW_ENOMEM;
    }
    for (uint32_t i = 0; i < s->drill_count; i++) {
        uint32_t n = spec_match(s, s->drills[i].glob, matches, s->vertex_count);

        draw_one(s, &s->drills[i], &state, matches, n, &plan[i]);
    }
    free(matches);
    *ret = plan;
    return 0;
}
