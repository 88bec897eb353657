/* INCREMENTAL BY column: the target's rows from the watermark on are computed anew. */
#include "run/apply.h"
#include "run/cursor.h"
#include "plan/macros.h"

#include <string.h>

#include "base/clock.h"

typedef struct ByColumn {
    StepContext *ctx;
    StateKey key;
    Watermark stored;     /* value NULL: rebuild */
    const char *lower;    /* literal, NULL when rebuilding */
    const char *upper;    /* literal of --end; NULL without a backfill */
    Window window;
    Relation relation;
    const char *type;     /* of the column in the query's output; NULL: not in it */
    bool backfill, missing; /* missing: there is no target yet */
    bool untyped;         /* no rows, from a file that therefore has text columns only */
} ByColumn;

static const char *const EARLIEST = "0001-01-01 00:00:00";
static const char *const LEAST_NUMBER = "CAST('-inf' AS DOUBLE)";
static const char *const LEAST_TIME = "CAST('-infinity' AS TIMESTAMP)";

static const char *column_sql(const ByColumn *by) {
    return sql_ident(by->ctx->arena, by->ctx->step->cursor);
}

/* `literal` as the text of a timestamp. */
static bool as_timestamp(const ByColumn *by, const char *literal, const char **text, Error *err) {
    const char *sql =
        arena_printf(by->ctx->arena, "SELECT strftime(CAST(%s AS TIMESTAMP), '%%Y-%%m-%%d %%H:%%M:"
                                     "%%S.%%f')", literal);
    return duck_text(by->ctx->run->duck, by->ctx->arena, sql, text, err) ||
           step_error(by->ctx, NULL, err);
}

static bool is_numeric(const char *type) {
    return !str_ieq(type, "DATE") && !str_istarts(type, "TIMESTAMP") && !str_ieq(type, "VARCHAR");
}

/* The type in which the window's ends are compared. Without a watermark they tell it themselves. */
static const char *window_type(const ByColumn *by) {
    const RunOptions *options = by->ctx->run->options;
    const char *end = options->start != NULL ? options->start : options->end;
    if (by->stored.type != NULL) return is_numeric(by->stored.type) ? by->stored.type : "TIMESTAMP";
    return end[strspn(end, "+-.0123456789")] == '\0' && strchr(end + 1, '-') == NULL
               ? "DECIMAL(38,6)"
               : "TIMESTAMP";
}

static bool set_backfill(ByColumn *by, Error *err) {
    const RunOptions *options = by->ctx->run->options;
    const char *type = window_type(by);
    by->backfill = true;
    if (options->start != NULL)
        by->lower = cursor_literal(by->ctx->arena, options->start, type);
    else
        by->lower = str_eq(type, "TIMESTAMP") ? LEAST_TIME : LEAST_NUMBER;
    by->upper = options->end == NULL ? NULL
                                     : cursor_literal(by->ctx->arena, options->end, type);
    if (!str_eq(type, "TIMESTAMP")) return true;
    return (options->start == NULL || as_timestamp(by, by->lower, &by->window.start, err)) &&
           (by->upper == NULL || as_timestamp(by, by->upper, &by->window.end, err));
}

/* Where the window starts: watermark − lookback, --start, or the beginning of time. */
static bool find_window(ByColumn *by, Error *err) {
    StepContext *ctx = by->ctx;
    const RunOptions *options = ctx->run->options;
    Columns target = {0};
    by->window = (Window){EARLIEST, clock_timestamp(ctx->arena, options->started_us)};
    if (!state_watermark(ctx->run->duck, ctx->arena, &by->key, &by->stored, err) ||
        !table_columns(ctx, &ctx->step->target, &target, err))
        return false;
    by->missing = target.count == 0;
    if (options->start != NULL || options->end != NULL) return set_backfill(by, err);
    if (by->stored.value == NULL) return true;
    if (!str_ieq(by->stored.cursor_field, by->key.cursor_field)) {
        by->stored = (Watermark){0}; /* another column: the table is simply rebuilt */
        return true;
    }
    if (!cursor_lower(ctx, &by->stored, ctx->step->lookback, &by->lower, err)) return false;
    return is_numeric(by->stored.type) || as_timestamp(by, by->lower, &by->window.start, err);
}

