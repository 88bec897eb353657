/* The report of a run: lines for people, and the document for programs. See run.h and report.h.
 * It only tells; what happened was decided in run.c. */
#include "run/report.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/redact.h"

static const char *const DIM = "\033[2m", *const RED = "\033[31m", *const GREEN = "\033[32m",
                         *const YELLOW = "\033[33m", *const PLAIN = "\033[0m";

const char *run_status_name(RunStatus status) {
    switch (status) {
        case RUN_SUCCESS: return "success";
        case RUN_FAILED: return "failed";
        case RUN_INTERRUPTED: return "interrupted";
        case RUN_PENDING: return "pending";
    }
    abort();
}

const char *step_status_name(StepStatus status) {
    switch (status) {
        case STATUS_PENDING: return "skipped"; /* never reached */
        case STATUS_RUNNING: return "failed";  /* the run ended inside it */
        case STATUS_OK: return "ok";
        case STATUS_WARN: return "warn";
        case STATUS_FAILED: return "failed";
        case STATUS_SKIPPED: return "skipped";
    }
    abort();
}

/* -- a step ------------------------------------------------------------------------------ */

static void put(Buf *out, bool color, const char *style, const char *text) {
    if (color) buf_puts(out, style);
    buf_puts(out, text);
    if (color) buf_puts(out, PLAIN);
}

/* Characters, near enough to columns for names and paths. */
static size_t width_of(const char *text) { return utf8_length(text, strlen(text)); }

static void pad(Buf *out, const char *text, size_t width) {
    buf_puts(out, text);
    for (size_t own = width_of(text); own < width; own++) buf_putc(out, ' ');
}

static const char *changed_rows(Arena *arena, const StepResult *result) {
    Strings parts = {0};
    if (result->rows_updated == 0 && result->rows_deleted == 0)
        return str_count(arena, result->rows_inserted, "row");
    if (result->rows_inserted > 0)
        strings_add(arena, &parts,
                    arena_printf(arena, "%s new", str_thousands(arena, result->rows_inserted)));
    if (result->rows_updated > 0)
        strings_add(arena, &parts,
                    arena_printf(arena, "%s updated", str_thousands(arena, result->rows_updated)));
    if (result->rows_deleted > 0)
        strings_add(arena, &parts,
                    arena_printf(arena, "%s deleted", str_thousands(arena, result->rows_deleted)));
    return strings_join(arena, &parts, ", ");
}

/* "csv data/customers.csv": the connector and where it reads. */
static const char *source_text(Arena *arena, const Step *step) {
    static const char *const places[] = {"path",        "uri",         "table", "key",
                                         "path_prefix", "key_pattern", "query", NULL};
    if (step->source == NULL || step->source->link.connector == NULL) return "";
    const Link *link = &step->source->link;
    const char *connector = link->connector->name, *place = NULL;
    for (size_t i = 0; place == NULL && places[i] != NULL; i++) {
        const Value *value = value_get(link->options, places[i]);
        if (value == NULL) continue;
        place = value_text(value);
        if (place == NULL && value->count > 0)
            place = arena_printf(arena, "%s%s", value_text(value->members[0].value),
                                 value->count > 1 ? ", …" : "");
    }
    return place == NULL ? connector : arena_printf(arena, "%s %s", connector, place);
}

/* What a step says behind its id: "1,000 rows", "csv data/a.csv". */
static const char *detail_of(Arena *arena, const StepResult *result) {
    const char *detail = result->detail == NULL ? "" : result->detail;
    switch (result->status) {
        case STATUS_SKIPPED: return *detail != '\0' ? detail : "skipped";
        case STATUS_FAILED:
        case STATUS_RUNNING: return *detail != '\0' ? detail : "failed";
        case STATUS_PENDING: return "not reached";
        case STATUS_OK:
        case STATUS_WARN: break;
    }
    switch (result->step->kind) {
        case STEP_SOURCE: return *detail != '\0' ? detail : source_text(arena, result->step);
        case STEP_EXPORT: return *detail != '\0' ? detail : result->step->name;
        case STEP_ASSERT:
            if (*detail != '\0') return detail;
            return result->status == STATUS_WARN ? "warning" : "ok";
        case STEP_SQL:
            if (result->rows_inserted + result->rows_updated + result->rows_deleted > 0)
                return changed_rows(arena, result);
            return *detail != '\0' ? detail : "done";
        case STEP_LOAD:
        case STEP_TRANSFORM: return changed_rows(arena, result);
    }
    abort();
}

