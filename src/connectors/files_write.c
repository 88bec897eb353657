/* Staging an export to a local file or folder: written by COPY under a temporary name beside the
 * destination and synced. files_publish.c puts it in place. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "connectors/files_stage.h"

/* Larger files are told apart by their size alone: reading them again costs too much. */
enum { HASH_MAX = 256 * 1024 * 1024 };
#define HASH_PRIME UINT64_C(0x9E3779B97F4A7C15)

static const char *real_destination(Arena *arena, const char *path) {
    struct stat info;
    if (lstat(path, &info) != 0 || !S_ISLNK(info.st_mode)) return path;
    char *target = realpath(path, NULL);
    if (target == NULL) return path;
    const char *copy = arena_strdup(arena, target);
    free(target);
    return copy;
}

static StagePaths stage_paths(Arena *arena, const WriteSpec *spec) {
    size_t size = strlen(spec->destination);
    while (size > 1 && spec->destination[size - 1] == '/') size--;
    const char *path = real_destination(arena, arena_strndup(arena, spec->destination, size));
    const char *folder = fs_dirname(arena, path);
    const char *name = arena_printf(arena, ".%s.sqlflow-%s.tmp", fs_basename(path),
                                    spec->export_id);
    return (StagePaths){.destination = path, .folder = folder,
                        .staged = fs_join(arena, folder, name),
                        .marker = arena_printf(arena, ".sqlflow-%s", spec->export_id)};
}

StagePaths staged_paths(Arena *arena, const WriteSpec *spec, const Staged *staged) {
    StagePaths paths = stage_paths(arena, spec);
    if (staged->file == NULL) return paths;
    const char *name = fs_basename(staged->file), *end = strstr(name, paths.marker);
    if (end == NULL) return paths;
    paths.staged = staged->file;
    paths.folder = fs_dirname(arena, staged->file);
    paths.destination = fs_join(arena, paths.folder,
                                arena_strndup(arena, name + 1, (size_t)(end - name) - 1));
    return paths;
}

static bool touch(const char *path) {
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (file >= 0) close(file);
    return file >= 0;
}

/* As mkdir would have made it before the umask became 0077. */
static mode_t folder_mode(Session *session) {
    mode_t mode = duck_file_mode(session->duck);
    return mode | (mode & 0444) >> 2;
}

static bool make_folder(Session *session, const StagePaths *paths, const char *folder, Error *err) {
    if (mkdir(folder, 0700) != 0) return errno == EEXIST || fs_error(err, "make", folder);
    if (chmod(folder, folder_mode(session)) != 0 ||
        !touch(fs_join(session->arena, folder, paths->marker)))
        return fs_error(err, "make", folder);
    return fs_fsync_parent(folder, err);
}

/* Makes the missing folders, each with the marker in it. */
static bool make_folders(Session *session, const StagePaths *paths, Error *err) {
    Arena *arena = session->arena;
    Strings missing = {0};
    for (const char *at = paths->folder; !fs_exists(at); at = fs_dirname(arena, at))
        strings_add(arena, &missing, at);
    for (size_t i = missing.count; i-- > 0;)
        if (!make_folder(session, paths, missing.items[i], err)) return false;
    return fs_is_dir(paths->folder) ||
           error_set(err, ERR_EXPORT, SPAN_NONE, "%s is no folder", paths->folder);
}

void stage_settle_folders(Arena *arena, const StagePaths *paths, bool remove) {
    /* All the way up: a process killed here has left some of the markers. */
    for (const char *folder = paths->folder;; folder = fs_dirname(arena, folder)) {
        bool was_made = unlink(fs_join(arena, folder, paths->marker)) == 0;
        if (was_made && remove) rmdir(folder); /* stays when something else is in it */
        if (str_eq(folder, ".") || str_eq(folder, "/")) return;
    }
}

const char *files_compression(const Link *link, const char *destination) {
    const char *given = link_text(link, "compression");
    if (given != NULL && !str_ieq(given, "auto"))
        return str_ieq(given, "none") ? "uncompressed" : given;
    if (str_iends(destination, ".gz")) return "gzip";
    return str_iends(destination, ".zst") ? "zstd" : "uncompressed";
}

