/* Before a run's first step: lock, open, validate, recover, record; and closing again. */
#include "run/context.h"

#include <unistd.h>

#include "base/fs.h"

StepRecord run_step_record(const Run *run, const StepResult *result) {
    return (StepRecord){
        .run_id = run->report->run_id, .step_id = result->step->id,
        .type = step_kind_name(result->step->kind), .status = step_status_name(result->status),
        .rows_read = result->rows_read, .rows_inserted = result->rows_inserted,
        .rows_updated = result->rows_updated, .rows_deleted = result->rows_deleted,
        .duplicates_dropped = result->duplicates_dropped, .bytes = result->bytes,
        .seconds = result->seconds};
}

/* --resume: what this run need not do is known of it from its start, so that a run after it, should
 * it be killed, need not do it either. */
static bool record_skipped(Run *run, Error *err) {
    const RunReport *report = run->report;
    StepRecord *records = ARENA_ARRAY(run->arena, StepRecord, report->step_count + 1);
    size_t count = 0;
    for (size_t i = 0; run->options->resume && i < report->step_count; i++) {
        if (report->steps[i].status == STATUS_SKIPPED)
            records[count++] = run_step_record(run, &report->steps[i]);
    }
    return state_steps(run->duck, records, count, err);
}

static bool start_record(Run *run, Error *err) {
    const RunOptions *options = run->options;
    if (options->dry_run) return true;
    RunRecord record = {.run_id = options->run_id, .pipeline = run->plan->pipeline->name,
                        .pipeline_hash = run->plan->hash,
                        .profile = run->project->profile.name,
                        .variables = options->variables_json,
                        .commit_mode = options->commit_step ? "step" : "run",
                        .started_us = options->started_us};
    return duck_exec(run->duck, "BEGIN", NULL, err) &&
           state_run_start(run->duck, &record, err) && record_skipped(run, err) &&
           duck_exec(run->duck, "COMMIT", NULL, err);
}

static bool validate(Run *run, Error *err) {
    Diags diags = diags_on(run->arena);
    Externals externals = plan_externals(run->plan, run->keep);
    plan_find_externals(run->plan, run->duck, &externals, &diags);
    BindOptions bind = {.duck = run->duck, .externals = &externals, .keep = run->keep,
                        .python = run->python, .is_run = true,
                        .full_refresh = run->options->full_refresh,
                        .columns = run_source_columns, .context = run, .memo = &run->memo};
    run->relations = map_on(run->arena);
    run->guessed = map_on(run->arena);
    run->careful = map_on(run->arena);
    udf_session_stub(run->python, true);
    bind_types(run->plan, &bind, &diags);
    udf_session_stub(run->python, false);
    diags_sort(&diags);
    if (run->stop) return error_set(err, ERR_INTERRUPTED, SPAN_NONE, "interrupted by a signal");
    run->report->problems = diags;
    if (diags.errors == 0) return udf_session_setup(run->python, err);
    diag_to_error(diags_leading(&diags), err);
    return false;
}

bool run_lock(Run *run, Error *err) {
    const EngineConfig *engine = &run->project->profile.engine;
    if (!engine->persistent) return true;
    AUTO_ARENA scratch = arena_new();
    const char *dir = fs_dirname(scratch, engine->path);
    run->made_folder = !fs_is_dir(dir);
    if (run->made_folder && !fs_mkdirs(dir, 0755, err)) return false;
    LockRequest request = {engine->path, run->plan->pipeline->name, run->options->wait_seconds,
                           &run->stop};
    return lock_exclusive(&request, &run->lock, err);
}

bool run_open(Run *run, Error *err) {
    const EngineConfig *engine = &run->project->profile.engine;
    DuckConfig config = {.path = engine->persistent ? engine->path : NULL,
                         .memory_limit = engine->memory_limit, .threads = engine->threads,
                         .temp_directory = engine->temp_directory,
                         .max_temp_directory_size = engine->max_temp_directory_size};
    if (run->duck == NULL && !duck_open(&config, &run->duck, err)) return false;
    if (!duck_need_temp(run->duck, &config, err)) return false;
    if (run->options->duck != NULL && engine->persistent && !duck_attach(run->duck, &config, err))
        return false;
    const RunListener *listener = run->options->listener;
    if (listener != NULL && listener->tick != NULL && !duck_count_progress(run->duck, err))
        return false;
    watcher_attach(run->watcher, run->duck);
    return true;
}

/* A run that fails before it starts must not leave an empty database behind. */
void run_remove_new_database(const Run *run) {
    AUTO_ARENA scratch = arena_new();
    const char *path = run->project->profile.engine.path;
    unlink(path);
    unlink(arena_printf(scratch, "%s.wal", path));
    unlink(arena_printf(scratch, "%s.lock", path));
    if (run->made_folder) rmdir(fs_dirname(scratch, path));
}

/* Temporary tables went with the failed run, and so did what was done to them. */
static bool is_temporary(const Step *step, Map *tables) {
    bool temporary = step->temporary;
    for (size_t i = 0; i < step->writes.count; i++) {
        if (step->temporary) map_set(tables, step->writes.items[i].key, tables);
        temporary = temporary || map_has(tables, step->writes.items[i].key);
    }
    return temporary;
}

