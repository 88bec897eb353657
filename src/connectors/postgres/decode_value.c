/* One value from its binary form into a vector: exact, or an error that names column and row.
 * DuckDB counts dates from 1970 and knows infinities; PostgreSQL counts from 2000. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "connectors/postgres/decode.h"
#include "connectors/postgres/numeric.h"

enum { DAYS_2000 = 10957 };
static const int64_t MICROS_2000 = 946684800000000;

static bool wrong_size(const PgDecoder *decoder, const PgVector *to, size_t size, Error *err)
{
    return pg_decode_fail(decoder, to->field, err, "a %s of %zu bytes is malformed",
                          to->field->scalar.duck, size);
}

static bool put_text(PgDecoder *decoder, PgVector *to, idx_t at, const char *text, size_t size,
                     Error *err)
{
    if (to->field->check_utf8) {
        size_t bad = utf8_invalid_at(text, size);
        if (bad != size)
            return pg_decode_fail(decoder, to->field, err, "text is not UTF-8 at byte %zu",
                                  bad + 1);
    }
    duckdb_string_t *slot = (duckdb_string_t *)to->data + at;
    if (size > sizeof slot->value.inlined.inlined) {
        duckdb_unsafe_vector_assign_string_element_len(to->vector, at, text, size);
        return true;
    }
    *slot = (duckdb_string_t){0};
    slot->value.inlined.length = (uint32_t)size;
    memcpy(slot->value.inlined.inlined, text, size);
    return true;
}

static void store_decimal(PgVector *to, idx_t at, PgInt128 value)
{
    int width = to->field->scalar.width;
    if (width <= 4)
        ((int16_t *)to->data)[at] = (int16_t)value;
    else if (width <= 9)
        ((int32_t *)to->data)[at] = (int32_t)value;
    else if (width <= 18)
        ((int64_t *)to->data)[at] = (int64_t)value;
    else
        ((duckdb_hugeint *)to->data)[at] =
            (duckdb_hugeint){.lower = (uint64_t)value, .upper = (int64_t)(value >> 64)};
}

static bool put_numeric(PgDecoder *decoder, PgVector *to, idx_t at, const uint8_t *data,
                        size_t size, Error *err)
{
    const PgScalar *scalar = &to->field->scalar;
    PgInt128 value = 0;
    PgNumericResult result;
    AUTO_ARENA scratch = NULL;
    if (to->kind == KIND_DECIMAL) {
        result = pg_numeric_decimal(data, size, scalar->width, scalar->scale, &value);
        if (result == NUMERIC_OK) store_decimal(to, at, value);
    } else {
        scratch = arena_new();
        Buf text = buf_on(scratch);
        result = pg_numeric_text(data, size, &text);
        double number = 0;
        if (result == NUMERIC_OK && to->kind == KIND_NUMERIC_TEXT)
            return put_text(decoder, to, at, buf_text(&text), text.size, err);
        if (result == NUMERIC_OK) number = strtod(buf_text(&text), NULL);
        ((double *)to->data)[at] = number;
    }
    if (result == NUMERIC_OK) return true;
    if (result == NUMERIC_MALFORMED) return wrong_size(decoder, to, size, err);
    pg_decode_fail(decoder, to->field, err,
                   result == NUMERIC_NOT_FINITE ? "NaN and infinity do not fit %s"
                                                : "a numeric does not fit %s",
                   scalar->duck);
    return error_hint(err, "cast the column to text or double precision in 'query'");
}

static bool put_date(PgDecoder *decoder, PgVector *to, idx_t at, const uint8_t *data, Error *err)
{
    int32_t days = (int32_t)pg_u32(data), *out = &((duckdb_date *)to->data)[at].days;
    if (days == INT32_MAX) return *out = INT32_MAX, true;
    if (days == INT32_MIN) return *out = -INT32_MAX, true;
    if (days > INT32_MAX - 1 - DAYS_2000)
        return pg_decode_fail(decoder, to->field, err, "the date lies after DuckDB's last");
    *out = days + DAYS_2000;
    return true;
}

static bool put_timestamp(PgDecoder *decoder, PgVector *to, idx_t at, const uint8_t *data,
                          Error *err)
{
    int64_t micros = (int64_t)pg_u64(data), *out = &((duckdb_timestamp *)to->data)[at].micros;
    if (micros == INT64_MAX) return *out = INT64_MAX, true;
    if (micros == INT64_MIN) return *out = -INT64_MAX, true;
    if (micros > INT64_MAX - 1 - MICROS_2000) {
        pg_decode_fail(decoder, to->field, err,
                       "the timestamp lies after DuckDB's last, 294247-01-10 04:00:54.775806");
        return error_hint(err, "cast the column to text in 'query'");
    }
    *out = micros + MICROS_2000;
    return true;
}

/* DuckDB keeps micros in 40 bits above an offset that sorts: 15:59:59 is 0. The server's zone
 * counts seconds west of Greenwich. */
