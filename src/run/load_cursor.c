/* LOAD of an incremental source by its cursor: read from the watermark on, skip what came before,
 * apply, move the watermark to the highest committed cursor. */
#include "run/apply.h"
#include "engine/casts.h"
#include "run/cursor.h"

#include <string.h>

enum { BOUNDARY_MAX = 100000 };

typedef struct CursorLoad {
    StepContext *ctx;
    const Source *source;
    ModeKind mode;
    Strings keys;
    StateKey key;
    Watermark stored;  /* value NULL: read everything */
    const char *fingerprint;
    const char *rows;  /* relation with the rows read: the stage, or the target itself */
    Columns columns;   /* of rows */
    const char *type;  /* of the cursor in rows */
    Relation relation;
    bool rebuild, direct;
} CursorLoad;

static const char *fingerprint_of(Arena *arena, const Source *source, const Strings *keys) {
    return arena_printf(arena, "%s key(%s)", source->link.connector->name,
                        str_lower(arena, strings_join(arena, keys, ",")));
}

/* A first file with no rows made a table of text columns, of no use to a cursor: the first rows
 * decide the types. */
static bool check_typed(CursorLoad *load, const Columns *target, Error *err) {
    const Column *cursor = columns_find(target, load->source->cursor);
    bool has = true;
    if (cursor == NULL || load->source->cursor_is_text || !str_ieq(cursor->type, "VARCHAR"))
        return true;
    const char *all = arena_printf(load->ctx->arena, "FROM %s", load->ctx->step->target.sql);
    if (!duck_any(load->ctx->run->duck, all, &has, err)) return step_error(load->ctx, NULL, err);
    load->rebuild = !has;
    return true;
}

/* Finds the watermark to start from; none after a full refresh, an explicit REPLACE, or when the
 * table is gone. */
static bool find_start(CursorLoad *load, Error *err) {
    StepContext *ctx = load->ctx;
    Columns target = {0};
    if (!state_watermark(ctx->run->duck, ctx->arena, &load->key, &load->stored, err) ||
        !table_columns(ctx, &ctx->step->target, &target, err))
        return false;
    load->rebuild = ctx->anew;
    if (!cursor_check_state(ctx, &load->key, &load->stored, NULL, load->fingerprint, err) ||
        (load->stored.value == NULL && !load->rebuild && !check_typed(load, &target, err)))
        return false;
    load->direct = load->mode != MODE_UPSERT && load->rebuild;
    if (load->stored.value != NULL || load->mode != MODE_APPEND || load->direct) return true;
    bool had = false;
    if (!target_had_rows(ctx, &had, err)) return false;
    return had ? refuse_append(ctx, &load->key, err) : true;
}

/* When the bound cannot be compared with the source's cursor, its type has changed. */
static bool explain_failure(CursorLoad *load, Error *err) {
    StepContext *ctx = load->ctx;
    const Source *source = load->source;
    Error asking = {0};
    Columns columns = {0};
    Session session = step_session(ctx);
    if (load->stored.value == NULL || err->code != ERR_QUERY ||
        !source->link.connector->schema(&session, &source->link, &columns, &asking))
        return false;
    const Column *column = columns_find(&columns, source->cursor);
    if (column == NULL || cursor_type_fits(load->stored.type, column->type)) return false;
    cursor_check_state(ctx, &load->key, &load->stored, column->type, NULL, err);
    return false;
}

/* SELECT over the source's rows from the watermark on. */
static bool open_bounded(CursorLoad *load, const char **query, Error *err) {
    StepContext *ctx = load->ctx;
    const Source *source = load->source;
    ReadSpec spec = {.columns = &source->columns, .cursor = source->cursor,
                     .include_nulls = source->null_cursor != NULL_CURSOR_EXCLUDE,
                     .looks_back = source->lookback != NULL};
    if (load->stored.value != NULL &&
        !cursor_lower(ctx, &load->stored, source->lookback, &spec.lower, err))
        return false;
    if (!source_open(ctx, &spec, &load->relation, query, err)) return explain_failure(load, err);
    const char *cursor = sql_ident(ctx->arena, source->cursor);
    Columns columns = {0};
    if (!duck_describe(ctx->run->duck, ctx->arena, *query, &columns, err))
        return step_error(ctx, NULL, err), explain_failure(load, err);
    const Column *column = columns_find(&columns, source->cursor);
    if (column == NULL) {
        Strings names = columns_names(ctx->arena, &columns);
        error_set(err, ERR_CURSOR_TYPE, source->cursor_span, "the source has no column '%s'%s",
                  source->cursor, str_did_you_mean(ctx->arena, source->cursor, &names));
        return step_error(ctx, NULL, err);
    }
    bool exclude = source->null_cursor == NULL_CURSOR_EXCLUDE;
    if (spec.lower != NULL && !load->relation.bounded)
        *query = arena_printf(ctx->arena, "%s WHERE %s >= %s%s", *query, cursor, spec.lower,
                              exclude ? "" : arena_printf(ctx->arena, " OR %s IS NULL", cursor));
    else if (exclude)
        *query = arena_printf(ctx->arena, "%s WHERE %s IS NOT NULL", *query, cursor);
    bool changed = spec.lower != NULL && !str_ieq(column->type, "VARCHAR") &&
                   !cursor_type_fits(load->stored.type, column->type);
    return !changed ||
           cursor_check_state(ctx, &load->key, &load->stored, column->type, NULL, err);
}

