/* The parquet connector: files read by DuckDB's read_parquet, written by its COPY. */
#include <string.h>

#include "connectors/files.h"
#include "engine/casts.h"

static const OptionSpec options[] = {
    FILE_OPTIONS,
    FILE_READ_OPTIONS,
    FILE_WRITE_OPTIONS,
    {.name = "compression", .use = USE_WRITE, .fallback = "zstd",
     .choices = "zstd|snappy|gzip|lz4|lz4_raw|brotli|uncompressed|none|auto",
     .help = "of the pages"},
    {.name = "compression_level", .type = OPTION_INT, .use = USE_WRITE,
     .help = "of zstd: 1 is quick, 22 is small"},
    {.name = "row_group_size", .type = OPTION_INT, .use = USE_WRITE,
     .help = "rows in a row group; default 122880"},
    {0},
};

static bool is_integer(const char *type) {
    return strstr(type, "INT") != NULL && strstr(type, "INTERVAL") == NULL;
}

/* Columns that the first file lacks or has in another type. Of several nested ones with one name
 * (element) the types are not compared. */
static const char *differences(const FileCall *call) {
    Buf sql = buf_on(call->session->arena);
    buf_puts(&sql, "WITH c AS MATERIALIZED (SELECT file_name AS f, name AS n, CASE WHEN "
                   "min(duckdb_type) = max(duckdb_type) THEN min(duckdb_type) END AS t "
                   "FROM parquet_schema(");
    files_path_list(&sql, call->paths);
    buf_puts(&sql, ") WHERE type IS NOT NULL GROUP BY ALL), first AS (FROM c WHERE f = ");
    buf_literal(&sql, files_unescape(call->session->arena, call->paths->items[0]));
    buf_puts(&sql, ") SELECT min(c.f), c.n, c.t, first.t, first.n IS NULL FROM c LEFT JOIN first "
                   "ON c.n = first.n WHERE first.n IS NULL OR c.t <> first.t "
                   "GROUP BY ALL ORDER BY ALL");
    return buf_text(&sql);
}

/* One row of the differences; true when it is none that matters. */
static bool is_harmless(const FileCall *call, Rows *rows, Error *err) {
    const char *file = rows_text(rows, 0), *name = rows_text(rows, 1);
    const char *first_file = files_unescape(call->session->arena, call->paths->items[0]);
    Span span = link_span(call->link, "path");
    if (rows_int(rows, 4)) {
        error_set(err, ERR_FILE_FORMAT, span, "%s has a column '%s' that %s lacks", file, name,
                  first_file);
        return error_hint(err, "\"combine_files\": true takes the columns of all files");
    }
    const char *type = rows_text(rows, 2), *first = rows_text(rows, 3);
    if (is_integer(type) && is_integer(first)) return true;
    if (cast_kind(type, first) == CAST_EXACT) return true;
    error_set(err, ERR_FILE_FORMAT, span, "the column '%s' is %s in %s and %s in %s", name, first,
              first_file, type, file);
    return error_hint(err, "\"combine_files\": true takes a type that holds both");
}

/* DuckDB takes columns and types of the first file. It drops in silence what later ones have more,
 * and casts their values: 1.5 becomes 2, a time of day is cut. Only integers that do not fit are
 * an error of its. */
static bool check_same_schema(const FileCall *call, Error *err) {
    if (call->paths->count < 2 || link_bool(call->link, "union_by_name")) return true;
    AUTO_ROWS rows = NULL;
    if (!duck_query(call->session->duck, differences(call), &rows, err)) return false;
    Error failure = {0};
    while (rows_next(rows, &failure))
        if (!is_harmless(call, rows, err)) return false;
    if (failure.code != ERR_NONE) *err = failure;
    return failure.code == ERR_NONE;
}

static bool is_settled(const FileCall *call, const char *column) {
    Strings some = link_list(call->link, call->session->arena, "columns");
    return value_get(link_value(call->link, "column_types"), column) != NULL ||
           (some.count > 0 && !strings_has(&some, column));
}

/* One column, or member of one, of which DuckDB's type does not hold all digits. */
static bool check_type(const FileCall *call, const Columns *columns, Rows *rows, Error *err) {
    Arena *arena = call->session->arena;
    const char *file = rows_text(rows, 0), *name = rows_text(rows, 1), *type = rows_text(rows, 2);
    bool member = columns_find(columns, name) == NULL;
    const char *hint = arena_printf(arena, "\"column_types\": {\"%s\": \"%s\"} says that it is "
                                           "meant, and \"columns\" can leave it out", name, type);
    if (!member && is_settled(call, name)) return true;
    if (member) hint = "have the file written with fewer digits, or with text";
    if (str_eq(type, "DOUBLE"))
        return error_set(err, ERR_FILE_FORMAT, link_span(call->link, "path"),
                         "%s: '%s' has numbers of %s digits, of which DuckDB's %s does not hold "
                         "all", file, name, rows_text(rows, 3), type) ||
               error_hint(err, "%s", hint);
    if (call->session->diags != NULL)
        diag_warning(call->session->diags, WARN_DIGITS, link_span(call->link, "path"),
                     "%s: '%s' has nanoseconds, and DuckDB's %s holds microseconds", file, name,
                     type)->hint = hint;
    return true;
}

/* What DuckDB has no type for it reads as one that holds less: numbers of more than 38 digits, and
 * nanoseconds of instants and times of day. */
