/* Readers and Writers from a DuckDB type: what the type looks like inside, made once. */
#include <string.h>

#include "duck_api.h"
#include "udf/python/host.h"
#include "udf/python/time.h"

/* What both sides need to know of a type. */
typedef struct Shape {
    int type, internal;
    uint8_t width, scale;
    uint64_t array_size;
    size_t child_count;
    PyObject **names;
    size_t name_count;
} Shape;

static bool is_plain(int type) {
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
        case DUCKDB_TYPE_HUGEINT:
        case DUCKDB_TYPE_UHUGEINT:
        case DUCKDB_TYPE_FLOAT:
        case DUCKDB_TYPE_DOUBLE:
        case DUCKDB_TYPE_VARCHAR:
        case DUCKDB_TYPE_BLOB:
        case DUCKDB_TYPE_BIT:
        case DUCKDB_TYPE_UUID:
        case DUCKDB_TYPE_SQLNULL: return true;
        default: return time_is(type);
    }
}

/* Text of scalar types by number; types with parts are put together. */
static const char *plain_name(int type) {
    static const struct {
        int type;
        const char *name;
    } names[] = {
        {DUCKDB_TYPE_BOOLEAN, "BOOLEAN"},
        {DUCKDB_TYPE_TINYINT, "TINYINT"},
        {DUCKDB_TYPE_SMALLINT, "SMALLINT"},
        {DUCKDB_TYPE_INTEGER, "INTEGER"},
        {DUCKDB_TYPE_BIGINT, "BIGINT"},
        {DUCKDB_TYPE_UTINYINT, "UTINYINT"},
        {DUCKDB_TYPE_USMALLINT, "USMALLINT"},
        {DUCKDB_TYPE_UINTEGER, "UINTEGER"},
        {DUCKDB_TYPE_UBIGINT, "UBIGINT"},
        {DUCKDB_TYPE_HUGEINT, "HUGEINT"},
        {DUCKDB_TYPE_UHUGEINT, "UHUGEINT"},
        {DUCKDB_TYPE_FLOAT, "FLOAT"},
        {DUCKDB_TYPE_DOUBLE, "DOUBLE"},
        {DUCKDB_TYPE_VARCHAR, "VARCHAR"},
        {DUCKDB_TYPE_BLOB, "BLOB"},
        {DUCKDB_TYPE_BIT, "BIT"},
        {DUCKDB_TYPE_UUID, "UUID"},
        {DUCKDB_TYPE_DATE, "DATE"},
        {DUCKDB_TYPE_TIME, "TIME"},
        {DUCKDB_TYPE_TIMESTAMP, "TIMESTAMP"},
        {DUCKDB_TYPE_TIMESTAMP_TZ, "TIMESTAMPTZ"},
        {DUCKDB_TYPE_INTERVAL, "INTERVAL"},
        {DUCKDB_TYPE_ENUM, "ENUM"},
        {DUCKDB_TYPE_TIMESTAMP_S, "TIMESTAMP_S"},
        {DUCKDB_TYPE_TIMESTAMP_MS, "TIMESTAMP_MS"},
        {DUCKDB_TYPE_TIMESTAMP_NS, "TIMESTAMP_NS"},
        {DUCKDB_TYPE_TIME_NS, "TIME_NS"},
        {DUCKDB_TYPE_BIGNUM, "BIGNUM"},
        {DUCKDB_TYPE_GEOMETRY, "GEOMETRY"},
        {DUCKDB_TYPE_VARIANT, "VARIANT"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].type == type) return names[i].name;
    return "this type";
}

static bool add_name(Shape *shape, char *name) {
    shape->names[shape->name_count++] = name ? PyUnicode_FromString(name) : NULL;
    duckdb_free(name);
    if (!shape->names[shape->name_count - 1]) PyErr_Clear();
    return shape->names[shape->name_count - 1] != NULL;
}

static bool shape_names(Shape *shape, duckdb_logical_type type) {
    bool is_enum = shape->type == DUCKDB_TYPE_ENUM;
    size_t count = is_enum ? duckdb_enum_dictionary_size(type) : shape->child_count;
    shape->names = PyMem_RawCalloc(count + 1, sizeof *shape->names);
    bool ok = shape->names != NULL;
    for (size_t i = 0; ok && i < count; i++)
        ok = add_name(shape, is_enum ? duckdb_enum_dictionary_value(type, i)
                                     : duckdb_struct_type_child_name(type, i));
    return ok;
}

static bool shape_of(Shape *shape, duckdb_logical_type type, Error *err) {
    shape->type = (int)duckdb_get_type_id(type);
    bool ok = true;
    switch (shape->type) {
        case DUCKDB_TYPE_DECIMAL:
            shape->internal = (int)duckdb_decimal_internal_type(type);
            shape->width = duckdb_decimal_width(type);
            shape->scale = duckdb_decimal_scale(type);
            break;
        case DUCKDB_TYPE_ENUM:
            shape->internal = (int)duckdb_enum_internal_type(type);
            ok = shape_names(shape, type);
            break;
        case DUCKDB_TYPE_STRUCT:
            shape->child_count = duckdb_struct_type_child_count(type);
            ok = shape_names(shape, type);
            break;
        case DUCKDB_TYPE_UNION:
            shape->child_count = duckdb_union_type_member_count(type) + 1;
            break;
        case DUCKDB_TYPE_ARRAY:
            shape->array_size = duckdb_array_type_array_size(type);
            shape->child_count = 1;
            break;
        case DUCKDB_TYPE_LIST:
        case DUCKDB_TYPE_MAP: shape->child_count = 1; break;
        default:
            if (!is_plain(shape->type))
                return error_set(err, ERR_UDF_DEFINITION, SPAN_NONE,
                                 "Python functions neither take nor return %s; cast it",
                                 plain_name(shape->type));
    }
    return ok || error_set(err, ERR_INTERNAL, SPAN_NONE, "cannot read the names of a type");
}

