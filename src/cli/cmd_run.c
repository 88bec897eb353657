/* `sqlflow run NAME`: validate, plan, run, report. The run itself is in src/run/; here is what
 * stands around it: options, the report's lines, the log file, target/run_results.json. */
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/redact.h"
#include "cli/context.h"
#include "cli/flags.h"
#include "cli/guard.h"
#include "cli/live.h"

extern const Command command_run;

/* The variables of the run, for its record. */
static const char *variables_json(Context *context, const Vars *vars) {
    Strings names = {0};
    vars_names(vars, context->arena, &names);
    Buf out = buf_on(context->arena);
    JsonWriter json = json_writer(&out, false);
    json_object(&json, NULL);
    for (size_t i = 0; i < names.count; i++) {
        Error ignored = {0};
        const char *name = names.items[i];
        const Value *value = vars_get(vars, name, NULL, &ignored);
        if (value == NULL) continue;
        if (redact_is_secret_name(name))
            json_string(&json, name, "***");
        else
            json_value(&json, name, value);
    }
    json_end(&json);
    return redact_json(context->arena, buf_text(&out));
}

/* All that the flag was given with, or NULL. */
static const char *id_list(const Cli *cli, const char *flag) {
    const Strings *lists = flag_list(cli, flag);
    return lists->count == 0 ? NULL : strings_join(cli->arena, lists, ",");
}

static RunOptions options_of(Context *context, const Loaded *loaded, RunListener *listener) {
    const Cli *cli = context->cli;
    const char *commit = flag_text(cli, "commit");
    return (RunOptions){
        .run_id = loaded->run_id,
        .started_us = loaded->started_us,
        .full_refresh = flag_on(cli, "full-refresh"),
        .start = flag_text(cli, "start"),
        .end = flag_text(cli, "end"),
        .resume = flag_on(cli, "resume"),
        .commit_step =
            commit == NULL ? context->project.profile.engine.commit_step : str_eq(commit, "step"),
        .dry_run = flag_on(cli, "dry-run"),
        .wait_seconds = flag_wait(cli),
        .timeout_seconds = flag_seconds(cli, "timeout", 0, 0),
        .select = id_list(cli, "select"),
        .exclude = id_list(cli, "exclude"),
        .variables_json = variables_json(context, &loaded->vars),
        .listener = listener,
    };
}

/* -- files of a run ---------------------------------------------------------------------- */

enum { LOGS_KEPT = 1000 };

/* RUN_ID.log, nothing else: the folder may be one of many programs. */
static bool is_run_log(const char *name) {
    size_t digits = strspn(name, "0123456789");
    return digits == 8 && name[8] == '-' && strspn(name + 9, "0123456789") == 6 &&
           name[15] == '-' && strspn(name + 16, "0123456789abcdef") == 8 &&
           str_eq(name + 24, ".log");
}

/* Names of run logs sort by time. What cannot be removed is no concern of the run. */
static void remove_old_logs(Arena *arena, const char *folder) {
    Strings names = {0}, logs = {0};
    Error ignored;
    if (!fs_list(arena, folder, &names, &ignored) || names.count <= LOGS_KEPT) return;
    for (size_t i = 0; i < names.count; i++)
        if (is_run_log(names.items[i])) strings_add(arena, &logs, names.items[i]);
    for (size_t i = 0; i + LOGS_KEPT < logs.count; i++)
        fs_remove_tree(fs_join(arena, folder, logs.items[i]), &ignored);
}

static bool open_log(Context *context, const Loaded *loaded, Error *err) {
    const Profile *profile = &context->project.profile;
    Arena *arena = context->arena;
    const char *path = profile->log_file;
    if (path == NULL) path = fs_join(arena, profile->target_dir, "logs");
    const char *folder = str_iends(path, ".log") ? NULL : path;
    if (folder != NULL)
        path = fs_join(arena, folder, arena_printf(arena, "%s.log", loaded->run_id));
    log_set_run(loaded->run_id);
    if (!log_open_file(path, err)) return false;
    if (folder != NULL) remove_old_logs(arena, folder);
    return true;
}

