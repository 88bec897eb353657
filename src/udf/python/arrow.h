/* A stream of Arrow batches over a DuckDB query. */
#ifndef SQLFLOW_UDF_PYTHON_ARROW_H
#define SQLFLOW_UDF_PYTHON_ARROW_H

#include "duck_api.h"
#include "udf/arrow_abi.h"
#include "udf/python/host.h"

/* A query's rows on their way to Python. Lives until input_close. */
typedef struct Input {
    duckdb_prepared_statement statement;
    duckdb_result result;
    bool has_result;
    idx_t columns;
    duckdb_logical_type *types;
    const char **names;
    duckdb_arrow_options options;
    struct ArrowArrayStream stream; /* over the rows; input_stream fills it */
    char error[2000];               /* DuckDB's message, "" */
} Input;

/* DuckDB's own words out of its errors, which come as JSON when the connection is set so. */
const char *duck_message(Arena *arena, const char *message);
/* Runs the query; its rows are read as they are asked for. Python's thread, GIL held. */
bool input_open(Input *input, Arena *arena, void *connection, const char *sql, Error *err);
void input_close(Input *input);
/* The next chunk (to be destroyed), or NULL at the end and on error. GIL held or not. */
duckdb_data_chunk input_next(Input *input);
void input_stream(Input *input);

#endif
