/* State in _sqlflow: schema, runs, steps, assertions. Watermarks and exports lie beside it. */
#include "state/state.h"

#include <string.h>

#include "base/clock.h"
#include "base/diag.h"
#include "base/embed.h"
#include "base/redact.h"

bool state_exists(Duck *duck, bool *exists, Error *err) {
    AUTO_ARENA arena = arena_new();
    Columns columns = {0};
    if (!duck_table_columns(duck, arena, "_sqlflow", "schema_version", &columns, err))
        return false;
    *exists = columns.count > 0;
    return true;
}

/* Version 2 tells how a run committed. */
static bool migrate(Duck *duck, Error *err) {
    AUTO_ARENA arena = arena_new();
    return duck_execf(duck, err,
                      "BEGIN;\nALTER TABLE _sqlflow.runs ADD COLUMN IF NOT EXISTS commit_mode "
                      "VARCHAR;\nINSERT INTO _sqlflow.schema_version VALUES (%d, %s);\nCOMMIT;",
                      STATE_VERSION, sql_literal(arena, clock_timestamp(arena, clock_wall_us())));
}

bool state_known(Duck *duck, int64_t *version, Error *err) {
    bool exists = false;
    *version = 0;
    if (!state_exists(duck, &exists, err)) return false;
    if (!exists) return true;
    if (!duck_int(duck, "SELECT max(version) FROM _sqlflow.schema_version", version, err))
        return false;
    if (*version <= STATE_VERSION) return true;
    error_set(err, ERR_STATE, SPAN_NONE,
              "the database's state has version %lld, this sqlflow knows up to %d",
              (long long)*version, STATE_VERSION);
    return error_hint(err, "use the newer sqlflow that wrote it");
}

bool state_prepare(Duck *duck, Error *err) {
    int64_t version = 0;
    if (!state_known(duck, &version, err)) return false;
    if (version == STATE_VERSION) return true;
    if (version > 0) return migrate(duck, err);
    return duck_exec(duck, "BEGIN", NULL, err) && state_create(duck, err) &&
           duck_exec(duck, "COMMIT", NULL, err);
}

bool state_create(Duck *duck, Error *err) {
    bool exists = false;
    if (!state_exists(duck, &exists, err) || exists) return exists;
    AUTO_ARENA arena = arena_new();
    return duck_execf(duck, err, "%s\nINSERT INTO _sqlflow.schema_version VALUES (%d, %s);",
                      embed_text("state/schema.sql"), STATE_VERSION,
                      sql_literal(arena, clock_timestamp(arena, clock_wall_us())));
}

bool state_committed_steps(Duck *duck, Arena *arena, const RunRecord *record, const char **run_id,
                           Strings *ids, Error *err) {
    bool exists = false;
    *run_id = NULL;
    if (!state_exists(duck, &exists, err)) return false;
    if (!exists) return true;
    const char *sql = arena_printf(
        arena,
        "SELECT run_id FROM _sqlflow.runs WHERE pipeline = %s QUALIFY row_number() OVER (ORDER BY "
        "started_at DESC) = 1 AND status IN ('failed', 'interrupted', 'running') AND pipeline_hash "
        "= %s",
        sql_literal(arena, record->pipeline), sql_literal(arena, record->pipeline_hash));
    if (!duck_text(duck, arena, sql, run_id, err)) return false;
    if (*run_id == NULL) return true;
    sql = arena_printf(arena,
                       "SELECT step_id FROM _sqlflow.steps s JOIN _sqlflow.runs r USING (run_id) "
                       "WHERE run_id = %s AND ((s.status = 'skipped' AND s.error IS DISTINCT FROM "
                       "'" STATE_NOT_REACHED "') OR (r.commit_mode = 'step' "
                       "AND s.status IN ('ok', 'warn')))", sql_literal(arena, *run_id));
    return duck_texts(duck, arena, sql, ids, err);
}

const char *state_literal(Arena *arena, const char *text) {
    return text == NULL ? "NULL" : sql_literal(arena, text);
}

/* The same with secrets masked. */
static const char *masked(Arena *arena, const char *text) {
    return state_literal(arena, text == NULL ? NULL : redact_text(arena, text));
}

