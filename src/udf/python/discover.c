/* Imports the project's files and turns what _host.py tells of their functions into Udf values. */
#include <string.h>

#include "udf/python/host.h"

static const char *text_in(Arena *arena, PyObject *text) {
    if (!text || text == Py_None) return NULL;
    const char *utf8 = PyUnicode_Check(text) ? PyUnicode_AsUTF8(text) : NULL;
    if (!utf8) PyErr_Clear();
    return arena_strdup(arena, utf8 ? utf8 : "");
}

static const char *text_at(Arena *arena, PyObject *info, const char *key) {
    return text_in(arena, PyDict_GetItemString(info, key));
}

static bool flag_at(PyObject *info, const char *key) {
    PyObject *value = PyDict_GetItemString(info, key);
    return value && PyObject_IsTrue(value) == 1;
}

static UdfInput input_of(const char *name) {
    static const struct {
        const char *name;
        UdfInput input;
    } forms[] = {{"any", UDF_INPUT_ANY},
                 {"pandas", UDF_INPUT_PANDAS},
                 {"arrow", UDF_INPUT_ARROW},
                 {"reader", UDF_INPUT_READER},
                 {"rows", UDF_INPUT_ROWS},
                 {"numpy", UDF_INPUT_NUMPY}};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (strcmp(forms[i].name, name) == 0) return forms[i].input;
    return UDF_INPUT_NONE;
}

static void fill_params(Arena *arena, Udf *udf, PyObject *params) {
    for (Py_ssize_t i = 0; i < PyList_Size(params); i++) {
        PyObject *parts = PyList_GetItem(params, i);
        UdfParam *param = LIST_PUSH(arena, &udf->params);
        param->name = text_in(arena, PyTuple_GetItem(parts, 0));
        param->type = text_in(arena, PyTuple_GetItem(parts, 1));
        param->hint = text_in(arena, PyTuple_GetItem(parts, 2));
        param->fallback = text_in(arena, PyTuple_GetItem(parts, 3));
        param->keyword_only = PyObject_IsTrue(PyTuple_GetItem(parts, 4)) == 1;
        param->variadic = PyObject_IsTrue(PyTuple_GetItem(parts, 5)) == 1;
    }
}

static void fill_keys(Arena *arena, Udf *udf, PyObject *info) {
    PyObject *optional = PyDict_GetItemString(info, "optional");
    udf->keys_needed = optional != Py_None;
    for (Py_ssize_t i = 0; udf->keys_needed && i < PyList_Size(optional); i++)
        strings_add(arena, &udf->optional, text_in(arena, PyList_GetItem(optional, i)));
}

static void fill_table(Arena *arena, Udf *udf, PyObject *info) {
    PyObject *output = PyDict_GetItemString(info, "output");
    for (Py_ssize_t i = 0; i < PyList_Size(output); i++) {
        PyObject *pair = PyList_GetItem(output, i);
        *LIST_PUSH(arena, &udf->output) = (Column){text_in(arena, PyTuple_GetItem(pair, 0)),
                                                   text_in(arena, PyTuple_GetItem(pair, 1))};
    }
    PyObject *required = PyDict_GetItemString(info, "required");
    for (Py_ssize_t i = 0; i < PyList_Size(required); i++)
        strings_add(arena, &udf->required, text_in(arena, PyList_GetItem(required, i)));
}

