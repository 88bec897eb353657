/* Pipeline: the statements that are left after IF, SET and variables, with every text final.
 * plan/resolve makes it from a Script; plan/graph turns it into a Plan. */
#ifndef SQLFLOW_PLAN_PIPELINE_H
#define SQLFLOW_PLAN_PIPELINE_H

#include "connectors/connector.h"
#include "lang/ast.h"
#include "project/vars.h"

/* SQL after substitution, with the way back to the file. */
typedef struct SqlText {
    const char *sql;
    Span span; /* of the SQL in the file */
    struct SqlSegment {
        uint32_t sql_start;  /* from here on … */
        uint32_t file_start; /* … the SQL comes from here in span.source */
        bool substituted;    /* a variable's value: all of it stands for file_start */
    } *segments;
    size_t segment_count;
} SqlText;

/* Where byte `offset` of the SQL stands in the file (to the end of the word there). */
Span sqltext_span(const SqlText *text, int64_t offset);

/* A table's name. Compared by `key`: lower case, `main.` dropped, schema.name otherwise; quoted as
 * in SQL when the names themselves hold a dot. */
typedef struct TableName {
    const char *schema; /* NULL: main */
    const char *name;   /* unquoted, as written */
    const char *key;
    const char *sql;    /* quoted for SQL: "schema"."name" */
    Span span;
} TableName;

TableName table_name(Arena *arena, const char *schema, const char *name, Span span);

typedef enum SchemaChange { SCHEMA_FAIL, SCHEMA_ADD_COLUMNS, SCHEMA_IGNORE } SchemaChange;
typedef enum NullCursor { NULL_CURSOR_ERROR, NULL_CURSOR_INCLUDE, NULL_CURSOR_EXCLUDE } NullCursor;

typedef struct Source {
    const char *name;
    Span span;
    Link link;
    bool incremental;         /* sync_mode: incremental */
    const char *cursor;       /* cursor_field, NULL when none */
    Span cursor_span;
    bool cursor_is_text;      /* cursor_type: text */
    Strings primary_key;      /* empty when none */
    Strings columns;          /* projection; empty: all */
    const Value *column_types; /* object or NULL */
    SchemaChange on_schema_change;
    bool duplicates_are_errors; /* on_duplicate: error */
    const char *lookback;     /* as written in the options, NULL when none */
    NullCursor null_cursor;
    bool allow_empty;
    bool broken; /* no connector, or options that were refused: told already, nothing can be read */
} Source;

typedef enum StepKind {
    STEP_SOURCE,
    STEP_LOAD,
    STEP_TRANSFORM,
    STEP_EXPORT,
    STEP_ASSERT,
    STEP_SQL,
} StepKind;

typedef struct Tables {
    TableName *items;
    size_t count, capacity;
} Tables;

typedef struct Indexes {
    size_t *items;
    size_t count, capacity;
} Indexes;

typedef struct Step {
    StepKind kind;
    Span span;
    const char *name; /* of the source, table, destination or assertion, as the user wrote it */

    /* Filled by resolve. */
    TableName target;      /* LOAD, TRANSFORM; table of ASSERT UNIQUE/NOT NULL, EXPORT table, SQL */
    SqlText query;         /* text NULL when there is none; STEP_SQL: the whole statement */
    const Source *source;  /* STEP_SOURCE, LOAD … FROM source */
    const char *source_name; /* LOAD: the name written, even when no source has it */
    Span source_span;
    ModeKind mode;         /* MODE_NONE: none written */
    Span mode_span;
    Strings keys;          /* UPSERT */
    const char *cursor;    /* INCREMENTAL BY */
    const char *lookback;  /* as written: 2 DAYS, '1 day' */
    bool or_replace, temporary, if_not_exists;
    struct {
        const char *destination; /* path, URI, or "schema.table" inside a connection */
        const char *connection;  /* NULL for paths */
        Link link;
    } export;
    struct {
        AssertKind kind;
        bool warn;
        Strings columns;
    } assertion;
    struct {
        SqlVerb verb;
        const char *object; /* "table", "view", … */
        Tables targets;
        bool needs_targets; /* they must be there before; filled by graph_build */
    } sql;

    /* Filled by graph_build. */
    const char *id;
    Tables reads, writes;
    Indexes depends; /* indexes into Plan.steps, ascending */
    Strings functions; /* Python functions used, by full name (filled by the udf binding) */
} Step;

/* Does the step go on from where an earlier run ended, if its mode lets it? */
bool step_is_incremental(const Step *step);

typedef struct Steps {
    Step *items;
    size_t count, capacity;
} Steps;

typedef struct Pipeline {
    const char *name;
    Arena *arena;
    Steps steps; /* in file order */
    struct {
        Source **items;
        size_t count, capacity;
    } sources;
    Map source_by_name; /* also alias.name */
} Pipeline;

/* Evaluates IF, applies SET, substitutes variables, checks names and connectors' options. What
 * lies in branches not taken is dropped. Always fills `pipeline` with what could be resolved; its
 * name is the built-in variable `pipeline`, its arena that of `vars`. */
void resolve(const Script *script, Vars *vars, const Project *project, Pipeline *pipeline,
             Diags *diags);

#endif
