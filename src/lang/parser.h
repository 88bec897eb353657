/* The parser's own tools: tokens with lookahead, names, errors, the extent of SQL. Shared by the
 * parser*.c files only. A parse function returns NULL after reporting an error; parse_statements
 * then goes on behind the next ';'. */
#ifndef SQLFLOW_LANG_PARSER_H
#define SQLFLOW_LANG_PARSER_H

#include "lang/ast.h"
#include "lang/lexer.h"

typedef struct Parser {
    Arena *arena;
    const SourceText *source;
    Diags *diags;
    Lexer lexer;
    Tokens tokens;     /* those lexed so far */
    size_t at;         /* index of the next one */
    size_t checked;    /* the tokens before this index were searched for errors of their own */
    unsigned if_depth; /* IFs around the current statement */
    bool resume;       /* after an error, go on right here: the ';' was forgotten */
    bool gave_up;      /* nested too deep: nothing more is parsed */
    Stmt *named;       /* the SOURCE or SET being parsed, once its name is known */
} Parser;

/* -- tokens (parser_tokens.c) */
Token parser_peek(Parser *parser, size_t ahead);
Token parser_next(Parser *parser);
bool parser_is(Parser *parser, size_t ahead, const char *text);
bool parser_accept(Parser *parser, const char *text);
bool parser_is_string(Parser *parser, size_t ahead); /* 'x', E'x', $$x$$ or "x" */
/* Lookahead behind a (qualified) name that starts at `ahead`; equal to `ahead` when none does. */
size_t parser_skip_name(Parser *parser, size_t ahead);
Span parser_span(const Parser *parser, Token token);
/* The source from token index `first` up to index `end`, as written. */
Text parser_slice(Parser *parser, size_t first, size_t end);
/* The next token's content as text. */
Text parser_string(Parser *parser);

/* -- errors (parser_errors.c) */
/* "expected {wanted}, found …" at the next token; `words` (separated by blanks, may be NULL) are
 * suggested when the token is nearly one of them. Returns NULL. */
void *parser_unexpected(Parser *parser, const char *wanted, const char *words, const char *hint);
/* An error at a token; returns NULL. `hint` may be "". */
void *parser_error(Parser *parser, Token token, const char *hint, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The nearest of these words (separated by blanks), or NULL when none is near. */
const char *parser_nearest(Parser *parser, const char *word, const char *words);
/* The statement `name` at token `at` may not stand in a pipeline, because …; returns NULL. */
void *parser_refuse(Parser *parser, size_t first, const char *name, const char *why,
                    const char *hint);
/* "`;` is missing before {next token}"; returns NULL. */
void *parser_missing_semicolon(Parser *parser, const char *hint);
bool parser_expect(Parser *parser, const char *word, const char *wanted, const char *hint);
/* Reads a (qualified) name; variables may be part of it. `what` is "a table name" or the like;
 * `next` is the keyword that follows, so that `LOAD FROM s` can be told from a table `from`. */
bool parser_name(Parser *parser, const char *what, const char *next, const char *hint, Text *name);
/* Behind the statement's ';', or NULL with an error. `words` and `wanted` name what else might
 * have come. */
Stmt *parser_finish(Parser *parser, Stmt *stmt, const char *words, const char *hint);
/* Behind the next ';' outside quotes and parentheses, or where the missing one belongs; always
 * behind the token at index `first`, where the wrong statement starts. */
void parser_recover(Parser *parser, size_t first);
/* At END IF; or ENDIF inside an IF. */
bool parser_at_branch_end(Parser *parser);
/* Does a statement start at the next token, where it is the first of its line and what stands
 * before it is complete? `in_query` allows words that are part of plain SQL statements. */
bool parser_at_new_statement(Parser *parser, bool in_query);

/* -- SQL (parser_scan.c) */
typedef struct SqlScan {
    struct {
        Token *items;
        size_t count, capacity;
    } open;         /* brackets that wait for their partner */
    unsigned cases; /* CASE … END */
    bool query;     /* a query, not a whole statement */
    size_t first;   /* index of the first token, which cannot be one statement too many */
    bool wrong;     /* an error was reported */
} SqlScan;

typedef enum ScanStep { SCAN_MORE, SCAN_END, SCAN_WRONG } ScanStep;

/* Takes one token of SQL; SCAN_END (without taking it) at the ';' or end of the text. */
ScanStep sql_scan(Parser *parser, SqlScan *scan);
/* SQL up to the ';', which is not taken; false with an error when brackets do not match. */
bool parser_sql(Parser *parser, bool query, Text *sql);
bool parser_at_query(Parser *parser);

/* -- statements */
Stmt *stmt_new(Parser *parser, StmtKind kind);
bool parse_options(Parser *parser, Value **options); /* at '{' */
Stmt *parse_source(Parser *parser);
Stmt *parse_load(Parser *parser);
Stmt *parse_create(Parser *parser);
Stmt *parse_export(Parser *parser);
Stmt *parse_include(Parser *parser);
Stmt *parse_set(Parser *parser);
Stmt *parse_if(Parser *parser);
Stmt *parse_assert(Parser *parser);
Stmt *parse_sql(Parser *parser);
/* NULL after an error was reported: the word starts no statement that a pipeline may hold. */
Stmt *parse_other(Parser *parser);
/* Is the token a word that starts a statement or a branch of an IF, or the end of the text? */
bool parser_is_statement(Parser *parser, size_t ahead);
/* Statements up to the end of the text or, inside an IF, to ELSE, ELSEIF, END or ENDIF. */
void parse_statements(Parser *parser, Block *block);

#endif
