/* connectors/files: staging, publishing once, unstaging; the bytes of every format. */
#include "connectors/file_helpers.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"

typedef struct Export {
    const Connector *connector;
    Link link;
    WriteSpec spec;
    Staged staged;
} Export;

static Export export_new(const char *path, const char *type, const char *options) {
    Export export = {.link = link_of(type, USE_WRITE, options),
                     .spec = {.export_id = "r1-2", .destination = path, .rows = -1}};
    export.connector = export.link.connector;
    return export;
}

static void stage(Export *export, const char *query) {
    Error err = {0};
    if (!export->connector->stage(&world.session, &export->link, &export->spec, query,
                                  &export->staged, &err))
        fail_msg("stage %s: %s", export->spec.destination, err.message);
}

static Receipt publish(Export *export) {
    Error err = {0};
    Receipt receipt = {0};
    if (!export->connector->publish(&world.session, &export->link, &export->spec, &export->staged,
                                    &receipt, &err))
        fail_msg("publish %s: %s", export->spec.destination, err.message);
    return receipt;
}

static void unstage(Export *export) {
    Error err = {0};
    if (!export->connector->unstage(&world.session, &export->spec, &export->staged,
                                    &err))
        fail_msg("unstage %s: %s", export->spec.destination, err.message);
}

static size_t entries(const char *folder) {
    Strings names = {0};
    Error err = {0};
    return fs_list(world.arena, folder, &names, &err) ? names.count : 0;
}

