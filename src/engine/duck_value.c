/* Values out of vectors, for types that rows_text does not write itself: DuckDB's own value of the
 * row is made, whose text is exactly its VARCHAR cast. Not for hot paths. */
#include <string.h>

#include "engine/duck_internal.h"

static bool is_valid(duckdb_vector vector, idx_t row) {
    uint64_t *validity = duckdb_vector_get_validity(vector);
    return validity == NULL || duckdb_validity_row_is_valid(validity, row);
}

#define READ(Type) (((const Type *)data)[row])

static duckdb_value decimal_value(const void *data, duckdb_logical_type type, idx_t row) {
    duckdb_decimal out = {.width = duckdb_decimal_width(type), .scale = duckdb_decimal_scale(type)};
    duckdb_type storage = duckdb_decimal_internal_type(type);
    if (storage == DUCKDB_TYPE_HUGEINT) {
        out.value = READ(duckdb_hugeint);
    } else {
        int64_t small = storage == DUCKDB_TYPE_SMALLINT  ? READ(int16_t)
                        : storage == DUCKDB_TYPE_INTEGER ? READ(int32_t)
                                                         : READ(int64_t);
        out.value = (duckdb_hugeint){.lower = (uint64_t)small, .upper = small < 0 ? -1 : 0};
    }
    return duckdb_create_decimal(out);
}

static duckdb_value enum_value(const void *data, duckdb_logical_type type, idx_t row) {
    duckdb_type storage = duckdb_enum_internal_type(type);
    uint64_t index = storage == DUCKDB_TYPE_UTINYINT    ? READ(uint8_t)
                     : storage == DUCKDB_TYPE_USMALLINT ? READ(uint16_t)
                                                        : READ(uint32_t);
    return duckdb_create_enum_value(type, index);
}

/* A UUID is kept with its highest bit flipped, so that it sorts as a signed number. */
static duckdb_value uuid_value(const void *data, idx_t row) {
    duckdb_hugeint raw = READ(duckdb_hugeint);
    return duckdb_create_uuid((duckdb_uhugeint){
        .lower = raw.lower, .upper = (uint64_t)raw.upper ^ (UINT64_C(1) << 63)});
}

static duckdb_value bignum_value(Arena *arena, duckdb_string_t *raw) {
    /* Three bytes of header: the sign's bit is set for numbers >= 0, and a negative number has all
     * its bytes flipped. */
    enum { HEADER = 3 };
    const uint8_t *bytes = (const uint8_t *)duckdb_string_t_data(raw);
    size_t size = duckdb_string_t_length(*raw);
    if (size <= HEADER) return duckdb_create_null_value();
    bool negative = (bytes[0] & 0x80) == 0;
    uint8_t *digits = arena_alloc(arena, size - HEADER);
    for (size_t i = HEADER; i < size; i++)
        digits[i - HEADER] = negative ? (uint8_t)~bytes[i] : bytes[i];
    return duckdb_create_bignum(
        (duckdb_bignum){.data = digits, .size = size - HEADER, .is_negative = negative});
}

static duckdb_value string_value(const void *data, duckdb_type id, idx_t row) {
    AUTO_ARENA arena = arena_new();
    duckdb_string_t raw = READ(duckdb_string_t);
    const char *bytes = duckdb_string_t_data(&raw);
    idx_t size = duckdb_string_t_length(raw);
    if (id == DUCKDB_TYPE_BLOB) return duckdb_create_blob((const uint8_t *)bytes, size);
    if (id == DUCKDB_TYPE_BIT) {
        uint8_t *copy = arena_alloc(arena, size + 1);
        memcpy(copy, bytes, size);
        return duckdb_create_bit((duckdb_bit){.data = copy, .size = size});
    }
    if (id == DUCKDB_TYPE_BIGNUM) return bignum_value(arena, &raw);
    return duckdb_create_varchar_length(bytes, size);
}

static void destroy_all(duckdb_value *values, idx_t count) {
    for (idx_t i = 0; i < count; i++) duckdb_destroy_value(&values[i]);
}

static duckdb_value list_value(duckdb_vector vector, duckdb_logical_type type, idx_t row) {
    AUTO_ARENA arena = arena_new();
    bool fixed = duckdb_get_type_id(type) == DUCKDB_TYPE_ARRAY;
    AUTO_TYPE child_type =
        fixed ? duckdb_array_type_child_type(type) : duckdb_list_type_child_type(type);
    duckdb_vector child =
        fixed ? duckdb_array_vector_get_child(vector) : duckdb_list_vector_get_child(vector);
    idx_t count = fixed ? duckdb_array_type_array_size(type) : 0, start = row * count;
    if (!fixed) {
        duckdb_list_entry entry = ((duckdb_list_entry *)duckdb_vector_get_data(vector))[row];
        count = entry.length;
        start = entry.offset;
    }
    duckdb_value *values = ARENA_ARRAY(arena, duckdb_value, count + 1);
    for (idx_t i = 0; i < count; i++) values[i] = duck_value(child, child_type, start + i);
    duckdb_value out = fixed ? duckdb_create_array_value(child_type, values, count)
                             : duckdb_create_list_value(child_type, values, count);
    destroy_all(values, count);
    return out;
}

