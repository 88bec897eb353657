/* The fixture of the tests of Python functions. */
#include "udf/udf_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"

const char *fixture_venv(Arena *arena) {
    const char *given = getenv("SQLFLOW_TEST_VENV");
    const char *venv = fs_absolute(arena, given ? given : "third_party/venv");
    const char *pandas = arena_printf(arena, "%s/lib/python3.11/site-packages/pandas", venv);
    const char *pyarrow = arena_printf(arena, "%s/lib/python3.11/site-packages/pyarrow", venv);
    return fs_is_dir(pandas) && fs_is_dir(pyarrow) ? venv : NULL;
}

/* A session registers its functions for good, so each gets a database of its own. */
static void open_duck(Fixture *fixture) {
    DuckConfig config = {.threads = 2};
    Error err;
    duck_close(fixture->duck);
    assert_true(duck_open(&config, &fixture->duck, &err));
}

/* Test programs lie deep in the build folder: a folder with links to both libraries. */
static void link_libraries(Fixture *fixture) {
    Error err;
    const char *given = getenv("SQLFLOW_BUILD");
    const char *build = fs_absolute(fixture->arena, given ? given : "build/release");
    const char *lib = fs_join(fixture->arena, fixture->root, "lib");
    const char *duckdb = duck_library_path(fixture->arena, "libduckdb.so");
    const char *module = fs_join(fixture->arena, build, "sqlflow-python.so");
    assert_true(fs_mkdirs(lib, 0700, &err));
    if (!duckdb) duckdb = fs_absolute(fixture->arena, "third_party/duckdb/lib/libduckdb.so");
    duckdb = fs_absolute(fixture->arena, duckdb);
    assert_int_equal(symlink(duckdb, fs_join(fixture->arena, lib, "libduckdb.so")), 0);
    assert_int_equal(symlink(module, fs_join(fixture->arena, lib, "sqlflow-python.so")), 0);
    setenv("SQLFLOW_LIB_DIR", lib, 1);
}

void fixture_open(Fixture *fixture, const char *const *files) {
    static char folder[64];
    Error err;
    *fixture = (Fixture){.arena = arena_new()};
    const char *venv = fixture_venv(fixture->arena);
    snprintf(folder, sizeof folder, "/tmp/sqlflow-udf-XXXXXX");
    assert_non_null(mkdtemp(folder));
    fixture->root = folder;
    link_libraries(fixture);
    for (size_t i = 0; files[i]; i += 2) {
        const char *path = arena_printf(fixture->arena, "%s/python_udfs/%s", folder, files[i]);
        assert_true(fs_write_atomic(path, files[i + 1], strlen(files[i + 1]), 0600, &err));
    }
    assert_int_equal(chdir(folder), 0);
    fixture->config = (UdfConfig){.root = folder, .dir = "python_udfs", .venv = venv};
    fixture->udfs = udfs_new(fixture->arena, &fixture->config);
    open_duck(fixture);
}

void fixture_close(Fixture *fixture) {
    Error err;
    duck_close(fixture->duck);
    udf_shutdown();
    assert_int_equal(chdir("/"), 0);
    fs_remove_tree(fixture->root, &err);
    arena_free(fixture->arena);
}

static const char *issue_of(Fixture *fixture, const UdfRewrite *rewrite) {
    for (size_t i = 0; i < rewrite->issues.count; i++)
        if (rewrite->issues.items[i].severity == SEVERITY_ERROR) {
            fixture->err = rewrite->issues.items[i].error;
            return arena_printf(fixture->arena, "issue: %s", fixture->err.message);
        }
    return NULL;
}

const char *fixture_rewrite(Fixture *fixture, const char *sql) {
    UdfRewrite rewrite;
    udf_rewrite(fixture->udfs, fixture->duck, sql, &rewrite);
    const char *issue = issue_of(fixture, &rewrite);
    return issue ? issue : rewrite.sql;
}

static const char *rows_of(Fixture *fixture, const char *sql) {
    AUTO_ROWS rows = NULL;
    Buf out = buf_on(fixture->arena);
    fixture->err.code = ERR_NONE;
    fixture->running_since = clock_steady();
    fixture->running = 1;
    bool ok = udf_prepare(fixture->session, sql, NULL, &fixture->err) &&
              duck_query(fixture->duck, sql, &rows, &fixture->err);
    while (ok && rows_next(rows, &fixture->err)) {
        if (out.size) buf_putc(&out, '\n');
        for (size_t i = 0; i < rows_columns(rows); i++) {
            const char *text = rows_text(rows, i);
            buf_printf(&out, "%s%s", i ? "|" : "", text ? text : "NULL");
        }
    }
    if (fixture->err.code == ERR_NONE) return buf_text(&out);
    udf_session_error(fixture->session, &fixture->err);
    return arena_printf(fixture->arena, "error: %s", fixture->err.message);
}

static bool open_session(Fixture *fixture, bool validate) {
    UdfSessionConfig config = {.udfs = fixture->udfs, .stop = &fixture->stop, .validate = validate};
    fixture->diags = diags_on(fixture->arena);
    config.duck = fixture->duck;
    return udf_session_open(fixture->arena, &config, &fixture->session, &fixture->err) &&
           (config.validate || udf_session_setup(fixture->session, &fixture->err));
}

const char *fixture_run(Fixture *fixture, const char *sql) {
    open_duck(fixture);
    fixture->udfs = udfs_new(fixture->arena, &fixture->config);
    const char *rewritten = fixture_rewrite(fixture, sql);
    if (strncmp(rewritten, "issue: ", 7) == 0) return rewritten;
    if (!open_session(fixture, false))
        return arena_printf(fixture->arena, "error: %s", fixture->err.message);
    const char *result = rows_of(fixture, rewritten);
    udf_session_close(fixture->session, &fixture->diags);
    fixture->session = NULL;
    return result;
}

const char *fixture_types(Fixture *fixture, const char *sql) {
    open_duck(fixture);
    fixture->udfs = udfs_new(fixture->arena, &fixture->config);
    const char *rewritten = fixture_rewrite(fixture, sql);
    if (strncmp(rewritten, "issue: ", 7) == 0) return rewritten;
    if (!open_session(fixture, true))
        return arena_printf(fixture->arena, "error: %s", fixture->err.message);
    Columns columns = {0};
    bool known;
    bool ok = udf_prepare(fixture->session, rewritten, &known, &fixture->err) &&
              duck_describe(fixture->duck, fixture->arena, rewritten, &columns, &fixture->err);
    udf_session_close(fixture->session, &fixture->diags);
    fixture->session = NULL;
    if (!ok) return arena_printf(fixture->arena, "error: %s", fixture->err.message);
    if (!known) return "unknown";
    Buf out = buf_on(fixture->arena);
    for (size_t i = 0; i < columns.count; i++)
        buf_printf(&out, "%s%s %s", i ? ", " : "", columns.items[i].name, columns.items[i].type);
    return buf_text(&out);
}
