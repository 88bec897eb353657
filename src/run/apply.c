/* Applying rows to a table: REPLACE, APPEND and the pieces the other modes share. */
#include "run/apply.h"

#include <string.h>

#include "engine/casts.h"
#include "engine/ddl.h"

bool apply_stage(StepContext *ctx, const char *query, const char *what, const char **name,
                 int64_t *rows, Error *err) {
    *name = stage_name(ctx, what);
    return step_create(ctx, "CREATE TEMP TABLE", *name, query, rows, err);
}

/* The name under which the table is made anew, beside the one that is there. */
static const char *fresh_name(StepContext *ctx, const TableName *table) {
    return arena_printf(
        ctx->arena, "%s.%s", sql_ident(ctx->arena, table->schema == NULL ? "main" : table->schema),
        sql_ident(ctx->arena, arena_printf(ctx->arena, "_sqlflow_new_%s", table->name)));
}

/* New table → drop → rename: CREATE OR REPLACE of an existing table is not replayed safely. */
static bool replace_existing(StepContext *ctx, const TableName *table, const char *query,
                             int64_t *rows, Error *err) {
    const char *fresh = fresh_name(ctx, table);
    if (!step_create(ctx, "CREATE TABLE", fresh, query, rows, err)) return false;
    const char *sql =
        arena_printf(ctx->arena, "DROP TABLE %s;\nALTER TABLE %s RENAME TO %s", table->sql, fresh,
                     sql_ident(ctx->arena, table->name));
    return step_exec(ctx, sql, NULL, err);
}

bool apply_replace(StepContext *ctx, const Apply *apply, Error *err) {
    Columns columns = {0};
    int64_t rows = 0;
    if (!table_columns(ctx, apply->target, &columns, err)) return false;
    Touched *touched = run_touch(ctx->run, apply->target, err);
    if (touched == NULL) return false;
    if (columns.count > 0 ? !replace_existing(ctx, apply->target, apply->query, &rows, err)
                          : !step_create(ctx, "CREATE TABLE", apply->target->sql, apply->query,
                                         &rows, err))
        return false;
    table_altered(ctx);
    touched->dirty = false;
    ctx->result->rows_inserted = rows;
    return true;
}

/* Columns of the table that an INSERT can name. `table_columns` gives generated ones, too. */
static bool writable_columns(StepContext *ctx, const TableName *table, const char *ddl,
                             Columns *columns, Error *err) {
    Columns all = {0};
    Strings generated = {0};
    if (!table_columns(ctx, table, &all, err)) return false;
    if (ddl != NULL) ddl_generated(ctx->arena, ddl, &generated);
    *columns = (Columns){0};
    for (size_t i = 0; i < all.count; i++)
        if (!strings_has(&generated, all.items[i].name))
            *LIST_PUSH(ctx->arena, columns) = all.items[i];
    return true;
}

/* A table that takes rows with all its columns has no generated ones. To find that out takes a
 * tenth of the time that its definition takes. */
static bool may_have_generated(StepContext *ctx, const TableName *table) {
    Columns ignored = {0};
    Error err = {0};
    const char *sql = arena_printf(ctx->arena, "INSERT INTO %s FROM %s", table->sql, table->sql);
    return !duck_describe(ctx->run->duck, ctx->arena, sql, &ignored, &err);
}

bool apply_target_columns(StepContext *ctx, const TableName *table, Columns *columns, Error *err) {
    const char *ddl = NULL;
    bool own = table == &ctx->step->target;
    *columns = own ? ctx->target.writable : (Columns){0};
    if (own && ctx->target.has_writable) return true;
    if (may_have_generated(ctx, table) &&
        !duck_table_ddl(ctx->run->duck, ctx->arena, table->schema, table->name, &ddl, err))
        return step_error(ctx, NULL, err);
    if (!writable_columns(ctx, table, ddl, columns, err)) return false;
    if (own) ctx->target.writable = *columns, ctx->target.has_writable = true;
    return true;
}

/* The table's definition is copied from its own DDL, so that NOT NULL and the like stay. */
bool apply_rebuild(StepContext *ctx, const TableName *table, Error *err) {
    Arena *arena = ctx->arena;
    const char *ddl = NULL;
    Columns columns = {0};
    if (!duck_table_ddl(ctx->run->duck, arena, table->schema, table->name, &ddl, err))
        return step_error(ctx, NULL, err);
    if (ddl == NULL) return true; /* a view, or nothing: the statement itself will tell */
    if (!writable_columns(ctx, table, ddl, &columns, err)) return false;
    const char *fresh = fresh_name(ctx, table);
    Strings names = columns_names(arena, &columns);
    const char *sql = arena_printf(
        arena,
        "CREATE TABLE %s%s\nINSERT INTO %s BY NAME SELECT %s FROM %s;\nDROP TABLE %s;\n"
        "ALTER TABLE %s RENAME TO %s",
        fresh, ddl_body(ddl), fresh, column_list(arena, &names, ""), table->sql, table->sql, fresh,
        sql_ident(arena, table->name));
    return step_exec(ctx, sql, NULL, err);
}

