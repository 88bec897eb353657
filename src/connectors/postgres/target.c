/* Finds or makes the table of an export and pairs its columns with the query's by name. */
#include "connectors/postgres/target.h"

#include <string.h>

/* The schema a new table goes to, as the server names it. */
static bool find_schema(PgConn *conn, Arena *arena, const char *wanted, PgTarget *target,
                        Error *err)
{
    AUTO_PGRESULT result = NULL;
    if (!pg_exec_args(conn,
                      "SELECT coalesce((SELECT nspname FROM pg_catalog.pg_namespace "
                      "WHERE nspname IN ($1::text, lower($1::text)) ORDER BY nspname = $1 DESC "
                      "LIMIT 1), CASE WHEN $1::text IS NULL THEN current_schema() END)",
                      (PgArgs){1, &wanted}, &result, err))
        return false;
    const char *schema = pg_field(result, 0, 0);
    if (schema) {
        target->schema = arena_strdup(arena, schema);
        return true;
    }
    error_set(err, ERR_REMOTE_OBJECT, SPAN_NONE, "%s: there is no schema %s", conn->label,
              wanted ? wanted : "in the role's search path");
    return error_hint(err, "create the schema on the server first, or name another");
}

enum { LONGEST_NAME = 63 };

/* The server would cut the name without an error, and two names may then be one. */
static bool check_length(const char *kind, const char *name, Error *err)
{
    if (strlen(name) <= LONGEST_NAME) return true;
    error_set(err, ERR_REMOTE_DATA, SPAN_NONE, "the name of %s '%s' has %zu bytes, more than "
              "PostgreSQL's %d", kind, name, strlen(name), LONGEST_NAME);
    return error_hint(err, "give it a shorter one%s", *kind == 'c' ? " with AS" : "");
}

static bool check_lengths(const PgTarget *target, const char *table, Error *err)
{
    for (size_t i = 0; i < target->count; i++)
        if (!check_length("column", target->wires[i].name, err)) return false;
    return check_length("table", table, err);
}

bool pg_target_find(Session *session, const Link *link, PgConn *conn, const char *destination,
                    PgTarget *target, Error *err)
{
    Arena *arena = session->arena;
    Strings name = pg_split_name(arena, destination);
    const char *mode = link_text(link, "mode");
    target->mode = str_ieq(mode, "append") ? PG_APPEND : str_ieq(mode, "upsert") ? PG_UPSERT
                                                                                 : PG_REPLACE;
    target->keys = link_names(link, arena, "upsert_keys");
    if (target->mode == PG_UPSERT && target->keys.count == 0)
        return error_set(err, ERR_MISSING_OPTION, link->span, "mode upsert needs 'upsert_keys'");
    const char *schema = name.count == 2 ? name.items[0] : NULL;
    const char *table = name.items[name.count - 1];
    if (!check_lengths(target, table, err) ||
        !pg_find_table(conn, arena, schema, table, &target->table, err))
        return false;
    target->name = target->table.oid ? target->table.name : table;
    if (target->table.oid)
        target->schema = target->table.schema;
    else if (!find_schema(conn, arena, schema, target, err))
        return false;
    target->label = arena_printf(arena, "table %s.%s", target->schema, target->name);
    return true;
}

/* Two exports may make one table at once: the second waits here until the first has committed. */
static bool find_again(Arena *arena, PgConn *conn, PgTarget *target, Error *err)
{
    const char *name = arena_printf(arena, "sqlflow table %s.%s", target->schema, target->name);
    return pg_exec_args(conn, "SELECT pg_advisory_xact_lock(hashtext($1))", (PgArgs){1, &name},
                        NULL, err) &&
           pg_find_table(conn, arena, target->schema, target->name, &target->table, err);
}

bool pg_target_make(Session *session, const Link *link, PgConn *conn, PgTarget *target,
                    Error *err)
{
    if (target->table.oid) return true;
    if (!link_bool(link, "create_table")) {
        pg_no_table(conn, target->schema, target->name, err);
        return error_hint(err, "create it on the server, or leave create_table at true");
    }
    if (!find_again(session->arena, conn, target, err)) return false;
    if (target->table.oid) return true;
    Buf sql = buf_on(session->arena);
    buf_puts(&sql, "CREATE TABLE ");
    buf_ident(&sql, target->schema);
    buf_putc(&sql, '.');
    buf_ident(&sql, target->name);
    buf_puts(&sql, " (");
    for (size_t i = 0; i < target->count; i++) {
        if (i) buf_puts(&sql, ", ");
        buf_ident(&sql, target->wires[i].name);
        buf_printf(&sql, " %s", target->wires[i].pg_type);
    }
    buf_putc(&sql, ')');
    return pg_exec(conn, buf_text(&sql), NULL, err) &&
           pg_find_table(conn, session->arena, target->schema, target->name, &target->table, err);
}

static bool match_keys(Arena *arena, PgTarget *target, Error *err)
{
    for (size_t i = 0; i < target->keys.count; i++) {
        const PgColumn *column = pg_column(&target->columns, target->keys.items[i]);
        bool exported = false;
        for (size_t w = 0; column && w < target->count; w++)
            exported = exported || target->pairs[w] == column;
        if (!exported)
            return error_set(err, ERR_REMOTE_OBJECT, SPAN_NONE,
                             "%s: the upsert key '%s' is not %s", target->label,
                             target->keys.items[i],
                             column ? "among the exported columns" : "a column of the table");
        target->keys.items[i] = arena_strdup(arena, column->name);
    }
    return true;
}

bool pg_target_match(Arena *arena, PgConn *conn, PgTarget *target, Error *err)
{
    const char *select = arena_printf(arena, "SELECT * FROM %s", target->table.sql);
    if (!pg_columns(conn, arena, select, NUMERIC_VARCHAR, &target->columns, err)) return false;
    Strings names = {0};
    for (size_t i = 0; i < target->columns.count; i++)
        strings_add(arena, &names, target->columns.items[i].name);
    target->pairs = ARENA_ARRAY(arena, const PgColumn *, target->count + 1);
    for (size_t i = 0; i < target->count; i++) {
        target->pairs[i] = pg_column(&target->columns, target->wires[i].name);
        if (target->pairs[i]) continue;
        error_set(err, ERR_REMOTE_OBJECT, SPAN_NONE, "%s has no column '%s'%s", target->label,
                  target->wires[i].name, str_did_you_mean(arena, target->wires[i].name, &names));
        return error_hint(err, "its columns are: %s", strings_join(arena, &names, ", "));
    }
    if (!match_keys(arena, target, err)) return false;
    const PgTable *table = &target->table;
    target->plain = (table->kind == 'r' || table->kind == 'p') && !table->has_rules &&
                    !table->row_security && !table->has_row_triggers;
    target->direct = target->mode != PG_UPSERT && target->plain;
    PgWire *own = arena_grow(arena, target->wires, target->count, target->count + 1,
                             sizeof *target->wires);
    for (size_t i = 0; target->direct && i < target->count; i++)
        target->direct = pg_wire_fits(&own[i], target->pairs[i]);
    if (target->direct) target->wires = own;
    return true;
}
