/* Casts that keep the value or fail. See casts.h. */
#include "engine/casts.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

typedef enum TypeClass {
    TYPE_OTHER,
    TYPE_BOOLEAN,
    TYPE_INTEGER,
    TYPE_FLOAT,
    TYPE_DECIMAL,
    TYPE_TEXT,
    TYPE_DATE,
    TYPE_TIMESTAMP,
    TYPE_NULL,
} TypeClass;

typedef struct TypeInfo {
    TypeClass class;
    int digits; /* integers: decimal digits any value fits in; DECIMAL: precision */
    int scale;
    int bits;   /* integers and floats: size of the exact integer range in bits */
    bool is_signed;
    int order;  /* timestamps: precision */
} TypeInfo;

static const struct {
    const char *name;
    TypeInfo info;
} types[] = {
    {"BOOLEAN", {.class = TYPE_BOOLEAN}},
    {"TINYINT", {TYPE_INTEGER, 3, 0, 7, true, 0}},
    {"SMALLINT", {TYPE_INTEGER, 5, 0, 15, true, 0}},
    {"INTEGER", {TYPE_INTEGER, 10, 0, 31, true, 0}},
    {"BIGINT", {TYPE_INTEGER, 19, 0, 63, true, 0}},
    {"HUGEINT", {TYPE_INTEGER, 39, 0, 127, true, 0}},
    {"UTINYINT", {TYPE_INTEGER, 3, 0, 8, false, 0}},
    {"USMALLINT", {TYPE_INTEGER, 5, 0, 16, false, 0}},
    {"UINTEGER", {TYPE_INTEGER, 10, 0, 32, false, 0}},
    {"UBIGINT", {TYPE_INTEGER, 20, 0, 64, false, 0}},
    {"UHUGEINT", {TYPE_INTEGER, 39, 0, 128, false, 0}},
    {"FLOAT", {TYPE_FLOAT, 0, 0, 24, true, 0}},
    {"DOUBLE", {TYPE_FLOAT, 0, 0, 53, true, 0}},
    {"VARCHAR", {.class = TYPE_TEXT}},
    {"DATE", {.class = TYPE_DATE}},
    {"TIMESTAMP_S", {.class = TYPE_TIMESTAMP, .order = 1}},
    {"TIMESTAMP_MS", {.class = TYPE_TIMESTAMP, .order = 2}},
    {"TIMESTAMP", {.class = TYPE_TIMESTAMP, .order = 3}},
    {"TIMESTAMP WITH TIME ZONE", {.class = TYPE_TIMESTAMP, .order = 3}},
    {"TIMESTAMP_NS", {.class = TYPE_TIMESTAMP, .order = 4}},
    {"\"NULL\"", {.class = TYPE_NULL}},
};

static TypeInfo type_info(const char *name) {
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (str_ieq(types[i].name, name)) return types[i].info;
    if (str_istarts(name, "DECIMAL(") && strchr(name, '[') == NULL) {
        char *end;
        long precision = strtol(name + strlen("DECIMAL("), &end, 10);
        long scale = *end == ',' ? strtol(end + 1, NULL, 10) : 0;
        return (TypeInfo){TYPE_DECIMAL, (int)precision, (int)scale, 0, true, 0};
    }
    return (TypeInfo){.class = TYPE_OTHER};
}

static bool is_number(TypeClass class) {
    return class == TYPE_INTEGER || class == TYPE_FLOAT || class == TYPE_DECIMAL;
}

static bool integer_widens(TypeInfo from, TypeInfo to) {
    if (to.class == TYPE_INTEGER)
        return from.is_signed ? to.is_signed && to.bits >= from.bits
                              : to.bits >= from.bits;
    if (to.class == TYPE_FLOAT) return to.bits >= from.bits;
    return to.class == TYPE_DECIMAL && to.digits - to.scale >= from.digits;
}

static bool widens(TypeInfo from, TypeInfo to) {
    switch (from.class) {
        case TYPE_NULL: return true;
        case TYPE_INTEGER: return integer_widens(from, to);
        case TYPE_FLOAT: return to.class == TYPE_FLOAT && to.bits >= from.bits;
        case TYPE_DECIMAL:
            return to.class == TYPE_DECIMAL && to.scale >= from.scale &&
                   to.digits - to.scale >= from.digits - from.scale;
        case TYPE_DATE: return to.class == TYPE_TIMESTAMP && to.order == 3;
        case TYPE_TIMESTAMP:
            return to.class == TYPE_TIMESTAMP && to.order >= from.order && to.order <= 3;
        case TYPE_OTHER:
        case TYPE_BOOLEAN:
        case TYPE_TEXT: return false;
    }
    return false;
}

