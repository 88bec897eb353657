/* Files and folders: reading, atomic writing, renaming, removing. See fs.h.
 * Paths and globs are in fs_path.c. */
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_MAX = 1000 * 1000 * 1000 };

static ErrorCode code_of(int number) {
    switch (number) {
        case ENOSPC:
        case EDQUOT:
        case EIO:
        case EFBIG: return ERR_DISK;
        case EMFILE:
        case ENFILE: return ERR_LIMIT;
        case EACCES:
        case EPERM:
        case EROFS: return ERR_PERMISSION;
        default: return ERR_FILE_MISSING;
    }
}

bool fs_error(Error *err, const char *what, const char *path) {
    int number = errno;
    error_set(err, code_of(number), SPAN_NONE, "cannot %s %s: %s", what, path, strerror(number));
    err->transient = number == EINTR || number == EAGAIN;
    return false;
}

static void close_cleanup(const int *file) {
    if (*file >= 0) close(*file);
}
#define AUTO_FD __attribute__((cleanup(close_cleanup))) int

/* -- reading ----------------------------------------------------------------------------- */

char *fs_read(Arena *arena, const char *path, size_t *size, Error *err) {
    AUTO_FD file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;
    if (file < 0 || fstat(file, &info) != 0) return fs_error(err, "read", path), NULL;
    if (S_ISDIR(info.st_mode)) {
        errno = EISDIR;
        return fs_error(err, "read", path), NULL;
    }
    /* A pipe or /proc file tells no size, so reading goes on until the end in any case. */
    size_t capacity = info.st_size > 0 && info.st_size < READ_MAX ? (size_t)info.st_size + 1 : 8192;
    size_t used = 0;
    char *data = arena_alloc(arena, capacity);
    for (;;) {
        if (used + 1 >= capacity) {
            data = arena_grow(arena, data, used, capacity * 2, 1);
            capacity *= 2;
        }
        ssize_t got = read(file, data + used, capacity - used - 1);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fs_error(err, "read", path), NULL;
        if (got == 0) break;
        used += (size_t)got;
        if (used > READ_MAX) {
            errno = EFBIG;
            return fs_error(err, "read", path), NULL;
        }
    }
    data[used] = '\0';
    if (size != NULL) *size = used;
    return data;
}

bool fs_exists(const char *path) { return access(path, F_OK) == 0; }

bool fs_is_dir(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

bool fs_stat(const char *path, int64_t *size, int64_t *mtime_us) {
    struct stat info;
    if (stat(path, &info) != 0) return false;
    *size = info.st_size;
    *mtime_us = (int64_t)info.st_mtim.tv_sec * 1000000 + info.st_mtim.tv_nsec / 1000;
    return true;
}

/* -- writing ----------------------------------------------------------------------------- */

bool fs_mkdirs(const char *path, unsigned mode, Error *err) {
    AUTO_ARENA arena = arena_new();
    char *part = arena_strdup(arena, path);
    int refused = 0;
    for (char *c = part; *c != '\0'; c++) {
        if (*c != '/' || c == part) continue;
        *c = '\0';
        /* Whether a parent could not be made shows when its child cannot. */
        bool made = mkdir(part, 0755) == 0 || errno == EEXIST;
        if (!made && errno != EACCES && errno != EROFS)
            return fs_error(err, "create the folder", part);
        refused = made ? 0 : errno;
        *c = '/';
    }
    if (*part == '\0' || mkdir(part, mode) == 0) return true;
    int number = errno;
    if (fs_is_dir(path)) return true;
    errno = number == EEXIST ? ENOTDIR : number == ENOENT && refused ? refused : number;
    return fs_error(err, "create the folder", path);
}

bool fs_write_all(int file, const char *data, size_t size) {
    while (size > 0) {
        ssize_t written = write(file, data, size);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        data += written;
        size -= (size_t)written;
    }
    return true;
}

static bool write_new(const char *path, const char *data, size_t size, unsigned mode,
                      bool synced) {
    AUTO_FD file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (file < 0) return false;
    return fs_write_all(file, data, size) && (!synced || fsync(file) == 0);
}

/* Temporaries of processes that were killed while they wrote `name`: .name.PID.tmp */
static void remove_stale(Arena *arena, const char *dir, const char *name) {
    Strings names = {0};
    Error ignored = {0};
    const char *prefix = arena_printf(arena, ".%s.", name);
    if (!fs_list(arena, dir, &names, &ignored)) return;
    for (size_t i = 0; i < names.count; i++) {
        if (!str_starts(names.items[i], prefix) || !str_ends(names.items[i], ".tmp")) continue;
        long pid = strtol(names.items[i] + strlen(prefix), NULL, 10);
        if (pid > 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH)
            unlink(fs_join(arena, dir, names.items[i]));
    }
}

static bool replace(const char *path, const char *data, size_t size, unsigned mode, bool synced,
                    Error *err) {
    AUTO_ARENA arena = arena_new();
    const char *dir = fs_dirname(arena, path);
    if (!fs_mkdirs(dir, 0755, err)) return false;
    const char *name = arena_printf(arena, ".%s.%d.tmp", fs_basename(path), (int)getpid());
    const char *temporary = fs_join(arena, dir, name);
    unlink(temporary); /* of a dead process that had our id */
    remove_stale(arena, dir, fs_basename(path));
    if (!write_new(temporary, data, size, mode, synced) || rename(temporary, path) != 0) {
        int number = errno;
        unlink(temporary);
        errno = number;
        return fs_error(err, "write", path);
    }
    return !synced || fs_fsync_path(dir, err);
}

bool fs_write_atomic(const char *path, const char *data, size_t size, unsigned mode, Error *err) {
    return replace(path, data, size, mode, true, err);
}

bool fs_write_unsynced(const char *path, const char *data, size_t size, unsigned mode, Error *err) {
    return replace(path, data, size, mode, false, err);
}

bool fs_fsync_path(const char *path, Error *err) {
    AUTO_FD file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return fs_error(err, "sync", path);
    /* Some file systems cannot sync a folder; then there is nothing more to be done. */
    if (fsync(file) != 0 && errno != EINVAL && errno != ENOTSUP && errno != EROFS)
        return fs_error(err, "sync", path);
    return true;
}

bool fs_fsync_parent(const char *path, Error *err) {
    AUTO_ARENA arena = arena_new();
    return fs_fsync_path(fs_dirname(arena, path), err);
}

bool fs_rename(const char *from, const char *to, Error *err) {
    if (rename(from, to) == 0) return true;
    AUTO_ARENA arena = arena_new();
    return fs_error(err, "rename", arena_printf(arena, "%s to %s", from, to));
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *walk) {
    (void)info, (void)kind, (void)walk;
    return remove(path) != 0 && errno != ENOENT ? -1 : 0;
}

bool fs_remove_tree(const char *path, Error *err) {
    enum { OPEN_FOLDERS = 16 };
    if (nftw(path, remove_entry, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT ||
        errno == ENOTDIR)
        return true;
    return fs_error(err, "remove", path);
}
