/* The csv connector: files read by DuckDB's read_csv behind guards against its sniffer, written by
 * its COPY. The guards are in csv_guards.c, csv_header.c, csv_values.c and their
 * neighbours. */
#include "connectors/csv.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "connectors/column_types.h"

enum { SAMPLE_ROWS = 20480 };

static const OptionSpec options[] = {
    FILE_OPTIONS,
    {.name = "delimiter", .aliases = "sep|delim|separator|field_delimiter",
     .help = "between fields; default: detected, ',' in exports"},
    {.name = "has_header", .aliases = "header|include_header", .type = OPTION_BOOL,
     .help = "the first line names the columns; default: detected, true in exports"},
    {.name = "quote_char", .aliases = "quote|quotechar", .type = OPTION_CHAR,
     .help = "around fields; '' for none"},
    {.name = "escape_char", .aliases = "escape|escapechar", .type = OPTION_CHAR,
     .help = "before a quote within quotes"},
    {.name = "null_values", .aliases = "null_value|nullstr|na_values|null_string|na_rep",
     .type = OPTION_LIST, .help = "texts that mean NULL; in exports the text for NULL"},
    {.name = "encoding", .use = USE_READ | USE_CONNECTION, .fallback = "utf-8",
     .choices = "utf-8|utf8|latin-1|latin1|iso-8859-1|utf-16|utf16", .help = "of the file"},
    {.name = "skip_rows", .aliases = "skip|skiprows|skip_lines", .type = OPTION_INT,
     .use = USE_READ | USE_CONNECTION, .help = "lines before the header"},
    {.name = "max_rows", .aliases = "limit|nrows", .type = OPTION_INT, .use = USE_READ,
     .help = "read no more than this many"},
    {.name = "date_format", .aliases = "dateformat", .help = "such as %d.%m.%Y"},
    {.name = "timestamp_format", .aliases = "timestampformat|datetime_format",
     .help = "such as %d.%m.%Y %H:%M"},
    {.name = "decimal_separator", .aliases = "decimal", .type = OPTION_CHAR,
     .use = USE_READ | USE_CONNECTION, .help = "in numbers; default '.'"},
    {.name = "comment_char", .aliases = "comment", .type = OPTION_CHAR,
     .use = USE_READ | USE_CONNECTION, .help = "starts a line that is left out"},
    {.name = "compression", .aliases = "compress", .choices = "auto|none|gzip|zstd",
     .fallback = "auto", .help = "auto goes by the extension (.gz, .zst)"},
    {.name = "ignore_errors", .type = OPTION_BOOL, .use = USE_READ | USE_CONNECTION,
     .fallback = "false", .help = "leave out lines that cannot be read, and count them"},
    {.name = "max_errors", .type = OPTION_INT, .use = USE_READ | USE_CONNECTION,
     .help = "with ignore_errors: fail beyond this many"},
    {.name = "null_padding", .type = OPTION_BOOL, .use = USE_READ | USE_CONNECTION,
     .fallback = "false", .help = "lines may be short; what they lack is NULL"},
    {.name = "sample_size", .type = OPTION_INT, .use = USE_READ | USE_CONNECTION,
     .help = "rows to take the types from; default 20480, all of a small file; 0: all"},
    {.name = "max_line_size", .aliases = "maximum_line_size", .type = OPTION_INT,
     .use = USE_READ | USE_CONNECTION, .help = "bytes of the longest line; default 2 MB"},
    FILE_READ_OPTIONS,
    FILE_WRITE_OPTIONS,
    {0},
};

static void put_literal(Buf *out, const char *parameter, const char *text) {
    buf_printf(out, ", %s = ", parameter);
    buf_literal(out, text);
}

static void put_text(Buf *out, const Link *link, const char *option, const char *parameter) {
    if (link_has(link, option)) put_literal(out, parameter, link_text(link, option));
}

static const char *delimiter_of(const Link *link) {
    const char *text = link_text(link, "delimiter");
    return str_eq(text, "\\t") || str_ieq(text, "tab") ? "\t" : text;
}

