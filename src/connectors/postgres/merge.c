/* The statements of an export: the stage table, its checks, and how its rows get into the table.
 * The stage has the query's own types; each value must survive the cast to the table's. */
#include "connectors/postgres/target.h"

#include <stdlib.h>

#define STAGE "pg_temp.\"_sqlflow_stage\""
#define STAGED "\"_sqlflow_staged\""

static void put_names(Buf *sql, const PgTarget *target, const char *prefix)
{
    for (size_t i = 0; i < target->count; i++) {
        buf_printf(sql, "%s%s", i ? ", " : "", prefix);
        buf_ident(sql, target->pairs[i]->name);
    }
}

static uint32_t leaf_oid(const PgColumn *column)
{
    return column->is_array ? column->element : column->oid;
}

/* The server cuts floats to 15 or 6 digits on the way to numeric; their text has all. */
static const char *by_text(uint32_t from, uint32_t to, bool is_array)
{
    if ((from != OID_FLOAT4 && from != OID_FLOAT8) || to != OID_NUMERIC) return "";
    return is_array ? "::text[]" : "::text";
}

/* The stage's column as the table's type. Casts cut and round: pg_stage_check comes before. */
static void put_cast(Buf *sql, const PgTarget *target, size_t i)
{
    const PgColumn *column = target->pairs[i];
    buf_puts(sql, "s.");
    buf_ident(sql, column->name);
    buf_printf(sql, "%s::%s", by_text(target->wires[i].oid, leaf_oid(column), column->is_array),
               column->pg_type);
}

bool pg_stage_create(PgConn *conn, const PgTarget *target, Error *err)
{
    AUTO_ARENA scratch = arena_new();
    Buf sql = buf_on(scratch);
    buf_puts(&sql, "CREATE TEMP TABLE \"_sqlflow_stage\" (");
    for (size_t i = 0; i < target->count; i++) {
        if (i) buf_puts(&sql, ", ");
        buf_ident(&sql, target->pairs[i]->name);
        buf_printf(&sql, " %s", target->wires[i].pg_type);
    }
    buf_puts(&sql, ") ON COMMIT DROP");
    return pg_exec(conn, buf_text(&sql), NULL, err);
}

const char *pg_copy_sql(Arena *arena, const PgTarget *target)
{
    Buf sql = buf_on(arena);
    buf_printf(&sql, "COPY %s (", target->direct ? target->table.sql : STAGE);
    put_names(&sql, target, "");
    buf_puts(&sql, ") FROM STDIN (FORMAT binary)");
    return buf_text(&sql);
}

/* Text may be written differently ('01', '1.50') as long as its value stays: it is compared in
 * the widest type of the target's kind, which knows a zone where the target drops it. NULL where
 * the server's own reading is strict. */
static const char *wide_type(uint32_t oid)
{
    switch (oid) {
    case OID_NUMERIC:
    case OID_FLOAT4:
    case OID_FLOAT8: return "numeric";
    case OID_TIME:
    case OID_TIMETZ: return "timetz";
    case OID_DATE:
    case OID_TIMESTAMP:
    case OID_TIMESTAMPTZ: return "timestamptz";
    case OID_INTERVAL: return "interval";
    case OID_BIT:
    case OID_VARBIT: return "bit varying";
    case OID_CHAR:
    case OID_NAME:
    case OID_VARCHAR: return "text";
    case OID_BPCHAR: return "bpchar"; /* blanks at the end mean nothing */
    default: return NULL;
    }
}

static bool is_time(uint32_t oid)
{
    return oid == OID_TIME || oid == OID_TIMETZ || oid == OID_DATE || oid == OID_TIMESTAMP ||
           oid == OID_TIMESTAMPTZ || oid == OID_INTERVAL;
}

/* A condition that is true where the cast of column i changes the value; false when none can. */
static bool put_changes(Buf *sql, const PgTarget *target, size_t i)
{
    const PgWire *wire = &target->wires[i];
    const PgColumn *column = target->pairs[i];
    PgWire same = *wire;
    if (pg_wire_fits(&same, column) && same.max_chars == 0) return false;
    uint32_t oid = leaf_oid(column);
    if (wire->oid == OID_JSON || oid == OID_JSON) return false;
    Arena *arena = sql->arena;
    const char *name = arena_printf(arena, "s.%s", sql_ident(arena, column->name));
    const char *wide = wide_type(oid), *dims = column->is_array ? "[]" : "";
    Buf cast = buf_on(arena);
    put_cast(&cast, target, i);
    const char *stored = buf_text(&cast);
    if (wire->oid != OID_TEXT) {
        buf_printf(sql, "%s%s::%s IS DISTINCT FROM %s", stored,
                   by_text(oid, wire->oid, column->is_array), wire->pg_type, name);
        return true;
    }
    if (!wide) return false;
    buf_printf(sql, "%s::%s%s IS DISTINCT FROM %s%s::%s%s", name, wide, dims, stored,
               str_eq(wide, "numeric") ? by_text(oid, OID_NUMERIC, column->is_array) : "", wide,
               dims);
    /* Digits behind the microseconds are rounded by any of them. */
    if (is_time(oid)) buf_printf(sql, " OR %s::text ~ ':[0-9]+[.][0-9]{6}[0-9]*[1-9]'", name);
    return true;
}

