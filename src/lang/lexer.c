/* Lexer: cuts a text into tokens, one at a time. See lexer.h.
 * Sees no statements: what a word means is the parser's business. */
#include "lang/lexer.h"

#include <ctype.h>
#include <string.h>

static char at(const Lexer *lexer, size_t ahead) {
    size_t i = lexer->at + ahead;
    return i < lexer->end ? lexer->source->text[i] : '\0';
}

static const char *here(const Lexer *lexer) { return lexer->source->text + lexer->at; }
static size_t left(const Lexer *lexer) { return lexer->end - lexer->at; }

static bool starts(const Lexer *lexer, const char *text) {
    size_t size = strlen(text);
    return left(lexer) >= size && memcmp(here(lexer), text, size) == 0;
}

size_t unicode_blank(const char *text) {
    if ((unsigned char)*text < 0x80) return 0;
    static const char *const blanks[] = {"\u00a0", "\u202f", "\u205f", "\u3000", "\ufeff"};
    for (size_t i = 0; i < sizeof blanks / sizeof *blanks; i++)
        if (str_starts(text, blanks[i])) return strlen(blanks[i]);
    unsigned char last = str_starts(text, "\xe2\x80") ? (unsigned char)text[2] : 0;
    return last >= 0x80 && last <= 0x8b ? 3 : 0;
}

static size_t blank_here(const Lexer *lexer) {
    size_t size = lexer->at < lexer->end ? unicode_blank(here(lexer)) : 0;
    return size <= left(lexer) ? size : 0;
}

static bool is_curly_quote(const Lexer *lexer) {
    return starts(lexer, "\u2018") || starts(lexer, "\u2019") || starts(lexer, "\u201c") ||
           starts(lexer, "\u201d");
}

static bool is_word_start(const Lexer *lexer) {
    char c = at(lexer, 0);
    if (isalpha((unsigned char)c) || c == '_') return true;
    return (unsigned char)c >= 0x80 && blank_here(lexer) == 0 && !is_curly_quote(lexer);
}

/* Behind the comment at the lexer; false when it is never closed. */
static bool skip_block_comment(Lexer *lexer) {
    size_t depth = 0;
    while (lexer->at < lexer->end) {
        if (starts(lexer, "/*")) {
            depth++;
            lexer->at += 2;
        } else if (starts(lexer, "*/")) {
            lexer->at += 2;
            if (--depth == 0) return true;
        } else {
            lexer->at++;
        }
    }
    return false;
}

bool lexer_skip(Lexer *lexer) {
    for (;;) {
        size_t start = lexer->at, blank = blank_here(lexer);
        if (lexer->at >= lexer->end) {
            return true;
        } else if (isspace((unsigned char)at(lexer, 0)) || at(lexer, 0) == '\0') {
            lexer->at++;
        } else if (blank > 0) {
            lexer->at += blank;
        } else if (starts(lexer, "--")) {
            while (lexer->at < lexer->end && at(lexer, 0) != '\n') lexer->at++;
        } else if (!starts(lexer, "/*")) {
            return true;
        } else if (!skip_block_comment(lexer)) {
            lexer->at = start;
            return false;
        }
    }
}

/* Behind the text quoted by `quote` that starts at the lexer; false when it is never closed. */
static bool skip_quoted(Lexer *lexer, char quote, bool backslash) {
    lexer->at++;
    while (lexer->at < lexer->end) {
        char c = at(lexer, 0);
        size_t variable = c == '$' ? variable_inside(here(lexer), left(lexer), quote) : 0;
        if (variable > 0) {
            lexer->at += variable;
        } else if (c == '\\' && (backslash || at(lexer, 1) == '$')) {
            lexer->at += left(lexer) > 1 ? 2 : 1;
        } else if (c == quote) {
            lexer->at++;
            if (at(lexer, 0) != quote) return true;
            lexer->at++;
        } else {
            lexer->at++;
        }
    }
    return false;
}

static void skip_word(Lexer *lexer) {
    while (is_word_start(lexer) || isdigit((unsigned char)at(lexer, 0)) ||
           (at(lexer, 0) == '$' && at(lexer, 1) != '{'))
        lexer->at++;
}

static void skip_digits(Lexer *lexer) {
    while (isdigit((unsigned char)at(lexer, 0)) ||
           (at(lexer, 0) == '_' && isdigit((unsigned char)at(lexer, 1))))
        lexer->at++;
}

static void skip_number(Lexer *lexer) {
    if (at(lexer, 0) == '0' && (at(lexer, 1) == 'x' || at(lexer, 1) == 'X') &&
        isxdigit((unsigned char)at(lexer, 2))) {
        lexer->at += 2;
        while (isxdigit((unsigned char)at(lexer, 0))) lexer->at++;
        return;
    }
    skip_digits(lexer);
    if (at(lexer, 0) == '.' && isdigit((unsigned char)at(lexer, 1))) {
        lexer->at++;
        skip_digits(lexer);
    }
    if (at(lexer, 0) == 'e' || at(lexer, 0) == 'E') {
        size_t sign = at(lexer, 1) == '+' || at(lexer, 1) == '-' ? 2 : 1;
        if (isdigit((unsigned char)at(lexer, sign))) {
            lexer->at += sign;
            skip_digits(lexer);
        }
    }
}

