/* The statements of an export: the stage table, its checks, and how its rows get into the table.
 * The stage has the query's own types; each value must survive the cast to the table's. */
#include "connectors/postgres/target.h"

#include <stdlib.h>

#define STAGE "pg_temp.\"_sqlflow_stage\""

static void put_names(Buf *sql, const PgTarget *target, const char *prefix)
{
    for (size_t i = 0; i < target->count; i++) {
        buf_printf(sql, "%s%s", i ? ", " : "", prefix);
        buf_ident(sql, target->pairs[i]->name);
    }
}

/* The stage's column as the table's type. Without the length, which the assignment checks. */
static void put_cast(Buf *sql, const PgTarget *target, size_t i)
{
    buf_puts(sql, "s.");
    buf_ident(sql, target->pairs[i]->name);
    buf_printf(sql, "::%s", target->pairs[i]->pg_type);
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
 * the widest type of the target's kind. NULL where the server's own reading is strict. */
static const char *wide_type(uint32_t oid)
{
    switch (oid) {
    case OID_NUMERIC: return "numeric";
    case OID_TIME: return "time";
    case OID_TIMETZ: return "timetz";
    case OID_DATE:
    case OID_TIMESTAMP: return "timestamp";
    case OID_TIMESTAMPTZ: return "timestamptz";
    case OID_INTERVAL: return "interval";
    case OID_VARCHAR:
    case OID_BPCHAR: return "text";
    default: return NULL;
    }
}

/* A condition that is true where the cast of column i changes the value; false when none can. */
static bool put_changes(Buf *sql, const PgTarget *target, size_t i)
{
    const PgWire *wire = &target->wires[i];
    const PgColumn *column = target->pairs[i];
    PgWire same = *wire;
    if (pg_wire_fits(&same, column) && same.max_chars == 0) return false;
    uint32_t oid = column->is_array ? column->element : column->oid;
    if (wire->oid == OID_JSON || oid == OID_JSON) return false;
    Arena *arena = sql->arena;
    const char *name = arena_printf(arena, "s.%s", sql_ident(arena, column->name));
    const char *full = column->pg_type, *dims = column->is_array ? "[]" : "";
    if (wire->oid != OID_TEXT) {
        buf_printf(sql, "%s::%s::%s IS DISTINCT FROM %s", name, full, wire->pg_type, name);
        return true;
    }
    const char *wide = wide_type(oid);
    if (!wide) return false;
    if (oid == OID_BPCHAR && !column->is_array)
        buf_printf(sql, "rtrim(%s, ' ') IS DISTINCT FROM %s::%s::text", name, name, full);
    else
        buf_printf(sql, "%s::%s%s IS DISTINCT FROM %s::%s::%s%s", name, wide, dims, name, full,
                   wide, dims);
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
    if (!pg_exec(conn, buf_text(&sql), &result, err))
        return error_prefix(err, "%s: ", target->label);
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
    if (!pg_exec(conn, sql, &result, err)) return false;
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
    if (!check_values(conn, target, err)) return false;
    return target->mode != PG_UPSERT || check_keys(conn, target, err);
}

/* Two exports at once, or a writer between UPDATE and INSERT, would double rows; readers go on. */
static bool lock(PgConn *conn, const PgTarget *target, Error *err)
{
    return pg_execf(conn, err, "LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE", target->table.sql);
}

/* ON DELETE CASCADE and its like would take rows of other tables away, or change them. */
static bool check_cascades(PgConn *conn, const PgTarget *target, Error *err)
{
    AUTO_ARENA scratch = arena_new();
    AUTO_PGRESULT keys = NULL;
    const char *oid = arena_printf(scratch, "%u", target->table.oid);
    if (!pg_exec_args(conn,
                      "SELECT DISTINCT format('%I.%I', n.nspname, r.relname), "
                      "has_table_privilege(r.oid, 'SELECT') FROM pg_catalog.pg_constraint c JOIN "
                      "pg_catalog.pg_class r ON r.oid = c.conrelid JOIN pg_catalog.pg_namespace n "
                      "ON n.oid = r.relnamespace WHERE c.contype = 'f' AND c.confrelid = $1::oid "
                      "AND c.conrelid <> c.confrelid AND c.confdeltype IN ('c', 'n', 'd')",
                      (PgArgs){1, &oid}, &keys, err))
        return false;
    for (int i = 0; i < PQntuples(keys); i++) {
        AUTO_PGRESULT any = NULL;
        const char *table = pg_field(keys, i, 0);
        bool readable = *pg_field(keys, i, 1) == 't';
        const char *look = arena_printf(scratch, "SELECT FROM %s LIMIT 1", table);
        if (readable && !pg_exec(conn, look, &any, err)) return false;
        if (readable && PQntuples(any) == 0) continue;
        error_set(err, ERR_EXPORT, SPAN_NONE,
                  "%s: to replace its rows would delete or change those of %s, whose foreign key "
                  "has an ON DELETE action; nothing was changed", target->label, table);
        return error_hint(err, "mode upsert keeps the rows that others refer to");
    }
    return true;
}

bool pg_target_clear(PgConn *conn, const PgTarget *target, Error *err)
{
    if (target->mode != PG_REPLACE) return true;
    return lock(conn, target, err) && check_cascades(conn, target, err) &&
           pg_execf(conn, err, "DELETE FROM %s", target->table.sql);
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
    if (!pg_exec(conn, buf_text(&sql), &result, err)) return false;
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
    if (!pg_exec(conn, buf_text(&sql), &result, err)) return false;
    *written += rows_of(result);
    return true;
}
