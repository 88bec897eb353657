/* The run: lock → open → pending exports → one transaction → commit → publish. See run.h. */
#include "run/context.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"

/* Runs one step inside the transaction. */
static bool execute(StepContext *ctx, Error *err) {
    switch (ctx->step->kind) {
        case STEP_SOURCE: return true;
        case STEP_LOAD: return run_load(ctx, err);
        case STEP_TRANSFORM: return run_transform(ctx, err);
        case STEP_EXPORT: return run_export_stage(ctx, err);
        case STEP_ASSERT: return run_assert(ctx, err);
        case STEP_SQL: return run_sql(ctx, err);
    }
    return false;
}

/* A source's name used as a table, when there is no table of that name, is a view on it. */
static bool open_views(StepContext *ctx, Error *err) {
    Run *run = ctx->run;
    for (size_t i = 0; i < ctx->step->reads.count; i++) {
        const TableName *read = &ctx->step->reads.items[i];
        const Source *source = read->schema != NULL
                                   ? NULL
                                   : map_get(&run->plan->pipeline->source_by_name, read->name);
        if (source == NULL || map_has(&run->views, read->name)) continue;
        Columns columns = {0};
        if (!table_columns(ctx, read, &columns, err)) return false;
        if (columns.count > 0) continue;
        Relation *relation = map_get(&run->relations, source->name);
        if (relation == NULL || map_has(&run->careful, source->name)) {
            relation = ARENA_NEW(run->arena, Relation);
            ReadSpec spec = {.columns = &source->columns};
            if (!source_relation_retrying(ctx, run->arena, source, &spec, relation, err))
                return step_error(ctx, NULL, err);
        }
        map_set(&run->views, read->name, relation);
        if (!duck_execf(run->duck, err, "CREATE OR REPLACE TEMP VIEW %s AS SELECT * FROM %s",
                        sql_ident(ctx->arena, read->name), relation->sql))
            return step_error(ctx, NULL, err);
    }
    return true;
}

/* A view that a commit kept would be taken for a table by later steps. */
static void close_views(Run *run) {
    Error ignored = {0}; /* in an aborted transaction there is none to drop */
    for (size_t i = 0; i < run->views.count; i++) {
        duck_execf(run->duck, &ignored, "DROP VIEW IF EXISTS temp.main.%s",
                   sql_ident(run->arena, run->views.entries[i].key));
        relation_close(run->views.entries[i].value);
    }
    run->views = map_on(run->arena);
}

static void step_began(Run *run, size_t index) {
    const RunListener *listener = run->options->listener;
    StepResult *result = &run->report->steps[index];
    run->current = index;
    result->status = STATUS_RUNNING;
    log_event(LOG_INFO, result->step->id, "step_started", "%s", result->detail);
    if (listener != NULL && listener->step_started != NULL)
        listener->step_started(listener->context, result, index, run->report->step_count);
}

static void step_ended(Run *run, size_t index, const Error *err) {
    const RunListener *listener = run->options->listener;
    StepResult *result = &run->report->steps[index];
    if (err != NULL)
        log_event(LOG_ERROR, result->step->id, "step_failed", "%s", err->message);
    else
        log_event(LOG_INFO, result->step->id, "step_ended",
                  "%lld read, %lld inserted, %lld updated, %lld deleted, %.3f s",
                  (long long)result->rows_read, (long long)result->rows_inserted,
                  (long long)result->rows_updated, (long long)result->rows_deleted,
                  result->seconds);
    if (listener != NULL && listener->step_ended != NULL)
        listener->step_ended(listener->context, result, index, run->report->step_count);
}

static bool interrupted(Run *run, Error *err) {
    if (run->timed_out)
        return error_set(err, ERR_TIMEOUT, SPAN_NONE, "the run took longer than %g s",
                         run->options->timeout_seconds);
    return error_set(err, ERR_INTERRUPTED, SPAN_NONE, "interrupted by a signal");
}

/* Python table functions get their rows ready before the statement that selects from them. */
static bool prepare_python(StepContext *ctx, Error *err) {
    if (ctx->step->functions.count == 0) return true;
    return udf_prepare(ctx->run->python, ctx->step->query.sql, NULL, err) ||
           step_error(ctx, NULL, err);
}

