/* Writes rows in COPY's binary format: big-endian values with their length before them.
 * A value that PostgreSQL's type cannot hold is an error, never a changed value. */
#include "connectors/postgres/encode.h"

#include <stdlib.h>
#include <string.h>

#include "connectors/postgres/numeric.h"

enum { DAYS_2000 = 10957, MAX_DIMS = 6, MAX_ROW = 0x3fffffff };
static const int64_t MICROS_2000 = 946684800000000;
static const int32_t FIRST_DAY = -2451545;         /* 4714-11-24 BC, from 2000 */
static const int64_t FIRST_MICRO = -211813488000000000, END_MICRO = 9223371331200000000;

typedef struct Cell {
    const PgWire *wire;
    duckdb_vector vector;
    const void *data;
    uint64_t *validity;
    struct Cell *child; /* of a LIST */
} Cell;

static uint8_t *reserve(PgBytes *bytes, size_t more)
{
    if (bytes->size + more > bytes->capacity) {
        size_t capacity = bytes->capacity ? bytes->capacity * 2 : 1u << 20;
        while (capacity < bytes->size + more) capacity *= 2;
        uint8_t *data = realloc(bytes->data, capacity);
        if (!data) abort();
        bytes->data = data;
        bytes->capacity = capacity;
    }
    return bytes->data + bytes->size;
}

static void store16(uint8_t *p, uint16_t v)
{
    v = __builtin_bswap16(v);
    memcpy(p, &v, sizeof v);
}
static void store32(uint8_t *p, uint32_t v)
{
    v = __builtin_bswap32(v);
    memcpy(p, &v, sizeof v);
}
static void store64(uint8_t *p, uint64_t v)
{
    v = __builtin_bswap64(v);
    memcpy(p, &v, sizeof v);
}

static void put16(PgBytes *out, uint16_t value)
{
    uint8_t *p = reserve(out, 6);
    store32(p, 2);
    store16(p + 4, value);
    out->size += 6;
}
static void put32(PgBytes *out, uint32_t value)
{
    uint8_t *p = reserve(out, 8);
    store32(p, 4);
    store32(p + 4, value);
    out->size += 8;
}
static void put64(PgBytes *out, uint64_t value)
{
    uint8_t *p = reserve(out, 12);
    store32(p, 8);
    store64(p + 4, value);
    out->size += 12;
}

void pg_encode_header(PgEncoder *encoder)
{
    static const uint8_t header[19] = {'P', 'G', 'C', 'O', 'P', 'Y', '\n', 0xff, '\r', '\n'};
    memcpy(reserve(&encoder->out, sizeof header), header, sizeof header);
    encoder->out.size += sizeof header;
}

void pg_encode_trailer(PgEncoder *encoder)
{
    memset(reserve(&encoder->out, 2), 0xff, 2);
    encoder->out.size += 2;
}

void pg_encoder_free(PgEncoder *encoder)
{
    free(encoder->out.data);
    encoder->out = (PgBytes){0};
}

static bool fail(const PgEncoder *encoder, const Cell *cell, Error *err, const char *what)
{
    return error_set(err, ERR_REMOTE_DATA, SPAN_NONE, "column '%s', row %lld: %s",
                     cell->wire->name, (long long)encoder->rows + 1, what);
}

/* Any integer or DECIMAL as 128 bits. */
static PgInt128 integer_at(const Cell *cell, idx_t row)
{
    duckdb_type type = cell->wire->source;
    if (type == DUCKDB_TYPE_DECIMAL)
        type = cell->wire->width <= 4    ? DUCKDB_TYPE_SMALLINT
               : cell->wire->width <= 9  ? DUCKDB_TYPE_INTEGER
               : cell->wire->width <= 18 ? DUCKDB_TYPE_BIGINT
                                         : DUCKDB_TYPE_HUGEINT;
    if (type == DUCKDB_TYPE_INTEGER) return ((const int32_t *)cell->data)[row];
    if (type == DUCKDB_TYPE_BIGINT) return ((const int64_t *)cell->data)[row];
    if (type == DUCKDB_TYPE_SMALLINT) return ((const int16_t *)cell->data)[row];
    if (type == DUCKDB_TYPE_TINYINT) return ((const int8_t *)cell->data)[row];
    if (type == DUCKDB_TYPE_UTINYINT) return ((const uint8_t *)cell->data)[row];
    if (type == DUCKDB_TYPE_USMALLINT) return ((const uint16_t *)cell->data)[row];
    if (type == DUCKDB_TYPE_UINTEGER) return ((const uint32_t *)cell->data)[row];
    if (type == DUCKDB_TYPE_UBIGINT) return (PgInt128)((const uint64_t *)cell->data)[row];
    duckdb_hugeint huge = ((const duckdb_hugeint *)cell->data)[row];
    return (PgInt128)((unsigned __int128)(uint64_t)huge.upper << 64 | huge.lower);
}

