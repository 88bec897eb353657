/* SOURCE, LOAD, CREATE TABLE … AS and the modes they share. See parser.h. */
#include <string.h>

#include "lang/json.h"
#include "lang/parser.h"

#define SOURCE_FORM                                                                                \
    "SOURCE name TYPE type PARAMS {…}; or SOURCE name FROM 'connection' OPTIONS {…};"
#define LOAD_FORM   "LOAD table FROM source [MODE …];"
#define CREATE_FORM "CREATE TABLE table [MODE …] AS query;"
#define KEY_FORM    "MODE UPSERT KEY (column, …)"
#define MODE_FORM                                                                                  \
    "MODE REPLACE, MODE APPEND, MODE UPSERT KEY (column, …) or MODE INCREMENTAL BY column"

bool parse_options(Parser *parser, Value **options) {
    Token brace = parser_peek(parser, 0);
    if (!parser_is(parser, 0, "{")) {
        parser_unexpected(parser, "`{`", NULL, "PARAMS and OPTIONS take {\"key\": value, …}");
        return false;
    }
    size_t at = brace.start;
    parser->tokens.count = parser->at; /* what was lexed ahead follows the rules of SQL */
    if (parser->checked > parser->at) parser->checked = parser->at;
    *options = json_parse(parser->arena, parser->source, &at, parser->diags);
    parser->lexer.at = at;
    if (*options == NULL) return false;
    /* The object stands for its tokens, so that "the last token" remains right. */
    *LIST_PUSH(parser->arena, &parser->tokens) =
        (Token){TOKEN_SYMBOL, brace.start, (uint32_t)at, NULL};
    parser->at++;
    return true;
}

Stmt *parse_source(Parser *parser) {
    Stmt *stmt = stmt_new(parser, STMT_SOURCE);
    if (!parser_name(parser, "the source's name", NULL, SOURCE_FORM, &stmt->source.name))
        return NULL;
    parser->named = stmt;
    if (parser_accept(parser, "FROM")) {
        if (!parser_is_string(parser, 0))
            return parser_unexpected(parser, "a connection's name in quotes", NULL,
                                     "SOURCE name FROM 'connection' OPTIONS {…};");
        stmt->source.connection = parser_string(parser);
        if (!parser_accept(parser, "OPTIONS") && !parser_accept(parser, "PARAMS"))
            return parser_finish(parser, stmt, "OPTIONS PARAMS",
                                 "SOURCE name FROM 'connection' OPTIONS {…};");
    } else {
        if (!parser_expect(parser, "TYPE", "TYPE or FROM after the source's name", SOURCE_FORM))
            return NULL;
        Token type = parser_peek(parser, 0);
        if (type.kind != TOKEN_WORD ||
            (parser_is(parser, 0, "PARAMS") && parser_is(parser, 1, "{")))
            return parser_unexpected(parser, "a connector's name after TYPE", NULL,
                                     "SOURCE name TYPE csv PARAMS {\"path\": \"…\"};");
        parser_next(parser);
        stmt->source.type = parser_slice(parser, parser->at - 1, parser->at);
        if (!parser_expect(parser, "PARAMS", "PARAMS after the type",
                           "SOURCE name TYPE type PARAMS {…};"))
            return NULL;
    }
    if (!parse_options(parser, &stmt->source.options)) return NULL;
    return parser_finish(parser, stmt, NULL, "the statement ends behind the `}`");
}

static bool add_key(Parser *parser, Mode *mode) {
    Text key;
    if (!parser_name(parser, "a key column", NULL, KEY_FORM, &key)) return false;
    *LIST_PUSH(parser->arena, &mode->keys) = key;
    return true;
}

static bool parse_keys(Parser *parser, Mode *mode) {
    if (!parser_accept(parser, "(")) {
        do
            if (!add_key(parser, mode)) return false;
        while (parser_accept(parser, ","));
        return true;
    }
    do { /* separated by commas or by blanks */
        if (!add_key(parser, mode)) return false;
        parser_accept(parser, ",");
    } while (!parser_is(parser, 0, ")") && parser_skip_name(parser, 0) > 0);
    return parser_expect(parser, ")", "`,` or `)` in the list of keys", KEY_FORM);
}

