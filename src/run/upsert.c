/* UPSERT: stage → one row per key → match with the target → delete what matches → insert. */
#include "run/apply.h"

#include <string.h>

typedef struct Upsert {
    StepContext *ctx;
    const Apply *apply;
    const char *stage;  /* relation with the rows, cast to the target's types */
    Columns columns;    /* of the stage */
    Columns target;     /* of the target; count 0 when it is missing */
    Strings keys;       /* as the stage spells them */
    int64_t rows;       /* in the stage */
    const char *matches; /* temp."…": row numbers `old` of the target and `new` of the stage, and
                          * whether the rows are the `same`; NULL: rows have no numbers */
} Upsert;

const char *column_list(Arena *arena, const Strings *names, const char *prefix) {
    Buf list = buf_on(arena);
    for (size_t i = 0; i < names->count; i++) {
        buf_printf(&list, "%s%s", i > 0 ? ", " : "", prefix);
        buf_ident(&list, names->items[i]);
    }
    return buf_text(&list);
}

static const char *key_list(const Upsert *up, const char *prefix) {
    return column_list(up->ctx->arena, &up->keys, prefix);
}

/* a.k1 = b.k1 AND … */
static const char *key_match(const Upsert *up, const char *a, const char *b) {
    Buf text = buf_on(up->ctx->arena);
    for (size_t i = 0; i < up->keys.count; i++) {
        const char *key = sql_ident(up->ctx->arena, up->keys.items[i]);
        buf_printf(&text, "%s%s.%s = %s.%s", i > 0 ? " AND " : "", a, key, b, key);
    }
    return buf_text(&text);
}

static bool find_keys(Upsert *up, Error *err) {
    StepContext *ctx = up->ctx;
    for (size_t i = 0; i < up->apply->keys->count; i++) {
        const char *key = up->apply->keys->items[i];
        const Column *column = columns_find(&up->columns, key);
        bool in_target = up->target.count == 0 || columns_find(&up->target, key) != NULL;
        if (column != NULL && in_target) {
            strings_add_unique(ctx->arena, &up->keys, column->name);
            continue;
        }
        Strings names = columns_names(ctx->arena, column == NULL ? &up->columns : &up->target);
        error_set(err, ERR_MODE, up->apply->keys_span, "%s has no key column '%s'%s",
                  column == NULL ? "the rows" : "the table", key,
                  str_did_you_mean(ctx->arena, key, &names));
        error_hint(err, "the columns are: %s", strings_join(ctx->arena, &names, ", "));
        return step_error(ctx, NULL, err);
    }
    return true;
}

static bool check_null_keys(const Upsert *up, Error *err) {
    StepContext *ctx = up->ctx;
    Buf condition = buf_on(ctx->arena);
    for (size_t i = 0; i < up->keys.count; i++)
        buf_printf(&condition, "%s%s IS NULL", i > 0 ? " OR " : "",
                   sql_ident(ctx->arena, up->keys.items[i]));
    int64_t count = 0;
    const char *sql = arena_printf(ctx->arena, "SELECT count(*) FROM %s WHERE %s", up->stage,
                                   buf_text(&condition));
    if (!duck_int(ctx->run->duck, sql, &count, err)) return step_error(ctx, NULL, err);
    if (count == 0) return true;
    const char *sample = NULL;
    sql = arena_printf(ctx->arena, "SELECT s::VARCHAR FROM (SELECT s FROM %s s WHERE %s LIMIT 1)",
                       up->stage, buf_text(&condition));
    if (!duck_text(ctx->run->duck, ctx->arena, sql, &sample, err))
        return step_error(ctx, NULL, err);
    error_set(err, ERR_NULL_KEY, up->apply->keys_span, "the key (%s) is NULL in %s, such as %s",
              strings_join(ctx->arena, &up->keys, ", "), str_count(ctx->arena, count, "row"),
              sample);
    error_hint(err, "leave these rows out in a query, or choose a key that is never NULL");
    return step_error(ctx, NULL, err);
}

