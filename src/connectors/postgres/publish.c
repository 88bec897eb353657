/* Publishes an export as one transaction: record of the export, rows, COMMIT. The record is
 * written first: when an earlier try's COMMIT is still under way, its primary key makes this one
 * wait for it and then see that all is done. */
#include "connectors/postgres/publish.h"

#include <stdlib.h>
#include <string.h>

#include "connectors/postgres/encode.h"
#include "connectors/postgres/target.h"

enum { FLUSH_BYTES = 1 << 18 };

typedef struct Publish {
    Session *session;
    const Link *link;
    const WriteSpec *spec;
    const Staged *staged;
    PgConn *conn;
    PgTarget target;
    const char *exports; /* "schema"."_sqlflow_exports" */
    const char *query;   /* with the casts that the wires ask for */
    int64_t rows, bytes;
} Publish;

/* -- DuckDB's side ------------------------------------------------------------------------- */

typedef struct Stream {
    duckdb_prepared_statement statement;
    duckdb_pending_result pending;
    duckdb_result result;
    bool has_result;
} Stream;

static void stream_cleanup(Stream *stream)
{
    if (stream->has_result) duckdb_destroy_result(&stream->result);
    if (stream->pending) duckdb_destroy_pending(&stream->pending);
    if (stream->statement) duckdb_destroy_prepare(&stream->statement);
}
#define AUTO_STREAM __attribute__((cleanup(stream_cleanup))) Stream

static bool duck_failure(const Publish *publish, const char *message, Error *err)
{
    const volatile int *stop = publish->session->stop;
    if (stop && *stop) return error_set(err, ERR_INTERRUPTED, SPAN_NONE, "interrupted");
    return error_set(err, ERR_STEP, SPAN_NONE, "%s", message ? message : "the query failed");
}

static bool stream_open(const Publish *publish, const char *sql, Stream *stream, Error *err)
{
    duckdb_connection duck = duck_connection(publish->session->duck);
    if (duckdb_prepare(duck, sql, &stream->statement) != DuckDBSuccess)
        return duck_failure(publish, duckdb_prepare_error(stream->statement), err);
    if (duckdb_pending_prepared_streaming(stream->statement, &stream->pending) != DuckDBSuccess)
        return duck_failure(publish, duckdb_pending_error(stream->pending), err);
    stream->has_result = true;
    if (duckdb_execute_pending(stream->pending, &stream->result) == DuckDBSuccess) return true;
    return duck_failure(publish, duckdb_result_error(&stream->result), err);
}

/* The query's columns, and the SELECT that brings them into the vectors that can be encoded. */
static bool describe(Publish *publish, Error *err)
{
    Arena *arena = publish->session->arena;
    AUTO_STREAM stream = {0};
    const char *probe = arena_printf(arena, "SELECT * FROM (%s\n) LIMIT 0", publish->staged->query);
    if (!stream_open(publish, probe, &stream, err)) return false;
    PgTarget *target = &publish->target;
    target->count = duckdb_column_count(&stream.result);
    target->wires = ARENA_ARRAY(arena, PgWire, target->count + 1);
    Buf sql = buf_on(arena);
    buf_puts(&sql, "SELECT ");
    for (size_t i = 0; i < target->count; i++) {
        const char *name = arena_strdup(arena, duckdb_column_name(&stream.result, i));
        duckdb_logical_type type = duckdb_column_logical_type(&stream.result, i);
        target->wires[i] = pg_wire_natural(arena, name, type);
        duckdb_destroy_logical_type(&type);
        buf_printf(&sql, "%s%s", i ? ", " : "", target->wires[i].select);
    }
    buf_printf(&sql, " FROM (%s\n)", publish->staged->query);
    publish->query = buf_text(&sql);
    return true;
}

static bool send(Publish *publish, PgEncoder *encoder, Error *err)
{
    if (!pg_copy_put(publish->conn, encoder->out.data, encoder->out.size, err)) return false;
    publish->bytes += (int64_t)encoder->out.size;
    encoder->out.size = 0;
    return true;
}

static bool send_chunks(Publish *publish, Stream *stream, PgEncoder *encoder, Error *err)
{
    pg_encode_header(encoder);
    for (;;) {
        duckdb_data_chunk chunk = duckdb_fetch_chunk(stream->result);
        if (!chunk) break;
        bool ok = true;
        idx_t rows = duckdb_data_chunk_get_size(chunk);
        for (idx_t at = 0; ok && at < rows;) {
            ok = pg_encode_rows(encoder, chunk, &at, FLUSH_BYTES, err) ||
                 error_prefix(err, "%s, ", publish->target.label);
            if (ok && encoder->out.size >= FLUSH_BYTES) ok = send(publish, encoder, err);
        }
        duckdb_destroy_data_chunk(&chunk);
        if (!ok) return false;
    }
    const char *failure = duckdb_result_error(&stream->result);
    if (failure) return duck_failure(publish, failure, err);
    pg_encode_trailer(encoder);
    return send(publish, encoder, err);
}

