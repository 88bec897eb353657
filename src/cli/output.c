/* Writing to stdout and stderr, and how errors are shown. See output.h.
 * Tables of text and questions are in table.c. */
#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/redact.h"

static int out_file = STDOUT_FILENO;

void out_keep(void) {
    int own = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (own < 0) return;
    if (dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        close(own);
    else
        out_file = own;
}

/* After the first failure nothing more is tried: the reader would get a text with a hole. */
static void to_stdout(Cli *cli, const char *data, size_t size) {
    if (cli->output_error == 0 && !fs_write_all(out_file, data, size)) cli->output_error = errno;
}

static void to_stderr(Cli *cli, const char *text) {
    const char *masked = redact_text(cli->arena, text);
    (void)fs_write_all(STDERR_FILENO, masked, strlen(masked));
}

void out_text(Cli *cli, const char *text) {
    if (cli->quiet || cli->json) return;
    const char *masked = redact_text(cli->arena, text);
    to_stdout(cli, masked, strlen(masked));
}

void out_printf(Cli *cli, const char *format, ...) {
    AUTO_ARENA arena = arena_new();
    va_list args;
    va_start(args, format);
    out_text(cli, arena_vprintf(arena, format, args));
    va_end(args);
}

void out_data(Cli *cli, const char *data, size_t size) {
    if (!cli->quiet || cli->format_given) to_stdout(cli, data, size);
}

void out_document(Cli *cli, const Buf *document) {
    const char *masked = redact_json(cli->arena, buf_text(document));
    size_t size = strlen(masked);
    out_data(cli, masked, size);
    if (size == 0 || masked[size - 1] != '\n') out_data(cli, "\n", 1);
}

void note(Cli *cli, const char *format, ...) {
    if (cli->quiet) return;
    AUTO_ARENA arena = arena_new();
    va_list args;
    va_start(args, format);
    const char *text = arena_vprintf(arena, format, args);
    va_end(args);
    if (cli->log_json)
        log_event(LOG_INFO, NULL, "note", "%s", text);
    else
        to_stderr(cli, arena_printf(arena, "%s\n", text));
}

/* -- errors ------------------------------------------------------------------------------ */

static void show_as_event(const Diag *diag) {
    AUTO_ARENA arena = arena_new();
    LogLevel level = diag->severity == SEVERITY_ERROR ? LOG_ERROR : LOG_WARNING;
    const char *step = diag->step != NULL && *diag->step != '\0' ? diag->step : NULL;
    Position at = span_position(diag->span);
    const char *where =
        diag->span.source == NULL
            ? ""
            : arena_printf(arena, "%s:%u:%u: ", diag->span.source->name, at.line, at.column);
    bool hinted = diag->hint != NULL && *diag->hint != '\0';
    log_event(level, step, diag->severity == SEVERITY_ERROR ? "error" : "warning",
              "%s%s: %s%s%s", where, diag_code(arena, diag->code), diag->message,
              hinted ? "\nhint: " : "", hinted ? diag->hint : "");
}

void log_diags(const Diags *diags) {
    for (size_t i = 0; i < diags->count; i++) show_as_event(&diags->items[i]);
}

void show_diags(Cli *cli, const Diags *diags) {
    for (size_t i = 0; i < diags->count; i++) {
        const Diag *diag = &diags->items[i];
        if (cli->quiet && diag->severity == SEVERITY_WARNING) continue;
        if (cli->log_json) {
            show_as_event(diag);
            continue;
        }
        Buf text = buf_on(cli->arena);
        diag_render(&text, diag, cli->color_err);
        if (text.size > 0 && text.data[text.size - 1] != '\n') buf_putc(&text, '\n');
        to_stderr(cli, buf_text(&text));
    }
}

void json_diags(JsonWriter *json, const char *key, const Diags *diags) {
    json_array(json, key);
    for (size_t i = 0; i < diags->count; i++) diag_json(json, &diags->items[i]);
    json_end(json);
}

/* diag_json writes a whole object, so it goes in as text under its key. */
void json_diag(Cli *cli, JsonWriter *json, const char *key, const Diag *diag) {
    Buf object = buf_on(cli->arena);
    JsonWriter writer = json_writer(&object, false);
    diag_json(&writer, diag);
    json_raw(json, key, buf_text(&object));
}

void json_error(Cli *cli, JsonWriter *json, const Diags *diags) {
    const Diag *leading = diags_leading(diags);
    if (leading != NULL) json_diag(cli, json, "error", leading);
}

int fail_diags(Cli *cli, Diags *diags) {
    diags_sort(diags);
    show_diags(cli, diags);
    if (cli->json) {
        Document document;
        document_start(&document, cli);
        json_error(cli, &document.json, diags);
        json_diags(&document.json, "diagnostics", diags);
        document_end(&document, cli);
    }
    return diags_exit_code(diags);
}

int fail(Cli *cli, const Error *err) {
    Diags diags = diags_on(cli->arena);
    diag_add(&diags, SEVERITY_ERROR, err);
    return fail_diags(cli, &diags);
}

int fail_usage(Cli *cli, const char *format, ...) {
    va_list args;
    va_start(args, format);
    const char *text = arena_vprintf(cli->arena, format, args);
    va_end(args);
    Error err;
    error_set(&err, ERR_USAGE, SPAN_NONE, "%s", text);
    error_hint(&err, "sqlflow %s --help tells more", cli->path == NULL ? "" : cli->path);
    return fail(cli, &err);
}

const char *member_text(const Value *object, const char *key) {
    const Value *value = value_get(object, key);
    return value == NULL ? NULL : value_text(value);
}

/* -- documents --------------------------------------------------------------------------- */

void document_start(Document *document, Cli *cli) {
    document->buf = buf_on(cli->arena);
    document->json = json_writer(&document->buf, true);
    json_object(&document->json, NULL);
    json_int(&document->json, "schema_version", 1);
}

int document_end(Document *document, Cli *cli) {
    json_end(&document->json);
    out_document(cli, &document->buf);
    return 0;
}
