/* LOAD and CREATE TABLE: which way the rows of a step go into its table. */
#include "run/apply.h"
#include "run/cursor.h"

#include <string.h>

typedef struct Opening {
    StepContext *ctx;
    Session session;
    const Source *source;
    const ReadSpec *spec;
    Relation *relation;
    bool aborted; /* the failed attempt took the transaction with it */
} Opening;

bool source_relation(Run *run, Session *session, const Source *source, ReadSpec spec,
                     Relation *relation, Error *err) {
    *relation = (Relation){0};
    spec.careful = map_has(&run->careful, source->name);
    spec.unreadable = map_get(&run->careful, source->name) != NULL;
    if (!source->link.connector->relation(session, &source->link, &spec, relation, err))
        return false;
    if (relation->guessed) map_set(&run->guessed, source->name, NULL);
    return true;
}

static bool open_relation(void *context, Error *err) {
    Opening *opening = context;
    if (source_relation(opening->ctx->run, &opening->session, opening->source, *opening->spec,
                        opening->relation, err))
        return true;
    Error ignored = {0};
    opening->aborted = !duck_exec(opening->ctx->run->duck, "SELECT 1", NULL, &ignored);
    return false;
}

/* Here a retry can help only while the transaction lives; else it is begun anew (run.c). */
static RetryVerdict opening_verdict(void *context, const Error *err) {
    Opening *opening = context;
    return (RetryVerdict){err->transient && !opening->aborted, retry_after_in(err->message)};
}

bool source_relation_retrying(StepContext *ctx, Arena *arena, const Source *source,
                              const ReadSpec *spec, Relation *relation, Error *err) {
    Opening opening = {ctx, step_session(ctx), source, spec, relation, false};
    opening.session.arena = arena;
    RetryCall call = {.what = ctx->step->id, .context = &opening, .attempt = open_relation,
                      .classify = opening_verdict};
    if (run_retrying(ctx->run, &source->link, &call, &ctx->result->retries, err)) return true;
    err->transient = err->transient && opening.aborted;
    ctx->run->broken = &source->link;
    return false;
}

bool run_source_columns(void *context, const Source *source, Columns *columns, Error *err) {
    Run *run = context;
    const Relation *known = map_get(&run->relations, source->name);
    if (known != NULL)
        return duck_describe(run->duck, run->arena,
                             arena_printf(run->arena, "SELECT * FROM %s", known->sql), columns,
                             err);
    Diags *heard = ARENA_NEW(run->arena, Diags);
    *heard = diags_on(run->arena);
    Session session = {.arena = run->arena, .duck = run->duck, .diags = heard,
                       .memo = &run->memo, .stop = &run->stop};
    Relation *relation = ARENA_NEW(run->arena, Relation);
    ReadSpec spec = {.columns = &source->columns};
    if (!source->link.connector->relation(&session, &source->link, &spec, relation, err))
        return false;
    const char *query = arena_printf(run->arena, "SELECT * FROM %s", relation->sql);
    bool ok = duck_describe(run->duck, run->arena, query, columns, err);
    /* What must be closed may be something that the validation's rollback takes away: then the load
     * opens the source itself, and warns itself. So it does after a guess that warned. */
    if (!ok || relation->close != NULL || (relation->guessed && heard->count > 0)) {
        relation_close(relation);
        return ok;
    }
    map_set(&run->relations, source->name, relation);
    if (relation->guessed) map_set(&run->guessed, source->name, NULL);
    diags_copy(&run->report->diags, heard);
    return true;
}

bool source_open(StepContext *ctx, const ReadSpec *spec, Relation *relation, const char **query,
                 Error *err) {
    const Source *source = ctx->step->source;
    const Relation *known = map_get(&ctx->run->relations, source->name);
    bool careful = map_has(&ctx->run->careful, source->name);
    if (known != NULL && !careful && spec->cursor == NULL && spec->files == NULL) {
        *relation = *known;
        *query = arena_printf(ctx->arena, "SELECT * FROM %s", relation->sql);
        ctx->reading = relation;
        return true;
    }
    if (!source_relation_retrying(ctx, ctx->arena, source, spec, relation, err)) {
        ctx->no_files = source->allow_empty && err->code == ERR_FILE_MISSING;
        return step_error(ctx, NULL, err);
    }
    *query = arena_printf(ctx->arena, "SELECT * FROM %s", relation->sql);
    ctx->reading = relation;
    return !relation->unordered ||
           duck_exec(ctx->run->duck, "SET preserve_insertion_order = false", NULL, err) ||
           step_error(ctx, NULL, err);
}

void source_close(StepContext *ctx, Relation *relation) {
    Error ignored = {0}; /* in an aborted transaction nothing can be set; see rollback() */
    if (relation->unordered)
        duck_exec(ctx->run->duck, "SET preserve_insertion_order = true", NULL, &ignored);
    relation_close(relation);
    ctx->reading = NULL;
}

