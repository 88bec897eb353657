/* LOAD, CREATE TABLE, ASSERT and plain SQL: their names, modes and queries become Steps. */
#include "lang/name.h"
#include "plan/resolve.h"

/* "schema.table", or the table's name alone. */
static const char *shown_name(Arena *arena, const TableName *table) {
    return table->schema == NULL ? table->name
                                 : arena_printf(arena, "%s.%s", table->schema, table->name);
}

void resolve_load(Resolver *resolver, const Stmt *stmt) {
    TableName target;
    if (!resolver_table(resolver, stmt->load.table, &target)) return;
    Strings parts = {0};
    if (stmt->load.source.text != NULL &&
        !subst_name(&resolver->subst, stmt->load.source, &parts))
        return;
    SqlText query = {0};
    if (stmt->load.query.text != NULL) query = resolver_query(resolver, stmt->load.query);
    Step *step = resolver_step(resolver, STEP_LOAD, stmt);
    step->name = shown_name(resolver->arena, &target);
    step->target = target;
    step->query = query;
    resolver_mode(resolver, &stmt->load.mode, step);
    if (stmt->load.source.text == NULL) return;
    subst_drop_alias(&resolver->subst, &parts);
    step->source_name = strings_join(resolver->arena, &parts, ".");
    step->source_span = stmt->load.source.span;
}

static bool writes_table(const Pipeline *pipeline, const char *name) {
    for (size_t i = 0; i < pipeline->steps.count; i++) {
        const Step *step = &pipeline->steps.items[i];
        if ((step->kind == STEP_LOAD || step->kind == STEP_TRANSFORM) && str_ieq(step->name, name))
            return true;
    }
    return false;
}

static void unknown_source(Resolver *resolver, const Step *step) {
    Arena *arena = resolver->arena;
    Strings names = {0};
    for (size_t i = 0; i < resolver->pipeline->sources.count; i++)
        strings_add(arena, &names, resolver->pipeline->sources.items[i]->name);
    Diag *diag = diag_error(resolver->diags, ERR_UNKNOWN_SOURCE, step->source_span,
                            "there is no source '%s'%s", step->source_name,
                            str_did_you_mean(arena, step->source_name, &names));
    if (writes_table(resolver->pipeline, step->source_name))
        diag->hint = arena_printf(arena, "'%s' is a table: CREATE TABLE %s AS FROM %s",
                                  step->source_name, step->name, step->source_name);
    else if (names.count == 0)
        diag->hint = arena_printf(arena, "define it: SOURCE %s TYPE csv PARAMS {\"path\": \"…\"};",
                                  step->source_name);
    else
        diag->hint = arena_printf(arena, "the sources are: %s", strings_join(arena, &names, ", "));
}

/* Rows that are read again must be recognised, and only a key can do that. */
static void check_append(Resolver *resolver, const Step *step) {
    const Source *source = step->source;
    bool appends = step->mode == MODE_APPEND || step->mode == MODE_NONE;
    bool again = source->lookback != NULL || source->null_cursor == NULL_CURSOR_INCLUDE;
    if (!source->incremental || !appends || !again || source->primary_key.count > 0) return;
    const char *option = source->lookback != NULL ? "lookback" : "null_cursor";
    diag_error(resolver->diags, ERR_MODE,
               step->mode == MODE_NONE ? step->span : step->mode_span,
               "appending '%s' with %s needs a key: rows that come again would be doubled",
               source->name, option)
        ->hint = "add \"primary_key\" to the source, write MODE UPSERT KEY (…), or remove the "
                 "option";
}

void resolve_load_sources(Resolver *resolver) {
    for (size_t i = 0; i < resolver->pipeline->steps.count; i++) {
        Step *step = &resolver->pipeline->steps.items[i];
        if (step->kind != STEP_LOAD || step->source_name == NULL) continue;
        const Source *source = map_get(&resolver->pipeline->source_by_name, step->source_name);
        if (source == NULL) {
            unknown_source(resolver, step);
            continue;
        }
        step->source = source;
        check_append(resolver, step);
    }
}