static void encoder_cleanup(PgEncoder *encoder) { pg_encoder_free(encoder); }

/* COPY, INSERT and UPDATE pass over rows that a trigger, rule or policy refuses, with no error. */
static bool all_written(const Publish *publish, int64_t written, Error *err)
{
    if (written >= publish->rows) return true;
    error_set(err, ERR_EXPORT, SPAN_NONE,
              "%s: the server wrote %lld of %lld rows and dropped the others; nothing was changed",
              publish->target.label, (long long)written, (long long)publish->rows);
    return error_hint(err, "see the table's triggers, rules and row security (\\d in psql); leave "
                           "out in the query what is not to be exported");
}

static bool copy_rows(Publish *publish, Error *err)
{
    const PgTarget *target = &publish->target;
    __attribute__((cleanup(encoder_cleanup))) PgEncoder encoder = {.wires = target->wires,
                                                                   .count = target->count};
    AUTO_STREAM stream = {0};
    int64_t arrived = 0;
    if (!stream_open(publish, publish->query, &stream, err) ||
        !pg_exec(publish->conn, pg_copy_sql(publish->session->arena, target), NULL, err) ||
        !send_chunks(publish, &stream, &encoder, err) ||
        !pg_copy_end(publish->conn, &arrived, err))
        return false;
    publish->rows = encoder.rows;
    int64_t expected = publish->staged->rows >= 0 ? publish->staged->rows : encoder.rows;
    if (expected == encoder.rows) return all_written(publish, arrived, err);
    return error_set(err, ERR_EXPORT, SPAN_NONE,
                     "%s: %lld rows were staged, %lld sent; nothing was changed", target->label,
                     (long long)expected, (long long)encoder.rows);
}

/* -- the server's side --------------------------------------------------------------------- */

static bool make_exports_table(Publish *publish, Error *err)
{
    Arena *arena = publish->session->arena;
    const char *schema = publish->target.schema;
    const char *ident = sql_ident(arena, schema);
    publish->exports = arena_printf(arena, "%s.\"_sqlflow_exports\"", ident);
    AUTO_PGRESULT result = NULL;
    const char *values[] = {publish->exports};
    if (!pg_exec_args(publish->conn, "SELECT to_regclass($1)", (PgArgs){1, values}, &result, err))
        return false;
    if (pg_field(result, 0, 0)) return true;
    /* Two first exports at once: one waits here until the other has committed the table. */
    values[0] = arena_printf(arena, "sqlflow exports %s", schema);
    if (!pg_exec_args(publish->conn, "SELECT pg_advisory_xact_lock(hashtext($1))",
                      (PgArgs){1, values}, NULL, err))
        return false;
    if (pg_execf(publish->conn, err,
                 "CREATE TABLE IF NOT EXISTS %s (export_id text PRIMARY KEY, pipeline text, "
                 "run_id text, rows bigint, published_at timestamptz NOT NULL)", publish->exports))
        return true;
    if (!strstr(err->message, "SQLSTATE 42501")) return false;
    return error_hint(err, "sqlflow records each export in %s, so that none is done twice: let "
                           "the role create tables in the schema, or create it: export_id text "
                           "PRIMARY KEY, pipeline text, run_id text, rows bigint, published_at "
                           "timestamptz NOT NULL", publish->exports);
}

/* One try at a time. An earlier one whose line went dead may still hold the lock on the server,
 * waiting for rows that will never come; a cancel does not reach it there, so it is ended. One
 * that is at work, with its COMMIT perhaps, is waited for. */
static bool claim(Publish *publish, Error *err)
{
    const volatile int *stop = publish->session->stop;
    PgArgs args = {1, &publish->spec->export_id};
    for (;;) {
        AUTO_PGRESULT result = NULL;
        if (!pg_exec_args(publish->conn,
                          "SELECT pg_try_advisory_xact_lock(hashtext('sqlflow export'), "
                          "hashtext($1))", args, &result, err))
            return false;
        if (*pg_field(result, 0, 0) == 't') return true;
        if (stop && *stop) return error_set(err, ERR_INTERRUPTED, SPAN_NONE, "interrupted");
        if (!pg_exec_args(publish->conn,
                          "SELECT pg_terminate_backend(a.pid), pg_sleep(0.05) FROM "
                          "pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a USING (pid) "
                          "WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND "
                          "l.classid::bigint = hashtext('sqlflow export')::bigint & 4294967295 AND "
                          "l.objid::bigint = hashtext($1)::bigint & 4294967295 AND "
                          "a.wait_event_type = 'Client'", args, NULL, err) ||
            !pg_exec(publish->conn, "SELECT pg_sleep(0.05)", NULL, err))
            return false;
    }
}

