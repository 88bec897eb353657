/* Python's lists and dicts → LIST, ARRAY, STRUCT, MAP vectors; texts → ENUM. */
#include <string.h>

#include "duck_api.h"
#include "udf/python/host.h"

/* A null list or struct has null parts too: readers of the children look at those alone. */
void writer_put_null(Writer *writer, uint64_t row) {
    duckdb_vector_ensure_validity_writable(writer->vector);
    duckdb_validity_set_row_invalid(duckdb_vector_get_validity(writer->vector), row);
    if (writer->type == DUCKDB_TYPE_LIST || writer->type == DUCKDB_TYPE_MAP)
        ((duckdb_list_entry *)writer->data)[row] = (duckdb_list_entry){writer->list_size, 0};
    for (size_t i = 0; writer->type == DUCKDB_TYPE_STRUCT && i < writer->child_count; i++)
        writer_put_null(&writer->children[i], row);
    for (uint64_t i = 0; writer->type == DUCKDB_TYPE_ARRAY && i < writer->array_size; i++)
        writer_put_null(&writer->children[0], row * writer->array_size + i);
}

/* Room for `count` more elements. Growing moves the child's data. */
static void list_reserve(Writer *writer, uint64_t count) {
    uint64_t need = writer->list_size + count;
    Writer *child = writer->children;
    if (need > writer->list_room) {
        writer->list_room = need < 2048 ? 2048 : need * 2;
        duckdb_list_vector_reserve(writer->vector, writer->list_room);
        uint64_t nested_size = child->list_size, nested_room = child->list_room;
        writer_attach(child, duckdb_list_vector_get_child(writer->vector));
        child->list_size = nested_size;
        child->list_room = nested_room;
    }
    duckdb_list_vector_set_size(writer->vector, need);
}

static bool put_items(Writer *child, uint64_t start, PyObject *items, Buf *why) {
    Py_ssize_t count = PySequence_Fast_GET_SIZE(items);
    for (Py_ssize_t i = 0; i < count; i++)
        if (!writer_put(child, start + (uint64_t)i, PySequence_Fast_GET_ITEM(items, i), why))
            return false;
    return true;
}

/* A list or tuple, or what a numpy array gives by tolist(). */
static PyObject *sequence_of(PyObject *value) {
    if (PyList_Check(value) || PyTuple_Check(value)) return Py_NewRef(value);
    if (strcmp(Py_TYPE(value)->tp_name, "numpy.ndarray") != 0) return NULL;
    return PyObject_CallMethod(value, "tolist", NULL);
}

static bool put_list(Writer *writer, uint64_t row, PyObject *value, Buf *why) {
    AUTO_OBJECT items = sequence_of(value);
    if (!items || !(PyList_Check(items) || PyTuple_Check(items))) return false;
    uint64_t count = (uint64_t)PySequence_Fast_GET_SIZE(items), start = writer->list_size;
    if (writer->type == DUCKDB_TYPE_ARRAY) {
        if (count == writer->array_size)
            return put_items(writer->children, row * count, items, why);
        buf_printf(why, "a list of %llu does not fit an array of %llu", (unsigned long long)count,
                   (unsigned long long)writer->array_size);
        return false;
    }
    list_reserve(writer, count);
    ((duckdb_list_entry *)writer->data)[row] = (duckdb_list_entry){start, count};
    writer->list_size += count;
    return put_items(writer->children, start, items, why);
}

static bool put_struct(Writer *writer, uint64_t row, PyObject *value, Buf *why) {
    if (!PyDict_Check(value)) return false;
    Py_ssize_t found = 0;
    for (size_t i = 0; i < writer->child_count; i++) {
        PyObject *item = PyDict_GetItem(value, writer->names[i]);
        found += item != NULL;
        if (!item && writer->needed && writer->needed[i]) {
            const char *name = PyUnicode_AsUTF8(writer->names[i]);
            buf_printf(why, "the dict lacks the key '%s' of the STRUCT", name ? name : "?");
            return false;
        }
        if (!writer_put(&writer->children[i], row, item ? item : Py_None, why)) return false;
    }
    if (found == PyDict_Size(value)) return true;
    PyObject *key, *item;
    for (Py_ssize_t at = 0; PyDict_Next(value, &at, &key, &item);) {
        bool known = false;
        for (size_t i = 0; i < writer->name_count && !known; i++)
            known = PyObject_RichCompareBool(writer->names[i], key, Py_EQ) == 1;
        if (known) continue;
        AUTO_OBJECT text = PyObject_Repr(key);
        const char *utf8 = text ? PyUnicode_AsUTF8(text) : NULL;
        buf_printf(why, "the dict has the key %s, which the STRUCT lacks", utf8 ? utf8 : "?");
        break;
    }
    return false;
}

static bool put_map(Writer *writer, uint64_t row, PyObject *value, Buf *why) {
    if (!PyDict_Check(value)) return false;
    uint64_t count = (uint64_t)PyDict_Size(value), at = writer->list_size;
    list_reserve(writer, count);
    ((duckdb_list_entry *)writer->data)[row] = (duckdb_list_entry){at, count};
    writer->list_size += count;
    Writer *pair = writer->children[0].children;
    PyObject *key, *item;
    for (Py_ssize_t next = 0; PyDict_Next(value, &next, &key, &item); at++) {
        if (key == Py_None) {
            buf_puts(why, "a MAP has no NULL keys");
            return false;
        }
        if (!writer_put(&pair[0], at, key, why) || !writer_put(&pair[1], at, item, why))
            return false;
    }
    return true;
}

static bool put_enum(Writer *writer, uint64_t row, PyObject *value, Buf *why) {
    if (!PyUnicode_Check(value)) return false;
    for (size_t i = 0; i < writer->name_count; i++) {
        if (PyUnicode_Compare(writer->names[i], value) != 0) continue;
        switch (writer->internal) {
            case DUCKDB_TYPE_UTINYINT: ((uint8_t *)writer->data)[row] = (uint8_t)i; break;
            case DUCKDB_TYPE_USMALLINT: ((uint16_t *)writer->data)[row] = (uint16_t)i; break;
            default: ((uint32_t *)writer->data)[row] = (uint32_t)i;
        }
        return true;
    }
    const char *text = PyUnicode_AsUTF8(value);
    buf_printf(why, "'%.60s' is no value of the ENUM", text ? text : "?");
    return false;
}

bool writer_put_nested(Writer *writer, uint64_t row, PyObject *value, Buf *why) {
    switch (writer->type) {
        case DUCKDB_TYPE_STRUCT: return put_struct(writer, row, value, why);
        case DUCKDB_TYPE_MAP: return put_map(writer, row, value, why);
        case DUCKDB_TYPE_ENUM: return put_enum(writer, row, value, why);
        default: return put_list(writer, row, value, why);
    }
}
