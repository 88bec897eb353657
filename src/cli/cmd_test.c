/* `sqlflow test`: picks the cases of the project's test files, runs them and reports: as text, as
 * a document, as JUnit XML. How a case is run is in test_run.c. */
#include <string.h>

#include "base/fs.h"
#include "base/redact.h"
#include "cli/test_case.h"

extern const Command command_test;

typedef struct Outcomes {
    TestOutcome *items;
    size_t count, capacity;
    size_t failed;
    double seconds;
} Outcomes;

/* -- picking ----------------------------------------------------------------------------- */

static bool is_meant(const Context *context, const TestCase *test, const char *name) {
    Arena *arena = context->arena;
    const char *file = fs_basename(test->file);
    return str_eq(name, test->name) || str_eq(name, test->file) || str_eq(name, file) ||
           str_eq(project_typed_path(&context->project, arena, name), test->file) ||
           str_eq(name, arena_strndup(arena, file, strcspn(file, "."))) ||
           str_eq(project_pipeline_name(arena, name), project_pipeline_name(arena, test->pipeline));
}

static bool pick(Context *context, const TestCases *all, TestCases *picked) {
    Cli *cli = context->cli;
    Strings names = {0};
    for (size_t i = 0; i < all->count; i++) {
        const TestCase *test = &all->items[i];
        bool meant = cli->words.count == 0;
        for (size_t k = 0; k < cli->words.count; k++)
            meant |= is_meant(context, test, cli->words.items[k]);
        if (meant) *LIST_PUSH(cli->arena, picked) = *test;
        strings_add_unique(cli->arena, &names, project_pipeline_name(cli->arena, test->pipeline));
        strings_add_unique(cli->arena, &names, test->name);
    }
    for (size_t k = 0; k < cli->words.count; k++) {
        bool found = false;
        for (size_t i = 0; i < all->count; i++)
            found |= is_meant(context, &all->items[i], cli->words.items[k]);
        if (found) continue;
        Error err;
        error_set(&err, ERR_USAGE, SPAN_NONE, "there is no test of '%s'%s", cli->words.items[k],
                  str_did_you_mean(cli->arena, cli->words.items[k], &names));
        error_hint(&err, "tests are in %s/", context->project.profile.tests_dir);
        return context_error(context, &err);
    }
    return true;
}

/* -- reporting --------------------------------------------------------------------------- */

static void print_outcome(Cli *cli, const TestOutcome *outcome) {
    const char *color = !cli->color_out ? "" : outcome->passed ? "\033[32m" : "\033[31m";
    out_printf(cli, "%s%s%s %s  %.2f s\n", color, outcome->passed ? "✓" : "✗",
               cli->color_out ? "\033[0m" : "", outcome->test->name, outcome->seconds);
    for (const char *c = outcome->diff; *c != '\0';) {
        size_t size = strcspn(c, "\n");
        out_printf(cli, "    %.*s\n", (int)size, c);
        c += size + (c[size] == '\n');
    }
}

static Diags failures(Arena *arena, const Outcomes *outcomes) {
    Diags diags = diags_on(arena);
    for (size_t i = 0; i < outcomes->count; i++) {
        const TestOutcome *outcome = &outcomes->items[i];
        if (!outcome->passed)
            diag_error(&diags, outcome->code, outcome->test->span, "test '%s' failed\n%s",
                       outcome->test->name, str_trim(arena, outcome->diff, strlen(outcome->diff)));
    }
    return diags;
}

static int print_json(Cli *cli, const Outcomes *outcomes, const Diags *problems) {
    Document document;
    document_start(&document, cli);
    json_int(&document.json, "passed", (long long)(outcomes->count - outcomes->failed));
    json_int(&document.json, "failed", (long long)outcomes->failed);
    json_array(&document.json, "tests");
    for (size_t i = 0; i < outcomes->count; i++) {
        const TestOutcome *outcome = &outcomes->items[i];
        json_object(&document.json, NULL);
        json_string(&document.json, "name", outcome->test->name);
        json_string(&document.json, "pipeline", outcome->test->pipeline);
        json_string(&document.json, "file", outcome->test->file);
        json_string(&document.json, "status", outcome->passed ? "passed" : "failed");
        json_seconds(&document.json, "seconds", outcome->seconds);
        json_string(&document.json, "diff", outcome->passed ? NULL : outcome->diff);
        json_end(&document.json);
    }
    json_end(&document.json);
    json_error(cli, &document.json, problems);
    return document_end(&document, cli);
}

