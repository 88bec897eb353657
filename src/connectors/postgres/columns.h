/* What is read: a table (found in the catalog) or a query, its columns and their types. */
#ifndef SQLFLOW_CONNECTORS_POSTGRES_COLUMNS_H
#define SQLFLOW_CONNECTORS_POSTGRES_COLUMNS_H

#include "connectors/postgres/conn.h"
#include "connectors/postgres/types.h"

typedef struct PgTable {
    uint32_t oid; /* 0: there is no such table */
    const char *schema, *name;
    const char *sql; /* "schema"."name" */
    char kind; /* relkind: r table, p partitioned, v view, m materialized view, f foreign */
    bool has_children, has_rules, row_security, has_row_triggers;
    int64_t rows; /* the catalog's estimate; -1 when unknown */
} PgTable;

typedef struct PgColumn {
    const char *name;
    uint32_t oid;       /* of the base type (domains are seen through) */
    int32_t typmod;
    const char *pg_type; /* "numeric(10,2)", "text[]" */
    bool is_array, is_enum; /* is_enum: the scalar or the element */
    uint32_t element;   /* an array's element type; 0 for scalars */
    int dims;           /* 0 for scalars */
    PgScalar scalar;
    const char *duck_type; /* with [] for each dimension */
    bool text_cast;     /* selected in its text form */
} PgColumn;

typedef struct PgColumns {
    PgColumn *items;
    size_t count, capacity;
} PgColumns;

typedef struct PgSource {
    const char *from;  /* stands in FROM: "schema"."table", or (query) AS "sqlflow_query" */
    const char *label; /* "table public.orders", "the query" */
    const char *where; /* the option, in parentheses; NULL */
    PgTable table;     /* oid 0 for a query */
    PgColumns columns;
    bool check_utf8;
} PgSource;

/* "a ""b""".c → its parts. What is not a name of one or two parts is one part as it stands. */
Strings pg_split_name(Arena *arena, const char *text);
/* Finds a table. `schema` NULL: by the search path. What is no table's name as it stands is read as
 * SQL: quotes and the dot are taken apart, and without quotes capitals mean the lower letters. Not
 * found: oid 0 and true. */
bool pg_find_table(PgConn *conn, Arena *arena, const char *schema, const char *name,
                   PgTable *table, Error *err);
/* ERR_REMOTE_OBJECT with the nearest name as hint; returns false. */
bool pg_no_table(PgConn *conn, const char *schema, const char *name, Error *err);

/* Table or query of a link with all its columns; `wanted` (NULL or empty: all) picks and orders
 * them. Types without counterpart are told to session->diags. */
bool pg_source(Session *session, const Link *link, PgConn *conn, const Strings *wanted,
               PgSource *source, Error *err);
/* The columns of a SELECT (or of a table, by "SELECT * FROM …"). */
bool pg_columns(PgConn *conn, Arena *arena, const char *select, PgNumericAs numeric_as,
                PgColumns *columns, Error *err);
const PgColumn *pg_column(const PgColumns *columns, const char *name); /* exact, else by case */
/* `"a", "b"::text` of the columns picked by index; "" for none. */
const char *pg_select_list(Arena *arena, const PgColumns *columns, const size_t *picked,
                           size_t count);

#endif
