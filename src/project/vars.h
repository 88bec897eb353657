/* Vars: the values of ${variables} in their order of precedence:
 * command line > profile > SET > built-ins > process environment > .env. */
#ifndef SQLFLOW_PROJECT_VARS_H
#define SQLFLOW_PROJECT_VARS_H

#include "project/project.h"

typedef enum VarOrigin {
    VAR_NONE,
    VAR_COMMAND_LINE,
    VAR_PROFILE,
    VAR_SET,
    VAR_BUILTIN,
    VAR_ENVIRONMENT,
    VAR_DOTENV,
} VarOrigin;

typedef struct Vars {
    Arena *arena;
    const Project *project;
    Map command_line; /* name → Value * */
    Map set;          /* name → Value *; changes while the pipeline is resolved */
    Map builtin;      /* name → Value * */
} Vars;

Vars vars_new(Arena *arena, const Project *project);
/* "k=v" of --var; the value is null, a bool or a number when its text is one of JSON, else text. */
bool vars_add_pair(Vars *vars, const char *pair, Error *err);
/* --vars: a JSON object or k=v,k=v. */
bool vars_add_list(Vars *vars, const char *text, Error *err);
void vars_set(Vars *vars, const char *name, const Value *value);
void vars_set_builtin(Vars *vars, const char *name, const char *text);
/* Sets run_id, pipeline, profile, run_started_at, today, run_date; without a run or a pipeline
 * (NULL) not those. */
void vars_set_builtins(Vars *vars, const char *pipeline, const char *run_id, int64_t started_us);

/* The value (null, bool, number, string), or NULL when there is none (or it cannot be expanded:
 * then err->code is set). *origin may be NULL. Values whose name looks secret are registered with
 * redact. */
const Value *vars_get(const Vars *vars, const char *name, VarOrigin *origin, Error *err);
/* The same without the environment and .env (bare words of conditions). */
const Value *vars_get_pipeline(const Vars *vars, const char *name);
/* All names that have a value but those of the environment; for suggestions. */
void vars_names(const Vars *vars, Arena *arena, Strings *names);
const char *var_origin_name(VarOrigin origin); /* "command line", "profile", "SET", … */

/* Bare text → null, bool or number Value when it is one of JSON, else a string. */
Value *vars_value_of(Arena *arena, const char *text, Span span);

#endif
