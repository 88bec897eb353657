/* Scalar functions for SQL that sqlflow writes: conversions that keep the value or fail, at the
 * price of the plain cast. In SQL alone the check costs several times as much. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"
#include "engine/duck_internal.h"
#include "engine/numbers.h"

static const int64_t DAY_US = 86400000000;

/* Rows of a chunk, with what says which of input and output are NULL. */
typedef struct Conversion {
    idx_t count;
    const void *from;
    void *to;
    uint64_t *from_valid, *to_valid; /* from_valid NULL: all are */
} Conversion;

static Conversion begin(duckdb_data_chunk input, duckdb_vector output) {
    duckdb_vector vector = duckdb_data_chunk_get_vector(input, 0);
    duckdb_vector_ensure_validity_writable(output);
    return (Conversion){.count = duckdb_data_chunk_get_size(input),
                        .from = duckdb_vector_get_data(vector),
                        .to = duckdb_vector_get_data(output),
                        .from_valid = duckdb_vector_get_validity(vector),
                        .to_valid = duckdb_vector_get_validity(output)};
}

static bool is_null(const Conversion *c, idx_t row) {
    return c->from_valid != NULL && (c->from_valid[row / 64] >> row % 64 & 1) == 0;
}

static void set_null(const Conversion *c, idx_t row) {
    c->to_valid[row / 64] &= ~(UINT64_C(1) << row % 64);
}

static void whole(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
    Conversion c = begin(input, output);
    const double *from = c.from;
    int64_t *to = c.to;
    for (idx_t i = 0; i < c.count; i++) {
        bool fits = fabs(from[i]) < NUMBER_PAST_EXACT;
        to[i] = fits ? (int64_t)from[i] : 0;
        if (fits && (double)to[i] == from[i] && !is_null(&c, i)) continue;
        if (!is_null(&c, i)) {
            char message[128];
            snprintf(message, sizeof message, DUCK_INEXACT ": %.17g is no whole number below 2^53",
                     from[i]);
            duckdb_scalar_function_set_error(info, message);
            return;
        }
        set_null(&c, i);
    }
}

static void day(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
    Conversion c = begin(input, output);
    const int64_t *from = c.from;
    int32_t *to = c.to;
    for (idx_t i = 0; i < c.count; i++) {
        bool infinite = from[i] == INT64_MAX || from[i] == -INT64_MAX;
        if (is_null(&c, i)) {
            set_null(&c, i);
        } else if (infinite) {
            to[i] = from[i] > 0 ? INT32_MAX : -INT32_MAX;
        } else if (from[i] % DAY_US == 0) {
            to[i] = (int32_t)(from[i] / DAY_US);
        } else {
            duckdb_scalar_function_set_error(info, DUCK_INEXACT ": a date has a time of day");
            return;
        }
    }
}

static bool read_digits(const char *at, size_t count, int64_t *value) {
    for (*value = 0; count > 0; at++, count--) {
        if (*at < '0' || *at > '9') return false;
        *value = *value * 10 + (*at - '0');
    }
    return true;
}

