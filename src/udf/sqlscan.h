/* SqlScan: the words and symbols of a SQL statement, enough to find calls and their arguments.
 * What lies between tokens (blanks, comments) stays in the text. Never fails. */
#ifndef SQLFLOW_UDF_SQLSCAN_H
#define SQLFLOW_UDF_SQLSCAN_H

#include <stdbool.h>

#include "base/arena.h"

typedef enum SqlTokenKind {
    SQL_END,
    SQL_WORD,   /* bare name or keyword */
    SQL_QUOTED, /* "name" */
    SQL_STRING, /* 'text', E'text', $$text$$ */
    SQL_NUMBER,
    SQL_SYMBOL, /* one character, or := => :: */
} SqlTokenKind;

typedef struct SqlToken {
    SqlTokenKind kind;
    size_t start, end;
} SqlToken;

typedef struct SqlTokens {
    SqlToken *items; /* the last is SQL_END */
    size_t count, capacity;
} SqlTokens;

SqlTokens sqlscan(Arena *arena, const char *sql);
/* Is token i this word (ASCII case ignored) or symbol? */
bool sql_is(const char *sql, const SqlTokens *tokens, size_t i, const char *text);
/* Is it one of those, the last of which is followed by NULL? */
bool sql_in(const char *sql, const SqlTokens *tokens, size_t i, const char *const *texts);
/* The token's text, without its quotes ("a ""b""" → a "b"). */
const char *sql_token_text(Arena *arena, const char *sql, SqlToken token);
/* Index of the token that closes the bracket at `open`; SIZE_MAX when there is none. */
size_t sql_closing(const char *sql, const SqlTokens *tokens, size_t open);

#endif
