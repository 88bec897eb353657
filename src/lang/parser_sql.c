/* Plain SQL statements: kept byte for byte, with what they do and to which tables. Also those that
 * a pipeline refuses. See parser.h. */
#include <string.h>

#include "lang/parser.h"

/* The statement under inspection; `ahead` counts tokens from its first. */
typedef struct Look {
    Parser *parser;
    Stmt *stmt;
    size_t ahead;
} Look;

/* Skips these words (separated by blanks) when all of them stand at the look. */
static bool skip(Look *look, const char *words) {
    size_t ahead = look->ahead;
    while (*words != '\0') {
        size_t size = strcspn(words, " ");
        char *word = arena_strndup(look->parser->arena, words, size);
        if (!parser_is(look->parser, ahead++, word)) return false;
        words += size + (words[size] == ' ');
    }
    look->ahead = ahead;
    return true;
}

static bool expect(Look *look, const char *word, const char *wanted, const char *hint) {
    if (skip(look, word)) return true;
    look->parser->at += look->ahead;
    parser_unexpected(look->parser, wanted, word, hint);
    return false;
}

/* A target at the look, as written. */
static bool take_target(Look *look, const char *what, const char *hint) {
    Parser *parser = look->parser;
    Text name;
    size_t first = parser->at;
    parser->at += look->ahead;
    if (!parser_name(parser, what, NULL, hint, &name)) return false;
    look->ahead = parser->at - first;
    parser->at = first;
    if (look->stmt->sql.target.text == NULL) look->stmt->sql.target = name;
    *LIST_PUSH(parser->arena, &look->stmt->sql.targets) = name;
    return true;
}

static const struct {
    const char *word, *object;
    SqlVerb create;
} objects[] = {
    {"TABLE", "table", SQL_CREATE_TABLE},    {"VIEW", "view", SQL_CREATE_VIEW},
    {"SCHEMA", "schema", SQL_CREATE_SCHEMA}, {"MACRO", "macro", SQL_CREATE_MACRO},
    {"FUNCTION", "macro", SQL_CREATE_MACRO}, {"TYPE", "type", SQL_CREATE_TYPE},
    {"INDEX", "index", SQL_CREATE_INDEX},    {"SEQUENCE", "sequence", SQL_CREATE_SEQUENCE},
    {"COLUMN", "column", SQL_COMMENT},
};

enum { OBJECT_COUNT = sizeof objects / sizeof *objects };

#define OBJECT_WORDS "TABLE VIEW SCHEMA MACRO FUNCTION TYPE INDEX SEQUENCE"

/* TABLE, VIEW, … at the look; OBJECT_COUNT with an error at anything else. */
static size_t take_object(Look *look, const char *verb, bool column) {
    for (size_t i = 0; i < OBJECT_COUNT - (column ? 0 : 1); i++)
        if (skip(look, objects[i].word)) {
            look->stmt->sql.object = objects[i].object;
            return i;
        }
    look->parser->at += look->ahead;
    parser_unexpected(look->parser,
                      arena_printf(look->parser->arena,
                                   "TABLE, VIEW, SCHEMA, MACRO or TYPE after %s", verb),
                      OBJECT_WORDS, "");
    return OBJECT_COUNT;
}

static bool look_insert(Look *look) {
    if (!skip(look, "OR REPLACE")) skip(look, "OR IGNORE");
    return expect(look, "INTO", "INTO after INSERT", "INSERT INTO table VALUES (…);") &&
           take_target(look, "a table after INTO", "INSERT INTO table VALUES (…);");
}

static bool look_update(Look *look) {
    Parser *parser = look->parser;
    size_t next = look->ahead + 1;
    if (parser_is(parser, look->ahead, "EXTENSIONS") &&
        (parser_is(parser, next, ";") || parser_is(parser, next, "("))) {
        parser->at += look->ahead;
        parser_refuse(parser, parser->at - 1, "UPDATE EXTENSIONS",
                      "extensions belong to the profile",
                      "remove it; sqlflow brings its extensions along");
        return false;
    }
    return take_target(look, "a table after UPDATE", "UPDATE table SET column = value;");
}

