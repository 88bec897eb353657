/* Starts the interpreter: of the chosen environment, without signal handlers of its own, with the
 * modules that the program carries, and with print() going to stderr. */
#include <signal.h>
#include <string.h>

#include "base/embed.h"
#include "udf/python/host.h"

PyObject *host_module;

struct Start {
    const PythonConfig *config;
    Error *err;
};

static bool status_failed(PyStatus status, Error *err) {
    if (!PyStatus_Exception(status)) return false;
    error_set(err, ERR_PYTHON_MISSING, SPAN_NONE, "Python cannot start: %s",
              status.err_msg ? status.err_msg : "unknown reason");
    return true;
}

static bool initialize(const PythonConfig *config, Error *err) {
    PyConfig python;
    PyConfig_InitPythonConfig(&python);
    python.install_signal_handlers = 0;
    python.parse_argv = 0;
    python.user_site_directory = 1;
    PyStatus status = PyStatus_Ok();
    if (config->executable)
        status = PyConfig_SetBytesString(&python, &python.executable, config->executable);
    if (!PyStatus_Exception(status)) status = Py_InitializeFromConfig(&python);
    PyConfig_Clear(&python);
    return !status_failed(status, err);
}

/* The module `name` from the embedded file, as if it had been imported. */
static PyObject *embedded_module(const char *name, const char *file, bool package) {
    Arena *arena = arena_new();
    const char *path = arena_printf(arena, "udf/python/pkg/%s", file);
    AUTO_OBJECT code = Py_CompileString(embed_text(path), file, Py_file_input);
    arena_free(arena);
    if (!code) return NULL;
    if (package) {
        PyObject *module = PyImport_AddModule(name);
        AUTO_OBJECT empty = PyList_New(0);
        if (!module || PyObject_SetAttrString(module, "__path__", empty) < 0) return NULL;
    }
    return PyImport_ExecCodeModuleEx(name, code, file);
}

static bool load_modules(void) {
    AUTO_OBJECT package = embedded_module("sqlflow", "sqlflow/__init__.py", true);
    AUTO_OBJECT udfs =
        package ? embedded_module("sqlflow.udfs", "sqlflow/udfs/__init__.py", true) : NULL;
    if (!udfs || PyObject_SetAttrString(package, "udfs", udfs) < 0) return false;
    AUTO_OBJECT decorators =
        embedded_module("sqlflow.udfs.decorators", "sqlflow/udfs/decorators.py", false);
    if (!decorators || PyObject_SetAttrString(udfs, "decorators", decorators) < 0) return false;
    AUTO_OBJECT host = embedded_module("sqlflow._host", "sqlflow/_host.py", false);
    AUTO_OBJECT infer = host ? embedded_module("sqlflow._infer", "sqlflow/_infer.py", false) : NULL;
    host_module = infer ? embedded_module("sqlflow._data", "sqlflow/_data.py", false) : NULL;
    return host_module != NULL;
}

static bool set_path(const PythonConfig *config) {
    PyObject *path = PySys_GetObject("path");
    if (!path) return false;
    for (Py_ssize_t i = 0; config->path && config->path[i]; i++) {
        AUTO_OBJECT folder = PyUnicode_DecodeFSDefault(config->path[i]);
        if (!folder || PyList_Insert(path, i, folder) < 0) return false;
    }
    return true;
}

/* What PyErr_SetInterruptEx(WAKE_SIGNAL) raises is KeyboardInterrupt, whatever the user's modules
 * do with SIGINT. Python would take over both signals themselves: put that back. */
static bool import_signal(void) {
    struct sigaction interrupt, wake;
    sigaction(SIGINT, NULL, &interrupt);
    sigaction(WAKE_SIGNAL, NULL, &wake);
    AUTO_OBJECT module = PyImport_ImportModule("signal");
    AUTO_OBJECT raise =
        module ? PyObject_GetAttrString(module, "default_int_handler") : NULL;
    AUTO_OBJECT before =
        raise ? PyObject_CallMethod(module, "signal", "iO", WAKE_SIGNAL, raise) : NULL;
    sigaction(SIGINT, &interrupt, NULL);
    sigaction(WAKE_SIGNAL, &wake, NULL);
    return before != NULL;
}

/* The program waits for its signals in one thread and blocks them in all others. A child that is
 * forked to run Python or a program shall die of them as usual. */
static void unblock_signals(void) {
    sigset_t none;
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
}

static bool boot(void *argument) {
    struct Start *start = argument;
    pthread_atfork(NULL, NULL, unblock_signals);
    if (!initialize(start->config, start->err)) return false;
    PyObject *errors = PySys_GetObject("stderr");
    bool ok = import_signal() && set_path(start->config) && load_modules() && read_init() &&
              write_init() && errors && PySys_SetObject("stdout", errors) == 0 &&
              PySys_SetObject("__stdout__", errors) == 0;
    if (!ok) {
        int line;
        error_take(start->err, ERR_PYTHON_MISSING, "Python cannot start", &line);
    }
    return ok;
}

bool host_start(const PythonConfig *config, Error *err) {
    struct Start start = {config, err};
    err->code = ERR_NONE;
    if (thread_start(boot, &start)) return true;
    if (!err->code)
        error_set(err, ERR_PYTHON_MISSING, SPAN_NONE, "Python's thread cannot be started");
    return false;
}

static void run_atexit(void *argument) {
    (void)argument;
    AUTO_OBJECT module = PyImport_ImportModule("atexit");
    AUTO_OBJECT result = module ? PyObject_CallMethod(module, "_run_exitfuncs", NULL) : NULL;
    if (!result) PyErr_Clear();
}

void host_stop(void) {
    Error ignored;
    thread_run(run_atexit, NULL, &ignored);
}

PyObject *host_call(const char *function, const char *format, ...) {
    va_list args;
    va_start(args, format);
    AUTO_OBJECT values = Py_VaBuildValue(format, args);
    va_end(args);
    AUTO_OBJECT callable = PyObject_GetAttrString(host_module, function);
    if (!values || !callable) return NULL;
    user_begin();
    PyObject *result = PyObject_CallObject(callable, values);
    user_end();
    return result;
}
