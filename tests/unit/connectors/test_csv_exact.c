/* connectors/csv: whole numbers and dates in the sniffer's sample, and what comes behind it. */
#include "connectors/file_helpers.h"

#include <string.h>

#include "base/buf.h"

enum { LINES = 800000 };

typedef struct Case {
    const char *name, *tail, *options, *last; /* last: its rows behind the long head */
    bool misguessed;                          /* then `last` is what a careful read gives */
} Case;

/* A file past what is sampled whole: a head of short numbers, or of dates, then the tail. */
static void write_head(const char *path, const char *tail, bool dates) {
    Buf text = buf_on(world.arena);
    buf_puts(&text, "a,b\n");
    for (int i = 0; i < LINES; i++) {
        if (dates)
            buf_printf(&text, "2024-01-%02d,x\n", 1 + i % 31);
        else
            buf_printf(&text, "%d,x\n", i % 1000);
    }
    buf_puts(&text, tail);
    file_write(path, buf_text(&text));
}

static void write_long(const char *path, const char *tail) { write_head(path, tail, false); }

static bool select_last(const Link *link, bool careful, const char **rows, Error *err) {
    AUTO_RELATION relation = {0};
    ReadSpec spec = {.careful = careful};
    assert_true(link->connector->relation(&world.session, link, &spec, &relation, err));
    assert_int_equal(relation.guessed, !careful);
    if (!duck_execf(world.duck, err,
                    "CREATE OR REPLACE TEMP TABLE t AS SELECT row_number() OVER () AS n, a FROM %s",
                    relation.sql))
        return false;
    *rows = rows_of(arena_printf(world.arena, "SELECT a, typeof(a) FROM t WHERE n > %d ORDER BY n",
                                 LINES));
    return true;
}

