/* Variables: precedence, types by origin, the command line's forms, and secrets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/redact.h"
#include "project/vars.h"

static Vars make(Arena *arena, Project *project, const char *profile) {
    Error err = {0};
    *project = (Project){.arena = arena, .dotenv = map_on(arena)};
    project->profile.name = "dev";
    project->profile.variables =
        yaml_read(arena, source_new(arena, "p.yml", profile, strlen(profile)), &err);
    assert_non_null(project->profile.variables);
    return vars_new(arena, project);
}

/* Origins from the last to the first: each new one hides the ones before. */
static void precedence(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Project project, other;
    Error err = {0};
    VarOrigin origin;
    Vars vars = make(arena, &project, "{}");
    assert_null(vars_get(&vars, "sf_x", &origin, &err));
    assert_int_equal(origin, VAR_NONE);
    map_set(&project.dotenv, "sf_x", arena_strdup(arena, "dot"));
    assert_string_equal(vars_get(&vars, "sf_x", &origin, &err)->text, "dot");
    assert_int_equal(origin, VAR_DOTENV);
    setenv("sf_x", "env", 1);
    assert_string_equal(vars_get(&vars, "sf_x", &origin, &err)->text, "env");
    assert_int_equal(origin, VAR_ENVIRONMENT);
    assert_null(vars_get_pipeline(&vars, "sf_x"));
    vars_set_builtin(&vars, "sf_x", "built");
    assert_string_equal(vars_get(&vars, "sf_x", &origin, &err)->text, "built");
    vars_set(&vars, "sf_x", value_string(arena, "set", SPAN_NONE));
    assert_string_equal(vars_get(&vars, "SF_X", &origin, &err)->text, "set");
    assert_int_equal(origin, VAR_SET);
    Vars with_profile = make(arena, &other, "{ sf_x: profile }");
    vars_set(&with_profile, "sf_x", value_string(arena, "set", SPAN_NONE));
    assert_string_equal(vars_get(&with_profile, "sf_x", &origin, &err)->text, "profile");
    assert_int_equal(origin, VAR_PROFILE);
    assert_true(vars_add_pair(&with_profile, "sf_x=cli", &err));
    assert_string_equal(vars_get(&with_profile, "sf_x", &origin, &err)->text, "cli");
    assert_string_equal(var_origin_name(origin), "command line");
    assert_string_equal(vars_get_pipeline(&with_profile, "sf_x")->text, "cli");
    unsetenv("sf_x");
}

static void types_by_origin(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Project project;
    Error err = {0};
    Vars vars = make(arena, &project,
                     "{ n: 5, q: \"5\", b: true, nil: null, e: \"${SF_N}\", m: \"${SF_NONE}\" }");
    setenv("SF_N", "7", 1);
    static const struct {
        const char *name;
        ValueKind kind;
    } cases[] = {{"n", VALUE_NUMBER}, {"q", VALUE_STRING}, {"b", VALUE_BOOL},
                 {"nil", VALUE_NULL}, {"e", VALUE_STRING}, {"SF_N", VALUE_NUMBER},
                 {"c", VALUE_NUMBER}, {"z", VALUE_STRING}, {"t", VALUE_BOOL}};
    assert_true(vars_add_list(&vars, "c=-1.5, z=007,t=false", &err));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(vars_get(&vars, cases[i].name, NULL, &err)->kind, cases[i].kind);
    assert_null(vars_get(&vars, "m", NULL, &err));
    assert_int_equal(err.code, ERR_UNKNOWN_VARIABLE);
    assert_non_null(strstr(err.message, "variable 'm'"));
    assert_null(vars_get(&vars, "nowhere", NULL, &err));
    assert_int_equal(err.code, ERR_NONE);
    unsetenv("SF_N");
}

static void command_line_forms(void **state) {
    (void)state;
    static const struct {
        const char *list, *name, *want; /* want NULL: an error */
    } cases[] = {
        {"a=1,b=x y", "b", "x y"},
        {" a = x=y ,", "a", " x=y"},
        {"a=", "a", ""},
        {"{\"a\": \"x,y\", \"b\": 2}", "a", "x,y"},
        {"{a: true,}", "a", "true"},
        {"a,b=1", "a", NULL},
        {"1a=2", "a", NULL},
        {"{\"a\": [1]}", "a", NULL},
        {"{\"a\": ${b}}", "a", NULL},
        {"{\"a\": 1, \"a\": 2}", "a", NULL},
        {"{\"a b\": 1}", "a", NULL},
        {"{\"a\" 1}", "a", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_ARENA arena = arena_new();
        Project project;
        Error err = {0};
        Vars vars = make(arena, &project, "{}");
        bool right = vars_add_list(&vars, cases[i].list, &err);
        if (right != (cases[i].want != NULL)) fail_msg("%s: %s", cases[i].list, err.message);
        if (right)
            assert_string_equal(value_text(vars_get(&vars, cases[i].name, NULL, &err)),
                                cases[i].want);
        else
            assert_int_equal(err.code, ERR_USAGE);
    }
    AUTO_ARENA arena = arena_new();
    Project project;
    Error err = {0};
    Vars vars = make(arena, &project, "{}");
    assert_false(vars_add_pair(&vars, "novalue", &err));
    assert_true(vars_add_pair(&vars, "x=a=b=c", &err));
    assert_string_equal(vars_get(&vars, "x", NULL, &err)->text, "a=b=c");
}

static void builtins(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Project project;
    Error err = {0};
    Vars vars = make(arena, &project, "{}");
    vars_set_builtins(&vars, "daily", "20240229-1", 1709208000000000);
    static const char *const pairs[][2] = {
        {"pipeline", "daily"},   {"profile", "dev"},         {"run_id", "20240229-1"},
        {"today", "2024-02-29"}, {"run_date", "2024-02-29"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        assert_string_equal(vars_get(&vars, pairs[i][0], NULL, &err)->text, pairs[i][1]);
    assert_true(str_starts(vars_get(&vars, "run_started_at", NULL, &err)->text,
                           "2024-02-29 12:00:00"));
    assert_true(vars_add_pair(&vars, "run_date=2020-01-01", &err));
    assert_string_equal(vars_get(&vars, "run_date", NULL, &err)->text, "2020-01-01");
    Strings names;
    map_set(&project.dotenv, "DOT", arena_strdup(arena, "1"));
    vars_names(&vars, arena, &names);
    assert_true(strings_has(&names, "run_date") && strings_has(&names, "dot"));
}

static void secrets_are_registered(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Project project;
    Error err = {0};
    redact_reset();
    Vars vars = make(arena, &project, "{ db_password: hunter2a, plain: visible }");
    assert_true(vars_add_pair(&vars, "api_token=hunter2b", &err));
    vars_get(&vars, "db_password", NULL, &err);
    vars_get(&vars, "plain", NULL, &err);
    const char *text = redact_text(arena, "hunter2a hunter2b visible");
    assert_null(strstr(text, "hunter2"));
    assert_non_null(strstr(text, "visible"));
    redact_reset();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(precedence),         cmocka_unit_test(types_by_origin),
        cmocka_unit_test(command_line_forms), cmocka_unit_test(builtins),
        cmocka_unit_test(secrets_are_registered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
