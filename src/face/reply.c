/* reply.c - the picture as JSON */
#include "face/reply.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/cause.h"
#include "shared/rc.h"
#include "spec/spec.h"
#include "sup/view.h"

#define QUARANTINED_NAMED 4u            /* branches, in a status */

static char *text_of(json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT);

    json_decref(json);
    return text;
}

static json_t *document(const char *schema)
{
    char name[64];

    snprintf(name, sizeof name, "treewarden.%s", schema);
    return json_pack("{s:s,s:i}", "schema", name, "version", 1);
}

static void put_text(json_t *o, const char *key, const char *text) { json_object_set_new(o, key, json_string(text)); }
static void put(json_t *o, const char *key, uint64_t n) { json_object_set_new(o, key, json_integer((json_int_t)n)); }

char *reply_error(int exit_code, const char *text)
{
    json_t *o = document("error");

    put(o, "exit", (uint64_t)exit_code);
    put_text(o, "error", text);
    return text_of(o);
}

char *reply_done(int exit_code, uint32_t matched, uint32_t lives, const char *answer, const char *path, const char *text)
{
    json_t *o = document("result");

    put(o, "exit", (uint64_t)exit_code);
    put(o, "matched", matched);
    put(o, "lives", lives);
    if (answer)
        put_text(o, "answer", answer);
    if (path)
        put_text(o, "path", path);
    put_text(o, "text", text);
    return text_of(o);
}

static json_t *ranks_of(const struct view *v)
{
    json_t *list = json_array();

    for (int i = 0; i < v->rank_count; i++) {
        const struct view_rank *r = &v->ranks[i];
        json_t *o = json_object(), *devices = json_array();

        put(o, "rank", (uint64_t)i);
        put_text(o, "host", r->host);
        put_text(o, "state", r->up ? "up" : "lost");
        for (int d = 0; r->devices && d < r->device_count; d++) {
            json_t *dev = json_object();

            put_text(dev, "kind", device_kind_name(r->devices[d].kind));
            if (r->devices[d].gpu) {
                put_text(dev, "uuid", r->devices[d].gpu->uuid);
                put_text(dev, "pci", r->devices[d].gpu->pci);
            }
            put_text(dev, "state", r->devices[d].up ? "up" : r->devices[d].quarantined ? "quarantined" : "down");
            put(dev, "slots", r->devices[d].slots);
            put(dev, "busy", r->devices[d].busy);
            put(dev, "fenced", r->devices[d].fenced);
            put(dev, "incarnation", r->devices[d].incarnation);
            put(dev, "pid", (uint64_t)r->devices[d].pid);
            json_array_append_new(devices, dev);
        }
        json_object_set_new(o, "devices", devices);
        json_array_append_new(list, o);
    }
    return list;
}

/* Branches that wait for `restart`: how many, and the first of them by name. */
static void put_quarantined(json_t *o, const struct view *v)
{
    json_t *paths = json_array();
    uint32_t n = 0;

    for (uint32_t i = 0; i < v->spec->vertex_count; i++) {
        if (v->spec->vertices[i].kind != SPEC_SUPERVISOR || v->vertices[i].state != VERTEX_QUARANTINED)
            continue;
        if (n++ < QUARANTINED_NAMED)
            json_array_append_new(paths, json_string(v->spec->vertices[i].path));
    }
    put(o, "branches_quarantined", n);
    json_object_set_new(o, "quarantined", paths);
}

char *reply_status(const struct view *v)
{
    json_t *o = document("status"), *states = json_object();
    uint32_t counts[VERTEX_STATE_COUNT] = {0};
    uint64_t progress = 0;

    for (uint32_t i = 0; i < v->spec->vertex_count; i++) {
        if (v->spec->vertices[i].kind != SPEC_ACTOR || !view_is_there(v, i) || view_is_forgotten(v, i))
            continue;
        counts[v->vertices[i].state]++;
        progress += v->vertices[i].progress;
    }
    for (unsigned s = 0; s < VERTEX_STATE_COUNT; s++)
        put(states, vertex_state_name(s), counts[s]);
    put_text(o, "job", v->job);
    put_text(o, "name", v->name);
    put_text(o, "phase", v->phase);
    put_text(o, "state_dir", v->state_dir);
    put(o, "generation", v->generation);
    put(o, "tree_us", v->tree_us);
    put(o, "answered_by", (uint64_t)v->rank);
    json_object_set_new(o, "actors", states);
    put_quarantined(o, v);
    put_text(o, "devices_note", v->devices_note);
    put(o, "progress_of_this_rank", progress);
    put(o, "restarts_of_this_rank", v->restarts);
    put(o, "giveups", v->giveups);      /* the same, as it was named first */
    put(o, "giveups_of_this_rank", v->giveups);
    put(o, "workers_lost_of_this_rank", v->workers_lost);
    put(o, "slots_fenced_of_this_rank", v->slots_fenced);
    put(o, "dead_letters_of_this_rank", v->dead_letters);
    put(o, "stale_dropped", v->stale_dropped);
    put(o, "drills_fired", v->drills_fired);
    put(o, "drills_left", v->drills_left);
    put(o, "seed", v->seed);
    json_object_set_new(o, "ranks", ranks_of(v));
    return text_of(o);
}

