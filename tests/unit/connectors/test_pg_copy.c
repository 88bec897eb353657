/* COPY BINARY without a server: what the encoder writes, the decoder reads back; broken messages
 * are refused with column and row; values that do not fit are errors, not other values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connectors/postgres/decode.h"
#include "connectors/postgres/encode.h"

static Duck *duck;

static int open_duck(void **state)
{
    (void)state;
    Error err = {0};
    DuckConfig config = {.bare = true};
    if (duck_open(&config, &duck, &err)) return 0;
    fprintf(stderr, "%s\n", err.message);
    return -1;
}

static int close_duck(void **state)
{
    (void)state;
    duck_close(duck);
    return 0;
}

/* What a column of that wire would be when it is read back. */
static PgField field_of(Arena *arena, const PgWire *wire)
{
    int32_t typmod = -1;
    if (wire->source == DUCKDB_TYPE_DECIMAL)
        typmod = (int32_t)(((uint32_t)wire->width << 16 | (uint32_t)wire->scale) + 4);
    return (PgField){.name = wire->name, .dims = wire->depth, .check_utf8 = true,
                     .scalar = pg_scalar(arena, wire->oid, typmod, false, NUMERIC_VARCHAR)};
}

/* Splits the encoder's bytes into messages as the server would send them: header with the first
 * row, one row each, the trailer. */
static void feed_all(PgDecoder *decoder, const PgBytes *bytes, size_t columns)
{
    Error err = {0};
    size_t at = 0, start = 0;
    for (at = 19; at < bytes->size;) {
        size_t end = at + 2;
        bool trailer = pg_u16(bytes->data + at) == UINT16_MAX;
        for (size_t i = 0; !trailer && i < columns; i++) {
            uint32_t length = pg_u32(bytes->data + end);
            end += 4 + (length == UINT32_MAX ? 0 : length);
        }
        size_t size = end - start;
        uint8_t *exact = malloc(size); /* so that ASan sees a read past the message */
        memcpy(exact, bytes->data + start, size);
        bool ok = pg_decoder_feed(decoder, exact, size, &err);
        free(exact);
        if (!ok) fail_msg("%s", err.message);
        start = at = end;
    }
    assert_true(decoder->ended);
}

static duckdb_data_chunk decoded_chunk(Arena *arena, const duckdb_result *result,
                                       const PgBytes *bytes, const PgWire *wires, size_t count)
{
    duckdb_logical_type *types = ARENA_ARRAY(arena, duckdb_logical_type, count);
    PgField *fields = ARENA_ARRAY(arena, PgField, count);
    size_t *slots = ARENA_ARRAY(arena, size_t, count);
    for (size_t i = 0; i < count; i++) {
        types[i] = duckdb_column_logical_type((duckdb_result *)(uintptr_t)result, i);
        fields[i] = field_of(arena, &wires[i]);
        slots[i] = i;
    }
    duckdb_data_chunk chunk = duckdb_create_data_chunk(types, count);
    PgDecoder decoder;
    pg_decoder_init(&decoder, arena, fields, count);
    pg_decoder_restart(&decoder);
    pg_decoder_begin(&decoder, chunk, slots);
    feed_all(&decoder, bytes, count);
    pg_decoder_end(&decoder, chunk);
    for (size_t i = 0; i < count; i++) duckdb_destroy_logical_type(&types[i]);
    return chunk;
}

/* The rows of `query` sent there and back again must be the same multiset. */
static void check_round_trip(const char *query)
{
    AUTO_ARENA arena = arena_new();
    Error err = {0};
    int64_t different = -1;
    duckdb_result result;
    duckdb_connection connection = duck_connection(duck);
    const char *make = arena_printf(arena, "CREATE OR REPLACE TABLE a AS %s; CREATE OR REPLACE "
                                           "TABLE b AS FROM a LIMIT 0", query);
    if (!duck_exec(duck, make, NULL, &err)) fail_msg("%s", err.message);
    assert_int_equal(duckdb_query(connection, "FROM a", &result), DuckDBSuccess);
    size_t count = duckdb_column_count(&result);
    PgWire *wires = ARENA_ARRAY(arena, PgWire, count);
    for (size_t i = 0; i < count; i++) {
        duckdb_logical_type type = duckdb_column_logical_type(&result, i);
        wires[i] = pg_wire_natural(arena, duckdb_column_name(&result, i), type);
        duckdb_destroy_logical_type(&type);
    }
    PgEncoder encoder = {.wires = wires, .count = count};
    pg_encode_header(&encoder);
    duckdb_data_chunk chunk = duckdb_fetch_chunk(result);
    idx_t first = 0;
    if (!pg_encode_rows(&encoder, chunk, &first, SIZE_MAX, &err)) fail_msg("%s", err.message);
    assert_int_equal(first, duckdb_data_chunk_get_size(chunk));
    pg_encode_trailer(&encoder);
    duckdb_destroy_data_chunk(&chunk);
    chunk = decoded_chunk(arena, &result, &encoder.out, wires, count);
    duckdb_destroy_result(&result);
    pg_encoder_free(&encoder);
    duckdb_appender appender;
    assert_int_equal(duckdb_appender_create(connection, NULL, "b", &appender), DuckDBSuccess);
    assert_int_equal(duckdb_append_data_chunk(appender, chunk), DuckDBSuccess);
    assert_int_equal(duckdb_appender_destroy(&appender), DuckDBSuccess);
    duckdb_destroy_data_chunk(&chunk);
    const char *compare = "SELECT (SELECT count(*) FROM (FROM a EXCEPT ALL FROM b)) + (SELECT "
                          "count(*) FROM (FROM b EXCEPT ALL FROM a))";
    if (!duck_int(duck, compare, &different, &err)) fail_msg("%s", err.message);
    assert_int_equal(different, 0);
}

