/* The folder for what DuckDB spills to disk: one sub-folder a process, held by an flock, so that
 * what a killed process left can be told from what a running one still needs. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "engine/duck_internal.h"

static const char prefix[] = "spill-";

static int lock_dir(const char *path) {
    int file = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file < 0) return -1;
    if (flock(file, LOCK_EX | LOCK_NB) == 0) return file;
    close(file);
    return -1;
}

/* Failing to clean up is no reason not to run. */
static void remove_stale(Arena *arena, const char *parent) {
    Strings names = {0};
    Error ignored = {0};
    if (!fs_list(arena, parent, &names, &ignored)) return;
    for (size_t i = 0; i < names.count; i++) {
        if (!str_starts(names.items[i], prefix)) continue;
        const char *path = fs_join(arena, parent, names.items[i]);
        int file = lock_dir(path);
        if (file < 0) continue;
        fs_remove_tree(path, &ignored);
        close(file);
    }
}

/* A new folder may be taken for a stale one between mkdtemp and flock: then it is gone. */
static bool still_there(int file) {
    struct stat info;
    return fstat(file, &info) == 0 && info.st_nlink > 0;
}

bool duck_temp_open(Duck *duck, const char *parent, Error *err) {
    if (!fs_mkdirs(parent, 0700, err)) return false;
    remove_stale(duck->arena, parent);
    for (int tries = 0; tries < 10; tries++) {
        char *path = arena_printf(duck->arena, "%s/%sXXXXXX", parent, prefix);
        if (mkdtemp(path) == NULL) return fs_error(err, "make a folder in", parent);
        int file = lock_dir(path);
        if (file >= 0 && still_there(file)) {
            duck->temp_dir = path;
            duck->temp_lock = file;
            return true;
        }
        if (file >= 0) close(file);
    }
    errno = EAGAIN;
    return fs_error(err, "make a folder in", parent);
}

void duck_temp_close(Duck *duck) {
    if (duck->temp_dir == NULL) return;
    Error ignored = {0};
    fs_remove_tree(duck->temp_dir, &ignored);
    close(duck->temp_lock);
    duck->temp_dir = NULL;
}
