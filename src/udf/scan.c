/* The table function that stands for a call in the step's SQL: it has no arguments and hands on the
 * rows that wait in the side database or in Python, as often as the statement scans them. */
#include <stdlib.h>

#include "duck_api.h"
#include "udf/session.h"

/* One scan: a connection of its own, so that several may run at once. */
typedef struct Scan {
    size_t next; /* of the batches */
    duckdb_connection connection;
    duckdb_prepared_statement statement;
    duckdb_result result;
    bool has_result;
} Scan;

static void scan_free(void *pointer) {
    Scan *scan = pointer;
    if (scan->has_result) duckdb_destroy_result(&scan->result);
    duckdb_destroy_prepare(&scan->statement);
    duckdb_disconnect(&scan->connection);
    free(scan);
}

static void bind(duckdb_bind_info info) {
    const UdfTableCall *call = duckdb_bind_get_extra_info(info);
    if (!call->ready) {
        duckdb_bind_set_error(info, "the Python table function was not run before this statement");
        return;
    }
    for (size_t i = 0; i < call->columns.count; i++)
        duckdb_bind_add_result_column(info, call->columns.items[i].name, call->types[i]);
}

static void init(duckdb_init_info info) {
    const UdfTableCall *call = duckdb_init_get_extra_info(info);
    Scan *scan = calloc(1, sizeof *scan);
    if (!scan) abort();
    duckdb_init_set_init_data(info, scan, scan_free);
    duckdb_init_set_max_threads(info, 1);
    if (call->batches || !call->table) return;
    AUTO_ARENA arena = arena_new();
    const char *sql = arena_printf(arena, "SELECT * FROM %s", call->table);
    bool ok = duckdb_connect(call->side, &scan->connection) == DuckDBSuccess &&
              duckdb_prepare(scan->connection, sql, &scan->statement) == DuckDBSuccess &&
              duckdb_execute_prepared_streaming(scan->statement, &scan->result) == DuckDBSuccess;
    scan->has_result = ok;
    if (!ok) duckdb_init_set_error(info, "the rows of the Python table function are gone");
}

/* The batch stays Python's: DuckDB gets a view of it that releases nothing. */
static void keep(struct ArrowArray *array) { array->release = NULL; }

static duckdb_data_chunk next_batch(duckdb_function_info info, Scan *scan,
                                    const UdfBatches *batches) {
    if (scan->next == batches->count) return NULL;
    struct ArrowArray view = batches->items[scan->next++];
    view.release = keep;
    duckdb_data_chunk chunk = NULL;
    duckdb_error_data error = duckdb_data_chunk_from_arrow(batches->connection, &view,
                                                           batches->schema, &chunk);
    if (error && duckdb_error_data_has_error(error))
        duckdb_function_set_error(info, duckdb_error_data_message(error));
    duckdb_destroy_error_data(&error);
    return chunk;
}

static duckdb_data_chunk next_chunk(duckdb_function_info info, Scan *scan) {
    if (!scan->has_result) return NULL;
    duckdb_data_chunk chunk = duckdb_fetch_chunk(scan->result);
    const char *error = chunk ? NULL : duckdb_result_error(&scan->result);
    if (error) duckdb_function_set_error(info, error);
    return chunk;
}

static void scan_rows(duckdb_function_info info, duckdb_data_chunk output) {
    Scan *scan = duckdb_function_get_init_data(info);
    const UdfTableCall *call = duckdb_function_get_extra_info(info);
    duckdb_data_chunk chunk =
        call->batches ? next_batch(info, scan, call->batches) : next_chunk(info, scan);
    if (!chunk) {
        duckdb_data_chunk_set_size(output, 0);
        return;
    }
    idx_t columns = duckdb_data_chunk_get_column_count(chunk);
    for (idx_t i = 0; i < columns; i++)
        duckdb_vector_reference_vector(duckdb_data_chunk_get_vector(output, i),
                                       duckdb_data_chunk_get_vector(chunk, i));
    duckdb_data_chunk_set_size(output, duckdb_data_chunk_get_size(chunk));
    duckdb_destroy_data_chunk(&chunk);
}

bool scan_register(Duck *duck, UdfTableCall *call, Error *err) {
    duckdb_table_function function = duckdb_create_table_function();
    duckdb_table_function_set_name(function, call->sql_name);
    duckdb_table_function_set_extra_info(function, call, NULL);
    duckdb_table_function_set_bind(function, bind);
    duckdb_table_function_set_init(function, init);
    duckdb_table_function_set_function(function, scan_rows);
    bool ok = duckdb_register_table_function(duck_connection(duck), function) == DuckDBSuccess;
    duckdb_destroy_table_function(&function);
    return ok || error_set(err, ERR_UDF_DEFINITION, SPAN_NONE, "%s cannot be registered in DuckDB",
                           call->udf->full_name);
}
