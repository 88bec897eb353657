/* Watermarks: how far each (pipeline, source, target, cursor) has come. */
#include "state/state.h"

#include "base/buf.h"
#include "base/clock.h"

const char *state_where(Arena *arena, const StateKey *key) {
    Buf where = buf_on(arena);
    const struct {
        const char *column, *value;
    } parts[] = {{"pipeline", key->pipeline},
                 {"source", key->source},
                 {"target", key->target},
                 {"cursor_field", key->cursor_field}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (parts[i].value == NULL) continue;
        buf_printf(&where, "%slower(%s) = lower(", where.size > 0 ? " AND " : "", parts[i].column);
        buf_literal(&where, parts[i].value);
        buf_putc(&where, ')');
    }
    return where.size > 0 ? buf_text(&where) : "true";
}

bool state_watermark(Duck *duck, Arena *arena, const StateKey *key, Watermark *watermark,
                     Error *err) {
    *watermark = (Watermark){0};
    StateKey any = *key;
    any.cursor_field = NULL;
    const char *sql = arena_printf(arena,
                                   "SELECT value, type, fingerprint, cursor_field "
                                   "FROM _sqlflow.watermarks WHERE %s ORDER BY updated_at DESC",
                                   state_where(arena, &any));
    AUTO_ROWS rows = NULL;
    if (!duck_query(duck, sql, &rows, err)) return false;
    err->code = ERR_NONE;
    if (rows_next(rows, err)) {
        watermark->value = arena_strdup(arena, rows_text(rows, 0));
        watermark->type = arena_strdup(arena, rows_text(rows, 1));
        watermark->fingerprint = arena_strdup(arena, rows_text(rows, 2));
        watermark->cursor_field = arena_strdup(arena, rows_text(rows, 3));
    }
    return err->code == ERR_NONE;
}

bool state_set_watermark(Duck *duck, const StateKey *key, const Watermark *watermark,
                         const char *run_id, Error *err) {
    AUTO_ARENA arena = arena_new();
    StateKey any = *key;
    any.cursor_field = NULL;
    return duck_execf(
        duck, err,
        "DELETE FROM _sqlflow.watermarks WHERE %s;\n"
        "INSERT INTO _sqlflow.watermarks(pipeline, source, target, cursor_field, value, type, "
        "fingerprint, run_id, updated_at, token) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        state_where(arena, &any), sql_literal(arena, key->pipeline),
        sql_literal(arena, key->source), sql_literal(arena, key->target),
        sql_literal(arena, key->cursor_field), state_literal(arena, watermark->value),
        state_literal(arena, watermark->type), state_literal(arena, watermark->fingerprint),
        sql_literal(arena, run_id), sql_literal(arena, clock_timestamp(arena, clock_wall_us())),
        state_literal(arena, watermark->token));
}

/* Boundary rows have a watermark. */
bool state_targets(Duck *duck, Arena *arena, Strings *targets, Error *err) {
    return duck_texts(duck, arena,
                      "SELECT DISTINCT lower(target) FROM (SELECT target FROM _sqlflow.watermarks "
                      "UNION ALL SELECT target FROM _sqlflow.files) ORDER BY 1", targets, err);
}

bool state_forget(Duck *duck, const StateKey *key, int64_t *removed, Error *err) {
    AUTO_ARENA arena = arena_new();
    StateKey any = *key;
    any.cursor_field = NULL;
    const char *where = state_where(arena, &any);
    int64_t watermarks = 0, files = 0;
    if (!duck_exec(duck, arena_printf(arena, "DELETE FROM _sqlflow.watermarks WHERE %s", where),
                   &watermarks, err) ||
        !duck_exec(duck, arena_printf(arena, "DELETE FROM _sqlflow.boundary WHERE %s", where),
                   NULL, err) ||
        !duck_exec(duck, arena_printf(arena, "DELETE FROM _sqlflow.files WHERE %s", where), &files,
                   err))
        return false;
    if (removed != NULL) *removed = watermarks + files;
    return true;
}
