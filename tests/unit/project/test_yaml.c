/* YAML: values by the core schema, spans, and what is refused with its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "project/project.h"

static Value *read_text(Arena *arena, const char *text, Error *err) {
    *err = (Error){0};
    return yaml_read(arena, source_new(arena, "p.yml", text, strlen(text)), err);
}

/* The tree as JSON, so that a case is one line. */
static void show(Buf *out, const Value *value) {
    bool is_map = value->kind == VALUE_OBJECT;
    if (value->kind != VALUE_ARRAY && !is_map) {
        const char *quote = value->kind == VALUE_STRING ? "\"" : "";
        buf_printf(out, "%s%s%s", quote,
                   value->kind == VALUE_NULL ? "null" : value_text(value), quote);
        return;
    }
    buf_putc(out, is_map ? '{' : '[');
    for (size_t i = 0; i < value->count; i++) {
        if (i > 0) buf_putc(out, ',');
        if (is_map) buf_printf(out, "%s:", value->members[i].key);
        show(out, value->members[i].value);
    }
    buf_putc(out, is_map ? '}' : ']');
}

static void values(void **state) {
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"", "null"},
        {"# only a comment\n", "null"},
        {"---\n...\n", "null"},
        {"a: 1\nb: -1.5e3\nc: 02134\nd: 1_000\ne: 0x1F\nf: .5\ng: +1\n",
         "{a:1,b:-1.5e3,c:\"02134\",d:\"1_000\",e:\"0x1F\",f:\".5\",g:\"+1\"}"},
        {"a: true\nb: FALSE\nc: yes\nd: no\ne: on\nf: 'true'\n",
         "{a:true,b:false,c:\"yes\",d:\"no\",e:\"on\",f:\"true\"}"},
        {"a:\nb: ~\nc: null\nd: 'null'\ne: ''\n", "{a:null,b:null,c:null,d:\"null\",e:\"\"}"},
        {"a: \"5\"\nb: 2024-01-15\nc: 12:30\n", "{a:\"5\",b:\"2024-01-15\",c:\"12:30\"}"},
        {"a: { b: [1, two, { c: 3 }] }", "{a:{b:[1,\"two\",{c:3}]}}"},
        {"a:\n  - 1\n  - b: 2\n    c: 3\n", "{a:[1,{b:2,c:3}]}"},
        {"a: |\n  x\n  y\nb: >-\n  p\n  q\n", "{a:\"x\ny\n\",b:\"p q\"}"},
        {"a: \"\\u00e4\\n\"\n", "{a:\"\xc3\xa4\n\"}"},
        {"\xef\xbb\xbf" "a: 1\r\nb: x y\r\n", "{a:1,b:\"x y\"}"},
        {"{\"a\":1,\"b\":[true,null]}", "{a:1,b:[true,null]}"},
        {"1: a\ntrue: b\n", "{1:\"a\",true:\"b\"}"},
        {"p: ${X:-a}\nq: { r: \"${X|b}\" }\n", "{p:\"${X:-a}\",q:{r:\"${X|b}\"}}"},
        {"%YAML 1.2\n---\na: 1\n", "{a:1}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_ARENA arena = arena_new();
        Error err;
        const Value *value = read_text(arena, cases[i].text, &err);
        if (value == NULL) fail_msg("%s: %s", cases[i].text, err.message);
        Buf out = buf_on(arena);
        show(&out, value);
        assert_string_equal(buf_text(&out), cases[i].want);
    }
}

static void errors(void **state) {
    (void)state;
    static const struct {
        const char *text;
        unsigned line, column;
        const char *message;
    } cases[] = {
        {"a: 1\nb: 2\nA: 3\n", 3, 1, "given twice, first in line 1"},
        {"x: { b: 1, b: 2 }\n", 1, 12, "'b' is given twice"},
        {"a: &x 1\nb: *x\n", 1, 4, "anchors"},
        {"b: *x\n", 1, 4, "aliases"},
        {"a: !!int 1\n", 1, 4, "tags"},
        {"a: !x { b: 1 }\n", 1, 4, "tags"},
        {"a: 1\n---\nb: 2\n", 2, 1, "one document"},
        {"a: b: c\n", 1, 5, "`:` cannot stand here"},
        {"a:\n\t- 1\n", 2, 1, "cannot start"},
        {"a: @b\n", 1, 4, "cannot start"},
        {"\xc3\xa4: 1\n\xc3\xb6: @b\n", 2, 4, "cannot start"},
        {"a: { b: 1\n", 2, 1, "`,` or `}`"},
        {"a: [1, 2\nb: 3\n", 2, 2, "`,` or `]`"},
        {"a:\n  b: 1\n c: 2\n", 3, 2, "a key"},
        {"a: \"x\n", 1, 4, "never closed"},
        {"a: \"\\q\"\n", 1, 5, "escape"},
        {"a\nb: 1\n", 2, 2, "`:` cannot stand here"},
        {"a: 1\nb\nc: 2\n", 3, 1, "`:` is missing"},
        {"a: \x01\n", 1, 4, "control character"},
        {"a: \xff\n", 1, 4, "UTF-8"},
        {"{a: 1}: 2\n", 1, 1, "simple text"},
        {"? [a]\n: 2\n", 1, 3, "simple text"},
        {"a: \"x\\0y\"\n", 1, 4, "NUL"},
        {"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", 1, 65,
         "64 levels"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_ARENA arena = arena_new();
        Error err;
        if (read_text(arena, cases[i].text, &err) != NULL) fail_msg("no error: %s", cases[i].text);
        Position at = span_position(err.span);
        if (at.line != cases[i].line || at.column != cases[i].column ||
            strstr(err.message, cases[i].message) == NULL)
            fail_msg("%s\n%u:%u: %s", cases[i].text, at.line, at.column, err.message);
        assert_int_equal(err.code, ERR_PROFILE);
    }
    AUTO_ARENA arena = arena_new();
    Error err = {0};
    assert_null(yaml_read(arena, source_new(arena, "p.yml", "a: \0b", 5), &err));
    assert_non_null(strstr(err.message, "NUL"));
}

static void spans_point_at_values(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Error err;
    const Value *root = read_text(
        arena, "\xc3\xa4: 'x \xc3\xb6'\r\nkey:\r\n  - [a, bb]\r\n  - c: |\r\n      d\r\n", &err);
    assert_string_equal(span_text(arena, root->members[0].key_span), "\xc3\xa4");
    assert_string_equal(span_text(arena, root->members[0].value->span), "'x \xc3\xb6'");
    const Value *list = value_get(root, "key");
    assert_string_equal(span_text(arena, list->members[0].value->span), "[a, bb]");
    assert_string_equal(span_text(arena, list->members[0].value->members[1].value->span), "bb");
    assert_string_equal(span_text(arena, list->members[1].value->span), "c: |\r\n      d");
    assert_int_equal(span_position(list->span).line, 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(errors),
        cmocka_unit_test(spans_point_at_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
