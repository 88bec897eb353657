/* The Value tree and the JSON writer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "base/json.h"

static void values(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Value *object = value_new(arena, VALUE_OBJECT, SPAN_NONE);
    Value *truth = value_new(arena, VALUE_BOOL, SPAN_NONE);
    Value *number = value_new(arena, VALUE_NUMBER, SPAN_NONE);
    truth->boolean = true;
    number->text = "1.50";
    for (int i = 0; i < 10; i++)
        value_add(arena, object, arena_printf(arena, "key%d", i), SPAN_NONE,
                  value_string(arena, "text", SPAN_NONE));
    value_add(arena, object, "Truth", SPAN_NONE, truth);
    assert_int_equal(object->count, 11);
    assert_ptr_equal(value_get(object, "tRUTH"), truth);
    assert_null(value_get(object, "none"));
    assert_null(value_get(truth, "a"));
    assert_null(value_get(NULL, "a"));
    assert_string_equal(value_text(truth), "true");
    assert_string_equal(value_text(number), "1.50");
    assert_string_equal(value_text(value_get(object, "key9")), "text");
    assert_string_equal(value_text(value_new(arena, VALUE_NULL, SPAN_NONE)), "");
    assert_string_equal(value_text(value_new(arena, VALUE_BOOL, SPAN_NONE)), "false");
    assert_null(value_text(object));
    assert_string_equal(value_kind_name(VALUE_ARRAY), "a list");
    assert_string_equal(value_kind_name(VALUE_STRING), "a string");
}

static void written(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Buf out = buf_on(arena);
    JsonWriter json = json_writer(&out, false);
    json_object(&json, NULL);
    json_string(&json, "a\"b", "x\n\t\\\x01 é");
    json_string(&json, "none", NULL);
    json_array(&json, "list");
    json_int(&json, NULL, -5);
    json_double(&json, NULL, 0.5);
    json_double(&json, NULL, NAN);
    json_bool(&json, NULL, false);
    json_raw(&json, NULL, "{\"raw\":1}");
    json_null(&json, NULL);
    json_object(&json, NULL);
    json_end(&json);
    json_end(&json);
    json_bool(&json, "last", true);
    json_end(&json);
    assert_string_equal(buf_text(&out),
                        "{\"a\\\"b\": \"x\\n\\t\\\\\\u0001 é\", \"none\": null, \"list\": "
                        "[-5, 0.5, null, false, {\"raw\":1}, null, {}], \"last\": true}");
}

static void indented(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Buf out = buf_on(arena);
    JsonWriter json = json_writer(&out, true);
    json_object(&json, NULL);
    json_int(&json, "a", 1);
    json_array(&json, "b");
    json_int(&json, NULL, 2);
    json_int(&json, NULL, 3);
    json_end(&json);
    json_array(&json, "c");
    json_end(&json);
    json_end(&json);
    assert_string_equal(buf_text(&out),
                        "{\n  \"a\": 1,\n  \"b\": [\n    2,\n    3\n  ],\n  \"c\": []\n}\n");
}

static void invalid_text(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Buf out = buf_on(arena);
    JsonWriter json = json_writer(&out, false);
    json_string(&json, NULL,
                "a\xff\xfe"
                "b\xc3\x7f");
    assert_string_equal(buf_text(&out), "\"a\ufffd\ufffdb\ufffd\\u007f\"");
}

static void value_tree(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Buf out = buf_on(arena);
    JsonWriter json = json_writer(&out, false);
    Value *object = value_new(arena, VALUE_OBJECT, SPAN_NONE);
    Value *list = value_new(arena, VALUE_ARRAY, SPAN_NONE);
    Value *number = value_new(arena, VALUE_NUMBER, SPAN_NONE);
    number->text = "12345678901234567890.10";
    value_add(arena, list, NULL, SPAN_NONE, number);
    value_add(arena, list, NULL, SPAN_NONE, value_new(arena, VALUE_NULL, SPAN_NONE));
    value_add(arena, list, NULL, SPAN_NONE, value_new(arena, VALUE_BOOL, SPAN_NONE));
    value_add(arena, object, "list", SPAN_NONE, list);
    value_add(arena, object, "s", SPAN_NONE, value_string(arena, "x", SPAN_NONE));
    json_value(&json, NULL, object);
    assert_string_equal(buf_text(&out),
                        "{\"list\": [12345678901234567890.10, null, false], \"s\": \"x\"}");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),       cmocka_unit_test(written),    cmocka_unit_test(indented),
        cmocka_unit_test(invalid_text), cmocka_unit_test(value_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
