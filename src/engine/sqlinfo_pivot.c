/* Rewrites PIVOT … ON x for the serializer. See sqlinfo_pivot.h. It looks at words, brackets,
 * quotes and comments only; what it gets wrong DuckDB refuses as a syntax error. */
#include "engine/sqlinfo_pivot.h"

#include <ctype.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"

typedef struct Token {
    size_t start, end;
    int depth; /* of brackets; an opening one has the depth outside */
} Token;

typedef struct Tokens {
    const char *sql;
    Token *items;
    size_t count, capacity;
} Tokens;

static size_t skip_quoted(const char *sql, size_t at, char quote) {
    for (at++; sql[at] != '\0'; at++) {
        if (sql[at] != quote) continue;
        if (sql[at + 1] != quote) return at + 1;
        at++;
    }
    return at;
}

static size_t skip_dollars(const char *sql, size_t at) {
    size_t tag = at + 1;
    while (isalnum((unsigned char)sql[tag]) || sql[tag] == '_') tag++;
    if (sql[tag] != '$') return at + 1;
    size_t size = tag + 1 - at;
    for (size_t end = tag + 1; sql[end] != '\0'; end++)
        if (strncmp(sql + end, sql + at, size) == 0) return end + size;
    return strlen(sql);
}

static size_t skip_block(const char *sql, size_t at) {
    int depth = 0;
    while (sql[at] != '\0') {
        if (sql[at] == '/' && sql[at + 1] == '*') {
            depth++;
            at += 2;
        } else if (sql[at] == '*' && sql[at + 1] == '/') {
            at += 2;
            if (--depth == 0) return at;
        } else {
            at++;
        }
    }
    return at;
}

static bool is_word(char c) { return isalnum((unsigned char)c) || c == '_' || (c & 0x80) != 0; }

static size_t token_end(const char *sql, size_t at) {
    char c = sql[at];
    if (c == '\'' || c == '"') return skip_quoted(sql, at, c);
    if (c == '$' && !isdigit((unsigned char)sql[at + 1])) return skip_dollars(sql, at);
    if (!is_word(c)) return at + 1;
    while (is_word(sql[at])) at++;
    return at;
}

static Tokens tokenize(Arena *arena, const char *sql) {
    Tokens tokens = {.sql = sql};
    int depth = 0;
    for (size_t at = 0; sql[at] != '\0';) {
        if (isspace((unsigned char)sql[at])) {
            at++;
        } else if (sql[at] == '-' && sql[at + 1] == '-') {
            at += strcspn(sql + at, "\n");
        } else if (sql[at] == '/' && sql[at + 1] == '*') {
            at = skip_block(sql, at);
        } else {
            size_t end = token_end(sql, at);
            if (strchr(")]}", sql[at]) != NULL) depth--;
            *LIST_PUSH(arena, &tokens) = (Token){at, end, depth};
            if (strchr("([{", sql[at]) != NULL) depth++;
            at = end;
        }
    }
    return tokens;
}

static bool is(const Tokens *tokens, size_t i, const char *text) {
    if (i >= tokens->count) return false;
    const Token *token = &tokens->items[i];
    return str_ieq_n(tokens->sql + token->start, token->end - token->start, text);
}

static bool ends_on_list(const Tokens *tokens, size_t i, int depth) {
    static const char *const words[] = {"USING", "GROUP", "ORDER", "LIMIT", "OFFSET", ";"};
    if (i >= tokens->count || tokens->items[i].depth < depth) return true;
    if (tokens->items[i].depth > depth) return false;
    for (size_t w = 0; w < sizeof words / sizeof *words; w++)
        if (is(tokens, i, words[w])) return true;
    return false;
}

static void insert(Arena *arena, PivotRewrite *rewrite, Buf *out, size_t at, const char *text) {
    buf_puts(out, text);
    *LIST_PUSH(arena, &rewrite->inserts) = (PivotInsert){at, strlen(text)};
}

/* One item of the ON list, tokens [first, last]. */
static size_t rewrite_item(Arena *arena, const Tokens *tokens, size_t first, Buf *out,
                           PivotRewrite *rewrite) {
    int depth = tokens->items[first].depth;
    size_t end = first;
    bool has_in = false;
    while (!ends_on_list(tokens, end, depth) &&
           !(tokens->items[end].depth == depth && is(tokens, end, ","))) {
        has_in = has_in || (tokens->items[end].depth == depth && is(tokens, end, "IN"));
        end++;
    }
    if (end == first) return end;
    size_t start = tokens->items[first].start, stop = tokens->items[end - 1].end;
    if (!has_in) insert(arena, rewrite, out, start, "((");
    buf_put(out, tokens->sql + start, stop - start);
    if (!has_in) insert(arena, rewrite, out, stop, ")) IN (0)");
    return end;
}

/* Copies up to the ON list of the PIVOT at token i and rewrites it; the offset copied so far. */
static size_t rewrite_pivot(const Tokens *tokens, size_t i, size_t copied, Buf *out,
                            PivotRewrite *rewrite) {
    int depth = tokens->items[i].depth;
    size_t on = i + 1;
    while (!ends_on_list(tokens, on, depth) &&
           !(tokens->items[on].depth == depth && is(tokens, on, "ON")))
        on++;
    if (!is(tokens, on, "ON")) return copied;
    for (size_t item = on + 1; !ends_on_list(tokens, item, depth); item++) {
        size_t start = tokens->items[item].start;
        buf_put(out, tokens->sql + copied, start - copied);
        item = rewrite_item(out->arena, tokens, item, out, rewrite);
        copied = tokens->items[item - 1].end;
        if (ends_on_list(tokens, item, depth)) break;
    }
    return copied;
}

bool pivot_rewrite(Arena *arena, const char *sql, PivotRewrite *rewrite) {
    *rewrite = (PivotRewrite){0};
    Tokens tokens = tokenize(arena, sql);
    Buf out = buf_on(arena);
    size_t copied = 0;
    for (size_t i = 0; i < tokens.count; i++) {
        if (!is(&tokens, i, "PIVOT") && !is(&tokens, i, "PIVOT_WIDER")) continue;
        if (tokens.items[i].start < copied) continue; /* inside an item already rewritten */
        copied = rewrite_pivot(&tokens, i, copied, &out, rewrite);
    }
    buf_puts(&out, sql + copied);
    rewrite->sql = buf_text(&out);
    return rewrite->inserts.count > 0;
}

int64_t pivot_offset(const PivotRewrite *rewrite, int64_t offset) {
    int64_t added = 0;
    for (size_t i = 0; i < rewrite->inserts.count; i++) {
        const PivotInsert *put = &rewrite->inserts.items[i];
        int64_t at = (int64_t)put->at + added;
        if (offset < at) break;
        if (offset < at + (int64_t)put->size) return (int64_t)put->at;
        added += (int64_t)put->size;
    }
    return offset < 0 ? offset : offset - added;
}