/* Behind the detail: duration, or what an export wrote; and what else is worth knowing. */
static const char *outcome(Arena *arena, const StepResult *result) {
    Strings parts = {0};
    const Step *step = result->step;
    bool timed = step->kind != STEP_SOURCE && step->kind != STEP_EXPORT;
    if (result->status == STATUS_SKIPPED || result->status == STATUS_PENDING) return "";
    if (step->kind == STEP_EXPORT && result->status == STATUS_OK) {
        strings_add(arena, &parts, str_count(arena, result->rows_read, "row"));
        if (result->bytes >= 0)
            strings_add(arena, &parts, str_bytes(arena, (unsigned long long)result->bytes));
    }
    if (timed || result->status == STATUS_FAILED)
        strings_add(arena, &parts, arena_printf(arena, "%.2f s", result->seconds));
    if (result->duplicates_dropped > 0)
        strings_add(arena, &parts,
                    arena_printf(arena, "%s dropped",
                                 str_count(arena, result->duplicates_dropped, "duplicate")));
    if (result->retries > 0)
        strings_add(arena, &parts,
                    arena_printf(arena, "%d %s", result->retries,
                                 result->retries == 1 ? "retry" : "retries"));
    return strings_join(arena, &parts, ", ");
}

static const char *first_line(Arena *arena, const char *text) {
    return arena_strndup(arena, text, strcspn(text, "\n"));
}

static void failure(const ReportLayout *layout, const StepResult *result, const Error *error,
                    Buf *out) {
    const char *text = detail_of(out->arena, result);
    if (error != NULL && error->code != ERR_NONE)
        text = arena_printf(out->arena, "%s %s", diag_code(out->arena, error->code),
                            first_line(out->arena, error->message));
    put(out, layout->color, RED, arena_printf(out->arena, "✗ %s", text));
    buf_printf(out, "  %.2f s\n", result->seconds);
}

void report_line(const ReportLayout *layout, const StepResult *result, size_t index, size_t count,
                 const Error *error, Buf *out) {
    Arena *arena = out->arena;
    size_t line_start = out->size;
    int digits = (int)width_of(arena_printf(arena, "%zu", count));
    const char *number = arena_printf(arena, "%*zu/%zu", digits + 1, index + 1, count);
    put(out, layout->color, DIM, number);
    buf_puts(out, "  ");
    pad(out, result->step->id, layout->id_width);
    buf_puts(out, "  ");
    if (result->status == STATUS_FAILED || result->status == STATUS_RUNNING) {
        failure(layout, result, error, out);
        return;
    }
    const char *detail = redact_text(arena, detail_of(arena, result));
    const char *behind = outcome(arena, result);
    bool warn = result->status == STATUS_WARN;
    if (layout->color && warn) buf_puts(out, YELLOW);
    pad(out, detail, *behind == '\0' ? 0 : layout->detail_width);
    if (layout->color && warn) buf_puts(out, PLAIN);
    if (*behind != '\0') buf_printf(out, "  %s", behind);
    while (out->size > line_start && out->data[out->size - 1] == ' ') out->size--;
    buf_putc(out, '\n');
}

ReportLayout report_layout(const Plan *plan, bool color) {
    enum { ID_MIN = 19, ID_MAX = 40, DETAIL_MIN = 18, DETAIL_MAX = 40 };
    ReportLayout layout = {ID_MIN, DETAIL_MIN, color};
    for (size_t i = 0; plan != NULL && i < plan->steps.count; i++) {
        const Step *step = &plan->steps.items[i];
        size_t id = width_of(step->id);
        size_t detail = step->kind == STEP_EXPORT ? width_of(step->name) : 0;
        if (id > layout.id_width && id <= ID_MAX) layout.id_width = id;
        if (detail > layout.detail_width && detail <= DETAIL_MAX) layout.detail_width = detail;
    }
    return layout;
}

void report_step(const StepResult *result, size_t index, size_t count, Buf *out) {
    ReportLayout layout = report_layout(NULL, false);
    report_line(&layout, result, index, count, NULL, out);
}

/* -- head and tail ----------------------------------------------------------------------- */

void report_head(const RunReport *report, Buf *out) {
    buf_printf(out, "Pipeline %s · profile %s · run %s%s\n", report->pipeline, report->profile,
               report->run_id, report->dry_run ? " · dry run" : "");
    if (report->in_memory)
        buf_puts(out, "in-memory database: tables and watermarks end with this run\n");
}

