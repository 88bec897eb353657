/* Fuzzes the substitution in SQL, texts and names with hostile values. Beyond not crashing: text
 * without variables stays as it is, every offset of the SQL leads to a place in the file, and no
 * value adds or ends a statement. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "plan/subst.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool right) {
    if (!right) abort();
}

static const char *const values[][2] = {
    {"a", "x'; DROP TABLE t; --"}, {"b", "\"; /* "}, {"c", "-1"},   {"d", "\\'; $$ ;"},
    {"e", "plain"},                {"f", ""},         {"g", "null"}, {"h", "true"},
    {"i", "E'"},                   {"j", "1;2"},
};

/* Semicolons that are tokens, or SIZE_MAX when a token cannot be read. */
static size_t semicolons(Arena *arena, const SourceText *source) {
    Tokens tokens = lex(arena, source, 0, source->size);
    size_t count = 0;
    for (size_t i = 0; i < tokens.count; i++) {
        if (tokens.items[i].kind == TOKEN_ERROR) return SIZE_MAX;
        count += token_is(source, tokens.items[i], ";");
    }
    return count;
}

static bool is_plain(const char *text) {
    return strcasestr(text, ":raw") == NULL && strstr(text, "\\${") == NULL &&
           strchr(text, '|') == NULL;
}

static void check_sql(Arena *arena, Subst *subst, const SourceText *source) {
    SqlText sql = subst_sql(subst, span_of(source, 0, source->size));
    if (strstr(source->text, "${") == NULL && strstr(source->text, "lib") == NULL)
        check(strcmp(sql.sql, source->text) == 0);
    size_t length = strlen(sql.sql);
    for (size_t i = 0; i <= length; i += 1 + length / 64) {
        Span span = sqltext_span(&sql, (int64_t)i);
        check(span.start <= span.end && span.end <= source->size);
    }
    for (size_t i = 1; i < sql.segment_count; i++)
        check(sql.segments[i - 1].sql_start <= sql.segments[i].sql_start);
    size_t before = semicolons(arena, source);
    if (before == SIZE_MAX || !is_plain(source->text)) return;
    size_t after = semicolons(arena, source_new(arena, "out.sql", sql.sql, length));
    check(after == before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    AUTO_ARENA arena = arena_new();
    const SourceText *source = source_new(arena, "p.sf", (const char *)data,
                                          strnlen((const char *)data, size));
    Project project = {.arena = arena, .dotenv = map_on(arena)};
    Vars vars = vars_new(arena, &project);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        vars_set(&vars, values[i][0], vars_value_of(arena, values[i][1], SPAN_NONE));
    Script script = {0};
    IncludeAlias *alias = LIST_PUSH(arena, &script.aliases);
    alias->alias = "lib";
    strings_add(arena, &alias->names, "t");
    Diags diags = diags_on(arena);
    Subst subst = subst_new(arena, &vars, &script, &diags);
    check_sql(arena, &subst, source);
    Text text = {source->text, span_of(source, 0, source->size), false};
    Strings parts;
    subst_text(&subst, text.text, text.span, true);
    subst_name(&subst, text, &parts);
    subst_set(&subst, "x", text);
    Error err;
    vars_add_list(&vars, source->text, &err);
    subst_finish(&subst);
    return 0;
}
