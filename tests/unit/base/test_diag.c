/* Diagnostics: collecting, sorting, exit codes, rendering for people and for programs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/diag.h"
#include "base/redact.h"
#include "base/str.h"

static int forget(void **state) {
    (void)state;
    redact_reset();
    return 0;
}

static const char *render(Arena *arena, const char *text, size_t start, size_t end) {
    Buf out = buf_on(arena);
    const SourceText *source = source_new(arena, "f.sf", text, strlen(text));
    Diag diag = {SEVERITY_ERROR, ERR_SYNTAX, span_of(source, start, end), "m", "", ""};
    diag_render(&out, &diag, false);
    return buf_text(&out);
}

static void lines(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t start, end;
        const char *place, *line, *caret;
    } cases[] = {
        {"abc def", 4, 7, "1:5", "abc def", "    ^^^"},
        {"a\nbc\n", 2, 4, "2:1", "bc", "^^"},
        {"\tb\tc", 3, 4, "1:4", "    b   c", "        ^"},
        {"é→x", 5, 6, "1:3", "é→x", "  ^"},
        {"日本x", 6, 7, "1:3", "日本x", "    ^"},
        {"e\u0301x", 3, 4, "1:3", "e\u0301x", " ^"},
        {"ab\r\ncd", 1, 1, "1:2", "ab", " ^"},
        {"ab\ncd", 1, 5, "1:2", "ab", " ^"},
        {"a\x01z", 2, 3, "1:3", "a?z", "  ^"},
        {"ab", 2, 2, "1:3", "ab", "  ^"},
        {"\xff\xfex", 2, 3, "1:3", "??x", "  ^"},
    };
    AUTO_ARENA arena = arena_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned line = (unsigned)(cases[i].place[0] - '0');
        assert_string_equal(
            render(arena, cases[i].text, cases[i].start, cases[i].end),
            arena_printf(arena, "error[SF0101]: m\n  --> f.sf:%s\n   |\n %u | %s\n   | %s\n",
                         cases[i].place, line, cases[i].line, cases[i].caret));
    }
    assert_string_equal(render(arena, "a\n\nb", 2, 2),
                        "error[SF0101]: m\n  --> f.sf:2:1\n   |\n 2 |\n   | ^\n");
}

static void long_lines(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Buf text = buf_on(arena);
    for (int i = 0; i < 20000; i++) buf_puts(&text, i == 10000 ? "X" : "é");
    const char *out = render(arena, buf_text(&text), 20000, 20001);
    const char *line = strstr(out, "1 | "), *caret = strstr(out, "   | ^");
    assert_non_null(strstr(out, "f.sf:1:10001\n"));
    assert_true(strlen(out) < 600);
    assert_non_null(line);
    assert_null(caret);
    size_t column = utf8_length(line + 4, (size_t)(strchr(line, 'X') - line) - 4);
    caret = strchr(line, '^');
    const char *start = strchr(line, '\n') + 6;
    assert_int_equal(caret - start, column);
    out = render(arena, buf_text(&text), 0, 39999);
    assert_non_null(strstr(out, "…\n"));
    assert_true(strlen(out) < 600);
}

static void notes_and_gutter(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Buf out = buf_on(arena);
    const char *text = "\n\n\n\n\n\n\n\n\nlast";
    const SourceText *source = source_new(arena, "f.sf", text, strlen(text));
    Diag diag = {SEVERITY_WARNING, WARN_RAW_VARIABLE, span_of(source, 9, 13), "m",
                 "one\ntwo",       "load_t"};
    diag_render(&out, &diag, false);
    assert_string_equal(buf_text(&out),
                        "warning[SF0203]: m\n   --> f.sf:10:1\n    |\n 10 | last\n"
                        "    | ^^^^\n    = step: load_t\n    = hint: one\n            two\n");
    out = buf_on(arena);
    diag.span = SPAN_NONE;
    diag.step = "";
    diag_render(&out, &diag, true);
    assert_string_equal(buf_text(&out),
                        "\033[1;33mwarning[SF0203]\033[0m\033[1m: m\033[0m\n"
                        "\033[1;34m   =\033[0m \033[1mhint:\033[0m one\n           two\n");
}

static void secrets(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Buf out = buf_on(arena);
    redact_add("hunter2222");
    const char *text = "a 'hunter2222' wrong";
    const SourceText *source = source_new(arena, "f.sf", text, strlen(text));
    Diag diag = {SEVERITY_ERROR, ERR_SYNTAX,     span_of(source, 15, 20),
                 "m hunter2222", "h hunter2222", ""};
    diag_render(&out, &diag, false);
    assert_string_equal(buf_text(&out),
                        "error[SF0101]: m ***\n  --> f.sf:1:16\n   |\n"
                        " 1 | a '***' wrong\n   |         ^^^^^\n   = hint: h ***\n");
    out = buf_on(arena);
    JsonWriter json = json_writer(&out, false);
    diag_json(&json, &diag);
    assert_null(strstr(buf_text(&out), "hunter"));
}

static void documents(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Buf out = buf_on(arena);
    JsonWriter json = json_writer(&out, false);
    const SourceText *source = source_new(arena, "f.sf", "é\néx", 6);
    Diag diag = {SEVERITY_ERROR, ERR_SYNTAX, span_of(source, 5, 6), "m", "h", "s"};
    diag_json(&json, &diag);
    assert_string_equal(buf_text(&out),
                        "{\"severity\": \"error\", \"code\": \"SF0101\", \"class\": \"syntax\", "
                        "\"message\": \"m\", \"hint\": \"h\", \"file\": \"f.sf\", \"line\": 2, "
                        "\"column\": 2, \"step\": \"s\"}");
    out = buf_on(arena);
    diag = (Diag){SEVERITY_WARNING, WARN_ASSERT, SPAN_NONE, "m", "", ""};
    diag_json(&json, &diag);
    assert_string_equal(buf_text(&out),
                        "{\"severity\": \"warning\", \"code\": \"SF0603\", \"class\": "
                        "\"execution\", "
                        "\"message\": \"m\", \"hint\": null, \"file\": null, \"line\": null, "
                        "\"column\": null, \"step\": null}");
}

static void collected(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Diags diags = diags_on(arena);
    Error err;
    assert_int_equal(diags_exit_code(&diags), 0);
    diag_warning(&diags, WARN_ASSERT, SPAN_NONE, "w%d", 1);
    assert_int_equal(diags_exit_code(&diags), 0);
    diag_error(&diags, ERR_CONNECTION, SPAN_NONE, "e")->hint = "h";
    diag_error(&diags, ERR_CYCLE, SPAN_NONE, "e");
    assert_int_equal(diags_exit_code(&diags), 3);
    error_set(&err, ERR_JSON, SPAN_NONE, "from an error");
    error_hint(&err, "a hint");
    diag_add(&diags, SEVERITY_ERROR, &err);
    assert_int_equal(diags_exit_code(&diags), 2);
    assert_int_equal(diags.count, 4);
    assert_int_equal(diags.errors, 3);
    assert_string_equal(diags.items[0].message, "w1");
    assert_string_equal(diags.items[1].hint, "h");
    assert_string_equal(diags.items[3].message, "from an error");
    assert_string_equal(diags.items[3].hint, "a hint");
    assert_string_equal(diag_code(arena, ERR_INTERNAL), "SF1901");
}

static void sorted(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Diags diags = diags_on(arena);
    const SourceText *a = source_new(arena, "a", "0123456789", 10);
    const SourceText *b = source_new(arena, "b", "0123456789", 10);
    diags_sort(&diags);
    diag_error(&diags, ERR_SYNTAX, span_of(b, 5, 6), "b5");
    diag_error(&diags, ERR_SYNTAX, span_of(a, 7, 8), "a7");
    diag_error(&diags, ERR_SYNTAX, span_of(b, 1, 2), "b1");
    diag_error(&diags, ERR_SYNTAX, span_of(a, 2, 3), "a2");
    diag_error(&diags, ERR_SYNTAX, span_of(b, 1, 9), "b1 again");
    diags_sort(&diags);
    static const char *const want[] = {"b1", "b1 again", "b5", "a2", "a7"};
    for (size_t i = 0; i < 5; i++) assert_string_equal(diags.items[i].message, want[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines),     cmocka_unit_test(long_lines),
        cmocka_unit_test(documents), cmocka_unit_test(notes_and_gutter),
        cmocka_unit_test(collected), cmocka_unit_test_setup_teardown(secrets, forget, forget),
        cmocka_unit_test(sorted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
