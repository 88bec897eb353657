/* Error: one failure as a value on the caller's stack. A function that can fail takes
 * `Error *err` last and returns false (or NULL) after filling it. `err` is never NULL.
 * Codes come from errors.def; the code's class decides the exit code. */
#ifndef SQLFLOW_BASE_ERROR_H
#define SQLFLOW_BASE_ERROR_H

#include <stdbool.h>

#include "base/source.h"

typedef enum ErrorClass {
    CLASS_EXECUTION,   /* exit 1 */
    CLASS_SYNTAX,      /* exit 2 */
    CLASS_CONNECTION,  /* exit 3 */
    CLASS_VALIDATION,  /* exit 4 */
    CLASS_INTERNAL,    /* exit 5 */
    CLASS_PERMISSION,  /* exit 6 */
    CLASS_RESOURCE,    /* exit 7 */
    CLASS_INTERRUPTED, /* exit 130 */
} ErrorClass;

typedef enum ErrorCode {
    ERR_NONE = 0,
#define ERROR(name, number, class, title, help) name = number,
#include "base/errors.def"
#undef ERROR
} ErrorCode;

typedef struct Error {
    ErrorCode code;
    Span span;
    bool transient;     /* a retry may help (lost connection, timeout, …) */
    char step[128];     /* id of the step, when known */
    char message[2400]; /* one or more lines: what is wrong */
    char hint[1200];    /* how to fix it; "" when unknown */
} Error;

typedef struct ErrorInfo {
    ErrorCode code;
    ErrorClass class;
    const char *title; /* a short noun phrase */
    const char *help;  /* what `sqlflow explain` tells: why it happens and what to do */
} ErrorInfo;

/* Fills `err` and returns false, so that `return error_set(…)` reads well. */
bool error_set(Error *err, ErrorCode code, Span span, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Sets the hint; returns false. */
bool error_hint(Error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Puts text in front of the message ("while reading x: …"); returns false. */
bool error_prefix(Error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* NULL for an unknown code. */
const ErrorInfo *error_info(ErrorCode code);
const ErrorInfo *error_info_at(size_t index); /* NULL past the last */
ErrorClass error_class(ErrorCode code);
const char *error_class_name(ErrorClass class);
int error_exit_code(ErrorCode code);

#endif
