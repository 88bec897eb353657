/* Scalar functions: DuckDB calls with a chunk, Python is called row by row with arguments in a
 * prebuilt array (or once with arrays, see vector.c). */
#include <string.h>

#include "base/redact.h"
#include "duck_api.h"
#include "udf/python/call.h"
#include "udf/python/fast.h"

enum { ARGUMENTS_MAX = 64 };

/* A chunk on its way to Python's thread. */
struct Chunk {
    ScalarCall *call;
    duckdb_data_chunk input;
    duckdb_vector output;
    bool ok;
    Error error;
};

/* -- one chunk, on Python's thread ----------------------------------------------------------- */

static bool is_stopped(const ScalarCall *call) {
    return (call->run->stop && *call->run->stop) || thread_interrupted();
}

static bool attach_inputs(ScalarCall *call, duckdb_data_chunk input, bool *nulls, Error *err) {
    *nulls = false;
    for (size_t i = 0; i < call->count; i++) {
        duckdb_vector vector = duckdb_data_chunk_get_vector(input, i);
        if (call->any[i]) {
            duckdb_logical_type type = duckdb_vector_get_column_type(vector);
            reader_free(&call->readers[i]);
            bool ok = reader_make(&call->readers[i], type, err);
            duckdb_destroy_logical_type(&type);
            if (!ok) return false;
        }
        reader_attach(&call->readers[i], vector);
        if (call->readers[i].validity || call->readers[i].type == DUCKDB_TYPE_SQLNULL)
            *nulls = true;
    }
    return true;
}

static bool row_has_null(const ScalarCall *call, idx_t row) {
    for (size_t i = 0; i < call->count; i++)
        if (reader_is_null(&call->readers[i], row) || call->readers[i].type == DUCKDB_TYPE_SQLNULL)
            return true;
    return false;
}

/* What went wrong in a row becomes the chunk's error, or a counted NULL. */
static bool row_failed(ScalarCall *call, idx_t row, PyObject *const *values, const char *why,
                       Error *err) {
    UdfUse *use = call->use;
    AUTO_ARENA arena = arena_new();
    const char *name = use->udf->full_name;
    if (why) {
        PyErr_Clear();
        const char *message =
            arena_printf(arena, "%s returned a wrong value: %s\nat %s:%d\ncalled with %s", name,
                         why, use->udf->file, use->udf->line, arguments_text(arena, use, values));
        error_set(err, ERR_UDF, SPAN_NONE, "%s", redact_text(arena, message));
        error_hint(err, "the function says that it returns %s: %s", use->udf->return_type,
                   "return that, or change its return type");
    } else {
        PyObject *type, *value, *trace;
        PyErr_Fetch(&type, &value, &trace);
        const char *arguments = arguments_text(arena, use, values);
        PyErr_Restore(type, value, trace);
        error_take_call(err, use->udf, arguments);
    }
    if (!use->udf->null_on_error || err->code == ERR_INTERRUPTED) return false;
    if (!use->nulled++)
        snprintf(use->first_error, sizeof use->first_error, "%.*s",
                 (int)sizeof use->first_error - 1, err->message);
    writer_put_null(&call->writer, row);
    return true;
}

/* A result that the fast path does not take, or none (`result` NULL, a Python error pending). */
static bool slow_result(ScalarCall *call, idx_t row, PyObject *const *values, PyObject *result,
                        Error *err) {
    if (!result) return row_failed(call, row, values, NULL, err);
    Buf why = buf_on(call->scratch);
    return writer_put(&call->writer, row, result, &why) ||
           row_failed(call, row, values, buf_text(&why), err);
}

static inline bool call_row(ScalarCall *call, idx_t row, PyObject **values, Error *err) {
    size_t count = call->count, made = 0;
    while (made < count && (values[made] = fast_get(&call->readers[made], row))) made++;
    PyObject *result = NULL;
    if (made == count) {
        user_begin();
        result = PyObject_Vectorcall(call->function, values,
                                     call->use->positional | PY_VECTORCALL_ARGUMENTS_OFFSET,
                                     call->keywords);
        user_end();
    }
    for (size_t i = made; i < count; i++) values[i] = NULL;
    bool ok = (result && fast_put(&call->writer, row, result)) ||
              slow_result(call, row, values, result, err);
    Py_XDECREF(result);
    for (size_t i = 0; i < made; i++) Py_DECREF(values[i]);
    return ok;
}

static bool run_rows(struct Chunk *chunk) {
    ScalarCall *call = chunk->call;
    bool nulls;
    if (!attach_inputs(call, chunk->input, &nulls, &chunk->error)) return false;
    bool skip = nulls && !call->use->udf->special_nulls;
    writer_attach(&call->writer, chunk->output);
    arena_free(call->scratch); /* the last chunk's messages */
    call->scratch = arena_new();
    idx_t rows = duckdb_data_chunk_get_size(chunk->input);
    PyObject *stack[ARGUMENTS_MAX + 1] = {NULL};
    for (idx_t row = 0; row < rows; row++) {
        if (is_stopped(call))
            return error_set(&chunk->error, ERR_INTERRUPTED, SPAN_NONE, "%s was interrupted",
                             call->use->udf->full_name);
        if (skip && row_has_null(call, row)) {
            writer_put_null(&call->writer, row);
            continue;
        }
        if (!call_row(call, row, stack + 1, &chunk->error)) return false;
    }
    return true;
}

