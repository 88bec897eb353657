/* `sqlflow connect …`: the group, and what looks at connections: types, list, test, discover.
 * What changes the profile (add, remove) is in cmd_connect_edit.c. */
#include <stdlib.h>
#include <string.h>

#include "base/redact.h"
#include "cli/links.h"

extern const Command command_connect, command_connect_add, command_connect_remove;

/* -- types ------------------------------------------------------------------------------- */

static const struct {
    unsigned bit;
    const char *word;
} abilities[] = {{CAN_READ, "read"},
                 {CAN_WRITE, "write"},
                 {CAN_INCREMENTAL, "incremental"},
                 {CAN_DISCOVER, "discover"},
                 {CAN_BY_FILE, "by file"}};

static const char *ability_text(Arena *arena, const Connector *connector) {
    Strings words = {0};
    for (size_t i = 0; i < sizeof abilities / sizeof *abilities; i++)
        if (connector->can & abilities[i].bit) strings_add(arena, &words, abilities[i].word);
    return strings_join(arena, &words, ", ");
}

static const char *option_type_name(OptionType type) {
    switch (type) {
        case OPTION_TEXT: return "text";
        case OPTION_INT: return "integer";
        case OPTION_NUMBER: return "number";
        case OPTION_BOOL: return "boolean";
        case OPTION_LIST:
        case OPTION_NAMES: return "list";
        case OPTION_MAP: return "map";
        case OPTION_CHAR: return "character";
        case OPTION_ANY: return "any";
    }
    abort();
}

static const char *uses(Arena *arena, const OptionSpec *spec) {
    Strings words = {0};
    if (spec->use == 0) return "everywhere";
    if (spec->use & USE_READ) strings_add(arena, &words, "source");
    if (spec->use & USE_WRITE) strings_add(arena, &words, "export");
    if (spec->use & USE_CONNECTION) strings_add(arena, &words, "connection");
    return strings_join(arena, &words, ", ");
}

static const char *option_notes(Arena *arena, const OptionSpec *spec) {
    Buf text = buf_on(arena);
    buf_puts(&text, spec->help == NULL ? "" : spec->help);
    if (spec->choices != NULL)
        buf_printf(&text, " (%s)", str_replace(arena, spec->choices, "|", ", "));
    if (spec->fallback != NULL && *spec->fallback != '\0')
        buf_printf(&text, " [%s]", spec->fallback);
    if (spec->required != NULL) buf_puts(&text, "; required");
    if (spec->secret) buf_puts(&text, "; secret: use ${ENV}");
    if (spec->aliases != NULL)
        buf_printf(&text, "; also %s", str_replace(arena, spec->aliases, "|", ", "));
    return buf_text(&text);
}

static void option_rows(Cli *cli, const OptionSpec *spec, const char *title) {
    if (spec == NULL || spec->name == NULL) return;
    Table table = table_new(cli->arena, "OPTION|TYPE|WHERE|WHAT IT DOES");
    for (; spec->name != NULL; spec++) {
        table_cell(&table, spec->name);
        table_cell(&table, option_type_name(spec->type));
        table_cell(&table, uses(cli->arena, spec));
        table_cell(&table, option_notes(cli->arena, spec));
    }
    out_printf(cli, "\n%s\n", title);
    table_print(cli, &table);
}

static void options_json(JsonWriter *json, Arena *arena, const OptionSpec *spec) {
    for (; spec != NULL && spec->name != NULL; spec++) {
        json_object(json, NULL);
        json_string(json, "name", spec->name);
        json_string(json, "aliases", spec->aliases);
        json_string(json, "type", option_type_name(spec->type));
        json_string(json, "use", uses(arena, spec));
        json_bool(json, "required", spec->required != NULL);
        json_string(json, "default", spec->fallback);
        json_string(json, "choices", spec->choices);
        json_bool(json, "secret", spec->secret);
        json_string(json, "help", spec->help);
        json_end(json);
    }
}

static void connector_json(Cli *cli, JsonWriter *json, const Connector *connector) {
    json_object(json, NULL);
    json_string(json, "name", connector->name);
    json_string(json, "summary", connector->summary);
    json_string(json, "can", ability_text(cli->arena, connector));
    json_array(json, "options");
    options_json(json, cli->arena, connector->options);
    options_json(json, cli->arena, common_options);
    if (connector->can & CAN_READ) options_json(json, cli->arena, source_options);
    json_end(json);
    json_end(json);
}

static void connector_text(Cli *cli, const Connector *connector) {
    out_printf(cli, "%s  %s\ncan: %s\n", connector->name, connector->summary,
               ability_text(cli->arena, connector));
    option_rows(cli, connector->options, "Its own options");
    if (connector->can & CAN_READ) option_rows(cli, source_options, "Options of every source");
    option_rows(cli, common_options, "Options of every connector");
}