static bool check_types(const FileCall *call, const Columns *columns, Error *err) {
    bool odd = false;
    for (size_t i = 0; i < columns->count; i++)
        odd = odd || strstr(columns->items[i].type, "DOUBLE") != NULL ||
              strstr(columns->items[i].type, "TIME") != NULL;
    if (!odd) return true;
    Buf sql = buf_on(call->session->arena);
    buf_puts(&sql, "SELECT min(file_name), name, duckdb_type, max(regexp_extract(logical_type, "
                   "'precision=(\\d+)', 1)) FROM parquet_schema(");
    files_path_list(&sql, call->paths);
    buf_puts(&sql, ") WHERE CASE WHEN duckdb_type = 'DOUBLE' THEN logical_type LIKE "
                   "'DecimalType%' WHEN duckdb_type IN ('TIME', 'TIMESTAMP WITH TIME ZONE') THEN "
                   "logical_type LIKE '%NANOS=Nano%' END GROUP BY name, duckdb_type ORDER BY ALL");
    AUTO_ROWS rows = NULL;
    if (!duck_query(call->session->duck, buf_text(&sql), &rows, err)) return false;
    Error failure = {0};
    while (rows_next(rows, &failure))
        if (!check_type(call, columns, rows, err)) return false;
    if (failure.code != ERR_NONE) *err = failure;
    return failure.code == ERR_NONE;
}

static bool source_of(const FileCall *call, FileSource *source, Error *err) {
    if (!check_same_schema(call, err)) return false;
    Session *session = call->session;
    Buf sql = buf_on(session->arena);
    Columns *columns = ARENA_NEW(session->arena, Columns);
    buf_puts(&sql, "read_parquet(");
    files_path_list(&sql, call->paths);
    files_reader_options(&sql, call);
    buf_putc(&sql, ')');
    *source = (FileSource){.call = buf_text(&sql), .columns = columns};
    return duck_describe(session->duck, session->arena,
                         arena_printf(session->arena, "SELECT * FROM %s", source->call), columns,
                         err) &&
           check_types(call, columns, err);
}

static void copy_options(Buf *out, const Link *link, const char *destination) {
    (void)destination;
    const char *compression = link_text(link, "compression");
    if (compression == NULL || str_ieq(compression, "auto")) compression = "zstd";
    if (str_ieq(compression, "none")) compression = "uncompressed";
    buf_puts(out, "FORMAT parquet, COMPRESSION ");
    buf_literal(out, compression);
    if (link_has(link, "compression_level"))
        buf_printf(out, ", COMPRESSION_LEVEL %lld", link_int(link, "compression_level"));
    if (link_has(link, "row_group_size"))
        buf_printf(out, ", ROW_GROUP_SIZE %lld", link_int(link, "row_group_size"));
}

/* DuckDB writes integers of 128 bits, which sum() of integers gives, as DOUBLE, at any depth. */
static const char *huge_check(Arena *arena, const char *type) {
    const char *written = str_replace(arena, type, "UHUGEINT", "DOUBLE");
    return arena_printf(arena,
                        "CASE WHEN TRY_CAST({x}::%s AS %s) IS DISTINCT FROM {x} THEN {error} "
                        "ELSE {x} END AS {x}",
                        str_replace(arena, written, "HUGEINT", "DOUBLE"), type);
}

/* Nor does Parquet know parts of a millisecond in intervals, and offsets of times of day. */
static FileGuard guard_of(Arena *arena, const Link *link, const char *type) {
    (void)link;
    static const char split[] = "a part of a millisecond, which Parquet does not hold";
    if (str_istarts(type, "ENUM(")) return (FileGuard){0};
    if (strstr(type, "HUGEINT") != NULL)
        return (FileGuard){huge_check(arena, type),
                           "a whole number that Parquet holds as a DOUBLE, which rounds it",
                           "export it as DECIMAL(38, 0) or as text"};
    if (str_eq(type, "INTERVAL"))
        return (FileGuard){"CASE WHEN date_part('microseconds', {x}) % 1000 <> 0 THEN {error} "
                           "ELSE {x} END AS {x}",
                           split, "export it as text"};
    if (strstr(type, "INTERVAL") != NULL)
        return (FileGuard){"CASE WHEN regexp_matches({x}::VARCHAR, "
                           "':\\d\\d\\.\\d{3}\\d*[1-9]') THEN {error} ELSE {x} END AS {x}",
                           split, "export it as text"};
    if (str_eq(type, "TIME WITH TIME ZONE"))
        return (FileGuard){"CASE WHEN date_part('timezone', {x}) <> 0 THEN {error} ELSE {x} END "
                           "AS {x}",
                           "an offset from UTC, which Parquet does not hold for times of day",
                           "export it as text"};
    return (FileGuard){0};
}

static bool checked(Session *session, const Link *link, const char *query, const char **guarded,
                    Error *err) {
    return files_guarded(session, link, query, guard_of, guarded, err);
}

const FileFormat parquet_format = {
    .name = "parquet", .extensions = "parquet|pq", .source = source_of,
    .copy_options = copy_options, .checked = checked,
};

const Connector parquet_connector = {
    .name = "parquet",
    .summary = "Parquet files: columns and row groups are read as needed",
    .options = options,
    .check = files_check,
    .checked = files_checked,
    FILE_CONNECTOR,
};