static bool run_step(Run *run, size_t index, Error *err) {
    AUTO_ARENA scratch = arena_new();
    StepResult *result = &run->report->steps[index];
    StepContext ctx = {.run = run, .step = &run->plan->steps.items[index], .result = result,
                       .arena = scratch};
    double start = clock_steady();
    step_began(run, index);
    bool ok = !run->stop && open_views(&ctx, err) && prepare_python(&ctx, err) &&
              run_refresh(&ctx, err) && execute(&ctx, err);
    if (run->python != NULL) udf_release(run->python);
    if (run->stop) ok = interrupted(run, err);
    result->seconds = clock_steady() - start;
    if (ok && result->status == STATUS_RUNNING) result->status = STATUS_OK;
    if (!ok) {
        result->status = STATUS_FAILED;
        snprintf(err->step, sizeof err->step, "%s", ctx.step->id);
    }
    step_ended(run, index, ok ? NULL : err);
    return ok;
}

/* Recorded with the steps, so that a failed one is there after the rollback, too. One whose query
 * failed has not judged anything. */
static bool record_assert(Run *run, const StepResult *result, Error *err) {
    const Step *step = result->step;
    bool failed = result->status == STATUS_FAILED && result->rows_read > 0;
    if (step->kind != STEP_ASSERT ||
        !(failed || result->status == STATUS_OK || result->status == STATUS_WARN))
        return true;
    return state_assert(run->duck, run->report->run_id, step->id + strlen("assert_"),
                        step->assertion.warn ? "warning" : "error",
                        step_status_name(result->status), result->rows_read, err);
}

static bool record_steps(Run *run, size_t first, size_t last, const Error *failure, Error *err) {
    const RunReport *report = run->report;
    StepRecord *records = ARENA_ARRAY(run->arena, StepRecord, last - first + 1);
    size_t count = 0;
    for (size_t i = first; i < last; i++) {
        const StepResult *r = &report->steps[i];
        if (run->options->resume && r->status == STATUS_SKIPPED) continue; /* at the start */
        StepRecord *record = &records[count++];
        *record = run_step_record(run, r);
        if (r->status == STATUS_PENDING) record->error = STATE_NOT_REACHED;
        if (r->status == STATUS_FAILED && failure != NULL) record->error = failure->message;
        if (!record_assert(run, r, err)) return false;
    }
    return state_steps(run->duck, records, count, err);
}

static bool commit(Run *run, size_t first, size_t last, Error *err) {
    const char *status = run->exports.count > 0 ? "pending" : "success";
    bool last_one = last == run->plan->steps.count;
    if (!record_steps(run, first, last, NULL, err)) return false;
    if (last_one && !state_run_end(run->duck, run->report->run_id, status, NULL, err)) return false;
    /* An interrupted COMMIT may have committed all the same: from here on nothing interrupts. */
    watcher_attach(run->watcher, NULL);
    bool done = run->stop ? interrupted(run, err)
                          : duck_exec(run->duck, "COMMIT", NULL, err) && branch_commit(run, err);
    watcher_attach(run->watcher, run->duck);
    if (!done) return false;
    run->warned = run->report->diags.count;
    log_event(LOG_INFO, NULL, "committed", "%zu steps", last - first);
    return true;
}

/* Per table, what the transaction would have changed. */
static bool account_changes(Run *run, Error *err) {
    RunReport *report = run->report;
    for (size_t i = 0; i < run->plan->steps.count; i++) {
        const Step *step = &run->plan->steps.items[i];
        if (!run->keep[i] || step->temporary) continue;
        for (size_t k = 0; k < step->writes.count; k++) {
            const TableName *table = &step->writes.items[k];
            const Touched *touched = map_get(&run->touched, table->key);
            TableChange *change = NULL;
            for (size_t c = 0; c < report->changes.count && change == NULL; c++)
                if (str_ieq(report->changes.items[c].table, table->key))
                    change = &report->changes.items[c];
            if (touched == NULL) continue;
            if (change == NULL) {
                change = LIST_PUSH(report->arena, &report->changes);
                *change = (TableChange){.table = table->key, .rows_before = touched->rows_before,
                                        .rows_after = -1};
                Columns columns = {0};
                if (!duck_table_columns(run->duck, run->arena, table->schema, table->name,
                                        &columns, err))
                    return false;
                if (columns.count > 0 &&
                    !duck_int(run->duck,
                              arena_printf(run->arena, "SELECT count(*) FROM %s", table->sql),
                              &change->rows_after, err))
                    return false;
            }
            change->inserted += report->steps[i].rows_inserted;
            change->updated += report->steps[i].rows_updated;
            change->deleted += report->steps[i].rows_deleted;
        }
    }
    return true;
}

static void rollback(Run *run) {
    Error ignored = {0};
    /* The watcher goes on interrupting what a stopped run does: not this, and not its record. */
    watcher_attach(run->watcher, NULL);
    close_views(run);
    /* A setting outlives a rollback, and in an aborted transaction it could not be set back. */
    duck_exec(run->duck, "ROLLBACK; SET preserve_insertion_order = true", NULL, &ignored);
    branch_discard(run);
    if (!run->stop) watcher_attach(run->watcher, run->duck);
    exports_unstage(run);
    log_event(LOG_INFO, NULL, "rolled_back", "nothing was changed");
}

