/* Cuts SQL into tokens the way DuckDB does: nested comments, doubled quotes, dollar quotes. */
#include "udf/sqlscan.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "base/str.h"

static bool starts_word(char c) { return isalpha((unsigned char)c) || c == '_' || (c & 0x80); }

static bool in_word(char c) { return starts_word(c) || isdigit((unsigned char)c) || c == '$'; }

static size_t skip_comment(const char *sql, size_t at) {
    size_t depth = 0;
    do {
        if (sql[at] == '/' && sql[at + 1] == '*') {
            depth++;
            at += 2;
        } else if (sql[at] == '*' && sql[at + 1] == '/') {
            depth--;
            at += 2;
        } else {
            at++;
        }
    } while (depth && sql[at]);
    return at;
}

static size_t skip_blanks(const char *sql, size_t at) {
    while (sql[at]) {
        if (isspace((unsigned char)sql[at]))
            at++;
        else if (sql[at] == '-' && sql[at + 1] == '-')
            at += strcspn(sql + at, "\n");
        else if (sql[at] == '/' && sql[at + 1] == '*')
            at = skip_comment(sql, at);
        else
            break;
    }
    return at;
}

/* Behind the closing quote; a doubled quote (or, in E'…', one behind a backslash) is text. */
static size_t quoted_end(const char *sql, size_t at, bool escapes) {
    char quote = sql[at++];
    while (sql[at]) {
        if (escapes && sql[at] == '\\' && sql[at + 1])
            at += 2;
        else if (sql[at] != quote)
            at++;
        else if (sql[at + 1] == quote)
            at += 2;
        else
            return at + 1;
    }
    return at;
}

/* $tag$ … $tag$ ; 0 when it is none. */
static size_t dollar_end(const char *sql, size_t at) {
    size_t tag = 1;
    while (in_word(sql[at + tag]) && sql[at + tag] != '$') tag++;
    if (sql[at + tag] != '$' || isdigit((unsigned char)sql[at + 1])) return 0;
    tag++;
    for (size_t i = at + tag; sql[i]; i++)
        if (strncmp(sql + i, sql + at, tag) == 0) return i + tag;
    return at + strlen(sql + at);
}

static SqlToken token_at(const char *sql, size_t at) {
    char c = sql[at];
    bool escapes = (c == 'e' || c == 'E') && sql[at + 1] == '\'';
    if (escapes) return (SqlToken){SQL_STRING, at, quoted_end(sql, at + 1, true)};
    if (c == '\'') return (SqlToken){SQL_STRING, at, quoted_end(sql, at, false)};
    if (c == '"') return (SqlToken){SQL_QUOTED, at, quoted_end(sql, at, false)};
    size_t end = at;
    if (c == '$' && (end = dollar_end(sql, at))) return (SqlToken){SQL_STRING, at, end};
    end = at;
    if (starts_word(c)) {
        while (in_word(sql[end])) end++;
        return (SqlToken){SQL_WORD, at, end};
    }
    if (isdigit((unsigned char)c) || (c == '.' && isdigit((unsigned char)sql[at + 1]))) {
        while (in_word(sql[end]) || sql[end] == '.') end++;
        return (SqlToken){SQL_NUMBER, at, end};
    }
    bool twin = strncmp(sql + at, ":=", 2) == 0 || strncmp(sql + at, "=>", 2) == 0 ||
                strncmp(sql + at, "::", 2) == 0;
    return (SqlToken){SQL_SYMBOL, at, at + (twin ? 2 : 1)};
}

SqlTokens sqlscan(Arena *arena, const char *sql) {
    SqlTokens tokens = {0};
    for (size_t at = skip_blanks(sql, 0); sql[at]; at = skip_blanks(sql, at)) {
        SqlToken token = token_at(sql, at);
        *LIST_PUSH(arena, &tokens) = token;
        at = token.end;
    }
    size_t size = strlen(sql);
    *LIST_PUSH(arena, &tokens) = (SqlToken){SQL_END, size, size};
    return tokens;
}

bool sql_is(const char *sql, const SqlTokens *tokens, size_t i, const char *text) {
    if (i >= tokens->count) return false;
    SqlToken token = tokens->items[i];
    if (token.kind != SQL_WORD && token.kind != SQL_SYMBOL) return false;
    return str_ieq_n(sql + token.start, token.end - token.start, text);
}

bool sql_in(const char *sql, const SqlTokens *tokens, size_t i, const char *const *texts) {
    for (; *texts != NULL; texts++)
        if (sql_is(sql, tokens, i, *texts)) return true;
    return false;
}

const char *sql_token_text(Arena *arena, const char *sql, SqlToken token) {
    const char *from = sql + token.start;
    size_t size = token.end - token.start;
    if (token.kind != SQL_QUOTED && token.kind != SQL_STRING)
        return arena_strndup(arena, from, size);
    char quote = *from == '"' || *from == '\'' ? *from : 0;
    if (!quote || size < 2) return arena_strndup(arena, from, size);
    char *text = arena_alloc(arena, size);
    size_t used = 0;
    for (size_t i = 1; i + 1 < size; i++) {
        text[used++] = from[i];
        if (from[i] == quote) i++;
    }
    return text;
}

size_t sql_closing(const char *sql, const SqlTokens *tokens, size_t open) {
    size_t depth = 0;
    for (size_t i = open; i < tokens->count; i++) {
        if (tokens->items[i].kind != SQL_SYMBOL) continue;
        char c = sql[tokens->items[i].start];
        depth += c == '(' || c == '[' || c == '{';
        depth -= depth && (c == ')' || c == ']' || c == '}');
        if (!depth) return i;
    }
    return SIZE_MAX;
}
