/* Finds local files: plain paths, folders, globs and lists of them. */
#include "connectors/files.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"

enum { MAX_DEPTH = 16, MAX_NAMED = 5 };

const FileFormat *file_format_find(const char *name) {
    static const FileFormat *const formats[] = {&csv_format, &json_format, &parquet_format};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (str_ieq(formats[i]->name, name)) return formats[i];
    return NULL;
}

typedef struct Finder {
    Arena *arena;
    const Link *link;
    const FileFormat *format;
    Strings *paths;
    Error *err;
    bool allow_none;
} Finder;

static bool has_extension(Finder *finder, const char *path) {
    const char *extension = fs_extension(finder->arena, path), *at = finder->format->extensions;
    size_t size = strlen(extension);
    while (size > 0 && *at != '\0') {
        size_t length = strcspn(at, "|");
        if (length == size && strncmp(at, extension, size) == 0) return true;
        at += length + (at[length] == '|');
    }
    return false;
}

/* Temporaries of exports and what other tools hide or write beside the data (_SUCCESS). */
static bool is_hidden(const char *name) { return *name == '.' || *name == '_'; }

static bool add_folder(Finder *finder, const char *path, int depth) {
    Strings names = {0};
    if (!fs_list(finder->arena, path, &names, finder->err)) {
        if (finder->err->code == ERR_PERMISSION) finder->err->code = ERR_FILE_PERMISSION;
        return false;
    }
    for (size_t i = 0; i < names.count; i++) {
        if (is_hidden(names.items[i])) continue;
        const char *child = fs_join(finder->arena, path, names.items[i]);
        if (fs_is_dir(child)) {
            if (depth < MAX_DEPTH && !add_folder(finder, child, depth + 1)) return false;
        } else if (has_extension(finder, child)) {
            strings_add(finder->arena, finder->paths, child);
        }
    }
    return true;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* " (did you mean 'x'?)", or the files there are. */
static void suggest(Finder *finder, const char *path) {
    const char *folder = fs_dirname(finder->arena, path);
    Strings names = {0}, shown = {0}, near = {0};
    Error ignored = {0};
    if (!fs_is_dir(folder)) {
        error_hint(finder->err, "there is no folder %s", folder);
        return;
    }
    if (!fs_list(finder->arena, folder, &names, &ignored)) return;
    for (size_t i = 0; i < names.count; i++) {
        if (is_hidden(names.items[i])) continue;
        strings_add(finder->arena, &near, names.items[i]);
        if (has_extension(finder, names.items[i]) && shown.count < MAX_NAMED)
            strings_add(finder->arena, &shown, names.items[i]);
    }
    const char *nearest = str_nearest(fs_basename(path), &near);
    if (nearest != NULL)
        error_hint(finder->err, "did you mean %s?", fs_join(finder->arena, folder, nearest));
    else if (shown.count > 0)
        error_hint(finder->err, "%s has %s", folder, strings_join(finder->arena, &shown, ", "));
    else
        error_hint(finder->err, "%s has no %s file", folder, finder->format->name);
}

static bool missing(Finder *finder, const char *path, const char *what) {
    if (finder->allow_none) return true;
    error_set(finder->err, ERR_FILE_MISSING, link_span(finder->link, "path"), "%s %s", what, path);
    suggest(finder, path);
    return false;
}

static bool add_glob(Finder *finder, const char *pattern) {
    Strings found = {0};
    size_t before = finder->paths->count;
    if (!fs_glob(finder->arena, pattern, &found, finder->err)) return false;
    for (size_t i = 0; i < found.count; i++)
        if (!is_hidden(fs_basename(found.items[i])) && !fs_is_dir(found.items[i]))
            strings_add(finder->arena, finder->paths, found.items[i]);
    return finder->paths->count > before || missing(finder, pattern, "no file matches");
}

static bool add_path(Finder *finder, const char *path) {
    if (strstr(path, "://") != NULL)
        return error_set(finder->err, ERR_UNSUPPORTED, link_span(finder->link, "path"),
                         "%s is no local path; TYPE %s reads local files", path,
                         finder->format->name) ||
               error_hint(finder->err, "for S3 use TYPE s3 with \"uri\": \"s3://…\"");
    if (fs_is_dir(path)) {
        size_t before = finder->paths->count;
        if (!add_folder(finder, path, 0)) return false;
        if (finder->paths->count > before || finder->allow_none) return true;
        error_set(finder->err, ERR_FILE_MISSING, link_span(finder->link, "path"),
                  "the folder %s has no %s file", path, finder->format->name);
        return error_hint(finder->err, "looked for names that end in %s",
                          str_replace(finder->arena, finder->format->extensions, "|", ", "));
    }
    if (fs_exists(path)) {
        strings_add(finder->arena, finder->paths, path);
        return true;
    }
    if (fs_has_glob(path)) return add_glob(finder, path);
    /* An unreadable parent folder looks like a missing file. */
    const char *parent = fs_dirname(finder->arena, path);
    if (fs_is_dir(parent) && faccessat(AT_FDCWD, parent, X_OK, AT_EACCESS) != 0)
        return error_set(finder->err, ERR_FILE_PERMISSION, link_span(finder->link, "path"),
                         "the folder %s may not be entered", parent);
    return missing(finder, path, "there is no file");
}

/* A pipe would be waited for, by DuckDB without an end, and every file is looked at first. */
static bool check_file(const Finder *finder, const char *path, bool *empty) {
    Span span = link_span(finder->link, "path");
    struct stat info;
    if (faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) != 0) {
        error_set(finder->err, ERR_FILE_PERMISSION, span, "the file %s may not be read", path);
        return error_hint(finder->err, "check its owner and mode: ls -l %s", path);
    }
    bool known = stat(path, &info) == 0;
    *empty = known && S_ISREG(info.st_mode) && info.st_size == 0;
    if (!known || S_ISREG(info.st_mode)) return true;
    error_set(finder->err, ERR_OPTION_VALUE, span,
              "%s is no regular file, and is read more than once", path);
    return error_hint(finder->err, "write what comes out of it to a file first");
}

