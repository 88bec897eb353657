/* Time macros: replaced where they are macros, left alone elsewhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "plan/macros.h"

static void expands(void **state) {
    (void)state;
    static const struct {
        const char *sql, *expected;
    } cases[] = {
        {"SELECT 1", "SELECT 1"},
        {"x >= @start_dt", "x >= TIMESTAMP '2024-01-31 10:30:00.5'"},
        {"x < @END_DT", "x < TIMESTAMP '2024-02-01 00:00:00'"},
        {"d BETWEEN @start_date AND @end_date",
         "d BETWEEN DATE '2024-01-31' AND DATE '2024-02-01'"},
        {"'@start_dt'", "'@start_dt'"},
        {"\"@start_dt\"", "\"@start_dt\""},
        {"-- @start_dt\n@start_date", "-- @start_dt\nDATE '2024-01-31'"},
        {"@(-5), @x, @ start_dt, @start_dtx", "@(-5), @x, @ start_dt, @start_dtx"},
        {"$$@end_dt$$", "$$@end_dt$$"},
    };
    const Window window = {"2024-01-31 10:30:00.5", "2024-02-01 00:00:00"};
    AUTO_ARENA arena = arena_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(macros_expand(arena, cases[i].sql, &window), cases[i].expected);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(expands)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
