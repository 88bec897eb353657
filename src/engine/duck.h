/* Duck: one DuckDB instance and its connection. The library is loaded on the first duck_open.
 * Results are streamed; a result dies when the same connection runs another statement.
 * Error positions of DuckDB are given as a byte offset into the SQL (duck_error_offset). */
#ifndef SQLFLOW_ENGINE_DUCK_H
#define SQLFLOW_ENGINE_DUCK_H

#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

typedef struct Duck Duck;

typedef struct DuckConfig {
    const char *path;         /* database file, attached as `db` and used; NULL: in memory */
    bool read_only;
    bool bare;                /* in memory, for parsing only: the fewest settings */
    const char *memory_limit; /* NULL: DuckDB's default; likewise below */
    long long threads;        /* 0: default */
    const char *temp_directory; /* made with mode 0700 and emptied of stale files at start */
    bool temp_optional; /* without the folder it opens, too, and spills nothing to disk */
    const char *max_temp_directory_size;
} DuckConfig;

/* Loads the library and opens. A missing file is created with mode 0600 unless read_only. Errors:
 * ERR_LIBRARY, ERR_DATABASE, ERR_PERMISSION, ERR_LOCKED, ERR_DISK, ERR_LIMIT: each names the
 * file; ERR_PROFILE for a setting that DuckDB refuses. With a path, the process's umask is 0077
 * until duck_close, because DuckDB makes the WAL at any commit; see duck_file_mode. */
bool duck_open(const DuckConfig *config, Duck **out, Error *err);
/* Attaches config->path to an instance that was opened without one, as duck_open does: it becomes
 * the current database `db`; `memory` is the instance's own. */
bool duck_attach(Duck *duck, const DuckConfig *config, Error *err);
/* From here on `db` is the file of this path, perhaps the same file under another name. No
 * transaction is open. On failure there may be no `db`. */
bool duck_switch(Duck *duck, const char *path, Error *err);
/* In place of it, `db` is a database in memory with what the file defines, but no rows; empty where
 * there is no file. */
bool duck_attach_definitions(Duck *duck, const char *path, Error *err);
/* For an instance that was opened with temp_optional: makes the folder if it is still missing. */
bool duck_need_temp(Duck *duck, const DuckConfig *config, Error *err);
void duck_close(Duck *duck); /* NULL allowed */
void duck_cleanup(Duck **duck);
#define AUTO_DUCK __attribute__((cleanup(duck_cleanup))) Duck *

/* The memory_limit, DuckDB's own when none was given, in bytes, and how many threads share it. */
typedef struct DuckMemory {
    int64_t limit, threads;
} DuckMemory;
DuckMemory duck_memory(Duck *duck);

/* Mode for new files that are for the user (0666 under the umask there was before duck_open). */
unsigned duck_file_mode(const Duck *duck);

/* Runs one or more statements; *changed (may be NULL) gets the rows changed by the last that
 * changes any (a dynamic PIVOT is several statements). On error err has code ERR_STEP (or a more
 * exact one: ERR_INTERRUPTED, ERR_MEMORY, ERR_DISK, ERR_CAST …), DuckDB's message without its
 * position trailer, and no span; the offset into sql is in duck_error_offset(). */