/* SELECT over the source's rows that the load wants. A file without rows has text columns only,
 * which the watermark cannot bound: that is no failure, and no new type. */
static bool open_rows(CursorLoad *load, const char **query, Error *err) {
    StepContext *ctx = load->ctx;
    if (open_bounded(load, query, err)) return true;
    if (err->code != ERR_STATE_MISMATCH) return false;
    source_close(ctx, &load->relation);
    ReadSpec all = {.columns = &load->source->columns, .cursor = load->source->cursor,
                    .include_nulls = true};
    Error asking = {0};
    bool has = true;
    if (!source_open(ctx, &all, &load->relation, query, &asking) ||
        !duck_any(ctx->run->duck, *query, &has, &asking) || has)
        return false;
    *err = (Error){0};
    return true;
}

static Apply base_apply(const CursorLoad *load, const char *query) {
    return (Apply){.target = &load->ctx->step->target,
                   .query = query,
                   .keys = &load->keys,
                   .keys_span = load->ctx->step->mode_span,
                   .cursor = load->source->cursor,
                   .on_schema_change = load->source->on_schema_change,
                   .duplicates_are_errors = load->source->duplicates_are_errors,
                   .rebuild = load->rebuild};
}

/* Brings the rows to where they can be looked at: a stage in the target's types, or, for a first
 * load, the target itself. */
static bool fetch_rows(CursorLoad *load, const char *query, Error *err) {
    StepContext *ctx = load->ctx;
    Columns target = {0};
    Apply apply = base_apply(load, query);
    if (load->direct) {
        if (!apply_replace(ctx, &apply, err)) return false;
        load->rows = ctx->step->target.sql;
        ctx->result->rows_read = ctx->result->rows_inserted;
    } else {
        if (!table_columns(ctx, &ctx->step->target, &target, err)) return false;
        if (target.count > 0 && !load->rebuild && !apply_select(ctx, &apply, query, &query, err))
            return false;
        if (!apply_stage(ctx, query, "increment", &load->rows, &ctx->result->rows_read, err))
            return false;
    }
    const char *all = arena_printf(ctx->arena, "SELECT * FROM %s", load->rows);
    if (!duck_describe(ctx->run->duck, ctx->arena, all, &load->columns, err))
        return step_error(ctx, NULL, err);
    const Column *column = columns_find(&load->columns, load->source->cursor);
    if (column == NULL) {
        error_set(err, ERR_CURSOR_TYPE, load->source->cursor_span,
                  "table '%s' has no column for the cursor '%s'", ctx->step->target.name,
                  load->source->cursor);
        return step_error(ctx, NULL, err);
    }
    load->type = column->type;
    return true;
}

/* An empty file has text columns only: with no rows the cursor's type tells nothing. */
static bool check_rows(CursorLoad *load, Error *err) {
    StepContext *ctx = load->ctx;
    const Source *source = load->source;
    if (ctx->result->rows_read == 0) return true;
    if (!cursor_check_type(ctx, source->cursor, load->type, source->cursor_is_text,
                           source->cursor_span, err) ||
        !cursor_check_state(ctx, &load->key, &load->stored, load->type, NULL, err))
        return false;
    return source->null_cursor != NULL_CURSOR_ERROR ||
           cursor_check_nulls(ctx, load->rows, source->cursor, err);
}

/* Rows as text, column by column, so that equal rows have equal hashes, and only they: what stands
 * between columns and for NULL looks different inside of a text. */
