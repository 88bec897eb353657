/* EXPORT: staged at its place in the run, published after the commit, recorded in between. */
#include "run/apply.h"

#include <stdio.h>
#include <string.h>

#include "base/redact.h"
#include "plan/link.h"

/* Does a later step of this run change the table? */
static bool changes_later(const Run *run, const char *key) {
    for (size_t i = run->current + 1; i < run->plan->steps.count; i++)
        for (size_t k = 0; run->keep[i] && k < run->plan->steps.items[i].writes.count; k++)
            if (str_eq(run->plan->steps.items[i].writes.items[k].key, key)) return true;
    return false;
}

/* A plain table that stays as it is can be read again after the commit: nothing need be copied. */
static bool can_refer(StepContext *ctx, const StagedExport *export, bool *refer, Error *err) {
    const Step *step = ctx->step;
    *refer = false;
    if (step->query.sql != NULL || export->checked || changes_later(ctx->run, step->target.key))
        return true;
    int64_t tables = 0;
    const char *sql = arena_printf(
        ctx->arena,
        "SELECT count(*) FROM duckdb_tables() WHERE NOT temporary AND database_name = "
        "current_database() AND lower(schema_name) = lower(%s) AND lower(table_name) = lower(%s)",
        sql_literal(ctx->arena, step->target.schema == NULL ? "main" : step->target.schema),
        sql_literal(ctx->arena, step->target.name));
    if (!duck_int(ctx->run->duck, sql, &tables, err)) return step_error(ctx, NULL, err);
    *refer = tables > 0;
    return true;
}

static const char *stage_table(Arena *arena, const char *export_id) {
    return arena_printf(arena, "_sqlflow.%s",
                        sql_ident(arena, arena_printf(arena, "stage_%s", export_id)));
}

/* Stages in the database itself: it commits with the run and keeps every type. */
static bool stage_in_database(StepContext *ctx, StagedExport *export, const char *query,
                              Error *err) {
    Arena *arena = ctx->run->arena;
    bool refer = false;
    if (!can_refer(ctx, export, &refer, err)) return false;
    if (refer) {
        export->staged.query = arena_printf(arena, "SELECT * FROM %s", ctx->step->target.sql);
        const char *sql = arena_printf(ctx->arena, "SELECT count(*) FROM %s",
                                       ctx->step->target.sql);
        return duck_int(ctx->run->duck, sql, &export->staged.rows, err) ||
               step_error(ctx, NULL, err);
    }
    const char *table = stage_table(arena, export->spec.export_id);
    export->staged.query = arena_printf(arena, "SELECT * FROM %s", table);
    const char *sql = arena_printf(ctx->arena, "CREATE TABLE %s AS\n%s\n", table, query);
    return step_exec(ctx, sql, &export->staged.rows, err);
}

static bool export_query(StepContext *ctx, const char **query, Error *err) {
    const Step *step = ctx->step;
    *query = step->query.sql != NULL
                 ? step->query.sql
                 : arena_printf(ctx->arena, "SELECT * FROM %s", step->target.sql);
    if (step->query.sql == NULL || !sql_has_pivot(*query)) return true;
    const char *stage = NULL;
    if (!apply_stage(ctx, *query, "pivot", &stage, NULL, err)) return false;
    *query = arena_printf(ctx->arena, "SELECT * FROM %s", stage);
    return true;
}

static bool record(StepContext *ctx, const StagedExport *export, Error *err) {
    const Link *link = &ctx->step->export.link;
    ExportRecord record = {.export_id = export->spec.export_id,
                           .run_id = export->spec.run_id,
                           .pipeline = export->spec.pipeline,
                           .step_id = ctx->step->id,
                           .destination = export->spec.destination,
                           .type = link->connector->name,
                           .connection = link->connection,
                           .query = export->staged.query,
                           .file = export->staged.file,
                           .hash = export->staged.hash,
                           .options = link_json(ctx->arena, link),
                           .rows = export->staged.rows,
                           .bytes = export->staged.bytes};
    return state_export_staged(ctx->run->duck, &record, err) || step_error(ctx, NULL, err);
}

static void report(StepContext *ctx, const StagedExport *export) {
    RunReport *report = ctx->run->report;
    *LIST_PUSH(report->arena, &report->exports) =
        (ExportResult){.export_id = export->spec.export_id, .step_id = ctx->step->id,
                       .destination = export->spec.destination,
                       .type = ctx->step->export.link.connector->name,
                       .rows = export->staged.rows, .bytes = export->staged.bytes};
    ctx->result->rows_read = export->staged.rows;
    ctx->result->bytes = export->staged.bytes;
}

static bool count_only(StepContext *ctx, const char *query, StagedExport *export, Error *err) {
    const char *sql = arena_printf(ctx->arena, "SELECT count(*) FROM (\n%s\n)", query);
    if (!duck_int(ctx->run->duck, sql, &export->staged.rows, err)) return step_error(ctx, sql, err);
    report(ctx, export);
    return true;
}

