/* Files: what csv, json and parquet share, on local disk and (through s3) elsewhere. A FileFormat
 * turns paths and options into a reader call of DuckDB and options into those of COPY; the rest
 * (finding files, projection, bounds, staging) is here and the same for all. */
#ifndef SQLFLOW_CONNECTORS_FILES_H
#define SQLFLOW_CONNECTORS_FILES_H

#include "base/buf.h"
#include "connectors/connector.h"

/* What a format makes of paths: something for FROM. */
typedef struct FileSource {
    const char *call;    /* read_csv([…], …) */
    const char *casts;   /* " REPLACE (…)" of column_types, or NULL */
    const char *rejects; /* base name of the TEMP tables that collect rejected lines, or NULL */
    long long limit;     /* rows; 0: all */
    bool guessed;        /* see Relation.guessed */
    const Columns *columns; /* of the call, when the format knows them already; or NULL */
} FileSource;

typedef struct FileCall {
    Session *session;
    const Link *link;
    const Strings *paths;    /* as DuckDB is to read them, globs escaped; at least one */
    const char *file_column; /* name of a column with the path; NULL: none */
    int64_t bytes;           /* of all files together; -1 when unknown */
    bool careful, unreadable; /* see ReadSpec */
} FileCall;

typedef struct FileFormat {
    const char *name;
    const char *extensions; /* "csv|tsv" */
    /* Looks at the files as far as it must and builds the call. */
    bool (*source)(const FileCall *call, FileSource *source, Error *err);
    /* Appends ", OPTION value" pairs of COPY … TO for a file of this name. */
    void (*copy_options)(Buf *out, const Link *link, const char *destination);
    /* MAY: see Connector.checked. */
    bool (*checked)(Session *session, const Link *link, const char *query, const char **checked,
                    Error *err);
} FileFormat;

extern const FileFormat csv_format, json_format, parquet_format;
const FileFormat *file_format_find(const char *name); /* NULL when unknown */

/* Options of every file connector; to be listed by each, so that help shows them. */
#define FILE_OPTIONS                                                                              \
    {.name = "path", .aliases = "paths|file|file_path|location|filepath", .type = OPTION_LIST,    \
     .use = USE_READ | USE_WRITE | USE_CONNECTION, .help = "file, folder, glob or a list of them"}
#define FILE_READ_OPTIONS                                                                         \
    {.name = "filename", .type = OPTION_BOOL, .use = USE_READ | USE_CONNECTION,                   \
     .fallback = "false", .help = "add the file's path as column 'filename'"},                    \
    {.name = "union_by_name", .aliases = "combine_files", .type = OPTION_BOOL,                    \
     .use = USE_READ | USE_CONNECTION, .fallback = "false",                                       \
     .help = "files may have different columns; what one lacks is NULL"},                         \
    {.name = "hive_partitioning", .use = USE_READ | USE_CONNECTION, .choices = "auto|true|false", \
     .fallback = "auto", .help = "take columns from folder names like year=2024"}
#define FILE_WRITE_OPTIONS                                                                        \
    {.name = "partition_by", .type = OPTION_NAMES, .use = USE_WRITE,                              \
     .help = "columns; one folder for each of their values; csv and parquet only"},               \
    {.name = "per_thread_output", .type = OPTION_BOOL, .use = USE_WRITE, .fallback = "false",     \
     .help = "a folder with one file per thread: faster, without order"}

/* -- reading (files_read.c) -- */

/* Paths as written by the options for DuckDB: '[' '*' '?' of real names escaped. */
const char *files_escape(Arena *arena, const char *path);
/* The real name again. */
const char *files_unescape(Arena *arena, const char *path);
/* Which files are read how. */
typedef struct Files {
    Session *session;
    const Link *link;
    const FileFormat *format;
    const Strings *paths; /* not escaped; none gives no rows of the columns in column_types */
} Files;
/* The relation over the files, with projection, types, bound, limit and file column. */
bool files_relation_of(const Files *files, const ReadSpec *spec, Relation *relation, Error *err);
bool files_schema_of(const Files *files, Columns *columns, Error *err);
/* An error when a folder like year=2024 names a column that the files have, too: DuckDB would take
 * the folder's value and hide the column's own without a word (files_partitions.c). */
