/* Guards the json connector's numbers. A quick check of the doubles that were read finds files with
 * long numbers; those are gone through once more, as text, to see which of them a double keeps. */
#include <math.h>
#include <string.h>

#include "connectors/json.h"
#include "duck_api.h"
#include "engine/jscan.h"
#include "engine/numbers.h"

/* Numbers of so many digits fit HUGEINT. */
enum { HUGE_DIGITS = 38 };

static bool may_change(const char *type) {
    return strstr(type, "DOUBLE") != NULL || strstr(type, "JSON") != NULL;
}

/* column_types gives a column of doubles a type that could hold more than they do. */
static bool is_exact(const JsonCall *call, const Column *column) {
    static const char *const floats[] = {"DOUBLE", "FLOAT", "REAL", "FLOAT4", "FLOAT8", NULL};
    const Value *type = value_get(link_value(call->files->link, "column_types"), column->name);
    return type != NULL && str_eq(column->type, "DOUBLE") && !str_iin(value_text(type), floats);
}

const char *json_guarded(const JsonCall *call, const char *reader, bool *guarded) {
    Arena *arena = call->files->session->arena;
    Buf sql = buf_on(arena);
    *guarded = false;
    for (size_t i = 0; i < call->columns.count; i++) {
        const Column *column = &call->columns.items[i];
        if (!may_change(column->type)) continue;
        const char *name = sql_ident(arena, column->name);
        buf_printf(&sql, "%sCASE WHEN %s(%s) THEN %s END AS %s",
                   *guarded ? ", " : "(SELECT * REPLACE (",
                   is_exact(call, column) ? DUCK_SHORT : DUCK_NEAR, name, name, name);
        *guarded = true;
    }
    if (!*guarded) return reader;
    buf_printf(&sql, ") FROM %s)", reader);
    return buf_text(&sql);
}

/* -- the numbers as written --------------------------------------------------------------- */

typedef enum ShapeKind { SHAPE_OTHER, SHAPE_DOUBLE, SHAPE_JSON, SHAPE_LIST, SHAPE_MAP,
                         SHAPE_STRUCT } ShapeKind;

/* Where in a value of some type there are doubles. */
typedef struct Shape Shape;
struct Shape {
    ShapeKind kind;
    const char **names; /* of a STRUCT's members */
    Shape *children;
    size_t count;
};

typedef struct Found {
    bool exact;         /* see is_exact */
    bool longer;        /* a number that HUGEINT does not hold */
    const char *number; /* the first one that a double changes, NULL: none; and where */
    const char *file;
    bool whole;         /* that number is a whole one */
} Found;

typedef struct Check {
    Arena *arena;
    Shape top; /* as if the columns were one STRUCT */
    Found *found;
    const char *file;
} Check;

static void destroy_type(duckdb_logical_type *type) { duckdb_destroy_logical_type(type); }
#define AUTO_LOGICAL __attribute__((cleanup(destroy_type))) duckdb_logical_type

static ShapeKind kind_of(duckdb_logical_type type) {
    duckdb_type id = duckdb_get_type_id(type);
    if (id == DUCKDB_TYPE_DOUBLE) return SHAPE_DOUBLE;
    if (id == DUCKDB_TYPE_LIST) return SHAPE_LIST;
    if (id == DUCKDB_TYPE_MAP) return SHAPE_MAP;
    if (id == DUCKDB_TYPE_STRUCT) return SHAPE_STRUCT;
    if (id != DUCKDB_TYPE_VARCHAR) return SHAPE_OTHER;
    char *alias = duckdb_logical_type_get_alias(type);
    bool json = alias != NULL && str_eq(alias, "JSON");
    duckdb_free(alias);
    return json ? SHAPE_JSON : SHAPE_OTHER;
}

