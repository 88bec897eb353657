/* Guards against the sniffer's choice of a header: an all-text file has one in any case, a first
 * row with one field of another type is taken for one, and numbers never are. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "connectors/csv.h"

enum { HEADER_ROWS = 200 };
enum { LOWER = 1, UPPER = 2, DIGIT = 4, SPACE = 8, OTHER = 16, ALL = 31 };

static unsigned shape(const char *text) {
    unsigned mask = 0;
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        mask |= islower(c) || c >= 0x80 ? LOWER : isupper(c) ? UPPER : isdigit(c) ? DIGIT
                : c == ' ' ? SPACE : OTHER;
    }
    return mask;
}

typedef struct HeaderTest {
    Strings header;
    unsigned *common;  /* per column: what every value has */
    unsigned *any;     /* per column: what some value has */
    size_t *gaps;      /* per column: later lines whose field is empty */
    size_t *years;     /* per column: later lines whose field is a year */
    bool repeats;      /* a first-line field is a later value of its column */
    size_t rows;
} HeaderTest;

static bool is_year(const char *text) {
    return (*text == '1' || *text == '2') && strlen(text) == 4 && shape(text) == DIGIT;
}

static void test_row(HeaderTest *test, Rows *rows) {
    size_t equal = 0;
    for (size_t i = 0; i < test->header.count; i++) {
        const char *text = rows_is_null(rows, i) ? "" : rows_text(rows, i);
        test->gaps[i] += *text == '\0';
        test->years[i] += is_year(text);
        if (*text == '\0') continue;
        unsigned mask = shape(text);
        test->common[i] &= mask;
        test->any[i] |= mask;
        equal += str_eq(text, test->header.items[i]);
    }
    /* All of them equal is the header once more, as in files put one behind the other. */
    if (equal > 0 && equal < test->header.count) test->repeats = true;
    test->rows++;
}

/* Does some column's first field look unlike all its values? */
static bool looks_like_header(const HeaderTest *test) {
    for (size_t i = 0; i < test->header.count; i++) {
        unsigned own = shape(test->header.items[i]);
        if (test->any[i] == 0) continue;
        if ((test->common[i] & ~own) != 0 || (own & ~test->any[i]) != 0) return true;
    }
    return false;
}

static bool read_header_test(const FileCall *call, const CsvDialect *dialect, const char *extra,
                             HeaderTest *test, Error *err) {
    Arena *arena = call->session->arena;
    const char *reader = csv_text_reader(call, dialect, false, csv_padding(call, extra));
    AUTO_ROWS rows = NULL;
    const char *sql = arena_printf(arena, "SELECT * FROM %s LIMIT %d", reader, HEADER_ROWS);
    if (!duck_query(call->session->duck, sql, &rows, err)) return false;
    size_t count = dialect->columns.count;
    test->common = ARENA_ARRAY(arena, unsigned, count);
    test->any = ARENA_ARRAY(arena, unsigned, count);
    test->gaps = ARENA_ARRAY(arena, size_t, count);
    test->years = ARENA_ARRAY(arena, size_t, count);
    for (size_t i = 0; i < count; i++) test->common[i] = ALL;
    Error failure = {0};
    if (!rows_next(rows, &failure)) return failure.code == ERR_NONE || (*err = failure, false);
    for (size_t i = 0; i < count; i++)
        strings_add(arena, &test->header,
                    rows_is_null(rows, i) ? "" : arena_strdup(arena, rows_text(rows, i)));
    while (rows_next(rows, &failure)) test_row(test, rows);
    return failure.code == ERR_NONE || (*err = failure, false);
}

static bool is_text(const CsvDialect *dialect, size_t column) {
    return str_eq(dialect->columns.items[column].type, "VARCHAR");
}

static bool all_text(const CsvDialect *dialect) {
    for (size_t i = 0; i < dialect->columns.count; i++)
        if (!is_text(dialect, i)) return false;
    return true;
}

/* Do all fields above numbers, two at least, count the years up or down? */
static bool counts_years(const CsvDialect *dialect, const HeaderTest *test) {
    long last = 0, step = 0;
    size_t count = 0;
    for (size_t i = 0; i < test->header.count; i++) {
        const char *name = test->header.items[i];
        if (is_text(dialect, i)) continue;
        if (!is_year(name) || test->years[i] == test->rows) return false;
        long year = strtol(name, NULL, 10), by = year - last;
        if (count > 0 && labs(by) != 1) return false;
        if (count > 1 && by != step) return false;
        step = by;
        last = year;
        count++;
    }
    return count > 1;
}

/* May the first-line field of a column of numbers be its name? A year above values that are no
 * whole numbers; or at the head of a table with an index in front, or with one year after the
 * other. */
static bool is_number_name(const CsvDialect *dialect, const HeaderTest *test, size_t column) {
    const char *name = test->header.items[column];
    if (!is_text(dialect, 0) || shape(name) != DIGIT) return false;
    return *test->header.items[0] == '\0' || counts_years(dialect, test) ||
           (is_year(name) && (test->common[column] & ~(unsigned)DIGIT) != 0);
}

/* May an empty field of the first line head a column? An index in front, as pandas and R write it,
 * or one that holds nothing, as a delimiter at the end of each line makes it. */
static bool is_nameless(const HeaderTest *test, size_t column) {
    return test->gaps[column] == test->rows || (column == 0 && test->gaps[column] == 0);
}

