/* Lenient JSON: what it accepts, what the values and their places are. Its errors are in
 * tests/lang_errors/json.test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lang/json.h"

static Value *parse(Arena *arena, const char *text, Diags *diags) {
    return json_parse_document(arena, source_new(arena, "t", text, strlen(text)), diags);
}

static void accepted(void **state) {
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"{}", "{}"},
        {" [ ] ", "[]"},
        {"{\"a\": 1, \"b\": [true, false, null]}", "{\"a\": 1, \"b\": [true, false, null]}"},
        {"{\"a\": -1.5e3,}", "{\"a\": -1.5e3}"},
        {"[1, 2, ]", "[1, 2]"},
        {"{ -- c\n a /* b */ : /* c */ 'x' -- d\n}", "{\"a\": \"x\"}"},
        {"{'it''s': 'it''s'}", "{\"it's\": \"it's\"}"},
        {"{a-b.c: TRUE, größe: Null}", "{\"a-b.c\": true, \"größe\": null}"},
        {"\"\"\"a \"b\" \\n\n;\"\"\"", "\"a \\\"b\\\" \\\\n\\n;\""},
        {"\"\"", "\"\""},
        {"''", "\"\""},
        {"\"a\\\"\\\\\\/\\n\\r\\t\\b\\f\\'\"", "\"a\\\"\\\\/\\n\\r\\t\\b\\f'\""},
        {"'\\t\\\"\\''", "\"\\t\\\"'\""},
        {"\"\\u00e9\\u20ac\\ud83e\\udd86\"", "\"é€🦆\""},
        {"[${a}, ${b|1}, ${c|'x y'}, $d]", "[\"${a}\", \"${b|1}\", \"${c|'x y'}\", \"${d}\"]"},
        {"\"$a/${b|c}/\\${d}\"", "\"$a/${b|c}/\\\\${d}\""},
        {"\"${a|\"b c\"}\"", "\"${a|\\\"b c\\\"}\""},
        {"'${a|'b c'}'", "\"${a|'b c'}\""},
        {"\"${a|\\\"b\\\"}\"", "\"${a|\\\"b\\\"}\""},
        {"'};{'", "\"};{\""},
        {"[[[[]]], {\"a\": {}}]", "[[[[]]], {\"a\": {}}]"},
        {"0", "0"},
        {"{a/* c */:1-- d\n,b:true/* e */,c:${v}/* f */,d:$w-- g\n}",
         "{\"a\": 1, \"b\": true, \"c\": \"${v}\", \"d\": \"${w}\"}"},
    };
    AUTO_ARENA arena = arena_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Diags diags = diags_on(arena);
        Value *value = parse(arena, cases[i].text, &diags);
        if (value == NULL) fail_msg("%s: %s", cases[i].text, diags.items[0].message);
        Buf out = buf_on(arena);
        JsonWriter json = json_writer(&out, false);
        json_value(&json, NULL, value);
        assert_string_equal(buf_text(&out), cases[i].want);
    }
}

static void kinds_and_places(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Diags diags = diags_on(arena);
    Value *value = parse(arena, "{\n  path: 'a.csv',\n  \"n\": ${v|1}, t: true}", &diags);
    assert_non_null(value);
    assert_int_equal(value->count, 3);
    assert_int_equal(value->members[0].key_span.start, 4);
    assert_int_equal(value->members[0].key_span.end, 8);
    assert_string_equal(span_text(arena, value->members[0].value->span), "'a.csv'");
    assert_string_equal(span_text(arena, value->members[1].key_span), "\"n\"");
    assert_int_equal(value->members[1].value->kind, VALUE_VARIABLE);
    assert_string_equal(value->members[1].value->text, "${v|1}");
    assert_int_equal(span_position(value->members[1].value->span).line, 3);
    assert_int_equal(span_position(value->members[1].value->span).column, 8);
    assert_int_equal(value_get(value, "T")->kind, VALUE_BOOL);
    assert_int_equal(value->span.start, 0);
}

static void refused(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",
        "{",
        "[1",
        "{a}",
        "{a:}",
        "{,}",
        "[,]",
        "01",
        "+1",
        ".5",
        "1.",
        "0x1F",
        "1_000",
        "nan",
        "\"a",
        "'a",
        "\"a\nb\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\udc00\"",
        "\"\\ud800\\u0041\"",
        "\"\\u0000\"",
        "{} x",
        "{} {}",
        "/* a",
        "[1 /* a",
        "${",
        "\"${a\"",
        "${a}b",
        "\"\"\"a",
        "{'a' 1}",
        "[1;2]",
        "{a: 1; b: 2}",
        "\"\\",
    };
    AUTO_ARENA arena = arena_new();
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        Diags diags = diags_on(arena);
        if (parse(arena, texts[i], &diags) != NULL) fail_msg("accepted: %s", texts[i]);
        assert_int_equal(diags.errors, 1);
        assert_int_equal(error_class(diags.items[0].code), CLASS_SYNTAX);
    }
}

static void duplicates(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Diags diags = diags_on(arena);
    Value *value = parse(arena, "{a: 1, b: {a: 2}, A: 3}", &diags);
    assert_non_null(value);
    assert_int_equal(diags.errors, 1);
    assert_int_equal(diags.items[0].code, ERR_DUPLICATE_KEY);
    assert_int_equal(diags.items[0].span.start, 18);
}

static void deep(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Buf text = buf_on(arena);
    Diags diags = diags_on(arena);
    for (int i = 0; i < 100000; i++) buf_puts(&text, "[");
    assert_null(parse(arena, buf_text(&text), &diags));
    assert_string_equal(diags.items[0].message, "lists and objects are nested more than 200 deep");
}

static void part_of_a_text(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Diags diags = diags_on(arena);
    const char *text = "PARAMS {a: ';'} ; x";
    size_t at = 7;
    assert_non_null(json_parse(arena, source_new(arena, "t", text, strlen(text)), &at, &diags));
    assert_int_equal(at, 15);
    text = "{a: ? ';' \"b;c\" -- ;\n /* ; */ \"\"\";\"\"\" 'open\n ; x";
    at = 0;
    assert_null(json_parse(arena, source_new(arena, "t", text, strlen(text)), &at, &diags));
    assert_string_equal(text + at, "; x");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepted), cmocka_unit_test(kinds_and_places),
        cmocka_unit_test(refused),  cmocka_unit_test(duplicates),
        cmocka_unit_test(deep),     cmocka_unit_test(part_of_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
