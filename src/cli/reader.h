/* Reader: the profile's database opened to look into it, beside other readers and never during a
 * run. For query, history, state and status. */
#ifndef SQLFLOW_CLI_READER_H
#define SQLFLOW_CLI_READER_H

#include "cli/context.h"
#include "state/lock.h"
#include "state/state.h"

typedef struct Reader {
    Duck *duck;
    Lock lock;
    const char *path;
    bool has_state; /* there is a _sqlflow schema */
} Reader;

/* false with err: in memory mode, without a database file, while a run holds it. */
bool reader_open(Context *context, Reader *reader, Error *err);
/* The same for lists: a database file that no run has made yet is one without state, not opened. */
bool reader_open_list(Context *context, Reader *reader, Error *err);
/* The same for changing state: alone, under the exclusive lock (--wait counts). */
bool reader_open_exclusive(Context *context, Reader *reader, Error *err);
void reader_close(Reader *reader);
#define AUTO_READER __attribute__((cleanup(reader_close))) Reader

/* Writes every row of a query as an object of an array; columns keep their types. */
bool rows_json(Duck *duck, const char *sql, JsonWriter *json, const char *key, Error *err);
/* One value as JSON, by the type of its column. */
void value_json(JsonWriter *json, const char *key, Rows *rows, size_t column);
/* Appends the rows of a query to a table of text. */
bool rows_table(Duck *duck, const char *sql, Table *table, Error *err);

/* The first column of a query, for suggestions; what cannot be read is left out. */
void reader_names(Duck *duck, Arena *arena, const char *sql, Strings *names);
/* Is it a pipeline of the project, or one that had runs? Else ERR_NO_PIPELINE with the nearest. */
bool reader_knows(Context *context, const Reader *reader, const char *pipeline, Error *err);

#endif
