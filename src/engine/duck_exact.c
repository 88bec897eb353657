/* Scalar functions for SQL that sqlflow writes: conversions that keep the value or fail, at the
 * price of the plain cast. In SQL alone the check costs several times as much. */
#include <math.h>
#include <stdio.h>

#include "engine/duck_internal.h"

static const double PAST_EXACT = 9007199254740992.0; /* 2^53: from here on doubles skip numbers */
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
        bool fits = fabs(from[i]) < PAST_EXACT;
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
           add(duck, DUCK_DAY, DUCKDB_TYPE_TIMESTAMP, DUCKDB_TYPE_DATE, day, err);
}
