/* What the parser says when the text is wrong, and where it goes on. See parser.h. */
#include <stdarg.h>
#include <string.h>

#include "lang/json.h"
#include "lang/parser.h"

enum { FOUND_MAX = 40 };

/* How a token is shown in a message. */
static const char *describe(Parser *parser, Token token) {
    if (token.kind == TOKEN_END) return "the end of the file";
    const char *text = parser->source->text + token.start;
    size_t size = strcspn(text, "\r\n");
    if (size > token.end - token.start) size = token.end - token.start;
    bool clipped = size < token.end - token.start || size > FOUND_MAX;
    if (size > FOUND_MAX) size = FOUND_MAX;
    while (clipped && size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80) size--;
    return arena_printf(parser->arena, "`%.*s%s`", (int)size, text, clipped ? "…" : "");
}

void *parser_error(Parser *parser, Token token, const char *hint, const char *format, ...) {
    va_list args;
    va_start(args, format);
    const char *message = arena_vprintf(parser->arena, format, args);
    va_end(args);
    diag_error(parser->diags, ERR_SYNTAX, parser_span(parser, token), "%s", message)->hint = hint;
    return NULL;
}

const char *parser_nearest(Parser *parser, const char *word, const char *words) {
    Strings list = {0};
    for (size_t size; *words != '\0'; words += size + (words[size] == ' ')) {
        size = strcspn(words, " ");
        strings_add(parser->arena, &list, arena_strndup(parser->arena, words, size));
    }
    const char *nearest = str_nearest(word, &list);
    return str_ieq(nearest, word) ? NULL : nearest;
}

void *parser_unexpected(Parser *parser, const char *wanted, const char *words, const char *hint) {
    Token token = parser_peek(parser, 0);
    if (token.kind == TOKEN_ERROR) {
        parser_next(parser); /* its own error says enough */
        return NULL;
    }
    if (parser_at_new_statement(parser, true)) return parser_missing_semicolon(parser, hint);
    const char *nearest = NULL;
    if (words != NULL && token.kind == TOKEN_WORD)
        nearest = parser_nearest(parser, token_text(parser->arena, parser->source, token), words);
    if (nearest != NULL)
        hint = arena_printf(parser->arena, "did you mean %s?%s%s", nearest, *hint ? " " : "", hint);
    return parser_error(parser, token, hint, "expected %s, found %s", wanted,
                        describe(parser, token));
}

void *parser_refuse(Parser *parser, size_t first, const char *name, const char *why,
                    const char *hint) {
    Span span = parser_span(parser, parser->tokens.items[first]);
    if (parser->at > first + 1)
        span = span_join(span, parser_span(parser, parser->tokens.items[parser->at - 1]));
    diag_error(parser->diags, ERR_REFUSED_STATEMENT, span, "%s is not allowed in a pipeline: %s",
               name, why)
        ->hint = hint;
    return NULL;
}

void *parser_missing_semicolon(Parser *parser, const char *hint) {
    Token token = parser_peek(parser, 0);
    parser->resume = true;
    if (token.kind != TOKEN_END)
        return parser_error(parser, token, "end the statement before it with `;`",
                            "`;` is missing before %s", describe(parser, token));
    token.start = token.end = parser->tokens.items[parser->at - 1].end;
    return parser_error(parser, token, hint, "`;` is missing at the end of the statement");
}

bool parser_expect(Parser *parser, const char *word, const char *wanted, const char *hint) {
    if (parser_accept(parser, word)) return true;
    parser_unexpected(parser, wanted, strlen(word) > 2 ? word : NULL, hint);
    return false;
}

bool parser_name(Parser *parser, const char *what, const char *next, const char *hint, Text *name) {
    Token token = parser_peek(parser, 0);
    size_t count = parser_skip_name(parser, 0);
    bool missing = next != NULL && parser_is(parser, 0, next) && !parser_is(parser, count, next);
    if (count == 0 || (missing && count == 1)) {
        if (token.kind == TOKEN_NUMBER)
            hint = "a name starts with a letter or _; put any other in double quotes";
        if (token.kind == TOKEN_STRING) hint = "names stand bare or in double quotes";
        parser_unexpected(parser, what, NULL, hint);
        return false;
    }
    Buf text = buf_on(parser->arena);
    Span span = parser_span(parser, token);
    for (; count > 0; count--) {
        token = parser_next(parser);
        buf_put(&text, parser->source->text + token.start, token.end - token.start);
    }
    *name = (Text){buf_text(&text), span_join(span, parser_span(parser, token)), false};
    return true;
}

static bool is_line_start(const Parser *parser, Token token) {
    if (parser->at == 0) return true;
    size_t end = parser->tokens.items[parser->at - 1].end;
    return memchr(parser->source->text + end, '\n', token.start - end) != NULL;
}