CastKind cast_kind(const char *from, const char *to) {
    if (str_ieq(from, to)) return CAST_EXACT;
    TypeInfo a = type_info(from), b = type_info(to);
    if (b.class == TYPE_TEXT) return CAST_EXACT;
    if ((a.class == TYPE_BOOLEAN && is_number(b.class)) ||
        (is_number(a.class) && b.class == TYPE_BOOLEAN))
        return CAST_IMPOSSIBLE;
    if ((a.class == TYPE_DATE || a.class == TYPE_TIMESTAMP) &&
        (is_number(b.class) || b.class == TYPE_BOOLEAN))
        return CAST_IMPOSSIBLE;
    if ((is_number(a.class) || a.class == TYPE_BOOLEAN) &&
        (b.class == TYPE_DATE || b.class == TYPE_TIMESTAMP))
        return CAST_IMPOSSIBLE;
    return widens(a, b) ? CAST_EXACT : CAST_CHECKED;
}

bool type_is_nested(const char *type) {
    size_t size = strlen(type);
    return (size > 0 && type[size - 1] == ']') || str_istarts(type, "STRUCT(") ||
           str_istarts(type, "MAP(") || str_istarts(type, "UNION(");
}

bool cast_is_plain(const char *from, const char *to) {
    if (cast_kind(from, to) == CAST_EXACT) return true;
    bool other = type_info(from).class == TYPE_OTHER || type_info(to).class == TYPE_OTHER;
    bool json = strstr(from, "JSON") != NULL || strstr(to, "JSON") != NULL;
    return other && (json || !type_is_nested(to));
}

/* The significant digits of a number's text: no sign, exponent, point or outer zeros. */
#define DIGITS(text) \
    "trim(regexp_replace(regexp_replace(" text ", '[eE].*', ''), '[^0-9]', '', 'g'), '0')"

/* Text of a date or time means {v}: DuckDB's own cast drops a time of day or a UTC offset. */
#define SAME_INSTANT(v, other) \
    "coalesce(TRY_CAST({x} AS TIMESTAMPTZ) = TRY_CAST(" v " AS TIMESTAMPTZ), " other ")"
/* What no TIMESTAMP can hold; DuckDB's own cast to DATE ignores all that follows a date. */
#define DAY_ALONE \
    "regexp_full_match(trim({x}), '[+-]?[0-9]+[^0-9][0-9]+[^0-9][0-9]+( ?\\([bB][cC]\\))?')"

/* Text of a time of day: DuckDB's own cast drops a date, AM or PM, and digits beyond its own. */
static const char *time_check(Arena *arena, const char *type) {
    bool zone = str_ieq(type, "TIME WITH TIME ZONE");
    if (!zone && !str_ieq(type, "TIME") && !str_ieq(type, "TIME_NS")) return "true";
    return arena_printf(
        arena,
        "regexp_full_match(trim({x}), '[0-9]{1,2}:[0-9]{1,2}(:[0-9]{1,2}(\\.[0-9]{0,%d}0*)?)?%s')",
        str_ieq(type, "TIME_NS") ? 9 : 6,
        zone ? " ?([zZ]|[+-][0-9:]+)?" : "([zZ]|[+-]00(:?00)?)?");
}

/* A type in which what `type` would round is kept; NULL where there is none. */
static const char *finer_type(Arena *arena, const char *type) {
    TypeInfo info = type_info(type);
    int whole = info.digits - info.scale;
    if (info.class == TYPE_DATE) return "TIMESTAMP";
    if (info.class != TYPE_INTEGER && info.class != TYPE_DECIMAL) return NULL;
    return whole > 38 ? "DOUBLE" : arena_printf(arena, "DECIMAL(38,%d)", 38 - whole);
}

/* The same for a nested type. Its fields' names are in small letters or quoted. */
static const char *finer_nested(Arena *arena, const char *type) {
    Buf out = buf_on(arena);
    for (const char *at = type; *at != '\0';) {
        size_t size = strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_");
        const char *quoted = *at == '"' || *at == '\'' ? strchr(at + 1, *at) : NULL;
        if (size == 7 && str_starts(at, "DECIMAL(")) size = strcspn(at, ")") + 1;
        const char *word = arena_strndup(arena, at, size), *finer = finer_type(arena, word);
        if (size == 0) size = quoted == NULL ? 1 : (size_t)(quoted - at) + 1;
        buf_put(&out, finer == NULL ? at : finer, finer == NULL ? size : strlen(finer));
        at += size;
    }
    return buf_text(&out);
}

/* The condition under which text {x} means the value {v}. Its form may differ ('01', '1.50').
 * Numbers are compared by their digits: any wider type to compare in has an end of its own. */
