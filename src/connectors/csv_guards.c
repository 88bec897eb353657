/* Guards against DuckDB's CSV sniffer: one ragged line makes it take a file for a single column,
 * and the first line of an all-text file for a header in any case. */
#include <ctype.h>
#include <string.h>

#include "connectors/csv.h"

enum { LINES = 1000, HEADER_ROWS = 200 };

static const char *sniffed(Arena *arena, Rows *rows, size_t column) {
    const char *text = rows_text(rows, column);
    if (text == NULL) return NULL;
    return arena_strdup(arena, str_eq(text, "(empty)") ? "" : text);
}

static bool sniff(const FileCall *call, size_t index, const char *extra, CsvDialect *dialect,
                  Error *err) {
    Arena *arena = call->session->arena;
    Buf sql = buf_on(arena);
    buf_puts(&sql, "WITH s AS (SELECT * FROM sniff_csv(");
    buf_literal(&sql, call->paths->items[index]);
    csv_parse_options(&sql, call);
    buf_puts(&sql, extra);
    if (link_bool(call->link, "ignore_errors")) buf_puts(&sql, ", ignore_errors = true");
    buf_puts(&sql, ")) SELECT s.Delimiter, s.Quote, s.Escape, s.Comment, s.SkipRows, s.HasHeader, "
                   "s.DateFormat, s.TimestampFormat, c.name, c.type FROM s, "
                   "(SELECT unnest(s.Columns) AS c FROM s)");
    AUTO_ROWS rows = NULL;
    if (!duck_query(call->session->duck, buf_text(&sql), &rows, err)) return false;
    Error failure = {0};
    *dialect = (CsvDialect){.path = call->paths->items[index], .delimiter = ",", .quote = "",
                            .escape = "", .comment = "",
                            .name = files_unescape(arena, call->paths->items[index])};
    while (rows_next(rows, &failure)) {
        if (dialect->columns.count == 0) {
            dialect->delimiter = sniffed(arena, rows, 0);
            dialect->quote = sniffed(arena, rows, 1);
            dialect->escape = sniffed(arena, rows, 2);
            dialect->comment = sniffed(arena, rows, 3);
            dialect->skip = rows_int(rows, 4);
            dialect->header = rows_int(rows, 5) != 0;
            dialect->date_format = sniffed(arena, rows, 6);
            dialect->timestamp_format = sniffed(arena, rows, 7);
        }
        Column *column = LIST_PUSH(arena, &dialect->columns);
        column->name = arena_strdup(arena, rows_text(rows, 8));
        column->type = arena_strdup(arena, rows_text(rows, 9));
    }
    if (failure.code != ERR_NONE) *err = failure;
    return failure.code == ERR_NONE;
}

/* A failed sniff may abort the transaction, and then the one after it tells only that. */
static bool sniff_failed(const FileCall *call, size_t index, const Error *hinted, Error *err) {
    const char *path = files_unescape(call->session->arena, call->paths->items[index]);
    if (strstr(err->message, "transaction is aborted") != NULL && hinted->code != ERR_NONE)
        *err = *hinted;
    if (strstr(err->message, "automatically detect") == NULL || !csv_mixes_breaks(path))
        return false;
    error_set(err, ERR_FILE_FORMAT, link_span(call->link, "path"),
              "%s: some lines end in \\r\\n and others in \\n", path);
    return error_hint(err, "make them alike: sed -i 's/\\r$//' '%s'", path);
}

bool csv_sniff(const FileCall *call, size_t index, const char *extra, CsvDialect *dialect,
               Error *err) {
    if (*extra != '\0') {
        bool sniffed_it = sniff(call, index, extra, dialect, err);
        dialect->bytes = csv_unknown_bytes;
        return sniffed_it;
    }
    CsvBytes bytes = csv_look_at_bytes(call, index);
    Error hinted = {0};
    bool ok = (*bytes.hints != '\0' && sniff(call, index, bytes.hints, dialect, &hinted) &&
               dialect->columns.count > 1) ||
              sniff(call, index, "", dialect, err);
    dialect->bytes = bytes;
    return ok || sniff_failed(call, index, &hinted, err);
}

/* Parsing without detection, of lines as they come. */
static void put_dialect(Buf *sql, const CsvDialect *dialect, bool header) {
    const char *const texts[][2] = {{"delim", dialect->delimiter}, {"quote", dialect->quote},
                                    {"escape", dialect->escape}, {"comment", dialect->comment}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        buf_printf(sql, ", %s = ", texts[i][0]);
        buf_literal(sql, texts[i][1]);
    }
    buf_printf(sql, ", skip = %lld, header = %s, ignore_errors = true, strict_mode = false",
               dialect->skip, header ? "true" : "false");
}

