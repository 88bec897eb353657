/* Text helpers: comparison, trimming, numbers, nearest names, UTF-8, sizes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/str.h"

static void lists(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Strings list = {0};
    assert_string_equal(strings_join(arena, &list, ", "), "");
    strings_add(arena, &list, "a");
    assert_true(strings_add_unique(arena, &list, "b"));
    assert_false(strings_add_unique(arena, &list, "A"));
    strings_add(arena, &list, "a");
    assert_true(strings_has(&list, "B"));
    assert_false(strings_has(&list, "c"));
    assert_string_equal(strings_join(arena, &list, ", "), "a, b, a");
}

static void compared(void **state) {
    (void)state;
    assert_true(str_eq("a", "a"));
    assert_false(str_eq("a", "A"));
    assert_true(str_eq(NULL, NULL));
    assert_false(str_eq("a", NULL));
    assert_true(str_ieq("aB", "Ab"));
    assert_false(str_ieq(NULL, "a"));
    assert_true(str_ieq(NULL, NULL));
    assert_true(str_ieq_n("FROMx", 4, "from"));
    static const char *const words[] = {"a", "Bc", NULL};
    assert_true(str_in("Bc", words) && !str_in("bc", words) && !str_in(NULL, words));
    assert_true(str_iin("bC", words) && !str_iin("", words) && !str_iin(NULL, words));
    assert_false(str_ieq_n("FROMx", 5, "from"));
    assert_true(str_starts("abc", "ab"));
    assert_false(str_starts("abc", "AB"));
    assert_false(str_starts("a", "ab"));
    assert_true(str_istarts("abc", "AB"));
    assert_true(str_ends("x.csv", ".csv"));
    assert_false(str_ends("csv", ".csv"));
    assert_true(str_iends("x.CSV", ".csv"));
}

static void changed(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    assert_string_equal(str_lower(arena, "AbC É"), "abc É");
    assert_string_equal(str_trim(arena, " \t a b \n", 8), "a b");
    assert_string_equal(str_trim(arena, "  ", 2), "");
    assert_string_equal(str_replace(arena, "aXXbXX", "XX", "y"), "ayby");
    assert_string_equal(str_replace(arena, "abc", "x", "y"), "abc");
    assert_string_equal(str_replace(arena, "aa", "a", "aa"), "aaaa");
}

static void numbers(void **state) {
    (void)state;
    static const char *const right[] = {"0", "-0", "10", "-1.5", "1e5", "1E-2", "0.10", "1.5e+10"};
    static const char *const wrong[] = {"",     "-",     "01", "+1", ".5",  "1.",    "1e", "1e+",
                                        "0x1F", "1_000", " 1", "1 ", "nan", "02134", "1a", "--1"};
    for (size_t i = 0; i < sizeof right / sizeof *right; i++)
        assert_true(str_is_json_number(right[i]));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(str_is_json_number(wrong[i]));
    double x = 7;
    long long n = 7;
    assert_true(str_to_double("-1.5e2", &x));
    assert_true(x == -150);
    assert_false(str_to_double("1x", &x));
    assert_false(str_to_double("", &x));
    assert_false(str_to_double(NULL, &x));
    assert_false(str_to_double(" 1", &x));
    assert_false(str_to_double("inf", &x));
    assert_true(x == -150);
    assert_true(str_to_int64("-9223372036854775808", &n));
    assert_true(n == INT64_MIN);
    assert_false(str_to_int64("9223372036854775808", &n));
    assert_false(str_to_int64("1.0", &n));
    assert_false(str_to_int64("", &n));
    assert_true(n == INT64_MIN);
}

static void nearest(void **state) {
    (void)state;
    static const struct {
        const char *name, *want;
    } cases[] = {
        {"CRATE", "create"},
        {"create", "create"},
        {"ordrs", "orders"},
        {"ab", NULL},
        {"xyz", NULL},
        {"LAOD", "load"},
        {"rnu", "run"},
        {"abc", NULL},
        {"customrs_daly", "customers_daily"},
        {"daily", "customers_daily"},
        {"DAIL", "customers_daily"},
    };
    static const char *items[] = {"create", "orders", "load", "customers_daily", "run"};
    const Strings list = {items, 5, 0};
    AUTO_ARENA arena = arena_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *found = str_nearest(cases[i].name, &list);
        if (cases[i].want == NULL)
            assert_null(found);
        else
            assert_string_equal(found, cases[i].want);
    }
    assert_string_equal(str_did_you_mean(arena, "ordes", &list), " (did you mean 'orders'?)");
    assert_string_equal(str_did_you_mean(arena, "nothing", &list), "");
}

static void utf8(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t invalid_at;
    } cases[] = {
        {"abc", 3},
        {"é€🦆", 9},
        {"a\xff", 1},
        {"\xc3", 0},
        {"\xc0\x80", 0},
        {"\xe0\x80\x80", 0},
        {"\xed\xa0\x80", 0},
        {"\xf4\x90\x80\x80", 0},
        {"\xf0\x8f\xbf\xbf", 0},
        {"\xf0\x9f\xa6\x86", 4},
        {"a\x80", 1},
        {"\xe2\x82"
         "a",
         0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(utf8_invalid_at(cases[i].text, strlen(cases[i].text)),
                         cases[i].invalid_at);
    assert_int_equal(utf8_length("aé🦆", 7), 3);
    assert_int_equal(utf8_length("", 0), 0);
}

static void for_people(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    assert_string_equal(str_thousands(arena, 0), "0");
    assert_string_equal(str_thousands(arena, 999), "999");
    assert_string_equal(str_thousands(arena, -1234567), "-1,234,567");
    assert_string_equal(str_bytes(arena, 999), "999 B");
    assert_string_equal(str_bytes(arena, 1100), "1.1 kB");
    assert_string_equal(str_bytes(arena, 3000000), "3.0 MB");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists),      cmocka_unit_test(compared), cmocka_unit_test(changed),
        cmocka_unit_test(numbers),    cmocka_unit_test(nearest),  cmocka_unit_test(utf8),
        cmocka_unit_test(for_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
