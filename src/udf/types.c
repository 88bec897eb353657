/* Type texts ("DECIMAL(10,2)", "STRUCT(a INTEGER)") → DuckDB's types: DuckDB itself reads them. */
#include "duck_api.h"
#include "udf/session.h"
#include "udf/sqlscan.h"

/* A type and nothing else: no second statement, no way out of the CAST. */
static bool looks_like_type(const char *text)
{
    AUTO_ARENA arena = arena_new();
    SqlTokens tokens = sqlscan(arena, text);
    if (tokens.count < 2 || tokens.items[0].kind == SQL_SYMBOL) return false;
    size_t depth = 0;
    for (size_t i = 0; i + 1 < tokens.count; i++) {
        if (sql_is(text, &tokens, i, ";")) return false;
        if (sql_is(text, &tokens, i, "(")) depth++;
        if (sql_is(text, &tokens, i, ")") && !depth--) return false;
    }
    return depth == 0;
}

void *session_type(UdfSession *session, const Udf *udf, const char *type, Error *err)
{
    duckdb_logical_type known = map_get(&session->types, type);
    if (known) return known;
    duckdb_connection connection = duck_connection(session->config.duck);
    const char *sql = arena_printf(session->arena, "SELECT CAST(NULL AS %s)", type);
    duckdb_result result;
    const char *why = "it is no type";
    if (looks_like_type(type)) {
        if (duckdb_query(connection, sql, &result) == DuckDBSuccess) {
            known = duckdb_column_logical_type(&result, 0);
            duckdb_destroy_result(&result);
            map_set(&session->types, type, known);
            return known;
        }
        why = arena_strdup(session->arena, duckdb_result_error(&result));
        duckdb_destroy_result(&result);
    }
    error_set(err, ERR_UDF_DEFINITION, SPAN_NONE, "%s:%d: %s has the type '%s': %s", udf->file,
              udf->line, udf->name, type, why);
    return NULL;
}

void session_types_free(UdfSession *session)
{
    for (size_t i = 0; i < session->types.count; i++) {
        duckdb_logical_type type = session->types.entries[i].value;
        duckdb_destroy_logical_type(&type);
    }
    session->types = map_on(session->arena);
}
