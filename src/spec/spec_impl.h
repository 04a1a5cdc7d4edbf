/* spec_impl.h - declarations: the file's tree before counts are expanded */
#ifndef TW_SPEC_SPEC_IMPL_H
#define TW_SPEC_SPEC_IMPL_H

#include "core/suptree.h"
#include "spec/spec.h"

_Static_assert(SPEC_DEPENDS == SUPTREE_DEPENDS, "what a specification may say is what an engine takes");

struct decl {
    struct spec_vertex given;       /* what every vertex of this declaration gets */
    char *name, *type;              /* owned */
    uint32_t count[4], count_dims;  /* 0 dims: one vertex without an index */
    struct spec_arg args[SPEC_ARGS];
    uint32_t arg_count;
    int place_index;                /* place: {rank: "$i"}; -1 = none */
    struct decl *first, *last, *next, *parent;
    bool has_strategy;
    uint32_t max_children;          /* of a pool; 0: not given */
    bool is_template;               /* the child of a pool: one vertex that never lives, before its instances */
    struct suptree_extra extra;     /* beyond OTP, without `depends`: that is of instances */
    bool has_extra, healthy_given;
    const struct decl *depends[SUPTREE_DEPENDS];
    uint32_t depend_count;
};

struct spec_store {
    struct decl *top;               /* owned tree */
    char *strings;                  /* owned: all paths */
    uint32_t *sorted;               /* owned: ids by path */
};

/* spec_yaml.c: fills name, devices, drills, the declarations and the hash.  Errors are told; returns their
 * number, or TW_ENOENT / TW_ENOMEM. */
int spec_parse(struct spec *s, const char *const *sets, int count, spec_error_f error, void *self);
/* Fill store.sorted, once all paths stand. */
void spec_sort(struct spec *s);
void decl_free(struct decl *d);
/* spec.c: FNV-1a, from SPEC_HASH_BASIS on. */
#define SPEC_HASH_BASIS 0xcbf29ce484222325ull
uint64_t spec_hash_more(uint64_t h, const void *bytes, size_t count);

#endif
