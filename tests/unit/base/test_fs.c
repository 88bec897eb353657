/* Tests of base/fs: paths, atomic writes, globs, and errors that name path and reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/folder.h"
#include "base/fs.h"

static void touch(const char *path) {
    Error err;
    assert_true(fs_write_atomic(path, "x", 1, 0644, &err));
}

static void paths(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    assert_string_equal(fs_join(arena, "a", "b"), "a/b");
    assert_string_equal(fs_join(arena, "a/", "b"), "a/b");
    assert_string_equal(fs_join(arena, ".", "b"), "b");
    assert_string_equal(fs_join(arena, "a", "/b"), "/b");
    assert_string_equal(fs_dirname(arena, "a/b/c"), "a/b");
    assert_string_equal(fs_dirname(arena, "c"), ".");
    assert_string_equal(fs_dirname(arena, "/c"), "/");
    assert_string_equal(fs_dirname(arena, "a//c"), "a");
    assert_string_equal(fs_basename("a/b.csv"), "b.csv");
    assert_string_equal(fs_extension(arena, "x.CSV.gz"), "csv");
    assert_string_equal(fs_extension(arena, "dir.d/x.parquet"), "parquet");
    assert_string_equal(fs_extension(arena, "x.jsonl.zst"), "jsonl");
    assert_string_equal(fs_extension(arena, "dir.d/x"), "");
    assert_string_equal(fs_extension(arena, ".csv"), "");
    assert_string_equal(fs_absolute(arena, "/a/./b/../c//d/"), "/a/c/d");
    assert_string_equal(fs_absolute(arena, "/../.."), "/");
    assert_string_equal(fs_absolute(arena, "x"), arena_printf(arena, "%s/x", folder_path()));
}

static void atomic_write(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Error err;
    size_t size = 0;
    assert_true(fs_write_atomic("deep/er/file", "a\0b", 3, 0600, &err));
    const char *text = fs_read(arena, "deep/er/file", &size, &err);
    assert_int_equal(size, 3);
    assert_memory_equal(text, "a\0b", 4);
    struct stat info;
    assert_int_equal(stat("deep/er/file", &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_true(fs_write_atomic("deep/er/file", "new", 3, 0600, &err));
    assert_string_equal(fs_read(arena, "deep/er/file", NULL, &err), "new");
    Strings names;
    assert_true(fs_list(arena, "deep/er", &names, &err));
    assert_int_equal(names.count, 1);
    int64_t bytes = 0, mtime = 0;
    assert_true(fs_stat("deep/er/file", &bytes, &mtime));
    assert_int_equal(bytes, 3);
    assert_true(mtime > 1700000000000000);
    assert_false(fs_stat("deep/er/none", &bytes, &mtime));
}

static void failed_write_leaves_nothing(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Error err;
    assert_true(fs_mkdirs("taken/inner", 0755, &err));
    assert_false(fs_write_atomic("taken", "x", 1, 0644, &err));
    assert_non_null(strstr(err.message, "taken"));
    Strings names;
    assert_true(fs_list(arena, ".", &names, &err));
    assert_int_equal(names.count, 1);
}

static void errors(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Error err;
    assert_null(fs_read(arena, "none.txt", NULL, &err));
    assert_int_equal(err.code, ERR_FILE_MISSING);
    assert_string_equal(err.message, "cannot read none.txt: No such file or directory");
    assert_null(fs_read(arena, ".", NULL, &err));
    assert_non_null(strstr(err.message, "Is a directory"));
    assert_false(fs_write_atomic("/dev/full/x", "x", 1, 0644, &err));
    touch("plain");
    assert_false(fs_mkdirs("plain", 0755, &err));
    assert_non_null(strstr(err.message, "Not a directory"));
    assert_false(fs_rename("none", "some", &err));
    assert_non_null(strstr(err.message, "none to some"));
    Strings names;
    assert_false(fs_list(arena, "none", &names, &err));
    assert_true(fs_remove_tree("none", &err));
}

static void big_and_odd_files(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Error err;
    size_t size = 0;
    assert_non_null(fs_read(arena, "/proc/self/status", &size, &err));
    assert_true(size > 100);
    char *data = arena_alloc(arena, 100000);
    memset(data, 'y', 100000);
    assert_true(fs_write_atomic("big", data, 100000, 0644, &err));
    const char *back = fs_read(arena, "big", &size, &err);
    assert_int_equal(size, 100000);
    assert_memory_equal(back, data, 100000);
}

static void globs(void **state) {
    (void)state;
    static const char *const files[] = {"d/a.csv",   "d/b.csv",     "d/c.txt", "d/.hidden.csv",
                                        "d/e/f.csv", "d/e/g/h.csv", "z.csv"};
    static const struct {
        const char *pattern, *found;
    } cases[] = {
        {"d/*.csv", "d/a.csv d/b.csv"},
        {"d/?.txt", "d/c.txt"},
        {"d/[ab].csv", "d/a.csv d/b.csv"},
        {"**/*.csv", "d/a.csv d/b.csv d/e/f.csv d/e/g/h.csv z.csv"},
        {"d/**", "d/a.csv d/b.csv d/c.txt d/e/f.csv d/e/g/h.csv"},
        {"**/**/h.csv", "d/e/g/h.csv"},
        {"d/e", ""},
        {"*/e/*.csv", "d/e/f.csv"},
        {"z.csv", "z.csv"},
        {"none/*.csv", ""},
        {"z.csv/*", ""},
        {"", ""},
    };
    AUTO_ARENA arena = arena_new();
    Error err;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) touch(files[i]);
    assert_int_equal(symlink("..", "d/e/loop"), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Strings found;
        assert_true(fs_glob(arena, cases[i].pattern, &found, &err));
        assert_string_equal(strings_join(arena, &found, " "), cases[i].found);
    }
    Strings found;
    assert_true(fs_glob(arena, arena_printf(arena, "%s/d/*.txt", folder_path()), &found, &err));
    assert_int_equal(found.count, 1);
    assert_string_equal(found.items[0], arena_printf(arena, "%s/d/c.txt", folder_path()));
    assert_true(fs_has_glob("a[b]"));
    assert_false(fs_has_glob("a-b"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(paths, folder_enter, folder_leave),
        cmocka_unit_test_setup_teardown(atomic_write, folder_enter, folder_leave),
        cmocka_unit_test_setup_teardown(failed_write_leaves_nothing, folder_enter, folder_leave),
        cmocka_unit_test_setup_teardown(errors, folder_enter, folder_leave),
        cmocka_unit_test_setup_teardown(big_and_odd_files, folder_enter, folder_leave),
        cmocka_unit_test_setup_teardown(globs, folder_enter, folder_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
