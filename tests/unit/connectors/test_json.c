/* connectors/json: numbers that a double does not keep are read exactly or refused; arrays behind a
 * byte order mark. */
#include "connectors/file_helpers.h"

#include "base/fs.h"

static const char *read_as(const Link *link, bool careful) {
    AUTO_RELATION relation = {0};
    Error err = {0};
    ReadSpec spec = {.careful = careful};
    if (!link->connector->relation(&world.session, link, &spec, &relation, &err))
        return arena_printf(world.arena, "!%d %s", (int)err.code, err.message);
    return rows_of(arena_printf(world.arena, "SELECT *, typeof(COLUMNS(*)) FROM %s",
                                relation.sql));
}

/* As a run reads: quickly, and anew when that finds numbers that may have changed. */
static const char *read_json(const char *text, const char *options, bool *anew) {
    file_write("n.json", text);
    Link link = link_of("json", USE_READ,
                        arena_printf(world.arena, "{\"path\": \"n.json\"%s}", options));
    const char *rows = read_as(&link, false);
    Error err = {0};
    error_set(&err, ERR_STEP, SPAN_NONE, "%s", rows);
    *anew = *rows == '!' && relation_misguessed(&err);
    return *anew ? read_as(&link, true) : rows;
}

#define TYPE(type) ", \"column_types\": {\"a\": \"" type "\"}"

