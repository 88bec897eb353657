/* Tests of base/clock: the text forms at their edges, and run ids. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "base/clock.h"

static void text_forms(void **state) {
    (void)state;
    static const struct {
        int64_t us;
        const char *timestamp, *iso, *date;
    } cases[] = {
        {0, "1970-01-01 00:00:00.000000", "1970-01-01T00:00:00.000000Z", "1970-01-01"},
        {-1, "1969-12-31 23:59:59.999999", "1969-12-31T23:59:59.999999Z", "1969-12-31"},
        {951782400000001, "2000-02-29 00:00:00.000001", "2000-02-29T00:00:00.000001Z",
         "2000-02-29"},
        {1795352701123456, "2026-11-22 13:05:01.123456", "2026-11-22T13:05:01.123456Z",
         "2026-11-22"},
    };
    AUTO_ARENA arena = arena_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_string_equal(clock_timestamp(arena, cases[i].us), cases[i].timestamp);
        assert_string_equal(clock_iso(arena, cases[i].us), cases[i].iso);
        assert_string_equal(clock_date(arena, cases[i].us), cases[i].date);
    }
}

static void run_ids(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    const char *one = clock_run_id(arena, 1795352701123456);
    const char *other = clock_run_id(arena, 1795352701123456);
    const char *later = clock_run_id(arena, 1795352702000000);
    assert_int_equal(strlen(one), strlen("20261122-130501-7f3a1c09"));
    assert_int_equal(strncmp(one, "20261122-130501-", 16), 0);
    assert_int_equal(strspn(one + 16, "0123456789abcdef"), 8);
    assert_string_not_equal(one, other);
    assert_true(strcmp(one, later) < 0);
}

static void clocks_go_forward(void **state) {
    (void)state;
    double steady = clock_steady();
    assert_true(clock_steady() >= steady);
    assert_true(clock_wall_us() > 1700000000000000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_forms),
        cmocka_unit_test(run_ids),
        cmocka_unit_test(clocks_go_forward),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
