/* Targets that are built anew: no load goes on from what it had brought into the rows that go. */
#include "run/apply.h"
#include "run/cursor.h"

/* Does a step of this run load the source into the table? */
static bool is_loaded(const Run *run, const TableName *table, const char *source) {
    for (size_t i = 0; i < run->plan->steps.count; i++) {
        const Step *step = &run->plan->steps.items[i];
        if (run->keep[i] && step_is_incremental(step) && str_eq(step->target.key, table->key) &&
            (source == NULL || (step->source != NULL && str_ieq(step->source->name, source))))
            return true;
    }
    return false;
}

/* Rows that only other runs bring back. */
static bool warn_others(StepContext *ctx, const TableName *table, Error *err) {
    Run *run = ctx->run;
    StateKey key = {.target = table->key};
    const char *where = state_where(ctx->arena, &key);
    const char *sql = arena_printf(
        ctx->arena, "SELECT DISTINCT pipeline, source FROM (SELECT pipeline, source FROM "
                    "_sqlflow.watermarks WHERE %s AND source <> '-' UNION ALL SELECT pipeline, "
                    "source FROM _sqlflow.files WHERE %s) ORDER BY ALL", where, where);
    AUTO_ROWS rows = NULL;
    if (!duck_query(run->duck, sql, &rows, err)) return false;
    err->code = ERR_NONE;
    while (rows_next(rows, err)) {
        const char *pipeline = rows_text(rows, 0), *source = rows_text(rows, 1);
        if (str_ieq(pipeline, run->plan->pipeline->name) && is_loaded(run, table, source)) continue;
        step_warn(ctx, WARN_ROWS_GONE,
                  arena_printf(ctx->arena, "run pipeline '%s' to load them again", pipeline),
                  "table '%s' is built anew without the rows that pipeline '%s' loaded into it "
                  "from '%s'", table->name, pipeline, source);
    }
    return err->code == ERR_NONE;
}

/* Most tables are made anew in every run and no load remembers them: the state is looked through
 * once, not for each. */
static bool is_remembered(Run *run, const char *key, bool *remembered, Error *err) {
    Strings targets = {0};
    if (!run->remembers && !state_targets(run->duck, run->arena, &targets, err)) return false;
    for (size_t i = 0; i < targets.count; i++) map_set(&run->remembered, targets.items[i], run);
    run->remembers = true;
    *remembered = map_has(&run->remembered, key);
    return true;
}

bool run_forget(Run *run, const char *key, Error *err) {
    bool remembered = false;
    StateKey all = {.target = key};
    return is_remembered(run, key, &remembered, err) &&
           (!remembered || state_forget(run->duck, &all, NULL, err));
}

bool forget_loads(StepContext *ctx, const TableName *table, Error *err) {
    Touched *touched = run_touch(ctx->run, table, err);
    bool remembered = false;
    if (touched == NULL || !is_remembered(ctx->run, table->key, &remembered, err) ||
        (remembered && touched->had_rows && !warn_others(ctx, table, err)) ||
        !run_forget(ctx->run, table->key, err))
        return step_error(ctx, NULL, err);
    touched->had_rows = false;
    return true;
}

bool begin_load(StepContext *ctx, ModeKind mode, Error *err) {
    Columns target = {0};
    const TableName *table = &ctx->step->target;
    bool first = !map_has(&ctx->run->touched, table->key);
    if (!table_columns(ctx, table, &target, err)) return false;
    ctx->anew = mode == MODE_REPLACE || target.count == 0 ||
                (first && ctx->run->options->full_refresh && step_is_incremental(ctx->step));
    return !ctx->anew || forget_loads(ctx, table, err);
}

bool run_refresh(StepContext *ctx, Error *err) {
    const Step *step = ctx->step;
    if (!ctx->run->options->full_refresh || step_is_incremental(step)) return true;
    for (size_t i = 0; i < step->writes.count; i++) {
        const TableName *table = &step->writes.items[i];
        Columns columns = {0};
        if (map_has(&ctx->run->touched, table->key) || !is_loaded(ctx->run, table, NULL)) continue;
        if (!forget_loads(ctx, table, err) || !table_columns(ctx, table, &columns, err))
            return false;
        if (columns.count == 0) continue;
        if (!duck_execf(ctx->run->duck, err, "DELETE FROM %s", table->sql))
            return step_error(ctx, NULL, err);
        ((Touched *)map_get(&ctx->run->touched, table->key))->dirty = true;
    }
    return true;
}
