/* Shows steps for `pipeline debug`. See debug_view.h.
 * What cannot be shown is said in its place: debugging goes on with the next step. */
#include "cli/debug_view.h"

#include <string.h>

#include "cli/reader.h"
#include "run/report.h"

/* The rows a step made or checked: something to select from, or NULL. */
static const char *rows_of(Arena *arena, const Step *step) {
    switch (step->kind) {
        case STEP_LOAD:
        case STEP_TRANSFORM: return arena_printf(arena, "FROM %s", step->target.sql);
        case STEP_EXPORT:
            return step->query.sql != NULL ? step->query.sql
                                           : arena_printf(arena, "FROM %s", step->target.sql);
        case STEP_ASSERT: return step->query.sql;
        case STEP_SQL:
            return str_eq(step->sql.object, "table") && step->target.sql != NULL &&
                           step->sql.verb != SQL_DROP
                       ? arena_printf(arena, "FROM %s", step->target.sql)
                       : NULL;
        case STEP_SOURCE: break;
    }
    return NULL;
}

/* After a failure the transaction answers no more. */
static const char *result_query(Arena *arena, const StepResult *result) {
    bool done = result->status == STATUS_OK || result->status == STATUS_WARN;
    return done ? rows_of(arena, result->step) : NULL;
}

static const char *sql_of(Arena *arena, const Step *step) {
    return step->query.sql != NULL ? step->query.sql : span_text(arena, step->span);
}

static Table first_rows(Arena *arena, Duck *duck, const char *query, long long limit, Error *err) {
    Table table = {.arena = arena};
    AUTO_ROWS rows = NULL;
    const char *sql = arena_printf(arena, "SELECT * FROM (%s) LIMIT %lld", query, limit);
    err->code = ERR_NONE;
    if (!duck_query(duck, sql, &rows, err)) return table;
    table.columns = rows_columns(rows);
    for (size_t i = 0; i < table.columns; i++) table_cellf(&table, "%s", rows_name(rows, i));
    while (rows_next(rows, err))
        for (size_t i = 0; i < table.columns; i++) {
            const char *text = rows_text(rows, i);
            table_cell(&table, text == NULL ? "NULL" : text);
        }
    return table;
}

static const char *explain(Arena *arena, Duck *duck, const char *query, Error *err) {
    AUTO_ROWS rows = NULL;
    err->code = ERR_NONE;
    if (!duck_query(duck, arena_printf(arena, "EXPLAIN %s", query), &rows, err) ||
        !rows_next(rows, err))
        return NULL;
    return arena_strdup(arena, rows_text(rows, rows_columns(rows) - 1));
}

static void indented(Cli *cli, const char *text) {
    while (*text != '\0') {
        size_t size = strcspn(text, "\n");
        out_printf(cli, "  %.*s\n", (int)size, text);
        text += size + (text[size] == '\n');
    }
}

/* -- text -------------------------------------------------------------------------------- */

static void show_schema(Cli *cli, const Columns *columns) {
    Buf line = buf_on(cli->arena);
    for (size_t i = 0; i < columns->count; i++)
        buf_printf(&line, "%s%s %s", i == 0 ? "" : ", ", columns->items[i].name,
                   columns->items[i].type);
    if (columns->count > 0) out_printf(cli, "  (%s)\n", buf_text(&line));
}

static void show_text(const DebugView *view, const StepResult *result) {
    Cli *cli = view->cli;
    Duck *duck = view->duck;
    const Step *step = result->step;
    const char *query = result_query(cli->arena, result);
    Columns columns = {0};
    Error err = {0};
    indented(cli, sql_of(cli->arena, step));
    if (query == NULL) return;
    out_text(cli, "\n");
    if (!duck_describe(duck, cli->arena, query, &columns, &err)) {
        out_printf(cli, "  (its rows cannot be shown: %s)\n", err.message);
        return;
    }
    show_schema(cli, &columns);
    Table table = first_rows(cli->arena, duck, query, view->limit, &err);
    if (table.cells.count > table.columns) {
        out_text(cli, "\n");
        table_print(cli, &table);
    }
    const char *plan = view->explain && step->query.sql != NULL && step->kind != STEP_SQL
                           ? explain(cli->arena, duck, step->query.sql, &err)
                           : NULL;
    if (plan != NULL) out_printf(cli, "\n%s\n", plan);
}

/* -- the document ------------------------------------------------------------------------ */

static void show_json(const DebugView *view, const StepResult *result) {
    JsonWriter *json = view->json;
    Arena *arena = view->cli->arena;
    Duck *duck = view->duck;
    const Step *step = result->step;
    const char *query = result_query(arena, result);
    Columns columns = {0};
    Error err = {0};
    json_string(json, "sql", sql_of(arena, step));
    bool known = query != NULL && duck_describe(duck, arena, query, &columns, &err);
    json_array(json, "columns");
    for (size_t i = 0; i < columns.count; i++) {
        json_object(json, NULL);
        json_string(json, "name", columns.items[i].name);
        json_string(json, "type", columns.items[i].type);
        json_end(json);
    }
    json_end(json);
    const char *sql =
        arena_printf(arena, "SELECT * FROM (%s) LIMIT %lld", known ? query : "", view->limit);
    Buf rows = buf_on(arena);
    JsonWriter writer = json_writer(&rows, false);
    bool shown = known && rows_json(duck, sql, &writer, NULL, &err);
    json_raw(json, "rows", shown ? buf_text(&rows) : "[]");
    if (view->explain && query != NULL && step->query.sql != NULL && step->kind != STEP_SQL)
        json_string(json, "plan", explain(arena, duck, step->query.sql, &err));
}

void debug_show_step(const DebugView *view, const StepResult *result, size_t index, size_t count) {
    Cli *cli = view->cli;
    const Step *step = result->step;
    if (view->json != NULL) {
        json_object(view->json, NULL);
        json_string(view->json, "id", step->id);
        json_string(view->json, "type", step_kind_name(step->kind));
        json_string(view->json, "status", step_status_name(result->status));
        json_seconds(view->json, "seconds", result->seconds);
        show_json(view, result);
        json_end(view->json);
        return;
    }
    Buf line = buf_on(cli->arena);
    report_step(result, index, count, &line);
    out_printf(cli, "%s%s%s", cli->color_out ? "\033[1m" : "", buf_text(&line),
               cli->color_out ? "\033[0m" : "");
    show_text(view, result);
    out_text(cli, "\n");
}