static void bytes(void **state) {
    (void)state;
    static const char t[] = "SELECT * FROM (VALUES (1, 'x', true, DATE '2024-01-15'), "
                            "(2, NULL, false, NULL)) t(a, b, c, d)";
    static const struct {
        const char *path, *type, *options, *query, *text;
    } cases[] = {
        {"x.csv", "csv", "{}", t, "a,b,c,d\n1,x,true,2024-01-15\n2,,false,\n"},
        {"x.csv", "csv", "{\"header\": false}", t, "1,x,true,2024-01-15\n2,,false,\n"},
        {"x.csv", "csv", "{\"sep\": \"|\"}", t, "a|b|c|d\n1|x|true|2024-01-15\n2||false|\n"},
        {"x.tsv", "csv", "{}", "SELECT 1 AS a, 2 AS b;\n", "a\tb\n1\t2\n"},
        {"x.csv", "csv", "{\"null_value\": \"NA\"}", t,
         "a,b,c,d\n1,x,true,2024-01-15\n2,NA,false,NA\n"},
        {"x.csv", "csv", "{\"date_format\": \"%d.%m.%Y\"}", "SELECT DATE '2024-01-15' AS d",
         "d\n15.01.2024\n"},
        {"x.csv", "csv", "{\"timestamp_format\": \"%H:%M\"}",
         "SELECT TIMESTAMP '2024-01-15 10:30:00' AS ts", "ts\n10:30\n"},
        {"x.csv", "csv", "{}", "SELECT TIMESTAMP '2024-01-15 10:30:00' AS ts",
         "ts\n2024-01-15 10:30:00\n"},
        {"x.csv", "csv", "{}",
         "SELECT 'a,b' AS x, 'say \"hi\"' AS y, 'two\nlines' AS z, 'plain' AS w",
         "x,y,z,w\n\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\",plain\n"},
        {"x.csv", "csv", "{}", "SELECT '' AS e, NULL AS n", "e,n\n\"\",\n"},
        {"x.csv", "csv", "{}", "SELECT 1 AS a WHERE false", "a\n"},
        {"x.csv", "csv", "{}", "SELECT 0.1::DOUBLE + 0.2::DOUBLE AS x", "x\n0.30000000000000004\n"},
        {"x.csv", "csv", "{\"quote\": \"'\"}", "SELECT 'a,b' AS x", "x\n'a,b'\n"},
        {"out/a/b c/größe.csv", "csv", "{}", "VALUES (1), (2)", "col0\n1\n2\n"},
        {"x.json", "json", "{}", "SELECT 1 AS a", "[\n\t{\"a\":1}\n]\n"},
        {"x.jsonl", "json", "{}", "VALUES (1), (2)", "{\"col0\":1}\n{\"col0\":2}\n"},
        {"x.ndjson", "json", "{\"array\": true}", "SELECT 1 AS a", "[\n\t{\"a\":1}\n]\n"},
        {"x.json", "json", "{}", "SELECT 1 AS a WHERE false", "[\n\t\n]\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Export export = export_new(cases[i].path, cases[i].type, cases[i].options);
        stage(&export, cases[i].query);
        publish(&export);
        const char *text = file_read(cases[i].path);
        if (!str_eq(text, cases[i].text))
            fail_msg("case %zu:\n%s\nnot\n%s", i, text, cases[i].text);
    }
}

static void compressed_and_parquet(void **state) {
    (void)state;
    static const struct {
        const char *path, *type, *options, *reader, *magic;
    } cases[] = {
        {"y.csv.gz", "csv", "{}", "read_csv('y.csv.gz')", "\x1f\x8b"},
        {"y.csv.zst", "csv", "{}", "read_csv('y.csv.zst')", "\x28\xb5"},
        {"y.dat", "csv", "{\"compression\": \"gzip\"}", "read_csv('y.dat', compression = 'gzip')",
         "\x1f\x8b"},
        {"y.jsonl.gz", "json", "{}", "read_json('y.jsonl.gz')", "\x1f\x8b"},
        {"y.parquet", "parquet", "{}", "read_parquet('y.parquet')", "PA"},
        {"y.parquet", "parquet", "{\"compression\": \"snappy\", \"row_group_size\": 10000}",
         "read_parquet('y.parquet')", "PA"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Export export = export_new(cases[i].path, cases[i].type, cases[i].options);
        stage(&export, "SELECT x, 'v' || x AS v FROM range(3000) t(x) ORDER BY x DESC");
        assert_int_equal(export.staged.rows, 3000);
        Receipt receipt = publish(&export);
        assert_int_equal(receipt.rows, 3000);
        int64_t size = 0, mtime = 0;
        assert_true(fs_stat(cases[i].path, &size, &mtime));
        assert_int_equal(receipt.bytes, size);
        assert_memory_equal(file_read(cases[i].path), cases[i].magic, 2);
        assert_string_equal(rows_of(arena_printf(world.arena,
                                                 "SELECT count(*), first(x), last(v) FROM %s",
                                                 cases[i].reader)),
                            "3000|2999|v0");
    }
    assert_string_equal(rows_of("SELECT DISTINCT compression FROM parquet_metadata('y.parquet')"),
                        "SNAPPY");
    Export export = export_new("z.parquet", "parquet", "{}");
    stage(&export, "SELECT 1 AS a WHERE false");
    publish(&export);
    assert_string_equal(rows_of(
                            "SELECT name FROM parquet_schema('z.parquet') WHERE type = 'INT32'"),
                        "a");
}

static void nothing_is_seen_before(void **state) {
    (void)state;
    file_write("p/old.csv", "old\n");
    Export export = export_new("p/old.csv", "csv", "{}");
    assert_int_equal(chmod("p/old.csv", 0640), 0);
    stage(&export, "SELECT 1 AS a");
    assert_string_equal(file_read("p/old.csv"), "old\n");
    assert_int_equal(entries("p"), 2);
    publish(&export);
    assert_string_equal(file_read("p/old.csv"), "a\n1\n");
    assert_int_equal(entries("p"), 1);
    struct stat info;
    assert_int_equal(stat("p/old.csv", &info), 0);
    assert_int_equal(info.st_mode & 0777, 0640);
    /* Called again after a crash: done already, and nothing changes. */
    assert_true(publish(&export).already_done);
    assert_string_equal(file_read("p/old.csv"), "a\n1\n");
    unlink("p/old.csv");
    Error err = {0};
    Receipt receipt;
    assert_false(export.connector->publish(&world.session, &export.link, &export.spec,
                                           &export.staged, &receipt, &err));
    assert_int_equal(err.code, ERR_EXPORT);
}

static void unstaging_leaves_nothing(void **state) {
    (void)state;
    Export export = export_new("made/for/this/x.csv", "csv", "{}");
    stage(&export, "SELECT 1 AS a");
    assert_true(fs_is_dir("made/for/this"));
    unstage(&export);
    assert_false(fs_exists("made"));
    unstage(&export); /* missing pieces are fine */
    stage(&export, "SELECT 1 AS a");
    file_write("made/other.txt", "mine");
    unstage(&export);
    assert_true(fs_exists("made/other.txt"));
    assert_int_equal(entries("made"), 1);
    /* Published folders keep no trace. */
    stage(&export, "SELECT 1 AS a");
    publish(&export);
    assert_int_equal(entries("made/for"), 1);
    assert_int_equal(entries("made/for/this"), 1);
}

static void failed_copies_leave_nothing(void **state) {
    (void)state;
    Export export = export_new("gone/x.csv", "csv", "{}");
    Error err = {0};
    assert_false(export.connector->stage(&world.session, &export.link, &export.spec,
                                         "SELECT CASE WHEN i > 9999 THEN error('late') ELSE i END "
                                         "FROM range(20000) t(i)",
                                         &export.staged, &err));
    assert_non_null(strstr(err.message, "late"));
    assert_false(fs_exists("gone"));
    /* Another process knows only the id and the destination. */
    Export other = export_new("gone/x.csv", "csv", "{}");
    stage(&export, "SELECT 1");
    unstage(&other);
    assert_false(fs_exists("gone"));
}

static void folders(void **state) {
    (void)state;
    Export export = export_new("parts", "csv", "{\"partition_by\": [\"p\"]}");
    static const char query[] = "SELECT x, x %% 3 AS p FROM range(%d) t(x)";
    stage(&export, arena_printf(world.arena, query, 9));
    assert_int_equal(export.staged.rows, 9);
    assert_false(fs_exists("parts"));
    publish(&export);
    assert_string_equal(rows_of("SELECT count(*), sum(p) FROM read_csv('parts/**/*.csv')"), "9|9");
    assert_string_equal(read_all("csv", "{\"path\": \"parts\", \"columns\": [\"x\"], "
                                        "\"max_rows\": 1}"),
                        "0");
    assert_int_equal(entries("parts"), 3);
    assert_true(publish(&export).already_done);
    /* Replaced as a whole: the old partition 2 is gone. */
    export.spec.export_id = "r2-2";
    stage(&export, arena_printf(world.arena, query, 2));
    publish(&export);
    assert_int_equal(entries("parts"), 2);
    struct stat info;
    assert_int_equal(stat("parts/p=0", &info), 0);
    assert_int_equal(info.st_mode & 0777, 0755);
    /* Crashed between the swap and the clean-up. */
    export.spec.export_id = "r3-2";
    stage(&export, arena_printf(world.arena, query, 1));
    file_write("parts/.sqlflow-r3-2", "");
    assert_true(publish(&export).already_done);
    assert_int_equal(entries("parts"), 2);
    assert_false(fs_exists("parts/.sqlflow-r3-2"));
    Export threads = export_new("threads", "parquet", "{\"per_thread_output\": true}");
    stage(&threads, "SELECT * FROM range(1000) t(x)");
    publish(&threads);
    assert_string_equal(rows_of("SELECT count(*) FROM 'threads/*.parquet'"), "1000");
    Export none = export_new("no parts", "parquet", "{\"partition_by\": \"p\"}");
    stage(&none, "SELECT 1 AS p, 2 AS x WHERE false");
    publish(&none);
    assert_true(fs_is_dir("no parts"));
}

static void refused_destinations(void **state) {
    (void)state;
    file_write("mine/thesis.txt", "years of work");
    file_write("plain.csv", "x\n");
    static const struct {
        const char *path, *options, *message;
    } cases[] = {
        {"mine", "{\"partition_by\": \"a\"}", "thesis.txt"},
        {"mine", "{}", "is a folder"},
        {"plain.csv", "{\"partition_by\": \"a\"}", "is a file"},
        {"plain.csv/x.csv", "{}", "plain.csv"},
        {"/dev/null", "{}", "no regular file"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Export export = export_new(cases[i].path, "csv", cases[i].options);
        Error err = {0};
        assert_false(export.connector->stage(&world.session, &export.link, &export.spec,
                                             "SELECT 1 AS a, 2 AS b", &export.staged, &err));
        if (strstr(err.message, cases[i].message) == NULL)
            fail_msg("%s: %s", cases[i].path, err.message);
    }
    assert_string_equal(file_read("mine/thesis.txt"), "years of work");
}

static void links_are_followed(void **state) {
    (void)state;
    file_write("real/x.csv", "old\n");
    assert_int_equal(symlink("real/x.csv", "alias.csv"), 0);
    Export export = export_new("alias.csv", "csv", "{}");
    stage(&export, "SELECT 1 AS a");
    publish(&export);
    struct stat info;
    assert_int_equal(lstat("alias.csv", &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    assert_string_equal(file_read("real/x.csv"), "a\n1\n");
}

static void hashes_tell_contents_apart(void **state) {
    (void)state;
    Export a = export_new("h.csv", "csv", "{}"), b = a, c = a;
    stage(&a, "SELECT 1 AS a");
    stage(&b, "SELECT 2 AS a");
    stage(&c, "SELECT 1 AS a");
    assert_string_equal(a.staged.hash, c.staged.hash);
    assert_string_not_equal(a.staged.hash, b.staged.hash);
    /* Someone wrote to the staged file: it is not published. */
    file_write(c.staged.file, "a\n1\nintruder\n");
    Error err = {0};
    Receipt receipt;
    assert_false(c.connector->publish(&world.session, &c.link, &c.spec, &c.staged, &receipt, &err));
    assert_int_equal(err.code, ERR_EXPORT);
    unstage(&c);
}

/* A limit on the file's size stands for a full disk. */
static void full_disk(void **state) {
    (void)state;
    struct rlimit old, small = {0};
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = (struct rlimit){.rlim_cur = 1 << 20, .rlim_max = old.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    Export export = export_new("small/x.csv", "csv", "{}");
    Error err = {0};
    bool ok = export.connector->stage(&world.session, &export.link, &export.spec,
                                      "SELECT i, 'some text' || i FROM range(1000000) t(i)",
                                      &export.staged, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_false(ok);
    assert_int_equal(err.code, ERR_DISK);
    assert_false(fs_exists("small"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes),
        cmocka_unit_test(compressed_and_parquet),
        cmocka_unit_test(nothing_is_seen_before),
        cmocka_unit_test(unstaging_leaves_nothing),
        cmocka_unit_test(failed_copies_leave_nothing),
        cmocka_unit_test(folders),
        cmocka_unit_test(refused_destinations),
        cmocka_unit_test(links_are_followed),
        cmocka_unit_test(hashes_tell_contents_apart),
        cmocka_unit_test(full_disk),
    };
    return cmocka_run_group_tests(tests, world_set_up, world_tear_down);
}
