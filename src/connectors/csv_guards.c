/* Guards against DuckDB's CSV sniffer: one ragged line makes it take a file for a single column. */
#include <string.h>

#include "connectors/csv.h"

enum { LINES = 1000 };

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
static bool sniff_failed(const FileCall *call, size_t index, Error *err) {
    const char *path = files_unescape(call->session->arena, call->paths->items[index]);
    duck_abort_cause(call->session->duck, err);
    if (strstr(err->message, "automatically detect") == NULL) return false;
    if (!str_eq(files_compression(call->link, path), "uncompressed"))
        return error_hint(err, "the file may be damaged or not whole, or set delimiter and "
                               "quote_char");
    if (!csv_mixes_breaks(path)) return false;
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
    Error ignored = {0}; /* the sniff without hints tells */
    bool ok = (*bytes.hints != '\0' && sniff(call, index, bytes.hints, dialect, &ignored) &&
               dialect->columns.count > 1) ||
              sniff(call, index, "", dialect, err);
    dialect->bytes = bytes;
    return ok || sniff_failed(call, index, err);
}

const char *csv_padding(const FileCall *call, const char *extra) {
    bool padded = link_bool(call->link, "null_padding") || strstr(extra, "null_padding") != NULL;
    return padded ? ", null_padding = true, parallel = false" : "";
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
    buf_puts(&padding, csv_padding(call, "null_padding"));
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