static void put_encoding(Buf *out, const Link *link) {
    const char *encoding = link_text(link, "encoding");
    if (encoding == NULL || str_istarts(encoding, "utf-8") || str_ieq(encoding, "utf8")) return;
    put_literal(out, "encoding", str_istarts(encoding, "utf") ? "utf-16" : "latin-1");
}

static void put_nulls(Buf *out, const Link *link) {
    Strings nulls = link_list(link, out->arena, "null_values");
    if (nulls.count == 0) return;
    buf_puts(out, ", nullstr = ");
    files_path_list(out, &nulls);
}

bool csv_sees_all(const FileCall *call) {
    if (link_has(call->link, "sample_size")) return link_int(call->link, "sample_size") == 0;
    return call->bytes >= 0 && call->bytes <= CSV_SMALL;
}

long long csv_sample(const FileCall *call) {
    return link_has(call->link, "sample_size") ? link_int(call->link, "sample_size") : SAMPLE_ROWS;
}

static void put_sample(Buf *out, const FileCall *call) {
    if (csv_sees_all(call))
        buf_puts(out, ", sample_size = -1");
    else if (link_has(call->link, "sample_size"))
        buf_printf(out, ", sample_size = %lld", link_int(call->link, "sample_size"));
}

void csv_plain_options(Buf *out, const FileCall *call) {
    const Link *link = call->link;
    put_nulls(out, link);
    put_encoding(out, link);
    put_text(out, link, "decimal_separator", "decimal_separator");
    if (link_has(link, "max_line_size"))
        buf_printf(out, ", max_line_size = %lld", link_int(link, "max_line_size"));
    csv_put_buffer(out, call);
    if (!str_ieq(link_text(link, "compression"), "auto"))
        put_text(out, link, "compression", "compression");
}

void csv_parse_options(Buf *out, const FileCall *call) {
    const Link *link = call->link;
    if (link_has(link, "delimiter")) put_literal(out, "delim", delimiter_of(link));
    if (link_has(link, "has_header"))
        buf_printf(out, ", header = %s", link_bool(link, "has_header") ? "true" : "false");
    put_text(out, link, "quote_char", "quote");
    put_text(out, link, "escape_char", "escape");
    put_text(out, link, "comment_char", "comment");
    put_text(out, link, "date_format", "dateformat");
    put_text(out, link, "timestamp_format", "timestampformat");
    if (link_has(link, "skip_rows"))
        buf_printf(out, ", skip = %lld", link_int(link, "skip_rows"));
    buf_puts(out, csv_padding(call, ""));
    csv_plain_options(out, call);
    put_sample(out, call);
}

/* A name for the TEMP tables of rejected lines that no other read of the run has. */
static const char *reject_table(const FileCall *call) {
    static unsigned long counter;
    return arena_printf(call->session->arena, "_sqlflow_rejects_%lu",
                        __atomic_add_fetch(&counter, 1, __ATOMIC_RELAXED));
}

static void put_rejects(Buf *out, const FileCall *call, FileSource *source) {
    if (!link_bool(call->link, "ignore_errors")) return;
    source->rejects = reject_table(call);
    buf_puts(out, ", ignore_errors = true, store_rejects = true");
    put_literal(out, "rejects_table", source->rejects);
    put_literal(out, "rejects_scan",
                arena_printf(call->session->arena, "%s_scans", source->rejects));
}

/* -- the reader call --------------------------------------------------------------------- */

static bool user_types(const FileCall *call, Columns *types, Error *err) {
    const Value *given = link_value(call->link, "column_types");
    for (size_t i = 0; given != NULL && i < given->count; i++) {
        if (files_has_partition(call, given->members[i].key)) continue;
        Column *column = LIST_PUSH(call->session->arena, types);
        column->name = given->members[i].key;
        if (!column_type_name(call->session, given->members[i].value, &column->type, err))
            return false;
    }
    return true;
}

