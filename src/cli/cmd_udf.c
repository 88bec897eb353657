/* `sqlflow udf …`: the project's Python functions, listed, shown and checked. Making files is in
 * cmd_udf_create.c, trying functions in cmd_udf_test.c. */
#include "cli/udf.h"

#include "base/fs.h"
#include "cli/guard.h"
#include "lang/name.h"

#include <string.h>

extern const Command command_udf;

Udfs *udf_open(Context *context, Cli *cli, int *code) {
    guard_start(cli, 0);
    if (!context_open_profile(context, cli)) {
        *code = context_fail(context);
        return NULL;
    }
    const Profile *profile = &context->project.profile;
    UdfConfig config = {context->project.root, profile->udfs_dir, profile->python_venv};
    return udfs_new(context->arena, &config);
}

const Udf *udf_open_named(Context *context, Cli *cli, Udfs **udfs, int *code) {
    Error err = {0};
    *udfs = udf_open(context, cli, code);
    if (*udfs == NULL) return NULL;
    const Udf *udf = udfs_find(*udfs, cli_word(cli, 0), &err);
    if (udf != NULL) return udf;
    if (err.code == ERR_UDF_UNKNOWN) err.code = ERR_USAGE;
    *code = fail(cli, &err);
    return NULL;
}

static const char *type_name(const Udf *udf) {
    return udf->kind == UDF_TABLE ? "table" : "scalar";
}

/* As an object of an array (key NULL) or member. */
static void udf_json(JsonWriter *json, const char *key, const Udf *udf) {
    AUTO_ARENA arena = arena_new();
    json_object(json, key);
    json_string(json, "name", udf->name);
    json_string(json, "full_name", udf->full_name);
    json_string(json, "module", udf->module);
    json_string(json, "type", type_name(udf));
    json_string(json, "signature", udf_signature(arena, udf));
    json_string(json, "file", udf->file);
    json_int(json, "line", udf->line);
    json_string(json, "doc", udf->doc);
    json_array(json, "parameters");
    for (size_t i = 0; i < udf->params.count; i++) {
        json_object(json, NULL);
        json_string(json, "name", udf->params.items[i].name);
        json_string(json, "type", udf->params.items[i].type);
        json_string(json, "default", udf->params.items[i].fallback);
        json_end(json);
    }
    json_end(json);
    if (udf->kind == UDF_SCALAR) json_string(json, "return_type", udf->return_type);
    if (udf->kind == UDF_TABLE) {
        json_array(json, "output_schema");
        for (size_t i = 0; i < udf->output.count; i++) {
            json_object(json, NULL);
            json_string(json, "name", udf->output.items[i].name);
            json_string(json, "type", udf->output.items[i].type);
            json_end(json);
        }
        json_end(json);
        json_array(json, "required_columns");
        for (size_t i = 0; i < udf->required.count; i++)
            json_string(json, NULL, udf->required.items[i]);
        json_end(json);
    }
    json_bool(json, "deterministic", !udf->is_volatile);
    json_bool(json, "vectorized", udf->vectorized);
    json_string(json, "problem", udf->problem);
    json_end(json);
}

/* -- list -------------------------------------------------------------------------------- */

static int list_document(Cli *cli, const Udfs *udfs, const Diags *problems) {
    Document document;
    document_start(&document, cli);
    json_array(&document.json, "udfs");
    const Udf *udf;
    for (size_t i = 0; (udf = udfs_at(udfs, i)) != NULL; i++) udf_json(&document.json, NULL, udf);
    json_end(&document.json);
    json_diags(&document.json, "problems", problems);
    return document_end(&document, cli);
}

static int run_list(Cli *cli) {
    Context context;
    Error err = {0};
    int code = 0;
    Udfs *udfs = udf_open(&context, cli, &code);
    if (udfs == NULL) return code;
    if (!udfs_import_all(udfs, &err)) return fail(cli, &err);
    Diags problems = diags_on(cli->arena);
    udfs_problems(udfs, &problems);
    if (cli->json) return list_document(cli, udfs, &problems);
    Table table = table_new(cli->arena, "NAME|TYPE|SIGNATURE|FILE");
    const Udf *udf;
    for (size_t i = 0; (udf = udfs_at(udfs, i)) != NULL; i++) {
        table_cell(&table, udf->full_name);
        table_cell(&table, type_name(udf));
        table_cell(&table, udf->problem != NULL ? "(not usable)" : udf_signature(cli->arena, udf));
        table_cellf(&table, "%s:%d", udf->file, udf->line);
    }
    if (udfs_at(udfs, 0) == NULL && problems.errors == 0)
        note(cli, "no Python functions in %s/; `sqlflow udf create NAME` makes one",
             context.project.profile.udfs_dir);
    else
        table_print(cli, &table);
    show_diags(cli, &problems);
    return 0;
}

bool udf_file(const Context *context, const char *typed, const char **file, Error *err) {
    const char *here = project_typed_path(&context->project, context->arena, typed);
    *file = fs_exists(here) ? here : typed;
    if (fs_exists(*file)) return true;
    Strings names = {0};
    Error ignored;
    fs_list(context->arena, fs_dirname(context->arena, here), &names, &ignored);
    return error_set(err, ERR_USAGE, SPAN_NONE, "there is no file %s%s", typed,
                     str_did_you_mean(context->arena, fs_basename(typed), &names));
}

/* -- info -------------------------------------------------------------------------------- */

static void print_columns(Cli *cli, const Udf *udf) {
    for (size_t i = 0; i < udf->output.count; i++)
        out_printf(cli, "%s%s %s\n", i == 0 ? "returns       " : "              ",
                   udf->output.items[i].name, udf->output.items[i].type);
    if (udf->required.count > 0)
        out_printf(cli, "requires      %s\n", strings_join(cli->arena, &udf->required, ", "));
}