/* Keeps one row per key: the highest cursor, then the last in source order. */
static bool drop_duplicates(Upsert *up, Error *err) {
    StepContext *ctx = up->ctx;
    int64_t distinct = 0;
    if (up->rows < 2) return true;
    const char *sql =
        arena_printf(ctx->arena, "SELECT count(*) FROM (SELECT DISTINCT %s FROM %s)",
                     key_list(up, ""), up->stage);
    if (!duck_int(ctx->run->duck, sql, &distinct, err)) return step_error(ctx, NULL, err);
    int64_t dropped = up->rows - distinct;
    if (dropped == 0) return true;
    if (up->apply->duplicates_are_errors) {
        error_set(err, ERR_DUPLICATE_ROWS, up->apply->keys_span,
                  "%s with a key (%s) that another row has",
                  str_count(ctx->arena, dropped, "row"), strings_join(ctx->arena, &up->keys, ", "));
        error_hint(err, "\"on_duplicate\": \"last\" keeps the last of them");
        return step_error(ctx, NULL, err);
    }
    const char *order = up->apply->cursor == NULL || !columns_find(&up->columns, up->apply->cursor)
                            ? ""
                            : arena_printf(ctx->arena, "%s DESC NULLS LAST, ",
                                           sql_ident(ctx->arena, up->apply->cursor));
    const char *query = arena_printf(
        ctx->arena,
        "SELECT * EXCLUDE (_sqlflow_row) FROM (SELECT *, row_number() OVER () AS _sqlflow_row FROM "
        "%s) QUALIFY "
        "row_number() OVER (PARTITION BY %s ORDER BY %s_sqlflow_row DESC) = 1 "
        "ORDER BY _sqlflow_row",
        up->stage, key_list(up, ""), order);
    if (!apply_stage(ctx, query, "unique", &up->stage, &up->rows, err)) return false;
    ctx->result->duplicates_dropped += dropped;
    return true;
}

/* The condition that row s of the stage came again and equals row t of the target. */
static const char *came_again(const Upsert *up) {
    Buf same = buf_on(up->ctx->arena);
    if (up->apply->unchanged_up_to == NULL) return "false";
    buf_puts(&same, up->apply->unchanged_up_to);
    for (size_t i = 0; i < up->columns.count; i++) {
        const char *name = sql_ident(up->ctx->arena, up->columns.items[i].name);
        if (columns_find(&up->target, up->columns.items[i].name) == NULL) return "false";
        buf_printf(&same, " AND t.%s IS NOT DISTINCT FROM s.%s", name, name);
    }
    return buf_text(&same);
}

/* The join with the target, once for all that follows. A table's own column `rowid` hides DuckDB's:
 * then each question is a join of its own. */
static bool find_matches(Upsert *up, Error *err) {
    if (up->target.count == 0 || up->rows == 0 || columns_find(&up->target, "rowid") != NULL ||
        columns_find(&up->columns, "rowid") != NULL)
        return true;
    const char *query = arena_printf(
        up->ctx->arena, "SELECT t.rowid AS old, s.rowid AS new, %s AS same FROM %s t JOIN %s s ON "
                        "%s", came_again(up), up->apply->target->sql, up->stage,
        key_match(up, "t", "s"));
    return apply_stage(up->ctx, query, "match", &up->matches, NULL, err);
}

/* Rows that came again unchanged (ties at the watermark, lookback) need no write. */
static bool drop_unchanged(Upsert *up, Error *err) {
    StepContext *ctx = up->ctx;
    Arena *arena = ctx->arena;
    const char *same = came_again(up);
    if (up->target.count == 0 || up->rows == 0 || str_eq(same, "false")) return true;
    if (up->matches == NULL) {
        const char *query = arena_printf(
            arena, "SELECT * FROM %s s WHERE NOT EXISTS (SELECT 1 FROM %s t WHERE %s AND %s)",
            up->stage, up->apply->target->sql, key_match(up, "t", "s"), same);
        return apply_stage(ctx, query, "changed", &up->stage, &up->rows, err);
    }
    int64_t gone = 0;
    const char *news = arena_printf(arena, "SELECT new FROM %s WHERE same", up->matches);
    const char *sql =
        arena_printf(arena, "SELECT count(*) FROM %s WHERE rowid IN (%s)", up->stage, news);
    if (!duck_int(ctx->run->duck, sql, &gone, err)) return step_error(ctx, NULL, err);
    up->rows -= gone;
    if (gone == 0 || up->rows == 0) return true;
    const char *matches = arena_printf(
        arena, "SELECT * FROM %s WHERE new NOT IN (%s)", up->matches, news);
    up->stage = arena_printf(arena, "(SELECT * FROM %s WHERE rowid NOT IN (%s))", up->stage, news);
    return apply_stage(ctx, matches, "match", &up->matches, NULL, err);
}