static const char *text_check(Arena *arena, const char *type) {
    TypeInfo to = type_info(type);
    switch (to.class) {
        case TYPE_INTEGER:
            return "(regexp_full_match(trim({x}), '[+-]?[0-9]+(\\.0*)?') OR (contains(lower({x}), "
                   "'e') AND TRY_CAST({x} AS DOUBLE) = {v}::DOUBLE AND abs({v}::DOUBLE) < 9e15))";
        case TYPE_FLOAT:
            return "(" DIGITS("{x}") " = " DIGITS("{v}::VARCHAR") ")";
        case TYPE_DECIMAL:
            return arena_printf(arena,
                                "CASE WHEN contains(lower({x}), 'e') THEN TRY_CAST({x} AS DOUBLE) "
                                "= {v}::DOUBLE ELSE NOT regexp_matches({x}, "
                                "'\\.[0-9]{%d}[0-9]*[1-9]') END",
                                to.scale);
        case TYPE_DATE: /* a far DATE itself would throw */
            return SAME_INSTANT("{v}::VARCHAR", DAY_ALONE);
        case TYPE_TIMESTAMP:
            return arena_printf(arena,
                                "(NOT regexp_matches({x}, '\\.[0-9]{%d}[0-9]*[1-9]') AND "
                                SAME_INSTANT("{v}", "true") ")",
                                (to.order - 1) * 3);
        case TYPE_BOOLEAN: return "lower(trim({x})) NOT IN ('0', '1')";
        case TYPE_OTHER:
            if (!type_is_nested(type)) return time_check(arena, type);
            return str_replace(arena, "TRY_CAST({x} AS {t}) IS NOT DISTINCT FROM TRY_CAST({v} AS "
                                      "{t})", "{t}", finer_nested(arena, type));
        case TYPE_TEXT:
        case TYPE_NULL: return "true";
    }
    return "true";
}

/* The cast of {x}, NULL where it fails. TRY_CAST to TIMESTAMP_NS throws outside its years, and to a
 * nested type gives NULL only for the part that fails. */
static const char *tried_cast(Arena *arena, const char *x, const char *to) {
    if (type_is_nested(to)) return arena_printf(arena, "TRY(CAST(%s AS %s))", x, to);
    const char *v = arena_printf(arena, "TRY_CAST(%s AS %s)", x, to);
    if (!str_ieq(to, "TIMESTAMP_NS")) return v;
    return arena_printf(arena,
                        "CASE WHEN TRY_CAST(%s AS TIMESTAMP) BETWEEN TIMESTAMP '1677-09-22' AND "
                        "TIMESTAMP '2262-04-11' THEN %s END",
                        x, v);
}

const char *cast_text_check(Arena *arena, const char *x, const char *to) {
    const char *v = tried_cast(arena, x, to);
    const char *check = str_replace(arena, text_check(arena, to), "{x}", x);
    check = str_replace(arena, check, "{v}", v);
    return arena_printf(arena, "((%s) IS NOT NULL AND %s)", v, check);
}

/* DuckDB's CASE cannot give arrays, but lists of them. */
static bool holds_array(const char *type) {
    while ((type = strchr(type, '[')) != NULL)
        if (*++type != ']') return true;
    return false;
}

const char *cast_if(Arena *arena, const char *condition, const char *x, const char *to,
                    const char *failure) {
    bool listed = type_is_nested(to) && holds_array(to);
    return arena_printf(arena,
                        "%sCASE WHEN %s IS NULL THEN NULL WHEN %s THEN %sCAST(%s AS %s)%s ELSE %s "
                        "END%s",
                        listed ? "(" : "", x, condition, listed ? "[" : "", x, to,
                        listed ? "]" : "", failure, listed ? ")[1]" : "");
}

void cast_expression(Buf *out, const Column *from, const char *to, const char *row) {
    Arena *arena = out->arena;
    const char *x = sql_ident(arena, from->name);
    if (cast_kind(from->type, to) == CAST_EXACT) {
        if (str_ieq(from->type, to))
            buf_puts(out, x);
        else
            buf_printf(out, "CAST(%s AS %s) AS %s", x, to, x);
        return;
    }
    const char *v = tried_cast(arena, x, to);
    const char *check = type_info(from->type).class == TYPE_TEXT
                            ? text_check(arena, to)
                            : "TRY_CAST({v} AS {from}) IS NOT DISTINCT FROM {x}";
    check = str_replace(arena, check, "{x}", x);
    check = str_replace(arena, check, "{v}", v);
    check = str_replace(arena, check, "{from}", from->type);
    const char *kept = arena_printf(arena, "((%s) IS NOT NULL AND %s)", v, check);
    const char *failure = arena_printf(
        arena, "error('sqlflow-cast' || chr(31) || %s || chr(31) || %s || chr(31) || "
               "left(%s::VARCHAR, 200) || chr(31) || (%s)::VARCHAR || chr(31))",
        sql_literal(arena, from->name), sql_literal(arena, to), x, row);
    buf_printf(out, "%s AS %s", cast_if(arena, kept, x, to, failure), x);
}

bool cast_error_read(Error *err) {
    AUTO_ARENA arena = arena_new();
    char *part[4];
    if (!duck_error_parts(err, "sqlflow-cast\x1f", arena, part, 4)) return false;
    const char *row = *part[3] == '\0' ? "" : arena_printf(arena, ", row %s", part[3]);
    error_set(err, ERR_CAST, err->span, "column '%s'%s: the value '%s' does not fit %s", part[0],
              row, part[2], part[1]);
    error_hint(err, "cast it in a query, or change the column's type with MODE REPLACE or "
                    "--full-refresh");
    return true;
}
