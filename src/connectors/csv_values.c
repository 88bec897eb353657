/* Guards against what DuckDB's CSV reader does to values and columns: integers past 64 bits become
 * DOUBLE, a column of F becomes false, 01/02/2024 is read day first, columns that only later files
 * have are dropped. */
#include <string.h>

#include "connectors/csv.h"

enum { SNIFFED_FILES = 1000 };

/* The format that dates of this type were read by, when it was guessed and another would fit, too:
 * 01/02/2024 may begin with the month, and 01/02/24, which is read year first, with the day. */
static const char *doubtful_format(const FileCall *call, const CsvDialect *dialect,
                                   const char *type) {
    bool date = str_eq(type, "DATE");
    if (!date && !str_starts(type, "TIMESTAMP")) return NULL;
    if (link_has(call->link, date ? "date_format" : "timestamp_format")) return NULL;
    const char *format = date ? dialect->date_format : dialect->timestamp_format;
    if (format == NULL || strstr(format, "%m") == NULL) return NULL;
    return str_starts(format, "%d") || str_starts(format, "%y") ? format : NULL;
}

/* A time keeps six digits behind the second's point and cuts the others off. */
static void put_fraction_test(const CsvDialect *dialect, const char *type, size_t i, Buf *sql) {
    bool iso = dialect->timestamp_format == NULL || str_starts(dialect->timestamp_format, "%Y-");
    buf_printf(sql,
               "CASE WHEN NOT coalesce(bool_or(regexp_matches(c%zu, ':\\d\\d\\.\\d{6}\\d*[1-9]')), "
               "false) THEN 0 WHEN %s AND bool_and(c%zu IS NULL OR coalesce(TRY_CAST(c%zu AS "
               "TIMESTAMP) BETWEEN TIMESTAMP '1677-09-22' AND TIMESTAMP '2262-04-11', false)) "
               "THEN 4 ELSE 2 END",
               i, iso && str_eq(type, "TIMESTAMP") ? "true" : "false", i, i);
}

/* Whole numbers past 64 bits are HUGEINT, or text. Beside fractions, numbers that a DOUBLE would
 * change make the column text; what lies below 2^53 loses no more than the end of its fraction. */
static void put_number_test(size_t i, Buf *sql) {
    const char *x = arena_printf(sql->arena, "trim(c%zu)", i);
    buf_printf(sql,
               "CASE WHEN count(c%zu) = 0 THEN 0 WHEN NOT coalesce(bool_and(regexp_full_match(%s, "
               "'[+-]?[0-9]+')), false) THEN CASE WHEN bool_and(" DUCK_KEPT "(%s)) THEN 0 ELSE 2 "
               "END WHEN bool_and(TRY_CAST(%s AS BIGINT) IS NOT NULL OR c%zu IS NULL) THEN 0 WHEN "
               "bool_and(TRY_CAST(%s AS HUGEINT) IS NOT NULL OR c%zu IS NULL) THEN 1 ELSE 2 END",
               i, x, x, x, i, x, i);
}

/* Gives the word that alone keeps a column of numbers or times text. */
static void put_word_test(size_t i, Buf *sql) {
    const char *fits = arena_printf(
        sql->arena, "(coalesce(TRY_CAST(c%zu AS DOUBLE), epoch(TRY_CAST(c%zu AS TIMESTAMP))) "
                    "IS NOT NULL)", i, i);
    buf_printf(sql, "CASE WHEN bool_or(%s) AND bool_and(c%zu IS NULL OR %s OR lower(c%zu) IN (''",
               fits, i, fits, i);
    for (const char *const *word = csv_null_words; *word != NULL; word++) {
        buf_puts(sql, ", ");
        buf_literal(sql, *word);
    }
    buf_printf(sql, ")) THEN min(c%zu) FILTER (NOT %s) END", i, fits);
}

/* Without a format of its own DuckDB takes 5/1/26 4:05 for a time of the year 5. */
static bool may_have_short_years(const CsvDialect *dialect, const char *type) {
    const char *format = str_eq(type, "DATE") ? dialect->date_format : dialect->timestamp_format;
    return csv_is_time(type) && format == NULL && dialect->bytes.short_year;
}