static int run_types(Cli *cli) {
    const char *name = cli_word(cli, 0);
    const Connector *one = name == NULL ? NULL : connector_find(name);
    if (name != NULL && one == NULL) {
        Strings names = {0};
        connector_names(cli->arena, &names);
        return fail_usage(cli, "unknown connector '%s'%s; there are: %s", name,
                          str_did_you_mean(cli->arena, name, &names),
                          strings_join(cli->arena, &names, ", "));
    }
    Document document;
    document_start(&document, cli);
    json_array(&document.json, "connectors");
    Table table = table_new(cli->arena, "NAME|CAN|ABOUT");
    for (size_t i = 0; connector_at(i) != NULL; i++) {
        const Connector *connector = connector_at(i);
        if (one != NULL && connector != one) continue;
        connector_json(cli, &document.json, connector);
        table_cell(&table, connector->name);
        table_cell(&table, ability_text(cli->arena, connector));
        table_cell(&table, connector->summary);
    }
    json_end(&document.json);
    if (cli->json) return document_end(&document, cli);
    if (one != NULL)
        connector_text(cli, one);
    else
        table_print(cli, &table);
    return 0;
}

/* -- list -------------------------------------------------------------------------------- */

/* Where it leads, from options that are no secrets. */
static const char *target_of(Context *context, const Connection *connection) {
    static const char *const names[] = {"host", "port", "database",     "dbname", "bucket",
                                        "uri",  "path", "endpoint_url", NULL};
    Strings parts = {0};
    for (size_t i = 0; names[i] != NULL; i++) {
        const char *text = member_text(connection->options, names[i]);
        if (text != NULL && *text != '\0')
            strings_add(context->arena, &parts,
                        arena_printf(context->arena, "%s=%s", names[i], text));
    }
    return redact_text(context->arena, strings_join(context->arena, &parts, " "));
}

static int run_list(Cli *cli) {
    Context context;
    if (!context_open_profile(&context, cli)) return context_fail(&context);
    context_warnings(&context);
    const Connections *all = &context.project.profile.connections;
    Document document;
    document_start(&document, cli);
    json_array(&document.json, "connections");
    Table table = table_new(cli->arena, "NAME|TYPE|TARGET");
    for (size_t i = 0; i < all->count; i++) {
        const char *target = target_of(&context, &all->items[i]);
        json_object(&document.json, NULL);
        json_string(&document.json, "name", all->items[i].name);
        json_string(&document.json, "type", all->items[i].type);
        json_string(&document.json, "target", target);
        json_end(&document.json);
        table_cell(&table, all->items[i].name);
        table_cell(&table, all->items[i].type);
        table_cell(&table, target);
    }
    json_end(&document.json);
    if (cli->json) return document_end(&document, cli);
    if (all->count == 0)
        note(cli, "profile '%s' has no connections", context.project.profile.name);
    else
        table_print(cli, &table);
    return 0;
}

/* -- test and discover ------------------------------------------------------------------- */

static bool open_link(Context *context, Link *link, Session *session) {
    Error err;
    const Connection *connection = connection_named(context, cli_word(context->cli, 0), &err);
    if (connection == NULL) return context_error(context, &err);
    return link_of_connection(context, connection, link) && session_open(context, session);
}

static void print_stages(Cli *cli, const ProbeReport *report) {
    for (size_t i = 0; i < report->stages.count; i++) {
        const ProbeStage *stage = &report->stages.items[i];
        Buf line = buf_on(cli->arena);
        const char *color = !cli->color_out ? "" : stage->ok ? "\033[32m" : "\033[31m";
        buf_printf(&line, "%s%s%s ", color, stage->ok ? "✓" : "✗", cli->color_out ? "\033[0m" : "");
        buf_pad(&line, stage->name, 14, false);
        const char *detail = stage->detail == NULL ? "" : stage->detail;
        out_printf(cli, "%s%.*s\n", buf_text(&line), (int)strcspn(detail, "\n"), detail);
    }
}

static void stages_json(Cli *cli, const Link *link, const ProbeReport *report, const Error *err) {
    Document document;
    document_start(&document, cli);
    json_string(&document.json, "name", link->name);
    json_bool(&document.json, "ok", err == NULL);
    json_array(&document.json, "stages");
    for (size_t i = 0; i < report->stages.count; i++) {
        json_object(&document.json, NULL);
        json_string(&document.json, "name", report->stages.items[i].name);
        json_bool(&document.json, "ok", report->stages.items[i].ok);
        json_string(&document.json, "detail", report->stages.items[i].detail);
        json_end(&document.json);
    }
    json_end(&document.json);
    if (err != NULL) {
        Diags one = diags_on(cli->arena);
        json_diag(cli, &document.json, "error", diag_add(&one, SEVERITY_ERROR, err));
    }
    document_end(&document, cli);
}

