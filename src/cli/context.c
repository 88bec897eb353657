/* Opens the project and brings pipelines through the stages for all commands. See context.h.
 * It decides nothing: each stage reports its own findings. */
#include "cli/context.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/redact.h"
#include "cli/usage.h"
#include "lang/lang.h"

bool context_error(Context *context, const Error *err) {
    diag_add(&context->diags, SEVERITY_ERROR, err);
    return false;
}

int context_fail(Context *context) { return fail_diags(context->cli, &context->diags); }

void context_warnings(Context *context) {
    diags_sort(&context->diags);
    show_diags(context->cli, &context->diags);
}

bool context_open(Context *context, Cli *cli) {
    *context = (Context){.cli = cli, .arena = cli->arena, .diags = diags_on(cli->arena)};
    Error err;
    if (!project_open(cli->arena, flag_text(cli, "project-dir"), &context->project, &err))
        return context_error(context, &err);
    if (chdir(context->project.root) == 0) return true;
    fs_error(&err, "enter", context->project.root);
    return context_error(context, &err);
}

/* The profile's level counts when the command line names none. */
static void use_log_level(Context *context) {
    Cli *cli = context->cli;
    const char *level = context->project.profile.log_level;
    if (level == NULL || cli->log_level_given || cli->verbose) return;
    if (!log_level_parse(level, &cli->log_level)) return;
    log_configure(&(LogConfig){.level = cli->log_level, .json = cli->log_json,
                               .quiet = cli->quiet});
}

bool context_load_profile(Context *context, const char *name) {
    project_load_profile(&context->project, name, &context->diags);
    /* For the secrets, also of connections that the command does not use. */
    uses_of_profile(context, NULL, &(VariableUses){0});
    return context->diags.errors == 0;
}

bool context_open_profile(Context *context, Cli *cli) {
    if (!context_open(context, cli)) return false;
    if (!context_load_profile(context, flag_text(cli, "profile"))) return false;
    use_log_level(context);
    return true;
}

/* -- the database ------------------------------------------------------------------------ */

static bool expand(Context *context, const char *text, const char **out, Error *err) {
    *out = text;
    if (text == NULL) return true;
    Value *expanded;
    Value *value = value_string(context->arena, text, SPAN_NONE);
    if (!project_expand(&context->project, context->arena, value, &expanded, err)) return false;
    *out = value_text(expanded);
    return true;
}

bool context_database(Context *context, const char **path, Error *err) {
    const EngineConfig *engine = &context->project.profile.engine;
    *path = NULL;
    if (!engine->persistent) return true;
    if (!expand(context, engine->path, path, err)) return false;
    /* Lock and write-ahead log lie beside the file and bear its name: it has one only. */
    *path = fs_follow(context->arena, *path);
    return true;
}

bool context_engine(Context *context, DuckConfig *config) {
    const EngineConfig *engine = &context->project.profile.engine;
    Error err;
    *config = (DuckConfig){.threads = engine->threads};
    if (context_database(context, &config->path, &err) &&
        expand(context, engine->memory_limit, &config->memory_limit, &err) &&
        expand(context, engine->temp_directory, &config->temp_directory, &err) &&
        expand(context, engine->max_temp_directory_size, &config->max_temp_directory_size, &err))
        return true;
    return context_error(context, &err);
}

/* -- a pipeline -------------------------------------------------------------------------- */

static const char *include_variable(void *where, const char *name) {
    const Loaded *loaded = where;
    VarOrigin origin = VAR_NONE;
    Error err = {0};
    const Value *value = vars_get(&loaded->vars, name, &origin, &err);
    if (value == NULL || origin == VAR_SET || origin == VAR_BUILTIN) return NULL;
    return value_text(value);
}

static SourceText *include_read(void *where, Arena *arena, const char *path, Error *err) {
    (void)where;
    size_t size;
    const char *text = fs_read(arena, path, &size, err);
    if (text == NULL) return NULL;
    redact_add_urls(text);
    return source_new(arena, path, text, size);
}

static bool add_variables(Context *context, Vars *vars, Error *err) {
    const Value *more = context->variables;
    for (size_t i = 0; more != NULL && i < more->count; i++)
        map_set(&vars->command_line, more->members[i].key, more->members[i].value);
    const Strings *pairs = flag_list(context->cli, "var"), *lists = flag_list(context->cli, "vars");
    for (size_t i = 0; i < lists->count; i++)
        if (!vars_add_list(vars, lists->items[i], err)) return false;
    for (size_t i = 0; i < pairs->count; i++)
        if (!vars_add_pair(vars, pairs->items[i], err)) return false;
    return true;
}

/* A run uses all settings of the engine: their variables are expanded once, here. */
static bool expand_engine(Context *context, Error *err) {
    EngineConfig *engine = &context->project.profile.engine;
    const char *path = NULL;
    if (!context_database(context, &path, err)) return false;
    engine->path = path;
    return expand(context, engine->memory_limit, &engine->memory_limit, err) &&
           expand(context, engine->temp_directory, &engine->temp_directory, err) &&
           expand(context, engine->max_temp_directory_size, &engine->max_temp_directory_size, err);
}

