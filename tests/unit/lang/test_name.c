/* Names: splitting, joining, quoting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lang/name.h"

static void split(void **state) {
    (void)state;
    static const struct {
        const char *text, *parts;
    } cases[] = {
        {"a", "a"},         {"a.b", "a|b"},
        {"c.s.t", "c|s|t"}, {"\"a.b\".c", "a.b|c"},
        {"größe", "größe"}, {"\"a \"\"b\"\"\"", "a \"b\""},
        {" a . b ", "a|b"}, {"a$1", "a$1"},
        {"_x9", "_x9"},     {"\"end\"", "end"},
    };
    AUTO_ARENA arena = arena_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Strings parts;
        assert_true(name_split(arena, cases[i].text, &parts));
        assert_string_equal(strings_join(arena, &parts, "|"), cases[i].parts);
    }
}

static void no_names(void **state) {
    (void)state;
    static const char *const texts[] = {"",    ".",  "a.",  ".a",  "a..b", "\"a",  "\"\"",
                                        "a b", "1a", "a-b", "'a'", "a.1",  "${a}", "a${b}"};
    AUTO_ARENA arena = arena_new();
    Strings parts;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (name_split(arena, texts[i], &parts)) fail_msg("a name: %s", texts[i]);
}

static void quoted(void **state) {
    (void)state;
    static const struct {
        const char *part, *want;
    } cases[] = {
        {"a", "a"},
        {"Mixed", "Mixed"},
        {"größe", "größe"},
        {"select", "\"select\""},
        {"TABLE", "\"TABLE\""},
        {"values", "\"values\""},
        {"mode", "mode"},
        {"a b", "\"a b\""},
        {"1a", "\"1a\""},
        {"", "\"\""},
        {"a\"b", "\"a\"\"b\""},
        {"left", "\"left\""},
    };
    AUTO_ARENA arena = arena_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(name_quote_if_needed(arena, cases[i].part), cases[i].want);
}

static void joined(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Strings parts;
    assert_true(name_split(arena, "\"my db\".\"s\".\"end\"", &parts));
    assert_string_equal(name_join(arena, &parts), "\"my db\".s.\"end\"");
}

static void bare(void **state) {
    (void)state;
    assert_true(name_is_bare("a_1"));
    assert_true(name_is_bare("é"));
    assert_false(name_is_bare(""));
    assert_false(name_is_bare("1"));
    assert_false(name_is_bare("a.b"));
    assert_false(name_is_bare("a$"));
    assert_false(name_is_bare("a\u00a0b"));
    assert_false(name_is_bare("\u200b"));
    assert_true(name_is_bare("a\u00c0\u2010"));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(split), cmocka_unit_test(no_names),
                                       cmocka_unit_test(quoted), cmocka_unit_test(joined),
                                       cmocka_unit_test(bare)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
