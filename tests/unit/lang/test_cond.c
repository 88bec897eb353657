/* Conditions: every operator, null, types, precedence, bare words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/str.h"
#include "lang/cond.h"

static const Value *variable(void *context, const char *name, bool pipeline_only) {
    static const struct {
        const char *name;
        Value value;
        bool environment;
    } variables[] = {
        {"n", {.kind = VALUE_NUMBER, .text = "10"}, false},
        {"big", {.kind = VALUE_NUMBER, .text = "9007199254740993"}, false},
        {"x1", {.kind = VALUE_NUMBER, .text = "1.50"}, false},
        {"zero", {.kind = VALUE_NUMBER, .text = "0"}, false},
        {"s", {.kind = VALUE_STRING, .text = "prod"}, false},
        {"sp", {.kind = VALUE_STRING, .text = "a b"}, false},
        {"quote", {.kind = VALUE_STRING, .text = "it's"}, false},
        {"five", {.kind = VALUE_STRING, .text = "5"}, false},
        {"yes", {.kind = VALUE_STRING, .text = "true"}, false},
        {"t", {.kind = VALUE_BOOL, .boolean = true}, false},
        {"f", {.kind = VALUE_BOOL, .boolean = false}, false},
        {"nil", {.kind = VALUE_NULL}, false},
        {"day", {.kind = VALUE_STRING, .text = "2024-06-01"}, false},
        {"e", {.kind = VALUE_STRING, .text = "us-east"}, false},
        {"a.b", {.kind = VALUE_STRING, .text = "dotted"}, false},
        {"HOME", {.kind = VALUE_STRING, .text = "/root"}, true},
    };
    (void)context;
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        if (str_eq(variables[i].name, name))
            return variables[i].environment && pipeline_only ? NULL : &variables[i].value;
    return NULL;
}

static bool evaluate(Arena *arena, const char *text, bool *result) {
    Diags diags = diags_on(arena);
    CondHost host = {NULL, variable};
    const SourceText *source = source_new(arena, "t", text, strlen(text));
    bool right = cond_evaluate(arena, span_of(source, 0, source->size), &host, result, &diags);
    assert_int_equal(right, diags.errors == 0);
    assert_true(diags.errors <= 1);
    if (!right) assert_int_equal(diags.items[0].code, ERR_CONDITION);
    return right;
}

static void check(const char *const *texts, bool want) {
    AUTO_ARENA arena = arena_new();
    for (; *texts != NULL; texts++) {
        bool result = !want;
        if (!evaluate(arena, *texts, &result)) fail_msg("malformed: %s", *texts);
        if (result != want) fail_msg("not %s: %s", want ? "true" : "false", *texts);
    }
}

#define TRUE(...)  check((const char *const[]){__VA_ARGS__, NULL}, true)
#define FALSE(...) check((const char *const[]){__VA_ARGS__, NULL}, false)

static void numbers(void **state) {
    (void)state;
    TRUE("${n} == 10", "${n} = 10", "${n} <> 11", "${n} > 9", "${n} >= 10", "${n} == 1e1",
         "${x1} == 1.5", "-1 < 0", "-1.5 >= -2", "${big} > 9007199254740992", "n > 5");
    FALSE("${n} != 10", "${n} < 9", "${n} <= 9.99", "${big} == 9007199254740992",
          "${big} < 9007199254740992");
}

static void texts(void **state) {
    (void)state;
    TRUE("${s} == 'prod'", "${s} == prod", "'${s}' == 'prod'", "${s} == \"prod\"", "${s} != dev",
         "'a' < 'b'", "'b' >= 'b'", "'it''s' == 'it''s'", "'x=y' == 'x=y'",
         "${day} >= '2024-01-01'", "${day} >= 2024-01-01", "${sp} == 'a b'",
         "'${quote}' == ${quote}", "'${n}' == '10'", "'v${n}!' == 'v10!'", "'\\${n}' == '\\${n}'",
         "'${missing}' == ''", "'${missing|a b}' == 'a b'", "pre_${n}.csv == 'pre_10.csv'",
         "$$prod$$ == ${s}", "E'prod' == ${s}");
    FALSE("${s} == 'PROD'", "${day} < '2024-05-31'", "${five} < 10", "007 == 7");
}

static void bare_words(void **state) {
    (void)state;
    TRUE("s == 'prod'", "${e} == us-east", "us-east == 'us-east'", "v1.2 == 'v1.2'",
         "a.b == 'dotted'", "unknown == 'unknown'", "HOME == 'HOME'", "${HOME} == '/root'",
         "10.0.0.1 == '10.0.0.1'", "not-a == 'not-a'");
    FALSE("unknown", "HOME", "us-east");
}

static void booleans(void **state) {
    (void)state;
    TRUE("true", "TRUE", "${t}", "not ${f}", "${yes}", "${t} == true", "${t} == 'true'",
         "${f} == 'false'", "${yes} == true", "'TRUE' == 'true'", "${t} > ${f}", "${n}", "1");
    FALSE("FALSE", "NOT ${t}", "${f}", "${f} == true", "${zero}", "${s}", "${nil}", "'x'",
          "${missing}", "null", "'1'");
}

static void logic(void **state) {
    (void)state;
    TRUE("true or false and false", "not false and true", "not not true", "false or true",
         "(true or false) and true", "not (${n} == 11 or ${s} == 'x')", "((true))",
         "${n} > 9 and ${n} < 11", "true AND NOT false /* c */ -- d\n");
    FALSE("(true or false) and false", "true and false", "FALSE OR FALSE", "not (true)",
          "not true or false");
}

