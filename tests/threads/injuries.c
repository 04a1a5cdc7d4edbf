/* injuries.c - the operator of a house: one injury after the other, each when the last one has healed */
#include <stdio.h>
#include <string.h>

#include "tests/threads/house.h"

/* Progress of the actors on this rank. */
static uint64_t progress_here(const struct side *s, const struct view *v)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < s->house->spec->vertex_count; i++)
        if (s->house->spec->vertices[i].kind == SPEC_ACTOR && s->house->places.rank_of[i] == s->number)
            sum += v->vertices[i].progress;
    return sum;
}

static bool all_run(const struct side *s, const struct view *v)
{
    for (uint32_t i = 0; i < s->house->spec->vertex_count; i++)
        if (s->house->spec->vertices[i].kind == SPEC_ACTOR && v->vertices[i].state != VERTEX_RUNNING)
            return false;
    return true;
}

/* A restart heals what the kill before it did: nothing runs until then. */
static bool is_due(const struct side *s, const struct injury *j, const struct view *v)
{
    return j->verb == VERB_RESTART || (all_run(s, v) && progress_here(s, v) >= j->at);
}

static void strike(struct side *s, const struct injury *j, const struct view *v)
{
    struct rank_command c = {.verb = j->verb, .how = j->how};

    snprintf(c.path, sizeof c.path, "%s", j->path);
    s->life = j->verb == VERB_FAIL ? v->vertices[spec_find(s->house->spec, j->path)].life : 0;
    s->asked = true;
    s->answered = false;
    rank_command(s->rank, s->next, &c);
}

/* Answered, and an injured life is no more. */
static bool has_struck(struct side *s, const struct injury *j, const struct view *v)
{
    if (!s->answered)
        return false;
    if (s->answer == 69 || s->answer == 75) {   /* "try again": so we do */
        s->asked = false;
        return false;
    }
    if (s->answer != 0)
        snprintf(s->house->failure, sizeof s->house->failure, "the command on %s ended with %d", j->path, s->answer);
    return j->verb != VERB_FAIL || v->vertices[spec_find(s->house->spec, j->path)].life != s->life;
}

void injuries_turn(struct side *s)
{
    const struct injury *j = &s->house->plan[s->next];
    const struct view *v;

    if (s->next == s->house->planned)
        return;
    v = rank_view(s->rank);
    if (!s->asked && is_due(s, j, v))
        strike(s, j, v);
    if (s->asked && has_struck(s, j, v)) {
        s->asked = false;
        s->next++;
    }
}
