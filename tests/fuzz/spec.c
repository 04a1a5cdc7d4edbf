/* spec.c - any bytes as a specification: refused with reasons, or a tree that keeps its promises
 *
 * libFuzzer, from the top of the source tree (AFL++: afl-clang-fast in place of clang):
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -I. -Isrc -Isrc/api tests/fuzz/spec.c \
 *       src/spec/?*.c src/base/?*.c -lyaml -lxxhash -lm -o fuzz-spec && ./fuzz-spec tests/fuzz/corpus/spec
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "spec/drills.h"
#include "spec/placement.h"
#include "spec/spec.h"
#include "tests/fuzz/file.h"

const char fuzz_name[] = "spec";
const uint32_t fuzz_changes = 20000;

static void on_error(void *self, const char *text)
{
    FUZZ_PROMISE(text && strchr(text, ':') && strlen(text) > 10, "an error says where, what and why");
    ++*(uint32_t *)self;
}

/* What spec.h says of the vertices of a loaded one. */
static void look_at(const struct spec *s, uint32_t id)
{
    const struct spec_vertex *v = &s->vertices[id];

    FUZZ_PROMISE(v->id == id && v->path && v->name, "vertices are numbered and named");
    FUZZ_PROMISE(id == 0 ? v->parent == SPEC_NONE : v->parent < id, "parents come before children");
    FUZZ_PROMISE(v->first_child == SPEC_NONE || s->vertices[v->first_child].parent == id,
                 "children know their parent");
    FUZZ_PROMISE((v->kind == SPEC_ACTOR) == (v->actor != NULL), "actors have a type, supervisors none");
    FUZZ_PROMISE(v->dim_count <= SPEC_DIMS && v->arg_count <= SPEC_ARGS && v->depend_count <= SPEC_DEPENDS,
                 "no more of anything than there may be");
    FUZZ_PROMISE(spec_find(s, v->path) == id, "a path finds its vertex");
}

static void use(const struct spec *s)
{
    struct placement places;
    struct drill *drills = NULL;
    struct reason why = {0};
    uint32_t step = 1 + s->vertex_count / 64, one;

    FUZZ_PROMISE(s->vertex_count > 0 && s->vertex_count <= SPEC_VERTICES_MAX, "a tree has vertices, not too many");
    for (uint32_t id = 0; id < s->vertex_count; id += step)
        look_at(s, id);
    (void)spec_match(s, s->name, &one, 1);
    if (s->vertex_count <= 4096) {
        if (placement_make(s, 3, &places, &why) == 0)
            placement_free(&places);
        else
            FUZZ_PROMISE(why.text[0], "a refusal has a reason");
    }
    if (drills_plan(s, 1, &drills) == 0)
        for (uint32_t i = 0; i < s->drill_count; i++)
            FUZZ_PROMISE(drills[i].how < DRILL_HOW_COUNT && drills[i].target < s->vertex_count,
                         "a drill hits a vertex");
    free(drills);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct spec *s = NULL;
    uint32_t errors = 0;
    int rc = spec_load(fuzz_file(data, size), NULL, 0, on_error, &errors, &s);

    FUZZ_PROMISE((rc == 0) == (s != NULL) && (rc == 0) == (errors == 0), "refused with errors or loaded without");
    if (s)
        use(s);
    spec_free(s);
    return 0;
}
