/* Types: what a PostgreSQL column becomes in DuckDB, and what a DuckDB column becomes there.
 * Pure functions over type numbers and names; the catalog is asked in columns.c. */
#ifndef SQLFLOW_CONNECTORS_POSTGRES_TYPES_H
#define SQLFLOW_CONNECTORS_POSTGRES_TYPES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

/* Numbers of the built-in types: fixed for all servers. */
enum PgOid {
    OID_BOOL = 16, OID_BYTEA = 17, OID_CHAR = 18, OID_NAME = 19, OID_INT8 = 20, OID_INT2 = 21,
    OID_INT4 = 23, OID_TEXT = 25, OID_OID = 26, OID_JSON = 114, OID_CIDR = 650,
    OID_FLOAT4 = 700, OID_FLOAT8 = 701, OID_UNKNOWN = 705, OID_MACADDR8 = 774,
    OID_MACADDR = 829, OID_INET = 869, OID_BPCHAR = 1042, OID_VARCHAR = 1043, OID_DATE = 1082,
    OID_TIME = 1083, OID_TIMESTAMP = 1114, OID_TIMESTAMPTZ = 1184, OID_INTERVAL = 1186,
    OID_TIMETZ = 1266, OID_BIT = 1560, OID_VARBIT = 1562, OID_NUMERIC = 1700, OID_UUID = 2950,
    OID_JSONB = 3802,
};

/* How a value is laid out on the wire and in the vector. */
typedef enum PgKind {
    KIND_BOOL, KIND_INT2, KIND_INT4, KIND_INT8, KIND_OID, KIND_FLOAT4, KIND_FLOAT8,
    KIND_DECIMAL,        /* numeric with a precision: DECIMAL(width, scale) */
    KIND_NUMERIC_DOUBLE, /* numeric without one, numeric_as: double */
    KIND_NUMERIC_TEXT,   /* … and varchar */
    KIND_TEXT, KIND_BYTEA, KIND_DATE, KIND_TIME, KIND_TIMETZ, KIND_TIMESTAMP, KIND_INTERVAL,
    KIND_UUID, KIND_JSONB, KIND_INET, KIND_MACADDR, KIND_LIST,
} PgKind;

typedef enum PgNumericAs { NUMERIC_VARCHAR, NUMERIC_DOUBLE, NUMERIC_ERROR } PgNumericAs;

/* The scalar (an array's element) of a column. */
typedef struct PgScalar {
    PgKind kind;
    uint8_t width, scale; /* of KIND_DECIMAL */
    bool as_text;         /* no counterpart: selected as ::text */
    bool refused;         /* numeric that numeric_as: error does not let in */
    const char *duck;     /* DuckDB's type name */
} PgScalar;

/* `is_enum` for the types that CREATE TYPE … AS ENUM made. */
PgScalar pg_scalar(Arena *arena, uint32_t oid, int32_t typmod, bool is_enum,
                   PgNumericAs numeric_as);

/* Precision and scale of a numeric typmod; false for an unconstrained one. */
bool pg_numeric_typmod(int32_t typmod, int *precision, int *scale);

#endif
