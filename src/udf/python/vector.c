/* Vectorized functions: called once a chunk with Arrow arrays, NumPy arrays or pandas Series; with
 * plain NumPy when the environment has no pyarrow. */
#include <string.h>

#include "base/redact.h"
#include "udf/python/arrow.h"
#include "udf/python/call.h"

/* As many of a chunk's rows are shown when it fails. */
enum { SHOWN_ROWS = 3 };

/* What a vectorized function needs besides its Readers and Writer. */
struct Vectors {
    duckdb_connection connection;
    duckdb_arrow_options options;
    duckdb_arrow_converted_schema converted; /* of the result; NULL: by values */
    PyObject *type;                          /* pyarrow.DataType of the result, or None */
    bool arrow;                              /* arguments cross as Arrow arrays */
};

/* Types whose Arrow form DuckDB turns back into the very same type. */
static bool crosses_directly(int type) {
    switch (type) {
        case DUCKDB_TYPE_BOOLEAN:
        case DUCKDB_TYPE_TINYINT:
        case DUCKDB_TYPE_SMALLINT:
        case DUCKDB_TYPE_INTEGER:
        case DUCKDB_TYPE_BIGINT:
        case DUCKDB_TYPE_UTINYINT:
        case DUCKDB_TYPE_USMALLINT:
        case DUCKDB_TYPE_UINTEGER:
        case DUCKDB_TYPE_UBIGINT:
        case DUCKDB_TYPE_FLOAT:
        case DUCKDB_TYPE_DOUBLE:
        case DUCKDB_TYPE_VARCHAR:
        case DUCKDB_TYPE_DATE:
        case DUCKDB_TYPE_TIMESTAMP: return true;
        default: return false;
    }
}

static bool note(duckdb_error_data data, Error *err) {
    bool failed = data && duckdb_error_data_has_error(data);
    if (failed)
        error_set(err, ERR_UDF, SPAN_NONE, "a chunk cannot cross by Arrow: %s",
                  duckdb_error_data_message(data));
    duckdb_destroy_error_data(&data);
    return !failed;
}

static bool take_type(struct Vectors *vectors, duckdb_logical_type type, Error *err) {
    struct ArrowSchema schema = {0};
    const char *name = "result";
    if (!note(duckdb_to_arrow_schema(vectors->options, &type, &name, 1, &schema), err))
        return false;
    bool ok =
        note(duckdb_schema_from_arrow(vectors->connection, &schema, &vectors->converted), err);
    if (ok) vectors->type = host_call("arrow_type", "(K)", (unsigned long long)(uintptr_t)&schema);
    if (schema.release) schema.release(&schema);
    return ok && vectors->type;
}

static const char *form_of(const Udf *udf) {
    return udf->input == UDF_INPUT_NUMPY    ? "numpy"
           : udf->input == UDF_INPUT_PANDAS ? "pandas"
                                            : "arrow";
}

bool vector_prepare(ScalarCall *call, void *connection, void *const *types, Error *err) {
    const Udf *udf = call->use->udf;
    err->code = ERR_NONE;
    struct Vectors *vectors = PyMem_RawCalloc(1, sizeof *vectors);
    call->vectors = vectors;
    vectors->connection = connection;
    AUTO_OBJECT arrow = host_call("vectors_use_arrow", "(ss)", form_of(udf), udf->full_name);
    vectors->arrow = arrow && PyObject_IsTrue(arrow) == 1;
    bool ok = arrow != NULL;
    for (size_t i = 0; vectors->arrow && i < call->count; i++)
        if (call->readers[i].type == DUCKDB_TYPE_BIT)
            return error_set(err, ERR_UDF_DEFINITION, SPAN_NONE,
                             "%s: no BIT goes into a vectorized function; cast it to VARCHAR",
                             udf->full_name);
    if (vectors->arrow) {
        duckdb_connection_get_arrow_options(connection, &vectors->options);
        if (crosses_directly(call->writer.type)) ok = take_type(vectors, types[call->count], err);
    }
    int line;
    if (!ok && !err->code) error_take(err, ERR_UDF_DEFINITION, udf->full_name, &line);
    return ok;
}

