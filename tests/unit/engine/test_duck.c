/* engine/duck: opening, statements, errors, rows of every type. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the four above first. */
#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "engine/duck_helpers.h"

static Arena *arena;
static const char *dir;

static int set_up(void **state) {
    (void)state;
    arena = arena_new();
    char path[] = "/tmp/sqlflow-duck-XXXXXX";
    dir = arena_strdup(arena, mkdtemp(path));
    return dir == NULL;
}

static int tear_down(void **state) {
    (void)state;
    Error err = {0};
    fs_remove_tree(dir, &err);
    arena_free(arena);
    return 0;
}

static const char *text_of(Duck *duck, const char *sql) { return text_in(arena, duck, sql); }

static void settings_are_safe(void **state) {
    (void)state;
    static const struct {
        const char *name, *value;
    } cases[] = {
        {"memory_limit", "95.3 MiB"},
        {"threads", "2"},
        {"TimeZone", "UTC"},
        {"autoinstall_known_extensions", "false"},
        {"errors_as_json", "true"},
        {"autoload_known_extensions", "false"},
        {"allow_community_extensions", "false"},
        {"allow_persistent_secrets", "false"},
        {"enable_progress_bar", "true"},
        {"enable_progress_bar_print", "false"},
        {"max_temp_directory_size", "1.0 MiB"},
    };
    AUTO_DUCK duck = open_with((DuckConfig){.memory_limit = "100MB",
                                            .threads = 2,
                                            .temp_directory = fs_join(arena, dir, "t"),
                                            .max_temp_directory_size = "1MiB"});
    Error err = {0};
    assert_string_equal(text_of(duck, "SELECT current_setting('enable_progress_bar')::VARCHAR"),
                        "false");
    assert_true(duck_count_progress(duck, &err));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *sql =
            arena_printf(arena, "SELECT current_setting('%s')::VARCHAR", cases[i].name);
        assert_string_equal(text_of(duck, sql), cases[i].value);
    }
    assert_string_equal(duck_library_version(), "v1.5.5");
}

static void bad_setting_is_an_error(void **state) {
    (void)state;
    Duck *duck = NULL;
    Error err = {0};
    assert_false(duck_open(&(DuckConfig){.memory_limit = "lots"}, &duck, &err));
    assert_null(duck);
    assert_int_equal(err.code, ERR_PROFILE);
    assert_non_null(strstr(err.message, "lots"));
}

static void stale_spill_folders_are_removed(void **state) {
    (void)state;
    const char *temp = fs_join(arena, dir, "tmp");
    Error err = {0};
    {
        AUTO_DUCK first = open_with((DuckConfig){.temp_directory = temp});
        exec_ok(first, "SELECT 1");
    }
    assert_true(fs_mkdirs(fs_join(arena, temp, "spill-dead00"), 0700, &err));
    {
        AUTO_DUCK one = open_with((DuckConfig){.temp_directory = temp});
        AUTO_DUCK two = open_with((DuckConfig){.temp_directory = temp});
        Strings names = {0};
        assert_true(fs_list(arena, temp, &names, &err));
        assert_int_equal(names.count, 2); /* the dead one is gone, both live ones are there */
        struct stat info;
        assert_int_equal(stat(temp, &info), 0);
        assert_int_equal(info.st_mode & 0777, 0700);
        exec_ok(one, "SELECT 1");
        exec_ok(two, "SELECT 1");
    }
    Strings names = {0};
    assert_true(fs_list(arena, temp, &names, &err));
    assert_int_equal(names.count, 0);
}

static void new_files_are_private(void **state) {
    (void)state;
    mode_t before = umask(022);
    const char *path = fs_join(arena, dir, "new folder/it's.duckdb");
    {
        AUTO_DUCK duck = open_with((DuckConfig){.path = path});
        exec_ok(duck, "CREATE TABLE t AS SELECT 42 AS a");
        assert_int_equal(duck_file_mode(duck), 0644);
        struct stat info;
        assert_int_equal(stat(path, &info), 0);
        assert_int_equal(info.st_mode & 0777, 0600);
        assert_int_equal(stat(arena_printf(arena, "%s.wal", path), &info), 0);
        assert_int_equal(info.st_mode & 0777, 0600);
    }
    assert_int_equal(umask(before), 022);
    AUTO_DUCK again = open_with((DuckConfig){.path = path, .read_only = true});
    assert_string_equal(text_of(again, "SELECT a FROM t"), "42");
    assert_string_equal(text_of(again, "SELECT current_database()"), "db");
}