static bool put_numeric(PgEncoder *encoder, const Cell *cell, idx_t row)
{
    uint8_t *p = reserve(&encoder->out, 4 + PG_NUMERIC_MAX);
    int scale = cell->wire->source == DUCKDB_TYPE_DECIMAL ? cell->wire->scale : 0;
    size_t size = pg_numeric_encode(integer_at(cell, row), scale, p + 4);
    store32(p, (uint32_t)size);
    encoder->out.size += 4 + size;
    return true;
}

static bool put_float(PgEncoder *encoder, const Cell *cell, idx_t row)
{
    bool narrow = cell->wire->source == DUCKDB_TYPE_FLOAT;
    if (cell->wire->kind == KIND_FLOAT4) {
        uint32_t bits;
        memcpy(&bits, (const float *)cell->data + row, sizeof bits);
        put32(&encoder->out, bits);
        return true;
    }
    double value = narrow ? (double)((const float *)cell->data)[row]
                          : ((const double *)cell->data)[row];
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    put64(&encoder->out, bits);
    return true;
}

static bool put_date(PgEncoder *encoder, const Cell *cell, idx_t row, Error *err)
{
    int32_t days = ((const duckdb_date *)cell->data)[row].days;
    if (days == INT32_MAX || days == -INT32_MAX) {
        put32(&encoder->out, days > 0 ? INT32_MAX : (uint32_t)INT32_MIN);
        return true;
    }
    int64_t there = (int64_t)days - DAYS_2000;
    const int64_t end = 2145031949; /* 5874898-01-01 */
    if (there < FIRST_DAY || there >= end)
        return fail(encoder, cell, err, "the date is outside of PostgreSQL's 4714 BC to 5874897");
    put32(&encoder->out, (uint32_t)(int32_t)there);
    return true;
}

static bool put_timestamp(PgEncoder *encoder, const Cell *cell, idx_t row, Error *err)
{
    int64_t value = ((const int64_t *)cell->data)[row];
    if (value == INT64_MAX || value == -INT64_MAX) {
        put64(&encoder->out, value > 0 ? INT64_MAX : (uint64_t)INT64_MIN);
        return true;
    }
    if (cell->wire->source == DUCKDB_TYPE_TIMESTAMP_NS) {
        if (value % 1000 != 0)
            return fail(encoder, cell, err, "PostgreSQL's timestamps have no nanoseconds");
        value /= 1000;
    }
    int64_t there;
    if (__builtin_sub_overflow(value, MICROS_2000, &there) || there < FIRST_MICRO ||
        there >= END_MICRO)
        return fail(encoder, cell, err, "the timestamp is outside of PostgreSQL's range");
    put64(&encoder->out, (uint64_t)there);
    return true;
}

