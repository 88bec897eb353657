/* Rows: a streaming result, chunk by chunk. Integers, booleans and text are read from the vectors;
 * everything else goes through duck_value.c, or, for types that it does not know, through a cast
 * in the query itself. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/duck_internal.h"

typedef struct Field {
    duckdb_logical_type type;
    duckdb_type id;
    const char *name, *type_name;
    duckdb_vector vector; /* of the current chunk */
    const void *data;
    uint64_t *validity;
    char *text; /* buffer of `capacity` bytes in the arena */
    size_t capacity;
} Field;

struct Rows {
    Arena *arena;
    Duck *duck;
    duckdb_result result;
    bool has_result;
    duckdb_data_chunk chunk; /* NULL before the first and after the last */
    idx_t row, chunk_size;
    Field *fields;
    size_t count;
};

static void take_fields(Rows *rows) {
    rows->count = duckdb_column_count(&rows->result);
    rows->fields = ARENA_ARRAY(rows->arena, Field, rows->count + 1);
    for (size_t i = 0; i < rows->count; i++) {
        Field *field = &rows->fields[i];
        field->type = duckdb_column_logical_type(&rows->result, i);
        field->id = duckdb_get_type_id(field->type);
        field->name = arena_strdup(rows->arena, duckdb_column_name(&rows->result, i));
        Buf name = buf_on(rows->arena);
        duck_type_name(&name, field->type);
        field->type_name = buf_text(&name);
    }
}

static bool all_known(duckdb_prepared_statement statement) {
    idx_t count = duckdb_prepared_statement_column_count(statement);
    for (idx_t i = 0; i < count; i++) {
        AUTO_TYPE type = duckdb_prepared_statement_column_logical_type(statement, i);
        if (!duck_type_is_known(type)) return false;
    }
    return true;
}

/* The same query with every column cast to text; the columns keep their types' names. */
static bool query_as_text(Duck *duck, const char *sql, duckdb_prepared_statement plain, Rows *rows,
                          Error *err) {
    AUTO_STATEMENT statement = NULL;
    const char *end = sql + strlen(sql);
    while (end > sql && strchr("; \t\r\n", end[-1]) != NULL) end--;
    const char *cast = arena_printf(rows->arena, "SELECT COLUMNS(*)::VARCHAR FROM (%.*s\n)",
                                    (int)(end - sql), sql);
    if (!duck_prepare_last(duck, cast, &statement, err)) return false;
    if (!duck_execute(duck, statement, &rows->result, err)) return false;
    rows->has_result = true;
    take_fields(rows);
    for (size_t i = 0; i < rows->count; i++) {
        AUTO_TYPE type = duckdb_prepared_statement_column_logical_type(plain, i);
        Buf name = buf_on(rows->arena);
        duck_type_name(&name, type);
        rows->fields[i].type_name = buf_text(&name);
    }
    return true;
}

static bool open_rows(Duck *duck, const char *sql, Rows *rows, Error *err) {
    AUTO_STATEMENT statement = NULL;
    if (!duck_prepare_last(duck, sql, &statement, err)) return false;
    if (statement == NULL) return error_set(err, ERR_QUERY, SPAN_NONE, "the query is empty");
    if (duckdb_prepared_statement_type(statement) == DUCKDB_STATEMENT_TYPE_SELECT &&
        !all_known(statement))
        return query_as_text(duck, sql, statement, rows, err);
    if (!duck_execute(duck, statement, &rows->result, err)) return false;
    rows->has_result = true;
    take_fields(rows);
    return true;
}

bool duck_query(Duck *duck, const char *sql, Rows **out, Error *err) {
    *out = NULL;
    Arena *arena = arena_new();
    Rows *rows = ARENA_NEW(arena, Rows);
    *rows = (Rows){.arena = arena, .duck = duck};
    if (!open_rows(duck, sql, rows, err)) {
        rows_close(rows);
        return false;
    }
    *out = rows;
    return true;
}

void rows_close(Rows *rows) {
    if (rows == NULL) return;
    if (rows->chunk != NULL) duckdb_destroy_data_chunk(&rows->chunk);
    for (size_t i = 0; i < rows->count; i++) duckdb_destroy_logical_type(&rows->fields[i].type);
    if (rows->has_result) duckdb_destroy_result(&rows->result);
    arena_free(rows->arena);
}

void rows_cleanup(Rows **rows) { rows_close(*rows); }