static bool save_results(Context *context, const Buf *document, Error *err) {
    const char *path =
        fs_join(context->arena, context->project.profile.target_dir, "run_results.json");
    const char *text = redact_json(context->arena, buf_text(document));
    return fs_write_unsynced(path, text, strlen(text), 0644, err);
}

/* -- the report -------------------------------------------------------------------------- */

static void print_head(Context *context, const RunReport *report) {
    Buf out = buf_on(context->arena);
    report_head(report, &out);
    out_text(context->cli, buf_text(&out));
    log_event(LOG_INFO, NULL, "run_started", "pipeline %s, profile %s%s", report->pipeline,
              report->profile, report->dry_run ? ", dry run" : "");
}

static void print_failed_steps(Context *context, const Live *live, const RunReport *report) {
    Buf out = buf_on(context->arena);
    for (size_t i = 0; i < report->step_count; i++) {
        const StepResult *result = &report->steps[i];
        if (result->status != STATUS_FAILED && result->status != STATUS_RUNNING) continue;
        report_line(&live->layout, result, i, report->step_count, &report->error, &out);
    }
    out_text(context->cli, buf_text(&out));
}

/* Warnings and errors go to stderr; the head has said already that nothing will be kept. What was
 * wrong before the start is told in full, and its first error is the report's. */
static void show_findings(Cli *cli, const RunReport *report) {
    Diags shown = diags_on(cli->arena);
    for (size_t i = 0; i < report->problems.count; i++)
        *LIST_PUSH(cli->arena, &shown) = report->problems.items[i];
    diags_sort(&shown);
    for (size_t i = 0; i < report->diags.count; i++) {
        if (report->diags.items[i].code == WARN_IN_MEMORY) continue;
        *LIST_PUSH(cli->arena, &shown) = report->diags.items[i];
    }
    if (report->error.code != ERR_NONE && report->problems.errors == 0)
        diag_add(&shown, SEVERITY_ERROR, &report->error);
    if (!cli->log_json) log_diags(&shown);
    show_diags(cli, &shown);
    log_event(report->status == RUN_SUCCESS ? LOG_INFO : LOG_ERROR, NULL, "run_ended", "%s, %.3f s",
              run_status_name(report->status), report->seconds);
}

static void print_report(Context *context, const RunReport *report, const Buf *document) {
    Cli *cli = context->cli;
    show_findings(cli, report);
    if (cli->json) {
        out_document(cli, document);
        return;
    }
    Buf tail = buf_on(context->arena);
    report_tail(report, &tail, cli->color_out);
    out_text(cli, buf_text(&tail));
}

/* Warnings of the plan, which stand on stderr already, belong to the document too. */
static void make_document(const Context *context, const RunReport *report, Buf *document) {
    RunReport whole = *report;
    whole.diags = diags_on(context->arena);
    if (whole.problems.items != context->diags.items) diags_copy(&whole.diags, &context->diags);
    diags_copy(&whole.diags, &report->diags);
    report_json(&whole, document);
}

/* The end of every run: the document in its file, the lines on the terminal. */
static void conclude(Context *context, RunReport *report) {
    Buf document = buf_on(context->arena);
    make_document(context, report, &document);
    Error err;
    if (!report->dry_run && !save_results(context, &document, &err))
        diag_add(&report->diags, SEVERITY_WARNING, &err);
    print_report(context, report, &document);
}

static RunReport report_of(Context *context, const Loaded *loaded) {
    return (RunReport){
        .arena = context->arena,
        .run_id = loaded->run_id,
        .pipeline = loaded->name,
        .profile = context->project.profile.name,
        .started_us = loaded->started_us,
        .in_memory = !context->project.profile.engine.persistent,
        .dry_run = flag_on(context->cli, "dry-run"),
        .diags = diags_on(context->arena),
        .problems = diags_on(context->arena),
    };
}

static int run_loaded(Context *context, Loaded *loaded, double since) {
    Live live;
    live_start(&live, context->cli, &loaded->plan);
    RunOptions options = options_of(context, loaded, &live.listener);
    RunReport report = report_of(context, loaded);
    print_head(context, &report);
    options.since = since;
    options.duck = loaded->duck;
    loaded->duck = NULL; /* it is the run's now */
    int code = run_plan(&loaded->plan, &context->project, &options, &report);
    live_stop(&live);
    if (report.problems.errors > 0) code = diags_exit_code(&report.problems);
    print_failed_steps(context, &live, &report);
    conclude(context, &report);
    return code;
}