const char *csv_text_reader(const FileCall *call, const CsvDialect *dialect, bool header,
                            const char *extra) {
    Buf sql = buf_on(call->session->arena);
    buf_puts(&sql, "read_csv(");
    buf_literal(&sql, dialect->path);
    buf_puts(&sql, ", auto_detect = false");
    put_dialect(&sql, dialect, header);
    csv_plain_options(&sql, call);
    buf_puts(&sql, ", columns = {");
    for (size_t i = 0; i < dialect->columns.count; i++)
        buf_printf(&sql, "%s'c%zu': 'VARCHAR'", i > 0 ? ", " : "", i);
    buf_printf(&sql, "}%s)", extra);
    return buf_text(&sql);
}

const char *csv_line_reader(const FileCall *call, const char *path, long long skip) {
    CsvDialect raw = {.path = path, .delimiter = "\x01", .quote = "", .escape = "",
                      .comment = "", .skip = skip};
    *LIST_PUSH(call->session->arena, &raw.columns) = (Column){"line", "VARCHAR"};
    return csv_text_reader(call, &raw, false, "");
}

/* -- ragged lines ------------------------------------------------------------------------ */

static size_t count_delimiter(const char *line, char delimiter) {
    size_t count = 0;
    bool quoted = false;
    for (; *line != '\0'; line++) {
        if (*line == '"') quoted = !quoted;
        if (*line == delimiter && !quoted) count++;
    }
    return count;
}

/* The delimiter that the header line has most of; 0 when it has none: then the file has one column
 * indeed. Where the first line is no header, half of the lines must have it, too. */
static bool guess_delimiter(const FileCall *call, const CsvDialect *whole, char *out, Error *err) {
    static const char candidates[] = CSV_DELIMITERS;
    size_t header[4] = {0}, lines[4] = {0}, total = 0;
    const char *reader = csv_line_reader(call, whole->path, link_int(call->link, "skip_rows"));
    AUTO_ROWS rows = NULL;
    *out = '\0';
    if (!duck_query(call->session->duck,
                    arena_printf(call->session->arena, "SELECT c0 FROM %s LIMIT %d", reader, LINES),
                    &rows, err))
        return false;
    Error failure = {0};
    for (; rows_next(rows, &failure); total++) {
        const char *line = rows_is_null(rows, 0) ? "" : rows_text(rows, 0);
        for (size_t i = 0; i < 4; i++) {
            size_t count = count_delimiter(line, candidates[i]);
            if (total == 0) header[i] = count;
            lines[i] += count > 0;
        }
    }
    size_t best = 0;
    for (size_t i = 1; i < 4; i++)
        if (header[i] > header[best]) best = i;
    bool headless = link_has(call->link, "has_header") && !link_bool(call->link, "has_header");
    if (header[best] > 0 && total > 1 && (!headless || lines[best] * 2 >= total))
        *out = candidates[best];
    return true;
}

static void warn_ragged(const FileCall *call, const CsvDialect *dialect) {
    if (call->session->diags == NULL) return;
    diag_warning(call->session->diags, WARN_RAGGED, link_span(call->link, "path"),
                 "%s: not all lines have the same number of fields; it was read with "
                 "\"null_padding\": true, as %zu columns", dialect->name, dialect->columns.count)
        ->hint = "set null_padding yourself, or repair the lines";
}

/* A compressed file of nothing, or a byte order mark alone, makes a column of the sniffer's own. */
static bool check_not_empty(const FileCall *call, const CsvDialect *dialect, Error *err) {
    if (dialect->columns.count != 1 || !str_eq(dialect->columns.items[0].name, "column0"))
        return true;
    AUTO_ROWS rows = NULL;
    const char *reader = csv_text_reader(call, dialect, false, "");
    const char *sql = arena_printf(call->session->arena, "SELECT 1 FROM %s LIMIT 1", reader);
    Error failure = {0};
    if (!duck_query(call->session->duck, sql, &rows, &failure) || rows_next(rows, &failure) ||
        failure.code != ERR_NONE)
        return true; /* what is wrong with it the reader will tell */
    error_set(err, ERR_FILE_EMPTY, link_span(call->link, "path"), "the file %s is empty",
              dialect->name);
    return error_hint(err, "a CSV file without rows still has its header line");
}