static duckdb_value struct_value(duckdb_vector vector, duckdb_logical_type type, idx_t row) {
    AUTO_ARENA arena = arena_new();
    idx_t count = duckdb_struct_type_child_count(type);
    duckdb_value *values = ARENA_ARRAY(arena, duckdb_value, count + 1);
    for (idx_t i = 0; i < count; i++) {
        AUTO_TYPE child_type = duckdb_struct_type_child_type(type, i);
        values[i] = duck_value(duckdb_struct_vector_get_child(vector, i), child_type, row);
    }
    duckdb_value out = duckdb_create_struct_value(type, values);
    destroy_all(values, count);
    return out;
}

/* A MAP is a list of structs of key and value. */
static duckdb_value map_value(duckdb_vector vector, duckdb_logical_type type, idx_t row) {
    AUTO_ARENA arena = arena_new();
    AUTO_TYPE key_type = duckdb_map_type_key_type(type);
    AUTO_TYPE value_type = duckdb_map_type_value_type(type);
    duckdb_vector entries = duckdb_list_vector_get_child(vector);
    duckdb_vector keys = duckdb_struct_vector_get_child(entries, 0);
    duckdb_vector items = duckdb_struct_vector_get_child(entries, 1);
    duckdb_list_entry entry = ((duckdb_list_entry *)duckdb_vector_get_data(vector))[row];
    duckdb_value *key_values = ARENA_ARRAY(arena, duckdb_value, entry.length + 1);
    duckdb_value *values = ARENA_ARRAY(arena, duckdb_value, entry.length + 1);
    for (idx_t i = 0; i < entry.length; i++) {
        key_values[i] = duck_value(keys, key_type, entry.offset + i);
        values[i] = duck_value(items, value_type, entry.offset + i);
    }
    duckdb_value out = duckdb_create_map_value(type, key_values, values, entry.length);
    destroy_all(key_values, entry.length);
    destroy_all(values, entry.length);
    return out;
}

static duckdb_value time_value(const void *data, duckdb_type id, idx_t row) {
    switch ((int)id) {
    case DUCKDB_TYPE_DATE: return duckdb_create_date(READ(duckdb_date));
    case DUCKDB_TYPE_TIME: return duckdb_create_time(READ(duckdb_time));
    case DUCKDB_TYPE_TIME_NS: return duckdb_create_time_ns(READ(duckdb_time_ns));
    case DUCKDB_TYPE_TIME_TZ: return duckdb_create_time_tz_value(READ(duckdb_time_tz));
    case DUCKDB_TYPE_TIMESTAMP: return duckdb_create_timestamp(READ(duckdb_timestamp));
    case DUCKDB_TYPE_TIMESTAMP_TZ: return duckdb_create_timestamp_tz(READ(duckdb_timestamp));
    case DUCKDB_TYPE_TIMESTAMP_S: return duckdb_create_timestamp_s(READ(duckdb_timestamp_s));
    case DUCKDB_TYPE_TIMESTAMP_MS: return duckdb_create_timestamp_ms(READ(duckdb_timestamp_ms));
    case DUCKDB_TYPE_TIMESTAMP_NS: return duckdb_create_timestamp_ns(READ(duckdb_timestamp_ns));
    case DUCKDB_TYPE_INTERVAL: return duckdb_create_interval(READ(duckdb_interval));
    default: return duckdb_create_null_value();
    }
}

duckdb_value duck_value(duckdb_vector vector, duckdb_logical_type type, idx_t row) {
    if (!is_valid(vector, row)) return duckdb_create_null_value();
    const void *data = duckdb_vector_get_data(vector);
    duckdb_type id = duckdb_get_type_id(type);
    switch ((int)id) {
    case DUCKDB_TYPE_BOOLEAN: return duckdb_create_bool(READ(bool));
    case DUCKDB_TYPE_TINYINT: return duckdb_create_int8(READ(int8_t));
    case DUCKDB_TYPE_SMALLINT: return duckdb_create_int16(READ(int16_t));
    case DUCKDB_TYPE_INTEGER: return duckdb_create_int32(READ(int32_t));
    case DUCKDB_TYPE_BIGINT: return duckdb_create_int64(READ(int64_t));
    case DUCKDB_TYPE_UTINYINT: return duckdb_create_uint8(READ(uint8_t));
    case DUCKDB_TYPE_USMALLINT: return duckdb_create_uint16(READ(uint16_t));
    case DUCKDB_TYPE_UINTEGER: return duckdb_create_uint32(READ(uint32_t));
    case DUCKDB_TYPE_UBIGINT: return duckdb_create_uint64(READ(uint64_t));
    case DUCKDB_TYPE_HUGEINT: return duckdb_create_hugeint(READ(duckdb_hugeint));
    case DUCKDB_TYPE_UHUGEINT: return duckdb_create_uhugeint(READ(duckdb_uhugeint));
    case DUCKDB_TYPE_FLOAT: return duckdb_create_float(READ(float));
    case DUCKDB_TYPE_DOUBLE: return duckdb_create_double(READ(double));
    case DUCKDB_TYPE_DECIMAL: return decimal_value(data, type, row);
    case DUCKDB_TYPE_ENUM: return enum_value(data, type, row);
    case DUCKDB_TYPE_UUID: return uuid_value(data, row);
    case DUCKDB_TYPE_LIST:
    case DUCKDB_TYPE_ARRAY: return list_value(vector, type, row);
    case DUCKDB_TYPE_STRUCT: return struct_value(vector, type, row);
    case DUCKDB_TYPE_MAP: return map_value(vector, type, row);
    case DUCKDB_TYPE_VARCHAR:
    case DUCKDB_TYPE_BLOB:
    case DUCKDB_TYPE_BIT:
    case DUCKDB_TYPE_BIGNUM: return string_value(data, id, row);
    default: return time_value(data, id, row);
    }
}
