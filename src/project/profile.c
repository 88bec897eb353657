/* Profile: the meaning of profiles/NAME.yml. Engine, paths, python and logging are expanded and
 * checked here; variables and connections stay as written until they are used (connections.c). */
#include <string.h>

#include "base/log.h"
#include "base/redact.h"
#include "project/internal.h"

/* The keys of one section; `older` is another name for the same one, or NULL. */
typedef struct Key {
    const char *name, *older;
} Key;

typedef struct Section {
    const char *name; /* as shown: "engines.duckdb" */
    const Key *keys;  /* ends with NULL */
} Section;

static const Section top = {"the profile", (const Key[]){{"engines", NULL},
                                                         {"variables", NULL},
                                                         {"connections", "connectors"},
                                                         {"python", NULL},
                                                         {"paths", NULL},
                                                         {"logging", NULL},
                                                         {"log_level", NULL},
                                                         {"log_file", NULL},
                                                         {0}}};
static const Section engines = {"engines", (const Key[]){{"duckdb", NULL}, {0}}};
static const Section duckdb = {"engines.duckdb", (const Key[]){{"mode", NULL},
                                                               {"path", "database_path"},
                                                               {"memory_limit", "max_memory"},
                                                               {"threads", NULL},
                                                               {"temp_directory", NULL},
                                                               {"max_temp_directory_size", NULL},
                                                               {"commit", NULL},
                                                               {"allow_indexes", NULL},
                                                               {0}}};
static const Section python = {"python", (const Key[]){{"venv", NULL}, {0}}};
static const Section paths = {
    "paths",
    (const Key[]){{"pipelines", NULL}, {"udfs", NULL}, {"target", NULL}, {"tests", NULL}, {0}}};
static const Section logging = {"logging", (const Key[]){{"level", NULL}, {"file", NULL}, {0}}};

typedef struct Filler {
    Project *project;
    Profile *profile;
    Arena *arena;
    Diags *diags;
} Filler;

static void wrong_type(Filler *filler, const char *key, const char *wanted, const Value *value) {
    diag_error(filler->diags, ERR_PROFILE, value->span, "%s must be %s, not %s", key, wanted,
               value_kind_name(value->kind));
}

static bool is_known(const Section *section, const char *name) {
    for (const Key *key = section->keys; key->name != NULL; key++)
        if (str_ieq(key->name, name) || (key->older != NULL && str_ieq(key->older, name)))
            return true;
    return false;
}

static void warn_unknown(Filler *filler, const Section *section, const Value *object) {
    Strings known = {0};
    for (const Key *key = section->keys; key->name != NULL; key++)
        strings_add(filler->arena, &known, key->name);
    for (size_t i = 0; i < object->count; i++) {
        const Member *member = &object->members[i];
        if (is_known(section, member->key)) continue;
        const char *meant = str_did_you_mean(filler->arena, member->key, &known);
        diag_warning(filler->diags, WARN_UNKNOWN_KEY, member->key_span,
                     "%s has no key '%s'%s; it is ignored", section->name, member->key, meant)
            ->hint = arena_printf(filler->arena, "the keys are: %s",
                                  strings_join(filler->arena, &known, ", "));
    }
}

/* A section of `parent`, checked for unknown keys; NULL when absent, empty or no map. */
static const Value *section_of(Filler *filler, const Value *parent, const char *name,
                               const Section *section) {
    const Value *value = parent == NULL ? NULL : value_get(parent, name);
    if (value == NULL || value->kind == VALUE_NULL) return NULL;
    if (value->kind != VALUE_OBJECT) {
        wrong_type(filler, section->name, "a map of keys", value);
        return NULL;
    }
    warn_unknown(filler, section, value);
    return value;
}

/* A key by its name or its older one; NULL when absent or null. */
static const Value *key_of(Filler *filler, const Value *object, const char *name,
                           const char *older) {
    if (object == NULL) return NULL;
    const Value *value = value_get(object, name);
    const Value *other = older == NULL ? NULL : value_get(object, older);
    if (value != NULL && other != NULL)
        diag_error(filler->diags, ERR_PROFILE, other->span,
                   "%s is given twice: %s is its older name", name, older)
            ->hint = "remove one of them";
    if (value == NULL) value = other;
    return value == NULL || value->kind == VALUE_NULL ? NULL : value;
}

/* The text with its ${VAR} expanded; NULL after an error. */
static const char *expanded_text(Filler *filler, const Value *value, const char *key, bool lazy) {
    if (value == NULL) return NULL;
    if (value->kind != VALUE_STRING && value->kind != VALUE_NUMBER) {
        wrong_type(filler, key, "a text", value);
        return NULL;
    }
    Value *expanded;
    Error err = {0};
    if (!project_expand(filler->project, filler->arena, value, &expanded, &err)) {
        if (lazy && err.code == ERR_UNKNOWN_VARIABLE) return value->text;
        error_prefix(&err, "%s: ", key);
        diag_add(filler->diags, SEVERITY_ERROR, &err);
        return NULL;
    }
    if (*expanded->text != '\0') return expanded->text;
    diag_error(filler->diags, ERR_PROFILE, value->span, "%s is empty", key);
    return NULL;
}