static void expect_open(const char *path, bool read_only, ErrorCode code, const char *text) {
    Duck *duck = NULL;
    Error err = {0};
    assert_false(duck_open(&(DuckConfig){.path = path, .read_only = read_only}, &duck, &err));
    assert_int_equal(err.code, code);
    if (strstr(err.message, text) == NULL) fail_msg("'%s' lacks '%s'", err.message, text);
    if (strstr(err.message, path) == NULL) fail_msg("'%s' lacks the path", err.message);
}

static void unusable_databases(void **state) {
    (void)state;
    Error err = {0};
    const char *text = fs_join(arena, dir, "text.duckdb");
    assert_true(fs_write_atomic(text, "this is no database at all", 26, 0600, &err));
    expect_open(text, false, ERR_DATABASE, "not a valid DuckDB");
    expect_open(fs_join(arena, dir, "none.duckdb"), true, ERR_DATABASE, "no database");
    expect_open(dir, false, ERR_DATABASE, "folder");
}

static void newer_storage_is_refused(void **state) {
    (void)state;
    Error err = {0};
    const char *path = fs_join(arena, dir, "newer.duckdb");
    {
        AUTO_DUCK duck = open_with((DuckConfig){.path = path});
        exec_ok(duck, "CHECKPOINT");
    }
    size_t size = 0;
    char *data = fs_read(arena, path, &size, &err);
    assert_non_null(data);
    data[12] = 99; /* the storage version behind the magic bytes */
    assert_true(fs_write_atomic(path, data, size, 0600, &err));
    expect_open(path, false, ERR_DATABASE, "");
}

static void a_foreign_wal_is_refused(void **state) {
    (void)state;
    const char *one = fs_join(arena, dir, "one.duckdb"), *two = fs_join(arena, dir, "two.duckdb");
    {
        AUTO_DUCK duck = open_with((DuckConfig){.path = one});
        exec_ok(duck, "CHECKPOINT");
    }
    pid_t child = fork();
    if (child == 0) { /* leaves a WAL behind, as a killed process does */
        Duck *duck = open_with((DuckConfig){.path = two});
        exec_ok(duck, "CREATE TABLE t AS SELECT 1 AS a");
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    Error err = {0};
    const char *from = arena_printf(arena, "%s.wal", two), *to = arena_printf(arena, "%s.wal", one);
    assert_true(fs_rename(from, to, &err));
    expect_open(one, false, ERR_DATABASE, "WAL");
}

static void another_process_holds_the_file(void **state) {
    (void)state;
    const char *path = fs_join(arena, dir, "busy.duckdb");
    {
        AUTO_DUCK duck = open_with((DuckConfig){.path = path});
        exec_ok(duck, "CHECKPOINT");
    }
    int ready[2], done[2];
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(done), 0);
    pid_t child = fork();
    char byte = 'x';
    if (child == 0) {
        Duck *duck = open_with((DuckConfig){.path = path});
        if (write(ready[1], &byte, 1) != 1 || read(done[0], &byte, 1) != 1) _exit(1);
        duck_close(duck);
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    expect_open(path, false, ERR_LOCKED, arena_printf(arena, "PID %d", (int)child));
    assert_int_equal(write(done[1], &byte, 1), 1);
    int status = 1;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
}

static void errors_have_code_text_and_offset(void **state) {
    (void)state;
    static const struct {
        const char *sql;
        ErrorCode code;
        const char *message;
        int64_t offset;
    } cases[] = {
        {"SELECT foo FROM range(3)", ERR_QUERY, "Referenced column \"foo\" not found", 7},
        {"SELECT 'ü', foo FROM range(3)", ERR_QUERY, "Referenced column \"foo\"", 13},
        {"SELEC 1", ERR_QUERY_SYNTAX, "syntax error at or near \"SELEC\"", 0},
        {"SELECT 1; SELECT 2; SELEC 1", ERR_QUERY_SYNTAX, "syntax error", 20},
        {"SELECT 'üüü'; SELECT 1 FROM FROM", ERR_QUERY_SYNTAX, "near \"FROM\"", 31},
        {"SELECT 1; SELECT 22; SELECT foo", ERR_QUERY, "foo", 28},
        {"SELECT * FROM nix", ERR_QUERY, "Table with name nix does not exist!", 14},
        {"SELECT 1; SELECT 'abc'::INT", ERR_CAST, "Could not convert string 'abc'", 22},
        {"SELECT x::VARCHAR::INT FROM (VALUES ('a')) t(x)", ERR_CAST, "'a'", 17},
        {"SELECT * FROM read_csv('/nix.csv')", ERR_FILE_MISSING, "/nix.csv", 14},
        {"SELECT error('boo')", ERR_STEP, "boo", -1},
        {"COPY (SELECT 1) TO '/dev/full' (FORMAT csv)", ERR_DISK, "No space left", -1},
    };
    AUTO_DUCK duck = open_with((DuckConfig){0});
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Error err = {0};
        assert_false(duck_exec(duck, cases[i].sql, NULL, &err));
        if (err.code != cases[i].code || strstr(err.message, cases[i].message) == NULL ||
            duck_error_offset(duck) != cases[i].offset)
            fail_msg("%s: %d '%s' at %lld", cases[i].sql, (int)err.code, err.message,
                     (long long)duck_error_offset(duck));
        assert_null(strstr(err.message, "LINE 1"));
        assert_null(strstr(err.message, "exception_type"));
        /* … and the same for queries. */
        AUTO_ROWS rows = NULL;
        Error again = {0};
        if (duck_query(duck, cases[i].sql, &rows, &again))
            while (rows_next(rows, &again)) continue;
        assert_int_equal(again.code, cases[i].code);
    }
    exec_ok(duck, "SELECT 1");
    assert_int_equal(duck_error_offset(duck), -1);
}