static bool look_delete(Look *look) {
    return expect(look, "FROM", "FROM after DELETE", "DELETE FROM table WHERE …;") &&
           take_target(look, "a table after FROM", "DELETE FROM table WHERE …;");
}

static bool look_merge(Look *look) {
    const char *form = "MERGE INTO table USING … ON … WHEN MATCHED THEN …;";
    return expect(look, "INTO", "INTO after MERGE", form) &&
           take_target(look, "a table after INTO", form);
}

static bool look_truncate(Look *look) {
    if (parser_skip_name(look->parser, look->ahead + 1) > look->ahead + 1) skip(look, "TABLE");
    return take_target(look, "a table after TRUNCATE", "TRUNCATE table;");
}

static bool look_alter(Look *look) {
    if (take_object(look, "ALTER", false) == OBJECT_COUNT) return false;
    skip(look, "IF EXISTS");
    return take_target(look, "a name", "ALTER TABLE table …;");
}

static bool look_drop(Look *look) {
    if (skip(look, "TEMPORARY") || skip(look, "MACRO TABLE")) look->stmt->sql.object = "macro";
    if (look->stmt->sql.object == NULL && take_object(look, "DROP", false) == OBJECT_COUNT)
        return false;
    skip(look, "IF EXISTS");
    do
        if (!take_target(look, "a name", "DROP TABLE [IF EXISTS] table;")) return false;
    while (skip(look, ","));
    return true;
}

/* The table of a column: `s.t.c` → `s.t`. */
static void drop_last_part(Parser *parser, Text *name) {
    const char *dot = strrchr(name->text, '.');
    if (dot == NULL) return;
    name->text = arena_strndup(parser->arena, name->text, (size_t)(dot - name->text));
}

static bool look_comment(Look *look) {
    const char *form = "COMMENT ON TABLE table IS 'text';";
    if (!expect(look, "ON", "ON after COMMENT", form)) return false;
    size_t object = take_object(look, "COMMENT ON", true);
    if (object == OBJECT_COUNT || !take_target(look, "a name", form)) return false;
    if (str_eq(objects[object].word, "COLUMN")) {
        drop_last_part(look->parser, &look->stmt->sql.target);
        drop_last_part(look->parser, &look->stmt->sql.targets.items[0]);
    }
    return true;
}

static bool look_create(Look *look) {
    look->stmt->sql.or_replace = skip(look, "OR REPLACE");
    look->stmt->sql.temporary = skip(look, "TEMP") || skip(look, "TEMPORARY");
    if (!skip(look, "UNIQUE")) skip(look, "RECURSIVE");
    if (skip(look, "SECRET") || skip(look, "PERSISTENT SECRET")) {
        look->parser->at += look->ahead;
        parser_refuse(look->parser, look->parser->at - look->ahead, "CREATE SECRET",
                      "credentials belong to the profile",
                      "give them to a connection in the profile");
        return false;
    }
    size_t object = take_object(look, "CREATE", false);
    if (object == OBJECT_COUNT) return false;
    look->stmt->sql.verb = objects[object].create;
    look->stmt->sql.needs_index =
        look->stmt->sql.verb == SQL_CREATE_INDEX || look->stmt->sql.verb == SQL_CREATE_SEQUENCE;
    look->stmt->sql.if_not_exists = skip(look, "IF NOT EXISTS");
    if (look->stmt->sql.verb != SQL_CREATE_INDEX) return take_target(look, "a name", "");
    /* the table is what it writes; the index may go without a name */
    if (!parser_is(look->parser, look->ahead, "ON") ||
        parser_is(look->parser, look->ahead + 1, "ON"))
        look->ahead = parser_skip_name(look->parser, look->ahead);
    return expect(look, "ON", "ON after the index's name", "CREATE INDEX name ON table (…);") &&
           take_target(look, "a table after ON", "CREATE INDEX name ON table (…);");
}

