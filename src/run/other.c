/* Steps of one statement: plain SQL and assertions. */
#include "run/apply.h"

#include <stdlib.h>
#include <string.h>

/* In one transaction, ALTER of a table whose rows were deleted or updated fails at COMMIT. */
static bool prepare_alter(StepContext *ctx, Error *err) {
    for (size_t i = 0; i < ctx->step->writes.count; i++) {
        const TableName *table = &ctx->step->writes.items[i];
        Touched *touched = run_touch(ctx->run, table, err);
        if (touched == NULL) return step_error(ctx, NULL, err);
        if (!touched->dirty) continue;
        if (!apply_rebuild(ctx, table, err)) return false;
        touched->dirty = false;
    }
    return true;
}

static void count_rows(StepResult *result, SqlVerb verb, int64_t changed) {
    switch (sql_verb(verb)->rows) {
        case ROWS_INSERTED: result->rows_inserted = changed; break;
        case ROWS_UPDATED: result->rows_updated = changed; break;
        case ROWS_DELETED: result->rows_deleted = changed; break;
        case ROWS_NONE: break;
    }
}

/* A schema that is there stays, and so does what lies in it; other definitions are made anew. */
static bool make_room(StepContext *ctx, bool *skip, Error *err) {
    const Step *step = ctx->step;
    int64_t exists = 0;
    const char *room = sql_make_room(ctx->arena, step);
    if (room != NULL)
        return step_exec(ctx, room, NULL, err);
    if (step->sql.verb != SQL_CREATE_SCHEMA || step->sql.targets.count != 1) return true;
    const char *sql = arena_printf(ctx->arena,
                                   "SELECT count(*) FROM duckdb_schemas() WHERE database_name = "
                                   "current_database() AND lower(schema_name) = lower(%s)",
                                   sql_literal(ctx->arena, step->sql.targets.items[0].name));
    if (!duck_int(ctx->run->duck, sql, &exists, err)) return step_error(ctx, NULL, err);
    *skip = exists > 0;
    return true;
}

bool run_sql(StepContext *ctx, Error *err) {
    const Step *step = ctx->step;
    SqlVerb verb = step->sql.verb;
    bool skip = false;
    if (!make_room(ctx, &skip, err)) return false;
    if (skip) return true;
    bool alters = verb == SQL_ALTER || verb == SQL_COMMENT;
    if (alters && !prepare_alter(ctx, err)) return false;
    for (size_t i = 0; i < step->writes.count; i++)
        if (run_touch(ctx->run, &step->writes.items[i], err) == NULL)
            return step_error(ctx, NULL, err);
    int64_t changed = 0;
    if (!step_exec(ctx, step->query.sql, &changed, err)) return false;
    count_rows(ctx->result, verb, changed);
    for (size_t i = 0; i < step->writes.count; i++) {
        Touched *touched = map_get(&ctx->run->touched, step->writes.items[i].key);
        if (sql_verb(verb)->rewrites) touched->dirty = true;
        if (verb == SQL_DROP || verb == SQL_CREATE_TABLE) touched->dirty = false;
    }
    return true;
}

/* "a"test between "b"test …, of the columns that are asserted. */
static const char *each_column(StepContext *ctx, const char *test, const char *between) {
    const Strings *columns = &ctx->step->assertion.columns;
    Buf list = buf_on(ctx->arena);
    for (size_t i = 0; i < columns->count; i++) {
        if (i > 0) buf_puts(&list, between);
        buf_ident(&list, columns->items[i]);
        buf_puts(&list, test);
    }
    return buf_text(&list);
}

/* The query whose rows are the failures. */
static const char *failing_rows(StepContext *ctx) {
    const Step *step = ctx->step;
    switch (step->assertion.kind) {
        case ASSERT_QUERY: return step->query.sql;
        case ASSERT_UNIQUE: {
            const char *columns = each_column(ctx, "", ", ");
            /* NULLs are equal to nothing, so they never collide. */
            return arena_printf(ctx->arena,
                                "SELECT %s, count(*) AS count FROM %s WHERE %s GROUP BY %s "
                                "HAVING count(*) > 1",
                                columns, step->target.sql,
                                each_column(ctx, " IS NOT NULL", " AND "), columns);
        }
        case ASSERT_NOT_NULL:
            return arena_printf(ctx->arena, "SELECT * FROM %s WHERE %s", step->target.sql,
                                each_column(ctx, " IS NULL", " OR "));
    }
    abort();
}

/* Up to five of them, a line each. */
static bool sample_rows(StepContext *ctx, const char *stage, Buf *out, Error *err) {
    const char *sql = arena_printf(ctx->arena,
                                   "SELECT s::VARCHAR FROM (SELECT s FROM %s s LIMIT 5)", stage);
    AUTO_ROWS rows = NULL;
    if (!duck_query(ctx->run->duck, sql, &rows, err)) return step_error(ctx, NULL, err);
    err->code = ERR_NONE;
    while (rows_next(rows, err)) {
        const char *text = rows_text(rows, 0);
        buf_printf(out, "\n  %.300s", text == NULL ? "NULL" : text);
    }
    return err->code == ERR_NONE || step_error(ctx, NULL, err);
}

static bool check_columns(StepContext *ctx, Error *err) {
    const Step *step = ctx->step;
    Columns columns = {0};
    if (step->assertion.kind == ASSERT_QUERY) return true;
    if (!table_columns(ctx, &step->target, &columns, err)) return false;
    for (size_t i = 0; columns.count > 0 && i < step->assertion.columns.count; i++) {
        const char *name = step->assertion.columns.items[i];
        if (columns_find(&columns, name) != NULL) continue;
        Strings names = columns_names(ctx->arena, &columns);
        error_set(err, ERR_ASSERT_COLUMN, step->span, "table '%s' has no column '%s'%s",
                  step->target.name, name, str_did_you_mean(ctx->arena, name, &names));
        return step_error(ctx, NULL, err);
    }
    return true;
}

static bool judge(StepContext *ctx, const char *stage, int64_t count, Error *err) {
    const Step *step = ctx->step;
    Buf message = buf_on(ctx->arena);
    bool warn = step->assertion.warn;
    buf_printf(&message, "assertion '%s' failed: %s", step->id + strlen("assert_"),
               str_count(ctx->arena, count, "row"));
    if (!sample_rows(ctx, stage, &message, err)) return false;
    if (warn) {
        step_warn(ctx, WARN_ASSERT, "", "%s", buf_text(&message));
        ctx->result->status = STATUS_WARN;
        return true;
    }
    error_set(err, ERR_ASSERT, step->span, "%s", buf_text(&message));
    return step_error(ctx, NULL, err);
}

bool run_assert(StepContext *ctx, Error *err) {
    const char *stage = NULL;
    int64_t count = 0;
    if (!check_columns(ctx, err) ||
        !apply_stage(ctx, failing_rows(ctx), "assert", &stage, &count, err))
        return false;
    ctx->result->rows_read = count;
    return count == 0 || judge(ctx, stage, count, err);
}
