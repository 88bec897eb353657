/* Prepares a read: connection, columns, the late-commit protocol, the snapshot that all of the
 * scan's connections share, and whether it is split by blocks. The rows flow in scan.c. */
#include "connectors/postgres/read.h"

#include <string.h>

#include "connectors/column_types.h"
#include "connectors/postgres/late.h"
#include "connectors/postgres/scan.h"

enum { MIN_BLOCKS = 1024, MAX_RANGE_BLOCKS = 16384 }; /* 8 MB, 128 MB */

static void read_cleanup(PgRead **read) { pg_read_free(*read); }

/* The rows with the types of column_types; `columns` gets names and types. */
static bool cast_rows(Session *session, const Link *link, const PgSource *source,
                      const char *rows, Columns *columns, const char **sql, Error *err)
{
    Buf out = buf_on(session->arena);
    for (size_t i = 0; i < source->columns.count; i++)
        *LIST_PUSH(session->arena, columns) = (Column){source->columns.items[i].name,
                                                       source->columns.items[i].duck_type};
    *sql = rows;
    if (!link_has(link, "column_types")) return true;
    buf_puts(&out, "(SELECT *");
    if (!column_types_put(session, link, columns, &out, err)) return false;
    buf_printf(&out, " FROM %s)", rows);
    *sql = buf_text(&out);
    return true;
}

/* The server compares a cursor as what it is there, not as what it becomes here. */
static bool check_cursor_type(const Link *link, const ReadSpec *spec, Error *err)
{
    if (!spec->cursor || !value_get(link_value(link, "column_types"), spec->cursor)) return true;
    error_set(err, ERR_OPTION_VALUE, link_span(link, "column_types"),
              "column_types must not change the cursor '%s'", spec->cursor);
    return error_hint(err, "cast it on the server, in 'query'");
}

bool pg_read_schema(Session *session, const Link *link, Columns *columns, Error *err)
{
    PgParams params;
    AUTO_PGCONN conn = {0};
    PgSource source;
    if (!pg_params(session, link, &params, err) || !pg_open(&params, &conn, NULL, err) ||
        !pg_source(session, link, &conn, NULL, &source, err))
        return false;
    const char *sql = NULL;
    return cast_rows(session, link, &source, "", columns, &sql, err);
}

static const char *make_filter(Arena *arena, const char *where, const char *bound)
{
    if (!where && !bound) return "";
    return arena_printf(arena, " WHERE %s%s%s", where ? where : "", where && bound ? " AND " : "",
                        bound ? bound : "");
}

/* A transaction's snapshot is older than the locks its first statement waited for. What was
 * truncated, rewritten or made anew in between has a file, or an entry in the catalog, that the
 * snapshot does not know, and would seem to be empty. */
static const char unseen_sql[] =
    "SELECT FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_class c ON c.oid = l.relation "
    "WHERE l.locktype = 'relation' AND l.pid = pg_backend_pid() AND l.database = (SELECT oid FROM "
    "pg_catalog.pg_database WHERE datname = current_database()) AND (c.oid IS NULL OR "
    "(c.relfilenode <> 0 AND c.relfilenode <> pg_relation_filenode(c.oid))) LIMIT 1";

