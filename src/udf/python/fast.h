/* The common types without a call: what the loop over rows tries before reader_get and
 * writer_put. Kept apart because these few lines decide the speed of scalar functions. */
#ifndef SQLFLOW_UDF_PYTHON_FAST_H
#define SQLFLOW_UDF_PYTHON_FAST_H

#include <string.h>

#include "duck_api.h"
#include "udf/python/host.h"

static inline PyObject *fast_get(const Reader *reader, uint64_t row) {
    if (reader->validity) return reader_get(reader, row);
    switch (reader->type) {
        case DUCKDB_TYPE_BIGINT: return PyLong_FromLongLong(((const int64_t *)reader->data)[row]);
        case DUCKDB_TYPE_DOUBLE: return PyFloat_FromDouble(((const double *)reader->data)[row]);
        case DUCKDB_TYPE_VARCHAR: {
            const duckdb_string_t *text = &((const duckdb_string_t *)reader->data)[row];
            uint32_t size = text->value.inlined.length;
            return PyUnicode_DecodeUTF8(size <= 12 ? text->value.inlined.inlined
                                                   : text->value.pointer.ptr,
                                        size, NULL);
        }
        default: return reader_get(reader, row);
    }
}

/* false when writer_put has to look at the value. */
static inline bool fast_put(Writer *writer, uint64_t row, PyObject *value) {
    switch (writer->type) {
        case DUCKDB_TYPE_BIGINT: {
            if (!PyLong_CheckExact(value)) return false;
            int overflow;
            long long wide = PyLong_AsLongLongAndOverflow(value, &overflow);
            ((int64_t *)writer->data)[row] = wide;
            return !overflow;
        }
        case DUCKDB_TYPE_DOUBLE:
            if (!PyFloat_CheckExact(value)) return false;
            ((double *)writer->data)[row] = PyFloat_AS_DOUBLE(value);
            return true;
        case DUCKDB_TYPE_BOOLEAN:
            if (!PyBool_Check(value)) return false;
            ((uint8_t *)writer->data)[row] = value == Py_True;
            return true;
        case DUCKDB_TYPE_VARCHAR: {
            if (!PyUnicode_CheckExact(value) || !PyUnicode_IS_COMPACT_ASCII(value)) return false;
            size_t size = (size_t)PyUnicode_GET_LENGTH(value);
            const char *text = (const char *)PyUnicode_1BYTE_DATA(value);
            if (size > 12) {
                duckdb_unsafe_vector_assign_string_element_len(writer->vector, row, text, size);
                return true;
            }
            duckdb_string_t *slot = (duckdb_string_t *)writer->data + row;
            memset(slot, 0, sizeof *slot);
            slot->value.inlined.length = (uint32_t)size;
            memcpy(slot->value.inlined.inlined, text, size);
            return true;
        }
        default: return false;
    }
}

#endif
