/* `sqlflow pipeline …`: the group, and its small actions: list, compile, graph.
 * run, validate, test and debug are files of their own. */
#include <string.h>

#include "base/fs.h"
#include "base/redact.h"
#include "cli/context.h"
#include "cli/flags.h"

extern const Command command_pipeline, command_run, command_test, command_validate, command_debug;

/* -- list -------------------------------------------------------------------------------- */

/* The first comment of a pipeline says what it is for. */
static const char *description(Arena *arena, const char *path) {
    Error ignored;
    const char *text = fs_read(arena, path, NULL, &ignored);
    if (text == NULL) return "";
    text = source_new(arena, path, text, strlen(text))->text;
    while (*text == '\n' || *text == '\r' || *text == ' ') text++;
    if (!str_starts(text, "--")) return "";
    text += strspn(text, "- ");
    return str_trim(arena, text, strcspn(text, "\r\n"));
}

static int run_list(Cli *cli) {
    Context context;
    Strings names;
    if (!context_open_profile(&context, cli) || !context_names(&context, 0, &names))
        return context_fail(&context);
    Document document;
    document_start(&document, cli);
    json_array(&document.json, "pipelines");
    Table table = table_new(cli->arena, "NAME|FILE|ABOUT");
    for (size_t i = 0; i < names.count; i++) {
        Error err;
        const char *path =
            project_pipeline_path(&context.project, cli->arena, names.items[i], &err);
        if (path == NULL) return fail(cli, &err);
        const char *about = description(cli->arena, path);
        json_object(&document.json, NULL);
        json_string(&document.json, "name", names.items[i]);
        json_string(&document.json, "file", path);
        json_string(&document.json, "description", about);
        json_end(&document.json);
        table_cell(&table, names.items[i]);
        table_cell(&table, path);
        table_cell(&table, about);
    }
    json_end(&document.json);
    if (cli->json) return document_end(&document, cli);
    if (names.count == 0)
        note(cli, "no pipelines in %s", context.project.profile.pipelines_dir);
    else
        table_print(cli, &table);
    return 0;
}

/* -- compile ----------------------------------------------------------------------------- */

static const char *table_names(Arena *arena, const Tables *tables) {
    Strings names = {0};
    for (size_t i = 0; i < tables->count; i++) strings_add(arena, &names, tables->items[i].name);
    return strings_join(arena, &names, ", ");
}

static void print_summary(Cli *cli, const Plan *plan) {
    Table table = table_new(cli->arena, ">#|STEP|TYPE|MODE|READS|WRITES");
    for (size_t i = 0; i < plan->steps.count; i++) {
        const Step *step = &plan->steps.items[i];
        table_cellf(&table, "%zu", i + 1);
        table_cell(&table, step->id);
        table_cell(&table, step_kind_name(step->kind));
        table_cell(&table, mode_name(step->mode));
        table_cell(&table, step->kind == STEP_LOAD && step->source_name != NULL
                               ? step->source_name
                               : table_names(cli->arena, &step->reads));
        table_cell(&table,
                   step->kind == STEP_EXPORT ? step->name : table_names(cli->arena, &step->writes));
    }
    table_print(cli, &table);
}

static bool open_plan(Cli *cli, Context *context, Loaded *loaded) {
    if (!context_open_profile(context, cli) ||
        !context_load(context, cli_word(cli, 0), LOAD_PLAN, loaded))
        return false;
    context_warnings(context);
    return true;
}

static int run_compile(Cli *cli) {
    Context context;
    AUTO_LOADED loaded = {0};
    if (!open_plan(cli, &context, &loaded)) return context_fail(&context);
    Buf document = buf_on(cli->arena);
    plan_json(&loaded.plan, &document);
    const char *path = arena_printf(cli->arena, "%s/compiled/%s.json",
                                    context.project.profile.target_dir, loaded.name);
    const char *text = redact_json(cli->arena, buf_text(&document));
    Error err;
    if (!fs_write_atomic(path, text, strlen(text), 0644, &err)) return fail(cli, &err);
    if (cli->json) {
        out_document(cli, &document);
    } else if (flag_on(cli, "sql")) {
        Buf sql = buf_on(cli->arena);
        plan_sql_text(&loaded.plan, &sql);
        out_text(cli, buf_text(&sql));
    } else {
        out_printf(cli, "Pipeline %s · profile %s · %zu steps\n\n", loaded.name,
                   context.project.profile.name, loaded.plan.steps.count);
        print_summary(cli, &loaded.plan);
        out_printf(cli, "\nplan written to %s\n", path);
    }
    return 0;
}

