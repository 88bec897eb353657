/* Asks the server for tables and columns. A statement is described, not run: the server resolves
 * names, views and domains, and one catalog query adds what the description lacks. */
#include "connectors/postgres/columns.h"

#include <stdlib.h>
#include <string.h>

static const char find_sql[] =
    "SELECT c.oid, n.nspname, c.relname, c.relkind, c.relhassubclass, "
    "c.relhasrules AND c.relkind <> 'v', c.relrowsecurity, c.reltuples::bigint, "
    "EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal "
    "AND t.tgtype & 3 = 3) " /* FOR EACH ROW, BEFORE */
    "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relname = $1 AND "
    "CASE WHEN $2::text IS NULL THEN pg_table_is_visible(c.oid) ELSE n.nspname = $2 END";

static bool find_exactly(PgConn *conn, Arena *arena, const char *const names[2], PgTable *table,
                         Error *err)
{
    AUTO_PGRESULT result = NULL;
    PgArgs args = {.count = 2, .values = names};
    if (!pg_exec_args(conn, find_sql, args, &result, err)) return false;
    if (PQntuples(result) == 0) return true;
    table->oid = (uint32_t)pg_field_int(result, 0, 0);
    table->schema = arena_strdup(arena, pg_field(result, 0, 1));
    table->name = arena_strdup(arena, pg_field(result, 0, 2));
    table->kind = *pg_field(result, 0, 3);
    table->has_children = *pg_field(result, 0, 4) == 't';
    table->has_rules = *pg_field(result, 0, 5) == 't';
    table->row_security = *pg_field(result, 0, 6) == 't';
    table->rows = pg_field_int(result, 0, 7);
    table->has_row_triggers = *pg_field(result, 0, 8) == 't';
    table->sql = arena_printf(arena, "%s.%s", sql_ident(arena, table->schema),
                              sql_ident(arena, table->name));
    return true;
}

Strings pg_split_name(Arena *arena, const char *text)
{
    Strings parts = {0};
    for (const char *p = text;;) {
        Buf part = buf_on(arena);
        if (*p == '"') {
            for (p++; *p && (*p != '"' || p[1] == '"'); p++) {
                buf_putc(&part, *p);
                if (*p == '"') p++;
            }
            if (*p == '"') p++;
        } else {
            for (; *p && *p != '.'; p++) buf_putc(&part, *p);
        }
        strings_add(arena, &parts, buf_text(&part));
        if (*p == '\0') break;
        if (*p++ != '.') parts.count = 3;
    }
    if (parts.count <= 2) return parts;
    parts.count = 0;
    strings_add(arena, &parts, text);
    return parts;
}

/* Table and schema as the name has them; false when it names a schema beside the one given. */
static bool take_apart(Arena *arena, const char *name, bool quoted, const char *split[2])
{
    Strings parts = {0};
    const char *dot = strchr(name, '.');
    if (quoted) {
        parts = pg_split_name(arena, name);
    } else if (dot) {
        strings_add(arena, &parts, arena_strndup(arena, name, (size_t)(dot - name)));
        strings_add(arena, &parts, dot + 1);
    }
    if (parts.count == 2 && split[1]) return false;
    if (parts.count == 2) split[1] = parts.items[0];
    if (parts.count) split[0] = parts.items[parts.count - 1];
    return true;
}

bool pg_find_table(PgConn *conn, Arena *arena, const char *schema, const char *name,
                   PgTable *table, Error *err)
{
    *table = (PgTable){.rows = -1};
    const char *whole[2] = {name, schema && *schema ? schema : NULL};
    if (!find_exactly(conn, arena, whole, table, err)) return false;
    if (table->oid) return true;
    const char *split[2] = {whole[0], whole[1]};
    bool quoted = strchr(name, '"') != NULL;
    if (!take_apart(arena, name, quoted, split)) return true;
    if (!find_exactly(conn, arena, split, table, err)) return false;
    if (table->oid || quoted) return true;
    /* Written without quotes, a name with capitals means the lower one. */
    const char *lower[2] = {str_lower(arena, split[0]),
                            split[1] ? str_lower(arena, split[1]) : NULL};
    return find_exactly(conn, arena, lower, table, err);
}

bool pg_no_table(PgConn *conn, const char *schema, const char *name, Error *err)
{
    AUTO_ARENA scratch = arena_new();
    AUTO_PGRESULT result = NULL;
    const char *values[1] = {schema && *schema ? schema : NULL};
    Strings names = {0};
    Error ignored = {0};
    if (pg_exec_args(conn,
                     "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = "
                     "c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND "
                     "CASE WHEN $1::text IS NULL THEN n.nspname NOT IN ('pg_catalog', "
                     "'information_schema') ELSE n.nspname = $1 END LIMIT 10000",
                     (PgArgs){1, values}, &result, &ignored))
        for (int i = 0; i < PQntuples(result); i++)
            strings_add(scratch, &names, PQgetvalue(result, i, 0));
    error_set(err, ERR_REMOTE_OBJECT, SPAN_NONE, "%s: there is no table %s%s%s%s", conn->label,
              values[0] ? values[0] : "", values[0] ? "." : "", name,
              str_did_you_mean(scratch, name, &names));
    return error_hint(err, "`sqlflow connect discover` lists the tables that the role can see");
}

