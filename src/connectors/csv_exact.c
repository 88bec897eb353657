/* Guard against DuckDB's reader changing values: 1.5 becomes 2 in a column that had whole numbers
 * only as far as the sniffer looked, or was given an integer type; a time of day is cut off in one
 * of dates, and more than six digits or an offset from UTC in one of times; a DECIMAL is rounded.
 * Such columns are read as DOUBLE, TIMESTAMP, text and a longer DECIMAL and converted with a check,
 * which costs next to nothing. Longer numbers, and what turns out not to fit, are read as text and
 * checked by SQL. */
#include <stdlib.h>
#include <string.h>

#include "connectors/csv.h"
#include "engine/casts.h"

/* Numbers of so many digits show in a DOUBLE whether they have a fraction. */
enum { EXACT_DIGITS = 14, SHORT_DECIMAL = 18, LONG_DECIMAL = 38 };

/* Is DuckDB told a format? Then a value of another form is an error in any case. */
static bool has_format(const FileCall *call, const char *option, const char *detected) {
    return link_has(call->link, option) || !csv_is_iso(detected);
}

static bool is_given(const FileCall *call, const char *name) {
    return value_get(link_value(call->link, "column_types"), name) != NULL;
}

static bool is_number(const char *type) {
    static const char *const types[] = {"BIGINT", "INTEGER", "SMALLINT", "TINYINT", "HUGEINT",
                                        "UBIGINT", "UINTEGER", "USMALLINT", "UTINYINT", NULL};
    return str_in(type, types);
}

bool csv_is_time(const char *type) {
    return str_istarts(type, "TIME") && strchr(type, '[') == NULL;
}

/* Of detected types only those past the sample; of given ones all. HUGEINT was found in one file of
 * several; DOUBLE takes long numbers wherever they are, if there are any. Where files have several
 * formats of dates, those are left alone. */
static bool is_unsure(const FileCall *call, const CsvDialect *dialect, const Column *column) {
    bool given = is_given(call, column->name);
    bool all = csv_sees_all(call) && !given;
    if (type_is_nested(column->type)) return given;
    if (is_number(column->type)) return !all || str_eq(column->type, "HUGEINT");
    if (str_istarts(column->type, "DECIMAL(")) return given;
    if (csv_is_time(column->type))
        return !all && (given || !dialect->mixed) && !link_bool(call->link, "ignore_errors") &&
               !has_format(call, "timestamp_format", dialect->timestamp_format);
    if (str_eq(column->type, "DOUBLE"))
        return !link_has(call->link, "decimal_separator") &&
               (!csv_sees_all(call) || call->paths->count > 1 || dialect->bytes.large_number);
    return str_eq(column->type, "DATE") && !all && !dialect->mixed &&
           !has_format(call, "date_format", dialect->date_format);
}

/* DECIMAL(10,2) → DECIMAL(18,10): room for the digits that it would drop. */
static const char *longer_decimal(Arena *arena, const char *type) {
    char *end;
    long precision = strtol(type + strlen("DECIMAL("), &end, 10);
    long scale = *end == ',' ? strtol(end + 1, NULL, 10) : 0;
    long room = precision < SHORT_DECIMAL ? SHORT_DECIMAL : LONG_DECIMAL;
    return arena_printf(arena, "DECIMAL(%ld,%ld)", room, scale + room - precision);
}

static const char *read_type(const FileCall *call, const CsvDialect *dialect, const char *type,
                             size_t digits) {
    if (type_is_nested(type)) return "VARCHAR";
    if (str_istarts(type, "DECIMAL(")) return longer_decimal(call->session->arena, type);
    /* Only the reader itself can leave out what is no number, and tell its line. */
    if (str_eq(type, "DOUBLE") && (call->unreadable || link_bool(call->link, "ignore_errors")))
        return type;
    if (!call->careful && str_eq(type, "TIMESTAMP WITH TIME ZONE")) return "TIMESTAMP_NS";
    if (call->careful || str_eq(type, "HUGEINT") || csv_is_time(type)) return "VARCHAR";
    if (!str_eq(type, "DATE")) return digits > EXACT_DIGITS ? "VARCHAR" : "DOUBLE";
    return has_format(call, "timestamp_format", dialect->timestamp_format) ? "VARCHAR"
                                                                           : "TIMESTAMP";
}

