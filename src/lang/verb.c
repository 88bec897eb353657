/* What the verbs of plain SQL statements do: one row for each. See ast.h. */
#include "lang/ast.h"

static const SqlVerbInfo verbs[] = {
    [SQL_INSERT] = {"insert", ROWS_INSERTED, .needs_target = true},
    [SQL_UPDATE] = {"update", ROWS_UPDATED, .needs_target = true, .rewrites = true},
    [SQL_DELETE] = {"delete", ROWS_DELETED, .needs_target = true, .rewrites = true},
    [SQL_MERGE] = {"merge", ROWS_INSERTED, .needs_target = true, .rewrites = true},
    [SQL_TRUNCATE] = {"truncate", ROWS_DELETED, .needs_target = true, .rewrites = true},
    [SQL_COPY_FROM] = {"copy", ROWS_INSERTED, .needs_target = true},
    [SQL_ALTER] = {"alter", .defines = true, .needs_target = true},
    [SQL_DROP] = {"drop", .defines = true, .needs_target = true},
    [SQL_COMMENT] = {"comment", .defines = true},
    [SQL_CREATE_TABLE] = {"create", .defines = true, .makes = "TABLE"},
    [SQL_CREATE_VIEW] = {"create", .defines = true, .makes = "VIEW"},
    [SQL_CREATE_MACRO] = {"create", .defines = true, .makes = "MACRO"},
    [SQL_CREATE_TYPE] = {"create", .defines = true, .makes = "TYPE"},
    [SQL_CREATE_SCHEMA] = {"create", .defines = true},
    [SQL_CREATE_SEQUENCE] = {"create", .defines = true},
    [SQL_CREATE_INDEX] = {"create"},
};

const SqlVerbInfo *sql_verb(SqlVerb verb) { return &verbs[verb]; }