static int run_test(Cli *cli) {
    Context context;
    Link link;
    Session session;
    if (!context_open_profile(&context, cli) || !open_link(&context, &link, &session))
        return context_fail(&context);
    context_warnings(&context);
    ProbeReport report = {.check_write = flag_on(cli, "write")};
    Error err = {0};
    bool ok = link.connector->probe(&session, &link, &report, &err);
    session_close(&session);
    print_stages(cli, &report);
    if (cli->json) {
        stages_json(cli, &link, &report, ok ? NULL : &err);
        if (ok) return 0;
        Diags one = diags_on(cli->arena);
        diag_add(&one, SEVERITY_ERROR, &err);
        show_diags(cli, &one);
        return error_exit_code(err.code);
    }
    return ok ? 0 : fail(cli, &err);
}

static void object_json(JsonWriter *json, const Object *object) {
    json_object(json, NULL);
    json_string(json, "name", object->name);
    json_string(json, "kind", object->kind);
    if (object->rows >= 0)
        json_int(json, "rows", object->rows);
    else
        json_null(json, "rows");
    if (object->bytes >= 0)
        json_int(json, "bytes", object->bytes);
    else
        json_null(json, "bytes");
    json_array(json, "columns");
    for (size_t i = 0; i < object->columns.count; i++) {
        json_object(json, NULL);
        json_string(json, "name", object->columns.items[i].name);
        json_string(json, "type", object->columns.items[i].type);
        json_end(json);
    }
    json_end(json);
    json_end(json);
}

static const char *column_text(Arena *arena, const Columns *columns) {
    Strings parts = {0};
    for (size_t i = 0; i < columns->count; i++)
        strings_add(arena, &parts,
                    arena_printf(arena, "%s %s", columns->items[i].name, columns->items[i].type));
    return strings_join(arena, &parts, ", ");
}

static int print_objects(Cli *cli, const Objects *objects) {
    Document document;
    document_start(&document, cli);
    json_array(&document.json, "objects");
    Table table = table_new(cli->arena, "NAME|KIND|>ROWS|>SIZE|COLUMNS");
    for (size_t i = 0; i < objects->count; i++) {
        const Object *object = &objects->items[i];
        object_json(&document.json, object);
        table_cell(&table, object->name);
        table_cell(&table, object->kind);
        table_cell(&table, object->rows < 0 ? "" : str_thousands(cli->arena, object->rows));
        table_cell(&table, object->bytes < 0
                               ? ""
                               : str_bytes(cli->arena, (unsigned long long)object->bytes));
        table_cell(&table, column_text(cli->arena, &object->columns));
    }
    json_end(&document.json);
    if (cli->json) return document_end(&document, cli);
    if (objects->count == 0)
        note(cli, "nothing was found");
    else
        table_print(cli, &table);
    return 0;
}

static int run_discover(Cli *cli) {
    Context context;
    Link link;
    Session session;
    Objects objects = {0};
    Error err = {0};
    if (!context_open_profile(&context, cli) || !open_link(&context, &link, &session))
        return context_fail(&context);
    context_warnings(&context);
    bool able = (link.connector->can & CAN_DISCOVER) != 0;
    bool ok = able && link.connector->discover(&session, &link, &objects, &err);
    session_close(&session);
    if (!able)
        error_set(&err, ERR_UNSUPPORTED, link.span, "connector '%s' cannot list what it has",
                  link.connector->name);
    return ok ? print_objects(cli, &objects) : fail(cli, &err);
}

/* -- the table --------------------------------------------------------------------------- */

static const Flag test_flags[] = {
    {"write", 0, FLAG_SWITCH, NULL, NULL, "also try to write"},
    {0},
};

static const Command types = {
    .name = "types",
    .summary = "list the connectors, or all options of one",
    .arguments = "[TYPE]",
    .complete = "connector",
    .max_args = 1,
    .examples = (const Example[]){{"connect types", "what there is"},
                                  {"connect types postgres", "all options of one"},
                                  {0}},
    .run = run_types,
};
static const Command list = {
    .name = "list",
    .summary = "list the profile's connections",
    .examples = (const Example[]){{"connect list -p prod", "those of another profile"}, {0}},
    .run = run_list,
};
static const Command test = {
    .name = "test",
    .summary = "do a real round trip, stage by stage",
    .arguments = "NAME",
    .flags = test_flags,
    .complete = "connection",
    .min_args = 1,
    .max_args = 1,
    .examples = (const Example[]){{"connect test warehouse --write", "may it be written to?"}, {0}},
    .run = run_test,
};
static const Command discover = {
    .name = "discover",
    .summary = "list the tables, files and columns that a connection offers",
    .arguments = "NAME",
    .complete = "connection",
    .min_args = 1,
    .max_args = 1,
    .examples =
        (const Example[]){{"connect discover warehouse --format json", "for a program"}, {0}},
    .run = run_discover,
};

const Command command_connect = {
    .name = "connect",
    .summary = "connectors and the profile's connections",
    .actions = (const Command *const[]){&types, &list, &command_connect_add, &test, &discover,
                                        &command_connect_remove, NULL},
    .examples = (const Example[]){{"connect types", "the connectors and what they can"}, {0}},
};