static bool report_change(PgConn *conn, const PgTarget *target, size_t i, int64_t count,
                          Error *err)
{
    AUTO_ARENA scratch = arena_new();
    AUTO_PGRESULT result = NULL;
    Buf sql = buf_on(scratch);
    const PgColumn *column = target->pairs[i];
    buf_printf(&sql, "SELECT left(s.%s::text, 200) FROM " STAGE " s WHERE ",
               sql_ident(scratch, column->name));
    put_changes(&sql, target, i);
    buf_puts(&sql, " LIMIT 1");
    if (!pg_exec(conn, buf_text(&sql), &result, err)) return false;
    const char *sample = PQntuples(result) ? pg_field(result, 0, 0) : NULL;
    error_set(err, ERR_CAST, SPAN_NONE,
              "%s, column '%s': %lld %s would change when stored as %s, for example %s",
              target->label, column->name, (long long)count, count == 1 ? "value" : "values",
              column->pg_type, sample ? sample : "NULL");
    return error_hint(err, "cast the column in the query, or change its type on the server");
}

/* The server's word for a value that it cannot cast does not say where it stands. False. */
static bool name_column(PgConn *conn, const PgTarget *target, Error *err)
{
    if (err->code != ERR_REMOTE_DATA) return false;
    AUTO_ARENA scratch = arena_new();
    Error found = {0};
    for (size_t i = 0; i < target->count; i++) {
        Buf sql = buf_on(scratch);
        buf_puts(&sql, "SELECT count(");
        put_cast(&sql, target, i);
        buf_puts(&sql, ") FROM " STAGE " s");
        if (!pg_exec(conn, "ROLLBACK TO " STAGED, NULL, &found)) return false;
        if (pg_exec(conn, buf_text(&sql), NULL, &found)) continue;
        if (found.code == ERR_REMOTE_DATA)
            error_prefix(err, "%s, column '%s': ", target->label, target->pairs[i]->name);
        return false;
    }
    return error_prefix(err, "%s: ", target->label);
}

static bool check_values(PgConn *conn, const PgTarget *target, Error *err)
{
    AUTO_ARENA scratch = arena_new();
    AUTO_PGRESULT result = NULL;
    Buf sql = buf_on(scratch);
    size_t *asked = ARENA_ARRAY(scratch, size_t, target->count + 1), count = 0;
    buf_puts(&sql, "SELECT ");
    for (size_t i = 0; i < target->count; i++) {
        Buf changes = buf_on(scratch);
        if (!put_changes(&changes, target, i)) continue;
        buf_printf(&sql, "%scount(*) FILTER (WHERE %s)", count ? ", " : "", buf_text(&changes));
        asked[count++] = i;
    }
    if (count == 0) return true;
    buf_puts(&sql, " FROM " STAGE " s");
    if (!pg_exec(conn, buf_text(&sql), &result, err)) return name_column(conn, target, err);
    for (size_t i = 0; i < count; i++) {
        int64_t changed = pg_field_int(result, 0, (int)i);
        if (changed) return report_change(conn, target, asked[i], changed, err);
    }
    return true;
}

static bool is_key(const PgTarget *target, const char *name)
{
    for (size_t i = 0; i < target->keys.count; i++)
        if (str_eq(target->keys.items[i], name)) return true;
    return false;
}