static bool prepare(Context *context, const char *name, Loaded *loaded, Error *err) {
    if (!expand_engine(context, err)) return false;
    Arena *arena = context->arena;
    *loaded = (Loaded){.name = name, .started_us = clock_wall_us()};
    loaded->run_id = clock_run_id(arena, loaded->started_us);
    loaded->path = project_pipeline_path(&context->project, arena, name, err);
    if (loaded->path == NULL) return false;
    loaded->name = project_pipeline_name(arena, loaded->path);
    loaded->vars = vars_new(arena, &context->project);
    vars_set_builtins(&loaded->vars, loaded->name, loaded->run_id, loaded->started_us);
    return add_variables(context, &loaded->vars, err);
}

/* Is no statement left out but refused ones, which would define nothing? */
static bool is_whole(const Diags *diags) {
    for (size_t i = 0; i < diags->count; i++)
        if (diags->items[i].severity == SEVERITY_ERROR &&
            diags->items[i].code != ERR_REFUSED_STATEMENT)
            return false;
    return true;
}

bool context_load(Context *context, const char *name, LoadDepth depth, Loaded *loaded) {
    Arena *arena = context->arena;
    Diags *diags = &context->diags;
    Error err;
    if (!prepare(context, name, loaded, &err)) return context_error(context, &err);
    const SourceText *source = include_read(NULL, arena, loaded->path, &err);
    if (source == NULL) return context_error(context, &err);
    loaded->has_text = true;
    IncludeHost host = {loaded, include_variable, include_read};
    loaded->script = lang_load(arena, source, &host, diags);
    bool readable = is_whole(diags);
    /* Of several pipelines, each may use its own. */
    if (readable && depth >= LOAD_PIPELINE && context->cli->words.count == 1)
        warn_unused_variables(context, loaded, source);
    if (depth >= LOAD_PIPELINE) {
        context_resolve(context, loaded);
        uses_of_pipeline(context, loaded, &(VariableUses){0}, &(Strings){0});
    }
    if (depth < LOAD_PLAN) return diags->errors == 0;
    bool resolved = diags->errors == 0;
    bool planned = context_plan(context, loaded);
    /* All errors in one go; but after a syntax error, what is missing would be blamed on others. */
    if (readable && !resolved && loaded->duck != NULL) context_bind(context, loaded);
    return planned;
}

bool context_resolve(Context *context, Loaded *loaded) {
    loaded->pipeline = (Pipeline){.name = loaded->name, .arena = context->arena};
    resolve(&loaded->script, &loaded->vars, &context->project, &loaded->pipeline, &context->diags);
    return context->diags.errors == 0;
}

void loaded_cleanup(Loaded *loaded) {
    duck_close(loaded->duck);
    loaded->duck = NULL;
}

bool context_plan(Context *context, Loaded *loaded) {
    DuckConfig settings;
    Error err = {0};
    if (!context_engine(context, &settings)) return false;
    settings.path = NULL;
    settings.temp_optional = true; /* to look at a pipeline nothing need be written */
    if (loaded->duck == NULL && !duck_open(&settings, &loaded->duck, &err))
        return context_error(context, &err);
    const Profile *profile = &context->project.profile;
    UdfConfig config = {context->project.root, profile->udfs_dir, profile->python_venv};
    Udfs *udfs = udfs_new(context->arena, &config);
    graph_build(&loaded->pipeline, loaded->duck, udfs, &loaded->plan, &context->diags);
    return context->diags.errors == 0;
}

/* What earlier runs made is known from the profile's database, when there is one. While a run holds
 * it, a pipeline that reads none of its tables can do without. */
static bool find_externals(Context *context, const Loaded *loaded, Externals *externals,
                           Error *err) {
    *externals = plan_externals(&loaded->plan, NULL);
    const char *path = NULL;
    if (!context_database(context, &path, err)) return false;
    if (path != NULL && !duck_attach_definitions(loaded->duck, path, err) &&
        (err->code != ERR_LOCKED || externals->count > 0))
        return false;
    plan_find_externals(&loaded->plan, loaded->duck, externals, &context->diags);
    return true;
}

bool context_bind(Context *context, const Loaded *loaded) {
    Externals externals;
    UdfSession *python = NULL;
    Error err = {0};
    if (!find_externals(context, loaded, &externals, &err)) return context_error(context, &err);
    UdfSessionConfig functions = {.udfs = loaded->plan.udfs,
                                  .duck = loaded->duck,
                                  .validate = true};
    if (udfs_used(loaded->plan.udfs) &&
        !udf_session_open(context->arena, &functions, &python, &err))
        return context_error(context, &err);
    BindOptions options = {.duck = loaded->duck,
                           .externals = &externals,
                           .python = python,
                           .live = flag_on(context->cli, "live")};
    bind_types(&loaded->plan, &options, &context->diags);
    udf_session_close(python, &context->diags);
    return context->diags.errors == 0;
}

bool context_names(Context *context, size_t first, Strings *names) {
    *names = (Strings){0};
    for (size_t i = first; i < context->cli->words.count; i++)
        strings_add(context->arena, names, context->cli->words.items[i]);
    Error err;
    if (names->count > 0 || project_pipelines(&context->project, context->arena, names, &err))
        return true;
    return context_error(context, &err);
}
