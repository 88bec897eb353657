/* Runs SQL: several statements one after the other, results streamed and not kept. Reading rows
 * is in duck_rows.c. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "engine/duck_internal.h"

typedef struct Statements {
    duckdb_extracted_statements list;
    idx_t count;
} Statements;

static void statements_cleanup(Statements *statements) {
    if (statements->list != NULL) duckdb_destroy_extracted(&statements->list);
}
#define AUTO_STATEMENTS __attribute__((cleanup(statements_cleanup))) Statements

static void pending_cleanup(duckdb_pending_result *pending) {
    if (*pending != NULL) duckdb_destroy_pending(pending);
}

/* While its other threads work, DuckDB asks without a pause whether they are done: that takes a
 * core from whoever works for the statement, such as Python or a database server. There is nothing
 * to wait on in its interface, so the pauses grow with the time that the statement takes. */
static const double SPIN = 1e-4, PAUSE_SHARE = 1.0 / 64, LONGEST_PAUSE = 1e-3;

static void pause_after(double taken) {
    double share = taken * PAUSE_SHARE;
    double pause = share < LONGEST_PAUSE ? share : LONGEST_PAUSE;
    struct timespec time = {.tv_nsec = (long)(pause * 1e9)};
    if (taken > SPIN) nanosleep(&time, NULL);
}

static void work_on(duckdb_pending_result pending) {
    double began = clock_steady();
    for (;;) {
        duckdb_pending_state state = duckdb_pending_execute_task(pending);
        if (duckdb_pending_execution_is_finished(state)) return;
        if (state == DUCKDB_PENDING_NO_TASKS_AVAILABLE) pause_after(clock_steady() - began);
    }
}

bool duck_execute(Duck *duck, duckdb_prepared_statement statement, duckdb_result *result,
                  Error *err) {
    __attribute__((cleanup(pending_cleanup))) duckdb_pending_result pending = NULL;
    if (duckdb_pending_prepared_streaming(statement, &pending) != DuckDBSuccess)
        return duck_fail(duck, NULL, duckdb_pending_error(pending), err);
    memset(result, 0, sizeof *result);
    work_on(pending);
    if (duckdb_execute_pending(pending, result) == DuckDBSuccess) return true;
    duck_fail(duck, NULL, duckdb_result_error(result), err);
    duckdb_destroy_result(result);
    return false;
}

/* Do the result's rows stand for one changed row each (RETURNING)? */
static bool returns_rows(duckdb_result result) {
    duckdb_statement_type type = duckdb_result_statement_type(result);
    return duckdb_result_return_type(result) == DUCKDB_RESULT_TYPE_QUERY_RESULT &&
           (type == DUCKDB_STATEMENT_TYPE_INSERT || type == DUCKDB_STATEMENT_TYPE_UPDATE ||
            type == DUCKDB_STATEMENT_TYPE_DELETE || type == DUCKDB_STATEMENT_TYPE_MERGE_INTO);
}

/* Runs a statement to its end, dropping rows. */
static bool run(Duck *duck, duckdb_prepared_statement statement, int64_t *changed, Error *err) {
    duckdb_result result;
    if (!duck_execute(duck, statement, &result, err)) return false;
    /* CREATE TABLE AS calls its count a query's result. */
    bool returning = returns_rows(result);
    bool counts = !returning &&
                  duckdb_result_statement_type(result) != DUCKDB_STATEMENT_TYPE_SELECT &&
                  duckdb_column_count(&result) == 1 &&
                  str_eq(duckdb_column_name(&result, 0), "Count");
    duckdb_data_chunk chunk;
    while ((chunk = duckdb_fetch_chunk(result)) != NULL) {
        if (returning && changed != NULL) *changed += (int64_t)duckdb_data_chunk_get_size(chunk);
        if (counts && changed != NULL && duckdb_data_chunk_get_size(chunk) == 1)
            *changed = *(int64_t *)duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0));
        duckdb_destroy_data_chunk(&chunk);
    }
    const char *failure = duckdb_result_error(&result);
    bool ok = failure == NULL || duck_fail(duck, NULL, failure, err);
    duckdb_destroy_result(&result);
    return ok;
}

