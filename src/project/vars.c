/* Vars: where the value of a ${variable} comes from. Knows no pipeline: plan/subst decides what
 * becomes of a value where it stands. */
#include "project/vars.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/redact.h"
#include "lang/json.h"
#include "project/internal.h"

Vars vars_new(Arena *arena, const Project *project) {
    return (Vars){.arena = arena,
                  .project = project,
                  .command_line = map_on(arena),
                  .set = map_on(arena),
                  .builtin = map_on(arena)};
}

Value *vars_value_of(Arena *arena, const char *text, Span span) {
    Value *value = value_string(arena, text, span);
    if (str_eq(text, "null")) {
        value->kind = VALUE_NULL;
    } else if (str_eq(text, "true") || str_eq(text, "false")) {
        value->kind = VALUE_BOOL;
        value->boolean = *text == 't';
    } else if (str_is_json_number(text)) {
        value->kind = VALUE_NUMBER;
    }
    return value;
}

static void register_secret(const char *name, const Value *value) {
    bool text = value->kind == VALUE_STRING || value->kind == VALUE_NUMBER;
    if (text && redact_is_secret_name(name)) redact_add(value->text);
}

static bool add_value(Vars *vars, const char *name, Value *value, Error *err) {
    if (!variable_is_name(name)) {
        error_set(err, ERR_USAGE, SPAN_NONE, "'%s' is not a variable's name", name);
        return error_hint(err, "a name starts with a letter or _ and has letters, digits, _ and .");
    }
    register_secret(name, value);
    map_set(&vars->command_line, name, value);
    return true;
}

bool vars_add_pair(Vars *vars, const char *pair, Error *err) {
    const char *equals = strchr(pair, '=');
    if (equals == NULL) {
        error_set(err, ERR_USAGE, SPAN_NONE, "--var '%s' has no value", pair);
        return error_hint(err, "write --var name=value");
    }
    const char *name = str_trim(vars->arena, pair, (size_t)(equals - pair));
    const char *text = arena_strdup(vars->arena, equals + 1);
    return add_value(vars, name, vars_value_of(vars->arena, text, SPAN_NONE), err);
}

static bool add_json(Vars *vars, const char *text, Error *err) {
    const SourceText *source = source_new(vars->arena, "--vars", text, strlen(text));
    Diags diags = diags_on(vars->arena);
    const Value *object = json_parse_document(vars->arena, source, &diags);
    if (object == NULL || diags.errors > 0) {
        const Diag *diag = &diags.items[0];
        error_set(err, ERR_USAGE, diag->span, "%s", diag->message);
        return error_hint(err, "%s", diag->hint == NULL ? "" : diag->hint);
    }
    for (size_t i = 0; i < object->count; i++) {
        const Member *member = &object->members[i];
        ValueKind kind = member->value->kind;
        if (kind == VALUE_ARRAY || kind == VALUE_OBJECT || kind == VALUE_VARIABLE) {
            error_set(err, ERR_USAGE, member->value->span, "--vars: '%s' is %s", member->key,
                      value_kind_name(kind));
            return error_hint(err, "a variable is a text, a number, true, false or null");
        }
        if (!add_value(vars, member->key, member->value, err)) return false;
    }
    return true;
}

bool vars_add_list(Vars *vars, const char *text, Error *err) {
    text += strspn(text, " \t\r\n");
    if (*text == '{') return add_json(vars, text, err);
    while (*text) {
        size_t size = strcspn(text, ",");
        const char *pair = str_trim(vars->arena, text, size);
        if (*pair != '\0' && strchr(pair, '=') == NULL) {
            error_set(err, ERR_USAGE, SPAN_NONE, "--vars: '%s' is not name=value", pair);
            return error_hint(err, "write --vars a=1,b=2; a value with a comma goes by --var or "
                                   "by --vars '{\"name\": \"x,y\"}'");
        }
        if (*pair != '\0' && !vars_add_pair(vars, pair, err)) return false;
        text += size + (text[size] == ',');
    }
    return true;
}

void vars_set(Vars *vars, const char *name, const Value *value) {
    Value *copy = value_new(vars->arena, value->kind, value->span);
    *copy = *value;
    map_set(&vars->set, name, copy);
}

