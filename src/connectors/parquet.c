/* The parquet connector: files read by DuckDB's read_parquet, written by its COPY. */
#include <string.h>

#include "connectors/files.h"

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

/* DuckDB takes the columns of the first file and drops what later ones have more, in silence. */
static bool check_same_columns(const FileCall *call, Error *err) {
    if (call->paths->count < 2 || link_bool(call->link, "union_by_name")) return true;
    Arena *arena = call->session->arena;
    Buf sql = buf_on(arena);
    buf_puts(&sql, "SELECT file_name || chr(31) || name FROM parquet_schema(");
    files_path_list(&sql, call->paths);
    buf_puts(&sql, ") WHERE type IS NOT NULL AND name NOT IN (SELECT name FROM parquet_schema(");
    buf_literal(&sql, call->paths->items[0]);
    buf_puts(&sql, ")) LIMIT 1");
    const char *found = NULL;
    if (!duck_text(call->session->duck, arena, buf_text(&sql), &found, err)) return false;
    if (found == NULL) return true;
    const char *name = strchr(found, '\x1f');
    error_set(err, ERR_FILE_FORMAT, link_span(call->link, "path"),
              "%.*s has a column '%s' that %s lacks", (int)(name - found), found, name + 1,
              call->paths->items[0]);
    return error_hint(err, "\"combine_files\": true takes the columns of all files");
}

static bool source_of(const FileCall *call, FileSource *source, Error *err) {
    if (!check_same_columns(call, err)) return false;
    Buf sql = buf_on(call->session->arena);
    buf_puts(&sql, "read_parquet(");
    files_path_list(&sql, call->paths);
    files_reader_options(&sql, call);
    buf_putc(&sql, ')');
    *source = (FileSource){.call = buf_text(&sql)};
    return true;
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

const FileFormat parquet_format = {
    .name = "parquet", .extensions = "parquet|pq", .source = source_of,
    .copy_options = copy_options,
};

const Connector parquet_connector = {
    .name = "parquet",
    .summary = "Parquet files: columns and row groups are read as needed",
    .options = options,
    .can = CAN_READ | CAN_WRITE | CAN_INCREMENTAL | CAN_DISCOVER | CAN_BY_FILE,
    .check = files_check,
    .probe = files_probe,
    .schema = files_schema,
    .relation = files_relation,
    .files = files_list,
    .stage = files_stage,
    .publish = files_publish,
    .unstage = files_unstage,
    .discover = files_discover,
};
