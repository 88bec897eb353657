/* Takes a table function's rows into the side database, piece by piece: declared columns first,
 * cast to their types (values that would change are refused), further columns behind them. */
#include "udf/python/output.h"

#include <string.h>

#include "base/str.h"

static bool side_exec(Output *output, const char *sql, Error *err) {
    duckdb_result result;
    bool ok;
    Py_BEGIN_ALLOW_THREADS ok = duckdb_query(output->job->side, sql, &result) == DuckDBSuccess;
    Py_END_ALLOW_THREADS if (!ok) {
        error_set(err, ERR_UDF, SPAN_NONE, "%s returned a table that cannot be used: %s",
                  output->job->call->udf->full_name,
                  duck_message(output->job->arena, duckdb_result_error(&result)));
    }
    duckdb_destroy_result(&result);
    return ok;
}

/* Names and types of a table or view of the side database. */
static bool side_columns(Output *output, const char *name, Columns *columns, Error *err) {
    Arena *arena = output->job->arena;
    const char *sql = arena_printf(arena, "SELECT column_name, column_type FROM (DESCRIBE %s)",
                                   sql_ident(arena, name));
    duckdb_result result;
    if (duckdb_query(output->job->side, sql, &result) != DuckDBSuccess) {
        error_set(err, ERR_UDF, SPAN_NONE, "%s returned a table that DuckDB cannot read: %s",
                  output->job->call->udf->full_name,
                  duck_message(output->job->arena, duckdb_result_error(&result)));
        duckdb_destroy_result(&result);
        return false;
    }
    for (idx_t row = 0; row < duckdb_row_count(&result); row++) {
        char *text = duckdb_value_varchar(&result, 0, row);
        char *type = duckdb_value_varchar(&result, 1, row);
        *LIST_PUSH(arena, columns) = (Column){arena_strdup(arena, text), arena_strdup(arena, type)};
        duckdb_free(text);
        duckdb_free(type);
    }
    duckdb_destroy_result(&result);
    return true;
}

