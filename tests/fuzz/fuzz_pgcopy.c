/* COPY BINARY from a hostile server: no message may make the decoder read or write out of bounds.
 * The first byte picks a column type, the second its dimensions and whether the rest is a value
 * inside a well-formed row or the message itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connectors/postgres/decode.h"
#include "engine/duck.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
    uint32_t oid;
    int32_t typmod;
    duckdb_type type;
} columns[] = {
    {OID_BOOL, -1, DUCKDB_TYPE_BOOLEAN},     {OID_INT2, -1, DUCKDB_TYPE_SMALLINT},
    {OID_INT4, -1, DUCKDB_TYPE_INTEGER},     {OID_INT8, -1, DUCKDB_TYPE_BIGINT},
    {OID_FLOAT4, -1, DUCKDB_TYPE_FLOAT},     {OID_FLOAT8, -1, DUCKDB_TYPE_DOUBLE},
    {OID_TEXT, -1, DUCKDB_TYPE_VARCHAR},     {OID_BYTEA, -1, DUCKDB_TYPE_BLOB},
    {OID_DATE, -1, DUCKDB_TYPE_DATE},        {OID_TIME, -1, DUCKDB_TYPE_TIME},
    {OID_TIMETZ, -1, DUCKDB_TYPE_TIME_TZ},   {OID_TIMESTAMP, -1, DUCKDB_TYPE_TIMESTAMP},
    {OID_INTERVAL, -1, DUCKDB_TYPE_INTERVAL}, {OID_UUID, -1, DUCKDB_TYPE_UUID},
    {OID_JSONB, -1, DUCKDB_TYPE_VARCHAR},    {OID_INET, -1, DUCKDB_TYPE_VARCHAR},
    {OID_MACADDR, -1, DUCKDB_TYPE_VARCHAR},  {OID_NUMERIC, -1, DUCKDB_TYPE_VARCHAR},
    {OID_NUMERIC, (4 << 16 | 2) + 4, DUCKDB_TYPE_DECIMAL},
    {OID_NUMERIC, (9 << 16 | 9) + 4, DUCKDB_TYPE_DECIMAL},
    {OID_NUMERIC, (18 << 16 | 6) + 4, DUCKDB_TYPE_DECIMAL},
    {OID_NUMERIC, (38 << 16 | 10) + 4, DUCKDB_TYPE_DECIMAL},
};

static void open_library(void)
{
    static Duck *duck;
    if (duck) return;
    Error err = {0};
    DuckConfig config = {.bare = true};
    if (duck_open(&config, &duck, &err)) return;
    fprintf(stderr, "%s\n", err.message);
    abort();
}

static duckdb_data_chunk make_chunk(const PgField *field, duckdb_type id)
{
    duckdb_logical_type type =
        id == DUCKDB_TYPE_DECIMAL
            ? duckdb_create_decimal_type(field->scalar.width, field->scalar.scale)
            : duckdb_create_logical_type(id);
    for (int i = 0; i < field->dims; i++) {
        duckdb_logical_type list = duckdb_create_list_type(type);
        duckdb_destroy_logical_type(&type);
        type = list;
    }
    duckdb_data_chunk chunk = duckdb_create_data_chunk(&type, 1);
    duckdb_destroy_logical_type(&type);
    return chunk;
}

static void feed_as_value(PgDecoder *decoder, const uint8_t *data, size_t size)
{
    Error err = {0};
    uint8_t *message = malloc(6 + size);
    const uint8_t head[6] = {0, 1, (uint8_t)(size >> 24), (uint8_t)(size >> 16),
                             (uint8_t)(size >> 8), (uint8_t)size};
    memcpy(message, head, sizeof head);
    memcpy(message + sizeof head, data, size);
    decoder->header_seen = true;
    for (int i = 0; i < 3; i++) pg_decoder_feed(decoder, message, sizeof head + size, &err);
    free(message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) return 0;
    open_library();
    AUTO_ARENA arena = arena_new();
    size_t index = data[0] % (sizeof columns / sizeof *columns);
    PgField field = {.name = "c", .dims = data[1] & 3, .check_utf8 = true,
                     .scalar = pg_scalar(arena, columns[index].oid, columns[index].typmod, false,
                                         data[1] & 4 ? NUMERIC_DOUBLE : NUMERIC_VARCHAR)};
    bool as_double = field.scalar.kind == KIND_NUMERIC_DOUBLE;
    duckdb_data_chunk chunk = make_chunk(&field, as_double ? DUCKDB_TYPE_DOUBLE
                                                           : columns[index].type);
    PgDecoder decoder;
    size_t slot = 0;
    Error err = {0};
    pg_decoder_init(&decoder, arena, &field, 1);
    pg_decoder_begin(&decoder, chunk, &slot);
    if (data[1] & 8)
        pg_decoder_feed(&decoder, data + 2, size - 2, &err);
    else
        feed_as_value(&decoder, data + 2, size - 2);
    pg_decoder_end(&decoder, chunk);
    duckdb_destroy_data_chunk(&chunk);
    return 0;
}