static void exec_counts_changes(void **state) {
    (void)state;
    static const struct {
        const char *sql;
        int64_t changed;
    } cases[] = {
        {"CREATE TABLE t (a INT, b TEXT)", 0},
        {"INSERT INTO t SELECT x, 'v' FROM range(5) t(x)", 5},
        {"UPDATE t SET b = 'w' WHERE a < 2", 2},
        {"DELETE FROM t WHERE a = 4; DELETE FROM t WHERE a > 1", 2},
        {"CREATE TABLE u AS FROM range(7)", 7},
        {"MERGE INTO t USING (VALUES (1)) s(a) USING (a) WHEN MATCHED THEN DELETE", 1},
        {"SELECT * FROM range(1000000)", 0},
        {"", 0},
        {" -- nothing\n ;", 0},
        {"PRAGMA database_list", 0},
        {"BEGIN; COMMIT", 0},
    };
    AUTO_DUCK duck = open_with((DuckConfig){0});
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t changed = -1;
        Error err = {0};
        if (!duck_exec(duck, cases[i].sql, &changed, &err))
            fail_msg("%s: %s", cases[i].sql, err.message);
        if (changed != cases[i].changed) fail_msg("%s: %lld", cases[i].sql, (long long)changed);
    }
}

static void pivot_and_friends_describe(void **state) {
    (void)state;
    AUTO_DUCK duck = open_with((DuckConfig){0});
    exec_ok(duck,
            "CREATE SCHEMA s; CREATE TABLE s.t AS SELECT 'x' AS k, 1 AS v UNION ALL SELECT 'y', 2");
    exec_ok(duck, "CREATE TEMP TABLE tt AS SELECT 1 AS a; CREATE VIEW w AS SELECT 2::HUGEINT AS b");
    Columns columns;
    Error err = {0};
    assert_true(duck_describe(duck, arena, "PIVOT s.t ON k USING sum(v)", &columns, &err));
    assert_int_equal(columns.count, 2);
    assert_non_null(columns_find(&columns, "X"));
    assert_null(columns_find(&columns, "z"));
    assert_true(duck_table_columns(duck, arena, "s", "t", &columns, &err));
    assert_int_equal(columns.count, 2);
    assert_true(duck_table_columns(duck, arena, NULL, "tt", &columns, &err));
    assert_int_equal(columns.count, 1);
    assert_true(duck_table_columns(duck, arena, NULL, "w", &columns, &err));
    assert_string_equal(columns.items[0].type, "HUGEINT");
    assert_true(duck_table_columns(duck, arena, NULL, "nix", &columns, &err));
    assert_int_equal(columns.count, 0);
    assert_true(duck_table_columns(duck, arena, "nix", "t", &columns, &err));
    assert_int_equal(columns.count, 0);
}

