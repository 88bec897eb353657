/* `sqlflow udf create` and `udf register`: new files in the folder of Python functions. */
#include <string.h>

#include "base/fs.h"
#include "cli/udf.h"

static const char scalar_template[] =
    "\"\"\"Try it:  sqlflow udf test %s --args '[1.0]'\"\"\"\n"
    "\n"
    "from sqlflow.udfs import python_scalar_udf\n"
    "\n"
    "\n"
    "@python_scalar_udf\n"
    "def %s(value: float, factor: float = 2.0) -> float:\n"
    "    \"\"\"One value a row; the hints are the SQL types.\"\"\"\n"
    "    return value * factor\n";

static const char table_template[] =
    "\"\"\"Use it:  SELECT * FROM %s(some_table)\"\"\"\n"
    "\n"
    "from sqlflow.udfs import python_table_udf\n"
    "\n"
    "\n"
    "@python_table_udf(output_schema={\"row\": \"BIGINT\", \"columns\": \"INTEGER\"})\n"
    "def %s(rows: list[dict]):\n"
    "    \"\"\"Takes all rows, gives rows. Hint pandas.DataFrame or pyarrow.Table to get "
    "those.\"\"\"\n"
    "    for number, row in enumerate(rows, 1):\n"
    "        yield {\"row\": number, \"columns\": len(row)}\n";

/* Words that Python keeps for itself. */
static bool is_reserved(const char *name) {
    static const char *const words[] = {"False",    "None",    "True",  "and",   "as",
                                        "assert",   "async",   "await", "break", "class",
                                        "continue", "def",     "del",   "elif",  "else",
                                        "except",   "finally", "for",   "from",  "global",
                                        "if",       "import",  "in",    "is",    "lambda",
                                        "nonlocal", "not",     "or",    "pass",  "raise",
                                        "return",   "try",     "while", "with",  "yield",
                                        NULL};
    return str_in(name, words);
}

static bool write_new(Cli *cli, const char *path, const char *text, Error *err) {
    if (fs_exists(path) && !flag_on(cli, "force")) {
        error_set(err, ERR_FILE_EXISTS, SPAN_NONE, "%s exists already", path);
        return error_hint(err, "--force overwrites it");
    }
    return fs_write_atomic(path, text, strlen(text), 0644, err);
}

static int done(Cli *cli, const char *path, const char *what) {
    if (cli->json) {
        Document document;
        document_start(&document, cli);
        json_string(&document.json, "file", path);
        return document_end(&document, cli);
    }
    out_printf(cli, "%s %s\n", what, path);
    return 0;
}

static int run_create(Cli *cli) {
    Context context;
    Error err = {0};
    int code = 0;
    const char *name = cli_word(cli, 0), *type = flag_text(cli, "type");
    if (*name == '\0' || str_name(name) != strlen(name) || is_reserved(name))
        return fail_usage(cli, "'%s' cannot be a Python function's name", name);
    if (udf_open(&context, cli, &code) == NULL) return code;
    bool is_table = type != NULL && str_eq(type, "table");
    const char *text =
        str_replace(cli->arena, is_table ? table_template : scalar_template, "%s", name);
    const char *path = fs_join(cli->arena, context.project.profile.udfs_dir,
                               arena_printf(cli->arena, "%s.py", name));
    return write_new(cli, path, text, &err) ? done(cli, path, "created") : fail(cli, &err);
}

static int run_register(Cli *cli) {
    Context context;
    Error err = {0};
    int code = 0;
    const char *file = NULL;
    Udfs *udfs = udf_open(&context, cli, &code);
    if (udfs == NULL) return code;
    if (!udf_file(&context, cli_word(cli, 0), &file, &err)) return fail(cli, &err);
    file = fs_absolute(cli->arena, file);
    const char *text = fs_read(cli->arena, file, NULL, &err);
    if (text == NULL) return fail(cli, &err);
    if (!str_ends(file, ".py")) return fail_usage(cli, "%s is no .py file", cli_word(cli, 0));
    if (!udfs_import_file(udfs, file, &err)) return fail(cli, &err);
    Diags problems = diags_on(cli->arena);
    udfs_problems(udfs, &problems);
    if (problems.errors > 0) return fail_diags(cli, &problems);
    if (udfs_at(udfs, 0) == NULL) {
        error_set(&err, ERR_UDF_DEFINITION, SPAN_NONE, "%s has no decorated function", file);
        error_hint(&err, "put @python_scalar_udf or @python_table_udf above one");
        return fail(cli, &err);
    }
    const char *folder = context.project.profile.udfs_dir;
    const char *path = fs_join(cli->arena, folder, fs_basename(file));
    if (!str_eq(fs_absolute(cli->arena, path), file) && !write_new(cli, path, text, &err))
        return fail(cli, &err);
    return done(cli, path, "registered");
}

static const Flag force_flags[] = {{"force", 0, FLAG_SWITCH, NULL, NULL,
                                    "overwrite the file when it exists"},
                                   {0}};
static const Flag create_flags[] = {{"type", 0, FLAG_TEXT, "TYPE", "scalar|table",
                                     "what the function gives (default scalar)"},
                                    {"force", 0, FLAG_SWITCH, NULL, NULL,
                                     "overwrite the file when it exists"},
                                    {0}};

const Command command_udf_create = {
    .name = "create",
    .summary = "make a Python function from a template",
    .arguments = "NAME",
    .flags = create_flags,
    .min_args = 1,
    .max_args = 1,
    .examples = (const Example[]){{"udf create profit_margin", "one value a row"},
                                  {"udf create cleaned --type table", "a table in, a table out"},
                                  {0}},
    .run = run_create,
};
const Command command_udf_register = {
    .name = "register",
    .summary = "check a Python file and add it to the project",
    .arguments = "FILE",
    .flags = force_flags,
    .min_args = 1,
    .max_args = 1,
    .examples = (const Example[]){{"udf register ~/lib/tax.py", "copies it to python_udfs/"}, {0}},
    .run = run_register,
};