/* False and no error in *err: an earlier try has committed. */
static bool record(Publish *publish, Receipt *receipt, Error *err)
{
    Arena *arena = publish->session->arena;
    AUTO_PGRESULT inserted = NULL;
    AUTO_PGRESULT earlier = NULL;
    const char *values[] = {publish->spec->export_id, publish->spec->pipeline,
                            publish->spec->run_id};
    const char *insert = arena_printf(arena,
                                      "INSERT INTO %s (export_id, pipeline, run_id, rows, "
                                      "published_at) VALUES ($1, $2, $3, NULL, now()) "
                                      "ON CONFLICT (export_id) DO NOTHING", publish->exports);
    if (!pg_exec_args(publish->conn, insert, (PgArgs){3, values}, &inserted, err)) return false;
    if (str_eq(PQcmdTuples(inserted), "1")) return true;
    const char *look = arena_printf(arena, "SELECT rows FROM %s WHERE export_id = $1",
                                    publish->exports);
    if (!pg_exec_args(publish->conn, look, (PgArgs){1, values}, &earlier, err)) return false;
    receipt->already_done = true;
    receipt->rows = PQntuples(earlier) ? pg_field_int(earlier, 0, 0) : -1;
    receipt->bytes = -1;
    return false;
}

static bool write_rows(Publish *publish, Error *err)
{
    PgConn *conn = publish->conn;
    const PgTarget *target = &publish->target;
    if (target->direct) return pg_target_clear(conn, target, err) && copy_rows(publish, err);
    int64_t written;
    return pg_stage_create(conn, target, err) && copy_rows(publish, err) &&
           pg_stage_check(conn, target, err) && pg_target_clear(conn, target, err) &&
           pg_stage_merge(conn, target, &written, err) && all_written(publish, written, err);
}

static bool commit(Publish *publish, Error *err)
{
    Arena *arena = publish->session->arena;
    const char *values[] = {publish->spec->export_id,
                            arena_printf(arena, "%lld", (long long)publish->rows)};
    const char *update = arena_printf(arena,
                                      "UPDATE %s SET rows = $2::bigint, published_at = "
                                      "clock_timestamp() WHERE export_id = $1", publish->exports);
    AUTO_PGRESULT result = NULL;
    if (!pg_exec_args(publish->conn, update, (PgArgs){2, values}, NULL, err)) return false;
    if (!pg_exec(publish->conn, "COMMIT", &result, err)) {
        if (PQstatus(publish->conn->pq) != CONNECTION_BAD) return false;
        error_prefix(err, "the answer to COMMIT was lost, ");
        return error_hint(err, "the next try asks the server whether it was done");
    }
    if (str_eq(PQcmdStatus(result), "COMMIT")) return true;
    return error_set(err, ERR_EXPORT, SPAN_NONE, "%s: the server rolled back",
                     publish->target.label);
}

bool pg_publish(Session *session, const Link *link, const WriteSpec *spec, const Staged *staged,
                Receipt *receipt, Error *err)
{
    PgParams params;
    AUTO_PGCONN conn = {0};
    Publish publish = {.session = session, .link = link, .spec = spec, .staged = staged,
                       .conn = &conn};
    *receipt = (Receipt){.rows = -1, .bytes = -1};
    if (!pg_params(session, link, &params, err) || !describe(&publish, err) ||
        !pg_open(&params, &conn, NULL, err) || !pg_exec(&conn, "BEGIN", NULL, err) ||
        !pg_target_find(session, link, &conn, spec->destination, &publish.target, err) ||
        !claim(&publish, err) || !make_exports_table(&publish, err))
        return false;
    if (!record(&publish, receipt, err)) return receipt->already_done;
    if (!pg_target_make(session, link, &conn, &publish.target, err) ||
        !pg_target_match(session->arena, &conn, &publish.target, err) ||
        !write_rows(&publish, err) || !commit(&publish, err))
        return false;
    receipt->rows = publish.rows;
    receipt->bytes = publish.bytes;
    return true;
}
