/* `sqlflow profiles …`: which there are, what one says with its secrets masked, which is used. */
#include <string.h>

#include "base/fs.h"
#include "base/redact.h"
#include "cli/links.h"
#include "cli/yaml_edit.h"

extern const Command command_profiles;

/* -- list -------------------------------------------------------------------------------- */

static bool load(Context *context, const char *name) {
    context->diags = diags_on(context->arena);
    return context_load_profile(context, name);
}

/* The profile that would be used now; the names themselves are not loaded. */
static const char *current_name(Context *context, Cli *cli) {
    load(context, flag_text(cli, "profile"));
    const char *name = context->project.profile.name;
    return name == NULL ? "" : name;
}

static const char *database_text(const Profile *profile) {
    return profile->engine.persistent ? profile->engine.path : "in memory";
}

static int run_list(Cli *cli) {
    Context context;
    Strings names;
    Error err;
    if (!context_open(&context, cli)) return context_fail(&context);
    if (!project_profiles(&context.project, cli->arena, &names, &err)) return fail(cli, &err);
    const char *current = current_name(&context, cli);
    Document document;
    document_start(&document, cli);
    json_array(&document.json, "profiles");
    Table table = table_new(cli->arena, "NAME|USED|DATABASE|>CONNECTIONS");
    for (size_t i = 0; i < names.count; i++) {
        bool used = str_eq(names.items[i], current), valid = load(&context, names.items[i]);
        const Profile *profile = &context.project.profile;
        json_object(&document.json, NULL);
        json_string(&document.json, "name", names.items[i]);
        json_bool(&document.json, "current", used);
        json_bool(&document.json, "valid", valid);
        json_string(&document.json, "database", valid ? database_text(profile) : NULL);
        json_int(&document.json, "connections", (long long)profile->connections.count);
        json_end(&document.json);
        table_cell(&table, names.items[i]);
        table_cell(&table, used ? "*" : "");
        table_cell(&table, valid ? database_text(profile) : "(invalid)");
        table_cellf(&table, "%zu", profile->connections.count);
    }
    json_end(&document.json);
    if (cli->json) return document_end(&document, cli);
    table_print(cli, &table);
    return 0;
}

/* -- show -------------------------------------------------------------------------------- */

static bool is_whole_reference(const char *text) {
    return text != NULL && str_starts(text, "${") && strchr(text, '}') == text + strlen(text) - 1;
}

/* A `${VAR}` is a name, not a secret, unless it carries a default. */
static const char *shown(Arena *arena, const Connector *connector, const char *name,
                         const Value *value) {
    const char *text = value_text(value);
    const OptionSpec *spec = connector == NULL ? NULL : option_find(connector, name);
    bool secret = spec == NULL ? true : spec->secret;
    if (connector == NULL && !redact_is_secret_name(name)) secret = false;
    if (secret && !(is_whole_reference(text) && strpbrk(text, "|:") == NULL)) return "***";
    if (text != NULL) return redact_text(arena, text);
    Buf out = buf_on(arena);
    JsonWriter json = json_writer(&out, false);
    json_value(&json, NULL, value);
    return redact_text(arena, buf_text(&out));
}

static void show_map(Cli *cli, JsonWriter *json, const Connector *connector, const Value *map) {
    for (size_t i = 0; map != NULL && i < map->count; i++) {
        const Member *entry = &map->members[i];
        const char *text = shown(cli->arena, connector, entry->key, entry->value);
        if (str_eq(text, "***") || value_text(entry->value) == NULL)
            json_string(json, entry->key, text);
        else
            json_value(json, entry->key, entry->value);
        out_printf(cli, "%s%s: %s\n", connector == NULL ? "  " : "    ", entry->key,
                   yaml_scalar(cli->arena, text));
    }
}

static void show_engine(Cli *cli, JsonWriter *json, const EngineConfig *engine) {
    const char *mode = engine->persistent ? "persistent" : "memory";
    out_printf(cli, "database: %s\n  mode: %s\n", engine->persistent ? engine->path : "in memory",
               mode);
    json_object(json, "duckdb");
    json_string(json, "mode", mode);
    json_string(json, "path", engine->path);
    json_string(json, "memory_limit", engine->memory_limit);
    json_int(json, "threads", engine->threads);
    json_string(json, "temp_directory", engine->temp_directory);
    json_string(json, "commit", engine->commit_step ? "step" : "run");
    json_end(json);
    if (engine->memory_limit != NULL) out_printf(cli, "  memory_limit: %s\n", engine->memory_limit);
    if (engine->threads > 0) out_printf(cli, "  threads: %lld\n", engine->threads);
    out_printf(cli, "  temp_directory: %s\n  commit: %s\n", engine->temp_directory,
               engine->commit_step ? "step" : "run");
}

