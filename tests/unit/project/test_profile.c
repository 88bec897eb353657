/* Profiles: every key, the older forms, what is warned of and what is refused, and secrets that a
 * broken profile must not show. */
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

static int enter(void **state) {
    unsetenv("SQLFLOW_PROFILE");
    return folder_enter(state);
}

/* Loads `text` as profiles/dev.yml. */
static bool load(Arena *arena, const char *text, Project *project, Diags *diags) {
    Error err;
    folder_write("profiles/dev.yml", text);
    if (!project_open(arena, NULL, project, &err)) fail_msg("%s", err.message);
    *diags = diags_on(arena);
    return project_load_profile(project, "dev", diags);
}

static void every_key(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Project project;
    Diags diags;
    setenv("SF_TEST_THREADS", "6", 1);
    assert_true(load(arena,
                     "engines:\n  duckdb: { mode: persistent, path: data/w.duckdb, memory_limit: "
                     "2GB,\n    threads: \"${SF_TEST_THREADS}\", temp_directory: tmp, "
                     "max_temp_directory_size: 10 GiB,\n    commit: step, allow_indexes: true }\n"
                     "variables: { environment: prod, n: 5, quoted: \"5\", on: true, nil: null }\n"
                     "connections:\n  warehouse: { type: postgres, host: h, password: "
                     "\"${SF_NONE}\" }\n"
                     "python: { venv: .venv }\n"
                     "paths: { pipelines: pl, udfs: py, target: out, tests: t }\n"
                     "logging: { level: debug, file: out/logs }\n",
                     &project, &diags));
    const Profile *profile = &project.profile;
    assert_int_equal(diags.count, 0);
    assert_string_equal(profile->path, "profiles/dev.yml");
    assert_true(profile->engine.persistent && profile->engine.commit_step);
    assert_true(profile->engine.allow_indexes);
    assert_string_equal(profile->engine.path, "data/w.duckdb");
    assert_string_equal(profile->engine.memory_limit, "2GB");
    assert_string_equal(profile->engine.max_temp_directory_size, "10 GiB");
    assert_string_equal(profile->engine.temp_directory, "tmp");
    assert_int_equal(profile->engine.threads, 6);
    assert_int_equal(value_get(profile->variables, "n")->kind, VALUE_NUMBER);
    assert_int_equal(value_get(profile->variables, "quoted")->kind, VALUE_STRING);
    const Connection *connection = project_connection(&project, "WAREHOUSE");
    assert_string_equal(connection->type, "postgres");
    assert_int_equal(connection->options->count, 2);
    assert_string_equal(value_get(connection->options, "password")->text, "${SF_NONE}");
    assert_null(project_connection(&project, "nope"));
    assert_string_equal(profile->python_venv, ".venv");
    assert_string_equal(profile->pipelines_dir, "pl");
    assert_string_equal(profile->udfs_dir, "py");
    assert_string_equal(profile->target_dir, "out");
    assert_string_equal(profile->tests_dir, "t");
    assert_string_equal(profile->log_level, "debug");
    assert_string_equal(profile->log_file, "out/logs");
    unsetenv("SF_TEST_THREADS");
}

static void defaults_and_older_forms(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool persistent;
        const char *path, *memory, *level;
    } cases[] = {
        {"", false, NULL, NULL, NULL},
        {"engines:\n", false, NULL, NULL, NULL},
        {"engines: { duckdb: { path: a.db } }", true, "a.db", NULL, NULL},
        {"engines: { duckdb: { mode: MEMORY } }", false, NULL, NULL, NULL},
        {"engines: { duckdb: { mode: persistent, database_path: b.db, max_memory: 1GB } }", true,
         "b.db", "1GB", NULL},
        {"engines: { duckdb: { path: \"${SF_NONE}/x.db\" } }", true, "${SF_NONE}/x.db", NULL, NULL},
        {"engines: { duckdb: { path: \"${SF_NONE:-d}/x.db\" } }", true, "d/x.db", NULL, NULL},
        {"log_level: WARNING\n", false, NULL, NULL, "WARNING"},
        {"log_level: info\nlogging: { level: INFO }", false, NULL, NULL, "INFO"},
        {"dev:\n  engines: { duckdb: { path: c.db } }\n  log_level: info\n", true, "c.db", NULL,
         "info"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_ARENA arena = arena_new();
        Project project;
        Diags diags;
        if (!load(arena, cases[i].text, &project, &diags))
            fail_msg("%s: %s", cases[i].text, diags.items[0].message);
        assert_int_equal(diags.count, 0);
        const Profile *profile = &project.profile;
        assert_int_equal(profile->engine.persistent, cases[i].persistent);
        assert_true(str_eq(profile->engine.path, cases[i].path));
        assert_true(str_eq(profile->engine.memory_limit, cases[i].memory));
        assert_true(str_eq(profile->log_level, cases[i].level));
        assert_string_equal(profile->pipelines_dir, "pipelines");
        assert_string_equal(profile->engine.temp_directory, ".sqlflow/tmp");
        assert_int_equal(profile->variables->kind, VALUE_OBJECT);
    }
}

