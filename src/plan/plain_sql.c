/* What DuckDB's own statements do to a table, as far as the validation and the run need it. */
#include "plan/plan.h"

#include <string.h>

bool sql_has_pivot(const char *sql) { return strcasestr(sql, "pivot") != NULL; }

const char *sql_make_room(Arena *arena, const Step *step) {
    if (step->kind != STEP_SQL || step->or_replace || step->if_not_exists ||
        step->sql.targets.count != 1)
        return NULL;
    const char *name = step->sql.targets.items[0].sql;
    switch (step->sql.verb) {
        case SQL_CREATE_TABLE: return arena_printf(arena, "DROP TABLE IF EXISTS %s", name);
        case SQL_CREATE_VIEW: return arena_printf(arena, "DROP VIEW IF EXISTS %s", name);
        case SQL_CREATE_TYPE: return arena_printf(arena, "DROP TYPE IF EXISTS %s", name);
        case SQL_CREATE_MACRO:
            return arena_printf(arena, "DROP MACRO IF EXISTS %s; DROP MACRO TABLE IF EXISTS %s",
                                name, name);
        case SQL_INSERT:
        case SQL_UPDATE:
        case SQL_DELETE:
        case SQL_MERGE:
        case SQL_TRUNCATE:
        case SQL_ALTER:
        case SQL_DROP:
        case SQL_CREATE_SCHEMA:
        case SQL_CREATE_INDEX:
        case SQL_CREATE_SEQUENCE:
        case SQL_COMMENT:
        case SQL_COPY_FROM: return NULL;
    }
    return NULL;
}
