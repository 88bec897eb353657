/* The options of the s3 connector and the checks that go beyond single ones. The formats' own
 * options are those of csv.c, json.c and parquet.c; a unit test compares the tables. */
#include <string.h>

#include "connectors/s3.h"

enum { READ = USE_READ | USE_CONNECTION };

#define OLDER(option)                                                                             \
    {.name = option, .type = OPTION_ANY, .help = "older pipelines have it; it means nothing here"}

const OptionSpec s3_options[] = {
    {.name = "uri", .aliases = "url|path|s3_uri", .use = USE_READ | USE_WRITE,
     .help = "s3://bucket/key, s3://bucket/prefix/ or s3://bucket/glob"},
    {.name = "bucket", .aliases = "bucket_name", .help = "name of the bucket"},
    {.name = "key", .aliases = "object_key|s3_key", .use = USE_READ | USE_WRITE,
     .help = "of one object"},
    {.name = "path_prefix", .aliases = "prefix", .help = "folder: all objects in it and below"},
    {.name = "key_pattern", .aliases = "pattern|glob", .use = READ,
     .help = "glob for keys, below path_prefix: year=*/*.parquet"},
    {.name = "region", .aliases = "region_name|aws_region", .help = "such as eu-west-1"},
    {.name = "endpoint_url", .aliases = "endpoint", .help = "of a server that is not AWS"},
    {.name = "url_style", .choices = "auto|path|vhost", .fallback = "auto",
     .help = "bucket in the path or in the host name; auto: vhost for AWS"},
    {.name = "use_ssl", .aliases = "ssl", .type = OPTION_BOOL,
     .help = "https; default true unless endpoint_url is http:// on loopback"},
    {.name = "access_key_id", .aliases = "access_key|aws_access_key_id|key_id", .secret = true,
     .help = "default: the AWS chain (environment, shared files, SSO, instance)"},
    {.name = "secret_access_key", .aliases = "secret_key|aws_secret_access_key", .secret = true,
     .help = "that goes with access_key_id"},
    {.name = "session_token", .aliases = "aws_session_token", .secret = true,
     .help = "of temporary credentials"},
    {.name = "aws_profile", .aliases = "profile|profile_name",
     .help = "name in ~/.aws/credentials or ~/.aws/config"},
    {.name = "file_format", .aliases = "format",
     .choices = "csv|tsv|json|jsonl|ndjson|parquet", .help = "default: by the extension"},
    {.name = "max_files_per_run", .aliases = "max_files", .type = OPTION_INT, .use = READ,
     .positive = true, .help = "no more files than this in one run"},
    OLDER("cost_limit_usd"), OLDER("max_data_size_gb"), OLDER("dev_sampling"),
    OLDER("dev_max_files"), OLDER("mock_mode"), OLDER("partition_keys"), OLDER("json_flatten"),
    OLDER("json_max_depth"), OLDER("parallel_workers"),
    FILE_READ_OPTIONS,
    FILE_WRITE_OPTIONS,
    {.name = "compression", .aliases = "compress",
     .choices = "auto|none|gzip|zstd|snappy|lz4|lz4_raw|brotli|uncompressed",
     .help = "csv, json: auto, none, gzip, zstd; parquet: of the pages, default zstd"},
    {.name = "delimiter", .aliases = "sep|delim|separator|field_delimiter|csv_delimiter",
     .help = "csv: between fields; default: detected, ',' in exports"},
    {.name = "has_header", .aliases = "header|include_header|csv_header", .type = OPTION_BOOL,
     .help = "csv: the first line names the columns; default: detected, true in exports"},
    {.name = "quote_char", .aliases = "quote|quotechar", .type = OPTION_CHAR,
     .help = "csv: around fields; '' for none"},
    {.name = "escape_char", .aliases = "escape|escapechar", .type = OPTION_CHAR,
     .help = "csv: before a quote within quotes"},
    {.name = "null_values", .aliases = "null_value|nullstr|na_values|null_string|na_rep",
     .type = OPTION_LIST, .help = "csv: texts that mean NULL; in exports the text for NULL"},
    {.name = "encoding", .aliases = "csv_encoding", .use = READ,
     .choices = "utf-8|utf8|latin-1|latin1|iso-8859-1|utf-16|utf16", .help = "csv: of the file"},
    {.name = "skip_rows", .aliases = "skip|skiprows|skip_lines", .type = OPTION_INT, .use = READ,
     .help = "csv: lines before the header"},
    {.name = "max_rows", .aliases = "limit|nrows", .type = OPTION_INT, .use = USE_READ,
     .help = "csv, json: read no more than this many"},
    {.name = "date_format", .aliases = "dateformat", .help = "csv, json: such as %d.%m.%Y"},
    {.name = "timestamp_format", .aliases = "timestampformat|datetime_format",
     .help = "csv, json: such as %d.%m.%Y %H:%M"},
    {.name = "decimal_separator", .aliases = "decimal", .type = OPTION_CHAR, .use = READ,
     .help = "csv: in numbers; default '.'"},
    {.name = "comment_char", .aliases = "comment", .type = OPTION_CHAR, .use = READ,
     .help = "csv: starts a line that is left out"},
    {.name = "ignore_errors", .type = OPTION_BOOL, .use = READ, .fallback = "false",
     .help = "csv: leave out lines that cannot be read, and count them"},
    {.name = "max_errors", .type = OPTION_INT, .use = READ,
     .help = "csv: with ignore_errors: fail beyond this many"},
    {.name = "null_padding", .type = OPTION_BOOL, .use = READ, .fallback = "false",
     .help = "csv: lines may be short; what they lack is NULL"},
    {.name = "max_line_size", .aliases = "maximum_line_size", .type = OPTION_INT, .use = READ,
     .help = "csv: bytes of the longest line; default 2 MB"},
    {.name = "sample_size", .type = OPTION_INT, .use = READ,
     .help = "csv, json: rows to take the types from; 0: all"},
    {.name = "json_format", .use = READ,
     .choices = "auto|array|newline_delimited|lines|unstructured",
     .help = "json: how the objects follow each other"},
    {.name = "maximum_object_size", .type = OPTION_INT, .use = READ,
     .help = "json: bytes of the largest object; default 16 MB"},
    {.name = "array", .type = OPTION_BOOL, .use = USE_WRITE,
     .help = "json: one array; default for .json, else one object a line"},
    {.name = "compression_level", .type = OPTION_INT, .use = USE_WRITE,
     .help = "parquet: of zstd: 1 is quick, 22 is small"},
    {.name = "row_group_size", .type = OPTION_INT, .use = USE_WRITE,
     .help = "parquet: rows in a row group; default 122880"},
    {0},
};

