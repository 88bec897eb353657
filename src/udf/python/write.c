/* Python objects → DuckDB's vectors. A value of another type, or one that would change, is refused
 * with a reason; nothing is rounded or cut (but digits behind the scale of a DECIMAL). */
#include <math.h>
#include <string.h>

#include "base/str.h"
#include "duck_api.h"
#include "udf/python/host.h"
#include "udf/python/time.h"

static PyObject *decimal_class, *uuid_class;

bool write_init(void) {
    AUTO_OBJECT decimal = PyImport_ImportModule("decimal");
    AUTO_OBJECT uuid = PyImport_ImportModule("uuid");
    decimal_class = decimal ? PyObject_GetAttrString(decimal, "Decimal") : NULL;
    uuid_class = uuid ? PyObject_GetAttrString(uuid, "UUID") : NULL;
    return decimal_class && uuid_class;
}

static bool type_starts(PyObject *value, const char *prefix) {
    return str_starts(Py_TYPE(value)->tp_name, prefix);
}

/* Missing values of pandas stand for NULL. */
static bool is_missing(PyObject *value) {
    if (value == Py_None) return true;
    const char *name = Py_TYPE(value)->tp_name;
    return strcmp(name, "NAType") == 0 || strcmp(name, "NaTType") == 0 ||
           str_ends(name, ".NAType") || str_ends(name, ".NaTType");
}

static bool does_not_fit(Buf *why, PyObject *value, const char *type) {
    AUTO_OBJECT text = PyObject_Repr(value);
    const char *utf8 = text ? PyUnicode_AsUTF8(text) : NULL;
    buf_printf(why, "the %s %.60s does not fit %s", type_name(value), utf8 ? utf8 : "value", type);
    PyErr_Clear();
    return false;
}

/* The value as an int object (a new reference) when it is an integer, also one of numpy. */
static PyObject *as_int(PyObject *value) {
    if (PyLong_Check(value)) return Py_NewRef(value);
    if (!type_starts(value, "numpy.")) return NULL;
    PyObject *number = PyNumber_Index(value);
    if (!number) PyErr_Clear();
    return number;
}

static bool put_signed(Writer *writer, uint64_t row, PyObject *value, Buf *why) {
    AUTO_OBJECT number = as_int(value);
    if (!number) return false;
    int overflow = 0;
    long long wide = PyLong_AsLongLongAndOverflow(number, &overflow);
    AUTO_ARENA arena = NULL;
    switch (overflow ? DUCKDB_TYPE_INVALID : writer->type) {
        case DUCKDB_TYPE_BIGINT: ((int64_t *)writer->data)[row] = wide; return true;
        case DUCKDB_TYPE_INTEGER:
            ((int32_t *)writer->data)[row] = (int32_t)wide;
            if (wide == (int32_t)wide) return true;
            break;
        case DUCKDB_TYPE_SMALLINT:
            ((int16_t *)writer->data)[row] = (int16_t)wide;
            if (wide == (int16_t)wide) return true;
            break;
        case DUCKDB_TYPE_TINYINT:
            ((int8_t *)writer->data)[row] = (int8_t)wide;
            if (wide == (int8_t)wide) return true;
            break;
        default: break;
    }
    arena = arena_new();
    return does_not_fit(why, value, writer_type_text(arena, writer));
}

static bool put_unsigned(Writer *writer, uint64_t row, PyObject *value, Buf *why) {
    AUTO_OBJECT number = as_int(value);
    if (!number) return false;
    unsigned long long wide = PyLong_AsUnsignedLongLong(number);
    bool failed = PyErr_Occurred() != NULL;
    PyErr_Clear();
    AUTO_ARENA arena = NULL;
    switch (failed ? DUCKDB_TYPE_INVALID : writer->type) {
        case DUCKDB_TYPE_UBIGINT: ((uint64_t *)writer->data)[row] = wide; return true;
        case DUCKDB_TYPE_UINTEGER:
            ((uint32_t *)writer->data)[row] = (uint32_t)wide;
            if (wide == (uint32_t)wide) return true;
            break;
        case DUCKDB_TYPE_USMALLINT:
            ((uint16_t *)writer->data)[row] = (uint16_t)wide;
            if (wide == (uint16_t)wide) return true;
            break;
        case DUCKDB_TYPE_UTINYINT:
            ((uint8_t *)writer->data)[row] = (uint8_t)wide;
            if (wide == (uint8_t)wide) return true;
            break;
        default: break;
    }
    arena = arena_new();
    return does_not_fit(why, value, writer_type_text(arena, writer));
}

