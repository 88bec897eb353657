/* From a link to what is read on the server: the table or query of its options, with the columns
 * the reader wants, checked for what DuckDB cannot hold. */
#include "connectors/postgres/columns.h"

#include <string.h>

#include "base/map.h"
#include "connectors/postgres/querytext.h"

static PgNumericAs numeric_as(const Link *link)
{
    const char *text = link_text(link, "numeric_as");
    if (str_ieq(text, "double")) return NUMERIC_DOUBLE;
    return str_ieq(text, "error") ? NUMERIC_ERROR : NUMERIC_VARCHAR;
}

static const char *query_as_from(Arena *arena, const char *query)
{
    return arena_printf(arena, "(%.*s) AS \"sqlflow_query\"", (int)pg_query_end(query), query);
}

static bool find_source(Session *session, const Link *link, PgConn *conn, PgSource *source,
                        Error *err)
{
    Arena *arena = session->arena;
    const char *query = link_text(link, "query"), *table = link_text(link, "table");
    const char *schema = link_text(link, "schema"), *where = link_text(link, "where");
    if (where && pg_query_end(where) > 0)
        source->where = arena_printf(arena, "(%.*s)", (int)pg_query_end(where), where);
    if (query && pg_query_end(query) > 0) {
        source->from = query_as_from(arena, query);
        source->label = "the query";
        return true;
    }
    if (!pg_find_table(conn, arena, schema, table, &source->table, err)) return false;
    if (!source->table.oid) return pg_no_table(conn, schema, table, err);
    source->from = source->table.sql;
    source->label = arena_printf(arena, "table %s.%s", source->table.schema, source->table.name);
    return true;
}

static bool pick(Arena *arena, const PgSource *source, const PgColumns *all,
                 const Strings *wanted, PgColumns *picked, Error *err)
{
    Strings names = {0};
    for (size_t i = 0; i < all->count; i++) strings_add(arena, &names, all->items[i].name);
    for (size_t i = 0; i < wanted->count; i++) {
        const PgColumn *column = pg_column(all, wanted->items[i]);
        if (!column) {
            error_set(err, ERR_REMOTE_OBJECT, SPAN_NONE, "%s has no column '%s'%s", source->label,
                      wanted->items[i], str_did_you_mean(arena, wanted->items[i], &names));
            return error_hint(err, "its columns are: %s", strings_join(arena, &names, ", "));
        }
        *LIST_PUSH(arena, picked) = *column;
    }
    return true;
}

/* DuckDB's names ignore case, PostgreSQL's do not. */
static bool check_names(Arena *arena, const PgSource *source, Error *err)
{
    Map seen = map_on(arena);
    for (size_t i = 0; i < source->columns.count; i++) {
        const char *name = source->columns.items[i].name;
        const char *earlier = map_get(&seen, name);
        if (!earlier) {
            map_set(&seen, name, (void *)(uintptr_t)name);
            continue;
        }
        error_set(err, ERR_REMOTE_DATA, SPAN_NONE,
                  str_eq(earlier, name) ? "%s has two columns '%s'"
                                        : "%s has columns '%s' and '%s', which are one in DuckDB",
                  source->label, earlier, name);
        return error_hint(err, "pick columns with \"columns\": [\"%s\", …], or rename them in "
                               "'query'", earlier);
    }
    return true;
}

static void warn_text_forms(Session *session, const Link *link, const PgSource *source)
{
    Arena *arena = session->arena;
    Strings list = {0};
    for (size_t i = 0; i < source->columns.count; i++) {
        const PgColumn *column = &source->columns.items[i];
        if (column->text_cast)
            strings_add(arena, &list, arena_printf(arena, "%s (%s)", column->name,
                                                   column->pg_type));
    }
    if (list.count == 0 || !session->diags) return;
    diag_warning(session->diags, WARN_TEXT_FORM, link->span, "%s: read in their text form: %s",
                 source->label, strings_join(arena, &list, ", "));
}

static bool check_types(const Link *link, const PgSource *source, Error *err)
{
    for (size_t i = 0; i < source->columns.count; i++) {
        const PgColumn *column = &source->columns.items[i];
        if (!column->scalar.refused) continue;
        error_set(err, ERR_REMOTE_DATA, link_span(link, "numeric_as"),
                  "%s, column '%s': %s does not fit a DECIMAL of 38 digits", source->label,
                  column->name, column->pg_type);
        return error_hint(err, "numeric_as: varchar keeps every digit, double rounds");
    }
    return true;
}

bool pg_source(Session *session, const Link *link, PgConn *conn, const Strings *wanted,
               PgSource *source, Error *err)
{
    Arena *arena = session->arena;
    *source = (PgSource){0};
    source->table.rows = -1;
    if (!find_source(session, link, conn, source, err)) return false;
    PgColumns all = {0};
    const char *select = arena_printf(arena, "SELECT * FROM %s", source->from);
    if (!pg_columns(conn, arena, select, numeric_as(link), &all, err)) {
        if (err->code == ERR_REMOTE_SQL && !source->table.oid && !*err->hint)
            error_hint(err, "'query' is one SELECT, WITH, VALUES or TABLE, which changes nothing");
        return false;
    }
    Strings listed = link_list(link, arena, "columns");
    if (!wanted || wanted->count == 0) wanted = &listed;
    if (wanted->count == 0)
        source->columns = all;
    else if (!pick(arena, source, &all, wanted, &source->columns, err))
        return false;
    if (source->columns.count == 0)
        return error_set(err, ERR_REMOTE_DATA, SPAN_NONE, "%s has no columns", source->label);
    const char *encoding = PQparameterStatus(conn->pq, "server_encoding");
    source->check_utf8 = !encoding || str_eq(encoding, "SQL_ASCII");
    if (!check_names(arena, source, err) || !check_types(link, source, err)) return false;
    warn_text_forms(session, link, source);
    return true;
}
