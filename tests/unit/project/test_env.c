/* .env, the environment, expansion in profile values, and finding projects and pipelines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/folder.h"
#include "base/fs.h"
#include "base/redact.h"
#include "project/project.h"

static bool open_with(Arena *arena, const char *dotenv, Project *project, Error *err) {
    folder_write("profiles/dev.yml", "");
    folder_write(".env", dotenv);
    return project_open(arena, NULL, project, err);
}

static void dotenv_forms(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Project project;
    Error err;
    assert_true(open_with(arena,
                          "\xef\xbb\xbf# comment\n\nPLAIN=a b  # comment\r\nexport EXPORTED=x\n"
                          "  SPACED = y \nEMPTY=\nHASH=a#b\nSINGLE='a \\n # $x'  # c\n"
                          "DOUBLE=\"a\\n\\\"b\\\" \\$x\"\nLINES=\"one\ntwo\"\nEQ=a=b=c\n"
                          "exportX=1\nTWICE=1\nTWICE=2\nLAST=z",
                          &project, &err));
    static const char *const pairs[][2] = {
        {"PLAIN", "a b"},     {"EXPORTED", "x"},       {"SPACED", "y"},
        {"EMPTY", ""},        {"HASH", "a#b"},         {"SINGLE", "a \\n # $x"},
        {"LINES", "one\ntwo"}, {"DOUBLE", "a\n\"b\" $x"}, {"EQ", "a=b=c"},
        {"exportX", "1"},     {"TWICE", "2"},          {"LAST", "z"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        const char *value = project_env(&project, pairs[i][0]);
        if (!str_eq(value, pairs[i][1])) fail_msg("%s is '%s'", pairs[i][0], value);
    }
    setenv("PLAIN", "outside", 1);
    assert_string_equal(project_env(&project, "PLAIN"), "outside");
    unsetenv("PLAIN");
    assert_null(project_env(&project, "SF_NONE"));
}

static void dotenv_errors(void **state) {
    (void)state;
    static const struct {
        const char *text;
        unsigned line, column;
        const char *message;
    } cases[] = {
        {"A=1\nhunter2\n", 2, 8, "`=`"},
        {"A=1\n\n =hunter2\n", 3, 2, "a name"},
        {"A='hunter2\n", 1, 3, "never closed"},
        {"A=\"hunter2\" x\n", 1, 13, "closing quote"},
        {"A B=hunter2\n", 1, 3, "`=`"},
        {"2A=hunter2", 1, 1, "a name"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_ARENA arena = arena_new();
        Project project;
        Error err;
        if (open_with(arena, cases[i].text, &project, &err)) fail_msg("%s", cases[i].text);
        Position at = span_position(err.span);
        if (err.code != ERR_ENV_FILE || at.line != cases[i].line || at.column != cases[i].column ||
            strstr(err.message, cases[i].message) == NULL)
            fail_msg("%s\n%u:%u %s", cases[i].text, at.line, at.column, err.message);
        Diags diags = diags_on(arena);
        Buf out = buf_on(arena);
        diag_render(&out, diag_add(&diags, SEVERITY_ERROR, &err), false);
        if (strstr(buf_text(&out), "hunter2") != NULL) fail_msg("%s", buf_text(&out));
        redact_reset();
    }
}

static void expansion(void **state) {
    (void)state;
    static const struct {
        const char *text, *want; /* want NULL: an error */
        ErrorCode code;
    } cases[] = {
        {"plain $X", "plain $X", ERR_NONE},
        {"${SF_X}", "from env", ERR_NONE},
        {"a ${SF_X} b ${SF_DOT}", "a from env b dot", ERR_NONE},
        {"${SF_NONE|x y}", "x y", ERR_NONE},
        {"${SF_NONE|'x'}", "x", ERR_NONE},
        {"${SF_NONE|}", "", ERR_NONE},
        {"${SF_NONE:-x}", "x", ERR_NONE},
        {"${SF_EMPTY|x}", "", ERR_NONE},
        {"${SF_EMPTY:-x}", "x", ERR_NONE},
        {"${SF_REF}", "${SF_X}", ERR_NONE},
        {"\\${SF_X}", "${SF_X}", ERR_NONE},
        {"${SF_NONE}", NULL, ERR_UNKNOWN_VARIABLE},
        {"${SF_NONE|'a}b'}", "a}b", ERR_NONE},
        {"${SF_NONE|${SF_X}}", NULL, ERR_PROFILE},
        {"${SF_X|${SF_NONE}}", NULL, ERR_PROFILE},
        {"${SF_X:-${SF_NONE}}", NULL, ERR_PROFILE},
        {"${SF_X:raw}", NULL, ERR_PROFILE},
        {"${SF_X", NULL, ERR_PROFILE},
        {"${}", NULL, ERR_PROFILE},
        {"${SF_X:x}", NULL, ERR_PROFILE},
        {"${1}", NULL, ERR_PROFILE},
    };
    setenv("SF_X", "from env", 1);
    setenv("SF_EMPTY", "", 1);
    setenv("SF_REF", "${SF_X}", 1);
    AUTO_ARENA arena = arena_new();
    Project project;
    Error err;
    assert_true(open_with(arena, "SF_DOT=dot\n", &project, &err));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Value *out, *list = value_new(arena, VALUE_ARRAY, SPAN_NONE);
        value_add(arena, list, NULL, SPAN_NONE, value_string(arena, cases[i].text, SPAN_NONE));
        err = (Error){0};
        bool right = project_expand(&project, arena, list, &out, &err);
        if (err.code != cases[i].code || right != (cases[i].want != NULL))
            fail_msg("%s: %s", cases[i].text, err.message);
        if (right) assert_string_equal(out->members[0].value->text, cases[i].want);
        assert_string_equal(list->members[0].value->text, cases[i].text);
    }
    Value *out, *number = value_string(arena, "5", SPAN_NONE);
    number->kind = VALUE_NUMBER;
    assert_true(project_expand(&project, arena, number, &out, &err));
    assert_int_equal(out->kind, VALUE_NUMBER);
}

