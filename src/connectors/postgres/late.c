/* The two-snapshot protocol. Ids are taken early and committed late, so the highest cursor seen
 * is no safe watermark: rows below it may still appear. The first snapshot's highest cursor is,
 * once every transaction that was open then has ended before the read takes its own snapshot. */
#include "connectors/postgres/late.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

const char *pg_bc_to_postgres(Arena *arena, const char *duck_text)
{
    if (!strstr(duck_text, " (BC)")) return duck_text;
    return arena_printf(arena, "%s BC", str_replace(arena, duck_text, " (BC)", ""));
}

const char *pg_bc_to_duck(Arena *arena, const char *pg_text)
{
    if (!str_ends(pg_text, " BC")) return pg_text;
    size_t size = strlen(pg_text) - 3;
    size_t date = strcspn(pg_text, " "); /* "0044-03-15 12:00:00 BC" */
    if (date > size) date = size;
    return arena_printf(arena, "%.*s (BC)%.*s", (int)date, pg_text, (int)(size - date),
                        pg_text + date);
}

static const PgColumn *cursor_column(const PgSource *source, const ReadSpec *spec, Error *err)
{
    const PgColumn *column = pg_column(&source->columns, spec->cursor);
    if (column) return column;
    error_set(err, ERR_REMOTE_OBJECT, SPAN_NONE, "%s has no column '%s' for the cursor",
              source->label, spec->cursor);
    error_hint(err, "cursor_field must be one of the columns that are read");
    return NULL;
}

/* The type in which a bound is compared; NULL for types that cannot be a cursor. */
static const char *bound_type(const PgColumn *column, const char *text)
{
    if (column->dims) return NULL;
    switch (column->scalar.kind) {
    case KIND_INT2:
    case KIND_INT4:
    case KIND_INT8:
    case KIND_OID: return strchr(text, '.') ? "numeric" : "bigint";
    case KIND_DECIMAL: return "numeric";
    case KIND_DATE: return strchr(text, ':') ? "timestamp" : "date";
    case KIND_TIMESTAMP:
        return column->oid == OID_TIMESTAMPTZ ? "timestamptz" : "timestamp";
    case KIND_TEXT: return "text";
    case KIND_BOOL:
    case KIND_FLOAT4:
    case KIND_FLOAT8:
    case KIND_NUMERIC_DOUBLE:
    case KIND_NUMERIC_TEXT:
    case KIND_BYTEA:
    case KIND_TIME:
    case KIND_TIMETZ:
    case KIND_INTERVAL:
    case KIND_UUID:
    case KIND_JSONB:
    case KIND_INET:
    case KIND_MACADDR:
    case KIND_LIST: break;
    }
    return NULL;
}

/* The cursor as it stands in PostgreSQL's SQL, ordered as DuckDB orders it. ERR_CURSOR_TYPE for
 * types that cannot be one. */
static bool cursor_sql(Arena *arena, const PgSource *source, const ReadSpec *spec,
                       const char **sql, Error *err)
{
    const PgColumn *column = cursor_column(source, spec, err);
    if (!column) return false;
    if (!bound_type(column, "")) {
        error_set(err, ERR_CURSOR_TYPE, SPAN_NONE, "%s, column '%s': %s cannot be a cursor",
                  source->label, column->name, column->pg_type);
        return error_hint(err, "a cursor is an integer, numeric(p,s), date, timestamp or text; "
                               "'query' can cast it");
    }
    *sql = arena_printf(arena, "%s%s%s", sql_ident(arena, column->name),
                        column->text_cast || column->is_enum ? "::text" : "",
                        column->scalar.kind == KIND_TEXT ? " COLLATE \"C\"" : "");
    return true;
}

bool pg_cursor_bound(Session *session, const PgSource *source, const ReadSpec *spec,
                     const char **sql, Error *err)
{
    Arena *arena = session->arena;
    const char *cursor = NULL, *text = NULL;
    if (!cursor_sql(arena, source, spec, &cursor, err)) return false;
    const char *as_text = arena_printf(arena, "SELECT CAST((%s) AS VARCHAR)", spec->lower);
    if (!duck_text(session->duck, arena, as_text, &text, err)) return false;
    if (!text) return error_set(err, ERR_INTERNAL, SPAN_NONE, "the bound %s is NULL", spec->lower);
    const PgColumn *column = cursor_column(source, spec, err);
    Buf bound = buf_on(arena);
    buf_printf(&bound, "(%s >= ", cursor);
    buf_literal(&bound, pg_bc_to_postgres(arena, text));
    buf_printf(&bound, "::%s", bound_type(column, text));
    if (spec->include_nulls) buf_printf(&bound, " OR %s IS NULL", sql_ident(arena, column->name));
    buf_putc(&bound, ')');
    *sql = buf_text(&bound);
    return true;
}

