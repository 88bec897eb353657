/* BIT between DuckDB and Python, where it is a text of 0 and 1. DuckDB keeps a byte with the number
 * of unused bits, which are 1 and come first, then the bits. */
#include <string.h>

#include "duck_api.h"
#include "udf/python/host.h"

PyObject *bits_to_python(const char *data, size_t size) {
    size_t unused = size > 0 ? (unsigned char)data[0] : 0;
    size_t count = size > 1 ? (size - 1) * 8 - unused : 0;
    char *text = PyMem_RawMalloc(count + 1);
    if (!text) return PyErr_NoMemory();
    for (size_t i = 0; i < count; i++) {
        size_t at = i + unused;
        text[i] = ((unsigned char)data[1 + at / 8] >> (7 - at % 8)) & 1 ? '1' : '0';
    }
    PyObject *result = PyUnicode_FromStringAndSize(text, (Py_ssize_t)count);
    PyMem_RawFree(text);
    return result;
}

bool bits_from_python(Writer *writer, uint64_t row, PyObject *value, Buf *why) {
    Py_ssize_t count = 0;
    const char *text = PyUnicode_Check(value) ? PyUnicode_AsUTF8AndSize(value, &count) : NULL;
    if (!text) return false;
    if (count == 0 || strspn(text, "01") != (size_t)count) {
        buf_puts(why, "a BIT is a text of 0 and 1");
        return false;
    }
    size_t unused = (8 - (size_t)count % 8) % 8, size = 1 + ((size_t)count + unused) / 8;
    unsigned char *bytes = PyMem_RawCalloc(1, size);
    if (!bytes) return false;
    bytes[0] = (unsigned char)unused;
    for (size_t i = 0; i < unused; i++) bytes[1] |= (unsigned char)(0x80u >> i);
    for (size_t i = 0; i < (size_t)count; i++)
        if (text[i] == '1')
            bytes[1 + (i + unused) / 8] |= (unsigned char)(0x80u >> ((i + unused) % 8));
    duckdb_vector_assign_string_element_len(writer->vector, row, (const char *)bytes, size);
    PyMem_RawFree(bytes);
    return true;
}