static void older_connections(void **state) {
    (void)state;
    static const char *const texts[] = {
        "connectors:\n  pg: { type: POSTGRES, params: { host: h, port: 5432 } }\n",
        "connections:\n  pg: { type: \"${SF_NONE|postgres}\", host: h, port: 5432 }\n",
        "connectors:\n  pg: { type: postgres, host: h, params: { port: 5432 } }\n",
        "connectors:\n  postgres:\n    pg: { host: h, port: 5432 }\n    default: { host: x }\n",
        ("connections: { a: { type: csv } }\n"
         "connectors: { pg: { type: postgres, host: h, port: 5432 } }"),
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        AUTO_ARENA arena = arena_new();
        Project project;
        Diags diags;
        if (!load(arena, texts[i], &project, &diags)) fail_msg("%s", diags.items[0].message);
        assert_int_equal(diags.count, 0);
        const Connection *connection = project_connection(&project, "pg");
        assert_non_null(connection);
        assert_true(str_ieq(connection->type, "postgres"));
        assert_string_equal(value_text(value_get(connection->options, "host")), "h");
        assert_int_equal(value_get(connection->options, "port")->kind, VALUE_NUMBER);
        assert_null(value_get(connection->options, "type"));
        assert_null(value_get(connection->options, "params"));
        if (i == 3) assert_non_null(project_connection(&project, "postgres"));
    }
}