/* Transactions that hold an id, prepared ones included, as 64-bit ids near the snapshot's xmax.
 * A snapshot alone does not do: it leaves out those at and above its own xmax, which may be
 * running and have taken a cursor value below one that is committed already. */
#define RUNNING                                                                                   \
    "(SELECT h.*, b + v + CASE WHEN b + v < top - 2147483648 THEN 4294967296 "                    \
    "WHEN b + v > top + 2147483648 THEN -4294967296 ELSE 0 END AS x FROM "                        \
    "(SELECT txid_snapshot_xmax(s) AS top, "                                                      \
    "txid_snapshot_xmax(s) / 4294967296 * 4294967296 AS b) AS t, "                                \
    "(SELECT backend_xid::text::bigint AS v, datname AS db, pid, usename::text AS who, "          \
    "application_name AS app, state FROM pg_catalog.pg_stat_activity "                            \
    "WHERE backend_xid IS NOT NULL UNION ALL "                                                    \
    "SELECT transaction::text::bigint, database, NULL, owner::text, gid, 'prepared' "             \
    "FROM pg_catalog.pg_prepared_xacts) AS h)"

/* A point in time without its zone, as a cursor may hold it: UTC, or, in columns without a zone,
 * the time of the server's, which sessions have unless they say otherwise. `choose`: least or
 * greatest. */
static const char *without_zone(Arena *arena, const PgColumn *column, const char *choose,
                                const char *time)
{
    if (column->oid == OID_TIMESTAMPTZ) return arena_printf(arena, "%s AT TIME ZONE 'UTC'", time);
    return arena_printf(arena,
                        "(SELECT %s(t AT TIME ZONE 'UTC', t AT TIME ZONE reset_val) FROM (SELECT "
                        "%s AS t) AS at, pg_catalog.pg_settings WHERE name = 'TimeZone')",
                        choose, time);
}

/* Timestamps by now() are those of the transaction's start, and a transaction that has begun but
 * written nothing is in no snapshot: the watermark stays below the oldest start. */
static const char *first_snapshot_sql(Arena *arena, const PgLateSpec *spec, const char *cursor)
{
    const PgColumn *column = pg_column(&spec->source->columns, spec->read->cursor);
    const char *oldest = "", *now = "NULL", *unseen = "0";
    if (column->scalar.kind == KIND_TIMESTAMP || column->scalar.kind == KIND_DATE) {
        const char *start = "(SELECT min(xact_start) FROM pg_catalog.pg_stat_activity WHERE "
                            "pid <> pg_backend_pid() AND datname = current_database() AND "
                            "backend_type NOT IN ('autovacuum worker', 'walsender'))";
        oldest = arena_printf(arena, ", (%s)%s", without_zone(arena, column, "least", start),
                              column->oid == OID_TIMESTAMPTZ     ? " AT TIME ZONE 'UTC'"
                              : column->scalar.kind == KIND_DATE ? "::date"
                                                                 : "");
        /* Servers' own processes have no user. */
        unseen = "(SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE usesysid IS NOT NULL AND "
                 "datname = current_database() AND query = '<insufficient privilege>')";
        now = arena_printf(arena, "(%s)::text",
                           without_zone(arena, column, "greatest", "clock_timestamp()"));
    }
    return arena_printf(arena,
                        "SELECT s, greatest(txid_snapshot_xmax(s), (SELECT max(x) + 1 FROM " RUNNING
                        " AS r WHERE db = current_database())), CASE WHEN m IS NOT NULL THEN "
                        "least(m%s)::text END, %s, %s FROM (SELECT max(%s) AS m, "
                        "txid_current_snapshot() AS s FROM %s%s) AS first",
                        oldest, now, unseen, cursor, spec->source->from, spec->filter);
}

/* One row for the oldest transaction of this database below $1 that is still open. What a snapshot
 * lists and no view explains counts as this database's. A standby's snapshots list nothing; there
 * the oldest open transaction must do. */
static const char open_sql[] =
    "SELECT x, pid, who, app, state FROM (SELECT txid_current_snapshot() AS s) AS now, LATERAL "
    "(SELECT x, pid, who, app, state FROM " RUNNING " AS r WHERE db = current_database() "
    "UNION ALL SELECT i, NULL, NULL, NULL, NULL FROM txid_snapshot_xip(s) AS i "
    "WHERE i NOT IN (SELECT x FROM " RUNNING " AS other) "
    "UNION ALL SELECT txid_snapshot_xmin(s), NULL, NULL, NULL, NULL WHERE pg_is_in_recovery()) "
    "AS open WHERE x < $1::bigint ORDER BY x LIMIT 1";