typedef struct Checker {
    const Link *link;
    OptionUse use;
    Diags *diags;
    Arena *arena;
} Checker;

static void complain(const Checker *check, ErrorCode code, const char *option, const char *message,
                     const char *hint) {
    diag_error(check->diags, code, link_span(check->link, option), "%s", message)->hint = hint;
}

static void check_older(const Checker *check) {
    for (const OptionSpec *spec = s3_options; spec->name != NULL; spec++)
        if (spec->type == OPTION_ANY && link_has(check->link, spec->name))
            diag_warning(check->diags, WARN_FOREIGN_OPTION, link_span(check->link, spec->name),
                         "%s is accepted for older pipelines and means nothing here", spec->name);
}

static void check_key(const Checker *check, const char *option, const char *key) {
    if (key == NULL || strpbrk(key, "?*[") == NULL) return;
    complain(check, ERR_OPTION_VALUE, option, "a key must not hold ?, * or [: it names one object",
             "for several objects use \"key_pattern\" or \"path_prefix\"");
}

/* Both in the statement: what one of them inherits from the connection, the other replaces. */
static bool given_together(const Link *link, const char *one, const char *other) {
    return link_has(link, one) && link_has(link, other) &&
           link_span(link, one).source == link_span(link, other).source;
}

static void check_place(const Checker *check, S3Place *place) {
    const Link *link = check->link;
    const char *uri = link_has(link, "uri") ? link_text(link, "uri") : NULL;
    if (uri != NULL && !str_istarts(uri, "s3://"))
        complain(check, ERR_OPTION_VALUE, "uri", "uri must begin with s3://",
                 "for example s3://bucket/folder/file.csv");
    else if (!s3_place_of(check->arena, link, place))
        complain(check, ERR_MISSING_OPTION, uri != NULL ? "uri" : "bucket",
                 "nothing says in which bucket the objects are",
                 "add \"uri\": \"s3://bucket/key\", or \"bucket\" and \"key\"");
    static const char *const pairs[][2] = {
        {"uri", "key"}, {"uri", "path_prefix"}, {"uri", "key_pattern"}, {"key", "path_prefix"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (given_together(link, pairs[i][0], pairs[i][1]))
            complain(check, ERR_OPTION_VALUE, pairs[i][1],
                     arena_printf(check->diags->arena, "%s and %s exclude each other",
                                  pairs[i][0], pairs[i][1]),
                     "keep one of them");
    if (link_has(link, "key")) check_key(check, "key", link_text(link, "key"));
    if (link_has(link, "key") && link_has(link, "key_pattern") && uri == NULL)
        complain(check, ERR_OPTION_VALUE, "key_pattern", "key and key_pattern exclude each other",
                 "keep one of them");
}

static void check_credentials(const Checker *check) {
    const Link *link = check->link;
    bool id = link_has(link, "access_key_id"), secret = link_has(link, "secret_access_key");
    if (id != secret)
        complain(check, ERR_MISSING_OPTION, id ? "access_key_id" : "secret_access_key",
                 id ? "access_key_id needs secret_access_key"
                    : "secret_access_key needs access_key_id",
                 "give both, or neither for the AWS chain");
    else if (link_has(link, "session_token") && !id)
        complain(check, ERR_MISSING_OPTION, "session_token", "session_token needs access_key_id",
                 "give all three, or none for the AWS chain");
    if (link_has(link, "aws_profile") && id)
        complain(check, ERR_OPTION_VALUE, "aws_profile",
                 "aws_profile and access_key_id exclude each other", "keep one of them");
}

static void check_endpoint(const Checker *check) {
    const Link *link = check->link;
    const char *url = link_has(link, "endpoint_url") ? link_text(link, "endpoint_url") : NULL;
    if (url == NULL) return;
    bool given = link_has(link, "use_ssl"), ssl = link_bool(link, "use_ssl");
    S3Endpoint endpoint = s3_endpoint(check->arena, link, NULL);
    if (endpoint.host == NULL || *endpoint.host == '\0' ||
        strpbrk(endpoint.host, "/ ?#@") != NULL)
        complain(check, ERR_OPTION_VALUE, "endpoint_url", "endpoint_url must be a host and a port",
                 "for example https://s3.example.com or http://127.0.0.1:9000");
    else if (str_istarts(url, "http://") && given && ssl)
        complain(check, ERR_OPTION_VALUE, "use_ssl", "endpoint_url is http://, use_ssl is true",
                 "write https://, or \"use_ssl\": false");
    else if (str_istarts(url, "https://") && given && !ssl)
        complain(check, ERR_OPTION_VALUE, "use_ssl", "endpoint_url is https://, use_ssl is false",
                 "write http://, or leave use_ssl out");
    else if (!endpoint.ssl && !endpoint.loopback && !given)
        complain(check, ERR_OPTION_VALUE, "endpoint_url",
                 "plain http leaves this machine unencrypted",
                 "write https://, or \"use_ssl\": false when the network can be trusted");
}

static void check_compression(const Checker *check, const char *format) {
    const char *name = link_has(check->link, "compression")
                           ? link_text(check->link, "compression") : NULL;
    if (name == NULL || str_eq(format, "parquet")) return;
    static const char *const known[] = {"auto", "none", "gzip", "zstd", "uncompressed", NULL};
    if (str_in(name, known)) return;
    complain(check, ERR_OPTION_VALUE, "compression",
             arena_printf(check->diags->arena, "%s files cannot have the compression '%s'", format,
                          name),
             "it is one of: auto, none, gzip, zstd");
}

/* Options of another format than the files have. */
static void check_format(const Checker *check, const char *format) {
    const Connector *reader = connector_find(format);
    bool own = true;
    for (const OptionSpec *spec = s3_options; spec->name != NULL; spec++) {
        if (str_eq(spec->name, "filename")) own = false;
        if (own || !link_has(check->link, spec->name) || option_find(reader, spec->name) != NULL)
            continue;
        diag_warning(check->diags, WARN_FOREIGN_OPTION, link_span(check->link, spec->name),
                     "%s means nothing for %s files", spec->name, format);
    }
    check_compression(check, format);
}

static void check_known_format(const Checker *check, const S3Place *place) {
    if (place->format != NULL) {
        check_format(check, place->format);
        if (check->use == USE_WRITE) files_check_folders(check->link, place->format, check->diags);
        return;
    }
    if (check->use == USE_READ && place->key == NULL) return; /* the objects' extensions will */
    diag_error(check->diags, ERR_MISSING_OPTION, check->link->span,
               "nothing says which format %s has", place->uri)
        ->hint = "add \"file_format\": \"csv\", \"json\" or \"parquet\"";
}

void s3_check(const Link *link, OptionUse use, Diags *diags) {
    AUTO_ARENA arena = arena_new();
    Checker check = {.link = link, .use = use, .diags = diags, .arena = arena};
    S3Place place = {0};
    size_t errors = diags->errors;
    check_older(&check);
    check_credentials(&check);
    check_endpoint(&check);
    files_check(link, USE_WRITE, diags);
    if (use == USE_READ) {
        check_place(&check, &place);
        files_check_left_out(link, diags);
    } else if (use == USE_WRITE && link->name != NULL && str_istarts(link->name, "s3://")) {
        if (!s3_place_to(arena, link, link->name, &place))
            complain(&check, ERR_OPTION_VALUE, "uri", "the S3 destination has no bucket",
                     "write s3://bucket/key.csv");
        check_key(&check, "uri", place.key != NULL ? place.key : place.prefix);
    }
    if (diags->errors == errors && place.uri != NULL) check_known_format(&check, &place);
}
