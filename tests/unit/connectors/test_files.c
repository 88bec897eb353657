/* connectors/files: finding files, json and parquet, bounds, by file, probe and discover. */
#include "connectors/file_helpers.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"

static void exec_ok(const char *sql) {
    Error err = {0};
    if (!duck_exec(world.duck, sql, NULL, &err)) fail_msg("%s: %s", sql, err.message);
}

static void paths(void **state) {
    (void)state;
    file_write("in/m_1.csv", "a\n1\n");
    file_write("in/m_2.csv", "a\n2\n");
    file_write("in/.hidden.csv", "a\n9\n");
    file_write("in/note.txt", "nothing");
    file_write("deep/y=2023/data.csv", "a\n3\n");
    file_write("deep/y=2024/data.csv.gz.txt", "x");
    file_write("x[1].csv", "a\n11\n");
    file_write("x1.csv", "a\n99\n");
    file_write("größe ✓.csv", "a\n5\n");
    file_write("it's.csv", "a\n6\n");
    static const struct {
        const char *path, *rows;
    } cases[] = {
        {"\"in\"", "1\n2"},
        {"\"in/\"", "1\n2"},
        {"\"in/m_*.csv\"", "1\n2"},
        {"[\"in/m_2.csv\", \"in/m_1.csv\"]", "1\n2"},
        {"[\"in/m_1.csv\", \"in\"]", "1\n2"},
        {"\"deep\"", "3|2023"},
        {"\"x[1].csv\"", "11"},
        {"\"./x[1].csv\"", "11"},
        {"\"größe ✓.csv\"", "5"},
        {"\"it's.csv\"", "6"},
        {"\"in/m_?.csv\", \"max_rows\": 1", "1"},
        {"\"deep\", \"hive_partitioning\": false", "3"},
        {"\"deep/**/*.csv\", \"columns\": [\"a\"]", "3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *rows =
            read_all("csv", arena_printf(world.arena, "{\"path\": %s}", cases[i].path));
        if (!str_eq(rows, cases[i].rows)) fail_msg("%s: %s", cases[i].path, rows);
    }
}

static void several_files(void **state) {
    (void)state;
    file_write("u1.csv", "a,b\n1,x\n");
    file_write("u2.csv", "b,a\ny,2\n");
    file_write("u3.csv", "a,b,c\n2,y,3\n");
    assert_string_equal(read_all("csv", "{\"path\": [\"u1.csv\", \"u2.csv\"]}"), "1|x\n2|y");
    assert_string_equal(read_all("csv", "{\"path\": [\"u1.csv\", \"u3.csv\"], "
                                        "\"combine_files\": true}"),
                        "1|x|~\n2|y|3");
    assert_string_equal(read_all("csv", "{\"path\": [\"u1.csv\"], \"filename\": true}"),
                        "1|x|u1.csv");
}

static void json_and_parquet(void **state) {
    (void)state;
    file_write("x.json", "[{\"a\": 1, \"b\": \"x\"}, {\"a\": 2, \"b\": null}]");
    file_write("x.jsonl", "{\"a\": 1}\n{\"a\": 2}\n");
    file_write("bad.json", "{\"a\": ");
    file_write("no.parquet", "this is no parquet file");
    exec_ok("COPY (SELECT 1 AS a, 'p' AS b) TO 'x1.parquet'; "
            "COPY (SELECT 2 AS a, 'q' AS b) TO 'x2.parquet'; "
            "COPY (SELECT 3 AS a, 'r' AS b, 4 AS c) TO 'y3.parquet'");
    static const struct {
        const char *connector, *options, *rows;
    } cases[] = {
        {"json", "\"path\": \"x.json\"", "1|x\n2|~"},
        {"json", "\"path\": \"x.jsonl\"", "1\n2"},
        {"json", "\"path\": \"x.jsonl\", \"max_rows\": 1", "1"},
        {"json",
         "\"path\": \"x.json\", \"column_types\": {\"a\": \"VARCHAR\"}, "
         "\"columns\": [\"b\", \"a\"]",
         "x|1\n~|2"},
        {"json", "\"path\": \"bad.json\"", "!508 Malformed JSON in file"},
        {"parquet", "\"path\": \"x1.parquet\"", "1|p"},
        {"parquet", "\"path\": \"x*.parquet\", \"columns\": [\"b\"]", "p\nq"},
        {"parquet", "\"path\": \"no.parquet\"", "!508 "},
        {"parquet", "\"path\": [\"x1.parquet\", \"y3.parquet\"]",
         "!508 y3.parquet has a column 'c' that x1.parquet lacks"},
        {"parquet", "\"path\": [\"x1.parquet\", \"y3.parquet\"], \"union_by_name\": true",
         "1|p|~\n3|r|4"},
        {"parquet", "\"path\": \"x1.parquet\", \"columns\": [\"bb\"]", "!503 columns names 'bb'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *rows =
            read_all(cases[i].connector, arena_printf(world.arena, "{%s}", cases[i].options));
        bool same =
            *cases[i].rows == '!' ? str_starts(rows, cases[i].rows) : str_eq(rows, cases[i].rows);
        if (!same) fail_msg("%s: %s", cases[i].options, rows);
    }
    assert_string_equal(columns_of("parquet", "{\"path\": \"x1.parquet\"}"),
                        "a INTEGER, b VARCHAR");
    assert_string_equal(columns_of("json", "{\"path\": \"x.json\", \"column_types\": {\"a\": "
                                           "\"DECIMAL(10, 2)\"}}"),
                        "a DECIMAL(10,2), b VARCHAR");
}

/* DuckDB's sample would miss the key, and its reader would then drop it in silence. */
static void json_keys_late_in_a_file(void **state) {
    (void)state;
    exec_ok("COPY (SELECT i AS a, CASE WHEN i = 30000 THEN 'late' END AS b FROM range(30001) t(i)) "
            "TO 'nulls.jsonl'");
    exec_ok("COPY (SELECT replace(line, ',\"b\":null', '') AS line FROM read_csv('nulls.jsonl', "
            "auto_detect = false, columns = {'line': 'VARCHAR'}, delim = e'\\x01', quote = '')) "
            "TO 'late.jsonl' (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER e'\\x01')");
    Link link = link_of("json", USE_READ, "{\"path\": \"late.jsonl\"}");
    AUTO_RELATION relation = {0};
    Error err = {0};
    assert_true(link.connector->relation(&world.session, &link, &(ReadSpec){0}, &relation, &err));
    assert_string_equal(rows_of(arena_printf(world.arena, "SELECT count(*), max(b) FROM %s",
                                             relation.sql)),
                        "30001|late");
}

static void bounds(void **state) {
    (void)state;
    file_write("c.csv", "id,at\n1,2024-01-01\n2,2024-01-02\n3,2024-01-03\n4,\n");
    Link link = link_of("csv", USE_READ, "{\"path\": \"c.csv\"}");
    static const struct {
        const char *lower, *rows;
        bool nulls;
    } cases[] = {
        {"DATE '2024-01-02'", "2\n3", false},
        {"DATE '2024-01-02'", "2\n3\n4", true},
        {"DATE '2025-01-01'", "", false},
        {NULL, "1\n2\n3\n4", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_RELATION relation = {0};
        Error err = {0};
        ReadSpec spec = {.cursor = "at", .lower = cases[i].lower, .include_nulls = cases[i].nulls};
        assert_true(link.connector->relation(&world.session, &link, &spec, &relation, &err));
        assert_int_equal(relation.bounded, cases[i].lower != NULL);
        assert_string_equal(rows_of(arena_printf(world.arena, "SELECT id FROM %s", relation.sql)),
                            cases[i].rows);
    }
    Relation relation = {0};
    Error err = {0};
    ReadSpec spec = {.cursor = "nix", .lower = "1"};
    assert_false(link.connector->relation(&world.session, &link, &spec, &relation, &err));
    assert_int_equal(err.code, ERR_OPTION_VALUE);
}

static void by_file(void **state) {
    (void)state;
    file_write("by/one.csv", "a\n1\n");
    file_write("by/tw[o].csv", "a\n2\n");
    Link link = link_of("csv", USE_READ, "{\"path\": \"by/*.csv\", \"filename\": true}");
    FileEntries files;
    Error err = {0};
    assert_true(link.connector->files(&world.session, &link, &files, &err));
    assert_int_equal(files.count, 2);
    assert_string_equal(files.items[1].path, "by/tw[o].csv");
    assert_int_equal(files.items[1].size, 4);
    assert_true(files.items[1].mtime_us > 0);
    Strings wanted = {0};
    strings_add(world.arena, &wanted, files.items[1].path);
    AUTO_RELATION relation = {0};
    ReadSpec spec = {.files = &wanted, .add_file_column = true};
    assert_true(link.connector->relation(&world.session, &link, &spec, &relation, &err));
    assert_string_equal(rows_of(arena_printf(world.arena,
                                             "SELECT a, _sqlflow_file, filename FROM %s",
                                             relation.sql)),
                        "2|by/tw[o].csv|by/tw[o].csv");
    link = link_of("csv", USE_READ, "{\"path\": \"none/*.csv\"}");
    assert_true(link.connector->files(&world.session, &link, &files, &err));
    assert_int_equal(files.count, 0);
}

static void nothing_to_read(void **state) {
    (void)state;
    file_write("none.csv", "");
    assert_string_equal(read_all("csv", "{\"path\": \"nix/*.csv\", \"allow_empty\": true, "
                                        "\"column_types\": {\"a\": \"INTEGER\", \"b\": \"DATE\"}}"),
                        "");
    assert_true(
        str_starts(read_all("csv", "{\"path\": \"none.csv\", \"allow_empty\": true}"), "!506"));
    assert_string_equal(columns_of("csv", "{\"path\": \"none.csv\", \"allow_empty\": true}"), "");
}

static void unreadable(void **state) {
    (void)state;
    if (geteuid() == 0) {
        /* root reads everything: become nobody for the while. */
        if (chmod(world.dir, 0755) != 0 || seteuid(65534) != 0) skip();
    }
    const char *path = "/root/secret.csv";
    file_write("/tmp/sqlflow-unreadable.csv", "a\n1\n");
    assert_int_equal(chmod("/tmp/sqlflow-unreadable.csv", 0), 0);
    Link link = link_of("csv", USE_READ, "{\"path\": \"/tmp/sqlflow-unreadable.csv\"}");
    Relation relation = {0};
    Error err = {0}, other = {0};
    bool ok = link.connector->relation(&world.session, &link, &(ReadSpec){0}, &relation, &err);
    link = link_of("csv", USE_READ, arena_printf(world.arena, "{\"path\": \"%s\"}", path));
    bool hidden =
        link.connector->relation(&world.session, &link, &(ReadSpec){0}, &relation, &other);
    unlink("/tmp/sqlflow-unreadable.csv");
    if (getuid() == 0 && seteuid(0) != 0) fail_msg("cannot become root again");
    assert_false(ok);
    assert_false(hidden);
    assert_int_equal(other.code, ERR_FILE_PERMISSION);
    assert_int_equal(err.code, ERR_FILE_PERMISSION);
}

static void probe_and_discover(void **state) {
    (void)state;
    file_write("found/a.csv", "a,b\n1,x\n");
    file_write("found/b.csv", "c\n1\n");
    Link link = link_of("csv", USE_CONNECTION, "{\"path\": \"found/a.csv\"}");
    ProbeReport report = {.check_write = true};
    Error err = {0};
    assert_true(link.connector->probe(&world.session, &link, &report, &err));
    assert_int_equal(report.stages.count, 3);
    assert_string_equal(report.stages.items[1].detail, "found/a.csv: 2 columns");
    link = link_of("csv", USE_CONNECTION, "{\"path\": \"nix.csv\"}");
    report = (ProbeReport){0};
    assert_false(link.connector->probe(&world.session, &link, &report, &err));
    assert_false(report.stages.items[0].ok);
    link = link_of("csv", USE_CONNECTION, "{}");
    report = (ProbeReport){0};
    assert_true(link.connector->probe(&world.session, &link, &report, &err));
    link = link_of("csv", USE_CONNECTION, "{\"path\": \"found\"}");
    Objects objects;
    assert_true(link.connector->discover(&world.session, &link, &objects, &err));
    assert_int_equal(objects.count, 2);
    assert_string_equal(objects.items[0].name, "found/a.csv");
    assert_int_equal(objects.items[0].columns.count, 2);
    assert_int_equal(objects.items[0].bytes, 8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths),
        cmocka_unit_test(several_files),
        cmocka_unit_test(json_and_parquet),
        cmocka_unit_test(json_keys_late_in_a_file),
        cmocka_unit_test(bounds),
        cmocka_unit_test(by_file),
        cmocka_unit_test(nothing_to_read),
        cmocka_unit_test(unreadable),
        cmocka_unit_test(probe_and_discover),
    };
    return cmocka_run_group_tests(tests, world_set_up, world_tear_down);
}