static bool is_integer(const char *type) {
    static const char *const names[] = {"TINYINT",  "SMALLINT",  "INTEGER",  "BIGINT",  "HUGEINT",
                                        "INT",      "INT2",      "INT4",     "INT8",    "LONG",
                                        "SHORT",    "INT64",     "INT32",    "INT16",   "SIGNED",
                                        "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_ieq(type, names[i])) return true;
    return false;
}

/* A cast to the declared type. pandas keeps integers with gaps as floats and gaps as NaN. */
static void put_cast(Buf *sql, const Column *from, const Column *to) {
    Arena *arena = sql->arena;
    const char *name = sql_ident(arena, from->name);
    bool is_float = str_eq(from->type, "DOUBLE") || str_eq(from->type, "FLOAT");
    bool is_decimal = str_starts(from->type, "DECIMAL(");
    if (is_float && is_integer(to->type))
        buf_printf(sql,
                   "CASE WHEN isnan(%s) THEN NULL WHEN trunc(%s) <> %s THEN "
                   "error(format('{} in column %s is no %s', %s)) ELSE CAST(%s AS %s) END",
                   name, name, name, str_replace(arena, to->name, "'", "''"), to->type, name, name,
                   to->type);
    else if (is_decimal && is_integer(to->type))
        buf_printf(sql,
                   "CASE WHEN trunc(%s) <> %s THEN error(format('{} in column %s is no %s', "
                   "CAST(%s AS VARCHAR))) ELSE CAST(%s AS %s) END",
                   name, name, str_replace(arena, to->name, "'", "''"), to->type, name, name,
                   to->type);
    else
        buf_printf(sql, "CAST(%s AS %s)", name, to->type);
    buf_printf(sql, " AS %s", sql_ident(arena, to->name));
}

static bool missing(Output *output, const char *name, const Columns *found, Error *err) {
    Strings names = {0};
    for (size_t i = 0; i < found->count; i++)
        strings_add(output->job->arena, &names, found->items[i].name);
    return error_set(err, ERR_UDF, SPAN_NONE,
                     "%s returned no column '%s', which its output_schema has; it returned: %s",
                     output->job->call->udf->full_name, name,
                     strings_join(output->job->arena, &names, ", "));
}

/* SELECT of a piece's columns in the order and types of the output. */
static bool select_list(Output *output, const Columns *piece, const Columns *wanted, bool rest,
                        Buf *sql, Error *err) {
    const char *comma = "";
    for (size_t i = 0; i < wanted->count; i++) {
        const Column *from = columns_find(piece, wanted->items[i].name);
        if (!from) return missing(output, wanted->items[i].name, piece, err);
        buf_puts(sql, comma);
        put_cast(sql, from, &wanted->items[i]);
        comma = ", ";
    }
    for (size_t i = 0; i < piece->count; i++) {
        if (columns_find(wanted, piece->items[i].name)) continue;
        if (!rest)
            return error_set(err, ERR_UDF, SPAN_NONE,
                             "%s returned a column '%s' that its first rows did not have",
                             output->job->call->udf->full_name, piece->items[i].name);
        /* A column of nothing but NULLs has no type: text takes all. */
        bool untyped = str_eq(piece->items[i].type, "\"NULL\"");
        const char *name = sql_ident(sql->arena, piece->items[i].name);
        if (untyped)
            buf_printf(sql, "%sCAST(%s AS VARCHAR) AS %s", comma, name, name);
        else
            buf_printf(sql, "%s%s", comma, name);
        comma = ", ";
    }
    return true;
}

static bool insert_from(Output *output, const char *piece, Error *err) {
    const UdfTableCall *call = output->job->call;
    Columns columns = {0};
    Buf sql = buf_on(output->job->arena);
    if (!side_columns(output, piece, &columns, err)) return false;
    if (!output->created)
        buf_printf(&sql, "CREATE TABLE %s AS SELECT ", call->table);
    else
        buf_printf(&sql, "INSERT INTO %s BY NAME SELECT ", call->table);
    const Columns *wanted = output->created ? &output->columns : &call->udf->output;
    if (!columns.count) return true;
    if (!select_list(output, &columns, wanted, !output->created, &sql, err)) return false;
    buf_printf(&sql, " FROM %s", sql_ident(output->job->arena, piece));
    if (!side_exec(output, buf_text(&sql), err)) return false;
    if (output->created) return true;
    output->created = true;
    return side_columns(output, call->table, &output->columns, err);
}

static bool open_side(Output *output, Error *err) {
    return output->job->side || output->job->open_side(output->job, err);
}

bool output_arrow(Output *output, struct ArrowArrayStream *stream, Error *err) {
    if (!open_side(output, err)) return false;
    if (duckdb_arrow_scan(output->job->side, "piece", (duckdb_arrow_stream)stream) != DuckDBSuccess)
        return error_set(err, ERR_UDF, SPAN_NONE,
                         "%s returned an Arrow table that DuckDB cannot read",
                         output->job->call->udf->full_name);
    bool ok = insert_from(output, "piece", err);
    Error ignored;
    return side_exec(output, "DROP VIEW piece", ok ? err : &ignored) && ok;
}

/* -- Python's own values --------------------------------------------------------------------- */

static bool put_chunk(Output *output, duckdb_appender appender, Writer *writers, PyObject *columns,
                      Py_ssize_t from, Error *err) {
    idx_t count = duckdb_appender_column_count(appender);
    duckdb_logical_type *types = PyMem_RawCalloc(count, sizeof *types);
    for (idx_t i = 0; i < count; i++) types[i] = duckdb_appender_column_type(appender, i);
    duckdb_data_chunk chunk = duckdb_create_data_chunk(types, count);
    for (idx_t i = 0; i < count; i++) duckdb_destroy_logical_type(&types[i]);
    PyMem_RawFree(types);
    Py_ssize_t rows = PyList_Size(PyList_GetItem(columns, 0)) - from;
    if (rows > 2048) rows = 2048;
    bool ok = true;
    for (idx_t i = 0; ok && i < count; i++) {
        PyObject *column = PyList_GetItem(columns, (Py_ssize_t)i);
        writer_attach(&writers[i], duckdb_data_chunk_get_vector(chunk, i));
        for (Py_ssize_t row = 0; ok && row < rows; row++) {
            Buf why = buf_on(output->job->arena);
            ok = writer_put(&writers[i], (uint64_t)row, PyList_GetItem(column, from + row), &why);
            if (!ok)
                error_set(err, ERR_UDF, SPAN_NONE,
                          "%s returned a wrong value in column '%s', row %zd: %s",
                          output->job->call->udf->full_name, output->columns.items[i].name,
                          from + row + 1, buf_text(&why));
        }
    }
    duckdb_data_chunk_set_size(chunk, (idx_t)rows);
    ok = ok && (duckdb_append_data_chunk(appender, chunk) == DuckDBSuccess ||
                error_set(err, ERR_UDF, SPAN_NONE, "the rows cannot be kept"));
    duckdb_destroy_data_chunk(&chunk);
    return ok;
}

static bool append(Output *output, PyObject *columns, Error *err) {
    duckdb_appender appender;
    if (duckdb_appender_create(output->job->side, NULL, output->job->call->table, &appender) !=
        DuckDBSuccess)
        return error_set(err, ERR_INTERNAL, SPAN_NONE, "the output table cannot be opened");
    idx_t count = duckdb_appender_column_count(appender), made = 0;
    Writer *writers = PyMem_RawCalloc(count + 1, sizeof *writers);
    bool ok = true;
    for (; ok && made < count; made++) {
        duckdb_logical_type type = duckdb_appender_column_type(appender, made);
        ok = writer_make(&writers[made], type, err);
        duckdb_destroy_logical_type(&type);
    }
    Py_ssize_t rows = count ? PyList_Size(PyList_GetItem(columns, 0)) : 0;
    for (Py_ssize_t from = 0; ok && from < rows; from += 2048)
        ok = put_chunk(output, appender, writers, columns, from, err);
    for (idx_t i = 0; i < made; i++) writer_free(&writers[i]);
    PyMem_RawFree(writers);
    if (duckdb_appender_destroy(&appender) != DuckDBSuccess && ok)
        return error_set(err, ERR_UDF, SPAN_NONE, "the rows cannot be kept");
    return ok;
}

static bool create(Output *output, const Columns *columns, Error *err) {
    if (!open_side(output, err)) return false;
    Buf sql = buf_on(output->job->arena);
    buf_printf(&sql, "CREATE TABLE %s (", output->job->call->table);
    for (size_t i = 0; i < columns->count; i++)
        buf_printf(&sql, "%s%s %s", i ? ", " : "",
                   sql_ident(output->job->arena, columns->items[i].name), columns->items[i].type);
    buf_puts(&sql, ")");
    if (!side_exec(output, buf_text(&sql), err)) return false;
    output->created = true;
    output->columns = *columns;
    return true;
}

/* The columns of the output for a first piece of values: declared ones, then the rest. */
static bool value_columns(Output *output, PyObject *names, PyObject *types, Columns *columns,
                          Error *err) {
    Arena *arena = output->job->arena;
    Columns given = {0};
    for (Py_ssize_t i = 0; i < PyList_Size(names); i++) {
        PyObject *type = PyList_GetItem(types, i);
        const char *text = type == Py_None ? "VARCHAR" : PyUnicode_AsUTF8(type);
        *LIST_PUSH(arena, &given) =
            (Column){arena_strdup(arena, PyUnicode_AsUTF8(PyList_GetItem(names, i))),
                     arena_strdup(arena, text)};
    }
    const Columns *declared = &output->job->call->udf->output;
    for (size_t i = 0; i < declared->count; i++) {
        if (!columns_find(&given, declared->items[i].name))
            return missing(output, declared->items[i].name, &given, err);
        *LIST_PUSH(arena, columns) = declared->items[i];
    }
    for (size_t i = 0; i < given.count; i++)
        if (!columns_find(declared, given.items[i].name))
            *LIST_PUSH(arena, columns) = given.items[i];
    return true;
}

bool output_values(Output *output, PyObject *names, PyObject *types, PyObject *columns,
                   Error *err) {
    if (!output->created) {
        Columns wanted = {0};
        if (!value_columns(output, names, types, &wanted, err) || !create(output, &wanted, err))
            return false;
    }
    /* In the table's order; a column that this piece lacks is NULL, one more is an error. */
    AUTO_OBJECT ordered = PyList_New((Py_ssize_t)output->columns.count);
    Py_ssize_t rows = PyList_Size(columns) ? PyList_Size(PyList_GetItem(columns, 0)) : 0, used = 0;
    for (size_t i = 0; ordered && i < output->columns.count; i++) {
        PyObject *column = NULL;
        for (Py_ssize_t n = 0; !column && n < PyList_Size(names); n++)
            if (str_ieq(PyUnicode_AsUTF8(PyList_GetItem(names, n)), output->columns.items[i].name))
                column = Py_NewRef(PyList_GetItem(columns, n));
        used += column != NULL;
        if (!column) column = host_call("nulls", "(n)", rows);
        if (!column) return false;
        PyList_SET_ITEM(ordered, (Py_ssize_t)i, column);
    }
    if (used < PyList_Size(names))
        return error_set(err, ERR_UDF, SPAN_NONE,
                         "%s returned a column that its first rows did not have",
                         output->job->call->udf->full_name);
    return append(output, ordered, err);
}

bool output_finish(Output *output, Error *err) {
    const Udf *udf = output->job->call->udf;
    if (output->created) return true;
    if (udf->output.count) return create(output, &udf->output, err);
    error_set(err, ERR_UDF, SPAN_NONE, "%s returned no rows and no columns", udf->full_name);
    return error_hint(err, "declare its columns: output_schema={\"name\": \"VARCHAR\", …}");
}
