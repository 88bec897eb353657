/* `sqlflow udf path`: the Python package that the program carries, as files for PYTHONPATH. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/embed.h"
#include "base/fs.h"
#include "udf/udf.h"

#define PACKAGE_PREFIX "udf/python/pkg/"

/* Of the user's cache; NULL when there is no such place. */
static const char *cache_folder(Arena *arena) {
    const char *given = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (given && *given == '/') return fs_join(arena, given, "sqlflow/python");
    if (home && *home) return fs_join(arena, home, ".cache/sqlflow/python");
    return NULL;
}

/* Without a home that can be written: a folder that is this user's alone, since Python runs what
 * lies in it. */
static const char *own_temporary(Arena *arena, Error *err) {
    const char *temporary = getenv("TMPDIR");
    if (!temporary || *temporary != '/') temporary = "/tmp";
    const char *folder = arena_printf(arena, "%s/sqlflow-%u", temporary, (unsigned)getuid());
    struct stat found;
    if (!fs_mkdirs(folder, 0700, err)) return NULL;
    if (lstat(folder, &found) == 0 && S_ISDIR(found.st_mode) && found.st_uid == getuid() &&
        !(found.st_mode & (S_IWGRP | S_IWOTH)))
        return fs_join(arena, folder, "python");
    error_set(err, ERR_PERMISSION, SPAN_NONE, "%s is not a folder of this user alone", folder);
    error_hint(err, "set XDG_CACHE_HOME to a folder that can be written");
    return NULL;
}

static bool is_same(Arena *arena, const char *path, const EmbeddedFile *file) {
    size_t size = 0;
    Error err;
    const char *text = fs_exists(path) ? fs_read(arena, path, &size, &err) : NULL;
    return text && size == file->size && memcmp(text, file->data, size) == 0;
}

static bool write_package(Arena *arena, const char *folder, Error *err) {
    for (size_t i = 0; i < embedded_files_count; i++) {
        const EmbeddedFile *file = &embedded_files[i];
        if (!str_starts(file->name, PACKAGE_PREFIX)) continue;
        const char *path = fs_join(arena, folder, file->name + strlen(PACKAGE_PREFIX));
        if (is_same(arena, path, file)) continue;
        if (!fs_write_atomic(path, (const char *)file->data, file->size, 0644, err)) return false;
    }
    return true;
}

const char *udf_package_path(Arena *arena, Error *err) {
    const char *cache = cache_folder(arena);
    const char *folder = cache ? arena_printf(arena, "%s-%s", cache, SQLFLOW_VERSION) : NULL;
    if (folder && write_package(arena, folder, err)) return folder;
    const char *temporary = own_temporary(arena, err);
    if (!temporary) return NULL;
    folder = arena_printf(arena, "%s-%s", temporary, SQLFLOW_VERSION);
    return write_package(arena, folder, err) ? folder : NULL;
}
