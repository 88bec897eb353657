/* EXPORT: its SQL ends at the last TO outside brackets that a destination follows. */
#include "lang/parser.h"

#define EXPORT_FORM                                                                                \
    "EXPORT table TO 'path' [TYPE type] [OPTIONS {…}]; or EXPORT SELECT … TO 'path';"

typedef enum Tail { TAIL_NONE, TAIL_POSSIBLE, TAIL_CERTAIN } Tail;

/* Does the TO at the parser end the SQL: a destination and the statement's last clauses follow? */
static Tail tail_at(Parser *parser) {
    size_t ahead =
        parser_is_string(parser, 1) && !parser_is(parser, 2, ".") ? 2 : parser_skip_name(parser, 1);
    if (ahead == 1) return TAIL_NONE;
    if (parser_is(parser, ahead, "TYPE") && parser_peek(parser, ahead + 1).kind == TOKEN_WORD)
        ahead += 2;
    bool options = parser_is(parser, ahead, "OPTIONS") || parser_is(parser, ahead, "PARAMS");
    bool end = parser_is(parser, ahead, ";") || parser_peek(parser, ahead).kind == TOKEN_END;
    return end || (options && parser_is(parser, ahead + 1, "{")) ? TAIL_CERTAIN : TAIL_POSSIBLE;
}

/* The query up to its TO, which is left at the parser. */
static bool export_query(Parser *parser, Text *query) {
    SqlScan scan = {.query = true, .first = parser->at};
    ScanStep step = SCAN_MORE;
    size_t first = parser->at, last_to = 0;
    while (step == SCAN_MORE) {
        Tail tail = TAIL_NONE;
        if (scan.open.count == 0 && !scan.wrong && parser_is(parser, 0, "TO"))
            tail = tail_at(parser);
        if (tail != TAIL_NONE) last_to = parser->at;
        if (tail == TAIL_CERTAIN) break;
        bool options = parser_is(parser, 0, "OPTIONS") || parser_is(parser, 0, "PARAMS");
        if (last_to > 0 && options && parser_is(parser, 1, "{")) break;
        step = sql_scan(parser, &scan);
    }
    if (step == SCAN_WRONG || scan.wrong) return false;
    if (last_to == 0) {
        parser_unexpected(parser, "TO and a destination after the query", NULL,
                          "EXPORT SELECT … TO 'path' [TYPE type] [OPTIONS {…}];");
        return false;
    }
    parser->at = last_to;
    *query = parser_slice(parser, first, last_to);
    return true;
}

static bool export_what(Parser *parser, Stmt *stmt) {
    size_t name = parser_skip_name(parser, 0);
    if (parser_is(parser, 0, "TO") && !parser_is(parser, name, "TO")) {
        parser_unexpected(parser, "a table or query after EXPORT", NULL, EXPORT_FORM);
        return false;
    }
    if (name > 0 && parser_is(parser, name, "TO"))
        return parser_name(parser, "a table", NULL, EXPORT_FORM, &stmt->export.table);
    if (parser_at_query(parser)) return export_query(parser, &stmt->export.query);
    if (name == 1 && !parser_is_string(parser, 1) && !parser_is(parser, 1, ";") &&
        parser_nearest(parser, parser_slice(parser, parser->at, parser->at + 1).text,
                       "SELECT WITH VALUES") != NULL) {
        parser_unexpected(parser, "a table or query after EXPORT", "SELECT WITH VALUES",
                          EXPORT_FORM);
        return false;
    }
    if (!parser_name(parser, "a table or query after EXPORT", NULL, EXPORT_FORM,
                     &stmt->export.table))
        return false;
    return parser_expect(parser, "TO", "TO after the table's name", EXPORT_FORM);
}

static bool destination(Parser *parser, Text *text) {
    if (parser_is_string(parser, 0) &&
        !(parser_peek(parser, 0).kind == TOKEN_QUOTED && parser_is(parser, 1, "."))) {
        *text = parser_string(parser);
        return true;
    }
    return parser_name(parser, "a destination after TO", NULL,
                       "TO 'path', TO connection or TO connection.schema.table", text);
}

Stmt *parse_export(Parser *parser) {
    Stmt *stmt = stmt_new(parser, STMT_EXPORT);
    if (parser_is(parser, 0, "DATABASE") && parser_peek(parser, 1).kind == TOKEN_STRING)
        return parser_refuse(parser, parser->at - 1, "EXPORT DATABASE",
                             "a pipeline exports tables and queries", EXPORT_FORM);
    if (!export_what(parser, stmt)) return NULL;
    if (!parser_expect(parser, "TO", "TO", EXPORT_FORM)) return NULL;
    if (!destination(parser, &stmt->export.destination)) return NULL;
    const char *hint = EXPORT_FORM;
    if (!stmt->export.destination.quoted && parser_peek(parser, 0).kind == TOKEN_SYMBOL)
        hint = "put a path in quotes: TO 'output/file.csv'";
    if (parser_accept(parser, "TYPE")) {
        if (parser_peek(parser, 0).kind != TOKEN_WORD || parser_is(parser, 1, "{"))
            return parser_unexpected(parser, "a type after TYPE", NULL, EXPORT_FORM);
        parser_next(parser);
        stmt->export.type = parser_slice(parser, parser->at - 1, parser->at);
    }
    if (parser_accept(parser, "OPTIONS") || parser_accept(parser, "PARAMS"))
        if (!parse_options(parser, &stmt->export.options)) return NULL;
    return parser_finish(parser, stmt, "TYPE OPTIONS PARAMS", hint);
}