/* DuckDB takes no line for the header that has an empty field, or numbers above numbers. */
static bool names_columns(const CsvDialect *dialect, const HeaderTest *test) {
    size_t names = 0, unusual = 0;
    for (size_t i = 0; i < test->header.count; i++) {
        const char *name = test->header.items[i];
        bool is_empty = *name == '\0', is_number = !is_empty && !is_text(dialect, i);
        if (is_empty ? !is_nameless(test, i) : is_number && !is_number_name(dialect, test, i))
            return false;
        for (size_t k = 0; !is_empty && k < i; k++)
            if (str_eq(test->header.items[k], name)) return false;
        names += !is_empty;
        unusual += is_empty || is_number;
    }
    return test->rows > 0 && names > 0 && unusual > 0 && !test->repeats;
}

/* Types and names anew, of the same dialect. */
static bool sniff_again(const FileCall *call, CsvDialect *dialect, bool header, Buf *extra,
                        Error *err) {
    CsvDialect found;
    buf_printf(extra, ", header = %s", header ? "true" : "false");
    Buf more = buf_on(call->session->arena);
    buf_puts(&more, buf_text(extra));
    if (!link_has(call->link, "delimiter") && strstr(buf_text(extra), ", delim = ") == NULL) {
        buf_puts(&more, ", delim = ");
        buf_literal(&more, dialect->delimiter);
    }
    if (!csv_sniff(call, 0, buf_text(&more), &found, err)) return false;
    found.quote = dialect->quote;
    found.escape = dialect->escape;
    *dialect = found;
    return true;
}

static void warn_header(const FileCall *call, const CsvDialect *dialect, bool kept,
                        const char *why) {
    if (call->session->diags == NULL) return;
    diag_warning(call->session->diags, WARN_HEADER_UNSURE, link_span(call->link, "path"),
                 kept ? "%s: %s; the first line was taken for the header"
                      : "%s: %s and the first line looks like data; it was read as a row, not as "
                        "the header",
                 dialect->name, why)
        ->hint = "say which: \"has_header\": true or false";
}

/* A first line that DuckDB took for a row, though it may be the header. */
static bool guard_first_row(const FileCall *call, CsvDialect *dialect, Buf *extra, Error *err) {
    HeaderTest test = {0};
    if (!read_header_test(call, dialect, buf_text(extra), &test, err)) return false;
    if (!names_columns(dialect, &test)) {
        if (all_text(dialect)) warn_header(call, dialect, false, "all columns are text");
        return true;
    }
    bool numbers = false, years = counts_years(dialect, &test);
    for (size_t i = 0; i < test.header.count; i++)
        numbers = numbers || (*test.header.items[i] != '\0' && !is_text(dialect, i));
    if (!sniff_again(call, dialect, true, extra, err)) return false;
    if (numbers && !years && *test.header.items[0] != '\0')
        warn_header(call, dialect, true, "a value stands above values");
    else if (!years && !looks_like_header(&test))
        warn_header(call, dialect, true, "a column has no name");
    return true;
}

/* Is it what a column of this type holds? */
static bool is_value(const char *type, const char *text) {
    char *end;
    if (str_eq(type, "BOOLEAN")) return str_ieq(text, "true") || str_ieq(text, "false");
    if (csv_is_time(type) || str_eq(type, "DATE"))
        return isdigit((unsigned char)*text) && strpbrk(text, ":-/.") != NULL;
    strtod(text, &end);
    return end != text && *end == '\0';
}

/* A first line that DuckDB took for the header, as some field of it is of another type than the
 * column: 1.5 above whole numbers, or NA. Such a line is a row, unless it also has a name. */
static bool guard_header_row(const FileCall *call, CsvDialect *dialect, Buf *extra, Error *err) {
    HeaderTest test = {0};
    size_t values = 0, names = 0;
    bool odd = false;
    for (size_t i = 0; i < dialect->columns.count; i++)
        values += !is_text(dialect, i) &&
                  is_value(dialect->columns.items[i].type, dialect->columns.items[i].name);
    if (values == 0) return true;
    if (!read_header_test(call, dialect, buf_text(extra), &test, err)) return false;
    for (size_t i = 0; i < test.header.count; i++) {
        const char *name = test.header.items[i];
        if (is_text(dialect, i) || *name == '\0') continue;
        bool value = is_value(dialect->columns.items[i].type, name);
        odd = odd || (value && shape(name) != DIGIT);
        names += !value && !csv_is_null_word(name, strlen(name));
    }
    if (names == 0 && !sniff_again(call, dialect, false, extra, err)) return false;
    if (names == 0)
        warn_header(call, dialect, false, "no field above numbers or times is a name");
    else if (odd)
        warn_header(call, dialect, true, "a value stands above values");
    return true;
}

bool csv_guard_header(const FileCall *call, CsvDialect *dialect, Buf *extra, Error *err) {
    if (link_has(call->link, "has_header")) return true;
    if (!dialect->header) return guard_first_row(call, dialect, extra, err);
    if (!all_text(dialect)) return guard_header_row(call, dialect, extra, err);
    HeaderTest test = {0};
    if (!read_header_test(call, dialect, buf_text(extra), &test, err)) return false;
    if (test.rows > 0 && !test.repeats && looks_like_header(&test)) return true;
    if (test.repeats && !sniff_again(call, dialect, false, extra, err)) return false;
    warn_header(call, dialect, dialect->header, "all columns are text");
    return true;
}
