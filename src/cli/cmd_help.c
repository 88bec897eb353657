/* `sqlflow help` and `sqlflow version`: answers from the tables, nothing is loaded. */
#include "cli/output.h"

#ifndef SQLFLOW_VERSION
#define SQLFLOW_VERSION "0.0.0"
#endif
#ifndef SQLFLOW_DUCKDB_VERSION
#define SQLFLOW_DUCKDB_VERSION ""
#endif

extern const Command command_help, command_version;

static int show(Cli *cli, const Buf *text) {
    if (cli->json) {
        Document document;
        document_start(&document, cli);
        json_string(&document.json, "help", buf_text(text));
        return document_end(&document, cli);
    }
    out_text(cli, buf_text(text));
    return 0;
}

int help_show(Cli *cli, const char *path, const Command *command) {
    Buf out = buf_on(cli->arena);
    if (command == NULL)
        help_overview(&out);
    else
        help_command(&out, path, command);
    return show(cli, &out);
}

static int run_help(Cli *cli) {
    if (flag_on(cli, "markdown")) {
        Buf out = buf_on(cli->arena);
        help_markdown(&out);
        return show(cli, &out);
    }
    if (cli->words.count == 0) return help_show(cli, NULL, NULL);
    Error err;
    size_t used;
    const Command *command = command_find(cli->arena, &cli->words, &used, &err);
    if (command == NULL) return fail(cli, &err);
    Strings path = cli->words;
    path.count = used;
    return help_show(cli, strings_join(cli->arena, &path, " "), command);
}

static int run_version(Cli *cli) {
    if (cli->json) {
        Document document;
        document_start(&document, cli);
        json_string(&document.json, "version", SQLFLOW_VERSION);
        json_string(&document.json, "duckdb_version", SQLFLOW_DUCKDB_VERSION);
        return document_end(&document, cli);
    }
    out_text(cli, "sqlflow " SQLFLOW_VERSION "\n");
    return 0;
}

static const Flag help_flags[] = {
    {"markdown", 0, FLAG_SWITCH, NULL, NULL, "the whole reference, as docs/cli.md holds it"},
    {0},
};

const Command command_help = {
    .name = "help",
    .summary = "show help, also of a command",
    .arguments = "[COMMAND]",
    .flags = help_flags,
    .formats = "text|json",
    .complete = "command",
    .max_args = 3,
    .examples = (const Example[]){{"help run", "all about running a pipeline"}, {0}},
    .run = run_help,
};

const Command command_version = {
    .name = "version",
    .summary = "show the version",
    .examples = (const Example[]){{"version --format json", "for a program"}, {0}},
    .run = run_version,
};
