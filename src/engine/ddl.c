/* DuckDB's own CREATE TABLE. See ddl.h. It is written in one way: names are quoted only by ", texts
 * only by ', and there are no comments. */
#include "engine/ddl.h"

#include <string.h>

#include "base/buf.h"

bool duck_table_ddl(Duck *duck, Arena *arena, const char *schema, const char *table,
                    const char **ddl, Error *err) {
    const char *sql = arena_printf(
        arena,
        "SELECT sql FROM duckdb_tables() WHERE database_name = current_database() AND "
        "lower(schema_name) = lower(%s) AND lower(table_name) = lower(%s)",
        sql_literal(arena, schema == NULL ? "main" : schema), sql_literal(arena, table));
    return duck_text(duck, arena, sql, ddl, err);
}

/* Behind the quoted text that starts here; a doubled quote only starts it anew. */
static const char *skip_quoted(const char *at) {
    const char *end = strchr(at + 1, *at);
    return end == NULL ? at + strlen(at) : end + 1;
}

static bool is_quote(char c) { return c == '"' || c == '\''; }

const char *ddl_body(const char *ddl) {
    const char *at = ddl;
    while (*at != '\0' && *at != '(') at = is_quote(*at) ? skip_quoted(at) : at + 1;
    return at;
}

/* The column's name at the start of its definition. */
static const char *column_name(Arena *arena, const char *at) {
    Buf name = buf_on(arena);
    if (*at != '"') return arena_strndup(arena, at, strcspn(at, " "));
    for (at++; *at != '\0' && (*at != '"' || at[1] == '"'); at++) {
        if (*at == '"') at++;
        buf_putc(&name, *at);
    }
    return buf_text(&name);
}

void ddl_generated(Arena *arena, const char *ddl, Strings *names) {
    static const char mark[] = " GENERATED ALWAYS AS(";
    const char *at = ddl_body(ddl), *column = at;
    for (int depth = 0; *at != '\0'; at = is_quote(*at) ? skip_quoted(at) : at + 1) {
        if (*at == '(') depth++;
        if (*at == ')' && --depth == 0) return;
        if (depth == 1 && (*at == '(' || *at == ',')) column = at + 1 + strspn(at + 1, " ");
        if (depth == 1 && str_starts(at, mark))
            strings_add(arena, names, column_name(arena, column));
    }
}
