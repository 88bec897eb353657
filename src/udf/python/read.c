/* DuckDB's vectors → Python objects: one Reader for each argument (and each nested type). What
 * Python cannot represent exactly (infinite dates, months in an interval) is an error. */
#include <string.h>

#include "duck_api.h"
#include "udf/python/host.h"
#include "udf/python/time.h"

static PyObject *decimal_class, *uuid_class;

static PyObject *class_of(const char *module_name, const char *name) {
    AUTO_OBJECT module = PyImport_ImportModule(module_name);
    return module ? PyObject_GetAttrString(module, name) : NULL;
}

bool read_init(void) {
    decimal_class = class_of("decimal", "Decimal");
    uuid_class = class_of("uuid", "UUID");
    return decimal_class && uuid_class && time_init();
}

static const char *bytes_of(const duckdb_string_t *text) {
    bool is_inlined = text->value.inlined.length <= 12;
    return is_inlined ? text->value.inlined.inlined : text->value.pointer.ptr;
}

static PyObject *from_bits(const duckdb_string_t *text) {
    return bits_to_python(bytes_of(text), text->value.inlined.length);
}

static PyObject *from_text(const duckdb_string_t *text, bool bytes) {
    uint32_t size = text->value.inlined.length;
    const char *data = bytes_of(text);
    return bytes ? PyBytes_FromStringAndSize(data, size) : PyUnicode_DecodeUTF8(data, size, NULL);
}

static PyObject *from_huge(int64_t upper, uint64_t lower, bool is_signed) {
    AUTO_OBJECT high =
        is_signed ? PyLong_FromLongLong(upper) : PyLong_FromUnsignedLongLong((uint64_t)upper);
    AUTO_OBJECT low = PyLong_FromUnsignedLongLong(lower);
    AUTO_OBJECT bits = PyLong_FromLong(64);
    AUTO_OBJECT shifted = high && bits ? PyNumber_Lshift(high, bits) : NULL;
    return shifted && low ? PyNumber_Or(shifted, low) : NULL;
}

static __int128 decimal_at(const Reader *reader, uint64_t row) {
    switch (reader->internal) {
        case DUCKDB_TYPE_SMALLINT: return ((const int16_t *)reader->data)[row];
        case DUCKDB_TYPE_INTEGER: return ((const int32_t *)reader->data)[row];
        case DUCKDB_TYPE_BIGINT: return ((const int64_t *)reader->data)[row];
        default: {
            duckdb_hugeint value = ((const duckdb_hugeint *)reader->data)[row];
            return (__int128)(((unsigned __int128)(uint64_t)value.upper << 64) | value.lower);
        }
    }
}

static PyObject *from_decimal(const Reader *reader, uint64_t row) {
    __int128 value = decimal_at(reader, row);
    unsigned __int128 rest = value < 0 ? -(unsigned __int128)value : (unsigned __int128)value;
    char text[64];
    char *at = text + sizeof text;
    *--at = '\0';
    for (int digit = 0; rest || digit <= reader->scale; digit++) {
        if (digit == reader->scale && digit) *--at = '.';
        *--at = (char)('0' + (int)(rest % 10));
        rest /= 10;
    }
    if (value < 0) *--at = '-';
    return PyObject_CallFunction(decimal_class, "s", at);
}

static PyObject *from_uuid(duckdb_hugeint value) {
    AUTO_OBJECT number =
        from_huge((int64_t)((uint64_t)value.upper ^ (UINT64_C(1) << 63)), value.lower, false);
    AUTO_OBJECT named = number ? Py_BuildValue("{sO}", "int", number) : NULL;
    AUTO_OBJECT none = PyTuple_New(0);
    return named && none ? PyObject_Call(uuid_class, none, named) : NULL;
}

static PyObject *from_enum(const Reader *reader, uint64_t row) {
    uint64_t index = reader->internal == DUCKDB_TYPE_UTINYINT ? ((const uint8_t *)reader->data)[row]
                     : reader->internal == DUCKDB_TYPE_USMALLINT
                         ? ((const uint16_t *)reader->data)[row]
                         : ((const uint32_t *)reader->data)[row];
    return Py_NewRef(reader->names[index]);
}

static PyObject *from_list(const Reader *reader, uint64_t offset, uint64_t length) {
    PyObject *list = PyList_New((Py_ssize_t)length);
    for (uint64_t i = 0; list && i < length; i++) {
        PyObject *item = reader_get(&reader->children[0], offset + i);
        if (!item) {
            Py_DECREF(list);
            return NULL;
        }
        PyList_SET_ITEM(list, (Py_ssize_t)i, item);
    }
    return list;
}

/* row(1, 2): the members have no names. */
static PyObject *from_row(const Reader *reader, uint64_t row) {
    PyObject *tuple = PyTuple_New((Py_ssize_t)reader->child_count);
    for (size_t i = 0; tuple && i < reader->child_count; i++) {
        PyObject *item = reader_get(&reader->children[i], row);
        if (!item) {
            Py_DECREF(tuple);
            return NULL;
        }
        PyTuple_SET_ITEM(tuple, (Py_ssize_t)i, item);
    }
    return tuple;
}

