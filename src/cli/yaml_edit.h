/* Edits of a profile's text that keep its comments and form: one connection added or removed. */
#ifndef SQLFLOW_CLI_YAML_EDIT_H
#define SQLFLOW_CLI_YAML_EDIT_H

#include "base/error.h"
#include "base/json.h"
#include "base/str.h"

typedef struct YamlPair {
    const char *key, *value;
} YamlPair;
typedef struct YamlPairs {
    YamlPair *items;
    size_t count, capacity;
} YamlPairs;

/* The text with `name: { … }` added under connections:, which is made when it is missing. `root`
 * is the text's tree. NULL with err when the text has a form that cannot be edited. */
const char *yaml_add_connection(Arena *arena, const char *text, const Value *root, const char *name,
                                const YamlPairs *pairs, Error *err);
/* The text without the connection; NULL with err. */
const char *yaml_remove_connection(Arena *arena, const char *text, const Value *root,
                                   const char *name, Error *err);
/* A scalar as YAML writes it: bare when it can be, else "quoted". */
const char *yaml_scalar(Arena *arena, const char *text);

#endif