static bool put_timetz(PgDecoder *decoder, PgVector *to, idx_t at, const uint8_t *data, Error *err)
{
    int64_t micros = (int64_t)pg_u64(data);
    int32_t west = (int32_t)pg_u32(data + 8);
    const int32_t max_offset = 16 * 3600 - 1;
    if (micros < 0 || micros > 86400000000 || west > max_offset || west < -max_offset)
        return pg_decode_fail(decoder, to->field, err, "the time does not fit TIMETZ");
    uint64_t sorted = (uint64_t)(max_offset + west);
    ((duckdb_time_tz *)to->data)[at].bits = (uint64_t)micros << 24 | sorted;
    return true;
}

static bool put_inet(PgDecoder *decoder, PgVector *to, idx_t at, const uint8_t *data, size_t size,
                     Error *err)
{
    enum { FAMILY_4 = 2, FAMILY_6 = 3 };
    if (size < 4) return wrong_size(decoder, to, size, err);
    int family = data[0], bits = data[1], is_cidr = data[2], bytes = data[3];
    int whole = family == FAMILY_4 ? 32 : 128;
    if ((family != FAMILY_4 && family != FAMILY_6) || bytes * 8 != whole ||
        size != 4 + (size_t)bytes || bits > whole)
        return wrong_size(decoder, to, size, err);
    char text[INET6_ADDRSTRLEN + 8];
    inet_ntop(family == FAMILY_4 ? AF_INET : AF_INET6, data + 4, text, INET6_ADDRSTRLEN);
    size_t used = strlen(text);
    if (bits != whole || is_cidr)
        used += (size_t)snprintf(text + used, sizeof text - used, "/%d", bits);
    return put_text(decoder, to, at, text, used, err);
}