static void nulls(void **state) {
    (void)state;
    TRUE("${missing} is null", "${nil} IS NULL", "${s} is not null", "${missing} != 'a'",
         "${missing} <> ${nil}", "${missing} not in ('a')", "not (${missing} == 'a')",
         "${missing|z} == 'z'", "${missing|'a b'} == 'a b'", "${missing|5} == 5.0",
         "${missing|true}", "${missing|'true'}", "${missing|null} is null", "${missing|} == ''",
         "${missing|'null'} is not null");
    FALSE("${missing} == 'a'", "${missing} < 5", "${missing} >= 5", "${nil} == ${nil}",
          "${missing} == null", "${missing} is not null", "${missing} in ('a')",
          "${missing} like '%'", "${missing} not like 'a'", "${s} like ${nil}", "${s|z} == 'z'",
          "${nil|z} == 'z'");
}

static void lists(void **state) {
    (void)state;
    TRUE("${s} in ('dev', 'prod')", "${s} in (dev, prod)", "${n} in (9, 10.0)",
         "${s} not in ('dev')", "${n} not in (null)", "1 in (${missing}, 1)");
    FALSE("${s} IN ('dev')", "${s} not in (prod)", "${n} in ('11')");
}

static void like(void **state) {
    (void)state;
    TRUE("${s} like 'pr%'", "${s} like 'p_od'", "${s} LIKE '%'", "${s} not like 'x%'",
         "'größe' like 'gr_ße'", "'abcabc' like '%bc'", "'a' like 'a%%'", "'' like '%'",
         "'aXbXc' like 'a%X%c'", "${n} like '1_'");
    FALSE("${s} LIKE 'x%'", "${s} like 'PROD'", "${s} like 'pro'", "'' like '_'",
          "'größe' like 'gr__ße'", "${s} like ''");
}

static void wrong(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",     "==",        "${a} ==",       "${a} b",    "(true",      "true)",
        "not",  "a and",     "or a",          "${a} in",   "${a} in ()", "${a} in (1",
        "a is", "a is true", "a not 1",       "1 < 2 < 3", "a && b",     "a || b",
        "!a",   "a === b",   "a/b",           "${a b}",    "'open",      "a in (1 2)",
        "and",  "a like",    "(a == 1) == 2",
    };
    AUTO_ARENA arena = arena_new();
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        bool result;
        Diags diags = diags_on(arena);
        const SourceText *source = source_new(arena, "t", texts[i], strlen(texts[i]));
        if (evaluate(arena, texts[i], &result)) fail_msg("right: %s", texts[i]);
        assert_false(cond_check(arena, span_of(source, 0, source->size), &diags));
    }
}

static void deep(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Buf text = buf_on(arena);
    bool result = false;
    for (int i = 0; i < 100000; i++) buf_puts(&text, i % 2 ? "not " : "(");
    assert_false(evaluate(arena, buf_text(&text), &result));
    assert_true(evaluate(arena, "not (not (not (not (true))))", &result));
    assert_true(result);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),  cmocka_unit_test(texts), cmocka_unit_test(bare_words),
        cmocka_unit_test(booleans), cmocka_unit_test(logic), cmocka_unit_test(nulls),
        cmocka_unit_test(lists),    cmocka_unit_test(like),  cmocka_unit_test(wrong),
        cmocka_unit_test(deep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
