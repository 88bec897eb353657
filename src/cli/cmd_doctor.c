/* `sqlflow doctor`: is everything there that pipelines may need? One line each, with the fix for
 * what is missing. Only DuckDB is a must; the rest is needed by those who use it. */
#include <dlfcn.h>
#include <string.h>

#include "base/fs.h"
#include "cli/output.h"
#include "engine/duck.h"

extern const Command command_doctor;

typedef struct Finding {
    const char *name, *found, *fix; /* found NULL: missing */
    bool must;
} Finding;

static Finding check_duckdb(Arena *arena, Duck **duck) {
    Finding finding = {.name = "DuckDB library", .must = true};
    Error err;
    if (duck_open(&(DuckConfig){.bare = true}, duck, &err)) {
        const char *path = duck_library_path(arena, "libduckdb.so");
        finding.found = arena_printf(arena, "%s%s%s", duck_library_version(),
                                     path == NULL ? "" : "  ", path == NULL ? "" : path);
        return finding;
    }
    finding.fix = arena_printf(arena,
                               "%s; set SQLFLOW_LIB_DIR to the folder of libduckdb.so, or "
                               "install sqlflow again",
                               err.message);
    return finding;
}

static Finding check_extension(Arena *arena, Duck *duck, const char *name, const char *use) {
    Finding finding = {.name = arena_printf(arena, "extension %s", name)};
    Error err = {0};
    if (duck != NULL && duck_load_extension(duck, name, &err))
        finding.found = "loads";
    else
        finding.fix =
            arena_printf(arena, "needed for %s%s%s", use, *err.message ? ": " : "", err.message);
    return finding;
}

static Finding check_libpq(Arena *arena) {
    Finding finding = {.name = "libpq"};
    void *library = dlopen("libpq.so.5", RTLD_LAZY | RTLD_LOCAL);
    int (*version)(void) = NULL;
    if (library != NULL) *(void **)&version = dlsym(library, "PQlibVersion");
    if (version != NULL) {
        int number = version();
        finding.found = arena_printf(arena, "%d.%d", number / 10000, number % 10000);
    } else {
        finding.fix = "needed for PostgreSQL: apt-get install libpq5";
    }
    return finding;
}

/* The module is linked to the Python it was built for, so that it loads says all. */
static Finding check_python(Arena *arena) {
    Finding finding = {.name = "Python"};
    const char *module = duck_library_path(arena, "sqlflow-python.so");
    void *library = module == NULL ? NULL : dlopen(module, RTLD_LAZY | RTLD_LOCAL);
    const char *(*version)(void) = NULL;
    if (library != NULL) *(void **)&version = dlsym(library, "Py_GetVersion");
    if (version != NULL) {
        const char *text = version();
        finding.found = arena_strndup(arena, text, strcspn(text, " "));
        return finding;
    }
    const char *reason =
        module == NULL ? "the module sqlflow-python.so is not installed" : dlerror();
    finding.fix = arena_printf(arena,
                               "needed for Python functions: apt-get install python3 "
                               "libpython3-dev (%s)",
                               reason == NULL ? "" : reason);
    return finding;
}

static void print_finding(Cli *cli, const Finding *finding) {
    Buf line = buf_on(cli->arena);
    const char *mark = finding->found != NULL ? "✓" : finding->must ? "✗" : "–";
    const char *color = finding->found != NULL ? "\033[32m"
                        : finding->must        ? "\033[31m"
                                               : "\033[33m";
    buf_printf(&line, "%s%s%s ", cli->color_out ? color : "", mark,
               cli->color_out ? "\033[0m" : "");
    buf_pad(&line, finding->name, 18, false);
    out_printf(cli, "%s%s\n", buf_text(&line),
               finding->found != NULL ? finding->found : finding->fix);
}

static int run_doctor(Cli *cli) {
    AUTO_DUCK duck = NULL;
    Finding findings[] = {
        check_duckdb(cli->arena, &duck),
        check_extension(cli->arena, duck, "httpfs", "S3"),
        check_extension(cli->arena, duck, "aws", "AWS credentials"),
        check_libpq(cli->arena),
        check_python(cli->arena),
    };
    Diags problems = diags_on(cli->arena);
    Document document;
    document_start(&document, cli);
    json_array(&document.json, "checks");
    for (size_t i = 0; i < sizeof findings / sizeof *findings; i++) {
        const Finding *finding = &findings[i];
        if (finding->found == NULL && finding->must)
            diag_error(&problems, ERR_LIBRARY, SPAN_NONE, "%s: %s", finding->name, finding->fix);
        print_finding(cli, finding);
        json_object(&document.json, NULL);
        json_string(&document.json, "name", finding->name);
        json_bool(&document.json, "ok", finding->found != NULL);
        json_string(&document.json, "found", finding->found);
        json_string(&document.json, "fix", finding->fix);
        json_end(&document.json);
    }
    json_end(&document.json);
    if (cli->quiet) show_diags(cli, &problems);
    json_error(cli, &document.json, &problems);
    if (cli->json) document_end(&document, cli);
    return diags_exit_code(&problems);
}

const Command command_doctor = {
    .name = "doctor",
    .summary = "check that DuckDB, its extensions, libpq and Python are there",
    .examples = (const Example[]){{"doctor", "what is missing and how to get it"}, {0}},
    .run = run_doctor,
};