static void set_type(Arena *arena, Columns *types, const char *name, const char *type) {
    for (size_t i = 0; i < types->count; i++) {
        if (!str_ieq(types->items[i].name, name)) continue;
        types->items[i].type = type;
        return;
    }
    *LIST_PUSH(arena, types) = (Column){name, type};
}

/* The length of each number's longest value in the sample. */
static bool longest(const FileCall *call, const CsvDialect *dialect, const char *extra,
                    const Columns *columns, size_t *digits, Error *err) {
    Arena *arena = call->session->arena;
    Buf sql = buf_on(arena);
    for (size_t i = 0; i < dialect->columns.count; i++) {
        const Column *read = columns_find(columns, dialect->columns.items[i].name);
        bool wanted = read != NULL && is_number(read->type) && is_unsure(call, dialect, read);
        buf_printf(&sql, "%s ", i > 0 ? "," : "SELECT");
        buf_puts(&sql, wanted ? arena_printf(arena, "max(length(c%zu))", i) : "NULL");
    }
    buf_printf(&sql, " FROM (SELECT * FROM %s LIMIT %lld)",
               csv_text_reader(call, dialect, dialect->header, csv_padding(call, extra)),
               csv_sample(call));
    AUTO_ROWS rows = NULL;
    if (!duck_query(call->session->duck, buf_text(&sql), &rows, err)) return false;
    Error failure = {0};
    bool any = rows_next(rows, &failure);
    for (size_t i = 0; any && i < dialect->columns.count; i++)
        digits[i] = rows_is_null(rows, i) ? 0 : (size_t)rows_int(rows, i);
    return failure.code == ERR_NONE || (*err = failure, false);
}

static size_t digits_of(const CsvDialect *dialect, const size_t *digits, const char *name) {
    for (size_t i = 0; i < dialect->columns.count; i++)
        if (str_ieq(dialect->columns.items[i].name, name)) return digits[i];
    return 0;
}

bool csv_guard_exact(const FileCall *call, const CsvDialect *dialect, const Buf *extra,
                     const Columns *columns, CsvExact *exact, Error *err) {
    Arena *arena = call->session->arena;
    size_t *digits = ARENA_ARRAY(arena, size_t, dialect->columns.count + 1);
    bool sampled = call->careful || dialect->bytes.longest_number <= EXACT_DIGITS;
    for (size_t i = 0; i < columns->count; i++) {
        const Column *column = &columns->items[i];
        if (!is_unsure(call, dialect, column) || files_is_partition(call, column->name)) continue;
        bool by_length = is_number(column->type) && !str_eq(column->type, "HUGEINT");
        if (by_length && !sampled &&
            !longest(call, dialect, buf_text(extra), columns, digits, err))
            return false;
        sampled = sampled || by_length;
        const char *read =
            read_type(call, dialect, column->type, digits_of(dialect, digits, column->name));
        *LIST_PUSH(arena, &exact->columns) = *column;
        set_type(arena, exact->types, column->name, read);
        bool guess = str_eq(read, "DOUBLE") || str_istarts(column->type, "TIMESTAMP") ||
                     str_istarts(read, "TIMESTAMP");
        exact->guessed = exact->guessed || (guess && !call->careful);
    }
    return true;
}

/* -- the projection ---------------------------------------------------------------------- */

/* Text {x} is a whole number. Its form may differ: '01', '5.0', '1e3', '0x10'. */
static const char number_text[] =
    "CASE WHEN TRY_CAST({x} AS {t})::VARCHAR = {x} THEN CAST({x} AS {t}) "
    "WHEN {x} IS NULL THEN NULL WHEN TRY_CAST({x} AS {t}) IS NOT NULL AND "
    "(regexp_full_match({x}, '\\s*[+-]?[0-9a-zA-Z_]*(\\.0*)?\\s*') OR (contains(lower({x}), 'e') "
    "AND TRY_CAST({x} AS DOUBLE) = TRY_CAST({x} AS {t})::DOUBLE "
    "AND abs(TRY_CAST({x} AS DOUBLE)) < 9e15)) THEN CAST({x} AS {t}) ELSE {error} END AS {x}";