static bool check_keys(PgConn *conn, const PgTarget *target, Error *err)
{
    AUTO_ARENA scratch = arena_new();
    AUTO_PGRESULT result = NULL;
    Buf keys = buf_on(scratch), nulls = buf_on(scratch), stored = buf_on(scratch);
    for (size_t i = 0; i < target->count; i++) {
        const char *name = target->pairs[i]->name;
        if (!is_key(target, name)) continue;
        const char *ident = sql_ident(scratch, name), *comma = keys.size ? ", " : "";
        buf_printf(&keys, "%s%s", comma, ident);
        buf_printf(&nulls, "%s%s IS NULL", nulls.size ? " OR " : "", ident);
        buf_puts(&stored, comma);
        put_cast(&stored, target, i); /* '1' and '01' are one integer */
    }
    const char *sql = arena_printf(
        scratch,
        "SELECT (SELECT count(*) FROM " STAGE " WHERE %s), (SELECT count(*) FROM (SELECT FROM "
        STAGE " AS s GROUP BY %s HAVING count(*) > 1) AS d)",
        buf_text(&nulls), buf_text(&stored));
    if (!pg_exec(conn, sql, &result, err)) return name_column(conn, target, err);
    int64_t without = pg_field_int(result, 0, 0), twice = pg_field_int(result, 0, 1);
    if (without)
        return error_set(err, ERR_NULL_KEY, SPAN_NONE,
                         "%s: %lld exported rows have NULL in the upsert key (%s)", target->label,
                         (long long)without, buf_text(&keys));
    if (!twice) return true;
    error_set(err, ERR_DUPLICATE_ROWS, SPAN_NONE,
              "%s: %lld upsert keys (%s) stand in more than one exported row", target->label,
              (long long)twice, buf_text(&keys));
    return error_hint(err, "let the query give one row for each key");
}

bool pg_stage_check(PgConn *conn, const PgTarget *target, Error *err)
{
    if (!pg_exec(conn, "SAVEPOINT " STAGED, NULL, err) || !check_values(conn, target, err))
        return false;
    return target->mode != PG_UPSERT || check_keys(conn, target, err);
}

/* Two exports at once, or a writer between UPDATE and INSERT, would double rows; readers go on. */
static bool lock(PgConn *conn, const PgTarget *target, Error *err)
{
    return pg_execf(conn, err, "LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE", target->table.sql);
}

/* Tables beside the target that would lose rows, or have them changed: those that inherit from it,
 * and those whose foreign keys have an ON DELETE action. $1 is the target; below a view lie tables,
 * below a table its partitions. */
static const char others_sql[] =
    "WITH RECURSIVE below(up, down, own) AS (SELECT i.inhparent, i.inhrelid, c.relispartition FROM "
    "pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid UNION ALL SELECT "
    "r.ev_class, d.refobjid, true FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_depend d ON "
    "d.objid = r.oid WHERE d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.refclassid = "
    "'pg_catalog.pg_class'::regclass AND d.refobjid <> r.ev_class AND r.ev_type = '1'), "
    "hit(oid, own) AS (SELECT $1::oid, true UNION SELECT down, b.own FROM hit JOIN below b ON "
    "b.up = hit.oid), "
    "other(oid, why) AS (SELECT oid, 'which inherits from it' FROM hit WHERE NOT own UNION "
    "SELECT conrelid, 'whose foreign key has an ON DELETE action' FROM pg_catalog.pg_constraint "
    "WHERE contype = 'f' AND confrelid IN (SELECT oid FROM hit) AND confdeltype IN ('c', 'n', 'd') "
    "AND conrelid NOT IN (SELECT oid FROM hit)) "
    "SELECT format('%I.%I', n.nspname, r.relname), has_table_privilege(r.oid, 'SELECT'), why FROM "
    "other JOIN pg_catalog.pg_class r USING (oid) JOIN pg_catalog.pg_namespace n ON "
    "n.oid = r.relnamespace ORDER BY 1";

static bool check_others(PgConn *conn, const PgTarget *target, Error *err)
{
    AUTO_ARENA scratch = arena_new();
    AUTO_PGRESULT others = NULL;
    const char *oid = arena_printf(scratch, "%u", target->table.oid);
    if (!pg_exec_args(conn, others_sql, (PgArgs){1, &oid}, &others, err)) return false;
    for (int i = 0; i < PQntuples(others); i++) {
        AUTO_PGRESULT any = NULL;
        const char *table = pg_field(others, i, 0);
        bool readable = *pg_field(others, i, 1) == 't';
        const char *look = arena_printf(scratch, "SELECT FROM %s LIMIT 1", table);
        if (readable && !pg_exec(conn, look, &any, err)) return false;
        if (readable && PQntuples(any) == 0) continue;
        error_set(err, ERR_EXPORT, SPAN_NONE,
                  "%s: to replace its rows would delete or change those of %s, %s; nothing was "
                  "changed", target->label, table, pg_field(others, i, 2));
        return error_hint(err, "mode upsert keeps the rows that others refer to");
    }
    return true;
}