/* Everything in one transaction. On failure the transaction is still open. */
static bool run_steps(Run *run, Error *err) {
    size_t count = run->plan->steps.count;
    for (size_t i = 0; i < count; i++) {
        if (!run->keep[i]) continue;
        if (!branch_settle(run, i, err) || !run_step(run, i, err)) return false;
    }
    close_views(run);
    if (run->options->dry_run) return account_changes(run, err);
    return commit(run, 0, count, err);
}

/* commit: step. Each step with its records is a transaction of its own, and so are its exports. */
static bool run_step_by_step(Run *run, Error *err) {
    size_t count = run->plan->steps.count;
    for (size_t i = 0; i < count; i++) {
        bool begun = i == 0; /* the first transaction was begun by the caller */
        if (!begun && !duck_exec(run->duck, "BEGIN", NULL, err)) return false;
        if (run->keep[i] && !run_step(run, i, err)) return false;
        close_views(run);
        if (!commit(run, i, i + 1, err)) return false;
        if (run->keep[i] && run->plan->steps.items[i].kind != STEP_SOURCE)
            run->report->committed_steps++;
        if (run->exports.count == 0) continue;
        if (!exports_publish(run, err)) {
            run->report->status = RUN_PENDING;
            return false;
        }
        run->exports.count = 0;
    }
    return true;
}

static void reset_results(Run *run) {
    RunReport *report = run->report;
    report->step_count = run->plan->steps.count;
    report->steps = ARENA_ARRAY(report->arena, StepResult, report->step_count + 1);
    for (size_t i = 0; i < report->step_count; i++)
        report->steps[i] = (StepResult){.step = &run->plan->steps.items[i],
                                        .status = run->keep[i] ? STATUS_PENDING : STATUS_SKIPPED,
                                        .bytes = -1, .detail = ""};
    run->touched = map_on(run->arena);
    run->views = map_on(run->arena);
    run->broken = NULL;
}

/* After the commit: exports, then a checkpoint. A failed export leaves the run pending. */
static bool finish(Run *run, Error *err) {
    if (!exports_publish(run, err)) {
        run->report->status = RUN_PENDING;
        return false;
    }
    Error ignored = {0};
    /* Only housekeeping: what was committed is safe in the WAL. */
    if (run->project->profile.engine.persistent &&
        !duck_exec(run->duck, "CHECKPOINT db", NULL, &ignored))
        log_event(LOG_WARNING, NULL, "checkpoint_failed", "%s", ignored.message);
    return true;
}

static bool record_failure(Run *run, const Error *failure, Error *err) {
    const char *status = failure->code == ERR_INTERRUPTED ? "interrupted" : "failed";
    if (run->options->dry_run) return true;
    bool by_step = run->options->commit_step && run->current < run->plan->steps.count;
    size_t first = by_step ? run->current : 0;
    size_t last = by_step ? run->current + 1 : run->plan->steps.count;
    return duck_exec(run->duck, "BEGIN", NULL, err) &&
           record_steps(run, first, last, failure, err) &&
           state_run_end(run->duck, run->report->run_id, status, failure, err) &&
           duck_exec(run->duck, "COMMIT", NULL, err);
}

/* With commit: step the run may have ended with an export that is not its last step. */
static bool record_pending(Run *run, const Error *failure, Error *err) {
    size_t next = run->options->commit_step ? run->current + 1 : run->plan->steps.count;
    return duck_exec(run->duck, "BEGIN", NULL, err) &&
           record_steps(run, next, run->plan->steps.count, NULL, err) &&
           state_run_end(run->duck, run->report->run_id, "pending", failure, err) &&
           duck_exec(run->duck, "COMMIT", NULL, err);
}

/* One try at the transaction; false leaves nothing behind but, when pending, what was committed. */
static bool try_transaction(Run *run, Error *err) {
    if (!branch_open(run, err) || !duck_exec(run->duck, "BEGIN", NULL, err)) return false;
    bool by_step = run->options->commit_step && !run->options->dry_run;
    if (run->options->dry_run && !state_create(run->duck, err)) return false;
    bool ok = by_step ? run_step_by_step(run, err) : run_steps(run, err);
    if (ok && !run->options->dry_run) return true;
    if (run->report->status != RUN_PENDING) rollback(run);
    return ok;
}