static const char *row_hash(Arena *arena, const char *columns) {
    Buf text = buf_on(arena);
    buf_puts(&text, "md5(concat_ws(chr(31)");
    for (const char *at = columns; *at != '\0';) {
        size_t size = strcspn(at, "\x1f");
        buf_printf(&text, ", coalesce(replace(replace(replace(%s::VARCHAR, chr(29), chr(29) || "
                          "chr(29)), chr(30), chr(30) || chr(29)), chr(31), chr(31) || chr(29)), "
                          "chr(30))",
                   sql_ident(arena, arena_strndup(arena, at, size)));
        at += size + (at[size] != '\0');
    }
    buf_puts(&text, "))");
    return buf_text(&text);
}

/* Those of the columns (joined by 0x1f) that the rows still have. */
static const char *columns_left(const CursorLoad *load, const char *columns) {
    Arena *arena = load->ctx->arena;
    Strings left = {0};
    for (const char *at = columns; *at != '\0';) {
        size_t size = strcspn(at, "\x1f");
        const char *name = arena_strndup(arena, at, size);
        if (columns_find(&load->columns, name) != NULL) strings_add(arena, &left, name);
        at += size + (at[size] != '\0');
    }
    return strings_join(arena, &left, "\x1f");
}

/* SELECT row_hash, rows: what is remembered of rows with these columns. When the source has lost
 * some, the rows themselves, in the target, tell how they look without. */
static const char *remembered(const CursorLoad *load, const char *columns, const char *left) {
    Arena *arena = load->ctx->arena;
    const char *known = arena_printf(
        arena, "SELECT row_hash, sum(rows) AS rows FROM _sqlflow.boundary WHERE %s AND columns = "
               "%s GROUP BY 1",
        state_where(arena, &load->key), sql_literal(arena, columns));
    if (str_eq(columns, left)) return known;
    return arena_printf(
        arena,
        "SELECT h AS row_hash, sum(rows) AS rows FROM (SELECT b.row_hash, any_value(t.h) AS h, "
        "any_value(b.rows) AS rows FROM (%s) b JOIN (SELECT %s AS was, %s AS h FROM %s) t "
        "ON t.was = b.row_hash GROUP BY 1) GROUP BY 1",
        known, row_hash(arena, columns), row_hash(arena, left), load->ctx->step->target.sql);
}

/* Only rows from the watermark to the last remembered one can have been appended. The table has
 * those of other loads, too, and DuckDB may cast their values before it tells them apart. */
static bool delete_remembered(CursorLoad *load, const char *hash, const char *known,
                              int64_t *skipped, Error *err) {
    Arena *arena = load->ctx->arena;
    const char *cursor = sql_ident(arena, load->source->cursor);
    const char *sql = arena_printf(
        arena,
        "DELETE FROM %s WHERE rowid IN (SELECT s.r FROM (SELECT rowid AS r, h, row_number() OVER "
        "(PARTITION BY h ORDER BY rowid) AS n FROM (SELECT rowid, %s AS h FROM %s WHERE %s >= %s "
        "AND %s <= (SELECT max(TRY_CAST(cursor_value AS %s)) FROM _sqlflow.boundary WHERE %s))) s "
        "JOIN (%s) b ON s.h = b.row_hash AND s.n <= b.rows)",
        load->rows, hash, load->rows, cursor,
        cursor_literal(arena, load->stored.value, load->stored.type), cursor, load->type,
        state_where(arena, &load->key), known);
    return step_exec(load->ctx, sql, skipped, err);
}

/* The same for a stage whose own column `rowid` hides DuckDB's: what stays is copied. */
static bool copy_without_remembered(CursorLoad *load, const char *hash, const char *known,
                                    int64_t *skipped, Error *err) {
    int64_t left = 0;
    const char *query = arena_printf(
        load->ctx->arena,
        "SELECT * EXCLUDE (_sqlflow_hash, _sqlflow_n) FROM (SELECT *, %s AS _sqlflow_hash, "
        "row_number() OVER (PARTITION BY %s) AS _sqlflow_n FROM %s) s WHERE NOT EXISTS (SELECT 1 "
        "FROM (%s) b WHERE b.row_hash = s._sqlflow_hash AND s._sqlflow_n <= b.rows)",
        hash, hash, load->rows, known);
    if (!apply_stage(load->ctx, query, "increment", &load->rows, &left, err)) return false;
    *skipped = load->ctx->result->rows_read - left;
    return true;
}