static void run_chunk(void *argument) {
    struct Chunk *chunk = argument;
    ScalarCall *call = chunk->call;
    if (!call->use->udf->vectorized) {
        chunk->ok = run_rows(chunk);
        return;
    }
    bool nulls;
    chunk->ok = attach_inputs(call, chunk->input, &nulls, &chunk->error) &&
                vector_chunk(call, chunk->input, chunk->output, &chunk->error);
}

/* -- DuckDB's callbacks, on any thread ------------------------------------------------------- */

static void give_nulls(duckdb_data_chunk input, duckdb_vector output) {
    duckdb_vector_ensure_validity_writable(output);
    uint64_t *validity = duckdb_vector_get_validity(output);
    idx_t rows = duckdb_data_chunk_get_size(input);
    for (idx_t row = 0; row < rows; row++) duckdb_validity_set_row_invalid(validity, row);
}

static void on_chunk(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
    ScalarCall *call = duckdb_scalar_function_get_extra_info(info);
    if (call->run->stub) {
        give_nulls(input, output);
        return;
    }
    struct Chunk chunk = {.call = call, .input = input, .output = output};
    if (thread_run(run_chunk, &chunk, &chunk.error) && chunk.ok) return;
    UdfRun *run = call->run;
    pthread_mutex_lock(&run->lock);
    if (!run->failed) run->error = chunk.error;
    run->failed = true;
    pthread_mutex_unlock(&run->lock);
    duckdb_scalar_function_set_error(info, chunk.error.message);
}

/* -- registration ---------------------------------------------------------------------------- */

static void free_job(void *pointer) {
    ScalarCall *call = pointer;
    for (size_t i = 0; i < call->count; i++) reader_free(&call->readers[i]);
    writer_free(&call->writer);
    Py_XDECREF(call->keywords);
    vector_free(call);
}

/* Runs when the database closes, on any thread. */
static void call_free(void *pointer) {
    ScalarCall *call = pointer;
    Error ignored;
    thread_run(free_job, call, &ignored);
    arena_free(call->scratch);
    PyMem_RawFree(call->readers);
    PyMem_RawFree(call->any);
    PyMem_RawFree(call);
}

static ScalarCall *call_new(UdfUse *use, UdfRun *run) {
    ScalarCall *call = PyMem_RawCalloc(1, sizeof *call);
    call->use = use;
    call->run = run;
    call->count = use->param_count;
    call->function = use->udf->handle;
    call->readers = PyMem_RawCalloc(call->count + 1, sizeof *call->readers);
    call->any = PyMem_RawCalloc(call->count + 1, sizeof *call->any);
    call->scratch = arena_new();
    return call;
}

struct Registration {
    ScalarCall *call;
    void *const *types;
    duckdb_connection connection;
    Error *err;
    bool ok;
};

static bool make_keywords(ScalarCall *call) {
    const UdfUse *use = call->use;
    if (use->positional == use->param_count) return true;
    call->keywords = PyTuple_New((Py_ssize_t)(use->param_count - use->positional));
    for (size_t i = use->positional; call->keywords && i < use->param_count; i++) {
        PyObject *name = PyUnicode_InternFromString(use->udf->params.items[use->params[i]].name);
        if (!name) return false;
        PyTuple_SET_ITEM(call->keywords, (Py_ssize_t)(i - use->positional), name);
    }
    return call->keywords != NULL;
}

static void prepare(void *argument) {
    struct Registration *job = argument;
    ScalarCall *call = job->call;
    job->ok = make_keywords(call);
    for (size_t i = 0; job->ok && i < call->count; i++) {
        call->any[i] = !job->types[i];
        if (job->types[i]) job->ok = reader_make(&call->readers[i], job->types[i], job->err);
    }
    const Udf *udf = call->use->udf;
    job->ok = job->ok && writer_make(&call->writer, job->types[call->count], job->err) &&
              (!udf->vectorized ||
               vector_prepare(call, job->connection, job->types, job->err));
    if (job->ok && udf->keys_needed) writer_need_keys(&call->writer, &udf->optional);
}

bool scalar_register(void *connection, UdfUse *use, void *const *types, UdfRun *run, Error *err) {
    if (use->param_count > ARGUMENTS_MAX)
        return error_set(err, ERR_UDF_DEFINITION, SPAN_NONE, "%s takes more than %d arguments",
                         use->udf->full_name, ARGUMENTS_MAX);
    ScalarCall *call = call_new(use, run);
    struct Registration job = {call, types, connection, err, false};
    if (!thread_run(prepare, &job, err) || !job.ok) {
        call_free(call);
        return false;
    }
    duckdb_scalar_function function = duckdb_create_scalar_function();
    duckdb_scalar_function_set_name(function, use->sql_name);
    duckdb_logical_type any = duckdb_create_logical_type(DUCKDB_TYPE_ANY);
    for (size_t i = 0; i < use->param_count; i++)
        duckdb_scalar_function_add_parameter(function, types[i] ? types[i] : any);
    duckdb_destroy_logical_type(&any);
    duckdb_scalar_function_set_return_type(function, types[use->param_count]);
    if (use->udf->special_nulls) duckdb_scalar_function_set_special_handling(function);
    if (use->udf->is_volatile || run->stub) duckdb_scalar_function_set_volatile(function);
    duckdb_scalar_function_set_extra_info(function, call, call_free);
    duckdb_scalar_function_set_function(function, on_chunk);
    bool ok = duckdb_register_scalar_function(connection, function) == DuckDBSuccess;
    duckdb_destroy_scalar_function(&function);
    return ok ||
           error_set(err, ERR_UDF_DEFINITION, SPAN_NONE, "%s cannot be registered in DuckDB as %s",
                     use->udf->full_name, use->sql_name);
}