/* Text {x} is a date and no more. */
static const char date_text[] =
    "CASE WHEN {x} IS NULL THEN NULL WHEN TRY_CAST({x} AS DATE) IS NOT NULL AND "
    "coalesce(TRY_CAST({x} AS TIMESTAMP) = TRY_CAST(TRY_CAST({x} AS DATE) AS TIMESTAMP), true) "
    "THEN CAST({x} AS DATE) ELSE {error} END AS {x}";
/* Text {x} is a number of which a double keeps all digits, or one below 2^53. */
static const char double_text[] =
    "CASE WHEN {x} IS NULL THEN NULL WHEN TRY_CAST({x} AS DOUBLE) IS NOT NULL AND " DUCK_KEPT
    "({x}) THEN CAST({x} AS DOUBLE) ELSE {error} END AS {x}";
/* The same of a number that was read already: a long one shows where a double does not keep it. */
static const char double_long[] =
    "CASE WHEN abs({x}) >= 9007199254740992 AND length(trim(regexp_replace(regexp_replace("
    "{x}::VARCHAR, '[eE].*', ''), '[^0-9]', '', 'g'), '0')) > 15 THEN {error} ELSE {x} END AS {x}";
static const char double_check[] = "CASE WHEN " DUCK_NEAR "({x}) THEN {x} END AS {x}";
static const char number_check[] = DUCK_WHOLE "({x})::{t} AS {x}";
static const char date_check[] = DUCK_DAY "({x}) AS {x}";

static const char decimal_check[] =
    "CASE WHEN {x}::{t} <> {x} THEN {error} ELSE {x}::{t} END AS {x}";

/* Text {x} is a time that loses neither an offset from UTC nor digits. Most are of a form that
 * cannot; to compare instants would double the time of the read. */
static const char *time_text(Arena *arena, const char *type) {
    int digits = str_eq(type, "TIMESTAMP_S") ? 0 : str_eq(type, "TIMESTAMP_MS") ? 3 : 6;
    return arena_printf(arena,
                        "CASE WHEN {x} IS NULL THEN NULL WHEN regexp_full_match({x}, "
                        "'[0-9-]{8,}[ T][0-9:]+(\\.[0-9]{0,%d})?') THEN coalesce(TRY_CAST({x} AS "
                        "{t}), {error}) WHEN %s THEN CAST({x} AS {t}) ELSE {error} END AS {x}",
                        digits, cast_text_check(arena, "{x}", type));
}

/* Text {x} is a list or the like whose parts keep their values. */
static const char *nested_text(Arena *arena, const char *type) {
    const char *check = cast_text_check(arena, "{x}", type);
    return arena_printf(arena, "%s AS {x}", cast_if(arena, check, "{x}", type, "{error}"));
}

static const char *check_of(const FileCall *call, const char *type, const char *read) {
    bool date = str_eq(type, "DATE");
    if (type_is_nested(type)) return nested_text(call->session->arena, type);
    if (str_eq(read, "TIMESTAMP_NS")) return DUCK_INSTANT "({x}) AS {x}";
    if (str_eq(type, "TIMESTAMP") && !call->careful) return DUCK_MOMENT "({x}) AS {x}";
    if (csv_is_time(type)) return time_text(call->session->arena, type);
    if (str_istarts(type, "DECIMAL(")) return decimal_check;
    if (str_eq(type, "DOUBLE"))
        return str_eq(read, "VARCHAR") ? double_text : call->careful ? double_long : double_check;
    if (str_eq(read, "VARCHAR")) return date ? date_text : number_text;
    return date ? date_check : number_check;
}

static const char *files_named(const FileCall *call) {
    const char *first = files_unescape(call->session->arena, call->paths->items[0]);
    return call->paths->count == 1 ? first
                                   : arena_printf(call->session->arena, "%s and %zu more", first,
                                                  call->paths->count - 1);
}