static void numbers(void **state) {
    (void)state;
    static const struct {
        const char *text, *options, *rows;
        bool anew;
    } cases[] = {
        {"[{\"a\":1.5},{\"a\":-9007199254740991},{\"a\":null}]", "",
         "1.5|DOUBLE\n-9007199254740991.0|DOUBLE\n~|DOUBLE", false},
        {"[{\"a\":184467440737095516150},{\"a\":-7}]", "",
         "184467440737095516150|HUGEINT\n-7|HUGEINT", true},
        {"[{\"a\":-9223372036854775809},{\"a\":18446744073709551615}]", "",
         "-9223372036854775809|HUGEINT\n18446744073709551615|HUGEINT", true},
        {"[{\"a\":184467440737095516150}]", TYPE("HUGEINT"), "184467440737095516150|HUGEINT", true},
        {"[{\"a\":184467440737095516150},{\"a\":0.5}]", TYPE("VARCHAR"),
         "184467440737095516150|VARCHAR\n0.5|VARCHAR", true},
        {"[{\"a\":184467440737095516150},{\"a\":0.5}]", TYPE("DECIMAL(38,2)"),
         "184467440737095516150.00|DECIMAL(38,2)\n0.50|DECIMAL(38,2)", true},
        {"[{\"a\":0.30000000000000004}]", TYPE("DECIMAL(38,18)"),
         "0.300000000000000040|DECIMAL(38,18)", true},
        {"[{\"a\":0.25},{\"a\":3}]", TYPE("DECIMAL(9,2)"),
         "0.25|DECIMAL(9,2)\n3.00|DECIMAL(9,2)", false},
        {"[{\"a\":9007199254740992},{\"a\":0.5},{\"a\":6.02214076e23},"
         "{\"a\":1.7976931348623157e308},{\"a\":18446744073709551616}]", "",
         "9007199254740992.0|DOUBLE\n0.5|DOUBLE\n6.02214076e+23|DOUBLE\n"
         "1.7976931348623157e+308|DOUBLE\n1.8446744073709552e+19|DOUBLE", true},
        {"[{\"a\":{\"x\":1e20,\"y\":9007199254740993}},{\"a\":null}]", "",
         "{'x': 1e+20, 'y': 9007199254740993}|STRUCT(x DOUBLE, y BIGINT)\n"
         "~|STRUCT(x DOUBLE, y BIGINT)", true},
        {"[{\"a\":[\"12345678901234567890.12\",12345678901234567890,0.5]}]", "",
         "['\"12345678901234567890.12\"', 12345678901234567890, 0.5]|JSON[]", false},
        {"[{\"a\":1},{\"a\":1.5}]", ", \"sample_size\": 1", "1.0|DOUBLE\n1.5|DOUBLE", false},
        {"[{\"a\":[1]},{\"a\":[true]}]", ", \"sample_size\": 1", "[1]|JSON[]\n[true]|JSON[]",
         false},
        {"[{\"a\":\"x\"},{\"a\":7}]", ", \"sample_size\": 1", "x|VARCHAR\n7|VARCHAR", false},
        {"[{\"a\":\"x\"},{\"a\":7}]", ", \"sample_size\": 0", "\"x\"|JSON\n7|JSON", false},
        {"[{\"a\":\"12345678901234567890.12\"}]", TYPE("DECIMAL(38,2)"),
         "12345678901234567890.12|DECIMAL(38,2)", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool anew;
        const char *rows = read_json(cases[i].text, cases[i].options, &anew);
        if (!str_eq(rows, cases[i].rows) || anew != cases[i].anew)
            fail_msg("%s%s: %s", cases[i].text, cases[i].options, rows);
    }
}

static void refused(void **state) {
    (void)state;
    static const struct {
        const char *text, *options, *number;
    } cases[] = {
        {"[{\"a\":184467440737095516150},{\"a\":0.5}]", "", "184467440737095516150"},
        {"[{\"a\":9007199254740993},{\"a\":0.5}]", "", "9007199254740993"},
        {"{\"a\":9007199254740993}\n{\"a\":0.5}\n", "", "9007199254740993"},
        {"[{\"a\":9007199254740993},{\"a\":0.5}]", TYPE("DOUBLE"), "9007199254740993"},
        {"[{\"a\":12345678901234567890.12}]", "", "12345678901234567890.12"},
        {"[{\"a\":12345678901234567890.12}]", TYPE("DECIMAL(38,2)"), "12345678901234567890.12"},
        {"[{\"a\":0.12345678901234567890}]", TYPE("DECIMAL(38,20)"), "0.12345678901234567890"},
        {"[{\"a\":1e400}]", "", "1e400"},
        {"[{\"a\":{\"x\":[{\"y\":0.5}]}},{\"a\":{\"x\":[{\"y\":9007199254740993}]}}]", "",
         "9007199254740993"},
        {"[{\"a\":[true, 12345678901234567890.12]}]", "", "12345678901234567890.12"},
        {"[{\"\\u0061\":9007199254740993},{\"a\":0.5}]", "", "9007199254740993"},
        {"[{\"a\":1234567890123456789012345678901234567890123}]", "",
         "1234567890123456789012345678901234567890123"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool anew;
        const char *rows = read_json(cases[i].text, cases[i].options, &anew);
        const char *wanted = arena_printf(
            world.arena, "!508 n.json: column 'a' has the number %s, of which a DOUBLE does not "
                         "keep all digits", cases[i].number);
        if (!str_eq(rows, wanted)) fail_msg("%s%s: %s", cases[i].text, cases[i].options, rows);
    }
}

/* The values stand in folders and file names, too; only the file's own columns get new types. */
static void beside_partitions(void **state) {
    (void)state;
    Error err = {0};
    assert_true(fs_mkdirs("parts/year=2024", 0755, &err));
    file_write("parts/year=2024/x.json", "{\"a\":184467440737095516150}\n");
    Link link = link_of("json", USE_READ, "{\"path\": \"parts\", \"filename\": true}");
    assert_string_equal(read_as(&link, true),
                        "184467440737095516150|parts/year=2024/x.json|2024|HUGEINT|VARCHAR|BIGINT");
}

static void behind_a_mark(void **state) {
    (void)state;
    static const char mark[] = "\xEF\xBB\xBF";
    static const struct {
        const char *text, *rows;
        bool marked;
    } cases[] = {
        {"[{\"a\":1},{\"a\":2}]", "1|BIGINT\n2|BIGINT", true},
        {" \n[{\"a\":1.5}]", "1.5|DOUBLE", true},
        {"{\"a\":1}\n{\"a\":2}\n", "1|BIGINT\n2|BIGINT", true},
        {"[1,2]", "1|BIGINT\n2|BIGINT", true},
        {"[{\"a\":1}]\n[{\"a\":2}]\n",
         "[{'a': 1}]|STRUCT(a BIGINT)[]\n[{'a': 2}]|STRUCT(a BIGINT)[]", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool anew;
        const char *text = arena_printf(world.arena, "%s%s", cases[i].marked ? mark : "",
                                        cases[i].text);
        const char *rows = read_json(text, "", &anew);
        if (!str_eq(rows, cases[i].rows)) fail_msg("%s: %s", cases[i].text, rows);
    }
    file_write("1.json", "\xEF\xBB\xBF[{\"a\":1}]");
    file_write("0.json", "[{\"a\":0}]");
    file_write("2.json", "[{\"a\":2}]");
    assert_string_equal(read_all("json", "{\"path\": [\"1.json\", \"2.json\"]}"), "1\n2");
    assert_string_equal(read_all("json", "{\"path\": [\"0.json\", \"1.json\"]}"), "0\n1");
    assert_string_equal(read_all("json", "{\"path\": \"1.json\", \"filename\": true}"),
                        "1|1.json");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(refused),
        cmocka_unit_test(beside_partitions),
        cmocka_unit_test(behind_a_mark),
    };
    return cmocka_run_group_tests(tests, world_set_up, world_tear_down);
}