bool files_writes_folder(Arena *arena, const Link *link) {
    return link_names(link, arena, "partition_by").count > 0 ||
           link_bool(link, "per_thread_output");
}

static void put_partitions(Buf *sql, const Link *link) {
    Strings columns = link_names(link, sql->arena, "partition_by");
    if (columns.count == 0) return;
    buf_puts(sql, ", PARTITION_BY (");
    for (size_t i = 0; i < columns.count; i++) {
        if (i > 0) buf_puts(sql, ", ");
        buf_ident(sql, columns.items[i]);
    }
    buf_putc(sql, ')');
}

static const char *copy_sql(Arena *arena, const Link *link, const StagePaths *paths,
                            const char *query) {
    const FileFormat *format = file_format_find(link->connector->name);
    size_t size = strlen(query);
    while (size > 0 && strchr("; \t\r\n", query[size - 1]) != NULL) size--;
    Buf sql = buf_on(arena);
    Strings partitions = link_names(link, arena, "partition_by");
    const char *bare = arena_strndup(arena, query, size);
    buf_printf(&sql, "COPY (\n%s\n) TO ", files_partitioned(arena, &partitions, bare));
    buf_literal(&sql, paths->staged);
    buf_puts(&sql, " (");
    format->copy_options(&sql, link, paths->destination);
    put_partitions(&sql, link);
    if (link_bool(link, "per_thread_output")) buf_puts(&sql, ", PER_THREAD_OUTPUT true");
    if (!files_writes_folder(arena, link)) buf_puts(&sql, ", USE_TMP_FILE false");
    buf_putc(&sql, ')');
    return buf_text(&sql);
}

static bool is_own_database(Session *session, const struct stat *info) {
    const char *path = NULL;
    struct stat database;
    Error err = {0};
    return duck_text(session->duck, session->arena,
                     "SELECT coalesce(max(path), '') FROM duckdb_databases() WHERE NOT internal",
                     &path, &err) &&
           stat(path, &database) == 0 && database.st_dev == info->st_dev &&
           database.st_ino == info->st_ino;
}

/* What is there already must be something that an export may replace. */
static bool check_destination(Session *session, const Link *link, const StagePaths *paths,
                              Error *err) {
    Arena *arena = session->arena;
    struct stat info;
    if (stat(paths->destination, &info) != 0) return true;
    if (is_own_database(session, &info)) {
        error_set(err, ERR_EXPORT, link->span, "%s is the database of this run",
                  paths->destination);
        return error_hint(err, "give the export a file of its own");
    }
    bool folder = files_writes_folder(arena, link);
    if (folder && S_ISDIR(info.st_mode)) return stage_may_replace(arena, link, paths, err);
    if (!folder && S_ISREG(info.st_mode)) return true;
    if (S_ISDIR(info.st_mode)) {
        error_set(err, ERR_EXPORT, link->span, "%s is a folder", paths->destination);
        return error_hint(err, "name a file in it, such as %s/export.%s", paths->destination,
                          link->connector->name);
    }
    return error_set(err, ERR_EXPORT, link->span, "%s is %s, which an export cannot replace",
                     paths->destination, folder ? "a file" : "no regular file");
}

/* xxHash's idea in its simplest form: eight bytes at a time, multiplied and rotated. */
static uint64_t hash_words(uint64_t hash, const unsigned char *data, size_t size) {
    for (; size >= 8; data += 8, size -= 8) {
        uint64_t word;
        memcpy(&word, data, 8);
        hash = (hash ^ word) * HASH_PRIME;
        hash = hash << 31 | hash >> 33;
    }
    for (; size > 0; data++, size--) hash = (hash ^ *data) * HASH_PRIME;
    return hash;
}

/* Read in blocks: mapped, the whole file would count as memory of the process. */
static const char *hash_file(Arena *arena, const char *path, int64_t size) {
    unsigned char block[64 * 1024];
    if (size > HASH_MAX) return NULL;
    FILE *file = fopen(path, "rbe");
    if (file == NULL) return NULL;
    setvbuf(file, NULL, _IONBF, 0);
    uint64_t hash = (uint64_t)size * HASH_PRIME;
    size_t got, left = (size_t)size;
    while ((got = fread(block, 1, left < sizeof block ? left : sizeof block, file)) > 0) {
        hash = hash_words(hash, block, got);
        left -= got;
    }
    fclose(file);
    return left > 0 ? NULL : arena_printf(arena, "%016" PRIx64, hash ^ hash >> 29);
}