/* With commit: step, what the failed try committed stays. */
static void begin_anew(Run *run, int retries) {
    size_t done = run->options->commit_step ? run->current : 0;
    for (size_t i = 0; i < done; i++) run->keep[i] = false;
    StepResult *before = run->report->steps;
    Map touched = run->touched;
    retries += before[run->current].retries;
    reset_results(run);
    for (size_t i = 0; i < touched.count; i++)
        if (((Touched *)touched.entries[i].value)->step < done)
            map_set(&run->touched, touched.entries[i].key, touched.entries[i].value);
    for (size_t i = 0; i < done; i++) run->report->steps[i] = before[i];
    run->report->steps[run->current].retries = retries;
    run->report->diags.count = run->warned;
}

/* Python and the connectors know only that they were stopped, not by what. */
static void say_timeout(Run *run, Error *err) {
    Error before = *err;
    if (!run->timed_out || err->code != ERR_INTERRUPTED) return;
    interrupted(run, err);
    err->span = before.span;
    memcpy(err->step, before.step, sizeof err->step);
}

static RunStatus failed_status(Run *run, Error *err) {
    say_timeout(run, err);
    return err->code == ERR_INTERRUPTED ? RUN_INTERRUPTED : RUN_FAILED;
}

static bool transact(Run *run, Error *err) {
    run->warned = run->report->diags.count;
    branch_plan(run);
    while (!try_transaction(run, err)) {
        if (run->report->status == RUN_PENDING) return false;
        bool reread = run_may_reread(run, err);
        if (reread || run_may_restart(run, err)) {
            begin_anew(run, reread ? 0 : 1);
            continue;
        }
        run->report->status = failed_status(run, err);
        return false;
    }
    return run->options->dry_run || finish(run, err);
}

static void end_with(Run *run, const Error *err) {
    RunReport *report = run->report;
    report->failed = true;
    report->error = *err;
    if (report->status == RUN_SUCCESS) report->status = RUN_FAILED;
}

static void run_database(Run *run, Error *err) {
    const EngineConfig *engine = &run->project->profile.engine;
    bool is_new = engine->persistent && !fs_exists(engine->path);
    bool prepared = false;
    if (!run_open(run, err) || !(prepared = run_prepare(run, err))) {
        run->report->status = failed_status(run, err);
        end_with(run, err);
    } else if (!transact(run, err)) {
        if (run->report->status == RUN_PENDING) say_timeout(run, err);
        end_with(run, err);
        watcher_attach(run->watcher, NULL);
        Error recording = {0};
        bool recorded = run->report->status == RUN_PENDING
                            ? record_pending(run, err, &recording)
                            : record_failure(run, err, &recording);
        if (!recorded) diag_add(&run->report->diags, SEVERITY_WARNING, &recording);
    }
    journal_end(run);
    run_close(run);
    branch_close(run);
    if (is_new && (!prepared || run->options->dry_run)) run_remove_new_database(run);
}

static void init_report(Run *run) {
    RunReport *report = run->report;
    report->arena = run->arena;
    report->run_id = run->options->run_id;
    report->pipeline = run->plan->pipeline->name;
    report->profile = run->project->profile.name;
    report->started_us = run->options->started_us;
    report->in_memory = !run->project->profile.engine.persistent;
    report->dry_run = run->options->dry_run;
    run->breakers.arena = run->arena;
    run->memo = map_exact_on(run->arena);
    run->remembered = map_on(run->arena);
    if (report->diags.arena == NULL) report->diags = diags_on(run->arena);
}

int run_plan(const Plan *plan, const Project *project, const RunOptions *options,
             RunReport *report) {
    Error err = {0};
    Run run = {.plan = plan, .project = project, .options = options, .report = report,
               .arena = plan->pipeline->arena, .lock = LOCK_NONE, .journal_fd = -1,
               .duck = options->duck, .current = plan->steps.count};
    double start = clock_steady();
    init_report(&run);
    if (!plan_select(plan, run.arena, options->select, options->exclude, &run.keep, &err) ||
        (run.watcher = watcher_start(&run, &err)) == NULL) {
        report->status = RUN_FAILED;
        end_with(&run, &err);
        duck_close(run.duck);
        return error_exit_code(err.code);
    }
    reset_results(&run);
    if (run_lock(&run, &err)) {
        run_database(&run, &err);
    } else {
        report->status = failed_status(&run, &err);
        end_with(&run, &err);
        run_close(&run);
    }
    watcher_stop(run.watcher);
    lock_release(&run.lock);
    report->seconds = clock_steady() - start;
    report->retries = run.retries;
    for (size_t i = 0; i < run.breakers.count; i++)
        report->breaker_openings += (int)run.breakers.items[i]->openings;
    return report->failed ? error_exit_code(report->error.code) : 0;
}
