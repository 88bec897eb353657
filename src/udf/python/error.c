/* From Python's exceptions to Error values: type and message, file and line, the arguments, a
 * trimmed traceback. Secrets are masked. */
#include <string.h>

#include "base/redact.h"
#include "base/str.h"
#include "udf/python/host.h"

enum { SHOWN_BYTES = 80 };

const char *type_name(PyObject *value) {
    return value == Py_None ? "None" : Py_TYPE(value)->tp_name;
}

/* The text of a str object, or "" (errors cleared). Valid as long as the object. */
static const char *text_of(PyObject *text) {
    const char *utf8 = text && PyUnicode_Check(text) ? PyUnicode_AsUTF8(text) : NULL;
    if (!utf8) PyErr_Clear();
    return utf8 ? utf8 : "";
}

/* What is known of the failed call besides the exception. */
struct Failure {
    const char *what, *arguments; /* arguments may be NULL */
    const Udf *udf;               /* whose place stands when the traceback has none; or NULL */
};

static void describe(Arena *arena, PyObject *exception, Error *err, const struct Failure *failure,
                     int *line) {
    const char *what = failure->what, *arguments = failure->arguments;
    AUTO_OBJECT told = host_module ? host_call("explain", "(O)", exception) : NULL;
    if (!told) {
        PyErr_Clear();
        AUTO_OBJECT text = PyObject_Str(exception);
        error_set(err, err->code, SPAN_NONE, "%s: %s: %s", what, type_name(exception),
                  text_of(text));
        PyErr_Clear();
        return;
    }
    const char *file = text_of(PyTuple_GetItem(told, 1));
    *line = (int)PyLong_AsLong(PyTuple_GetItem(told, 2));
    const char *trace = text_of(PyTuple_GetItem(told, 3));
    Buf message = buf_on(arena);
    buf_printf(&message, "%s: %s", what, text_of(PyTuple_GetItem(told, 0)));
    if (*file)
        buf_printf(&message, "\nat %s:%d", file, *line);
    else if (failure->udf)
        buf_printf(&message, "\nat %s:%d", failure->udf->file, failure->udf->line);
    if (arguments && *arguments) buf_printf(&message, "\ncalled with %s", arguments);
    if (*trace) buf_printf(&message, "\n%s", trace);
    error_set(err, err->code, SPAN_NONE, "%s", redact_text(arena, buf_text(&message)));
    error_hint(err, "%s", text_of(PyTuple_GetItem(told, 4)));
}

static void take(Error *err, ErrorCode code, const struct Failure *failure, int *line) {
    const char *what = failure->what;
    *line = 0;
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    if (!type) {
        error_set(err, ERR_INTERNAL, SPAN_NONE, "%s: Python failed without an exception", what);
        return;
    }
    PyErr_NormalizeException(&type, &value, &trace);
    if (trace) PyException_SetTraceback(value, trace);
    bool interrupted =
        thread_interrupted() && PyErr_GivenExceptionMatches(type, PyExc_KeyboardInterrupt);
    if (interrupted) {
        error_set(err, ERR_INTERRUPTED, SPAN_NONE, "%s was interrupted", what);
    } else {
        AUTO_ARENA arena = arena_new();
        error_set(err, code, SPAN_NONE, "%s", what);
        describe(arena, value, err, failure, line);
    }
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(trace);
}

void error_take(Error *err, ErrorCode code, const char *what, int *line) {
    take(err, code, &(struct Failure){.what = what}, line);
}

void error_take_call(Error *err, const Udf *udf, const char *arguments) {
    int line;
    take(err, ERR_UDF, &(struct Failure){udf->full_name, arguments, udf}, &line);
}

static void put_value(Buf *out, PyObject *value) {
    AUTO_OBJECT shown = value ? PyObject_Repr(value) : NULL;
    const char *text = text_of(shown);
    size_t size = strlen(text), limit = SHOWN_BYTES;
    if (!shown) {
        buf_puts(out, "?");
    } else if (size <= limit) {
        buf_puts(out, text);
    } else {
        while (limit && ((unsigned char)text[limit] & 0xC0) == 0x80) limit--;
        buf_put(out, text, limit);
        buf_puts(out, "…");
    }
    PyErr_Clear();
}

const char *arguments_text(Arena *arena, const UdfUse *use, PyObject *const *values) {
    Buf out = buf_on(arena);
    for (size_t i = 0; i < use->param_count; i++) {
        size_t index = use->params[i];
        bool named = index < use->udf->params.count;
        const char *name = named ? use->udf->params.items[index].name : "*args";
        buf_printf(&out, "%s%s = ", i ? ", " : "", name);
        if (redact_is_secret_name(name))
            buf_puts(&out, "***");
        else
            put_value(&out, values[i]);
    }
    return redact_text(arena, buf_text(&out));
}
