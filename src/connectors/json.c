/* The json connector: arrays of objects and JSON lines, read by DuckDB's read_json, written by its
 * COPY. All objects are looked at for the columns: what DuckDB's sample of 20,480 objects has not
 * seen, its reader would drop in silence. */
#include "connectors/json.h"

#include <string.h>

#include "base/fs.h"

static const OptionSpec options[] = {
    FILE_OPTIONS,
    FILE_READ_OPTIONS,
    FILE_WRITE_OPTIONS,
    {.name = "json_format", .aliases = "format", .use = USE_READ | USE_CONNECTION,
     .choices = "auto|array|newline_delimited|lines|unstructured", .fallback = "auto",
     .help = "how the objects follow each other"},
    {.name = "compression", .aliases = "compress", .choices = "auto|none|gzip|zstd",
     .fallback = "auto", .help = "auto goes by the extension (.gz, .zst)"},
    {.name = "sample_size", .type = OPTION_INT, .use = USE_READ | USE_CONNECTION,
     .help = "objects to take the columns from; default, and where there are numbers: all"},
    {.name = "maximum_object_size", .type = OPTION_INT, .use = USE_READ | USE_CONNECTION,
     .help = "bytes of the largest object; default 16 MB"},
    {.name = "max_rows", .aliases = "limit|nrows", .type = OPTION_INT, .use = USE_READ,
     .help = "read no more than this many"},
    {.name = "date_format", .aliases = "dateformat", .help = "such as %d.%m.%Y"},
    {.name = "timestamp_format", .aliases = "timestampformat", .help = "such as %d.%m.%Y %H:%M"},
    {.name = "array", .type = OPTION_BOOL, .use = USE_WRITE,
     .help = "one array; default for .json, else one object a line"},
    {0},
};

static void put_text(Buf *out, const Link *link, const char *option, const char *parameter) {
    const char *text = link_text(link, option);
    if (text == NULL) return;
    buf_printf(out, ", %s = ", parameter);
    buf_literal(out, text);
}

static const char *format_of(const FileCall *files) {
    const char *format = link_text(files->link, "json_format");
    if (format == NULL || str_ieq(format, "auto")) return "";
    if (str_ieq(format, "lines")) format = "newline_delimited";
    return arena_printf(files->session->arena, ", format = %s",
                        sql_literal(files->session->arena, format));
}

static const char *packing_of(const FileCall *files) {
    const Link *link = files->link;
    Buf out = buf_on(files->session->arena);
    if (!str_ieq(link_text(link, "compression"), "auto"))
        put_text(&out, link, "compression", "compression");
    if (link_has(link, "maximum_object_size"))
        buf_printf(&out, ", maximum_object_size = %lld", link_int(link, "maximum_object_size"));
    return buf_text(&out);
}

/* `sample`: how many objects are looked at; 0: all. */
static const char *options_of(const FileCall *files, long long sample) {
    const Link *link = files->link;
    Buf out = buf_on(files->session->arena);
    if (sample == 0) sample = -1;
    buf_printf(&out, ", sample_size = %lld, maximum_sample_files = 1000000", sample);
    put_text(&out, link, "date_format", "dateformat");
    put_text(&out, link, "timestamp_format", "timestampformat");
    files_reader_options(&out, files);
    return buf_text(&out);
}

static const char *reader_of(const JsonCall *call) {
    return arena_printf(call->files->session->arena, "read_json(%s%s%s%s)", call->paths,
                        call->format, call->packing, call->options);
}

static bool describe(JsonCall *call, Error *err) {
    Session *session = call->files->session;
    const char *sql = arena_printf(session->arena, "SELECT * FROM %s", reader_of(call));
    call->columns = (Columns){0};
    return duck_describe(session->duck, session->arena, sql, &call->columns, err);
}

/* Past the sample DuckDB would make 1.5 or true fit a column of whole numbers: may it, in some? */
static bool may_round(const Columns *columns) {
    static const char *const types[] = {"BIGINT", "HUGEINT", "BOOLEAN"};
    for (size_t i = 0; i < columns->count; i++)
        for (size_t t = 0; t < sizeof types / sizeof *types; t++)
            if (strstr(columns->items[i].type, types[t]) != NULL) return true;
    return false;
}

static bool describe_sample(JsonCall *call, Error *err) {
    long long sample = link_int(call->files->link, "sample_size");
    call->options = options_of(call->files, sample);
    if (!describe(call, err)) return false;
    if (sample == 0 || !may_round(&call->columns)) return true;
    call->options = options_of(call->files, 0);
    return describe(call, err);
}

/* Behind a byte order mark DuckDB does not see that the file is an array, and gives it as one value
 * in one row. Lines of arrays look the same to it; those cannot be read as an array. */
static void look_for_array(JsonCall *call) {
    const Column *only = call->columns.items;
    if (*call->format != '\0' || call->columns.count == 0 || !str_eq(only->name, "json") ||
        !(str_ends(only->type, "[]") || str_eq(only->type, "JSON")))
        return;
    JsonCall array = *call;
    Error ignored = {0};
    array.format = ", format = 'array'";
    if (describe(&array, &ignored)) *call = array;
}

static bool source_of(const FileCall *files, FileSource *source, Error *err) {
    Buf paths = buf_on(files->session->arena);
    files_path_list(&paths, files->paths);
    JsonCall *call = ARENA_NEW(files->session->arena, JsonCall);
    *call = (JsonCall){.files = files, .paths = buf_text(&paths), .format = format_of(files),
                       .packing = packing_of(files)};
    *source = (FileSource){.columns = &call->columns,
                           .limit = link_int(files->link, "max_rows")};
    if (!describe_sample(call, err)) return false;
    look_for_array(call);
    if (!files->careful) {
        source->call = json_guarded(call, reader_of(call), &source->guessed);
        return true;
    }
    Buf all = buf_on(files->session->arena);
    buf_puts(&all, call->options);
    if (!json_keep_numbers(call, source->limit, &all, err)) return false;
    call->options = buf_text(&all);
    source->call = reader_of(call);
    return true;
}

static void put_format(Buf *out, const Link *link, const char *option, const char *name) {
    const char *text = link_text(link, option);
    if (text == NULL) return;
    buf_printf(out, ", %s ", name);
    buf_literal(out, text);
}

static void copy_options(Buf *out, const Link *link, const char *destination) {
    const char *extension = fs_extension(out->arena, destination);
    bool lines = str_eq(extension, "jsonl") || str_eq(extension, "ndjson");
    bool array = link_has(link, "array") ? link_bool(link, "array") : !lines;
    buf_printf(out, "FORMAT json, ARRAY %s, COMPRESSION ", array ? "true" : "false");
    buf_literal(out, files_compression(link, destination));
    put_format(out, link, "date_format", "DATEFORMAT");
    put_format(out, link, "timestamp_format", "TIMESTAMPFORMAT");
}

const FileFormat json_format = {
    .name = "json", .extensions = "json|jsonl|ndjson", .source = source_of,
    .copy_options = copy_options, .checked = json_checked,
};

const Connector json_connector = {
    .name = "json",
    .summary = "JSON files: an array of objects, or one object a line",
    .options = options,
    .check = files_check,
    .checked = files_checked,
    FILE_CONNECTOR,
};