static void finish_column(Arena *arena, PgColumn *column)
{
    bool text = column->scalar.as_text;
    if (column->is_array && column->dims == 0) column->dims = 1;
    if (!column->is_array) column->dims = 0;
    column->text_cast = text;
    const char *type = column->scalar.duck;
    for (int i = 0; i < column->dims; i++) type = arena_printf(arena, "%s[]", type);
    column->duck_type = type;
}

/* Fields: ordinal, format_type, typtype, element oid (0: no array), element's typtype, base type
 * and typmod of an element that is a domain, declared dimensions. */
static const char details_sql[] =
    "SELECT o.n, format_type(o.oid, o.mod), t.typtype, "
    "CASE WHEN e.typarray = t.oid THEN t.typelem ELSE 0 END, e.typtype, "
    "CASE WHEN e.typtype = 'd' THEN e.typbasetype ELSE e.oid END, "
    "CASE WHEN e.typtype = 'd' THEN e.typtypmod ELSE o.mod END, "
    "greatest(a.attndims, d.typndims, 0) "
    "FROM unnest($1::oid[], $2::int[], $3::oid[], $4::int[]) WITH ORDINALITY "
    "AS o(oid, mod, tab, col, n) "
    "JOIN pg_catalog.pg_type t ON t.oid = o.oid "
    "LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem AND e.typarray = t.oid "
    "LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = o.tab AND a.attnum = o.col "
    "LEFT JOIN pg_catalog.pg_type d ON d.oid = a.atttypid ORDER BY o.n";

static bool add_details(PgConn *conn, Arena *arena, const PGresult *described,
                        PgNumericAs numeric_as, PgColumns *columns, Error *err)
{
    AUTO_ARENA scratch = arena_new();
    Buf lists[4];
    for (int i = 0; i < 4; i++) lists[i] = buf_on(scratch);
    int count = PQnfields(described);
    for (int i = 0; i < count; i++) {
        const char *before = i ? "," : "{";
        buf_printf(&lists[0], "%s%u", before, PQftype(described, i));
        buf_printf(&lists[1], "%s%d", before, PQfmod(described, i));
        buf_printf(&lists[2], "%s%u", before, PQftable(described, i));
        buf_printf(&lists[3], "%s%d", before, PQftablecol(described, i));
    }
    const char *values[4];
    for (int i = 0; i < 4; i++) {
        buf_puts(&lists[i], count ? "}" : "{}");
        values[i] = buf_text(&lists[i]);
    }
    AUTO_PGRESULT result = NULL;
    if (!pg_exec_args(conn, details_sql, (PgArgs){4, values}, &result, err)) return false;
    for (int i = 0; i < PQntuples(result); i++) {
        PgColumn *column = &columns->items[pg_field_int(result, i, 0) - 1];
        column->pg_type = arena_strdup(arena, pg_field(result, i, 1));
        column->element = (uint32_t)pg_field_int(result, i, 3);
        column->is_array = column->element != 0;
        uint32_t oid = column->is_array ? (uint32_t)pg_field_int(result, i, 5) : column->oid;
        int32_t typmod = column->is_array ? (int32_t)pg_field_int(result, i, 6) : column->typmod;
        const char *kind = pg_field(result, i, column->is_array ? 4 : 2);
        column->is_enum = kind && *kind == 'e';
        column->scalar = pg_scalar(arena, oid, typmod, column->is_enum, numeric_as);
        column->dims = (int)pg_field_int(result, i, 7);
        finish_column(arena, column);
    }
    return true;
}

bool pg_columns(PgConn *conn, Arena *arena, const char *select, PgNumericAs numeric_as,
                PgColumns *columns, Error *err)
{
    AUTO_PGRESULT described = NULL;
    *columns = (PgColumns){0};
    if (!pg_describe(conn, select, &described, err)) return false;
    for (int i = 0; i < PQnfields(described); i++) {
        PgColumn *column = LIST_PUSH(arena, columns);
        column->name = arena_strdup(arena, PQfname(described, i));
        column->oid = PQftype(described, i);
        column->typmod = PQfmod(described, i);
    }
    return add_details(conn, arena, described, numeric_as, columns, err);
}

const PgColumn *pg_column(const PgColumns *columns, const char *name)
{
    const PgColumn *by_case = NULL;
    for (size_t i = 0; i < columns->count; i++) {
        if (str_eq(columns->items[i].name, name)) return &columns->items[i];
        if (!by_case && str_ieq(columns->items[i].name, name)) by_case = &columns->items[i];
    }
    return by_case;
}

const char *pg_select_list(Arena *arena, const PgColumns *columns, const size_t *picked,
                           size_t count)
{
    Buf sql = buf_on(arena);
    for (size_t i = 0; i < count; i++) {
        const PgColumn *column = &columns->items[picked ? picked[i] : i];
        if (i) buf_puts(&sql, ", ");
        buf_ident(&sql, column->name);
        if (!column->text_cast) continue;
        buf_puts(&sql, column->dims ? "::text[]" : "::text");
    }
    return buf_text(&sql);
}
