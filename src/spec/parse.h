/* parse.h - what the files that read a specification share: the document, its errors, its values */
#ifndef TW_SPEC_PARSE_H
#define TW_SPEC_PARSE_H

#include <yaml.h>

#include "spec/spec_impl.h"

#define PARSE_DEPTH_MAX 32

struct parse {
    struct spec *s;
    yaml_document_t doc;
    spec_error_f error;
    void *self;
    int errors;
    int first_set_node;             /* nodes from here on come from --set */
    const char *const *sets;
    int *set_of_node;               /* which override made node first_set_node + i */
    int set_nodes;
    int above[PARSE_DEPTH_MAX + 1]; /* nodes of the declarations around the one in hand */
    uint32_t decls;
    bool too_many;
};

/* Tell an error with the place of `at` (NULL: the file's beginning): what: why: what would be right. */
void parse_fail(struct parse *p, const yaml_node_t *at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Nodes: by number; the text of a scalar, else NULL; the value of a mapping's key, else NULL. */
yaml_node_t *parse_node(struct parse *p, int id);
const char *parse_scalar(const yaml_node_t *n);
yaml_node_t *parse_value(struct parse *p, const yaml_node_t *map, const char *key);
/* Tell of keys that a mapping has twice. */
void parse_twice(struct parse *p, const yaml_node_t *map);

/* Values: true with *ret, or the error was told.  word: the place in "one|two|three"; `later` are known to the design,
 * but not built yet. */
bool parse_text(struct parse *p, const yaml_node_t *n, const char *key, const char **ret);
bool parse_u32(struct parse *p, const yaml_node_t *n, const char *key, uint32_t low, uint32_t high, uint32_t *ret);
bool parse_duration(struct parse *p, const yaml_node_t *n, const char *key, uint64_t *ret);
bool parse_word(struct parse *p, const yaml_node_t *n, const char *key, const char *words, const char *later,
                uint32_t *ret);
bool parse_bool(struct parse *p, const yaml_node_t *n, const char *key, bool *ret);

/* spec_extra.c: the keys, of a declaration, of what goes beyond OTP */
void key_local_restarts(struct parse *p, yaml_node_t *n, const char *key, struct decl *d);
void key_waiting(struct parse *p, yaml_node_t *n, const char *key, struct decl *d);
void key_backoff(struct parse *p, yaml_node_t *n, const char *key, struct decl *d);
void key_intensity_per_child(struct parse *p, yaml_node_t *n, const char *key, struct decl *d);
void key_on_cause(struct parse *p, yaml_node_t *n, const char *key, struct decl *d);
void key_count_infrastructure(struct parse *p, yaml_node_t *n, const char *key, struct decl *d);
void key_restart_on_giveup(struct parse *p, yaml_node_t *n, const char *key, struct decl *d);
void key_on_giveup(struct parse *p, yaml_node_t *n, const char *key, struct decl *d);
void key_shutdown_deadline(struct parse *p, yaml_node_t *n, const char *key, struct decl *d);
void key_start_deadline(struct parse *p, yaml_node_t *n, const char *key, struct decl *d);
void key_poison(struct parse *p, yaml_node_t *n, const char *key, struct decl *d);
void key_depends(struct parse *p, yaml_node_t *n, const char *key, struct decl *d);
/* After a declaration's keys, and with those before it: what they lack or must not have. */
void extra_check(struct parse *p, yaml_node_t *n, struct decl *d);

#endif
