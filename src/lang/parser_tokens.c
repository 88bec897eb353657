/* Tokens for the parser: lexed on demand, with lookahead. Each token that is taken is searched for
 * errors of its own (unterminated text, malformed variables) exactly once. See parser.h. */
#include <string.h>

#include "lang/messages.h"
#include "lang/parser.h"

Token parser_peek(Parser *parser, size_t ahead) {
    Tokens *tokens = &parser->tokens;
    while (tokens->count <= parser->at + ahead) {
        if (tokens->count > 0 && tokens->items[tokens->count - 1].kind == TOKEN_END)
            return tokens->items[tokens->count - 1];
        *LIST_PUSH(parser->arena, tokens) = lexer_next(&parser->lexer);
    }
    return tokens->items[parser->at + ahead];
}

Span parser_span(const Parser *parser, Token token) {
    return span_of(parser->source, token.start, token.end);
}

static void malformed(Parser *parser, size_t start, size_t size, const char *why) {
    diag_error(parser->diags, ERR_SYNTAX, span_of(parser->source, start, start + size),
               MALFORMED_VARIABLE, why)
        ->hint = VARIABLE_HINT;
}

static void report_error_token(Parser *parser, Token token) {
    const char *text = parser->source->text + token.start;
    if (text[0] == '$' && text[1] == '{') {
        malformed(parser, token.start, token.end - token.start, token.error);
        return;
    }
    bool curly = (unsigned char)text[0] == 0xe2;
    bool quote = text[0] == '\'' || text[0] == '"';
    size_t size = curly ? 3 : quote ? 1 : 2;
    const char *hint = curly            ? "write plain quotes: 'text' or \"name\""
                       : text[0] == '/' ? "close it with */; comments nest"
                       : text[0] == '"' ? "close it with \"; a \" inside is written twice"
                       : text[0] == '$' ? "close it with the same $…$"
                                        : "close it with '; a ' inside is written twice";
    diag_error(parser->diags, curly ? ERR_SYNTAX : ERR_UNTERMINATED,
               span_of(parser->source, token.start, token.start + size), "%s", token.error)
        ->hint = hint;
}

/* Quotes that were resolved shift the content, so the n-th ${ is searched in the source. */
static size_t place_of(const Parser *parser, Token token, const char *content, size_t at) {
    const char *place = parser->source->text + token.start;
    for (const char *c = content; (c = strstr(c, "${")) != NULL && c < content + at; c += 2)
        place = strstr(place, "${") + 2;
    return (size_t)(strstr(place, "${") - parser->source->text);
}

static void check(Parser *parser, Token token) {
    BadVariable bad;
    if (token.kind == TOKEN_ERROR) report_error_token(parser, token);
    if (token.kind != TOKEN_STRING && token.kind != TOKEN_QUOTED && token.kind != TOKEN_ESTRING)
        return;
    if (memmem(parser->source->text + token.start, token.end - token.start, "${", 2) == NULL)
        return;
    const char *content = token_text(parser->arena, parser->source, token);
    if (variable_malformed(content, &bad))
        malformed(parser, place_of(parser, token, content, bad.at), bad.size, bad.why);
}

Token parser_next(Parser *parser) {
    Token token = parser_peek(parser, 0);
    if (token.kind == TOKEN_END) return token;
    if (parser->at >= parser->checked) {
        parser->checked = parser->at + 1;
        check(parser, token);
    }
    parser->at++;
    return token;
}

bool parser_is(Parser *parser, size_t ahead, const char *text) {
    return token_is(parser->source, parser_peek(parser, ahead), text);
}

bool parser_accept(Parser *parser, const char *text) {
    if (!parser_is(parser, 0, text)) return false;
    parser_next(parser);
    return true;
}

bool parser_is_string(Parser *parser, size_t ahead) {
    TokenKind kind = parser_peek(parser, ahead).kind;
    return kind == TOKEN_STRING || kind == TOKEN_ESTRING || kind == TOKEN_DOLLAR ||
           kind == TOKEN_QUOTED;
}

Text parser_string(Parser *parser) {
    Token token = parser_next(parser);
    return (Text){token_text(parser->arena, parser->source, token), parser_span(parser, token),
                  true};
}

Text parser_slice(Parser *parser, size_t first, size_t end) {
    if (end <= first) return (Text){0};
    size_t start = parser->tokens.items[first].start, stop = parser->tokens.items[end - 1].end;
    return (Text){arena_strndup(parser->arena, parser->source->text + start, stop - start),
                  span_of(parser->source, start, stop), false};
}

static bool is_piece(Token token) {
    return token.kind == TOKEN_WORD || token.kind == TOKEN_VARIABLE;
}

/* One part of a name: `part_${num}`, `${env}_x2`, "quoted". */
static size_t skip_part(Parser *parser, size_t ahead) {
    Token token = parser_peek(parser, ahead);
    if (token.kind == TOKEN_QUOTED) return ahead + 1;
    if (!is_piece(token)) return ahead;
    for (ahead++;; ahead++) {
        Token next = parser_peek(parser, ahead);
        bool digits = next.kind == TOKEN_NUMBER && parser->source->text[next.start] != '.';
        if (next.start != token.end || !(is_piece(next) || digits)) return ahead;
        token = next;
    }
}

size_t parser_skip_name(Parser *parser, size_t ahead) {
    size_t end = skip_part(parser, ahead);
    if (end == ahead) return ahead;
    while (parser_is(parser, end, ".")) {
        size_t part = skip_part(parser, end + 1);
        if (part == end + 1) break;
        end = part;
    }
    return end;
}
