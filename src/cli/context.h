/* Context: the project, its profile and its pipelines, opened the same way for every command.
 * Functions that return false have reported nothing: the caller ends with context_fail, which
 * prints all that was found and gives the exit code. */
#ifndef SQLFLOW_CLI_CONTEXT_H
#define SQLFLOW_CLI_CONTEXT_H

#include "cli/output.h"
#include "plan/plan.h"

typedef struct Context {
    Cli *cli;
    Arena *arena;
    Project project;
    Diags diags;            /* of the project, the profile and the pipeline loaded last */
    const Value *variables; /* an object: further ones, as if given by --var; or NULL */
} Context;

/* Opens the project and changes into its folder. */
bool context_open(Context *context, Cli *cli);
/* Loads a profile and registers what is secret in it. NULL: the one in use. */
bool context_load_profile(Context *context, const char *name);
/* Opens the project, then loads the profile that the command line asks for. */
bool context_open_profile(Context *context, Cli *cli);
/* The database file with its variables expanded; NULL in memory mode. */
bool context_database(Context *context, const char **path, Error *err);
/* Engine settings of the profile, expanded. */
bool context_engine(Context *context, DuckConfig *config);

/* A pipeline through the stages: text → script → pipeline → plan. */
typedef struct Loaded {
    const char *name, *path, *run_id;
    int64_t started_us;
    bool has_text; /* the file is there and was read; what is wrong now is wrong in it */
    Vars vars;
    Script script;
    Pipeline pipeline;
    Plan plan;
    Duck *duck; /* the engine with the profile's settings, without a database; from LOAD_PLAN on */
} Loaded;

void loaded_cleanup(Loaded *loaded);
#define AUTO_LOADED __attribute__((cleanup(loaded_cleanup))) Loaded

typedef enum LoadDepth { LOAD_SCRIPT, LOAD_PIPELINE, LOAD_PLAN } LoadDepth;

/* Loads a pipeline; --var and --vars of the command line count when the command has them. Problems
 * go to context->diags; false when there were errors. `loaded` is filled as far as it went. */
bool context_load(Context *context, const char *name, LoadDepth depth, Loaded *loaded);
/* The later stages one by one, for a script that was changed (tests). */
bool context_resolve(Context *context, Loaded *loaded);
bool context_plan(Context *context, Loaded *loaded);
/* Binds types and looks up tables in the profile's database, as `validate` and `run` do. */
bool context_bind(Context *context, const Loaded *loaded);

/* Adds err to the diagnostics; returns false. */
bool context_error(Context *context, const Error *err);
/* Prints all diagnostics; returns the exit code. */
int context_fail(Context *context);
/* Prints the warnings that were collected (not with -q). */
void context_warnings(Context *context);
/* Pipelines named on the command line from word `first` on, else all of the project. */
bool context_names(Context *context, size_t first, Strings *names);

#endif