/* Words behind which an expression or clause still goes on. */
static bool is_incomplete(const Parser *parser) {
    static const char *const words[] = {
        "all",     "and",       "any",      "as",     "asc",    "between", "by",        "case",
        "cross",   "desc",      "distinct", "else",   "except", "exists",  "filter",    "for",
        "from",    "full",      "group",    "having", "ilike",  "in",      "inner",     "intersect",
        "into",    "is",        "join",     "left",   "like",   "limit",   "natural",   "not",
        "offset",  "on",        "or",       "order",  "outer",  "over",    "partition", "pivot",
        "qualify", "recursive", "right",    "select", "set",    "then",    "to",        "union",
        "using",   "values",    "when",     "where",  "with",   "table",   "view",      "schema",
        "replace", "temp",      "load",     "source", "export", "type",   NULL,
    };
    if (parser->at == 0) return true;
    Token last = parser->tokens.items[parser->at - 1];
    if (last.kind == TOKEN_SYMBOL) return strchr(")]}*", parser->source->text[last.start]) == NULL;
    return token_in(parser->source, last, words);
}

static bool looks_like_statement(Parser *parser, bool in_query) {
    size_t name = parser_skip_name(parser, 1);
    if (parser_is(parser, 0, "LOAD")) return name > 1 && parser_is(parser, name, "FROM");
    if (parser_is(parser, 0, "SOURCE"))
        return name > 1 && (parser_is(parser, name, "TYPE") || parser_is(parser, name, "FROM"));
    if (parser_is(parser, 0, "EXPORT"))
        return parser_is(parser, 1, "SELECT") || (name > 1 && parser_is(parser, name, "TO"));
    if (parser_is(parser, 0, "INCLUDE")) return parser_is_string(parser, 1);
    if (parser_is(parser, 0, "CREATE"))
        return parser_is(parser, 1, "TABLE") || parser_is(parser, 1, "OR") ||
               parser_is(parser, 1, "VIEW") || parser_is(parser, 1, "TEMP");
    if (parser_is(parser, 0, "ASSERT"))
        return (name > 1 && parser_is(parser, name, "AS")) || parser_is(parser, 2, "(");
    if (parser_is(parser, 0, "IF"))
        return parser_peek(parser, 1).kind == TOKEN_VARIABLE && !parser_is(parser, 1, "(");
    if (!in_query) return false;
    if (parser_is(parser, 0, "SET")) return name > 1 && parser_is(parser, name, "=");
    return (parser_is(parser, 0, "INSERT") && parser_is(parser, 1, "INTO")) ||
           (parser_is(parser, 0, "DELETE") && parser_is(parser, 1, "FROM"));
}

bool parser_at_new_statement(Parser *parser, bool in_query) {
    Token token = parser_peek(parser, 0);
    return token.kind == TOKEN_WORD && is_line_start(parser, token) && !is_incomplete(parser) &&
           looks_like_statement(parser, in_query);
}

bool parser_at_branch_end(Parser *parser) {
    return parser->if_depth > 0 && (parser_is(parser, 0, "ENDIF") ||
                                    (parser_is(parser, 0, "END") && parser_is(parser, 1, "IF") &&
                                     parser_is(parser, 2, ";")));
}

Stmt *parser_finish(Parser *parser, Stmt *stmt, const char *words, const char *hint) {
    Token last = parser->tokens.items[parser->at - 1];
    if (!parser_is(parser, 0, ";")) {
        if (parser_peek(parser, 0).kind == TOKEN_END)
            return parser_missing_semicolon(parser, "every statement ends with `;`");
        if (parser_at_branch_end(parser)) return parser_missing_semicolon(parser, hint);
        if (looks_like_statement(parser, true)) {
            parser_missing_semicolon(parser, hint);
            parser->resume = parser_at_new_statement(parser, true);
            return NULL;
        }
        return parser_unexpected(parser, "`;`", words, hint);
    }
    stmt->span.end = last.end;
    parser_next(parser);
    return stmt;
}

void parser_recover(Parser *parser, size_t first) {
    unsigned depth = 0;
    bool resume = parser->resume;
    parser->resume = false;
    if (resume && parser->at > first) return;
    while (parser_peek(parser, 0).kind != TOKEN_END && !parser_at_branch_end(parser)) {
        bool options = parser_is(parser, 0, "PARAMS") || parser_is(parser, 0, "OPTIONS");
        bool open = parser_is(parser, 0, "(") || parser_is(parser, 0, "[");
        bool close = parser_is(parser, 0, ")") || parser_is(parser, 0, "]");
        bool end = parser_is(parser, 0, ";");
        /* A ';' inside brackets that are never closed ends the statement, too. */
        if (end && depth > 0 && parser_is_statement(parser, 1)) depth = 0;
        parser_next(parser);
        if (end && depth == 0) return;
        if (open) depth++;
        if (close && depth > 0) depth--;
        if (options && parser_is(parser, 0, "{")) {
            Token brace = parser_peek(parser, 0);
            parser->tokens.count = parser->at;
            if (parser->checked > parser->at) parser->checked = parser->at;
            parser->lexer.at = json_skip(parser->source, brace.start);
        }
    }
}