static bool is_untyped(ByColumn *by, const char *query, Error *err) {
    bool any = false;
    if (!duck_any(by->ctx->run->duck, query, &any, err)) return step_error(by->ctx, query, err);
    by->untyped = !any;
    return true;
}

static bool open_query(ByColumn *by, const char **query, Error *err) {
    StepContext *ctx = by->ctx;
    if (ctx->step->source == NULL) {
        *query = macros_expand(ctx->arena, ctx->step->query.sql, &by->window);
    } else {
        ReadSpec spec = {.columns = &ctx->step->source->columns, .cursor = ctx->step->cursor,
                         .lower = by->lower == LEAST_NUMBER || by->lower == LEAST_TIME ? NULL
                                                                                       : by->lower,
                         .include_nulls = true, .looks_back = ctx->step->lookback != NULL};
        if (!source_open(ctx, &spec, &by->relation, query, err)) return false;
    }
    Columns columns = {0};
    if (!duck_describe(ctx->run->duck, ctx->arena, *query, &columns, err))
        return step_error(ctx, *query, err);
    const Column *column = columns_find(&columns, ctx->step->cursor);
    by->type = column == NULL ? NULL : column->type;
    bool text_allowed = ctx->step->source != NULL && ctx->step->source->cursor_is_text;
    if (by->type != NULL && str_ieq(by->type, "VARCHAR") && !text_allowed &&
        !is_untyped(by, *query, err))
        return false;
    return by->type == NULL || by->untyped ||
           cursor_check_type(ctx, ctx->step->cursor, by->type, text_allowed, SPAN_NONE, err);
}

/* The condition that picks the window's rows. */
static const char *window_condition(const ByColumn *by) {
    Arena *arena = by->ctx->arena;
    const char *column = column_sql(by);
    const char *from = arena_printf(arena, "%s >= %s", column, by->lower);
    if (by->upper == NULL) return from;
    return arena_printf(arena, "%s AND %s < %s", from, column, by->upper);
}

/* Does the window hold these rows already? A column that they lack is to be NULL in it. */
static bool same_rows(ByColumn *by, const char *stage, bool *same, Error *err) {
    StepContext *ctx = by->ctx;
    Columns columns = {0}, target = {0};
    const char *all = arena_printf(ctx->arena, "FROM %s", stage);
    if (!duck_describe(ctx->run->duck, ctx->arena, all, &columns, err))
        return step_error(ctx, NULL, err);
    if (!apply_target_columns(ctx, &ctx->step->target, &target, err)) return false;
    Buf in_stage = buf_on(ctx->arena), in_table = buf_on(ctx->arena);
    for (size_t i = 0; i < target.count; i++) {
        const char *comma = i > 0 ? ", " : "", *name = sql_ident(ctx->arena, target.items[i].name);
        buf_printf(&in_table, "%s%s", comma, name);
        if (columns_find(&columns, target.items[i].name) != NULL)
            buf_printf(&in_stage, "%s%s", comma, name);
        else
            buf_printf(&in_stage, "%sNULL::%s", comma, target.items[i].type);
    }
    const char *there = arena_printf(ctx->arena, "SELECT %s FROM %s WHERE %s", buf_text(&in_table),
                                     ctx->step->target.sql, window_condition(by));
    const char *here = arena_printf(ctx->arena, "SELECT %s FROM %s", buf_text(&in_stage), stage);
    int64_t differing = 0;
    const char *sql = arena_printf(ctx->arena,
                                   "SELECT count(*) FROM ((%s EXCEPT ALL %s) UNION ALL "
                                   "(%s EXCEPT ALL %s))", here, there, there, here);
    if (!duck_int(ctx->run->duck, sql, &differing, err)) return step_error(ctx, NULL, err);
    *same = differing == 0;
    return true;
}