static void projects_and_pipelines_are_found(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Project project;
    Error err = {0};
    assert_true(open_with(arena, "", &project, &err));
    folder_write("pipelines/orders.sf", "");
    folder_write("pipelines/daily.sf", "");
    folder_write("pipelines/lib/part.sf", "");
    folder_write("pipelines/notes.md", "");
    Strings names;
    assert_true(project_pipelines(&project, arena, &names, &err));
    assert_string_equal(strings_join(arena, &names, ","), "daily,orders");
    static const char *const found[][2] = {
        {"orders", "pipelines/orders.sf"},       {"orders.sf", "pipelines/orders.sf"},
        {"pipelines/orders.sf", "pipelines/orders.sf"}, {"lib/part", "pipelines/lib/part.sf"},
        {"./pipelines/orders", "pipelines/orders.sf"},
    };
    for (size_t i = 0; i < sizeof found / sizeof *found; i++) {
        const char *path = project_pipeline_path(&project, arena, found[i][0], &err);
        if (!str_eq(path, found[i][1])) fail_msg("%s is %s", found[i][0], path);
    }
    static const char *const wrong[] = {"order", "notes.md", "", "pipelines", "lib"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_null(project_pipeline_path(&project, arena, wrong[i], &err));
        assert_int_equal(err.code, ERR_NO_PIPELINE);
        assert_string_equal(err.hint, "there are: daily, orders");
    }
    project_pipeline_path(&project, arena, "order", &err);
    assert_non_null(strstr(err.message, "did you mean 'orders'?"));
    assert_string_equal(project_pipeline_name(arena, "a/b/x.sf"), "x");
    assert_int_equal(chdir("pipelines/lib"), 0);
    Project inner;
    assert_true(project_open(arena, NULL, &inner, &err));
    assert_string_equal(inner.root, folder_path());
    assert_false(project_open(arena, ".", &inner, &err));
    assert_int_equal(err.code, ERR_NO_PROJECT);
    assert_false(project_open(arena, "/nowhere/at/all", &inner, &err));
    assert_non_null(strstr(err.message, "no folder"));
    assert_int_equal(chdir("/usr"), 0);
    assert_false(project_open(arena, NULL, &inner, &err));
    assert_non_null(strstr(err.hint, "sqlflow init"));
    assert_int_equal(chdir(folder_path()), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dotenv_forms),
        cmocka_unit_test(dotenv_errors),
        cmocka_unit_test(expansion),
        cmocka_unit_test(projects_and_pipelines_are_found),
    };
    return cmocka_run_group_tests(tests, folder_enter, folder_leave);
}
