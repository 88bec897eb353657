/* Buf: growing, formatting, SQL's two ways of quoting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/buf.h"

static void grows(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Buf buf = buf_on(arena);
    assert_string_equal(buf_text(&buf), "");
    for (int i = 0; i < 10000; i++) buf_printf(&buf, "%d,", i % 10);
    assert_int_equal(buf.size, 20000);
    assert_int_equal(strlen(buf_text(&buf)), 20000);
    assert_memory_equal(buf_text(&buf) + 19990, "5,6,7,8,9,", 11);
}

static void puts_parts(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Buf buf = buf_on(arena);
    buf_put(&buf, "abcdef", 3);
    buf_putc(&buf, '-');
    buf_puts(&buf, "x");
    buf_put(&buf, NULL, 0);
    buf_printf(&buf, "%s", "");
    assert_string_equal(buf_text(&buf), "abc-x");
}

static void quotes(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Buf buf = buf_on(arena);
    buf_ident(&buf, "a \"b\"");
    buf_putc(&buf, ' ');
    buf_literal(&buf, "it's");
    buf_putc(&buf, ' ');
    buf_literal_n(&buf, "''x", 2);
    assert_string_equal(buf_text(&buf), "\"a \"\"b\"\"\" 'it''s' ''''''");
    assert_string_equal(sql_ident(arena, ""), "\"\"");
    assert_string_equal(sql_literal(arena, "; -- é"), "'; -- é'");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(grows), cmocka_unit_test(puts_parts),
                                       cmocka_unit_test(quotes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
