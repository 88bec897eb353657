/* `sqlflow pipeline debug`: a dry run that shows what each step does; all is rolled back.
 * How a step is shown is in debug_view.c. */
#include "cli/context.h"
#include "cli/debug_view.h"
#include "cli/flags.h"
#include "cli/guard.h"

extern const Command command_debug;

static void step_ended(void *context, const StepResult *step, size_t index, size_t count) {
    debug_show_step(context, step, index, count);
}

static bool find_step(Context *context, const Loaded *loaded, const char **select) {
    const char *id = flag_text(context->cli, "step");
    *select = NULL;
    if (id == NULL) return true;
    *select = arena_printf(context->arena, "+%s", id);
    if (plan_find(&loaded->plan, id) != SIZE_MAX) return true;
    Error err;
    plan_no_step(&loaded->plan, context->arena, id, &err);
    return context_error(context, &err);
}

static int finish(Context *context, const RunReport *report, Document *document, int code) {
    Cli *cli = context->cli;
    Diags shown = diags_on(cli->arena);
    for (size_t i = 0; i < report->problems.count; i++)
        *LIST_PUSH(cli->arena, &shown) = report->problems.items[i];
    for (size_t i = 0; i < report->diags.count; i++)
        *LIST_PUSH(cli->arena, &shown) = report->diags.items[i];
    const Diag *error =
        report->error.code == ERR_NONE ? NULL : diag_add(&shown, SEVERITY_ERROR, &report->error);
    if (report->problems.errors > 0) {
        shown.count--; /* the first of them is the error */
        code = diags_exit_code(&report->problems);
    }
    show_diags(cli, &shown);
    if (!cli->json) {
        Buf tail = buf_on(cli->arena);
        report_tail(report, &tail, cli->color_out);
        out_text(cli, buf_text(&tail));
        return code;
    }
    json_end(&document->json);
    if (error != NULL) json_diag(cli, &document->json, "error", error);
    document_end(document, cli);
    return code;
}

static int debug(Context *context, Loaded *loaded, const char *select) {
    Cli *cli = context->cli;
    Document document;
    document_start(&document, cli);
    json_string(&document.json, "pipeline", loaded->name);
    json_array(&document.json, "steps");
    DebugView view = {
        .cli = cli,
        .duck = loaded->duck,
        .json = cli->json ? &document.json : NULL,
        .limit = flag_int(cli, "limit", 5),
        .explain = flag_on(cli, "explain"),
    };
    RunListener listener = {.context = &view, .step_ended = step_ended};
    RunOptions options = {
        .run_id = loaded->run_id,
        .started_us = loaded->started_us,
        .dry_run = true,
        .wait_seconds = flag_wait(cli),
        .select = select,
        .variables_json = "{}",
        .listener = &listener,
        .duck = loaded->duck,
    };
    loaded->duck = NULL; /* it is the run's now */
    RunReport report = {.arena = context->arena, .diags = diags_on(context->arena)};
    int code = run_plan(&loaded->plan, &context->project, &options, &report);
    return finish(context, &report, &document, code);
}

static int run_debug(Cli *cli) {
    Context context;
    AUTO_LOADED loaded = {0};
    const char *select;
    Error err;
    guard_start(cli, 0);
    bool ok = context_open_profile(&context, cli) &&
              context_load(&context, cli_word(cli, 0), LOAD_PLAN, &loaded) &&
              find_step(&context, &loaded, &select);
    if (guard_stop(&err)) return fail(cli, &err);
    if (!ok) return context_fail(&context);
    context_warnings(&context);
    return debug(&context, &loaded, select);
}

static const Flag flags[] = {
    FLAG_ROW_VAR,
    FLAG_ROW_VARS,
    {"step", 0, FLAG_TEXT, "ID", NULL, "stop after this step; only what it needs is run"},
    {"limit", 0, FLAG_INT, "N", NULL, "how many rows of each table to show (5)"},
    {"explain", 0, FLAG_SWITCH, NULL, NULL, "also show DuckDB's plan of each query"},
    {"wait", 0, FLAG_MAYBE_SECONDS, "SECONDS", NULL, "wait for a run to end"},
    FLAG_ROW_END,
};

const Command command_debug = {
    .name = "debug",
    .summary = "run a pipeline step by step, show everything, roll back",
    .arguments = "NAME",
    .about = "Each step's SQL, columns, first rows and time are shown. Nothing is kept: tables,\n"
             "watermarks and exports stay as they were.",
    .flags = flags,
    .complete = "pipeline",
    .min_args = 1,
    .max_args = 1,
    .examples = (const Example[]){{"pipeline debug customer_analytics", "all steps"},
                                  {"pipeline debug customer_analytics --step "
                                   "transform_customer_summary --explain",
                                   "up to one step, with DuckDB's plans"},
                                  {0}},
    .run = run_debug,
};
