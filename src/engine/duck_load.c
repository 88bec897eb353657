/* Opens libduckdb.so when the first Duck is opened, so that commands that need no database start
 * at once, and finds the files of the installation (library, modules, extensions). */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "engine/duck_internal.h"

struct DuckApi duck_api;

static void *library;
static pthread_mutex_t load_mutex = PTHREAD_MUTEX_INITIALIZER;

static const char *const api_names[] = {
#define API_FN(name) #name,
#include "duck_api_names.inc"
#undef API_FN
};

static const char *program_dir(Arena *arena) {
    char path[4096];
    ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);
    if (size <= 0) return ".";
    path[size] = '\0';
    return fs_dirname(arena, path);
}

/* The installed layout (bin/ beside lib/sqlflow/) and that of a checkout (build/VARIANT/). */
static Strings search_dirs(Arena *arena) {
    Strings dirs = {0};
    const char *given = getenv("SQLFLOW_LIB_DIR");
    if (given != NULL && *given != '\0') {
        strings_add(arena, &dirs, given);
        strings_add(arena, &dirs, fs_join(arena, given, ".."));
    }
    const char *program = program_dir(arena);
    static const char *const below[] = {".", "../lib/sqlflow", "../../third_party/duckdb/lib",
                                        "../../third_party/duckdb"};
    for (size_t i = 0; i < sizeof below / sizeof *below; i++)
        strings_add(arena, &dirs, fs_join(arena, program, below[i]));
    return dirs;
}

const char *duck_library_path(Arena *arena, const char *file_name) {
    Strings dirs = search_dirs(arena);
    for (size_t i = 0; i < dirs.count; i++) {
        const char *path = fs_join(arena, dirs.items[i], file_name);
        if (fs_exists(path)) return path;
    }
    return NULL;
}

static bool load(Error *err) {
    AUTO_ARENA arena = arena_new();
    const char *path = duck_library_path(arena, "libduckdb.so");
    if (path == NULL) {
        Strings dirs = search_dirs(arena);
        error_set(err, ERR_LIBRARY, SPAN_NONE, "libduckdb.so was not found in %s",
                  strings_join(arena, &dirs, ", "));
        return error_hint(err, "set SQLFLOW_LIB_DIR to its folder, or install sqlflow again");
    }
    /* Binding all symbols at once takes longer than opening a database. */
    void *opened = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
    if (opened == NULL)
        return error_set(err, ERR_LIBRARY, SPAN_NONE, "cannot load %s: %s", path, dlerror());
    void *functions[sizeof api_names / sizeof *api_names];
    const char *missing = NULL;
    for (size_t i = 0; i < sizeof api_names / sizeof *api_names; i++)
        if ((functions[i] = dlsym(opened, api_names[i])) == NULL) missing = api_names[i];
    if (missing != NULL) {
        dlclose(opened);
        return error_set(err, ERR_LIBRARY, SPAN_NONE,
                         "%s has no function %s: it is not DuckDB %s", path, missing,
                         SQLFLOW_DUCKDB_VERSION);
    }
    /* The table holds one pointer a function, in the order of the names. */
    _Static_assert(sizeof duck_api == sizeof functions, "duck_api.h and its names differ");
    memcpy(&duck_api, functions, sizeof functions);
    library = opened;
    return true;
}

bool duck_library_load(Error *err) {
    pthread_mutex_lock(&load_mutex);
    bool ok = library != NULL || load(err);
    pthread_mutex_unlock(&load_mutex);
    return ok;
}

const char *duck_library_version(void) {
    return library == NULL ? NULL : duckdb_library_version();
}

bool duck_load_extension(Duck *duck, const char *name, Error *err) {
    AUTO_ARENA arena = arena_new();
    const char *file = arena_printf(arena, "extensions/%s.duckdb_extension", name);
    const char *path = duck_library_path(arena, file);
    if (path == NULL)
        return error_set(err, ERR_LIBRARY, SPAN_NONE,
                         "the extension %s is not part of this installation (%s)", name, file);
    if (duck_execf(duck, err, "LOAD %s", sql_literal(arena, path))) return true;
    err->code = ERR_LIBRARY;
    return error_prefix(err, "cannot load the extension %s: ", name);
}