static bool add_columns(StepContext *ctx, const Apply *apply, const Columns *from,
                        Columns *target, Error *err) {
    Touched *touched = run_touch(ctx->run, apply->target, err);
    if (touched == NULL) return false;
    if (touched->dirty) {
        if (!apply_rebuild(ctx, apply->target, err)) return false;
        touched->dirty = false;
    }
    for (size_t i = 0; i < from->count; i++) {
        const Column *column = &from->items[i];
        if (columns_find(target, column->name) != NULL) continue;
        const char *sql =
            arena_printf(ctx->arena, "ALTER TABLE %s ADD COLUMN %s %s", apply->target->sql,
                         sql_ident(ctx->arena, column->name), column->type);
        if (!step_exec(ctx, sql, NULL, err)) return false;
        *LIST_PUSH(ctx->arena, target) = *column;
    }
    table_altered(ctx);
    return true;
}

/* Nothing can be written into a generated column, nor can one of its name be added. */
static bool refuse_generated(StepContext *ctx, const Apply *apply, const Strings *extra,
                             Error *err) {
    Columns all = {0};
    if (!table_columns(ctx, apply->target, &all, err)) return false;
    for (size_t i = 0; i < extra->count; i++) {
        if (columns_find(&all, extra->items[i]) == NULL) continue;
        error_set(err, ERR_SCHEMA_CHANGE, ctx->step->span,
                  "column '%s' of table '%s' is generated: rows cannot bring it", extra->items[i],
                  apply->target->name);
        error_hint(err, "leave it out with \"columns\", or set \"on_schema_change\": \"ignore\", "
                        "in the source");
        return step_error(ctx, NULL, err);
    }
    return true;
}

/* Columns the target lacks: refused, added or ignored. */
static bool handle_new_columns(StepContext *ctx, const Apply *apply, const Columns *from,
                               Columns *target, Error *err) {
    Strings extra = {0};
    for (size_t i = 0; i < from->count; i++)
        if (columns_find(target, from->items[i].name) == NULL)
            strings_add(ctx->arena, &extra, from->items[i].name);
    if (extra.count == 0 || apply->on_schema_change == SCHEMA_IGNORE) return true;
    if (!refuse_generated(ctx, apply, &extra, err)) return false;
    if (apply->on_schema_change == SCHEMA_ADD_COLUMNS)
        return add_columns(ctx, apply, from, target, err);
    error_set(err, ERR_SCHEMA_CHANGE, ctx->step->span, "table '%s' has no column %s",
              apply->target->name, strings_join(ctx->arena, &extra, ", "));
    error_hint(err, "%s, or rebuild the table with MODE REPLACE or --full-refresh",
               ctx->step->source != NULL
                   ? "set \"on_schema_change\": \"add_columns\" or \"ignore\" in the source"
                   : "add it first with ALTER TABLE … ADD COLUMN, leave it out of the query");
    return step_error(ctx, NULL, err);
}

/* True when the rows lack columns of the target. */
static bool warn_missing(StepContext *ctx, const Apply *apply, const Columns *from,
                         const Columns *target) {
    Strings missing = {0};
    for (size_t i = 0; i < target->count; i++)
        if (columns_find(from, target->items[i].name) == NULL &&
            !str_eq(target->items[i].name, "_sqlflow_file"))
            strings_add(ctx->arena, &missing, target->items[i].name);
    if (missing.count > 0)
        step_warn(ctx, WARN_MISSING_COLUMN,
                  "matched rows of an UPSERT keep their value, others get NULL",
                  "the rows for table '%s' lack column %s", apply->target->name,
                  strings_join(ctx->arena, &missing, ", "));
    return missing.count > 0;
}

static bool impossible(StepContext *ctx, const Apply *apply, const Column *from, const char *to,
                       Error *err) {
    error_set(err, ERR_CAST, ctx->step->span,
              "column '%s' is %s in the rows and %s in table '%s': these do not mix", from->name,
              from->type, to, apply->target->name);
    error_hint(err, "cast it in a query, or rebuild the table with MODE REPLACE");
    return step_error(ctx, NULL, err);
}

/* An INSERT BY NAME gives a column that the rows lack its DEFAULT: where it can be, it is to be
 * NULL. */