/* Howard Hinnant's days since 1970-01-01. */
static int64_t days_from_civil(int64_t year, int64_t month, int64_t day) {
    year -= month <= 2;
    int64_t era = year / 400, of_era = year - era * 400;
    int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool read_day(const char *text, int64_t *us) {
    static const int lengths[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t year, month, day;
    if (!read_digits(text, 4, &year) || text[4] != '-' || !read_digits(text + 5, 2, &month) ||
        text[7] != '-' || !read_digits(text + 8, 2, &day))
        return false;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > lengths[month - 1] ||
        (month == 2 && day == 29 && !leap))
        return false;
    *us = days_from_civil(year, month, day) * DAY_US;
    return true;
}

/* :30 or :30.123456 */
static bool read_seconds(const char *text, size_t size, int64_t *us) {
    int64_t second, fraction = 0;
    size_t digits = size > 4 ? size - 4 : 0;
    if (size < 3 || text[0] != ':' || !read_digits(text + 1, 2, &second) || second > 59)
        return false;
    if (size > 3 && (digits == 0 || digits > 6 || text[3] != '.' ||
                     !read_digits(text + 4, digits, &fraction)))
        return false;
    for (; digits < 6; digits++) fraction *= 10;
    *us += second * 1000000 + fraction;
    return true;
}

/* 2026-01-31, which 10:00, 10:00:30 or 10:00:30.123456 may follow behind a space or T. */
static bool read_moment(const char *text, size_t size, int64_t *us) {
    int64_t hour, minute;
    if (size < 10 || !read_day(text, us)) return false;
    if (size == 10) return true;
    if (size < 16 || (text[10] != ' ' && text[10] != 'T') || text[13] != ':' ||
        !read_digits(text + 11, 2, &hour) || !read_digits(text + 14, 2, &minute) || hour > 23 ||
        minute > 59)
        return false;
    *us += (hour * 60 + minute) * 60000000;
    return size == 16 || read_seconds(text + 16, size - 16, us);
}

static void moment(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
    Conversion c = begin(input, output);
    duckdb_string_t *from = (duckdb_string_t *)(uintptr_t)c.from;
    int64_t *to = c.to;
    for (idx_t i = 0; i < c.count; i++) {
        if (is_null(&c, i)) {
            set_null(&c, i);
        } else if (!read_moment(duckdb_string_t_data(&from[i]), duckdb_string_t_length(from[i]),
                                &to[i])) {
            duckdb_scalar_function_set_error(info, DUCK_INEXACT ": a time has another form");
            return;
        }
    }
}

static void instant(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
    Conversion c = begin(input, output);
    const int64_t *from = c.from;
    int64_t *to = c.to;
    for (idx_t i = 0; i < c.count; i++) {
        bool infinite = from[i] == INT64_MAX || from[i] == -INT64_MAX;
        if (is_null(&c, i)) {
            set_null(&c, i);
        } else if (infinite || from[i] % 1000 == 0) {
            to[i] = infinite ? from[i] : from[i] / 1000;
        } else {
            duckdb_scalar_function_set_error(info, DUCK_INEXACT ": a time has nanoseconds");
            return;
        }
    }
}

static bool is_valid(const uint64_t *valid, idx_t row) {
    return valid == NULL || (valid[row / 64] >> row % 64 & 1) != 0;
}

static bool doubles_near(const double *values, const uint64_t *valid, idx_t count) {
    for (idx_t i = 0; i < count; i++)
        if (!(fabs(values[i]) < NUMBER_PAST_EXACT) && is_valid(valid, i)) return false;
    return true;
}

static bool json_near(duckdb_string_t *values, const uint64_t *valid, idx_t count) {
    for (idx_t i = 0; i < count; i++) {
        if (!is_valid(valid, i)) continue;
        const char *text = duckdb_string_t_data(&values[i]);
        if (number_is_past_exact(text, duckdb_string_t_length(values[i]))) return false;
    }
    return true;
}

static bool is_json(duckdb_logical_type type) {
    char *alias = duckdb_logical_type_get_alias(type);
    bool json = alias != NULL && str_eq(alias, "JSON");
    duckdb_free(alias);
    return json;
}

/* Every double and JSON value in a vector of `count` values, at any depth. */
static bool vector_near(duckdb_vector vector, idx_t count) {
    AUTO_TYPE type = duckdb_vector_get_column_type(vector);
    duckdb_type id = duckdb_get_type_id(type);
    void *data = duckdb_vector_get_data(vector);
    const uint64_t *valid = duckdb_vector_get_validity(vector);
    if (id == DUCKDB_TYPE_DOUBLE) return doubles_near(data, valid, count);
    if (id == DUCKDB_TYPE_VARCHAR) return !is_json(type) || json_near(data, valid, count);
    if (id == DUCKDB_TYPE_LIST || id == DUCKDB_TYPE_MAP)
        return vector_near(duckdb_list_vector_get_child(vector),
                           duckdb_list_vector_get_size(vector));
    idx_t children = id == DUCKDB_TYPE_STRUCT ? duckdb_struct_type_child_count(type) : 0;
    for (idx_t i = 0; i < children; i++)
        if (!vector_near(duckdb_struct_vector_get_child(vector, i), count)) return false;
    return true;
}

static void set_true(duckdb_vector output, idx_t count) {
    bool *to = duckdb_vector_get_data(output);
    for (idx_t i = 0; i < count; i++) to[i] = true;
}

static void near(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
    idx_t count = duckdb_data_chunk_get_size(input);
    set_true(output, count);
    if (!vector_near(duckdb_data_chunk_get_vector(input, 0), count))
        duckdb_scalar_function_set_error(info, DUCK_INEXACT ": a number is 2^53 or more");
}

static bool is_short(double value) {
    char text[32];
    if (!(fabs(value) < NUMBER_PAST_EXACT)) return false;
    if (fabs(value) < 1e15 && value == (double)(int64_t)value) return true;
    snprintf(text, sizeof text, "%.15g", value);
    return strtod(text, NULL) == value;
}

static void short_number(duckdb_function_info info, duckdb_data_chunk input,
                         duckdb_vector output) {
    idx_t count = duckdb_data_chunk_get_size(input);
    duckdb_vector vector = duckdb_data_chunk_get_vector(input, 0);
    const double *from = duckdb_vector_get_data(vector);
    const uint64_t *valid = duckdb_vector_get_validity(vector);
    set_true(output, count);
    for (idx_t i = 0; i < count; i++) {
        if (!is_valid(valid, i) || is_short(from[i])) continue;
        duckdb_scalar_function_set_error(info, DUCK_INEXACT ": a number has more than 15 digits");
        return;
    }
}

static bool is_kept(const char *text, size_t size) {
    Number number;
    for (; size > 0 && (*text == ' ' || *text == '\t' || *text == '+'); text++) size--;
    return !number_read(text, size, &number) || number.kept ||
           fabs(number.value) < NUMBER_PAST_EXACT;
}

static void kept(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
    (void)info;
    idx_t count = duckdb_data_chunk_get_size(input);
    duckdb_vector vector = duckdb_data_chunk_get_vector(input, 0);
    duckdb_string_t *from = duckdb_vector_get_data(vector);
    const uint64_t *valid = duckdb_vector_get_validity(vector);
    bool *to = duckdb_vector_get_data(output);
    for (idx_t i = 0; i < count; i++)
        to[i] = !is_valid(valid, i) ||
                is_kept(duckdb_string_t_data(&from[i]), duckdb_string_t_length(from[i]));
}

static bool add(Duck *duck, const char *name, duckdb_type from, duckdb_type to,
                duckdb_scalar_function_t function, Error *err) {
    AUTO_TYPE parameter = duckdb_create_logical_type(from);
    AUTO_TYPE result = duckdb_create_logical_type(to);
    duckdb_scalar_function scalar = duckdb_create_scalar_function();
    duckdb_scalar_function_set_name(scalar, name);
    duckdb_scalar_function_add_parameter(scalar, parameter);
    duckdb_scalar_function_set_return_type(scalar, result);
    duckdb_scalar_function_set_function(scalar, function);
    bool ok = duckdb_register_scalar_function(duck->connection, scalar) == DuckDBSuccess;
    duckdb_destroy_scalar_function(&scalar);
    return ok || error_set(err, ERR_INTERNAL, SPAN_NONE, "DuckDB refuses the function %s", name);
}

bool duck_add_exact(Duck *duck, Error *err) {
    return add(duck, DUCK_WHOLE, DUCKDB_TYPE_DOUBLE, DUCKDB_TYPE_BIGINT, whole, err) &&
           add(duck, DUCK_DAY, DUCKDB_TYPE_TIMESTAMP, DUCKDB_TYPE_DATE, day, err) &&
           add(duck, DUCK_MOMENT, DUCKDB_TYPE_VARCHAR, DUCKDB_TYPE_TIMESTAMP, moment, err) &&
           add(duck, DUCK_INSTANT, DUCKDB_TYPE_TIMESTAMP_NS, DUCKDB_TYPE_TIMESTAMP_TZ, instant,
               err) &&
           add(duck, DUCK_NEAR, DUCKDB_TYPE_ANY, DUCKDB_TYPE_BOOLEAN, near, err) &&
           add(duck, DUCK_SHORT, DUCKDB_TYPE_DOUBLE, DUCKDB_TYPE_BOOLEAN, short_number, err) &&
           add(duck, DUCK_KEPT, DUCKDB_TYPE_VARCHAR, DUCKDB_TYPE_BOOLEAN, kept, err);
}
