/* Applying rows to a table: the load modes of behaviour.md, section 4. */
#ifndef SQLFLOW_RUN_APPLY_H
#define SQLFLOW_RUN_APPLY_H

#include "run/context.h"

/* A temporary table with rows as apply_select gave them. */
typedef struct Stage {
    const char *name;
    Columns columns;
    int64_t rows;
} Stage;

typedef struct Apply {
    const TableName *target;
    const char *query;     /* SELECT that gives the rows */
    const Stage *stage;    /* UPSERT: the query's rows, which stay as they are; NULL: stage them */
    const Strings *keys;   /* UPSERT */
    Span keys_span;
    const char *cursor;    /* of equal keys, the row with the highest cursor is kept; may be NULL */
    const char *unchanged_up_to; /* SQL condition over a row s of the stage: it may be there already
                                  * and, if identical, is not written again; NULL: none */
    SchemaChange on_schema_change;
    bool duplicates_are_errors;
    bool missing_is_null; /* for apply_select: columns that the rows lack are NULL, not DEFAULT */
    bool rebuild; /* the target's present rows and columns do not count (--full-refresh) */
} Apply;

/* CREATE, or new table → drop → rename. */
bool apply_replace(StepContext *ctx, const Apply *apply, Error *err);
/* INSERT by name with checked casts; creates the table when it is missing. */
bool apply_append(StepContext *ctx, const Apply *apply, Error *err);
bool apply_upsert(StepContext *ctx, const Apply *apply, Error *err);
/* Columns for a SELECT list: prefix"k1", prefix"k2". */
const char *column_list(Arena *arena, const Strings *names, const char *prefix);
/* Deletes the rows of the target that meet `condition`, then appends. */
bool apply_delete_insert(StepContext *ctx, const Apply *apply, const char *condition, Error *err);

/* Brings the target's columns in line with the query's (on_schema_change, missing columns warned)
 * and gives the SELECT that casts by name: "SELECT … FROM (query)". */
bool apply_select(StepContext *ctx, const Apply *apply, const char *query, const char **select,
                  Error *err);
/* Columns of the target that rows can bring: all but the generated ones. Count 0: no table. */
bool apply_target_columns(StepContext *ctx, const TableName *table, Columns *columns, Error *err);
/* Copies a table that had rows deleted or updated, so that it can be altered. */
bool apply_rebuild(StepContext *ctx, const TableName *table, Error *err);
/* CREATE TEMP TABLE AS query; *name gets its name. */
bool apply_stage(StepContext *ctx, const char *query, const char *what, const char **name,
                 int64_t *rows, Error *err);

#endif
