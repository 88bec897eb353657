/* Publishing what was staged for a local file or folder: one rename, synced. Done again after a
 * crash it finds out what is done already. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "connectors/files_stage.h"

/* What was staged is gone: an earlier try put it in place if it is what lies there now. */
static bool already_there(Arena *arena, const StagePaths *paths, const Staged *staged,
                          Receipt *receipt, Error *err) {
    Staged there = {.bytes = -1};
    Error ignored = {0};
    receipt->already_done = stage_measure(arena, paths->destination, &there, &ignored) &&
                            there.bytes == staged->bytes && str_eq(there.hash, staged->hash);
    if (receipt->already_done) return true;
    error_set(err, ERR_EXPORT, SPAN_NONE, "the staged file %s is gone", paths->staged);
    return error_hint(err, "somebody removed it; without it the export can only be given up");
}

/* A folder is replaced as a whole, so it must hold nothing but an export's files. */
static bool only_data(Arena *arena, const Link *link, const char *folder, const char **other) {
    const FileFormat *format = file_format_find(link->connector->name);
    Strings names = {0};
    Error ignored = {0};
    if (!fs_list(arena, folder, &names, &ignored)) return false;
    for (size_t i = 0; i < names.count; i++) {
        const char *child = fs_join(arena, folder, names.items[i]);
        if (str_starts(names.items[i], ".sqlflow-")) continue;
        bool ok = fs_is_dir(child) ? strchr(names.items[i], '=') != NULL &&
                                         only_data(arena, link, child, other)
                                   : strstr(names.items[i], format->name) != NULL;
        if (ok) continue;
        if (*other == NULL) *other = child;
        return false;
    }
    return true;
}

bool stage_may_replace(Arena *arena, const Link *link, const StagePaths *paths, Error *err) {
    const char *other = NULL;
    if (only_data(arena, link, paths->destination, &other)) return true;
    error_set(err, ERR_EXPORT, link->span, "the folder %s holds %s, which no export wrote",
              paths->destination, other == NULL ? "something unreadable" : other);
    return error_hint(err, "an export replaces its folder: give it one of its own");
}

/* Swaps both in one step; where the file system cannot, there is a moment with neither. */
static bool swap(Arena *arena, const StagePaths *paths, Error *err) {
    if (renameat2(AT_FDCWD, paths->staged, AT_FDCWD, paths->destination, RENAME_EXCHANGE) == 0)
        return true;
    if (errno != EINVAL && errno != ENOSYS)
        return fs_error(err, "replace", paths->destination);
    const char *old = arena_printf(arena, "%s.old", paths->staged);
    return fs_rename(paths->destination, old, err) &&
           fs_rename(paths->staged, paths->destination, err) &&
           fs_rename(old, paths->staged, err);
}

static bool publish_folder(Arena *arena, const Link *link, const StagePaths *paths,
                           Receipt *receipt, Error *err) {
    const char *mark = fs_join(arena, paths->destination, paths->marker);
    if (fs_exists(mark)) {
        receipt->already_done = true; /* an earlier try came this far */
    } else if (!fs_exists(paths->destination)) {
        if (!fs_rename(paths->staged, paths->destination, err)) return false;
    } else if (!stage_may_replace(arena, link, paths, err) || !swap(arena, paths, err)) {
        return false;
    }
    if (!fs_fsync_parent(paths->destination, err) || !fs_remove_tree(paths->staged, err))
        return false;
    return unlink(mark) == 0 || errno == ENOENT || fs_error(err, "remove", mark);
}

bool files_publish(Session *session, const Link *link, const WriteSpec *spec, const Staged *staged,
                   Receipt *receipt, Error *err) {
    Arena *arena = session->arena;
    StagePaths paths = staged_paths(arena, spec, staged);
    *receipt = (Receipt){.rows = staged->rows, .bytes = staged->bytes};
    /* Never replace the destination by something that is not what was staged. */
    int64_t size, mtime;
    bool there = fs_stat(paths.staged, &size, &mtime);
    bool folder = fs_is_dir(paths.staged) ||
                  fs_exists(fs_join(arena, paths.destination, paths.marker));
    if (there && !folder && staged->bytes >= 0 && size != staged->bytes)
        return error_set(err, ERR_EXPORT, SPAN_NONE, "the staged file %s was changed",
                         paths.staged);
    bool ok = folder   ? publish_folder(arena, link, &paths, receipt, err)
              : !there ? already_there(arena, &paths, staged, receipt, err)
                       : fs_rename(paths.staged, paths.destination, err) &&
                             fs_fsync_parent(paths.destination, err);
    if (err->code == ERR_PERMISSION) err->code = ERR_FILE_PERMISSION;
    if (ok) stage_settle_folders(arena, &paths, false);
    return ok;
}

bool files_unstage(Session *session, const WriteSpec *spec, const Staged *staged, Error *err) {
    StagePaths paths = staged_paths(session->arena, spec, staged);
    if (!fs_remove_tree(paths.staged, err)) return false;
    stage_settle_folders(session->arena, &paths, true);
    return true;
}