/* The type of child i; the caller destroys it. */
static duckdb_logical_type child_type(const Shape *shape, duckdb_logical_type type, size_t i) {
    switch (shape->type) {
        case DUCKDB_TYPE_ARRAY: return duckdb_array_type_child_type(type);
        case DUCKDB_TYPE_STRUCT: return duckdb_struct_type_child_type(type, i);
        case DUCKDB_TYPE_UNION:
            return i ? duckdb_union_type_member_type(type, i - 1)
                     : duckdb_create_logical_type(DUCKDB_TYPE_UTINYINT);
        case DUCKDB_TYPE_MAP: {
            duckdb_logical_type parts[2] = {duckdb_map_type_key_type(type),
                                            duckdb_map_type_value_type(type)};
            const char *names[2] = {"key", "value"};
            duckdb_logical_type pair = duckdb_create_struct_type(parts, names, 2);
            duckdb_destroy_logical_type(&parts[0]);
            duckdb_destroy_logical_type(&parts[1]);
            return pair;
        }
        default: return duckdb_list_type_child_type(type);
    }
}

static void names_free(PyObject **names, size_t count) {
    for (size_t i = 0; i < count; i++) Py_XDECREF(names[i]);
    PyMem_RawFree(names);
}

bool reader_make(Reader *reader, void *type, Error *err) {
    Shape shape = {0};
    *reader = (Reader){0};
    bool ok = shape_of(&shape, type, err);
    *reader = (Reader){.type = shape.type,
                       .internal = shape.internal,
                       .scale = shape.scale,
                       .array_size = shape.array_size,
                       .names = shape.names,
                       .name_count = shape.name_count};
    if (!ok || !shape.child_count) return ok;
    reader->children = PyMem_RawCalloc(shape.child_count, sizeof *reader->children);
    reader->child_count = shape.child_count;
    for (size_t i = 0; ok && i < shape.child_count; i++) {
        duckdb_logical_type child = child_type(&shape, type, i);
        ok = reader_make(&reader->children[i], child, err);
        duckdb_destroy_logical_type(&child);
    }
    return ok;
}

void reader_free(Reader *reader) {
    for (size_t i = 0; i < reader->child_count; i++) reader_free(&reader->children[i]);
    PyMem_RawFree(reader->children);
    names_free(reader->names, reader->name_count);
    *reader = (Reader){0};
}

bool writer_make(Writer *writer, void *type, Error *err) {
    Shape shape = {0};
    *writer = (Writer){0};
    bool ok = shape_of(&shape, type, err);
    *writer = (Writer){.type = shape.type,
                       .internal = shape.internal,
                       .width = shape.width,
                       .scale = shape.scale,
                       .array_size = shape.array_size,
                       .names = shape.names,
                       .name_count = shape.name_count};
    if (ok && (shape.type == DUCKDB_TYPE_UNION || shape.type == DUCKDB_TYPE_TIME_TZ))
        return error_set(err, ERR_UDF_DEFINITION, SPAN_NONE, "a Python function cannot return %s",
                         shape.type == DUCKDB_TYPE_UNION ? "a UNION" : "TIME WITH TIME ZONE");
    if (!ok || !shape.child_count) return ok;
    writer->children = PyMem_RawCalloc(shape.child_count, sizeof *writer->children);
    writer->child_count = shape.child_count;
    for (size_t i = 0; ok && i < shape.child_count; i++) {
        duckdb_logical_type child = child_type(&shape, type, i);
        ok = writer_make(&writer->children[i], child, err);
        duckdb_destroy_logical_type(&child);
    }
    return ok;
}

void writer_need_keys(Writer *writer, const Strings *optional) {
    if (writer->type == DUCKDB_TYPE_STRUCT)
        writer->needed = PyMem_RawCalloc(writer->name_count + 1, sizeof *writer->needed);
    for (size_t i = 0; writer->needed && i < writer->name_count; i++) {
        const char *name = PyUnicode_AsUTF8(writer->names[i]);
        writer->needed[i] = name && !strings_has_exact(optional, name);
    }
    for (size_t i = 0; i < writer->child_count; i++)
        writer_need_keys(&writer->children[i], optional);
}

void writer_free(Writer *writer) {
    for (size_t i = 0; i < writer->child_count; i++) writer_free(&writer->children[i]);
    PyMem_RawFree(writer->children);
    names_free(writer->names, writer->name_count);
    PyMem_RawFree(writer->needed);
    *writer = (Writer){0};
}

const char *writer_type_text(Arena *arena, const Writer *writer) {
    switch (writer->type) {
        case DUCKDB_TYPE_DECIMAL:
            return arena_printf(arena, "DECIMAL(%d,%d)", writer->width, writer->scale);
        case DUCKDB_TYPE_LIST:
            return arena_printf(arena, "%s[]", writer_type_text(arena, writer->children));
        case DUCKDB_TYPE_ARRAY:
            return arena_printf(arena, "%s[%llu]", writer_type_text(arena, writer->children),
                                (unsigned long long)writer->array_size);
        case DUCKDB_TYPE_STRUCT: return "STRUCT";
        case DUCKDB_TYPE_MAP: return "MAP";
        default: return plain_name(writer->type);
    }
}
