/* Tests of the report: its lines byte for byte, and the document. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "run/report.h"

static const Step load = {.kind = STEP_LOAD, .id = "load_customers", .name = "customers"};
static const Step source = {.kind = STEP_SOURCE, .id = "source_customers", .name = "customers"};
static const Step export = {.kind = STEP_EXPORT, .id = "export_csv_summary", .name = "o.csv"};
static const Step check = {.kind = STEP_ASSERT, .id = "assert_a", .name = "a"};
static const Step sql = {.kind = STEP_SQL, .id = "sql_delete_t", .name = "t"};

static const struct {
    StepResult result;
    size_t index, count;
    const char *line;
} cases[] = {
    {{.step = &source, .status = STATUS_OK, .detail = "csv data/customers.csv"},
     0,
     7,
     " 1/7  source_customers     csv data/customers.csv\n"},
    {{.step = &load, .status = STATUS_OK, .detail = "", .rows_inserted = 1000, .seconds = 0.02},
     1,
     7,
     " 2/7  load_customers       1,000 rows          0.02 s\n"},
    {{.step = &export,
      .status = STATUS_OK,
      .detail = "output/summary.csv",
      .rows_read = 12,
      .bytes = 1100},
     6,
     7,
     " 7/7  export_csv_summary   output/summary.csv  12 rows, 1.1 kB\n"},
    {{.step = &export, .status = STATUS_OK, .detail = "", .rows_read = 1, .bytes = -1},
     6,
     7,
     " 7/7  export_csv_summary   o.csv               1 row\n"},
    {{.step = &load,
      .status = STATUS_OK,
      .detail = "",
      .rows_inserted = 3,
      .rows_updated = 12,
      .rows_deleted = 1,
      .seconds = 1.5,
      .duplicates_dropped = 2,
      .retries = 1},
     8,
     12,
     "  9/12  load_customers       3 new, 12 updated, 1 deleted  1.50 s, 2 duplicates dropped, "
     "1 retry\n"},
    {{.step = &load, .status = STATUS_OK, .detail = ""},
     1,
     7,
     " 2/7  load_customers       0 rows              0.00 s\n"},
    {{.step = &check, .status = STATUS_WARN, .detail = "", .seconds = 0.1},
     1,
     7,
     " 2/7  assert_a             warning             0.10 s\n"},
    {{.step = &sql, .status = STATUS_OK, .detail = "", .rows_deleted = 1234, .seconds = 0.1},
     1,
     7,
     " 2/7  sql_delete_t         1,234 deleted       0.10 s\n"},
    {{.step = &load, .status = STATUS_SKIPPED, .detail = ""},
     1,
     7,
     " 2/7  load_customers       skipped\n"},
    {{.step = &load, .status = STATUS_FAILED, .detail = "", .seconds = 0.5},
     1,
     7,
     " 2/7  load_customers       ✗ failed  0.50 s\n"},
};

static void lines(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_ARENA arena = arena_new();
        Buf out = buf_on(arena);
        report_step(&cases[i].result, cases[i].index, cases[i].count, &out);
        assert_string_equal(buf_text(&out), cases[i].line);
    }
}

static void failed_step_tells_why(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Buf out = buf_on(arena);
    ReportLayout layout = report_layout(NULL, false);
    StepResult result = {.step = &load, .status = STATUS_FAILED, .detail = "", .seconds = 1};
    Error err;
    error_set(&err, ERR_ASSERT, SPAN_NONE, "3 rows\nmore lines");
    report_line(&layout, &result, 1, 7, &err, &out);
    assert_string_equal(buf_text(&out), " 2/7  load_customers       ✗ SF0602 3 rows  1.00 s\n");
}

static void head(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    Buf out = buf_on(arena);
    RunReport report = {.run_id = "r1", .pipeline = "p", .profile = "dev"};
    report_head(&report, &out);
    assert_string_equal(buf_text(&out), "Pipeline p · profile dev · run r1\n");
    out = buf_on(arena);
    report.in_memory = report.dry_run = true;
    report_head(&report, &out);
    assert_string_equal(buf_text(&out),
                        "Pipeline p · profile dev · run r1 · dry run\n"
                        "in-memory database: tables and watermarks end with this run\n");
}

static RunReport report_of(Arena *arena, RunStatus status) {
    return (RunReport){.arena = arena,
                       .run_id = "r1",
                       .pipeline = "p",
                       .profile = "dev",
                       .status = status,
                       .seconds = 0.31,
                       .diags = diags_on(arena),
                       .problems = diags_on(arena)};
}

static const char *last_line(RunReport *report) {
    Buf out = buf_on(report->arena);
    report_tail(report, &out, false);
    const char *text = buf_text(&out), *last = text;
    for (const char *c = text; *c != '\0'; c++)
        if (*c == '\n' && c[1] != '\0') last = c + 1;
    return last;
}

static void tails(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    RunReport report = report_of(arena, RUN_SUCCESS);
    assert_string_equal(last_line(&report), "committed · 0.31 s\n");
    for (int i = 0; i < 2; i++)
        *LIST_PUSH(arena, &report.exports) =
            (ExportResult){.export_id = "e", .destination = "d", .done = true};
    assert_string_equal(last_line(&report), "committed · published 2 exports · 0.31 s\n");
    diag_warning(&report.diags, WARN_ASSERT, SPAN_NONE, "w");
    assert_string_equal(last_line(&report),
                        "committed · published 2 exports · 1 warning · 0.31 s\n");

    report = report_of(arena, RUN_PENDING);
    *LIST_PUSH(arena, &report.exports) = (ExportResult){.export_id = "e", .destination = "d"};
    error_set(&report.error, ERR_CONNECTION, SPAN_NONE, "x");
    assert_string_equal(last_line(&report),
                        "committed, 1 export pending · SF0801 connection failed · 0.31 s\n");

    report = report_of(arena, RUN_FAILED);
    error_set(&report.error, ERR_ASSERT, SPAN_NONE, "x");
    assert_string_equal(last_line(&report), "rolled back · SF0602 assertion failed · 0.31 s\n");

    report = report_of(arena, RUN_INTERRUPTED);
    assert_string_equal(last_line(&report), "rolled back · interrupted · 0.31 s\n");
}

static void dry_run(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    RunReport report = report_of(arena, RUN_SUCCESS);
    report.dry_run = true;
    *LIST_PUSH(arena, &report.changes) =
        (TableChange){.table = "orders", .rows_before = 1000, .rows_after = 1010, .inserted = 10};
    *LIST_PUSH(arena, &report.changes) =
        (TableChange){.table = "new_one", .rows_before = -1, .rows_after = 5, .inserted = 5};
    Buf out = buf_on(arena);
    report_tail(&report, &out, false);
    assert_string_equal(buf_text(&out),
                        "table        before       after    inserted     updated     deleted\n"
                        "orders        1,000       1,010          10           0           0\n"
                        "new_one           –           5           5           0           0\n"
                        "rolled back · dry run: nothing was changed · 0.31 s\n");
}

static void document(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    RunReport report = report_of(arena, RUN_FAILED);
    StepResult steps[] = {
        {.step = &load, .status = STATUS_OK, .rows_inserted = 5, .detail = ""},
        {.step = &check, .status = STATUS_FAILED, .detail = ""},
        {.step = &export, .status = STATUS_PENDING, .detail = ""},
    };
    report.steps = steps;
    report.step_count = 3;
    *LIST_PUSH(arena, &report.exports) = (ExportResult){.export_id = "e",
                                                        .step_id = "export_csv_summary",
                                                        .destination = "o.csv",
                                                        .type = "csv",
                                                        .rows = 5,
                                                        .bytes = -1};
    diag_warning(&report.diags, WARN_DUPLICATES, SPAN_NONE, "w");
    error_set(&report.error, ERR_ASSERT, SPAN_NONE, "3 rows");
    Buf out = buf_on(arena);
    report_json(&report, &out);
    static const char *const parts[] = {
        "\"schema_version\": 1",      "\"run_id\": \"r1\"",   "\"status\": \"failed\"",
        "\"id\": \"load_customers\"", "\"type\": \"load\"",   "\"rows_inserted\": 5",
        "\"status\": \"skipped\"",    "\"bytes\": null",      "\"status\": \"pending\"",
        "\"code\": \"SF0620\"",       "\"code\": \"SF0602\"",
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strstr(buf_text(&out), parts[i]) == NULL) fail_msg("%s\n%s", parts[i], buf_text(&out));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines),   cmocka_unit_test(failed_step_tells_why),
        cmocka_unit_test(head),    cmocka_unit_test(tails),
        cmocka_unit_test(dry_run), cmocka_unit_test(document),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