static bool put_nulls(StepContext *ctx, const Apply *apply, const Columns *from,
                      const Columns *target, Buf *list, Error *err) {
    const TableName *table = apply->target;
    const char *sql = arena_printf(
        ctx->arena,
        "SELECT column_name FROM duckdb_columns() WHERE database_name = current_database() AND "
        "lower(schema_name) = lower(%s) AND lower(table_name) = lower(%s) AND is_nullable AND "
        "column_default IS NOT NULL",
        sql_literal(ctx->arena, table->schema == NULL ? "main" : table->schema),
        sql_literal(ctx->arena, table->name));
    AUTO_ROWS rows = NULL;
    if (!duck_query(ctx->run->duck, sql, &rows, err)) return step_error(ctx, NULL, err);
    Error failure = {0};
    while (rows_next(rows, &failure))
        if (columns_find(from, rows_text(rows, 0)) == NULL &&
            columns_find(target, rows_text(rows, 0)) != NULL)
            buf_printf(list, ", NULL AS %s", sql_ident(ctx->arena, rows_text(rows, 0)));
    if (failure.code == ERR_NONE) return true;
    *err = failure;
    return step_error(ctx, NULL, err);
}

bool apply_select(StepContext *ctx, const Apply *apply, const char *query, const char **select,
                  Error *err) {
    Columns from = {0}, target = {0};
    if (!duck_describe(ctx->run->duck, ctx->arena, query, &from, err))
        return step_error(ctx, query, err);
    if (!apply_target_columns(ctx, apply->target, &target, err)) return false;
    if (!handle_new_columns(ctx, apply, &from, &target, err)) return false;
    bool lacking = warn_missing(ctx, apply, &from, &target);
    Buf list = buf_on(ctx->arena);
    bool checked = false;
    for (size_t i = 0; i < from.count; i++) {
        const Column *to = columns_find(&target, from.items[i].name);
        if (to == NULL) continue;
        CastKind kind = cast_kind(from.items[i].type, to->type);
        if (kind == CAST_IMPOSSIBLE) return impossible(ctx, apply, &from.items[i], to->type, err);
        checked = checked || kind == CAST_CHECKED;
        if (list.size > 0) buf_puts(&list, ", ");
        cast_expression(&list, &from.items[i], to->type, "_sqlflow_row");
    }
    if (list.size == 0) {
        error_set(err, ERR_SCHEMA_CHANGE, ctx->step->span,
                  "the rows and table '%s' have no column in common", apply->target->name);
        return step_error(ctx, NULL, err);
    }
    if (lacking && apply->missing_is_null && !put_nulls(ctx, apply, &from, &target, &list, err))
        return false;
    const char *numbered = checked ? "SELECT *, row_number() OVER () AS _sqlflow_row FROM (\n"
                                   : "";
    *select = arena_printf(ctx->arena, "SELECT %s FROM (\n%s%s\n)%s", buf_text(&list), numbered,
                           query, checked ? ")" : "");
    return true;
}

/* The INSERT of the rows as they are, for a target that is there. */
static bool prepare_insert(StepContext *ctx, const Apply *apply, Touched **touched,
                           const char **insert, Error *err) {
    *touched = run_touch(ctx->run, apply->target, err);
    const char *select = NULL;
    Apply whole = *apply;
    whole.missing_is_null = true;
    if (*touched == NULL || !apply_select(ctx, &whole, apply->query, &select, err)) return false;
    *insert = arena_printf(ctx->arena, "INSERT INTO %s BY NAME %s", apply->target->sql, select);
    return true;
}

bool apply_append(StepContext *ctx, const Apply *apply, Error *err) {
    Columns target = {0};
    if (!table_columns(ctx, apply->target, &target, err)) return false;
    if (target.count == 0 || apply->rebuild) return apply_replace(ctx, apply, err);
    Touched *touched = NULL;
    const char *insert = NULL;
    int64_t rows = 0;
    if (!prepare_insert(ctx, apply, &touched, &insert, err) ||
        !step_exec(ctx, insert, &rows, err))
        return false;
    ctx->result->rows_inserted += rows;
    return true;
}

bool apply_delete_insert(StepContext *ctx, const Apply *apply, const char *condition, Error *err) {
    Touched *touched = NULL;
    const char *insert = NULL;
    if (!prepare_insert(ctx, apply, &touched, &insert, err)) return false;
    int64_t deleted = 0, inserted = 0;
    const char *sql =
        arena_printf(ctx->arena, "DELETE FROM %s WHERE %s", apply->target->sql, condition);
    if (!step_exec(ctx, sql, &deleted, err)) return false;
    if (!step_exec(ctx, insert, &inserted, err)) return false;
    touched->dirty = touched->dirty || deleted > 0;
    ctx->result->rows_deleted += deleted;
    ctx->result->rows_inserted += inserted;
    return true;
}