bool duck_exec(Duck *duck, const char *sql, int64_t *changed, Error *err);
bool duck_execf(Duck *duck, Error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Byte offset of the last error in its SQL, or -1. */
int64_t duck_error_offset(const Duck *duck);
/* After a failure that aborts the transaction every statement fails, and says only that. Is it such
 * an error? */
bool duck_follows_abort(const Error *err);
/* Then makes the failure of it again. */
void duck_abort_cause(const Duck *duck, Error *err);

/* A streaming result. Values are read as text (DuckDB's VARCHAR cast) or as the types below. */
typedef struct Rows Rows;
bool duck_query(Duck *duck, const char *sql, Rows **rows, Error *err);
void rows_close(Rows *rows); /* NULL allowed */
void rows_cleanup(Rows **rows);
#define AUTO_ROWS __attribute__((cleanup(rows_cleanup))) Rows *
size_t rows_columns(const Rows *rows);
const char *rows_name(const Rows *rows, size_t column);
const char *rows_type(const Rows *rows, size_t column); /* DuckDB's type name, e.g. DECIMAL(18,3) */
/* Steps to the next row; false at the end and on error (then err->code is set). */
bool rows_next(Rows *rows, Error *err);
bool rows_is_null(const Rows *rows, size_t column);
/* Text of the value, valid until the next rows_next; NULL for NULL. Works for every type. */
const char *rows_text(Rows *rows, size_t column);
int64_t rows_int(Rows *rows, size_t column); /* integers, booleans; 0 for NULL */

/* What a check in our own SQL said by error('MARK' || part || chr(31) || …): each part, in the
 * arena. false when the message is some other. */
bool duck_error_parts(const Error *err, const char *mark, Arena *arena, char **parts, size_t count);

/* First column of the first row as text in the arena; *out is NULL for NULL or no row. */
bool duck_text(Duck *duck, Arena *arena, const char *sql, const char **out, Error *err);
bool duck_int(Duck *duck, const char *sql, int64_t *out, Error *err); /* 0 for NULL or no row */
/* Adds the first column of every row as text to `texts`, in the arena; NULLs are left out. */
bool duck_texts(Duck *duck, Arena *arena, const char *sql, Strings *texts, Error *err);
/* Does the query give a row? It is read no further than to the first. */
bool duck_any(Duck *duck, const char *query, bool *any, Error *err);

typedef struct Column {
    const char *name, *type; /* type as DuckDB writes it */
} Column;
typedef struct Columns {
    Column *items;
    size_t count, capacity;
    bool renamed; /* the query gives a name twice: a table made of it has x, x_1 */
} Columns;
/* Columns of a query (DESCRIBE), bound but not run; named as those of a table made of it. */
bool duck_describe(Duck *duck, Arena *arena, const char *query, Columns *columns, Error *err);
/* Columns of a table; count 0 when there is none. `schema` NULL: main. */
bool duck_table_columns(Duck *duck, Arena *arena, const char *schema, const char *table,
                        Columns *columns, Error *err);
const Column *columns_find(const Columns *columns, const char *name); /* without case; or NULL */
Strings columns_names(Arena *arena, const Columns *columns); /* for messages */

/* Functions in any SQL: DUCK_WHOLE(DOUBLE) → BIGINT and DUCK_DAY(TIMESTAMP) → DATE. Where the value
 * would change they fail with DUCK_INEXACT in the message. So do DUCK_NEAR(any) where a double or
 * a fraction in JSON, at any depth, is at least 2^53, and DUCK_SHORT(DOUBLE) also where it has more
 * than 15 digits; else both are true. */
#define DUCK_INEXACT "sqlflow-inexact"
#define DUCK_WHOLE "_sqlflow_whole"
#define DUCK_DAY "_sqlflow_day"
#define DUCK_NEAR "_sqlflow_near"
#define DUCK_SHORT "_sqlflow_short"
/* DUCK_MOMENT(VARCHAR) → TIMESTAMP of ISO texts alone, and DUCK_INSTANT(TIMESTAMP_NS) →
 * TIMESTAMPTZ, both without loss of digits or of an offset from UTC, else DUCK_INEXACT. */
#define DUCK_MOMENT "_sqlflow_moment"
#define DUCK_INSTANT "_sqlflow_instant"
/* DUCK_KEPT(VARCHAR) → BOOLEAN: is a number below 2^53, or does a double keep all its digits? */
#define DUCK_KEPT "_sqlflow_kept"

/* Thread-safe: stops the running statement, which then fails with ERR_INTERRUPTED. */
void duck_interrupt(Duck *duck);
/* Makes duck_progress known from here on; it costs a short statement a good part of its time. */
bool duck_count_progress(Duck *duck, Error *err);
/* 0…100, or -1 when unknown; thread-safe. */
double duck_progress(Duck *duck);
/* Loads httpfs, aws, tpch … by path from the installation. */
bool duck_load_extension(Duck *duck, const char *name, Error *err);
const char *duck_library_version(void); /* "v1.5.5"; NULL when the library is not loaded */
/* Where the shared library and modules of the installation lie; NULL when not found. */
const char *duck_library_path(Arena *arena, const char *file_name);

/* A file as DuckDB's file systems have it, local or remote (duck_file.c). */
typedef struct DuckFile DuckFile;
bool duck_file_open(Duck *duck, Arena *arena, const char *path, DuckFile **out, Error *err);
/* Bytes that were read, 0 at the end; -1 with err. */
int64_t duck_file_read(DuckFile *file, void *buffer, int64_t size, Error *err);
bool duck_file_seek(DuckFile *file, int64_t at, Error *err);
int64_t duck_file_size(DuckFile *file);
void duck_file_cleanup(DuckFile **file);
#define AUTO_DUCK_FILE __attribute__((cleanup(duck_file_cleanup))) DuckFile *

/* The native handle, for rooms that move vectors (connectors, udf): a duckdb_connection and
 * duckdb_database behind void *, so that this header needs no duckdb.h. */
void *duck_connection(Duck *duck);
void *duck_database(Duck *duck);

#endif
