/* Which casts keep every value, which are checked, which are refused; and the failed check's
 * message back to an error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine/casts.h"

static void kinds(void **state) {
    (void)state;
    static const struct {
        const char *from, *to;
        CastKind kind;
    } cases[] = {
        {"INTEGER", "INTEGER", CAST_EXACT},      {"INTEGER", "BIGINT", CAST_EXACT},
        {"UINTEGER", "BIGINT", CAST_EXACT},      {"UBIGINT", "BIGINT", CAST_CHECKED},
        {"UTINYINT", "TINYINT", CAST_CHECKED},   {"TINYINT", "UTINYINT", CAST_CHECKED},
        {"BIGINT", "INTEGER", CAST_CHECKED},     {"INTEGER", "DOUBLE", CAST_EXACT},
        {"BIGINT", "DOUBLE", CAST_CHECKED},      {"SMALLINT", "FLOAT", CAST_EXACT},
        {"INTEGER", "FLOAT", CAST_CHECKED},      {"FLOAT", "DOUBLE", CAST_EXACT},
        {"DOUBLE", "FLOAT", CAST_CHECKED},       {"INTEGER", "DECIMAL(12,2)", CAST_EXACT},
        {"INTEGER", "DECIMAL(11,2)", CAST_CHECKED},
        {"DECIMAL(10,2)", "DECIMAL(12,4)", CAST_EXACT},
        {"DECIMAL(10,2)", "DECIMAL(12,1)", CAST_CHECKED},
        {"DECIMAL(10,2)", "DECIMAL(10,4)", CAST_CHECKED},
        {"DATE", "TIMESTAMP", CAST_EXACT},       {"TIMESTAMP", "DATE", CAST_CHECKED},
        {"TIMESTAMP", "TIMESTAMP WITH TIME ZONE", CAST_EXACT},
        {"TIMESTAMP_S", "TIMESTAMP", CAST_EXACT}, {"TIMESTAMP_NS", "TIMESTAMP", CAST_CHECKED},
        {"BOOLEAN", "INTEGER", CAST_IMPOSSIBLE}, {"DOUBLE", "BOOLEAN", CAST_IMPOSSIBLE},
        {"INTEGER", "DATE", CAST_IMPOSSIBLE},    {"DATE", "BIGINT", CAST_IMPOSSIBLE},
        {"VARCHAR", "INTEGER", CAST_CHECKED},    {"VARCHAR", "BOOLEAN", CAST_CHECKED},
        {"STRUCT(a INTEGER)", "VARCHAR", CAST_EXACT},
        {"INTEGER[]", "BIGINT[]", CAST_CHECKED}, {"DECIMAL(5,1)[]", "DECIMAL(5,1)", CAST_CHECKED},
        {"\"NULL\"", "DATE", CAST_EXACT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (cast_kind(cases[i].from, cases[i].to) != cases[i].kind)
            fail_msg("%s to %s", cases[i].from, cases[i].to);
    }
}

static void equal_types_stay_bare(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Buf out = buf_on(arena);
    cast_expression(&out, &(Column){"a \"b\"", "INTEGER"}, "INTEGER", "n");
    assert_string_equal(buf_text(&out), "\"a \"\"b\"\"\"");
    out = buf_on(arena);
    cast_expression(&out, &(Column){"a", "INTEGER"}, "BIGINT", "n");
    assert_string_equal(buf_text(&out), "CAST(\"a\" AS BIGINT) AS \"a\"");
}

static void failed_check_is_read(void **state) {
    (void)state;
    Error err = {.code = ERR_STEP};
    snprintf(err.message, sizeof err.message,
             "Invalid Input Error: sqlflow-cast\x1fprice\x1fINTEGER\x1f%s\x1f%s\x1f", "1.5", "17");
    assert_true(cast_error_read(&err));
    assert_int_equal(err.code, ERR_CAST);
    assert_string_equal(err.message,
                        "column 'price', row 17: the value '1.5' does not fit INTEGER");
    Error other = {.code = ERR_STEP, .message = "Binder Error: sqlflow-cast"};
    assert_false(cast_error_read(&other));
    assert_int_equal(other.code, ERR_STEP);
    Error cut = {.code = ERR_STEP, .message = "sqlflow-cast\x1fprice\x1fINTEGER"};
    assert_false(cast_error_read(&cut));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds),
        cmocka_unit_test(equal_types_stay_bare),
        cmocka_unit_test(failed_check_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
