/* Guards of exports: a query with checks around it that fail where a value of a column would not be
 * in the file what it is in the table. See files.h. */
#include <string.h>

#include "connectors/files.h"

/* Begins the text of the error that such a value raises: its column, what it has, the value and
 * what to do follow. */
#define UNWRITABLE "sqlflow-unwritable\x1f"

static const char *guarded_column(Arena *arena, const char *name, const FileGuard *guard) {
    const char *x = sql_ident(arena, name);
    const char *error =
        arena_printf(arena, "error('" UNWRITABLE "' || %s || chr(31) || '%s' || chr(31) || "
                            "left(%s::VARCHAR, 200) || chr(31) || '%s' || chr(31))",
                     sql_literal(arena, name), guard->what, x, guard->instead);
    const char *check = str_replace(arena, guard->check, "{error}", "\x1f");
    return str_replace(arena, str_replace(arena, check, "{x}", x), "\x1f", error);
}

bool files_guarded(Session *session, const Link *link, const char *query, GuardOf *guard_of,
                   const char **checked, Error *err) {
    Arena *arena = session->arena;
    Columns columns = {0};
    Buf sql = buf_on(arena);
    if (!duck_describe(session->duck, arena, query, &columns, err)) return false;
    *checked = columns.renamed ? arena_printf(arena, "SELECT * FROM (\n%s\n)", query) : query;
    for (size_t i = 0; i < columns.count; i++) {
        FileGuard guard = guard_of(arena, link, columns.items[i].type);
        if (guard.check == NULL) continue;
        buf_printf(&sql, "%s%s", sql.size > 0 ? ", " : "SELECT * REPLACE (",
                   guarded_column(arena, columns.items[i].name, &guard));
    }
    if (sql.size == 0) return true;
    buf_printf(&sql, ") FROM (\n%s\n)", query);
    *checked = buf_text(&sql);
    return true;
}

bool export_error_read(Error *err) {
    AUTO_ARENA arena = arena_new();
    char *part[4];
    if (!duck_error_parts(err, UNWRITABLE, arena, part, 4)) return false;
    error_set(err, ERR_EXPORT, err->span, "column '%s' has %s: %s", part[0], part[1], part[2]);
    return error_hint(err, "%s: SELECT * REPLACE (… AS \"%s\")", part[3], part[0]), true;
}