static void scalars(void **state)
{
    (void)state;
    check_round_trip(
        "SELECT * FROM (VALUES (true, 1::SMALLINT, -2::INTEGER, 3::BIGINT, 1.5::FLOAT, "
        "-2.5::DOUBLE, 'short', 'a text of more than twelve bytes', 'x\\x00y'::BLOB, uuid()), "
        "(NULL, NULL, NULL,"
        " NULL, NULL, NULL, NULL, NULL, NULL, NULL), (false, -32768, 2147483647, "
        "-9223372036854775808, 'nan', '-inf', '', 'ünï', ''::BLOB, "
        "'00000000-0000-0000-0000-000000000000')) t(a, b, c, d, e, f, g, h, i, j)");
}

static void decimals(void **state)
{
    (void)state;
    check_round_trip("SELECT * FROM (VALUES (-9.99::DECIMAL(3,2), 123456.789::DECIMAL(9,3), "
                     "-999999999999.999999::DECIMAL(18,6), "
                     "99999999999999999999999999999999999999::DECIMAL(38,0), "
                     "0.00000000000000000000000000000000000001::DECIMAL(38,38)), "
                     "(NULL, 0, 0.000001, -1, NULL)) t(a, b, c, d, e)");
}

static void times(void **state)
{
    (void)state;
    check_round_trip(
        "SELECT * FROM (VALUES ('infinity'::DATE, '24:00:00'::TIME, '23:59:59+15:59:59'::TIMETZ, "
        "'infinity'::TIMESTAMP, '-infinity'::TIMESTAMPTZ, INTERVAL '1 month -2 days 3 us'), "
        "('4714-11-24 (BC)'::DATE, '00:00:00'::TIME, '00:00:00-15:59:59'::TIMETZ, "
        "'4714-11-24 (BC) 00:00:00'::TIMESTAMP, '294246-12-31 23:59:59.999999'::TIMESTAMPTZ, "
        "INTERVAL '-178000000 years'), ('-infinity', '12:00:00.000001', '12:00:00', "
        "'1969-12-31 23:59:59.999999', '1970-01-01', NULL), ('5874897-12-31', NULL, NULL, NULL, "
        "NULL, NULL)) t(a, b, c, d, e, f)");
}

static void lists(void **state)
{
    (void)state;
    check_round_trip("SELECT * FROM (VALUES ([1, NULL, 3], [[1, 2], [3, NULL]], ['a', 'longer than "
                     "twelve bytes', NULL]), ([], [], []), (NULL, NULL, NULL), ([7], [[8]], "
                     "[''])) t(a, b, c)");
    check_round_trip("SELECT range(i % 97) AS a, [[i, i + 1], [i, NULL]] AS b, [[[i::DECIMAL(9,2)]"
                     "]] AS c FROM range(2000) t(i)");
}

static void full_chunk(void **state)
{
    (void)state;
    check_round_trip("SELECT i, CASE WHEN i % 3 > 0 THEN repeat('x', (i % 40)::INTEGER) END AS s, "
                     "i::DECIMAL(18,3) / 7 AS d FROM range(2048) t(i)");
}

/* -- errors */

static const uint8_t header[19] = {'P', 'G', 'C', 'O', 'P', 'Y', '\n', 0xff, '\r', '\n'};