static bool parse_upsert(Parser *parser, Mode *mode) {
    mode->kind = MODE_UPSERT;
    if (parser_is(parser, 0, ";") || parser_is(parser, 0, "AS")) {
        parser_error(parser, parser_peek(parser, 0), KEY_FORM,
                     "MODE UPSERT needs the KEY that identifies a row");
        return false;
    }
    if (!parser_accept(parser, "KEY") && !parser_accept(parser, "UPSERT_KEYS") &&
        !parser_accept(parser, "MERGE_KEYS")) {
        parser_unexpected(parser, "KEY after MODE UPSERT", "KEY UPSERT_KEYS MERGE_KEYS", KEY_FORM);
        return false;
    }
    if (parser_is(parser, 0, ";") || parser_is(parser, 0, ")") ||
        (parser_is(parser, 0, "(") && parser_is(parser, 1, ")")) ||
        (parser_is(parser, 0, "AS") && !parser_is(parser, 1, "AS") && !parser_is(parser, 1, ","))) {
        parser_error(parser, parser_peek(parser, 0), KEY_FORM, "KEY names no column");
        return false;
    }
    return parse_keys(parser, mode);
}

static bool parse_incremental(Parser *parser, Mode *mode) {
    const char *form = "MODE INCREMENTAL BY column LOOKBACK 2 DAYS";
    mode->kind = MODE_INCREMENTAL;
    if (!parser_expect(parser, "BY", "BY after INCREMENTAL", form)) return false;
    if (parser_is(parser, 0, "LOOKBACK") && parser_peek(parser, 1).kind == TOKEN_NUMBER) {
        parser_unexpected(parser, "a column after BY", NULL, form);
        return false;
    }
    if (!parser_name(parser, "a column after BY", "AS", form, &mode->cursor)) return false;
    if (!parser_accept(parser, "LOOKBACK")) return true;
    size_t first = parser->at;
    for (;;) {
        Token token = parser_peek(parser, 0);
        if (token.kind == TOKEN_END || token.kind == TOKEN_ERROR || parser_is(parser, 0, ";") ||
            parser_is(parser, 0, "AS") || parser_at_branch_end(parser) ||
            parser_at_new_statement(parser, true))
            break;
        parser_next(parser);
    }
    mode->lookback = parser_slice(parser, first, parser->at);
    if (mode->lookback.text != NULL) return true;
    parser_unexpected(parser, "a duration after LOOKBACK", NULL, form);
    return false;
}

static bool parse_mode(Parser *parser, Mode *mode) {
    size_t first = parser->at;
    bool right = true;
    bool by = parser_is(parser, 0, "INCREMENTAL") && !parser_is(parser, 1, ";");
    if (!by && !parser_is(parser, 0, "MODE")) return true;
    parser_accept(parser, "MODE");
    if (parser_accept(parser, "REPLACE")) {
        mode->kind = MODE_REPLACE;
    } else if (parser_accept(parser, "APPEND")) {
        mode->kind = MODE_APPEND;
    } else if (parser_accept(parser, "UPSERT") || parser_accept(parser, "MERGE")) {
        right = parse_upsert(parser, mode);
    } else if (parser_accept(parser, "INCREMENTAL")) {
        right = parse_incremental(parser, mode);
    } else {
        parser_unexpected(parser, "a mode after MODE", "REPLACE APPEND UPSERT INCREMENTAL MERGE",
                          MODE_FORM);
        return false;
    }
    if (right)
        mode->span = span_of(parser->source, parser->tokens.items[first].start,
                             parser->tokens.items[parser->at - 1].end);
    return right;
}

/* Behind a complete mode-less statement: what else could have been meant? */
static const char *forgotten_mode(Parser *parser, const char *hint) {
    if (parser_is(parser, 0, "APPEND")) return "MODE is missing: write MODE APPEND";
    if (parser_is(parser, 0, "REPLACE")) return "MODE is missing: write MODE REPLACE";
    if (parser_is(parser, 0, "UPSERT") || parser_is(parser, 0, "MERGE"))
        return "MODE is missing: write MODE UPSERT KEY (column, …)";
    return hint;
}

/* LOAD t FROM ( query ) [mode]; the '(' was not taken. */
static bool load_query(Parser *parser, Stmt *stmt) {
    SqlScan scan = {.query = true};
    ScanStep step;
    parser_next(parser);
    size_t first = parser->at;
    if (!parser_at_query(parser)) {
        parser_unexpected(parser, "a query in the parentheses", "SELECT WITH FROM VALUES",
                          "LOAD table FROM (SELECT … FROM source) [MODE …];");
        return false;
    }
    *LIST_PUSH(parser->arena, &scan.open) = parser->tokens.items[first - 1];
    do step = sql_scan(parser, &scan);
    while (step == SCAN_MORE && scan.open.count > 0);
    if (step != SCAN_MORE || scan.wrong) return false;
    stmt->load.query = parser_slice(parser, first, parser->at - 1);
    return true;
}

