/* Usage: which ${variables} the pipelines of a project use, and which environment variables its
 * profile names. For `env`, and to know the secrets before anything is shown. Values that reach a
 * secret option are registered as secrets by the way. */
#ifndef SQLFLOW_CLI_USAGE_H
#define SQLFLOW_CLI_USAGE_H

#include "cli/context.h"

typedef struct VariableUse {
    const char *name;
    const char *fallback; /* the default of a use; NULL when some use has none */
    bool needed;          /* some use has no default */
    bool secret;          /* by its name, or as a part of a secret option: not to be shown */
    Strings users;        /* "customer_analytics", "profile dev" */
    Span span;            /* of the first use without a default, else of the first */
    const Value *value;   /* in the first pipeline that has one; NULL: missing */
    VarOrigin origin;
} VariableUse;

typedef struct VariableUses {
    VariableUse *items;
    size_t count, capacity;
} VariableUses;

/* Adds what a pipeline's text and its includes use, with values from loaded->vars; `loaded` needs
 * LOAD_SCRIPT. `connections` gets the names of those it mentions. */
void uses_of_pipeline(Context *context, const Loaded *loaded, VariableUses *uses,
                      Strings *connections);
/* Warns of variables of the command line, or of a test, that the pipeline's text and its includes
 * name nowhere. `source` is the text when there may be no statement to hold it; may be NULL. */
void warn_unused_variables(Context *context, const Loaded *loaded, const SourceText *source);
/* Adds what the profile's engine and variables name, and these of its connections (NULL: all). */
void uses_of_profile(Context *context, const Strings *connections, VariableUses *uses);

#endif
