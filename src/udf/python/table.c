/* Table functions: reads the input, calls the function, hands its rows on. */
#include <string.h>

#include "base/str.h"
#include "udf/python/output.h"

/* One call under way, on Python's thread. */
typedef struct TableRun {
    TableJob *job;
    Error *err;
    Input input;
    bool has_input, ok;
} TableRun;

static const char *form_name(UdfInput input) {
    switch (input) {
        case UDF_INPUT_ARROW: return "arrow";
        case UDF_INPUT_READER: return "reader";
        case UDF_INPUT_ROWS: return "rows";
        case UDF_INPUT_PANDAS: return "pandas";
        case UDF_INPUT_NONE:
        case UDF_INPUT_NUMPY:
        case UDF_INPUT_ANY: return "any";
    }
    return "any";
}

/* Rows of a query as lists, one a column: without pyarrow, and for the arguments. */
static PyObject *read_columns(Input *input, Error *err) {
    Reader *readers = PyMem_RawCalloc(input->columns + 1, sizeof *readers);
    PyObject *columns = PyList_New(0);
    bool ok = columns != NULL;
    for (idx_t i = 0; ok && i < input->columns; i++) {
        AUTO_OBJECT list = PyList_New(0);
        ok = reader_make(&readers[i], input->types[i], err) && list &&
             PyList_Append(columns, list) == 0;
    }
    for (duckdb_data_chunk chunk; ok && (chunk = input_next(input));) {
        for (idx_t i = 0; ok && i < input->columns; i++) {
            reader_attach(&readers[i], duckdb_data_chunk_get_vector(chunk, i));
            for (idx_t row = 0; ok && row < duckdb_data_chunk_get_size(chunk); row++) {
                AUTO_OBJECT value = reader_get(&readers[i], row);
                ok = value && PyList_Append(PyList_GetItem(columns, (Py_ssize_t)i), value) == 0;
            }
        }
        duckdb_destroy_data_chunk(&chunk);
    }
    for (idx_t i = 0; i < input->columns; i++) reader_free(&readers[i]);
    PyMem_RawFree(readers);
    if (input->error[0]) ok = error_set(err, ERR_STEP, SPAN_NONE, "%s", input->error);
    if (!ok) Py_CLEAR(columns);
    return columns;
}

/* The further arguments as (list, dict); evaluated by DuckDB. */
static PyObject *read_arguments(TableRun *run) {
    const UdfTableCall *call = run->job->call;
    AUTO_OBJECT list = PyList_New(0);
    AUTO_OBJECT named = PyDict_New();
    if (!list || !named) return NULL;
    if (!call->args_sql) return PyTuple_Pack(2, list, named);
    Input input;
    AUTO_OBJECT columns = NULL;
    if (input_open(&input, run->job->arena, run->job->connection, call->args_sql, run->err))
        columns = read_columns(&input, run->err);
    input_close(&input);
    bool ok = columns != NULL;
    for (Py_ssize_t i = 0; ok && i < PyList_Size(columns); i++) {
        PyObject *value = PyList_GetItem(PyList_GetItem(columns, i), 0);
        const char *name = call->arg_names.items[i];
        ok = value &&
             (*name ? PyDict_SetItemString(named, name, value) : PyList_Append(list, value)) == 0;
    }
    return ok ? PyTuple_Pack(2, list, named) : NULL;
}

static bool check_required(TableRun *run) {
    const Udf *udf = run->job->call->udf;
    Strings names = {0};
    for (idx_t i = 0; i < run->input.columns; i++)
        strings_add(run->job->arena, &names, run->input.names[i]);
    for (size_t i = 0; i < udf->required.count; i++)
        if (!strings_has(&names, udf->required.items[i])) {
            error_set(run->err, ERR_UDF, SPAN_NONE,
                      "%s requires the column '%s', which its input lacks", udf->full_name,
                      udf->required.items[i]);
            return error_hint(run->err, "its input has: %s",
                              strings_join(run->job->arena, &names, ", "));
        }
    return true;
}

/* BIT columns cross by Arrow as DuckDB's own bytes, which nothing knows to be bits. */
static bool bits_as_text(TableRun *run) {
    Buf sql = buf_on(run->job->arena);
    buf_puts(&sql, "SELECT ");
    bool any = false;
    for (idx_t i = 0; i < run->input.columns; i++) {
        bool is_bit = duckdb_get_type_id(run->input.types[i]) == DUCKDB_TYPE_BIT;
        const char *name = sql_ident(run->job->arena, run->input.names[i]);
        buf_printf(&sql, is_bit ? "%sCAST(%s AS VARCHAR) AS %s" : "%s%s AS %s", i > 0 ? ", " : "",
                   name, name);
        any = any || is_bit;
    }
    if (!any) return true;
    buf_printf(&sql, " FROM (%s)", run->job->call->input_sql);
    input_close(&run->input);
    return input_open(&run->input, run->job->arena, run->job->connection, buf_text(&sql),
                      run->err);
}