static bool put_bytes(PgEncoder *encoder, const Cell *cell, idx_t row, Error *err)
{
    duckdb_string_t *text = (duckdb_string_t *)(uintptr_t)cell->data + row;
    uint32_t size = text->value.inlined.length;
    const char *data = size <= sizeof text->value.inlined.inlined ? text->value.inlined.inlined
                                                                  : text->value.pointer.ptr;
    int32_t max = cell->wire->max_chars;
    if (max > 0 && size > (uint32_t)max && utf8_length(data, size) > (size_t)max)
        return error_set(err, ERR_CAST, SPAN_NONE,
                         "column '%s', row %lld: a text of %zu characters does not fit %d",
                         cell->wire->name, (long long)encoder->rows + 1, utf8_length(data, size),
                         max);
    if (size > MAX_ROW) return fail(encoder, cell, err, "the value is larger than 1 GB");
    bool version = cell->wire->kind == KIND_JSONB;
    uint8_t *p = reserve(&encoder->out, 5 + (size_t)size);
    store32(p, size + version);
    p += 4;
    if (version) *p++ = 1;
    memcpy(p, data, size);
    encoder->out.size += 4 + (size_t)size + version;
    return true;
}

/* The zone is seconds east above an offset in DuckDB, seconds west there. */
static bool put_timetz(PgEncoder *encoder, const Cell *cell, idx_t row)
{
    uint64_t bits = ((const duckdb_time_tz *)cell->data)[row].bits;
    int32_t west = (int32_t)(bits & 0xffffff) - (16 * 3600 - 1);
    uint8_t *p = reserve(&encoder->out, 16);
    store32(p, 12);
    store64(p + 4, bits >> 24);
    store32(p + 12, (uint32_t)west);
    encoder->out.size += 16;
    return true;
}

static bool put_wide(PgEncoder *encoder, const Cell *cell, idx_t row)
{
    uint8_t *p = reserve(&encoder->out, 20);
    store32(p, 16);
    if (cell->wire->kind == KIND_UUID) {
        duckdb_hugeint value = ((const duckdb_hugeint *)cell->data)[row];
        store64(p + 4, (uint64_t)value.upper ^ (1ull << 63));
        store64(p + 12, value.lower);
    } else {
        duckdb_interval value = ((const duckdb_interval *)cell->data)[row];
        store64(p + 4, (uint64_t)value.micros);
        store32(p + 12, (uint32_t)value.days);
        store32(p + 16, (uint32_t)value.months);
    }
    encoder->out.size += 20;
    return true;
}

static bool put_leaf(PgEncoder *encoder, const Cell *cell, idx_t row, Error *err)
{
    PgBytes *out = &encoder->out;
    switch (cell->wire->kind) {
    case KIND_BOOL: {
        uint8_t *p = reserve(out, 5);
        store32(p, 1);
        p[4] = ((const bool *)cell->data)[row];
        out->size += 5;
        return true;
    }
    case KIND_INT2: put16(out, (uint16_t)integer_at(cell, row)); return true;
    case KIND_INT4:
    case KIND_OID: put32(out, (uint32_t)integer_at(cell, row)); return true;
    case KIND_INT8: put64(out, (uint64_t)integer_at(cell, row)); return true;
    case KIND_FLOAT4:
    case KIND_FLOAT8:
    case KIND_NUMERIC_DOUBLE: return put_float(encoder, cell, row);
    case KIND_DECIMAL: return put_numeric(encoder, cell, row);
    case KIND_DATE: return put_date(encoder, cell, row, err);
    case KIND_TIME: put64(out, ((const uint64_t *)cell->data)[row]); return true;
    case KIND_TIMESTAMP: return put_timestamp(encoder, cell, row, err);
    case KIND_TIMETZ: return put_timetz(encoder, cell, row);
    case KIND_INTERVAL:
    case KIND_UUID: return put_wide(encoder, cell, row);
    case KIND_TEXT:
    case KIND_NUMERIC_TEXT:
    case KIND_BYTEA:
    case KIND_JSONB:
    case KIND_INET:
    case KIND_MACADDR:
    case KIND_LIST: break;
    }
    return put_bytes(encoder, cell, row, err);
}

static bool is_valid(const Cell *cell, idx_t row)
{
    return !cell->validity || (cell->validity[row / 64] >> (row % 64) & 1);
}

static void put_null(PgBytes *out)
{
    memset(reserve(out, 4), 0xff, 4);
    out->size += 4;
}

