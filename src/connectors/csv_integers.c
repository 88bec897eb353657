/* Guard against DuckDB's reader rounding 1.5 to 2 in a column that had whole numbers only as far as
 * the sniffer looked. Such a column is read as DECIMAL(18,s), which costs next to nothing, and
 * projected back with a check. That is a guess of how long its numbers are; where it cannot be
 * made, or was wrong, the column is read as text and checked. */
#include <stdlib.h>
#include <string.h>

#include "connectors/csv.h"

enum { PRECISION = 18, MIN_SCALE = 2, MIN_SPARE = 2, SPARE = 3, USUAL_DIGITS = 10 };

static bool is_unsure(const FileCall *call, const char *type) {
    static const char *const types[] = {"BIGINT", "INTEGER", "SMALLINT", "TINYINT", "HUGEINT"};
    if (csv_sees_all(call)) return str_eq(type, "HUGEINT"); /* found in the first file */
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (str_eq(type, types[i])) return true;
    return false;
}

/* The column comes from a folder's name, year=2024, and not from the file. */
static bool is_partition(const FileCall *call, const char *name) {
    Arena *arena = call->session->arena;
    const char *path = arena_printf(arena, "/%s", call->paths->items[0]);
    return strcasestr(path, arena_printf(arena, "/%s=", name)) != NULL;
}

/* Digits behind the point for numbers with so many before it in the sample; 0: no room. Numbers
 * that are counted up become longer, so short ones get more room than long ones. */
static int scale_for(int digits) {
    int room = PRECISION - digits;
    if (room < MIN_SCALE + MIN_SPARE) return 0;
    int spare = room >= MIN_SCALE + MIN_SPARE + SPARE ? SPARE : MIN_SPARE;
    return digits + spare < USUAL_DIGITS ? PRECISION - USUAL_DIGITS : room - spare;
}

/* A DECIMAL that is too short makes the reader reject a line, not fail: so it gets all there is. */
static const char *read_type(const FileCall *call, const char *type, int digits) {
    int scale = call->careful || str_eq(type, "HUGEINT") ? 0 : scale_for(digits);
    if (scale == 0) return "VARCHAR";
    if (link_bool(call->link, "ignore_errors")) scale = MIN_SCALE;
    return arena_printf(call->session->arena, "DECIMAL(%d,%d)", PRECISION, scale);
}

static void set_type(Arena *arena, Columns *types, const char *name, const char *type) {
    for (size_t i = 0; i < types->count; i++) {
        if (!str_ieq(types->items[i].name, name)) continue;
        types->items[i].type = type;
        return;
    }
    *LIST_PUSH(arena, types) = (Column){name, type};
}

/* The digits of each column's longest number in the sample; 0 where there is none. */
static bool longest(const FileCall *call, const CsvDialect *dialect, const char *extra,
                    int *digits, Error *err) {
    Arena *arena = call->session->arena;
    Buf sql = buf_on(arena);
    const char *padding = strstr(extra, "null_padding") != NULL ? ", null_padding = true" : "";
    for (size_t i = 0; i < dialect->columns.count; i++)
        buf_printf(&sql, "%s length(max(abs(TRY_CAST(c%zu AS HUGEINT)))::VARCHAR)",
                   i > 0 ? "," : "SELECT", i);
    buf_printf(&sql, " FROM (SELECT * FROM %s LIMIT %lld)",
               csv_text_reader(call, dialect, dialect->header, padding), csv_sample(call));
    AUTO_ROWS rows = NULL;
    if (!duck_query(call->session->duck, buf_text(&sql), &rows, err)) return false;
    Error failure = {0};
    bool any = rows_next(rows, &failure);
    for (size_t i = 0; any && i < dialect->columns.count; i++)
        digits[i] = rows_is_null(rows, i) ? 0 : (int)rows_int(rows, i);
    return true;
}

static int digits_of(const CsvDialect *dialect, const int *digits, const char *name) {
    for (size_t i = 0; i < dialect->columns.count; i++)
        if (str_ieq(dialect->columns.items[i].name, name)) return digits[i];
    return 0;
}

bool csv_guard_integers(const FileCall *call, const CsvDialect *dialect, const Buf *extra,
                        const Columns *columns, CsvIntegers *integers, Error *err) {
    Arena *arena = call->session->arena;
    const Value *given = link_value(call->link, "column_types");
    int *digits = ARENA_ARRAY(arena, int, dialect->columns.count + 1);
    bool sampled = call->careful;
    for (size_t i = 0; i < columns->count; i++) {
        const char *name = columns->items[i].name, *type = columns->items[i].type;
        if (!is_unsure(call, type) || value_get(given, name) != NULL || is_partition(call, name))
            continue;
        bool by_length = !str_eq(type, "HUGEINT");
        if (by_length && !sampled && !longest(call, dialect, buf_text(extra), digits, err))
            return false;
        sampled = sampled || by_length;
        const char *read = read_type(call, type, digits_of(dialect, digits, name));
        *LIST_PUSH(arena, &integers->columns) = (Column){name, type};
        set_type(arena, integers->types, name, read);
        integers->guessed = integers->guessed || !str_eq(read, "VARCHAR");
    }
    return true;
}