/* A pipeline that cannot be loaded, or was stopped meanwhile (`stopped`, else NULL), is a run that
 * never started; it ends as all do. */
static int run_not_loaded(Context *context, const Loaded *loaded, const Error *stopped,
                          double since) {
    RunReport report = report_of(context, loaded);
    report.failed = true;
    report.status = RUN_FAILED;
    if (stopped == NULL) {
        diags_sort(&context->diags);
        report.problems = context->diags;
        diag_to_error(diags_leading(&report.problems), &report.error);
    } else {
        report.error = *stopped;
        if (stopped->code == ERR_INTERRUPTED) report.status = RUN_INTERRUPTED;
    }
    report.seconds = clock_steady() - since;
    print_head(context, &report);
    conclude(context, &report);
    return stopped == NULL ? diags_exit_code(&report.problems) : error_exit_code(stopped->code);
}

static int run_run(Cli *cli) {
    Context context;
    AUTO_LOADED loaded = {0};
    Error err;
    double start = clock_steady();
    guard_start(cli, flag_seconds(cli, "timeout", 0, 0));
    bool ok = context_open_profile(&context, cli) &&
              context_load(&context, cli_word(cli, 0), LOAD_PLAN, &loaded);
    bool stopped = guard_stop(&err);
    if (!loaded.has_text) return stopped ? fail(cli, &err) : context_fail(&context);
    Error unwritable;
    bool logged = open_log(&context, &loaded, &unwritable);
    if (stopped || !ok) return run_not_loaded(&context, &loaded, stopped ? &err : NULL, start);
    if (!logged) return fail(cli, &unwritable);
    context_warnings(&context);
    return run_loaded(&context, &loaded, start);
}

static const Flag run_flags[] = {
    FLAG_ROW_VAR,
    FLAG_ROW_VARS,
    {"select", 0, FLAG_LIST, "IDS", NULL,
     "run only these steps: a,b; +a with all before it, a+ "
     "with all after"},
    {"exclude", 0, FLAG_LIST, "IDS", NULL, "run all steps but these"},
    {"full-refresh", 0, FLAG_SWITCH, NULL, NULL, "rebuild incremental tables from all rows"},
    {"start", 0, FLAG_TEXT, "TIME", NULL, "recompute incremental tables from here on …"},
    {"end", 0, FLAG_TEXT, "TIME", NULL, "… to before here; watermarks stay"},
    {"resume", 0, FLAG_SWITCH, NULL, NULL, "go on after a failed run with commit: step"},
    {"commit", 0, FLAG_TEXT, "WHEN", "run|step",
     "one transaction for the run, or one for each "
     "step"},
    {"dry-run", 0, FLAG_SWITCH, NULL, NULL, "do everything, roll back, show what would change"},
    {"wait", 0, FLAG_MAYBE_SECONDS, "SECONDS", NULL,
     "wait for another run to end, without end "
     "when no time is given"},
    {"timeout", 0, FLAG_SECONDS, "SECONDS", NULL, "stop and roll back after this time"},
    FLAG_ROW_END,
};

const Command command_run = {
    .name = "run",
    .summary = "run a pipeline: all of it or nothing",
    .arguments = "NAME",
    .about =
        "The pipeline is validated and planned first. Tables, watermarks and the run's record\n"
        "commit in one transaction; exports are published after it. A log goes to\n"
        "target/logs/, the report of the last run to target/run_results.json.",
    .flags = run_flags,
    .complete = "pipeline",
    .min_args = 1,
    .max_args = 1,
    .examples =
        (const Example[]){
            {"run customer_analytics", "run pipelines/customer_analytics.sf with profile dev"},
            {"run customer_analytics -p prod --var run_date=2026-01-31",
             "another profile, and a variable"},
            {"run customer_analytics --dry-run", "show what a run would change"},
            {"run incremental_orders --full-refresh", "rebuild incremental tables"},
            {"run customer_analytics --select +transform_customer_summary",
             "one step and all it needs"},
            {0},
        },
    .run = run_run,
};