static bool skip_remembered(CursorLoad *load, const char *columns, Error *err) {
    const char *left = columns_left(load, columns);
    const char *hash = row_hash(load->ctx->arena, left);
    const char *known = remembered(load, columns, left);
    bool hidden = columns_find(&load->columns, "rowid") != NULL;
    int64_t skipped = 0;
    if (!(hidden ? copy_without_remembered : delete_remembered)(load, hash, known, &skipped, err))
        return false;
    load->ctx->result->rows_read -= skipped;
    return true;
}

static bool remember(CursorLoad *load, const char *rows, const char *bound, Error *err) {
    StepContext *ctx = load->ctx;
    const char *cursor = sql_ident(ctx->arena, load->source->cursor);
    Buf columns = buf_on(ctx->arena);
    for (size_t i = 0; i < load->columns.count; i++)
        buf_printf(&columns, "%s%s", i > 0 ? "\x1f" : "", load->columns.items[i].name);
    const char *sql = arena_printf(
        ctx->arena,
        "INSERT INTO _sqlflow.boundary(pipeline, source, target, cursor_field, columns, row_hash, "
        "rows, cursor_value) SELECT %s, %s, %s, %s, %s, %s, count(*), any_value(%s)::VARCHAR "
        "FROM %s WHERE %s >= %s GROUP BY 6",
        sql_literal(ctx->arena, load->key.pipeline), sql_literal(ctx->arena, load->key.source),
        sql_literal(ctx->arena, load->key.target), sql_literal(ctx->arena, load->key.cursor_field),
        sql_literal(ctx->arena, buf_text(&columns)), row_hash(ctx->arena, buf_text(&columns)),
        cursor, rows, cursor, bound);
    return step_exec(ctx, sql, NULL, err);
}

/* Takes rows that an earlier run appended out of the stage, each as often as it was appended. Runs
 * before and after a column came or went remember rows of one watermark by different columns. A
 * watermark that was set by hand comes with no memory: the table itself tells what it has. */
static bool skip_boundary(CursorLoad *load, Error *err) {
    StepContext *ctx = load->ctx;
    if (load->mode != MODE_APPEND || load->stored.value == NULL) return true;
    const char *sql = arena_printf(ctx->arena, "SELECT DISTINCT columns FROM _sqlflow.boundary "
                                               "WHERE %s ORDER BY 1",
                                   state_where(ctx->arena, &load->key));
    Strings sets = {0};
    if (!duck_texts(ctx->run->duck, ctx->arena, sql, &sets, err)) return step_error(ctx, NULL, err);
    const char *bound = cursor_literal(ctx->arena, load->stored.value, load->stored.type);
    if (sets.count == 0 && ctx->result->rows_read > 0 &&
        !(remember(load, ctx->step->target.sql, bound, err) &&
          duck_texts(ctx->run->duck, ctx->arena, sql, &sets, err)))
        return step_error(ctx, NULL, err);
    for (size_t i = 0; i < sets.count; i++)
        if (!skip_remembered(load, sets.items[i], err)) return false;
    return true;
}

static bool apply_rows(CursorLoad *load, Error *err) {
    StepContext *ctx = load->ctx;
    if (load->direct) return true;
    if (ctx->result->rows_read == 0 && !load->rebuild) return true;
    Apply apply =
        base_apply(load, arena_printf(ctx->arena, "SELECT * FROM %s", load->rows));
    if (load->mode != MODE_UPSERT) return apply_append(ctx, &apply, err);
    Stage stage = {load->rows, load->columns, ctx->result->rows_read};
    apply.stage = &stage;
    if (load->stored.value != NULL && load->relation.safe_upper == NULL)
        apply.unchanged_up_to = arena_printf(
            ctx->arena, "coalesce(s.%s <= %s, true)", sql_ident(ctx->arena, load->source->cursor),
            cursor_literal(ctx->arena, load->stored.value, load->stored.type));
    else if (load->stored.value != NULL)
        apply.unchanged_up_to = "true";
    return apply_upsert(ctx, &apply, err);
}

static bool too_many(CursorLoad *load, int64_t count, const char *value, Error *err) {
    StepContext *ctx = load->ctx;
    error_set(err, ERR_BOUNDARY, ctx->step->span, "%s share the highest cursor value %s",
              str_count(ctx->arena, count, "row"), value);
    error_hint(err, "give the source a primary_key, so that rows can be told apart, or a finer "
                    "cursor");
    return step_error(ctx, NULL, err);
}