static bool prepare(Duck *duck, const Statements *statements, idx_t index,
                    duckdb_prepared_statement *out, Error *err) {
    if (duckdb_prepare_extracted_statement(duck->connection, statements->list, index, out) ==
        DuckDBSuccess)
        return true;
    return duck_fail(duck, NULL, duckdb_prepare_error(*out), err);
}

/* *changed (may be NULL) gets the rows changed by the last of those that are run. */
static bool run_all_but_last(Duck *duck, const char *sql, int64_t *changed,
                             duckdb_prepared_statement *out, Error *err) {
    duck->error_offset = -1;
    *out = NULL;
    AUTO_STATEMENTS statements = {0};
    statements.count = duckdb_extract_statements(duck->connection, sql, &statements.list);
    const char *failure = duckdb_extract_statements_error(statements.list);
    if (failure != NULL && *failure != '\0') return duck_fail(duck, sql, failure, err);
    for (idx_t i = 0; i + 1 < statements.count; i++) {
        AUTO_STATEMENT statement = NULL;
        if (!prepare(duck, &statements, i, &statement, err)) return false;
        if (!run(duck, statement, changed, err)) return false;
    }
    return statements.count == 0 || prepare(duck, &statements, statements.count - 1, out, err);
}

bool duck_prepare_last(Duck *duck, const char *sql, duckdb_prepared_statement *out, Error *err) {
    return run_all_but_last(duck, sql, NULL, out, err);
}

bool duck_exec(Duck *duck, const char *sql, int64_t *changed, Error *err) {
    if (changed != NULL) *changed = 0;
    AUTO_STATEMENT statement = NULL;
    if (!run_all_but_last(duck, sql, changed, &statement, err)) return false;
    return statement == NULL || run(duck, statement, changed, err);
}

bool duck_execf(Duck *duck, Error *err, const char *format, ...) {
    AUTO_ARENA arena = arena_new();
    va_list args;
    va_start(args, format);
    const char *sql = arena_vprintf(arena, format, args);
    va_end(args);
    return duck_exec(duck, sql, NULL, err);
}

bool duck_text(Duck *duck, Arena *arena, const char *sql, const char **out, Error *err) {
    *out = NULL;
    AUTO_ROWS rows = NULL;
    if (!duck_query(duck, sql, &rows, err)) return false;
    Error failure = {0};
    if (rows_next(rows, &failure)) *out = arena_strdup(arena, rows_text(rows, 0));
    if (failure.code == ERR_NONE) return true;
    *err = failure;
    return false;
}

bool duck_int(Duck *duck, const char *sql, int64_t *out, Error *err) {
    *out = 0;
    AUTO_ROWS rows = NULL;
    if (!duck_query(duck, sql, &rows, err)) return false;
    Error failure = {0};
    if (rows_next(rows, &failure)) *out = rows_int(rows, 0);
    if (failure.code == ERR_NONE) return true;
    *err = failure;
    return false;
}

bool duck_texts(Duck *duck, Arena *arena, const char *sql, Strings *texts, Error *err) {
    AUTO_ROWS rows = NULL;
    if (!duck_query(duck, sql, &rows, err)) return false;
    Error failure = {0};
    while (rows_next(rows, &failure))
        if (!rows_is_null(rows, 0))
            strings_add(arena, texts, arena_strdup(arena, rows_text(rows, 0)));
    if (failure.code == ERR_NONE) return true;
    *err = failure;
    return false;
}

bool duck_any(Duck *duck, const char *query, bool *any, Error *err) {
    AUTO_ARENA arena = arena_new();
    int64_t count = 0;
    const char *sql =
        arena_printf(arena, "SELECT count(*) FROM (SELECT 1 FROM (\n%s\n) LIMIT 1)", query);
    if (!duck_int(duck, sql, &count, err)) return false;
    *any = count > 0;
    return true;
}

void duck_interrupt(Duck *duck) { duckdb_interrupt(duck->connection); }

double duck_progress(Duck *duck) { return duckdb_query_progress(duck->connection).percentage; }