/* Appends a test of column i: 1 HUGEINT, 2 VARCHAR, 3 ambiguous date, 4 TIMESTAMP_NS, 5 VARCHAR for
 * short years, 0 none; of text a word, or NULL. */
static bool put_test(const FileCall *call, const CsvDialect *dialect, size_t i, Buf *sql) {
    const Column *column = &dialect->columns.items[i];
    if (value_get(link_value(call->link, "column_types"), column->name) != NULL) return false;
    if (str_eq(column->type, "DOUBLE")) {
        if (!dialect->bytes.large_number) return false;
        put_number_test(i, sql);
        return true;
    }
    if (str_eq(column->type, "BOOLEAN")) {
        /* Nothing but F is a sex or a grade; both letters are a flag. */
        if (!dialect->bytes.lone_letter) return false;
        buf_printf(sql,
                   "CASE WHEN coalesce(bool_and(c%zu = 'F') OR bool_and(c%zu = 'T'), false) "
                   "THEN 2 ELSE 0 END",
                   i, i);
        return true;
    }
    if (str_eq(column->type, "VARCHAR") && dialect->bytes.null_word) {
        put_word_test(i, sql);
        return true;
    }
    const char *format = doubtful_format(call, dialect, column->type);
    bool fraction = csv_is_time(column->type) && dialect->bytes.long_fraction && format == NULL;
    bool short_years = may_have_short_years(dialect, column->type);
    if (short_years)
        buf_printf(sql,
                   "CASE WHEN coalesce(bool_or(regexp_matches(c%zu, '^\\s*\\d{1,3}[-/]')), false) "
                   "THEN 5 ELSE ", i);
    if (fraction)
        put_fraction_test(dialect, column->type, i, sql);
    else if (short_years)
        buf_puts(sql, "0");
    if (short_years) buf_puts(sql, " END");
    if (fraction || short_years) return true;
    if (format == NULL) return false;
    buf_printf(sql,
               "CASE WHEN coalesce(bool_or(TRY_CAST(regexp_extract(c%zu, '^\\s*(\\d+)', 1) AS INT) "
               "NOT BETWEEN 1 AND %d), false) THEN 0 ELSE 3 END",
               i, str_starts(format, "%d") ? 12 : 31);
    return true;
}

static char *swapped(Arena *arena, const char *format, char one, char other) {
    char *copy = arena_strdup(arena, format);
    for (char *at = copy; *at != '\0'; at++) {
        if (at == copy || at[-1] != '%') continue;
        if (*at == one) *at = other;
        else if (*at == other) *at = one;
    }
    return copy;
}

/* Once, for the first file. */
static void warn_dates(const FileCall *call, const CsvDialect *dialect, const Column *column) {
    if (call->session->diags == NULL || !str_eq(dialect->path, call->paths->items[0])) return;
    const char *format = doubtful_format(call, dialect, column->type);
    bool day = str_starts(format, "%d");
    diag_warning(call->session->diags, WARN_AMBIGUOUS_DATE, link_span(call->link, "path"),
                 "%s: the dates of column '%s' could be %s; they were read %s first",
                 dialect->name, column->name,
                 day ? "day/month or month/day" : "year/month/day or day/month/year",
                 day ? "day" : "year")
        ->hint = arena_printf(call->session->arena, "set %s: \"%s\" or \"%s\"",
                              str_eq(column->type, "DATE") ? "date_format" : "timestamp_format",
                              format, swapped(call->session->arena, format, 'd', day ? 'm' : 'y'));
}

static void warn_short_years(const FileCall *call, const CsvDialect *dialect, const char *name) {
    if (call->session->diags == NULL || !str_eq(dialect->path, call->paths->items[0])) return;
    diag_warning(call->session->diags, WARN_AMBIGUOUS_DATE, link_span(call->link, "path"),
                 "%s: column '%s' is text, as its times do not begin with a year of four digits",
                 dialect->name, name)
        ->hint = "set timestamp_format, such as \"%d/%m/%y %H:%M\" or \"%m/%d/%y %H:%M\"";
}

