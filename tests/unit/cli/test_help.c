/* Tests of help: every command has a summary and examples, every example is accepted by the
 * parser, every flag is shown. */
#include "cli/output.h" /* before cmocka, whose macro fail() would spoil it */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "base/fs.h"

typedef void Visit(Arena *arena, const char *path, const Command *command);

static void each(Arena *arena, const char *path, const Command *command, Visit *visit) {
    visit(arena, path, command);
    for (size_t i = 0; command->actions != NULL && command->actions[i] != NULL; i++)
        each(arena, arena_printf(arena, "%s %s", path, command->actions[i]->name),
             command->actions[i], visit);
}

static void each_command(Visit *visit) {
    AUTO_ARENA arena = arena_new();
    for (size_t i = 0; command_at(i) != NULL; i++)
        each(arena, command_at(i)->name, command_at(i), visit);
}

static void complete(Arena *arena, const char *path, const Command *command) {
    Buf out = buf_on(arena);
    help_command(&out, path, command);
    const char *text = buf_text(&out);
    if (command->summary == NULL || command->examples == NULL)
        fail_msg("%s lacks a summary or examples", path);
    if ((command->run == NULL) == (command->actions == NULL))
        fail_msg("%s needs either run or actions", path);
    for (const Flag *flag = command->flags; flag != NULL && flag->name != NULL; flag++)
        if (strstr(text, arena_printf(arena, "--%s", flag->name)) == NULL)
            fail_msg("%s: --%s is not in the help", path, flag->name);
    for (size_t i = 0; command->actions != NULL && command->actions[i] != NULL; i++)
        assert_non_null(strstr(text, command->actions[i]->name));
    if (strlen(command->summary) > 80) fail_msg("%s: the summary is long", path);
    assert_true(command->summary[0] >= 'a' && command->summary[0] <= 'z');
    assert_true(command->max_args >= command->min_args);
    assert_true(command->max_args == 0 || command->arguments != NULL);
}

static void all_is_there(void **state) {
    (void)state;
    each_command(complete);
}

/* The words of a shell line: quotes, and nothing behind > or |. */
static int shell_words(Arena *arena, const char *line, const char **argv, int max) {
    int argc = 0;
    while (*line != '\0' && argc < max) {
        Buf word = buf_on(arena);
        if (*line == '>' || *line == '|') break;
        for (char quote = '\0'; *line != '\0' && (quote != '\0' || *line != ' '); line++) {
            if (quote == '\0' && *line == '\'')
                quote = '\'';
            else if (quote == '\'' && *line == '\'')
                quote = '\0';
            else
                buf_putc(&word, *line);
        }
        argv[argc++] = buf_text(&word);
        while (*line == ' ') line++;
    }
    return argc;
}

static void examples_parse(Arena *arena, const char *path, const Command *command) {
    for (const Example *row = command->examples; row->line != NULL; row++) {
        const char *argv[16] = {"sqlflow"};
        int argc = 1 + shell_words(arena, row->line, argv + 1, 15);
        Cli cli = {.arena = arena};
        Error err;
        if (!cli_parse(&cli, argc, argv, &err)) fail_msg("'%s': %s", row->line, err.message);
        if (!str_starts(cli.path, path)) fail_msg("'%s' is no example of %s", row->line, path);
    }
}

static void run_by_two_names(Arena *arena, const char *path, const Command *command) {
    if (!str_eq(path, "pipeline run") && !str_eq(path, "pipeline test"))
        examples_parse(arena, path, command);
}

static void all_examples_parse(void **state) {
    (void)state;
    each_command(run_by_two_names);
}

static void markdown(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Buf out = buf_on(arena);
    help_markdown(&out);
    const char *text = buf_text(&out);
    assert_non_null(strstr(text, "\n## sqlflow pipeline validate\n"));
    assert_non_null(strstr(text, "| `-p, --profile NAME` |"));
    assert_non_null(strstr(text, "| `--vars JSON\\|k=v,k=v` |"));
    assert_null(strstr(text, "(null)"));
}

/* Tests run in the source tree's folder. */
static void reference_is_up_to_date(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Error err = {0};
    Buf out = buf_on(arena);
    help_markdown(&out);
    const char *kept = fs_read(arena, "docs/cli.md", NULL, &err);
    if (kept == NULL) fail_msg("%s", err.message);
    if (!str_eq(kept, buf_text(&out)))
        fail_msg("docs/cli.md is old; renew it: sqlflow help --markdown > docs/cli.md");
}

static void overview(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Buf out = buf_on(arena);
    help_overview(&out);
    for (size_t i = 0; command_at(i) != NULL; i++)
        assert_non_null(strstr(buf_text(&out), command_at(i)->name));
    for (const Flag *flag = global_flags; flag->name != NULL; flag++)
        assert_non_null(strstr(buf_text(&out), arena_printf(arena, "--%s", flag->name)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_is_there),
        cmocka_unit_test(all_examples_parse),
        cmocka_unit_test(markdown),
        cmocka_unit_test(reference_is_up_to_date),
        cmocka_unit_test(overview),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