static json_t *tally_of(const struct view *v, const struct view_vertex *x)
{
    json_t *list = json_array();
    uint32_t n = x->deaths < VIEW_TALLY ? x->deaths : VIEW_TALLY;

    for (uint32_t i = x->deaths - n; i < x->deaths; i++) {
        const struct view_death *d = &x->tally[i % VIEW_TALLY];
        json_t *o = json_object();

        put(o, "t_us", d->tree_us);
        put_text(o, "class", exit_class_name(d->cls));
        put_text(o, "cause", exit_cause_name(d->cause));
        if (d->rank < v->rank_count) {
            put(o, "rank", d->rank);
            put(o, "device", d->device);
            put_text(o, "host", v->ranks[d->rank].host);
        }
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *vertex_of(const struct view *v, uint32_t id)
{
    const struct spec_vertex *s = &v->spec->vertices[id];
    const struct view_vertex *x = &v->vertices[id];
    json_t *o = json_object();
    char life[20];

    put_text(o, "path", s->path);
    put_text(o, "name", s->name);
    put_text(o, "kind", s->kind == SPEC_ACTOR ? "actor" : "supervisor");
    put_text(o, "state", vertex_state_name(x->state));
    snprintf(life, sizeof life, "%016llx", (unsigned long long)x->life);
    put_text(o, "life", life);
    put(o, "starts", x->starts);
    put(o, "deaths", x->deaths);
    if (s->parent != SPEC_NONE)
        put_text(o, "parent", v->spec->vertices[s->parent].path);
    if (s->kind == SPEC_ACTOR) {
        put(o, "line", x->line);
        if (x->rank != UINT16_MAX) {
            put(o, "rank", x->rank);
            put(o, "device", x->device);
            put(o, "slot", x->slot);
        }
        put(o, "progress", x->progress);
    }
    if (x->stopped_by_hand)
        json_object_set_new(o, "stopped_by_hand", json_true());
    if (x->deaths) {
        put_text(o, "last_class", exit_class_name(x->cls));
        put_text(o, "last_cause", exit_cause_name(x->cause));
        json_object_set_new(o, "tally", tally_of(v, x));
    }
    return o;
}

char *reply_tree(const struct view *v, const char *path)
{
    json_t *o = document("tree"), *list = json_array();
    uint32_t n = v->spec->vertex_count, kept = 0;
    uint32_t *ids = calloc(n, sizeof *ids);
    uint8_t *in = calloc(n, 1);

    put_text(o, "job", v->job);
    put_text(o, "phase", v->phase);
    put(o, "tree_us", v->tree_us);
    if (ids && in && path[0]) {
        uint32_t found = spec_match(v->spec, path, ids, n);

        for (uint32_t i = 0; i < found; i++)
            in[ids[i]] = 1;
    }
    for (uint32_t i = 0; ids && in && i < n; i++) {
        uint32_t up = v->spec->vertices[i].parent;

        if (!path[0] || (up != SPEC_NONE && in[up]))
            in[i] |= view_is_there(v, i);       /* parents come before children: a match brings its branch */
        if (in[i]) {
            json_array_append_new(list, vertex_of(v, i));
            kept++;
        }
    }
    free(ids);
    free(in);
    json_object_set_new(o, "vertices", list);
    if (kept)
        return text_of(o);
    json_decref(o);
    return reply_error(2, "no vertex matches this path: `treewarden tree` shows the paths there are");
}

/* -- a supervisor's children ---------------------------------------------------------------------- */

/* NULL with the one supervisor that path names and that runs, else what is to be answered. */
static char *find_supervisor(const struct view *v, const char *path, uint32_t *ret)
{
    uint32_t n = spec_match(v->spec, path, ret, 1);
    char text[400];
    json_t *o;

    if (n == 1 && v->spec->vertices[*ret].kind == SPEC_SUPERVISOR && view_runs(&v->vertices[*ret]))
        return NULL;
    if (n == 1) {
        snprintf(text, sizeof text, "noop %s no_supervisor", v->spec->vertices[*ret].path);
        o = document("result");
        put(o, "exit", 1);
        put_text(o, "path", v->spec->vertices[*ret].path);
        put_text(o, "answer", "no_supervisor");
        put_text(o, "text", text);
        return text_of(o);
    }
    snprintf(text, sizeof text, "%.200s: %u vertices match: name one supervisor: `treewarden tree` shows the paths there are",
             path, n);
    return reply_error(2, text);
}

static json_t *about(const char *schema, const struct view *v, uint32_t vertex)
{
    json_t *o = document(schema);

    put(o, "exit", 0);
    put_text(o, "path", v->spec->vertices[vertex].path);
    return o;
}

/* As the calls have it: what waits for a slot is being restarted, and what starts or stops has a process. */
static const char *child_state(const struct view_vertex *x)
{
    if (view_is_active(x))
        return "running";
    return x->state == VERTEX_RESTARTING || x->state == VERTEX_WAITING ? "restarting" : "stopped";
}

char *reply_which(const struct view *v, const char *path)
{
    uint32_t vertex = 0;
    char *refused = find_supervisor(v, path, &vertex);
    json_t *o, *list;

    if (refused)
        return refused;
    o = about("which", v, vertex);
    list = json_array();
    for (uint32_t c = v->spec->vertices[vertex].first_child; c != SPEC_NONE; c = v->spec->vertices[c].next_sibling)
        if (v->vertices[c].state != VERTEX_GONE && !spec_is_template(v->spec, c))
            json_array_append_new(list, json_pack("{s:s,s:s}", "name", v->spec->vertices[c].name, "state",
                                                  child_state(&v->vertices[c])));
    json_object_set_new(o, "children", list);
    return text_of(o);
}

char *reply_count(const struct view *v, const char *path)
{
    uint32_t vertex = 0;
    char *refused = find_supervisor(v, path, &vertex);
    struct view_children n;
    json_t *o;

    if (refused)
        return refused;
    view_count(v, vertex, &n);
    o = about("count", v, vertex);
    put(o, "specs", n.specs);
    json_object_set_new(o, "active", json_integer(n.active));
    put(o, "supervisors", n.supervisors);
    put(o, "workers", n.workers);
    return text_of(o);
}

/* -- requests ------------------------------------------------------------------------------------- */

static int get_text(const json_t *o, const char *key, char *out, size_t room, struct reason *why)
{
    const json_t *v = json_object_get(o, key);

    out[0] = '\0';
    if (!v)
        return 0;
    if (!json_is_string(v) || json_string_length(v) >= room)
        return reason_set(why, TW_EPROTO, "%s: not a text of less than %zu bytes", key, room);
    snprintf(out, room, "%s", json_string_value(v));
    return 0;
}

int face_request_parse(const char *json, size_t bytes, struct face_request *ret, struct reason *why)
{
    json_error_t error;
    json_t *o = json_loadb(json, bytes, JSON_REJECT_DUPLICATES, &error);
    int rc = 0;

    memset(ret, 0, sizeof *ret);
    if (!json_is_object(o)) {
        json_decref(o);
        return reason_set(why, TW_EPROTO, "not a JSON object: %s", o ? "another value" : error.text);
    }
    rc = get_text(o, "verb", ret->verb, sizeof ret->verb, why);
    if (rc == 0)
        rc = get_text(o, "path", ret->path, sizeof ret->path, why);
    if (rc == 0)
        rc = get_text(o, "how", ret->how, sizeof ret->how, why);
    ret->fresh = json_is_true(json_object_get(o, "fresh"));
    ret->dry = json_is_true(json_object_get(o, "dry"));
    if (rc == 0 && !ret->verb[0])
        rc = reason_set(why, TW_EPROTO, "no verb");
    json_decref(o);
    return rc;
}

char *face_request_text(const struct face_request *q)
{
    json_t *o = document("request");

    put_text(o, "verb", q->verb);
    put_text(o, "path", q->path);
    put_text(o, "how", q->how);
    json_object_set_new(o, "fresh", json_boolean(q->fresh));
    json_object_set_new(o, "dry", json_boolean(q->dry));
    return text_of(o);
}
