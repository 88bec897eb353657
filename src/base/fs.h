/* Files: reading, atomic writing, folders, globbing, paths. Errors carry the path and the
 * system's reason; ENOSPC, EIO and the like are ERR_DISK, EMFILE and ENFILE ERR_LIMIT, EACCES,
 * EPERM and EROFS ERR_PERMISSION. */
#ifndef SQLFLOW_BASE_FS_H
#define SQLFLOW_BASE_FS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

/* Whole file, NUL-terminated in the arena; *size may be NULL. Files over 1 GB are refused. */
char *fs_read(Arena *arena, const char *path, size_t *size, Error *err);
/* Temporary file beside `path`, fsync, rename, fsync of the folder. Makes missing folders. */
bool fs_write_atomic(const char *path, const char *data, size_t size, unsigned mode, Error *err);
/* The same without a wait for the disk: no reader sees half a file, a power cut may lose it. */
bool fs_write_unsynced(const char *path, const char *data, size_t size, unsigned mode, Error *err);
/* All bytes to an open file; false with errno set. */
bool fs_write_all(int file, const char *data, size_t size);
/* mkdir -p. */
bool fs_mkdirs(const char *path, unsigned mode, Error *err);
bool fs_exists(const char *path);
bool fs_is_dir(const char *path);
/* false when there is no such file; sizes in bytes, mtime in microseconds since the epoch. */
bool fs_stat(const char *path, int64_t *size, int64_t *mtime_us);
bool fs_fsync_path(const char *path, Error *err); /* file or folder */
bool fs_fsync_parent(const char *path, Error *err);
bool fs_rename(const char *from, const char *to, Error *err);
/* Removes a file or a whole folder; a missing one is fine. */
bool fs_remove_tree(const char *path, Error *err);

const char *fs_join(Arena *arena, const char *dir, const char *name); /* name may be absolute */
const char *fs_dirname(Arena *arena, const char *path);
const char *fs_basename(const char *path);
/* Extension without dot in lower case, looking through .gz and .zst ("csv" for x.CSV.gz). */
const char *fs_extension(Arena *arena, const char *path);
const char *fs_home(Arena *arena, const char *path);     /* ~/x below HOME; others as they are */
const char *fs_absolute(Arena *arena, const char *path); /* lexically cleaned, links not resolved */
/* Absolute, with all links resolved; what is not there yet stays as it is. */
const char *fs_real(Arena *arena, const char *path);
/* What a symbolic link leads to, there or not; the path itself when it is none. Links among its
 * folders stay. */
const char *fs_follow(Arena *arena, const char *path);

/* Names in a folder, sorted; false when it cannot be read. Without "." and "..". */
bool fs_list(Arena *arena, const char *dir, Strings *names, Error *err);
/* Files that match a glob (*, ?, [], **), sorted. None is no error. */
bool fs_glob(Arena *arena, const char *pattern, Strings *paths, Error *err);
bool fs_has_glob(const char *path);

/* Sets err by errno: "cannot {what} {path}: reason". Returns false. */
bool fs_error(Error *err, const char *what, const char *path);

#endif