static void text_and_int(void **state) {
    (void)state;
    AUTO_DUCK duck = open_with((DuckConfig){.bare = true});
    Error err = {0};
    int64_t number = 7;
    const char *text = "x";
    assert_true(duck_int(duck, "SELECT NULL::INT", &number, &err));
    assert_int_equal(number, 0);
    assert_true(duck_int(duck, "SELECT sum(i) FROM range(10) t(i)", &number, &err)); /* HUGEINT */
    assert_int_equal(number, 45);
    assert_true(duck_text(duck, arena, "SELECT 1 WHERE false", &text, &err));
    assert_null(text);
    assert_false(duck_int(duck, "SELECT nix", &number, &err));
    assert_int_equal(err.code, ERR_QUERY);
    assert_false(duck_text(duck, arena, "", &text, &err));
}

static void *interrupt_soon(void *context) {
    Duck *duck = context;
    double progress = -2;
    for (int i = 0; i < 30; i++) {
        usleep(10000);
        progress = duck_progress(duck);
    }
    duck_interrupt(duck);
    return progress < -1 ? duck : NULL;
}

static void interrupts(void **state) {
    (void)state;
    AUTO_DUCK duck = open_with((DuckConfig){.threads = 2});
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, interrupt_soon, duck), 0);
    Error err = {0};
    bool ok = duck_exec(duck,
                        "CREATE TABLE t AS SELECT count(*) AS c FROM range(10000000) a(x), "
                        "range(10000000) b(y) WHERE x * y % 7 = 1",
                        NULL, &err);
    void *failed = NULL;
    pthread_join(thread, &failed);
    assert_null(failed);
    assert_false(ok);
    assert_int_equal(err.code, ERR_INTERRUPTED);
    exec_ok(duck, "SELECT 1");
}

static void memory_limit_is_reported(void **state) {
    (void)state;
    AUTO_DUCK duck = open_with((DuckConfig){.memory_limit = "30MB",
                                            .temp_directory = fs_join(arena, dir, "t"),
                                            .max_temp_directory_size = "1MB"});
    Error err = {0};
    assert_false(duck_exec(duck, "SELECT list(i::VARCHAR || 'some text') FROM range(20000000) t(i)",
                           NULL, &err));
    assert_int_equal(err.code, ERR_MEMORY);
}

static void extensions_load_by_path(void **state) {
    (void)state;
    AUTO_DUCK duck = open_with((DuckConfig){0});
    Error err = {0};
    assert_false(duck_load_extension(duck, "nix", &err));
    assert_int_equal(err.code, ERR_LIBRARY);
    assert_non_null(duck_library_path(arena, "extensions/httpfs.duckdb_extension"));
    if (!duck_load_extension(duck, "httpfs", &err)) fail_msg("%s", err.message);
    assert_string_equal(text_of(duck, "SELECT loaded FROM duckdb_extensions() "
                                      "WHERE extension_name = 'httpfs'"),
                        "true");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_are_safe),
        cmocka_unit_test(bad_setting_is_an_error),
        cmocka_unit_test(stale_spill_folders_are_removed),
        cmocka_unit_test(new_files_are_private),
        cmocka_unit_test(unusable_databases),
        cmocka_unit_test(newer_storage_is_refused),
        cmocka_unit_test(a_foreign_wal_is_refused),
        cmocka_unit_test(another_process_holds_the_file),
        cmocka_unit_test(errors_have_code_text_and_offset),
        cmocka_unit_test(exec_counts_changes),
        cmocka_unit_test(pivot_and_friends_describe),
        cmocka_unit_test(text_and_int),
        cmocka_unit_test(interrupts),
        cmocka_unit_test(memory_limit_is_reported),
        cmocka_unit_test(extensions_load_by_path),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
