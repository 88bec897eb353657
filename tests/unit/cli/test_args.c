/* Tests of the command line's parser: every way to write a flag, the environment, and what is
 * answered to a wrong line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"

enum { ARGS_MAX = 12 };

static bool parse(Arena *arena, Cli *cli, const char *line, Error *err) {
    const char *argv[ARGS_MAX + 1] = {"sqlflow"};
    int argc = 1;
    while (*line != '\0' && argc < ARGS_MAX) {
        size_t size = strcspn(line, " ");
        argv[argc++] = arena_strndup(arena, line, size);
        line += size + (line[size] == ' ');
    }
    *cli = (Cli){.arena = arena};
    *err = (Error){0};
    return cli_parse(cli, argc, argv, err);
}

static void flags_anywhere(void **state) {
    (void)state;
    static const struct {
        const char *line, *path, *words, *flag, *value;
    } cases[] = {
        {"run x", "run", "x", "profile", NULL},
        {"run x -p prod", "run", "x", "profile", "prod"},
        {"-p prod run x", "run", "x", "profile", "prod"},
        {"run -pprod x", "run", "x", "profile", "prod"},
        {"run -p=prod x", "run", "x", "profile", "prod"},
        {"run --profile=prod x", "run", "x", "profile", "prod"},
        {"run --profile prod x", "run", "x", "profile", "prod"},
        {"run --profile a --profile b x", "run", "x", "profile", "b"},
        {"--full-refresh run x", "run", "x", "full-refresh", ""},
        {"--select a,b pipeline run x", "pipeline run", "x", "select", "a,b"},
        {"pipeline --select a,b run x", "pipeline run", "x", "select", "a,b"},
        {"run x --wait", "run", "x", "wait", ""},
        {"run x --wait 5", "run", "x", "wait", "5"},
        {"run --wait x", "run", "x", "wait", ""},
        {"run --wait=2.5 x", "run", "x", "wait", "2.5"},
        {"--wait 3 run x", "run", "x", "wait", "3"},
        {"run -- --odd", "run", "--odd", "profile", NULL},
        {"run --format=json x", "run", "x", "format", "json"},
        {"state set p s t -5", "state set", "p s t -5", "type", NULL},
        {"query SELECT", "query", "SELECT", "format", NULL},
        {"query --top\nSELECT", "query", "--top\nSELECT", "format", NULL},
        {"run - --dry-run", "run", "-", "dry-run", ""},
        {"run -qv x", "run", "x", "verbose", ""},
        {"run --var=a=b=c x", "run", "x", "var", "a=b=c"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_ARENA arena = arena_new();
        Cli cli;
        Error err;
        if (!parse(arena, &cli, cases[i].line, &err))
            fail_msg("'%s': %s", cases[i].line, err.message);
        assert_string_equal(cli.path, cases[i].path);
        assert_string_equal(strings_join(arena, &cli.words, " "), cases[i].words);
        const char *value = flag_text(&cli, cases[i].flag);
        if (!str_eq(value, cases[i].value))
            fail_msg("'%s': %s is '%s'", cases[i].line, cases[i].flag, value ? value : "NULL");
    }
}

static void lists_and_numbers(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Cli cli;
    Error err;
    assert_true(parse(arena, &cli, "run x --var a=1 --var b=2 --timeout 1.5", &err));
    assert_string_equal(strings_join(arena, flag_list(&cli, "var"), ","), "a=1,b=2");
    assert_true(flag_seconds(&cli, "timeout", 0, 0) == 1.5);
    assert_true(flag_seconds(&cli, "wait", -1, 0) == -1);
    assert_true(parse(arena, &cli, "run x --wait", &err));
    assert_true(flag_seconds(&cli, "wait", -1, 0) == 0);
    assert_true(parse(arena, &cli, "history --limit 7", &err));
    assert_int_equal(flag_int(&cli, "limit", 20), 7);
    assert_int_equal(flag_int(&cli, "nothing", 20), 20);
    assert_null(cli_word(&cli, 0));
}

static void wrong_lines(void **state) {
    (void)state;
    static const struct {
        const char *line, *message, *hint;
    } cases[] = {
        {"runn x", "unknown command 'runn' (did you mean 'run'?)", "there are: init, run"},
        {"validate", "unknown command 'validate' (did you mean 'pipeline validate'?)", ""},
        {"pipeline lst", "unknown command 'pipeline lst' (did you mean 'pipeline list'?)", "list"},
        {"pipeline", "what shall 'pipeline' do?", "one of: list, validate"},
        {"run", "'run' needs NAME", "usage: sqlflow run NAME"},
        {"run a b", "'run' has no use for 'b'", ""},
        {"run a --full-refesh",
         "unknown flag '--full-refesh' of 'run' (did you mean "
         "'--full-refresh'?)",
         "run --help"},
        {"run a -z", "unknown flag '-z' of 'run'", ""},
        {"run a --dry-run=yes", "--dry-run takes no value", ""},
        {"run a --select", "--select needs a value", ""},
        {"run a --var --format json", "--var needs a value", ""},
        {"run a -p", "--profile needs a value", ""},
        {"run a --commit stp", "--commit cannot be 'stp' (did you mean 'step'?)", "run, step"},
        {"run a --timeout soon", "--timeout needs a number of seconds, not 'soon'", ""},
        {"run a --timeout -1", "--timeout needs a number of seconds, not '-1'", ""},
        {"history --limit 1.5", "--limit needs a whole number, not '1.5'", ""},
        {"run a --format xml", "--format cannot be 'xml'", "table, json"},
        {"query S --format dot", "--format cannot be 'dot'", "table, csv, json"},
        {"run a --log-level loud", "--log-level cannot be 'loud'", "debug"},
        {"list --profile", "unknown command 'list' (did you mean 'pipeline list'?)", ""},
        {"run a --limit 5", "unknown flag '--limit' of 'run'", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_ARENA arena = arena_new();
        Cli cli;
        Error err;
        if (parse(arena, &cli, cases[i].line, &err)) fail_msg("'%s' is accepted", cases[i].line);
        assert_int_equal(err.code, ERR_USAGE);
        assert_int_equal(error_exit_code(err.code), 2);
        if (strstr(err.message, cases[i].message) == NULL)
            fail_msg("'%s': %s", cases[i].line, err.message);
        if (strstr(err.hint, cases[i].hint) == NULL)
            fail_msg("'%s': hint %s", cases[i].line, err.hint);
    }
}

static void format_is_known_early(void **state) {
    (void)state;
    static const char *const lines[] = {"--format json rnu", "run --format=json",
                                        "run x --nothing --format json"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        AUTO_ARENA arena = arena_new();
        Cli cli;
        Error err;
        assert_false(parse(arena, &cli, lines[i], &err));
        assert_true(cli.json);
    }
}

static void environment(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Cli cli;
    Error err;
    setenv("SQLFLOW_PROFILE", "prod", 1);
    setenv("SQLFLOW_QUIET", "1", 1);
    setenv("SQLFLOW_VERBOSE", "no", 1);
    setenv("SQLFLOW_FORMAT", "csv", 1);
    assert_true(parse(arena, &cli, "run x", &err));
    assert_string_equal(flag_text(&cli, "profile"), "prod");
    assert_true(cli.quiet);
    assert_false(cli.verbose);
    assert_string_equal(cli.format, "table"); /* run knows no csv */
    assert_true(parse(arena, &cli, "query x", &err));
    assert_string_equal(cli.format, "csv");
    assert_true(parse(arena, &cli, "query x -p dev --format json", &err));
    assert_string_equal(flag_text(&cli, "profile"), "dev");
    assert_true(cli.json);
    setenv("SQLFLOW_LOG_LEVEL", "loud", 1);
    assert_false(parse(arena, &cli, "run x", &err));
    assert_non_null(strstr(err.message, "SQLFLOW_LOG_LEVEL cannot be 'loud'"));
    unsetenv("SQLFLOW_LOG_LEVEL");
    setenv("SQLFLOW_QUIET", "perhaps", 1);
    assert_false(parse(arena, &cli, "run x", &err));
    assert_non_null(strstr(err.message, "SQLFLOW_QUIET is 'perhaps'"));
    unsetenv("SQLFLOW_QUIET");
    unsetenv("SQLFLOW_VERBOSE");
    unsetenv("SQLFLOW_PROFILE");
    unsetenv("SQLFLOW_FORMAT");
}

