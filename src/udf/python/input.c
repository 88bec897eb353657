/* A query's rows for Python: a streaming result, read chunk by chunk, also as an Arrow stream.
 * While DuckDB works, Python's thread is lent to the functions that the query itself calls. */
#include <errno.h>
#include <string.h>

#include "udf/python/arrow.h"

/* Leaves Python for a call into DuckDB that may take long. */
typedef struct Leave {
    PyThreadState *state; /* NULL: the GIL was not held */
} Leave;

static Leave leave_python(void) {
    Leave leave = {PyGILState_Check() ? PyEval_SaveThread() : NULL};
    thread_lend();
    return leave;
}

static void enter_python(Leave leave) {
    thread_unlend();
    if (leave.state) PyEval_RestoreThread(leave.state);
}

const char *duck_message(Arena *arena, const char *message) {
    static const char key[] = "\"exception_message\":\"";
    const char *at = message ? strstr(message, key) : NULL;
    if (!at) return message ? message : "unknown error";
    Buf text = buf_on(arena);
    unsigned code;
    for (at += sizeof key - 1; *at && *at != '"'; at++) {
        if (*at != '\\' || !at[1])
            buf_putc(&text, *at);
        else if (*++at == 'n')
            buf_putc(&text, '\n');
        else if (*at == 't')
            buf_putc(&text, ' ');
        else if (sscanf(at, "u00%2x", &code) == 1)
            buf_putc(&text, (char)code), at += 4;
        else
            buf_putc(&text, *at);
    }
    return buf_text(&text);
}

static bool input_fails(Input *input, const char *message, Error *err) {
    AUTO_ARENA arena = arena_new();
    bool interrupted = (message && strstr(message, "INTERRUPT")) || thread_interrupted();
    snprintf(input->error, sizeof input->error, "%s", duck_message(arena, message));
    return error_set(err, interrupted ? ERR_INTERRUPTED : ERR_STEP, SPAN_NONE, "%s", input->error);
}

/* To prepare calls functions of constants already. */
static bool start(Input *input, duckdb_connection connection, const char *sql, Error *err) {
    Leave leave = leave_python();
    bool prepared = duckdb_prepare(connection, sql, &input->statement) == DuckDBSuccess;
    bool ok = prepared && duckdb_execute_prepared_streaming(input->statement, &input->result) ==
                              DuckDBSuccess;
    enter_python(leave);
    if (!prepared) return input_fails(input, duckdb_prepare_error(input->statement), err);
    input->has_result = true;
    return ok || input_fails(input, duckdb_result_error(&input->result), err);
}

bool input_open(Input *input, Arena *arena, void *connection, const char *sql, Error *err) {
    *input = (Input){0};
    if (!start(input, connection, sql, err)) return false;
    idx_t count = duckdb_column_count(&input->result);
    input->types = ARENA_ARRAY(arena, duckdb_logical_type, count + 1);
    input->names = ARENA_ARRAY(arena, const char *, count + 1);
    for (; input->columns < count; input->columns++) {
        input->types[input->columns] = duckdb_column_logical_type(&input->result, input->columns);
        input->names[input->columns] =
            arena_strdup(arena, duckdb_column_name(&input->result, input->columns));
    }
    input->options = duckdb_result_get_arrow_options(&input->result);
    return true;
}

void input_close(Input *input) {
    for (idx_t i = 0; i < input->columns; i++) duckdb_destroy_logical_type(&input->types[i]);
    input->columns = 0;
    if (input->options) duckdb_destroy_arrow_options(&input->options);
    if (input->has_result) duckdb_destroy_result(&input->result);
    input->has_result = false;
    duckdb_destroy_prepare(&input->statement);
}

duckdb_data_chunk input_next(Input *input) {
    if (!input->has_result || input->error[0]) return NULL;
    Leave leave = leave_python();
    duckdb_data_chunk chunk = duckdb_fetch_chunk(input->result);
    enter_python(leave);
    const char *error = chunk ? NULL : duckdb_result_error(&input->result);
    Error ignored;
    if (error) input_fails(input, error, &ignored);
    if (chunk && !duckdb_data_chunk_get_size(chunk)) duckdb_destroy_data_chunk(&chunk);
    return chunk;
}

/* -- as an Arrow stream ---------------------------------------------------------------------- */

static int note(Input *input, duckdb_error_data data) {
    bool failed = data && duckdb_error_data_has_error(data);
    if (failed) snprintf(input->error, sizeof input->error, "%s", duckdb_error_data_message(data));
    duckdb_destroy_error_data(&data);
    return failed ? EIO : 0;
}

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
    Input *input = stream->private_data;
    memset(out, 0, sizeof *out);
    return note(input, duckdb_to_arrow_schema(input->options, input->types, input->names,
                                              input->columns, out));
}

static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
    Input *input = stream->private_data;
    memset(out, 0, sizeof *out);
    duckdb_data_chunk chunk = input_next(input);
    if (!chunk) return input->error[0] ? EIO : 0;
    int code = note(input, duckdb_data_chunk_to_arrow(input->options, chunk, out));
    duckdb_destroy_data_chunk(&chunk);
    return code;
}

static const char *last_error(struct ArrowArrayStream *stream) {
    const Input *input = stream->private_data;
    return input->error[0] ? input->error : NULL;
}

static void release(struct ArrowArrayStream *stream) { stream->release = NULL; }

void input_stream(Input *input) {
    input->stream = (struct ArrowArrayStream){get_schema, get_next, last_error, release, input};
}
