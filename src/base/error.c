/* Error values and the table of codes. See error.h. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const ErrorInfo infos[] = {
#define ERROR(name, number, class, title, help) {name, class, title, help},
#include "base/errors.def"
#undef ERROR
};

bool error_set(Error *err, ErrorCode code, Span span, const char *format, ...) {
    char message[sizeof err->message]; /* the arguments may point into err */
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    *err = (Error){.code = code, .span = span};
    memcpy(err->message, message, sizeof message);
    return false;
}

bool error_hint(Error *err, const char *format, ...) {
    char hint[sizeof err->hint];
    va_list args;
    va_start(args, format);
    vsnprintf(hint, sizeof hint, format, args);
    va_end(args);
    memcpy(err->hint, hint, sizeof hint);
    return false;
}

bool error_prefix(Error *err, const char *format, ...) {
    char text[sizeof err->message];
    va_list args;
    va_start(args, format);
    int used = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (used >= 0 && (size_t)used < sizeof text)
        snprintf(text + used, sizeof text - (size_t)used, "%s", err->message);
    memcpy(err->message, text, sizeof text);
    return false;
}

const ErrorInfo *error_info_at(size_t index) {
    return index < sizeof infos / sizeof *infos ? &infos[index] : NULL;
}

const ErrorInfo *error_info(ErrorCode code) {
    for (size_t i = 0; i < sizeof infos / sizeof *infos; i++)
        if (infos[i].code == code) return &infos[i];
    return NULL;
}

ErrorClass error_class(ErrorCode code) {
    const ErrorInfo *info = error_info(code);
    return info == NULL ? CLASS_INTERNAL : info->class;
}

static const struct {
    const char *name;
    int exit_code;
} classes[] = {
    [CLASS_EXECUTION] = {"execution", 1},   [CLASS_SYNTAX] = {"syntax", 2},
    [CLASS_CONNECTION] = {"connection", 3}, [CLASS_VALIDATION] = {"validation", 4},
    [CLASS_INTERNAL] = {"internal", 5},     [CLASS_PERMISSION] = {"permission", 6},
    [CLASS_RESOURCE] = {"resource", 7},     [CLASS_INTERRUPTED] = {"execution", 130},
};

const char *error_class_name(ErrorClass class) { return classes[class].name; }

int error_exit_code(ErrorCode code) {
    return code == ERR_NONE ? 0 : classes[error_class(code)].exit_code;
}