static const char *now(Arena *arena) {
    return sql_literal(arena, clock_timestamp(arena, clock_wall_us()));
}

bool state_fail_killed(Duck *duck, Error *err) {
    AUTO_ARENA arena = arena_new();
    return duck_execf(duck, err,
                      "UPDATE _sqlflow.runs SET status = 'failed', error = 'the process was "
                      "killed', ended_at = %s WHERE status = 'running'", now(arena));
}

bool state_run_start(Duck *duck, const RunRecord *record, Error *err) {
    AUTO_ARENA arena = arena_new();
    const char *version = duck_library_version();
    return duck_execf(
        duck, err,
        "INSERT INTO _sqlflow.runs BY NAME SELECT %s AS run_id, %s AS pipeline, "
        "%s AS pipeline_hash, %s AS profile, %s AS variables, 'running' AS status, "
        "%s::TIMESTAMP AS started_at, %s AS version, %s AS duckdb_version, %s AS commit_mode",
        sql_literal(arena, record->run_id), sql_literal(arena, record->pipeline),
        masked(arena, record->pipeline_hash), masked(arena, record->profile),
        masked(arena, record->variables),
        sql_literal(arena, clock_timestamp(arena, record->started_us)),
        sql_literal(arena, SQLFLOW_VERSION), masked(arena, version),
        state_literal(arena, record->commit_mode));
}

bool state_run_end(Duck *duck, const char *run_id, const char *status, const Error *error,
                   Error *err) {
    AUTO_ARENA arena = arena_new();
    return duck_execf(duck, err,
                      "UPDATE _sqlflow.runs SET status = %s, ended_at = %s, error_code = %s, "
                      "error = %s WHERE run_id = %s",
                      sql_literal(arena, status), now(arena),
                      masked(arena, error ? diag_code(arena, error->code) : NULL),
                      masked(arena, error ? error->message : NULL), sql_literal(arena, run_id));
}

bool state_run_is_running(Duck *duck, const char *run_id, bool *running, Error *err) {
    AUTO_ARENA arena = arena_new();
    const char *sql = arena_printf(arena,
                                   "FROM _sqlflow.runs WHERE run_id = %s AND status = 'running'",
                                   sql_literal(arena, run_id));
    return duck_any(duck, sql, running, err);
}

bool state_steps(Duck *duck, const StepRecord *records, size_t count, Error *err) {
    if (count == 0) return true;
    AUTO_ARENA arena = arena_new();
    Buf sql = buf_on(arena);
    buf_puts(&sql, "INSERT INTO _sqlflow.steps(run_id, step_id, type, status, rows_read, "
                   "rows_inserted, rows_updated, rows_deleted, duplicates_dropped, bytes, "
                   "seconds, error) VALUES ");
    for (size_t i = 0; i < count; i++) {
        const StepRecord *r = &records[i];
        buf_printf(&sql, "%s(%s, %s, %s, %s, %lld, %lld, %lld, %lld, %lld, ", i > 0 ? ",\n" : "",
                   sql_literal(arena, r->run_id), sql_literal(arena, r->step_id),
                   sql_literal(arena, r->type), sql_literal(arena, r->status),
                   (long long)r->rows_read, (long long)r->rows_inserted,
                   (long long)r->rows_updated, (long long)r->rows_deleted,
                   (long long)r->duplicates_dropped);
        if (r->bytes < 0)
            buf_puts(&sql, "NULL");
        else
            buf_printf(&sql, "%lld", (long long)r->bytes);
        buf_printf(&sql, ", %.6f, %s)", r->seconds, masked(arena, r->error));
    }
    return duck_exec(duck, buf_text(&sql), NULL, err);
}

bool state_assert(Duck *duck, const char *run_id, const char *name, const char *severity,
                  const char *status, int64_t failing_rows, Error *err) {
    AUTO_ARENA arena = arena_new();
    return duck_execf(duck, err,
                      "INSERT INTO _sqlflow.asserts(run_id, name, severity, status, failing_rows) "
                      "VALUES (%s, %s, %s, %s, %lld)",
                      sql_literal(arena, run_id), sql_literal(arena, name),
                      sql_literal(arena, severity), sql_literal(arena, status),
                      (long long)failing_rows);
}