static void problems(void **state) {
    (void)state;
    static const struct {
        const char *text;
        Severity severity;
        unsigned line, column;
        const char *message;
    } cases[] = {
        {"engine: { duckdb: {} }", SEVERITY_WARNING, 1, 1, "'engine' (did you mean 'engines'?)"},
        {"engines: { duckdb: { pth: x } }", SEVERITY_WARNING, 1, 22, "mean 'path'"},
        {"engines: { spark: {} }", SEVERITY_WARNING, 1, 12, "engines has no key 'spark'"},
        {"paths: { pipeline: x }", SEVERITY_WARNING, 1, 10, "mean 'pipelines'"},
        {"logging:\n  format: json\n", SEVERITY_WARNING, 2, 3, "'format'"},
        {"python: { env: x }", SEVERITY_WARNING, 1, 11, "mean 'venv'"},
        {"engines: { duckdb: { mode: memory, path: x.db } }", SEVERITY_WARNING, 1, 42, "no use"},
        {"variables: { a-b: 1 }", SEVERITY_WARNING, 1, 14, "never be used"},
        {"engines: { duckdb: { mode: persistent } }", SEVERITY_ERROR, 1, 28, "needs the path"},
        {"engines: { duckdb: { mode: persistant, path: x } }", SEVERITY_ERROR, 1, 28,
         "mean 'persistent'"},
        {"engines: { duckdb: { commit: never } }", SEVERITY_ERROR, 1, 30, "run or step"},
        {"engines: { duckdb: { threads: many } }", SEVERITY_ERROR, 1, 31, "whole number"},
        {"engines: { duckdb: { threads: 0 } }", SEVERITY_ERROR, 1, 31, "whole number"},
        {"engines: { duckdb: { memory_limit: 75% } }", SEVERITY_ERROR, 1, 36, "with its unit"},
        {"engines: { duckdb: { memory_limit: [1] } }", SEVERITY_ERROR, 1, 36, "must be a text"},
        {"engines: { duckdb: { allow_indexes: yes } }", SEVERITY_ERROR, 1, 37, "true or false"},
        {"engines: { duckdb: { path: '' } }", SEVERITY_ERROR, 1, 28, "is empty"},
        {"engines: { duckdb: { path: a, database_path: b } }", SEVERITY_ERROR, 1, 46, "twice"},
        {"engines: x", SEVERITY_ERROR, 1, 10, "map of keys"},
        {"just text", SEVERITY_ERROR, 1, 1, "map of keys"},
        {"variables: [1]", SEVERITY_ERROR, 1, 12, "map of names"},
        {"variables: { a: [1] }", SEVERITY_ERROR, 1, 17, "the variable 'a'"},
        {"paths: { target: \"${SF_NONE}\" }", SEVERITY_ERROR, 1, 18, "SF_NONE"},
        {"log_level: loud", SEVERITY_ERROR, 1, 12, "debug, info, warning or error"},
        {"log_level: info\nlogging: { level: debug }", SEVERITY_WARNING, 1, 12, "and counts"},
        {"connections: { a: { host: h } }", SEVERITY_ERROR, 1, 16, "has no type"},
        {"connections: { a: }", SEVERITY_ERROR, 1, 16, "has no type"},
        {"connections: { a: { type: 5 } }", SEVERITY_ERROR, 1, 27, "must be a text"},
        {"connections: { a: text }", SEVERITY_ERROR, 1, 19, "map of keys"},
        {"connections: text", SEVERITY_ERROR, 1, 14, "map of names"},
        {"connections: { a: { type: csv } }\nconnectors: { A: { type: csv } }", SEVERITY_ERROR, 2,
         15, "defined twice, first in line 1"},
        {"connections: { a: { type: csv, params: [1] } }", SEVERITY_ERROR, 1, 40, "must be a map"},
        {"connections: { a: { type: csv, x: 1, params: { x: 2 } } }", SEVERITY_ERROR, 1, 48,
         "twice"},
        {"engines: {\n", SEVERITY_ERROR, 2, 1, "malformed YAML"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_ARENA arena = arena_new();
        Project project;
        Diags diags;
        bool loaded = load(arena, cases[i].text, &project, &diags);
        if (diags.count != 1) fail_msg("%s: %zu diagnostics", cases[i].text, diags.count);
        const Diag *diag = &diags.items[0];
        Position at = span_position(diag->span);
        if (diag->severity != cases[i].severity || at.line != cases[i].line ||
            at.column != cases[i].column || strstr(diag->message, cases[i].message) == NULL)
            fail_msg("%s\n%u:%u %s", cases[i].text, at.line, at.column, diag->message);
        assert_int_equal(loaded, cases[i].severity == SEVERITY_WARNING);
    }
}

static void profiles_are_found_by_name(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Project project;
    Diags diags;
    assert_true(load(arena, "", &project, &diags));
    folder_write("profiles/prod.yaml", "variables: { x: 1 }");
    folder_write("profiles/notes.txt", "");
    Strings names;
    Error err;
    assert_true(project_profiles(&project, arena, &names, &err));
    assert_string_equal(strings_join(arena, &names, ","), "dev,prod");
    assert_true(project_load_profile(&project, NULL, &diags));
    assert_string_equal(project.profile.name, "dev");
    folder_write(".sqlflow/profile", "prod\n");
    assert_true(project_load_profile(&project, NULL, &diags));
    assert_string_equal(project.profile.path, "profiles/prod.yaml");
    setenv("SQLFLOW_PROFILE", "prd", 1);
    assert_false(project_load_profile(&project, NULL, &diags));
    assert_int_equal(diags.items[0].code, ERR_NO_PROFILE);
    assert_string_equal(diags.items[0].message,
                        "there is no profile 'prd', which SQLFLOW_PROFILE names (did you mean "
                        "'prod'?); profiles/ has: dev, prod");
    unsetenv("SQLFLOW_PROFILE");
    static const char *const wrong[] = {"../dev", "", ".hidden", "profiles/dev"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(project_load_profile(&project, wrong[i], &diags));
}

static void broken_profiles_keep_their_secrets(void **state) {
    (void)state;
    static const char *const texts[] = {
        "connections:\n  a: { type: postgres, password: hunter2 pass\n",
        "connections:\n  a:\n   type: postgres\n   password: \"hunter2 pass\n",
        "db_token: 'hunter2 pass'   : x\n",
        "{\"password\":\"hunter2 pass\" x}\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        AUTO_ARENA arena = arena_new();
        Project project;
        Diags diags;
        redact_reset();
        assert_false(load(arena, texts[i], &project, &diags));
        Buf out = buf_on(arena);
        for (size_t j = 0; j < diags.count; j++) diag_render(&out, &diags.items[j], false);
        if (strstr(buf_text(&out), "hunter2") != NULL) fail_msg("%s", buf_text(&out));
    }
    redact_reset();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key),
        cmocka_unit_test(defaults_and_older_forms),
        cmocka_unit_test(older_connections),
        cmocka_unit_test(problems),
        cmocka_unit_test(profiles_are_found_by_name),
        cmocka_unit_test(broken_profiles_keep_their_secrets),
    };
    return cmocka_run_group_tests(tests, enter, folder_leave);
}
