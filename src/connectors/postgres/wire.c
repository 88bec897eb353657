/* The table of types on the way out. What PostgreSQL lacks becomes the next wider type that it
 * has; nothing is rounded here. */
#include "connectors/postgres/wire.h"

static const struct {
    duckdb_type source;
    PgKind kind;
    uint32_t oid;
    const char *pg_type;
    const char *duck; /* the type to select it as */
    bool cast;        /* because the vector is another */
} naturals[] = {
    {DUCKDB_TYPE_BOOLEAN, KIND_BOOL, OID_BOOL, "boolean", "BOOLEAN", false},
    {DUCKDB_TYPE_TINYINT, KIND_INT2, OID_INT2, "smallint", "TINYINT", false},
    {DUCKDB_TYPE_SMALLINT, KIND_INT2, OID_INT2, "smallint", "SMALLINT", false},
    {DUCKDB_TYPE_INTEGER, KIND_INT4, OID_INT4, "integer", "INTEGER", false},
    {DUCKDB_TYPE_BIGINT, KIND_INT8, OID_INT8, "bigint", "BIGINT", false},
    {DUCKDB_TYPE_UTINYINT, KIND_INT2, OID_INT2, "smallint", "UTINYINT", false},
    {DUCKDB_TYPE_USMALLINT, KIND_INT4, OID_INT4, "integer", "USMALLINT", false},
    {DUCKDB_TYPE_UINTEGER, KIND_INT8, OID_INT8, "bigint", "UINTEGER", false},
    {DUCKDB_TYPE_UBIGINT, KIND_DECIMAL, OID_NUMERIC, "numeric(20,0)", "UBIGINT", false},
    {DUCKDB_TYPE_HUGEINT, KIND_DECIMAL, OID_NUMERIC, "numeric(39,0)", "HUGEINT", false},
    {DUCKDB_TYPE_FLOAT, KIND_FLOAT4, OID_FLOAT4, "real", "FLOAT", false},
    {DUCKDB_TYPE_DOUBLE, KIND_FLOAT8, OID_FLOAT8, "double precision", "DOUBLE", false},
    {DUCKDB_TYPE_VARCHAR, KIND_TEXT, OID_TEXT, "text", "VARCHAR", false},
    {DUCKDB_TYPE_BLOB, KIND_BYTEA, OID_BYTEA, "bytea", "BLOB", false},
    {DUCKDB_TYPE_DATE, KIND_DATE, OID_DATE, "date", "DATE", false},
    {DUCKDB_TYPE_TIME, KIND_TIME, OID_TIME, "time", "TIME", false},
    {DUCKDB_TYPE_TIME_TZ, KIND_TIMETZ, OID_TIMETZ, "time with time zone", "TIMETZ", false},
    {DUCKDB_TYPE_TIMESTAMP, KIND_TIMESTAMP, OID_TIMESTAMP, "timestamp", "TIMESTAMP", false},
    {DUCKDB_TYPE_TIMESTAMP_NS, KIND_TIMESTAMP, OID_TIMESTAMP, "timestamp", "TIMESTAMP_NS", false},
    {DUCKDB_TYPE_TIMESTAMP_S, KIND_TIMESTAMP, OID_TIMESTAMP, "timestamp", "TIMESTAMP", true},
    {DUCKDB_TYPE_TIMESTAMP_MS, KIND_TIMESTAMP, OID_TIMESTAMP, "timestamp", "TIMESTAMP", true},
    {DUCKDB_TYPE_TIMESTAMP_TZ, KIND_TIMESTAMP, OID_TIMESTAMPTZ, "timestamp with time zone",
     "TIMESTAMPTZ", false},
    {DUCKDB_TYPE_INTERVAL, KIND_INTERVAL, OID_INTERVAL, "interval", "INTERVAL", false},
    {DUCKDB_TYPE_UUID, KIND_UUID, OID_UUID, "uuid", "UUID", false},
};

static bool is_json(duckdb_logical_type type)
{
    char *alias = duckdb_logical_type_get_alias(type);
    bool json = str_ieq(alias, "JSON");
    if (alias) duckdb_free(alias);
    return json;
}

/* The leaf's form; *duck gets the type that it must have in the vector, *cast whether the query's
 * column has another. */
static void natural_leaf(Arena *arena, PgWire *wire, duckdb_logical_type type, const char **duck,
                         bool *cast)
{
    duckdb_type id = duckdb_get_type_id(type);
    *cast = false;
    if (id == DUCKDB_TYPE_DECIMAL) {
        wire->source = id;
        wire->width = duckdb_decimal_width(type);
        wire->scale = duckdb_decimal_scale(type);
        wire->kind = KIND_DECIMAL;
        wire->oid = OID_NUMERIC;
        wire->pg_type = arena_printf(arena, "numeric(%d,%d)", wire->width, wire->scale);
        *duck = arena_printf(arena, "DECIMAL(%d,%d)", wire->width, wire->scale);
        return;
    }
    bool json = id == DUCKDB_TYPE_VARCHAR && is_json(type);
    for (size_t i = 0; !json && i < sizeof naturals / sizeof *naturals; i++) {
        if (naturals[i].source != id) continue;
        *cast = naturals[i].cast;
        wire->source = *cast ? DUCKDB_TYPE_TIMESTAMP : id;
        wire->kind = naturals[i].kind;
        wire->oid = naturals[i].oid;
        wire->pg_type = naturals[i].pg_type;
        *duck = naturals[i].duck;
        return;
    }
    wire->source = DUCKDB_TYPE_VARCHAR;
    wire->kind = KIND_TEXT;
    wire->oid = json ? OID_JSON : OID_TEXT;
    wire->pg_type = json ? "json" : "text";
    *duck = "VARCHAR";
    *cast = true;
}

