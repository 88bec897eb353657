/* Statements that a pipeline refuses, each with the reason and what to use instead, and words that
 * start no statement at all. See parser.h. */
#include "lang/parser.h"

#define ROWS "its rows would go nowhere"
#define ROWS_HINT                                                                                  \
    "keep them with CREATE TABLE name AS SELECT …; or write them with EXPORT SELECT … TO 'path';"
#define TRANSACTION      "a run is one transaction"
#define TRANSACTION_HINT "remove it: a run commits at its end, and rolls back when it fails"
#define ATTACHED         "databases belong to the profile"
#define ATTACHED_HINT    "define a connection in the profile, then SOURCE name FROM 'connection' …;"
#define SETTING          "settings and extensions belong to the profile"
#define SETTING_HINT     "set it in the profile under engines.duckdb"
#define UPKEEP           "it cannot be part of the run's transaction"
#define UPKEEP_HINT      "remove it; look after the database outside of runs"
#define PREPARED         "statements are not prepared in a pipeline"
#define PREPARED_HINT    "write the statement out; ${variables} take the place of parameters"

static const struct {
    const char *word, *name, *why, *hint;
} refused[] = {
    {"SELECT", "a lone SELECT", ROWS, ROWS_HINT},
    {"WITH", "a lone WITH … SELECT", ROWS, ROWS_HINT},
    {"FROM", "a lone FROM", ROWS, ROWS_HINT},
    {"VALUES", "a lone VALUES", ROWS, ROWS_HINT},
    {"TABLE", "a lone TABLE", ROWS, ROWS_HINT},
    {"(", "a lone query", ROWS, ROWS_HINT},
    {"PIVOT", "a lone PIVOT", ROWS, ROWS_HINT},
    {"UNPIVOT", "a lone UNPIVOT", ROWS, ROWS_HINT},
    {"DESCRIBE", "DESCRIBE", ROWS, ROWS_HINT},
    {"SHOW", "SHOW", ROWS, ROWS_HINT},
    {"SUMMARIZE", "SUMMARIZE", ROWS, ROWS_HINT},
    {"EXPLAIN", "EXPLAIN", ROWS, "look at queries with: sqlflow query \"EXPLAIN …\""},
    {"CALL", "CALL", ROWS, "use the function in a query: CREATE TABLE name AS FROM function(…);"},
    {"BEGIN", "BEGIN", TRANSACTION, TRANSACTION_HINT},
    {"START", "START TRANSACTION", TRANSACTION, TRANSACTION_HINT},
    {"COMMIT", "COMMIT", TRANSACTION, TRANSACTION_HINT},
    {"ROLLBACK", "ROLLBACK", TRANSACTION, TRANSACTION_HINT},
    {"ABORT", "ABORT", TRANSACTION, TRANSACTION_HINT},
    {"SAVEPOINT", "SAVEPOINT", TRANSACTION, TRANSACTION_HINT},
    {"ATTACH", "ATTACH", ATTACHED, ATTACHED_HINT},
    {"DETACH", "DETACH", ATTACHED, ATTACHED_HINT},
    {"USE", "USE", ATTACHED, "write the schema with the table: schema.table"},
    {"INSTALL", "INSTALL", SETTING, SETTING_HINT},
    {"PRAGMA", "PRAGMA", SETTING, SETTING_HINT},
    {"RESET", "RESET", SETTING, SETTING_HINT},
    {"CHECKPOINT", "CHECKPOINT", UPKEEP, UPKEEP_HINT},
    {"FORCE", "FORCE CHECKPOINT", UPKEEP, UPKEEP_HINT},
    {"VACUUM", "VACUUM", UPKEEP, UPKEEP_HINT},
    {"ANALYZE", "ANALYZE", UPKEEP, UPKEEP_HINT},
    {"REINDEX", "REINDEX", UPKEEP, UPKEEP_HINT},
    {"IMPORT", "IMPORT DATABASE", "a pipeline reads through sources",
     "SOURCE name TYPE parquet PARAMS {\"path\": \"…\"};"},
    {"PREPARE", "PREPARE", PREPARED, PREPARED_HINT},
    {"EXECUTE", "EXECUTE", PREPARED, PREPARED_HINT},
    {"DEALLOCATE", "DEALLOCATE", PREPARED, PREPARED_HINT},
};

#define WORDS                                                                                      \
    "SOURCE LOAD CREATE EXPORT INCLUDE SET IF ASSERT INSERT UPDATE DELETE MERGE TRUNCATE ALTER "   \
    "DROP COMMENT COPY SELECT WITH ELSE ELSEIF ENDIF END"

#define STATEMENTS                                                                                 \
    "statements start with SOURCE, LOAD, CREATE, EXPORT, INCLUDE, SET, IF, ASSERT or an SQL verb " \
    "such as INSERT"

Stmt *parse_other(Parser *parser) {
    Token token = parser_peek(parser, 0);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (parser_is(parser, 0, refused[i].word)) {
            parser_next(parser);
            return parser_refuse(parser, parser->at - 1, refused[i].name, refused[i].why,
                                 refused[i].hint);
        }
    if (token.kind != TOKEN_WORD)
        return parser_unexpected(parser, "a statement", NULL,
                                 token.kind == TOKEN_VARIABLE
                                     ? "a variable cannot stand for a statement"
                                     : STATEMENTS);
    const char *word = token_text(parser->arena, parser->source, token);
    const char *nearest = parser_nearest(parser, word, WORDS);
    if (str_ieq(word, "UPSERT") || str_ieq(word, "REPLACE"))
        nearest = "INSERT OR REPLACE INTO, or LOAD … MODE UPSERT KEY (…)";
    diag_error(parser->diags, ERR_UNKNOWN_STATEMENT, parser_span(parser, token),
               "no statement starts with `%s`", word)
        ->hint =
        nearest != NULL ? arena_printf(parser->arena, "did you mean %s?", nearest) : STATEMENTS;
    parser_next(parser);
    return NULL;
}
