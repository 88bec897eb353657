/* Guards exports to JSON: DuckDB writes NaN and Infinity as words that no other reader of JSON
 * takes, and numbers in columns of type JSON as doubles, which changes long ones. */
#include <string.h>

#include "connectors/json.h"

/* Begins the text of the error that such a value raises. */
#define UNWRITABLE "sqlflow-unwritable\x1f"

/* {j} without what stands in quotes. */
#define BARE(j) "regexp_replace(" j ", '\"(?:[^\"\\\\]|\\\\.)*\"', '', 'g')"
/* The significant digits of each number in {j}. */
#define DIGITS(j)                                                                                 \
    "list_transform(regexp_extract_all(" BARE(j) ", '[0-9][0-9.eE+-]*'), lambda t: "              \
    "trim(replace(regexp_replace(t, '[eE].*', ''), '.', ''), '0'))"

/* A number that is not finite, in {x} as such, or at any depth of it; a number that changes. */
static const char plain_check[] = "CASE WHEN NOT isfinite({x}) THEN {error} ELSE {x} END AS {x}";
static const char nested_check[] =
    "CASE WHEN regexp_matches(" BARE("to_json({x})::VARCHAR") ", 'NaN|Infinity') THEN {error} "
    "ELSE {x} END AS {x}";
static const char json_check[] =
    "CASE WHEN regexp_matches({x}::VARCHAR, '[0-9][0-9.]{15}') AND " DIGITS("{x}::VARCHAR")
    " <> " DIGITS("json_extract(to_json({'v': {x}}), '$.v')::VARCHAR") " THEN {error} "
    "ELSE {x} END AS {x}";

static const char *check_of(const char *type) {
    if (str_eq(type, "DOUBLE") || str_eq(type, "FLOAT")) return plain_check;
    if (str_eq(type, "JSON")) return json_check;
    bool has = strstr(type, "DOUBLE") != NULL || strstr(type, "FLOAT") != NULL;
    return has && !str_istarts(type, "ENUM(") ? nested_check : NULL;
}

bool json_checked(Session *session, const char *query, const char **checked, Error *err) {
    Arena *arena = session->arena;
    Columns columns = {0};
    Buf sql = buf_on(arena);
    *checked = query;
    /* As a subquery it has the names that COPY gives to columns of one name. */
    const char *named = arena_printf(arena, "SELECT * FROM (\n%s\n)", query);
    if (!duck_describe(session->duck, arena, named, &columns, err)) return false;
    for (size_t i = 0; i < columns.count; i++) {
        const Column *column = &columns.items[i];
        const char *check = check_of(column->type);
        if (check == NULL) continue;
        const char *x = sql_ident(arena, column->name);
        const char *error =
            arena_printf(arena, "error('" UNWRITABLE "' || %s || chr(31) || '%s' || chr(31) || "
                                "left(%s::VARCHAR, 200) || chr(31))",
                         sql_literal(arena, column->name),
                         check == json_check ? "a number that would lose digits"
                                             : "NaN or infinity, which JSON does not know",
                         x);
        check = str_replace(arena, check, "{error}", "\x1f");
        check = str_replace(arena, check, "{x}", x);
        buf_printf(&sql, "%s%s", sql.size > 0 ? ", " : "SELECT * REPLACE (",
                   str_replace(arena, check, "\x1f", error));
    }
    if (sql.size == 0) return true;
    buf_printf(&sql, ") FROM (\n%s\n)", query);
    *checked = buf_text(&sql);
    return true;
}

bool export_error_read(Error *err) {
    const char *at = strstr(err->message, UNWRITABLE);
    if (at == NULL) return false;
    AUTO_ARENA arena = arena_new();
    const char *part[3];
    at += strlen(UNWRITABLE);
    for (size_t i = 0; i < 3; i++) {
        const char *end = strchr(at, '\x1f');
        if (end == NULL) return false;
        part[i] = arena_strndup(arena, at, (size_t)(end - at));
        at = end + 1;
    }
    error_set(err, ERR_EXPORT, err->span, "column '%s' has %s: %s", part[0], part[1], part[2]);
    return error_hint(err, "export it as NULL or as text: SELECT * REPLACE (… AS \"%s\")",
                      part[0]), true;
}