/* Remembers the rows at or above the new watermark, which the next run reads again. An append adds
 * to what it remembers; the other modes have just read all such rows. With a key they are kept only
 * for the case that the LOAD becomes an append one day. */
static bool keep_boundary(CursorLoad *load, const char *value, Error *err) {
    StepContext *ctx = load->ctx;
    const char *where = state_where(ctx->arena, &load->key);
    const char *bound = cursor_literal(ctx->arena, value, load->type);
    const char *cursor = sql_ident(ctx->arena, load->source->cursor);
    bool adds = load->mode == MODE_APPEND && load->stored.value != NULL;
    const char *stale = !adds ? "true"
                              : arena_printf(ctx->arena, "TRY_CAST(cursor_value AS %s) < %s",
                                             load->type, bound);
    int64_t kept = 0, added = 0;
    const char *sql =
        arena_printf(ctx->arena, "DELETE FROM _sqlflow.boundary WHERE %s AND %s", where, stale);
    if (!step_exec(ctx, sql, NULL, err)) return false;
    sql = arena_printf(ctx->arena,
                       "SELECT coalesce(sum(rows), 0) FROM _sqlflow.boundary WHERE %s", where);
    const char *new_rows = arena_printf(ctx->arena, "SELECT count(*) FROM %s WHERE %s >= %s",
                                        load->rows, cursor, bound);
    if (!duck_int(ctx->run->duck, sql, &kept, err) ||
        !duck_int(ctx->run->duck, new_rows, &added, err))
        return step_error(ctx, NULL, err);
    if (kept + added > BOUNDARY_MAX)
        return load->keys.count > 0 && load->mode != MODE_APPEND ? true
                                                                 : too_many(load, kept + added,
                                                                            value, err);
    return remember(load, load->rows, bound, err);
}

/* The new watermark: the highest cursor read, never below the old one, never above what the
 * source says is safe. */
static bool move_watermark(CursorLoad *load, Error *err) {
    StepContext *ctx = load->ctx;
    const char *value = NULL;
    if (ctx->result->rows_read == 0) return true;
    if (!cursor_max(ctx, load->rows, load->source->cursor, &value, err)) return false;
    CursorHighest highest = {load->source->cursor, value, load->type, load->relation.now};
    if (!cursor_check_future(ctx, &highest, err)) return false;
    if (load->relation.safe_upper != NULL && value != NULL) {
        const char *sql = arena_printf(
            ctx->arena, "SELECT CAST(least(%s, %s) AS %s)::VARCHAR",
            cursor_literal(ctx->arena, value, load->type), load->relation.safe_upper, load->type);
        if (!duck_text(ctx->run->duck, ctx->arena, sql, &value, err))
            return step_error(ctx, NULL, err);
    }
    const char *old = load->stored.value;
    if (load->relation.watermark_stays && old != NULL) value = old;
    int order = 1;
    if (value == NULL) value = old;
    if (value == NULL) return true; /* only NULL cursors so far */
    if (old != NULL && !cursor_compare(ctx, value, old, load->type, &order, err)) return false;
    bool wrote = ctx->result->rows_inserted + ctx->result->rows_updated > 0;
    if (order <= 0 && !wrote) return true;
    if (order < 0) value = old;
    if (!keep_boundary(load, value, err)) return false;
    Watermark watermark = {.value = value, .type = load->type,
                           .fingerprint = load->fingerprint, .token = load->relation.token};
    return state_set_watermark(ctx->run->duck, &load->key, &watermark,
                               ctx->run->options->run_id, err) ||
           step_error(ctx, NULL, err);
}

static bool load_rows(CursorLoad *load, Error *err) {
    const char *query = NULL;
    return find_start(load, err) && open_rows(load, &query, err) &&
           fetch_rows(load, query, err) && check_rows(load, err) && skip_boundary(load, err) &&
           apply_rows(load, err) && move_watermark(load, err);
}

bool load_by_cursor(StepContext *ctx, ModeKind mode, Error *err) {
    const Step *step = ctx->step;
    CursorLoad load = {.ctx = ctx, .source = step->source, .mode = mode};
    load.keys = step->mode == MODE_UPSERT ? step->keys : step->source->primary_key;
    load.key = step_state_key(ctx, step->source->name, step->source->cursor);
    load.fingerprint = fingerprint_of(ctx->arena, step->source, &load.keys);
    bool ok = load_rows(&load, err);
    source_close(ctx, &load.relation);
    return ok;
}
