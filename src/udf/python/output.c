/* Takes a table function's rows into the side database, piece by piece: declared columns first,
 * cast to their types (values that would change are refused), further columns behind them. */
#include "udf/python/output.h"

#include <string.h>

#include "base/str.h"
#include "engine/casts.h"

static bool side_exec(Output *output, const char *sql, Error *err) {
    duckdb_result result;
    bool ok;
    Py_BEGIN_ALLOW_THREADS ok = duckdb_query(output->job->side, sql, &result) == DuckDBSuccess;
    Py_END_ALLOW_THREADS if (!ok) {
        error_set(err, ERR_UDF, SPAN_NONE, "%s",
                  duck_message(output->job->arena, duckdb_result_error(&result)));
        if (cast_error_read(err)) error_hint(err, "%s", "");
        err->code = ERR_UDF;
        error_prefix(err, "%s returned a table that cannot be used: ",
                     output->job->call->udf->full_name);
    }
    duckdb_destroy_result(&result);
    return ok;
}

/* Names and types of a table, view or query of the side database. */
static bool side_columns(Output *output, const char *what, Columns *columns, Error *err) {
    Arena *arena = output->job->arena;
    const char *sql =
        arena_printf(arena, "SELECT column_name, column_type FROM (DESCRIBE %s)", what);
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

/* FLOAT and DECIMAL round, which is what they are declared for; these others do not compare. */
static bool may_change(const char *from, const char *to) {
    static const char *const kinds[] = {"FLOAT", "DECIMAL", "UNION(", "INTERVAL", "VARIANT"};
    bool real = type_is_nested(from) || str_eq(from, "DOUBLE") || str_eq(from, "FLOAT") ||
                str_starts(from, "DECIMAL(");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strstr(to, kinds[i]) && (real || cast_is_plain(from, to))) return true;
    return real && str_eq(to, "DOUBLE");
}

/* A cast to the declared type. */
static void put_cast(Buf *sql, const Column *from, const Column *to) {
    const char *name = sql_ident(sql->arena, to->name);
    if (may_change(from->type, to->type))
        buf_printf(sql, "CAST(%s AS %s) AS %s", name, to->type, name);
    else
        cast_expression(sql, &(Column){to->name, from->type}, to->type, "''");
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
        buf_printf(sql, "%s%s", comma, sql_ident(sql->arena, piece->items[i].name));
        comma = ", ";
    }
    return true;
}

/* The declared columns, their types in DuckDB's own words. */
static bool declared_columns(Output *output, Columns *columns, Error *err) {
    const Columns *declared = &output->job->call->udf->output;
    Buf sql = buf_on(output->job->arena);
    for (size_t i = 0; i < declared->count; i++)
        buf_printf(&sql, "%s CAST(NULL AS %s) AS %s", i ? "," : "SELECT", declared->items[i].type,
                   sql_ident(sql.arena, declared->items[i].name));
    return !declared->count || side_columns(output, buf_text(&sql), columns, err);
}

static bool insert_from(Output *output, const char *piece, Error *err) {
    const UdfTableCall *call = output->job->call;
    Columns columns = {0}, wanted = output->columns;
    Buf sql = buf_on(output->job->arena);
    if (!side_columns(output, piece, &columns, err)) return false;
    if (!output->created && !declared_columns(output, &wanted, err)) return false;
    if (!output->created)
        buf_printf(&sql, "CREATE TABLE %s AS SELECT ", call->table);
    else
        buf_printf(&sql, "INSERT INTO %s BY NAME SELECT ", call->table);
    if (!columns.count) return true;
    if (!select_list(output, &columns, &wanted, !output->created, &sql, err)) return false;
    buf_printf(&sql, " FROM %s", piece);
    if (!side_exec(output, buf_text(&sql), err)) return false;
    if (output->created) return true;
    output->created = true;
    return side_columns(output, call->table, &output->columns, err);
}

static bool open_side(Output *output, Error *err) {
    return output->job->side || output->job->open_side(output->job, err);
}

/* Names the columns whose types DuckDB does not know. */
static bool unreadable(Output *output, struct ArrowArrayStream *stream, Error *err) {
    Strings names = {0};
    struct ArrowSchema schema = {0};
    bool known = stream->get_schema(stream, &schema) == 0;
    for (int64_t i = 0; known && i < schema.n_children; i++) {
        struct ArrowSchema one = schema;
        one.n_children = 1;
        one.children = &schema.children[i];
        duckdb_arrow_converted_schema converted = NULL;
        duckdb_error_data data = duckdb_schema_from_arrow(output->job->side, &one, &converted);
        if (data && duckdb_error_data_has_error(data))
            strings_add(output->job->arena, &names, schema.children[i]->name);
        duckdb_destroy_error_data(&data);
        duckdb_destroy_arrow_converted_schema(&converted);
    }
    if (schema.release) schema.release(&schema);
    const char *name = output->job->call->udf->full_name;
    if (!names.count)
        return error_set(err, ERR_UDF, SPAN_NONE, "%s returned no columns", name);
    error_set(err, ERR_UDF, SPAN_NONE, "%s returned an Arrow table that DuckDB cannot read", name);
    return error_hint(err, "cast the type of: %s", strings_join(output->job->arena, &names, ", "));
}

bool output_arrow(Output *output, struct ArrowArrayStream *stream, Error *err) {
    if (!open_side(output, err)) return false;
    if (duckdb_arrow_scan(output->job->side, "piece", (duckdb_arrow_stream)stream) != DuckDBSuccess)
        return unreadable(output, stream, err);
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
