/* Opens the Python module on demand and chooses the environment: the profile's venv, then
 * VIRTUAL_ENV, then the system's Python. Without Python, everything else of sqlflow works. */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "udf/python.h"

static const PythonApi *loaded;

static bool is_missing(Error *err, const char *what, const char *detail) {
    error_set(err, ERR_PYTHON_MISSING, SPAN_NONE, "%s: %s", what, detail);
    return error_hint(err, "Python functions need Python 3.11 or newer as a shared library: "
                           "apt-get install libpython3.11. `sqlflow doctor` tells more");
}

static bool open_module(Arena *arena, const PythonApi **api, Error *err) {
    const char *path = duck_library_path(arena, "sqlflow-python.so");
    if (!path) return is_missing(err, "a part of sqlflow is not installed", "sqlflow-python.so");
    /* Global: extension modules such as numpy's look for libpython's symbols there. */
    void *handle = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
    if (!handle) return is_missing(err, "Python cannot be loaded", dlerror());
    *api = dlsym(handle, PYTHON_SYMBOL);
    if (!*api || (*api)->abi != PYTHON_ABI)
        return is_missing(err, "the module is of another version than sqlflow", path);
    return true;
}

/* A venv serves one minor version: its packages lie in lib/python3.11. */
static bool venv_fits(Arena *arena, const char *venv, const char *version, Error *err) {
    const char *dot = strchr(version, '.');
    size_t minor = dot ? (size_t)(dot - version) + 1 + strcspn(dot + 1, ".") : strlen(version);
    const char *lib = arena_printf(arena, "%s/lib/python%.*s", venv, (int)minor, version);
    if (fs_is_dir(lib)) return true;
    error_set(err, ERR_PYTHON_MISSING, SPAN_NONE,
              "the environment %s is not one of Python %.*s, which this sqlflow uses", venv,
              (int)minor, version);
    return error_hint(err, "make it with: python%.*s -m venv %s", (int)minor, version, venv);
}

static const char *executable_of(Arena *arena, const UdfConfig *config, const char *version,
                                 Error *err) {
    const char *venv = config->venv ? fs_join(arena, config->root, config->venv) : NULL;
    if (!venv) venv = getenv("VIRTUAL_ENV");
    if (!venv || !*venv) {
        const char *own = arena_printf(arena, "/usr/bin/python%.4s", version);
        return fs_exists(own) ? own : "/usr/bin/python3";
    }
    const char *python = fs_join(arena, venv, "bin/python3");
    if (!fs_exists(python)) python = fs_join(arena, venv, "bin/python");
    if (!fs_exists(python)) {
        error_set(err, ERR_PYTHON_MISSING, SPAN_NONE, "%s is no Python environment: %s is missing",
                  venv, python);
        error_hint(err, "%s names it; make it with: python3 -m venv %s",
                   config->venv ? "python.venv of the profile" : "VIRTUAL_ENV", venv);
        return NULL;
    }
    return venv_fits(arena, venv, version, err) ? python : NULL;
}

const PythonApi *python_load(Arena *arena, const UdfConfig *config, const Strings *dirs,
                             const char **description, Error *err) {
    const PythonApi *api = loaded;
    if (!api && !open_module(arena, &api, err)) return NULL;
    const char *executable = executable_of(arena, config, api->version(), err);
    if (!executable) return NULL;
    const char **path = ARENA_ARRAY(arena, const char *, dirs->count + 1);
    for (size_t i = 0; i < dirs->count; i++) path[i] = dirs->items[i];
    PythonConfig python = {.executable = executable, .path = path};
    if (!api->start(&python, err)) return NULL;
    loaded = api;
    *description = arena_printf(arena, "%s (%s)", api->version(), executable);
    return api;
}

void udf_interrupt(void) {
    if (loaded) loaded->interrupt();
}

void udf_shutdown(void) {
    if (loaded) loaded->stop();
}