void vars_set_builtin(Vars *vars, const char *name, const char *text) {
    map_set(&vars->builtin, name,
            value_string(vars->arena, arena_strdup(vars->arena, text), SPAN_NONE));
}

void vars_set_builtins(Vars *vars, const char *pipeline, const char *run_id, int64_t started_us) {
    const char *today = clock_date(vars->arena, started_us);
    const Project *project = vars->project;
    if (run_id != NULL) vars_set_builtin(vars, "run_id", run_id);
    if (pipeline != NULL) vars_set_builtin(vars, "pipeline", pipeline);
    vars_set_builtin(vars, "profile",
                     project == NULL || project->profile.name == NULL ? "" : project->profile.name);
    vars_set_builtin(vars, "run_started_at", clock_timestamp(vars->arena, started_us));
    vars_set_builtin(vars, "today", today);
    vars_set_builtin(vars, "run_date", today);
}

static const Value *profile_value(const Vars *vars, const char *name, Error *err) {
    const Project *project = vars->project;
    if (project == NULL || project->profile.variables == NULL) return NULL;
    const Value *value = value_get(project->profile.variables, name);
    if (value == NULL || value->kind == VALUE_ARRAY || value->kind == VALUE_OBJECT) return NULL;
    Value *expanded;
    if (project_expand(project, vars->arena, value, &expanded, err)) return expanded;
    error_prefix(err, "the profile's variable '%s': ", name);
    return NULL;
}

static const Value *find_pipeline(const Vars *vars, const char *name, VarOrigin *origin,
                                  Error *err) {
    const Value *value = map_get(&vars->command_line, name);
    *origin = VAR_COMMAND_LINE;
    if (value != NULL) return value;
    *origin = VAR_PROFILE;
    value = profile_value(vars, name, err);
    if (value != NULL || err->code != ERR_NONE) return value;
    *origin = VAR_SET;
    value = map_get(&vars->set, name);
    if (value != NULL) return value;
    *origin = VAR_BUILTIN;
    return map_get(&vars->builtin, name);
}

static const Value *find_outside(const Vars *vars, const char *name, VarOrigin *origin) {
    const char *text = getenv(name);
    *origin = VAR_ENVIRONMENT;
    if (text == NULL && vars->project != NULL) {
        text = map_get(&vars->project->dotenv, name);
        *origin = VAR_DOTENV;
    }
    if (text == NULL) return NULL;
    return vars_value_of(vars->arena, arena_strdup(vars->arena, text), SPAN_NONE);
}

const Value *vars_get(const Vars *vars, const char *name, VarOrigin *origin, Error *err) {
    VarOrigin found = VAR_NONE;
    err->code = ERR_NONE;
    const Value *value = find_pipeline(vars, name, &found, err);
    if (value == NULL && err->code == ERR_NONE) value = find_outside(vars, name, &found);
    if (value != NULL) register_secret(name, value);
    if (origin != NULL) *origin = value == NULL ? VAR_NONE : found;
    return value;
}

const Value *vars_get_pipeline(const Vars *vars, const char *name) {
    VarOrigin origin;
    Error ignored = {0};
    const Value *value = find_pipeline(vars, name, &origin, &ignored);
    if (value != NULL) register_secret(name, value);
    return value;
}

static void add_keys(const Map *map, Arena *arena, Strings *names) {
    for (size_t i = 0; i < map->count; i++) strings_add_unique(arena, names, map->entries[i].key);
}

void vars_names(const Vars *vars, Arena *arena, Strings *names) {
    *names = (Strings){0};
    add_keys(&vars->command_line, arena, names);
    const Project *project = vars->project;
    const Value *profile = project == NULL ? NULL : project->profile.variables;
    for (size_t i = 0; profile != NULL && i < profile->count; i++)
        strings_add_unique(arena, names, profile->members[i].key);
    add_keys(&vars->set, arena, names);
    add_keys(&vars->builtin, arena, names);
    if (project != NULL) add_keys(&project->dotenv, arena, names);
}

const char *var_origin_name(VarOrigin origin) {
    switch (origin) {
        case VAR_COMMAND_LINE: return "command line";
        case VAR_PROFILE: return "profile";
        case VAR_SET: return "SET";
        case VAR_BUILTIN: return "built in";
        case VAR_ENVIRONMENT: return "environment";
        case VAR_DOTENV: return ".env";
        case VAR_NONE: break;
    }
    return "none";
}