/* A dynamic PIVOT's result is staged first. */
static bool query_rows(StepContext *ctx, ModeKind mode, const char **query, Error *err) {
    *query = ctx->step->query.sql;
    if (mode == MODE_REPLACE || !sql_has_pivot(*query)) return true;
    const char *stage = NULL;
    if (!apply_stage(ctx, *query, "pivot", &stage, NULL, err)) return false;
    *query = arena_printf(ctx->arena, "SELECT * FROM %s", stage);
    return true;
}

static bool apply_mode(StepContext *ctx, ModeKind mode, const char *query, Error *err) {
    const Source *source = ctx->step->source;
    Apply apply = {.target = &ctx->step->target, .query = query, .keys = &ctx->step->keys,
                   .keys_span = ctx->step->mode_span};
    if (source != NULL) {
        apply.on_schema_change = source->on_schema_change;
        apply.duplicates_are_errors = source->duplicates_are_errors;
        apply.cursor = source->cursor;
    }
    switch (mode) {
        case MODE_APPEND: return apply_append(ctx, &apply, err);
        case MODE_UPSERT: return apply_upsert(ctx, &apply, err);
        case MODE_NONE:
        case MODE_REPLACE:
        case MODE_INCREMENTAL: return apply_replace(ctx, &apply, err);
    }
    return false;
}

static bool load_source(StepContext *ctx, ModeKind mode, Error *err) {
    ReadSpec spec = {.columns = &ctx->step->source->columns};
    Relation relation = {0};
    const char *query = NULL;
    bool ok = source_open(ctx, &spec, &relation, &query, err) && apply_mode(ctx, mode, query, err);
    source_close(ctx, &relation);
    if (!ok) return false;
    ctx->result->rows_read = ctx->result->rows_inserted + ctx->result->rows_updated +
                             ctx->result->duplicates_dropped;
    return true;
}

/* Rows read again (lookback, NULL cursors) can only be told apart by their key. */
static ModeKind incremental_mode(const Step *step) {
    const Source *source = step->source;
    if (step->mode == MODE_NONE)
        return source->primary_key.count > 0 ? MODE_UPSERT : MODE_APPEND;
    bool comes_again = source->lookback != NULL || source->null_cursor == NULL_CURSOR_INCLUDE;
    if (step->mode == MODE_APPEND && comes_again && source->primary_key.count > 0)
        return MODE_UPSERT;
    return step->mode;
}

bool load_nothing(StepContext *ctx, Error *err) {
    Columns columns = {0};
    int64_t deleted = 0;
    Touched *touched = run_touch(ctx->run, &ctx->step->target, err);
    if (touched == NULL || !table_columns(ctx, &ctx->step->target, &columns, err)) return false;
    if (columns.count == 0) return true;
    const char *sql = arena_printf(ctx->arena, "DELETE FROM %s", ctx->step->target.sql);
    if (!step_exec(ctx, sql, &deleted, err)) return false;
    ctx->result->rows_deleted += deleted;
    touched->dirty = true;
    return true;
}

static bool load_step(StepContext *ctx, Error *err) {
    const Step *step = ctx->step;
    ModeKind mode = step->mode == MODE_NONE ? MODE_REPLACE : step->mode;
    if (step->source == NULL && mode != MODE_INCREMENTAL) {
        const char *query = NULL;
        return query_rows(ctx, mode, &query, err) && apply_mode(ctx, mode, query, err);
    }
    if (step->source != NULL && step->source->incremental && mode != MODE_INCREMENTAL)
        mode = incremental_mode(step);
    if (!begin_load(ctx, mode, err)) return false;
    if (mode == MODE_INCREMENTAL) return incremental_by(ctx, err);
    if (!step->source->incremental) return load_source(ctx, mode, err);
    return step->source->cursor != NULL ? load_by_cursor(ctx, mode, err)
                                        : load_by_file(ctx, mode, err);
}

bool run_load(StepContext *ctx, Error *err) {
    if (load_step(ctx, err)) return true;
    if (!ctx->no_files) return false;
    *err = (Error){0};
    return !ctx->anew || load_nothing(ctx, err);
}

static bool create_temporary(StepContext *ctx, Error *err) {
    const Step *step = ctx->step;
    const char *verb = step->if_not_exists ? "CREATE TEMP TABLE IF NOT EXISTS"
                                           : "CREATE OR REPLACE TEMP TABLE";
    return step_create(ctx, verb, sql_ident(ctx->arena, step->target.name), step->query.sql,
                       &ctx->result->rows_inserted, err);
}

bool run_transform(StepContext *ctx, Error *err) {
    const Step *step = ctx->step;
    if (step->temporary) return create_temporary(ctx, err);
    if (step->if_not_exists) {
        Columns columns = {0};
        if (!table_columns(ctx, &step->target, &columns, err)) return false;
        if (columns.count > 0) {
            ctx->result->detail = "kept";
            return true;
        }
    }
    return run_load(ctx, err);
}