/* 128 bits of an integer, two's complement; false when it needs more. */
static bool int128_of(PyObject *number, bool is_signed, uint64_t *upper, uint64_t *lower) {
    AUTO_OBJECT bits = PyLong_FromLong(64);
    AUTO_OBJECT high = bits ? PyNumber_Rshift(number, bits) : NULL;
    if (!high) return false;
    *lower = PyLong_AsUnsignedLongLongMask(number);
    int overflow = 0;
    if (is_signed)
        *upper = (uint64_t)PyLong_AsLongLongAndOverflow(high, &overflow);
    else
        *upper = PyLong_AsUnsignedLongLong(high);
    bool ok = !overflow && !PyErr_Occurred();
    PyErr_Clear();
    return ok;
}

static bool put_huge(Writer *writer, uint64_t row, PyObject *value, Buf *why) {
    AUTO_OBJECT number = as_int(value);
    if (!number) return false;
    bool is_signed = writer->type == DUCKDB_TYPE_HUGEINT;
    uint64_t upper, lower;
    if (!int128_of(number, is_signed, &upper, &lower))
        return does_not_fit(why, value, is_signed ? "HUGEINT" : "UHUGEINT");
    ((duckdb_hugeint *)writer->data)[row] = (duckdb_hugeint){lower, (int64_t)upper};
    return true;
}

static bool double_of(PyObject *value, double *out, Buf *why) {
    if (PyFloat_Check(value)) {
        *out = PyFloat_AS_DOUBLE(value);
        return true;
    }
    AUTO_OBJECT number = as_int(value);
    if (number) {
        *out = PyLong_AsDouble(number);
        bool failed = PyErr_Occurred() != NULL;
        PyErr_Clear();
        AUTO_OBJECT back = failed ? NULL : PyLong_FromDouble(*out);
        if (back && PyObject_RichCompareBool(back, number, Py_EQ) == 1) return true;
        return does_not_fit(why, value, "DOUBLE without a loss");
    }
    bool is_real = type_starts(value, "numpy.") && !type_starts(value, "numpy.complex");
    if (!is_real || !PyNumber_Check(value)) return false;
    *out = PyFloat_AsDouble(value);
    bool ok = !PyErr_Occurred();
    PyErr_Clear();
    return ok;
}

static bool put_float(Writer *writer, uint64_t row, PyObject *value, Buf *why) {
    double number;
    if (!double_of(value, &number, why)) return false;
    if (writer->type == DUCKDB_TYPE_DOUBLE) {
        ((double *)writer->data)[row] = number;
        return true;
    }
    float narrow = (float)number;
    if (isinf(narrow) && !isinf(number)) return does_not_fit(why, value, "FLOAT");
    ((float *)writer->data)[row] = narrow;
    return true;
}

/* The unscaled integer of an int or Decimal at the writer's scale, rounded half even. */
static PyObject *unscaled(const Writer *writer, PyObject *value) {
    if (PyLong_Check(value)) {
        AUTO_OBJECT ten = PyLong_FromLong(10);
        AUTO_OBJECT scale = PyLong_FromLong(writer->scale);
        AUTO_OBJECT power = ten && scale ? PyNumber_Power(ten, scale, Py_None) : NULL;
        return power ? PyNumber_Multiply(value, power) : NULL;
    }
    /* scaleb would round to the context's precision; a text does not. */
    AUTO_OBJECT text = PyObject_Str(value);
    AUTO_OBJECT scaled = text ? host_call("unscaled", "(Oi)", value, (int)writer->scale) : NULL;
    return Py_XNewRef(scaled);
}

static bool put_decimal(Writer *writer, uint64_t row, PyObject *value, Buf *why) {
    int is_decimal = PyObject_IsInstance(value, decimal_class);
    AUTO_OBJECT whole = is_decimal > 0 ? NULL : as_int(value);
    if (is_decimal <= 0 && !whole) return false;
    AUTO_OBJECT number = unscaled(writer, whole ? whole : value);
    PyErr_Clear();
    uint64_t upper = 0, lower = 0;
    unsigned __int128 limit = 1;
    for (int i = 0; i < writer->width; i++) limit *= 10;
    bool fits = number && number != Py_None && int128_of(number, true, &upper, &lower);
    __int128 wide = (__int128)(((unsigned __int128)upper << 64) | lower);
    unsigned __int128 size = wide < 0 ? -(unsigned __int128)wide : (unsigned __int128)wide;
    if (!fits || size >= limit) {
        AUTO_ARENA arena = arena_new();
        return does_not_fit(why, value, writer_type_text(arena, writer));
    }
    switch (writer->internal) {
        case DUCKDB_TYPE_SMALLINT: ((int16_t *)writer->data)[row] = (int16_t)wide; break;
        case DUCKDB_TYPE_INTEGER: ((int32_t *)writer->data)[row] = (int32_t)wide; break;
        case DUCKDB_TYPE_BIGINT: ((int64_t *)writer->data)[row] = (int64_t)wide; break;
        default: ((duckdb_hugeint *)writer->data)[row] = (duckdb_hugeint){lower, (int64_t)upper};
    }
    return true;
}