static const char *text_of(Filler *filler, const Value *value, const char *key) {
    return expanded_text(filler, value, key, false);
}

/* What not every command uses keeps a ${VAR} that is missing. */
static const char *lazy_text(Filler *filler, const Value *value, const char *key) {
    return expanded_text(filler, value, key, true);
}

/* Index of the value among `choices`, or -1 after an error or when absent. */
static int choice_of(Filler *filler, const Value *value, const char *key,
                     const char *const choices[2]) {
    const char *text = text_of(filler, value, key);
    if (text == NULL) return -1;
    for (int i = 0; i < 2; i++)
        if (str_ieq(text, choices[i])) return i;
    Strings known = {(const char **)(void *)choices, 2, 2};
    diag_error(filler->diags, ERR_PROFILE, value->span, "%s is %s or %s, not '%s'%s", key,
               choices[0], choices[1], text, str_did_you_mean(filler->arena, text, &known));
    return -1;
}

static bool is_size(Arena *arena, const char *text) {
    static const char *const units[] = {"K",  "KB",  "KiB", "M",  "MB",  "MiB",
                                        "G",  "GB",  "GiB", "T",  "TB",  "TiB", NULL};
    size_t digits = strspn(text, "0123456789.");
    const char *unit = text + digits;
    double number;
    if (!str_to_double(arena_strndup(arena, text, digits), &number) || number <= 0) return false;
    while (*unit == ' ') unit++;
    return str_iin(unit, units);
}

static const char *size_of(Filler *filler, const Value *value, const char *key) {
    const char *text = lazy_text(filler, value, key);
    if (text == NULL || strstr(text, "${") != NULL || is_size(filler->arena, text)) return text;
    diag_error(filler->diags, ERR_PROFILE, value->span,
               "%s is a size with its unit, such as 500MB or 4GB, not '%s'", key, text);
    return NULL;
}

static bool bool_of(Filler *filler, const Value *value, const char *key) {
    if (value == NULL) return false;
    if (value->kind == VALUE_BOOL) return value->boolean;
    Value *expanded;
    Error ignored = {0};
    if (value->kind == VALUE_STRING && strstr(value->text, "${") != NULL &&
        project_expand(filler->project, filler->arena, value, &expanded, &ignored)) {
        if (str_ieq(expanded->text, "true")) return true;
        if (str_ieq(expanded->text, "false")) return false;
    }
    diag_error(filler->diags, ERR_PROFILE, value->span, "%s must be true or false, not %s", key,
               value_kind_name(value->kind));
    return false;
}

static long long count_of(Filler *filler, const Value *value, const char *key) {
    const char *text = text_of(filler, value, key);
    long long number = 0;
    if (text == NULL || (str_to_int64(text, &number) && number >= 1 && number <= 4096))
        return number;
    diag_error(filler->diags, ERR_PROFILE, value->span,
               "%s is a whole number from 1 to 4096, not '%s'", key, text);
    return 0;
}

static void fill_database(Filler *filler, const Value *section, EngineConfig *engine) {
    const Value *mode = key_of(filler, section, "mode", NULL);
    const Value *path = key_of(filler, section, "path", "database_path");
    int choice = choice_of(filler, mode, "engines.duckdb.mode",
                           (const char *const[]){"memory", "persistent"});
    engine->persistent = mode == NULL ? path != NULL : choice == 1;
    if (engine->persistent) {
        engine->path = lazy_text(filler, path, "engines.duckdb.path");
        if (path == NULL)
            diag_error(filler->diags, ERR_PROFILE, mode->span,
                       "mode: persistent needs the path of the database file")
                ->hint = "add path: data/warehouse.duckdb";
    } else if (path != NULL && choice == 0) {
        diag_warning(filler->diags, WARN_UNKNOWN_KEY, path->span,
                     "mode: memory has no use for a path; tables end with the run")
            ->hint = "write mode: persistent to keep the tables in this file";
    }
}

static void fill_engine(Filler *filler, const Value *root) {
    EngineConfig *engine = &filler->profile->engine;
    engine->temp_directory = ".sqlflow/tmp";
    const Value *all = section_of(filler, root, "engines", &engines);
    const Value *section = section_of(filler, all, "duckdb", &duckdb);
    if (section == NULL) return;
    fill_database(filler, section, engine);
    engine->memory_limit = size_of(filler, key_of(filler, section, "memory_limit", "max_memory"),
                                   "engines.duckdb.memory_limit");
    engine->threads = count_of(filler, key_of(filler, section, "threads", NULL),
                               "engines.duckdb.threads");
    const char *temp = lazy_text(filler, key_of(filler, section, "temp_directory", NULL),
                                 "engines.duckdb.temp_directory");
    if (temp != NULL) engine->temp_directory = temp;
    engine->max_temp_directory_size =
        size_of(filler, key_of(filler, section, "max_temp_directory_size", NULL),
                "engines.duckdb.max_temp_directory_size");
    engine->commit_step = choice_of(filler, key_of(filler, section, "commit", NULL),
                                    "engines.duckdb.commit",
                                    (const char *const[]){"run", "step"}) == 1;
    engine->allow_indexes = bool_of(filler, key_of(filler, section, "allow_indexes", NULL),
                                    "engines.duckdb.allow_indexes");
}