static Udf *udf_of(Arena *arena, const Udf *origin, PyObject *info) {
    Udf *udf = ARENA_NEW(arena, Udf);
    *udf = *origin;
    udf->name = text_at(arena, info, "name");
    udf->full_name = arena_printf(arena, "%s.%s", origin->module, udf->name);
    udf->line = (int)PyLong_AsLong(PyDict_GetItemString(info, "line"));
    udf->kind = strcmp(text_at(arena, info, "kind"), "table") == 0 ? UDF_TABLE : UDF_SCALAR;
    udf->return_type = text_at(arena, info, "return_type");
    udf->special_nulls = flag_at(info, "special_nulls");
    udf->is_volatile = flag_at(info, "volatile");
    udf->vectorized = flag_at(info, "vectorized");
    udf->null_on_error = flag_at(info, "null_on_error");
    udf->input = input_of(text_at(arena, info, "input"));
    udf->input_name = text_at(arena, info, "input_name");
    udf->doc = text_at(arena, info, "doc");
    udf->problem = text_at(arena, info, "problem");
    udf->handle = Py_NewRef(PyDict_GetItemString(info, "callable"));
    fill_params(arena, udf, PyDict_GetItemString(info, "params"));
    fill_keys(arena, udf, info);
    fill_table(arena, udf, info);
    return udf;
}

struct Import {
    Arena *arena;
    const Udf *origin;
    UdfList *list;
    int *line;
    Error *err;
    bool ok;
};

static void import_job(void *argument) {
    struct Import *job = argument;
    const char *name = job->origin->import_name, *what = job->origin->file;
    AUTO_OBJECT found = host_call("import_file", "(sz)", name, (const char *)job->origin->handle);
    job->ok = found != NULL;
    if (!found) {
        error_take(job->err, ERR_UDF_DEFINITION,
                   arena_printf(job->arena, "%s cannot be imported", what), job->line);
        if (job->err->code == ERR_INTERRUPTED)
            error_set(job->err, ERR_INTERRUPTED, SPAN_NONE, "interrupted while importing %s", what);
        /* The place may be in another file that this one imports. */
        const char *place = arena_printf(job->arena, "\nat %s:%d", what, *job->line);
        if (!strstr(job->err->message, place)) *job->line = 0;
        return;
    }
    Udf origin = *job->origin;
    origin.handle = NULL;
    for (Py_ssize_t i = 0; i < PyList_Size(found); i++)
        *LIST_PUSH(job->arena, job->list) = udf_of(job->arena, &origin, PyList_GetItem(found, i));
}

bool discover_file(Arena *arena, const Udf *origin, UdfList *list, int *line, Error *err) {
    struct Import job = {arena, origin, list, line, err, false};
    bool armed = thread_armed();
    if (!armed) thread_arm(true);
    job.ok = thread_run(import_job, &job, err) && job.ok;
    if (!armed) thread_arm(false);
    return job.ok;
}

struct Hooks {
    const char *name;
    bool setup;
    Error *err;
    bool ok;
};

/* All failures, one below the other. */
static void hook_failed(struct Hooks *job, const char *what) {
    Error own = {0};
    int line;
    error_take(&own, ERR_UDF, what, &line);
    if (!job->ok) {
        error_prefix(&own, "%s\n", job->err->message);
        own.code = job->err->code;
    }
    *job->err = own;
    job->ok = false;
}

static void hooks_job(void *argument) {
    struct Hooks *job = argument;
    const char *kind = job->setup ? "setup" : "teardown";
    AUTO_ARENA arena = arena_new();
    const char *what = arena_printf(arena, "@on_%s of %s", kind, job->name);
    AUTO_OBJECT found = host_call("hooks", "(ss)", job->name, kind);
    if (!found) hook_failed(job, what);
    /* What was opened is closed, also when closing something else fails. */
    for (Py_ssize_t i = 0; found && (job->ok || !job->setup) && i < PyList_Size(found); i++) {
        user_begin();
        AUTO_OBJECT result = PyObject_CallNoArgs(PyList_GetItem(found, i));
        user_end();
        if (!result) hook_failed(job, what);
    }
}

bool discover_hooks(const char *import_name, bool setup, Error *err) {
    struct Hooks job = {import_name, setup, err, true};
    if (thread_run(hooks_job, &job, err)) return job.ok;
    return error_prefix(err, "@on_%s of %s: ", setup ? "setup" : "teardown", import_name);
}