/* --resume: what the failed run committed is not done again. */
static bool skip_committed(Run *run, Error *err) {
    if (!run->options->resume) return true;
    RunRecord record = {.pipeline = run->plan->pipeline->name, .pipeline_hash = run->plan->hash};
    const char *failed = NULL;
    Strings ids = {0};
    if (!state_committed_steps(run->duck, run->arena, &record, &failed, &ids, err)) return false;
    if (failed == NULL && run->completed_earlier) {
        /* The last run had committed all and was killed before its last export was out. */
        for (size_t i = 0; i < run->plan->steps.count; i++) {
            run->keep[i] = false;
            run->report->steps[i].status = STATUS_SKIPPED;
        }
        return true;
    }
    if (failed == NULL) {
        error_set(err, ERR_RESUME, SPAN_NONE, "there is no failed run of '%s' to resume",
                  record.pipeline);
        return error_hint(err, "its last run succeeded, or the pipeline changed since: run it "
                               "without --resume");
    }
    Map temporary = map_on(run->arena);
    for (size_t i = 0; i < run->plan->steps.count; i++) {
        const Step *step = &run->plan->steps.items[i];
        bool again = is_temporary(step, &temporary) || step->kind == STEP_SOURCE;
        if (again || !strings_has(&ids, step->id)) continue;
        run->keep[i] = false;
        run->report->steps[i].status = STATUS_SKIPPED;
    }
    return true;
}

/* --start and --end: times, or numbers for numeric columns. */
static bool check_window(Run *run, Error *err) {
    const char *ends[] = {run->options->start, run->options->end};
    if (run->options->full_refresh && (ends[0] != NULL || ends[1] != NULL)) {
        error_set(err, ERR_USAGE, SPAN_NONE, "--full-refresh and a window (--start, --end) exclude "
                                             "each other");
        return error_hint(err, "--full-refresh builds the whole table, a window only its part");
    }
    for (size_t i = 0; i < 2; i++) {
        const char *kind = NULL;
        if (ends[i] == NULL) continue;
        const char *sql = arena_printf(
            run->arena, "SELECT coalesce(TRY_CAST(%s AS TIMESTAMP)::VARCHAR, "
                        "TRY_CAST(%s AS DOUBLE)::VARCHAR)",
            sql_literal(run->arena, ends[i]), sql_literal(run->arena, ends[i]));
        if (!duck_text(run->duck, run->arena, sql, &kind, err)) return false;
        if (kind != NULL) continue;
        error_set(err, ERR_USAGE, SPAN_NONE, "--%s '%s' is no time", i == 0 ? "start" : "end",
                  ends[i]);
        return error_hint(err, "write a date or a timestamp: --start 2026-01-01");
    }
    if (ends[0] == NULL || ends[1] == NULL) return true;
    int64_t ordered = 0;
    const char *a = sql_literal(run->arena, ends[0]), *b = sql_literal(run->arena, ends[1]);
    const char *sql = arena_printf(run->arena,
                                   "SELECT coalesce(TRY_CAST(%s AS TIMESTAMP) < TRY_CAST(%s AS "
                                   "TIMESTAMP), TRY_CAST(%s AS DOUBLE) < TRY_CAST(%s AS DOUBLE), "
                                   "false)::INTEGER", a, b, a, b);
    if (!duck_int(run->duck, sql, &ordered, err)) return false;
    return ordered || error_set(err, ERR_USAGE, SPAN_NONE,
                                "the window from --start %s to --end %s is empty", ends[0],
                                ends[1]);
}

static bool open_python(Run *run, Error *err) {
    UdfSessionConfig config = {.udfs = run->plan->udfs, .duck = run->duck,
                               .stage_dir = run->project->profile.engine.temp_directory,
                               .stop = &run->stop};
    return run->plan->udfs == NULL || !udfs_used(run->plan->udfs) ||
           udf_session_open(run->arena, &config, &run->python, err);
}

/* What earlier runs left. */
static bool recover(Run *run, Error *err) {
    return state_prepare(run->duck, err) && exports_publish_pending(run, err) &&
           journal_recover(run, err) && state_fail_killed(run->duck, err) &&
           skip_committed(run, err);
}

bool run_prepare(Run *run, Error *err) {
    if (!check_window(run, err) || !open_python(run, err)) return false;
    int64_t version;
    if (run->options->dry_run)
        return state_known(run->duck, &version, err) && skip_committed(run, err) &&
               validate(run, err);
    /* What was done already may not be valid any more: a column that was dropped, say. */
    bool resumed = run->options->resume;
    return (!resumed || recover(run, err)) && validate(run, err) &&
           (resumed || recover(run, err)) && start_record(run, err);
}

void run_close(Run *run) {
    udf_session_close(run->python, &run->report->diags);
    run->python = NULL;
    watcher_attach(run->watcher, NULL);
    duck_close(run->duck);
    run->duck = NULL;
}

