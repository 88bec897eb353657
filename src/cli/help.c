/* Help from the tables of commands and flags: the overview, one command, docs/cli.md.
 * What help shows, the parser accepts: both read the same rows. */
#include <stdio.h>
#include <string.h>

#include "cli/output.h"

enum { FLAG_WIDTH = 26 };

/* "-p, --profile NAME" */
static const char *flag_form(Arena *arena, const Flag *flag) {
    Buf form = buf_on(arena);
    if (flag->letter != 0)
        buf_printf(&form, "-%c, ", flag->letter);
    else
        buf_puts(&form, "    ");
    buf_printf(&form, "--%s", flag->name);
    if (flag->kind == FLAG_MAYBE_SECONDS)
        buf_printf(&form, " [%s]", flag->value);
    else if (flag->kind != FLAG_SWITCH)
        buf_printf(&form, " %s", flag->value);
    return buf_text(&form);
}

static const char *choices_of(const Command *command, const Flag *flag) {
    if (!str_eq(flag->name, "format")) return flag->choices;
    return command == NULL || command->formats == NULL ? "table|json" : command->formats;
}

/* What stands behind a flag's form: its help, and what it takes. */
static const char *flag_text_of(Arena *arena, const Command *command, const Flag *flag) {
    Buf text = buf_on(arena);
    buf_puts(&text, flag->help);
    const char *choices = choices_of(command, flag);
    if (choices != NULL) buf_printf(&text, " (%s)", str_replace(arena, choices, "|", ", "));
    if (flag->kind == FLAG_LIST) buf_puts(&text, "; may be given several times");
    return buf_text(&text);
}

static void flag_lines(Buf *out, const Command *command, const Flag *rows, const char *title) {
    if (rows == NULL || rows->name == NULL) return;
    buf_printf(out, "\n%s:\n", title);
    for (; rows->name != NULL; rows++) {
        const char *form = flag_form(out->arena, rows);
        buf_puts(out, "  ");
        buf_pad(out, form, FLAG_WIDTH, false);
        if (text_width(form) + 2 > FLAG_WIDTH) {
            buf_putc(out, '\n');
            buf_pad(out, "", FLAG_WIDTH + 2, false);
        }
        buf_printf(out, "%s\n", flag_text_of(out->arena, command, rows));
    }
}

static void usage(Buf *out, const char *path, const Command *command) {
    buf_printf(out, "sqlflow %s", path);
    if (command->actions != NULL) buf_puts(out, " ACTION …");
    if (command->arguments != NULL) buf_printf(out, " %s", command->arguments);
    if (command->flags != NULL) buf_puts(out, " [flags]");
}

static void capitalised(Buf *out, const char *text) {
    buf_putc(out, (char)(*text >= 'a' && *text <= 'z' ? *text - 'a' + 'A' : *text));
    buf_printf(out, "%s.\n", text + 1);
}

static void action_lines(Buf *out, const Command *command) {
    if (command->actions == NULL) return;
    buf_puts(out, "\nActions:\n");
    for (size_t i = 0; command->actions[i] != NULL; i++) {
        const Command *action = command->actions[i];
        const char *arguments = action->arguments == NULL ? "" : action->arguments;
        const char *form = arena_printf(out->arena, "%s %s", action->name, arguments);
        buf_puts(out, "  ");
        buf_pad(out, form, 36, false);
        buf_printf(out, " %s\n", action->summary);
    }
}

static void example_lines(Buf *out, const Command *command) {
    if (command->examples == NULL) return;
    buf_puts(out, "\nExamples:\n");
    for (const Example *row = command->examples; row->line != NULL; row++)
        buf_printf(out, "  # %s\n  sqlflow %s\n", row->what, row->line);
}

void help_overview(Buf *out) {
    buf_puts(out, "sqlflow runs SQL data pipelines over DuckDB.\n\n"
                  "Usage: sqlflow [flags] COMMAND …\n\nCommands:\n");
    for (size_t i = 0; command_at(i) != NULL; i++) {
        buf_puts(out, "  ");
        buf_pad(out, command_at(i)->name, 12, false);
        buf_printf(out, "%s\n", command_at(i)->summary);
    }
    buf_puts(out, "\nGet started:\n"
                  "  sqlflow init demo && cd demo\n"
                  "  sqlflow run customer_analytics\n");
    flag_lines(out, NULL, global_flags, "Global flags");
    buf_puts(out, "\nsqlflow COMMAND --help tells more about a command and lists its flags.\n");
}

