/* Guards exports to JSON: DuckDB writes NaN and Infinity as words that no other reader of JSON
 * takes, and numbers in columns of type JSON as doubles, which changes long ones. */
#include <string.h>

#include "connectors/files.h"
#include "connectors/json.h"

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

static FileGuard guard_of(Arena *arena, const Link *link, const char *type) {
    (void)arena, (void)link;
    const char *text = "export it as NULL or as text", *not_finite = "NaN or infinity, which JSON "
                                                                     "does not know";
    if (str_eq(type, "DOUBLE") || str_eq(type, "FLOAT"))
        return (FileGuard){plain_check, not_finite, text};
    if (str_eq(type, "JSON"))
        return (FileGuard){json_check, "a number that would lose digits", text};
    bool has = strstr(type, "DOUBLE") != NULL || strstr(type, "FLOAT") != NULL;
    return has && !str_istarts(type, "ENUM(") ? (FileGuard){nested_check, not_finite, text}
                                              : (FileGuard){0};
}

bool json_checked(Session *session, const Link *link, const char *query, const char **checked,
                  Error *err) {
    return files_guarded(session, link, query, guard_of, checked, err);
}