void vector_free(ScalarCall *call) {
    struct Vectors *vectors = call->vectors;
    if (!vectors) return;
    if (vectors->options) duckdb_destroy_arrow_options(&vectors->options);
    if (vectors->converted) duckdb_destroy_arrow_converted_schema(&vectors->converted);
    Py_XDECREF(vectors->type);
    PyMem_RawFree(vectors);
}

/* -- one chunk ------------------------------------------------------------------------------- */

static PyObject *how(const ScalarCall *call) {
    AUTO_ARENA arena = arena_new();
    return Py_BuildValue("{s:s,s:s,s:O,s:n,s:O}",
                         "returns", writer_type_text(arena, &call->writer),
                         "form", form_of(call->use->udf),
                         "special", call->use->udf->special_nulls ? Py_True : Py_False,
                         "positional", (Py_ssize_t)call->use->positional,
                         "names", call->keywords ? call->keywords : Py_None);
}

static PyObject *call_arrow(ScalarCall *call, duckdb_data_chunk chunk, Error *err) {
    struct ArrowArray array = {0};
    struct ArrowSchema schema = {0};
    duckdb_logical_type *types = PyMem_RawCalloc(call->count + 1, sizeof *types);
    const char **names = PyMem_RawCalloc(call->count + 1, sizeof *names);
    for (size_t i = 0; i < call->count; i++) {
        types[i] = duckdb_vector_get_column_type(duckdb_data_chunk_get_vector(chunk, i));
        names[i] = "argument";
    }
    duckdb_arrow_options options = call->vectors->options;
    bool ok = note(duckdb_to_arrow_schema(options, types, names, call->count, &schema), err) &&
              note(duckdb_data_chunk_to_arrow(options, chunk, &array), err);
    for (size_t i = 0; i < call->count; i++) duckdb_destroy_logical_type(&types[i]);
    PyMem_RawFree(types);
    PyMem_RawFree(names);
    PyObject *result = NULL;
    AUTO_OBJECT manner = ok ? how(call) : NULL;
    if (manner)
        result =
            host_call("vector_arrow", "(OKKOO)", call->function,
                      (unsigned long long)(uintptr_t)&array, (unsigned long long)(uintptr_t)&schema,
                      call->vectors->type ? call->vectors->type : Py_None, manner);
    if (array.release) array.release(&array);
    if (schema.release) schema.release(&schema);
    return result;
}

/* Arguments as lists of values; NumPy makes arrays of them. */
static PyObject *call_values(ScalarCall *call, duckdb_data_chunk chunk) {
    idx_t rows = duckdb_data_chunk_get_size(chunk);
    AUTO_OBJECT columns = PyList_New(0);
    for (size_t i = 0; columns && i < call->count; i++) {
        AUTO_OBJECT column = PyList_New((Py_ssize_t)rows);
        for (idx_t row = 0; column && row < rows; row++) {
            PyObject *value = reader_get(&call->readers[i], row);
            if (!value) return NULL;
            PyList_SET_ITEM(column, (Py_ssize_t)row, value);
        }
        if (!column || PyList_Append(columns, column) < 0) return NULL;
    }
    AUTO_OBJECT manner = how(call);
    if (!columns || !manner) return NULL;
    return host_call("vector_numpy", "(OOnO)", call->function, columns, (Py_ssize_t)rows, manner);
}

static bool take_arrow(ScalarCall *call, PyObject *result, duckdb_vector output, Error *err) {
    struct ArrowArray array = {0};
    AUTO_OBJECT done =
        host_call("export_array", "(OK)", result, (unsigned long long)(uintptr_t)&array);
    if (!done) return false;
    duckdb_data_chunk chunk = NULL;
    bool ok = note(duckdb_data_chunk_from_arrow(call->vectors->connection, &array,
                                                call->vectors->converted, &chunk),
                   err);
    if (ok) duckdb_vector_reference_vector(output, duckdb_data_chunk_get_vector(chunk, 0));
    if (chunk) duckdb_destroy_data_chunk(&chunk);
    if (array.release) array.release(&array);
    return ok;
}

