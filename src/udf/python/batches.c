/* An Arrow table that a function returned, handed over without a copy: its batches are exported and
 * held until the statement that reads them is done. Only types whose Arrow form is DuckDB's own. */
#include <string.h>

#include "base/str.h"
#include "udf/python/output.h"

/* The DuckDB type of an Arrow format, or NULL when the rows need a conversion. */
static const char *direct_type(const struct ArrowSchema *column) {
    static const char *const types[][2] = {
        {"b", "BOOLEAN"}, {"c", "TINYINT"},   {"C", "UTINYINT"}, {"s", "SMALLINT"},
        {"S", "USMALLINT"}, {"i", "INTEGER"}, {"I", "UINTEGER"}, {"l", "BIGINT"},
        {"L", "UBIGINT"}, {"f", "FLOAT"},     {"g", "DOUBLE"},   {"u", "VARCHAR"},
        {"U", "VARCHAR"}, {"tdD", "DATE"},    {"tsu:", "TIMESTAMP"}};
    /* Metadata may give the column another meaning, such as JSON. */
    if (column->dictionary || column->metadata) return NULL;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (str_eq(column->format, types[i][0])) return types[i][1];
    return NULL;
}

/* The columns of the table, when each is as the call's schema wants it, declared ones first. */
static bool find_columns(const Output *output, const struct ArrowSchema *schema,
                         Columns *columns) {
    const Columns *declared = &output->job->call->udf->output;
    for (int64_t i = 0; i < schema->n_children; i++) {
        const struct ArrowSchema *child = schema->children[i];
        const char *type = direct_type(child);
        if (!type || !*child->name || columns_find(columns, child->name)) return false;
        if ((size_t)i < declared->count && (!str_ieq(declared->items[i].name, child->name) ||
                                            !str_ieq(declared->items[i].type, type)))
            return false;
        Arena *arena = output->job->arena;
        *LIST_PUSH(arena, columns) = (Column){arena_strdup(arena, child->name), type};
    }
    return columns->count && columns->count >= declared->count;
}

static bool convert_schema(const Output *output, struct ArrowSchema *schema, UdfBatches *batches,
                           Error *err) {
    duckdb_arrow_converted_schema converted = NULL;
    batches->connection = output->job->connection;
    duckdb_error_data data = duckdb_schema_from_arrow(batches->connection, schema, &converted);
    bool ok = !data || !duckdb_error_data_has_error(data);
    if (!ok)
        error_set(err, ERR_UDF, SPAN_NONE, "%s returned a table that DuckDB cannot read: %s",
                  output->job->call->udf->full_name, duckdb_error_data_message(data));
    duckdb_destroy_error_data(&data);
    batches->schema = converted;
    return ok;
}

/* Every batch of the stream. They are the call's from the first one on, whatever follows. */
static bool take_batches(const Output *output, struct ArrowArrayStream *stream,
                         UdfBatches *batches, Error *err) {
    size_t room = 0;
    for (;;) {
        struct ArrowArray array = {0};
        if (stream->get_next(stream, &array) != 0)
            return error_set(err, ERR_UDF, SPAN_NONE, "%s returned a table that breaks off: %s",
                             output->job->call->udf->full_name, stream->get_last_error(stream));
        if (!array.release) return true;
        if (batches->count == room) {
            room = room ? 2 * room : 64;
            batches->items = PyMem_RawRealloc(batches->items, room * sizeof array);
        }
        batches->items[batches->count++] = array;
    }
}

static bool take_stream(Output *output, struct ArrowArrayStream *stream, bool *taken, Error *err) {
    UdfTableCall *call = output->job->call;
    struct ArrowSchema schema = {0};
    Columns columns = {0};
    if (stream->get_schema(stream, &schema) != 0) return true;
    bool ok = true;
    if (find_columns(output, &schema, &columns)) {
        call->batches = PyMem_RawCalloc(1, sizeof *call->batches);
        ok = convert_schema(output, &schema, call->batches, err) &&
             take_batches(output, stream, call->batches, err);
        call->columns = columns;
        *taken = ok;
    }
    schema.release(&schema);
    return ok;
}

bool output_hand_over(Output *output, PyObject *table, bool *taken, Error *err) {
    *taken = false;
    AUTO_OBJECT size = PyObject_GetAttrString(table, "nbytes");
    int64_t bytes = size ? PyLong_AsLongLong(size) : -1;
    if (PyErr_Occurred()) return false;
    if (bytes > output->job->room) return true;
    struct ArrowArrayStream stream = {0};
    AUTO_OBJECT reader = host_call("vector_batches", "(O)", table);
    AUTO_OBJECT done = reader ? PyObject_CallMethod(reader, "_export_to_c", "K",
                                                    (unsigned long long)(uintptr_t)&stream)
                              : NULL;
    if (!done) return false;
    bool ok = take_stream(output, &stream, taken, err);
    if (stream.release) stream.release(&stream);
    if (*taken) output->job->room -= bytes;
    return ok;
}

static void give_back(void *argument) {
    UdfTableCall *call = argument;
    UdfBatches *batches = call->batches;
    for (size_t i = 0; i < batches->count; i++)
        if (batches->items[i].release) batches->items[i].release(&batches->items[i]);
    duckdb_arrow_converted_schema schema = batches->schema;
    if (schema) duckdb_destroy_arrow_converted_schema(&schema);
    PyMem_RawFree(batches->items);
    PyMem_RawFree(batches);
    call->batches = NULL;
}

void batches_give_back(UdfTableCall *call) {
    Error ignored;
    if (call->batches) thread_run(give_back, call, &ignored);
}
