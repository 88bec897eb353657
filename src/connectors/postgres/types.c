/* The table of types. Enums and network addresses become VARCHAR: their sets of values and their
 * order are the server's. */
#include "connectors/postgres/types.h"

#include <stddef.h>

static const struct {
    uint32_t oid;
    PgKind kind;
    const char *duck;
} fixed[] = {
    {OID_BOOL, KIND_BOOL, "BOOLEAN"},
    {OID_INT2, KIND_INT2, "SMALLINT"},
    {OID_INT4, KIND_INT4, "INTEGER"},
    {OID_INT8, KIND_INT8, "BIGINT"},
    {OID_OID, KIND_OID, "BIGINT"},
    {OID_FLOAT4, KIND_FLOAT4, "FLOAT"},
    {OID_FLOAT8, KIND_FLOAT8, "DOUBLE"},
    {OID_TEXT, KIND_TEXT, "VARCHAR"},
    {OID_VARCHAR, KIND_TEXT, "VARCHAR"},
    {OID_BPCHAR, KIND_TEXT, "VARCHAR"},
    {OID_NAME, KIND_TEXT, "VARCHAR"},
    {OID_UNKNOWN, KIND_TEXT, "VARCHAR"},
    {OID_JSON, KIND_TEXT, "JSON"},
    {OID_JSONB, KIND_JSONB, "JSON"},
    {OID_BYTEA, KIND_BYTEA, "BLOB"},
    {OID_DATE, KIND_DATE, "DATE"},
    {OID_TIME, KIND_TIME, "TIME"},
    {OID_TIMETZ, KIND_TIMETZ, "TIME WITH TIME ZONE"},
    {OID_TIMESTAMP, KIND_TIMESTAMP, "TIMESTAMP"},
    {OID_TIMESTAMPTZ, KIND_TIMESTAMP, "TIMESTAMP WITH TIME ZONE"},
    {OID_INTERVAL, KIND_INTERVAL, "INTERVAL"},
    {OID_UUID, KIND_UUID, "UUID"},
    {OID_INET, KIND_INET, "VARCHAR"},
    {OID_CIDR, KIND_INET, "VARCHAR"},
    {OID_MACADDR, KIND_MACADDR, "VARCHAR"},
    {OID_MACADDR8, KIND_MACADDR, "VARCHAR"},
};

bool pg_numeric_typmod(int32_t typmod, int *precision, int *scale)
{
    if (typmod < 4) return false;
    *precision = ((typmod - 4) >> 16) & 0xffff;
    *scale = (((typmod - 4) & 0x7ff) ^ 1024) - 1024; /* 11 bits with sign since version 15 */
    return true;
}

static PgScalar numeric(Arena *arena, int32_t typmod, PgNumericAs numeric_as)
{
    int precision = 0, scale = 0;
    if (pg_numeric_typmod(typmod, &precision, &scale)) {
        /* numeric(3,-2) holds 99900, numeric(2,5) holds 0.00099. */
        int width = scale < 0 ? precision - scale : scale > precision ? scale : precision;
        if (scale < 0) scale = 0;
        if (width <= 38)
            return (PgScalar){.kind = KIND_DECIMAL, .width = (uint8_t)width,
                              .scale = (uint8_t)scale,
                              .duck = arena_printf(arena, "DECIMAL(%d,%d)", width, scale)};
    }
    if (numeric_as == NUMERIC_DOUBLE)
        return (PgScalar){.kind = KIND_NUMERIC_DOUBLE, .duck = "DOUBLE"};
    return (PgScalar){.kind = KIND_NUMERIC_TEXT, .duck = "VARCHAR",
                      .refused = numeric_as == NUMERIC_ERROR};
}

PgScalar pg_scalar(Arena *arena, uint32_t oid, int32_t typmod, bool is_enum,
                   PgNumericAs numeric_as)
{
    if (oid == OID_NUMERIC) return numeric(arena, typmod, numeric_as);
    if (is_enum) return (PgScalar){.kind = KIND_TEXT, .duck = "VARCHAR"};
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        if (fixed[i].oid == oid)
            return (PgScalar){.kind = fixed[i].kind, .duck = fixed[i].duck};
    return (PgScalar){.kind = KIND_TEXT, .as_text = true, .duck = "VARCHAR"};
}