static void shape_make(Arena *arena, duckdb_logical_type type, Shape *shape) {
    *shape = (Shape){.kind = kind_of(type)};
    if (shape->kind == SHAPE_LIST || shape->kind == SHAPE_MAP) {
        AUTO_LOGICAL child = shape->kind == SHAPE_LIST ? duckdb_list_type_child_type(type)
                                                       : duckdb_map_type_value_type(type);
        shape->children = ARENA_ARRAY(arena, Shape, 1);
        shape_make(arena, child, shape->children);
    }
    if (shape->kind != SHAPE_STRUCT) return;
    shape->count = duckdb_struct_type_child_count(type);
    shape->children = ARENA_ARRAY(arena, Shape, shape->count + 1);
    shape->names = ARENA_ARRAY(arena, const char *, shape->count + 1);
    for (size_t i = 0; i < shape->count; i++) {
        AUTO_LOGICAL child = duckdb_struct_type_child_type(type, i);
        char *name = duckdb_struct_type_child_name(type, i);
        shape->names[i] = arena_strdup(arena, name);
        duckdb_free(name);
        shape_make(arena, child, &shape->children[i]);
    }
}

/* The member of a STRUCT for an object's key. DuckDB numbers keys that differ in case only, so
 * one without its exact name is taken for the other. */
static size_t member_of(const Check *check, const Shape *shape, const JScan *scan, uint32_t node) {
    const JNode *at = &scan->nodes[node];
    size_t size = at->key_end - at->key;
    const char *key = scan->text + at->key;
    if (memchr(key, '\\', size) != NULL) {
        JNode text = {.kind = '"', .start = at->key, .end = at->key_end};
        key = jscan_text(check->arena, &(JScan){.text = scan->text, .nodes = &text, .count = 1}, 0);
        size = strlen(key);
    }
    size_t alike = SIZE_MAX;
    for (size_t i = 0; i < shape->count; i++) {
        if (strlen(shape->names[i]) != size || strncasecmp(shape->names[i], key, size) != 0)
            continue;
        if (memcmp(shape->names[i], key, size) == 0) return i;
        alike = i;
    }
    return alike;
}

static void check_number(Check *check, Found *found, ShapeKind kind, const char *text,
                         size_t size) {
    Number number;
    if (!number_read(text, size, &number)) return;
    found->longer = found->longer || !number.whole || number.digits > HUGE_DIGITS ||
                    size > HUGE_DIGITS + 1;
    bool as_text = kind == SHAPE_JSON || found->exact;
    if (number.kept || found->number != NULL || (as_text && number.whole)) return;
    if (!found->exact && fabs(number.value) < NUMBER_PAST_EXACT) return;
    if (as_text && isinf(number.value)) return;
    found->number = arena_strndup(check->arena, text, size);
    found->file = arena_strdup(check->arena, check->file);
    found->whole = number.whole;
}

static void check_value(Check *check, Found *found, const Shape *shape, const JScan *scan,
                        uint32_t node) {
    const JNode *at = &scan->nodes[node];
    bool any = shape->kind == SHAPE_JSON;
    if (at->kind == '0' && (any || shape->kind == SHAPE_DOUBLE))
        check_number(check, found, shape->kind, scan->text + at->start, at->end - at->start);
    if (at->kind != '{' && at->kind != '[') return;
    for (uint32_t child = node + 1; child < at->next; child = scan->nodes[child].next) {
        const Shape *inner = any ? shape : NULL;
        if (shape->kind == (at->kind == '{' ? SHAPE_MAP : SHAPE_LIST)) inner = shape->children;
        if (shape->kind == SHAPE_STRUCT && at->kind == '{') {
            size_t member = member_of(check, shape, scan, child);
            if (member != SIZE_MAX) inner = &shape->children[member];
        }
        if (inner != NULL) check_value(check, found, inner, scan, child);
    }
}

static void check_object(Check *check, const JScan *scan) {
    const Shape *top = &check->top;
    if (scan->nodes[0].kind != '{') {
        if (top->count > 0) check_value(check, &check->found[0], &top->children[0], scan, 0);
        return;
    }
    for (uint32_t child = 1; child < scan->nodes[0].next; child = scan->nodes[child].next) {
        size_t column = member_of(check, top, scan, child);
        if (column != SIZE_MAX)
            check_value(check, &check->found[column], &top->children[column], scan, child);
    }
}

/* -- going through the files -------------------------------------------------------------- */

