/* Cursors: types, bounds and the checks that keep an increment right. See cursor.h. */
#include "run/cursor.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "engine/casts.h"

const char *cursor_literal(Arena *arena, const char *value, const char *type) {
    return arena_printf(arena, "CAST(%s AS %s)", sql_literal(arena, value), type);
}

static bool is_integer(const char *type) {
    static const char *const names[] = {"TINYINT", "SMALLINT", "INTEGER",   "BIGINT",
                                        "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER",
                                        "UBIGINT", "UHUGEINT", NULL};
    return str_iin(type, names);
}

static bool is_temporal(const char *type) {
    return str_ieq(type, "DATE") || str_istarts(type, "TIMESTAMP");
}

static bool is_decimal(const char *type) {
    return str_istarts(type, "DECIMAL(") && strchr(type, '[') == NULL;
}

bool cursor_check_type(StepContext *ctx, const char *column, const char *type, bool text_allowed,
                       Span span, Error *err) {
    if (is_integer(type) || is_temporal(type) || is_decimal(type)) return true;
    bool text = str_ieq(type, "VARCHAR");
    if (text && text_allowed) return true;
    error_set(err, ERR_CURSOR_TYPE, span.source ? span : ctx->step->span,
              "the cursor '%s' is %s", column, type);
    error_hint(err, "%s",
               text && ctx->step->source == NULL
                   ? "cast it to a number, DATE or TIMESTAMP in the query"
               : text ? "cast it to a DATE or TIMESTAMP with column_types, or set \"cursor_type\": "
                      "\"text\" to compare it as text in binary order"
               : str_ieq(type, "FLOAT") || str_ieq(type, "DOUBLE")
                   ? "floating point numbers are not exact; use an integer, DECIMAL, DATE or "
                     "TIMESTAMP column"
                   : "use an integer, DECIMAL, DATE or TIMESTAMP column");
    return step_error(ctx, NULL, err);
}

/* SELECT of watermark − lookback as text; NULL when the integer type ends before. A bare number is
 * no interval here, though DuckDB reads one as seconds. */
static const char *lookback_sql(Arena *arena, const char *watermark, const char *type,
                                const char *lookback) {
    if (is_temporal(type))
        return arena_printf(arena,
                            "SELECT (%s - CASE WHEN TRY_CAST(%s AS DOUBLE) IS NULL THEN CAST(%s AS "
                            "INTERVAL) ELSE error('a number without a unit') END)::VARCHAR",
                            watermark, lookback, lookback);
    if (is_integer(type) && !str_ieq(type, "UHUGEINT"))
        return arena_printf(arena,
                            "SELECT TRY_CAST(%s::HUGEINT - CAST(%s AS HUGEINT) AS %s)::VARCHAR",
                            watermark, lookback, type);
    return arena_printf(arena, "SELECT (%s - CAST(%s AS %s))::VARCHAR", watermark, lookback, type);
}

bool cursor_lower(StepContext *ctx, const Watermark *watermark, const char *lookback,
                  const char **lower, Error *err) {
    *lower = cursor_literal(ctx->arena, watermark->value, watermark->type);
    if (lookback == NULL) return true;
    const char *text = sql_literal(ctx->arena, lookback);
    const char *sql = lookback_sql(ctx->arena, *lower, watermark->type, text);
    const char *value = NULL;
    if (!duck_text(ctx->run->duck, ctx->arena, sql, &value, err)) {
        char why[sizeof err->message];
        snprintf(why, sizeof why, "%s", err->message);
        error_set(err, ERR_OPTION_VALUE, ctx->step->span,
                  "lookback %s does not fit a %s cursor: %s", lookback, watermark->type, why);
        error_hint(err, "give a number for numeric cursors, else an interval such as '2 days'");
        return step_error(ctx, NULL, err);
    }
    const char *type = str_ieq(watermark->type, "DATE") ? "TIMESTAMP" : watermark->type;
    *lower = value == NULL ? NULL : cursor_literal(ctx->arena, value, type);
    return true;
}

bool cursor_max(StepContext *ctx, const char *relation, const char *column, const char **value,
                Error *err) {
    const char *sql = arena_printf(ctx->arena, "SELECT max(%s)::VARCHAR FROM %s",
                                   sql_ident(ctx->arena, column), relation);
    return duck_text(ctx->run->duck, ctx->arena, sql, value, err) || step_error(ctx, NULL, err);
}

bool cursor_check_future(StepContext *ctx, const CursorHighest *highest, Error *err) {
    const char *type = highest->type, *now = highest->now;
    if (highest->value == NULL || !is_temporal(type)) return true;
    int64_t ahead = 0;
    int64_t east = str_ieq(type, "TIMESTAMP WITH TIME ZONE") ? 0 : clock_offset_us();
    if (now == NULL) now = clock_timestamp(ctx->arena, clock_wall_us() + (east > 0 ? east : 0));
    const char *sql = arena_printf(
        ctx->arena, "SELECT (%s > CAST(TIMESTAMP %s + INTERVAL 1 HOUR AS %s))::INTEGER",
        cursor_literal(ctx->arena, highest->value, type), sql_literal(ctx->arena, now),
        str_ieq(type, "DATE") ? "DATE" : "TIMESTAMP");
    if (!duck_int(ctx->run->duck, sql, &ahead, err)) return step_error(ctx, NULL, err);
    if (!ahead) return true;
    error_set(err, ERR_FUTURE_CURSOR, ctx->step->span,
              "the cursor '%s' has the value %s, more than an hour ahead of now (%.16s)",
              highest->column, highest->value, now);
    error_hint(err, "such a watermark would hide every row until then: correct the value at the "
                    "source, or leave the row out%s",
               east != 0 || str_ieq(type, "TIMESTAMP WITH TIME ZONE")
                   ? ""
                   : "; for times of another zone set TZ to it, or give them a zone");
    return step_error(ctx, NULL, err);
}