size_t rows_columns(const Rows *rows) { return rows->count; }
const char *rows_name(const Rows *rows, size_t column) { return rows->fields[column].name; }
const char *rows_type(const Rows *rows, size_t column) { return rows->fields[column].type_name; }

static void bind_chunk(Rows *rows) {
    rows->row = 0;
    rows->chunk_size = duckdb_data_chunk_get_size(rows->chunk);
    for (size_t i = 0; i < rows->count; i++) {
        Field *field = &rows->fields[i];
        field->vector = duckdb_data_chunk_get_vector(rows->chunk, i);
        field->data = duckdb_vector_get_data(field->vector);
        field->validity = duckdb_vector_get_validity(field->vector);
    }
}

bool rows_next(Rows *rows, Error *err) {
    err->code = ERR_NONE;
    if (rows->chunk != NULL && ++rows->row < rows->chunk_size) return true;
    do {
        if (rows->chunk != NULL) duckdb_destroy_data_chunk(&rows->chunk);
        rows->chunk = duckdb_fetch_chunk(rows->result);
        if (rows->chunk == NULL) {
            const char *failure = duckdb_result_error(&rows->result);
            return failure == NULL ? false : duck_fail(rows->duck, NULL, failure, err);
        }
        bind_chunk(rows);
    } while (rows->chunk_size == 0);
    return true;
}

bool rows_is_null(const Rows *rows, size_t column) {
    uint64_t *validity = rows->fields[column].validity;
    return validity != NULL && !duckdb_validity_row_is_valid(validity, rows->row);
}

static const char *keep(Rows *rows, Field *field, const char *data, size_t size) {
    if (size + 1 > field->capacity) {
        field->capacity = size + 1 > 2 * field->capacity ? size + 1 : 2 * field->capacity;
        field->text = arena_alloc(rows->arena, field->capacity);
    }
    memcpy(field->text, data, size);
    field->text[size] = '\0';
    return field->text;
}

/* Integers that fit an int64; false for every other type. */
static bool as_int64(const Field *field, idx_t row, int64_t *out) {
    const void *data = field->data;
    switch ((int)field->id) {
    case DUCKDB_TYPE_BOOLEAN: *out = ((const bool *)data)[row]; return true;
    case DUCKDB_TYPE_TINYINT: *out = ((const int8_t *)data)[row]; return true;
    case DUCKDB_TYPE_SMALLINT: *out = ((const int16_t *)data)[row]; return true;
    case DUCKDB_TYPE_INTEGER: *out = ((const int32_t *)data)[row]; return true;
    case DUCKDB_TYPE_BIGINT: *out = ((const int64_t *)data)[row]; return true;
    case DUCKDB_TYPE_UTINYINT: *out = ((const uint8_t *)data)[row]; return true;
    case DUCKDB_TYPE_USMALLINT: *out = ((const uint16_t *)data)[row]; return true;
    case DUCKDB_TYPE_UINTEGER: *out = ((const uint32_t *)data)[row]; return true;
    default: return false;
    }
}

const char *rows_text(Rows *rows, size_t column) {
    if (rows_is_null(rows, column)) return NULL;
    Field *field = &rows->fields[column];
    int64_t number;
    if (field->id == DUCKDB_TYPE_VARCHAR) {
        duckdb_string_t *raw = &((duckdb_string_t *)(uintptr_t)field->data)[rows->row];
        return keep(rows, field, duckdb_string_t_data(raw), duckdb_string_t_length(*raw));
    }
    if (field->id == DUCKDB_TYPE_BOOLEAN)
        return ((const bool *)field->data)[rows->row] ? "true" : "false";
    if (as_int64(field, rows->row, &number)) {
        char digits[24];
        int size = snprintf(digits, sizeof digits, "%" PRId64, number);
        return keep(rows, field, digits, (size_t)size);
    }
    duckdb_value value = duck_value(field->vector, field->type, rows->row);
    AUTO_DUCK_TEXT text = duckdb_get_varchar(value);
    duckdb_destroy_value(&value);
    return text == NULL ? NULL : keep(rows, field, text, strlen(text));
}

int64_t rows_int(Rows *rows, size_t column) {
    int64_t number = 0;
    if (rows_is_null(rows, column) || as_int64(&rows->fields[column], rows->row, &number))
        return number;
    long long parsed = 0;
    const char *text = rows_text(rows, column);
    if (text != NULL) str_to_int64(text, &parsed);
    return parsed;
}