/* DELETE passes over rows that a trigger, rule or policy keeps, with no error. */
static bool check_empty(PgConn *conn, const PgTarget *target, Error *err)
{
    AUTO_PGRESULT kept = NULL;
    if (target->plain) return true;
    AUTO_ARENA scratch = arena_new();
    const char *look = arena_printf(scratch, "SELECT FROM %s LIMIT 1", target->table.sql);
    if (!pg_exec(conn, look, &kept, err)) return false;
    if (PQntuples(kept) == 0) return true;
    error_set(err, ERR_EXPORT, SPAN_NONE,
              "%s: the server keeps rows that the export would replace; nothing was changed",
              target->label);
    return error_hint(err, "see the table's triggers, rules and row security (\\d in psql)");
}

bool pg_target_clear(PgConn *conn, const PgTarget *target, Error *err)
{
    if (target->mode != PG_REPLACE) return true;
    return lock(conn, target, err) && check_others(conn, target, err) &&
           pg_execf(conn, err, "DELETE FROM %s", target->table.sql) &&
           check_empty(conn, target, err);
}

/* "t.key = s.key::type AND …" */
static void put_match(Buf *sql, const PgTarget *target)
{
    bool first = true;
    for (size_t i = 0; i < target->count; i++) {
        if (!is_key(target, target->pairs[i]->name)) continue;
        if (!first) buf_puts(sql, " AND ");
        first = false;
        buf_puts(sql, "t.");
        buf_ident(sql, target->pairs[i]->name);
        buf_puts(sql, " = ");
        put_cast(sql, target, i);
    }
}

static int64_t rows_of(PGresult *result) { return strtoll(PQcmdTuples(result), NULL, 10); }

/* Rows whose key is all they have stay as they are. */
static bool count_matched(PgConn *conn, const PgTarget *target, int64_t *count, Error *err)
{
    AUTO_ARENA scratch = arena_new();
    AUTO_PGRESULT result = NULL;
    Buf sql = buf_on(scratch);
    buf_printf(&sql, "SELECT count(*) FROM " STAGE " AS s WHERE EXISTS (SELECT FROM %s AS t WHERE ",
               target->table.sql);
    put_match(&sql, target);
    buf_putc(&sql, ')');
    if (!pg_exec(conn, buf_text(&sql), &result, err)) return false;
    *count = pg_field_int(result, 0, 0);
    return true;
}

static bool update_matched(PgConn *conn, const PgTarget *target, int64_t *updated, Error *err)
{
    AUTO_PGRESULT result = NULL;
    AUTO_ARENA scratch = arena_new();
    Buf sql = buf_on(scratch);
    bool any = false;
    buf_printf(&sql, "UPDATE %s AS t SET ", target->table.sql);
    for (size_t i = 0; i < target->count; i++) {
        if (is_key(target, target->pairs[i]->name)) continue;
        if (any) buf_puts(&sql, ", ");
        any = true;
        buf_ident(&sql, target->pairs[i]->name);
        buf_puts(&sql, " = ");
        put_cast(&sql, target, i);
    }
    if (!any) return count_matched(conn, target, updated, err);
    buf_puts(&sql, " FROM " STAGE " AS s WHERE ");
    put_match(&sql, target);
    if (!pg_exec(conn, buf_text(&sql), &result, err)) return name_column(conn, target, err);
    *updated = rows_of(result);
    return true;
}

bool pg_stage_merge(PgConn *conn, const PgTarget *target, int64_t *written, Error *err)
{
    AUTO_ARENA scratch = arena_new();
    AUTO_PGRESULT result = NULL;
    *written = 0;
    Buf sql = buf_on(scratch);
    buf_printf(&sql, "INSERT INTO %s (", target->table.sql);
    put_names(&sql, target, "");
    buf_puts(&sql, ") OVERRIDING SYSTEM VALUE SELECT ");
    for (size_t i = 0; i < target->count; i++) {
        if (i) buf_puts(&sql, ", ");
        put_cast(&sql, target, i);
    }
    buf_puts(&sql, " FROM " STAGE " AS s");
    if (target->mode == PG_UPSERT) {
        if (!pg_exec(conn, "ANALYZE " STAGE, NULL, err) || !lock(conn, target, err) ||
            !update_matched(conn, target, written, err))
            return false;
        buf_printf(&sql, " WHERE NOT EXISTS (SELECT FROM %s AS t WHERE ", target->table.sql);
        put_match(&sql, target);
        buf_putc(&sql, ')');
    }
    if (!pg_exec(conn, buf_text(&sql), &result, err)) return name_column(conn, target, err);
    *written += rows_of(result);
    return true;
}