/* One row with one value of the given type, fed after a header. */
static bool feed_value(PgScalar scalar, int dims, const char *bytes, size_t size, Error *err)
{
    AUTO_ARENA arena = arena_new();
    PgField field = {.name = "c", .scalar = scalar, .dims = dims, .check_utf8 = true};
    duckdb_type id = scalar.kind == KIND_DATE        ? DUCKDB_TYPE_DATE
                     : scalar.kind == KIND_TIMESTAMP ? DUCKDB_TYPE_TIMESTAMP
                     : scalar.kind == KIND_TIMETZ    ? DUCKDB_TYPE_TIME_TZ
                     : scalar.kind == KIND_INT4      ? DUCKDB_TYPE_INTEGER
                                                     : DUCKDB_TYPE_VARCHAR;
    duckdb_logical_type type = scalar.kind == KIND_DECIMAL
                                   ? duckdb_create_decimal_type(scalar.width, scalar.scale)
                                   : duckdb_create_logical_type(id);
    for (int i = 0; i < dims; i++) {
        duckdb_logical_type list = duckdb_create_list_type(type);
        duckdb_destroy_logical_type(&type);
        type = list;
    }
    duckdb_data_chunk chunk = duckdb_create_data_chunk(&type, 1);
    duckdb_destroy_logical_type(&type);
    PgDecoder decoder;
    size_t slot = 0;
    pg_decoder_init(&decoder, arena, &field, 1);
    pg_decoder_restart(&decoder);
    pg_decoder_begin(&decoder, chunk, &slot);
    uint8_t *message = malloc(19 + 6 + size);
    memcpy(message, header, 19);
    const uint8_t head[6] = {0, 1, 0, 0, (uint8_t)(size >> 8), (uint8_t)size};
    memcpy(message + 19, head, 6);
    memcpy(message + 25, bytes, size);
    *err = (Error){0};
    bool ok = pg_decoder_feed(&decoder, message, 25 + size, err);
    pg_decoder_end(&decoder, chunk);
    free(message);
    duckdb_destroy_data_chunk(&chunk);
    return ok;
}
#define FEED(oid, dims, bytes, err)                                                               \
    feed_value(pg_scalar(arena, oid, -1, false, NUMERIC_VARCHAR), dims, bytes, sizeof(bytes) - 1, \
               err)

static void values_that_do_not_fit(void **state)
{
    (void)state;
    AUTO_ARENA arena = arena_new();
    Error err;
    assert_false(FEED(OID_TIMESTAMP, 0, "\x7f\xff\xff\xff\xff\xff\xff\xfe", &err));
    assert_int_equal(err.code, ERR_REMOTE_DATA);
    assert_string_equal(err.message, "column 'c', row 1: the timestamp lies after DuckDB's last, "
                                     "294247-01-10 04:00:54.775806");
    assert_true(FEED(OID_TIMESTAMP, 0, "\x7f\xff\xff\xff\xff\xff\xff\xff", &err));
    assert_true(FEED(OID_TIMESTAMP, 0, "\x80\0\0\0\0\0\0\0", &err));
    assert_false(FEED(OID_DATE, 0, "\x7f\xff\xff\xfe", &err));
    assert_false(FEED(OID_TEXT, 0, "ab\xff", &err));
    assert_non_null(strstr(err.message, "not UTF-8 at byte 3"));
    assert_false(FEED(OID_TIMETZ, 0, "\0\0\0\0\0\0\0\0\x7f\xff\xff\xff", &err));
    PgScalar decimal = pg_scalar(arena, OID_NUMERIC, (5 << 16) + 4, false, NUMERIC_VARCHAR);
    assert_false(feed_value(decimal, 0, "\0\0\0\0\xc0\0\0\0", 8, &err));
    assert_non_null(strstr(err.message, "NaN"));
}

static void arrays_of_another_shape(void **state)
{
    (void)state;
    AUTO_ARENA arena = arena_new();
    Error err;
    const char two_dims[] = "\0\0\0\2\0\0\0\0\0\0\0\x17\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\4"
                            "\0\0\0\5";
    assert_true(feed_value(pg_scalar(arena, OID_INT4, -1, false, NUMERIC_VARCHAR), 2, two_dims,
                           sizeof two_dims - 1, &err));
    assert_false(feed_value(pg_scalar(arena, OID_INT4, -1, false, NUMERIC_VARCHAR), 1, two_dims,
                            sizeof two_dims - 1, &err));
    assert_non_null(strstr(err.message, "2 dimensions, 1 are declared"));
    assert_false(FEED(OID_INT4, 1, "\0\0\0\1\0\0\0\0\0\0\0\x17\0\0\0\1\0\0\0\0\0\0\0\4\0\0\0\5",
                      &err));
    assert_non_null(strstr(err.message, "subscripts"));
    assert_false(FEED(OID_INT4, 1, "\0\0\0\1\0\0\0\0\0\0\0\x17\x7f\xff\xff\xff\0\0\0\1", &err));
    assert_false(FEED(OID_INT4, 1, "\0\0\0\1\0\0\0\0\0\0\0\x17\0\0\0\2\0\0\0\1\0\0\0\4\0\0\0\5",
                      &err));
}

