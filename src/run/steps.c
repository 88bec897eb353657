/* What the steps of a run share: sessions, errors with a place, the account of touched tables. */
#include "run/context.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine/casts.h"

Session step_session(StepContext *ctx) {
    return (Session){.arena = ctx->arena, .duck = ctx->run->duck, .diags = &ctx->run->report->diags,
                     .memo = &ctx->run->memo,
                     .stage_dir = ctx->run->project->profile.engine.temp_directory,
                     .stop = &ctx->run->stop};
}

/* Why a statement that read a source failed, its connector may know better than DuckDB. */
static void ask_relations(StepContext *ctx, Error *err) {
    if (err->code == ERR_INTERRUPTED) return;
    Relation *reading = ctx->reading;
    if (reading != NULL && reading->failure != NULL && reading->failure(reading->handle, err))
        return;
    for (size_t i = 0; i < ctx->run->views.count; i++) {
        const Relation *view = ctx->run->views.entries[i].value;
        if (view->failure == NULL || !view->failure(view->handle, err)) continue;
        const Source *source = map_get(&ctx->run->plan->pipeline->source_by_name,
                                       ctx->run->views.entries[i].key);
        ctx->run->broken = &source->link;
        return;
    }
}

bool step_error(StepContext *ctx, const char *sql, Error *err) {
    if (ctx->run->python != NULL) udf_session_error(ctx->run->python, err);
    if (!relation_error_read(err) && !export_error_read(err)) ask_relations(ctx, err);
    cast_error_read(err);
    snprintf(err->step, sizeof err->step, "%s", ctx->step->id);
    if (err->span.source != NULL) return false;
    err->span = ctx->step->span;
    const char *query = ctx->step->query.sql;
    const char *at = sql == NULL || query == NULL ? NULL : strstr(sql, query);
    int64_t offset = duck_error_offset(ctx->run->duck);
    if (at == NULL || offset < at - sql || offset > at - sql + (int64_t)strlen(query)) return false;
    err->span = sqltext_span(&ctx->step->query, offset - (at - sql));
    return false;
}

bool step_exec(StepContext *ctx, const char *sql, int64_t *changed, Error *err) {
    return duck_exec(ctx->run->duck, sql, changed, err) || step_error(ctx, sql, err);
}

bool step_create(StepContext *ctx, const char *create, const char *name, const char *query,
                 int64_t *rows, Error *err) {
    const char *sql = arena_printf(ctx->arena, "%s %s AS\n%s\n", create, name, query);
    return step_exec(ctx, sql, rows, err);
}

/* A step may go the same way twice: first to look at rows, then to write them. */
static bool already_warned(const StepContext *ctx, const char *text) {
    const Diags *diags = &ctx->run->report->diags;
    for (size_t i = 0; i < diags->count; i++)
        if (str_eq(diags->items[i].step, ctx->step->id) && str_eq(diags->items[i].message, text))
            return true;
    return false;
}

void step_warn(StepContext *ctx, ErrorCode code, const char *hint, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *text = arena_vprintf(ctx->run->arena, format, args);
    va_end(args);
    if (already_warned(ctx, text)) return;
    Diag *diag = diag_warning(&ctx->run->report->diags, code, ctx->step->span, "%s", text);
    diag->hint = arena_strdup(ctx->run->arena, hint);
    diag->step = ctx->step->id;
}

bool table_columns(StepContext *ctx, const TableName *table, Columns *columns, Error *err) {
    bool own = table == &ctx->step->target;
    *columns = own ? ctx->target.all : (Columns){0};
    if (own && ctx->target.has_all) return true;
    if (!duck_table_columns(ctx->run->duck, ctx->arena, table->schema, table->name, columns, err))
        return step_error(ctx, NULL, err);
    if (own) ctx->target.all = *columns, ctx->target.has_all = true;
    return true;
}

void table_altered(StepContext *ctx) { memset(&ctx->target, 0, sizeof ctx->target); }

const char *stage_name(StepContext *ctx, const char *what) {
    return arena_printf(ctx->arena, "temp.\"_sqlflow_%s_%u\"", what, ++ctx->run->stage_count);
}

Touched *run_touch(Run *run, const TableName *table, Error *err) {
    Touched *touched = map_get(&run->touched, table->key);
    if (touched != NULL) return touched;
    touched = ARENA_NEW(run->arena, Touched);
    *touched = (Touched){.step = run->current, .rows_before = -1};
    AUTO_ARENA scratch = arena_new();
    Columns columns = {0};
    if (!duck_table_columns(run->duck, scratch, table->schema, table->name, &columns, err))
        return NULL;
    int64_t rows = 0;
    if (columns.count > 0) {
        /* Counting is for the dry run's account: it takes a scan once rows were deleted. */
        const char *limit = run->options->dry_run ? "" : " LIMIT 1";
        const char *sql = arena_printf(scratch, "SELECT count(*) FROM (SELECT 1 FROM %s%s)",
                                       table->sql, limit);
        if (!duck_int(run->duck, sql, &rows, err)) return NULL;
        if (run->options->dry_run) touched->rows_before = rows;
    }
    touched->had_rows = rows > 0;
    map_set(&run->touched, table->key, touched);
    /* Somebody dropped it: what was loaded into it is to be loaded again. */
    return columns.count > 0 || run_forget(run, table->key, err) ? touched : NULL;
}
