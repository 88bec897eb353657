/* The options that every source and every connector knows, and the ones of older or other tools
 * that mean nothing here. Only data; options.c works with it. */
#include "connectors/options_tables.h"

const OptionSpec source_options[] = {
    {.name = "sync_mode", .use = USE_READ, .choices = "full_refresh|incremental",
     .fallback = "full_refresh", .help = "read all each time, or only what is new"},
    {.name = "cursor_field", .aliases = "cursor|cursor_column|incremental_column", .use = USE_READ,
     .help = "column that grows with every new or changed row"},
    {.name = "cursor_type", .use = USE_READ, .choices = "auto|text", .fallback = "auto",
     .help = "text: the cursor is text, compared byte by byte"},
    {.name = "primary_key", .aliases = "primary_keys|unique_key", .type = OPTION_NAMES,
     .use = USE_READ, .help = "column or columns that tell rows apart"},
    {.name = "columns", .type = OPTION_NAMES, .use = USE_READ,
     .help = "read only these, in this order"},
    {.name = "column_types", .aliases = "types|dtypes|schema_overrides", .type = OPTION_MAP,
     .use = USE_READ, .help = "column → DuckDB type, instead of the detected one"},
    {.name = "on_schema_change", .use = USE_READ, .choices = "fail|add_columns|ignore",
     .fallback = "fail", .help = "what to do with a column that the target lacks"},
    {.name = "on_duplicate", .use = USE_READ, .choices = "last|error", .fallback = "last",
     .help = "UPSERT: what to do with several rows of one key"},
    {.name = "lookback", .use = USE_READ,
     .help = "read again what is this far below the watermark: a number, or 2 DAYS"},
    {.name = "null_cursor", .use = USE_READ, .choices = "error|include|exclude",
     .fallback = "error", .help = "what to do with rows whose cursor is NULL"},
    {.name = "allow_empty", .type = OPTION_BOOL, .use = USE_READ, .fallback = "false",
     .help = "no file, or no bytes in it, is fine"},
    {0},
};

const OptionSpec common_options[] = {
    {.name = "max_retries", .aliases = "retries", .type = OPTION_INT, .fallback = "3",
     .help = "attempts after the first when a connection fails"},
    {.name = "retry_delay", .type = OPTION_NUMBER, .fallback = "1",
     .help = "seconds before the first retry, doubled for each more"},
    {.name = "retry_max_delay", .type = OPTION_NUMBER, .fallback = "30",
     .help = "most seconds between two attempts"},
    {.name = "timeout_seconds", .aliases = "timeout", .type = OPTION_NUMBER, .fallback = "60",
     .positive = true, .help = "bound of every wait for the network"},
    {.name = "description", .help = "a note for readers"},
    {0},
};

const char *const ignored_options[] = {
    "batch_size",  "chunk_size", "low_memory",  "memory_map", "dialect",     "engine",
    "parse_dates", "infer_schema", "pool_size", "max_overflow", "index",     "if_exists",
    "flatten",     "orient",     "use_threads", "buffer_size", "line_terminator", NULL,
};