/* Without quotes in its sample the sniffer settles on none, and later quotes would become data. */
static void settle_quotes(const FileCall *call, CsvDialect *dialect, Buf *extra) {
    const Link *link = call->link;
    bool assumed = !csv_sees_all(call) && !link_has(link, "quote_char") &&
                   (*dialect->quote == '\0' || str_eq(dialect->quote, "\""));
    if (link_has(link, "quote_char"))
        dialect->quote = link_text(link, "quote_char");
    else if (assumed)
        dialect->quote = "\"";
    if (link_has(link, "escape_char"))
        dialect->escape = link_text(link, "escape_char");
    else if (*dialect->escape == '\0')
        dialect->escape = dialect->quote;
    if (!assumed) return;
    buf_puts(extra, ", quote = '\"'");
    if (!link_has(link, "escape_char") && str_eq(dialect->escape, "\""))
        buf_puts(extra, ", escape = '\"'");
}

static bool guards(const FileCall *call, CsvDialect *dialect, Buf *extra, Columns *types,
                   Error *err) {
    if (!csv_check_encoding(call, err) || !csv_guard_ragged(call, dialect, extra, err) ||
        !csv_guard_left_out(call, 0, dialect, extra, err))
        return false;
    settle_quotes(call, dialect, extra);
    return csv_guard_header(call, dialect, extra, err) &&
           csv_guard_values(call, dialect, extra, types, err) &&
           csv_guard_others(call, dialect, extra, types, err);
}

static const char *type_of(const Columns *types, const Column *column) {
    const Column *found = columns_find(types, column->name);
    return found != NULL ? found->type : column->type;
}

bool csv_is_iso(const char *format) { return format == NULL || str_starts(format, "%Y-%m-%d"); }

/* A format costs a tenth of the whole read, and ISO is what is read without one. */
static const char *format_of(const Link *link, const char *option, const char *found) {
    if (link_has(link, option)) return link_text(link, option);
    return csv_is_iso(found) ? NULL : found;
}

/* One file is read exactly as it was sniffed: DuckDB need not detect anything again. */
static void put_fixed(Buf *sql, const FileCall *call, const CsvDialect *dialect,
                      const Columns *types) {
    const char *const texts[][2] = {
        {"delim", dialect->delimiter}, {"quote", dialect->quote}, {"escape", dialect->escape},
        {"comment", dialect->comment},
        {"dateformat", format_of(call->link, "date_format", dialect->date_format)},
        {"timestampformat",
         format_of(call->link, "timestamp_format", dialect->timestamp_format)}};
    buf_puts(sql, ", auto_detect = false");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i][1] != NULL) put_literal(sql, texts[i][0], texts[i][1]);
    buf_printf(sql, ", skip = %lld, header = %s", dialect->skip,
               dialect->header ? "true" : "false");
    csv_plain_options(sql, call);
    buf_puts(sql, ", columns = {");
    for (size_t i = 0; i < dialect->columns.count; i++) {
        if (i > 0) buf_puts(sql, ", ");
        buf_literal(sql, dialect->columns.items[i].name);
        buf_puts(sql, ": ");
        buf_literal(sql, type_of(types, &dialect->columns.items[i]));
    }
    buf_putc(sql, '}');
}

/* Several files may differ in dialect and types, so each is sniffed by DuckDB. */
static void put_detected(Buf *sql, const FileCall *call, const Buf *extra, const Columns *types) {
    csv_parse_options(sql, call);
    buf_puts(sql, buf_text(extra));
    for (size_t i = 0; i < types->count; i++) {
        buf_puts(sql, i == 0 ? ", types = {" : ", ");
        buf_literal(sql, types->items[i].name);
        buf_puts(sql, ": ");
        buf_literal(sql, types->items[i].type);
    }
    if (types->count > 0) buf_putc(sql, '}');
}

static const char *reader(const FileCall *call, const CsvDialect *dialect, const Buf *extra,
                          const Columns *types, const char *more) {
    Buf sql = buf_on(call->session->arena);
    buf_puts(&sql, "read_csv(");
    files_path_list(&sql, call->paths);
    const char *padding = csv_padding(call, buf_text(extra));
    if (call->paths->count == 1) {
        put_fixed(&sql, call, dialect, types);
        buf_puts(&sql, padding);
    } else {
        put_detected(&sql, call, extra, types);
    }
    buf_puts(&sql, more);
    if (*padding == '\0' && csv_may_lose_rows(call, dialect)) buf_puts(&sql, ", parallel = false");
    files_reader_options(&sql, call);
    buf_putc(&sql, ')');
    return buf_text(&sql);
}