void resolve_create(Resolver *resolver, const Stmt *stmt) {
    TableName target;
    if (!resolver_table(resolver, stmt->create.table, &target)) return;
    SqlText query = resolver_query(resolver, stmt->create.query);
    Step *step = resolver_step(resolver, STEP_TRANSFORM, stmt);
    step->name = shown_name(resolver->arena, &target);
    step->target = target;
    step->query = query;
    step->or_replace = stmt->create.or_replace;
    step->temporary = stmt->create.temporary;
    step->if_not_exists = stmt->create.if_not_exists;
    resolver_mode(resolver, &stmt->create.mode, step);
}

void resolve_assert(Resolver *resolver, const Stmt *stmt) {
    size_t missing = resolver->subst.missing;
    Step draft = {.span = stmt->span};
    draft.assertion.kind = stmt->assertion.kind;
    draft.assertion.warn = stmt->assertion.warn;
    for (size_t i = 0; i < stmt->assertion.columns.count; i++) {
        const char *column = resolver_column(resolver, stmt->assertion.columns.items[i]);
        if (column == NULL) return;
        strings_add_unique(resolver->arena, &draft.assertion.columns, column);
    }
    if (stmt->assertion.kind == ASSERT_QUERY) {
        draft.name = resolver_column(resolver, stmt->assertion.name);
        draft.query = resolver_query(resolver, stmt->assertion.query);
        if (draft.name == NULL) return;
    } else {
        if (!resolver_table(resolver, stmt->assertion.table, &draft.target)) return;
        draft.name = shown_name(resolver->arena, &draft.target);
    }
    if (resolver->subst.missing > missing) return;
    Step *step = resolver_step(resolver, STEP_ASSERT, stmt);
    *step = draft;
    step->kind = STEP_ASSERT;
}

static bool is_refused(Resolver *resolver, const Stmt *stmt, const Step *step) {
    const EngineConfig *engine = &resolver->project->profile.engine;
    SqlVerb verb = stmt->sql.verb;
    if (!stmt->sql.needs_index || step->temporary || !engine->persistent ||
        engine->allow_indexes)
        return false;
    const char *what = verb == SQL_CREATE_INDEX      ? "CREATE INDEX"
                       : verb == SQL_CREATE_SEQUENCE ? "CREATE SEQUENCE"
                                                     : "a PRIMARY KEY, UNIQUE or foreign key";
    diag_error(resolver->diags, ERR_REFUSED_STATEMENT, stmt->span,
               "%s is not allowed in a persistent database: DuckDB's recovery of it after a crash "
               "is not safe yet",
               what)
        ->hint = verb == SQL_CREATE_SEQUENCE
                     ? "use row_number() OVER (), or allow it in the profile with "
                       "engines.duckdb.allow_indexes: true"
                     : "check with ASSERT UNIQUE (…) IN table, or allow it in the profile with "
                       "engines.duckdb.allow_indexes: true";
    return true;
}

static bool add_targets(Resolver *resolver, const Stmt *stmt, Step *step) {
    Texts targets = stmt->sql.targets;
    Text only = stmt->sql.target;
    if (targets.count == 0 && only.text != NULL) targets = (Texts){&only, 1, 1};
    for (size_t i = 0; i < targets.count; i++) {
        TableName table;
        if (!resolver_table(resolver, targets.items[i], &table)) return false;
        if (str_ieq(stmt->sql.object, "schema") &&
            !resolver_may_use(resolver, table.name, table.span))
            return false;
        *LIST_PUSH(resolver->arena, &step->sql.targets) = table;
        if (i == 0) step->target = table;
    }
    return true;
}

void resolve_sql(Resolver *resolver, const Stmt *stmt) {
    size_t missing = resolver->subst.missing;
    Step draft = {.kind = STEP_SQL, .span = stmt->span};
    draft.sql.verb = stmt->sql.verb;
    draft.sql.object = stmt->sql.object;
    draft.or_replace = stmt->sql.or_replace;
    draft.temporary = stmt->sql.temporary;
    draft.if_not_exists = stmt->sql.if_not_exists;
    bool right = add_targets(resolver, stmt, &draft);
    draft.query = subst_sql(&resolver->subst, stmt->sql.sql.span);
    draft.name = draft.target.name == NULL ? draft.sql.object
                                           : shown_name(resolver->arena, &draft.target);
    if (is_refused(resolver, stmt, &draft) || !right || resolver->subst.missing > missing) return;
    Step *step = resolver_step(resolver, STEP_SQL, stmt);
    *step = draft;
}