static void warn_word(const FileCall *call, const CsvDialect *dialect, const char *name,
                      const char *word) {
    if (call->session->diags == NULL || !str_eq(dialect->path, call->paths->items[0])) return;
    diag_warning(call->session->diags, WARN_NULL_WORD, link_span(call->link, "path"),
                 "%s: column '%s' is text, as it has the word '%s' beside numbers or times",
                 dialect->name, name, word)
        ->hint = arena_printf(call->session->arena,
                              "\"null_values\": [\"\", \"%s\"] takes it for NULL; "
                              "\"column_types\": {\"%s\": \"VARCHAR\"} says that it is meant",
                              word, name);
}

bool csv_guard_values(const FileCall *call, const CsvDialect *dialect, const Buf *extra,
                      Columns *types, Error *err) {
    Arena *arena = call->session->arena;
    size_t *tested = ARENA_ARRAY(arena, size_t, dialect->columns.count + 1), count = 0;
    Buf sql = buf_on(arena), wanted = buf_on(arena);
    for (size_t i = 0; i < dialect->columns.count; i++) {
        Buf test = buf_on(arena);
        if (columns_find(types, dialect->columns.items[i].name) != NULL ||
            !put_test(call, dialect, i, &test))
            continue;
        buf_printf(&sql, "%s%s", count > 0 ? ", " : "SELECT ", buf_text(&test));
        buf_printf(&wanted, "%sc%zu", count > 0 ? ", " : "", i);
        tested[count++] = i;
    }
    if (count == 0) return true;
    buf_printf(&sql, " FROM (SELECT %s FROM %s", buf_text(&wanted),
               csv_text_reader(call, dialect, dialect->header, csv_padding(call, buf_text(extra))));
    if (!csv_sees_all(call)) buf_printf(&sql, " LIMIT %lld", csv_sample(call));
    buf_putc(&sql, ')');
    AUTO_ROWS rows = NULL;
    Error failure = {0};
    if (!duck_query(call->session->duck, buf_text(&sql), &rows, err)) return false;
    if (!rows_next(rows, &failure)) return failure.code == ERR_NONE || (*err = failure, false);
    for (size_t i = 0; i < count; i++) {
        const char *name = dialect->columns.items[tested[i]].name;
        if (str_eq(dialect->columns.items[tested[i]].type, "VARCHAR")) {
            if (!rows_is_null(rows, i)) warn_word(call, dialect, name, rows_text(rows, i));
            continue;
        }
        int64_t result = rows_int(rows, i);
        if (result == 3) warn_dates(call, dialect, &dialect->columns.items[tested[i]]);
        if (result == 5) warn_short_years(call, dialect, name);
        if (result == 0 || result == 3) continue;
        *LIST_PUSH(arena, types) = (Column){
            name, result == 1 ? "HUGEINT" : result == 4 ? "TIMESTAMP_NS" : "VARCHAR"};
    }
    return true;
}

/* A column that only a later file has would be left out in silence. */
static bool check_columns(const FileCall *call, const CsvDialect *dialect, const CsvDialect *other,
                          Error *err) {
    for (size_t c = 0; c < other->columns.count; c++) {
        const char *name = other->columns.items[c].name;
        bool known = dialect->header ? columns_find(&dialect->columns, name) != NULL
                                     : c < dialect->columns.count;
        if (known) continue;
        error_set(err, ERR_FILE_FORMAT, link_span(call->link, "path"),
                  "%s has a column '%s' that %s lacks", other->name, name, dialect->name);
        return error_hint(err, "\"combine_files\": true takes the columns of all files");
    }
    return true;
}

