/* IF … THEN … ELSEIF … ELSE … END IF. ELSE IF goes on with the same IF. See parser.h. */
#include "lang/cond.h"
#include "lang/parser.h"

enum { DEPTH_MAX = 200 };

#define IF_FORM "IF condition THEN … [ELSEIF condition THEN …] [ELSE …] END IF;"

/* A statement's word, and not a bare word of the condition: `IF load == set AND …`. */
static bool at_statement(Parser *parser) {
    static const char *const words[] = {"THEN", "AND", "OR", "IN", "IS", "NOT", "LIKE", NULL};
    if (!parser_is_statement(parser, 0)) return false;
    Token next = parser_peek(parser, 1);
    return next.kind == TOKEN_WORD && !token_in(parser->source, next, words);
}

/* The condition and its THEN. What is wrong with them does not stop the branch from being parsed:
 * its END IF would seem to close nothing. */
static void parse_condition(Parser *parser, Branch *branch) {
    size_t first = parser->at, errors = parser->diags->errors;
    while (!parser_is(parser, 0, "THEN") && !parser_is(parser, 0, ";") && !at_statement(parser) &&
           parser_peek(parser, 0).kind != TOKEN_END)
        parser_next(parser);
    branch->condition = parser_slice(parser, first, parser->at);
    if (branch->condition.text == NULL) {
        parser_error(parser, parser_peek(parser, 0), IF_FORM, "the condition is missing");
    } else if (parser->diags->errors == errors) {
        cond_check(parser->arena, branch->condition.span, parser->diags);
    }
    if (parser_accept(parser, "THEN")) return;
    if (parser->diags->errors == errors)
        parser_error(parser, parser_peek(parser, 0), IF_FORM,
                     "THEN is missing after the condition");
    parser_accept(parser, ";");
}

static void parse_body(Parser *parser, Branch *branch) {
    parser->if_depth++;
    parse_statements(parser, &branch->body);
    parser->if_depth--;
}

static Branch *add_branch(Parser *parser, Stmt *stmt) {
    return LIST_PUSH(parser->arena, &stmt->branches);
}

/* At ELSEIF, ELSE IF or ELSE; false at anything else. */
static bool parse_else(Parser *parser, Stmt *stmt, bool *last) {
    Token word = parser_peek(parser, 0);
    bool condition = true;
    if (parser_accept(parser, "ELSE")) {
        condition = parser_accept(parser, "IF");
    } else if (!parser_accept(parser, "ELSEIF")) {
        return false;
    }
    if (*last)
        parser_error(parser, word, "ELSE is the last branch of an IF",
                     "a branch follows the ELSE of the same IF");
    Branch *branch = add_branch(parser, stmt);
    if (condition) parse_condition(parser, branch);
    if (!condition && parser_is(parser, 0, "THEN")) {
        parser_error(parser, parser_peek(parser, 0), "remove the THEN", "ELSE takes no THEN");
        parser_next(parser);
    }
    *last = *last || !condition;
    parse_body(parser, branch);
    return true;
}

Stmt *parse_if(Parser *parser) {
    Stmt *stmt = stmt_new(parser, STMT_IF);
    Token word = parser->tokens.items[parser->at - 1];
    bool last = false;
    if (parser->if_depth == DEPTH_MAX) {
        parser->gave_up = true;
        return parser_error(parser, word, "nothing behind this place was read",
                            "IFs are nested more than %d deep", DEPTH_MAX);
    }
    Branch *branch = add_branch(parser, stmt);
    parse_condition(parser, branch);
    parse_body(parser, branch);
    while (!parser->gave_up && parse_else(parser, stmt, &last)) continue;
    if (parser->gave_up) return NULL;
    if (parser_peek(parser, 0).kind == TOKEN_END) {
        diag_error(parser->diags, ERR_UNTERMINATED, parser_span(parser, word),
                   "this IF is never closed")
            ->hint = "close it with END IF;";
        return NULL;
    }
    if (parser_accept(parser, "END")) {
        if (!parser_accept(parser, "IF"))
            return parser_unexpected(parser, "IF after END", "IF", "an IF is closed by END IF;");
    } else {
        parser_next(parser); /* ENDIF */
    }
    return parser_finish(parser, stmt, NULL, "END IF;");
}