static void broken_frames(void **state)
{
    (void)state;
    AUTO_ARENA arena = arena_new();
    PgField field = {.name = "c", .scalar = pg_scalar(arena, OID_INT4, -1, false, 0)};
    duckdb_logical_type type = duckdb_create_logical_type(DUCKDB_TYPE_INTEGER);
    duckdb_data_chunk chunk = duckdb_create_data_chunk(&type, 1);
    duckdb_destroy_logical_type(&type);
    uint8_t good[19 + 10];
    memcpy(good, header, 19);
    memcpy(good + 19, "\0\1\0\0\0\4\0\0\0\7", 10);
    size_t slot = 0;
    for (size_t size = 0; size <= sizeof good; size++) {
        if (size == 19) continue; /* the header alone is a legal message */
        Error err = {0};
        PgDecoder decoder;
        pg_decoder_init(&decoder, arena, &field, 1);
        pg_decoder_begin(&decoder, chunk, &slot);
        uint8_t *exact = malloc(size + 1);
        memcpy(exact, good, size);
        assert_int_equal(pg_decoder_feed(&decoder, exact, size, &err), size == sizeof good);
        if (size == sizeof good) {
            assert_int_equal(decoder.rows, 1);
            assert_false(pg_decoder_feed(&decoder, (const uint8_t *)"\0\2", 2, &err));
            assert_true(pg_decoder_feed(&decoder, (const uint8_t *)"\xff\xff", 2, &err));
            assert_false(pg_decoder_feed(&decoder, good + 19, 10, &err));
        }
        free(exact);
    }
    duckdb_destroy_data_chunk(&chunk);
}

static void check_refused(const char *query, const char *part)
{
    AUTO_ARENA arena = arena_new();
    duckdb_result result;
    assert_int_equal(duckdb_query(duck_connection(duck), query, &result), DuckDBSuccess);
    duckdb_logical_type type = duckdb_column_logical_type(&result, 0);
    PgWire wire = pg_wire_natural(arena, "c", type);
    duckdb_destroy_logical_type(&type);
    duckdb_data_chunk chunk = duckdb_fetch_chunk(result);
    PgEncoder encoder = {.wires = &wire, .count = 1};
    idx_t first = 0;
    Error err = {0};
    assert_false(pg_encode_rows(&encoder, chunk, &first, SIZE_MAX, &err));
    if (!strstr(err.message, part)) fail_msg("%s", err.message);
    pg_encoder_free(&encoder);
    duckdb_destroy_data_chunk(&chunk);
    duckdb_destroy_result(&result);
}

static void what_postgres_cannot_hold(void **state)
{
    (void)state;
    check_refused("SELECT unnest([DATE '2000-01-01', DATE '5877642-06-25 (BC)'])",
                  "column 'c', row 2: the date is outside");
    check_refused("SELECT '290309-12-22 (BC) 00:00:00'::TIMESTAMP",
                  "outside of PostgreSQL's range");
    check_refused("SELECT '2000-01-01 00:00:00.000000001'::TIMESTAMP_NS", "no nanoseconds");
    check_refused("SELECT [[1], [2, 3]]", "unequal length");
    check_refused("SELECT [[1], NULL]", "NULL list");
    check_refused("SELECT [[]::INTEGER[]]", "empty list");
}

static void names_of_types(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"1::UTINYINT", "smallint"},       {"1::UINTEGER", "bigint"},
        {"1::UBIGINT", "numeric(20,0)"},   {"1::HUGEINT", "numeric(39,0)"},
        {"'{}'::JSON", "json"},            {"{'a': 1}", "json"},
        {"MAP {'a': 1}", "json"},          {"'x'::ENUM('x')", "text"},
        {"[1,2]::INTEGER[2]", "integer[]"}, {"[[1.5]]", "numeric(2,1)[]"},
        {"'101'::BIT", "text"},            {"now()::TIMESTAMP_S", "timestamp"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        AUTO_ARENA arena = arena_new();
        duckdb_result result;
        const char *sql = arena_printf(arena, "SELECT %s AS c", rows[i][0]);
        assert_int_equal(duckdb_query(duck_connection(duck), sql, &result), DuckDBSuccess);
        duckdb_logical_type type = duckdb_column_logical_type(&result, 0);
        PgWire wire = pg_wire_natural(arena, "c", type);
        assert_string_equal(wire.pg_type, rows[i][1]);
        duckdb_destroy_logical_type(&type);
        duckdb_destroy_result(&result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars),
        cmocka_unit_test(decimals),
        cmocka_unit_test(times),
        cmocka_unit_test(lists),
        cmocka_unit_test(full_chunk),
        cmocka_unit_test(values_that_do_not_fit),
        cmocka_unit_test(arrays_of_another_shape),
        cmocka_unit_test(broken_frames),
        cmocka_unit_test(what_postgres_cannot_hold),
        cmocka_unit_test(names_of_types),
    };
    return cmocka_run_group_tests(tests, open_duck, close_duck);
}