/* COPY t [(…)] FROM …; everything else that COPY can do leaves the pipeline. */
static bool look_copy(Look *look) {
    Parser *parser = look->parser;
    size_t name = parser_skip_name(parser, look->ahead), at = name;
    if (name > look->ahead && parser_is(parser, at, "("))
        while (parser_peek(parser, at).kind != TOKEN_END && !parser_is(parser, at, ";") &&
               !parser_is(parser, at++, ")"))
            continue;
    if (name > look->ahead && parser_is(parser, at, "FROM"))
        return take_target(look, "a table after COPY", "COPY table FROM 'file';");
    parser->at++;
    parser_refuse(parser, parser->at - 1, "COPY … TO", "EXPORT publishes when the run succeeds",
                  "EXPORT table TO 'path'; or EXPORT SELECT … TO 'path';");
    return false;
}

static const struct {
    const char *word;
    SqlVerb verb;
    const char *object;
    bool (*look)(Look *);
} verbs[] = {
    {"INSERT", SQL_INSERT, "table", look_insert},
    {"UPDATE", SQL_UPDATE, "table", look_update},
    {"DELETE", SQL_DELETE, "table", look_delete},
    {"MERGE", SQL_MERGE, "table", look_merge},
    {"TRUNCATE", SQL_TRUNCATE, "table", look_truncate},
    {"COPY", SQL_COPY_FROM, "table", look_copy},
    {"ALTER", SQL_ALTER, NULL, look_alter},
    {"DROP", SQL_DROP, NULL, look_drop},
    {"COMMENT", SQL_COMMENT, NULL, look_comment},
    {"CREATE", SQL_CREATE_TABLE, NULL, look_create},
};

enum { VERB_COUNT = sizeof verbs / sizeof *verbs, DATA_VERB_COUNT = 4 };

/* WITH … INSERT: how many tokens lie before the verb; 0 when it is a query. */
static size_t verb_after_with(Parser *parser) {
    unsigned depth = 0;
    for (size_t ahead = 0;; ahead++) {
        if (parser_peek(parser, ahead).kind == TOKEN_END || parser_is(parser, ahead, ";")) return 0;
        if (parser_is(parser, ahead, "(")) depth++;
        if (parser_is(parser, ahead, ")")) {
            if (depth > 0) depth--;
            for (size_t i = 0; depth == 0 && i < DATA_VERB_COUNT; i++)
                if (parser_is(parser, ahead + 1, verbs[i].word)) return ahead + 1;
            if (depth == 0 && parser_is(parser, ahead + 1, "SELECT")) return 0;
        }
    }
}

/* Constraints that DuckDB keeps an index for. */
static bool has_index(Parser *parser, size_t first, size_t end) {
    const Token *tokens = parser->tokens.items;
    for (size_t i = first; i < end; i++) {
        bool key = i + 1 < end && token_is(parser->source, tokens[i + 1], "KEY");
        if (token_is(parser->source, tokens[i], "UNIQUE") ||
            token_is(parser->source, tokens[i], "REFERENCES") ||
            (key && (token_is(parser->source, tokens[i], "PRIMARY") ||
                     token_is(parser->source, tokens[i], "FOREIGN"))))
            return true;
    }
    return false;
}

Stmt *parse_sql(Parser *parser) {
    size_t first = parser->at;
    size_t skipped = parser_is(parser, 0, "WITH") ? verb_after_with(parser) : 0;
    if (skipped == 0 && parser_is(parser, 0, "WITH")) return parse_other(parser);
    Look look = {.parser = parser, .stmt = stmt_new(parser, STMT_SQL), .ahead = skipped + 1};
    parser->at = first;
    for (size_t i = 0; i < VERB_COUNT; i++) {
        if (!parser_is(parser, skipped, verbs[i].word)) continue;
        look.stmt->sql.verb = verbs[i].verb;
        look.stmt->sql.object = verbs[i].object;
        if (!verbs[i].look(&look)) return NULL;
        break;
    }
    SqlVerb verb = look.stmt->sql.verb;
    if (!parser_sql(parser, false, &look.stmt->sql.sql)) return NULL;
    if (verb == SQL_CREATE_TABLE || verb == SQL_ALTER)
        look.stmt->sql.needs_index = has_index(parser, first, parser->at);
    return parser_finish(parser, look.stmt, NULL, "");
}
