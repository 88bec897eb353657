/* Columns that assertions and exports name. See bind_check.h. */
#include "plan/bind_check.h"

void bind_check_assert(const Step *step, const Columns *columns, Arena *arena, Diags *diags) {
    Strings names = columns_names(arena, columns);
    for (size_t i = 0; i < step->assertion.columns.count; i++) {
        const char *name = step->assertion.columns.items[i];
        if (columns_find(columns, name) == NULL)
            diag_error(diags, ERR_ASSERT_COLUMN, step->span,
                       "table '%s' has no column '%s'%s", step->target.name, name,
                       str_did_you_mean(arena, name, &names));
    }
}

void bind_check_export(const Step *step, const Columns *columns, Arena *arena, Diags *diags) {
    const Link *link = &step->export.link;
    if (link->connector == NULL) return;
    Strings names = columns_names(arena, columns);
    for (const OptionSpec *spec = link->connector->options; spec->name != NULL; spec++) {
        if (spec->type != OPTION_NAMES || !(spec->use & USE_WRITE)) continue;
        Strings wanted = link_names(link, arena, spec->name);
        for (size_t i = 0; i < wanted.count; i++) {
            if (columns_find(columns, wanted.items[i]) != NULL) continue;
            diag_error(diags, ERR_OPTION_VALUE, link_span(link, spec->name),
                       "%s names '%s', which is no column of the export%s", spec->name,
                       wanted.items[i], str_did_you_mean(arena, wanted.items[i], &names))
                ->hint = arena_printf(arena, "its columns are: %s",
                                      strings_join(arena, &names, ", "));
        }
    }
}