bool files_check_partitions(const Files *files, Error *err);
/* An error for a compressed file that is cut off or damaged (files_whole.c). */
bool files_check_whole(const Files *files, Error *err);
/* Counts rejected lines while the relation is read and tells its failures (files_rejects.c). */
bool files_watch(const Files *files, const FileSource *source, Relation *relation, Error *err);
/* DuckDB's error about one of these files as one of ours; returns false. */
bool files_error(const Link *link, const Strings *paths, Error *err);
/* The column comes from a folder's name, year=2024, and not from the file. */
bool files_is_partition(const FileCall *call, const char *name);
/* The same, unless hive_partitioning says that folders give no columns. */
bool files_has_partition(const FileCall *call, const char *name);
/* ", hive_types = …" of the partitions in column_types, and of those whose texts only look like
 * numbers. */
void files_put_partition_types(Buf *out, const FileCall *call);
/* The query of an export into folders by these columns; none: the query itself. */
const char *files_partitioned(Arena *arena, const Strings *columns, const char *query);
/* ", filename = …, union_by_name = …" of the options that all readers know. */
void files_reader_options(Buf *out, const FileCall *call);
/* "['a', 'b']" */
void files_path_list(Buf *out, const Strings *paths);

/* -- finding (files.c) -- */

/* The local files that the link's path means, sorted, each once. None is an error unless
 * allow_none. Empty files are errors, too. */
bool files_find(Session *session, const Link *link, const FileFormat *format, bool allow_none,
                Strings *paths, Error *err);

/* -- the local connectors' functions, for their tables (files_local.c) -- */
bool files_probe(Session *session, const Link *link, ProbeReport *report, Error *err);
bool files_schema(Session *session, const Link *link, Columns *columns, Error *err);
bool files_relation(Session *session, const Link *link, const ReadSpec *spec, Relation *relation,
                    Error *err);
bool files_list(Session *session, const Link *link, FileEntries *files, Error *err);
bool files_discover(Session *session, const Link *link, Objects *objects, Error *err);
void files_check(const Link *link, OptionUse use, Diags *diags);
/* DuckDB writes no JSON into folders. */
void files_check_folders(const Link *link, const char *format, Diags *diags);
/* Lines are counted only where they may be left out. */
void files_check_left_out(const Link *link, Diags *diags);

/* A check of an export's column: SQL that is `{x} AS {x}`, or fails by {error}. */
typedef struct FileGuard {
    const char *check;   /* NULL: a column of this type is written as it is */
    const char *what;    /* the column has: "NaN or infinity" */
    const char *instead; /* what to do: "export it as text" */
} FileGuard;
typedef FileGuard GuardOf(Arena *arena, const Link *link, const char *type);
/* The query with the guards of its columns around it (files_guards.c). See FileFormat.checked. */
bool files_guarded(Session *session, const Link *link, const char *query, GuardOf *guard_of,
                   const char **checked, Error *err);

/* -- writing (files_write.c, files_publish.c) -- */
bool files_stage(Session *session, const Link *link, const WriteSpec *spec, const char *query,
                 Staged *staged, Error *err);
bool files_checked(Session *session, const Link *link, const WriteSpec *spec, const char *query,
                   const char **checked, Error *err);
bool files_publish(Session *session, const Link *link, const WriteSpec *spec, const Staged *staged,
                   Receipt *receipt, Error *err);
bool files_unstage(Session *session, const WriteSpec *spec, const Staged *staged, Error *err);
/* What the connectors of local files have in common, in their tables. */
#define FILE_CONNECTOR                                                                            \
    .can = CAN_READ | CAN_WRITE | CAN_INCREMENTAL | CAN_DISCOVER | CAN_BY_FILE | IS_LOCAL,        \
    .probe = files_probe, .schema = files_schema, .relation = files_relation,                     \
    .files = files_list, .stage = files_stage, .publish = files_publish,                          \
    .unstage = files_unstage, .discover = files_discover

/* Does an export write a folder of files? */
bool files_writes_folder(Arena *arena, const Link *link);
/* "gzip", "zstd" or "uncompressed" by option or extension. */
const char *files_compression(const Link *link, const char *destination);

#endif