void help_command(Buf *out, const char *path, const Command *command) {
    capitalised(out, command->summary);
    buf_puts(out, "\nUsage: ");
    usage(out, path, command);
    buf_putc(out, '\n');
    if (command->about != NULL) buf_printf(out, "\n%s\n", command->about);
    action_lines(out, command);
    flag_lines(out, command, command->flags, "Flags");
    example_lines(out, command);
    flag_lines(out, command, global_flags, "Global flags");
}

/* -- docs/cli.md ------------------------------------------------------------------------- */

static const char *cell(Arena *arena, const char *text) {
    return str_replace(arena, text, "|", "\\|");
}

static void flag_table(Buf *out, const Command *command, const Flag *rows) {
    if (rows == NULL || rows->name == NULL) return;
    buf_puts(out, "\n| flag | |\n|---|---|\n");
    for (; rows->name != NULL; rows++) {
        const char *form = flag_form(out->arena, rows);
        while (*form == ' ') form++;
        buf_printf(out, "| `%s` | %s |\n", cell(out->arena, form),
                   cell(out->arena, flag_text_of(out->arena, command, rows)));
    }
}

static void command_section(Buf *out, const char *path, const Command *command) {
    buf_printf(out, "\n## sqlflow %s\n\n", path);
    capitalised(out, command->summary);
    buf_puts(out, "\n```\n");
    usage(out, path, command);
    buf_puts(out, "\n```\n");
    if (command->about != NULL) buf_printf(out, "\n%s\n", command->about);
    flag_table(out, command, command->flags);
    if (command->formats != NULL && command->actions == NULL)
        buf_printf(out, "\nForms of output (`--format`): %s.\n",
                   str_replace(out->arena, command->formats, "|", ", "));
    if (command->examples != NULL) {
        buf_puts(out, "\n```sh\n");
        for (const Example *row = command->examples; row->line != NULL; row++)
            buf_printf(out, "# %s\nsqlflow %s\n", row->what, row->line);
        buf_puts(out, "```\n");
    }
    for (size_t i = 0; command->actions != NULL && command->actions[i] != NULL; i++)
        command_section(out, arena_printf(out->arena, "%s %s", path, command->actions[i]->name),
                        command->actions[i]);
}

void help_markdown(Buf *out) {
    buf_puts(out, "# The command line\n\n"
                  "This page is generated by `sqlflow help --markdown`; do not edit it.\n\n"
                  "`sqlflow [flags] COMMAND …`. Flags may stand anywhere; `--` ends them.\n"
                  "Each global flag has an environment variable `SQLFLOW_<FLAG>`\n"
                  "(`SQLFLOW_PROJECT_DIR` for `--project-dir`), which the flag itself overrides.\n"
                  "`NO_COLOR`, `CLICOLOR_FORCE` and `TERM=dumb` are honoured.\n\n"
                  "| command | |\n|---|---|\n");
    for (size_t i = 0; command_at(i) != NULL; i++)
        buf_printf(out, "| [`%s`](#sqlflow-%s) | %s |\n", command_at(i)->name, command_at(i)->name,
                   cell(out->arena, command_at(i)->summary));
    buf_puts(out, "\n## Global flags\n");
    static const Command any = {.formats = "table|json"};
    flag_table(out, &any, global_flags);
    buf_puts(out, "\n## Exit codes\n\n| code | meaning |\n|---|---|\n"
                  "| 0 | success, also when there was nothing new |\n"
                  "| 1 | a step, an assertion or a test failed |\n"
                  "| 2 | wrong usage, or a syntax error in a pipeline |\n"
                  "| 3 | a connection failed |\n"
                  "| 4 | validation: found before the run started |\n"
                  "| 5 | internal error |\n"
                  "| 6 | permission denied |\n"
                  "| 7 | resource: lock held, disk, memory, timeout |\n"
                  "| 130 | interrupted, after a clean rollback |\n");
    for (size_t i = 0; command_at(i) != NULL; i++)
        command_section(out, command_at(i)->name, command_at(i));
}
