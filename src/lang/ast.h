/* The syntax tree of a pipeline: what the parser makes of the text and nothing more.
 * Variables are still in it as written; INCLUDE has been expanded by lang_load. */
#ifndef SQLFLOW_LANG_AST_H
#define SQLFLOW_LANG_AST_H

#include "base/diag.h"
#include "base/json.h"
#include "base/source.h"
#include "base/str.h"

typedef struct Stmt Stmt;

/* A slice of the source as written: text == NULL when the part is absent. For strings ('x', "x")
 * that the grammar wants as text (paths, connections), text is the content with the quotes
 * resolved and `quoted` is set; names and SQL are the bytes themselves, quotes included. */
typedef struct Text {
    const char *text;
    Span span;
    bool quoted;
} Text;

typedef struct Texts {
    Text *items;
    size_t count, capacity;
} Texts;

typedef struct Block {
    Stmt **items;
    size_t count, capacity;
} Block;

typedef enum ModeKind {
    MODE_NONE, /* nothing written */
    MODE_REPLACE,
    MODE_APPEND,
    MODE_UPSERT,
    MODE_INCREMENTAL,
} ModeKind;

typedef struct Mode {
    ModeKind kind;
    Span span;
    Texts keys;    /* UPSERT: names as written */
    Text cursor;   /* INCREMENTAL BY: name as written */
    Text lookback; /* the duration as written ("2 DAYS", "'1 day'"), absent when text is NULL */
} Mode;

typedef enum StmtKind {
    STMT_SOURCE,
    STMT_LOAD,
    STMT_CREATE, /* CREATE TABLE … AS query */
    STMT_EXPORT,
    STMT_INCLUDE,
    STMT_SET,
    STMT_IF,
    STMT_ASSERT,
    STMT_SQL, /* any other DuckDB statement that reads or writes data */
} StmtKind;

typedef enum SqlVerb {
    SQL_INSERT,
    SQL_UPDATE,
    SQL_DELETE,
    SQL_MERGE,
    SQL_TRUNCATE,
    SQL_ALTER,
    SQL_DROP,
    SQL_CREATE_TABLE, /* with a column list */
    SQL_CREATE_VIEW,
    SQL_CREATE_SCHEMA,
    SQL_CREATE_MACRO, /* MACRO or FUNCTION */
    SQL_CREATE_TYPE,
    SQL_CREATE_INDEX,    /* refused in persistent databases unless allowed */
    SQL_CREATE_SEQUENCE, /* likewise; also CREATE TABLE with PRIMARY KEY sets needs_index */
    SQL_COMMENT,
    SQL_COPY_FROM,
} SqlVerb;

typedef enum RowsCounted { ROWS_NONE, ROWS_INSERTED, ROWS_UPDATED, ROWS_DELETED } RowsCounted;

typedef struct SqlVerbInfo {
    const char *word;   /* in the step's id */
    RowsCounted rows;   /* what the rows it changes are reported as */
    bool needs_target;  /* its target must be there before (ALTER, DROP: if that is a table) */
    bool rewrites;      /* deletes or updates rows of its target */
    bool defines;       /* changes definitions, and can be tried without reading a row */
    const char *makes;  /* the kind of object that it makes anew in each run; NULL: none */
} SqlVerbInfo;

/* What a verb does. Static, never NULL. */
const SqlVerbInfo *sql_verb(SqlVerb verb);

typedef enum AssertKind { ASSERT_QUERY, ASSERT_UNIQUE, ASSERT_NOT_NULL } AssertKind;

typedef struct Branch {
    Text condition; /* absent for ELSE */
    Block body;
} Branch;

/* Names an included file defines are also reachable as alias.name. */
typedef struct IncludeAlias {
    const char *alias;
    Strings names; /* of all that the included file defines, as written; also inner.name of what
                    * it includes under an alias */
} IncludeAlias;

struct Stmt {
    StmtKind kind;
    Span span; /* of the whole statement, without its ';' */
    bool broken; /* SOURCE, SET: an error was reported, only the name is sure */
    union {
        struct {
            Text name;
            Text type;       /* SOURCE … TYPE type */
            Text connection; /* SOURCE … FROM 'connection' */
            Value *options;  /* an object; NULL when absent */
        } source;
        struct {
            Text table;
            Text source; /* absent when query is there */
            Text query;  /* without its parentheses */
            Mode mode;
        } load;
        struct {
            Text table, query;
            bool or_replace, temporary, if_not_exists;
            Mode mode;
        } create;
        struct {
            Text table;       /* absent when query is there */
            Text query;       /* parentheses around it are kept */
            Text destination; /* quoted: a path or URI; else connection[.schema][.table] */
            Text type;        /* may be absent */
            Value *options;   /* may be NULL */
        } export;
        struct {
            Text path, alias; /* alias may be absent */
        } include;
        struct {
            Text name, value; /* value: quoted, or the bare text up to the ';' */
        } set;
        struct {
            Branch *items;
            size_t count, capacity;
        } branches; /* IF */
        struct {
            Text name; /* absent for UNIQUE and NOT NULL */
            bool warn;
            AssertKind kind;
            Text query;
            Texts columns;
            Text table;
        } assertion;
        struct {
            SqlVerb verb;
            Text sql; /* the whole statement, byte for byte */
            /* The table, view, … it writes, as written; of an index its table, of a column
             * (COMMENT ON) its table. */
            Text target;
            Texts targets;      /* all of them: DROP TABLE a, b; TRUNCATE; usually one */
            bool or_replace, temporary, if_not_exists; /* of CREATE */
            bool needs_index;   /* PRIMARY KEY, UNIQUE, FOREIGN KEY, REFERENCES or a sequence */
            const char *object; /* "table", "view", "schema", "macro", "type", "index", … */
        } sql;
    };
};

/* All statements of a pipeline after INCLUDE, with the aliases of includes. */
typedef struct Script {
    Block block;
    struct {
        IncludeAlias *items;
        size_t count, capacity;
    } aliases;
} Script;

#endif
