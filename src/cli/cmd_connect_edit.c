/* `sqlflow connect add` and `remove`: edits the profile's text. Secrets are never taken from the
 * command line: they go into .env, and the profile names the variable. */
#include <ctype.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/redact.h"
#include "cli/links.h"
#include "cli/yaml_edit.h"

extern const Command command_connect_add, command_connect_remove;

typedef struct Edit {
    Context *context;
    const char *path, *text;
    const Value *root;
    YamlPairs pairs;
    Strings env_lines; /* NAME=value to be added to .env */
} Edit;

/* -- the file ---------------------------------------------------------------------------- */

static const Value *read_tree(Arena *arena, const char *path, const char *text, Error *err) {
    const SourceText *source = source_new(arena, path, text, strlen(text));
    return yaml_read(arena, source, err);
}

static bool start_edit(Edit *edit, Context *context, Error *err) {
    *edit = (Edit){.context = context, .path = context->project.profile.path};
    edit->text = fs_read(context->arena, edit->path, NULL, err);
    if (edit->text == NULL) return false;
    edit->root = read_tree(context->arena, edit->path, edit->text, err);
    return edit->root != NULL;
}

/* The edited text is read again before it replaces the old one: a profile is never broken. */
static bool save_profile(const Edit *edit, const char *text, Error *err) {
    struct stat info;
    unsigned mode = stat(edit->path, &info) == 0 ? info.st_mode & 0777 : 0644;
    Arena *arena = edit->context->arena;
    if (strstr(edit->text, "\r\n") != NULL) /* new lines end as the old ones do */
        text = str_replace(arena, str_replace(arena, text, "\r\n", "\n"), "\n", "\r\n");
    if (read_tree(arena, edit->path, text, err) == NULL)
        return error_prefix(err, "the edited profile would be malformed: ");
    return fs_write_atomic(edit->path, text, strlen(text), mode, err);
}

static bool save_env(const Edit *edit, Error *err) {
    if (edit->env_lines.count == 0) return true;
    Arena *arena = edit->context->arena;
    Buf text = buf_on(arena);
    if (fs_exists(".env")) {
        const char *old = fs_read(arena, ".env", NULL, err);
        if (old == NULL) return false;
        buf_puts(&text, old);
        if (text.size > 0 && text.data[text.size - 1] != '\n') buf_putc(&text, '\n');
    }
    buf_printf(&text, "%s\n", strings_join(arena, &edit->env_lines, "\n"));
    return fs_write_atomic(".env", text.data, text.size, 0600, err);
}

/* -- options ----------------------------------------------------------------------------- */

static const char *env_name(Arena *arena, const char *connection, const char *option) {
    char *name = arena_printf(arena, "%s_%s", connection, option);
    for (char *c = name; *c != '\0'; c++)
        *c = isalnum((unsigned char)*c) ? (char)toupper((unsigned char)*c) : '_';
    return name;
}

/* As .env reads it: in double quotes, with backslashes. */
static const char *env_quoted(Arena *arena, const char *text) {
    Buf out = buf_on(arena);
    buf_putc(&out, '"');
    for (const char *c = text; *c != '\0'; c++) {
        if (strchr("\"\\$", *c) != NULL) buf_putc(&out, '\\');
        buf_putc(&out, *c);
    }
    buf_putc(&out, '"');
    return buf_text(&out);
}

/* The name of a variable and no more: a default would be the secret itself. */
static bool is_reference(const char *value) {
    if (!str_starts(value, "${")) return false;
    const char *end = value + 2;
    while (isalnum((unsigned char)*end) || *end == '_') end++;
    return end > value + 2 && str_eq(end, "}");
}

static bool is_secret(const Connector *connector, const char *name) {
    const OptionSpec *spec = option_find(connector, name);
    return spec == NULL ? redact_is_secret_name(name) : spec->secret;
}

static bool unknown_option(Arena *arena, const Connector *connector, const char *key, Error *err) {
    Strings names = {0};
    for (const OptionSpec *spec = connector->options; spec->name != NULL; spec++)
        strings_add(arena, &names, spec->name);
    for (const OptionSpec *spec = common_options; spec->name != NULL; spec++)
        strings_add(arena, &names, spec->name);
    error_set(err, ERR_USAGE, SPAN_NONE, "connector '%s' has no option '%s'%s", connector->name,
              key, str_did_you_mean(arena, key, &names));
    return error_hint(err, "sqlflow connect types %s lists the options", connector->name);
}

