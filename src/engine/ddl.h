/* Reads the CREATE TABLE that DuckDB writes for a table (duckdb_tables().sql), for what its catalog
 * functions do not tell. */
#ifndef SQLFLOW_ENGINE_DDL_H
#define SQLFLOW_ENGINE_DDL_H

#include "engine/duck.h"

/* The statement that would make the table; NULL when there is none (or it is a view). `schema`
 * NULL: main. */
bool duck_table_ddl(Duck *duck, Arena *arena, const char *schema, const char *table,
                    const char **ddl, Error *err);
/* From the parenthesis that opens the list of columns on. */
const char *ddl_body(const char *ddl);
/* Adds the names of the columns that are GENERATED ALWAYS: nothing can be inserted there. */
void ddl_generated(Arena *arena, const char *ddl, Strings *names);

#endif