/* Sorted, each once, readable, with something in it. */
static bool check_files(Finder *finder) {
    Strings *paths = finder->paths;
    bool allow_empty = link_bool(finder->link, "allow_empty");
    Span span = link_span(finder->link, "path");
    size_t kept = 0;
    if (paths->count > 1) qsort(paths->items, paths->count, sizeof *paths->items, compare_names);
    for (size_t i = 0; i < paths->count; i++) {
        const char *path = paths->items[i];
        bool empty = false;
        if (kept > 0 && str_eq(paths->items[kept - 1], path)) continue;
        if (!check_file(finder, path, &empty)) return false;
        if (empty && allow_empty) continue;
        if (empty)
            return error_set(finder->err, ERR_FILE_EMPTY, span, "the file %s is empty", path) ||
                   error_hint(finder->err, "\"allow_empty\": true leaves empty files out");
        paths->items[kept++] = path;
    }
    paths->count = kept;
    return true;
}

bool files_find(Session *session, const Link *link, const FileFormat *format, bool allow_none,
                Strings *paths, Error *err) {
    *paths = (Strings){0};
    Finder finder = {.arena = session->arena, .link = link, .format = format, .paths = paths,
                     .err = err, .allow_none = allow_none};
    Strings given = link_list(link, session->arena, "path");
    if (given.count == 0) {
        error_set(err, ERR_MISSING_OPTION, link->span, "the option 'path' is missing");
        return error_hint(err, "add \"path\": \"data/file.%s\"", format->name);
    }
    for (size_t i = 0; i < given.count; i++) {
        if (*given.items[i] == '\0')
            return error_set(err, ERR_OPTION_VALUE, link_span(link, "path"), "path is empty");
        if (!add_path(&finder, fs_home(session->arena, given.items[i]))) return false;
    }
    return check_files(&finder);
}