static bool add_option(Edit *edit, const Connector *connector, const char *pair, Error *err) {
    Arena *arena = edit->context->arena;
    const char *equals = strchr(pair, '=');
    if (equals == NULL || equals == pair) {
        error_set(err, ERR_USAGE, SPAN_NONE, "'%s' is no option: write key=value", pair);
        return error_hint(err, "sqlflow connect types %s lists the options", connector->name);
    }
    const char *key = arena_strndup(arena, pair, (size_t)(equals - pair)), *value = equals + 1;
    if (option_find(connector, key) == NULL) return unknown_option(arena, connector, key, err);
    if (is_secret(connector, key) && !is_reference(value)) {
        redact_add(value);
        const char *name = env_name(arena, cli_word(edit->context->cli, 0), key);
        error_set(err, ERR_USAGE, SPAN_NONE,
                  "'%s' is a secret: it must not stand on the command line", key);
        return error_hint(err,
                          "put %s=… into .env and write %s='${%s}', or leave it out to be "
                          "asked for it",
                          name, key, name);
    }
    *LIST_PUSH(arena, &edit->pairs) = (YamlPair){key, value};
    return true;
}

static bool is_given(const Edit *edit, const Connector *connector, const OptionSpec *spec) {
    for (size_t i = 0; i < edit->pairs.count; i++)
        if (option_find(connector, edit->pairs.items[i].key) == spec) return true;
    return false;
}

/* Secrets that were left out are asked for, when there is somebody to ask. */
static bool ask_secrets(Edit *edit, const Connector *connector, Error *err) {
    Cli *cli = edit->context->cli;
    for (const OptionSpec *spec = connector->options; spec->name != NULL; spec++) {
        const char *answer;
        bool asked = spec->secret && (spec->use == 0 || (spec->use & USE_CONNECTION));
        if (!asked || is_given(edit, connector, spec) || !can_prompt()) continue;
        const char *question = arena_printf(cli->arena, "%s (empty: none)", spec->name);
        if (!prompt(cli, question, true, &answer, err)) return false;
        if (*answer == '\0') continue;
        redact_add(answer);
        const char *name = env_name(cli->arena, cli_word(cli, 0), spec->name);
        strings_add(cli->arena, &edit->env_lines,
                    arena_printf(cli->arena, "%s=%s", name, env_quoted(cli->arena, answer)));
        *LIST_PUSH(cli->arena, &edit->pairs) =
            (YamlPair){spec->name, arena_printf(cli->arena, "${%s}", name)};
    }
    return true;
}

/* The options as the profile will hold them, checked as the profile's are. */
static bool check_options(Edit *edit, const Connector *connector) {
    Context *context = edit->context;
    Value *options = value_new(context->arena, VALUE_OBJECT, SPAN_NONE);
    for (size_t i = 0; i < edit->pairs.count; i++)
        value_add(context->arena, options, edit->pairs.items[i].key, SPAN_NONE,
                  vars_value_of(context->arena, edit->pairs.items[i].value, SPAN_NONE));
    Link link = {.name = cli_word(context->cli, 0)};
    return options_resolve(context->arena, connector, USE_CONNECTION, NULL, options, &link,
                           &context->diags);
}

/* -- add --------------------------------------------------------------------------------- */

static const Connector *wanted_type(Cli *cli, Error *err) {
    const char *type = flag_text(cli, "type");
    Strings names = {0};
    connector_names(cli->arena, &names);
    const Connector *connector = type == NULL ? NULL : connector_find(type);
    if (type == NULL)
        error_set(err, ERR_USAGE, SPAN_NONE, "what type shall the connection have?");
    else if (connector == NULL)
        error_set(err, ERR_USAGE, SPAN_NONE, "unknown connector '%s'%s", type,
                  str_did_you_mean(cli->arena, type, &names));
    if (connector == NULL)
        error_hint(err, "--type is one of: %s", strings_join(cli->arena, &names, ", "));
    return connector;
}

