/* Project: where the files are and what the profile says. A project is a folder with profiles/.
 * Variables, connections and the engine's texts keep their ${VAR} until they are used: a missing
 * one is an error only then. What every command uses (paths, logging, venv) is expanded at once. */
#ifndef SQLFLOW_PROJECT_PROJECT_H
#define SQLFLOW_PROJECT_PROJECT_H

#include "base/diag.h"
#include "base/json.h"
#include "base/map.h"
#include "base/str.h"
#include "lang/lexer.h"

/* One entry of `connections:` (or `connectors:`). */
typedef struct Connection {
    const char *name;
    const char *type;     /* as written; "" when missing (reported) */
    const Value *options; /* an object: all keys but `type`, `params` unwrapped, not expanded */
    Span span, type_span;
} Connection;

typedef struct Connections {
    Connection *items;
    size_t count, capacity;
} Connections;

typedef struct EngineConfig {
    bool persistent;
    /* Texts with a ${VAR} that is missing are as written: expanding them tells which. */
    const char *path;           /* of the database file; NULL in memory mode */
    const char *memory_limit;   /* NULL: DuckDB's default */
    long long threads;          /* 0: DuckDB's default */
    const char *temp_directory; /* never NULL; default .sqlflow/tmp */
    const char *max_temp_directory_size; /* NULL: DuckDB's default */
    bool commit_step;           /* commit: step */
    bool allow_indexes;
} EngineConfig;

typedef struct Profile {
    const char *name, *path;
    EngineConfig engine;
    const Value *variables; /* an object, not expanded; never NULL */
    Connections connections;
    const char *python_venv; /* NULL when not given */
    const char *pipelines_dir, *udfs_dir, *target_dir, *tests_dir; /* never NULL */
    const char *log_level, *log_file; /* NULL when not given; log_file is a folder or file */
} Profile;

typedef struct Project {
    Arena *arena;
    const char *root; /* absolute */
    const char *here; /* the working folder when the project was opened, absolute */
    Map dotenv;       /* .env: name → const char * */
    Profile profile;  /* valid after project_load_profile */
} Project;

/* Finds the project's root: `dir` when given, else the nearest parent of the working folder with
 * profiles/ in it. Reads .env. The caller changes into the root: all paths are relative to it. */
bool project_open(Arena *arena, const char *dir, Project *project, Error *err);
/* Loads profiles/NAME.yml. `name` NULL: $SQLFLOW_PROFILE, then the checkout's default
 * (.sqlflow/profile, written by `profiles use`), then dev. Unknown keys are warnings. */
bool project_load_profile(Project *project, const char *name, Diags *diags);
/* Names of the profiles there are, sorted, without .yml. */
bool project_profiles(const Project *project, Arena *arena, Strings *names, Error *err);
const Connection *project_connection(const Project *project, const char *name); /* or NULL */

/* Process environment, then .env; NULL when neither has it. */
const char *project_env(const Project *project, const char *name);
/* Reads the ${NAME}, ${NAME|default} or (*or_empty) ${NAME:-default} at text[0]; false when it is
 * none of them. */
bool project_reference(Arena *arena, const char *text, VariableRef *ref, bool *or_empty);
/* A copy of `value` with ${VAR}, ${VAR|default} and ${VAR:-default} expanded once from the
 * environment and .env, in every string of it. A string that was one whole reference and whose
 * text is a number, true, false or null stays a string. */
bool project_expand(const Project *project, Arena *arena, const Value *value, Value **out,
                    Error *err);

/* A file named on the command line, relative to the folder the command was given in, as it is
 * seen from the root; absolute when it lies elsewhere. */
const char *project_typed_path(const Project *project, Arena *arena, const char *path);

/* Pipelines: NAME, NAME.sf or a path (of the root or of the working folder; ./ and ../ mean the
 * latter) → the file's path; the error lists the nearest ones. */
const char *project_pipeline_path(const Project *project, Arena *arena, const char *name,
                                  Error *err);
const char *project_pipeline_name(Arena *arena, const char *path); /* base name without .sf */
bool project_pipelines(const Project *project, Arena *arena, Strings *names, Error *err);

/* Reads YAML into a Value tree with spans (maps, lists, scalars by the core schema: null, true,
 * false, numbers of JSON form, else strings; anchors and tags are refused; duplicate keys are
 * errors). Also used for tests/NAME.yml. NULL with err filled when malformed. */
Value *yaml_read(Arena *arena, const SourceText *source, Error *err);

#endif
