/* Usage: which ${variables} the pipelines of a project use, and which environment variables its
 * profile names. For `env`. */
#ifndef SQLFLOW_CLI_USAGE_H
#define SQLFLOW_CLI_USAGE_H

#include "cli/context.h"

typedef struct VariableUse {
    const char *name;
    const char *fallback; /* the default of a use; NULL when some use has none */
    bool needed;          /* some use has no default */
    Strings users;        /* "customer_analytics", "profile dev" */
    Span span;            /* of the first use without a default, else of the first */
} VariableUse;

typedef struct VariableUses {
    VariableUse *items;
    size_t count, capacity;
    Map by_name; /* name → index + 1, as a pointer */
} VariableUses;

VariableUses uses_new(Arena *arena);
/* Adds what a pipeline's text and its includes use; `loaded` needs LOAD_SCRIPT. */
void uses_of_pipeline(Context *context, const Loaded *loaded, VariableUses *uses);
/* Adds what the profile's connections, variables and engine name. */
void uses_of_profile(Context *context, VariableUses *uses);

#endif