static PyObject *from_struct(const Reader *reader, uint64_t row) {
    if (!PyUnicode_GET_LENGTH(reader->names[0])) return from_row(reader, row);
    PyObject *dict = PyDict_New();
    for (size_t i = 0; dict && i < reader->child_count; i++) {
        AUTO_OBJECT item = reader_get(&reader->children[i], row);
        if (!item || PyDict_SetItem(dict, reader->names[i], item) < 0) {
            Py_DECREF(dict);
            return NULL;
        }
    }
    return dict;
}

static PyObject *from_map(const Reader *reader, duckdb_list_entry entry) {
    PyObject *dict = PyDict_New();
    const Reader *pair = reader->children[0].children;
    for (uint64_t i = 0; dict && i < entry.length; i++) {
        AUTO_OBJECT key = reader_get(&pair[0], entry.offset + i);
        AUTO_OBJECT value = key ? reader_get(&pair[1], entry.offset + i) : NULL;
        if (!value || PyDict_SetItem(dict, key, value) < 0) {
            Py_DECREF(dict);
            return NULL;
        }
    }
    return dict;
}

static PyObject *get_nested(const Reader *reader, uint64_t row) {
    switch (reader->type) {
        case DUCKDB_TYPE_LIST: {
            duckdb_list_entry entry = ((const duckdb_list_entry *)reader->data)[row];
            return from_list(reader, entry.offset, entry.length);
        }
        case DUCKDB_TYPE_ARRAY:
            return from_list(reader, row * reader->array_size, reader->array_size);
        case DUCKDB_TYPE_STRUCT: return from_struct(reader, row);
        case DUCKDB_TYPE_MAP:
            return from_map(reader, ((const duckdb_list_entry *)reader->data)[row]);
        default: { /* UNION: the tag comes first */
            uint8_t tag = ((const uint8_t *)reader->children[0].data)[row];
            return reader_get(&reader->children[(size_t)tag + 1], row);
        }
    }
}

static PyObject *get_other(const Reader *reader, uint64_t row) {
    const void *data = reader->data;
    switch (reader->type) {
        case DUCKDB_TYPE_TINYINT: return PyLong_FromLong(((const int8_t *)data)[row]);
        case DUCKDB_TYPE_SMALLINT: return PyLong_FromLong(((const int16_t *)data)[row]);
        case DUCKDB_TYPE_UTINYINT: return PyLong_FromLong(((const uint8_t *)data)[row]);
        case DUCKDB_TYPE_USMALLINT: return PyLong_FromLong(((const uint16_t *)data)[row]);
        case DUCKDB_TYPE_UINTEGER: return PyLong_FromUnsignedLong(((const uint32_t *)data)[row]);
        case DUCKDB_TYPE_UBIGINT: return PyLong_FromUnsignedLongLong(((const uint64_t *)data)[row]);
        case DUCKDB_TYPE_HUGEINT: {
            duckdb_hugeint value = ((const duckdb_hugeint *)data)[row];
            return from_huge(value.upper, value.lower, true);
        }
        case DUCKDB_TYPE_UHUGEINT: {
            duckdb_uhugeint value = ((const duckdb_uhugeint *)data)[row];
            return from_huge((int64_t)value.upper, value.lower, false);
        }
        case DUCKDB_TYPE_FLOAT: return PyFloat_FromDouble((double)((const float *)data)[row]);
        case DUCKDB_TYPE_DECIMAL: return from_decimal(reader, row);
        case DUCKDB_TYPE_BLOB: return from_text(&((const duckdb_string_t *)data)[row], true);
        case DUCKDB_TYPE_BIT: return from_bits(&((const duckdb_string_t *)data)[row]);
        case DUCKDB_TYPE_UUID: return from_uuid(((const duckdb_hugeint *)data)[row]);
        case DUCKDB_TYPE_ENUM: return from_enum(reader, row);
        case DUCKDB_TYPE_SQLNULL: Py_RETURN_NONE;
        default:
            if (reader->child_count) return get_nested(reader, row);
            return time_to_python(reader->type, data, row);
    }
}

PyObject *reader_get(const Reader *reader, uint64_t row) {
    if (reader_is_null(reader, row)) Py_RETURN_NONE;
    switch (reader->type) {
        case DUCKDB_TYPE_BIGINT: return PyLong_FromLongLong(((const int64_t *)reader->data)[row]);
        case DUCKDB_TYPE_INTEGER: return PyLong_FromLong(((const int32_t *)reader->data)[row]);
        case DUCKDB_TYPE_DOUBLE: return PyFloat_FromDouble(((const double *)reader->data)[row]);
        case DUCKDB_TYPE_BOOLEAN:
            return Py_NewRef(((const uint8_t *)reader->data)[row] ? Py_True : Py_False);
        case DUCKDB_TYPE_VARCHAR:
            return from_text(&((const duckdb_string_t *)reader->data)[row], false);
        default: return get_other(reader, row);
    }
}

void reader_attach(Reader *reader, void *vector) {
    duckdb_vector own = vector;
    reader->vector = vector;
    reader->data = duckdb_vector_get_data(own);
    reader->validity = duckdb_vector_get_validity(own);
    for (size_t i = 0; i < reader->child_count; i++) {
        duckdb_vector child;
        switch (reader->type) {
            case DUCKDB_TYPE_ARRAY: child = duckdb_array_vector_get_child(own); break;
            case DUCKDB_TYPE_STRUCT:
            case DUCKDB_TYPE_UNION: child = duckdb_struct_vector_get_child(own, i); break;
            default: child = duckdb_list_vector_get_child(own); break;
        }
        reader_attach(&reader->children[i], child);
    }
}