/* Matched rows keep their value in columns that the rows lack: fetch it before the delete. */
static bool keep_missing_columns(Upsert *up, Error *err) {
    StepContext *ctx = up->ctx;
    Buf kept = buf_on(ctx->arena), wanted = buf_on(ctx->arena);
    for (size_t i = 0; i < up->target.count; i++) {
        const char *name = sql_ident(ctx->arena, up->target.items[i].name);
        if (columns_find(&up->columns, up->target.items[i].name) != NULL) continue;
        buf_printf(&kept, ", last(%s) AS %s", name, name);
        buf_printf(&wanted, ", k.%s", name);
    }
    if (kept.size == 0 || up->rows == 0) return true;
    const char *query = arena_printf(
        ctx->arena,
        "SELECT s.*%s FROM %s s LEFT JOIN (SELECT %s%s FROM %s t GROUP BY %s) k ON %s",
        buf_text(&wanted), up->stage, key_list(up, "t."), buf_text(&kept),
        up->apply->target->sql, key_list(up, "t."), key_match(up, "s", "k"));
    return apply_stage(ctx, query, "kept", &up->stage, &up->rows, err);
}

/* Deletes what the staged rows replace. *matched: staged rows with a match, which is less than the
 * rows deleted when an APPEND had made doubles. */
static bool delete_matched(const Upsert *up, int64_t *matched, Error *err) {
    StepContext *ctx = up->ctx;
    Arena *arena = ctx->arena;
    const char *target = up->apply->target->sql, *match = key_match(up, "t", "s");
    const char *count, *delete;
    if (up->matches == NULL) {
        count = arena_printf(arena, "SELECT count(*) FROM %s s WHERE EXISTS (SELECT 1 FROM %s t "
                                    "WHERE %s)", up->stage, target, match);
        delete = arena_printf(arena, "DELETE FROM %s t USING %s s WHERE %s", target, up->stage,
                              match);
    } else {
        count = arena_printf(arena, "SELECT count(DISTINCT new) FROM %s", up->matches);
        delete = arena_printf(arena, "DELETE FROM %s WHERE rowid IN (SELECT old FROM %s)", target,
                              up->matches);
    }
    return (duck_int(ctx->run->duck, count, matched, err) &&
            (*matched == 0 || duck_exec(ctx->run->duck, delete, NULL, err))) ||
           step_error(ctx, NULL, err);
}

static bool write_rows(Upsert *up, Error *err) {
    StepContext *ctx = up->ctx;
    const char *target = up->apply->target->sql;
    Touched *touched = run_touch(ctx->run, up->apply->target, err);
    if (touched == NULL) return false;
    if (up->target.count == 0) {
        Apply create = *up->apply;
        create.query = arena_printf(ctx->arena, "SELECT * FROM %s", up->stage);
        return apply_replace(ctx, &create, err);
    }
    if (up->rows == 0) return true;
    int64_t matched = 0, inserted = 0;
    if (!delete_matched(up, &matched, err)) return false;
    const char *insert = arena_printf(ctx->arena, "INSERT INTO %s BY NAME SELECT * FROM %s",
                                      target, up->stage);
    if (!step_exec(ctx, insert, &inserted, err)) return false;
    touched->dirty = touched->dirty || matched > 0;
    ctx->result->rows_updated += matched;
    ctx->result->rows_inserted += inserted - matched;
    return true;
}

/* Stages the rows in the target's types. */
static bool stage_rows(Upsert *up, Error *err) {
    StepContext *ctx = up->ctx;
    if (!up->apply->rebuild && !apply_target_columns(ctx, up->apply->target, &up->target, err))
        return false;
    const char *query = up->apply->query;
    if (up->apply->stage != NULL) {
        up->stage = up->apply->stage->name;
        up->rows = up->apply->stage->rows;
        up->columns = up->apply->stage->columns;
        return true;
    }
    if (up->target.count > 0 && !apply_select(ctx, up->apply, query, &query, err)) return false;
    if (!apply_stage(ctx, query, "upsert", &up->stage, &up->rows, err)) return false;
    const char *all = arena_printf(ctx->arena, "SELECT * FROM %s", up->stage);
    if (!duck_describe(ctx->run->duck, ctx->arena, all, &up->columns, err))
        return step_error(ctx, NULL, err);
    /* apply_select may have added columns. */
    return up->target.count == 0 ||
           apply_target_columns(ctx, up->apply->target, &up->target, err);
}

bool apply_upsert(StepContext *ctx, const Apply *apply, Error *err) {
    Upsert up = {.ctx = ctx, .apply = apply};
    return stage_rows(&up, err) && find_keys(&up, err) && check_null_keys(&up, err) &&
           drop_duplicates(&up, err) && find_matches(&up, err) && drop_unchanged(&up, err) &&
           keep_missing_columns(&up, err) && write_rows(&up, err);
}