/* Below every value: where the watermark of a first read stands that must not move. All rows come
 * again in the next run, and are recognised by their key. */
static const char *lowest(Arena *arena, const PgColumn *column)
{
    const PgScalar *scalar = &column->scalar;
    const char *text = "";
    if (scalar->kind == KIND_INT2) text = "-32768";
    if (scalar->kind == KIND_INT4) text = "-2147483648";
    if (scalar->kind == KIND_INT8) text = "-9223372036854775808";
    if (scalar->kind == KIND_OID) text = "0";
    if (scalar->kind == KIND_DATE || scalar->kind == KIND_TIMESTAMP) text = "-infinity";
    if (scalar->kind == KIND_DECIMAL) {
        Buf digits = buf_on(arena);
        buf_putc(&digits, '-');
        for (int i = scalar->width; i > 0; i--) {
            if (i == scalar->scale) buf_putc(&digits, '.');
            buf_putc(&digits, '9');
        }
        text = buf_text(&digits);
    }
    return text;
}

static const char *literal(Arena *arena, const PgColumn *column, const char *text)
{
    return arena_printf(arena, "CAST(%s AS %s)", sql_literal(arena, text), column->duck_type);
}

static bool pause_for(Session *session, double seconds, Error *err)
{
    if (session->stop && *session->stop)
        return error_set(err, ERR_INTERRUPTED, SPAN_NONE, "interrupted");
    struct timespec wait = {.tv_nsec = (long)(seconds * 1e9)};
    nanosleep(&wait, NULL);
    return true;
}

static void warn_unseen(Session *session, const PgLateSpec *spec, const PGresult *first)
{
    const char *unseen = pg_field(first, 0, 4);
    if (!session->diags || spec->read->looks_back || str_eq(unseen, "0")) return;
    diag_warning(session->diags, WARN_LATE_UNSEEN, spec->span,
                 "%s: the role may not see when the transactions of %s began; rows that they "
                 "write later may lie below the watermark", spec->source->label,
                 str_count(session->arena, strtoll(unseen, NULL, 10), "other session"))
        ->hint = "GRANT pg_read_all_stats to the role, or set a lookback";
}

static void warn(Session *session, const PgLateSpec *spec, const PGresult *open)
{
    static const char *const labels[] = {"pid ", "user ", "", ""}; /* application, state */
    if (!session->diags) return;
    Buf who = buf_on(session->arena);
    for (int i = 0; i < 4; i++) {
        const char *text = pg_field(open, 0, i + 1);
        if (text && *text) buf_printf(&who, "%s%s%s", who.size ? ", " : " (", labels[i], text);
    }
    diag_warning(session->diags, WARN_LATE_COMMIT, spec->span,
                 "%s: transaction %s%s%s is still open after %g s; the watermark stays",
                 spec->source->label, pg_field(open, 0, 0), buf_text(&who), who.size ? ")" : "",
                 spec->wait);
}

bool pg_late_wait(Session *session, PgConn *conn, const PgLateSpec *spec, PgLate *late,
                  Error *err)
{
    Arena *arena = session->arena;
    const char *cursor = NULL;
    *late = (PgLate){0};
    if (!cursor_sql(arena, spec->source, spec->read, &cursor, err)) return false;
    const PgColumn *column = pg_column(&spec->source->columns, spec->read->cursor);
    AUTO_PGRESULT first = NULL;
    if (!pg_exec(conn, first_snapshot_sql(arena, spec, cursor), &first, err)) return false;
    late->token = arena_strdup(arena, pg_field(first, 0, 0));
    late->now = arena_strdup(arena, pg_field(first, 0, 3));
    warn_unseen(session, spec, first);
    const char *xmax = arena_strdup(arena, pg_field(first, 0, 1));
    const char *highest = pg_field(first, 0, 2);
    if (highest) late->safe_upper = literal(arena, column, pg_bc_to_duck(arena, highest));
    late->stays = !highest; /* rows that came between the snapshots are read, not passed */
    double deadline = clock_steady() + spec->wait;
    for (double pause = 0.005;; pause = pause < 0.1 ? pause * 2 : 0.1) {
        AUTO_PGRESULT open = NULL;
        if (!pg_exec_args(conn, open_sql, (PgArgs){1, &xmax}, &open, err)) return false;
        if (PQntuples(open) == 0) break;
        if (clock_steady() >= deadline) {
            late->stays = true;
            warn(session, spec, open);
            break;
        }
        if (!pause_for(session, pause, err)) return false;
    }
    if (late->stays && !spec->read->lower)
        late->safe_upper = literal(arena, column, lowest(arena, column));
    return true;
}