/* $$…$$, $tag$…$tag$, else $1, $name or a lone $ as a symbol. */
static Token dollar(Lexer *lexer, Token token) {
    size_t tag = 1;
    while (isalpha((unsigned char)at(lexer, tag)) || at(lexer, tag) == '_' ||
           (unsigned char)at(lexer, tag) >= 0x80 ||
           (tag > 1 && isdigit((unsigned char)at(lexer, tag))))
        tag++;
    token.kind = TOKEN_SYMBOL;
    if (at(lexer, tag) != '$') {
        while (isdigit((unsigned char)at(lexer, tag))) tag++;
        lexer->at += tag;
        return token;
    }
    tag++;
    const char *delimiter = here(lexer);
    lexer->at += tag;
    const char *end = memmem(here(lexer), left(lexer), delimiter, tag);
    if (end == NULL) {
        lexer->at = lexer->end;
        return (Token){TOKEN_ERROR, token.start, 0, "this dollar-quoted text is never closed"};
    }
    lexer->at = (size_t)(end - lexer->source->text) + tag;
    token.kind = TOKEN_DOLLAR;
    return token;
}

static Token variable(Lexer *lexer, Token token) {
    size_t extent;
    bool right = variable_size(here(lexer), left(lexer), &token.error, &extent) > 0;
    token.kind = right ? TOKEN_VARIABLE : TOKEN_ERROR;
    if (right) token.error = NULL;
    lexer->at += extent;
    return token;
}

static Token quoted(Lexer *lexer, Token token) {
    char c = at(lexer, 0);
    bool escapes = c == 'e' || c == 'E';
    if (escapes) lexer->at++;
    token.kind = escapes ? TOKEN_ESTRING : c == '"' ? TOKEN_QUOTED : TOKEN_STRING;
    if (!skip_quoted(lexer, c == '"' ? '"' : '\'', escapes)) {
        token.kind = TOKEN_ERROR;
        token.error = c == '"' ? "this quoted name is never closed" : "this string is never closed";
    }
    return token;
}

static Token symbol(Lexer *lexer, Token token) {
    static const char *const symbols[] = {"->>", "\\${", "::", "==", "!=", "<>",
                                          "<=",  ">=",   ":=", "->", "||"};
    size_t size = 1;
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++)
        if (starts(lexer, symbols[i])) {
            size = strlen(symbols[i]);
            break;
        }
    lexer->at += size;
    token.kind = TOKEN_SYMBOL;
    return token;
}

static Token scan(Lexer *lexer, Token token) {
    char c = at(lexer, 0), next = at(lexer, 1);
    if (lexer->at >= lexer->end) return token;
    if (c == '\'' || c == '"' || ((c == 'e' || c == 'E') && next == '\'')) {
        return quoted(lexer, token);
    } else if (is_word_start(lexer)) {
        token.kind = TOKEN_WORD;
        skip_word(lexer);
    } else if (isdigit((unsigned char)c) || (c == '.' && isdigit((unsigned char)next))) {
        token.kind = TOKEN_NUMBER;
        skip_number(lexer);
    } else if (c == '$') {
        return next == '{' ? variable(lexer, token) : dollar(lexer, token);
    } else if (is_curly_quote(lexer)) {
        lexer->at += 3;
        token.kind = TOKEN_ERROR;
        token.error = "this is a typographic quote";
    } else {
        return symbol(lexer, token);
    }
    return token;
}

Token lexer_next(Lexer *lexer) {
    bool closed = lexer_skip(lexer);
    Token token = {.kind = TOKEN_END, .start = (uint32_t)lexer->at};
    if (closed) {
        token = scan(lexer, token);
    } else {
        token.kind = TOKEN_ERROR;
        token.error = "this comment is never closed";
        lexer->at = lexer->end;
    }
    token.end = (uint32_t)lexer->at;
    return token;
}

Tokens lex(Arena *arena, const SourceText *source, size_t start, size_t end) {
    Lexer lexer = {source, start, end};
    Tokens tokens = {0};
    do *LIST_PUSH(arena, &tokens) = lexer_next(&lexer);
    while (tokens.items[tokens.count - 1].kind != TOKEN_END);
    return tokens;
}

bool token_is(const SourceText *source, Token token, const char *text) {
    return (token.kind == TOKEN_WORD || token.kind == TOKEN_SYMBOL) &&
           str_ieq_n(source->text + token.start, token.end - token.start, text);
}

bool token_in(const SourceText *source, Token token, const char *const *texts) {
    for (; *texts != NULL; texts++)
        if (token_is(source, token, *texts)) return true;
    return false;
}
