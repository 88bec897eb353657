/* Tables that steps read and no step writes: they must be in the run's database. */
#include "engine/sqlinfo.h"
#include "plan/plan.h"
#include "plan/reads.h"

static void known_names(const Plan *plan, Duck *duck, Strings *names) {
    Arena *arena = plan->pipeline->arena;
    for (size_t i = 0; i < plan->steps.count; i++)
        for (size_t k = 0; k < plan->steps.items[i].writes.count; k++)
            strings_add_unique(arena, names, plan->steps.items[i].writes.items[k].name);
    for (size_t i = 0; i < plan->pipeline->sources.count; i++)
        strings_add_unique(arena, names, plan->pipeline->sources.items[i]->name);
    Rows *opened = NULL;
    Error err = {0};
    if (!duck_query(duck, "SELECT table_name FROM information_schema.tables "
                          "WHERE table_schema <> '_sqlflow'", &opened, &err))
        return; /* only suggestions are lost */
    AUTO_ROWS rows = opened;
    while (rows_next(rows, &err)) strings_add_unique(arena, names,
                                                     arena_strdup(arena, rows_text(rows, 0)));
}

Externals plan_externals(const Plan *plan) {
    Arena *arena = plan->pipeline->arena;
    Externals externals = {0};
    Map known = map_on(arena);
    for (size_t i = 0; i < plan->steps.count; i++)
        for (size_t k = 0; k < plan->steps.items[i].writes.count; k++)
            map_set(&known, plan->steps.items[i].writes.items[k].key, &externals);
    for (size_t i = 0; i < plan->steps.count; i++) {
        const Step *step = &plan->steps.items[i];
        for (size_t k = 0; k < step->reads.count; k++) {
            const TableName *read = &step->reads.items[k];
            if (map_has(&known, read->key)) continue;
            map_set(&known, read->key, &externals); /* once */
            if (read->schema == NULL && map_has(&plan->pipeline->source_by_name, read->name))
                continue;
            *LIST_PUSH(arena, &externals) = (struct External){.table = *read};
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
            ->hint = "no step writes it and the database does not hold it";
    }
}
