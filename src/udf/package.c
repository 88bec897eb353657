/* `sqlflow udf path`: the Python package that the program carries, as files for PYTHONPATH. */
#include <stdlib.h>
#include <string.h>

#include "base/embed.h"
#include "base/fs.h"
#include "udf/udf.h"

#define PACKAGE_PREFIX "udf/python/pkg/"

static const char *cache_folder(Arena *arena) {
    const char *given = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (given && *given == '/') return fs_join(arena, given, "sqlflow/python");
    if (home && *home) return fs_join(arena, home, ".cache/sqlflow/python");
    return "/tmp/sqlflow-python";
}

static bool is_same(Arena *arena, const char *path, const EmbeddedFile *file) {
    size_t size = 0;
    Error err;
    const char *text = fs_exists(path) ? fs_read(arena, path, &size, &err) : NULL;
    return text && size == file->size && memcmp(text, file->data, size) == 0;
}

const char *udf_package_path(Arena *arena, Error *err) {
    const char *folder = arena_printf(arena, "%s-%s", cache_folder(arena), SQLFLOW_VERSION);
    for (size_t i = 0; i < embedded_files_count; i++) {
        const EmbeddedFile *file = &embedded_files[i];
        if (!str_starts(file->name, PACKAGE_PREFIX)) continue;
        const char *path = fs_join(arena, folder, file->name + strlen(PACKAGE_PREFIX));
        if (is_same(arena, path, file)) continue;
        if (!fs_write_atomic(path, (const char *)file->data, file->size, 0644, err)) return NULL;
    }
    return folder;
}