/* The columns as they would be read now. */
static bool read_columns(const FileCall *call, const CsvDialect *dialect, const Buf *extra,
                         const Columns *types, Columns *columns, Error *err) {
    Arena *arena = call->session->arena;
    if (call->paths->count == 1) {
        for (size_t i = 0; i < dialect->columns.count; i++)
            *LIST_PUSH(arena, columns) = (Column){dialect->columns.items[i].name,
                                                  type_of(types, &dialect->columns.items[i])};
        return true;
    }
    const char *lenient = link_bool(call->link, "ignore_errors") ? ", ignore_errors = true" : "";
    const char *call_sql = reader(call, dialect, extra, types, lenient);
    return duck_describe(call->session->duck, arena,
                         arena_printf(arena, "SELECT * FROM %s", call_sql), columns, err);
}

/* May a column hold values that its type would change? Not where all were seen, no type was given,
 * or found past 64 bits in some file, and there is no DOUBLE. */
static bool is_unsure(const FileCall *call, const CsvDialect *dialect, const Columns *types) {
    if (!csv_sees_all(call) || types->count > 0 || call->paths->count > 1) return true;
    for (size_t i = 0; i < dialect->columns.count; i++)
        if (str_eq(dialect->columns.items[i].type, "DOUBLE")) return true;
    return false;
}

/* What looking at the files' heads has told, with the warnings that it gave. */
typedef struct Look {
    CsvDialect dialect;
    Buf extra;
    Columns types;
    CsvExact exact;
    Diags heard;
} Look;

static bool look_at(const FileCall *call, Look *look, Error *err) {
    Columns columns = {0};
    look->extra = buf_on(call->session->arena);
    look->exact.types = &look->types;
    if (!user_types(call, &look->types, err)) return false;
    if (!guards(call, &look->dialect, &look->extra, &look->types, err)) return false;
    return !is_unsure(call, &look->dialect, &look->types) ||
           (read_columns(call, &look->dialect, &look->extra, &look->types, &columns, err) &&
            csv_guard_exact(call, &look->dialect, &look->extra, &columns, &look->exact,
                               err));
}

/* A run looks at a file when it validates and again when it loads: the same file, size, time and
 * options give the same look. NULL when it is not to be remembered. */
static const char *memo_key(const FileCall *call) {
    int64_t size = 0, mtime = 0;
    if (call->session->memo == NULL || call->paths->count != 1 ||
        !fs_stat(call->paths->items[0], &size, &mtime))
        return NULL;
    return arena_printf(call->session->arena, "csv %s %lld %lld %d %d %s", call->paths->items[0],
                        (long long)size, (long long)mtime, call->careful, call->unreadable,
                        link_json(call->session->arena, call->link));
}

/* Looks, in the memo's arena when the look is to be kept. */
static Look *look(const FileCall *call, Error *err) {
    const char *key = memo_key(call);
    Look *known = key == NULL ? NULL : map_get(call->session->memo, key);
    if (known != NULL && str_eq(known->dialect.path, call->paths->items[0])) return known;
    Session session = *call->session;
    if (key != NULL) session.arena = call->session->memo->arena;
    Strings paths = {0};
    for (size_t i = 0; i < call->paths->count; i++)
        strings_add(session.arena, &paths, arena_strdup(session.arena, call->paths->items[i]));
    Look *fresh = ARENA_NEW(session.arena, Look);
    fresh->heard = diags_on(session.arena);
    session.diags = &fresh->heard;
    FileCall own = *call;
    own.session = &session;
    own.paths = &paths;
    if (!look_at(&own, fresh, err)) return NULL;
    if (key != NULL) map_set(call->session->memo, key, fresh);
    return fresh;
}