static void colours(void **state) {
    (void)state;
    static const struct {
        const char *no_color, *force, *line;
        bool colored;
    } cases[] = {
        {"", "", "version", false}, /* the tests' output is no terminal */
        {"", "1", "version", true},   {"", "0", "version", false},
        {"1", "1", "version", false}, {"", "1", "version --no-color", false},
    };
    AUTO_ARENA arena = arena_new();
    Cli cli;
    Error err;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        setenv("NO_COLOR", cases[i].no_color, 1);
        setenv("CLICOLOR_FORCE", cases[i].force, 1);
        setenv("TERM", "dumb", 1);
        assert_true(parse(arena, &cli, cases[i].line, &err));
        assert_int_equal(cli.color_out, cases[i].colored);
    }
    unsetenv("NO_COLOR");
    unsetenv("CLICOLOR_FORCE");
}

/* A flag is looked up before its command is known, so one name must mean one kind. */
static void check_kinds(const Command *command, Map *seen) {
    for (const Flag *flag = command->flags; flag != NULL && flag->name != NULL; flag++) {
        const Flag *other = map_get(seen, flag->name);
        if (other == NULL)
            map_set(seen, flag->name, (void *)(size_t)flag);
        else if (other->kind != flag->kind)
            fail_msg("--%s has two kinds", flag->name);
    }
    for (size_t i = 0; command->actions != NULL && command->actions[i] != NULL; i++)
        check_kinds(command->actions[i], seen);
}

static void tables_are_sound(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Map seen = map_on(arena);
    for (const Flag *flag = global_flags; flag->name != NULL; flag++)
        map_set(&seen, flag->name, (void *)(size_t)flag);
    for (size_t i = 0; command_at(i) != NULL; i++) check_kinds(command_at(i), &seen);
    assert_true(seen.count > 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flags_anywhere),   cmocka_unit_test(lists_and_numbers),
        cmocka_unit_test(wrong_lines),      cmocka_unit_test(format_is_known_early),
        cmocka_unit_test(environment),      cmocka_unit_test(colours),
        cmocka_unit_test(tables_are_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
