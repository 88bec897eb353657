/* The parser: statements by their first word, and going on after errors. The statements themselves
 * are in parser_load.c, parser_export.c, parser_if.c, parser_words.c and parser_sql.c. */
#include "lang/parser.h"

#include <string.h>

#include "lang/lang.h"

static const struct {
    const char *word;
    Stmt *(*parse)(Parser *);
} statements[] = {
    {"SOURCE", parse_source}, {"LOAD", parse_load},       {"CREATE", parse_create},
    {"EXPORT", parse_export}, {"INCLUDE", parse_include}, {"SET", parse_set},
    {"IF", parse_if},         {"ASSERT", parse_assert},   {"INSERT", parse_sql},
    {"UPDATE", parse_sql},    {"DELETE", parse_sql},      {"MERGE", parse_sql},
    {"TRUNCATE", parse_sql},  {"ALTER", parse_sql},       {"DROP", parse_sql},
    {"COMMENT", parse_sql},   {"COPY", parse_sql},        {"WITH", parse_sql},
};

enum { STATEMENT_COUNT = sizeof statements / sizeof *statements };

Stmt *stmt_new(Parser *parser, StmtKind kind) {
    Stmt *stmt = ARENA_NEW(parser->arena, Stmt);
    stmt->kind = kind;
    stmt->span = parser_span(parser, parser_next(parser));
    return stmt;
}

static Stmt *parse_statement(Parser *parser) {
    for (size_t i = 0; i < STATEMENT_COUNT; i++)
        if (parser_is(parser, 0, statements[i].word)) return statements[i].parse(parser);
    return parse_other(parser);
}

static bool is_branch_word(Parser *parser, size_t ahead) {
    return parser_is(parser, ahead, "ELSE") || parser_is(parser, ahead, "ELSEIF") ||
           parser_is(parser, ahead, "ENDIF") || parser_is(parser, ahead, "END");
}

bool parser_is_statement(Parser *parser, size_t ahead) {
    for (size_t i = 0; i < STATEMENT_COUNT; i++)
        if (parser_is(parser, ahead, statements[i].word)) return true;
    return is_branch_word(parser, ahead) || parser_peek(parser, ahead).kind == TOKEN_END;
}

/* ELSE, ELSEIF, END IF or ENDIF outside an IF. */
static void stray_branch_word(Parser *parser) {
    Token word = parser_next(parser);
    const char *text = token_text(parser->arena, parser->source, word);
    bool end = str_istarts(text, "END");
    parser_error(parser, word,
                 end ? "ELSE IF goes on with the same IF and has no END IF of its own"
                     : "a branch belongs between IF … THEN and END IF;",
                 "%s without an IF", str_ieq(text, "END") ? "END" : text);
    if (end) {
        parser_recover(parser, parser->at - 1);
    } else if (str_ieq(text, "ELSEIF") || parser_is(parser, 0, "IF")) {
        while (parser_peek(parser, 0).kind != TOKEN_END && !parser_is(parser, 0, ";") &&
               !parser_accept(parser, "THEN"))
            parser_next(parser);
    }
}

void parse_statements(Parser *parser, Block *block) {
    while (!parser->gave_up && parser_peek(parser, 0).kind != TOKEN_END) {
        if (parser_accept(parser, ";")) continue;
        if (is_branch_word(parser, 0)) {
            if (parser->if_depth > 0) return;
            stray_branch_word(parser);
            continue;
        }
        size_t first = parser->at;
        Stmt *stmt = parse_statement(parser), *named = parser->named;
        parser->named = NULL;
        if (stmt == NULL && named != NULL) named->broken = true;
        if (stmt != NULL || named != NULL)
            *LIST_PUSH(parser->arena, block) = stmt != NULL ? stmt : named;
        if (stmt == NULL && !parser->gave_up) parser_recover(parser, first);
    }
}

/* Invalid UTF-8 and NUL bytes; false when parsing makes no sense. */
static bool check_encoding(const SourceText *source, Diags *diags) {
    const char *text = source->text;
    const char *nul = memchr(text, '\0', source->size);
    size_t invalid = utf8_invalid_at(text, source->size);
    bool utf16 =
        source->size > 1 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0);
    if (nul != NULL && !utf16) {
        size_t at = (size_t)(nul - text);
        diag_error(diags, ERR_ENCODING, span_of(source, at, at + 1), "the text holds a NUL byte")
            ->hint = "a pipeline is UTF-8 text";
    }
    if (invalid < source->size)
        diag_error(diags, ERR_ENCODING, span_of(source, invalid, invalid + 1),
                   utf16 ? "the file is UTF-16, not UTF-8" : "this byte (0x%02x) is not UTF-8",
                   (unsigned)(unsigned char)text[invalid])
            ->hint = "save the file as UTF-8";
    return nul == NULL && !utf16;
}

Block lang_parse(Arena *arena, const SourceText *source, Diags *diags) {
    Block block = {0};
    Parser parser = {.arena = arena,
                     .source = source,
                     .diags = diags,
                     .lexer = {source, 0, source->size}};
    if (check_encoding(source, diags)) parse_statements(&parser, &block);
    return block;
}
