/* What DuckDB's own statements do to a table, as far as the validation and the run need it. */
#include "plan/plan.h"

#include <string.h>

bool sql_has_pivot(const char *sql) { return strcasestr(sql, "pivot") != NULL; }

const char *sql_make_room(Arena *arena, const Step *step) {
    if (step->kind != STEP_SQL || step->or_replace || step->if_not_exists ||
        step->sql.targets.count != 1)
        return NULL;
    const char *kind = sql_verb(step->sql.verb)->makes;
    if (kind == NULL) return NULL;
    const char *name = step->sql.targets.items[0].sql;
    const char *room = arena_printf(arena, "DROP %s IF EXISTS %s", kind, name);
    if (step->sql.verb != SQL_CREATE_MACRO) return room;
    return arena_printf(arena, "%s; DROP MACRO TABLE IF EXISTS %s", room, name);
}