static bool make_shapes(const JsonCall *call, const char *reader, Check *check, Error *err) {
    Session *session = call->files->session;
    Buf sql = buf_on(session->arena);
    duckdb_result result;
    buf_printf(&sql, "SELECT * FROM %s LIMIT 0", reader);
    if (duckdb_query(duck_connection(session->duck), buf_text(&sql), &result) != DuckDBSuccess) {
        error_set(err, ERR_FILE_FORMAT, SPAN_NONE, "%s", duckdb_result_error(&result));
        duckdb_destroy_result(&result);
        return false;
    }
    Shape *top = &check->top;
    top->count = duckdb_column_count(&result);
    top->children = ARENA_ARRAY(session->arena, Shape, top->count + 1);
    top->names = ARENA_ARRAY(session->arena, const char *, top->count + 1);
    for (size_t i = 0; i < top->count; i++) {
        AUTO_LOGICAL type = duckdb_column_logical_type(&result, i);
        shape_make(session->arena, type, &top->children[i]);
        top->names[i] = call->columns.items[i].name;
    }
    duckdb_destroy_result(&result);
    return true;
}

static bool check_files(const JsonCall *call, long long limit, Check *check, Error *err) {
    Arena *arena = call->files->session->arena;
    AUTO_ROWS rows = NULL;
    Buf sql = buf_on(arena);
    buf_printf(&sql, "SELECT json::VARCHAR, filename FROM read_json_objects(%s%s%s, filename = "
               "true)", call->paths, call->format, call->packing);
    if (limit > 0) buf_printf(&sql, " LIMIT %lld", limit);
    if (!duck_query(call->files->session->duck, buf_text(&sql), &rows, err)) return false;
    while (rows_next(rows, err)) {
        AUTO_ARENA scratch = arena_new();
        JScan scan;
        const char *text = rows_text(rows, 0);
        if (text == NULL) continue;
        if (!jscan_parse(scratch, text, strlen(text), &scan))
            return error_set(err, ERR_FILE_FORMAT, SPAN_NONE,
                             "%s: the numbers of an object cannot be checked: %.200s",
                             rows_text(rows, 1), text);
        check->file = rows_text(rows, 1);
        check_object(check, &scan);
    }
    return err->code == ERR_NONE;
}

static bool changed(const Column *column, const Found *found, Error *err) {
    error_set(err, ERR_FILE_FORMAT, SPAN_NONE,
              "%s: column '%s' has the number %.100s, of which a DOUBLE does not keep all digits",
              found->file, column->name, found->number);
    if (found->whole && str_eq(column->type, "DOUBLE"))
        return error_hint(err, "read it as text: \"column_types\": {\"%s\": \"VARCHAR\"}",
                          column->name);
    return error_hint(err, "write it in quotes: \"%.100s\"; it is read as text then",
                      found->number);
}

/* The columns' new types as an argument of read_json. Folders and file names have their own. */
static void put_columns(const JsonCall *call, Buf *out) {
    const FileCall *files = call->files;
    const char *comma = ", columns = {";
    for (size_t i = 0; i < call->columns.count; i++) {
        const Column *column = &call->columns.items[i];
        bool named = files->file_column != NULL ? str_eq(column->name, files->file_column)
                                                : link_bool(files->link, "filename") &&
                                                      str_eq(column->name, "filename");
        if (named || files_is_partition(files, column->name)) continue;
        buf_puts(out, comma);
        buf_ident(out, column->name);
        buf_puts(out, ": ");
        buf_literal(out, column->type);
        comma = ", ";
    }
    buf_putc(out, '}');
}

bool json_keep_numbers(JsonCall *call, long long limit, Buf *out, Error *err) {
    Arena *arena = call->files->session->arena;
    Check check = {.arena = arena, .found = ARENA_ARRAY(arena, Found, call->columns.count + 1)};
    bool other = false;
    err->code = ERR_NONE;
    for (size_t i = 0; i < call->columns.count; i++)
        check.found[i].exact = is_exact(call, &call->columns.items[i]);
    const char *reader = arena_printf(arena, "read_json(%s%s%s%s)", call->paths, call->format,
                                      call->packing, call->options);
    if (!make_shapes(call, reader, &check, err) || !check_files(call, limit, &check, err))
        return false;
    for (size_t i = 0; i < call->columns.count; i++) {
        Column *column = &call->columns.items[i];
        const Found *found = &check.found[i];
        bool huge = found->number != NULL && !found->longer && str_eq(column->type, "DOUBLE");
        if (found->number != NULL && !huge) return changed(column, found, err);
        if (!huge && !found->exact) continue;
        column->type = huge ? "HUGEINT" : "VARCHAR";
        other = true;
    }
    if (other) put_columns(call, out);
    return true;
}
