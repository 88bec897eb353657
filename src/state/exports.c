/* Exports in the state: staged in the run's transaction, done after they were published. */
#include "state/state.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/redact.h"

static const char *int_or_null(Arena *arena, int64_t value) {
    return value < 0 ? "NULL" : arena_printf(arena, "%lld", (long long)value);
}

bool state_export_staged(Duck *duck, const ExportRecord *record, Error *err) {
    AUTO_ARENA arena = arena_new();
    const char *staged = record->file != NULL ? record->file : record->query;
    return duck_execf(
        duck, err,
        "INSERT INTO _sqlflow.exports(export_id, run_id, pipeline, step_id, destination, type, "
        "staged, rows, bytes, hash, status, query, file, connection, options) VALUES (%s, %s, %s, "
        "%s, %s, %s, %s, %s, %s, %s, 'pending', %s, %s, %s, %s)",
        sql_literal(arena, record->export_id), sql_literal(arena, record->run_id),
        sql_literal(arena, record->pipeline), sql_literal(arena, record->step_id),
        sql_literal(arena, redact_text(arena, record->destination)),
        sql_literal(arena, record->type), state_literal(arena, staged),
        int_or_null(arena, record->rows), int_or_null(arena, record->bytes),
        state_literal(arena, record->hash), state_literal(arena, record->query),
        state_literal(arena, record->file), state_literal(arena, record->connection),
        state_literal(arena, record->options));
}

bool state_export_done(Duck *duck, const char *export_id, int64_t rows, int64_t bytes,
                       Error *err) {
    AUTO_ARENA arena = arena_new();
    return duck_execf(duck, err,
                      "UPDATE _sqlflow.exports SET status = 'done', published_at = %s, "
                      "rows = coalesce(%s, rows), bytes = coalesce(%s, bytes) "
                      "WHERE export_id = %s",
                      sql_literal(arena, clock_timestamp(arena, clock_wall_us())),
                      int_or_null(arena, rows), int_or_null(arena, bytes),
                      sql_literal(arena, export_id));
}

bool state_exports_pending(Duck *duck, Arena *arena, ExportRecords *records, Error *err) {
    AUTO_ROWS rows = NULL;
    if (!duck_query(duck,
                    "SELECT export_id, run_id, pipeline, step_id, destination, type, connection, "
                    "query, file, hash, options, coalesce(rows, -1), coalesce(bytes, -1) "
                    "FROM _sqlflow.exports WHERE status = 'pending' ORDER BY rowid",
                    &rows, err))
        return false;
    err->code = ERR_NONE;
    while (rows_next(rows, err)) {
        const char *text[11];
        for (size_t i = 0; i < 11; i++) text[i] = arena_strdup(arena, rows_text(rows, i));
        *LIST_PUSH(arena, records) = (ExportRecord){
            .export_id = text[0], .run_id = text[1], .pipeline = text[2], .step_id = text[3],
            .destination = text[4], .type = text[5], .connection = text[6], .query = text[7],
            .file = text[8], .hash = text[9], .options = text[10], .rows = rows_int(rows, 11),
            .bytes = rows_int(rows, 12)};
    }
    return err->code == ERR_NONE;
}

bool state_export_discard(Duck *duck, const char *export_id, bool *found, Error *err) {
    AUTO_ARENA arena = arena_new();
    int64_t removed = 0;
    const char *sql = arena_printf(
        arena, "DELETE FROM _sqlflow.exports WHERE status = 'pending' AND export_id = %s",
        sql_literal(arena, export_id));
    if (!duck_exec(duck, sql, &removed, err)) return false;
    *found = removed > 0;
    return true;
}

bool state_settle_runs(Duck *duck, Error *err) {
    return duck_exec(duck,
                     "UPDATE _sqlflow.runs SET status = CASE WHEN left_over THEN 'failed' ELSE "
                     "'success' END, error = CASE WHEN left_over THEN error END, error_code = CASE "
                     "WHEN left_over THEN error_code END FROM (SELECT run_id AS id, run_id IN "
                     "(SELECT run_id FROM _sqlflow.steps WHERE error = '" STATE_NOT_REACHED
                     "') AS left_over FROM _sqlflow.runs WHERE status = 'pending' AND run_id NOT "
                     "IN (SELECT run_id FROM _sqlflow.exports WHERE status = 'pending')) settled "
                     "WHERE run_id = id",
                     NULL, err);
}
