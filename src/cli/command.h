/* Commands and flags as tables. A command is one file with one `const Command` and one line in
 * list.def; its rows drive the parser, help, docs and completion. */
#ifndef SQLFLOW_CLI_COMMAND_H
#define SQLFLOW_CLI_COMMAND_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "base/map.h"
#include "base/str.h"

typedef enum FlagKind {
    FLAG_SWITCH,
    FLAG_TEXT,
    FLAG_INT,
    FLAG_SECONDS,
    FLAG_MAYBE_SECONDS, /* the value may be left out: --wait, --wait 5 */
    FLAG_LIST,          /* may be given several times */
} FlagKind;

typedef struct Flag {
    const char *name; /* without dashes */
    char letter;      /* 'p' for -p; 0: none */
    FlagKind kind;
    const char *value;   /* placeholder of the value in help */
    const char *choices; /* "a|b" or NULL */
    const char *help;
} Flag;

typedef struct Example {
    const char *line, *what; /* without the leading "sqlflow " */
} Example;

enum { ANY_NUMBER = 1 << 20 };

typedef struct Cli Cli;
typedef struct Command Command;
struct Command {
    const char *name;      /* one word */
    const char *summary;   /* one line */
    const char *arguments; /* "NAME [OTHER]" or NULL */
    const char *about;     /* more text for help, wrapped by hand; or NULL */
    const Flag *flags;     /* ends with a row whose name is NULL; or NULL */
    const char *formats;   /* what --format takes, the default first; NULL: table|json */
    const char *complete;  /* what arguments are: pipeline, profile, connection, …; or NULL */
    unsigned min_args, max_args;
    const Example *examples;       /* ends with a row whose line is NULL */
    const Command *const *actions; /* a group: ends with NULL; then `run` is NULL */
    int (*run)(Cli *cli);          /* returns the exit code */
};

/* What the command line says, and how to talk back. One per process. */
struct Cli {
    Arena *arena;
    const Command *command;
    const char *path; /* "pipeline run" */
    Strings words;    /* the arguments that are not flags */
    Map values;       /* flag name → Strings * */

    const char *format; /* one of the command's */
    bool json;
    bool format_given;
    bool quiet, verbose, progress, help, version;
    bool color_out, color_err; /* of stdout, of stderr */
    bool log_json;
    bool log_level_given;
    LogLevel log_level;
    int output_error; /* errno of the first failed write to stdout; 0 */
};

/* -- the tables -------------------------------------------------------------------------- */

const Command *command_at(size_t index); /* NULL past the last */
/* By words ("pipeline", "run"); *used gets how many were taken. NULL with err when unknown. */
const Command *command_find(Arena *arena, const Strings *words, size_t *used, Error *err);
extern const Flag global_flags[];
/* A flag's row: in the command's table (command may be NULL), then in the global one. */
const Flag *flag_find(const Command *command, const char *name, size_t size);
const Flag *flag_find_letter(const Command *command, char letter);

/* -- parsing ----------------------------------------------------------------------------- */

/* Reads the command line and the environment into `cli`. false with err (ERR_USAGE). What could be
 * read is set even then, the output format among it. */
bool cli_parse(Cli *cli, int argc, const char *const *argv, Error *err);

bool flag_on(const Cli *cli, const char *name);             /* given (switches: and true) */
const char *flag_text(const Cli *cli, const char *name);    /* the last one, or NULL */
const Strings *flag_list(const Cli *cli, const char *name); /* all of them; may be empty */
long long flag_int(const Cli *cli, const char *name, long long missing);
/* `bare` is the value of a FLAG_MAYBE_SECONDS without one. */
double flag_seconds(const Cli *cli, const char *name, double missing, double bare);
/* --wait as LockRequest.wait_seconds: no time given waits without end, `--wait 0` not at all. */
double flag_wait(const Cli *cli);
/* Word i of the arguments, or NULL. */
const char *cli_word(const Cli *cli, size_t index);

/* -- help -------------------------------------------------------------------------------- */

void help_overview(Buf *out);
void help_command(Buf *out, const char *path, const Command *command);
/* docs/cli.md: all commands. */
void help_markdown(Buf *out);

#endif
