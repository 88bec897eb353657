/* Runs one test: the pipeline over fixtures in a database of its own, then compares tables, exports
 * and the error with what is expected. See test_case.h. */
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "cli/test_case.h"
#include "cli/usage.h"
#include "lang/name.h"
#include "run/run.h"

typedef struct Trial {
    Context *context;
    const TestCase *test;
    Session session; /* scratch folder, and a database to make fixtures with */
    Loaded loaded;
    Captures captures;
    Project project; /* with a database in the scratch folder */
    const char *database;
    Error failure; /* of the run; code ERR_NONE when it succeeded */
    Buf diff;
} Trial;

/* -- the pipeline ------------------------------------------------------------------------ */

static bool first_error(Context *context, Error *err) {
    for (size_t i = 0; i < context->diags.count; i++) {
        const Diag *diag = &context->diags.items[i];
        if (diag->severity != SEVERITY_ERROR) continue;
        diag_to_error(diag, err);
        return true;
    }
    return false;
}

static bool load(Trial *trial) {
    Context *context = trial->context;
    context->diags = diags_on(context->arena);
    context->variables = trial->test->vars;
    Loaded *loaded = &trial->loaded;
    if (!context_load(context, trial->test->pipeline, LOAD_SCRIPT, loaded)) return false;
    if (trial->test->own_vars) {
        warn_unused_variables(context, loaded, NULL);
        show_diags(context->cli, &context->diags);
    }
    /* Resolved once only to learn the real sources' columns: secrets may be missing here. */
    context_resolve(context, loaded);
    Pipeline real = loaded->pipeline;
    context->diags = diags_on(context->arena);
    if (!context_load(context, trial->test->pipeline, LOAD_SCRIPT, loaded)) return false;
    return test_replace_sources(context, trial->test, &real, loaded, &trial->session);
}

static bool plan(Trial *trial) {
    Context *context = trial->context;
    Loaded *loaded = &trial->loaded;
    test_capture_script(context, loaded);
    if (!context_resolve(context, loaded)) return false;
    test_capture_exports(context, loaded, trial->session.stage_dir, &trial->captures);
    return context_plan(context, loaded);
}

static void run_once(Trial *trial) {
    RunOptions options = {
        .run_id = clock_run_id(trial->context->arena, clock_wall_us()),
        .started_us = clock_wall_us(),
        .wait_seconds = -1,
        .variables_json = "{}",
        .duck = trial->loaded.duck,
    };
    trial->loaded.duck = NULL; /* it is the run's now */
    RunReport report = {.arena = trial->context->arena, .diags = diags_on(trial->context->arena)};
    trial->failure = (Error){0};
    if (run_plan(&trial->loaded.plan, &trial->project, &options, &report) != 0)
        trial->failure = report.error;
}

/* -- what came of it --------------------------------------------------------------------- */

static bool error_as_expected(Trial *trial) {
    Arena *arena = trial->context->arena;
    const Error *got = &trial->failure;
    const char *code = member_text(trial->test->error, "code");
    const char *message = member_text(trial->test->error, "message");
    const char *name = diag_code(arena, got->code);
    if (got->code == ERR_NONE) {
        buf_puts(&trial->diff, "an error was expected, but the run succeeded\n");
        return false;
    }
    if (code != NULL && !str_ieq(code, name))
        buf_printf(&trial->diff, "error %s was expected, got %s: %s\n", code, name, got->message);
    if (message != NULL && strcasestr(got->message, message) == NULL)
        buf_printf(&trial->diff, "an error with '%s' was expected, got %s: %s\n", message, name,
                   got->message);
    return trial->diff.size == 0;
}

static bool note_error(Trial *trial, const char *what, const Error *err) {
    buf_printf(&trial->diff, "%s: %s\n", what, err->message);
    return false;
}

static const char all_tables[] =
    "SELECT table_name FROM duckdb_tables() WHERE NOT internal AND schema_name <> '_sqlflow'"
    " UNION ALL SELECT view_name FROM duckdb_views() WHERE NOT internal";

/* DuckDB itself would suggest one of its own tables. */
static bool is_there(Trial *trial, const Strings *tables, const Strings *parts, const char *name) {
    Arena *arena = trial->context->arena;
    const char *last = parts->items[parts->count - 1];
    if (strings_has(tables, last)) return true;
    buf_printf(&trial->diff, "there is no table '%s'%s; there %s\n", name,
               str_did_you_mean(arena, last, tables),
               tables->count == 0
                   ? "is none"
                   : arena_printf(arena, "are: %s", strings_join(arena, tables, ", ")));
    return false;
}

