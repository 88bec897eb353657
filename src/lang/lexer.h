/* Lexer: tokens of SQLFlow and of DuckDB's SQL alike. It never fails: what cannot be read becomes
 * a TOKEN_ERROR whose text says why, and lexing goes on behind it. Blanks and comments are
 * skipped; their bytes lie between the spans of neighbours. */
#ifndef SQLFLOW_LANG_LEXER_H
#define SQLFLOW_LANG_LEXER_H

#include "base/source.h"
#include "base/str.h"

typedef enum TokenKind {
    TOKEN_END,
    TOKEN_WORD,    /* bare name or keyword: letters, digits, _, non-ASCII; may hold $ inside */
    TOKEN_QUOTED,  /* "name" */
    TOKEN_STRING,  /* 'text' */
    TOKEN_ESTRING, /* E'text' */
    TOKEN_DOLLAR,  /* $$text$$, $tag$text$tag$ */
    TOKEN_NUMBER,
    TOKEN_VARIABLE, /* ${name}, ${name|default}, ${name:ident|default} standing alone */
    /* one operator or punctuation character, or :: == != <> <= >= := -> ->> || $1 $name \${ */
    TOKEN_SYMBOL,
    TOKEN_ERROR, /* unterminated …, malformed ${ */
} TokenKind;

typedef struct Token {
    TokenKind kind;
    uint32_t start, end; /* byte range in the source */
    const char *error;   /* TOKEN_ERROR only: what is wrong */
} Token;

typedef struct Tokens {
    Token *items; /* the last one is TOKEN_END */
    size_t count, capacity;
} Tokens;

/* One token at a time, for the parser: JSON in a statement follows other rules, so a text cannot be
 * lexed ahead of its parsing. */
typedef struct Lexer {
    const SourceText *source;
    size_t at, end;
} Lexer;

Token lexer_next(Lexer *lexer);
/* Skips blanks and comments; false at a comment that is never closed, without moving past it. */
bool lexer_skip(Lexer *lexer);

/* Bytes of the blank beyond ASCII at text[0] (NBSP, U+3000, …), 0 when there is none. They come
 * with text pasted from elsewhere; DuckDB takes them as blanks, too. */
size_t unicode_blank(const char *text);

/* Tokens of source[start, end). */
Tokens lex(Arena *arena, const SourceText *source, size_t start, size_t end);
/* Is the token this word (ASCII case ignored) or this symbol? */
bool token_is(const SourceText *source, Token token, const char *text);
/* Is it one of those, the last of which is followed by NULL? */
bool token_in(const SourceText *source, Token token, const char *const *texts);

/* The content of a string or quoted name: quotes resolved (doubled ones; backslashes in E''), each
 * ${…} kept as written. Other tokens: their bytes. */
const char *token_text(Arena *arena, const SourceText *source, Token token);

/* The parts of a ${…}. Offsets are relative to the `text` given. */
typedef struct VariableRef {
    const char *name;     /* in the arena */
    char form;            /* 0, or 'i'dent, 'l'iteral, 'r'aw */
    const char *fallback; /* the default with its quotes resolved; NULL when there is none */
    bool fallback_quoted; /* the default stood in quotes: text, never a number */
    size_t size;          /* bytes of the whole reference, from $ to } */
} VariableRef;

/* Reads a ${…} at text[0]; false (with *why set) when it is malformed or unterminated. */
bool variable_ref(Arena *arena, const char *text, size_t size, VariableRef *ref, const char **why);
/* Is the whole text a variable's name? */
bool variable_is_name(const char *text);
/* Bytes of the ${…} at text[0], 0 when it is malformed: then *why says so, and *extent is how many
 * bytes to point at and skip. */
size_t variable_size(const char *text, size_t size, const char **why, size_t *extent);
/* Bytes of a well-formed ${…} at text[0] that may be skipped inside text quoted by `quote`; 0 when
 * there is none or when it holds a lone quote, which then ends the text. */
size_t variable_inside(const char *text, size_t size, char quote);

/* The first malformed ${ in a text (\${ is none): its place and reason. */
typedef struct BadVariable {
    size_t at, size;
    const char *why;
} BadVariable;

/* False when all of them are right. */
bool variable_malformed(const char *text, BadVariable *bad);

#endif