static bool put_macaddr(PgDecoder *decoder, PgVector *to, idx_t at, const uint8_t *data,
                        size_t size, Error *err)
{
    if (size != 6 && size != 8) return wrong_size(decoder, to, size, err);
    char text[32];
    size_t used = 0;
    for (size_t i = 0; i < size; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%02x", i ? ":" : "", data[i]);
    return put_text(decoder, to, at, text, used, err);
}

static void put_uuid(PgVector *to, idx_t at, const uint8_t *data)
{
    /* DuckDB flips the top bit so that UUIDs sort as signed numbers. */
    duckdb_hugeint *out = &((duckdb_hugeint *)to->data)[at];
    out->upper = (int64_t)(pg_u64(data) ^ (1ull << 63));
    out->lower = pg_u64(data + 8);
}

static void put_interval(PgVector *to, idx_t at, const uint8_t *data)
{
    ((duckdb_interval *)to->data)[at] = (duckdb_interval){.micros = (int64_t)pg_u64(data),
                                                          .days = (int32_t)pg_u32(data + 8),
                                                          .months = (int32_t)pg_u32(data + 12)};
}

/* Sizes on the wire; 0 for those that vary. */
static const uint8_t sizes[] = {
    [KIND_BOOL] = 1,    [KIND_INT2] = 2,   [KIND_INT4] = 4,       [KIND_INT8] = 8,
    [KIND_OID] = 4,     [KIND_FLOAT4] = 4, [KIND_FLOAT8] = 8,     [KIND_DATE] = 4,
    [KIND_TIME] = 8,    [KIND_TIMETZ] = 12, [KIND_TIMESTAMP] = 8, [KIND_INTERVAL] = 16,
    [KIND_UUID] = 16,   [KIND_LIST] = 0,
};

static bool put_varying(PgDecoder *decoder, PgVector *to, idx_t at, const uint8_t *data,
                        size_t size, Error *err);

bool pg_decode_value(PgDecoder *decoder, PgVector *to, idx_t at, const uint8_t *data, size_t size,
                     Error *err)
{
    PgKind kind = to->kind;
    if (sizes[kind] && sizes[kind] != size) return wrong_size(decoder, to, size, err);
    uint32_t word;
    uint64_t wide;
    switch (kind) {
    case KIND_BOOL: ((bool *)to->data)[at] = data[0] != 0; return true;
    case KIND_INT2: ((int16_t *)to->data)[at] = (int16_t)pg_u16(data); return true;
    case KIND_INT4: ((int32_t *)to->data)[at] = (int32_t)pg_u32(data); return true;
    case KIND_INT8: ((int64_t *)to->data)[at] = (int64_t)pg_u64(data); return true;
    case KIND_OID: ((int64_t *)to->data)[at] = (int64_t)pg_u32(data); return true;
    case KIND_FLOAT4:
        word = pg_u32(data);
        memcpy((float *)to->data + at, &word, sizeof word);
        return true;
    case KIND_FLOAT8:
        wide = pg_u64(data);
        memcpy((double *)to->data + at, &wide, sizeof wide);
        return true;
    case KIND_DATE: return put_date(decoder, to, at, data, err);
    case KIND_TIME: ((duckdb_time *)to->data)[at].micros = (int64_t)pg_u64(data); return true;
    case KIND_TIMESTAMP: return put_timestamp(decoder, to, at, data, err);
    case KIND_TIMETZ: return put_timetz(decoder, to, at, data, err);
    case KIND_INTERVAL: put_interval(to, at, data); return true;
    case KIND_UUID: put_uuid(to, at, data); return true;
    case KIND_TEXT: return put_text(decoder, to, at, (const char *)data, size, err);
    case KIND_DECIMAL: return put_numeric(decoder, to, at, data, size, err);
    case KIND_NUMERIC_DOUBLE:
    case KIND_NUMERIC_TEXT:
    case KIND_BYTEA:
    case KIND_JSONB:
    case KIND_INET:
    case KIND_MACADDR:
    case KIND_LIST: break;
    }
    return put_varying(decoder, to, at, data, size, err);
}

static bool put_varying(PgDecoder *decoder, PgVector *to, idx_t at, const uint8_t *data,
                        size_t size, Error *err)
{
    if (to->kind == KIND_LIST) return pg_decode_list(decoder, to, at, data, size, err);
    if (to->kind == KIND_INET) return put_inet(decoder, to, at, data, size, err);
    if (to->kind == KIND_MACADDR) return put_macaddr(decoder, to, at, data, size, err);
    if (to->kind == KIND_BYTEA) {
        duckdb_unsafe_vector_assign_string_element_len(to->vector, at, (const char *)data, size);
        return true;
    }
    if (to->kind == KIND_JSONB) {
        if (size < 1 || data[0] != 1)
            return pg_decode_fail(decoder, to->field, err, "jsonb of an unknown version");
        return put_text(decoder, to, at, (const char *)data + 1, size - 1, err);
    }
    return put_numeric(decoder, to, at, data, size, err);
}
