/* ${…}: parts, defaults, what is malformed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lang/lexer.h"

static void parts(void **state) {
    (void)state;
    static const struct {
        const char *text, *name;
        char form;
        const char *fallback;
        bool quoted;
        size_t size;
    } cases[] = {
        {"${a}", "a", 0, NULL, false, 4},           {"${a.b_1} x", "a.b_1", 0, NULL, false, 8},
        {"${a|b}", "a", 0, "b", false, 6},          {"${a|}", "a", 0, "", false, 5},
        {"${a| b c }", "a", 0, "b c", false, 10},   {"${a|'b  c'}", "a", 0, "b  c", true, 11},
        {"${a|'it''s'}", "a", 0, "it's", true, 12}, {"${a|\"x }\"}", "a", 0, "x }", true, 10},
        {"${a|''}", "a", 0, "", true, 7},           {"${a|it's}", "a", 0, "it's", false, 9},
        {"${a:ident}", "a", 'i', NULL, false, 10},  {"${a:LITERAL|5}", "a", 'l', "5", false, 14},
        {"${a:raw|'x'}", "a", 'r', "x", true, 12},
    };
    AUTO_ARENA arena = arena_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        VariableRef ref;
        const char *why = "";
        assert_true(variable_ref(arena, cases[i].text, strlen(cases[i].text), &ref, &why));
        assert_string_equal(ref.name, cases[i].name);
        assert_int_equal(ref.form, cases[i].form);
        assert_int_equal(ref.fallback_quoted, cases[i].quoted);
        assert_int_equal(ref.size, cases[i].size);
        assert_int_equal(ref.fallback == NULL, cases[i].fallback == NULL);
        if (ref.fallback != NULL) assert_string_equal(ref.fallback, cases[i].fallback);
    }
}

static void malformed(void **state) {
    (void)state;
    static const struct {
        const char *text, *why;
        size_t at, size;
    } cases[] = {
        {"x ${", "its `}` is missing", 2, 2},
        {"${}", "it holds no name", 0, 3},
        {"${1}", "a name starts with a letter or _", 0, 4},
        {"${ a}", "a name starts with a letter or _", 0, 5},
        {"${a b}", "a name has only letters, digits, _ and .", 0, 6},
        {"${a", "its `}` is missing", 0, 2},
        {"${a\n}", "its `}` is missing", 0, 2},
        {"${a|b", "its `}` is missing", 0, 2},
        {"${a:x}", "only :ident, :literal and :raw may follow a name", 0, 6},
        {"${a:-x}", "a default follows `|`, not `:-`", 0, 7},
        {"${a|'b}", "the quoted default must end right before the `}`", 0, 7},
        {"${a|'b' c}", "the quoted default must end right before the `}`", 0, 10},
        {"${a|${b}}", "a default cannot hold another variable", 0, 2},
        {"${ok} \\${no} ${a-b}", "a name has only letters, digits, _ and .", 13, 6},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        BadVariable bad;
        assert_true(variable_malformed(cases[i].text, &bad));
        assert_string_equal(bad.why, cases[i].why);
        assert_int_equal(bad.at, cases[i].at);
        assert_int_equal(bad.size, cases[i].size);
    }
}

static void right(void **state) {
    (void)state;
    static const char *const texts[] = {"", "$a", "\\${", "${a}${b|c}", "$", "{}", "a\\"};
    BadVariable bad;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_false(variable_malformed(texts[i], &bad));
}

static void inside_quotes(void **state) {
    (void)state;
    assert_int_equal(variable_inside("${a|'b'}", 8, '\''), 8);
    assert_int_equal(variable_inside("${a|b''c}", 9, '\''), 9);
    assert_int_equal(variable_inside("${a|b'c}", 8, '\''), 0);
    assert_int_equal(variable_inside("${a|b'c}", 8, '"'), 8);
    assert_int_equal(variable_inside("${a|b\\}", 7, '"'), 0);
    assert_int_equal(variable_inside("${a", 3, '\''), 0);
    assert_int_equal(variable_inside("$a", 2, '\''), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(parts), cmocka_unit_test(malformed),
                                       cmocka_unit_test(right), cmocka_unit_test(inside_quotes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
