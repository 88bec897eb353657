/* The csv connector: files read by DuckDB's read_csv behind guards against its sniffer, written by
 * its COPY. The guards are in csv_guards.c and csv_values.c. */
#include "connectors/csv.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"

/* Files up to this size are looked at as a whole before their types are settled. */
enum { SMALL_FILES = 4 * 1024 * 1024 };

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

static void put_sample(Buf *out, const FileCall *call) {
    long long given = link_int(call->link, "sample_size");
    if (link_has(call->link, "sample_size"))
        buf_printf(out, ", sample_size = %lld", given == 0 ? -1 : given);
    else if (call->bytes >= 0 && call->bytes <= SMALL_FILES)
        buf_puts(out, ", sample_size = -1");
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
    put_text(out, link, "decimal_separator", "decimal_separator");
    put_nulls(out, link);
    put_encoding(out, link);
    if (link_has(link, "skip_rows"))
        buf_printf(out, ", skip = %lld", link_int(link, "skip_rows"));
    if (link_has(link, "compression") && !str_ieq(link_text(link, "compression"), "auto"))
        put_text(out, link, "compression", "compression");
    if (link_bool(link, "null_padding")) buf_puts(out, ", null_padding = true");
    put_sample(out, call);
}

static void put_types(Buf *out, const Link *link) {
    const Value *types = link_value(link, "column_types");
    for (size_t i = 0; types != NULL && i < types->count; i++) {
        if (out->size > 0) buf_puts(out, ", ");
        buf_literal(out, types->members[i].key);
        buf_puts(out, ": ");
        buf_literal(out, value_text(types->members[i].value));
    }
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

static bool guards(const FileCall *call, Buf *extra, Buf *types, Error *err) {
    CsvDialect dialect = {0};
    if (!csv_guard_ragged(call, &dialect, extra, err)) return false;
    /* Without quotes in its sample the sniffer settles on none, and later quotes become data. */
    const Link *link = call->link;
    if (*dialect.quote == '\0' && !link_has(link, "quote_char"))
        buf_puts(extra, link_has(link, "escape_char") ? ", quote = '\"'"
                                                      : ", quote = '\"', escape = '\"'");
    return csv_guard_header(call, &dialect, extra, err) &&
           csv_guard_values(call, &dialect, extra, types, err) &&
           csv_guard_columns(call, &dialect, extra, err);
}

static bool source_of(const FileCall *call, FileSource *source, Error *err) {
    Arena *arena = call->session->arena;
    Buf extra = buf_on(arena), types = buf_on(arena), sql = buf_on(arena);
    *source = (FileSource){.limit = link_int(call->link, "max_rows")};
    put_types(&types, call->link);
    if (!guards(call, &extra, &types, err)) return false;
    buf_puts(&sql, "read_csv(");
    files_path_list(&sql, call->paths);
    csv_parse_options(&sql, call);
    buf_puts(&sql, buf_text(&extra));
    if (types.size > 0) buf_printf(&sql, ", types = {%s}", buf_text(&types));
    put_rejects(&sql, call, source);
    files_reader_options(&sql, call);
    buf_putc(&sql, ')');
    source->call = buf_text(&sql);
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
    copy_text(out, link, "escape_char", "ESCAPE");
    copy_text(out, link, "date_format", "DATEFORMAT");
    copy_text(out, link, "timestamp_format", "TIMESTAMPFORMAT");
    if (nulls.count > 0) {
        buf_puts(out, ", NULLSTR ");
        buf_literal(out, nulls.items[0]);
    }
}

static void check(const Link *link, OptionUse use, Diags *diags) {
    const char *delimiter = link_has(link, "delimiter") ? delimiter_of(link) : ",";
    files_check(link, use, diags);
    if (*delimiter == '\0' || strlen(delimiter) > 4 || strpbrk(delimiter, "\r\n") != NULL)
        diag_error(diags, ERR_OPTION_VALUE, link_span(link, "delimiter"),
                   "delimiter must be 1 to 4 bytes and no line break")
            ->hint = "for example \",\", \";\", \"|\" or \"\\t\"";
    else if (link_has(link, "quote_char") && str_eq(delimiter, link_text(link, "quote_char")))
        diag_error(diags, ERR_OPTION_VALUE, link_span(link, "quote_char"),
                   "quote_char and delimiter are the same");
}

const FileFormat csv_format = {
    .name = "csv", .extensions = "csv|tsv", .source = source_of, .copy_options = copy_options,
};

const Connector csv_connector = {
    .name = "csv",
    .summary = "CSV and TSV files, also compressed",
    .options = options,
    .can = CAN_READ | CAN_WRITE | CAN_INCREMENTAL | CAN_DISCOVER | CAN_BY_FILE,
    .check = check,
    .probe = files_probe,
    .schema = files_schema,
    .relation = files_relation,
    .files = files_list,
    .stage = files_stage,
    .publish = files_publish,
    .unstage = files_unstage,
    .discover = files_discover,
};