static void compare_tables(Trial *trial, Duck *duck) {
    const Value *tables = trial->test->tables;
    Arena *arena = trial->context->arena;
    Strings there = {0};
    Error err = {0};
    if (tables != NULL && !duck_texts(duck, arena, all_tables, &there, &err)) {
        note_error(trial, "the run's database", &err);
        return;
    }
    for (size_t i = 0; tables != NULL && i < tables->count; i++) {
        const char *name = tables->members[i].key;
        Strings parts = {0};
        if (!name_split(arena, name, &parts)) {
            parts.count = 0;
            strings_add(arena, &parts, name);
        }
        if (!is_there(trial, &there, &parts, name)) continue;
        Compared compared = {.duck = duck,
                             .what = arena_printf(arena, "table %s", name),
                             .actual = name_join(arena, &parts),
                             .test_file = trial->test->file,
                             .scratch = trial->session.stage_dir};
        err.code = ERR_NONE;
        if (!test_compare(&compared, tables->members[i].value, &trial->diff, &err))
            note_error(trial, compared.what, &err);
    }
}

static const char *captured(Trial *trial, const char *destination) {
    Strings names = {0};
    for (size_t i = 0; i < trial->captures.count; i++) {
        if (str_eq(trial->captures.items[i].destination, destination))
            return trial->captures.items[i].file;
        strings_add(trial->context->arena, &names, trial->captures.items[i].destination);
    }
    buf_printf(&trial->diff, "nothing is exported to '%s'; there are: %s\n", destination,
               strings_join(trial->context->arena, &names, ", "));
    return NULL;
}

static void compare_exports(Trial *trial, Duck *duck) {
    const Value *exports = trial->test->exports;
    Arena *arena = trial->context->arena;
    for (size_t i = 0; exports != NULL && i < exports->count; i++) {
        const char *file = captured(trial, exports->members[i].key);
        if (file == NULL) continue;
        Compared compared = {.duck = duck,
                             .what = arena_printf(arena, "export %s", exports->members[i].key),
                             .actual =
                                 arena_printf(arena, "read_parquet(%s)", sql_literal(arena, file)),
                             .test_file = trial->test->file,
                             .scratch = trial->session.stage_dir};
        Error err = {0};
        if (!test_compare(&compared, exports->members[i].value, &trial->diff, &err))
            note_error(trial, compared.what, &err);
    }
}

/* -- a second run ------------------------------------------------------------------------ */

/* Name and content hash of every table and export: alike when nothing changed. */
static bool fingerprints(Trial *trial, Duck *duck, Strings *names, Strings *hashes, Error *err) {
    Arena *arena = trial->context->arena;
    Strings from = {0};
    AUTO_ROWS rows = NULL;
    if (!duck_query(duck,
                    "SELECT schema_name, table_name FROM duckdb_tables() WHERE NOT internal"
                    " AND database_name = current_database() AND schema_name <> '_sqlflow'"
                    " ORDER BY ALL",
                    &rows, err))
        return false;
    while (rows_next(rows, err)) {
        strings_add(arena, &from,
                    arena_printf(arena, "%s.%s", sql_ident(arena, rows_text(rows, 0)),
                                 sql_ident(arena, rows_text(rows, 1))));
        strings_add(arena, names, arena_printf(arena, "table %s", rows_text(rows, 1)));
    }
    for (size_t i = 0; i < trial->captures.count; i++) {
        const char *file = sql_literal(arena, trial->captures.items[i].file);
        strings_add(arena, &from, arena_printf(arena, "read_parquet(%s)", file));
        strings_add(arena, names,
                    arena_printf(arena, "export %s", trial->captures.items[i].destination));
    }
    for (size_t i = 0; i < from.count; i++) {
        const char *hash = NULL;
        const char *sql = arena_printf(arena,
                                       "SELECT count(*) || ' rows ' ||"
                                       " coalesce(sum(hash(t)::HUGEINT), 0) FROM %s t",
                                       from.items[i]);
        if (!duck_text(duck, arena, sql, &hash, err)) return false;
        strings_add(arena, hashes, hash);
    }
    return true;
}

