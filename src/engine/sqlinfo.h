/* What a query reads: asked of DuckDB's own parser (json_serialize_sql), which parses only and
 * binds nothing. */
#ifndef SQLFLOW_ENGINE_SQLINFO_H
#define SQLFLOW_ENGINE_SQLINFO_H

#include "engine/duck.h"

typedef struct TableRef {
    const char *schema; /* NULL when not written */
    const char *catalog; /* NULL when not written */
    const char *name;   /* unquoted, as written */
    int64_t offset;     /* byte offset in the SQL, -1 when unknown */
} TableRef;

typedef struct FunctionRef {
    const char *schema; /* qualification as written ("python_udfs.tax"), or NULL */
    const char *name;
    int64_t offset;
    bool in_from; /* a table function */
} FunctionRef;

typedef struct QueryInfo {
    struct {
        TableRef *items;
        size_t count, capacity;
    } tables; /* base tables only: no CTE names where they hide a table, no aliases, no files */
    struct {
        FunctionRef *items;
        size_t count, capacity;
    } functions;
    struct {
        const char **items;
        size_t count, capacity;
    } text_constants; /* string constants standing bare in a SELECT list, GROUP BY, ORDER BY */
} QueryInfo;

/* Parses `sql` (one query) and fills `info` in the arena, tables in order of appearance, each name
 * once. false with ERR_QUERY_SYNTAX when DuckDB cannot parse it (duck_error_offset tells where). */
bool sqlinfo_query(Duck *duck, Arena *arena, const char *sql, QueryInfo *info, Error *err);

/* Does DuckDB know a table or view of this name without the pipeline (information_schema, …)? */
bool sqlinfo_is_builtin_table(Duck *duck, const char *schema, const char *name);

#endif