/* DuckDB may pass over as many lines of the later files as of the first, and then over rows. */
static bool check_beginning(const FileCall *call, const CsvDialect *dialect,
                            const CsvDialect *other, Error *err) {
    if (dialect->skip <= other->skip) return true;
    error_set(err, ERR_FILE_FORMAT, link_span(call->link, "path"),
              "%s has %lld line%s before the table, %s has %lld", dialect->name, dialect->skip,
              dialect->skip == 1 ? "" : "s", other->name, other->skip);
    return error_hint(err, "read files that begin in different ways by sources of their own, or "
                           "remove these lines");
}

/* Takes over the types that a later file needs, where the first has not already a value, such as
 * 1.5 or T and F, that tells what the column is. */
static void add_types(const FileCall *call, const CsvDialect *dialect, const CsvDialect *other,
                      const Columns *found, Columns *types) {
    for (size_t i = 0; i < found->count; i++) {
        const Column *first = columns_find(&dialect->columns, found->items[i].name);
        const Column *later = columns_find(&other->columns, found->items[i].name);
        if (columns_find(types, found->items[i].name) == NULL &&
            (first == NULL || later == NULL || !str_eq(first->type, later->type)))
            *LIST_PUSH(call->session->arena, types) = found->items[i];
    }
}

/* Where all files are plain in the same way, the reader, which sniffs each of them anew in every
 * statement, is told so: it takes a tenth of the time. */
static void put_common_hints(const FileCall *call, Buf *extra) {
    static const char *const settled[] = {"null_padding", ", comment = ", ", delim = "};
    static const char delim[] = ", delim = '";
    if (call->paths->count > SNIFFED_FILES) return;
    for (size_t i = 0; i < sizeof settled / sizeof *settled; i++)
        if (strstr(buf_text(extra), settled[i]) != NULL) return;
    const char *hints = csv_look_at_bytes(call, 0).hints;
    if (!str_starts(hints, delim)) return;
    for (size_t i = 1; i < call->paths->count; i++)
        if (!str_eq(csv_look_at_bytes(call, i).hints, hints)) return;
    bool quoted = strstr(buf_text(extra), ", quote = ") != NULL;
    bool escaped = strstr(buf_text(extra), ", escape = ") != NULL;
    buf_printf(extra, "%s%c'", delim, hints[sizeof delim - 1]);
    if (!quoted) buf_puts(extra, ", quote = '\"'");
    if (!escaped && strstr(hints, ", escape = ") != NULL) buf_puts(extra, ", escape = '\"'");
    if (strstr(hints, ", comment = ") != NULL) buf_puts(extra, ", comment = ''");
}

/* The bytes are looked at where csv_sniff, which was told of the dialect, did not. */
static bool sniff_other(const FileCall *call, size_t index, const Buf *extra, CsvDialect *other,
                        Error *err) {
    if (!csv_sniff(call, index, buf_text(extra), other, err)) return false;
    if (strstr(buf_text(extra), ", delim = ") != NULL)
        other->bytes = csv_look_at_bytes(call, index);
    return true;
}

bool csv_guard_others(const FileCall *call, CsvDialect *dialect, Buf *extra, Columns *types,
                      Error *err) {
    bool combined = link_bool(call->link, "union_by_name");
    dialect->mixed = call->paths->count > SNIFFED_FILES;
    if (call->paths->count > 1) put_common_hints(call, extra);
    for (size_t i = 1; i < call->paths->count && i < SNIFFED_FILES; i++) {
        CsvDialect other;
        Columns found = {0};
        Error failure = {0};
        if (!sniff_other(call, i, extra, &other, &failure)) {
            const char *path = files_unescape(call->session->arena, call->paths->items[i]);
            *err = failure;
            return !str_starts(err->message, path) && error_prefix(err, "%s: ", path);
        }
        if (!csv_guard_left_out(call, i, &other, extra, err)) return false;
        dialect->mixed = dialect->mixed || !csv_is_iso(other.date_format) ||
                         !csv_is_iso(other.timestamp_format);
        if (!check_beginning(call, dialect, &other, err) ||
            (!combined && !check_columns(call, dialect, &other, err)) ||
            !csv_guard_values(call, &other, extra, &found, err))
            return false;
        add_types(call, dialect, &other, &found, types);
    }
    return true;
}