/* The table as the function wants it. */
static PyObject *read_table(TableRun *run) {
    const UdfTableCall *call = run->job->call;
    run->has_input = true;
    if (!input_open(&run->input, run->job->arena, run->job->connection, call->input_sql, run->err))
        return NULL;
    if (!check_required(run)) return NULL;
    const char *form = form_name(call->udf->input);
    AUTO_OBJECT has_arrow = host_call("uses_arrow", "(s)", form);
    if (!has_arrow) return NULL;
    if (PyObject_IsTrue(has_arrow)) {
        if (!bits_as_text(run)) return NULL;
        input_stream(&run->input);
        return host_call("table_of_stream", "(Ks)",
                         (unsigned long long)(uintptr_t)&run->input.stream, form);
    }
    AUTO_OBJECT names = PyList_New(0);
    for (idx_t i = 0; names && i < run->input.columns; i++) {
        AUTO_OBJECT name = PyUnicode_FromString(run->input.names[i]);
        if (!name || PyList_Append(names, name) < 0) return NULL;
    }
    AUTO_OBJECT columns = read_columns(&run->input, run->err);
    return columns && names ? host_call("table_of_columns", "(OOs)", names, columns, form) : NULL;
}

static bool take_table(Output *output, PyObject *table, Error *err) {
    struct ArrowArrayStream stream = {0};
    AUTO_OBJECT reader = PyObject_CallMethod(table, "to_reader", NULL);
    AUTO_OBJECT done = reader ? PyObject_CallMethod(reader, "_export_to_c", "K",
                                                    (unsigned long long)(uintptr_t)&stream)
                              : NULL;
    if (!done) return false;
    bool ok = output_arrow(output, &stream, err);
    if (stream.release) stream.release(&stream);
    output->rows += PyObject_Size(table);
    return ok;
}

/* ("whole", table), ("arrow", table) or ("values", names, types, columns). */
static bool take_piece(Output *output, PyObject *piece, bool *whole, Error *err) {
    PyObject *table = PyTuple_GetItem(piece, 1);
    if (PyTuple_Size(piece) == 4)
        return output_values(output, table, PyTuple_GetItem(piece, 2), PyTuple_GetItem(piece, 3),
                             err);
    if (PyUnicode_CompareWithASCIIString(PyTuple_GetItem(piece, 0), "whole") == 0 &&
        !output_hand_over(output, table, whole, err))
        return false;
    return *whole || take_table(output, table, err);
}

static bool take_pieces(TableRun *run, PyObject *result) {
    Output output = {.job = run->job};
    bool whole = false;
    const Columns *schema = &run->job->call->udf->output;
    AUTO_OBJECT declared = PySet_New(NULL);
    for (size_t i = 0; declared && i < schema->count; i++) {
        AUTO_OBJECT name = PyUnicode_FromString(str_lower(run->job->arena, schema->items[i].name));
        if (!name || PySet_Add(declared, name) < 0) return false;
    }
    AUTO_OBJECT pieces = declared ? host_call("pieces", "(OO)", result, declared) : NULL;
    if (!pieces) return false;
    for (;;) {
        user_begin();
        AUTO_OBJECT piece = PyIter_Next(pieces);
        user_end();
        if (!piece) break;
        if (!take_piece(&output, piece, &whole, run->err)) return false;
    }
    return !PyErr_Occurred() && (whole || output_finish(&output, run->err));
}

static bool run_function(TableRun *run) {
    const Udf *udf = run->job->call->udf;
    AUTO_OBJECT arguments = read_arguments(run);
    if (!arguments) return false;
    AUTO_OBJECT table = udf->input == UDF_INPUT_NONE ? Py_NewRef(Py_None) : read_table(run);
    if (!table) return false;
    AUTO_OBJECT result = host_call("call_table", "(OOOOi)", (PyObject *)udf->handle, table,
                                   PyTuple_GetItem(arguments, 0), PyTuple_GetItem(arguments, 1),
                                   (int)(udf->input != UDF_INPUT_NONE));
    return result && take_pieces(run, result);
}

static void table_job(void *argument) {
    TableRun *run = argument;
    run->err->code = ERR_NONE;
    run->ok = run_function(run);
    if (!run->ok && run->input.error[0]) {
        /* The input failed; what Python made of it is no news. */
        PyErr_Clear();
        error_set(run->err, thread_interrupted() ? ERR_INTERRUPTED : ERR_STEP, SPAN_NONE, "%s",
                  run->input.error);
    } else if (!run->ok && PyErr_Occurred()) {
        error_take_call(run->err, run->job->call->udf, NULL);
    }
    /* A generator that was not read to its end may still hold the stream. */
    run->input.stream.get_next = NULL;
    if (run->has_input) input_close(&run->input);
}

bool table_call(TableJob *job, Error *err) {
    TableRun run = {.job = job, .err = err};
    return thread_run(table_job, &run, err) && run.ok;
}
