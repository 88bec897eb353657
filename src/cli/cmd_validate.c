/* `sqlflow pipeline validate`: everything that can be found without running, for all pipelines
 * named. With --live, sources and destinations are asked too. */
#include <stdlib.h>

#include "cli/context.h"
#include "cli/flags.h"
#include "cli/links.h"

extern const Command command_validate;

static bool check(Context *context, const char *name) {
    AUTO_LOADED loaded = {0};
    if (!context_load(context, name, LOAD_PLAN, &loaded) || !context_bind(context, &loaded))
        return false;
    return !flag_on(context->cli, "live") || links_check_live(context, &loaded.plan);
}

static void verdict(Cli *cli, const char *name, const Diags *diags) {
    bool valid = diags->errors == 0;
    const char *mark = valid ? "✓" : "✗";
    const char *color = !cli->color_out ? "" : valid ? "\033[32m" : "\033[31m";
    size_t warnings = diags->count - diags->errors;
    out_printf(cli, "%s%s%s %s", color, mark, cli->color_out ? "\033[0m" : "", name);
    if (!valid) out_printf(cli, "  %zu error%s", diags->errors, diags->errors == 1 ? "" : "s");
    if (warnings > 0) out_printf(cli, "  %zu warning%s", warnings, warnings == 1 ? "" : "s");
    out_text(cli, "\n");
}

static int validate_all(Context *context, const Strings *names) {
    Cli *cli = context->cli;
    Document document;
    document_start(&document, cli);
    json_array(&document.json, "pipelines");
    Diags all = diags_on(cli->arena);
    for (size_t i = 0; i < names->count; i++) {
        context->diags = diags_on(cli->arena);
        const char *name = project_pipeline_name(cli->arena, names->items[i]);
        bool valid = check(context, names->items[i]);
        diags_sort(&context->diags);
        show_diags(cli, &context->diags);
        verdict(cli, name, &context->diags);
        json_object(&document.json, NULL);
        json_string(&document.json, "name", name);
        json_bool(&document.json, "valid", valid);
        json_diags(&document.json, "diagnostics", &context->diags);
        json_end(&document.json);
        diags_copy(&all, &context->diags);
    }
    json_end(&document.json);
    json_error(cli, &document.json, &all);
    if (cli->json) document_end(&document, cli);
    return diags_exit_code(&all);
}

static int run_validate(Cli *cli) {
    Context context;
    Strings names;
    if (!context_open_profile(&context, cli) || !context_names(&context, 0, &names))
        return context_fail(&context);
    context_warnings(&context);
    if (names.count == 0) note(cli, "no pipelines in %s", context.project.profile.pipelines_dir);
    return validate_all(&context, &names);
}

static const Flag flags[] = {
    FLAG_ROW_VAR,
    FLAG_ROW_VARS,
    {"live", 0, FLAG_SWITCH, NULL, NULL, "also ask every source and destination"},
    FLAG_ROW_END,
};

const Command command_validate = {
    .name = "validate",
    .summary = "check syntax, variables, options, references, cycles and types",
    .arguments = "[NAME…]",
    .about =
        "Every query is bound by DuckDB against empty tables of the right columns; local files\n"
        "are looked into. Nothing is run, nothing is changed. Without names all pipelines of\n"
        "the project are checked.",
    .flags = flags,
    .complete = "pipeline",
    .max_args = ANY_NUMBER,
    .examples =
        (const Example[]){{"pipeline validate", "check all pipelines"},
                          {"pipeline validate customer_analytics --live", "also ask the servers"},
                          {"pipeline validate --format json", "for an editor or CI"},
                          {0}},
    .run = run_validate,
};