/* -- the projection ---------------------------------------------------------------------- */

/* Text {x} is a whole number. Its form may differ: '01', '5.0', '1e3', '0x10'. */
static const char text_check[] =
    "CASE WHEN TRY_CAST({x} AS {t})::VARCHAR = {x} THEN CAST({x} AS {t}) "
    "WHEN {x} IS NULL THEN NULL WHEN TRY_CAST({x} AS {t}) IS NOT NULL AND "
    "(regexp_full_match({x}, '\\s*[+-]?[0-9a-zA-Z_]*(\\.0*)?\\s*') OR (contains(lower({x}), 'e') "
    "AND TRY_CAST({x} AS DOUBLE) = TRY_CAST({x} AS {t})::DOUBLE "
    "AND abs(TRY_CAST({x} AS DOUBLE)) < 9e15)) THEN CAST({x} AS {t}) ELSE {error} END AS {x}";
static const char decimal_check[] =
    "CASE WHEN {x} % 1 <> 0 THEN {error} ELSE CAST({x} AS {t}) END AS {x}";

static const char *files_named(const FileCall *call) {
    const char *first = call->paths->items[0];
    return call->paths->count == 1 ? first
                                   : arena_printf(call->session->arena, "%s and %zu more", first,
                                                  call->paths->count - 1);
}

const char *csv_checked(const FileCall *call, const CsvIntegers *integers, const char *reader) {
    Arena *arena = call->session->arena;
    if (integers->columns.count == 0) return reader;
    Buf sql = buf_on(arena);
    for (size_t i = 0; i < integers->columns.count; i++) {
        const Column *column = &integers->columns.items[i];
        bool as_text = str_eq(columns_find(integers->types, column->name)->type, "VARCHAR");
        const char *x = sql_ident(arena, column->name);
        const char *error = arena_printf(
            arena, "error('" CSV_FRACTION "' || %s || chr(31) || '%s' || chr(31) || %s || chr(31) "
                   "|| '%s' || chr(31) || left(%s::VARCHAR, 200) || chr(31))",
            sql_literal(arena, column->name), column->type, sql_literal(arena, files_named(call)),
            str_thousands(arena, csv_sample(call)), x);
        const char *check = as_text ? text_check : decimal_check;
        check = str_replace(arena, check, "{error}", "\x1f");
        check = str_replace(arena, check, "{t}", column->type);
        check = str_replace(arena, check, "{x}", x);
        check = str_replace(arena, check, "\x1f", error);
        buf_printf(&sql, "%s%s", i > 0 ? ", " : "(SELECT * REPLACE (", check);
    }
    buf_printf(&sql, ") FROM %s)", reader);
    return buf_text(&sql);
}

/* -- its errors -------------------------------------------------------------------------- */

bool relation_misguessed(const Error *err) {
    return (err->code == ERR_CAST || err->code == ERR_FILE_FORMAT) &&
           strstr(err->message, "CSV Error") != NULL &&
           strstr(err->message, "to 'DECIMAL'") != NULL;
}

/* A type that the value fits. */
static const char *fitting(const char *value) {
    char *end;
    if (value[strspn(value, "+-0123456789")] == '\0') return "HUGEINT";
    strtod(value, &end);
    return *end == '\0' ? "DOUBLE" : "VARCHAR";
}

/* 1.50000000 is how a DECIMAL is written. */
static void without_zeros(char *value) {
    char *point = strchr(value, '.');
    if (point == NULL) return;
    char *end = point + strlen(point);
    while (end > point + 2 && end[-1] == '0') *--end = '\0';
}

bool relation_error_read(Error *err) {
    const char *at = strstr(err->message, CSV_FRACTION);
    if (at == NULL) return false;
    AUTO_ARENA arena = arena_new();
    char *part[5];
    at += strlen(CSV_FRACTION);
    for (size_t i = 0; i < 5; i++) {
        const char *end = strchr(at, '\x1f');
        if (end == NULL) return false;
        part[i] = arena_strndup(arena, at, (size_t)(end - at));
        at = end + 1;
    }
    without_zeros(part[4]);
    error_set(err, ERR_CAST, err->span,
              "%s: column '%s' is %s, as its first %s lines had whole numbers only, and further "
              "down it has the value '%s'", part[2], part[0], part[1], part[3], part[4]);
    error_hint(err, "set \"column_types\": {\"%s\": \"%s\"}, or \"sample_size\": 0, which looks at "
                    "all lines", part[0], fitting(part[4]));
    return true;
}