static bool check_name(Context *context, const char *name, Error *err) {
    size_t size = strlen(name), fine = 0;
    while (isalnum((unsigned char)name[fine]) || (fine < size && strchr("_-", name[fine]))) fine++;
    if (size == 0 || fine < size)
        return error_set(err, ERR_USAGE, SPAN_NONE,
                         "'%s' is no name: use letters, digits, _ and -", name);
    if (project_connection(&context->project, name) == NULL) return true;
    error_set(err, ERR_USAGE, SPAN_NONE, "profile '%s' has a connection '%s' already",
              context->project.profile.name, name);
    return error_hint(err, "remove it first: sqlflow connect remove %s", name);
}

static bool add(Edit *edit, Error *err) {
    Context *context = edit->context;
    Cli *cli = context->cli;
    const char *name = cli_word(cli, 0);
    const Connector *connector = wanted_type(cli, err);
    if (connector == NULL || !check_name(context, name, err)) return false;
    *LIST_PUSH(cli->arena, &edit->pairs) = (YamlPair){"type", connector->name};
    YamlPairs with_type = edit->pairs;
    edit->pairs = (YamlPairs){0};
    for (size_t i = 1; i < cli->words.count; i++)
        if (!add_option(edit, connector, cli->words.items[i], err)) return false;
    if (!ask_secrets(edit, connector, err)) return false;
    err->code = ERR_NONE;
    if (!check_options(edit, connector)) return false;
    for (size_t i = 0; i < edit->pairs.count; i++)
        *LIST_PUSH(cli->arena, &with_type) = edit->pairs.items[i];
    const char *text =
        yaml_add_connection(cli->arena, edit->text, edit->root, name, &with_type, err);
    return text != NULL && save_env(edit, err) && save_profile(edit, text, err);
}

static int finish(Context *context, bool ok, const Error *err, const char *what) {
    Cli *cli = context->cli;
    if (!ok) {
        if (context->diags.errors == 0) return fail(cli, err);
        return context_fail(context);
    }
    context_warnings(context);
    if (cli->json) {
        Document document;
        document_start(&document, cli);
        json_string(&document.json, what, cli_word(cli, 0));
        json_string(&document.json, "file", context->project.profile.path);
        return document_end(&document, cli);
    }
    out_printf(cli, "%s %s in %s\n", what, cli_word(cli, 0), context->project.profile.path);
    return 0;
}

static int run_add(Cli *cli) {
    Context context;
    Edit edit;
    Error err = {0};
    if (!context_open_profile(&context, cli)) return context_fail(&context);
    bool ok = start_edit(&edit, &context, &err) && add(&edit, &err);
    return finish(&context, ok, &err, "added");
}

/* -- remove ------------------------------------------------------------------------------ */

static bool remove_connection(Edit *edit, Error *err) {
    Context *context = edit->context;
    const char *name = cli_word(context->cli, 0);
    if (connection_named(context, name, err) == NULL) return false;
    const char *text = yaml_remove_connection(context->arena, edit->text, edit->root, name, err);
    return text != NULL && save_profile(edit, text, err);
}

static int run_remove(Cli *cli) {
    Context context;
    Edit edit;
    Error err = {0};
    if (!context_open_profile(&context, cli)) return context_fail(&context);
    bool ok = start_edit(&edit, &context, &err) && remove_connection(&edit, &err);
    return finish(&context, ok, &err, "removed");
}

static const Flag add_flags[] = {
    {"type", 0, FLAG_TEXT, "TYPE", NULL, "the connector: see sqlflow connect types"},
    {0},
};

const Command command_connect_add = {
    .name = "add",
    .summary = "add a connection to the profile",
    .arguments = "NAME KEY=VALUE…",
    .about = "Secrets are never given on the command line: write '${ENV}' and put the value into\n"
             ".env or the environment, or leave them out to be asked on a terminal.",
    .flags = add_flags,
    .min_args = 1,
    .max_args = ANY_NUMBER,
    .examples =
        (const Example
             []){{"connect add warehouse --type postgres host=db.example database=sales user=etl "
                  "password='${PG_PASSWORD}'",
                  "a PostgreSQL server"},
                 {"connect add lake --type s3 bucket=my-lake region=eu-west-1", "a bucket"},
                 {0}},
    .run = run_add,
};

const Command command_connect_remove = {
    .name = "remove",
    .summary = "remove a connection from the profile",
    .arguments = "NAME",
    .complete = "connection",
    .min_args = 1,
    .max_args = 1,
    .examples = (const Example[]){{"connect remove lake -p dev", "from profile dev"}, {0}},
    .run = run_remove,
};
