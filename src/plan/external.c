/* Tables that steps need and no step makes: they must be in the run's database. */
#include "engine/sqlinfo.h"
#include "plan/plan.h"
#include "plan/reads.h"

/* May a step make the table? INSERT and the like do not, and ALTER only the name that it gives. */
static bool is_made(const Step *step, const TableName *table) {
    return step->kind != STEP_SQL || !step->sql.needs_targets ||
           (step->sql.verb == SQL_ALTER && !str_eq(table->key, step->target.key));
}

static void known_names(const Plan *plan, Duck *duck, Strings *names) {
    Arena *arena = plan->pipeline->arena;
    for (size_t i = 0; i < plan->steps.count; i++) {
        const Step *step = &plan->steps.items[i];
        for (size_t k = 0; k < step->writes.count; k++)
            if (is_made(step, &step->writes.items[k]))
                strings_add_unique(arena, names, step->writes.items[k].name);
    }
    for (size_t i = 0; i < plan->pipeline->sources.count; i++)
        strings_add_unique(arena, names, plan->pipeline->sources.items[i]->name);
    AUTO_ROWS rows = NULL;
    Error err = {0};
    if (!duck_query(duck, "SELECT table_name FROM information_schema.tables "
                          "WHERE table_schema <> '_sqlflow'", &rows, &err))
        return; /* only suggestions are lost */
    while (rows_next(rows, &err)) strings_add_unique(arena, names,
                                                     arena_strdup(arena, rows_text(rows, 0)));
}

static void add_external(const Plan *plan, Map *known, const TableName *table,
                         Externals *externals) {
    if (map_has(known, table->key)) return;
    map_set(known, table->key, externals); /* once */
    *LIST_PUSH(plan->pipeline->arena, externals) = (struct External){.table = *table};
}

Externals plan_externals(const Plan *plan, const bool *keep) {
    Externals externals = {0};
    Map known = map_on(plan->pipeline->arena);
    for (size_t i = 0; i < plan->steps.count; i++) {
        const Step *step = &plan->steps.items[i];
        for (size_t k = 0; k < step->writes.count; k++)
            if (is_made(step, &step->writes.items[k]))
                map_set(&known, step->writes.items[k].key, &externals);
    }
    for (size_t i = 0; i < plan->steps.count; i++) {
        const Step *step = &plan->steps.items[i];
        if (keep != NULL && !keep[i]) continue;
        for (size_t k = 0; k < step->writes.count; k++)
            add_external(plan, &known, &step->writes.items[k], &externals);
        for (size_t k = 0; k < step->reads.count; k++) {
            const TableName *read = &step->reads.items[k];
            if (read->schema != NULL || !map_has(&plan->pipeline->source_by_name, read->name))
                add_external(plan, &known, read, &externals);
        }
    }
    return externals;
}

void plan_find_externals(const Plan *plan, Duck *duck, Externals *externals, Diags *diags) {
    Arena *arena = plan->pipeline->arena;
    Strings names = {0};
    for (size_t i = 0; i < externals->count; i++) {
        struct External *external = &externals->items[i];
        const TableName *table = &external->table;
        Columns columns = {0};
        Error err = {0};
        if (!duck_table_columns(duck, arena, table->schema, table->name, &columns, &err)) {
            external->missing = true;
            err.span = table->span;
            diag_add(diags, SEVERITY_ERROR, &err);
            continue;
        }
        if (columns.count > 0 ||
            sqlinfo_is_builtin_table(duck, table->schema, table->name))
            continue;
        external->missing = true;
        if (names.count == 0) known_names(plan, duck, &names);
        diag_error(diags, ERR_UNKNOWN_TABLE, table->span, "unknown table '%s'%s", table->name,
                   str_did_you_mean(arena, table->name, &names))
            ->hint = "no step makes it and the database does not hold it";
    }
}