/* -- graph ------------------------------------------------------------------------------- */

static void graph_json(const Plan *plan, JsonWriter *json) {
    json_string(json, "pipeline_name", plan->pipeline->name);
    json_array(json, "nodes");
    for (size_t i = 0; i < plan->steps.count; i++) {
        json_object(json, NULL);
        json_string(json, "id", plan->steps.items[i].id);
        json_string(json, "type", step_kind_name(plan->steps.items[i].kind));
        json_end(json);
    }
    json_end(json);
    json_array(json, "edges");
    for (size_t i = 0; i < plan->steps.count; i++) {
        const Step *step = &plan->steps.items[i];
        for (size_t k = 0; k < step->depends.count; k++) {
            json_object(json, NULL);
            json_string(json, "from", plan->steps.items[step->depends.items[k]].id);
            json_string(json, "to", step->id);
            json_end(json);
        }
    }
    json_end(json);
}

static int run_graph(Cli *cli) {
    Context context;
    AUTO_LOADED loaded = {0};
    if (!open_plan(cli, &context, &loaded)) return context_fail(&context);
    if (cli->json) {
        Document document;
        document_start(&document, cli);
        graph_json(&loaded.plan, &document.json);
        return document_end(&document, cli);
    }
    Buf out = buf_on(cli->arena);
    if (str_eq(cli->format, "dot"))
        plan_graph_dot(&loaded.plan, &out);
    else if (str_eq(cli->format, "mermaid"))
        plan_graph_mermaid(&loaded.plan, &out);
    else
        plan_graph_text(&loaded.plan, &out);
    out_document(cli, &out);
    return 0;
}

/* -- the table --------------------------------------------------------------------------- */

static const Flag compile_flags[] = {
    FLAG_ROW_VAR,
    FLAG_ROW_VARS,
    {"sql", 0, FLAG_SWITCH, NULL, NULL, "print the final SQL of each step"},
    FLAG_ROW_END,
};
static const Flag graph_flags[] = {FLAG_ROW_VAR, FLAG_ROW_VARS, FLAG_ROW_END};

static const Command list = {
    .name = "list",
    .summary = "list the project's pipelines",
    .examples = (const Example[]){{"pipeline list", "names, files and what they are for"}, {0}},
    .run = run_list,
};
static const Command compile = {
    .name = "compile",
    .summary = "write and print the plan: every step in run order",
    .arguments = "NAME",
    .flags = compile_flags,
    .complete = "pipeline",
    .min_args = 1,
    .max_args = 1,
    .examples =
        (const Example[]){{"pipeline compile customer_analytics", "a summary"},
                          {"pipeline compile customer_analytics --sql", "the SQL that DuckDB gets"},
                          {"pipeline compile customer_analytics --format json",
                           "the plan, as target/compiled/ holds it"},
                          {0}},
    .run = run_compile,
};
static const Command graph = {
    .name = "graph",
    .summary = "show how the steps depend on each other",
    .arguments = "NAME",
    .flags = graph_flags,
    .formats = "text|dot|mermaid|json",
    .complete = "pipeline",
    .min_args = 1,
    .max_args = 1,
    .examples = (const Example[]){{"pipeline graph customer_analytics", "as text"},
                                  {"pipeline graph customer_analytics --format dot | dot -Tsvg",
                                   "as a picture"},
                                  {0}},
    .run = run_graph,
};

const Command command_pipeline = {
    .name = "pipeline",
    .summary = "list, validate, compile, run, test, debug and draw pipelines",
    .actions = (const Command *const[]){&list, &command_validate, &compile, &command_run,
                                        &command_test, &command_debug, &graph, NULL},
    .examples = (const Example[]){{"pipeline validate", "check all pipelines of the project"}, {0}},
};
