/* What DuckDB's own CREATE TABLE tells: where the columns begin, which of them are generated. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/ddl.h"

static void generated(void **state) {
    (void)state;
    static const struct {
        const char *ddl, *names;
    } cases[] = {
        {"CREATE TABLE t(a INTEGER, b INTEGER);", ""},
        {"CREATE TABLE t(a INTEGER, b INTEGER GENERATED ALWAYS AS((a + 1)), c DATE);", "b"},
        {"CREATE TABLE t(\"b \"\"x\" INTEGER GENERATED ALWAYS AS((a * 2)), a INTEGER);", "b \"x"},
        {"CREATE TABLE t(a VARCHAR DEFAULT(' GENERATED ALWAYS AS('), b INTEGER);", ""},
        {"CREATE TABLE t(a DECIMAL(10,2), s STRUCT(x INTEGER, \"y)\" DATE)[], "
         "e ENUM('(', ','), g DECIMAL(18,3) GENERATED ALWAYS AS(CAST(a AS DECIMAL(18,3))), "
         "CHECK((a > 0)), h VARCHAR GENERATED ALWAYS AS(concat('it''s, (', a)));", "g|h"},
        {"CREATE TABLE \"a(b, c GENERATED ALWAYS AS(\"(d INTEGER);", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_ARENA arena = arena_new();
        Strings names = {0};
        ddl_generated(arena, cases[i].ddl, &names);
        assert_string_equal(strings_join(arena, &names, "|"), cases[i].names);
    }
}

static void body(void **state) {
    (void)state;
    assert_string_equal(ddl_body("CREATE TABLE s.\"a(\"\"b\"(c INTEGER);"), "(c INTEGER);");
    assert_string_equal(ddl_body("CREATE VIEW"), "");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(generated), cmocka_unit_test(body)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
