/* The extent of SQL in a statement: from its first token to the ';', with brackets and CASE … END
 * counted, so that nothing inside them is taken for SQLFlow's own words. Its content is DuckDB's
 * business. See parser.h. */
#include <string.h>

#include "lang/parser.h"

static char first_char(const Parser *parser, Token token) {
    return token.kind == TOKEN_SYMBOL && token.end == token.start + 1
               ? parser->source->text[token.start]
               : '\0';
}

static void unclosed(Parser *parser, Token open) {
    char c = parser->source->text[open.start];
    char close = c == '(' ? ')' : c == '[' ? ']' : '}';
    diag_error(parser->diags, ERR_UNTERMINATED, parser_span(parser, open),
               "this `%c` is never closed", c)
        ->hint = arena_printf(parser->arena, "close it with `%c` before the `;`", close);
}

static void close_bracket(Parser *parser, SqlScan *scan, Token token) {
    char c = first_char(parser, token);
    char open = c == ')' ? '(' : c == ']' ? '[' : '{';
    if (scan->wrong) return;
    if (scan->open.count == 0) {
        parser_error(parser, token, "remove it, or add the one that opens",
                     "this `%c` closes nothing", c);
        scan->wrong = true;
        return;
    }
    Token partner = scan->open.items[--scan->open.count];
    if (parser->source->text[partner.start] == open) return;
    unclosed(parser, partner);
    scan->wrong = true;
}

static bool follows_as(const Parser *parser) {
    if (parser->at == 0) return false;
    Token last = parser->tokens.items[parser->at - 1];
    return token_is(parser->source, last, "AS") || token_is(parser->source, last, ".");
}

/* ELSE, END IF and the like outside CASE belong to the IF around the statement. */
static bool at_branch_word(Parser *parser, const SqlScan *scan) {
    if (parser->if_depth == 0 || scan->cases > 0 || scan->open.count > 0) return false;
    bool end = parser_is(parser, 1, "IF") || parser_is(parser, 1, ";");
    return parser_is(parser, 0, "ELSE") || parser_is(parser, 0, "ELSEIF") ||
           (parser_is(parser, 0, "END") && end) ||
           (parser_is(parser, 0, "ENDIF") && parser_is(parser, 1, ";"));
}

/* The ';' at the parser: the end, unless brackets are open. */
static ScanStep semicolon(Parser *parser, SqlScan *scan) {
    if (scan->wrong) scan->open.count = 0;
    if (scan->open.count == 0) return scan->wrong ? SCAN_WRONG : SCAN_END;
    unclosed(parser, scan->open.items[scan->open.count - 1]);
    scan->wrong = true;
    if (parser_is_statement(parser, 1)) return SCAN_WRONG;
    parser_next(parser);
    return SCAN_MORE;
}

static void count_case(Parser *parser, SqlScan *scan) {
    if (follows_as(parser)) return;
    if (parser_is(parser, 0, "CASE")) scan->cases++;
    if (parser_is(parser, 0, "END") && scan->cases > 0) scan->cases--;
}

ScanStep sql_scan(Parser *parser, SqlScan *scan) {
    Token token = parser_peek(parser, 0);
    char c = first_char(parser, token);
    if (token.kind == TOKEN_END) {
        if (scan->open.count > 0 && !scan->wrong)
            unclosed(parser, scan->open.items[scan->open.count - 1]);
        return scan->wrong || scan->open.count > 0 ? SCAN_WRONG : SCAN_END;
    }
    if (c == ';') return semicolon(parser, scan);
    if (token.kind == TOKEN_WORD && scan->open.count == 0 && parser->at > scan->first &&
        !follows_as(parser) &&
        (at_branch_word(parser, scan) || parser_at_new_statement(parser, scan->query))) {
        parser_missing_semicolon(parser, "");
        return SCAN_WRONG;
    }
    if (token.kind == TOKEN_WORD) count_case(parser, scan);
    if (token.kind == TOKEN_ERROR) scan->wrong = true;
    if (c == '(' || c == '[' || c == '{') *LIST_PUSH(parser->arena, &scan->open) = token;
    if (c == ')' || c == ']' || c == '}') close_bracket(parser, scan, token);
    parser_next(parser);
    return SCAN_MORE;
}

bool parser_sql(Parser *parser, bool query, Text *sql) {
    SqlScan scan = {.query = query, .first = parser->at};
    ScanStep step;
    size_t first = parser->at;
    do step = sql_scan(parser, &scan);
    while (step == SCAN_MORE);
    *sql = parser_slice(parser, first, parser->at);
    return step == SCAN_END && !scan.wrong;
}

bool parser_at_query(Parser *parser) {
    static const char *const words[] = {"SELECT",      "WITH",        "FROM",    "VALUES",
                                        "(",           "PIVOT",       "UNPIVOT", "TABLE",
                                        "PIVOT_WIDER", "PIVOT_LONGER", NULL};
    Token token = parser_peek(parser, 0);
    if (token_in(parser->source, token, words)) return true;
    const char *text = parser->source->text + token.start;
    return token.kind == TOKEN_VARIABLE && memmem(text, token.end - token.start, ":raw", 4) != NULL;
}
