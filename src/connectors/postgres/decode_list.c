/* Arrays: one block of elements in row-major order becomes nested LISTs of the declared depth.
 * The depth is part of the column's type, so a value of another depth is an error. */
#include "connectors/postgres/decode.h"

enum { MAX_DIMS = 6 }; /* the server's own limit */

typedef struct Elements {
    const uint8_t *data, *end;
    uint32_t sizes[MAX_DIMS];
    int dims;
} Elements;

/* Room for `more` in the child of `list`; returns the index of the first. */
static bool reserve(PgVector *list, idx_t more)
{
    PgVector *child = list->child;
    if (child->size + more <= child->capacity) return true;
    idx_t capacity = child->capacity < 2048 ? 2048 : child->capacity;
    while (capacity < child->size + more) capacity *= 2;
    if (duckdb_list_vector_reserve(list->vector, capacity) != DuckDBSuccess) return false;
    child->capacity = capacity;
    child->data = duckdb_vector_get_data(child->vector);
    if (child->validity) child->validity = duckdb_vector_get_validity(child->vector);
    return true;
}

static bool bad(PgDecoder *decoder, PgVector *to, Error *err)
{
    return pg_decode_fail(decoder, to->field, err, "the array is malformed");
}

static bool put_level(PgDecoder *decoder, PgVector *list, idx_t at, Elements *from, int level,
                      Error *err)
{
    uint32_t count = from->sizes[level];
    PgVector *child = list->child;
    if (!reserve(list, count)) return bad(decoder, list, err);
    idx_t first = child->size;
    child->size += count;
    ((duckdb_list_entry *)list->data)[at] = (duckdb_list_entry){.offset = first, .length = count};
    for (uint32_t i = 0; i < count; i++) {
        if (level + 1 < from->dims) {
            if (!put_level(decoder, child, first + i, from, level + 1, err)) return false;
            continue;
        }
        if (from->end - from->data < 4) return bad(decoder, list, err);
        uint32_t length = pg_u32(from->data);
        from->data += 4;
        if (length == UINT32_MAX) {
            pg_vector_null(child, first + i);
            continue;
        }
        if (length > (size_t)(from->end - from->data)) return bad(decoder, list, err);
        if (!pg_decode_value(decoder, child, first + i, from->data, length, err)) return false;
        from->data += length;
    }
    return true;
}

bool pg_decode_list(PgDecoder *decoder, PgVector *to, idx_t at, const uint8_t *data, size_t size,
                    Error *err)
{
    if (size < 12) return bad(decoder, to, err);
    Elements from = {.data = data + 12, .end = data + size, .dims = (int)pg_u32(data)};
    if (from.dims == 0) {
        ((duckdb_list_entry *)to->data)[at] = (duckdb_list_entry){.offset = to->child->size};
        return true;
    }
    if (from.dims < 0 || from.dims > MAX_DIMS) return bad(decoder, to, err);
    if (from.dims != to->field->dims) {
        pg_decode_fail(decoder, to->field, err, "an array of %d dimensions, %d are declared",
                       from.dims, to->field->dims);
        return error_hint(err, "declare the column's dimensions (%s[]…) or cast it to text in "
                               "'query'", to->field->name);
    }
    if (size < 12 + 8 * (size_t)from.dims) return bad(decoder, to, err);
    uint64_t total = 1;
    for (int i = 0; i < from.dims; i++, from.data += 8) {
        from.sizes[i] = pg_u32(from.data);
        total *= from.sizes[i];
        /* Each element has a length of four bytes, so a block can hold no more than this. */
        if (from.sizes[i] == 0 || total > size / 4) return bad(decoder, to, err);
        if (pg_u32(from.data + 4) != 1) {
            pg_decode_fail(decoder, to->field, err, "an array whose subscripts do not begin at 1");
            return error_hint(err, "a LIST begins at 1; cast the column to text in 'query'");
        }
    }
    if (!put_level(decoder, to, at, &from, 0, err)) return false;
    return from.data == from.end || bad(decoder, to, err);
}