static bool write_window(ByColumn *by, const char *query, const char **rows, Error *err) {
    StepContext *ctx = by->ctx;
    Apply apply = {.target = &ctx->step->target, .query = query,
                   .on_schema_change = ctx->step->source == NULL
                                           ? SCHEMA_FAIL
                                           : ctx->step->source->on_schema_change};
    const char *all = NULL, *stage = NULL;
    if (!apply_stage(ctx, query, "window", &all, &ctx->result->rows_read, err) ||
        !cursor_check_nulls(ctx, all, ctx->step->cursor, err))
        return false;
    apply.query = arena_printf(ctx->arena, "SELECT * FROM %s WHERE %s", all,
                               by->untyped ? "true" : window_condition(by));
    *rows = ctx->step->target.sql;
    if (by->missing) return apply_replace(ctx, &apply, err);
    const char *select = NULL;
    if (!apply_select(ctx, &apply, apply.query, &select, err) ||
        !apply_stage(ctx, select, "cast", &stage, &ctx->result->rows_read, err))
        return false;
    *rows = stage;
    bool same = false;
    if (!same_rows(by, stage, &same, err))
        return false;
    if (same) return true;
    apply.query = arena_printf(ctx->arena, "SELECT * FROM %s", stage);
    return apply_delete_insert(ctx, &apply, window_condition(by), err);
}

static bool rebuild(ByColumn *by, const char *query, const char **rows, Error *err) {
    StepContext *ctx = by->ctx;
    Apply apply = {.target = &ctx->step->target, .query = query};
    by->stored = (Watermark){0};
    if (!forget_loads(ctx, &ctx->step->target, err) || !apply_replace(ctx, &apply, err))
        return false;
    ctx->result->rows_read = ctx->result->rows_inserted;
    *rows = ctx->step->target.sql;
    return by->type == NULL || cursor_check_nulls(ctx, *rows, ctx->step->cursor, err);
}

static bool move_watermark(ByColumn *by, const char *rows, Error *err) {
    StepContext *ctx = by->ctx;
    const char *value = NULL;
    if (by->backfill || by->type == NULL) return true;
    if (!cursor_max(ctx, rows, ctx->step->cursor, &value, err)) return false;
    CursorHighest highest = {ctx->step->cursor, value, by->type, by->relation.now};
    if (!cursor_check_future(ctx, &highest, err)) return false;
    if (value == NULL) return true;
    int order = 1;
    if (by->stored.value != NULL &&
        !cursor_compare(ctx, value, by->stored.value, by->stored.type, &order, err))
        return false;
    if (order <= 0) return true;
    Watermark watermark = {.value = value, .type = by->type, .fingerprint = "incremental by"};
    return state_set_watermark(ctx->run->duck, &by->key, &watermark, ctx->run->options->run_id,
                               err) ||
           step_error(ctx, NULL, err);
}

static bool compute(ByColumn *by, Error *err) {
    const char *query = NULL, *rows = NULL;
    if (!find_window(by, err) || !open_query(by, &query, err)) return false;
    if (by->type == NULL || by->lower == NULL) {
        if (!rebuild(by, query, &rows, err)) return false;
    } else if (!write_window(by, query, &rows, err)) {
        return false;
    }
    return move_watermark(by, rows, err);
}

bool incremental_by(StepContext *ctx, Error *err) {
    const Source *source = ctx->step->source;
    ByColumn by = {.ctx = ctx};
    by.key = step_state_key(ctx, source == NULL ? "-" : source->name, ctx->step->cursor);
    bool ok = compute(&by, err);
    source_close(ctx, &by.relation);
    return ok;
}
