/* The frame of COPY BINARY: header, rows, trailer; and the bookkeeping of vectors.
 * Values are decoded in decode_value.c, arrays in decode_list.c. */
#include "connectors/postgres/decode.h"

#include <string.h>

static const uint8_t signature[11] = {'P', 'G', 'C', 'O', 'P', 'Y', '\n', 0xff, '\r', '\n', 0};

static void make_children(PgDecoder *decoder, PgVector *vector, int dims)
{
    vector->kind = dims > 0 ? KIND_LIST : vector->field->scalar.kind;
    if (dims == 0) return;
    vector->child = ARENA_NEW(decoder->arena, PgVector);
    vector->child->field = vector->field;
    make_children(decoder, vector->child, dims - 1);
}

void pg_decoder_init(PgDecoder *decoder, Arena *arena, const PgField *fields, size_t count)
{
    *decoder = (PgDecoder){.arena = arena, .fields = fields, .count = count};
    decoder->columns = ARENA_ARRAY(arena, PgVector, count);
    for (size_t i = 0; i < count; i++) {
        decoder->columns[i].field = &fields[i];
        make_children(decoder, &decoder->columns[i], fields[i].dims);
    }
    decoder->capacity = duckdb_vector_size();
}

void pg_decoder_restart(PgDecoder *decoder)
{
    decoder->header_seen = decoder->ended = false;
    decoder->row = 0;
}

static void attach(PgVector *to, duckdb_vector vector)
{
    to->vector = vector;
    to->data = duckdb_vector_get_data(vector);
    to->validity = NULL;
    to->size = to->capacity = 0;
    if (to->child) attach(to->child, duckdb_list_vector_get_child(vector));
}

void pg_decoder_begin(PgDecoder *decoder, duckdb_data_chunk chunk, const size_t *slots)
{
    decoder->rows = 0;
    for (size_t i = 0; i < decoder->count; i++)
        attach(&decoder->columns[i], duckdb_data_chunk_get_vector(chunk, slots[i]));
}

static void end_lists(PgVector *vector)
{
    if (!vector->child) return;
    duckdb_list_vector_set_size(vector->vector, vector->child->size);
    end_lists(vector->child);
}

void pg_decoder_end(PgDecoder *decoder, duckdb_data_chunk chunk)
{
    for (size_t i = 0; i < decoder->count; i++) end_lists(&decoder->columns[i]);
    duckdb_data_chunk_set_size(chunk, decoder->rows);
}

void pg_vector_null(PgVector *to, idx_t at)
{
    if (!to->validity) {
        duckdb_vector_ensure_validity_writable(to->vector);
        to->validity = duckdb_vector_get_validity(to->vector);
    }
    to->validity[at / 64] &= ~(1ull << (at % 64));
    if (to->kind == KIND_LIST) ((duckdb_list_entry *)to->data)[at] = (duckdb_list_entry){0};
}

bool pg_decode_fail(const PgDecoder *decoder, const PgField *field, Error *err, const char *format,
                    ...)
{
    AUTO_ARENA scratch = arena_new();
    va_list args;
    va_start(args, format);
    const char *what = arena_vprintf(scratch, format, args);
    va_end(args);
    return error_set(err, ERR_REMOTE_DATA, SPAN_NONE, "column '%s', row %lld: %s", field->name,
                     (long long)decoder->row + 1, what);
}

static bool malformed(const PgDecoder *decoder, Error *err)
{
    return error_set(err, ERR_REMOTE_DATA, SPAN_NONE,
                     "row %lld: the server's COPY data is malformed", (long long)decoder->row + 1);
}

/* Returns the size of the header, 0 when it is malformed. */
static size_t header_size(const uint8_t *data, size_t size)
{
    if (size < 19 || memcmp(data, signature, sizeof signature) != 0) return 0;
    uint32_t flags = pg_u32(data + 11), extension = pg_u32(data + 15);
    if (flags & 0xffff0000u || extension > size - 19) return 0;
    return 19 + (size_t)extension;
}

static bool feed_row(PgDecoder *decoder, const uint8_t *data, size_t size, Error *err)
{
    const uint8_t *end = data + size;
    idx_t at = decoder->rows;
    if (pg_u16(data) != decoder->count) return malformed(decoder, err);
    data += 2;
    for (size_t i = 0; i < decoder->count; i++) {
        if (end - data < 4) return malformed(decoder, err);
        uint32_t length = pg_u32(data);
        data += 4;
        PgVector *to = &decoder->columns[i];
        if (length == UINT32_MAX) {
            pg_vector_null(to, at);
            continue;
        }
        if (length > (size_t)(end - data)) return malformed(decoder, err);
        if (!pg_decode_value(decoder, to, at, data, length, err)) return false;
        data += length;
    }
    if (data != end) return malformed(decoder, err);
    decoder->rows++;
    decoder->row++;
    return true;
}

bool pg_decoder_feed(PgDecoder *decoder, const uint8_t *data, size_t size, Error *err)
{
    if (!decoder->header_seen) {
        size_t header = header_size(data, size);
        if (header == 0) return malformed(decoder, err);
        decoder->header_seen = true;
        data += header;
        size -= header;
        if (size == 0) return true;
    }
    if (decoder->ended || size < 2) return malformed(decoder, err);
    if (pg_u16(data) != UINT16_MAX) return feed_row(decoder, data, size, err);
    if (size != 2) return malformed(decoder, err);
    decoder->ended = true;
    return true;
}
