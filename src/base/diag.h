/* Diagnostics: the errors and warnings of a command, collected and rendered.
 * The language stages report all they find in one go; a run reports its warnings here. */
#ifndef SQLFLOW_BASE_DIAG_H
#define SQLFLOW_BASE_DIAG_H

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"

typedef enum Severity { SEVERITY_ERROR, SEVERITY_WARNING } Severity;

typedef struct Diag {
    Severity severity;
    ErrorCode code;
    Span span;
    const char *message, *hint, *step; /* hint and step may be "" */
} Diag;

typedef struct Diags {
    Arena *arena;
    Diag *items;
    size_t count, capacity;
    size_t errors; /* how many of them are errors */
} Diags;

Diags diags_on(Arena *arena);
/* Adds an error; returns the Diag so that a hint can be set: `diag_error(…)->hint = "…"`. The
 * pointer is valid until the next one is added. */
Diag *diag_error(Diags *diags, ErrorCode code, Span span, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
Diag *diag_warning(Diags *diags, ErrorCode code, Span span, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Adds a copy of an Error value. */
Diag *diag_add(Diags *diags, Severity severity, const Error *err);
/* Adds copies of all, with their texts. */
void diags_copy(Diags *to, const Diags *from);
/* The exit code of the worst class: any syntax error gives 2, else that of the first error; 0
 * without errors. */
int diags_exit_code(const Diags *diags);
/* The first error of the class that decides the exit code; NULL without errors. */
const Diag *diags_leading(const Diags *diags);
/* The diagnostic as an Error value again. */
void diag_to_error(const Diag *diag, Error *err);
/* Sorts by source and position, keeping order of equals. */
void diags_sort(Diags *diags);

/* "SF0123" */
const char *diag_code(Arena *arena, ErrorCode code);
/* error[SF0123]: message
 *   --> file:line:column
 *    |
 *  3 | the line
 *    |     ^^^^
 *   = hint: …
 * Colours when `color`. Secrets are masked. */
void diag_render(Buf *out, const Diag *diag, bool color);
/* The diagnostic object of cli.md ("severity", "code", "class", …). Secrets are masked. */
void diag_json(JsonWriter *json, const Diag *diag);

#endif