static bool open_result(const Trial *trial, Duck **duck, Error *err) {
    return duck_open(&(DuckConfig){.path = trial->database, .read_only = true}, duck, err);
}

static bool look(Trial *trial, Strings *names, Strings *hashes, Error *err) {
    AUTO_DUCK duck = NULL;
    return open_result(trial, &duck, err) && fingerprints(trial, duck, names, hashes, err);
}

static bool run_twice(Trial *trial) {
    Strings names = {0}, before = {0}, later_names = {0}, after = {0};
    Error err = {0};
    if (!look(trial, &names, &before, &err)) return note_error(trial, "first run", &err);
    run_once(trial);
    if (trial->failure.code != ERR_NONE) return note_error(trial, "second run", &trial->failure);
    if (!look(trial, &later_names, &after, &err)) return note_error(trial, "second run", &err);
    const char *first = strings_join(trial->context->arena, &names, ", ");
    const char *second = strings_join(trial->context->arena, &later_names, ", ");
    if (!str_eq(first, second))
        buf_printf(&trial->diff, "a second run changed what is there: %s, then %s\n", first,
                   second);
    else
        for (size_t i = 0; i < before.count; i++)
            if (!str_eq(before.items[i], after.items[i]))
                buf_printf(&trial->diff, "a second run changed %s: %.*s, then %.*s\n",
                           names.items[i], (int)strcspn(before.items[i], " ") + 5, before.items[i],
                           (int)strcspn(after.items[i], " ") + 5, after.items[i]);
    return trial->diff.size == 0;
}

/* -- one test ---------------------------------------------------------------------------- */

/* The pipeline's own error, with its place: the test's file is not where it has to be mended. */
static void tell_failure(Trial *trial) {
    const Error *err = &trial->failure;
    Buf *diff = &trial->diff;
    Position at = span_position(err->span);
    buf_printf(diff, "%s: %s\n", diag_code(diff->arena, err->code), err->message);
    if (err->span.source != NULL)
        buf_printf(diff, "  --> %s:%u:%u\n", err->span.source->name, at.line, at.column);
    if (*err->hint != '\0') buf_printf(diff, "  = hint: %s\n", err->hint);
}

static void judge(Trial *trial) {
    Error err = {0};
    if (trial->test->error != NULL) {
        error_as_expected(trial);
        return;
    }
    if (trial->failure.code != ERR_NONE) {
        tell_failure(trial);
        return;
    }
    AUTO_DUCK duck = NULL;
    if (!open_result(trial, &duck, &err)) {
        note_error(trial, "the run's database", &err);
        return;
    }
    compare_tables(trial, duck);
    compare_exports(trial, duck);
    duck_close(duck);
    duck = NULL;
    if (trial->diff.size == 0 && flag_on(trial->context->cli, "twice")) run_twice(trial);
}

static void run_trial(Trial *trial) {
    Arena *arena = trial->context->arena;
    trial->database = fs_join(arena, trial->session.stage_dir, "test.duckdb");
    trial->project = trial->context->project;
    trial->project.profile.engine = (EngineConfig){
        .persistent = true,
        .path = trial->database,
        .temp_directory = fs_join(arena, trial->session.stage_dir, "tmp"),
        .allow_indexes = true,
    };
    if (load(trial) && plan(trial))
        run_once(trial);
    else if (!first_error(trial->context, &trial->failure))
        error_set(&trial->failure, ERR_INTERNAL, SPAN_NONE, "the pipeline could not be loaded");
    judge(trial);
}

TestOutcome test_run(Context *context, const TestCase *test) {
    Trial trial = {.context = context, .test = test, .diff = buf_on(context->arena)};
    double start = clock_steady();
    if (session_open(context, &trial.session)) {
        run_trial(&trial);
        loaded_cleanup(&trial.loaded);
        session_close(&trial.session);
    } else {
        buf_puts(&trial.diff, "no scratch folder could be made\n");
    }
    bool misnamed = trial.failure.code == ERR_TEST_FILE;
    return (TestOutcome){.test = test,
                         .passed = trial.diff.size == 0,
                         .seconds = clock_steady() - start,
                         .diff = buf_text(&trial.diff),
                         .code = misnamed ? ERR_TEST_FILE : ERR_TEST_FAILED};
}