static bool put_text(Writer *writer, uint64_t row, PyObject *value, Buf *why) {
    Py_ssize_t size;
    if (!PyUnicode_Check(value)) return false;
    const char *text = PyUnicode_AsUTF8AndSize(value, &size);
    if (!text) {
        PyErr_Clear();
        buf_puts(why, "the text has a lone surrogate, which UTF-8 does not allow");
        return false;
    }
    duckdb_unsafe_vector_assign_string_element_len(writer->vector, row, text, (idx_t)size);
    return true;
}

static bool put_bytes(Writer *writer, uint64_t row, PyObject *value) {
    Py_buffer view;
    if (PyUnicode_Check(value) || !PyObject_CheckBuffer(value)) return false;
    if (PyObject_GetBuffer(value, &view, PyBUF_SIMPLE) < 0) {
        PyErr_Clear();
        return false;
    }
    duckdb_vector_assign_string_element_len(writer->vector, row, view.buf, (idx_t)view.len);
    PyBuffer_Release(&view);
    return true;
}

static bool put_bool(Writer *writer, uint64_t row, PyObject *value) {
    bool is_bool = PyBool_Check(value) || type_starts(value, "numpy.bool");
    int truth = is_bool ? PyObject_IsTrue(value) : -1;
    if (truth < 0) return false;
    ((uint8_t *)writer->data)[row] = (uint8_t)truth;
    return true;
}

static bool put_uuid(Writer *writer, uint64_t row, PyObject *value) {
    if (PyObject_IsInstance(value, uuid_class) <= 0) return false;
    AUTO_OBJECT number = PyObject_GetAttrString(value, "int");
    uint64_t upper, lower;
    if (!number || !int128_of(number, false, &upper, &lower)) return false;
    upper ^= UINT64_C(1) << 63;
    ((duckdb_hugeint *)writer->data)[row] = (duckdb_hugeint){lower, (int64_t)upper};
    return true;
}

static bool put_plain(Writer *writer, uint64_t row, PyObject *value, Buf *why) {
    switch (writer->type) {
        case DUCKDB_TYPE_BIGINT:
        case DUCKDB_TYPE_INTEGER:
        case DUCKDB_TYPE_SMALLINT:
        case DUCKDB_TYPE_TINYINT: return put_signed(writer, row, value, why);
        case DUCKDB_TYPE_UBIGINT:
        case DUCKDB_TYPE_UINTEGER:
        case DUCKDB_TYPE_USMALLINT:
        case DUCKDB_TYPE_UTINYINT: return put_unsigned(writer, row, value, why);
        case DUCKDB_TYPE_HUGEINT:
        case DUCKDB_TYPE_UHUGEINT: return put_huge(writer, row, value, why);
        case DUCKDB_TYPE_DOUBLE:
        case DUCKDB_TYPE_FLOAT: return put_float(writer, row, value, why);
        case DUCKDB_TYPE_VARCHAR: return put_text(writer, row, value, why);
        case DUCKDB_TYPE_BOOLEAN: return put_bool(writer, row, value);
        case DUCKDB_TYPE_BLOB: return put_bytes(writer, row, value);
        case DUCKDB_TYPE_DECIMAL: return put_decimal(writer, row, value, why);
        case DUCKDB_TYPE_BIT: return bits_from_python(writer, row, value, why);
        case DUCKDB_TYPE_UUID: return put_uuid(writer, row, value);
        default: return time_from_python(writer->type, writer->data, row, value, why);
    }
}

#define WRONG_TYPE "type "

bool writer_refused_type(const Buf *why) { return str_starts(buf_text(why), WRONG_TYPE); }

bool writer_put(Writer *writer, uint64_t row, PyObject *value, Buf *why) {
    if (is_missing(value)) {
        writer_put_null(writer, row);
        return true;
    }
    bool ok = writer->child_count || writer->type == DUCKDB_TYPE_ENUM
                  ? writer_put_nested(writer, row, value, why)
                  : put_plain(writer, row, value, why);
    if (!ok) PyErr_Clear();
    if (!ok && !why->size) {
        AUTO_ARENA arena = arena_new();
        buf_printf(why, WRONG_TYPE "%s instead of %s", type_name(value),
                   writer_type_text(arena, writer));
    }
    return ok;
}

void writer_attach(Writer *writer, void *vector) {
    writer->vector = vector;
    writer->data = duckdb_vector_get_data(vector);
    writer->list_size = 0;
    writer->list_room = 0;
    for (size_t i = 0; i < writer->child_count; i++) {
        duckdb_vector child =
            writer->type == DUCKDB_TYPE_ARRAY    ? duckdb_array_vector_get_child(vector)
            : writer->type == DUCKDB_TYPE_STRUCT ? duckdb_struct_vector_get_child(vector, i)
                                                 : duckdb_list_vector_get_child(vector);
        writer_attach(&writer->children[i], child);
    }
}