static void show_connections(Cli *cli, JsonWriter *json, const Connections *connections) {
    json_array(json, "connections");
    if (connections->count > 0) out_text(cli, "connections:\n");
    for (size_t i = 0; i < connections->count; i++) {
        const Connection *connection = &connections->items[i];
        /* Without a known connector any value may be a secret, so a stand-in masks by the spec. */
        static const OptionSpec none[] = {{0}};
        static const Connector unknown = {.name = "", .options = none};
        const Connector *connector = connector_find(connection->type);
        json_object(json, NULL);
        json_string(json, "name", connection->name);
        json_string(json, "type", connection->type);
        out_printf(cli, "  %s:\n    type: %s\n", connection->name, connection->type);
        show_map(cli, json, connector == NULL ? &unknown : connector, connection->options);
        json_end(json);
    }
    json_end(json);
}

static int run_show(Cli *cli) {
    Context context;
    Document document;
    const char *name = cli_word(cli, 0);
    if (!context_open(&context, cli)) return context_fail(&context);
    if (!load(&context, name != NULL ? name : flag_text(cli, "profile")))
        return context_fail(&context);
    context_warnings(&context);
    const Profile *profile = &context.project.profile;
    document_start(&document, cli);
    json_string(&document.json, "name", profile->name);
    json_string(&document.json, "file", profile->path);
    out_printf(cli, "profile: %s\nfile: %s\n", profile->name, profile->path);
    show_engine(cli, &document.json, &profile->engine);
    json_object(&document.json, "variables");
    if (profile->variables->count > 0) out_text(cli, "variables:\n");
    show_map(cli, &document.json, NULL, profile->variables);
    json_end(&document.json);
    show_connections(cli, &document.json, &profile->connections);
    return cli->json ? document_end(&document, cli) : 0;
}

/* -- validate ---------------------------------------------------------------------------- */

/* A variable that is not set here is no error of the profile: it matters when it is used. */
static bool can_be_checked(Context *context, const Connection *connection) {
    Value *expanded;
    Error err = {0};
    if (project_expand(&context->project, context->arena, connection->options, &expanded, &err) ||
        err.code != ERR_UNKNOWN_VARIABLE)
        return true;
    diag_add(&context->diags, SEVERITY_WARNING, &err);
    return false;
}

static bool validate(Context *context, const char *name) {
    if (!load(context, name)) return false;
    const Connections *connections = &context->project.profile.connections;
    for (size_t i = 0; i < connections->count; i++) {
        Link link;
        if (can_be_checked(context, &connections->items[i]))
            link_of_connection(context, &connections->items[i], &link);
    }
    return context->diags.errors == 0;
}

static int run_validate(Cli *cli) {
    Context context;
    Strings names = cli->words;
    Error err;
    Diags all = diags_on(cli->arena);
    if (!context_open(&context, cli)) return context_fail(&context);
    if (names.count == 0 && !project_profiles(&context.project, cli->arena, &names, &err))
        return fail(cli, &err);
    Document document;
    document_start(&document, cli);
    json_array(&document.json, "profiles");
    for (size_t i = 0; i < names.count; i++) {
        bool valid = validate(&context, names.items[i]);
        context_warnings(&context);
        out_printf(cli, "%s %s\n", valid ? "✓" : "✗", names.items[i]);
        json_object(&document.json, NULL);
        json_string(&document.json, "name", names.items[i]);
        json_bool(&document.json, "valid", valid);
        json_diags(&document.json, "diagnostics", &context.diags);
        json_end(&document.json);
        diags_copy(&all, &context.diags);
    }
    json_end(&document.json);
    json_error(cli, &document.json, &all);
    if (cli->json) document_end(&document, cli);
    return diags_exit_code(&all);
}

/* -- create and use ---------------------------------------------------------------------- */

static bool check_name(const char *name, Error *err) {
    if (*name != '\0' && *name != '.' && strpbrk(name, "/\\ ") == NULL) return true;
    return error_set(err, ERR_USAGE, SPAN_NONE, "'%s' cannot be the name of a profile", name);
}

