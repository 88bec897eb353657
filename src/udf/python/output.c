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
    Strings names = columns_names(output->job->arena, found);
    const Udf *udf = output->job->call->udf;
    return error_set(err, ERR_UDF, SPAN_NONE,
                     "%s returned no column '%s', which its %s; it returned: %s", udf->full_name,
                     name,
                     columns_find(&udf->output, name) ? "output_schema has" : "first rows had",
                     strings_join(output->job->arena, &names, ", "));
}

static bool unexpected(Output *output, const char *name, Error *err) {
    return error_set(err, ERR_UDF, SPAN_NONE,
                     "%s returned a column '%s' that its first rows did not have",
                     output->job->call->udf->full_name, name);
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
        if (!rest) return unexpected(output, piece->items[i].name, err);
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

/* Values on their way into a table of the side database. */
typedef struct Values {
    const char *table;
    const Columns *columns; /* of the table */
    PyObject *items;        /* a list of values for each column */
    Py_ssize_t rows, done;  /* done: stored already */
    bool wrong_type;        /* why a value was refused */
} Values;

static bool refuse(Output *output, Values *values, idx_t column, Py_ssize_t row, Buf *why,
                   Error *err) {
    const Udf *udf = output->job->call->udf;
    const Column *refused = &values->columns->items[column];
    values->wrong_type = writer_refused_type(why);
    error_set(err, ERR_UDF, SPAN_NONE, "%s returned a wrong value in column '%s', row %zd: %s",
              udf->full_name, refused->name, output->rows + row + 1, buf_text(why));
    if (!columns_find(&udf->output, refused->name))
        error_hint(err, "%s is what the first rows have; declare another type: %s\"%s\": …}",
                   refused->type, "output_schema={", refused->name);
    return false;
}

static bool put_chunk(Output *output, duckdb_appender appender, Writer *writers, Values *values,
                      Error *err) {
    idx_t count = duckdb_appender_column_count(appender);
    duckdb_logical_type *types = PyMem_RawCalloc(count, sizeof *types);
    for (idx_t i = 0; i < count; i++) types[i] = duckdb_appender_column_type(appender, i);
    duckdb_data_chunk chunk = duckdb_create_data_chunk(types, count);
    for (idx_t i = 0; i < count; i++) duckdb_destroy_logical_type(&types[i]);
    PyMem_RawFree(types);
    Py_ssize_t from = values->done, rows = values->rows - from;
    if (rows > 2048) rows = 2048;
    bool ok = true;
    for (idx_t i = 0; ok && i < count; i++) {
        PyObject *column = PyList_GetItem(values->items, (Py_ssize_t)i);
        writer_attach(&writers[i], duckdb_data_chunk_get_vector(chunk, i));
        for (Py_ssize_t row = 0; ok && row < rows; row++) {
            Buf why = buf_on(output->job->arena);
            ok = writer_put(&writers[i], (uint64_t)row, PyList_GetItem(column, from + row), &why) ||
                 refuse(output, values, i, from + row, &why, err);
        }
    }
    duckdb_data_chunk_set_size(chunk, (idx_t)rows);
    ok = ok && (duckdb_append_data_chunk(appender, chunk) == DuckDBSuccess ||
                error_set(err, ERR_UDF, SPAN_NONE, "the rows cannot be kept"));
    duckdb_destroy_data_chunk(&chunk);
    if (ok) values->done += rows;
    return ok;
}

static bool append(Output *output, Values *values, Error *err) {
    duckdb_appender appender;
    if (duckdb_appender_create(output->job->side, NULL, values->table, &appender) != DuckDBSuccess)
        return error_set(err, ERR_INTERNAL, SPAN_NONE, "the output table cannot be opened");
    idx_t count = duckdb_appender_column_count(appender), made = 0;
    Writer *writers = PyMem_RawCalloc(count + 1, sizeof *writers);
    bool ok = true;
    for (; ok && made < count; made++) {
        duckdb_logical_type type = duckdb_appender_column_type(appender, made);
        ok = writer_make(&writers[made], type, err);
        duckdb_destroy_logical_type(&type);
    }
    while (ok && values->done < values->rows)
        ok = put_chunk(output, appender, writers, values, err);
    for (idx_t i = 0; i < made; i++) writer_free(&writers[i]);
    PyMem_RawFree(writers);
    if (duckdb_appender_destroy(&appender) != DuckDBSuccess && ok)
        return error_set(err, ERR_UDF, SPAN_NONE, "the rows cannot be kept");
    return ok;
}

static bool create_table(Output *output, const char *table, const Columns *columns, Error *err) {
    Buf sql = buf_on(output->job->arena);
    buf_printf(&sql, "CREATE TABLE %s (", table);
    for (size_t i = 0; i < columns->count; i++)
        buf_printf(&sql, "%s%s %s", i ? ", " : "",
                   sql_ident(output->job->arena, columns->items[i].name), columns->items[i].type);
    buf_puts(&sql, ")");
    return side_exec(output, buf_text(&sql), err);
}

/* The columns as the values themselves are; false where these have no type in common, or one that
 * cannot be cast to the declared type. */
static bool own_columns(Output *output, PyObject *types, Columns *columns) {
    for (size_t i = 0; i < output->columns.count; i++) {
        Column column = output->columns.items[i];
        PyObject *type = PyList_GetItem(types, (Py_ssize_t)i);
        bool declared = columns_find(&output->job->call->udf->output, column.name) != NULL;
        const char *own = declared && type != Py_None ? PyUnicode_AsUTF8(type) : column.type;
        if (type_is_nested(own) != type_is_nested(column.type)) return false;
        column.type = arena_strdup(output->job->arena, own);
        *LIST_PUSH(output->job->arena, columns) = column;
    }
    return true;
}

/* Values of other types than the declared ones: the rest of the piece is stored as it is, then cast
 * like an Arrow table. */
static bool append_cast(Output *output, const Values *refused, Error *err) {
    AUTO_OBJECT rest = host_call("rest_of_columns", "(On)", refused->items, refused->done);
    AUTO_OBJECT types = rest ? host_call("types_of_columns", "(O)", rest) : NULL;
    PyErr_Clear();
    Columns columns = {0};
    if (!types || !own_columns(output, types, &columns)) return false;
    Values values = {.table = "piece",
                     .columns = &columns,
                     .items = rest,
                     .rows = refused->rows - refused->done};
    if (!create_table(output, values.table, &columns, err)) return false;
    bool ok = append(output, &values, err) && insert_from(output, values.table, err);
    Error ignored;
    return side_exec(output, "DROP TABLE piece", ok ? err : &ignored) && ok;
}

static bool create(Output *output, const Columns *columns, Error *err) {
    if (!open_side(output, err) || !create_table(output, output->job->call->table, columns, err))
        return false;
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

/* A name that is none of the output's columns, or is there twice; or NULL. */
static const char *one_more(const Output *output, PyObject *names) {
    for (Py_ssize_t n = 0; n < PyList_Size(names); n++) {
        const char *name = PyUnicode_AsUTF8(PyList_GetItem(names, n));
        bool known = columns_find(&output->columns, name) != NULL;
        for (Py_ssize_t m = 0; known && m < n; m++)
            known = !str_ieq(PyUnicode_AsUTF8(PyList_GetItem(names, m)), name);
        if (!known) return name;
    }
    return NULL;
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
    Py_ssize_t rows = PyList_Size(columns) ? PyList_Size(PyList_GetItem(columns, 0)) : 0;
    const char *more = one_more(output, names);
    if (more) return unexpected(output, more, err);
    for (size_t i = 0; ordered && i < output->columns.count; i++) {
        PyObject *column = NULL;
        for (Py_ssize_t n = 0; !column && n < PyList_Size(names); n++)
            if (str_ieq(PyUnicode_AsUTF8(PyList_GetItem(names, n)), output->columns.items[i].name))
                column = Py_NewRef(PyList_GetItem(columns, n));
        if (!column) column = host_call("nulls", "(n)", rows);
        if (!column) return false;
        PyList_SET_ITEM(ordered, (Py_ssize_t)i, column);
    }
    Values values = {.table = output->job->call->table,
                     .columns = &output->columns,
                     .items = ordered,
                     .rows = rows};
    Error ignored;
    bool ok = ordered && (append(output, &values, err) ||
                          (values.wrong_type && append_cast(output, &values, &ignored)));
    output->rows += rows;
    return ok;
}

bool output_finish(Output *output, Error *err) {
    const Udf *udf = output->job->call->udf;
    if (output->created) return true;
    if (udf->output.count) return create(output, &udf->output, err);
    error_set(err, ERR_UDF, SPAN_NONE, "%s returned no rows and no columns", udf->full_name);
    return error_hint(err, "declare its columns: output_schema={\"name\": \"VARCHAR\", …}");
}