static bool wrong_value(ScalarCall *call, idx_t row, const char *why, Error *err) {
    AUTO_ARENA arena = arena_new();
    const Udf *udf = call->use->udf;
    PyObject **values = ARENA_ARRAY(arena, PyObject *, call->count + 1);
    for (size_t i = 0; i < call->count; i++) values[i] = reader_get(&call->readers[i], row);
    PyErr_Clear();
    const char *arguments = arguments_text(arena, call->use, values);
    for (size_t i = 0; i < call->count; i++) Py_XDECREF(values[i]);
    const char *message =
        arena_printf(arena, "%s returned a wrong value: %s\nat %s:%d\ncalled with %s",
                     udf->full_name, why, udf->file, udf->line, arguments);
    return error_set(err, ERR_UDF, SPAN_NONE, "%s", redact_text(arena, message));
}

static bool take_values(ScalarCall *call, PyObject *values, duckdb_vector output, idx_t rows,
                        Error *err) {
    writer_attach(&call->writer, output);
    for (idx_t row = 0; row < rows; row++) {
        Buf why = buf_on(call->scratch);
        PyObject *value = PyList_GetItem(values, (Py_ssize_t)row);
        if (!value) return false;
        if (!writer_put(&call->writer, row, value, &why))
            return wrong_value(call, row, buf_text(&why), err);
    }
    return true;
}

static bool is_left_out(const ScalarCall *call, idx_t row) {
    bool skip = false;
    for (size_t i = 0; i < call->count; i++)
        skip = skip || call->readers[i].type == DUCKDB_TYPE_SQLNULL ||
               reader_is_null(&call->readers[i], row);
    return skip && !call->use->udf->special_nulls;
}

/* "3 of 2048 rows: x = [1, 2, 3]": which row was the wrong one only the function knows. */
static const char *sample(ScalarCall *call, Arena *arena, idx_t rows) {
    PyObject **lists = ARENA_ARRAY(arena, PyObject *, call->count + 1);
    idx_t shown = 0, passed = 0;
    for (size_t i = 0; i < call->count; i++) lists[i] = PyList_New(0);
    for (idx_t row = 0; row < rows; row++) {
        if (is_left_out(call, row)) continue;
        if (++passed > SHOWN_ROWS) continue;
        shown++;
        for (size_t i = 0; i < call->count; i++) {
            AUTO_OBJECT value = reader_get(&call->readers[i], row);
            if (!value || !lists[i] || PyList_Append(lists[i], value) < 0) PyErr_Clear();
        }
    }
    const char *values = arguments_text(arena, call->use, lists);
    for (size_t i = 0; i < call->count; i++) Py_XDECREF(lists[i]);
    if (passed == shown) return values;
    return arena_printf(arena, "%llu of %llu rows: %s", (unsigned long long)shown,
                        (unsigned long long)passed, values);
}

/* The pending exception, with what the function was called with. */
static void take_exception(ScalarCall *call, idx_t rows, Error *err) {
    AUTO_ARENA arena = arena_new();
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    const char *arguments = sample(call, arena, rows);
    PyErr_Restore(type, value, trace);
    error_take_call(err, call->use->udf, arguments);
}

bool vector_chunk(ScalarCall *call, void *chunk, void *output, Error *err) {
    idx_t rows = duckdb_data_chunk_get_size(chunk);
    err->code = ERR_NONE;
    AUTO_OBJECT result =
        call->vectors->arrow ? call_arrow(call, chunk, err) : call_values(call, chunk);
    bool ok = result != NULL;
    if (ok && call->vectors->type)
        ok = take_arrow(call, result, output, err);
    else if (ok)
        ok = take_values(call, result, output, rows, err);
    if (ok) return true;
    if (!err->code) take_exception(call, rows, err);
    if (!call->use->udf->null_on_error || err->code == ERR_INTERRUPTED) return false;
    if (!call->use->nulled)
        snprintf(call->use->first_error, sizeof call->use->first_error, "%.*s",
                 (int)sizeof call->use->first_error - 1, err->message);
    call->use->nulled += (int64_t)rows;
    writer_attach(&call->writer, output);
    for (idx_t row = 0; row < rows; row++) writer_put_null(&call->writer, row);
    return true;
}