static bool source_of(const FileCall *call, FileSource *source, Error *err) {
    Arena *arena = call->session->arena;
    Buf rejects = buf_on(arena);
    *source = (FileSource){.limit = link_int(call->link, "max_rows")};
    const Look *seen = look(call, err);
    if (seen == NULL) return false;
    if (call->session->diags != NULL) diags_copy(call->session->diags, &seen->heard);
    put_rejects(&rejects, call, source);
    source->call = csv_checked(call, &seen->exact,
                               reader(call, &seen->dialect, &seen->extra, &seen->types,
                                      buf_text(&rejects)));
    source->guessed = seen->exact.guessed;
    return true;
}

static void copy_text(Buf *out, const Link *link, const char *option, const char *name) {
    if (!link_has(link, option)) return;
    buf_printf(out, ", %s ", name);
    buf_literal(out, link_text(link, option));
}

static void copy_options(Buf *out, const Link *link, const char *destination) {
    bool tabs = str_eq(fs_extension(out->arena, destination), "tsv");
    bool header = !link_has(link, "has_header") || link_bool(link, "has_header");
    Strings nulls = link_list(link, out->arena, "null_values");
    buf_printf(out, "FORMAT csv, HEADER %s, DELIMITER ", header ? "true" : "false");
    buf_literal(out, link_has(link, "delimiter") ? delimiter_of(link) : tabs ? "\t" : ",");
    buf_puts(out, ", COMPRESSION ");
    buf_literal(out, files_compression(link, destination));
    copy_text(out, link, "quote_char", "QUOTE");
    /* DuckDB's default is `"` whatever the quote is; readers expect the quote doubled. */
    copy_text(out, link, link_has(link, "escape_char") ? "escape_char" : "quote_char", "ESCAPE");
    copy_text(out, link, "date_format", "DATEFORMAT");
    copy_text(out, link, "timestamp_format", "TIMESTAMPFORMAT");
    if (nulls.count > 0) {
        buf_puts(out, ", NULLSTR ");
        buf_literal(out, nulls.items[0]);
    }
}

/* Without a quote, a delimiter or line break in a value would be one of the file. */
static FileGuard guard_of(Arena *arena, const Link *link, const char *type) {
    (void)type;
    const char *delimiter = link_has(link, "delimiter") ? delimiter_of(link) : ",";
    const char *check = arena_printf(
        arena, "CASE WHEN contains({x}::VARCHAR, %s) OR regexp_matches({x}::VARCHAR, '[\r\n]') "
               "THEN {error} ELSE {x} END AS {x}",
        sql_literal(arena, delimiter));
    return (FileGuard){check, "a delimiter or line break, and no quote_char is there to guard it",
                       "give a quote_char or another delimiter, or replace it"};
}

static bool checked(Session *session, const Link *link, const char *query, const char **guarded,
                    Error *err) {
    *guarded = query;
    if (!link_has(link, "quote_char") || *link_text(link, "quote_char") != '\0') return true;
    return files_guarded(session, link, query, guard_of, guarded, err);
}

static void check(const Link *link, OptionUse use, Diags *diags) {
    const char *delimiter = link_has(link, "delimiter") ? delimiter_of(link) : ",";
    files_check(link, use, diags);
    if (*delimiter == '\0' || strlen(delimiter) > 4 || strpbrk(delimiter, "\r\n") != NULL)
        diag_error(diags, ERR_OPTION_VALUE, link_span(link, "delimiter"),
                   "delimiter must be 1 to 4 bytes and no line break")
            ->hint = "for example \",\", \";\", \"|\" or \"\\t\"";
    if (link_has(link, "max_line_size") && link_int(link, "max_line_size") < 1)
        diag_error(diags, ERR_OPTION_VALUE, link_span(link, "max_line_size"),
                   "max_line_size must be positive");
    if (link_has(link, "quote_char") && str_eq(delimiter, link_text(link, "quote_char")))
        diag_error(diags, ERR_OPTION_VALUE, link_span(link, "quote_char"),
                   "quote_char and delimiter are the same");
}

const FileFormat csv_format = {
    .name = "csv", .extensions = "csv|tsv", .source = source_of, .copy_options = copy_options,
    .checked = checked,
};

const Connector csv_connector = {
    .name = "csv",
    .summary = "CSV and TSV files, also compressed",
    .options = options,
    .check = check,
    .checked = files_checked,
    FILE_CONNECTOR,
};