static void select_list(Arena *arena, PgWire *wire, const char *leaf)
{
    const char *ident = sql_ident(arena, wire->name), *type = leaf;
    for (int i = 0; i < wire->depth; i++) type = arena_printf(arena, "%s[]", type);
    wire->select = arena_printf(arena, "CAST(%s AS %s) AS %s", ident, type, ident);
}

PgWire pg_wire_natural(Arena *arena, const char *name, duckdb_logical_type type)
{
    PgWire wire = {.name = name};
    const char *ident = sql_ident(arena, name), *duck = NULL;
    bool fixed = false, cast = false;
    duckdb_logical_type leaf = type, owned = NULL;
    duckdb_type id = duckdb_get_type_id(leaf);
    for (; id == DUCKDB_TYPE_LIST || id == DUCKDB_TYPE_ARRAY; id = duckdb_get_type_id(leaf)) {
        fixed = fixed || id == DUCKDB_TYPE_ARRAY;
        leaf = id == DUCKDB_TYPE_LIST ? duckdb_list_type_child_type(leaf)
                                      : duckdb_array_type_child_type(leaf);
        if (owned) duckdb_destroy_logical_type(&owned);
        owned = leaf;
        wire.depth++;
    }
    natural_leaf(arena, &wire, leaf, &duck, &cast);
    wire.select = ident;
    if (id == DUCKDB_TYPE_STRUCT || id == DUCKDB_TYPE_MAP || id == DUCKDB_TYPE_UNION) {
        wire.depth = 0;
        wire.oid = OID_JSON;
        wire.pg_type = "json";
        wire.select = arena_printf(arena, "to_json(%s)::VARCHAR AS %s", ident, ident);
    } else if (cast || fixed) {
        select_list(arena, &wire, duck);
    }
    if (wire.depth) wire.pg_type = arena_printf(arena, "%s[]", wire.pg_type);
    if (owned) duckdb_destroy_logical_type(&owned);
    return wire;
}

/* Decimal digits before the point that an integer type can need. */
static int integer_digits(duckdb_type type)
{
    static const struct {
        duckdb_type type;
        int digits;
    } table[] = {{DUCKDB_TYPE_TINYINT, 3},   {DUCKDB_TYPE_UTINYINT, 3}, {DUCKDB_TYPE_SMALLINT, 5},
                 {DUCKDB_TYPE_USMALLINT, 5}, {DUCKDB_TYPE_INTEGER, 10}, {DUCKDB_TYPE_UINTEGER, 10},
                 {DUCKDB_TYPE_BIGINT, 19},   {DUCKDB_TYPE_UBIGINT, 20}, {DUCKDB_TYPE_HUGEINT, 39}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].type == type) return table[i].digits;
    return 0;
}

static bool numeric_fits(const PgWire *wire, const PgColumn *target)
{
    int digits = wire->source == DUCKDB_TYPE_DECIMAL ? wire->width - wire->scale
                                                     : integer_digits(wire->source);
    int precision = 0, scale = 0;
    if (wire->source != DUCKDB_TYPE_DECIMAL && digits == 0) return false;
    if (!pg_numeric_typmod(target->typmod, &precision, &scale)) return true;
    return scale >= wire->scale && precision - scale >= digits;
}

static bool integer_fits(const PgWire *wire, uint32_t oid)
{
    int digits = integer_digits(wire->source);
    if (digits == 0) return false;
    if (oid == OID_INT2) return wire->kind == KIND_INT2;
    if (oid == OID_INT4) return wire->kind == KIND_INT2 || wire->kind == KIND_INT4;
    return wire->kind == KIND_INT2 || wire->kind == KIND_INT4 || wire->kind == KIND_INT8;
}

static bool text_fits(PgWire *wire, const PgColumn *target, uint32_t oid)
{
    if (wire->kind != KIND_TEXT) return false;
    if (target->is_enum || oid == OID_TEXT || oid == OID_JSON || oid == OID_JSONB) return true;
    if (oid != OID_VARCHAR && oid != OID_BPCHAR) return false;
    if (target->typmod >= 4) wire->max_chars = target->typmod - 4;
    return true;
}

bool pg_wire_fits(PgWire *wire, const PgColumn *target)
{
    if (target->is_array != (wire->depth > 0)) return false;
    uint32_t oid = target->is_array ? target->element : target->oid;
    bool fits = false;
    PgKind kind = wire->kind;
    switch (oid) {
    case OID_INT2: fits = integer_fits(wire, oid); kind = KIND_INT2; break;
    case OID_INT4: fits = integer_fits(wire, oid); kind = KIND_INT4; break;
    case OID_INT8: fits = integer_fits(wire, oid); kind = KIND_INT8; break;
    case OID_NUMERIC: fits = numeric_fits(wire, target); kind = KIND_DECIMAL; break;
    case OID_FLOAT8:
        fits = kind == KIND_FLOAT4 || kind == KIND_FLOAT8;
        kind = KIND_FLOAT8;
        break;
    case OID_BOOL:
    case OID_FLOAT4:
    case OID_BYTEA:
    case OID_DATE:
    case OID_UUID: fits = wire->oid == oid; break;
    case OID_TIME:
    case OID_TIMETZ:
    case OID_TIMESTAMP:
    case OID_TIMESTAMPTZ:
    case OID_INTERVAL: fits = wire->oid == oid && target->typmod < 0; break;
    default:
        fits = text_fits(wire, target, oid);
        if (oid == OID_JSONB) kind = KIND_JSONB;
        break;
    }
    if (!fits) return false;
    wire->oid = oid;
    wire->kind = kind;
    return true;
}
