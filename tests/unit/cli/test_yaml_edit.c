/* Tests of edits to a profile: what is added and removed, what stays byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "cli/yaml_edit.h"
#include "project/project.h"

static const Value *tree(Arena *arena, const char *text) {
    Error err = {0};
    const SourceText *source = source_new(arena, "p.yml", text, strlen(text));
    const Value *root = yaml_read(arena, source, &err);
    if (root == NULL) fail_msg("%s\n%s", err.message, text);
    return root;
}

static const YamlPair lake[] = {{"type", "s3"}, {"bucket", "my lake"}, {"key", "${KEY}"}};

typedef struct Case {
    const char *before, *after; /* after NULL: cannot be edited */
} Case;

static void add(void **state) {
    (void)state;
    static const Case cases[] = {
        {"engines: {}\n",
         "engines: {}\nconnections:\n  lake:\n    type: s3\n    bucket: \"my lake\"\n"
         "    key: \"${KEY}\"\n"},
        {"a: 1", "a: 1\nconnections:\n  lake:\n    type: s3\n    bucket: \"my lake\"\n"
                 "    key: \"${KEY}\"\n"},
        {"connections: {}   # none yet\nz: 1\n",
         "connections:  # none yet\n  lake:\n    type: s3\n    bucket: \"my lake\"\n"
         "    key: \"${KEY}\"\nz: 1\n"},
        {"connections:\nz: 1\n", "connections:\n  lake:\n    type: s3\n    bucket: \"my lake\"\n   "
                                 " key: \"${KEY}\"\nz: 1\n"},
        {"# top\nconnections: # mine\n    w: {type: postgres}   # one\n\n# next\nz: 1\n",
         "# top\nconnections: # mine\n    w: {type: postgres}   # one\n"
         "    lake:\n      type: s3\n      bucket: \"my lake\"\n      key: \"${KEY}\"\n"
         "\n# next\nz: 1\n"},
        {"connectors:\n  w:\n    type: csv\n    # deep\n    path: x",
         "connectors:\n  w:\n    type: csv\n    # deep\n    path: x\n"
         "  lake:\n    type: s3\n    bucket: \"my lake\"\n    key: \"${KEY}\"\n"},
        {"dev:\n  variables: {}\n",
         "dev:\n  variables: {}\n  connections:\n    lake:\n      type: s3\n"
         "      bucket: \"my lake\"\n      key: \"${KEY}\"\n"},
        {"connections: { w: { type: csv } }\n", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_ARENA arena = arena_new();
        Error err = {0};
        YamlPairs pairs = {(YamlPair *)(size_t)lake, 3, 3};
        const char *after = yaml_add_connection(arena, cases[i].before,
                                                tree(arena, cases[i].before), "lake", &pairs, &err);
        if (cases[i].after == NULL) {
            assert_null(after);
            assert_int_equal(err.code, ERR_PROFILE);
            continue;
        }
        assert_non_null(after);
        assert_string_equal(after, cases[i].after);
        tree(arena, after);
    }
}

static void remove_one(void **state) {
    (void)state;
    static const Case cases[] = {
        {"connections:\n  a:\n    type: csv\n    path: x\n  lake:\n    type: s3\n\n  b: {}\n",
         "connections:\n  a:\n    type: csv\n    path: x\n\n  b: {}\n"},
        {"connections:\n  lake: { type: s3 }\nz: 1\n", "connections: {}\nz: 1\n"},
        {"connections: # mine\n  # the lake\n  lake: {}\nz: 1\n",
         "connections: {}  # mine\n  # the lake\nz: 1\n"},
        {"x: 1\nconnections:\n  a: {}\n  lake:\n    type: s3", "x: 1\nconnections:\n  a: {}\n"},
        {"connections: { lake: {} }\n", NULL},
        {"connections: {}\n", NULL},
        {"x: 1\n", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_ARENA arena = arena_new();
        Error err = {0};
        const char *after = yaml_remove_connection(arena, cases[i].before,
                                                   tree(arena, cases[i].before), "lake", &err);
        if (cases[i].after == NULL) {
            assert_null(after);
            continue;
        }
        assert_non_null(after);
        assert_string_equal(after, cases[i].after);
        tree(arena, after);
    }
}

static void scalars(void **state) {
    (void)state;
    static const Case cases[] = {
        {"plain", "plain"},      {"a-b_c.d/e", "a-b_c.d/e"},
        {"5432", "5432"},        {"1.5", "1.5"},
        {"true", "true"},        {"null", "\"null\""},
        {"no", "\"no\""},        {"", "\"\""},
        {"a b", "\"a b\""},      {"${X}", "\"${X}\""},
        {"a: b", "\"a: b\""},    {"q\"\\", "\"q\\\"\\\\\""},
        {"-x", "\"-x\""},        {"02134", "\"02134\""},
        {"a\nb", "\"a\\x0ab\""},
    };
    AUTO_ARENA arena = arena_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_string_equal(yaml_scalar(arena, cases[i].before), cases[i].after);
        const Value *root = tree(arena, arena_printf(arena, "k: %s\n", cases[i].after));
        assert_string_equal(value_text(value_get(root, "k")), cases[i].before);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(add),
        cmocka_unit_test(remove_one),
        cmocka_unit_test(scalars),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
