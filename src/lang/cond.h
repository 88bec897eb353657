/* Conditions of IF: parsed by the parser (to find syntax errors), evaluated by plan/resolve.
 * The tree keeps operands as written; a host gives the values of variables. */
#ifndef SQLFLOW_LANG_COND_H
#define SQLFLOW_LANG_COND_H

#include "base/diag.h"
#include "base/json.h"

typedef struct CondHost {
    void *context;
    /* Value of a variable (null, bool, number or string), or NULL when it has none. When
     * `pipeline_only`, the process environment and .env do not count (bare words). */
    const Value *(*variable)(void *context, const char *name, bool pipeline_only);
} CondHost;

/* Checks the syntax only. */
bool cond_check(Arena *arena, Span condition, Diags *diags);
/* Evaluates; false with a diagnostic when the condition is malformed. */
bool cond_evaluate(Arena *arena, Span condition, const CondHost *host, bool *result, Diags *diags);

#endif