static const char *path_of(Filler *filler, const Value *section, const char *key,
                           const char *fallback) {
    const char *shown = arena_printf(filler->arena, "paths.%s", key);
    const char *path = text_of(filler, key_of(filler, section, key, NULL), shown);
    return path == NULL ? fallback : path;
}

static void fill_paths(Filler *filler, const Value *root) {
    Profile *profile = filler->profile;
    const Value *section = section_of(filler, root, "paths", &paths);
    profile->pipelines_dir = path_of(filler, section, "pipelines", "pipelines");
    profile->udfs_dir = path_of(filler, section, "udfs", "python_udfs");
    profile->target_dir = path_of(filler, section, "target", "target");
    profile->tests_dir = path_of(filler, section, "tests", "tests");
    const Value *venv = key_of(filler, section_of(filler, root, "python", &python), "venv", NULL);
    profile->python_venv = text_of(filler, venv, "python.venv");
}

static const Value *logging_key(Filler *filler, const Value *root, const Value *section,
                                const char *key, const char *older) {
    const Value *value = key_of(filler, section, key, NULL);
    const Value *other = key_of(filler, root, older, NULL);
    if (value == NULL || other == NULL) return value == NULL ? other : value;
    if (!str_ieq(value_text(value), value_text(other)))
        diag_warning(filler->diags, WARN_UNKNOWN_KEY, other->span,
                     "%s is the older name of logging.%s, which is given, too, and counts", older,
                     key)
            ->hint = "remove one of them";
    return value;
}

static void fill_logging(Filler *filler, const Value *root) {
    const Value *section = section_of(filler, root, "logging", &logging);
    const Value *level = logging_key(filler, root, section, "level", "log_level");
    filler->profile->log_level = text_of(filler, level, "logging.level");
    filler->profile->log_file = text_of(
        filler, logging_key(filler, root, section, "file", "log_file"), "logging.file");
    LogLevel parsed;
    if (filler->profile->log_level == NULL || log_level_parse(filler->profile->log_level, &parsed))
        return;
    diag_error(filler->diags, ERR_PROFILE, level->span,
               "logging.level is debug, info, warning or error, not '%s'",
               filler->profile->log_level);
    filler->profile->log_level = NULL;
}

static void fill_variables(Filler *filler, const Value *root) {
    filler->profile->variables = value_new(filler->arena, VALUE_OBJECT, SPAN_NONE);
    const Value *section = key_of(filler, root, "variables", NULL);
    if (section == NULL) return;
    if (section->kind != VALUE_OBJECT) {
        wrong_type(filler, "variables", "a map of names to values", section);
        return;
    }
    filler->profile->variables = section;
    for (size_t i = 0; i < section->count; i++) {
        const Member *member = &section->members[i];
        if (member->value->kind == VALUE_ARRAY || member->value->kind == VALUE_OBJECT)
            wrong_type(filler, arena_printf(filler->arena, "the variable '%s'", member->key),
                       "a text, a number, true, false or null", member->value);
        if (!variable_is_name(member->key))
            diag_warning(filler->diags, WARN_UNKNOWN_KEY, member->key_span,
                         "the variable '%s' can never be used: a name has letters, digits, _ and .",
                         member->key);
    }
}

/* {dev: {engines: …}} in profiles/dev.yml means {engines: …}. */
static const Value *unwrap(const Profile *profile, const Value *root) {
    if (root->kind != VALUE_OBJECT || root->count != 1) return root;
    if (!str_ieq(root->members[0].key, profile->name) || is_known(&top, profile->name)) return root;
    return root->members[0].value;
}

void profile_fill(Project *project, const Value *root, Diags *diags) {
    Filler filler = {project, &project->profile, project->arena, diags};
    root = unwrap(&project->profile, root);
    if (root->kind == VALUE_OBJECT) {
        warn_unknown(&filler, &top, root);
    } else {
        if (root->kind != VALUE_NULL) wrong_type(&filler, "a profile", "a map of keys", root);
        root = NULL;
    }
    fill_engine(&filler, root);
    fill_paths(&filler, root);
    fill_logging(&filler, root);
    fill_variables(&filler, root);
    if (root == NULL) return;
    profile_add_connections(project, value_get(root, "connections"), diags);
    profile_add_connections(project, value_get(root, "connectors"), diags);
}
