/* Lists tables, views and their columns with the types that a read would give them. */
#include "connectors/postgres/discover.h"

#include "connectors/postgres/columns.h"

static const char tables_sql[] =
    "SELECT n.nspname, c.relname, c.relkind, c.reltuples::bigint, "
    "CASE WHEN c.relkind IN ('r', 'm') THEN pg_relation_size(c.oid) ELSE -1 END, c.oid "
    "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition AND "
    "has_schema_privilege(n.oid, 'USAGE') AND (has_table_privilege(c.oid, 'SELECT') OR "
    "has_any_column_privilege(c.oid, 'SELECT')) AND c.relname <> '_sqlflow_exports' AND "
    "CASE WHEN $1::text IS NULL THEN n.nspname NOT IN ('pg_catalog', 'information_schema') "
    "AND n.nspname !~ '^pg_(toast|temp)' ELSE n.nspname = $1 END ORDER BY 1, 2";

/* All columns at once: a database may have thousands of tables. */
static const char columns_sql[] =
    "SELECT a.attrelid, a.attname, CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END, "
    "CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END, t.typtype, "
    "CASE WHEN t.typcategory = 'A' AND t.typlen = -1 THEN t.typelem ELSE 0 END, "
    "greatest(a.attndims, t.typndims, 1), e.typtype "
    "FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid "
    "LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem "
    "WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attrelid = ANY ($1::oid[]) AND "
    "has_column_privilege(a.attrelid, a.attnum, 'SELECT') "
    "ORDER BY a.attrelid, a.attnum";

static const char *kind_name(char kind)
{
    return kind == 'v' || kind == 'm' ? "view" : "table";
}

static const char *column_type(Arena *arena, const PGresult *result, int row)
{
    uint32_t element = (uint32_t)pg_field_int(result, row, 5);
    uint32_t oid = element ? element : (uint32_t)pg_field_int(result, row, 2);
    const char *kind = pg_field(result, row, element ? 7 : 4);
    PgScalar scalar = pg_scalar(arena, oid, (int32_t)pg_field_int(result, row, 3),
                                kind && *kind == 'e', NUMERIC_VARCHAR);
    const char *type = scalar.duck;
    for (int64_t i = element ? pg_field_int(result, row, 6) : 0; i > 0; i--)
        type = arena_printf(arena, "%s[]", type);
    return type;
}

static bool add_columns(PgConn *conn, Arena *arena, Objects *objects, const char *oids,
                        const uint32_t *order, Error *err)
{
    AUTO_PGRESULT result = NULL;
    if (!pg_exec_args(conn, columns_sql, (PgArgs){1, &oids}, &result, err)) return false;
    int rows = PQntuples(result);
    for (size_t i = 0; i < objects->count; i++) {
        /* Rows are sorted by oid: find the table's first by halving. */
        int low = 0, high = rows;
        while (low < high) {
            int middle = (low + high) / 2;
            if ((uint32_t)pg_field_int(result, middle, 0) < order[i]) low = middle + 1;
            else high = middle;
        }
        for (; low < rows && (uint32_t)pg_field_int(result, low, 0) == order[i]; low++)
            *LIST_PUSH(arena, &objects->items[i].columns) =
                (Column){arena_strdup(arena, pg_field(result, low, 1)),
                         column_type(arena, result, low)};
    }
    return true;
}

/* Of nothing that was found, a missing schema is an error. */
static bool check_schema(PgConn *conn, const char *schema, Error *err)
{
    AUTO_PGRESULT result = NULL;
    if (!pg_exec_args(conn, "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1",
                      (PgArgs){1, &schema}, &result, err))
        return false;
    if (PQntuples(result) > 0) return true;
    error_set(err, ERR_REMOTE_OBJECT, SPAN_NONE, "%s: there is no schema %s", conn->label, schema);
    return error_hint(err, "check the option 'schema'");
}

bool pg_discover(Session *session, const Link *link, Objects *objects, Error *err)
{
    Arena *arena = session->arena;
    PgParams params;
    AUTO_PGCONN conn = {0};
    AUTO_PGRESULT result = NULL;
    const char *schema = link_text(link, "schema");
    if (schema && !*schema) schema = NULL;
    if (!pg_params(session, link, &params, err) || !pg_open(&params, &conn, NULL, err) ||
        !pg_exec_args(&conn, tables_sql, (PgArgs){1, &schema}, &result, err))
        return false;
    int count = PQntuples(result);
    if (count == 0 && schema && !check_schema(&conn, schema, err)) return false;
    uint32_t *order = ARENA_ARRAY(arena, uint32_t, (size_t)count + 1);
    Buf oids = buf_on(arena);
    buf_putc(&oids, '{');
    for (int i = 0; i < count; i++) {
        Object *object = LIST_PUSH(arena, objects);
        object->name = arena_printf(arena, "%s.%s", pg_field(result, i, 0),
                                    pg_field(result, i, 1));
        object->kind = kind_name(*pg_field(result, i, 2));
        object->rows = pg_field_int(result, i, 3);
        object->bytes = pg_field_int(result, i, 4);
        order[i] = (uint32_t)pg_field_int(result, i, 5);
        buf_printf(&oids, "%s%u", i ? "," : "", order[i]);
    }
    buf_putc(&oids, '}');
    return add_columns(&conn, arena, objects, buf_text(&oids), order, err);
}