static void behind_the_sample(void **state) {
    (void)state;
    static const Case cases[] = {
        {"whole", "5,x\n-7,x\n,x\n\"8\",x\n\" 9\",x\n1e3,x\n5.0,x\n", "",
         "5|BIGINT\n-7|BIGINT\n~|BIGINT\n8|BIGINT\n9|BIGINT\n1000|BIGINT\n5|BIGINT", false},
        {"big", "9223372036854775807,x\n-9223372036854775808,x\n\"123456789012\",x\n,x\n1e3,x\n"
                "5.0,x\n0x10,x\n+7,x\n", "",
         "9223372036854775807|BIGINT\n-9223372036854775808|BIGINT\n123456789012|BIGINT\n~|BIGINT\n"
         "1000|BIGINT\n5|BIGINT\n16|BIGINT\n7|BIGINT", true},
        {"room for longer ones", "9999999999,x\n", "", "9999999999|BIGINT", false},
        {"NULL text", "NA,x\n6,x\n", ", \"null_values\": \"NA\"", "~|BIGINT\n6|BIGINT", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_long("long.csv", cases[i].tail);
        Link link = link_of("csv", USE_READ, arena_printf(world.arena, "{\"path\": \"long.csv\"%s}",
                                                          cases[i].options));
        Error err = {0};
        const char *rows = NULL;
        bool ok = select_last(&link, false, &rows, &err);
        if (ok == cases[i].misguessed || relation_misguessed(&err) != cases[i].misguessed)
            fail_msg("%s: %s", cases[i].name, err.message);
        if (ok) assert_string_equal(rows, cases[i].last);
        assert_true(select_last(&link, true, &rows, &err));
        assert_string_equal(rows, cases[i].last);
    }
}

static void refused(void **state) {
    (void)state;
    static const struct {
        const char *tail, *value, *hint;
        bool misguessed; /* else it is too near to a whole number for a quick read to see */
    } cases[] = {
        {"1.5,x\n", "has the value '1.5'", "\"a\": \"DOUBLE\"", true},
        {"-0.25,x\n", "has the value '-0.25'", "DOUBLE", true},
        {"\"2.004\",x\n", "has the value '2.004'", "DOUBLE", true},
        {"5e-1,x\n", "has the value", "DOUBLE", true},
        {"1.00000000000000001,x\n", "'1.00000000000000001'", "DOUBLE", false},
        {"12345678901234567890,x\n", "'12345678901234567890'", "HUGEINT", true},
        {"many,x\n", "'many'", "VARCHAR", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_long("long.csv", cases[i].tail);
        Link link = link_of("csv", USE_READ, "{\"path\": \"long.csv\"}");
        Error err = {0};
        const char *rows = NULL;
        bool ok = select_last(&link, false, &rows, &err);
        if (ok == cases[i].misguessed || relation_misguessed(&err) != cases[i].misguessed)
            fail_msg("%s: %s", cases[i].tail, err.message);
        if (select_last(&link, true, &rows, &err)) fail_msg("%s: %s", cases[i].tail, rows);
        assert_false(relation_misguessed(&err));
        if (!relation_error_read(&err) || err.code != ERR_CAST ||
            strstr(err.message, cases[i].value) == NULL ||
            strstr(err.message, "long.csv: column 'a' is BIGINT") == NULL ||
            strstr(err.message, "20,480") == NULL || strstr(err.hint, cases[i].hint) == NULL)
            fail_msg("%s: %s / %s", cases[i].tail, err.message, err.hint);
    }
}

static void dates_behind_the_sample(void **state) {
    (void)state;
    static const struct {
        const char *tail, *rows, *error, *hint;
        bool misguessed;
    } cases[] = {
        {"1969-12-31,x\n,x\n2024-02-29 00:00:00,x\ninfinity,x\n",
         "1969-12-31|DATE\n~|DATE\n2024-02-29|DATE\ninfinity|DATE", NULL, NULL, false},
        {"9999-12-31,x\n290000-01-01,x\n", "9999-12-31|DATE\n290000-01-01|DATE", NULL, NULL, false},
        {"5000000-01-01,x\n", "5000000-01-01|DATE", NULL, NULL, true}, /* no TIMESTAMP */
        {"2024-01-01 10:00:00,x\n", NULL, "'2024-01-01 10:00:00'", "\"a\": \"TIMESTAMP\"", true},
        {"1969-12-31 23:59:59.999999,x\n", NULL, "'1969-12-31 23:59:59.999999'", "TIMESTAMP",
         true},
        {"n/a,x\n", NULL, "'n/a'", "VARCHAR", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_head("long.csv", cases[i].tail, true);
        Link link = link_of("csv", USE_READ, "{\"path\": \"long.csv\"}");
        for (int careful = 0; careful < 2; careful++) {
            Error err = {0};
            const char *rows = NULL;
            bool misguessed = cases[i].misguessed && !careful;
            bool ok = select_last(&link, careful != 0, &rows, &err);
            if (relation_misguessed(&err) != misguessed || ok != (cases[i].rows && !misguessed))
                fail_msg("%s: %s", cases[i].tail, err.message);
            if (ok) assert_string_equal(rows, cases[i].rows);
            if (ok || misguessed) continue;
            if (!relation_error_read(&err) || strstr(err.message, cases[i].error) == NULL ||
                strstr(err.message, "column 'a' is DATE, as its first 20,480 lines had dates") ==
                    NULL || strstr(err.hint, cases[i].hint) == NULL)
                fail_msg("%s: %s / %s", cases[i].tail, err.message, err.hint);
        }
    }
}

/* A type that is given changes no value, in small files and large ones. */
static void given_types(void **state) {
    (void)state;
    static const struct {
        const char *type, *value, *rows, *error;
    } cases[] = {
        {"INTEGER", "007", "7|INTEGER", NULL},
        {"int4", "5.0", "5|INTEGER", NULL},
        {"INTEGER", "1.5", NULL, "column 'a': the value '1.5' does not fit INTEGER"},
        {"INTEGER", "3000000000", NULL, "3000000000"},
        {"BIGINT", "9007199254740993", "9007199254740993|BIGINT", NULL},
        {"UBIGINT", "18446744073709551615", "18446744073709551615|UBIGINT", NULL},
        {"HUGEINT", "-99999999999999999999", "-99999999999999999999|HUGEINT", NULL},
        {"numeric(5,2)", "1.55", "1.55|DECIMAL(5,2)", NULL},
        {"DECIMAL(5,2)", "1.555", NULL, "the value '1.555' does not fit DECIMAL(5,2)"},
        {"DECIMAL(18,2)", "1.005", NULL, "'1.005'"},
        {"DECIMAL(5,2)", "1234.5", NULL, "1234.5"},
        {"DATE", "2024-02-29", "2024-02-29|DATE", NULL},
        {"DATE", "2024-02-29 10:00:00", NULL, "'2024-02-29 10:00:00' does not fit DATE"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        file_write("x.csv", arena_printf(world.arena, "a,b\n%s,x\n,y\n", cases[i].value));
        Link link = link_of("csv", USE_READ,
                            arena_printf(world.arena, "{\"path\": \"x.csv\", \"column_types\": "
                                                      "{\"A\": \"%s\"}}", cases[i].type));
        Error err = {0};
        bool ok = false;
        for (int careful = 0; careful < 2 && !ok; careful++) {
            AUTO_RELATION relation = {0};
            ReadSpec spec = {.careful = careful != 0};
            assert_true(link.connector->relation(&world.session, &link, &spec, &relation, &err));
            ok = duck_execf(world.duck, &err, "CREATE OR REPLACE TEMP TABLE t AS SELECT * FROM %s",
                            relation.sql);
            if (!ok && !relation_misguessed(&err)) break;
        }
        if (ok != (cases[i].rows != NULL)) fail_msg("%s: %s", cases[i].value, err.message);
        if (ok)
            assert_string_equal(rows_of("SELECT a, typeof(a) FROM t WHERE b = 'x'"),
                                cases[i].rows);
        else if (relation_error_read(&err), strstr(err.message, cases[i].error) == NULL)
            fail_msg("%s: %s", cases[i].value, err.message);
    }
}

/* Types given, a file seen whole, and numbers that leave no room are no guesses. */
static void no_guess(void **state) {
    (void)state;
    static const struct {
        const char *text, *options;
        bool guarded;
    } cases[] = {
        {NULL, ", \"sample_size\": 0", false},
        {"a,b\n1,x\n", "", false},
        {"a,b\n123456789012345,x\n", ", \"sample_size\": 100", true},
        {"a,b\n123456789012345678901,x\n", ", \"sample_size\": 100", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (cases[i].text == NULL)
            write_long("x.csv", "");
        else
            file_write("x.csv", cases[i].text);
        Link link = link_of("csv", USE_READ,
                            arena_printf(world.arena, "{\"path\": \"x.csv\"%s}", cases[i].options));
        AUTO_RELATION relation = {0};
        Error err = {0};
        assert_true(
            link.connector->relation(&world.session, &link, &(ReadSpec){0}, &relation, &err));
        assert_false(relation.guessed);
        assert_int_equal(strstr(relation.sql, "sqlflow-changed") != NULL, cases[i].guarded);
        if (cases[i].guarded)
            assert_string_equal(
                rows_of(arena_printf(world.arena, "SELECT 'a,b' UNION ALL SELECT a || ',' || b "
                                                  "FROM %s", relation.sql)),
                arena_strndup(world.arena, cases[i].text, strlen(cases[i].text) - 1));
    }
}

/* A file seen whole is seen to its end when its column may be one of very long whole numbers. */
static void late_in_a_small_file(void **state) {
    (void)state;
    Buf text = buf_on(world.arena);
    buf_puts(&text, "a,b\n");
    for (int i = 0; i < 30000; i++) buf_printf(&text, "%d,x\n", i % 1000);
    file_write("small.csv", arena_printf(world.arena, "%s1.5,x\n", buf_text(&text)));
    assert_string_equal(columns_of("csv", "{\"path\": \"small.csv\"}"), "a DOUBLE, b VARCHAR");
    file_write("small.csv", arena_printf(world.arena, "%s9223372036854775808,x\n",
                                         buf_text(&text)));
    assert_string_equal(columns_of("csv", "{\"path\": \"small.csv\"}"), "a HUGEINT, b VARCHAR");
    file_write("very.csv", "a,b\n1.5,x\n");
    const char *rows = read_all("csv", "{\"path\": [\"small.csv\", \"very.csv\"]}");
    if (strstr(rows, "sqlflow-changed") == NULL) fail_msg("%.300s", rows);
}

/* DOUBLE holds 1e300 and 9007199254740992, but not 9007199254740993 or 1e400. */
static void doubles(void **state) {
    (void)state;
    static const struct {
        const char *text, *options, *rows;
    } cases[] = {
        {"a\n1.5\n9007199254740992\n1e300\n9.9999999999999992e+22\n-inf\nnan\n\n", "",
         "1.5\n9007199254740992.0\n1e+300\n1e+23\n-inf\nnan\n~"},
        {"a\n0.1234567890123456789\n-12345678901234.123456\n5\n", "",
         "0.12345678901234568\n-12345678901234.123\n5.0"},
        {"a\n1.5\n9007199254740993\n", "", "1.5\n9007199254740993"},
        {"a\n1.5\n-12345678901234567890.25\n", "", "1.5\n-12345678901234567890.25"},
        {"a\n1e400\n", "", "1e400"},
        {"a\n9007199254740993\n", ", \"column_types\": {\"a\": \"DOUBLE\"}", "!9007199254740993"},
        {"a\n1.5\n9007199254740993\n", ", \"ignore_errors\": true", "1.5\n9007199254740993"},
        {"a\n1.5\n1e300\n-inf\n", ", \"ignore_errors\": true", "1.5\n1e+300\n-inf"},
        {"a\n1.5\n9007199254740993\n", ", \"column_types\": {\"a\": \"VARCHAR\"}",
         "1.5\n9007199254740993"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        file_write("x.csv", cases[i].text);
        const char *rows = read_all("csv", arena_printf(world.arena, "{\"path\": \"x.csv\"%s}",
                                                        cases[i].options));
        bool fails = *cases[i].rows == '!';
        if (fails ? strstr(rows, "sqlflow-changed") == NULL || !strstr(rows, cases[i].rows + 1)
                  : !str_eq(rows, cases[i].rows))
            fail_msg("%s: got\n%s", cases[i].text, rows);
    }
}

/* What the second of two files needs counts as what the first does. */
static void of_two_files(void **state) {
    (void)state;
    static const struct {
        const char *first, *second, *options, *rows;
    } cases[] = {
        {"a\n1\n", "a\n12345678901234567891\n", "", "1\n12345678901234567891"},
        {"a\n1\n", "a\n12345678901234567891\n", ", \"combine_files\": true",
         "1\n12345678901234567891"},
        {"a\n1.5\n", "a\n12345678901234567891\n", "", "!12345678901234567891"},
        {"a,b\nT,x\nF,y\n", "a,b\nF,z\n", "", "true|x\nfalse|y\nfalse|z"},
        {"a,b\n,x\n", "a,b\nF,z\n", "", "~|x\nF|z"},
        {"a,b\n2024-01-02,x\n", "a,b\n2024-01-03 10:00:00,y\n",
         ", \"column_types\": {\"a\": \"DATE\"}", "!2024-01-03 10:00:00"},
        {"a,b\n2024-01-02,x\n", "a,b\n2024-01-03 00:00:00,y\n",
         ", \"column_types\": {\"a\": \"DATE\"}", "2024-01-02|x\n2024-01-03|y"},
        {"a,b\n02.01.2024,1\n", "a,b\n2024-01-03,2\n", "", "!Could not convert string"},
        {"a,b\n1,x\n", "a\n2\n", "", "!Schema mismatch"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        file_write("1.csv", cases[i].first);
        file_write("2.csv", cases[i].second);
        const char *rows = read_all("csv", arena_printf(world.arena,
                                                        "{\"path\": [\"1.csv\", \"2.csv\"]%s}",
                                                        cases[i].options));
        bool fails = *cases[i].rows == '!';
        if (fails ? *rows != '!' || !strstr(rows, cases[i].rows + 1)
                  : !str_eq(rows, cases[i].rows))
            fail_msg("%s%s: got\n%s", cases[i].first, cases[i].second, rows);
    }
}

static void several_files(void **state) {
    (void)state;
    write_long("year=2024/one.csv", "");
    file_write("year=2024/two.csv", "a,b\n1,x\n");
    file_write("year=2024/zwei.csv", "a,c\n7,y\n");
    assert_string_equal(columns_of("csv", "{\"path\": [\"year=2024/one.csv\", "
                                          "\"year=2024/two.csv\"]}"),
                        "a BIGINT, b VARCHAR, year BIGINT");
    assert_string_equal(columns_of("csv", "{\"path\": \"year=2024/*.csv\", \"combine_files\": "
                                          "true}"),
                        "a BIGINT, b VARCHAR, c VARCHAR, year BIGINT");
    file_write("year=2024/two.csv", "a,b\n1,x\n2.5,x\n");
    const char *rows = read_all("csv", "{\"path\": [\"year=2024/one.csv\", \"year=2024/two.csv\"],"
                                       " \"columns\": [\"a\"], \"max_rows\": 1}");
    assert_string_equal(rows, "0.0");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(behind_the_sample), cmocka_unit_test(refused),
        cmocka_unit_test(dates_behind_the_sample),
        cmocka_unit_test(given_types),
        cmocka_unit_test(no_guess), cmocka_unit_test(late_in_a_small_file),
        cmocka_unit_test(several_files),
        cmocka_unit_test(doubles),
        cmocka_unit_test(of_two_files),
    };
    return cmocka_run_group_tests(tests, world_set_up, world_tear_down);
}