/* The text of another profile. A key around it that is its name becomes the new name. */
static const char *copy_of(Context *context, const char *from, const char *name, Error *err) {
    Arena *arena = context->arena;
    size_t size;
    if (!load(context, from)) return NULL;
    const char *text = fs_read(arena, context->project.profile.path, &size, err);
    const Value *root =
        text == NULL ? NULL : yaml_read(arena, source_new(arena, from, text, size), err);
    if (root == NULL || root->kind != VALUE_OBJECT || root->count != 1) return text;
    const Member *only = &root->members[0];
    if (!str_ieq(only->key, from)) return text;
    return arena_printf(arena, "%.*s%s%s", (int)only->key_span.start, text,
                        yaml_scalar(arena, name), text + only->key_span.end);
}

static bool create(Context *context, const char *name, const char **path, Error *err) {
    Arena *arena = context->arena;
    const char *from = flag_text(context->cli, "from"), *text;
    *path = arena_printf(arena, "profiles/%s.yml", name);
    if (!check_name(name, err)) return false;
    if (fs_exists(*path)) {
        error_set(err, ERR_FILE_EXISTS, SPAN_NONE, "%s is there already", *path);
        return error_hint(err, "choose another name");
    }
    if (from == NULL) {
        text = arena_printf(arena,
                            "# Profile %s: sqlflow run PIPELINE -p %s\n"
                            "engines:\n"
                            "  duckdb: { mode: persistent, path: data/%s.duckdb }\n"
                            "variables:\n"
                            "  environment: %s\n"
                            "connections: {}\n",
                            name, name, name, yaml_scalar(arena, name));
    } else {
        text = copy_of(context, from, name, err);
        if (text == NULL) return false;
    }
    return fs_write_atomic(*path, text, strlen(text), 0644, err);
}

static int run_create(Cli *cli) {
    Context context;
    Error err = {0};
    const char *path;
    if (!context_open(&context, cli)) return context_fail(&context);
    if (!create(&context, cli_word(cli, 0), &path, &err))
        return context.diags.errors > 0 ? context_fail(&context) : fail(cli, &err);
    if (cli->json) {
        Document document;
        document_start(&document, cli);
        json_string(&document.json, "created", path);
        return document_end(&document, cli);
    }
    out_printf(cli, "created %s\n", path);
    return 0;
}

static int run_use(Cli *cli) {
    Context context;
    Error err;
    const char *name = cli_word(cli, 0), *text = arena_printf(cli->arena, "%s\n", name);
    if (!context_open(&context, cli) || !load(&context, name)) return context_fail(&context);
    if (!fs_write_atomic(".sqlflow/profile", text, strlen(text), 0644, &err))
        return fail(cli, &err);
    if (cli->json) {
        Document document;
        document_start(&document, cli);
        json_string(&document.json, "profile", name);
        return document_end(&document, cli);
    }
    out_printf(cli, "this checkout now uses profile %s\n", name);
    return 0;
}

/* -- the table --------------------------------------------------------------------------- */

static const Flag create_flags[] = {
    {"from", 0, FLAG_TEXT, "NAME", NULL, "copy this profile"},
    {0},
};

static const Command list = {
    .name = "list",
    .summary = "list the profiles",
    .examples = (const Example[]){{"profiles list", "the one in use has a star"}, {0}},
    .run = run_list,
};
static const Command show = {
    .name = "show",
    .summary = "show what a profile says, secrets masked",
    .arguments = "[NAME]",
    .complete = "profile",
    .max_args = 1,
    .examples = (const Example[]){{"profiles show prod", "settings, variables, connections"}, {0}},
    .run = run_show,
};
static const Command validate_command = {
    .name = "validate",
    .summary = "check profiles and the options of their connections",
    .arguments = "[NAME…]",
    .complete = "profile",
    .max_args = ANY_NUMBER,
    .examples = (const Example[]){{"profiles validate", "check all"}, {0}},
    .run = run_validate,
};
static const Command create_command = {
    .name = "create",
    .summary = "make a new profile",
    .arguments = "NAME",
    .flags = create_flags,
    .min_args = 1,
    .max_args = 1,
    .examples =
        (const Example[]){{"profiles create staging --from prod", "a copy of another"}, {0}},
    .run = run_create,
};
static const Command use = {
    .name = "use",
    .summary = "set the profile that this checkout uses by default",
    .arguments = "NAME",
    .complete = "profile",
    .min_args = 1,
    .max_args = 1,
    .examples =
        (const Example[]){{"profiles use prod", "from now on, unless -p says otherwise"}, {0}},
    .run = run_use,
};

const Command command_profiles = {
    .name = "profiles",
    .summary = "list, show, check, make and choose profiles",
    .actions =
        (const Command *const[]){&list, &show, &validate_command, &create_command, &use, NULL},
    .examples = (const Example[]){{"profiles list", "the profiles of the project"}, {0}},
};