const char *csv_checked(const FileCall *call, const CsvExact *exact, const char *reader) {
    Arena *arena = call->session->arena;
    if (exact->columns.count == 0) return reader;
    Buf sql = buf_on(arena);
    for (size_t i = 0; i < exact->columns.count; i++) {
        const Column *column = &exact->columns.items[i];
        const char *x = sql_ident(arena, column->name);
        const char *error = arena_printf(
            arena, "error('" CSV_CHANGED "' || %s || chr(31) || %s || chr(31) || %s || chr(31) "
                   "|| '%s' || chr(31) || left(%s::VARCHAR, 200) || chr(31))",
            sql_literal(arena, column->name), sql_literal(arena, column->type),
            sql_literal(arena, files_named(call)),
            is_given(call, column->name) || str_eq(column->type, "DOUBLE")
                ? ""
                : str_thousands(arena, csv_sample(call)),
            x);
        const char *check =
            check_of(call, column->type, columns_find(exact->types, column->name)->type);
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

/* What does not fit is read again, as text: for a longer number that is right, for anything else it
 * gives the error that names column and value. */
bool relation_misguessed(const Error *err) {
    return strstr(err->message, DUCK_INEXACT) != NULL ||
           ((err->code == ERR_CAST || err->code == ERR_FILE_FORMAT) &&
            strstr(err->message, "CSV Error") != NULL &&
            (strstr(err->message, "to 'DOUBLE'") != NULL ||
             strstr(err->message, "to 'TIMESTAMP'") != NULL ||
             strstr(err->message, "to 'TIMESTAMP_NS'") != NULL));
}

/* A type that the value fits. */
static const char *fitting(const char *type, const char *value) {
    char *end;
    if (str_eq(type, "DOUBLE")) return "VARCHAR";
    if (str_eq(type, "DATE")) return strchr(value, ':') != NULL ? "TIMESTAMP" : "VARCHAR";
    if (str_istarts(type, "TIMESTAMP")) {
        const char *offset = strchr(value, ':') == NULL ? NULL : strpbrk(strchr(value, ':'), "+-");
        if (strchr(value, '.') != NULL && strspn(strchr(value, '.') + 1, "0123456789") > 6)
            return offset == NULL && strpbrk(value, "zZ") == NULL ? "TIMESTAMP_NS" : "VARCHAR";
        return offset != NULL ? "TIMESTAMPTZ" : "VARCHAR";
    }
    if (value[strspn(value, "+-0123456789")] == '\0') return "HUGEINT";
    strtod(value, &end);
    return *end == '\0' ? "DOUBLE" : "VARCHAR";
}

/* 1.50000000 is how a longer DECIMAL is written. */
static void without_zeros(char *value) {
    if (strchr(value, '.') == NULL || value[strspn(value, "+-.0123456789")] != '\0') return;
    char *end = value + strlen(value);
    while (end[-1] == '0' && end[-2] != '.') *--end = '\0';
}

bool relation_error_read(Error *err) {
    AUTO_ARENA arena = arena_new();
    char *part[5];
    if (!duck_error_parts(err, CSV_CHANGED, arena, part, 5)) return false;
    if (*part[3] == '\0') {
        without_zeros(part[4]);
        error_set(err, ERR_CAST, err->span, "%s: column '%s': the value '%s' does not fit %s",
                  part[2], part[0], part[4], part[1]);
        return error_hint(err, "give it a type that holds it: \"column_types\": {\"%s\": \"%s\"}",
                          part[0], fitting(part[1], part[4])), true;
    }
    error_set(err, ERR_CAST, err->span,
              "%s: column '%s' is %s, as its first %s lines had %s only, and further down it has "
              "the value '%s'", part[2], part[0], part[1], part[3],
              str_eq(part[1], "DATE") ? "dates" : csv_is_time(part[1]) ? "such times"
                                                                       : "whole numbers",
              part[4]);
    error_hint(err, "set \"column_types\": {\"%s\": \"%s\"}, or \"sample_size\": 0, which looks at "
                    "all lines", part[0], fitting(part[1], part[4]));
    return true;
}