bool cursor_check_nulls(StepContext *ctx, const char *relation, const char *column, Error *err) {
    int64_t nulls = 0;
    const char *sql = arena_printf(ctx->arena, "SELECT count(*) FROM %s WHERE %s IS NULL",
                                   relation, sql_ident(ctx->arena, column));
    if (!duck_int(ctx->run->duck, sql, &nulls, err)) return step_error(ctx, NULL, err);
    if (nulls == 0) return true;
    error_set(err, ERR_NULL_CURSOR, ctx->step->span, "the cursor '%s' is NULL in %s", column,
              str_count(ctx->arena, nulls, "row"));
    error_hint(err, "%s",
               ctx->step->source != NULL && ctx->step->mode != MODE_INCREMENTAL
                   ? "set \"null_cursor\": \"exclude\" to leave them out, or \"include\" (with a "
                     "primary_key) to read them every time"
                   : "leave them out with WHERE, or give them a value");
    return step_error(ctx, NULL, err);
}

bool cursor_compare(StepContext *ctx, const char *a, const char *b, const char *type, int *order,
                    Error *err) {
    int64_t result = 0;
    *order = 0;
    if (str_eq(a, b)) return true;
    const char *x = cursor_literal(ctx->arena, a, type), *y = cursor_literal(ctx->arena, b, type);
    const char *sql =
        arena_printf(ctx->arena, "SELECT CASE WHEN %s < %s THEN -1 WHEN %s = %s THEN 0 ELSE 1 END",
                     x, y, x, y);
    if (!duck_int(ctx->run->duck, sql, &result, err)) return step_error(ctx, NULL, err);
    *order = (int)result;
    return true;
}

static bool same_family(const char *a, const char *b) {
    return str_ieq(a, b) || (is_integer(a) && is_integer(b)) || (is_decimal(a) && is_decimal(b));
}

bool cursor_type_fits(const char *stored, const char *type) {
    static const char zoned[] = "TIMESTAMP WITH TIME ZONE";
    return cast_kind(type, stored) == CAST_EXACT && str_ieq(type, zoned) == str_ieq(stored, zoned);
}

bool cursor_check_state(StepContext *ctx, const StateKey *key, const Watermark *stored,
                        const char *type, const char *fingerprint, Error *err) {
    if (stored->value == NULL) return true;
    const char *what = NULL, *was = NULL, *is = NULL;
    if (!str_ieq(stored->cursor_field, key->cursor_field))
        what = "cursor", was = stored->cursor_field, is = key->cursor_field;
    else if (type != NULL && !same_family(stored->type, type))
        what = "cursor's type", was = stored->type, is = type;
    else if (fingerprint != NULL && stored->fingerprint != NULL &&
             !str_ieq(stored->fingerprint, fingerprint))
        what = "source or key", was = stored->fingerprint, is = fingerprint;
    if (what == NULL) return true;
    error_set(err, ERR_STATE_MISMATCH, ctx->step->span,
              "the %s changed since the last run: it was %s and is now %s", what, was, is);
    error_hint(err,
               "set the watermark for the new one with `sqlflow state set %s %s %s VALUE --cursor "
               "%s --type '%s'`, or start over with --full-refresh (or `sqlflow state reset %s %s "
               "%s`)",
               key->pipeline, key->source, key->target, key->cursor_field,
               type != NULL ? type : stored->type, key->pipeline, key->source, key->target);
    return step_error(ctx, NULL, err);
}

StateKey step_state_key(StepContext *ctx, const char *source, const char *cursor) {
    map_set(&ctx->run->remembered, ctx->step->target.key, ctx->run);
    return (StateKey){ctx->run->plan->pipeline->name, source, ctx->step->target.key, cursor};
}

bool target_had_rows(StepContext *ctx, bool *had, Error *err) {
    Touched *touched = run_touch(ctx->run, &ctx->step->target, err);
    if (touched == NULL) return false;
    *had = touched->had_rows;
    return true;
}

bool refuse_append(StepContext *ctx, const StateKey *key, Error *err) {
    error_set(err, ERR_NO_WATERMARK, ctx->step->span,
              "table '%s' already has rows, but there is no watermark for source '%s': appending "
              "could double rows",
              ctx->step->target.name, key->source);
    if (key->cursor_field == NULL)
        error_hint(err, "rebuild it with --full-refresh");
    else
        error_hint(err,
                   "rebuild it with --full-refresh, or say how far the table has come: sqlflow "
                   "state set %s %s %s VALUE --cursor %s --type TYPE",
                   key->pipeline, key->source, key->target, key->cursor_field);
    return step_error(ctx, NULL, err);
}