static int run_info(Cli *cli) {
    Context context;
    int code = 0;
    Udfs *udfs = NULL;
    const Udf *udf = udf_open_named(&context, cli, &udfs, &code);
    if (udf == NULL) return code;
    if (cli->json) {
        Document document;
        document_start(&document, cli);
        udf_json(&document.json, "udf", udf);
        return document_end(&document, cli);
    }
    out_printf(cli, "%s\n", udf_signature(cli->arena, udf));
    if (*udf->doc != '\0') out_printf(cli, "%s\n", udf->doc);
    out_printf(cli, "\ntype          %s%s%s\n", type_name(udf),
               udf->vectorized ? ", vectorized" : "", udf->is_volatile ? ", volatile" : "");
    out_printf(cli, "full name     %s\n", udf->full_name);
    out_printf(cli, "defined at    %s:%d\n", udf->file, udf->line);
    if (udf->kind == UDF_SCALAR)
        out_printf(cli, "NULL          %s\n",
                   udf->special_nulls ? "the function is called with None"
                                      : "gives NULL without a call");
    if (udf->null_on_error) out_printf(cli, "errors        become NULL, counted\n");
    print_columns(cli, udf);
    const char *call = udf->kind == UDF_TABLE ? "SELECT * FROM %s(table)" : "SELECT %s(…)";
    const char *name = udf_sql_name(udfs, udf);
    if (name == udf->name) name = name_quote_if_needed(cli->arena, name);
    out_printf(cli, "in SQL        %s\n", str_replace(cli->arena, call, "%s", name));
    return 0;
}

/* -- validate ---------------------------------------------------------------------------- */

static bool import_named(const Context *context, Udfs *udfs, Error *err) {
    const Cli *cli = context->cli;
    for (size_t i = 0; i < cli->words.count; i++) {
        const char *word = cli->words.items[i], *file;
        if (str_ends(word, ".py")) {
            if (!udf_file(context, word, &file, err) || !udfs_import_file(udfs, file, err))
                return false;
        } else if (udfs_find(udfs, word, err) == NULL && err->code != ERR_UDF_DEFINITION) {
            if (err->code == ERR_UDF_UNKNOWN) err->code = ERR_USAGE;
            return false;
        }
    }
    return cli->words.count > 0 || udfs_import_all(udfs, err);
}

static int run_validate(Cli *cli) {
    Context context;
    Error err = {0};
    int code = 0;
    Udfs *udfs = udf_open(&context, cli, &code);
    if (udfs == NULL) return code;
    if (!import_named(&context, udfs, &err)) return fail(cli, &err);
    Diags problems = diags_on(cli->arena);
    udfs_problems(udfs, &problems);
    AUTO_DUCK duck = NULL;
    if (!duck_open(&(DuckConfig){.bare = true}, &duck, &err)) return fail(cli, &err);
    udfs_check_types(udfs, duck, &problems);
    size_t count = 0;
    while (udfs_at(udfs, count) != NULL) count++;
    code = diags_exit_code(&problems);
    if (cli->json) {
        Document document;
        document_start(&document, cli);
        json_bool(&document.json, "valid", problems.errors == 0);
        json_int(&document.json, "functions", (long long)count);
        json_diags(&document.json, "diagnostics", &problems);
        json_error(cli, &document.json, &problems);
        document_end(&document, cli);
        return code;
    }
    if (problems.errors > 0) return fail_diags(cli, &problems);
    out_printf(cli, "✓ %zu function%s, Python %s\n", count, count == 1 ? "" : "s",
               udfs_python(udfs));
    return 0;
}

static int run_path(Cli *cli) {
    Error err = {0};
    const char *path = udf_package_path(cli->arena, &err);
    if (path == NULL) return fail(cli, &err);
    if (!cli->json) {
        out_printf(cli, "%s\n", path);
        return 0;
    }
    Document document;
    document_start(&document, cli);
    json_string(&document.json, "path", path);
    return document_end(&document, cli);
}

/* -- the table --------------------------------------------------------------------------- */

static const Command list = {
    .name = "list",
    .summary = "list the project's Python functions",
    .examples = (const Example[]){{"udf list --format json", "for a program"}, {0}},
    .run = run_list,
};
static const Command info = {
    .name = "info",
    .summary = "show one function: signature, types, place",
    .arguments = "NAME",
    .complete = "function",
    .min_args = 1,
    .max_args = 1,
    .examples = (const Example[]){{"udf info text_utils.clean", "by module and name"}, {0}},
    .run = run_info,
};
static const Command validate = {
    .name = "validate",
    .summary = "import and check all functions, with file and line",
    .arguments = "[NAME|FILE…]",
    .complete = "function",
    .max_args = ANY_NUMBER,
    .examples = (const Example[]){{"udf validate", "everything in python_udfs/"},
                                  {"udf validate python_udfs/tax.py", "one file"},
                                  {0}},
    .run = run_validate,
};
static const Command path = {
    .name = "path",
    .summary = "print the folder of the module sqlflow.udfs, for PYTHONPATH",
    .examples =
        (const Example[]){{"udf path", "PYTHONPATH=$(sqlflow udf path) pytest python_udfs"}, {0}},
    .run = run_path,
};

const Command command_udf = {
    .name = "udf",
    .summary = "make, list, check and try Python functions",
    .actions = (const Command *const[]){&list, &info, &validate, &command_udf_test,
                                        &command_udf_create, &command_udf_register, &path, NULL},
    .examples = (const Example[]){{"udf list", "what there is"},
                                  {"udf test clean --args '[\"x\"]'", "call one"},
                                  {0}},
};
