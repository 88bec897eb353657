/* Diagnostics: collected here, rendered in diag_render.c. See diag.h. */
#include "base/diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/redact.h"

Diags diags_on(Arena *arena) { return (Diags){.arena = arena}; }

static Diag *add(Diags *diags, Severity severity, ErrorCode code, Span span) {
    Diag *diag = LIST_PUSH(diags->arena, diags);
    *diag = (Diag){severity, code, span, "", "", ""};
    if (severity == SEVERITY_ERROR) diags->errors++;
    return diag;
}

Diag *diag_error(Diags *diags, ErrorCode code, Span span, const char *format, ...) {
    va_list args;
    va_start(args, format);
    const char *message = arena_vprintf(diags->arena, format, args);
    va_end(args);
    Diag *diag = add(diags, SEVERITY_ERROR, code, span);
    diag->message = message;
    return diag;
}

Diag *diag_warning(Diags *diags, ErrorCode code, Span span, const char *format, ...) {
    va_list args;
    va_start(args, format);
    const char *message = arena_vprintf(diags->arena, format, args);
    va_end(args);
    Diag *diag = add(diags, SEVERITY_WARNING, code, span);
    diag->message = message;
    return diag;
}

Diag *diag_add(Diags *diags, Severity severity, const Error *err) {
    Diag *diag = add(diags, severity, err->code, err->span);
    diag->message = arena_strdup(diags->arena, err->message);
    diag->hint = arena_strdup(diags->arena, err->hint);
    diag->step = arena_strdup(diags->arena, err->step);
    return diag;
}

void diags_copy(Diags *to, const Diags *from) {
    for (size_t i = 0; i < from->count; i++) {
        Diag *copy = LIST_PUSH(to->arena, to);
        *copy = from->items[i];
        copy->message = arena_strdup(to->arena, copy->message);
        copy->hint = arena_strdup(to->arena, copy->hint);
        copy->step = arena_strdup(to->arena, copy->step);
        to->errors += copy->severity == SEVERITY_ERROR;
    }
}

int diags_exit_code(const Diags *diags) {
    int code = 0;
    for (size_t i = 0; i < diags->count; i++) {
        if (diags->items[i].severity != SEVERITY_ERROR) continue;
        if (error_class(diags->items[i].code) == CLASS_SYNTAX) return error_exit_code(ERR_SYNTAX);
        if (code == 0) code = error_exit_code(diags->items[i].code);
    }
    return code;
}

const Diag *diags_leading(const Diags *diags) {
    int code = diags_exit_code(diags);
    for (size_t i = 0; i < diags->count; i++)
        if (diags->items[i].severity == SEVERITY_ERROR &&
            error_exit_code(diags->items[i].code) == code)
            return &diags->items[i];
    return NULL;
}

void diag_to_error(const Diag *diag, Error *err) {
    error_set(err, diag->code, diag->span, "%s", diag->message);
    error_hint(err, "%s", diag->hint == NULL ? "" : diag->hint);
    snprintf(err->step, sizeof err->step, "%s", diag->step == NULL ? "" : diag->step);
}

/* Sorting moves indexes, so that equals can be told apart by their old place. Sources are ranked
 * by their first diagnostic. */
typedef struct Sortable {
    size_t source, index;
    Diag diag;
} Sortable;

static int compare_size(size_t a, size_t b) { return (a > b) - (a < b); }

static int compare(const void *left, const void *right) {
    const Sortable *a = left, *b = right;
    if (a->source != b->source) return compare_size(a->source, b->source);
    if (a->diag.span.start != b->diag.span.start)
        return compare_size(a->diag.span.start, b->diag.span.start);
    return compare_size(a->index, b->index);
}

static size_t source_rank(const Sortable *items, size_t count, const SourceText *source) {
    size_t ranks = 0;
    for (size_t i = count; i > 0; i--) {
        if (items[i - 1].diag.span.source == source) return items[i - 1].source;
        if (items[i - 1].source >= ranks) ranks = items[i - 1].source + 1;
    }
    return ranks;
}

void diags_sort(Diags *diags) {
    if (diags->count < 2) return;
    Sortable *items = ARENA_ARRAY(diags->arena, Sortable, diags->count);
    for (size_t i = 0; i < diags->count; i++) {
        items[i] = (Sortable){0, i, diags->items[i]};
        items[i].source = source_rank(items, i, diags->items[i].span.source);
    }
    qsort(items, diags->count, sizeof *items, compare);
    for (size_t i = 0; i < diags->count; i++) diags->items[i] = items[i].diag;
}

const char *diag_code(Arena *arena, ErrorCode code) {
    return arena_printf(arena, "SF%04d", (int)code);
}

/* "" becomes null. */
static void text_member(JsonWriter *json, const char *key, const char *text) {
    Arena *arena = json->out->arena;
    bool absent = text == NULL || *text == '\0';
    json_string(json, key, absent ? NULL : redact_text(arena, text));
}

void diag_json(JsonWriter *json, const Diag *diag) {
    Arena *arena = json->out->arena;
    Position position = span_position(diag->span);
    json_object(json, NULL);
    json_string(json, "severity", diag->severity == SEVERITY_ERROR ? "error" : "warning");
    json_string(json, "code", diag_code(arena, diag->code));
    json_string(json, "class", error_class_name(error_class(diag->code)));
    json_string(json, "message", redact_text(arena, diag->message));
    text_member(json, "hint", diag->hint);
    if (diag->span.source == NULL) {
        json_null(json, "file");
        json_null(json, "line");
        json_null(json, "column");
    } else {
        json_string(json, "file", diag->span.source->name);
        json_int(json, "line", position.line);
        json_int(json, "column", position.column);
    }
    text_member(json, "step", diag->step);
    json_end(json);
}