Stmt *parse_load(Parser *parser) {
    Stmt *stmt = stmt_new(parser, STMT_LOAD);
    const char *form = LOAD_FORM;
    if (parser_is_string(parser, 0) && parser_is(parser, 1, ";"))
        return parser_refuse(parser, parser->at - 1, "LOAD of an extension",
                             "extensions belong to the profile", LOAD_FORM);
    if (!parser_name(parser, "a table's name after LOAD", "FROM", form, &stmt->load.table))
        return NULL;
    if (parser_is(parser, 0, ";")) form = LOAD_FORM " (extensions belong to the profile)";
    if (!parser_expect(parser, "FROM", "FROM after the table's name", form)) return NULL;
    if (parser_is(parser, 0, "(")) {
        if (!load_query(parser, stmt)) return NULL;
        form = "LOAD table FROM (query) [MODE …];";
    } else {
        if (parser_is(parser, 0, "SELECT") || parser_is(parser, 0, "WITH"))
            if (parser_skip_name(parser, 1) > 1 || parser_is(parser, 1, "*"))
                form = "put the query in parentheses: LOAD table FROM (SELECT …);";
        if (parser_peek(parser, 0).kind == TOKEN_STRING)
            return parser_unexpected(parser, "a source's name after FROM", NULL,
                                     "name a source: SOURCE s TYPE csv PARAMS {\"path\": \"…\"}; "
                                     "LOAD table FROM s;");
        if (!parser_name(parser, "a source's name after FROM", NULL, form, &stmt->load.source))
            return NULL;
    }
    if (!parse_mode(parser, &stmt->load.mode)) return NULL;
    if (stmt->load.mode.kind == MODE_UPSERT) form = "key columns are separated by commas: KEY a, b";
    return parser_finish(parser, stmt, "MODE INCREMENTAL", forgotten_mode(parser, form));
}

/* CREATE [OR REPLACE] [TEMP] TABLE …: true with the flags when AS query (or a mode) follows the
 * name, false without taking anything when it is another kind of CREATE. */
static bool create_prefix(Parser *parser, Stmt *stmt) {
    size_t ahead = 0;
    if (parser_is(parser, 0, "OR") && parser_is(parser, 1, "REPLACE")) {
        stmt->create.or_replace = true;
        ahead = 2;
    }
    if (parser_is(parser, ahead, "TEMP") || parser_is(parser, ahead, "TEMPORARY")) {
        stmt->create.temporary = true;
        ahead++;
    }
    if (!parser_is(parser, ahead, "TABLE")) return false;
    ahead++;
    if (parser_is(parser, ahead, "IF") && parser_is(parser, ahead + 1, "NOT") &&
        parser_is(parser, ahead + 2, "EXISTS")) {
        stmt->create.if_not_exists = true;
        ahead += 3;
    }
    size_t name = parser_skip_name(parser, ahead);
    if (name > ahead && parser_is(parser, name, "(")) return false;
    while (ahead-- > 0) parser_next(parser);
    return true;
}

Stmt *parse_create(Parser *parser) {
    Stmt *stmt = stmt_new(parser, STMT_CREATE);
    if (!create_prefix(parser, stmt)) {
        parser->at--;
        return parse_sql(parser);
    }
    if (!parser_name(parser, "the table's name", "AS", CREATE_FORM, &stmt->create.table))
        return NULL;
    if (!parse_mode(parser, &stmt->create.mode)) return NULL;
    if (!parser_is(parser, 0, "AS")) {
        bool query = parser_at_query(parser);
        return parser_unexpected(parser,
                                 stmt->create.mode.kind == MODE_NONE
                                     ? "AS or MODE after the table's name"
                                     : "AS after the mode",
                                 "AS MODE INCREMENTAL",
                                 query ? "AS is missing before the query: " CREATE_FORM
                                       : forgotten_mode(parser, CREATE_FORM));
    }
    parser_next(parser);
    if (!parser_at_query(parser))
        return parser_unexpected(parser, "a query after AS",
                                 "SELECT WITH FROM VALUES PIVOT UNPIVOT TABLE", CREATE_FORM);
    if (!parser_sql(parser, true, &stmt->create.query)) return NULL;
    return parser_finish(parser, stmt, NULL, CREATE_FORM);
}