bool csv_guard_ragged(const FileCall *call, CsvDialect *dialect, Buf *extra, Error *err) {
    Arena *arena = call->session->arena;
    const Link *link = call->link;
    Error failure = {0};
    bool found = csv_sniff(call, 0, buf_text(extra), dialect, &failure);
    bool given = link_has(link, "delimiter");
    if (found && !check_not_empty(call, dialect, err)) return false;
    if ((found && (dialect->columns.count > 1 || given)) || link_bool(link, "null_padding")) {
        if (!found) *err = failure;
        return found;
    }
    char delimiter = '\0';
    Error ignored = {0};
    CsvDialect padded = {.path = call->paths->items[0]};
    Buf padding = buf_on(arena);
    if (!given && guess_delimiter(call, &padded, &delimiter, &ignored) && delimiter != '\0')
        buf_printf(&padding, ", delim = '%c'", delimiter);
    if (!given && delimiter == '\0') {
        if (!found) *err = failure;
        return found;
    }
    buf_puts(&padding, ", null_padding = true");
    const char *more = arena_printf(arena, "%s%s", buf_text(extra), buf_text(&padding));
    if (!csv_sniff(call, 0, more, &padded, &ignored) || padded.columns.count < 2) {
        if (!found) *err = failure;
        return found;
    }
    *dialect = padded;
    buf_puts(extra, buf_text(&padding));
    if (!link_bool(link, "ignore_errors")) warn_ragged(call, dialect);
    return true;
}

/* -- header ------------------------------------------------------------------------------ */

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
    bool repeats;      /* a first-line field is a later value of its column */
    size_t rows;
} HeaderTest;

static void test_row(HeaderTest *test, Rows *rows) {
    size_t equal = 0;
    for (size_t i = 0; i < test->header.count; i++) {
        const char *text = rows_is_null(rows, i) ? "" : rows_text(rows, i);
        test->gaps[i] += *text == '\0';
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
    const char *padding = strstr(extra, "null_padding") != NULL ? ", null_padding = true" : "";
    const char *reader = csv_text_reader(call, dialect, false, padding);
    AUTO_ROWS rows = NULL;
    const char *sql = arena_printf(arena, "SELECT * FROM %s LIMIT %d", reader, HEADER_ROWS);
    if (!duck_query(call->session->duck, sql, &rows, err)) return false;
    size_t count = dialect->columns.count;
    test->common = ARENA_ARRAY(arena, unsigned, count);
    test->any = ARENA_ARRAY(arena, unsigned, count);
    test->gaps = ARENA_ARRAY(arena, size_t, count);
    for (size_t i = 0; i < count; i++) test->common[i] = ALL;
    Error failure = {0};
    if (!rows_next(rows, &failure)) return true;
    for (size_t i = 0; i < count; i++)
        strings_add(arena, &test->header,
                    rows_is_null(rows, i) ? "" : arena_strdup(arena, rows_text(rows, i)));
    while (rows_next(rows, &failure)) test_row(test, rows);
    return true;
}

static bool is_text(const CsvDialect *dialect, size_t column) {
    return str_eq(dialect->columns.items[column].type, "VARCHAR");
}

static bool all_text(const CsvDialect *dialect) {
    for (size_t i = 0; i < dialect->columns.count; i++)
        if (!is_text(dialect, i)) return false;
    return true;
}

/* May the first-line field of a column of numbers be its name? Whole numbers, such as years, above
 * values that are none; or at the head of a table with an index in front. */
static bool is_number_name(const CsvDialect *dialect, const HeaderTest *test, size_t column) {
    unsigned own = shape(test->header.items[column]);
    bool indexed = *test->header.items[0] == '\0';
    return is_text(dialect, 0) && own == DIGIT && (indexed || (test->common[column] & ~own) != 0);
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
static bool sniff_with_header(const FileCall *call, CsvDialect *dialect, Buf *extra, Error *err) {
    CsvDialect found;
    buf_puts(extra, ", header = true");
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
    if (!sniff_with_header(call, dialect, extra, err)) return false;
    if (!looks_like_header(&test))
        warn_header(call, dialect, true, "a column has no name");
    return true;
}

bool csv_guard_header(const FileCall *call, CsvDialect *dialect, Buf *extra, Error *err) {
    if (link_has(call->link, "has_header")) return true;
    if (!dialect->header) return guard_first_row(call, dialect, extra, err);
    if (!all_text(dialect)) return true;
    HeaderTest test = {0};
    if (!read_header_test(call, dialect, buf_text(extra), &test, err)) return false;
    if (test.rows > 0 && !test.repeats && looks_like_header(&test)) return true;
    if (test.repeats) {
        dialect->header = false;
        buf_puts(extra, ", header = false");
    }
    warn_header(call, dialect, dialect->header, "all columns are text");
    return true;
}