/* Destinations are shown, logged and recorded, and a pending export is published to the recorded
 * one: they cannot hold what must be masked. */
static bool check_destination(StepContext *ctx, Error *err) {
    const char *destination = ctx->step->export.destination;
    if (str_eq(redact_text(ctx->arena, destination), destination)) return true;
    error_set(err, ERR_OPTION_VALUE, ctx->step->span, "the destination holds a secret value");
    error_hint(err, "name the destination without it; credentials belong in the connection");
    return step_error(ctx, NULL, err);
}

/* What the destination cannot hold is to fail now, not after the commit. */
static bool check_values(StepContext *ctx, StagedExport *export, const char **query, Error *err) {
    const Link *link = &ctx->step->export.link;
    Session session = step_session(ctx);
    const char *plain = *query;
    if (link->connector->checked == NULL) return true;
    if (!link->connector->checked(&session, link, &export->spec, plain, query, err))
        return step_error(ctx, plain, err);
    export->checked = *query != plain;
    return true;
}

bool run_export_stage(StepContext *ctx, Error *err) {
    Run *run = ctx->run;
    const Step *step = ctx->step;
    const char *query = NULL;
    if (!check_destination(ctx, err)) return false;
    if (!export_query(ctx, &query, err)) return false;
    StagedExport export = {
        .step = step,
        .spec = {.export_id = arena_printf(run->arena, "%s-%zu", run->options->run_id,
                                           run->current + 1),
                 .pipeline = run->plan->pipeline->name, .run_id = run->options->run_id,
                 .destination = step->export.destination, .rows = -1},
        .staged = {.rows = -1, .bytes = -1}};
    if (run->options->dry_run) return count_only(ctx, query, &export, err);
    const Connector *connector = step->export.link.connector;
    if (!check_values(ctx, &export, &query, err)) return false;
    if (connector->stage != NULL) {
        if (!journal_add(run, connector->name, &export.spec, err))
            return step_error(ctx, NULL, err);
        Session session = step_session(ctx);
        session.arena = run->arena; /* what is staged outlives the step */
        StagedExport *kept = LIST_PUSH(run->arena, &run->exports);
        *kept = export;
        if (!connector->stage(&session, &step->export.link, &export.spec, query, &kept->staged,
                              err))
            return step_error(ctx, query, err);
        kept->spec.rows = kept->staged.rows;
        export = *kept;
    } else {
        if (!stage_in_database(ctx, &export, query, err)) return false;
        export.spec.rows = export.staged.rows;
        *LIST_PUSH(run->arena, &run->exports) = export;
    }
    report(ctx, &export);
    return record(ctx, &export, err);
}

static ExportResult *result_of(Run *run, const char *export_id) {
    for (size_t i = 0; i < run->report->exports.count; i++)
        if (str_eq(run->report->exports.items[i].export_id, export_id))
            return &run->report->exports.items[i];
    return NULL;
}

/* One transaction for all that was published: each publish may be repeated safely. Not interrupted:
 * what a stopped run has published is to be known. */
static bool mark_done(Run *run, const Strings *ids, const Receipt *receipts, Error *err) {
    AUTO_ARENA scratch = arena_new();
    watcher_attach(run->watcher, NULL);
    if (!duck_exec(run->duck, "BEGIN", NULL, err)) return false;
    bool ok = true;
    for (size_t i = 0; ok && i < ids->count; i++)
        ok = state_export_done(run->duck, ids->items[i], receipts[i].rows, receipts[i].bytes,
                               err) &&
             duck_execf(run->duck, err, "DROP TABLE IF EXISTS %s",
                        stage_table(scratch, ids->items[i]));
    ok = ok && state_settle_runs(run->duck, err) && duck_exec(run->duck, "COMMIT", NULL, err);
    Error ignored = {0};
    if (!ok) duck_exec(run->duck, "ROLLBACK", NULL, &ignored);
    watcher_attach(run->watcher, run->duck);
    return ok;
}

typedef struct Publishing {
    Run *run;
    const StagedExport *export;
    const Link *link;
    Receipt *receipt;
} Publishing;

static bool publish_attempt(void *context, Error *err) {
    Publishing *it = context;
    Session session = {.arena = it->run->arena, .duck = it->run->duck,
                       .diags = &it->run->report->diags,
                       .stage_dir = it->run->project->profile.engine.temp_directory,
                       .stop = &it->run->stop};
    *it->receipt = (Receipt){.rows = -1, .bytes = -1};
    return it->link->connector->publish(&session, it->link, &it->export->spec,
                                        &it->export->staged, it->receipt, err);
}

