/* What the verbs of plain SQL statements do: one row for each. See ast.h. */
#include "lang/ast.h"

static const SqlVerbInfo verbs[] = {
    [SQL_INSERT] = {.word = "insert", .rows = ROWS_INSERTED, .needs_target = true},
    [SQL_UPDATE] = {.word = "update", .rows = ROWS_UPDATED, .needs_target = true, .rewrites = true},
    [SQL_DELETE] = {.word = "delete", .rows = ROWS_DELETED, .needs_target = true, .rewrites = true},
    [SQL_MERGE] = {.word = "merge", .rows = ROWS_INSERTED, .needs_target = true, .rewrites = true},
    [SQL_TRUNCATE] = {.word = "truncate", .rows = ROWS_DELETED, .needs_target = true,
                      .rewrites = true},
    [SQL_COPY_FROM] = {.word = "copy", .rows = ROWS_INSERTED, .needs_target = true},
    [SQL_ALTER] = {.word = "alter", .defines = true, .needs_target = true},
    [SQL_DROP] = {.word = "drop", .defines = true, .needs_target = true},
    [SQL_COMMENT] = {.word = "comment", .defines = true},
    [SQL_CREATE_TABLE] = {.word = "create", .defines = true, .makes = "TABLE"},
    [SQL_CREATE_VIEW] = {.word = "create", .defines = true, .makes = "VIEW"},
    [SQL_CREATE_MACRO] = {.word = "create", .defines = true, .makes = "MACRO"},
    [SQL_CREATE_TYPE] = {.word = "create", .defines = true, .makes = "TYPE"},
    [SQL_CREATE_SCHEMA] = {.word = "create", .defines = true},
    [SQL_CREATE_SEQUENCE] = {.word = "create", .defines = true},
    [SQL_CREATE_INDEX] = {.word = "create"},
};

const SqlVerbInfo *sql_verb(SqlVerb verb) { return &verbs[verb]; }