static void xml_text(Buf *out, const char *text) {
    for (const char *c = text; *c != '\0'; c++) {
        switch (*c) {
            case '<': buf_puts(out, "&lt;"); break;
            case '>': buf_puts(out, "&gt;"); break;
            case '&': buf_puts(out, "&amp;"); break;
            case '"': buf_puts(out, "&quot;"); break;
            default:
                /* XML 1.0 has no form for other control characters. */
                buf_putc(out, (unsigned char)*c < 0x20 && *c != '\n' && *c != '\t' ? ' ' : *c);
        }
    }
}

static bool write_junit(const Context *context, const Outcomes *outcomes, Error *err) {
    Cli *cli = context->cli;
    const char *path = flag_text(cli, "junit");
    if (path == NULL) return true;
    Buf out = buf_on(cli->arena);
    buf_printf(&out,
               "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
               "<testsuites>\n  <testsuite name=\"sqlflow\" tests=\"%zu\" failures=\"%zu\""
               " time=\"%.3f\">\n",
               outcomes->count, outcomes->failed, outcomes->seconds);
    for (size_t i = 0; i < outcomes->count; i++) {
        const TestOutcome *outcome = &outcomes->items[i];
        buf_puts(&out, "    <testcase classname=\"");
        xml_text(&out, outcome->test->pipeline);
        buf_puts(&out, "\" name=\"");
        xml_text(&out, outcome->test->name);
        buf_printf(&out, "\" time=\"%.3f\"", outcome->seconds);
        if (!outcome->passed) {
            buf_puts(&out, ">\n      <failure message=\"not as expected\">");
            xml_text(&out, redact_text(cli->arena, outcome->diff));
            buf_puts(&out, "</failure>\n    </testcase>\n");
        } else {
            buf_puts(&out, "/>\n");
        }
    }
    buf_puts(&out, "  </testsuite>\n</testsuites>\n");
    path = project_typed_path(&context->project, cli->arena, path);
    return fs_write_atomic(path, out.data, out.size, 0644, err);
}

static int run_tests(Cli *cli) {
    Context context;
    TestCases all, picked = {0};
    Outcomes outcomes = {0};
    Error err;
    if (!context_open_profile(&context, cli) || !tests_read(&context, &all) ||
        !pick(&context, &all, &picked))
        return context_fail(&context);
    context_warnings(&context);
    if (picked.count == 0) note(cli, "no tests in %s/", context.project.profile.tests_dir);
    for (size_t i = 0; i < picked.count; i++) {
        TestOutcome *outcome = LIST_PUSH(cli->arena, &outcomes);
        *outcome = test_run(&context, &picked.items[i]);
        outcomes.failed += !outcome->passed;
        outcomes.seconds += outcome->seconds;
        print_outcome(cli, outcome);
    }
    if (!write_junit(&context, &outcomes, &err)) return fail(cli, &err);
    out_printf(cli, "%zu passed, %zu failed\n", outcomes.count - outcomes.failed, outcomes.failed);
    Diags problems = failures(cli->arena, &outcomes);
    if (cli->quiet) show_diags(cli, &problems);
    if (cli->json) print_json(cli, &outcomes, &problems);
    return diags_exit_code(&problems);
}

static const Flag flags[] = {
    {"junit", 0, FLAG_TEXT, "FILE", NULL, "write the results as JUnit XML"},
    {"twice", 0, FLAG_SWITCH, NULL, NULL, "prove that a second run changes nothing"},
    {0},
};

const Command command_test = {
    .name = "test",
    .summary = "run the tests of pipelines: rows in, rows out",
    .arguments = "[NAME…]",
    .about = "Tests are files tests/NAME.yml: sources are replaced by rows or files, exports are\n"
             "captured, the profile's database is not touched. NAME is a pipeline, a test or its\n"
             "file.",
    .flags = flags,
    .complete = "pipeline",
    .max_args = ANY_NUMBER,
    .examples = (const Example[]){{"test", "all tests"},
                                  {"test customer_analytics --twice",
                                   "those of one pipeline, each run twice"},
                                  {"test --junit target/junit.xml", "for CI"},
                                  {0}},
    .run = run_tests,
};