static const char *row_count(Arena *arena, int64_t rows) {
    return rows < 0 ? "–" : str_thousands(arena, rows);
}

/* What a dry run would have changed, one table a line, numbers right-aligned. */
static void changes(const RunReport *report, Buf *out) {
    if (report->changes.count == 0) {
        buf_puts(out, "no table would change\n");
        return;
    }
    size_t width = strlen("table");
    for (size_t i = 0; i < report->changes.count; i++) {
        size_t own = width_of(report->changes.items[i].table);
        if (own > width) width = own;
    }
    pad(out, "table", width);
    buf_printf(out, "%12s%12s%12s%12s%12s\n", "before", "after", "inserted", "updated", "deleted");
    for (size_t i = 0; i < report->changes.count; i++) {
        const TableChange *change = &report->changes.items[i];
        int64_t numbers[] = {change->rows_before, change->rows_after, change->inserted,
                             change->updated, change->deleted};
        pad(out, change->table, width);
        for (size_t n = 0; n < sizeof numbers / sizeof *numbers; n++) {
            const char *text = row_count(out->arena, numbers[n]);
            for (size_t own = width_of(text); own < 12; own++) buf_putc(out, ' ');
            buf_puts(out, text);
        }
        buf_putc(out, '\n');
    }
}

static size_t exports_with(const RunReport *report, bool done) {
    size_t count = 0;
    for (size_t i = 0; i < report->exports.count; i++)
        count += report->exports.items[i].done == done;
    return count;
}

static const char *reason(const RunReport *report, Arena *arena) {
    if (report->error.code == ERR_NONE) return "";
    const ErrorInfo *info = error_info(report->error.code);
    return arena_printf(arena, " · %s %s", diag_code(arena, report->error.code),
                        info == NULL ? "" : info->title);
}

/* commit: step: there is something left to do. */
static void resumable(const RunReport *report, Buf *out) {
    bool left = report->status != RUN_PENDING;
    for (size_t i = 0; i < report->step_count; i++)
        left = left || report->steps[i].status == STATUS_PENDING;
    if (left && report->committed_steps > 0)
        buf_printf(out, " · %s committed before, go on with --resume",
                   str_count(out->arena, (long long)report->committed_steps, "step"));
}

static void verdict(const RunReport *report, Buf *out, bool color) {
    Arena *arena = out->arena;
    size_t done = exports_with(report, true), pending = exports_with(report, false);
    switch (report->status) {
        case RUN_SUCCESS:
            if (report->dry_run) {
                put(out, color, GREEN, "rolled back");
                buf_puts(out, " · dry run: nothing was changed");
                return;
            }
            put(out, color, GREEN, "committed");
            if (done > 0)
                buf_printf(out, " · published %s", str_count(arena, (long long)done, "export"));
            return;
        case RUN_PENDING:
            if (pending == 0) pending = 1;
            put(out, color, YELLOW,
                arena_printf(arena, "committed, %s pending",
                             str_count(arena, (long long)pending, "export")));
            buf_puts(out, reason(report, arena));
            resumable(report, out);
            return;
        case RUN_INTERRUPTED:
            put(out, color, RED, "rolled back");
            buf_puts(out, " · interrupted");
            resumable(report, out);
            return;
        case RUN_FAILED:
            put(out, color, RED, "rolled back");
            buf_puts(out, reason(report, arena));
            resumable(report, out);
            return;
    }
}

void report_tail(const RunReport *report, Buf *out, bool color) {
    Arena *arena = out->arena;
    if (report->dry_run && report->status == RUN_SUCCESS) changes(report, out);
    for (size_t i = 0; i < report->exports.count; i++)
        if (report->status == RUN_PENDING && !report->exports.items[i].done)
            buf_printf(out, "pending: %s (%s)\n", report->exports.items[i].destination,
                       report->exports.items[i].export_id);
    verdict(report, out, color);
    size_t warnings = report->diags.count + report->problems.count - report->problems.errors;
    if (warnings > 0) buf_printf(out, " · %s", str_count(arena, (long long)warnings, "warning"));
    if (report->retries > 0)
        buf_printf(out, " · %d %s", report->retries, report->retries == 1 ? "retry" : "retries");
    if (report->breaker_openings > 0)
        buf_printf(out, " · circuit breaker opened %d ×", report->breaker_openings);
    buf_printf(out, " · %.2f s\n", report->seconds);
}