static int *retries_of(Run *run, const Step *step, int *none) {
    for (size_t i = 0; step != NULL && i < run->report->step_count; i++)
        if (run->report->steps[i].step == step) return &run->report->steps[i].retries;
    return none;
}

static bool publish_one(Run *run, const StagedExport *export, const Link *link, Receipt *receipt,
                        Error *err) {
    int none = 0;
    Publishing publishing = {run, export, link, receipt};
    RetryCall call = {.what = export->spec.destination, .context = &publishing,
                      .attempt = publish_attempt};
    if (run_retrying(run, link, &call, retries_of(run, export->step, &none), err)) return true;
    if (export->step != NULL) snprintf(err->step, sizeof err->step, "%s", export->step->id);
    if (err->span.source == NULL && export->step != NULL) err->span = export->step->span;
    return false;
}

bool exports_publish(Run *run, Error *err) {
    if (run->exports.count == 0) return true;
    Strings done = {0};
    Receipt *receipts = ARENA_ARRAY(run->arena, Receipt, run->exports.count);
    bool ok = true;
    for (size_t i = 0; ok && i < run->exports.count; i++) {
        StagedExport *export = &run->exports.items[i];
        if (export->published) continue;
        ok = publish_one(run, export, &export->step->export.link, &receipts[done.count], err);
        if (!ok) break;
        export->published = true;
        ExportResult *result = result_of(run, export->spec.export_id);
        if (receipts[done.count].rows >= 0) result->rows = receipts[done.count].rows;
        if (receipts[done.count].bytes >= 0) result->bytes = receipts[done.count].bytes;
        result->done = true;
        strings_add(run->arena, &done, export->spec.export_id);
    }
    Error marking = {0};
    if (!mark_done(run, &done, receipts, &marking) && ok) {
        *err = marking;
        ok = false;
    }
    return ok;
}

/* The step of this pipeline that made the export has its secrets; else the profile does. */
static bool find_link(Run *run, const ExportRecord *record, Link *link, Error *err) {
    const Plan *plan = run->plan;
    for (size_t i = 0; str_ieq(plan->pipeline->name, record->pipeline) && i < plan->steps.count;
         i++) {
        const Step *step = &plan->steps.items[i];
        if (step->kind != STEP_EXPORT || !str_eq(step->id, record->step_id) ||
            !str_eq(step->export.destination, record->destination))
            continue;
        *link = step->export.link;
        return true;
    }
    LinkRecord stored = {record->type, record->connection, record->options};
    return link_restore(run->arena, run->project, &stored, link, err);
}

bool exports_publish_pending(Run *run, Error *err) {
    ExportRecords pending = {0};
    if (!state_exports_pending(run->duck, run->arena, &pending, err)) return false;
    if (pending.count == 0) return true;
    Strings done = {0};
    Receipt *receipts = ARENA_ARRAY(run->arena, Receipt, pending.count);
    bool ok = true;
    for (size_t i = 0; ok && i < pending.count; i++) {
        const ExportRecord *record = &pending.items[i];
        Link link = {0};
        StagedExport export = {.spec = {.export_id = record->export_id,
                                        .pipeline = record->pipeline, .run_id = record->run_id,
                                        .destination = record->destination, .rows = record->rows},
                               .staged = {.query = record->query, .file = record->file,
                                          .rows = record->rows, .bytes = record->bytes,
                                          .hash = record->hash}};
        ok = find_link(run, record, &link, err) &&
             publish_one(run, &export, &link, &receipts[done.count], err);
        if (ok) {
            strings_add(run->arena, &done, record->export_id);
            if (str_ieq(record->pipeline, run->plan->pipeline->name)) run->completed_earlier = true;
            continue;
        }
        error_prefix(err, "an earlier run left the export to %s pending and it cannot be "
                          "published: ", record->destination);
        const char *hint = arena_strdup(run->arena, err->hint);
        error_hint(err, "%s%srun again when that is put right, or give the export up: "
                        "sqlflow state discard %s", hint, *hint == '\0' ? "" : "; ",
                   record->export_id);
    }
    Error marking = {0};
    if (!mark_done(run, &done, receipts, &marking) && ok) {
        *err = marking;
        ok = false;
    }
    return ok;
}

void exports_unstage(Run *run) {
    for (size_t i = 0; i < run->exports.count; i++) {
        StagedExport *export = &run->exports.items[i];
        const Link *link = &export->step->export.link;
        Error err = {0};
        Session session = {.arena = run->arena, .duck = run->duck, .diags = &run->report->diags,
                           .stop = &run->stop};
        if (export->published || link->connector->unstage == NULL) continue;
        if (!link->connector->unstage(&session, &export->spec, &export->staged, &err))
            diag_add(&run->report->diags, SEVERITY_WARNING, &err);
    }
    run->exports.count = 0;
    run->report->exports.count = 0;
}