bool stage_measure(Arena *arena, const char *path, Staged *staged, Error *err) {
    Strings names = {0};
    int64_t mtime;
    if (!fs_is_dir(path)) {
        if (!fs_stat(path, &staged->bytes, &mtime)) return fs_error(err, "read", path);
        staged->hash = hash_file(arena, path, staged->bytes);
        return true;
    }
    if (!fs_list(arena, path, &names, err)) return false;
    staged->bytes = 0;
    for (size_t i = 0; i < names.count; i++) {
        Staged child = {0};
        if (!stage_measure(arena, fs_join(arena, path, names.items[i]), &child, err)) return false;
        staged->bytes += child.bytes;
    }
    return true;
}

static bool finish_file(Session *session, const StagePaths *paths, Staged *staged, Error *err) {
    struct stat before;
    mode_t mode = stat(paths->destination, &before) == 0 ? before.st_mode & 07777
                                                         : duck_file_mode(session->duck);
    if (chmod(paths->staged, mode) != 0) return fs_error(err, "write", paths->staged);
    return stage_measure(session->arena, paths->staged, staged, err) &&
           fs_fsync_path(paths->staged, err);
}

static bool finish_folder(Session *session, const char *path, Staged *staged, Error *err) {
    Strings names = {0};
    if (!fs_list(session->arena, path, &names, err)) return false;
    mode_t mode = duck_file_mode(session->duck);
    if (chmod(path, folder_mode(session)) != 0) return fs_error(err, "write", path);
    for (size_t i = 0; i < names.count; i++) {
        const char *child = fs_join(session->arena, path, names.items[i]);
        int64_t size, mtime;
        if (fs_is_dir(child)) {
            if (!finish_folder(session, child, staged, err)) return false;
            continue;
        }
        if (chmod(child, mode) != 0 || !fs_stat(child, &size, &mtime))
            return fs_error(err, "write", child);
        staged->bytes += size;
        if (!fs_fsync_path(child, err)) return false;
    }
    return fs_fsync_path(path, err);
}

/* With partitions and no rows DuckDB makes no folder at all. */
static bool finish(Session *session, const Link *link, const StagePaths *paths, Staged *staged,
                   Error *err) {
    if (!files_writes_folder(session->arena, link)) return finish_file(session, paths, staged, err);
    staged->bytes = 0;
    if (!fs_exists(paths->staged) && !fs_mkdirs(paths->staged, 0777, err)) return false;
    if (!touch(fs_join(session->arena, paths->staged, paths->marker)))
        return fs_error(err, "write", paths->staged);
    return finish_folder(session, paths->staged, staged, err);
}

static bool run_copy(Session *session, const Link *link, const StagePaths *paths,
                     const char *query, Staged *staged, Error *err) {
    const char *sql = copy_sql(session->arena, link, paths, query);
    if (duck_exec(session->duck, sql, &staged->rows, err)) return true;
    if (err->code == ERR_PERMISSION) err->code = ERR_FILE_PERMISSION;
    return false;
}

bool files_checked(Session *session, const Link *link, const WriteSpec *spec, const char *query,
                   const char **checked, Error *err) {
    (void)spec;
    return file_format_find(link->connector->name)->checked(session, link, query, checked, err);
}

bool files_stage(Session *session, const Link *link, const WriteSpec *spec, const char *query,
                 Staged *staged, Error *err) {
    StagePaths paths = stage_paths(session->arena, spec);
    const char *file = fs_join(session->arena, fs_absolute(session->arena, "."), paths.staged);
    *staged = (Staged){.file = file, .rows = -1, .bytes = -1};
    bool ok = check_destination(session, link, &paths, err) &&
              make_folders(session, &paths, err) &&
              run_copy(session, link, &paths, query, staged, err) &&
              finish(session, link, &paths, staged, err);
    if (ok) return true;
    Error ignored = {0};
    files_unstage(session, spec, staged, &ignored);
    return false;
}