/* Begins the transaction and takes the locks that keep the tables as they are. */
static bool lock_and_look(PgConn *conn, const char *sql, PGresult **columns, Error *err)
{
    for (bool settled = false; !settled;) {
        AUTO_PGRESULT unseen = NULL;
        PQclear(*columns);
        if (!pg_exec(conn, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", NULL, err) ||
            !pg_exec(conn, sql, columns, err) || !pg_exec(conn, unseen_sql, &unseen, err))
            return false;
        settled = PQntuples(unseen) == 0;
        if (!settled && !pg_exec(conn, "ROLLBACK", NULL, err)) return false;
    }
    return true;
}

/* The snapshot's view of the columns must be the one that was described before it: DDL may have
 * come between. */
static bool enter_snapshot(PgConn *conn, const PgSource *source, Error *err)
{
    AUTO_ARENA scratch = arena_new();
    AUTO_PGRESULT result = NULL;
    const char *list = pg_select_list(scratch, &source->columns, NULL, source->columns.count);
    const char *sql = arena_printf(scratch, "SELECT %s FROM %s LIMIT 0", list, source->from);
    if (!lock_and_look(conn, sql, &result, err)) {
        if (err->code == ERR_REMOTE_PERMISSION && source->table.oid)
            error_hint(err, "GRANT SELECT to the role; if it may read some columns only, name "
                            "them in \"columns\"");
        return false;
    }
    for (size_t i = 0; i < source->columns.count; i++) {
        const PgColumn *column = &source->columns.items[i];
        if (column->text_cast || (PQftype(result, (int)i) == column->oid &&
                                  PQfmod(result, (int)i) == column->typmod))
            continue;
        error_set(err, ERR_REMOTE_DATA, SPAN_NONE, "%s, column '%s' changed its type just now",
                  source->label, column->name);
        err->transient = true;
        return false;
    }
    return true;
}

/* An index that narrows the read is worth more than a split: the planner decides. */
static bool scans_all(PgConn *conn, const PgRead *read, bool *out, Error *err)
{
    *out = true;
    if (!*read->filter) return true;
    AUTO_ARENA scratch = arena_new();
    AUTO_PGRESULT result = NULL;
    const char *sql = arena_printf(scratch, "EXPLAIN SELECT * FROM %s%s", read->source.from,
                                   read->filter);
    if (!pg_exec(conn, sql, &result, err)) return false;
    *out = false;
    for (int i = 0; i < PQntuples(result); i++)
        *out = *out || strstr(PQgetvalue(result, i, 0), "Seq Scan on ") != NULL;
    return true;
}

static bool split(PgConn *conn, PgRead *read, Error *err)
{
    const PgTable *table = &read->source.table;
    bool plain = (table->kind == 'r' || table->kind == 'm') && !table->has_children;
    if (!plain || conn->version < 140000 || read->parallel < 2) return true;
    bool whole = false;
    if (!scans_all(conn, read, &whole, err)) return false;
    if (!whole) return true;
    AUTO_ARENA scratch = arena_new();
    AUTO_PGRESULT result = NULL;
    const char *oid = arena_printf(scratch, "%u", table->oid);
    if (!pg_exec_args(conn,
                      "SELECT pg_relation_size($1::oid::regclass) / "
                      "current_setting('block_size')::int",
                      (PgArgs){1, &oid}, &result, err))
        return false;
    int64_t blocks = pg_field_int(result, 0, 0);
    if (blocks < 2 * MIN_BLOCKS) return true;
    int64_t range = blocks / (16 * read->parallel) + 1; /* small, so that all end together */
    if (range < MIN_BLOCKS) range = MIN_BLOCKS;
    read->blocks_per_range = range < MAX_RANGE_BLOCKS ? range : MAX_RANGE_BLOCKS;
    read->blocks = blocks;
    return true;
}

static bool export_snapshot(PgConn *conn, PgRead *read, Error *err)
{
    AUTO_PGRESULT result = NULL;
    if (!pg_exec(conn, "SELECT pg_export_snapshot()", &result, err)) return false;
    read->snapshot = arena_strdup(read->arena, pg_field(result, 0, 0));
    return true;
}

static bool failure(void *handle, Error *err)
{
    PgRead *read = handle;
    pthread_mutex_lock(&read->mutex);
    bool failed = read->failed;
    if (failed) *err = read->failure;
    pthread_mutex_unlock(&read->mutex);
    return failed;
}

static void close_read(void *handle) { pg_read_free(handle); }

static bool protect_watermark(Session *session, const Link *link, PgConn *conn, PgRead *read,
                              const ReadSpec *spec, PgLate *late, Error *err)
{
    const char *bound = NULL;
    if (spec->lower && !pg_cursor_bound(session, &read->source, spec, &bound, err)) return false;
    read->filter = make_filter(session->arena, read->source.where, bound);
    PgLateSpec what = {.source = &read->source, .read = spec, .filter = read->filter,
                       .wait = link_number(link, "late_wait"), .span = link->span};
    return pg_late_wait(session, conn, &what, late, err);
}

bool pg_read_relation(Session *session, const Link *link, const ReadSpec *spec,
                      Relation *relation, Error *err)
{
    *relation = (Relation){0};
    __attribute__((cleanup(read_cleanup))) PgRead *read = pg_read_new();
    Session inner = *session; /* what the read keeps lives as long as the read */
    inner.arena = read->arena;
    PgConn *leader = &read->idle[0];
    PgLate late = {0};
    if (!pg_params(&inner, link, &read->params, err) ||
        !pg_open(&read->params, leader, NULL, err))
        return false;
    read->idle_count = 1;
    if (!pg_source(&inner, link, leader, spec->columns, &read->source, err)) return false;
    read->filter = make_filter(read->arena, read->source.where, NULL);
    if (spec->cursor && !protect_watermark(&inner, link, leader, read, spec, &late, err))
        return false;
    long long parallel = link_int(link, "parallel");
    read->parallel = parallel < 1 ? 1 : parallel > PG_PARALLEL_MAX ? PG_PARALLEL_MAX
                                                                   : (int)parallel;
    Columns columns = {0};
    const char *rows = arena_printf(session->arena, "sqlflow_postgres(%llu::UBIGINT)",
                                    (unsigned long long)read->id);
    if (!check_cursor_type(link, spec, err) ||
        !cast_rows(session, link, &read->source, rows, &columns, &rows, err))
        return false;
    if (!enter_snapshot(leader, &read->source, err) || !split(leader, read, err) ||
        !export_snapshot(leader, read, err) || !pg_scan_register(session->duck, err))
        return false;
    *relation = (Relation){
        .sql = rows,
        .bounded = spec->lower != NULL,
        .safe_upper = arena_strdup(session->arena, late.safe_upper),
        .token = arena_strdup(session->arena, late.token),
        .now = arena_strdup(session->arena, late.now),
        .watermark_stays = late.stays,
        .unordered = true, /* also for one connection: else DuckDB may not pick the thread */
        .handle = read,
        .failure = failure,
        .close = close_read,
    };
    read = NULL;
    return true;
}
