/* What the files of this room share: the Duck itself, running prepared statements, mapping
 * DuckDB's errors, names of types, text of values. Not for other rooms. */
#ifndef SQLFLOW_ENGINE_DUCK_INTERNAL_H
#define SQLFLOW_ENGINE_DUCK_INTERNAL_H

#include <sys/types.h>

#include "base/buf.h"
#include "duck_api.h"
#include "engine/duck.h"

struct Duck {
    Arena *arena;
    duckdb_database database;
    duckdb_connection connection;
    int64_t error_offset;
    Error failure; /* the last but those that only follow from it, see duck_abort_cause */
    const char *temp_dir; /* this process's own folder; NULL when there is none */
    int temp_lock;        /* an flock on it, which tells others that it is in use */
    bool umask_changed;
    mode_t old_umask;
    duckdb_prepared_statement serialize; /* of sqlinfo; NULL until it is needed */
    DuckMemory memory;                   /* all 0 until it was asked for */
};

/* duck_load.c */
bool duck_library_load(Error *err);

/* duck_error.c: fills err from a message of DuckDB and sets duck->error_offset. Returns false.
 * `sql` may be NULL where the error cannot be one of syntax. */
bool duck_fail(Duck *duck, const char *sql, const char *message, Error *err);
/* Offset of the n-th character. */
int64_t duck_byte_offset(const char *sql, int64_t characters);

/* duck_exact.c: makes DUCK_WHOLE and DUCK_DAY known. */
bool duck_add_exact(Duck *duck, Error *err);

/* duck_temp.c */
bool duck_temp_open(Duck *duck, const char *parent, Error *err);
void duck_temp_close(Duck *duck);

/* duck_exec.c: runs all statements of `sql` but the last, which is left prepared in *out (NULL
 * when there is no statement at all). */
bool duck_prepare_last(Duck *duck, const char *sql, duckdb_prepared_statement *out, Error *err);
/* Runs to the first chunk of a streaming result, or to the end of anything else. */
bool duck_execute(Duck *duck, duckdb_prepared_statement statement, duckdb_result *result,
                  Error *err);

/* duck_type.c: the name as DuckDB writes it. */
void duck_type_name(Buf *out, duckdb_logical_type type);
bool duck_is_keyword(const char *name);
/* Can duck_value make values of this type? */
bool duck_type_is_known(duckdb_logical_type type);

/* duck_value.c: the value in a row of a vector; to be destroyed by the caller. */
duckdb_value duck_value(duckdb_vector vector, duckdb_logical_type type, idx_t row);

void duck_free_text(char **text);
#define AUTO_DUCK_TEXT __attribute__((cleanup(duck_free_text))) char *
#define AUTO_STATEMENT                                                                            \
    __attribute__((cleanup(duck_destroy_statement))) duckdb_prepared_statement
#define AUTO_TYPE __attribute__((cleanup(duck_destroy_type))) duckdb_logical_type
void duck_destroy_statement(duckdb_prepared_statement *statement);
void duck_destroy_type(duckdb_logical_type *type);

#endif
