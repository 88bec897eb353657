/* Paths, folder listings and globs. See fs.h.
 * Globbing is our own because glob(3) has no `**`. */
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"

/* -- paths ------------------------------------------------------------------------------- */

const char *fs_join(Arena *arena, const char *dir, const char *name) {
    if (*name == '/' || *dir == '\0' || strcmp(dir, ".") == 0) return arena_strdup(arena, name);
    return arena_printf(arena, "%s%s%s", dir, str_ends(dir, "/") ? "" : "/", name);
}

const char *fs_dirname(Arena *arena, const char *path) {
    const char *slash = strrchr(path, '/');
    if (slash == NULL) return ".";
    while (slash > path && slash[-1] == '/') slash--;
    return slash == path ? "/" : arena_strndup(arena, path, (size_t)(slash - path));
}

const char *fs_basename(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

const char *fs_follow(Arena *arena, const char *path) {
    enum { MOST_LINKS = 40 }; /* the system's own limit */
    char target[4096];
    for (int i = 0; i < MOST_LINKS; i++) {
        ssize_t size = readlink(path, target, sizeof target - 1);
        if (size < 0) break;
        target[size] = '\0';
        path = fs_join(arena, fs_dirname(arena, path), target);
    }
    return path;
}

const char *fs_extension(Arena *arena, const char *path) {
    const char *name = fs_basename(path);
    size_t size = strlen(name);
    if (str_iends(name, ".gz"))
        size -= 3;
    else if (str_iends(name, ".zst"))
        size -= 4;
    char *stem = arena_strndup(arena, name, size);
    const char *dot = strrchr(stem, '.');
    return dot == NULL || dot == stem ? "" : str_lower(arena, dot + 1);
}

const char *fs_home(Arena *arena, const char *path) {
    const char *home = path[0] == '~' && path[1] == '/' ? getenv("HOME") : NULL;
    return home == NULL || *home == '\0' ? path : fs_join(arena, home, path + 2);
}

const char *fs_absolute(Arena *arena, const char *path) {
    Buf full = buf_on(arena);
    if (*path != '/') {
        char *here = getcwd(NULL, 0);
        buf_puts(&full, here == NULL ? "" : here);
        free(here);
        buf_putc(&full, '/');
    }
    buf_puts(&full, path);
    Strings parts = {0};
    for (const char *c = buf_text(&full); *c != '\0';) {
        size_t size = strcspn(c, "/");
        if (size == 2 && c[0] == '.' && c[1] == '.')
            parts.count -= parts.count > 0;
        else if (size > 0 && !(size == 1 && c[0] == '.'))
            strings_add(arena, &parts, arena_strndup(arena, c, size));
        c += size;
        c += *c == '/';
    }
    return arena_printf(arena, "/%s", strings_join(arena, &parts, "/"));
}

const char *fs_real(Arena *arena, const char *path) {
    const char *full = fs_absolute(arena, fs_follow(arena, path));
    char *real = realpath(full, NULL);
    const char *found = real == NULL ? NULL : arena_strdup(arena, real);
    free(real);
    if (found != NULL || str_eq(full, "/")) return found == NULL ? full : found;
    return fs_join(arena, fs_real(arena, fs_dirname(arena, full)), fs_basename(full));
}

/* -- folders ----------------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void close_dir(DIR **dir) {
    if (*dir != NULL) closedir(*dir);
}

bool fs_list(Arena *arena, const char *path, Strings *names, Error *err) {
    __attribute__((cleanup(close_dir))) DIR *dir = opendir(path);
    if (dir == NULL) return fs_error(err, "list", path);
    *names = (Strings){0};
    errno = 0;
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL; errno = 0) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        strings_add(arena, names, arena_strdup(arena, entry->d_name));
    }
    if (errno != 0) return fs_error(err, "list", path);
    if (names->count > 1) qsort(names->items, names->count, sizeof *names->items, compare_names);
    return true;
}

/* -- globs ------------------------------------------------------------------------------- */

typedef struct Glob {
    Arena *arena;
    Strings parts; /* of the pattern, between slashes */
    Strings *found;
    Error *err;
} Glob;

static bool walk(const Glob *glob, const char *dir, size_t at);

static bool is_link(const char *path) {
    struct stat info;
    return lstat(path, &info) == 0 && S_ISLNK(info.st_mode);
}

static bool descend(const Glob *glob, const char *dir, const char *name, size_t at) {
    const char *path = *dir == '\0' ? name : fs_join(glob->arena, dir, name);
    if (at + 1 < glob->parts.count) return !fs_is_dir(path) || walk(glob, path, at + 1);
    if (fs_exists(path) && !fs_is_dir(path)) strings_add(glob->arena, glob->found, path);
    return true;
}

/* `**`: the folder itself and all below it; links to folders are not followed, they may loop. */
static bool walk_deep(const Glob *glob, const char *dir, const Strings *names, size_t at) {
    bool last = at + 1 == glob->parts.count;
    if (!last && !walk(glob, dir, at + 1)) return false;
    for (size_t i = 0; i < names->count; i++) {
        const char *name = names->items[i];
        if (name[0] == '.') continue;
        const char *path = *dir == '\0' ? name : fs_join(glob->arena, dir, name);
        if (fs_is_dir(path)) {
            if (!is_link(path) && !walk(glob, path, at)) return false;
        } else if (last) {
            strings_add(glob->arena, glob->found, path);
        }
    }
    return true;
}

static bool walk(const Glob *glob, const char *dir, size_t at) {
    const char *part = glob->parts.items[at];
    if (!fs_has_glob(part)) return descend(glob, dir, part, at);
    const char *folder = *dir == '\0' ? "." : dir;
    if (!fs_is_dir(folder)) return true;
    Strings names;
    if (!fs_list(glob->arena, folder, &names, glob->err)) return false;
    if (strcmp(part, "**") == 0) return walk_deep(glob, dir, &names, at);
    for (size_t i = 0; i < names.count; i++)
        if (fnmatch(part, names.items[i], FNM_PERIOD) == 0 &&
            !descend(glob, dir, names.items[i], at))
            return false;
    return true;
}

bool fs_glob(Arena *arena, const char *pattern, Strings *paths, Error *err) {
    Glob glob = {.arena = arena, .found = paths, .err = err};
    *paths = (Strings){0};
    for (const char *c = pattern; *c != '\0'; c += *c == '/') {
        size_t size = strcspn(c, "/");
        if (size > 0) strings_add(arena, &glob.parts, arena_strndup(arena, c, size));
        c += size;
    }
    if (glob.parts.count == 0) return true;
    if (!walk(&glob, *pattern == '/' ? "/" : "", 0)) return false;
    if (paths->count > 1) qsort(paths->items, paths->count, sizeof *paths->items, compare_names);
    size_t kept = 0; /* several ** can reach a file in several ways */
    for (size_t i = 0; i < paths->count; i++)
        if (kept == 0 || strcmp(paths->items[kept - 1], paths->items[i]) != 0)
            paths->items[kept++] = paths->items[i];
    paths->count = kept;
    return true;
}

bool fs_has_glob(const char *path) { return strpbrk(path, "*?[") != NULL; }
