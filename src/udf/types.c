/* Type texts ("DECIMAL(10,2)", "STRUCT(a INTEGER)") → DuckDB's types: DuckDB itself reads them. */
#include "duck_api.h"
#include "udf/session.h"
#include "udf/sqlscan.h"

/* A type and nothing else: no second statement, no way out of the CAST. */
static bool looks_like_type(const char *text) {
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

void *session_type(UdfSession *session, const Udf *udf, const char *type, Error *err) {
    duckdb_logical_type known = map_get(&session->types, type);
    if (known) return known;
    const char *sql = arena_printf(session->arena, "SELECT CAST(NULL AS %s) AS value", type);
    Columns columns = {0};
    Error reason = {.message = "it is no type"};
    /* Described first, for DuckDB's reason in words. */
    if (!looks_like_type(type) ||
        !duck_describe(session->config.duck, session->arena, sql, &columns, &reason)) {
        error_set(err, ERR_UDF_DEFINITION, SPAN_NONE, "%s:%d: %s has the type '%s': %s", udf->file,
                  udf->line, udf->name, type, reason.message);
        return NULL;
    }
    duckdb_result result;
    if (duckdb_query(duck_connection(session->config.duck), sql, &result) == DuckDBSuccess)
        known = duckdb_column_logical_type(&result, 0);
    duckdb_destroy_result(&result);
    map_set(&session->types, type, known);
    return known;
}

void session_types_free(UdfSession *session) {
    for (size_t i = 0; i < session->types.count; i++) {
        duckdb_logical_type type = session->types.entries[i].value;
        duckdb_destroy_logical_type(&type);
    }
    session->types = map_exact_on(session->arena);
}

/* Every type of one function, in order; NULL at the end. */
static const char *type_at(const Udf *udf, size_t index) {
    if (index < udf->params.count) {
        const char *type = udf->params.items[index].type;
        return type ? type : "VARCHAR";
    }
    index -= udf->params.count;
    if (udf->return_type && index-- == 0) return udf->return_type;
    return index < udf->output.count ? udf->output.items[index].type : NULL;
}

void udfs_check_types(const Udfs *udfs, Duck *duck, Diags *diags) {
    UdfSession session = {.arena = diags->arena, .config = {.duck = duck}};
    session.types = map_exact_on(diags->arena);
    for (size_t i = 0; i < udfs->functions.count; i++) {
        const Udf *udf = udfs->functions.items[i];
        const char *type;
        for (size_t t = 0; !udf->problem && (type = type_at(udf, t)); t++) {
            Error err;
            if (!session_type(&session, udf, type, &err)) diag_add(diags, SEVERITY_ERROR, &err);
        }
    }
    session_types_free(&session);
}
