/* The short statements: INCLUDE, SET and ASSERT. See parser.h. */
#include <string.h>

#include "base/redact.h"
#include "lang/parser.h"

#define SET_FORM "SET name = value;"
#define ASSERT_FORM                                                                                \
    "ASSERT name AS query; or ASSERT UNIQUE (column, …) IN table; or ASSERT NOT NULL (…) IN "  \
    "table;"

Stmt *parse_include(Parser *parser) {
    const char *form = "INCLUDE 'file.sf' [AS alias];";
    Stmt *stmt = stmt_new(parser, STMT_INCLUDE);
    if (!parser_is_string(parser, 0))
        return parser_unexpected(parser, "a file's path in quotes after INCLUDE", NULL, form);
    stmt->include.path = parser_string(parser);
    if (parser_accept(parser, "AS")) {
        Token alias = parser_peek(parser, 0);
        if (alias.kind != TOKEN_WORD)
            return parser_unexpected(parser, "a bare name after AS", NULL, form);
        parser_next(parser);
        stmt->include.alias = parser_slice(parser, parser->at - 1, parser->at);
    }
    return parser_finish(parser, stmt, "AS", form);
}

/* SET GLOBAL threads = 4, SET threads TO 4: DuckDB's own settings. */
static const char *setting_form(Parser *parser) {
    static const char *const scopes[] = {"GLOBAL", "SESSION", "LOCAL", "VARIABLE"};
    static const char *const names[] = {"SET GLOBAL", "SET SESSION", "SET LOCAL", "SET VARIABLE"};
    for (size_t i = 0; i < sizeof scopes / sizeof *scopes; i++)
        if (parser_is(parser, 0, scopes[i]) && parser_skip_name(parser, 1) > 1 &&
            !parser_is(parser, 1, "TO"))
            return names[i];
    size_t name = parser_skip_name(parser, 0);
    return name > 0 && parser_is(parser, name, "TO") ? "SET … TO" : NULL;
}

/* The value: a string, or bare text up to the ';'. */
static bool set_value(Parser *parser, Text *value) {
    if (parser_is_string(parser, 0) && parser_is(parser, 1, ";")) {
        *value = parser_string(parser);
        return true;
    }
    size_t first = parser->at;
    while (parser_peek(parser, 0).kind != TOKEN_END && !parser_is(parser, 0, ";")) {
        if (parser_peek(parser, 0).kind == TOKEN_ERROR) {
            parser_next(parser);
            return false;
        }
        if (parser_at_branch_end(parser)) break;
        if (parser->at > first && parser_at_new_statement(parser, true)) break;
        parser_next(parser);
    }
    *value = parser_slice(parser, first, parser->at);
    if (value->text != NULL) return true;
    parser_unexpected(parser, "a value after `=`", NULL,
                      "SET name = value; — an empty text is written ''");
    return false;
}

/* An error of another statement may quote the line before the variable has its value. */
static void register_secret(const char *name, const char *value) {
    bool word = str_ieq(value, "true") || str_ieq(value, "false") || str_ieq(value, "null");
    if (redact_is_secret_name(name) && !word && strstr(value, "${") == NULL) redact_add(value);
}

Stmt *parse_set(Parser *parser) {
    Stmt *stmt = stmt_new(parser, STMT_SET);
    const char *setting = setting_form(parser);
    if (setting != NULL)
        return parser_refuse(parser, parser->at - 1, setting,
                             "DuckDB's settings belong to the profile",
                             "a pipeline variable is set by SET name = value;");
    if (parser_is(parser, 0, "=") && !parser_is(parser, 1, "="))
        return parser_unexpected(parser, "a variable's name after SET", NULL, SET_FORM);
    Token name = parser_peek(parser, 0);
    if (!parser_name(parser, "a variable's name after SET", NULL, SET_FORM, &stmt->set.name))
        return NULL;
    bool dash = parser_is(parser, 0, "-");
    if (dash || !variable_is_name(stmt->set.name.text)) {
        name.end = dash ? parser_peek(parser, 0).end : stmt->set.name.span.end;
        return parser_error(parser, name, "write SET name = value; without ${} and quotes",
                            "a variable's name has only letters, digits, _ and .");
    }
    parser->named = stmt;
    if (parser_is(parser, 0, "==") || parser_is(parser, 0, ":="))
        return parser_unexpected(parser, "a single `=`", NULL, SET_FORM);
    if (!parser_expect(parser, "=", "`=` after the variable's name", SET_FORM)) return NULL;
    if (!set_value(parser, &stmt->set.value)) return NULL;
    register_secret(stmt->set.name.text, stmt->set.value.text);
    return parser_finish(parser, stmt, NULL, SET_FORM);
}

static bool assert_columns(Parser *parser, Texts *columns) {
    const char *form = "ASSERT UNIQUE (column, …) IN table;";
    parser_next(parser);
    do {
        Text column;
        if (!parser_name(parser, "a column", NULL, form, &column)) return false;
        *LIST_PUSH(parser->arena, columns) = column;
    } while (parser_accept(parser, ","));
    return parser_expect(parser, ")", "`,` or `)` in the list of columns", form) &&
           parser_expect(parser, "IN", "IN and a table after the columns", form);
}

static bool assert_query(Parser *parser, Stmt *stmt) {
    if (!parser_name(parser, "a name, UNIQUE (…) or NOT NULL (…)", "AS", ASSERT_FORM,
                     &stmt->assertion.name))
        return false;
    if (!parser_expect(parser, "AS", "AS after the assertion's name", ASSERT_FORM)) return false;
    if (!parser_at_query(parser)) {
        parser_unexpected(parser, "a query after AS", "SELECT WITH FROM VALUES",
                          "ASSERT name AS SELECT … WHERE it is wrong;");
        return false;
    }
    return parser_sql(parser, true, &stmt->assertion.query);
}

Stmt *parse_assert(Parser *parser) {
    Stmt *stmt = stmt_new(parser, STMT_ASSERT);
    bool named_warn = parser_is(parser, 1, "AS") && !parser_is(parser, 2, "AS");
    if (parser_is(parser, 0, "WARN") && !named_warn) {
        parser_next(parser);
        stmt->assertion.warn = true;
    }
    if (parser_is(parser, 0, "UNIQUE") && parser_is(parser, 1, "(")) {
        stmt->assertion.kind = ASSERT_UNIQUE;
    } else if (parser_is(parser, 0, "NOT") && parser_is(parser, 1, "NULL") &&
               parser_is(parser, 2, "(")) {
        stmt->assertion.kind = ASSERT_NOT_NULL;
        parser_next(parser);
    } else {
        if (!assert_query(parser, stmt)) return NULL;
        return parser_finish(parser, stmt, NULL, ASSERT_FORM);
    }
    parser_next(parser);
    if (!assert_columns(parser, &stmt->assertion.columns) ||
        !parser_name(parser, "a table after IN", NULL, ASSERT_FORM, &stmt->assertion.table))
        return NULL;
    return parser_finish(parser, stmt, NULL, ASSERT_FORM);
}