/* PostgreSQL's arrays are blocks: lists of unequal length, or NULL lists inside, have no place. */
static bool put_elements(PgEncoder *encoder, const Cell *cell, idx_t row, const uint64_t *sizes,
                         Error *err)
{
    duckdb_list_entry entry = ((const duckdb_list_entry *)cell->data)[row];
    if (entry.length != sizes[0])
        return fail(encoder, cell, err, "lists of unequal length do not fit an array");
    for (idx_t i = entry.offset; i < entry.offset + entry.length; i++) {
        bool leaf = !cell->child->child, valid = is_valid(cell->child, i);
        if (!leaf && !valid) return fail(encoder, cell, err, "a NULL list does not fit an array");
        if (!leaf) {
            if (!put_elements(encoder, cell->child, i, sizes + 1, err)) return false;
        } else if (!valid) {
            put_null(&encoder->out);
        } else if (!put_leaf(encoder, cell->child, i, err)) {
            return false;
        }
    }
    return true;
}

static bool put_array(PgEncoder *encoder, const Cell *cell, idx_t row, Error *err)
{
    uint64_t sizes[MAX_DIMS];
    int dims = cell->wire->depth;
    if (dims > MAX_DIMS) return fail(encoder, cell, err, "arrays have at most 6 dimensions");
    const Cell *level = cell;
    idx_t at = row;
    for (int i = 0; i < dims; i++) {
        if (!is_valid(level, at)) return fail(encoder, cell, err, "a NULL list in a list");
        duckdb_list_entry entry = ((const duckdb_list_entry *)level->data)[at];
        sizes[i] = entry.length;
        if (entry.length == 0 && i > 0)
            return fail(encoder, cell, err, "an empty list in a list does not fit an array");
        if (entry.length == 0) dims = 0;
        at = entry.offset;
        level = level->child;
    }
    size_t head = encoder->out.size, length = 12 + 8 * (size_t)dims;
    uint8_t *p = reserve(&encoder->out, 4 + length);
    store32(p + 4, (uint32_t)dims);
    store32(p + 8, 1); /* may hold NULLs */
    store32(p + 12, cell->wire->oid);
    for (int i = 0; i < dims; i++) {
        store32(p + 16 + 8 * i, (uint32_t)sizes[i]);
        store32(p + 20 + 8 * i, 1);
    }
    encoder->out.size += 4 + length;
    if (dims && !put_elements(encoder, cell, row, sizes, err)) return false;
    size_t size = encoder->out.size - head - 4;
    if (size > MAX_ROW) return fail(encoder, cell, err, "the value is larger than 1 GB");
    store32(encoder->out.data + head, (uint32_t)size);
    return true;
}

static void attach(Arena *arena, Cell *cell, const PgWire *wire, duckdb_vector vector, int depth)
{
    *cell = (Cell){.wire = wire, .vector = vector, .data = duckdb_vector_get_data(vector),
                   .validity = duckdb_vector_get_validity(vector)};
    if (depth == 0) return;
    cell->child = ARENA_NEW(arena, Cell);
    attach(arena, cell->child, wire, duckdb_list_vector_get_child(vector), depth - 1);
}

bool pg_encode_rows(PgEncoder *encoder, duckdb_data_chunk chunk, idx_t *first, size_t enough,
                    Error *err)
{
    AUTO_ARENA scratch = arena_new();
    Cell *cells = ARENA_ARRAY(scratch, Cell, encoder->count + 1);
    for (size_t i = 0; i < encoder->count; i++)
        attach(scratch, &cells[i], &encoder->wires[i], duckdb_data_chunk_get_vector(chunk, i),
               encoder->wires[i].depth);
    idx_t rows = duckdb_data_chunk_get_size(chunk);
    for (; *first < rows && encoder->out.size < enough; (*first)++) {
        store16(reserve(&encoder->out, 2), (uint16_t)encoder->count);
        encoder->out.size += 2;
        for (size_t i = 0; i < encoder->count; i++) {
            const Cell *cell = &cells[i];
            if (!is_valid(cell, *first))
                put_null(&encoder->out);
            else if (!(cell->child ? put_array(encoder, cell, *first, err)
                                   : put_leaf(encoder, cell, *first, err)))
                return false;
        }
        encoder->rows++;
    }
    return true;
}