/* -- the document ------------------------------------------------------------------------ */

static void count_or_null(JsonWriter *json, const char *key, int64_t number) {
    if (number < 0)
        json_null(json, key);
    else
        json_int(json, key, number);
}

static void steps_json(const RunReport *report, JsonWriter *json) {
    json_array(json, "steps");
    for (size_t i = 0; i < report->step_count; i++) {
        const StepResult *result = &report->steps[i];
        json_object(json, NULL);
        json_string(json, "id", result->step->id);
        json_string(json, "type", step_kind_name(result->step->kind));
        json_string(json, "status", step_status_name(result->status));
        json_int(json, "rows_read", result->rows_read);
        json_int(json, "rows_inserted", result->rows_inserted);
        json_int(json, "rows_updated", result->rows_updated);
        json_int(json, "rows_deleted", result->rows_deleted);
        json_int(json, "duplicates_dropped", result->duplicates_dropped);
        json_int(json, "retries", result->retries);
        json_seconds(json, "seconds", result->seconds);
        json_end(json);
    }
    json_end(json);
}

static void exports_json(const RunReport *report, JsonWriter *json) {
    json_array(json, "exports");
    for (size_t i = 0; i < report->exports.count; i++) {
        const ExportResult *export = &report->exports.items[i];
        json_object(json, NULL);
        json_string(json, "id", export->step_id);
        json_string(json, "export_id", export->export_id);
        json_string(json, "destination", redact_text(report->arena, export->destination));
        json_string(json, "type", export->type);
        count_or_null(json, "rows", export->rows);
        count_or_null(json, "bytes", export->bytes);
        json_string(json, "status", export->done ? "done" : "pending");
        json_end(json);
    }
    json_end(json);
}

static void changes_json(const RunReport *report, JsonWriter *json) {
    json_array(json, "changes");
    for (size_t i = 0; i < report->changes.count; i++) {
        const TableChange *change = &report->changes.items[i];
        json_object(json, NULL);
        json_string(json, "table", change->table);
        count_or_null(json, "rows_before", change->rows_before);
        count_or_null(json, "rows_after", change->rows_after);
        json_int(json, "inserted", change->inserted);
        json_int(json, "updated", change->updated);
        json_int(json, "deleted", change->deleted);
        json_end(json);
    }
    json_end(json);
}

static void error_json(const RunReport *report, JsonWriter *json) {
    if (report->error.code == ERR_NONE) {
        json_null(json, "error");
        return;
    }
    Diags one = diags_on(report->arena);
    Buf object = buf_on(report->arena);
    JsonWriter writer = json_writer(&object, false);
    diag_json(&writer, diag_add(&one, SEVERITY_ERROR, &report->error));
    json_raw(json, "error", buf_text(&object));
}

static void warnings_json(const Diags *diags, JsonWriter *json) {
    for (size_t i = 0; i < diags->count; i++)
        if (diags->items[i].severity == SEVERITY_WARNING) diag_json(json, &diags->items[i]);
}

/* All that was wrong before the start; `error` is one of them. */
static void problems_json(const Diags *problems, JsonWriter *json) {
    json_array(json, "diagnostics");
    for (size_t i = 0; i < problems->count; i++) diag_json(json, &problems->items[i]);
    json_end(json);
}

void report_json(const RunReport *report, Buf *out) {
    JsonWriter json = json_writer(out, true);
    json_object(&json, NULL);
    json_int(&json, "schema_version", 1);
    json_string(&json, "run_id", report->run_id);
    json_string(&json, "pipeline", report->pipeline);
    json_string(&json, "profile", report->profile);
    json_string(&json, "status", run_status_name(report->status));
    json_string(&json, "started_at", clock_iso(report->arena, report->started_us));
    json_seconds(&json, "seconds", report->seconds);
    json_bool(&json, "in_memory", report->in_memory);
    json_bool(&json, "dry_run", report->dry_run);
    json_int(&json, "retries", report->retries);
    json_int(&json, "breaker_openings", report->breaker_openings);
    steps_json(report, &json);
    exports_json(report, &json);
    if (report->dry_run) changes_json(report, &json);
    json_array(&json, "warnings");
    warnings_json(&report->problems, &json);
    warnings_json(&report->diags, &json);
    json_end(&json);
    error_json(report, &json);
    if (report->problems.errors > 0) problems_json(&report->problems, &json);
    json_end(&json);
}
